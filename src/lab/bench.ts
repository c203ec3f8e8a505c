/**
 * The bench in the lab: `cgi-serve bench` for the server that this lab shows, and for no other. One at a time; what it does is told on the
 * stream, the last results are kept. Its requests are known by a name that nobody can guess: the lab does not record them, the log does
 * not list them, so that looking on costs next to nothing of what is measured.
 *
 *   lab.ts → [here] → load/compare.ts → the server;   → stream.ts, as the event `bench` → page/bench
 */
import { randomBytes } from 'node:crypto';
import type { Words } from '../failures.js';
import {
  benchRateMax,
  benchRoundsMax,
  benchTargetsMax,
  benchUsersMax,
  labBatchMs,
  labBenchesKept,
  labBenchLongestMs,
  pathBytesMax,
} from '../limits.js';
import { compare, type House } from '../load/compare.js';
import { type Figure, figuresOf } from '../load/figures.js';
import { madeOn, reportPage, reportPicture } from '../load/page.js';
import type { Language } from '../load/picture.js';
import { type Comparison, nameAmong, type Plan, type Target } from '../load/plan.js';
import { comparisonAsCsv, comparisonAsJson } from '../load/record.js';
import { grouped, limitSentence, omissionSentence, planInWords, warnings } from '../load/told.js';
import { type Exchange, now } from '../trace/trace.js';
import { software } from '../version.js';
import type { Refusal } from './door.js';
import type { Stream } from './stream.js';
import type { ToldBench, ToldBenchFigure, ToldBenchOrder, ToldBenchResult } from './told.js';

export interface LabBench {
  /** `asked`: a `ToldBenchOrder` as JSON. Returns why it is not done. */
  start(asked: string, house: BenchHouse | undefined): Refusal | undefined;
  /** It ends within moments; what was measured until then is kept. */
  stop(): void;
  /** Whether this is the bench's own client. */
  isLoad(userAgent: string | undefined): boolean;
  /** Every exchange that is over. */
  heard(exchange: Exchange): void;
  /** `result`, or `report.html`, `.svg`, `.csv`, `.json`; `run` and `lang` in the query. undefined: there is none. */
  answer(name: string, query: URLSearchParams): BenchAnswer | undefined;
  /** It is stopped, and tells nothing more. */
  close(): void;
}

/** The server that is asked: this process. */
export type BenchHouse = Omit<House, 'watch'>;

export interface BenchAnswer {
  readonly type: string;
  readonly body: string;
  /** Name, value: to be kept as a file. */
  readonly headers: readonly string[];
  /** A content security policy in the place of the lab's own, for what brings its style with it. */
  readonly policy?: string;
}

export const labBench = (viewers: Pick<Stream, 'tell'>, over: (requests: number) => void = () => {}): LabBench => {
  const agent = `${software} (bench ${randomBytes(9).toString('base64url')})`;
  const results: Result[] = [];
  let running: { readonly stop: AbortController; step: ToldBench['running'] } | undefined;
  let books: ((exchange: Exchange) => void) | undefined;
  let said: Words | undefined;
  let runs = 0;
  let requests = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  let closed = false;

  const tell = (): void => {
    if (closed) return;
    toldMs = now();
    const told: ToldBench = {
      ...(running?.step && { running: running.step }),
      kept: results.map(({ run, comparison: { at, targets } }) => ({ run, at, names: targets.map(({ target }) => target.name) })),
      ...(said && { said }),
    };
    viewers.tell('bench', told);
  };
  const run = async (house: BenchHouse, targets: readonly Target[], plan: Plan, stop: AbortController): Promise<void> => {
    const watch = (listener: (exchange: Exchange) => void): (() => void) => {
      books = listener;
      return () => {
        books = undefined;
      };
    };
    try {
      const comparison = await compare({ ...house, watch }, targets, plan, {
        signal: stop.signal,
        progress(name, doneMs, allMs, { round = 0, forMs }) {
          if (name === '') return;
          running = { stop, step: { name, round, rounds: plan.rounds, forMs, doneMs, allMs } };
          // While it measures, a word to the viewers is taken from the server's time: few of them.
          if (now() - toldMs >= labBatchMs) tell();
        },
      });
      const nothing = comparison.interrupted && comparison.targets.every(({ slices }) => slices.length === 0);
      said = nothing ? stoppedEarly : undefined;
      if (!nothing) results.push({ run: ++runs, comparison, requests });
      if (results.length > labBenchesKept) results.shift();
    } catch (error) {
      const why = (error as Error).message;
      said = { en: `The bench has ended: ${why}.`, zh: `压测已终止：${why}。` };
    } finally {
      running = undefined;
      tell();
      over(requests);
    }
  };

  return {
    start(asked, house) {
      if (house === undefined) return nowhere;
      if (running) return busy;
      const order = read(asked);
      if ('en' in order) return { status: 400, why: order };
      const { targets, loop, rounds, sliceMs, warmUpMs } = order;
      const stop = new AbortController();
      running = { stop, step: undefined };
      requests = 0;
      void run(house, targetsOf(targets, agent), { loop, rounds, sliceMs, warmUpMs }, stop);
      return undefined;
    },
    stop: () => running?.stop.abort(),
    isLoad: (userAgent) => userAgent === agent,
    heard(exchange) {
      if (exchange.userAgent !== agent) return;
      requests += 1;
      books?.(exchange);
    },
    close() {
      closed = true;
      running?.stop.abort();
    },
    answer(name, query) {
      const wanted = query.get('run');
      const result = wanted === null ? results.at(-1) : results.find(({ run }) => String(run) === wanted);
      const language: Language = /^zh\b/i.test(query.get('lang') ?? '') ? 'zh' : 'en';
      if (result === undefined) return undefined;
      if (name === 'result') return { type: json, body: JSON.stringify(toldResult(result, language)), headers: [] };
      const file = Object.hasOwn(files, name) ? files[name] : undefined;
      return file && { ...file.make(result.comparison, language), headers: ['Content-Disposition', attached(result.comparison, name)] };
    },
  };
};

interface Result {
  readonly run: number;
  readonly comparison: Comparison;
  /** All that the server was asked, warming up and all. */
  readonly requests: number;
}

// --- what is asked for ---------------------------------------------------------------------------------------------------

/** The order, or what is wrong with it. A target is a path of this server: no `http://other/`, no `//other`. */
const read = (text: string): ToldBenchOrder | Words => {
  const order = objectOf(text);
  const loop = (order.loop ?? {}) as Record<string, unknown>;
  const targets = Array.isArray(order.targets) ? (order.targets as unknown[]) : [];
  const isOpen = loop.kind === 'open';
  const { rounds, sliceMs } = order;
  const wrong = [
    ...(isOpen
      ? [whole('loop.perSecond', loop.perSecond, 1, benchRateMax), whole('loop.connections', loop.connections, 1, benchUsersMax)]
      : [loop.kind === 'closed' ? undefined : expected('loop.kind', 'closed | open'), whole('loop.users', loop.users, 1, benchUsersMax)]),
    whole('rounds', rounds, 1, benchRoundsMax),
    duration('sliceMs', sliceMs),
    duration('rounds × sliceMs', Number(rounds) * Number(sliceMs)),
    duration('warmUpMs', order.warmUpMs),
    whole('targets', targets.length, 1, benchTargetsMax),
    ...targets.map((target) => wrongTarget(target)),
  ].find((each) => each !== undefined);
  return wrong ?? (order as unknown as ToldBenchOrder);
};

const objectOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

const whole = (name: string, value: unknown, least: number, most: number): Words | undefined =>
  Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? undefined : expected(name, `${least} … ${grouped(most)}`);

const duration = (name: string, value: unknown): Words | undefined =>
  typeof value === 'number' && value >= 0 && value <= labBenchLongestMs
    ? undefined
    : expected(name, `0 … ${grouped(labBenchLongestMs)} ms`);

const wrongTarget = (value: unknown): Words | undefined => {
  const { method = 'GET', target } = (value ?? {}) as Record<string, unknown>;
  const fits =
    typeof target === 'string' && target.length <= pathBytesMax && /^\/(?!\/)[\x21-\x7e]*$/.test(target) && !target.includes('#');
  if (!fits) return expected('target', '/PATH?QUERY');
  return typeof method === 'string' && /^[A-Z]{1,20}$/.test(method) ? undefined : expected('method', 'GET, HEAD, POST …');
};

const expected = (name: string, values: string): Words => ({ en: `${name}: expected ${values}.`, zh: `${name}：应为 ${values}。` });

const targetsOf = (asked: ToldBenchOrder['targets'], agent: string): Target[] => {
  const targets: Target[] = [];
  for (const { method = 'GET', target } of asked) {
    targets.push({ name: nameAmong(targets, target), method, target, headers: ['User-Agent', agent], body: undefined });
  }
  return targets;
};

const busy: Refusal = { status: 409, why: { en: 'A bench is running already.', zh: '已有压测正在进行。' } };
const nowhere: Refusal = { status: 404, why: { en: 'There is no server to be measured here.', zh: '此处没有可测量的服务器。' } };
const stoppedEarly: Words = { en: 'It was stopped before anything was measured.', zh: '在测得任何结果之前已停止。' };

// --- what is told --------------------------------------------------------------------------------------------------------

const json = 'application/json';

const toldResult = ({ run, comparison, requests }: Result, language: Language): ToldBenchResult => {
  const limit = limitSentence(comparison, [90, 99, 99.9, 99.99]);
  const omission = omissionSentence(comparison);
  const count = grouped(requests);
  const unlisted: Words = {
    en: `The lab has neither recorded nor listed the ${count} requests of this bench, so that looking on changes little of what is measured.`,
    zh: `实验室既未记录也未列出这次压测的 ${count} 个请求，因此旁观对测量几乎没有影响。`,
  };
  return {
    run,
    names: comparison.targets.map(({ target }) => target.name),
    plan: planInWords(comparison.plan)[language],
    madeOn: madeOn(comparison),
    isOpen: comparison.plan.loop.kind === 'open',
    figures: figuresOf(comparison).map((figure) => toldFigure(figure, language)),
    ...(limit && { limit: limit[language] }),
    ...(omission && { omission: omission[language] }),
    notes: [...warnings(comparison), unlisted].map((words) => words[language]),
  };
};

const toldFigure = (figure: Figure, language: Language): ToldBenchFigure => ({
  name: figure.name,
  title: figure.title[language],
  sentence: figure.sentence[language],
  ...figure.table(language),
  ...figure.shapes(language),
});

/** What the files may do when a browser shows them all the same: nothing but look as they do. */
const policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

const files: Readonly<Record<string, { make(comparison: Comparison, language: Language): Omit<BenchAnswer, 'headers'> }>> = {
  'report.html': { make: (comparison, language) => ({ type: 'text/html; charset=utf-8', body: reportPage(comparison, language), policy }) },
  'report.svg': {
    make: (comparison, language) => ({ type: 'image/svg+xml; charset=utf-8', body: reportPicture(comparison, language), policy }),
  },
  'report.csv': { make: (comparison) => ({ type: 'text/csv; charset=utf-8', body: `${comparisonAsCsv(comparison)}\n` }) },
  'report.json': {
    make: (comparison) => ({ type: json, body: `${JSON.stringify(comparisonAsJson(comparison), undefined, 2)}\n` }),
  },
};

/** `cgi-serve-bench-2026-01-02T03-04-05.html` */
const attached = ({ at }: Comparison, name: string): string =>
  `attachment; filename="cgi-serve-bench-${new Date(at).toISOString().slice(0, 19).replaceAll(':', '-')}${name.slice(name.indexOf('.'))}"`;
