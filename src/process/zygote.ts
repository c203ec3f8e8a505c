/**
 * Workers that are forked from one that has loaded the application already: a zygote. It is loaded once, its memory is shared until
 * somebody writes to it, and a worker is born in milliseconds. It makes their listening sockets itself, and tells of them on its
 * descriptor 3 (workers/wsgi.py, `--preload`):
 *
 *   to it     fork N "PATH"
 *   from it   preloaded · born N PID · ready N · exit N CODE · signal N NAME · file "PATH"
 */
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { workerLastWordsMs } from '../limits.js';
import { hearLines } from './hear-lines.js';
import { endGroup } from './kill.js';
import { watchOver } from './warden.js';
import type { Births, WorkerBirth, WorkerEnd, WorkerEvents } from './worker.js';

interface Forked {
  readonly events: WorkerEvents;
  pid: number | undefined;
  over: boolean;
  /** Asked to end before it was born. */
  stopAfterMs: number | undefined;
}

/** `birth.command` is a zygote's. It lives until `close`; one that ends before is replaced when the next worker is wanted. */
export const forking = (birth: WorkerBirth): Births => {
  let zygote = bearZygote(birth);
  return {
    start(path, events) {
      if (zygote.over()) zygote = bearZygote(birth);
      return zygote.start(path, events);
    },
    close: (graceMs) => zygote.close(graceMs),
  };
};

const bearZygote = ({ command, cwd, env }: WorkerBirth): Births & { over(): boolean } => {
  const [program, ...args] = command;
  const child = spawn(program, args, { cwd, env: Object.fromEntries(env), detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const forked = new Map<number, Forked>();
  /** Before it has loaded the application it would read no command. */
  const asked: string[] = [];
  let loaded = false;
  let count = 0;
  let over: WorkerEnd | undefined;

  const ended = (n: number, end: WorkerEnd): void => {
    const worker = forked.get(n);
    if (worker === undefined) return;
    forked.delete(n);
    worker.over = true;
    worker.events.exited(end);
  };
  const endWorker = (worker: Forked, graceMs: number): void => {
    worker.stopAfterMs ??= graceMs;
    if (worker.pid === undefined || worker.over) return;
    const isOver = (): boolean => worker.over;
    endGroup(worker.pid, graceMs, isOver, () => {});
  };
  /** It is gone, and those that it forked with it. */
  const gone = (code: number | null, signal: string | null, errno?: string): void => {
    if (over) return;
    over = { code: code ?? undefined, signal: signal ?? undefined, errno };
    for (const n of [...forked.keys()]) ended(n, over);
  };

  const line = child.stdio[3] as Duplex | undefined;
  if (line) {
    line.on('error', () => {});
    hearLines(line, (word, rest) => {
      const [n = '', what = ''] = rest.split(' ');
      const worker = forked.get(Number(n));
      if (word === 'preloaded') {
        loaded = true;
        for (const command of asked.splice(0)) line.write(command);
      } else if (word === 'file') {
        // Loaded before the fork, it is in all of them.
        const file = JSON.parse(rest) as string;
        for (const { events } of forked.values()) events.loaded(file);
      } else if (word === 'born' && worker) {
        worker.pid = Number(what);
        worker.events.born(worker.pid);
        if (worker.stopAfterMs !== undefined) endWorker(worker, worker.stopAfterMs);
      } else if (word === 'ready') worker?.events.ready();
      else if (word === 'exit') ended(Number(n), { code: Number(what), signal: undefined, errno: undefined });
      else if (word === 'signal') ended(Number(n), { code: undefined, signal: what, errno: undefined });
    });
  }
  const hear = (piece: Buffer): void => {
    // Its children write there, too, and nothing tells which: whoever is being born wants to hear why it is not.
    const [anybody] = forked.values();
    const unborn = [...forked.values()].filter(({ pid }) => pid === undefined);
    for (const { events } of unborn.length > 0 ? unborn : anybody ? [anybody] : []) events.errors(piece);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.once('error', (error: NodeJS.ErrnoException) => gone(null, null, error.code ?? error.message));
  child.once('close', gone);
  const forget = child.pid === undefined ? () => {} : watchOver(child.pid);
  child.once('exit', (code, signal) => {
    forget();
    setTimeout(gone, workerLastWordsMs, code, signal).unref();
  });

  return {
    over: () => over !== undefined,
    start(path, events) {
      count += 1;
      const n = count;
      const worker: Forked = { events, pid: undefined, over: false, stopAfterMs: undefined };
      forked.set(n, worker);
      if (loaded) line?.write(`fork ${n} ${JSON.stringify(path)}\n`);
      else asked.push(`fork ${n} ${JSON.stringify(path)}\n`);
      return {
        stop: (graceMs) => endWorker(worker, graceMs),
        dump() {
          if (worker.pid !== undefined && !worker.over) process.kill(worker.pid, 'SIGUSR1');
        },
      };
    },
    close(graceMs) {
      if (over || child.pid === undefined) return;
      const isOver = (): boolean => over !== undefined;
      endGroup(child.pid, graceMs, isOver, () => {});
    },
  };
};
