/** What became of the workers, in sentences: made of the pool's own diary (carrier/pool-diary.ts) and of nothing else. Pure. */
import type { PoolEvent } from '../../../status/status.js';
import { ms } from '../format.js';
import type { Say } from '../words.js';

export interface Happening {
  readonly serial: number;
  readonly at: number;
  readonly text: string;
  /** What a worker that ended by itself said last; `''`: nothing. */
  readonly words: string;
  readonly held: readonly { readonly id: string; readonly method: string; readonly target: string }[];
  /** Nobody asked for it, and nobody should have to. */
  readonly bad: boolean;
}

/** All that is known, the newest last, without what is known twice. */
export const withEvents = (known: readonly PoolEvent[], told: readonly PoolEvent[]): PoolEvent[] => {
  const last = known.at(-1)?.serial ?? 0;
  return [...known, ...told.filter(({ serial }) => serial > last)].slice(-eventsMax);
};

/** More than a person reads; the server keeps as many. */
const eventsMax = 30;

/** The newest first. An end and the next one's being ready in that place are one thing. */
export const happeningsOf = (events: readonly PoolEvent[], say: Say): Happening[] => {
  const told: Happening[] = [];
  const paired = new Set<number>();
  events.forEach((event, i) => {
    if (paired.has(event.serial)) return;
    const next = event.what === 'ended' ? successorOf(event, events.slice(i + 1)) : undefined;
    if (next) paired.add(next.serial);
    const { words = '', held = [] } = event.what === 'ended' ? event : {};
    const bad = event.what === 'ended' ? event.why === undefined : event.what === 'reloaded' && event.refused !== undefined;
    const what = sentenceOf(event, say);
    const text = next ? say('workers.event.next', { what, pid: next.pid, ms: ms(next.at - event.at) }) : what;
    told.push({ serial: event.serial, at: event.at, text, words, held, bad });
  });
  return told.reverse();
};

type Kind<What> = Extract<PoolEvent, { readonly what: What }>;

/** Who was ready next in its place, unless it took somebody's place who was still there. */
const successorOf = ({ slot, generation, why }: Kind<'ended'>, later: readonly PoolEvent[]): Kind<'ready'> | undefined => {
  if (why === 'reload' || why === 'refused') return undefined;
  const next = later.find((event) => event.what === 'reloaded' || event.slot === slot);
  return next?.what === 'ready' && next.generation === generation && next.insteadOf === undefined ? next : undefined;
};

const sentenceOf = (event: PoolEvent, say: Say): string => {
  const { generation } = event;
  if (event.what === 'reloaded') {
    const { refused } = event;
    return refused === undefined
      ? say('workers.event.reloaded', { generation })
      : say('workers.event.reload.refused', { generation, why: refused });
  }
  const { pid, slot } = event;
  if (event.what === 'ready') {
    const { afterMs, insteadOf } = event;
    return insteadOf === undefined
      ? say('workers.event.ready', { pid, slot, ms: ms(afterMs) })
      : say('workers.event.instead', { pid, old: insteadOf, ms: ms(afterMs) });
  }
  const { why, how, requests, wasReady } = event;
  const filled = { pid: pid === 0 ? '–' : pid, how, requests, generation };
  if (why === undefined) return say(wasReady ? 'workers.event.crashed' : 'workers.event.unborn', filled);
  if (why === 'killed') return say(how.startsWith('SIG') ? 'workers.event.killed' : 'workers.event.told', filled);
  return say(`workers.event.${why}`, filled);
};
