/**
 * A child's stdout, read with the least there is between a pipe and us: libuv's own handle. A net.Socket around it costs 20 µs more
 * a child, warm, and twice that when the child's own work has emptied the caches: a fifth of all the server does for a short script.
 * The handle is Node's, but not of its public interface; where it is missing or looks different, the net.Socket does the same.
 */
import { Socket } from 'node:net';
import type { Output } from './child.js';

/** Takes the descriptor over: it is closed at the end of the output, or by `close`. */
export const readOutput = (fd: number, piece: (bytes: Buffer) => void, end: () => void): Output =>
  Pipe === undefined ? throughSocket(fd, piece, end) : throughHandle(new Pipe(asStream), fd, piece, end);

/** What of libuv's pipe Node shows to JavaScript. */
interface PipeHandle {
  open(fd: number): number;
  readStart(): number;
  readStop(): number;
  close(): void;
  /** Bytes, or undefined at the end and at an error. */
  onread: (this: PipeHandle, bytes: ArrayBuffer | undefined) => void;
  /** Ours. */
  reader: Reader;
}

/** A byte stream, not one that passes descriptors. */
const asStream = 0;

const Pipe = ((): (new (type: number) => PipeHandle) | undefined => {
  try {
    const { binding } = process as unknown as { binding(name: string): { Pipe: new (type: number) => PipeHandle } };
    const { Pipe: Found } = binding.call(process, 'pipe_wrap');
    const { open, readStart, readStop, close } = Found.prototype as PipeHandle;
    return [open, readStart, readStop, close].every((method) => typeof method === 'function') ? Found : undefined;
  } catch {
    return undefined;
  }
})();

const throughHandle = (handle: PipeHandle, fd: number, piece: (bytes: Buffer) => void, end: () => void): Output => {
  const reader: Reader = { handle, piece, end, ended: false };
  handle.reader = reader;
  handle.open(fd);
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

/** One function for all handles: one for each would outlive it, and all it knows, until a full collection. */
function onread(this: PipeHandle, bytes: ArrayBuffer | undefined): void {
  if (bytes === undefined) close(this.reader);
  else if (!this.reader.ended) this.reader.piece(Buffer.from(bytes));
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
