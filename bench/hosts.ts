/**
 * The programs people run CGI scripts under today, each started on a free loopback port with a configuration in a temporary
 * directory: nothing of this machine's own set-up is read or changed. Settings are the program's defaults; what had to be said
 * to serve a cgi-bin at all stands here and nowhere else.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../test/support/until.js';
import { end, launch } from './started.js';

export interface Host {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  /** What was started; the rest are its descendants. */
  readonly pids: readonly number[];
  /** Ends it and what it started. */
  stop(): Promise<void>;
}

export interface Recipe {
  readonly name: string;
  /** Prints its version. */
  readonly version: Command;
  /** Programs that must be there. */
  readonly needs: readonly Command[];
  /** What it passes requests to. */
  readonly behind?: Behind;
  /** The commands to run, the last of which listens. `home` is a directory of its own, `site` holds `cgi-bin`. */
  start(home: string, site: string, port: number): readonly Command[];
}

/** Stands by itself, at `socketIn(home)`: what it costs is not the server's. */
export interface Behind {
  readonly name: string;
  readonly version: Command;
  readonly needs: readonly Command[];
  start(home: string, site: string): Command;
}

export type Command = readonly string[];

export const socketIn = (home: string): string => join(home, 'behind.sock');

const asRoot = process.getuid?.() === 0;

export const recipes: readonly Recipe[] = [
  {
    name: 'cgi-serve',
    version: [process.execPath, cli(), '--version'],
    needs: [],
    start: (_home, site, port) => [[process.execPath, cli(), join(site, 'cgi-bin'), '--port', String(port), '--no-public', '--quiet']],
  },
  {
    name: 'python `--cgi`',
    version: ['python3', '--version'],
    needs: [['python3', '-c', 'from http.server import CGIHTTPRequestHandler']], // gone since Python 3.15
    start: (_home, site, port) => [['python3', '-m', 'http.server', '--cgi', '--bind', '127.0.0.1', '--directory', site, String(port)]],
  },
  {
    name: 'busybox httpd',
    version: ['busybox'],
    needs: [['busybox', 'sh', '-c', 'busybox --list | grep -qx httpd']],
    start: (_home, site, port) => [['busybox', 'httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', site]],
  },
  {
    name: 'lighttpd mod_cgi',
    version: ['lighttpd', '-v'],
    needs: [['lighttpd', '-v']],
    start(home, site, port) {
      return [lighttpd(home, site, port, 'mod_cgi', '$HTTP["url"] =~ "^/cgi-bin/" { cgi.assign = ("" => "") }')];
    },
  },
  {
    name: 'Apache mod_cgid',
    version: ['apache2', '-v'],
    needs: [['apache2', '-v']],
    start(home, site, port) {
      const lines = `ScriptSock ${home}/cgisock
ScriptAlias /cgi-bin/ ${site}/cgi-bin/
<Directory ${site}/cgi-bin>
  Require all granted
</Directory>`;
      return [apache(home, port, ['alias', 'cgid'], lines)];
    },
  },
  {
    name: 'nginx + fcgiwrap',
    version: ['nginx', '-v'],
    needs: [
      ['nginx', '-v'],
      ['fcgiwrap', '-h'],
    ],
    start(home, site, port) {
      const location = `location /cgi-bin/ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass unix:${home}/fcgiwrap.sock;
    }`;
      // -f as Debian starts it; more than Debian's one process, so that a hanging script does not stop the other cases.
      return [['fcgiwrap', '-f', '-c', '8', '-s', `unix:${home}/fcgiwrap.sock`], nginx(home, site, port, location)];
    },
  },
];

/** Writes the configuration into `home`; the command that listens. The same for all that is measured of a server. */
export const lighttpd = (home: string, root: string, port: number, module: string, lines: string): Command => {
  const file = join(home, 'lighttpd.conf');
  writeFileSync(
    file,
    `server.modules = ("${module}")
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${home}/error.log"
${lines}
`,
  );
  return ['lighttpd', '-D', '-f', file];
};

export const apache = (home: string, port: number, modules: readonly string[], lines: string): Command => {
  const file = join(home, 'apache.conf');
  const load = ['mpm_event', 'authz_core', ...modules].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  writeFileSync(
    file,
    `${load.join('\n')}
ServerName localhost
Listen 127.0.0.1:${port}
${asRoot ? 'User www-data\nGroup www-data' : ''}
DefaultRuntimeDir ${home}
PidFile ${home}/pid
ErrorLog ${home}/error.log
${lines}
`,
  );
  return ['apache2', '-D', 'FOREGROUND', '-f', file];
};

/** A worker for each core, as in the configuration that every package of it brings. `upstream`: lines beside the server. */
export const nginx = (home: string, root: string, port: number, location: string, upstream = ''): Command => {
  const file = join(home, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${home}/${name};`);
  writeFileSync(
    file,
    `daemon off;
worker_processes auto;
pid ${home}/pid;
error_log ${home}/error.log;
${asRoot ? 'user root;' : ''}
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  ${upstream}
  server {
    listen 127.0.0.1:${port};
    root ${root};
    ${location}
  }
}
`,
  );
  return ['nginx', '-c', file];
};

/** Those that are installed, started. `home` is made for each; `site` must be readable by everyone. */
export const startHosts = async (homes: string, site: string, environment: Record<string, string>): Promise<Host[]> => {
  const hosts: Host[] = [];
  for (const recipe of recipes) {
    if (installed(recipe)) hosts.push(await startHost(recipe, join(homes, String(hosts.length)), site, environment));
    else console.error(`not on this machine: ${recipe.name}`);
  }
  return hosts;
};

export const installed = ({ needs, behind }: Recipe): boolean => [...needs, ...(behind?.needs ?? [])].every(works);

const works = ([program, ...args]: Command): boolean => spawnSync(program!, args, { stdio: 'ignore' }).status === 0;

export const startHost = async (recipe: Recipe, home: string, site: string, environment: Record<string, string> = {}): Promise<Host> => {
  mkdirSync(home);
  chmodSync(home, 0o755);
  const port = await freePort();
  const run = ([program, ...args]: Command): ChildProcess =>
    launch(program!, args, { stdio: 'ignore', cwd: home, env: { ...process.env, ...environment } });
  const behind = recipe.behind && run(recipe.behind.start(home, site));
  // A server that finds nobody there may not try again for a while.
  if (behind) await until(() => answers({ path: socketIn(home) }), `${recipe.behind?.name} behind ${recipe.name}`);
  const children = recipe.start(home, site, port).map(run);
  await until(() => answers({ port, host: '127.0.0.1' }), `${recipe.name} on port ${port}`);
  return {
    name: recipe.name,
    version: versionOf(recipe),
    port,
    pids: children.map((child) => child.pid!),
    async stop() {
      await Promise.all(children.map((child) => end(child)));
      if (behind) await end(behind);
    },
  };
};

export const versionOf = ({ version: [program, ...args] }: Pick<Recipe, 'version'>): string => {
  const { stdout, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? '?';
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

const answers = (where: NetConnectOpts): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(where);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

export function cli(): string {
  return fileURLToPath(new URL('../src/cli/bin.js', import.meta.url));
}
