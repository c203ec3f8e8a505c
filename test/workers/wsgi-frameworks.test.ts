/**
 * Flask, Django and Bottle, as Debian packages them, in the WSGI worker behind our server; once more with webtest.lint between, which
 * is stricter than wsgiref.validate; and Django’s admin pages, where somebody logs in.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { room } from '../real/peers.js';
import { type House, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { type Answer, get, post, requestText, talk, Wire } from '../support/wire.js';
import { apps, wires, worker } from './worker.js';

/** Debian's modules belong to this interpreter; another `python3` may come first on PATH. */
const python = '/usr/bin/python3';

async function serve(t: TestContext, target: string, env: Record<string, string> = {}): Promise<House> {
  const { address } = await worker(t, target, { python, env });
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address }] });
  t.after(() => h.stop());
  return h;
}

/** What the three applications have in common. */
async function behaves({ port: at, stderr }: House, site: string): Promise<void> {
  assert.equal((await get(at, '/app/hello/caf%C3%A9')).text, 'Hello café');
  assert.equal((await get(at, '/app/url')).text, '/app/hello/Ada', 'a URL that leads back has the prefix');
  const form = await post(at, '/app/form', 'name=Ada&city=L%C3%B3ndon', { 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.equal(form.text, 'Ada from Lóndon');
  // More than Django keeps in memory.
  const file = 'x'.repeat(3_000_000);
  const parts = `--b\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n${file}\r\n--b--\r\n`;
  const type = { 'Content-Type': 'multipart/form-data; boundary=b' };
  assert.equal((await post(at, '/app/upload', parts, type)).text, 'f.txt 3000000');
  const head = requestText('POST', '/app/upload', { 'Transfer-Encoding': 'chunked', ...type });
  const chunked = await talk(at, `${head}${parts.length.toString(16)}\r\n${parts}\r\n0\r\n\r\n`);
  assert.equal(chunked.text, 'f.txt 3000000', 'chunked');
  assert.equal((await get(at, '/app/stream')).text, 'piece 0\npiece 1\npiece 2\n');
  const sent = await get(at, '/app/file');
  assert.deepEqual([sent.text, sent.get('content-length')], [source(site), String(source(site).length)], 'through wsgi.file_wrapper');
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
  assert.doesNotMatch(stderr.map((line) => line.text).join('\n'), /AssertionError|Warning/);
}

const source = (site: string): string => readFileSync(join(apps, site), 'latin1');

const sites: [package_: string, site: string][] = [
  ['python3-flask', 'flask_site'],
  ['python3-django', 'django_site'],
  ['python3-bottle', 'bottle_site'],
];
for (const [program, site] of sites) {
  test(program, async (t) => {
    if (!needs(t, program)) return;
    await behaves(await serve(t, `${site}.py`), `${site}.py`);
  });

  test(`${program}, and webtest.lint`, async (t) => {
    if (!needs(t, program, 'python3-webtest')) return;
    await behaves(await serve(t, 'linted.py', { LINTED: site }), `${site}.py`);
  });
}

test('webtest.lint around wsgiref.validate, on three wires', async (t) => {
  if (!needs(t, 'python3', 'python3-webtest')) return;
  for (const wire of wires) {
    const { address, daemon } = await worker(t, 'linted.py', { wire, python, env: { LINTED: 'probe' } });
    const h = await house({ mounts: [{ wire, where: '/app', address }] });
    t.after(() => h.stop());
    const asked: Record<string, number> = {
      environ: 200,
      'environ?x=%20': 200,
      big: 200,
      write: 200,
      empty: 200,
      late: 202,
      cookies: 200,
      [`file?${join(apps, 'probe.py')}`]: 200,
      memory_file: 200,
      body_io: 200,
      redirect: 303,
      log: 200,
      nowhere: 404,
    };
    for (const [target, status] of Object.entries(asked)) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
        const answer = await talk(h.port, requestText(method, `/app/${target}`, { 'X-Caf': 'caf\u00e9' }), { method });
        assert.equal(answer.status, status, `${wire}: ${method} ${target}: ${answer.text.slice(0, 300)}`);
      }
    }
    assert.match((await post(h.port, '/app/body', 'x'.repeat(300_000))).text, /^300000 300000 /);
    const told = [daemon.said(), ...h.stderr.map((line) => line.text)].join('\n');
    assert.doesNotMatch(told, /AssertionError|Warning|Traceback/, wire);
  }
});

test('Django’s admin pages: logging in, a form that is protected, a session', async (t) => {
  if (!needs(t, 'python3-django')) return;
  const { port } = await serve(t, 'django_admin.py', { DATABASE: join(room(t), 'db.sqlite3') });
  const cookies = new Map<string, string>();
  const keep = (answer: Answer): Answer => {
    for (const field of answer.all('set-cookie')) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(field)!;
      cookies.set(name!, value!);
    }
    return answer;
  };
  const cookie = () => ({ Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') });
  const read = async (path: string) => keep(await get(port, path, cookie()));
  const send = async (path: string, fields: Record<string, string>) => {
    const [, token] = /name="csrfmiddlewaretoken" value="(\w+)"/.exec((await read(path)).text)!;
    const form = new URLSearchParams({ csrfmiddlewaretoken: token!, ...fields }).toString();
    return keep(await post(port, path, form, { ...cookie(), 'Content-Type': 'application/x-www-form-urlencoded' }));
  };

  const away = await read('/app/admin/');
  assert.deepEqual([away.status, away.get('location')], [302, '/app/admin/login/?next=/app/admin/']);
  assert.equal((await post(port, '/app/admin/login/', 'username=ada')).status, 403, 'no token');
  assert.match((await send('/app/admin/login/', { username: 'ada', password: 'wrong' })).text, /correct username and password/);
  const entered = await send('/app/admin/login/?next=/app/admin/', { username: 'ada', password: 'lovelace' });
  assert.deepEqual([entered.status, entered.get('location')], [302, '/app/admin/']);
  assert.match((await read('/app/admin/')).text, /Site administration/);
  const added = await send('/app/admin/auth/group/add/', { name: 'Lesende \u4f60' });
  assert.deepEqual([added.status, added.get('location')], [302, '/app/admin/auth/group/']);
  assert.match((await read('/app/admin/auth/group/')).text, /was added successfully[\s\S]*Lesende \u4f60/);
  await read('/app/admin/logout/');
  assert.equal((await read('/app/admin/')).status, 302);
});
