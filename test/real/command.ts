/** Another program beside the server in this process: run to its end without blocking, output kept. */
import { spawn } from 'node:child_process';

export interface CommandOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  input?: string | Buffer;
  timeoutMs?: number;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  bytes: Buffer;
  stderr: string;
}

export function attempt(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
      timeout: options.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => err.push(piece));
    child.stdin.on('error', () => {}); // a program that never reads its input is no error
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => {
      const bytes = Buffer.concat(out);
      resolve({ code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** Like `attempt`, but an exit code other than 0 throws with everything the program said. */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const result = await attempt(program, args, options);
  if (result.code !== 0) {
    throw new Error(`${program} ${args.join(' ')}: exit code ${result.code}\n${result.stdout.slice(-2000)}\n${result.stderr.slice(-4000)}`);
  }
  return result;
}

/** git as nobody in particular: no configuration of this machine's or user's, no questions, no helpers. */
export const gitEnv: Record<string, string> = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.org',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.org',
};

export const git = (args: readonly string[], cwd?: string): Promise<CommandResult> =>
  command('git', args, { env: gitEnv, ...(cwd === undefined ? {} : { cwd }) });
