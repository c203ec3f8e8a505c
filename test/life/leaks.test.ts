/**
 * The fuzz law: whatever a client sends and whatever a script prints, the server answers with a coded failure or a correct response and
 * goes on serving; no zombie, no lost descriptor, no leftover file. Some thousands of requests, good and bad, many at once,
 * every one made from a seed: a failure names it, and CGI_SERVE_SEED gives the same run again.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { type House, house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, get, requestText, Wire } from '../support/wire.js';
import { childless, descriptors } from './processes.js';
import { type Chance, chance, seed } from './seeded.js';

const cases = 3200;
const atOnce = 12;

// The query is what it prints: octal numbers between dots. So the bytes of every answer stand in its request.
const print = sh(`IFS=.; f=; for o in $QUERY_STRING; do f="$f\\\\0$o"; done; printf %b "$f"`);
const printed = (bytes: Buffer): string => [...bytes].map((byte) => byte.toString(8)).join('.');

const head = `printf 'Content-Type: text/plain\\n\\n'`;
const good = {
  'print.cgi': print,
  'nph-print.cgi': print,
  'echo.cgi': sh(`${head}; cat`),
  'deaf.cgi': sh(`${head}; echo deaf`),
  'loud.cgi': sh(`echo complaint >&2; ${head}; echo loud; echo more >&2`),
  'exit.cgi': sh('exit 3'),
  'kill.cgi': sh(`${head}; echo part; kill -9 $$`),
  'orphan.cgi': sh(`${head}; echo whole; sleep 1 & exit 0`),
  'again.cgi': sh(`printf 'Location: /cgi-bin/deaf.cgi\\n\\n'`),
  'loop.cgi': sh(`printf 'Location: /cgi-bin/loop.cgi\\n\\n'`),
  'stream.cgi': sh(`${head}; while :; do echo tick; done 2>/dev/null`),
  'silent.cgi': sh('sleep 600'),
  'crlf.cgi': '#!/bin/sh\r\n',
  'missing.cgi': '#!/nowhere/at/all\n',
  'plain.txt': { text: 'no script', mode: 0o644 },
};
const late = {
  'silent.cgi': sh('sleep 600'),
  'stubborn.cgi': sh(`trap '' TERM; while :; do sleep 1; done`),
  'stall.cgi': sh(`${head}; echo part; sleep 600`),
  'family.cgi': sh('sleep 600 & sleep 600 & wait'),
};

test(`${cases} requests, good and bad, leave nothing behind (seed ${seed})`, { timeout: 10 * 60_000 }, async (t) => {
  // The server's temporary directory is ours alone, so that nothing of anybody else's is in it.
  const tmp = mkdtempSync(join(tmpdir(), 'cgi-serve-leaks-'));
  const outer = process.env.TMPDIR;
  process.env.TMPDIR = tmp;
  t.after(() => {
    if (outer === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = outer;
    rmSync(tmp, { recursive: true, force: true });
  });
  const quick = await house({
    scripts: good,
    public: { 'page.txt': 'static\n', 'large.bin': Buffer.alloc(200_000, 'x') },
    maxProcesses: 16,
    killGraceMs: 300,
  });
  t.after(() => quick.stop());
  const slow = await house({ scripts: late, headerTimeoutMs: 150, idleTimeoutMs: 150, stdinTimeoutMs: 150, killGraceMs: 100 });
  t.after(() => slow.stop());

  const kinds: [share: number, run: (random: Chance) => Promise<unknown>][] = [
    [30, (random) => garbage(quick, random)],
    [28, (random) => output(quick, random)],
    [16, (random) => leave(quick, random)],
    [16, (random) => upload(quick, random)],
    [8, (random) => several(quick, random)],
    [2, (random) => tooLate(slow, random)],
  ];
  const shares = kinds.reduce((sum, [share]) => sum + share, 0);
  const one = async (i: number) => {
    const random = chance(seed * 7919 + i);
    const kind = random.below(shares);
    let upTo = 0;
    const [, run] = kinds.find(([share]) => {
      upTo += share;
      return kind < upTo;
    })!;
    await run(random).catch((error) => {
      throw new Error(`seed ${seed}, case ${i}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    });
  };
  const run = async (from: number, to: number) => {
    let next = from;
    const worker = async () => {
      while (next < to) await one(next++);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
  const settled = async () => {
    await childless(60_000);
    await until(async () => (await connections(quick)) + (await connections(slow)) === 0, 'every connection to end', 60_000);
  };

  const timersBefore = timers();
  await run(0, 200); // whatever is opened once and kept is open now
  await settled();
  const before = descriptors();
  await run(200, cases);
  await settled();

  assert.equal((await get(quick.port, '/cgi-bin/deaf.cgi')).text, 'deaf\n');
  assert.equal((await get(quick.port, '/page.txt')).text, 'static\n');
  await settled();
  if (before) {
    await until(() => descriptors()!.length <= before.length, 'the descriptors to be closed').catch((error: Error) => {
      throw new Error(`${error.message}\nbefore ${before.sort().join(' ')}\nnow ${descriptors()!.sort().join(' ')}`);
    });
  }
  await until(() => timers() <= timersBefore, 'the timers to be stopped').catch((error: Error) => {
    throw new Error(`${error.message}: ${timers() - timersBefore} still run, and would keep a process that has closed its server alive`);
  });
  const ours = [quick, slow].map((h) => basename(h.root));
  assert.deepEqual(
    readdirSync(tmp).filter((name) => !ours.includes(name)),
    [],
    'temporary files',
  );
  for (const { exchanges } of [quick, slow]) {
    const mistakes = exchanges.filter((e) => e.failure?.code === 'SERVER_ERROR');
    assert.deepEqual(mistakes.slice(0, 3), [], `seed ${seed}: ${mistakes.length} mistakes of ours`);
  }
  const codes = new Set(quick.exchanges.map((e) => e.failure?.code).filter(Boolean));
  t.diagnostic(`${quick.exchanges.length + slow.exchanges.length} exchanges; failures seen: ${[...codes].sort().join(' ')}`);
});

/** Those that keep the process alive. */
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

const connections = (h: House): Promise<number> =>
  new Promise((resolve, reject) => h.server.http.getConnections((error, count) => (error ? reject(error) : resolve(count))));

// --- what a client may send --------------------------------------------------------------------------------

const requests = [
  requestText('GET', '/cgi-bin/deaf.cgi?a=b'),
  requestText('GET', '/cgi-bin/loud.cgi/path/info', { Cookie: 'a=b', Accept: 'text/html' }),
  `${requestText('POST', '/cgi-bin/echo.cgi', { 'Content-Length': '5' })}hello`,
  `${requestText('POST', '/cgi-bin/echo.cgi', { 'Transfer-Encoding': 'chunked' })}5\r\nhello\r\n0\r\n\r\n`,
  requestText('GET', '/page.txt', { Range: 'bytes=0-2', 'If-None-Match': '"x"' }),
  requestText('OPTIONS', '*'),
  'GET / HTTP/1.0\r\n\r\n',
  requestText('GET', 'http://localhost/cgi-bin/deaf.cgi'),
  `${requestText('PUT', '/cgi-bin/deaf.cgi', { 'Content-Length': '3', Expect: '100-continue' })}abc`,
];
// biome-ignore format: a list of scraps reads best in lines
const pieces = [
  '\r\n', '\n', '\r', ' ', '\t', '\0', ':', '/', '//', '/../', '%', '%2f', '%00', '%zz', '?', '#', 'HTTP/1.1', 'HTTP/2.0', 'HTTP/9', 'Host: a',
  'Host: a, b', 'Content-Length: 3', 'Content-Length: -1', 'Content-Length: 99999999999999999999', 'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked', 'Connection: close', 'Connection: keep-alive', 'Upgrade: websocket', 'Expect: 100-continue', 'Expect: x',
  'GET', 'HEAD', 'POST', 'CONNECT', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '0\r\n\r\n', 'ffffffffffffffff\r\n', 'Proxy: x', 'X_Y: z', '\xff\xfe', 'é', '\x1b[2J',
];

/** Something like a request, or nothing like it. Whatever comes back is HTTP, and the connection ends. */
async function garbage(h: House, random: Chance): Promise<void> {
  const bytes = random.maybe(0.15)
    ? random.bytes(random.below(400))
    : mutated(random, Buffer.from(random.pick(requests), 'latin1'), pieces);
  const wire = await Wire.open(h.port);
  try {
    // In pieces, some of the time: what is split must not matter.
    const cut = random.maybe(0.5) ? random.below(bytes.length + 1) : bytes.length;
    wire.send(bytes.subarray(0, cut));
    if (cut < bytes.length) {
      await new Promise(setImmediate);
      wire.send(bytes.subarray(cut));
    }
    wire.end();
    const said = await wire.rest(60_000);
    wellFormed(said, bytes);
  } finally {
    wire.close();
  }
}

function mutated(random: Chance, from: Buffer, scraps: readonly string[]): Buffer {
  let bytes = from;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + random.below(12));
    const scrap = random.maybe(0.6) ? Buffer.from(random.pick(scraps), 'latin1') : random.bytes(random.below(4));
    const kind = random.below(4);
    if (kind === 0)
      bytes = Buffer.concat([bytes.subarray(0, at), scrap, bytes.subarray(at)]); // put in
    else if (kind === 1)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]); // take out
    else if (kind === 2)
      bytes = Buffer.concat([bytes.subarray(0, at), scrap, bytes.subarray(to)]); // replace
    else bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]); // say twice
  }
  return bytes;
}

/** One answer or several, or nothing at all; each begins as RFC 9112 §4 says, and says nothing the server would have to be ashamed of. */
function wellFormed(said: Buffer, asked: Buffer): void {
  if (said.length === 0) return;
  const text = said.toString('latin1');
  const shown = () => `${JSON.stringify(asked.toString('latin1'))}\n→ ${JSON.stringify(text.slice(0, 600))}`;
  let at = 0;
  let answers = 0;
  while (at < text.length) {
    const first = /^HTTP\/1\.[01] ([1-5]\d\d) [^\r\n]*\r\n/.exec(text.slice(at, at + 200));
    assert.ok(first, `no status line at ${at}: ${shown()}`);
    const end = text.indexOf('\r\n\r\n', at);
    assert.ok(end > 0, `a head that does not end: ${shown()}`);
    const fields = new Map<string, string>();
    for (const line of text
      .slice(at + first[0].length, end + 2)
      .split('\r\n')
      .slice(0, -1)) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]?([^\x00-\x08\x0a-\x1f\x7f]*)$/.exec(line);
      assert.ok(field, `not a field, ${JSON.stringify(line)}: ${shown()}`);
      fields.set(field[1]!.toLowerCase(), field[2]!);
    }
    const status = Number(first[1]);
    assert.ok(status !== 500 || !/SERVER_ERROR/.test(text), `a mistake of ours: ${shown()}`);
    assert.ok(!(fields.has('content-length') && fields.has('transfer-encoding')), `two framings: ${shown()}`);
    at = end + 4;
    answers += 1;
    if (status < 200 || status === 204 || status === 304) continue;
    // The answer to a HEAD that chance has made would look cut off: then nothing follows that could be told apart.
    const maybeHead = /HEAD/.test(asked.toString('latin1'));
    if (fields.get('transfer-encoding') === 'chunked') {
      const body = /^(?:[0-9a-f]+\r\n)/i.exec(text.slice(at, at + 20));
      if (!body && maybeHead) continue;
      at = afterChunks(text, at, shown);
    } else if (fields.has('content-length')) {
      const length = Number(fields.get('content-length'));
      if (maybeHead && (at === text.length || text.startsWith('HTTP/1.', at))) continue;
      assert.ok(at + length <= text.length, `shorter than its Content-Length: ${shown()}`);
      at += length;
    } else at = text.length;
  }
  assert.ok(answers > 0);
}

function afterChunks(text: string, from: number, shown: () => string): number {
  for (let at = from; ; ) {
    const size = /^([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20));
    assert.ok(size, `not a chunk size at ${at}: ${shown()}`);
    at += size[0].length;
    if (/^0+$/.test(size[1]!)) {
      while (!text.startsWith('\r\n', at)) {
        const line = text.indexOf('\r\n', at);
        assert.ok(line > 0, `a trailer that does not end: ${shown()}`);
        at = line + 2;
      }
      return at + 2;
    }
    at += Number.parseInt(size[1]!, 16);
    assert.equal(text.slice(at, at + 2), '\r\n', `a chunk not as long as it says: ${shown()}`);
    at += 2;
  }
}

// --- what a script may print -------------------------------------------------------------------------------

const replies = [
  'Content-Type: text/plain\n\nbody',
  'Content-Type: text/html\r\n\r\n<p>body</p>',
  'Status: 404 Not Here\nContent-Type: text/plain\n\nbody',
  'Location: http://localhost/elsewhere\n\n',
  'Location: /cgi-bin/deaf.cgi\n\n',
  'Status: 303\nLocation: /x\nContent-Type: text/plain\n\nbody',
  'Content-Type: text/plain\nContent-Length: 4\nSet-Cookie: a=b\nSet-Cookie: c=d\n\nbody',
  'Status: 204\n\n',
  'Status: 304 Not Modified\nETag: "x"\n\n',
];
// biome-ignore format: as above
const scraps = [
  '\n', '\r', '\r\n', '\n\n', ' ', '\t', ':', '\0', '\x7f', '\xff', 'Status: 999', 'Status: 100', 'Status: ', 'Status: 200 OK', 'Location: //evil/',
  'Location: javascript:x', 'Location: /cgi-bin/loop.cgi', 'Content-Length: 3', 'Content-Length: -3', 'Content-Length: 1000', 'Transfer-Encoding: chunked',
  'Connection: keep-alive', 'Content-Type: x', 'Set-Cookie: e=f', 'X Y: z', ': z', 'HTTP/1.1 200 OK', '<html>', 'Trailer: x', 'Upgrade: h2c',
];

/** What a script prints, true to the form or not: a good form comes through, a bad one is a coded failure, and the framing is ours. */
async function output(h: House, random: Chance): Promise<void> {
  const kind = random.below(10);
  const whole = Buffer.from(random.pick(replies), 'latin1');
  const bytes = kind < 1 ? whole : kind < 2 ? random.bytes(random.below(300)) : mutated(random, whole, scraps);
  const method = random.pick(['GET', 'GET', 'HEAD', 'POST']);
  const nph = random.maybe(0.05);
  const head = requestText(
    method,
    `/cgi-bin/${nph ? 'nph-' : ''}print.cgi?${printed(bytes)}`,
    method === 'POST' ? { 'Content-Length': '0' } : {},
  );
  const wire = await Wire.open(h.port);
  try {
    wire.send(head);
    if (nph) return void (await wire.rest(60_000)); // what an NPH script says is its own affair
    const answer = await wire.finalAnswer({ method, timeoutMs: 60_000 });
    sensible(answer, `${method} ${JSON.stringify(bytes.toString('latin1'))}`);
    if (kind < 1) {
      const status = Number(/Status: (\d+)/.exec(whole.toString())?.[1] ?? (whole.includes('Location: h') ? 302 : 200));
      assert.equal(answer.status, status, whole.toString());
      assert.ok(answer.complete);
      const body = whole.toString().split(/\n\r?\n/)[1]!;
      if (method !== 'HEAD' && body !== '') assert.equal(answer.text, body);
    }
    const rest = await wire.rest(60_000);
    assert.equal(rest.length, 0, `bytes after the answer: ${JSON.stringify(rest.toString('latin1'))}`);
  } finally {
    wire.close();
  }
}

function sensible(answer: Answer, what: string): void {
  assert.ok(answer.status >= 200 && answer.status < 600, `${what}: ${answer.status}`);
  assert.doesNotMatch(answer.text, /SERVER_ERROR/, what);
  for (const [name, value] of answer.headers) {
    assert.match(name, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, what);
    assert.doesNotMatch(value, /[\x00-\x08\x0a-\x1f\x7f]/, what);
  }
}

// --- what else happens ---------------------------------------------------------------------------------------

/** Leaves at some moment, in some way. */
async function leave(h: House, random: Chance): Promise<void> {
  const wire = await Wire.open(h.port);
  const name = random.pick(['silent', 'stream', 'echo', 'deaf', 'orphan', 'kill', 'exit', 'missing', 'again', 'nph-print']);
  const length = random.below(3) * 60_000;
  const framed = length === 0 ? {} : random.maybe(0.5) ? { 'Content-Length': String(length) } : { 'Transfer-Encoding': 'chunked' };
  wire.send(requestText(length ? 'POST' : 'GET', `/cgi-bin/${name}.cgi`, framed));
  if (length) wire.send(Buffer.concat([Buffer.from('Transfer-Encoding' in framed ? 'ea60\r\n' : ''), Buffer.alloc(random.below(length))]));
  if (random.maybe(0.3)) wire.pause();
  for (let turns = random.below(40); turns > 0; turns--) await new Promise(setImmediate);
  if (random.maybe(0.5)) await new Promise((resolve) => setTimeout(resolve, random.below(30)));
  if (random.maybe(0.7)) wire.reset();
  else wire.close();
}

/** A body of some length, in some framing, to one who reads it and to one who does not. */
async function upload(h: House, random: Chance): Promise<void> {
  const body = Buffer.alloc(random.pick([0, 1, 1000, 65_536, 65_537, random.below(200_000)]), random.pick(['a', '\n', '\0']));
  const name = random.pick(['echo', 'echo', 'deaf', 'loud', 'exit', 'missing', 'crlf', 'kill', 'again'] as const);
  const wire = await Wire.open(h.port);
  try {
    const expect = random.maybe(0.2) ? { Expect: '100-continue' } : {};
    if (random.maybe(0.5)) {
      wire.send(requestText('POST', `/cgi-bin/${name}.cgi`, { 'Content-Length': String(body.length), ...expect }));
      wire.send(body);
    } else {
      wire.send(requestText('POST', `/cgi-bin/${name}.cgi`, { 'Transfer-Encoding': 'chunked', ...expect }));
      for (let at = 0; at < body.length; ) {
        const piece = body.subarray(at, at + 1 + random.below(30_000));
        wire.send(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
        at += piece.length;
      }
      wire.send('0\r\n\r\n');
    }
    const answer = await wire.finalAnswer({ timeoutMs: 60_000 });
    const what = `POST ${name} ${body.length}`;
    sensible(answer, what);
    // Who is killed has the answer broken off, or gets a whole page when its head had not been sent yet.
    const expected = { echo: 200, deaf: 200, loud: 200, exit: 502, missing: 500, crlf: 500, kill: answer.complete ? 502 : 200, again: 200 };
    assert.equal(answer.status, expected[name], what);
    if (name !== 'kill') assert.ok(answer.complete, what);
    if (name === 'echo') assert.ok(answer.body.equals(body), `${what}: another body came back, of ${answer.body.length}`);
  } finally {
    wire.close();
  }
}

/** Several requests on one connection, one after the other or all at once (RFC 9112 §9.3.2). */
async function several(h: House, random: Chance): Promise<void> {
  const asks = Array.from({ length: 1 + random.below(5) }, () =>
    random.pick([
      ['GET', '/cgi-bin/deaf.cgi', 200],
      ['HEAD', '/cgi-bin/deaf.cgi', 200],
      ['GET', '/cgi-bin/loud.cgi/more?x=y', 200],
      ['GET', '/page.txt', 200],
      ['HEAD', '/large.bin', 200],
      ['GET', '/large.bin', 200],
      ['GET', '/nothing', 404],
      ['GET', '/cgi-bin/plain.txt', 403],
      ['GET', '/cgi-bin/exit.cgi', 502],
      ['GET', '/cgi-bin/loop.cgi', 502],
      ['GET', '/cgi-bin/orphan.cgi', 200],
    ] as const),
  );
  const pipelined = random.maybe(0.5);
  const wire = await Wire.open(h.port);
  try {
    const send = (i: number) =>
      wire.send(requestText(asks[i]![0], asks[i]![1], { Connection: i === asks.length - 1 ? 'close' : 'keep-alive' }));
    if (pipelined) for (const i of asks.keys()) send(i);
    for (const [i, [method, target, status]] of asks.entries()) {
      if (!pipelined) send(i);
      const answer = await wire.answer({ method, timeoutMs: 60_000 }).catch((error: Error) => {
        const what = asks.map((ask) => ask.slice(0, 2).join(' ')).join(', ');
        throw new Error(`answer ${i} to ${what}${pipelined ? ', pipelined' : ''}: ${error.message}`);
      });
      assert.equal(answer.status, status, `${method} ${target}, number ${i} of ${asks.length}${pipelined ? ', pipelined' : ''}`);
      assert.ok(answer.complete, target);
    }
    assert.equal((await wire.rest(60_000)).length, 0);
  } finally {
    wire.close();
  }
}

/** Scripts that are too late: 504, or a broken connection. */
async function tooLate(h: House, random: Chance): Promise<void> {
  const name = random.pick(Object.keys(late));
  const answer = await (random.maybe(0.3) ? postLarge(h, name) : get(h.port, `/cgi-bin/${name}`));
  // On a busy machine even `stall` may not come to its first line in time.
  if (name === 'stall.cgi' && answer.status === 200) assert.equal(answer.complete, false);
  else assert.equal(answer.status, 504, name);
}

async function postLarge(h: House, name: string): Promise<Answer> {
  const wire = await Wire.open(h.port);
  try {
    wire.send(requestText('POST', `/cgi-bin/${name}`, { 'Content-Length': '1000000' }));
    wire.send(Buffer.alloc(1_000_000));
    return await wire.finalAnswer({ timeoutMs: 60_000 });
  } finally {
    wire.close();
  }
}
