/** What this program asks of itself, each as one line: what is compared, the bar, and the figure at each number of connections. */
import { bestPeer, type Figures, figures, type Results, rowsOf } from './results.js';
import { defaultName, quietName } from './servers.js';

export interface Bar {
  readonly what: string;
  readonly bar: string;
  readonly at: ReadonlyMap<number, { readonly measured: string; readonly met: boolean }>;
}

/** Those of `results` that can be judged: with `--only` or `--servers` not all can. */
export const bars = (results: Results): Bar[] => {
  const all = results.connections;
  const lines: Bar[] = [];

  const say = (what: string, sign: '≥' | '≤', bound: number, connections: readonly number[], ratio: (n: number) => number | undefined) => {
    const at = connections.flatMap((n) => {
      const measured = ratio(n);
      if (measured === undefined) return [];
      return [[n, { measured: measured.toFixed(2), met: sign === '≥' ? measured >= bound : measured <= bound }] as const];
    });
    if (at.length > 0) lines.push({ what, bar: `${sign} ${bound.toFixed(2)}`, at: new Map(at) });
  };
  const ratio = (program: string, what: keyof Figures, n: number, to: number | undefined): number | undefined => {
    const own = figures(results, program, n, quietName)?.[what];
    return own === undefined || to === undefined ? undefined : own / to;
  };
  const toBest = (program: string, what: keyof Figures) => (n: number) => ratio(program, what, n, bestPeer(results, program, n, what));
  /** To that of the peer whose name begins so. */
  const toPeer = (program: string, what: keyof Figures, word: string) => (n: number) => {
    const peer = rowsOf(results, program).find(({ name, kind }) => kind === 'peer' && name.startsWith(word));
    return ratio(program, what, n, peer && figures(results, program, n, peer.name)?.[what]);
  };
  const rateTo = (program: string, word: string) => toPeer(program, 'perSecond', word);

  for (const [program, title, bound] of [
    ['bare', 'CGI, bare C', 0.95],
    ['hello', 'CGI, static C', 1],
  ] as const) {
    say(`${title}: requests/s, to the best peer's`, '≥', bound, all, toBest(program, 'perSecond'));
    say(`${title}: p99, to the best peer's`, '≤', 1, [64], toBest(program, 'p99Ms'));
    say(`${title}: own CPU, to the best peer's`, '≤', 1.1, [8], toBest(program, 'ownUs'));
    say(`${title}: cost in default mode, to quiet`, '≤', 1.1, all, (n) =>
      ratio(program, 'perSecond', n, figures(results, program, n, defaultName)?.perSecond),
    );
  }
  say("CGI, 1 MiB response: requests/s, to lighttpd's", '≥', 1, all, rateTo('download', 'lighttpd'));
  say("CGI, 1 MiB POST: requests/s, to lighttpd's", '≥', 1, all, rateTo('upload', 'lighttpd'));

  for (const [peer, bound] of [
    ['lighttpd', 1],
    ['nginx', 1.1],
    ['Caddy', 1.8],
  ] as const) {
    say(`FastCGI, PHP: requests/s, to ${peer}'s`, '≥', bound, [8, 64], rateTo('php-fpm', peer));
  }
  say("FastCGI, PHP: p99, to the best peer's", '≤', 1, [64], toBest('php-fpm', 'p99Ms'));
  say("uwsgi, Python: requests/s, to nginx's", '≥', 0.8, [8, 64], rateTo('uWSGI', 'nginx'));

  for (const [program, title] of [
    ['wsgi-hello', 'WSGI, hello'],
    ['wsgi-compute', 'WSGI, 100 µs'],
  ] as const) {
    say(`${title}: requests/s, to Gunicorn's (sync)`, '≥', 1.1, [8, 64], rateTo(program, 'Gunicorn sync'));
    say(`${title}: requests/s, to Waitress's`, '≥', 1.5, [8, 64], rateTo(program, 'Waitress'));
    say(`${title}: requests/s, to nginx's with uWSGI`, '≥', 0.6, [8, 64], rateTo(program, 'nginx'));
    say(`${title}: p99, to Gunicorn's (sync)`, '≤', 1, [64], toPeer(program, 'p99Ms', 'Gunicorn sync'));
  }
  say("WSGI, 10 ms: p99, to Gunicorn's (sync)", '≤', 1, [64], toPeer('wsgi-wait', 'p99Ms', 'Gunicorn sync'));

  const memory = results.memory.find((one) => one.server === quietName);
  const [from, to] = memory ? memory.after.slice(-2) : [];
  if (from && to) {
    // What V8 has freed and not yet given back comes and goes by a few per cent.
    say(`resident memory, request ${count(from.requests)} to ${count(to.requests)}`, '≤', 1.05, [8], () => to.kib / from.kib);
  }
  const delay = results.delays.find((one) => one.server === quietName);
  if (delay) {
    const measured = `${delay.p99.toFixed(1)} ms`;
    lines.push({ what: 'event loop delay, p99', bar: '< 5 ms', at: new Map([[64, { measured, met: delay.p99 < 5 }]]) });
  }
  return lines;
};

export const connected = (n: number): string => `${n} ${n === 1 ? 'connection' : 'connections'}`;
export const count = (n: number): string => Math.round(n).toLocaleString('en');
