/**
 * The timers of one conversation, together, so that none outlives it. Bounds, not measurements: those are the trace's.
 */
export interface Clocks {
  /** Calls `ring` once after `ms`; 0 is no limit, and no timer. */
  start(ms: number, ring: () => void): NodeJS.Timeout | undefined;
  /** `timer = clocks.stop(timer)`. */
  stop(timer: NodeJS.Timeout | undefined): undefined;
  stopAll(): void;
}

export const clocks = (): Clocks => {
  const running = new Set<NodeJS.Timeout>();
  return {
    start(ms, ring) {
      if (ms <= 0) return undefined;
      const timer = setTimeout(() => {
        running.delete(timer);
        ring();
      }, ms);
      running.add(timer);
      return timer;
    },
    stop(timer) {
      clearTimeout(timer);
      if (timer !== undefined) running.delete(timer);
      return undefined;
    },
    stopAll() {
      for (const timer of running) clearTimeout(timer);
      running.clear();
    },
  };
};
