/**
 * From a clean path to what answers it: a script and its PATH_INFO, a static file, a slash that was left out, a list of what is
 * here. Asks the disk through look.ts and decides nothing else; what may not be served is a coded failure.
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Failure, failure, isFailure } from '../failures.js';
import { indexedQuery } from '../script/isindex.js';
import type { HttpRequest, Script } from '../types.js';
import { extensionOf, type Found, isInside, isReadable, scriptIndex, walk } from './look.js';
import { type Mount, mountFor } from './mounts.js';
import { asUrl, joined, resolvePath, type Segments } from './resolve.js';
import { scriptAt } from './script.js';

export type Destination =
  | { readonly to: 'script'; readonly mount: Mount; readonly script: Script; readonly scriptName: string; readonly pathInfo: string }
  | { readonly to: 'file'; readonly found: Found }
  /** The directory's URL lacks its slash: relative links on its page would lead astray. */
  | { readonly to: 'slash'; readonly location: string }
  /** No index here: a page that lists the scripts. */
  | { readonly to: 'list'; readonly mount: Mount; readonly below: Segments }
  | { readonly to: 'server' }
  | Failure;

export interface RoutePolicy {
  readonly mounts: readonly Mount[];
  /** Absolute real path of the static files; undefined for none. */
  readonly publicRoot: string | undefined;
  readonly encodedSlashes: 'reject' | 'decode';
  readonly isindex: boolean;
  /** Real paths of files that are not there: passwords, a configuration. */
  readonly neverSent: ReadonlySet<string>;
}

export const destinationOf = (request: HttpRequest, policy: RoutePolicy): Destination => {
  // RFC 9112 §3.2.4 — `*` is the server itself, and only OPTIONS asks for that.
  if (request.path === '*') return request.method === 'OPTIONS' ? { to: 'server' } : failure('BAD_REQUEST', { detail: 'target *' });
  const segments = resolvePath(request.path, policy.encodedSlashes);
  if (isFailure(segments)) return segments;
  const mounted = mountFor(policy.mounts, segments);
  if (mounted) return toScript(request, mounted.mount, mounted.below, policy.isindex);
  return toFile(request, segments, policy);
};

const toScript = (request: HttpRequest, mount: Mount, below: Segments, isindex: boolean): Destination => {
  const found = walk(mount.root, below);
  if (isFailure(found)) return found;
  if (found.kind === 'directory') {
    if (found.rest.length === 0) return slash(request, [...mount.prefix, ...found.name]);
    const index = scriptIndex(mount.root, found, (file, stats) => !isFailure(scriptAt(file, stats, mount.interpreters)));
    if (index) return run(request, mount, index, isindex);
    return isReadable(found.path) ? { to: 'list', mount, below: found.name } : failure('NO_PERMISSION', { file: found.path });
  }
  return run(request, mount, found, isindex);
};

const run = (request: HttpRequest, mount: Mount, found: Found, isindex: boolean): Destination => {
  const args = isindex ? indexedQuery(request.method, request.query) : [];
  const script = scriptAt(found.path, found.stats, mount.interpreters, args);
  if (isFailure(script)) return script;
  return { to: 'script', mount, script, scriptName: joined([...mount.prefix, ...found.name]), pathInfo: joined(found.rest) };
};

const toFile = (request: HttpRequest, segments: Segments, policy: RoutePolicy): Destination => {
  const atRoot = segments.every((segment) => segment === '');
  const [scripts] = policy.mounts;
  const startPage: Destination = atRoot && scripts ? { to: 'list', mount: scripts, below: [] } : failure('NOT_FOUND');
  if (policy.publicRoot === undefined) return startPage;
  const found = walk(policy.publicRoot, segments);
  if (isFailure(found)) return found;
  // However it is spelt or linked, what lies in a script directory is never sent as text.
  const hidden = policy.neverSent.has(found.path) || policy.mounts.some((mount) => isInside(mount.root, found.path));
  if (hidden) return failure('NOT_FOUND', { file: found.path });
  if (found.kind === 'file') {
    if (policy.mounts.some((mount) => isSource(found.path, mount))) return failure('SCRIPT_OUTSIDE', { file: found.path });
    return found.rest.length === 0 ? { to: 'file', found } : failure('NOT_FOUND', { file: found.path });
  }
  if (found.rest.length === 0) return slash(request, found.name);
  const index = walk(found.path, ['index.html']);
  if (!isFailure(index) && index.kind === 'file') return { to: 'file', found: index };
  return atRoot ? startPage : failure('NO_LISTING', { file: found.path });
};

/** By its name it would run, were it in a script directory. Its X bit says nothing here: whole disks have it on every file. */
const isSource = (file: string, mount: Mount): boolean => mount.interpreters.has(extensionOf(file)) || extensionOf(file) === '.cgi';

/** Built from the segments, not from the URL's text: `//host/dir` must not become a redirect to another host. */
const slash = (request: HttpRequest, name: Segments): Destination => ({
  to: 'slash',
  location: `${asUrl([...name, ''])}${request.query === '' ? '' : `?${request.query}`}`,
});

/** RFC 3875 §4.1.6: PATH_INFO as a path under the document root; undefined without one, and when a link there leads outside (§9.8). */
export const pathTranslated = (documentRoot: string, pathInfo: string): string | undefined => {
  if (pathInfo === '') return undefined;
  const path = join(documentRoot, pathInfo);
  try {
    return isInside(documentRoot, realpathSync.native(path)) ? path : undefined;
  } catch {
    return path; // Nothing there yet; the name is inside, because the dots were resolved before the split.
  }
};
