/**
 * How a child is born and what is known of it. Two ways to be born share this shape: `portable` (node:child_process) and, on
 * Linux, `native` (posix_spawn); the carrier above does not know which.
 */
import type { Writable } from 'node:stream';
import type { KernelAccount } from '../trace/trace.js';
import type { MetaVariables } from '../types.js';

export interface Birth {
  /** Absolute path of what is executed. */
  readonly program: string;
  /** Arguments after argv[0]. */
  readonly args: readonly string[];
  readonly env: MetaVariables;
  readonly cwd: string;
  /** `none`: at its end from the start. A number: a descriptor that holds the whole body. */
  readonly stdin: 'none' | 'pipe' | number;
  /** How much will be written to the pipe, where that is known. */
  readonly stdinBytes?: number | undefined;
}

/** Told in this order: `born` or `unborn`; then `output` and `errors` as they come, and the end of each and `exited`, in any order. */
export interface ChildEvents {
  /** exec has succeeded. */
  born(child: Child): void;
  /** It never ran; nothing of it is left. `errno` is the system's name: `ENOENT`, `E2BIG`, `EAGAIN` … */
  unborn(errno: string): void;
  /** A piece of stdout. */
  output(piece: Buffer): void;
  /** May be told twice. */
  outputEnd(): void;
  /** A piece of stderr. */
  errors(piece: Buffer): void;
  errorsEnd(): void;
  /** Reaped. One of the first two is undefined; `account` is, where the way of birth cannot ask the kernel. */
  exited(code: number | undefined, signal: string | undefined, account: KernelAccount | undefined): void;
}

export interface Child {
  readonly pid: number;
  /** Undefined unless `stdin` was `pipe`. */
  readonly stdin: Writable | undefined;
  readonly stdout: Output;
  /** Listens to stderr no longer; `errorsEnd` follows. */
  closeErrors(): void;
  /** Whether anybody of its process group is left; a zombie counts. */
  groupLives(): boolean;
}

export interface Output {
  pause(): void;
  resume(): void;
  /** Listens no longer; `outputEnd` follows. */
  close(): void;
}

export type BearChild = (birth: Birth, events: ChildEvents) => void;
