/**
 * What SCGI and uwsgi have in common, which is nearly all: a connection carries one request; its variables stand in one block
 * whose length is said first; the body follows raw, counted by CONTENT_LENGTH; the answer ends where the connection ends.
 * scgi.ts and uwsgi.ts say only how the block is spelt.
 *
 *   opening │ block of variables │ body │ (nothing)
 */
import { recode } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import { wireVariablesMax } from '../limits.js';
import type { MetaVariables } from '../types.js';
import type { Ruler } from './one-block-fields.js';
import { statusLine } from './status-line.js';
import type { Asked, Asking, AskingReader, TellingReader, Told } from './wire.js';

/** Where a document says something, and what it says: one plain sentence. */
export type Said = readonly [rule: string, says: string];

/** How one of the two wires spells its block. */
export interface Spelling {
  readonly name: 'SCGI' | 'uwsgi';
  /** From the first bytes of a request, one more at each call: how long the block after them is; undefined: not yet. */
  measure(start: Buffer): number | Failure | undefined;
  /** The whole block. */
  read(block: Buffer): Map<string, string> | Failure;
  /** The fields of the opening and of a block so long, right or wrong, as far as the ruler's bytes go; undefined: the opening is cut. */
  fields(ruler: Ruler, start: Buffer, blockBytes: number | undefined): void;
  readonly body: Said;
  /** Of bytes after the body. */
  readonly after: Said;
}

// --- the web server's side ------------------------------------------------------------------------------------

/**
 * The body travels as it is. CONTENT_LENGTH is the only word about its end, so whoever asks must know the length before the
 * first byte (a chunked upload is spooled) and then give exactly so many. Closing the connection is the only way to abort.
 */
export const askRaw = (opening: Buffer, payloadBytes: number): Asking => ({
  opening,
  payloadBytes,
  body: (piece) => (piece.length === 0 ? [] : [piece]),
  bodyEnd: () => [],
  abort: () => undefined,
});

/**
 * Nothing frames the answer: it is output until the connection ends. Whether it is whole, only its own Content-Length can tell,
 * which whoever reads the head compares (REPLY_SHORT). No byte at all is no answer: `silence` says what that may mean.
 */
export const readUntilEnd = (silence: string): TellingReader => {
  const head = statusLine();
  let heard = false;
  const output = (pieces: Buffer[]): Told[] => pieces.map((bytes) => ({ kind: 'output', bytes }));
  return {
    push(bytes) {
      if (bytes.length === 0) return [];
      heard = true;
      return output(head.push(bytes));
    },
    end() {
      if (!heard) return [{ kind: 'failed', why: failure('WIRE_TRUNCATED', { detail: silence }) }];
      return [...output(head.end()), { kind: 'ended', appStatus: undefined }];
    },
    next() {},
  };
};

// --- the program's side ---------------------------------------------------------------------------------------

/**
 * One request: `variables`, its `body`, `bodyEnd` exactly at CONTENT_LENGTH. What follows is a failure, never a second request:
 * whoever parses a body he has not counted obeys requests that a client wrote into it (uwsgi#2336).
 */
export const readOneBlock = (spelling: Spelling): AskingReader => {
  let start: Buffer = Buffer.alloc(0);
  /** As long as was announced, and so bounded, however small the pieces that fill it. */
  let block: Buffer | undefined;
  let filled = 0;
  let bodyBytes: number | undefined;
  let bodyLeft = 0;
  let over = false;

  const fail = (why: Failure): Asked => {
    over = true;
    return { kind: 'failed', why };
  };

  return {
    push(piece) {
      if (over) return [];
      let at = 0;
      for (; block === undefined && at < piece.length; at += 1) {
        start = Buffer.concat([start, piece.subarray(at, at + 1)]);
        const measured = spelling.measure(start);
        if (typeof measured === 'number') block = Buffer.allocUnsafe(measured);
        else if (measured !== undefined) return [fail(measured)];
      }
      if (block === undefined) return [];

      const asked: Asked[] = [];
      if (bodyBytes === undefined) {
        const copied = piece.copy(block, filled, at);
        filled += copied;
        at += copied;
        if (filled < block.length) return [];
        const meta = spelling.read(block);
        if (!(meta instanceof Map)) return [fail(meta)];
        bodyBytes = bodyLeft = contentLength(meta);
        asked.push({ kind: 'variables', meta });
        if (bodyLeft === 0) asked.push({ kind: 'bodyEnd' });
      }
      if (bodyLeft > 0 && at < piece.length) {
        const bytes = piece.subarray(at, at + bodyLeft);
        at += bytes.length;
        bodyLeft -= bytes.length;
        asked.push({ kind: 'body', bytes });
        if (bodyLeft === 0) asked.push({ kind: 'bodyEnd' });
      }
      if (at < piece.length) asked.push(fail(broken(...spelling.after)));
      return asked;
    },
    end() {
      if (over || start.length === 0 || (bodyBytes !== undefined && bodyLeft === 0)) return [];
      const came =
        bodyBytes !== undefined
          ? `${bodyBytes - bodyLeft} of ${bodyBytes} bytes of the body`
          : block !== undefined
            ? `${filled} of ${block.length} bytes of the variables`
            : `${start.length} bytes`;
      return [fail(failure('WIRE_TRUNCATED', { detail: `the connection ended after ${came}` }))];
    },
  };
};

export const broken = (rule: string, what: string): Failure => failure('WIRE_BROKEN', { detail: `${rule}: ${what}` });

export const tooMany = (): Failure => failure('WIRE_VARIABLES_TOO_LARGE', { detail: `more than ${wireVariablesMax} variables` });

/** No number, or one longer than Number holds exactly, is not a length; nor are uWSGI's leading digits of `12abc`. */
export const isLength = (value: string): boolean => /^\d{1,15}$/.test(value);

export const contentLength = (meta: MetaVariables): number => Number(meta.get('CONTENT_LENGTH') ?? 0);

/** Bytes of a name or value as they were meant: UTF-8 where they can be, one character for each byte elsewhere. */
export const textOf = (bytes: Buffer): string => recode(bytes.toString('latin1'));
