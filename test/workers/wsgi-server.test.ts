/**
 * What a WSGI worker and the server that has started it say to each other on descriptor 3: when requests are taken, which files have
 * been loaded, and, when the worker is a zygote (--preload), what is to be forked and what has become of it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { descriptors, gone, group, processes } from '../life/processes.js';
import { room } from '../real/peers.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { apps, caller, environment, type Held, hold, project, run, workerFile } from './worker.js';

const hello = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [answer(environ).encode()]
`;

async function ask(t: TestContext, socket: string, path = '/'): Promise<string> {
  const { output } = await (await caller(t, socket)).ask({ PATH_INFO: path });
  return output.slice(output.indexOf('\r\n\r\n') + 4);
}

// --- files --------------------------------------------------------------------------------------------------

test('ready, then every source file of the application; one that comes later when it comes', async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = project(
    t,
    {
      'app.py': `import json, helper, site_of.views, installed\ndef answer(environ):\n    import later\n    return later.text\n${hello}`,
      'helper.py': '',
      'later.py': 'text = "late"',
      'site_of/__init__.py': '',
      'site_of/views.py': '',
      'site_of/never.py': '',
      'lib/site-packages/installed.py': '',
    },
    'caf\u00e9 "you"',
  );
  const socket = join(dirname(folder), 's');
  const held = hold(t, ['--listen', `unix:${socket}`, join(folder, 'app.py')], 'ignore', {
    ...environment,
    PYTHONPATH: join(folder, 'lib/site-packages'),
  });
  await held.line(/later|views/);
  assert.equal(held.lines[0], 'ready');
  const loaded = ['app.py', 'helper.py', 'site_of/__init__.py', 'site_of/views.py'].map((file) => join(folder, file));
  assert.deepEqual(held.files().sort(), loaded);
  for (const line of held.lines) assert.match(line, /^[\x20-\x7e]+$/, 'ASCII');
  for (let round = 0; round < 3; round++) assert.equal(await ask(t, socket), 'late');
  await held.line(/later/);
  assert.deepEqual(held.files().slice(4), [join(folder, 'later.py')], 'once, and nothing else again');
});

test('what cannot be loaded: the files that the failure has come through, then exit code 3', async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = project(t, {
    'app.py': 'import helper, broken\n',
    'helper.py': '',
    'broken.py': 'import helper\ndef nothing(:\n    pass\n',
    'raises.py': 'import helper\nimport deep\n',
    'deep.py': 'raise RuntimeError("at import")\n',
    'wraps.py': 'try:\n    import deep\nexcept RuntimeError as error:\n    raise ImportError("no") from error\n',
    'exits.py': 'import sys\nsys.exit(1)\n',
  });
  const cases: Record<string, string[]> = {
    'app:application': ['app.py', 'broken.py', 'helper.py'],
    'app.py': ['app.py', 'broken.py', 'helper.py'],
    'raises:application': ['deep.py', 'helper.py', 'raises.py'],
    'wraps.py': ['deep.py', 'wraps.py'],
    'exits.py': ['exits.py'],
    'helper:application': ['helper.py'],
    'absent:application': ['absent.py'],
    'absent.py:application': ['absent.py'],
    'sub.absent:application': ['sub/absent.py'],
  };
  for (const preload of [[], ['--preload']]) {
    for (const [target, files] of Object.entries(cases)) {
      const held = hold(t, ['--chdir', folder, ...(preload.length ? preload : ['--listen', `unix:${join(folder, 's')}`]), target]);
      assert.equal(await held.code, 3, held.said());
      assert.deepEqual(
        held.files().sort(),
        files.map((file) => join(folder, file)),
        target,
      );
      assert.equal(held.lines.length, files.length, 'neither ready nor preloaded');
    }
  }
});

/** A server that never reads what it is told, and is gone: for the worker that is no end but a reset. */
const deafServer = `
import os, select, signal, socket, subprocess, sys
ours, theirs = socket.socketpair()
command = [sys.executable, *sys.argv[1:], '--ready-fd', str(theirs.fileno()), '--lifeline-fd', str(theirs.fileno())]
child = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
theirs.close()
select.select([ours], [], [])
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
`;

for (const kind of ['--listen', '--preload']) {
  test(`${kind}: the server is killed before it has read all that it was told; the worker ends`, async (t) => {
    if (!needs(t, 'python3')) return;
    const folder = room(t);
    const how = kind === '--listen' ? ['--listen', `unix:${join(folder, 's')}`] : [kind];
    const args = ['-c', deafServer, workerFile, ...how, join(apps, 'plain.py')];
    const server = spawn('python3', args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...environment } });
    t.after(() => server.kill('SIGKILL'));
    let said = '';
    server.stdout.on('data', (piece: Buffer) => {
      said += piece;
    });
    const pid = Number(await until(() => /^(\d+)\n/.exec(said)?.[1], 'its pid'));
    t.after(() => {
      for (const each of group(pid)) process.kill(each.pid, 'SIGKILL');
    });
    await gone(pid);
  });
}

// --- the zygote ---------------------------------------------------------------------------------------------

const zygoteApp = `
import os, random, sys
random.seed(7)
with open(os.path.join(os.path.dirname(__file__), 'imported'), 'a') as log:
    log.write('once ')
def answer(environ):
    return views[environ['PATH_INFO']](environ)
def pid(environ):
    return str(os.getpid())
def number(environ):
    return str(random.random())
def later(environ):
    import later
    return 'late'
def stuck(environ):
    """In a call of C that lets no other thread work."""
    import ctypes
    name = os.path.join(os.path.dirname(__file__), 'stuck')
    ctypes.PyDLL(None).system(('touch "%s"; exec sleep 600' % name).encode())
    return 'never'
def bye():
    with open(os.path.join(os.path.dirname(__file__), 'ended-%d' % os.getpid()), 'w') as log:
        log.write('bye')
import atexit
atexit.register(bye)
views = {'/' + name: view for name, view in dict(globals()).items() if callable(view)}
${hello}`;

interface Nest {
  readonly folder: string;
  readonly zygote: Held;
  path(number: number): string;
  /** Forks, and waits until it is ready. Returns its pid. */
  fork(number: number): Promise<number>;
}

async function nest(t: TestContext, files: Record<string, string> = { 'app.py': zygoteApp, 'later.py': '' }): Promise<Nest> {
  const folder = project(t, files);
  const zygote = hold(t, ['--preload', '--chdir', folder, 'app:application']);
  await zygote.line(/^preloaded$/);
  const path = (number: number) => join(folder, `${number}.sock`);
  return {
    folder,
    zygote,
    path,
    async fork(number) {
      zygote.lines.length = 0;
      zygote.tell(`fork ${number} ${JSON.stringify(path(number))}`);
      await zygote.line(new RegExp(`^ready ${number}$`));
      const pid = Number((await zygote.line(new RegExp(`^born ${number} `))).split(' ')[2]);
      t.after(() => {
        for (const each of group(pid)) process.kill(each.pid, 'SIGKILL');
      });
      return pid;
    },
  };
}

test('--preload: imported once; each worker at a socket of its own, in a group of its own', async (t) => {
  if (!needs(t, 'python3')) return;
  const { folder, zygote, path, fork } = await nest(t);
  await zygote.line(/^file/);
  assert.deepEqual(zygote.files(), [join(folder, 'app.py')]);
  const pids = [await fork(1), await fork(2)];
  for (const [at, pid] of pids.entries()) {
    assert.equal(await ask(t, path(at + 1), '/pid'), String(pid));
    assert.equal(statSync(path(at + 1)).mode & 0o777, 0o600);
    const told = processes().find((each) => each.pid === pid)!;
    assert.deepEqual([told.parent, told.group], [zygote.child.pid, pid]);
  }
  assert.equal(readFileSync(join(folder, 'imported'), 'utf8'), 'once ');
  const [open1, open2] = pids.map((pid) => descriptors(pid)?.length ?? 0);
  assert.ok(open2! <= open1!, `the second has ${open2} open descriptors, the first ${open1}: it holds nothing of its brother’s`);
  assert.notEqual(await ask(t, path(1), '/number'), await ask(t, path(2), '/number'), 'random numbers are not the same in both');
  assert.equal(await ask(t, path(2), '/later'), 'late');
  await zygote.line(/^file/);
  assert.deepEqual(zygote.files(), [join(folder, 'later.py')], 'what a child loads is told, too');
});

test('--preload: how each worker has ended; its number is free again', async (t) => {
  if (!needs(t, 'python3')) return;
  const { folder, zygote, path, fork } = await nest(t);
  const first = await fork(1);
  const second = await fork(2);
  process.kill(first, 'SIGKILL');
  await zygote.line(/^signal 1 SIGKILL$/);
  assert.ok(existsSync(path(1)), 'stale');
  assert.notEqual(await fork(1), first);
  assert.match(await ask(t, path(1), '/pid'), /^\d+$/);
  process.kill(second, 'SIGTERM');
  await zygote.line(/^exit 2 0$/);
  assert.equal(existsSync(path(2)), false);
  await until(() => existsSync(join(folder, `ended-${second}`)), 'atexit functions of a worker that was told to stop');

  const open = descriptors(zygote.child.pid!)?.length ?? 0;
  for (let round = 0; round < 5; round++) {
    process.kill(await fork(3), 'SIGTERM');
    await zygote.line(/^exit 3 0$/);
  }
  const openNow = descriptors(zygote.child.pid!)?.length ?? 0;
  assert.ok(openNow <= open, `${openNow} open descriptors in the zygote, ${open} before`);
});

test('--preload: commands that are wrong cost a line on stderr; a fork that cannot be is an exit', async (t) => {
  if (!needs(t, 'python3')) return;
  const { zygote, fork } = await nest(t);
  await fork(1);
  zygote.lines.length = 0;
  const wrong = [
    'spoon',
    'fork',
    'fork 2',
    'fork 2 /tmp/x',
    'fork x "/tmp/x"',
    'fork 2 "/tmp/x',
    'fork 2 "\\q"',
    'fork 1 "/tmp/x"',
    '\xff',
  ];
  for (const line of wrong) zygote.tell(line);
  zygote.tell('fork 7 "/nowhere/at/all"');
  zygote.tell(`fork 8 ${JSON.stringify(`/tmp/${'x'.repeat(200)}`)}`);
  await zygote.line(/^exit 8 1$/);
  assert.deepEqual(zygote.lines, ['exit 7 1', 'exit 8 1']);
  await fork(9);
  const lines = zygote.said().trim().split('\n');
  assert.equal(lines.length, wrong.length + 2, zygote.said());
  assert.match(zygote.said(), /no command for a zygote: b'spoon'/);
  assert.match(zygote.said(), /there is a worker 1 already/);
  assert.match(zygote.said(), /cannot fork worker 7, for \/nowhere\/at\/all: No such file/);
});

test('--preload: told to stop, it forks no more, and ends after its last worker', async (t) => {
  if (!needs(t, 'python3')) return;
  const { zygote, path, fork } = await nest(t);
  const pid = await fork(1);
  zygote.child.kill('SIGTERM');
  await until(() => {
    zygote.tell(`fork 2 ${JSON.stringify(path(2))}`);
    return zygote.lines.includes('exit 2 1');
  }, 'a fork to be refused');
  assert.match(zygote.said(), /told to stop/);
  assert.equal(await ask(t, path(1), '/pid'), String(pid), 'its worker goes on');
  process.kill(pid, 'SIGTERM');
  assert.equal(await zygote.code, 0, zygote.said());
  assert.ok(zygote.lines.includes('exit 1 0'));

  const idle = await nest(t);
  idle.zygote.child.kill('SIGTERM');
  assert.equal(await idle.zygote.code, 0, 'at once when it has none');
});

test('--preload: the server hangs up, and all end, whatever they do', async (t) => {
  if (!needs(t, 'python3')) return;
  const { folder, zygote, path, fork } = await nest(t);
  const pids = [await fork(1), await fork(2)];
  void ask(t, path(2), '/stuck').catch(() => {});
  await until(() => existsSync(join(folder, 'stuck')), 'a worker that is stuck in C');
  zygote.hangUp();
  await until(() => zygote.child.exitCode === 0, 'the end of the zygote');
  for (const pid of pids) await gone(pid);
});

test('--preload: the zygote is killed, and its workers end', async (t) => {
  if (!needs(t, 'python3')) return;
  const { zygote, fork } = await nest(t);
  const pids = [await fork(1), await fork(2), await fork(3)];
  zygote.child.kill('SIGKILL');
  for (const pid of pids) await gone(pid);
});

test('--preload: threads that the import has started are named, for no worker has them', async (t) => {
  if (!needs(t, 'python3')) return;
  const { zygote, path, fork } = await nest(t, {
    'app.py': `
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True, name='the ticker').start()
def answer(environ):
    return ' '.join(thread.name for thread in threading.enumerate())
${hello}`,
  });
  await fork(1);
  assert.doesNotMatch(await ask(t, path(1)), /the ticker/);
  assert.match(zygote.said(), /no worker will have: the ticker\n$/, 'one line, and no other warning');
});

test('--preload with --listen, or without --ready-fd: exit code 2', async (t) => {
  if (!needs(t, 'python3')) return;
  for (const args of [['--ready-fd', '3', '--listen', 'unix:/tmp/x'], []]) {
    const { code, said } = run(t, ['--preload', ...args, join(apps, 'plain.py')]);
    assert.equal(await code, 2, said());
    assert.match(said(), /--preload goes with --ready-fd, and without --listen/);
  }
});
