/**
 * Pictures of a comparison, as SVG: text that can be printed, searched and read aloud. Targets differ by colour, by dashes and by the
 * name at the end of each line, so that any one of these is enough. Pure.
 */
import type { Words } from '../failures.js';
import { htmlEscape } from '../http/html.js';
import { logAxis, ninesOf, percentTicks, spreadOut } from './axis.js';
import type { Curve } from './plan.js';
import { short } from './told.js';

export type Language = keyof Words;

export interface Drawing {
  readonly svg: string;
  /** Pixels, before it is scaled. */
  readonly height: number;
}

export const pictureWidth = 720;

/** What the picture is, for those who hear it: its name and the sentence that says what is to be seen. */
export interface Caption {
  /** Unique in its document. */
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
}

export interface Line {
  readonly name: string;
  readonly curve: Curve;
  /** Which target: its colour and dashes. */
  readonly place: number;
  /** The same requests, counted from when they were sent: drawn thinner. */
  readonly isFromSent: boolean;
}

/** Latency by percentile: to the right each tick is ten times rarer. A line stops where so many requests cannot tell more. */
export const latencyPicture = (lines: readonly Line[], caption: Caption, language: Language): Drawing => {
  const drawn = lines.filter(({ curve }) => curve.points.length > 0);
  const plot = { left: 62, top: 14, width: 468, height: 260 };
  const height = plot.top + plot.height + 46;
  if (drawn.length === 0) return frame(caption, 40, text(12, 24, none[language], 'quiet'));
  const { from, to, ticks } = logAxis(drawn.flatMap(({ curve }) => curve.points.map(([, ms]) => ms)));
  const nines = Math.max(...drawn.map(({ curve }) => ninesOf(curve.points.at(-1)![0])), 0.4);
  const x = (percent: number): number => round(plot.left + (ninesOf(percent) / nines) * plot.width);
  const y = (ms: number): number => round(plot.top + plot.height - (Math.log10(ms / from) / Math.log10(to / from)) * plot.height);
  const right = plot.left + plot.width;
  const bottom = plot.top + plot.height;
  const ends = drawn.map(({ curve }) => curve.points.at(-1)!);
  const labels = spreadOut(
    ends.map(([, ms]) => y(ms)),
    15,
    bottom,
  );
  const most = Math.max(...drawn.map(({ curve }) => curve.count));
  return frame(
    caption,
    height,
    [
      ...ticks.map((ms, i) => {
        const unit = i === ticks.length - 1 ? ` ${inWords.ms[language]}` : '';
        return rule(plot.left, y(ms), right, y(ms)) + text(plot.left - 8, y(ms) + 4, plain(ms) + unit, 'quiet end');
      }),
      ...percentTicks(most)
        .filter((percent) => ninesOf(percent) <= nines + 1e-9)
        .map((percent) => rule(x(percent), plot.top, x(percent), bottom) + text(x(percent), bottom + 18, `${percent} %`, 'quiet middle')),
      text(right, bottom + 38, inWords.percent[language], 'quiet end'),
      ...drawn.map(({ curve, place, isFromSent, name }, i) => {
        const [percent, ms] = ends[i]!;
        const path = curve.points.map(([p, at], n) => `${n === 0 ? 'M' : 'L'}${x(p)} ${y(at)}`).join('');
        const label = `${name} ${short(ms)}`;
        return [
          `<g class="t${place}${isFromSent ? ' sent' : ''}">`,
          `<path d="${path}"/><circle cx="${x(percent)}" cy="${y(ms)}" r="3.5"/>`,
          `<path class="lead" d="M${x(percent) + 6} ${y(ms)}L${right + 8} ${labels[i]}"/>`,
          `${text(right + 12, labels[i]! + 4, cut(label, 28), 'name')}</g>`,
        ].join('');
      }),
    ].join('\n'),
  );
};

export interface Bar {
  readonly name: string;
  readonly place: number;
  /** One, or several that follow each other. */
  readonly parts: readonly number[];
  /** Behind the bar. */
  readonly label: string;
  /** The range in which the rounds lay. */
  readonly range?: readonly [least: number, most: number];
}

/** Bars from the same zero. */
export const barsPicture = (bars: readonly Bar[], caption: Caption): Drawing => {
  const plot = { left: 200, width: 300 };
  const step = 34;
  const longest = Math.max(...bars.map(({ parts, range }) => Math.max(sum(parts), range?.[1] ?? 0)), Number.MIN_VALUE);
  const x = (value: number): number => round(plot.left + (value / longest) * plot.width);
  const drawn = bars.map(({ name, place, parts, label, range }, i) => {
    const y = 8 + i * step;
    const pieces = parts.map((part, n) => {
      if (part === 0) return '';
      const from = sum(parts.slice(0, n));
      return `<rect class="part${n}" x="${x(from)}" y="${y}" width="${round(Math.max(1, x(from + part) - x(from)))}" height="20"/>`;
    });
    const whisker = range
      ? `<path class="whisker" d="M${x(range[0])} ${y + 10}H${x(range[1])}M${x(range[0])} ${y + 5}v10M${x(range[1])} ${y + 5}v10"/>`
      : '';
    const after = Math.max(x(sum(parts)), range ? x(range[1]) : 0) + 8;
    const named = text(plot.left - 10, y + 15, cut(name, 28), 'name end');
    return `<g class="t${place}">${named}${pieces.join('')}${whisker}${text(after, y + 15, label, 'value')}</g>`;
  });
  return frame(caption, 8 + bars.length * step, [...drawn, rule(plot.left, 0, plot.left, 4 + bars.length * step)].join('\n'));
};

/** Several under each other, as one file. */
export const onePicture = (
  head: readonly string[],
  drawings: readonly (Drawing & { readonly title: string })[],
  language: Language,
): string => {
  let y = 20 + head.length * 20;
  const placed = drawings.map(({ svg, height, title }) => {
    const at = y;
    y += height + 52;
    return `${text(12, at + 16, title, 'title')}\n${svg.replace('<svg ', `<svg y="${at + 30}" `)}`;
  });
  const root = `xmlns="http://www.w3.org/2000/svg" lang="${language === 'zh' ? 'zh-CN' : 'en'}"`;
  return `<svg ${root} class="pic" ${sized(y)}>
<style>${pictureStyle}</style>
<rect class="paper" width="${pictureWidth}" height="${y}"/>
${head.map((line, i) => text(12, 24 + i * 20, line, i === 0 ? 'title' : 'quiet')).join('\n')}
${placed.join('\n')}
</svg>
`;
};

/** Okabe and Ito's colours, which most eyes tell apart, a little darker on paper and lighter in the dark: 3:1 at least. */
export const pictureStyle = `
.pic {
  --p-paper: #fff; --p-ink: #1f2328; --p-quiet: #57606a; --p-rule: #d9dde2; --p0: #0072b2; --p1: #b84e00; --p2: #007d5a; --p3: #a8447f;
  color-scheme: light dark; max-width: 100%; height: auto;
}
@media (prefers-color-scheme: dark) {
  .pic {
    --p-paper: #0d1117; --p-ink: #e6edf3; --p-quiet: #9aa4af; --p-rule: #30363d; --p0: #56b4e9; --p1: #f0a04b; --p2: #35c79c; --p3: #e09ac4;
  }
}
.pic text {
  font: 12px system-ui, -apple-system, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  fill: var(--p-ink); font-variant-numeric: tabular-nums;
}
.pic .title { font-weight: 600; font-size: 14px }
.pic .quiet { fill: var(--p-quiet) }
.pic .end { text-anchor: end }
.pic .middle { text-anchor: middle }
.pic .paper { fill: var(--p-paper) }
.pic .rule { stroke: var(--p-rule) }
.pic path { fill: none; stroke-width: 2 }
.pic .t0 { --c: var(--p0) } .pic .t1 { --c: var(--p1) } .pic .t2 { --c: var(--p2) } .pic .t3 { --c: var(--p3) }
.pic g path, .pic circle { stroke: var(--c) } .pic circle { fill: var(--c) }
.pic .t1 path { stroke-dasharray: 7 3 } .pic .t2 path { stroke-dasharray: 2 3 } .pic .t3 path { stroke-dasharray: 10 3 2 3 }
.pic .sent path { stroke-width: 1.5; stroke-dasharray: 1.5 2.5 } .pic .sent circle { fill: var(--p-paper) }
.pic g .lead { stroke: var(--p-rule); stroke-width: 1; stroke-dasharray: none }
.pic rect { stroke: var(--c) } .pic rect.paper { stroke: none }
.pic .part0 { fill: var(--c) } .pic .part1 { fill: var(--c); fill-opacity: .3 }
.pic g .whisker { stroke: var(--p-ink); stroke-width: 1.5; stroke-dasharray: none }
@media (forced-colors: active) { .pic text { fill: CanvasText } .pic g path, .pic circle, .pic rect { stroke: CanvasText } }
`;

const inWords = {
  percent: { en: 'of the requests were answered within …', zh: '的请求在……之内得到应答' },
  ms: { en: 'ms', zh: '毫秒' },
} as const satisfies Record<string, Words>;

const none: Words = { en: 'Nothing was answered.', zh: '没有任何应答。' };

const frame = ({ id, title, sentence }: Caption, height: number, inside: string): Drawing => ({
  height,
  svg: `<svg class="pic" role="img" aria-labelledby="${id}-name ${id}-said" ${sized(height)}>
<title id="${id}-name">${htmlEscape(title)}</title>
<desc id="${id}-said">${htmlEscape(sentence)}</desc>
${inside}
</svg>`,
});

const sized = (height: number): string => `viewBox="0 0 ${pictureWidth} ${height}" width="${pictureWidth}" height="${height}"`;

const text = (x: number, y: number, words: string, kind: string): string =>
  `<text class="${kind}" x="${x}" y="${y}">${htmlEscape(words)}</text>`;

const rule = (x1: number, y1: number, x2: number, y2: number): string => `<line class="rule" x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}"/>`;

const cut = (words: string, most: number): string => (words.length <= most ? words : `…${words.slice(words.length - most + 1)}`);

const plain = (ms: number): string => (ms >= 1000 ? ms.toLocaleString('en-US') : String(ms));

const round = (value: number): number => Math.round(value * 10) / 10;

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
