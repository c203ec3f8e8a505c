/**
 * Who runs and who waits: so many processes at once, of them so many newborns, a queue in order that forgets whoever left.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { type SlotBounds, type Slots, slots } from '../../src/carrier/slots.js';
import type { Failure } from '../../src/failures.js';
import { works } from '../../src/process/works.js';
import { until } from '../support/until.js';

interface Guest {
  release: (() => void) | undefined;
  refused: Failure | undefined;
  leave: () => void;
  works: boolean;
}

const come = (places: Slots): Guest => {
  const guest: Guest = { release: undefined, refused: undefined, leave: () => {}, works: true };
  guest.leave = places.acquire({
    granted(release) {
      guest.release = release;
    },
    refused(why) {
      guest.refused = why;
    },
    works: () => guest.works,
  });
  return guest;
};
const bounds = (some: Partial<SlotBounds>): SlotBounds => ({ atOnceMax: 64, newbornsMax: 64, queueMax: 512, queueMs: 60_000, ...some });
const running = (guests: readonly Guest[]): number[] => guests.flatMap(({ release }, i) => (release ? [i] : []));

test('so many at once; the others in the order they came', () => {
  const places = slots(bounds({ atOnceMax: 2 }));
  const guests = Array.from({ length: 5 }, () => come(places));
  assert.deepEqual(running(guests), [0, 1]);
  guests[1]!.release!();
  assert.deepEqual(running(guests), [0, 1, 2]);
  guests[1]!.release!(); // Twice does no harm.
  assert.deepEqual(running(guests), [0, 1, 2]);
  guests[0]!.release!();
  guests[2]!.release!();
  assert.deepEqual(running(guests), [0, 1, 2, 3, 4]);
  assert.equal(places.busy(), 2);
  guests[3]!.release!();
  guests[4]!.release!();
  assert.equal(places.busy(), 0);
});

test('who leaves the queue, at its head, in its middle or at its end, is not called', () => {
  const places = slots(bounds({ atOnceMax: 1 }));
  const guests = Array.from({ length: 6 }, () => come(places));
  for (const i of [1, 3, 5]) guests[i]!.leave();
  guests[3]!.leave();
  for (const i of [0, 2, 4]) guests[i]!.release!();
  assert.deepEqual(running(guests), [0, 2, 4]);
  assert.equal(places.busy(), 0);
});

test('so many newborns at once; one that waits for something makes room', async () => {
  const places = slots(bounds({ newbornsMax: 2 }));
  const guests = Array.from({ length: 4 }, () => come(places));
  assert.deepEqual(running(guests), [0, 1]);
  guests[1]!.works = false;
  await until(() => guests[2]!.release !== undefined, 'the third');
  assert.equal(places.busy(), 3);
  guests[0]!.release!();
  assert.deepEqual(running(guests), [0, 1, 2, 3]);
});

test('and one that has worked for a while is no newborn any more', async () => {
  const places = slots(bounds({ newbornsMax: 1 }));
  const guests = Array.from({ length: 3 }, () => come(places));
  await until(() => running(guests).length === 3, 'all three');
  assert.equal(places.busy(), 3);
});

test('the bound on processes counts newborns and grown alike', async () => {
  const places = slots(bounds({ atOnceMax: 2, newbornsMax: 1 }));
  const guests = Array.from({ length: 3 }, () => come(places));
  await until(() => running(guests).length === 2, 'the second');
  guests[1]!.works = false;
  // Looked at in the same round as the second of `other`, which must not take longer.
  const other = slots(bounds({ newbornsMax: 1 }));
  const others = [come(other), come(other)];
  others[0]!.works = false;
  await until(() => running(others).length === 2, 'the same round elsewhere');
  assert.deepEqual(running(guests), [0, 1]);
  guests[0]!.release!();
  await until(() => running(guests).length === 3, 'the third');
});

test('the queue is full when those who run and those who wait are as many as both bounds together', () => {
  const places = slots(bounds({ atOnceMax: 2, newbornsMax: 1, queueMax: 3 }));
  const guests = Array.from({ length: 6 }, () => come(places));
  assert.deepEqual(running(guests), [0]);
  assert.deepEqual(
    guests.map(({ refused }) => refused?.code),
    [undefined, undefined, undefined, undefined, undefined, 'QUEUE_FULL'],
  );
  places.close();
});

test('nobody waits longer than the bound', async () => {
  const places = slots(bounds({ atOnceMax: 1, queueMs: 30 }));
  const guests = Array.from({ length: 3 }, () => come(places));
  await until(() => guests[2]!.refused !== undefined, 'the last to be refused');
  assert.deepEqual(
    guests.map(({ refused }) => refused?.code),
    [undefined, 'QUEUE_TIMEOUT', 'QUEUE_TIMEOUT'],
  );
  guests[0]!.release!();
  assert.ok(come(places).release);
});

test('closed: who waits and who comes is refused, who runs may end', () => {
  const places = slots(bounds({ atOnceMax: 1 }));
  const guests = [come(places), come(places)];
  places.close();
  guests.push(come(places));
  assert.deepEqual(
    guests.map(({ refused }) => refused?.code),
    [undefined, 'SHUTTING_DOWN', 'SHUTTING_DOWN'],
  );
  assert.equal(places.busy(), 1);
  guests[0]!.release!();
  assert.equal(places.busy(), 0);
});

test('a process that computes works; one that sleeps, or is gone, does not', { skip: process.platform !== 'linux' }, async (t) => {
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
  // Its name holds what the kernel's own line uses as marks.
  const worker = spawn(process.execPath, ['-e', `process.title = ') S 1 ('; for (;;);`], { stdio: 'ignore' });
  t.after(() => {
    sleeper.kill('SIGKILL');
    worker.kill('SIGKILL');
  });
  await until(() => !works(sleeper.pid!), 'the sleeper to sleep');
  await until(() => works(worker.pid!), 'the worker to work');
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  assert.equal(works(worker.pid!), false);
});
