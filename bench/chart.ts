/** The rates as an SVG of small charts: a row for each program, a column for each number of connections, a bar for each server. */
import { connected, count } from './bars.js';
import { bestPeer, figures, type Results, type Row, rowsOf } from './results.js';

/** Pixels. All together as wide as a page of text: it is not shrunk where it is shown. */
const names = 176;
const plot = 145;
const figure = 62;
const line = 17;
const top = 62;
const gap = 22;

export const chart = (results: Results): string => {
  const { programs, connections } = results;
  const column = plot + figure;
  const width = names + connections.length * column + 4;
  const parts: string[] = [];
  let y = top;
  for (const program of programs) {
    const rows = rowsOf(results, program.name).filter(
      (row) => row.kind !== 'limit' && connections.some((n) => figures(results, program.name, n, row.name)),
    );
    parts.push(text(12, y + 14, program.title, 'title'));
    connections.forEach((n, i) => {
      parts.push(text(names + i * column, y + 14, connected(n), 'quiet'));
    });
    y += 22;
    rows.forEach((row, i) => {
      parts.push(text(12, y + i * line + 12, row.name, row.kind));
    });
    connections.forEach((n, i) => {
      parts.push(panel(results, program.name, n, rows, names + i * column, y));
    });
    y += rows.length * line + gap;
  }
  const title = 'Requests per second';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title, .head { font-weight: 600; fill: #1f2328 }
.head { font-size: 15px }
text.ours { font-weight: 600; fill: #0b6bcb }
rect.ours { fill: #0b6bcb }
rect.peer { fill: #a8b1bb }
rect.shown { fill: #a8b1bb; fill-opacity: .4 }
text.shown { font-style: italic }
.best { stroke: #1f2328; stroke-opacity: .4 }
.rate { paint-order: stroke; stroke: #fff; stroke-width: 3px }
.paper { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #9aa4af }
  .title, .head { fill: #e6edf3 }
  text.ours { fill: #58a6ff }
  rect.ours { fill: #388bfd }
  rect.peer { fill: #545d68 }
  rect.shown { fill: #545d68 }
  .best { stroke: #e6edf3 }
  .rate { stroke: #0d1117 }
  .paper { fill: #0d1117 }
}
</style>
<rect class="paper" width="${width}" height="${y}"/>
${text(12, 22, title, 'head')}
${text(12, 42, `${results.date} · ${results.machine} · longer is better · the thin line: the best peer`, 'quiet')}
${parts.join('\n')}
</svg>
`;
};

/** Bars from the same zero, as long as the fastest server's allows. */
const panel = (results: Results, program: string, connections: number, rows: readonly Row[], x: number, y: number): string => {
  const rates = rows.map((row) => figures(results, program, connections, row.name)?.perSecond);
  const highest = Math.max(...rates.map((rate) => rate ?? 0), 1);
  const scaled = (rate: number): number => Math.round((rate / highest) * plot * 10) / 10;
  const best = bestPeer(results, program, connections, 'perSecond');
  const mark = best === undefined ? undefined : x + scaled(best);
  const marked = mark === undefined ? [] : [`<line class="best" x1="${mark}" x2="${mark}" y1="${y}" y2="${y + rows.length * line}"/>`];
  const bars = rows.flatMap((row, i) => {
    const rate = rates[i];
    const at = y + i * line;
    if (rate === undefined) return [text(x + 4, at + 12, '–', 'quiet')];
    return [
      `<rect class="${row.kind}" x="${x}" y="${at + 2}" width="${scaled(rate)}" height="${line - 5}"/>`,
      text(x + scaled(rate) + 5, at + 12, count(rate), `rate ${row.kind}`),
    ];
  });
  return [...marked, ...bars].join('\n');
};

const text = (x: number, y: number, words: string, kind: string): string =>
  `<text class="${kind}" x="${x}" y="${y}">${words.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
