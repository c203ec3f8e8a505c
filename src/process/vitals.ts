/** How a process of ours is: its memory and its processor time, as the kernel tells it (Linux, proc(5)); elsewhere nothing is told. */
import { readFileSync } from 'node:fs';

export interface Vitals {
  /** Resident memory, what it shares with others included. */
  readonly rssBytes: number;
  /** Of its whole life, children that it has reaped not counted in. */
  readonly cpu: { readonly userMs: number; readonly systemMs: number };
}

/** undefined: it is gone, or the system does not tell. */
export const vitals = (pid: number | undefined): Vitals | undefined => {
  if (pid === undefined || process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name comes second, in brackets, and may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ms = (field: number): number => (Number(fields[field]) * 1_000) / ticksPerSecond;
    return { rssBytes: Number(fields[21]) * pageBytes, cpu: { userMs: ms(11), systemMs: ms(12) } };
  } catch {
    return undefined;
  }
};

/** USER_HZ is 100 for every program on Linux, whatever the kernel's own clock. */
const ticksPerSecond = 100;
/** The largest that Linux knows on an architecture that Node has: 4 KiB, but for a few ARM kernels. */
const pageBytes = 4096;
