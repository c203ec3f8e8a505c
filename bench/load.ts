/**
 * The load for a fixed time: wrk, one thread of it; for servers that close after each answer `closing.c`; and the loop without
 * HTTP (`raw.c`), whose result has the same shape.
 */
import { join } from 'node:path';
import { sourceDir } from './programs.js';
import { end, launch } from './started.js';

export interface Slice {
  readonly requests: number;
  readonly perSecond: number;
  readonly p99Ms: number;
  /** The server's own CPU for all these requests; undefined where it cannot be told from its programs'. */
  readonly ownMs?: number | undefined;
  /** Anything but 200s and whole answers: the slice does not count. */
  readonly trouble?: string | undefined;
}

export interface Target {
  readonly port: number;
  readonly path: string;
  readonly uploadBytes?: number | undefined;
  /** It ends each answer by closing: the program for that, and the length of the answer's body. */
  readonly closing?: { readonly loader: string; readonly bodyBytes: number } | undefined;
}

/** A request that takes longer is an error, not a latency. */
const requestMs = 10_000;
/** How long wrk may take beyond its time before it is given up. */
const patienceMs = 20_000;

export const load = async (target: Target, connections: number, seconds: number): Promise<Slice> => {
  const [program, ...args] = target.closing
    ? closingCommand(target, target.closing, connections, seconds)
    : wrkCommand(target, connections, seconds);
  const output = await outputOf(program!, args, seconds);
  const told = record(output);
  if (!told) return { ...nothing, trouble: lastLine(output) };
  const errors = ['connect', 'read', 'write', 'status', 'timeout'].filter((name) => told[name]).map((name) => `${told[name]} ${name}`);
  if (told.requests === 0) errors.push('no answer');
  return { ...slice(told), trouble: errors.length > 0 ? `errors: ${errors.join(', ')}` : undefined };
};

const wrkCommand = ({ port, path, uploadBytes }: Target, connections: number, seconds: number): string[] => [
  ...['wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', `${requestMs / 1000}s`],
  ...['-s', join(sourceDir, 'load.lua'), `http://127.0.0.1:${port}${path}`],
  ...(uploadBytes === undefined ? [] : ['--', String(uploadBytes)]),
];

const closingCommand = (
  { port, path, uploadBytes = 0 }: Target,
  { loader, bodyBytes }: { readonly loader: string; readonly bodyBytes: number },
  connections: number,
  seconds: number,
): string[] => [loader, ...[seconds, connections, port].map(String), path, String(uploadBytes), String(bodyBytes)];

export const rawLoop = async (
  raw: string,
  program: string,
  uploadBytes: number | undefined,
  workers: number,
  seconds: number,
): Promise<Slice> => {
  const output = await outputOf(raw, [String(seconds), String(workers), String(uploadBytes ?? 0), program], seconds);
  const told = record(output);
  return told ? { ...slice(told), ownMs: told.own_us! / 1000 } : { ...nothing, trouble: lastLine(output) };
};

const nothing = { requests: 0, perSecond: 0, p99Ms: 0 };

const slice = (told: Record<string, number>): Slice => ({
  requests: told.requests!,
  perSecond: told.requests! / told.seconds!,
  p99Ms: told.p99_us! / 1000,
});

const outputOf = (program: string, args: readonly string[], seconds: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = launch(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (piece: Buffer) => {
        output += piece.toString();
      });
    }
    const timer = setTimeout(() => void end(child, 0), seconds * 1000 + patienceMs);
    child.once('error', reject).once('close', () => {
      clearTimeout(timer);
      resolve(output);
    });
  });

const record = (output: string): Record<string, number> | undefined => {
  const line = /^\{.*\}$/m.exec(output)?.[0];
  return line === undefined ? undefined : (JSON.parse(line) as Record<string, number>);
};

/** Without the paths in it: this may be published. */
const lastLine = (output: string): string => output.trim().split('\n').at(-1)?.replace(/\/\S+/g, '…') || 'said nothing';
