/** `bench`: real programs under a short load. What it counts must agree with itself; never how fast. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { children } from '../life/processes.js';
import { bin, runCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { folder, hello } from './folder.js';

const brief = ['--duration', '200ms', '--rounds', '2', '--warm-up', '0', '-c', '2'];

/** Runs `bench` with a folder for temporary files of its own, which must be empty afterwards. */
const bench = async (t: TestContext, argv: string[], cwd = folder(t)) => {
  const tmp = join(cwd, 'tmp');
  mkdirSync(tmp, { recursive: true });
  const result = await runCli(['bench', ...argv], { cwd, env: { TMPDIR: tmp }, timeoutMs: 120_000 });
  assert.deepEqual(readdirSync(tmp), [], 'nothing is left');
  return result;
};

const app = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'hello']
`;

test('a script and a static file, as one object', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello, 'public/hello.txt': 'hello' });
  const { code, stdout, stderr } = await bench(t, ['cgi-bin/hello.sh?a=1', '/hello.txt', ...brief, '--json'], cwd);
  assert.deepEqual([code, stderr], [0, '']);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.loop, report.rounds, report.slice_ms, report.interrupted], [{ kind: 'closed', users: 2 }, 2, 100, false]);
  const [script, file] = report.targets;
  assert.deepEqual([script.name, script.gateway, file.name, file.gateway], ['/cgi-bin/hello.sh?a=1', 'cgi', '/hello.txt', 'static']);
  for (const { answered, requests, failed, processes_born, gateway, rounds, latency_ms, server_cpu_ms } of report.targets) {
    assert.ok(answered >= 4 && answered === requests, 'each user at least once in each round');
    assert.deepEqual(failed, {});
    assert.equal(processes_born, gateway === 'cgi' ? answered : 0);
    assert.deepEqual(rounds.map(({ round }: { round: number }) => round), [1, 2]); // biome-ignore format: one line
    assert.ok(latency_ms.p50 > 0 && latency_ms.p50 <= latency_ms.max * 1.001);
    assert.ok(latency_ms.points.at(-1)[0] <= 100 - 100 / answered + 1e-6);
    assert.ok(server_cpu_ms.user + server_cpu_ms.system > 0);
  }
  if (report.births.by === 'native') assert.ok(script.program_cpu_ms_per_request > 0);
});

test('the same program as CGI and on workers that stay', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello, 'app.py': app });
  const { code, stdout, stderr } = await bench(
    t,
    ['/app', 'cgi-bin/hello.sh', '--wsgi', '/app=app:application', '--workers', '1', ...brief, '--json'],
    cwd,
  );
  assert.equal(code, 0, stdout + stderr);
  const [wsgi, cgi] = JSON.parse(stdout).targets;
  assert.deepEqual([wsgi.gateway, wsgi.processes_born, cgi.processes_born], ['wsgi', 0, cgi.answered]);
  assert.ok(wsgi.answered >= 4);
});

test('for a person, in both languages; the pictures and the page are written', async (t) => {
  const cwd = folder(t, { 'cgi-bin/a.sh': hello, 'cgi-bin/b.sh': hello });
  const targets = ['cgi-bin/a.sh', 'cgi-bin/b.sh'];
  const english = await bench(t, [...targets, ...brief, '--html', 'report.html', '--svg', 'report.svg'], cwd);
  assert.equal(english.code, 0);
  assert.match(
    english.stdout,
    /^Closed loop: 2 users, each asks again when answered · 2 rounds of 0\.1 s each, in turn, after 0 s of warming up$/m,
  );
  assert.match(english.stdout, /^ +requests\/s +rounds$/m);
  assert.match(english.stdout, /^ {2}\/cgi-bin\/a\.sh {2}cgi +[\d.,]+ +[\d.,]+ – [\d.,]+ {2}[█▏]+$/m);
  assert.match(english.stdout, /^ +p50( +p\d+)* +max +answers$/m);
  assert.match(english.stdout, /answers cannot tell p\d/);
  assert.match(english.stdout, /^ +processes +server ms +program ms +failed$/m);
  assert.match(english.stdout, /share the \d+ processors? of this machine/);
  assert.equal(english.stderr, 'Written: report.svg\nWritten: report.html\n', 'no progress into a pipe');
  assert.match(
    readFileSync(join(cwd, 'report.html'), 'utf8'),
    /^<!doctype html>[\s\S]*<article lang="en">[\s\S]*<article lang="zh-CN">[\s\S]*<\/html>\n$/,
  );
  assert.match(readFileSync(join(cwd, 'report.svg'), 'utf8'), /^<svg [\s\S]*Latency by percentile[\s\S]*<\/svg>\n$/);
  const chinese = (await bench(t, [...targets, ...brief, '--lang', 'zh-CN', '--rate', '20'], cwd)).stdout;
  assert.match(chinese, /^开环：每秒 20 个请求，同时在途至多 2 个/m);
  assert.match(chinese, /若从实际发出时算起/);
  assert.match(chinese, /新进程 +服务器 CPU/);
});

test('open loop: counted from when they were due, a stall is longer than from when they were sent', async (t) => {
  if (!needs(t, 'python3')) return;
  // One worker, which once has something else to do.
  const stalls = app
    .replace('def', 'import time\nasked = 0\ndef')
    .replace('    start', '    global asked\n    asked += 1\n    if asked == 10: time.sleep(0.5)\n    start');
  const cwd = folder(t, { 'app.py': stalls });
  const argv = [
    '/',
    '--wsgi',
    'app:application',
    '--workers',
    '1',
    '--rate',
    '20',
    '-c',
    '1',
    '--duration',
    '2',
    '--rounds',
    '1',
    '--warm-up',
    '0',
  ];
  const { code, stdout, stderr } = await bench(t, [...argv, '--json'], cwd);
  assert.equal(code, 0, stdout + stderr);
  const report = JSON.parse(stdout);
  const [{ requests, answered, failed, latency_ms: due, latency_from_sent_ms: sent, generator }] = report.targets;
  assert.deepEqual([requests, report.loop], [40, { kind: 'open', requests_per_second: 20, connections: 1 }]);
  assert.equal(answered + (failed.unsent ?? 0), 40, stdout);
  for (const [i, [percent, ms]] of due.points.entries()) assert.ok(ms >= sent.points[i][1] * 0.999, `p${percent}`);
  assert.ok(due.max >= sent.max && sent.max >= 500, stdout);
  assert.ok(generator.late_ms !== null);
  assert.match(report.sentences.coordinated_omission, /counted from when they were due|the figures are the same/);
});

test('a line for each round, for a spreadsheet', async (t) => {
  const cwd = folder(t, { 'cgi-bin/a.sh': hello });
  const { stdout } = await bench(t, ['cgi-bin/a.sh', ...brief, '--csv'], cwd);
  const [head, ...lines] = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  assert.deepEqual(head!.slice(0, 4), ['target', 'gateway', 'round', 'seconds']);
  assert.deepEqual(lines.map((line) => line.slice(0, 3)), [['/cgi-bin/a.sh', 'cgi', '1'], ['/cgi-bin/a.sh', 'cgi', '2']]); // biome-ignore format: one line
});

test('a target that fails all is told, with its cause; the others are measured', async (t) => {
  const cwd = folder(t, { 'cgi-bin/a.sh': hello, 'cgi-bin/broken.sh': '#!/bin/sh\necho Hello\n' });
  const { code, stdout } = await bench(t, ['cgi-bin/a.sh', 'cgi-bin/broken.sh', '/nowhere', ...brief], cwd);
  assert.equal(code, 5);
  const flat = stdout.replace(/\s+/g, ' ');
  assert.match(flat, /\/cgi-bin\/broken\.sh answered no request well and was not measured: 502 × 2\. REPLY_NOT_A_HEADER: /);
  assert.match(flat, /\/nowhere answered no request well and was not measured: 404 × 2\. NOT_FOUND: /);
  assert.match(stdout, /^ {2}\/cgi-bin\/a\.sh +cgi +\d/m);
  const none = await bench(t, ['/nowhere', ...brief], cwd);
  assert.equal(none.code, 5);
  assert.match(none.stdout, /\/nowhere answered no request well/);
  assert.doesNotMatch(none.stdout, /requests\/s/);
});

test('a script directory comes with the scripts, or is named', async (t) => {
  const cwd = folder(t, { 'tools/deep/a.sh': hello, 'others/b.sh': hello });
  const named = async (...argv: string[]) => bench(t, [...argv, '--duration', '0', '--warm-up', '0', '--rounds', '1', '--json'], cwd);
  const alone = JSON.parse((await named('tools/deep/a.sh')).stdout);
  assert.deepEqual([alone.targets[0].name, alone.targets[0].gateway], ['/cgi-bin/a.sh', 'cgi']);
  const within = JSON.parse((await named('tools', 'tools/deep/a.sh', '/scripts/deep/a.sh', '--prefix', '/scripts')).stdout);
  assert.deepEqual(within.targets.map(({ name }: { name: string }) => name), ['/scripts/deep/a.sh', '/scripts/deep/a.sh #2']); // biome-ignore format: one line
  const two = await named('tools/deep/a.sh', 'others/b.sh');
  assert.equal(two.code, 2);
  assert.match(two.stderr, /would need 2 script directories/);
  const one = JSON.parse((await named('tools/deep/a.sh', 'others/b.sh', '.')).stdout);
  assert.deepEqual(one.targets.map(({ gateway }: { gateway: string }) => gateway), ['cgi', 'cgi']); // biome-ignore format: one line
});

test('Ctrl-C: what was measured is told, and nothing is left', async (t) => {
  const cwd = folder(t, { 'tmp/': '', 'cgi-bin/a.sh': '#!/bin/sh\n: >> "$DOCUMENT_ROOT/ran"\necho "Content-Type: text/plain"\necho\n' });
  const argv = [bin, 'bench', 'cgi-bin/a.sh', '--warm-up', '0', '--duration', '1000', '--rounds', '2', '--json'];
  const cli = spawn(process.execPath, argv, { cwd, env: { ...process.env, TMPDIR: join(cwd, 'tmp') } });
  t.after(() => cli.kill('SIGKILL'));
  let stdout = '';
  cli.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString();
  });
  await until(() => existsSync(join(cwd, 'cgi-bin/ran')), 'the first request', 60_000);
  const others = children(cli.pid).map(({ pid }) => pid);
  assert.ok(others.length >= 1, 'the generator, at least');
  const ended = new Promise((resolve) => cli.once('close', (code, signal) => resolve([code, signal])));
  cli.kill('SIGINT');
  assert.deepEqual(await ended, [130, null]);
  for (const pid of others) await until(() => !existsSync(`/proc/${pid}`), `process ${pid} to end`);
  assert.deepEqual(readdirSync(join(cwd, 'tmp')), []);
  assert.equal(JSON.parse(stdout).interrupted, true);
});

test('help, manual page and completions know it', async (t) => {
  const cwd = folder(t);
  const help = (await runCli(['bench', '--help'], { cwd })).stdout;
  for (const option of ['--rate', '--duration', '--rounds', '--warm-up', '--html', '--wsgi', '--interpreter', '--method'])
    assert.ok(help.includes(`${option} `), option);
  assert.doesNotMatch(help, /--port /);
  assert.match((await runCli(['--print-manpage'], { cwd })).stdout, /CGI\\-SERVE BENCH[\s\S]*\\-\\-rate/);
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match((await runCli(['--print-completions', shell], { cwd })).stdout, /\bbench\b[\s\S]*warm-up/, shell);
});
