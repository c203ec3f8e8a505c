/**
 * The clocks of one conversation: how long it may be silent, how long it may take. Bounds, not measurements: those are the trace's.
 * All of them share one timer, set to the earliest; to start, stop and wind a clock again is a number in memory. Most conversations
 * are over before any of their clocks would ring, and a timer for each was a good part of what they cost.
 */
import { now } from '../trace/trace.js';

export interface Clock {
  readonly ms: number;
  readonly ring: () => void;
  /** When it rings, in the trace's milliseconds. */
  dueMs: number;
}

export interface Clocks {
  /** Calls `ring` once after `ms`; 0 is no limit, and no clock. */
  start(ms: number, ring: () => void): Clock | undefined;
  /** From now on again. */
  wind(clock: Clock | undefined): void;
  /** `clock = clocks.stop(clock)`. */
  stop(clock: Clock | undefined): undefined;
  stopAll(): void;
}

export const clocks = (): Clocks => {
  const running: Clock[] = [];
  let timer: NodeJS.Timeout | undefined;
  let timerMs = Number.POSITIVE_INFINITY;

  const remove = (clock: Clock): void => {
    const place = running.indexOf(clock);
    if (place >= 0) running.splice(place, 1);
  };
  const setTimer = (dueMs: number, atMs: number): void => {
    clearTimeout(timer);
    timerMs = dueMs;
    timer = setTimeout(look, Math.max(1, dueMs - atMs));
  };
  const look = (): void => {
    const atMs = now();
    timerMs = Number.POSITIVE_INFINITY;
    // In the order in which they are due. A clock that rings may start, wind or stop others.
    for (const clock of running.filter(({ dueMs }) => dueMs <= atMs).sort((a, b) => a.dueMs - b.dueMs)) {
      if (clock.dueMs > atMs || !running.includes(clock)) continue;
      remove(clock);
      clock.ring();
    }
    const next = running.reduce((earliest, { dueMs }) => Math.min(earliest, dueMs), Number.POSITIVE_INFINITY);
    if (next < timerMs) setTimer(next, now());
  };

  return {
    start(ms, ring) {
      if (ms <= 0) return undefined;
      const atMs = now();
      const clock = { ms, ring, dueMs: atMs + ms };
      running.push(clock);
      if (clock.dueMs < timerMs) setTimer(clock.dueMs, atMs);
      return clock;
    },
    wind(clock) {
      if (clock !== undefined) clock.dueMs = now() + clock.ms;
    },
    stop(clock) {
      if (clock !== undefined) remove(clock);
      return undefined;
    },
    stopAll() {
      clearTimeout(timer);
      timerMs = Number.POSITIVE_INFINITY;
      running.length = 0;
    },
  };
};
