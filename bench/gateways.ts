/**
 * Servers in front of programs that stay: php-fpm, uWSGI. Each server has one behind it for itself, all set alike: a kept connection
 * holds a worker also while nothing is asked, and a neighbour of the same php-fpm would wait for it.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { apache, type Behind, type Command, cli, lighttpd, nginx, type Recipe, socketIn } from './hosts.js';

/** Of php-fpm and of uWSGI. */
const workers = 4;

/** Debian has the version in its name. */
const sbin = existsSync('/usr/sbin') ? readdirSync('/usr/sbin') : [];
const fpm = sbin.sort().findLast((name) => name.startsWith('php-fpm')) ?? 'php-fpm';

const phpFpm: Behind = {
  name: 'php-fpm',
  version: [fpm, '--version'],
  needs: [[fpm, '--version']],
  start(home) {
    const file = join(home, 'php-fpm.conf');
    writeFileSync(
      file,
      `[global]
daemonize = no
error_log = ${home}/php-fpm.log
[www]
${process.getuid?.() === 0 ? 'user = www-data\ngroup = www-data' : ''}
listen = ${socketIn(home)}
listen.mode = 0666
pm = static
pm.max_children = ${workers}
`,
    );
    return [fpm, '--nodaemonize', '--fpm-config', file];
  },
};

/** `file`: the application, in the site. */
export const uWsgi = (processes: string, file: string): Behind => ({
  name: 'uWSGI',
  version: ['uwsgi_python3', '--version'],
  needs: [['uwsgi_python3', '--version']],
  start: (home, site) => [
    ...['uwsgi_python3', '--master', '--processes', processes, '--die-on-term', '--disable-logging'],
    ...['--uwsgi-socket', socketIn(home), '--chmod-socket=666', '--need-app', '--wsgi-file', join(site, file)],
  ],
});
const helloOnUWsgi = uWsgi(String(workers), 'hello.py');

const ours = (behind: Behind, option: string, where: string): Recipe => ({
  name: 'cgi-serve',
  version: [process.execPath, cli(), '--version'],
  needs: [],
  behind,
  start: (home, site, port) => [
    [process.execPath, cli(), join(site, 'cgi-bin'), '--port', String(port), option, `${where}=unix:${socketIn(home)}`],
  ],
});

export const inFront = (
  name: string,
  program: Command,
  behind: Behind,
  command: (home: string, site: string, port: number) => Command,
): Recipe => ({
  name,
  version: program,
  needs: [program],
  behind,
  start: (home, site, port) => [command(home, site, port)],
});

/** Debian's snippets/fastcgi-php.conf, as far as a page without PATH_INFO needs it. */
const phpLocation = (to: string, more = ''): string => `location ~ \\.php$ {
      try_files $uri =404;
      include /etc/nginx/fastcgi.conf;
      fastcgi_pass ${to};${more}
    }`;

export const keptName = 'nginx, kept connections';

export const fastcgi: readonly Recipe[] = [
  ours(phpFpm, '--fastcgi', '.php'),
  inFront('lighttpd mod_fastcgi', ['lighttpd', '-v'], phpFpm, (home, site, port) => {
    const lines = `fastcgi.server = (".php" => (("socket" => "${socketIn(home)}", "broken-scriptfilename" => "enable")))`;
    return lighttpd(home, join(site, 'public'), port, 'mod_fastcgi', lines);
  }),
  inFront('nginx fastcgi_pass', ['nginx', '-v'], phpFpm, (home, site, port) =>
    nginx(home, join(site, 'public'), port, phpLocation(`unix:${socketIn(home)}`)),
  ),
  inFront(keptName, ['nginx', '-v'], phpFpm, (home, site, port) => {
    // Each worker of nginx keeps so many: all of them together no more than php-fpm has workers, or some would wait for a minute.
    const kept = Math.max(1, Math.floor(workers / availableParallelism()));
    const upstream = `upstream php { server unix:${socketIn(home)}; keepalive ${kept}; }`;
    return nginx(home, join(site, 'public'), port, phpLocation('php', '\n      fastcgi_keep_conn on;'), upstream);
  }),
  inFront('Caddy php_fastcgi', ['caddy', 'version'], phpFpm, (home, site, port) => {
    const file = join(home, 'Caddyfile');
    writeFileSync(
      file,
      `{
	admin off
	auto_https off
}
http://:${port} {
	bind 127.0.0.1
	root * ${site}/public
	php_fastcgi unix/${socketIn(home)}
}
`,
    );
    // It writes below these; `env` becomes Caddy.
    return ['env', `XDG_DATA_HOME=${home}`, `XDG_CONFIG_HOME=${home}`, 'caddy', 'run', '--config', file];
  }),
  inFront('Apache mod_proxy_fcgi', ['apache2', '-v'], phpFpm, (home, site, port) => {
    const lines = `DocumentRoot ${site}/public
<Directory ${site}/public>
  Require all granted
</Directory>
<FilesMatch "\\.php$">
  SetHandler "proxy:unix:${socketIn(home)}|fcgi://localhost"
</FilesMatch>`;
    return apache(home, port, ['proxy', 'proxy_fcgi'], lines);
  }),
];

export const uwsgi: readonly Recipe[] = [
  ours(helloOnUWsgi, '--uwsgi', '/app'),
  inFront('nginx uwsgi_pass', ['nginx', '-v'], helloOnUWsgi, (home, site, port) => {
    const location = `location /app {
      include /etc/nginx/uwsgi_params;
      uwsgi_pass unix:${socketIn(home)};
    }`;
    return nginx(home, site, port, location);
  }),
];
