/**
 * Whose turn it is. Several programs are measured in turn, a little each, round after round, in an order drawn anew, so that a
 * machine that grows warm or busy meanwhile does so for all of them alike.
 */

/** Whoever comes after a large program finds the caches full of it: nobody always does. */
export const shuffled = (count: number): number[] => {
  const order = Array.from({ length: count }, (_, i) => ({ i, at: Math.random() }));
  return order.sort((a, b) => a.at - b.at).map(({ i }) => i);
};
