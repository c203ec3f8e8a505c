/** What came of a bench: four pictures, each with a sentence and a table; what must be said with them; the files to keep. */
import type { ToldBench, ToldBenchFigure, ToldBenchLine, ToldBenchResult } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import { clock, digits } from '../format.js';
import type { Lang, Say } from '../words.js';
import { barsView } from './bars.js';
import { curvesView, stopNear, stopsOf, valueAt } from './curves.js';
import { letters } from './order.js';

export interface ResultView {
  readonly result: ToldBenchResult;
  readonly kept: ToldBench['kept'];
  readonly say: Say;
  readonly lang: Lang;
  readonly look: Look;
  readonly speak: (text: string) => void;
  /** Another of those that are kept. */
  readonly turn: (run: number) => void;
}

/** How a viewer looks at it; this outlives a change of language. */
export interface Look {
  /** Also from when they were sent. */
  fromSent: boolean;
  /** Which percentile the cursor stands at. */
  percent: number | undefined;
}

export interface Result {
  readonly element: HTMLElement;
  /** The pictures, as wide as there is room now. */
  draw(): void;
  focus(): void;
}

export const resultView = ({ result, kept, say, lang, look, speak, turn }: ResultView): Result => {
  const figures = result.figures.map((figure) => (figure.lines ? latency(figure, figure.lines) : bars(figure)));
  const title = h('h2', { tabindex: '-1' }, ...result.names.flatMap(nameOf));
  const element = h(
    'section',
    { class: 'result', 'aria-label': say('bench.result') },
    kept.length > 1 && chooser(),
    title,
    h('p', { class: 'plan' }, result.plan),
    h('p', { class: 'soft made' }, result.madeOn),
    h('div', { class: 'figures' }, ...figures.map(({ element }) => element)),
    h('ul', { class: 'notes' }, ...result.notes.map((note) => h('li', {}, note))),
    downloads(),
  );
  return {
    element,
    draw() {
      for (const figure of figures) figure.draw();
    },
    focus: () => title.focus(),
  };

  function chooser(): Child {
    const select: HTMLSelectElement = h(
      'select',
      { id: 'bench-earlier', change: () => turn(Number(select.value)) },
      ...[...kept]
        .reverse()
        .map(({ run, at, names }) =>
          h('option', { value: run, selected: run === result.run }, `${clock(at).slice(0, 8)}  ${names.join(' · ')}`),
        ),
    );
    return h('p', { class: 'earlier' }, h('label', {}, `${say('bench.earlier')} `, select));
  }

  function latency(figure: ToldBenchFigure, lines: readonly ToldBenchLine[]): Drawn {
    const drawn = lines.filter(({ curve }) => curve.points.length > 0);
    const shown = (): ToldBenchLine[] => drawn.filter(({ isFromSent }) => look.fromSent || !isFromSent);
    const stops = stopsOf(drawn);
    const readout = h('p', { class: 'readout' });
    const picture = h('div', {
      ...{ class: 'picture', tabindex: '0', role: 'slider', 'aria-label': figure.title },
      ...{ 'aria-valuemin': 0, 'aria-valuemax': Math.max(0, stops.length - 1), 'aria-orientation': 'horizontal' },
      keydown: (event: KeyboardEvent) => byKey(event),
      pointermove: (event: PointerEvent) => byPointer(event),
      pointerdown: (event: PointerEvent) => byPointer(event),
    });
    const lie = h('p', { class: 'lie' }, result.omission ?? '');
    const draw = (): void => {
      const width = picture.clientWidth;
      lie.hidden = !look.fromSent;
      put(readout, drawn.length > 0 && (look.percent === undefined ? say('bench.cursor') : told(look.percent)));
      const at = stops.indexOf(look.percent ?? stops[0]!);
      picture.setAttribute('aria-valuenow', String(Math.max(0, at)));
      picture.setAttribute('aria-valuetext', `p${trimmed(stops[Math.max(0, at)] ?? 0)}`);
      if (drawn.length === 0) put(picture, say('bench.beyond'));
      else if (width > 0) put(picture, curvesView({ lines: shown(), width, label: figure.sentence, percent: look.percent, say }));
    };
    const told = (percent: number): string =>
      say('bench.at', {
        percent: trimmed(percent),
        values: shown()
          .map((line) => {
            const ms = valueAt(line, percent);
            return `${letters[line.place]} ${line.name} ${ms === undefined ? say('bench.unknown') : `${digits(ms)} ${say('bench.ms')}`}`;
          })
          .join(lang === 'en' ? ', ' : '，'),
      });
    const move = (at: number, aloud: boolean): void => {
      const percent = stops[Math.min(stops.length - 1, Math.max(0, at))];
      if (percent === undefined || percent === look.percent) return;
      look.percent = percent;
      draw();
      if (aloud) speak(told(percent));
    };
    const byKey = (event: KeyboardEvent): void => {
      const at = look.percent === undefined ? -1 : stops.indexOf(look.percent);
      const next = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: stops.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      move(next, true);
    };
    const byPointer = (event: PointerEvent): void =>
      move(stopNear(shown(), picture.clientWidth, event.clientX - picture.getBoundingClientRect().left), false);
    const sent = h('input', {
      ...{ type: 'checkbox', id: 'bench-sent', checked: look.fromSent },
      change: () => {
        look.fromSent = sent.checked;
        draw();
        if (look.fromSent) speak(result.omission ?? '');
      },
    });
    return {
      draw,
      element: frame(figure, 'latency', [
        result.isOpen && h('label', { class: 'choice' }, sent, say('bench.sent')),
        lie,
        picture,
        readout,
        result.limit !== undefined && h('p', { class: 'soft' }, result.limit),
      ]),
    };
  }

  function bars(figure: ToldBenchFigure): Drawn {
    const picture = h('div', { class: 'picture' });
    return {
      draw() {
        if (picture.clientWidth > 0) put(picture, barsView(figure.bars ?? [], picture.clientWidth, figure.sentence));
      },
      element: frame(figure, 'bars', [picture]),
    };
  }

  function frame({ title, sentence, heads, rows }: ToldBenchFigure, kind: string, inside: readonly Child[]): HTMLElement {
    return h(
      'figure',
      { class: kind },
      h('h3', {}, title),
      h('p', { class: 'conclusion' }, sentence),
      ...inside,
      h(
        'details',
        {},
        h('summary', {}, say('bench.table')),
        h(
          'div',
          { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': title },
          h(
            'table',
            {},
            h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
            h(
              'tbody',
              {},
              ...rows.map(([name, ...cells]) => h('tr', {}, h('th', { scope: 'row' }, name), ...cells.map((cell) => h('td', {}, cell)))),
            ),
          ),
        ),
      ),
    );
  }

  function downloads(): HTMLElement {
    const kinds = ['html', 'svg', 'csv', 'json'] as const;
    return h(
      'p',
      { class: 'keep' },
      h('span', { class: 'soft' }, say('bench.keep')),
      ...kinds.map((kind) =>
        h('a', { href: `bench/report.${kind}?run=${result.run}&lang=${lang}`, download: true }, say(`bench.keep.${kind}`)),
      ),
    );
  }
};

/** As it is marked in the pictures. */
const nameOf = (name: string, place: number): Child[] => [
  place > 0 && ' · ',
  h('b', { class: `letter t${place}` }, letters[place]),
  ` ${name}`,
];

interface Drawn {
  readonly element: HTMLElement;
  draw(): void;
}

/** 99.9, not 99.90000001. */
const trimmed = (percent: number): number => Number(percent.toFixed(percent < 99 ? 2 : 4));
