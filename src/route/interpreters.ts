/**
 * `--interpreter .php=php-cgi`: which program runs files of an extension. Looked up once, at start, to an absolute path: a
 * mistake is told before the first request, and a changed PATH changes nothing later.
 */
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { isProgram } from '../files.js';

export interface Interpreter {
  /** Absolute path. */
  readonly program: string;
  /** Arguments before the script's own path: `.py=python3 -u` has one. */
  readonly args: readonly string[];
  /** As the user wrote it. */
  readonly text: string;
}

/** Throws an Error whose message names the extension and the program. */
export const resolveInterpreters = (map: Readonly<Record<string, string>>, path: string): ReadonlyMap<string, Interpreter> => {
  const found = new Map<string, Interpreter>();
  for (const [extension, text] of Object.entries(map)) {
    if (!/^\.[^./\\]+$/.test(extension)) throw new Error(`interpreter: expected an extension such as .php, got '${extension}'`);
    const words = isProgram(resolve(text)) ? [text] : text.trim().split(/\s+/);
    const program = findProgram(words[0] ?? '', path);
    if (program === undefined)
      throw new Error(`interpreter for ${extension}: no program '${words[0] ?? ''}' ${words[0]?.includes('/') ? 'there' : 'on PATH'}`);
    found.set(extension, { program, args: words.slice(1), text });
  }
  return found;
};

/** Where the system would find a program; undefined when nowhere. */
export const findProgram = (name: string, path: string): string | undefined => {
  if (name === '') return undefined;
  if (name.includes('/') || isAbsolute(name)) return isProgram(resolve(name)) ? resolve(name) : undefined;
  const suffixes = process.platform === 'win32' ? ['', '.exe'] : [''];
  for (const directory of path.split(delimiter).filter(Boolean)) {
    for (const suffix of suffixes) if (isProgram(join(directory, name + suffix))) return join(directory, name + suffix);
  }
  return undefined;
};
