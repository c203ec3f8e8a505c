/**
 * A child by node:child_process: works wherever Node does. Its own process group (`detached`), so that what it starts can be
 * ended with it. libuv gives it Unix sockets, not pipes, as stdin, stdout and stderr: a script that opens `/dev/stderr` by
 * name gets ENXIO (`>&2` works); README, «Limits».
 */
import { ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { BearChild } from './child.js';
import { groupLives } from './kill.js';

export const bearPortable: BearChild = (birth, events) => {
  const child = new ChildProcess() as Spawner;
  const options: SpawnOptions = {
    file: birth.program,
    args: [birth.program, ...birth.args],
    envPairs: Array.from(birth.env, ([name, value]) => `${name}=${value}`),
    cwd: birth.cwd,
    detached: process.platform !== 'win32',
    windowsHide: true,
    stdio: [birth.stdin === 'none' ? nothingToRead() : birth.stdin, 'pipe', 'pipe'],
  };
  try {
    child.spawn(options);
  } catch (error) {
    // E2BIG, ENOMEM: those that Node throws instead of emitting.
    events.unborn((error as NodeJS.ErrnoException).code ?? String(error));
    return;
  }
  if (child.pid === undefined) closeForgotten(options);
  // A broken pipe is how a script says that it wants no more; whoever holds the stream learns it from `close`.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {});
  if (child.pid === undefined) {
    child.once('error', (error: NodeJS.ErrnoException) => events.unborn(error.code ?? error.message));
    return;
  }
  child.on('error', () => {});
  child.once('exit', (code, signal) => events.exited(code ?? undefined, signal ?? undefined, undefined));
  const stdout = child.stdout!;
  stdout.on('data', (piece: Buffer) => events.output(piece));
  // `end` comes in the turn of the last byte, and only when there was one; `close` always, and a turn later.
  stdout.once('end', () => events.outputEnd());
  stdout.once('close', () => events.outputEnd());
  const stderr = child.stderr!;
  stderr.on('data', (piece: Buffer) => events.errors(piece));
  stderr.once('close', () => events.errorsEnd());
  const { pid } = child;
  events.born({
    pid,
    stdin: child.stdin ?? undefined,
    stdout: { pause: () => void stdout.pause(), resume: () => void stdout.resume(), close: () => void stdout.destroy() },
    closeErrors: () => void stderr.destroy(),
    groupLives: () => groupLives(pid),
  });
};

/**
 * What child_process.spawn() calls with its options sorted out. Called directly because a spawn that fails for want of descriptors
 * returns early and forgets the handles it has opened for stdout and stderr: one flood would leave the server without
 * descriptors for ever, and only here they can be reached.
 */
type Spawner = ChildProcess & { spawn(options: SpawnOptions): number };

interface SpawnOptions {
  file: string;
  args: string[];
  envPairs: string[];
  cwd: string;
  detached: boolean;
  windowsHide: boolean;
  /** Replaced by what was made of it: objects with handles. */
  stdio: (string | number | { handle?: { close(): void } })[];
}

const closeForgotten = (options: SpawnOptions): void => {
  for (const each of options.stdio) if (typeof each === 'object') each.handle?.close();
};

/** An empty stdin, opened once: with 'ignore' each child would open /dev/null itself. */
const nothingToRead = (): number => {
  emptyFd ??= openSync(devNull, 'r');
  return emptyFd;
};

let emptyFd: number | undefined;
