/**
 * How a child is born and what is known of it. Two ways to be born share this shape: `portable` (node:child_process) and, on
 * Linux, `native` (posix_spawn); the carrier above does not know which.
 */
import type { Readable, Writable } from 'node:stream';
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
}

/** Told in this order: `born` or `unborn`; then, once, `exited`. */
export interface ChildEvents {
  /** exec has succeeded. */
  born(child: Child): void;
  /** It never ran; nothing of it is left. `errno` is the system's name: `ENOENT`, `E2BIG`, `EAGAIN` … */
  unborn(errno: string): void;
  /** Reaped. One of the two is undefined. */
  exited(code: number | undefined, signal: string | undefined): void;
}

export interface Child {
  readonly pid: number;
  /** Undefined unless `stdin` was `pipe`. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export type BearChild = (birth: Birth, events: ChildEvents) => void;
