/** Who is measured: ourselves in each mode and before each gateway, and the peers. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fastcgi, keptName, uwsgi } from './gateways.js';
import { cli as commandLine, type Recipe, recipes } from './hosts.js';
import { type Gateway, said, sourceDir } from './programs.js';
import type { Kind } from './results.js';
import { asCgiName, wsgi } from './wsgi.js';

export interface Server extends Recipe {
  readonly gateway: Gateway;
  readonly kind: Kind;
  /** Only with these: what sets it apart shows there. Default: with every program of its gateway. */
  readonly programs?: readonly string[] | undefined;
  /** Nobody can tell its work from the programs': it forks for each connection, or has the program in its own processes. */
  readonly inseparable?: boolean;
  /** Its slices are so many times as long: it is much slower than the others of its gateway. Default 1. */
  readonly slower?: number;
}

const cli = commandLine();
/** Options that a build may not have yet. */
const help = said(process.execPath, cli, '--help');
const quiet = ['--quiet', ...(help.includes('--no-lab') ? ['--no-lab'] : [])];

export const quietName = 'cgi-serve, quiet';
export const defaultName = 'cgi-serve, default';

const ours = (mode: string, options: readonly string[] = []): Server => ({
  name: `cgi-serve, ${mode}`,
  gateway: 'cgi',
  kind: 'ours',
  version: [process.execPath, cli, '--version'],
  needs: [],
  start: (_home, site, port) => [[process.execPath, cli, join(site, 'cgi-bin'), '--port', String(port), '--no-public', ...options]],
});

const hellos = ['bare', 'hello'];

/** The bars are for the first; the second shows what the access log costs, the third what posix_spawn saves. */
const modes: readonly Server[] = [
  ours('quiet', quiet),
  { ...ours('default'), programs: hellos },
  ...(help.includes('--spawn') ? [{ ...ours('portable', [...quiet, '--spawn', 'portable']), programs: hellos }] : []),
];

/** For the reader: what the names of our modes stand for. */
export const modesInWords = `*quiet*: \`${quiet.join(' ')}\`. *default*: no options, the log to /dev/null. *portable*: quiet and \`--spawn portable\`.`;

const go: Server = {
  name: 'Go net/http/cgi',
  gateway: 'cgi',
  kind: 'peer',
  version: ['go', 'version'],
  needs: [['go', 'version']],
  start(home, site, port) {
    const program = join(home, 'host');
    const built = spawnSync('go', ['build', '-o', program, join(sourceDir, 'host.go')], {
      cwd: home,
      encoding: 'utf8',
      env: { ...process.env, GO111MODULE: 'off', GOFLAGS: '' },
    });
    if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
    return [[program, `127.0.0.1:${port}`, join(site, 'cgi-bin')]];
  },
};

const measured = (gateway: Gateway, recipe: Recipe): Server => {
  const { name } = recipe;
  if (name === 'cgi-serve') return { ...recipe, name: quietName, gateway, kind: 'ours', start: adding(recipe, quiet) };
  // More kept connections than workers: some clients wait for long. Its rate is no bar for anyone.
  if (name === keptName) return { ...recipe, gateway, kind: 'shown' };
  // What it is asked to show is not what it is for.
  if (name === asCgiName) return { ...recipe, gateway, kind: 'shown', slower: 2, start: adding(recipe, quiet) };
  // Most of its clients get nothing.
  if (name.startsWith('uWSGI')) return { ...recipe, gateway, kind: 'shown', inseparable: true };
  if (/^(busybox|Gunicorn|Waitress)/.test(name)) return { ...recipe, gateway, kind: 'peer', inseparable: true };
  if (!name.startsWith('Apache')) return { ...recipe, gateway, kind: 'peer' };
  // A process whose threads are all busy closes kept connections, unanswered requests on them or not: threads for all.
  const threads = ['ThreadLimit 256', 'ThreadsPerChild 256', 'MaxRequestWorkers 512'].flatMap((directive) => ['-c', directive]);
  return { ...recipe, gateway, kind: 'peer', start: adding(recipe, threads) };
};

const adding =
  ({ start }: Recipe, options: readonly string[]): Recipe['start'] =>
  (...where) =>
    start(...where).map((command) => [...command, ...options]);

const rank = ({ name }: Recipe): number => ['lighttpd', 'nginx', 'Apache', 'busybox', 'python'].findIndex((word) => name.startsWith(word));

export const servers: readonly Server[] = [
  ...modes,
  go,
  // The fast ones first.
  ...recipes
    .filter(({ name }) => name !== 'cgi-serve')
    .sort((a, b) => rank(a) - rank(b))
    .map((recipe) => measured('cgi', recipe)),
  ...fastcgi.map((recipe) => measured('fastcgi', recipe)),
  ...uwsgi.map((recipe) => measured('uwsgi', recipe)),
  ...wsgi.map((recipe) => measured('wsgi', recipe)),
];

/** The row for the loop without HTTP. */
export const rawName = 'posix_spawn in a loop, no HTTP';
