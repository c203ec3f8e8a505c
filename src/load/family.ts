/**
 * The processes below this one that stay, as Linux tells of them (proc(5)): workers, whose CPU no exchange can be charged with, because
 * they live on after it. Elsewhere nothing is known of them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Cpu } from './plan.js';

/** Each process by pid and time of birth: a pid alone may be used again. */
export type Family = ReadonlyMap<string, Cpu>;

/** Children, and theirs, of this process, but for those named. undefined: no /proc, not Linux. */
export const familyNow = (without: readonly (number | undefined)[]): Family | undefined => {
  const children = new Map<number, Stat[]>();
  try {
    for (const entry of readdirSync('/proc')) {
      const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined;
      if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat]);
    }
  } catch {
    return undefined;
  }
  const family = new Map<string, Cpu>();
  const visit = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      if (without.includes(child.pid)) continue;
      family.set(`${child.pid}@${child.born}`, child.cpu);
      visit(child.pid);
    }
  };
  if (children.size === 0) return undefined;
  visit(process.pid);
  return family;
};

/** What was spent between two looks, and who is new. One that ended in between takes its account with it. */
export const spent = (before: Family, after: Family): { readonly cpu: Cpu; readonly born: number } => {
  let userMs = 0;
  let systemMs = 0;
  let born = 0;
  for (const [name, cpu] of after) {
    const was = before.get(name);
    if (was === undefined) born += 1;
    userMs += cpu.userMs - (was?.userMs ?? 0);
    systemMs += cpu.systemMs - (was?.systemMs ?? 0);
  }
  return { cpu: { userMs, systemMs }, born };
};

/** Linux shows /proc in ticks of 1/100 s on every architecture. */
const msPerTick = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly born: string;
  readonly cpu: Cpu;
}

/** Fields 4 (ppid), 14 and 15 (utime, stime) and 22 (starttime). */
const statOf = (pid: number): Stat | undefined => {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // Gone meanwhile.
  }
  // Field 2 is a name in parentheses that may hold spaces and parentheses; fields[0] is field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 20) return undefined;
  return {
    pid,
    parent: Number(fields[1]),
    born: fields[19]!,
    cpu: { userMs: Number(fields[11]) * msPerTick, systemMs: Number(fields[12]) * msPerTick },
  };
};
