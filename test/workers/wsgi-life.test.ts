/**
 * How the WSGI worker begins and ends: the application is found or a report says why not; the socket is made or handed over; it ends
 * after the present request, at once, or with whoever started it. And the same application as a CGI script.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { daemon, freePort, room, spawnFcgi } from '../real/peers.js';
import { house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { apps, caller, environment, hold, project, run, worker, workerFile } from './worker.js';

const isFree = (path: string) =>
  new Promise<boolean>((resolve) => {
    const line = connect({ path });
    line.once('connect', () => {
      line.destroy();
      resolve(false);
    });
    line.once('error', () => resolve(true));
  });

// --- finding the application --------------------------------------------------------------------------------

test('targets: module or file, callable by name, by default, dotted, made by a factory', async (t) => {
  if (!needs(t, 'python3')) return;
  const targets: Record<string, string> = {
    plain: 'plain /x',
    'plain:app': 'plain /x',
    'plain.py': 'plain /x',
    [`${apps}plain.py:app`]: 'plain /x',
    'plain:site.handler': 'plain /x',
    'plain:create()': 'made',
  };
  for (const [target, wanted] of Object.entries(targets)) {
    const folder = room(t);
    const socket = join(folder, 's');
    const args = [workerFile, '--chdir', apps, '--listen', `unix:${socket}`, target];
    const started = await daemon(t, 'python3', args, [socket], environment);
    assert.ok((await (await caller(t, socket)).ask({ PATH_INFO: '/x' })).output.endsWith(`\r\n\r\n${wanted}`), target);
    started.child.kill('SIGTERM');
  }
});

test('an application that cannot be loaded: exit code 3 and one report', async (t) => {
  if (!needs(t, 'python3')) return;
  const cases: Record<string, RegExp> = {
    'plane:app': /There is no module plane\. Did you mean plain\?/,
    'plain:aap': /plain \(.*plain\.py\) has no aap\. Did you mean app\?/,
    'plan.py': /There is no file .*plan\.py\. Did you mean plain\.py\?/,
    'plain:site.handlr': /has no handlr\. Did you mean handler\?/,
    'plain:number': /number is int, which cannot be called/,
    'plain:asynchronous': /async function: an ASGI application/,
    'imports_missing:application':
      /import jsom\nModuleNotFoundError: .*\n\n {2}There is no module jsom for this interpreter\. Did you mean json\?/,
    'syntax_error.py': /syntax_error\.py", line 2\n[\s\S]*SyntaxError/,
    exits_early: /SystemExit: no settings/,
    'email.nothing:app': /There is no module email\.nothing\./,
  };
  for (const [target, wanted] of Object.entries(cases)) {
    const { code, said } = run(t, ['--listen', `unix:${join(room(t), 's')}`, target]);
    assert.equal(await code, 3, said());
    assert.match(said(), wanted);
    assert.match(said(), /interpreter {2}\/.*\(Python 3\.\d+\.\d+\)\n {2}sys\.path {5}\//, target);
    assert.doesNotMatch(said(), /wsgi\.py", line|importlib/, 'no frames but its own');
  }
});

test('a module that is not there: who asks for it, the nearest name, and the interpreter that lacks it', async (t) => {
  if (!needs(t, 'python3')) return;
  const lists: [file: string, text: string, asked: string | undefined][] = [
    ['requirements.txt', 'flask\njsom-extras\n  PyJsom >= 2 # the parser\n', 'requirements.txt asks for PyJsom'],
    ['requirements.txt', 'jsom\n', 'requirements.txt asks for jsom'],
    ['pyproject.toml', '[project]\ndependencies = ["flask", "Jsom[all]>2"]\n', 'pyproject.toml asks for Jsom'],
    ['pyproject.toml', '[tool.poetry.dependencies]\njsom = "^2"\n', 'pyproject.toml asks for jsom'],
    ['requirements.txt', 'jsom-extras\n# jsom\nnot-jsom\n', undefined],
  ];
  for (const [file, text, asked] of lists) {
    const folder = project(t, { 'app.py': 'import jsom.parser\n', [file]: text });
    for (const target of [['app.py'], ['--chdir', folder, 'app']]) {
      const args = ['--listen', `unix:${join(folder, 's')}`, ...target];
      const { code, said } = run(t, target.length > 1 ? args : [...args.slice(0, -1), join(folder, 'app.py')]);
      assert.equal(await code, 3, said());
      assert.match(said(), /There is no module jsom for this interpreter\. Did you mean json\?/);
      const [, python] = /interpreter {2}(\/.*) \(Python/.exec(said())!;
      if (asked) assert.ok(said().includes(`${asked}, which is not installed: ${python} -m pip install `), said());
      else assert.doesNotMatch(said(), /asks for/);
    }
  }
});

test('wrong options: exit code 2; nowhere to listen: 1', async (t) => {
  if (!needs(t, 'python3')) return;
  for (const args of [
    ['--listen', 'nonsense', 'plain'],
    ['--threads', '0', 'plain'],
    ['--prefix', 'app', 'plain'],
    ['--chdir', '/nowhere', '--listen', 'unix:/tmp/x', 'plain'],
    [],
  ]) {
    const { code, said } = run(t, args);
    assert.equal(await code, 2, said());
  }
  const nowhere = run(t, ['plain']);
  assert.equal(await nowhere.code, 1);
  assert.match(nowhere.said(), /nowhere to listen.*--listen unix:\/path or host:port/);
});

// --- sockets ------------------------------------------------------------------------------------------------

test('the socket file: its mode, a stale one replaced, one in use respected, removed at the end', async (t) => {
  if (!needs(t, 'python3')) return;
  const first = await worker(t, 'plain.py', { args: ['--socket-mode', '600'] });
  assert.equal(statSync(first.socket).mode & 0o777, 0o600);
  const second = run(t, ['--listen', first.address, 'plain']);
  assert.equal(await second.code, 1);
  assert.match(second.said(), /cannot listen at .*: somebody listens there/);
  assert.equal(await isFree(first.socket), false, 'the first one is still there');

  process.kill(first.daemon.child.pid!, 'SIGKILL');
  await until(() => isFree(first.socket), 'the end of the first');
  assert.ok(existsSync(first.socket), 'stale');
  const third = run(t, ['--listen', first.address, 'plain']);
  await until(async () => !(await isFree(first.socket)), 'the third to listen');
  third.child.kill('SIGTERM');
  assert.equal(await third.code, 0, third.said());
  assert.equal(existsSync(first.socket), false);

  const file = join(first.folder, 'file');
  writeFileSync(file, 'precious');
  const fourth = run(t, ['--listen', `unix:${file}`, 'plain']);
  assert.equal(await fourth.code, 1);
  assert.match(fourth.said(), /that is a file, and no socket/);
  assert.equal(statSync(file).size, 8);
});

test('TCP; only the web servers that FCGI_WEB_SERVER_ADDRS names', async (t) => {
  if (!needs(t, 'python3')) return;
  const port = await freePort();
  const open = await daemon(t, 'python3', [workerFile, '--listen', `127.0.0.1:${port}`, join(apps, 'plain.py')], [port], environment);
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address: `127.0.0.1:${port}` }] });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/app/tcp')).text, 'plain /tcp');
  assert.match(open.said(), new RegExp(`speaks fastcgi at 127\\.0\\.0\\.1:${port}`));

  const { socket } = await worker(t, 'plain.py', { env: { FCGI_WEB_SERVER_ADDRS: '192.0.2.1' } });
  const stranger = await caller(t, socket);
  stranger.send(Buffer.from('x'));
  await stranger.closed;
});

test('descriptor 0 is the listening socket: spawn-fcgi', async (t) => {
  if (!needs(t, 'python3', 'spawn-fcgi')) return;
  const { socket } = await spawnFcgi(t, ['/usr/bin/env', 'python3', workerFile, join(apps, 'unruly.py')], environment);
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/', address: `unix:${socket}` }] });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/old_style')).text, '012');
  assert.equal((await get(h.port, '/child')).text, 'cat read: ', 'a child does not inherit the socket as its stdin');
});

test('descriptor 0 from a Node parent; --ready-fd tells when; --lifeline-fd ends it with its parent', async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = room(t);
  const socket = join(folder, 'w.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'bound.sock'), resolve));
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const held = hold(t, ['probe'], fd);
  renameSync(join(folder, 'bound.sock'), socket);
  server.close();
  await held.line(/^ready$/);
  const answer = await (await caller(t, socket)).ask({ PATH_INFO: '/environ' });
  assert.match(answer.output, /"wsgi.multiprocess": true/, 'others may hold the same socket');
  held.hangUp();
  assert.equal(await held.code, 0, held.said());
});

// --- ends ---------------------------------------------------------------------------------------------------

for (const threads of ['1', '2']) {
  test(`SIGTERM: the present request is finished, then exit code 0; ${threads} threads`, async (t) => {
    if (!needs(t, 'python3')) return;
    const folder = room(t);
    const socket = join(folder, 's');
    const { child, code, said } = run(t, ['--threads', threads, '--listen', `unix:${socket}`, 'unruly']);
    await until(async () => !(await isFree(socket)), `it listens: ${said()}`);
    const idle = await caller(t, socket);
    assert.match((await idle.ask({ PATH_INFO: '/old_style' })).output, /012/);
    const sign = join(folder, 'sign');
    const busy = (await caller(t, socket)).ask({ PATH_INFO: '/slow', QUERY_STRING: sign });
    await until(() => existsSync(`${sign}.began`), 'the request');
    const waiting = threads === '1' ? (await caller(t, socket)).ask({ PATH_INFO: '/old_style' }) : undefined;
    child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(sign, '');
    assert.match((await busy).output, /done at last/);
    if (waiting) assert.match((await waiting).output, /012/, 'it had arrived before the word');
    await idle.closed;
    assert.equal(await code, 0, said());
    assert.equal(existsSync(socket), false);
  });
}

for (const signals of [['SIGTERM', 'SIGTERM'], ['SIGINT']] as NodeJS.Signals[][]) {
  test(`${signals.join(', ')}: at once`, async (t) => {
    if (!needs(t, 'python3')) return;
    const folder = room(t);
    const socket = join(folder, 's');
    const { child, code, said } = run(t, ['--listen', `unix:${socket}`, 'unruly']);
    await until(async () => !(await isFree(socket)), `it listens: ${said()}`);
    const sign = join(folder, 'sign');
    const line = await caller(t, socket);
    const asked = line.ask({ PATH_INFO: '/slow', QUERY_STRING: sign });
    await until(() => existsSync(`${sign}.began`), 'the request');
    for (const signal of signals) {
      child.kill(signal);
      await new Promise((resolve) => setTimeout(resolve, 100)); // Two that come together are one.
    }
    assert.equal(await code, signals[0]);
    assert.equal((await asked).failed, 'WIRE_TRUNCATED');
    assert.equal(existsSync(socket), false);
  });
}

test('SIGUSR1: where every thread stands, on stderr: in Python, and in a C call that lets others work; the requests go on', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket, folder, daemon } = await worker(t, 'unruly.py', { args: ['--threads', '3'] });
  const ask = async (path: string) => {
    const sign = join(folder, path.slice(1));
    const answer = (await caller(t, socket)).ask({ PATH_INFO: path, QUERY_STRING: sign });
    await until(() => existsSync(`${sign}.began`), path);
    return { sign, answer };
  };
  const inPython = await ask('/busy');
  const inC = await ask('/slow_in_c');
  daemon.child.kill('SIGUSR1');
  for (const place of [/unruly\.py", line \d+ in busy\n/, /unruly\.py", line \d+ in slow_in_c\n/, /wsgi\.py", line \d+ in next_wire\n/])
    await until(() => place.test(daemon.said()), `the stack with ${place}`);
  writeFileSync(inPython.sign, '');
  writeFileSync(inC.sign, '');
  assert.match((await inPython.answer).output, /done at last/);
  assert.match((await inC.answer).output, /done at last/);
});

test('SIGUSR1: also when a C call keeps the interpreter to itself', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket, folder, daemon } = await worker(t, 'unruly.py');
  const sign = join(folder, 'sign');
  const asked = (await caller(t, socket)).ask({ PATH_INFO: '/stuck_in_c', QUERY_STRING: sign });
  await until(() => existsSync(`${sign}.began`), 'the call');
  daemon.child.kill('SIGUSR1');
  await until(() => /unruly\.py", line \d+ in stuck_in_c/.test(daemon.said()), 'the stack');
  writeFileSync(sign, '');
  assert.match((await asked).output, /done at last/, 'the call was not interrupted');
});

// --- as a CGI script ----------------------------------------------------------------------------------------

test('the same application as a CGI script', async (t) => {
  if (!needs(t, 'python3')) return;
  const script = (app: string) => sh(`PYTHONDONTWRITEBYTECODE=1 exec python3 '${workerFile}' '${apps}${app}'`);
  const h = await house({ scripts: { probe: script('probe.py'), unruly: script('unruly.py'), missing: script('missing.py') } });
  t.after(() => h.stop());
  chmodSync(join(h.dir, 'probe'), 0o755);
  const environ = JSON.parse((await get(h.port, '/cgi-bin/probe/environ?x')).text);
  assert.deepEqual([environ.SCRIPT_NAME, environ.PATH_INFO, environ.QUERY_STRING], ['/cgi-bin/probe', '/environ', 'x']);
  assert.deepEqual([environ['wsgi.run_once'], environ['wsgi.multiprocess'], environ['wsgi.multithread']], [true, true, false]);
  assert.match((await post(h.port, '/cgi-bin/probe/body', 'x'.repeat(300_000))).text, /^300000 300000 /);
  assert.equal((await get(h.port, '/cgi-bin/probe/big')).body.length, 10_000_000);
  const file = join(h.root, 'file.txt');
  writeFileSync(file, `skip ${'0123456789'.repeat(100_000)}`);
  assert.equal((await get(h.port, `/cgi-bin/probe/file?${file}`)).body.length, 1_000_000);
  assert.equal((await get(h.port, '/cgi-bin/probe/log')).text, 'logged', 'print() is not in it');
  await until(() => h.stderr.some((line) => line.text.includes('printed')), 'print() on stderr');

  assert.equal((await get(h.port, '/cgi-bin/unruly/raises')).status, 500);
  const failed = await h.exchange((e) => e.target === '/cgi-bin/unruly/raises');
  assert.equal(failed.exitCode, 1);
  const half = await get(h.port, '/cgi-bin/unruly/raises_later');
  assert.ok(half.status === 502 || !half.complete, 'half an answer is none');
  const killed = await h.exchange((e) => e.target === '/cgi-bin/unruly/raises_later');
  assert.equal(killed.failure?.code, 'REPLY_KILLED');
  assert.equal((await get(h.port, '/cgi-bin/missing/')).status, 502);
  assert.equal((await h.exchange((e) => e.target === '/cgi-bin/missing/')).exitCode, 3);
  await until(() => h.stderr.some((line) => line.text.includes('There is no file')), 'the report');
});
