/**
 * FastCGI §4.1: how many connections does a program take at once? Asked before the first request, on a connection of its own that is
 * closed again: a program with one worker that was asked while a kept connection holds that worker would never answer.
 */
import { connect } from 'node:net';
import { askValuesMs } from '../limits.js';
import { askValues, fastcgi } from '../wire/fastcgi.js';
import type { Address } from './address.js';
import type { Carrier } from './channel.js';

/** What a program says of itself. */
export interface Capacity {
  /** FCGI_MAX_CONNS, where it says so: php-cgi does, php-fpm does not. */
  readonly connections: number | undefined;
  /** It was silent, as FCGI.pm and fcgiwrap are: whoever has one worker must not have it held by a kept connection. */
  readonly silent: boolean;
}

/** The same carrier, whose first request waits until every address has been asked; `learnt` gets what holds for all of them. */
export const learning = (carrier: Carrier, addresses: readonly Address[], learnt: (capacity: Capacity) => void): Carrier => {
  const waiting: (() => void)[] = [];
  const told: Capacity[] = [];
  let known = false;
  const answered = (capacity: Capacity): void => {
    told.push(capacity);
    if (told.length < addresses.length) return;
    known = true;
    const counts = told.flatMap(({ connections }) => connections ?? []);
    learnt({ connections: counts.length > 0 ? Math.min(...counts) : undefined, silent: told.some(({ silent }) => silent) });
    for (const go of waiting.splice(0)) go();
  };
  return {
    takesFiles: carrier.takesFiles,
    open(request, events, trace) {
      if (known) return carrier.open(request, events, trace);
      waiting.push(() => carrier.open(request, events, trace));
      if (waiting.length === 1) for (const address of addresses) askCapacity(address, answered);
    },
    close: () => carrier.close(),
  };
};

/** Calls `done` once. */
const askCapacity = (address: Address, done: (capacity: Capacity) => void): void => {
  const socket = connect(address);
  let over = false;
  const finish = (silent: boolean, connections?: number): void => {
    if (over) return;
    over = true;
    clearTimeout(patience);
    socket.destroy();
    done({ connections, silent });
  };
  const patience = setTimeout(() => finish(true), askValuesMs);
  const reader = fastcgi({ role: 'responder', keep: true }).readTelling((told) => {
    if (told.kind === 'values') finish(false, countOf(told.values.get('FCGI_MAX_CONNS')));
  });
  socket.on('connect', () => socket.write(askValues()));
  socket.on('data', (bytes: Buffer) => {
    if (reader.push(bytes).length > 0) finish(true); // An answer to nothing: it does not speak of values.
  });
  socket.on('error', () => finish(true));
  socket.on('close', () => finish(true));
};

const countOf = (text: string | undefined): number | undefined => (/^[1-9]\d{0,4}$/.test(text ?? '') ? Number(text) : undefined);
