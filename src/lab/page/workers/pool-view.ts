/** One pool: what it is, its queue, its figures, its workers; made once and then changed in place. */
import { type Child, h, put } from '../dom.js';
import { percent } from '../format.js';
import type { Say } from '../words.js';
import { age } from './figures.js';
import { busyShares, historySeconds, inSteps, keyOf, meanOf, waitingMost } from './history.js';
import { poolFigures, shownHead } from './names.js';
import { minutePicture, queuePicture } from './pictures.js';
import { type Hand, type Moment, type RowsOptions, setText, workerRows } from './rows.js';

export type PoolHand = 'add' | 'remove' | 'reload';

export interface PoolViewOptions extends Omit<RowsOptions, 'act'> {
  readonly where: string;
  /** undefined: only to look at. */
  readonly act: ((hand: Hand | PoolHand, pid?: number) => void) | undefined;
}

export interface PoolView {
  readonly element: HTMLElement;
  /** What came of the last thing that was asked for here. */
  readonly saying: HTMLElement;
  /** `workersMost`: so many may be there by hand. */
  show(moment: Moment, workersMost: number): void;
}

const minuteHeight = 33;
/** A row of the table is so many seconds. */
const stepSeconds = 5;

export const poolView = ({ where, say, spelling, act }: PoolViewOptions): PoolView => {
  let last: Moment | undefined;
  let drawn = '';

  const title = h('h2', {});
  const about = h('p', { class: 'about soft' });
  const buttons = (['add', 'remove', 'reload'] as const).map((hand) => ({
    hand,
    element: h('button', { type: 'button', class: hand, click: () => act?.(hand) }, say(`workers.${hand}`)),
  }));
  const saying = h('div', { class: 'saying' });
  const queueSaid = h('p');
  const places = h('div', { class: 'places' });
  const minute = h('div', { class: 'last-minute' });
  const figures = poolFigures.map((figure) => {
    const { text, kind } = shownHead(figure, spelling, say);
    const value = h('dd');
    return { figure, value, element: h('div', {}, h('dt', { class: kind }, text), value) };
  });
  const rows = workerRows({ say, spelling, act });
  rows.element.ariaLabel = say('workers.rows', { where });
  const table = h('div', { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': say('workers.table') });
  const details = h('details', { toggle: () => fillTable() }, h('summary', {}, say('workers.table')), table);
  const fillTable = (): void => {
    if (details.open && last) put(table, minuteTable(last, say));
  };
  const element = h(
    'section',
    { class: 'pool', 'aria-label': where },
    h('header', {}, h('div', {}, title, about), act && h('div', { class: 'hands' }, ...buttons.map((button) => button.element))),
    saying,
    h('figure', { class: 'queue' }, h('figcaption', {}, h('h3', {}, say('workers.queue')), queueSaid), places, minute),
    h('dl', { class: 'counts', 'aria-label': say('workers.figures') }, ...figures.map((figure) => figure.element)),
    rows.element,
    details,
  );

  return {
    element,
    saying,
    show(moment, workersMost) {
      last = moment;
      const { pool, nowMs, past } = moment;
      const { waiting, waitingMost: most, bound } = pool.queue;
      if (title.dataset.shown !== pool.label) put(title, h('code', {}, where), ' ', h('span', { class: 'label' }, pool.label));
      title.dataset.shown = pool.label;
      setText(about, aboutOf(moment, say));
      for (const { hand, element: button } of buttons) {
        const may = hand === 'reload' || (hand === 'add' ? pool.workersMax < workersMost : pool.workersMax > 1);
        button.ariaDisabled = past || !may ? 'true' : null;
      }
      setText(queueSaid, say(waiting === 0 ? 'workers.queue.empty' : 'workers.queue.said', { waiting, bound, most }));
      for (const { figure, value } of figures) setText(value, String(figure.of(pool, spelling)));
      rows.show(moment);

      const width = places.clientWidth;
      const look = [waiting, most, bound, width].join();
      if (width > 0 && places.dataset.shown !== look) put(places, ...queueOf(moment, width, say));
      places.dataset.shown = look;
      // A minute moves on once a second.
      const second = [Math.floor(nowMs / 1000), width].join();
      if (width === 0 || drawn === second) return;
      drawn = second;
      put(minute, ...minuteOf(moment, minute.clientWidth, say));
      fillTable();
    },
  };
};

/** `wsgi · 2 to 4 workers · generation 3 · reloaded 2× · up 2 h 05 min`. */
const aboutOf = ({ pool, at }: Moment, say: Say): string => {
  const { gateway, workersMin: min, workersMax: max, generation, reloads, startedAt } = pool;
  const workers = min !== max ? say('workers.some', { min, max }) : max === 1 ? say('workers.one') : say('workers.all', { max });
  const told = [gateway, workers, say('workers.generation', { generation })];
  if (reloads > 0) told.push(say('workers.reloads', { count: reloads }));
  return [...told, say('workers.up', { age: age(at - startedAt) })].join(' · ');
};

const queueOf = ({ pool }: Moment, width: number, say: Say): Child[] => {
  const { waiting, waitingMost: most, bound } = pool.queue;
  const label = say(waiting === 0 ? 'workers.queue.empty' : 'workers.queue.said', { waiting, bound, most });
  const { element, per } = queuePicture({ waiting, most, bound, width, label, room: say('workers.queue.room', { bound }) });
  return [element, per > 1 && h('p', { class: 'soft' }, say('workers.queue.per', { per }))];
};

const minuteOf = ({ samples, nowMs }: Moment, width: number, say: Say): Child[] => {
  const values = waitingMost(samples, nowMs);
  const known = values.filter((value) => value !== undefined);
  const most = Math.max(0, ...known);
  const label = known.length === 0 ? say('workers.queue.unseen') : say('workers.queue.minute', { most });
  return [
    minutePicture(values, Math.max(1, most), width, minuteHeight, label),
    h(
      'p',
      { class: 'ends soft', 'aria-hidden': 'true' },
      h('span', {}, say('workers.minute.ago')),
      h('span', {}, label),
      h('span', {}, say('workers.minute.now')),
    ),
  ];
};

/** What both kinds of pictures show, the newest first. */
const minuteTable = ({ pool, samples, nowMs }: Moment, say: Say): HTMLTableElement => {
  const waiting = inSteps(waitingMost(samples, nowMs), stepSeconds);
  const workers = pool.workers.map((worker) => inSteps(busyShares(samples, keyOf(worker), nowMs), stepSeconds));
  const row = (i: number): HTMLTableRowElement => {
    const known = waiting[i]!.filter((value) => value !== undefined);
    const ago = historySeconds - (i + 1) * stepSeconds;
    const shares = workers.map((steps) => meanOf(steps[i]!));
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, `${ago}–${ago + stepSeconds}`),
      h('td', {}, known.length === 0 ? '–' : Math.max(...known)),
      ...shares.map((share) => h('td', {}, share === undefined ? '–' : percent(share))),
    );
  };
  const heads = [
    say('workers.table.ago'),
    say('workers.table.waiting'),
    ...pool.workers.map(({ pid }) => say('workers.table.worker', { pid })),
  ];
  return h(
    'table',
    {},
    h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
    h('tbody', {}, ...waiting.map((_, i) => row(waiting.length - 1 - i))),
  );
};
