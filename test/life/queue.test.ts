/**
 * How many at once. A process for each request is dear: so many run, the others wait their turn, first come first served, and
 * beyond that a client is told at once to come back later (RFC 9110 §15.6.4).
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get, requestText, Wire } from '../support/wire.js';
import { childless, gone } from './processes.js';

// A lock file while it runs; what it sees of the others' locks; its turn in `order`; and it stays until there is a file `go`.
const turn = `: > run/$$; ls run | wc -l >> counts; echo $QUERY_STRING >> order
while [ ! -e go ]; do sleep 0.02; done
printf 'Content-Type: text/plain\\n\\n%s' "$QUERY_STRING"
rm run/$$`;
const scripts = {
  'turn.cgi': sh(turn),
  'hello.cgi': sh(`printf 'Content-Type: text/plain\\n\\nhello'`),
  'again.cgi': sh(`printf 'Location: /cgi-bin/hello.cgi\\n\\n'`),
  'silent.cgi': sh('sleep 600'),
  'broken.cgi': '#!/nowhere/interpreter\n',
};

async function queueHouse(options: HouseOptions): Promise<House> {
  const h = await house({ scripts, public: { 'page.txt': 'static' }, ...options });
  mkdirSync(join(h.dir, 'run'));
  return h;
}

const running = (h: House): number => readdirSync(join(h.dir, 'run')).length;
const closeAll = (wires: Wire[]): void => {
  for (const wire of wires) wire.close();
};
const go = (h: House): void => writeFileSync(join(h.dir, 'go'), '');
const lines = (h: House, file: string): string[] => readFileSync(join(h.dir, file), 'utf8').trim().split('\n');
/** A later request, that needs no process, has been answered: those sent before it have reached the queue. */
const reached = async (h: House): Promise<void> => assert.equal((await get(h.port, '/cgi-bin/nothing-here')).status, 404);

async function ask(h: House, target: string): Promise<Wire> {
  const wire = await Wire.open(h.port);
  wire.send(requestText('GET', target));
  await reached(h);
  return wire;
}

test('no more than maxProcesses run at once, and all get their answer', async (t) => {
  const h = await queueHouse({ maxProcesses: 3 });
  t.after(() => h.stop());
  const asked = Array.from({ length: 24 }, (_, i) => get(h.port, `/cgi-bin/turn.cgi?${i}`));
  await until(() => running(h) === 3, 'three that run');
  await reached(h);
  assert.equal(running(h), 3);
  go(h);
  const answers = await Promise.all(asked);
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 200);
    assert.equal(answer.text, String(i));
  }
  const counts = lines(h, 'counts').map(Number);
  assert.equal(counts.length, 24);
  assert.equal(Math.max(...counts), 3);
  await childless();
});

test('first come, first served', async (t) => {
  const h = await queueHouse({ maxProcesses: 1 });
  t.after(() => h.stop());
  const wires: Wire[] = [];
  t.after(() => closeAll(wires));
  for (let i = 0; i < 10; i++) wires.push(await ask(h, `/cgi-bin/turn.cgi?${i}`));
  go(h);
  for (const wire of wires) assert.equal((await wire.answer()).status, 200);
  assert.deepEqual(lines(h, 'order'), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

test('queue full: 503 QUEUE_FULL with Retry-After; the queued are served', async (t) => {
  const h = await queueHouse({ maxProcesses: 1, maxQueue: 2 });
  t.after(() => h.stop());
  const wires: Wire[] = [];
  t.after(() => closeAll(wires));
  for (let i = 0; i < 3; i++) wires.push(await ask(h, `/cgi-bin/turn.cgi?${i}`));
  const refused = await get(h.port, '/cgi-bin/turn.cgi?3');
  assert.equal(refused.status, 503);
  assert.match(refused.get('retry-after') ?? '', /^[1-9]\d*$/);
  assert.match(refused.text, /QUEUE_FULL/);
  assert.ok(refused.complete);
  const exchange = await h.exchange((e) => e.target.endsWith('?3'));
  assert.equal(exchange.failure?.code, 'QUEUE_FULL');
  assert.equal(exchange.pid, undefined);
  go(h);
  for (const wire of wires) assert.equal((await wire.answer()).status, 200);
  assert.deepEqual(lines(h, 'order'), ['0', '1', '2']);
  assert.equal((await get(h.port, '/cgi-bin/turn.cgi?4')).status, 200);
});

test('maxQueue 0: nobody waits', async (t) => {
  const h = await queueHouse({ maxProcesses: 1, maxQueue: 0 });
  t.after(() => h.stop());
  const first = await ask(h, '/cgi-bin/turn.cgi?0');
  t.after(() => first.close());
  assert.equal((await get(h.port, '/cgi-bin/turn.cgi?1')).status, 503);
  go(h);
  assert.equal((await first.answer()).status, 200);
});

test('a client that left the queue is dropped, and its script never runs', async (t) => {
  const h = await queueHouse({ maxProcesses: 1, maxQueue: 2 });
  t.after(() => h.stop());
  const first = await ask(h, '/cgi-bin/turn.cgi?first');
  const leaver = await ask(h, '/cgi-bin/turn.cgi?leaver');
  const last = await ask(h, '/cgi-bin/turn.cgi?last');
  t.after(() => closeAll([first, last]));
  leaver.reset();
  const exchange = await h.exchange((e) => e.target.endsWith('?leaver'));
  assert.equal(exchange.failure?.code, 'CLIENT_GONE');
  assert.equal(exchange.pid, undefined);
  // Its place in the queue is free again.
  const next = await ask(h, '/cgi-bin/turn.cgi?next');
  t.after(() => next.close());
  go(h);
  for (const wire of [first, last, next]) assert.equal((await wire.answer()).status, 200);
  assert.deepEqual(lines(h, 'order'), ['first', 'last', 'next']);
});

test('a half-closed client waits its turn like any other', async (t) => {
  const h = await queueHouse({ maxProcesses: 1 });
  t.after(() => h.stop());
  const first = await ask(h, '/cgi-bin/turn.cgi?first');
  const second = await Wire.open(h.port);
  t.after(() => closeAll([first, second]));
  second.send(requestText('GET', '/cgi-bin/turn.cgi?second'));
  second.end();
  await reached(h);
  go(h);
  assert.equal((await first.answer()).text, 'first');
  assert.equal((await second.answer()).text, 'second');
});

test('the wait is told as the phase `queue`', async (t) => {
  const h = await queueHouse({ maxProcesses: 1 });
  t.after(() => h.stop());
  const first = await ask(h, '/cgi-bin/turn.cgi?first');
  const second = await ask(h, '/cgi-bin/turn.cgi?second');
  t.after(() => closeAll([first, second]));
  await delay(200); // what is measured
  go(h);
  await Promise.all([first.answer(), second.answer()]);
  const waited = (await h.exchange((e) => e.target.endsWith('?second'))).phases.queue;
  assert.ok(waited !== undefined && waited >= 190, `queue ${waited}`);
  const unwaited = (await h.exchange((e) => e.target.endsWith('?first'))).phases.queue;
  assert.ok(unwaited !== undefined && unwaited < waited, `queue ${unwaited}`);
});

test('static files and failures do not wait for processes', async (t) => {
  const h = await queueHouse({ maxProcesses: 1, maxQueue: 0 });
  t.after(() => h.stop());
  const first = await ask(h, '/cgi-bin/turn.cgi');
  t.after(() => first.close());
  assert.equal((await get(h.port, '/page.txt')).text, 'static');
  assert.equal((await get(h.port, '/cgi-bin/nothing-here')).status, 404);
  go(h);
  assert.equal((await first.answer()).status, 200);
});

test('a slot comes back after every kind of end', async (t) => {
  const h = await queueHouse({ maxProcesses: 1, headerTimeoutMs: 300, killGraceMs: 300 });
  t.after(() => h.stop());
  for (let i = 0; i < 5; i++) {
    assert.equal((await get(h.port, '/cgi-bin/broken.cgi')).status, 500);
    const leaver = await ask(h, '/cgi-bin/silent.cgi?leaver');
    leaver.reset();
    assert.equal((await get(h.port, '/cgi-bin/silent.cgi')).status, 504);
  }
  const h2 = await queueHouse({ maxProcesses: 1, maxQueue: 0 });
  t.after(() => h2.stop());
  // A local redirect asks for a second process when its first is no longer needed: with one slot it must not wait for itself.
  assert.equal((await get(h2.port, '/cgi-bin/again.cgi')).text, 'hello');
});

test('a script that lives on after its answer holds its slot until it is gone', async (t) => {
  const h = await queueHouse({
    maxProcesses: 1,
    scripts: {
      ...scripts,
      'lingers.cgi': sh(`printf 'Content-Type: text/plain\\n\\nsaid'; exec >&- 2>&-; : > run/$$
while [ ! -e go ]; do sleep 0.02; done; rm run/$$`),
    },
  });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/cgi-bin/lingers.cgi')).text, 'said');
  await until(() => running(h) === 1, 'the one that lingers');
  const next = await ask(h, '/cgi-bin/turn.cgi?next');
  t.after(() => next.close());
  assert.equal(existsSync(join(h.dir, 'order')), false, 'the next one waits');
  go(h);
  assert.equal((await next.answer()).text, 'next');
  assert.deepEqual(lines(h, 'counts').map(Number), [1]);
  await gone((await h.exchange((e) => e.target.includes('lingers'))).pid);
});
