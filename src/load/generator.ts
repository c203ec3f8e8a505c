/** The load generator as its user holds it: a process of its own, one job after the other. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Harvest, Job } from './generate.js';

export interface Generator {
  readonly pid: number | undefined;
  /** One at a time. undefined: it was closed meanwhile. Rejects when it ended by itself. */
  run(job: Job): Promise<Harvest | undefined>;
  close(): void;
}

export const startGenerator = (): Generator => {
  const child = fork(fileURLToPath(new URL('./apart.js', import.meta.url)), [], {
    ...{ serialization: 'advanced', execArgv: [], env: {}, detached: true },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let closed = false;
  let waiting: { resolve(harvest: Harvest | undefined): void; reject(error: Error): void } | undefined;
  const settle = (harvest: Harvest | undefined, error?: Error): void => {
    const asked = waiting;
    waiting = undefined;
    if (error) asked?.reject(error);
    else asked?.resolve(harvest);
  };
  const ended = (why: string): void => settle(undefined, closed ? undefined : new Error(`the load generator ${why}`));
  child.on('message', (harvest) => settle(harvest as Harvest));
  child.on('error', (error) => ended(error.message));
  child.on('exit', (code, signal) => ended(`ended: ${signal ?? code}`));
  return {
    pid: child.pid,
    run: (job) =>
      new Promise((resolve, reject) => {
        if (closed) return resolve(undefined);
        waiting = { resolve, reject };
        child.send(job, (error) => error && ended(error.message));
      }),
    close() {
      closed = true;
      child.kill('SIGKILL');
      settle(undefined);
    },
  };
};
