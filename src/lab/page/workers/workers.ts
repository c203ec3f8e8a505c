/**
 * Workers: every pool with its queue, a row for each worker, what can be done to them by hand, and what has become of them. It shows what
 * the server tells (lab/workers.ts); only rates and the last minute are made here (history.ts).
 */
import type { PoolEvent } from '../../../status/status.js';
import type { ToldOrder, ToldOutcome, ToldWorkers } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import { clock } from '../format.js';
import type { Frame, Screen } from '../screen.js';
import { wordsIn } from '../words.js';
import { type Happening, happeningsOf, withEvents } from './happenings.js';
import { type Sample, withSample } from './history.js';
import { programs, type Spelling, spellings } from './names.js';
import { type PoolView, poolView } from './pool-view.js';
import { arrange, setText } from './rows.js';

export interface WorkersState {
  /** The newest; undefined: nothing was told. */
  told: ToldWorkers | undefined;
  /** The lab has spoken; when it said nothing of workers, there are none. */
  heard: boolean;
  /** What is shown in its place. The world goes on, and is remembered. */
  paused: ToldWorkers | undefined;
  spelling: Spelling;
  /** Of each pool, by its place. */
  readonly samples: Map<string, readonly Sample[]>;
  readonly events: Map<string, readonly PoolEvent[]>;
}

export interface Workers extends Screen<WorkersState> {
  told(workers: ToldWorkers): void;
  /** The lab has spoken; when it said nothing of workers, there are none. */
  heard(): void;
}

/** Newer ones are said aloud; of many at once the newest. */
const spokenMax = 2;

export const workersScreen = ({ hello, say, lang, spoken }: Frame, before: Workers | undefined): Workers => {
  before?.stop();
  const state: WorkersState = before?.state ?? {
    ...{ told: undefined, heard: false, paused: undefined, spelling: 'ours' },
    ...{ samples: new Map(), events: new Map() },
  };
  let hidden = true;
  const views = new Map<string, PoolView>();
  const lists = new Map<string, EventList>();

  // --- what can be done ------------------------------------------------------------------------------------------

  const pause = (): void => {
    state.paused = state.paused === undefined ? state.told : undefined;
    render();
  };
  const spell = (spelling: Spelling): void => {
    state.spelling = spelling;
    views.clear();
    render();
  };
  const order = async (what: ToldOrder): Promise<void> => {
    const { pid = 0 } = what;
    if (what.do === 'reload') answer(what.where, say('workers.said.reloading'));
    const response = await fetch('workers', { method: 'POST', body: JSON.stringify(what) }).catch(() => undefined);
    if (response === undefined || !response.headers.get('content-type')?.includes('json'))
      return answer(what.where, say('workers.said.lost'));
    const { why, evidence } = (await response.json()) as ToldOutcome;
    if (why === undefined) return answer(what.where, say(`workers.said.${what.do}`, { pid }));
    answer(what.where, wordsIn(why, lang), evidence);
  };
  /** What came of it, beneath the buttons and aloud. */
  const answer = (where: string, text: string, evidence?: string): void => {
    // What a traceback ends with.
    const last = evidence?.split('\n').findLast((line) => /^\S/.test(line));
    put(spoken, [text, last ?? ''].join(' ').trim());
    const saying = views.get(where)?.saying;
    if (saying === undefined) return;
    const whole = evidence && h('details', {}, h('summary', {}, say('workers.evidence')), h('pre', {}, evidence));
    put(saying, h('p', {}, text), last && h('p', {}, h('code', {}, last)), whole);
  };

  // --- the elements ----------------------------------------------------------------------------------------------

  const pauseButton = h('button', { type: 'button', class: 'main', click: pause });
  const nameOf = (spelling: Spelling): string => (spelling === 'ours' ? say('workers.names.ours') : programs[spelling]);
  const names = spellings.map((spelling) => ({
    spelling,
    element: h('button', { type: 'button', click: () => spell(spelling) }, nameOf(spelling)),
  }));
  const asOf = h('span', { class: 'soft as-of' });
  const controls = h(
    'div',
    { class: 'controls' },
    pauseButton,
    asOf,
    h(
      'div',
      { class: 'names', role: 'group', 'aria-label': say('workers.names') },
      h('span', { class: 'soft', 'aria-hidden': 'true' }, say('workers.names')),
      ...names.map(({ element }) => element),
    ),
  );
  const lacking = h('p', { class: 'soft brackets' });
  const pools = h('div', { class: 'pools' });
  const none = h('section', { class: 'missing' }, ...nothing(say));
  const element = h('div', { class: 'workers' }, none, controls, lacking, pools);

  const viewOf = (where: string): PoolView => {
    const known = views.get(where);
    const act = (hand: ToldOrder['do'], pid?: number): void => {
      if (state.paused === undefined) void order(pid === undefined ? { where, do: hand } : { where, do: hand, pid });
    };
    const view = known ?? poolView({ where, say, spelling: state.spelling, act: hello.present ? undefined : act });
    views.set(where, view);
    return view;
  };
  const listOf = (where: string): EventList => {
    const list = lists.get(where) ?? eventList(say);
    lists.set(where, list);
    return list;
  };

  // --- rendering ---------------------------------------------------------------------------------------------------

  const render = (): void => {
    if (hidden) return;
    const { paused, spelling } = state;
    const shown = paused ?? state.told;
    none.hidden = shown !== undefined || !state.heard;
    for (const part of [controls, pools]) part.hidden = shown === undefined;
    lacking.hidden = shown === undefined || spelling === 'ours';
    if (shown === undefined) return;
    setText(pauseButton, say(paused === undefined ? 'workers.pause' : 'workers.resume'));
    setText(asOf, paused === undefined ? '' : say('workers.paused', { time: clock(paused.at).slice(0, 8) }));
    for (const name of names) name.element.ariaPressed = String(name.spelling === spelling);
    setText(lacking, say('workers.lacking', { program: nameOf(spelling) }));
    const parts = shown.pools.map(({ where }) => ({ view: viewOf(where), list: listOf(where) }));
    arrange(
      pools,
      parts.flatMap(({ view, list }) => [view.element, list.element]),
    );
    const { at, nowMs, workersMost } = shown;
    shown.pools.forEach((pool, i) => {
      const samples = state.samples.get(pool.where) ?? [];
      parts[i]!.view.show({ pool, samples, at, nowMs, past: paused !== undefined }, workersMost);
      const until = pool.events.at(-1)?.serial ?? 0;
      const events = state.events.get(pool.where) ?? [];
      const news = parts[i]!.list.show(
        happeningsOf(
          events.filter(({ serial }) => serial <= until),
          say,
        ),
      );
      if (news.length > 0) put(spoken, news.slice(0, spokenMax).reverse().join('. '));
    });
  };
  const resized = new ResizeObserver(render);
  resized.observe(element);

  // --- what is told ------------------------------------------------------------------------------------------------

  const told = (workers: ToldWorkers): void => {
    state.told = workers;
    for (const pool of workers.pools) {
      state.samples.set(pool.where, withSample(state.samples.get(pool.where) ?? [], pool, workers.nowMs));
      state.events.set(pool.where, withEvents(state.events.get(pool.where) ?? [], pool.events));
    }
    render();
  };
  return {
    element,
    state,
    told,
    heard() {
      state.heard = true;
      render();
    },
    show(shown) {
      hidden = !shown;
      render();
    },
    stop() {
      hidden = true;
      resized.disconnect();
    },
  };
};

const nothing = (say: Frame['say']): Child[] => [
  h('h2', {}, say('workers.none.title')),
  h('p', {}, say('workers.none.text')),
  h('p', {}, say('workers.none.start')),
  ...(
    [
      ['cgi-serve --wsgi app.py:application --workers 2', 'workers.none.wsgi'],
      ["cgi-serve --pool '.php=php-cgi' --workers 2", 'workers.none.pool'],
    ] as const
  ).map(([command, word]) => h('p', {}, h('code', { class: 'curl' }, command), ' ', h('span', { class: 'soft' }, say(word)))),
];

// --- what has happened -----------------------------------------------------------------------------------------------------

interface EventList {
  readonly element: HTMLElement;
  /** Returns what is new in it, in words; nothing the first time. */
  show(happenings: readonly Happening[]): string[];
}

const eventList = (say: Frame['say']): EventList => {
  const list = h('ol', { reversed: true });
  const empty = h('p', { class: 'soft' }, say('workers.events.none'));
  const items = new Map<number, { element: HTMLLIElement; text: string }>();
  let first = true;
  return {
    element: h('section', { class: 'happenings' }, h('h3', {}, say('workers.events')), empty, list),
    show(happenings) {
      empty.hidden = happenings.length > 0;
      const news: string[] = [];
      for (const happening of happenings) {
        const known = items.get(happening.serial);
        if (known?.text === happening.text) continue;
        // An end has got its sequel: the first half has been said.
        items.set(happening.serial, { element: itemOf(happening, say), text: happening.text });
        news.push(happening.text);
      }
      arrange(
        list,
        happenings.map(({ serial }) => items.get(serial)!.element),
      );
      const said = first ? [] : news;
      first = false;
      return said;
    },
  };
};

const itemOf = ({ at, text, words, held, bad }: Happening, say: Frame['say']): HTMLLIElement =>
  h(
    'li',
    { class: bad ? 'bad' : undefined },
    h('span', { class: 'when' }, clock(at).slice(0, 8)),
    h(
      'div',
      {},
      h('span', {}, bad && h('span', { class: 'sign', 'aria-hidden': 'true' }, '✕ '), text),
      held.length > 0 && h('span', { class: 'held' }, say('workers.event.held'), ...held.flatMap(linkTo)),
      words !== '' && h('details', {}, h('summary', {}, say('workers.event.words')), h('pre', {}, words)),
    ),
  );

const linkTo = ({ id, method, target }: Happening['held'][number]): Child[] => [
  ' ',
  h('a', { href: `#live/${id}` }, h('code', {}, `${method} ${target}`)),
];
