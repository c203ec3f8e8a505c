/** A lab that runs is found by its user's other programs, and by nobody else. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { announceLab, findLabs } from '../../src/lab/announce.js';
import { folder, hello } from '../cli/folder.js';
import { runCli, startCli } from '../support/cli.js';
import { requestText, talk } from '../support/wire.js';

const runtime = (t: TestContext): { env: { XDG_RUNTIME_DIR: string }; place: string } => {
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-runtime-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return { env: { XDG_RUNTIME_DIR: dir }, place: join(dir, 'cgi-serve') };
};

const lab = { pid: process.pid, url: 'http://127.0.0.1:8001', key: 'secret' };

test('announced, found, withdrawn; nobody else may read it', async (t) => {
  const { env, place } = runtime(t);
  assert.deepEqual(await findLabs(env), []);
  const withdraw = announceLab(lab, env);
  const other = announceLab({ ...lab, url: 'http://127.0.0.1:9001' }, env);
  assert.deepEqual(await findLabs(env), [lab, { ...lab, url: 'http://127.0.0.1:9001' }]);
  assert.equal(statSync(place).mode & 0o777, 0o700);
  for (const name of readdirSync(place)) assert.equal(statSync(join(place, name)).mode & 0o777, 0o600, name);
  withdraw();
  withdraw();
  assert.equal((await findLabs(env)).length, 1);
  other();
  assert.deepEqual(readdirSync(place), []);
});

test('what a dead process left is skipped and removed; what is no announcement is left alone', async (t) => {
  const { env, place } = runtime(t);
  const { stdout } = await runCli(['--version']);
  assert.ok(stdout);
  announceLab({ ...lab, pid: 2 ** 22 + 1 }, env);
  announceLab(lab, env);
  writeFileSync(join(place, `${process.pid}-1.json`), '{"pid":');
  writeFileSync(join(place, 'notes.txt'), '');
  assert.deepEqual(await findLabs(env), [lab]);
  assert.deepEqual(readdirSync(place).sort(), [`${process.pid}-1.json`, `${process.pid}-8001.json`, 'notes.txt'].sort());
});

test('a folder that others can enter, or that leads elsewhere, is neither written nor believed', async (t) => {
  const { env, place } = runtime(t);
  mkdirSync(place);
  chmodSync(place, 0o755);
  assert.throws(() => announceLab(lab, env), /cgi-serve is open to others$/);
  assert.deepEqual(await findLabs(env), []);
  rmSync(place, { recursive: true });
  const elsewhere = mkdtempSync(join(tmpdir(), 'cgi-serve-elsewhere-'));
  t.after(() => rmSync(elsewhere, { recursive: true }));
  symlinkSync(elsewhere, place);
  assert.throws(() => announceLab(lab, env), /is no folder$/);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('a server announces its lab, by default beside its own port, and withdraws it when it stops', async (t) => {
  const { env } = runtime(t);
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const cli = await startCli(['--port', '0', '--log-format', 'json'], { cwd, env });
  t.after(() => cli.stop());
  const ready = JSON.parse((await cli.waitFor(/^\{.*"ready".*\}$/m))[0]) as { lab: string };
  const [found, ...others] = await findLabs(env);
  assert.deepEqual(others, []);
  assert.equal(found?.url, ready.lab, 'the log has no key');
  assert.equal(found.pid, cli.child.pid);
  const port = Number(new URL(found.url).port);
  const events = await firstWords(port, found.key);
  assert.match(events, /event: hello\ndata: .*"demo":"\/cgi-bin\/hello\.sh"/);
  await cli.stop();
  assert.deepEqual(await findLabs(env), []);
});

/** A stream has no end: its first bytes are enough. */
const firstWords = async (port: number, key: string): Promise<string> => {
  const controller = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${port}/events`, { headers: { Authorization: `Bearer ${key}` }, signal: controller.signal });
  const { value } = await answer.body!.getReader().read();
  controller.abort();
  return Buffer.from(value!).toString();
};

test('--no-lab: nothing more listens, nothing is announced', async (t) => {
  const { env, place } = runtime(t);
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const cli = await startCli(['--port', '0', '--no-lab', '--log-format', 'json'], { cwd, env });
  t.after(() => cli.stop());
  const ready = JSON.parse((await cli.waitFor(/^\{.*"ready".*\}$/m))[0]) as { lab: string | null };
  assert.equal(ready.lab, null);
  assert.equal(existsSync(place), false);
});

test('--lab-port is that port or an error; --host does not expose the lab, --present --host does, and says so', async (t) => {
  const { env } = runtime(t);
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  const cli = await startCli(['--port', '0', '--host', '0.0.0.0', '--log-format', 'json'], { cwd, env });
  t.after(() => cli.stop());
  const { lab: url, port: taken } = JSON.parse((await cli.waitFor(/^\{.*"ready".*\}$/m))[0]) as { lab: string; port: number };
  assert.match(url, /^http:\/\/127\.0\.0\.1:/);
  assert.equal((await talk(Number(new URL(url).port), requestText('GET', '/', { Host: new URL(url).host }))).status, 200);
  const refused = await runCli(['--port', '0', '--lab-port', String(taken)], { cwd, env });
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, new RegExp(`port ${taken} is taken`));
  const shown = await startCli(['--port', '0', '--host', '0.0.0.0', '--present'], { cwd, env });
  t.after(() => shown.stop());
  await shown.waitFor(/warning: whoever reaches 0\.0\.0\.0 port \d+ with the Lab URL sees every request and answer/);
});
