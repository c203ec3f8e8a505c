/**
 * `GET /status`: which pools, in which spelling. The query says it as php-fpm's status page takes it, so that what asks php-fpm
 * can ask us: `?json`, `?xml`, `?openmetrics`, `?html`, with `&full` for the workers too; text when it says nothing. Beside these
 * `?text`, `?uwsgi`, and `?whole`: everything, as status.ts names it. Without any of them Accept decides (RFC 9110 §12.5.1). Pure.
 *
 *   ?pool=/api   that pool alone
 *   ?lang=zh     the language of the HTML page
 *
 * A pool that is asked for, or the only one there is, is php-fpm's object or element itself. Several are `{"pools":[…]}` in JSON,
 * `<pools>` in XML, one after the other in text, and told apart by the label `pool` in OpenMetrics.
 */
import { type PageLanguage, preferredType } from '../http/negotiate.js';
import { software } from '../version.js';
import { fpmObject, fpmText, fpmXml } from './fpm.js';
import { statusPage } from './html.js';
import { openMetrics } from './openmetrics.js';
import type { PoolStatus } from './status.js';
import { type ServerFacts, uwsgiObject } from './uwsgi.js';

export interface StatusAnswer {
  /** 404: there is no pool of that name. */
  readonly status: 200 | 404;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** What `?whole` answers, as JSON. */
export interface WholeStatus {
  /** The moment of all of it, milliseconds since 1970: what ages are counted from. */
  readonly atMs: number;
  readonly pools: readonly PoolStatus[];
}

/**
 * `accept`: the Accept field, '' when there is none. `atMs`: now, milliseconds since 1970. `server`: what `?uwsgi` tells of our own
 * process; its fields may all be left out. HTML goes out with `pageHeaders` (http/html.ts).
 */
export const statusAnswer = (
  pools: readonly PoolStatus[],
  query: URLSearchParams,
  accept: string,
  atMs: number,
  server: Partial<ServerFacts> = {},
): StatusAnswer => {
  const named = query.get('pool');
  const asked = named === null ? pools : pools.filter(({ where }) => where === named);
  const ask: Ask = { one: named !== null || pools.length === 1, full: query.has('full'), atMs, language: languageOf(query), server };
  const spelling = spellings.find((name) => query.has(name)) ?? spellingFor(accept);
  return { status: named !== null && asked.length === 0 ? 404 : 200, type: types[spelling], body: spell[spelling](asked, ask) };
};

const spellings = ['whole', 'uwsgi', 'html', 'xml', 'json', 'openmetrics', 'text'] as const;
type Spelling = (typeof spellings)[number];

interface Ask {
  /** One pool is spoken of, not a list. */
  readonly one: boolean;
  readonly full: boolean;
  readonly atMs: number;
  readonly language: PageLanguage;
  readonly server: Partial<ServerFacts>;
}

const types: Readonly<Record<Spelling, string>> = {
  whole: 'application/json',
  uwsgi: 'application/json',
  html: 'text/html; charset=utf-8',
  xml: 'text/xml; charset=utf-8',
  json: 'application/json',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  text: 'text/plain; charset=utf-8',
};

const spell: Readonly<Record<Spelling, (pools: readonly PoolStatus[], ask: Ask) => string>> = {
  whole: (pools, { atMs }) => json({ atMs, pools } satisfies WholeStatus),
  uwsgi: (pools, { server }) => json(uwsgiObject(pools, { version: software, ...server })),
  html: (pools, { atMs, language }) => statusPage(pools, atMs, language),
  xml: (pools, ask) => {
    const told = pools.map((pool) => fpmXml(pool, ask));
    return ['<?xml version="1.0" ?>', ...(ask.one && told.length > 0 ? told : ['<pools>', ...told, '</pools>']), ''].join('\n');
  },
  json: (pools, ask) => {
    const told = pools.map((pool) => fpmObject(pool, ask));
    return json(ask.one && told.length > 0 ? told[0] : { pools: told });
  },
  openmetrics: (pools, ask) => openMetrics(pools, ask),
  text: (pools, ask) => pools.map((pool) => fpmText(pool, ask)).join('\n'),
};

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Who takes anything gets what php-fpm would give: text. */
const spellingFor = (accept: string): Spelling => {
  if (/\bapplication\/openmetrics-text\b/i.test(accept)) return 'openmetrics';
  if (!/\w\/\w/.test(accept)) return 'text';
  const type = preferredType(accept);
  return type === 'text/html' ? 'html' : type === 'application/json' ? 'json' : 'text';
};

const languageOf = (query: URLSearchParams): PageLanguage => (/^zh\b/i.test(query.get('lang') ?? '') ? 'zh-CN' : 'en');
