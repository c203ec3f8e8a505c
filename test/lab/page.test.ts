/** The lab as a person meets it: a real browser, real scripts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions } from 'playwright-core';
import { createLab, type LabOptions } from '../../src/lab/lab.js';
import { type HouseOptions, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get } from '../support/wire.js';
import { look as lookAt, rows, type Seen } from './look.js';
import { room } from './room.js';

const plain = 'printf "Content-Type: text/plain\\n\\n"';
const scripts = {
  'hello.sh': sh(`${plain}; printf '<b>hello</b>'`),
  'broken.sh': sh('echo "no header"; exit 3'),
  'wait.sh': sh(`${plain}; printf one; while [ ! -e go ]; do sleep 0.02; done`),
};

const look = (
  t: TestContext,
  context?: BrowserContextOptions,
  options: Partial<LabOptions> & { demo?: string } = { demo: '/cgi-bin/hello.sh' },
  site: HouseOptions = { scripts },
): Promise<Seen | undefined> => lookAt(t, context, options, site);

test('first run: one button, a drawing that fills in, and the key is in no address bar', async (t) => {
  const seen = await look(t);
  if (!seen) return;
  const { page, complaints, lab, text } = seen;
  assert.doesNotMatch(page.url(), new RegExp(lab.key));
  assert.match(page.url(), /\/lab-[\w-]+\/$/);
  assert.match(await text('.first'), /nothing yet/);
  assert.match(await text('.first'), /curl http:\/\/127\.0\.0\.1:\d+\/cgi-bin\/hello\.sh/);
  assert.equal(await page.isVisible('.controls'), false);
  await page.click('#demo');
  await page.waitForSelector('.first .station.gone');
  const { pid } = await seen.h.exchange();
  assert.match(await text('.first .drawing'), new RegExp(`hello\\.shprocess ${pid}ended with 0GET /cgi-bin/hello\\.sh200 · `));
  assert.match(await text('.conclusion'), /^One request, one process\./);
  await page.reload();
  await page.waitForSelector('.lanes .bar');
  assert.deepEqual(complaints, []);
});

test('live: a process is seen while it lives; what it printed is text, whatever it looks like', async (t) => {
  const seen = await look(t);
  if (!seen) return;
  const { page, h, complaints, text } = seen;
  void get(h.port, '/cgi-bin/wait.sh').catch(() => {});
  await page.waitForSelector('.bar.running');
  assert.match(await text('.bar.running .caption'), /GET wait\.sh → running · \d/);
  writeFileSync(`${h.dir}/go`, '');
  await page.waitForSelector('.bar:not(.running)');
  await get(h.port, '/cgi-bin/hello.sh?a=%3Cimg%20src=x%20onerror=alert(1)%3E');
  await rows(page, 2);
  const { pid } = await h.exchange(({ target }) => target.includes('hello'));
  assert.ok((await page.locator('.lanes .pid').allTextContents()).includes(String(pid)));
  await page.click('tbody tr:first-child button');
  await page.click('#tab-streams');
  assert.match(await text('.stream'), /Content-Type: text\/plain[\s\S]*the empty line: headers end[\s\S]*<b>hello<\/b>/);
  assert.equal(await page.locator('.stream b').count(), 0);
  await page.click('#tab-environment');
  assert.match(await text('.facts'), /QUERY_STRINGa=%3Cimg/);
  assert.deepEqual(complaints, []);
});

test('one request: its story, its times, its variables with a secret that is shown when asked for; a failure and its remedy', async (t) => {
  const seen = await look(t);
  if (!seen) return;
  const { page, h, text, complaints } = seen;
  await get(h.port, '/cgi-bin/hello.sh', { Cookie: 'login=opened' });
  await get(h.port, '/cgi-bin/broken.sh');
  await rows(page, 2);
  await page.click('tbody tr:last-child button');
  const { pid } = await h.exchange();
  await page.waitForSelector('.sentences');
  assert.match(await text('.sentences'), new RegExp(`It started process ${pid}: .*It ended with 0; .*The client got status 200`));
  await page.click('#tab-timeline');
  assert.match(await text('.panel'), /fork \+ exec.*took longest|took longest/);
  assert.ok((await page.locator('.waterfall rect.phase').count()) >= 5);
  await page.click('#tab-environment');
  const cookie = page.locator('tr', { hasText: 'HTTP_COOKIE' });
  assert.doesNotMatch((await cookie.textContent()) ?? '', /opened/);
  await cookie.getByRole('button', { name: 'show' }).click();
  await cookie.getByText('login=opened').waitFor();
  await page.click('tbody tr:first-child button');
  await page.click('#tab-story');
  assert.match(await text('.mend'), /REPLY_NOT_A_HEADER/);
  assert.deepEqual(complaints, []);
});

test('paused, steps show how it came about; keys alone are enough', async (t) => {
  const seen = await look(t);
  if (!seen) return;
  const { page, h, text } = seen;
  await get(h.port, '/cgi-bin/hello.sh?first');
  await rows(page, 1);
  await page.keyboard.press('Space');
  await get(h.port, '/cgi-bin/hello.sh?second');
  const { pid } = await h.exchange(({ target }) => target.endsWith('second'));
  await page.getByText(/^\d+ later$/).waitFor();
  await rows(page, 1);
  const steps: string[] = [];
  for (let i = 0; i < 8; i++) {
    const before = await text('.saying');
    await page.keyboard.press('ArrowRight');
    await until(async () => (await text('.saying')) !== before, 'the next step');
    steps.push(await text('.saying'));
  }
  assert.deepEqual(steps, [
    'GET /cgi-bin/hello.sh?second has come.',
    'It has a place: hello.sh is asked for.',
    `Process ${pid} is born: exec has succeeded.`,
    'The first byte of output.',
    'The empty line: the headers end.',
    'The output is at its end.',
    `Process ${pid} is gone.`,
    'Answered: 200.',
  ]);
  await page.keyboard.press('Space');
  await page.keyboard.press('/');
  await page.keyboard.type('first');
  await rows(page, 1);
  assert.match(await text('tbody'), /first/);
  await page.fill('#filter', '');
  await rows(page, 2);
  // From the field to the table, to a request, to its tabs.
  await page.locator('tbody tr:first-child button').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.sentences');
  await page.locator('#tab-story').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getAttribute('#tab-timeline', 'aria-selected'), 'true');
  assert.equal(await page.evaluate('document.activeElement.id'), 'tab-timeline');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.request', { state: 'hidden' });
});

for (const width of [390, 1440]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`in Chinese, ${width} pixels wide, ${colorScheme}: nothing overflows, every picture has words`, async (t) => {
      const seen = await look(t, { locale: 'zh-CN', viewport: { width, height: 844 }, colorScheme });
      if (!seen) return;
      const { page, h, text, complaints } = seen;
      const overflow = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
      assert.match(await text('.first h2'), /请求一个脚本/);
      assert.equal(await overflow(), 0);
      await page.click('#demo');
      await page.waitForSelector('.first .station.gone');
      await get(h.port, `/cgi-bin/broken.sh?${'long'.repeat(100)}`);
      await rows(page, 2);
      await page.click('tbody tr:first-child button');
      for (const tab of ['story', 'timeline', 'environment', 'streams', 'wire']) {
        await page.click(`#tab-${tab}`);
        assert.equal(await overflow(), 0, tab);
      }
      const unnamed = await page.evaluate(
        `[...document.querySelectorAll('svg:not([aria-hidden])')].filter((s) => !s.getAttribute('aria-label')).length`,
      );
      assert.equal(unnamed, 0);
      const small = await page.evaluate(
        `[...document.querySelectorAll('button, input')].filter((e) => e.getClientRects().length > 0)
          .filter((e) => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24).map((e) => e.outerHTML)`,
      );
      assert.deepEqual(small, [], 'WCAG 2.5.8');
      assert.deepEqual(complaints, []);
    });
  }
}

test('a flood of 5,000: the page stays small, its frames as short as before, and it answers its reader', async (t) => {
  const seen = await look(t, {}, { demo: '/cgi-bin/hello.sh' }, { scripts, public: { 'a.txt': 'a' } });
  if (!seen) return;
  const { page, h, text } = seen;
  const count = 5_000;
  /** Of the frames since it was asked last, in milliseconds. */
  const frames = async (): Promise<{ median: number; longest: number; count: number }> => {
    const told = (await page.evaluate('frames.splice(0)')) as number[];
    const sorted = told.sort((a, b) => a - b);
    return { median: sorted[sorted.length >> 1] ?? Number.NaN, longest: sorted.at(-1) ?? Number.NaN, count: sorted.length };
  };
  const ask = async (from: number, until: number): Promise<void> => {
    for (let i = from; i < until; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => get(h.port, `/a.txt?${i + j}`)));
  };
  await page.evaluate(`frames = []; last = performance.now();
    requestAnimationFrame(function frame(at) { frames.push(at - last); last = at; requestAnimationFrame(frame); })`);
  await ask(0, 1_000);
  await rows(page, 60);
  const first = await frames();
  await ask(1_000, count - 1_000);
  await frames();
  const flood = ask(count - 1_000, count);
  await page.click('tbody tr:last-child button');
  await page.waitForSelector('.request:not([hidden])');
  await flood;
  const last = await frames();
  const inWords = [first, last].map(
    (one) => `${one.count} frames, median ${one.median.toFixed(0)} ms, longest ${one.longest.toFixed(0)} ms`,
  );
  t.diagnostic(`requests 1 to 1,000: ${inWords[0]}; 4,001 to 5,000: ${inWords[1]}`);
  // Both are of the same machine at the same work; what piles up in a page makes the later ones many times longer.
  assert.ok(last.median <= 3 * first.median + 50, inWords.join('; '));
  await page.fill('#filter', `?${count - 1}`);
  await rows(page, 1);
  assert.match(await text('tbody'), new RegExp(`/a\\.txt\\?${count - 1}`));
  await page.fill('#filter', '');
  await rows(page, 60);
  const nodes = Number(await page.evaluate(`document.querySelectorAll('*').length`));
  assert.ok(nodes < 2_000, `${nodes} nodes`);
});

test('language and theme are switched, and kept', async (t) => {
  const seen = await look(t);
  if (!seen) return;
  const { page, text } = seen;
  await page.getByRole('button', { name: '中文' }).click();
  assert.match(await text('.first h2'), /请求一个脚本/);
  await page.getByRole('button', { name: /跟随系统/ }).click();
  assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
  await page.reload();
  await page.waitForSelector('.live');
  assert.match(page.url(), /\?lang=zh-CN$/);
  assert.deepEqual([await page.getAttribute('html', 'lang'), await page.getAttribute('html', 'data-theme')], ['zh-CN', 'light']);
});

test('--present: all is seen, nothing can be started, no secret be asked for', async (t) => {
  const seen = await look(t, {}, { present: true, demo: '/cgi-bin/hello.sh' });
  if (!seen) return;
  const { page, h, text } = seen;
  assert.match(await text('.badge'), /only to look at/);
  assert.equal(await page.locator('#demo').count(), 0);
  await get(h.port, '/cgi-bin/hello.sh', { Cookie: 'login=opened' });
  await rows(page, 1);
  await page.click('tbody tr button');
  await page.click('#tab-environment');
  assert.equal(await page.getByRole('button', { name: 'show' }).count(), 0);
});

test('without the key there is a page that says so; a lab that is gone is said, too', async (t) => {
  const seen = await look(t);
  if (!seen) return;
  const { page, origin, text, lab } = seen;
  await lab.close();
  await page.waitForSelector('.notice:not(:empty)');
  assert.match(await text('.notice'), /connection to the lab is lost/);
  // The server is started anew, with another key: to try again is no use.
  const anew = createLab({ present: false });
  await anew.listen({ port: seen.port, host: '127.0.0.1' }, { url: '', demo: undefined });
  t.after(() => anew.close());
  await page.getByText(/cgi-serve was started anew/).waitFor();
  const second = await room(t, { scripts });
  assert.notEqual(second.origin, origin);
  await page.goto(`${second.origin}/`);
  assert.match(await text('.missing'), /The key is missing/);
  await page.goto(`${second.origin}/#k=wrong`);
  assert.match(await text('.missing'), /The key is missing/);
});
