/** One worker of a pool, as dial.ts sees it and as the pool does; and what can be said of it alone. */
import { type Failure, failure } from '../failures.js';
import { vitals } from '../process/vitals.js';
import type { Births, Worker, WorkerEnd } from '../process/worker.js';
import type { EndReason, Named, RecycleReason, WorkerStatus } from '../status/status.js';
import { now, type Trace } from '../trace/trace.js';
import type { Address } from './address.js';
import type { Peer } from './balance.js';

/** One of them, as dial sees it and as we do. */
export interface PoolWorker extends Peer<Address> {
  readonly generation: Generation;
  readonly slot: number;
  readonly startedAt: number;
  readonly bornMs: number;
  /** Which process in its place it is, from 1. */
  readonly spawns: number;
  state: 'starting' | 'ready' | 'stopping';
  wasReady: boolean;
  process: Worker | undefined;
  pid: number | undefined;
  served: number;
  failed: number;
  /** How long it had requests, until the last time it had none; and since when it has some. */
  busyMs: number;
  busySinceMs: number;
  /** Of each request it has; and of the last one. */
  running: Trace[];
  last: { readonly trace: Trace; readonly tookMs: number } | undefined;
  /** Of a request that looked stuck at the last look: it had a second to end. */
  suspect: Trace | undefined;
  /** It was stuck, and is being ended. */
  givenUp: boolean;
  /** Replaced when it has answered so many. */
  readonly requestsMax: number;
  /** It is well, and its time is over. */
  due: RecycleReason | undefined;
  /** Why it ends, or has ended; undefined: nobody wants it to. */
  leaves: EndReason | undefined;
  /** The last requests whose answers broke off. */
  cutOff: Named[];
  /** Whose place it takes when it is ready; then it is forgotten: each would remember all that came before it. */
  replaces: PoolWorker | undefined;
  /** What it printed last. */
  words: Buffer;
}

export interface Generation {
  readonly number: number;
  readonly births: Births;
  /** What its workers have loaded. */
  readonly files: Set<string>;
}

/** The lowest number that nobody of the generation has. */
export const freeSlot = (workers: ReadonlySet<PoolWorker>, generation: Generation): number => {
  const taken = [...workers].filter((worker) => worker.generation === generation && worker.state !== 'stopping').map(({ slot }) => slot);
  let slot = 1;
  while (taken.includes(slot)) slot += 1;
  return slot;
};

/** Within a tenth of it; 0: never. */
export const near = (requests: number): number =>
  requests === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.round(requests * (0.9 + Math.random() * 0.2)));

/** Nobody waits for it, and it goes on: after a deadline of ours at once, after a client's leaving when it has had as long as any. */
export const isStuck = (trace: Trace, stuckMs: number): boolean => {
  if (trace.failure === undefined) return false;
  return /^(REPLY|STDIN)_.*TIMEOUT$/.test(trace.failure.code) || (stuckMs > 0 && trace.sinceMs('granted') > stuckMs);
};

export const statusOf = (worker: PoolWorker): WorkerStatus => {
  const { slot, generation, state, startedAt, served, failed, inFlight, running, last, pid, spawns } = worker;
  const { rssBytes, cpu } = vitals(pid) ?? {};
  const trace = running[0] ?? last?.trace;
  return {
    ...{ pid: pid ?? 0, slot, generation: generation.number, startedAt, requests: served, failures: failed, inFlight, rssBytes, cpu },
    ...{ spawns, busyMs: Math.round(worker.busyMs + (inFlight > 0 ? now() - worker.busySinceMs : 0)) },
    state: state === 'ready' ? (inFlight > 0 ? 'busy' : 'idle') : state,
    request: trace && {
      ...{ id: trace.id, method: trace.method, target: trace.target, script: trace.script ?? '', user: trace.user },
      ...{ contentBytes: trace.bytesIn, startedAt: trace.at, tookMs: running[0] ? undefined : last?.tookMs },
    },
  };
};

export const nameOf = ({ id, method, target }: Trace): Named => ({ id, method, target });

export const whyEnded = (end: WorkerEnd, words: Buffer): Failure =>
  failure('WORKERS_FAILED', { detail: howItEnded(end), stderr: words.toString() });

export const howItEnded = ({ code, signal, errno }: WorkerEnd): string =>
  errno !== undefined ? `it could not be started: ${errno}` : signal !== undefined ? signal : `exit ${code}`;
