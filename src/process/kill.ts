/**
 * How a child is ended: TERM to its process group, a grace, then KILL. The group, because a script's own children would
 * otherwise go on with nobody to answer to. RFC 3875 §6.1 allows it "at any time and without warning".
 */

/** Sends the ladder on its way; `isOver` tells that the leader is reaped. Calls `done` once, when the group is gone or was sent KILL. */
export const endGroup = (pid: number, graceMs: number, isOver: () => boolean, done: () => void): void => {
  const finish = (): void => {
    clearTimeout(kill);
    clearInterval(look);
    done();
  };
  signalBoth(pid, 'SIGTERM', isOver());
  const kill = setTimeout(() => {
    signalBoth(pid, 'SIGKILL', isOver());
    finish();
  }, graceMs);
  // Looked at now and then, so that nobody waits out a grace that is no longer needed.
  const look = setInterval(() => {
    if (isOver() && !groupLives(pid)) finish();
  }, lookEveryMs);
};

const lookEveryMs = 20;

/**
 * The leader may have moved to another group and left none, or others, behind. TERM goes to it once, for it may have a handler.
 * Once it is reaped its pid may be somebody else's, and only the group is meant.
 */
const signalBoth = (pid: number, signal: NodeJS.Signals, isOver: boolean): void => {
  const reached = signalGroup(pid, signal);
  if (isOver || (reached && signal !== 'SIGKILL')) return;
  try {
    process.kill(pid, signal);
  } catch {
    // Gone in between.
  }
};

/** False when no process of the group is left. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
    return true;
  } catch {
    return false;
  }
};

/** A zombie counts: its leader has not been reaped yet. */
export const groupLives = (pid: number): boolean => {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
