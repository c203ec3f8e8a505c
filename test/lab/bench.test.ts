/** The bench in the lab: real load on a real server; what it counts must agree with the server's own account, never how fast it was. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { createLab } from '../../src/lab/lab.js';
import { samePrograms } from '../../src/lab/page/bench/order.js';
import type { ToldBenchOrder, ToldBenchResult, ToldPlace } from '../../src/lab/told.js';
import { benchTargetsMax, benchUsersMax, labBenchBytesMax, labBenchesKept, labBenchLongestMs } from '../../src/limits.js';
import { sh } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, get, requestText, talk, Wire } from '../support/wire.js';
import { look, type Seen } from './look.js';
import { type Room, room } from './room.js';

const hello = sh('printf "Content-Type: text/plain\\n\\nhello"');
const site = {
  scripts: { 'hello.sh': hello, 'slow.sh': sh('sleep 0.2; printf "Content-Type: text/plain\\n\\nslow"') },
  public: { 'a.txt': 'a' },
};
const places: ToldPlace[] = [
  { path: '/cgi-bin/hello.sh', gateway: 'cgi', program: 'hello.sh', same: 'hello' },
  { path: '/cgi-bin/slow.sh', gateway: 'cgi', program: 'slow.sh', same: 'slow' },
];

const brief: ToldBenchOrder = {
  targets: [{ target: '/cgi-bin/hello.sh?a=1' }, { method: 'HEAD', target: '/a.txt' }],
  loop: { kind: 'closed', users: 2 },
  ...{ rounds: 2, sliceMs: 100, warmUpMs: 0 },
};

const key = ({ lab }: Room): Record<string, string> => ({ Authorization: `Bearer ${lab.key}` });
const order = (r: Room, what: unknown): Promise<Answer> =>
  r.ask('POST', '/bench', key(r), typeof what === 'string' ? what : JSON.stringify(what));

/** The result of the first bench that is over. */
const resultOf = async (r: Room, run: number, lang = 'en'): Promise<ToldBenchResult> => {
  const target = `/bench/result?run=${run}&lang=${lang}`;
  const answer = await until(async () => {
    const asked = await r.ask('GET', target, key(r));
    return asked.status === 200 && asked;
  }, `the result of bench ${run}`);
  return JSON.parse((answer as Answer).text) as ToldBenchResult;
};

// --- what is asked of it ---------------------------------------------------------------------------------------------------

test('two targets: pictures, tables and notes; the lab lists none of their requests, and everybody else’s', async (t) => {
  const r = await room(t, site);
  assert.equal((await order(r, brief)).status, 200);
  const result = await resultOf(r, 1);
  assert.deepEqual(result.names, ['/cgi-bin/hello.sh?a=1', '/a.txt']);
  assert.deepEqual(result.figures.map(({ name }) => name), ['latency', 'throughput', 'processes', 'cpu']); // biome-ignore format: one line
  for (const { rows, lines, bars } of result.figures) assert.deepEqual([rows.length, (lines ?? bars)?.length], [2, 2]);
  const [latency, , processes] = result.figures;
  const answers = latency!.lines!.map(({ curve }) => curve.count);
  assert.deepEqual(processes!.bars!.map(({ parts }) => parts), [[answers[0]], [0]]); // biome-ignore format: one line
  for (const { curve } of latency!.lines!) assert.ok(curve.points.at(-1)![0] <= 100 - 100 / curve.count + 1e-6);
  // The warm-up, too: a request of each user to each target.
  const load = r.h.exchanges.length;
  assert.equal(load, answers[0]! + answers[1]! + 4);
  assert.match(result.notes.join('\n'), new RegExp(`neither recorded nor listed the ${load} requests`));
  assert.ok(r.h.exchanges.every((exchange) => r.lab.isLoad(exchange) && exchange.wire === undefined));
  await get(r.h.port, '/cgi-bin/hello.sh');
  const wire = await Wire.open(r.port);
  t.after(() => wire.close());
  wire.send(requestText('GET', '/events', { Host: `127.0.0.1:${r.port}`, ...key(r) }));
  await until(() => wire.waiting().includes('event: bench'), 'how the bench stands');
  const { exchanges } = JSON.parse(/^event: batch\n.*\ndata: (.*)$/m.exec(wire.waiting().toString())![1]!) as {
    exchanges: { target: string }[];
  };
  assert.deepEqual(exchanges.map(({ target }) => target), ['/cgi-bin/hello.sh']); // biome-ignore format: one line
  assert.match((await resultOf(r, 1, 'zh-CN')).plan, /^闭环：2 个用户/);
});

test('files to keep: attached, harmless where they are shown, readable for programs', async (t) => {
  const r = await room(t, site);
  await order(r, brief);
  await resultOf(r, 1);
  const file = async (name: string): Promise<Answer> => {
    const answer = await r.ask('GET', `/bench/report.${name}?run=1&lang=zh-CN`, key(r));
    assert.match(answer.get('content-disposition') ?? '', new RegExp(`^attachment; filename="cgi-serve-bench-[\\dT-]+\\.${name}"$`));
    assert.equal(answer.get('x-content-type-options'), 'nosniff');
    return answer;
  };
  const html = await file('html');
  assert.match(html.text, /^<!doctype html>\n<html lang="zh-CN">[\s\S]*<article lang="en">[\s\S]*<\/html>\n$/);
  assert.doesNotMatch(html.text, /<script|src=|https?:\/\/(?!www\.w3\.org)/);
  for (const { text, get: field } of [html, await file('svg')]) {
    assert.ok(text.includes('每秒应答的请求数'));
    assert.match(field('content-security-policy') ?? '', /^sandbox; default-src 'none'; style-src 'unsafe-inline'/);
  }
  const csv = (await file('csv')).text.trimEnd().split('\n').map((line) => line.split(',')); // biome-ignore format: one line
  assert.deepEqual(csv.map((cells) => cells.length), Array(5).fill(csv[0]!.length)); // biome-ignore format: one line
  assert.deepEqual(
    csv.slice(1).map(([target, gateway, round]) => [target, gateway, round]),
    [...['1', '2'].map((round) => ['/cgi-bin/hello.sh?a=1', 'cgi', round]), ...['1', '2'].map((round) => ['/a.txt', 'static', round])],
  );
  const report = JSON.parse((await file('json')).text) as { targets: { answered: number; method: string }[] };
  assert.deepEqual(report.targets.map(({ method }) => method), ['GET', 'HEAD']); // biome-ignore format: one line
  for (const name of ['report.exe', 'report', 'constructor', 'result?run=2']) {
    assert.equal((await r.ask('GET', `/bench/${name}`, key(r))).status, 404, name);
  }
});

test('what is no path of this server, or too much, is refused; so is a second one, and all in --present', async (t) => {
  const r = await room(t, site);
  const refused: [what: unknown, why: RegExp][] = [
    ['', /^loop\.kind: expected closed \| open\.$/m],
    ['[', /expected/],
    ['null', /expected/],
    [{ ...brief, targets: [] }, /targets: expected 1 … 4\./],
    [{ ...brief, targets: Array(benchTargetsMax + 1).fill(brief.targets[0]) }, /targets: expected/],
    ...['http://other/', '//other', 'other', '/a b', '/a\r\nX: y', '/#a', '/\u007f', '', `/${'a'.repeat(5_000)}`].map(
      (target): [unknown, RegExp] => [{ ...brief, targets: [{ target }] }, /target: expected \/PATH\?QUERY/],
    ),
    [{ ...brief, targets: [null] }, /target: expected/],
    [{ ...brief, targets: [{ target: '/', method: 'GET / HTTP/1.1\r\nX:' }] }, /method: expected/],
    [{ ...brief, loop: { kind: 'closed', users: 0 } }, /loop\.users: expected 1 … 1,000\./],
    [{ ...brief, loop: { kind: 'closed', users: benchUsersMax + 1 } }, /loop\.users/],
    [{ ...brief, loop: { kind: 'closed', users: '2' } }, /loop\.users/],
    [{ ...brief, loop: { kind: 'open', perSecond: 1e6, connections: 1 } }, /loop\.perSecond: expected 1 … 100,000\./],
    [{ ...brief, loop: { kind: 'open', perSecond: 1 } }, /loop\.connections/],
    [{ ...brief, rounds: 1.5 }, /rounds: expected/],
    [{ ...brief, sliceMs: -1 }, /sliceMs: expected/],
    [{ ...brief, rounds: 2, sliceMs: labBenchLongestMs }, /rounds × sliceMs: expected/],
    [{ ...brief, warmUpMs: labBenchLongestMs + 1 }, /warmUpMs: expected/],
  ];
  for (const [what, why] of refused) {
    const answer = await order(r, what);
    assert.deepEqual([answer.status, why.test(answer.text)], [400, true], `${JSON.stringify(what)}: ${answer.text}`);
  }
  assert.equal((await order(r, ' '.repeat(labBenchBytesMax + 1))).status, 413);
  assert.equal((await r.ask('POST', '/bench', {}, JSON.stringify(brief))).status, 401);
  assert.equal(r.h.exchanges.length, 0);

  assert.equal((await order(r, { ...brief, sliceMs: 60_000 })).status, 200);
  assert.equal((await order(r, brief)).status, 409);
  const others = await room(t, site, { present: true });
  assert.equal((await order(others, brief)).status, 403);
  assert.equal((await others.ask('POST', '/bench/stop', key(others))).status, 403);
  const alone = createLab({ present: false });
  const { port } = await alone.listen({ port: 0, host: '127.0.0.1' }, { url: '', demo: undefined });
  t.after(() => alone.close());
  const text = JSON.stringify(brief);
  const headers = { Host: `127.0.0.1:${port}`, Authorization: `Bearer ${alone.key}`, 'Content-Length': String(text.length) };
  assert.equal((await talk(port, requestText('POST', '/bench', headers) + text)).status, 404);
});

test('stopped, it ends at once: what was measured is kept, and the next one may begin; five are kept', async (t) => {
  const over: number[] = [];
  const r = await room(t, site, { benched: (requests) => void over.push(requests) });
  assert.equal((await order(r, { ...brief, rounds: 2, sliceMs: 300_000 })).status, 200);
  await until(() => r.h.exchanges.length > 5, 'some load');
  await r.ask('POST', '/bench/stop', key(r));
  await until(() => over.length === 1, 'its end');
  assert.equal((await r.ask('GET', '/bench/result', key(r))).status, 404, 'nothing was measured');
  const once: ToldBenchOrder = { ...brief, targets: [{ target: '/a.txt' }], rounds: 1, sliceMs: 0 };
  for (let run = 1; run <= labBenchesKept + 1; run++) {
    await until(async () => (await order(r, once)).status === 200, 'the next one begins');
    await resultOf(r, run);
  }
  assert.equal((await r.ask('GET', '/bench/result?run=1', key(r))).status, 404, 'the oldest has gone');
  assert.equal((JSON.parse((await r.ask('GET', '/bench/result', key(r))).text) as ToldBenchResult).run, labBenchesKept + 1);
});

test('one program behind several gateways is one group, with one place of each', () => {
  const place = (path: string, gateway: ToldPlace['gateway'], same: string): ToldPlace => ({ path, gateway, program: path, same });
  const groups = samePrograms([
    place('/cgi-bin/a', 'cgi', 'a'),
    place('/cgi-bin/linked', 'cgi', 'a'),
    place('/cgi-bin/b', 'cgi', 'b'),
    place('/a', 'wsgi', 'a'),
  ]);
  assert.deepEqual(groups.map((group) => group.map(({ path }) => path)), [['/cgi-bin/a', '/a']]); // biome-ignore format: one line
});

// --- in a browser ------------------------------------------------------------------------------------------------------------

const open = async (t: TestContext, context: Parameters<typeof look>[1] = {}): Promise<Seen | undefined> => {
  const seen = await look(t, context, { places: () => places }, site);
  if (!seen) return undefined;
  await seen.page.evaluate(`location.hash = '#bench'`);
  await seen.page.waitForSelector('.order');
  return seen;
};

/** Fills in the form for a run as short as may be. */
const shorten = async (page: Page, seconds = '0.2'): Promise<void> => {
  await page.fill('#bench-seconds', seconds);
  await page.fill('#bench-rounds', '2');
  await page.fill('#bench-warmUp', '0');
};

const choose = async (page: Page, at: number, path: string, rest: string): Promise<void> => {
  const row = page.locator('.targets li').nth(at);
  await row.locator('select').selectOption(path);
  await row.locator('input').fill(rest);
};

const overflow = (page: Page) => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

test('by keyboard alone: from the form to the result, and along its curves', async (t) => {
  const seen = await open(t);
  if (!seen) return;
  const { page, complaints, text } = seen;
  const isAt = (selector: string) => page.evaluate(`document.activeElement?.matches('${selector}') === true`);
  const tabTo = async (selector: string): Promise<void> => {
    for (let i = 0; i < 60 && !(await isAt(selector)); i++) await page.keyboard.press('Tab');
    assert.equal(await isAt(selector), true, selector);
  };
  await tabTo('.targets li:nth-child(2) select');
  await page.keyboard.press('End');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('/a.txt');
  for (const [name, value] of [
    ['users', '2'],
    ['seconds', '0.2'],
    ['rounds', '2'],
    ['warmUp', '0'],
  ]) {
    await tabTo(`#bench-${name}`);
    await page.keyboard.type(value!);
  }
  await tabTo('#bench-start');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.result');
  await until(() => isAt('.result h2'), 'the focus on the result');
  assert.equal(await text('.result h2'), 'A /cgi-bin/hello.sh · B /a.txt');
  assert.match(await text('.spoken'), /^The result is there\. Half of all requests were answered within/);
  await tabTo('.latency .picture');
  await page.keyboard.press('End');
  const told = await text('.readout');
  assert.match(told, /^[\d.]+ % of the requests were answered within: A \/cgi-bin\/hello\.sh .*, B \/a\.txt .*(ms|told)\.$/);
  assert.equal(await text('.spoken'), told);
  assert.equal(await page.locator('.cursor line').count(), 1);
  const at = Number(await page.getAttribute('.latency .picture', 'aria-valuenow'));
  assert.ok(at > 0);
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.getAttribute('.latency .picture', 'aria-valuenow'), String(at - 1));
  await tabTo('.latency summary');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.latency tbody tr').count(), 2);
  assert.deepEqual(complaints, []);
});

test('four pictures with sentences and tables; the exported page opens without a network', async (t) => {
  const seen = await open(t);
  if (!seen) return;
  const { page, browser, complaints } = seen;
  await choose(page, 0, '/cgi-bin/hello.sh', '?a=1');
  await choose(page, 1, '', '/a.txt');
  await shorten(page);
  await page.click('#bench-start');
  await page.waitForSelector('.result .pic');
  assert.equal(await page.locator('.figures figure').count(), 4);
  assert.equal(await page.locator('.figures .pic[aria-label]').count(), 4);
  assert.equal(await page.locator('.figures .conclusion:not(:empty)').count(), 4);
  assert.deepEqual(await page.locator('.figures table').evaluateAll((tables) => tables.map((table) => table.querySelectorAll('tbody tr').length)), [
    2, 2, 2, 2,
  ]); // biome-ignore format: one line
  assert.equal(await page.locator('.latency .curve').count(), 2);
  assert.match((await page.locator('.notes').textContent()) ?? '', /processors? of this machine/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('.keep a[href*="html"]')]);
  const file = await download.path();
  const apart = await browser.newContext({ offline: true });
  const report = await apart.newPage();
  const said: string[] = [];
  report.on('pageerror', (error) => said.push(String(error)));
  report.on('console', (message) => said.push(message.text()));
  report.on('request', (request) => void (/^(file|data|about|blob):/.test(request.url()) || said.push(request.url())));
  await report.setContent(readFileSync(file, 'utf8'));
  assert.equal(await report.locator('article:visible svg').count(), 4);
  await report.check('#zh');
  assert.match((await report.locator('article:visible').textContent()) ?? '', /每秒应答的请求数/);
  assert.deepEqual(said, []);
  assert.deepEqual(complaints, []);
});

test('open loop: the switch draws the same requests from when they were sent, and says what is left out', async (t) => {
  const seen = await open(t);
  if (!seen) return;
  const { page, text, complaints } = seen;
  await page.getByRole('button', { name: 'Remove target B' }).click();
  await choose(page, 0, '/cgi-bin/slow.sh', '');
  await page.check('input[value=open]');
  await page.fill('#bench-perSecond', '20');
  await page.fill('#bench-connections', '1');
  await shorten(page, '1');
  await page.click('#bench-start');
  await page.waitForSelector('.result .pic');
  assert.deepEqual([await page.locator('.curve').count(), await page.isVisible('.lie')], [1, false]);
  await page.check('#bench-sent');
  assert.deepEqual([await page.locator('.curve').count(), await page.locator('.sent .curve').count()], [2, 1]);
  assert.match(
    await text('.lie'),
    /^Counted from when they were sent, [\d.]+ % of the requests .* took at most [\d.,]+ ms; .* coordinated omission\.$/,
  );
  await page.uncheck('#bench-sent');
  assert.equal(await page.locator('.curve').count(), 1);
  assert.deepEqual(complaints, []);
});

test('while it runs: another language, a page that is loaded anew, a refusal; and it can be stopped', async (t) => {
  const seen = await open(t);
  if (!seen) return;
  const { page, text } = seen;
  const words = (hasText: RegExp) => page.locator('.progress .words', { hasText });
  await page.fill('#bench-seconds', '120');
  await page.fill('#bench-warmUp', '0');
  await page.click('#bench-start');
  await page.waitForSelector('.progress:not([hidden])');
  await words(/^round 1 of 5: \/cgi-bin\/(hello|slow)\.sh, \d+ s of 240 s$/).waitFor();
  assert.equal(await page.isVisible('.order'), false);
  await page.getByRole('button', { name: '中文' }).click();
  await words(/^第 1 轮，共 5 轮：/).waitFor();
  await page.reload();
  await words(/^第 1 轮，共 5 轮：/).waitFor();
  assert.ok(Number(await page.getAttribute('progress', 'max')) === 240_000);
  await page.click('#bench-stop');
  await page.waitForSelector('.order');
  await page.waitForSelector('.progress', { state: 'hidden' });
  assert.match(await text('.bench .notice'), /已停止/);
  await choose(page, 0, '', '//other');
  await page.click('#bench-start');
  await page.getByText(/^target：应为 \/PATH\?QUERY/).waitFor();
});

test('--present: nothing can be started', async (t) => {
  const seen = await look(t, {}, { present: true, places: () => places }, site);
  if (!seen) return;
  await seen.page.evaluate(`location.hash = '#bench'`);
  await seen.page.getByText('No bench has been run yet.').waitFor();
  assert.equal(await seen.page.locator('.bench form, .bench button').count(), 0);
});

for (const width of [390, 1440]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`in Chinese, ${width} pixels wide, ${colorScheme}: nothing overflows`, async (t) => {
      const seen = await open(t, { locale: 'zh-CN', viewport: { width, height: 844 }, colorScheme });
      if (!seen) return;
      const { page, complaints } = seen;
      await choose(page, 0, '/cgi-bin/hello.sh', `?${'long'.repeat(60)}`);
      await choose(page, 1, '', '/a.txt');
      assert.equal(await overflow(page), 0, 'the form');
      await shorten(page);
      await page.click('#bench-start');
      await page.waitForSelector('.result .pic');
      for (const summary of await page.locator('.figures summary').all()) await summary.click();
      assert.equal(await overflow(page), 0, 'the result');
      const small = await page.evaluate(
        `[...document.querySelectorAll('.bench :is(button, input, select, a)')].filter((e) => e.getClientRects().length > 0)
          .filter((e) => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24).map((e) => e.outerHTML)`,
      );
      assert.deepEqual(small, [], 'WCAG 2.5.8');
      assert.deepEqual(complaints, []);
    });
  }
}
