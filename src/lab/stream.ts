/**
 * Viewers and what they are told: a stream of events (Server-Sent Events, HTML Standard §9.2), each with an id to go on from. Not what
 * happened is sent but how things stand: whoever was away, or reads slowly, is told less often and misses nothing that is still kept.
 *
 *   event: batch            an exchange as it stands now replaces what was known of it
 *   id: 3f9c21aa.1042       this lab, and its stamp
 *   data: {"nowMs":…,"exchanges":[…],"skipped":0}
 */
import type { ServerResponse } from 'node:http';
import { labBatchMs, labPulseMs, labViewerStallMs, labViewersMax, labWaitingBytesMax } from '../limits.js';
import { type Member, Roster } from '../roster.js';
import { now } from '../trace/trace.js';
import type { Memory } from './memory.js';
import type { ToldBatch, ToldHello } from './told.js';

export interface Stream {
  /** There is something new. */
  changed(): void;
  /** The response is a viewer's from now on. False: there are too many. */
  add(res: ServerResponse, lastEventId: string | undefined): boolean;
  /** What everybody is told at once, and whoever comes later first: how something else than the exchanges stands. */
  tell(name: string, data: object): void;
  /** How many look. */
  viewers(): number;
  close(): void;
}

interface Viewer extends Member {
  readonly res: ServerResponse;
  /** The stamp it was told last. */
  stamp: number;
  /** Since when it has taken nothing. */
  fullSinceMs: number | undefined;
  /** Something was told while it took nothing. */
  missed: boolean;
}

/** `boot` names this lab among those that had the same port. */
export const stream = (boot: string, memory: () => Memory, hello: () => ToldHello): Stream => {
  const viewers = new Roster<Viewer>();
  /** The last of each name. */
  const standing = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let pulse: NodeJS.Timeout | undefined;

  const later = (): void => {
    if (viewers.size > 0) timer ??= setTimeout(tellAll, labBatchMs).unref();
  };
  /** Most viewers stand at the same stamp, and get the same text. */
  const tellAll = (): void => {
    timer = undefined;
    let text = '';
    let from = -1;
    viewers.forEach((viewer) => {
      if (isFull(viewer)) return;
      if (viewer.missed) viewer.res.write([...standing.values()].join(''));
      viewer.missed = false;
      if (from !== viewer.stamp) {
        from = viewer.stamp;
        text = batch(from, false);
      }
      viewer.stamp = memory().stamp();
      viewer.res.write(text);
    });
  };
  const batch = (stamp: number, all: boolean): string => {
    const told: ToldBatch = { nowMs: now(), ...memory().changedSince(stamp, all) };
    return event('batch', told, `${boot}.${memory().stamp()}`);
  };
  const isFull = (viewer: Viewer): boolean => {
    const full = viewer.res.writableLength > labWaitingBytesMax;
    viewer.fullSinceMs = full ? (viewer.fullSinceMs ?? now()) : undefined;
    if (full && now() - viewer.fullSinceMs! > labViewerStallMs) viewer.res.destroy();
    return full;
  };
  const beat = (): void => viewers.forEach((viewer) => void (isFull(viewer) || viewer.res.write(event('pulse', { nowMs: now() }))));

  return {
    changed: later,
    add(res, lastEventId) {
      if (viewers.size >= labViewersMax) return false;
      const [lab, stamp] = lastEventId?.split('.') ?? [];
      const known = lab === boot ? Number(stamp) || 0 : 0;
      const viewer: Viewer = { place: -1, res, stamp: memory().stamp(), fullSinceMs: undefined, missed: false };
      res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
      res.write(`retry: 1000\n${event('hello', hello())}${batch(known, true)}${[...standing.values()].join('')}`);
      res.on('drain', later);
      res.once('close', () => {
        viewers.remove(viewer);
        if (viewers.size === 0) clearInterval(pulse);
      });
      if (viewers.size === 0) pulse = setInterval(beat, labPulseMs).unref();
      viewers.add(viewer);
      return true;
    },
    tell(name, data) {
      const text = event(name, data);
      standing.set(name, text);
      viewers.forEach((viewer) => {
        if (isFull(viewer)) viewer.missed = true;
        else viewer.res.write(text);
      });
    },
    viewers: () => viewers.size,
    close() {
      clearTimeout(timer);
      clearInterval(pulse);
      viewers.forEach((viewer) => {
        viewers.remove(viewer);
        viewer.res.end();
      });
    },
  };
};

const event = (name: string, data: object, id?: string): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
