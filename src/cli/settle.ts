/**
 * What was said where, brought together: typed > environment > config file > default. A list said nearer replaces one said
 * farther off; they are not joined, so that what is typed is all that counts.
 */

import type { Words } from '../failures.js';
import { commandOf, readArguments, readValue } from './arguments.js';
import { readConfig } from './config.js';
import { nearest } from './nearest.js';
import { type Command, environmentName, type OptionName, optionNames, rowOf, type Values } from './options.js';
import { type Lang, Mistake, words } from './words.js';

export interface Said {
  readonly command: Command;
  readonly values: Values;
  readonly operands: readonly string[];
  /** DIR from CGI_SERVE_DIR or the config file, for when none was typed. */
  readonly dir: string | undefined;
  readonly configFile: string | undefined;
  /** Not mistakes, but worth a line. */
  readonly notes: readonly Words[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Throws a Mistake. */
export const settleOptions = (argv: readonly string[], env: Environment, cwd: string): Said => {
  const typed = readArguments(argv);
  // Help and version are answered whatever a config file says.
  if (typed.values.help || typed.values.version) return { ...typed, dir: undefined, configFile: undefined, notes: [] };
  const environment = readEnvironment(env);
  const config = readConfig(typed.values.config, cwd);
  const notes = [...environment.notes];
  if (typed.values.cgi)
    notes.push(words('--cgi is not needed: running scripts is all cgi-serve does', '无需 --cgi：运行脚本正是 cgi-serve 的用途'));
  return {
    command: typed.command,
    operands: typed.operands,
    values: nearer(nearer(config?.values ?? {}, environment.values), typed.values),
    dir: env.CGI_SERVE_DIR || config?.dir,
    configFile: config?.file,
    notes,
  };
};

/** The language for a mistake that kept the options from being read. */
export const languageOf = (argv: readonly string[], env: Environment): Lang => {
  const { rest } = commandOf(argv);
  const at = rest.findIndex((word) => word === '--lang' || word.startsWith('--lang='));
  const said = at < 0 ? env.CGI_SERVE_LANG : rest[at]!.includes('=') ? rest[at]!.slice('--lang='.length) : rest[at + 1];
  return /^zh/i.test(said ?? '') ? 'zh-CN' : 'en';
};

const nearer = (far: Values, near: Values): Values => {
  const both: Partial<Record<OptionName, unknown>> = { ...far, ...near };
  for (const name of optionNames) {
    const { opposite } = rowOf(name);
    if (opposite === undefined || near[name] === undefined || near[name] === false) continue;
    if (near[opposite as OptionName])
      throw new Mistake(2, words(`--${name} and --${opposite} exclude each other`, `--${name} 与 --${opposite} 不能同时使用`));
    delete both[opposite as OptionName];
  }
  return both as Values;
};

const readEnvironment = (env: Environment): { values: Values; notes: Words[] } => {
  const values: Partial<Record<OptionName, unknown>> = {};
  const notes: Words[] = [];
  const known = new Map(optionNames.map((name) => [environmentName(name), name]));
  for (const [key, text] of Object.entries(env)) {
    if (text === undefined || text === '' || !key.startsWith('CGI_SERVE_') || key === 'CGI_SERVE_DIR') continue;
    const name = known.get(key);
    if (name !== undefined) values[name] = readOne(name, key, text);
    else {
      const like = nearest(
        key,
        [...known.keys()].filter((k) => k !== undefined),
      );
      notes.push(
        like
          ? words(`the variable ${key} names no option; did you mean ${like}?`, `环境变量 ${key} 不对应任何选项；是否想用 ${like}？`)
          : words(`the variable ${key} names no option`, `环境变量 ${key} 不对应任何选项`),
      );
    }
  }
  // What hosting services and Procfile runners set.
  if (values.port === undefined && env.PORT) values.port = readOne('port', 'PORT', env.PORT);
  return { values: values as Values, notes };
};

const readOne = (name: OptionName, key: string, text: string): unknown => {
  const row = rowOf(name);
  if (row.kind === 'one') return readValue(row, text, key);
  // A comma parts the values of a list; one that holds a comma itself belongs on the command line.
  if (row.kind === 'many') return text.split(',').map((item) => readValue(row, item.trim(), key));
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new Mistake(2, words(`${key} takes 1 or 0; got '${text}'`, `${key} 应为 1 或 0；得到 '${text}'`));
};
