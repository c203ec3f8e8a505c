/**
 * Programs that stay and answer over a socket: started for one test in a folder of its own, waited for until they take a
 * connection, ended with the test. And a relay to put in front of one, which counts the connections that we make.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../support/until.js';

export interface Daemon {
  readonly child: ChildProcess;
  /** All it has printed. */
  said(): string;
}

/** A folder that is gone with the test: its sockets, its configuration. */
export function room(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-peer-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs until the test is over; resolves when it takes connections at each of `sockets`, paths or ports. */
export async function daemon(
  t: TestContext,
  program: string,
  args: readonly string[],
  sockets: readonly (string | number)[],
  env: Record<string, string> = {},
): Promise<Daemon> {
  // A group of its own: spawn-fcgi and the like become, or leave, children.
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
  }
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      text += String(error);
      resolve();
    });
  });
  t.after(async () => {
    endGroup(child.pid);
    await gone;
  });
  for (const socket of sockets) {
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`${program} has ended (${child.exitCode}): ${text}`);
        return accepts(socket);
      },
      `${program} to listen at ${socket}`,
      30_000,
    );
  }
  return { child, said: () => text };
}

/** Nobody in the group has anything to save. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

const at = (socket: string | number) => (typeof socket === 'string' ? { path: socket } : { port: socket, host: '127.0.0.1' });

function accepts(socket: string | number): Promise<boolean> {
  return new Promise((resolve) => {
    const line = connect(at(socket));
    line.once('connect', () => {
      line.destroy();
      resolve(true);
    });
    line.once('error', () => resolve(false));
  });
}

export interface Relay {
  /** To mount in place of the peer. */
  readonly address: string;
  /** Made so far, and open at once at most. */
  readonly made: number;
  readonly most: number;
}

/** Passes bytes on, both ways, ends included. */
export async function relay(t: TestContext, folder: string, to: string): Promise<Relay> {
  const path = join(folder, 'relay.sock');
  const open = new Set<Socket>();
  const count = { made: 0, most: 0 };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: to, allowHalfOpen: true });
    count.made += 1;
    open.add(near);
    count.most = Math.max(count.most, open.size);
    near.pipe(far);
    far.pipe(near);
    for (const one of [near, far]) {
      one.on('error', () => {});
      one.once('close', () => {
        open.delete(near);
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    for (const line of open) line.destroy();
    server.close();
  });
  return {
    address: `unix:${path}`,
    get made() {
      return count.made;
    },
    get most() {
      return count.most;
    },
  };
}

/** php-fpm 8.2 with a few workers that stay, none of the system's pools, and its errors on FastCGI's stderr. */
export async function phpFpm(t: TestContext, workers = 2): Promise<{ socket: string; folder: string; daemon: Daemon }> {
  const folder = room(t);
  const socket = join(folder, 'fpm.sock');
  const root = process.getuid?.() === 0;
  const lines = [
    '[global]',
    `error_log = ${join(folder, 'fpm.log')}`,
    'daemonize = no',
    '[www]',
    ...(root ? ['user = root', 'group = root'] : []),
    `listen = ${socket}`,
    'pm = static',
    `pm.max_children = ${workers}`,
    'pm.status_path = /status.php',
    'ping.path = /ping.php',
    ...['log_errors = on', 'display_errors = off', 'html_errors = off', 'error_log = ', 'output_buffering = off'].map(phpValue),
    ...['post_max_size = 32M', 'upload_max_filesize = 32M', 'zlib.output_compression = off'].map(phpValue),
    '',
  ];
  const configuration = join(folder, 'fpm.conf');
  writeFileSync(configuration, lines.join('\n'));
  const started = await daemon(t, '/usr/sbin/php-fpm8.2', ['-F', '-O', ...(root ? ['-R'] : []), '-y', configuration], [socket]);
  return { socket, folder, daemon: started };
}

const phpValue = (line: string): string => {
  const [name, value] = line.split(' = ');
  return `php_admin_value[${name}] = ${value}`;
};

/** `spawn-fcgi -n`: it makes the listening socket, passes it on as descriptor 0 (FastCGI §2.2), and becomes the program. */
export async function spawnFcgi(
  t: TestContext,
  program: readonly string[],
  env: Record<string, string> = {},
): Promise<{ socket: string; folder: string; daemon: Daemon }> {
  const folder = room(t);
  const socket = join(folder, 'fcgi.sock');
  return { socket, folder, daemon: await daemon(t, 'spawn-fcgi', ['-n', '-s', socket, '--', ...program], [socket], env) };
}

/** nginx, with these locations in one server whose files are in `root`; resolves with its port. */
export async function nginx(t: TestContext, folder: string, root: string, locations: string): Promise<number> {
  const port = await freePort();
  const configuration = join(folder, 'nginx.conf');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  const server = `server { listen 127.0.0.1:${port}; root ${root}; ${locations} }`;
  const lines = [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 1;',
    `pid ${folder}/nginx.pid;`,
    'events {}',
    `http { access_log off; ${places.join(' ')} ${server} }`,
    '',
  ];
  writeFileSync(configuration, lines.join('\n'));
  await daemon(t, '/usr/sbin/nginx', ['-p', folder, '-c', configuration, '-e', join(folder, 'error.log'), '-g', 'daemon off;'], [port]);
  return port;
}

/** Who tells a program what the other does not, or tells it another value; what both say alike is left out. */
export const differences = (ours: Record<string, string>, theirs: Record<string, string>): Record<string, Teller> => {
  const differing: Record<string, Teller> = {};
  for (const name of Object.keys({ ...ours, ...theirs })) {
    if (!(name in theirs)) differing[name] = 'us alone';
    else if (!(name in ours)) differing[name] = 'nginx alone';
    else if (ours[name] !== theirs[name]) differing[name] = 'both';
  }
  return differing;
};

export type Teller = 'both' | 'us alone' | 'nginx alone';

/** For a program that cannot be given port 0 and be asked. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
