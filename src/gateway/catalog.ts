/**
 * A gateway is a wire × a carrier. This is the table; each row costs only what is new in it.
 *
 *   gateway   wire                                       carrier   what there is to see
 *   cgi       none: the variables are the environment    spawn     a process is born and dies
 *   fastcgi   records                                    dial      same variables, cut into records; stderr has a stream
 *   scgi      one netstring                              dial      the whole idea in twenty bytes
 *   uwsgi     one little-endian packet                   dial      lengths in place of NULs
 *
 *             records                                    pool      workers of our own: one long life, many requests
 *   wsgi      records                                    pool      the variables are a dict, the answer is returned
 *
 * PSGI, Rack and ASGI are rows to come.
 */
import { availableParallelism } from 'node:os';
import type { Address } from '../carrier/address.js';
import { type Capacity, learning } from '../carrier/capacity.js';
import type { Carrier } from '../carrier/channel.js';
import { dialCarrier } from '../carrier/dial.js';
import { poolCarrier } from '../carrier/pool.js';
import { spawnCarrier } from '../carrier/spawn.js';
import type { Failure } from '../failures.js';
import {
  connectionsPerPeer,
  keptConnectionMs,
  newbornsPerProcessor,
  peerFailuresMax,
  peerOutMs,
  queueMs,
  workerOutMs,
  writeAheadBytesMax,
} from '../limits.js';
import { bearFor } from '../process/bear.js';
import { diagnoseBirth } from '../process/diagnose.js';
import { bearWorker, type WorkerBirth } from '../process/worker.js';
import { works } from '../process/works.js';
import type { Settings } from '../settings.js';
import type { Gateway } from '../types.js';
import { fastcgi } from '../wire/fastcgi.js';
import { scgi } from '../wire/scgi.js';
import { uwsgi } from '../wire/uwsgi.js';
import type { Wire } from '../wire/wire.js';
import { errorLog } from './errors.js';
import { gatewayOver } from './gateway.js';

/** `watch` may wrap the carrier: to observe is to wrap. */
type Watch = (carrier: Carrier) => Carrier;

export const createCgiGateway = (settings: Settings, watch: Watch = (carrier) => carrier): Gateway => {
  const { bear } = bearFor(settings.spawn);
  const carrier = spawnCarrier({ bear, killGraceMs: settings.killGraceMs, diagnose: diagnoseBirth });
  const newbornsMax = newbornsPerProcessor * availableParallelism();
  return gatewayOver('cgi', watch(carrier), {
    ...settings,
    slots: { atOnceMax: settings.maxProcesses, newbornsMax, queueMax: settings.maxQueue, queueMs },
    works: ({ pid }) => pid === undefined || works(pid),
  });
};

/** Where a program listens, and how it is spoken to. */
export interface DialTarget {
  readonly wire: 'fastcgi' | 'scgi' | 'uwsgi';
  /** FastCGI §6: what the program is asked to be. Default `responder`, which is all that the others know. */
  readonly role?: 'responder' | 'authorizer';
  readonly addresses: readonly Address[];
  /** At once, to each address; beyond that requests wait here, in one queue that knows its own length. Undefined: the program is asked. */
  readonly connections: number | undefined;
  /** uwsgi's two bytes. */
  readonly modifier1?: number;
  readonly modifier2?: number;
}

export const createDialGateway = (target: DialTarget, settings: Settings, watch: Watch = (carrier) => carrier): Gateway => {
  const { wire, addresses, role } = target;
  let { connections = connectionsPerPeer } = target;
  let wellCount = addresses.length;
  let keeps = true;
  // A program that stays is no newborn: only the connections are counted.
  const newbornsMax = Number.POSITIVE_INFINITY;
  const bounds = { atOnceMax: 0, newbornsMax, queueMax: settings.maxQueue, queueMs };
  /** What one address cannot take now must not fall on the others. When all are out, all are tried. */
  const count = (): void => {
    bounds.atOnceMax = connections * (wellCount || addresses.length);
  };
  count();
  const dialling = dialCarrier({
    wire: wireOf(target),
    addresses,
    keptMax: () => (keeps ? connections : 0),
    keptMs: keptConnectionMs,
    connectMs: settings.connectTimeoutMs,
    probeMs: settings.probeMs,
    failuresMax: peerFailuresMax,
    outMs: peerOutMs,
    changed({ text }, why, nowWell) {
      wellCount = nowWell;
      count();
      settings.onWarning(`${wire} ${text} is ${why === undefined ? 'back in rotation' : `out of rotation: ${why}`}`);
    },
    writeAheadBytes: writeAheadBytesMax,
  });
  const asks = wire === 'fastcgi' && target.connections === undefined;
  const learnt = (capacity: Capacity): void => {
    keeps = !capacity.silent;
    connections = capacity.connections ?? connections;
    count();
  };
  const carrier = asks ? learning(dialling, addresses, learnt) : dialling;
  return gatewayOver(role === 'authorizer' ? role : wire, watch(carrier), { ...settings, slots: bounds, works: () => true });
};

/** What is started, and how often. */
export interface PoolTarget {
  readonly name: 'fastcgi' | 'wsgi';
  readonly birth: WorkerBirth;
  readonly workers: number;
  /** What the log calls it: `app:application`. */
  readonly label: string;
}

export interface PoolGateway extends Gateway {
  /** New workers beside the present ones, and in their place when all are ready; else why not. */
  reload(graceMs: number): Promise<Failure | undefined>;
}

export const createPoolGateway = ({ name, birth, workers, label }: PoolTarget, settings: Settings): PoolGateway => {
  const { onStderr, onWarning, killGraceMs, connectTimeoutMs, maxQueue } = settings;
  const logs = new Map<number | undefined, ReturnType<typeof errorLog>>();
  const logOf = (pid: number | undefined) => {
    const known = logs.get(pid) ?? errorLog((text) => onStderr({ id: '', script: label, pid, text }), Number.POSITIVE_INFINITY);
    logs.set(pid, known);
    return known;
  };
  const slots = { atOnceMax: workers, newbornsMax: Number.POSITIVE_INFINITY, queueMax: maxQueue, queueMs };
  const pool = poolCarrier({
    workers,
    killGraceMs,
    start: (path, events) => bearWorker(birth, path, events),
    dial: (addresses) =>
      dialCarrier({
        wire: fastcgi({ role: 'responder', keep: true }),
        addresses,
        keptMax: () => 1,
        keptMs: keptConnectionMs,
        connectMs: connectTimeoutMs,
        probeMs: 0,
        failuresMax: 1,
        outMs: workerOutMs,
        changed: () => {},
        writeAheadBytes: writeAheadBytesMax,
      }),
    errors: (pid, piece) => logOf(pid).write(piece),
    // With none, the next one learns why.
    ready(count) {
      slots.atOnceMax = Math.max(1, count);
    },
    ended(pid, why) {
      logs.get(pid)?.end();
      logs.delete(pid);
      if (why !== undefined) onWarning(`${label}: a worker ended: ${why}`);
    },
  });
  return { ...gatewayOver(name, pool, { ...settings, slots, works: () => true }), reload: (graceMs) => pool.reload(graceMs) };
};

const wireOf = ({ wire, role = 'responder', modifier1 = 0, modifier2 = 0 }: DialTarget): Wire => {
  switch (wire) {
    case 'fastcgi':
      return fastcgi({ role, keep: true });
    case 'scgi':
      return scgi;
    case 'uwsgi':
      return uwsgi({ modifier1, modifier2 });
  }
};
