/** What the options set: the one place where the command line's names meet the library's. */
import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { type Interpreter, resolveInterpreters } from '../route/interpreters.js';
import type { CgiOptions, DialMount, MountOption, ServerOptions } from '../settings.js';
import type { Values } from './options.js';
import type { Place } from './place.js';
import { Mistake, words } from './words.js';

export const cgiOptions = (values: Values): CgiOptions =>
  said({
    prefix: values.prefix,
    interpreters: values.interpreter && Object.fromEntries(values.interpreter),
    env: values.env && Object.fromEntries(values.env),
    passEnv: values['pass-env'],
    passAuth: values['pass-auth'],
    encodedSlashes: values['encoded-slashes'],
    isindex: values.isindex,
    chunked: values.chunked,
    spawn: values.spawn,
    headerTimeoutMs: values['header-timeout'],
    idleTimeoutMs: values['idle-timeout'],
    timeoutMs: values.timeout,
    stdinTimeoutMs: values['stdin-timeout'],
    maxProcesses: values['max-processes'],
    maxQueue: values['max-queue'],
    maxBodyBytes: values['max-body'],
  });

export const serverOptions = (values: Values, place: Place, cwd: string, configFile?: string): ServerOptions => ({
  ...cgiOptions(values),
  dir: place.dir ?? false,
  publicDir: place.publicDir ?? false,
  mounts: mountsOf(values),
  authorizers: (values.authorizer ?? []).map(([where, address]) => ({ where, address })),
  ...said({
    connections: values.connections,
    workers: values.workers,
    recycle: said({ requests: values['max-requests'], memoryBytes: values['max-memory'], ageMs: values['max-age'] }),
    health: values.health,
    python: said({
      interpreter: values.python,
      venv: values.venv,
      threads: values.threads,
      preload: values.preload,
      dev: values.dev,
      via: values.via,
    }),
    connectTimeoutMs: values['connect-timeout'],
    probeMs: values.probe,
    frontController: values['front-controller'],
    details: values.details,
    neverSent: configFile === undefined ? undefined : [resolve(cwd, configFile)],
    basicAuth: values['basic-auth'] === undefined ? undefined : readableFile(resolve(cwd, values['basic-auth']), values['basic-auth']),
  }),
});

export const mountsOf = (values: Values): MountOption[] => [
  ...dialMountsOf(values),
  ...(values.pool ?? []).map(([where, pool]) => ({ pool, where })),
  ...(values.wsgi ?? []).map(([where, wsgi]) => ({ wsgi, where })),
];

/** Of programs that run already. */
export const dialMountsOf = (values: Values): DialMount[] =>
  (['fastcgi', 'scgi', 'uwsgi'] as const).flatMap((wire) => (values[wire] ?? []).map(([where, address]) => ({ wire, where, address })));

/** For what looks at scripts without a server. Throws a Mistake. */
export const interpretersOf = (values: Values, env: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, Interpreter> =>
  askingTheCore(() => resolveInterpreters(Object.fromEntries(values.interpreter ?? []), env.PATH ?? ''));

/** The core refuses options with a plain Error whose message is for the user; anything else it throws is a bug. */
export const askingTheCore = <T>(ask: () => T): T => {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error || error instanceof Mistake) throw error;
    throw new Mistake(2, words(error.message, error.message));
  }
};

const readableFile = (path: string, shown: string): string => {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Mistake(4, words(`the file ${shown} cannot be read: ${code}`, `无法读取文件 ${shown}：${code}`));
  }
};

/** Without what was not said: the library's defaults hold there. */
const said = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
