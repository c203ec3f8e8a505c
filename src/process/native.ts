/**
 * A child by posix_spawn(3), called through koffi (libc only, nothing compiled). Node's own spawn forks the image of the whole
 * server; glibc's posix_spawn shares it until exec, costs a fifth, and tells the errno of exec. It also gives the script real
 * pipes, and us the kernel's account of it (wait4). Linux with glibc ≥ 2.34; elsewhere `loadNative` says why not.
 *
 * What bites, and what is done about it: threads of the pool block signals and Node ignores SIGPIPE (mask and dispositions are
 * reset); descriptors must not leak into scripts (O_CLOEXEC everywhere, and closefrom); a status can be lost between two SIGCHLD
 * (all that may have ended are asked); `wait4(-1)` would steal libuv's children (only by pid).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { constants, devNull } from 'node:os';
import { errorsLookMs, lostChildMs, widePipeBytes } from '../limits.js';
import { type Member, Roster } from '../roster.js';
import { blockPool, pidOf } from './block.js';
import type { BearChild, ChildEvents } from './child.js';
import {
  accountOf,
  attributesOf,
  errnoName,
  F_SETFL,
  F_SETPIPE_SZ,
  type Koffi,
  type Libc,
  libcOf,
  O_CLOEXEC,
  O_NONBLOCK,
  rusageBytes,
  signalName,
  WNOHANG,
} from './libc.js';
import { readOutput } from './output.js';

/** A way to bear children, or why there is none here. */
export const loadNative = (): BearChild | { readonly why: string } => {
  if (process.platform !== 'linux') return { why: `posix_spawn is used on Linux only, not on ${process.platform}` };
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    return nativeBear(libcOf(koffi), koffi);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { why: code === 'MODULE_NOT_FOUND' ? 'koffi is not installed' : message.split('\n', 1)[0]! };
  }
};

/** What a pipe holds on Linux, and what libuv reads at once. */
const pipeBytes = 65_536;

/** A child as long as it may still have something to tell. */
interface Alive extends Member {
  readonly pid: number;
  readonly events: ChildEvents;
  /** Its stderr, before anybody had to look. */
  errorsFd: number | undefined;
  errors: Socket | undefined;
  /** Its output has ended: it is about to exit, or has. */
  ending: boolean;
  /** Rounds of the clock it has seen. */
  rounds: number;
}

const nativeBear = (libc: Libc, koffi: Koffi): BearChild => {
  const attributes = attributesOf(libc);
  const blocks = blockPool(koffi);
  const alive = new Roster<Alive>();
  const emptyFd = openSync(devNull, 'r');
  const pipe = new Int32Array(2);
  const status = new Int32Array(1);
  const rusage = Buffer.alloc(rusageBytes);
  const chunk = Buffer.alloc(65_536);
  let expected = 0;

  // --- death ---------------------------------------------------------------------------------------------------

  /** False while it lives. */
  const reap = (child: Alive): boolean => {
    const pid = libc.wait4(child.pid, status, WNOHANG, rusage);
    if (pid === 0) return false;
    alive.remove(child);
    readErrors(child);
    const word = status[0]!;
    const signal = word & 0x7f;
    // Somebody else has reaped it (-1): nothing is known of how it ended.
    if (pid < 0) child.events.exited(undefined, undefined, undefined);
    else child.events.exited(signal === 0 ? (word >> 8) & 0xff : undefined, signalName(signal), accountOf(rusage));
    return true;
  };
  /**
   * To ask every child at every SIGCHLD cost a fifth of the server's time. Those that have closed stdout are asked; when none of
   * them was it, somebody has died whose output another still holds, and all are asked, at the next round and together.
   */
  let somebodyDied = false;
  const childDied = (): void => {
    let found = false;
    alive.forEach((child) => {
      if (child.ending) found = reap(child) || found;
    });
    if (!found) somebodyDied = true;
  };
  process.on('SIGCHLD', childDied);

  // --- one clock for all: a timer for each child would cost more than what it waits for -----------------------------

  let clock: NodeJS.Timeout | undefined;
  let round = 0;
  const goRound = (): void => {
    if (alive.size === 0) {
      clearInterval(clock);
      clock = undefined;
      return;
    }
    round += 1;
    // A SIGCHLD that never came (another listener, a debugger) must not keep a child for ever.
    if (somebodyDied || round % Math.ceil(lostChildMs / errorsLookMs) === 0) {
      somebodyDied = false;
      alive.forEach(reap);
    }
    alive.forEach((child) => {
      // The first round may come as soon as it is born.
      if (child.rounds++ === 1) streamErrors(child);
    });
  };

  // --- stderr --------------------------------------------------------------------------------------------------

  /** Most scripts say nothing there. A stream is made only for one that runs long; the others are looked at once, at the end. */
  const streamErrors = (child: Alive): void => {
    const fd = child.errorsFd;
    if (fd === undefined) return;
    child.errorsFd = undefined;
    const stream = new Socket({ fd, readable: true, writable: false });
    child.errors = stream;
    stream.on('error', () => {});
    stream.on('data', (piece) => child.events.errors(piece));
    stream.on('close', () => child.events.errorsEnd());
  };
  const readErrors = (child: Alive): void => {
    const fd = child.errorsFd;
    if (fd === undefined) return;
    try {
      for (;;) {
        const bytes = readSync(fd, chunk, 0, chunk.length, null);
        if (bytes === 0) break;
        child.events.errors(Buffer.from(chunk.subarray(0, bytes)));
      }
    } catch {
      // EAGAIN: somebody it started holds it open. The carrier decides how long that is listened to.
      return streamErrors(child);
    }
    child.errorsFd = undefined;
    closeSync(fd);
    child.events.errorsEnd();
  };

  // --- stdin ---------------------------------------------------------------------------------------------------

  const writeInput = (fd: number, bytes = Number.POSITIVE_INFINITY): Socket => {
    const much = bytes > pipeBytes && libc.fcntl(fd, F_SETPIPE_SZ, widePipeBytes) >= 0;
    return new Socket({ fd, readable: false, writable: true, ...(much ? { writableHighWaterMark: widePipeBytes } : {}) });
  };

  // --- birth ---------------------------------------------------------------------------------------------------

  return (birth, events) => {
    const opened: number[] = [];
    const closeOpened = (): void => {
      for (const fd of opened) closeSync(fd);
    };
    /** Both ends; closed again unless taken off `opened`. */
    const makePipe = (): [read: number, write: number] | undefined => {
      if (libc.pipe2(pipe, O_CLOEXEC) !== 0) return undefined;
      opened.push(pipe[0]!, pipe[1]!);
      return [pipe[0]!, pipe[1]!];
    };
    const output = makePipe();
    const errors = output && makePipe();
    const input = birth.stdin === 'pipe' ? errors && makePipe() : undefined;
    if (output === undefined || errors === undefined || (birth.stdin === 'pipe' && input === undefined)) {
      closeOpened();
      return events.unborn('EMFILE');
    }
    const block = blocks.take(birth);
    if (typeof block === 'string') {
      closeOpened();
      return events.unborn(block);
    }
    const stdin = input?.[0] ?? (typeof birth.stdin === 'number' ? birth.stdin : emptyFd);
    const { actions } = block;
    libc.actionsInit(actions);
    libc.addDup2(actions, stdin, 0);
    libc.addDup2(actions, output[1], 1);
    libc.addDup2(actions, errors[1], 2);
    libc.addCloseFrom(actions, 3);
    libc.addChdir(actions, birth.cwd);

    const done = (failed: unknown, errno: number): void => {
      expected -= 1;
      libc.actionsDestroy(actions);
      const pid = pidOf(block);
      blocks.give(block);
      if (failed || errno !== 0) {
        closeOpened();
        return events.unborn(errno === 0 ? String(failed) : errnoName(errno));
      }
      closeSync(output[1]);
      closeSync(errors[1]);
      if (input) closeSync(input[0]);
      libc.fcntl(errors[0], F_SETFL, O_NONBLOCK);
      const child: Alive = { pid, events, errorsFd: errors[0], errors: undefined, ending: false, rounds: 0, place: -1 };
      alive.add(child);
      clock ??= setInterval(goRound, errorsLookMs);
      let wide = false;
      const tellOutput = (piece: Buffer): void => {
        // A whole pipe at once: more is coming. Refused (too many of one user's): as it was.
        if (!wide && piece.length >= pipeBytes) {
          wide = true;
          libc.fcntl(output[0], F_SETPIPE_SZ, widePipeBytes);
        }
        events.output(piece);
      };
      const stdout = readOutput(output[0], tellOutput, () => {
        events.outputEnd();
        if (child.place < 0) return; // Reaped already; its pid may be somebody else's by now.
        child.ending = true;
        reap(child);
      });
      const stdinStream = input && writeInput(input[1], birth.stdinBytes);
      stdinStream?.on('error', () => {});
      events.born({
        pid,
        stdin: stdinStream,
        stdout,
        closeErrors() {
          streamErrors(child);
          child.errors?.destroy();
        },
        // Nearly always "no such process", which process.kill() would throw: 8 µs a request.
        groupLives: () => libc.kill(-pid, 0) === 0 || koffi.errno() === constants.errno.EPERM,
      });
    };

    expected += 1;
    // The thread that spawns stands still until exec. With nothing else to do that is the shorter way; otherwise a pool thread waits.
    // Of the 260 µs of our own CPU that a static C program costs at 8 connections, the kernel takes 160: clone 35, waking a pool thread
    // and being woken by it 30, the stack that glibc maps and unmaps for each child 20 (the other core is told), pipes 20, the answer's
    // write 18, wait4 9. Go has no thread to wake and no stack to map; all of it costs 150 there.
    if (alive.size === 0 && expected === 1) done(undefined, libc.spawn(block.pid, block.path, actions, attributes, block.argv, block.envp));
    else libc.spawn.async(block.pid, block.path, actions, attributes, block.argv, block.envp, done);
  };
};
