/**
 * The carrier of workers that are ours: FastCGI programs and WSGI applications, started by us, kept, and started anew when they end.
 * Each listens at a Unix socket of its own in a folder that is ours alone, so that the least busy one is chosen here and not by a race for
 * one socket; the way to it is dial.ts, whose peers they are.
 *
 *   open ──▶ dial ──▶ take: the least busy worker ──▶ … ──▶ give: it is free again, or due to be replaced
 *
 *   staff: one is missing, or due ──▶ hire ──▶ starting ──▶ ready ──▶ stopping ──▶ gone
 *   reload: a generation beside the present one, which takes over when all of it is ready; the old one finishes what it has, and ends
 *   by hand: signal, recycle, resize: what an operator wants of one worker, or of how many there are
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastOf } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import {
  bootFailuresMax,
  bootMs,
  restartLongestMs,
  restartMs,
  stackDumpMs,
  stderrKeptBytes,
  workerFilesMax,
  workerIdleMs,
  workerLookMs,
  workerStartMs,
  workersByHandMax,
} from '../limits.js';
import { signalGroup } from '../process/kill.js';
import { vitals } from '../process/vitals.js';
import type { Births, WorkerEnd } from '../process/worker.js';
import type { EndReason, PoolStatus } from '../status/status.js';
import { now, wallClock } from '../trace/trace.js';
import type { Address } from './address.js';
import type { Peers } from './balance.js';
import type { Carrier } from './channel.js';
import type { DialCarrier } from './dial.js';
import { poolDiary } from './pool-diary.js';
import { type PoolTally, poolTally } from './pool-tally.js';
import { freeSlot, type Generation, howItEnded, isStuck, nameOf, near, type PoolWorker, statusOf, whyEnded } from './pool-worker.js';
import { type SlotBounds, type Slots, slots } from './slots.js';

export interface PoolOptions {
  readonly dial: (peers: Peers<Address>) => DialCarrier;
  /** How the workers of one generation are born. */
  readonly births: () => Births;
  /** Equal: that many, always. Else so many are always there, and more come while requests wait. */
  readonly workersMin: number;
  readonly workersMax: number;
  /** Requests at once in each. */
  readonly threads: number;
  readonly recycle: Recycle;
  /** A request that nobody waits for may run on for so long before its worker is ended; 0: for ever. */
  readonly stuckMs: number;
  readonly killGraceMs: number;
  /** Asked of a worker of a new generation before that takes over; resolves with why it is not well. */
  readonly healthy: ((address: Address) => Promise<string | undefined>) | undefined;
  readonly queueMax: number;
  readonly queueMs: number;
  /** What a worker prints outside of any request. */
  readonly errors: (pid: number | undefined, piece: Buffer) => void;
  /** A worker is gone; `why` is worth a line: it ended by itself, or could not be started. */
  readonly ended: (pid: number | undefined, why: string | undefined) => void;
  /** The workers have loaded more files than before. */
  readonly loaded: () => void;
  /** `status` would say something else than before. Called for every request: it should only remember that. */
  readonly changed: () => void;
}

/** When a worker that is well is replaced all the same; 0: never. */
export interface Recycle {
  /** After about so many requests: each worker gets a number of its own near it, so that they do not all go at once. */
  readonly requests: number;
  readonly memoryBytes: number;
  readonly ageMs: number;
}

export interface Pool extends Carrier {
  /** Where requests wait for a worker: a slot is one of them, or a part of one that takes several. */
  readonly queue: Slots;
  /**
   * A new generation beside the present one. Resolves when it has taken over, or with why it did not: then the present one goes on.
   * The old one has `graceMs` for the requests it holds.
   */
  reload(graceMs: number): Promise<Failure | undefined>;
  /** To the process group of that worker; it gets no more requests, and another one its place. False: no worker here has that pid. */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean;
  /** Another one takes that worker's place when it is ready; it ends after the requests it has. False: none that is ready has that pid. */
  recycle(pid: number): boolean;
  /** One more may be there, or one less: whoever is then too many ends after its requests. False: there are as few or as many as may be. */
  resize(by: 1 | -1): boolean;
  /** What the workers say they have loaded; those of a deployment that was refused, too. */
  files(): readonly string[];
  status(): Omit<PoolStatus, 'where' | 'gateway' | 'label'>;
}

/** A generation that wants to take over. */
interface Candidate {
  readonly generation: Generation;
  readonly wanted: number;
  readonly graceMs: number;
  readonly settled: (why: Failure | undefined) => void;
}

export const poolCarrier = (options: PoolOptions): Pool => {
  const { threads, recycle, killGraceMs, stuckMs } = options;
  let { workersMin, workersMax } = options;
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-'));
  const startedAt = wallClock();
  const tally: PoolTally = poolTally();
  const diary = poolDiary();
  const workers = new Set<PoolWorker>();
  let births = 0;
  /** How many each place has had. */
  const spawns = new Map<number, number>();
  let generations = 0;
  let turn = 0;
  const begin = (): Generation => ({ number: ++generations, births: options.births(), files: new Set() });
  let current = begin();
  let candidate: Candidate | undefined;
  let refused: Generation | undefined;
  let reloadFailure: string | undefined;
  /** Those that requests are given to. Made anew when somebody's state changes, which is seldom; read several times for each request. */
  let ready: PoolWorker[] = [];
  /** Workers that ended before they could be relied on, in a row. */
  let bootFailures = 0;
  let lastEnd = '';
  let lastWords: Buffer = Buffer.alloc(0);
  let rest: NodeJS.Timeout | undefined;
  /** When no worker was to spare. */
  let allBusyMs = now();
  let closing: (() => void) | undefined;

  /** Requests whose worker was gone before it had them, and there was no other. */
  const stranded = new Set<() => void>();

  const bounds: SlotBounds = {
    ...{ atOnceMax: workersMax * threads, newbornsMax: Number.POSITIVE_INFINITY, queueMax: options.queueMax, queueMs: options.queueMs },
    // In a pool that is broken one is pretended, so that a request learns at once why.
    idle: () => (isBroken() ? 1 : ready.reduce((count, { inFlight }) => count + (inFlight < threads ? 1 : 0), 0)),
    watcher: {
      queued(waiting) {
        tally.waitingMost = Math.max(tally.waitingMost, waiting);
        if (ready.length + starting().length >= workersMax) tally.ceilings += 1;
        staff();
        options.changed();
      },
      granted: (waitedMs) => tally.granted(waitedMs),
      dropped: (why) => tally.dropped(why),
    },
  };
  const queue = slots(bounds);

  // --- who is there ----------------------------------------------------------------------------------------------

  const setState = (worker: PoolWorker, state: PoolWorker['state']): void => {
    worker.state = state;
    recount();
  };
  const recount = (): void => {
    ready = [...workers].filter(({ generation, state }) => generation === current && state === 'ready');
    options.changed();
  };
  /** Somebody may be free who was not, or nobody will be. */
  const letGo = (): void => {
    if (stranded.size > 0) {
      const waiting = [...stranded];
      stranded.clear();
      for (const go of waiting) go();
    }
    queue.look();
  };
  const starting = (): PoolWorker[] => [...workers].filter(({ generation, state }) => generation === current && state === 'starting');
  const isBroken = (): boolean => bootFailures >= bootFailuresMax && ready.length === 0;
  const whyBroken = (): Failure => failure('WORKERS_FAILED', { detail: lastEnd, stderr: lastWords.toString() });
  const busy = (): number => ready.reduce((count, { inFlight }) => count + (inFlight > 0 ? 1 : 0), 0);

  // --- dial's peers ----------------------------------------------------------------------------------------------

  const peers: Peers<Address> = {
    take(atMs, tried, trace) {
      let best: PoolWorker | undefined;
      turn += 1;
      // Equals take turns.
      for (let i = 0; i < ready.length; i++) {
        const worker = ready[(i + turn) % ready.length]!;
        if (worker.inFlight < threads && !tried.includes(worker) && (best === undefined || worker.inFlight < best.inFlight)) best = worker;
      }
      if (tried.length > 0 && best !== undefined) tally.retries += 1;
      if (best === undefined) return undefined;
      if (best.inFlight === 0) best.busySinceMs = atMs;
      best.inFlight += 1;
      best.running.push(trace);
      trace.pid = best.pid;
      trace.worker = { slot: best.slot, generation: best.generation.number };
      const active = busy();
      tally.activeMost = Math.max(tally.activeMost, active);
      if (active === ready.length) allBusyMs = atMs;
      options.changed();
      return best;
    },
    give(peer, well, atMs, why, trace) {
      const worker = peer as PoolWorker;
      worker.inFlight -= 1;
      if (worker.inFlight === 0) worker.busyMs += atMs - worker.busySinceMs;
      worker.running.splice(worker.running.indexOf(trace), 1);
      worker.last = { trace, tookMs: trace.sinceMs('granted') };
      if (well) worker.served += 1;
      else if (well === false) worker.failed += 1;
      else tally.aborts += 1;
      if (why === 'WIRE_TRUNCATED') {
        tally.truncations += 1;
        worker.cutOff = [...worker.cutOff, nameOf(trace)].slice(-threads);
      }
      if (worker.served >= worker.requestsMax) worker.due ??= 'requests';
      if (worker.state === 'stopping' && worker.inFlight === 0) dismiss(worker);
      if (worker.due) staff();
      letGo();
      options.changed();
    },
    whenReady(go) {
      if (isBroken() || closing) return undefined;
      stranded.add(go);
      return () => stranded.delete(go);
    },
  };
  const dialling = options.dial(peers);

  // --- hired, ready, gone ----------------------------------------------------------------------------------------

  const hire = (generation: Generation, replaces?: PoolWorker): void => {
    births += 1;
    const slot = replaces?.slot ?? freeSlot(workers, generation);
    spawns.set(slot, (spawns.get(slot) ?? 0) + 1);
    const address = { path: join(folder, String(births)), text: `worker ${slot}` };
    const worker: PoolWorker = {
      ...{ address, generation, slot, replaces, spawns: spawns.get(slot)!, startedAt: wallClock(), bornMs: now() },
      ...{ process: undefined, pid: undefined, state: 'starting', wasReady: false, requestsMax: near(recycle.requests) },
      ...{ inFlight: 0, served: 0, failed: 0, failures: 0, outUntilMs: 0, busyMs: 0, busySinceMs: 0 },
      ...{ running: [], cutOff: [], last: undefined, suspect: undefined, givenUp: false, due: undefined, leaves: undefined },
      words: Buffer.alloc(0),
    };
    workers.add(worker);
    /** It has taken requests for a while: what ends it now is nothing that ends each of them at its start. */
    let proven = false;
    const prove = (): void => {
      proven = true;
      if (generation !== current) return;
      bootFailures = 0;
      staff();
    };
    let clock = setTimeout(() => worker.process?.stop(killGraceMs), workerStartMs).unref();
    worker.process = generation.births.start(address.path, {
      born(pid) {
        worker.pid = pid;
        options.changed();
      },
      ready() {
        clearTimeout(clock);
        if (worker.state !== 'starting') return;
        clock = setTimeout(prove, bootMs).unref();
        worker.wasReady = true;
        setState(worker, 'ready');
        diary.ready(worker);
        const { replaces: old } = worker;
        worker.replaces = undefined;
        if (old && workers.has(old)) retire(old, old.due ?? 'age');
        if (generation === candidate?.generation) void consider(candidate);
        else letGo();
      },
      loaded(file) {
        if (generation.files.has(file) || generation.files.size >= workerFilesMax) return;
        generation.files.add(file);
        options.loaded();
      },
      errors(piece) {
        worker.words = lastOf(worker.words, piece, stderrKeptBytes);
        options.errors(worker.pid, piece);
      },
      exited(end) {
        clearTimeout(clock);
        workers.delete(worker);
        dialling.forget(address);
        rmSync(address.path, { force: true });
        diary.ended(worker, end);
        const expected = worker.state === 'stopping' || closing !== undefined;
        setState(worker, 'stopping');
        if (expected) options.ended(worker.pid, undefined);
        else if (generation === candidate?.generation) refuse(candidate, whyEnded(end, worker.words));
        else crashed(worker, end, proven || worker.served > 0);
        endOf(generation);
      },
    });
  };
  const crashed = ({ pid, words }: PoolWorker, end: WorkerEnd, wasWell: boolean): void => {
    tally.crashed += 1;
    lastEnd = howItEnded(end);
    lastWords = words;
    bootFailures = wasWell ? 0 : bootFailures + 1;
    options.ended(pid, bootFailures <= bootFailuresMax ? lastEnd : undefined);
    staff();
    letGo();
  };
  const leaves = (worker: PoolWorker, why: EndReason): void => {
    worker.leaves = why;
    tally.leaves(why);
  };
  /** It gets no more requests, and ends after those it has. */
  const retire = (worker: PoolWorker, why: EndReason): void => {
    if (worker.state === 'stopping') return;
    leaves(worker, why);
    setState(worker, 'stopping');
    if (worker.inFlight === 0) dismiss(worker);
  };
  const dismiss = (worker: PoolWorker): void => {
    setState(worker, 'stopping');
    dialling.forget(worker.address);
    worker.process?.stop(killGraceMs);
  };
  const endOf = (generation: Generation): void => {
    const isLast = ![...workers].some((worker) => worker.generation === generation);
    if (isLast && (generation !== current || closing)) generation.births.close(killGraceMs);
    if (workers.size === 0) closing?.();
  };

  // --- how many --------------------------------------------------------------------------------------------------

  const idleOne = (): PoolWorker | undefined => ready.filter(({ inFlight }) => inFlight === 0).at(-1);
  const wanted = (): number => {
    const asked = busy() + Math.ceil(queue.waiting() / threads);
    return Math.min(workersMax, Math.max(workersMin, asked, isBroken() ? 1 : 0));
  };
  /**
   * Hires who is missing, and a replacement for one who is due; retires who is too many. At once after a good life; else after a rest that
   * grows. In a broken pool one worker at a time finds out whether it still is.
   */
  const staff = (): void => {
    if (closing || rest) return;
    const restMs = bootFailures === 0 ? 0 : Math.min(restartLongestMs, restartMs * 2 ** (bootFailures - 1));
    if (restMs === 0) return staffNow();
    rest = setTimeout(() => {
      rest = undefined;
      staffNow();
    }, restMs);
  };
  const staffNow = (): void => {
    const begun = starting();
    const missing = wanted() - ready.length - begun.filter(({ replaces }) => !replaces).length;
    for (let i = 0; i < (isBroken() ? Math.min(1, missing) : missing); i++) hire(current);
    for (let i = ready.length; i > workersMax; i--) retire(idleOne() ?? ready.at(-1)!, 'asked');
    // One at a time: twice the memory for all at once is what recycling should avoid.
    const due = ready.find((worker) => worker.due !== undefined);
    if (due && !begun.some(({ replaces }) => replaces)) hire(current, due);
  };

  // --- now and then ----------------------------------------------------------------------------------------------

  const look = (): void => {
    const atMs = now();
    // Those that are on their way out, too.
    for (const worker of workers) {
      if (worker.givenUp) continue;
      const stuck = worker.running.find((trace) => isStuck(trace, stuckMs));
      if (stuck && stuck === worker.suspect) giveUp(worker);
      worker.suspect = stuck;
    }
    for (const worker of ready) {
      if (recycle.ageMs > 0 && atMs - worker.bornMs > recycle.ageMs) worker.due ??= 'age';
      else if (recycle.memoryBytes > 0 && (vitals(worker.pid)?.rssBytes ?? 0) > recycle.memoryBytes) worker.due ??= 'memory';
    }
    if (ready.length > workersMin && ready.length > wanted() && atMs - allBusyMs > workerIdleMs) {
      const spare = idleOne();
      if (spare) {
        allBusyMs = atMs;
        retire(spare, 'idle');
      }
    }
    staff();
  };
  /** Its client has been told. What it is at is asked first: a stack says more than an exit code. */
  const giveUp = (worker: PoolWorker): void => {
    leaves(worker, 'stuck');
    worker.givenUp = true;
    setState(worker, 'stopping');
    worker.process?.dump();
    setTimeout(() => dismiss(worker), stackDumpMs);
  };
  const looking = setInterval(look, workerLookMs).unref();

  // --- a new generation ------------------------------------------------------------------------------------------

  const consider = async (one: Candidate): Promise<void> => {
    const whole = [...workers].filter(({ generation, state }) => generation === one.generation && state === 'ready');
    if (whole.length < one.wanted) return;
    const why = await options.healthy?.(whole[0]!.address);
    if (candidate !== one) return;
    if (why !== undefined) return refuse(one, failure('WORKERS_FAILED', { detail: why }));
    candidate = undefined;
    refused = undefined;
    reloadFailure = undefined;
    bootFailures = 0;
    tally.reloads += 1;
    const old = [...workers].filter(({ generation }) => generation === current);
    const before = current;
    current = one.generation;
    recount();
    diary.reloaded(current.number);
    for (const worker of old) retire(worker, 'reload');
    const patience = setTimeout(() => old.forEach((worker) => void (workers.has(worker) && dismiss(worker))), one.graceMs);
    patience.unref();
    endOf(before);
    staff();
    letGo();
    one.settled(undefined);
  };
  const refuse = (one: Candidate, why: Failure): void => {
    candidate = undefined;
    refused = one.generation;
    reloadFailure = why.evidence.detail;
    diary.reloaded(one.generation.number, why.evidence.stderr || why.evidence.detail);
    for (const worker of workers) {
      if (worker.generation !== one.generation) continue;
      leaves(worker, 'refused');
      dismiss(worker);
    }
    endOf(one.generation);
    one.settled(why);
  };

  staffNow();

  return {
    takesFiles: false,
    open(request, events, trace) {
      if (ready.length > 0) return dialling.open(request, events, trace);
      tally.drops.failed += 1;
      events.failed(closing ? failure('SHUTTING_DOWN') : whyBroken());
      events.over();
    },
    queue,
    reload: (graceMs) =>
      new Promise((settled) => {
        if (candidate || closing)
          return settled(failure('WORKERS_FAILED', { detail: closing ? 'stopping' : 'a reload is under way already' }));
        const generation = begin();
        candidate = { generation, graceMs, settled, wanted: Math.max(1, workersMin, ready.length) };
        for (let i = 0; i < candidate.wanted; i++) hire(generation);
      }),
    signal(pid, signal) {
      const worker = [...workers].find((one) => one.pid === pid);
      if (worker === undefined) return false;
      leaves(worker, 'killed');
      // The end of one that is tried out is the end of its whole generation.
      if (worker.generation !== candidate?.generation) setState(worker, 'stopping');
      // It is gone already, or so new that it leads no group yet.
      if (!signalGroup(pid, signal)) worker.process?.stop(killGraceMs);
      staff();
      return true;
    },
    recycle(pid) {
      const worker = ready.find((one) => one.pid === pid);
      if (worker === undefined) return false;
      worker.due ??= 'asked';
      staff();
      return true;
    },
    resize(by) {
      const most = workersMax + by;
      if (most < 1 || most > workersByHandMax) return false;
      if (workersMin === workersMax) workersMin = most;
      workersMax = most;
      bounds.atOnceMax = workersMax * threads;
      staff();
      letGo();
      options.changed();
      return true;
    },
    files: () => [...new Set([current, candidate?.generation, refused].flatMap((generation) => [...(generation?.files ?? [])]))],
    status: () => ({
      ...{ workersMin, workersMax, startedAt, reloadFailure, generation: current.number },
      ...tally.told(queue.waiting(), options.queueMax),
      workers: [...workers].map(statusOf).sort((a, b) => a.slot - b.slot || a.generation - b.generation),
      events: diary.told(),
    }),
    async close() {
      if (closing) return;
      clearInterval(looking);
      clearTimeout(rest);
      const over = new Promise<void>((resolve) => {
        closing = resolve;
      });
      if (candidate) refuse(candidate, failure('SHUTTING_DOWN'));
      await dialling.close();
      for (const worker of workers) {
        leaves(worker, 'closed');
        dismiss(worker);
      }
      endOf(current);
      await over;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
