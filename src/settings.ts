/**
 * What may be set, and what it is when nothing is said. Options are taken once, when a server or handler is made;
 * after that they are only read.
 */
import * as limits from './limits.js';
import type { Tap } from './trace/tap.js';
import type { Exchange, StderrLine } from './trace/trace.js';

/** Options of `cgi()`. Times are milliseconds, sizes bytes. */
export interface CgiOptions {
  /** The URL path the scripts are served under. Default `/cgi-bin/`. */
  prefix?: string;
  /** Extension → interpreter: `{ '.php': 'php-cgi' }`. A bare name is looked up on PATH once, at start. */
  interpreters?: Readonly<Record<string, string>>;
  /** Variables added to every script's environment. Naming one that RFC 3875 §4.1 defines is an error. */
  env?: Readonly<Record<string, string>>;
  /** Names of the server's own variables that scripts may see. PATH always is. */
  passEnv?: readonly string[];
  /** Let scripts see Authorization (RFC 3875 §9.2 advises against). */
  passAuth?: boolean;
  /** RFC 3875 §4.1.5: what an encoded slash (`%2F`) in a path means. Default `reject`. */
  encodedSlashes?: 'reject' | 'decode';
  /** RFC 3875 §4.4: pass an indexed query (`?a+b`) as arguments. Default false. */
  isindex?: boolean;
  /** RFC 3875 §4.2: a chunked body is kept first to learn its length, passed on without one, or refused. Default `spool`. */
  chunked?: 'spool' | 'stream' | 'reject';
  /** exec to the blank line. 0 is no limit, here and below. */
  headerTimeoutMs?: number;
  /** Silence between two pieces of output. */
  idleTimeoutMs?: number;
  /** The whole request. Default 0: none. */
  timeoutMs?: number;
  /** The script takes nothing of its stdin, and has not answered. */
  stdinTimeoutMs?: number;
  maxProcesses?: number;
  maxQueue?: number;
  /** 0 is no limit. */
  maxBodyBytes?: number;
  /** Between TERM and KILL. */
  killGraceMs?: number;
  /** How children are born: `native` (posix_spawn through koffi), `portable` (node:child_process). Default `auto`: native where it loads. */
  spawn?: 'auto' | 'native' | 'portable';
  /** DOCUMENT_ROOT and the root of PATH_TRANSLATED. Default: the public directory, else the script directory, else neither is told. */
  documentRoot?: string;
  /** Keep the bytes of each exchange on its wire, for `onExchange` (`wire.recorded`). Default false. */
  recordWire?: boolean;
  /** Show evidence on failure pages and send Server-Timing. Default: to clients on loopback that came through no proxy. */
  details?: 'loopback' | 'always' | 'never';
  /** Hears exchanges while they run. */
  tap?: Tap;
  /** Called once for each request, when its answer is sent and its process reaped. */
  onExchange?: (exchange: Exchange) => void;
  /** Called for each line a script writes to stderr. */
  onStderr?: (line: StderrLine) => void;
  /** Called with a sentence when something went wrong that no request shows: a password file that cannot be read again. */
  onWarning?: (text: string) => void;
}

/** A place that is not answered by scripts. */
export type MountOption = DialMount | PoolMount | WsgiMount;

/** A program that runs already. */
export interface DialMount {
  readonly wire: 'fastcgi' | 'scgi' | 'uwsgi';
  /** A URL path (`/app`), or the extension of files in the public and the script directory (`.php`). */
  readonly where: string;
  /** `unix:/path` or `host:port`; several, joined by commas, to balance over. For uwsgi `?modifier1=5&modifier2=0` may follow. */
  readonly address: string;
}

/** A place that is entered only with the leave of a FastCGI Authorizer (§6.3). */
export interface AuthorizerOption {
  /** A URL path: `/private`, or `/` for the whole site. */
  readonly where: string;
  /** As a mount's. */
  readonly address: string;
}

/** A FastCGI program that is started here, kept, and started anew when it ends. */
export interface PoolMount {
  /** As a shell understands it: `php-cgi`, `perl app.fcgi`. */
  readonly pool: string;
  /** As in DialMount. */
  readonly where: string;
}

/** A WSGI application, called by workers of ours (workers/wsgi.py). */
export interface WsgiMount {
  /** `module:callable` or `path/file.py:callable`. */
  readonly wsgi: string;
  /** A URL path; `/` is the whole site. */
  readonly where: string;
}

/** Of `WsgiMount`s. */
export interface PythonOptions {
  /** Default: that of the virtual environment that is named, in use, or here in `.venv`; else `python3`. */
  readonly interpreter?: string;
  /** A virtual environment. */
  readonly venv?: string;
  /** Requests at once in each worker. Default 1. */
  readonly threads?: number;
  /** The application is loaded once, by a process that forks the workers. Default false. */
  readonly preload?: boolean;
  /** Whoever asks sees the traceback of a failure. Default false. */
  readonly dev?: boolean;
  /** The wire to the workers, for those who want to see one; `cgi`: none, and a process for each request. Default `fastcgi`. */
  readonly via?: 'fastcgi' | 'scgi' | 'uwsgi' | 'cgi';
}

/** Options of `createServer()`. */
export interface ServerOptions extends CgiOptions {
  /** Programs that are asked whether a request may go on. The longest path counts. */
  authorizers?: readonly AuthorizerOption[];
  /** Programs that run already and answer for a path or an extension. */
  mounts?: readonly MountOption[];
  /** Processes of each pool: so many, or as many between two numbers as requests need. Default 4. */
  workers?: number | { readonly min: number; readonly max: number };
  /** A worker that is well is replaced after about so many requests, when it has so much memory, after so long. Default: never. */
  recycle?: { readonly requests?: number; readonly memoryBytes?: number; readonly ageMs?: number };
  /** A path below a pool's own, which new workers must answer well (2xx, 3xx) before they take over from the old ones. */
  health?: string;
  /** How WSGI applications are run. */
  python?: PythonOptions;
  /** Requests at once with each of their addresses; the others wait. Default: as many as a FastCGI program says it takes, else 4. */
  connections?: number;
  /** To a connection with one of them, over all addresses of a mount. 0 is no limit but the system's. */
  connectTimeoutMs?: number;
  /** So often their addresses are connected to, to learn who listens before a request does. Default 0: never. */
  probeMs?: number;
  /** `index.php`: a file in the public directory that answers for every path at which there is none. */
  frontController?: string;
  /** The script directory; false for none. Default `./cgi-bin`; where that is not there and programs are mounted, none. */
  dir?: string | false;
  /**
   * Static files for every path outside `prefix`; false for none. Default: `public` beside the script directory, or `./public`
   * where there is no such directory; none where that is not there.
   */
  publicDir?: string | false;
  /** An htpasswd file; its users may enter, nobody else. Never sent, wherever it lies. */
  basicAuth?: string;
  /** Files that are not there for clients, even in the public directory: a configuration. */
  neverSent?: readonly string[];
}

/** The same with nothing left open. */
export type Settings = Required<Omit<CgiOptions, 'documentRoot' | 'tap'> & Pick<ServerOptions, 'connectTimeoutMs' | 'probeMs'>> & {
  readonly tap: Tap | undefined;
};

export const settle = (options: ServerOptions): Settings => ({
  prefix: options.prefix ?? '/cgi-bin/',
  interpreters: options.interpreters ?? {},
  env: options.env ?? {},
  passEnv: options.passEnv ?? [],
  passAuth: options.passAuth ?? false,
  encodedSlashes: options.encodedSlashes ?? 'reject',
  isindex: options.isindex ?? false,
  chunked: options.chunked ?? 'spool',
  headerTimeoutMs: options.headerTimeoutMs ?? limits.headerMs,
  idleTimeoutMs: options.idleTimeoutMs ?? limits.idleMs,
  timeoutMs: options.timeoutMs ?? limits.totalMs,
  stdinTimeoutMs: options.stdinTimeoutMs ?? limits.stdinMs,
  connectTimeoutMs: options.connectTimeoutMs ?? limits.connectMs,
  probeMs: options.probeMs ?? limits.probeMs,
  maxProcesses: options.maxProcesses ?? limits.processesMax,
  maxQueue: options.maxQueue ?? limits.queueMax,
  maxBodyBytes: options.maxBodyBytes === 0 ? Number.POSITIVE_INFINITY : (options.maxBodyBytes ?? limits.bodyBytesMax),
  killGraceMs: options.killGraceMs ?? limits.killGraceMs,
  spawn: options.spawn ?? 'auto',
  recordWire: options.recordWire ?? false,
  tap: options.tap,
  details: options.details ?? 'loopback',
  onExchange: options.onExchange ?? (() => {}),
  onStderr: options.onStderr ?? (() => {}),
  onWarning: options.onWarning ?? (() => {}),
});
