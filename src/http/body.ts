/**
 * The request body on its way to a program. A body of known length flows straight through; a chunked one has no length until
 * its end, and RFC 3875 §4.2 wants one, so it is kept first (memory, then a temporary file), or passed on without, or refused.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, read, unlinkSync, write } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Failure, failure, isFailure } from '../failures.js';
import { bodyIdleMs, spoolMemoryBytes } from '../limits.js';
import { freeWhenWritten } from '../spent.js';
import type { BodySink, RequestBody } from '../types.js';

/** What a request says of its body before any of it is read. */
export interface BodyPlan {
  readonly kind: 'none' | 'flow' | 'spool';
  /** From Content-Length; undefined for a chunked body and for none. */
  readonly bytes: number | undefined;
}

/** Does anything follow the head? RFC 9112 §6.3. */
export const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

export const planBody = (message: IncomingMessage, chunked: 'spool' | 'stream' | 'reject', bytesMax: number): BodyPlan | Failure => {
  const coding = message.headers['transfer-encoding'];
  if (coding !== undefined) {
    // RFC 9112 §6.1 — a coding we do not undo must not reach the script as if it were the body.
    if (coding.trim().toLowerCase() !== 'chunked') return failure('TRANSFER_CODING_UNKNOWN', { detail: coding });
    if (chunked === 'reject') return failure('BODY_LENGTH_REQUIRED');
    return { kind: chunked === 'spool' ? 'spool' : 'flow', bytes: undefined };
  }
  const length = message.headers['content-length'];
  if (length === undefined) return { kind: 'none', bytes: undefined };
  const bytes = Number(length);
  if (bytes > bytesMax) return failure('BODY_TOO_LARGE', { detail: `${bytes} bytes announced, ${bytesMax} allowed` });
  return { kind: bytes === 0 ? 'none' : 'flow', bytes };
};

/** The body as it arrives. `counted` is told each piece's size; `wanted` comes just before the first piece is asked for. */
export const flowingBody = (
  message: IncomingMessage,
  bytes: number | undefined,
  bytesMax: number,
  counted: (bytes: number) => void,
  wanted: () => void,
): RequestBody => {
  let sink: BodySink | undefined;
  let paused = false;
  let ended = false;
  let received = 0;
  let idle: NodeJS.Timeout | undefined;

  const settle = (tell: (sink: BodySink) => void): void => {
    clearTimeout(idle);
    if (ended) return;
    ended = true;
    if (sink) tell(sink);
  };
  const listen = (): void => {
    message.on('data', (piece: Buffer) => {
      received += piece.length;
      counted(piece.length);
      if (ended) return; // A cleared timer that is refreshed runs again.
      idle?.refresh();
      if (received > bytesMax) return settle((s) => s.fail(failure('BODY_TOO_LARGE', { detail: `more than ${bytesMax} bytes` })));
      // Who else listens may keep it.
      sink?.piece(piece, message.listenerCount('data') === 1 ? freeWhenWritten(piece) : undefined);
    });
    message.once('end', () => settle((s) => s.end()));
    message.once('error', () => settle((s) => s.fail(cutShort(received, bytes))));
    message.once('close', () => settle((s) => s.fail(cutShort(received, bytes))));
    idle = setTimeout(() => {
      if (!paused) settle((s) => s.fail(failure('BODY_TIMEOUT', { detail: `${received} bytes came, then none for ${bodyIdleMs} ms` })));
    }, bodyIdleMs);
  };

  return {
    bytes,
    read(to) {
      sink = to;
      if (message.readableEnded || message.destroyed) {
        settle((s) => s.fail(message.complete ? failure('BODY_ALREADY_READ') : cutShort(0, bytes)));
        return;
      }
      wanted();
      listen();
    },
    pause() {
      paused = true;
      message.pause();
    },
    resume() {
      if (!paused) return;
      paused = false;
      if (!ended) idle?.refresh();
      message.resume();
    },
    discard() {
      settle(() => {});
      // What becomes of the bytes still to come is decided when the answer ends (response.ts).
    },
  };
};

const cutShort = (received: number, announced: number | undefined): Failure =>
  failure('BODY_CUT_SHORT', {
    detail: announced === undefined ? `${received} bytes came, then the end` : `${received} of ${announced} bytes came`,
  });

/**
 * Keeps a body of unknown length to learn it, and calls `done` with the same body, its length exact, or with a failure. Up to
 * `spoolMemoryBytes` stay in memory; a larger one goes to a temporary file that has no name any more when its first byte is
 * written, so that nothing can leave it behind. Returns how to give up: the file is closed, `done` hears CLIENT_GONE.
 */
export const spoolBody = (flowing: RequestBody, done: (body: RequestBody | Failure) => void): (() => void) => {
  const kept: Buffer[] = [];
  let bytes = 0;
  let file: Spool | undefined;
  let settled = false;
  const settle = (result: RequestBody | Failure): void => {
    if (settled) return;
    settled = true;
    if (isFailure(result)) {
      flowing.discard();
      file?.close();
    }
    done(result);
  };

  flowing.read({
    piece(piece) {
      if (settled) return;
      bytes += piece.length;
      if (file === undefined && bytes <= spoolMemoryBytes) {
        kept.push(piece);
        return;
      }
      if (file === undefined) {
        const opened = openSpool(
          () => flowing.resume(),
          (why) => settle(why),
        );
        if (isFailure(opened)) return settle(opened);
        file = opened;
        for (const early of kept.splice(0)) file.write(early);
      }
      if (!file.write(piece)) flowing.pause();
    },
    end() {
      if (file) file.whenWritten(() => settle(file!.body(bytes)));
      else settle(memoryBody(kept));
    },
    fail: settle,
  });
  return () => settle(failure('CLIENT_GONE'));
};

const memoryBody = (pieces: Buffer[]): RequestBody => {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  let sink: BodySink | undefined;
  let paused = false;
  let ended = false;
  const flow = (): void => {
    while (!paused && !ended && sink) {
      const piece = pieces.shift();
      if (piece) sink.piece(piece);
      else {
        ended = true;
        sink.end();
      }
    }
  };
  return {
    bytes,
    read(to) {
      sink = to;
      flow();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      flow();
    },
    discard() {
      ended = true;
      pieces.length = 0;
    },
  };
};

interface Spool {
  /** False: the disk is behind; `drained` will be called. */
  write(piece: Buffer): boolean;
  whenWritten(then: () => void): void;
  /** The file as a body whose descriptor a process can have as its stdin. */
  body(bytes: number): RequestBody;
  close(): void;
}

/** The file read again, for programs that cannot be given its descriptor. One read at a time; `close` when it is over. */
const fileBody = (fd: number, bytes: number, close: () => void): Pick<RequestBody, 'read' | 'pause' | 'resume' | 'discard'> => {
  let sink: BodySink | undefined;
  let offset = 0;
  let paused = false;
  let reading = false;
  let over = false;
  const finish = (): void => {
    over = true;
    if (!reading) close();
  };
  const next = (): void => {
    if (over || paused || reading || sink === undefined) return;
    if (offset === bytes) {
      finish();
      return sink.end();
    }
    reading = true;
    const piece = Buffer.allocUnsafe(Math.min(spoolMemoryBytes, bytes - offset));
    read(fd, piece, 0, piece.length, offset, (error, count) => {
      reading = false;
      if (over) return close();
      if (error || count === 0) {
        finish();
        return sink?.fail(failure('SPOOL_FAILED', { detail: error?.message ?? 'the file is shorter than it was' }));
      }
      offset += count;
      sink?.piece(piece.subarray(0, count));
      next();
    });
  };
  return {
    read(to) {
      sink = to;
      next();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      next();
    },
    discard: finish,
  };
};

/** One write to the disk at a time; pieces wait in order. */
const openSpool = (drained: () => void, broken: (why: Failure) => void): Spool | Failure => {
  const name = join(tmpdir(), `cgi-serve-${process.pid}-${randomBytes(6).toString('hex')}`);
  let fd: number;
  try {
    fd = openSync(name, 'wx+', 0o600);
    unlinkSync(name);
  } catch (error) {
    return failure('SPOOL_FAILED', { detail: (error as Error).message });
  }
  const waiting: Buffer[] = [];
  let offset = 0;
  let writing = false;
  let closed = false;
  let then: (() => void) | undefined;
  const close = (): void => {
    if (closed) return;
    closed = true;
    if (!writing) closeSync(fd);
  };
  const next = (): void => {
    const piece = waiting[0];
    if (closed) return;
    if (piece === undefined) {
      then?.();
      return drained();
    }
    writing = true;
    write(fd, piece, 0, piece.length, offset, (error, written) => {
      writing = false;
      if (closed) return closeSync(fd);
      if (error) return broken(failure('SPOOL_FAILED', { detail: error.message }));
      offset += written;
      if (written === piece.length) waiting.shift();
      else waiting[0] = piece.subarray(written);
      next();
    });
  };
  return {
    write(piece) {
      waiting.push(piece);
      if (!writing) next();
      return waiting.length < 8;
    },
    whenWritten(call) {
      if (!writing && waiting.length === 0) return call();
      then = call;
    },
    body: (bytes) => ({ ...fileBody(fd, bytes, close), bytes, fd }),
    close,
  };
};
