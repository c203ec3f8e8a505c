/**
 * src/workers/wsgi.py as its own process, for one test, and a web server's side of FastCGI to speak to it without one.
 *
 *   const { address } = await worker(t, 'probe.py', { wire: 'fastcgi' });
 *   const h = await house({ mounts: [{ wire: 'fastcgi', where: '/', address }] });
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isFailure } from '../../src/failures.js';
import { fastcgi } from '../../src/wire/fastcgi.js';
import { type FcgiRecord, recordReader } from '../../src/wire/fastcgi-records.js';
import type { Told } from '../../src/wire/wire.js';
import { type Daemon, daemon, room } from '../real/peers.js';
import { until } from '../support/until.js';

export const workerFile = fileURLToPath(new URL('../../../src/workers/wsgi.py', import.meta.url));
export const apps = fileURLToPath(new URL('../../../test/workers/apps/', import.meta.url));
/** Nothing is written beside the sources. */
export const environment = { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '' };

export type WireName = 'fastcgi' | 'scgi' | 'uwsgi';
export const wires: readonly WireName[] = ['fastcgi', 'scgi', 'uwsgi'];

export interface Worker {
  readonly socket: string;
  /** To mount. */
  readonly address: string;
  readonly folder: string;
  readonly daemon: Daemon;
}

/** Listens when this resolves. `target`: a file in apps, or anything that the worker takes. */
export async function worker(
  t: TestContext,
  target: string,
  options: { wire?: WireName; args?: string[]; env?: Record<string, string>; python?: string } = {},
): Promise<Worker> {
  const folder = room(t);
  const socket = join(folder, 'worker.sock');
  const file = target.endsWith('.py') ? join(apps, target) : target;
  const args = [workerFile, '--listen', `unix:${socket}`, '--protocol', options.wire ?? 'fastcgi', ...(options.args ?? []), file];
  const started = await daemon(t, options.python ?? 'python3', args, [socket], {
    ...environment,
    PYTHONPATH: apps,
    ...options.env,
  });
  return { socket, address: `unix:${socket}`, folder, daemon: started };
}

/** A folder with these files. */
export function project(t: TestContext, files: Record<string, string>, name = 'project'): string {
  const folder = join(room(t), name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

/** A worker that is expected to end by itself; killed with the test. */
export interface Run {
  readonly child: ChildProcess;
  readonly code: Promise<number | string | null>;
  said(): string;
}

export function run(
  t: TestContext,
  args: string[],
  env: Record<string, string> = {},
  stdio: (number | 'ignore' | 'pipe')[] = ['ignore'],
  python = 'python3',
): Run {
  const child = spawn(python, [workerFile, ...args], {
    stdio: [stdio[0] ?? 'ignore', 'pipe', 'pipe', ...stdio.slice(1)],
    env: { ...process.env, ...environment, ...env },
    cwd: apps,
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (piece: Buffer) => {
      text += piece;
    });
  const code = new Promise<number | string | null>((resolve) => child.once('close', (status, signal) => resolve(signal ?? status)));
  return { child, code, said: () => text };
}

/** A worker and the other end of its descriptor 3, as the server that has started it holds it. */
export interface Held extends Run {
  /** All that it has written there. */
  readonly lines: string[];
  /** The first line that is like this; waits for one. */
  line(like: RegExp): Promise<string>;
  /** The files it has named. */
  files(): string[];
  tell(line: string): void;
  hangUp(): void;
}

export function hold(t: TestContext, args: string[], socket: number | 'ignore' = 'ignore', env: Record<string, string> = {}): Held {
  const started = run(t, ['--ready-fd', '3', '--lifeline-fd', '3', ...args], env, [socket, 'pipe']);
  const line3 = started.child.stdio[3] as Socket;
  t.after(() => line3.destroy());
  line3.on('error', () => {});
  const lines: string[] = [];
  let rest = '';
  line3.on('data', (piece: Buffer) => {
    const [...whole] = (rest + piece.toString('latin1')).split('\n');
    rest = whole.pop()!;
    lines.push(...whole);
  });
  return {
    ...started,
    lines,
    line: async (like) =>
      (await until(() => lines.find((line) => like.test(line)), `${like} on descriptor 3: ${lines.join()}`).catch((error: Error) => {
        throw new Error(`${error.message}, then ${lines.join()}; it said ${started.said()}`);
      }))!,
    files: () => lines.filter((line) => line.startsWith('file ')).map((line) => JSON.parse(line.slice(5))),
    tell: (line) => void line3.write(`${line}\n`),
    hangUp: () => void line3.destroy(),
  };
}

/** One connection to a worker, as a web server has it. */
export interface Caller {
  readonly socket: Socket;
  /** Every record that has come. */
  readonly records: FcgiRecord[];
  readonly closed: Promise<void>;
  ended(): boolean;
  send(...bytes: Buffer[]): void;
  /** Waits for so many records. */
  heard(count: number): Promise<FcgiRecord[]>;
  /** A whole request and its whole answer. */
  ask(meta: Record<string, string>, options?: { body?: string | Buffer; keep?: boolean; id?: number }): Promise<FcgiAnswer>;
}

export interface FcgiAnswer {
  /** As CGI's stdout. */
  readonly output: string;
  readonly errors: string;
  readonly appStatus: number | undefined;
  readonly failed: string | undefined;
}

export async function caller(t: TestContext, path: string): Promise<Caller> {
  const socket = connect({ path });
  t.after(() => socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const records: FcgiRecord[] = [];
  const reader = recordReader();
  let over = false;
  socket.on('data', (bytes: Buffer) => records.push(...reader.push(Buffer.from(bytes))));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      over = true;
      resolve();
    }),
  );
  const caller: Caller = {
    socket,
    records,
    closed,
    ended: () => over,
    send: (...bytes) => void socket.write(Buffer.concat(bytes)),
    async heard(count) {
      await until(() => records.length >= count || over, `${count} records, ${records.length} came`);
      assert.ok(records.length >= count, `${records.length} records of ${count}, then the end`);
      return records;
    },
    async ask(meta, { body = '', keep = true, id = 1 } = {}) {
      const wire = fastcgi({ role: 'responder', keep, requestId: id });
      const bytes = Buffer.from(body);
      const length = bytes.length > 0 ? { CONTENT_LENGTH: String(bytes.length) } : {};
      const asking = wire.ask(new Map(Object.entries({ ...basics, ...length, ...meta })));
      assert.ok(!isFailure(asking));
      const telling = wire.readTelling();
      const told: Told[] = [];
      const hear = (piece: Buffer) => told.push(...telling.push(Buffer.from(piece)));
      socket.on('data', hear);
      const finished = () => told.some(({ kind }) => kind === 'ended' || kind === 'failed');
      caller.send(asking.opening, ...asking.body(bytes), ...asking.bodyEnd());
      await until(() => finished() || over, 'the end of an answer');
      if (!finished()) told.push(...telling.end());
      socket.removeListener('data', hear);
      const text = (kind: 'output' | 'errors') =>
        Buffer.concat(told.flatMap((one) => (one.kind === kind ? [one.bytes] : []))).toString('latin1');
      const last = told.at(-1);
      return {
        output: text('output'),
        errors: Buffer.from(text('errors'), 'latin1').toString(),
        appStatus: last?.kind === 'ended' ? last.appStatus : undefined,
        failed: last?.kind === 'failed' ? last.why.code : undefined,
      };
    },
  };
  return caller;
}

export const basics = {
  REQUEST_METHOD: 'GET',
  SCRIPT_NAME: '',
  PATH_INFO: '/',
  QUERY_STRING: '',
  SERVER_NAME: 'localhost',
  SERVER_PORT: '80',
  SERVER_PROTOCOL: 'HTTP/1.1',
};
