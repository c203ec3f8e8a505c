/**
 * Lines: connections to programs that listen. One is dialled, carries a request, and is kept for the next one where the wire allows it.
 * What comes on it is read by the wire's codec and told to the request that has the line; dial.ts is the way of that request.
 *
 *   dial ──▶ begin ──▶ … ──▶ keep ──▶ (idle) ──▶ takeKept ──▶ begin …
 *                       └──▶ drop, hangUp, or the other side's end
 */
import { crowdedMs, dialRetryMs, unheardMs } from '../limits.js';
import { type Member, Roster } from '../roster.js';
import { now } from '../trace/trace.js';
import type { TellingReader, Told, Wire } from '../wire/wire.js';
import type { Address } from './address.js';
import { type Connection, connectTo } from './connection.js';

export interface LineOptions {
  readonly wire: Wire;
  /** Lines kept idle for each address: no more than it has workers, for each would hold one. */
  readonly keptMax: () => number;
  /** An idle line is closed after so long. */
  readonly keptMs: number;
}

/** A connection and what it has carried. */
export interface Line extends Member {
  readonly connection: Connection;
  readonly home: Place;
  readonly reader: TellingReader;
  /** Requests so far, the present one included. */
  turns: number;
  /** It has lain idle: the other side may have closed it just now. */
  kept: boolean;
  /** Since when, in milliseconds of the trace's clock. */
  idleSinceMs: number;
  /** A byte of the present answer has come. */
  heard: boolean;
  /** Whose it is; nobody's while it is idle. */
  user: LineUser | undefined;
}

/** The lines to one address. */
interface Place {
  /** The oldest stand first. */
  readonly idle: Line[];
  /** Asked their first request and not heard yet. */
  readonly fresh: Roster<Line>;
  suspicion: NodeJS.Timeout | undefined;
  /** Until then it has more lines than workers, and none is kept; in milliseconds of the trace's clock. */
  crowdedUntilMs: number;
}

export interface LineUser {
  /** Bytes as they come, before they are read. */
  received(bytes: Buffer): void;
  told(told: Told): void;
  drain(): void;
  /** The connection is at its end, with an errno or without. */
  ended(errno: string | undefined): void;
}

export interface Lines {
  /** One that lies idle: the one used last, so that the others may time out. */
  takeKept(address: Address): Line | undefined;
  /** Calls `done` once, later, with a fresh line or the errno of why there is none. Returns how to give up: then it is not called. */
  dial(address: Address, untilMs: number, done: (result: Line | string) => void): () => void;
  /** Its answer was whole, or it was asked nothing: the next request may have it. */
  keep(line: Line): void;
  /** What was written may still arrive; nothing is heard any more. */
  hangUp(line: Line): void;
  /** Nothing more is said; calls `done` once, when the other side answers, ends or is at its end. */
  linger(line: Line, done: () => void): void;
  /** Nobody will be asked there again. */
  forget(address: Address): void;
  /** Closes those that are idle, and keeps none from now on. */
  close(): void;
}

export const linesTo = ({ wire, keptMax, keptMs }: LineOptions): Lines => {
  const places = new Map<Address, Place>();
  const placeOf = (address: Address): Place => {
    const known = places.get(address);
    if (known) return known;
    const place: Place = { idle: [], fresh: new Roster(), suspicion: undefined, crowdedUntilMs: 0 };
    places.set(address, place);
    return place;
  };
  let closing = false;
  /** One clock for all of them: a timeout of each socket's own, set and cleared for every request, cost more than its write. */
  let sweeper: NodeJS.Timeout | undefined;
  const sweep = (): void => {
    const beforeMs = now() - keptMs;
    for (const { idle } of places.values()) while (idle[0] && idle[0].idleSinceMs <= beforeMs) drop(idle.shift()!);
  };
  /**
   * A worker of php-fpm belongs to one connection while that is open. Where there are fewer workers than lines, a fresh line waits for one
   * that is kept to be closed. So when one has become free and a fresh one is not heard all the same, none is kept for a while.
   */
  const suspect = (place: Place): void => {
    if (place.suspicion !== undefined || place.fresh.size === 0) return;
    const waiting: Line[] = [];
    place.fresh.forEach((line) => void waiting.push(line));
    place.suspicion = setTimeout(() => {
      place.suspicion = undefined;
      if (!waiting.some((line) => line.place >= 0)) return;
      place.crowdedUntilMs = now() + crowdedMs;
      for (const line of place.idle.splice(0)) drop(line);
    }, unheardMs).unref();
  };

  return {
    takeKept(address) {
      const line = placeOf(address).idle.pop();
      line?.connection.ref();
      return line;
    },
    dial: (address, untilMs, done) =>
      dialled(address, untilMs, (result) => {
        done(typeof result === 'string' ? result : lineOver(result, placeOf(address), wire.readTelling()));
      }),
    keep(line) {
      const { home, connection } = line;
      const atMs = now();
      const mayStay = wire.keeps && !closing && !connection.isClosed() && home.idle.length < keptMax() && home.crowdedUntilMs <= atMs;
      if (!mayStay) return drop(line);
      line.user = undefined;
      line.kept = true;
      line.idleSinceMs = atMs;
      home.idle.push(line);
      suspect(home);
      connection.resume();
      connection.unref();
      sweeper ??= setInterval(sweep, keptMs / 4).unref();
    },
    hangUp(line) {
      leave(line);
      line.connection.closeSoon(keptMs);
    },
    linger(line, done) {
      line.user = lingerer(line, done);
      // Half closed: a program that has nothing more to read has not lost its client yet.
      line.connection.end();
      line.connection.resume();
    },
    forget(address) {
      const place = places.get(address);
      if (place === undefined) return;
      places.delete(address);
      place.crowdedUntilMs = Number.POSITIVE_INFINITY;
      for (const line of place.idle.splice(0)) drop(line);
    },
    close() {
      closing = true;
      clearInterval(sweeper);
      for (const { idle } of places.values()) for (const line of idle.splice(0)) drop(line);
    },
  };
};

/** A request has been spelt for this turn of the line, and its answer is awaited. */
export const begin = (line: Line, user: LineUser): void => {
  if (line.turns > 0) line.reader.next(line.turns);
  else line.home.fresh.add(line);
  line.turns += 1;
  line.heard = false;
  line.user = user;
};

export const drop = (line: Line): void => {
  leave(line);
  line.connection.close();
};

const leave = (line: Line): void => {
  line.user = undefined;
  line.home.fresh.remove(line);
};

/** What comes is nobody's. Whoever writes is at work on it no longer: it is told so by the next write, which fails. */
const lingerer = (line: Line, done: () => void): LineUser => {
  const over = (): void => {
    drop(line);
    done();
  };
  return { received: over, told() {}, drain() {}, ended: over };
};

// --- how a line hears ---------------------------------------------------------------------------------------------------

const lineOver = (connection: Connection, home: Place, reader: TellingReader): Line => {
  const line: Line = { connection, home, place: -1, reader, turns: 0, kept: false, idleSinceMs: 0, heard: false, user: undefined };

  /** Whoever is told one thing may give the line back, and another may have it at once: what follows then is for neither. */
  const tell = (told: readonly Told[]): void => {
    const { user } = line;
    for (const one of told) {
      if (line.user !== user) return breakOff();
      user?.told(one);
    }
  };
  const end = (errno: string | undefined): void => {
    home.fresh.remove(line);
    const at = home.idle.indexOf(line);
    if (at >= 0) home.idle.splice(at, 1);
    if (line.user && errno === undefined) tell(line.reader.end());
    line.user?.ended(errno);
  };
  /** Nobody has asked, or another one has: a line on which something comes by itself is not one to trust with a request. */
  const breakOff = (): void => {
    connection.close();
    end(undefined);
  };

  connection.hear({
    heard(bytes) {
      if (line.user === undefined) return breakOff();
      line.heard = true;
      home.fresh.remove(line);
      line.user.received(bytes);
      tell(line.reader.push(bytes));
    },
    drained: () => line.user?.drain(),
    ended: end,
  });
  return line;
};

// --- how it is dialled --------------------------------------------------------------------------------------------------

const dialled = (address: Address, untilMs: number, done: (result: Connection | string) => void): (() => void) => {
  let giveUp = (): void => {};
  let patience: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let over = false;

  /** Without a result: nobody waits for one. */
  const finish = (result?: Connection | string): void => {
    if (over) return;
    over = true;
    clearTimeout(patience);
    clearTimeout(retry);
    giveUp();
    if (result !== undefined) done(result);
  };
  const wait = (): void => {
    if (untilMs < Number.POSITIVE_INFINITY) patience ??= setTimeout(() => finish('ETIMEDOUT'), Math.max(1, untilMs - now()));
  };
  const attempt = (): void => {
    giveUp = connectTo(address, (result) => {
      if (result !== 'EAGAIN') return finish(result);
      // The backlog of a Unix socket is full: whoever listens is there and busy, so the request waits for its turn.
      wait();
      retry = setTimeout(attempt, dialRetryMs);
    });
  };

  // A Unix socket says at once whether it takes a connection.
  if ('host' in address) wait();
  attempt();
  return () => finish();
};
