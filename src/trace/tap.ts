/**
 * What can be heard of an exchange while it runs. Whoever wants to hear gives a Tap (`tap` in settings.ts); carrier/tapped.ts puts it
 * between a conversation and its carrier, which both do not know of it. What an exchange was in the end is told by `onExchange`.
 */
import type { GatewayRequest } from '../types.js';
import type { Trace } from './trace.js';

export interface Tap {
  /** A slot is granted and a program is asked; after a local redirect once more, on the same trace. What is returned hears the rest. */
  asked(request: GatewayRequest, trace: Trace): Ear | undefined;
}

/** Told in the order in which things happen. Bytes are lent: what is to be kept must be copied. */
export interface Ear {
  /** exec has succeeded, or a program that runs already has taken the connection. */
  opened(pid: number | undefined): void;
  input(piece: Buffer): void;
  /** All of the input lies in a file, and is handed over as its descriptor. */
  inputFile(fd: number, bytes: number): void;
  /** The input is all said. */
  inputEnd(): void;
  output(piece: Buffer): void;
  outputEnd(): void;
  /** stderr. */
  errors(piece: Buffer): void;
  exited(code: number | undefined, signal: string | undefined): void;
  /** Nothing of the program is left for this exchange. */
  over(): void;
}
