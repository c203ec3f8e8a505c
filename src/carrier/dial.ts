/**
 * The carrier of FastCGI, SCGI and uwsgi: a connection to a program that runs already. It is dialled, or taken from those that were
 * kept; the wire's codec turns a request into bytes and bytes into an answer, and this file only moves them.
 *
 *   open ──▶ a peer (balance) ──▶ a kept connection, or connect ──▶ asking.opening, body … ──▶
 *        ◀── output, errors, the end ◀── reader.push ◀── bytes
 *
 * Full duplex: a program may answer before it has read (FastCGI §6.2), so nothing here waits for one side before it serves the other.
 */
import { readSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type Failure, failure, isFailure } from '../failures.js';
import { dialRetryMs, lastWordsBytes } from '../limits.js';
import { type Member, Roster } from '../roster.js';
import { now } from '../trace/trace.js';
import type { GatewayRequest } from '../types.js';
import type { Asking, TellingReader, Told, Wire } from '../wire/wire.js';
import type { Address } from './address.js';
import { type BalanceBounds, balance, type Peer } from './balance.js';
import type { Carrier, Channel, ChannelEvents } from './channel.js';

export interface DialOptions extends BalanceBounds {
  readonly wire: Wire;
  readonly addresses: readonly Address[];
  /** Connections kept idle for each address: no more than it has workers, for each would hold one. */
  readonly keptMax: () => number;
  /** An idle connection is closed after so long. */
  readonly keptMs: number;
  /** To a connection, over all attempts. */
  readonly connectMs: number;
  /** Bytes written ahead of a program that reads slowly. */
  readonly writeAheadBytes: number;
}

/** A connection and what it has carried. */
interface Line {
  readonly socket: Socket;
  readonly peer: Peer<Address>;
  readonly reader: TellingReader;
  /** Requests carried before the present one. */
  turn: number;
  /** A byte of the present answer has come. */
  heard: boolean;
  /** Who hears what comes; nobody while it is idle. */
  call: DialCall | undefined;
}

interface DialCall {
  received(bytes: Buffer): void;
  told(told: Told): void;
  drain(): void;
  /** The connection is at its end, with an errno or without. */
  ended(errno: string | undefined): void;
}

export const dialCarrier = (options: DialOptions): Carrier => {
  const { wire, connectMs, keptMax, keptMs } = options;
  const peers = balance(options.addresses, options);
  const idle = new Map<Peer<Address>, Line[]>(peers.peers.map((peer) => [peer, []]));
  const open = new Roster<Channel & Member>();
  let closing = false;

  // --- lines -----------------------------------------------------------------------------------------------------

  const lineOver = (socket: Socket, peer: Peer<Address>): Line => {
    const line: Line = { socket, peer, reader: wire.readTelling(), turn: 0, heard: false, call: undefined };
    const tell = (told: readonly Told[]): void => {
      for (const one of told) line.call?.told(one);
    };
    let errno: string | undefined;
    let atEnd = false;
    const end = (): void => {
      if (atEnd) return;
      atEnd = true;
      forget(line);
      if (line.call && errno === undefined) tell(line.reader.end());
      line.call?.ended(errno);
    };
    socket.on('data', (bytes: Buffer) => {
      // Nobody has asked: an idle connection on which something comes is not one to trust with a request.
      if (line.call === undefined) return void socket.destroy();
      line.heard = true;
      line.call.received(bytes);
      tell(line.reader.push(bytes));
    });
    socket.on('drain', () => line.call?.drain());
    // Set only while it is idle.
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
      if (error?.syscall === 'write' && line.call && socket.readableLength === 0) {
        const { pieces, whole } = lastWords(socket);
        for (const piece of pieces) {
          line.call?.received(piece);
          tell(line.reader.push(piece));
        }
        // EPIPE: it closed in good order. ECONNRESET: it did not, and what came may be half of it.
        if (whole && error.code === 'EPIPE') end();
      }
      destroy.call(socket, error, done);
    };
    return line;
  };
  const forget = (line: Line): void => {
    const lines = idle.get(line.peer)!;
    const place = lines.indexOf(line);
    if (place >= 0) lines.splice(place, 1);
  };
  const keep = (line: Line): void => {
    const lines = idle.get(line.peer)!;
    if (closing || line.socket.destroyed || lines.length >= keptMax()) return void line.socket.destroy();
    line.turn += 1;
    lines.push(line);
    line.socket.resume();
    line.socket.setTimeout(keptMs);
    // A server that is otherwise done may end.
    line.socket.unref();
  };
  /** The one used last: the others may time out. */
  const takeKept = (peer: Peer<Address>): Line | undefined => {
    const line = idle.get(peer)!.pop();
    line?.socket.setTimeout(0);
    line?.socket.ref();
    return line;
  };

  /** Calls `done` once with a connection or the errno of why there is none. Returns how to give up. */
  const dial = (peer: Peer<Address>, untilMs: number, done: (result: Socket | string) => void): (() => void) => {
    const { address } = peer;
    let socket: Socket | undefined;
    let retry: NodeJS.Timeout | undefined;
    let over = false;
    const finish = (result: Socket | string): void => {
      if (over) return;
      over = true;
      clearTimeout(patience);
      clearTimeout(retry);
      if (typeof result === 'string') socket?.destroy();
      done(result);
    };
    const attempt = (): void => {
      const fresh = connect({ ...address, noDelay: true });
      socket = fresh;
      const failed = (error: NodeJS.ErrnoException): void => {
        fresh.destroy();
        if (over) return;
        // The backlog of a Unix socket is full: whoever listens is there and busy, so the request waits for its turn.
        if (error.code === 'EAGAIN') retry = setTimeout(attempt, dialRetryMs);
        else finish(error.code ?? error.message);
      };
      fresh.once('error', failed);
      fresh.once('connect', () => {
        fresh.removeListener('error', failed);
        finish(fresh);
      });
    };
    const patience = setTimeout(() => finish('ETIMEDOUT'), Math.max(1, untilMs - now()));
    attempt();
    return () => finish('ECANCELED');
  };

  // --- one request -----------------------------------------------------------------------------------------------

  const openFor = (request: GatewayRequest, events: ChannelEvents): void => {
    let untilMs = now() + connectMs;
    const tried = new Set<Peer<Address>>();
    let line: Line | undefined;
    let asking: Asking;
    let opened = false;
    let bodySent = false;
    let finished = false;
    let failing = false;
    let stopDialling: (() => void) | undefined;

    const finish = (well: boolean | undefined, peer: Peer<Address> | undefined): void => {
      if (finished) return;
      finished = true;
      if (peer) peers.give(peer, well, now());
      open.remove(channel);
      events.over();
    };
    const fail = (why: Failure, well: boolean | undefined, peer: Peer<Address> | undefined): void => {
      if (finished) return;
      if (line) {
        line.call = undefined;
        line.socket.destroy();
      }
      // The answer was whole by its length, or nobody waits for it any more: how the connection ends says nothing of it.
      if (opened && !events.wanted()) {
        events.noted(`${why.code} when the answer was over`);
        events.outputEnd();
        events.exited(undefined, undefined, undefined);
        return finish(undefined, peer);
      }
      failing = true;
      events.failed(why);
      finish(well, peer);
    };

    const begin = (): void => {
      const peer = peers.take(now(), tried);
      if (peer === undefined) return fail(unreachable(tried, lastErrno), false, undefined);
      const kept = takeKept(peer);
      if (kept) return use(kept);
      connectTo(peer);
    };
    let lastErrno = '';
    const connectTo = (peer: Peer<Address>): void => {
      stopDialling = dial(peer, untilMs, (result) => {
        stopDialling = undefined;
        if (typeof result !== 'string') return use(lineOver(result, peer));
        if (result === 'ECANCELED') return peers.give(peer, undefined, now());
        // Nothing was sent: another peer may have it.
        lastErrno = result;
        tried.add(peer);
        peers.give(peer, false, now());
        if (now() >= untilMs) return fail(unreachable(tried, result), undefined, undefined);
        begin();
      });
    };
    const use = (taken: Line): void => {
      if (!events.wanted()) {
        // The client left while we dialled: the program is not asked for nobody.
        if (taken.turn > 0) putBack(taken);
        else taken.socket.destroy();
        failing = true;
        return finish(undefined, taken.peer);
      }
      const spelt = wire.ask(request.meta, taken.turn);
      line = taken;
      taken.call = call;
      taken.heard = false;
      if (isFailure(spelt)) {
        taken.call = undefined;
        putBack(taken);
        line = undefined;
        return fail(spelt, undefined, taken.peer);
      }
      asking = spelt;
      if (taken.turn > 0) taken.reader.next(taken.turn);
      // With the end of the body, or its first piece, in one write.
      taken.socket.cork();
      process.nextTick(() => taken.socket.uncork());
      taken.socket.write(asking.opening);
      events.sent(asking.opening);
      if (opened) return again();
      opened = true;
      events.opened(channel);
    };
    /** A line that was never asked anything is as good as before; `turn` must not count a request it did not carry. */
    const putBack = (taken: Line): void => {
      if (!wire.keeps) return void taken.socket.destroy();
      taken.turn -= 1;
      keep(taken);
    };
    /** The second try, on a fresh connection; the first had no body to send, so all of it is said again. */
    const again = (): void => {
      if (bodySent) sendAll(asking.bodyEnd());
    };

    const call: DialCall = {
      received: (bytes) => events.received(bytes),
      told(told) {
        if (finished) return;
        switch (told.kind) {
          case 'output':
            return events.output(told.bytes);
          case 'errors':
            return events.errors(told.bytes);
          case 'ended': {
            const used = line!;
            used.call = undefined;
            line = undefined;
            // A program that answers before it has read leaves the rest of the body unsaid: the next request would follow half of it.
            if (wire.keeps && bodySent) keep(used);
            else used.socket.destroy();
            events.outputEnd();
            events.exited(told.appStatus, undefined, undefined);
            return finish(true, used.peer);
          }
          case 'failed':
            if (mayTryAgain(told.why)) return tryAgain();
            return fail(told.why, isRefusal(told.why), line?.peer);
        }
      },
      drain: () => events.drain(),
      ended(errno) {
        if (finished || line === undefined) return;
        const why = failure('WIRE_TRUNCATED', { detail: errno ?? 'the connection ended' });
        if (mayTryAgain(why)) return tryAgain();
        fail(why, false, line.peer);
      },
    };
    /**
     * A kept connection may have been closed by the other side just as we took it. Where no byte of an answer has come, nothing was
     * uploaded and the method may be repeated (RFC 9110 §9.2.2), the request is sent once more, on a fresh connection.
     */
    const mayTryAgain = (why: Failure): boolean =>
      why.code === 'WIRE_TRUNCATED' &&
      line !== undefined &&
      !line.heard &&
      line.turn > 0 &&
      request.body === undefined &&
      isIdempotent(request);
    const tryAgain = (): void => {
      const { peer, socket } = line!;
      line!.call = undefined;
      line = undefined;
      socket.destroy();
      events.noted(`asked again: ${peer.address.text} had closed the kept connection`);
      untilMs = now() + connectMs;
      connectTo(peer);
    };

    const sendAll = (pieces: readonly Buffer[]): void => {
      const socket = line?.socket;
      if (socket === undefined || socket.destroyed) return;
      socket.cork();
      for (const piece of pieces) {
        socket.write(piece);
        events.sent(piece);
      }
      socket.uncork();
    };

    const channel: Channel & Member = {
      place: -1,
      pid: undefined,
      write(piece) {
        sendAll(asking.body(piece));
        return line === undefined || line.socket.writableLength < options.writeAheadBytes;
      },
      end() {
        if (bodySent) return;
        bodySent = true;
        sendAll(asking.bodyEnd());
      },
      pause: () => void line?.socket.pause(),
      resume: () => void line?.socket.resume(),
      hangUp: () => channel.stop(),
      stop() {
        if (finished || failing) return;
        stopDialling?.();
        const used = line;
        if (used) {
          used.call = undefined;
          // FastCGI §5.4: the program is told, and then the line is closed; whoever does not multiplex understands one of the two.
          const abort = asking.abort();
          if (abort && !used.socket.destroyed) {
            used.socket.end(abort);
            events.sent(abort);
          }
          used.socket.destroySoon();
        }
        line = undefined;
        events.outputEnd();
        events.exited(undefined, undefined, undefined);
        finish(undefined, used?.peer);
      },
    };
    open.add(channel);
    begin();
  };

  return {
    takesFiles: false,
    open: openFor,
    async close() {
      closing = true;
      open.forEach((channel) => void channel.stop());
      for (const lines of idle.values()) for (const line of [...lines]) line.socket.destroy();
    },
  };
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
      pieces.push(piece.subarray(0, bytes));
    }
  } catch {
    // EAGAIN: nothing more is here; ECONNRESET: nothing more will come.
  }
  return { pieces, whole };
};

/** The program is well and says no: the line stays in rotation. */
const isRefusal = ({ code }: Failure): boolean =>
  code === 'WIRE_OVERLOADED' || code === 'WIRE_CANT_MULTIPLEX' || code === 'WIRE_UNKNOWN_ROLE';

/** RFC 9110 §9.2.2: safe methods, PUT and DELETE. */
const isIdempotent = ({ meta }: GatewayRequest): boolean =>
  ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].includes(meta.get('REQUEST_METHOD') ?? '');

const unreachable = (tried: ReadonlySet<Peer<Address>>, errno: string): Failure => {
  const where = [...tried].map(({ address }) => address.text).join(', ');
  return failure(errno === 'ETIMEDOUT' ? 'PEER_TIMEOUT' : 'PEER_UNREACHABLE', { detail: `${errno}: ${where}` });
};
