/**
 * A child by node:child_process: works wherever Node does. Its own process group (`detached`), so that what it starts can be
 * ended with it. libuv gives it Unix sockets, not pipes, as stdin, stdout and stderr: a script that opens `/dev/stderr` by
 * name gets ENXIO (`>&2` works); README, «Limits».
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { BearChild } from './child.js';

export const bearPortable: BearChild = (birth, events) => {
  let child: ReturnType<typeof spawn>;
  try {
    child = spawn(birth.program, birth.args, {
      env: Object.fromEntries(birth.env),
      cwd: birth.cwd,
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: [birth.stdin === 'none' ? nothingToRead() : birth.stdin, 'pipe', 'pipe'],
    });
  } catch (error) {
    // E2BIG, ENOMEM: those that Node throws instead of emitting.
    events.unborn((error as NodeJS.ErrnoException).code ?? String(error));
    return;
  }
  // A broken pipe is how a script says that it wants no more; whoever holds the stream learns it from `close`.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {});
  if (child.pid === undefined) {
    child.once('error', (error: NodeJS.ErrnoException) => events.unborn(error.code ?? error.message));
    return;
  }
  child.on('error', () => {});
  child.once('exit', (code, signal) => events.exited(code ?? undefined, signal ?? undefined));
  events.born({ pid: child.pid, stdin: child.stdin ?? undefined, stdout: child.stdout!, stderr: child.stderr! });
};

/**
 * An empty stdin. With 'ignore' the child opens /dev/null itself, and where that fails for want of descriptors Node forgets to
 * close the sockets of stdout and stderr: one flood would leave the server without descriptors for ever.
 */
const nothingToRead = (): number => {
  emptyFd ??= openSync(devNull, 'r');
  return emptyFd;
};

let emptyFd: number | undefined;
