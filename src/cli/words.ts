/**
 * What the command line says, in its two languages. Codes, JSON and exit codes are never translated.
 */
import type { Words } from '../failures.js';

export type Lang = 'en' | 'zh-CN';

export const words = (en: string, zh: string): Words => ({ en, zh });

/** Long ones, cut for the reader of the source: English is joined by spaces, Chinese by nothing. */
export const paragraph = (en: readonly string[], zh: readonly string[]): Words => ({ en: en.join(' '), zh: zh.join('') });

export const say = (text: Words, lang: Lang): string => (lang === 'zh-CN' ? text.zh : text.en);

/**
 * Exit codes. 0 ended as asked · 1 a mistake of ours · 2 a bad option, value or config file · 3 cannot listen ·
 * 4 a directory or file is missing or unreadable · 5 a script is not a CGI program (`run`, `time`, `doctor`), no server answers
 * (`status`), bytes or answers are broken (`wire`) · 129, 130, 143 forced.
 */
export type MistakeCode = 2 | 3 | 4 | 5;

/** Something the user can mend. `main` prints it, without a stack, and exits with its code. */
export class Mistake extends Error {
  constructor(
    readonly exitCode: MistakeCode,
    readonly what: Words,
    /** Further lines: what to do instead. */
    readonly hints: readonly Words[] = [],
  ) {
    super(what.en);
  }
}

/** How wide a text stands on a terminal: Chinese and full-width signs take two columns. */
export const columns = (text: string): number => {
  let width = 0;
  for (const sign of text.replace(/\x1b\[[0-9;]*m/g, ''))
    width += /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/.test(sign) ? 2 : 1;
  return width;
};

export const padTo = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columns(text)));

/** Cut into lines of at most `width` columns: at spaces, and anywhere between Chinese signs. */
export const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  let line = '';
  for (const piece of text.match(/[\u2e80-\u9fff\uff01-\uff60][，。；：、）]?|[^\s\u2e80-\u9fff\uff01-\uff60]+|\s+/g) ?? []) {
    if (line !== '' && columns(line) + columns(piece.trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = piece.trimStart();
    } else line += piece;
  }
  if (line.trim() !== '') lines.push(line.trimEnd());
  return lines;
};

/** Safe to show on a terminal: control bytes, C1 bytes and signs that turn the direction of writing become `\xHH`, `\u{HHHH}`. */
export const visible = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (sign) => {
    const code = sign.charCodeAt(0);
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });

/** An argument as one would type it in a shell. */
export const shellQuoted = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
