/**
 * libuv's own handles of pipes and sockets: what Node's net stands on. A net.Socket around one costs 20 µs more for a child's stdout,
 * warm, and twice that when the child's own work has emptied the caches; three times as much for a connection that carries one request.
 * The handles are Node's, but not of its public interface: where one is missing or looks different `handles` is undefined, and whoever
 * came here takes the net.Socket, which does the same.
 */
import { getSystemErrorName } from 'node:util';

/** A pipe, or a socket. Where a number comes back it is 0, or an error of libuv's, which is below 0. */
export interface Handle {
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  writev(request: WriteRequest, pieces: readonly Buffer[], allBuffers: true): number;
  /** Our end, said when all is written. */
  shutdown(request: Request): number;
  close(): void;
  ref(): void;
  unref(): void;
  /** Reads go there. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Called after each read; what came of it stands in `lastRead`. */
  onread: (this: Handle) => void;
  /** Ours. */
  reader: Reader | undefined;
}

export interface PipeHandle extends Handle {
  open(fd: number): number;
  connect(request: Request, path: string): number;
}

export interface TcpHandle extends Handle {
  connect(request: Request, address: string, port: number): number;
  connect6(request: Request, address: string, port: number): number;
  setNoDelay(on: boolean): number;
}

/** Something asked of a handle; `oncomplete` comes later, with 0 or an error. */
export interface Request {
  oncomplete: (status: number) => void;
}

export interface WriteRequest extends Request {
  /** Ours: their memory is libuv's while it writes. */
  pieces: readonly Buffer[];
}

/** What comes of reading. */
export interface Reader {
  heard(bytes: Buffer): void;
  /** At its end, or an errno; nothing comes after it. */
  ended(errno: string | undefined): void;
}

export interface Handles {
  /** With `asStream`. */
  readonly Pipe: new (
    type: number,
  ) => PipeHandle;
  readonly TCP: new (type: number) => TcpHandle;
  readonly PipeConnectWrap: new () => Request;
  readonly TCPConnectWrap: new () => Request;
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => Request;
  /** Bytes of the read that `onread` tells of; 0 when there were none yet; below 0 at the end and at an error. */
  readonly lastRead: () => number;
  /** Whether the system has not taken all of the last write yet: then `oncomplete` will come. */
  readonly writesOn: () => boolean;
}

/** A byte stream: not one that listens, nor one that passes descriptors. */
export const asStream = 0;

const common = ['readStart', 'readStop', 'writeBuffer', 'writev', 'shutdown', 'close', 'ref', 'unref', 'useUserBuffer', 'connect'];

export const handles = ((): Handles | undefined => {
  try {
    const { binding } = process as unknown as { binding(name: string): unknown };
    const { Pipe, PipeConnectWrap } = binding.call(process, 'pipe_wrap') as Handles;
    const { TCP, TCPConnectWrap } = binding.call(process, 'tcp_wrap') as Handles;
    const streams = binding.call(process, 'stream_wrap') as Handles & Streams;
    const { WriteWrap, ShutdownWrap, streamBaseState: state, kReadBytesOrError: read, kLastWriteWasAsync: later } = streams;
    const hasAll = (handle: object, names: readonly string[]): boolean =>
      [...common, ...names].every((name) => typeof (handle as Record<string, unknown>)[name] === 'function');
    const known =
      hasAll(Pipe.prototype, ['open']) &&
      hasAll(TCP.prototype, ['connect6', 'setNoDelay']) &&
      [PipeConnectWrap, TCPConnectWrap, WriteWrap, ShutdownWrap].every((request) => typeof request === 'function') &&
      [state[read], state[later]].every((number) => typeof number === 'number');
    if (!known) return undefined;
    const [lastRead, writesOn] = [() => state[read]!, () => state[later] !== 0];
    return { Pipe, TCP, PipeConnectWrap, TCPConnectWrap, WriteWrap, ShutdownWrap, lastRead, writesOn };
  } catch {
    return undefined;
  }
})();

/** Numbers about the last operation of any handle, and where in them they stand. */
interface Streams {
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

/** The system's name of an error: `ECONNREFUSED`. */
export const errnoOf = (status: number): string => getSystemErrorName(status);

/** From now on; `handle.reader = undefined` ends it. */
export const read = (handle: Handle, reader: Reader): void => {
  handle.reader = reader;
  handle.useUserBuffer(readInto);
  handle.onread = onread;
  handle.readStart();
};

/**
 * All handles are read into one place, one after the other, and what came is copied. libuv would ask for 64 KiB for each read and give
 * back what was not needed; the few bytes that stay each hold 64 KiB of address space open, hundreds of MiB until they are collected.
 */
const readInto = Buffer.allocUnsafeSlow(65_536);

/** One function for all handles: one for each would outlive it, and all it knows, until a full collection. */
function onread(this: Handle): void {
  const bytes = handles!.lastRead();
  if (bytes > 0) this.reader?.heard(Buffer.from(readInto.subarray(0, bytes)));
  else if (bytes < 0) this.reader?.ended(bytes === endOfFile ? undefined : errnoOf(bytes));
}

/** libuv's UV_EOF. */
const endOfFile = -4095;
