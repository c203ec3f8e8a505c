/** The pictures of this screen: the queue as a row of places, and a minute as a row of bars. SVG, with a sentence each. */
import { type Child, svg } from '../dom.js';
import { boxesOf } from './figures.js';

const boxWidth = 13;
const boxGap = 3;
const boxHeight = 20;
const markRoom = 9;
/** For the words behind the last box. */
const endRoom = 56;

export interface QueueView {
  readonly waiting: number;
  readonly most: number;
  readonly bound: number;
  readonly width: number;
  readonly label: string;
  /** `room for 512`. */
  readonly room: string;
}

/** Places in the queue, those that are taken filled; a mark above the most that ever were. `per`: places that one box stands for. */
export const queuePicture = ({ waiting, most, bound, width, label, room }: QueueView): { element: SVGSVGElement; per: number } => {
  const boxes = boxesOf(waiting, most, bound, Math.max(8, Math.floor((width - endRoom) / (boxWidth + boxGap))));
  const end = boxes.count * (boxWidth + boxGap);
  const markX = boxes.most * (boxWidth + boxGap) - boxGap / 2;
  const height = markRoom + boxHeight + 4;
  const drawn: Child[] = Array.from({ length: boxes.count }, (_, i) =>
    svg('rect', {
      class: i < boxes.filled ? 'place taken' : 'place',
      ...{ x: i * (boxWidth + boxGap) + 0.5, y: markRoom + 0.5, width: boxWidth, height: boxHeight, rx: 2 },
    }),
  );
  const element = svg(
    'svg',
    { class: 'queue-picture', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    ...drawn,
    boxes.most > 0 && svg('path', { class: 'most', d: `M${markX - 5} 0h10l-5 7zM${markX} 6V${height}` }),
    svg('text', { class: 'axis', x: end + 4, y: markRoom + boxHeight / 2 + 4 }, boxes.whole ? room : `⋯ ${room}`),
  );
  return { element, per: boxes.per };
};

/** A bar for each second, the newest at the right; a dot on the line where nothing is known. `top`: what a full bar stands for. */
export const minutePicture = (
  values: readonly (number | undefined)[],
  top: number,
  width: number,
  height: number,
  label: string,
): SVGSVGElement => {
  const step = width / values.length;
  const bars = values.flatMap((value, i): Child[] => {
    if (value === undefined || value <= 0) return [];
    const tall = Math.max(1.5, (Math.min(value, top) / top) * (height - 2));
    return [
      svg('rect', {
        class: 'beat',
        x: (i * step).toFixed(2),
        y: (height - tall).toFixed(2),
        width: (step * 0.82).toFixed(2),
        height: tall.toFixed(2),
      }),
    ];
  });
  const known = values.findIndex((value) => value !== undefined);
  const from = known < 0 ? width : known * step;
  return svg(
    'svg',
    { class: 'minute', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    svg('line', { class: 'unknown', x1: 0, x2: from, y1: height - 0.5, y2: height - 0.5 }),
    svg('line', { class: 'ground', x1: from, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    ...bars,
  );
};
