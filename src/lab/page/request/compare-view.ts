/** Answers side by side: a table with a column for each, or, where there is no room for that, a table for each. */
import type { PhaseName } from '../../told.js';
import { type Child, h, svg } from '../dom.js';
import { bytes, ms } from '../format.js';
import type { Say } from '../words.js';
import { type BodyDifference, conclusionOf, type Difference, differenceOf, type Side } from './compare.js';
import { phases } from './story.js';

export interface CompareView {
  /** The one that was there first is the first. */
  readonly sides: readonly Side[];
  /** Of the paper, in pixels. */
  readonly width: number;
  readonly say: Say;
  readonly choose: (serial: number) => void;
}

interface Row {
  /** Made anew for each table that it stands in. */
  readonly name: () => Child[];
  readonly cells: readonly Child[][];
}

export const compareView = (view: CompareView): Child[] => {
  const { sides, width, say } = view;
  const rows = rowsOf(sides, say);
  const heads = sides.map((side, i) => headOf(side, i, view));
  const name = ({ name: words }: Row): HTMLElement => h('th', { scope: 'row' }, ...words());
  const beside = width >= nameWidth + sides.length * columnWidth;
  return [
    h('p', { class: 'conclusion' }, conclusionOf(sides, say)),
    ...(beside
      ? [
          h(
            'table',
            { class: 'facts compare' },
            h('thead', {}, h('tr', {}, h('td'), ...heads.map((head) => h('th', { scope: 'col' }, ...head)))),
            h('tbody', {}, ...rows.map((row) => h('tr', {}, name(row), ...row.cells.map((cell) => h('td', {}, ...cell))))),
          ),
        ]
      : sides.map((_, i) =>
          h(
            'table',
            { class: 'facts compare' },
            h('caption', {}, ...heads[i]!),
            h('tbody', {}, ...rows.map((row) => h('tr', {}, name(row), h('td', {}, ...row.cells[i]!)))),
          ),
        )),
    h('p', { class: 'soft' }, say('compare.date'), sides.some(({ printed }) => printed?.cut) && ` ${say('compare.cut')}`),
  ];
};

/** Narrower columns break their words. */
const nameWidth = 150;
const columnWidth = 150;

const headOf = ({ gateway, target, serial }: Side, i: number, { say, choose }: CompareView): Child[] => {
  const title = say('compare.as', { time: say(i === 0 ? 'compare.first' : 'compare.again'), gateway });
  return [
    i === 0 ? h('strong', {}, title) : h('button', { type: 'button', title: say('compare.show'), click: () => choose(serial) }, title),
    h('code', { class: 'soft' }, target),
  ];
};

const rowsOf = (sides: readonly Side[], say: Say): Row[] => {
  const first = sides[0]!;
  const longestMs = Math.max(...sides.map(({ totalMs }) => totalMs), 0.001);
  const differences = sides.map((side) => differenceOf(first, side));
  const row = (name: () => Child[], cell: (side: Side, difference: Difference, i: number) => Child[]): Row => ({
    name,
    cells: sides.map((side, i) => cell(side, differences[i]!, i)),
  });
  const shown = phases.filter((phase) => sides.some(({ spans }) => spans.some((span) => span.phase === phase)));
  return [
    row(
      () => [say('compare.status')],
      ({ status }, differs) => [marked(status === 0 ? '✕' : String(status), differs.status)],
    ),
    row(
      () => [say('compare.total')],
      (side) => [ms(side.totalMs), bar(side, longestMs, say)],
    ),
    ...shown.map((phase) =>
      row(
        () => [swatch(phase), say(`phase.${phase}`)],
        ({ spans }) => {
          const span = spans.find((one) => one.phase === phase);
          return [span === undefined ? h('span', { class: 'soft' }, '–') : ms(span.ms)];
        },
      ),
    ),
    row(
      () => [say('compare.process')],
      (side) => [processOf(side, say)],
    ),
    row(
      () => [say('compare.bytes')],
      ({ bytesOut }) => [bytes(bytesOut)],
    ),
    row(
      () => [say('compare.fields')],
      ({ printed }, { fields }, i) => {
        if (printed === undefined || first.printed === undefined) return [say('compare.body.unknown')];
        if (i === 0) return printed.fields.map((field) => h('code', { class: 'line' }, field));
        if (fields.gone.length + fields.come.length === 0) return [say('compare.same.short')];
        return [...changed(say('compare.fields.gone'), fields.gone), ...changed(say('compare.fields.come'), fields.come)];
      },
    ),
    row(
      () => [say('compare.body')],
      ({ printed }, { body }, i) =>
        i === 0 ? [printed === undefined ? say('compare.body.unknown') : bytes(printed.body.length)] : bodyOf(body, say),
    ),
  ];
};

const marked = (text: string, differs: boolean): Child => (differs ? h('strong', { class: 'differs' }, '≠ ', text) : text);

const changed = (word: string, fields: readonly string[]): Child[] =>
  fields.map((field) => h('div', { class: 'differs' }, '≠ ', word, ' ', h('code', {}, field)));

const bodyOf = (body: BodyDifference, say: Say): Child[] => {
  if (body.kind === 'same') return [say('compare.same.short')];
  if (body.kind === 'unknown') return [say('compare.body.unknown')];
  if (body.kind === 'byte') return [marked(say('compare.body.byte', { at: body.at }), true)];
  const line = (word: string, text: string): Child =>
    h('div', {}, h('span', { class: 'soft' }, word), ' ', text === '' ? say('compare.nothing') : h('code', {}, cut(text)));
  return [
    marked(say('compare.body.line', { line: body.line }), true),
    line(say('compare.body.first'), body.first),
    line(say('compare.body.other'), body.other),
  ];
};

const lettersMax = 120;
const cut = (text: string): string => (text.length > lettersMax ? `${text.slice(0, lettersMax - 1)}…` : text);

const processOf = ({ own, pid, spans }: Side, say: Say): string => {
  if (pid !== undefined) return say(own ? 'compare.process.own' : 'compare.process.kept', { pid });
  return say(spans.length === 0 ? 'compare.process.none' : 'compare.process.far');
};

/** The phases one after the other, all bars to the same scale; what is left of it is the server's own time. */
const bar = ({ totalMs, spans }: Side, longestMs: number, say: Say): SVGSVGElement => {
  const parts = spans.map(({ phase, ms: took }) => `${say(`phase.${phase}`)} ${ms(took)}`).join(', ');
  const at = (value: number): number => (value / longestMs) * 100;
  let fromMs = 0;
  return svg(
    'svg',
    {
      ...{ class: 'cost', viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img' },
      'aria-label': say('compare.bar', { total: ms(totalMs), parts: parts || '–' }),
    },
    svg('rect', { class: 'whole', x: 0, y: 0, width: at(totalMs), height: 10 }),
    ...spans.map(({ phase, ms: took }) => {
      const x = at(fromMs);
      fromMs += took;
      return svg('rect', { class: `phase ${phase}`, x, y: 0, width: at(took), height: 10 });
    }),
  );
};

const swatch = (phase: PhaseName): SVGSVGElement =>
  svg(
    'svg',
    { class: 'swatch', viewBox: '0 0 10 10', 'aria-hidden': 'true' },
    svg('rect', { class: `phase ${phase}`, x: 0, y: 0, width: 10, height: 10, rx: 2 }),
  );
