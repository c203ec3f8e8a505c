/**
 * The workers of all pools: how they are, told to whoever looks, and what can be done to them by hand. Nobody is told anything while
 * nobody looks, or where there is no pool.
 *
 *   carrier/pool → gateway/pooled → [here] → stream.ts, as the event `workers` → page/workers
 */
import type { Failure, Words } from '../failures.js';
import { labBatchMs, labWorkersMs, workersByHandMax } from '../limits.js';
import type { PoolStatus } from '../status/status.js';
import { now, wallClock } from '../trace/trace.js';
import type { Stream } from './stream.js';
import type { ToldOrder, ToldOutcome, ToldWorkers } from './told.js';

/** As gateway/pooled.ts has it. */
export interface LabPool {
  readonly where: string;
  status(): PoolStatus;
  onChange(heard: () => void): void;
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean;
  recycle(pid: number): boolean;
  resize(by: 1 | -1): boolean;
  reload(): Promise<Failure | undefined>;
}

export interface LabWorkers {
  /** Somebody has come to look. */
  look(): void;
  /** What a viewer wants done: a `ToldOrder` as JSON. */
  order(text: string): Promise<{ readonly status: number; readonly outcome: ToldOutcome }>;
}

/** `pools` is first asked when somebody looks. */
export const labWorkers = (pools: () => readonly LabPool[], viewers: Stream): LabWorkers => {
  let timer: NodeJS.Timeout | undefined;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let hears = false;
  /** Something has changed since they were told. */
  let news = false;

  const tell = (): void => {
    if (viewers.viewers() === 0) return;
    news = false;
    toldAtMs = now();
    const told: ToldWorkers = {
      nowMs: toldAtMs,
      at: wallClock(),
      workersMost: workersByHandMax,
      pools: pools().map((pool) => pool.status()),
    };
    viewers.tell('workers', told);
    tellAfter(labWorkersMs);
  };
  const tellAfter = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(tell, ms).unref();
  };
  const changed = (): void => {
    if (news || viewers.viewers() === 0) return;
    news = true;
    tellAfter(Math.max(0, toldAtMs + labBatchMs - now()));
  };

  return {
    look() {
      if (pools().length === 0) return;
      if (!hears) for (const pool of pools()) pool.onChange(changed);
      hears = true;
      tell();
    },
    async order(text) {
      const order = orderOf(text);
      if (order === undefined) return refused(400, unclear);
      const pool = pools().find(({ where }) => where === order.where);
      if (pool === undefined) return refused(404, noPool);
      if (order.do === 'reload') {
        const why = await pool.reload();
        return why === undefined ? done : refused(409, notReloaded, why);
      }
      if (order.do === 'add' || order.do === 'remove') return pool.resize(order.do === 'add' ? 1 : -1) ? done : refused(409, outOfBounds);
      const { pid = 0 } = order;
      const obeyed = order.do === 'recycle' ? pool.recycle(pid) : pool.signal(pid, order.do === 'kill' ? 'SIGKILL' : 'SIGTERM');
      return obeyed ? done : refused(409, order.do === 'recycle' ? notReady : noWorker);
    },
  };
};

const orders: readonly ToldOrder['do'][] = ['kill', 'term', 'recycle', 'add', 'remove', 'reload'];

const orderOf = (text: string): ToldOrder | undefined => {
  try {
    const { where, do: what, pid } = JSON.parse(text) as Partial<Record<keyof ToldOrder, unknown>>;
    const known = orders.find((one) => one === what);
    if (typeof where !== 'string' || known === undefined || (pid !== undefined && !Number.isSafeInteger(pid))) return undefined;
    return { where, do: known, ...(pid === undefined ? {} : { pid: pid as number }) };
  } catch {
    return undefined;
  }
};

const done = { status: 200, outcome: {} };

const refused = (status: number, why: Words, { evidence }: Partial<Failure> = {}) => ({
  status,
  outcome: { why, ...(evidence && { evidence: [evidence.detail, evidence.stderr].join('\n').trim() }) },
});

const unclear: Words = {
  en: `Say what to do as JSON: {"where":"/app","do":"kill","pid":4711}; it is one of ${orders.join(', ')}.`,
  zh: `请以 JSON 说明要做什么：{"where":"/app","do":"kill","pid":4711}；可选 ${orders.join('、')}。`,
};
const noPool: Words = { en: 'There is no pool at that place.', zh: '该处没有进程池。' };
const noWorker: Words = { en: 'No worker of this pool has that pid (any more).', zh: '此进程池中没有（或已没有）该 pid 的工作进程。' };
const notReady: Words = {
  en: 'No worker of this pool that takes requests has that pid (any more).',
  zh: '此进程池中没有（或已没有）该 pid 且能接收请求的工作进程。',
};
const notReloaded: Words = { en: 'Not reloaded: the present workers go on.', zh: '未重新加载：现有工作进程继续运行。' };
const outOfBounds: Words = {
  en: `A pool has at least 1 worker and here at most ${workersByHandMax}.`,
  zh: `进程池至少有 1 个工作进程，此处最多 ${workersByHandMax} 个。`,
};
