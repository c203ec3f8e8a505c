/**
 * The generator beside wrk, at the same time and on the same server: they must agree. Its answers take a known time, so that what is
 * compared is the two generators' arithmetic and not how busy this machine is; and one pair of runs that agree is enough.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Generator, startGenerator } from '../../src/load/generator.js';
import { atPercent, latencies } from '../../src/load/latencies.js';
import { needs } from '../support/needs.js';

const users = 4;
const seconds = 2;
/** On each connection every fourth answer takes five times as long: the median is of the fast ones, p90 of the slow ones. */
const answerMs = 20;

interface Told {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
}

const ours = async (generator: Generator, port: number): Promise<Told> => {
  const harvest = await generator.run({
    ...{ aim: { address: '127.0.0.1', port }, request: Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), bodiless: false },
    ...{ loop: { kind: 'closed', users }, forMs: seconds * 1000 },
  });
  const { latenciesMs, tookMs, failed } = harvest!;
  assert.deepEqual(failed, {});
  const kept = latencies();
  kept.add(latenciesMs);
  const [p50Ms, p90Ms] = [50, 90].map((percent) => atPercent(kept.curve(), percent)!);
  return { perSecond: latenciesMs.length / (tookMs / 1000), p50Ms: p50Ms!, p90Ms: p90Ms! };
};

const wrks = async (port: number): Promise<Told> => {
  const { stdout } = await promisify(execFile)('wrk', [
    ...['-t', '1', '-c', String(users), '-d', `${seconds}s`, '--latency', `http://127.0.0.1:${port}/`],
  ]);
  const ms = (percent: number): number => {
    const [, value, unit] = new RegExp(`^ *${percent}% +([\\d.]+)(us|ms|s)$`, 'm').exec(stdout)!;
    return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'];
  };
  return { perSecond: Number(/^Requests\/sec: +([\d.]+)$/m.exec(stdout)![1]), p50Ms: ms(50), p90Ms: ms(90) };
};

test('wrk and the generator agree: rate, median, tail', async (t) => {
  if (!needs(t, 'wrk')) return;
  const asked = new WeakMap<object, number>();
  const server = createServer(({ socket }, res) => {
    const count = (asked.get(socket) ?? 0) + 1;
    asked.set(socket, count);
    setTimeout(() => res.end('hello'), count % 4 === 0 ? 5 * answerMs : answerMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as { port: number };
  const generator = startGenerator();
  t.after(() => generator.close());
  const agree = (a: number, b: number): boolean => Math.abs(a - b) <= 0.1 * Math.max(a, b);
  const runs: { ours: Told; wrks: Told }[] = [];
  for (let i = 0; i < 10; i++) {
    const [one, other] = await Promise.all([ours(generator, port), wrks(port)]);
    runs.push({ ours: one, wrks: other });
    for (const { p50Ms, p90Ms } of [one, other]) assert.ok(!(p50Ms < answerMs - 1.5 || p90Ms < 5 * answerMs - 1.5), JSON.stringify(runs));
    if ((['perSecond', 'p50Ms', 'p90Ms'] as const).every((what) => agree(one[what], other[what]))) return;
  }
  assert.fail(`they never agreed within 10 %: ${JSON.stringify(runs)}`);
});
