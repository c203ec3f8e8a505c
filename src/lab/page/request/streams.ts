/**
 * What went through the pipes, piece by piece and when; where the headers end, and what became of each of them. Request and answer stand
 * side by side where there is room.
 */
import type { ToldLine, ToldRun, ToldRunDetail, ToldStream } from '../../told.js';
import { type Child, h, put, svg } from '../dom.js';
import { bytes, ms } from '../format.js';
import type { Say } from '../words.js';
import { hexView, type Painted } from './hex-view.js';
import type { RequestView } from './request.js';
import { folded, isBinary, type Piece, piecesOf, type Row, reasonOf, rowsOf, wholeOf } from './stream-rows.js';

export const streams = ({ detail, say }: RequestView): Child[] =>
  detail.details.flatMap((run, i) => {
    const count = detail.details.length;
    const told = detail.runs[i]!;
    return [
      count > 1 && h('h3', { class: 'program' }, say('streams.run', { n: i + 1, count, script: told.script })),
      ...streamsOf(run, told, say),
    ];
  });

const streamsOf = (run: ToldRunDetail, told: ToldRun, say: Say): Child[] => {
  const { input, output, errors, judged, headBytes } = run;
  const times = timesOf(run, told);
  return [
    h(
      'div',
      { class: 'pipes' },
      streamView({ name: 'stdin', stream: input, times, say }),
      streamView({ name: 'stdout', stream: output, judged, headBytes, times, say }),
      streamView({ name: 'stderr', stream: errors, times, say }),
    ),
    h('p', { class: 'soft scale' }, say('streams.scale', { ms: ms(times.spanMs) })),
  ];
};

/** From when the program could have been given something until the last that is known of it. */
interface Times {
  readonly fromMs: number;
  readonly spanMs: number;
}

const timesOf = ({ input, output, errors }: ToldRunDetail, { grantedMs, openedMs = grantedMs, overMs = 0 }: ToldRun): Times => {
  const lasts = [input, output, errors].map(({ pieces }) => pieces.at(-1)?.atMs ?? 0);
  return { fromMs: openedMs, spanMs: Math.max(0.001, Math.max(overMs, ...lasts) - openedMs) };
};

interface StreamView {
  readonly name: 'stdin' | 'stdout' | 'stderr';
  readonly stream: ToldStream;
  readonly judged?: readonly ToldLine[];
  readonly headBytes?: number | undefined;
  readonly times: Times;
  readonly say: Say;
}

const streamView = ({ name, stream, judged, headBytes, times, say }: StreamView): HTMLElement => {
  const title = say(`streams.${name}`, { bytes: bytes(stream.bytes) });
  const section = h('section', { class: `pipe ${name}` });
  if (stream.bytes === 0) {
    put(section, h('h3', {}, title), h('p', { class: 'soft' }, say('streams.none')));
    return section;
  }
  const pieces = piecesOf(stream);
  const whole = wholeOf(pieces);
  const rows = rowsOf(pieces, judged, headBytes);
  let hex = isBinary(whole.subarray(headBytes ?? 0));
  let all = false;

  const choice = (asHex: boolean): HTMLElement =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(hex === asHex),
        click: () => {
          hex = asHex;
          show();
          section.querySelector<HTMLElement>('[aria-pressed=true]')?.focus();
        },
      },
      say(asHex ? 'streams.hex' : 'streams.text'),
    );
  const show = (): void => {
    const judgedRows = rows.filter(({ kind }) => kind !== 'piece');
    const text = folded(rows, all ? Number.POSITIVE_INFINITY : linesMax);
    const shown = hex ? judgedRows : text.rows;
    put(
      section,
      h('h3', {}, title),
      h('div', { class: 'choices', role: 'group', 'aria-label': say('streams.as', { stream: name }) }, choice(false), choice(true)),
      shown.length > 0 && h('div', { class: 'stream' }, ...shown.map((row) => rowView(row, times, say))),
      hex && hexView(whole, partsOf(whole, headBytes), say('wire.hex.stream', { stream: name })).element,
      !hex &&
        text.lines > linesMax &&
        !all &&
        h(
          'button',
          {
            type: 'button',
            class: 'all',
            click: () => {
              all = true;
              show();
              section.querySelector<HTMLElement>('[aria-pressed=true]')?.focus();
            },
          },
          say('streams.all', { count: text.lines }),
        ),
      stream.more > 0 && h('p', { class: 'soft' }, say('streams.more', { bytes: bytes(stream.more) })),
    );
  };
  show();
  return section;
};

const linesMax = 200;

/** Headers and body, for the hex. */
const partsOf = (whole: Uint8Array, headBytes = 0): Painted[] => {
  const head = Math.min(headBytes, whole.length);
  return [
    ...(head > 0 ? [{ at: 0, bytes: head, paint: 'name' as const }] : []),
    { at: head, bytes: whole.length - head, paint: 'payload' as const },
  ].filter(({ bytes: count }) => count > 0);
};

const rowView = (row: Row, times: Times, say: Say): HTMLElement => {
  if (row.kind === 'border') return h('div', { class: 'border' }, h('span', {}, say('streams.border')));
  if (row.kind === 'verdict')
    return h('div', { class: 'piece judged' }, h('span', { class: 'when' }), h('pre', {}, row.judged.text), verdictOf(row.judged, say));
  const when = h('span', { class: 'when' }, ...(row.piece ? timeOf(row.piece, times) : []));
  if (row.kind === 'piece') return h('div', { class: 'piece' }, when, h('pre', {}, row.text));
  return h(
    'div',
    { class: 'piece judged' },
    when,
    h('pre', {}, row.text, row.pieces > 1 && h('span', { class: 'soft' }, ` (${say('streams.pieces', { count: row.pieces })})`)),
    verdictOf(row.judged, say),
  );
};

const verdictOf = ({ verdict, why }: ToldLine, say: Say): HTMLElement =>
  h(
    'span',
    { class: 'verdict' },
    h('span', { class: `badge ${verdict}` }, say(`verdict.${verdict}`)),
    ' ',
    h('span', { class: 'why' }, reasonOf(why, say)),
  );

/** `+12.3 ms · 47 B`, and a bar as long as the wait was, of all the time there was. */
const timeOf = ({ atMs, bytes: piece }: Piece, { fromMs, spanMs }: Times): Child[] => {
  const waitedMs = Math.max(0, atMs - fromMs);
  return [
    `+${ms(waitedMs)} · ${bytes(piece.length)}`,
    svg(
      'svg',
      { class: 'track', viewBox: '0 0 100 5', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('rect', { class: 'whole', width: 100, height: 5 }),
      svg('rect', { class: 'waited', width: Math.max(1, Math.min(100, (waitedMs / spanMs) * 100)), height: 5 }),
    ),
  ];
};
