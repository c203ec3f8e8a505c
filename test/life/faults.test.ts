/**
 * What the machine may do to a server: files that are not what they seem, files that go away, a full disk, no descriptors, no
 * processes, no permission. Each is a coded answer that says what to mend; the next request is served as if nothing had been.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FailureCode } from '../../src/failures.js';
import { house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, requestText, talk, Wire, get as wireGet } from '../support/wire.js';
import { little } from './little.js';
import { childless, descriptors } from './processes.js';

const hello = sh(`printf 'Content-Type: text/plain\\n\\nhello'`);
/** Failures in plain text: what went wrong is then legible here too. */
const get = (port: number, target: string): Promise<Answer> => wireGet(port, target, { Accept: 'text/plain' });
const isRoot = process.getuid?.() === 0;
/** A user that nobody else is. */
const somebody = 60_000 + (process.pid % 5_000);

const chunked = (target: string, bytes: number): Buffer => {
  const piece = Buffer.concat([Buffer.from('4000\r\n'), Buffer.alloc(0x4000, 'x'), Buffer.from('\r\n')]);
  const head = requestText('POST', target, { 'Transfer-Encoding': 'chunked' });
  return Buffer.concat([Buffer.from(head), ...Array<Buffer>(Math.ceil(bytes / 0x4000)).fill(piece), Buffer.from('0\r\n\r\n')]);
};

test('files that cannot run, each with its own reason', async (t) => {
  const files: [name: string, text: string | Buffer, status: number, code: FailureCode, mode?: number][] = [
    ['crlf.cgi', '#!/bin/sh\r\necho hello\r\n', 500, 'SHEBANG_CRLF'],
    ['crlf-env.cgi', '#!/usr/bin/env sh\r\necho hello\r\n', 500, 'SHEBANG_CRLF'],
    ['missing.cgi', '#!/nowhere/interpreter\necho hello\n', 500, 'INTERPRETER_MISSING'],
    ['no-shebang.cgi', `printf 'Content-Type: text/plain\\n\\nhello'\n`, 500, 'SHEBANG_MISSING'],
    ['blank-first.cgi', `\n${hello}`, 500, 'SHEBANG_MISSING'],
    ['bom.cgi', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(hello)]), 500, 'SHEBANG_BOM'],
    ['empty.cgi', '', 500, 'SCRIPT_EMPTY'],
    ['plain.cgi', hello, 403, 'NOT_EXECUTABLE', 0o644],
  ];
  const scripts = Object.fromEntries(files.map(([name, text, , , mode = 0o755]) => [name, { text, mode }]));
  const h = await house({ scripts: { ...scripts, 'hello.cgi': hello } });
  t.after(() => h.stop());
  for (const [name, , status, code] of files) {
    const answer = await get(h.port, `/cgi-bin/${name}`);
    assert.equal(answer.status, status, name);
    assert.match(answer.text, new RegExp(code), name);
    const exchange = await h.exchange((e) => e.target.endsWith(name));
    assert.equal(exchange.failure?.code, code, name);
    assert.equal(exchange.exitCode, undefined, name);
    const head = await talk(h.port, requestText('HEAD', `/cgi-bin/${name}?head`), { method: 'HEAD' });
    assert.equal(head.status, status, `HEAD ${name}`);
  }
  assert.equal((await get(h.port, '/cgi-bin/hello.cgi')).text, 'hello');
  await childless();
});

test('interpreters that are not', async (t) => {
  const h = await house();
  t.after(() => h.stop());
  const place = (name: string, text: string, mode = 0o755) => {
    writeFileSync(join(h.dir, name), text);
    chmodSync(join(h.dir, name), mode);
  };
  place('data', 'not a program', 0o644);
  place('unrunnable.cgi', `#!${h.dir}/data\n`);
  place('folder.cgi', `#!${h.dir}\n`);
  place('garbage.cgi', '\x7fELF and then nothing of the kind');
  place('nameless.cgi', '#!\necho hello\n');
  place('spaces.cgi', '#!   \necho hello\n');
  place('loop-a', `#!${h.dir}/loop-b\n`);
  place('loop-b', `#!${h.dir}/loop-a\n`);
  place('unknown-to-env.cgi', '#!/usr/bin/env no-such-program-anywhere\n');
  for (const name of readdirSync(h.dir).filter((name) => name !== 'data')) {
    const answer = await get(h.port, `/cgi-bin/${name}`);
    assert.ok([403, 500, 502].includes(answer.status), `${name}: ${answer.status}`);
    const exchange = await h.exchange((e) => e.target.endsWith(name));
    assert.ok(exchange.failure !== undefined && exchange.failure.code !== 'SERVER_ERROR', `${name}: ${exchange.failure?.code}`);
    assert.ok(answer.text.includes(exchange.failure.code), name);
  }
  await childless();
});

test('a file the system takes for no program is not handed to /bin/sh', async (t) => {
  // libuv's execvp does so when execve says ENOEXEC: then Python is read as shell, and what looks like shell in it is run.
  const body = `printf 'Content-Type: text/plain\\n\\nread by the shell'\n`;
  const h = await house({
    scripts: {
      'long-shebang.cgi': `#!/${'x'.repeat(300)}\n${body}`, // Linux reads 256 bytes
      'no-shebang.cgi': body,
      'comment.cgi': `# ${body}${body}`,
    },
  });
  t.after(() => h.stop());
  for (const name of readdirSync(h.dir)) {
    const answer = await get(h.port, `/cgi-bin/${name}`);
    assert.equal(answer.status, 500, `${name}: ${answer.text}`);
    assert.doesNotMatch(answer.text, /read by the shell$/);
  }
});

test('an environment the system does not take is a coded failure', async (t) => {
  const h = await house({ scripts: { 'hello.cgi': hello }, env: { BIG: 'x'.repeat(3_000_000) } });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/hello.cgi');
  assert.equal(answer.status, 500);
  assert.match(answer.text, /SPAWN_FAILED/);
  await childless();
});

test('a pipe with an X bit is not opened', async (t) => {
  const h = await house({ scripts: { 'hello.cgi': hello } });
  t.after(() => h.stop());
  execFileSync('mkfifo', ['-m', '755', join(h.dir, 'pipe.cgi')]);
  // More of them than libuv has threads: had each been opened, nothing would be read from the disk any more.
  const answers = await Promise.all(Array.from({ length: 8 }, () => get(h.port, '/cgi-bin/pipe.cgi')));
  for (const answer of answers) {
    assert.equal(answer.status, 403);
    assert.match(answer.text, /NOT_A_FILE/);
  }
  assert.equal((await get(h.port, '/cgi-bin/hello.cgi')).text, 'hello');
});

test('a script that comes and goes while it is asked for', async (t) => {
  const h = await house({ scripts: { 'there.cgi': hello } });
  t.after(() => h.stop());
  let going = true;
  const toggling = (async () => {
    for (let i = 0; going; i++) {
      renameSync(join(h.dir, i % 2 ? 'away.cgi' : 'there.cgi'), join(h.dir, i % 2 ? 'there.cgi' : 'away.cgi'));
      await new Promise(setImmediate);
    }
  })();
  const statuses = new Set<number>();
  for (let i = 0; i < 150; i++) {
    const answer = await get(h.port, '/cgi-bin/there.cgi');
    statuses.add(answer.status);
    // 502: exec has succeeded, and the interpreter found nothing to read.
    assert.ok([404, 502].includes(answer.status) || (answer.status === 200 && answer.text === 'hello'), `${answer.status} ${answer.text}`);
  }
  going = false;
  await toggling;
  for (const { failure } of h.exchanges)
    assert.ok(['NOT_FOUND', 'SCRIPT_VANISHED', 'REPLY_CRASHED', undefined].includes(failure?.code), failure?.code);
  t.diagnostic(`saw ${[...statuses].join(', ')} and ${[...new Set(h.exchanges.map((e) => e.failure?.code ?? 'none'))].join(', ')}`);
});

test('a script replaced by rename is the old one or the new one', async (t) => {
  const version = (n: number) => sh(`printf 'Content-Type: text/plain\\n\\nversion ${n}'`);
  const h = await house({ scripts: { 'app.cgi': version(0) } });
  t.after(() => h.stop());
  for (let n = 1; n <= 40; n++) {
    const asked = get(h.port, '/cgi-bin/app.cgi');
    writeFileSync(join(h.dir, 'new'), version(n), { mode: 0o755 });
    renameSync(join(h.dir, 'new'), join(h.dir, 'app.cgi'));
    const answer = await asked;
    assert.equal(answer.status, 200);
    assert.ok([`version ${n - 1}`, `version ${n}`].includes(answer.text), answer.text);
    assert.equal((await get(h.port, '/cgi-bin/app.cgi')).text, `version ${n}`, 'what is remembered of a file is checked');
  }
});

test('a script somebody is writing to', async (t) => {
  const h = await house({ scripts: { 'busy.cgi': hello } });
  t.after(() => h.stop());
  const fd = openSync(join(h.dir, 'busy.cgi'), 'r+');
  const answer = await get(h.port, '/cgi-bin/busy.cgi').finally(() => closeSync(fd));
  // ETXTBSY on most kernels.
  if (answer.status !== 200) {
    assert.equal(answer.status, 500);
    assert.match(answer.text, /SPAWN_FAILED/);
    assert.match(answer.text, /ETXTBSY/);
  }
  assert.equal((await get(h.port, '/cgi-bin/busy.cgi')).text, 'hello');
});

test('the directory is removed while it is served, and comes back', async (t) => {
  const h = await house({ scripts: { 'hello.cgi': hello, 'deep/down/hello.cgi': hello, 'slow.cgi': sh('echo $$ > pid; sleep 600') } });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/cgi-bin/deep/down/hello.cgi')).text, 'hello');
  const running = await Wire.open(h.port);
  running.send(requestText('GET', '/cgi-bin/slow.cgi'));
  await until(() => readdirSync(h.dir).includes('pid'), 'the script that runs on');
  rmSync(h.dir, { recursive: true });
  for (const path of ['hello.cgi', 'deep/down/hello.cgi', 'slow.cgi', '', 'deep/']) {
    const answer = await get(h.port, `/cgi-bin/${path}`);
    assert.equal(answer.status, 404, path);
    assert.ok(answer.complete, path);
  }
  running.reset(); // the server can still end what runs in a place that is no more
  await childless();
  mkdirSync(h.dir);
  writeFileSync(join(h.dir, 'hello.cgi'), hello, { mode: 0o755 });
  assert.equal((await get(h.port, '/cgi-bin/hello.cgi')).text, 'hello');
});

test('nowhere to spool: 500 SPOOL_FAILED, and what fits into memory is still served', async (t) => {
  for (const tmp of ['/nonexistent/tmp', '/dev/null']) {
    const l = await little({ 'count.cgi': sh(`n=$(wc -c); printf 'Content-Type: text/plain\\n\\n%s' $n`) }, {}, { tmp });
    t.after(() => l.stop());
    await spoolFails(await talk(l.port, chunked('/cgi-bin/count.cgi', 1 << 20)));
    assert.equal((await l.exchange(() => true)).pid, undefined, 'the script never ran');
    const small = await talk(l.port, chunked('/cgi-bin/count.cgi', 0x4000));
    assert.equal(small.status, 200);
    assert.equal(Number(small.text), 0x4000);
    assert.ok(l.alive(), l.stderr());
  }
});

test('the disk is full: 500 SPOOL_FAILED, and no file stays', async (t) => {
  // A disk of 128 KiB in a mount namespace of its own, which goes away with the process.
  const user = isRoot ? [] : ['--user', '--map-root-user'];
  const mount = 'mount -t tmpfs -o size=128k cgi-serve-test "$TMPDIR"';
  const can = spawnSync('unshare', [...user, '--mount', 'sh', '-c', mount], { env: { ...process.env, TMPDIR: '/mnt' } }).status === 0;
  if (!can) {
    t.diagnostic('this machine lets nobody mount: only the test before this one ran');
    return;
  }
  const within = ['unshare', ...user, '--mount', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];
  const l = await little({ 'count.cgi': sh(`n=$(wc -c); printf 'Content-Type: text/plain\\n\\n%s' $n`) }, {}, { within });
  t.after(() => l.stop());
  const left = () => readdirSync(`/proc/${l.pid}/root${l.tmp}`);
  for (let i = 0; i < 3; i++) {
    await spoolFails(await talk(l.port, chunked(`/cgi-bin/count.cgi?${i}`, 1 << 20)));
    await l.exchange((e) => e.target.endsWith(`?${i}`));
    assert.deepEqual(left(), []);
    assert.equal(
      descriptors(l.pid)?.some((path) => path.startsWith(l.tmp)),
      false,
      'nor a descriptor of one',
    );
    // What still fits is served: the room is free again.
    const fits = await talk(l.port, chunked(`/cgi-bin/count.cgi?fits${i}`, 0x4000 * 6));
    assert.equal(fits.status, 200);
    assert.equal(Number(fits.text), 0x4000 * 6);
  }
  await until(() => left().length === 0, 'the spooled files to be removed');
  assert.ok(l.alive(), l.stderr());
});

async function spoolFails(answer: Answer): Promise<void> {
  assert.equal(answer.status, 500);
  assert.match(answer.text, /SPOOL_FAILED/);
  assert.ok(answer.complete);
}

test('no descriptor is left: a clear 503, and all is well when there are some again', async (t) => {
  const within = ['sh', '-c', 'ulimit -n 48; exec "$@"', 'sh'];
  const l = await little({ 'hello.cgi': hello }, {}, { within });
  t.after(() => l.stop());
  const asker = await Wire.open(l.port);
  const ask = async () => {
    asker.send(requestText('GET', '/cgi-bin/hello.cgi', { Connection: 'keep-alive' }));
    return asker.answer();
  };
  assert.equal((await ask()).text, 'hello');

  // One idle connection more each time: the request fails at another step each time, never silently.
  const idle: Wire[] = [];
  const closeIdle = () => {
    for (const wire of idle) wire.close();
  };
  t.after(closeIdle);
  let exhausted = 0;
  for (let refused = 0; refused < 3 && idle.length < 60; ) {
    const wire = await Wire.open(l.port);
    idle.push(wire);
    let closed = false;
    void wire.closed.then(() => {
      closed = true;
    });
    const answer = await ask();
    if (answer.status !== 200) {
      assert.equal(answer.status, 503, `${idle.length} idle: ${answer.text}`);
      assert.match(answer.text, /SPAWN_EXHAUSTED/, `${idle.length} idle`);
      exhausted += 1;
    }
    if (closed) refused += 1;
  }
  assert.ok(exhausted > 0, 'it did run out');
  closeIdle();
  await until(async () => (await ask()).status === 200, 'answers again');
  asker.close();
  assert.equal((await get(l.port, '/cgi-bin/hello.cgi')).text, 'hello');
  assert.ok(l.alive(), l.stderr());
});

test('a flood beyond the descriptors: 200, 503 or refused, and then it recovers', async (t) => {
  const within = ['sh', '-c', 'ulimit -n 60; exec "$@"', 'sh'];
  const l = await little({ 'hello.cgi': hello, 'slow.cgi': sh(`sleep 0.2; printf 'Content-Type: text/plain\\n\\nslow'`) }, {}, { within });
  t.after(() => l.stop());
  assert.equal((await get(l.port, '/cgi-bin/hello.cgi')).text, 'hello');
  const before = descriptors(l.pid);
  for (let wave = 0; wave < 3; wave++) {
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () =>
        get(l.port, '/cgi-bin/slow.cgi').then(
          (answer) => {
            assert.ok(answer.complete);
            if (answer.status !== 200) assert.match(answer.text, /SPAWN_EXHAUSTED/);
            return answer.status;
          },
          () => 'refused' as const,
        ),
      ),
    );
    for (const outcome of outcomes) assert.ok([200, 503, 'refused'].includes(outcome), String(outcome));
  }
  await until(async () => (await get(l.port, '/cgi-bin/hello.cgi').catch(() => undefined))?.text === 'hello', 'an answer');
  // One more than before: libuv keeps one in reserve from its first EMFILE on.
  const now = () => descriptors(l.pid) ?? [];
  await until(() => before === undefined || now().length <= before.length + 1, 'its descriptors to be closed').catch((error: Error) => {
    throw new Error(`${error.message}\nbefore ${before?.sort().join(' ')}\nnow ${now().sort().join(' ')}`);
  });
  assert.ok(l.alive(), l.stderr());
});

test('no process is left: 503 SPAWN_EXHAUSTED, and then it recovers', async (t) => {
  if (!isRoot) return t.skip('needs root: only root can become a user that has no other processes');
  if (!needs(t, 'prlimit')) return;
  // `read` and `:` are the shell's own: the script forks nothing. It waits until somebody writes to the pipe.
  const waits = sh(`read -r line < pipe; printf 'Content-Type: text/plain\\n\\nwaited'`);
  const l = await little(
    { 'waits.cgi': waits, 'hello.cgi': hello },
    { uid: somebody, maxProcesses: 100 },
    { within: ['prlimit', '--nproc=40'] },
  );
  t.after(() => l.stop());
  execFileSync('mkfifo', ['-m', '666', join(l.dir, 'pipe')]);
  const asked = Array.from({ length: 60 }, () => get(l.port, '/cgi-bin/waits.cgi'));
  await until(() => l.exchanges.length > 0, 'a refusal');
  // Those that run are let go, again and again, until nobody waits any more.
  let done = false;
  const letGo = async () => {
    while (!done) {
      const fd = openSync(join(l.dir, 'pipe'), 'r+');
      await new Promise((resolve) => setTimeout(resolve, 50));
      writeFileSync(fd, '\n'.repeat(200));
      await new Promise((resolve) => setTimeout(resolve, 50));
      closeSync(fd);
    }
  };
  const [answers] = await Promise.all([
    Promise.all(asked).finally(() => {
      done = true;
    }),
    letGo(),
  ]);
  for (const answer of answers) {
    assert.ok(answer.status === 200 || answer.status === 503, `${answer.status} ${answer.text}`);
    if (answer.status === 503) assert.match(answer.text, /SPAWN_EXHAUSTED/);
  }
  assert.ok(answers.some((answer) => answer.status === 200));
  assert.ok(answers.some((answer) => answer.status === 503));
  assert.equal((await get(l.port, '/cgi-bin/hello.cgi')).text, 'hello');
  assert.ok(l.alive(), l.stderr());
});

test('what the server may not read is 403, and never a script', async (t) => {
  const l = await little({ 'hello.cgi': hello, 'closed/hello.cgi': hello, 'unreadable.cgi': hello }, isRoot ? { uid: somebody } : {});
  t.after(async () => {
    chmodSync(join(l.dir, 'closed'), 0o755);
    await l.stop();
  });
  chmodSync(join(l.dir, 'closed'), isRoot ? 0o700 : 0);
  chmodSync(join(l.dir, 'unreadable.cgi'), isRoot ? 0o711 : 0o111);
  assert.equal((await get(l.port, '/cgi-bin/hello.cgi')).text, 'hello');
  for (const path of ['closed/hello.cgi', 'closed/nothing.cgi', 'closed/']) {
    const answer = await get(l.port, `/cgi-bin/${path}`);
    assert.equal(answer.status, 403, path);
    assert.match(answer.text, /NO_PERMISSION|NO_LISTING/, path);
  }
  const answer = await get(l.port, '/cgi-bin/unreadable.cgi');
  assert.ok(answer.status >= 400, `${answer.status}`);
  assert.doesNotMatch(answer.text, /printf/);
  assert.ok(l.alive(), l.stderr());
});
