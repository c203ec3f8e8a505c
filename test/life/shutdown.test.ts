/**
 * How a server stops: the first Ctrl-C (or TERM) takes no more guests and lets those who are served finish, for so long; then
 * their process groups are told to end, then made to; the second Ctrl-C does not wait. No child is left behind, ever.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RunningCli, startCli } from '../support/cli.js';
import { house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get, requestText, Wire } from '../support/wire.js';
import { children, gone, group, written } from './processes.js';

const head = `printf 'Content-Type: text/plain\\n\\n'`;
const scripts = {
  'hello.cgi': sh(`${head}; echo hello`),
  // Runs until the test says `go`.
  'waits.cgi': sh(`echo $$ > pid; ${head}; echo begun; while [ ! -e go ]; do sleep 0.02; done; echo done`),
  'silent.cgi': sh(`echo $$ > pid; sleep 600 & sleep 600 & wait`),
  'stubborn.cgi': sh(`trap '' TERM; (while :; do sleep 1; done) & echo $$ > pid; while :; do sleep 1; done`),
  'daemon.cgi': sh(`(sleep 600 >/dev/null 2>&1 & ); echo $$ > pid; ${head}; echo started`),
};

interface Running {
  readonly dir: string;
  readonly cli: RunningCli;
  /** Opens a connection and asks; resolves when the script has said where it runs. */
  ask(name: string): Promise<{ wire: Wire; pid: number }>;
}

async function running(t: TestContext, ...options: string[]): Promise<Running> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-shutdown-')));
  const dir = join(root, 'cgi-bin');
  mkdirSync(dir);
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o755);
  }
  const cli = await startCli([dir, '--port', '0', '--host', '127.0.0.1', ...options]);
  t.after(async () => {
    await cli.stop();
    rmSync(root, { recursive: true, force: true });
  });
  const ask = async (name: string) => {
    const wire = await Wire.open(cli.port);
    t.after(() => wire.close());
    wire.send(requestText('GET', `/cgi-bin/${name}`));
    return { wire, pid: Number(await written(join(dir, 'pid'))) };
  };
  return { dir, cli, ask };
}

const refused = (port: number): Promise<boolean> =>
  Wire.open(port).then(
    (wire) => {
      wire.close();
      return false;
    },
    () => true,
  );

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal}: the script that runs is let finish, then exit 0`, async (t) => {
    const { dir, cli, ask } = await running(t, '--grace', '60');
    const { wire, pid } = await ask('waits.cgi');
    await wire.seen('begun');
    cli.child.kill(signal);
    await until(() => refused(cli.port), 'new connections to be refused');
    assert.equal(group(pid).length > 0, true, 'it still runs');
    writeFileSync(join(dir, 'go'), '');
    const answer = await wire.answer();
    assert.equal(answer.text, 'begun\ndone\n');
    assert.ok(answer.complete);
    assert.deepEqual(await cli.exited, { code: 0, signal: null });
    await gone(pid);
  });

  test(`${signal} with nothing to do: exit 0 at once, idle connections or not`, async (t) => {
    const { cli } = await running(t, '--grace', '60');
    const kept = await Wire.open(cli.port);
    t.after(() => kept.close());
    kept.send(requestText('GET', '/cgi-bin/hello.cgi', { Connection: 'keep-alive' }));
    assert.equal((await kept.answer()).text, 'hello\n');
    const fresh = await Wire.open(cli.port);
    t.after(() => fresh.close());
    cli.child.kill(signal);
    assert.deepEqual(await cli.exited, { code: 0, signal: null });
  });
}

test('a request that comes on a kept connection while draining is served or told, not lost', async (t) => {
  const { dir, cli, ask } = await running(t, '--grace', '60');
  const kept = await Wire.open(cli.port);
  t.after(() => kept.close());
  kept.send(requestText('GET', '/cgi-bin/hello.cgi', { Connection: 'keep-alive' }));
  await kept.answer();
  const { wire } = await ask('waits.cgi');
  cli.child.kill('SIGINT');
  await until(() => refused(cli.port), 'new connections to be refused');
  kept.send(requestText('GET', '/cgi-bin/hello.cgi', { Connection: 'keep-alive' }));
  // Closed as idle, refused with a 503, or served: all are allowed; silence is not.
  const answer = await kept.answer().catch(() => undefined);
  assert.ok(answer === undefined || [200, 503].includes(answer.status));
  writeFileSync(join(dir, 'go'), '');
  assert.ok((await wire.answer()).complete);
  assert.equal((await cli.exited).code, 0);
});

test('the first Ctrl-C says at once what it does and what a second one would do', async (t) => {
  const { dir, cli, ask } = await running(t, '--grace', '60');
  await ask('waits.cgi');
  const before = cli.stderr().length;
  cli.child.kill('SIGINT');
  await until(() => cli.stderr().length > before, 'words on stderr');
  assert.match(cli.stderr().slice(before), /Ctrl-C|again/i);
  writeFileSync(join(dir, 'go'), '');
  assert.equal((await cli.exited).code, 0);
});

test('the second SIGINT does not wait: 130, and no child is left', async (t) => {
  const { cli, ask } = await running(t, '--grace', '600');
  const { wire, pid } = await ask('silent.cgi');
  assert.ok(group(pid).length >= 3, 'a leader and two children');
  cli.child.kill('SIGINT');
  await until(() => refused(cli.port), 'new connections to be refused');
  cli.child.kill('SIGINT');
  assert.deepEqual(await cli.exited, { code: 130, signal: null });
  await gone(pid);
  const answer = await wire.answer().catch(() => undefined);
  assert.ok(answer === undefined || answer.status >= 500 || !answer.complete, `${answer?.status} as if all were well`);
});

test('the second SIGINT ends also those that ignore TERM', async (t) => {
  const { cli, ask } = await running(t, '--grace', '600');
  const { pid } = await ask('stubborn.cgi');
  cli.child.kill('SIGINT');
  await until(() => refused(cli.port), 'new connections to be refused');
  cli.child.kill('SIGINT');
  assert.equal((await cli.exited).code, 130);
  await gone(pid);
});

for (const name of ['silent.cgi', 'stubborn.cgi']) {
  test(`${name} is ended when --grace is over, with its grandchildren`, async (t) => {
    const { cli, ask } = await running(t, '--grace', '0.5');
    const { pid } = await ask(name);
    cli.child.kill('SIGTERM');
    const { code, signal } = await cli.exited;
    assert.equal(signal, null);
    assert.ok([0, 143].includes(code ?? -1), `exit ${code}`);
    await gone(pid);
  });
}

test('what a script left in the background ends with the server', async (t) => {
  const { cli, ask } = await running(t, '--grace', '60');
  const { wire, pid } = await ask('daemon.cgi');
  assert.equal((await wire.answer()).text, 'started\n');
  cli.child.kill('SIGINT');
  assert.equal((await cli.exited).code, 0);
  await gone(pid);
});

test('many scripts at once, a signal, and nothing is left', async (t) => {
  const { cli } = await running(t, '--grace', '0.3', '--max-processes', '20');
  const wires = await Promise.all(Array.from({ length: 40 }, () => Wire.open(cli.port)));
  t.after(() => {
    for (const wire of wires) wire.close();
  });
  for (const wire of wires) wire.send(requestText('GET', '/cgi-bin/silent.cgi'));
  const pid = cli.child.pid!;
  await until(() => children(pid).length >= 20, 'twenty children', 30_000);
  const leaders = children(pid).map((child) => child.pid);
  cli.child.kill('SIGTERM');
  await cli.exited;
  for (const leader of leaders) await gone(leader);
  // The twenty that waited were told, or cut off: none hangs.
  for (const wire of wires) await wire.rest();
});

test('a script that is ended because the server stops is not blamed', async (t) => {
  const h = await house({ scripts: { 'silent.cgi': scripts['silent.cgi'] } });
  t.after(() => h.stop());
  const asked = get(h.port, '/cgi-bin/silent.cgi');
  await written(join(h.dir, 'pid'));
  await h.server.close(0);
  const answer = await asked;
  assert.equal(answer.status, 503);
  assert.match(answer.text, /SHUTTING_DOWN/);
  assert.equal((await h.exchange()).failure?.code, 'SHUTTING_DOWN');
});

test('a server that is closed while it starts things, or twice, closes', async (t) => {
  const h = await house({ scripts: { 'hello.cgi': scripts['hello.cgi'], 'silent.cgi': scripts['silent.cgi'] } });
  t.after(() => h.stop());
  const asked = Array.from({ length: 10 }, () => get(h.port, '/cgi-bin/silent.cgi').catch(() => undefined));
  await written(join(h.dir, 'pid'));
  await Promise.all([h.server.close(0), h.server.close(0)]);
  await h.server.close(0);
  await Promise.all(asked);
  assert.deepEqual(children(), []);
  assert.ok(await refused(h.port));
});
