/**
 * The load itself, for one slice: raw sockets to one address, a request prepared once and sent again and again. It keeps what it saw
 * of every request and judges nothing; latencies.ts and compare.ts do.
 *
 * In the open loop request i is due at i/rate, whatever became of those before it. When it finds no connection free it waits its turn
 * here, and is counted from when it was due: that wait is what a user would have felt, and what a generator that simply waits for
 * answers leaves out (Gil Tene calls it coordinated omission). Both times are kept, so that both can be shown.
 */
import { createConnection, type Socket } from 'node:net';
import { keepAliveMs, loadAnswerMs, loadRefusedRestMs, loadSamplesMax, loadTimerMs } from '../limits.js';
import { now } from '../trace/trace.js';
import type { Endpoint } from '../types.js';
import { type AnswerReader, answerReader } from './answer.js';
import type { Loop } from './plan.js';

export interface Job {
  readonly aim: Endpoint;
  /** Head and body, as they are sent. */
  readonly request: Buffer;
  /** HEAD: the answer has no body. */
  readonly bodiless: boolean;
  readonly loop: Loop;
  readonly forMs: number;
}

/** In milliseconds. `latenciesMs` and `fromSentMs` tell of the same good answers, in the order in which they came. */
export interface Harvest {
  /** Until the last answer, and no less than was planned in the open loop. */
  readonly tookMs: number;
  readonly latenciesMs: Float64Array;
  /** Open loop only; empty in the closed one, where a request is sent when it is due. */
  readonly fromSentMs: Float64Array;
  /** Open loop: how late the generator sent what found a connection free. */
  readonly lateMs: Float64Array;
  /** A status from 400 on, `timeout`, `broken`, `unsent` → how many. */
  readonly failed: Readonly<Record<string, number>>;
  /** Of the generator's own process. */
  readonly cpuMs: number;
}

export const generate = (job: Job): Promise<Harvest> =>
  new Promise((resolve) => {
    const cpuBefore = process.cpuUsage();
    const startMs = now();
    const latenciesMs: number[] = [];
    const fromSentMs: number[] = [];
    const lateMs: number[] = [];
    const failed: Record<string, number> = {};
    const fail = (why: string, count = 1): void => {
      if (count > 0) failed[why] = (failed[why] ?? 0) + count;
    };
    const ended = (outcome: Outcome, dueMs: number, sentMs: number): void => {
      if (typeof outcome === 'string') return fail(outcome);
      if (outcome >= 400 || outcome === 0) return fail(String(outcome));
      const atMs = now();
      latenciesMs.push(atMs - dueMs);
      if (job.loop.kind === 'open') fromSentMs.push(atMs - sentMs);
    };
    const over = (unsent: number): void => {
      fail('unsent', unsent);
      const { user, system } = process.cpuUsage(cpuBefore);
      resolve({
        tookMs: Math.max(now() - startMs, job.loop.kind === 'open' ? job.forMs : 0),
        latenciesMs: Float64Array.from(latenciesMs),
        fromSentMs: Float64Array.from(fromSentMs),
        lateMs: Float64Array.from(lateMs),
        failed,
        cpuMs: (user + system) / 1000,
      });
    };
    if (job.loop.kind === 'closed') closedLoop(job, job.loop.users, { startMs, ended, over });
    else openLoop(job, job.loop, { startMs, ended, late: (ms) => void lateMs.push(ms), over });
  });

interface Account {
  readonly startMs: number;
  ended(outcome: Outcome, dueMs: number, sentMs: number): void;
  /** Once; so many were due and never sent. */
  over(unsent: number): void;
}

/** Each user asks, waits, asks again. What was begun in time is finished. */
const closedLoop = (job: Job, users: number, { startMs, ended, over }: Account): void => {
  const endMs = startMs + job.forMs;
  let begun = 0;
  let active = users;
  for (let i = 0; i < users; i++) {
    const caller = callerTo(job);
    const again = (): void => {
      const sentMs = now();
      if ((sentMs >= endMs && begun >= users) || begun >= loadSamplesMax) {
        caller.close();
        active -= 1;
        if (active === 0) over(0);
        return;
      }
      begun += 1;
      caller.ask((outcome) => {
        ended(outcome, sentMs, sentMs);
        // Who is refused at once would ask a million times a second.
        if (typeof outcome === 'string') setTimeout(again, loadRefusedRestMs);
        else again();
      });
    };
    again();
  }
};

/** A clock decides; callers that are free take what is due. What cannot be sent within twice the time is left. */
const openLoop = (
  job: Job,
  { perSecond, connections }: { readonly perSecond: number; readonly connections: number },
  { startMs, ended, late, over }: Account & { late(ms: number): void },
): void => {
  const all = Math.min(loadSamplesMax, Math.max(1, Math.round((job.forMs / 1000) * perSecond)));
  const dueMs = (i: number): number => startMs + (i * 1000) / perSecond;
  const lastMs = startMs + 2 * job.forMs;
  const callers = Array.from({ length: connections }, () => callerTo(job));
  /** The one that was used last is asked first: the others may rest, and be closed by the server. */
  const free = [...callers];
  let sent = 0;
  let asleep: NodeJS.Timeout | NodeJS.Immediate | undefined;

  const send = (awaited: boolean): void => {
    const caller = free.pop()!;
    const due = dueMs(sent);
    const sentMs = now();
    if (awaited) late(sentMs - due);
    sent += 1;
    caller.ask((outcome) => {
      ended(outcome, due, sentMs);
      free.push(caller);
      pump(false);
    });
  };
  /** `awaited`: nobody but the clock was waited for. */
  const pump = (awaited: boolean): void => {
    const atMs = now();
    if ((atMs >= lastMs && sent > 0) || sent === all) return free.length === callers.length ? finish() : undefined;
    while (free.length > 0 && sent < all && dueMs(sent) <= now()) send(awaited);
    if (free.length > 0 && sent < all && asleep === undefined) sleepUntil(dueMs(sent));
  };
  /** A timer of Node's comes up to a millisecond late: the last bit is waited for turn by turn. */
  const sleepUntil = (ms: number): void => {
    const leftMs = ms - now() - loadTimerMs;
    const wake = (): void => {
      asleep = undefined;
      pump(true);
    };
    asleep = leftMs > 0 ? setTimeout(wake, Math.floor(leftMs)) : setImmediate(wake);
  };
  const finish = (): void => {
    for (const caller of callers) caller.close();
    over(all - sent);
  };
  pump(true);
};

// --- one connection --------------------------------------------------------------------------------------------------

/** A status, or why there is none. */
type Outcome = number | 'timeout' | 'broken';

interface Caller {
  /** One request at a time. Connects first where there is no connection; that belongs to the request. */
  ask(done: (outcome: Outcome) => void): void;
  close(): void;
}

const callerTo = ({ aim, request, bodiless }: Job): Caller => {
  let socket: Socket | undefined;
  let reader: AnswerReader | undefined;
  let done: ((outcome: Outcome) => void) | undefined;
  let clock: NodeJS.Timeout | undefined;
  let restsSinceMs = 0;

  const finish = (outcome: Outcome): void => {
    const tell = done;
    if (tell === undefined) return;
    clearTimeout(clock);
    if (typeof outcome === 'string' || !reader?.keeps()) drop();
    restsSinceMs = now();
    done = undefined;
    reader = undefined;
    tell(outcome);
  };
  const drop = (): void => {
    socket?.destroy();
    socket = undefined;
  };
  const connect = (): Socket => {
    const fresh = createConnection({ host: aim.address, port: aim.port, noDelay: true });
    const mine = (): boolean => socket === fresh;
    fresh.on('data', (piece) => {
      if (!mine()) return;
      // Bytes that nobody asked for.
      if (reader === undefined) return drop();
      const ended = isEnd(reader, piece);
      if (ended === 'broken') finish('broken');
      else if (ended) finish(reader.status());
    });
    fresh.on('end', () => {
      if (!mine()) return;
      if (reader?.end()) finish(reader.status());
      else if (done === undefined) drop();
    });
    fresh.on('error', () => {});
    fresh.on('close', () => {
      if (!mine()) return;
      socket = undefined;
      finish('broken');
    });
    return fresh;
  };
  return {
    ask(tell) {
      done = tell;
      clock = setTimeout(finish, loadAnswerMs, 'timeout');
      reader = answerReader(bodiless);
      // The server may be closing one that has rested, just as the request is sent.
      if (now() - restsSinceMs > keepAliveMs / 2) drop();
      socket ??= connect();
      socket.write(request);
    },
    close: drop,
  };
};

const isEnd = (reader: AnswerReader, piece: Buffer): boolean | 'broken' => {
  try {
    return reader.take(piece);
  } catch {
    return 'broken';
  }
};
