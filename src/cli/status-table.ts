/**
 * What `status` prints: for each pool its figures, in the words of the HTML page (status/told.ts), then a line for each worker.
 * Pure: the same lines go to a pipe and, every second, to a terminal.
 */
import type { WholeStatus } from '../status/answer.js';
import { bySlot } from '../status/fpm.js';
import type { PoolStatus, WorkerStatus } from '../status/status.js';
import { duration, mebibytes, toldFigures, toldPool, toldState } from '../status/told.js';
import type { Palette } from './color.js';
import { columns, type Lang, padTo, paragraph, say, visible, words, wrap } from './words.js';

export interface TableOptions {
  readonly lang: Lang;
  readonly palette: Palette;
  /** No line is wider, in columns. */
  readonly width: number;
}

export const statusLines = ({ atMs, pools }: WholeStatus, options: TableOptions): string[] => {
  if (pools.length === 0) return wrap(say(noPools, options.lang), options.width);
  return pools.flatMap((pool, place) => [...(place === 0 ? [] : ['']), ...poolLines(pool, atMs, options)]);
};

const noPools = paragraph(
  ['This server keeps no workers: a process is born for each request.', 'With --wsgi or --pool it would.'],
  ['此服务器没有常驻的工作进程：每个请求一个进程。', '使用 --wsgi 或 --pool 才有。'],
);

const poolLines = (pool: PoolStatus, atMs: number, options: TableOptions): string[] => {
  const { lang, palette: p, width } = options;
  const figures = toldFigures(pool, lang);
  const names = Math.max(...figures.map(({ name }) => columns(name)));
  const lead = 2 + names + 2;
  return [
    cut(`${visible(pool.where)}  ${visible(pool.label)}`, width, p.bold),
    cut(`  ${visible(toldPool(pool, atMs, lang))}`, width, p.dim),
    ...figures.flatMap(({ name, values }) =>
      filled(values.map(visible), width - lead).map((line, i) => `  ${p.dim(padTo(i === 0 ? name : '', names))}  ${line}`),
    ),
    ...(pool.workers.length === 0 ? [] : workerTable(bySlot(pool), atMs, options)),
  ];
};

/** Joined by ` · `, in lines of at most `width` columns; what is wider alone loses its end. */
const filled = (pieces: readonly string[], width: number): string[] => {
  const lines: string[] = [];
  for (const piece of pieces) {
    const last = lines.at(-1);
    if (last !== undefined && columns(last) + 3 + columns(piece) <= width) lines[lines.length - 1] = `${last} · ${piece}`;
    else lines.push(cut(piece, width));
  }
  return lines;
};

// --- the workers ---------------------------------------------------------------------------------------------

interface Column {
  readonly head: string;
  readonly right?: true;
  readonly of: (worker: WorkerStatus) => string;
  /** When the terminal is narrow, the highest goes first; those without one stay. */
  readonly spare?: number;
}

const workerTable = (workers: readonly WorkerStatus[], atMs: number, { lang, palette: p, width }: TableOptions): string[] => {
  let shown = tableColumns(atMs, lang);
  const widthOf = ({ head, of }: Column): number => Math.max(columns(head), ...workers.map((worker) => columns(of(worker))));
  const used = (): number => shown.reduce((sum, column) => sum + widthOf(column) + 2, 0);
  while (used() + requestWidth > width && shown.some(({ spare }) => spare !== undefined)) {
    const first = Math.max(...shown.map(({ spare }) => spare ?? 0));
    shown = shown.filter(({ spare }) => spare !== first);
  }
  const line = (cell: (column: Column) => string, request: string): string => {
    const cells = shown.map((column) => {
      const text = cell(column);
      return column.right ? ' '.repeat(widthOf(column) - columns(text)) + text : padTo(text, widthOf(column));
    });
    return `  ${[...cells, request].join('  ')}`.trimEnd();
  };
  const head = line((column) => column.head, say(words('request', '请求'), lang));
  return [
    cut(head, width, p.dim),
    ...workers.map((worker) => {
      const { request } = worker;
      const text = line(({ of }) => of(worker), request === undefined ? '' : visible(`${request.method} ${request.target}`));
      return cut(text, width, worker.state === 'busy' ? p.green : worker.state === 'idle' ? undefined : p.yellow);
    }),
  ];
};

/** What is left for the request before columns are given up for it. */
const requestWidth = 20;

/** The last two are of the request a worker has, or had: how long, and which. */
const tableColumns = (atMs: number, lang: Lang): Column[] => [
  { head: '#', right: true, of: ({ slot }) => String(slot) },
  { head: 'pid', right: true, of: ({ pid }) => String(pid) },
  { head: say(words('gen', '代'), lang), right: true, of: ({ generation }) => String(generation), spare: 4 },
  { head: say(words('state', '状态'), lang), of: ({ state }) => toldState(state, lang) },
  { head: say(words('requests', '请求数'), lang), right: true, of: ({ requests }) => String(requests) },
  { head: say(words('failed', '失败'), lang), right: true, of: ({ failures }) => String(failures), spare: 5 },
  { head: say(words('memory', '内存'), lang), right: true, of: ({ rssBytes }) => mebibytes(rssBytes), spare: 1 },
  { head: 'CPU', right: true, of: ({ cpu }) => (cpu === undefined ? '–' : duration(cpu.userMs + cpu.systemMs)), spare: 2 },
  { head: say(words('age', '年龄'), lang), right: true, of: ({ startedAt }) => duration(atMs - startedAt), spare: 3 },
  {
    head: say(words('for', '用时'), lang),
    right: true,
    of: ({ request }) => (request === undefined ? '' : duration(request.tookMs ?? atMs - request.startedAt)),
  },
];

/** The text in its colour, its end replaced by … where it is too wide. */
export const cut = (text: string, width: number, color = (text: string): string => text): string => {
  if (columns(text) <= width) return color(text);
  let kept = '';
  for (const sign of text) {
    if (columns(kept + sign) >= width) break;
    kept += sign;
  }
  return color(`${kept}…`);
};
