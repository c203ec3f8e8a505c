/**
 * Where the time went: the phases one after the other, and what the kernel charged. Behind the birth of a process lies what one costs here
 * that has nothing to do (lab/calibration.ts): a band, because from outside the interpreter's start is no span of its own.
 */
import type { ToldBare, ToldCalibration, ToldDetail } from '../../told.js';
import { type Child, h, put, svg } from '../dom.js';
import { digits, ms, percent } from '../format.js';
import type { Phase } from '../live/lanes.js';
import type { Say } from '../words.js';
import { prose } from './prose.js';
import type { RequestView } from './request.js';
import { phases } from './story.js';

interface Span {
  readonly phase: Phase;
  readonly fromMs: number;
  readonly tookMs: number;
}

/** A calibration: it begins where a process is asked for. */
interface Band {
  readonly kind: 'empty' | 'like';
  readonly bare: ToldBare;
  readonly fromMs: number;
  readonly tookMs: number;
}

/** The last that was told: the same exchange is drawn anew when its panel changes its width. */
let told: { readonly id: string; readonly calibration: ToldCalibration } | undefined;

export const timeline = (view: RequestView): Child[] => {
  const { detail, say } = view;
  const spans = spansOf(detail);
  if (spans.length === 0) return [h('p', { class: 'soft' }, say('timeline.none'))];
  const holder = h('div');
  const fill = (calibration: ToldCalibration | undefined, note: string): void =>
    put(holder, ...times(spans, calibration, note, view), ...kernel(detail, spans, say));
  const known = told?.id === detail.id ? told.calibration : undefined;
  fill(known, '');
  if (known === undefined && detail.runs.at(-1)?.own) void calibrate(view, fill);
  return [holder];
};

/** What is known already is shown; where it may, a look at the times has it measured. */
const calibrate = async (
  { detail: { id }, present, say }: RequestView,
  fill: (calibration: ToldCalibration, note: string) => void,
): Promise<void> => {
  const ask = async (method: 'GET' | 'POST'): Promise<ToldCalibration | undefined> => {
    const answer = await fetch(`calibration/${id}`, { method }).catch(() => undefined);
    return answer?.ok ? ((await answer.json()) as ToldCalibration) : undefined;
  };
  const known = await ask('GET');
  if (known === undefined) return;
  const lacking = known.bare === 'unmeasured' || known.empty === undefined;
  if (lacking && !present) fill(known, say('bare.measuring'));
  const calibration = lacking && !present ? ((await ask('POST')) ?? known) : known;
  told = { id, calibration };
  fill(calibration, '');
};

const spansOf = ({ end }: ToldDetail): Span[] => {
  const spans: Span[] = [];
  let fromMs = 0;
  for (const phase of phases) {
    const tookMs = end?.phases[phase];
    if (tookMs === undefined) continue;
    spans.push({ phase, fromMs, tookMs });
    fromMs += tookMs;
  }
  return spans;
};

const bandsOf = (calibration: ToldCalibration | undefined, spans: readonly Span[]): Band[] => {
  const fromMs = spans.find(({ phase }) => phase === 'spawn')?.fromMs;
  const { empty, bare } = calibration ?? {};
  if (fromMs === undefined) return [];
  return [
    ...(empty === undefined ? [] : [{ kind: 'empty' as const, bare: empty, fromMs, tookMs: empty.totalMs }]),
    ...(bare === undefined || typeof bare === 'string'
      ? []
      : [{ kind: 'like' as const, bare, fromMs, tookMs: bare.spawnMs + bare.startUpMs }]),
  ];
};

const times = (spans: readonly Span[], calibration: ToldCalibration | undefined, note: string, view: RequestView): Child[] => {
  const { say } = view;
  const bands = bandsOf(calibration, spans);
  const wholeMs = Math.max(
    spans.reduce((sum, { tookMs }) => sum + tookMs, 0),
    0.001,
  );
  const longest = spans.reduce((a, b) => (b.tookMs > a.tookMs ? b : a));
  const columns = (['phase', 'from', 'took', 'what'] as const).map((word) => h('th', { scope: 'col' }, say(`timeline.${word}`)));
  const row = (name: string, fromMs: number, tookMs: number, what: Child[], look?: string): HTMLElement =>
    h(
      'tr',
      { class: look },
      h('th', { scope: 'row' }, name),
      h('td', { class: 'number' }, digits(fromMs)),
      h('td', { class: 'number' }, digits(tookMs)),
      h('td', {}, ...what),
    );
  return [
    h(
      'p',
      { class: 'conclusion' },
      say('timeline.sentence', { longest: say(`phase.${longest.phase}`), ms: ms(longest.tookMs), total: ms(wholeMs) }),
      ...taxOf(calibration, say),
    ),
    waterfall(spans, bands, wholeMs, view),
    ...honestly(calibration, note, say),
    h(
      'table',
      { class: 'facts' },
      h('thead', {}, h('tr', {}, ...columns)),
      h('tbody', {}, ...spans.map(({ phase, fromMs, tookMs }) => row(say(`phase.${phase}`), fromMs, tookMs, [say(`phase.${phase}.what`)]))),
      bands.length > 0 &&
        h(
          'tbody',
          {},
          h('tr', {}, h('th', { class: 'soft', colspan: 4, scope: 'rowgroup' }, say('bare.title'))),
          ...bands.map(({ kind, bare, fromMs, tookMs }) =>
            row(
              say(`bare.${kind}`, { name: bare.name }),
              fromMs,
              tookMs,
              prose(say(`bare.${kind}.what`, { program: `\`${bare.program}\`` })),
            ),
          ),
        ),
    ),
  ];
};

/** How much of it a program that stays would not have paid. */
const taxOf = (calibration: ToldCalibration | undefined, say: Say): Child[] => {
  if (calibration === undefined || calibration.bare === 'unmeasured') return [];
  const { bare, tax } = calibration;
  const counted = { tax: ms(tax.ms), total: ms(tax.ofMs), share: percent(tax.share), spawn: ms(tax.spawnMs), exit: ms(tax.exitMs) };
  if (typeof bare === 'string' || tax.startUpMs === undefined) return [' ', say('tax.sentence.short', counted)];
  return [' ', say('tax.sentence', { ...counted, start: ms(tax.startUpMs), name: bare.name })];
};

const honestly = (calibration: ToldCalibration | undefined, note: string, say: Say): Child[] => {
  const { bare } = calibration ?? {};
  if (note !== '') return [h('p', { class: 'soft', role: 'status' }, note)];
  if (bare === undefined) return [];
  const said = typeof bare === 'string' ? say(`bare.${bare}`) : say('tax.honest', { name: bare.name, times: bare.times });
  return [h('p', { class: 'soft' }, said)];
};

// --- the picture -------------------------------------------------------------------------------------------------------

const rowHeight = 34;
const barHeight = 22;

const waterfall = (spans: readonly Span[], bands: readonly Band[], wholeMs: number, { say, width: paper }: RequestView): SVGSVGElement => {
  const width = Math.min(760, Math.max(330, paper));
  const gutter = width < 480 ? 134 : 150;
  const right = width - 70;
  // A calibration may say more than the exchange took: its figure says so, its band ends with the paper.
  const at = (value: number): number => Math.min(right, gutter + (value / wholeMs) * (right - gutter));
  const top = (row: number): number => row * rowHeight + 6;
  const label = (row: number, text: string): SVGElement =>
    svg('text', { x: gutter - 10, y: top(row) + 16, 'text-anchor': 'end', class: 'label' }, text);
  const figure = (row: number, x: number, tookMs: number): SVGElement =>
    svg('text', { x: x + 6, y: top(row) + 16, class: 'label' }, ms(tookMs));
  // Behind all that lies between the birth and the first byte.
  const covered = spans.findLastIndex(({ phase }) => phase === 'spawn' || phase === 'wait') + 1;
  const said = spans.map(({ phase, tookMs }) => `${say(`phase.${phase}`)} ${ms(tookMs)}`);
  const calibrated = bands.map(({ kind, bare, tookMs }) => `${say(`bare.${kind}`, { name: bare.name })} ${ms(tookMs)}`);
  return svg(
    'svg',
    {
      class: 'waterfall',
      viewBox: `0 0 ${width} ${top(bands.length + spans.length)}`,
      role: 'img',
      'aria-label': say('timeline.picture', { phases: [...said, ...calibrated].join(', ') }),
    },
    ...bands.flatMap(({ kind, bare, fromMs, tookMs }, row) => {
      const [x, end] = [at(fromMs), Math.max(at(fromMs) + 2, at(fromMs + tookMs))];
      const height = top(bands.length + covered) - 6 - top(row);
      return [
        svg('rect', { class: 'band', x, y: top(row), width: end - x, height }),
        svg('path', { class: 'band-edge', d: `M${x} ${top(row)}V${top(row) + height}M${end} ${top(row)}V${top(row) + height}` }),
        label(row, say(`bare.${kind}`, { name: bare.name })),
        figure(row, end, tookMs),
      ];
    }),
    ...spans.flatMap(({ phase, fromMs, tookMs }, i) => {
      const row = bands.length + i;
      const [x, end] = [at(fromMs), Math.max(at(fromMs) + 2, at(fromMs + tookMs))];
      const box = { x, y: top(row), width: end - x, height: barHeight };
      return [
        label(row, say(`phase.${phase}`)),
        svg('rect', { class: `phase ${phase}`, ...box }),
        (phase === 'spawn' || phase === 'exit') && svg('rect', { fill: `url(#hatch-${phase})`, ...box }),
        svg('rect', { class: 'outline', ...box, rx: 2 }),
        figure(row, end, tookMs),
      ];
    }),
  );
};

// --- the kernel's account ------------------------------------------------------------------------------------------------

const kernel = ({ runs, end }: ToldDetail, spans: readonly Span[], say: Say): Child[] => {
  if (end === undefined || !runs.at(-1)?.own) return [];
  const { account } = end;
  if (account === undefined) return [h('h3', {}, say('kernel.title')), h('p', { class: 'soft' }, say('kernel.none'))];
  const rss = account.peakRssKib;
  const rows = [
    ['user', ms(account.userMs)],
    ['system', ms(account.systemMs)],
    ['memory', rss === undefined ? '–' : `${digits(rss / 1024)} MiB`],
    ['minor', account.minorFaults],
    ['major', account.majorFaults],
    ['voluntary', account.voluntarySwitches],
    ['involuntary', account.involuntarySwitches],
  ] as const;
  const cpuMs = account.userMs + account.systemMs;
  const livedMs = spans.reduce((sum, { phase, tookMs }) => sum + (phase === 'queue' ? 0 : tookMs), 0);
  const columns = (['count', 'figure', 'what'] as const).map((word) => h('th', { scope: 'col' }, say(`kernel.${word}`)));
  return [
    h('h3', {}, say('kernel.title')),
    // Several threads or children at once can have more than there is time.
    cpuMs <= livedMs && h('p', {}, say('kernel.sentence', { cpu: ms(cpuMs), total: ms(livedMs) })),
    h(
      'table',
      { class: 'facts' },
      h('thead', {}, h('tr', {}, ...columns)),
      h(
        'tbody',
        {},
        ...rows.map(([name, value]) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, say(`kernel.${name}`)),
            h('td', { class: 'number' }, value),
            h('td', {}, say(name === 'memory' && rss === undefined ? 'kernel.memory.unseen' : `kernel.${name}.what`)),
          ),
        ),
      ),
    ),
  ];
};
