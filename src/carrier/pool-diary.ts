/** What became of a pool's workers lately: who takes requests, who has ended and why, which generation has taken over. Bounded. */
import { poolEventBytesMax, poolEventsKept } from '../limits.js';
import type { WorkerEnd } from '../process/worker.js';
import type { PoolEvent } from '../status/status.js';
import { now, wallClock } from '../trace/trace.js';
import { howItEnded, nameOf, type PoolWorker } from './pool-worker.js';

export interface PoolDiary {
  ready(worker: PoolWorker): void;
  /** Before its state is set to what is left of it. */
  ended(worker: PoolWorker, end: WorkerEnd): void;
  /** `refused`: why the generation has not taken over, as far as it is known: what a worker said at its end. */
  reloaded(generation: number, refused?: string): void;
  told(): PoolEvent[];
}

export const poolDiary = (): PoolDiary => {
  const events: PoolEvent[] = [];
  let written = 0;
  const write = (event: Unwritten): void => {
    written += 1;
    events.push({ ...event, serial: written, at: wallClock() });
    if (events.length > poolEventsKept) events.shift();
  };
  return {
    ready({ pid = 0, slot, generation, bornMs, replaces }) {
      const afterMs = Math.round(now() - bornMs);
      write({ what: 'ready', pid, slot, generation: generation.number, afterMs, insteadOf: replaces?.pid });
    },
    ended(worker, end) {
      const { pid = 0, slot, generation, bornMs, served, failed, wasReady, leaves, words, running, cutOff } = worker;
      write({
        ...{ what: 'ended', pid, slot, generation: generation.number, livedMs: Math.round(now() - bornMs), wasReady },
        ...{ requests: served + failed, why: leaves, how: howItEnded(end), held: [...cutOff, ...running.map(nameOf)] },
        words: leaves === undefined ? words.subarray(-poolEventBytesMax).toString().trim() : '',
      });
    },
    reloaded: (generation, refused) => write({ what: 'reloaded', generation, refused: refused && lastSaid(refused) }),
    told: () => [...events],
  };
};

/** A traceback ends with what went wrong; what is said in several lines begins with it, and the others are indented. */
const lastSaid = (text: string): string | undefined => text.split('\n').findLast((line) => /^\S/.test(line));

/** Of each kind of event. */
type Unwritten = PoolEvent extends infer Event ? (Event extends PoolEvent ? Omit<Event, 'serial' | 'at'> : never) : never;
