/**
 * SCGI, both directions. Each vector three ways: whole, one byte at a time, and with bytes after it; then three laws: what is
 * asked is heard, where the pieces are cut changes nothing, and no bytes at all give anything but events and coded failures.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { wireVariablesBytesMax, wireVariablesMax } from '../../src/limits.js';
import { fieldsOf, scgi } from '../../src/wire/scgi.js';
import type { Asking } from '../../src/wire/wire.js';
import { type Chance, chance } from '../life/seeded.js';
import { asFailure, assertTiles, bytes, cutAnywhere, garbageLaw, oneByOne, tell } from './cuts.js';

/** Strings, each ended by NUL, as a netstring. */
const netstring = (...strings: string[]): string => {
  const headers = strings.map((text) => `${text}\0`).join('');
  return `${headers.length}:${headers},`;
};
const heard = (all: string | Buffer): string[] => tell(scgi.readAsking(), [Buffer.isBuffer(all) ? all : bytes(all)]);
const asked = (meta: [string, string][]): Asking => {
  const asking = scgi.ask(new Map(meta));
  assert.ok('opening' in asking);
  return asking;
};

// --- what a request is ----------------------------------------------------------------------------------------------

// protocol.txt §5.
const deepthought =
  '70:CONTENT_LENGTH\0' +
  '27\0' +
  'SCGI\0' +
  '1\0' +
  'REQUEST_METHOD\0' +
  'POST\0' +
  'REQUEST_URI\0' +
  '/deepthought\0' +
  ',What is the answer to life?';
const deepthoughtMeta = ['CONTENT_LENGTH', '27', 'SCGI', '1', 'REQUEST_METHOD', 'POST', 'REQUEST_URI', '/deepthought'];
const after = 'failed WIRE_BROKEN SCGI §2: More bytes than CONTENT_LENGTH says: a connection carries one request.';

const good: [why: string, request: string, ...story: string[]][] = [
  [
    'the example of the protocol’s page',
    deepthought,
    `variables ${JSON.stringify(deepthoughtMeta)}`,
    'body What is the answer to life?',
    'bodyEnd',
  ],
  [
    'no body: CONTENT_LENGTH all the same',
    netstring('CONTENT_LENGTH', '0', 'SCGI', '1'),
    'variables ["CONTENT_LENGTH","0","SCGI","1"]',
    'bodyEnd',
  ],
  [
    'SCGI last, an empty value',
    `${netstring('CONTENT_LENGTH', '1', 'A', '', 'SCGI', '1')}x`,
    'variables ["CONTENT_LENGTH","1","A","","SCGI","1"]',
    'body x',
    'bodyEnd',
  ],
  [
    'a value like a netstring',
    netstring('CONTENT_LENGTH', '0', 'SCGI', '1', 'A', '1:,'),
    'variables ["CONTENT_LENGTH","0","SCGI","1","A","1:,"]',
    'bodyEnd',
  ],
  [
    'UTF-8, and bytes that are not',
    netstring('CONTENT_LENGTH', '0', 'SCGI', '1', 'A', '\xc3\xa9', 'B', '\xe9'),
    'variables ["CONTENT_LENGTH","0","SCGI","1","A","é","B","é"]',
    'bodyEnd',
  ],
];

describe('scgi, a request is heard', () => {
  for (const [why, request, ...story] of good) {
    test(why, () => {
      assert.deepEqual(heard(request), story);
      assert.deepEqual(tell(scgi.readAsking(), oneByOne(bytes(request))), story);
      for (const trail of ['x', request, '\0\0\0\0']) {
        assert.deepEqual(heard(request + trail), [...story, after]);
        assert.deepEqual(tell(scgi.readAsking(), oneByOne(bytes(request + trail))), [...story, after]);
      }
    });
  }
});

// --- what is none ---------------------------------------------------------------------------------------------------

const start = ['CONTENT_LENGTH', '0', 'SCGI', '1'];
const bad: [why: string, request: string, story: string][] = [
  ['CONTENT_LENGTH not first', netstring('SCGI', '1', 'CONTENT_LENGTH', '0'), 'WIRE_BROKEN SCGI §3: SCGI stands first, not CONTENT_LENGTH'],
  ['no CONTENT_LENGTH', netstring('SCGI', '1'), 'WIRE_BROKEN SCGI §3: SCGI stands first, not CONTENT_LENGTH'],
  ['no headers', '0:,.', 'WIRE_BROKEN SCGI §3: no CONTENT_LENGTH'],
  ['an empty CONTENT_LENGTH', netstring('CONTENT_LENGTH', '', 'SCGI', '1'), 'WIRE_BROKEN SCGI §3: CONTENT_LENGTH is "", not a number'],
  ['a negative one', netstring('CONTENT_LENGTH', '-5', 'SCGI', '1'), 'WIRE_BROKEN SCGI §3: CONTENT_LENGTH is "-5", not a number'],
  ['one with a sign', netstring('CONTENT_LENGTH', '+5', 'SCGI', '1'), 'WIRE_BROKEN SCGI §3: CONTENT_LENGTH is "+5", not a number'],
  [
    'one with letters behind it',
    netstring('CONTENT_LENGTH', '5x', 'SCGI', '1'),
    'WIRE_BROKEN SCGI §3: CONTENT_LENGTH is "5x", not a number',
  ],
  [
    'one no number holds',
    netstring('CONTENT_LENGTH', '9'.repeat(16), 'SCGI', '1'),
    `WIRE_BROKEN SCGI §3: CONTENT_LENGTH is "${'9'.repeat(16)}", not a number`,
  ],
  ['two of them', netstring(...start, 'CONTENT_LENGTH', '7'), 'WIRE_BROKEN SCGI §3: CONTENT_LENGTH stands twice'],
  ['a name twice', netstring(...start, 'A', '1', 'A', '1'), 'WIRE_BROKEN SCGI §3: A stands twice'],
  ['no SCGI', netstring('CONTENT_LENGTH', '0'), 'WIRE_BROKEN SCGI §3: the variable SCGI is missing'],
  ['SCGI 2', netstring('CONTENT_LENGTH', '0', 'SCGI', '2'), 'WIRE_BROKEN SCGI §3: the variable SCGI is not 1'],
  ['an empty name', netstring(...start, '', '1'), 'WIRE_BROKEN SCGI §3: a name is empty'],
  ['a name without a value', netstring(...start, 'A'), 'WIRE_BROKEN SCGI §3: no NUL after the last value'],
  ['a value without its NUL', '27:CONTENT_LENGTH\0' + '0\0SCGI\0' + '1\0A\0b,', 'WIRE_BROKEN SCGI §3: no NUL after the last value'],
  ['a name without its NUL', '25:CONTENT_LENGTH\0' + '0\0SCGI\0' + '1\0A,', 'WIRE_BROKEN SCGI §3: no NUL after the last name'],
  ['a length one too small', `23${netstring(...start).slice(2)}`, 'WIRE_BROKEN SCGI §4: no comma after 23 bytes of headers'],
  ['a length one too large', `25${netstring(...start).slice(2)}x`, 'WIRE_BROKEN SCGI §4: no comma after 25 bytes of headers'],
  ['a zero before the length', `0${netstring(...start)}`, 'WIRE_BROKEN SCGI §4: the length begins with a zero'],
  ['something in the length', '7 0:CONTENT_LENGTH', 'WIRE_BROKEN SCGI §4: " " in the length'],
  ['a control byte there', '7\x1b[31m', 'WIRE_BROKEN SCGI §4: "\\x1b" in the length'],
  [
    'more headers than are taken',
    '1048577:',
    `WIRE_VARIABLES_TOO_LARGE 1048577 bytes of headers or more; this program takes ${wireVariablesBytesMax}`,
  ],
  [
    'a length without end',
    '9'.repeat(1000),
    `WIRE_VARIABLES_TOO_LARGE 9999999 bytes of headers or more; this program takes ${wireVariablesBytesMax}`,
  ],
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'WIRE_BROKEN SCGI §4: HTTP, sent to an SCGI port: "GET " stands where a length should'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n', 'WIRE_BROKEN SCGI §4: HTTP, sent to an SCGI port: "PRI " stands where a length should'],
  [
    'FastCGI',
    '\x01\x01\0\x01\0\x08\0\0',
    'WIRE_BROKEN SCGI §4: FastCGI, sent to an SCGI port: "\\x01\\x01\\x00\\x01" stands where a length should',
  ],
  ['uwsgi', '\0\x0a\0\0\x03\0KEY', 'WIRE_BROKEN SCGI §4: uwsgi, sent to an SCGI port: "\\x00\\x0a\\x00\\x00" stands where a length should'],
  ['TLS', '\x16\x03\x01\x02\0\x01', 'WIRE_BROKEN SCGI §4: TLS, sent to an SCGI port: "\\x16\\x03\\x01\\x02" stands where a length should'],
  ['SSH', 'SSH-2.0-x\r\n', 'WIRE_BROKEN SCGI §4: an unknown protocol, sent to an SCGI port: "SSH-" stands where a length should'],
];

describe('scgi, no request', () => {
  for (const [why, request, story] of bad) {
    test(why, () => {
      assert.deepEqual(heard(request), [`failed ${story}`]);
      assert.deepEqual(tell(scgi.readAsking(), oneByOne(bytes(request))), [`failed ${story}`]);
      assert.deepEqual(heard(`${request}${netstring(...start)}`), [`failed ${story}`], 'nothing is heard after a failure');
    });
  }

  test('cut short at every byte', () => {
    for (let at = 1; at < deepthought.length; at++) {
      const story = heard(deepthought.slice(0, at));
      assert.match(story.at(-1)!, /^failed WIRE_TRUNCATED the connection ended after /, `after ${at}`);
      assert.equal(story.includes('bodyEnd'), false);
    }
    assert.match(heard(deepthought.slice(0, 2)).at(-1)!, /after 2 bytes$/);
    assert.match(heard(deepthought.slice(0, 13)).at(-1)!, /after 10 of 71 bytes of the variables$/);
    assert.match(heard(deepthought.slice(0, 78)).at(-1)!, /after 4 of 27 bytes of the body$/);
    assert.deepEqual(heard(''), [], 'a connection nobody spoke on');
  });

  test('more variables than are taken', () => {
    const many = (count: number) => heard(netstring(...start, ...Array.from({ length: count - 2 }, (_, i) => [`V${i}`, '']).flat())).at(-1);
    assert.equal(many(wireVariablesMax), 'bodyEnd');
    assert.equal(many(wireVariablesMax + 1), `failed WIRE_VARIABLES_TOO_LARGE more than ${wireVariablesMax} variables`);
  });
});

// --- asking ---------------------------------------------------------------------------------------------------------

describe('scgi, a request is asked', () => {
  test('the example, whatever the order', () => {
    const asking = asked([
      ['REQUEST_METHOD', 'POST'],
      ['CONTENT_LENGTH', '27'],
      ['SCGI', 'forged'],
      ['REQUEST_URI', '/deepthought'],
    ]);
    const body = bytes('What is the answer to life?');
    assert.equal(Buffer.concat([asking.opening, ...asking.body(body), ...asking.bodyEnd()]).toString('latin1'), deepthought);
    assert.deepEqual(asking.body(Buffer.alloc(0)), []);
    assert.equal(asking.abort(), undefined);
  });

  test('without a body: CONTENT_LENGTH 0, as nginx sends it', () => {
    assert.equal(asked([]).opening.toString('latin1'), netstring('CONTENT_LENGTH', '0', 'SCGI', '1'));
    assert.equal(asked([['CONTENT_LENGTH', '']]).opening.toString('latin1'), netstring('CONTENT_LENGTH', '0', 'SCGI', '1'));
  });

  test('the length counts bytes', () => {
    assert.match(asked([['A', 'é€']]).opening.toString('latin1'), /^32:/);
  });

  test('what cannot be spelt', () => {
    for (const [name, value, detail] of [
      ['', 'x', 'a name is empty'],
      ['A\0B', 'x', 'A\\x00B holds a NUL'],
      ['A', 'x\0SCGI\0' + '2', 'A holds a NUL'],
      ['CONTENT_LENGTH', '1\0A\0', 'CONTENT_LENGTH is no number'],
    ] as const) {
      const { code, evidence } = asFailure(scgi.ask(new Map([[name, value]])));
      assert.deepEqual([code, evidence.detail], ['WIRE_VARIABLE_INVALID', `SCGI §3: ${detail}`]);
    }
  });
});

// --- laws -----------------------------------------------------------------------------------------------------------

const words = ['CONTENT_LENGTH', 'SCGI', '1', '0', '5', 'A', '', '/', '\0', ':', ',', '24:', '12:', 'é', '\xff', '€'];

test('what is asked is heard, however it is cut', () => {
  const luck = chance(1);
  for (let round = 0; round < 600; round++) {
    const body = luck.bytes(luck.pick([0, 1, 7, 300]));
    const text = (size: number) =>
      Array.from({ length: luck.below(size) }, () => luck.pick(['a', 'B', '/', ' ', 'é', '€', '😀', '\n', ','])).join('');
    const meta = Array.from({ length: luck.below(8) }, (_, i): [string, string] => [`${text(4)}V${i}`, text(luck.pick([3, 200]))]);
    const { opening, ...asking } = asked([...meta, ['CONTENT_LENGTH', String(body.length)]]);
    const request = Buffer.concat([opening, ...cutAnywhere(body, luck).flatMap(asking.body), ...asking.bodyEnd()]);
    const story = [
      `variables ${JSON.stringify(['CONTENT_LENGTH', String(body.length), 'SCGI', '1', ...meta.flat()])}`,
      ...(body.length > 0 ? [`body ${body.toString('latin1')}`] : []),
      'bodyEnd',
    ];
    assert.deepEqual(tell(scgi.readAsking(), cutAnywhere(request, luck)), story, `round ${round}`);
    assertTiles(fieldsOf(request), request);
  }
});

test('garbage gives events or a coded failure, the same however it is cut', () => {
  const someBytes = (luck: Chance): string => {
    const parts = Array.from({ length: luck.below(12) }, () =>
      luck.maybe(0.1) ? luck.bytes(luck.below(6)).toString('latin1') : luck.pick(words),
    );
    return luck.maybe(0.7) ? netstring(...(luck.maybe(0.7) ? start : []), ...parts) : parts.join('');
  };
  garbageLaw({ hear: scgi.readAsking, fieldsOf, someBytes });
});

// --- fields ---------------------------------------------------------------------------------------------------------

test('the fields of the example', () => {
  const fields = fieldsOf(bytes(deepthought));
  assert.deepEqual(
    fields.map(({ at, bytes, name, value, rule }) => [at, bytes, name, value, rule]),
    [
      [0, 2, 'len', '70', 'SCGI §4'],
      [2, 1, 'colon', ':', 'SCGI §4'],
      [3, 15, 'name', 'CONTENT_LENGTH', 'SCGI §3'],
      [18, 3, 'value', '27', 'SCGI §3'],
      [21, 5, 'name', 'SCGI', 'SCGI §3'],
      [26, 2, 'value', '1', 'SCGI §3'],
      [28, 15, 'name', 'REQUEST_METHOD', 'SCGI §3'],
      [43, 5, 'value', 'POST', 'SCGI §3'],
      [48, 12, 'name', 'REQUEST_URI', 'SCGI §3'],
      [60, 13, 'value', '/deepthought', 'SCGI §3'],
      [73, 1, 'comma', ',', 'SCGI §4'],
      [74, 27, 'body', 'What is the answer to life?', 'SCGI §3'],
    ],
  );
  assert.ok(fields.every((field) => field.partial === undefined));
});

test('the fields of a part of it', () => {
  const whole = fieldsOf(bytes(deepthought));
  for (let at = 0; at < deepthought.length; at++) {
    const part = bytes(deepthought.slice(0, at));
    const fields = fieldsOf(part);
    assertTiles(fields, part);
    const cut = whole.find((field) => field.at < at && at < field.at + field.bytes);
    // Two digits may be a whole length; only the colon tells.
    assert.equal(fields.at(-1)?.partial, cut || at === 2 ? true : undefined, `after ${at}`);
  }
});

test('the fields of what is no request', () => {
  const last = (request: string) => fieldsOf(bytes(request)).at(-1)!;
  assert.match(last('GET / HTTP/1.1\r\n').says, /HTTP, sent to an SCGI port/);
  assert.equal(last('GET / HTTP/1.1\r\n').name, 'unread');
  assert.deepEqual([last(`${deepthought}xx`).name, last(`${deepthought}xx`).value], ['after the body', 'xx']);
  const unread = last(`${netstring('SCGI', '1')}body`);
  assert.deepEqual([unread.name, unread.value, unread.says], ['unread', 'body', 'SCGI §3: SCGI stands first, not CONTENT_LENGTH']);
  assert.equal(last(`${netstring('CONTENT_LENGTH', '1000', 'SCGI', '1')}${'x'.repeat(1000)}`).value, `${'x'.repeat(200)} …`);
});
