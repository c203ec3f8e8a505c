/**
 * What the page knows: the exchanges as the lab told them, and at which moment they are looked at. Since every mark has its time, a past
 * moment is the present with later marks left out; to pause is to stop at a moment, to step is to go on to the next mark. Pure.
 */
import type { ToldBatch, ToldExchange, ToldRun } from '../../told.js';

export interface Store {
  /** Oldest first. */
  readonly exchanges: readonly ToldExchange[];
  /** How many changed unseen, because they were too many. */
  readonly skipped: number;
}

export const emptyStore: Store = { exchanges: [], skipped: 0 };

export const withBatch = ({ exchanges, skipped }: Store, batch: ToldBatch, keptMax: number): Store => {
  const bySerial = new Map(exchanges.map((exchange) => [exchange.serial, exchange]));
  for (const exchange of batch.exchanges) bySerial.set(exchange.serial, exchange);
  const all = [...bySerial.values()].sort((a, b) => a.serial - b.serial);
  return { exchanges: all.slice(-keptMax), skipped: skipped + batch.skipped };
};

/** The moments of a run, in their order. */
export const runMarks = ['grantedMs', 'openedMs', 'firstByteMs', 'headDoneMs', 'lastByteMs', 'exitedMs', 'overMs'] as const;
export type RunMark = (typeof runMarks)[number];

/** As it was at a moment; undefined when it had not begun. */
export const asOf = (exchange: ToldExchange, atMs: number): ToldExchange | undefined => {
  if (exchange.beganMs > atMs) return undefined;
  if (exchange.end !== undefined && exchange.end.atMs <= atMs) return exchange;
  const { end: _, ...begun } = exchange;
  return { ...begun, runs: exchange.runs.filter(({ grantedMs }) => grantedMs <= atMs).map((run) => runAsOf(run, atMs)) };
};

const runAsOf = (run: ToldRun, atMs: number): ToldRun => {
  const past = Object.entries(run).filter(([name, value]) => !(runMarks as readonly string[]).includes(name) || (value as number) <= atMs);
  return Object.fromEntries(past) as unknown as ToldRun;
};

export interface Moment {
  readonly atMs: number;
  readonly exchange: ToldExchange;
  readonly run: ToldRun | undefined;
  readonly mark: 'began' | RunMark | 'ended';
}

/** Everything that happened, in the order of time. What an exchange of one run says twice is said once. */
export const momentsOf = (exchanges: readonly ToldExchange[]): Moment[] => {
  const moments: Moment[] = [];
  for (const exchange of exchanges) {
    moments.push({ atMs: exchange.beganMs, exchange, run: undefined, mark: 'began' });
    for (const run of exchange.runs) {
      for (const mark of runMarks) {
        const atMs = run[mark];
        if (atMs !== undefined && mark !== 'overMs') moments.push({ atMs, exchange, run, mark });
      }
    }
    if (exchange.end) moments.push({ atMs: exchange.end.atMs, exchange, run: undefined, mark: 'ended' });
  }
  return moments.sort((a, b) => a.atMs - b.atMs);
};
