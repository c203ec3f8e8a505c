/** What a pool starts: a command as a shell understands it, or our own worker of a language with an application to call. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerBirth } from '../process/worker.js';
import type { MetaVariables } from '../types.js';

/** FastCGI §2.2: the program finds its socket as descriptor 0. */
export const fastcgiWorker = (command: string, env: MetaVariables): WorkerBirth => ({
  // `exec`: the program takes the shell's place, and its pid.
  command: ['/bin/sh', '-c', `exec ${command}`],
  cwd: process.cwd(),
  // php-cgi by itself would fork workers of its own, and end after 500 requests: both are the pool's business.
  env: new Map([['PHP_FCGI_CHILDREN', '0'], ['PHP_FCGI_MAX_REQUESTS', '0'], ...env]),
  saysReady: false,
});

export const wsgiWorker = (target: string, python: string | undefined, workers: number, env: MetaVariables): WorkerBirth => ({
  // The same descriptor says «ready» and, when its other end is closed, ends it.
  command: [python ?? usualPython(), wsgi, '--ready-fd', '3', '--lifeline-fd', '3', '--processes', String(workers), target],
  cwd: process.cwd(),
  env,
  saysReady: true,
});

/** Beside the compiled program, in the package. */
const wsgi = fileURLToPath(new URL('../../../src/workers/wsgi.py', import.meta.url));

/** Of the virtual environment that is in use, or of the one that lies here; else whatever PATH has. */
const usualPython = (): string => {
  const { VIRTUAL_ENV } = process.env;
  const candidates = [...(VIRTUAL_ENV ? [VIRTUAL_ENV] : []), '.venv'].map((folder) => resolve(join(folder, 'bin', 'python')));
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile()) ?? 'python3';
};
