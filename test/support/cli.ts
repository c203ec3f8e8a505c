/**
 * The command line as a user meets it: a process of its own, its streams, its exit code.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

/** The compiled program. */
export const bin = fileURLToPath(new URL('../../src/cli/bin.js', import.meta.url));

export interface CliOptions {
  cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** What the program finds on its standard input. */
  input?: string | Buffer;
  timeoutMs?: number;
}

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs to the end. Throws when that does not come within `timeoutMs` (default 30 s). */
export async function runCli(args: string[], options: CliOptions = {}): Promise<CliResult> {
  const run = launchCli(args, options);
  const timeoutMs = options.timeoutMs ?? 30_000;
  const timer = setTimeout(() => run.child.kill('SIGKILL'), timeoutMs);
  const { code, signal } = await run.exited;
  const late = run.child.killed && signal === 'SIGKILL';
  clearTimeout(timer);
  if (late) throw new Error(`cgi-serve ${args.join(' ')} did not end in ${timeoutMs} ms\n${run.output()}`);
  return { code, signal, stdout: run.stdout(), stderr: run.stderr() };
}

export interface RunningCli {
  port: number;
  /** The first address the banner names, without a slash at its end: `http://127.0.0.1:8000`. */
  url: string;
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Waits until stdout or stderr matches; returns the match. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Settles when the process has ended and its streams are read out. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** TERM, and KILL when that takes longer than 10 s. For `t.after`. */
  stop(): Promise<void>;
}

/** Starts a server; resolves when it has announced its address. Say `--port 0`. */
export async function startCli(args: string[], options: CliOptions = {}): Promise<RunningCli> {
  const run = launchCli(args, options);
  let ended = false;
  void run.exited.then(() => {
    ended = true;
  });
  const waitFor = async (pattern: RegExp, timeoutMs = 20_000) => {
    const look = () => pattern.exec(plain(run.stdout())) ?? pattern.exec(plain(run.stderr()));
    const found = await until(() => look() ?? ended, `${pattern} in the output`, timeoutMs).catch((error: Error) => error);
    if (found instanceof Error) throw new Error(`${found.message}\n${run.output()}`);
    const match = look();
    if (!match) throw new Error(`cgi-serve ${args.join(' ')} ended before it printed ${pattern}\n${run.output()}`);
    return match;
  };
  const stop = async () => {
    if (ended) return;
    run.child.kill('SIGTERM');
    const timer = setTimeout(() => run.child.kill('SIGKILL'), 10_000);
    await run.exited;
    clearTimeout(timer);
  };
  try {
    const [, url, port] = await waitFor(/(https?:\/\/(?:\[[^\]\s]+\]|[^\s:/]+):(\d+))/, options.timeoutMs);
    return { port: Number(port), url: url!, child: run.child, stdout: run.stdout, stderr: run.stderr, waitFor, exited: run.exited, stop };
  } catch (error) {
    run.child.kill('SIGKILL');
    throw error;
  }
}

/** Starts, and waits for nothing. */
export function launchCli(args: string[], options: CliOptions) {
  const env = { ...process.env, ...options.env };
  // What this test runner was started with must not colour or reconfigure the program under test.
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_TEST_CONTEXT', 'NODE_OPTIONS']) if (!(name in (options.env ?? {}))) delete env[name];
  const child = spawn(process.execPath, [bin, ...args], { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => out.push(piece));
  child.stderr.on('data', (piece: Buffer) => err.push(piece));
  child.stdin.on('error', () => {}); // a program that never reads its input is no error
  child.stdin.end(options.input ?? '');
  const stdout = () => Buffer.concat(out).toString();
  const stderr = () => Buffer.concat(err).toString();
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('exit', atExit);
      resolve({ code, signal });
    });
  });
  return { child, stdout, stderr, exited, output: () => `--- stdout\n${stdout()}\n--- stderr\n${stderr()}` };
}

const plain = (text: string): string => text.replace(/\x1b\[[0-9;]*m/g, '');
