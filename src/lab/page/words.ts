/**
 * Every word of the page, in both languages: tables, so that none can be missing. `{name}` is filled in. Those of the frame stand here,
 * those of a screen beside it.
 */
import type { ToldWords } from '../told.js';
import { benchWords } from './bench/words.js';
import { exportWords } from './live/export-words.js';
import { liveWords } from './live/words.js';
import { requestWords } from './request/words.js';
import { workersWords } from './workers/words.js';

export type Lang = 'en' | 'zh-CN';

export type Table = Readonly<Record<string, readonly [en: string, zh: string]>>;

const frameWords = {
  lab: ['cgi-serve lab', 'cgi-serve 实验室'],
  present: ['only to look at', '仅供观看'],
  language: ['中文', 'English'],
  theme: ['Theme', '主题'],
  'screen.live': ['Live', '实时'],
  screens: ['Screens', '页面'],
  'theme.auto': ['as the system', '跟随系统'],
  'theme.light': ['light', '浅色'],
  'theme.dark': ['dark', '深色'],
  'lost.retry': ['The connection to the lab is lost. Trying again …', '与实验室的连接已断开，正在重试……'],
  'lost.gone': [
    'This lab does not know this page: cgi-serve was started anew. Open the Lab URL that it has printed.',
    '实验室不认识此页面：cgi-serve 已重新启动。请打开它新打印的实验室 URL。',
  ],
  'enter.title': ['The key is missing', '缺少密钥'],
  'enter.text': [
    'Open the Lab URL that cgi-serve prints when it starts: it ends with the key. It lets you in because what is shown here are secrets, and what can be started here are programs.',
    '请打开 cgi-serve 启动时打印的实验室 URL，其末尾就是密钥。需要密钥，是因为这里会显示机密，也能启动程序。',
  ],
} as const satisfies Table;

const table = { ...frameWords, ...liveWords, ...exportWords, ...requestWords, ...workersWords, ...benchWords };

export type Word = keyof typeof table;
export const allWords: Table = table;

export type Say = (word: Word, filled?: Readonly<Record<string, string | number>>) => string;

export const sayIn = (lang: Lang): Say => {
  const column = lang === 'en' ? 0 : 1;
  return (word, filled = {}) => table[word][column].replace(/\{(\w+)\}/g, (hole, name: string) => String(filled[name] ?? hole));
};

/** Of words that the lab has told in both. */
export const wordsIn = ({ en, zh }: ToldWords, lang: Lang): string => (lang === 'en' ? en : zh);

/** Of a refusal, which has a line in each. */
export const refusalIn = (text: string | undefined, lang: Lang): string | undefined => text?.split('\n')[lang === 'en' ? 0 : 1];

/** What `?lang=` or a browser says, as one of ours. */
export const langOf = (said: string): Lang => (/^zh\b/i.test(said) ? 'zh-CN' : 'en');
