/**
 * Starts little-server.ts: a server in a process of its own, with scripts and a TMPDIR of its own, under whatever command a test
 * puts before it (`prlimit`, `sh -c 'ulimit …'`, `unshare`).
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServerOptions } from '../../src/settings.js';
import type { Exchange } from '../../src/trace/trace.js';
import { until } from '../support/until.js';

export interface LittleOptions extends ServerOptions {
  /** Becomes this user once it listens. */
  uid?: number;
}

export interface Little {
  readonly port: number;
  readonly pid: number;
  /** The scripts' directory. */
  readonly dir: string;
  /** Its TMPDIR. */
  readonly tmp: string;
  readonly exchanges: Exchange[];
  exchange(match: (exchange: Exchange) => boolean): Promise<Exchange>;
  /** What it wrote to stderr: nothing, unless it crashed. */
  stderr(): string;
  alive(): boolean;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('./little-server.js', import.meta.url));

/** `within`: the command that runs it, as a list of words. `tmp`: another TMPDIR. */
export async function little(
  scripts: Record<string, string>,
  options: LittleOptions = {},
  { within = [], tmp: otherTmp }: { within?: string[]; tmp?: string } = {},
): Promise<Little> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-little-')));
  const dir = join(root, 'cgi-bin');
  const tmp = otherTmp ?? join(root, 'tmp');
  mkdirSync(dir);
  mkdirSync(join(root, 'tmp'), { mode: 0o777 });
  for (const folder of [root, dir]) chmodSync(folder, 0o755); // another user is to reach them
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const [name, text] of Object.entries(scripts)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o755);
  }
  const [first, ...rest] = [...within, process.execPath, program, JSON.stringify({ ...options, dir })];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(first!, rest, { env: { ...env, TMPDIR: tmp }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
  const alive = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);

  const exchanges: Exchange[] = [];
  let port = 0;
  let stderr = '';
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line);
    if (told.exchange) exchanges.push(told.exchange);
    else port = told.port;
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(timer);
    process.off('exit', atExit);
    rmSync(root, { recursive: true, force: true });
  };
  await until(() => port > 0 || !alive(), 'the little server to listen', 30_000);
  if (port === 0) {
    await stop();
    throw new Error(`the little server did not start: ${stderr}`);
  }
  return {
    port,
    pid: child.pid!,
    dir,
    tmp,
    exchanges,
    exchange: async (match) => (await until(() => exchanges.find(match), `an exchange like ${match}`))!,
    stderr: () => stderr,
    alive,
    stop,
  };
}
