/**
 * A pool as php-fpm's status page tells of one (`pm.status_path`): its names, their order, its layout, so that what reads php-fpm
 * reads us. As text, JSON and XML; `full` adds a block for each worker. What php-fpm does not count follows what it does, named as
 * it would have. Compared with php-fpm 8.2's own output in test/status/fpm.test.ts. Pure. Its metrics are in openmetrics.ts.
 *
 * Times in text are written as in a log, in UTC; in JSON and XML they are seconds since 1970. `… since` is in seconds, durations
 * and waits in microseconds, memory in bytes.
 */
import { htmlEscape } from '../http/html.js';
import { visibleText } from '../http/visible.js';
import type { PoolStatus, WorkerStatus } from './status.js';

/** `full` and the moment for which it is told, milliseconds since 1970. */
export interface FpmAsk {
  readonly full: boolean;
  readonly atMs: number;
}

/** `pool:                 /api`, a line for each field; with `full` a block for each worker under a line of stars. */
export const fpmText = (pool: PoolStatus, { full, atMs }: FpmAsk): string => {
  const line = ([name, value]: Field): string => `${`${name === 'request uri' ? 'request URI' : name}:`.padEnd(22)}${oneLine(value)}\n`;
  const workers = full
    ? bySlot(pool).map((worker) => `\n${'*'.repeat(24)}\n${workerFields(worker, atMs, logTime).map(line).join('')}`)
    : [];
  return `${poolFields(pool, atMs, logTime).map(line).join('')}${workers.join('')}`;
};

/** `{"pool":"/api",…}`; with `full` the workers under `processes`. */
export const fpmObject = (pool: PoolStatus, { full, atMs }: FpmAsk): Record<string, unknown> => {
  const asObject = (fields: readonly Field[]) => Object.fromEntries(fields.map(([name, value]) => [name, value ?? null]));
  const fields = asObject(poolFields(pool, atMs, seconds));
  if (!full) return fields;
  return { ...fields, processes: bySlot(pool).map((worker) => asObject(workerFields(worker, atMs, seconds))) };
};

/** `<status>` and what is in it, without the XML declaration; with `full` the workers under `<processes>`. */
export const fpmXml = (pool: PoolStatus, { full, atMs }: FpmAsk): string => {
  const element = ([name, value]: Field): string => {
    const tag = name.replaceAll(' ', '-');
    return `<${tag}>${htmlEscape(oneLine(value))}</${tag}>`;
  };
  const workers = bySlot(pool).map((worker) => `<process>${workerFields(worker, atMs, seconds).map(element).join('')}</process>`);
  return [
    '<status>',
    ...poolFields(pool, atMs, seconds).map(element),
    ...(full ? ['<processes>', ...workers, '</processes>'] : []),
    '</status>',
  ].join('\n');
};

/** In the order of their places; of two in one place, one of them on its way out, the older first. */
export const bySlot = (pool: PoolStatus): WorkerStatus[] => [...pool.workers].sort((a, b) => a.slot - b.slot || a.startedAt - b.startedAt);

/** php-fpm's `pm`. */
export const processManager = ({ workersMin, workersMax }: PoolStatus): string =>
  workersMin === workersMax ? 'static' : workersMin === 0 ? 'ondemand' : 'dynamic';

/** Idle or not: php-fpm counts whoever does not wait for a request as active, one that starts or ends too. */
export const countWorkers = ({ workers }: PoolStatus): { idle: number; active: number; total: number } => {
  const idle = workers.filter(({ state }) => state === 'idle').length;
  return { idle, active: workers.length - idle, total: workers.length };
};

// --- the fields ----------------------------------------------------------------------------------------------

/** undefined: one of ours, and not known; `-` in text and XML, null in JSON. php-fpm's own are 0 and `-` then, as it has them. */
type Field = readonly [name: string, value: string | number | undefined];
type TimeAs = (atMs: number) => string | number;

const poolFields = (pool: PoolStatus, atMs: number, time: TimeAs): Field[] => {
  const { queue, recycled } = pool;
  const { idle, active, total } = countWorkers(pool);
  return [
    ['pool', pool.where],
    ['process manager', processManager(pool)],
    ['start time', time(pool.startedAt)],
    ['start since', since(pool.startedAt, atMs)],
    ['accepted conn', pool.accepted],
    ['listen queue', queue.waiting],
    ['max listen queue', queue.waitingMost],
    ['listen queue len', queue.bound],
    ['idle processes', idle],
    ['active processes', active],
    ['total processes', total],
    ['max active processes', pool.activeMost],
    ['max children reached', pool.ceilings],
    ['slow requests', pool.slow],
    // From here on php-fpm has nothing to say. Names of 20 letters at most: the column of values begins behind them.
    ['gateway', pool.gateway],
    ['program', pool.label],
    ['min children', pool.workersMin],
    ['max children', pool.workersMax],
    ['generation', pool.generation],
    ['reloads', pool.reloads],
    ['reload failure', pool.reloadFailure],
    ['queue waits', queue.waits?.count ?? 0],
    ['queue wait p50', microseconds(queue.waits?.p50Ms)],
    ['queue wait p90', microseconds(queue.waits?.p90Ms)],
    ['queue wait p99', microseconds(queue.waits?.p99Ms)],
    ['queue wait max', microseconds(queue.waits?.maxMs)],
    ['queue drops full', queue.drops.full],
    ['queue drops timeout', queue.drops.timeout],
    ['queue drops left', queue.drops.left],
    ['queue drops failed', queue.drops.failed],
    ['recycled requests', recycled.requests],
    ['recycled memory', recycled.memory],
    ['recycled age', recycled.age],
    ['recycled idle', recycled.idle],
    ['recycled stuck', recycled.stuck],
    ['recycled asked', recycled.asked],
    ['recycled killed', recycled.killed],
    ['crashed', pool.crashed],
    ['retries', pool.retries],
    ['truncations', pool.truncations],
    ['aborts', pool.aborts],
  ];
};

const workerFields = (worker: WorkerStatus, atMs: number, time: TimeAs): Field[] => {
  const { request, cpu } = worker;
  return [
    ['pid', worker.pid],
    ['state', stages[worker.state]],
    ['start time', time(worker.startedAt)],
    ['start since', since(worker.startedAt, atMs)],
    // php-fpm counts a request when it begins, and its failures like the others.
    ['requests', worker.requests + worker.failures + worker.inFlight],
    ['request duration', request === undefined ? 0 : microseconds(request.tookMs ?? atMs - request.startedAt)],
    ['request method', request?.method ?? '-'],
    ['request uri', request?.target ?? '-'],
    ['content length', request?.contentBytes ?? 0],
    ['user', request?.user ?? '-'],
    ['script', request?.script ?? '-'],
    // What one request took of a worker only the worker could tell; php-fpm writes 0 too while it does not know.
    ['last request cpu', 0],
    ['last request memory', 0],
    ['slot', worker.slot],
    ['generation', worker.generation],
    ['failures', worker.failures],
    ['in flight', worker.inFlight],
    ['memory', worker.rssBytes],
    ['cpu user', microseconds(cpu?.userMs)],
    ['cpu system', microseconds(cpu?.systemMs)],
    ['request id', request?.id],
  ];
};

/** php-fpm's words for where a worker stands. */
const stages: Readonly<Record<WorkerStatus['state'], string>> = {
  starting: 'Creating',
  idle: 'Idle',
  busy: 'Running',
  stopping: 'Finishing',
};

// --- values --------------------------------------------------------------------------------------------------

const seconds = (ms: number): number => Math.floor(ms / 1000);
/** php-fpm subtracts whole seconds; a clock that was set back makes no negative ages. */
const since = (startedAt: number, atMs: number): number => Math.max(0, seconds(atMs) - seconds(startedAt));
const microseconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.max(0, Math.round(ms * 1000)));

/** `23/Nov/2026:08:04:48 +0000` */
const logTime = (ms: number): string => {
  const [, day, month, year, time] = new Date(ms).toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
};

/** A value that holds a line end would forge a field. */
const oneLine = (value: string | number | undefined): string =>
  value === undefined || value === '' ? '-' : visibleText(String(value)).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
