/**
 * The last minute of a pool, made of what the page was told: counters become shares and rates here, and nowhere else. Seconds are whole
 * ones of the lab's clock, so that a picture changes once a second. Pure.
 */
import type { PoolStatus } from '../../../status/status.js';

export const historySeconds = 60;

/** How a pool was when it was told of. */
export interface Sample {
  readonly atMs: number;
  readonly waiting: number;
  /** How long each worker has had requests so far, by `keyOf`. */
  readonly busyMs: ReadonlyMap<string, number>;
}

/** A process, and not only its place. */
export const keyOf = ({ slot, spawns }: { readonly slot: number; readonly spawns: number }): string => `${slot}.${spawns}`;

/** The oldest first; what is older than any picture shows is left out. */
export const withSample = (samples: readonly Sample[], { queue, workers }: PoolStatus, atMs: number): Sample[] => {
  const busyMs = new Map(workers.map((worker) => [keyOf(worker), worker.busyMs]));
  const kept = samples.filter((sample) => sample.atMs > atMs - (historySeconds + 2) * 1000);
  return [...kept, { atMs, waiting: queue.waiting, busyMs }];
};

/** Of each of the last whole seconds, the oldest first, the share in which a worker had requests; undefined where that is not known. */
export const busyShares = (samples: readonly Sample[], key: string, atMs: number): (number | undefined)[] => {
  const known = samples.flatMap((sample) => {
    const busyMs = sample.busyMs.get(key);
    return busyMs === undefined ? [] : [{ atMs: sample.atMs, busyMs }];
  });
  return seconds(atMs).map((beginMs) => {
    const from = between(known, beginMs);
    const to = between(known, beginMs + 1000);
    return from === undefined || to === undefined ? undefined : Math.min(1, Math.max(0, (to - from) / 1000));
  });
};

/** Of each of the last whole seconds the most that were seen waiting; from one look to the next it stays as it was. */
export const waitingMost = (samples: readonly Sample[], atMs: number): (number | undefined)[] =>
  seconds(atMs).map((beginMs) => {
    const within = samples.filter((sample) => sample.atMs >= beginMs && sample.atMs < beginMs + 1000);
    const seen = [...within, ...samples.filter((sample) => sample.atMs < beginMs && sample.atMs > beginMs - looksApartMs).slice(-1)];
    return seen.length === 0 ? undefined : Math.max(...seen.map(({ waiting }) => waiting));
  });

/** The server tells every second; after a longer silence nobody knows. */
const looksApartMs = 2_500;

/** The mean of those that are known; undefined: none is. */
export const meanOf = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
};

/** So many at a time, put together: for a table that a person can read. */
export const inSteps = <T>(values: readonly T[], step: number): T[][] =>
  Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values.slice(i * step, (i + 1) * step));

/** When each of them began. */
const seconds = (atMs: number): number[] => {
  const end = Math.floor(atMs / 1000);
  return Array.from({ length: historySeconds }, (_, i) => (end - historySeconds + i) * 1000);
};

/** A counter at a moment between two looks. */
const between = (known: readonly { readonly atMs: number; readonly busyMs: number }[], atMs: number): number | undefined => {
  const after = known.findIndex((sample) => sample.atMs >= atMs);
  const b = known[after];
  if (b === undefined) return undefined;
  if (b.atMs === atMs) return b.busyMs;
  const a = known[after - 1];
  return a && a.busyMs + ((b.busyMs - a.busyMs) * (atMs - a.atMs)) / (b.atMs - a.atMs);
};
