/**
 * One script that does what its query string says, so that a test's table row holds the script's whole life:
 *
 *   await ask(h, ['Content-Type: text/plain\n\n', { await: gate }, 'more', { kill: 'SIGKILL' }])
 *
 * Texts are ISO-8859-1, one byte a character. Where an order of events matters the script waits for a file, never for a time.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Exchange } from '../../src/trace/trace.js';
import { processes } from '../life/processes.js';
import type { House } from '../support/house.js';
import { node } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, Wire } from '../support/wire.js';

export type Step =
  /** Printed in one write. */
  | string
  /** Printed in a write for each byte. */
  | { bytewise: string }
  /** The same text so many times, in writes of about 64 KiB. */
  | { text: string; times: number }
  /** So many bytes of `pattern`; after each block the count so far goes into the file. */
  | { fill: number; progress?: string }
  | { stderr: string; times?: number }
  /** Makes the file, or adds a line to it: how a test sees that a script ran, and how far. */
  | { touch: string }
  /** Goes on when the file is there. */
  | { await: string }
  | { readAll: true }
  /** Its own process number goes into the file. */
  | { tell: string }
  | { close: 'stdout' | 'stderr' }
  /** A child process that holds the same stdout and stderr and goes on by its own steps; `pid` gets its number. */
  | { fork: Step[]; pid?: string }
  | { exit: number }
  | { kill: NodeJS.Signals };

const blockBytes = 65_536;

/** `bytes` bytes in which every value occurs and every block differs: what `fill` prints. */
export function pattern(bytes: number): Buffer {
  const all = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) all[at] = (at + (at >> 8) + (at >> 16) * 7) & 0xff;
  return all;
}

const script = node(`
const fs = require('fs');
const pattern = ${pattern.toString()};
const still = new Int32Array(new SharedArrayBuffer(4));
const rest = (ms) => Atomics.wait(still, 0, 0, ms);
const put = (fd, bytes) => {
  for (let at = 0; at < bytes.length; ) {
    try { at += fs.writeSync(fd, bytes, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; rest(2); }
  }
};
const latin1 = (text) => Buffer.from(text, 'latin1');
const run = (steps) => {
  for (const s of steps) {
    if (typeof s === 'string') put(1, latin1(s));
    else if ('bytewise' in s) for (const byte of latin1(s.bytewise)) { put(1, Buffer.of(byte)); rest(1); }
    else if ('text' in s) {
      const atOnce = Math.max(1, Math.floor(${blockBytes} / s.text.length));
      for (let done = 0; done < s.times; done += atOnce) put(1, latin1(s.text.repeat(Math.min(atOnce, s.times - done))));
    } else if ('fill' in s) {
      const all = pattern(s.fill);
      for (let at = 0; at < all.length; at += ${blockBytes}) {
        put(1, all.subarray(at, at + ${blockBytes}));
        if (s.progress) fs.writeFileSync(s.progress, String(Math.min(all.length, at + ${blockBytes})));
      }
    } else if ('stderr' in s) put(2, latin1(s.stderr.repeat(s.times ?? 1)));
    else if ('touch' in s) fs.appendFileSync(s.touch, process.env.REQUEST_METHOD + '\\n');
    else if ('await' in s) {
      for (const deadline = Date.now() + 60000; !fs.existsSync(s.await); rest(5)) if (Date.now() > deadline) process.exit(99);
    } else if ('readAll' in s) fs.readFileSync(0);
    else if ('tell' in s) fs.writeFileSync(s.tell, String(process.pid));
    else if ('close' in s) fs.closeSync(s.close === 'stdout' ? 1 : 2);
    else if ('fork' in s) {
      const QUERY_STRING = Buffer.from(JSON.stringify(s.fork)).toString('base64url');
      const child = require('child_process').spawn(process.execPath, [__filename], {
        env: { ...process.env, QUERY_STRING }, stdio: ['ignore', 'inherit', 'inherit'] });
      if (s.pid) fs.writeFileSync(s.pid, String(child.pid));
      child.unref();
    } else if ('exit' in s) process.exit(s.exit);
    else if ('kill' in s) { process.kill(process.pid, s.kill); rest(10000); }
  }
};
run(JSON.parse(Buffer.from(process.env.QUERY_STRING, 'base64url')));
`);

/** Prints what it was told as JSON: every variable, the arguments, and its standard input as text. */
const tell = node(`
const input = require('fs').readFileSync(0, 'latin1');
const body = JSON.stringify({ env: process.env, argv: process.argv.slice(2), input });
process.stdout.write('Content-Type: application/json\\nX-Told: yes\\n\\n' + body);
`);

/** For `house({ scripts })`: the script by its plain name, and by one that makes it an NPH script. */
export const printer = { 'print.js': script, 'nph-print.js': script, 'sub/nph-deep.js': script, 'tell.js': tell };

let asked = 0;

/** The URL at which the script takes these steps; no two are the same, so that an exchange can be found by it. */
export const printed = (steps: Step[], name = 'print.js'): string =>
  `/cgi-bin/${name}/${++asked}?${Buffer.from(JSON.stringify(steps)).toString('base64url')}`;

export interface AskOptions {
  method?: string;
  /** `HTTP/1.0`; default `HTTP/1.1` */
  version?: string;
  /** Request fields beside Host and `Connection: close`. */
  fields?: Record<string, string>;
  body?: string;
  script?: string;
}

/** A request as bytes, for one connection that ends with it. */
export function requestBytes(target: string, options: AskOptions = {}): string {
  const { method = 'GET', version = 'HTTP/1.1', body } = options;
  const fields: Record<string, string> = { Host: 'localhost', Connection: 'close', ...options.fields };
  if (body !== undefined) fields['Content-Length'] = String(body.length);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} ${version}\r\n${lines.join('')}\r\n${body ?? ''}`;
}

export interface Asked {
  answer: Answer;
  exchange: Exchange;
  /** How the server closed the connection. */
  closed: 'end' | 'reset';
  target: string;
}

/** Asks, takes the answer and waits until the server has closed the connection and told the exchange. */
export async function ask(h: House, steps: Step[], options: AskOptions = {}, meanwhile = async (_: Wire) => {}): Promise<Asked> {
  const target = printed(steps, options.script);
  const wire = await Wire.open(h.port);
  const ending = howItEnds(wire);
  try {
    wire.send(requestBytes(target, options));
    await meanwhile(wire);
    const answer = await wire.finalAnswer(options.method === undefined ? {} : { method: options.method });
    const closed = await ending;
    // Where only the close ends a body, it is complete when that was clean.
    const byLength = answer.chunked || answer.get('Content-Length') !== undefined || options.method === 'HEAD';
    if (!byLength && closed === 'reset') answer.complete = false;
    return { answer, closed, target, exchange: await told(h, target) };
  } finally {
    wire.close();
  }
}

/** The same, but all that the script prints, and its end, come to the server in one turn of the event loop. */
export function askInOneTurn(h: House, steps: Step[], options: AskOptions = {}): Promise<Asked> {
  const { gated, holdUp } = inOneTurn(h, steps);
  return ask(h, gated, options, holdUp);
}

/**
 * The script waits at a gate before these steps. `holdUp` opens it and holds up this process, in which the server lives, until the
 * script is over. What is printed must fit into a pipe.
 */
export function inOneTurn(h: House, steps: Step[]): { gated: Step[]; holdUp: () => Promise<void> } {
  const [told, gate] = [join(h.root, `turn-${++files}.pid`), join(h.root, `turn-${files}.gate`)];
  const holdUp = async () => {
    const pid = Number(await until(() => existsSync(told) && readFileSync(told, 'latin1'), 'the script to say its pid'));
    writeFileSync(gate, '');
    const still = new Int32Array(new SharedArrayBuffer(4));
    for (const deadline = Date.now() + 20_000; isAlive(pid); Atomics.wait(still, 0, 0, 2)) {
      if (Date.now() > deadline) throw new Error('waited in vain for the script to end');
    }
  };
  return { gated: [{ tell: told }, { await: gate }, ...steps], holdUp };
}

/** A zombie is not, when all its threads are gone: any of them may still hold stdout. */
const isAlive = (pid: number): boolean =>
  processes().some((each) => each.pid === pid && !/^[ZX]/.test(each.state)) ||
  (existsSync(`/proc/${pid}/task`) && readdirSync(`/proc/${pid}/task`).length > 1);

/** Asks like `ask`, but the script goes beyond `first` only when the client has seen the end of the head, or what is named. */
export function askAndWait(h: House, first: Step[], rest: Step[], options: AskOptions = {}, seen = '\r\n\r\n'): Promise<Asked> {
  const gate = join(h.root, `seen-${++files}.gate`);
  return ask(h, [...first, { await: gate }, ...rest], options, async (wire) => {
    await wire.seen(seen);
    writeFileSync(gate, '');
  });
}

let files = 0;

/**
 * How the server closes the connection. libuv calls a reset that comes together with the last bytes a plain end; but after a
 * reset the kernel no longer knows the peer (getpeername fails), while after a FIN it does. To be asked before any answer comes.
 */
export async function howItEnds(wire: Wire): Promise<'end' | 'reset'> {
  let peerLost = false;
  wire.socket.prependListener('end', () => {
    peerLost = wire.socket.remoteAddress === undefined;
  });
  const closed = await wire.closed;
  return peerLost ? 'reset' : closed;
}

/** What the server tells of the request for `target`. */
export const told = (h: House, target: string): Promise<Exchange> => h.exchange((e) => e.target === target);
