/**
 * The table of a pool's workers: a body for each generation, a row for each process. Rows are changed in place and never made anew while
 * their process lives: whoever has put the focus on a button keeps it.
 */
import type { PoolStatus, WorkerStatus } from '../../../status/status.js';
import { type Child, h, put } from '../dom.js';
import { bytes, ms, percent } from '../format.js';
import type { Say } from '../words.js';
import { age } from './figures.js';
import { busyShares, keyOf, meanOf, type Sample } from './history.js';
import { type Column, columns, requestsOf, type Spelling, shownHead, signs, stateOf } from './names.js';
import { minutePicture } from './pictures.js';

export const hands = ['kill', 'term', 'recycle'] as const;
export type Hand = (typeof hands)[number];

/** As a shell says it, in every language. */
const signals = { kill: 'kill -9', term: 'TERM' } as const;

export interface RowsOptions {
  readonly say: Say;
  readonly spelling: Spelling;
  /** undefined: only to look at. */
  readonly act: ((hand: Hand, pid: number) => void) | undefined;
}

/** A pool at one moment. */
export interface Moment {
  readonly pool: PoolStatus;
  readonly samples: readonly Sample[];
  /** Since 1970, and by the lab's clock. */
  readonly at: number;
  readonly nowMs: number;
  /** Nothing can be done to what is shown as it was. */
  readonly past: boolean;
}

export interface Rows {
  readonly element: HTMLTableElement;
  show(moment: Moment): void;
}

export const workerRows = (options: RowsOptions): Rows => {
  const { say, spelling, act } = options;
  const heads = columns.map(({ name, ...names }) => {
    return { name, ...shownHead({ word: `workers.col.${name}`, ...names }, spelling, say) };
  });
  const element = h(
    'table',
    { class: 'crew', role: 'table' },
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        ...heads.map(({ name, text, kind }) => h('th', { scope: 'col', role: 'columnheader', class: `col-${name} ${kind}` }, text)),
        act && h('th', { scope: 'col', role: 'columnheader', class: 'col-hands' }, say('workers.col.hands')),
      ),
    ),
  );
  const labels = Object.fromEntries(heads.map(({ name, text }) => [name, text])) as Record<Column, string>;
  const groups = new Map<number, Group>();
  const rows = new Map<string, Row>();

  return {
    element,
    show(moment) {
      const { pool } = moment;
      const focused = [...rows].find(([, { element }]) => element.contains(document.activeElement));
      const generations = [...new Set(pool.workers.map(({ generation }) => generation))].sort((a, b) => b - a);
      for (const number of generations) if (!groups.has(number)) groups.set(number, groupOf(number, columns.length + (act ? 1 : 0)));
      for (const worker of pool.workers) if (!rows.has(keyOf(worker))) rows.set(keyOf(worker), rowOf(labels, options));
      for (const number of generations) {
        const group = groups.get(number)!;
        group.show(pool, generations.length > 1, say);
        const own = pool.workers.filter(({ generation }) => generation === number);
        arrange(group.element, [group.head, ...own.map((worker) => rows.get(keyOf(worker))!.element)]);
      }
      arrange(element, [element.tHead!, ...generations.map((number) => groups.get(number)!.element)]);
      for (const worker of pool.workers) rows.get(keyOf(worker))!.show(worker, moment);
      const present = new Set(pool.workers.map(keyOf));
      for (const key of [...rows.keys()]) if (!present.has(key)) rows.delete(key);
      for (const number of [...groups.keys()]) if (!generations.includes(number)) groups.delete(number);
      // Not to the next one's button: a key that is held down would end one worker after the other.
      if (focused && !rows.has(focused[0])) successor(focused[0], pool, rows)?.focus();
    },
  };
};

/** The row of whoever has the place now. */
const successor = (gone: string, { workers }: PoolStatus, rows: ReadonlyMap<string, Row>): HTMLElement | undefined => {
  const [slot] = gone.split('.');
  const next = workers.findLast((worker) => String(worker.slot) === slot) ?? workers[0];
  return next && rows.get(keyOf(next))?.element;
};

/** Those and no others, in this order; whoever stands right already is not touched. */
export const arrange = (parent: Element, wanted: readonly Element[]): void => {
  const those = new Set(wanted);
  for (const child of [...parent.children]) if (!those.has(child)) child.remove();
  wanted.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
};

/** Only when it is another: a text that is selected stays so. */
export const setText = (element: Element, text: string): void => {
  if (element.textContent !== text) element.textContent = text;
};

interface Group {
  readonly element: HTMLTableSectionElement;
  readonly head: HTMLTableRowElement;
  show(pool: PoolStatus, several: boolean, say: Say): void;
}

const groupOf = (number: number, span: number): Group => {
  const title = h('th', { scope: 'rowgroup', role: 'rowheader', colspan: span });
  const head = h('tr', { role: 'row', class: 'generation' }, title);
  return {
    element: h('tbody', { role: 'rowgroup' }),
    head,
    show({ generation }, several, say) {
      head.hidden = !several;
      const word = number === generation ? 'now' : number < generation ? 'old' : 'next';
      setText(title, say(`workers.group.${word}`, { generation: number }));
    },
  };
};

// --- one row ---------------------------------------------------------------------------------------------------------------

interface Row {
  readonly element: HTMLTableRowElement;
  show(worker: WorkerStatus, moment: Moment): void;
}

const shareWidth = 132;
const shareHeight = 26;

const rowOf = (labels: Readonly<Record<Column, string>>, { say, spelling, act }: RowsOptions): Row => {
  const cells = Object.fromEntries(
    columns.map(({ name }) => [name, h('td', { role: 'cell', class: `col-${name}`, 'data-label': labels[name] })]),
  ) as Record<Column, HTMLTableCellElement>;
  let pid = 0;
  const buttons = act
    ? hands.map((hand) => ({
        hand,
        element: h(
          'button',
          { type: 'button', class: `hand ${hand}`, title: say(`workers.${hand}.what`), click: () => act(hand, pid) },
          hand === 'recycle' ? say('workers.recycle') : signals[hand],
        ),
      }))
    : [];
  const element = h(
    'tr',
    { role: 'row', tabindex: -1 },
    ...Object.values(cells),
    act && h('td', { role: 'cell', class: 'col-hands' }, ...buttons.map((button) => button.element)),
  );
  let seen = '';

  return {
    element,
    show(worker, { pool, samples, at, nowMs, past }) {
      const { state, request, cpu, rssBytes, startedAt } = worker;
      pid = worker.pid;
      element.className = state;
      const texts: Partial<Record<Column, string>> = {
        slot: String(worker.slot),
        pid: pid === 0 ? '–' : String(pid),
        requests: String(requestsOf(worker, spelling)),
        failures: String(worker.failures),
        flight: String(worker.inFlight),
        age: age(at - startedAt),
        // A process that has just ended has none.
        memory: rssBytes ? bytes(rssBytes) : '–',
        cpu: cpu === undefined ? '–' : ms(cpu.userMs + cpu.systemMs),
        spawns: String(worker.spawns),
      };
      for (const [name, text] of Object.entries(texts)) setText(cells[name as Column], text);
      once(cells.state, state, () => [
        h('span', { class: 'sign', 'aria-hidden': 'true' }, signs[state]),
        ` ${stateOf(state, spelling, say)}`,
      ]);
      const took =
        request && (request.tookMs === undefined ? say('workers.running', { ms: age(at - request.startedAt) }) : ms(request.tookMs));
      once(cells.request, `${request?.id} ${took}`, () => (request ? requestOf(request, took ?? '') : ['–']));
      // Once a second, when another second is over.
      const second = `${Math.floor(nowMs / 1000)}`;
      if (seen !== second) put(cells.share, ...share(busyShares(samples, keyOf(worker), nowMs), say));
      seen = second;
      for (const { hand, element: button } of buttons) {
        button.ariaLabel = say(`workers.${hand}.of`, { pid });
        const may = hand === 'recycle' ? worker.generation === pool.generation && (state === 'idle' || state === 'busy') : pid !== 0;
        // Without the attribute: what is disabled loses the focus.
        button.ariaDisabled = past || !may ? 'true' : null;
      }
    },
  };
};

/** Anew only when `what` is another. */
const once = (cell: HTMLElement, what: string, made: () => Child[]): void => {
  if (cell.dataset.shown === what) return;
  cell.dataset.shown = what;
  put(cell, ...made());
};

const requestOf = ({ id, method, target }: NonNullable<WorkerStatus['request']>, took: string): Child[] => [
  h('a', { href: `#live/${id}`, title: `${method} ${target}` }, h('code', {}, `${method} ${target}`)),
  h('span', { class: 'took' }, took),
];

const share = (shares: readonly (number | undefined)[], say: Say): Child[] => {
  const mean = meanOf(shares);
  const label = mean === undefined ? say('workers.share.none') : say('workers.share', { share: percent(mean) });
  return [
    minutePicture(shares, 1, shareWidth, shareHeight, label),
    h('span', { class: 'mean', 'aria-hidden': 'true' }, mean === undefined ? '' : percent(mean)),
  ];
};
