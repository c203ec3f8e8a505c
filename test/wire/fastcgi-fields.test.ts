/**
 * What is shown of a FastCGI conversation: the fields of every record, in the order of their bytes. Then the law that lets hex be
 * coloured: fields cover a stream without a gap, whatever its bytes are.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldsOfStream, type OpenPair, openPairOf } from '../../src/wire/fastcgi-fields.js';
import {
  recordReader,
  recordType,
  writeBegin,
  writeEnd,
  writeParams,
  writeRecord,
  writeStream,
  writeUnknownType,
  writeValues,
} from '../../src/wire/fastcgi-records.js';
import { chance } from '../life/seeded.js';
import { assertTiles, bytes, cutAnywhere } from './cuts.js';

/** `24+1 nameLength 11`; of the six fields of a header only type, id and lengths. */
const lines = (stream: Buffer): string[] => {
  const shown: string[] = [];
  let header: string[] = [];
  for (const { at, bytes: count, name, value } of fieldsOfStream(stream)) {
    if (name === 'version') header = [String(at)];
    else if (['type', 'requestId', 'contentLength'].includes(name) && header.length > 0) header.push(value);
    else if (name === 'paddingLength') header.push(`+${value}`);
    else if (name === 'reserved' && header.length > 0) {
      shown.push(header.join(' '));
      header = [];
    } else shown.push(`${at}+${count} ${name} ${value}`.trimEnd());
  }
  return shown;
};

describe('fields', () => {
  test('a request and its answer: the specification’s third example', () => {
    const pairs = '\x0b\x02SERVER_PORT80\x0b\x0eSERVER_ADDR199.170.183.42';
    const stream = Buffer.concat([
      writeBegin(1, 1, 0),
      writeRecord(recordType.PARAMS, 1, bytes(pairs)),
      writeRecord(recordType.PARAMS, 1),
      writeRecord(recordType.STDIN, 1),
      writeRecord(recordType.STDOUT, 1, bytes('Content-type: text/html\r\n\r\n<ht')),
      writeRecord(recordType.STDERR, 1, bytes('config error: missing SI_UID\n')),
      writeRecord(recordType.STDOUT, 1, bytes('ml>')),
      writeRecord(recordType.STDOUT, 1),
      writeRecord(recordType.STDERR, 1),
      writeEnd(1, 938, 0),
    ]);
    assertTiles(fieldsOfStream(stream), stream);
    assert.deepEqual(lines(stream), [
      '0 BEGIN_REQUEST 1 8 +0',
      '8+2 role RESPONDER',
      '10+1 flags 0',
      '11+5 reserved',
      '16 PARAMS 1 42 +6',
      '24+1 nameLength 11',
      '25+1 valueLength 2',
      '26+11 nameData SERVER_PORT',
      '37+2 valueData 80',
      '39+1 nameLength 11',
      '40+1 valueLength 14',
      '41+11 nameData SERVER_ADDR',
      '52+14 valueData 199.170.183.42',
      '66+6 paddingData',
      '72 PARAMS 1 0 +0',
      '80 STDIN 1 0 +0',
      '88 STDOUT 1 30 +2',
      '96+30 contentData Content-type: text/html\\x0d\\x0a\\x0d\\x0a<ht',
      '126+2 paddingData',
      '128 STDERR 1 29 +3',
      '136+29 contentData config error: missing SI_UID\\x0a',
      '165+3 paddingData',
      '168 STDOUT 1 3 +5',
      '176+3 contentData ml>',
      '179+5 paddingData',
      '184 STDOUT 1 0 +0',
      '192 STDERR 1 0 +0',
      '200 END_REQUEST 1 8 +0',
      '208+4 appStatus 938',
      '212+1 protocolStatus REQUEST_COMPLETE',
      '213+3 reserved',
    ]);
  });

  test('a pair that two records share: the specification’s second example', () => {
    const stream = Buffer.concat([
      writeRecord(recordType.PARAMS, 1, bytes('\x0b\x02SERVER_PORT80\x0b\x0eSER')),
      writeRecord(recordType.PARAMS, 1, bytes('VER_ADDR199.170.183.42\x01\x01A1')),
    ]);
    assertTiles(fieldsOfStream(stream), stream);
    assert.deepEqual(lines(stream).slice(5), [
      '23+1 nameLength 11',
      '24+1 valueLength 14',
      '25+3 nameData SER',
      '28+4 paddingData',
      '32 PARAMS 1 26 +6',
      '40+8 nameData VER_ADDR',
      '48+14 valueData 199.170.183.42',
      '62+1 nameLength 1',
      '63+1 valueLength 1',
      '64+1 nameData A',
      '65+1 valueData 1',
      '66+6 paddingData',
    ]);
  });

  test('long lengths, asked values, an unknown type, a Filter on a kept connection', () => {
    const stream = Buffer.concat([
      writeValues(recordType.GET_VALUES, new Map([['FCGI_MAX_CONNS', '']])),
      writeUnknownType(77),
      writeBegin(2, 3, 1),
      writeParams(2, new Map([['A', 'x'.repeat(300)]])) as Buffer,
      writeRecord(77, 0, bytes('?')),
    ]);
    assertTiles(fieldsOfStream(stream), stream);
    assert.deepEqual(lines(stream), [
      '0 GET_VALUES 0 16 +0',
      '8+1 nameLength 14',
      '9+1 valueLength 0',
      '10+14 nameData FCGI_MAX_CONNS',
      '24 UNKNOWN_TYPE 0 8 +0',
      '32+1 type 77',
      '33+7 reserved',
      '40 BEGIN_REQUEST 2 8 +0',
      '48+2 role FILTER',
      '50+1 flags KEEP_CONN (1)',
      '51+5 reserved',
      '56 PARAMS 2 306 +6',
      '64+1 nameLength 1',
      '65+4 valueLength 300',
      '69+1 nameData A',
      `70+300 valueData ${'x'.repeat(200)}…`,
      '370+6 paddingData',
      '376 PARAMS 2 0 +0',
      '384 type 77 0 1 +7',
      '392+1 contentData ?',
      '393+7 paddingData',
    ]);
  });

  test('bodies that are too short or too long', () => {
    const shown = (type: number, content: string) => lines(writeRecord(type, 1, bytes(content))).slice(1, -1);
    assert.deepEqual(shown(recordType.BEGIN_REQUEST, '\0'), ['8+1 role']);
    assert.deepEqual(shown(recordType.BEGIN_REQUEST, '\0\x09\0'), ['8+2 role role 9', '10+1 flags 0']);
    assert.deepEqual(shown(recordType.END_REQUEST, '\0\0\0\x01\x02\0\0\0more'), [
      '8+4 appStatus 1',
      '12+1 protocolStatus OVERLOADED',
      '13+3 reserved',
      '16+4 contentData more',
    ]);
    assert.deepEqual(shown(recordType.ABORT_REQUEST, 'x'), ['8+1 contentData x']);
    assert.deepEqual(shown(recordType.PARAMS, '\x01\x80\0'), ['8+3 lengths']);
    assert.deepEqual(shown(recordType.PARAMS, '\x01\x80\0\x01\0a'), ['8+1 nameLength 1', '9+4 valueLength 256', '13+1 nameData a']);
  });

  test('a stream that is cut shows what is there of its last record', () => {
    const stream = Buffer.concat([writeBegin(1, 1, 0), writeRecord(recordType.PARAMS, 1, bytes('\x01\x80\0\x01\0Abcd'))]);
    for (let length = 0; length <= stream.length; length += 1)
      assertTiles(fieldsOfStream(stream.subarray(0, length)), stream.subarray(0, length));
    const last = (length: number) => {
      const { name, value, partial } = fieldsOfStream(stream.subarray(0, length)).at(-1)!;
      return [name, value, partial];
    };
    assert.deepEqual(last(9), ['role', '', true]);
    assert.deepEqual(last(16), ['reserved', '', undefined]);
    assert.deepEqual(last(19), ['requestId', '', true]);
    assert.deepEqual(last(27), ['valueLength', '', true]);
    assert.deepEqual(last(31), ['valueData', 'b', true]);
    assert.deepEqual(last(34), ['paddingData', '', true]);
  });

  test('bytes that are no records are one field, which says so', () => {
    const http = fieldsOfStream(bytes('HTTP/1.1 400 Bad Request\r\n'));
    assertTiles(http, bytes('HTTP/1.1 400 Bad Request\r\n'));
    assert.match(http[0]?.says ?? '', /an HTTP answer/);
    const after = Buffer.concat([writeEnd(1, 0, 0), bytes('GET')]);
    assertTiles(fieldsOfStream(after), after);
    assert.deepEqual(fieldsOfStream(after).at(-1)?.name, 'not FastCGI');
  });

  test('every field names its section and says something', () => {
    const stream = Buffer.concat([
      ...Object.values(recordType).map((type) => writeRecord(type, 1, bytes('\x01\x01a1more'))),
      writeRecord(recordType.PARAMS, 0),
      writeRecord(99, 1, bytes('x')),
    ]);
    for (const { rule, says, name } of fieldsOfStream(stream)) {
      assert.match(rule, /^FastCGI §\d\.\d$/, name);
      assert.match(says, /^[A-Z].*\.$/, name);
    }
  });
});

describe('laws', () => {
  test('wherever PARAMS are cut into records, names and values are the same bytes', () => {
    for (let round = 0; round < 80; round += 1) {
      const luck = chance(round);
      const pairs = Array.from(
        { length: 1 + luck.below(6) },
        (_, i) => [`${'N'.repeat(luck.pick([1, 3, 200]))}${i}`, 'v'.repeat(luck.pick([0, 1, 5, 300]))] as const,
      );
      const [first] = recordReader().push(writeParams(1, new Map(pairs)) as Buffer);
      const content = first!.content;
      const stream = Buffer.concat(
        cutAnywhere(content, luck)
          .filter((piece) => piece.length > 0)
          .map((piece) => writeRecord(recordType.PARAMS, 1, piece)),
      );
      const fields = fieldsOfStream(stream);
      assertTiles(fields, stream);
      const all = (name: string) =>
        Buffer.concat(
          fields.filter((field) => field.name === name).map(({ at, bytes: count }) => stream.subarray(at, at + count)),
        ).toString();
      assert.equal(all('nameData'), pairs.map(([name]) => name).join(''), `round ${round}`);
      assert.equal(all('valueData'), pairs.map(([, value]) => value).join(''), `round ${round}`);
      const last = recordReader()
        .push(stream)
        .reduce<OpenPair | undefined>((open, record) => openPairOf(record, open), undefined);
      assert.equal(last, undefined, 'the last pair is whole');
    }
  });

  test('any records whatever are covered by their fields', () => {
    for (let round = 0; round < 300; round += 1) {
      const luck = chance(round);
      const stream = Buffer.concat(
        Array.from({ length: 1 + luck.below(5) }, () => {
          const content = luck.maybe(0.5)
            ? luck.bytes(luck.below(40))
            : Buffer.from(luck.pick(['\x01\x01A1', '\x80\0\0\x02\x01Ab1', '\xff']).repeat(luck.below(9)), 'latin1');
          const type = luck.maybe(0.7) ? recordType.PARAMS : luck.below(256);
          return content.length > 0 ? Buffer.concat(writeStream(type, luck.below(3), content)) : writeRecord(type, 1);
        }),
      );
      const cut = stream.subarray(0, luck.below(stream.length + 1));
      assertTiles(fieldsOfStream(cut), cut);
      const spoilt = luck.bytes(luck.below(30));
      if (luck.maybe(0.5)) spoilt[0] = 1;
      assertTiles(fieldsOfStream(Buffer.concat([stream, spoilt])), Buffer.concat([stream, spoilt]));
    }
  });
});
