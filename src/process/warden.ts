/**
 * Workers end when the server ends, even if it is killed and can say nothing any more. A shell holds the other end of a pipe and a list of
 * their process groups; the kernel closes the pipe with the server, and then the shell ends them.
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** Returns how to forget it: its pid may be somebody else's after its end. */
export const watchOver = (pid: number): (() => void) => {
  warden ??= hire();
  warden.write(`+ ${pid}\n`);
  return () => void warden?.write(`- ${pid}\n`);
};

/** Its standard input. */
let warden: Writable | undefined;

const hire = (): Writable => {
  // A session of its own: Ctrl-C in the terminal is for the server, which ends its workers itself.
  const shell = spawn('/bin/sh', ['-c', rounds], { cwd: '/', env: {}, detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const stdin = shell.stdin as Writable & { unref(): void };
  const lost = (): void => {
    if (warden === stdin) warden = undefined;
  };
  shell.once('error', lost);
  shell.once('exit', lost);
  stdin.on('error', lost);
  // A server that is otherwise done may end.
  shell.unref();
  stdin.unref();
  return stdin;
};

const rounds = `
all=
while read -r sign pid; do
  if [ "$sign" = + ]; then all="$all $pid"; continue; fi
  left=
  for one in $all; do [ "$one" = "$pid" ] || left="$left $one"; done
  all=$left
done
[ -n "$all" ] || exit
for one in $all; do kill -s TERM -- "-$one"; done
sleep 2
for one in $all; do kill -s KILL -- "-$one"; done
`;
