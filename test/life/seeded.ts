/**
 * Chance that can be had again: the same seed gives the same numbers (mulberry32). `CGI_SERVE_SEED=123 npm test -- leaks` repeats a run.
 */
export interface Chance {
  /** From 0 to 1, 1 excluded. */
  next(): number;
  /** A whole number from 0 to `below - 1`. */
  below(below: number): number;
  /** True with this probability. */
  maybe(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(count: number): Buffer;
}

export const seed = Number(process.env.CGI_SERVE_SEED ?? Date.now() % 1_000_000_000);

export const chance = (from: number): Chance => {
  let state = from >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(next() * bound);
  return {
    next,
    below,
    maybe: (probability) => next() < probability,
    pick: (list) => list[below(list.length)]!,
    bytes: (count) => Buffer.from(Uint8Array.from({ length: count }, () => below(256))),
  };
};
