/** A request sent again, as a person does it: a real browser, and one program behind two gateways. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions } from 'playwright-core';
import type { LabOptions } from '../../src/lab/lab.js';
import { placesOf } from '../../src/lab/places.js';
import { examineScripts } from '../../src/route/list.js';
import { sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { look, rows, type Seen } from './look.js';

/** Run by CGI, or imported by a worker: it says what it was asked, and nothing of who asks. */
const book = `#!/usr/bin/env python3
from wsgiref.handlers import CGIHandler

def application(environ, start_response):
    body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0)).decode()
    told = [environ['REQUEST_METHOD'], environ.get('PATH_INFO', ''), environ['QUERY_STRING'], body, environ.get('HTTP_COOKIE', '')]
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return ['\\n'.join(told).encode()]

if __name__ == '__main__':
    CGIHandler().run(application)
`;

const scripts = { 'book.py': book, 'hello.sh': sh('printf "Content-Type: text/plain\\n\\nhello"') };

const shelf = async (t: TestContext, context: BrowserContextOptions = {}, options: Partial<LabOptions> = {}): Promise<Seen | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-shelf-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const mounts = [{ where: '/book', wsgi: join(dir, 'book.py') }];
  const scriptsNow = () => examineScripts(dir, '/cgi-bin/', new Map());
  const places = () => placesOf({ scripts: scriptsNow(), files: [], mounts, via: undefined, cwd: dir });
  return look(t, context, { places, ...options }, { scripts, dir, mounts, workers: 1 });
};

/** Opens the panel of the only request. */
const open = async ({ page }: Seen): Promise<void> => {
  await rows(page, 1);
  await page.click('.requests tbody tr button');
  await page.click('#tab-replay');
  await page.waitForSelector('#replay-target');
};

test('through every gateway that serves the same program, side by side; then with another query', async (t) => {
  const seen = await shelf(t);
  if (!seen) return;
  const { page, h, text, complaints } = seen;
  await post(h.port, '/cgi-bin/book.py/a%20b?name=Ada', 'words=hello', {
    ...{ Cookie: 'login=opened', 'Content-Type': 'application/x-www-form-urlencoded', 'X-Colour': 'blue' },
  });
  await open(seen);
  assert.equal(await page.inputValue('#replay-method'), 'POST');
  assert.equal(await page.inputValue('#replay-body'), 'words=hello');
  assert.match(await page.inputValue('#replay-head'), /^Host: localhost\nCookie: ••••••\n[\s\S]*X-Colour: blue$/m);
  await page.waitForSelector('#replay-way-1');
  assert.deepEqual(await page.locator('.replay fieldset label').allTextContents(), ['as CGI at /cgi-bin/book.py', 'as WSGI at /book']);
  assert.ok(await page.isChecked('#replay-way-0'));

  await page.click('#replay-all');
  await page.getByText('Answered.').waitFor();
  assert.equal(await page.locator('.compare thead th').count(), 3);
  assert.match(
    await text('.replay .conclusion'),
    /^Same answer\. The first time, as CGI: .+, of which .+ first byte\. Again, as CGI: .+ first byte\. Again, as WSGI: [\d.]+ m?s\.$/,
  );
  const [, again, wsgi] = h.exchanges;
  assert.deepEqual([again?.target, wsgi?.target], ['/cgi-bin/book.py/a%20b?name=Ada', '/book/a%20b?name=Ada']);
  assert.deepEqual([again?.gateway, wsgi?.gateway], ['cgi', 'wsgi']);
  const table = await text('.compare tbody');
  assert.match(table, new RegExp(`${again?.pid}, born for it${wsgi?.pid}, runs on`));

  // A radio button changes the target, and what is typed there the answer.
  await page.check('#replay-way-1');
  assert.equal(await page.inputValue('#replay-target'), '/book/a%20b?name=Ada');
  await page.fill('#replay-target', '/book/a%20b?name=中');
  assert.ok(await page.isChecked('#replay-way-1'));
  await page.press('#replay-target', 'Enter');
  await page.getByText('differs, first in line 3').waitFor();
  assert.match(await text('.replay .conclusion'), /^The answers differ: body\. /);
  assert.match(await text('.compare'), /name=Ada.*name=%E4%B8%AD/);

  // The column leads to its request; whoever comes back finds what was written.
  await page.getByRole('button', { name: 'again, as WSGI' }).click();
  await page.locator('.request h2', { hasText: 'POST /book/a%20b?name=%E4%B8%AD' }).waitFor();
  await page.click('.requests tbody tr:last-child button');
  await page.getByText('differs, first in line 3').waitFor();
  assert.equal(await page.inputValue('#replay-target'), '/book/a%20b?name=中');
  assert.deepEqual(complaints, []);
});

test('keys that are typed are text; a line that is no field is told; nothing is lost when the language is changed', async (t) => {
  const seen = await shelf(t);
  if (!seen) return;
  const { page, h, text } = seen;
  await get(h.port, '/cgi-bin/hello.sh');
  await open(seen);
  await page.focus('#replay-body');
  await page.keyboard.type('c ? /x');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.inputValue('#replay-body'), 'c ? /x');
  assert.equal(await page.locator('.requests tbody tr').count(), 1, 'nothing was cleared');
  assert.match(await text('.again pre'), /^curl -X GET -H Content-Type: -d 'c \? \/x' http:/);
  await page.fill('#replay-head', 'Host: localhost\nno colon');
  await page.click('#replay-send');
  await page.getByText('Line 2 of the header fields has no name and colon.').waitFor();
  await page.fill('#replay-head', 'Content-Length: 5');
  await page.click('#replay-send');
  await page.getByText('are the lab’s own').waitFor();
  assert.equal(h.exchanges.length, 1);
  await page.getByRole('button', { name: '中文' }).click();
  assert.equal(await page.inputValue('#replay-head'), 'Content-Length: 5');
  assert.equal(await page.inputValue('#replay-body'), 'c ? /x');
});

test('the commands are copied, or selected where a browser does not allow that; each works in a shell', async (t) => {
  const seen = await shelf(t, { permissions: ['clipboard-read', 'clipboard-write'] });
  if (!seen) return;
  const { page, h, text } = seen;
  await get(h.port, '/cgi-bin/book.py?it=%27s');
  await open(seen);
  const lines = await page.locator('.again pre').allTextContents();
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /^curl 'http:\/\/127\.0\.0\.1:\d+\/cgi-bin\/book\.py\?it=%27s'$/);
  assert.match(lines[1]!, /^cgi-serve run \S+\/book\.py '\?it=%27s'$/);
  const copy = page.locator('.command button');
  await copy.last().click();
  await page.getByText('Copied.').waitFor();
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), lines[1]);
  await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined })`);
  await copy.first().click();
  await page.getByText(/^Selected/).waitFor();
  assert.equal(await page.evaluate('String(getSelection())'), lines[0]);
  assert.match(await text('#panel'), /The same in a terminal/);
});

test('--present: what would be sent can be seen, and not be sent', async (t) => {
  const seen = await shelf(t, {}, { present: true });
  if (!seen) return;
  const { page, h, text, complaints } = seen;
  await get(h.port, '/cgi-bin/book.py?a', { Cookie: 'login=opened' });
  await open(seen);
  assert.match(await page.inputValue('#replay-head'), /Cookie: ••••••/);
  for (const id of ['method', 'target', 'head', 'body']) assert.equal(await page.isEditable(`#replay-${id}`), false, id);
  assert.deepEqual(await page.locator('.replay form button, .replay [type=radio]').allTextContents(), []);
  await page.press('#replay-target', 'Enter');
  assert.match(await text('.again pre'), /^curl /);
  assert.doesNotMatch(await text('#panel'), /opened/);
  assert.equal(h.exchanges.length, 1);
  assert.deepEqual(complaints, []);
});

for (const width of [390, 1440]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`in Chinese, ${width} pixels wide, ${colorScheme}: nothing overflows, every field has a label`, async (t) => {
      const seen = await shelf(t, { locale: 'zh-CN', viewport: { width, height: 844 }, colorScheme });
      if (!seen) return;
      const { page, h, text, complaints } = seen;
      await post(h.port, `/cgi-bin/book.py?${'long'.repeat(60)}`, Buffer.from('a\r\nb'));
      await open(seen);
      await page.waitForSelector('#replay-all');
      await page.click('#replay-all');
      await page.getByText('已得到响应').waitFor();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0);
      assert.equal(await page.locator('table.compare').count(), width === 390 ? 3 : 1);
      assert.match(await text('.replay .conclusion'), /^响应相同。/);
      const faults = await page.evaluate(`[
        ...[...document.querySelectorAll('.panel svg:not([aria-hidden])')].filter((s) => !s.getAttribute('aria-label')),
        ...[...document.querySelectorAll('.panel :is(input, textarea)')].filter((e) => e.labels.length === 0),
        ...[...document.querySelectorAll('.panel :is(button, input, textarea)')]
          .filter((e) => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24),
      ].map((e) => e.outerHTML)`);
      assert.deepEqual(faults, []);
      await until(() => h.exchanges.length === 3, 'three exchanges');
      assert.deepEqual(complaints, []);
    });
  }
}
