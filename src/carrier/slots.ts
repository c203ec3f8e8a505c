/**
 * At most so many processes at once; the others wait their turn, first come first served, not for ever and not without bound.
 * No other CGI host has this: there a burst of requests is a burst of processes.
 */
import { type Failure, failure } from '../failures.js';

export interface Slots {
  /** Calls `granted` once, now or later, with what gives the slot back; or `refused`, once. Returns how to leave the queue. */
  acquire(granted: (release: () => void) => void, refused: (why: Failure) => void): () => void;
  /** Refuses everyone who waits and everyone who comes. */
  close(): void;
  readonly busy: number;
}

interface Waiter {
  readonly granted: (release: () => void) => void;
  readonly refused: (why: Failure) => void;
  timer: NodeJS.Timeout | undefined;
}

export const slots = (atOnceMax: number, queueMax: number, queueMs: number): Slots => {
  // A Set keeps order and lets a waiter leave from the middle at no cost.
  const queue = new Set<Waiter>();
  let busy = 0;
  let closed = false;

  const grant = (granted: Waiter['granted']): void => {
    busy += 1;
    let held = true;
    granted(() => {
      if (!held) return;
      held = false;
      busy -= 1;
      next();
    });
  };
  const next = (): void => {
    for (const waiter of queue) {
      if (busy >= atOnceMax) return;
      leave(waiter);
      grant(waiter.granted);
    }
  };
  const leave = (waiter: Waiter): void => {
    clearTimeout(waiter.timer);
    queue.delete(waiter);
  };

  return {
    get busy() {
      return busy;
    },
    acquire(granted, refused) {
      if (closed) {
        refused(failure('SHUTTING_DOWN'));
        return () => {};
      }
      if (busy < atOnceMax) {
        grant(granted);
        return () => {};
      }
      if (queue.size >= queueMax) {
        refused(failure('QUEUE_FULL', { detail: `${busy} running, ${queue.size} waiting` }));
        return () => {};
      }
      const waiter: Waiter = { granted, refused, timer: undefined };
      waiter.timer = setTimeout(() => {
        leave(waiter);
        refused(failure('QUEUE_TIMEOUT', { detail: `waited ${queueMs} ms; ${busy} running` }));
      }, queueMs);
      queue.add(waiter);
      return () => leave(waiter);
    },
    close() {
      closed = true;
      for (const waiter of queue) {
        leave(waiter);
        waiter.refused(failure('SHUTTING_DOWN'));
      }
    },
  };
};
