/** What a number of latencies can tell, and where a picture puts it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logAxis, ninesOf, percentTicks, spreadOut } from '../../src/load/axis.js';
import { familyNow, spent } from '../../src/load/family.js';
import { atPercent, latencies, percentsFor } from '../../src/load/latencies.js';
import { shuffled } from '../../src/load/turns.js';

test('a curve stops at 1 − 1/N, and passes through every percentile with a name that N can tell', () => {
  for (const [count, last, named] of [
    [1, undefined, []],
    [2, 50, [50]],
    [10, 90, [50, 90]],
    [200, 99.5, [50, 90, 99]],
    [999, 100 - 100 / 999, [50, 90, 99]],
    [1000, 99.9, [50, 90, 99, 99.9]],
    [30_000, 100 - 100 / 30_000, [50, 90, 99, 99.9, 99.99]],
  ] as const) {
    const percents = percentsFor(count);
    assert.ok(
      percents.every((percent, i) => percent <= 100 - 100 / count + 1e-9 && (i === 0 || percent > percents[i - 1]!)),
      `${count}: ${percents}`,
    );
    assert.ok(last === undefined ? percents.length === 0 : Math.abs(percents.at(-1)! - last) < 1e-9, `${count}: ${percents.at(-1)}`);
    for (const percent of [50, 90, 99, 99.9, 99.99])
      assert.equal(percents.includes(percent), (named as readonly number[]).includes(percent), `${count}: p${percent}`);
  }
  assert.deepEqual(percentsFor(0), []);
});

test('latencies are kept to three figures, in any order, from several slices', () => {
  const all = latencies();
  assert.deepEqual(all.curve(), { count: 0, points: [], maxMs: undefined });
  const ms = Array.from({ length: 1000 }, (_, i) => i + 1);
  for (const half of [ms.filter((one) => one % 2 === 1).reverse(), ms.filter((one) => one % 2 === 0)]) all.add(Float64Array.from(half));
  const curve = all.curve();
  assert.deepEqual([curve.count, curve.maxMs], [1000, 1000]);
  for (const [percent, expected] of [[50, 500], [90, 900], [99, 990], [99.9, 999]] as const) // biome-ignore format: pairs
    assert.ok(Math.abs(atPercent(curve, percent)! - expected) <= expected / 500, `p${percent}: ${atPercent(curve, percent)}`);
  assert.equal(atPercent(curve, 99.99), undefined);
  assert.ok(curve.points.every(([, at], i) => i === 0 || at >= curve.points[i - 1]![1]));
  const short = latencies();
  short.add([0, 0.0213]);
  assert.equal(short.curve().maxMs, 0.021);
});

test('axes: a nine more is a step to the right; 1, 2, 5 up the side', () => {
  assert.deepEqual(
    [90, 99, 99.9].map((percent) => Math.round(ninesOf(percent) * 1e6) / 1e6),
    [1, 2, 3],
  );
  assert.deepEqual(
    [percentTicks(9), percentTicks(10), percentTicks(1000), percentTicks(1999)],
    [[50], [50, 90], [50, 90, 99, 99.9], [50, 90, 99, 99.9]],
  );
  assert.deepEqual(logAxis([0.7, 18]), { from: 0.5, to: 20, ticks: [0.5, 1, 2, 5, 10, 20] });
  assert.deepEqual(logAxis([0.3, 1100]), { from: 0.2, to: 2000, ticks: [1, 10, 100, 1000] });
  for (const same of [3, 5, 0.001]) {
    const { from, to, ticks } = logAxis([same, same]);
    assert.ok(from <= same && same <= to && from < to && ticks.length > 0, `${same}: ${from} ${to}`);
  }
});

test('labels keep their distance and their order, and stay inside', () => {
  assert.deepEqual(spreadOut([10, 100, 50], 15, 200), [10, 100, 50]);
  assert.deepEqual(spreadOut([50, 50, 40], 15, 200), [55, 70, 40]);
  assert.deepEqual(spreadOut([198, 199], 15, 200), [185, 200]);
});

test('turns: everybody once, and not always in the same order', () => {
  const orders = Array.from({ length: 50 }, () => shuffled(4).join());
  for (const order of orders) assert.equal([...order].sort().join('').replaceAll(',', ''), '0123');
  assert.ok(new Set(orders).size > 1);
});

test('the family: who was there before is charged with the difference, who is new with all', () => {
  const before = new Map([['1@5', { userMs: 10, systemMs: 20 }], ['2@5', { userMs: 1, systemMs: 1 }]]); // biome-ignore format: pairs
  const after = new Map([['1@5', { userMs: 30, systemMs: 20 }], ['2@9', { userMs: 4, systemMs: 5 }]]); // biome-ignore format: pairs
  assert.deepEqual(spent(before, after), { cpu: { userMs: 24, systemMs: 5 }, born: 1 });
  if (process.platform === 'linux') assert.ok(familyNow([]) !== undefined);
});
