/** RFC 9112 §5 and §3.2, RFC 9110 §5: header fields as clients send them, right and wrong. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { get, talk } from '../support/wire.js';
import { codeOf, expectRow, type Row, ranEvil, smuggled, witnessHouse } from './request.js';

const h = await witnessHouse();
after(() => h.stop());

/** A request for the environment with these lines after Host. */
const withLines = (...lines: string[]): string =>
  ['GET /cgi-bin/env HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n');
/** The same with these lines instead of Host. */
const withHost = (...lines: string[]): string => ['GET /cgi-bin/env HTTP/1.1', 'Connection: close', ...lines, '', ''].join('\r\n');

const bad = { status: 400, closes: true } as const;
const badHost = { status: 400, code: 'HOST_INVALID' } as const;

const rows: Row[] = [
  // Shapes that are right, though rare.
  { name: 'no space after the colon', raw: withLines('X-A:1'), status: 200, body: /^HTTP_X_A=1$/m },
  { name: 'spaces and tabs around the value', raw: withLines('X-A: \t 1 \t '), status: 200, body: /^HTTP_X_A=1$/m },
  { name: 'an empty value', raw: withLines('X-A:'), status: 200, body: /^HTTP_X_A=$/m },
  { name: 'a tab in the value', raw: withLines('X-A: a\tb'), status: 200, body: /^HTTP_X_A=a\tb$/m },
  { name: 'UTF-8 in the value', raw: withLines('X-A: \xc3\xa9'), status: 200, body: /^HTTP_X_A=é$/m },
  { name: 'a colon in the value', raw: withLines('X-A: b: c'), status: 200, body: /^HTTP_X_A=b: c$/m },
  { name: 'digits in the name', raw: withLines('xx-yy123: 1'), status: 200, body: /^HTTP_XX_YY123=1$/m },
  { name: 'the name in any case', raw: withLines('x-A: 1', 'X-a: 2'), status: 200, body: /^HTTP_X_A=1, 2$/m },
  { name: 'a name of 1000 letters', raw: withLines(`${'N'.repeat(1000)}: 1`), status: 200, body: /^HTTP_N{1000}=1$/m },
  { name: 'a value of 20000 letters', raw: withLines(`X-A: ${'v'.repeat(20_000)}`), status: 200, body: /^HTTP_X_A=v{20000}$/m },

  // Names.
  { name: 'a space before the colon', raw: withLines('X-A : 1'), ...bad },
  { name: 'a tab before the colon', raw: withLines('X-A\t: 1'), ...bad },
  { name: 'a space before the colon of Host', raw: withHost('Host : localhost'), ...bad },
  { name: 'a space before the colon of Content-Length', raw: withLines('Content-Length : 5'), ...bad },
  { name: 'an empty name', raw: withLines(': 1'), ...bad },
  { name: 'no colon', raw: withLines('X-A'), ...bad },
  { name: 'a space in the name', raw: withLines('X A: 1'), ...bad },
  { name: 'NUL in the name', raw: withLines('X\0A: 1'), ...bad },
  { name: 'a parenthesis in the name', raw: withLines('X(A): 1'), ...bad },
  { name: 'a quote in the name', raw: withLines('"X": 1'), ...bad },
  { name: 'a slash in the name', raw: withLines('X/A: 1'), ...bad },
  { name: 'a byte above 0x7F in the name', raw: withLines('X\xe9: 1'), ...bad },
  { name: 'a control character in the name', raw: withLines('X\x01A: 1'), ...bad },
  { name: 'a bare CR in the name', raw: withLines('X\rA: 1'), ...bad },

  // Values. RFC 9110 §5.5: CR, LF and NUL MUST be refused or replaced; other controls are invalid too.
  { name: 'NUL in the value', raw: withLines('X-A: a\0b'), ...bad },
  { name: 'a bare CR in the value', raw: withLines('X-A: a\rb'), ...bad },
  { name: 'a bare CR, then a header', raw: withLines('X-A: a\rX-Evil: b'), ...bad },
  { name: 'a control character in the value', raw: withLines('X-A: a\x01b'), ...bad },
  { name: 'ESC in the value', raw: withLines('X-A: a\x1b[31mb'), ...bad },
  { name: 'DEL in the value', raw: withLines('X-A: a\x7fb'), ...bad },
  { name: 'two CR before LF', raw: withLines('X-A: a\r'), ...bad },
  // RFC 9112 §5.2: refused, or each fold replaced by SP.
  { name: 'a folded value', raw: withLines('X-A: a\r\n b'), status: [200, 400], body: /^HTTP_X_A=a +b$/m },
  { name: 'a value folded with a tab', raw: withLines('X-A: a\r\n\tb'), status: [200, 400], body: /^HTTP_X_A=a[ \t]+b$/m },
  { name: 'a fold of nothing', raw: withLines('X-A: a\r\n \r\n b'), status: [200, 400], body: /^HTTP_X_A=a +b$/m },
  { name: 'a folded Content-Length', raw: withLines('Content-Length:\r\n 5'), status: [400, 408] },
  // RFC 9112 §2.2: LF alone MAY be taken for CRLF; then it ends a line in every respect.
  { name: 'LF alone between fields', raw: withLines('X-A: a\nX-B: b'), status: [200, 400], body: /^HTTP_X_A=a\nHTTP_X_B=b$/m },

  // Size.
  { name: 'a field of 40000 bytes', raw: withLines(`X-A: ${'v'.repeat(40_000)}`), status: 431, code: 'HEAD_TOO_LARGE', closes: true },
  { name: 'a field of 1000000 bytes', raw: withLines(`X-A: ${'v'.repeat(1_000_000)}`), status: 431, code: 'HEAD_TOO_LARGE', closes: true },
  { name: 'a name of 40000 bytes', raw: withLines(`${'N'.repeat(40_000)}: 1`), status: 431, code: 'HEAD_TOO_LARGE', closes: true },
  { name: 'a name without end', raw: withLines('N'.repeat(40_000)), status: [400, 431], closes: true },
  { name: '10000 fields', raw: withLines(...Array.from({ length: 10_000 }, (_, i) => `X-${i}: 1`)), status: 431, closes: true },
  {
    // Node keeps 2000 fields unless told otherwise and forgets the rest without a word.
    name: 'the last of 3000 small fields still counts',
    raw: withLines(...Array.from({ length: 3000 }, () => 'a: b'), 'X-Last: 1'),
    status: [200, 431],
    body: /^HTTP_X_LAST=1$/m,
  },

  // Host: §3.2.
  { name: 'Host missing', raw: withHost(), ...badHost },
  { name: 'Host twice, the same', raw: withHost('Host: localhost', 'Host: localhost'), ...badHost },
  { name: 'Host twice, different', raw: withHost('Host: localhost', 'Host: other'), ...badHost },
  { name: 'Host twice, HTTP/1.0', raw: 'GET /cgi-bin/evil HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n', ...badHost },
  // RFC 9112 §3.2 knows an empty Host, for targets without an authority; RFC 9110 §4.2.1 knows no http URI without a host.
  { name: 'Host empty', raw: withHost('Host:'), status: [200, 400], code: 'HOST_INVALID' },
  { name: 'Host with a space', raw: withHost('Host: a b'), ...badHost },
  { name: 'Host with a slash', raw: withHost('Host: a/b'), ...badHost },
  { name: 'Host with a user', raw: withHost('Host: u@localhost'), ...badHost },
  { name: 'Host with a query', raw: withHost('Host: a?b'), ...badHost },
  // RFC 3986 §3.2.2 allows a comma in a name, though DNS does not.
  { name: 'Host with a comma', raw: withHost('Host: a,b'), status: [200, 400], code: 'HOST_INVALID' },
  { name: 'Host with markup', raw: withHost('Host: <script>'), ...badHost },
  { name: 'Host with a quote', raw: withHost('Host: a"b'), ...badHost },
  { name: 'Host with a backslash', raw: withHost('Host: a\\b'), ...badHost },
  { name: 'Host with a byte above 0x7F', raw: withHost('Host: \xff'), ...badHost },
  { name: 'Host with a port that is a word', raw: withHost('Host: localhost:port'), ...badHost },
  { name: 'Host with a port too high', raw: withHost('Host: localhost:65536'), ...badHost },
  { name: 'Host with a negative port', raw: withHost('Host: localhost:-1'), ...badHost },
  { name: 'Host with two ports', raw: withHost('Host: localhost:80:80'), ...badHost },
  { name: 'Host with only a port', raw: withHost('Host: :80'), ...badHost },
  { name: 'Host IPv6 without brackets', raw: withHost('Host: ::1'), ...badHost },
  { name: 'Host with an open bracket', raw: withHost('Host: [::1'), ...badHost },
  { name: 'Host with a name in brackets', raw: withHost('Host: [localhost]'), ...badHost },
  { name: 'Host with words after the bracket', raw: withHost('Host: [::1]x'), ...badHost },
  { name: 'Host with a scheme', raw: withHost('Host: http://localhost'), ...badHost },
  { name: 'Host: a name', raw: withHost('Host: example.org'), status: 200, body: /^SERVER_NAME=example\.org$/m },
  { name: 'Host: a name and a port', raw: withHost('Host: example.org:8000'), status: 200, body: /^SERVER_NAME=example\.org$/m },
  { name: 'Host: an underscore', raw: withHost('Host: foo_bar'), status: 200, body: /^SERVER_NAME=foo_bar$/m },
  { name: 'Host: IPv4', raw: withHost('Host: 127.0.0.1:8000'), status: 200, body: /^SERVER_NAME=127\.0\.0\.1$/m },
  { name: 'Host: IPv6', raw: withHost('Host: [::1]'), status: 200, body: /^SERVER_NAME=\[::1\]$/m },
  { name: 'Host: IPv6 and a port', raw: withHost('Host: [::1]:8000'), status: 200, body: /^SERVER_NAME=\[::1\]$/m },
  { name: 'Host: in any case', raw: withHost('hOsT: localhost'), status: 200, body: /^SERVER_NAME=localhost$/m },

  // Expect: RFC 9110 §10.1.1.
  { name: 'Expect of something else', raw: withLines('Expect: 200-ok'), status: 417, code: 'EXPECTATION_FAILED' },
  // It MAY be 417; Node looks for the one word it knows.
  { name: 'Expect of two things', raw: withLines('Expect: 100-continue, more'), status: [200, 417], code: 'EXPECTATION_FAILED' },
];

for (const row of rows) {
  test(`header fields: ${row.name}`, async () => {
    await expectRow(h, row);
    if (row.closes) await expectRow(h, { ...row, raw: row.raw + smuggled });
    assert.ok(!ranEvil(h), 'a refused request ran a script');
  });
}

test('header fields: a failure is a page, text, or JSON, as Accept asks; with the code in each', async () => {
  const page = await get(h.port, '/cgi-bin/missing', { Accept: 'text/html' });
  assert.match(page.get('content-type') ?? '', /^text\/html/);
  assert.equal(codeOf(page), 'NOT_FOUND');
  const text = await get(h.port, '/cgi-bin/missing', { Accept: 'text/plain' });
  assert.match(text.get('content-type') ?? '', /^text\/plain/);
  assert.equal(codeOf(text), 'NOT_FOUND');
  const json = await get(h.port, '/cgi-bin/missing', { Accept: 'application/json' });
  assert.match(json.get('content-type') ?? '', /^application\/json/);
  assert.equal((JSON.parse(json.text) as { code: string }).code, 'NOT_FOUND');
});

for (const [line, code] of [
  ['GET /../x HTTP/1.1\r\nHost: localhost', 'PATH_ABOVE_ROOT'],
  ['GET /cgi-bin/ok HTTP/1.1\r\nHost: a b', 'HOST_INVALID'],
  ['GET /cgi-bin/ok HTTP/1.1\r\nHost: localhost\r\nExpect: x', 'EXPECTATION_FAILED'],
  ['GET /%zz HTTP/1.1\r\nHost: localhost', 'PATH_BAD_ENCODING'],
]) {
  test(`header fields: ${code} as JSON`, async () => {
    const answer = await talk(h.port, `${line}\r\nAccept: application/json\r\n\r\n`);
    assert.equal((JSON.parse(answer.text) as { code: string }).code, code);
  });
}

test('header fields: HEAD of a failure has its head and no body', async () => {
  const answer = await talk(h.port, 'HEAD /cgi-bin/missing HTTP/1.1\r\nHost: localhost\r\n\r\n', { method: 'HEAD' });
  assert.equal(answer.status, 404);
});
