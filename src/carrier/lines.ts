/**
 * Lines: connections to programs that listen. One is dialled, carries a request, and is kept for the next one where the wire allows it.
 * What comes on it is read by the wire's codec and told to the request that has the line; dial.ts is the way of that request.
 *
 *   dial ──▶ begin ──▶ … ──▶ keep ──▶ (idle) ──▶ takeKept ──▶ begin …
 *                       └──▶ drop, hangUp, or the other side's end
 */
import { readSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { crowdedMs, dialRetryMs, lastWordsBytes, unheardMs } from '../limits.js';
import { now } from '../trace/trace.js';
import type { TellingReader, Told, Wire } from '../wire/wire.js';
import type { Address } from './address.js';

export interface LineOptions {
  readonly wire: Wire;
  /** Lines kept idle for each address: no more than it has workers, for each would hold one. */
  readonly keptMax: () => number;
  /** An idle line is closed after so long. */
  readonly keptMs: number;
}

/** A connection and what it has carried. */
export interface Line {
  readonly socket: Socket;
  readonly place: Place;
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
  /** Asked their first request and not heard yet; some that were, until somebody looks. */
  fresh: Line[];
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
  /** Closes those that are idle, and keeps none from now on. */
  close(): void;
}

export const linesTo = (addresses: readonly Address[], { wire, keptMax, keptMs }: LineOptions): Lines => {
  const places = new Map<Address, Place>(
    addresses.map((address) => [address, { idle: [], fresh: [], suspicion: undefined, crowdedUntilMs: 0 }]),
  );
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
    if (place.suspicion !== undefined || place.fresh.length === 0) return;
    place.fresh = place.fresh.filter(isUnheard);
    const waiting = place.fresh;
    if (waiting.length === 0) return;
    place.suspicion = setTimeout(() => {
      place.suspicion = undefined;
      if (!waiting.some(isUnheard)) return;
      place.crowdedUntilMs = now() + crowdedMs;
      for (const line of place.idle.splice(0)) drop(line);
    }, unheardMs).unref();
  };

  return {
    takeKept(address) {
      const line = places.get(address)!.idle.pop();
      line?.socket.ref();
      return line;
    },
    dial: (address, untilMs, done) =>
      dialled(address, untilMs, (result) => {
        done(typeof result === 'string' ? result : lineOver(result, places.get(address)!, wire.readTelling()));
      }),
    keep(line) {
      const { place, socket } = line;
      const atMs = now();
      const mayStay = wire.keeps && !closing && !socket.destroyed && place.idle.length < keptMax() && place.crowdedUntilMs <= atMs;
      if (!mayStay) return drop(line);
      line.user = undefined;
      line.kept = true;
      line.idleSinceMs = atMs;
      place.idle.push(line);
      suspect(place);
      socket.resume();
      // A server that is otherwise done may end.
      socket.unref();
      sweeper ??= setInterval(sweep, keptMs / 4).unref();
    },
    hangUp(line) {
      line.user = undefined;
      // Whoever reads nothing does not read the end either.
      line.socket.setTimeout(keptMs);
      line.socket.unref();
      line.socket.destroySoon();
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
  else line.place.fresh.push(line);
  line.turns += 1;
  line.heard = false;
  line.user = user;
};

export const drop = (line: Line): void => {
  line.user = undefined;
  line.socket.destroy();
};

const isUnheard = ({ turns, heard, user }: Line): boolean => turns === 1 && !heard && user !== undefined;

// --- how a line hears ---------------------------------------------------------------------------------------------------

const lineOver = (socket: Socket, place: Place, reader: TellingReader): Line => {
  const line: Line = { socket, place, reader, turns: 0, kept: false, idleSinceMs: 0, heard: false, user: undefined };
  let errno: string | undefined;
  let atEnd = false;

  /** Whoever is told one thing may give the line back, and another may have it at once: what follows then is for neither. */
  const tell = (told: readonly Told[]): void => {
    const { user } = line;
    for (const one of told) {
      if (line.user !== user) return void socket.destroy();
      user?.told(one);
    }
  };
  const hear = (bytes: Buffer): void => {
    // Nobody has asked: a line on which something comes by itself is not one to trust with a request.
    if (line.user === undefined) return void socket.destroy();
    line.heard = true;
    line.user.received(bytes);
    tell(line.reader.push(bytes));
  };
  const end = (): void => {
    if (atEnd) return;
    atEnd = true;
    const at = place.idle.indexOf(line);
    if (at >= 0) place.idle.splice(at, 1);
    if (line.user && errno === undefined) tell(line.reader.end());
    line.user?.ended(errno);
  };

  socket.on('data', hear);
  socket.on('drain', () => line.user?.drain());
  // Set only while nobody has it.
  socket.on('timeout', () => socket.destroy());
  socket.on('end', end);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    errno = error.code ?? error.message;
  });
  socket.on('close', end);

  // The program may have answered and gone without reading the body. The write that finds this out makes Node drop the connection,
  // and the answer with it, which is here already.
  const destroy = socket._destroy;
  socket._destroy = (error: NodeJS.ErrnoException | null, done) => {
    if (error?.syscall === 'write' && line.user && socket.readableLength === 0) {
      const { pieces, whole } = lastWords(socket);
      for (const piece of pieces) if (line.user) hear(piece);
      // EPIPE: it closed in good order. ECONNRESET: it did not, and what came may be half of it.
      if (whole && error.code === 'EPIPE') end();
    }
    destroy.call(socket, error, done);
  };
  return line;
};

/** What the kernel has received on a connection that is about to be dropped; `whole` when the other side's end came too. */
const lastWords = (socket: Socket): { pieces: Buffer[]; whole: boolean } => {
  const pieces: Buffer[] = [];
  // Not there on Windows, and no public way to it anywhere.
  const fd = (socket as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  let whole = false;
  try {
    while (fd >= 0 && !whole) {
      const piece = Buffer.allocUnsafe(lastWordsBytes);
      const bytes = readSync(fd, piece);
      whole = bytes === 0;
      if (!whole) pieces.push(piece.subarray(0, bytes));
    }
  } catch {
    // EAGAIN: nothing more is here; ECONNRESET: nothing more will come.
  }
  return { pieces, whole };
};

// --- how it is dialled --------------------------------------------------------------------------------------------------

const dialled = (address: Address, untilMs: number, done: (result: Socket | string) => void): (() => void) => {
  let socket: Socket | undefined;
  let patience: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let over = false;

  /** Without a result: nobody waits for one. */
  const finish = (result?: Socket | string): void => {
    if (over) return;
    over = true;
    clearTimeout(patience);
    clearTimeout(retry);
    if (result !== socket) socket?.destroy();
    if (result !== undefined) done(result);
  };
  const attempt = (): void => {
    const fresh = connect({ ...address, noDelay: true });
    const failed = (error: NodeJS.ErrnoException): void => {
      // The backlog of a Unix socket is full: whoever listens is there and busy, so the request waits for its turn.
      if (error.code === 'EAGAIN' && !over) retry = setTimeout(attempt, dialRetryMs);
      else finish(error.code ?? error.message);
    };
    socket = fresh;
    fresh.once('error', failed);
    fresh.once('connect', () => {
      fresh.removeListener('error', failed);
      finish(fresh);
    });
  };

  if (untilMs < Number.POSITIVE_INFINITY) patience = setTimeout(() => finish('ETIMEDOUT'), Math.max(1, untilMs - now()));
  attempt();
  return () => finish();
};
