/**
 * What the lab tells its page, as JSON: the words between memory.ts and page/. Times are milliseconds since the server started
 * (`…Ms`), but for `at`, which is since 1970. Imports nothing: the page is compiled for browsers, what it is told about for Node.
 */
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
