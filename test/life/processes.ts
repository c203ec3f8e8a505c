/**
 * What the system says of processes and descriptors, as the tests of this folder ask it: who is a child of whom, who is in which
 * group, who is a zombie. Linux is read from /proc, others from ps.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { until } from '../support/until.js';

export interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** One letter, as ps says it: `Z` is a zombie. */
  readonly state: string;
}

export const processes = (): Running[] => (existsSync('/proc/self/stat') ? fromProc() : fromPs());

/** Children of a process, zombies included. */
export const children = (of = process.pid): Running[] => processes().filter(({ parent }) => parent === of);

/**
 * Those of a process group that still run. Zombies do not count: an orphan's is for init to reap, and not every container's does.
 * Our own zombies are found by `children`.
 */
export const group = (pid: number): Running[] => processes().filter((each) => each.group === pid && !/^[ZX]/.test(each.state));

/** Waits until nothing of the process group runs. A script leads its own: its pid is the group's. */
export const gone = async (pid: number | undefined, timeoutMs?: number): Promise<void> => {
  if (pid === undefined) throw new Error('no pid: the script never ran');
  await until(() => group(pid).length === 0, `process group ${pid} to end`, timeoutMs);
};

/** Waits until this process has no children, zombies included. */
export const childless = async (timeoutMs?: number): Promise<void> => {
  await until(() => children().length === 0, 'every child to be reaped', timeoutMs).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(children())}`);
  });
};

/** What the open descriptors of a process are: paths, `socket:[1]`, `pipe:[2]`. Undefined where there is no /proc. */
export const descriptors = (of: number | 'self' = 'self'): string[] | undefined => {
  const folder = `/proc/${of}/fd`;
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)];
    } catch {
      return []; // the one that readdir itself had open
    }
  });
};

/** Waits until a file has something in it, and gives that, trimmed: how scripts tell a test where they are. */
export const written = (file: string, timeoutMs?: number): Promise<string> =>
  until(() => existsSync(file) && readFileSync(file, 'utf8').trim(), `something in ${file}`, timeoutMs) as Promise<string>;

const fromProc = (): Running[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The second field is the program's name in parentheses, and may hold anything.
      const [state, parent, pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), parent: Number(parent), group: Number(pgrp), state: state! }];
    } catch {
      return []; // it ended meanwhile
    }
  });

const fromPs = (): Running[] => {
  const ps = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat='], { encoding: 'utf8' });
  return ps.stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, pgrp, state]) => ({ pid: Number(pid), parent: Number(parent), group: Number(pgrp), state: state! }))
    .filter(({ pid }) => pid !== ps.pid);
};
