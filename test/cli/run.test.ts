/** `run`: one exchange without a server, and all that is known of it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { failureTable } from '../../src/failures.js';
import { bearFor } from '../../src/process/bear.js';
import { runCli } from '../support/cli.js';
import { folder, hello } from './folder.js';

const echo =
  '#!/bin/sh\necho "Content-Type: text/plain"\necho "Status: 201 Made"\necho "X-Foo: bar"\necho "Connection: close"\necho\nenv\necho "[$(cat)]"\n';

test('the environment with its sections, the output, each header line judged, the outcome', async (t) => {
  const cwd = folder(t, { 'cgi-bin/echo.sh': echo });
  const { code, stdout, stderr } = await runCli(['run', 'cgi-bin/echo.sh', '/in/fo?a=1', '-d', 'x=1', '-H', 'Cookie: c=1'], { cwd });
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, '');
  const expected = [
    /^ {2}POST \/cgi-bin\/echo\.sh\/in\/fo\?a=1 HTTP\/1\.1$/m,
    /^ {2}§4\.1\.2 +CONTENT_LENGTH +3$/m,
    /^ {2}§4\.1\.5 +PATH_INFO +\/in\/fo$/m,
    /^ {2}§4\.1\.13 +SCRIPT_NAME +\/cgi-bin\/echo\.sh$/m,
    /^ {2}§4\.1\.18 +HTTP_COOKIE +c=1$/m,
    /^ {2}✓ Status: 201 Made +RFC 3875 §6\.3\.3/m,
    /^ {2}→ X-Foo: bar/m,
    /^ {2}– Connection: close/m,
    /^ {2}│ \[x=1\]$/m,
    /^ {2}✓ 201 Made · a document/m,
  ];
  for (const pattern of expected) assert.match(stdout, pattern);
});

test('what the script sees is what is shown', async (t) => {
  const cwd = folder(t, { 'cgi-bin/echo.sh': echo });
  const { stdout } = await runCli(['run', 'cgi-bin/echo.sh', '?a=1', '-e', 'MINE=1', '--json'], { cwd });
  const report = JSON.parse(stdout);
  const seen = report.output.text.split('\n').filter((line: string) => /^[A-Z_]+=/.test(line) && !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
  const told = report.environment.map((v: { name: string; value: string }) => `${v.name}=${v.value}`);
  assert.deepEqual(seen.sort(), told.sort());
  assert.ok(told.includes('MINE=1') && told.includes('QUERY_STRING=a=1'));
});

test('the JSON report', async (t) => {
  const cwd = folder(t, { 'cgi-bin/echo.sh': echo });
  const { code, stdout } = await runCli(['run', '--json', 'cgi-bin/echo.sh', '-X', 'PUT', '-d', '@-', '--lang', 'zh-CN'], {
    cwd,
    input: 'from stdin',
  });
  const report = JSON.parse(stdout);
  assert.equal(code, 0);
  assert.equal(report.conforms, true);
  assert.equal(report.request.method, 'PUT');
  assert.match(report.output.text, /\[from stdin\]\n$/);
  assert.deepEqual(report.answer, {
    kind: 'document',
    status: 201,
    reason: 'Made',
    headers: [
      ['Content-Type', 'text/plain'],
      ['X-Foo', 'bar'],
    ],
    location: null,
  });
  assert.deepEqual(
    report.header_lines.map((l: { verdict: string }) => l.verdict),
    ['cgi', 'cgi', 'sent', 'dropped'],
  );
  assert.equal(report.process.exit_code, 0);
  assert.equal(report.failure, null);
});

test("the kernel's account, where it was asked", async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const portable = await runCli(['run', 'cgi-bin/hello.sh', '--spawn', 'portable'], { cwd });
  assert.match(portable.stdout, /^ {2}the kernel's account: not available \(born the portable way, by node:child_process\)$/m);
  assert.equal(JSON.parse((await runCli(['run', 'cgi-bin/hello.sh', '--spawn', 'portable', '--json'], { cwd })).stdout).account, null);
  if (bearFor('auto').by !== 'native') return t.diagnostic('no native birth here');
  const native = await runCli(['run', 'cgi-bin/hello.sh', '--spawn', 'native'], { cwd });
  assert.match(native.stdout, /^ {2}cpu \d+\.\d ms.* · \d+ page faults, \d+ from disk · \d+ context switches, \d+ of its own will$/m);
  const { account } = JSON.parse((await runCli(['run', 'cgi-bin/hello.sh', '--json'], { cwd })).stdout);
  assert.ok(account.user_ms + account.system_ms > 0 && account.minor_faults > 0, JSON.stringify(account));
});

const wrong: Record<string, [script: string, code: keyof typeof failureTable]> = {
  'empty.sh': ['#!/bin/sh\n', 'REPLY_EMPTY'],
  'crash.sh': ['#!/bin/sh\necho "it broke" >&2\nexit 3\n', 'REPLY_CRASHED'],
  'no-blank.sh': ['#!/bin/sh\necho "Content-Type: text/plain"\n', 'REPLY_NO_BLANK_LINE'],
  'prose.sh': ['#!/bin/sh\necho "Hello world"\n', 'REPLY_NOT_A_HEADER'],
  'name.sh': ['#!/bin/sh\necho "Content Type: text/plain"\necho\n', 'REPLY_BAD_NAME'],
  'status.sh': ['#!/bin/sh\necho "Status: OK"\necho\n', 'REPLY_BAD_STATUS'],
  'short.sh': ['#!/bin/sh\nprintf "Content-Type: text/plain\\nContent-Length: 9\\n\\nabc"\n', 'REPLY_SHORT'],
  'slow.sh': ['#!/bin/sh\nexec sleep 600\n', 'REPLY_HEAD_TIMEOUT'],
  'crlf.sh': ['#!/bin/sh\r\necho\r\n', 'SHEBANG_CRLF'],
  'noexec.sh': ['echo\n', 'NOT_EXECUTABLE'],
  'no-such.sh': ['#!/no/such/interpreter\n', 'INTERPRETER_MISSING'],
};

test('a script that does not conform: exit code 5, and why', async (t) => {
  const cwd = folder(t, Object.fromEntries(Object.entries(wrong).map(([name, [text]]) => [`cgi-bin/${name}`, text])));
  for (const [name, [, expected]] of Object.entries(wrong)) {
    const { code, stdout, stderr } = await runCli(
      ['run', `cgi-bin/${name}`, '--header-timeout', name === 'slow.sh' ? '0.5' : '30', '--json'],
      { cwd },
    );
    assert.equal(code, 5, `${name}: ${stdout}${stderr}`);
    const report = JSON.parse(stdout);
    assert.equal(report.conforms, false, name);
    assert.equal(report.failure.code, expected, name);
    assert.equal(report.failure.what, failureTable[expected].what.en);
  }
  const { code, stdout } = await runCli(['run', 'cgi-bin/crash.sh', '--lang', 'zh-CN'], { cwd });
  assert.equal(code, 5);
  assert.match(stdout, /^ {2}502 {2}REPLY_CRASHED {3}\/cgi-bin\/crash\.sh$/m);
  assert.match(stdout, /^ {2}it broke$/m);
  assert.ok(stdout.includes(failureTable.REPLY_CRASHED.what.zh));
});

test('redirects, NPH, HEAD and binary output', async (t) => {
  const cwd = folder(t, {
    'cgi-bin/local.sh': '#!/bin/sh\necho "Location: /cgi-bin/x?y"\necho\n',
    'cgi-bin/client.sh': '#!/bin/sh\necho "Location: http://example.org/"\necho\n',
    'cgi-bin/nph-raw.sh': '#!/bin/sh\nprintf "HTTP/1.1 200 OK\\r\\n\\r\\nraw"\n',
    'cgi-bin/image.sh': '#!/bin/sh\nprintf "Content-Type: image/png\\n\\n\\211PNG\\000"\n',
    'cgi-bin/hello.sh': hello,
  });
  assert.match((await runCli(['run', 'cgi-bin/local.sh'], { cwd })).stdout, /a local redirect.* → \/cgi-bin\/x\?y$/m);
  assert.match(
    (await runCli(['run', 'cgi-bin/client.sh'], { cwd })).stdout,
    /✓ 302 Found · a client redirect .* → http:\/\/example\.org\/$/m,
  );
  assert.match((await runCli(['run', 'cgi-bin/nph-raw.sh'], { cwd })).stdout, /│ HTTP\/1\.1 200 OK␍\n[\s\S]*✓ NPH/);
  const image = await runCli(['run', 'cgi-bin/image.sh'], { cwd });
  assert.match(image.stdout, /│ 0000 {2}89 50 4e 47 00/);
  assert.equal(
    Buffer.from(JSON.parse((await runCli(['run', 'cgi-bin/image.sh', '--json'], { cwd })).stdout).output.base64, 'base64').at(-1),
    0,
  );
  assert.equal((await runCli(['run', 'cgi-bin/hello.sh', '-XHEAD'], { cwd })).code, 0);
});

test('URL: a query, a path, or the whole of it', async (t) => {
  const cwd = folder(t, { 'cgi-bin/sub/hello.sh': hello, 'alone.sh': hello });
  const target = async (script: string, ...url: string[]): Promise<string> =>
    JSON.parse((await runCli(['run', script, ...url, '--json'], { cwd })).stdout).request.target;
  assert.equal(await target('cgi-bin/sub/hello.sh'), '/cgi-bin/sub/hello.sh');
  assert.equal(await target('cgi-bin/sub/hello.sh', '?a'), '/cgi-bin/sub/hello.sh?a');
  assert.equal(await target('cgi-bin/sub/hello.sh', '/cgi-bin/sub/hello.sh/p?a'), '/cgi-bin/sub/hello.sh/p?a');
  assert.equal(await target('cgi-bin/sub/hello.sh', 'http://example.org:81/cgi-bin/sub/hello.sh?a#f'), '/cgi-bin/sub/hello.sh?a');
  assert.equal(await target('alone.sh', '/p'), '/cgi-bin/alone.sh/p');
});

test('output without end is cut short, not collected', async (t) => {
  const cwd = folder(t, { 'cgi-bin/big.sh': '#!/bin/sh\necho "Content-Type: text/plain"\necho\nhead -c 3000000 /dev/zero | tr "\\0" x\n' });
  const { code, stdout } = await runCli(['run', 'cgi-bin/big.sh'], { cwd });
  assert.equal(code, 0);
  assert.ok(stdout.length < 100_000, `${stdout.length} characters`);
  assert.match(stdout, /… 298\d{4} bytes more/);
  const report = JSON.parse((await runCli(['run', 'cgi-bin/big.sh', '--json'], { cwd })).stdout);
  assert.equal(report.output.truncated, true);
  assert.equal(report.output.bytes, 3_000_000 + 'Content-Type: text/plain\n\n'.length);
});

test('data from a file, its own type', async (t) => {
  const cwd = folder(t, { 'cgi-bin/echo.sh': echo });
  writeFileSync(join(cwd, 'body'), 'from a file');
  const { stdout } = await runCli(['run', 'cgi-bin/echo.sh', '-d@body', '-H', 'content-type: text/x'], { cwd });
  assert.match(stdout, /CONTENT_TYPE +text\/x$/m);
  assert.match(stdout, /\[from a file\]/);
});
