/**
 * What a client sees of a WSGI application must not hang on the server it runs under. The same applications, asked the same, under our
 * workers and under Gunicorn 20.1, Waitress 2.1 and uWSGI 2.0.21, as Debian 12 has them; where one of these shows something else than we
 * do, that stands here with the reason.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { written } from '../life/processes.js';
import { needs } from '../support/needs.js';
import { type Answer, requestText, talk, Wire } from '../support/wire.js';
import { room } from './peers.js';
import { type Peer, peers, programs, type Server, underAll, us } from './wsgi-servers.js';

interface Case {
  /** As it goes over the wire. */
  readonly request: string | Buffer;
  /** What we show: status, fields and body, `200 OK; content-type: text/plain; hello`. */
  readonly seen: string;
  /** What others show, and why we do not. */
  readonly unlike?: { readonly [peer in Peer]?: string } & { readonly why: string };
}

const get = (target: string, ...fields: string[]): string =>
  requestText('GET', target).replace('\r\n', `\r\n${fields.map((field) => `${field}\r\n`).join('')}`);
const head = (target: string): string => requestText('HEAD', target);
const post = (target: string, body: string, fields: Record<string, string> = {}): string =>
  requestText('POST', target, { 'Content-Length': String(body.length), ...fields }) + body;
const postChunked = (target: string, pieces: readonly string[], fields: Record<string, string> = {}): string =>
  requestText('POST', target, { 'Transfer-Encoding': 'chunked', ...fields }) +
  [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');

const noAnswer = 'no answer';
const noHttp = 'no HTTP';
/** Broken off; or, where nothing was out yet, a 502. Which of the two is a matter of microseconds. */
const notWhole = 'not whole';

/** Framing (RFC 9112 §6), and what a server says of itself. */
const serversOwn = /^(connection|content-length|date|keep-alive|server|server-timing|trailer|transfer-encoding|via)$/;

const told = ({ status, reason, headers, body, complete }: Answer): string => {
  if (!complete || status === 502) return notWhole;
  // A page of the server's own, or of a framework's: each has its own words.
  if (status >= 400 && !['Sorry', 'Not Here'].includes(reason)) return String(status);
  const fields = headers.map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => !serversOwn.test(name));
  return [`${status} ${reason}`, ...fields.map((field) => field.join(': ')).sort(), sample(body)].join('; ');
};

const sample = (body: Buffer): string =>
  body.length <= 1000 ? body.toString('latin1') : `${body.length} bytes, ${createHash('sha1').update(body).digest('hex').slice(0, 8)}`;

const ask = async (port: number, request: string | Buffer, hangs: boolean): Promise<string> => {
  const method = request.toString().startsWith('HEAD ') ? 'HEAD' : 'GET';
  try {
    return told(await talk(port, request, { method, ...(hangs ? { timeoutMs: 1_000 } : {}) }));
  } catch (error) {
    return /timed out|closed \(/.test((error as Error).message) ? noAnswer : noHttp;
  }
};

/** Asks every server for everything, and says of all at once what is not as it stands in the table. */
const compare = async (t: TestContext, target: string, cases: Record<string, Case>, prefix = ''): Promise<void> => {
  if (!needs(t, 'python3', ...programs)) return;
  const wrong: string[] = [];
  for (const [server, port] of await underAll(t, target, prefix)) {
    for (const [what, { request, seen, unlike }] of Object.entries(cases)) {
      const wanted = (server === us ? undefined : unlike?.[server]) ?? seen;
      const found = await ask(port, request, wanted === noAnswer);
      if (found !== wanted) wrong.push(`${what}, ${server}\n  shows  ${found}\n  wanted ${wanted}`);
    }
  }
  assert.equal(wrong.join('\n'), '');
};

/** Of three who agree. */
const all = (shown: string): { readonly [peer in Peer]?: string } => ({ Gunicorn: shown, Waitress: shown, uWSGI: shown });
const text = 'content-type: text/plain';
const ok = (body: string): string => `200 OK; ${text}; ${body}`;
const formType = { 'Content-Type': 'application/x-www-form-urlencoded' };

test('paths', async (t) => {
  const path = (pathInfo: string): string => ok(`plain ${pathInfo}`);
  await compare(t, 'plain.py:app', {
    'the root': { request: get('/'), seen: path('/') },
    'a space, and UTF-8': { request: get('/a%20b/caf%C3%A9'), seen: path('/a b/caf\xc3\xa9') },
    'an encoded percent sign': { request: get('/a%2525b'), seen: path('/a%25b') },
    'an encoded question mark': { request: get('/a%3Fb'), seen: path('/a?b') },
    parameters: { request: get('/a;b=c,d/e'), seen: path('/a;b=c,d/e') },
    'HTTP/1.0': { request: 'GET /a HTTP/1.0\r\n\r\n', seen: path('/a') },
    HEAD: { request: head('/a'), seen: ok('') },
    'a method that few know': { request: requestText('PURGE', '/a'), seen: path('/a') },
    'slashes in a row': {
      request: get('//a///b//'),
      seen: path('//a///b//'),
      unlike: { Waitress: path('/a///b//'), why: 'RFC 3875 §4.1.5: PATH_INFO is the rest of the path, and empty segments are segments' },
    },
    'the absolute form': {
      request: get('http://example.org/a?b'),
      seen: path('/a'),
      unlike: { uWSGI: path('http://example.org/a'), why: 'RFC 9112 §3.2.2: every server must accept it' },
    },
    'the absolute form, without a path': {
      request: get('http://example.org'),
      seen: path('/'),
      unlike: {
        ...{ Gunicorn: path(''), Waitress: path(''), uWSGI: path('http://example.org') },
        why: 'PEP 3333 «environ Variables»: SCRIPT_NAME and PATH_INFO are never both empty; RFC 9110 §4.2.3: that path is /',
      },
    },
    dots: {
      request: get('/a/./b/../c'),
      seen: path('/a/c'),
      unlike: { Gunicorn: path('/a/./b/../c'), Waitress: path('/a/./b/../c'), why: 'RFC 3875 §9.8, RFC 3986 §5.2.4: resolved here' },
    },
    'encoded dots': {
      request: get('/a/%2E%2E/b'),
      seen: path('/b'),
      unlike: { ...all(path('/a/../b')), why: 'RFC 3986 §6.2.2.2: an encoded dot is a dot' },
    },
    'dots above the root': {
      request: get('/../a'),
      seen: '400',
      unlike: { ...all(path('/../a')), uWSGI: path('/a'), why: 'RFC 3875 §9.8: nobody asks for that by mistake' },
    },
    'an encoded slash': {
      request: get('/a%2Fb'),
      seen: '404',
      unlike: { ...all(path('/a/b')), why: 'RFC 3875 §4.1.5: a server may refuse what decoding makes ambiguous; --encoded-slashes decode' },
    },
    'bytes that are not UTF-8': {
      request: get('/%FF%FE'),
      seen: '400',
      unlike: { ...all(path('/\xff\xfe')), why: 'RFC 3875 §4.1.5: a server may refuse values; here a path is text, as on disk' },
    },
    'a byte that should have been encoded': {
      request: get('/caf\xe9'),
      seen: '400',
      unlike: { Gunicorn: path('/caf\xc3\xa9'), uWSGI: path('/caf\xe9'), why: 'RFC 3986 §3.3: no such byte is in a path' },
    },
    'a percent sign that encodes nothing': {
      request: get('/%zz'),
      seen: '400',
      unlike: { ...all(path('/%zz')), uWSGI: path('/\0'), why: 'RFC 3986 §2.1: two digits follow' },
    },
    NUL: {
      request: get('/a%00b'),
      seen: '400',
      unlike: { ...all(path('/a\0b')), why: 'RFC 3875 §9.8: programs in C behind the application end the path there' },
    },
    'a fragment': {
      request: get('/a#b'),
      seen: '400',
      unlike: { ...all(path('/a')), why: 'RFC 9112 §3.2: a target has none' },
    },
    'OPTIONS *': {
      request: requestText('OPTIONS', '*'),
      seen: '200 OK; allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS; ',
      unlike: { ...all(path('*')), why: 'RFC 9110 §9.3.7: it asks the server, not a resource' },
    },
    'a method in small letters': {
      request: requestText('get', '/a'),
      seen: '501',
      unlike: {
        Gunicorn: path('/a'),
        Waitress: '400',
        uWSGI: path('/a'),
        why: 'RFC 9110 §9.1: methods are case-sensitive, and that is none',
      },
    },
  });
});

test('paths under a prefix', async (t) => {
  const path = (pathInfo: string): string => ok(`plain ${pathInfo}`);
  await compare(
    t,
    'plain.py:app',
    {
      below: { request: get('/app/a/b'), seen: path('/a/b') },
      'the prefix itself': { request: get('/app'), seen: path('') },
      'with a slash': { request: get('/app/'), seen: path('/') },
      'with two': { request: get('/app//x'), seen: path('//x') },
      'a name that only begins so': {
        request: get('/application'),
        seen: '404',
        unlike: {
          ...{ Gunicorn: path('lication'), Waitress: path('/application'), uWSGI: path('/application') },
          why: 'RFC 3875 §4.1.13: it is not below the prefix',
        },
      },
    },
    '/app',
  );
});

/** A request's query or fields, and one variable that the application finds; a number is the status of a refusal. */
const variables: Record<string, readonly [variable: string, sent: readonly string[], seen: Shown, unlike?: Unlike]> = {
  'no query': ['QUERY_STRING', [], ''],
  'an empty query': ['QUERY_STRING', ['?'], ''],
  'a query with everything in it': ['QUERY_STRING', ['??a=1&b=/?&=&&+%20%zz%2F'], '?a=1&b=/?&=&&+%20%zz%2F'],
  'what no query may have': ['QUERY_STRING', ['?[]{}|^"<>`\\'], '[]{}|^"<>`\\'],
  'bytes beyond ASCII in a query': [
    ...(['QUERY_STRING', ['?caf\xe9'], 400] as const),
    { Gunicorn: 'caf\xe9', uWSGI: 'caf\xe9', why: 'RFC 3986 §3.4: no such byte is in a query' },
  ],
  'an empty field': ['HTTP_X_A', ['X-A: '], ''],
  'spaces around a value': [
    ...(['HTTP_X_A', ['X-A:  b  '], 'b'] as const),
    { Gunicorn: 'b  ', uWSGI: 'b  ', why: 'RFC 9112 §5.1: they are no part of it' },
  ],
  'a field twice': ['HTTP_X_A', ['X-A: a', 'X-A: b'], 'a, b', { Gunicorn: 'a,b', why: 'RFC 9110 §5.3: for people, with a space' }],
  'cookies in two fields': [
    ...(['HTTP_COOKIE', ['Cookie: a=1', 'Cookie: b=2'], 'a=1; b=2'] as const),
    { Gunicorn: 'a=1,b=2', Waitress: 'a=1, b=2', uWSGI: 'a=1, b=2', why: 'RFC 9113 §8.2.3: a comma would be part of the first one' },
  ],
  'UTF-8': ['HTTP_X_A', ['X-A: caf\xc3\xa9'], 'caf\xc3\xa9'],
  'a byte that is no UTF-8': [
    ...(['HTTP_X_A', ['X-A: caf\xe9'], 'caf\xc3\xa9'] as const),
    { ...all('caf\xe9'), why: 'RFC 9110 §5.5: it was ISO-8859-1 once; variables are UTF-8 here, also where they are an environment' },
  ],
  'an underscore in a name': [
    ...(['HTTP_X_A', ['X_A: a'], undefined] as const),
    { Gunicorn: 'a', uWSGI: 'a', why: 'RFC 3875 §4.1.18: it would be the variable of X-A, and could forge that' },
  ],
  'a second Content-Type, by an underscore': [
    ...(['CONTENT_TYPE', ['Content-Type: a/b', 'Content_Type: c/d'], 'a/b'] as const),
    { uWSGI: 'a/b, c/d', why: 'as above' },
  ],
  'a length, by an underscore': ['CONTENT_LENGTH', ['Content_Length: 77'], undefined, { uWSGI: '77', why: 'as above' }],
  'the name of a variable': [
    ...(['SCRIPT_NAME', ['Script-Name: /evil', 'SCRIPT_NAME: /evil'], ''] as const),
    { Gunicorn: 500, why: 'a client has no say in it' },
  ],
  'a dot in a name': [
    ...(['HTTP_X.A', ['X.A: a'], undefined] as const),
    { ...all('a'), why: 'PEP 3333 «environ Variables»: names with a dot are the server’s, and no shell could hold this one' },
  ],
  Proxy: ['HTTP_PROXY', ['Proxy: evil'], undefined, { ...all('evil'), why: 'CVE-2016-5385: HTTP clients would obey it' }],
  TE: ['HTTP_TE', ['TE: trailers'], undefined, { ...all('trailers'), why: 'RFC 3875 §4.1.18: it concerns the connection' }],
  Authorization: [
    ...(['HTTP_AUTHORIZATION', ['Authorization: Basic YTpi'], 'Basic YTpi'] as const),
    { 'uWSGI behind us': undefined, why: 'RFC 3875 §9.2: a program that we do not know gets it by --pass-auth' },
  ],
  'a forwarded scheme': [
    ...(['wsgi.url_scheme', ['X-Forwarded-Proto: https'], 'http'] as const),
    { Gunicorn: 'https', uWSGI: 'https', 'uWSGI behind us': 'https', why: 'any client can say so' },
  ],
  'an expectation nobody has heard of': [
    ...(['HTTP_EXPECT', ['Expect: 200-ok'], 417] as const),
    { ...all('200-ok'), why: 'RFC 9110 §10.1.1: it cannot be met' },
  ],
  'a folded line': [
    ...(['HTTP_X_A', ['X-A: a\r\n b'], 400] as const),
    { Gunicorn: 'a b', Waitress: 'a b', uWSGI: 'a\r\n b', why: 'RFC 9112 §5.2: obsolete; at least the line end must go' },
  ],
  'two Hosts': [
    ...(['HTTP_HOST', ['Host: other.example'], 400] as const),
    { ...all('other.example, localhost'), Gunicorn: 'other.example,localhost', why: 'RFC 9112 §3.2: must be refused' },
  ],
  'two lengths': [
    ...(['CONTENT_LENGTH', ['Content-Length: 0', 'Content-Length: 1'], 400] as const),
    { uWSGI: '0, 1', why: 'RFC 9112 §6.3: must be refused; one of the two hides a request' },
  ],
  'a length that is none': [...(['CONTENT_LENGTH', ['Content-Length: -1'], 400] as const), { uWSGI: '-1', why: 'as above' }],
};
type Shown = string | number | undefined;
type Unlike = { readonly [peer in Peer]?: Shown } & { readonly why: string };

test('what the client said, and what the application is told', async (t) => {
  const cases: Record<string, Case> = {};
  for (const [what, [name, sent, seen, unlike]] of Object.entries(variables)) {
    const query = sent[0]?.startsWith('?') ? sent[0] : '';
    const shown = (value: Shown): string => (typeof value === 'number' ? String(value) : ok(`${name}=${value}`));
    const { why = '', ...others } = unlike ?? {};
    const theirs = Object.fromEntries(Object.entries(others).map(([peer, value]) => [peer, shown(value)]));
    const request = get(`/${name}${query}`, ...(query === '' ? sent : []));
    cases[what] = { request, seen: shown(seen), unlike: { ...theirs, why } };
  }
  await compare(t, 'tells.py', cases);
});

test('answers within the rules', async (t) => {
  const file = '/usr/share/common-licenses/BSD';
  const bsd = readFileSync(file).subarray(5);
  const sent = (length: string | undefined, body: string): string =>
    ok(`${length ?? 'None'} ${body.length} ${createHash('sha1').update(body, 'latin1').digest('hex')}`);
  const large = 'abcdefg'.repeat(750_000);
  await compare(t, 'probe.py', {
    'no body': { request: get('/body'), seen: sent(undefined, '') },
    'an empty body': { request: post('/body', ''), seen: sent('0', '') },
    'a form': { request: post('/body', 'a=1&b=2', formType), seen: sent('7', 'a=1&b=2') },
    '5 MB in': { request: post('/body', large), seen: sent('5250000', large) },
    'a chunked body': {
      request: postChunked('/body', ['abc', 'defg']),
      seen: sent('7', 'abcdefg'),
      unlike: {
        ...{ Gunicorn: sent(undefined, 'abcdefg'), uWSGI: sent(undefined, '') },
        why: 'PEP 3333 has no word for a length that is not known: collected here, so that every application can read it',
      },
    },
    'an empty chunked body': {
      request: postChunked('/body', []),
      seen: sent('0', ''),
      unlike: { Gunicorn: sent(undefined, ''), uWSGI: sent(undefined, ''), why: 'as above' },
    },
    'lines of a body': {
      request: post('/lines', 'first line\nsecond\nthird\nfourth\nlast'),
      seen: ok(String.raw`[b'firs', b't line\n', b'sec', [b'ond\n'], [b'third\n', b'fourth\n', b'last'], b'', b'']`),
      unlike: {
        Gunicorn: ok(String.raw`[b'firs', b't line\n', b'sec', [b'ond\n', b'third\n', b'fourth\n', b'last'], [], b'', b'']`),
        uWSGI: ok(String.raw`[b'first line\n', b'second\n', b'thi', [b'rd\n', b'fourth\n', b'last'], [], b'', b'']`),
        'uWSGI behind us': ok(String.raw`[b'first line\n', b'second\n', b'thi', [b'rd\n', b'fourth\n', b'last'], [], b'', b'']`),
        why: 'PEP 3333 «Input and Error Streams»: as the standard library has it, sizes and hints included',
      },
    },
    '10 MB out, in pieces': { request: get('/big'), seen: '200 OK; content-type: application/octet-stream; 10000000 bytes, f6de2633' },
    '10 MB out, in one': { request: get('/one'), seen: '200 OK; content-type: application/octet-stream; 10000000 bytes, 71a0f071' },
    'HEAD of as much': { request: head('/one'), seen: '200 OK; content-type: application/octet-stream; ' },
    'write()': { request: get('/write'), seen: ok('written, written, returned') },
    'start_response in the first next()': { request: get('/late'), seen: `202 Late; ${text}; late` },
    'no pieces': { request: get('/empty'), seen: ok('') },
    '204': { request: get('/nothing?204+No+Content'), seen: '204 No Content; ' },
    '304': { request: get('/nothing?304+Not+Modified'), seen: '304 Not Modified; ' },
    '404, in its own words': { request: get('/unknown'), seen: `404 Not Here; ${text}; nothing` },
    'a field twice, and a byte beyond ASCII': {
      request: get('/cookies'),
      seen: ok('').replace(text, `${text}; set-cookie: a=1; set-cookie: b=2; x-caf: caf\xe9`),
    },
    'a file, from where it stands': { request: get(`/file?${file}`), seen: ok(sample(bsd)) },
    'HEAD of a file': { request: head(`/file?${file}`), seen: ok('') },
    'a file in memory': { request: get('/memory_file'), seen: ok('from memory') },
    'a redirect': { request: get('/redirect'), seen: `303 See Other; ${text}; location: /elsewhere; there` },
    'wsgi.errors': {
      request: get('/log'),
      seen: ok('logged'),
      unlike: {
        uWSGI: noAnswer,
        'uWSGI behind us': notWhole,
        why: 'PEP 3333 «Input and Error Streams»: any text, half a surrogate pair too',
      },
    },
  });
});

test('answers against the rules', async (t) => {
  const started = 'PEP 3333 «Error Handling»: nothing is out yet, so the client can be told';
  const cut = 'PEP 3333 «Handling the Content-Length Header»: an answer that is not whole must not look as if it were';
  const survives = 'one request fails, and nobody else';
  await compare(t, 'unruly.py', {
    'more bytes than Content-Length': { request: get('/long'), seen: ok('1234567890') },
    'more by write()': { request: get('/long_write'), seen: ok('12345') },
    'fewer bytes than Content-Length': { request: get('/short'), seen: notWhole },
    'HEAD, and none of the promised bytes': { request: head('/empty_short'), seen: ok('') },
    'iteration by index alone': { request: get('/old_style'), seen: ok('012') },
    'a body for 204': { request: get('/no_length'), seen: `204 No Content; ${text}; ` },
    'a body that is read by half': { request: post('/reads_half', 'x'.repeat(1000)), seen: ok('xxxxxxxxxx') },
    'none of the promised bytes': {
      request: get('/empty_short'),
      seen: '500',
      unlike: { ...all(notWhole), 'uWSGI behind us': notWhole, why: started },
    },
    'start_response twice': {
      request: get('/twice'),
      seen: '500',
      unlike: {
        uWSGI: ok('twice'),
        'uWSGI behind us': ok('twice'),
        why: 'PEP 3333 «The start_response() Callable»: a fatal error without exc_info',
      },
    },
    'exc_info before the head is out': {
      request: get('/exc_info_before'),
      seen: `503 Sorry; ${text}; x-second: 1; an error page of its own`,
      unlike: {
        Gunicorn: `503 Sorry; ${text}; ${text}; x-first: 1; x-second: 1; an error page of its own`,
        uWSGI: `503 Sorry; ${text}; x-second: 1; `,
        'uWSGI behind us': `503 Sorry; ${text}; x-second: 1; `,
        why: 'PEP 3333 «The start_response() Callable»: the new headers replace the old ones, and the body follows',
      },
    },
    'exc_info after it': {
      request: get('/exc_info_after'),
      seen: notWhole,
      unlike: { uWSGI: ok('some'), 'uWSGI behind us': ok('some'), why: cut },
    },
    'an exception in the middle': {
      request: get('/raises_later'),
      seen: notWhole,
      unlike: { uWSGI: ok('half'), 'uWSGI behind us': ok('half'), why: cut },
    },
    'an exception at once': {
      request: get('/raises'),
      seen: '500',
      unlike: { uWSGI: noAnswer, 'uWSGI behind us': notWhole, why: started },
    },
    'an exception after start_response': {
      request: get('/raises_after_start'),
      seen: '500',
      unlike: { uWSGI: ok(''), 'uWSGI behind us': ok(''), why: started },
    },
    'an iterable that fails': {
      request: get('/closes_after_failure'),
      seen: '500',
      unlike: { uWSGI: ok(''), 'uWSGI behind us': ok(''), why: started },
    },
    'sys.exit()': { request: get('/exits'), seen: '500', unlike: { ...all(noAnswer), 'uWSGI behind us': notWhole, why: survives } },
    KeyboardInterrupt: {
      request: get('/interrupts'),
      seen: '500',
      unlike: { ...all(noAnswer), 'uWSGI behind us': notWhole, why: survives },
    },
    'an exception in close()': {
      request: get('/close_raises'),
      seen: ok('whole'),
      unlike: { Waitress: notWhole, why: 'the answer is whole' },
    },
    'None in place of an answer': {
      request: get('/returns_none'),
      seen: '500',
      unlike: { uWSGI: ok(''), 'uWSGI behind us': ok(''), why: started },
    },
    'bytes in place of a list of them': {
      request: get('/returns_bytes'),
      seen: '500',
      unlike: {
        Gunicorn: notWhole,
        uWSGI: ok('bytes'),
        'uWSGI behind us': ok('bytes'),
        why: 'PEP 3333: an iterable of bytes, and bytes are one of numbers',
      },
    },
    'text in place of bytes': {
      request: get('/yields_text'),
      seen: '500',
      unlike: {
        Gunicorn: notWhole,
        Waitress: notWhole,
        uWSGI: ok(''),
        'uWSGI behind us': ok(''),
        why: 'PEP 3333 «A Note On String Types»',
      },
    },
    'no start_response': {
      request: get('/never_starts'),
      seen: '500',
      unlike: { Gunicorn: noHttp, uWSGI: noAnswer, 'uWSGI behind us': notWhole, why: started },
    },
    'no start_response, no body': {
      request: get('/never_starts_empty'),
      seen: '500',
      unlike: { Gunicorn: noHttp, uWSGI: noAnswer, 'uWSGI behind us': notWhole, why: started },
    },
  });
});

/**
 * start_response with wrong arguments. PEP 3333 «Error Handling»: servers should look when it is called, where the traceback shows who
 * was wrong. `refused`: so it was. `500`: when it was too late for that. Else it is what the client got.
 */
const misuses: Record<string, readonly [ours: string, Gunicorn: string, Waitress: string, uWSGI: string]> = {
  'no reason': ['refused', 'sent', 'sent', 'sent'],
  'no space': ['refused', noHttp, noHttp, noHttp],
  interim: ['refused', noHttp, noAnswer, noAnswer],
  'line end in status': ['refused', 'X-Evil', '500', 'X-Evil'],
  'beyond latin-1 in status': ['refused', '500', '500', 'refused'],
  'headers a tuple': ['refused', 'sent', 'sent', 'refused'],
  'header a list': ['refused', 'sent', 'sent', 'refused'],
  'bytes value': ['refused', '500', '500', 'refused'],
  'number as value': ['refused', '500', '500', 'refused'],
  'line end in value': ['refused', '500', '500', 'X-Evil'],
  'tab in value': ['refused', 'sent', 'sent', 'sent'],
  'beyond latin-1': ['refused', '500', '500', 'refused'],
  'space in name': ['refused', '500', 'sent', 'sent'],
  'no name': ['refused', '500', noHttp, noHttp],
  'hop by hop': ['refused', 'sent', '500', 'sent'],
  'transfer coding': ['refused', 'sent', '500', notWhole],
  'status as header': ['refused', 'sent', 'sent', 'sent'],
  'length no number': ['refused', '500', '500', noHttp],
  'two lengths': ['refused', noHttp, noHttp, noHttp],
};

test('start_response with wrong arguments', async (t) => {
  if (!needs(t, 'python3', ...programs)) return;
  const ports = await underAll(t, 'unruly.py');
  const found = async (server: Server, misuse: string, wanted: string): Promise<string> => {
    const shown = await ask(ports.get(server)!, get(`/misuse?${misuse.replaceAll(' ', '%20')}`), wanted === noAnswer);
    return /(Type|Value)Error: /.test(shown) ? 'refused' : /x-evil/.test(shown) ? 'X-Evil' : shown.endsWith('accepted') ? 'sent' : shown;
  };
  const seen: Record<string, string[]> = {};
  for (const [misuse, row] of Object.entries(misuses)) {
    const columns = [us, 'Gunicorn', 'Waitress', 'uWSGI'] as const;
    seen[misuse] = await Promise.all(columns.map((server, i) => found(server, misuse, row[i]!)));
  }
  assert.deepEqual(seen, misuses);
});

interface Site {
  readonly target: string;
  /** Of what a view returns, and of what it streams. */
  readonly type: string;
  readonly streamType: string;
  readonly cookies: string;
  readonly chunkedForm: { readonly [peer in Peer]?: string };
}

const utf8 = 'charset=utf-8';
const bottleType = 'content-type: text/html; charset=UTF-8';

const sites: Record<string, Site> = {
  Flask: {
    target: 'flask_site.py:app',
    type: `content-type: text/html; ${utf8}`,
    streamType: `${text}; ${utf8}`,
    cookies: 'set-cookie: a=1; Path=/; set-cookie: b=2; Path=/',
    chunkedForm: { uWSGI: '400' },
  },
  Django: {
    target: 'django_site.py',
    type: `${text}; ${utf8}`,
    streamType: text,
    cookies: 'set-cookie: a=1; Path=/; set-cookie: b=2; Path=/',
    chunkedForm: { Gunicorn: '500', uWSGI: '500' },
  },
  Bottle: {
    target: 'bottle_site.py:app',
    type: bottleType,
    streamType: bottleType,
    cookies: 'set-cookie: a=1; set-cookie: b=2',
    chunkedForm: { Gunicorn: '400', uWSGI: '400' },
  },
};

for (const [name, { target, type, streamType, cookies, chunkedForm }] of Object.entries(sites)) {
  test(name, async (t) => {
    if (!needs(t, `python3-${name.toLowerCase()}`)) return;
    const disposition = 'Content-Disposition: form-data; name="file"; filename="f.txt"';
    const parts = `--b\r\n${disposition}\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(1_000_000)}\r\n--b--\r\n`;
    await compare(t, target, {
      'a path': { request: get('/hello/caf%C3%A9'), seen: `200 OK; ${text}; ${utf8}; Hello caf\xc3\xa9` },
      HEAD: { request: head('/hello/you'), seen: `200 OK; ${text}; ${utf8}; ` },
      'a URL that leads back': { request: get('/url'), seen: `200 OK; ${type}; /hello/Ada` },
      'a form': { request: post('/form', 'name=Ada&city=L%C3%B3ndon', formType), seen: `200 OK; ${type}; Ada from L\xc3\xb3ndon` },
      'a chunked form': {
        request: postChunked('/form', ['name=Ada', '&city=Here'], formType),
        seen: `200 OK; ${type}; Ada from Here`,
        unlike: { ...chunkedForm, why: 'they read no body without CONTENT_LENGTH, or without wsgi.input_terminated' },
      },
      'an upload': {
        request: post('/upload', parts, { 'Content-Type': 'multipart/form-data; boundary=b' }),
        seen: `200 OK; ${type}; f.txt 1000000`,
      },
      'a stream': { request: get('/stream'), seen: `200 OK; ${streamType}; piece 0\npiece 1\npiece 2\n` },
      cookies: { request: get('/cookies'), seen: `200 OK; ${type}; ${cookies}; set` },
      'nothing of this name': { request: get('/nowhere'), seen: '404' },
      'a view that fails': { request: get('/fails'), seen: '500' },
    });
  });
}

/**
 * What Gunicorn, Waitress, uWSGI, and uWSGI behind us tell of a request where we tell otherwise: `-` not this one, `+` one that we do not,
 * `≠` something else, `=` the same. What is not here is the same everywhere.
 */
const environs: Record<string, readonly [theirs: string, why: string]> = {
  DOCUMENT_ROOT: ['- - - ≠', 'not of PEP 3333; whoever moves here from Apache may ask for it'],
  GATEWAY_INTERFACE: ['- - - =', 'RFC 3875 §4.1.4: must be there'],
  HTTP_CONNECTION: ['+ + + =', 'RFC 3875 §4.1.18: it concerns the connection'],
  PATH_TRANSLATED: ['= = = +', 'RFC 3875 §4.1.6; but the paths of an application are no files’'],
  RAW_URI: ['+ = = =', 'Gunicorn’s name for REQUEST_URI'],
  REDIRECT_STATUS: ['- - - =', 'the same map goes to CGI programs, where php-cgi wants it'],
  REMOTE_HOST: ['- = - =', 'RFC 3875 §4.1.9: should be there'],
  REMOTE_PORT: ['≠ ≠ - ≠', 'other connections'],
  REQUEST_SCHEME: ['- - - =', 'the same map goes everywhere'],
  REQUEST_URI: ['- = = =', 'what was asked before anything was decoded'],
  SERVER_ADDR: ['- - - =', 'the same map goes everywhere'],
  SERVER_NAME: ['≠ ≠ ≠ =', 'RFC 3875 §4.1.14: the name the client used; they tell their address, a name of their own, or the machine’s'],
  SERVER_PORT: ['≠ ≠ ≠ ≠', 'other servers'],
  SERVER_SOFTWARE: ['≠ ≠ - =', 'other servers'],
  'wsgi.input_terminated': ['= = - -', 'the body has an end, whatever CONTENT_LENGTH says'],
  'wsgi.multiprocess': ['= ≠ = =', 'it has threads in place of processes'],
  'wsgi.multithread': ['= ≠ = =', 'it has threads in place of processes'],
};

test('environ, whole', async (t) => {
  if (!needs(t, 'python3', ...programs)) return;
  for (const prefix of ['', '/app']) {
    const told = new Map<Server, Record<string, unknown>>();
    for (const [server, port] of await underAll(t, 'probe.py', prefix)) {
      const fields = { Host: 'example.org', Cookie: 'a=1', 'X-Thing': 'yes', 'Content-Type': 'text/plain' };
      const answer = await talk(port, post(`${prefix}/environ?x=%201`, 'abc', fields));
      assert.equal(answer.status, 200, `${server}: ${answer.text}`);
      const environ: Record<string, unknown> = JSON.parse(answer.text);
      // Not of the request: how the application was started, and the objects, which have no value to compare.
      for (const name of Object.keys(environ)) if (/^PYTHON|^wsgi names/.test(name)) delete environ[name];
      told.set(server, environ);
    }
    const ours = told.get(us)!;
    const sign = (name: string, theirs: Record<string, unknown>): string => {
      if (isDeepStrictEqual(ours[name], theirs[name])) return '=';
      return name in theirs ? (name in ours ? '≠' : '+') : '-';
    };
    const names = [...new Set([...told.values()].flatMap((each) => Object.keys(each)))].sort();
    const rows = names.map((name) => [name, peers.map((peer) => sign(name, told.get(peer)!)).join(' ')] as const);
    const differing = rows.filter(([, signs]) => signs !== '= = = =');
    const listed = Object.entries(environs).map(([name, [signs]]) => [name, signs]);
    assert.deepEqual(Object.fromEntries(differing), Object.fromEntries(listed), prefix);
    const same = rows.filter(([, signs]) => signs === '= = = =').map(([name]) => [name, ours[name]]);
    assert.deepEqual(Object.fromEntries(same), { ...toldByAll, SCRIPT_NAME: prefix });
  }
});

const toldByAll = {
  CONTENT_LENGTH: '3',
  CONTENT_TYPE: 'text/plain',
  HTTP_COOKIE: 'a=1',
  HTTP_HOST: 'example.org',
  HTTP_X_THING: 'yes',
  PATH_INFO: '/environ',
  QUERY_STRING: 'x=%201',
  REMOTE_ADDR: '127.0.0.1',
  REQUEST_METHOD: 'POST',
  SERVER_PROTOCOL: 'HTTP/1.1',
  types: 'dict',
  'wsgi.run_once': false,
  'wsgi.url_scheme': 'http',
  'wsgi.version': [1, 0],
};

test('close() is called, once, however the request ended', async (t) => {
  if (!needs(t, 'python3', ...programs)) return;
  const folder = room(t);
  const requests: Record<string, (path: string) => string> = {
    whole: (name) => get(`/whole?${name}`),
    nothing: (name) => get(`/nothing?${name}`),
    HEAD: (name) => head(`/whole?${name}`),
    'HEAD of what never ends': (name) => head(`/endless?${name}`),
    'fails at once': (name) => get(`/fails-first?${name}`),
    'fails in the middle': (name) => get(`/fails?${name}`),
    text: (name) => get(`/text?${name}`),
  };
  for (const [server, port] of await underAll(t, 'closes.py')) {
    for (const [what, request] of Object.entries(requests)) {
      // uwsgi has no word for «enough»: whoever stands between lets it print on (RFC 3875 §6.4).
      if (server === 'uWSGI behind us' && what.startsWith('HEAD of')) continue;
      const name = join(folder, `${server} ${what}`.replaceAll(' ', '-'));
      const shown = await ask(port, request(name), false);
      assert.equal(await written(name), 'closed', `${server}, ${what}: ${shown}`);
    }
    const name = join(folder, `${server} client gone`.replaceAll(' ', '-'));
    const wire = await Wire.open(port);
    wire.send(get(`/endless?${name}`));
    await wire.seen('xxxxxxxxxx');
    wire.reset();
    assert.equal(await written(name), 'closed', `${server}, whose client has gone`);
  }
  for (const name of readdirSync(folder)) assert.equal(readFileSync(join(folder, name), 'utf8'), 'closed\n', name);
});
