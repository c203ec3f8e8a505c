/** Where a value stands in a picture. Pure. */

/** A logarithmic axis for all of `values`: it begins and ends at a 1, 2 or 5; where it is long, only the decades have a tick. */
export const logAxis = (values: readonly number[]): { readonly from: number; readonly to: number; readonly ticks: readonly number[] } => {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const steps: number[] = [];
  for (let decade = Math.floor(Math.log10(least)); decade <= Math.ceil(Math.log10(most)) + 1; decade++) {
    for (const step of [1, 2, 5]) steps.push(Number((step * 10 ** decade).toPrecision(1)));
  }
  const from = steps.findLast((step) => step <= least)!;
  const to = steps.find((step) => step >= most && step > from)!;
  const isLong = to / from > 1_000;
  const ticks = steps.filter((step) => step >= from && step <= to && (!isLong || Number.isInteger(Number(Math.log10(step).toFixed(9)))));
  return { from, to, ticks };
};

/** How many nines: 90 → 1, 99 → 2, 99.9 → 3. A percentile's place on an axis that gives each of them the same room. */
export const ninesOf = (percent: number): number => -Math.log10(1 - percent / 100);

/** 50, 90, 99, 99.9 … as far as so many requests can tell. */
export const percentTicks = (count: number): number[] => [
  50,
  ...Array.from({ length: Math.floor(Math.log10(Math.max(1, count)) + 1e-9) }, (_, i) =>
    Number((100 - 100 / 10 ** (i + 1)).toPrecision(12)),
  ),
];

/** Places `gap` apart, each as near as may be to where it wants to be, in the order given. */
export const spreadOut = (wanted: readonly number[], gap: number, most: number): number[] => {
  const order = wanted.map((at, i) => ({ at, i })).sort((a, b) => a.at - b.at);
  const placed: number[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (const { at, i } of order) {
    placed[i] = Math.max(at, next);
    next = placed[i]! + gap;
  }
  // What was pushed over the edge goes back, and pushes the others.
  let bound = most;
  for (const { i } of order.reverse()) {
    placed[i] = Math.min(placed[i]!, bound);
    bound = placed[i]! - gap;
  }
  return placed;
};
