/**
 * Clocks that share a timer. What a test says of time holds on a machine of any speed: nothing rings before it is due, and of two
 * that are due the earlier rings first, however late the machine looks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, clocks } from '../../src/gateway/clocks.js';
import { now } from '../../src/trace/trace.js';
import { chance, seed } from '../life/seeded.js';
import { until } from '../support/until.js';

/** Rings are noted by name, and what is wrong with them: before the time, or before one that was due earlier. */
const watch = () => {
  const rung: string[] = [];
  const wrong: string[] = [];
  const running = new Set<Clock>();
  const all = clocks();
  const start = (name: string, ms: number, more = () => {}): Clock => {
    const clock = all.start(ms, () => {
      rung.push(name);
      running.delete(clock);
      if (now() < clock.dueMs) wrong.push(`${name} rang too early`);
      for (const other of running) if (other.dueMs < clock.dueMs) wrong.push(`${name} rang before its turn`);
      more();
    })!;
    running.add(clock);
    return clock;
  };
  const stop = (clock: Clock | undefined): undefined => {
    if (clock) running.delete(clock);
    return all.stop(clock);
  };
  const stopAll = (): void => {
    running.clear();
    all.stopAll();
  };
  const rings = (count: number) => until(() => rung.length >= count, `${count} rings; so far: ${rung}`);
  return { start, stop, stopAll, wind: all.wind, rung, wrong, rings, running };
};

/** Nothing else happens for so long: whoever is due meanwhile is late. */
const holdUp = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Those that keep the process alive. */
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('clocks ring once, in the order in which they are due, and not before', async () => {
  const { start, rung, wrong, rings } = watch();
  for (const ms of [60, 10, 90, 30]) start(`${ms}`, ms);
  await rings(4);
  start('1', 1);
  await rings(5);
  assert.equal(new Set(rung).size, 5);
  assert.deepEqual(wrong, []);
});

test('clocks that a busy machine finds due together ring in their order, too', async () => {
  const { start, wrong, rings } = watch();
  for (const ms of [30, 10, 20]) start(`${ms}`, ms);
  holdUp(60);
  await rings(3);
  assert.deepEqual(wrong, []);
});

test('a clock that is wound begins anew', async () => {
  const { start, wind, rung, wrong, rings } = watch();
  const wound = start('wound', 200);
  holdUp(70);
  start('other', 150);
  wind(wound);
  wind(undefined);
  await rings(2);
  // Not wound it would have been due 20 ms before the other.
  assert.deepEqual([rung, wrong], [['other', 'wound'], []]);
});

test('a clock that is stopped never rings, and one that has rung can be stopped and wound without harm', async () => {
  const { start, stop, wind, rung, rings } = watch();
  const stopped = start('stopped', 5);
  const first = start('first', 10);
  assert.equal(stop(stopped), undefined);
  assert.equal(stop(undefined), undefined);
  stop(stopped);
  wind(stopped);
  await rings(1);
  stop(first);
  wind(first);
  start('last', 30);
  await rings(2);
  assert.deepEqual(rung, ['first', 'last']);
});

test('0 is no limit and no clock, and no end is one that never comes', () => {
  const before = timers();
  const { start, stopAll } = clocks();
  assert.equal(
    start(0, () => assert.fail('rang')),
    undefined,
  );
  assert.equal(
    start(-1, () => assert.fail('rang')),
    undefined,
  );
  assert.ok(start(Number.POSITIVE_INFINITY, () => assert.fail('rang')));
  assert.equal(timers(), before);
  stopAll();
});

test('who rings may stop, wind and start others that are due in the same moment', async () => {
  const { start, stop, wind, rung, rings } = watch();
  start('a', 10, () => {
    stop(b);
    start('d', 20);
    wind(c);
  });
  const b = start('b', 11);
  const c = start('c', 50);
  holdUp(80);
  await rings(3);
  await until(() => now() > c.dueMs, 'the time of all to be over');
  assert.deepEqual(rung, ['a', 'd', 'c']);
});

test('who rings may start itself again, or stop all', async () => {
  const { start, stopAll, rung, rings } = watch();
  let turns = 0;
  const again = (): void => {
    turns += 1;
    if (turns < 5) start('again', 3, again);
    else {
      start('never', 1, () => assert.fail('rang'));
      stopAll();
    }
  };
  start('again', 3, again);
  await rings(5);
  start('last', 20);
  await rings(6);
  assert.deepEqual(rung, [...Array<string>(5).fill('again'), 'last']);
});

test('after all are stopped nothing rings and no timer is left; new ones may start', async () => {
  const before = timers();
  const { start, stopAll, rung, rings } = watch();
  for (const ms of [1, 5, 1_000_000]) start(`${ms}`, ms);
  assert.equal(timers(), before + 1, 'one timer for all of them');
  stopAll();
  assert.equal(timers(), before);
  start('new', 30);
  await rings(1);
  assert.deepEqual(rung, ['new']);
  assert.equal(timers(), before);
});

test(`300 clocks started, wound and stopped as it comes (seed ${seed})`, async () => {
  const random = chance(seed);
  const { start, stop, wind, rung, wrong, running } = watch();
  let stopped = 0;
  for (let i = 0; i < 300; i++) {
    start(`${i}`, 1 + random.below(60));
    const some = random.pick([...running]);
    if (random.maybe(0.2)) {
      stop(some);
      stopped += 1;
    } else if (random.maybe(0.3)) wind(some);
    if (random.maybe(0.2)) holdUp(random.below(8));
    if (random.maybe(0.3)) await new Promise((resolve) => setTimeout(resolve, random.below(5)));
  }
  await until(() => running.size === 0, 'every clock to ring that was not stopped');
  assert.equal(rung.length, 300 - stopped);
  assert.equal(new Set(rung).size, rung.length, 'none rings twice');
  assert.deepEqual(wrong, []);
});
