/**
 * Lines that are typed while the server runs. The terminal stays as it is, line by line: a single key would need raw mode, in which Ctrl-C
 * and Ctrl-Z are bytes like others, and which stays behind when a process is killed. And it is read only while we have it
 * (process/foreground.ts), so that a server in the background is never stopped for reading. Nothing tells when that changes
 * (`fg` of a job that runs sends no signal), so the terminal is looked at now and then.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
import { typedLookMs } from '../limits.js';
import { foregroundTest } from '../process/foreground.js';

/** Returns how to stop; undefined where no terminal can be read. */
export const onTyped = (heard: (line: string) => void): (() => void) | undefined => {
  const isOurs = isatty(0) && isatty(2) ? foregroundTest() : undefined;
  if (isOurs === undefined) return undefined;
  let pending = '';
  const take = (text: string): void => {
    const lines = (pending + text).split(/[\r\n]/);
    pending = (lines.pop() ?? '').slice(0, lineCharactersMax);
    for (const line of lines) heard(line);
  };
  return process.platform === 'win32' ? byEvents(take) : byLooking(take, isOurs);
};

/** A word; what is longer is not for us. */
const lineCharactersMax = 100;

const byEvents = (take: (text: string) => void): (() => void) => {
  const hear = (bytes: Buffer): void => take(bytes.toString());
  process.stdin.on('data', hear).unref();
  return () => void process.stdin.off('data', hear).pause();
};

const byLooking = (take: (text: string) => void, isOurs: () => boolean): (() => void) | undefined => {
  const fd = openTerminal();
  if (fd === undefined) return undefined;
  const bytes = Buffer.alloc(1024);
  let over = false;
  const stop = (): void => {
    if (over) return;
    over = true;
    clearInterval(timer);
    closeSync(fd);
  };
  const look = (): void => {
    // Asked before each read: between the two nobody has the time to type Ctrl-Z and `bg`.
    while (!over && isOurs()) {
      const count = readSome(fd, bytes);
      if (count < 0) return stop();
      if (count === 0) return;
      take(bytes.toString('utf8', 0, count));
    }
  };
  const timer = setInterval(look, typedLookMs).unref();
  return stop;
};

/** How many bytes; 0 when there are none yet, -1 when the terminal is gone. */
const readSome = (fd: number, bytes: Buffer): number => {
  try {
    return readSync(fd, bytes);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : -1;
  }
};

/** Opened anew: what our standard input does not wait for, the shell's would not either, for they are one open file. */
const openTerminal = (): number | undefined => {
  try {
    return openSync('/dev/tty', constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
};
