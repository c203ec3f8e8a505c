/** The workers' screen and what stands behind it: told while somebody looks, changed only by who may; real pools, a real browser. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import type { LabOptions } from '../../src/lab/lab.js';
import { sayIn } from '../../src/lab/page/words.js';
import { boxesOf } from '../../src/lab/page/workers/figures.js';
import { happeningsOf, withEvents } from '../../src/lab/page/workers/happenings.js';
import { busyShares, historySeconds, meanOf, type Sample, waitingMost, withSample } from '../../src/lab/page/workers/history.js';
import { columns, poolFigures, requestsOf, shownHead, stateOf } from '../../src/lab/page/workers/names.js';
import type { ToldOrder, ToldOutcome, ToldWorkers } from '../../src/lab/told.js';
import { labBatchMs, workersByHandMax } from '../../src/limits.js';
import { fpmObject } from '../../src/status/fpm.js';
import type { PoolEvent } from '../../src/status/status.js';
import { uwsgiObject } from '../../src/status/uwsgi.js';
import { appFolder, application, heldPost } from '../carrier/pool-app.js';
import { gone } from '../life/processes.js';
import { api, atMs, busy, php } from '../status/pools.js';
import type { HouseOptions } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, requestText, Wire } from '../support/wire.js';
import { look, type Seen } from './look.js';
import { type Room, room } from './room.js';

// --- what is only reckoned -------------------------------------------------------------------------------------------------

const en = sayIn('en');

test('a minute is made of counters: shares of seconds, and nothing where nobody looked', () => {
  const sample = (second: number, busyMs: number, waiting = 0): Sample => ({
    atMs: second * 1000,
    waiting,
    busyMs: new Map([['1.1', busyMs]]),
  });
  const samples = [sample(100, 500), sample(101, 600, 4), sample(101.5, 1_100), sample(102, 1_100), sample(110, 1_100, 2)];
  const shares = busyShares(samples, '1.1', 103_400);
  assert.equal(shares.length, historySeconds);
  assert.deepEqual(shares.slice(-4), [undefined, 0.1, 0.5, 0]);
  assert.equal(meanOf(shares)!.toFixed(2), '0.20');
  assert.equal(meanOf(busyShares(samples, '2.1', 103_000)), undefined);
  const none = undefined;
  assert.deepEqual(waitingMost(samples, 111_000).slice(-11), [0, 4, 0, 0, 0, none, none, none, none, none, 2]);
  const old = Array.from({ length: 100 }, (_, i) => i).reduce<Sample[]>((known, second) => withSample(known, api, second * 1000), []);
  assert.ok(old.length <= historySeconds + 3, `${old.length} samples`);
});

test('the queue in boxes: as few places to a box as there is room for', () => {
  const table: [waiting: number, most: number, bound: number, boxesMax: number, as: ReturnType<typeof boxesOf>][] = [
    [0, 0, 512, 24, { per: 1, count: 24, filled: 0, most: 0, whole: false }],
    [3, 9, 10, 24, { per: 1, count: 10, filled: 3, most: 9, whole: true }],
    [3, 25, 512, 24, { per: 2, count: 24, filled: 2, most: 13, whole: false }],
    [90, 90, 100, 24, { per: 5, count: 20, filled: 18, most: 18, whole: true }],
    [512, 512, 512, 24, { per: 50, count: 11, filled: 11, most: 11, whole: true }],
  ];
  for (const [waiting, most, bound, boxesMax, as] of table) assert.deepEqual(boxesOf(waiting, most, bound, boxesMax), as);
});

test("names: php-fpm's and uWSGI's are those that our own status uses, with the values it has under them", () => {
  const asObject = (one: unknown): Record<string, unknown> => one as Record<string, unknown>;
  const fpm = asObject(fpmObject(api, { full: true, atMs }));
  for (const { fpm: name, of } of poolFigures) if (name !== undefined) assert.equal(of(api, 'fpm'), fpm[name], name);
  const process = (fpm.processes as unknown[]).map(asObject).find(({ pid }) => pid === busy.pid)!;
  assert.deepEqual([process.pid, process.requests, process.state], [busy.pid, requestsOf(busy, 'fpm'), stateOf('busy', 'fpm', en)]);
  for (const column of columns) if ('fpm' in column) assert.ok(column.fpm in process, column.fpm);

  const uwsgi = asObject(uwsgiObject([api], { version: '' }));
  const worker = (uwsgi.workers as unknown[]).map(asObject).find(({ pid }) => pid === busy.pid)!;
  assert.deepEqual([worker.requests, worker.status], [requestsOf(busy, 'uwsgi'), stateOf('busy', 'uwsgi', en)]);
  const core = asObject((worker.cores as unknown[])[0]);
  for (const column of columns) if ('uwsgi' in column) assert.ok(column.uwsgi in worker || column.uwsgi in core, column.uwsgi);
  assert.equal(poolFigures.find(({ uwsgi }) => uwsgi === 'listen_queue')!.of(api, 'uwsgi'), uwsgi.listen_queue);
  assert.deepEqual(shownHead({ word: 'workers.crashed' }, 'fpm', en), { text: '(crashed)', kind: 'lacking' });
  assert.deepEqual(shownHead({ word: 'workers.waiting', fpm: 'listen queue' }, 'fpm', en), { text: 'listen queue', kind: 'foreign' });
});

test('what has happened, in sentences: an end and the next one in its place are one', () => {
  const ready = (serial: number, pid: number, more: object = {}) =>
    ({ serial, at: serial * 100, what: 'ready', generation: 1, pid, slot: 1, afterMs: 80, insteadOf: undefined, ...more }) as PoolEvent;
  const ended = (serial: number, pid: number, more: object = {}) =>
    ({
      ...{ serial, at: serial * 100, what: 'ended', generation: 1, pid, slot: 1, livedMs: 5_000, requests: 3, wasReady: true },
      ...{ why: undefined, how: 'exit 1', words: 'oops', held: [], ...more },
    }) as PoolEvent;
  const told = (...events: PoolEvent[]) => happeningsOf(events, en).map(({ text }) => text);
  assert.deepEqual(told(ended(1, 11, { why: 'killed', how: 'SIGKILL' }), ready(2, 12, { slot: 2 }), ready(3, 13)), [
    'Worker 12 is ready in place 2, 80.0 ms after its birth',
    'Worker 11 was killed by SIGKILL; 13 took its place after 200 ms',
  ]);
  assert.deepEqual(told(ready(1, 12, { insteadOf: 11 }), ended(2, 11, { why: 'asked', how: 'exit 0' })), [
    'Worker 11 has left after 3 requests, as was asked for',
    'Worker 12 is ready 80.0 ms after its birth, and takes the place of 11',
  ]);
  // The first one that ended has no successor of its own: the place was taken by one that ended, too.
  assert.deepEqual(told(ended(1, 11), ended(2, 12, { wasReady: false }), ready(3, 13)), [
    'Worker 12 ended before it was ready: exit 1; 13 took its place after 100 ms',
    'Worker 11 ended by itself: exit 1',
  ]);
  const reloaded = { serial: 1, at: 1, what: 'reloaded', generation: 2, refused: undefined } as const;
  assert.deepEqual(told(reloaded, ended(2, 11, { why: 'reload' }), ready(3, 12)), [
    'Worker 12 is ready in place 1, 80.0 ms after its birth',
    'Worker 11 of generation 1 has left after its last request',
    'Generation 2 has taken over',
  ]);
  assert.deepEqual(told({ ...reloaded, refused: 'SyntaxError: no' }), [
    'Generation 2 was refused, and the one before it goes on: SyntaxError: no',
  ]);
  const many = Array.from({ length: 100 }, (_, i) => ready(i + 1, i));
  assert.deepEqual(withEvents(many.slice(0, 90), many.slice(80)), many.slice(70));
});

// --- what is told, and to whom ----------------------------------------------------------------------------------------------

interface Shop extends Room {
  readonly folder: string;
}

/** Two pools of the same application, at /one and /two. */
const site = (folder: string): HouseOptions => ({
  mounts: [
    { wsgi: `${join(folder, 'app.py')}:application`, where: '/one' },
    { wsgi: `${join(folder, 'app.py')}:application`, where: '/two' },
  ],
  ...{ dir: false, workers: 2, env: { PYTHONDONTWRITEBYTECODE: '1' } },
});

const shop = async (t: TestContext, options: Partial<LabOptions> = {}): Promise<Shop | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const folder = appFolder(t);
  return { ...(await room(t, site(folder), options)), folder };
};

const pids = ({ h }: Room, place = 0): number[] =>
  h.server.site.pools[place]!.status().workers.flatMap(({ state, pid }) => (state === 'idle' ? [pid] : []));
const allIdle = (r: Room): Promise<boolean> => until(() => pids(r).length === 2 && pids(r, 1).length === 2, 'two workers each');

const order = async ({ ask, lab }: Room, what: object | string): Promise<{ status: number; outcome: ToldOutcome }> => {
  const body = typeof what === 'string' ? what : JSON.stringify(what);
  const { status, text } = await ask('POST', '/workers', { Authorization: `Bearer ${lab.key}` }, body);
  return { status, outcome: JSON.parse(text) as ToldOutcome };
};

/** The stream, and what has been told of workers on it. */
const watch = async (t: TestContext, { lab, port }: Room): Promise<() => ToldWorkers[]> => {
  const wire = await Wire.open(port);
  t.after(() => wire.close());
  wire.send(requestText('GET', '/events', { Host: `127.0.0.1:${port}`, Authorization: `Bearer ${lab.key}` }));
  const text = (): string => wire.waiting().toString();
  await until(() => text().includes('event: batch'), 'the first batch');
  return () => [...text().matchAll(/^event: workers\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as ToldWorkers);
};

test('orders: only of who may, only to workers of that pool, only within bounds', async (t) => {
  const r = await shop(t);
  if (!r) return;
  await allIdle(r);
  const { ask, enter, lab, origin } = r;
  const [pid] = pids(r) as [number];
  const [other] = pids(r, 1) as [number];
  const kill = JSON.stringify({ where: '/one', do: 'kill', pid });
  const { home, cookie } = await enter();
  assert.equal((await ask('POST', '/workers', {}, kill)).status, 401);
  assert.equal((await ask('POST', `${home}workers`, { Cookie: cookie }, kill)).status, 403, 'no Origin');
  assert.equal((await ask('POST', `${home}workers`, { Cookie: cookie, Origin: 'http://evil.example' }, kill)).status, 403);
  assert.equal((await ask('GET', '/workers', { Authorization: `Bearer ${lab.key}` })).status, 404);
  assert.ok(pids(r).includes(pid));

  for (const wrong of ['', '{', 'null', '[]', '{"where":"/one"}', '{"where":"/one","do":"dance"}', '{"where":1,"do":"add"}']) {
    assert.equal((await order(r, wrong)).status, 400, wrong);
  }
  assert.equal((await order(r, '{"where":"/one","do":"kill","pid":"1"}')).status, 400);
  assert.equal((await order(r, { where: '/none', do: 'add' })).status, 404);
  for (const what of ['kill', 'term', 'recycle'] as ToldOrder['do'][]) {
    for (const stranger of [process.pid, 1, 0, -1, -pid, other, undefined]) {
      assert.equal((await order(r, { where: '/one', do: what, pid: stranger })).status, 409, `${what} ${stranger}`);
    }
  }
  assert.ok(pids(r).includes(pid) && pids(r, 1).includes(other));

  assert.deepEqual(await order(r, { where: '/one', do: 'remove' }), { status: 200, outcome: {} });
  const atLeast = await order(r, { where: '/one', do: 'remove' });
  assert.equal(atLeast.status, 409);
  assert.match(atLeast.outcome.why!.en, new RegExp(`at least 1 worker and here at most ${workersByHandMax}`));
  assert.match(atLeast.outcome.why!.zh, /至少有 1 个/);
  assert.equal(
    (await ask('POST', `${home}workers`, { Cookie: cookie, Origin: origin }, JSON.stringify({ where: '/two', do: 'kill', pid: other })))
      .status,
    200,
  );
  await gone(other);

  writeFileSync(join(r.folder, 'app.py'), 'import nothing_like_it\n');
  const refused = await order(r, { where: '/one', do: 'reload' });
  assert.equal(refused.status, 409);
  assert.match(refused.outcome.evidence!, /^exit 3\n[\s\S]*nothing_like_it/);
});

test('--present: nothing can be ordered', async (t) => {
  const r = await shop(t, { present: true });
  if (!r) return;
  await allIdle(r);
  const [pid] = pids(r) as [number];
  const { home, cookie } = await r.enter();
  const body = JSON.stringify({ where: '/one', do: 'kill', pid });
  assert.equal((await r.ask('POST', '/workers', { Authorization: `Bearer ${r.lab.key}` }, body)).status, 403);
  assert.equal((await r.ask('POST', `${home}workers`, { Cookie: cookie, Origin: r.origin }, body)).status, 403);
  assert.ok(pids(r).includes(pid));
});

test('told while somebody looks: at once when something changes, and now and then; otherwise nobody asks the workers anything', async (t) => {
  let asked = 0;
  let heard = 0;
  const r: Shop | undefined = await shop(t, {
    pools: () =>
      r!.h.server.site.pools.map((pool) => ({
        ...pool,
        status() {
          asked += 1;
          return pool.status();
        },
        onChange(changed) {
          heard += 1;
          pool.onChange(changed);
        },
      })),
  });
  if (!r) return;
  await allIdle(r);
  for (let i = 0; i < 5; i++) await get(r.h.port, '/one/');
  assert.deepEqual([asked, heard], [0, 0]);
  const told = await watch(t, r);
  await until(() => told().length >= 1, 'how they are');
  assert.deepEqual(
    told()[0]!.pools.map(({ where, workers }) => [where, workers.length]),
    [
      ['/one', 2],
      ['/two', 2],
    ],
  );
  const [pid] = pids(r) as [number];
  assert.equal((await order(r, { where: '/one', do: 'kill', pid })).status, 200);
  await until(() => told().some(({ pools }) => pools[0]!.events.some((event) => event.what === 'ended' && event.pid === pid)), 'its end');
  await until(
    () =>
      told()
        .at(-1)!
        .pools[0]!.workers.filter(({ state }) => state === 'idle').length === 2,
    'two again',
  );
  const before = told().length;
  const fromMs = told().at(-1)!.nowMs;
  const stop = Date.now() + 1_000;
  while (Date.now() < stop) await get(r.h.port, '/one/');
  await until(() => told().length > before + 1, 'to be told of requests, and when there are none');
  for (const [i, one] of told().slice(1).entries())
    assert.ok(one.nowMs - told()[i]!.nowMs >= labBatchMs - 2, `${i}: ${one.nowMs - told()[i]!.nowMs} ms`);
  const spans = (told().at(-1)!.nowMs - fromMs) / labBatchMs;
  assert.ok(told().length - before <= spans + 1, `${told().length - before} in ${spans} tenths`);
  assert.equal(heard, 2, 'once each');
});

test('without a pool nothing is told', async (t) => {
  const r = await room(t, { scripts: {} });
  const told = await watch(t, r);
  await get(r.h.port, '/');
  assert.deepEqual(told(), []);
  assert.equal((await order(r, { where: '/', do: 'add' })).status, 404);
});

// --- as a person meets it ---------------------------------------------------------------------------------------------------

interface Shown extends Seen {
  readonly folder: string;
  row(pid: number): ReturnType<Page['locator']>;
  /** What stands first in the list of what has happened. */
  happened(like: RegExp): Promise<void>;
}

const screen = async (
  t: TestContext,
  context: BrowserContextOptions = {},
  options: Partial<LabOptions> = {},
): Promise<Shown | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const folder = appFolder(t);
  const { mounts, ...others } = site(folder);
  const seen = await look(t, context, options, { ...others, mounts: mounts!.slice(0, 1) });
  if (!seen) return undefined;
  const { page, h } = seen;
  await page.click('nav.screens a[href="#workers"]');
  await until(async () => (await page.locator('.crew tr.idle').count()) === 2, 'two idle workers');
  await until(() => h.server.site.pools[0]!.status().events.length === 2, 'both to be ready');
  return {
    ...seen,
    folder,
    row: (pid) => page.locator('.crew tr', { has: page.locator('.col-pid', { hasText: new RegExp(`^${pid}$`) }) }),
    happened: (like) => page.locator('.happenings li', { hasText: like }).first().waitFor(),
  };
};

const workersOf = ({ h }: Room) => h.server.site.pools[0]!.status().workers;

test('kill -9 by the button, in the middle of a request: 502, another row, and what happened is said and listed', async (t) => {
  const s = await screen(t);
  if (!s) return;
  const { page, h, row, text } = s;
  const held = await heldPost(h.port, s.folder, 'held', '/one');
  await page.locator('.crew tr.busy').waitFor();
  const { pid } = workersOf(s).find(({ state }) => state === 'busy')!;
  assert.match((await row(pid).textContent()) ?? '', /busy[\s\S]*POST \/one\?while=/);
  assert.equal(
    await row(pid)
      .getByRole('button', { name: `kill -9 ${pid}` })
      .count(),
    1,
  );
  await row(pid)
    .getByRole('button', { name: `kill -9 ${pid}` })
    .focus();
  await page.keyboard.press('Enter');
  const { status } = await held.answer;
  assert.equal(status, 502);
  assert.equal((await h.exchange()).failure?.code, 'WIRE_TRUNCATED');
  await row(pid).waitFor({ state: 'detached' });
  await s.happened(new RegExp(`Worker ${pid} was killed by SIGKILL; \\d+ took its place after .* it had in hand: POST /one`));
  const { id } = await h.exchange();
  assert.equal(await page.locator('.happenings .held a').first().getAttribute('href'), `#live/${id}`);
  await until(async () => /was killed by SIGKILL; \d+ took its place/.test(await text('.spoken')), 'it to be said');
  assert.match(await text('.pool .saying'), new RegExp(`SIGKILL has been sent to ${pid}`));
  await until(async () => (await page.locator('.crew tr.idle').count()) === 2, 'two again');
  // The focus is in the table still, and on nothing that a second Enter would do.
  assert.equal(await page.evaluate('document.activeElement.tagName'), 'TR');
  assert.deepEqual(s.complaints, []);
});

test('recycle by the button under load: no request is lost; the focus stays where it was while rows change', async (t) => {
  const s = await screen(t);
  if (!s) return;
  const { page, h, row } = s;
  let stop = false;
  const failed: string[] = [];
  const client = async (): Promise<void> => {
    while (!stop) {
      const answer = await get(h.port, '/one?ms=2');
      if (answer.status !== 200) failed.push(`${answer.status} ${answer.text}`);
    }
  };
  const clients = Array.from({ length: 3 }, client);
  const [first, second] = workersOf(s).map(({ pid }) => pid) as [number, number];
  await row(second)
    .getByRole('button', { name: `TERM ${second}` })
    .focus();
  await row(first)
    .getByRole('button', { name: `recycle ${first}` })
    .dispatchEvent('click');
  await s.happened(new RegExp(`Worker \\d+ is ready .* and takes the place of ${first}`));
  await s.happened(new RegExp(`Worker ${first} has left after \\d+ requests, as was asked for`));
  await row(first).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate('document.activeElement.ariaLabel'), `TERM ${second}`);
  stop = true;
  await Promise.all(clients);
  assert.deepEqual(failed, []);
  await until(async () => Number(await page.locator('.minute .beat').count()) > 0, 'the busy seconds');
});

test('add, remove, TERM, and names as php-fpm and uWSGI have them', async (t) => {
  const s = await screen(t);
  if (!s) return;
  const { page, text } = s;
  await page.getByRole('button', { name: 'Add a worker' }).click();
  await until(async () => (await page.locator('.crew tr.idle').count()) === 3, 'three');
  assert.match(await text('.pool .about'), /3 workers/);
  await page.getByRole('button', { name: 'Remove a worker' }).click();
  await page.getByRole('button', { name: 'Remove a worker' }).click();
  await until(
    async () => (await page.locator('.crew tr.idle').count()) === 1 && (await page.locator('.crew .hand.kill').count()) === 1,
    'one',
  );
  assert.equal(await page.getByRole('button', { name: 'Remove a worker' }).getAttribute('aria-disabled'), 'true');
  const { pid } = workersOf(s)[0]!;
  await page.getByRole('button', { name: `TERM ${pid}` }).click();
  await s.happened(new RegExp(`Worker ${pid} was (asked by a signal to end|killed by SIGTERM)`));

  assert.match(await text('.counts'), /waiting/);
  await page.getByRole('button', { name: 'php-fpm' }).click();
  assert.match(await text('.counts'), /listen queue[\s\S]*\(crashed\)/);
  await page.locator('.crew .col-state', { hasText: 'Idle' }).waitFor();
  assert.match(await text('.brackets'), /php-fpm has no word for it/);
  await page.getByRole('button', { name: 'uWSGI' }).click();
  assert.match(await text('.crew thead'), /respawn_count/);
});

test('reload of a broken deployment: refused, with its last line; the present ones go on; mended, a generation beside the old one', async (t) => {
  const s = await screen(t);
  if (!s) return;
  const { page, h, folder, text } = s;
  writeFileSync(join(folder, 'app.py'), 'def application(:\n');
  await page.getByRole('button', { name: 'Reload' }).click();
  await s.happened(/Generation 2 was refused, and the one before it goes on: SyntaxError: invalid syntax/);
  await page.locator('.pool .saying', { hasText: 'Not reloaded' }).waitFor();
  assert.match(await text('.pool .saying'), /SyntaxError: invalid syntax/);
  assert.match((await get(h.port, '/one')).text, /^one /);
  assert.match(await text('.pool .about'), /generation 1/);

  const held = await heldPost(h.port, folder, 'held', '/one');
  writeFileSync(join(folder, 'app.py'), `${application('two')}# longer\n`);
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.locator('.crew .generation', { hasText: 'Generation 1: finishes what it has, and ends' }).waitFor();
  await page.locator('.crew .generation', { hasText: 'Generation 3: takes new requests' }).waitFor();
  await until(async () => (await page.locator('.crew tr.stopping').count()) === 1, 'only the one with a request to be left');
  assert.match((await get(h.port, '/one')).text, /^two /);
  held.release();
  assert.equal((await held.answer).status, 200);
  await until(async () => (await page.locator('.crew tr.stopping').count()) === 0, 'the old one to have left');
  await s.happened(/Generation 3 has taken over/);
  // The browser's own note of the refusal.
  assert.deepEqual(
    s.complaints.filter((text) => !text.includes('409')),
    [],
  );
});

test('paused, the screen stands still, and nothing can be done to what is past', async (t) => {
  const s = await screen(t);
  if (!s) return;
  const { page, h, text } = s;
  await page.getByRole('button', { name: 'Pause' }).click();
  assert.match(await text('.as-of'), /As it was at \d\d:\d\d:\d\d/);
  const before = await text('.crew');
  const [pid] = workersOf(s).map((worker) => worker.pid) as [number];
  await page.getByRole('button', { name: `kill -9 ${pid}` }).click({ force: true });
  h.server.site.pools[0]!.recycle(pid);
  await gone(pid);
  await until(() => workersOf(s).filter(({ state }) => state === 'idle').length === 2, 'two again');
  assert.equal(await text('.crew'), before);
  await page.getByRole('button', { name: 'Go on' }).click();
  await s.happened(new RegExp(`Worker ${pid} has left after`));
  assert.equal(h.server.site.pools[0]!.status().recycled.killed, 0);
});

test('--present: all is seen, nothing can be done', async (t) => {
  const s = await screen(t, {}, { present: true });
  if (!s) return;
  assert.deepEqual((await s.page.locator('.workers button').allTextContents()).sort(), ['Pause', 'ours', 'php-fpm', 'uWSGI'].sort());
});

test('without a pool: what one is, and how to start one', async (t) => {
  const seen = await look(t, {}, {}, { scripts: {} });
  if (!seen) return;
  await seen.page.click('nav.screens a[href="#workers"]');
  await seen.page.getByRole('heading', { name: 'No worker stays here' }).waitFor();
  assert.match(await seen.text('.workers .missing'), /cgi-serve --wsgi app\.py:application --workers 2/);
  assert.equal(await seen.page.locator('.workers .controls').isVisible(), false);
});

for (const width of [390, 1440]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`in Chinese, ${width} pixels wide, ${colorScheme}: nothing overflows, every picture has words`, async (t) => {
      const s = await screen(t, { locale: 'zh-CN', viewport: { width, height: 844 }, colorScheme });
      if (!s) return;
      const { page, h, folder, text } = s;
      assert.match(await text('.pool .about'), /2 个工作进程 · 第 1 代/);
      const held = [await heldPost(h.port, folder, 'one', '/one'), await heldPost(h.port, folder, 'two', '/one')];
      const waiting = get(h.port, `/one/${'long'.repeat(60)}`);
      await page.locator('.queue .taken').waitFor();
      assert.match(await text('.queue'), /1 个在等待工作进程/);
      await page.getByText('最近一分钟的表格').click();
      await page.locator('.scroll table').waitFor();
      const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      assert.equal(overflow, 0);
      const unnamed = `[...document.querySelectorAll('svg:not([aria-hidden])')].filter((s) => !s.getAttribute('aria-label')).length`;
      assert.equal(await page.evaluate(unnamed), 0);
      const small = `[...document.querySelectorAll('.workers button, .workers summary')].filter((e) => e.getClientRects().length > 0)
        .filter((e) => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24).map((e) => e.outerHTML)`;
      assert.deepEqual(await page.evaluate(small), [], 'WCAG 2.5.8');
      for (const { release } of held) release();
      for (const { answer } of held) assert.equal((await answer).status, 200);
      assert.equal((await waiting).status, 200);
      assert.deepEqual(s.complaints, []);
    });
  }
}

test('php-cgi is a pool like any other', async (t) => {
  if (!needs(t, 'php-cgi')) return;
  const seen = await look(
    t,
    {},
    {},
    { mounts: [{ pool: 'php-cgi', where: '.php' }], workers: 1, public: { 'a.php': '<?php echo getmypid();' } },
  );
  if (!seen) return;
  await seen.page.click('nav.screens a[href="#workers"]');
  await seen.page.locator('.crew tr.idle').waitFor();
  assert.equal((await get(seen.h.port, '/a.php')).text, await seen.text('.crew td.col-pid'));
  assert.equal(php.gateway, 'fastcgi');
});
