/**
 * Is a process computing, or does it wait for something? Asked of the kernel by those who ration processors.
 */
import { readFileSync } from 'node:fs';

/** Running, or waiting for the disk. Where the kernel does not say, every process is taken to work. */
export const works = (pid: number): boolean => {
  if (process.platform !== 'linux') return true;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): pid (name) state …; the name may hold anything, also a parenthesis.
    const state = text[text.lastIndexOf(')') + 2];
    return state === 'R' || state === 'D';
  } catch {
    return false; // Gone.
  }
};
