/** The measuring stick measured: a client that cannot tell a broken answer from a whole one would pass everything. */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { talk, Wire } from './wire.js';

/** Answers every connection with these bytes once the first request byte is in; then FIN, RST, or nothing. */
async function canned(t: TestContext, bytes: string, then: 'fin' | 'rst' | 'stay' = 'fin'): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(Buffer.from(bytes, 'latin1'), () => {
        if (then === 'fin') socket.end();
        if (then === 'rst') setTimeout(() => socket.resetAndDestroy(), 50); // let the bytes be read first
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

const rows: [name: string, bytes: string, then: 'fin' | 'rst' | 'stay', body: string, complete: boolean][] = [
  ['Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', 'stay', 'abc', true],
  ['Content-Length, short', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'fin', 'abc', false],
  ['until close', 'HTTP/1.1 200 OK\r\n\r\nabc', 'fin', 'abc', true],
  ['until close, reset', 'HTTP/1.1 200 OK\r\n\r\nabc', 'rst', 'abc', false],
  ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n', 'stay', 'abc', true],
  ['chunked, no last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'fin', 'abc', false],
  ['chunked, cut in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc', 'fin', 'abc', false],
  ['chunked, cut before the last CRLF', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n', 'fin', 'abc', false],
  ['chunked, reset', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'rst', 'abc', false],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 'stay', '', true],
  ['LF only', 'HTTP/1.0 200 OK\nX: 1\n\nabc', 'fin', 'abc', true],
  ['after 100', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na', 'stay', 'a', true],
];

for (const [name, bytes, then, body, complete] of rows) {
  test(`wire: ${name}`, async (t) => {
    const answer = await talk(await canned(t, bytes, then), 'x');
    assert.equal(answer.text, body);
    assert.equal(answer.complete, complete);
  });
}

test('wire: trailers and joined fields', async (t) => {
  const bytes = 'HTTP/1.1 200 OK\r\nA: 1\r\na:  2 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\nServer-Timing: exit\r\n\r\n';
  const answer = await talk(await canned(t, bytes, 'stay'), 'x');
  assert.equal(answer.get('A'), '1, 2');
  assert.deepEqual(answer.trailers, [['Server-Timing', 'exit']]);
  assert.equal(answer.raw.toString('latin1'), bytes);
});

test('wire: answers one after the other', async (t) => {
  const first = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na';
  const second = 'HTTP/1.1 404 Not Found\r\nContent-Length: 500\r\n\r\n';
  const wire = await Wire.open(await canned(t, first + second + first, 'fin'));
  wire.send('x');
  assert.equal((await wire.answer()).text, 'a');
  assert.equal((await wire.answer({ method: 'HEAD' })).status, 404);
  assert.equal((await wire.rest()).toString(), first);
  assert.equal(await wire.closed, 'end');
});

test('wire: nothing, and nonsense, are errors', async (t) => {
  await assert.rejects(talk(await canned(t, '', 'fin'), 'x'), /closed \(end\) where a status line/);
  await assert.rejects(talk(await canned(t, 'oops\r\n', 'fin'), 'x'), /not a status line/);
  await assert.rejects(talk(await canned(t, 'HTTP/1.1 200 OK\r\n', 'stay'), 'x', { timeoutMs: 100 }), /timed out/);
});
