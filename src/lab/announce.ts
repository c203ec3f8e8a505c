/**
 * A lab that runs says so to its own user's other programs: `cgi-serve status` finds it without being told a port or a key. One
 * file for each lab, in a folder that only this user can enter, because whoever has the key sees what the lab shows.
 *
 * The folder is `cgi-serve` in $XDG_RUNTIME_DIR, else `cgi-serve-UID` among the temporary files. Anybody may have made the latter
 * first, so it is used only if it is a folder of ours that is closed to others.
 */
import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface AnnouncedLab {
  readonly pid: number;
  /** `http://127.0.0.1:8001`, without a slash at its end. */
  readonly url: string;
  /** For `Authorization: Bearer KEY`. */
  readonly key: string;
}

/** Returns how to take the announcement back. Throws an Error with one clear sentence when the folder cannot be trusted or written. */
export const announceLab = ({ pid, url, key }: AnnouncedLab, env: NodeJS.ProcessEnv = process.env): (() => void) => {
  const folder = folderOf(env);
  makeFolder(folder);
  const why = notOurs(folder);
  if (why !== undefined) throw new Error(`${folder} ${why}`);
  const file = join(folder, `${pid}-${new URL(url).port}.json`);
  // Never half there for a reader; and what lies there under these names was left by a process that is gone.
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, `${JSON.stringify({ pid, url, key })}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(fresh, file);
  return () => rmSync(file, { force: true });
};

/** The place for it is not ours to make: somebody who names a folder for temporary files that is not there wants to hear that. */
const makeFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/** The labs of this user that run now. What dead processes left is skipped and removed. */
export const findLabs = async (env: NodeJS.ProcessEnv = process.env): Promise<AnnouncedLab[]> => {
  const folder = folderOf(env);
  if (notOurs(folder) !== undefined) return [];
  const labs: AnnouncedLab[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const [, pid] = /^(\d+)-\d+\.json$/.exec(name) ?? [];
    if (pid === undefined) continue;
    const file = join(folder, name);
    if (!lives(Number(pid))) await rm(file, { force: true });
    else labs.push(...readAnnouncement(await readFile(file, 'utf8').catch(() => '')));
  }
  return labs;
};

const readAnnouncement = (text: string): AnnouncedLab[] => {
  try {
    const { pid, url, key } = JSON.parse(text) as Partial<AnnouncedLab>;
    return typeof pid === 'number' && typeof url === 'string' && typeof key === 'string' ? [{ pid, url, key }] : [];
  } catch {
    return []; // Withdrawn between the listing and the reading.
  }
};

/** On Windows, which has no user ids, the temporary folder is the user's own. */
const folderOf = ({ XDG_RUNTIME_DIR: runtime }: NodeJS.ProcessEnv): string =>
  runtime?.startsWith('/') ? join(runtime, 'cgi-serve') : join(tmpdir(), process.getuid ? `cgi-serve-${process.getuid()}` : 'cgi-serve');

/** Why a folder is not to be trusted; undefined when it is ours alone. */
const notOurs = (folder: string): string | undefined => {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return 'is not there';
  if (!found.isDirectory()) return 'is no folder';
  if (process.getuid === undefined) return undefined;
  if (found.uid !== process.getuid()) return 'belongs to somebody else';
  return (found.mode & 0o077) === 0 ? undefined : 'is open to others';
};

/** A process of somebody else (EPERM) cannot have written here: its id was given anew. */
const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
