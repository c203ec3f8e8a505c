/** While something is measured: a line that says how far it is, and Ctrl-C, which ends it early. */
import { now } from '../trace/trace.js';
import type { Terminal } from './terminal.js';
import { visible } from './words.js';

export type Progress = (name: string, done: number, all: number) => void;

const progressEveryMs = 100;

/** One line on a terminal, written over again and taken away at the end; nothing into a pipe. `shown` tells a count. */
export const progressOn = ({ stderr, errPalette: p, env }: Terminal, shown: (count: number) => string = String): Progress => {
  if (!stderr.isTTY || env.TERM === 'dumb') return () => {};
  let toldMs = Number.NEGATIVE_INFINITY;
  return (name, done, all) => {
    const nowMs = now();
    if (done < all && nowMs - toldMs < progressEveryMs) return;
    toldMs = nowMs;
    const filled = Math.floor((done / all) * 20);
    const line = `  ${p.green('━'.repeat(filled))}${p.dim('━'.repeat(20 - filled))} ${shown(done)}/${shown(all)}  ${visible(name)}`;
    stderr.write(done < all ? `\r\x1b[K${line}` : '\r\x1b[K');
  };
};

export interface Interruption {
  readonly control: { stopped: boolean };
  /** The exit code, once there was a signal: 128 and its number. */
  readonly code: number | undefined;
  /** What a signal has to close. */
  closes(close: () => Promise<void>): void;
  over(): void;
}

/** Children have process groups of their own, so the terminal's Ctrl-C does not reach them. What was measured until then is told. */
export const listenForSignals = (): Interruption => {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const closing: (() => Promise<void>)[] = [];
  const control = { stopped: false };
  let code: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    code ??= codes[signal as keyof typeof codes];
    control.stopped = true;
    for (const close of closing) void close();
  };
  const signals = Object.keys(codes) as (keyof typeof codes)[];
  for (const signal of signals) process.on(signal, onSignal);
  return {
    control,
    get code() {
      return code;
    },
    closes: (close) => void closing.push(close),
    over() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
};
