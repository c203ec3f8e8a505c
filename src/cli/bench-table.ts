/**
 * A comparison for a person at a terminal: how many, how long, at what cost, each a table with a line for each target, and what
 * follows from it in sentences. A dash stands for what was not measured.
 */
import { atPercent } from '../load/latencies.js';
import { type Comparison, type Curve, failsAltogether, type Measured } from '../load/plan.js';
import {
  cpuPerRequest,
  failuresText,
  grouped,
  limitSentence,
  omissionSentence,
  planInWords,
  short,
  throughputSentence,
  warnings,
} from '../load/told.js';
import type { Palette } from './color.js';
import type { Terminal } from './terminal.js';
import { machineOf } from './time-report.js';
import { note, widthOf } from './time-table.js';
import { columns, type Lang, padTo, say, visible, words, wrap } from './words.js';

export const comparisonAsText = (comparison: Comparison, { lang, outPalette: p, stdout }: Terminal): string[] => {
  const width = widthOf(stdout);
  const names = comparison.targets.map(({ target }) => visible(target.name));
  const longest = Math.max(...names.map(columns));
  const rows = comparison.targets.map((measured, i) => ({ measured, label: `${padTo(names[i]!, longest)}  ${measured.gateway ?? '–'}` }));
  const omission = omissionSentence(comparison);
  const told = comparison.targets.filter((measured) => !failsAltogether(measured));
  return [
    p.bold(say(planInWords(comparison.plan), lang)),
    p.dim(machineOf(comparison, lang)),
    '',
    ...(told.length === 0
      ? []
      : [
          ...rateTable(rows, width, lang, p),
          '',
          ...latencyTable(comparison, rows, lang, p),
          '',
          ...costTable(rows, lang, p),
          '',
          ...wrap(visible(say(throughputSentence(comparison), lang)), width - 2).map((line) => `  ${p.bold(line)}`),
          ...(omission ? wrap(visible(say(omission, lang)), width - 2).map((line) => `  ${line}`) : []),
          '',
        ]),
    ...warnings(comparison).flatMap((text) => note(visible(say(text, lang)), width, p)),
  ];
};

interface Row {
  readonly measured: Measured;
  readonly label: string;
}

// --- the tables -----------------------------------------------------------------------------------------------------------

const rateTable = (rows: readonly Row[], width: number, lang: Lang, p: Palette): string[] => {
  const head = [words('requests/s', '请求/秒'), words('rounds', '各轮')];
  const cells = rows.map(({ measured }) => {
    const { median, least, most } = measured.perSecond;
    return measured.answered === 0 ? ['–', '–'] : [short(median), `${short(least)} – ${short(most)}`];
  });
  const table = tableOf(rows, head, cells, lang, p);
  const room = Math.max(8, width - columns(table[0]!) - 2);
  const longest = Math.max(...rows.map(({ measured }) => measured.perSecond.median));
  return table.map((line, i) => {
    const rate = i === 0 ? 0 : rows[i - 1]!.measured.perSecond.median;
    const length = longest === 0 ? 0 : Math.round((rate / longest) * room);
    return i === 0 ? line : `${line}  ${length > 0 ? p.cyan('█'.repeat(length)) : p.dim('▏')}`;
  });
};

const shownPercents = [50, 90, 99, 99.9];

/** In the open loop each target has a second line: the same requests as a generator counts them that waits for answers. */
const latencyTable = (comparison: Comparison, rows: readonly Row[], lang: Lang, p: Palette): string[] => {
  const isOpen = comparison.plan.loop.kind === 'open';
  const percents = shownPercents.filter((percent) => rows.some(({ measured }) => atPercent(measured.latency, percent) !== undefined));
  const head = [...percents.map((percent) => words(`p${percent}`, `p${percent}`)), words('max', '最大'), words('answers', '应答数')];
  const cells = ({ count, points, maxMs }: Curve): string[] => [
    ...percents.map((percent) => dashed(atPercent({ count, points, maxMs }, percent))),
    dashed(maxMs),
    grouped(count),
  ];
  const lines = rows.flatMap(({ measured, label }) => [
    { label, cells: cells(measured.latency) },
    ...(measured.fromSent && measured.answered > 0
      ? [{ label: `  ${say(words('if counted from when sent', '若从实际发出时算起'), lang)}`, cells: cells(measured.fromSent) }]
      : []),
  ]);
  const counted = isOpen
    ? words('Milliseconds from when a request was due until its answer was there.', '单位毫秒：从请求应当发出到应答完整到达。')
    : words('Milliseconds from when a request was sent until its answer was there.', '单位毫秒：从请求发出到应答完整到达。');
  const table = tableOf(
    lines,
    head,
    lines.map((line) => line.cells),
    lang,
    p,
  );
  const limit = limitSentence(comparison, shownPercents);
  return [...table, `  ${p.dim([counted, ...(limit ? [limit] : [])].map((text) => say(text, lang)).join(' '))}`];
};

const costTable = (rows: readonly Row[], lang: Lang, p: Palette): string[] => {
  const head = [words('processes', '新进程'), words('server ms', '服务器 CPU'), words('program ms', '程序 CPU'), words('failed', '失败')];
  const cells = rows.map(({ measured }) => [
    measured.answered === 0 ? '–' : grouped(measured.born),
    dashed(cpuPerRequest(measured.serverCpu, measured)),
    dashed(cpuPerRequest(measured.programCpu, measured)),
    failuresText(measured) || '0',
  ]);
  const means = words(
    'Processes born meanwhile; CPU milliseconds for each request, of the server itself and of the programs.',
    '其间产生的进程数；每个请求的 CPU 毫秒数：服务器自身与程序。',
  );
  return [...tableOf(rows, head, cells, lang, p), `  ${p.dim(say(means, lang))}`];
};

/** Figures stand to the right; a column is as wide as its widest. */
const tableOf = (
  rows: readonly { readonly label: string }[],
  heads: readonly { en: string; zh: string }[],
  cells: readonly (readonly string[])[],
  lang: Lang,
  p: Palette,
): string[] => {
  const labels = Math.max(...rows.map(({ label }) => columns(label)));
  const shown = heads.map((head) => say(head, lang));
  const widths = shown.map((head, i) => Math.max(columns(head), ...cells.map((line) => columns(line[i]!))) + 3);
  const right = (text: string, i: number): string => ' '.repeat(widths[i]! - columns(text)) + text;
  return [
    `  ${' '.repeat(labels)}${p.dim(shown.map(right).join(''))}`,
    ...rows.map(({ label }, i) => `  ${padTo(label, labels)}${cells[i]!.map(right).join('')}`),
  ];
};

const dashed = (value: number | undefined): string => (value === undefined ? '–' : short(value));
