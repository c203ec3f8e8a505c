/**
 * RFC 3875 §6 as a pure function. Each vector three ways: whole, one byte at a time, and with bytes after it; then two laws:
 * where the pieces are cut changes nothing, and no bytes at all make the parser throw.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Failure, type FailureCode, isFailure } from '../../src/failures.js';
import { outputKeptBytes, replyHeadBytesMax, replyHeadLinesMax } from '../../src/limits.js';
import { judgeHead, replyParser } from '../../src/script/reply.js';
import type { ReplyHead } from '../../src/types.js';

type Outcome = { head: ReplyHead; body: string } | Failure;

/** What a gateway does with a parser: pushes until the head is there, takes the rest as body, asks at the end. */
function feed(pieces: Buffer[]): Outcome {
  const parser = replyParser();
  let head: ReplyHead | undefined;
  const body: Buffer[] = [];
  for (const piece of pieces) {
    if (head) {
      body.push(piece);
      continue;
    }
    const parsed = parser.push(piece);
    if (parsed === undefined) continue;
    if (isFailure(parsed)) return parsed;
    head = parsed.head;
    body.push(parsed.rest);
  }
  return head ? { head, body: Buffer.concat(body).toString('latin1') } : parser.end();
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const oneByOne = (all: Buffer): Buffer[] => Array.from(all, (_, at) => all.subarray(at, at + 1));
const codeOf = (outcome: Outcome): FailureCode | 'a head' => (isFailure(outcome) ? outcome.code : 'a head');

// --- heads ----------------------------------------------------------------------------------------------------------------

interface Vector {
  why: string;
  head: string;
  is: Partial<ReplyHead>;
}

const text = { kind: 'document', status: 200, reason: '', contentLength: undefined, location: undefined } as const;
const plain = ['Content-Type', 'text/plain'];

const heads: Vector[] = [
  { why: 'LF', head: 'Content-Type: text/plain\n\n', is: { ...text, headers: plain } },
  { why: 'CRLF', head: 'Content-Type: text/plain\r\n\r\n', is: { ...text, headers: plain } },
  { why: 'CRLF then LF', head: 'Content-Type: text/plain\r\n\n', is: { ...text, headers: plain } },
  { why: 'LF then CRLF', head: 'Content-Type: text/plain\n\r\n', is: { ...text, headers: plain } },
  {
    why: 'names as they were written',
    head: 'content-TYPE: text/plain\nx-a: 1\n\n',
    is: { headers: ['content-TYPE', 'text/plain', 'x-a', '1'] },
  },
  { why: 'white space around a value', head: 'X-A: \t a b \t\r\n\r\n', is: { headers: ['X-A', 'a b'] } },
  { why: 'nothing around a value', head: 'X-A:1\n\n', is: { headers: ['X-A', '1'] } },
  { why: 'an empty value', head: 'X-A:\n\n', is: { headers: ['X-A', ''] } },
  { why: 'a value of white space', head: 'X-A: \t \n\n', is: { headers: ['X-A', ''] } },
  { why: 'obs-text', head: 'X-A: \x80\xff\n\n', is: { headers: ['X-A', '\x80\xff'] } },
  { why: 'cookies', head: 'Set-Cookie: a=1\nSet-Cookie: b=2\n\n', is: { headers: ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'] } },
  { why: 'Status with reason', head: 'Status: 404 Not Here\n\n', is: { status: 404, reason: 'Not Here', headers: [] } },
  { why: 'Status without reason', head: 'status:404\n\n', is: { status: 404, reason: '' } },
  { why: 'Status 200', head: 'Status: 200\n\n', is: { status: 200 } },
  { why: 'Status 599', head: 'Status: 599 X\n\n', is: { status: 599 } },
  { why: 'Content-Length', head: 'Content-Length: 5\n\n', is: { kind: 'document', contentLength: 5 } },
  { why: 'Content-Length: 0', head: 'Content-Length: 0\n\n', is: { contentLength: 0 } },
  { why: 'Content-Length: 007', head: 'Content-Length: 007\n\n', is: { contentLength: 7 } },
  { why: 'Date once', head: 'Date: a\nDate: b\n\n', is: { headers: ['Date', 'a'] } },
  {
    why: 'fields about the connection',
    head: 'Connection: x\nKeep-Alive: x\nProxy-Connection: x\nTE: x\nTrailer: x\nUpgrade: x\nServer: x\nX-CGI-Foo: x\nX-A: 1\n\n',
    is: { headers: ['X-A', '1'] },
  },
  {
    why: 'Location, absolute',
    head: 'Location: http://a/\n\n',
    is: { kind: 'client-redirect', status: 302, headers: ['Location', 'http://a/'] },
  },
  { why: 'Location, a path', head: 'Location: /a?b\n\n', is: { kind: 'local-redirect', location: '/a?b', headers: [] } },
  { why: 'Location: /', head: 'location:/\r\n\r\n', is: { kind: 'local-redirect', location: '/' } },
  {
    why: 'Location, //host',
    head: 'Location: //a/b\n\n',
    is: { kind: 'client-redirect', headers: ['Location', '//a/b'], location: undefined },
  },
  { why: 'Location, /\\host', head: 'Location: /\\a/b\n\n', is: { kind: 'client-redirect', headers: ['Location', '/\\a/b'] } },
  { why: 'Location, a path with a fragment', head: 'Location: /a#b\n\n', is: { kind: 'client-redirect', status: 302 } },
  { why: 'Location, relative', head: 'Location: a/b\n\n', is: { kind: 'client-redirect', status: 302 } },
  {
    why: 'a path, and Status',
    head: 'Location: /a\nStatus: 303\n\n',
    is: { kind: 'client-redirect', status: 303, headers: ['Location', '/a'] },
  },
  {
    why: 'a path, and a field',
    head: 'X-A: 1\nLocation: /a\n\n',
    is: { kind: 'client-redirect', status: 302, headers: ['X-A', '1', 'Location', '/a'] },
  },
  { why: 'a path, and a dropped field', head: 'Server: x\nLocation: /a\n\n', is: { kind: 'client-redirect', status: 302 } },
  {
    why: 'Location with a document',
    head: 'Location: http://a/\nContent-Type: text/plain\nStatus: 301 Go\n\n',
    is: { kind: 'client-redirect-document', status: 301, reason: 'Go' },
  },
  { why: `${replyHeadLinesMax} lines`, head: `${'X-A: 1\n'.repeat(replyHeadLinesMax)}\n`, is: { status: 200 } },
];

describe('replyParser, a head', () => {
  const trail = 'Status: 500\n\n\r\n\0body';
  for (const { why, head, is } of heads) {
    test(why, () => {
      for (const [way, pieces, body] of [
        ['whole', [bytes(head)], ''],
        ['byte by byte', oneByOne(bytes(head)), ''],
        ['with bytes after it', [bytes(head + trail)], trail],
        ['byte by byte, with bytes after it', oneByOne(bytes(head + trail)), trail],
      ] as const) {
        const outcome = feed([...pieces]);
        assert.ok(!isFailure(outcome), `${way}: ${codeOf(outcome)}`);
        assert.equal(outcome.body, body, way);
        for (const [key, value] of Object.entries(is)) assert.deepEqual(outcome.head[key as keyof ReplyHead], value, `${way}: ${key}`);
      }
    });
  }
});

// --- failures --------------------------------------------------------------------------------------------------------------

/** Refused as soon as the bytes are there: whatever follows makes no difference. */
const refused: [why: string, output: string, code: FailureCode][] = [
  ['LF first', '\n', 'REPLY_NO_FIELDS'],
  ['CRLF first', '\r\n', 'REPLY_NO_FIELDS'],
  ['no name', ': 1\n', 'REPLY_BAD_NAME'],
  ['a space in a name', 'X A: 1\n', 'REPLY_BAD_NAME'],
  ['a space before the colon', 'X-A : 1\n', 'REPLY_BAD_NAME'],
  ['a tab before the colon', 'X-A\t: 1\n', 'REPLY_BAD_NAME'],
  ['NUL in a name', 'X\0A: 1\n', 'REPLY_BAD_NAME'],
  ['CR in a name', 'X\rA: 1\n', 'REPLY_BAD_NAME'],
  ['obs-text in a name', 'X\xe9: 1\n', 'REPLY_BAD_NAME'],
  ...[...'()<>@,;\\"/[]?={}'].map((c): [string, string, FailureCode] => [`${c} in a name`, `X-A: 1\nX${c}A: 1\n`, 'REPLY_BAD_NAME']),
  ['a line folded with a space', 'X-A: 1\n 2\n', 'REPLY_FOLDED'],
  ['a line folded with a tab', 'X-A: 1\r\n\t2: 3\r\n', 'REPLY_FOLDED'],
  ['a line of spaces', 'X-A: 1\n  \n', 'REPLY_FOLDED'],
  ...[0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0d, 0x0e, 0x1b, 0x1f, 0x7f].map((byte): [string, string, FailureCode] => [
    `0x${byte.toString(16).padStart(2, '0')} in a value`,
    `X-A: a${String.fromCharCode(byte)}b\n`,
    'REPLY_BAD_VALUE',
  ]),
  ['CR CR LF', 'X-A: 1\r\r\n', 'REPLY_BAD_VALUE'],
  ['an empty Location', 'Location:\n\n', 'REPLY_BAD_VALUE'],
  ['Transfer-Encoding', 'transfer-ENCODING: identity\n', 'REPLY_TRANSFER_ENCODING'],
  ...['Content-Type', 'Location', 'Status', 'Content-Length'].map((name): [string, string, FailureCode] => [
    `two of ${name}`,
    `${name}: 200\n${name.toUpperCase()}: 200\n`,
    'REPLY_DUPLICATE_FIELD',
  ]),
  ...['', '20', '2000', '099', '100', '199', '600', '999', 'OK', '200OK', '2 00', '-200', '+200', '0x1', '\xb200'].map(
    (value): [string, string, FailureCode] => [`Status: ${value}`, `Status: ${value}\n\n`, 'REPLY_BAD_STATUS'],
  ),
  ...['', 'x', '-1', '+1', '1,1', '1 1', '0x1', '1.', '1e1', '9'.repeat(20)].map((value): [string, string, FailureCode] => [
    `Content-Length: ${value}`,
    `Content-Length: ${value}\n\n`,
    'REPLY_BAD_LENGTH',
  ]),
  [`${replyHeadLinesMax + 1} lines`, 'X-A: 1\n'.repeat(replyHeadLinesMax + 1), 'REPLY_HEAD_TOO_LARGE'],
  ['a line without end', 'X-A: '.padEnd(replyHeadBytesMax + 1, 'x'), 'REPLY_HEAD_TOO_LARGE'],
  ['a name without end', 'X'.repeat(replyHeadBytesMax + 1), 'REPLY_HEAD_TOO_LARGE'],
  ['a few long lines', `X-A: ${'x'.repeat(replyHeadBytesMax / 4)}\n`.repeat(4), 'REPLY_HEAD_TOO_LARGE'],
];

/** Refused when the output ends. */
const ended: [why: string, output: string, code: FailureCode][] = [
  ['nothing', '', 'REPLY_EMPTY'],
  ['a line and no more', 'X-A: 1\n', 'REPLY_NO_BLANK_LINE'],
  ['a CRLF line and no more', 'X-A: 1\r\n', 'REPLY_NO_BLANK_LINE'],
  ['half a line end', 'X-A: 1\r', 'REPLY_NO_BLANK_LINE'],
  ['half a blank line', 'X-A: 1\r\n\r', 'REPLY_NO_BLANK_LINE'],
  ['half a value', 'X-A: 1\nX-B: 2', 'REPLY_NO_BLANK_LINE'],
  ['half a name', 'X-A: 1\nX-', 'REPLY_NO_BLANK_LINE'],
  ['a body at once', 'X-A: 1\nhello\n\nworld\n', 'REPLY_NO_BLANK_LINE'],
  ['text', 'hello world\n', 'REPLY_NOT_A_HEADER'],
  ['text without a line end', 'hello', 'REPLY_NOT_A_HEADER'],
  ['text with a colon', 'Warning in line 5: no\n', 'REPLY_NOT_A_HEADER'],
  ['a page', '<p style="a:b">\n\nhello\n', 'REPLY_NOT_A_HEADER'],
  ['text, then headers', 'hello\nContent-Type: text/plain\n\nbody', 'REPLY_HEADERS_LATE'],
  ['text, then a Status', 'hello\n\nmore\r\nstatus: 200\r\n\r\n', 'REPLY_HEADERS_LATE'],
  ['text, then headers in mid-line', 'hello to all, Content-Type: text/plain\n\n', 'REPLY_NOT_A_HEADER'],
];

describe('replyParser, a failure', () => {
  for (const [why, output, code] of [...refused, ...ended]) {
    test(`${why} → ${code}`, () => {
      for (const [way, pieces] of [
        ['whole', [bytes(output)]],
        ['byte by byte', oneByOne(bytes(output))],
      ] as const) {
        const outcome = feed([...pieces]);
        assert.equal(codeOf(outcome), code, way);
        const { evidence } = outcome as Failure;
        assert.ok((evidence.output?.length ?? 0) <= outputKeptBytes);
        assert.ok((evidence.offset ?? 0) <= (evidence.output?.length ?? 0));
      }
    });
  }

  for (const [why, output, code] of refused) {
    test(`${why}, with bytes after it → ${code}`, () => {
      const after = 'X-B: 1\nContent-Type: text/plain\n\nbody';
      assert.equal(codeOf(feed([bytes(output + after)])), code);
      assert.equal(codeOf(feed([bytes(output), ...oneByOne(bytes(after))])), code);
    });
  }

  test('the offset points at the byte that was refused', () => {
    for (const [output, byte] of [
      ['X-A: 1\nX-B: a\x01b\n\n', '\x01'],
      ['X-A: 1\r\nX(B: a\r\n\r\n', '('],
      ['X\x02: a\n\n', '\x02'],
    ] as const) {
      const outcome = feed([bytes(output)]) as Failure;
      assert.equal(outcome.evidence.offset, output.indexOf(byte), JSON.stringify(output));
    }
  });
});

// --- limits: exactly so far ---------------------------------------------------------------------------------------------------

test('where the pieces are cut does not move the limit', () => {
  for (const eol of ['\n', '\r\n']) {
    for (let over = -4; over <= 4; over++) {
      const fixed = `X-A: ${eol}${eol}`.length;
      const all = bytes(`X-A: ${'x'.repeat(replyHeadBytesMax + over - fixed)}${eol}${eol}`);
      const whole = codeOf(feed([all]));
      for (const cut of [1, all.length - 3, all.length - 2, all.length - 1]) {
        const split = codeOf(feed([all.subarray(0, cut), all.subarray(cut)]));
        assert.equal(split, whole, `${all.length} bytes of head, cut at ${cut}, ${JSON.stringify(eol)}`);
      }
      if (over <= 0) assert.equal(whole, 'a head', `${all.length} bytes`);
    }
  }
});

// --- laws ---------------------------------------------------------------------------------------------------------------------

/** Small, seeded, and the same everywhere: a failure can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function cutAnywhere(all: Buffer, below: (n: number) => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < all.length; ) {
    const size = 1 + below(below(4) === 0 ? 40 : 4);
    pieces.push(all.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

test('law: any cut gives the same head and the same body, or the same failure', () => {
  const below = random(3875);
  const all = [...heads.map(({ head }) => `${head}some\r\n\r\nbody\n\n`), ...[...refused, ...ended].map(([, output]) => output)];
  for (const output of all.filter((output) => output.length < 4000)) {
    const whole = feed([bytes(output)]);
    for (let at = 0; at <= output.length; at++) {
      assert.deepEqual(
        shape(feed([bytes(output.slice(0, at)), bytes(output.slice(at))])),
        shape(whole),
        `${JSON.stringify(output)} cut at ${at}`,
      );
    }
    for (let round = 0; round < 20; round++)
      assert.deepEqual(shape(feed(cutAnywhere(bytes(output), below))), shape(whole), JSON.stringify(output));
  }
});

test('law: whatever the bytes, a head that may be sent or a coded failure', () => {
  const below = random(9112);
  const words = [
    '\n',
    '\r\n',
    '\r',
    '\n\n',
    ': ',
    ':',
    ' ',
    '\t',
    '\0',
    '\x7f',
    '\xff',
    'Status',
    'Location',
    'Content-Type',
    'Content-Length',
  ];
  const more = [
    'Transfer-Encoding',
    'X-CGI-A',
    'X-A',
    'Date',
    'Connection',
    '200',
    '404 Not',
    '/a',
    '//',
    '#',
    '5',
    'text/plain',
    'Set-Cookie',
    '<p>',
  ];
  for (let round = 0; round < 30_000; round++) {
    let output = '';
    for (let left = below(24); left > 0; left--) {
      const pick = below(words.length + more.length + 4);
      output += words[pick] ?? more[pick - words.length] ?? String.fromCharCode(below(256));
    }
    const whole = feed([bytes(output)]);
    if (isFailure(whole)) {
      assert.match(whole.code, /^REPLY_/);
    } else {
      const { status, reason, headers, contentLength, location } = whole.head;
      assert.ok(status >= 200 && status <= 599);
      assert.match(reason, /^[\t\x20-\x7e\x80-\xff]*$/);
      assert.equal(headers.length % 2, 0);
      for (let at = 0; at < headers.length; at += 2) {
        assert.match(headers[at]!, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
        assert.doesNotMatch(
          headers[at]!,
          /^(status|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|server|x-cgi-.*)$/i,
        );
        assert.match(headers[at + 1]!, /^(?![ \t])[\t\x20-\x7e\x80-\xff]*(?<![ \t])$/);
      }
      assert.ok(contentLength === undefined || Number.isSafeInteger(contentLength));
      assert.ok(location === undefined || /^\/(?![/\\])/.test(location));
      assert.ok(output.endsWith(whole.body));
    }
    assert.deepEqual(shape(feed(cutAnywhere(bytes(output), below))), shape(whole), JSON.stringify(output));
  }
});

/** What must be the same however the bytes came. */
const shape = (outcome: Outcome): unknown => (isFailure(outcome) ? outcome.code : outcome);

// --- how each line was judged --------------------------------------------------------------------------------------------------

test('judgeHead tells each line in order', () => {
  const { lines, head, failure, body } = judgeHead(bytes('Status: 404\nX-A: 1\nServer: x\nX-CGI-B: 2\n\nbody'));
  assert.deepEqual(
    lines.map(({ text, verdict }) => [text, verdict]),
    [
      ['Status: 404', 'cgi'],
      ['X-A: 1', 'sent'],
      ['Server: x', 'dropped'],
      ['X-CGI-B: 2', 'dropped'],
    ],
  );
  for (const { why } of lines) assert.ok(why.length > 0);
  assert.equal(head?.status, 404);
  assert.equal(failure, undefined);
  assert.equal(body.toString(), 'body');
});

test('judgeHead tells where it stopped', () => {
  const { lines, head, failure } = judgeHead(bytes('X-A: 1\nX-B: a\x01\nX-C: 1\n\nbody'));
  assert.deepEqual(
    lines.map(({ verdict }) => verdict),
    ['sent', 'refused'],
  );
  assert.equal(head, undefined);
  assert.equal(failure?.code, 'REPLY_BAD_VALUE');
  assert.ok(!lines.some(({ text }) => text.includes('\x01')));
});
