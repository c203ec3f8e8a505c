/**
 * 10,000 requests to programs that are killed, told to end, stopped for a while and started again, as chance has it: processes of
 * their own, two or three to a mount, on Unix sockets and on TCP. Whoever asks gets a whole answer, checked byte for byte, or an honest
 * error: 502, 503 or 504 with a page that says why, or a connection that breaks before its framing ends. Afterwards nothing is left of it:
 * every slot is free, nobody waits, no descriptor is open, and every request is answered.
 *
 * SCGI and uwsgi have no end of their own. There a long answer says its Content-Length, because without one a program that is killed
 * and one that is done look the same, to every server.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { descriptors } from '../life/processes.js';
import { type Chance, chance, seed } from '../life/seeded.js';
import { freePort, room } from '../real/peers.js';
import { type House, house } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, requestText, talk, Wire } from '../support/wire.js';
import { type WireName, wires } from './peers.js';
import { is } from './talks.js';

const requests = 10_000;
const clients = 64;
/** A program is upset each time so many requests are over. */
const calmRequests = 125;
const connections = 3;
/** Of each mount, where its programs listen. */
const homes: Readonly<Record<WireName, readonly ('unix' | 'tcp')[]>> = {
  fastcgi: ['unix', 'tcp', 'unix'],
  scgi: ['tcp', 'unix'],
  uwsgi: ['unix', 'tcp'],
};
/** Longer than a program takes to start on a busy machine, shorter than some are stopped for. */
const headerTimeoutMs = 3_000;

// --- the programs ---------------------------------------------------------------------------------------------------------

interface Program {
  readonly wire: WireName;
  readonly address: string;
  /** It is up, and nobody is about to change that. */
  calm: boolean;
  upset(deed: Deed, restMs: number): Promise<void>;
}

type Deed = 'kill' | 'term' | 'pause' | 'freeze';
const deeds: readonly Deed[] = [...Array(6).fill('kill'), ...Array(3).fill('term'), ...Array(5).fill('pause'), 'freeze'];

/** Not where other tests take a free port, which a program's own may be while it is down. */
const host = process.platform === 'linux' ? '127.0.0.7' : '127.0.0.1';
const source = fileURLToPath(new URL('./restarts-program.js', import.meta.url));

async function programOf(t: TestContext, folder: string, wire: WireName, place: number, over: 'unix' | 'tcp'): Promise<Program> {
  const where = over === 'tcp' ? [host, String(await freePort())] : [join(folder, `${wire}${place}.sock`)];
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    child = spawn(process.execPath, [source, wire, ...where], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...env, TMPDIR: folder } });
    let listens = false;
    child.stdout!.once('data', () => {
      listens = true;
    });
    await until(() => listens || child.exitCode !== null, `${wire} to listen at ${where}`, 30_000);
    assert.ok(listens, `${wire} at ${where} ended with ${child.exitCode}`);
  };
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  const ended = async (signal: NodeJS.Signals): Promise<void> => {
    const gone = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode === null && child.signalCode === null && child.kill(signal)) await gone;
  };
  t.after(async () => {
    await ended('SIGKILL');
    process.off('exit', atExit);
  });
  await start();
  const program: Program = {
    wire,
    address: over === 'tcp' ? where.join(':') : `unix:${where}`,
    calm: true,
    async upset(deed, restMs) {
      program.calm = false;
      if (deed === 'kill' || deed === 'term') {
        await ended(deed === 'kill' ? 'SIGKILL' : 'SIGTERM');
        await sleep(restMs);
        await start();
      } else {
        child.kill('SIGSTOP');
        await sleep(deed === 'freeze' ? headerTimeoutMs * 1.5 : restMs);
        child.kill('SIGCONT');
      }
      program.calm = true;
    },
  };
  return program;
}

// --- the requests ---------------------------------------------------------------------------------------------------------

interface Errand {
  readonly wire: WireName;
  readonly n: number;
  readonly way: 'give' | 'post' | 'chunked';
  readonly size: number;
  readonly counted: boolean;
  /** It pauses between two pieces. */
  readonly slow: boolean;
  /** The client goes: before anything came, or with the first bytes of the answer. */
  readonly leaves: 'at once' | 'midway' | undefined;
}

const someErrand = (luck: Chance, n: number): Errand => {
  const wire = luck.pick(wires);
  const size = luck.below(luck.pick([100, 100, 5_000, 80_000, 200_000]));
  return {
    wire,
    n,
    way: luck.pick(['give', 'give', 'give', 'post', 'chunked'] as const),
    size,
    counted: luck.maybe(0.5) || (wire !== 'fastcgi' && size > 5_000),
    slow: luck.maybe(0.3),
    leaves: luck.maybe(0.06) ? luck.pick(['at once', 'midway'] as const) : undefined,
  };
};

const asText = { Connection: 'keep-alive', Accept: 'application/json' };

/** The request, and what it carries. */
const spell = ({ wire, n, way, size, counted, slow }: Errand): { head: string; body: Buffer; sent: Buffer } => {
  const flags = `${counted ? '&counted' : ''}${slow ? '&slow' : ''}`;
  if (way === 'give')
    return { head: requestText('GET', `/${wire}/give?n=${n}&size=${size}${flags}`, asText), body: Buffer.alloc(0), sent: Buffer.alloc(0) };
  const body = Buffer.alloc(size, `${n} is not ${n + 1}, `);
  const target = `/${wire}/echo?n=${n}${flags}`;
  if (way === 'post') return { head: requestText('POST', target, { ...asText, 'Content-Length': String(size) }), body, sent: body };
  const cut = [body.subarray(0, size >> 1), body.subarray(size >> 1)].filter((piece) => piece.length > 0);
  const chunks = cut.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  const head = requestText('POST', target, { ...asText, 'Transfer-Encoding': 'chunked' });
  return { head, body, sent: Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]) };
};

type Outcome = 'whole' | '502' | '503' | '504' | 'broken';

/** Why an answer may fail here. Any other code is a fault of ours: bytes mixed up, a codec out of step. */
const reasons =
  /"code":\s*"(WIRE_TRUNCATED|PEER_UNREACHABLE|PEER_TIMEOUT|QUEUE_FULL|QUEUE_TIMEOUT|REPLY_(NO_BLANK_LINE|SHORT|HEAD_TIMEOUT|IDLE_TIMEOUT)|STDIN_TIMEOUT)"/;

const judge = (errand: Errand, body: Buffer, answer: Answer): Outcome => {
  const what = `${JSON.stringify(errand)}: ${answer.raw.toString('latin1', 0, 600)}`;
  if (answer.status === 200) {
    assert.equal(answer.get('x-n'), String(errand.n), `another request’s answer to ${what}`);
    if (!answer.complete) return 'broken';
    assert.equal(answer.body.length, errand.size, what);
    assert.equal(createHash('sha1').update(answer.body).digest('hex'), answer.get('x-sum'), what);
    if (errand.way !== 'give') assert.ok(answer.body.equals(body), what);
    return 'whole';
  }
  assert.ok(answer.complete, what);
  assert.match(answer.text, reasons, what);
  assert.match(String(answer.status), /^50[234]$/, what);
  return String(answer.status) as Outcome;
};

/** One after the other on one connection, for as long as it is good. */
const visitor = async (h: House, next: () => Errand | undefined, over: (outcome: Outcome | 'left') => void): Promise<void> => {
  let wire: Wire | undefined;
  for (let errand = next(); errand !== undefined; errand = next()) {
    const { head, body, sent } = spell(errand);
    wire ??= await Wire.open(h.port);
    wire.send(head);
    if (errand.leaves !== undefined) {
      wire.send(sent.subarray(0, sent.length >> 1));
      if (errand.leaves === 'midway') {
        wire.send(sent.subarray(sent.length >> 1));
        await wire.seen('HTTP/1.1', 60_000);
      }
      wire.reset();
      wire = undefined;
      over('left');
      continue;
    }
    wire.send(sent);
    const answer = await wire.finalAnswer({ timeoutMs: 60_000 });
    over(judge(errand, body, answer));
    if (answer.complete && !/close/.test(answer.get('connection') ?? '')) continue;
    wire.close();
    wire = undefined;
  }
  wire?.close();
};

// --- and the proof --------------------------------------------------------------------------------------------------------

const name = `10,000 requests while their programs are killed, stopped and started again (seed ${seed})`;

test(name, { skip: process.platform === 'win32', timeout: 300_000 }, async (t) => {
  const folder = room(t);
  const programs = (
    await Promise.all(wires.map((wire) => Promise.all(homes[wire].map((over, place) => programOf(t, folder, wire, place, over)))))
  ).flat();
  const addressesOf = (wire: WireName) => programs.filter((program) => program.wire === wire).map(({ address }) => address);
  const out = new Set<string>();
  const h = await house({
    mounts: wires.map((wire) => ({ wire, where: `/${wire}`, address: addressesOf(wire).join(',') })),
    connections,
    onWarning(text) {
      const [, address = '', way] = /^\w+ (\S+) is (out of|back in) rotation/.exec(text) ?? [];
      if (way === 'back in') out.delete(address);
      else out.add(address);
    },
    maxQueue: 52,
    headerTimeoutMs,
  });
  // A server that believes a slot is taken waits for it: what was found is said all the same.
  t.after(() => Promise.race([h.stop(), sleep(10_000, undefined, { ref: false })]));
  const before = descriptors()?.length ?? 0;

  const luck = chance(seed);
  const errands = Array.from({ length: requests }, (_, n) => someErrand(luck, n));
  const fate = chance(seed + 1);
  const upsets: Promise<void>[] = [];
  const did: Record<string, number> = {};
  const count: Record<string, number> = { whole: 0 };
  let finished = 0;
  const upset = (): void => {
    const [deed, restMs] = [fate.pick(deeds), fate.below(400)];
    const program = fate.pick(programs);
    if (!program.calm) return;
    did[deed] = (did[deed] ?? 0) + 1;
    upsets.push(program.upset(deed, restMs));
  };
  const over = (outcome: Outcome | 'left'): void => {
    count[outcome] = (count[outcome] ?? 0) + 1;
    finished += 1;
    if (finished % calmRequests === 0) upset();
  };
  await Promise.all(Array.from({ length: clients }, () => visitor(h, () => errands.pop(), over)));
  await Promise.all(upsets);

  const asked = h.exchanges.filter(({ notes }) => notes.some((note) => note.startsWith('asked again'))).length;
  t.diagnostic(`${JSON.stringify(did)} gave ${JSON.stringify(count)}; ${asked} were asked again`);
  assert.equal(finished, requests);
  assert.ok((did.kill ?? 0) + (did.term ?? 0) >= 10, 'programs were killed');
  assert.ok(count.whole! > requests / 2, 'most answers are whole');
  assert.ok(count.whole! + (count.left ?? 0) < requests, 'and some were not');

  // As if nothing had been.
  for (let n = 0; n < 100; n++) {
    const errand: Errand = { ...someErrand(luck, n), leaves: undefined };
    const { head, body, sent } = spell(errand);
    assert.equal(judge(errand, body, await talk(h.port, Buffer.concat([Buffer.from(head), sent]))), 'whole');
  }
  // An address that is out of rotation has no slots.
  await until(
    async () => {
      for (const wire of wires) await talk(h.port, requestText('GET', `/${wire}/give?n=1&size=1`));
      return out.size === 0;
    },
    'every address to be back in rotation',
    30_000,
  );
  for (const wire of wires) await allSlotsAreFree(h, wire, connections * homes[wire].length);
  if (before > 0) await until(() => descriptors()!.length <= before, `the descriptors to be closed; there were ${before}`, 30_000);
});

/** So many are served at once, and not one more: a slot that leaked would be one too few, one that was given back twice one too many. */
const allSlotsAreFree = async (h: House, wire: WireName, slots: number): Promise<void> => {
  const held = await Promise.all(
    Array.from({ length: slots }, async () => {
      const client = await Wire.open(h.port);
      client.send(requestText('POST', `/${wire}/hold`, { 'Content-Length': '1' }));
      return client;
    }),
  );
  for (const client of held) await client.seen('held');
  const late = await Wire.open(h.port);
  late.send(requestText('GET', `/${wire}/give?n=1&size=1`));
  assert.equal((await talk(h.port, requestText('GET', '/nothing'))).status, 404);
  assert.equal(late.waiting().length, 0, `${wire}: ${slots + 1} at once`);
  for (const client of held) client.send('.');
  for (const client of held) is(await client.finalAnswer(), 200, 'held');
  is(await late.finalAnswer(), 200);
  for (const client of [...held, late]) client.close();
};
