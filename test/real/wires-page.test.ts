/**
 * cgi-bin/wires.py, the exercise that answers over CGI, FastCGI, SCGI and uwsgi, behind a server of ours; and the page that lays
 * the four answers side by side, in a browser.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { MountOption } from '../../src/settings.js';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { command } from './command.js';
import { daemon } from './peers.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const book = join(root, 'cgi-bin');
const wires = ['fastcgi', 'scgi', 'uwsgi'] as const;
type WireName = (typeof wires)[number];

interface Told {
  readonly wire: string;
  readonly process: number;
  readonly answered: number;
  readonly body: number;
  readonly variables: Readonly<Record<string, string>>;
}

/** Started as the page says, at any free port. */
async function start(t: TestContext, wire: WireName): Promise<MountOption> {
  const { said, child } = await daemon(t, join(book, 'wires.py'), [wire, '127.0.0.1:0'], []);
  const address = (await until(
    () => {
      assert.equal(child.exitCode, null, said());
      return / at (127\.0\.0\.1:\d+)\n/.exec(said())?.[1];
    },
    `${wire} to say where it listens`,
    30_000,
  ))!;
  return { wire, where: `/${wire}`, address };
}

async function open(t: TestContext, mounted: readonly WireName[], more: readonly MountOption[] = []) {
  const mounts = await Promise.all(mounted.map((wire) => start(t, wire)));
  const h = await house({ dir: book, publicDir: join(root, 'public'), mounts: [...mounts, ...more] });
  t.after(() => h.stop());
  return h;
}

const places = ['/cgi-bin/wires.py', ...wires.map((wire) => `/${wire}`)];

test('the same request has the same variables on each wire', async (t) => {
  if (!needs(t, 'python3')) return;
  const h = await open(t, wires);
  const headers = { 'X-Long': 'x'.repeat(3_000), 'X-Bytes': 'caf\xe9', Cookie: 'a=1', 'Accept-Language': '' };
  const target = '/extra/p%C3%A4th%20?a=1&b';
  const body = Buffer.alloc(200_000, 'body');
  for (const send of [get, (port: number, path: string, fields: Record<string, string>) => post(port, path, body, fields)]) {
    const sent = send === get ? 0 : body.length;
    const answers: Told[] = [];
    for (const place of places) answers.push(JSON.parse((await send(h.port, place + target, headers)).text) as Told);
    assert.deepEqual(
      answers.map(({ wire, body: length }) => [wire, length]),
      ['CGI', 'FastCGI', 'SCGI', 'uwsgi'].map((wire) => [wire, sent]),
    );
    assert.equal(new Set(answers.map((told) => told.process)).size, 4);
    const [cgi, ...others] = answers.map(comparable);
    assert.equal(cgi!.HTTP_X_LONG?.length, 3_000);
    assert.equal(cgi!.PATH_INFO, '/extra/päth ');
    for (const [i, other] of others.entries()) assert.deepEqual(other, cgi, wires[i]);
  }
  // Who was born for one request answers once; the others live.
  for (const place of places) {
    const { wire, answered } = JSON.parse((await get(h.port, place)).text) as Told;
    assert.equal(answered, wire === 'CGI' ? 1 : 3, wire);
  }
});

/** Without what must differ. */
function comparable({ wire, variables }: Told): Record<string, string> {
  const left = { ...variables };
  // Each was asked at a place of its own; what that place is stands in these two alone.
  const place = wire === 'CGI' ? '/cgi-bin/wires.py' : `/${wire.toLowerCase()}`;
  assert.equal(left.SCRIPT_NAME, place);
  assert.equal(left.REQUEST_URI?.slice(0, place.length), place);
  left.SCRIPT_NAME = '';
  left.REQUEST_URI = left.REQUEST_URI!.slice(place.length);
  // A connection of its own for each request of this test.
  delete left.REMOTE_PORT;
  // SCGI §3 — a length always, and its own name; RFC 3875 §4.1.2 — no length without a body.
  if (wire === 'SCGI') {
    assert.equal(left.SCGI, '1');
    delete left.SCGI;
    if (left.CONTENT_LENGTH === '0') delete left.CONTENT_LENGTH;
  }
  // A file stands behind a script alone, and a process has an environment of its own: PATH, and what its interpreter adds.
  if (wire === 'CGI') {
    assert.equal(left.SCRIPT_FILENAME, join(book, 'wires.py'));
    delete left.SCRIPT_FILENAME;
    for (const name of Object.keys(left)) if (!ofARequest.test(name)) delete left[name];
  }
  for (const name of Object.keys(left)) assert.match(name, ofARequest);
  return left;
}

const ofARequest =
  /^(HTTP|SERVER|REMOTE|REQUEST|CONTENT)_|^(AUTH_TYPE|GATEWAY_INTERFACE|PATH_INFO|PATH_TRANSLATED|QUERY_STRING|SCRIPT_NAME|DOCUMENT_ROOT|REDIRECT_STATUS)$/;

test('as a CGI script it starts no server, whatever the URL says', async (t) => {
  if (!needs(t, 'python3')) return;
  const h = await house({ dir: book, isindex: true, mounts: [] });
  t.after(() => h.stop());
  const told = JSON.parse((await get(h.port, '/cgi-bin/wires.py?scgi+127.0.0.1:0')).text) as Told;
  assert.equal(told.wire, 'CGI');
});

// --- the page ------------------------------------------------------------------------------------------------------

async function browse(t: TestContext, options: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }> {
  const executablePath = (await command('sh', ['-c', 'command -v chromium'])).stdout.trim();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'], timeout: 60_000 });
  t.after(() => browser.close());
  const context = await browser.newContext(options);
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => complaints.push(message.text()));
  return { page, complaints };
}

const asked = `document.querySelector('#summary').textContent !== '' && !document.querySelector('#ask').elements.send.disabled`;
const names = (page: Page, kind: string): Promise<string[]> =>
  page
    .locator(`#told [data-kind="${kind}"] tr:not(:first-child) th`)
    .evaluateAll((cells) => cells.map((cell) => cell.lastChild!.textContent!));

test('the page lays four answers side by side, and marks what differs', async (t) => {
  if (!needs(t, 'python3', 'chromium')) return;
  const h = await open(t, wires);
  const { page, complaints } = await browse(t, { viewport: { width: 1280, height: 900 } });
  await page.goto(`http://127.0.0.1:${h.port}/wires.html`);
  await page.waitForFunction(asked);
  assert.match((await page.textContent('#summary')) ?? '', /^4 of 4 answer\. Of \d+ variables \d+ are not the same\.$/);
  assert.deepEqual(await page.locator('#told thead th').allTextContents(), ['Variable', 'CGI', 'FastCGI', 'SCGI', 'uwsgi']);
  const differ = (await names(page, 'differ')).filter((name) => name !== 'REMOTE_PORT');
  assert.deepEqual(differ, ['CONTENT_LENGTH', 'REQUEST_URI', 'SCGI', 'SCRIPT_FILENAME', 'SCRIPT_NAME']);
  const same = await names(page, 'same');
  for (const name of ['HTTP_HOST', 'PATH_INFO', 'QUERY_STRING', 'SERVER_PROTOCOL']) assert.ok(same.includes(name), `${name} in ${same}`);
  assert.ok((await names(page, 'own')).includes('PATH'));
  const row = page.locator('#told tr', { hasText: 'SCRIPT_NAME' });
  assert.deepEqual(await row.locator('td').allTextContents(), places);
  assert.match((await row.locator('th').textContent()) ?? '', /^≠differs SCRIPT_NAME$/, 'not by colour alone');
  assert.equal(await page.locator('.wires-list pre:visible, #serve:visible').count(), 0, 'nothing is left to start');

  await page.fill('#ask input', '/<b>&x');
  await page.click('#ask button');
  await page.waitForFunction(`[...document.querySelectorAll('.state')].some((state) => state.textContent.includes('number 2'))`);
  await page.waitForFunction(asked);
  const states = await page.locator('.state').allTextContents();
  assert.deepEqual(
    states.map((text) => /^Process \d+, answer number (\d) of its life, [\d.,]+ ms\.$/.exec(text)?.[1]),
    ['1', '2', '2', '2'],
    states.join('\n'),
  );
  assert.equal(await page.locator('#told tr', { hasText: 'PATH_INFO' }).locator('td').textContent(), '/<b>&x');
  assert.deepEqual(complaints, []);
});

for (const [lang, path, silent, nobody] of [
  ['en', '/wires.html', 'Nothing is mounted here. Start it:', /^Mounted, but nobody answers \(502\)/],
  ['zh-CN', '/zh/wires.html', '此处没有挂载程序。启动它：', /^已挂载，但无人应答（502）/],
] as const) {
  test(`${lang}: who does not answer is named, with the command that starts it, on a phone in the dark`, async (t) => {
    if (!needs(t, 'python3', 'chromium')) return;
    // Port 9 is for discarding, and nobody listens there.
    const h = await open(t, ['scgi'], [{ wire: 'uwsgi', where: '/uwsgi', address: '127.0.0.1:9' }]);
    const { page, complaints } = await browse(t, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
    await page.goto(`http://127.0.0.1:${h.port}${path}`);
    await page.waitForFunction(asked);
    assert.equal(await page.getAttribute('html', 'lang'), lang);
    const [, fastcgi, , uwsgi] = await page.locator('.state').allTextContents();
    assert.equal(fastcgi, silent);
    assert.match(uwsgi ?? '', nobody);
    assert.deepEqual(
      await page.locator('.wires-list pre:visible').allTextContents(),
      [9001, 9003].map((port) => `python3 cgi-bin/wires.py ${port === 9001 ? 'fastcgi' : 'uwsgi'} 127.0.0.1:${port} &`),
    );
    assert.equal(await page.locator('#serve:visible').count(), 1);
    assert.deepEqual((await page.locator('#told thead th').allTextContents()).slice(1), ['CGI', 'SCGI']);
    assert.ok((await names(page, 'differ')).includes('SCGI'));
    assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 390, 'no sideways scrolling');
    assert.deepEqual(
      complaints.filter((line) => !/status of (404|502)/.test(line)),
      [],
    );
  });
}

test('nothing mounted: CGI alone, and nothing to compare it with', async (t) => {
  if (!needs(t, 'python3', 'chromium')) return;
  const h = await open(t, []);
  const { page } = await browse(t, { viewport: { width: 1280, height: 900 } });
  await page.goto(`http://127.0.0.1:${h.port}/wires.html`);
  await page.waitForFunction(asked);
  assert.match((await page.textContent('#summary')) ?? '', /^Only CGI answers: \d+ variables, and nothing yet/);
  assert.ok((await names(page, 'alone')).includes('SCRIPT_FILENAME'));
  assert.equal(await page.locator('.wires-list pre:visible').count(), 3);
});
