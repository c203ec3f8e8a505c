/** Who is measured: ourselves in each mode, then the peers. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cli as commandLine, type Recipe, recipes } from './hosts.js';
import { said, sourceDir } from './programs.js';

export interface Server extends Recipe {
  readonly ours: boolean;
  /** Processes that live for one connection do work for the server which nobody can tell from the programs' work. */
  readonly forksForConnections?: boolean;
}

const cli = commandLine();
/** Options that a build may not have yet. */
const help = said(process.execPath, cli, '--help');
const quiet = ['--quiet', ...(help.includes('--no-lab') ? ['--no-lab'] : [])];

const ours = (mode: string, options: readonly string[] = []): Server => ({
  name: `cgi-serve, ${mode}`,
  ours: true,
  version: [process.execPath, cli, '--version'],
  needs: [],
  start: (_home, site, port) => [[process.execPath, cli, join(site, 'cgi-bin'), '--port', String(port), '--no-public', ...options]],
});

export const quietName = 'cgi-serve, quiet';
export const defaultName = 'cgi-serve, default';

/** The bars are for the first; the second shows what the access log costs, the third what posix_spawn saves. */
const modes: readonly Server[] = [
  ours('quiet', quiet),
  ours('default'),
  ...(help.includes('--spawn') ? [ours('portable', [...quiet, '--spawn', 'portable'])] : []),
];

/** For the reader: what the names of our modes stand for. */
export const modesInWords = `*quiet*: \`${quiet.join(' ')}\`. *default*: no options, the log to /dev/null. *portable*: quiet and \`--spawn portable\`.`;

const go: Server = {
  name: 'Go net/http/cgi',
  ours: false,
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

const peers = recipes
  .filter(({ name }) => name !== 'cgi-serve')
  .map((recipe): Server => {
    if (recipe.name.startsWith('busybox')) return { ...recipe, ours: false, forksForConnections: true };
    if (!recipe.name.startsWith('Apache')) return { ...recipe, ours: false };
    // A process whose threads are all busy closes kept connections, unanswered requests on them or not: threads for all.
    const threads = ['ThreadLimit 256', 'ThreadsPerChild 256', 'MaxRequestWorkers 512'].flatMap((directive) => ['-c', directive]);
    return { ...recipe, ours: false, start: (...where) => recipe.start(...where).map((command) => [...command, ...threads]) };
  });

export const servers: readonly Server[] = [
  ...modes,
  go,
  // The fast ones first.
  ...[...peers].sort((a, b) => rank(a) - rank(b)),
];

function rank({ name }: Recipe): number {
  return ['lighttpd', 'nginx', 'Apache', 'busybox', 'python'].findIndex((word) => name.startsWith(word));
}

/** The row for the loop without HTTP. */
export const rawName = 'posix_spawn in a loop, no HTTP';
