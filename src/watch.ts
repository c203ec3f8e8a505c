/**
 * `--watch`, `--watch-extra`, `--touch`: tells when a file has changed that workers have loaded, so that new ones can take their place.
 *
 *   an event in a folder ──▶ a quiet moment ──▶ a look at every file ──▶ changed(paths)
 *
 * An event only says when to look; what has changed is found by comparing what is there with what was there. Then it is all one whether
 * an editor wrote the file, put another in its place or saved twice, and whether a deployment wrote hundreds of files or turned the one
 * link that leads to them. And where no events come from, looking every second does the same.
 */
import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync, statfsSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Words } from './failures.js';
import {
  watchedBytesMax,
  watchedFilesMax,
  watchedFoldersMax,
  watchLongestMs,
  watchPollMs,
  watchPollPauses,
  watchQuietMs,
  watchReadsAtOnce,
} from './limits.js';
import { now, wallClock } from './trace/trace.js';

/** All paths are absolute. */
export interface WatchOptions {
  /** What workers have loaded. Asked at every look. */
  readonly files: () => readonly string[];
  /** Files, folders with all that is in them, and globs of `**`, `*`, `?` and `{a,b}`; in these two, what is new there counts too. */
  readonly extra: () => readonly string[];
  /** Counts when its time or its inode is another, whatever it holds. */
  readonly touch: string | undefined;
  /** After a quiet moment, with the paths as they were named, or found in a folder. */
  readonly changed: (paths: readonly string[]) => void;
  readonly warn: (text: Words) => void;
}

export interface Watch {
  /** What is to be watched is more or less than before. May be said often. */
  refresh(): void;
  close(): void;
}

/** Hears of every name in a folder that changes; null is any. Throws what the system says when it cannot. */
export type Listen = (folder: string, heard: (event: string, name: string | null) => void, failed: () => void) => { close(): void };

/** `listen`: Node's `fs.watch`; a test may put another in its place. */
export const watchFiles = ({ files, extra, touch, changed, warn }: WatchOptions, listen: Listen = fsWatch): Watch => {
  let known: ReadonlyMap<string, Seen> = new Map();
  let extrasKnown: ReadonlySet<string> | undefined;
  let touched: string | undefined;
  let names: Way['names'] = new Map();
  /** Changed, and not yet told. */
  const unsaid = new Set<string>();
  /** Listed only now, and changed since the present workers were started: after they had loaded them, or before? Once, that is a change. */
  const doubtful = new Set<string>();
  let doubted = false;
  let startedAt = wallClock();
  const warned = new Set<string>();
  let quiet: NodeJS.Timeout | undefined;
  let latest: NodeJS.Timeout | undefined;
  let poll: NodeJS.Timeout | undefined;
  let refreshing: NodeJS.Immediate | undefined;
  let closed = false;

  const warnOnce = (what: string, text: Words): void => {
    if (!warned.has(what)) warn(text);
    warned.add(what);
  };

  /** Finds what has changed since the last look. What is seen for the first time has not, unless it is new in a folder known already. */
  const look = (): void => {
    const begunMs = now();
    const way = wayfinder();
    const seen = new Map<string, Seen>();
    const lookAt = (path: string, isChange: boolean): void => {
      if (isCompiled(path)) return;
      const before = known.get(path);
      const after = see(way.follow(path), before);
      seen.set(path, after);
      if (before === undefined ? isChange : differs(before, after)) unsaid.add(path);
      else if (before === undefined && extrasKnown !== undefined && after.changedAt > startedAt) doubtful.add(path);
    };
    for (const path of files()) lookAt(path, false);
    const extras = new Set(extra());
    const room = { left: watchedFilesMax };
    for (const each of extras) {
      const found = filesOf(each, way, room);
      for (const path of found) lookAt(path, extrasKnown?.has(each) ?? false);
      if (extrasKnown === undefined && found.every((path) => seen.get(path)?.stamp === gone)) warnOnce(each, nothingThere(each));
    }
    if (room.left <= 0) warnOnce('files', tooManyFiles);
    const stamp = touch === undefined ? '' : touchStamp(way.follow(touch));
    // One that is not there has not been touched.
    if (touch !== undefined && touched !== undefined && stamp !== '' && stamp !== touched) unsaid.add(touch);
    touched = stamp || (touched ?? '');
    extrasKnown = extras;
    known = seen;
    names = way.names;
    reader.read([...seen.values()].filter(({ digest, stamp }) => digest === undefined && stamp !== gone));
    const deaf = hearing.turnTo(names.keys());
    clearTimeout(poll);
    if (deaf === undefined) return;
    warnOnce('deaf', deaf);
    poll = setTimeout(refresh, Math.max(watchPollMs, (now() - begunMs) * watchPollPauses)).unref();
  };
  const refresh = (): void => {
    if (closed) return;
    refreshing ??= setImmediate(() => {
      refreshing = undefined;
      look();
      if (unsaid.size + doubtful.size > 0) soon();
    }).unref();
  };
  const soon = (): void => {
    if (closed) return;
    clearTimeout(quiet);
    quiet = setTimeout(tell, watchQuietMs).unref();
    latest ??= setTimeout(tell, watchLongestMs).unref();
  };
  const tell = (): void => {
    clearTimeout(quiet);
    clearTimeout(latest);
    quiet = latest = undefined;
    look();
    // Not again and again: a worker may write what it loads, each time under another name.
    const paths = [...unsaid, ...(doubted ? [] : doubtful)];
    if (paths.length > 0) doubted = unsaid.size === 0;
    unsaid.clear();
    doubtful.clear();
    if (paths.length === 0) return;
    startedAt = wallClock();
    changed(paths);
  };
  const heard = (folder: string, event: string, name: string | null): void => {
    const wanted = names.get(folder);
    const counts = name === null || wanted?.has(name) || (wanted?.has(anyName) && !isBeside(name));
    // What else comes and goes around a change may be the rest of a deployment.
    if (counts || (event === 'rename' && quiet !== undefined)) soon();
  };

  const hearing = ears(listen, heard, soon);
  const reader = laterReader();
  look();
  return {
    refresh,
    close() {
      closed = true;
      for (const timer of [quiet, latest, poll]) clearTimeout(timer);
      clearImmediate(refreshing);
      reader.read([]);
      hearing.close();
    },
  };
};

// --- what is seen of a file ------------------------------------------------------------------------------------------

interface Seen {
  /** Where its path leads, or has led last. */
  readonly real: string | undefined;
  /** Inode, size and time; `gone`. */
  readonly stamp: string;
  /** Milliseconds since 1970: of its inode, which neither an old file put in its place nor a copied time can hide. */
  readonly changedAt: number;
  /** Of what it holds, or held last. undefined: not read yet, or too large. */
  digest: string | undefined;
}

const gone = 'gone';

const see = (real: string | undefined, before: Seen | undefined): Seen => {
  const stats = statOf(real);
  const stamp = stampOf(stats);
  if (stats === undefined || stamp === gone) return { real: before?.real, stamp: gone, changedAt: 0, digest: before?.digest };
  if (before?.stamp === stamp && before.real === real) return before;
  return { real, stamp, changedAt: Number(stats.ctimeNs / 1_000_000n), digest: before?.digest === undefined ? undefined : digestOf(real!) };
};

/** A file that is gone cannot be loaded: it counts when it is back, if it holds something else then. */
const differs = (before: Seen, after: Seen): boolean => {
  if (after === before || after.stamp === gone) return false;
  // A link was turned: what lies beside the file is another, too.
  if (before.real !== undefined && before.real !== after.real) return true;
  return before.digest === undefined || before.digest !== after.digest;
};

const stampOf = (stats: BigIntStats | undefined): string => (stats?.isFile() ? `${stats.ino} ${stats.size} ${stats.mtimeNs}` : gone);

const statOf = (path: string | undefined): BigIntStats | undefined => {
  try {
    return path === undefined ? undefined : statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
};

const digestOf = (file: string): string | undefined => {
  try {
    if (statSync(file).size > watchedBytesMax) return undefined;
    return createHash('sha1').update(readFileSync(file)).digest('base64');
  } catch {
    return undefined;
  }
};

/** `touch` sets a file's time; what it holds does not matter. */
const touchStamp = (real: string | undefined): string => {
  const stats = statOf(real);
  return stats === undefined ? '' : `${stats.ino} ${stats.mtimeNs}`;
};

/** So that a file which was only saved again can be told from one that has changed. Until it is read, a new time is a change. */
const laterReader = (): { read(files: Seen[]): void } => {
  let unread: Seen[] = [];
  let next: NodeJS.Immediate | undefined;
  const read = (files: Seen[]): void => {
    unread = files;
    clearImmediate(next);
    next = files.length > 0 ? setImmediate(readSome).unref() : undefined;
  };
  const readSome = (): void => {
    for (const file of unread.splice(0, watchReadsAtOnce)) {
      const digest = digestOf(file.real!);
      if (stampOf(statOf(file.real)) === file.stamp) file.digest = digest;
    }
    read(unread);
  };
  return { read };
};

/** Python's compiled copy of a source: written by whoever loads it. */
const isCompiled = (path: string): boolean => /[\\/]__pycache__[\\/]/.test(path);

// --- the way to a file -----------------------------------------------------------------------------------------------

interface Way {
  /** Where a path really leads; undefined: nowhere, now. */
  follow(path: string): string | undefined;
  /** Folder → the names in it that count; `anyName`: every one. */
  readonly names: Map<string, Set<string>>;
}

const anyName = '*';

/** Every name on the way counts: each folder may be moved away, each link turned. One that is not there is heard of in the one above. */
const wayfinder = (): Way => {
  const names: Way['names'] = new Map();
  const found = new Map<string, string | undefined>();
  const find = (path: string): string | undefined => {
    const above = dirname(path);
    if (above === path) return path;
    const folder = follow(above);
    if (folder === undefined) return undefined;
    names.set(folder, (names.get(folder) ?? new Set()).add(basename(path)));
    const here = join(folder, basename(path));
    try {
      return lstatSync(here).isSymbolicLink() ? follow(resolve(folder, readlinkSync(here))) : here;
    } catch {
      return undefined;
    }
  };
  const follow = (path: string): string | undefined => {
    if (found.has(path)) return found.get(path);
    found.set(path, undefined); // a link that leads to itself leads nowhere
    const real = find(path);
    found.set(path, real);
    return real;
  };
  return { names, follow };
};

/** What an extra stands for now: itself, or what is found. */
const filesOf = (extra: string, way: Way, room: { left: number }): string[] => {
  const stats = statOf(way.follow(extra));
  const sign = extra.search(/[*?{]/);
  if (stats?.isDirectory()) return filesIn(extra, Number.POSITIVE_INFINITY, way, room);
  if (stats !== undefined || sign < 0) return [extra];
  const base = dirname(`${extra.slice(0, sign)}x`);
  const below = (path: string): string => relative(base, path).replaceAll(sep, '/');
  const glob = below(extra);
  const pattern = new RegExp(`^${patternOf(glob)}$`);
  const levels = glob.includes('**') ? Number.POSITIVE_INFINITY : glob.split('/').length;
  return filesIn(base, levels, way, room).filter((path) => pattern.test(below(path)));
};

const patternOf = (glob: string): string =>
  glob.replace(/\*\*\/|\*+|\?|\{([^{}]*)\}|[.+^$()|[\]{}\\]/g, (sign, choices?: string) => {
    if (choices !== undefined) return `(?:${choices.split(',').map(patternOf).join('|')})`;
    if (sign === '**/') return '(?:.*/)?';
    if (sign === '**') return '.*';
    return sign.startsWith('*') ? '[^/]*' : sign === '?' ? '[^/]' : `\\${sign}`;
  });

/** Links to folders are not followed from here on: one may lead back. */
const filesIn = (folder: string, levels: number, way: Way, room: { left: number }): string[] => {
  const real = way.follow(folder);
  if (real === undefined) return [];
  way.names.set(real, (way.names.get(real) ?? new Set()).add(anyName));
  const files: string[] = [];
  for (const entry of entriesOf(real)) {
    if (isBeside(entry.name)) continue;
    room.left -= 1;
    if (room.left <= 0) break;
    const path = join(folder, entry.name);
    if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
    else if (entry.isDirectory() && levels > 1) files.push(...filesIn(path, levels - 1, way, room));
  }
  return files;
};

const entriesOf = (folder: string) => {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
};

/** What editors, version control and interpreters put beside files: `.app.html.swp`, `app.html~`, `#app.html#`, `__pycache__`. */
const isBeside = (name: string): boolean => /^[.#]|~$|^__pycache__$/.test(name);

// --- who tells of it -------------------------------------------------------------------------------------------------

interface Ear {
  /** Of the folder that is listened to; another one may bear its name by now. */
  readonly inode: string | undefined;
  readonly isSilent: boolean;
  readonly watcher: ReturnType<Listen>;
}

/** `again`: what has changed in a folder before it was listened to is not told. */
const ears = (listen: Listen, heard: (folder: string, event: string, name: string | null) => void, again: () => void) => {
  const listening = new Map<string, Ear>();
  const leave = (folder: string): void => {
    listening.get(folder)?.watcher.close();
    listening.delete(folder);
  };
  const turnToOne = (folder: string): Words | undefined => {
    if (listening.size >= watchedFoldersMax) return tooManyFolders;
    const inode = inodeOf(folder);
    const failed = (): void => {
      leave(folder);
      again();
    };
    try {
      const watcher = listen(folder, (event, name) => heard(folder, event, name), failed);
      listening.set(folder, { inode, isSilent: isSilent(folder), watcher });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') return notWatched(folder, code ?? String(error));
    }
    again();
    return undefined;
  };
  return {
    /** To these folders and no others. Why some of them are not heard, if so. */
    turnTo(folders: Iterable<string>): Words | undefined {
      const wanted = new Set(folders);
      for (const [folder, { inode }] of listening) if (!wanted.has(folder) || inode !== inodeOf(folder)) leave(folder);
      let deaf: Words | undefined;
      for (const folder of wanted) {
        const why = listening.has(folder) ? undefined : turnToOne(folder);
        deaf ??= why ?? (listening.get(folder)?.isSilent ? silentFileSystem(folder) : undefined);
      }
      return deaf;
    },
    close(): void {
      for (const folder of listening.keys()) leave(folder);
    },
  };
};

const fsWatch: Listen = (folder, heard, failed) => {
  const watcher = watch(folder, { persistent: false }, heard);
  watcher.once('error', failed);
  return watcher;
};

const inodeOf = (folder: string): string | undefined => {
  const stats = statOf(folder);
  return stats && `${stats.dev} ${stats.ino}`;
};

/** Linux tells of what is done through it, not of what another machine, or the host of a virtual one, does to the same files. */
const isSilent = (folder: string): boolean => {
  try {
    return process.platform === 'linux' && silentTypes.has(statfsSync(folder).type);
  } catch {
    return false;
  }
};

/** As statfs(2) names them; what Docker Desktop and WSL share with their host is FUSE (also virtiofs) and 9P. */
const silentTypes: ReadonlySet<number> = new Set([
  ...[0x6969 /* NFS */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */, 0x517b /* SMB */, 0x00c36400 /* Ceph */, 0x5346414f /* AFS */],
  ...[0x65735546 /* FUSE */, 0x01021997 /* 9P */, 0x786f4256 /* VirtualBox */, 0xbacbacbc /* VMware */, 0x7c7c6673 /* Parallels */],
]);

// --- what is said of it ----------------------------------------------------------------------------------------------

const everySecond = (en: string, zh: string): Words => ({
  en: `${en}: all watched files are looked at every ${watchPollMs / 1000} s instead`,
  zh: `${zh}：改为每 ${watchPollMs / 1000} 秒查看一次所有被监视的文件`,
});

const tooManyFolders = everySecond(
  `more than ${watchedFoldersMax} folders are to be watched`,
  `要监视的文件夹超过 ${watchedFoldersMax} 个`,
);

const silentFileSystem = (folder: string): Words =>
  everySecond(`${folder} lies on a file system whose changes are not told here`, `${folder} 所在的文件系统不会在此通知更改`);

const notWatched = (folder: string, code: string): Words =>
  code === 'ENOSPC' || code === 'EMFILE'
    ? everySecond(
        `the system grants no more watches (${code}; see fs.inotify in sysctl)`,
        `系统不再提供更多的监视（${code}；见 sysctl 的 fs.inotify）`,
      )
    : everySecond(`${folder} cannot be watched (${code})`, `无法监视 ${folder}（${code}）`);

const tooManyFiles: Words = {
  en: `--watch-extra: more than ${watchedFilesMax} files and folders; the rest is not watched`,
  zh: `--watch-extra：文件与文件夹超过 ${watchedFilesMax} 个；其余的不监视`,
};

const nothingThere = (extra: string): Words => ({
  en: `--watch-extra: there is nothing at ${extra} yet`,
  zh: `--watch-extra：${extra} 处尚无任何文件`,
});
