/**
 * Which directory is meant. People type a file, a folder that is not there, a number, the site instead of its cgi-bin; each
 * gets an answer that says what is near.
 */
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Words } from '../failures.js';
import type { MountOption } from '../settings.js';
import { nearest } from './nearest.js';
import { firstWords } from './options.js';
import { looksLikeScript } from './scripts.js';
import { mountsOf } from './server-options.js';
import type { Said } from './settle.js';
import { Mistake, shellQuoted, visible, words } from './words.js';

export interface Place {
  /** The script directory, absolute; undefined: none, and programs that run already answer alone. */
  readonly dir: string | undefined;
  /** undefined: none. */
  readonly publicDir: string | undefined;
  /** A number among the operands: `cgi-serve 8080`. */
  readonly port: number | undefined;
}

const defaultDir = 'cgi-bin';

/** Throws a Mistake: 2 for what was typed wrongly, 4 for what is not there or may not be read. */
export const findPlace = (said: Said, cwd: string): Place => {
  const { values } = said;
  const mounts = mountsOf(values);
  const { names, port } = operandsOf(said, cwd);
  if (names.length > 1) {
    throw new Mistake(
      2,
      words(
        `one directory is served, and ${names.length} were named: ${names.join(', ')}`,
        `只能提供一个目录，却给出了 ${names.length} 个：${names.join('、')}`,
      ),
    );
  }
  if (values.directory !== undefined) {
    if (names.length > 0)
      throw new Mistake(
        2,
        words(
          `two directories were named: --directory ${values.directory} and ${names[0]}`,
          `给出了两个目录：--directory ${values.directory} 与 ${names[0]}`,
        ),
      );
    return { ...siteOf(values.directory, cwd, mounts.length > 0, values['no-public'] === true), port };
  }
  const named = names[0] ?? said.dir;
  const dir = named === undefined ? defaultDirectory(cwd, mounts.length > 0) : namedDirectory(named, cwd);
  const publicDir = publicFor(dir ?? join(cwd, defaultDir), values.public, values['no-public'] === true, cwd);
  const files = said.command === 'serve' ? mounts.find(({ where }) => where.startsWith('.')) : undefined;
  if (dir === undefined && publicDir === undefined && files !== undefined) throw noFolderFor(files, cwd);
  return { dir, publicDir, port };
};

/** An extension is mounted, and no folder could hold such files. Which one it is must be said: everything in it is sent. */
const noFolderFor = (mount: MountOption, cwd: string): Mistake => {
  const { where } = mount;
  const option = 'pool' in mount ? 'pool' : 'wsgi' in mount ? 'wsgi' : mount.wire;
  const here = filesIn(cwd).filter((name) => name.endsWith(where));
  const some = here.slice(0, 3).map(visible).join(', ') + (here.length > 3 ? ', …' : '');
  const hint =
    here.length > 0
      ? words(
          `Here are such files (${some}). To serve this folder, and whatever else is in it: --public .`,
          `此处有这类文件（${some}）。提供此文件夹及其中所有文件：--public .`,
        )
      : words(
          'Name the folder they are in: --public DIR; or put them into one that is called public',
          '请指明它们所在的文件夹：--public 目录；或放入名为 public 的文件夹',
        );
  return new Mistake(
    4,
    words(
      `--${option} ${visible(where)}: there is no folder with ${visible(where)} files: neither ./public nor ./cgi-bin is here`,
      `--${option} ${visible(where)}：没有存放 ${visible(where)} 文件的文件夹：此处既无 ./public 也无 ./cgi-bin`,
    ),
    [hint],
  );
};

/** A lone number that is no existing path is a port, as `python -m http.server` reads it. */
const operandsOf = (said: Said, cwd: string): { names: string[]; port: number | undefined } => {
  const isPort = (word: string): boolean => said.command === 'serve' && /^\d+$/.test(word) && !existsSync(resolve(cwd, word));
  const ports = said.operands.filter(isPort);
  const [typed] = ports;
  if (typed !== undefined) {
    if (ports.length > 1 || said.values.port !== undefined) {
      const both = [...(said.values.port === undefined ? [] : [`--port ${said.values.port}`]), ...ports].join(', ');
      throw new Mistake(2, words(`the port was given twice: ${both}`, `端口给出了两次：${both}`));
    }
    if (Number(typed) > 65535) {
      throw new Mistake(
        2,
        words(`${typed} is neither a directory here nor a port (0 to 65535)`, `${typed} 既不是此处的目录，也不是端口（0 到 65535）`),
      );
    }
  }
  return { names: said.operands.filter((word) => !isPort(word)), port: typed === undefined ? undefined : Number(typed) };
};

/**
 * `-d SITE`: what `python -m http.server --cgi` served. A folder without cgi-bin is taken for the script directory itself, unless
 * programs are mounted: then it needs none.
 */
const siteOf = (named: string, cwd: string, mounted: boolean, noPublic: boolean): Omit<Place, 'port'> => {
  const site = namedDirectory(named, cwd);
  const scripts = ['cgi-bin', 'htbin'].map((name) => join(site, name)).find(isDirectory);
  if (scripts === undefined && mounted) return { dir: undefined, publicDir: noPublic ? undefined : site };
  if (scripts === undefined) return { dir: site, publicDir: publicFor(site, undefined, noPublic, cwd) };
  return { dir: scripts, publicDir: noPublic ? undefined : site };
};

const publicFor = (dir: string, named: string | undefined, none: boolean, cwd: string): string | undefined => {
  if (none) return undefined;
  if (named !== undefined) return readable(resolve(cwd, named), visible(named), '--public: ');
  const beside = join(dirname(dir), 'public');
  return beside !== dir && isDirectory(beside) ? beside : undefined;
};

const namedDirectory = (named: string, cwd: string): string => {
  const path = resolve(cwd, named);
  const stats = statSync(path, { throwIfNoEntry: false });
  const shown = visible(named);
  if (stats?.isFile()) {
    throw new Mistake(4, words(`${shown} is a file; cgi-serve serves a directory`, `${shown} 是文件；cgi-serve 提供的是目录`), [
      words(
        `To run it once and see everything: cgi-serve run ${shellQuoted(named)}`,
        `运行一次并查看全过程：cgi-serve run ${shellQuoted(named)}`,
      ),
      words(
        `To serve the directory it is in: cgi-serve ${shellQuoted(dirname(named))}`,
        `提供它所在的目录：cgi-serve ${shellQuoted(dirname(named))}`,
      ),
    ]);
  }
  if (stats === undefined) throw new Mistake(4, words(`there is no directory ${shown}`, `没有目录 ${shown}`), nearDirectory(named, cwd));
  return readable(path, shown);
};

const defaultDirectory = (cwd: string, mounted: boolean): string | undefined => {
  const path = join(cwd, defaultDir);
  if (existsSync(path)) return namedDirectory(`./${defaultDir}`, cwd);
  if (mounted) return undefined;
  const near = directoriesIn(cwd).filter((name) => /^(cgi|htbin|scripts?$)/i.test(name) || nearest(defaultDir, [name]));
  const scripts = scriptsIn(cwd);
  const hints: Words[] = near.map((name) =>
    words(`There is ./${visible(name)}: cgi-serve ./${shellQuoted(name)}`, `此处有 ./${visible(name)}：cgi-serve ./${shellQuoted(name)}`),
  );
  if (scripts.length > 0) {
    const some = scripts.slice(0, 3).map(visible).join(', ') + (scripts.length > 3 ? ', …' : '');
    hints.push(
      words(`Here are scripts (${some}). To serve this directory: cgi-serve .`, `此处有脚本（${some}）。提供当前目录：cgi-serve .`),
    );
  }
  if (hints.length === 0) {
    hints.push(
      words('Name the directory your scripts are in: cgi-serve DIR', '请指明脚本所在的目录：cgi-serve 目录'),
      words('Or begin with one:', '或新建一个：'),
      words('  mkdir cgi-bin', '  mkdir cgi-bin'),
      words(
        `  printf '#!/bin/sh\\necho Content-Type: text/plain\\necho\\necho Hello from process $$\\n' > cgi-bin/hello.sh`,
        `  printf '#!/bin/sh\\necho Content-Type: text/plain\\necho\\necho Hello from process $$\\n' > cgi-bin/hello.sh`,
      ),
      words('  chmod +x cgi-bin/hello.sh', '  chmod +x cgi-bin/hello.sh'),
    );
  }
  throw new Mistake(4, words('there is no ./cgi-bin here', '此处没有 ./cgi-bin'), hints);
};

const nearDirectory = (named: string, cwd: string): Words[] => {
  const command = nearest(named, firstWords);
  const parent = dirname(resolve(cwd, named));
  const like = nearest(basename(named), directoriesIn(parent));
  const path = like === undefined ? undefined : join(dirname(named), like);
  return [
    ...(path === undefined ? [] : [words(`Did you mean ${shellQuoted(path)}?`, `是否想用 ${shellQuoted(path)}？`)]),
    ...(command === undefined
      ? []
      : [words(`The sub-command ${command} comes first: cgi-serve ${command} …`, `子命令 ${command} 应放在最前：cgi-serve ${command} …`)]),
    ...(path === undefined && isDirectory(join(cwd, defaultDir))
      ? [words('There is ./cgi-bin: cgi-serve', '此处有 ./cgi-bin：cgi-serve')]
      : []),
  ];
};

/** The path, when it is a directory that can be listed and entered. */
const readable = (path: string, shown: string, option = ''): string => {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new Mistake(4, words(`${option}there is no directory ${shown}`, `${option}没有目录 ${shown}`));
  if (!stats.isDirectory()) throw new Mistake(4, words(`${option}${shown} is not a directory`, `${option}${shown} 不是目录`));
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return realpathSync(path);
  } catch {
    const who = process.getuid === undefined ? '' : ` (uid ${process.getuid()})`;
    throw new Mistake(4, words(`${option}${shown} may not be read by this user${who}`, `${option}当前用户${who}无权读取 ${shown}`), [
      words(
        `Give the permission: chmod u+rx ${shellQuoted(relative(process.cwd(), path) || '.')}`,
        `授予权限：chmod u+rx ${shellQuoted(relative(process.cwd(), path) || '.')}`,
      ),
    ]);
  }
};

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

const directoriesIn = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : [],
    );
  } catch {
    return [];
  }
};

/** Files here that look like scripts and may be executed, or begin with `#!`. */
const scriptsIn = (path: string): string[] => filesIn(path).filter((name) => looksLikeScript(join(path, name)));

const filesIn = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isFile() && !entry.name.startsWith('.') ? [entry.name] : [],
    );
  } catch {
    return [];
  }
};

/** A path as a person here would write it: `./cgi-bin`, `../x`, or absolute when that is shorter. */
export const asTyped = (path: string, cwd: string): string => {
  const near = relative(cwd, path);
  if (near === '') return '.';
  if (near.split(sep).filter((part) => part === '..').length > 2) return path;
  return near.startsWith('..') || resolve(near) === near ? near : `./${near}`;
};
