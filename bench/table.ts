/** The results as Markdown: the bars first, then a table for each program. */
import { bars, connected, count } from './bars.js';
import type { Program } from './programs.js';
import { bestPeer, cellName, farBehind, figures, type Results, type Row, rowsOf } from './results.js';
import { modesInWords, quietName } from './servers.js';
import { starvedSeconds } from './starved.js';
import { asCgiName } from './wsgi.js';

export const markdown = (results: Results, chartFile: string): string =>
  `${[
    '# What a request costs, measured side by side',
    `${results.date} · ${results.machine} · ${results.effort}`,
    versions(results),
    `![Requests per second of every server, for every program](${chartFile})`,
    ...judged(results),
    reading,
    ...results.programs.map((program) => programTable(results, program)),
    ...staying(results),
    ...starved(results),
    ...delays(results),
    ...memory(results),
  ].join('\n\n')}\n`;

const judged = (results: Results): string[] => {
  const lines = bars(results);
  if (lines.length === 0) return [];
  const connections = [...new Set([...results.connections, ...lines.flatMap(({ at }) => [...at.keys()])])].sort((a, b) => a - b);
  return [
    '## The bars',
    'What this program asks of itself: its figure divided by the other, at so many connections.',
    table(
      ['', ...connections.map((n, i) => (i === 0 ? `at ${n}` : `${n}`)), 'bar', ''],
      lines.map(({ what, bar, at }) => {
        const missed = [...at].filter(([, { met }]) => !met).map(([n]) => n);
        const verdict = missed.length === 0 ? 'met' : `**missed**${at.size > 1 ? unbroken(` at ${missed.join(', ')}`) : ''}`;
        return [what, ...connections.map((n) => unbroken(at.get(n)?.measured ?? '')), unbroken(bar), verdict];
      }),
    ),
  ];
};

const programTable = (results: Results, { name: program, title, about }: Program): string => {
  const { connections } = results;
  // Where its bar is: with all of them the table would be wider than a page.
  const ownAt = connections.includes(8) ? 8 : connections.at(-1)!;
  const head = [
    '',
    ...['requests/s', 'p99 ms'].flatMap((what) => connections.map((n, i) => (i === 0 ? headed(what, n) : `${n}`))),
    headed('own µs', ownAt),
  ];
  const row = ({ name, kind }: Row): string[] => {
    const at = connections.map((n) => figures(results, program, n, name));
    const own = figures(results, program, ownAt, name)?.ownUs;
    const best = connections.map((n) => bestPeer(results, program, n, 'perSecond'));
    const rates = at.map((one, i) => (one ? `${count(one.perSecond)}${best[i] ? ` (${(one.perSecond / best[i]).toFixed(2)})` : ''}` : '–'));
    return [
      kind === 'ours' ? `**${name}**` : kind === 'peer' ? name : `*${name}*`,
      ...rates.map(unbroken),
      ...at.map((one) => (one ? ms(one.p99Ms) : '–')),
      own === undefined ? '–' : count(own),
    ];
  };
  const refused = (results.refused.get(program) ?? []).map((why) => `Not measured: ${why}.`);
  return [`## ${title}`, about, table(head, rowsOf(results, program).map(row)), ...refused, ...troubles(results, program)].join('\n\n');
};

const headed = (what: string, n: number): string => `${unbroken(what)} ${unbroken(`at ${n}`)}`;

/** Slices that do not count, and why. */
const troubles = (results: Results, program: string): string[] =>
  rowsOf(results, program).flatMap(({ name }) =>
    results.connections.flatMap((n) => {
      const slices = results.cells.get(cellName(program, n, name)) ?? [];
      const bad = slices.filter((slice) => slice.trouble !== undefined);
      if (bad.length === 0) return [];
      return [`Left out: ${bad.length} of ${slices.length} slices of ${name} at ${connected(n)} (${bad[0]!.trouble}).`];
    }),
  );

/** One application and one server: in processes that stay, and in processes that live for one request. */
const staying = (results: Results): string[] => {
  const { connections } = results;
  const cell = (program: string, n: number): string => {
    const [stays, dies] = [quietName, asCgiName].map((server) => figures(results, program, n, server)?.perSecond);
    return stays && dies ? unbroken(`${count(stays)} / ${count(dies)} = **${factor(stays / dies)}**`) : '–';
  };
  const rows = results.programs
    .filter(({ name }) => rowsOf(results, name).some((row) => row.name === asCgiName))
    .map(({ name, title }) => [title, ...connections.map((n) => cell(name, n))]);
  if (rows.length === 0) return [];
  const about = `The same application on workers of ours, and as a CGI program with an interpreter born for each request: both rates, and
what the first is to the second.`;
  return [`## What it is worth to stay\n\n${about}`, table(['', ...connections.map(connected)], rows)];
};

const factor = (value: number): string => (value < 10 ? value.toFixed(1) : count(value));

const starved = ({ starved }: Results): string[] => {
  if (starved.length === 0) return [];
  const clients = [...new Set(starved.map((one) => one.clients))];
  const rows = [...new Set(starved.map(({ server }) => server))].map((server) => [
    server.startsWith('cgi-serve') ? `**${server}**` : server,
    ...clients.map((n) => String(starved.find((one) => one.server === server && one.clients === n)?.nothing ?? '–')),
  ]);
  const about = `All asked for hello again and again for ${starvedSeconds} s, each on a connection of its own; so many had not one
answer. uWSGI's http11-socket gives a process to a connection until that is closed.`;
  return [`## Clients that got nothing\n\n${about}`, table(['', ...clients.map((n) => `of ${n}`)], rows)];
};

const delays = ({ delays }: Results): string[] =>
  delays.length === 0
    ? []
    : [
        '## How late the event loop is\n\nA timer in the server itself, while 64 connections ask for the static C program. *Without a core*: its thread had work, and programs had\nall cores.',
        table(
          ['', 'p50 ms', 'p99 ms', 'max ms', 'busy', 'without a core'],
          delays.map(({ server, p50, p99, max, busy, noCore }) => [
            `**${server}**`,
            ...[p50, p99, max].map((late) => late.toFixed(1)),
            ...[busy, noCore].map((share) => `${Math.round(share * 100)} %`),
          ]),
        ),
      ];

const memory = ({ memory }: Results): string[] =>
  memory.length === 0
    ? []
    : [
        '## Resident memory',
        table(
          ['', ...['at start', 'after 10,000 requests', 'after 100,000 requests']],
          memory.map(({ server, after }) => [
            `**${server}**`,
            ...after.map(({ kib, requests }) => `${(kib / 1024).toFixed(1)} MiB${requests === 0 ? '' : ` (${count(requests)})`}`),
          ]),
        ),
      ];

const versions = ({ versions, absent }: Results): string =>
  [...[...versions].map(([name, version]) => `${name} ${version}`), ...absent.map((name) => `left out: ${name}`)].join(' · ');

const reading = `How to read the tables:

- Medians of all slices, the servers in turn within each round. A CGI host that did less than ${farBehind * 100} % of the best rate in the first round has that
  slice only.
- In parentheses: the rate divided by the best peer's. Names in italics are shown for comparison; nothing is judged by them.
- *own µs*: user and system time of the server's own processes for one request, over all slices together. Programs, and what a forked copy
  does before its exec, are left out. Where it is missing nobody can tell the two apart: busybox forks for each connection, and Gunicorn,
  Waitress and uWSGI by itself call the application in their own processes.
- ${modesInWords}`;

/** In one line, however narrow the column. */
const unbroken = (words: string): string => words.replaceAll(' ', '\u00a0');

const ms = (value: number): string => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value));

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  // Figures to the right, words to the left.
  const rules = head.map((_, i) => (i === 0 || rows.some((row) => /^[^\d–]/.test(row[i]!)) ? '---' : '--:'));
  return [line(head), line(rules), ...rows.map(line)].join('\n');
};
