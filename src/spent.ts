/**
 * The memory of a large piece, given back when the piece is written. V8 gives such memory back when it collects, and it collects, all of
 * the heap, whenever there is much of it: half of the server's CPU while bodies of 1 MiB pass through.
 */
import { spentBytesMin } from './limits.js';

/** Told when a piece is written, or cannot be. */
export type Written = (error?: Error | null) => void;

/** For a piece that nobody looks at once it is written: it is empty then. Undefined where it does not pay. */
export const freeWhenWritten = (piece: Buffer): Written | undefined => {
  const { buffer, length } = piece;
  // A part of something larger is not alone in its memory.
  if (length < spentBytesMin || buffer.byteLength !== length || !(buffer instanceof ArrayBuffer)) return undefined;
  return (error) => {
    if (!error && piece.length > 0) free(buffer);
  };
};

/**
 * What is transferred leaves its sender, and at a port whose other end is closed it arrives nowhere. (From Node 22 on
 * `ArrayBuffer.prototype.transfer` is the short way.)
 */
const free = (buffer: ArrayBuffer): void => {
  transfer[0] = buffer;
  try {
    nowhere.postMessage(undefined, transfer);
  } catch {
    // Not to be transferred (Node marks its pool so): the collector's, as before.
  }
};

const transfer: ArrayBuffer[] = [];
const { port1: nowhere, port2 } = new MessageChannel();
port2.close();
nowhere.unref();
