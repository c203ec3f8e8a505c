/** One request, whole: its story, its times, its variables, its streams. Request and answer are seen together. */
import type { ToldDetail, ToldRun, ToldRunDetail, ToldStream, ToldVariable, ToldWay } from '../told.js';
import { curlOf, rerunOf } from './again.js';
import { type Child, h, put, svg } from './dom.js';
import { drawing } from './draw.js';
import { bytes, digits, ms } from './format.js';
import type { Phase } from './lanes.js';
import { originOf, phases, requestOf, storyOf } from './story.js';
import type { Lang, Say, Word } from './words.js';

export const tabs = ['story', 'timeline', 'environment', 'streams', 'wire'] as const;
export type Tab = (typeof tabs)[number];

export interface RequestView {
  readonly detail: ToldDetail;
  readonly tab: Tab;
  readonly lang: Lang;
  /** Of the panel, in pixels. */
  readonly width: number;
  readonly say: Say;
  /** Where the server answers. */
  readonly url: string;
  readonly turn: (tab: Tab) => void;
  readonly close: () => void;
  /** The value of a secret, where it may be shown. */
  readonly reveal: ((run: number, name: string) => Promise<string>) | undefined;
}

export const requestView = (view: RequestView): Child[] => {
  const { detail, tab, say, turn, close } = view;
  return [
    h(
      'header',
      {},
      h(
        'h2',
        { tabindex: -1 },
        h('code', {}, requestOf(detail)),
        ' ',
        h('span', { class: detail.end?.failure ? 'status failed' : 'status' }, statusOf(detail, say)),
      ),
      h('button', { type: 'button', class: 'quiet', click: close, 'aria-label': say('request.close'), title: say('request.close') }, '✕'),
    ),
    h(
      'div',
      { class: 'tabs', role: 'tablist', keydown: (event: KeyboardEvent) => turnByKey(event, tab, turn) },
      ...tabs.map((name) =>
        h(
          'button',
          {
            type: 'button',
            role: 'tab',
            id: `tab-${name}`,
            'aria-selected': name === tab ? 'true' : 'false',
            'aria-controls': 'panel',
            tabindex: name === tab ? 0 : -1,
            click: () => turn(name),
          },
          say(`tab.${name}`),
        ),
      ),
    ),
    h('div', { class: `panel ${tab}`, id: 'panel', role: 'tabpanel', 'aria-labelledby': `tab-${tab}`, tabindex: 0 }, ...panels[tab](view)),
  ];
};

const statusOf = ({ end, runs }: ToldDetail, say: Say): string =>
  end ? `${end.status === 0 ? '✕' : end.status}` : say(runs.at(-1)?.openedMs === undefined ? 'state.waiting' : 'state.running');

/** WAI-ARIA's pattern for tabs: the arrows go from one to the next. */
const turnByKey = (event: KeyboardEvent, tab: Tab, turn: (tab: Tab) => void): void => {
  const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (by === 0) return;
  event.preventDefault();
  const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length]!;
  turn(next);
  document.getElementById(`tab-${next}`)?.focus();
};

// --- story ------------------------------------------------------------------------------------------------------------

const story = ({ detail, lang, width, say, url }: RequestView): Child[] => {
  const failure = detail.end?.failure;
  const notes = detail.end?.notes ?? [];
  const inLang = (words: { en: string; zh: string }): string => (lang === 'en' ? words.en : words.zh);
  return [
    drawing(detail, width, say),
    h('ol', { class: 'sentences' }, ...storyOf(detail, say).map((sentence) => h('li', {}, sentence))),
    failure &&
      h(
        'section',
        { class: 'mend' },
        h('h3', {}, say('story.failure')),
        h('p', {}, h('code', {}, failure.code), ' ', ...prose(inLang(failure.what))),
        failure.detail !== undefined && h('p', {}, h('code', {}, failure.detail)),
        h('h3', {}, say('story.mend')),
        h('p', {}, ...prose(inLang(failure.mend))),
        failure.rule !== '' && h('p', { class: 'soft' }, failure.rule),
      ),
    h(
      'section',
      { class: 'again' },
      h('h3', {}, say('story.again')),
      ...[curlOf(detail, url), rerunOf(detail)].map((line) => line !== undefined && h('pre', {}, line)),
    ),
    notes.length > 0 && h('section', {}, h('h3', {}, say('story.notes')), h('ul', {}, ...notes.map((note) => h('li', {}, note)))),
  ];
};

/** failures.ts writes code between back-ticks. */
const prose = (text: string): Child[] => text.split('`').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));

// --- timeline ----------------------------------------------------------------------------------------------------------

const timeline = ({ detail, say, width: paper }: RequestView): Child[] => {
  const measured: NonNullable<ToldDetail['end']>['phases'] = detail.end?.phases ?? {};
  const rows: { phase: Phase; fromMs: number; tookMs: number }[] = [];
  let fromMs = 0;
  for (const phase of phases) {
    const tookMs = measured[phase];
    if (tookMs === undefined) continue;
    rows.push({ phase, fromMs, tookMs });
    fromMs += tookMs;
  }
  if (rows.length === 0) return [h('p', { class: 'soft' }, say('timeline.none'))];
  const whole = Math.max(fromMs, 0.001);
  const longest = rows.reduce((a, b) => (b.tookMs > a.tookMs ? b : a));
  const width = Math.min(760, Math.max(330, paper));
  const gutter = width < 480 ? 110 : 150;
  const at = (value: number): number => gutter + (value / whole) * (width - gutter - 70);
  return [
    h(
      'p',
      { class: 'conclusion' },
      say('timeline.sentence', { longest: say(`phase.${longest.phase}`), ms: ms(longest.tookMs), total: ms(whole) }),
    ),
    svg(
      'svg',
      { class: 'waterfall', viewBox: `0 0 ${width} ${rows.length * 34 + 6}`, role: 'img', 'aria-label': say('tab.timeline') },
      ...rows.flatMap(({ phase, fromMs: from, tookMs }, i) => {
        const y = i * 34 + 6;
        const [x, end] = [at(from), Math.max(at(from) + 2, at(from + tookMs))];
        return [
          svg('text', { x: gutter - 10, y: y + 16, 'text-anchor': 'end', class: 'label' }, say(`phase.${phase}`)),
          svg('rect', { class: `phase ${phase}`, x, y, width: end - x, height: 22 }),
          (phase === 'spawn' || phase === 'exit') && svg('rect', { fill: `url(#hatch-${phase})`, x, y, width: end - x, height: 22 }),
          svg('rect', { class: 'outline', x, y, width: end - x, height: 22, rx: 2 }),
          svg('text', { x: end + 6, y: y + 16, class: 'label' }, ms(tookMs)),
        ];
      }),
    ),
    h(
      'table',
      { class: 'facts' },
      h(
        'thead',
        {},
        h('tr', {}, ...(['phase', 'from', 'took', 'what'] as const).map((word) => h('th', { scope: 'col' }, say(`timeline.${word}`)))),
      ),
      h(
        'tbody',
        {},
        ...rows.map(({ phase, fromMs: from, tookMs }) =>
          h(
            'tr',
            {},
            h('td', {}, say(`phase.${phase}`)),
            h('td', { class: 'number' }, digits(from)),
            h('td', { class: 'number' }, digits(tookMs)),
            h('td', {}, say(`phase.${phase}.what`)),
          ),
        ),
      ),
    ),
    ...kernel(detail, say),
  ];
};

const kernel = ({ end }: ToldDetail, say: Say): Child[] => {
  const account = end?.account;
  if (account === undefined) return [];
  const lines = [
    say('kernel.cpu', { user: ms(account.userMs), system: ms(account.systemMs) }),
    account.peakRssKib === undefined ? '' : say('kernel.memory', { kib: account.peakRssKib }),
    say('kernel.faults', { minor: account.minorFaults, major: account.majorFaults }),
    say('kernel.switches', { voluntary: account.voluntarySwitches, involuntary: account.involuntarySwitches }),
  ];
  return [h('h3', {}, say('kernel.title')), h('ul', {}, ...lines.filter((line) => line !== '').map((line) => h('li', {}, line)))];
};

// --- environment ---------------------------------------------------------------------------------------------------------

type Kind = 'all' | 'rfc' | 'http' | 'extra';
/** Kept while the page lives: whoever compares two requests wants the same rows. */
let kind: Kind = 'all';

const environment = ({ detail, say, reveal }: RequestView): Child[] =>
  detail.details.flatMap((run, i) => {
    const holder = h('div');
    const fill = (): void => put(holder, ...environmentOf(run, i, say, reveal, fill));
    fill();
    return [detail.details.length > 1 && h('h3', {}, detail.runs[i]?.script ?? ''), holder];
  });

const kindOf = ({ name, section }: ToldVariable): Kind => (name.startsWith('HTTP_') ? 'http' : section === undefined ? 'extra' : 'rfc');

const environmentOf = (run: ToldRunDetail, i: number, say: Say, reveal: RequestView['reveal'], again: () => void): Child[] => {
  const chosen = run.variables.filter((variable) => kind === 'all' || kindOf(variable) === kind);
  const names: [Kind, Word][] = [
    ['all', 'env.all'],
    ['rfc', 'env.rfc'],
    ['http', 'env.http'],
    ['extra', 'env.extra'],
  ];
  const choose = (name: Kind) => () => {
    kind = name;
    again();
  };
  return [
    h(
      'div',
      { class: 'choices' },
      ...names.map(([name, word]) =>
        h(
          'button',
          { type: 'button', 'aria-pressed': name === kind ? 'true' : 'false', click: choose(name) },
          say(word, { count: run.variables.length }),
        ),
      ),
    ),
    h(
      'table',
      { class: 'facts' },
      h('thead', {}, h('tr', {}, ...(['name', 'value', 'from'] as const).map((word) => h('th', { scope: 'col' }, say(`env.${word}`))))),
      h(
        'tbody',
        {},
        ...chosen.map((variable) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, h('code', {}, variable.name)),
            h('td', {}, valueIn(variable, i, say, reveal)),
            h(
              'td',
              { class: 'soft' },
              ...prose(originOf(variable.name, say)),
              variable.section === undefined ? '' : ` · ${variable.section}`,
            ),
          ),
        ),
      ),
    ),
  ];
};

const valueIn = ({ name, value }: ToldVariable, run: number, say: Say, reveal: RequestView['reveal']): Child => {
  if (value !== undefined) return h('code', { class: 'value' }, value === '' ? '""' : value);
  const hidden: HTMLElement = h('span', { class: 'secret' }, '•••••• ', h('span', { class: 'soft' }, say('env.secret')));
  if (reveal === undefined) return hidden;
  const show = async (): Promise<void> => put(hidden, h('code', { class: 'value' }, await reveal(run, name)));
  hidden.append(' ', h('button', { type: 'button', click: () => void show() }, say('env.show')));
  return hidden;
};

// --- streams --------------------------------------------------------------------------------------------------------------

const streams = ({ detail, say }: RequestView): Child[] => detail.details.flatMap((run, i) => streamsOf(run, detail.runs[i]!, say));

const streamsOf = (run: ToldRunDetail, { grantedMs, openedMs = grantedMs }: ToldRun, say: Say): Child[] => [
  h('h3', {}, 'stdin'),
  ...streamOf(run.input, openedMs, undefined, say),
  h('h3', {}, 'stdout'),
  ...streamOf(run.output, openedMs, run.headBytes, say),
  run.judged.length > 0 &&
    h(
      'details',
      {},
      h('summary', {}, say('streams.judged')),
      h(
        'table',
        { class: 'facts' },
        h(
          'tbody',
          {},
          ...run.judged.map(({ text, verdict, why }) =>
            h('tr', {}, h('td', {}, h('code', {}, text)), h('td', {}, say(`verdict.${verdict}`)), h('td', { class: 'soft' }, why)),
          ),
        ),
      ),
    ),
  h('h3', {}, 'stderr'),
  ...streamOf(run.errors, openedMs, undefined, say),
];

/** Each piece with its time since the program had it; the border between headers and body is drawn where it is. */
const streamOf = ({ pieces, bytes: count, more }: ToldStream, openedMs: number, border: number | undefined, say: Say): Child[] => {
  if (count === 0) return [h('p', { class: 'soft' }, say('streams.none'))];
  const rows: Child[] = [];
  let at = 0;
  for (const { atMs, base64 } of pieces) {
    const piece = fromBase64(base64);
    const time = `+${ms(Math.max(0, atMs - openedMs))} · ${bytes(piece.length)}`;
    const cutAt = border !== undefined && border > at && border <= at + piece.length ? border - at : undefined;
    rows.push(pieceOf(time, piece.subarray(0, cutAt)));
    if (cutAt !== undefined) {
      rows.push(h('div', { class: 'border' }, h('span', {}, say('streams.border'))));
      if (cutAt < piece.length) rows.push(pieceOf('', piece.subarray(cutAt)));
    }
    at += piece.length;
  }
  return [h('div', { class: 'stream' }, ...rows), more > 0 && h('p', { class: 'soft' }, say('streams.more', { bytes: bytes(more) }))];
};

const pieceOf = (time: string, piece: Uint8Array): HTMLElement =>
  h('div', { class: 'piece' }, h('span', { class: 'when' }, time), h('pre', {}, visible(piece)));

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

/** What was printed, as text and never as a page; line ends and control bytes can be seen. */
const visible = (piece: Uint8Array): string =>
  new TextDecoder()
    .decode(piece)
    .replace(/\r/g, '␍')
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (sign) => String.fromCodePoint(sign === '\x7f' ? 0x2421 : 0x2400 + sign.charCodeAt(0)));

// --- wire -------------------------------------------------------------------------------------------------------------------

const wire = ({ detail, say, width }: RequestView): Child[] => {
  if (detail.wire === undefined) return [h('p', { class: 'soft' }, say(detail.runs.length === 0 ? 'timeline.none' : 'wire.none'))];
  const { name, ways } = detail.wire;
  const largest = Math.max(1, ...ways.map((way) => way.bytes));
  return [
    h('p', { class: 'conclusion' }, say(`wire.${name}`)),
    ...ways.flatMap((way) => [
      h('h3', {}, say(`wire.${way.way}`, { bytes: bytes(way.bytes), envelope: bytes(way.bytes - way.payload) })),
      weight(way, largest, width, say),
      way.fields.length > 0 && fieldTable(way, say),
      way.more + way.fieldsMore > 0 && h('p', { class: 'soft' }, say('wire.more', { bytes: bytes(way.more), count: way.fieldsMore })),
    ]),
  ];
};

/** Envelope and payload, both ways to the same scale. */
const weight = (way: ToldWay, largest: number, paper: number, say: Say): SVGSVGElement => {
  const width = Math.min(760, Math.max(300, paper));
  const at = (count: number): number => (count / largest) * width;
  const envelope = at(way.bytes - way.payload);
  return svg(
    'svg',
    {
      class: 'weight',
      viewBox: `0 0 ${width} 22`,
      role: 'img',
      'aria-label': say(`wire.${way.way}`, { bytes: bytes(way.bytes), envelope: bytes(way.bytes - way.payload) }),
    },
    svg('rect', { class: 'payload', x: envelope, y: 1, width: Math.max(0, at(way.payload)), height: 20 }),
    svg('rect', { class: 'envelope', x: 0, y: 1, width: envelope, height: 20 }),
    svg('rect', { fill: 'url(#hatch-exit)', x: 0, y: 1, width: envelope, height: 20 }),
  );
};

const fieldTable = (way: ToldWay, say: Say): HTMLElement => {
  const all = fromBase64(way.base64);
  return h(
    'details',
    { open: way.way === 'sent' },
    h('summary', {}, say('wire.fields', { count: way.fields.length + way.fieldsMore })),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': say('tab.wire') },
      h(
        'table',
        { class: 'facts fields' },
        h(
          'thead',
          {},
          h('tr', {}, ...(['at', 'bytes', 'field', 'value'] as const).map((word) => h('th', { scope: 'col' }, say(`wire.col.${word}`)))),
        ),
        h(
          'tbody',
          {},
          ...way.fields.map((field) =>
            h(
              'tr',
              { class: field.payload ? 'payload' : 'envelope', title: field.rule },
              h('td', { class: 'number' }, field.at),
              h('td', {}, h('code', {}, hexOf(all.subarray(field.at, field.at + field.bytes)))),
              h('td', {}, field.name),
              h('td', {}, field.hidden ? h('span', { class: 'soft' }, say('env.secret')) : h('code', {}, field.value)),
            ),
          ),
        ),
      ),
    ),
  );
};

/** The first bytes: a field's value stands beside them. */
const hexOf = (part: Uint8Array): string =>
  [...part.subarray(0, hexBytes)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ') + (part.length > hexBytes ? ' …' : '');

const hexBytes = 8;

const panels: Readonly<Record<Tab, (view: RequestView) => Child[]>> = { story, timeline, environment, streams, wire };
