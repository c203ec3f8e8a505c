/**
 * RFC 9112 §6 and §7, RFC 9110 §8.6: where a request ends. Every row is followed by a second request on the same connection: if
 * the first is refused, the connection closes and the second is never obeyed, for its bytes may be the first one's body.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Wire } from '../support/wire.js';
import { codeOf, expectAlive, expectRow, type Row, ranEvil, smuggled, smuggledAs, witnessHouse } from './request.js';

const h = await witnessHouse();
after(() => h.stop());

const request = (fields: readonly string[], body: string, version = 'HTTP/1.1'): string =>
  [`POST /cgi-bin/len ${version}`, 'Host: localhost', ...fields, '', body].join('\r\n');
const sized = (length: string, body = 'hello'): string => request([`Content-Length: ${length}`], body);
const coded = (coding: string, body = '5\r\nhello\r\n0\r\n\r\n'): string => request([`Transfer-Encoding: ${coding}`], body);
const chunks = (body: string): string => request(['Transfer-Encoding: chunked'], body);
const last = '0\r\n\r\n';

const good = { status: 200, body: 'length=5 body=hello' } as const;
const bad = { status: 400, closes: true } as const;
/** RFC 9112 §6.1: a coding that is not understood SHOULD be 501; one that hides the end MUST be 400. */
const noCoding = { status: [400, 501], closes: true } as const;

const rows: Row[] = [
  // Content-Length.
  { name: 'Content-Length', raw: sized('5'), ...good },
  { name: 'Content-Length: 0', raw: sized('0', ''), status: 200, body: /^length=(0|unset)? body=$/ },
  { name: 'no length and no coding: no body', raw: request([], ''), status: 200, body: /^length=(0|unset)? body=$/ },
  { name: 'Content-Length with spaces around', raw: sized(' \t5 '), ...good },
  // RFC 9110 §5.5 allows it; Node's parser does not.
  { name: 'Content-Length with a tab behind', raw: sized('5\t'), status: [200, 400], body: good.body },
  { name: 'Content-Length with leading zeros', raw: sized('005'), status: [200, 400], body: 'length=5 body=hello' },
  { name: 'Content-Length: +5', raw: sized('+5'), ...bad },
  { name: 'Content-Length: -5', raw: sized('-5'), ...bad },
  { name: 'Content-Length: 0x5', raw: sized('0x5'), ...bad },
  { name: 'Content-Length: 5 5', raw: sized('5 5'), ...bad },
  { name: 'Content-Length: 5.0', raw: sized('5.0'), ...bad },
  { name: 'Content-Length: 5e0', raw: sized('5e0'), ...bad },
  { name: 'Content-Length: 5a', raw: sized('5a'), ...bad },
  { name: 'Content-Length: five', raw: sized('five'), ...bad },
  { name: 'Content-Length: "5"', raw: sized('"5"'), ...bad },
  { name: 'Content-Length empty', raw: sized(''), ...bad },
  { name: 'Content-Length: 5;', raw: sized('5;'), ...bad },
  { name: 'Content-Length: 5,6', raw: sized('5,6'), ...bad },
  { name: 'Content-Length: 5,', raw: sized('5,'), ...bad },
  // §6.3: a list of the same number may be taken for that number.
  { name: 'Content-Length: 5, 5', raw: sized('5, 5'), status: [200, 400], body: 'length=5 body=hello' },
  {
    name: 'Content-Length twice, the same',
    raw: request(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
    status: [200, 400],
    body: good.body,
  },
  { name: 'Content-Length twice, different', raw: request(['Content-Length: 5', 'Content-Length: 6'], 'hello'), ...bad },
  { name: 'Content-Length twice, one empty', raw: request(['Content-Length: 5', 'Content-Length:'], 'hello'), ...bad },
  { name: 'Content-Length beyond 64 bits', raw: sized('99999999999999999999999'), status: [400, 413], closes: true },
  { name: 'Content-Length of 2^64 + 5', raw: sized('18446744073709551621'), status: [400, 413], closes: true },
  { name: 'Content-Length beyond the limit', raw: sized('1099511627776'), status: 413, code: 'BODY_TOO_LARGE', closes: true },
  { name: 'Content_Length is another field', raw: request(['Content_Length: 50', 'Content-Length: 5'], 'hello'), ...good },

  // Both.
  { name: 'Content-Length and chunked', raw: request(['Content-Length: 5', 'Transfer-Encoding: chunked'], last), ...bad },
  { name: 'chunked and Content-Length', raw: request(['Transfer-Encoding: chunked', 'Content-Length: 5'], last), ...bad },
  { name: 'Content-Length: 0 and chunked', raw: request(['Content-Length: 0', 'Transfer-Encoding: chunked'], last), ...bad },
  { name: 'Content-Length and identity', raw: request(['Content-Length: 5', 'Transfer-Encoding: identity'], 'hello'), ...noCoding },
  { name: 'Content-Length and an empty coding', raw: request(['Content-Length: 5', 'Transfer-Encoding:'], 'hello'), ...noCoding },
  { name: 'Content-Length and xchunked', raw: request(['Content-Length: 5', 'Transfer-Encoding: xchunked'], 'hello'), ...noCoding },

  // Transfer-Encoding.
  { name: 'chunked', raw: coded('chunked'), ...good },
  { name: 'Chunked', raw: coded('Chunked'), ...good },
  { name: 'chunked with spaces around', raw: coded(' \tchunked '), ...good },
  { name: 'chunked with a tab behind', raw: coded('chunked\t'), status: [200, 400], body: good.body },
  { name: 'chunked, identity', raw: coded('chunked, identity'), ...noCoding },
  { name: 'identity, chunked', raw: coded('identity, chunked'), ...noCoding },
  { name: 'identity', raw: coded('identity'), ...noCoding },
  { name: 'xchunked', raw: coded('xchunked'), ...noCoding },
  { name: 'chunkedx', raw: coded('chunkedx'), ...noCoding },
  { name: 'x chunked', raw: coded('x chunked'), ...noCoding },
  { name: 'chunked;q=1', raw: coded('chunked;q=1'), ...noCoding },
  { name: '"chunked"', raw: coded('"chunked"'), ...noCoding },
  { name: 'chunked, chunked', raw: coded('chunked, chunked'), ...noCoding },
  { name: 'gzip, chunked', raw: coded('gzip, chunked'), ...noCoding },
  { name: 'chunked, gzip', raw: coded('chunked, gzip'), ...noCoding },
  { name: 'gzip', raw: coded('gzip'), ...noCoding },
  { name: 'an empty coding', raw: coded(''), ...noCoding },
  { name: 'chunked after a vertical tab', raw: coded('\x0bchunked'), ...noCoding },
  { name: 'chunked after NUL', raw: coded('\0chunked'), ...noCoding },
  { name: 'chunked and a byte above 0x7F', raw: coded('chunked\xa0'), ...noCoding },
  { name: 'two lines, both chunked', raw: request(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], last), ...noCoding },
  {
    name: 'two lines, chunked and identity',
    raw: request(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], last),
    ...noCoding,
  },
  {
    name: 'two lines, identity and chunked',
    raw: request(['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], last),
    ...noCoding,
  },
  { name: 'a space before the colon', raw: request(['Transfer-Encoding : chunked'], last), ...bad },
  {
    name: 'chunked on a folded line',
    raw: request(['Transfer-Encoding:', ' chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    status: [200, 400],
    body: good.body,
  },
  { name: 'Transfer_Encoding is another field', raw: request(['Transfer_Encoding: chunked', 'Content-Length: 5'], 'hello'), ...good },
  // §6.1: HTTP/1.0 has no transfer codings: faulty framing, and the connection closes whatever else is done.
  {
    name: 'chunked in HTTP/1.0',
    raw: request(['Transfer-Encoding: chunked', 'Connection: keep-alive'], '5\r\nhello\r\n0\r\n\r\n', 'HTTP/1.0'),
    status: [200, 400],
    body: good.body,
    closes: true,
  },

  // Chunks: §7.1.
  { name: 'two chunks', raw: chunks(`2\r\nhe\r\n3\r\nllo\r\n${last}`), ...good },
  {
    name: 'hexadecimal size',
    raw: chunks(`A\r\n0123456789\r\nb\r\n01234567890\r\n${last}`),
    status: 200,
    body: 'length=21 body=012345678901234567890',
  },
  { name: 'two-digit size', raw: chunks(`1a\r\n${'x'.repeat(26)}\r\n${last}`), status: 200, body: `length=26 body=${'x'.repeat(26)}` },
  { name: 'size with leading zeros', raw: chunks(`0005\r\nhello\r\n${last}`), ...good },
  { name: 'last chunk 000', raw: chunks('5\r\nhello\r\n000\r\n\r\n'), ...good },
  { name: 'only the last chunk', raw: chunks(last), status: 200, body: /^length=(0|unset)? body=$/ },
  { name: 'a body that looks like a last chunk', raw: chunks(`5\r\n0\r\n\r\n\r\n${last}`), status: 200, body: 'length=5 body=0\r\n\r\n' },
  { name: 'an extension', raw: chunks(`5;a=b\r\nhello\r\n${last}`), ...good },
  { name: 'an extension with a quoted value', raw: chunks(`5;a="b;c"\r\nhello\r\n${last}`), ...good },
  { name: 'an extension without a value', raw: chunks(`5;a\r\nhello\r\n${last}`), ...good },
  { name: 'an extension on the last chunk', raw: chunks('5\r\nhello\r\n0;end\r\n\r\n'), ...good },
  { name: 'an extension with LF in it', raw: chunks(`5;a\nb\r\nhello\r\n${last}`), ...bad },
  { name: 'an extension with CR in it', raw: chunks(`5;a\rb\r\nhello\r\n${last}`), ...bad },
  { name: 'an extension with NUL in it', raw: chunks(`5;a\0b\r\nhello\r\n${last}`), ...bad },
  {
    name: 'an extension of 100000 bytes',
    raw: chunks(`5;${'a'.repeat(100_000)}\r\nhello\r\n${last}`),
    status: [400, 413, 431],
    closes: true,
  },
  {
    name: 'many long extensions',
    raw: chunks(`${`1;${'a'.repeat(999)}\r\nx\r\n`.repeat(100)}${last}`),
    status: [200, 400, 413],
    body: `length=100 body=${'x'.repeat(100)}`,
  },
  { name: 'size that is no number', raw: chunks(`g\r\nhello\r\n${last}`), ...bad },
  { name: 'size 0x5', raw: chunks(`0x5\r\nhello\r\n${last}`), ...bad },
  { name: 'size -5', raw: chunks(`-5\r\nhello\r\n${last}`), ...bad },
  { name: 'size +5', raw: chunks(`+5\r\nhello\r\n${last}`), ...bad },
  { name: 'size with an underscore', raw: chunks(`0_5\r\nhello\r\n${last}`), ...bad },
  { name: 'size after a space', raw: chunks(` 5\r\nhello\r\n${last}`), ...bad },
  { name: 'size before a space', raw: chunks(`5 \r\nhello\r\n${last}`), status: [200, 400], body: good.body },
  { name: 'no size', raw: chunks(`\r\nhello\r\n${last}`), ...bad },
  { name: 'only an extension', raw: chunks(`;a\r\nhello\r\n${last}`), ...bad },
  { name: 'size of 2^64 + 5', raw: chunks(`10000000000000005\r\nhello\r\n${last}`), ...bad },
  { name: 'size ended by LF alone', raw: chunks(`5\nhello\r\n${last}`), ...bad },
  { name: 'size ended by CR alone', raw: chunks(`5\rhello\r\n${last}`), ...bad },
  { name: 'size ended by CR CR LF', raw: chunks(`5\r\r\nhello\r\n${last}`), ...bad },
  { name: 'data ended by LF alone', raw: chunks(`5\r\nhello\n${last}`), ...bad },
  { name: 'data ended by nothing', raw: chunks(`5\r\nhello${last}`), ...bad },
  { name: 'data longer than its size', raw: chunks(`4\r\nhello\r\n${last}`), ...bad },
  { name: 'data shorter than its size', raw: chunks(`6\r\nhello\r\n${last}`), ...bad },
  { name: 'last chunk ended by LF alone', raw: chunks('5\r\nhello\r\n0\n\n'), ...bad },

  // Trailers: §7.1.2. What could change the framing or the routing is never taken from there (RFC 9110 §6.5.1).
  { name: 'a trailer', raw: chunks('5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'), ...good },
  {
    name: 'a trailer that was announced',
    raw: request(['Transfer-Encoding: chunked', 'Trailer: X-T'], '5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'),
    ...good,
  },
  {
    name: 'Content-Length in the trailer',
    raw: chunks('5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n'),
    status: [200, 400],
    body: good.body,
  },
  {
    name: 'Transfer-Encoding in the trailer',
    raw: chunks('5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'),
    status: [200, 400],
    body: good.body,
  },
  { name: 'Host in the trailer', raw: chunks('5\r\nhello\r\n0\r\nHost: evil\r\n\r\n'), status: [200, 400], body: good.body },
  { name: 'a trailer that is no header', raw: chunks('5\r\nhello\r\n0\r\nnonsense\r\n\r\n'), ...bad },
  { name: 'a trailer with a space before the colon', raw: chunks('5\r\nhello\r\n0\r\nX-T : 1\r\n\r\n'), ...bad },
  { name: 'a trailer with NUL', raw: chunks('5\r\nhello\r\n0\r\nX-T: \0\r\n\r\n'), ...bad },
  {
    name: 'a trailer of 100000 bytes',
    raw: chunks(`5\r\nhello\r\n0\r\nX-T: ${'t'.repeat(100_000)}\r\n\r\n`),
    status: [400, 413, 431],
    closes: true,
  },
];

for (const row of rows) {
  test(`framing: ${row.name}`, async () => {
    // Rows that stay open when taken are closed by the second request; refused ones must close by themselves.
    const wire = await Wire.open(h.port);
    wire.send(row.raw + smuggledAs(row.name).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    const answer = await wire.finalAnswer();
    const after = (await wire.rest()).toString('latin1');
    const goesOn = answer.status === 200 && !row.closes;
    if (goesOn) assert.match(after, /^HTTP\/1\.1 200 [\s\S]*evil/, 'the next request was not answered');
    else assert.equal(after, '', `bytes after ${answer.status}`);
    wire.close();
    await expectRow(h, { ...row, closes: answer.status >= 400 && Boolean(row.closes) });
    if (!goesOn) assert.ok(!ranEvil(h, row.name), 'the request behind a refused one was obeyed');
  });
}

test('framing: the request behind a good one was obeyed', () => {
  assert.ok(ranEvil(h, 'Content-Length') && ranEvil(h, 'chunked'), 'the table never let a second request through');
});

for (const [name, raw] of [
  ['the last chunk missing', chunks('5\r\nhello\r\n')],
  ['a chunk cut short', chunks('9\r\nhello')],
  ['the size line cut short', chunks('5')],
  // Node's parser does not tell how large a chunk says it is, so these are refused when their bytes do not come.
  ['a chunk of 2^64 - 1', chunks(`ffffffffffffffff\r\nhello\r\n${last}`)],
  ['a chunk of 2^32 + 5', chunks(`100000005\r\nhello\r\n${last}`)],
  ['the last CRLF missing', chunks('5\r\nhello\r\n0\r\n')],
  ['the trailer cut short', chunks('5\r\nhello\r\n0\r\nX-T: 1\r\n')],
  ['Content-Length not reached', sized('1024', 'hello world')],
  ['Content-Length, nothing sent', sized('5', '')],
] as const) {
  test(`framing: ${name}, then FIN: 400`, async () => {
    const wire = await Wire.open(h.port);
    wire.send(raw);
    wire.end();
    const answer = await wire.finalAnswer();
    assert.equal(answer.status, 400);
    assert.equal(codeOf(answer), 'BODY_CUT_SHORT');
    assert.equal((await wire.rest()).length, 0);
    wire.close();
    await expectAlive(h);
  });
}

test('framing: a chunked body one byte a packet', async () => {
  const wire = await Wire.open(h.port);
  for (const byte of Buffer.from(chunks('5;x=y\r\nhello\r\nb\r\n beautiful \r\n0;z\r\nX-T: 1\r\n\r\n'))) {
    wire.send(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  assert.equal((await wire.finalAnswer()).text, 'length=16 body=hello beautiful ');
  wire.close();
});

test('framing: 20000 chunks of one byte', async () => {
  const wire = await Wire.open(h.port);
  wire.send(chunks(`${'1\r\nx\r\n'.repeat(20_000)}${last}`));
  assert.equal((await wire.finalAnswer()).text, `length=20000 body=${'x'.repeat(20_000)}`);
  wire.close();
});

test('framing: none of this ran a script it should not have', async () => {
  // A method with a body where none is usual is framed the same way.
  for (const method of ['GET', 'DELETE', 'OPTIONS']) {
    const wire = await Wire.open(h.port);
    wire.send(sized('5').replace('POST', method) + request(['Content-Length: 3', 'Connection: close'], 'abc'));
    assert.equal((await wire.finalAnswer()).text, 'length=5 body=hello', method);
    assert.equal((await wire.finalAnswer()).text, 'length=3 body=abc', method);
    wire.close();
  }
});

for (const chunked of ['stream', 'reject'] as const) {
  test(`framing: chunked with chunked: '${chunked}'`, async (t) => {
    const other = await witnessHouse({ chunked });
    t.after(() => other.stop());
    const wire = await Wire.open(other.port);
    wire.send(chunks(`5\r\nhello\r\n${last}`) + smuggled);
    const answer = await wire.finalAnswer();
    if (chunked === 'stream') {
      assert.equal(answer.text, 'length=unset body=hello');
      assert.equal((await wire.finalAnswer()).text, 'evil');
    } else {
      assert.equal(answer.status, 411);
      assert.equal(codeOf(answer), 'BODY_LENGTH_REQUIRED');
    }
    wire.close();
    for (const body of [`g\r\nhello\r\n${last}`, `5\nhello\r\n${last}`, `4\r\nhello\r\n${last}`]) {
      const broken = await Wire.open(other.port);
      broken.send(chunks(body) + smuggledAs(body));
      assert.doesNotMatch((await broken.rest()).toString('latin1'), /evil/);
      broken.close();
      await expectAlive(other);
      assert.ok(!ranEvil(other, body));
    }
    if (chunked === 'reject') assert.ok(!ranEvil(other), 'the request behind a refused one was obeyed');
  });
}
