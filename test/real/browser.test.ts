/** A real browser: a form sent to a script, and a failure page read by a person who reads Chinese. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { type House, house, node, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { command } from './command.js';

const scripts = {
  'form.cgi': node(`
    let body = '';
    process.stdin.on('data', (d) => { body += d; }).on('end', () => {
      const form = new URLSearchParams(body || process.env.QUERY_STRING);
      const escape = (t) => t.replace(/[&<]/g, (c) => '&#' + c.charCodeAt(0) + ';');
      process.stdout.write('Content-Type: text/html; charset=utf-8\\n\\n<!doctype html><title>form</title>'
        + '<p id=said>' + process.env.REQUEST_METHOD + ' ' + escape(form.get('name') ?? 'nothing') + '</p>'
        + '<form method=post><input name=name><button>Send</button></form>');
    });`),
  'upload.cgi': node(`
    const pieces = [];
    process.stdin.on('data', (d) => pieces.push(d)).on('end', () => {
      const body = Buffer.concat(pieces);
      process.stdout.write('Content-Type: text/html; charset=utf-8\\n\\n<!doctype html><title>upload</title>'
        + '<p id=said>' + body.length + ' ' + process.env.CONTENT_LENGTH + ' ' + body.includes('marker in the file') + '</p>'
        + '<form method=post enctype=multipart/form-data><input type=file name=file><button>Send</button></form>');
    });`),
  'broken.cgi': sh('echo "<b>no header</b>"; echo "something went wrong" >&2; exit 3'),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
  'counter.cgi': sh('n=${HTTP_COOKIE#n=}; n=$((n + 1)); printf "Set-Cookie: n=$n\\nContent-Type: text/html\\n\\n<p id=said>$n</p>"'),
};

async function browse(t: TestContext, options: BrowserContextOptions = {}): Promise<{ h: House; page: Page; url: string } | undefined> {
  if (!needs(t, 'chromium')) return undefined;
  const h = await house({ scripts });
  t.after(() => h.stop());
  const executablePath = (await command('sh', ['-c', 'command -v chromium'])).stdout.trim();
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...quiet], timeout: 60_000 });
  t.after(() => browser.close());
  const context = await browser.newContext(options);
  context.setDefaultTimeout(30_000);
  return { h, page: await context.newPage(), url: `http://127.0.0.1:${h.port}` };
}

test('a browser sends a form and a file, and keeps a cookie', async (t) => {
  const made = await browse(t);
  if (!made) return;
  const { page, url } = made;
  await page.goto(`${url}/cgi-bin/form.cgi?name=by+link`);
  assert.equal(await page.textContent('#said'), 'GET by link');
  await page.fill('input', 'Zoë & 小明 <b>');
  await page.click('button');
  await page.waitForFunction(`document.querySelector('#said')?.textContent.startsWith('POST')`);
  assert.equal(await page.textContent('#said'), 'POST Zoë & 小明 <b>');

  await page.goto(`${url}/cgi-bin/upload.cgi`);
  const buffer = Buffer.concat([Buffer.alloc(500_000, 1), Buffer.from('marker in the file')]);
  await page.setInputFiles('input', { name: 'file.bin', mimeType: 'application/octet-stream', buffer });
  await page.click('button');
  await page.waitForFunction(`document.querySelector('#said')?.textContent.endsWith('true')`);
  const [read = 0, announced] = ((await page.textContent('#said')) ?? '').split(' ').map(Number);
  assert.ok(read === announced && read > buffer.length, `${read} ${announced}`);

  for (const count of ['1', '2', '3']) {
    await page.goto(`${url}/cgi-bin/counter.cgi`);
    assert.equal(await page.textContent('#said'), count);
  }
});

for (const width of [390, 1440]) {
  test(`a failure page in Chinese, ${width} pixels wide, in the dark: all there, nothing runs, nothing overflows`, async (t) => {
    const made = await browse(t, { locale: 'zh-CN', viewport: { width, height: 800 }, colorScheme: 'dark' });
    if (!made) return;
    const { page, url } = made;
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('requestfailed', (request) => complaints.push(request.url()));
    const response = await page.goto(`${url}/cgi-bin/broken.cgi`);
    assert.equal(response?.status(), 502);
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
    const text = (await page.textContent('body')) ?? '';
    for (const part of ['REPLY_NOT_A_HEADER', '判断依据', '如何解决', '<b>no header</b>', 'something went wrong', '退出码 3']) {
      assert.ok(text.includes(part), `${part} in:\n${text}`);
    }
    assert.equal(await page.textContent('mark'), '<');
    assert.equal(await page.locator('b', { hasText: 'no header' }).count(), 0, 'the script’s markup is shown, not obeyed');
    assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width, 'no sideways scrolling');
    const color = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    const brightness = (color.match(/\d+/g) ?? []).slice(0, 3).map(Number);
    assert.ok(Math.max(...brightness) < 64, `dark: ${brightness}`);
    assert.deepEqual(
      complaints.filter((line) => !/status of 502/.test(line)),
      [],
    );
  });
}

test('the start page lists the scripts, and a click runs one', async (t) => {
  const made = await browse(t, { locale: 'en-GB' });
  if (!made) return;
  const { page, url } = made;
  await page.goto(url);
  assert.match((await page.textContent('h1')) ?? '', /Scripts under \/cgi-bin\//);
  await page.click('text=counter.cgi');
  await page.waitForSelector('#said');
  assert.equal(await page.textContent('#said'), '1');
});
