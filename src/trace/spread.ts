/**
 * Many exchanges told as one, in two ways, each for what the other cannot do: the means of the middle half, whose parts add up
 * and which one slow exchange does not move; and percentiles, which show that one. Pure, but for the histogram's memory.
 */
import { createHistogram } from 'node:perf_hooks';
import type { KernelAccount } from './trace.js';

/** Durations that follow each other, in milliseconds; undefined where one was not measured. */
export type Parts<Name extends string> = Readonly<Record<Name, number | undefined>>;

export const sumOf = (parts: Parts<string>): number => Object.values(parts).reduce<number>((sum, ms) => sum + (ms ?? 0), 0);

/** The mean of each part over those exchanges whose sum lies in the middle half. A part that one of them lacks is undefined. */
export const middleHalf = <Name extends string>(samples: readonly Parts<Name>[]): Parts<Name> => {
  const sorted = [...samples].sort((a, b) => sumOf(a) - sumOf(b));
  const quarter = Math.floor(sorted.length / 4);
  const middle = sorted.slice(quarter, sorted.length - quarter);
  const names = Object.keys(samples[0] ?? {}) as Name[];
  return Object.fromEntries(names.map((name) => [name, mean(middle.map((parts) => parts[name]))])) as Parts<Name>;
};

const mean = (values: readonly (number | undefined)[]): number | undefined => {
  let sum = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    sum += value;
  }
  return sum / values.length;
};

export interface Percentiles {
  readonly points: readonly { readonly percent: number; readonly ms: number }[];
  readonly maxMs: number;
}

/** Up to 1 − 1/N: so many exchanges cannot tell more than that, and their slowest is the maximum. */
export const percentiles = (totalsMs: readonly number[]): Percentiles => {
  const histogram = createHistogram();
  // It takes whole numbers from 1 on: microseconds.
  for (const ms of totalsMs) histogram.record(Math.max(1, Math.round(ms * 1000)));
  return {
    points: [50, 90, 99]
      .filter((percent) => percent <= 100 - 100 / totalsMs.length)
      .map((percent) => ({ percent, ms: histogram.percentile(percent) / 1000 })),
    maxMs: Math.max(...totalsMs),
  };
};

/** The median of each entry; undefined when no account is there, an entry undefined when none has it. */
export const medianAccount = (accounts: readonly (KernelAccount | undefined)[]): KernelAccount | undefined => {
  const kept = accounts.filter((account) => account !== undefined);
  const of = (entry: keyof KernelAccount): number | undefined =>
    median(kept.map((account) => account[entry]).filter((value) => value !== undefined));
  if (kept.length === 0) return undefined;
  return {
    userMs: of('userMs')!,
    systemMs: of('systemMs')!,
    // Seen only where it was larger than the server's own: if most are unseen, so is the median.
    peakRssKib: kept.filter((account) => account.peakRssKib === undefined).length * 2 > kept.length ? undefined : of('peakRssKib'),
    minorFaults: of('minorFaults')!,
    majorFaults: of('majorFaults')!,
    voluntarySwitches: of('voluntarySwitches')!,
    involuntarySwitches: of('involuntarySwitches')!,
  };
};

/** The lower one of two in the middle: a number that was measured. */
export const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
