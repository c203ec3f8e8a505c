/** `--watch`, `--watch-extra`, `--touch`: a real server, its workers, and somebody who saves files. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningCli, startCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, requestText, talk } from '../support/wire.js';
import { folder } from './folder.js';

/** Python takes its compiled copy for good when size and second are the same: none is written here. */
const env = { PYTHONDONTWRITEBYTECODE: '1' };

const start = async (t: TestContext, cwd: string, ...args: string[]): Promise<RunningCli> => {
  const cli = await startCli(['--workers', '2', '--port', '0', '--no-lab', '--pass-env', 'PYTHONDONTWRITEBYTECODE', ...args], { cwd, env });
  t.after(() => cli.stop());
  return cli;
};

const application = (says: string): string => `import views

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('${says} %s' % views.name).encode()]
`;

const count = (cli: RunningCli, pattern: RegExp): number => cli.stderr().match(new RegExp(pattern, 'g'))?.length ?? 0;

/** Workers start, and start again, on a machine that is busy with other tests. */
const patienceMs = 60_000;
const ask = (port: number): Promise<Answer> => talk(port, requestText('GET', '/'), { timeoutMs: patienceMs });
/** Until a client is told this. */
const answers = (cli: RunningCli, text: string): Promise<unknown> =>
  until(async () => (await ask(cli.port)).text === text, `the answer ${text}\n${cli.stderr()}`, patienceMs);
const says = (cli: RunningCli, pattern: RegExp): Promise<unknown> => cli.waitFor(pattern, patienceMs);

/** Asks one after the other until it is told to stop; resolves with every answer that was none. */
const visitor = (port: number): (() => Promise<string[]>) => {
  let stop = false;
  const lost: string[] = [];
  const visits = (async () => {
    while (!stop) {
      const answer = await ask(port).catch((error: Error) => error);
      if (answer instanceof Error) lost.push(answer.message);
      else if (answer.status !== 200) lost.push(answer.text);
      await sleep(10);
    }
  })();
  return async () => {
    stop = true;
    await visits;
    return lost;
  };
};

test('--watch: a save is answered by new workers, and no request is lost', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folder(t, { 'app.py': application('one'), 'views.py': 'name = "a"\n' });
  const cli = await start(t, cwd, '--watch', '--wsgi', 'app:application');
  await answers(cli, 'one a');
  const leave = visitor(cli.port);
  const reloaded = (times: number): Promise<unknown> =>
    until(() => count(cli, /Reloaded/) === times, `${times} reloads\n${cli.stderr()}`, patienceMs);
  for (let i = 1; i <= 3; i++) {
    writeFileSync(join(cwd, 'app.py'), application(`round${i}`));
    await reloaded(i);
    assert.equal((await ask(cli.port)).text, `round${i} a`);
  }
  writeFileSync(join(cwd, 'views.py.new'), 'name = "b"\n');
  renameSync(join(cwd, 'views.py.new'), join(cwd, 'views.py'));
  await reloaded(4);
  assert.equal((await ask(cli.port)).text, 'round3 b');
  assert.deepEqual(await leave(), []);
  assert.match(cli.stderr(), /^Reloading: app\.py changed\n(?:.*\n)*?Reloaded: new workers answer$/m, cli.stderr());
  assert.match(cli.stderr(), /^Reloading: views\.py changed$/m);
  assert.equal(count(cli, /Reloading/), 4, cli.stderr());
});

test('--watch: broken code leaves the present workers, and is tried again when it is mended, in whatever file', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folder(t, { 'app.py': application('one'), 'views.py': 'name = "a"\n', 'idle.txt': '' });
  const cli = await start(t, cwd, '--watch', '--wsgi', 'app:application');
  await answers(cli, 'one a');
  const leave = visitor(cli.port);
  writeFileSync(join(cwd, 'views.py'), 'name = "b\n');
  await says(cli, /not reloaded, the present workers go on[\s\S]*SyntaxError/);
  assert.equal((await ask(cli.port)).text, 'one a');
  // Nobody has loaded this module: it was not there.
  writeFileSync(join(cwd, 'views.py'), 'from helper import name\n');
  await says(cli, /not reloaded[\s\S]*not reloaded[\s\S]*helper/);
  assert.equal((await ask(cli.port)).text, 'one a');
  writeFileSync(join(cwd, 'helper.py'), 'name = "c\n');
  await until(() => count(cli, /not reloaded/) === 3, `the third failure\n${cli.stderr()}`, patienceMs);
  writeFileSync(join(cwd, 'helper.py'), 'name = "mended"\n');
  await answers(cli, 'one mended');
  assert.deepEqual(await leave(), []);
});

test('--watch: what was broken from the start is tried when it is mended', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folder(t, { 'app.py': 'import views; 1 +\n', 'views.py': 'name = "a"\n' });
  const cli = await start(t, cwd, '--watch', '--wsgi', 'app:application');
  await until(async () => (await ask(cli.port)).status === 503, 'the refusal');
  writeFileSync(join(cwd, 'app.py'), application('one'));
  await says(cli, /Reloading: app\.py changed/);
  await answers(cli, 'one a');
});

test('--watch: a deployment that turns a link', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folder(t, {
    'releases/7/app.py': application('seven'),
    'releases/7/views.py': 'name = "a"\n',
    'releases/8/app.py': application('eight'),
    'releases/8/views.py': 'name = "a"\n',
  });
  symlinkSync('releases/7', join(cwd, 'current'));
  const cli = await start(t, cwd, '--watch', '--wsgi', 'current/app.py:application');
  await answers(cli, 'seven a');
  symlinkSync('releases/8', join(cwd, 'next'));
  renameSync(join(cwd, 'next'), join(cwd, 'current'));
  await answers(cli, 'eight a');
});

test('--touch and --watch-extra alone: the rest is not watched', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folder(t, { 'app.py': application('one'), 'views.py': 'name = "a"\n', 'conf/a.toml': '' });
  const cli = await start(t, cwd, '--lang', 'zh-CN', '--touch', 'run/reload', '--watch-extra', 'conf/*.toml', '--wsgi', 'app:application');
  await answers(cli, 'one a');
  writeFileSync(join(cwd, 'app.py'), application('two'));
  writeFileSync(join(cwd, 'conf/b.toml'), 'x');
  await says(cli, /正在重新加载：conf\/b\.toml 已更改\n已重新加载/);
  assert.equal((await ask(cli.port)).text, 'two a');
  writeFileSync(join(cwd, 'app.py'), application('three'));
  rmSync(join(cwd, 'conf'), { recursive: true });
  mkdirSync(join(cwd, 'run'));
  writeFileSync(join(cwd, 'run/reload'), '');
  await says(cli, /正在重新加载：run\/reload 已更改\n已重新加载/);
  assert.equal((await ask(cli.port)).text, 'three a');
  assert.equal(count(cli, /正在重新加载/), 2, cli.stderr());
});

test('--watch with a FastCGI program: the files in its command, and it is said that more is not known', async (t) => {
  if (!needs(t, 'perl FCGI.pm')) return;
  const program = (says: string): string => `use FCGI; use lib 'lib'; require Words; my $r = FCGI::Request();
while ($r->Accept() >= 0) { print "Content-Type: text/plain\\n\\n${says} " . Words::name(); $r->Finish(); }`;
  const cwd = folder(t, { 'app.fcgi': program('one'), 'lib/Words.pm': 'package Words; sub name { "a" } 1;' });
  const cli = await start(t, cwd, '--watch', '--pool', "/=perl -w 'app.fcgi'");
  await answers(cli, 'one a');
  assert.match(
    cli.stderr(),
    /^warning: --watch: perl -w 'app\.fcgi' does not say what it has loaded; app\.fcgi is watched, --watch-extra/m,
  );
  const leave = visitor(cli.port);
  writeFileSync(join(cwd, 'app.fcgi'), program('two'));
  await answers(cli, 'two a');
  assert.deepEqual(await leave(), []);
});

test('--watch where nothing stays says so', async (t) => {
  const cwd = folder(t, { 'cgi-bin/': '' });
  const cli = await start(t, cwd, '--watch');
  await says(cli, /warning: there is nothing to reload when a file changes: no --pool and no --wsgi/);
});
