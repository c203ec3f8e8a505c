/**
 * Options become a site: directories found, interpreters looked up, gateways made, mistakes told. Everything is decided here,
 * once; the way of a request only reads it.
 */
import { realpathSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { readAddresses } from './carrier/address.js';
import { isFailure } from './failures.js';
import { createCgiGateway, createDialGateway } from './gateway/catalog.js';
import { type Authority, loadHtpasswd } from './http/auth.js';
import { type SendFile, staticFiles } from './http/static.js';
import { bearFor } from './process/bear.js';
import type { RoutePolicy } from './route/destination.js';
import { resolveInterpreters } from './route/interpreters.js';
import type { ProgramMount } from './route/mounts.js';
import { resolvePath, type Segments } from './route/resolve.js';
import { isReserved } from './script/meta.js';
import { type MountOption, type ServerOptions, type Settings, settle } from './settings.js';
import type { Gateway, MetaVariables } from './types.js';
import { software } from './version.js';

export interface Site {
  readonly settings: Settings;
  readonly route: RoutePolicy;
  /** Absolute real path: DOCUMENT_ROOT. */
  readonly documentRoot: string;
  /** PATH, `passEnv` and `env`: what scripts see besides their meta-variables. */
  readonly extra: MetaVariables;
  /** The same for programs that run already: they have a PATH of their own. */
  readonly extraForPrograms: MetaVariables;
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
  const { programs, extensions } = openMounts(options.mounts ?? [], options.connections, settings);
  return {
    settings,
    route: {
      mounts: [{ prefix: prefixSegments(settings.prefix), root, interpreters, gateway }],
      programs,
      extensions,
      frontController: frontController(options, publicRoot, extensions),
      publicRoot,
      encodedSlashes: settings.encodedSlashes,
      isindex: settings.isindex,
      neverSent: realPaths([...(options.basicAuth === undefined ? [] : [options.basicAuth]), ...(options.neverSent ?? [])]),
    },
    documentRoot: options.documentRoot === undefined ? (publicRoot ?? root) : directory(options.documentRoot, 'document root'),
    extra: extraVariables(settings, ['PATH', ...(process.platform === 'win32' ? windowsVariables : [])]),
    extraForPrograms: extraVariables(settings, []),
    software,
    authority: options.basicAuth === undefined ? undefined : loadHtpasswd(options.basicAuth, options.onWarning),
    sendFile: publicRoot === undefined ? undefined : staticFiles(publicRoot, software),
    gateways: [gateway, ...programs.map((program) => program.gateway), ...extensions.values()],
    births: bearFor(settings.spawn),
  };
};

/** Throws an Error with one clear sentence for a place that cannot be mounted. */
const openMounts = (
  options: readonly MountOption[],
  connections: number | undefined,
  settings: Settings,
): { programs: ProgramMount[]; extensions: Map<string, Gateway> } => {
  const programs: ProgramMount[] = [];
  const extensions = new Map<string, Gateway>();
  for (const { wire, where, address } of options) {
    const said = `${wire} ${where}=${address}`;
    const [, places = '', query] = /^([^?]*)(?:\?(.*))?$/s.exec(address) ?? [];
    const modifiers = readModifiers(wire, query, said);
    const gateway = createDialGateway({ wire, addresses: orSay(() => readAddresses(places), said), connections, ...modifiers }, settings);
    if (where.startsWith('/')) {
      const prefix = prefixSegments(where);
      if (programs.some((other) => other.prefix.join('/') === prefix.join('/'))) throw new Error(`${said}: ${where} is mounted twice`);
      programs.push({ prefix, gateway });
    } else if (/^\.[a-z0-9]+$/.test(where)) {
      if (extensions.has(where)) throw new Error(`${said}: ${where} is mounted twice`);
      extensions.set(where, gateway);
    } else throw new Error(`${said}: expected a URL path (/app) or an extension in small letters (.php) before the =`);
  }
  return { programs, extensions };
};

const readModifiers = (wire: MountOption['wire'], query: string | undefined, said: string): { modifier1?: number; modifier2?: number } => {
  if (query === undefined) return {};
  if (wire !== 'uwsgi') throw new Error(`${said}: only uwsgi has something to say after a ?`);
  const modifiers: { modifier1?: number; modifier2?: number } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const known = name === 'modifier1' || name === 'modifier2';
    if (!known || !/^\d{1,3}$/.test(value) || Number(value) > 255)
      throw new Error(`${said}: expected modifier1 or modifier2, from 0 to 255`);
    modifiers[name] = Number(value);
  }
  return modifiers;
};

const orSay = <T>(read: () => T, said: string): T => {
  try {
    return read();
  } catch (error) {
    throw new Error(`${said}: ${(error as Error).message}`);
  }
};

const frontController = (
  { frontController: name }: ServerOptions,
  publicRoot: string | undefined,
  extensions: ReadonlyMap<string, Gateway>,
): string | undefined => {
  if (name === undefined) return undefined;
  const extension = extname(name);
  if (name.includes('/') || !extensions.has(extension))
    throw new Error(`front controller ${name}: expected a file name such as index.php, whose extension is mounted (--fastcgi .php=…)`);
  const file = publicRoot === undefined ? undefined : join(publicRoot, name);
  if (file === undefined || !statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Error(`front controller ${name}: is not there in the public directory`);
  return name;
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

const windowsVariables = ['SystemRoot', 'PATHEXT', 'COMSPEC', 'TEMP', 'TMP'];

/** The environment starts from nothing; `always` is what no script does without. */
const extraVariables = (settings: Settings, always: readonly string[]): MetaVariables => {
  const extra = new Map<string, string>();
  for (const name of [...always, ...settings.passEnv]) {
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
