/** One request, whole: its story, its times, its variables, its streams. Request and answer are seen together. */
import type { ToldDetail, ToldExchange } from '../../told.js';
import { type Child, h } from '../dom.js';
import { exportMenu } from '../live/export-menu.js';
import type { Lang, Say } from '../words.js';
import { environment } from './environment.js';
import { replay } from './replay.js';
import { requestOf } from './story.js';
import { story } from './story-panel.js';
import { streams } from './streams.js';
import { timeline } from './timeline.js';
import { wire } from './wire.js';

export const tabs = ['story', 'timeline', 'environment', 'streams', 'wire', 'replay'] as const;
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
  /** Looks at another request. */
  readonly choose: (serial: number) => void;
  /** The value of a secret, where it may be shown. */
  readonly reveal: ((run: number, name: string) => Promise<string>) | undefined;
  /** All that are kept, the newest first. */
  readonly others: () => readonly ToldExchange[];
  /** Nothing may be started from here. */
  readonly present: boolean;
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
      h(
        'span',
        { class: 'corner' },
        exportMenu(say, detail.id, detail.wire !== undefined),
        h(
          'button',
          {
            ...{ type: 'button', id: 'widen', class: 'quiet', 'aria-pressed': String(isWide()) },
            ...{ 'aria-label': say('request.wide'), title: say('request.wide') },
            click: (event: Event) => widen(event, () => turn(tab)),
          },
          '↔',
        ),
        h('button', { type: 'button', class: 'quiet', click: close, 'aria-label': say('request.close'), title: say('request.close') }, '✕'),
      ),
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
    h(
      'div',
      { class: `panel ${tab}${isWide() ? ' wide' : ''}`, id: 'panel', role: 'tabpanel', 'aria-labelledby': `tab-${tab}`, tabindex: 0 },
      ...panels[tab](view),
    ),
  ];
};

/** As wide as the page, above the other requests: hex and streams are read more easily. The browser remembers it. */
const isWide = (): boolean => localStorage.getItem('wide') === 'yes';
const widen = (event: Event, drawAnew: () => void): void => {
  localStorage.setItem('wide', isWide() ? 'no' : 'yes');
  (event.target as HTMLElement).closest('.request')?.querySelector('.panel')?.classList.toggle('wide', isWide());
  drawAnew();
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

const panels: Readonly<Record<Tab, (view: RequestView) => Child[]>> = { story, timeline, environment, streams, wire, replay };
