/**
 * A gateway is a wire × a carrier. This is the table; each row costs only what is new in it.
 *
 *   gateway   wire                                   carrier   what there is to see
 *   cgi       none: the variables are the environment  spawn     a process is born and dies
 *
 * FastCGI, SCGI, uwsgi, WSGI, PSGI, Rack and ASGI are rows to come: the same variables spelt otherwise, or a program that stays.
 */
import type { Carrier } from '../carrier/channel.js';
import { spawnCarrier } from '../carrier/spawn.js';
import { bearFor } from '../process/bear.js';
import { diagnoseBirth } from '../process/diagnose.js';
import type { Settings } from '../settings.js';
import type { Gateway } from '../types.js';
import { cgiGateway } from './cgi.js';

export interface CatalogRow {
  readonly wire: 'none' | 'fastcgi' | 'scgi' | 'uwsgi';
  readonly carrier: 'spawn' | 'dial' | 'pool';
  /** `watch` may wrap the carrier: to observe is to wrap. */
  readonly make: (settings: Settings, watch?: (carrier: Carrier) => Carrier) => Gateway;
}

export const catalog = {
  cgi: {
    wire: 'none',
    carrier: 'spawn',
    make: (settings: Settings, watch = (carrier: Carrier) => carrier) => {
      const { bear } = bearFor(settings.spawn);
      return cgiGateway('cgi', watch(spawnCarrier({ bear, killGraceMs: settings.killGraceMs, diagnose: diagnoseBirth })), settings);
    },
  },
} as const satisfies Record<string, CatalogRow>;

export const createCgiGateway = catalog.cgi.make;
