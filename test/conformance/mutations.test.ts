/**
 * The fuzz law, from the client's side: whatever is sent, there is an answer that is HTTP or an orderly end, and the server goes
 * on. Good requests with some bytes changed, from a seed that a failure names, so that it can be had again (life/seeded.ts).
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Chance, chance, seed } from '../life/seeded.js';
import { Wire } from '../support/wire.js';
import { codeOf, expectAlive, witnessHouse } from './request.js';

const h = await witnessHouse();
after(() => h.stop());

const requests = 1_500;
const atOnce = 8;

const good = [
  'GET /cgi-bin/ok HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n',
  'GET /cgi-bin/env/a%20b/../c?x=1&y=%zz HTTP/1.1\r\nHost: [::1]:8000\r\nCookie: a=b\r\nConnection: close\r\n\r\n',
  'HEAD http://example.org/cgi-bin/ok HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /cgi-bin/ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'POST /cgi-bin/len HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello',
  'POST /cgi-bin/len HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n',
  'POST /cgi-bin/deaf HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
  'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\nGET /cgi-bin/ok HTTP/1.1\r\nHost: localhost\r\n\r\n',
];
const spices = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  '%',
  '%00',
  '/',
  '..',
  '\x80',
  '\xff',
  '0',
  '9999999999',
  ',',
  ';',
  '"',
  'chunked',
  'HTTP/1.1',
];

function mutate({ pick, below }: Chance): string {
  let text = pick(good);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(text.length + 1);
    const span = below(8);
    switch (below(5)) {
      case 0: // replace
        text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
        break;
      case 1: // insert
        text = text.slice(0, at) + pick(spices) + text.slice(at);
        break;
      case 2: // remove
        text = text.slice(0, at) + text.slice(at + span);
        break;
      case 3: // repeat
        text = text.slice(0, at) + text.slice(at, at + span).repeat(1 + below(20)) + text.slice(at);
        break;
      default: // cut off
        if (below(4) === 0) text = text.slice(0, at);
    }
  }
  return text;
}

test(`mutations: ${requests} requests, CGI_SERVE_SEED=${seed}`, async () => {
  const luck = chance(seed);
  const queue = Array.from({ length: requests }, () => mutate(luck));
  const one = async (text: string): Promise<void> => {
    const wire = await Wire.open(h.port);
    try {
      wire.send(text);
      wire.end();
      const bytes = (await wire.rest()).toString('latin1');
      const where = `CGI_SERVE_SEED=${seed} ${JSON.stringify(text)} → ${JSON.stringify(bytes.slice(0, 300))}`;
      assert.match(bytes, /^(HTTP\/1\.1 \d{3} |$)/, where);
      // A complete head is always answered.
      if (bytes === '') assert.ok(!/\S[\s\S]*\r\n\r\n/.test(text), `no answer: ${where}`);
      const status = Number(bytes.slice(9, 12));
      assert.ok(status !== 500 && status !== 502, `our fault, or the script's: ${where}`);
    } finally {
      wire.close();
    }
  };
  const lane = async (): Promise<void> => {
    for (let text = queue.pop(); text !== undefined; text = queue.pop()) await one(text);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  await expectAlive(h);
});

test('mutations: every refusal was told with a code', async () => {
  for (const exchange of h.exchanges) {
    if (exchange.status >= 400) assert.ok(exchange.failure, `${exchange.method} ${exchange.target} ${exchange.status}`);
  }
  const wire = await Wire.open(h.port);
  wire.send('\x16\x03\x01');
  wire.end();
  const answer = await wire.finalAnswer();
  assert.equal(codeOf(answer), 'BAD_REQUEST');
  wire.close();
});
