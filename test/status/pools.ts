/** Pools as they might be at one moment: a busy one, and one that has hardly begun. */
import type { PoolStatus, WorkerStatus } from '../../src/status/status.js';

/** 2026-11-23 08:04:48 UTC. */
export const atMs = 1_795_421_088_500;

export const busy: WorkerStatus = {
  pid: 4242,
  slot: 2,
  generation: 3,
  state: 'busy',
  startedAt: atMs - 90_000,
  requests: 11,
  failures: 2,
  inFlight: 1,
  busyMs: 40_000,
  spawns: 1,
  rssBytes: 25_270_000,
  cpu: { userMs: 1_200, systemMs: 300 },
  request: {
    id: 'k3-7',
    method: 'POST',
    target: '/api/form?x=1&y=<b>"q"',
    script: 'app:application',
    user: 'ada',
    contentBytes: 512,
    startedAt: atMs - 1_250,
    tookMs: undefined,
  },
};

export const idle: WorkerStatus = {
  ...busy,
  ...{ pid: 4243, slot: 1, state: 'idle', requests: 40, failures: 0, inFlight: 0, rssBytes: undefined, cpu: undefined },
  request: { ...busy.request!, id: 'k3-6', method: 'GET', target: '/api/', user: undefined, contentBytes: 0, tookMs: 3.5 },
};

export const starting: WorkerStatus = { ...idle, pid: 4244, slot: 3, state: 'starting', requests: 0, request: undefined };

/** Its place has been given to `idle` already. */
export const stopping: WorkerStatus = { ...busy, pid: 4100, slot: 1, generation: 2, state: 'stopping', startedAt: atMs - 7_200_000 };

export const api: PoolStatus = {
  where: '/api',
  gateway: 'wsgi',
  label: 'app:application',
  workersMin: 2,
  workersMax: 4,
  startedAt: atMs - 7_260_000,
  generation: 3,
  reloads: 2,
  reloadFailure: undefined,
  accepted: 1234,
  queue: {
    waiting: 5,
    waitingMost: 9,
    bound: 100,
    waits: { count: 64, p50Ms: 0.25, p90Ms: 4, p99Ms: 120.5, maxMs: 1_500 },
    drops: { full: 1, timeout: 2, left: 3, failed: 4 },
  },
  activeMost: 4,
  ceilings: 7,
  slow: 1,
  recycled: { requests: 11, memory: 12, age: 13, idle: 14, stuck: 15, asked: 20, killed: 21 },
  crashed: 16,
  retries: 17,
  truncations: 18,
  aborts: 19,
  workers: [busy, starting, idle, stopping],
  events: [],
};

export const php: PoolStatus = {
  ...api,
  ...{
    where: '.php',
    gateway: 'fastcgi',
    label: 'php-cgi',
    workersMin: 0,
    workersMax: 2,
    startedAt: atMs - 400,
    generation: 1,
    reloads: 0,
  },
  ...{ accepted: 0, activeMost: 0, ceilings: 0, slow: 0, crashed: 0, retries: 0, truncations: 0, aborts: 0, workers: [] },
  reloadFailure: 'Traceback (most recent call last):\n  File "app.py"\nSyntaxError: <nonsense>',
  queue: { waiting: 0, waitingMost: 0, bound: 100, waits: undefined, drops: { full: 0, timeout: 0, left: 0, failed: 0 } },
  recycled: { requests: 0, memory: 0, age: 0, idle: 0, stuck: 0, asked: 0, killed: 0 },
};
