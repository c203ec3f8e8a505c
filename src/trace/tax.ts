/**
 * The tax of a request: what a program that stays (FastCGI, WSGI) would not have paid. Two of its parts are measured on the
 * exchange itself, `spawn` and `exit`. The third, the interpreter's start, lies hidden in `wait`, and only a calibration tells
 * it: the start of the same interpreter with nothing to do. What an interpreter does after its last output lies in `body`, cannot
 * be told apart and is not counted, so that the tax is rather too small than too large. Pure.
 */
import { type Parts, sumOf } from './spread.js';

export interface Tax {
  readonly spawnMs: number;
  /** As calibrated, but never more than the `wait` it is a part of; undefined when it is not known, and then not counted. */
  readonly startUpMs: number | undefined;
  readonly exitMs: number;
  /** The three together. */
  readonly ms: number;
  /** The whole exchange. */
  readonly ofMs: number;
  /** `ms` of `ofMs`, from 0 to 1. */
  readonly share: number;
}

export const taxOf = (parts: Parts<'spawn' | 'wait' | 'head' | 'body' | 'exit'>, calibratedStartUpMs: number | undefined): Tax => {
  const spawnMs = parts.spawn ?? 0;
  const exitMs = parts.exit ?? 0;
  const startUpMs = calibratedStartUpMs === undefined ? undefined : Math.min(calibratedStartUpMs, parts.wait ?? 0);
  const ms = spawnMs + (startUpMs ?? 0) + exitMs;
  const ofMs = sumOf(parts);
  return { spawnMs, startUpMs, exitMs, ms, ofMs, share: ofMs === 0 ? 0 : ms / ofMs };
};
