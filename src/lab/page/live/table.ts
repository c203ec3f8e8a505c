/** The request table: the newest first, a row each; rows that have not changed are kept as they are. */
import type { ToldExchange } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import { clock, digits } from '../format.js';
import type { Say, Word } from '../words.js';

export interface Table {
  readonly element: HTMLTableElement;
  show(exchanges: readonly ToldExchange[], chosen: number | undefined): void;
}

/** Rows that are drawn; more are kept, and found by the filter. */
const rowsMax = 60;

const columns: readonly Word[] = ['col.serial', 'col.time', 'col.request', 'col.status', 'col.ms', 'col.gateway', 'col.pid', 'col.exit'];

export const requestTable = (say: Say, choose: (serial: number) => void): Table => {
  const body = h('tbody');
  const element = h(
    'table',
    { class: 'requests' },
    h('thead', {}, h('tr', {}, ...columns.map((word) => h('th', { scope: 'col', class: word.replace('.', '-') }, say(word))))),
    body,
  );
  let rows = new Map<number, { exchange: ToldExchange; row: HTMLTableRowElement }>();
  return {
    element,
    show(exchanges, chosen) {
      const shown = new Map<number, { exchange: ToldExchange; row: HTMLTableRowElement }>();
      for (const exchange of exchanges.slice(-rowsMax).reverse()) {
        const known = rows.get(exchange.serial);
        const row = known?.exchange === exchange ? known.row : rowOf(exchange, say, choose);
        row.setAttribute('aria-current', String(exchange.serial === chosen));
        shown.set(exchange.serial, { exchange, row });
      }
      rows = shown;
      const now = [...shown.values()].map(({ row }) => row);
      // Only where something moves: whoever has put the focus on a row keeps it.
      if (now.length !== body.children.length || now.some((row, i) => body.children[i] !== row)) put(body, ...now);
    },
  };
};

const rowOf = (exchange: ToldExchange, say: Say, choose: (serial: number) => void): HTMLTableRowElement => {
  const { serial, runs, end } = exchange;
  const run = runs.at(-1);
  const status = end ? (end.status === 0 ? '✕' : String(end.status)) : say(run?.openedMs === undefined ? 'state.waiting' : 'state.running');
  // What stays does not exit.
  const exit = run?.own ? (run.signal ?? run.exitCode) : undefined;
  const cells: [Word, Child][] = [
    ['col.serial', serial],
    ['col.time', clock(exchange.at)],
    ['col.request', h('button', { type: 'button', click: () => choose(serial) }, `${exchange.method} ${exchange.target}`)],
    ['col.status', end?.failure ? h('span', { class: 'failed', title: end.failure.code }, `${status} ✕`) : status],
    ['col.ms', end ? digits(end.totalMs) : '…'],
    ['col.gateway', run?.gateway ?? end?.gateway ?? '–'],
    ['col.pid', run?.pid ?? '–'],
    ['col.exit', exit ?? '–'],
  ];
  return h('tr', { click: () => choose(serial) }, ...cells.map(([word, cell]) => h('td', { class: word.replace('.', '-') }, cell)));
};
