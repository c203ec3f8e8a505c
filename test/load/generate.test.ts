/** The generator against servers that do one thing each: what it counts, and from when. Never how fast. */
import assert from 'node:assert/strict';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { generate, type Job } from '../../src/load/generate.js';
import { startGenerator } from '../../src/load/generator.js';
import { latencies } from '../../src/load/latencies.js';
import type { Loop } from '../../src/load/plan.js';

const closed = (users: number): Loop => ({ kind: 'closed', users });

const jobFor = (port: number, loop: Loop, forMs: number): Job => ({
  aim: { address: '127.0.0.1', port },
  request: Buffer.from('GET /x HTTP/1.1\r\nHost: a\r\n\r\n'),
  bodiless: false,
  loop,
  forMs,
});

const listening = async (t: TestContext, server: Server | HttpServer): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
};

test('closed loop: each user has one request on its way, and every answer is counted once', async (t) => {
  let asked = 0;
  let now = 0;
  let most = 0;
  let connections = 0;
  const server = createServer((_, res) => {
    asked += 1;
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      res.end('hello');
    }, 2);
  });
  server.on('connection', () => {
    connections += 1;
  });
  const port = await listening(t, server);
  const harvest = await generate(jobFor(port, closed(3), 300));
  assert.deepEqual([harvest.latenciesMs.length, harvest.failed, harvest.fromSentMs.length], [asked, {}, 0]);
  assert.ok(asked >= 3 && most <= 3, `${asked} asked, ${most} at once`);
  assert.equal(connections, 3);
  assert.ok(
    harvest.latenciesMs.every((ms) => ms >= 1 && ms <= harvest.tookMs),
    'no answer comes before the server gives it',
  );
  assert.ok(harvest.tookMs >= 300 && harvest.cpuMs > 0);
});

test('no time at all is one request of each user', async (t) => {
  const port = await listening(
    t,
    createServer((_, res) => res.end('.')),
  );
  assert.equal((await generate(jobFor(port, closed(5), 0))).latenciesMs.length, 5);
  assert.equal((await generate(jobFor(port, { kind: 'open', perSecond: 7, connections: 2 }, 0))).latenciesMs.length, 1);
});

test('failures are counted by what they are, and have no latency', async (t) => {
  let count = 0;
  const server = createServer((_, res) => {
    count += 1;
    if (count % 4 === 0) return void res.socket?.destroy();
    res.statusCode = count % 4 === 1 ? 200 : count % 4 === 2 ? 503 : 404;
    res.end('x');
  });
  const port = await listening(t, server);
  const { latenciesMs, failed } = await generate(jobFor(port, closed(8), 100));
  assert.deepEqual(Object.keys(failed).sort(), ['404', '503', 'broken']);
  for (const [why, times] of Object.entries(failed)) assert.ok(Math.abs(latenciesMs.length - times) <= 1, `${why}: ${times}`);
});

test('nobody listens: every request fails, and it is not asked a million times', async () => {
  const { latenciesMs, failed } = await generate(jobFor(9, closed(2), 100));
  assert.equal(latenciesMs.length, 0);
  assert.deepEqual(Object.keys(failed), ['broken']);
  assert.ok(failed.broken! >= 2 && failed.broken! <= 24, String(failed.broken));
});

test('a server that ends each connection is asked on a new one', async (t) => {
  let connections = 0;
  const port = await listening(
    t,
    createTcpServer((socket) => {
      connections += 1;
      const end = connections % 2 === 0 ? 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n.' : 'HTTP/1.1 200 OK\r\n\r\n.';
      socket.once('data', () => socket.end(end));
    }),
  );
  const { latenciesMs, failed } = await generate(jobFor(port, closed(2), 200));
  assert.deepEqual(failed, {});
  assert.ok(latenciesMs.length >= 2 && connections === latenciesMs.length, `${connections} connections, ${latenciesMs.length} answers`);
});

test('open loop: as many as were due, whatever the server does; a stall belongs to those who had to wait for it', async (t) => {
  let count = 0;
  let busy = Promise.resolve();
  // One worker: the tenth request stalls it, and all behind it wait.
  const server = createServer((_, res) => {
    count += 1;
    const ms = count === 10 ? 600 : 0;
    busy = busy.then(() => new Promise((resolve) => setTimeout(resolve, ms)));
    void busy.then(() => res.end('.'));
  });
  const port = await listening(t, server);
  const { latenciesMs, fromSentMs, failed, tookMs } = await generate(jobFor(port, { kind: 'open', perSecond: 25, connections: 2 }, 2000));
  assert.deepEqual([latenciesMs.length, fromSentMs.length, failed, count], [50, 50, {}, 50]);
  assert.ok(tookMs >= 2000);
  for (const [i, ms] of latenciesMs.entries()) assert.ok(ms >= fromSentMs[i]!, `answer ${i}: sent before it was due`);
  // Two were on their way when it stalled. Some 15 were due meanwhile, 10 of them 200 ms or more before it went on.
  const slow = latenciesMs.filter((ms) => ms >= 200).length;
  assert.ok(slow >= 7, `${slow} felt it`);
  const [due, sent] = [latenciesMs, fromSentMs].map((ms) => {
    const kept = latencies();
    kept.add(ms);
    return new Map(kept.curve().points);
  });
  for (const [percent, ms] of due!) assert.ok(ms >= sent!.get(percent)! * 0.999, `p${percent}`);
});

test('open loop: what cannot be sent in twice the time is told, not hidden', async (t) => {
  const port = await listening(
    t,
    createServer((_, res) => void setTimeout(() => res.end('.'), 50)),
  );
  const { latenciesMs, failed } = await generate(jobFor(port, { kind: 'open', perSecond: 500, connections: 1 }, 400));
  assert.equal(latenciesMs.length + failed.unsent!, 200);
  assert.ok(latenciesMs.length >= 1 && latenciesMs.length <= 17, `${latenciesMs.length} in 0.8 s, one after another, 50 ms each`);
  assert.deepEqual(Object.keys(failed), ['unsent']);
});

test('in a process of its own: a harvest comes back, closing it ends the wait, and it does not outlive us', async (t) => {
  const port = await listening(
    t,
    createServer((_, res) => res.end('.')),
  );
  const generator = startGenerator();
  t.after(() => generator.close());
  const harvest = await generator.run(jobFor(port, closed(2), 50));
  assert.ok(harvest!.latenciesMs instanceof Float64Array && harvest!.latenciesMs.length >= 2);
  assert.notEqual(generator.pid, process.pid);
  const long = generator.run(jobFor(port, closed(1), 600_000));
  generator.close();
  assert.equal(await long, undefined);
  assert.equal(await generator.run(jobFor(port, closed(1), 0)), undefined);
});
