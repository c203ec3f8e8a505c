/**
 * What every wire is: a way to spell one request and to read its answer, and the other way round. Sans-io: bytes in, events out;
 * events in, bytes out; "not yet" is an empty list. The carrier moves the bytes, `trace/explain` shows them, tests break them,
 * all through these same codecs.
 *
 *   Asking   what a web server says           AskingReader   what a program hears
 *   Telling  what a program says              TellingReader  what a web server hears
 */
import type { Failure } from '../failures.js';
import type { MetaVariables } from '../types.js';

export interface Wire {
  readonly name: 'fastcgi' | 'scgi' | 'uwsgi';
  /** A connection outlives its answer and carries the next request. */
  readonly keeps: boolean;
  /** One request, spelt; or why it cannot be (a variable too large for the wire). `turn`: how many this connection carried before. */
  ask(meta: MetaVariables, turn?: number): Asking | Failure;
  /** Reads answers. One for each connection. */
  readTelling(): TellingReader;
  /** The program's side. One for each connection. */
  readAsking(): AskingReader;
}

/** The web server's side of one request. Each gives the bytes to send. */
export interface Asking {
  /** The variables, and whatever comes before them. */
  readonly opening: Buffer;
  /** Bytes in it that CGI itself would have carried (variables.ts). */
  readonly payloadBytes: number;
  /** Some of the body. An empty piece is no bytes. */
  body(piece: Buffer): Buffer[];
  /** The body is all said. */
  bodyEnd(): Buffer[];
  /** Nobody wants the answer; undefined where only closing the connection says so. */
  abort(): Buffer | undefined;
}

/** What an answer is made of. */
export type Told =
  | { readonly kind: 'output'; readonly bytes: Buffer }
  | { readonly kind: 'errors'; readonly bytes: Buffer }
  /** The answer is over. `appStatus` is what CGI's exit code was; undefined on wires that have none. */
  | { readonly kind: 'ended'; readonly appStatus: number | undefined }
  /** The program refuses the request, or breaks the wire's rules. Nothing more is told. */
  | { readonly kind: 'failed'; readonly why: Failure };

export interface TellingReader {
  push(bytes: Buffer): Told[];
  /** The connection is at its end: what that means in this place. */
  end(): Told[];
  /** The request of this turn has been sent and its answer is awaited. Told only where the wire keeps connections, from turn 1 on. */
  next(turn: number): void;
}

/** The program's side of one answer. Each gives the bytes to send. */
export interface Telling {
  /** Some of the answer, as CGI's stdout. An empty piece is no bytes. */
  output(piece: Buffer): Buffer[];
  /** As CGI's stderr; no bytes on wires that have no way for it. */
  errors(piece: Buffer): Buffer[];
  /** The answer is all said; `appStatus` is the exit code, for wires that carry one. */
  end(appStatus: number): Buffer[];
}

/** What a request is made of, for a program. */
export type Asked =
  | { readonly kind: 'variables'; readonly meta: MetaVariables }
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'bodyEnd' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failed'; readonly why: Failure };

export interface AskingReader {
  push(bytes: Buffer): Asked[];
  end(): Asked[];
}

/** One field of a wire's bytes, for those who show them. Every byte lies in exactly one. */
export interface Field {
  /** Offset of its first byte. */
  readonly at: number;
  /** How many of its bytes are here: at least one. */
  readonly bytes: number;
  /** The document's name for it. */
  readonly name: string;
  /** What it says here, on one line; `''` where it says nothing. */
  readonly value: string;
  /** `SCGI §4`. */
  readonly rule: string;
  /** One plain sentence. */
  readonly says: string;
  /** The bytes end inside this field. */
  readonly partial?: true;
}
