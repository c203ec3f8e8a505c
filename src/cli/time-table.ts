/**
 * The tables of `time`: durations with a bar, so that one sees before one reads; and the kernel's account. A dash stands for what
 * was not measured, and is explained below.
 */
import type { Words } from '../failures.js';
import { median, medianAccount, type Parts, sumOf } from '../trace/spread.js';
import type { KernelAccount } from '../trace/trace.js';
import { isSplit, mebibytes, portably } from './account.js';
import type { EmptyPart } from './calibrate.js';
import type { Palette } from './color.js';
import type { Measured, Sample } from './measure.js';
import type { Circumstances } from './time-report.js';
import { columns, type Lang, padTo, say, visible, words, wrap } from './words.js';

/** A part, its head in the table, and how its piece of the bar is drawn. */
type Column<Name extends string> = readonly [part: Name, head: string, sign: string, color: keyof Palette];

export type ScriptPart = 'spawn' | 'wait' | 'head' | 'body' | 'exit';

export const scriptParts = ({ phases: { spawn, wait, head, body, exit } }: Sample): Parts<ScriptPart> => ({
  spawn,
  wait,
  head,
  body,
  exit,
});

export const scriptColumns: readonly Column<ScriptPart>[] = [
  ['spawn', 'spawn', '█', 'magenta'],
  ['wait', 'wait', '▓', 'cyan'],
  ['head', 'head', '▒', 'green'],
  ['body', 'body', '▒', 'green'],
  ['exit', 'exit', '░', 'yellow'],
];

export const emptyColumns: readonly Column<EmptyPart>[] = [
  ['spawn', 'spawn', '█', 'magenta'],
  ['startUp', 'start-up', '▓', 'cyan'],
  ['run', 'run', '▒', 'green'],
  ['exit', 'exit', '░', 'yellow'],
];

interface TimesRow<Name extends string> {
  readonly label: string;
  readonly parts: Parts<Name>;
}

export const timesTable = <Name extends string>(
  heads: readonly Column<Name>[],
  rows: readonly TimesRow<Name>[],
  width: number,
  p: Palette,
): string[] => {
  const labels = labelWidth(rows);
  const cellWidth = (head: string): number => Math.max(8, head.length + 3);
  const used = 2 + labels + heads.reduce((sum, [, head]) => sum + cellWidth(head), 0) + 8 + 2;
  const longest = Math.max(...rows.map(({ parts }) => sumOf(parts)));
  const columnsPerMs = longest > 0 ? Math.max(8, width - used) / longest : 0;
  const head = heads.map(([, text, sign, color]) => ' '.repeat(cellWidth(text) - text.length - 1) + p[color](sign) + p.dim(text));
  return [
    `  ${' '.repeat(labels)}${head.join('')}${p.dim('   total')}`,
    ...rows.map(({ label, parts }) => {
      const cells = heads.map(([name, text]) => inTable(parts[name]).padStart(cellWidth(text)));
      return `  ${padTo(label, labels)}${cells.join('')}${p.bold(inTable(sumOf(parts)).padStart(8))}  ${bar(heads, parts, columnsPerMs, p)}`;
    }),
  ];
};

/** Pieces end where their sum so far does, so that rounding never adds up. */
const bar = <Name extends string>(heads: readonly Column<Name>[], parts: Parts<Name>, columnsPerMs: number, p: Palette): string => {
  let ms = 0;
  let drawn = 0;
  let text = '';
  for (const [name, , sign, color] of heads) {
    ms += parts[name] ?? 0;
    const end = Math.round(ms * columnsPerMs);
    if (end > drawn) text += p[color](sign.repeat(end - drawn));
    drawn = end;
  }
  return drawn === 0 ? p.dim('▏') : text;
};

export interface AccountRow {
  readonly label: string;
  /** Medians, each for itself. */
  readonly account: KernelAccount | undefined;
  /** User and system time together. */
  readonly cpuMs: number | undefined;
  /** Where the program is. */
  readonly program?: string;
}

export const accountOf = ({ samples }: Measured): Pick<AccountRow, 'account' | 'cpuMs'> => {
  const accounts = samples.map(({ account }) => account);
  const cpuMs = accounts.flatMap((account) => (account === undefined ? [] : [account.userMs + account.systemMs]));
  return { account: medianAccount(accounts), cpuMs: median(cpuMs) };
};

export const accountTable = (
  rows: readonly AccountRow[],
  births: Circumstances['births'],
  width: number,
  lang: Lang,
  p: Palette,
): string[] => {
  const labels = labelWidth(rows);
  const isKnown = rows.some(({ account }) => account !== undefined);
  const cells = (texts: readonly string[]): string => texts.map((text) => ' '.repeat(Math.max(1, 10 - columns(text))) + text).join('');
  const line = ({ label, account: a, cpuMs, program }: AccountRow): string => {
    const times = a && isSplit(a) ? [a.userMs, a.systemMs] : [undefined, undefined];
    const counts = [a && a.minorFaults + a.majorFaults, a?.majorFaults, a && a.voluntarySwitches + a.involuntarySwitches];
    const peak = a?.peakRssKib === undefined ? '–' : mebibytes(a.peakRssKib);
    const texts = [...[cpuMs, ...times].map(inTable), peak, ...counts.map((count) => (count === undefined ? '–' : String(count)))];
    return `  ${padTo(label, labels)}${isKnown ? cells(texts) : ''}${program ? `  ${p.dim(visible(program))}` : ''}`;
  };
  const why = births.by === 'portable' ? ` (${say(portably(births.why), lang)})` : '';
  const notes = isKnown ? accountNotes(rows) : [words(`The kernel's account: not available${why}.`, `内核账目：不可用${why}。`)];
  return [
    ...(isKnown ? [`  ${' '.repeat(labels)}${p.dim(cells(accountHeads.map((head) => say(head, lang))))}`] : []),
    ...(isKnown || rows.some(({ program }) => program) ? [...rows.map(line), ''] : []),
    ...note(notes.map((each) => say(each, lang)).join(lang === 'en' ? ' ' : ''), width, p),
  ];
};

const accountHeads = [
  words('cpu', 'CPU'),
  words('user', '用户态'),
  words('system', '内核态'),
  words('peak', '内存峰值'),
  words('faults', '缺页'),
  words('from disk', '读盘'),
  words('switches', '切换'),
];

/** A dash is explained where one stands. */
const accountNotes = (rows: readonly AccountRow[]): Words[] => {
  const has = (lacks: (account: KernelAccount) => boolean): boolean => rows.some(({ account }) => account !== undefined && lacks(account));
  return [
    words(
      'As the kernel counted (wait4), medians: milliseconds of CPU, largest memory, page faults, context switches.',
      '内核的统计（wait4），取中位数：CPU 毫秒数、最大内存、缺页次数、上下文切换次数。',
    ),
    ...(has((account) => !isSplit(account))
      ? [
          words(
            'How CPU time divides into user and system the kernel knows from the ticks of its clock; a dash: it was over between two.',
            '内核靠时钟节拍得知 CPU 时间如何分为用户态与内核态；短横线表示进程在两次节拍之间就结束了。',
          ),
        ]
      : []),
    ...(has(({ peakRssKib }) => peakRssKib === undefined)
      ? [
          words(
            "A peak below the server's own cannot be seen: at exec the kernel counts the memory the child was born with.",
            '低于服务器自身的内存峰值无法得知：exec 时内核把子进程出生时的内存也算在内。',
          ),
        ]
      : []),
  ];
};

const labelWidth = (rows: readonly { readonly label: string }[]): number => Math.max(...rows.map(({ label }) => columns(label)), 4);

export const widthOf = (stdout: NodeJS.WriteStream): number => Math.min(stdout.columns || 100, 120);

export const note = (text: string, width: number, p: Palette): string[] => wrap(text, width - 2).map((line) => `  ${p.dim(line)}`);

const inTable = (ms: number | undefined): string => (ms === undefined ? '–' : ms.toFixed(2));
