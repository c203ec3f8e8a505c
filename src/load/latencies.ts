/**
 * Many latencies, kept in as much memory as a few: Node's own HdrHistogram, in nanoseconds, to three figures. What it can tell
 * ends at 100 − 100/N: of 200 requests one is slower than 99.5 % of them, and nobody knows what the slowest of 10,000 would take.
 */
import { createHistogram } from 'node:perf_hooks';
import type { Curve } from './plan.js';

export interface Latencies {
  add(ms: ArrayLike<number>): void;
  curve(): Curve;
}

export const latencies = (): Latencies => {
  const histogram = createHistogram();
  let maxMs: number | undefined;
  return {
    add(ms) {
      for (let i = 0; i < ms.length; i++) {
        const one = ms[i]!;
        // It takes whole numbers from 1 on.
        histogram.record(Math.max(1, Math.round(one * nanoseconds)));
        if (maxMs === undefined || one > maxMs) maxMs = one;
      }
    },
    curve: () => {
      const { count } = histogram;
      const points = percentsFor(count).map((percent) => [percent, rounded(histogram.percentile(percent) / nanoseconds)] as const);
      return { count, points, maxMs: maxMs === undefined ? undefined : rounded(maxMs) };
    },
  };
};

const nanoseconds = 1e6;

/** Microseconds are as fine as the clock is worth. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

/** 50, 90, 99, 99.9 …, and so many between two of them that a curve on a logarithmic axis looks like one; the last that can be told. */
export const percentsFor = (count: number): number[] => {
  const steps = Array.from(
    { length: Math.ceil(Math.log10(Math.max(1, count)) * stepsPerDecade) },
    (_, i) => 10 ** ((i + 1) / stepsPerDecade),
  );
  const percents = [2, ...steps, count].map((oneIn) => Number((100 - 100 / oneIn).toPrecision(12)));
  return [...new Set(percents)].filter((percent) => percent > 0 && tells(count, percent)).sort((a, b) => a - b);
};

const stepsPerDecade = 20;

/** Rounding must not keep p99 from 100 requests. */
export const tells = (count: number, percent: number): boolean => percent <= 100 - 100 / count + 1e-9;

/** The latency at a percentile; undefined where so many requests cannot tell it. */
export const atPercent = ({ points }: Curve, percent: number): number | undefined =>
  points.find(([p]) => Math.abs(p - percent) < 1e-6)?.[1];
