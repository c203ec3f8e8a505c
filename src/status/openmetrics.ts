/**
 * Pools for Prometheus and its relatives, in OpenMetrics 1.0: php-fpm's metrics under its own names, so that its dashboards work;
 * then ours, which begin with `cgi_serve_`. Each sample has the label `pool`; `full` adds every worker's. Pure.
 *
 * php-fpm 8.2's own answer breaks the format: §5.1 wants `_total` behind a counter's samples, and a parser that takes that word for
 * word refuses all of it. Names are what dashboards look for, so they stay, and the types are what the format allows them to be:
 * `gauge` for what is one, `unknown` for what counts. test/status/openmetrics.test.ts asks such a parser.
 */
import { bySlot, countWorkers } from './fpm.js';
import type { PoolStatus, WorkerStatus } from './status.js';

/** All of `pools`, for this moment in milliseconds since 1970. */
export const openMetrics = (pools: readonly PoolStatus[], { full, atMs }: { full: boolean; atMs: number }): string => {
  const families = [...fpmFamilies, ...ourFamilies, ...(full ? workerFamilies : [])];
  const lines = families.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...pools.flatMap((pool) =>
      samples(pool, atMs).flatMap(({ value, labels = {} }) =>
        value === undefined ? [] : [`${name}${type === 'counter' ? '_total' : ''}${asLabels({ pool: pool.where, ...labels })} ${value}`],
      ),
    ),
  ]);
  return `${[...lines, '# EOF'].join('\n')}\n`;
};

interface Sample {
  /** undefined: not known, and not told. */
  readonly value: number | undefined;
  readonly labels?: Readonly<Record<string, string | number>>;
}

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'summary' | 'unknown';
  readonly help: string;
  samples(pool: PoolStatus, atMs: number): readonly Sample[];
}

const asLabels = (labels: Readonly<Record<string, string | number>>): string => `{${Object.entries(labels).map(asLabel).join(',')}}`;
const asLabel = ([name, value]: [string, string | number]): string =>
  `${name}="${String(value).replace(/["\\\n]/g, (sign) => (sign === '\n' ? '\\n' : `\\${sign}`))}"`;

const family = (name: string, type: Family['type'], help: string, of: (pool: PoolStatus, atMs: number) => number | undefined): Family => ({
  name,
  type,
  help,
  samples: (pool, atMs) => [{ value: of(pool, atMs) }],
});

/** Counters that differ in one label: `{reason="memory"}`. */
const byReason = (name: string, help: string, of: (pool: PoolStatus) => Readonly<Record<string, number>>): Family => ({
  name,
  type: 'counter',
  help,
  samples: (pool) => Object.entries(of(pool)).map(([reason, value]) => ({ value, labels: { reason } })),
});

const ofWorkers = (name: string, type: Family['type'], help: string, of: (worker: WorkerStatus) => number | undefined): Family => ({
  name,
  type,
  help,
  // The pid belongs to it: while one replaces another, both have the same slot.
  samples: (pool) =>
    bySlot(pool).map((worker) => {
      const { slot, generation, pid } = worker;
      return { value: of(worker), labels: { slot, generation, pid } };
    }),
});

/** In php-fpm's order. */
const fpmFamilies: readonly Family[] = [
  family('phpfpm_up', 'gauge', 'There is such a pool.', () => 1),
  family('phpfpm_start_since', 'gauge', 'Seconds since the pool began.', ({ startedAt }, atMs) =>
    Math.max(0, Math.floor((atMs - startedAt) / 1000)),
  ),
  family('phpfpm_accepted_connections', 'unknown', 'Requests that came to the pool, refused ones too.', ({ accepted }) => accepted),
  family('phpfpm_listen_queue', 'gauge', 'Requests that wait for a worker.', ({ queue }) => queue.waiting),
  family('phpfpm_max_listen_queue', 'gauge', 'Most requests that waited at once.', ({ queue }) => queue.waitingMost),
  family('phpfpm_listen_queue_length', 'gauge', 'How many requests may wait.', ({ queue }) => queue.bound),
  family('phpfpm_idle_processes', 'gauge', 'Workers that wait for a request.', (pool) => countWorkers(pool).idle),
  family('phpfpm_active_processes', 'gauge', 'Workers that have a request, start or end.', (pool) => countWorkers(pool).active),
  family('phpfpm_total_processes', 'gauge', 'Workers that run.', (pool) => countWorkers(pool).total),
  family('phpfpm_max_active_processes', 'gauge', 'Most workers that were busy at once.', ({ activeMost }) => activeMost),
  family('phpfpm_max_children_reached', 'unknown', 'How often more workers were wanted than there may be.', ({ ceilings }) => ceilings),
  family('phpfpm_slow_requests', 'unknown', 'Requests that were stuck beyond the bound.', ({ slow }) => slow),
];

const ourFamilies: readonly Family[] = [
  family('cgi_serve_workers_min', 'gauge', 'Workers that are kept at least.', ({ workersMin }) => workersMin),
  family('cgi_serve_workers_max', 'gauge', 'Workers there may be.', ({ workersMax }) => workersMax),
  family('cgi_serve_generation', 'gauge', 'The generation that gets new requests.', ({ generation }) => generation),
  family('cgi_serve_reloads', 'counter', 'Reloads that came through.', ({ reloads }) => reloads),
  family('cgi_serve_reload_refused', 'gauge', '1 when the last reload was refused.', ({ reloadFailure }) =>
    Number(reloadFailure !== undefined),
  ),
  {
    name: 'cgi_serve_queue_wait_seconds',
    type: 'summary',
    help: 'How long requests waited that were given a worker lately; quantile 1 is the longest.',
    samples: ({ queue: { waits } }) =>
      waits === undefined
        ? []
        : (
            [
              ['0.5', waits.p50Ms],
              ['0.9', waits.p90Ms],
              ['0.99', waits.p99Ms],
              ['1', waits.maxMs],
            ] as const
          ).map(([quantile, ms]) => ({ value: ms / 1000, labels: { quantile } })),
  },
  byReason('cgi_serve_queue_drops', 'Requests that never got a worker.', ({ queue }) => queue.drops),
  byReason('cgi_serve_recycled', 'Workers that were ended on purpose.', ({ recycled }) => recycled),
  family('cgi_serve_crashed', 'counter', 'Workers that ended by themselves.', ({ crashed }) => crashed),
  family('cgi_serve_retries', 'counter', 'Requests that were asked again of another worker.', ({ retries }) => retries),
  family('cgi_serve_truncations', 'counter', 'Answers that broke off before their end.', ({ truncations }) => truncations),
  family('cgi_serve_aborts', 'counter', 'Requests whose client left while a worker had them.', ({ aborts }) => aborts),
];

const workerFamilies: readonly Family[] = [
  ofWorkers('cgi_serve_worker_requests', 'counter', 'Requests a worker has answered.', ({ requests }) => requests),
  ofWorkers('cgi_serve_worker_failures', 'counter', 'Requests that failed with a worker.', ({ failures }) => failures),
  ofWorkers('cgi_serve_worker_in_flight', 'gauge', 'Requests a worker has now.', ({ inFlight }) => inFlight),
  ofWorkers('cgi_serve_worker_memory_bytes', 'gauge', "A worker's memory in use.", ({ rssBytes }) => rssBytes),
  ofWorkers(
    'cgi_serve_worker_cpu_seconds',
    'counter',
    "A worker's processor time.",
    ({ cpu }) => cpu && (cpu.userMs + cpu.systemMs) / 1000,
  ),
];
