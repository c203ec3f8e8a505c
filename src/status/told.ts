/**
 * A pool in words, for people: the same lines on the HTML page and in the terminal (cli/status.ts), in the program's two languages.
 * Pure.
 */
import type { Words } from '../failures.js';
import { inLanguage, type PageLanguage } from '../http/negotiate.js';
import type { PoolStatus, WorkerStatus } from './status.js';

export interface Told {
  readonly name: string;
  /** To be joined by ` · `, in as many lines as it takes. */
  readonly values: readonly string[];
}

/** What a pool is: `wsgi · 2 to 4 workers · generation 3 · up 2h05m`. */
export const toldPool = (pool: PoolStatus, atMs: number, language: PageLanguage): string => {
  const { workersMin: min, workersMax: max } = pool;
  const age = duration(atMs - pool.startedAt);
  const workers =
    min === max
      ? { en: `${max} ${max === 1 ? 'worker' : 'workers'}`, zh: `${max} 个工作进程` }
      : { en: `${min} to ${max} workers`, zh: `${min} 至 ${max} 个工作进程` };
  const generation = { en: `generation ${pool.generation}`, zh: `第 ${pool.generation} 代` };
  const since = { en: `up ${age}`, zh: `已运行 ${age}` };
  return [pool.gateway, ...[workers, generation, since].map((words) => inLanguage(words, language))].join(' · ');
};

/** How it does, a line for each kind of thing. */
export const toldFigures = (pool: PoolStatus, language: PageLanguage): Told[] => {
  const { queue, recycled } = pool;
  const { drops, waits } = queue;
  const busy = pool.workers.filter(({ state }) => state === 'busy').length;
  const all = pool.workers.length;
  const told = (name: Words, ...values: Words[]): Told => ({
    name: inLanguage(name, language),
    values: values.map((words) => inLanguage(words, language)),
  });
  return [
    told(
      { en: 'requests', zh: '请求' },
      { en: `${pool.accepted} came`, zh: `共 ${pool.accepted} 个` },
      { en: `${busy} of ${all} workers busy`, zh: `${all} 个工作进程中 ${busy} 个在忙` },
      { en: `at most ${pool.activeMost}`, zh: `最多 ${pool.activeMost} 个` },
      { en: `more wanted ${times(pool.ceilings)}`, zh: `不够用 ${pool.ceilings} 次` },
    ),
    told(
      { en: 'queue', zh: '队列' },
      { en: `${queue.waiting} waiting`, zh: `${queue.waiting} 个在等待` },
      { en: `at most ${queue.waitingMost}`, zh: `最多 ${queue.waitingMost} 个` },
      { en: `room for ${queue.bound}`, zh: `可容 ${queue.bound} 个` },
    ),
    waits === undefined
      ? told({ en: 'waited', zh: '等待' }, { en: '–', zh: '–' })
      : told(
          { en: 'waited', zh: '等待' },
          both(`p50 ${duration(waits.p50Ms)}`),
          both(`p90 ${duration(waits.p90Ms)}`),
          both(`p99 ${duration(waits.p99Ms)}`),
          { en: `max ${duration(waits.maxMs)}`, zh: `最长 ${duration(waits.maxMs)}` },
          { en: `of the last ${waits.count}`, zh: `最近 ${waits.count} 个` },
        ),
    told(
      { en: 'dropped', zh: '丢弃' },
      { en: `queue full ${drops.full}`, zh: `队列已满 ${drops.full}` },
      { en: `waited too long ${drops.timeout}`, zh: `等待过久 ${drops.timeout}` },
      { en: `client left ${drops.left}`, zh: `客户端离开 ${drops.left}` },
      { en: `no worker to be had ${drops.failed}`, zh: `没有工作进程 ${drops.failed}` },
    ),
    told(
      { en: 'recycled', zh: '更换' },
      { en: `requests ${recycled.requests}`, zh: `请求数 ${recycled.requests}` },
      { en: `memory ${recycled.memory}`, zh: `内存 ${recycled.memory}` },
      { en: `age ${recycled.age}`, zh: `年龄 ${recycled.age}` },
      { en: `idle ${recycled.idle}`, zh: `空闲 ${recycled.idle}` },
      { en: `stuck ${recycled.stuck}`, zh: `卡住 ${recycled.stuck}` },
      { en: `by hand ${recycled.asked}`, zh: `手动 ${recycled.asked}` },
      { en: `killed ${recycled.killed}`, zh: `被杀 ${recycled.killed}` },
    ),
    told(
      { en: 'trouble', zh: '故障' },
      { en: `crashed ${pool.crashed}`, zh: `崩溃 ${pool.crashed}` },
      { en: `slow ${pool.slow}`, zh: `过慢 ${pool.slow}` },
      { en: `retried ${pool.retries}`, zh: `重试 ${pool.retries}` },
      { en: `cut short ${pool.truncations}`, zh: `截断 ${pool.truncations}` },
      { en: `client left ${pool.aborts}`, zh: `客户端离开 ${pool.aborts}` },
    ),
    told({ en: 'reloads', zh: '重新加载' }, both(String(pool.reloads)), ...refused(pool)),
  ];
};

/** Only its last line, where a traceback names the error: all a worker said before it died is in the log. */
const refused = ({ reloadFailure }: PoolStatus): Words[] => {
  if (reloadFailure === undefined) return [];
  const why = reloadFailure.trim().split('\n').at(-1);
  return [{ en: `the last was refused: ${why}`, zh: `上一次被拒绝：${why}` }];
};

const both = (text: string): Words => ({ en: text, zh: text });
const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);

export const toldState = (state: WorkerStatus['state'], language: PageLanguage): string => inLanguage(states[state], language);

const states: Readonly<Record<WorkerStatus['state'], Words>> = {
  starting: { en: 'starting', zh: '启动中' },
  idle: { en: 'idle', zh: '空闲' },
  busy: { en: 'busy', zh: '忙' },
  stopping: { en: 'stopping', zh: '停止中' },
};

/** `0.4ms`, `250ms`, `12.5s`, `3m20s`, `2h05m`, `3d04h`: never more than six signs up to a hundred days. */
export const duration = (ms: number): string => {
  if (ms < 9.95) return `${Math.max(0, ms).toFixed(1)}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
};

/** `24.1M`: in powers of 1024, as ps and top have it. */
export const mebibytes = (bytes: number | undefined): string => (bytes === undefined ? '–' : `${(bytes / 1024 ** 2).toFixed(1)}M`);

const two = (n: number): string => String(n).padStart(2, '0');
