/**
 * The programs people run CGI scripts under today, each started on a free loopback port with a configuration in a temporary
 * directory: nothing of this machine's own set-up is read or changed. Settings are the program's defaults; what had to be said
 * to serve a cgi-bin at all stands here and nowhere else.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
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
  readonly version: readonly string[];
  /** Programs that must be there. */
  readonly needs: readonly (readonly string[])[];
  /** The commands to run, the last of which listens. `home` is a directory of its own, `site` holds `cgi-bin`. */
  start(home: string, site: string, port: number): readonly (readonly string[])[];
}

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
      const file = join(home, 'lighttpd.conf');
      writeFileSync(
        file,
        `server.modules = ("mod_cgi")
server.document-root = "${site}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${home}/error.log"
$HTTP["url"] =~ "^/cgi-bin/" { cgi.assign = ("" => "") }
`,
      );
      return [['lighttpd', '-D', '-f', file]];
    },
  },
  {
    name: 'Apache mod_cgid',
    version: ['apache2', '-v'],
    needs: [['apache2', '-v']],
    start(home, site, port) {
      const file = join(home, 'apache.conf');
      const modules = ['mpm_event', 'authz_core', 'alias', 'cgid'].map(
        (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
      );
      writeFileSync(
        file,
        `${modules.join('\n')}
ServerName localhost
Listen 127.0.0.1:${port}
${asRoot ? 'User www-data\nGroup www-data' : ''}
DefaultRuntimeDir ${home}
PidFile ${home}/pid
ScriptSock ${home}/cgisock
ErrorLog ${home}/error.log
ScriptAlias /cgi-bin/ ${site}/cgi-bin/
<Directory ${site}/cgi-bin>
  Require all granted
</Directory>
`,
      );
      return [['apache2', '-D', 'FOREGROUND', '-f', file]];
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
      const file = join(home, 'nginx.conf');
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${home}/${name};`);
      writeFileSync(
        file,
        `daemon off;
pid ${home}/pid;
error_log ${home}/error.log;
${asRoot ? 'user root;' : ''}
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    root ${site};
    location /cgi-bin/ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass unix:${home}/fcgiwrap.sock;
    }
  }
}
`,
      );
      // -f as Debian starts it; more than Debian's one process, so that a hanging script does not stop the other cases.
      return [
        ['fcgiwrap', '-f', '-c', '8', '-s', `unix:${home}/fcgiwrap.sock`],
        ['nginx', '-c', file],
      ];
    },
  },
];

/** Those that are installed, started. `home` is made for each; `site` must be readable by everyone. */
export const startHosts = async (homes: string, site: string, environment: Record<string, string>): Promise<Host[]> => {
  const hosts: Host[] = [];
  for (const recipe of recipes) {
    if (installed(recipe)) hosts.push(await startHost(recipe, join(homes, String(hosts.length)), site, environment));
    else console.error(`not on this machine: ${recipe.name}`);
  }
  return hosts;
};

export const installed = ({ needs }: Recipe): boolean => needs.every(works);

const works = ([program, ...args]: readonly string[]): boolean => spawnSync(program!, args, { stdio: 'ignore' }).status === 0;

export const startHost = async (recipe: Recipe, home: string, site: string, environment: Record<string, string> = {}): Promise<Host> => {
  mkdirSync(home);
  chmodSync(home, 0o755);
  const port = await freePort();
  const children: ChildProcess[] = [];
  for (const [program, ...args] of recipe.start(home, site, port)) {
    children.push(launch(program!, args, { stdio: 'ignore', cwd: home, env: { ...process.env, ...environment } }));
  }
  await until(() => answers(port), `${recipe.name} on port ${port}`);
  return {
    name: recipe.name,
    version: versionOf(recipe),
    port,
    pids: children.map((child) => child.pid!),
    async stop() {
      await Promise.all(children.map((child) => end(child)));
    },
  };
};

const versionOf = ({ version: [program, ...args] }: Recipe): string => {
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

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

export function cli(): string {
  return fileURLToPath(new URL('../src/cli/bin.js', import.meta.url));
}
