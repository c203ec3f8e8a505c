/**
 * How long a process may take: to the blank line, between two pieces, in all, and to take its input; and what comes of it when it
 * takes longer. RFC 3875 §6.1 lets a server end a script "at any time and without warning"; the client learns of it by a
 * 504 while there is still a status to give, and by a broken connection after that.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { house, node, sh } from '../support/house.js';
import { get, post, requestText, talk, Wire } from '../support/wire.js';
import { childless, gone, group, written } from './processes.js';

const head = `printf 'Content-Type: text/plain\\n\\n'`;
const silent = sh('echo $$ > pid; sleep 600');

test('a script that does not finish its headers: 504, and its process group is gone', async (t) => {
  const h = await house({
    headerTimeoutMs: 400,
    killGraceMs: 1000,
    scripts: { 'silent.cgi': silent, 'half.cgi': sh(`printf 'Content-Type: text/plain\\n'; sleep 600`) },
  });
  t.after(() => h.stop());
  for (const name of ['silent.cgi', 'half.cgi']) {
    const answer = await get(h.port, `/cgi-bin/${name}`);
    assert.equal(answer.status, 504, name);
    assert.ok(answer.complete, 'the 504 itself is a whole answer');
    assert.match(answer.text, /REPLY_HEAD_TIMEOUT/);
    const exchange = await h.exchange((e) => e.target.endsWith(name));
    assert.equal(exchange.status, 504);
    assert.equal(exchange.failure?.code, 'REPLY_HEAD_TIMEOUT');
    assert.equal(exchange.signal, 'SIGTERM');
    await gone(exchange.pid);
  }
  await childless();
});

test('the header timeout does not go on after the blank line', async (t) => {
  const h = await house({ headerTimeoutMs: 1500, scripts: { 'long.cgi': sh(`${head}; printf a; sleep 2.5; printf b`) } });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/long.cgi');
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'ab');
  assert.ok(answer.complete);
});

test('0 is no timeout', async (t) => {
  const h = await house({
    headerTimeoutMs: 0,
    idleTimeoutMs: 0,
    timeoutMs: 0,
    stdinTimeoutMs: 0,
    scripts: { 'slow.cgi': sh(`sleep 0.3; ${head}; printf a; sleep 0.3; printf b`) },
  });
  t.after(() => h.stop());
  const answer = await post(h.port, '/cgi-bin/slow.cgi', Buffer.alloc(1 << 20));
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'ab');
});

test('a script that falls silent in its body: the connection is broken off, in every framing', async (t) => {
  const h = await house({
    idleTimeoutMs: 400,
    scripts: {
      'chunked.cgi': sh(`printf 'Content-Type: text/plain\\n\\npart'; sleep 600`),
      'counted.cgi': sh(`printf 'Content-Type: text/plain\\nContent-Length: 100\\n\\npart'; sleep 600`),
    },
  });
  t.after(() => h.stop());
  const asks: [why: string, request: string][] = [
    ['no last chunk', requestText('GET', '/cgi-bin/chunked.cgi?1')],
    ['fewer bytes than Content-Length', requestText('GET', '/cgi-bin/counted.cgi?2')],
    ['HTTP/1.0: reset, not FIN', 'GET /cgi-bin/chunked.cgi?3 HTTP/1.0\r\n\r\n'],
  ];
  for (const [i, [why, request]] of asks.entries()) {
    const answer = await talk(h.port, request);
    assert.equal(answer.status, 200, why);
    assert.equal(answer.text, 'part', why);
    assert.equal(answer.complete, false, why);
    const exchange = await h.exchange((e) => e.target.endsWith(`?${i + 1}`));
    assert.equal(exchange.failure?.code, 'REPLY_IDLE_TIMEOUT', why);
    assert.equal(exchange.status, 200, why);
    await gone(exchange.pid);
  }
});

test('silences shorter than the idle timeout are fine, however many', async (t) => {
  const h = await house({
    idleTimeoutMs: 3000,
    scripts: { 'ticks.cgi': sh(`${head}; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do printf x; sleep 0.25; done`) },
  });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/ticks.cgi');
  assert.equal(answer.text, 'x'.repeat(16));
  assert.ok(answer.complete);
  assert.ok((await h.exchange()).totalMs > 3000, 'the whole took longer than the bound on each silence');
});

test('a client that reads slowly is not a script that is silent', async (t) => {
  const bytes = 16 << 20; // more than all socket buffers on the way hold
  const h = await house({
    idleTimeoutMs: 400,
    scripts: { 'big.cgi': sh(`${head}; head -c ${bytes} /dev/zero; echo done >&2`) },
  });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('GET', '/cgi-bin/big.cgi'));
  await wire.seen('HTTP/1.1 200');
  wire.pause();
  await delay(2000); // five times the idle timeout: that nothing happens in it is the point
  assert.equal(h.exchanges.length, 0, 'still going on');
  wire.resume();
  const answer = await wire.answer({ timeoutMs: 60_000 });
  assert.equal(answer.body.length, bytes);
  assert.ok(answer.complete);
  const exchange = await h.exchange();
  assert.equal(exchange.failure, undefined);
  assert.equal(exchange.bytesOut, bytes);
});

test('the bound on the whole request: 504 before the head, a broken connection after it', async (t) => {
  const h = await house({
    timeoutMs: 2500,
    scripts: { 'silent.cgi': silent, 'endless.cgi': sh(`${head}; while :; do echo tick; sleep 0.1; done`) },
  });
  t.after(() => h.stop());
  const [before, after] = await Promise.all([get(h.port, '/cgi-bin/silent.cgi'), get(h.port, '/cgi-bin/endless.cgi')]);
  assert.equal(before.status, 504);
  assert.match(before.text, /REPLY_TOTAL_TIMEOUT/);
  assert.equal(after.status, 200);
  assert.match(after.text, /^(tick\n)+$/);
  assert.equal(after.complete, false);
  for (const name of ['silent.cgi', 'endless.cgi']) {
    const exchange = await h.exchange((e) => e.target.endsWith(name));
    assert.equal(exchange.failure?.code, 'REPLY_TOTAL_TIMEOUT', name);
    await gone(exchange.pid);
  }
});

test('a script that neither reads its input nor answers: 504 STDIN_TIMEOUT', async (t) => {
  const h = await house({ stdinTimeoutMs: 400, scripts: { 'deaf.cgi': sh('sleep 600') } });
  t.after(() => h.stop());
  const answer = await post(h.port, '/cgi-bin/deaf.cgi', Buffer.alloc(4 << 20));
  assert.equal(answer.status, 504);
  assert.match(answer.text, /STDIN_TIMEOUT/);
  const exchange = await h.exchange();
  assert.equal(exchange.failure?.code, 'STDIN_TIMEOUT');
  await gone(exchange.pid);
});

test('a script that answers without reading its input has done nothing wrong', async (t) => {
  const h = await house({
    stdinTimeoutMs: 400,
    scripts: { 'deaf.cgi': sh(`${head}; printf a; sleep 1.2; printf b`), 'quick.cgi': sh(`${head}; printf ab`) },
  });
  t.after(() => h.stop());
  for (const name of ['deaf.cgi', 'quick.cgi']) {
    const wire = await Wire.open(h.port);
    t.after(() => wire.close());
    wire.send(requestText('POST', `/cgi-bin/${name}`, { 'Content-Length': String(1 << 20) }));
    wire.send(Buffer.alloc(1 << 20));
    const answer = await wire.answer();
    assert.equal(answer.status, 200, name);
    assert.equal(answer.text, 'ab', name);
    assert.ok(answer.complete, name);
    assert.equal((await h.exchange((e) => e.target.endsWith(name))).failure, undefined, name);
  }
});

test('a script that reads slowly is in time as long as it reads', async (t) => {
  const bytes = 32 * 65536;
  const source = `const got = Buffer.alloc(65536); const fs = require('node:fs'); let total = 0;
const read = () => fs.read(0, got, 0, got.length, null, (error, n) => {
  if (error && error.code === 'EAGAIN') return setTimeout(read, 5);
  if (!n) return console.log('Content-Type: text/plain\\n\\n' + total);
  total += n; setTimeout(read, 100);
});
read();`;
  const h = await house({ stdinTimeoutMs: 1500, scripts: { 'slow.cgi': node(source) } });
  t.after(() => h.stop());
  const answer = await post(h.port, '/cgi-bin/slow.cgi', Buffer.alloc(bytes));
  assert.equal(answer.status, 200);
  assert.equal(answer.text.trim(), String(bytes));
});

test('a client that sends slowly is not a script that does not read', async (t) => {
  const h = await house({ stdinTimeoutMs: 300, idleTimeoutMs: 300, scripts: { 'count.cgi': sh(`n=$(wc -c); ${head}; echo $n`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('POST', '/cgi-bin/count.cgi', { 'Content-Length': '5' }));
  for (const byte of 'hello') {
    await delay(400); // each pause longer than both timeouts
    wire.send(byte);
  }
  const answer = await wire.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.text.trim(), '5');
});

test('nor does its slowness count against the headers', async (t) => {
  const h = await house({ headerTimeoutMs: 1500, scripts: { 'count.cgi': sh(`n=$(wc -c); ${head}; echo $n`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('POST', '/cgi-bin/count.cgi', { 'Content-Length': '8' }));
  for (const byte of 'a upload') {
    await delay(300); // 2.4 s in all: a `git push` over a slow line may take an hour, and git answers at its end
    wire.send(byte);
  }
  const answer = await wire.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.text.trim(), '8');
});

test('TERM may be caught to tidy up', async (t) => {
  const h = await house({
    headerTimeoutMs: 1500,
    killGraceMs: 10_000,
    scripts: { 'tidy.cgi': sh(`trap 'echo tidied > tidied; exit 3' TERM; sleep 600 & wait`) },
  });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/tidy.cgi');
  assert.equal(answer.status, 504);
  assert.equal(await written(join(h.dir, 'tidied')), 'tidied');
  const exchange = await h.exchange();
  assert.equal(exchange.exitCode, 3);
  assert.equal(exchange.signal, undefined);
  await gone(exchange.pid);
});

test('TERM may be ignored for killGraceMs, then comes KILL', async (t) => {
  const h = await house({
    headerTimeoutMs: 1500,
    killGraceMs: 300,
    scripts: { 'stubborn.cgi': sh(`trap '' TERM; echo $$ > pid; while :; do sleep 1; done`) },
  });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/stubborn.cgi');
  assert.equal(answer.status, 504);
  const exchange = await h.exchange();
  assert.equal(exchange.signal, 'SIGKILL');
  assert.equal(String(exchange.pid), await written(join(h.dir, 'pid')));
  await gone(exchange.pid);
  await childless();
});

test('grandchildren end with the script, also those that ignore TERM', async (t) => {
  const family = `sleep 600 & sleep 600 &
(trap '' TERM; while :; do sleep 1; done) &
sh -c 'sleep 600 & sleep 600' &
echo $$ > pid
wait`;
  const h = await house({ headerTimeoutMs: 2000, killGraceMs: 300, scripts: { 'family.cgi': sh(family) } });
  t.after(() => h.stop());
  const asked = get(h.port, '/cgi-bin/family.cgi');
  const pid = Number(await written(join(h.dir, 'pid')));
  assert.ok(group(pid).length >= 5, 'a leader and its family');
  assert.equal((await asked).status, 504);
  assert.equal((await h.exchange()).pid, pid);
  await gone(pid);
});

test('a leader that exits while a grandchild holds stdout does not hang the response', async (t) => {
  const h = await house({ scripts: { 'orphan.cgi': sh(`${head}; echo whole; sleep 600 & exit 0`) } });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/orphan.cgi');
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'whole\n');
  assert.ok(answer.complete);
  const exchange = await h.exchange();
  assert.equal(exchange.failure, undefined);
  assert.equal(exchange.exitCode, 0);
  await h.server.close(100);
  await gone(exchange.pid); // a shutdown ends what was left in the background
});

test('what such a grandchild still prints, without long silences, is part of the answer', async (t) => {
  const h = await house({
    scripts: { 'baton.cgi': sh(`${head}; (for i in 1 2 3 4 5; do printf $i; sleep 0.03; done) & exit 0`) },
  });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/baton.cgi');
  assert.equal(answer.text[0], '1');
  assert.ok('12345'.startsWith(answer.text), answer.text); // a busy machine may make a silence long
  assert.ok(answer.complete);
});
