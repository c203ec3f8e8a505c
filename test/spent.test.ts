/** A large piece is freed when it is written, and never where somebody else may still look at it. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { cgi } from '../src/index.js';
import { spentBytesMin } from '../src/limits.js';
import { freeWhenWritten } from '../src/spent.js';
import { house, node } from './support/house.js';
import { post } from './support/wire.js';

const echo = node(`process.stdout.write('Content-Type: application/octet-stream\\n\\n'); process.stdin.pipe(process.stdout);`);
const digest = (...pieces: Buffer[]): string => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};

test('a large piece alone in its memory is freed when it is out; others are left', () => {
  const large = Buffer.allocUnsafeSlow(spentBytesMin);
  freeWhenWritten(large)?.();
  assert.equal(large.length, 0);

  const unwritten = Buffer.allocUnsafeSlow(spentBytesMin);
  freeWhenWritten(unwritten)?.(new Error('the pipe broke'));
  assert.equal(unwritten.length, spentBytesMin);

  assert.equal(freeWhenWritten(Buffer.allocUnsafeSlow(spentBytesMin - 1)), undefined, 'too small to pay');
  assert.equal(freeWhenWritten(Buffer.allocUnsafeSlow(spentBytesMin * 2).subarray(spentBytesMin)), undefined, 'a part of something larger');
  assert.equal(freeWhenWritten(Buffer.from(new SharedArrayBuffer(spentBytesMin))), undefined, 'shared memory');
});

test('large bodies go both ways unchanged, many at once', async (t) => {
  const h = await house({ scripts: { 'echo.cgi': echo } });
  t.after(() => h.stop());
  const bodies = Array.from({ length: 6 }, () => randomBytes(3_000_000));
  const answers = await Promise.all(bodies.map((body) => post(h.port, '/cgi-bin/echo.cgi', body)));
  for (const [i, answer] of answers.entries()) {
    assert.ok(answer.complete);
    assert.equal(digest(answer.body), digest(bodies[i]!));
  }
});

test('a guest frees nothing that its host keeps: the body it listens to, the answer it wraps', async (t) => {
  const h = await house({ scripts: { 'echo.cgi': echo } });
  t.after(() => h.stop());
  const handler = cgi(h.dir, {});
  t.after(() => handler.close(50));
  const read: Buffer[] = [];
  const written: Buffer[] = [];
  const host = createServer((message, res) => {
    const { write } = res;
    res.write = (piece: Buffer): boolean => {
      written.push(piece);
      return write.call(res, piece, 'latin1');
    };
    void handler(message, res);
    message.on('data', (piece: Buffer) => read.push(piece));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    host.closeAllConnections();
    host.close();
  });
  const body = randomBytes(3_000_000);
  const answer = await post((host.address() as AddressInfo).port, '/cgi-bin/echo.cgi', body);
  assert.equal(digest(answer.body), digest(body));
  assert.ok(read.some(({ length }) => length >= spentBytesMin) && written.some(({ length }) => length >= spentBytesMin));
  assert.equal(digest(...read), digest(body));
  assert.equal(digest(...written), digest(body));
});
