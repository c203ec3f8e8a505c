/**
 * What of this server can be asked, and which of it is the same program behind several gateways: whoever wants to compare gateways must
 * not compare programs. Two places are the same when one file on disk answers at both, however it is linked, named or run; of what runs
 * elsewhere, when it listens at one address. Where that cannot be known they are not.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import type { Failure } from '../failures.js';
import type { MountOption, PoolMount, PythonOptions, WsgiMount } from '../settings.js';
import type { ToldPlace } from './told.js';

export interface Servable {
  /** Below its directory: `sub/a.py`. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly url: string;
  /** Why it would not run. */
  readonly failure: Failure | undefined;
}

export interface Premises {
  readonly scripts: readonly Servable[];
  /** Of the public directory; those count whose extension is mounted. */
  readonly files: readonly Servable[];
  readonly mounts: readonly MountOption[];
  readonly via: PythonOptions['via'];
  /** What relative paths of mounts begin at. */
  readonly cwd: string;
}

export const placesOf = ({ scripts, files, mounts, via, cwd }: Premises): ToldPlace[] => {
  const extensions = new Map(mounts.flatMap((mount) => (mount.where.startsWith('.') ? [[mount.where, mount] as const] : [])));
  const mountOf = ({ file }: Servable): MountOption | undefined => extensions.get(extname(basename(file)));
  const placeOf = (found: Servable, gateway: ToldPlace['gateway']): ToldPlace => ({
    path: found.url,
    gateway,
    program: basename(found.path),
    same: realOf(found.file),
  });
  const atFiles = [...scripts, ...files.filter(mountOf)].flatMap((found) => {
    const mount = mountOf(found);
    // A mounted program runs also what the system would not.
    const runs = found.failure === undefined || (mount && /^(NOT_EXECUTABLE|INTERPRETER_MISSING)$/.test(found.failure.code));
    return runs ? placeOf(found, mount ? gatewayOf(mount, via) : 'cgi') : [];
  });
  const known = new Set(atFiles.map(({ same }) => same));
  const atPrefixes = mounts.flatMap((mount): ToldPlace[] => {
    if (!mount.where.startsWith('/')) return [];
    const path = mount.where.replace(/(?<=.)\/+$/, '');
    return [{ path, gateway: gatewayOf(mount, via), ...programOf(mount, known, cwd) }];
  });
  return [...atFiles, ...atPrefixes];
};

const gatewayOf = (mount: MountOption, via: Premises['via']): ToldPlace['gateway'] =>
  'wire' in mount ? mount.wire : 'pool' in mount ? 'fastcgi' : via === 'cgi' ? 'cgi' : 'wsgi';

type Program = Pick<ToldPlace, 'program' | 'same'>;

const programOf = (mount: MountOption, known: ReadonlySet<string>, cwd: string): Program => {
  if ('pool' in mount) return programOfPool(mount, known, cwd);
  if ('wsgi' in mount) return programOfWsgi(mount, cwd);
  const { address } = mount;
  return {
    program: address,
    same: address.replace(/(unix:)([^,?]+)/g, (_, unix: string, path: string) => unix + realOf(resolve(cwd, path))),
  };
};

/** A shell's command. Its script is the first of its words that can also be asked by itself; the others may be data. */
const programOfPool = ({ pool }: PoolMount, known: ReadonlySet<string>, cwd: string): Program => {
  const words = (pool.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? []).map((word) => word.replace(/^["']|["']$/g, ''));
  const script = words.map((word) => realOf(resolve(cwd, word))).find((file) => known.has(file));
  return script === undefined ? { program: pool, same: `command ${pool}` } : { program: basename(script), same: script };
};

/** As workers/wsgi.py finds it. A file that is run as a script has one application: the one that has no other name. */
const programOfWsgi = ({ wsgi }: WsgiMount, cwd: string): Program => {
  const [, where = wsgi, callable = ''] = /^(.*):([^:]*)$/s.exec(wsgi) ?? [];
  const path = resolve(cwd, isFileName(where) ? where : where.replaceAll('.', '/'));
  const file = (isFileName(where) ? [path] : [join(path, '__init__.py'), `${path}.py`]).find(isFile);
  if (file === undefined) return { program: wsgi, same: `module ${wsgi}` };
  const other = /^(application|app)?$/.test(callable) ? '' : `:${callable}`;
  return { program: (isFileName(where) ? basename(file) : where) + other, same: realOf(file) + other };
};

const isFileName = (where: string): boolean => where.endsWith('.py') || where.includes('/');

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** A path that leads nowhere is only itself. */
const realOf = (path: string): string => {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
};
