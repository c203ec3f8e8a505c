/**
 * How a pool of workers is, at one moment: what the status page says, in whatever spelling it is asked for.
 *
 *   carrier/pool makes it → fpm.ts (php-fpm's spellings) · uwsgi.ts (uWSGI's) · html.ts → answer.ts chooses
 *
 * Plain values, taken when somebody asks, and nothing here measures. Two kinds of figures: a gauge says how it is now (`inFlight`,
 * `queue.waiting`), a counter how often since the pool began, workers that have gone counted in (`accepted`, `crashed`).
 * No section of a standard: php-fpm's and uWSGI's own output is the model (each file names it).
 */

/** One worker as it is now. `…At`: milliseconds since 1970; `…Ms`: durations. */
export interface WorkerStatus {
  readonly pid: number;
  /** Its place in the pool, from 1; a replacement gets the place of the one it replaces. */
  readonly slot: number;
  /** Which reload it came with, from 1. */
  readonly generation: number;
  /** `starting`: not ready yet; `stopping`: gets no more requests, and ends after the one it has. */
  readonly state: 'starting' | 'idle' | 'busy' | 'stopping';
  /** When its process was born. */
  readonly startedAt: number;
  /** Requests it has answered; those that failed with it are in `failures`. */
  readonly requests: number;
  readonly failures: number;
  /** Requests it has now: 0 or 1, more where a worker takes several. */
  readonly inFlight: number;
  /** Memory it has in use; undefined where the system does not tell. */
  readonly rssBytes: number | undefined;
  /** Of its life so far, how long it had a request. */
  readonly busyMs: number;
  /** Processes that have had its place so far, it included. */
  readonly spawns: number;
  /** Processor time of its whole life so far; undefined where the system does not tell. */
  readonly cpu: { readonly userMs: number; readonly systemMs: number } | undefined;
  /** The request it has, or its last one; undefined: none yet. */
  readonly request: WorkerRequest | undefined;
}

/** What a worker does, or did last. */
export interface WorkerRequest {
  /** The exchange's id: the same in the log. */
  readonly id: string;
  readonly method: string;
  /** Path and query, as the client sent them. */
  readonly target: string;
  /** The file that runs, or what stands in its place: `app:application`. */
  readonly script: string;
  /** REMOTE_USER; undefined: nobody said who they are. */
  readonly user: string | undefined;
  /** CONTENT_LENGTH; 0 where no body came, or none said how long it is. */
  readonly contentBytes: number;
  readonly startedAt: number;
  /** From the worker's being given the request to its answer's end; undefined while it runs. */
  readonly tookMs: number | undefined;
}

/** One pool: the workers behind one mount, and the queue before them. */
export interface PoolStatus {
  /** Where it is mounted: a path (`/api`) or an extension (`.php`). Names the pool: no two have the same. */
  readonly where: string;
  /** The gateway's row in the catalog: `wsgi`, `fastcgi`. */
  readonly gateway: string;
  /** What runs: `app:application`, or the command. */
  readonly label: string;
  readonly workersMin: number;
  readonly workersMax: number;
  readonly startedAt: number;
  /** The generation that gets new requests, from 1. */
  readonly generation: number;
  /** Reloads that came through. */
  readonly reloads: number;
  /** Why the last reload was refused; undefined: it was not, or none was asked for. */
  readonly reloadFailure: string | undefined;
  /** Requests that came to the pool, refused ones too. */
  readonly accepted: number;
  readonly queue: {
    /** Requests without a worker now. */
    readonly waiting: number;
    /** Most that waited at once. */
    readonly waitingMost: number;
    /** How many may wait. */
    readonly bound: number;
    /** How long requests waited that were given a worker lately (a bounded sample); undefined: none yet. */
    readonly waits:
      | { readonly count: number; readonly p50Ms: number; readonly p90Ms: number; readonly p99Ms: number; readonly maxMs: number }
      | undefined;
    /** Requests that never got a worker: the queue was full; their time was up; their client left; no worker could be had. */
    readonly drops: { readonly full: number; readonly timeout: number; readonly left: number; readonly failed: number };
  };
  /** Most workers that were busy at once. */
  readonly activeMost: number;
  /** How often more workers were wanted than `workersMax`. */
  readonly ceilings: number;
  /** Requests that were stuck beyond the bound. */
  readonly slow: number;
  /** Workers that were ended on purpose, by the reason; by hand: `asked`, by a signal `killed`. */
  readonly recycled: { readonly [Reason in RecycleReason]: number };
  /** Workers that ended by themselves. */
  readonly crashed: number;
  /** Requests that were asked again of another worker. */
  readonly retries: number;
  /** Answers that broke off before their end. */
  readonly truncations: number;
  /** Requests whose client left while a worker had them. */
  readonly aborts: number;
  readonly workers: readonly WorkerStatus[];
  /** What became of its workers lately, the oldest first. */
  readonly events: readonly PoolEvent[];
}

export type RecycleReason = 'requests' | 'memory' | 'age' | 'idle' | 'stuck' | 'asked' | 'killed';

/** Each with a number of its own, from 1. */
export type PoolEvent = { readonly serial: number; readonly at: number; readonly generation: number } & (Ready | Ended | Reloaded);

/** A worker takes requests from now on. */
interface Ready {
  readonly what: 'ready';
  readonly pid: number;
  readonly slot: number;
  /** Since its birth. */
  readonly afterMs: number;
  /** Whose place it takes; undefined: nobody's, or that of one who is gone. */
  readonly insteadOf: number | undefined;
}

/** A worker is gone. */
interface Ended {
  readonly what: 'ended';
  /** 0: it was never born. */
  readonly pid: number;
  readonly slot: number;
  readonly livedMs: number;
  readonly requests: number;
  /** It had taken requests. */
  readonly wasReady: boolean;
  /** undefined: nobody wanted it to. */
  readonly why: EndReason | undefined;
  /** `exit 1`, `SIGKILL`. */
  readonly how: string;
  /** What it printed last, where it ended by itself; `''`: nothing. */
  readonly words: string;
  /** Requests it had, and never answered: they have failed, or were asked again of another. */
  readonly held: readonly Named[];
}

/** With its generation: a new one has taken over, or it is one that must not; with the pool. */
export type EndReason = RecycleReason | 'reload' | 'refused' | 'closed';

/** A request, so that it can be found again. */
export interface Named {
  readonly id: string;
  readonly method: string;
  readonly target: string;
}

/** A generation has taken over. */
interface Reloaded {
  readonly what: 'reloaded';
  /** It has not, and the one before it goes on: this is why. */
  readonly refused: string | undefined;
}
