/**
 * How many processes at once. The others wait their turn, first come first served, not for ever and not without bound. No other
 * CGI host has this: there a burst of requests is a burst of processes.
 *
 * Two bounds. `atOnceMax`: so many live. `newbornsMax`: so many of them are at what all begin with, to load and to compute. A
 * processor does not get more done by having more of these; each only takes longer, and the server itself waits among them for
 * its turn (with 64 at once a tenth of a second for the slowest answers, four times what it takes now). Whoever waits for something,
 * or has lived a while, is no newborn: 64 scripts that sleep may all sleep at once.
 */
import { type Failure, failure } from '../failures.js';
import { newbornLookMs, newbornMs } from '../limits.js';
import { now } from '../trace/trace.js';

/** Read anew each time: a program may say later how much it takes. */
export interface SlotBounds {
  atOnceMax: number;
  readonly newbornsMax: number;
  readonly queueMax: number;
  readonly queueMs: number;
  /** Where somebody else knows who is free, as a pool knows its workers: a slot is one of them. */
  readonly idle?: () => number;
  readonly watcher?: QueueWatcher;
}

/** Told how the queue is. */
export interface QueueWatcher {
  /** One more waits; so many do now. */
  queued(waiting: number): void;
  /** It waited so long; 0 for most. */
  granted(waitedMs: number): void;
  dropped(why: 'full' | 'timeout' | 'left' | 'closed'): void;
}

export interface Slots {
  /** Calls `granted` once, now or later, with what gives the slot back; or `refused`, once. Returns how to leave the queue. */
  acquire(user: SlotUser): () => void;
  /** Refuses everyone who waits and everyone who comes. */
  close(): void;
  busy(): number;
  waiting(): number;
  /** Somebody may be free who was not. */
  look(): void;
}

export interface SlotUser {
  granted(release: () => void): void;
  refused(why: Failure): void;
  /** Whether its process is computing, or not born yet. Asked while others wait for it. */
  works(): boolean;
}

/** A doubly linked list keeps order and lets a waiter leave from the middle; who has left points to nobody. */
interface Waiter {
  readonly user: SlotUser;
  readonly sinceMs: number;
  readonly untilMs: number;
  before: Waiter | undefined;
  after: Waiter | undefined;
  waits: boolean;
}

interface Newborn {
  readonly user: SlotUser;
  readonly untilMs: number;
}

export const slots = (bounds: SlotBounds): Slots => {
  const { queueMax, queueMs, idle, watcher } = bounds;
  const newborns: Newborn[] = [];
  let first: Waiter | undefined;
  let last: Waiter | undefined;
  let waiting = 0;
  let busy = 0;
  let closed = false;
  let clock: NodeJS.Timeout | undefined;

  const free = (): boolean => (idle ? idle() > 0 : busy < bounds.atOnceMax && newborns.length < bounds.newbornsMax);
  const grant = (user: SlotUser): void => {
    const newborn: Newborn = { user, untilMs: now() + newbornMs };
    busy += 1;
    newborns.push(newborn);
    let held = true;
    user.granted(() => {
      if (!held) return;
      held = false;
      busy -= 1;
      grow(newborn);
      next();
    });
  };
  const grow = (newborn: Newborn): void => {
    const place = newborns.indexOf(newborn);
    if (place >= 0) newborns.splice(place, 1);
  };
  const next = (): void => {
    while (first !== undefined && free()) {
      const { user, sinceMs } = first;
      leave(first);
      watcher?.granted(now() - sinceMs);
      grant(user);
    }
  };
  const leave = (waiter: Waiter): void => {
    if (!waiter.waits) return;
    waiter.waits = false;
    waiting -= 1;
    if (waiter.before) waiter.before.after = waiter.after;
    else first = waiter.after;
    if (waiter.after) waiter.after.before = waiter.before;
    else last = waiter.before;
    waiter.before = undefined;
    waiter.after = undefined;
  };
  const refuseFirst = (why: Failure): void => {
    const { user } = first!;
    leave(first!);
    user.refused(why);
  };
  /** Runs while somebody waits. */
  const look = (): void => {
    const atMs = now();
    for (const newborn of [...newborns]) if (newborn.untilMs <= atMs || !newborn.user.works()) grow(newborn);
    next();
    // All wait equally long, so that the first in the queue is the first whose time is up.
    while (first !== undefined && first.untilMs <= atMs) {
      watcher?.dropped('timeout');
      refuseFirst(failure('QUEUE_TIMEOUT', { detail: `waited ${queueMs} ms; ${busy} running` }));
    }
    if (first !== undefined) return;
    clearInterval(clock);
    clock = undefined;
  };

  return {
    busy: () => busy,
    waiting: () => waiting,
    look: next,
    acquire(user) {
      if (closed) {
        watcher?.dropped('closed');
        user.refused(failure('SHUTTING_DOWN'));
        return () => {};
      }
      if (first === undefined && free()) {
        watcher?.granted(0);
        grant(user);
        return () => {};
      }
      if (busy + waiting >= bounds.atOnceMax + queueMax) {
        watcher?.dropped('full');
        user.refused(failure('QUEUE_FULL', { detail: `${busy} running, ${waiting} waiting` }));
        return () => {};
      }
      const sinceMs = now();
      const waiter: Waiter = { user, sinceMs, untilMs: sinceMs + queueMs, before: last, after: undefined, waits: true };
      if (last) last.after = waiter;
      else first = waiter;
      last = waiter;
      waiting += 1;
      clock ??= setInterval(look, newbornLookMs);
      watcher?.queued(waiting);
      return () => {
        if (waiter.waits) watcher?.dropped('left');
        leave(waiter);
      };
    },
    close() {
      closed = true;
      while (first !== undefined) {
        watcher?.dropped('closed');
        refuseFirst(failure('SHUTTING_DOWN'));
      }
    },
  };
};
