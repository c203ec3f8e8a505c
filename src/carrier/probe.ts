/**
 * Active health: every address that no request tells about is connected to now and then, as HAProxy's tcp-check does. One that
 * stopped listening is found before a client finds it, and one that was out comes back without a client's request for a guinea pig.
 */
import { now } from '../trace/trace.js';
import type { Address } from './address.js';
import type { Balance } from './balance.js';
import { knock } from './knock.js';

/** Returns how to end it. */
export const probing = (peers: Balance<Address>, everyMs: number, patienceMs: number): (() => void) => {
  const ended = new AbortController();
  const probed = new Set<unknown>();
  const timer = setInterval(() => {
    for (const peer of peers.doubtful(now())) {
      if (probed.has(peer)) continue;
      probed.add(peer);
      void knock(peer.address, patienceMs, ended.signal).then((why) => {
        probed.delete(peer);
        if (!ended.signal.aborted) peers.probed(peer, why, now());
      });
    }
  }, everyMs);
  // To look after others is no reason to live.
  timer.unref();
  return () => {
    clearInterval(timer);
    ended.abort();
  };
};
