/**
 * A server with scripts of its own, for one test: a temporary directory, a listening port, and everything the server tells.
 *
 *   const h = await house({ scripts: { 'hello.cgi': sh('echo "Content-Type: text/plain"; echo; echo hello') } });
 *   t.after(() => h.stop());
 *   const answer = await get(h.port, '/cgi-bin/hello.cgi');
 */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type CgiServer, createServer } from '../../src/index.js';
import type { ServerOptions } from '../../src/settings.js';
import type { Exchange, StderrLine } from '../../src/trace/trace.js';
import { until } from './until.js';

export type ScriptText = string | Buffer | { text: string | Buffer; mode: number };

export interface HouseOptions extends ServerOptions {
  /** Path below `cgi-bin` → what the file holds. Executable unless `mode` says otherwise. */
  scripts?: Record<string, ScriptText>;
  /** Path below `public` → what the file holds. */
  public?: Record<string, string | Buffer>;
}

export interface House {
  readonly port: number;
  /** The temporary directory, as a real path: `cgi-bin` and `public` are in it. */
  readonly root: string;
  /** `cgi-bin`. */
  readonly dir: string;
  readonly server: CgiServer;
  /** Every exchange that is over, in order. */
  readonly exchanges: Exchange[];
  readonly stderr: StderrLine[];
  /** The first exchange that matches, past ones included; waits for one. */
  exchange(match?: (exchange: Exchange) => boolean, timeoutMs?: number): Promise<Exchange>;
  stop(): Promise<void>;
}

export async function house(options: HouseOptions = {}): Promise<House> {
  const { scripts = {}, public: files, onExchange, onStderr, ...rest } = options;
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-test-')));
  const dir = rest.dir || join(root, 'cgi-bin');
  mkdirSync(dir, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) place(join(dir, name), script, 0o755);
  if (files) mkdirSync(join(root, 'public'));
  for (const [name, text] of Object.entries(files ?? {})) place(join(root, 'public', name), text, 0o644);

  const exchanges: Exchange[] = [];
  const stderr: StderrLine[] = [];
  const server = createServer({
    spawn: waysToBeBorn.find((way) => way === process.env.CGI_SERVE_SPAWN) ?? 'auto',
    ...rest,
    dir: rest.dir === false ? false : dir,
    onExchange: (exchange) => {
      exchanges.push(exchange);
      onExchange?.(exchange);
    },
    onStderr: (line) => {
      stderr.push(line);
      onStderr?.(line);
    },
  });
  const [endpoint] = await server.listen({ port: 0, host: '127.0.0.1' });
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await server.close(50);
    rmSync(root, { recursive: true, force: true });
  };
  return {
    port: endpoint!.port,
    root,
    dir,
    server,
    exchanges,
    stderr,
    exchange: async (match = () => true, timeoutMs = 15_000) =>
      (await until(() => exchanges.find(match), `an exchange like ${match}; seen: ${brief(exchanges)}`, timeoutMs))!,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** A CGI script in JavaScript (CommonJS, unless its name ends in `.mjs`). */
export const node = (source: string): string => `#!${process.execPath}\n${source}\n`;

/** A CGI script for the plain POSIX shell. */
export const sh = (source: string): string => `#!/bin/sh\n${source}\n`;

function place(file: string, script: ScriptText, usualMode: number): void {
  const { text, mode } = typeof script === 'string' || Buffer.isBuffer(script) ? { text: script, mode: usualMode } : script;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode); // writeFile's mode is cut by the umask
}

const brief = (exchanges: Exchange[]): string =>
  JSON.stringify(exchanges.slice(-10).map((e) => `${e.method} ${e.target} ${e.status} ${e.failure?.code ?? ''}`));

/** `npm test` runs what is about processes twice. */
const waysToBeBorn = ['auto', 'native', 'portable'] as const;
