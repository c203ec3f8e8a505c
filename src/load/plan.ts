/**
 * The nouns of a comparison: what is asked for, how hard, and what came of it. All of it is plain data, so that a terminal, a page
 * and a file can tell the same. compare.ts makes a Comparison from a Plan.
 *
 * There are two ways to press a server, and they answer two questions:
 *
 * closed loop   N users; each asks again when it has its answer. «How much can it do?» A server that stalls is asked less meanwhile.
 * open loop     requests come at a rate, whatever the server does, as from people who know nothing of each other. «How long do
 *               they wait?»
 */
import type { Failure } from '../failures.js';

/** What a client asks for. */
export interface Target {
  /** As it is to be told: `/app`. */
  readonly name: string;
  readonly method: string;
  /** Path and query, as they go into the request line. */
  readonly target: string;
  /** Name, value, name, value: besides Host, User-Agent and Content-Length, unless it names them. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

/** The same twice is a fair question: how much do two measurements of one thing differ? */
export const nameAmong = (others: readonly Target[], target: string): string => {
  const same = others.filter((other) => other.target === target).length;
  return same === 0 ? target : `${target} #${same + 1}`;
};

export type Loop =
  | { readonly kind: 'closed'; readonly users: number }
  /** Intended starts lie 1/perSecond apart. Whoever finds all connections in use waits, and that wait belongs to its latency. */
  | { readonly kind: 'open'; readonly perSecond: number; readonly connections: number };

export interface Plan {
  readonly loop: Loop;
  /** Each target is asked in so many slices, in turn with the others, */
  readonly rounds: number;
  /** each so long; */
  readonly sliceMs: number;
  /** and before, without being counted. */
  readonly warmUpMs: number;
}

/** CPU time in milliseconds, of all requests together. */
export interface Cpu {
  readonly userMs: number;
  readonly systemMs: number;
}

/** One target in one round. */
export interface Slice {
  readonly round: number;
  readonly seconds: number;
  /** Requests with a good answer (below 400): only they have a latency. */
  readonly answered: number;
  readonly perSecond: number;
  /** Why the others have none, and how many: a status (`502`), `timeout`, `broken`, `unsent`. */
  readonly failed: Readonly<Record<string, number>>;
  readonly latency: Curve;
  /** Processes that were born meanwhile, for requests or in the place of a worker that ended. */
  readonly born: number;
  /** The server itself, on its own account. */
  readonly serverCpu: Cpu;
  /** The programs; undefined where nobody could tell: started by somebody else, or born the portable way. Never zero in its place. */
  readonly programCpu: Cpu | undefined;
  /** The load generator's own share of one processor, from 0 to 1: near 1 it was the bottleneck. */
  readonly generatorShare: number;
}

/** Latencies by percentile. */
export interface Curve {
  readonly count: number;
  /** Rising; none beyond 100 − 100/count, because so many requests cannot tell more. */
  readonly points: readonly (readonly [percent: number, ms: number])[];
  /** undefined: there was no answer. */
  readonly maxMs: number | undefined;
}

/** One target, all rounds together. */
export interface Measured {
  readonly target: Target;
  /** `cgi`, `fastcgi`, `wsgi`, `static` …; undefined when no exchange came that far. */
  readonly gateway: string | undefined;
  readonly slices: readonly Slice[];
  readonly answered: number;
  readonly failed: Readonly<Record<string, number>>;
  /** The median of the rounds, and the range they lay in. */
  readonly perSecond: { readonly median: number; readonly least: number; readonly most: number };
  /** Closed loop: from the moment it was sent. Open loop: from the moment it was due. */
  readonly latency: Curve;
  /** Open loop: the same requests from the moment they were sent, as a generator tells it that waits for answers (coordinated omission). */
  readonly fromSent: Curve | undefined;
  readonly born: number;
  readonly serverCpu: Cpu;
  readonly programCpu: Cpu | undefined;
  readonly generatorShare: number;
  /** Open loop: how late the generator itself was, with a connection at hand. */
  readonly generatorLate: Curve | undefined;
  /** What the server said of the first request that failed. */
  readonly failure: Failure | undefined;
}

export interface Machine {
  readonly system: string;
  readonly cpus: number;
  readonly cpu: string;
  readonly node: string;
}

export interface Comparison {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly version: string;
  readonly machine: Machine;
  readonly births: { readonly by: 'native' | 'portable'; readonly why: string | undefined };
  readonly plan: Plan;
  /** Somebody stopped it: rounds are missing. */
  readonly interrupted: boolean;
  readonly targets: readonly Measured[];
}

/** It was asked, and never answered well. */
export const failsAltogether = (measured: Measured): boolean => measured.answered === 0 && failuresOf(measured) > 0;

export const requestsOf = ({ answered, failed }: Pick<Measured, 'answered' | 'failed'>): number => answered + failuresOf({ failed });

/** Those that left the generator: what the server was asked. */
export const sentOf = (measured: Pick<Measured, 'answered' | 'failed'>): number => requestsOf(measured) - (measured.failed.unsent ?? 0);

export const failuresOf = ({ failed }: Pick<Measured, 'failed'>): number => Object.values(failed).reduce((sum, count) => sum + count, 0);
