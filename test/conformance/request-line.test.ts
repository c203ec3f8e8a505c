/** RFC 9112 §3: the first line of a request, and everything that is almost one. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Wire } from '../support/wire.js';
import { expectRow, type Row, ranEvil, smuggled, witnessHouse } from './request.js';

const h = await witnessHouse();
after(() => h.stop());

const host = '\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const ok = { status: 200, body: 'ok' } as const;
const bad = { status: 400, closes: true } as const;

const rows: Row[] = [
  { name: 'well-formed', raw: `GET /cgi-bin/ok HTTP/1.1${host}`, ...ok },

  // Separators: one SP, nothing else. §3 lets a recipient be lenient with SP, HT, VT, FF and bare CR; it never has to be.
  { name: 'NUL after the method', raw: `GET\0/cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'tab after the method', raw: `GET\t/cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'CR after the method', raw: `GET\r/cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'FF after the method', raw: `GET\f/cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'VT after the method', raw: `GET\v/cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'tab after the target', raw: `GET /cgi-bin/evil\tHTTP/1.1${host}`, ...bad },
  { name: 'NUL after the target', raw: `GET /cgi-bin/evil\0HTTP/1.1${host}`, ...bad },
  { name: 'FF after the target', raw: `GET /cgi-bin/evil\fHTTP/1.1${host}`, ...bad },
  { name: 'CR after the target', raw: `GET /cgi-bin/evil\rHTTP/1.1${host}`, ...bad },
  { name: 'two spaces after the method', raw: `GET  /cgi-bin/ok HTTP/1.1${host}`, status: [200, 400], body: 'ok' },
  { name: 'two spaces after the target', raw: `GET /cgi-bin/ok  HTTP/1.1${host}`, status: [200, 400], body: 'ok' },
  { name: 'no space after the method', raw: `GET/cgi-bin/evil HTTP/1.1${host}`, status: [400, 501], closes: true },
  { name: 'no space before the version', raw: `GET /cgi-bin/evilHTTP/1.1${host}`, status: [400, 505], closes: true },
  { name: 'a space before the method', raw: ` GET /cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'a space after the version', raw: `GET /cgi-bin/evil HTTP/1.1 ${host}`, ...bad },
  { name: 'a fourth word', raw: `GET /cgi-bin/evil HTTP/1.1 x${host}`, ...bad },
  { name: 'a space in the target', raw: `GET /cgi-bin/evil x HTTP/1.1${host}`, ...bad },
  { name: 'a folded request line', raw: `GET /cgi-bin/evil\r\n HTTP/1.1${host}`, status: [400, 505], closes: true },
  { name: 'a folded line right after it', raw: `GET /cgi-bin/evil HTTP/1.1\r\n X: 1${host}`, ...bad },
  { name: 'ended by CR alone', raw: 'GET /cgi-bin/evil HTTP/1.1\rHost: localhost\r\r', ...bad },
  // §2.2: a recipient MAY take LF for CRLF, but not CR for it.
  { name: 'ended by LF alone', raw: 'GET /cgi-bin/ok HTTP/1.1\nHost: localhost\nConnection: close\n\n', status: [200, 400], body: 'ok' },
  // §2.2: at least one empty line before it SHOULD be ignored.
  { name: 'an empty line before it', raw: `\r\nGET /cgi-bin/ok HTTP/1.1${host}`, ...ok },
  { name: 'three empty lines before it', raw: `\r\n\r\n\r\nGET /cgi-bin/ok HTTP/1.1${host}`, status: [200, 400], body: 'ok' },

  // Versions: §2.3 is case-sensitive and has one digit on each side.
  { name: 'HTTP/1.11', raw: `GET /cgi-bin/evil HTTP/1.11${host}`, status: [400, 505], closes: true },
  { name: 'HTTP/10.0', raw: `GET /cgi-bin/evil HTTP/10.0${host}`, status: [400, 505], closes: true },
  { name: 'HTTP/01.1', raw: `GET /cgi-bin/evil HTTP/01.1${host}`, status: [400, 505], closes: true },
  { name: 'HTTP/1', raw: `GET /cgi-bin/evil HTTP/1${host}`, ...bad },
  { name: 'HTTP/1.', raw: `GET /cgi-bin/evil HTTP/1.${host}`, ...bad },
  { name: 'HTTP/ 1.1', raw: `GET /cgi-bin/evil HTTP/ 1.1${host}`, ...bad },
  { name: 'HTTP 1.1', raw: `GET /cgi-bin/evil HTTP 1.1${host}`, ...bad },
  { name: 'HTTP/1,1', raw: `GET /cgi-bin/evil HTTP/1,1${host}`, ...bad },
  { name: 'HTTP/-1.1', raw: `GET /cgi-bin/evil HTTP/-1.1${host}`, ...bad },
  { name: 'HTTP/A.B', raw: `GET /cgi-bin/evil HTTP/A.B${host}`, ...bad },
  { name: 'http/1.1', raw: `GET /cgi-bin/evil http/1.1${host}`, ...bad },
  { name: 'HTTPS/1.1', raw: `GET /cgi-bin/evil HTTPS/1.1${host}`, ...bad },
  { name: 'HTTP/2.0', raw: `GET /cgi-bin/evil HTTP/2.0${host}`, status: 505, code: 'VERSION_UNSUPPORTED', closes: true },
  { name: 'HTTP/3.0', raw: `GET /cgi-bin/evil HTTP/3.0${host}`, status: 505, code: 'VERSION_UNSUPPORTED', closes: true },
  { name: 'HTTP/0.9 by name', raw: `GET /cgi-bin/evil HTTP/0.9${host}`, status: [400, 505], closes: true },
  { name: 'HTTP/0.9 by silence', raw: 'GET /cgi-bin/evil\r\n\r\n', status: [400, 505], closes: true },
  // RFC 9110 §2.5: a higher minor version SHOULD be answered as the highest one known.
  { name: 'HTTP/1.2', raw: `GET /cgi-bin/ok HTTP/1.2${host}`, status: [200, 505], body: 'ok' },
  { name: 'HTTP/1.0 without Host', raw: 'GET /cgi-bin/ok HTTP/1.0\r\n\r\n', ...ok, closes: true },
  { name: 'HTTP/1.0 with Host', raw: 'GET /cgi-bin/ok HTTP/1.0\r\nHost: localhost\r\n\r\n', ...ok, closes: true },

  // Methods: §9.1 case-sensitive tokens; unknown ones are 501.
  { name: 'an unknown method', raw: `FROB /cgi-bin/evil HTTP/1.1${host}`, status: 501, code: 'METHOD_UNKNOWN' },
  { name: 'a lower-case method', raw: `get /cgi-bin/evil HTTP/1.1${host}`, status: 501, code: 'METHOD_UNKNOWN' },
  { name: 'a method that begins like one', raw: `GETX /cgi-bin/evil HTTP/1.1${host}`, status: 501, code: 'METHOD_UNKNOWN' },
  { name: 'a method that is no token', raw: `G@T /cgi-bin/evil HTTP/1.1${host}`, status: [400, 501], closes: true },
  { name: 'a method of 5000 letters', raw: `${'A'.repeat(5000)} /cgi-bin/evil HTTP/1.1${host}`, status: [400, 501], closes: true },
  { name: 'no method', raw: `/cgi-bin/evil HTTP/1.1${host}`, status: [400, 501], closes: true },
  { name: 'PUT', raw: `PUT /cgi-bin/env HTTP/1.1${host}`, status: 200, body: /^REQUEST_METHOD=PUT$/m },
  { name: 'DELETE', raw: `DELETE /cgi-bin/env HTTP/1.1${host}`, status: 200, body: /^REQUEST_METHOD=DELETE$/m },
  { name: 'PATCH', raw: `PATCH /cgi-bin/env HTTP/1.1${host}`, status: 200, body: /^REQUEST_METHOD=PATCH$/m },
  { name: 'PROPFIND', raw: `PROPFIND /cgi-bin/env HTTP/1.1${host}`, status: 200, body: /^REQUEST_METHOD=PROPFIND$/m },
  { name: 'OPTIONS with a path', raw: `OPTIONS /cgi-bin/env HTTP/1.1${host}`, status: 200, body: /^REQUEST_METHOD=OPTIONS$/m },
  { name: 'TRACE', raw: `TRACE /cgi-bin/ok HTTP/1.1${host}`, status: [200, 405, 501], body: 'ok' },
  { name: 'CONNECT', raw: 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', status: [400, 405, 501], closes: true },
  { name: 'CONNECT with a path', raw: `CONNECT /cgi-bin/evil HTTP/1.1${host}`, status: [400, 405, 501], closes: true },

  // Targets: §3.2.
  { name: 'no target', raw: `GET HTTP/1.1${host}`, ...bad },
  { name: 'an empty target', raw: `GET  HTTP/1.1${host}`, ...bad },
  { name: 'a target without a slash', raw: `GET cgi-bin/evil HTTP/1.1${host}`, ...bad },
  { name: 'only a query', raw: `GET ?x HTTP/1.1${host}`, ...bad },
  { name: 'a fragment', raw: `GET /cgi-bin/evil#frag HTTP/1.1${host}`, status: 400 },
  { name: 'a fragment in the query', raw: `GET /cgi-bin/evil?a#frag HTTP/1.1${host}`, status: 400 },
  { name: 'GET *', raw: `GET * HTTP/1.1${host}`, status: 400 },
  { name: 'OPTIONS *', raw: `OPTIONS * HTTP/1.1${host}`, status: [200, 204] },
  { name: 'a control character', raw: `GET /cgi-bin/evil\x01 HTTP/1.1${host}`, status: 400 },
  { name: 'DEL', raw: `GET /cgi-bin/evil\x7f HTTP/1.1${host}`, status: 400 },
  { name: 'a raw byte that is not UTF-8', raw: `GET /cgi-bin/ok/\xff HTTP/1.1${host}`, status: 400 },
  { name: 'a control character in the query', raw: `GET /cgi-bin/evil?\x01 HTTP/1.1${host}`, status: 400 },
  { name: 'a path of 5000 bytes', raw: `GET /cgi-bin/ok/${'a'.repeat(5000)} HTTP/1.1${host}`, status: 414, code: 'URI_TOO_LONG' },
  {
    name: 'a path of 5000 bytes, escaped',
    raw: `GET /cgi-bin/ok/${'%61'.repeat(5000)} HTTP/1.1${host}`,
    status: 414,
    code: 'URI_TOO_LONG',
  },
  { name: 'a query of 20000 bytes', raw: `GET /cgi-bin/ok?${'a'.repeat(20_000)} HTTP/1.1${host}`, ...ok },
  { name: 'a target of 40000 bytes', raw: `GET /${'a'.repeat(40_000)} HTTP/1.1${host}`, status: [414, 431], closes: true },
  { name: 'a target of 1000000 bytes', raw: `GET /${'a'.repeat(1_000_000)} HTTP/1.1${host}`, status: [414, 431], closes: true },
  { name: 'a query of 40000 bytes', raw: `GET /?${'a'.repeat(40_000)} HTTP/1.1${host}`, status: [414, 431], closes: true },

  // Absolute form: §3.2.2. The target's authority counts and Host is ignored, but Host must be there.
  {
    name: 'absolute form overrides Host',
    raw: `GET http://other.example:81/cgi-bin/env?q=1 HTTP/1.1${host}`,
    status: 200,
    body: /^SERVER_NAME=other\.example$/m,
  },
  {
    name: 'absolute form: scripts that build links from HTTP_HOST see the same authority',
    raw: `GET http://other.example:81/cgi-bin/env?q=1 HTTP/1.1${host}`,
    status: 200,
    body: /^HTTP_HOST=other\.example:81$/m,
  },
  {
    name: 'absolute form: path and query',
    raw: `GET http://localhost/cgi-bin/env/p?q=1 HTTP/1.1${host}`,
    status: 200,
    body: /^PATH_INFO=\/p$/m,
  },
  {
    name: 'absolute form, HTTP/1.0',
    raw: 'GET http://other.example/cgi-bin/env HTTP/1.0\r\n\r\n',
    status: 200,
    body: /^SERVER_NAME=other\.example$/m,
  },
  { name: 'absolute form without Host', raw: 'GET http://localhost/cgi-bin/evil HTTP/1.1\r\n\r\n', status: 400, code: 'HOST_INVALID' },
  { name: 'absolute form without a host', raw: `GET http:///cgi-bin/evil HTTP/1.1${host}`, status: 400 },
  { name: 'absolute form with a bad port', raw: `GET http://localhost:port/cgi-bin/evil HTTP/1.1${host}`, status: 400 },
  { name: 'absolute form with a user', raw: `GET http://u:p@localhost/cgi-bin/ok HTTP/1.1${host}`, status: [200, 400], body: 'ok' },
  { name: 'absolute form, scheme in capitals', raw: `GET HTTP://localhost/cgi-bin/ok HTTP/1.1${host}`, status: 200, body: 'ok' },
  { name: 'absolute form of another scheme', raw: `GET ftp://localhost/cgi-bin/evil HTTP/1.1${host}`, status: [400, 404, 421] },
  { name: 'absolute form with dots', raw: `GET http://localhost/../cgi-bin/evil HTTP/1.1${host}`, status: 400, code: 'PATH_ABOVE_ROOT' },

  // Not HTTP at all.
  { name: 'an HTTP/2 preface', raw: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: [400, 501, 505], closes: true },
  {
    name: 'a TLS hello',
    raw: Buffer.from('16030100a5010000a10303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00', 'hex'),
    ...bad,
  },
  { name: 'random bytes', raw: Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 7919 + 131) & 0xff)), ...bad },
  { name: 'an SSH banner', raw: 'SSH-2.0-OpenSSH_9.2\r\n', status: [400, 501], closes: true },
];

for (const row of rows) {
  test(`request line: ${row.name}`, async () => {
    await expectRow(h, row);
    assert.ok(!ranEvil(h), 'a refused request ran a script');
  });
}

for (const row of rows.filter((r) => r.closes && r.status !== 200)) {
  test(`request line, with a request behind it: ${row.name}`, async () => {
    await expectRow(h, { ...row, raw: Buffer.concat([Buffer.from(row.raw.toString('latin1') + smuggled, 'latin1')]) });
    assert.ok(!ranEvil(h), 'a refused request ran a script');
  });
}

test('request line: nothing at all, then FIN, is no error of ours', async () => {
  for (const bytes of ['', '\r\n', 'GET /cgi-bin/evil HTTP/1.1\r\nHost: localh']) {
    const wire = await Wire.open(h.port);
    wire.send(bytes);
    wire.end();
    const answer = await wire.rest();
    assert.match(answer.toString('latin1'), /^(HTTP\/1\.1 4\d\d |$)/);
    wire.close();
  }
  await expectRow(h, rows[0]!);
});
