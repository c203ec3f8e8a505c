/** The bytes and the streams of one request, in a real browser, with real programs on each wire. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { look, rows, type Seen } from './look.js';

const application = `import sys
def application(environ, start_response):
    body = environ['wsgi.input'].read()
    path = environ['PATH_INFO']
    print('asked for', path, file=environ['wsgi.errors'])
    start_response('200 OK', [('Content-Type', 'image/png' if path == '/picture' else 'text/plain'), ('X-Answer', 'yes')])
    if path == '/large':
        return [b'line of text\\n' * (60 * 1024 // 13)]
    if path == '/picture':
        return [bytes.fromhex('89504e470d0a1a0a0000000d49484452') * 40]
    return [b'you said ', body]
`;
const plain = 'printf "Content-Type: text/plain\\n\\n"';
const scripts = {
  'echo.sh': sh(`${plain}; cat`),
  'drip.sh': sh(`printf 'Content-Type: text/plain\\nServer: me\\n'; while [ ! -e first ]; do sleep 0.02; done
printf 'X-A: 1\\n\\none'; while [ ! -e second ]; do sleep 0.02; done; printf two`),
  'local.sh': sh('printf "Location: /cgi-bin/echo.sh\\n\\n"'),
};

async function lookAt(
  t: TestContext,
  context: BrowserContextOptions = {},
  via: 'fastcgi' | 'scgi' | 'uwsgi' = 'fastcgi',
): Promise<Seen | undefined> {
  if (!needs(t, 'python3', 'chromium')) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-wire-'));
  writeFileSync(join(folder, 'app.py'), application);
  const mounts = [{ wsgi: join(folder, 'app.py'), where: '/app' }];
  const site = { scripts, mounts, recordWire: true, workers: 1, python: { via, interpreter: 'python3' } };
  const seen = await look(t, context, {}, site);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return seen;
}

/** The newest request, once there are `count`, and a tab of it. */
const open = async (page: Page, count: number, tab: 'wire' | 'streams'): Promise<void> => {
  await rows(page, count);
  await page.locator('.requests tbody tr:first-child button').click();
  await page.locator(`#tab-${tab}`).click();
  await page.waitForSelector(`.panel.${tab}`);
  await page.locator('.request .status', { hasText: /^\d+$/ }).waitFor();
};
const sent = (page: Page) => page.locator('.inspector').first();
const marked = async (page: Page): Promise<string> => {
  await sent(page).locator('.codes .run.on').first().waitFor();
  return (await sent(page).locator('.codes .run.on').allTextContents()).join(' ');
};
const focused = (page: Page): Promise<string> => page.evaluate('document.activeElement.getAttribute("aria-label")');
/** The text of what is there. */
const told = async (where: Locator): Promise<string> => (await where.allInnerTexts()).join(' ').replace(/\s+/g, ' ').trim();
/** Once the first way's field is explained so. */
const saying = (page: Page, like: RegExp): Promise<unknown> => sent(page).locator('.says', { hasText: like }).waitFor();
const nodes = async (page: Page): Promise<number> => Number(await page.evaluate(`document.querySelectorAll('.request *').length`));

test('FastCGI: the tree by keyboard alone, its bytes beside it; among the bytes by keyboard, and back to the tree', async (t) => {
  const seen = await lookAt(t);
  if (!seen) return;
  const { page, h, complaints } = seen;
  await get(h.port, '/cgi-bin/echo.sh');
  await post(h.port, '/app/x?a=1', 'tea', { Cookie: 'open sesame' });
  await open(page, 2, 'wire');
  const items = sent(page).getByRole('treeitem');
  await items.first().focus();
  assert.match(await focused(page), /^BEGIN_REQUEST = RESPONDER, 16 bytes$/);
  assert.equal(await marked(page).then((text) => text.slice(0, 11)), '01 01 00 01');
  await page.keyboard.press('ArrowDown');
  assert.match(await focused(page), /^PARAMS/);
  assert.match(await told(sent(page).locator('.says')), /PARAMS[\s\S]*FastCGI §5\.2[\s\S]*what CGI puts into the environment/);
  assert.equal(await page.evaluate('document.activeElement.ariaExpanded'), 'true');
  const many = await items.count();
  assert.ok(many > 20, 'its variables are there');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.evaluate('document.activeElement.ariaExpanded'), 'false');
  assert.equal(await items.count(), 5);
  await page.keyboard.press('ArrowRight');
  assert.equal(await items.count(), many);
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(page), 'header, 8 bytes');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(page), 'version = 1, 1 byte');
  assert.equal(await marked(page), '01');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.evaluate('document.activeElement.ariaExpanded'), 'false');
  await page.keyboard.press('End');
  assert.match(await focused(page), /^STDIN = ends its stream, 8 bytes$/);
  assert.match(await marked(page), /^01 05 00 0[12] 00 00 00 00$/);
  await page.keyboard.press('Home');
  assert.match(await focused(page), /^BEGIN_REQUEST/);
  assert.equal(await sent(page).locator('[role=treeitem][tabindex="0"]').count(), 1);
  // The page's own arrow keys have not chosen another request, nor stepped.
  assert.match(await told(page.locator('.request h2')), /\/app\/x/);
  assert.equal(await page.locator('.saying').isVisible(), false);

  // On to the bytes.
  await page.keyboard.press('Tab');
  assert.match(await focused(page), /^Bytes, to the program/);
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  assert.match(await told(sent(page).locator('.says')), /^type = BEGIN_REQUEST/);
  assert.equal(await marked(page), '01');
  await page.keyboard.press('ArrowLeft');
  assert.match(await told(sent(page).locator('.says')), /^version = 1/);
  await page.keyboard.press('End');
  assert.match(await told(sent(page).locator('.says')), /^reserved/);
  await page.keyboard.press('Enter');
  assert.match(await focused(page), /^reserved, 1 byte$/);
  assert.deepEqual(complaints, []);
});

test('FastCGI: by mouse, from the tree to the bytes and from the bytes to the tree; a secret is struck out in both', async (t) => {
  const seen = await lookAt(t);
  if (!seen) return;
  const { page, h, complaints } = seen;
  await post(h.port, '/app/x', 'tea', { Cookie: 'open sesame' });
  await open(page, 1, 'wire');
  const row = (text: string) => sent(page).locator('.row', { has: page.getByText(text, { exact: true }) });
  await row('REQUEST_METHOD').hover();
  await saying(page, /^REQUEST_METHOD = POST/);
  // Four fields: two lengths, the name, the value. They may stand in several lines.
  assert.match(await marked(page), /^0e 04 52 45/);
  const seenOf = `(() => { const on = document.querySelector('.inspector .hex .run.on').getBoundingClientRect();
    const box = document.querySelector('.inspector .hex').getBoundingClientRect(); return on.top >= box.top && on.bottom <= box.bottom; })()`;
  assert.equal(await page.evaluate(seenOf), true, 'scrolled into view');
  await row('HTTP_COOKIE').hover();
  assert.match(await told(row('HTTP_COOKIE')), /struck out/);
  assert.match(await marked(page), /\*\* \*\* \*\*/);
  assert.match(await told(sent(page).locator('.says')), /HTTP_COOKIE = struck out/);

  await page.mouse.move(5, 5);
  await sent(page)
    .locator('.tree')
    .evaluate((tree) => tree.scrollTo(0, 0));
  await sent(page)
    .locator('.hex')
    .evaluate((hex) => hex.scrollTo(0, 0));
  await sent(page)
    .locator('.offset', { hasText: /^0000$/ })
    .waitFor();
  await sent(page).locator('.codes .run[data-at="1"]').hover();
  await saying(page, /^type = BEGIN_REQUEST/);
  assert.match(await told(sent(page).locator('.row.on')), /BEGIN_REQUEST/, 'as much of the way as is open');
  await sent(page).locator('.signs .run[data-at="1"]').click();
  assert.match(await told(sent(page).locator('.row.on')), /^type/);
  assert.match((await sent(page).locator('[aria-selected=true]').getAttribute('aria-label')) ?? '', /^type = BEGIN_REQUEST/);
  await page.mouse.move(5, 5);
  assert.match(await told(sent(page).locator('.says')), /^type = BEGIN_REQUEST/, 'what was clicked stays');
  // Closed and opened by its sign.
  const first = sent(page).getByRole('treeitem').first();
  await first.locator('.twisty').first().click();
  assert.equal(await first.getAttribute('aria-expanded'), 'false');
  assert.doesNotMatch(await told(page.locator('.panel')), /sesame/);
  assert.deepEqual(complaints, []);
});

test('60 KiB of answer: hex by the window, streams folded; the page stays small', async (t) => {
  const seen = await lookAt(t);
  if (!seen) return;
  const { page, h, complaints } = seen;
  await get(h.port, '/app/large');
  await open(page, 1, 'wire');
  const hex = page.locator('.inspector .hex').nth(1);
  await hex.locator('.line').first().waitFor();
  assert.ok((await nodes(page)) < 1_500, `${await nodes(page)} nodes`);
  await hex.evaluate((box) => box.scrollTo(0, 1e9));
  const last = (await told(hex.locator('..').locator('.row').last())).includes('END_REQUEST');
  assert.ok(last, 'the last record is listed');
  await until(async () => /^ef|^f[0-9a-f]/.test((await told(hex.locator('.offset').last())).trim()), 'the last lines');
  assert.ok((await nodes(page)) < 1_500, `${await nodes(page)} nodes`);

  await page.locator('#tab-streams').click();
  const stdout = page.locator('.pipe.stdout');
  assert.ok((await nodes(page)) < 300, `${await nodes(page)} nodes`);
  const length = async () => (await told(stdout)).length;
  assert.ok((await length()) < 5_000);
  await stdout.getByRole('button', { name: /^Show all 4\d\d\d lines$/ }).click();
  assert.ok((await length()) > 60_000);
  await stdout.getByRole('button', { name: 'hex' }).click();
  await stdout.locator('.hex .line').first().waitFor();
  assert.ok((await nodes(page)) < 600, `${await nodes(page)} nodes`);
  assert.deepEqual(complaints, []);
});

for (const via of ['scgi', 'uwsgi'] as const) {
  test(`${via}: its tree, its weight, and the same request on the other wires`, async (t) => {
    const seen = await lookAt(t, {}, via);
    if (!seen) return;
    const { page, h, complaints } = seen;
    await post(h.port, '/app/x', 'tea');
    await open(page, 1, 'wire');
    const { wire } = await h.exchange();
    const tops = await sent(page).locator('.tree > li > .row > .field').allTextContents();
    assert.deepEqual(tops, via === 'scgi' ? ['netstring', 'body'] : ['header', 'variables', 'body']);
    await sent(page).locator('.tree > li > .row', { hasText: 'body' }).click();
    assert.equal(await marked(page), '74 65 61');
    const weights = await told(page.locator('.weights'));
    assert.match(weights, new RegExp(`to the program ${wire!.payloadSent} B ${wire!.sent - wire!.payloadSent} B · `));
    assert.match(await told(page.locator('.sizes tr[aria-current]')), new RegExp(`^${via}.*this one`, 'i'));
    const total = await told(page.locator('.sizes tr[aria-current] .number').last());
    assert.equal(total, wire!.sent < 1024 ? `${wire!.sent} B` : `${(wire!.sent / 1024).toFixed(2)} KiB`);
    assert.match(
      await told(page.locator('.panel .conclusion')),
      /B of HTTP head became .*SCGI adds least, \d+ B; (uwsgi|FastCGI) most, \d+ B\.$/,
    );
    assert.deepEqual(complaints, []);
  });
}

test('CGI has no wire: what it would be on one', async (t) => {
  const seen = await lookAt(t);
  if (!seen) return;
  const { page, h, text } = seen;
  await post(h.port, '/cgi-bin/echo.sh', 'tea');
  await open(page, 1, 'wire');
  assert.match(await text('.panel'), /No wire: the variables are the environment/);
  const names = await page.locator('.sizes tbody th').allInnerTexts();
  assert.deepEqual(
    names.map((name) => name.replace(/\s*this one/, ' *')),
    ['HTTP, from the client', 'CGI: environment *', 'SCGI', 'uwsgi', 'FastCGI'],
  );
  assert.equal(await page.locator('.inspector').count(), 0);
});

test('streams: each header line with its verdict, pieces with their times, the programs of a local redirect', async (t) => {
  const seen = await lookAt(t);
  if (!seen) return;
  const { page, h, complaints } = seen;
  // While it runs: what has come is seen, and only then does it go on.
  void get(h.port, '/cgi-bin/drip.sh').catch(() => {});
  await rows(page, 1);
  await page.locator('.requests tbody button').click();
  await page.locator('#tab-streams').click();
  await page.locator('.pipe.stdout pre', { hasText: 'Server: me' }).waitFor();
  writeFileSync(join(h.dir, 'first'), '');
  await page.locator('.pipe.stdout pre', { hasText: 'one' }).waitFor();
  writeFileSync(join(h.dir, 'second'), '');
  await page.locator('.pipe.stdout pre', { hasText: 'two' }).waitFor();
  await open(page, 1, 'streams');
  const lines = await page.locator('.pipe.stdout .piece').allInnerTexts();
  const briefly = lines.map((line) => line.replace(/\s+/g, ' ').replace(/^\+[\d.]+ m?s · /, '+ '));
  assert.deepEqual(briefly, [
    '+ 36 B Content-Type: text/plain for the server RFC 3875 §6.3.1: the type of the body',
    'Server: me dropped belongs to the server',
    '+ 11 B X-A: 1 sent on passed on to the client',
    'one',
    '+ 3 B two',
  ]);
  const bars = await page.locator('.pipe.stdout .waited').evaluateAll((all) => all.map((bar) => Number(bar.getAttribute('width'))));
  assert.equal(bars.length, 3);
  assert.ok(bars[0]! < bars[1]! && bars[1]! < bars[2]! && bars[2]! <= 100, bars.join());

  await get(h.port, '/cgi-bin/local.sh');
  await open(page, 2, 'streams');
  assert.deepEqual(await page.locator('.program').allInnerTexts(), ['Program 1 of 2: local.sh', 'Program 2 of 2: echo.sh']);
  assert.deepEqual(complaints, []);
});

test('streams: a picture is shown as hex, and as text when asked; what went in and what came out side by side', async (t) => {
  const seen = await lookAt(t, { viewport: { width: 1600, height: 900 } });
  if (!seen) return;
  const { page, h, complaints } = seen;
  await post(h.port, '/app/picture', 'what is it?');
  await open(page, 1, 'streams');
  const stdout = page.locator('.pipe.stdout');
  await stdout.locator('.hex .line').first().waitFor();
  assert.match((await stdout.locator('.codes').allTextContents()).join(' '), /89 50 4e/);
  assert.match(await told(page.locator('.pipe.stdin')), /what is it\?/);
  assert.match(await told(page.locator('.pipe.stderr')), /asked for \/picture/);
  await stdout.getByRole('button', { name: 'text' }).click();
  assert.equal(await stdout.locator('.hex').count(), 0);
  assert.match(await told(stdout.locator('.stream')), /PNG/);
  const places = async () => Promise.all(['stdin', 'stdout'].map(async (name) => (await page.locator(`.pipe.${name}`).boundingBox())!));
  const [above, below] = await places();
  assert.ok(above!.y + above!.height <= below!.y, 'one above the other');
  await page.locator('#widen').click();
  await until(async () => Number(await page.evaluate(`document.querySelector('.panel').clientWidth`)) >= 1200, 'a wide panel');
  const [left, right] = await places();
  assert.ok(left!.x + left!.width <= right!.x && Math.abs(left!.y - right!.y) < 2, 'side by side');
  assert.equal(await page.evaluate('document.activeElement.id'), 'widen');
  assert.deepEqual(complaints, []);
});

for (const width of [390, 1440]) {
  test(`in Chinese, ${width} pixels wide: nothing overflows, what can be touched is large enough`, async (t) => {
    const seen = await lookAt(t, { locale: 'zh-CN', viewport: { width, height: 844 } });
    if (!seen) return;
    const { page, h, complaints } = seen;
    await post(h.port, `/app/${'long'.repeat(60)}?${'query'.repeat(60)}`, 'x'.repeat(500), { Cookie: 'a=b' });
    for (const tab of ['wire', 'streams'] as const) {
      await open(page, 1, tab);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0, tab);
      const small = await page.evaluate(
        `[...document.querySelectorAll('.panel button, .panel .row')].filter((e) => e.getClientRects().length > 0)
          .filter((e) => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24).map((e) => e.outerHTML)`,
      );
      assert.deepEqual(small, [], 'WCAG 2.5.8');
      const unnamed = await page.evaluate(
        `[...document.querySelectorAll('.panel svg:not([aria-hidden])')].filter((s) => !s.getAttribute('aria-label')).length`,
      );
      assert.equal(unnamed, 0);
    }
    assert.deepEqual(complaints, []);
  });
}
