/** `doctor`: every script examined, none started. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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

test('all well: exit code 0; nothing here: said so', async (t) => {
  const well = await runCli(['doctor'], { cwd: folder(t, { 'cgi-bin/hello.sh': hello, 'cgi-bin/data.json': '{}' }) });
  assert.equal(well.code, 0);
  assert.match(well.stdout, /^1 would run$/m);
  const empty = await runCli(['doctor', '--lang', 'zh-CN'], { cwd: folder(t, { 'cgi-bin/': '' }) });
  assert.equal(empty.code, 0);
  assert.match(empty.stdout, /此处没有脚本/);
});
