/** What this program asks of itself, each as one line: the figure, the bar, and whether it is met. */
import { bestPeer, type Figures, figures, type Results } from './results.js';
import { defaultName, quietName } from './servers.js';

export interface Bar {
  readonly what: string;
  readonly measured: string;
  readonly bar: string;
  readonly met: boolean;
}

/** Those of `results` that can be judged: with `--only` or `--servers` not all can. */
export const bars = (results: Results): Bar[] => {
  const name = quietName;
  const lines: Bar[] = [];

  const ratio = (program: string, what: keyof Figures, to: number | undefined, connections: number): number | undefined => {
    const own = figures(results, program, connections, name)?.[what];
    return own === undefined || to === undefined ? undefined : own / to;
  };
  const each = (program: string, connections: number, what: keyof Figures) =>
    ratio(program, what, bestPeer(results, program, connections, what), connections);
  const say = (what: string, ratio: number | undefined, sign: '≥' | '≤', bound: number): void => {
    if (ratio === undefined) return;
    lines.push({ what, measured: times(ratio), bar: `${sign} ${times(bound)}`, met: sign === '≥' ? ratio >= bound : ratio <= bound });
  };

  for (const [program, bound] of [
    ['hello', 1],
    ['bare', 0.95],
  ] as const) {
    const title = program === 'hello' ? 'static C' : '`bare`';
    for (const n of results.connections) {
      say(`${title}: requests/s at ${connected(n)}, to the best peer`, each(program, n, 'perSecond'), '≥', bound);
    }
    say(`${title}: the server's own CPU a request at 8 connections, to the best peer`, each(program, 8, 'ownUs'), '≤', 1.1);
    say(`${title}: p99 at 64 connections, to the best peer`, each(program, 64, 'p99Ms'), '≤', 1);
    for (const n of results.connections) {
      const dearer = ratio(program, 'perSecond', figures(results, program, n, defaultName)?.perSecond, n);
      say(`${title}: a request in default mode at ${connected(n)}, to quiet`, dearer, '≤', 1.1);
    }
  }
  for (const [program, title] of [
    ['download', '1 MiB response'],
    ['upload', '1 MiB POST'],
  ] as const) {
    const lighttpd = results.servers.find((row) => row.name.startsWith('lighttpd'));
    for (const n of results.connections) {
      const rival = lighttpd && figures(results, program, n, lighttpd.name)?.perSecond;
      say(`${title}: requests/s at ${connected(n)}, to lighttpd`, ratio(program, 'perSecond', rival, n), '≥', 1);
    }
  }
  const memory = results.memory.find((one) => one.server === name);
  const [from, to] = memory ? memory.after.slice(-2) : [];
  if (from && to) {
    const what = `resident memory, request ${count(from.requests)} to ${count(to.requests)}`;
    // What V8 has freed and not yet given back comes and goes by a few per cent.
    lines.push({ what, measured: times(to.kib / from.kib), bar: `≤ ${times(1.05)}`, met: to.kib / from.kib <= 1.05 });
  }
  const delay = results.delays.find((one) => one.server === name);
  if (delay) {
    const measured = `${delay.p99.toFixed(1)} ms`;
    lines.push({ what: 'event loop delay, p99 at 64 connections', measured, bar: '< 5 ms', met: delay.p99 < 5 });
  }
  return lines;
};

export const connected = (n: number): string => `${n} ${n === 1 ? 'connection' : 'connections'}`;
export const count = (n: number): string => Math.round(n).toLocaleString('en');
const times = (ratio: number): string => `${ratio.toFixed(2)} ×`;
