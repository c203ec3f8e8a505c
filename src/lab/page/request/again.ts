/** The commands that send a request once more from a terminal, for a POSIX shell. Pure. */
import type { Field } from './replay-draft.js';

export interface Again {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Of those that matter. */
  readonly fields: readonly Field[];
  readonly body: Uint8Array;
}

/** A script that has a process of its own for each request. */
export interface Rerun {
  readonly file: string;
  /** Path and query behind the script's own. */
  readonly rest: string;
  /** What it was started with, where that is not the file itself: `/usr/bin/php-cgi`. */
  readonly interpreter: string | undefined;
  /** RFC 3875 §4.4: its query became arguments. */
  readonly isindex: boolean;
}

/** `curl 'http://127.0.0.1:8000/cgi-bin/a.sh?x=1'` */
export const curlOf = ({ method, target, fields, body }: Again, url: string): string => {
  const text = textOf(body);
  const data = text === undefined ? ['--data-binary', '@FILE'] : [text.startsWith('@') ? '--data-raw' : '-d', shellWord(text)];
  return [
    'curl',
    // Brackets are patterns to curl, and dots are resolved before they are sent.
    ...(/[[\]{}]/.test(target) ? ['-g'] : []),
    ...(/\/\.{1,2}(?:[/?]|$)/.test(target) ? ['--path-as-is'] : []),
    // With -X HEAD it would wait for a body.
    ...(method === 'HEAD' && body.length === 0 ? ['-I'] : methodWords(method, body)),
    ...fieldWords(fields, body).flatMap(([name, value]) => [
      '-H',
      shellWord(value === '' && !isUsualType(name) ? `${name};` : fieldLine(name, value)),
    ]),
    ...(body.length === 0 ? [] : data),
    shellWord(url + target),
  ].join(' ');
};

/** `cgi-serve run ./a.sh '/b?x=1'` */
export const rerunOf = ({ method, fields, body }: Again, { file, rest, interpreter, isindex }: Rerun): string => {
  const text = textOf(body);
  // There an @ names a file, and - an option.
  const data =
    text === undefined || text.startsWith('@')
      ? ['-d', '@FILE']
      : text.startsWith('-')
        ? [`-d${shellWord(`=${text}`)}`]
        : ['-d', shellWord(text)];
  const [extension = ''] = /\.[^./]+$/.exec(file) ?? [];
  return [
    ...['cgi-serve', 'run'],
    ...(interpreter === undefined ? [] : ['--interpreter', shellWord(`${extension}=${interpreter}`)]),
    ...(isindex ? ['--isindex'] : []),
    shellWord(file),
    ...(rest === '' ? [] : [shellWord(rest)]),
    ...methodWords(method, body),
    ...fieldWords(fields, body).flatMap(([name, value]) => ['-H', shellWord(fieldLine(name, value))]),
    ...(body.length === 0 ? [] : data),
  ].join(' ');
};

/** Data alone is a POST, for both. */
const methodWords = (method: string, body: Uint8Array): string[] =>
  method === (body.length === 0 ? 'GET' : 'POST') ? [] : ['-X', shellWord(method)];

/** Both say that data is a form when nothing is said. */
const usualType = 'application/x-www-form-urlencoded';
const isUsualType = (name: string): boolean => name.toLowerCase() === 'content-type';

const fieldWords = (fields: readonly Field[], body: Uint8Array): (readonly [string, string])[] => {
  const said = fields.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  if (body.length === 0) return said;
  const type = said.find(([name]) => isUsualType(name));
  if (type === undefined) return [...said, ['Content-Type', '']];
  return said.filter((field) => field !== type || type[1] !== usualType);
};

const fieldLine = (name: string, value: string): string => (value === '' ? `${name}:` : `${name}: ${value}`);

const textLettersMax = 2_000;

/** As it can be pasted into a terminal; undefined: it must come from a file. */
const textOf = (body: Uint8Array): string | undefined => {
  if (body.length > textLettersMax) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return /[\x00-\x09\x0b-\x1f\x7f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
};

/** `=` at the beginning means something to zsh. */
export const shellWord = (text: string): string => (/^(?!=)[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
