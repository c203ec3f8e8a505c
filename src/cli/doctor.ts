/**
 * `cgi-serve doctor [DIR]`: every script examined, none started. What would run it and where that is, what would fail and how
 * to mend it, and what is dangerous though it works; and whether the programs that run already are there. Exit code 5 when a
 * script would fail or nobody listens.
 */
import { statSync } from 'node:fs';
import type { Words } from '../failures.js';
import { findProgram } from '../route/interpreters.js';
import { examineScripts, type ScriptReport } from '../route/list.js';
import { protocols } from './banner.js';
import { examineMounts, type MountReport } from './doctor-mounts.js';
import { failureAsJson, failureBox } from './failure-box.js';
import { asTyped, findPlace } from './place.js';
import { sortScripts } from './scripts.js';
import { dialMountsOf, interpretersOf } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { padTo, say, shellQuoted, visible, words } from './words.js';

export const doctor = async (said: Said, terminal: Terminal): Promise<number> => {
  const { dir } = findPlace(said, terminal.cwd);
  const prefix = said.values.prefix ?? '/cgi-bin/';
  const mounts = await examineMounts(dialMountsOf(said.values));
  const reports = dir === undefined ? [] : examineScripts(dir, prefix, interpretersOf(said.values, terminal.env));
  const warnings = dir === undefined ? [] : warningsFor(dir, reports, terminal);
  const examined: Examined = { dir, prefix, mounts, ...sortScripts(reports), warnings };
  terminal.stdout.write(
    said.values.json ? `${JSON.stringify(asJson(examined, terminal), undefined, 2)}\n` : `${asText(examined, terminal).join('\n')}\n`,
  );
  return isWell(examined) ? 0 : 5;
};

const isWell = ({ broken, mounts }: Examined): boolean => broken.length === 0 && mounts.every(({ trouble }) => trouble === undefined);

interface Examined extends ReturnType<typeof sortScripts> {
  readonly dir: string | undefined;
  readonly prefix: string;
  readonly mounts: readonly MountReport[];
  readonly warnings: readonly { readonly path: string; readonly what: Words }[];
}

const asText = (examined: Examined, terminal: Terminal): string[] => [
  ...(examined.dir === undefined ? [] : scriptsAsText(examined, examined.dir, terminal)),
  ...(examined.dir === undefined || examined.mounts.length === 0 ? [] : ['']),
  ...mountsAsText(examined.mounts, terminal),
];

const mountsAsText = (mounts: readonly MountReport[], { lang, outPalette: p }: Terminal): string[] => {
  const width = (of: (mount: MountReport) => string): number => Math.max(0, ...mounts.map((mount) => of(mount).length));
  const wheres = width(({ where }) => where);
  const addresses = width(({ address }) => address);
  return mounts.flatMap(({ wire, where, address, trouble }) => {
    const who = `${padTo(protocols[wire], 7)}  ${padTo(visible(where), wheres)}  ${padTo(visible(address), addresses)}`;
    if (trouble === undefined) return [`  ${p.green('✓')} ${who}  ${p.dim(say(words('somebody listens', '有程序监听'), lang))}`];
    return [
      `  ${p.red('✗')} ${who}  ${say(trouble.what, lang)} ${p.dim(`(${trouble.errno})`)}`,
      `      ${p.dim(say(words('mend', '解决'), lang))}  ${visible(say(trouble.mend, lang))}`,
    ];
  });
};

const scriptsAsText = (
  { prefix, runnable, broken, data, warnings }: Examined,
  dir: string,
  { lang, outPalette: p, stdout, cwd, env }: Terminal,
): string[] => {
  const width = Math.min(stdout.columns || 100, 120);
  const names = Math.min(32, Math.max(0, ...runnable.map((s) => s.path.length)));
  const runners = Math.min(44, Math.max(0, ...runnable.map((s) => runnerOf(s, env).length)));
  const runs = (s: ScriptReport): string => {
    const by = p.dim(padTo(visible(runnerOf(s, env)), runners));
    return `  ${p.green('✓')} ${padTo(visible(s.path), names)}  ${by}${s.title ? `  ${visible(s.title)}` : ''}`.trimEnd();
  };
  const isData = say(words('not a script; never sent to anyone', '不是脚本；不会发送给任何人'), lang);
  return [
    `${p.bold(asTyped(dir, cwd))} ${p.dim(say(words('at', '位于'), lang))} ${prefix}`,
    '',
    ...runnable.map(runs),
    ...data.map((s) => p.dim(`  · ${visible(s.path)}  ${isData}`)),
    ...broken.flatMap((s) => ['', ...failureBox(s.failure, s.path, { lang, palette: p, width, cwd })]),
    ...(warnings.length > 0 ? [''] : []),
    ...warnings.map(({ path, what }) => `  ${p.yellow('!')} ${visible(path)}  ${say(what, lang)}`),
    '',
    summary(runnable.length, broken.length, warnings.length, { lang, outPalette: p }),
  ];
};

const summary = (
  runnable: number,
  broken: number,
  warnings: number,
  { lang, outPalette: p }: Pick<Terminal, 'lang' | 'outPalette'>,
): string => {
  if (runnable + broken === 0) return p.yellow(say(words('no scripts here', '此处没有脚本'), lang));
  const parts = [
    say(words(`${runnable} would run`, `${runnable} 个可运行`), lang),
    ...(broken > 0 ? [p.red(say(words(`${broken} would fail`, `${broken} 个会失败`), lang))] : []),
    ...(warnings > 0 ? [p.yellow(say(words(`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`, `${warnings} 个警告`), lang))] : []),
  ];
  const note = words(
    'Whether their output is CGI only running tells: cgi-serve run SCRIPT',
    '输出是否符合 CGI，只有运行才知道：cgi-serve run 脚本',
  );
  return `${parts.join(', ')}\n${p.dim(say(note, lang))}`;
};

/** `python3 (#!/usr/bin/env python3) → /usr/bin/python3`: where env finds it today. */
const runnerOf = (script: ScriptReport, env: Terminal['env']): string => {
  const where = interpreterPath(script, env);
  return where !== undefined && !script.runBy.includes(where) ? `${script.runBy} → ${where}` : script.runBy;
};

const interpreterPath = (script: ScriptReport, env: Terminal['env']): string | undefined => {
  const [name = ''] = script.runBy.split(' ');
  const direct = /\(#!(\/\S+)/.exec(script.runBy)?.[1];
  if (direct !== undefined && !/(^|\/)env$/.test(direct)) return direct;
  return script.runBy.includes('(#!') || script.runBy.includes('(.') ? findProgram(name, env.PATH ?? '') : undefined;
};

const warningsFor = (dir: string, reports: readonly ScriptReport[], { cwd }: Terminal): Examined['warnings'] => {
  const warnings = reports
    .filter((s) => s.writableByOthers && s.failure === undefined)
    .map((s) => ({
      path: s.path,
      what: words(
        `everyone on this machine may write to it, and so run programs as you: chmod o-w ${shellQuoted(asTyped(s.file, cwd))}`,
        `本机任何人都可改写它，从而以你的身份运行程序：chmod o-w ${shellQuoted(asTyped(s.file, cwd))}`,
      ),
    }));
  const shown = asTyped(dir, cwd);
  if (process.platform !== 'win32' && (statSync(dir).mode & 0o1002) === 0o002) {
    const what = words(
      `everyone on this machine may put scripts here: chmod o-w ${shellQuoted(shown)}`,
      `本机任何人都可在此放置脚本：chmod o-w ${shellQuoted(shown)}`,
    );
    warnings.unshift({ path: shown, what });
  }
  return warnings;
};

const asJson = (examined: Examined, { env }: Terminal): unknown => {
  const { dir, prefix, mounts, runnable, broken, data, warnings } = examined;
  return {
    dir: dir ?? null,
    prefix,
    ok: isWell(examined),
    scripts: [...runnable, ...broken]
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map((s) => ({
        path: s.path,
        file: s.file,
        url: s.url,
        ok: s.failure === undefined,
        run_by: s.runBy === '' ? null : s.runBy,
        interpreter: interpreterPath(s, env) ?? null,
        title: s.title ?? null,
        failure: s.failure === undefined ? null : failureAsJson(s.failure),
      })),
    data: data.map((s) => s.path),
    warnings: warnings.map(({ path, what }) => ({ path, what: what.en })),
    mounts: mounts.map(({ wire, where, address, trouble }) => ({
      wire,
      where,
      address,
      ok: trouble === undefined,
      failure: trouble === undefined ? null : { errno: trouble.errno, what: trouble.what.en, mend: trouble.mend.en },
    })),
  };
};
