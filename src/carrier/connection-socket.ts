/**
 * A connection over Node's public net.Socket: where its handles are not to be had, and where a host has a name (connection.ts).
 */
import { readSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { lastWordsBytes } from '../limits.js';
import type { Connect, Connection, ConnectionListener } from './connection.js';

export const connectSocket: Connect = (address, done) => {
  const socket = connect({ ...address, noDelay: true });
  let over = false;
  const finish = (result: Connection | string): void => {
    if (over) return;
    over = true;
    done(result);
  };
  socket.on('error', ({ code, message }: NodeJS.ErrnoException) => finish(code ?? message));
  socket.once('connect', () => finish(overSocket(socket)));
  return () => {
    if (over) return;
    over = true;
    socket.destroy();
  };
};

const overSocket = (socket: Socket): Connection => {
  let listener: ConnectionListener | undefined;
  let errno: string | undefined;

  const end = (): void => {
    const told = listener;
    close();
    told?.ended(errno);
  };
  const close = (): void => {
    listener = undefined;
    socket.destroy();
  };
  socket.on('drain', () => listener?.drained());
  socket.on('timeout', close);
  socket.on('end', end);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    errno = error.code ?? error.message;
  });
  socket.on('close', end);

  // The program may have answered and gone without reading the body. The write that finds this out makes Node drop the connection,
  // and the answer with it, which is here already.
  const destroy = socket._destroy;
  socket._destroy = (error: NodeJS.ErrnoException | null, done) => {
    if (error?.syscall === 'write' && listener && socket.readableLength === 0) {
      const { pieces, whole } = lastWords(socket);
      for (const piece of pieces) listener?.heard(piece);
      // EPIPE: it closed in good order. ECONNRESET: it did not, and what came may be half of it.
      if (whole && error.code === 'EPIPE') end();
    }
    destroy.call(socket, error, done);
  };

  return {
    hear(to) {
      listener = to;
      socket.on('data', (bytes: Buffer) => listener?.heard(bytes));
    },
    write(pieces, written) {
      if (socket.destroyed) return;
      const last = pieces.length - 1;
      socket.cork();
      for (let i = 0; i <= last; i++) socket.write(pieces[i]!, i === last ? written : undefined);
      socket.uncork();
    },
    waitingBytes: () => socket.writableLength,
    end: () => void socket.end(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
    closeSoon(patienceMs) {
      listener = undefined;
      // Whoever reads nothing does not read the end either.
      socket.setTimeout(patienceMs);
      socket.unref();
      socket.destroySoon();
    },
    close,
    isClosed: () => socket.destroyed,
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
      if (!whole) pieces.push(piece.subarray(0, bytes));
    }
  } catch {
    // EAGAIN: nothing more is here; ECONNRESET: nothing more will come.
  }
  return { pieces, whole };
};
