/**
 * Which part of the URL space belongs to whom: a prefix, a directory, a gateway. The longest prefix wins, and a prefix ends
 * where a segment ends: `/cgi-binX` is not under `/cgi-bin`.
 */
import type { Gateway } from '../types.js';
import type { Interpreter } from './interpreters.js';
import type { Segments } from './resolve.js';

export interface Mount {
  /** `['cgi-bin']`; empty for the whole site. */
  readonly prefix: Segments;
  /** Absolute real path of the directory served there. */
  readonly root: string;
  readonly interpreters: ReadonlyMap<string, Interpreter>;
  readonly gateway: Gateway;
}

/** A prefix that a program of its own answers, whatever the path: no file is looked for. */
export interface ProgramMount {
  readonly prefix: Segments;
  readonly gateway: Gateway;
  /** A WSGI application: its paths are no files', and passwords are its own business. */
  readonly application: boolean;
}

/** The mount a path belongs to, and the segments below it; undefined when the path is nobody's. */
export const mountFor = <M extends { readonly prefix: Segments }>(
  mounts: readonly M[],
  segments: Segments,
): { mount: M; below: Segments } | undefined => {
  let best: { mount: M; below: Segments } | undefined;
  for (const mount of mounts) {
    const below = underPrefix(mount.prefix, segments);
    if (below !== undefined && (best === undefined || mount.prefix.length > best.mount.prefix.length)) best = { mount, below };
  }
  return best;
};

/** `//cgi-bin//a` is under `/cgi-bin`: empty segments before a script mean nothing. */
const underPrefix = (prefix: Segments, segments: Segments): Segments | undefined => {
  let at = 0;
  for (const wanted of prefix) {
    while (segments[at] === '' && at < segments.length - 1) at += 1;
    if (segments[at] !== wanted) return undefined;
    at += 1;
  }
  return segments.slice(at);
};
