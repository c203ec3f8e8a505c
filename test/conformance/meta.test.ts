/**
 * RFC 3875 §4.1 on the wire: every meta-variable with the value the RFC asks for, there when it must be and not there when it
 * must not; which header fields become variables (§4.1.18, §9.2) and which never do; an environment built from nothing; and
 * §3.3: the URL put together from the variables leads back to the same script with the same variables.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgi, createServer } from '../../src/index.js';
import { type House, type HouseOptions, house } from '../support/house.js';
import { get, talk, Wire } from '../support/wire.js';
import { chunked, environment, lines, variableBytes, variables } from './programs.js';

/** A value, a pattern, or undefined: the variable must not exist. */
type Wanted = Record<string, string | RegExp | undefined>;

interface Row {
  why: string;
  /** The request line and the fields, exactly. */
  head: string[];
  body?: string | Buffer;
  want: Wanted;
}

async function home(t: TestContext, options: HouseOptions = {}): Promise<House> {
  const h = await house({ ...options, scripts: { env: environment, 'sub/deep/env': environment, ...options.scripts } });
  t.after(() => h.stop());
  return h;
}

async function ask(h: House, head: string[], body: string | Buffer = ''): Promise<Map<string, string>> {
  return variables(await talk(h.port, Buffer.concat([lines(...head), Buffer.from(body)])));
}

function check(vars: ReadonlyMap<string, string>, want: Wanted): void {
  for (const [name, value] of Object.entries(want)) {
    const got = vars.get(name);
    if (value instanceof RegExp) assert.match(got ?? '(not set)', value, name);
    else assert.equal(got, value, name);
  }
}

function table(title: string, rows: Row[], options?: HouseOptions): void {
  test(`meta: ${title}`, async (t) => {
    const h = await home(t, options);
    for (const { why, head, body, want } of rows) await t.test(why, async () => check(await ask(h, head, body), want));
  });
}

const host = 'Host: localhost';
const simple = 'GET /cgi-bin/env HTTP/1.1';

// --- §4.1.1 to §4.1.17, in the RFC's order ------------------------------------------------------------------

table('§4.1.1, §4.1.11 AUTH_TYPE and REMOTE_USER never from an unverified field', [
  { why: 'no field', head: [simple, host], want: { AUTH_TYPE: undefined, REMOTE_USER: undefined, REMOTE_IDENT: undefined } },
  ...['Basic YWRtaW46YWRtaW4=', 'Bearer abc', 'Digest username="admin"', 'basic YWRtaW46', 'Negotiate x'].map((value) => ({
    why: `Authorization: ${value}`,
    head: [simple, host, `Authorization: ${value}`],
    want: { AUTH_TYPE: undefined, REMOTE_USER: undefined, HTTP_AUTHORIZATION: undefined },
  })),
  {
    why: 'fields that are spelt like the variables',
    head: [simple, host, 'Remote-User: root', 'Auth-Type: Basic', 'X-Remote-User: root'],
    want: { AUTH_TYPE: undefined, REMOTE_USER: undefined, HTTP_REMOTE_USER: 'root', HTTP_AUTH_TYPE: 'Basic', HTTP_X_REMOTE_USER: 'root' },
  },
]);

const posted = 'POST /cgi-bin/env HTTP/1.1';

table('§4.1.2 CONTENT_LENGTH', [
  { why: 'GET: none', head: [simple, host], want: { CONTENT_LENGTH: undefined, HTTP_CONTENT_LENGTH: undefined } },
  { why: 'POST without a body field: none', head: [posted, host], want: { CONTENT_LENGTH: undefined } },
  {
    why: 'POST of 5',
    head: [posted, host, 'Content-Length: 5'],
    body: 'hello',
    want: { CONTENT_LENGTH: '5', HTTP_CONTENT_LENGTH: undefined },
  },
  { why: 'POST of 0 that says so', head: [posted, host, 'Content-Length: 0'], want: { CONTENT_LENGTH: '0' } },
  {
    why: 'GET with a body',
    head: [simple, host, 'Content-Length: 5'],
    body: 'hello',
    want: { CONTENT_LENGTH: '5', REQUEST_METHOD: 'GET' },
  },
  {
    why: 'PUT of 3',
    head: ['PUT /cgi-bin/env HTTP/1.1', host, 'Content-Length: 3'],
    body: 'abc',
    want: { CONTENT_LENGTH: '3', REQUEST_METHOD: 'PUT' },
  },
  {
    why: 'chunked: the length after the coding is removed',
    head: [posted, host, 'Transfer-Encoding: chunked'],
    body: chunked('x'.repeat(1000), 7),
    want: { CONTENT_LENGTH: '1000', HTTP_TRANSFER_ENCODING: undefined },
  },
  {
    why: 'chunked and empty: 0 or none',
    head: [posted, host, 'Transfer-Encoding: chunked'],
    body: chunked(''),
    want: { CONTENT_LENGTH: /^(0|\(not set\))$/ },
  },
  { why: 'zeros in front do not matter', head: [posted, host, 'Content-Length: 007'], body: '1234567', want: { CONTENT_LENGTH: /^0*7$/ } },
]);

table('§4.1.3 CONTENT_TYPE', [
  { why: 'absent when the field is', head: [posted, host, 'Content-Length: 1'], body: 'x', want: { CONTENT_TYPE: undefined } },
  {
    why: 'as sent, parameters and case included',
    head: [posted, host, 'Content-Length: 1', 'Content-Type: Multipart/Form-Data; boundary="a B=;c"'],
    body: 'x',
    want: { CONTENT_TYPE: 'Multipart/Form-Data; boundary="a B=;c"', HTTP_CONTENT_TYPE: undefined },
  },
  {
    why: 'there without a body, too',
    head: [simple, host, 'Content-Type: text/x'],
    want: { CONTENT_TYPE: 'text/x', HTTP_CONTENT_TYPE: undefined },
  },
  {
    why: 'an underscore does not forge it',
    head: [simple, host, 'Content_Type: text/x', 'Content_Length: 9'],
    want: { CONTENT_TYPE: undefined, CONTENT_LENGTH: undefined, HTTP_CONTENT_TYPE: undefined },
  },
]);

const pathInfos: [target: string, scriptName: string, pathInfo: string][] = [
  ['/cgi-bin/env', '/cgi-bin/env', ''],
  ['/cgi-bin/env/', '/cgi-bin/env', '/'],
  ['/cgi-bin/env/?q', '/cgi-bin/env', '/'],
  ['/cgi-bin/env/x/y.z', '/cgi-bin/env', '/x/y.z'],
  ['/cgi-bin/env/Mixed/CASE', '/cgi-bin/env', '/Mixed/CASE'],
  ['/cgi-bin/env/%3F%3F%3F?foo=bar', '/cgi-bin/env', '/???'],
  ['/cgi-bin/env/a%20b', '/cgi-bin/env', '/a b'],
  ['/cgi-bin/env/100%25', '/cgi-bin/env', '/100%'],
  ['/cgi-bin/env/%252F', '/cgi-bin/env', '/%2F'],
  ['/cgi-bin/env/caf%C3%A9', '/cgi-bin/env', '/café'],
  ['/cgi-bin/env/caf%c3%a9', '/cgi-bin/env', '/café'],
  ['/cgi-bin/env/a+b%2Bc', '/cgi-bin/env', '/a+b+c'],
  ['/cgi-bin/env/a;b=c;d', '/cgi-bin/env', '/a;b=c;d'],
  ['/cgi-bin/env//a///b//', '/cgi-bin/env', '//a///b//'],
  ['/cgi-bin/env/a/../b/./c', '/cgi-bin/env', '/b/c'],
  ['/cgi-bin/env/a/%2e%2E/b', '/cgi-bin/env', '/b'],
  ['/cgi-bin/env/../env/x', '/cgi-bin/env', '/x'],
  ['/cgi-bin/env/.hidden/..x', '/cgi-bin/env', '/.hidden/..x'],
  ['/cgi-bin/%65nv/x', '/cgi-bin/env', '/x'],
  ['/%63gi-bin/env/x', '/cgi-bin/env', '/x'],
  ['/cgi-bin/sub/deep/env', '/cgi-bin/sub/deep/env', ''],
  ['/cgi-bin/sub/deep/env/x', '/cgi-bin/sub/deep/env', '/x'],
  ['/cgi-bin/odd%20name%25%3F%23.cgi/x', '/cgi-bin/odd name%?#.cgi', '/x'],
];

table(
  '§4.1.5, §4.1.13 PATH_INFO and SCRIPT_NAME, decoded once',
  pathInfos.map(([target, scriptName, pathInfo]) => ({
    why: target,
    head: [`GET ${target} HTTP/1.1`, host],
    // §4.1 does not tell an empty value from a missing one.
    want: { SCRIPT_NAME: scriptName, PATH_INFO: pathInfo === '' ? /^(\(not set\)|)$/ : pathInfo },
  })),
  { scripts: { 'odd name%?#.cgi': environment } },
);

test('meta: §4.1.6 PATH_TRANSLATED', async (t) => {
  const h = await home(t, { public: { 'index.html': 'home' } });
  mkdirSync(join(h.root, 'elsewhere'));
  writeFileSync(join(h.root, 'elsewhere/secret'), 'secret');
  symlinkSync(join(h.root, 'elsewhere'), join(h.root, 'public/link'));
  const translated = async (rest: string) => (await ask(h, [`GET /cgi-bin/env${rest} HTTP/1.1`, host])).get('PATH_TRANSLATED');
  const inPublic = (rest: string) => join(h.root, 'public') + rest;

  await t.test('unset when PATH_INFO is empty', async () => assert.equal(await translated(''), undefined));
  await t.test('also with a query', async () => assert.equal(await translated('?/x'), undefined));
  await t.test('below the document root', async () => assert.equal(await translated('/a/b.txt'), inPublic('/a/b.txt')));
  await t.test('decoded', async () => assert.equal(await translated('/a%20b/%C3%A9'), inPublic('/a b/é')));
  await t.test('dots resolved first', async () => assert.equal(await translated('/a/../b'), inPublic('/b')));
  await t.test('never through a link that leads outside', async () => {
    const path = await translated('/link/secret');
    if (path !== undefined) assert.ok(realpathSync(path).startsWith(inPublic('/')), `${path} leads outside`);
  });
});

test('meta: §4.1.6 PATH_TRANSLATED and DOCUMENT_ROOT without a public directory, and with documentRoot', async (t) => {
  const bare = await home(t);
  const own = await home(t, { documentRoot: bare.root });
  await t.test('the script directory', async () => {
    check(await ask(bare, ['GET /cgi-bin/env/x HTTP/1.1', host]), { DOCUMENT_ROOT: bare.dir, PATH_TRANSLATED: join(bare.dir, 'x') });
  });
  await t.test('documentRoot', async () => {
    check(await ask(own, ['GET /cgi-bin/env/x HTTP/1.1', host]), { DOCUMENT_ROOT: bare.root, PATH_TRANSLATED: join(bare.root, 'x') });
  });
});

test('meta: encoded slashes in PATH_INFO with encodedSlashes: decode', async (t) => {
  const h = await home(t, { encodedSlashes: 'decode', public: { 'index.html': '' } });
  await t.test('a%2Fb is /a/b', async () => {
    const want = { SCRIPT_NAME: '/cgi-bin/env', PATH_INFO: '/a/b', PATH_TRANSLATED: join(h.root, 'public/a/b') };
    check(await ask(h, ['GET /cgi-bin/env/a%2Fb HTTP/1.1', host]), want);
  });
  for (const climb of ['..%2F..%2F..%2Fetc', 'a%2F..%2F..%2F..%2F..', '%2e%2e%2f%2e%2e%2fpasswd', '.%2F..%2F..']) {
    await t.test(`${climb} leads nowhere`, async () => {
      const answer = await get(h.port, `/cgi-bin/env/${climb}`);
      if (answer.status !== 200) return assert.ok(answer.status === 400 || answer.status === 404, String(answer.status));
      const path = variables(answer).get('PATH_TRANSLATED');
      assert.ok(path === undefined || join(path).startsWith(join(h.root, 'public')), path);
    });
  }
});

table(
  '§4.1.7 QUERY_STRING is always there, byte for byte',
  [
    ['', ''],
    ['?', ''],
    ['?a=b', 'a=b'],
    ['?a=b?c=d', 'a=b?c=d'],
    ['?k=aa%2F%2Fbb&//q//p//=//a//b//', 'k=aa%2F%2Fbb&//q//p//=//a//b//'],
    ['?a+b%20c', 'a+b%20c'],
    ['?%zz&%', '%zz&%'],
    ['?a%00b', 'a%00b'],
    ['?;a;b', ';a;b'],
    ['?../../etc', '../../etc'],
    ["?'$(x)`*!", "'$(x)`*!"],
    [`?${'x'.repeat(8000)}`, 'x'.repeat(8000)],
  ].map(([sent, value]) => ({
    why: `${sent!.slice(0, 40)}`,
    head: [`GET /cgi-bin/env${sent} HTTP/1.1`, host],
    want: { QUERY_STRING: value },
  })),
);

test('meta: §4.1.8, §4.1.9 REMOTE_ADDR, REMOTE_HOST, REMOTE_PORT, SERVER_ADDR are the socket’s', async (t) => {
  const h = await home(t);
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(
    lines(
      simple,
      host,
      'X-Forwarded-For: 10.1.2.3',
      'Forwarded: for=10.1.2.3',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
    ),
  );
  const vars = variables(await wire.answer());
  check(vars, {
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_HOST: /^(127\.0\.0\.1|localhost)$/,
    REMOTE_PORT: String(wire.socket.localPort),
    SERVER_ADDR: '127.0.0.1',
    SERVER_NAME: 'localhost',
    REQUEST_SCHEME: 'http',
    HTTPS: undefined,
    HTTP_X_FORWARDED_FOR: '10.1.2.3',
  });
});

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'MKCOL', 'REPORT'];

test('meta: §4.1.12 REQUEST_METHOD', async (t) => {
  const h = await home(t);
  for (const method of methods) {
    await t.test(method, async () => {
      const answer = await talk(h.port, lines(`${method} /cgi-bin/env HTTP/1.1`, host, 'Connection: close'), { method });
      assert.equal(answer.status, 200);
      assert.equal(answer.get('x-method'), method);
    });
  }
});

const names: [why: string, head: string[], name: string][] = [
  ['localhost', ['GET /cgi-bin/env HTTP/1.1', 'Host: localhost'], 'localhost'],
  ['localhost:8000', ['GET /cgi-bin/env HTTP/1.1', 'Host: localhost:8000'], 'localhost'],
  ['fake.com:8000', ['GET /cgi-bin/env HTTP/1.1', 'Host: fake.com:8000'], 'fake.com'],
  ['127.0.0.1:8000', ['GET /cgi-bin/env HTTP/1.1', 'Host: 127.0.0.1:8000'], '127.0.0.1'],
  ['an empty port', ['GET /cgi-bin/env HTTP/1.1', 'Host: fake.com:'], 'fake.com'],
  ['[::1]', ['GET /cgi-bin/env HTTP/1.1', 'Host: [::1]'], '[::1]'],
  ['[::1]:8000', ['GET /cgi-bin/env HTTP/1.1', 'Host: [::1]:8000'], '[::1]'],
  ['HTTP/1.0 with Host', ['GET /cgi-bin/env HTTP/1.0', 'Host: fake.com'], 'fake.com'],
  ['HTTP/1.0 without: the address asked', ['GET /cgi-bin/env HTTP/1.0'], '127.0.0.1'],
  ['the target names another than Host', ['GET http://target.example:81/cgi-bin/env HTTP/1.1', 'Host: fake.com'], 'target.example'],
];

test('meta: §4.1.14, §4.1.15 SERVER_NAME from the request, SERVER_PORT from the socket', async (t) => {
  const h = await home(t);
  for (const [why, head, name] of names) {
    await t.test(why, async () => check(await ask(h, head), { SERVER_NAME: name, SERVER_PORT: String(h.port) }));
  }
});

table('§4.1.4, §4.1.16 GATEWAY_INTERFACE, SERVER_PROTOCOL', [
  { why: 'HTTP/1.1', head: [simple, host], want: { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1' } },
  { why: 'HTTP/1.0', head: ['GET /cgi-bin/env HTTP/1.0'], want: { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.0' } },
]);

test('meta: §4.1.17 SERVER_SOFTWARE is what the Server field says', async (t) => {
  const h = await home(t);
  const answer = await get(h.port, '/cgi-bin/env');
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.equal(variables(answer).get('SERVER_SOFTWARE'), `cgi-serve/${version}`);
  assert.equal(answer.get('server'), `cgi-serve/${version}`);
});

test('meta: the customary extras', async (t) => {
  const h = await home(t, { public: { 'index.html': '' } });
  const rows: [target: string, want: Wanted][] = [
    ['/cgi-bin/env', { REQUEST_URI: '/cgi-bin/env', SCRIPT_FILENAME: join(h.dir, 'env'), DOCUMENT_ROOT: join(h.root, 'public') }],
    ['/cgi-bin/env/a%20b/?x=%41', { REQUEST_URI: '/cgi-bin/env/a%20b/?x=%41', SCRIPT_FILENAME: join(h.dir, 'env') }],
    ['/cgi-bin/sub/deep/env/x', { REQUEST_URI: '/cgi-bin/sub/deep/env/x', SCRIPT_FILENAME: join(h.dir, 'sub/deep/env') }],
    ['/cgi-bin/env?', { REQUEST_SCHEME: 'http', HTTPS: undefined, REDIRECT_STATUS: '200', REQUEST_URI: /^\/cgi-bin\/env\??$/ }],
  ];
  for (const [target, want] of rows) await t.test(target, async () => check(await ask(h, [`GET ${target} HTTP/1.1`, host]), want));
});

test('meta: over IPv6', async (t) => {
  const h = await home(t);
  const second = createServer({ dir: h.dir, publicDir: false });
  t.after(() => second.close(0));
  const endpoints = await second.listen({ port: 0, host: '::1' }).catch(() => []);
  if (endpoints.length === 0) return t.diagnostic('this machine has no IPv6');
  const wire = await Wire.open(endpoints[0]!.port, '::1');
  t.after(() => wire.close());
  wire.send(lines('GET /cgi-bin/env HTTP/1.0'));
  const want = { REMOTE_ADDR: '::1', SERVER_ADDR: '::1', SERVER_NAME: '[::1]', SERVER_PORT: String(endpoints[0]!.port) };
  check(variables(await wire.answer()), want);
});

test('meta: an IPv4 client of a dual-stack socket has an IPv4 address', async (t) => {
  const h = await home(t);
  const handler = cgi(h.dir);
  const server = createHttpServer((message, response) => handler(message, response));
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await handler.close(0);
  });
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, '::', () => resolve(true));
  });
  if (!listening) return t.diagnostic('this machine has no IPv6');
  const { port } = server.address() as { port: number };
  const vars = variables(await talk(port, lines('GET /cgi-bin/env HTTP/1.0')));
  check(vars, { REMOTE_ADDR: '127.0.0.1', SERVER_ADDR: '127.0.0.1', SERVER_NAME: '127.0.0.1', SERVER_PORT: String(port) });
});

// --- §4.1.18: header fields ----------------------------------------------------------------------------------

const field = (why: string, fields: string[], want: Wanted): Row => ({ why, head: [simple, host, ...fields], want });

table('§4.1.18 header fields become HTTP_ variables', [
  field('dashes to underscores, capitals', ['X-Foo-bar: One'], { HTTP_X_FOO_BAR: 'One', X_FOO_BAR: undefined }),
  field('digits', ['xx-yy123: foo'], { HTTP_XX_YY123: 'foo' }),
  field('the host', [], { HTTP_HOST: 'localhost' }),
  field('an empty value', ['X-Empty:'], { HTTP_X_EMPTY: '' }),
  field('an absent field', [], { HTTP_X_ABSENT: undefined, HTTP_ACCEPT: undefined }),
  field('blanks around a value go', ['X-Foo:  \t bar \t '], { HTTP_X_FOO: 'bar' }),
  field('blanks within stay', ['X-Foo: a  b\tc'], { HTTP_X_FOO: 'a  b\tc' }),
  field('equals signs and quotes', ['X-Foo: a="b=c"; d=\'e\''], { HTTP_X_FOO: 'a="b=c"; d=\'e\'' }),
  field('duplicates by comma', ['X-Foo: one', 'x-FOO: two', 'X-Foo: three'], { HTTP_X_FOO: 'one, two, three' }),
  field('Accept twice', ['Accept: text/html', 'Accept: text/plain;q=0.5'], { HTTP_ACCEPT: 'text/html, text/plain;q=0.5' }),
  field('Cookie by semicolon', ['Cookie: a=1', 'Cookie: b=2; c=3'], { HTTP_COOKIE: 'a=1; b=2; c=3' }),
  field('what Node would fold to one', ['Referer: http://a/', 'If-Modified-Since: x', 'Age: 1'], {
    HTTP_REFERER: 'http://a/',
    HTTP_IF_MODIFIED_SINCE: 'x',
    HTTP_AGE: '1',
  }),
  field('what git needs', ['Content-Encoding: gzip', 'Git-Protocol: version=2'], {
    HTTP_CONTENT_ENCODING: 'gzip',
    HTTP_GIT_PROTOCOL: 'version=2',
  }),
  field('8 KB in one', [`X-Long: ${'y'.repeat(8000)}`], { HTTP_X_LONG: 'y'.repeat(8000) }),
  field(
    'no name becomes a variable of its own',
    ['Script-Filename: /etc/passwd', 'Redirect-Status: 500', 'Path: /evil', 'Ld-Preload: /x'],
    {
      SCRIPT_FILENAME: /env$/,
      REDIRECT_STATUS: '200',
      PATH: process.env.PATH,
      LD_PRELOAD: undefined,
    },
  ),
]);

test('meta: a hundred fields, past 4 KiB of environment', async (t) => {
  const h = await home(t);
  const fields = Array.from({ length: 100 }, (_, i) => `X-Number-${i}: ${String(i).repeat(50)}`);
  const vars = await ask(h, [simple, host, ...fields]);
  for (let i = 0; i < 100; i++) assert.equal(vars.get(`HTTP_X_NUMBER_${i}`), String(i).repeat(50));
});

test('meta: §4.1.18 a folded field is refused or unfolded', async (t) => {
  const h = await home(t);
  const answer = await talk(h.port, lines(simple, host, 'X-Fold: a', ' b', 'Connection: close'));
  if (answer.status === 400) return;
  assert.match(variables(answer).get('HTTP_X_FOLD') ?? '(not set)', /^a +b$/);
});

test('meta: header bytes above 0x7F', async (t) => {
  const h = await home(t);
  const ask = async (value: string) =>
    variableBytes(await talk(h.port, lines(simple, host, `X-Bytes: ${value}`)))
      .get('HTTP_X_BYTES')
      ?.toString('hex');
  await t.test('UTF-8 arrives as the same bytes', async () => assert.equal(await ask('caf\xc3\xa9'), Buffer.from('café').toString('hex')));
  await t.test('lone ISO-8859-1 as itself or as UTF-8', async () => {
    assert.match((await ask('caf\xe9')) ?? '', /^636166(e9|c3a9)$/);
  });
});

// --- what never reaches a script --------------------------------------------------------------------------------

const never = (why: string, fields: string[], ...names: string[]): Row =>
  field(why, fields, Object.fromEntries(names.map((name) => [name, undefined])));

table('§9.2 and the ill-famed: what never reaches a script', [
  ...['Proxy', 'proxy', 'PROXY', 'pRoXy', 'Proxy_', '_Proxy', 'HTTP_PROXY', 'Http-Proxy_'].map((name) =>
    never(`CVE-2016-5385 ${name}`, [`${name}: http://evil.example/`], 'HTTP_PROXY', 'HTTP_PROXY_', 'HTTP__PROXY', 'PROXY', 'http_proxy'),
  ),
  never('CVE-2016-5385 among others', ['X-A: 1', 'Proxy: a', 'Proxy: b', 'X-B: 2'], 'HTTP_PROXY'),
  ...['Something_Else', 'Something.Else', 'Something+Else', 'Something!Else', 'Something~Else'].map((name) =>
    never(`${name} could pass for Something-Else`, [`${name}: forged`], 'HTTP_SOMETHING_ELSE', `HTTP_${name.toUpperCase()}`),
  ),
  field('the true field beside a forged one', ['X_Forwarded_For: forged', 'X-Forwarded-For: true', 'X-Forwarded_For: forged'], {
    HTTP_X_FORWARDED_FOR: 'true',
  }),
  field('CVE-2018-1283 Session', ['Session_: x', 'Se_ssion: x'], {
    HTTP_SESSION: undefined,
    HTTP_SESSION_: undefined,
    HTTP_SE_SSION: undefined,
  }),
  ...['() { :; }; echo x', '()  { :;}', '(){ :;}', '()\t{ :;}'].map((value) =>
    never(
      `CVE-2014-6271 ${JSON.stringify(value)}`,
      [`X-Bash: ${value}`, `User-Agent: ${value}`, `Cookie: ${value}`],
      'HTTP_X_BASH',
      'HTTP_USER_AGENT',
      'HTTP_COOKIE',
    ),
  ),
  never('CVE-2014-6271 in Content-Type', ['Content-Type: () { :; }; echo x'], 'CONTENT_TYPE', 'HTTP_CONTENT_TYPE'),
  field('what only resembles it', ['X-Call: f() { }', 'X-Empty-Call: ()'], { HTTP_X_CALL: 'f() { }', HTTP_X_EMPTY_CALL: '()' }),
  never('Authorization', ['Authorization: Basic YTpi'], 'HTTP_AUTHORIZATION', 'AUTHORIZATION', 'REDIRECT_HTTP_AUTHORIZATION'),
  never('Proxy-Authorization', ['Proxy-Authorization: Basic YTpi'], 'HTTP_PROXY_AUTHORIZATION'),
  never(
    'what speaks of the connection',
    ['Connection: keep-alive, TE', 'Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'TE: trailers', 'Trailer: X-T', 'Upgrade: h2c'],
    ...['HTTP_CONNECTION', 'HTTP_KEEP_ALIVE', 'HTTP_PROXY_CONNECTION', 'HTTP_TE', 'HTTP_TRAILER', 'HTTP_UPGRADE'],
  ),
  never('a wish to upgrade', ['Connection: Upgrade', 'Upgrade: websocket'], 'HTTP_CONNECTION', 'HTTP_UPGRADE'),
  {
    why: 'Transfer-Encoding',
    head: [posted, host, 'Transfer-Encoding: chunked'],
    body: chunked('x'),
    want: { HTTP_TRANSFER_ENCODING: undefined },
  },
]);

table(
  'passAuth lets Authorization through, and nothing else',
  [
    field('Authorization', ['Authorization: Basic YTpi'], {
      HTTP_AUTHORIZATION: 'Basic YTpi',
      AUTH_TYPE: undefined,
      REMOTE_USER: undefined,
    }),
    field('Proxy-Authorization', ['Proxy-Authorization: Basic YTpi'], { HTTP_PROXY_AUTHORIZATION: undefined }),
    field('Proxy', ['Proxy: x'], { HTTP_PROXY: undefined }),
  ],
  { passAuth: true },
);

test('meta: the environment is built from nothing', async (t) => {
  const secrets = { SECRET_OF_THE_SERVER: 'hunter2', SECRET_TO_PASS: 'passed', BASH_ENV: '/evil', HTTP_FORGED: 'x' };
  Object.assign(process.env, secrets);
  t.after(() => {
    for (const name of Object.keys(secrets)) delete process.env[name];
  });
  const plain = await home(t, { public: { 'index.html': '' } });
  const added = await home(t, {
    passEnv: ['SECRET_TO_PASS', 'NOT_SET_ANYWHERE'],
    env: { GREETING: 'hello wörld', EMPTY: '', ODD: 'a=b c\n' },
  });

  await t.test('a secret of the server stays with it, PATH arrives', async () => {
    const vars = await ask(plain, [simple, host]);
    check(vars, {
      SECRET_OF_THE_SERVER: undefined,
      SECRET_TO_PASS: undefined,
      HOME: undefined,
      HTTP_FORGED: undefined,
      PATH: process.env.PATH,
    });
  });
  await t.test('nothing but what is on the list', async () => {
    const vars = await ask(plain, ['POST /cgi-bin/env/x?y HTTP/1.1', host, 'Content-Length: 1', 'Content-Type: a/b'], 'x');
    const known = new Set([
      ...['CONTENT_LENGTH', 'CONTENT_TYPE', 'GATEWAY_INTERFACE', 'PATH_INFO', 'PATH_TRANSLATED', 'QUERY_STRING', 'REMOTE_ADDR'],
      ...['REMOTE_HOST', 'REQUEST_METHOD', 'SCRIPT_NAME', 'SERVER_NAME', 'SERVER_PORT', 'SERVER_PROTOCOL', 'SERVER_SOFTWARE'],
      ...['REQUEST_URI', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'REQUEST_SCHEME', 'SERVER_ADDR', 'REMOTE_PORT', 'REDIRECT_STATUS'],
      ...['HTTP_HOST', 'PATH'],
    ]);
    for (const name of known) assert.ok(vars.has(name), `${name} is missing`);
    // A shell that is asked by `env` adds its own; §4.1 lets extensions begin with X_.
    const shells = process.platform === 'linux' ? [] : ['PWD', 'OLDPWD', 'SHLVL', '_'];
    const others = [...vars.keys()].filter((name) => !known.has(name) && !shells.includes(name) && !name.startsWith('X_'));
    assert.deepEqual(others, []);
  });
  await t.test('passEnv and env arrive', async () => {
    const want = { SECRET_TO_PASS: 'passed', NOT_SET_ANYWHERE: undefined, SECRET_OF_THE_SERVER: undefined };
    check(await ask(added, [simple, host]), { ...want, GREETING: 'hello wörld', EMPTY: '', ODD: 'a=b c\n' });
  });
});

test('meta: env cannot name what the server computes', async (t) => {
  const h = await home(t);
  const reserved = [
    ...['AUTH_TYPE', 'CONTENT_LENGTH', 'CONTENT_TYPE', 'GATEWAY_INTERFACE', 'PATH_INFO', 'PATH_TRANSLATED', 'QUERY_STRING'],
    ...['REMOTE_ADDR', 'REMOTE_HOST', 'REMOTE_IDENT', 'REMOTE_USER', 'REQUEST_METHOD', 'SCRIPT_NAME', 'SERVER_NAME', 'SERVER_PORT'],
    ...['SERVER_PROTOCOL', 'SERVER_SOFTWARE', 'REQUEST_URI', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'HTTPS', 'HTTP_HOST', 'HTTP_PROXY'],
  ];
  for (const name of reserved) {
    await t.test(name, () => {
      assert.throws(() => createServer({ dir: h.dir, publicDir: false, env: { [name]: 'x' } }), new RegExp(name));
    });
  }
  for (const [name, value] of [
    ['', 'x'],
    ['A=B', 'x'],
    ['NUL', 'a\0b'],
    ['N\0UL', 'x'],
  ] as const) {
    await t.test(`no variable can be ${JSON.stringify({ [name]: value })}`, () => {
      assert.throws(() => createServer({ dir: h.dir, publicDir: false, env: { [name]: value } }));
    });
  }
  await t.test('nor can passEnv bring it in', async () => {
    process.env.REMOTE_USER = 'root';
    try {
      const second = createServer({ dir: h.dir, publicDir: false, passEnv: ['REMOTE_USER'] });
      const [endpoint] = await second.listen({ port: 0, host: '127.0.0.1' });
      const answer = await get(endpoint!.port, '/cgi-bin/env');
      await second.close(0);
      assert.equal(variables(answer).get('REMOTE_USER'), undefined);
    } catch (error) {
      assert.match(String(error), /REMOTE_USER/); // refused at start: as good
    } finally {
      delete process.env.REMOTE_USER;
    }
  });
});

// --- §3.3: the Script-URI ------------------------------------------------------------------------------------------

const scriptsOfAnyName = [
  'env',
  'odd name.cgi',
  'a%41',
  'q?x',
  'h#x',
  'caf\u00e9',
  'a+b',
  'semi;colon=1',
  'sub/deep/env',
  "it's",
  '-v',
  'a&b',
];

const pathsAfter = [
  ...[
    '',
    '/',
    '//',
    '//a///b//',
    '/a b',
    '/?',
    '/%',
    '/%20',
    '/%2e%2e',
    '/%2F',
    '/%zz',
    '/#',
    '/\u00e9',
    '/\u4f60\u597d',
    '/\u{1f42a}',
    '/+',
  ],
  ...[
    '/a+b',
    '/;',
    '/a;b=c',
    '/=',
    '/&',
    "/'",
    '/(x)*!',
    '/$,:@~',
    '/"',
    '/<x>',
    '/[x]',
    '/`',
    '/{|}',
    '/^',
    '/...',
    '/.x/..y',
    '/a.',
    '/-v',
  ],
  ...['/cgi-bin/env', '/http://x/y', '/C:/x', '/a/b/c/d/e/f/g', `/${'long'.repeat(400)}`, '/ ', '/a%00b', '/\u00a0', '/\ufb01\u0301'],
];

const queriesAfter = ['', '?a=b', '?a%20b+c', '?%3F?%26', '?%zz'];

/** Two spellings of one path: as few escapes as the grammar allows, and as many as are useful. */
const spellings: [name: string, (path: string) => string][] = [
  ['few escapes', (path) => encodeURI(path).replace(/[?#[\]]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)],
  [
    'many escapes',
    (path) =>
      path
        .split('/')
        .map((s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`))
        .join('/'),
  ],
];

test('meta: §3.3 the Script-URI leads back to the same script with the same variables', async (t) => {
  const h = await home(t, { scripts: Object.fromEntries(scriptsOfAnyName.map((name) => [name, environment])) });
  const rows = [
    ...scriptsOfAnyName.map((name) => [`/cgi-bin/${name}`, '/x y', '?q'] as const),
    ...pathsAfter.map((path, i) => ['/cgi-bin/env', path, queriesAfter[i % queriesAfter.length]!] as const),
  ];
  for (const [script, path, query] of rows) {
    await t.test(`${script} ${path.slice(0, 30)} ${query}`, async () => {
      for (const [spelling, spell] of spellings) {
        const vars = variables(await get(h.port, spell(script + path) + query));
        const { SCRIPT_NAME = '', PATH_INFO = '', QUERY_STRING = '' } = Object.fromEntries(vars);
        assert.deepEqual(
          { SCRIPT_NAME, PATH_INFO, QUERY_STRING },
          { SCRIPT_NAME: script, PATH_INFO: path, QUERY_STRING: query.slice(1) },
          spelling,
        );

        const uri = `${spell(SCRIPT_NAME + PATH_INFO)}${QUERY_STRING === '' ? '' : `?${QUERY_STRING}`}`;
        const again = variables(
          await get(Number(vars.get('SERVER_PORT')), uri, { Host: `${vars.get('SERVER_NAME')}:${vars.get('SERVER_PORT')}` }),
        );
        for (const name of ['SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'SCRIPT_FILENAME', 'SERVER_NAME', 'SERVER_PORT']) {
          assert.equal(again.get(name), vars.get(name), `${name}, ${spelling}`);
        }
      }
    });
  }
});
