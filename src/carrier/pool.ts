/**
 * The carrier of workers that are ours: FastCGI programs and WSGI applications, started by us, kept, and started anew when they end.
 * Each listens at a Unix socket of its own in a folder that is ours alone, so that the least busy one is chosen here and not by a race for
 * one socket; the way to it is dial.ts.
 *
 *   open ──▶ a generation ──▶ dial ──▶ worker 1 … n
 *                 ▲
 *   reload ──▶ a new one, when all of it is ready; the old one finishes what it has, and ends
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastOf } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import { bootFailuresMax, bootMs, restartLongestMs, restartMs, stderrKeptBytes, workerStartMs } from '../limits.js';
import type { Worker, WorkerEnd, WorkerEvents } from '../process/worker.js';
import { now } from '../trace/trace.js';
import type { GatewayRequest } from '../types.js';
import type { Address } from './address.js';
import type { Carrier, ChannelEvents } from './channel.js';
import type { DialCarrier } from './dial.js';

export interface PoolOptions {
  readonly workers: number;
  /** Starts one, which is dialled at `path`. */
  readonly start: (path: string, events: WorkerEvents) => Worker;
  readonly dial: (addresses: readonly Address[]) => DialCarrier;
  readonly killGraceMs: number;
  /** What a worker prints outside of any request. */
  readonly errors: (pid: number | undefined, piece: Buffer) => void;
  /** So many take requests now: one more request than that would wait behind another one's. */
  readonly ready: (count: number) => void;
  /** A worker is gone; `why` is worth a line: it ended by itself, or could not be started. */
  readonly ended: (pid: number | undefined, why: string | undefined) => void;
}

export interface Pool extends Carrier {
  /**
   * A new generation beside the present one. Resolves when it has taken over, or with why it did not: then the present one goes on.
   * The old one has `graceMs` for the requests it holds.
   */
  reload(graceMs: number): Promise<Failure | undefined>;
}

export const poolCarrier = (options: PoolOptions): Pool => {
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-'));
  const generations = new Set<Generation>();
  let count = 0;
  let reloading = false;
  let current: Generation | undefined;
  const begin = (settled: (why: Failure | undefined) => void): Generation => {
    count += 1;
    const begun = generation(join(folder, String(count)), options, {
      settled,
      changed: () => begun === current && options.ready(begun.ready()),
      over: () => void generations.delete(begun),
    });
    generations.add(begun);
    return begun;
  };
  current = begin(() => {});

  return {
    takesFiles: false,
    open: (request, events) => current!.open(request, events),
    reload: (graceMs) =>
      new Promise((resolve) => {
        if (reloading) return resolve(failure('WORKERS_FAILED', { detail: 'a reload is under way already' }));
        reloading = true;
        const next = begin((why) => {
          reloading = false;
          if (why) next.retire(0);
          else {
            current!.retire(graceMs);
            current = next;
            options.ready(next.ready());
          }
          resolve(why);
        });
      }),
    async close() {
      for (const each of generations) each.retire(0);
      while (generations.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Workers that were started together, and the requests that only they can finish. */
interface Generation {
  /** How many of its workers take requests. */
  ready(): number;
  open(request: GatewayRequest, events: ChannelEvents): void;
  /** Takes no new request; ends when it has none, or after `graceMs`. */
  retire(graceMs: number): void;
}

interface Post {
  readonly address: { readonly path: string; readonly text: string };
  worker: Worker | undefined;
  pid: number | undefined;
  /** It takes requests. */
  ready: boolean;
}

interface GenerationEvents {
  /** All workers are ready for the first time, or why they will not be. Once. */
  settled(why: Failure | undefined): void;
  /** More or fewer workers take requests. */
  changed(): void;
  /** None is left. */
  over(): void;
}

const generation = (name: string, options: PoolOptions, events: GenerationEvents): Generation => {
  const { workers, start, dial, killGraceMs } = options;
  const posts: Post[] = Array.from({ length: workers }, (_, i) => {
    const address = { path: `${name}-${i + 1}`, text: `worker ${i + 1}` };
    return { address, worker: undefined, pid: undefined, ready: false };
  });
  const carrier = dial(posts.map(({ address }) => address));
  /** Requests that came while no worker was ready. */
  const waiting: (() => void)[] = [];
  let settled = false;
  /** Workers that ended before they could be relied on, in a row. */
  let bootFailures = 0;
  let lastWords: Buffer = Buffer.alloc(0);
  let lastEnd = '';
  let rest: NodeJS.Timeout | undefined;
  let retired = false;
  /** When the requests it holds have had their time. */
  let untilMs = Number.POSITIVE_INFINITY;

  const settle = (why: Failure | undefined): void => {
    if (settled) return;
    settled = true;
    events.settled(why);
  };
  const readyCount = (): number => posts.filter(({ ready }) => ready).length;
  const isBroken = (): boolean => bootFailures >= bootFailuresMax;
  const whyBroken = (): Failure => failure('WORKERS_FAILED', { detail: lastEnd, stderr: lastWords.toString() });
  const letGo = (): void => {
    for (const go of waiting.splice(0)) go();
  };

  const hire = (post: Post): void => {
    const servedBefore = carrier.served(post.address);
    let words: Buffer = Buffer.alloc(0);
    /** It has taken requests for a while: what ends it now is nothing that ends each of them at its start. */
    let proven = false;
    const prove = (): void => {
      proven = true;
      bootFailures = 0;
      if (posts.some(({ worker }) => worker === undefined)) fillLater();
    };
    let clock = setTimeout(() => post.worker?.stop(killGraceMs), workerStartMs).unref();
    post.worker = start(post.address.path, {
      born(pid) {
        post.pid = pid;
      },
      ready() {
        clearTimeout(clock);
        clock = setTimeout(prove, bootMs).unref();
        post.ready = true;
        events.changed();
        letGo();
        if (readyCount() === workers) settle(undefined);
      },
      errors(piece) {
        words = lastOf(words, piece, stderrKeptBytes);
        options.errors(post.pid, piece);
      },
      exited(end) {
        const { pid } = post;
        clearTimeout(clock);
        post.worker = undefined;
        post.pid = undefined;
        post.ready = false;
        events.changed();
        if (retired) {
          options.ended(pid, undefined);
          return maybeOver();
        }
        lastWords = words;
        lastEnd = howItEnded(end);
        bootFailures = proven || carrier.served(post.address) > servedBefore ? 0 : bootFailures + 1;
        options.ended(pid, bootFailures <= bootFailuresMax ? lastEnd : undefined);
        if (isBroken()) {
          settle(whyBroken());
          letGo();
        }
        fillLater();
      },
    });
  };
  /** At once after a good life; else after a rest that grows. In a broken pool one worker at a time finds out whether it still is. */
  const fillLater = (): void => {
    // Also said by the very failure that retires it: a broken deployment must not be tried again when the next one has mended the file.
    if (retired) return;
    const restMs = bootFailures === 0 ? 0 : Math.min(restartLongestMs, restartMs * 2 ** (bootFailures - 1));
    rest ??= setTimeout(() => {
      rest = undefined;
      const vacant = posts.filter(({ worker }) => worker === undefined);
      for (const post of isBroken() ? vacant.slice(0, 1) : vacant) hire(post);
    }, restMs);
  };
  const maybeOver = (): void => {
    if (posts.every(({ worker }) => worker === undefined)) events.over();
  };
  const end = async (): Promise<void> => {
    await carrier.close();
    for (const { worker } of posts) worker?.stop(killGraceMs);
    maybeOver();
  };

  for (const post of posts) hire(post);

  return {
    ready: readyCount,
    open(request, channel) {
      const go = (): void => {
        if (readyCount() > 0) return carrier.open(request, channel);
        channel.failed(retired ? failure('SHUTTING_DOWN') : whyBroken());
        channel.over();
      };
      if (readyCount() > 0 || isBroken() || retired) go();
      else waiting.push(go);
    },
    retire(graceMs) {
      // Whoever closes the server does not wait for what a reload allowed.
      untilMs = Math.min(untilMs, now() + graceMs);
      if (retired) return;
      retired = true;
      clearTimeout(rest);
      settle(failure('SHUTTING_DOWN'));
      letGo();
      const look = setInterval(() => {
        if (carrier.busy() > 0 && now() < untilMs) return;
        clearInterval(look);
        void end();
      }, lookMs);
    },
  };
};

const lookMs = 20;

const howItEnded = ({ code, signal, errno }: WorkerEnd): string =>
  errno !== undefined ? `it could not be started: ${errno}` : signal !== undefined ? signal : `exit ${code}`;
