/**
 * What a server's own processes have cost and hold, as Linux tells (proc(5)). The programs it ran for requests are left out: they
 * are other executables, and gone when the load is over.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** CPU in clock ticks of each process, named by pid and time of birth: a pid alone may be used again. */
export type Account = ReadonlyMap<string, number>;

/** Linux shows /proc in ticks of 1/100 s on every architecture. */
const msPerTick = 10;
/** How long a server may take to be rid of the last request's programs. */
const settleMs = 5_000;

/** Waits until only the server itself is left, then reads. `roots`: what was started; their descendants count. */
export const account = async (roots: readonly number[]): Promise<Account> => {
  const deadline = Date.now() + settleMs;
  let before = '';
  for (;;) {
    const family = familyOf(roots);
    const names = family.map((each) => each.name).join();
    const settled = names === before && family.every((each) => each.own);
    if (settled || Date.now() > deadline) return new Map(family.filter((each) => each.own).map(({ name, ticks }) => [name, ticks]));
    before = names;
    await sleep(20);
  }
};

/** Milliseconds of CPU between two accounts, by processes that lived to the second. */
export const spentMs = (before: Account, after: Account): number => {
  let ticks = 0;
  for (const [name, now] of after) ticks += now - (before.get(name) ?? 0);
  return ticks * msPerTick;
};

/** Resident memory of the server itself, in KiB; pages that two of its processes share count twice. */
export const residentKib = (roots: readonly number[]): number =>
  familyOf(roots)
    .filter((each) => each.own)
    .reduce((sum, { pid }) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(readOr(`/proc/${pid}/status`, ''))?.[1] ?? 0), 0);

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly ticks: number;
  /** Runs what one of the roots runs. */
  readonly own: boolean;
}

const familyOf = (roots: readonly number[]): Process[] => {
  const programs = new Set(roots.map(programOf));
  const children = new Map<number, Stat[]>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined;
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat]);
  }
  const family: Process[] = [];
  const visit = ({ pid, born, ticks }: Stat): void => {
    const program = programOf(pid);
    family.push({ pid, name: `${pid}@${born}`, ticks, own: program !== undefined && programs.has(program) });
    for (const child of children.get(pid) ?? []) visit(child);
  };
  for (const root of roots) {
    const stat = statOf(root);
    if (stat) visit(stat);
  }
  return family;
};

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly born: string;
}

/** Fields 4 (ppid), 14 and 15 (utime, stime: all threads, also those that ended) and 22 (starttime). */
const statOf = (pid: number): Stat | undefined => {
  const text = readOr(`/proc/${pid}/stat`, '');
  // Field 2 is a name in parentheses that may hold spaces and parentheses; fields[0] is field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 20) return undefined;
  return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]), born: fields[19]! };
};

const programOf = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // Gone, or a zombie.
  }
};

const readOr = (file: string, otherwise: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
};
