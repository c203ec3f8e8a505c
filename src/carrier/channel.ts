/**
 * What every carrier gives: a way for bytes to travel to a program and back, and word of how it ended. `spawn` makes one from
 * a process; `dial` and `pool` make one from a socket.
 */
import type { Failure } from '../failures.js';
import type { Written } from '../spent.js';
import type { KernelAccount, Trace } from '../trace/trace.js';
import type { GatewayRequest } from '../types.js';

/** Told to the one who converses. `opened` or `failed` first; `over` last, once, after either. */
export interface ChannelEvents {
  /** exec has succeeded, or the peer has accepted. */
  opened(channel: Channel): void;
  /** It never opened. `over` follows. */
  failed(why: Failure): void;
  /** There is room for input again. */
  drain(): void;
  /** The program takes no more input; that is its right (RFC 3875 §4.2 obliges it to nothing). */
  inputClosed(): void;
  /** Whether anybody still waits for the answer. */
  wanted(): boolean;
  /** Worth a line, and no failure. */
  noted(text: string): void;
  /** Bytes as they stand on the wire, envelope and all, each way; never told where there is none, between a script and its pipes. */
  sent(bytes: Buffer): void;
  received(bytes: Buffer): void;
  output(piece: Buffer): void;
  outputEnd(): void;
  /** stderr. */
  errors(piece: Buffer): void;
  /** The program is gone: an exit code, a signal, or neither for a peer that hung up; and what the kernel charged it, where known. */
  exited(code: number | undefined, signal: string | undefined, account: KernelAccount | undefined): void;
  /** Nothing of it is left, and nothing more will be told. */
  over(): void;
}

export interface Channel {
  readonly pid: number | undefined;
  /** False: full, wait for `drain`. `written` as in BodySink. */
  write(piece: Buffer, written?: Written): boolean;
  /** The input is all said, or there is none. */
  end(): void;
  /** Output waits in the program's own hands. */
  pause(): void;
  resume(): void;
  /** Stops listening to output that somebody else still holds open; `outputEnd` follows. */
  hangUp(): void;
  /** Ends the program: TERM, a grace, KILL. */
  stop(graceMs?: number): void;
}

export interface Carrier {
  /** A body that lies in a file is handed over as its descriptor and not written. */
  readonly takesFiles: boolean;
  /** The trace is told what only the carrier knows: which worker has it. */
  open(request: GatewayRequest, events: ChannelEvents, trace: Trace): void;
  /** Ends what is alive, and resolves when nothing is. */
  close(): Promise<void>;
}
