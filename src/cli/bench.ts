/**
 * `cgi-serve bench TARGET …`: programs side by side, under load. It starts a server as `cgi-serve` would with the same options, on a
 * port of its own on loopback, aims at that and at nothing else, and tells what came of it (load/compare.ts) as a table, and as files
 * where they are asked for.
 */
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { createServer } from '../index.js';
import * as limits from '../limits.js';
import { compare, type House } from '../load/compare.js';
import { reportPage, reportPicture } from '../load/page.js';
import { type Comparison, failsAltogether, nameAmong, type Plan, type Target } from '../load/plan.js';
import { comparisonAsCsv, comparisonAsJson } from '../load/record.js';
import { asUrl } from '../route/resolve.js';
import { prefixSegments } from '../site.js';
import type { Exchange } from '../trace/trace.js';
import { dataOf, requestTo, rootOf } from './asked.js';
import { comparisonAsText } from './bench-table.js';
import { type Interruption, listenForSignals, progressOn } from './meanwhile.js';
import type { Values } from './options.js';
import { findPlace } from './place.js';
import { askingTheCore, serverOptions } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { Mistake, say, shellQuoted, visible, words } from './words.js';

export const bench = async (said: Said, terminal: Terminal): Promise<number> => {
  const { values } = said;
  const { targets, dirs } = targetsOf(said, terminal);
  checkFiles(values, terminal.cwd);
  const interruption = listenForSignals();
  try {
    const house = await openHouse(said, dirs, terminal, interruption);
    const stop = new AbortController();
    interruption.closes(async () => stop.abort());
    try {
      const progress = progressOn(terminal, (ms) => `${Math.round(ms / 1000)} s`);
      const comparison = await compare(house, targets, planOf(values), { signal: stop.signal, progress });
      tell(comparison, values, terminal);
      return interruption.code ?? (comparison.targets.some(failsAltogether) ? 5 : 0);
    } finally {
      await house.close();
    }
  } finally {
    interruption.over();
  }
};

const planOf = (values: Values): Plan => {
  const rounds = values.rounds ?? limits.benchRounds;
  const users = values.concurrency ?? limits.benchUsers;
  return {
    loop: values.rate === undefined ? { kind: 'closed', users } : { kind: 'open', perSecond: values.rate, connections: users },
    rounds,
    sliceMs: (values.duration ?? limits.benchMs) / rounds,
    warmUpMs: values['warm-up'] ?? limits.benchWarmUpMs,
  };
};

// --- the server ---------------------------------------------------------------------------------------------------------

const openHouse = async (
  said: Said,
  dirs: readonly string[],
  terminal: Terminal,
  interruption: Interruption,
): Promise<House & { close(): Promise<void> }> => {
  const { stderr, errPalette: p, lang } = terminal;
  const place = findPlace({ ...said, operands: dirs }, terminal.cwd);
  let listener: ((exchange: Exchange) => void) | undefined;
  const server = askingTheCore(() =>
    createServer({
      ...serverOptions(said.values, place, terminal.cwd, said.configFile),
      onExchange: (exchange) => listener?.(exchange),
      onWarning: (text) => void stderr.write(`${p.yellow(say(words('warning:', '警告：'), lang))} ${visible(text)}\n`),
    }),
  );
  interruption.closes(() => server.close(0));
  const [aim] = await server.listen({ port: 0, host: '127.0.0.1' });
  return {
    aim: aim!,
    births: server.births,
    watch(heard) {
      listener = heard;
      return () => {
        listener = undefined;
      };
    },
    close: () => server.close(0),
  };
};

// --- what is compared -----------------------------------------------------------------------------------------------------

/** Operands are scripts, URL paths, and at most one script directory, which the scripts' own can stand for. Throws a Mistake. */
const targetsOf = (said: Said, terminal: Terminal): { targets: Target[]; dirs: string[] } => {
  const { values } = said;
  const { cwd } = terminal;
  const data = dataOf(values, terminal);
  const isDir = (word: string): boolean =>
    !word.startsWith('/') && statSync(resolve(cwd, word), { throwIfNoEntry: false })?.isDirectory() === true;
  const dirs = said.operands.filter(isDir);
  const roots = new Set(dirs.map((dir) => resolve(cwd, dir)));
  const targets: Target[] = [];
  for (const word of said.operands) {
    if (isDir(word)) continue;
    const [file, query] = scriptIn(word, cwd);
    if (file !== undefined) {
      const root = rootOf(file, { ...said, dir: dirs[0] ?? said.dir }, cwd);
      roots.add(root);
      const base = asUrl([...prefixSegments(values.prefix ?? '/cgi-bin/'), ...relative(root, file).split(sep)]);
      targets.push(targetFor(base, query, data, values, targets));
    } else if (word.startsWith('/')) targets.push(targetFor('', word, data, values, targets));
    else throw notThere(word, said, cwd);
  }
  if (roots.size > 1) throw twoRoots([...roots]);
  checkCount(targets.length);
  return { targets, dirs: [...roots] };
};

/** `cgi-bin/form.py?name=Ada` */
const scriptIn = (word: string, cwd: string): readonly [file: string | undefined, query: string] => {
  const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const whole = resolve(cwd, word);
  if (isFile(whole)) return [whole, ''];
  const question = word.indexOf('?');
  const before = resolve(cwd, word.slice(0, Math.max(0, question)));
  return question > 0 && isFile(before) ? [before, word.slice(question)] : [undefined, ''];
};

const targetFor = (base: string, url: string, data: Buffer | undefined, values: Values, others: readonly Target[]): Target => {
  const { method, target } = requestTo(base, url, data, values);
  const typed = (values.header ?? []).flat();
  const hasType = data === undefined || typed.some((name, i) => i % 2 === 0 && /^content-type$/i.test(name));
  return {
    name: nameAmong(others, target),
    method,
    target,
    headers: hasType ? typed : ['Content-Type', 'application/x-www-form-urlencoded', ...typed],
    body: data,
  };
};

const notThere = (word: string, { dir }: Said, cwd: string): Mistake => {
  if (/^https?:/i.test(word)) {
    const path = word.replace(/^https?:\/\/[^/?]*/i, '') || '/';
    return new Mistake(
      2,
      words(
        'bench starts a server of its own and aims at nothing else: name the path alone',
        'bench 自行启动服务器，只对它发出请求：请只写路径',
      ),
      [words(`Here: ${shellQuoted(path)}`, `此处为：${shellQuoted(path)}`)],
    );
  }
  const inside = `${dir ?? 'cgi-bin'}/${word}`;
  const exists = statSync(resolve(cwd, inside), { throwIfNoEntry: false })?.isFile();
  return new Mistake(
    4,
    words(`there is no script ${visible(word)}`, `没有脚本 ${visible(word)}`),
    exists
      ? [words(`Did you mean ${shellQuoted(inside)}?`, `是否想用 ${shellQuoted(inside)}？`)]
      : [words('A URL path begins with /, as in /app', 'URL 路径以 / 开头，如 /app')],
  );
};

const twoRoots = (roots: readonly string[]): Mistake => {
  const both = roots.map((root) => shellQuoted(root)).join(', ');
  return new Mistake(
    2,
    words(
      `the scripts would need ${roots.length} script directories (${both}), and a server has one`,
      `这些脚本需要 ${roots.length} 个脚本目录（${both}），而一个服务器只有一个`,
    ),
    [words('Name the one that holds them all: cgi-serve bench DIR …', '请写出包含它们的目录：cgi-serve bench 目录 …')],
  );
};

const checkCount = (count: number): void => {
  const most = limits.benchTargetsMax;
  if (count > most)
    throw new Mistake(2, words(`bench compares at most ${most} targets; got ${count}`, `bench 至多比较 ${most} 个目标；得到 ${count} 个`));
  if (count > 0) return;
  throw new Mistake(2, words('bench needs targets: scripts, or URL paths such as /app', 'bench 需要目标：脚本，或 /app 这样的 URL 路径'), [
    words('For example: cgi-serve bench cgi-bin/hello.py cgi-bin/hello.pl', '例如：cgi-serve bench cgi-bin/hello.py cgi-bin/hello.pl'),
  ]);
};

// --- what is told ---------------------------------------------------------------------------------------------------------

const tell = (comparison: Comparison, values: Values, terminal: Terminal): void => {
  const { stdout, stderr, errPalette: p, lang, cwd } = terminal;
  const text = values.json
    ? JSON.stringify(comparisonAsJson(comparison), undefined, 2)
    : values.csv
      ? comparisonAsCsv(comparison)
      : comparisonAsText(comparison, terminal).join('\n');
  stdout.write(`${text}\n`);
  const write = (file: string | undefined, make: () => string): void => {
    if (file === undefined) return;
    try {
      writeFileSync(resolve(cwd, file), make());
    } catch (error) {
      throw unwritable(file, error);
    }
    stderr.write(`${p.dim(say(words(`Written: ${visible(file)}`, `已写入：${visible(file)}`), lang))}\n`);
  };
  const language = lang === 'zh-CN' ? 'zh' : 'en';
  write(values.svg, () => reportPicture(comparison, language));
  write(values.html, () => reportPage(comparison, language));
};

/** Before a minute is spent on what cannot be kept. */
const checkFiles = (values: Values, cwd: string): void => {
  for (const file of [values.svg, values.html]) {
    if (file === undefined) continue;
    try {
      const path = resolve(cwd, file);
      const is = statSync(path, { throwIfNoEntry: false });
      if (is?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      accessSync(is === undefined ? dirname(path) : path, constants.W_OK);
    } catch (error) {
      throw unwritable(file, error);
    }
  }
};

const unwritable = (file: string, error: unknown): Mistake => {
  const { code } = error as NodeJS.ErrnoException;
  return new Mistake(4, words(`${visible(file)} cannot be written: ${code}`, `无法写入 ${visible(file)}：${code}`));
};
