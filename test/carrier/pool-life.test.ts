/** How a pool's workers come and go while they are well: more with the load, fewer without, replaced before they grow, ended when stuck. */
import assert from 'node:assert/strict';
import { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { queryObjects } from 'node:v8';
import type { PoolStatus } from '../../src/status/status.js';
import { gone } from '../life/processes.js';
import { type House, type HouseOptions, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, get, post, Wire } from '../support/wire.js';

/** A WSGI application that says who it is. It waits while a file is there, it computes for ever, it holds memory, as it is told. */
const application = `
import os, threading, time
from urllib.parse import parse_qs

held = []

def application(environ, start_response):
    query = parse_qs(environ['QUERY_STRING'])
    if 'while' in query:
        open(query['while'][0] + '.seen', 'a').write('x')
        while os.path.exists(query['while'][0]):
            time.sleep(0.005)
    if 'forever' in query:
        stand_still()
    if 'hold' in query:
        held.append(bytearray(int(query['hold'][0])))
    start_response('200 OK' if environ['PATH_INFO'] != '/ill' else '500 Ill', [('Content-Type', 'text/plain')])
    return [('%d %d %s' % (os.getpid(), os.getppid(), environ.get('wsgi.multithread'))).encode()]

def stand_still():
    while True:
        time.sleep(0.01)
`;

interface LifeHouse extends House {
  readonly folder: string;
  readonly file: string;
  readonly warnings: string[];
  status(): PoolStatus;
}

const lifeHouse = async (t: TestContext, options: HouseOptions = {}): Promise<LifeHouse | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-pool-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'app.py');
  writeFileSync(file, application);
  const warnings: string[] = [];
  const h = await house({
    mounts: [{ wsgi: `${file}:application`, where: '/' }],
    workers: 1,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  t.after(() => h.stop());
  return { ...h, folder, file, warnings, status: () => h.server.site.pools[0]!.status() };
};

const pidOf = ({ text }: Answer): number => Number(text.split(' ')[0]);
const alive = ({ workers }: PoolStatus): number => workers.filter(({ state }) => state === 'idle' || state === 'busy').length;

/** A request that its worker has begun, and that ends when `end` is called. */
const longOne = async (h: LifeHouse, name: string): Promise<{ answer: Promise<Answer>; end(): void }> => {
  const flag = join(h.folder, name);
  writeFileSync(flag, '');
  const answer = get(h.port, `/?while=${flag}`);
  await until(() => existsSync(`${flag}.seen`), 'its worker to have it');
  return { answer, end: () => rmSync(flag) };
};

test('MIN..MAX: none before the first request, one more for each that waits, not more than MAX', async (t) => {
  const h = await lifeHouse(t, { workers: { min: 0, max: 2 } });
  if (!h) return;
  assert.deepEqual(h.status().workers, []);
  const first = await longOne(h, 'first');
  assert.equal(alive(h.status()), 1);
  const second = await longOne(h, 'second');
  assert.equal(alive(h.status()), 2);
  const third = get(h.port, '/');
  await until(() => h.status().queue.waiting === 1, 'the third to wait');
  assert.equal(alive(h.status()), 2);
  first.end();
  second.end();
  const answers = await Promise.all([first.answer, second.answer, third]);
  for (const { status } of answers) assert.equal(status, 200);
  const { activeMost, ceilings, queue, accepted } = h.status();
  assert.deepEqual([activeMost, ceilings, queue.waitingMost, accepted], [2, 1, 1, 3]);
  assert.ok(queue.waits!.maxMs > 0);
});

test('recycle by requests: the replacement is ready before the old one goes, and nobody notices', async (t) => {
  const h = await lifeHouse(t, { recycle: { requests: 20 } });
  if (!h) return;
  const pids = new Set<number>();
  await until(async () => {
    const answer = await get(h.port, '/');
    assert.equal(answer.status, 200);
    pids.add(pidOf(answer));
    return h.status().recycled.requests === 4;
  }, 'four to have been replaced');
  assert.ok(pids.size >= 4, `${pids.size} workers`);
  const [worker] = h.status().workers.filter(({ state }) => state === 'idle');
  assert.deepEqual([worker!.slot, worker!.generation], [1, 1]);
  assert.deepEqual(h.warnings, []);
  for (const pid of [...pids].slice(0, -2)) await gone(pid);
});

test('those that were replaced are forgotten: their successors do not remember them', async (t) => {
  const h = await lifeHouse(t, { recycle: { requests: 2 }, workers: 1 });
  if (!h) return;
  const children = (): number => queryObjects(ChildProcess, { format: 'count' });
  const before = children();
  await until(async () => {
    assert.equal((await get(h.port, '/')).status, 200);
    return h.status().recycled.requests >= 12;
  }, 'twelve to have been replaced');
  // The present one, one that comes, and one whose end is just being told.
  await until(() => children() <= before + 2, `no more than ${before + 2} children to be remembered`);
});

test('recycle by memory, and by age', async (t) => {
  const h = await lifeHouse(t, { recycle: { memoryBytes: 120 * 1024 * 1024 } });
  if (!h) return;
  const before = pidOf(await get(h.port, '/'));
  if (h.status().workers[0]!.rssBytes === undefined) return t.skip('this system does not tell');
  await get(h.port, `/?hold=${150 * 1024 * 1024}`);
  await until(async () => pidOf(await get(h.port, '/')) !== before, 'a smaller one in its place');
  await until(() => h.status().recycled.memory === 1, 'it to be counted');

  const aging = await lifeHouse(t, { recycle: { ageMs: 1_000 } });
  const young = pidOf(await get(aging!.port, '/'));
  await until(async () => pidOf(await get(aging!.port, '/')) !== young, 'a younger one in its place');
  assert.ok(aging!.status().recycled.age >= 1);
});

test('stuck: 504 to the client, its stack in the log, another worker in its place', async (t) => {
  const h = await lifeHouse(t, { headerTimeoutMs: 1_000 });
  if (!h) return;
  const before = pidOf(await get(h.port, '/'));
  assert.equal((await get(h.port, '/?forever=1')).status, 504);
  assert.notEqual(pidOf(await get(h.port, '/')), before);
  await until(() => h.stderr.some(({ text }) => text.includes('in stand_still')), 'its stack');
  await gone(before);
  const { slow, recycled, crashed } = h.status();
  assert.deepEqual([slow, recycled.stuck, crashed], [1, 1, 0]);
});

test('a client that leaves: its worker gets no other request before it is done, and is not ended for it', async (t) => {
  const h = await lifeHouse(t);
  if (!h) return;
  const pid = pidOf(await get(h.port, '/'));
  const flag = join(h.folder, 'left');
  writeFileSync(flag, '');
  const client = await Wire.open(h.port);
  client.send(`GET /?while=${flag} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await until(() => existsSync(`${flag}.seen`), 'its worker to have it');
  client.close();
  await until(() => h.exchanges.some(({ failure }) => failure?.code === 'CLIENT_GONE'), 'its leaving to be seen');
  const next = get(h.port, '/');
  await until(() => h.status().queue.waiting === 1, 'the next one to wait here, and not at the worker');
  assert.equal(h.status().workers[0]!.state, 'busy');
  rmSync(flag);
  assert.equal(pidOf(await next), pid);
  assert.equal(h.status().aborts, 1);
});

test('threads: one worker takes several at once', async (t) => {
  const h = await lifeHouse(t, { python: { threads: 3 } });
  if (!h) return;
  const three = [await longOne(h, 'one'), await longOne(h, 'two'), await longOne(h, 'three')];
  assert.equal(h.status().workers[0]!.inFlight, 3);
  for (const { end } of three) end();
  const answers = await Promise.all(three.map(({ answer }) => answer));
  assert.deepEqual([...new Set(answers.map(({ text }) => text))].length, 1);
  assert.match(answers[0]!.text, /True$/);
});

test('preload: the application is loaded once, and its workers are children of that process; a reload loads it anew', async (t) => {
  const h = await lifeHouse(t, { workers: 2, python: { preload: true } });
  if (!h) return;
  const parents = async (): Promise<Set<string>> => {
    const two = [await longOne(h, 'one'), await longOne(h, 'two')];
    for (const { end } of two) end();
    const answers = await Promise.all(two.map(({ answer }) => answer));
    for (const name of ['one', 'two']) rmSync(join(h.folder, `${name}.seen`));
    assert.equal(new Set(answers.map(pidOf)).size, 2);
    return new Set(answers.map(({ text }) => text.split(' ')[1]!));
  };
  const [zygote, ...others] = await parents();
  assert.deepEqual(others, []);
  assert.notEqual(Number(zygote), process.pid);
  assert.deepEqual(await h.server.reload(), []);
  const [next] = await parents();
  assert.notEqual(next, zygote);
  await gone(Number(zygote));
  // One that dies takes its children with it; what comes after is loaded anew.
  process.kill(Number(next), 'SIGKILL');
  await gone(Number(next));
  await until(async () => (await get(h.port, '/')).status === 200, 'others in their place');
});

for (const via of ['scgi', 'uwsgi', 'cgi'] as const) {
  test(`via ${via}: the same application`, async (t) => {
    const h = await lifeHouse(t, { python: { via } });
    if (!h) return;
    const pids = [pidOf(await get(h.port, '/x')), pidOf(await post(h.port, '/x', 'body'))];
    const { gateway, wire, pid, worker } = await h.exchange();
    assert.equal(pids[0] === pids[1], via !== 'cgi');
    assert.equal(pid, pids[0]);
    assert.deepEqual(
      [gateway, wire?.name, worker],
      via === 'cgi' ? ['cgi', undefined, undefined] : ['wsgi', via, { slot: 1, generation: 1 }],
    );
  });
}

test('health: new workers that are ill do not take over', async (t) => {
  const h = await lifeHouse(t, { health: '/well' });
  if (!h) return;
  const before = pidOf(await get(h.port, '/'));
  assert.deepEqual(await h.server.reload(), []);
  const present = pidOf(await get(h.port, '/'));
  assert.notEqual(present, before);
  writeFileSync(h.file, application.replace("!= '/ill'", "== '/'"));
  const [why] = await h.server.reload();
  assert.equal(why?.evidence.detail, '/well answered 500');
  assert.equal(pidOf(await get(h.port, '/')), present);
  const { generation, reloads, reloadFailure } = h.status();
  assert.deepEqual([generation, reloads, reloadFailure], [2, 1, '/well answered 500']);
});

test('what a status says of a worker is true', async (t) => {
  const h = await lifeHouse(t);
  if (!h) return;
  const long = await longOne(h, 'long');
  const [worker] = h.status().workers;
  assert.equal(worker!.state, 'busy');
  assert.equal(worker!.request!.target, `/?while=${join(h.folder, 'long')}`);
  assert.equal(worker!.request!.tookMs, undefined);
  assert.equal(readFileSync(`/proc/${worker!.pid}/cmdline`, 'utf8').includes('wsgi.py'), true);
  assert.ok(worker!.rssBytes! > 4 * 1024 * 1024, `${worker!.rssBytes} bytes`);
  assert.ok(worker!.cpu!.userMs > 0);
  long.end();
  await long.answer;
  const [after] = h.status().workers;
  assert.deepEqual([after!.state, after!.requests, after!.failures, after!.inFlight], ['idle', 1, 0, 0]);
  assert.ok(after!.request!.tookMs! > 0);
});

test('the files that the workers have loaded', async (t) => {
  const h = await lifeHouse(t);
  if (!h) return;
  writeFileSync(join(h.folder, 'helper.py'), 'x = 1\n');
  const [pool] = h.server.site.pools;
  await until(() => pool!.files().includes(h.file), 'the application');
  let heard = 0;
  pool!.onFiles(() => {
    heard += 1;
  });
  writeFileSync(h.file, `import sys; sys.path.insert(0, ${JSON.stringify(h.folder)}); import helper\n${application}`);
  assert.deepEqual(await h.server.reload(), []);
  await until(() => pool!.files().includes(join(h.folder, 'helper.py')), 'what it imports');
  assert.ok(heard >= 2);
  // One that cannot be loaded is to be mended, and that wants to be seen.
  writeFileSync(join(h.folder, 'helper.py'), 'x = (\n');
  assert.equal((await h.server.reload()).length, 1);
  assert.ok(pool!.files().includes(join(h.folder, 'helper.py')));
});
