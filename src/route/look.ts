/**
 * Asks the disk. One walk serves scripts and static files alike, so that the two can never disagree about what a path means:
 * each segment is a real entry of a real directory, links are followed only as long as they stay inside, hidden names are
 * not there, and the first file on the way is what was asked for; the rest of the segments is PATH_INFO (RFC 3875 §4.1.5).
 *
 * The calls are synchronous on purpose: a stat of a cached entry takes microseconds, a trip to the thread pool ten times that.
 */
import { accessSync, constants, lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, extname, join, relative, sep } from 'node:path';
import { type Failure, failure, isFailure } from '../failures.js';
import { firstBytes } from '../files.js';
import { probesKept } from '../limits.js';
import { type Probe, probe } from '../script/probe.js';
import type { Segments } from './resolve.js';

/** What stands at the end of the walk. */
export interface Found {
  readonly kind: 'file' | 'directory';
  /** Absolute real path. */
  readonly path: string;
  /** The segments that led here, empty ones left out. */
  readonly name: Segments;
  /** What is left: PATH_INFO of a script; `[]` or `['']` (a trailing slash) of a directory. */
  readonly rest: Segments;
  readonly stats: Stats;
}

/** `root` is a real path. Nothing there is a NOT_FOUND. */
export const walk = (root: string, segments: Segments): Found | Failure => {
  let path = root;
  /** Of `path`. The root's are asked for only when nothing stands below it. */
  let stats: Stats | undefined;
  try {
    const name: string[] = [];
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i]!;
      if (stats?.isFile()) return { kind: 'file', path, name, rest: segments.slice(i), stats };
      if (stats !== undefined && !stats.isDirectory()) return failure('NOT_A_FILE', { file: path });
      if (segment === '') continue;
      if (isHidden(segment) || segment.includes('/') || !hasExactly(path, segment))
        return failure('NOT_FOUND', { file: join(path, segment) });
      path = path + sep + segment;
      stats = lstatSync(path);
      if (stats.isSymbolicLink()) {
        path = realpathSync.native(path);
        if (!isInside(root, path)) return failure('LINK_LEAVES_ROOT', { file: path });
        stats = statSync(path);
      }
      name.push(segment);
    }
    stats ??= statSync(root);
    if (stats.isFile()) return { kind: 'file', path, name, rest: [], stats };
    if (!stats.isDirectory()) return failure('NOT_A_FILE', { file: path });
    return { kind: 'directory', path, name, rest: segments.at(-1) === '' ? [''] : [], stats };
  } catch (error) {
    return diskFailure(error, path);
  }
};

/** What an error of the file system means to the one who asked. */
export const diskFailure = (error: unknown, file: string): Failure => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return failure('NO_PERMISSION', { file, detail: code });
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP')
    return failure('NOT_FOUND', { file, detail: code });
  if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') return failure('SPAWN_EXHAUSTED', { file, detail: code });
  return failure('SERVER_ERROR', { file, detail: message });
};

/** Inside, and by no hidden way: a link to `.git` hides nothing less. */
export const isInside = (root: string, path: string): boolean => {
  if (path === root) return true;
  if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) return false;
  return !relative(root, path).split(sep).some(isHidden);
};

/** Dot files are not there. `.well-known` is what RFC 8615 made them for. */
export const isHidden = (name: string): boolean => name.startsWith('.') && name !== '.well-known';

/** On a disk that ignores case `SCRIPT.PL` opens `script.pl` and slips past every rule about its name (CVE-2025-46701). */
const hasExactly = (directory: string, name: string): boolean => !caseFolding || readdirSync(directory).includes(name);
const caseFolding = process.platform === 'darwin' || process.platform === 'win32';

/** The file of a directory's index: RFC 3875 leaves it open; `index.cgi` first, then whatever `index.*` may run. */
export const scriptIndex = (root: string, directory: Found, runnable: (file: string, stats: Stats) => boolean): Found | undefined => {
  try {
    const names = readdirSync(directory.path).filter((name) => /^index\.[^.]+$/.test(name));
    names.sort((a, b) => Number(b === 'index.cgi') - Number(a === 'index.cgi') || (a < b ? -1 : 1));
    for (const name of names) {
      const found = walk(root, [...directory.name, name]);
      if (!isFailure(found) && found.kind === 'file' && runnable(found.path, found.stats)) return found;
    }
  } catch {
    // A directory that cannot be listed has no index; the walk has said already what else is wrong with it.
  }
  return undefined;
};

/** May the system execute it? A change of mode, owner or ACL changes ctime; a file that has not changed is not asked again. */
export const isExecutable = (file: string, stats: Stats): boolean => {
  if (process.platform !== 'win32' && (stats.mode & 0o111) === 0) return false;
  const known = remembered(file, stats);
  known.executable ??= may(file, constants.X_OK);
  return known.executable;
};

export const isReadable = (file: string): boolean => may(file, constants.R_OK);

const may = (file: string, mode: number): boolean => {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
};

/** What runs this file, from its first bytes. */
export const probeFile = (file: string, stats: Stats): Probe => {
  const known = remembered(file, stats);
  known.probe ??= readProbe(file);
  return known.probe;
};

/** What was found out about a file, good until the file itself or what is said of it changes. */
interface Known {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  executable: boolean | undefined;
  probe: Probe | undefined;
}

const remembered = (file: string, { ino, size, mtimeMs, ctimeMs }: Stats): Known => {
  const known = knownFiles.get(file);
  if (known && known.ino === ino && known.size === size && known.mtimeMs === mtimeMs && known.ctimeMs === ctimeMs) return known;
  if (knownFiles.size >= probesKept) knownFiles.delete(knownFiles.keys().next().value!);
  const fresh: Known = { ino, size, mtimeMs, ctimeMs, executable: undefined, probe: undefined };
  knownFiles.set(file, fresh);
  return fresh;
};

const knownFiles = new Map<string, Known>();

const readProbe = (file: string): Probe => {
  const first = firstBytes(file);
  if (Buffer.isBuffer(first)) return probe(first, file);
  return first.code === 'EACCES' ? { kind: 'unreadable' } : { kind: 'wrong', failure: diskFailure(first, file) };
};

export const extensionOf = (file: string): string => extname(basename(file));
