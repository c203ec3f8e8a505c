/**
 * One exchange as a drawing: client, server, program, and what went between them. It fills in as things happen; what has not happened is
 * dashed. Beside each other where there is room, below each other on a phone.
 */
import type { ToldExchange, ToldRun } from '../../told.js';
import { svg } from '../dom.js';
import { bytes, ms } from '../format.js';
import type { Say } from '../words.js';
import { requestOf } from './story.js';

interface Station {
  readonly x: number;
  readonly y: number;
}

/** Where things are: `gap` is the room for an arrow and its words. */
interface Plan {
  readonly width: number;
  readonly height: number;
  readonly box: { readonly width: number; readonly height: number };
  readonly stations: readonly [Station, Station, Station];
  readonly upright: boolean;
  /** Letters that fit between two stations, and into one. */
  readonly letters: number;
  readonly nameLetters: number;
}

const beside: Plan = {
  width: 980,
  height: 190,
  box: { width: 190, height: 120 },
  stations: [
    { x: 6, y: 34 },
    { x: 395, y: 34 },
    { x: 784, y: 34 },
  ],
  upright: false,
  letters: 27,
  nameLetters: 18,
};

const closer: Plan = {
  width: 700,
  height: 170,
  box: { width: 152, height: 116 },
  stations: [
    { x: 4, y: 26 },
    { x: 274, y: 26 },
    { x: 544, y: 26 },
  ],
  upright: false,
  letters: 15,
  nameLetters: 13,
};

const stacked: Plan = {
  width: 340,
  height: 470,
  box: { width: 260, height: 86 },
  stations: [
    { x: 40, y: 4 },
    { x: 40, y: 190 },
    { x: 40, y: 376 },
  ],
  upright: true,
  letters: 19,
  nameLetters: 24,
};

let drawings = 0;

/** `width`: of the paper it is drawn on, in pixels. */
export const drawing = (exchange: ToldExchange | undefined, width: number, say: Say): SVGSVGElement => {
  const plan = width >= 860 ? beside : width >= 560 ? closer : stacked;
  // Two drawings in one document must not share their arrow heads: a hidden one's are not drawn.
  drawings += 1;
  const head = `arrow-${drawings}`;
  const run = exchange?.runs.at(-1);
  const end = exchange?.end;
  const told = exchange === undefined ? '' : requestOf(exchange);
  const given = run && say('draw.given', { bytes: bytes(run.inputBytes) });
  const answer = end && `${end.status === 0 ? '✕' : end.status} · ${ms(end.totalMs)}`;
  return svg(
    'svg',
    {
      viewBox: `0 0 ${plan.width} ${plan.height}`,
      class: 'drawing',
      role: 'img',
      'aria-label': say('draw.title', { request: told || '–' }),
    },
    svg('defs', {}, arrowHead(head, 'done'), arrowHead(`${head}-faint`, 'faint'), arrowHead(`${head}-failed`, 'failed')),
    station(plan, 0, say('draw.browser'), exchange?.client ?? '', 'solid'),
    station(plan, 1, say('draw.server'), '', 'solid'),
    program(plan, exchange, run, say),
    ...arrow(plan, head, 0, 'there', told, exchange !== undefined),
    ...arrow(plan, head, 0, 'back', answer ?? '', end !== undefined, end?.failure !== undefined),
    ...arrow(plan, head, 1, 'there', given ?? '', run?.openedMs !== undefined),
    ...arrow(
      plan,
      head,
      1,
      'back',
      run?.firstByteMs === undefined ? '' : say('draw.output', { bytes: bytes(run.outputBytes) }),
      run?.firstByteMs !== undefined,
    ),
  );
};

const program = (plan: Plan, exchange: ToldExchange | undefined, run: ToldRun | undefined, say: Say): SVGGElement => {
  if (run === undefined) {
    const { end } = exchange ?? {};
    if (end === undefined) return station(plan, 2, say('draw.program'), say('draw.nothing'), 'dashed');
    return station(plan, 2, say(end.gateway === 'static' ? 'draw.file' : 'draw.page'), '', 'dashed');
  }
  if (run.openedMs === undefined) return station(plan, 2, run.script, say('draw.asking'), 'dashed');
  if (!run.own)
    return station(plan, 2, run.script, run.pid === undefined ? say('draw.stays') : say('draw.worker', { pid: run.pid }), 'alive');
  const process = say('draw.process', { pid: run.pid ?? 0 });
  if (run.exitedMs === undefined) return station(plan, 2, run.script, process, 'alive', say('draw.lives'));
  const how = run.signal === undefined ? say('draw.gone', { code: run.exitCode ?? 0 }) : say('draw.killed', { signal: run.signal });
  return station(plan, 2, run.script, process, 'gone', how);
};

const station = (
  { stations, box, nameLetters }: Plan,
  place: 0 | 1 | 2,
  title: string,
  line: string,
  look: 'solid' | 'dashed' | 'alive' | 'gone',
  last = '',
): SVGGElement => {
  const { x, y } = stations[place];
  const lines = [title, line, last].filter((text) => text !== '');
  const middle = x + box.width / 2;
  const top = y + box.height / 2 - (lines.length - 1) * 12 + 5;
  return svg(
    'g',
    { class: `station ${look}` },
    svg('rect', { x, y, width: box.width, height: box.height, rx: 14 }),
    ...lines.map((text, i) =>
      svg(
        'text',
        { x: middle, y: top + i * 24, 'text-anchor': 'middle', class: i === 0 ? 'name' : 'line' },
        cut(text, i === 0 ? nameLetters : nameLetters + 4),
      ),
    ),
  );
};

const arrow = (plan: Plan, head: string, gap: 0 | 1, way: 'there' | 'back', text: string, done: boolean, failed = false): SVGElement[] => {
  const { stations, box, upright, letters } = plan;
  const [from, to] = [stations[gap], stations[gap + 1]!];
  const look = done ? (failed ? 'arrow failed' : 'arrow') : 'arrow faint';
  const marker = `url(#${head}${done ? (failed ? '-failed' : '') : '-faint'})`;
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    svg('line', { class: look, 'marker-end': marker, ...(way === 'there' ? { x1, y1, x2, y2 } : { x1: x2, y1: y2, x2: x1, y2: y1 }) });
  if (!upright) {
    const y = from.y + box.height * (way === 'there' ? 0.3 : 0.7);
    const [x1, x2] = [from.x + box.width + 8, to.x - 8];
    const label = { x: (x1 + x2) / 2, y: way === 'there' ? y - 12 : y + 24, 'text-anchor': 'middle', class: 'label' };
    return [line(x1, y, x2, y), svg('text', label, cut(text, letters))];
  }
  const x = from.x + box.width * (way === 'there' ? 0.15 : 0.85);
  const [y1, y2] = [from.y + box.height + 6, to.y - 6];
  const label = {
    x: way === 'there' ? x + 12 : x - 12,
    y: (y1 + y2) / 2 + (way === 'there' ? -12 : 22),
    'text-anchor': way === 'there' ? 'start' : 'end',
    class: 'label',
  };
  return [line(x, y1, x, y2), svg('text', label, cut(text, letters))];
};

const arrowHead = (id: string, look: string): SVGMarkerElement =>
  svg(
    'marker',
    { id, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 8, markerHeight: 8, orient: 'auto', class: `arrow-head ${look}` },
    svg('path', { d: 'M0 0 10 5 0 10z' }),
  );

const cut = (text: string, letters: number): string => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);
