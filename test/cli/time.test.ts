/** `time`: what it measures adds up, what it says follows from what it measured, and it leaves nothing behind. Never how fast. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { accountRecord } from '../../src/cli/account.js';
import { interpretersKnown } from '../../src/script/empty.js';
import { medianAccount, middleHalf, percentiles, sumOf } from '../../src/trace/spread.js';
import { taxOf } from '../../src/trace/tax.js';
import type { KernelAccount } from '../../src/trace/trace.js';
import { gone, written } from '../life/processes.js';
import { bin, runCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { folder, hello } from './folder.js';

type Times = Record<string, number | null>;

/** The parts, rounded to microseconds each, are as much as their total. */
const addsUp = ({ total, ...parts }: Times, what: string): void => {
  const sum = Object.values(parts).reduce<number>((all, ms) => all + (ms ?? 0), 0);
  assert.ok(total !== null && total! > 0 && Math.abs(sum - total!) < 0.005, `${what}: ${sum} is not ${total}`);
  for (const ms of Object.values(parts)) assert.ok(ms === null || ms >= 0, what);
};

const accountKeys = Object.keys(accountRecord(undefined));

/** Runs `time` with a folder for temporary files of its own, which must be empty afterwards. */
const time = async (t: TestContext, argv: string[], cwd = folder(t)) => {
  const tmp = join(cwd, 'tmp');
  mkdirSync(tmp, { recursive: true });
  const result = await runCli(['time', ...argv], { cwd, env: { TMPDIR: tmp }, timeoutMs: 120_000 });
  assert.deepEqual(readdirSync(tmp), [], 'temporary files');
  return result;
};

test('the calibration, for a program', async (t) => {
  const { code, stdout, stderr } = await time(t, ['-n', '3', '--json']);
  assert.deepEqual([code, stderr], [0, '']);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.requests, report.concurrency, report.interrupted], [3, 1, false]);
  assert.ok(['native', 'portable'].includes(report.births.by));
  assert.match(report.machine.node, /^v\d+/);
  const names = report.calibrations.map(({ name }: { name: string }) => name);
  assert.deepEqual(names.slice(0, 2), ['true', 'sh']);
  const known = ['true', ...interpretersKnown.map(([name]) => name)];
  for (const row of report.calibrations) {
    assert.ok(known.includes(row.name) && row.program.startsWith('/'), row.program);
    // What stands in script/empty.ts must answer as CGI, in every language there is here.
    assert.equal(row.failure, null, `${row.name}: ${JSON.stringify(row.failure)}`);
    assert.equal(row.completed, 3);
    assert.deepEqual(Object.keys(row.times_ms), ['spawn', 'start_up', 'run', 'exit', 'total']);
    addsUp(row.times_ms, row.name);
    // `true` prints nothing: nobody saw its first byte.
    assert.equal(row.times_ms.start_up === null, row.name === 'true');
    assert.equal(row.account !== null, report.births.by === 'native');
    if (row.account) assert.deepEqual(Object.keys(row.account), accountKeys);
  }
});

test('the calibration, for a person: a table that adds up, with bars', async (t) => {
  for (const lang of ['en', 'zh-CN'] as const) {
    const { code, stdout, stderr } = await time(t, ['-n', '2', '--lang', lang]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^ +█spawn +▓start-up +▒run +░exit +total$/m);
    assert.match(stdout, lang === 'en' ? /2 exchanges each · one at a time/ : /各 2 次 · 逐个进行/);
    const rows = [...stdout.matchAll(/^ {2}(\S+) +([\d.]+) +([\d.]+|–) +([\d.]+) +([\d.]+) +([\d.]+) {2}([█▓▒░▏]+)$/gm)];
    assert.ok(rows.length >= 2, stdout);
    for (const [line, , spawn, startUp, run, exit, total] of rows) {
      const sum = [spawn, startUp, run, exit].reduce((all, text) => all + (text === '–' ? 0 : Number(text)), 0);
      assert.ok(Math.abs(sum - Number(total)) < 0.021, line);
    }
    assert.match(stdout, /^ {2}true +[\d.]+ +– +[\d.]+ /m);
    assert.match(stdout, lang === 'en' ? /A script that does nothing costs from [\d.]+ ms \(/ : /什么都不做的脚本/);
  }
});

test('a script, for a program: its split, its percentiles, its tax', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const { code, stdout, stderr } = await time(t, ['cgi-bin/hello.sh', '?a=1', '-n', '20', '--json'], cwd);
  assert.deepEqual([code, stderr], [0, '']);
  const report = JSON.parse(stdout);
  assert.equal(report.url, '/cgi-bin/hello.sh?a=1');
  assert.deepEqual([report.requests, report.completed, report.statuses, report.failure], [20, 20, { 200: 20 }, null]);
  assert.deepEqual(Object.keys(report.times_ms), ['spawn', 'wait', 'head', 'body', 'exit', 'total']);
  addsUp(report.times_ms, 'script');
  const { p50, p90, p99, max } = report.percentiles_ms;
  assert.ok(0 < p50 && p50 <= p90 && p90 <= max * 1.001, stdout);
  assert.equal(p99, null, '20 exchanges cannot tell p99');
  const { calibration, tax, times_ms: times } = report;
  assert.equal(calibration.name, 'sh');
  assert.equal(calibration.completed, 20);
  addsUp(calibration.times_ms, 'calibration');
  assert.deepEqual([tax.spawn, tax.exit, tax.of], [times.spawn, times.exit, times.total]);
  // As calibrated, and no more than the wait it is a part of.
  assert.ok(Math.abs(tax.start_up - Math.min(calibration.times_ms.start_up, times.wait)) < 0.002, stdout);
  assert.ok(Math.abs(tax.total - (tax.spawn + tax.start_up + tax.exit)) < 0.005, stdout);
  assert.ok(Math.abs(tax.share - tax.total / tax.of) < 0.005 && tax.share <= 1, stdout);
  const [, of, paid, percent] = /^of ([\d.]+) ms, ([\d.]+) ms \((\d+) %\) is paid again for every request$/.exec(report.sentence)!;
  assert.ok(Math.abs(Number(of) - tax.of) < 0.051 && Math.abs(Number(paid) - tax.total) < 0.051, stdout);
  assert.equal(Number(percent), Math.round(tax.share * 100));
  if (report.births.by === 'native') assert.deepEqual(Object.keys(report.account), accountKeys);
});

test('a script, for a person, in both languages', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const english = (await time(t, ['cgi-bin/hello.sh', '-n', '8'], cwd)).stdout;
  assert.match(english, /^ +█spawn +▓wait +▒head +▒body +░exit +total$/m);
  assert.match(english, /^ {2}hello\.sh( +[\d.]+){6} {2}[█▓▒░]+$/m);
  assert.match(english, /^ {2}empty sh( +[\d.]+){6} {2}[█▓▒░]+$/m);
  assert.match(english, /^ {2}p50 [\d.]+ · max [\d.]+ ms {2}8 exchanges cannot tell p90$/m);
  const [, of, paid, percent] = /^ {2}of ([\d.]+) ms, ([\d.]+) ms \((\d+) %\) is paid again for every request$/m.exec(english)!;
  assert.ok(Math.abs((100 * Number(paid)) / Number(of) - Number(percent)) <= 1.5, english);
  assert.match(english, /spawn [\d.]+ and exit [\d.]+, as measured; start-up of sh [\d.]+, as calibrated;/);
  const chinese = (await time(t, ['cgi-bin/hello.sh', '-n', '2', '--lang', 'zh-CN'], cwd)).stdout;
  assert.match(chinese, /^ {2}[\d.]+ 毫秒中，[\d.]+ 毫秒（\d+ %）是每个请求都要重新付出的$/m);
  assert.match(chinese, /空 sh/);
});

test('enough exchanges tell p99; several run at once; a request of another kind', async (t) => {
  const cwd = folder(t, {
    'cgi-bin/echo.sh': '#!/bin/sh\necho "Status: 201"\necho "Content-Type: text/plain"\necho\ncat\necho oops >&2\n',
  });
  const { code, stdout } = await time(t, ['cgi-bin/echo.sh', '-n', '100', '-c', '4', '-X', 'PUT', '-d', 'x=1', '--json'], cwd);
  assert.equal(code, 0, stdout);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.completed, report.concurrency, report.statuses, report.stderr_bytes], [100, 4, { 201: 100 }, 500]);
  assert.ok(report.percentiles_ms.p90 <= report.percentiles_ms.p99);
  addsUp(report.times_ms, 'script');
});

test('the empty program is like the script: its #! line, its mapping; and there may be none', async (t) => {
  const cwd = folder(t, {
    'cgi-bin/by-env': '#!/usr/bin/env sh\necho "Content-Type: text/plain"\necho\n',
    'cgi-bin/mapped.txtsh': 'echo "Content-Type: text/plain"; echo',
    'cgi-bin/odd': '#!/usr/bin/tail -n+2\nContent-Type: text/plain\n\nodd\n',
  });
  const calibrated = async (...argv: string[]) => JSON.parse((await time(t, [...argv, '-n', '2', '--json'], cwd)).stdout);
  assert.equal((await calibrated('cgi-bin/by-env')).calibration.name, 'sh');
  assert.equal((await calibrated('cgi-bin/mapped.txtsh', '-i', '.txtsh=sh')).calibration.name, 'sh');

  // What an unknown interpreter needs to start is not guessed.
  if (existsSync('/usr/bin/tail')) {
    const odd = await calibrated('cgi-bin/odd');
    assert.deepEqual([odd.calibration, odd.tax.start_up], [null, null]);
    assert.match(odd.sentence, /ms, at least [\d.]+ ms/);
    assert.match((await time(t, ['cgi-bin/odd', '-n', '2'], cwd)).stdout, /what tail needs to start is not known and not counted/);
  }
  if (needs(t, 'cc')) {
    const source = '#include <stdio.h>\nint main(void) { puts("Content-Type: text/plain\\n"); return 0; }\n';
    execFileSync('cc', ['-x', 'c', '-o', join(cwd, 'cgi-bin/compiled'), '-'], { input: source });
    const compiled = await calibrated('cgi-bin/compiled');
    assert.deepEqual([compiled.calibration, compiled.tax.start_up], [null, null]);
    assert.doesNotMatch(compiled.sentence, /at least/);
    assert.match((await time(t, ['cgi-bin/compiled', '-n', '2'], cwd)).stdout, /a compiled program has no interpreter to start/);
  }
});

test('the portable way: the account is not available, and never zero', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const report = JSON.parse((await time(t, ['cgi-bin/hello.sh', '-n', '2', '--spawn', 'portable', '--json'], cwd)).stdout);
  assert.deepEqual([report.births.by, report.account, report.calibration.account], ['portable', null, null]);
  const { stdout } = await time(t, ['cgi-bin/hello.sh', '-n', '2', '--spawn', 'portable'], cwd);
  assert.match(stdout, /The kernel's account: not available \(born the portable way/);
});

test('a script that does not answer as CGI is not timed', async (t) => {
  const cwd = folder(t, {
    'cgi-bin/broken.sh': '#!/bin/sh\necho Hello\n',
    'cgi-bin/later.sh':
      '#!/bin/sh\necho x >> "$DOCUMENT_ROOT/runs"\n[ "$(wc -l < "$DOCUMENT_ROOT/runs")" -gt 4 ] && exit 3\necho "Content-Type: text/plain"\necho\n',
  });
  const text = await time(t, ['cgi-bin/broken.sh'], cwd);
  assert.deepEqual([text.code, text.stdout], [5, '']);
  assert.match(text.stderr, /REPLY_NOT_A_HEADER[\s\S]*cgi-serve run \.\/cgi-bin\/broken\.sh/);
  const json = await time(t, ['cgi-bin/broken.sh', '--json'], cwd);
  assert.deepEqual([json.code, JSON.parse(json.stdout).failure.code], [5, 'REPLY_NOT_A_HEADER']);
  const later = await time(t, ['cgi-bin/later.sh'], cwd);
  assert.equal(later.code, 5);
  assert.match(later.stderr, /REPLY_CRASHED[\s\S]*2 exchanges went well before/);
});

test('Ctrl-C: what was measured is told, and nothing is left', async (t) => {
  const cwd = folder(t, {
    'tmp/': '',
    'cgi-bin/stuck.sh': [
      '#!/bin/sh\necho x >> "$DOCUMENT_ROOT/runs"',
      'if [ "$(wc -l < "$DOCUMENT_ROOT/runs")" -gt 5 ]; then',
      '  echo $$ > "$DOCUMENT_ROOT/pid.tmp"; mv "$DOCUMENT_ROOT/pid.tmp" "$DOCUMENT_ROOT/pid"; exec sleep 600',
      'fi\necho "Content-Type: text/plain"\necho\n',
    ].join('\n'),
  });
  const cli = spawn(process.execPath, [bin, 'time', 'cgi-bin/stuck.sh', '--json'], {
    cwd,
    env: { ...process.env, TMPDIR: join(cwd, 'tmp') },
  });
  t.after(() => cli.kill('SIGKILL'));
  let stdout = '';
  cli.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString();
  });
  const pid = Number(await written(join(cwd, 'cgi-bin/pid'), 60_000));
  const ended = new Promise((resolve) => cli.once('close', (code, signal) => resolve([code, signal])));
  cli.kill('SIGINT');
  assert.deepEqual(await ended, [130, null]);
  await gone(pid);
  assert.deepEqual(readdirSync(join(cwd, 'tmp')), []);
  const report = JSON.parse(stdout);
  assert.equal(report.interrupted, true);
  assert.equal(report.completed, readFileSync(join(cwd, 'cgi-bin/runs'), 'utf8').length / 2 - 3);
});

// --- the arithmetic ------------------------------------------------------------------------------------------------

test('the middle half: parts add up, one slow exchange moves nothing, a part that one lacks is not told', () => {
  const samples = [1, 2, 3, 4, 5, 6, 7, 1000].map((n) => ({ a: n, b: n / 2 }));
  const middle = middleHalf(samples);
  assert.deepEqual(middle, { a: 4.5, b: 2.25 });
  assert.equal(sumOf(middle), 6.75);
  assert.deepEqual(middleHalf([{ a: 1, b: undefined }]), { a: 1, b: undefined });
});

test('percentiles stop at 1 − 1/N', () => {
  const of = (count: number) => percentiles(Array.from({ length: count }, (_, i) => i + 1));
  const told = (count: number) => of(count).points.map(({ percent }) => percent);
  assert.deepEqual([told(1), told(2), told(9), told(10), told(99), told(100)], [[], [50], [50], [50, 90], [50, 90], [50, 90, 99]]);
  assert.equal(of(1000).maxMs, 1000);
  const [p50, p90, p99] = of(1000).points.map(({ ms }) => ms);
  for (const [ms, expected] of [[p50, 500], [p90, 900], [p99, 990]] as const) assert.ok(Math.abs(ms! - expected) < 2, `${ms}`); // biome-ignore format: pairs
});

test('the tax: measured ends, a calibrated start that never exceeds the wait, the rest is not counted', () => {
  const parts = { spawn: 1, wait: 12, head: 0, body: 2, exit: 1 };
  assert.deepEqual(taxOf(parts, 10), { spawnMs: 1, startUpMs: 10, exitMs: 1, ms: 12, ofMs: 16, share: 0.75 });
  assert.equal(taxOf(parts, 20).startUpMs, 12);
  assert.deepEqual([taxOf(parts, undefined).startUpMs, taxOf(parts, undefined).ms], [undefined, 2]);
});

test('medians of accounts: of those there are; a peak that most could not see is not told', () => {
  const account = (n: number, peakRssKib?: number): KernelAccount => ({
    ...{ userMs: n, systemMs: n, peakRssKib, minorFaults: n, majorFaults: 0, voluntarySwitches: n, involuntarySwitches: n },
  });
  assert.equal(medianAccount([undefined, undefined]), undefined);
  assert.equal(medianAccount([account(1), account(9), account(2), undefined])?.userMs, 2);
  assert.equal(medianAccount([account(1, 5), account(2), account(3)])?.peakRssKib, undefined);
  assert.equal(medianAccount([account(1, 5), account(2, 7), account(3)])?.peakRssKib, 5);
});
