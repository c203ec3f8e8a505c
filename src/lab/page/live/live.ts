/**
 * Live: process lanes above, the request table below, one request beside it. Paused, all of it is shown as it was at one moment (store.ts);
 * a step goes to the next thing that happened, and says what it was.
 */
import type { ToldBatch, ToldDetail, ToldExchange } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import { drawing } from '../request/drawing.js';
import { requestView, type Tab } from '../request/request.js';
import { phases, summaryOf, toldMoment } from '../request/story.js';
import type { Frame, Screen } from '../screen.js';
import { exportMenu } from './export-menu.js';
import { lanesOf, type Phase } from './lanes.js';
import { lanesView, legend } from './lanes-view.js';
import { asOf, emptyStore, momentsOf, type Store, withBatch } from './store.js';
import { requestTable } from './table.js';

export interface Live extends Screen<State> {
  /** Goes to an exchange by its id; false: it is not here. */
  open(id: string): boolean;
  batch(batch: ToldBatch): void;
  /** The lab's clock said `nowMs` when the page's said `stampMs`. */
  clock(nowMs: number, stampMs: number): void;
}

interface State {
  store: Store;
  /** What is told while paused waits here as well: a pause looks back, it does not stop the world. */
  pausedAtMs: number | undefined;
  filter: string;
  /** Up to this one they are cleared away. */
  cleared: number;
  chosen: number | undefined;
  tab: Tab;
  keys: boolean;
  /** The lab's clock is the page's and so much. */
  offsetMs: number;
}

const rowsMax = 10;
const spokenEveryMs = 5_000;
/** A frame on most screens; after a longer one the page rests so many times what it took too long. */
const frameMs = 17;
const restsAfter = 2;

export const liveScreen = ({ hello, say, lang, spoken }: Frame, before: Live | undefined): Live => {
  before?.stop();
  const state: State = before?.state ?? {
    store: emptyStore,
    pausedAtMs: undefined,
    filter: '',
    cleared: 0,
    chosen: undefined,
    tab: 'story',
    keys: true,
    offsetMs: 0,
  };
  let detail: ToldDetail | undefined;
  /** What was asked for when `detail` was: it is asked again when that has changed. */
  let detailOf: ToldExchange | undefined;
  let asking = false;
  let planned = false;
  /** Something has changed since the last frame was begun. */
  let wanted = false;
  let stampMs = 0;
  let spokenAtMs = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let hidden = false;

  // --- what can be done ------------------------------------------------------------------------------------------

  const nowMs = (): number => state.pausedAtMs ?? stampMs + state.offsetMs;
  const seen = (): ToldExchange[] => {
    const at = nowMs();
    const words = state.filter
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    return state.store.exchanges
      .filter((exchange) => exchange.serial > state.cleared && words.every((word) => textOf(exchange).includes(word)))
      .flatMap((exchange) => (state.pausedAtMs === undefined ? exchange : (asOf(exchange, at) ?? [])));
  };
  const pause = (): void => {
    state.pausedAtMs = state.pausedAtMs === undefined ? nowMs() : undefined;
    speak(state.pausedAtMs === undefined ? '' : say('live.paused'));
    render();
  };
  const step = (by: 1 | -1): void => {
    const at = nowMs();
    const moments = momentsOf(state.store.exchanges.filter(({ serial }) => serial > state.cleared));
    const next = by > 0 ? moments.find(({ atMs }) => atMs > at) : moments.findLast(({ atMs }) => atMs < at);
    state.pausedAtMs = next?.atMs ?? at;
    if (next) {
      state.chosen = next.exchange.serial;
      speak(toldMoment(next, say));
    }
    render();
  };
  const clear = (): void => {
    state.cleared = state.store.exchanges.at(-1)?.serial ?? 0;
    state.chosen = undefined;
    render();
  };
  const choose = (serial: number | undefined): void => {
    state.chosen = serial;
    render();
  };
  /** Also one that is not to be seen now: the moment, or the filter, is given up for it. */
  const goTo = (serial: number): void => {
    if (!seen().some((exchange) => exchange.serial === serial)) {
      state.pausedAtMs = undefined;
      state.filter = filter.value = '';
      state.cleared = Math.min(state.cleared, serial - 1);
    }
    choose(serial);
  };
  const chooseNext = (by: 1 | -1): void => {
    const serials = seen().map(({ serial }) => serial);
    const at = serials.indexOf(state.chosen ?? -1);
    choose(serials[at < 0 ? serials.length - 1 : Math.min(serials.length - 1, Math.max(0, at + by))]);
  };
  const runDemo = async (): Promise<void> => {
    const answer = await fetch('demo', { method: 'POST' }).catch(() => undefined);
    if (!answer?.ok || ((await answer.json()) as { status: number }).status === 0) speak(say('first.failed'));
  };
  const speak = (text: string): void => {
    spokenAtMs = stampMs;
    put(spoken, text);
    put(saying, text);
  };

  // --- the elements ----------------------------------------------------------------------------------------------

  const button = (text: string, click: () => void, more: Record<string, string | boolean> = {}): HTMLButtonElement =>
    h('button', { type: 'button', click, ...more }, text);
  const pauseButton = button(say('live.pause'), pause, { class: 'main' });
  const filter = h('input', {
    type: 'search',
    id: 'filter',
    placeholder: say('live.filter.hint'),
    'aria-label': say('live.filter'),
    value: state.filter,
    input: (event: Event) => {
      state.filter = (event.target as HTMLInputElement).value;
      render();
    },
  });
  const demo = hello.present || hello.demo === undefined ? undefined : hello.demo;
  const demoButton =
    demo === undefined ? undefined : button(say('live.demo', { script: nameOf(demo) }), () => void runDemo(), { class: 'demo' });
  const controls = h(
    'div',
    { class: 'controls' },
    pauseButton,
    button(say('live.back'), () => step(-1)),
    button(say('live.step'), () => step(1)),
    button(say('live.clear'), clear),
    filter,
    demoButton,
    exportMenu(say),
  );
  const saying = h('p', { class: 'saying' });
  const first = h('section', { class: 'first' });
  const picture = h('div', { class: 'picture' });
  const conclusion = h('p', { class: 'conclusion' });
  const legends = h('p', { class: 'legends' });
  const table = requestTable(say, choose);
  const empty = h('p', { class: 'soft' });
  const beside = h('aside', { class: 'request', hidden: true });
  const lanes = h('figure', { class: 'lanes-figure', 'aria-label': say('live.lanes') }, conclusion, picture, legends);
  const keysLine = h('p', { class: 'keys soft' });
  const board = h('div', { class: 'board' }, h('div', { class: 'list' }, table.element, empty), beside);
  const element = h('div', { class: 'live' }, first, controls, saying, lanes, board, keysLine);

  // --- rendering ---------------------------------------------------------------------------------------------------

  const render = (): void => {
    wanted ||= planned;
    if (stopped || hidden || planned) return;
    planned = true;
    requestAnimationFrame((at) => {
      if (stopped) return;
      stampMs = Math.max(stampMs, at);
      paint();
      // What the browser makes of it comes after this call; its next frame tells what all of it took.
      requestAnimationFrame((next) => {
        const rest = (next - at - frameMs) * restsAfter;
        setTimeout(ready, rest > frameMs ? rest : 0);
      });
    });
  };
  /** A flood of requests leaves the page time for its reader. */
  const ready = (): void => {
    planned = false;
    if (!wanted) return;
    wanted = false;
    render();
  };
  const paint = (): void => {
    const exchanges = seen();
    const virgin = state.store.exchanges.length === 0;
    const asked = state.store.exchanges.at(-1);
    first.hidden = !virgin && (state.store.exchanges.length > 1 || asked?.serial !== 1 || state.cleared > 0);
    if (!first.hidden) showFirst(virgin ? undefined : state.pausedAtMs === undefined ? asked : asked && asOf(asked, nowMs()));
    for (const part of [controls, lanes, board, keysLine]) part.hidden = virgin;
    if (demoButton) demoButton.hidden = !first.hidden;

    put(pauseButton, say(state.pausedAtMs === undefined ? 'live.pause' : 'live.resume'));
    const rows = lanesOf(exchanges, nowMs(), rowsMax);
    put(picture, lanesView({ lanes: rows, width: picture.clientWidth || 320, chosen: state.chosen, choose, say }));
    put(conclusion, summaryOf(rows, say));
    const shown = new Set(rows.flatMap(({ bars }) => bars.flatMap(({ segments }) => segments.map(({ phase }): Phase => phase))));
    const drawn = phases.filter((phase) => shown.has(phase));
    if (legends.dataset.shown !== drawn.join()) put(legends, ...legend(drawn, say));
    legends.dataset.shown = drawn.join();
    table.show(exchanges, state.chosen);
    const later =
      state.pausedAtMs === undefined ? 0 : momentsOf(state.store.exchanges).filter(({ atMs }) => atMs > state.pausedAtMs!).length;
    const notes = [
      exchanges.length === 0 ? say(state.filter === '' ? 'live.waiting' : 'live.nothing') : '',
      later > 0 ? say('live.later', { count: later }) : '',
      state.store.skipped > 0 ? say('live.skipped', { count: state.store.skipped }) : '',
    ];
    put(empty, notes.filter((note) => note !== '').join(' · '));
    put(keysLine, say(state.keys ? 'live.keys' : 'live.keys.off'));
    showRequest(exchanges);
    // What is alive grows; without anything alive nothing moves, and nothing is drawn.
    if (state.pausedAtMs === undefined && rows.some(({ bars }) => bars.some(({ running }) => running))) render();
  };

  const showFirst = (exchange: ToldExchange | undefined): void =>
    put(
      first,
      h('h2', {}, say('first.title')),
      exchange === undefined && h('p', { class: 'lead' }, say(hello.demo === undefined ? 'first.lead.mounted' : 'first.lead')),
      drawing(exchange, first.clientWidth, say),
      h('div', { class: 'start' }, ...startWith(exchange)),
    );
  const startWith = (exchange: ToldExchange | undefined): Child[] => {
    if (hello.demo === undefined) return [h('p', {}, say('first.ask', { url: hello.url }))];
    const curl = h('code', { class: 'curl' }, `curl ${hello.url}${hello.demo}`);
    if (hello.present) return [curl];
    const ask = button(say(exchange === undefined ? 'first.button' : 'first.again'), () => void runDemo(), {
      class: 'main big',
      id: 'demo',
    });
    return [ask, h('span', { class: 'soft' }, say('first.or')), curl];
  };

  const showRequest = (exchanges: readonly ToldExchange[]): void => {
    const exchange = exchanges.find(({ serial }) => serial === state.chosen);
    beside.hidden = exchange === undefined;
    board.classList.toggle('split', exchange !== undefined);
    if (exchange === undefined) {
      detail = undefined;
      detailOf = undefined;
      return;
    }
    const whole = state.store.exchanges.find(({ serial }) => serial === exchange.serial)!;
    if (detailOf !== whole) void fetchDetail(whole);
    if (detail?.serial !== exchange.serial) {
      delete beside.dataset.shown;
      return put(beside, h('p', { class: 'soft' }, detailOf === whole ? say('request.gone') : '…'));
    }
    const width = beside.clientWidth - 38;
    const at = nowMs();
    const past: ToldDetail =
      state.pausedAtMs === undefined
        ? detail
        : { ...exchange, details: detail.details.map((run) => runUntil(run, at)), wire: exchange.end && detail.wire };
    const signature = JSON.stringify([past.serial, state.tab, width, lang, detail.runs, detail.end, state.pausedAtMs]);
    // A panel that is being read is left alone.
    if (beside.dataset.shown === signature) return;
    beside.dataset.shown = signature;
    const focused = document.activeElement?.id;
    const turn = (tab: Tab): void => {
      state.tab = tab;
      paint();
    };
    put(
      beside,
      ...requestView({
        ...{ detail: past, tab: state.tab, lang, width, say, turn, url: hello.url },
        close: () => choose(undefined),
        choose: goTo,
        others: () => state.store.exchanges.toReversed(),
        present: hello.present,
        reveal: hello.present ? undefined : (run, name) => secret(exchange.id, run, name),
      }),
    );
    if (focused) document.getElementById(focused)?.focus();
  };
  const fetchDetail = async (exchange: ToldExchange): Promise<void> => {
    if (asking) return;
    asking = true;
    const answer = await fetch(`exchanges/${exchange.id}`).catch(() => undefined);
    asking = false;
    if (state.chosen === exchange.serial) {
      detailOf = exchange;
      if (answer?.ok) detail = (await answer.json()) as ToldDetail;
    }
    render();
  };

  // --- keys ----------------------------------------------------------------------------------------------------------

  const byKey = (event: KeyboardEvent): void => {
    if (hidden) return;
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && state.chosen !== undefined) return choose(undefined);
    if (target.closest('input, textarea, select, [role=tab], [role=tree], summary')) return;
    if (event.key === '?') {
      state.keys = !state.keys;
      return render();
    }
    if (!state.keys || state.store.exchanges.length === 0 || ((event.key === ' ' || event.key === 'Enter') && target.closest('button')))
      return;
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  const keys: Readonly<Record<string, () => void>> = {
    ' ': pause,
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    ArrowDown: () => chooseNext(-1),
    ArrowUp: () => chooseNext(1),
    Enter: () => beside.querySelector('h2')?.focus(),
    '/': () => filter.focus(),
    c: clear,
  };
  document.addEventListener('keydown', byKey);
  const resized = new ResizeObserver(render);
  resized.observe(picture);
  render();

  return {
    element,
    state,
    open(id) {
      const exchange = state.store.exchanges.find((one) => one.id === id);
      if (exchange) goTo(exchange.serial);
      return exchange !== undefined;
    },
    batch(batch) {
      state.store = withBatch(state.store, batch, hello.keptMax);
      // Not for every request: one sentence now and then.
      if (stampMs - spokenAtMs > spokenEveryMs && batch.exchanges.length > 0) {
        spokenAtMs = stampMs;
        put(spoken, say('live.rows', { count: state.store.exchanges.length }));
      }
      render();
    },
    clock(now, stamp) {
      stampMs = Math.max(stampMs, stamp);
      state.offsetMs = now - stamp;
    },
    show(shown) {
      hidden = !shown;
      render();
    },
    stop() {
      stopped = true;
      document.removeEventListener('keydown', byKey);
      resized.disconnect();
    },
  };
};

const textOf = ({ method, target, runs, end }: ToldExchange): string =>
  [method, target, end?.status, end?.gateway, end?.failure?.code, ...runs.flatMap(({ pid, script, gateway }) => [pid, script, gateway])]
    .join(' ')
    .toLowerCase();

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const secret = async (id: string, run: number, name: string): Promise<string> => {
  const answer = await fetch(`exchanges/${id}/${run}/${name}`);
  return answer.ok ? ((await answer.json()) as { value: string }).value : '';
};

/** Pieces that had not come by then are left out. */
const runUntil = (run: ToldDetail['details'][number], atMs: number): ToldDetail['details'][number] => {
  const until = <S extends { pieces: readonly { atMs: number }[] }>(stream: S): S => ({
    ...stream,
    pieces: stream.pieces.filter((piece) => piece.atMs <= atMs),
  });
  return { ...run, input: until(run.input), output: until(run.output), errors: until(run.errors) };
};
