/**
 * RFC 3875 §6 on the wire: what a script prints against what a client gets. Raw sockets, one real process a row.
 * The parser's own vectors, cut at every byte, are in test/script/reply.test.ts.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { type FailureCode, failureTable } from '../../src/failures.js';
import { heldBytesMax, replyHeadBytesMax, replyHeadLinesMax } from '../../src/limits.js';
import { bearFor } from '../../src/process/bear.js';
import type { Exchange } from '../../src/trace/trace.js';
import { type House, house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, get, Wire } from '../support/wire.js';
import { ask, askAndWait, askInOneTurn, inOneTurn, pattern, printed, printer, requestBytes, type Step, told } from './print.js';

const h = await house({
  scripts: {
    ...printer,
    // civetweb's test: both pipes fill in turn, and neither may block the other.
    'alternate.sh': sh(
      'printf "Content-Type: text/plain\\n\\n"\ni=0\nwhile [ $i -lt 5000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i + 1)); done',
    ),
  },
});
after(() => h.stop());

let files = 0;
const fresh = (name: string): string => join(h.root, `${name}-${++files}`);
const typed = 'Content-Type: text/plain\n';

// --- what is understood -------------------------------------------------------------------------------------------

interface Understood {
  why: string;
  out: Step[];
  status?: number;
  reason?: string;
  /** Field → its only value, its values in order, or undefined for "is absent". */
  fields?: Record<string, string | string[] | undefined>;
  body?: string;
}

const lineEnds: Understood[] = [
  { why: 'LF', out: ['Content-Type: text/plain\nX-A: 1\n\nbody'], fields: { 'X-A': '1' }, body: 'body' },
  { why: 'CRLF', out: ['Content-Type: text/plain\r\nX-A: 1\r\n\r\nbody'], fields: { 'X-A': '1' }, body: 'body' },
  { why: 'CRLF, then LF', out: ['Content-Type: text/plain\r\nX-A: 1\n\nbody'], fields: { 'X-A': '1' }, body: 'body' },
  { why: 'LF, then CRLF', out: ['Content-Type: text/plain\nX-A: 1\r\n\r\nbody'], fields: { 'X-A': '1' }, body: 'body' },
  { why: 'LF, one byte a write', out: [{ bytewise: 'Content-Type: text/plain\nX-A: 1\n\nbody' }], fields: { 'X-A': '1' }, body: 'body' },
  { why: 'CRLF, one byte a write', out: [{ bytewise: 'Content-Type: text/plain\r\nX-A: 1\r\n\r\nbody' }], body: 'body' },
  { why: 'a CRLF head over a body with \\n\\n in it', out: ['Content-Type: text/plain\r\n\r\nA: 1\n\nB'], body: 'A: 1\n\nB' },
  { why: 'an LF head over a body that begins with CRLF', out: [`${typed}\n\r\n\r\nbody`], body: '\r\n\r\nbody' },
  { why: 'a body of line ends only', out: [`${typed}\n\n\n`], body: '\n\n' },
];

const fields: Understood[] = [
  { why: 'names in any case', out: ['sTaTuS: 404 Nope\ncontent-TYPE: text/x\n\n'], status: 404, fields: { 'Content-Type': 'text/x' } },
  { why: 'a name with digits', out: [`${typed}xx-yy123: 5\n\n`], fields: { 'xx-yy123': '5' } },
  { why: 'a name of every token character', out: [`${typed}!#$%&'*+-.^_\`|~9aZ: 5\n\n`], fields: { "!#$%&'*+-.^_`|~9aZ": '5' } },
  { why: 'no space after the colon, much around the value', out: [`${typed}X-A:1\nX-B: \t 2 \t\n\n`], fields: { 'X-A': '1', 'X-B': '2' } },
  { why: 'an empty value', out: [`${typed}X-Empty:\n\n`], fields: { 'X-Empty': '' } },
  { why: 'a tab inside a value', out: [`${typed}X-A: a\tb\n\n`], fields: { 'X-A': 'a\tb' } },
  { why: 'bytes above 0x7F in a value', out: [`${typed}X-A: caf\xe9 \xe4\xb8\xad\n\n`], fields: { 'X-A': 'caf\xe9 \xe4\xb8\xad' } },
  { why: 'colons in a value', out: [`${typed}X-A: a:b: c\n\n`], fields: { 'X-A': 'a:b: c' } },
  { why: 'a value of 60,000 bytes', out: [`${typed}X-A: `, { text: 'x', times: 60_000 }, '\n\nbody'], body: 'body' },
  { why: `${replyHeadLinesMax} lines`, out: [typed, { text: 'X-A: 1\n', times: replyHeadLinesMax - 1 }, '\nbody'], body: 'body' },
  { why: 'no Content-Type: none is invented', out: ['X-A: 1\n\nbody'], fields: { 'Content-Type': undefined }, body: 'body' },
  {
    why: 'cookies apart and in order',
    out: [`${typed}Set-Cookie: a=1\nSet-Cookie: b=2; Path=/\nset-cookie: a=3\n\n`],
    fields: { 'Set-Cookie': ['a=1', 'b=2; Path=/', 'a=3'] },
  },
  { why: 'other fields may repeat', out: [`${typed}X-A: 1\nX-A: 2\n\n`], fields: { 'X-A': ['1', '2'] } },
  {
    why: 'X-CGI-* is for the server (§6.3.5)',
    out: [`${typed}X-CGI-Thing: 1\nx-cgi-b: 2\n\n`],
    fields: { 'X-CGI-Thing': undefined, 'X-CGI-B': undefined },
  },
  {
    why: "the script's Date is the only one",
    out: [`${typed}Date: Tue, 01 Jan 2030 00:00:00 GMT\n\n`],
    fields: { Date: 'Tue, 01 Jan 2030 00:00:00 GMT' },
  },
  {
    why: 'fields about the connection are dropped',
    out: [
      `${typed}Connection: keep-alive, X-A\nKeep-Alive: timeout=99\nProxy-Connection: keep-alive\nTE: trailers\nTrailer: X-T\nUpgrade: h2c\nX-Z: 1\n\nbody`,
    ],
    fields: { Connection: 'close', 'Keep-Alive': undefined, 'Proxy-Connection': undefined, TE: undefined, Upgrade: undefined, 'X-Z': '1' },
    body: 'body',
  },
  {
    why: 'Content-Range with Status 206 is passed on',
    out: [`Status: 206 Partial Content\n${typed}Content-Range: bytes 0-4/10\nContent-Length: 5\n\nhello`],
    status: 206,
    fields: { 'Content-Range': 'bytes 0-4/10', 'Content-Length': '5' },
    body: 'hello',
  },
];

const statuses: Understood[] = [
  { why: 'no Status', out: [`${typed}\n`], status: 200, reason: 'OK' },
  { why: 'Status 200 with a reason of its own', out: [`Status: 200 Fine\n${typed}\n`], status: 200, reason: 'Fine' },
  { why: 'Status without a reason: the standard phrase', out: [`Status: 404\n${typed}\n`], status: 404, reason: 'Not Found' },
  { why: 'Status without a space', out: [`Status:403 No\n${typed}\n`], status: 403, reason: 'No' },
  { why: 'Status last', out: [`${typed}Status: 410 Gone Away\n\n`], status: 410, reason: 'Gone Away' },
  { why: "Status 418 I'm a teapot", out: [`Status: 418 I'm a teapot\n${typed}\n`], status: 418, reason: "I'm a teapot" },
  { why: 'Status 299', out: [`Status: 299 Odd\n${typed}\n`], status: 299, reason: 'Odd' },
  { why: 'Status 599', out: [`Status: 599 Odd\n${typed}\n`], status: 599, reason: 'Odd' },
  { why: 'Status 500 is the script’s own page, no failure', out: [`Status: 500\n${typed}\nmine`], status: 500, body: 'mine' },
  { why: 'Status 502 too', out: [`Status: 502 Mine\n${typed}\nmine`], status: 502, reason: 'Mine', body: 'mine' },
  { why: 'Status 304 and nothing else', out: ['Status: 304\n\n'], status: 304, reason: 'Not Modified', body: '' },
];

for (const [title, rows] of Object.entries({ 'line ends': lineEnds, fields, statuses })) {
  describe(`reply, understood: ${title}`, { concurrency: 4 }, () => {
    for (const row of rows) {
      test(row.why, async () => {
        const { answer, exchange } = await ask(h, row.out);
        assert.equal(exchange.failure, undefined);
        assert.equal(answer.status, row.status ?? 200, answer.text);
        if (row.reason !== undefined) assert.equal(answer.reason, row.reason);
        for (const [name, value] of Object.entries(row.fields ?? {})) {
          assert.deepEqual(answer.all(name), value === undefined ? [] : [value].flat(), name);
        }
        if (row.body !== undefined) assert.equal(answer.body.toString('latin1'), row.body);
        assert.ok(answer.complete);
        assert.equal(exchange.status, answer.status);
      });
    }
  });
}

test("the server's name is ours, once", async () => {
  const plain = await ask(h, [`${typed}\n`]);
  const forged = await ask(h, [`${typed}Server: Evil/1.0\n\n`]);
  assert.deepEqual(forged.answer.all('Server'), plain.answer.all('Server'));
  assert.equal(plain.answer.all('Date').length, 1);
});

test('an explicit 200 stays 200 when the request is conditional (Apache PR 37166)', async () => {
  const { answer } = await ask(h, [`Status: 200 OK\n${typed}Last-Modified: Tue, 15 Feb 2005 15:00:00 GMT\n\nbody`], {
    fields: { 'If-Modified-Since': 'Tue, 15 Feb 2005 15:00:00 GMT' },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'body');
});

// --- what is refused ------------------------------------------------------------------------------------------------

const long = 'x'.repeat(300);
const refused: [why: string, out: Step[], code: FailureCode | FailureCode[]][] = [
  ['a space in a name', [`${typed}X Bad: 1\n\n`], 'REPLY_BAD_NAME'],
  ['a space before the colon', [`${typed}X-A : 1\n\n`], 'REPLY_BAD_NAME'],
  ['no name', [`${typed}: 1\n\n`], 'REPLY_BAD_NAME'],
  ['a name with a parenthesis', [`${typed}X(a): 1\n\n`], 'REPLY_BAD_NAME'],
  ['a name with NUL', [`${typed}X\0A: 1\n\n`], 'REPLY_BAD_NAME'],
  ['a name with a byte above 0x7F', [`${typed}X-\xe9: 1\n\n`], 'REPLY_BAD_NAME'],
  ['a line folded with a space', [`${typed}X-A: 1\n 2\n\n`], 'REPLY_FOLDED'],
  ['a line folded with a tab', [`${typed}X-A: 1\r\n\t2\r\n\r\n`], 'REPLY_FOLDED'],
  ['a bare CR in a value', [`${typed}X-A: a\rX-B: b\n\n`], 'REPLY_BAD_VALUE'],
  ['CR CR LF', [`${typed}X-A: a\r\r\n\r\n`], 'REPLY_BAD_VALUE'],
  ['NUL in a value', [`${typed}X-A: a\0b\n\n`], 'REPLY_BAD_VALUE'],
  ['DEL in a value', [`${typed}X-A: a\x7fb\n\n`], 'REPLY_BAD_VALUE'],
  ['ESC in a value', [`${typed}X-A: \x1b[31m\n\n`], 'REPLY_BAD_VALUE'],
  ['a form feed in Content-Type', ['Content-Type: text/html\x0c\n\n'], 'REPLY_BAD_VALUE'],
  ['a control byte in the reason', [`Status: 200 O\x01K\n${typed}\n`], 'REPLY_BAD_VALUE'],
  ['a control byte in Location', ['Location: http://example.org/\x01\n\n'], 'REPLY_BAD_VALUE'],
  ['text and no headers', ['hello world\n'], 'REPLY_NOT_A_HEADER'],
  ['text without a line end', ['hello'], 'REPLY_NOT_A_HEADER'],
  ['a page without headers', ['<!doctype html>\n<p style="color:red">hello\n'], 'REPLY_NOT_A_HEADER'],
  ['a status line from a script that is not NPH', [`HTTP/1.1 200 OK\r\n${typed}\r\nhello`], ['REPLY_NOT_A_HEADER', 'REPLY_HEADERS_LATE']],
  ['text, then headers', [`total 12\n${typed}\nbody`], 'REPLY_HEADERS_LATE'],
  ['text, then headers in a second write', ['total 12\n', `${typed}\nbody`], 'REPLY_HEADERS_LATE'],
  ['the end inside the headers, after a line', [typed], 'REPLY_NO_BLANK_LINE'],
  ['the end inside a header line', ['Content-Type: text/plain'], 'REPLY_NO_BLANK_LINE'],
  ['the body at once, no blank line', [`${typed}hello\nworld\n`], ['REPLY_NO_BLANK_LINE', 'REPLY_NOT_A_HEADER']],
  ['the end inside the headers, exit 1', [typed, { exit: 1 }], 'REPLY_NO_BLANK_LINE'],
  ['an LF first', ['\nbody'], 'REPLY_NO_FIELDS'],
  ['a CRLF first', ['\r\nbody'], 'REPLY_NO_FIELDS'],
  ['nothing, exit 0', [], 'REPLY_EMPTY'],
  ['nothing but stderr, exit 0', [{ stderr: 'oh\n' }], 'REPLY_EMPTY'],
  ['nothing, exit 3', [{ exit: 3 }], 'REPLY_CRASHED'],
  ['nothing, killed', [{ kill: 'SIGKILL' }], 'REPLY_CRASHED'],
  [
    'a header block over the limit',
    [typed, { text: `X-A: ${long}\n`, times: Math.ceil(replyHeadBytesMax / 306) }, '\nbody'],
    'REPLY_HEAD_TOO_LARGE',
  ],
  ['a header line without an end', ['X-A: ', { text: 'x', times: 10 * replyHeadBytesMax }], 'REPLY_HEAD_TOO_LARGE'],
  [`${replyHeadLinesMax + 1} lines`, [typed, { text: 'X-A: 1\n', times: replyHeadLinesMax }, '\nbody'], 'REPLY_HEAD_TOO_LARGE'],
  ['two Content-Types', [`${typed}Content-type: text/html\n\n`], 'REPLY_DUPLICATE_FIELD'],
  ['two Locations', ['Location: http://a/\nLocation: http://b/\n\n'], 'REPLY_DUPLICATE_FIELD'],
  ['two Statuses', [`Status: 200\nStatus: 200\n${typed}\n`], 'REPLY_DUPLICATE_FIELD'],
  ['two Content-Lengths that agree', [`${typed}Content-Length: 1\nContent-Length: 1\n\na`], 'REPLY_DUPLICATE_FIELD'],
  ['two Content-Lengths that differ', [`${typed}Content-Length: 1\nContent-Length: 2\n\na`], 'REPLY_DUPLICATE_FIELD'],
  ['Transfer-Encoding: chunked', [`${typed}Transfer-Encoding: chunked\n\n1\r\na\r\n0\r\n\r\n`], 'REPLY_TRANSFER_ENCODING'],
  ['Transfer-Encoding: identity', [`${typed}transfer-encoding: identity\n\na`], 'REPLY_TRANSFER_ENCODING'],
  ...['30', '2000', '100 Continue', '101 Switching Protocols', '199', '600', '999', '0200', 'OK', '', '200OK', '2e2', '-200', '0x1'].map(
    (value): [string, Step[], FailureCode] => [`Status: ${JSON.stringify(value)}`, [`Status: ${value}\n${typed}\n`], 'REPLY_BAD_STATUS'],
  ),
  ...['abc', '-1', '+1', '', '1, 1', '1 1', '0x1', '1e0', '1.0', '99999999999999999999'].map((value): [string, Step[], FailureCode] => [
    `Content-Length: ${JSON.stringify(value)}`,
    [`${typed}Content-Length: ${value}\n\na`],
    'REPLY_BAD_LENGTH',
  ]),
];

describe('reply, refused with 502', { concurrency: 4 }, () => {
  for (const [why, out, code] of refused) {
    test(`${why} → ${[code].flat().join(' or ')}`, async () => {
      const { answer, exchange } = await ask(h, out);
      assert.equal(answer.status, 502, answer.text);
      assert.ok([code].flat().includes(exchange.failure!.code), `${exchange.failure?.code}`);
      assert.equal(exchange.status, 502);
      assert.ok(answer.complete);
      assert.ok(answer.text.includes(exchange.failure!.code), 'the page names the code');
    });
  }

  test('headers without end: the script is stopped, not read for ever', async () => {
    const { exchange } = await ask(h, [{ text: 'X-A: 1\n', times: 1e9 }]);
    assert.equal(exchange.failure?.code, 'REPLY_HEAD_TOO_LARGE');
  });
});

// --- how it is framed -------------------------------------------------------------------------------------------------

describe('framing', () => {
  for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
    test(`${version}, whole in one turn: its length is said, and there are no chunks`, async () => {
      const { answer, closed, exchange } = await askInOneTurn(h, [`${typed}\nhel`, 'lo'], { version });
      assert.deepEqual([answer.get('Content-Length'), answer.get('Transfer-Encoding')], ['5', undefined]);
      assert.equal(answer.text, 'hello');
      assert.equal(closed, 'end');
      assert.equal(exchange.bytesOut, 5);
    });

    test(`${version}, headers only, whole in one turn`, async () => {
      const { answer, closed } = await askInOneTurn(h, [`${typed}\n`], { version });
      assert.deepEqual([answer.get('Content-Length'), answer.get('Transfer-Encoding'), answer.body.length], ['0', undefined, 0]);
      assert.equal(closed, 'end');
    });

    test(`${version}, headers only, and the end only later: an empty body that ends`, async () => {
      const { answer, closed } = await askAndWait(h, [`${typed}\n`], [], { version });
      assert.deepEqual([answer.chunked, answer.get('Content-Length')], [version === 'HTTP/1.1', undefined]);
      assert.ok(answer.complete);
      assert.equal(answer.body.length, 0);
      assert.equal(closed, 'end');
    });
  }

  test('HTTP/1.1, not whole in time: chunked', async () => {
    const { answer } = await askAndWait(h, [`${typed}\nhel`], ['lo'], {}, 'hel');
    assert.ok(answer.chunked && answer.complete);
    assert.equal(answer.get('Content-Length'), undefined);
    assert.equal(answer.text, 'hello');
  });

  test('HTTP/1.0, not whole in time: until the connection closes, also when the client would keep it', async () => {
    const keep = { version: 'HTTP/1.0', fields: { Connection: 'keep-alive' } };
    const { answer, closed } = await askAndWait(h, [`${typed}\nhel`], ['lo'], keep, 'hel');
    assert.equal(answer.get('Transfer-Encoding'), undefined);
    assert.equal(answer.get('Content-Length'), undefined);
    assert.equal(answer.text, 'hello');
    assert.equal(closed, 'end');
  });

  test('HTTP/1.0, whole in one turn: a client that would keep the connection keeps it', async () => {
    const keep = { version: 'HTTP/1.0', fields: { Connection: 'keep-alive' } };
    const { gated, holdUp } = inOneTurn(h, [`${typed}\nhello`]);
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(printed(gated), keep));
    await holdUp();
    const answer = await wire.answer();
    assert.deepEqual([answer.text, answer.get('Content-Length')], ['hello', '5']);
    assert.match(answer.get('Connection') ?? '', /^keep-alive$/i);
    wire.send(requestBytes(printed([`${typed}Content-Length: 5\n\nafter`]), keep));
    assert.equal((await wire.answer()).text, 'after');
    wire.close();
  });

  for (const bytes of [heldBytesMax - 1, heldBytesMax + 1, 5 * heldBytesMax]) {
    test(`${bytes} bytes in one burst arrive whole and in order`, async () => {
      const { answer, exchange } = await ask(h, [`${typed}\n`, { fill: bytes }]);
      assert.ok(answer.complete && answer.body.equals(pattern(bytes)));
      assert.equal(exchange.bytesOut, bytes);
    });
  }

  for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
    test(`${version}, a good Content-Length is used`, async () => {
      const { answer, exchange } = await ask(h, [`${typed}Content-Length: 5\n\nhel`, 'lo'], { version });
      assert.equal(answer.get('Content-Length'), '5');
      assert.equal(answer.text, 'hello');
      assert.ok(!answer.chunked && answer.complete);
      assert.equal(exchange.bytesOut, 5);
      assert.deepEqual(exchange.notes, []);
    });

    test(`${version}, Content-Length: 0`, async () => {
      const { answer, exchange } = await ask(h, [`${typed}Content-Length: 0\n\n`], { version });
      assert.equal(answer.get('Content-Length'), '0');
      assert.ok(answer.complete);
      assert.equal(exchange.failure, undefined);
    });

    test(`${version}, a body longer than its Content-Length is cut there, and that is noted`, async () => {
      const { answer, exchange } = await ask(h, [`${typed}Content-Length: 5\n\nhelloEVIL`, 'MORE'], { version });
      assert.equal(answer.text, 'hello');
      assert.ok(answer.raw.toString('latin1').endsWith('\r\n\r\nhello'));
      assert.ok(exchange.notes.length > 0, 'a note');
      assert.equal(exchange.bytesOut, 5);
    });

    test(`${version}, output is sent on as it is written`, async () => {
      const [head, body] = [fresh('gate'), fresh('gate')];
      const wire = await Wire.open(h.port);
      wire.send(requestBytes(printed([`${typed}\n`, { await: head }, 'first', { await: body }, 'second']), { version }));
      await wire.seen('200 OK');
      writeFileSync(head, '');
      await wire.seen('first');
      assert.ok(!wire.waiting().includes('second'));
      writeFileSync(body, '');
      const answer = await wire.answer();
      assert.equal(answer.text, 'firstsecond');
      assert.equal(answer.chunked, version === 'HTTP/1.1');
      wire.close();
    });
  }

  test('a Range request gets the whole of what the script prints', async () => {
    const gate = fresh('gate');
    const wire = await Wire.open(h.port);
    wire.send(
      requestBytes(printed([`${typed}\n`, { text: 'a', times: 8192 }, { await: gate }, { text: 'b', times: 8192 }]), {
        fields: { Range: 'bytes=0-10' },
      }),
    );
    await wire.seen('aaaa');
    writeFileSync(gate, '');
    const answer = await wire.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'a'.repeat(8192) + 'b'.repeat(8192));
    wire.close();
  });
});

/** After this answer the same connection must still be in step: the next request gets the next answer. */
const steady: [why: string, method: string, out: Step[], status: number, length?: string | undefined][] = [
  ['HEAD without length', 'HEAD', [`${typed}\nEVIL`], 200, undefined],
  ['HEAD with Content-Length', 'HEAD', [`${typed}Content-Length: 4\n\nEVIL`], 200, '4'],
  ['HEAD, and a script that prints only the headers of a long body', 'HEAD', [`${typed}Content-Length: 4000\n\n`], 200, '4000'],
  ['HEAD to a script that fails', 'HEAD', ['hello'], 502],
  ['204 with a body', 'GET', ['Status: 204\n\nEVIL'], 204, undefined],
  ['204 with Content-Length', 'GET', ['Status: 204 Nothing\nContent-Length: 4\n\nEVIL'], 204, undefined],
  ['304 alone', 'GET', ['Status: 304\n\n'], 304],
  ['304 with a body', 'GET', [`Status: 304\nETag: "a"\n${typed}\nEVIL`], 304],
  ['304 with the length of what it stands for', 'GET', ['Status: 304\nContent-Length: 4\n\n'], 304],
  ['a body longer than its Content-Length', 'GET', [`${typed}Content-Length: 2\n\nokHTTP/1.1 200 EVIL\r\n\r\n`], 200, '2'],
  ['an empty body', 'GET', [`${typed}\n`], 200],
  ['a redirect without a body', 'GET', ['Location: http://example.org/\n\n'], 302],
  ['a failure', 'GET', ['hello'], 502],
  ['a script that says Connection: close', 'GET', [`${typed}Connection: close\n\nhello`], 200],
];

describe('keep-alive stays in step after', () => {
  for (const [why, method, out, status, length] of steady) {
    test(why, async () => {
      const wire = await Wire.open(h.port);
      const keep = { Connection: 'keep-alive' };
      const target = printed(out);
      wire.send(requestBytes(target, { method, fields: keep }));
      const first = await wire.finalAnswer({ method });
      assert.equal(first.status, status);
      assert.ok(first.complete);
      if (length !== undefined || status === 204) assert.equal(first.get('Content-Length'), length);
      if (status === 204 || status === 304) assert.equal(first.get('Transfer-Encoding'), undefined);
      wire.send(requestBytes(printed([`${typed}Content-Length: 5\n\nafter`]), { fields: keep }));
      const second = await wire.finalAnswer();
      assert.equal(second.text, 'after');
      assert.equal((await told(h, target)).failure === undefined, status !== 502);
      wire.close();
    });
  }

  test('a body that 205 may not have (RFC 9110 §15.3.6)', async () => {
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(printed([`Status: 205 Reset\n\nEVIL`]), { fields: { Connection: 'keep-alive' } }));
    const first = await wire.finalAnswer();
    assert.equal(first.status, 205);
    assert.equal(first.text, '');
    assert.ok(first.complete);
    wire.send(requestBytes(printed([`${typed}\nafter`])));
    assert.equal((await wire.finalAnswer()).text, 'after');
    wire.close();
  });
});

// --- the body, to the byte ---------------------------------------------------------------------------------------------

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const everyByte = pattern(256).toString('latin1');
const MIB = 1 << 20;

describe('the body', () => {
  for (const type of [undefined, 'text/html', 'text/plain; charset=latin1', 'image/jpeg']) {
    test(`every byte value, as ${type ?? 'nothing in particular'}`, async () => {
      const head = type === undefined ? 'X-A: 1\n\n' : `Content-Type: ${type}\n\n`;
      const { answer } = await ask(h, [head, everyByte, everyByte]);
      assert.equal(answer.get('Content-Type'), type);
      assert.equal(answer.body.toString('latin1'), everyByte + everyByte);
    });
  }

  test('NULs and CRs only', async () => {
    const { answer } = await ask(h, [`${typed}\n`, '\0\0\r\r\0']);
    assert.equal(answer.body.toString('latin1'), '\0\0\r\r\0');
  });

  for (const size of [MIB, 20 * MIB]) {
    for (const [how, head] of [
      ['chunked', `${typed}\n`],
      ['with Content-Length', `${typed}Content-Length: ${size}\n\n`],
    ] as const) {
      test(`${size / MIB} MiB ${how}, SHA-256 equal`, async () => {
        const { answer, exchange } = await ask(h, [head, { fill: size }]);
        assert.equal(answer.body.length, size);
        assert.equal(sha256(answer.body), sha256(pattern(size)));
        assert.equal(exchange.bytesOut, size);
      });
    }
  }

  test('1 MiB to an HTTP/1.0 client', async () => {
    const { answer } = await ask(h, [`${typed}\n`, { fill: MIB }], { version: 'HTTP/1.0' });
    assert.equal(sha256(answer.body), sha256(pattern(MIB)));
  });

  test('a client that takes nothing makes the script wait, and loses nothing', async () => {
    const [size, progress] = [48 * MIB, fresh('progress')];
    const wire = await Wire.open(h.port);
    wire.pause();
    wire.send(requestBytes(printed([`${typed}\n`, { fill: size, progress }])));
    const written = () => (existsSync(progress) ? Number(readFileSync(progress, 'latin1')) : 0);
    let [before, still] = [0, 0];
    await until(
      () => {
        const now = written();
        still = now > 0 && now === before ? still + 1 : 0;
        before = now;
        return still >= 25;
      },
      'the script to stand still',
      30_000,
    );
    assert.ok(written() < size / 2, `the script could write ${written()} bytes`);
    wire.resume();
    const answer = await wire.answer({ timeoutMs: 60_000 });
    assert.equal(answer.body.length, size);
    assert.equal(sha256(answer.body), sha256(pattern(size)));
    assert.ok(answer.complete);
    wire.close();
  });
});

// --- stderr is beside the answer, never in it nor in its way --------------------------------------------------------------

describe('stderr', () => {
  test('1 MiB of it before the first byte of output', async () => {
    const { answer, exchange } = await ask(h, [{ stderr: `${'e'.repeat(1023)}\n`, times: 1024 }, `${typed}\nbody`]);
    assert.equal(answer.text, 'body');
    assert.equal(exchange.stderrBytes, MIB);
  });

  test('closed early', async () => {
    const { answer } = await ask(h, [{ close: 'stderr' }, `${typed}\nbody`]);
    assert.equal(answer.text, 'body');
  });

  test('written after stdout was closed', async () => {
    const { answer } = await ask(h, [`${typed}\nbody`, { close: 'stdout' }, { stderr: 'late words\n' }]);
    assert.equal(answer.text, 'body');
    await until(() => h.stderr.some((line) => line.text === 'late words'), 'the line in the log');
  });

  test('5,000 lines in turn with 5,000 lines of output', async () => {
    const answer = await get(h.port, '/cgi-bin/alternate.sh');
    assert.equal(answer.text, Array.from({ length: 5000 }, (_, i) => `out ${i}\n`).join(''));
    const exchange = await told(h, '/cgi-bin/alternate.sh');
    assert.equal(exchange.stderrBytes, Array.from({ length: 5000 }, (_, i) => `err ${i}\n`).join('').length);
  });
});

// --- failure pages ------------------------------------------------------------------------------------------------------

describe('a failure page', () => {
  const broken: Step[] = [{ stderr: 'NameError: <b>os</b> & co\n' }, 'Content-Type: <i>te'];
  const { what, mend } = failureTable.REPLY_NO_BLANK_LINE;
  const page = (fields: Record<string, string>, method = 'GET') => ask(h, broken, { fields, method }).then(({ answer }) => answer);

  const kinds: [accept: string | undefined, type: RegExp][] = [
    [undefined, /^text\/html\b/],
    ['*/*', /^text\/html\b/],
    ['text/html,application/xhtml+xml,*/*;q=0.8', /^text\/html\b/],
    ['text/plain', /^text\/plain\b/],
    ['application/json', /^application\/json\b/],
    ['application/json, text/html;q=0.5', /^application\/json\b/],
    ['text/html;q=0.1, text/plain', /^text\/plain\b/],
    ['image/png', /^text\//],
  ];
  for (const [accept, type] of kinds) {
    test(`Accept: ${accept ?? '(none)'}`, async () => {
      const answer = await page(accept === undefined ? {} : { Accept: accept });
      assert.equal(answer.status, 502);
      assert.match(answer.get('Content-Type') ?? '', type);
      if (type.test('application/json')) assert.ok(JSON.stringify(JSON.parse(answer.text)).includes('REPLY_NO_BLANK_LINE'));
      assert.ok(answer.text.includes('REPLY_NO_BLANK_LINE') && answer.text.includes(what.en) && answer.text.includes(mend.en));
    });
  }

  for (const accept of ['text/html', 'text/plain', 'application/json']) {
    test(`in Chinese, as ${accept}`, async () => {
      const answer = await page({ Accept: accept, 'Accept-Language': 'zh-CN,zh;q=0.9,en;q=0.8' });
      assert.ok(answer.text.includes(what.zh) && answer.text.includes(mend.zh), answer.text);
    });
  }

  test('in English when English is liked better', async () => {
    const answer = await page({ 'Accept-Language': 'en, zh;q=0.5' });
    assert.ok(answer.text.includes(what.en));
  });

  test('shows output and stderr, escaped', async () => {
    const html = (await page({})).text;
    assert.ok(html.includes('NameError: &lt;b&gt;os&lt;/b&gt; &amp; co'), html);
    assert.ok(html.includes('&lt;i&gt;te') && !html.includes('<i>te') && !html.includes('<b>os'));
    const text = (await page({ Accept: 'text/plain' })).text;
    assert.ok(text.includes('NameError: <b>os</b> & co'));
  });

  for (const field of ['X-Forwarded-For', 'Forwarded', 'X-Forwarded-Proto', 'Via']) {
    test(`shows neither to a client behind a proxy (${field})`, async () => {
      for (const accept of ['text/html', 'text/plain', 'application/json']) {
        const { text, headers } = await page({ [field]: field === 'Forwarded' ? 'for=10.0.0.9' : '1.1 10.0.0.9', Accept: accept });
        for (const secret of ['NameError', 'Content-Type: ', h.root]) assert.ok(!text.includes(secret), `${secret}: ${text}`);
        assert.ok(text.includes('REPLY_NO_BLANK_LINE'));
        assert.ok(!headers.some(([name]) => name.toLowerCase() === 'server-timing'));
      }
    });
  }

  for (const details of ['never', 'always'] as const) {
    test(`details: ${details}`, async (t) => {
      const other = await house({ scripts: printer, details });
      t.after(() => other.stop());
      const shown = await ask(other, broken, { fields: details === 'always' ? { 'X-Forwarded-For': '10.0.0.9' } : {} });
      assert.equal(shown.answer.text.includes('NameError'), details === 'always');
      if (details === 'never') assert.ok(!shown.answer.text.includes(other.root));
      const timed = await ask(other, [`${typed}\n`], { fields: details === 'always' ? { 'X-Forwarded-For': '10.0.0.9' } : {} });
      assert.equal(timed.answer.get('Server-Timing') !== undefined, details === 'always');
    });
  }

  test('HEAD gets its head only', async () => {
    const { answer, closed } = await ask(h, broken, { method: 'HEAD' });
    assert.equal(answer.status, 502);
    assert.equal(closed, 'end');
  });
});

// --- Server-Timing --------------------------------------------------------------------------------------------------------

describe('Server-Timing', () => {
  /** At commas that are not in a description. */
  const split = (value: string): string[] => value.split(/, (?=[a-z]+;)/);
  const names = (value: string | undefined) => split(value ?? '').map((each) => each.split(';')[0]);

  const phases = ['queue', 'spawn', 'wait', 'head', 'body', 'exit'] as const;
  const account = ['user', 'system', 'rss', 'faults', 'switches'];
  const metric = /^[a-z]+(;desc="[^"]*"|;dur=\d+(\.\d+)?)+$/;
  const trailerOf = (answer: Answer): string =>
    answer.trailers
      .filter(([name]) => name.toLowerCase() === 'server-timing')
      .map(([, value]) => value)
      .join(', ');

  /** Undefined where nothing is born that way. */
  const bornBy = async (t: TestContext, spawn: 'native' | 'portable'): Promise<House | undefined> => {
    if (spawn === 'native' && bearFor('auto').by === 'portable') return undefined;
    const other = await house({ scripts: printer, spawn });
    t.after(() => other.stop());
    return other;
  };

  for (const spawn of ['native', 'portable'] as const) {
    const known = spawn === 'native' ? account : ['kernel'];
    const expectAccount = (said: string, exchange: Exchange): void => {
      for (const each of split(said)) assert.match(each, metric);
      if (spawn === 'portable') return assert.ok(split(said).includes('kernel;desc="not available"'), said);
      const { minorFaults, majorFaults, voluntarySwitches, involuntarySwitches, peakRssKib } = exchange.account!;
      assert.ok(split(said).includes(`faults;desc="${minorFaults} minor, ${majorFaults} major"`), said);
      assert.ok(split(said).includes(`switches;desc="${voluntarySwitches} voluntary, ${involuntarySwitches} involuntary"`), said);
      assert.ok(split(said).includes(`rss;desc="${peakRssKib === undefined ? 'not available' : `${peakRssKib} KiB`}"`), said);
    };

    test(`${spawn}: names all phases and the kernel's account of an answer that is whole in one turn`, async (t) => {
      const other = await bornBy(t, spawn);
      if (!other) return;
      const { answer, exchange } = await askInOneTurn(other, [`${typed}\nhello`], { fields: { TE: 'trailers', Connection: 'close, TE' } });
      const said = answer.get('Server-Timing') ?? '';
      assert.deepEqual(names(said), [...phases, ...known]);
      expectAccount(said, exchange);
      assert.deepEqual([answer.get('Trailer'), answer.trailers], [undefined, []]);
      for (const phase of phases) assert.ok(exchange.phases[phase] !== undefined, phase);
    });

    test(`${spawn}: of another, the phases that are over, and the rest in a trailer to a client that takes trailers`, async (t) => {
      const other = await bornBy(t, spawn);
      if (!other) return;
      for (const fields of [{ TE: 'trailers', Connection: 'close, TE' }, {}] as Record<string, string>[]) {
        const { answer, exchange } = await askAndWait(other, [`${typed}\nhel`], ['lo'], { fields }, 'hel');
        assert.ok(answer.complete);
        assert.deepEqual(names(answer.get('Server-Timing')), ['queue', 'spawn', 'wait', 'head']);
        for (const each of split(answer.get('Server-Timing')!)) assert.match(each, metric);
        if (fields.TE === undefined) {
          assert.deepEqual([answer.get('Trailer'), answer.trailers], [undefined, []]);
          continue;
        }
        assert.match(answer.get('Trailer') ?? '', /^Server-Timing$/i);
        assert.deepEqual(names(trailerOf(answer)), ['body', 'exit', ...known]);
        expectAccount(trailerOf(answer), exchange);
        for (const phase of phases) assert.ok(exchange.phases[phase] !== undefined, phase);
      }
    });
  }

  test('no trailer where there are no chunks', async () => {
    const { answer } = await ask(h, [`${typed}Content-Length: 5\n\nhello`], { fields: { TE: 'trailers', Connection: 'close, TE' } });
    assert.equal(answer.text, 'hello');
    assert.deepEqual([answer.get('Trailer'), answer.trailers], [undefined, []]);
  });

  test("the script's own stands beside ours", async () => {
    const { answer } = await ask(h, [`${typed}Server-Timing: db;dur=53\n\n`]);
    assert.ok(names(answer.get('Server-Timing')).includes('db'));
    assert.ok(names(answer.get('Server-Timing')).includes('spawn'));
  });
});
