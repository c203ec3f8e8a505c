/**
 * From a clean path to what answers it: a script and its PATH_INFO, a static file, a slash that was left out, a list of what is
 * here. Asks the disk through look.ts and decides nothing else; what may not be served is a coded failure.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Failure, failure, isFailure } from '../failures.js';
import { indexedQuery } from '../script/isindex.js';
import type { Gateway, HttpRequest, Script } from '../types.js';
import { extensionOf, type Found, isInside, isReadable, scriptIndex, walk } from './look.js';
import { type Mount, mountFor, type ProgramMount } from './mounts.js';
import { asUrl, joined, resolvePath, type Segments } from './resolve.js';
import { scriptAt } from './script.js';

export type Destination =
  | {
      readonly to: 'script';
      readonly gateway: Gateway;
      readonly script: Script;
      readonly scriptName: string;
      readonly pathInfo: string;
      /** The file that is SCRIPT_FILENAME; undefined where a program answers for a whole prefix and there is none. */
      readonly file: string | undefined;
      /** As in ProgramMount. */
      readonly application: boolean;
    }
  | { readonly to: 'file'; readonly found: Found }
  /** The directory's URL lacks its slash: relative links on its page would lead astray. */
  | { readonly to: 'slash'; readonly location: string }
  /** No index here: a page that lists the scripts. */
  | { readonly to: 'list'; readonly mount: Mount; readonly below: Segments }
  | { readonly to: 'server' }
  | Failure;

export interface RoutePolicy {
  readonly mounts: readonly Mount[];
  /** Prefixes that programs answer which run already. */
  readonly programs: readonly ProgramMount[];
  /** Extensions (`.php`) whose files such programs run. */
  readonly extensions: ReadonlyMap<string, Gateway>;
  /** `index.php`: the file in the public directory that answers for every path at which there is none. */
  readonly frontController: string | undefined;
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
  const mounted = mountFor<Mount | ProgramMount>(
    policy.programs.length === 0 ? policy.mounts : [...policy.mounts, ...policy.programs],
    segments,
  );
  if (mounted === undefined) return toPublic(request, segments, policy);
  const { mount, below } = mounted;
  return 'root' in mount ? toScript(request, mount, below, policy) : toProgram(mount, below);
};

/** RFC 3875 §4.1.13: SCRIPT_NAME is the prefix, PATH_INFO the rest, and no file stands behind it. */
const toProgram = ({ prefix, gateway, application }: ProgramMount, below: Segments): Destination => {
  const script = { file: asUrl(prefix), program: '', args: [], cwd: '', nph: false };
  return { to: 'script', gateway, script, scriptName: joined(prefix), pathInfo: joined(below), file: undefined, application };
};

/** A file whose extension a program runs: always a real file inside the root, found by the walk; the program has nothing to guess. */
const toProgramFile = (found: Found, prefix: Segments, { extensions }: RoutePolicy): Destination | undefined => {
  const extension = extensionOf(found.path);
  const gateway = extensions.get(extension);
  if (gateway === undefined) {
    // `.PHP` is not what was mounted, and its source is nobody's to read.
    return extensions.has(extension.toLowerCase()) ? failure('SCRIPT_OUTSIDE', { file: found.path }) : undefined;
  }
  const script = { file: found.path, program: '', args: [], cwd: dirname(found.path), nph: false };
  const scriptName = joined([...prefix, ...found.name]);
  return { to: 'script', gateway, script, scriptName, pathInfo: joined(found.rest), file: found.path, application: false };
};

const toScript = (request: HttpRequest, mount: Mount, below: Segments, policy: RoutePolicy): Destination => {
  const { isindex } = policy;
  const found = walk(mount.root, below);
  if (isFailure(found)) return found;
  const answered = found.kind === 'file' ? toProgramFile(found, mount.prefix, policy) : undefined;
  if (answered) return answered;
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
  const scriptName = joined([...mount.prefix, ...found.name]);
  const { gateway } = mount;
  return { to: 'script', gateway, script, scriptName, pathInfo: joined(found.rest), file: script.file, application: false };
};

/** Front-controller style: what is there is sent, and one file answers for everything else. */
const toPublic = (request: HttpRequest, segments: Segments, policy: RoutePolicy): Destination => {
  const destination = toFile(request, segments, policy);
  const { frontController, publicRoot } = policy;
  if (frontController === undefined || publicRoot === undefined) return destination;
  if (!isFailure(destination) && destination.to !== 'list') return destination;
  if (isFailure(destination) && destination.code !== 'NOT_FOUND' && destination.code !== 'NO_LISTING') return destination;
  const controller = walk(publicRoot, [frontController]);
  if (isFailure(controller) || controller.kind !== 'file') return destination;
  return toProgramFile(controller, [], policy) ?? destination;
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
    const answered = toProgramFile(found, [], policy);
    if (answered) return answered;
    if (isSource(found.path, policy.mounts)) return failure('SCRIPT_OUTSIDE', { file: found.path });
    return found.rest.length === 0 ? { to: 'file', found } : failure('NOT_FOUND', { file: found.path });
  }
  if (found.rest.length === 0) return slash(request, found.name);
  const index = walk(found.path, ['index.html']);
  if (!isFailure(index) && index.kind === 'file') return { to: 'file', found: index };
  for (const extension of policy.extensions.keys()) {
    const program = walk(policy.publicRoot, [...found.name, `index${extension}`]);
    if (!isFailure(program) && program.kind === 'file') return toProgramFile(program, [], policy) ?? failure('NOT_FOUND');
  }
  return atRoot ? startPage : failure('NO_LISTING', { file: found.path });
};

/** By its name it would run, were it in a script directory. Its X bit says nothing here: whole disks have it on every file. */
const isSource = (file: string, mounts: readonly Mount[]): boolean =>
  extensionOf(file) === '.cgi' || mounts.some((mount) => mount.interpreters.has(extensionOf(file)));

/** Built from the segments, not from the URL's text: `//host/dir` must not become a redirect to another host. */
const slash = (request: HttpRequest, name: Segments): Destination => ({
  to: 'slash',
  location: `${asUrl([...name, ''])}${request.query === '' ? '' : `?${request.query}`}`,
});

/** RFC 3875 §4.1.6: PATH_INFO as a path under the document root; undefined without one, and when a link there leads outside (§9.8). */
export const pathTranslated = (documentRoot: string | undefined, pathInfo: string): string | undefined => {
  if (documentRoot === undefined || pathInfo === '') return undefined;
  const path = join(documentRoot, pathInfo);
  try {
    return isInside(documentRoot, realpathSync.native(path)) ? path : undefined;
  } catch {
    return path; // Nothing there yet; the name is inside, because the dots were resolved before the split.
  }
};
