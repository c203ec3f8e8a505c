/**
 * Programs that run already, at a prefix or behind an extension: which request reaches them, and what exactly they are told.
 */
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer } from '../../src/index.js';
import { house } from '../support/house.js';
import { get, requestText, talk } from '../support/wire.js';
import { peerOf, type Visit, wires } from './peers.js';
import { is, talkTo } from './talks.js';

/** Says where it believes to be. */
const where = ({ meta, answer }: Visit): void =>
  answer(['SCRIPT_NAME', 'PATH_INFO', 'SCRIPT_FILENAME', 'REQUEST_URI', 'QUERY_STRING'].map((name) => meta.get(name) ?? '-').join(' '));

for (const wire of wires) {
  test(`${wire}: the environment arrives exactly`, async (t) => {
    const h = await talkTo(t, wire, (visit) => visit.answer('seen'));
    is(await get(h.port, '/app/a/b?x=1&y', { Accept: 'text/*', 'X-Two-Words': 'yes', Cookie: 'a=1; b=2' }), 200, 'seen');
    const { meta } = h.peer.visits[0]!;
    const own = new Set(['PATH', 'REMOTE_PORT', 'SERVER_SOFTWARE', ...(wire === 'scgi' ? ['SCGI', 'CONTENT_LENGTH'] : [])]);
    assert.match(meta.get('REMOTE_PORT') ?? '', /^\d+$/);
    assert.match(meta.get('SERVER_SOFTWARE') ?? '', /^cgi-serve\/\d/);
    assert.deepEqual(Object.fromEntries([...meta].filter(([name]) => !own.has(name)).sort()), {
      DOCUMENT_ROOT: h.dir,
      GATEWAY_INTERFACE: 'CGI/1.1',
      HTTP_ACCEPT: 'text/*',
      HTTP_COOKIE: 'a=1; b=2',
      HTTP_HOST: 'localhost',
      HTTP_X_TWO_WORDS: 'yes',
      PATH_INFO: '/a/b',
      PATH_TRANSLATED: join(h.dir, 'a/b'),
      QUERY_STRING: 'x=1&y',
      REDIRECT_STATUS: '200',
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_HOST: '127.0.0.1',
      REQUEST_METHOD: 'GET',
      REQUEST_SCHEME: 'http',
      REQUEST_URI: '/app/a/b?x=1&y',
      SCRIPT_NAME: '/app',
      SERVER_ADDR: '127.0.0.1',
      SERVER_NAME: 'localhost',
      SERVER_PORT: String(h.port),
      SERVER_PROTOCOL: 'HTTP/1.1',
    });
    // SCGI §3: always there, and first.
    if (wire === 'scgi') assert.deepEqual([...meta.keys()].slice(0, 2), ['CONTENT_LENGTH', 'SCGI']);
    await h.well();
  });

  test(`${wire}: PATH_INFO is decoded, UTF-8 and other bytes alike, and may be nothing`, async (t) => {
    const h = await talkTo(t, wire, where);
    is(await get(h.port, '/app'), 200, '/app  - /app ');
    is(await get(h.port, '/app/'), 200, '/app / - /app/ ');
    is(await get(h.port, '/app/gr%C3%BC%C3%9Fe%20x'), 200, '/app /grüße x - /app/gr%C3%BC%C3%9Fe%20x ');
    is(await get(h.port, '/app/%E4%BD%A0/../b'), 200, '/app /b - /app/%E4%BD%A0/../b ');
    assert.equal((await get(h.port, '/app/a%00b')).status, 400);
    await h.well();
  });

  test(`${wire}: no header forges a variable`, async (t) => {
    const h = await talkTo(t, wire, (visit) => visit.answer('seen'));
    const forged = [
      'Proxy: http://evil',
      'X_Real_IP: 6.6.6.6',
      'Remote_User: root',
      'Redirect-Status: 500',
      'Script-Filename: /etc/passwd',
    ];
    const secrets = ['Authorization: Basic eDp5', 'Proxy-Authorization: Basic eDp5', 'Shell: () { :; }; echo'];
    const lines = [...forged, ...secrets].map((line) => `${line}\r\n`).join('');
    is(await talk(h.port, `GET /app/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`), 200, 'seen');
    const { meta } = h.peer.visits[0]!;
    const names = [...meta.keys()].filter((name) => name.startsWith('HTTP_'));
    assert.deepEqual(names.sort(), ['HTTP_HOST', 'HTTP_REDIRECT_STATUS', 'HTTP_SCRIPT_FILENAME']);
    assert.equal(meta.get('REDIRECT_STATUS'), '200');
    for (const name of ['REMOTE_USER', 'SCRIPT_FILENAME', 'AUTH_TYPE']) assert.equal(meta.has(name), false, name);
  });
}

test('the longest prefix wins, and ends where a segment ends', async (t) => {
  const inner = await peerOf(t, 'scgi', (visit) => visit.answer(`inner ${visit.meta.get('SCRIPT_NAME')} ${visit.meta.get('PATH_INFO')}`));
  const outer = await peerOf(t, 'uwsgi', (visit) => visit.answer(`outer ${visit.meta.get('SCRIPT_NAME')} ${visit.meta.get('PATH_INFO')}`));
  const h = await house({
    mounts: [
      { wire: 'uwsgi', where: '/a', address: outer.address },
      { wire: 'scgi', where: '/a/b', address: inner.address },
    ],
    public: { 'page.html': 'static', 'ab/x.txt': 'beside' },
  });
  t.after(() => h.stop());
  is(await get(h.port, '/a/x'), 200, 'outer /a /x');
  is(await get(h.port, '/a/b/c'), 200, 'inner /a/b /c');
  is(await get(h.port, '/a/b'), 200, 'inner /a/b ');
  is(await get(h.port, '/a/bc'), 200, 'outer /a /bc');
  is(await get(h.port, '/a/b/../c'), 200, 'outer /a /c');
  is(await get(h.port, '/page.html'), 200, 'static');
  is(await get(h.port, '/ab/x.txt'), 200, 'beside');
});

/** A public directory with a `.php` program in front of nothing but its files. */
const phpHouse = async (t: TestContext, frontController?: string) => {
  const peer = await peerOf(t, 'fastcgi', where);
  const h = await house({
    mounts: [{ wire: 'fastcgi', where: '.php', address: peer.address }],
    ...(frontController ? { frontController } : {}),
    connections: 1,
    public: {
      'index.php': '<?php the front',
      'app.php': '<?php secret',
      'shout.PHP': '<?php secret',
      'x.jpg': 'picture',
      'style.css': 'css',
      'sub/index.php': '<?php sub',
      'empty/readme.txt': 'text',
      'kſ.txt': 'long s',
      '.hidden.php': '<?php secret',
    },
    scripts: { 'tool.php': '<?php in cgi-bin' },
  });
  t.after(() => h.stop());
  return { h, peer, root: join(h.root, 'public') };
};

test('an extension: SCRIPT_FILENAME is a real file, PATH_INFO what follows it', async (t) => {
  const { h, root } = await phpHouse(t);
  is(await get(h.port, '/app.php'), 200, `/app.php  ${root}/app.php /app.php `);
  is(await get(h.port, '/app.php/x/y?q'), 200, `/app.php /x/y ${root}/app.php /app.php/x/y?q q`);
  is(await get(h.port, '/sub/../app.php/%C3%BC'), 200, `/app.php /ü ${root}/app.php /sub/../app.php/%C3%BC `);
  is(await get(h.port, '/cgi-bin/tool.php/z'), 200, `/cgi-bin/tool.php /z ${h.dir}/tool.php /cgi-bin/tool.php/z `);
  is(await get(h.port, '/'), 200, `/index.php  ${root}/index.php / `);
  is(await get(h.port, '/sub/?a=1'), 200, `/sub/index.php  ${root}/sub/index.php /sub/?a=1 a=1`);
  assert.equal((await get(h.port, '/sub')).get('location'), '/sub/');
  is(await get(h.port, '/x.jpg'), 200, 'picture');
  is(await get(h.port, '/style.css'), 200, 'css');
});

test('an extension: what is no such file never reaches the program, and no source is sent', async (t) => {
  const { h, peer, root } = await phpHouse(t);
  writeFileSync(join(h.root, 'outside.php'), '<?php secret');
  symlinkSync(join(h.root, 'outside.php'), join(root, 'linked.php'));
  symlinkSync(h.root, join(root, 'linkeddir'));
  const wrong = ['/x.jpg/y.php', '/x.jpg/%00.php', '/gone.php', '/gone.php/x', '/shout.PHP', '/app.PHP', '/app.php%00.jpg', '/.hidden.php'];
  for (const target of [
    ...wrong,
    '/linked.php',
    '/linkeddir/outside.php',
    '/../outside.php',
    '/%2e%2e/outside.php',
    '/app.php%0a',
    '/app.php.',
  ]) {
    const answer = await get(h.port, target);
    assert.ok(answer.status >= 400 && answer.status < 500, `${target}: ${answer.status}`);
    assert.ok(!answer.text.includes('secret'), target);
  }
  assert.equal(peer.visits.length, 0);
});

test('a front controller answers for what is not there, and for nothing that is', async (t) => {
  const { h, peer, root } = await phpHouse(t, 'index.php');
  const front = (target: string, query = '') => `/index.php  ${root}/index.php ${target} ${query}`;
  is(await get(h.port, '/blog/2024?page=2'), 200, front('/blog/2024?page=2', 'page=2'));
  is(await get(h.port, '/'), 200, front('/'));
  is(await get(h.port, '/gone.php'), 200, front('/gone.php'));
  is(await get(h.port, '/gone.php/x'), 200, front('/gone.php/x'));
  is(await get(h.port, '/empty/'), 200, front('/empty/'));
  is(await get(h.port, '/style.css'), 200, 'css');
  is(await get(h.port, '/app.php'), 200, `/app.php  ${root}/app.php /app.php `);
  const before = peer.visits.length;
  assert.equal((await get(h.port, '/shout.PHP')).status, 403);
  assert.equal(peer.visits.length, before);
});

test('mounts that cannot be are refused when the server is made', () => {
  const mount = (where: string, address = '127.0.0.1:9000', wire: 'fastcgi' | 'scgi' | 'uwsgi' = 'uwsgi') =>
    createServer({ dir: tmpdir(), mounts: [{ wire, where, address }] });
  assert.throws(() => mount('app'), /expected a URL path/);
  assert.throws(() => mount('.PHP'), /in small letters/);
  assert.throws(() => mount('/app', '9000'), /uwsgi \/app=9000: expected unix:\/path or host:port/);
  assert.throws(() => mount('/app', '127.0.0.1:9000?modifier1=256'), /from 0 to 255/);
  assert.throws(() => mount('/app', '127.0.0.1:9000?modifier1=5', 'scgi'), /only uwsgi/);
  const twice = { wire: 'scgi', where: '/a', address: '127.0.0.1:1' } as const;
  assert.throws(() => createServer({ dir: tmpdir(), mounts: [twice, twice] }), /mounted twice/);
});

test('uwsgi: the modifiers of the address are in the packet', async (t) => {
  let start: Buffer | undefined;
  const peer = await peerOf(t, 'uwsgi', () => {}, {
    connected: (socket) => {
      socket.once('data', (bytes: Buffer) => {
        start = bytes.subarray(0, 4);
        socket.end('Content-Type: text/plain\n\nperl');
      });
      return true;
    },
  });
  const h = await house({ mounts: [{ wire: 'uwsgi', where: '/u', address: `${peer.address}?modifier1=5&modifier2=9` }] });
  t.after(() => h.stop());
  is(await talk(h.port, requestText('GET', '/u/')), 200, 'perl');
  assert.equal(start?.[0], 5);
  assert.equal(start?.[3], 9);
});

test('uwsgi: variables beyond 64 KiB are a 431 that names the largest', async (t) => {
  const h = await talkTo(t, 'uwsgi', (visit) => visit.answer('seen'), { env: { LARGE: 'x'.repeat(66_000) } });
  const answer = await get(h.port, '/app/');
  assert.equal(answer.status, 431);
  assert.match((await h.exchange()).failure?.evidence.detail ?? '', /LARGE/);
  assert.equal(h.peer.visits.length, 0);
});
