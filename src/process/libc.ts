/**
 * The calls into libc that bear a child and bury it, through koffi: what they are declared as in C, and what their numbers mean.
 * Nothing is compiled. Linux with glibc ≥ 2.34.
 */
import { constants } from 'node:os';
import type { KernelAccount } from '../trace/trace.js';

export type Koffi = typeof import('koffi');
type Call = ((...args: unknown[]) => number) & { async(...args: unknown[]): void };

/** The calls used, as libc declares them. Throws when one is missing: musl has no closefrom. */
export const libcOf = (koffi: Koffi) => {
  const libc = koffi.load('libc.so.6');
  const call = (declaration: string): Call => libc.func(declaration) as unknown as Call;
  return {
    pipe2: call('int pipe2(void *fds, int flags)'),
    fcntl: call('int fcntl(int fd, int command, int argument)'),
    kill: call('int kill(int pid, int signal)'),
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
export type Libc = ReturnType<typeof libcOf>;

// From <spawn.h>, <fcntl.h>, <sys/wait.h>; the same on every Linux.
const POSIX_SPAWN_SETPGROUP = 0x02;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
export const O_CLOEXEC = 0o2000000;
export const F_SETFL = 4;
export const F_SETPIPE_SZ = 1031;
export const O_NONBLOCK = 0o4000;
export const WNOHANG = 1;
/** sizeof posix_spawnattr_t, posix_spawn_file_actions_t, sigset_t, struct rusage: room for those of every 64-bit Linux. */
const attributesBytes = 512;
export const actionsBytes = 256;
const sigsetBytes = 128;
export const rusageBytes = 256;

/** Own process group; no signal blocked; every signal at its default again, whatever we ignore (Node: SIGPIPE) or were told to (nohup). */
export const attributesOf = (libc: Libc): Buffer => {
  const attributes = Buffer.alloc(attributesBytes);
  libc.attributesInit(attributes);
  libc.setFlags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  libc.setMask(attributes, Buffer.alloc(sigsetBytes));
  // All of them: for one that is not named libc asks first and sets then, two calls in the child where one does.
  const defaults = Buffer.alloc(sigsetBytes, 0xff);
  libc.setDefault(attributes, defaults);
  return attributes; // The group's number is 0 already: the child's own pid.
};

/** The low and high halves of a 64-bit number that is small enough for one of ours; a BigInt for each would be garbage. */
const high = 2 ** 32;

/** struct rusage on 64-bit Linux: two timevals, then longs, all of them counts. */
export const accountOf = (rusage: Buffer): KernelAccount => {
  const long = (index: number): number => rusage.readUInt32LE(index * 8) + rusage.readUInt32LE(index * 8 + 4) * high;
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

export const errnoName = (errno: number): string =>
  Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;

export const signalName = (signal: number): string | undefined =>
  signal === 0 ? undefined : (Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`);
