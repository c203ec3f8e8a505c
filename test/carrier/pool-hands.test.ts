/** What an operator does to a pool by hand: signals, a replacement, one worker more or less. Real programs, and requests meanwhile. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { workersByHandMax } from '../../src/limits.js';
import type { PoolEvent, PoolStatus, WorkerStatus } from '../../src/status/status.js';
import { gone } from '../life/processes.js';
import { type House, type HouseOptions, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { appFolder, application, heldPost, pidOf } from './pool-app.js';

interface Crew extends House {
  readonly folder: string;
  readonly pool: House['server']['site']['pools'][number];
  status(): PoolStatus;
  /** Those that take requests, once there are so many. */
  ready(count: number): Promise<WorkerStatus[]>;
}

const crew = async (t: TestContext, options: HouseOptions = {}): Promise<Crew | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const folder = appFolder(t);
  const wsgi = `${join(folder, 'app.py')}:application`;
  const h = await house({ mounts: [{ wsgi, where: '/' }], workers: 2, env: { PYTHONDONTWRITEBYTECODE: '1' }, ...options });
  t.after(() => h.stop());
  const pool = h.server.site.pools[0]!;
  const ready = async (count: number): Promise<WorkerStatus[]> => {
    const those = () => pool.status().workers.filter(({ state }) => state === 'idle' || state === 'busy');
    await until(() => those().length === count && pool.status().workers.length === count, `${count} workers, and no others`);
    return those();
  };
  return { ...h, folder, pool, status: () => pool.status(), ready };
};

const events = <What extends PoolEvent['what']>({ events }: PoolStatus, what: What) =>
  events.filter((event): event is Extract<PoolEvent, { what: What }> => event.what === what);

test('kill -9: the request in hand fails, the next worker takes the place, and nobody calls it a crash', async (t) => {
  const h = await crew(t);
  if (!h) return;
  const [first] = await h.ready(2);
  const held = await heldPost(h.port, h.folder, 'held');
  const { pid } = h.status().workers.find(({ state }) => state === 'busy')!;
  assert.equal(h.pool.signal(pid, 'SIGKILL'), true);
  assert.equal((await held.answer).status, 502);
  assert.equal((await h.exchange()).failure?.code, 'WIRE_TRUNCATED');
  await gone(pid);
  const after = await h.ready(2);
  assert.equal(after.filter((worker) => worker.pid === pid).length, 0);
  assert.deepEqual(
    after.map(({ slot, spawns }) => [slot, spawns]),
    pid === first!.pid
      ? [
          [1, 2],
          [2, 1],
        ]
      : [
          [1, 1],
          [2, 2],
        ],
  );
  const { crashed, recycled, truncations } = h.status();
  assert.deepEqual([crashed, recycled.killed, truncations], [0, 1, 1]);
  const [end] = events(h.status(), 'ended');
  assert.deepEqual([end!.pid, end!.why, end!.how, end!.wasReady, end!.words], [pid, 'killed', 'SIGKILL', true, '']);
  assert.deepEqual(
    end!.held.map(({ method, target }) => `${method} ${target}`),
    [`POST /?while=${join(h.folder, 'held')}`],
  );
  const next = events(h.status(), 'ready').at(-1)!;
  assert.deepEqual([next.slot, next.insteadOf, next.serial > end!.serial], [end!.slot, undefined, true]);
});

test('kill -9, again and again: what is done by hand is no reason to wait with the next one', async (t) => {
  const h = await crew(t, { workers: 1 });
  if (!h) return;
  for (let i = 0; i < 8; i++) {
    const [worker] = await h.ready(1);
    assert.equal(h.pool.signal(worker!.pid, 'SIGKILL'), true);
    const answer = await get(h.port, '/');
    assert.equal(answer.status, 200, answer.text);
    assert.notEqual(pidOf(answer), worker!.pid);
  }
  assert.deepEqual([h.status().recycled.killed, h.status().crashed], [8, 0]);
});

test('TERM: it finishes what it has, while another one is there already', async (t) => {
  const h = await crew(t, { workers: 1 });
  if (!h) return;
  const [{ pid }] = (await h.ready(1)) as [WorkerStatus];
  const held = await heldPost(h.port, h.folder, 'held');
  assert.equal(h.pool.signal(pid, 'SIGTERM'), true);
  const other = pidOf(await get(h.port, '/'));
  assert.notEqual(other, pid);
  held.release();
  assert.deepEqual([(await held.answer).status, pidOf(await held.answer)], [200, pid]);
  await gone(pid);
  assert.equal((await h.ready(1))[0]!.pid, other);
  const [end] = events(h.status(), 'ended');
  assert.deepEqual([end!.why, end!.held, h.status().crashed], ['killed', [], 0]);
});

test('recycle under load: another one is ready first, and no request is lost', async (t) => {
  const h = await crew(t);
  if (!h) return;
  const before = await h.ready(2);
  let stop = false;
  const failed: string[] = [];
  const client = async (): Promise<void> => {
    while (!stop) {
      const answer = await get(h.port, '/?ms=2');
      if (answer.status !== 200) failed.push(`${answer.status} ${answer.text.slice(0, 200)}`);
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (const { pid } of before) assert.equal(h.pool.recycle(pid), true);
  for (const { pid } of before) await gone(pid);
  stop = true;
  await Promise.all(clients);
  assert.deepEqual(failed, []);
  const after = await h.ready(2);
  assert.deepEqual(
    after.map(({ slot, spawns }) => [slot, spawns]),
    [
      [1, 2],
      [2, 2],
    ],
  );
  assert.equal(h.status().recycled.asked, 2);
  const replaced = events(h.status(), 'ready').map(({ insteadOf }) => insteadOf);
  for (const { pid } of before) assert.ok(replaced.includes(pid), `${replaced} and ${pid}`);
});

test('only present workers of the same pool can be meant', async (t) => {
  const h = await crew(t, { workers: 1 });
  if (!h) return;
  const [{ pid }] = (await h.ready(1)) as [WorkerStatus];
  for (const stranger of [process.pid, 1, 0, -1, Number.NaN]) {
    assert.equal(h.pool.signal(stranger, 'SIGTERM'), false);
    assert.equal(h.pool.recycle(stranger), false);
  }
  assert.equal(h.pool.signal(pid, 'SIGKILL'), true);
  await gone(pid);
  await h.ready(1);
  assert.equal(h.pool.signal(pid, 'SIGKILL'), false);
});

test('more and fewer: a fixed number is another fixed number, and who has a request finishes it', async (t) => {
  const h = await crew(t, { workers: 1 });
  if (!h) return;
  assert.equal(h.pool.resize(-1), false);
  assert.equal(h.pool.resize(1), true);
  await h.ready(2);
  const held = [await heldPost(h.port, h.folder, 'one'), await heldPost(h.port, h.folder, 'two')];
  assert.equal(h.pool.resize(-1), true);
  await until(() => h.status().workers.some(({ state }) => state === 'stopping'), 'one to be on its way out');
  for (const { release } of held) release();
  for (const { answer } of held) assert.equal((await answer).status, 200);
  await h.ready(1);
  const { workersMin, workersMax, recycled } = h.status();
  assert.deepEqual([workersMin, workersMax, recycled.asked], [1, 1, 1]);
});

test('MIN..MAX: MAX moves, the queue with it, and not beyond its bounds', async (t) => {
  const h = await crew(t, { workers: { min: 0, max: 1 }, maxQueue: 1 });
  if (!h) return;
  const first = await heldPost(h.port, h.folder, 'first');
  const second = get(h.port, '/');
  await until(() => h.status().queue.waiting === 1, 'the second to wait');
  assert.equal(h.pool.resize(1), true);
  assert.equal((await second).status, 200);
  const other = await heldPost(h.port, h.folder, 'other');
  const third = get(h.port, '/');
  await until(() => h.status().queue.waiting === 1, 'the third to wait, and not to be refused');
  for (const { release } of [first, other]) release();
  for (const { status } of await Promise.all([first.answer, other.answer, third])) assert.equal(status, 200);
  assert.deepEqual([h.status().workersMin, h.status().workersMax], [0, 2]);
  assert.equal(h.pool.resize(-1), true);
  assert.equal(h.pool.resize(-1), false);
  await h.ready(1);
  while (h.pool.resize(1));
  assert.equal(h.status().workersMax, workersByHandMax);
});

test('one that is killed while its generation is tried: that is refused, the present one goes on', async (t) => {
  const h = await crew(t, { workers: 1 });
  if (!h) return;
  const [{ pid }] = (await h.ready(1)) as [WorkerStatus];
  writeFileSync(join(h.folder, 'app.py'), 'import time\ntime.sleep(60)\n');
  const reloaded = h.pool.reload();
  const tried = await until(() => h.status().workers.find((worker) => worker.generation === 2 && worker.pid > 0), 'the next one');
  assert.equal(h.pool.recycle(tried!.pid), false);
  assert.equal(h.pool.signal(tried!.pid, 'SIGKILL'), true);
  assert.equal((await reloaded)?.evidence.detail, 'SIGKILL');
  assert.equal(pidOf(await get(h.port, '/')), pid);
  await h.ready(1);
  assert.deepEqual(
    events(h.status(), 'ended').map(({ generation, why }) => [generation, why]),
    [[2, 'killed']],
  );
});

test('the diary: births, an end by itself with its last words, a generation that takes over and one that does not', async (t) => {
  const h = await crew(t, { workers: 1 });
  if (!h) return;
  const [{ pid }] = (await h.ready(1)) as [WorkerStatus];
  assert.equal((await post(h.port, '/?die', 'x')).status, 502);
  const crash = await until(() => events(h.status(), 'ended')[0], 'its end');
  await h.ready(1);
  assert.deepEqual([crash!.pid, crash!.why, crash!.how], [pid, undefined, 'exit 7']);
  assert.match(crash!.words, /loaded one\nI cannot go on$/);
  assert.equal(h.status().crashed, 1);

  writeFileSync(join(h.folder, 'app.py'), 'import nothing_like_it\n');
  assert.equal((await h.pool.reload())?.code, 'WORKERS_FAILED');
  writeFileSync(join(h.folder, 'app.py'), `${application('two')}# longer\n`);
  assert.equal(await h.pool.reload(), undefined);
  await h.ready(1);
  const [refused, reloaded] = events(h.status(), 'reloaded');
  assert.match(refused!.refused ?? '', /nothing_like_it/);
  assert.deepEqual([refused!.generation, reloaded!.generation, reloaded!.refused], [2, 3, undefined]);
  assert.deepEqual(
    events(h.status(), 'ended').map(({ generation, why }) => [generation, why]),
    [
      [1, undefined],
      [2, undefined],
      [1, 'reload'],
    ],
  );
  const { busyMs } = h.status().workers[0]!;
  await get(h.port, '/?ms=50');
  await until(() => h.status().workers[0]!.busyMs >= busyMs + 49, 'its request to count as busy');
});
