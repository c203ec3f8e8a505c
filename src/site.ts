/**
 * Options become a site: directories found, interpreters looked up, gateways made, mistakes told. Everything is decided here,
 * once; the way of a request only reads it.
 */
import { realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isFailure } from './failures.js';
import { createCgiGateway } from './gateway/catalog.js';
import { type Authority, loadHtpasswd } from './http/auth.js';
import { type SendFile, staticFiles } from './http/static.js';
import { bearFor } from './process/bear.js';
import type { RoutePolicy } from './route/destination.js';
import { resolveInterpreters } from './route/interpreters.js';
import { resolvePath, type Segments } from './route/resolve.js';
import { isReserved } from './script/meta.js';
import { type ServerOptions, type Settings, settle } from './settings.js';
import type { Gateway, MetaVariables } from './types.js';
import { software } from './version.js';

export interface Site {
  readonly settings: Settings;
  readonly route: RoutePolicy;
  /** Absolute real path: DOCUMENT_ROOT. */
  readonly documentRoot: string;
  /** PATH, `passEnv` and `env`: what scripts see besides their meta-variables. */
  readonly extra: MetaVariables;
  readonly software: string;
  readonly authority: Authority | undefined;
  readonly sendFile: SendFile | undefined;
  readonly gateways: readonly Gateway[];
  /** How children are born, and why not natively where they are not. */
  readonly births: { readonly by: 'native' | 'portable'; readonly why: string | undefined };
}

/** Throws an Error with one clear sentence when an option cannot be used. */
export const openSite = (dir: string, options: ServerOptions): Site => {
  const settings = settle(options);
  const root = directory(dir, 'script directory');
  const publicRoot = publicDirectory(options, root);
  const interpreters = resolveInterpreters(settings.interpreters, process.env.PATH ?? '');
  const gateway = createCgiGateway(settings);
  return {
    settings,
    route: {
      mounts: [{ prefix: prefixSegments(settings.prefix), root, interpreters, gateway }],
      publicRoot,
      encodedSlashes: settings.encodedSlashes,
      isindex: settings.isindex,
      neverSent: realPaths([...(options.basicAuth === undefined ? [] : [options.basicAuth]), ...(options.neverSent ?? [])]),
    },
    documentRoot: options.documentRoot === undefined ? (publicRoot ?? root) : directory(options.documentRoot, 'document root'),
    extra: extraVariables(settings),
    software,
    authority: options.basicAuth === undefined ? undefined : loadHtpasswd(options.basicAuth, options.onWarning),
    sendFile: publicRoot === undefined ? undefined : staticFiles(publicRoot, software),
    gateways: [gateway],
    births: bearFor(settings.spawn),
  };
};

const directory = (path: string, what: string): string => {
  let real: string;
  try {
    real = realpathSync.native(resolve(path));
  } catch (error) {
    throw new Error(`${what} ${path}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : (error as Error).message}`);
  }
  if (!statSync(real).isDirectory()) throw new Error(`${what} ${path}: is not a directory`);
  return real;
};

const realPaths = (files: readonly string[]): ReadonlySet<string> =>
  new Set(files.map((file) => (statSync(file, { throwIfNoEntry: false }) ? realpathSync.native(file) : resolve(file))));

/** Named, or `public` beside the script directory when it is there. */
const publicDirectory = (options: ServerOptions, root: string): string | undefined => {
  if (options.publicDir === false) return undefined;
  if (options.publicDir !== undefined) return directory(options.publicDir, 'public directory');
  const beside = join(root, '..', 'public');
  return statSync(beside, { throwIfNoEntry: false })?.isDirectory() ? realpathSync.native(beside) : undefined;
};

/** Throws when it is not the plain path of a place: `/cgi-bin/`. */
export const prefixSegments = (prefix: string): Segments => {
  const segments = prefix.startsWith('/') ? resolvePath(prefix, 'reject') : undefined;
  if (segments === undefined || isFailure(segments)) throw new Error(`prefix: expected a URL path such as /cgi-bin/, got '${prefix}'`);
  return segments.filter((segment) => segment !== '');
};

/** The environment starts from nothing; PATH is the one thing no script does without. */
const extraVariables = (settings: Settings): MetaVariables => {
  const extra = new Map<string, string>();
  const windows = process.platform === 'win32' ? ['SystemRoot', 'PATHEXT', 'COMSPEC', 'TEMP', 'TMP'] : [];
  for (const name of ['PATH', ...windows, ...settings.passEnv]) {
    const value = process.env[name];
    if (value !== undefined) extra.set(checkedName(name, 'passEnv'), value);
  }
  for (const [name, value] of Object.entries(settings.env)) {
    if (value.includes('\0')) throw new Error(`env ${name}: a value cannot hold a NUL`);
    extra.set(checkedName(name, 'env'), value);
  }
  return extra;
};

const checkedName = (name: string, option: string): string => {
  if (name === '' || /[=\0]/.test(name)) throw new Error(`${option}: '${name}' is no name for a variable`);
  if (isReserved(name)) throw new Error(`${option}: ${name} is a meta-variable (RFC 3875 §4.1); the server alone sets it`);
  return name;
};
