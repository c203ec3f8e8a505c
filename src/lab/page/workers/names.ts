/**
 * Every figure under three names: ours, php-fpm's (its status page) and uWSGI's (its stats server), so that what is learnt here is known
 * there. Where the three count differently, the value follows the name: status/fpm.ts and status/uwsgi.ts count the same way. Pure.
 */
import type { PoolStatus, WorkerStatus } from '../../../status/status.js';
import type { Say, Word } from '../words.js';

export const spellings = ['ours', 'fpm', 'uwsgi'] as const;
export type Spelling = (typeof spellings)[number];

export const programs = { fpm: 'php-fpm', uwsgi: 'uWSGI' } as const;

export interface Figure<Of> {
  readonly word: Word;
  /** Absent: it has no word for it. */
  readonly fpm?: string;
  readonly uwsgi?: string;
  readonly of: (one: Of, spelling: Spelling) => number;
}

export const poolFigures: readonly Figure<PoolStatus>[] = [
  { word: 'workers.accepted', fpm: 'accepted conn', of: ({ accepted }) => accepted },
  { word: 'workers.idle', fpm: 'idle processes', uwsgi: 'status: idle', of: (pool) => count(pool, 'idle') },
  {
    ...{ word: 'workers.busy', fpm: 'active processes', uwsgi: 'status: busy' },
    // php-fpm: whoever does not wait for a request is active.
    of: (pool, spelling) => (spelling === 'fpm' ? pool.workers.length - count(pool, 'idle') : count(pool, 'busy')),
  },
  { word: 'workers.total', fpm: 'total processes', uwsgi: 'workers', of: ({ workers }) => workers.length },
  { word: 'workers.busy.most', fpm: 'max active processes', of: ({ activeMost }) => activeMost },
  { word: 'workers.ceilings', fpm: 'max children reached', of: ({ ceilings }) => ceilings },
  { word: 'workers.waiting', fpm: 'listen queue', uwsgi: 'listen_queue', of: ({ queue }) => queue.waiting },
  { word: 'workers.waiting.most', fpm: 'max listen queue', of: ({ queue }) => queue.waitingMost },
  { word: 'workers.bound', fpm: 'listen queue len', uwsgi: 'max_queue', of: ({ queue }) => queue.bound },
  { word: 'workers.full', uwsgi: 'listen_queue_errors', of: ({ queue }) => queue.drops.full },
  { word: 'workers.slow', fpm: 'slow requests', of: ({ slow }) => slow },
  { word: 'workers.crashed', of: ({ crashed }) => crashed },
  { word: 'workers.killed', of: ({ recycled }) => recycled.killed },
  { word: 'workers.recycled', of: ({ recycled: { killed, ...others } }) => Object.values(others).reduce((sum, n) => sum + n, 0) },
];

const count = ({ workers }: PoolStatus, state: WorkerStatus['state']): number => workers.filter((worker) => worker.state === state).length;

/** Columns of the table. Those without `of` are no plain numbers. */
export const columns = [
  { name: 'slot', uwsgi: 'id' },
  { name: 'pid', fpm: 'pid', uwsgi: 'pid' },
  { name: 'state', fpm: 'state', uwsgi: 'status' },
  { name: 'requests', fpm: 'requests', uwsgi: 'requests' },
  { name: 'failures', uwsgi: 'exceptions' },
  { name: 'flight', uwsgi: 'in_request' },
  { name: 'age', fpm: 'start since', uwsgi: 'last_spawn' },
  { name: 'memory', uwsgi: 'rss' },
  { name: 'cpu' },
  { name: 'spawns', uwsgi: 'respawn_count' },
  { name: 'request', fpm: 'request uri', uwsgi: 'vars' },
  { name: 'share' },
] as const satisfies readonly { readonly name: string; readonly fpm?: string; readonly uwsgi?: string }[];

export type Column = (typeof columns)[number]['name'];

/** `foreign`: another program's word, letter by letter. `lacking`: that program has none, and ours stands in its place, in brackets. */
export const shownHead = (
  { word, fpm, uwsgi }: { readonly word: Word; readonly fpm?: string; readonly uwsgi?: string },
  spelling: Spelling,
  say: Say,
): { text: string; kind: 'ours' | 'foreign' | 'lacking' } => {
  const foreign = spelling === 'fpm' ? fpm : spelling === 'uwsgi' ? uwsgi : undefined;
  if (foreign !== undefined) return { text: foreign, kind: 'foreign' };
  const text = say(word);
  return spelling === 'ours' ? { text, kind: 'ours' } : { text: `(${text})`, kind: 'lacking' };
};

/** php-fpm counts a request when it begins, uWSGI when it has ended, well or not; we those that were answered. */
export const requestsOf = ({ requests, failures, inFlight }: WorkerStatus, spelling: Spelling): number =>
  requests + (spelling === 'ours' ? 0 : failures) + (spelling === 'fpm' ? inFlight : 0);

export const stateOf = (state: WorkerStatus['state'], spelling: Spelling, say: Say): string =>
  spelling === 'ours' ? say(`workers.state.${state}`) : states[state][spelling === 'fpm' ? 0 : 1];

const states: Readonly<Record<WorkerStatus['state'], readonly [fpm: string, uwsgi: string]>> = {
  starting: ['Creating', 'pause'],
  idle: ['Idle', 'idle'],
  busy: ['Running', 'busy'],
  stopping: ['Finishing', 'pause'],
};

/** Beside the word, so that a state is seen without reading, and without colour. */
export const signs: Readonly<Record<WorkerStatus['state'], string>> = { starting: '◔', idle: '○', busy: '●', stopping: '◌' };
