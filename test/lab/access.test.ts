/**
 * The lab for everybody: axe-core's rules for WCAG 2.2 A and AA find nothing on any screen, in either theme, wide or narrow. What rules
 * cannot see (words, order, the keyboard) is in the other tests.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { ToldPlace } from '../../src/lab/told.js';
import { appFolder } from '../carrier/pool-app.js';
import { sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { look, rows } from './look.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What is wrong, each with the elements that have it. */
const violations = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe);
  return (await page.evaluate(`axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(
    ({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html + ' ' + failureSummary)),
  )`)) as string[];
};

const tabs = ['story', 'timeline', 'environment', 'streams', 'wire', 'replay'];

const plain = 'printf "Content-Type: text/plain\\n\\n"';
const scripts = {
  'hello.sh': sh(`${plain}; cat; echo note >&2; printf '<b>hello</b>'`),
  'broken.sh': sh('echo "no header"; exit 3'),
};
const places: ToldPlace[] = [
  { path: '/cgi-bin/hello.sh', gateway: 'cgi', program: 'hello.sh', same: 'hello' },
  { path: '/app', gateway: 'wsgi', program: 'app:application', same: 'app' },
];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`axe finds nothing: ${colorScheme}, ${width} pixels wide`, async (t) => {
      if (!needs(t, 'python3')) return;
      const seen = await look(
        t,
        { colorScheme, viewport: { width, height: 900 } },
        { demo: '/cgi-bin/hello.sh', places: () => places },
        { scripts, mounts: [{ wsgi: join(appFolder(t), 'app.py'), where: '/app' }], workers: 2 },
      );
      if (!seen) return;
      const { page, h } = seen;
      const found: string[] = [];
      const check = async (where: string): Promise<void> => {
        for (const one of await violations(page)) found.push(`${where}: ${one}`);
      };
      await check('first run');
      await get(h.port, '/cgi-bin/hello.sh?a=1', { Cookie: 'login=opened', X_Odd: 'dropped' });
      await post(h.port, '/cgi-bin/hello.sh', 'tea', { 'Content-Type': 'text/plain' });
      await get(h.port, '/cgi-bin/broken.sh');
      await get(h.port, '/app');
      await rows(page, 4);
      await check('live');
      for (const [row, name] of ['wsgi', 'broken', 'cgi'].entries()) {
        await page.locator('.requests tbody tr button').nth(row).click();
        await until(async () => (await page.locator('.request [role=tab]').count()) === tabs.length, 'all tabs');
        for (const tab of tabs) {
          await page.click(`#tab-${tab}`);
          await check(`${name}, ${tab}`);
        }
      }
      await page.click('nav a[href="#workers"]');
      await page.waitForSelector('.workers table');
      await check('workers');
      await page.click('nav a[href="#bench"]');
      await page.waitForSelector('.bench form');
      await check('bench');
      assert.deepEqual(found, []);
    });
  }
}
