/** What was measured, and the figures made of it: medians, and ratios to the best peer. */
import type { Slice } from './load.js';
import type { Program } from './programs.js';
import { rawName } from './servers.js';

export interface Results {
  readonly date: string;
  /** `Linux 6.1, x64, 2 cores (AMD EPYC)`. */
  readonly machine: string;
  /** `5 rounds of 2 s`. */
  readonly effort: string;
  readonly programs: readonly Program[];
  readonly connections: readonly number[];
  /** Of each program, in the order shown. */
  readonly rows: Map<string, readonly Row[]>;
  readonly cells: Map<string, Slice[]>;
  /** Of each program: who could not be measured, and why. */
  readonly refused: Map<string, readonly string[]>;
  /** `lighttpd`: `1.4.69`. */
  readonly versions: Map<string, string>;
  /** Servers that are not on this machine, or do not start on it. */
  readonly absent: string[];
  readonly memory: readonly Memory[];
  readonly delays: readonly Delay[];
  readonly starved: readonly Starved[];
}

export interface Row {
  readonly name: string;
  readonly kind: Kind;
}

/** `shown` and `limit` are there to be seen: nobody is measured against them. */
export type Kind = 'ours' | 'peer' | 'shown' | 'limit';

/** Resident KiB after so many requests. */
export interface Memory {
  readonly server: string;
  readonly after: readonly { readonly requests: number; readonly kib: number }[];
}

/** How late a timer fires while 64 connections are served, in milliseconds. */
export interface Delay {
  readonly server: string;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Shares of the time: the loop was not waiting for events; its thread could have run and had no core. */
  readonly busy: number;
  readonly noCore: number;
}

/** Of so many clients, how many had no answer at all. */
export interface Starved {
  readonly server: string;
  readonly clients: number;
  readonly nothing: number;
}

export const cellName = (program: string, connections: number, server: string): string => `${program} ${connections} ${server}`;

export interface Figures {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** The server's own CPU a request, in microseconds. */
  readonly ownUs: number | undefined;
}

/** Undefined when nothing sound was measured. */
export const figures = (results: Results, program: string, connections: number, server: string): Figures | undefined => {
  const sound = (results.cells.get(cellName(program, connections, server)) ?? []).filter((each) => each.trouble === undefined);
  if (sound.length === 0) return undefined;
  const owned = sound.filter((each) => each.ownMs !== undefined);
  return {
    perSecond: median(sound.map((each) => each.perSecond)),
    p99Ms: median(sound.map((each) => each.p99Ms)),
    // Of all slices together: the kernel counts in steps of 10 ms, which are large beside one short slice.
    ownUs: owned.length === 0 ? undefined : (sum(owned.map((each) => each.ownMs!)) * 1000) / sum(owned.map((each) => each.requests)),
  };
};

/** The best figure that a peer reached: the highest rate, or the lowest of the others. */
export const bestPeer = (results: Results, program: string, connections: number, what: keyof Figures): number | undefined => {
  const reached = rowsOf(results, program)
    .filter((row) => row.kind === 'peer')
    .map((row) => figures(results, program, connections, row.name)?.[what])
    .filter((value) => value !== undefined);
  if (reached.length === 0) return undefined;
  return what === 'perSecond' ? Math.max(...reached) : Math.min(...reached);
};

export const rowsOf = ({ rows }: Results, program: string): readonly Row[] => rows.get(program) ?? [];

/** Of the best rate: a CGI host with less in the first round is not asked again; two more slices of it would tell nothing new. */
export const farBehind = 1 / 5;

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const limit: Row = { name: rawName, kind: 'limit' };
