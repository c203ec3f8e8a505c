/**
 * What the lab tells its page, as JSON: the words between memory.ts and page/. Times are milliseconds since the server started
 * (`…Ms`), but for `at`, which is since 1970. Imports only what imports nothing: the page is compiled for browsers, what it is told about
 * for Node.
 */
import type { PoolStatus } from '../status/status.js';

/** What a viewer is told first. */
export interface ToldHello {
  readonly version: string;
  readonly nowMs: number;
  /** Where the server answers: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** A script that can be asked by a button: `/cgi-bin/hello.sh`. */
  readonly demo: string | undefined;
  /** Nothing may be changed from here. */
  readonly present: boolean;
  readonly keptMax: number;
}

/** What has changed since a viewer was told last: each of these as it stands now. */
export interface ToldBatch {
  readonly nowMs: number;
  readonly exchanges: readonly ToldExchange[];
  /** Others have changed too, and were too many to tell. */
  readonly skipped: number;
}

export interface ToldExchange {
  /** 1, 2, 3 …: in the order in which they began. */
  readonly serial: number;
  readonly id: string;
  readonly at: number;
  readonly beganMs: number;
  readonly method: string;
  readonly target: string;
  readonly client: string;
  /** One for each program that was asked; several after a local redirect; none for files and pages of our own. */
  readonly runs: readonly ToldRun[];
  /** Present when it is over. */
  readonly end?: ToldEnd;
}

/** One program that was asked. */
export interface ToldRun {
  readonly gateway: string;
  /** As a person would name it: `hello.sh`. */
  readonly script: string;
  /** Its process lives for this run alone. */
  readonly own: boolean;
  readonly pid?: number;
  /** One of a pool's: its place, and which reload it came with. */
  readonly worker?: { readonly slot: number; readonly generation: number };
  /** When each was reached; absent when it was not. */
  readonly grantedMs: number;
  readonly openedMs?: number;
  readonly firstByteMs?: number;
  readonly headDoneMs?: number;
  readonly lastByteMs?: number;
  readonly exitedMs?: number;
  readonly overMs?: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly errorsBytes: number;
  readonly exitCode?: number;
  readonly signal?: string;
}

export interface ToldEnd {
  readonly atMs: number;
  readonly totalMs: number;
  /** `cgi`, `static`, `page` …; absent when it never came that far. */
  readonly gateway?: string;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** As in trace/trace.ts; absent where nothing was measured. */
  readonly phases: { readonly [Phase in PhaseName]?: number };
  readonly account?: ToldAccount;
  readonly failure?: {
    readonly code: string;
    readonly rule: string;
    readonly what: ToldWords;
    readonly mend: ToldWords;
    /** What was seen, in a few words. */
    readonly detail?: string;
  };
  readonly notes: readonly string[];
}

export type PhaseName = 'queue' | 'spawn' | 'dial' | 'wait' | 'head' | 'body' | 'exit';

export interface ToldWords {
  readonly en: string;
  readonly zh: string;
}

/** What the kernel charged to a process: times in milliseconds. */
export interface ToldAccount {
  readonly userMs: number;
  readonly systemMs: number;
  readonly peakRssKib?: number | undefined;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
}

/** How the workers of all pools are: the event `workers`, at once when something has changed, and now and then. */
export interface ToldWorkers {
  readonly nowMs: number;
  readonly at: number;
  /** A pool can have no more by hand. */
  readonly workersMost: number;
  readonly pools: readonly PoolStatus[];
}

/** `POST workers`. The first three are about one worker of the pool, and name it by its pid. */
export interface ToldOrder {
  readonly where: string;
  readonly do: 'kill' | 'term' | 'recycle' | 'add' | 'remove' | 'reload';
  readonly pid?: number;
}

/** The answer to it: it is done, or why not. */
export interface ToldOutcome {
  readonly why?: ToldWords;
  /** What new workers said before they ended. */
  readonly evidence?: string;
}

/** The answer to `GET places`: what of this server can be asked. */
export interface ToldPlaces {
  readonly places: readonly ToldPlace[];
}

export interface ToldPlace {
  /** Of its URL: `/cgi-bin/hello.py`. */
  readonly path: string;
  readonly gateway: 'cgi' | 'fastcgi' | 'scgi' | 'uwsgi' | 'wsgi';
  /** As a person would name it: `hello.py`. */
  readonly program: string;
  /** Equal where the same program answers. */
  readonly same: string;
}

/** What `POST replay` is asked. */
export interface ToldWanted {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** null: a secret, as it was in the exchange `of`. */
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  /** In base64. */
  readonly body: string;
  readonly of: string;
}

/** And its answer: the exchange that it became. */
export interface ToldReplay {
  readonly id: string;
  readonly status: number;
}

/** Everything that is kept of one exchange. */
export interface ToldDetail extends ToldExchange {
  readonly details: readonly ToldRunDetail[];
  /** Of the last program's wire; absent where there was none. */
  readonly wire?: ToldWire | undefined;
}

export interface ToldWire {
  readonly name: 'fastcgi' | 'scgi' | 'uwsgi';
  readonly ways: readonly ToldWay[];
}

export interface ToldWay {
  readonly way: 'sent' | 'received';
  /** All that went this way, and what of it CGI itself would have carried. */
  readonly bytes: number;
  readonly payload: number;
  /** The first of them; the values of secrets are struck out. */
  readonly base64: string;
  /** Bytes that came after these, and were not kept. */
  readonly more: number;
  readonly fields: readonly ToldField[];
  readonly fieldsMore: number;
}

export interface ToldField {
  readonly at: number;
  readonly bytes: number;
  /** The document's name for it. */
  readonly name: string;
  readonly value: string;
  /** `FastCGI §3.3`. */
  readonly rule: string;
  readonly payload: boolean;
  /** The value of a secret. */
  readonly hidden: boolean;
}

/** Of the run at the same place in `runs`. */
export interface ToldRunDetail {
  readonly file: string;
  readonly program: string;
  readonly variables: readonly ToldVariable[];
  readonly input: ToldStream;
  readonly output: ToldStream;
  readonly errors: ToldStream;
  /** Lines of the output's header block, each with what became of it. */
  readonly judged: readonly ToldLine[];
  /** Bytes of the output up to and with the blank line; absent when none came. */
  readonly headBytes?: number;
  /** What the variables were made of: after a local redirect, the request that the server made itself. */
  readonly head?: ToldHead | undefined;
  readonly sizes?: ToldSizes;
}

/** How many bytes the same request takes in each spelling (wire-sizes.ts). */
export interface ToldSizes {
  /** Names and values, and nothing else. */
  readonly variables: number;
  readonly environment: number;
  readonly body: number;
  readonly wires: readonly ToldSize[];
}

export interface ToldSize {
  readonly name: 'fastcgi' | 'scgi' | 'uwsgi';
  /** What comes before the body; absent when the variables are too large for this wire. */
  readonly head?: number;
  /** The body with what frames it. */
  readonly body?: number;
}

/** The head of an HTTP request, as it was sent. */
export interface ToldHead {
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly bytes: number;
  readonly fields: readonly ToldHeadField[];
}

export interface ToldHeadField {
  readonly name: string;
  /** Absent: a secret. */
  readonly value?: string;
  /** As in script/meta.ts; `replaced`: one of the same name came after it. */
  readonly fate:
    | ('variable' | 'joined' | 'replaced')
    | ('name' | 'function' | 'authorization' | 'proxy' | 'secret' | 'length' | 'connection');
  /** What it became, or what it would have become. */
  readonly variable?: string;
  readonly wouldBe?: string;
}

/** The answer to `GET calibration/ID`: what a process like the one of this exchange costs before its script has done anything. */
export interface ToldCalibration {
  /** `true`: a process that does nothing at all. Absent while nobody has measured it. */
  readonly empty?: ToldBare | undefined;
  /** The interpreter with nothing to do; or why there is none to tell. */
  readonly bare: ToldBare | 'unmeasured' | 'failed' | 'compiled' | 'unknown';
  /** What of this exchange a program that stays would not have paid, as trace/tax.ts counts it. */
  readonly tax: {
    readonly spawnMs: number;
    readonly startUpMs?: number | undefined;
    readonly exitMs: number;
    readonly ms: number;
    readonly ofMs: number;
    readonly share: number;
  };
}

/** Means of the middle half of `times` exchanges. */
export interface ToldBare {
  /** `python3` */
  readonly name: string;
  readonly program: string;
  readonly times: number;
  readonly spawnMs: number;
  /** exec → first byte; of what prints nothing, exec → end of output. */
  readonly startUpMs: number;
  /** From birth until it was reaped. */
  readonly totalMs: number;
}

export interface ToldLine {
  readonly text: string;
  readonly verdict: 'cgi' | 'sent' | 'dropped' | 'refused';
  readonly why: string;
}

export interface ToldVariable {
  readonly name: string;
  /** Absent: a secret, given only to who asks for it. */
  readonly value?: string;
  /** RFC 3875: `§4.1.7`; absent for what the RFC does not know. */
  readonly section?: string;
}

export interface ToldStream {
  readonly bytes: number;
  readonly pieces: readonly { readonly atMs: number; readonly base64: string }[];
  /** Bytes that came after these, and were not kept. */
  readonly more: number;
}

/** `POST bench`: as load/plan.ts has it. Each target is a path of this server, with its query. */
export interface ToldBenchOrder {
  readonly targets: readonly { readonly method?: string; readonly target: string }[];
  readonly loop:
    | { readonly kind: 'closed'; readonly users: number }
    | { readonly kind: 'open'; readonly perSecond: number; readonly connections: number };
  readonly rounds: number;
  readonly sliceMs: number;
  readonly warmUpMs: number;
}

/** How the bench stands: the event `bench`. */
export interface ToldBench {
  /** Absent: none runs. */
  readonly running?: {
    /** The target that is asked now. */
    readonly name: string;
    /** 0: it is warmed up. */
    readonly round: number;
    readonly rounds: number;
    /** Of planned time: this slice, all before it, and all there is. */
    readonly forMs: number;
    readonly doneMs: number;
    readonly allMs: number;
  };
  /** Results that can be asked for, the newest last. */
  readonly kept: readonly { readonly run: number; readonly at: number; readonly names: readonly string[] }[];
  /** Why the last one has no result. */
  readonly said?: ToldWords;
}

/** The answer to `GET bench/result?run=RUN&lang=LANG`: in one language, as the sentences and labels of the report are. */
export interface ToldBenchResult {
  readonly run: number;
  readonly names: readonly string[];
  readonly plan: string;
  readonly madeOn: string;
  readonly isOpen: boolean;
  /** None where nothing was answered. */
  readonly figures: readonly ToldBenchFigure[];
  /** What so few requests cannot tell. */
  readonly limit?: string;
  /** Open loop: what is left out when requests are counted from when they were sent. */
  readonly omission?: string;
  readonly notes: readonly string[];
}

/** It has either lines or bars. */
export interface ToldBenchFigure {
  readonly name: 'latency' | 'throughput' | 'processes' | 'cpu';
  readonly title: string;
  readonly sentence: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly lines?: readonly ToldBenchLine[];
  readonly bars?: readonly ToldBenchBar[];
}

/** Latencies of one target by percentile; `place`: which target it is. */
export interface ToldBenchLine {
  readonly name: string;
  readonly place: number;
  readonly isFromSent: boolean;
  readonly curve: { readonly count: number; readonly points: readonly (readonly [percent: number, ms: number])[] };
}

export interface ToldBenchBar {
  readonly name: string;
  readonly place: number;
  /** One after the other. */
  readonly parts: readonly number[];
  readonly label: string;
  /** In which the rounds lay. */
  readonly range?: readonly [least: number, most: number];
}
