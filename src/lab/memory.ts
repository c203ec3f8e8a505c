/**
 * The last exchanges, as they happen: what the tap hears is kept here, bounded in number and bytes, until a viewer asks. Nothing is
 * made into text before that, so that a lab without viewers costs a few objects and copies for a request.
 *
 *   carrier/tapped → [here] → stream.ts (what has changed) and lab.ts (one exchange, whole)
 */
import { readSync } from 'node:fs';
import { basename } from 'node:path';
import { explain } from '../failures.js';
import { labBatchMax, labExchangesKept, labKeptBytesMax, labPiecesMax, labStreamBytesMax } from '../limits.js';
import { type Member, Roster } from '../roster.js';
import { sectionOf } from '../script/meta.js';
import { type Judgement, replyParser } from '../script/reply.js';
import type { Ear, Tap } from '../trace/tap.js';
import { type Exchange, now, type Phases, type Trace, type WorkerPlace } from '../trace/trace.js';
import type { GatewayRequest, RawHeaders, Script } from '../types.js';
import { toldHead } from './head-told.js';
import { isSecret } from './secrets.js';
import type { ToldDetail, ToldEnd, ToldExchange, ToldRun, ToldRunDetail, ToldStream } from './told.js';
import { sizesOf } from './wire-sizes.js';
import { toldWire } from './wire-told.js';

export interface Memory {
  readonly tap: Tap;
  /** Tells of an exchange that is over, whether a program was asked or not. */
  exchange(exchange: Exchange): void;
  /** Grows with every change. */
  stamp(): number;
  /** Those that have changed after `stamp`, oldest first: the newest `labBatchMax` of them, all of them when `all`. */
  changedSince(stamp: number, all: boolean): { exchanges: ToldExchange[]; skipped: number };
  detail(id: string): ToldDetail | undefined;
  /** Those that are kept, whole, oldest first: all, or those of `ids`. Made one by one; what has gone when it would come is left out. */
  each(ids?: ReadonlySet<string>): Iterable<KeptExchange>;
  /** The value of a variable, secret or not, in the run at place `run`. */
  variable(id: string, run: number, name: string): string | undefined;
  /** The request's header fields, secrets and all; undefined where no program was told of them. */
  headers(id: string): RawHeaders | undefined;
  /** The script that the answer came from, and its times; undefined where no process was born for it, or while it runs. */
  born(id: string): { readonly script: Script; readonly phases: Phases } | undefined;
}

export interface KeptExchange {
  readonly detail: ToldDetail;
  /** undefined: it runs still. */
  readonly end: Exchange | undefined;
}

/**
 * `changed` is called for every change: it should only remember that there was one. Of a client that `leavesOut` says so of, nothing is
 * kept.
 */
export const memory = (changed: () => void, leavesOut: (userAgent: string | undefined) => boolean = () => false): Memory => {
  /** A ring: an exchange stands at its serial number, and is overwritten by the one that comes so much later. */
  const ring: (Kept | undefined)[] = [];
  const running = new Roster<Kept>();
  let begun = 0;
  let oldest = 1;
  let stamps = 0;
  let bytes = 0;

  const touch = (one: Kept): void => {
    if (one.evicted) return;
    one.stamp = ++stamps;
    changed();
  };
  const at = (serial: number): Kept => ring[serial % labExchangesKept]!;
  const evict = (): void => {
    for (; begun - oldest >= labExchangesKept || (bytes > labKeptBytesMax && oldest < begun); oldest++) {
      const gone = at(oldest);
      gone.evicted = true;
      for (const run of gone.runs) bytes -= bytesKept(run);
      bytes -= wireKept(gone.end);
    }
  };
  const begin = (id: string, startedAt: number, beganMs: number, method: string, target: string, client: string): Kept => {
    begun += 1;
    evict();
    const one: Kept = {
      place: -1,
      serial: begun,
      id,
      at: startedAt,
      beganMs,
      method,
      target,
      client,
      runs: [],
      end: undefined,
      stamp: 0,
      evicted: false,
    };
    ring[begun % labExchangesKept] = one;
    return one;
  };
  /** Of those that run: never many, and most of them the newest. */
  const findRunning = (id: string): Kept | undefined => {
    let found: Kept | undefined;
    running.forEach((one) => {
      if (one.id === id) found = one;
    });
    return found;
  };
  const find = (id: string): Kept | undefined => {
    for (let serial = begun; serial >= oldest; serial--) if (at(serial).id === id) return at(serial);
    return undefined;
  };
  const earOf = (one: Kept, run: Run, trace: Trace): Ear => {
    const keep = (stream: Stream, piece: Buffer): void => {
      const room = one.evicted ? 0 : labStreamBytesMax - stream.kept;
      stream.bytes += piece.length;
      if (room > 0) {
        const taken = piece.subarray(0, room);
        bytes += taken.length;
        stream.kept += taken.length;
        const last = stream.pieces.at(-1);
        if (last !== undefined && stream.pieces.length >= labPiecesMax) last.bytes = Buffer.concat([last.bytes, taken]);
        else stream.pieces.push({ atMs: now(), bytes: Buffer.from(taken) });
        evict();
      }
      touch(one);
    };
    return {
      opened(pid) {
        run.openedMs = now();
        run.pid = pid;
        run.worker = trace.worker;
        touch(one);
      },
      input: (piece) => keep(run.input, piece),
      inputFile(fd, length) {
        keep(run.input, startOfFile(fd, Math.min(length, labStreamBytesMax)));
        run.input.bytes = length;
      },
      inputEnd() {},
      output(piece) {
        run.firstByteMs ??= now();
        keep(run.output, piece);
        const looking = run.headDoneMs === undefined && run.output.kept < labStreamBytesMax;
        if (looking && hasBlankLine(run.output)) run.headDoneMs = now();
      },
      outputEnd() {
        run.lastByteMs = now();
        touch(one);
      },
      errors: (piece) => keep(run.errors, piece),
      exited(code, signal) {
        if (run.own) run.exitedMs = now();
        run.exitCode = code;
        run.signal = signal;
        touch(one);
      },
      over() {
        run.overMs = now();
        touch(one);
      },
    };
  };

  return {
    tap: {
      asked(request, trace) {
        if (leavesOut(trace.userAgent)) {
          trace.recorder = undefined;
          return undefined;
        }
        const one = findRunning(trace.id) ?? begin(trace.id, trace.at, trace.beganMs, trace.method, trace.target, trace.client);
        running.add(one);
        const run = runOf(request, trace);
        one.runs.push(run);
        touch(one);
        return earOf(one, run, trace);
      },
    },
    exchange(exchange) {
      if (leavesOut(exchange.userAgent)) return;
      const { id, at, beganMs, method, target, client } = exchange;
      const one = findRunning(id) ?? begin(id, at, beganMs, method, target, client);
      one.end = exchange;
      running.remove(one);
      if (!one.evicted) bytes += wireKept(exchange);
      touch(one);
    },
    stamp: () => stamps,
    changedSince(stamp, all) {
      const those: Kept[] = [];
      for (let serial = oldest; serial <= begun; serial++) if (at(serial).stamp > stamp) those.push(at(serial));
      const skipped = all ? 0 : Math.max(0, those.length - labBatchMax);
      return { exchanges: those.slice(skipped).map(told), skipped };
    },
    detail(id) {
      const one = find(id);
      return one && toldDetail(one);
    },
    *each(ids) {
      for (let serial = oldest, last = begun; serial <= last; serial = Math.max(serial + 1, oldest)) {
        const one = at(serial);
        if (ids === undefined || ids.has(one.id)) yield { detail: toldDetail(one), end: one.end };
      }
    },
    variable: (id, run, name) => find(id)?.runs[run]?.request.meta.get(name),
    headers: (id) => find(id)?.runs[0]?.request.asked?.headers,
    born(id) {
      const { runs, end } = find(id) ?? {};
      const run = runs?.at(-1);
      return run?.own && end ? { script: run.request.script, phases: end.phases } : undefined;
    },
  };
};

interface Kept extends Member {
  readonly serial: number;
  readonly id: string;
  readonly at: number;
  readonly beganMs: number;
  readonly method: string;
  readonly target: string;
  readonly client: string;
  readonly runs: Run[];
  end: Exchange | undefined;
  stamp: number;
  evicted: boolean;
}

interface Run {
  readonly request: GatewayRequest;
  readonly gateway: string;
  readonly own: boolean;
  readonly grantedMs: number;
  pid: number | undefined;
  worker: WorkerPlace | undefined;
  openedMs: number | undefined;
  firstByteMs: number | undefined;
  headDoneMs: number | undefined;
  lastByteMs: number | undefined;
  exitedMs: number | undefined;
  overMs: number | undefined;
  exitCode: number | undefined;
  signal: string | undefined;
  readonly input: Stream;
  readonly output: Stream;
  readonly errors: Stream;
}

interface Stream {
  readonly pieces: { readonly atMs: number; bytes: Buffer }[];
  bytes: number;
  kept: number;
}

const stream = (): Stream => ({ pieces: [], bytes: 0, kept: 0 });

const runOf = (request: GatewayRequest, trace: Trace): Run => ({
  // Without its body, whose pieces are kept as they pass.
  request: { script: request.script, meta: request.meta, body: undefined, head: request.head, asked: request.asked },
  gateway: trace.gateway ?? '',
  own: request.script.program !== '',
  grantedMs: now(),
  pid: undefined,
  worker: undefined,
  openedMs: undefined,
  firstByteMs: undefined,
  headDoneMs: undefined,
  lastByteMs: undefined,
  exitedMs: undefined,
  overMs: undefined,
  exitCode: undefined,
  signal: undefined,
  input: stream(),
  output: stream(),
  errors: stream(),
});

/** At its own offset: the program reads the same file. What cannot be read is not shown, and breaks nothing. */
const startOfFile = (fd: number, bytes: number): Buffer => {
  const start = Buffer.alloc(bytes);
  try {
    return start.subarray(0, readSync(fd, start, 0, bytes, 0));
  } catch {
    return start.subarray(0, 0);
  }
};

const bytesKept = ({ input, output, errors }: Run): number => input.kept + output.kept + errors.kept;

const wireKept = (end: Exchange | undefined): number =>
  (end?.wire?.recorded?.pieces ?? []).reduce((sum, piece) => sum + piece.bytes.length, 0);

const wholeOf = ({ pieces }: Stream): Buffer => (pieces.length === 1 ? pieces[0]!.bytes : Buffer.concat(pieces.map(({ bytes }) => bytes)));

/** RFC 3875 §6.2 — the header block ends with an empty line. In nearly every answer the first piece has it. */
const hasBlankLine = (output: Stream): boolean => headBytesOf(wholeOf(output)) !== undefined;

const headBytesOf = (output: Buffer): number | undefined => {
  for (let at = output.indexOf(LF); at >= 0; at = output.indexOf(LF, at + 1)) {
    if (at === 0 || output[at - 1] === LF) return at + 1;
    if (output[at - 1] === CR && (at === 1 || output[at - 2] === LF)) return at + 1;
  }
  return undefined;
};

const LF = 0x0a;
const CR = 0x0d;

// --- told ------------------------------------------------------------------------------------------------------------

const told = (one: Kept): ToldExchange => ({
  serial: one.serial,
  id: one.id,
  at: one.at,
  beganMs: rounded(one.beganMs),
  method: one.method,
  target: one.target,
  client: one.client,
  runs: one.runs.map(toldRun),
  ...(one.end && { end: toldEnd(one.end, one.beganMs) }),
});

const toldDetail = (one: Kept): ToldDetail => ({
  ...told(one),
  details: one.runs.map(detailOf),
  wire: one.end?.wire && toldWire(one.end.wire),
});

/** JSON leaves out what is undefined. */
const toldRun = (run: Run): ToldRun =>
  ({
    gateway: run.gateway,
    script: basename(run.request.script.file) || run.request.script.file,
    own: run.own,
    pid: run.pid,
    worker: run.worker,
    grantedMs: rounded(run.grantedMs),
    openedMs: rounded(run.openedMs),
    firstByteMs: rounded(run.firstByteMs),
    headDoneMs: rounded(run.headDoneMs),
    lastByteMs: rounded(run.lastByteMs),
    exitedMs: rounded(run.exitedMs),
    overMs: rounded(run.overMs),
    inputBytes: run.input.bytes,
    outputBytes: run.output.bytes,
    errorsBytes: run.errors.bytes,
    exitCode: run.exitCode,
    signal: run.signal,
  }) as ToldRun;

const toldEnd = (end: Exchange, beganMs: number): ToldEnd => {
  const { failure } = end;
  const row = failure && explain(failure);
  return {
    atMs: rounded(beganMs + end.totalMs),
    totalMs: rounded(end.totalMs),
    gateway: end.gateway,
    status: end.status,
    bytesIn: end.bytesIn,
    bytesOut: end.bytesOut,
    phases: end.phases,
    account: end.account,
    failure: failure && row && { code: failure.code, rule: row.rule, what: row.what, mend: row.mend, detail: failure.evidence.detail },
    notes: end.notes,
  } as ToldEnd;
};

/** Microseconds are more than the eye can see, and less than the clock's digits. */
const rounded = <T extends number | undefined>(ms: T): T => (ms === undefined ? ms : Math.round(ms * 1000) / 1000) as T;

const detailOf = (run: Run): ToldRunDetail => {
  const output = wholeOf(run.output);
  const headBytes = headBytesOf(output);
  const { script, meta } = run.request;
  return {
    file: script.file,
    program: [script.program, ...script.args].join(' '),
    variables: [...meta].map(([name, value]) => ({
      name,
      ...(isSecret(name) ? {} : { value }),
      ...section(name),
    })),
    input: toldStream(run.input),
    output: toldStream(run.output),
    errors: toldStream(run.errors),
    judged: script.nph ? [] : judgedOf(output),
    head: toldHead(run.request),
    sizes: sizesOf(meta, Number(meta.get('CONTENT_LENGTH') ?? run.input.bytes)),
    ...(headBytes === undefined || script.nph ? {} : { headBytes }),
  };
};

const section = (name: string): { section?: string } => {
  const found = sectionOf(name);
  return found === undefined ? {} : { section: found };
};

/** The parser that judged the answer judges what is kept of it again: the lesson and the program cannot disagree. */
const judgedOf = (output: Buffer): Judgement[] => {
  const judged: Judgement[] = [];
  const parser = replyParser((judgement) => judged.push(judgement));
  if (parser.push(output) === undefined) parser.end();
  return judged;
};

const toldStream = ({ pieces, bytes, kept }: Stream): ToldStream => ({
  bytes,
  pieces: pieces.map((piece) => ({ atMs: rounded(piece.atMs), base64: piece.bytes.toString('base64') })),
  more: bytes - kept,
});
