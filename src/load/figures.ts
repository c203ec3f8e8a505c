/**
 * The figures of a report: each a name, a sentence that says what is to be seen, what is drawn, and the same as a table. The page, the
 * picture file and the lab's screen are made of them. Pure.
 */
import type { Words } from '../failures.js';
import { atPercent } from './latencies.js';
import { type Bar, barsPicture, type Drawing, type Language, type Line, latencyPicture } from './picture.js';
import { type Comparison, type Curve, failuresOf, type Measured, sentOf } from './plan.js';
import {
  answering,
  cpuPerRequest,
  cpuSentence,
  failuresText,
  grouped,
  latencySentence,
  processesSentence,
  short,
  throughputSentence,
} from './told.js';

export interface Figure {
  readonly name: 'latency' | 'throughput' | 'processes' | 'cpu';
  readonly title: Words;
  readonly sentence: Words;
  shapes(language: Language): Shapes;
  /** The first of `heads` and of each row is what the row is about. */
  table(language: Language): { readonly heads: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

/** What is drawn, wherever it is. */
export type Shapes = { readonly lines: readonly Line[] } | { readonly bars: readonly Bar[] };

export const drawingOf = ({ name, title, sentence, shapes }: Figure, language: Language): Drawing => {
  const drawn = shapes(language);
  const caption = { id: `${name}-${language}`, title: title[language], sentence: sentence[language] };
  return 'lines' in drawn ? latencyPicture(drawn.lines, caption, language) : barsPicture(drawn.bars, caption);
};

/** None where nothing was answered. Targets that answered nothing are in none of them. */
export const figuresOf = (comparison: Comparison): Figure[] => {
  const shown = answering(comparison).map((measured) => ({ measured, place: comparison.targets.indexOf(measured) }));
  return shown.length === 0 ? [] : [latency, throughput, processes, cpu].map((figure) => figure(comparison, shown));
};

/** What was measured, and which of the targets it is: its colour. */
type Shown = readonly { readonly measured: Measured; readonly place: number }[];

const latency = (comparison: Comparison, shown: Shown): Figure => {
  const isOpen = comparison.plan.loop.kind === 'open';
  const title: Words = isOpen
    ? { en: 'Latency by percentile, from when a request was due', zh: '各百分位的延迟，从请求应当发出时算起' }
    : { en: 'Latency by percentile', zh: '各百分位的延迟' };
  const sentence = latencySentence(comparison);
  const lines = (language: Language): Line[] =>
    shown.flatMap(({ measured: { target, latency: curve, fromSent }, place }) => {
      const own = { name: target.name, curve, place, isFromSent: false };
      return fromSent ? [own, { name: `${target.name} ${sent[language]}`, curve: fromSent, place, isFromSent: true }] : [own];
    });
  return {
    ...{ name: 'latency', title, sentence },
    shapes: (language) => ({ lines: lines(language) }),
    table: (language) => {
      const percents = [50, 75, 90, 95, 99, 99.9, 99.99].filter((percent) =>
        shown.some(({ measured }) => near(measured.latency, percent) !== undefined),
      );
      return {
        heads: [heads.target[language], ...percents.map((percent) => `p${percent}`), heads.most[language], heads.answers[language]],
        rows: lines(language).map(({ name, curve }) => [
          name,
          ...percents.map((percent) => inMs(near(curve, percent), language)),
          inMs(curve.maxMs, language),
          grouped(curve.count),
        ]),
      };
    },
  };
};

/** 75 and 95 are no points of their own: the first one at or above them is. */
const near = (curve: Curve, percent: number): number | undefined =>
  atPercent(curve, percent) ?? ([75, 95].includes(percent) ? curve.points.find(([p]) => p >= percent)?.[1] : undefined);

const throughput = (comparison: Comparison, shown: Shown): Figure => {
  const title: Words = { en: 'Requests answered a second', zh: '每秒应答的请求数' };
  const sentence = throughputSentence(comparison);
  const bars = (language: Language): Bar[] =>
    shown.map(({ measured, place }) => {
      const { median, least, most } = measured.perSecond;
      const failed = failuresOf(measured);
      const label = failed === 0 ? short(median) : `${short(median)} · ${soManyFailed(grouped(failed))[language]}`;
      return { name: measured.target.name, place, parts: [median], label, range: [least, most] };
    });
  return {
    ...{ name: 'throughput', title, sentence },
    shapes: (language) => ({ bars: bars(language) }),
    table: (language) => ({
      heads: [
        heads.target[language],
        heads.median[language],
        heads.least[language],
        heads.most[language],
        heads.answers[language],
        heads.failed[language],
      ],
      rows: shown.map(({ measured: each }) => [
        each.target.name,
        ...[each.perSecond.median, each.perSecond.least, each.perSecond.most].map(short),
        grouped(each.answered),
        failuresOf(each) === 0 ? '0' : failuresText(each),
      ]),
    }),
  };
};

const processes = (comparison: Comparison, shown: Shown): Figure => {
  const title: Words = { en: 'Processes born', zh: '产生的进程' };
  const sentence = processesSentence(comparison);
  return {
    ...{ name: 'processes', title, sentence },
    shapes: (language) => ({
      bars: shown.map(({ measured, place }) => ({
        ...{ name: measured.target.name, place, parts: [measured.born] },
        label: bornFor(grouped(measured.born), grouped(sentOf(measured)))[language],
      })),
    }),
    table: (language) => ({
      heads: [heads.target[language], heads.gateway[language], heads.processes[language], heads.requests[language]],
      rows: shown.map(({ measured }) => [measured.target.name, measured.gateway ?? '–', grouped(measured.born), grouped(sentOf(measured))]),
    }),
  };
};

const soManyFailed = (failed: string): Words => ({ en: `${failed} failed`, zh: `${failed} 个失败` });

const bornFor = (born: string, requests: string): Words => ({
  en: `${born} for ${requests} requests`,
  zh: `${requests} 个请求，${born} 个进程`,
});

const cpu = (comparison: Comparison, shown: Shown): Figure => {
  const title: Words = { en: 'CPU for each request, in milliseconds', zh: '每个请求的 CPU 时间（毫秒）' };
  const sentence = cpuSentence(comparison);
  const costs = shown.map(({ measured, place }) => ({
    name: measured.target.name,
    place,
    server: cpuPerRequest(measured.serverCpu, measured),
    program: cpuPerRequest(measured.programCpu, measured),
    /** The server's user and system time, then the programs'. */
    each: [measured.serverCpu, measured.programCpu].flatMap((cpu) => [
      cpuPerRequest(cpu && { ...cpu, systemMs: 0 }, measured),
      cpuPerRequest(cpu && { ...cpu, userMs: 0 }, measured),
    ]),
  }));
  const legend = (language: Language, server: number | undefined, program: number | undefined): string =>
    `${heads.server[language]} ${dashed(server)} · ${heads.program[language]} ${dashed(program)}`;
  return {
    ...{ name: 'cpu', title, sentence },
    shapes: (language) => ({
      bars: costs.map(({ name, place, server, program }) => ({
        ...{ name, place, parts: [server ?? 0, program ?? 0], label: legend(language, server, program) },
      })),
    }),
    table: (language) => ({
      heads: [
        heads.target[language],
        ...[heads.server, heads.program].flatMap((whose) =>
          [heads.user, heads.system].map((where) => `${whose[language]}${where[language]}`),
        ),
        heads.both[language],
      ],
      rows: costs.map(({ name, server, program, each }) => [
        name,
        ...each.map(dashed),
        dashed(server === undefined || program === undefined ? undefined : server + program),
      ]),
    }),
  };
};

const dashed = (value: number | undefined): string => (value === undefined ? '–' : short(value));

const inMs = (ms: number | undefined, language: Language): string =>
  ms === undefined ? '–' : `${short(ms)} ${language === 'en' ? 'ms' : '毫秒'}`;

const sent: Words = { en: 'from sent', zh: '从实际发出' };

const heads = {
  target: { en: 'Target', zh: '目标' },
  gateway: { en: 'Gateway', zh: '网关' },
  most: { en: 'Most', zh: '最大' },
  least: { en: 'Least', zh: '最小' },
  median: { en: 'Median round', zh: '各轮中位数' },
  answers: { en: 'Answers', zh: '应答数' },
  failed: { en: 'Failed', zh: '失败' },
  processes: { en: 'Processes', zh: '进程' },
  requests: { en: 'Requests', zh: '请求' },
  server: { en: 'server', zh: '服务器' },
  program: { en: 'program', zh: '程序' },
  user: { en: ', user', zh: '（用户态）' },
  system: { en: ', system', zh: '（内核态）' },
  both: { en: 'together', zh: '合计' },
} as const satisfies Record<string, Words>;
