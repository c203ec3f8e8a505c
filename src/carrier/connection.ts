/**
 * One connection to a program that listens: bytes there, bytes back, and its end. It stands on libuv's own handle (handles.ts); where
 * Node does not show it, and for a host's name, which has to be looked up, on a net.Socket (connection-socket.ts), which does the same.
 */
import { isIP } from 'node:net';
import { asStream, errnoOf, type Handle, handles, type Reader, type Request, read } from '../handles.js';
import type { Written } from '../spent.js';
import type { Address } from './address.js';
import { connectSocket } from './connection-socket.js';

export interface Connection {
  /** Reads begin. Nothing is told any more after `ended`, and after `close`. */
  hear(listener: ConnectionListener): void;
  /** In one write. `written` is told about the last piece. */
  write(pieces: readonly Buffer[], written?: Written): void;
  /** Bytes that were written and wait for the system to take them. */
  waitingBytes(): number;
  /** Nothing more will be written. The other side may still speak. */
  end(): void;
  pause(): void;
  resume(): void;
  ref(): void;
  /** A server that is otherwise done may end. */
  unref(): void;
  /** Nothing is told any more; what was written still goes, for no longer than this. */
  closeSoon(patienceMs: number): void;
  close(): void;
  isClosed(): boolean;
}

export interface ConnectionListener {
  heard(bytes: Buffer): void;
  /** All that was written is gone. */
  drained(): void;
  /** The other side has said its end; or an errno, and what came may not be all. It is closed. Once. */
  ended(errno: string | undefined): void;
}

/** Calls `done` once, later, with a connection or the errno of why there is none. Returns how to give up: then it is not called. */
export type Connect = (address: Address, done: (result: Connection | string) => void) => () => void;

export const connectTo: Connect = (address, done) =>
  handles === undefined || ('host' in address && isIP(address.host) === 0) ? connectSocket(address, done) : connectHandle(address, done);

const connectHandle: Connect = (address, done) => {
  let over = false;
  const finish = (status: number): void => {
    if (over) return;
    over = true;
    if (status === 0) return done(overHandle(handle));
    handle.close();
    done(errnoOf(status));
  };
  const { handle, status } = connecting(address, finish);
  if (status !== 0) process.nextTick(finish, status);
  return () => {
    if (over) return;
    over = true;
    handle.close();
  };
};

const connecting = (address: Address, done: (status: number) => void): { handle: Handle; status: number } => {
  if ('path' in address) {
    const handle = new handles!.Pipe(asStream);
    return { handle, status: handle.connect(request(handles!.PipeConnectWrap, done), address.path) };
  }
  const handle = new handles!.TCP(asStream);
  handle.setNoDelay(true);
  const asked = request(handles!.TCPConnectWrap, done);
  const { host, port } = address;
  return { handle, status: isIP(host) === 6 ? handle.connect6(asked, host, port) : handle.connect(asked, host, port) };
};

const request = (Wrap: new () => Request, done: (status: number) => void): Request => {
  const made = new Wrap();
  made.oncomplete = done;
  return made;
};

const overHandle = (handle: Handle): Connection => {
  let listener: ConnectionListener | undefined;
  /** Bytes that libuv has and the system has not. */
  let waiting = 0;
  /** Why nothing can be written any more. */
  let broken: string | undefined;
  let patience: NodeJS.Timeout | undefined;
  let closingSoon = false;
  let closed = false;

  const close = (): void => {
    if (closed) return;
    closed = true;
    clearTimeout(patience);
    listener = undefined;
    handle.reader = undefined;
    handle.close();
  };
  const written = (bytes: number, status: number): void => {
    waiting -= bytes;
    if (status !== 0) broken ??= errnoOf(status);
    if (waiting > 0) return;
    if (closingSoon) close();
    else listener?.drained();
  };
  const reader: Reader = {
    heard: (bytes) => listener?.heard(bytes),
    /**
     * Where a write has failed, this is how much of the answer is here all the same. EPIPE: the program has closed in good order, and may
     * have answered without reading the body. Any other error: what came may be half of it.
     */
    ended(errno) {
      const told = listener;
      close();
      told?.ended(broken === undefined || broken === 'EPIPE' ? errno : broken);
    },
  };

  return {
    hear(to) {
      listener = to;
      read(handle, reader);
    },
    write(pieces, told) {
      if (closed || broken !== undefined) return told?.(gone);
      const asked = new handles!.WriteWrap();
      const status = pieces.length === 1 ? handle.writeBuffer(asked, pieces[0]!) : handle.writev(asked, pieces, true);
      if (status !== 0) {
        broken = errnoOf(status);
        told?.(gone);
      } else if (handles!.writesOn()) {
        const bytes = bytesOf(pieces);
        waiting += bytes;
        asked.pieces = pieces;
        asked.oncomplete = (result) => {
          told?.(result === 0 ? null : gone);
          if (!closed) written(bytes, result);
        };
      } else if (told) process.nextTick(told);
    },
    waitingBytes: () => waiting,
    end() {
      if (!closed && broken === undefined) handle.shutdown(request(handles!.ShutdownWrap, () => {}));
    },
    pause() {
      if (!closed) handle.readStop();
    },
    resume() {
      if (!closed) handle.readStart();
    },
    ref: () => handle.ref(),
    unref: () => handle.unref(),
    closeSoon(patienceMs) {
      if (closed) return;
      if (waiting === 0) return close();
      closingSoon = true;
      listener = undefined;
      handle.readStop();
      handle.unref();
      patience = setTimeout(close, patienceMs).unref();
    },
    close,
    isClosed: () => closed,
  };
};

const bytesOf = (pieces: readonly Buffer[]): number => pieces.reduce((bytes, { length }) => bytes + length, 0);

const gone = new Error('the connection takes nothing more');
