/** `doctor`: every script examined, none started. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, renameSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { peerOf } from '../carrier/peers.js';
import { runCli } from '../support/cli.js';
import { folder, hello } from './folder.js';

const files = {
  'cgi-bin/hello.sh': hello,
  'cgi-bin/sub/env.sh': '#!/usr/bin/env sh\ntouch started\n',
  'cgi-bin/crlf.sh': '#!/bin/sh\r\necho\r\n',
  'cgi-bin/fix.py': 'print()\n',
  'cgi-bin/typo.py': '#!/usr/bin/env no-such-python\n',
  'cgi-bin/notes.txt': 'data\n',
  'cgi-bin/page.ext': 'sh script\n',
};

test('what would run, what would fail, what is dangerous', async (t) => {
  const cwd = folder(t, files);
  chmodSync(join(cwd, 'cgi-bin/hello.sh'), 0o777);
  const { code, stdout, stderr } = await runCli(['doctor', '-i', '.ext=sh'], { cwd });
  assert.equal(code, 5);
  assert.equal(stderr, '');
  const expected = [
    /^\.\/cgi-bin at \/cgi-bin\/$/m,
    /^ {2}✓ hello\.sh +sh \(#!\/bin\/sh\) +Says hello\.$/m,
    /^ {2}✓ sub\/env\.sh +sh \(#!\/usr\/bin\/env sh\) → \/\S*\/sh$/m,
    /^ {2}✓ page\.ext +sh \(\.ext\) → /m,
    /^ {2}· notes\.txt {2}not a script/m,
    /^ {2}500 {2}SHEBANG_CRLF {3}crlf\.sh$/m,
    /sed -i 's\/\\r\$\/\/' \.\/cgi-bin\/crlf\.sh/,
    /^ {2}403 {2}NOT_EXECUTABLE {3}fix\.py$/m,
    /^ {2}500 {2}INTERPRETER_MISSING {3}typo\.py$/m,
    /^ {2}! hello\.sh {2}.*chmod o-w \.\/cgi-bin\/hello\.sh$/m,
    /^3 would run, 3 would fail, 1 warning$/m,
  ];
  for (const pattern of expected) assert.match(stdout, pattern);
  assert.ok(!existsSync(join(cwd, 'cgi-bin/sub/started')), 'nothing was started');
});

test('the JSON report', async (t) => {
  const cwd = folder(t, files);
  const { code, stdout } = await runCli(['doctor', 'cgi-bin', '--json', '--lang', 'zh-CN'], { cwd });
  assert.equal(code, 5);
  const report = JSON.parse(stdout);
  assert.equal(report.ok, false);
  assert.equal(report.dir, join(cwd, 'cgi-bin'));
  assert.deepEqual(
    report.scripts.map((s: { path: string; failure: { code: string } | null }) => [s.path, s.failure?.code ?? null]),
    [
      ['crlf.sh', 'SHEBANG_CRLF'],
      ['fix.py', 'NOT_EXECUTABLE'],
      ['hello.sh', null],
      ['sub/env.sh', null],
      ['typo.py', 'INTERPRETER_MISSING'],
    ],
  );
  assert.deepEqual(report.data.sort(), ['notes.txt', 'page.ext']);
});

test('programs that run already: does somebody listen?', async (t) => {
  const peer = await peerOf(t, 'scgi', ({ answer }) => answer('never asked'));
  const cwd = folder(t, { 'no-socket': '', 'closed/': '' });
  const sockets = await Promise.all(['left.sock', 'closed/open.sock', 'shut.sock'].map((name) => listen(join(cwd, name))));
  t.after(() => sockets.forEach((server) => void server.close()));
  // A program that was killed leaves its socket behind.
  renameSync(join(cwd, 'left.sock'), join(cwd, 'kept.sock'));
  sockets[0]!.close();
  chmodSync(join(cwd, 'shut.sock'), 0);
  const close = (mode: number): void => chmodSync(join(cwd, 'closed'), mode);
  const at = (name: string): string => `unix:${join(cwd, name)}`;
  const addresses = ['none.sock', 'kept.sock', 'no-socket', 'shut.sock', 'closed/open.sock'].map(at);
  const argv = ['doctor', '--scgi', `/well=${peer.address}`, '--uwsgi', `/app=${addresses.join(',')}?modifier1=5`];
  close(0);
  const { code, stdout } = await runCli(argv, { cwd }).finally(() => close(0o755));
  assert.equal(code, 5, stdout);
  assert.match(stdout, /^ {2}✓ SCGI +\/well +\S+ +somebody listens$/m);
  assert.match(stdout, /none\.sock +there is no such socket \(ENOENT\)\n +mend {2}Start the program/);
  assert.match(stdout, /kept\.sock +the socket is there, but nobody listens: its program has ended \(ECONNREFUSED\)/);
  assert.match(stdout, /no-socket +this is a file and no socket/);
  // Nothing is closed to root.
  if (process.getuid?.() !== 0) {
    assert.match(stdout, /shut\.sock +this user may not connect: the socket has mode 0000, owner \d+, group \d+ \(EACCES\)\n.*usermod -aG/);
    assert.match(stdout, /closed\/open\.sock +this user may not enter the folder of the socket \(EACCES\)\n.*namei -l /);
  }
  const report = JSON.parse((await runCli([...argv, '--json'], { cwd })).stdout);
  assert.deepEqual([report.dir, report.ok, report.mounts.length, report.mounts[1].failure.errno], [null, false, 6, 'ENOENT']);
  const well = await runCli(['doctor', '--scgi', `/well=${peer.address}`, '--lang', 'zh-CN'], { cwd });
  assert.deepEqual([well.code, /✓ SCGI .*有程序监听/.test(well.stdout)], [0, true]);
  assert.equal(peer.visits.length, 0, 'nobody was asked anything');
});

const listen = (path: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(path, () => resolve(server));
  });

test('all well: exit code 0; nothing here: said so', async (t) => {
  const well = await runCli(['doctor'], { cwd: folder(t, { 'cgi-bin/hello.sh': hello, 'cgi-bin/data.json': '{}' }) });
  assert.equal(well.code, 0);
  assert.match(well.stdout, /^1 would run$/m);
  const empty = await runCli(['doctor', '--lang', 'zh-CN'], { cwd: folder(t, { 'cgi-bin/': '' }) });
  assert.equal(empty.code, 0);
  assert.match(empty.stdout, /此处没有脚本/);
});
