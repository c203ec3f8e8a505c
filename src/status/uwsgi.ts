/**
 * Pools as uWSGI's stats server tells of its workers (`--stats`): one JSON object, the names and the order of uWSGI 2.0, so that
 * `uwsgitop` and exporters made for it read us. uWSGI has one pool; where there are several, their workers stand in one list, and
 * `apps[].mountpoint` says whose each is. Compared with a real uWSGI in test/status/uwsgi.test.ts. Pure.
 *
 * Times are seconds since 1970, durations microseconds, memory bytes. What uWSGI counts and we do not is 0, because its readers
 * ask for every field. `vars` holds the request line and the user: uWSGI prints cookies and passwords there.
 */
import { bySlot } from './fpm.js';
import type { PoolStatus, WorkerStatus } from './status.js';

/** Our own process, where it is to be named. */
export interface ServerFacts {
  readonly version: string;
  readonly pid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
}

export const uwsgiObject = (pools: readonly PoolStatus[], server: ServerFacts): Record<string, unknown> => {
  const waiting = sum(pools, ({ queue }) => queue.waiting);
  return {
    version: server.version,
    listen_queue: waiting,
    // Those that found no room. uWSGI learns of its own from the kernel.
    listen_queue_errors: sum(pools, ({ queue }) => queue.drops.full),
    signal_queue: 0,
    load: waiting,
    pid: server.pid,
    uid: server.uid,
    gid: server.gid,
    cwd: server.cwd,
    locks: [],
    sockets: pools.map(({ where, gateway, queue }) => ({
      name: where,
      proto: gateway,
      queue: queue.waiting,
      max_queue: queue.bound,
      shared: 0,
      can_offload: 0,
    })),
    workers: pools.flatMap((pool, place) => {
      const others = sum(pools.slice(0, place), ({ workersMax }) => workersMax);
      return bySlot(pool).map((worker) => workerObject(worker, pool, others + worker.slot));
    }),
  };
};

const sum = (pools: readonly PoolStatus[], of: (pool: PoolStatus) => number): number => pools.reduce((all, pool) => all + of(pool), 0);

/** `id`: a number for the worker's place, over all pools. While one replaces another both have the same. */
const workerObject = (worker: WorkerStatus, pool: PoolStatus, id: number): Record<string, unknown> => {
  const { request } = worker;
  const requests = worker.requests + worker.failures;
  const exceptions = worker.failures;
  const running = worker.inFlight > 0 && request?.tookMs === undefined ? request : undefined;
  return {
    id,
    pid: worker.pid,
    accepting: worker.state === 'idle' || worker.state === 'busy' ? 1 : 0,
    requests,
    delta_requests: requests,
    exceptions,
    harakiri_count: 0,
    signals: 0,
    signal_queue: 0,
    // «pause» is uWSGI's word for one that runs and takes no requests.
    status: worker.state === 'idle' || worker.state === 'busy' ? worker.state : 'pause',
    rss: worker.rssBytes ?? 0,
    vsz: 0,
    running_time: 0,
    last_spawn: Math.floor(worker.startedAt / 1000),
    respawn_count: worker.spawns,
    tx: 0,
    // uWSGI's is the mean of the last one and of all before it; this is the last one.
    avg_rt: Math.round((request?.tookMs ?? 0) * 1000),
    apps: [{ id: 0, modifier1: 0, mountpoint: pool.where, startup_time: 0, requests, exceptions, chdir: '' }],
    cores: [
      {
        id: 0,
        requests,
        static_requests: 0,
        routed_requests: 0,
        offloaded_requests: 0,
        write_errors: 0,
        read_errors: 0,
        in_request: running === undefined ? 0 : 1,
        vars: running === undefined ? [] : variables(running.method, running.target, running.user),
        req_info: running === undefined ? {} : { request_start: Math.floor(running.startedAt / 1000) },
      },
    ],
  };
};

/** uWSGI ends the list with an empty one. */
const variables = (method: string, target: string, user: string | undefined): string[] => [
  `REQUEST_METHOD=${method}`,
  `REQUEST_URI=${target}`,
  ...(user === undefined ? [] : [`REMOTE_USER=${user}`]),
  '',
];
