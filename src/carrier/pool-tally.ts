/** What a pool counts, for whoever asks how it is (status/status.ts). Counters only go up; the waits are those of the last requests. */
import { waitsKept } from '../limits.js';
import type { EndReason, PoolStatus, RecycleReason } from '../status/status.js';

type Counted = { -readonly [K in 'activeMost' | 'ceilings' | 'crashed' | 'retries' | 'truncations' | 'aborts' | 'reloads']: PoolStatus[K] };

export interface PoolTally extends Counted {
  waitingMost: number;
  readonly recycled: Record<RecycleReason, number>;
  readonly drops: { full: number; timeout: number; left: number; failed: number };
  granted(waitedMs: number): void;
  dropped(why: 'full' | 'timeout' | 'left' | 'closed'): void;
  /** A worker ends, and is meant to. */
  leaves(why: EndReason): void;
  told(waiting: number, bound: number): Counted & Pick<PoolStatus, 'accepted' | 'slow' | 'recycled' | 'queue'>;
}

export const poolTally = (): PoolTally => {
  const waits = new Float64Array(waitsKept);
  let granted = 0;
  const percentiles = (): PoolStatus['queue']['waits'] => {
    const sorted = waits.slice(0, Math.min(granted, waitsKept)).sort();
    const count = sorted.length;
    if (count === 0) return undefined;
    const at = (part: number): number => sorted[Math.min(count - 1, Math.ceil(part * count) - 1)]!;
    return { count, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) };
  };

  const tally: PoolTally = {
    ...{ activeMost: 0, ceilings: 0, crashed: 0, retries: 0, truncations: 0, aborts: 0, reloads: 0, waitingMost: 0 },
    recycled: { requests: 0, memory: 0, age: 0, idle: 0, stuck: 0, asked: 0, killed: 0 },
    drops: { full: 0, timeout: 0, left: 0, failed: 0 },
    granted(waitedMs) {
      waits[granted % waitsKept] = waitedMs;
      granted += 1;
    },
    dropped(why) {
      tally.drops[why === 'closed' ? 'failed' : why] += 1;
    },
    leaves(why) {
      if (why !== 'reload' && why !== 'refused' && why !== 'closed') tally.recycled[why] += 1;
    },
    told(waiting, bound) {
      const { activeMost, ceilings, crashed, retries, truncations, aborts, reloads, waitingMost, recycled } = tally;
      const drops = { ...tally.drops };
      return {
        ...{ activeMost, ceilings, crashed, retries, truncations, aborts, reloads, slow: recycled.stuck, recycled: { ...recycled } },
        // Granted ones are those that found the pool broken, too.
        accepted: granted + waiting + drops.full + drops.timeout + drops.left,
        queue: { waiting, waitingMost, bound, waits: percentiles(), drops },
      };
    },
  };
  return tally;
};
