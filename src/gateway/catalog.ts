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
 * The rows of pools are made in pooled.ts.
 *
 * PSGI, Rack and ASGI are rows to come.
 */
import { availableParallelism } from 'node:os';
import type { Address } from '../carrier/address.js';
import { balance } from '../carrier/balance.js';
import { type Capacity, learning } from '../carrier/capacity.js';
import type { Carrier } from '../carrier/channel.js';
import { dialCarrier } from '../carrier/dial.js';
import { probing } from '../carrier/probe.js';
import { slots } from '../carrier/slots.js';
import { spawnCarrier } from '../carrier/spawn.js';
import {
  connectionsPerPeer,
  keptConnectionMs,
  newbornsPerProcessor,
  peerFailuresMax,
  peerOutMs,
  queueMs,
  writeAheadBytesMax,
} from '../limits.js';
import { bearFor } from '../process/bear.js';
import { diagnoseBirth } from '../process/diagnose.js';
import { works } from '../process/works.js';
import type { Settings } from '../settings.js';
import type { Gateway } from '../types.js';
import { fastcgi } from '../wire/fastcgi.js';
import { scgi } from '../wire/scgi.js';
import { uwsgi } from '../wire/uwsgi.js';
import type { Wire } from '../wire/wire.js';
import { gatewayOver } from './gateway.js';

/** `watch` may wrap the carrier: to observe is to wrap. */
type Watch = (carrier: Carrier) => Carrier;

export const createCgiGateway = (settings: Settings, watch: Watch = (carrier) => carrier): Gateway => {
  const { bear } = bearFor(settings.spawn);
  const carrier = spawnCarrier({ bear, killGraceMs: settings.killGraceMs, diagnose: diagnoseBirth });
  const newbornsMax = newbornsPerProcessor * availableParallelism();
  return gatewayOver('cgi', watch(carrier), {
    ...settings,
    slots: slots({ atOnceMax: settings.maxProcesses, newbornsMax, queueMax: settings.maxQueue, queueMs }),
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
  const { probeMs, connectTimeoutMs: connectMs } = settings;
  const peers = balance(addresses, {
    failuresMax: peerFailuresMax,
    outMs: peerOutMs,
    probed: probeMs > 0,
    changed({ text }, why, nowWell) {
      wellCount = nowWell;
      count();
      settings.onWarning(`${wire} ${text} is ${why === undefined ? 'back in rotation' : `out of rotation: ${why}`}`);
    },
  });
  const dialling = dialCarrier({
    ...{ wire: wireOf(target), peers, connectMs, ours: false },
    keptMax: () => (keeps ? connections : 0),
    keptMs: keptConnectionMs,
    writeAheadBytes: writeAheadBytesMax,
  });
  const endProbing = probeMs > 0 ? probing(peers, probeMs, connectMs) : () => {};
  const asks = wire === 'fastcgi' && target.connections === undefined;
  const learnt = (capacity: Capacity): void => {
    keeps = !capacity.silent;
    connections = capacity.connections ?? connections;
    count();
  };
  const carrier = asks ? learning(dialling, addresses, learnt) : dialling;
  const gateway = gatewayOver(role === 'authorizer' ? role : wire, watch(carrier), {
    ...settings,
    slots: slots(bounds),
    works: () => true,
  });
  return {
    ...gateway,
    close(graceMs) {
      endProbing();
      return gateway.close(graceMs);
    },
  };
};

const wireOf = ({ wire, role, modifier1 = 0, modifier2 = 0 }: DialTarget): Wire => {
  if (wire === 'fastcgi' && role === 'authorizer') return fastcgi({ role, keep: true });
  return wire === 'uwsgi' ? uwsgi({ modifier1, modifier2 }) : wires[wire];
};

/** As our own workers speak them, and most programs. */
export const wires: Readonly<Record<Wire['name'], Wire>> = {
  fastcgi: fastcgi({ role: 'responder', keep: true }),
  scgi,
  uwsgi: uwsgi({ modifier1: 0, modifier2: 0 }),
};
