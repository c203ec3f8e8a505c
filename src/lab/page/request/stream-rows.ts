/**
 * One stream as rows to be read: header lines, each with its verdict; the border; then the pieces as they came. Pure; streams.ts shows it.
 */
import type { ToldLine, ToldStream } from '../../told.js';
import { fromBase64 } from '../format.js';
import type { Say, Word } from '../words.js';
import { wireWords } from './wire-words.js';

export type Row =
  | {
      readonly kind: 'line';
      readonly text: string;
      /** The piece it began in, where no row before has shown that one. */
      readonly piece: Piece | undefined;
      /** How many pieces it took to come. */
      readonly pieces: number;
      readonly judged: ToldLine;
    }
  /** The empty line. */
  | { readonly kind: 'border' }
  /** What was found wrong when all lines had come. */
  | { readonly kind: 'verdict'; readonly judged: ToldLine }
  | { readonly kind: 'piece'; readonly text: string; readonly piece: Piece | undefined };

export interface Piece {
  readonly at: number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

export const piecesOf = ({ pieces }: ToldStream): Piece[] => {
  let at = 0;
  return pieces.map(({ atMs, base64 }) => {
    const bytes = fromBase64(base64);
    at += bytes.length;
    return { at: at - bytes.length, atMs, bytes };
  });
};

/** All that is kept of a stream, in one. */
export const wholeOf = (pieces: readonly Piece[]): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, { bytes }) => sum + bytes.length, 0));
  for (const { at, bytes } of pieces) whole.set(bytes, at);
  return whole;
};

/** `judged` and `headBytes`: of the output; nothing of them for other streams. */
export const rowsOf = (pieces: readonly Piece[], judged: readonly ToldLine[] = [], headBytes?: number): Row[] => {
  const whole = wholeOf(pieces);
  const rows: Row[] = [];
  // A sign of several bytes may be cut by the end of a piece: it is shown where it is complete.
  const decoder = new TextDecoder();
  const decoded = (bytes: Uint8Array): string => visible(decoder.decode(bytes, { stream: true }));
  let shownTo = -1;
  const firstShown = (piece: Piece): Piece | undefined => {
    if (piece.at <= shownTo) return undefined;
    shownTo = piece.at;
    return piece;
  };

  let at = 0;
  let lines = 0;
  const headEnd = headBytes ?? whole.length;
  for (; lines < judged.length && at < headEnd; lines++) {
    const lf = whole.indexOf(LF, at);
    const end = lf < 0 ? whole.length : lf + 1;
    if (isBlank(whole.subarray(at, end))) break;
    const within = pieces.filter((piece) => piece.at < end && piece.at + piece.bytes.length > at);
    rows.push({
      kind: 'line',
      text: decoded(whole.subarray(at, end)).replace(/\n$/, ''),
      piece: firstShown(within[0]!),
      pieces: within.length,
      judged: judged[lines]!,
    });
    // The rest of a piece in which a line ends is no news.
    shownTo = within.at(-1)!.at;
    at = end;
  }
  if (headBytes !== undefined && headBytes <= whole.length && isBlank(whole.subarray(at, headBytes))) {
    rows.push({ kind: 'border' });
    for (const verdict of judged.slice(lines)) rows.push({ kind: 'verdict', judged: verdict });
    at = headBytes;
  }
  for (const piece of pieces) {
    const rest = piece.bytes.subarray(Math.max(0, at - piece.at));
    if (rest.length > 0) rows.push({ kind: 'piece', text: decoded(rest), piece: firstShown(piece) });
  }
  return rows;
};

const isBlank = (line: Uint8Array): boolean => (line.length === 1 || (line.length === 2 && line[0] === CR)) && line.at(-1) === LF;
const LF = 0x0a;
const CR = 0x0d;

/** What was printed, as text and never as a page; control bytes can be seen. In letters: few fonts have pictures of them. */
const visible = (text: string): string =>
  text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (sign) => (sign === '\r' ? '\\r' : `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`));

/** Rows up to so many lines, as they will be seen; and how many there are in all. */
export const folded = (rows: readonly Row[], linesMax: number): { rows: Row[]; lines: number } => {
  const kept: Row[] = [];
  let lines = 0;
  for (const row of rows) {
    const room = linesMax - lines;
    if (row.kind !== 'piece') {
      if (room > 0) kept.push(row);
      lines += 1;
      continue;
    }
    const texts = row.text.replace(/\n$/, '').split('\n');
    const seen = texts.reduce((sum, text) => sum + linesFor(text), 0);
    if (seen <= room) kept.push(row);
    else if (room > 0) kept.push({ ...row, text: startOf(texts, room) });
    lines += seen;
  }
  return { rows: kept, lines };
};

/** A line that is wider than most panels goes on in the next. */
const lineLetters = 100;
const linesFor = (text: string): number => Math.max(1, Math.ceil(text.length / lineLetters));

const startOf = (texts: readonly string[], linesMax: number): string => {
  const start: string[] = [];
  let room = linesMax;
  for (const text of texts) {
    if (room <= 0) break;
    start.push(text.slice(0, room * lineLetters));
    room -= linesFor(text);
  }
  return start.join('\n');
};

/** Pictures, archives: their text would say nothing. */
export const isBinary = (bytes: Uint8Array): boolean => {
  const start = bytes.subarray(0, 4096);
  // A sign that is cut at the end is no reason.
  const broken = [...new TextDecoder().decode(start, { stream: true })].filter((sign) => sign === '\ufffd').length;
  return start.includes(0) || broken > start.length / 50;
};

/** Why a line was judged so: the parser says it in English (script/reply.ts). */
export const reasonOf = (why: string, say: Say): string => {
  const [, count] = /^more than (\d+) lines$/.exec(why) ?? [];
  if (count !== undefined) return say('why.lines', { count });
  const word = reasons.get(why);
  return word === undefined ? why : say(word);
};

const reasons: ReadonlyMap<string, Word> = new Map(
  Object.entries(wireWords).flatMap(([word, [en]]) => (word.startsWith('why.') ? [[en, word as Word]] : [])),
);
