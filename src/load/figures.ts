/**
 * The figures of a report: each a name, a sentence that says what is to be seen, a picture, and the same as a table. The page and the
 * picture file are made of them, and whoever shows a comparison elsewhere may take the ones that are wanted. Pure.
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
  draw(language: Language): Drawing;
  /** The first of `heads` and of each row is what the row is about. */
  table(language: Language): { readonly heads: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

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
    draw: (language) => latencyPicture(lines(language), captionOf('latency', title, sentence, language), language),
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
  const bars = (): Bar[] =>
    shown.map(
      ({
        measured: {
          target,
          perSecond: { median, least, most },
        },
        place,
      }) => ({
        ...{ name: target.name, place, parts: [median], label: short(median), range: [least, most] },
      }),
    );
  return {
    ...{ name: 'throughput', title, sentence },
    draw: (language) => barsPicture(bars(), captionOf('throughput', title, sentence, language)),
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
    draw: (language) =>
      barsPicture(
        shown.map(({ measured, place }) => ({
          ...{ name: measured.target.name, place, parts: [measured.born] },
          label: bornFor(grouped(measured.born), grouped(sentOf(measured)))[language],
        })),
        captionOf('processes', title, sentence, language),
      ),
    table: (language) => ({
      heads: [heads.target[language], heads.gateway[language], heads.processes[language], heads.requests[language]],
      rows: shown.map(({ measured }) => [measured.target.name, measured.gateway ?? '–', grouped(measured.born), grouped(sentOf(measured))]),
    }),
  };
};

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
  }));
  const legend = (language: Language, server: number | undefined, program: number | undefined): string =>
    `${heads.server[language]} ${dashed(server)} · ${heads.program[language]} ${dashed(program)}`;
  return {
    ...{ name: 'cpu', title, sentence },
    draw: (language) =>
      barsPicture(
        costs.map(({ name, place, server, program }) => ({
          ...{ name, place, parts: [server ?? 0, program ?? 0], label: legend(language, server, program) },
        })),
        captionOf('cpu', title, sentence, language),
      ),
    table: (language) => ({
      heads: [heads.target[language], heads.server[language], heads.program[language], heads.both[language]],
      rows: costs.map(({ name, server, program }) => [
        name,
        dashed(server),
        dashed(program),
        dashed(server === undefined || program === undefined ? undefined : server + program),
      ]),
    }),
  };
};

const captionOf = (name: Figure['name'], title: Words, sentence: Words, language: Language) => ({
  ...{ id: `${name}-${language}`, title: title[language], sentence: sentence[language] },
});

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
  both: { en: 'together', zh: '合计' },
} as const satisfies Record<string, Words>;
