/** What of a server can be asked, and which of it is the same program: by files on a real disk. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findLabs } from '../../src/lab/announce.js';
import { type Premises, placesOf } from '../../src/lab/places.js';
import type { ToldPlace, ToldPlaces } from '../../src/lab/told.js';
import { examineScripts } from '../../src/route/list.js';
import { startCli } from '../support/cli.js';
import { sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { room } from './room.js';

const tree = (t: TestContext, files: Record<string, number>): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-places-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, mode] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), '#!/bin/sh\n');
    chmodSync(join(root, name), mode);
  }
  return root;
};

const premises = (root: string, more: Partial<Premises> = {}): Premises => ({
  scripts: examineScripts(join(root, 'cgi-bin'), '/cgi-bin/', new Map()),
  files: [],
  mounts: [],
  via: undefined,
  cwd: root,
  ...more,
});

/** `/a + /b`: where the same program answers. */
const groups = (places: readonly ToldPlace[]): string[] => {
  const bySame = new Map<string, string[]>();
  for (const { same, path } of places) bySame.set(same, [...(bySame.get(same) ?? []), path]);
  return [...bySame.values()].map((paths) => paths.join(' + ')).sort();
};

test('scripts that run; not what does not, and no file beside them', (t) => {
  const root = tree(t, { 'cgi-bin/hello.sh': 0o755, 'cgi-bin/a b/c.sh': 0o755, 'cgi-bin/notes.txt': 0o644, 'public/index.html': 0o644 });
  const files = examineScripts(join(root, 'public'), '/', new Map());
  assert.deepEqual(placesOf(premises(root, { files })), [
    { path: '/cgi-bin/a%20b/c.sh', gateway: 'cgi', program: 'c.sh', same: join(root, 'cgi-bin/a b/c.sh') },
    { path: '/cgi-bin/hello.sh', gateway: 'cgi', program: 'hello.sh', same: join(root, 'cgi-bin/hello.sh') },
  ]);
});

test('a script, a link to it, and the WSGI application in it are one program; another callable in the same file is another', (t) => {
  const root = tree(t, { 'cgi-bin/book.py': 0o755, 'cgi-bin/other.py': 0o755, 'shop/__init__.py': 0o644 });
  symlinkSync('book.py', join(root, 'cgi-bin/link.py'));
  symlinkSync('cgi-bin', join(root, 'by-link'));
  const wsgi = (where: string, target: string) => ({ where, wsgi: target });
  const mounts = [
    wsgi('/book/', 'cgi-bin/book.py'),
    wsgi('/named', './cgi-bin/book.py:application'),
    wsgi('/linked', 'by-link/link.py:app'),
    wsgi('/admin', 'cgi-bin/book.py:admin'),
    wsgi('/made', 'cgi-bin/book.py:create()'),
    wsgi('/shop', 'shop'),
    wsgi('/shop2', 'shop/__init__.py:app'),
    wsgi('/', 'flask_app:app'),
  ];
  const places = placesOf(premises(root, { mounts }));
  assert.deepEqual(groups(places), [
    '/',
    '/admin',
    '/cgi-bin/book.py + /cgi-bin/link.py + /book + /named + /linked',
    '/cgi-bin/other.py',
    '/made',
    '/shop + /shop2',
  ]);
  const at = (path: string) => places.find((place) => place.path === path);
  assert.deepEqual([at('/book')?.gateway, at('/book')?.program], ['wsgi', 'book.py']);
  assert.deepEqual([at('/admin')?.program, at('/')?.program, at('/shop')?.program], ['book.py:admin', 'flask_app:app', 'shop']);
  // Without a worker that stays it is CGI, whatever it is called with.
  const born = placesOf(premises(root, { mounts: [mounts[0]!], via: 'cgi' }));
  assert.deepEqual(
    born.filter(({ program }) => program === 'book.py').map(({ path, gateway }) => `${gateway} ${path}`),
    ['cgi /cgi-bin/book.py', 'cgi /book'],
  );
});

test('an extension that is mounted: its files, wherever they lie, are its program’s, executable or not', (t) => {
  const root = tree(t, { 'cgi-bin/form.php': 0o644, 'cgi-bin/hello.sh': 0o755, 'public/index.php': 0o644, 'public/style.css': 0o644 });
  symlinkSync('index.php', join(root, 'public/home.php'));
  symlinkSync('/etc/hostname', join(root, 'public/away.php'));
  const files = examineScripts(join(root, 'public'), '/', new Map());
  const mounts = [{ wire: 'fastcgi' as const, where: '.php', address: 'unix:/run/php.sock' }];
  const places = placesOf(premises(root, { files, mounts }));
  assert.deepEqual(groups(places), ['/cgi-bin/form.php', '/cgi-bin/hello.sh', '/home.php + /index.php']);
  assert.deepEqual(
    places.map(({ path, gateway }) => `${gateway} ${path}`),
    ['fastcgi /cgi-bin/form.php', 'cgi /cgi-bin/hello.sh', 'fastcgi /home.php', 'fastcgi /index.php'],
  );
});

test('a pool whose command names a script; programs elsewhere, by their address', (t) => {
  const root = tree(t, { 'cgi-bin/count.fcgi': 0o755, 'data.db': 0o644 });
  writeFileSync(join(root, 'real.sock'), '');
  symlinkSync('real.sock', join(root, 'link.sock'));
  const mounts = [
    { where: '/count', pool: 'perl -w "cgi-bin/count.fcgi" data.db' },
    { where: '/one', pool: './server data.db' },
    { where: '/two', pool: './other data.db' },
    { where: '/three', pool: './other data.db' },
    { where: '/s1', wire: 'scgi' as const, address: 'unix:link.sock' },
    { where: '/s2', wire: 'scgi' as const, address: `unix:${root}/real.sock` },
    { where: '/s3', wire: 'scgi' as const, address: '127.0.0.1:4000' },
  ];
  const places = placesOf(premises(root, { mounts }));
  assert.deepEqual(groups(places), ['/cgi-bin/count.fcgi + /count', '/one', '/s1 + /s2', '/s3', '/two + /three']);
  assert.deepEqual(
    places.slice(1).map(({ gateway, program }) => `${gateway} ${program}`),
    [
      ...['fastcgi count.fcgi', 'fastcgi ./server data.db', 'fastcgi ./other data.db', 'fastcgi ./other data.db'],
      ...['scgi unix:link.sock', `scgi unix:${root}/real.sock`, 'scgi 127.0.0.1:4000'],
    ],
  );
});

test('GET places: looked up anew each time, for whoever may come in', async (t) => {
  const root = tree(t, { 'cgi-bin/one.sh': 0o755 });
  const { ask, json } = await room(t, { scripts: { 'hello.sh': sh('') } }, { places: () => placesOf(premises(root)), present: true });
  const paths = async () => (await json<ToldPlaces>('/places')).places.map(({ path }) => path);
  assert.deepEqual(await paths(), ['/cgi-bin/one.sh']);
  writeFileSync(join(root, 'cgi-bin/two.sh'), '#!/bin/sh\n', { mode: 0o755 });
  assert.deepEqual(await paths(), ['/cgi-bin/one.sh', '/cgi-bin/two.sh']);
  assert.equal((await ask('GET', '/places')).status, 401);
});

test('a server as it is started: its scripts and its WSGI application', async (t) => {
  if (!needs(t, 'python3')) return;
  const root = tree(t, { 'cgi-bin/hello.sh': 0o755, 'cgi-bin/book.py': 0o755, 'public/index.html': 0o644 });
  writeFileSync(join(root, 'cgi-bin/book.py'), '#!/usr/bin/env python3\ndef application(environ, start_response): pass\n');
  const run = await startCli(['cgi-bin', '--port', '0', '--wsgi', '/book=cgi-bin/book.py', '--workers', '1'], {
    ...{ cwd: root, env: { XDG_RUNTIME_DIR: root } },
  });
  t.after(() => run.stop());
  const lab = (await until(async () => (await findLabs({ XDG_RUNTIME_DIR: root }))[0], 'the lab'))!;
  const answer = await fetch(`${lab.url}/places`, { headers: { Authorization: `Bearer ${lab.key}` } });
  assert.deepEqual(((await answer.json()) as ToldPlaces).places, [
    { path: '/cgi-bin/book.py', gateway: 'cgi', program: 'book.py', same: join(root, 'cgi-bin/book.py') },
    { path: '/cgi-bin/hello.sh', gateway: 'cgi', program: 'hello.sh', same: join(root, 'cgi-bin/hello.sh') },
    { path: '/book', gateway: 'wsgi', program: 'book.py', same: join(root, 'cgi-bin/book.py') },
  ]);
});
