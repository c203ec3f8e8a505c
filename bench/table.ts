/** The results as Markdown: the bars first, then a table for each program. */
import { bars, connected, count } from './bars.js';
import { bestPeer, cellName, figures, type Results, type Row } from './results.js';
import { modesInWords } from './servers.js';

export const markdown = (results: Results, chartFile: string): string =>
  [
    '# What a CGI request costs, measured side by side',
    `${results.date} · ${results.machine} · ${results.effort}`,
    `![Requests per second of every server, for every program](${chartFile})`,
    ...judged(results),
    ...results.programs.map((program) => programTable(results, program.name, program.title)),
    ...delays(results),
    ...memory(results),
    notes(results),
  ].join('\n\n');

const judged = (results: Results): string[] => {
  const lines = bars(results);
  if (lines.length === 0) return [];
  return [
    '## The bars',
    table(
      ['', 'measured', 'bar', ''],
      lines.map(({ what, measured, bar, met }) => [what, measured, bar, met ? 'met' : '**missed**']),
    ),
  ];
};

const programTable = (results: Results, program: string, title: string): string => {
  const { connections, servers } = results;
  const head = [
    '',
    ...['requests/s', 'p99 ms', 'own µs'].flatMap((what) => connections.map((n, i) => (i === 0 ? `${what} at ${n}` : `${n}`))),
  ];
  const row = ({ name, kind }: Row): string[] => {
    const at = connections.map((n) => figures(results, program, n, name));
    const best = connections.map((n) => bestPeer(results, program, n, 'perSecond'));
    const rates = at.map((one, i) => (one ? `${count(one.perSecond)}${best[i] ? ` (${(one.perSecond / best[i]).toFixed(2)})` : ''}` : '–'));
    return [
      kind === 'ours' ? `**${name}**` : kind === 'limit' ? `*${name}*` : name,
      ...rates,
      ...at.map((one) => (one ? ms(one.p99Ms) : '–')),
      ...at.map((one) => (one?.ownUs === undefined ? '–' : count(one.ownUs))),
    ];
  };
  const shown = servers.filter((server) => !results.refused.has(`${program} ${server.name}`));
  const missing = servers.flatMap((server) => {
    const why = results.refused.get(`${program} ${server.name}`);
    return why === undefined ? [] : [`Not measured: ${server.name}, ${why}.`];
  });
  return [`## ${title}`, table(head, shown.map(row)), ...missing, ...troubles(results, program)].join('\n\n');
};

/** Slices that do not count, and why. */
const troubles = (results: Results, program: string): string[] =>
  results.servers.flatMap(({ name }) =>
    results.connections.flatMap((n) => {
      const slices = results.cells.get(cellName(program, n, name)) ?? [];
      const bad = slices.filter((slice) => slice.trouble !== undefined);
      if (bad.length === 0) return [];
      return [`Left out: ${bad.length} of ${slices.length} slices of ${name} at ${connected(n)} (${bad[0]!.trouble}).`];
    }),
  );

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

const notes = ({ servers }: Results): string =>
  `Medians of all slices, the servers in turn within each round. In parentheses: the rate beside the best peer's. *own µs*: user and system
time of the server's own processes for one request, over all slices together; programs and what a forked copy does before its exec are
left out. busybox has none: it forks for each connection. ${modesInWords}

${servers
  .filter(({ version, kind }, i) => version !== '' && !(kind === 'ours' && i > 0))
  .map(({ name, version, kind }) => `${kind === 'ours' ? 'cgi-serve' : name}: ${version}`)
  .join(' · ')}
`;

const ms = (value: number): string => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value));

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
};
