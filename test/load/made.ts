/** A comparison made by hand: its figures are known, so that what is told of them can be checked. */
import type { Comparison, Curve, Measured } from '../../src/load/plan.js';

export const curve = (count: number, points: readonly (readonly [number, number])[], maxMs: number): Curve => ({ count, points, maxMs });

export const measured = (name: string, more: Partial<Measured> = {}): Measured => ({
  target: { name, method: 'GET', target: name, headers: [], body: undefined },
  ...{ gateway: 'cgi', slices: [], answered: 1000, failed: {}, perSecond: { median: 100, least: 90, most: 110 } },
  latency: curve(1000, [[50, 10], [90, 20], [99, 40], [99.9, 80]], 90), // biome-ignore format: pairs
  ...{ fromSent: undefined, born: 1000, serverCpu: { userMs: 600, systemMs: 400 }, programCpu: { userMs: 3000, systemMs: 1000 } },
  ...{ generatorShare: 0.1, generatorLate: undefined, failure: undefined },
  ...more,
});

/** A slice is asked for by everything that says a target was measured. */
export const withSlice = (one: Measured): Measured => ({
  ...one,
  slices: [
    {
      ...{ round: 1, seconds: 10, answered: one.answered, perSecond: one.perSecond.median, failed: one.failed, latency: one.latency },
      ...{ born: one.born, serverCpu: one.serverCpu, programCpu: one.programCpu, generatorShare: one.generatorShare },
    },
  ],
});

export const comparison = (targets: readonly Measured[], more: Partial<Comparison> = {}): Comparison => ({
  at: Date.UTC(2026, 0, 2, 3, 4, 5),
  version: '1.2.3',
  machine: { system: 'Linux 6.1 x64', cpus: 2, cpu: 'A <CPU> & more', node: 'v20.0.0' },
  births: { by: 'native', why: undefined },
  plan: { loop: { kind: 'closed', users: 4 }, rounds: 5, sliceMs: 2000, warmUpMs: 1000 },
  interrupted: false,
  targets: targets.map(withSlice),
  ...more,
});
