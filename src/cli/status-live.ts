/**
 * The status table on a terminal, drawn anew every second on the terminal's second screen, so that what stood there before comes
 * back. `q` or Ctrl-C ends it; so does a server that has ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as limits from '../limits.js';
import type { WholeStatus } from '../status/answer.js';
import type { Palette } from './color.js';
import { type Lang, say, words } from './words.js';

export interface Watch {
  readonly first: WholeStatus;
  /** What it rejects with ends the watch, and is thrown on. */
  readonly ask: () => Promise<WholeStatus>;
  readonly lines: (whole: WholeStatus, width: number) => string[];
  readonly lang: Lang;
  readonly palette: Palette;
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}

/** Resolves when the user has seen enough. */
export const watch = async ({ first, ask, lines, lang, palette: p, stdout, stdin }: Watch): Promise<void> => {
  const enough = new AbortController();
  const end = (): void => enough.abort();
  let whole = first;
  const draw = (): void => {
    const height = stdout.rows || 24;
    const all = lines(whole, stdout.columns || 80);
    const room = height - 1;
    const shown =
      all.length <= room
        ? all
        : [...all.slice(0, room - 1), p.dim(say(words(`… ${all.length - room + 1} more`, `…… 还有 ${all.length - room + 1} 行`), lang))];
    const foot = p.dim(`${new Date(whole.atMs).toLocaleTimeString('en-GB')}  ${say(words('q quits', 'q 退出'), lang)}`);
    // Home; each line and what is left of the old one behind it; whatever was below.
    stdout.write(`\x1b[H${[...shown, foot].map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`);
  };
  const typed = (keys: Buffer): void => {
    if (/[qQ\x03\x04]/.test(keys.toString('latin1'))) end();
  };

  stdout.write('\x1b[?1049h\x1b[?25l');
  stdin.setRawMode?.(true);
  stdin.on('data', typed);
  stdout.on('resize', draw);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, end);
  try {
    draw();
    while (await waited(limits.statusEveryMs, enough.signal)) {
      const next = await ask().catch((error: Error) => error);
      if (enough.signal.aborted) break;
      if (next instanceof Error) throw next;
      whole = next;
      draw();
    }
  } finally {
    for (const signal of signals) process.off(signal, end);
    stdout.off('resize', draw);
    stdin.off('data', typed);
    stdin.setRawMode?.(false);
    stdin.pause();
    stdout.write('\x1b[?25h\x1b[?1049l');
  }
};

/** False when it was cut short. */
const waited = (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false);
