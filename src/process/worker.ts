/**
 * How a worker is born and ended: a program that stays, and finds a listening socket as its descriptor 0 (FastCGI §2.2). The socket is
 * made here, under a name that nobody knows, and given away; it gets the name it is dialled by when the worker is ready. Nothing is ever
 * accepted here: the kernel holds what comes until the worker takes it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { workerBacklog, workerLastWordsMs, workerReadyMs } from '../limits.js';
import type { MetaVariables } from '../types.js';
import { hearLines } from './hear-lines.js';
import { endGroup } from './kill.js';
import { watchOver } from './warden.js';

/** Starts the workers of one generation. */
export interface Births {
  start(path: string, events: WorkerEvents): Worker;
  /** None will be started any more, and none lives. */
  close(graceMs: number): void;
}

export interface WorkerBirth {
  /** The program and its arguments; a bare name is looked up on the PATH of `env`. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  readonly env: MetaVariables;
  /**
   * It is one of ours, and says on its descriptor 3 how it is: `ready`, `file "/path"` for what it has loaded; and SIGUSR1 makes it
   * print its stacks. Others are taken to be ready when they have run for a moment.
   */
  readonly speaks: boolean;
}

export interface WorkerEnd {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** It never ran. */
  readonly errno: string | undefined;
}

export interface WorkerEvents {
  born(pid: number): void;
  /** Whoever connects to its path is answered from now on. */
  ready(): void;
  /** It has loaded this file, and would have to be started anew to load it again. */
  loaded(file: string): void;
  /** What it prints. A FastCGI program answers on its connections: stdout is no more to it than stderr. */
  errors(piece: Buffer): void;
  /** Last, once; never before `start` has returned. */
  exited(end: WorkerEnd): void;
}

export interface Worker {
  /** TERM to its process group, and KILL when it has not ended after `graceMs`. */
  stop(graceMs: number): void;
  /** Where it is, it prints, if it knows how. */
  dump(): void;
}

/** Each of them a process of its own from the beginning. */
export const singly = (birth: WorkerBirth): Births => ({ start: (path, events) => bearWorker(birth, path, events), close() {} });

/** `path`: where it is dialled. */
export const bearWorker = ({ command, cwd, env, speaks }: WorkerBirth, path: string, events: WorkerEvents): Worker => {
  const waiting = `${path}.waiting`;
  let child: ChildProcess | undefined;
  let over = false;
  let stopAfterMs: number | undefined;

  const exited = (code: number | null, signal: string | null, errno?: string): void => {
    if (over) return;
    over = true;
    rmSync(waiting, { force: true });
    events.exited({ code: code ?? undefined, signal: signal ?? undefined, errno });
  };
  const ready = (): void => {
    if (over) return;
    renameSync(waiting, path);
    events.ready();
  };
  const stop = (graceMs: number): void => {
    const first = stopAfterMs === undefined;
    stopAfterMs ??= graceMs;
    if (!first || child?.pid === undefined || over) return;
    const isOver = (): boolean => over;
    endGroup(child.pid, graceMs, isOver, () => {});
  };

  const socket = createServer();
  socket.once('error', (error: NodeJS.ErrnoException) => exited(null, null, error.code ?? error.message));
  socket.listen({ path: `${path}.new`, backlog: workerBacklog }, () => {
    if (stopAfterMs !== undefined) {
      socket.close();
      return exited(null, 'SIGTERM');
    }
    const [program, ...args] = command;
    child = spawn(program, args, {
      cwd,
      env: Object.fromEntries(env),
      detached: true,
      // No public way leads to a server's descriptor.
      stdio: [(socket as unknown as { _handle: { fd: number } })._handle.fd, 'pipe', 'pipe', speaks ? 'pipe' : 'ignore'],
    });
    // Before the next turn of the event loop, so that no connection can find its way to us; and Node removes what bears the first name.
    renameSync(`${path}.new`, waiting);
    socket.close();
    child.once('error', (error: NodeJS.ErrnoException) => exited(null, null, error.code ?? error.message));
    const { pid } = child;
    if (pid === undefined) return;
    const forget = watchOver(pid);
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (piece: Buffer) => events.errors(piece));
    if (speaks)
      hearLines(child.stdio[3] as Duplex, (word, rest) => {
        if (word === 'ready') ready();
        else if (word === 'file') events.loaded(JSON.parse(rest) as string);
      });
    // `close`: all it said has been read. A grandchild may hold that open for ever.
    child.once('close', exited);
    child.once('exit', (code, signal) => {
      forget();
      setTimeout(exited, workerLastWordsMs, code, signal).unref();
    });
    events.born(pid);
    if (!speaks) setTimeout(ready, workerReadyMs);
  });
  return {
    stop,
    dump() {
      if (speaks && !over) child?.kill('SIGUSR1');
    },
  };
};
