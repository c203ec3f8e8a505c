/**
 * Bench: programs side by side, under load. The form asks for one (order.ts, form.ts); how it goes on is told on the stream, so that all
 * who look see the same, also after a change of language or of the connection; what came of it is fetched and drawn (result.ts).
 */
import type { ToldBench, ToldBenchResult, ToldPlace } from '../../told.js';
import { h, put } from '../dom.js';
import type { Frame, Screen } from '../screen.js';
import { refusalIn, wordsIn } from '../words.js';
import { benchForm } from './form.js';
import { type Draft, firstChoice, freshDraft, orderOf } from './order.js';
import { type Look, type Result, resultView } from './result.js';

export interface Bench extends Screen<State> {
  told(bench: ToldBench): void;
}

interface State {
  readonly draft: Draft;
  readonly look: Look;
  places: readonly ToldPlace[] | undefined;
  told: ToldBench;
  /** When it was, on the page's clock. */
  toldAtMs: number;
  /** The form is unfolded: until there is a result, and when somebody wants another. */
  asks: boolean;
  /** Which result is looked at. */
  run: number | undefined;
}

/** A progress that is looked at moves between two words of the server; it is not asked, because it measures. */
const tickMs = 500;
const spokenEveryMs = 5_000;

export const benchScreen = ({ hello, say, lang, spoken }: Frame, before: Bench | undefined): Bench => {
  before?.stop();
  const state: State = before?.state ?? {
    draft: freshDraft(),
    look: { fromSent: false, percent: undefined },
    places: undefined,
    told: { kept: [] },
    toldAtMs: 0,
    asks: true,
    run: undefined,
  };
  let hidden = true;
  let stopped = false;
  let timer: number | undefined;
  let spokenAtMs = Number.NEGATIVE_INFINITY;
  let result: Result | undefined;
  /** What was asked for last, so that an answer that comes late is not shown. */
  let asked = 0;

  /** Of the frame that is drawn. */
  const nowMs = (): number => Number(document.timeline.currentTime);
  const speak = (text: string): void => {
    spokenAtMs = nowMs();
    put(spoken, text);
  };

  // --- what can be done ------------------------------------------------------------------------------------------

  const send = async (path: string, body?: string): Promise<void> => {
    put(refusal);
    const answer = await fetch(path, { method: 'POST', ...(body !== undefined && { body }) }).catch(() => undefined);
    if (stopped || answer?.ok) return;
    put(refusal, refusalIn(await answer?.text(), lang) ?? say('bench.refused'));
  };
  const start = (): void => void send('bench', JSON.stringify(orderOf(state.draft)));
  const stop = (): void => void send('bench/stop');
  const findPlaces = async (): Promise<void> => {
    const answer = await fetch('places').catch(() => undefined);
    state.places = answer?.ok ? ((await answer.json()) as { places: ToldPlace[] }).places : [];
    if (state.draft.targets.length === 0) state.draft.targets = firstChoice(state.places);
    if (!stopped) showForm();
  };

  // --- the elements ----------------------------------------------------------------------------------------------

  const refusal = h('p', { class: 'notice', role: 'alert' });
  const form = h(
    'details',
    {
      class: 'another',
      toggle: () => {
        state.asks = form.open;
      },
    },
    h('summary', {}, say('bench.another')),
    h('div'),
  );
  const bar = h('progress', { max: 1, value: 0, 'aria-label': say('bench.running') });
  const words = h('p', { class: 'words' });
  const stopButton = h('button', { type: 'button', id: 'bench-stop', click: stop }, say('bench.stop'));
  const progress = h(
    'section',
    { class: 'progress', hidden: true, 'aria-label': say('bench.running') },
    h('div', {}, words, bar),
    !hello.present && stopButton,
  );
  const outcome = h('div');
  const element = h(
    'div',
    { class: 'bench' },
    h('h2', { class: 'heading' }, say('bench.title')),
    h('p', { class: 'lead' }, say('bench.lead')),
    refusal,
    form,
    progress,
    outcome,
  );

  const showForm = (): void => {
    if (!hello.present && state.places) put(form.lastElementChild!, benchForm({ draft: state.draft, places: state.places, say, start }));
  };
  const showProgress = (): void => {
    const { running } = state.told;
    const wasHidden = progress.hidden;
    const had = document.activeElement;
    progress.hidden = running === undefined;
    form.hidden = hello.present || running !== undefined;
    form.open = state.asks;
    // Whoever has pressed Start finds Stop under the same key, and Start again when it is over.
    if (wasHidden && running && had?.id === 'bench-start') stopButton.focus();
    clearInterval(timer);
    put(refusal, state.told.said && wordsIn(state.told.said, lang));
    if (running === undefined) return;
    timer = setInterval(tick, tickMs);
    tick();
  };
  const tick = (): void => {
    const { running } = state.told;
    if (running === undefined || hidden) return;
    const { name, round, rounds, forMs, doneMs, allMs } = running;
    const ofMs = doneMs + Math.min(forMs, nowMs() - state.toldAtMs);
    const filled = { name, round, rounds, done: Math.round(ofMs / 1000), all: Math.round(allMs / 1000) };
    const text = say(round === 0 ? 'bench.progress.warm' : 'bench.progress', filled);
    bar.max = Math.max(1, allMs);
    bar.value = ofMs;
    put(words, text);
    if (nowMs() - spokenAtMs > spokenEveryMs) speak(text);
  };
  const showResult = async (fresh: boolean): Promise<void> => {
    const { run } = state;
    if (run === undefined) return put(outcome, hello.present && h('p', { class: 'soft' }, say('bench.none')));
    asked += 1;
    const mine = asked;
    const answer = await fetch(`bench/result?run=${run}&lang=${lang}`).catch(() => undefined);
    const found = answer?.ok ? ((await answer.json()) as ToldBenchResult) : undefined;
    if (stopped || mine !== asked || found === undefined) return;
    const turn = (chosen: number): void => {
      state.run = chosen;
      void showResult(false).then(() => document.getElementById('bench-earlier')?.focus());
    };
    result = resultView({ result: found, kept: state.told.kept, say, lang, look: state.look, speak, turn });
    put(outcome, result.element);
    result.draw();
    if (!fresh) return;
    speak([say('bench.there'), found.figures[0]?.sentence ?? found.notes[0]].join(' '));
    if (!hidden && (document.activeElement === document.body || document.activeElement === stopButton)) result.focus();
  };

  let drawnWidth = 0;
  const resized = new ResizeObserver(() => {
    if (element.clientWidth !== drawnWidth) requestAnimationFrame(() => result?.draw());
    drawnWidth = element.clientWidth;
  });
  resized.observe(element);
  showForm();
  showProgress();
  void showResult(false);

  return {
    element,
    state,
    told(bench) {
      const known = state.told.kept.at(-1)?.run;
      const newest = bench.kept.at(-1)?.run;
      const wasRunning = state.told.running !== undefined;
      state.told = bench;
      state.toldAtMs = nowMs();
      if (newest !== known) {
        state.run = newest;
        state.look.percent = undefined;
        state.asks = false;
        void showResult(wasRunning);
      }
      showProgress();
    },
    show(shown) {
      hidden = !shown;
      if (hidden) return;
      if (!hello.present) void findPlaces();
      tick();
      result?.draw();
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      resized.disconnect();
    },
  };
};
