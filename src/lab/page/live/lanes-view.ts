/** Process lanes, drawn: SVG, so that it can be read aloud, printed and saved. What the numbers are, lanes.ts says. */
import { type Child, h, svg } from '../dom.js';
import { clock, ms } from '../format.js';
import { requestOf } from '../request/story.js';
import type { Say } from '../words.js';
import { type Bar, type Lane, type Phase, type Scale, type Segment, scaleOf, tickMs } from './lanes.js';

export interface LanesView {
  readonly lanes: readonly Lane[];
  readonly width: number;
  /** The exchange that is looked at. */
  readonly chosen: number | undefined;
  readonly choose: (serial: number) => void;
  readonly say: Say;
}

const rowHeight = 46;
const barTop = 20;
const barHeight = 20;
const axisHeight = 24;
/** Below that there is no room for words on a fold. */
const narrowPx = 600;
/** A bar of a process that lived too short to be seen is this wide. */
const leastWidth = 3;
/** A letter of the captions, on average. */
const letterWidth = 6.9;
const boldLetterWidth = 7.9;

export const lanesView = ({ lanes, width, chosen, choose, say }: LanesView): SVGSVGElement => {
  const narrow = width < narrowPx;
  const gutter = narrow ? 58 : 92;
  const foldWidth = narrow ? 14 : 40;
  const plot = Math.max(120, width - gutter - 6);
  const scale = scaleOf(
    lanes.flatMap(({ bars }) => bars),
    plot,
    foldWidth,
  );
  const height = axisHeight + Math.max(1, lanes.length) * rowHeight + 22;
  return svg(
    'svg',
    { class: 'lanes', width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': say('live.lanes') },
    svg('defs', {}, hatch('hatch-spawn', 'M0 6 6 0'), hatch('hatch-exit', 'M3 0V6')),
    svg(
      'g',
      { transform: `translate(${gutter} 0)` },
      ...grid(scale, lanes, height, plot, foldWidth, say),
      ...lanes.flatMap((lane, row) => laneOf(lane, row, scale, plot, gutter, chosen, choose, narrow, say)),
    ),
  );
};

/** Room for `500 ms` and for `12:01:33`. */
const tickLetters = 22;
const clockLetters = 64;
const tickText = (at: number): string => ms(at).replace(/\.0+(?= )|(?<=\.\d)0(?= )/, '');

/** Ticks count from where each stretch of time begins; below it stands what the clock said. */
const grid = (scale: Scale, lanes: readonly Lane[], height: number, plot: number, foldWidth: number, say: Say): Child[] => {
  const bottom = height - 22;
  const step = tickMs(scale.pxPerMs, 64);
  const bars = lanes.flatMap((lane) => lane.bars);
  let clockEnd = -10;
  const drawn: Child[] = [];
  for (const { x, width, fromMs, toMs } of scale.stretches) {
    for (let at = step; at <= toMs - fromMs; at += step) {
      const place = x + at * scale.pxPerMs;
      drawn.push(svg('line', { class: 'tick', x1: place, x2: place, y1: axisHeight - 4, y2: bottom }));
      if (place < x + width - tickLetters)
        drawn.push(svg('text', { class: 'axis', x: place, y: 14, 'text-anchor': 'middle' }, tickText(at)));
    }
    drawn.push(svg('line', { class: 'tick begin', x1: x, x2: x, y1: axisHeight - 4, y2: bottom }));
    const first = bars.find((bar) => bar.fromMs === fromMs);
    if (first && x > clockEnd && x + clockLetters < plot) {
      drawn.push(svg('text', { class: 'axis', x, y: height - 6 }, clock(first.exchange.at).slice(0, 8)));
      clockEnd = x + clockLetters;
    }
  }
  for (const { x, ms: folded } of scale.folds) {
    const middle = x + foldWidth / 2;
    drawn.push(
      svg(
        'g',
        { class: 'fold' },
        svg('title', {}, say('live.folded', { ms: ms(folded) })),
        svg('rect', { x: x + 4, y: axisHeight - 4, width: foldWidth - 8, height: bottom - axisHeight + 4 }),
        foldWidth > 30 &&
          svg(
            'text',
            { class: 'axis', transform: `translate(${middle + 4} ${(axisHeight + bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle' },
            short(folded),
          ),
      ),
    );
  }
  return drawn;
};

/** `2.0 s`, `340 ms`. */
const short = (folded: number): string =>
  folded < 1000 ? `${Math.round(folded)} ms` : `${(folded / 1000).toFixed(folded < 10_000 ? 1 : 0)} s`;

const laneOf = (
  lane: Lane,
  row: number,
  scale: Scale,
  plot: number,
  gutter: number,
  chosen: number | undefined,
  choose: (serial: number) => void,
  narrow: boolean,
  say: Say,
): Child[] => {
  const top = axisHeight + row * rowHeight;
  const middle = top + barTop + barHeight / 2;
  const drawn: Child[] = [
    svg('text', { class: 'pid', x: -gutter + 2, y: middle + 5 }, lane.pid === undefined ? lane.name.slice(0, 9) : String(lane.pid)),
  ];
  // Who stays is there the whole time.
  if (lane.kind !== 'own') drawn.push(svg('line', { class: 'life', x1: 0, x2: plot, y1: middle, y2: middle }));
  let captionEnd = Number.NEGATIVE_INFINITY;
  for (const bar of lane.bars) {
    const x = scale.x(bar.fromMs);
    const end = Math.max(x + leastWidth, scale.x(bar.toMs));
    const caption = captionOf(bar, narrow, say);
    const captionWidth = caption.length * (bar.exchange.end?.failure ? boldLetterWidth : letterWidth);
    const captionX = Math.max(0, Math.min(x, plot - captionWidth));
    const fits = captionX > captionEnd + 8;
    if (fits) captionEnd = captionX + captionWidth;
    const { serial, end: over } = bar.exchange;
    const look = ['bar', serial === chosen ? 'chosen' : '', over?.failure ? 'failed' : '', bar.running ? 'running' : ''].join(' ').trim();
    drawn.push(
      svg(
        'g',
        { class: look, 'data-serial': serial, click: () => choose(serial) },
        svg(
          'title',
          {},
          [`${requestOf(bar.exchange)}`, ...bar.segments.map((s) => `${say(`phase.${s.phase}`)} ${ms(s.toMs - s.fromMs)}`)].join('\n'),
        ),
        svg('rect', { class: 'halo', x: x - 4, y: top + 2, width: end - x + 8, height: rowHeight - 4, rx: 6 }),
        ...bar.segments.flatMap((segment, i) => segmentOf(segment, scale, i === bar.segments.length - 1 ? end : undefined, top, say)),
        svg('rect', { class: 'outline', x, y: top + barTop, width: end - x, height: barHeight, rx: 2 }),
        fits && svg('text', { class: 'caption', x: captionX, y: top + 14 }, caption),
      ),
    );
  }
  return drawn;
};

const captionOf = ({ exchange, run, running, fromMs, toMs }: Bar, narrow: boolean, say: Say): string => {
  const { end } = exchange;
  const how = end?.failure ? `✕ ${narrow ? end.status : end.failure.code}` : end ? String(end.status) : running ? say('state.running') : '';
  return [...(narrow ? [] : [exchange.method]), run.script, '→', how, '·', ms(end?.totalMs ?? toMs - fromMs)].join(' ');
};

const segmentOf = ({ phase, fromMs, toMs }: Segment, scale: Scale, end: number | undefined, top: number, say: Say): Child[] => {
  const x = scale.x(fromMs);
  const width = (end ?? scale.x(toMs)) - x;
  if (width <= 0) return [];
  const place = { x, y: top + barTop, width, height: barHeight };
  const name = say(`phase.${phase}`);
  const pattern = patterns[phase];
  return [
    svg('rect', { class: `phase ${phase}`, ...place }),
    pattern !== undefined && svg('rect', { fill: `url(#${pattern})`, ...place }),
    width > wide(name) + 12 &&
      svg('text', { class: `inside ${phase}`, x: x + width / 2, y: top + barTop + barHeight / 2 + 4, 'text-anchor': 'middle' }, name),
  ];
};

/** Chinese signs are twice as wide. */
const wide = (text: string): number => [...text].reduce((sum, sign) => sum + (sign > '\u2e80' ? 12 : 6.4), 0);

const patterns: Partial<Record<Phase, string>> = { spawn: 'hatch-spawn', exit: 'hatch-exit' };

const hatch = (id: string, d: string): SVGPatternElement =>
  svg('pattern', { id, width: 6, height: 6, patternUnits: 'userSpaceOnUse' }, svg('path', { d, class: 'hatch' }));

/** What the colours and patterns mean. */
export const legend = (shown: readonly Phase[], say: Say): HTMLElement[] =>
  shown.map((phase) =>
    h(
      'span',
      { title: say(`phase.${phase}.what`) },
      svg(
        'svg',
        { width: 20, height: 16, 'aria-hidden': 'true' },
        svg('rect', { class: `phase ${phase}`, x: 1, y: 1, width: 18, height: 14 }),
        patterns[phase] !== undefined && svg('rect', { fill: `url(#${patterns[phase]})`, x: 1, y: 1, width: 18, height: 14 }),
        svg('rect', { class: 'outline', x: 1, y: 1, width: 18, height: 14, rx: 2 }),
      ),
      ` ${say(`phase.${phase}`)}`,
    ),
  );
