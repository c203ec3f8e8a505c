/**
 * uwsgi, both directions. Each vector three ways: whole, one byte at a time, and with bytes after it; then three laws: what is
 * asked is heard, where the pieces are cut changes nothing, and no bytes at all give anything but events and coded failures.
 * The cases of gunicorn's test_uwsgi.py and nginx's uwsgi_body.t are among them; where we are stricter, the line says so.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { uwsgiVariablesBytesMax, wireVariablesMax } from '../../src/limits.js';
import { fieldsOf, modifiers, uwsgi } from '../../src/wire/uwsgi.js';
import type { Asking } from '../../src/wire/wire.js';
import { type Chance, chance } from '../life/seeded.js';
import { asFailure, assertTiles, bytes, cutAnywhere, garbageLaw, oneByOne, tell } from './cuts.js';

const wsgi = uwsgi({ modifier1: 0, modifier2: 0 });

const sized = (text: string): string => String.fromCharCode(text.length & 255, text.length >> 8) + text;
/** Strings, each behind its length, as a packet. */
const packet = (strings: string[], modifier1 = 0, modifier2 = 0): string => {
  const vars = strings.map(sized).join('');
  return String.fromCharCode(modifier1, vars.length & 255, vars.length >> 8, modifier2) + vars;
};
const heard = (request: string): string[] => tell(wsgi.readAsking(), [bytes(request)]);
const variables = (...strings: string[]): string => `variables ${JSON.stringify(strings)}`;
const asked = (meta: [string, string][], wire = wsgi): Asking => {
  const asking = wire.ask(new Map(meta));
  assert.ok('opening' in asking);
  return asking;
};

// --- what a request is ----------------------------------------------------------------------------------------------

const after = 'failed WIRE_BROKEN uwsgi#2336: More bytes than CONTENT_LENGTH says, which must not be read as a next packet.';

const good: [why: string, request: string, ...story: string[]][] = [
  ['no variables', '\0\0\0\0', variables(), 'bodyEnd'],
  ['one variable', '\0\x0a\0\0\x03\0KEY\x03\0val', variables('KEY', 'val'), 'bodyEnd'],
  ['two', packet(['A', '1', 'B', '2']), variables('A', '1', 'B', '2'), 'bodyEnd'],
  [
    'a simple request',
    packet(['REQUEST_METHOD', 'GET', 'PATH_INFO', '/test', 'QUERY_STRING', 'foo=bar']),
    variables('REQUEST_METHOD', 'GET', 'PATH_INFO', '/test', 'QUERY_STRING', 'foo=bar'),
    'bodyEnd',
  ],
  ['a body', `${packet(['CONTENT_LENGTH', '6'])}foobar`, variables('CONTENT_LENGTH', '6'), 'body foobar', 'bodyEnd'],
  ['an empty body', packet(['CONTENT_LENGTH', '0']), variables('CONTENT_LENGTH', '0'), 'bodyEnd'],
  ['an empty CONTENT_LENGTH, as nginx sends it', packet(['CONTENT_LENGTH', '']), variables('CONTENT_LENGTH', ''), 'bodyEnd'],
  ['an empty value', packet(['A', '', 'B', '']), variables('A', '', 'B', ''), 'bodyEnd'],
  ['any name', packet(['wsgi.url_scheme', 'https', 'é=\0', '\0']), variables('wsgi.url_scheme', 'https', 'é=\0', '\0'), 'bodyEnd'],
  ['a length of two bytes', packet(['A', 'x'.repeat(300)]), variables('A', 'x'.repeat(300)), 'bodyEnd'],
  ['a name twice, as nginx sent repeated fields: the last counts', packet(['A', '1', 'A', '2']), variables('A', '2'), 'bodyEnd'],
  ['PSGI', packet(['A', '1'], 5), variables('A', '1'), 'bodyEnd'],
  ['CGI, modifier2 set', packet(['A', '1'], 9, 255), variables('A', '1'), 'bodyEnd'],
];

describe('uwsgi, a request is heard', () => {
  for (const [why, request, ...story] of good) {
    test(why, () => {
      assert.deepEqual(heard(request), story);
      assert.deepEqual(tell(wsgi.readAsking(), oneByOne(bytes(request))), story);
      for (const trail of ['x', packet(['REQUEST_METHOD', 'DELETE']), '\xc8\0\0\0']) {
        assert.deepEqual(heard(request + trail), [...story, after]);
        assert.deepEqual(tell(wsgi.readAsking(), oneByOne(bytes(request + trail))), [...story, after]);
      }
    });
  }

  test('a body that is itself a packet is a body', () => {
    const smuggled = packet(['REQUEST_METHOD', 'DELETE', 'PATH_INFO', '/admin']);
    const request = packet(['CONTENT_LENGTH', String(smuggled.length)]) + smuggled;
    assert.deepEqual(heard(request), [variables('CONTENT_LENGTH', String(smuggled.length)), `body ${smuggled}`, 'bodyEnd']);
  });
});

// --- what is none ---------------------------------------------------------------------------------------------------

const bad: [why: string, request: string, story: string][] = [
  ['an empty name', packet(['', '1']), 'uwsgi, the vars: a name is empty'],
  ['a block of one byte', '\0\x01\0\0X', 'uwsgi, the vars: the last variable is longer than the rest of the block'],
  ['a name longer than the block', '\0\x03\0\0\x05\0A', 'uwsgi, the vars: the last variable is longer than the rest of the block'],
  ['a name without a value', '\0\x03\0\0\x01\0A', 'uwsgi, the vars: the last variable is longer than the rest of the block'],
  ['half a length of a value', '\0\x04\0\0\x01\0A\x01', 'uwsgi, the vars: the last variable is longer than the rest of the block'],
  ['a value one byte longer', '\0\x06\0\0\x01\0A\x02\x00' + '1', 'uwsgi, the vars: the last variable is longer than the rest of the block'],
  [
    'a value longer than the block',
    '\0\x06\0\0\x01\0A\xff\xff1',
    'uwsgi, the vars: the last variable is longer than the rest of the block',
  ],
  // gunicorn takes these three for 0, uWSGI the last for 12: two programs then disagree about where the body ends.
  ['CONTENT_LENGTH no number', packet(['CONTENT_LENGTH', 'invalid']), 'uwsgi, the vars: CONTENT_LENGTH is "invalid", not a number'],
  ['a negative one', packet(['CONTENT_LENGTH', '-5']), 'uwsgi, the vars: CONTENT_LENGTH is "-5", not a number'],
  ['letters behind it', packet(['CONTENT_LENGTH', '12abc']), 'uwsgi, the vars: CONTENT_LENGTH is "12abc", not a number'],
  ['two of them', packet(['CONTENT_LENGTH', '1', 'CONTENT_LENGTH', '2']), 'uwsgi, the vars: CONTENT_LENGTH stands twice'],
  ['PING', 'd\0\0\0', 'uwsgi, packet descriptions: modifier1 100 is no request: PING, or PONG with modifier2 1'],
  ['the close mark', '\xc8\0\0\0', 'uwsgi, packet descriptions: modifier1 200 is no request: close mark of a kept connection'],
  ['code', '\x16\x05\0\0print', 'uwsgi, packet descriptions: modifier1 22 is no request: code to be evaluated'],
  ['modifier1 1', '\x01\0\0\0', 'uwsgi, packet descriptions: modifier1 1 is no request: not assigned'],
  [
    'HTTP',
    'GET / HTTP/1.1\r\n\r\n',
    'uwsgi, packet header: HTTP, sent to a uwsgi port: "GET " reads as modifier1 71, datasize 21573, modifier2 32',
  ],
  [
    'HTTP, POST',
    'POST / HTTP/1.1\r\n\r\n',
    'uwsgi, packet header: HTTP, sent to a uwsgi port: "POST" reads as modifier1 80, datasize 21327, modifier2 84',
  ],
  [
    'an HTTP answer',
    'HTTP/1.1 200 OK\r\n',
    'uwsgi, packet header: an HTTP answer, sent to a uwsgi port: "HTTP" reads as modifier1 72, datasize 21588, modifier2 80',
  ],
  [
    'FastCGI',
    '\x01\x01\0\x01\0\x08\0\0',
    'uwsgi, packet header: FastCGI, sent to a uwsgi port: "\\x01\\x01\\x00\\x01" reads as modifier1 1, datasize 1, modifier2 1',
  ],
  [
    'FastCGI, GET_VALUES',
    '\x01\x09\0\0\0\0\0\0',
    'uwsgi, packet header: FastCGI, sent to a uwsgi port: "\\x01\x09\\x00\\x00" reads as modifier1 1, datasize 9, modifier2 0',
  ],
  [
    'TLS',
    '\x16\x03\x01\x02\0\x01',
    'uwsgi, packet header: TLS, sent to a uwsgi port: "\\x16\\x03\\x01\\x02" reads as modifier1 22, datasize 259, modifier2 2',
  ],
  [
    'SCGI',
    '70:CONTENT_LENGTH\0',
    'uwsgi, packet header: SCGI, sent to a uwsgi port: "70:C" reads as modifier1 55, datasize 14896, modifier2 67',
  ],
];

describe('uwsgi, no request', () => {
  for (const [why, request, story] of bad) {
    test(why, () => {
      assert.deepEqual(heard(request), [`failed WIRE_BROKEN ${story}`]);
      assert.deepEqual(tell(wsgi.readAsking(), oneByOne(bytes(request))), [`failed WIRE_BROKEN ${story}`]);
      assert.deepEqual(heard(`${request}\0\0\0\0`), [`failed WIRE_BROKEN ${story}`], 'nothing is heard after a failure');
    });
  }

  test('cut short at every byte', () => {
    const request = `${packet(['A', '1', 'CONTENT_LENGTH', '6'])}foobar`;
    for (let at = 1; at < request.length; at++) {
      const story = heard(request.slice(0, at));
      assert.match(story.at(-1)!, /^failed WIRE_TRUNCATED the connection ended after /, `after ${at}`);
      assert.equal(story.includes('bodyEnd'), false);
    }
    assert.match(heard('\0\0').at(-1)!, /after 2 bytes$/);
    assert.match(heard('\0\x64\0\0' + '1234567890').at(-1)!, /after 10 of 100 bytes of the variables$/);
    assert.match(heard(request.slice(0, -2)).at(-1)!, /after 4 of 6 bytes of the body$/);
    assert.deepEqual(heard(''), [], 'a connection nobody spoke on');
  });

  test('more variables than are taken', () => {
    const many = (count: number) => heard(packet(Array.from({ length: count }, (_, i) => [`V${i}`, '']).flat())).at(-1);
    assert.equal(many(wireVariablesMax), 'bodyEnd');
    assert.equal(many(wireVariablesMax + 1), `failed WIRE_VARIABLES_TOO_LARGE more than ${wireVariablesMax} variables`);
  });
});

// --- asking ---------------------------------------------------------------------------------------------------------

describe('uwsgi, a request is asked', () => {
  test('bytes', () => {
    assert.equal(asked([]).opening.toString('latin1'), '\0\0\0\0');
    assert.equal(asked([['KEY', 'val']]).opening.toString('latin1'), '\0\x0a\0\0\x03\0KEY\x03\0val');
    assert.equal(asked([['é', '€']]).opening.toString('latin1'), '\0\x09\0\0\x02\0\xc3\xa9\x03\0\xe2\x82\xac');
    assert.equal(asked([['A', '']], uwsgi({ modifier1: 5, modifier2: 255 })).opening.toString('latin1'), '\x05\x05\0\xff\x01\0A\0\0');
  });

  test('the body is raw', () => {
    const asking = asked([['CONTENT_LENGTH', '6']]);
    assert.deepEqual(asking.body(bytes('foobar')), [bytes('foobar')]);
    assert.deepEqual(asking.body(Buffer.alloc(0)), []);
    assert.deepEqual(asking.bodyEnd(), []);
    assert.equal(asking.abort(), undefined);
  });

  test('CONTENT_LENGTH is left out when empty, and said when 0', () => {
    assert.equal(asked([['CONTENT_LENGTH', '']]).opening.toString('latin1'), '\0\0\0\0');
    assert.equal(asked([['CONTENT_LENGTH', '0']]).opening.toString('latin1'), packet(['CONTENT_LENGTH', '0']));
  });

  test('64 KiB and not a byte more', () => {
    const of = (total: number): [string, string][] => [
      ['A', '1'],
      ['HTTP_COOKIE', 'x'.repeat(total - 6 - 15)],
    ];
    const whole = asked(of(uwsgiVariablesBytesMax)).opening;
    assert.equal(whole.length, 4 + uwsgiVariablesBytesMax);
    assert.equal(whole.readUInt16LE(1), 65_535);
    assert.equal(tell(wsgi.readAsking(), [whole]).at(-1), 'bodyEnd');
    const { code, evidence } = asFailure(wsgi.ask(new Map(of(uwsgiVariablesBytesMax + 1))));
    assert.equal(code, 'WIRE_VARIABLES_TOO_LARGE');
    assert.equal(evidence.detail, '65536 bytes of variables, uwsgi carries 65535; the largest is HTTP_COOKIE, 65530 bytes');
  });

  test('an empty name', () => {
    assert.equal(asFailure(wsgi.ask(new Map([['', '1']]))).code, 'WIRE_VARIABLE_INVALID');
  });
});

test('modifier1: what a web server may ask for, and what it may not', () => {
  for (const [number, { meaning, request }] of modifiers) {
    const [line] = heard(`${String.fromCharCode(number)}\0\0\0`);
    assert.ok(line!.startsWith(request ? 'variables' : 'failed WIRE_BROKEN'), `${number}: ${line}`);
    assert.match(meaning, /\S/);
  }
  assert.deepEqual(
    [...modifiers.keys()],
    [...modifiers.keys()].sort((a, b) => a - b),
  );
});

// --- laws -----------------------------------------------------------------------------------------------------------

test('what is asked is heard, however it is cut', () => {
  const luck = chance(1);
  for (let round = 0; round < 600; round++) {
    const body = luck.bytes(luck.pick([0, 1, 7, 300]));
    const text = (size: number) =>
      Array.from({ length: luck.below(size) }, () => luck.pick(['a', 'B', '/', '\0', 'é', '€', '😀', '\n'])).join('');
    const meta = Array.from({ length: luck.below(8) }, (_, i): [string, string] => [`${text(4)}V${i}`, text(luck.pick([3, 400]))]);
    if (body.length > 0) meta.splice(luck.below(meta.length + 1), 0, ['CONTENT_LENGTH', String(body.length)]);
    const { opening, ...asking } = asked(meta);
    const request = Buffer.concat([opening, ...cutAnywhere(body, luck).flatMap(asking.body), ...asking.bodyEnd()]);
    const story = [variables(...meta.flat()), ...(body.length > 0 ? [`body ${body.toString('latin1')}`] : []), 'bodyEnd'];
    assert.deepEqual(tell(wsgi.readAsking(), cutAnywhere(request, luck)), story, `round ${round}`);
    assertTiles(fieldsOf(request), request);
  }
});

test('garbage gives events or a coded failure, the same however it is cut', () => {
  const someBytes = (luck: Chance): string => {
    const parts = Array.from({ length: luck.below(8) }, () =>
      luck.pick(['CONTENT_LENGTH', '0', '5', 'A', '', '/', 'é', '\xff\xff', luck.bytes(luck.below(6)).toString('latin1')]),
    );
    const request = luck.maybe(0.7) ? packet(parts, luck.pick([0, 0, 0, 5, 14, 100]), luck.below(256)) : parts.join('');
    return luck.maybe(0.3) ? request + parts.join('') : request;
  };
  garbageLaw({ hear: wsgi.readAsking, fieldsOf, someBytes });
});

// --- fields ---------------------------------------------------------------------------------------------------------

test('the fields of a request', () => {
  const request = bytes(`${packet(['KEY', 'val', 'CONTENT_LENGTH', '3', 'A', ''], 5)}abc`);
  const fields = fieldsOf(request);
  assert.deepEqual(
    fields.map(({ at, bytes, name, value, rule }) => [at, bytes, name, value, rule]),
    [
      [0, 1, 'modifier1', '5: PSGI (Perl)', 'uwsgi, packet header'],
      [1, 2, 'datasize', '34', 'uwsgi, packet header'],
      [3, 1, 'modifier2', '0', 'uwsgi, packet header'],
      [4, 2, 'key_size', '3', 'uwsgi, the vars'],
      [6, 3, 'key', 'KEY', 'uwsgi, the vars'],
      [9, 2, 'val_size', '3', 'uwsgi, the vars'],
      [11, 3, 'val', 'val', 'uwsgi, the vars'],
      [14, 2, 'key_size', '14', 'uwsgi, the vars'],
      [16, 14, 'key', 'CONTENT_LENGTH', 'uwsgi, the vars'],
      [30, 2, 'val_size', '1', 'uwsgi, the vars'],
      [32, 1, 'val', '3', 'uwsgi, the vars'],
      [33, 2, 'key_size', '1', 'uwsgi, the vars'],
      [35, 1, 'key', 'A', 'uwsgi, the vars'],
      [36, 2, 'val_size', '0', 'uwsgi, the vars'],
      [38, 3, 'body', 'abc', 'uwsgi, packet descriptions'],
    ],
  );
  for (let at = 0; at < request.length; at++) {
    const part = fieldsOf(request.subarray(0, at));
    assertTiles(part, request.subarray(0, at));
    const cut = fields.some((field) => field.at < at && at < field.at + field.bytes);
    assert.equal(part.at(-1)?.partial, cut ? true : undefined, `after ${at}`);
  }
});

test('the fields of what is no request', () => {
  const last = (request: string) => fieldsOf(bytes(request)).at(-1)!;
  assert.match(last('GET / HTTP/1.1\r\n').says, /"GET " reads as modifier1 71, datasize 21573, modifier2 32/);
  assert.equal(last(`${packet(['A', '1'])}xx`).name, 'after the body');
  assert.deepEqual(
    [last(`${packet(['', '1'])}xx`).name, last(`${packet(['', '1'])}xx`).says],
    ['unread', 'uwsgi, the vars: a name is empty'],
  );
  // Lengths that lie do not lead out of the block.
  assert.deepEqual(
    fieldsOf(bytes('\0\x05\0\0\xff\xffabcde')).map(({ bytes, name }) => [bytes, name]),
    [
      [1, 'modifier1'],
      [2, 'datasize'],
      [1, 'modifier2'],
      [2, 'key_size'],
      [3, 'key'],
      [2, 'unread'],
    ],
  );
});
