/** What a pool starts: a command as a shell understands it, or our own worker of a language with an application to call. */
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
  speaks: false,
});

export interface Python {
  /** Absolute path. */
  readonly interpreter: string;
  /** What tells programs of the virtual environment that it is used. */
  readonly variables: MetaVariables;
}

/** How a WSGI application is run (workers/wsgi.py). */
export interface WsgiTarget {
  readonly target: string;
  readonly protocol: 'fastcgi' | 'scgi' | 'uwsgi';
  readonly python: Python;
  /** Each takes so many requests at once. */
  readonly threads: number;
  readonly workersMax: number;
  /** One process loads it, and forks the workers. */
  readonly preload: boolean;
  /** Whoever asks sees the traceback of a failure. */
  readonly dev: boolean;
}

export const wsgiWorker = (what: WsgiTarget, env: MetaVariables): WorkerBirth => {
  const { target, protocol, python, threads, workersMax, preload, dev } = what;
  const options = ['--protocol', protocol, '--threads', String(threads), '--processes', String(workersMax)];
  const flags = [...(preload ? ['--preload'] : []), ...(dev ? ['--dev'] : [])];
  return {
    // The same descriptor says how it is and, when its other end is closed, ends it.
    command: [python.interpreter, wsgi, '--ready-fd', '3', '--lifeline-fd', '3', ...options, ...flags, target],
    cwd: process.cwd(),
    env: new Map([...python.variables, ...env]),
    speaks: true,
  };
};

/** A process for each request: the same application, the same file, and no worker that stays. */
export const wsgiScript = ({ target, python, dev }: WsgiTarget): { program: string; args: string[] } => ({
  program: python.interpreter,
  args: [wsgi, ...(dev ? ['--dev'] : []), target],
});

/** Beside the compiled program, in the package. */
const wsgi = fileURLToPath(new URL('../../../src/workers/wsgi.py', import.meta.url));
