/**
 * From a URL to what answers it, on the wire: the walk to a script (RFC 3875 §3.2, §4.1.5, §9.8), what is never run and never
 * shown, index scripts, slash redirects, the indexed query (§4.4, §7.2), static files beside them (RFC 9110 §13, §14), and who
 * may enter (RFC 7617).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer } from '../../src/index.js';
import { type House, type HouseOptions, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { type Answer, get, post, requestText, talk } from '../support/wire.js';
import { argumentsGiven, environment, named, says, variables } from './programs.js';

/** Stands in every file that must not be shown. */
const secret = 'TOP-SECRET-SOURCE';

async function home(t: TestContext, options: HouseOptions): Promise<House> {
  const h = await house(options);
  t.after(() => h.stop());
  return h;
}

const ask = (h: House, method: string, target: string, headers: Record<string, string> = {}): Promise<Answer> =>
  talk(h.port, requestText(method, target, headers), { method });

/** A file that is not executable, and says so when somebody reads it. */
const text = (words: string = secret) => ({ text: words, mode: 0o644 });

interface Row {
  target: string;
  status: number | number[];
  /** What the body has to contain. */
  says?: string;
}

/** Rows about one house; whatever they ask, no file's source comes back. */
async function table(t: TestContext, h: House, rows: Row[]): Promise<void> {
  for (const { target, status, says } of rows) {
    await t.test(`${target} is ${status}`, async () => {
      const answer = await get(h.port, target);
      assert.ok([status].flat().includes(answer.status), `${answer.status} ${answer.text.slice(0, 400)}`);
      if (says !== undefined) assert.ok(answer.text.includes(says), answer.text.slice(0, 400));
      assert.ok(!answer.text.includes(secret), 'a source was shown');
      assert.ok(answer.complete);
    });
  }
}

// --- the walk ------------------------------------------------------------------------------------------------

test('routing: the walk to a script', async (t) => {
  const h = await home(t, {
    publicDir: false,
    scripts: {
      hello: `${named('hello')}# ${secret}`,
      'ok.sh': named('ok.sh'),
      'sub/hello': named('sub/hello'),
      'sub/deep/er/hello': named('sub/deep/er/hello'),
      'with space/of course.cgi': named('of course'),
      'not-executable.cgi': { text: named(secret), mode: 0o644 },
      'notes.txt': text(),
      'page.html': text(),
      'sub/data.json': text(),
      '.hidden.cgi': named(secret),
      '.git/hook': named(secret),
      'upper.CGI': named('upper'),
      'thing.bat': named(secret),
    },
  });
  await table(t, h, [
    { target: '/cgi-bin/hello', status: 200, says: 'ran hello' },
    { target: '/cgi-bin/hello?query', status: 200, says: 'ran hello' },
    { target: '/cgi-bin/hello/', status: 200, says: 'ran hello' },
    { target: '/cgi-bin/hello/sub/hello', status: 200, says: 'ran hello' },
    { target: '/cgi-bin/sub/hello', status: 200, says: 'ran sub/hello' },
    { target: '/cgi-bin/sub/hello/hello', status: 200, says: 'ran sub/hello' },
    { target: '/cgi-bin/sub/deep/er/hello/x', status: 200, says: 'ran sub/deep/er/hello' },
    { target: '/cgi-bin/with%20space/of%20course.cgi', status: 200, says: 'ran of course' },
    { target: '/cgi-bin/%68ello', status: 200, says: 'ran hello' },
    { target: '/cgi-bin/sub/../ok.sh', status: 200, says: 'ran ok.sh' },
    { target: '/cgi-bin/nothing/../ok.sh', status: 200, says: 'ran ok.sh' },
    { target: '/cgi-bin/./ok.sh', status: 200, says: 'ran ok.sh' },
    { target: '/x/%2e%2e/cgi-bin/ok.sh', status: 200, says: 'ran ok.sh' },
    // Not there.
    { target: '/cgi-bin/nothing', status: 404 },
    { target: '/cgi-bin/sub/nothing', status: 404 },
    { target: '/cgi-bin/nothing/hello', status: 404 },
    { target: '/cgi-binX/hello', status: 404 },
    { target: '/cgi-bin-hello', status: 404 },
    { target: '/CGI-BIN/hello', status: 404 },
    { target: '/hello', status: 404 },
    // Names are exact.
    { target: '/cgi-bin/HELLO', status: 404 },
    { target: '/cgi-bin/upper.cgi', status: 404 },
    { target: '/cgi-bin/hello%20', status: 404 },
    { target: '/cgi-bin/hello%20%20%20', status: 404 },
    { target: '/cgi-bin/hello.', status: 404 },
    { target: '/cgi-bin/ok.sh::$DATA', status: 404 },
    { target: '/cgi-bin/ok~1.sh', status: 404 },
    { target: '/cgi-bin/hello;x', status: 404 },
    // Hidden.
    { target: '/cgi-bin/.hidden.cgi', status: 404 },
    { target: '/cgi-bin/%2ehidden.cgi', status: 404 },
    { target: '/cgi-bin/.git/hook', status: 404 },
    // In the script directory and not a script: never shown.
    { target: '/cgi-bin/not-executable.cgi', status: 403, says: 'NOT_EXECUTABLE' },
    { target: '/cgi-bin/not-executable.cgi/x', status: 403 },
    { target: '/cgi-bin/notes.txt', status: 403 },
    { target: '/cgi-bin/page.html', status: 403 },
    { target: '/cgi-bin/sub/data.json', status: 403 },
    { target: '/cgi-bin/thing.bat', status: 403 },
    // Bytes no path may hold.
    { target: '/cgi-bin/hello%00', status: 400 },
    { target: '/cgi-bin/hello/%00', status: 400 },
    { target: '/cgi-bin/hello/a%0Ab', status: 400 },
    { target: '/cgi-bin/hello/a%7Fb', status: 400 },
    { target: '/cgi-bin/sub%5Chello', status: 400 },
    { target: '/cgi-bin/sub\\hello', status: 400 },
    { target: '/cgi-bin/%zz.cgi', status: 400 },
    { target: '/cgi-bin/hello/%', status: 400 },
    { target: '/cgi-bin/hello/%4', status: 400 },
    { target: '/cgi-bin/hello/%A4%DB', status: 400 },
    { target: '/cgi-bin/hello/%C0%AF', status: 400 },
    { target: '/cgi-bin/hello/%ED%A0%80', status: 400 },
    { target: `/cgi-bin/hello/${'x'.repeat(5000)}`, status: 414 },
    // Encoded slashes are refused unless asked for.
    { target: '/cgi-bin%2fhello', status: 404 },
    { target: '/cgi-bin/sub%2Fhello', status: 404 },
    { target: '/cgi-bin/hello/a%2Fb', status: 404 },
  ]);
});

test('routing: nothing outside the root', async (t) => {
  const h = await home(t, { public: { 'index.html': 'home' }, scripts: { 'ok.sh': named('ok.sh'), 'sub/x': named('sub/x') } });
  mkdirSync(join(h.root, 'outside'));
  writeFileSync(join(h.root, 'outside/evil.sh'), named(secret), { mode: 0o755 });
  writeFileSync(join(h.root, 'cgi-binary'), secret);
  const climbing = [
    ...['/../outside/evil.sh', '/%2e%2e/outside/evil.sh', '/.%2e/outside/evil.sh', '/%2E./outside/evil.sh', '/../../../../etc/passwd'],
    ...['/cgi-bin/../../outside/evil.sh', '/cgi-bin/sub/../../../outside/evil.sh', '/cgi-bin/%2e%2e/%2e%2e/outside/evil.sh'],
    ...[
      '/cgi-bin/ok.sh/../../../outside/evil.sh',
      '/..%2Foutside%2Fevil.sh',
      '/cgi-bin/..%2F..%2Foutside%2Fevil.sh',
      '/cgi-bin/..%5c..%5coutside',
    ],
    ...[
      '/cgi-bin/%252e%252e/outside/evil.sh',
      '/cgi-bin/..%252foutside',
      '/cgi-bin/%c0%ae%c0%ae/outside/evil.sh',
      '/cgi-bin/..;/outside/evil.sh',
    ],
    ...[
      '/cgi-bin/.../outside/evil.sh',
      '/cgi-bin//../../outside/evil.sh',
      '/cgi-bin/../outside/evil.sh',
      '/outside/evil.sh',
      '/cgi-binary',
    ],
  ];
  await table(
    t,
    h,
    climbing.map((target) => ({ target, status: [400, 404] })),
  );
});

test('routing: one resolver: a script is never shown because another door leads to it', async (t) => {
  const h = await home(t, { scripts: { hello: `${named('hello')}# ${secret}`, 'data.txt': text() } });
  writeFileSync(join(h.root, 'other.txt'), 'in public');
  // The public directory holds the script directory: under its prefix, and with the prefix elsewhere.
  for (const prefix of ['/cgi-bin/', '/run/']) {
    const server = createServer({ dir: h.dir, publicDir: h.root, prefix });
    t.after(() => server.close(0));
    const [endpoint] = await server.listen({ port: 0, host: '127.0.0.1' });
    const doors = ['/cgi-bin/hello', '/%63gi-bin/hello', '/cgi-bin%2fhello', '//cgi-bin/hello', '/cgi-bin//hello', '/./cgi-bin/hello'];
    const more = [
      '/x/../cgi-bin/hello',
      '/cgi-bin/data.txt',
      '/cgi-bin/./data.txt',
      '//cgi-bin//data.txt',
      '/cgi-bin/data.txt/',
      '/CGI-BIN/hello',
    ];
    for (const target of [...doors, ...more]) {
      await t.test(`prefix ${prefix}: ${target}`, async () => {
        const answer = await get(endpoint!.port, target);
        assert.ok(!answer.text.includes(secret), `${answer.status}: the source was shown`);
      });
    }
    await t.test(`prefix ${prefix}: a static file beside it`, async () => {
      assert.equal((await get(endpoint!.port, '/other.txt')).text, 'in public');
    });
  }
});

test('routing: symbolic links', async (t) => {
  const h = await home(t, {
    public: { 'index.html': 'home', 'real.txt': 'real' },
    scripts: { hello: named('hello'), 'sub/x': environment },
  });
  mkdirSync(join(h.root, 'outside'));
  writeFileSync(join(h.root, 'outside/evil.sh'), named(secret), { mode: 0o755 });
  writeFileSync(join(h.root, 'outside/evil.txt'), secret);
  writeFileSync(join(h.dir, '.hidden'), named(secret), { mode: 0o755 });
  const link = (to: string, at: string) => symlinkSync(to, join(h.root, at));
  link('hello', 'cgi-bin/inside');
  link('sub', 'cgi-bin/inside-dir');
  link('../outside/evil.sh', 'cgi-bin/out');
  link('../outside', 'cgi-bin/out-dir');
  link('nowhere', 'cgi-bin/dangling');
  link('loop', 'cgi-bin/loop');
  link('.hidden', 'cgi-bin/unhide');
  link('/dev/zero', 'cgi-bin/zero');
  link('real.txt', 'public/inside.txt');
  link('../outside/evil.txt', 'public/out.txt');
  link('../outside', 'public/out-dir');
  link('../cgi-bin/hello', 'public/script.txt');
  await table(t, h, [
    { target: '/cgi-bin/inside', status: 200, says: 'ran hello' },
    { target: '/cgi-bin/inside-dir/x', status: 200, says: 'SCRIPT_NAME=/cgi-bin/inside-dir/x' },
    { target: '/cgi-bin/out', status: 404 },
    { target: '/cgi-bin/out-dir/evil.sh', status: 404 },
    { target: '/cgi-bin/dangling', status: 404 },
    { target: '/cgi-bin/loop', status: 404 },
    { target: '/cgi-bin/unhide', status: 404 },
    { target: '/cgi-bin/zero', status: [403, 404] },
    { target: '/inside.txt', status: 200, says: 'real' },
    { target: '/out.txt', status: 404 },
    { target: '/out-dir/evil.txt', status: 404 },
    { target: '/script.txt', status: [403, 404] },
  ]);
  await t.test('SCRIPT_FILENAME is the real file', async () => {
    assert.equal(variables(await get(h.port, '/cgi-bin/inside-dir/x')).get('SCRIPT_FILENAME'), join(h.dir, 'sub/x'));
  });
  await t.test('the script directory itself may be one', async () => {
    symlinkSync(h.dir, join(h.root, 'linked'));
    const server = createServer({ dir: join(h.root, 'linked'), publicDir: false });
    const [endpoint] = await server.listen({ port: 0, host: '127.0.0.1' });
    const answer = await get(endpoint!.port, '/cgi-bin/hello');
    await server.close(0);
    assert.equal(answer.text, 'ran hello');
  });
});

test('routing: a pipe is not opened', async (t) => {
  const h = await home(t, { public: { 'index.html': '' }, scripts: { hello: named('hello') } });
  for (const file of [join(h.dir, 'pipe'), join(h.root, 'public/pipe')]) assert.equal(spawnSync('mkfifo', ['-m', '755', file]).status, 0);
  await table(t, h, [
    { target: '/cgi-bin/pipe', status: 403 },
    { target: '/pipe', status: [403, 404] },
    { target: '/cgi-bin/hello', status: 200 },
  ]);
});

test('routing: what the server may not read', async (t) => {
  const h = await home(t, {
    public: { 'locked.txt': secret, 'locked/x.txt': secret },
    scripts: { 'locked.sh': named(secret), 'locked/x': named(secret) },
  });
  const nobody = 65_534;
  chmodSync(h.root, 0o755);
  for (const [path, mode] of [
    ['public/locked.txt', 0],
    ['public/locked', 0],
    ['cgi-bin/locked.sh', 0],
    ['cgi-bin/locked', 0],
  ] as const) {
    chmodSync(join(h.root, path), mode);
  }
  // Modes mean nothing to root: this process is somebody else for as long as the question takes.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(nobody);
  try {
    await table(t, h, [
      // access(2) asks for the real user, whom this process cannot put off.
      ...(isRoot ? [] : [{ target: '/locked.txt', status: 403 }]),
      { target: '/locked/x.txt', status: 403 },
      { target: '/cgi-bin/locked.sh', status: 403 },
      { target: '/cgi-bin/locked/x', status: 403 },
    ]);
  } finally {
    if (isRoot) process.seteuid?.(0);
    for (const path of ['public/locked', 'cgi-bin/locked']) chmodSync(join(h.root, path), 0o755); // to be removed
  }
});

// --- directories -----------------------------------------------------------------------------------------------

test('routing: index scripts', async (t) => {
  const h = await home(t, {
    publicDir: false,
    scripts: {
      'a/index.cgi': environment,
      'b/index.cgi': named('b/index.cgi'),
      'b/index.sh': named('b/index.sh'),
      'b/index.aaa': named('b/index.aaa'),
      'c/index.sh': named('c/index.sh'),
      'd/index.html': text(),
      'd/index.txt': text(),
      'e/.index.cgi': named(secret),
      'f/index.cgi': { text: named(secret), mode: 0o644 },
      'f/index.sh': named('f/index.sh'),
    },
  });
  await table(t, h, [
    { target: '/cgi-bin/a/', status: 200, says: 'REQUEST_METHOD=GET' },
    { target: '/cgi-bin/b/', status: 200, says: 'ran b/index.cgi' },
    { target: '/cgi-bin/c/', status: 200, says: 'ran c/index.sh' },
    { target: '/cgi-bin/c/?x=y', status: 200, says: 'ran c/index.sh' },
    { target: '/cgi-bin/f/', status: [200, 403] },
    { target: '/cgi-bin/d/', status: [200, 403, 404] },
    { target: '/cgi-bin/e/', status: [200, 403, 404] },
    { target: '/cgi-bin/a/nothing', status: 404 },
  ]);
  await t.test('its Script-URI leads back to it (§3.3)', async () => {
    const first = variables(await get(h.port, '/cgi-bin/a/?q'));
    assert.equal(first.get('QUERY_STRING'), 'q');
    assert.equal(first.get('SCRIPT_FILENAME'), join(h.dir, 'a/index.cgi'));
    const again = variables(await get(h.port, `${first.get('SCRIPT_NAME')}${first.get('PATH_INFO') ?? ''}?q`));
    for (const name of ['SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'SCRIPT_FILENAME'])
      assert.equal(again.get(name), first.get(name), name);
  });
  await t.test('POST reaches it', async () => assert.equal((await post(h.port, '/cgi-bin/c/', 'x')).text, 'ran c/index.sh'));
});

test('routing: slash redirects', async (t) => {
  const h = await home(t, {
    public: { 'index.html': 'home', 'docs/index.html': 'docs', 'sp ace/é/index.html': 'odd' },
    scripts: { 'sub/index.cgi': named('sub'), 'my dir%/index.cgi': named('odd') },
  });
  const rows: [method: string, target: string, status: number, location: string][] = [
    ['GET', '/cgi-bin/sub', 301, '/cgi-bin/sub/'],
    ['HEAD', '/cgi-bin/sub', 301, '/cgi-bin/sub/'],
    ['GET', '/cgi-bin/sub?a=b&c=%20', 301, '/cgi-bin/sub/?a=b&c=%20'],
    ['POST', '/cgi-bin/sub?a=b', 308, '/cgi-bin/sub/?a=b'],
    ['PUT', '/cgi-bin/sub', 308, '/cgi-bin/sub/'],
    ['GET', '/cgi-bin', 301, '/cgi-bin/'],
    ['GET', '/cgi-bin?x', 301, '/cgi-bin/?x'],
    ['GET', '/cgi-bin/my%20dir%25', 301, '/cgi-bin/my%20dir%25/'],
    ['GET', '/docs', 301, '/docs/'],
    ['GET', '/docs?x=y', 301, '/docs/?x=y'],
    ['GET', '/sp%20ace/%C3%A9', 301, '/sp%20ace/%C3%A9/'],
  ];
  for (const [method, target, status, location] of rows) {
    await t.test(`${method} ${target}`, async () => {
      const answer = await ask(h, method, target, { 'Content-Length': '0' });
      assert.equal(answer.status, status, answer.text.slice(0, 300));
      const to = new URL(answer.get('location') ?? '', 'http://localhost');
      assert.equal(to.host, 'localhost');
      assert.equal(to.pathname + to.search, location);
    });
  }
  // `Location: //evil.example/` would lead to another host.
  for (const target of [
    '//evil.example/%2e%2e/cgi-bin/sub',
    '//cgi-bin/sub',
    '///docs',
    '//evil.example/..',
    '//docs',
    '/cgi-bin//sub',
    '//cgi-bin',
  ]) {
    await t.test(`${target} leads to no other host`, async () => {
      const location = (await get(h.port, target)).get('location');
      if (location !== undefined) assert.equal(new URL(location, 'http://localhost').host, 'localhost', location);
    });
  }
});

test('routing: start page and listing', async (t) => {
  const scripts = {
    hello: named('hello'),
    'sub/deep.cgi': named('deep'),
    '.hidden.cgi': named(secret),
    '<b>&.cgi': named('markup'),
    'broken.cgi': text(),
  };
  const bare = await home(t, { publicDir: false, scripts });
  const withIndex = await home(t, { public: { 'index.html': '<p>my own home' }, scripts });
  const withoutIndex = await home(t, { public: { 'other.txt': 'other' }, scripts });

  for (const [h, target] of [
    [bare, '/'],
    [withoutIndex, '/'],
    [bare, '/cgi-bin/'],
    [withIndex, '/cgi-bin/'],
  ] as const) {
    await t.test(
      `${target} ${h === bare ? 'without a public directory' : h === withIndex ? 'beside an index' : 'without an index'}`,
      async () => {
        const answer = await get(h.port, target);
        assert.equal(answer.status, 200);
        assert.match(answer.get('content-type') ?? '', /^text\/html; ?charset=utf-8$/i);
        assert.ok(answer.text.includes('href="/cgi-bin/hello"'), 'a link to the script');
        assert.ok(answer.text.includes('/cgi-bin/sub/deep.cgi'), 'the one below');
        assert.ok(!answer.text.includes('hidden'), 'no hidden name');
        assert.ok(!answer.text.includes('<b>&.cgi'), 'names are escaped');
      },
    );
  }
  await t.test('HEAD / has no body', async () => {
    const answer = await ask(bare, 'HEAD', '/');
    assert.equal(answer.status, 200);
  });
  await t.test('an index.html of one’s own wins', async () => assert.equal((await get(withIndex.port, '/')).text, '<p>my own home'));
  await t.test('an index script wins over the listing', async () => {
    const h = await home(t, { publicDir: false, scripts: { 'index.cgi': named('index'), hello: named('hello') } });
    assert.equal((await get(h.port, '/cgi-bin/')).text, 'ran index');
  });
});

test('routing: prefix', async (t) => {
  for (const [prefix, at] of [
    ['/run/', '/run'],
    ['/run', '/run'],
    ['/a/b/', '/a/b'],
    ['/', ''],
  ] as const) {
    const h = await home(t, { prefix, publicDir: false, scripts: { env: environment } });
    await t.test(`${prefix}: scripts are at ${at}/`, async () => {
      const vars = variables(await get(h.port, `${at}/env/x`));
      assert.equal(vars.get('SCRIPT_NAME'), `${at}/env`);
      assert.equal(vars.get('PATH_INFO'), '/x');
    });
    if (at !== '') {
      await t.test(`${prefix}: nowhere else`, async () => {
        for (const target of ['/env', '/cgi-bin/env', `${at}x/env`]) assert.equal((await get(h.port, target)).status, 404, target);
      });
    }
  }
});

// --- how a script is run ------------------------------------------------------------------------------------------

test('routing: the interpreter map', async (t) => {
  const h = await home(t, {
    interpreters: { '.txt': 'sh', '.js': process.execPath },
    publicDir: false,
    scripts: {
      'plain.txt': { text: environment.replace(/^#!.*\n/, ''), mode: 0o644 },
      'words.txt': { text: argumentsGiven, mode: 0o644 },
      'node.js': { text: `console.log('Content-Type: text/plain\\n\\nran node ' + process.argv.length)`, mode: 0o644 },
      'executable.js': { text: `console.log('Content-Type: text/plain\\n\\nran executable')`, mode: 0o755 },
      'other.html': text(),
    },
  });
  await table(t, h, [
    { target: '/cgi-bin/node.js', status: 200, says: 'ran node 2' },
    { target: '/cgi-bin/executable.js', status: 200, says: 'ran executable' },
    { target: '/cgi-bin/other.html', status: 403 },
    { target: '/cgi-bin/missing.js', status: 404 },
    { target: '/cgi-bin/node.js.bak', status: 404 },
  ]);
  await t.test('runs a file without X bit and without #!', async () => {
    const vars = variables(await get(h.port, '/cgi-bin/plain.txt/x'));
    assert.equal(vars.get('SCRIPT_FILENAME'), join(h.dir, 'plain.txt'));
    assert.equal(vars.get('SCRIPT_NAME'), '/cgi-bin/plain.txt');
    assert.equal(vars.get('PATH_INFO'), '/x');
  });
  await t.test('in the script’s directory, with no arguments of its own', async () => {
    assert.equal((await get(h.port, '/cgi-bin/words.txt')).text, `${h.dir}\n`);
  });
  await t.test('a missing interpreter is told at start', () => {
    assert.throws(
      () => createServer({ dir: h.dir, publicDir: false, interpreters: { '.x': 'no-such-program-anywhere' } }),
      /no-such-program-anywhere/,
    );
  });
});

test('routing: §7.2 the working directory is the script’s', async (t) => {
  const h = await home(t, {
    publicDir: false,
    scripts: { args: argumentsGiven, 'sub/deep/args': argumentsGiven, 'odd dir/args': argumentsGiven },
  });
  for (const [target, cwd] of [
    ['/cgi-bin/args', '.'],
    ['/cgi-bin/sub/deep/args/x/y', 'sub/deep'],
    ['/cgi-bin/odd%20dir/args', 'odd dir'],
  ] as const) {
    await t.test(target, async () => assert.equal((await get(h.port, target)).text, `${realpathSync(join(h.dir, cwd))}\n`));
  }
});

const indexed: [why: string, query: string, words: string[]][] = [
  ['one word', '?one', ['one']],
  ['words', '?one+two+three', ['one', 'two', 'three']],
  ['decoded after the split', '?a%2Bb+c', ['a+b', 'c']],
  ['an encoded =', '?a%3Db', ['a=b']],
  ['escapes for a shell: ;', '?a%3Bb', ['a\\;b']],
  ['escapes for a shell: many', '?%24%60%7C%26%3C%3E%28%29%2A%3F%27%22', ['\\$\\`\\|\\&\\<\\>\\(\\)\\*\\?\\\'\\"']],
  ['escapes for a shell: unencoded', "?a$b;c*'d", ["a\\$b\\;c\\*\\'d"]],
  ['nothing to pass', '', []],
  ['nothing after ?', '?', []],
  ['a form', '?a=b', []],
  ['a form among words', '?one+two=three', []],
  ['an option', '?-s', []],
  ['an option later', '?one+-s', []],
  ['an encoded option', '?%2Ds', []],
  ['a long option', '?--help', []],
  ['NUL', '?a+%00', []],
  ['a control character', '?a+b%0Ac', []],
  ['not ASCII: CVE-2024-4577 soft hyphen', '?%C2%ADs', []],
  ['not ASCII: one byte', '?%ADs', []],
  ['a broken escape: none of the words', '?one+%zz', []],
];

test('routing: §4.4 the indexed query', async (t) => {
  const scripts = { args: argumentsGiven, 'mapped.txt': { text: argumentsGiven, mode: 0o755 } };
  const h = await home(t, { isindex: true, interpreters: { '.txt': 'sh' }, publicDir: false, scripts });
  const off = await home(t, { publicDir: false, scripts });
  for (const [why, query, words] of indexed) {
    await t.test(`${why}: ${query}`, async () => {
      const answer = await get(h.port, `/cgi-bin/args${query}`);
      assert.deepEqual(answer.text.split('\n').slice(1, -1), words);
      assert.equal(answer.get('x-count'), String(words.length));
    });
  }
  for (const [why, house, method, target, words] of [
    ['HEAD', h, 'HEAD', '/cgi-bin/args?one+two', 2],
    ['POST', h, 'POST', '/cgi-bin/args?one+two', 0],
    ['PUT', h, 'PUT', '/cgi-bin/args?one', 0],
    ['through the interpreter map', h, 'GET', '/cgi-bin/mapped.txt?one', 0],
    ['not asked for', off, 'GET', '/cgi-bin/args?one+two', 0],
  ] as const) {
    await t.test(`${why}: ${words}`, async () => assert.equal((await ask(house, method, target)).get('x-count'), String(words)));
  }
});

// --- static files ------------------------------------------------------------------------------------------------

const hundred = Array.from({ length: 100 }, (_, i) => String(i % 10)).join('');

test('routing: static files', async (t) => {
  const h = await home(t, {
    scripts: { hello: named('hello') },
    public: {
      'index.html': '<p>home',
      'hundred.txt': hundred,
      'page.html': '<p>page',
      'style.css': 'a{}',
      'empty.txt': '',
      'docs/index.html': '<p>docs',
      'bare/x.txt': 'x',
      '.secret': secret,
      '.git/config': secret,
      'sub/.env': secret,
      'with space.txt': 'space',
      '100%.txt': 'percent',
      'a#b.txt': 'hash',
      'what?.txt': 'question',
      'café.txt': 'cafe',
      'a+b.txt': 'plus',
      '%41.txt': 'not decoded twice',
    },
  });
  await table(t, h, [
    { target: '/', status: 200, says: '<p>home' },
    { target: '/?x=y', status: 200, says: '<p>home' },
    { target: '/docs/', status: 200, says: '<p>docs' },
    { target: '/docs/index.html', status: 200, says: '<p>docs' },
    { target: '/hundred.txt?x', status: 200, says: hundred },
    { target: '/style.css', status: 200, says: 'a{}' },
    { target: '/with%20space.txt', status: 200, says: 'space' },
    { target: '/100%25.txt', status: 200, says: 'percent' },
    { target: '/a%23b.txt', status: 200, says: 'hash' },
    { target: '/what%3F.txt', status: 200, says: 'question' },
    { target: '/caf%C3%A9.txt', status: 200, says: 'cafe' },
    { target: '/a+b.txt', status: 200, says: 'plus' },
    { target: '/a%2Bb.txt', status: 200, says: 'plus' },
    { target: '/%2541.txt', status: 200, says: 'not decoded twice' },
    { target: '/docs/../hundred.txt', status: 200, says: hundred },
    { target: '/nothing.txt', status: 404 },
    { target: '/HUNDRED.txt', status: 404 },
    { target: '/hundred.txt.', status: 404 },
    { target: '/hundred.txt%20', status: 404 },
    { target: '/hundred.txt/', status: 404 },
    { target: '/hundred.txt/x', status: 404 },
    { target: '/bare/', status: [403, 404] },
    { target: '/.secret', status: 404 },
    { target: '/%2esecret', status: 404 },
    { target: '/.git/config', status: 404 },
    { target: '/sub/.env', status: 404 },
    { target: '/hundred.txt%00', status: 400 },
    { target: '/100%.txt', status: 400 },
    { target: '/docs%2findex.html', status: 404 },
  ]);

  await t.test('type, length, validators', async () => {
    const answer = await get(h.port, '/page.html');
    assert.match(answer.get('content-type') ?? '', /^text\/html; ?charset=utf-8$/i);
    assert.equal(answer.get('content-length'), '7');
    assert.ok(answer.get('etag'));
    assert.ok(Date.parse(answer.get('last-modified') ?? '') > 0);
    assert.equal((await get(h.port, '/empty.txt')).get('content-length'), '0');
  });
  await t.test('HEAD has the fields of GET and no body', async () => {
    const [head, full] = [await ask(h, 'HEAD', '/hundred.txt'), await get(h.port, '/hundred.txt')];
    assert.equal(head.status, 200);
    for (const name of ['content-type', 'content-length', 'etag', 'last-modified']) assert.equal(head.get(name), full.get(name), name);
  });
  for (const [range, status, body, contentRange] of [
    ['bytes=0-9', 206, hundred.slice(0, 10), 'bytes 0-9/100'],
    ['bytes=90-', 206, hundred.slice(90), 'bytes 90-99/100'],
    ['bytes=-5', 206, hundred.slice(-5), 'bytes 95-99/100'],
    ['bytes=0-1', 206, '01', 'bytes 0-1/100'],
    ['bytes=1-1', 206, '1', 'bytes 1-1/100'],
    ['bytes=95-200', 206, hundred.slice(95), 'bytes 95-99/100'],
    ['bytes=-500', 206, hundred, 'bytes 0-99/100'],
    ['bytes=100-', 416, undefined, 'bytes */100'],
    ['lines=0-9', 200, hundred, undefined],
  ] as const) {
    await t.test(`Range: ${range} is ${status}`, async () => {
      const answer = await get(h.port, '/hundred.txt', { Range: range });
      assert.equal(answer.status, status);
      assert.equal(answer.get('content-range'), contentRange);
      if (body !== undefined) assert.equal(answer.text, body);
    });
  }
  await t.test('Range: bytes=0-0 is the first byte, or passed over', async () => {
    const answer = await get(h.port, '/hundred.txt', { Range: 'bytes=0-0' });
    assert.equal(answer.text, answer.status === 206 ? '0' : hundred);
  });
  for (const range of ['bytes=9-5', 'bytes=x', 'bytes=', 'bytes=-']) {
    await t.test(`Range: ${range} is no range: all of it, or 416`, async () => {
      const answer = await get(h.port, '/hundred.txt', { Range: range });
      if (answer.status !== 416) assert.deepEqual([answer.status, answer.text], [200, hundred]);
    });
  }
  await t.test('Range with another If-Range is all of it', async () => {
    const answer = await get(h.port, '/hundred.txt', { Range: 'bytes=0-9', 'If-Range': '"other"' });
    assert.deepEqual([answer.status, answer.text], [200, hundred]);
  });
  const etag = (await get(h.port, '/hundred.txt')).get('etag') ?? '';
  for (const [value, status] of [
    [etag, 304],
    [`"other", ${etag}`, 304],
    [`${etag},"other"`, 304],
    ['*', 304],
    ['"other"', 200],
    [etag.replace(/^W\//, ''), 304], // §13.1.2: the weak comparison
  ] as const) {
    await t.test(`If-None-Match: ${value} is ${status}`, async () => {
      assert.equal((await get(h.port, '/hundred.txt', { 'If-None-Match': value })).status, status);
    });
  }
  await t.test('§15.4.5 a 304 names the ETag and Cache-Control that a 200 would', async () => {
    const full = await get(h.port, '/hundred.txt');
    for (const headers of [{ 'If-None-Match': etag }, { 'If-Modified-Since': full.get('last-modified')! }]) {
      const answer = await get(h.port, '/hundred.txt', headers);
      assert.equal(answer.status, 304);
      for (const name of ['etag', 'cache-control', 'server'])
        assert.equal(answer.get(name), full.get(name), `${name}, ${JSON.stringify(headers)}`);
    }
  });
  await t.test('If-Modified-Since', async () => {
    const modified = (await get(h.port, '/hundred.txt')).get('last-modified')!;
    const asking = async (date: string) => (await get(h.port, '/hundred.txt', { 'If-Modified-Since': date })).status;
    assert.equal(await asking(modified), 304);
    assert.equal(await asking('Thu, 01 Jan 1998 00:00:00 GMT'), 200);
    assert.equal(await asking('nonsense'), 200);
  });
  await t.test('If-None-Match goes before If-Modified-Since', async () => {
    const modified = (await get(h.port, '/hundred.txt')).get('last-modified')!;
    assert.equal((await get(h.port, '/hundred.txt', { 'If-None-Match': '"other"', 'If-Modified-Since': modified })).status, 200);
  });
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    await t.test(`${method} is 405`, async () => {
      for (const target of ['/hundred.txt', '/', '/docs/']) {
        const answer = await ask(h, method, target, { 'Content-Length': '0' });
        assert.equal(answer.status, 405, target);
        assert.match(answer.get('allow') ?? '', /^GET, ?HEAD/);
      }
    });
  }
  await t.test('POST to nothing is 404', async () => assert.equal((await post(h.port, '/nothing', 'x')).status, 404));
  await t.test('a changed file is new at once', async () => {
    const file = join(h.root, 'public/page.html');
    const before = await get(h.port, '/page.html');
    writeFileSync(file, '<p>after');
    utimesSync(file, new Date(), new Date(Date.now() + 5000));
    const after = await get(h.port, '/page.html', { 'If-None-Match': before.get('etag')! });
    assert.equal(after.status, 200);
    assert.equal(after.text, '<p>after');
    assert.equal(statSync(file).size, Number(after.get('content-length')));
  });
  await t.test('a new file is there at once', async () => {
    writeFileSync(join(h.root, 'public/new.txt'), 'new');
    assert.equal((await get(h.port, '/new.txt')).text, 'new');
  });
});

// --- who may enter -------------------------------------------------------------------------------------------------

const sha = (password: string) => `{SHA}${createHash('sha1').update(password).digest('base64')}`;

/** All three hold «open sesame»; the second as `openssl passwd -apr1`, the third as `htpasswd -B` writes it. */
const htpasswd = [
  '# people',
  `ali:${sha('open sesame')}`,
  'baba:$apr1$saltsalt$HIDXe7D36X22w1CH4M1cQ.',
  'morgiana:$2y$05$YmO2Kg8eTBSY2ajled1pTerz0yDL9olKDVsidNJWGqa25ZMA8fuw6',
  `colon:${sha('a:b:c')}`,
  `zoë:${sha('pässword')}`,
  `empty:${sha('')}`,
  '',
].join('\n');

const basic = (name: string, password: string) => ({ Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` });

test('routing: basicAuth', async (t) => {
  const around = await home(t, { publicDir: false, scripts: {} });
  const file = join(around.root, 'htpasswd');
  writeFileSync(file, htpasswd);
  const marker = join(around.root, 'ran');
  const h = await home(t, {
    basicAuth: file,
    public: { 'index.html': secret },
    scripts: { env: environment, mark: `${says('ran')}: > '${marker}'\n` },
  });

  const refused: [why: string, headers: Record<string, string>][] = [
    ['nobody', {}],
    ['a wrong password', basic('ali', 'close sesame')],
    ['an empty password', basic('ali', '')],
    ['a password longer by one', basic('ali', 'open sesame!')],
    ['an unknown user', basic('kasim', 'open sesame')],
    ['another case', basic('Ali', 'open sesame')],
    ['no user', basic('', 'open sesame')],
    ['the hash as password', basic('ali', sha('open sesame'))],
    ['no colon', { Authorization: `Basic ${Buffer.from('ali').toString('base64')}` }],
    ['not base64', { Authorization: 'Basic ???' }],
    ['no credentials', { Authorization: 'Basic' }],
    ['another scheme', { Authorization: 'Bearer abc' }],
    ['Digest', { Authorization: 'Digest username="ali"' }],
    ['a field like the variable', { 'Remote-User': 'ali', 'Auth-Type': 'Basic' }],
  ];
  for (const [why, headers] of refused) {
    await t.test(`401: ${why}`, async () => {
      const answer = await get(h.port, '/cgi-bin/mark', headers);
      assert.equal(answer.status, 401);
      assert.match(answer.get('www-authenticate') ?? '', /^Basic realm="[^"]*"/);
    });
  }
  await t.test('401: whatever is asked for, and whether it is there', async () => {
    for (const target of ['/', '/index.html', '/nothing', '/cgi-bin/', '/cgi-bin/nothing', '/cgi-bin', '/cgi-bin/nph-x']) {
      const answer = await get(h.port, target);
      assert.equal(answer.status, 401, target);
      assert.ok(!answer.text.includes(secret), target);
    }
  });
  await t.test('§3.1 no script ran before', () => {
    assert.ok(!existsSync(marker));
    assert.deepEqual(
      h.exchanges.filter((e) => e.pid !== undefined),
      [],
    );
  });

  for (const [name, password] of [
    ['ali', 'open sesame'],
    ['baba', 'open sesame'],
    ['morgiana', 'open sesame'],
    ['colon', 'a:b:c'],
    ['zoë', 'pässword'],
    ['empty', ''],
  ] as const) {
    await t.test(`${name} may enter`, async () => {
      const vars = variables(await get(h.port, '/cgi-bin/env', basic(name, password)));
      assert.equal(vars.get('AUTH_TYPE'), 'Basic');
      assert.equal(vars.get('REMOTE_USER'), name);
      assert.equal(vars.get('HTTP_AUTHORIZATION'), undefined);
    });
  }
  await t.test('the scheme’s name ignores case', async () => {
    const { Authorization } = basic('ali', 'open sesame');
    assert.equal((await get(h.port, '/cgi-bin/env', { Authorization: Authorization.replace('Basic', 'bASIC') })).status, 200);
  });
  await t.test('static files, too', async () => {
    assert.equal((await get(h.port, '/', basic('ali', 'open sesame'))).text, secret);
  });
  await t.test('the log knows who it was', async () => {
    await get(h.port, '/cgi-bin/env/who', basic('ali', 'open sesame'));
    assert.equal((await h.exchange((e) => e.target === '/cgi-bin/env/who')).user, 'ali');
  });
  await t.test('a user who is added may enter at once', async () => {
    appendFileSync(file, `new:${sha('x')}\n`);
    assert.equal((await get(h.port, '/cgi-bin/env', basic('new', 'x'))).status, 200);
  });
});

test('routing: basicAuth never opens by mistake', async (t) => {
  const h = await home(t, { publicDir: false, scripts: { env: environment } });
  const bad = { missing: undefined, empty: '', 'without users': '# nobody\n', 'plain text': 'ali:open sesame\n', 'no colon': 'ali\n' };
  for (const [why, content] of Object.entries(bad)) {
    await t.test(why, () => {
      const file = join(h.root, why);
      if (content !== undefined) writeFileSync(file, content);
      assert.throws(() => createServer({ dir: h.dir, publicDir: false, basicAuth: file }));
    });
  }
});

test('routing: basicAuth reads what the htpasswd program writes', async (t) => {
  if (!needs(t, 'htpasswd')) return;
  const around = await home(t, { publicDir: false, scripts: {} });
  const file = join(around.root, 'htpasswd');
  const write = (flags: string, name: string) => assert.equal(spawnSync('htpasswd', [flags, file, name, 'open sesame']).status, 0, flags);
  write('-cbB', 'bcrypt');
  write('-bm', 'apr1');
  write('-bs', 'sha');
  const h = await home(t, { basicAuth: file, publicDir: false, scripts: { env: environment } });
  for (const name of ['bcrypt', 'apr1', 'sha']) {
    await t.test(name, async () => {
      assert.equal(variables(await get(h.port, '/cgi-bin/env', basic(name, 'open sesame'))).get('REMOTE_USER'), name);
      assert.equal((await get(h.port, '/cgi-bin/env', basic(name, 'close sesame'))).status, 401);
    });
  }
});

test('files with secrets are not there, though they lie in the public directory', async (t) => {
  const password = createHash('sha1').update('pw').digest('base64');
  const root = mkdtempSync(join(tmpdir(), 'cgi-serve-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'cgi-bin'));
  for (const [name, text] of [
    ['users', `ada:{SHA}${password}\n`],
    ['cgi-serve.config.json', '{}'],
    ['page.txt', 'page'],
  ] as const)
    writeFileSync(join(root, name), text);
  symlinkSync('users', join(root, 'link'));
  const server = createServer({
    dir: join(root, 'cgi-bin'),
    publicDir: root,
    basicAuth: join(root, 'users'),
    neverSent: [join(root, 'cgi-serve.config.json')],
  });
  const [at] = await server.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close(0));
  const authorized = { Authorization: `Basic ${Buffer.from('ada:pw').toString('base64')}` };
  for (const path of ['/users', '/link', '/%75sers', '/cgi-serve.config.json']) {
    const answer = await get(at!.port, path, authorized);
    assert.equal(answer.status, 404, path);
    assert.doesNotMatch(answer.text, /SHA/);
  }
  assert.equal((await get(at!.port, '/page.txt', authorized)).text, 'page');
});
