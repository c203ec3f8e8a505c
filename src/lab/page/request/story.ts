/**
 * What was recorded, in plain sentences: one exchange as a numbered story, one step of it, all that the lanes show. Made from the record
 * and from nothing else. Pure.
 */
import type { ToldDetail, ToldExchange, ToldRun, ToldRunDetail } from '../../told.js';
import { bytes, ms, percent } from '../format.js';
import type { Lane, Phase } from '../live/lanes.js';
import type { Moment } from '../live/store.js';
import type { Say } from '../words.js';

export const storyOf = (exchange: ToldDetail, say: Say): string[] => {
  const { runs, end } = exchange;
  const told: string[] = [asked(exchange, say)];
  runs.forEach((run, i) => {
    told.push(...runStory(run, exchange.details[i], i === 0 ? exchange.beganMs : undefined, say));
    if (i < runs.length - 1)
      told.push(say(isGuard(exchange.details[i], exchange.details[i + 1]) ? 'story.authorized' : 'story.redirected'));
  });
  if (end === undefined) return [...told, say('story.running')];
  if (runs.length === 0) told.push(say(end.gateway === 'static' ? 'story.file' : 'story.page'));
  if (end.status === 0) return [...told, say('story.unanswered')];
  return [...told, say('story.answered', { status: end.status, bytes: bytes(end.bytesOut), ms: ms(end.totalMs) })];
};

/** An authorizer is asked about the request itself, and no script of it is chosen yet; a local redirect leads somewhere else. */
const isGuard = (one: ToldRunDetail | undefined, next: ToldRunDetail | undefined): boolean =>
  one?.head !== undefined &&
  one.head.target === next?.head?.target &&
  one.variables.some(({ name, value }) => name === 'SCRIPT_NAME' && value === '');

const asked = (exchange: ToldDetail, say: Say): string => {
  const told = { client: exchange.client, request: requestOf(exchange) };
  const head = exchange.details[0]?.head;
  if (head === undefined) return say('story.asked', told);
  const body = exchange.end?.bytesIn ?? exchange.runs[0]?.inputBytes ?? 0;
  return say('story.asked.whole', { ...told, head: bytes(head.bytes), body: bytes(body) });
};

/** Those of a connection are nobody's loss. */
const unsafeFates: ReadonlySet<string> = new Set(['name', 'function', 'authorization', 'proxy', 'secret']);

const runStory = (run: ToldRun, detail: ToldRunDetail | undefined, beganMs: number | undefined, say: Say): string[] => {
  const { openedMs, firstByteMs, headDoneMs, lastByteMs, exitedMs, overMs, pid = 0 } = run;
  const told: string[] = [];
  if (beganMs !== undefined && run.grantedMs - beganMs > queueWorthTellingMs)
    told.push(say('story.queued', { ms: ms(run.grantedMs - beganMs) }));
  if (detail) told.push(say('story.variables', { count: detail.variables.length }));
  const unsafe = (detail?.head?.fields ?? []).filter(({ fate }) => unsafeFates.has(fate)).map(({ name }) => name);
  if (beganMs !== undefined && unsafe.length > 0) told.push(say('story.dropped', { names: unsafe.join(', ') }));
  if (openedMs === undefined) return overMs === undefined || !run.own ? told : [...told, say('story.unborn')];
  const opening = ms(openedMs - run.grantedMs);
  if (run.own) told.push(say('story.born', { pid, program: detail?.program.trim() || run.script, ms: opening }));
  else told.push(run.pid === undefined ? say('story.dialled', { ms: opening }) : say('story.worker', { pid, ms: opening }));
  told.push(run.inputBytes > 0 ? say('story.input', { bytes: bytes(run.inputBytes) }) : say('story.noinput'));
  if (firstByteMs !== undefined) told.push(say(run.own ? 'story.firstbyte' : 'story.firstbyte.kept', { ms: ms(firstByteMs - openedMs) }));
  if (headDoneMs !== undefined && detail?.headBytes !== undefined)
    told.push(say('story.head', { count: detail.judged.length, bytes: bytes(detail.headBytes) }));
  if (lastByteMs !== undefined && headDoneMs !== undefined)
    told.push(say('story.body', { bytes: bytes(run.outputBytes - (detail?.headBytes ?? 0)), ms: ms(lastByteMs - headDoneMs) }));
  if (run.errorsBytes > 0) told.push(say('story.errors', { bytes: bytes(run.errorsBytes) }));
  if (run.signal !== undefined) told.push(say('story.killed', { signal: run.signal }));
  else if (exitedMs !== undefined)
    told.push(say('story.exited', { code: run.exitCode ?? 0, ms: ms(Math.max(0, exitedMs - (lastByteMs ?? exitedMs))) }));
  else if (!run.own && overMs !== undefined) told.push(say('story.stays'));
  return told;
};

/** Shorter waits are the event loop's, and no queue. */
const queueWorthTellingMs = 1;

/** One step, in a sentence. */
export const toldMoment = ({ exchange, run, mark }: Moment, say: Say): string => {
  const { pid = 0, script = '' } = run ?? {};
  switch (mark) {
    case 'began':
      return say('step.began', { request: requestOf(exchange) });
    case 'ended':
      return say('step.ended', { status: exchange.end?.status ?? 0 });
    case 'openedMs':
      return say(run?.own ? 'step.openedMs.own' : 'step.openedMs.kept', { pid, script });
    case 'overMs':
      return '';
    default:
      return say(`step.${mark}`, { pid, script });
  }
};

/** What the lanes show, in one sentence. */
export const summaryOf = (lanes: readonly Lane[], say: Say): string => {
  const bars = lanes.flatMap((lane) => lane.bars).filter(({ running }) => !running);
  if (bars.length === 0) return '';
  const requests = bars.length;
  const own = bars.filter(({ run }) => run.own).length;
  const meanOf = (value: (bar: (typeof bars)[number]) => number): number => bars.reduce((sum, bar) => sum + value(bar), 0) / requests;
  const totalMs = meanOf(({ fromMs, toMs }) => toMs - fromMs);
  const total = ms(totalMs);
  if (own === 0) return say('live.summary.kept', { requests, processes: lanes.length, total });
  if (own < requests) return say('live.summary.mixed', { requests, own });
  const taxMs = meanOf(({ segments }) =>
    segments.reduce((sum, { phase, fromMs, toMs }) => sum + (phase === 'spawn' || phase === 'exit' ? toMs - fromMs : 0), 0),
  );
  const share = percent(totalMs === 0 ? 0 : taxMs / totalMs);
  return say(requests === 1 ? 'live.summary.one' : 'live.summary.own', { requests, processes: own, total, tax: ms(taxMs), share });
};

export const requestOf = ({ method, target }: ToldExchange): string => `${method} ${target}`;

export const phases: readonly Phase[] = ['queue', 'spawn', 'dial', 'wait', 'head', 'body', 'exit'];
