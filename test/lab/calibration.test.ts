/** What a process costs before its script has done anything: started once for each interpreter, by whoever may, and shown as what it is. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { baresOf } from '../../src/cli/bares.js';
import { type Bare, type BaresOf, calibration } from '../../src/lab/calibration.js';
import type { ToldBare, ToldCalibration } from '../../src/lab/told.js';
import { labCalibrationRequests, labCalibrationsMax } from '../../src/limits.js';
import { findProgram } from '../../src/route/interpreters.js';
import type { Script } from '../../src/types.js';
import { sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get } from '../support/wire.js';
import { look, rows } from './look.js';
import { type Room, room } from './room.js';

const scripts = {
  'hello.sh': sh('printf "Content-Type: text/plain\\n\\n"; printf hello'),
  'other.sh': sh('printf "Content-Type: text/plain\\n\\n"; printf other'),
};

const bareOf = (name: string, startUpMs: number): ToldBare => ({
  name,
  program: `/bin/${name}`,
  times: 3,
  spawnMs: 1,
  startUpMs,
  totalMs: startUpMs + 2,
});
const script = (file: string): Script => ({ file, program: file, args: [], cwd: '/', nph: false });
const phases = { authorize: undefined, queue: 50, spawn: 2, dial: undefined, wait: 10, head: 1, body: 2, exit: 5 };

test('each interpreter is started once, one after the other, and never more than so many', async () => {
  const started: string[] = [];
  let running = 0;
  const bare = (name: string): Bare => ({
    key: name,
    async measure() {
      running += 1;
      assert.equal(running, 1, 'alone');
      started.push(name);
      await new Promise(setImmediate);
      running -= 1;
      if (name === 'throws') throw new Error('it is gone');
      return name === 'silent' ? undefined : bareOf(name, 4);
    },
  });
  const like: BaresOf['like'] = ({ file }) => (file === 'compiled' || file === 'unknown' ? file : bare(file));
  const { told, measure, close } = calibration({ empty: bare('true'), like });
  assert.deepEqual(told(script('perl'), phases), {
    empty: undefined,
    bare: 'unmeasured',
    tax: { spawnMs: 2, startUpMs: undefined, exitMs: 5, ms: 7, ofMs: 20, share: 0.35 },
  });
  await Promise.all(['perl', 'perl', 'silent', 'throws', 'compiled', 'perl'].map((file) => measure(script(file))));
  assert.deepEqual(started, ['true', 'perl', 'silent', 'throws']);
  assert.deepEqual(told(script('perl'), phases), {
    empty: bareOf('true', 4),
    bare: bareOf('perl', 4),
    tax: { spawnMs: 2, startUpMs: 4, exitMs: 5, ms: 11, ofMs: 20, share: 0.55 },
  });
  // No more than what it is a part of: the wait was shorter than the calibrated start.
  assert.equal(told(script('perl'), { ...phases, wait: 3 }).tax.startUpMs, 3);
  assert.equal(told(script('silent'), phases).bare, 'failed');
  assert.equal(told(script('throws'), phases).bare, 'failed');
  assert.equal(told(script('compiled'), phases).bare, 'compiled');
  assert.equal(told(script('unknown'), phases).bare, 'unknown');
  for (let i = 0; i < labCalibrationsMax; i++) await measure(script(`more-${i}`));
  assert.equal(started.length, labCalibrationsMax);
  assert.equal(told(script(`more-${labCalibrationsMax - 1}`), phases).bare, 'unmeasured');
  await close();
  await measure(script('late'));
  assert.equal(started.includes('late'), false);
});

/** Asks as the page does. */
const ask = async (r: Room, method: 'GET' | 'POST', id: string): Promise<ToldCalibration | number> => {
  const answer = await r.ask(method, `/calibration/${id}`, { Authorization: `Bearer ${r.lab.key}`, Origin: r.origin });
  return answer.status === 200 ? (JSON.parse(answer.text) as ToldCalibration) : answer.status;
};

const exchangeOf = async ({ h }: Room, target: string): Promise<string> => {
  await get(h.port, target);
  return (await h.exchange((exchange) => exchange.target === target)).id;
};

test('sh, with real processes: measured when somebody asks for it, for all its scripts at once', async (t) => {
  const measured: string[] = [];
  const real = baresOf({});
  const counting = (bare: Bare): Bare => ({
    key: bare.key,
    measure(stopped) {
      measured.push(bare.key);
      return bare.measure(stopped);
    },
  });
  const like: BaresOf['like'] = (asked) => {
    const found = real.like(asked);
    return typeof found === 'string' ? found : counting(found);
  };
  const bares = { empty: real.empty && counting(real.empty), like };
  const r = await room(t, { scripts, public: { 'a.txt': 'a' } }, { bares });
  const id = await exchangeOf(r, '/cgi-bin/hello.sh');
  const before = await ask(r, 'GET', id);
  assert.ok(typeof before === 'object');
  assert.deepEqual([before.bare, before.empty, measured], ['unmeasured', undefined, []]);
  const [one, two] = await Promise.all([ask(r, 'POST', id), ask(r, 'POST', id)]);
  assert.deepEqual(one, two);
  const { bare, empty, tax } = one as ToldCalibration;
  assert.ok(typeof bare === 'object' && empty !== undefined);
  assert.deepEqual([bare.name, bare.times, empty.name, empty.times], ['sh', labCalibrationRequests, 'true', labCalibrationRequests]);
  assert.ok(bare.spawnMs > 0 && bare.startUpMs > 0 && bare.totalMs >= bare.spawnMs + bare.startUpMs);
  assert.ok(empty.totalMs > 0);
  assert.ok(tax.startUpMs !== undefined && tax.startUpMs <= bare.startUpMs && tax.share > 0 && tax.share <= 1);
  const other = await exchangeOf(r, '/cgi-bin/other.sh');
  assert.equal(((await ask(r, 'GET', other)) as ToldCalibration).empty?.totalMs, empty.totalMs);
  assert.equal(measured.length, 2);
  // What no process was born for has nothing to compare with.
  assert.equal(await ask(r, 'POST', await exchangeOf(r, '/a.txt')), 404);
  assert.equal(await ask(r, 'GET', 'no-such'), 404);
  assert.equal(await ask(r, 'POST', '..%2F..%2Fbin%2Fsh'), 404);
  assert.equal(r.h.exchanges.length, 3, 'the calibration is no exchange of the server');
});

test('a compiled program has no interpreter; a script that is gone, none that is known', async (t) => {
  const r = await room(t, { scripts }, { bares: baresOf({}) });
  const file = join(r.h.dir, 'compiled.cgi');
  copyFileSync(findProgram('true', process.env.PATH ?? '')!, file);
  chmodSync(file, 0o755);
  const compiled = (await ask(r, 'POST', await exchangeOf(r, '/cgi-bin/compiled.cgi'))) as ToldCalibration;
  assert.equal(compiled.bare, 'compiled');
  assert.ok(compiled.empty !== undefined);
  assert.equal(compiled.tax.startUpMs, undefined);
  const id = await exchangeOf(r, '/cgi-bin/hello.sh');
  rmSync(join(r.h.dir, 'hello.sh'));
  assert.equal(((await ask(r, 'POST', id)) as ToldCalibration).bare, 'unknown');
});

test('a WSGI application as CGI is compared with its Python', async (t) => {
  if (!needs(t, 'python3')) return;
  const python = findProgram('python3', process.env.PATH ?? '')!;
  const bare = baresOf({}).like({ file: '/app/hello:application', program: python, args: ['wsgi.py'], cwd: '/', nph: false });
  assert.ok(typeof bare === 'object');
  const told = await bare.measure(new AbortController().signal);
  assert.deepEqual([told?.name, told?.program, told?.times], ['python3', python, labCalibrationRequests]);
});

test('whoever may only look learns what is known, and starts nothing; without bares nothing is known', async (t) => {
  const r = await room(t, { scripts }, { bares: baresOf({}), present: true });
  const id = await exchangeOf(r, '/cgi-bin/hello.sh');
  assert.equal(await ask(r, 'POST', id), 403);
  assert.equal(((await ask(r, 'GET', id)) as ToldCalibration).bare, 'unmeasured');
  const plain = await room(t, { scripts });
  assert.equal(((await ask(plain, 'POST', await exchangeOf(plain, '/cgi-bin/hello.sh'))) as ToldCalibration).bare, 'unknown');
});

test('a lab that closes meanwhile leaves no process and no folder, though the interpreter hangs', async (t) => {
  const r = await room(t, {}, { bares: baresOf({}) });
  const { root, dir } = r.h;
  // Only with nothing to do.
  writeFileSync(join(root, 'sh'), sh('case $1 in */empty-*) sleep 300 ;; esac\nexec /bin/sh "$@"'), { mode: 0o755 });
  writeFileSync(join(dir, 'hello.sh'), scripts['hello.sh'].replace('/bin/sh', `${root}/sh`), { mode: 0o755 });
  const id = await exchangeOf(r, '/cgi-bin/hello.sh');
  const { TMPDIR } = process.env;
  const ours = mkdtempSync(join(tmpdir(), 'cgi-serve-test-'));
  process.env.TMPDIR = ours;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(ours, { recursive: true, force: true });
  });
  const answer = ask(r, 'POST', id).catch(() => undefined);
  // `true` is the first, and has no such file.
  const running = () => readdirSync(ours, { recursive: true, encoding: 'utf8' }).some((name) => name.includes('empty-'));
  await until(running, 'a calibration that hangs');
  let closed = false;
  void r.lab.close().then(() => {
    closed = true;
  });
  await until(() => closed, 'the lab has closed');
  assert.deepEqual(readdirSync(ours), []);
  await answer;
});

test('on the page: a band behind the birth, with its name and its figure; the sentence; the kernel’s account in words', async (t) => {
  const seen = await look(t, {}, { bares: baresOf({}) }, { scripts });
  if (!seen) return;
  const { page, h, text, complaints } = seen;
  await get(h.port, '/cgi-bin/hello.sh');
  await rows(page, 1);
  await page.click('.requests tbody button');
  await page.click('#tab-timeline');
  await page.waitForSelector('.waterfall .band');
  await page.getByText(/Starting the bare interpreter/).waitFor({ state: 'detached' });
  assert.equal(await page.locator('.waterfall .band').count(), 2);
  assert.match(await text('.waterfall'), /empty process[\d.]+ msbare sh[\d.]+ ms/);
  assert.match((await page.getAttribute('.waterfall', 'aria-label')) ?? '', /fork \+ exec [\d.]+ ms, .*bare sh [\d.]+ ms/);
  assert.match(await text('.timeline .conclusion'), /of [\d.]+ ms \(\d+ %\) were not the script’s own work: .* for sh to start/);
  assert.match(await text('.timeline'), /cannot be told apart/);
  assert.match(await text('.timeline .facts'), /Calibrated, not measured here.*bare sh/);
  const account = (await h.exchange()).account;
  assert.match(await text('.timeline'), account ? /page faults, memory\d+pages touched/ : /What the kernel charged is not known/);
  // Another script of the same interpreter: it is known already.
  await get(h.port, '/cgi-bin/other.sh');
  await rows(page, 2);
  await page.click('.requests tbody tr:first-child button');
  await page.locator('.request h2', { hasText: 'other' }).waitFor();
  await page.waitForSelector('.waterfall .band');
  assert.deepEqual(complaints, []);
});

test('--present: the page draws what was measured, complains of nothing, and starts nothing', async (t) => {
  const seen = await look(t, {}, { bares: baresOf({}), present: true }, { scripts });
  if (!seen) return;
  const { page, h, text, complaints } = seen;
  await get(h.port, '/cgi-bin/hello.sh');
  await rows(page, 1);
  await page.click('.requests tbody button');
  await page.click('#tab-timeline');
  await page.getByText('What the bare interpreter costs here was not measured.').waitFor();
  assert.equal(await page.locator('.waterfall .band').count(), 0);
  assert.doesNotMatch(await text('.timeline .conclusion'), /own work/);
  assert.deepEqual(complaints, []);
});
