/**
 * Process lanes, as numbers: which rows there are, from when to when each bar goes, and how time becomes a place on the paper. CGI makes a
 * comb, a row for each process; a worker that stays is one row with its requests in it. Time in which nothing lives is folded: a class
 * asks for a script every few seconds, and a script lives for a few milliseconds. Pure; lanes-view.ts draws it.
 */
import type { PhaseName, ToldExchange, ToldRun } from '../../told.js';

export type Phase = PhaseName;

export interface Segment {
  readonly phase: Phase;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Bar {
  readonly exchange: ToldExchange;
  readonly run: ToldRun;
  readonly segments: readonly Segment[];
  readonly fromMs: number;
  readonly toMs: number;
  /** It has not ended yet. */
  readonly running: boolean;
}

export interface Lane {
  /** `own`: a process for one request; `worker`: one of ours that stays; `program`: somebody else's. */
  readonly kind: 'own' | 'worker' | 'program';
  readonly pid: number | undefined;
  /** What a lane without a pid is called. */
  readonly name: string;
  readonly bars: Bar[];
}

/** The newest bars, in as many rows as there is room for; the rows in the order in which they began. */
export const lanesOf = (exchanges: readonly ToldExchange[], atMs: number, rowsMax: number): Lane[] => {
  const lanes = new Map<string, Lane>();
  let bars = 0;
  for (let i = exchanges.length - 1; i >= 0 && bars < barsMax; i--) {
    const exchange = exchanges[i]!;
    for (const run of [...exchange.runs].reverse()) {
      const bar = barOf(exchange, run, atMs);
      const kind = run.own ? 'own' : run.pid === undefined ? 'program' : 'worker';
      const key = kind === 'program' ? freeRow(lanes, `${run.gateway} ${run.script}`, bar) : `${kind} ${run.pid ?? exchange.id}`;
      const lane = lanes.get(key);
      if (lane === undefined && lanes.size >= rowsMax) return ordered(lanes);
      if (lane === undefined) lanes.set(key, { kind, pid: run.pid, name: kind === 'own' ? '' : run.gateway, bars: [bar] });
      else lane.bars.unshift(bar);
      bars += 1;
    }
  }
  return ordered(lanes);
};

/** More than that and nobody sees one. */
const barsMax = 120;

/** A program we only dial has no pid; what goes on in it at once needs a row each. */
const freeRow = (lanes: ReadonlyMap<string, Lane>, name: string, bar: Bar): string => {
  for (let row = 1; ; row++) {
    const key = `program ${name} ${row}`;
    const lane = lanes.get(key);
    if (lane === undefined || lane.bars.every((other) => other.fromMs >= bar.toMs || other.toMs <= bar.fromMs)) return key;
  }
};

const ordered = (lanes: ReadonlyMap<string, Lane>): Lane[] => [...lanes.values()].sort((a, b) => a.bars[0]!.fromMs - b.bars[0]!.fromMs);

const barOf = (exchange: ToldExchange, run: ToldRun, atMs: number): Bar => {
  const running = run.overMs === undefined && exchange.end === undefined;
  const lastMs = running ? atMs : Math.max(run.overMs ?? 0, run.exitedMs ?? 0, run.lastByteMs ?? 0) || (exchange.end?.atMs ?? atMs);
  // Whoever waits for a program that stays does not wait in its row: there, others are served.
  const begin = run.own && exchange.runs[0] === run ? exchange.beganMs : run.grantedMs;
  const marks: [Phase, number | undefined][] = [
    [run.own ? 'spawn' : 'dial', run.grantedMs],
    ['wait', run.openedMs],
    ['head', run.firstByteMs],
    ['body', run.headDoneMs],
    ['exit', run.lastByteMs],
  ];
  const segments: Segment[] = [];
  let phase: Phase = 'queue';
  let fromMs = begin;
  for (const [next, ms] of marks) {
    if (ms === undefined) continue;
    const toMs = Math.max(fromMs, ms);
    if (phase !== 'queue' || run.own) segments.push({ phase, fromMs, toMs });
    phase = next;
    fromMs = toMs;
  }
  // A program that stays has said all when its last byte is out; only a process of its own takes time to leave.
  if (phase !== 'exit' || run.own) segments.push({ phase, fromMs, toMs: Math.max(fromMs, run.own ? (run.exitedMs ?? lastMs) : lastMs) });
  return { exchange, run, segments, fromMs: begin, toMs: segments.at(-1)!.toMs, running };
};

// --- time, folded ---------------------------------------------------------------------------------------------------------

export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly x: number;
  readonly width: number;
}

export interface Scale {
  /** Times in which something lived, in order. */
  readonly stretches: readonly Stretch[];
  /** Between them: where, and how much time was left out. */
  readonly folds: readonly { readonly x: number; readonly ms: number }[];
  readonly pxPerMs: number;
  x(ms: number): number;
}

/** `foldWidth`: what a fold takes of the width. Folds together take a third of it at most: then only the longest gaps are folded. */
export const scaleOf = (bars: readonly Bar[], width: number, foldWidth: number): Scale => {
  const spans = [...bars].sort((a, b) => a.fromMs - b.fromMs);
  const lived = unfolded(spans, 0);
  const gaps = lived.slice(1).map(({ fromMs }, i) => fromMs - lived[i]!.toMs);
  const foldsMax = Math.floor(width / 3 / foldWidth);
  const shortest = gaps.sort((a, b) => b - a)[foldsMax] ?? 0;
  const merged = unfolded(spans, Math.max(shortest, totalMs(lived) * gapShare));
  const pxPerMs = Math.max(0, width - (merged.length - 1) * foldWidth) / Math.max(1, totalMs(merged));
  let x = 0;
  const stretches = merged.map(({ fromMs, toMs }) => {
    const stretch = { fromMs, toMs, x, width: (toMs - fromMs) * pxPerMs };
    x += stretch.width + foldWidth;
    return stretch;
  });
  return {
    stretches,
    folds: stretches.slice(1).map(({ x, fromMs }, i) => ({ x: x - foldWidth, ms: fromMs - stretches[i]!.toMs })),
    pxPerMs,
    x(ms) {
      const at = stretches.findLast(({ fromMs }) => fromMs <= ms) ?? stretches[0];
      return at === undefined ? 0 : at.x + Math.min(Math.max(0, ms - at.fromMs), at.toMs - at.fromMs) * pxPerMs;
    },
  };
};

/** A gap shorter than that part of all that lives is left as it is: between neighbours it says something. */
const gapShare = 0.06;

type Span = Pick<Stretch, 'fromMs' | 'toMs'>;

/** Spans that touch, or nearly, become one. */
const unfolded = (spans: readonly Span[], gapMs: number): Span[] => {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of spans) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs - last.toMs <= gapMs) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  return merged;
};

const totalMs = (spans: readonly Span[]): number => spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);

/** 1, 2 or 5 times a power of ten: at least so many pixels apart. */
export const tickMs = (pxPerMs: number, apartPx: number): number => {
  const least = apartPx / Math.max(pxPerMs, 1e-9);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((ms) => ms >= least) ?? 10 * power;
};
