/**
 * A request as it may be changed before it is sent again: as text, since that is what HTTP/1.1 is. Secrets, which this page has never seen,
 * stand there as a sign that no header field could hold; the lab puts the values in their place. Pure.
 */
import type { ToldDetail, ToldPlace, ToldWanted } from '../../told.js';
import { fromBase64 } from '../format.js';
import type { Again, Rerun } from './again.js';

/** null: a secret, as it was. */
export type Field = readonly [name: string, value: string | null];

export interface Draft {
  method: string;
  target: string;
  /** A field in each line: `Accept: text/html`. */
  head: string;
  /** undefined: nobody has touched it. */
  typed: string | undefined;
}

/** What is kept of a request, to begin with. */
export interface Original extends Draft {
  readonly id: string;
  readonly body: Uint8Array;
  /** Bytes of it that were not kept. */
  readonly more: number;
  /** With line ends as a form has them; undefined: it is no text. */
  readonly text: string | undefined;
}

/** Wider than a byte: no field value can be this. */
export const hidden = '••••••';

export const originalOf = ({ id, method, target, details }: ToldDetail): Original => {
  // A guard is asked first and without the body, the program behind a local redirect last and without it.
  const input = (details.find((run) => run.input.bytes > 0) ?? details[0])?.input;
  const body = fromBytes((input?.pieces ?? []).map(({ base64 }) => fromBase64(base64)));
  const fields = (details[0]?.head?.fields ?? []).filter(({ name }) => !connection.test(name));
  return {
    id,
    method,
    // What came as raw bytes is sent as the same bytes, escaped.
    target: target.replace(/[^\x21-\x7e]/g, (sign) => escaped(sign.charCodeAt(0))),
    head: fields.map(({ name, value = hidden }) => `${name}: ${value}`).join('\n'),
    typed: undefined,
    body,
    more: input?.more ?? 0,
    text: textOf(body)?.replaceAll('\r\n', '\n'),
  };
};

/** The lab says these itself. */
const connection = /^(content-length|transfer-encoding|trailer|te|connection|proxy-connection|keep-alive|upgrade|expect)$/i;

/** Or the number of the line that is no field. */
export const fieldsIn = (head: string): readonly Field[] | number => {
  const fields: Field[] = [];
  for (const [i, line] of head.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, name = '', value = ''] = /^([^\s:]+):(.*)$/.exec(line) ?? [];
    if (name === '') return i + 1;
    fields.push([name, value.trim() === hidden ? null : value.trim()]);
  }
  return fields;
};

/** As browsers do with what is typed into their address bar. */
export const typedTarget = (target: string): string =>
  [...new TextEncoder().encode(target.trim())]
    .map((byte) => (byte < 0x21 || byte > 0x7e ? escaped(byte) : String.fromCharCode(byte)))
    .join('');

const escaped = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** A form knows only one line end: what came with CRLF, as multipart must, goes with it. */
export const bodyOf = ({ typed }: Draft, { body, text }: Original): Uint8Array => {
  if (typed === undefined || typed === text) return body;
  const crlf = new TextDecoder().decode(body).includes('\r\n');
  return new TextEncoder().encode(crlf ? typed.replaceAll('\n', '\r\n') : typed);
};

export const wantedOf = (draft: Draft, original: Original, target: string): ToldWanted | number => {
  const headers = fieldsIn(draft.head);
  if (typeof headers === 'number') return headers;
  return { method: draft.method.trim(), target, headers, body: toBase64(bodyOf(draft, original)), of: original.id };
};

// --- where it may go ---------------------------------------------------------------------------------------------------

/** A place where the same program answers, and what to ask for there. */
export interface Way {
  readonly place: ToldPlace;
  readonly target: string;
}

/** All places of the program that the target names, PATH_INFO and query carried over; the one that is named is first. */
export const waysOf = (target: string, places: readonly ToldPlace[]): Way[] => {
  let named: ToldPlace | undefined;
  for (const place of places) if (restOf(target, place.path) !== undefined && place.path.length > (named?.path.length ?? 0)) named = place;
  if (named === undefined) return [];
  const rest = restOf(target, named.path)!;
  const others = places.filter((place) => place.same === named.same && place !== named);
  return [named, ...others].map((place) => ({ place, target: place === named ? target : targetAt(place, rest) }));
};

const targetAt = ({ path }: ToldPlace, rest: string): string => {
  const target = (path === '/' ? '' : path) + rest;
  return target.startsWith('/') ? target : `/${target}`;
};

/** What follows a path, which ends where a segment ends, and may be escaped otherwise; undefined: the target is elsewhere. */
const restOf = (target: string, path: string): string | undefined => {
  const wanted = path === '/' ? [] : path.split('/');
  const there = target.replace(/\?.*$/s, '').split('/').slice(0, wanted.length);
  const same = there.length === wanted.length && wanted.every((segment, i) => unescaped(segment) === unescaped(there[i]!));
  return same ? target.slice(there.join('/').length) : undefined;
};

const unescaped = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

// --- the same for a terminal -------------------------------------------------------------------------------------------

/** Undefined while a line of the head is no field. */
export const againOf = (draft: Draft, original: Original): Again | undefined => {
  const fields = fieldsIn(draft.head);
  if (typeof fields === 'number') return undefined;
  const before = new Set(original.head.split('\n'));
  const matter = fields.filter(([name, value]) => !(beside.test(name) && before.has(`${name}: ${value}`)));
  return { method: draft.method.trim(), target: typedTarget(draft.target), fields: matter, body: bodyOf(draft, original) };
};

/** What clients add by themselves, and few programs look at. */
const beside =
  /^(host|user-agent|accept|accept-encoding|cache-control|pragma|dnt|priority|referer|origin|upgrade-insecure-requests|sec-.*)$/i;

/** Undefined where the draft is for no script that was started for this request alone. */
export const rerunFrom = ({ runs, details }: ToldDetail, draft: Draft): Rerun | undefined => {
  const target = typedTarget(draft.target);
  for (const [i, { file, program, variables }] of details.entries()) {
    const told = (name: string): string => variables.find((variable) => variable.name === name)?.value ?? '';
    // What workers/wsgi.py runs for one request is no file of its own.
    if (!runs[i]?.own || told('SCRIPT_FILENAME') !== file) continue;
    const rest = restOf(target, told('SCRIPT_NAME').split('/').map(encodeURIComponent).join('/'));
    if (rest === undefined) continue;
    const at = program.startsWith(file) ? 0 : program.indexOf(` ${file}`);
    return { file, rest, interpreter: at > 0 ? program.slice(0, at) : undefined, isindex: at === 0 && program.trim() !== file };
  }
  return undefined;
};

// --- bytes -------------------------------------------------------------------------------------------------------------

/** Undefined: bytes that no text has. */
export const textOf = (body: Uint8Array): string | undefined => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) || /\r(?!\n)/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
};

export const fromBytes = (pieces: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
};

const toBase64 = (body: Uint8Array): string => {
  let text = '';
  for (const byte of body) text += String.fromCharCode(byte);
  return btoa(text);
};
