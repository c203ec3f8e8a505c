/**
 * The status page for a browser: every pool's figures, then its workers, each with what it does now or did last. Without a script:
 * a reload is a reload. In the program's two languages. Pure; all that came from outside is escaped.
 */
import { htmlEscape, htmlPage } from '../http/html.js';
import { inLanguage, type PageLanguage } from '../http/negotiate.js';
import { visibleText } from '../http/visible.js';
import { bySlot } from './fpm.js';
import type { PoolStatus, WorkerStatus } from './status.js';
import { duration, mebibytes, toldFigures, toldPool, toldState } from './told.js';

export const statusPage = (pools: readonly PoolStatus[], atMs: number, language: PageLanguage): string => {
  const title = inLanguage(words.title, language);
  const body = [
    '<header>',
    `<h1>${title}</h1>`,
    ...(pools.length === 0 ? [`<p class="lead">${inLanguage(words.none, language)}</p>`] : []),
    '</header>',
    '<main>',
    ...pools.flatMap((pool, place) => poolHtml(pool, `pool${place + 1}`, atMs, language)),
    '</main>',
  ];
  return htmlPage({ language, title, body: body.join('\n') });
};

const words = {
  title: { en: 'How the workers are', zh: '工作进程状态' },
  none: { en: 'No pool of workers is kept here.', zh: '此处没有常驻的工作进程。' },
  generation: { en: 'generation', zh: '代次' },
  requests: { en: 'requests', zh: '请求' },
  failures: { en: 'failed', zh: '失败' },
  memory: { en: 'memory', zh: '内存' },
  cpu: { en: 'CPU', zh: 'CPU' },
  age: { en: 'age', zh: '年龄' },
  now: { en: 'now', zh: '正在' },
  last: { en: 'last', zh: '上一个' },
};

const poolHtml = (pool: PoolStatus, id: string, atMs: number, language: PageLanguage): string[] => [
  `<section aria-labelledby="${id}">`,
  `<h2 id="${id}"><span class="mono">${seen(pool.where)}</span> ${seen(pool.label)}</h2>`,
  `<p>${htmlEscape(toldPool(pool, atMs, language))}</p>`,
  '<dl>',
  ...toldFigures(pool, language).map(({ name, values }) => `<dt>${htmlEscape(name)}</dt><dd>${seen(values.join(' · '))}</dd>`),
  '</dl>',
  '<ul class="list">',
  ...bySlot(pool).map((worker) => workerHtml(worker, atMs, language)),
  '</ul>',
  '</section>',
];

const workerHtml = (worker: WorkerStatus, atMs: number, language: PageLanguage): string => {
  const { request, cpu } = worker;
  const say = (name: keyof typeof words): string => inLanguage(words[name], language);
  const facts = [
    `${say('generation')} ${worker.generation}`,
    `${say('requests')} ${worker.requests}`,
    ...(worker.failures > 0 ? [`${say('failures')} ${worker.failures}`] : []),
    ...(worker.rssBytes === undefined ? [] : [`${say('memory')} ${mebibytes(worker.rssBytes)}`]),
    ...(cpu === undefined ? [] : [`${say('cpu')} ${duration(cpu.userMs + cpu.systemMs)}`]),
    `${say('age')} ${duration(atMs - worker.startedAt)}`,
  ];
  const took = request && duration(request.tookMs ?? atMs - request.startedAt);
  return [
    `<li><div class="row"><b>${worker.slot} · ${toldState(worker.state, language)}</b><span class="mono">pid ${worker.pid}</span></div>`,
    `<div class="by">${htmlEscape(facts.join(' · '))}</div>`,
    ...(request === undefined
      ? []
      : [
          `<p class="title">${say(request.tookMs === undefined ? 'now' : 'last')} ` +
            `<code>${seen(`${request.method} ${request.target}`)}</code> ${took}</p>`,
        ]),
    '</li>',
  ].join('');
};

const seen = (text: string): string => htmlEscape(visibleText(text));
