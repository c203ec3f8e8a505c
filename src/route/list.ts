/**
 * Every file under a script directory: which may run, by what, and why the others may not. The banner counts them, the start
 * page shows them, `doctor` explains them. Nothing is started.
 */
import { closeSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Failure, failure, isFailure } from '../failures.js';
import { listDepthMax, scriptsListedMax } from '../limits.js';
import { findProgram, type Interpreter } from './interpreters.js';
import { extensionOf, isHidden, probeFile, walk } from './look.js';
import { asUrl, type Segments } from './resolve.js';
import { scriptAt } from './script.js';

export interface ScriptReport {
  /** Relative to the root: `sub/a.py`. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly url: string;
  /** Why it would not run; undefined when it would. */
  readonly failure: Failure | undefined;
  /** `python3 (#!/usr/bin/env python3)`, `program (ELF)`, `php-cgi (.php)`; `''` when nothing would. */
  readonly runBy: string;
  /** The first comment line after the shebang. */
  readonly title: string | undefined;
  readonly writableByOthers: boolean;
}

export const examineScripts = (
  root: string,
  prefix: string,
  interpreters: ReadonlyMap<string, Interpreter>,
  below: Segments = [],
): ScriptReport[] => {
  const reports: ScriptReport[] = [];
  const visit = (name: Segments): void => {
    const directory = walk(root, name);
    if (isFailure(directory) || directory.kind !== 'directory') return;
    let names: string[] = [];
    try {
      names = readdirSync(directory.path).filter((n) => !isHidden(n));
    } catch {
      return;
    }
    for (const entry of names.sort()) {
      if (reports.length >= scriptsListedMax) return;
      const at = [...name, entry];
      const found = walk(root, at);
      if (isFailure(found)) reports.push(report(at, join(directory.path, entry), prefix, found));
      else if (found.kind === 'file') reports.push(examine(at, found.path, found.stats, prefix, interpreters));
      else if (at.length < listDepthMax) visit(at);
    }
  };
  visit(below);
  return reports;
};

const report = (name: Segments, file: string, prefix: string, wrong: Failure): ScriptReport => ({
  path: name.join('/'),
  file,
  url: prefix.replace(/\/$/, '') + asUrl(name),
  failure: wrong,
  runBy: '',
  title: undefined,
  writableByOthers: false,
});

const examine = (
  name: Segments,
  file: string,
  stats: Stats,
  prefix: string,
  interpreters: ReadonlyMap<string, Interpreter>,
): ScriptReport => {
  const script = scriptAt(file, stats, interpreters);
  const base = report(name, file, prefix, failure('NOT_EXECUTABLE', { file }));
  const seen = { ...base, title: titleOf(file), writableByOthers: (stats.mode & 0o002) !== 0 };
  if (isFailure(script)) return { ...seen, failure: script };
  return { ...seen, ...runner(file, stats, interpreters) };
};

/** What runs a script that may run; a missing interpreter is a failure already. */
const runner = (file: string, stats: Stats, interpreters: ReadonlyMap<string, Interpreter>): Pick<ScriptReport, 'runBy' | 'failure'> => {
  const mapped = interpreters.get(extensionOf(file));
  if (mapped) return { runBy: `${basename(mapped.program)} (${extensionOf(file)})`, failure: undefined };
  const probed = probeFile(file, stats);
  if (probed.kind === 'program') return { runBy: `program (${probed.format})`, failure: undefined };
  if (probed.kind !== 'shebang') return { runBy: 'program', failure: undefined };
  const missing = missingInterpreter(file, probed.interpreter, probed.argument);
  const name = programNamed(probed.interpreter, probed.argument);
  const text = `${basename(name)} (#!${probed.interpreter}${probed.argument ? ` ${probed.argument}` : ''})`;
  return { runBy: missing ? '' : text, failure: missing };
};

/** The program a shebang means: behind `env` it is the first word that is neither an option nor an assignment. */
export const programNamed = (interpreter: string, argument: string | undefined): string => {
  if (!/(^|\/)env$/.test(interpreter)) return interpreter;
  return argument?.split(/\s+/).find((word) => !word.startsWith('-') && !word.includes('=')) ?? interpreter;
};

/** INTERPRETER_MISSING with its name, or undefined when it is there. */
const missingInterpreter = (file: string, interpreter: string, argument: string | undefined): Failure | undefined => {
  const path = process.env.PATH ?? '';
  if (findProgram(interpreter, path) === undefined) return failure('INTERPRETER_MISSING', { file, detail: `${interpreter} is not there` });
  const name = programNamed(interpreter, argument);
  if (findProgram(name, path) === undefined) return failure('INTERPRETER_MISSING', { file, detail: `env finds no '${name}' on PATH` });
  return undefined;
};

/** The first comment line that says something, in any language whose comments begin with # or // or /* or -- or ; */
const titleOf = (file: string): string | undefined => {
  let fd: number | undefined;
  try {
    if (!statSync(file).isFile()) return undefined;
    fd = openSync(file, 'r');
    const first = Buffer.alloc(1024);
    const text = first
      .subarray(0, readSync(fd, first, 0, 1024, 0))
      .toString('utf8')
      .replace(/^\uFEFF/, '');
    if (text.includes('\0')) return undefined;
    for (const line of text.split('\n').slice(0, 8)) {
      if (line.startsWith('#!') || line.startsWith('<?')) continue;
      const comment = /^\s*(?:#|\/\/|\/\*+|--|;+|\*)\s*(.*?)\s*(?:\*\/)?$/.exec(line)?.[1];
      if (comment && !/^-\*-|coding[:=]/.test(comment)) return comment;
      if (line.trim() !== '' && comment === undefined) return undefined;
    }
  } catch {
    // Unreadable: it has no title for us; whether it runs was decided elsewhere.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return undefined;
};
