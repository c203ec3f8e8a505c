/** Uploads of every size by every way: what the script gets, and gives back, is what the client sent, byte for byte. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { talk, Wire } from '../support/wire.js';
import { codeOf, expectAlive, witnessHouse } from './request.js';

const limit = 12 * 1024 * 1024;
const h = await witnessHouse({ maxBodyBytes: limit });
after(() => h.stop());
const streaming = await witnessHouse({ maxBodyBytes: limit, chunked: 'stream' });
after(() => streaming.stop());

const sizes = {
  '0': 0,
  '1 byte': 1,
  '1k': 1024,
  '10k': 10_240,
  '64 KiB': 65_536,
  '64 KiB + 1': 65_537,
  '100k': 102_400,
  '1m': 1024 ** 2,
  '10m': 10 * 1024 ** 2,
};

/** In chunks of uneven sizes. */
function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = (size * 7 + 3) % 40_000 || 1) {
    const piece = body.subarray(at, at + size);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

for (const [name, size] of Object.entries(sizes)) {
  for (const way of ['Content-Length', 'chunked, spooled', 'chunked, streamed'] as const) {
    for (const expect of [false, true]) {
      test(`upload: ${name}, ${way}${expect ? ', Expect: 100-continue' : ''}`, async () => {
        const body = randomBytes(size);
        const house = way === 'chunked, streamed' ? streaming : h;
        const framing = way === 'Content-Length' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
        const head = `POST /cgi-bin/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${framing}\r\n`;
        const wire = await Wire.open(house.port);
        wire.send(`${head}${expect ? 'Expect: 100-continue\r\n' : ''}\r\n`);
        if (expect && size > 0) assert.equal((await wire.answer()).status, 100);
        wire.send(way === 'Content-Length' ? body : chunked(body));
        const answer = await wire.finalAnswer({ timeoutMs: 60_000 });
        assert.equal(answer.status, 200);
        assert.ok(answer.complete);
        assert.ok(answer.body.equals(body), `${answer.body.length} bytes came back for ${size}, or others`);
        if (way === 'chunked, streamed') assert.equal(answer.get('x-length'), 'unset');
        else if (size > 0) assert.equal(answer.get('x-length'), String(size));
        wire.close();
      });
    }
  }
}

test('upload: exactly the limit is taken, one more byte is not', async () => {
  const request = (bytes: number) =>
    `POST /cgi-bin/len HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: ${bytes}\r\n\r\n`;
  const wire = await Wire.open(h.port);
  wire.send(request(limit));
  assert.equal((await wire.answer()).status, 100);
  wire.close();
  const over = await talk(h.port, request(limit + 1));
  assert.equal(over.status, 413);
  assert.equal(codeOf(over), 'BODY_TOO_LARGE');
  await expectAlive(h);
});

for (const [name, house] of [
  ['spooled', h],
  ['streamed', streaming],
] as const) {
  test(`upload: a chunked body over the limit is 413 (${name}), and leaves nothing behind`, async () => {
    const wire = await Wire.open(house.port);
    wire.send('POST /cgi-bin/count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    const block = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')]);
    let open = true;
    void wire.closed.then(() => {
      open = false;
    });
    for (let i = 0; i < 40 && open && wire.waiting().length === 0; i++) if (!(await wire.sent(block))) break;
    const answer = await wire.finalAnswer();
    assert.equal(answer.status, 413);
    assert.equal(codeOf(answer), 'BODY_TOO_LARGE');
    wire.close();
    await expectAlive(house);
  });
}

test('upload: twenty at once, chunked, interleaved, ended in another order', async () => {
  const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.open(h.port)));
  const bodies = wires.map((_, i) => randomBytes(5_000 * (i + 1)));
  for (const wire of wires) wire.send('POST /cgi-bin/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let part = 0; part < 5; part++) {
    for (const [i, wire] of wires.entries()) {
      const body = bodies[i]!;
      const piece = body.subarray((body.length / 5) * part, (body.length / 5) * (part + 1));
      wire.send(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
      await new Promise(setImmediate);
    }
  }
  for (const i of wires.keys()) wires[(i * 7) % 20]!.send('0\r\n\r\n');
  for (const [i, wire] of wires.entries()) {
    assert.ok((await wire.finalAnswer()).body.equals(bodies[i]!), `upload ${i}`);
    wire.close();
  }
});

test('upload: the answer flows while the upload does', async () => {
  const wire = await Wire.open(h.port);
  wire.send('POST /cgi-bin/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\n');
  for (const word of ['one', 'two', 'six']) {
    wire.send(word);
    await wire.seen(word); // only then the next is sent
  }
  assert.equal((await wire.finalAnswer()).text, 'onetwosix');
  wire.close();
});

test('upload: no spool file has a name', () => {
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith(`cgi-serve-${process.pid}-`)),
    [],
  );
});
