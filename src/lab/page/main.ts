/**
 * The page begins here: the key is traded for a cookie, language and theme are chosen, the stream is opened, and live.ts shows what it
 * tells. The key leaves the address bar at once, so that it stands in no history and on no projector.
 */
import type { ToldBatch, ToldHello } from '../told.js';
import { type Child, h, put } from './dom.js';
import { type Live, liveScreen } from './live.js';
import { type Lang, langOf, sayIn, type Word } from './words.js';

const { location, history, document: page, localStorage: remembered } = window;

const themes = ['auto', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

const query = new URLSearchParams(location.search);
let lang: Lang = langOf(query.get('lang') ?? remembered.getItem('lang') ?? navigator.language);
let theme: Theme = themes.find((name) => name === remembered.getItem('theme')) ?? 'auto';
let say = sayIn(lang);

/** The key in the fragment buys a cookie that is good for one path; the page goes there. */
const enter = async (): Promise<void> => {
  const [, key] = /^#k=([\w-]+)$/.exec(location.hash) ?? [];
  if (key === undefined) return;
  const answer = await fetch('/enter', { method: 'POST', body: key }).catch(() => undefined);
  const { home } = answer?.ok ? ((await answer.json()) as { home: string }) : { home: '/' };
  history.replaceState(null, '', home + location.search);
};

const notice = h('p', { class: 'notice', role: 'alert' });
const header = h('header', { class: 'top' });
const spoken = h('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
const place = h('div');
const main = h('main', {}, notice, place, spoken);
let hello: ToldHello | undefined;
let live: Live | undefined;

/** All that depends on the language is made anew; what was told stays. */
const dress = (): void => {
  say = sayIn(lang);
  page.documentElement.lang = lang;
  page.documentElement.dataset.theme = theme;
  page.title = say('lab');
  put(
    header,
    h('h1', { class: 'brand' }, say('lab'), ' ', h('span', { class: 'soft' }, hello?.version ?? '')),
    hello?.present === true && h('span', { class: 'badge' }, say('present')),
    h('span', { class: 'space' }),
    h('button', { type: 'button', class: 'quiet', lang: lang === 'en' ? 'zh-CN' : 'en', click: turnLanguage }, say('language')),
    h(
      'button',
      { type: 'button', class: 'quiet', click: turnTheme },
      h('span', { class: 'wide' }, `${say('theme')}: `),
      say(`theme.${theme}` as Word),
    ),
  );
  if (hello) live = liveScreen({ hello, say, lang, spoken, before: live });
  put(place, ...(live ? [live.element] : []));
};

const turnLanguage = (): void => {
  lang = lang === 'en' ? 'zh-CN' : 'en';
  remembered.setItem('lang', lang);
  query.set('lang', lang);
  history.replaceState(null, '', `?${query}`);
  dress();
};

const turnTheme = (): void => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length]!;
  remembered.setItem('theme', theme);
  dress();
};

const tell = (text: Child): void => put(notice, text);

/** The browser connects again by itself, and says what it had last; only a lab that does not know us needs a person. */
const listen = (): void => {
  const events = new EventSource('events');
  events.addEventListener('hello', (event) => {
    const said = JSON.parse(event.data) as ToldHello;
    hello = said;
    tell('');
    live?.clock(said.nowMs, event.timeStamp);
    dress();
    live?.clock(said.nowMs, event.timeStamp);
  });
  events.addEventListener('batch', (event) => {
    const batch = JSON.parse(event.data) as ToldBatch;
    live?.clock(batch.nowMs, event.timeStamp);
    live?.batch(batch);
  });
  events.addEventListener('pulse', (event) => live?.clock((JSON.parse(event.data) as { nowMs: number }).nowMs, event.timeStamp));
  events.addEventListener('error', () => {
    tell(say(events.readyState === EventSource.CLOSED ? 'lost.gone' : 'lost.retry'));
  });
};

await enter();
page.body.append(header, main);
dress();
if (location.pathname === '/')
  put(place, h('section', { class: 'missing' }, h('h2', {}, say('enter.title')), h('p', {}, say('enter.text'))));
else listen();
