/**
 * Which of several addresses a request goes to: the one with the least in flight, among those that are in rotation. One that failed
 * so often in a row is out for a while; when all are out all are tried, because a refusal costs less than an answer that never comes.
 *
 * What brings it back is a request that goes well: after its time out it gets one, and another after as long again. That is passive
 * health, as nginx has it (`max_fails`, `fail_timeout`). Where addresses are probed (probe.ts) none of them gets a request before it
 * has taken a connection. Pure.
 */
import type { Trace } from '../trace/trace.js';

export interface Peer<A> {
  readonly address: A;
  inFlight: number;
  /** In a row. */
  failures: number;
  /** Out of rotation until then at least, in milliseconds of the trace's clock. */
  outUntilMs: number;
}

export interface BalanceOptions<A> {
  readonly failuresMax: number;
  readonly outMs: number;
  /** A probe, and no request, finds out whether an address is back. */
  readonly probed: boolean;
  /** An address went out of rotation, and why; undefined: it is back. `wellCount`: how many are in rotation now. */
  readonly changed: (address: A, why: string | undefined, wellCount: number) => void;
}

/** Whom a request may be given to: addresses that are balanced, as here, or the workers of a pool (pool.ts). */
export interface Peers<A> {
  /** The best one for a request that has tried `tried` in vain; undefined when it has tried all. Counts it as in flight. */
  take(atMs: number, tried: readonly Peer<A>[], trace: Trace): Peer<A> | undefined;
  /** The request is over there, well or not; undefined: it says nothing of the peer (the client left). */
  give(peer: Peer<A>, well: boolean | undefined, atMs: number, why: string | undefined, trace: Trace): void;
  /** There is none now: calls `go` when there may be one. Returns how to leave; undefined: nobody will come. */
  whenReady?(go: () => void): (() => void) | undefined;
}

export interface Balance<A> extends Peers<A> {
  readonly peers: readonly Peer<A>[];
  take(atMs: number, tried: readonly Peer<A>[]): Peer<A> | undefined;
  give(peer: Peer<A>, well: boolean | undefined, atMs: number, why?: string): void;
  /** Those worth a probe: out, and their time is over; or in rotation without a request that would tell. */
  doubtful(atMs: number): Peer<A>[];
  /** It took a connection, or did not, and why. */
  probed(peer: Peer<A>, why: string | undefined, atMs: number): void;
}

export const balance = <A>(addresses: readonly A[], { failuresMax, outMs, probed, changed }: BalanceOptions<A>): Balance<A> => {
  const peers: Peer<A>[] = addresses.map((address) => ({ address, inFlight: 0, failures: 0, outUntilMs: 0 }));
  let turn = 0;

  const isOut = (peer: Peer<A>): boolean => peer.failures >= failuresMax;
  const mayBeAsked = (peer: Peer<A>, atMs: number): boolean => !isOut(peer) || (!probed && peer.outUntilMs <= atMs);
  /** Sets how often it failed, and tells when that takes it out or brings it back. */
  const count = (peer: Peer<A>, failures: number, atMs: number, why: string): void => {
    const wasOut = isOut(peer);
    peer.failures = failures;
    const out = isOut(peer);
    if (out) peer.outUntilMs = atMs + outMs;
    if (out !== wasOut) changed(peer.address, out ? why : undefined, peers.filter((one) => !isOut(one)).length);
  };

  return {
    peers,
    take(atMs, tried) {
      const untried = peers.filter((peer) => !tried.includes(peer));
      const well = untried.filter((peer) => mayBeAsked(peer, atMs));
      const among = well.length > 0 ? well : untried;
      // Equals take turns: the count begins behind whoever was last.
      turn += 1;
      let best: Peer<A> | undefined;
      for (let i = 0; i < among.length; i++) {
        const peer = among[(i + turn) % among.length]!;
        if (best === undefined || peer.inFlight < best.inFlight) best = peer;
      }
      if (best === undefined) return undefined;
      best.inFlight += 1;
      // One request shows whether it is back; the next one must not follow before that is known.
      if (isOut(best)) best.outUntilMs = atMs + outMs;
      return best;
    },
    give(peer, well, atMs, why = '') {
      peer.inFlight -= 1;
      if (well !== undefined) count(peer, well ? 0 : peer.failures + 1, atMs, why);
    },
    doubtful: (atMs) => peers.filter((peer) => (isOut(peer) ? peer.outUntilMs <= atMs : peer.inFlight === 0)),
    probed(peer, why, atMs) {
      // Who takes no connection need not be asked three times.
      if (why !== undefined) count(peer, failuresMax, atMs, why);
      // Who takes one may still answer badly: the next failure sends him out again at once.
      else if (isOut(peer)) count(peer, failuresMax - 1, atMs, '');
    },
  };
};
