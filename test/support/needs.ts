/**
 * Programs that some tests run beside us, and the Debian package that brings each. `npm test` installs what is missing where it
 * may; a test says what it needs and is skipped where that is not to be had. With CI=true a skip would hide a gap, so it fails.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';

interface Tool {
  /** Debian packages. */
  readonly packages: readonly string[];
  /** Where it is when it is not a program on PATH. */
  readonly file?: string;
  /** A command that succeeds only when it is there. */
  readonly probe?: readonly string[];
}

export const tools: Readonly<Record<string, Tool>> = {
  awk: { packages: ['mawk'] },
  cc: { packages: ['gcc', 'libc6-dev'] },
  chromium: { packages: ['chromium'] },
  cgit: { packages: ['cgit'], file: '/usr/lib/cgit/cgit.cgi' },
  curl: { packages: ['curl'] },
  fcgiwrap: { packages: ['fcgiwrap'], file: '/usr/sbin/fcgiwrap' },
  fossil: { packages: ['fossil'] },
  git: { packages: ['git'] },
  'git http-backend': { packages: ['git'], file: '/usr/lib/git-core/git-http-backend' },
  gitweb: { packages: ['gitweb', 'libcgi-pm-perl'], file: '/usr/share/gitweb/gitweb.cgi' },
  gunicorn: { packages: ['gunicorn'], file: '/usr/bin/gunicorn' },
  htpasswd: { packages: ['apache2-utils'] },
  libfcgi: { packages: ['libfcgi-dev'], probe: ['test', '-f', '/usr/include/fcgi_stdio.h'] },
  nginx: { packages: ['nginx-light'], file: '/usr/sbin/nginx' },
  perl: { packages: ['perl'] },
  'perl CGI.pm': { packages: ['perl', 'libcgi-pm-perl'], probe: ['perl', '-MCGI', '-e', '1'] },
  'perl CGI::Fast': { packages: ['libcgi-fast-perl'], probe: ['perl', '-MCGI::Fast', '-e', '1'] },
  'perl FCGI.pm': { packages: ['perl', 'libfcgi-perl'], probe: ['perl', '-MFCGI', '-e', '1'] },
  'php-cgi': { packages: ['php-cgi'] },
  'php-fpm': { packages: ['php8.2-fpm'], file: '/usr/sbin/php-fpm8.2' },
  python3: { packages: ['python3'] },
  // Another python3 may come first on PATH; Debian's modules belong to this one.
  'python3-bottle': { packages: ['python3-bottle'], probe: ['/usr/bin/python3', '-c', 'import bottle'] },
  'python3-django': { packages: ['python3-django'], probe: ['/usr/bin/python3', '-c', 'import django'] },
  'python3-flask': { packages: ['python3-flask'], probe: ['/usr/bin/python3', '-c', 'import flask'] },
  'python3-webtest': { packages: ['python3-webtest'], probe: ['/usr/bin/python3', '-c', 'import webtest.lint'] },
  'python3-waitress': { packages: ['python3-waitress'], file: '/usr/bin/waitress-serve' },
  'python3-prometheus-client': {
    packages: ['python3-prometheus-client'],
    probe: ['/usr/bin/python3', '-c', 'import prometheus_client.openmetrics.parser'],
  },
  'spawn-fcgi': { packages: ['spawn-fcgi'] },
  sqlite3: { packages: ['sqlite3'] },
  tshark: { packages: ['tshark'] },
  uwsgi: { packages: ['uwsgi-core', 'uwsgi-plugin-python3'], file: '/usr/bin/uwsgi_python3' },
  wrk: { packages: ['wrk'] },
};

/** True when every program is there. Else the test is skipped, saying which is not: `if (!needs(t, 'php-cgi')) return;` */
export function needs(t: TestContext, ...programs: string[]): boolean {
  const missing = programs.filter((program) => !present(program));
  if (missing.length === 0) return true;
  const reason = `needs ${missing.join(', ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  t.skip(reason);
  return false;
}

/** Is it on this machine? A name from the table, a program on PATH, or an absolute path. */
export function present(program: string): boolean {
  const tool = tools[program];
  if (tool?.probe) return spawnSync(tool.probe[0]!, tool.probe.slice(1), { stdio: 'ignore' }).status === 0;
  const file = tool?.file ?? program;
  if (file.startsWith('/')) return executable(file);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && executable(join(folder, file)));
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
