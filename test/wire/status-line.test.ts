/**
 * Answers as SCGI and uwsgi programs give them: in CGI's form or in HTTP's, ended by the end of the connection. The line endings
 * are the edges lighttpd's mod-scgi.t walks; a status line cut anywhere is what nginx stumbled over (CVE-2026-42946).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFailure } from '../../src/failures.js';
import { replyParser } from '../../src/script/reply.js';
import { scgi } from '../../src/wire/scgi.js';
import { uwsgi } from '../../src/wire/uwsgi.js';
import type { TellingReader } from '../../src/wire/wire.js';
import { chance } from '../life/seeded.js';
import { bytes, cutAnywhere, oneByOne, tell } from './cuts.js';

const wires = [scgi, uwsgi({ modifier1: 0, modifier2: 0 })];

const answers: [why: string, told: string, passed: string][] = [
  ['CGI form', 'Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n42', 'Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n42'],
  ['HTTP form', 'HTTP/1.1 200 OK\r\nA: 1\r\n\r\n42', 'Status: 200 OK\r\nA: 1\r\n\r\n42'],
  ['HTTP/1.0, LF', 'HTTP/1.0 404 Not Found\nA: 1\n\n', 'Status: 404 Not Found\nA: 1\n\n'],
  ['no reason', 'HTTP/1.1 204\r\n\r\n', 'Status: 204\r\n\r\n'],
  ['only the first line counts', 'A: 1\n\nHTTP/1.1 200 OK\n', 'A: 1\n\nHTTP/1.1 200 OK\n'],
  ['two status lines', 'HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'Status: 100 \r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['no version', 'HTTP 200 OK\r\n\r\n', 'HTTP 200 OK\r\n\r\n'],
  ['no minor version', 'HTTP/2 200 OK\r\n\r\n', 'HTTP/2 200 OK\r\n\r\n'],
  ['no code', 'HTTP/1.1\r\n\r\n', 'HTTP/1.1\r\n\r\n'],
  ['a field that begins so', 'HTTP-Version: 1\n\n', 'HTTP-Version: 1\n\n'],
  ['small letters', 'http/1.1 200 OK\n\n', 'http/1.1 200 OK\n\n'],
  ['the start of a version, then the end', 'HTTP/1.', 'HTTP/1.'],
  ['a version, then the end', 'HTTP/1.1 ', 'Status: '],
  ['one byte', 'H', 'H'],
];

for (const wire of wires) {
  describe(`${wire.name}, an answer`, () => {
    for (const [why, told, passed] of answers) {
      test(why, () => {
        const story = [`output ${passed}`, 'ended undefined'];
        assert.deepEqual(tell(wire.readTelling(), [bytes(told)]), story);
        assert.deepEqual(tell(wire.readTelling(), oneByOne(bytes(told))), story);
        for (let at = 0; at <= told.length; at++) {
          assert.deepEqual(tell(wire.readTelling(), [bytes(told.slice(0, at)), bytes(told.slice(at))]), story, `cut at ${at}`);
        }
      });
    }

    test('nothing at all is a truncation', () => {
      const [line, ...more] = tell(wire.readTelling(), [Buffer.alloc(0)]);
      assert.match(line!, /^failed WIRE_TRUNCATED not one byte of answer/);
      assert.deepEqual(more, []);
    });

    test('at most eight bytes wait for the next ones', () => {
      const reader = wire.readTelling();
      assert.deepEqual(reader.push(bytes('HTTP/1.1')), []);
      assert.deepEqual(reader.push(bytes(' ')), [{ kind: 'output', bytes: bytes('Status: ') }]);
      const body = Buffer.alloc(100_000);
      assert.deepEqual(reader.push(body), [{ kind: 'output', bytes: body }]);
    });
  });
}

test('uwsgi: silence is explained by the commonest reason', () => {
  assert.match(tell(uwsgi({ modifier1: 0, modifier2: 0 }).readTelling(), [])[0]!, /buffer-size, 4096/);
});

/** What script/reply.ts makes of an answer. */
const headOf = (reader: TellingReader, pieces: Buffer[]): unknown => {
  const parser = replyParser();
  const told = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  for (const event of told) {
    if (event.kind !== 'output') continue;
    const parsed = parser.push(event.bytes);
    if (parsed !== undefined) return isFailure(parsed) ? parsed.code : parsed.head;
  }
  return parser.end().code;
};

test('both forms are judged alike', () => {
  const luck = chance(4);
  for (const end of ['\n', '\r\n']) {
    for (const status of ['200 OK', '404', '302 Found', '600 No', '99 No', '100 Continue', '200 \x01', '2000']) {
      for (const fields of [
        [],
        ['Content-Length: 2'],
        ['Location: /a'],
        ['Location: /a', 'A: 1'],
        ['Status: 500'],
        ['Transfer-Encoding: chunked'],
      ]) {
        const rest = [...fields, '', 'ok'].join(end);
        const cgi = headOf(scgi.readTelling(), [bytes(`Status: ${status}${end}${rest}`)]);
        for (const cut of [[bytes(`HTTP/1.1 ${status}${end}${rest}`)], oneByOne(bytes(`HTTP/1.1 ${status}${end}${rest}`))]) {
          assert.deepEqual(headOf(scgi.readTelling(), cut), cgi, `${status} ${fields}`);
        }
        const anywhere = cutAnywhere(bytes(`HTTP/1.0 ${status}${end}${rest}`), luck);
        assert.deepEqual(headOf(scgi.readTelling(), anywhere), cgi);
      }
    }
  }
});

test('what HTTP says of framing is not forwarded', () => {
  const head = (fields: string) => headOf(scgi.readTelling(), [bytes(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`)]);
  assert.equal(head('Transfer-Encoding: chunked'), 'REPLY_TRANSFER_ENCODING');
  assert.deepEqual((head('Connection: close, X-A\r\nX-A: 1\r\nKeep-Alive: 5\r\nX-B: 2') as { headers: string[] }).headers, ['X-B', '2']);
  assert.equal(head('Content-Length: 1\r\nContent-Length: 2'), 'REPLY_DUPLICATE_FIELD');
  // A redirect in HTTP is the client's: no path here is a local one.
  assert.deepEqual((head('Location: /a') as { kind: string }).kind, 'client-redirect');
});
