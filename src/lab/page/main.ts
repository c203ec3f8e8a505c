/**
 * The page begins here: the key is traded for a cookie, language and theme are chosen, the stream is opened, and live.ts shows what it
 * tells. The key leaves the address bar at once, so that it stands in no history and on no projector.
 */
import type { ToldBatch, ToldBench, ToldHello, ToldWorkers } from '../told.js';
import { type Bench, benchScreen } from './bench/bench.js';
import { type Child, h, put } from './dom.js';
import { type Live, liveScreen } from './live/live.js';
import type { Frame } from './screen.js';
import { type Lang, langOf, sayIn, type Word } from './words.js';
import { type Workers, workersScreen } from './workers/workers.js';

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
let workers: Workers | undefined;
let bench: Bench | undefined;

/** Which one is looked at; the fragment says it, so that it can be linked to. */
const names = ['live', 'workers', 'bench'] as const;
const shownName = () => names.find((name) => name === location.hash.slice(1).split('/', 1)[0]) ?? 'live';

const links = h('nav', { class: 'screens' });
const turnScreen = (): void => {
  const shown = shownName();
  put(
    links,
    ...names.map((name) => h('a', { href: `#${name}`, 'aria-current': name === shown ? 'page' : undefined }, say(`screen.${name}`))),
  );
  if (!live || !workers || !bench) return;
  const screens = { live, workers, bench };
  put(place, screens[shown].element);
  for (const name of names) screens[name].show(name === shown);
  openLinked();
};
/** `#live/1f-3a`: one exchange, which may be told of later than the page is shown. It is gone to once. */
const openLinked = (): void => {
  const [screen, id] = location.hash.split('/');
  if (screen === '#live' && id !== undefined && live?.open(id)) history.replaceState(null, '', '#live');
};
window.addEventListener('hashchange', turnScreen);

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
    hello && links,
    h('span', { class: 'space' }),
    h('button', { type: 'button', class: 'quiet', lang: lang === 'en' ? 'zh-CN' : 'en', click: turnLanguage }, say('language')),
    h(
      'button',
      { type: 'button', class: 'quiet', click: turnTheme },
      h('span', { class: 'wide' }, `${say('theme')}: `),
      say(`theme.${theme}` as Word),
    ),
  );
  links.ariaLabel = say('screens');
  if (hello) {
    const frame: Frame = { hello, say, lang, spoken };
    live = liveScreen(frame, live);
    workers = workersScreen(frame, workers);
    bench = benchScreen(frame, bench);
  }
  turnScreen();
};

const turnLanguage = (): void => {
  lang = lang === 'en' ? 'zh-CN' : 'en';
  remembered.setItem('lang', lang);
  query.set('lang', lang);
  history.replaceState(null, '', `?${query}${location.hash}`);
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
    workers?.heard();
    openLinked();
  });
  events.addEventListener('workers', (event) => workers?.told(JSON.parse(event.data) as ToldWorkers));
  events.addEventListener('bench', (event) => bench?.told(JSON.parse(event.data) as ToldBench));
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
