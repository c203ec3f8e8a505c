/**
 * When workers are replaced: on SIGHUP, at the lab's wish, and when a file changes: one they have loaded (`--watch`), one that was named
 * (`--watch-extra`), one that is there for this (`--touch`). One reload at a time: what is asked for meanwhile is one more, afterwards.
 */
import { statSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import type { Failure, Words } from '../failures.js';
import type { CgiServer } from '../server.js';
import { watchFiles } from '../watch.js';
import type { Values } from './options.js';
import { mountsOf } from './server-options.js';
import type { Terminal } from './terminal.js';
import { say, visible, words } from './words.js';

export interface Reloader {
  /** Resolves with why present workers stay, for each pool where they do. `paths`: what has changed. */
  reload(paths?: readonly string[]): Promise<readonly Failure[]>;
  close(): void;
}

export const reloaderFor = (
  server: CgiServer,
  graceMs: number,
  values: Values,
  terminal: Terminal,
  warning: (text: string) => void,
): Reloader => {
  const { cwd } = terminal;
  const { pools } = server.site;
  const tell = (text: Words): void => {
    if (!values.quiet) terminal.stderr.write(`${terminal.errPalette.dim(visible(say(text, terminal.lang)))}\n`);
  };
  const warn = (text: Words): void => warning(say(text, terminal.lang));
  const { touch, 'watch-extra': extra = [] } = values;
  const touchFile = touch === undefined ? undefined : resolve(cwd, touch);
  const changed = new Set<string>();
  /** Where a broken deployment may be mended: in these, or in a file beside them that is not there yet. */
  let toMend: readonly string[] = [];
  let running: Promise<readonly Failure[]> | undefined;
  let next: Promise<readonly Failure[]> | undefined;
  let closed = false;

  const run = async (): Promise<readonly Failure[]> => {
    const paths = [...changed];
    changed.clear();
    if (paths.length > 0) tell(reloadingFor(paths, cwd));
    const failures = await server.reload(graceMs);
    running = undefined;
    if (closed) return failures;
    if (failures.length === 0) tell(words('Reloaded: new workers answer', '已重新加载：由新的工作进程应答'));
    for (const { detail, stderr = '' } of failures.map(({ evidence }) => evidence)) {
      const text = words(`not reloaded, the present workers go on: ${detail}`, `未重新加载，现有工作进程继续运行：${detail}`);
      warning([say(text, terminal.lang), stderr.trimEnd()].join('\n').trimEnd());
    }
    const named = failures.flatMap(({ evidence }) => filesNamedIn(evidence.stderr ?? '', cwd));
    toMend = failures.length === 0 || !values.watch ? [] : [...paths.filter((path) => path !== touchFile), ...named];
    watch?.refresh();
    return failures;
  };
  const reload = (paths: readonly string[] = []): Promise<readonly Failure[]> => {
    if (closed) return Promise.resolve([]);
    for (const path of paths) changed.add(path);
    if (next !== undefined) return next;
    if (running === undefined) {
      running = run();
      return running;
    }
    next = running.then(() => {
      next = undefined;
      running = run();
      return running;
    });
    return next;
  };

  const wanted = values.watch || touch !== undefined || extra.length > 0;
  if (wanted && pools.length === 0) warn(nothingToReload);
  const commands = values.watch ? mountsOf(values).flatMap((mount) => ('pool' in mount ? [mount.pool] : [])) : [];
  const scripts = commands.flatMap((command) => filesNamedIn(command, cwd));
  for (const command of commands) warn(silentProgram(command, filesNamedIn(command, cwd), cwd));
  const watch =
    wanted && pools.length > 0
      ? watchFiles({
          files: () => [...scripts, ...toMend, ...(values.watch ? pools.flatMap((pool) => pool.files()) : [])],
          extra: () => [...extra.map((path) => resolve(cwd, path)), ...toMend.map((path) => join(dirname(path), `*${extname(path)}`))],
          touch: touchFile,
          changed: (paths) => void reload(paths),
          warn,
        })
      : undefined;
  if (values.watch) for (const pool of pools) pool.onFiles(() => watch?.refresh());

  return {
    reload,
    close() {
      closed = true;
      watch?.close();
    },
  };
};

/** Words of a command, or of what a program said at its end, that are the paths of files. */
const filesNamedIn = (text: string, cwd: string): string[] => {
  const found = text.match(/"[^"]*"|'[^']*'|[^\s"'(),;:]+/g) ?? [];
  return [...new Set(found.map((word) => resolve(cwd, word.replace(/^["']|["']$/g, ''))))].filter(isFile);
};

const isFile = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

// --- what is said ----------------------------------------------------------------------------------------------------

const shown = (path: string, cwd: string): string => {
  const near = relative(cwd, path);
  return near.startsWith('..') ? path : near;
};

const reloadingFor = ([first = '', ...others]: readonly string[], cwd: string): Words => {
  const name = shown(first, cwd);
  if (others.length === 0) return words(`Reloading: ${name} changed`, `正在重新加载：${name} 已更改`);
  const more = others.length === 1 ? `${shown(others[0]!, cwd)}` : `${others.length} other files`;
  return words(`Reloading: ${name} and ${more} changed`, `正在重新加载：${name} 等 ${others.length + 1} 个文件已更改`);
};

const silentProgram = (command: string, files: readonly string[], cwd: string): Words => {
  const names = files.map((file) => shown(file, cwd));
  return words(
    `--watch: ${command} does not say what it has loaded; ${names.join(', ') || 'nothing'} is watched, --watch-extra names more`,
    `--watch：${command} 不会说明它加载了哪些文件；只监视 ${names.join('、') || '（无）'}，其余请用 --watch-extra 指明`,
  );
};

const nothingToReload = words(
  'there is nothing to reload when a file changes: no --pool and no --wsgi; scripts are read anew for every request',
  '文件更改时没有可重新加载的：既无 --pool 也无 --wsgi；脚本在每个请求时都会重新读取',
);
