/**
 * Much of everything: clients, connections, headers, output. The server goes on, the bounds of limits.ts hold, and whoever keeps
 * to the rules is served.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { replyHeadBytesMax, replyHeadLinesMax, requestHeadBytesMax } from '../../src/limits.js';
import { house, node, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get, post, requestText, talk, Wire } from '../support/wire.js';
import { childless, descriptors, gone, group } from './processes.js';

const head = `printf 'Content-Type: text/plain\\n\\n'`;
const hello = sh(`${head}; echo hello`);

test('200 at the same time, eight processes: all are answered', async (t) => {
  const h = await house({
    maxProcesses: 8,
    scripts: { 'turn.cgi': sh(`: > run/$$; ls run | wc -l >> counts; ${head}; echo $QUERY_STRING; rm run/$$`) },
  });
  t.after(() => h.stop());
  mkdirSync(join(h.dir, 'run'));
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => get(h.port, `/cgi-bin/turn.cgi?${i}`)));
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 200);
    assert.equal(answer.text, `${i}\n`);
  }
  const counts = readFileSync(join(h.dir, 'counts'), 'utf8').trim().split('\n').map(Number);
  assert.equal(counts.length, 200);
  assert.ok(Math.max(...counts) <= 8, `${Math.max(...counts)} at once`);
  await childless();
});

test('100 uploads at the same time keep apart', async (t) => {
  const h = await house({ maxProcesses: 8, scripts: { 'echo.cgi': sh(`${head}; cat`) } });
  t.after(() => h.stop());
  const body = (i: number) => `${i} `.repeat(20_000);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => post(h.port, '/cgi-bin/echo.cgi', body(i))));
  for (const [i, answer] of answers.entries()) assert.ok(answer.status === 200 && answer.text === body(i), `number ${i}`);
  await childless();
});

test('500 connections that say nothing keep nobody from being served', async (t) => {
  const h = await house({ scripts: { 'hello.cgi': hello } });
  t.after(() => h.stop());
  const before = descriptors()?.length;
  const idle = await Promise.all(Array.from({ length: 500 }, () => Wire.open(h.port)));
  for (const wire of idle.slice(0, 250)) wire.send('GET /cgi-bin/hello.cgi HTTP/1.1\r\nHost: loc'); // half of them half a head
  for (let i = 0; i < 20; i++) assert.equal((await get(h.port, '/cgi-bin/hello.cgi')).text, 'hello\n');
  for (const wire of idle) wire.close();
  if (before !== undefined) await until(() => descriptors()!.length <= before, 'the descriptors to be closed');
});

test('endless output stops when its client leaves', async (t) => {
  const h = await house({
    scripts: { 'yes.cgi': sh(`${head}; yes; echo never`), 'nph-yes.cgi': sh(`printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; yes`) },
  });
  t.after(() => h.stop());
  for (const name of ['yes.cgi', 'nph-yes.cgi']) {
    for (const leave of ['reset', 'close'] as const) {
      const wire = await Wire.open(h.port);
      wire.send(requestText('GET', `/cgi-bin/${name}?${leave}`));
      await wire.seen('y\ny\ny\n');
      wire[leave]();
      const exchange = await h.exchange((e) => e.target.endsWith(`${name}?${leave}`));
      assert.equal(exchange.failure?.code, 'CLIENT_GONE', `${name} ${leave}`);
      await gone(exchange.pid);
    }
  }
  await childless();
});

test('endless output to a client that does not read fills the pipes, not the memory', async (t) => {
  const h = await house({ scripts: { 'yes.cgi': sh(`echo $$ > pid; ${head}; yes`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('GET', '/cgi-bin/yes.cgi'));
  await wire.seen('y\ny\n');
  wire.pause();
  const pid = Number(readFileSync(join(h.dir, 'pid'), 'utf8'));
  // Everybody on the way is full when `yes` waits to write: asleep, many looks in a row.
  let asleep = 0;
  await until(() => {
    asleep = group(pid).every(({ state }) => state === 'S') ? asleep + 1 : 0;
    return asleep >= 15;
  }, 'the script to be held up');
  wire.reset();
  await gone(pid);
  const { bytesOut } = await h.exchange();
  assert.ok(bytesOut < 64 << 20, `${bytesOut} bytes taken for nobody`);
});

test('a client that sends endlessly to a script that does not read is held up', async (t) => {
  const h = await house({ scripts: { 'deaf.cgi': sh(`while [ ! -e go ]; do sleep 0.05; done; ${head}; echo done`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  const length = 100 << 20;
  wire.send(requestText('POST', '/cgi-bin/deaf.cgi', { 'Content-Length': String(length) }));
  const piece = Buffer.alloc(1 << 20);
  let sent = 0;
  while (sent < length / piece.length) {
    let taken = false;
    void wire.sent(piece).then((ok) => {
      taken = ok;
    });
    sent += 1;
    if (!(await until(() => taken, 'room', 1500).catch(() => false))) break;
  }
  assert.ok(sent < 64, `${sent} MiB were taken though nobody read them`);
  writeFileSync(join(h.dir, 'go'), '');
  const answer = await wire.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'done\n');
});

test('many request header lines: all or nothing', async (t) => {
  const last = node(`console.log('Content-Type: text/plain\\n\\n' + process.env.HTTP_X_LAST)`);
  const h = await house({ scripts: { 'last.cgi': last } });
  t.after(() => h.stop());
  for (const count of [100, 999, 1500, 1999, 2000, 3000, 5000, 20_000]) {
    const lines = Array.from({ length: count }, () => 'a:b\r\n').join('');
    const answer = await talk(
      h.port,
      `GET /cgi-bin/last.cgi HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}X-Last: seen\r\n\r\n`,
    );
    const size = lines.length + 100;
    if (answer.status === 200) assert.equal(answer.text.trim(), 'seen', `${count} lines: the last was lost in silence`);
    else assert.equal(answer.status, 431, `${count} lines`);
    if (count <= 999) assert.equal(answer.status, 200, `${count} lines`);
    if (size > requestHeadBytesMax * 2) assert.equal(answer.status, 431);
  }
});

test('many reply header lines, and long ones', async (t) => {
  const h = await house({
    scripts: {
      'lines.cgi': sh(
        `echo 'Content-Type: text/plain'; i=1; while [ $i -lt $QUERY_STRING ]; do echo "X-$i: y"; i=$((i+1)); done; echo; echo body`,
      ),
      'long.cgi': sh(
        `echo 'Content-Type: text/plain'; printf 'X-Long: '; head -c $QUERY_STRING /dev/zero | tr '\\0' x; echo; echo; echo body`,
      ),
      'endless.cgi': sh(`while :; do echo 'X-More: y'; done`),
      'unending.cgi': sh(`printf 'X-Long: '; cat /dev/zero | tr '\\0' x`),
    },
  });
  t.after(() => h.stop());
  const asks: [target: string, status: number][] = [
    [`lines.cgi?${replyHeadLinesMax}`, 200],
    [`lines.cgi?${replyHeadLinesMax + 1}`, 502],
    ['lines.cgi?3000', 502],
    [`long.cgi?${replyHeadBytesMax - 100}`, 200],
    [`long.cgi?${replyHeadBytesMax + 1}`, 502],
    ['endless.cgi', 502],
    ['unending.cgi', 502],
  ];
  for (const [target, status] of asks) {
    const answer = await get(h.port, `/cgi-bin/${target}`);
    assert.equal(answer.status, status, target);
    const exchange = await h.exchange((e) => e.target.endsWith(target));
    assert.equal(exchange.failure?.code, status === 200 ? undefined : 'REPLY_HEAD_TOO_LARGE', target);
    if (status === 200) assert.equal(answer.text, 'body\n', target);
    await gone(exchange.pid);
  }
});

test('a thousand requests on one connection', async (t) => {
  const h = await house({ public: { 'page.txt': 'static' }, scripts: { 'hello.cgi': hello } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  for (let i = 0; i < 1000; i++) {
    const [target, text] = i % 10 ? ['/page.txt', 'static'] : ['/cgi-bin/hello.cgi', 'hello\n'];
    wire.send(requestText('GET', target, { Connection: 'keep-alive' }));
    assert.equal((await wire.answer()).text, text);
  }
});

test('hundreds of requests in one write are answered in order', async (t) => {
  const h = await house({ maxProcesses: 8, scripts: { 'query.cgi': sh(`${head}; echo $QUERY_STRING`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  const count = 300;
  wire.send(Array.from({ length: count }, (_, i) => requestText('GET', `/cgi-bin/query.cgi?${i}`, { Connection: 'keep-alive' })).join(''));
  for (let i = 0; i < count; i++) assert.equal((await wire.answer({ timeoutMs: 60_000 })).text, `${i}\n`);
  await childless();
});
