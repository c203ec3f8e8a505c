/**
 * The programs a request is for, and the answer that every server must give before it is measured: C from `programs/`, compiled
 * here, and the same hello in the languages people write CGI in.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Program {
  readonly name: string;
  readonly title: string;
  readonly body: Buffer;
  /** A POST of so many bytes; else a GET. */
  readonly uploadBytes?: number;
}

const mebibyte = 1_048_576;
const hello = Buffer.from('hello\n');

export const programs: readonly Program[] = [
  { name: 'bare', title: '`bare`: C without libc, nothing but the server costs', body: hello },
  { name: 'hello', title: 'static C', body: hello },
  { name: 'sh', title: 'sh', body: hello },
  { name: 'perl', title: 'perl', body: hello },
  { name: 'python', title: 'python', body: hello },
  { name: 'download', title: '1 MiB response (C)', body: Buffer.alloc(mebibyte, 'x') },
  { name: 'upload', title: '1 MiB POST (C)', body: Buffer.from(`${mebibyte}\n`), uploadBytes: mebibyte },
];

/** This file's own folder in the source tree, seen from dist/bench. */
export const sourceDir = fileURLToPath(new URL('../../bench/', import.meta.url));

/** Puts `wanted` into `dir`, executable; returns those that could be made here. */
export const makePrograms = (dir: string, wanted: readonly Program[]): Program[] =>
  wanted.filter(({ name }) => {
    const problem = make(join(dir, name), name);
    if (problem !== undefined) console.error(`left out: ${name}: ${problem}`);
    return problem === undefined;
  });

/** `raw` or `closing` beside the programs; undefined where it cannot be compiled. */
export const makeTool = (dir: string, name: string): string | undefined => {
  const file = join(dir, name);
  return compile(join(sourceDir, `${name}.c`), file, []) === undefined ? file : undefined;
};

const make = (file: string, name: string): string | undefined => {
  if (name === 'bare') return compile(join(sourceDir, 'programs/bare.c'), file, ['-static', '-nostdlib']);
  if (!(name in scripts)) return compile(join(sourceDir, `programs/${name}.c`), file, ['-static']);
  const { interpreter, text } = scripts[name as keyof typeof scripts];
  const path = interpreter();
  if (!path) return 'no interpreter';
  writeFileSync(file, `#!${path}\n${text}`);
  chmodSync(file, 0o755);
  return undefined;
};

const scripts = {
  sh: { interpreter: () => '/bin/sh', text: "printf 'Content-Type: text/plain\\n\\nhello\\n'\n" },
  perl: { interpreter: () => system('perl') ?? said('perl', '-e', 'print $^X'), text: 'print "Content-Type: text/plain\\n\\nhello\\n";\n' },
  python: {
    interpreter: () => system('python3') ?? said('python3', '-c', 'import sys; print(sys.executable)'),
    text: "print('Content-Type: text/plain\\n\\nhello')\n",
  },
} as const;

/** One in somebody's home is out of reach for the user that Apache runs scripts as, and a version manager's wrapper would be measured. */
const system = (name: string): string | undefined =>
  ['/usr/bin', '/usr/local/bin'].map((dir) => join(dir, name)).find((file) => existsSync(file));

const compile = (source: string, file: string, options: readonly string[]): string | undefined => {
  const { status, error, stderr } = spawnSync('cc', ['-O2', ...options, '-o', file, source], { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
};

export const said = (program: string, ...args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`.trim();
};
