/**
 * Options become a site: directories found, interpreters looked up, gateways made, mistakes told. Everything is decided here,
 * once; the way of a request only reads it.
 */
import { realpathSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { readAddresses } from './carrier/address.js';
import type { Carrier } from './carrier/channel.js';
import { tapped } from './carrier/tapped.js';
import { isFailure } from './failures.js';
import { createCgiGateway, createDialGateway, type DialTarget } from './gateway/catalog.js';
import type { PoolGateway } from './gateway/pooled.js';
import { type Authority, loadHtpasswd } from './http/auth.js';
import { type SendFile, staticFiles } from './http/static.js';
import { openPool, wsgiAsCgi } from './pools.js';
import { bearFor } from './process/bear.js';
import type { RoutePolicy } from './route/destination.js';
import type { Guard } from './route/guards.js';
import { resolveInterpreters } from './route/interpreters.js';
import type { Mount, ProgramMount } from './route/mounts.js';
import { resolvePath, type Segments } from './route/resolve.js';
import { isReserved } from './script/meta.js';
import {
  type AuthorizerOption,
  type DialMount,
  type MountOption,
  type PoolMount,
  type ServerOptions,
  type Settings,
  settle,
  type WsgiMount,
} from './settings.js';
import type { Gateway, MetaVariables } from './types.js';
import { software } from './version.js';

export interface Site {
  readonly settings: Settings;
  readonly route: RoutePolicy;
  /** Absolute real path: DOCUMENT_ROOT. undefined where there are no files at all. */
  readonly documentRoot: string | undefined;
  /** PATH, `passEnv` and `env`: what scripts see besides their meta-variables. */
  readonly extra: MetaVariables;
  /** The same for programs that run already: they have a PATH of their own. */
  readonly extraForPrograms: MetaVariables;
  readonly software: string;
  readonly authority: Authority | undefined;
  /** Places that are entered with a program's leave. */
  readonly guards: readonly Guard[];
  readonly sendFile: SendFile | undefined;
  readonly gateways: readonly Gateway[];
  /** Those of them whose workers are ours. */
  readonly pools: readonly PoolGateway[];
  /** How children are born, and why not natively where they are not. */
  readonly births: { readonly by: 'native' | 'portable'; readonly why: string | undefined };
}

/** Throws an Error with one clear sentence when an option cannot be used. */
export const openSite = (options: ServerOptions): Site => {
  const settings = settle(options);
  const root = scriptDirectory(options);
  const publicRoot = publicDirectory(options, root);
  const scripts = root === undefined ? [] : [scriptMount(root, settings)];
  const extra = extraVariables(settings, ['PATH', ...(process.platform === 'win32' ? windowsVariables : [])]);
  const { programs, extensions, pools } = openMounts(options, settings, extra);
  const guards = openGuards(options.authorizers ?? [], options.connections, settings);
  if (scripts.length === 0) checkWithoutScripts(settings, publicRoot, extensions);
  for (const { prefix } of scripts) {
    if (programs.some((program) => samePlace(program.prefix, prefix))) throw new Error(`${settings.prefix} is the scripts' place already`);
  }
  return {
    settings,
    route: {
      mounts: scripts,
      programs,
      extensions,
      frontController: frontController(options, publicRoot, extensions),
      publicRoot,
      encodedSlashes: settings.encodedSlashes,
      isindex: settings.isindex,
      neverSent: realPaths([...(options.basicAuth === undefined ? [] : [options.basicAuth]), ...(options.neverSent ?? [])]),
    },
    documentRoot: options.documentRoot === undefined ? (publicRoot ?? root) : directory(options.documentRoot, 'document root'),
    extra,
    extraForPrograms: extraVariables(settings, []),
    software,
    authority: options.basicAuth === undefined ? undefined : loadHtpasswd(options.basicAuth, options.onWarning),
    guards,
    sendFile: publicRoot === undefined ? undefined : staticFiles(publicRoot, software),
    gateways: [...scripts.map((mount) => mount.gateway), ...[...programs, ...guards].map(({ gateway }) => gateway), ...extensions.values()],
    pools,
    births: bearFor(settings.spawn),
  };
};

/** undefined: none. Whoever mounts programs need have no scripts, unless they name a place for them. */
const scriptDirectory = ({ dir, mounts = [] }: ServerOptions): string | undefined => {
  if (dir === false || (dir === undefined && mounts.length > 0 && !statSync(usualDir, { throwIfNoEntry: false }))) return undefined;
  return directory(dir ?? usualDir, 'script directory');
};

const usualDir = './cgi-bin';

const scriptMount = (root: string, settings: Settings): Mount => ({
  prefix: prefixSegments(settings.prefix),
  root,
  interpreters: resolveInterpreters(settings.interpreters, process.env.PATH ?? ''),
  gateway: createCgiGateway(settings, watching(settings)),
});

/** Where there is a tap, every carrier is heard. */
const watching = ({ tap }: Settings): ((carrier: Carrier) => Carrier) | undefined => tap && ((carrier) => tapped(carrier, tap));

/** What can have no effect is a mistake; and a source that an interpreter was named for must not be sent as text instead. */
const checkWithoutScripts = (settings: Settings, publicRoot: string | undefined, extensions: ReadonlyMap<string, Gateway>): void => {
  const [interpreted] = Object.keys(settings.interpreters);
  if (interpreted !== undefined) throw new Error(`interpreter ${interpreted}: there is no script directory in which it could run anything`);
  const [extension] = extensions.keys();
  if (extension !== undefined && publicRoot === undefined)
    throw new Error(`${extension} is mounted, and there is neither a public nor a script directory in which such files could lie`);
};

const samePlace = (one: Segments, other: Segments): boolean => one.join('/') === other.join('/');

/** Throws an Error with one clear sentence for a place that cannot be mounted. */
const openMounts = (
  options: ServerOptions,
  settings: Settings,
  env: MetaVariables,
): { programs: ProgramMount[]; extensions: Map<string, Gateway>; pools: PoolGateway[] } => {
  const { mounts = [], connections } = options;
  const programs: ProgramMount[] = [];
  const extensions = new Map<string, Gateway>();
  const pools: PoolGateway[] = [];
  const pooled = (mount: PoolMount | WsgiMount): Gateway => {
    const pool = openPool(mount, options, settings, env, watching(settings));
    pools.push(pool);
    return pool;
  };
  const gatewayFor = (mount: MountOption, said: string): Gateway => {
    if ('wsgi' in mount && options.python?.via === 'cgi')
      return orSay(() => wsgiAsCgi(mount, options, env, createCgiGateway(settings, watching(settings))), said);
    if ('pool' in mount || 'wsgi' in mount) return orSay(() => pooled(mount), said);
    return createDialGateway({ ...dialTarget(mount.wire, mount.address, said), connections }, settings, watching(settings));
  };
  for (const mount of mounts) {
    const { where } = mount;
    const said =
      'pool' in mount
        ? `pool ${where}=${mount.pool}`
        : 'wsgi' in mount
          ? `wsgi ${where}=${mount.wsgi}`
          : `${mount.wire} ${where}=${mount.address}`;
    const gateway = gatewayFor(mount, said);
    if (where.startsWith('/')) {
      const prefix = prefixSegments(where);
      if (programs.some((other) => samePlace(other.prefix, prefix))) throw new Error(`${said}: ${where} is mounted twice`);
      programs.push({ prefix, gateway, application: 'wsgi' in mount });
    } else if (/^\.[a-z0-9]+$/.test(where)) {
      if (extensions.has(where)) throw new Error(`${said}: ${where} is mounted twice`);
      extensions.set(where, gateway);
    } else throw new Error(`${said}: expected a URL path (/app) or an extension in small letters (.php) before the =`);
  }
  return { programs, extensions, pools };
};

/** Throws an Error with one clear sentence for a place that cannot be guarded. */
const openGuards = (options: readonly AuthorizerOption[], connections: number | undefined, settings: Settings): Guard[] => {
  const guards: Guard[] = [];
  for (const { where, address } of options) {
    const said = `authorizer ${where}=${address}`;
    if (!where.startsWith('/')) throw new Error(`${said}: expected a URL path (/private) before the =`);
    const prefix = prefixSegments(where);
    if (guards.some((other) => samePlace(other.prefix, prefix))) throw new Error(`${said}: ${where} is guarded twice`);
    const addresses = orSay(() => readAddresses(address), said);
    guards.push({ prefix, gateway: createDialGateway({ wire: 'fastcgi', role: 'authorizer', addresses, connections }, settings) });
  }
  return guards;
};

/** An address as a mount has it, with what may follow a `?`. Throws an Error with one clear sentence that begins with `said`. */
export const dialTarget = (wire: DialMount['wire'], address: string, said: string): Omit<DialTarget, 'connections'> => {
  const [, places = '', query] = /^([^?]*)(?:\?(.*))?$/s.exec(address) ?? [];
  return { wire, addresses: orSay(() => readAddresses(places), said), ...readModifiers(wire, query, said) };
};

const readModifiers = (wire: DialMount['wire'], query: string | undefined, said: string): { modifier1?: number; modifier2?: number } => {
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

/** Named, or `public` beside the script directory when it is there. Without one, `./public`. */
const publicDirectory = (options: ServerOptions, root: string | undefined): string | undefined => {
  if (options.publicDir === false) return undefined;
  if (options.publicDir !== undefined) return directory(options.publicDir, 'public directory');
  const beside = join(root ?? usualDir, '..', 'public');
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
