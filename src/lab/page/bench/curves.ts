/**
 * Latency by percentile: to the right each tick is ten times rarer, upwards each decade is as high as the other. A line stops where so
 * many answers cannot tell more; what lies beyond is hatched, not guessed.
 */
import { logAxis, ninesOf, percentTicks, spreadOut } from '../../../load/axis.js';
import type { ToldBenchLine } from '../../told.js';
import { svg } from '../dom.js';
import { digits } from '../format.js';
import type { Say } from '../words.js';
import { letters } from './order.js';
import { cut } from './text.js';

export interface CurvesView {
  readonly lines: readonly ToldBenchLine[];
  readonly width: number;
  readonly label: string;
  /** Where the cursor stands; undefined: nowhere. */
  readonly percent: number | undefined;
  readonly say: Say;
}

const narrowPx = 560;
/** For a name behind its line's end. */
const nameRoom = 158;

/** Where things stand on a paper so wide. */
const planOf = (lines: readonly ToldBenchLine[], width: number) => {
  const narrow = width < narrowPx;
  const plot = { left: 52, top: 12, width: width - 52 - (narrow ? 26 : 218), height: narrow ? 230 : 380 };
  const { from, to, ticks } = logAxis(lines.flatMap(({ curve }) => curve.points.map(([, ms]) => ms)));
  const told = Math.max(...lines.map(({ curve }) => ninesOf(curve.points.at(-1)![0])), 0.4);
  const nines = told < 0.5 ? told : Math.max(1, Math.ceil(told - 1e-6));
  return {
    ...{ narrow, plot, ticks, told, nines, right: plot.left + plot.width, bottom: plot.top + plot.height },
    x: (of: number): number => plot.left + (of / nines) * plot.width,
    y: (ms: number): number => plot.top + plot.height - (Math.log10(ms / from) / Math.log10(to / from)) * plot.height,
  };
};

export const curvesView = ({ lines, width, label, percent, say }: CurvesView): SVGSVGElement => {
  const plan = planOf(lines, width);
  const { narrow, plot, ticks, told, nines, right, bottom, x, y } = plan;
  const ends = lines.map(({ curve }) => curve.points.at(-1)!);
  const places = spreadOut(
    ends.map(([, ms]) => y(ms)),
    16,
    bottom,
  );
  const beyond = right - x(told);
  const most = Math.max(...lines.map(({ curve }) => curve.count));
  const percents = percentTicks(Math.max(most, 10 ** nines)).filter((each) => ninesOf(each) <= nines + 1e-6);
  const labelled = withRoom(percents, (each) => x(ninesOf(each)));
  const height = bottom + 44;
  return svg(
    'svg',
    { class: 'pic', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    svg(
      'defs',
      {},
      svg(
        'pattern',
        { id: 'bench-beyond', width: 8, height: 8, patternUnits: 'userSpaceOnUse' },
        svg('path', { d: 'M-1 9 9 -1', class: 'beyond-line' }),
      ),
    ),
    beyond > 1 && svg('rect', { x: x(told), y: plot.top, width: beyond, height: plot.height, fill: 'url(#bench-beyond)' }),
    ...ticks.flatMap((ms, i) => [
      svg('line', { class: 'rule', x1: plot.left, x2: right, y1: y(ms), y2: y(ms) }),
      svg('text', { class: 'quiet', x: plot.left - 8, y: y(ms) + 4, 'text-anchor': 'end' }, ms >= 1000 ? ms.toLocaleString('en-US') : ms),
      i === ticks.length - 1 && svg('text', { class: 'quiet', x: plot.left + 4, y: y(ms) + 14 }, say('bench.ms')),
    ]),
    ...percents.flatMap((each) => [
      svg('line', { class: 'rule', x1: x(ninesOf(each)), x2: x(ninesOf(each)), y1: plot.top, y2: bottom }),
      labelled.includes(each) && svg('text', { class: 'quiet', x: x(ninesOf(each)), y: bottom + 17, 'text-anchor': 'middle' }, `${each} %`),
    ]),
    svg('text', { class: 'quiet', x: right, y: bottom + 36, 'text-anchor': 'end' }, say('bench.within')),
    beyond > 128 &&
      svg('text', { class: 'quiet beyond', x: x(told) + beyond / 2, y: bottom - 10, 'text-anchor': 'middle' }, say('bench.beyond')),
    ...lines.map(({ name, place, isFromSent, curve }, i) => {
      const [last, ms] = ends[i]!;
      const [endX, endY] = [x(ninesOf(last)), y(ms)];
      const d = curve.points.map(([p, at], n) => `${n === 0 ? 'M' : 'L'}${x(ninesOf(p)).toFixed(1)} ${y(at).toFixed(1)}`).join('');
      const letter = letters[place]!;
      return svg(
        'g',
        { class: `t${place}${isFromSent ? ' sent' : ''}` },
        svg('path', { class: 'lead', d: `M${endX + 5} ${endY}L${right + 6} ${places[i]}` }),
        svg('path', { class: 'curve', d }),
        svg('circle', { cx: endX, cy: endY, r: 3.5 }),
        svg(
          'text',
          { class: 'name', x: right + 9, y: places[i]! + 4 },
          svg('tspan', { class: 'letter' }, isFromSent ? `${letter}′` : letter),
          !narrow && ` ${cut(name, nameRoom)} `,
          !narrow && svg('tspan', { class: 'quiet' }, digits(ms)),
        ),
      );
    }),
    percent !== undefined && cursor(plan, lines, percent),
  );
};

/** From the right, because the rarest are the ones that are looked for. */
const withRoom = (percents: readonly number[], x: (percent: number) => number): number[] => {
  const shown: number[] = [];
  let edge = Number.POSITIVE_INFINITY;
  for (const each of [...percents].reverse()) {
    const half = (`${each} %`.length * quietLetterPx) / 2;
    if (x(each) + half > edge) continue;
    shown.push(each);
    edge = x(each) - half - quietLetterPx;
  }
  return shown;
};

const quietLetterPx = 6.6;

const cursor = ({ plot, bottom, x, y }: ReturnType<typeof planOf>, lines: readonly ToldBenchLine[], percent: number): SVGGElement => {
  const at = x(ninesOf(percent));
  const values = lines.map((line) => ({ place: line.place, ms: valueAt(line, percent) }));
  return svg(
    'g',
    { class: 'cursor' },
    svg('line', { x1: at, x2: at, y1: plot.top, y2: bottom }),
    ...values.map(({ place, ms }) => ms !== undefined && svg('circle', { class: `t${place}`, cx: at, cy: y(ms), r: 5 })),
  );
};

/** Where the cursor may stand: every point of the line that tells most. */
export const stopsOf = (lines: readonly ToldBenchLine[]): number[] =>
  lines.reduce<number[]>((most, { curve }) => (curve.points.length > most.length ? curve.points.map(([percent]) => percent) : most), []);

/** undefined where so few answers cannot tell. */
export const valueAt = ({ curve: { points } }: ToldBenchLine, percent: number): number | undefined =>
  points.find(([p]) => p >= percent - 1e-9)?.[1];

/** The stop nearest to a place on the paper. */
export const stopNear = (lines: readonly ToldBenchLine[], width: number, px: number): number => {
  const { x } = planOf(lines, width);
  const stops = stopsOf(lines);
  return stops.reduce((best, percent, i) => (Math.abs(x(ninesOf(percent)) - px) < Math.abs(x(ninesOf(stops[best]!)) - px) ? i : best), 0);
};
