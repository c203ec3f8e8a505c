/** Flask, Django and Bottle, as Debian packages them, in the WSGI worker behind our server. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { get, post, requestText, talk, Wire } from '../support/wire.js';
import { worker } from './worker.js';

/** Debian's modules belong to this interpreter; another `python3` may come first on PATH. */
const python = '/usr/bin/python3';

async function port(t: TestContext, target: string): Promise<number> {
  const { address } = await worker(t, target, { python });
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address }] });
  t.after(() => h.stop());
  return h.port;
}

/** What the three applications have in common. */
async function behaves(at: number): Promise<void> {
  assert.equal((await get(at, '/app/hello/caf%C3%A9')).text, 'Hello café');
  assert.equal((await get(at, '/app/url')).text, '/app/hello/Ada', 'a URL that leads back has the prefix');
  const form = await post(at, '/app/form', 'name=Ada&city=L%C3%B3ndon', { 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.equal(form.text, 'Ada from Lóndon');
  const file = 'x'.repeat(400_000);
  const parts = `--b\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n${file}\r\n--b--\r\n`;
  const type = { 'Content-Type': 'multipart/form-data; boundary=b' };
  assert.equal((await post(at, '/app/upload', parts, type)).text, 'f.txt 400000');
  const head = requestText('POST', '/app/upload', { 'Transfer-Encoding': 'chunked', ...type });
  const chunked = await talk(at, `${head}${parts.length.toString(16)}\r\n${parts}\r\n0\r\n\r\n`);
  assert.equal(chunked.text, 'f.txt 400000', 'chunked');
  assert.equal((await get(at, '/app/stream')).text, 'piece 0\npiece 1\npiece 2\n');
  const cookies = await get(at, '/app/cookies');
  assert.equal(cookies.all('set-cookie').length, 2);
  const redirect = await get(at, '/app/away');
  assert.deepEqual([redirect.status, redirect.get('location')?.endsWith('/app/hello/Ada')], [302, true]);
  assert.equal((await get(at, '/app/nowhere')).status, 404);
  assert.equal((await get(at, '/app/fails')).status, 500);
  const none = await talk(at, requestText('HEAD', '/app/hello/you'), { method: 'HEAD' });
  assert.deepEqual([none.status, none.body.length], [200, 0]);
  const kept = await Wire.open(at);
  for (let round = 0; round < 3; round++) {
    kept.send('GET /app/hello/you HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await kept.answer()).text, 'Hello you');
  }
  kept.close();
}

test('Flask', async (t) => {
  if (!needs(t, 'python3-flask')) return;
  await behaves(await port(t, 'flask_site.py'));
});

test('Django', async (t) => {
  if (!needs(t, 'python3-django')) return;
  await behaves(await port(t, 'django_site.py'));
});

test('Bottle', async (t) => {
  if (!needs(t, 'python3-bottle')) return;
  await behaves(await port(t, 'bottle_site.py'));
});
