/**
 * A child's stdout, read with the least there is between a pipe and us: libuv's own handle. A net.Socket around it costs 20 µs more
 * a child, warm, and twice that when the child's own work has emptied the caches: a fifth of all the server does for a short script.
 * The handle is Node's, but not of its public interface; where it is missing or looks different, the net.Socket does the same.
 */
import { Socket } from 'node:net';
import type { Output } from './child.js';

/** Takes the descriptor over: it is closed at the end of the output, or by `close`. */
export const readOutput = (fd: number, piece: (bytes: Buffer) => void, end: () => void): Output =>
  internals === undefined ? throughSocket(fd, piece, end) : throughHandle(new internals.Pipe(asStream), fd, piece, end);

/** What of libuv's pipe Node shows to JavaScript. */
interface PipeHandle {
  open(fd: number): number;
  readStart(): number;
  readStop(): number;
  close(): void;
  /** Reads go there. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Called after each read; what came of it stands in `lastRead`. */
  onread: (this: PipeHandle) => void;
  /** Ours. */
  reader: Reader;
}

interface Internals {
  readonly Pipe: new (type: number) => PipeHandle;
  /** Bytes of the read that `onread` tells of; 0 when there were none yet; below 0 at the end and at an error. */
  readonly lastRead: () => number;
}

/** A byte stream, not one that passes descriptors. */
const asStream = 0;

const internals = ((): Internals | undefined => {
  try {
    const { binding } = process as unknown as { binding(name: string): unknown };
    const { Pipe } = binding.call(process, 'pipe_wrap') as { Pipe: Internals['Pipe'] };
    const { open, readStart, readStop, close, useUserBuffer } = Pipe.prototype as PipeHandle;
    const known = [open, readStart, readStop, close, useUserBuffer].every((method) => typeof method === 'function');
    type Streams = { readonly streamBaseState: Int32Array; readonly kReadBytesOrError: number };
    const { streamBaseState, kReadBytesOrError } = binding.call(process, 'stream_wrap') as Streams;
    if (!known || typeof streamBaseState[kReadBytesOrError] !== 'number') return undefined;
    return { Pipe, lastRead: () => streamBaseState[kReadBytesOrError]! };
  } catch {
    return undefined;
  }
})();

const throughHandle = (handle: PipeHandle, fd: number, piece: (bytes: Buffer) => void, end: () => void): Output => {
  const reader: Reader = { handle, piece, end, ended: false };
  handle.reader = reader;
  handle.open(fd);
  handle.useUserBuffer(readInto);
  handle.onread = onread;
  handle.readStart();
  return {
    pause() {
      if (!reader.ended) handle.readStop();
    },
    resume() {
      if (!reader.ended) handle.readStart();
    },
    close: () => close(reader),
  };
};

interface Reader {
  readonly handle: PipeHandle;
  readonly piece: (bytes: Buffer) => void;
  readonly end: () => void;
  ended: boolean;
}

/**
 * All children are read into one place, one after the other, and what came is copied. libuv would ask for 64 KiB for each read and give
 * back what was not needed; the few bytes that stay each hold 64 KiB of address space open, hundreds of MiB until they are collected.
 */
const readInto = Buffer.allocUnsafeSlow(65_536);

/** One function for all handles: one for each would outlive it, and all it knows, until a full collection. */
function onread(this: PipeHandle): void {
  const { reader } = this;
  const bytes = internals!.lastRead();
  if (bytes < 0) close(reader);
  else if (bytes > 0 && !reader.ended) reader.piece(Buffer.from(readInto.subarray(0, bytes)));
}

const close = (reader: Reader): void => {
  if (reader.ended) return;
  reader.ended = true;
  reader.handle.close();
  reader.end();
};

const throughSocket = (fd: number, piece: (bytes: Buffer) => void, end: () => void): Output => {
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on('error', () => {});
  socket.on('data', piece);
  let ended = false;
  const endOnce = (): void => {
    if (!ended) end();
    ended = true;
  };
  // `end` comes in the turn of the last byte, `close` a turn later, and alone when the pipe breaks.
  socket.on('end', endOnce);
  socket.on('close', endOnce);
  return { pause: () => void socket.pause(), resume: () => void socket.resume(), close: () => void socket.destroy() };
};
