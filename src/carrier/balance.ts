/**
 * Which of several addresses a request goes to: the one with the least in flight, among those that are well. One that failed so
 * often in a row is left out for a while, then gets one request to show itself; when none is well all are tried, because a
 * refusal costs less than an answer that never comes. Passive health, as nginx has it (`max_fails`, `fail_timeout`). Pure.
 */
export interface Peer<A> {
  readonly address: A;
  inFlight: number;
  /** In a row. */
  failures: number;
  /** Out of rotation until then, in milliseconds of the trace's clock. */
  outUntilMs: number;
}

export interface BalanceBounds {
  readonly failuresMax: number;
  readonly outMs: number;
}

export interface Balance<A> {
  readonly peers: readonly Peer<A>[];
  /** The best one for a request that has tried `tried` in vain; undefined when it has tried all. Counts it as in flight. */
  take(atMs: number, tried: ReadonlySet<Peer<A>>): Peer<A> | undefined;
  /** The request is over there, well or not; undefined: it says nothing of the peer (the client left). */
  give(peer: Peer<A>, well: boolean | undefined, atMs: number): void;
}

export const balance = <A>(addresses: readonly A[], { failuresMax, outMs }: BalanceBounds): Balance<A> => {
  const peers: Peer<A>[] = addresses.map((address) => ({ address, inFlight: 0, failures: 0, outUntilMs: 0 }));
  let turn = 0;

  /** Back from its time out it is on probation: one request at a time until one has gone well. */
  const isWell = (peer: Peer<A>, atMs: number): boolean => peer.failures < failuresMax || (peer.outUntilMs <= atMs && peer.inFlight === 0);

  return {
    peers,
    take(atMs, tried) {
      const untried = peers.filter((peer) => !tried.has(peer));
      const well = untried.filter((peer) => isWell(peer, atMs));
      const among = well.length > 0 ? well : untried;
      // Equals take turns: the count begins behind whoever was last.
      turn += 1;
      let best: Peer<A> | undefined;
      for (let i = 0; i < among.length; i++) {
        const peer = among[(i + turn) % among.length]!;
        if (best === undefined || peer.inFlight < best.inFlight) best = peer;
      }
      if (best) best.inFlight += 1;
      return best;
    },
    give(peer, well, atMs) {
      peer.inFlight -= 1;
      if (well === undefined) return;
      if (well) peer.failures = 0;
      else {
        peer.failures += 1;
        if (peer.failures >= failuresMax) peer.outUntilMs = atMs + outMs;
      }
    },
  };
};
