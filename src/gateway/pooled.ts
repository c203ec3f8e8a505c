/**
 * The rows of the catalog whose workers are ours: a pool behind a gateway, with what else can be asked of it: a new generation, one worker
 * more or less, what its workers have loaded, how it is.
 */
import type { Address } from '../carrier/address.js';
import type { Peers } from '../carrier/balance.js';
import type { Carrier } from '../carrier/channel.js';
import { type DialCarrier, dialCarrier } from '../carrier/dial.js';
import { type Pool, poolCarrier, type Recycle } from '../carrier/pool.js';
import type { Failure } from '../failures.js';
import { keptConnectionMs, queueMs, shutdownGraceMs, writeAheadBytesMax } from '../limits.js';
import type { Births } from '../process/worker.js';
import type { Settings } from '../settings.js';
import type { PoolStatus } from '../status/status.js';
import { Trace } from '../trace/trace.js';
import type { Gateway, MetaVariables } from '../types.js';
import type { Wire } from '../wire/wire.js';
import { converse } from './converse.js';
import { errorLog } from './errors.js';
import { gatewayOver } from './gateway.js';

/** What is started, and how often. */
export interface PoolTarget {
  readonly name: 'fastcgi' | 'wsgi';
  readonly where: string;
  /** What the log calls it: `app:application`. */
  readonly label: string;
  readonly wire: Wire;
  readonly births: () => Births;
  readonly workersMin: number;
  readonly workersMax: number;
  readonly threads: number;
  readonly recycle: Recycle;
  /** A request that a new generation must answer well before it takes over. */
  readonly health: MetaVariables | undefined;
}

export interface PoolGateway extends Gateway, Pick<Pool, 'signal' | 'recycle' | 'resize'> {
  readonly where: string;
  /** New workers beside the present ones, and in their place when all are ready; else why not. */
  reload(graceMs?: number): Promise<Failure | undefined>;
  /** Absolute paths of what the workers have loaded; none where they do not say so. */
  files(): readonly string[];
  /** Called when there are more of them. */
  onFiles(heard: () => void): void;
  /** Called for every request, and whenever a worker comes, goes or is ready. */
  onChange(heard: () => void): void;
  status(): PoolStatus;
}

export const createPoolGateway = (target: PoolTarget, settings: Settings, watch: (carrier: Carrier) => Carrier = (c) => c): PoolGateway => {
  const { name, where, label, wire, births, workersMin, workersMax, threads, recycle, health } = target;
  const { onStderr, onWarning, killGraceMs, headerTimeoutMs } = settings;
  const logs = new Map<number | undefined, ReturnType<typeof errorLog>>();
  const logOf = (pid: number | undefined) => {
    const known = logs.get(pid) ?? errorLog((text) => onStderr({ id: '', script: label, pid, text }), Number.POSITIVE_INFINITY);
    logs.set(pid, known);
    return known;
  };
  const fileListeners: (() => void)[] = [];
  const listeners: (() => void)[] = [];
  const dial = (peers: Peers<Address>): DialCarrier =>
    dialCarrier({
      ...{ wire, peers, connectMs: settings.connectTimeoutMs, ours: true },
      keptMax: () => threads,
      keptMs: keptConnectionMs,
      writeAheadBytes: writeAheadBytesMax,
    });
  const pool = poolCarrier({
    ...{ dial, births, workersMin, workersMax, threads, recycle, killGraceMs, stuckMs: headerTimeoutMs },
    healthy: health && ((address) => whyUnwell(dial, address, health, settings)),
    ...{ queueMax: settings.maxQueue, queueMs },
    errors: (pid, piece) => logOf(pid).write(piece),
    ended(pid, why) {
      logs.get(pid)?.end();
      logs.delete(pid);
      if (why !== undefined) onWarning(`${label}: a worker ended: ${why}`);
    },
    loaded: () => fileListeners.forEach((heard) => void heard()),
    changed: () => listeners.forEach((heard) => void heard()),
  });
  return {
    ...gatewayOver(name, watch(pool), { ...settings, slots: pool.queue, works: () => true, label }),
    where,
    ...{ signal: pool.signal, recycle: pool.recycle, resize: pool.resize, files: pool.files },
    reload: (graceMs = shutdownGraceMs) => pool.reload(graceMs),
    onFiles: (heard) => void fileListeners.push(heard),
    onChange: (heard) => void listeners.push(heard),
    status: () => ({ where, gateway: name, label, ...pool.status() }),
  };
};

/** Asks one worker for one page, on a connection of its own. 2xx and 3xx are well. */
const whyUnwell = (
  dial: (peers: Peers<Address>) => DialCarrier,
  address: Address,
  meta: MetaVariables,
  settings: Settings,
): Promise<string | undefined> => {
  const path = `${meta.get('SCRIPT_NAME')}${meta.get('PATH_INFO')}`;
  const carrier = dial({
    take: (_, tried) => (tried.length > 0 ? undefined : { address, inFlight: 1, failures: 0, outUntilMs: 0 }),
    give() {},
  });
  const script = { file: path, program: '', args: [], cwd: '', nph: false };
  let status = 0;
  return new Promise<string | undefined>((resolve) => {
    converse(
      carrier,
      { script, meta, body: undefined, head: false },
      {
        head(head) {
          status = head.status;
        },
        body: () => true,
        end: () => resolve(status < 400 ? undefined : `${path} answered ${status}`),
        fail: ({ code }) => resolve(`${path}: ${code}`),
        over() {},
      },
      errorLog(() => {}),
      settings,
      new Trace(),
      () => {},
    );
  }).finally(() => carrier.close());
};
