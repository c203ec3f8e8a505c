/**
 * FastCGI's conversation, both directions. Each vector three ways: whole, one byte at a time, and with bytes after it; then three
 * laws: what is said is heard, where the pieces are cut changes nothing, and no bytes at all give anything but events and coded
 * failures. What real peers do differently has a section of its own.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFailure } from '../../src/failures.js';
import { wireVariablesBytesMax, wireVariablesMax } from '../../src/limits.js';
import { type AskedAside, askValues, type FastcgiOptions, fastcgi, readValues, type ToldAside, telling } from '../../src/wire/fastcgi.js';
import {
  type FcgiRecord,
  flag,
  protocolStatus,
  recordReader,
  recordType,
  role,
  typeName,
  writeBegin,
  writeEnd,
  writeParams,
  writeRecord,
  writeStream,
  writeUnknownType,
  writeValues,
} from '../../src/wire/fastcgi-records.js';
import type { Asked, Asking, Told } from '../../src/wire/wire.js';
import { type Chance, chance } from '../life/seeded.js';
import { bytes, cutAnywhere, oneByOne, story } from './cuts.js';

const { BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT } = recordType;
const responder: FastcgiOptions = { role: 'responder', keep: true };

/** One record, its content as ISO-8859-1. */
const rec = (type: number, content = '', id = 1): Buffer => writeRecord(type, id, bytes(content));
const end = (appStatus = 0, status: number = protocolStatus.REQUEST_COMPLETE, id = 1): Buffer => writeEnd(id, appStatus, status);
const begin = (id = 1, asked: number = role.RESPONDER): Buffer => writeBegin(id, asked, flag.KEEP_CONN);
const params = (variables: Record<string, string>, id = 1): Buffer => {
  const written = writeParams(id, new Map(Object.entries(variables)));
  assert.ok(!isFailure(written));
  return written;
};

/** `PARAMS 1 "…"`: what a stream is made of. */
const recordsIn = (stream: Buffer): string[] => {
  const reader = recordReader();
  const records = reader.push(stream);
  assert.equal(reader.broken() ?? reader.end(), undefined);
  return records.map(({ type, requestId, content }) => `${typeName(type)} ${requestId} ${JSON.stringify(content.toString('latin1'))}`);
};

const showAside = (aside: ToldAside | AskedAside): string => {
  if (aside.kind === 'values') return `values ${JSON.stringify([...aside.values].flat())}`;
  if (aside.kind === 'unknownType') return `unknownType ${aside.type}`;
  if (aside.kind === 'begun') return `begun ${aside.requestId} ${aside.role}${aside.keep ? ' keep' : ''}`;
  if (aside.kind === 'reply') return `reply ${recordsIn(aside.bytes).join()}`;
  return `data ${aside.bytes.toString('latin1')}`;
};

interface Heard {
  /** Every event, one for each record. */
  readonly events: (Told | Asked)[];
  readonly story: string[];
  readonly asides: string[];
  readonly strays: number;
}

/** A web server hears an answer, and the end of its connection. */
const hearAnswer = (...pieces: Buffer[]): Heard => {
  const asides: string[] = [];
  const reader = fastcgi(responder).readTelling((told) => asides.push(showAside(told)));
  const events = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  assert.deepEqual([...reader.push(end()), ...reader.end()], [], 'nothing after the end');
  return { events, story: story(events), asides, strays: reader.strays() };
};

/** A program hears a request, and the end of its connection. */
const hearRequest = (...pieces: Buffer[]): Heard => {
  const asides: string[] = [];
  const reader = fastcgi(responder).readAsking((asked) => asides.push(showAside(asked)));
  const events = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  return { events, story: story(events), asides, strays: reader.strays() };
};

const asking = (variables: Record<string, string>, options: FastcgiOptions = responder): Asking => {
  const asked = fastcgi(options).ask(new Map(Object.entries(variables)));
  assert.ok(!isFailure(asked));
  return asked;
};

/** The whole of one request. */
const request = (variables: Record<string, string>, body: string[], options: FastcgiOptions = responder): Buffer => {
  const asked = asking(variables, options);
  return Buffer.concat([asked.opening, ...body.flatMap((piece) => asked.body(bytes(piece))), ...asked.bodyEnd()]);
};

/** The same story for a stream that is whole, cut into bytes, and followed by records that are nobody's. */
const threeWays = (hear: (...pieces: Buffer[]) => Heard, stream: Buffer, expected: string[], follow: Buffer): void => {
  const whole = hear(stream);
  assert.deepEqual(whole.story, expected, 'whole');
  assert.deepEqual(hear(...oneByOne(stream)), whole, 'byte by byte');
  const reader = recordReader();
  reader.push(stream);
  if (reader.end() === undefined) assert.deepEqual(hear(Buffer.concat([stream, follow])).story, expected, 'with bytes after it');
};

// --- answers ---------------------------------------------------------------------------------------------------------------

const html = 'Content-type: text/html\r\n\r\n<html>\n<head>';

const answers: [why: string, stream: Buffer, ...story: string[]][] = [
  ['the specification’s first example', Buffer.concat([rec(STDOUT, html), rec(STDOUT), end()]), `output ${html}`, 'ended 0'],
  [
    'its third: messages between, and an exit code',
    Buffer.concat([
      rec(STDOUT, 'Content-type: text/html\r\n\r\n<ht'),
      rec(STDERR, 'config error\n'),
      rec(STDOUT, 'ml>'),
      rec(STDOUT),
      rec(STDERR),
      end(938),
    ]),
    'output Content-type: text/html\r\n\r\n<ht',
    'errors config error\n',
    'output ml>',
    'ended 938',
  ],
  ['no word at all', end(), 'ended 0'],
  ['an exit code of -1', end(-1), 'ended 4294967295'],
  ['a body longer than the specification names', rec(END_REQUEST, '\0\0\0\x01\0\0\0\0more'), 'ended 1'],

  // FastCGI §5.5
  ['OVERLOADED', end(0, protocolStatus.OVERLOADED), 'failed WIRE_OVERLOADED END_REQUEST of request 1 says OVERLOADED'],
  ['CANT_MPX_CONN', end(0, protocolStatus.CANT_MPX_CONN), 'failed WIRE_CANT_MULTIPLEX END_REQUEST of request 1 says CANT_MPX_CONN'],
  ['UNKNOWN_ROLE', end(0, protocolStatus.UNKNOWN_ROLE), 'failed WIRE_UNKNOWN_ROLE END_REQUEST of request 1 says UNKNOWN_ROLE'],
  ['a status nobody knows', end(0, 4), 'failed WIRE_BROKEN END_REQUEST of request 1 says status 4'],
  [
    'a refusal after some output',
    Buffer.concat([rec(STDOUT, 'a'), end(0, 2)]),
    'output a',
    'failed WIRE_OVERLOADED END_REQUEST of request 1 says OVERLOADED',
  ],

  // What is not for a web server's ears.
  [
    'an echo of the request',
    Buffer.concat([begin(), params({ A: '1' })]),
    'failed WIRE_BROKEN byte 0: BEGIN_REQUEST of request 1, where STDOUT, STDERR or END_REQUEST is expected',
  ],
  ['a type nobody knows', rec(77, 'x'), 'failed WIRE_BROKEN byte 0: type 77 of request 1, where STDOUT, STDERR or END_REQUEST is expected'],
  ['STDOUT of no request', rec(STDOUT, 'x', 0), 'failed WIRE_BROKEN byte 0: STDOUT of request 0, where the id of a request is expected'],
  ['an end that is too short', rec(END_REQUEST, '\0\0\0\0'), 'failed WIRE_BROKEN byte 0: END_REQUEST has a body of 4 bytes, not 8'],
  [
    'broken values',
    rec(GET_VALUES_RESULT, '\x7f\x01A', 0),
    'failed WIRE_BROKEN the pair at byte 0 of its block is longer than the 3 bytes that are left',
  ],
  [
    'an HTTP server',
    bytes('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    'failed WIRE_BROKEN byte 0 should be a record’s version, 1, and is 72, in "HTTP/1.1": an HTTP answer, so an HTTP server listens there',
  ],
];

describe('an answer', () => {
  for (const [why, stream, ...expected] of answers)
    test(why, () => threeWays(hearAnswer, stream, expected, Buffer.concat([rec(STDERR, 'late'), rec(STDOUT, '', 2)])));

  // FastCGI §5.5 — END_REQUEST, and nothing else, says that an answer is whole.
  const cut: [why: string, stream: Buffer, detail: RegExp][] = [
    ['no byte', bytes(''), /after 0 bytes of STDOUT and before END_REQUEST$/],
    ['no END_REQUEST', rec(STDOUT, 'abc'), /after 3 bytes of STDOUT and before END_REQUEST$/],
    ['no END_REQUEST, though STDOUT had ended', Buffer.concat([rec(STDOUT, 'abc'), rec(STDOUT)]), /after 3 bytes/],
    ['inside a header', rec(STDOUT, 'abc').subarray(0, 7), /END_REQUEST: a record ends after 7 of its header’s 8 bytes/],
    ['inside a content', rec(STDOUT, 'abc').subarray(0, 9), /the record STDOUT ends after 1 of its 3 bytes/],
    ['inside END_REQUEST', end().subarray(0, 15), /the record END_REQUEST ends after 7 of its 8 bytes/],
    ['the END_REQUEST of another request', end(0, 0, 2), /before END_REQUEST$/],
  ];
  for (const [why, stream, detail] of cut) {
    test(`cut short: ${why}`, () => {
      const { events } = hearAnswer(stream);
      const last = events.at(-1);
      assert.ok(last?.kind === 'failed');
      assert.equal(last.why.code, 'WIRE_TRUNCATED');
      assert.match(last.why.evidence.detail ?? '', detail);
    });
  }

  test('cut inside the padding of END_REQUEST: nothing is missing', () => {
    const padded = Buffer.concat([bytes('\x01\x03\0\x01\0\x08\xff\0\0\0\0\0\0\0\0\0'), Buffer.alloc(9)]);
    assert.deepEqual(hearAnswer(padded).story, ['ended 0']);
  });

  test('too little for a header, and no FastCGI either', () => {
    assert.match(hearAnswer(bytes('Busy')).story.join(), /^failed WIRE_BROKEN .*in "Busy"/);
  });
});

describe('the end of a connection between answers', () => {
  test('is fine', () => {
    const reader = fastcgi(responder).readTelling();
    assert.deepEqual(story(reader.push(end())), ['ended 0']);
    assert.deepEqual(reader.end(), []);
  });

  test('also inside a record that nobody waits for', () => {
    const reader = fastcgi(responder).readTelling();
    reader.push(Buffer.concat([end(), rec(STDERR, 'late').subarray(0, 9)]));
    assert.deepEqual(reader.end(), []);
  });

  test('but bytes that are no records say that the connection is spoilt, after the answer that was whole', () => {
    const { story: heard } = hearAnswer(Buffer.concat([end(), bytes('<b>Warning</b>')]));
    assert.deepEqual(heard[0], 'ended 0');
    assert.match(heard[1] ?? '', /^failed WIRE_BROKEN byte 16 .*the record before it is longer or shorter than it says$/);
  });
});

describe('a kept connection', () => {
  test('one answer after the other', () => {
    const reader = fastcgi(responder).readTelling();
    for (const id of [1, 2, 1]) {
      reader.expect(id);
      const stream = Buffer.concat([rec(STDOUT, `a${id}`, id), end(0, 0, id)]);
      assert.deepEqual(story(stream.length > 0 ? reader.push(stream) : []), [`output a${id}`, 'ended 0']);
    }
    assert.equal(reader.strays(), 0);
    reader.expect(2);
    assert.match(story(reader.end()).join(), /WIRE_TRUNCATED the connection ended after 0 bytes/);
  });

  test('after a refusal it is as good as before', () => {
    const reader = fastcgi(responder).readTelling();
    assert.match(story(reader.push(end(0, protocolStatus.OVERLOADED))).join(), /WIRE_OVERLOADED/);
    reader.expect(1);
    assert.deepEqual(story(reader.push(end())), ['ended 0']);
  });

  test('with another id for each request, late records of the last are not taken for the next answer', () => {
    const reader = fastcgi(responder).readTelling();
    reader.push(end());
    reader.expect(2);
    const late = Buffer.concat([rec(STDOUT, 'old'), end(), rec(STDOUT, 'new', 2), end(0, 0, 2)]);
    assert.deepEqual(story(reader.push(late)), ['output new', 'ended 0']);
    assert.equal(reader.strays(), 2);
  });
});

describe('what real programs do', () => {
  const quirks: [why: string, stream: Buffer, heard: { story: string[]; asides?: string[]; strays?: number }][] = [
    ['php-fpm: no empty STDOUT', Buffer.concat([rec(STDOUT, 'a'), end()]), { story: ['output a', 'ended 0'] }],
    [
      'php-fpm: END_REQUEST twice (fastcgi_finish_request and max_requests)',
      Buffer.concat([rec(STDOUT, 'a'), end(), end()]),
      { story: ['output a', 'ended 0'], strays: 1 },
    ],
    [
      'php-fpm: empty STDERR records',
      Buffer.concat([rec(STDERR), rec(STDOUT, 'a'), rec(STDERR), end()]),
      { story: ['output a', 'ended 0'] },
    ],
    [
      'libfcgi: an empty STDERR after the empty STDOUT',
      Buffer.concat([rec(STDERR, 'e'), rec(STDOUT), rec(STDERR), end(3)]),
      { story: ['errors e', 'ended 3'] },
    ],
    [
      'Go: GET_VALUES answered twice, the second time with nothing',
      Buffer.concat([rec(GET_VALUES_RESULT, '\x0f\x01FCGI_MPXS_CONNS1', 0), rec(GET_VALUES_RESULT, '', 0), rec(STDOUT, 'a'), end()]),
      { story: ['output a', 'ended 0'], asides: ['values ["FCGI_MPXS_CONNS","1"]', 'values []'] },
    ],
    [
      'an empty STDOUT before the last',
      Buffer.concat([rec(STDOUT), rec(STDOUT, 'a'), rec(STDOUT), rec(STDOUT), end()]),
      { story: ['output a', 'ended 0'] },
    ],
    [
      'padding of 255 bytes',
      Buffer.concat([
        bytes('\x01\x06\0\x01\0\x01\xff\0a'),
        Buffer.alloc(255, 6),
        bytes('\x01\x03\0\x01\0\x08\xff\0\0\0\0\0\0\0\0\0'),
        Buffer.alloc(255, 3),
      ]),
      { story: ['output a', 'ended 0'] },
    ],
    ['STDOUT after END_REQUEST', Buffer.concat([end(), rec(STDOUT, 'late'), rec(STDERR, 'late')]), { story: ['ended 0'], strays: 2 }],
    [
      'records of a request that nobody made',
      Buffer.concat([rec(STDOUT, 'x', 7), end(1, 2, 7), rec(STDOUT, 'a'), end()]),
      { story: ['output a', 'ended 0'], strays: 2 },
    ],
    [
      'GET_VALUES refused as unknown',
      Buffer.concat([writeUnknownType(GET_VALUES), end()]),
      { story: ['ended 0'], asides: ['unknownType 9'] },
    ],
    ['a record about the connection of a type to come', Buffer.concat([rec(12, 'x', 0), end()]), { story: ['ended 0'], strays: 1 }],
  ];
  for (const [why, stream, { story: expected, asides = [], strays = 0 }] of quirks) {
    test(why, () => {
      const whole = hearAnswer(stream);
      assert.deepEqual([whole.story, whole.asides, whole.strays], [expected, asides, strays]);
      assert.deepEqual(hearAnswer(...oneByOne(stream)), whole, 'byte by byte');
    });
  }
});

// --- requests ----------------------------------------------------------------------------------------------------------------

const variables = { SERVER_PORT: '80', SERVER_ADDR: '199.170.183.42' };
const variablesLine = 'variables ["SERVER_PORT","80","SERVER_ADDR","199.170.183.42"]';
const pairs = '\x0b\x02SERVER_PORT80\x0b\x0eSERVER_ADDR199.170.183.42';

describe('a request that is asked', () => {
  test('the specification’s first example, to the byte', () => {
    const asked = asking(variables, { role: 'responder', keep: false });
    assert.equal(
      asked.opening.toString('latin1'),
      `\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0\x01\x04\0\x01\0\x2a\x06\0${pairs}\0\0\0\0\0\0\x01\x04\0\x01\0\0\0\0`,
    );
    assert.equal(Buffer.concat(asked.bodyEnd()).toString('latin1'), '\x01\x05\0\x01\0\0\0\0', 'an empty STDIN, though there is no body');
    assert.equal(asked.abort()?.toString('latin1'), '\x01\x02\0\x01\0\0\0\0');
  });

  test('KEEP_CONN, and an id', () => {
    assert.deepEqual(recordsIn(request({ A: '1' }, ['ab', '', 'c'], { role: 'responder', keep: true, requestId: 258 })), [
      'BEGIN_REQUEST 258 "\\u0000\\u0001\\u0001\\u0000\\u0000\\u0000\\u0000\\u0000"',
      'PARAMS 258 "\\u0001\\u0001A1"',
      'PARAMS 258 ""',
      'STDIN 258 "ab"',
      'STDIN 258 "c"',
      'STDIN 258 ""',
    ]);
  });

  test('an Authorizer is sent neither body nor what speaks of it (§6.3)', () => {
    const all = { CONTENT_LENGTH: '2', PATH_INFO: '/', PATH_TRANSLATED: '/', SCRIPT_NAME: '/a', REQUEST_METHOD: 'POST' };
    const stream = request(all, ['ab'], { role: 'authorizer', keep: false });
    assert.deepEqual(recordsIn(stream).slice(1), ['PARAMS 1 "\\u000e\\u0004REQUEST_METHODPOST"', 'PARAMS 1 ""']);
    assert.equal(stream[9], role.AUTHORIZER);
    assert.deepEqual(hearRequest(stream).story, ['variables ["REQUEST_METHOD","POST"]', 'bodyEnd', 'aborted']);
  });

  test('a Filter is sent the body, then its file (§6.4)', () => {
    const filter = { role: 'filter', keep: false, filterData: { bytes: bytes('a file'), modifiedSeconds: 830_736_000 } } as const;
    const stream = request({ CONTENT_LENGTH: '2' }, ['ab'], filter);
    assert.deepEqual(recordsIn(stream).slice(3), ['STDIN 1 "ab"', 'STDIN 1 ""', 'DATA 1 "a file"', 'DATA 1 ""']);
    const heard = hearRequest(stream);
    assert.deepEqual(heard.story, [
      'variables ["CONTENT_LENGTH","2","FCGI_DATA_LAST_MOD","830736000","FCGI_DATA_LENGTH","6"]',
      'body ab',
      'bodyEnd',
      'aborted',
    ]);
    assert.deepEqual(heard.asides, ['begun 1 filter', 'data a file']);
  });

  test('a variable that fits no record is refused by name', () => {
    const refused = fastcgi(responder).ask(new Map([['HTTP_COOKIE', 'x'.repeat(70_000)]]));
    assert.ok(isFailure(refused));
    assert.equal(refused.code, 'WIRE_VARIABLES_TOO_LARGE');
    assert.match(refused.evidence.detail ?? '', /^HTTP_COOKIE takes 70016 bytes/);
  });
});

describe('a request that is heard', () => {
  const length = (bytesOfBody: number) => params({ CONTENT_LENGTH: String(bytesOfBody) });
  const rows: [why: string, stream: Buffer, ...story: string[]][] = [
    ['the specification’s first example', request(variables, []), variablesLine, 'bodyEnd', 'aborted'],
    [
      'its second: a pair crosses from one record to the next, and there is a body',
      Buffer.concat([
        begin(),
        rec(PARAMS, pairs.slice(0, 20)),
        rec(PARAMS, pairs.slice(20)),
        rec(PARAMS),
        rec(STDIN, 'quantity=100&item=3047936'),
        rec(STDIN),
      ]),
      variablesLine,
      'body quantity=100&item=3047936',
      'bodyEnd',
      'aborted',
    ],
    [
      'every byte of PARAMS a record',
      Buffer.concat([begin(), ...Array.from(pairs, (byte) => rec(PARAMS, byte)), rec(PARAMS), rec(STDIN)]),
      variablesLine,
      'bodyEnd',
      'aborted',
    ],
    ['no variables', Buffer.concat([begin(), rec(PARAMS), rec(STDIN)]), 'variables []', 'bodyEnd', 'aborted'],
    ['a body without CONTENT_LENGTH', request({}, ['ab', 'c']), 'variables []', 'body abc', 'bodyEnd', 'aborted'],
    [
      'Go: aborted while its body comes',
      Buffer.concat([begin(), params({}), rec(STDIN, '0123456789abcdef'), rec(ABORT_REQUEST)]),
      'variables []',
      'body 0123456789abcdef',
      'aborted',
    ],
    [
      'Go: the connection ends while its body comes',
      Buffer.concat([begin(), params({}), rec(STDIN, '0123456789abcdef')]),
      'variables []',
      'body 0123456789abcdef',
      'failed WIRE_TRUNCATED the connection ended before STDIN did',
    ],
    [
      'aborted twice, and its body goes on',
      Buffer.concat([begin(), rec(ABORT_REQUEST), rec(ABORT_REQUEST), rec(PARAMS, 'x'), rec(STDIN)]),
      'aborted',
    ],
    [
      'the connection ends before the variables do',
      Buffer.concat([begin(), rec(PARAMS, '\x01')]),
      'failed WIRE_TRUNCATED the connection ended before PARAMS did',
    ],
    [
      'it ends inside a record',
      Buffer.concat([begin(), rec(PARAMS, '\x01\x01A1').subarray(0, 10)]),
      'failed WIRE_TRUNCATED the connection ended before PARAMS did: the record PARAMS ends after 2 of its 4 bytes',
    ],
    ['no request at all', bytes('')],
    ['half a header of none', bytes('\x01\x01\0'), 'failed WIRE_TRUNCATED a record ends after 3 of its header’s 8 bytes'],
    [
      'half a word of HTTP',
      bytes('GET /'),
      'failed WIRE_BROKEN byte 0 should be a record’s version, 1, and is 71, in "GET /": this is HTTP, at a FastCGI port',
    ],
    [
      'HTTP',
      bytes('GET / HTTP/1.1\r\n\r\n'),
      'failed WIRE_BROKEN byte 0 should be a record’s version, 1, and is 71, in "GET / HT": this is HTTP, at a FastCGI port',
    ],
    [
      'another version',
      bytes('\x02\x01\0\x01\0\x08\0\0'),
      'failed WIRE_BROKEN byte 0 should be a record’s version, 1, and is 2, in "\\x02\\x01\\x00\\x01\\x00\\x08\\x00\\x00": this is no protocol we know, at a FastCGI port',
    ],

    // FastCGI §6.1 — one stream after the other.
    [
      'STDIN before the end of PARAMS',
      Buffer.concat([begin(), rec(STDIN)]),
      'failed WIRE_BROKEN byte 16: STDIN of request 1, where PARAMS is expected',
    ],
    [
      'PARAMS after their end',
      Buffer.concat([begin(), rec(PARAMS), rec(PARAMS)]),
      'variables []',
      'failed WIRE_BROKEN byte 24: PARAMS of request 1, where STDIN is expected',
    ],
    [
      'STDIN after its end',
      Buffer.concat([begin(), rec(PARAMS), rec(STDIN), rec(STDIN, 'x')]),
      'variables []',
      'bodyEnd',
      'failed WIRE_BROKEN byte 32: STDIN of request 1, where nothing more is expected',
    ],
    [
      'a file for a Responder',
      Buffer.concat([begin(), rec(PARAMS), rec(DATA, 'x')]),
      'variables []',
      'failed WIRE_BROKEN byte 24: DATA of request 1, where STDIN is expected',
    ],
    ['an answer', Buffer.concat([begin(), rec(STDOUT, 'x')]), 'failed WIRE_BROKEN byte 16: STDOUT of request 1, where PARAMS is expected'],
    [
      'a beginning that is too short',
      rec(BEGIN_REQUEST, '\0\x01\0'),
      'failed WIRE_BROKEN byte 0: BEGIN_REQUEST has a body of 3 bytes, not 8',
    ],
    [
      'the same beginning twice',
      Buffer.concat([begin(), begin()]),
      'failed WIRE_BROKEN byte 16: BEGIN_REQUEST of request 1, where the end of that request is expected',
    ],
    [
      'pairs that lie about their length',
      Buffer.concat([begin(), rec(PARAMS, '\x01\x05A'), rec(PARAMS)]),
      'failed WIRE_BROKEN the pair at byte 0 of its block is longer than the 3 bytes that are left',
    ],

    // FastCGI §6.2
    [
      'a body shorter than CONTENT_LENGTH',
      Buffer.concat([begin(), length(3), rec(STDIN, 'ab'), rec(STDIN)]),
      'variables ["CONTENT_LENGTH","3"]',
      'body ab',
      'failed WIRE_TRUNCATED CONTENT_LENGTH is 3, STDIN has 2 bytes',
    ],
    [
      'a body longer than CONTENT_LENGTH',
      Buffer.concat([begin(), length(3), rec(STDIN, 'ab'), rec(STDIN, 'cd')]),
      'variables ["CONTENT_LENGTH","3"]',
      'body ab',
      'failed WIRE_BROKEN CONTENT_LENGTH is 3, STDIN has 4 bytes',
    ],
    [
      'a CONTENT_LENGTH that is no number says nothing',
      Buffer.concat([begin(), params({ CONTENT_LENGTH: '' }), rec(STDIN, 'ab'), rec(STDIN)]),
      'variables ["CONTENT_LENGTH",""]',
      'body ab',
      'bodyEnd',
      'aborted',
    ],
  ];
  for (const [why, stream, ...expected] of rows) test(why, () => threeWays(hearRequest, stream, expected, rec(STDIN, 'late', 9)));

  test('who it is asked as', () => {
    const first = (stream: Buffer) => hearRequest(stream).asides;
    assert.deepEqual(first(writeBegin(1, role.RESPONDER, 0)), ['begun 1 responder']);
    assert.deepEqual(first(writeBegin(65_535, role.AUTHORIZER, 0xff)), ['begun 65535 authorizer keep']);
    assert.deepEqual(first(writeBegin(2, role.FILTER, 2)), ['begun 2 filter']);
  });

  test('records of no active request are ignored (§3.3)', () => {
    const heard = hearRequest(
      Buffer.concat([rec(STDIN, 'x', 3), begin(), rec(PARAMS, 'x', 2), params({ A: '1' }), rec(ABORT_REQUEST, '', 2), rec(STDIN)]),
    );
    assert.deepEqual(heard.story, ['variables ["A","1"]', 'bodyEnd', 'aborted']);
    assert.equal(heard.strays, 3);
  });

  test('STDIN for an Authorizer, from servers that send it, is ignored', () => {
    const heard = hearRequest(Buffer.concat([begin(1, role.AUTHORIZER), params({}), rec(STDIN)]));
    assert.deepEqual(heard.story, ['variables []', 'bodyEnd', 'aborted']);
    assert.equal(heard.strays, 1);
  });

  test('as many variables as may be', () => {
    const many = (count: number) => params(Object.fromEntries(Array.from({ length: count }, (_, i) => [`A${i}`, ''])));
    assert.match(hearRequest(begin(), many(wireVariablesMax)).story.join(), /^variables .*failed WIRE_TRUNCATED/);
    assert.match(
      hearRequest(begin(), many(wireVariablesMax + 1)).story.join(),
      /^failed WIRE_VARIABLES_TOO_LARGE more than 1000 variables/,
    );
  });

  test('as many bytes of them as may be: the first too many is refused when it comes', () => {
    const reader = fastcgi(responder).readAsking();
    reader.push(begin());
    const pieces = writeStream(PARAMS, 1, Buffer.alloc(wireVariablesBytesMax));
    assert.deepEqual(reader.push(Buffer.concat(pieces)), []);
    assert.match(story(reader.push(rec(PARAMS, 'x'))).join(), /^failed WIRE_VARIABLES_TOO_LARGE more than 1048576 bytes/);
    assert.deepEqual([...reader.push(begin(2)), ...reader.end()], [], 'nothing is heard after it');
  });
});

describe('what a program answers without being asked', () => {
  test('GET_VALUES: what it knows of what is asked (§4.1)', () => {
    const heard = hearRequest(askValues());
    assert.deepEqual(recordsIn(askValues()), [
      'GET_VALUES 0 "\\u000e\\u0000FCGI_MAX_CONNS\\r\\u0000FCGI_MAX_REQS\\u000f\\u0000FCGI_MPXS_CONNS"',
    ]);
    assert.deepEqual(heard.asides, [
      'reply GET_VALUES_RESULT 0 "\\u000e\\u0001FCGI_MAX_CONNS1\\r\\u0001FCGI_MAX_REQS1\\u000f\\u0001FCGI_MPXS_CONNS0"',
    ]);
    assert.deepEqual(heard.story, []);

    const replies: Buffer[] = [];
    const values = new Map([
      ['FCGI_MAX_CONNS', '12'],
      ['FCGI_MAX_REQS', '50'],
    ]);
    const reader = fastcgi(responder).readAsking((aside) => aside.kind === 'reply' && replies.push(aside.bytes), values);
    reader.push(
      writeValues(
        GET_VALUES,
        new Map([
          ['FCGI_MAX_REQS', ''],
          ['FCGI_NEW', ''],
        ]),
      ),
    );
    const [record] = recordReader().push(Buffer.concat(replies));
    assert.deepEqual(readValues(record as FcgiRecord), new Map([['FCGI_MAX_REQS', '50']]));
  });

  test('the answer of libfcgi, made in 64 bytes, has room for all three', () => {
    assert.ok(
      writeValues(
        GET_VALUES_RESULT,
        new Map([
          ['FCGI_MAX_CONNS', '1'],
          ['FCGI_MAX_REQS', '1'],
          ['FCGI_MPXS_CONNS', '0'],
        ]),
      ).length <= 64,
    );
  });

  test('in the middle of a request', () => {
    const heard = hearRequest(Buffer.concat([begin(), askValues(), params({}), askValues(), rec(STDIN)]));
    assert.deepEqual(heard.story, ['variables []', 'bodyEnd', 'aborted']);
    assert.equal(heard.asides.length, 3);
  });

  test('UNKNOWN_TYPE: a record about the connection that it does not know (§4.2)', () => {
    assert.deepEqual(hearRequest(rec(77, 'x', 0)).asides, ['reply UNKNOWN_TYPE 0 "M\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"']);
    assert.match(hearRequest(begin(0)).asides.join(), /^reply UNKNOWN_TYPE 0 "\\u0001/, 'no request has the id 0');
  });

  test('CANT_MPX_CONN: a second request while it is busy; the first goes on', () => {
    const heard = hearRequest(
      Buffer.concat([begin(1), begin(2), params({ A: '2' }, 2), params({ A: '1' }), rec(STDIN, '', 2), rec(STDIN)]),
    );
    assert.deepEqual(heard.story, ['variables ["A","1"]', 'bodyEnd', 'aborted']);
    assert.deepEqual(heard.asides.slice(1), ['reply END_REQUEST 2 "\\u0000\\u0000\\u0000\\u0000\\u0001\\u0000\\u0000\\u0000"']);
  });

  test('UNKNOWN_ROLE: the rest of the request is ignored', () => {
    const heard = hearRequest(Buffer.concat([begin(1, 4), params({ A: '1' }), rec(STDIN)]));
    assert.deepEqual(heard.story, []);
    assert.deepEqual(heard.asides, ['reply END_REQUEST 1 "\\u0000\\u0000\\u0000\\u0000\\u0003\\u0000\\u0000\\u0000"']);
    assert.equal(heard.strays, 3);
  });

  test('after END_REQUEST the same id can be used again', () => {
    const reader = fastcgi(responder).readAsking();
    for (const name of ['A', 'B']) {
      assert.deepEqual(story(reader.push(request({ [name]: '1' }, ['x']))), [`variables ["${name}","1"]`, 'body x', 'bodyEnd']);
      reader.answered();
    }
    assert.deepEqual(reader.end(), [], 'nobody waits: nothing is aborted');
  });
});

describe('an answer that is told', () => {
  const told = (...pieces: Buffer[][]) => recordsIn(Buffer.concat(pieces.flat()));

  test('output and its end', () => {
    const { output, errors, end: ending } = telling(1);
    assert.deepEqual(told(output(bytes('a')), output(bytes('')), errors(bytes('')), ending(7)), [
      'STDOUT 1 "a"',
      'STDOUT 1 ""',
      'END_REQUEST 1 "\\u0000\\u0000\\u0000\\u0007\\u0000\\u0000\\u0000\\u0000"',
    ]);
  });

  test('errors have an end when there were some', () => {
    const { errors, end: ending } = telling(2);
    assert.deepEqual(told(errors(bytes('e')), ending(0)).slice(0, 3), ['STDERR 2 "e"', 'STDOUT 2 ""', 'STDERR 2 ""']);
  });

  test('a refusal is END_REQUEST alone', () => {
    assert.deepEqual(told(telling(1).end(0, protocolStatus.OVERLOADED)), [
      'END_REQUEST 1 "\\u0000\\u0000\\u0000\\u0000\\u0002\\u0000\\u0000\\u0000"',
    ]);
  });
});

// --- laws ----------------------------------------------------------------------------------------------------------------

const text = (luck: Chance, most: number): string => luck.bytes(luck.below(most)).toString('latin1').replaceAll('\0', '.');

/** A conversation of some answers, and what should be heard of them. */
const someAnswer = (luck: Chance): { stream: Buffer; output: string; errors: string; appStatus: number } => {
  const { output, errors, end: ending } = telling(1);
  const said = { output: '', errors: '' };
  const pieces: Buffer[] = [];
  for (let left = luck.below(6); left > 0; left -= 1) {
    const which = luck.maybe(0.7) ? 'output' : 'errors';
    const piece = text(luck, luck.pick([1, 20, 300])).repeat(luck.pick([1, 1, 400]));
    said[which] += piece;
    pieces.push(...(which === 'output' ? output : errors)(bytes(piece)));
    if (luck.maybe(0.2)) pieces.push(rec(STDOUT, 'stray', 9), rec(GET_VALUES_RESULT, '', 0));
  }
  const appStatus = luck.below(256);
  return { ...said, appStatus, stream: Buffer.concat([...pieces, ...ending(appStatus)]) };
};

const someRequest = (luck: Chance): { stream: Buffer; meta: Map<string, string>; body: string } => {
  const meta = new Map(
    Array.from({ length: luck.below(12) }, (_, i) => [`HTTP_${i}`, 'é漢a'.repeat(luck.below(luck.pick([3, 100, 5_000])))]),
  );
  const body = text(luck, luck.pick([1, 50, 2_000])).repeat(luck.pick([1, 1, 60]));
  const cuts = cutAnywhere(bytes(body), luck).map((piece) => piece.toString('latin1'));
  if (luck.maybe(0.5)) meta.set('CONTENT_LENGTH', String(body.length));
  return { meta, body, stream: request(Object.fromEntries(meta), cuts) };
};

describe('laws', () => {
  test('what a program tells is heard, wherever it is cut', () => {
    for (let round = 0; round < 120; round += 1) {
      const luck = chance(round);
      const { stream, output, errors, appStatus } = someAnswer(luck);
      const whole = hearAnswer(stream);
      const all = (kind: 'output' | 'errors') =>
        whole.events.flatMap((event) => (event.kind === kind ? [event.bytes.toString('latin1')] : [])).join('');
      assert.deepEqual(
        [all('output'), all('errors'), whole.events.at(-1)],
        [output, errors, { kind: 'ended', appStatus }],
        `round ${round}`,
      );
      assert.deepEqual(hearAnswer(...cutAnywhere(stream, luck)), whole, `round ${round}`);
      const short = stream.subarray(0, luck.below(stream.length - 16));
      assert.match(
        hearAnswer(...cutAnywhere(short, luck)).story.at(-1) ?? '',
        /^failed WIRE_TRUNCATED/,
        `round ${round}: a part is never taken for the whole`,
      );
    }
  });

  test('what a web server asks is heard, wherever it is cut', () => {
    for (let round = 0; round < 120; round += 1) {
      const luck = chance(round);
      const { stream, meta, body } = someRequest(luck);
      const whole = hearRequest(stream);
      const heardBody = whole.events.flatMap((event) => (event.kind === 'body' ? [event.bytes.toString('latin1')] : [])).join('');
      assert.deepEqual(whole.events[0], { kind: 'variables', meta }, `round ${round}`);
      assert.deepEqual([heardBody, ...whole.story.slice(-2)], [body, 'bodyEnd', 'aborted'], `round ${round}`);
      assert.deepEqual(hearRequest(...cutAnywhere(stream, luck)), whole, `round ${round}`);
    }
  });

  /** A conversation with some of its bytes changed, or bytes that are none. */
  const spoilt = (luck: Chance): Buffer => {
    if (luck.maybe(0.15)) return luck.bytes(luck.below(200));
    let stream = luck.maybe(0.5) ? someAnswer(luck).stream : someRequest(luck).stream;
    const anyRecord = () => writeRecord(luck.below(13), luck.below(3), luck.bytes(luck.below(30)));
    if (luck.maybe(0.3)) stream = Buffer.concat(Array.from({ length: luck.below(20) }, anyRecord));
    if (luck.maybe(0.1)) stream = Buffer.concat([rec(STDOUT, 'a'), end(0, luck.below(5)), stream]);
    stream = Buffer.from(stream);
    for (let changes = luck.below(6); changes > 0 && stream.length > 0; changes -= 1) {
      const at = luck.below(Math.min(stream.length, luck.pick([16, 80, 1_000_000])));
      const how = luck.below(3);
      if (how === 0) stream[at] = luck.below(256);
      if (how === 1) stream = Buffer.concat([stream.subarray(0, at), stream.subarray(at + luck.below(9))]);
      if (how === 2) stream = Buffer.concat([stream.subarray(0, at), luck.bytes(luck.below(9)), stream.subarray(at)]);
    }
    return stream;
  };

  const codes = /^WIRE_(?:BROKEN|TRUNCATED|OVERLOADED|CANT_MULTIPLEX|UNKNOWN_ROLE|VARIABLES_TOO_LARGE)$/;

  test('any bytes whatever are events and coded failures, the same wherever they are cut, and never more than came in', () => {
    const seen = new Set<string>();
    for (let round = 0; round < 1_200; round += 1) {
      const luck = chance(round);
      const stream = spoilt(luck);
      for (const hear of [hearAnswer, hearRequest]) {
        const whole = hear(stream);
        assert.deepEqual(hear(...cutAnywhere(stream, luck)), whole, `round ${round}`);
        let bytesHeard = 0;
        for (const event of whole.events) {
          seen.add(event.kind === 'failed' ? event.why.code : event.kind);
          if (event.kind === 'failed') assert.match(event.why.code, codes, `round ${round}`);
          if ('bytes' in event) bytesHeard += event.bytes.length;
        }
        assert.ok(bytesHeard <= stream.length, `round ${round}`);
      }
    }
    for (const kind of [
      'output',
      'errors',
      'ended',
      'variables',
      'body',
      'bodyEnd',
      'aborted',
      'WIRE_BROKEN',
      'WIRE_TRUNCATED',
      'WIRE_OVERLOADED',
    ])
      assert.ok(seen.has(kind), `the fuzz never came to ${kind}`);
  });
});
