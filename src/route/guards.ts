/**
 * Which places are guarded, and by whom. Pure. A guard is found by the same segments that routing walks, so that no spelling of a
 * path (`/%70rivate`, `//private`, `/x/../private`) leads round it; and before anything is looked for on the disk, so that nobody
 * learns what is there. RFC 3875 §3.1, FastCGI §6.3.
 */
import { type Failure, failure, isFailure } from '../failures.js';
import type { Gateway } from '../types.js';
import { mountFor } from './mounts.js';
import { resolvePath, type Segments } from './resolve.js';

/** A place that is entered only with a program's leave. */
export interface Guard {
  /** `['private']`; empty for the whole site. */
  readonly prefix: Segments;
  readonly gateway: Gateway;
}

/** The one with the longest prefix, as with mounts; undefined where nobody guards. */
export const guardOf = (path: string, guards: readonly Guard[], encodedSlashes: 'reject' | 'decode'): Guard | undefined | Failure => {
  // `OPTIONS *` asks about the server, and enters no place.
  if (guards.length === 0 || path === '*') return undefined;
  const guard = guardAt(path, guards, encodedSlashes);
  if (isFailure(guard)) return guard;
  // REQUEST_URI says the dots as they were sent. A program that routes by it and knows nothing of dots would take `/private/../x`
  // for something in `/private`, which nobody has let this request into.
  const taken = guardAt(path.replace(dotSegments, ''), guards, encodedSlashes);
  return taken === undefined || taken === guard ? guard : failure('BAD_REQUEST', { detail: 'dots that lead out of a guarded place' });
};

/** RFC 3986 §5.2.4, however spelt. */
const dotSegments = /\/(?:\.|%2e){1,2}(?=\/|$)/gi;

const guardAt = (path: string, guards: readonly Guard[], encodedSlashes: 'reject' | 'decode'): Guard | undefined | Failure => {
  const segments = resolvePath(path, encodedSlashes);
  if (isFailure(segments)) return segments;
  // `/private%2Fx` with `--encoded-slashes decode`: in PATH_INFO it will look like any other slash.
  const parted = segments.flatMap((segment) => segment.split('/'));
  return mountFor(guards, parted)?.mount;
};
