/** The server as a user starts and stops it: streams, banner, log formats, port policy, signals. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerOf } from '../carrier/peers.js';
import { gone, written } from '../life/processes.js';
import { bin, type CliOptions, runCli, startCli } from '../support/cli.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { folder, hello } from './folder.js';

const broken = '#!/bin/sh\necho "Content-Type: text/plain"\necho "oops: no such thing" >&2\nexit 3\n';
/** Tells its pid, answers its head, and goes on for as long as it may. */
const slow = [
  ...['#!/bin/sh', 'echo "Content-Type: text/plain"', 'echo'],
  ...['echo $$ > "$DOCUMENT_ROOT/pid.tmp"', 'mv "$DOCUMENT_ROOT/pid.tmp" "$DOCUMENT_ROOT/pid"', 'exec sleep 600'],
].join('\n');

const start = async (t: TestContext, argv: string[], options: CliOptions = {}) => {
  const cli = await startCli(argv, options);
  t.after(() => cli.stop());
  return cli;
};

const shown = (cli: { stdout(): string; stderr(): string }): string => `--- stdout\n${cli.stdout()}\n--- stderr\n${cli.stderr()}`;

test('into a pipe: one line on stderr, the log on stdout, nothing else', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const cli = await start(t, ['--port', '0', '--spawn', 'portable'], { cwd });
  assert.equal(cli.stderr(), `cgi-serve listening on http://127.0.0.1:${cli.port}\n`);
  assert.equal(cli.stdout(), '');
  assert.equal((await get(cli.port, '/cgi-bin/hello.sh?x')).text, 'hello x\n');
  await cli.waitFor(/^\d\d:\d\d:\d\d\.\d{3} 200 GET \/cgi-bin\/hello\.sh\?x \S+ms \(.*\) pid \d+ 8B\n$/);
  cli.child.kill('SIGTERM');
  assert.deepEqual(await cli.exited, { code: 0, signal: null });
  assert.match(cli.stderr(), /^cgi-serve listening on \S+\nStopping\./);
});

test('with the JSON log stdout is NDJSON from the first byte on', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello, 'cgi-bin/broken.sh': broken });
  const cli = await start(t, ['--port', '0', '--log-format', 'json'], { cwd });
  await get(cli.port, '/cgi-bin/hello.sh');
  await get(cli.port, '/cgi-bin/broken.sh');
  const records = await until(() => {
    const lines = cli.stdout().split('\n').filter(Boolean);
    return lines.length >= 3 && lines.map((line) => JSON.parse(line));
  }, 'three records');
  assert.ok(records);
  assert.deepEqual(
    records.map((r: { event: string; status?: number; error?: string }) => [r.event, r.status, r.error]),
    [
      ['ready', undefined, undefined],
      ['request', 200, null],
      ['request', 502, 'REPLY_NO_BLANK_LINE'],
    ],
  );
  assert.equal(records[0].pid, cli.child.pid);
  assert.match(cli.stderr(), /^broken\.sh\[\d+\] oops: no such thing\n$/);
});

test('a failure: its line on stdout, its box on stderr, and what the script said', async (t) => {
  const cwd = folder(t, { 'cgi-bin/broken.sh': broken });
  const cli = await start(t, ['--port', '0', '--lang', 'zh-CN'], { cwd });
  assert.equal((await get(cli.port, '/cgi-bin/broken.sh')).status, 502);
  await get(cli.port, '/nothing');
  await cli.waitFor(/404 GET \/nothing .*NOT_FOUND/);
  assert.match(cli.stdout(), /^\S+ 502 GET \/cgi-bin\/broken\.sh .* code 3 .*REPLY_NO_BLANK_LINE$/m, shown(cli));
  assert.match(cli.stderr(), /^broken\.sh\[\d+\] oops: no such thing$/m);
  assert.match(cli.stderr(), /^ {2}502 {2}REPLY_NO_BLANK_LINE {3}\/cgi-bin\/broken\.sh\n.*空行/m);
  assert.match(cli.stderr(), /stderr {2}oops: no such thing/);
  // What is merely not there needs no box.
  assert.doesNotMatch(cli.stderr(), /NOT_FOUND/);
  await get(cli.port, '/cgi-bin/broken.sh');
  await cli.waitFor(/同上/);
});

test('--spawn: the log has the account of the kernel, or says that it has none', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const records = async (spawn: string) => {
    const cli = await start(t, ['--port', '0', '--log-format', 'json', '--spawn', spawn], { cwd });
    await get(cli.port, '/cgi-bin/hello.sh');
    await cli.waitFor(/"event":"request"/);
    return cli
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  const [ready, request] = await records('portable');
  assert.deepEqual(ready.births, { by: 'portable', why: null });
  assert.deepEqual([request.user_ms, request.system_ms, request.minor_faults, request.voluntary_switches], [null, null, null, null]);
  const [readyToo, accounted] = await records('auto');
  if (readyToo.births.by === 'portable') return t.diagnostic(readyToo.births.why);
  assert.ok(accounted.user_ms + accounted.system_ms > 0 && accounted.minor_faults > 0, JSON.stringify(accounted));
});

test('where koffi does not load: one line says so, and everything works', { skip: process.platform !== 'linux' }, async (t) => {
  const cwd = folder(t, {
    'cgi-bin/hello.sh': hello,
    'without.cjs': `const { Module } = require('node:module');
const load = Module._load;
Module._load = (name, ...more) => {
  if (name === 'koffi') throw Object.assign(new Error("Cannot find module 'koffi'"), { code: 'MODULE_NOT_FOUND' });
  return load(name, ...more);
};`,
  });
  const env = { NODE_OPTIONS: `--require ${JSON.stringify(join(cwd, 'without.cjs'))}` };
  const cli = await start(t, ['--port', '0'], { cwd, env });
  await cli.waitFor(/^processes are born the portable way, by node:child_process: koffi is not installed$/m);
  assert.equal((await get(cli.port, '/cgi-bin/hello.sh?x')).text, 'hello x\n');
  const demanded = await runCli(['--port', '0', '--spawn', 'native'], { cwd, env });
  assert.deepEqual([demanded.code, demanded.stderr], [2, 'cgi-serve: spawn native: koffi is not installed\n']);
});

test('common and combined for analysers, failures in one line beside them', async (t) => {
  const cwd = folder(t, { 'cgi-bin/broken.sh': broken });
  const cli = await start(t, ['--port', '0', '--log-format', 'combined'], { cwd });
  await get(cli.port, '/cgi-bin/broken.sh', { 'User-Agent': 'a"b' });
  await cli.waitFor(/^127\.0\.0\.1 - - \[[^\]]+\] "GET \/cgi-bin\/broken\.sh HTTP\/1\.1" 502 \d+ "-" "a\\"b"$/m);
  await cli.waitFor(/^502 REPLY_NO_BLANK_LINE \/cgi-bin\/broken\.sh: /m);
});

test('--quiet: neither banner nor log; a broken script still shows', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello, 'cgi-bin/broken.sh': broken });
  // Nothing tells the port of a quiet server: it is asked for one that was free a moment ago.
  const port = await freePort();
  const child = spawn(process.execPath, [bin, '--quiet', '--port', String(port)], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => out.push(piece));
  child.stderr.on('data', (piece: Buffer) => err.push(piece));
  await until(() => get(port, '/cgi-bin/hello.sh').catch(() => undefined), 'an answer', 20_000);
  await get(port, '/nothing');
  await get(port, '/cgi-bin/broken.sh');
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  assert.equal(await closed, 0);
  assert.equal(Buffer.concat(out).toString(), '');
  assert.match(Buffer.concat(err).toString(), /^broken\.sh\[\d+\] oops[^\n]*\n {2}502 {2}REPLY_NO_BLANK_LINE/);
  assert.doesNotMatch(Buffer.concat(err).toString(), /listening|Stopping|404/);
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

test('as `python -m http.server --cgi` was typed', async (t) => {
  const cwd = folder(t, { 'site/cgi-bin/hello.sh': hello, 'site/index.html': '<h1>home' });
  const cli = await start(t, ['--cgi', '-b', '127.0.0.1', '-d', 'site', '0'], { cwd });
  assert.match(cli.stderr(), /^cgi-serve: --cgi is not needed/);
  assert.equal((await get(cli.port, '/')).text, '<h1>home');
  assert.equal((await get(cli.port, '/cgi-bin/hello.sh?a')).text, 'hello a\n');
  // Under another prefix the folder is still no place to read scripts in.
  const other = await start(t, ['-d', 'site', '--prefix', '/x', '0'], { cwd });
  assert.equal((await get(other.port, '/x/hello.sh?a')).text, 'hello a\n');
  assert.equal((await get(other.port, '/cgi-bin/hello.sh')).status, 404);
});

test('mounts in a folder without cgi-bin: no scripts, no list of them; the longest prefix answers', async (t) => {
  const peer = await peerOf(t, 'scgi', ({ meta, answer }) => answer(`${meta.get('SCRIPT_NAME')}|${meta.get('PATH_INFO')}`));
  const alone = await start(t, ['--port', '0', '--scgi', `/app=${peer.address}`], { cwd: folder(t) });
  assert.equal((await get(alone.port, '/app/x')).text, '/app|/x');
  for (const path of ['/', '/cgi-bin/', '/cgi-bin/hello.sh']) assert.equal((await get(alone.port, path)).status, 404, path);
  assert.equal(peer.visits[0]!.meta.has('DOCUMENT_ROOT'), false, 'no files, no root of them');

  const files = { 'public/a.txt': 'static\n', 'public/a.cgi': hello };
  const beside = await start(t, ['--port', '0', '--scgi', `/app=${peer.address}`], { cwd: folder(t, files) });
  assert.equal((await get(beside.port, '/a.txt')).text, 'static\n');
  assert.equal((await get(beside.port, '/a.cgi')).status, 403, 'a source is not sent');

  const whole = await start(t, ['--port', '0', '--scgi', `/=${peer.address}`], { cwd: folder(t, { 'cgi-bin/hello.sh': hello }) });
  assert.equal((await get(whole.port, '/any/thing')).text, '|/any/thing');
  assert.equal((await get(whole.port, '/')).text, '|/');
  assert.equal((await get(whole.port, '/cgi-bin/hello.sh?x')).text, 'hello x\n');
  assert.equal((await get(whole.port, '/cgi-bin/none.sh')).status, 404);
});

test('an extension needs a folder of files: --public, ./public, or -d with a site that has no cgi-bin', async (t) => {
  const peer = await peerOf(t, 'fastcgi', ({ meta, answer }) => answer(`${meta.get('SCRIPT_FILENAME')}`));
  const mount = ['--port', '0', '--fastcgi', `.php=${peer.address}`];
  const cwd = folder(t, { 'public/index.php': '', 'site/index.php': '', 'site/a.txt': 'static\n', 'other/cgi-bin/hello.sh': hello });
  const asked: [argv: string[], root: string][] = [
    [mount, 'public'],
    [[...mount, '--public', 'site'], 'site'],
    [[...mount, '-d', 'site'], 'site'],
  ];
  for (const [argv, root] of asked) {
    const cli = await start(t, argv, { cwd });
    assert.equal((await get(cli.port, '/')).text, join(cwd, root, 'index.php'), argv.join(' '));
    assert.equal((await get(cli.port, '/cgi-bin/')).status, 404);
  }
  const site = await start(t, [...mount, '-d', 'other'], { cwd });
  assert.equal((await get(site.port, '/cgi-bin/hello.sh?x')).text, 'hello x\n', 'a cgi-bin that is there is served');
});

test('a number is a port, unless there is a directory of that name', async (t) => {
  const cwd = folder(t, { '007/hello.sh': hello, 'cgi-bin/other.sh': hello });
  const cli = await start(t, ['007', '-p0'], { cwd });
  assert.equal((await get(cli.port, '/cgi-bin/hello.sh?a')).text, 'hello a\n');
  const other = await start(t, ['0'], { cwd });
  assert.equal((await get(other.port, '/cgi-bin/other.sh?a')).text, 'hello a\n');
});

test('options from the environment and from the config file', async (t) => {
  const config = '{"dir": "scripts", "port": 65535, "prefix": "/run", "env": {"GREETING": "hi"}, "public": "site"}';
  const script = '#!/bin/sh\necho "Content-Type: text/plain"\necho\necho "$GREETING $SEEN $HIDDEN"\n';
  const cwd = folder(t, { 'cgi-serve.config.json': config, 'scripts/a.sh': script, 'site/x.txt': 'static' });
  const cli = await start(t, [], { cwd, env: { CGI_SERVE_PORT: '0', CGI_SERVE_PASS_ENV: 'SEEN', SEEN: 'yes', HIDDEN: 'no' } });
  assert.equal((await get(cli.port, '/run/a.sh')).text, 'hi yes \n');
  assert.equal((await get(cli.port, '/x.txt')).text, 'static');
  const without = await start(t, ['--no-public', '--prefix', '/y'], { cwd, env: { PORT: '0', CGI_SERVE_PORT: undefined } });
  assert.equal((await get(without.port, '/x.txt')).status, 404);
  assert.equal((await get(without.port, '/y/a.sh')).text, 'hi  \n');
});

test('values reach the server: limits, interpreters, encoded slashes', async (t) => {
  const cwd = folder(t, {
    'cgi-bin/a.txtsh': 'echo "Content-Type: text/plain"; echo; echo "$PATH_INFO"; cat',
    'cgi-bin/slow.sh': '#!/bin/sh\nexec sleep 600\n',
  });
  const options = ['-i', '.txtsh=sh', '--encoded-slashes', 'decode', '--max-body', '10'];
  const cli = await start(t, ['-p0', ...options], { cwd });
  assert.equal((await get(cli.port, '/cgi-bin/a.txtsh/a%2Fb')).text, '/a/b\n');
  assert.equal((await post(cli.port, '/cgi-bin/a.txtsh', '0123456789')).text, '\n0123456789');
  assert.equal((await post(cli.port, '/cgi-bin/a.txtsh', '0123456789!')).status, 413);
  const impatient = await start(t, ['-p0', '--header-timeout', '300ms'], { cwd });
  assert.equal((await get(impatient.port, '/cgi-bin/slow.sh')).status, 504);
  const unlimited = await start(t, ['-p0', '-i', '.txtsh=sh', '--max-body', '0'], { cwd });
  assert.equal((await post(unlimited.port, '/cgi-bin/a.txtsh', '0123456789')).text, '\n0123456789');
});

test('whoever lets others in is warned', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const cli = await start(t, ['-p0', '--host', '0.0.0.0'], { cwd });
  assert.match(cli.stderr(), /^warning: whoever reaches 0\.0\.0\.0 port \d+ runs the programs in \.\/cgi-bin, as (this user|root)$/m);
  const own = await start(t, ['-p0', '--host', '127.0.0.1'], { cwd });
  assert.doesNotMatch(own.stderr(), /warning/);
});

test('colours only where they are wanted', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const cli = await start(t, ['-p0'], { cwd, env: { FORCE_COLOR: '1' } });
  await get(cli.port, '/cgi-bin/hello.sh');
  await cli.waitFor(/200 GET/);
  assert.match(cli.stdout(), /\x1b\[32m200/);
});

// --- how it ends -----------------------------------------------------------------------------------------------------

/** A server with one script that would run for ten minutes; the pid of that script. */
const busy = async (t: TestContext, argv: string[]) => {
  const cwd = folder(t, { 'cgi-bin/slow.sh': slow, 'public/': '' });
  const cli = await start(t, ['-p0', ...argv], { cwd });
  const answer = get(cli.port, '/cgi-bin/slow.sh').catch(() => undefined);
  t.after(() => answer);
  const pid = Number(await written(join(cwd, 'public', 'pid')));
  return { cli, pid };
};

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal}: what still runs after --grace is ended, and the exit code says so`, async (t) => {
    const { cli, pid } = await busy(t, ['--grace', '200ms']);
    cli.child.kill(signal);
    await cli.waitFor(/Stopping\. Scripts that still run have 200 ms; Ctrl-C again ends them now/);
    assert.deepEqual(await cli.exited, { code, signal: null });
    await gone(pid);
  });
}

test('a second Ctrl-C does not wait', async (t) => {
  const { cli, pid } = await busy(t, ['--grace', '10m']);
  cli.child.kill('SIGINT');
  await cli.waitFor(/Stopping/);
  cli.child.kill('SIGINT');
  assert.deepEqual(await cli.exited, { code: 130, signal: null });
  await gone(pid);
});

test('what ends within the grace was not forced', async (t) => {
  const script = [
    ...['#!/bin/sh', 'echo "Content-Type: text/plain"', 'echo', 'echo begun > "$DOCUMENT_ROOT/begun"'],
    ...['while [ ! -e "$DOCUMENT_ROOT/go" ]; do sleep 0.05; done', 'echo done'],
  ].join('\n');
  const cwd = folder(t, { 'cgi-bin/wait.sh': script, 'public/': '' });
  const cli = await start(t, ['-p0', '--grace', '10m'], { cwd });
  const answer = get(cli.port, '/cgi-bin/wait.sh');
  await written(join(cwd, 'public', 'begun'));
  cli.child.kill('SIGTERM');
  await cli.waitFor(/Stopping/);
  writeFileSync(join(cwd, 'public', 'go'), '');
  assert.equal((await answer).text, 'done\n');
  assert.deepEqual(await cli.exited, { code: 0, signal: null });
});

test('`cgi-serve | head`: when nobody reads the log, it ends in silence and leaves no child', async (t) => {
  const { cli, pid } = await busy(t, []);
  cli.child.stdout!.destroy();
  // The write that finds the pipe closed is the next request's line.
  await until(async () => {
    await get(cli.port, '/').catch(() => undefined);
    return cli.child.exitCode !== null;
  }, 'the server to end');
  assert.equal(cli.child.exitCode, 0);
  assert.doesNotMatch(cli.stderr(), /EPIPE|Error|mistake/);
  await gone(pid);
});
