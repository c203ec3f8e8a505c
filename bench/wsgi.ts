/**
 * Servers for one WSGI application, each of which calls it twice at once: two processes, or two threads. Gunicorn and Waitress are HTTP
 * servers themselves; uWSGI is asked by itself and behind nginx.
 */
import { join } from 'node:path';
import { inFront, uWsgi } from './gateways.js';
import { type Command, cli, nginx, type Recipe, socketIn } from './hosts.js';

const atOnce = '2';

/** Gunicorn's and Waitress's, as Debian packages them. */
const python = '/usr/bin/python3';

const ours = (name: string, ...options: readonly string[]): Recipe => ({
  name,
  version: [process.execPath, cli(), '--version'],
  needs: [[python, '--version']],
  start: (_home, site, port) => [
    [
      ...[process.execPath, cli(), join(site, 'cgi-bin'), '--port', String(port), '--no-public'],
      ...['--python', python, '--workers', atOnce, '--wsgi', join(site, 'app.py'), ...options],
    ],
  ],
});

const theirs = (name: string, version: Command, command: (site: string, address: string) => Command): Recipe => ({
  name,
  version,
  needs: [version],
  start: (_home, site, port) => [command(site, `127.0.0.1:${port}`)],
});

const gunicorn = (workerClass: string): Recipe =>
  theirs(`Gunicorn ${workerClass}`, ['/usr/bin/gunicorn', '--version'], (site, address) => [
    ...['/usr/bin/gunicorn', '--chdir', site, '--bind', address, '--workers', atOnce],
    ...['--worker-class', workerClass, '--log-level', 'critical', 'app'],
  ]);

const behindNginx = uWsgi(atOnce, 'app.py');

export const asCgiName = 'cgi-serve, as CGI';

export const wsgi: readonly Recipe[] = [
  ours('cgi-serve'),
  gunicorn('sync'),
  gunicorn('gthread'),
  theirs('Waitress', [python, '-c', 'import waitress, importlib.metadata as m; print(m.version("waitress"))'], (site, address) => [
    // It has no option for a folder.
    ...['env', `PYTHONPATH=${site}`, python, '-m', 'waitress', `--listen=${address}`, `--threads=${atOnce}`, 'app:application'],
  ]),
  inFront('nginx uwsgi_pass', ['nginx', '-v'], behindNginx, (home, site, port) =>
    nginx(home, site, port, `location / { include /etc/nginx/uwsgi_params; uwsgi_pass unix:${socketIn(home)}; }`),
  ),
  theirs('uWSGI http11-socket', ['uwsgi_python3', '--version'], (site, address) => [
    ...['uwsgi_python3', '--master', '--processes', atOnce, '--die-on-term', '--disable-logging', '--need-app'],
    ...['--http11-socket', address, '--wsgi-file', join(site, 'app.py')],
  ]),
  ours(asCgiName, '--via', 'cgi'),
];
