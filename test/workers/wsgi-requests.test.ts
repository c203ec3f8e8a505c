/**
 * Requests as bytes, and what of each a WSGI application sees: the kinds that Gunicorn's own corpus of valid and invalid requests holds.
 * What must be refused is refused by the one parser in front: the application is never called for it. The rules themselves have their
 * tables in test/conformance.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { get, talk, Wire } from '../support/wire.js';
import { worker } from './worker.js';

const head = (line: string, ...fields: string[]): string =>
  [line, ...(line.includes('HTTP/1.1') ? ['Host: localhost'] : []), 'Connection: close', ...fields, '', ''].join('\r\n');
const chunked = (line: string, body: string, ...fields: string[]): string => head(line, 'Transfer-Encoding: chunked', ...fields) + body;

type Seen = Record<string, string | undefined>;

/** undefined: is not there. */
const valid: [name: string, raw: string, seen: Seen][] = [
  [
    'PUT with a body',
    `${head('PUT /stuff/here?foo=bar HTTP/1.0', 'Server: http://127.0.0.1:5984', 'Content-Type: application/json', 'Content-Length: 14')}{"nom": "nom"}`,
    {
      REQUEST_METHOD: 'PUT',
      PATH_INFO: '/stuff/here',
      QUERY_STRING: 'foo=bar',
      SERVER_PROTOCOL: 'HTTP/1.0',
      CONTENT_TYPE: 'application/json',
      CONTENT_LENGTH: '14',
      HTTP_CONTENT_TYPE: undefined,
      HTTP_CONTENT_LENGTH: undefined,
      body: '{"nom": "nom"}',
    },
  ],
  ['a query that is empty', head('GET /a? HTTP/1.1'), { PATH_INFO: '/a', QUERY_STRING: '', body: '' }],
  ['no query', head('GET /a HTTP/1.1'), { QUERY_STRING: '', CONTENT_LENGTH: undefined, CONTENT_TYPE: undefined }],
  ['a query that is not decoded', head('GET /a?x=%20%2f+ HTTP/1.1'), { QUERY_STRING: 'x=%20%2f+' }],
  ['a name of one letter, repeated', head('GET / HTTP/1.1', 'aaaaaaaaaaaaa:++++++++++'), { HTTP_AAAAAAAAAAAAA: '++++++++++' }],
  ['white space around a value', head('GET / HTTP/1.1', 'Name: \t value \t '), { HTTP_NAME: 'value' }],
  [
    'a field that stands twice',
    head('GET / HTTP/1.1', 'If-Match: bazinga!', 'If-Match: large-sound'),
    { HTTP_IF_MATCH: 'bazinga!, large-sound' },
  ],
  ['cookies on two lines', head('GET / HTTP/1.1', 'Cookie: a=1', 'Cookie: b=2'), { HTTP_COOKIE: 'a=1; b=2' }],
  ['quotes in the target', head('GET /with_"quotes"?foo="bar" HTTP/1.1'), { PATH_INFO: '/with_"quotes"', QUERY_STRING: 'foo="bar"' }],
  ['escapes in the path', head('GET /caf%C3%A9/a%20k HTTP/1.1'), { PATH_INFO: '/caf\u00c3\u00a9/a k' }],
  ['GET with a body', `${head('GET /a HTTP/1.1', 'Content-Length: 5')}HELLO`, { CONTENT_LENGTH: '5', body: 'HELLO' }],
  [
    'chunks',
    chunked('POST /a HTTP/1.1', '5\r\nhello\r\n006\r\n world\r\n0\r\n\r\n'),
    { CONTENT_LENGTH: '11', body: 'hello world', HTTP_TRANSFER_ENCODING: undefined },
  ],
  ['chunks with an extension', chunked('POST /a HTTP/1.1', '5;some;parameters=stuff\r\nhello\r\n0\r\n\r\n'), { body: 'hello' }],
  ['chunks with a quoted extension', chunked('POST /a HTTP/1.1', '5;a="b;c"\r\nhello\r\n0\r\n\r\n'), { body: 'hello' }],
  ['a chunk of A letters', chunked('POST /a HTTP/1.1', 'A\r\n0123456789\r\n0\r\n\r\n'), { CONTENT_LENGTH: '10' }],
  ['only the last chunk', chunked('POST /a HTTP/1.1', '0\r\n\r\n'), { body: '' }],
  [
    'chunks with a trailer, which is no header',
    chunked('POST /a HTTP/1.1', '5\r\nhello\r\n0\r\nVary: *\r\nX-Late: 1\r\n\r\n', 'Trailer: X-Late'),
    { body: 'hello', HTTP_VARY: undefined, HTTP_X_LATE: undefined, HTTP_TRAILER: undefined },
  ],
  ['HTTP/1.0 without Host', 'GET /a HTTP/1.0\r\n\r\n', { SERVER_PROTOCOL: 'HTTP/1.0', HTTP_HOST: undefined }],
  [
    'a proxy’s word, from nobody who is trusted',
    head('GET / HTTP/1.0', 'X-Forwarded-Protocol: ssl', 'X-Forwarded-Proto: https'),
    { HTTPS: undefined },
  ],
  [
    'names with an underscore, which would pass for others',
    head('GET / HTTP/1.1', 'X_Real: evil', 'X-Real: good', 'Content_Length: 5', 'Transfer_Encoding: tricked', 'Script_Name: /evil'),
    {
      HTTP_X_REAL: 'good',
      HTTP_CONTENT_LENGTH: undefined,
      HTTP_TRANSFER_ENCODING: undefined,
      HTTP_SCRIPT_NAME: undefined,
      SCRIPT_NAME: '',
    },
  ],
  ['a proxy’s address', head('GET / HTTP/1.1', 'Proxy: http://evil'), { HTTP_PROXY: undefined }],
  [
    'absolute form',
    'GET http://[::1]:8000/path?query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    { PATH_INFO: '/path', QUERY_STRING: 'query', HTTP_HOST: '[::1]:8000', SERVER_NAME: '[::1]' },
  ],
  [
    'a long target and a long value',
    head(`GET /${'a'.repeat(4000)} HTTP/1.1`, `X-Long: ${'v'.repeat(8000)}`),
    { HTTP_X_LONG: 'v'.repeat(8000) },
  ],
];

const line = 'POST /evil HTTP/1.1';
const invalid: [name: string, raw: string][] = [
  ['no request line', '\x16\x03\x01\r\n\r\n'],
  ['a method that is no token', head('GET\n/\nHTTP/1.1')],
  ['a method with brackets', head('[GET] /evil HTTP/1.1')],
  ['a method that nobody knows', head('-BLARGH /evil HTTP/1.1')],
  ['HTTP/111', head('GET /evil HTTP/111')],
  ['HTTP/2.99', head('GET /evil HTTP/2.99')],
  ['no version', head('GET /evil')],
  ['a fragment', head('GET /forums?page=1#posts HTTP/1.1')],
  ['NUL in the target', head('GET /one\0/two HTTP/1.1')],
  ['bytes beyond ASCII in the target', head('GET /\xe0%20k HTTP/1.1')],
  ['a target without a slash', head('GET evil HTTP/1.1')],
  ['GET *', head('GET * HTTP/1.1')],
  ['authority form', head('GET localhost:80 HTTP/1.1')],
  ['NUL in a name', head('GET /evil HTTP/1.1', 'a\0b: 1')],
  ['bytes beyond ASCII in a name', head('GET /evil HTTP/1.1', 'H\xe0: 1')],
  ['no name', head('GET /evil HTTP/1.1', ': 1')],
  ['a bell in a value', head('GET /evil HTTP/1.1', 'X-A: a\x07b')],
  ['a folded value', head('GET /evil HTTP/1.1', 'X-A: a', ' b')],
  ['white space before the colon', `${head(line, 'Content-Length : 3')}xyz`],
  ['Content-Length: -0', head(line, 'Content-Length: -0')],
  ['Content-Length: +1', `${head(line, 'Content-Length: +1')}x`],
  ['Content-Length: 0_1', `${head(line, 'Content-Length: 0_1')}x`],
  ['Content-Length: ３', `${head(line, 'Content-Length: \xef\xbc\x93')}xyz`],
  ['two lengths', `${head(line, 'Content-Length: 5', 'Content-Length: 6')}hello`],
  ['a length and chunks', chunked(line, '5\r\nhello\r\n0\r\n\r\n', 'Content-Length: 5')],
  ['chunked twice', `${head(line, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
  ['chunked, then identity', `${head(line, 'Transfer-Encoding: chunked, identity')}0\r\n\r\n`],
  ['a coding that nobody knows', `${head(line, 'Transfer-Encoding: xchunked')}0\r\n\r\n`],
  ['an empty coding', `${head(line, 'Transfer-Encoding:')}0\r\n\r\n`],
  ['a chunk of -5', chunked(line, '-5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk of +5', chunked(line, '+5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk of 0x5', chunked(line, '0x5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk of 0_5', chunked(line, '0_5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size after white space', chunked(line, ' 5\r\nhello\r\n0\r\n\r\n')],
  ['no chunk size', chunked(line, '\r\nhello\r\n0\r\n\r\n')],
  ['a chunk that is longer than it says', chunked(line, '4\r\nhello\r\n0\r\n\r\n')],
  ['CR in an extension', chunked(line, '5;ext=val\rue\r\nhello\r\n0\r\n\r\n')],
  ['a PROXY line', `PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n${head('GET /evil HTTP/1.1')}`],
];

test('requests that are right: what the application sees of each', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'mirror.py');
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/', address }] });
  t.after(() => h.stop());
  for (const [name, raw, wanted] of valid) {
    const answer = await talk(h.port, raw);
    assert.equal(answer.status, 200, `${name}: ${answer.text.slice(0, 80)}`);
    const seen = JSON.parse(answer.text);
    for (const [key, value] of Object.entries(wanted)) assert.equal(seen[key], value, `${name}: ${key}`);
  }
});

test('two requests in one write; the first one’s body is not the second one', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'mirror.py');
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/', address }] });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  const first = 'POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n12\r\nGET /evil HTTP/1.1\r\n0\r\n\r\n';
  const second = 'POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n0\r\n\r';
  wire.send(`${first}${second}GET /third HTTP/1.1\r\nHost: x\r\n\r\n`);
  const seen = [];
  for (let at = 0; at < 3; at++) seen.push(JSON.parse((await wire.answer()).text));
  assert.deepEqual(
    seen.map(({ PATH_INFO, body, number }) => [PATH_INFO, body, number]),
    [
      ['/first', 'GET /evil HTTP/1.1', 1],
      ['/second', '0\r\n\r', 2],
      ['/third', '', 3],
    ],
  );
});

test('requests that are wrong: refused, and the application is not called', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'mirror.py');
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/', address }] });
  t.after(() => h.stop());
  let number = 0;
  for (const [name, raw] of invalid) {
    const answer = await talk(h.port, raw);
    assert.ok([400, 405, 501, 505].includes(answer.status), `${name}: ${answer.status}`);
    number += 1;
    assert.equal(JSON.parse((await get(h.port, '/good')).text).number, number, `${name}: it was called`);
  }
});
