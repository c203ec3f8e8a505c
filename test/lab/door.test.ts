/**
 * Who may come into the lab. Each of the three ways by which development servers have been robbed stands here as an attack, with everything
 * right but the one thing that a single check looks at: without that check it succeeds.
 */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { createLab } from '../../src/lab/lab.js';
import { sh } from '../support/house.js';
import { get, requestText, talk } from '../support/wire.js';
import { room } from './room.js';

const scripts = { 'hello.sh': sh('printf "Content-Type: text/plain\\n\\nhello"') };

const reloading = async (t: TestContext, present = false) => {
  let reloads = 0;
  const r = await room(
    t,
    { scripts },
    {
      present,
      status: () => ({ type: 'text/plain', body: 'well\n' }),
      reload: async () => {
        reloads += 1;
        return [];
      },
    },
  );
  return { ...r, reloads: () => reloads };
};

test('the key opens it, as a cookie for a browser and as a token for a program', async (t) => {
  const { ask, enter, lab, origin } = await reloading(t);
  for (const target of ['/status', '/events', '/exchanges/x']) assert.equal((await ask('GET', target)).status, 401, target);
  assert.equal((await ask('GET', '/status', { Authorization: `Bearer ${lab.key}x` })).status, 401);
  assert.equal((await ask('GET', '/status', { Authorization: `Bearer ${lab.key}` })).text, 'well\n');

  assert.equal((await ask('POST', '/enter', { Origin: origin }, `${lab.key}x`)).status, 401);
  assert.equal((await ask('POST', '/enter', { Origin: origin }, 'x'.repeat(2_000))).status, 401);
  const entered = await ask('POST', '/enter', { Origin: origin }, lab.key);
  assert.match(entered.get('set-cookie') ?? '', /^lab=[\w-]{24}; Path=\/lab-[\w-]{12}\/; HttpOnly; SameSite=Strict$/);
  assert.ok(!entered.get('set-cookie')!.includes(lab.key), 'the cookie is not the key');
  const { home, cookie } = await enter();
  assert.equal((await ask('GET', `${home}status`, { Cookie: cookie })).text, 'well\n');
  assert.equal((await ask('GET', `${home}status`, { Cookie: 'lab=no' })).status, 401);
});

test('open CORS: a page of another site reads nothing, even with the cookie', async (t) => {
  const { ask, enter, h } = await reloading(t);
  const { home, cookie } = await enter();
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${h.port}`]) {
    const answer = await ask('GET', `${home}status`, { Cookie: cookie, Origin: origin });
    assert.equal(answer.status, 403, origin);
    assert.doesNotMatch(answer.text, /well/);
    assert.equal(answer.get('access-control-allow-origin'), undefined);
  }
  // A page that a script made is of the same host: browsers call it same-site and send it no Origin for an image or a script.
  const embedded = { Cookie: cookie, 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' };
  assert.equal((await ask('GET', `${home}status`, embedded)).status, 403);
  const preflight = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'GET' };
  assert.equal((await ask('OPTIONS', `${home}status`, preflight)).get('access-control-allow-origin'), undefined);
});

test('DNS rebinding: a name that leads here by somebody else’s DNS is turned away, even with the cookie', async (t) => {
  const { ask, enter, port } = await reloading(t);
  const { home, cookie } = await enter();
  for (const host of [
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    `localhost.:${port}`,
    `10.0.0.7:${port}`,
    '127.0.0.1',
    `x@127.0.0.1:${port}`,
  ]) {
    for (const target of ['/', `${home}status`]) {
      assert.equal((await ask('GET', target, { Host: host, Cookie: cookie })).status, 421, `${host} ${target}`);
    }
  }
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
    assert.equal((await ask('GET', `${home}status`, { Host: host, Cookie: cookie })).status, 200, host);
  }
});

test('cross-site POST: nothing is started from a page that is not the lab’s, even with the cookie', async (t) => {
  const { ask, enter, origin, reloads, lab, h } = await reloading(t);
  const { home, cookie } = await enter();
  const attempts: Record<string, string>[] = [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: `http://127.0.0.1:${h.port}` },
    {},
  ];
  for (const headers of attempts) {
    const answer = await ask('POST', `${home}reload`, { Cookie: cookie, 'Content-Type': 'text/plain', ...headers }, 'x');
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  assert.equal(reloads(), 0);
  assert.equal((await ask('GET', `${home}reload`, { Cookie: cookie })).status, 404);
  assert.equal((await ask('POST', `${home}reload`, { Cookie: cookie, Origin: origin })).status, 200);
  assert.equal((await ask('POST', '/reload', { Authorization: `Bearer ${lab.key}` })).status, 200);
  assert.equal(reloads(), 2);
});

test('the cookie goes to no script: it is good for a path that only the lab has', async (t) => {
  const { enter, h } = await reloading(t);
  const { home } = await enter();
  assert.match(home, /^\/lab-/);
  assert.equal((await get(h.port, home)).status, 404);
});

test('every answer: no script but ours, nothing from elsewhere, nothing kept or guessed', async (t) => {
  const { ask, lab } = await reloading(t);
  for (const [target, status] of [
    ['/', 200],
    ['/page/lab.css', 200],
    ['/nothing', 401],
    ['/page/live/live.css', 200],
    ['/page/../../lab.js', 404],
    ['/page/live/../../lab.js', 404],
    ['/page/..%2flab.js', 404],
  ] as const) {
    const answer = await ask('GET', target, {});
    assert.equal(answer.status, status, target);
    const policy = answer.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; script-src 'self'; /);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(answer.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.get('cache-control'), 'no-store');
    assert.equal(answer.get('referrer-policy'), 'no-referrer');
    assert.doesNotMatch(answer.text, new RegExp(lab.key));
  }
  const page = (await ask('GET', '/')).text;
  assert.doesNotMatch(page, /<script>|<style|\sstyle=|\son\w+=|https?:\/\//, 'nothing inline, nothing from elsewhere');
});

test('--present: all can be seen, nothing changed, and no secret', async (t) => {
  const { ask, enter, origin, reloads, h, json } = await reloading(t, true);
  const { home, cookie } = await enter();
  await get(h.port, '/cgi-bin/hello.sh', { Cookie: 'login=1' });
  const { id } = await h.exchange();
  assert.equal((await ask('GET', `${home}status`, { Cookie: cookie })).status, 200);
  assert.equal((await ask('POST', `${home}reload`, { Cookie: cookie, Origin: origin })).status, 403);
  assert.equal((await ask('POST', `${home}demo`, { Cookie: cookie, Origin: origin })).status, 403);
  assert.equal(reloads(), 0);
  assert.ok(await json(`/exchanges/${id}`));
  assert.equal((await ask('GET', `${home}exchanges/${id}/0/HTTP_COOKIE`, { Cookie: cookie })).status, 403);
});

test('--present on other addresses: by number, still by no name', async (t) => {
  const [address] = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).filter((a) => !a.internal && a.family === 'IPv4'));
  const lab = createLab({ present: true });
  const { port } = await lab.listen({ port: 0, host: '0.0.0.0' }, { url: '', demo: undefined });
  t.after(() => lab.close());
  const statusFor = async (host: string) => (await talk(port, requestText('GET', '/', { Host: `${host}:${port}` }))).status;
  assert.equal(await statusFor(address?.address ?? '192.0.2.1'), 200);
  assert.equal(await statusFor('[2001:db8::1]'), 200);
  assert.equal(await statusFor('evil.example'), 421);
});

test('secrets are named, and told only to who asks for one by name', async (t) => {
  const { json, h, ask } = await reloading(t);
  await get(h.port, '/cgi-bin/hello.sh', { Cookie: 'login=1', 'X-Api-Key': 'open sesame', 'X-Colour': 'blue' });
  const { id } = await h.exchange();
  const { details } = await json<{ details: { variables: { name: string; value?: string }[] }[] }>(`/exchanges/${id}`);
  const told = new Map(details[0]!.variables.map(({ name, value }) => [name, value]));
  assert.equal(told.get('HTTP_X_COLOUR'), 'blue');
  assert.ok(told.has('HTTP_COOKIE') && told.get('HTTP_COOKIE') === undefined);
  assert.ok(told.has('HTTP_X_API_KEY') && told.get('HTTP_X_API_KEY') === undefined);
  assert.deepEqual(await json(`/exchanges/${id}/0/HTTP_X_API_KEY`), { value: 'open sesame' });
  assert.equal((await ask('GET', `/exchanges/${id}/0/HTTP_X_API_KEY`)).status, 401);
});
