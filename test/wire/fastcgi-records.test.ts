/**
 * FastCGI §3, §4 as a pure function: records and name-value pairs. Each vector three ways: whole, one byte at a time, and with
 * bytes after it. Those named Go are the facts of net/http/fcgi's own tests (TestSize, TestStreams, TestGetValues).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFailure } from '../../src/failures.js';
import { recordContentBytesMax, wireVariablesMax } from '../../src/limits.js';
import {
  type FcgiRecord,
  flag,
  lengthText,
  pairAt,
  protocolStatus,
  readLength,
  readPairs,
  recordReader,
  recordType,
  role,
  statusName,
  typeName,
  writeBegin,
  writeEnd,
  writeParams,
  writeRecord,
  writeStream,
  writeUnknownType,
  writeValues,
} from '../../src/wire/fastcgi-records.js';
import { chance } from '../life/seeded.js';
import { bytes as latin1, oneByOne } from './cuts.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** What a reader makes of some pieces and the end of the connection. */
function readAll(pieces: Buffer[]) {
  const reader = recordReader();
  const records = pieces.flatMap((piece) => reader.push(piece));
  return { records: records.map(plain), failure: reader.broken() ?? reader.end() };
}
const plain = ({ at, type, requestId, content, paddingBytes }: FcgiRecord) => ({
  at,
  type: typeName(type),
  requestId,
  content: content.toString('latin1'),
  paddingBytes,
});

// --- records --------------------------------------------------------------------------------------------------------------

interface Vector {
  why: string;
  bytes: Buffer;
  is: { type: keyof typeof recordType; requestId: number; content: string; paddingBytes: number }[];
  /** What we write, where we would write the same. */
  written?: Buffer;
}

const zeros = (count: number): Buffer => Buffer.alloc(count);
const { STDIN, STDOUT, PARAMS, GET_VALUES_RESULT, ABORT_REQUEST } = recordType;

const vectors: Vector[] = [
  {
    why: 'Go, «single record»: the end of STDOUT',
    bytes: hex('01 06 0001 0000 00 00'),
    is: [{ type: 'STDOUT', requestId: 1, content: '', paddingBytes: 0 }],
    written: writeRecord(STDOUT, 1),
  },
  {
    why: 'Go, «two records»: 66,000 bytes for request 300, the first record as long as can be',
    bytes: Buffer.concat([
      hex('01 05 012c ffff 01 00'),
      zeros(65_536),
      hex('01 05 012c 01d1 07 00'),
      zeros(472),
      hex('01 05 012c 0000 00 00'),
    ]),
    is: [
      { type: 'STDIN', requestId: 300, content: '\0'.repeat(65_535), paddingBytes: 1 },
      { type: 'STDIN', requestId: 300, content: '\0'.repeat(465), paddingBytes: 7 },
      { type: 'STDIN', requestId: 300, content: '', paddingBytes: 0 },
    ],
  },
  {
    why: 'the same 66,000 bytes as we cut them, so that content and padding stay below 64 KiB',
    bytes: Buffer.concat([
      hex('01 05 012c fff8 00 00'),
      zeros(65_528),
      hex('01 05 012c 01d8 00 00'),
      zeros(472),
      hex('01 05 012c 0000 00 00'),
    ]),
    is: [
      { type: 'STDIN', requestId: 300, content: '\0'.repeat(65_528), paddingBytes: 0 },
      { type: 'STDIN', requestId: 300, content: '\0'.repeat(472), paddingBytes: 0 },
      { type: 'STDIN', requestId: 300, content: '', paddingBytes: 0 },
    ],
    written: Buffer.concat([...writeStream(STDIN, 300, zeros(66_000)), writeRecord(STDIN, 300)]),
  },
  {
    why: 'Go, TestGetValues: it multiplexes, and says so twice, the second time with nothing',
    bytes: Buffer.concat([hex('01 0a 0000 0012 06 00 0f 01'), latin1('FCGI_MPXS_CONNS1'), zeros(6), hex('01 0a 0000 0000 00 00')]),
    is: [
      { type: 'GET_VALUES_RESULT', requestId: 0, content: '\x0f\x01FCGI_MPXS_CONNS1', paddingBytes: 6 },
      { type: 'GET_VALUES_RESULT', requestId: 0, content: '', paddingBytes: 0 },
    ],
    written: Buffer.concat([
      writeValues(GET_VALUES_RESULT, new Map([['FCGI_MPXS_CONNS', '1']])),
      writeValues(GET_VALUES_RESULT, new Map()),
    ]),
  },
  {
    why: '§5.1 BEGIN_REQUEST, a Responder on a connection to keep',
    bytes: hex('01 01 0001 0008 00 00  0001 01 0000000000'),
    is: [{ type: 'BEGIN_REQUEST', requestId: 1, content: '\0\x01\x01\0\0\0\0\0', paddingBytes: 0 }],
    written: writeBegin(1, role.RESPONDER, flag.KEEP_CONN),
  },
  {
    why: '§5.5 END_REQUEST with the appStatus 938 of the specification’s third example',
    bytes: hex('01 03 0001 0008 00 00  000003aa 00 000000'),
    is: [{ type: 'END_REQUEST', requestId: 1, content: '\0\0\x03\xaa\0\0\0\0', paddingBytes: 0 }],
    written: writeEnd(1, 938, protocolStatus.REQUEST_COMPLETE),
  },
  {
    why: 'an exit code of -1 has 32 bits',
    bytes: hex('01 03 ffff 0008 00 00  ffffffff 02 000000'),
    is: [{ type: 'END_REQUEST', requestId: 65_535, content: '\xff\xff\xff\xff\x02\0\0\0', paddingBytes: 0 }],
    written: writeEnd(65_535, -1, protocolStatus.OVERLOADED),
  },
  {
    why: '§5.4 ABORT_REQUEST',
    bytes: hex('01 02 0001 0000 00 00'),
    is: [{ type: 'ABORT_REQUEST', requestId: 1, content: '', paddingBytes: 0 }],
    written: writeRecord(ABORT_REQUEST, 1),
  },
  {
    why: '§4.2 UNKNOWN_TYPE',
    bytes: hex('01 0b 0000 0008 00 00  4d 00000000000000'),
    is: [{ type: 'UNKNOWN_TYPE', requestId: 0, content: '\x4d\0\0\0\0\0\0\0', paddingBytes: 0 }],
    written: writeUnknownType(77),
  },
  {
    why: '§3.3 padding is not only for alignment, and what is in it means nothing',
    bytes: Buffer.concat([hex('01 06 0001 0003 ff 00'), latin1('abc'), Buffer.alloc(255, 1), hex('01 07 0001 0001 01 ee'), latin1('e?')]),
    is: [
      { type: 'STDOUT', requestId: 1, content: 'abc', paddingBytes: 255 },
      { type: 'STDERR', requestId: 1, content: 'e', paddingBytes: 1 },
    ],
  },
  {
    why: 'an empty record may be padded too',
    bytes: Buffer.concat([hex('01 07 0001 0000 08 00'), zeros(8), hex('01 06 0001 0000 00 00')]),
    is: [
      { type: 'STDERR', requestId: 1, content: '', paddingBytes: 8 },
      { type: 'STDOUT', requestId: 1, content: '', paddingBytes: 0 },
    ],
  },
];

describe('records', () => {
  for (const { why, bytes, is, written } of vectors) {
    let at = 0;
    const records = is.map((record) => {
      const placed = { ...record, at };
      at += 8 + record.content.length + record.paddingBytes;
      return placed;
    });
    test(why, () => {
      assert.deepEqual(readAll([bytes]), { records, failure: undefined }, 'whole');
      assert.deepEqual(readAll(oneByOne(bytes)), { records, failure: undefined }, 'byte by byte');
      const more = readAll([Buffer.concat([bytes, hex('01 06 00')])]);
      assert.deepEqual(more.records, records, 'with bytes after it');
      assert.equal(more.failure?.code, 'WIRE_TRUNCATED');
      if (written) assert.equal(written.toString('hex'), bytes.toString('hex'), 'written');
    });
  }

  test('content that comes whole is not copied; content that comes in pieces is, once', () => {
    const bytes = writeRecord(STDOUT, 1, latin1('hello'));
    const [whole] = recordReader().push(bytes);
    assert.equal(whole?.content.buffer, bytes.buffer);
    assert.equal(whole?.content.byteOffset, bytes.byteOffset + 8);
    const reader = recordReader();
    reader.push(bytes.subarray(0, 10));
    const [cut] = reader.push(bytes.subarray(10));
    bytes.fill(0);
    assert.equal(cut?.content.toString(), 'hello');
  });

  test('a record counts when its content is there, before its padding', () => {
    const reader = recordReader();
    assert.equal(reader.push(hex('01 06 0001 0001 ff 00 61')).length, 1);
    assert.equal(reader.end(), undefined);
  });

  test('what the end of a connection cuts off', () => {
    const rows: [bytes: string, detail: RegExp | undefined][] = [
      ['', undefined],
      ['01', /after 1 of its header’s 8 bytes/],
      ['01 06 0001 0005 00', /after 7 of its header’s 8 bytes/],
      ['01 06 0001 0005 00 00', /the record STDOUT ends after 0 of its 5 bytes/],
      ['01 4d 0001 0005 00 00 61 62', /the record type 77 ends after 2 of its 5 bytes/],
      ['01 06 0001 0001 05 00 61', undefined],
      ['01 06 0001 0001 05 00 61 00 00', undefined],
    ];
    for (const [bytes, detail] of rows) {
      const { failure } = readAll([hex(bytes)]);
      assert.equal(failure?.code, detail && 'WIRE_TRUNCATED', bytes);
      if (detail) assert.match(failure?.evidence.detail ?? '', detail);
    }
  });

  describe('what is no record is named', () => {
    const strangers: [bytes: string, guess: RegExp][] = [
      ['HTTP/1.1 400 Bad Request\r\n', /byte 0 .* is 72, in "HTTP\/1\.1": an HTTP answer, so an HTTP server listens there/],
      ['GET / HTTP/1.1\r\n', /this is HTTP, at a FastCGI port/],
      ['\x16\x03\x01\x02\0\x01\0\x01', /this is TLS/],
      ['24:CONTENT_LENGTH\0', /this is SCGI/],
      ['\0\x1a\0\0\x0e\0REQUEST_METHOD', /this is uwsgi/],
      ['Status: 200 OK\r\n\r\n', /what a CGI program prints/],
      ['Content-Type: text/html\r\n', /what a CGI program prints/],
      ['\x02\x06\0\x01\0\0\0\0', /is 2, .*no protocol we know/],
      ['\x01\x06\0\x01\0\x01\0\0abcdefghi', /byte 9 .* is 98, in "bcdefghi": the record before it is longer or shorter than it says/],
    ];
    for (const [text, guess] of strangers) {
      test(JSON.stringify(text.slice(0, 12)), () => {
        const whole = readAll([latin1(text)]);
        assert.equal(whole.failure?.code, 'WIRE_BROKEN');
        assert.match(whole.failure?.evidence.detail ?? '', guess);
        assert.deepEqual(readAll(oneByOne(latin1(text))), whole);
        assert.deepEqual(readAll([latin1(text), latin1('\x01\x06\0\x01\0\0\0\0')]), whole, 'nothing is read after it');
      });
    }

    test('also when it ends before a header is there', () => {
      assert.equal(readAll([latin1('GET /')]).failure?.code, 'WIRE_BROKEN');
    });
  });

  test('types and statuses have names to show', () => {
    assert.deepEqual([1, 6, 11, 0, 77].map(typeName), ['BEGIN_REQUEST', 'STDOUT', 'UNKNOWN_TYPE', 'type 0', 'type 77']);
    assert.deepEqual([0, 1, 2, 3, 4].map(statusName), ['REQUEST_COMPLETE', 'CANT_MPX_CONN', 'OVERLOADED', 'UNKNOWN_ROLE', 'status 4']);
  });

  test('no bytes of a stream are no record, which would end it', () => {
    assert.deepEqual(writeStream(STDOUT, 1, zeros(0)), []);
  });

  test('every record that is written keeps the next one at a multiple of eight', () => {
    for (let length = 0; length <= 17; length += 1) {
      const bytes = writeRecord(STDOUT, 1, Buffer.alloc(length, 'x'));
      assert.equal(bytes.length % 8, 0);
      assert.deepEqual(Buffer.concat(writeStream(STDOUT, 1, Buffer.alloc(length, 'x'))), length === 0 ? zeros(0) : bytes);
    }
  });
});

// --- name-value pairs -----------------------------------------------------------------------------------------------------

/** §3.4; the first five are Go's TestSize. */
const lengths: [length: number, bytes: string][] = [
  [0, '00'],
  [127, '7f'],
  [128, '80000080'],
  [1000, '800003e8'],
  [33_554_431, '81ffffff'],
  [2 ** 31 - 1, 'ffffffff'],
];

const pairsOf = (block: Buffer) => {
  const pairs = readPairs(block);
  return isFailure(pairs) ? `${pairs.code}: ${pairs.evidence.detail}` : Object.fromEntries(pairs);
};

describe('name-value pairs', () => {
  for (const [length, bytes] of lengths) {
    test(`the length ${length}`, () => {
      const end = bytes.length / 2;
      assert.equal(latin1(lengthText(length)).toString('hex'), bytes);
      assert.equal(readLength(hex(bytes), 0), length);
      assert.deepEqual(pairAt(hex(`${bytes}00`), 0), {
        valueLengthAt: end,
        nameAt: end + 1,
        valueAt: end + 1 + length,
        end: end + 1 + length,
      });
      assert.equal(pairAt(hex(bytes), 0), undefined, 'the other length is missing');
      assert.equal(pairAt(hex(`00${bytes}`).subarray(0, end), 0), undefined, 'a byte is missing');
    });
  }

  const blocks: [why: string, block: string, is: object][] = [
    ['none', '', {}],
    [
      'the specification’s example, its lengths in octal there',
      '\x0b\x02SERVER_PORT80\x0b\x0eSERVER_ADDR199.170.183.42',
      { SERVER_PORT: '80', SERVER_ADDR: '199.170.183.42' },
    ],
    ['an empty value', '\x01\0A', { A: '' }],
    ['four bytes for a length that one would do for', '\x80\0\0\x01\x80\0\0\x02Abc', { A: 'bc' }],
    ['UTF-8', '\x01\x02Aé'.replace('é', '\xc3\xa9'), { A: 'é' }],
    ['bytes that are no UTF-8', '\x01\x01A\xe9', { A: 'é' }],
    ['a name twice', '\x01\x01A1\x01\x01A2', { A: '2' }],
  ];
  for (const [why, block, is] of blocks) test(why, () => assert.deepEqual(pairsOf(latin1(block)), is));

  const wrong: [why: string, block: string, detail: RegExp][] = [
    ['a value longer than what is left', '\x01\x03Abc', /WIRE_BROKEN: the pair at byte 0 .* the 5 bytes that are left/],
    ['a name longer than what is left', '\x01\x01Ab\x7f\0A', /WIRE_BROKEN: the pair at byte 4 .* the 3 bytes that are left/],
    ['lengths whose sum has 32 bits (CVE-2025-23016)', '\xff\xff\xff\xff\xff\xff\xff\xffAb', /WIRE_BROKEN/],
    ['lengths whose sum is small again in 32 bits', '\xff\xff\xff\xff\x80\0\0\x03Ab', /WIRE_BROKEN/],
    ['lengths that are cut', '\x01\x80\0\0', /WIRE_BROKEN/],
    ['one length', '\x01', /WIRE_BROKEN/],
    ['no name', '\0\x01a', /a variable has a name/],
    ['a NUL in the name', '\x02\0A\0', /no NUL/],
    ['a NUL in the value', '\x01\x02A\0b', /no NUL/],
  ];
  for (const [why, block, detail] of wrong) {
    test(why, () => {
      const pairs = pairsOf(latin1(block));
      assert.equal(typeof pairs, 'string');
      assert.match(String(pairs), detail);
    });
  }

  test('as many as may be, and one more', () => {
    const pair = latin1('\x01\x01A1');
    const pairs = (count: number) => readPairs(Buffer.concat(Array.from({ length: count }, () => pair)), wireVariablesMax);
    assert.equal((pairs(wireVariablesMax) as Map<string, string>).get('A'), '1');
    const many = pairs(wireVariablesMax + 1);
    assert.equal(isFailure(many) && many.code, 'WIRE_VARIABLES_TOO_LARGE');
  });
});

// --- PARAMS -----------------------------------------------------------------------------------------------------------------

/** Each record by itself, as php-fpm reads them. */
const written = (variables: ReadonlyMap<string, string>): { contents: Buffer[]; bytes: Buffer } => {
  const bytes = writeParams(1, variables);
  assert.ok(!isFailure(bytes));
  const reader = recordReader();
  const records = reader.push(bytes);
  assert.equal(reader.end(), undefined);
  for (const record of records) {
    assert.equal(record.type, PARAMS);
    assert.ok(record.content.length + record.paddingBytes <= 65_535, 'php-fpm closes the connection beyond that');
    assert.equal(record.at % 8, 0);
  }
  return { contents: records.map((record) => record.content), bytes };
};

const pairOf = (bytes: number, name = 'A'): [string, string] => [name, 'x'.repeat(bytes - 5 - name.length)]; // 1 + 4 bytes of lengths

describe('variables as PARAMS', () => {
  test('no variables are the empty record alone', () => {
    assert.equal(written(new Map()).bytes.toString('hex'), '0104000100000000');
  });

  test('two variables, and the empty record', () => {
    const { bytes } = written(
      new Map([
        ['SERVER_PORT', '80'],
        ['A', ''],
      ]),
    );
    assert.equal(bytes.toString('latin1'), '\x01\x04\0\x01\0\x12\x06\0\x0b\x02SERVER_PORT80\x01\0A\0\0\0\0\0\0\x01\x04\0\x01\0\0\0\0');
  });

  test('lengths are counted in bytes, not in characters', () => {
    const { contents } = written(new Map([['A', 'é'.repeat(64)]]));
    assert.equal(contents[0]?.toString('hex', 0, 6), '018000008041');
    assert.deepEqual(readPairs(contents[0]!), new Map([['A', 'é'.repeat(64)]]));
  });

  test('a pair is never cut: what does not fit begins the next record', () => {
    const variables = new Map([
      pairOf(65_000, 'A'),
      pairOf(528, 'B'),
      pairOf(6, 'C').with(1, '') as [string, string],
      pairOf(40_000, 'D'),
      pairOf(40_000, 'E'),
    ]);
    const { contents } = written(variables);
    assert.deepEqual(
      contents.map((content) => Object.keys(Object.fromEntries(readPairs(content) as Map<string, string>)).join('')),
      ['AB', 'CD', 'E', ''],
    );
    assert.equal(contents[0]?.length, recordContentBytesMax);
  });

  test('the longest pair there is, and one byte more', () => {
    assert.deepEqual(
      written(new Map([pairOf(recordContentBytesMax)])).contents.map((content) => content.length),
      [recordContentBytesMax, 0],
    );
    const refused = writeParams(1, new Map([['B', ''], pairOf(recordContentBytesMax + 1, 'HTTP_COOKIE')]));
    assert.ok(isFailure(refused));
    assert.equal(refused.code, 'WIRE_VARIABLES_TOO_LARGE');
    assert.match(refused.evidence.detail ?? '', /HTTP_COOKIE takes 65529 bytes; one FastCGI record holds 65528/);
  });

  test('what a variable cannot be', () => {
    for (const [name, value] of [
      ['', 'a'],
      ['A\0', 'a'],
      ['A', 'a\0b'],
    ] as const) {
      const refused = writeParams(1, new Map([[name, value]]));
      assert.equal(isFailure(refused) && refused.code, 'WIRE_VARIABLE_INVALID');
    }
  });

  test('any variables come back from records that are each read by itself', () => {
    for (let round = 0; round < 60; round += 1) {
      const { below, pick } = chance(round);
      const variables = new Map(
        Array.from({ length: below(30) }, (_, i) => [
          `${'N'.repeat(1 + below(200))}${i}`,
          pick(['', 'a', 'ü', '漢', '\r\n']).repeat(below(pick([10, 300, 20_000]))),
        ]),
      );
      const { contents } = written(variables);
      const back = contents.flatMap((content) => [...(readPairs(content) as Map<string, string>)]);
      assert.deepEqual(back, [...variables], `round ${round}`);
      assert.equal(contents.at(-1)?.length, 0);
      assert.equal(contents.filter((content) => content.length === 0).length, 1, 'the empty record stands at the end only');
    }
  });
});
