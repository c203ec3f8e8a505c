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
import { errorsLookMs } from '../limits.js';
import type { KernelAccount } from '../trace/trace.js';
import type { BearChild, Birth, ChildEvents } from './child.js';

/** A way to bear children, or why there is none here. */
export const loadNative = (): BearChild | { readonly why: string } => {
  if (process.platform !== 'linux') return { why: `posix_spawn is used on Linux only, not on ${process.platform}` };
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    return nativeBear(libcOf(koffi), koffi);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { why: code === 'MODULE_NOT_FOUND' ? 'koffi is not installed' : message.split('\n', 1)[0]! };
  }
};

type Koffi = typeof import('koffi');
type Call = ((...args: unknown[]) => number) & { async(...args: unknown[]): void };

/** The calls used, as libc declares them. Throws when one is missing: musl has no closefrom. */
const libcOf = (koffi: Koffi) => {
  const libc = koffi.load('libc.so.6');
  const call = (declaration: string): Call => libc.func(declaration) as unknown as Call;
  return {
    pipe2: call('int pipe2(void *fds, int flags)'),
    fcntl: call('int fcntl(int fd, int command, int argument)'),
    wait4: call('int wait4(int pid, void *status, int options, void *rusage)'),
    spawn: call('int posix_spawn(void *pid, void *path, void *actions, void *attributes, void *argv, void *envp)'),
    actionsInit: call('int posix_spawn_file_actions_init(void *actions)'),
    actionsDestroy: call('int posix_spawn_file_actions_destroy(void *actions)'),
    addDup2: call('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
    addChdir: call('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
    addCloseFrom: call('int posix_spawn_file_actions_addclosefrom_np(void *actions, int from)'),
    attributesInit: call('int posix_spawnattr_init(void *attributes)'),
    setFlags: call('int posix_spawnattr_setflags(void *attributes, short flags)'),
    setMask: call('int posix_spawnattr_setsigmask(void *attributes, void *set)'),
    setDefault: call('int posix_spawnattr_setsigdefault(void *attributes, void *set)'),
  };
};
type Libc = ReturnType<typeof libcOf>;

// From <spawn.h>, <fcntl.h>, <sys/wait.h>; the same on every Linux.
const POSIX_SPAWN_SETPGROUP = 0x02;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const WNOHANG = 1;
/** sizeof posix_spawnattr_t, posix_spawn_file_actions_t, sigset_t, struct rusage: room for those of every 64-bit Linux. */
const attributesBytes = 512;
const actionsBytes = 256;
const sigsetBytes = 128;
const rusageBytes = 256;

/** A child as long as it may still have something to tell. */
interface Alive {
  readonly pid: number;
  readonly events: ChildEvents;
  /** Its stderr, before anybody had to look. */
  errorsFd: number | undefined;
  errors: Socket | undefined;
  look: NodeJS.Timeout | undefined;
}

const nativeBear = (libc: Libc, koffi: Koffi): BearChild => {
  const attributes = attributesOf(libc);
  const blocks = blockPool(koffi);
  const alive = new Map<number, Alive>();
  /** Those whose output has ended: they are about to exit, or have. */
  const ending = new Set<Alive>();
  const emptyFd = openSync(devNull, 'r');
  const pipe = new Int32Array(2);
  const status = new Int32Array(1);
  const rusage = Buffer.alloc(rusageBytes);
  const chunk = Buffer.alloc(65_536);
  let expected = 0;
  let sweep: NodeJS.Timeout | undefined;

  // --- death ---------------------------------------------------------------------------------------------------

  /** False while it lives. */
  const reap = (child: Alive): boolean => {
    const pid = libc.wait4(child.pid, status, WNOHANG, rusage);
    if (pid === 0) return false;
    alive.delete(child.pid);
    ending.delete(child);
    readErrors(child);
    const word = status[0]!;
    const signal = word & 0x7f;
    // Somebody else has reaped it (-1): nothing is known of how it ended.
    if (pid < 0) child.events.exited(undefined, undefined, undefined);
    else child.events.exited(signal === 0 ? (word >> 8) & 0xff : undefined, signalName(signal), accountOf(rusage));
    if (alive.size === 0 && sweep !== undefined) {
      clearInterval(sweep);
      sweep = undefined;
    }
    return true;
  };
  const reapAll = (): void => {
    for (const child of [...alive.values()]) reap(child);
  };
  /**
   * To ask every child at every SIGCHLD cost a fifth of the server's time. Those that have closed stdout are asked; when none of
   * them was it, somebody has died whose output another still holds, and all are asked, soon and together.
   */
  let asking: NodeJS.Timeout | undefined;
  const childDied = (): void => {
    let found = false;
    for (const child of ending) found = reap(child) || found;
    if (found || alive.size === 0 || asking !== undefined) return;
    asking = setTimeout(() => {
      asking = undefined;
      reapAll();
    }, 5);
  };
  process.on('SIGCHLD', childDied);

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
    stream.once('close', () => child.events.errorsEnd());
  };
  const readErrors = (child: Alive): void => {
    clearTimeout(child.look);
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
      const born = block.bytes.readInt32LE(pidAt);
      blocks.give(block);
      if (failed || errno !== 0) {
        closeOpened();
        return events.unborn(errno === 0 ? String(failed) : errnoName(errno));
      }
      closeSync(output[1]);
      closeSync(errors[1]);
      if (input) closeSync(input[0]);
      libc.fcntl(errors[0], F_SETFL, O_NONBLOCK);
      const child: Alive = { pid: born, events, errorsFd: errors[0], errors: undefined, look: undefined };
      alive.set(born, child);
      child.look = setTimeout(() => streamErrors(child), errorsLookMs);
      // A SIGCHLD that never came (another listener, a debugger) must not keep a child for ever.
      sweep ??= setInterval(reapAll, 1000);
      const stdout = new Socket({ fd: output[0], readable: true, writable: false });
      stdout.on('error', () => {});
      stdout.once('close', () => {
        if (!alive.has(born)) return; // Reaped already; its pid may be somebody else's by now.
        ending.add(child);
        reap(child);
      });
      const stdinStream = input && new Socket({ fd: input[1], readable: false, writable: true });
      stdinStream?.on('error', () => {});
      events.born({
        pid: born,
        stdin: stdinStream,
        stdout,
        closeErrors() {
          streamErrors(child);
          child.errors?.destroy();
        },
      });
    };

    const args = [block.address + BigInt(pidAt), block.path, actions, attributes, block.argv, block.envp];
    expected += 1;
    // The thread that spawns stands still until exec. With nothing else to do that is the shorter way; otherwise a pool thread waits.
    if (alive.size === 0 && expected === 1) done(undefined, libc.spawn(...args));
    else libc.spawn.async(...args, done);
  };
};

// --- what is made once ------------------------------------------------------------------------------------------

/** Own process group; no signal blocked; the two that Node ignores at their defaults again. */
const attributesOf = (libc: Libc): Buffer => {
  const attributes = Buffer.alloc(attributesBytes);
  libc.attributesInit(attributes);
  libc.setFlags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  libc.setMask(attributes, Buffer.alloc(sigsetBytes));
  const defaults = Buffer.alloc(sigsetBytes);
  // Node resets all others when it starts. Named one by one, because libc makes a call for each: all 64 cost the child 10 µs.
  for (const signal of [constants.signals.SIGPIPE, constants.signals.SIGXFSZ]) defaults[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  libc.setDefault(attributes, defaults);
  return attributes; // The group's number is 0 already: the child's own pid.
};

/** The pid to be, the file actions, argv and envp of one birth, in memory that stays where it is while a pool thread reads it. */
interface Block {
  readonly bytes: Buffer;
  readonly words: BigUint64Array;
  readonly address: bigint;
  /** Where posix_spawn_file_actions_t stands in it. */
  readonly actions: bigint;
  path: bigint;
  argv: bigint;
  envp: bigint;
}

/** The system takes 2 MiB for both together, and 128 KiB for one string. */
const blockBytesMax = 2 * 1024 * 1024;
const stringBytesMax = 128 * 1024;
const blockBytes = 32 * 1024;
/** Offsets in a block. */
const pidAt = 0;
const actionsAt = 16;
const pointersAt = actionsAt + actionsBytes;

const blockPool = (koffi: Koffi) => {
  const free: Block[] = [];
  const make = (size: number): Block => {
    const memory = koffi.alloc('char', size);
    const view = koffi.view(memory, size);
    const address = koffi.address(memory);
    const actions = address + BigInt(actionsAt);
    return { bytes: Buffer.from(view), words: new BigUint64Array(view), address, actions, path: 0n, argv: 0n, envp: 0n };
  };
  return {
    /** A filled block, or the errno of what cannot be given to a program. */
    take({ program, args, env }: Birth): Block | 'E2BIG' | 'EINVAL' {
      const strings = [program, ...args];
      const argc = strings.length;
      for (const [name, value] of env) strings.push(`${name}=${value}`);
      const text = `${strings.join('\0')}\0`;
      const textAt = pointersAt + (strings.length + 2) * 8;
      const size = textAt + Buffer.byteLength(text);
      if (size > blockBytesMax || strings.some((s) => s.length >= stringBytesMax)) return 'E2BIG';
      const block = size <= blockBytes ? (free.pop() ?? make(blockBytes)) : make(size + 8 - (size % 8));
      const { bytes, words, address } = block;
      const end = textAt + bytes.write(text, textAt, 'utf8');
      // Each string begins after the NUL of the one before; a NUL inside one would make them one too many.
      let word = pointersAt / 8;
      let at = textAt;
      for (let i = 0; i < strings.length; i++) {
        if (i === argc) words[word++] = 0n;
        words[word++] = address + BigInt(at);
        at = bytes.indexOf(0, at) + 1;
      }
      words[word] = 0n;
      if (at !== end) return 'EINVAL';
      block.argv = address + BigInt(pointersAt);
      block.envp = block.argv + BigInt((argc + 1) * 8);
      block.path = words[pointersAt / 8]!;
      return block;
    },
    give(block: Block): void {
      if (block.bytes.length === blockBytes) free.push(block);
    },
  };
};

// --- what the kernel says ---------------------------------------------------------------------------------------

/** struct rusage on 64-bit Linux: two timevals, then longs. */
const accountOf = (rusage: Buffer): KernelAccount => {
  const long = (index: number): number => Number(rusage.readBigInt64LE(index * 8));
  const peak = long(4);
  // Our own only grows, and to ask for it costs 25 µs: asked when the child seems to have more than we had last.
  if (peak > ownPeakKib + counterErrorKib) ownPeakKib = process.resourceUsage().maxRSS;
  return {
    userMs: long(0) * 1000 + long(1) / 1000,
    systemMs: long(2) * 1000 + long(3) / 1000,
    peakRssKib: peak > ownPeakKib + counterErrorKib ? peak : undefined,
    minorFaults: long(8),
    majorFaults: long(9),
    voluntarySwitches: long(16),
    involuntarySwitches: long(17),
  };
};

let ownPeakKib = 0;
/** The kernel counts memory per CPU and adds up now and then: two readings of the same peak differ by up to 2 MiB. */
const counterErrorKib = 4096;

const errnoName = (errno: number): string =>
  Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;

const signalName = (signal: number): string | undefined =>
  signal === 0 ? undefined : (Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`);
