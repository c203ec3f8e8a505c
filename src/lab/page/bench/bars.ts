/** Bars from the same zero, each under its name and what it says: a second part is light and outlined, the rounds' range a whisker. */
import type { ToldBenchBar } from '../../told.js';
import { svg } from '../dom.js';
import { letters } from './order.js';
import { cut, wide } from './text.js';

const step = 52;
/** For `A `, and between a name and what is said of it. */
const letterRoom = 30;

export const barsView = (bars: readonly ToldBenchBar[], width: number, label: string): SVGSVGElement => {
  const longest = Math.max(...bars.map(({ parts, range }) => Math.max(sum(parts), range?.[1] ?? 0)), Number.MIN_VALUE);
  const x = (value: number): number => 1 + (value / longest) * (width - 2);
  const height = bars.length * step;
  return svg(
    'svg',
    { class: 'pic', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    ...bars.map(({ name, place, parts, label: said, range }, i) => {
      const top = i * step;
      const y = top + 23;
      const room = width - wide(said) - letterRoom;
      return svg(
        'g',
        { class: `t${place}` },
        svg('text', { class: 'name', x: 0, y: top + 15 }, svg('tspan', { class: 'letter' }, letters[place]), ` ${cut(name, room)}`),
        svg('text', { class: 'name', x: width, y: top + 15, 'text-anchor': 'end' }, said),
        svg('line', { class: 'rule', x1: 1, x2: width, y1: y + 17.5, y2: y + 17.5 }),
        ...parts.map((part, n) => {
          const from = x(sum(parts.slice(0, n)));
          return (
            part > 0 &&
            svg('rect', { class: `part${n}`, x: from, y, width: Math.max(1.5, x(sum(parts.slice(0, n + 1))) - from), height: 17 })
          );
        }),
        ...(range ? ['whisker under', 'whisker'] : []).map((kind) =>
          svg('path', { class: kind, d: whisker(x(range![0]), x(range![1]), y) }),
        ),
      );
    }),
  );
};

const whisker = (from: number, to: number, y: number): string => `M${from} ${y + 8.5}H${to}M${from} ${y + 4}v9M${to} ${y + 4}v9`;

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
