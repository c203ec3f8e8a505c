/**
 * Everything the comparisons start leads a process group of its own, is known here, and is ended with all it started: also on
 * Ctrl-C, also when the comparison itself fails.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';

const leaders = new Set<ChildProcess>();

export const launch = (program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess => {
  const child = spawn(program, args, { ...options, detached: true });
  leaders.add(child);
  child.once('exit', () => forget(child)).once('error', () => leaders.delete(child));
  return child;
};

/** TERM, and what is left after `graceMs` KILL. Resolves when the leader is gone. */
export const end = async (child: ChildProcess, graceMs = 2_000): Promise<void> => {
  if (!leaders.has(child)) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  await gone;
  clearTimeout(timer);
};

/** The leader is gone; those it left behind are its group's number until the last of them goes, so it is still theirs. */
const forget = (child: ChildProcess): void => {
  leaders.delete(child);
  signalGroup(child, 'SIGKILL');
};

const signalGroup = (child: ChildProcess, name: NodeJS.Signals): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {
    // Nobody is left.
  }
};

process.once('exit', () => {
  for (const child of leaders) signalGroup(child, 'SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => process.exit(128 + constants.signals[name]));
}
