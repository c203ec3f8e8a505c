/**
 * Do we have the terminal now? A shell gives it to one job at a time; another one that reads it is stopped (SIGTTIN), and with it everybody
 * in its process group. So whoever reads a terminal asks here first, each time: after Ctrl-Z and `bg` the answer is another one.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Koffi } from './libc.js';

/** undefined: it cannot be found out here. */
export const foregroundTest = (): (() => boolean) | undefined => {
  if (process.platform === 'win32') return () => true; // No job control.
  return process.platform === 'linux' ? byProc : byLibc();
};

/** proc(5): pid (name) state ppid pgrp session tty_nr tpgid …; the name may hold anything, also a parenthesis. */
const byProc = (): boolean => {
  const text = readFileSync('/proc/self/stat', 'latin1');
  const [, , group, , , foreground] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
};

/** tcgetpgrp(3), getpgrp(3), from what this process has loaded already. Exported for a test: the other way is there to compare. */
export const byLibc = (): (() => boolean) | undefined => {
  try {
    const libc = (createRequire(import.meta.url)('koffi') as Koffi).load(null);
    const ofTerminal = libc.func('int tcgetpgrp(int fd)');
    const own = libc.func('int getpgrp()');
    return () => ofTerminal(0) === own();
  } catch {
    return undefined;
  }
};
