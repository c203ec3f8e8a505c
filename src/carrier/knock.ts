/**
 * Does somebody listen there? One connection, made and closed again. Nothing is said on it, so no program is asked anything; a
 * server that takes one connection at a time is busy for that moment. `doctor` asks, and probe.ts.
 */
import { connect } from 'node:net';
import { connectMs } from '../limits.js';
import type { Address } from './address.js';

/** Why not: the errno, `ECONNREFUSED`, `EACCES`, `ETIMEDOUT`, …; undefined when somebody does. Never rejects. */
export const knock = (address: Address, timeout = connectMs, signal?: AbortSignal): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ ...address, timeout, ...(signal && { signal }) });
    const done = (errno: string | undefined): void => {
      socket.destroy();
      // The backlog of a Unix socket is full: whoever listens is there, and busy.
      resolve(errno === 'EAGAIN' ? undefined : errno);
    };
    socket.once('connect', () => done(undefined));
    socket.once('timeout', () => done('ETIMEDOUT'));
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => done(code ?? message));
  });
