/**
 * One exchange's story, told by every room it passes through, on one clock. The only file that reads the clock.
 *
 *   received → granted → born → firstByte → headDone → lastByte → exited          (marks)
 *        queue    spawn     wait       head        body        exit               (phases between them)
 *
 * A program that stays is not born for the request and does not exit with it: there `dialled` stands in the place of `born`, and
 * `dial` in that of `spawn`.
 *
 * The names are the same in Server-Timing, the log, JSON and the lab. A mark that was never reached is undefined, and so
 * is the phase: an unmeasured time is never shown as zero. A subscriber that throws must not break an exchange.
 */
import type { Failure } from '../failures.js';
import { type WireRecorder, type WireRecording, wireRecorder } from './recorder.js';

/** Milliseconds on a clock that only goes forward. */
export const now = (): number => performance.now();

/** Milliseconds since 1970, for log lines. */
export const wallClock = (): number => Date.now();

export type Mark = 'received' | 'granted' | 'born' | 'dialled' | 'firstByte' | 'headDone' | 'lastByte' | 'exited';

/** Durations in milliseconds; undefined when the exchange never came that far. */
export interface Phases {
  /** An authorizer is asked → it has let the request through, its own queue included; all that were asked on the way, together. */
  readonly authorize: number | undefined;
  /** Request head read (upload spooled, password checked, authorizer asked) → a process slot is granted. */
  readonly queue: number | undefined;
  /** Child asked for → exec has succeeded. */
  readonly spawn: number | undefined;
  /** Connection asked for → connected; nearly nothing on one that was kept. */
  readonly dial: number | undefined;
  /** exec, or connected → first byte of output: interpreter start and program. */
  readonly wait: number | undefined;
  /** First byte → blank line. */
  readonly head: number | undefined;
  /** Blank line → last byte. */
  readonly body: number | undefined;
  /** Last byte → process reaped. */
  readonly exit: number | undefined;
}

/** What the kernel charged to a child and its reaped children (`wait4`, getrusage(2)). Only the native birth gets to see it. */
export interface KernelAccount {
  /** CPU time in user mode and in the kernel, in milliseconds. */
  readonly userMs: number;
  readonly systemMs: number;
  /**
   * Largest resident set, in KiB. Undefined when it stayed below the server's own: at exec the kernel counts the memory the child
   * was born with, which is the server's, so that a smaller one cannot be seen.
   */
  readonly peakRssKib: number | undefined;
  /** Page faults served from memory, and from disk. */
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** Context switches: it waited; it was made to wait. */
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
}

export interface StderrLine {
  readonly id: string;
  /** File name of the script. */
  readonly script: string;
  readonly pid: number | undefined;
  /** Without its line end; control bytes escaped as `\xHH`. */
  readonly text: string;
}

/** What went over the wire to a program that runs already. Of an answer after a local redirect or a guard, the last program's. */
export interface WireAccount {
  readonly name: 'fastcgi' | 'scgi' | 'uwsgi';
  /** Bytes, envelope and all. */
  readonly sent: number;
  readonly received: number;
  /** Of these, what CGI itself would have carried (wire/variables.ts). A request that had to be said twice counts once. */
  readonly payloadSent: number;
  readonly payloadReceived: number;
  /** undefined: nobody asked for it (`recordWire`). */
  readonly recorded: WireRecording | undefined;
}

/** One of a pool's workers: its place, which a replacement gets after it, and which reload it came with; both from 1. */
export interface WorkerPlace {
  readonly slot: number;
  readonly generation: number;
}

/** What is known when an exchange is over. Plain data: what the log prints and a subscriber gets. */
export interface Exchange {
  /** Unique in this process: `1f-3a`. */
  readonly id: string;
  /** When the head was read, in milliseconds since 1970. */
  readonly at: number;
  /** The same on this program's own clock, which goes evenly and more finely. */
  readonly beganMs: number;
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly client: string;
  /** Of its end of the connection; 0 where it is gone. */
  readonly clientPort: number;
  readonly user: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** What the client got; 0 when nothing could be sent. */
  readonly status: number;
  /** Body bytes from the client, and to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** `cgi`, `static`, `page` (our own), or undefined when it never came that far. */
  readonly gateway: string | undefined;
  /** Absolute path of the script or file. */
  readonly script: string | undefined;
  readonly pid: number | undefined;
  /** undefined: no worker of ours answered. */
  readonly worker: WorkerPlace | undefined;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly phases: Phases;
  /** Undefined when it is not available: on the portable path, and for what had no process. Never zero in its place. */
  readonly account: KernelAccount | undefined;
  /** undefined where nothing went over a wire: for `cgi`, `static`, `page`, and where nobody could be reached. Never zero in its place. */
  readonly wire: WireAccount | undefined;
  readonly totalMs: number;
  readonly stderrBytes: number;
  readonly failure: Failure | undefined;
  /** Things worth a line that are not failures: `body cut at Content-Length 5`. */
  readonly notes: readonly string[];
}

/** All of them from the start: an object that grows costs V8 a new shape for each step. */
const marksFrom = (received: number): Record<Mark, number | undefined> => ({
  received,
  granted: undefined,
  born: undefined,
  dialled: undefined,
  firstByte: undefined,
  headDone: undefined,
  lastByte: undefined,
  exited: undefined,
});

let exchangesBegun = 0;
const processTag = (process.pid % 1296).toString(36);

export class Trace {
  readonly id = `${processTag}-${(++exchangesBegun).toString(36)}`;
  readonly at = wallClock();
  readonly beganMs = now();
  private marks = marksFrom(this.beganMs);
  private authorizeMs: number | undefined;
  readonly notes: string[] = [];

  method = '';
  target = '';
  protocol = '';
  client = '';
  clientPort = 0;
  user: string | undefined;
  referer: string | undefined;
  userAgent: string | undefined;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  wireName: WireAccount['name'] | undefined;
  /** Bytes on the wire to the program and from it, envelope and all; and what of them is payload. */
  wireSent = 0;
  wireReceived = 0;
  payloadSent = 0;
  payloadReceived = 0;
  /** Keeps those bytes, where somebody asked for it. */
  recorder: WireRecorder | undefined;
  gateway: string | undefined;
  script: string | undefined;
  pid: number | undefined;
  /** Which of a pool's workers has it. */
  worker: WorkerPlace | undefined;
  exitCode: number | undefined;
  signal: string | undefined;
  account: KernelAccount | undefined;
  stderrBytes = 0;
  failure: Failure | undefined;

  constructor(recordWire = false) {
    if (recordWire) this.record();
  }

  private record(): void {
    this.recorder = wireRecorder(() => now() - this.beganMs);
  }

  /** The first time counts; a local redirect's second script does not rewrite the first one's story. */
  mark(mark: Mark): void {
    this.marks[mark] ??= now();
  }

  /** A local redirect asks another program: its marks and its wire tell what the answer cost. The total counts from the first. */
  restart(): void {
    this.marks = marksFrom(now());
    this.worker = undefined;
    this.wireSent = 0;
    this.wireReceived = 0;
    this.payloadSent = 0;
    this.payloadReceived = 0;
    if (this.recorder) this.record();
  }

  /** An authorizer has let the request through. What is told from here on is about the program it guards. */
  authorized(): void {
    const { received = this.beganMs } = this.marks;
    this.authorizeMs = (this.authorizeMs ?? 0) + now() - received;
    this.restart();
    this.gateway = undefined;
    this.script = undefined;
    this.exitCode = undefined;
  }

  /** Milliseconds since a mark; 0 when it was never reached. */
  sinceMs(mark: Mark): number {
    const at = this.marks[mark];
    return at === undefined ? 0 : now() - at;
  }

  /** The upload is kept, the password is checked: time from now on is the queue's. */
  waitsFromNow(): void {
    this.marks.received = now();
  }

  /** Not a failure, but worth a line. */
  note(text: string): void {
    if (this.notes.length < 20) this.notes.push(text);
  }

  private between(from: Mark, to: Mark): number | undefined {
    const a = this.marks[from];
    const b = this.marks[to];
    return a === undefined || b === undefined ? undefined : Math.max(0, b - a);
  }

  get phases(): Phases {
    return {
      authorize: this.authorizeMs,
      queue: this.between('received', 'granted'),
      spawn: this.between('granted', 'born'),
      dial: this.between('granted', 'dialled'),
      wait: this.between('born', 'firstByte') ?? this.between('dialled', 'firstByte'),
      head: this.between('firstByte', 'headDone'),
      body: this.between('headDone', 'lastByte'),
      exit: this.between('lastByte', 'exited'),
    };
  }

  private get wire(): WireAccount | undefined {
    if (this.wireName === undefined || this.wireSent === 0) return undefined;
    return {
      name: this.wireName,
      sent: this.wireSent,
      received: this.wireReceived,
      payloadSent: this.payloadSent,
      payloadReceived: this.payloadReceived,
      recorded: this.recorder?.recording(),
    };
  }

  /** The account of an exchange that is over. One literal: spreading two objects into a third cost 12 µs and 7 KiB a request. */
  finished(): Exchange {
    return {
      id: this.id,
      at: this.at,
      beganMs: this.beganMs,
      method: this.method,
      target: this.target,
      protocol: this.protocol,
      client: this.client,
      clientPort: this.clientPort,
      user: this.user,
      referer: this.referer,
      userAgent: this.userAgent,
      gateway: this.gateway,
      script: this.script,
      pid: this.pid,
      worker: this.worker,
      exitCode: this.exitCode,
      signal: this.signal,
      phases: this.phases,
      account: this.account,
      stderrBytes: this.stderrBytes,
      status: this.status,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      wire: this.wire,
      totalMs: now() - this.beganMs,
      failure: this.failure,
      notes: this.notes,
    };
  }
}
