/**
 * The clocks of conversations: how long one may be silent, how long it may take. Bounds, not measurements: those are the trace's.
 * All of them share one timer, set to the earliest; to start, stop and wind a clock is a number in memory. Most conversations are over
 * before any of their clocks would ring, and a timer for each was a good part of what they cost.
 */
import { type Member, Roster } from '../roster.js';
import { now } from '../trace/trace.js';

export interface Clock extends Member {
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

/** Those of one conversation. */
export const clocks = (): Clocks => {
  const own: Clock[] = [];
  return {
    start(ms, ring) {
      if (ms <= 0) return undefined;
      const atMs = now();
      const clock: Clock = { place: -1, ms, ring, dueMs: atMs + ms };
      own.push(clock);
      if (ms < Number.POSITIVE_INFINITY) run(clock, atMs);
      return clock;
    },
    wind(clock) {
      if (clock !== undefined) clock.dueMs = now() + clock.ms;
    },
    stop(clock) {
      if (clock === undefined) return undefined;
      const place = own.indexOf(clock);
      if (place >= 0) own.splice(place, 1);
      halt(clock);
      return undefined;
    },
    stopAll() {
      for (const clock of own.splice(0)) halt(clock);
    },
  };
};

// --- all of them --------------------------------------------------------------------------------------------------------

const running = new Roster<Clock>();
let timer: NodeJS.Timeout | undefined;
let timerMs = Number.POSITIVE_INFINITY;

const run = (clock: Clock, atMs: number): void => {
  running.add(clock);
  if (running.size === 1) timer?.ref();
  if (clock.dueMs < timerMs) setTimer(clock.dueMs, atMs);
};
/** The timer goes on for the next one; while there is none it keeps nobody from ending. */
const halt = (clock: Clock): void => {
  running.remove(clock);
  if (running.size === 0) timer?.unref();
};
const setTimer = (dueMs: number, atMs: number): void => {
  clearTimeout(timer);
  timerMs = dueMs;
  timer = setTimeout(look, Math.max(1, dueMs - atMs));
};
const look = (): void => {
  const atMs = now();
  const due: Clock[] = [];
  running.forEach((clock) => void (clock.dueMs <= atMs && due.push(clock)));
  timer = undefined;
  timerMs = Number.POSITIVE_INFINITY;
  try {
    // In the order in which they are due. A clock that rings may start, wind or stop others.
    for (const clock of due.sort((a, b) => a.dueMs - b.dueMs)) {
      if (clock.dueMs > atMs || clock.place < 0) continue;
      halt(clock);
      clock.ring();
    }
  } finally {
    let nextMs = Number.POSITIVE_INFINITY;
    running.forEach(({ dueMs }) => {
      nextMs = Math.min(nextMs, dueMs);
    });
    if (nextMs < timerMs) setTimer(nextMs, now());
  }
};
