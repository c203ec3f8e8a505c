/**
 * Options become pools: which program, in how many workers, replaced when. Decided once, when a site is opened; what the pool then does is
 * carrier/pool.ts.
 */
import { join, resolve } from 'node:path';
import type { Carrier } from './carrier/channel.js';
import { isProgram } from './files.js';
import { wires } from './gateway/catalog.js';
import { createPoolGateway, type PoolGateway, type PoolTarget } from './gateway/pooled.js';
import { fastcgiWorker, type Python, type WsgiTarget, wsgiScript, wsgiWorker } from './gateway/workers.js';
import { workersOfPool } from './limits.js';
import { type Births, singly } from './process/worker.js';
import { forking } from './process/zygote.js';
import { findProgram } from './route/interpreters.js';
import type { PoolMount, PythonOptions, ServerOptions, Settings, WsgiMount } from './settings.js';
import type { Gateway, MetaVariables } from './types.js';
import { software } from './version.js';

/** `env`: what its workers see. Throws an Error with one clear sentence when it cannot be made. */
export const openPool = (
  mount: PoolMount | WsgiMount,
  options: ServerOptions,
  settings: Settings,
  env: MetaVariables,
  watch: ((carrier: Carrier) => Carrier) | undefined,
): PoolGateway => {
  const target = 'pool' in mount ? fastcgiPool(mount, env) : wsgiPool(mount, options, env);
  return createPoolGateway({ where: mount.where, ...target, ...staffing(mount.where, options) }, settings, watch);
};

type Kind = Pick<PoolTarget, 'name' | 'label' | 'wire' | 'births' | 'threads'>;

const fastcgiPool = ({ pool }: PoolMount, env: MetaVariables): Kind => {
  const birth = fastcgiWorker(pool, env);
  return { name: 'fastcgi', label: pool, wire: wires.fastcgi, threads: 1, births: () => singly(birth) };
};

const wsgiPool = ({ wsgi }: WsgiMount, options: ServerOptions, env: MetaVariables): Kind => {
  const target = wsgiTarget(wsgi, options);
  const birth = wsgiWorker(target, env);
  const births = (): Births => (target.preload ? forking(birth) : singly(birth));
  return { name: 'wsgi', label: wsgi, wire: wires[target.protocol], threads: target.threads, births };
};

/** The same application without a worker that stays, so that the two can be compared. */
export const wsgiAsCgi = ({ where, wsgi }: WsgiMount, options: ServerOptions, env: MetaVariables, cgi: Gateway): Gateway => {
  const script = { file: join(where, wsgi), ...wsgiScript(wsgiTarget(wsgi, options)), cwd: process.cwd(), nph: false };
  return {
    ...cgi,
    call: (request, sink, trace) => cgi.call({ ...request, script, meta: new Map([...env, ...request.meta]) }, sink, trace),
  };
};

const wsgiTarget = (target: string, { workers, python = {} }: ServerOptions): WsgiTarget => {
  const { threads = 1, preload = false, dev = false, via = 'fastcgi' } = python;
  const protocol = via === 'cgi' ? 'fastcgi' : via;
  return { target, protocol, python: findPython(python), threads, preload, dev, workersMax: bothEnds(workers).max };
};

/** That which is named; else of the virtual environment that is named, or in use, or that lies here; else whatever PATH has. */
const findPython = ({ interpreter, venv }: PythonOptions): Python => {
  const { VIRTUAL_ENV, PATH = '' } = process.env;
  const folders = venv ? [venv] : [...(VIRTUAL_ENV ? [VIRTUAL_ENV] : []), '.venv'];
  const folder = folders.map((each) => resolve(each)).find((each) => isProgram(join(each, 'bin', 'python')));
  if (venv && !folder) throw new Error(`venv ${venv}: there is no bin/python in it`);
  if (interpreter === undefined && folder)
    return { interpreter: join(folder, 'bin', 'python'), variables: new Map([['VIRTUAL_ENV', folder]]) };
  const found = findProgram(interpreter ?? 'python3', PATH);
  if (found === undefined) throw new Error(`python: no program ${interpreter ?? 'python3 on PATH'}`);
  return { interpreter: found, variables: new Map() };
};

const bothEnds = (workers: ServerOptions['workers'] = workersOfPool): { min: number; max: number } =>
  typeof workers === 'number' ? { min: workers, max: workers } : workers;

const staffing = (where: string, { workers, recycle = {}, health }: ServerOptions) => {
  const { min, max } = bothEnds(workers);
  if (min > max || max < 1) throw new Error(`workers: ${min}..${max} is not a range of at least one worker`);
  if (health !== undefined && !health.startsWith('/')) throw new Error(`health: expected a URL path such as /health, got '${health}'`);
  const { requests = 0, memoryBytes = 0, ageMs = 0 } = recycle;
  return {
    workersMin: min,
    workersMax: max,
    recycle: { requests, memoryBytes, ageMs },
    // A file that is mounted by its extension has no path of its own.
    health: health === undefined || !where.startsWith('/') ? undefined : healthRequest(where, health),
  };
};

/** RFC 3875 §4.1: what no program can do without. */
const healthRequest = (where: string, path: string): MetaVariables => {
  const name = where === '/' ? '' : where.replace(/\/$/, '');
  const [pathInfo = '', query = ''] = path.split(/\?(.*)/s);
  return new Map([
    ...Object.entries({ GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', SERVER_SOFTWARE: software, REQUEST_METHOD: 'GET' }),
    ...Object.entries({ SCRIPT_NAME: name, PATH_INFO: pathInfo, QUERY_STRING: query, REQUEST_URI: name + path }),
    ...Object.entries({ SERVER_NAME: 'localhost', SERVER_PORT: '80', HTTP_HOST: 'localhost', REMOTE_ADDR: '127.0.0.1' }),
  ]);
};
