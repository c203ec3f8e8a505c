/** What the exports have in common: how bytes become text, and how a secret is told. */
import type { ToldRunDetail, ToldStream } from '../told.js';

/** In the place of a value. */
export const struck = '***';
/** Said in every file. */
export const struckOut =
  'Struck out (***): values of variables and header fields that are secrets, such as cookies, passwords and keys. ' +
  'Bodies and addresses are as they were.';

export const bytesOf = ({ pieces }: ToldStream): Buffer => Buffer.concat(pieces.map(({ base64 }) => Buffer.from(base64, 'base64')));

/** As UTF-8; undefined when it is none. `cut`: the end is missing, and with it perhaps the rest of a character. */
export const textOf = (bytes: Buffer, cut: boolean): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    return undefined;
  }
};

/** For a person: what is no UTF-8 is shown as such. */
export const shownText = (stream: ToldStream): string => bytesOf(stream).toString();

export const variablesOf = ({ variables }: ToldRunDetail): Record<string, string> =>
  Object.fromEntries(variables.map(({ name, value }) => [name, value ?? struck]));

/** A microsecond is as much as the clock can tell. */
export const microseconds = (ms: number): number => Math.round(ms * 1000);

/** Milliseconds since the exchange began; undefined for what was not reached. */
export const sinceBegan = (ms: number | undefined, beganMs: number): number | undefined =>
  ms === undefined ? ms : (microseconds(ms) - microseconds(beganMs)) / 1000;
