/** `wire send` to programs that others wrote: php-fpm, and uWSGI on its three wires. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { daemon, phpFpm, room } from './peers.js';

interface Report {
  readonly answer: { readonly status: number; readonly headers: readonly (readonly [string, string])[] } | null;
  readonly body: { readonly text?: string };
  readonly stderr: readonly string[];
  readonly hints: readonly string[];
  readonly failure: { readonly code: string } | null;
  readonly received: { readonly bytes: number; readonly payload_bytes: number; readonly envelope_bytes: number } | null;
}

const send = async (...args: string[]): Promise<Report & { code: number | null }> => {
  const { code, stdout, stderr } = await runCli(['wire', 'send', '--json', ...args]);
  assert.ok(stdout.startsWith('{'), stderr);
  return { ...(JSON.parse(stdout) as Report), code };
};

test('php-fpm: a file, a form, what it says of one that is not there, and of the wrong wire', async (t) => {
  if (!needs(t, 'php-fpm')) return;
  const { socket, folder } = await phpFpm(t);
  const file = join(folder, 'hello.php');
  writeFileSync(file, `<?php header('X-One: 1'); error_log('a warning'); echo 'hello ' . ($_POST['name'] ?? $_GET['name'] ?? '?');`);
  const address = `unix:${socket}`;

  const got = await send(address, '/hello.php?name=Ada', '--script', file);
  assert.deepEqual([got.code, got.answer!.status, got.body.text], [0, 200, 'hello Ada']);
  assert.ok(got.answer!.headers.some(([name, value]) => name === 'X-One' && value === '1'));
  assert.match(got.stderr.join('\n'), /a warning/);
  assert.deepEqual([got.failure, got.hints], [null, []]);
  assert.equal(got.received!.payload_bytes + got.received!.envelope_bytes, got.received!.bytes);

  assert.equal((await send(address, '--script', file, '-d', 'name=Bob')).body.text, 'hello Bob');

  const shown = await runCli(['wire', 'send', address, '--script', file]);
  assert.match(shown.stdout, /^ {2}→ BEGIN_REQUEST[\s\S]*^ {2}→ PARAMS[\s\S]*^ {2}← STDOUT[\s\S]*^ {2}← END_REQUEST[\s\S]*│ hello \?/m);

  const missing = await send(address, '--script', join(folder, 'nothere.php'));
  assert.deepEqual([missing.code, missing.answer!.status], [0, 404]);
  assert.match(missing.hints.join(), /SCRIPT_FILENAME was .*nothere\.php: that file must be there for php-fpm/);
  const unnamed = await send(address, '/hello.php');
  assert.match(unnamed.hints.join(), /none was sent: add --script/, JSON.stringify(unnamed));

  for (const wire of ['scgi', 'uwsgi']) {
    const wrong = await send(address, '/hello.php', '--wire', wire, '--header-timeout', '2');
    assert.equal(wrong.code, 5);
    assert.match(wrong.hints.join(), /Not one byte came back\. .*--wire fastcgi/);
  }
});

test('uWSGI, on each of its wires', async (t) => {
  if (!needs(t, 'uwsgi')) return;
  const folder = room(t);
  const socket = (wire: string): string => join(folder, `${wire}.sock`);
  const script = join(folder, 'app.py');
  writeFileSync(
    script,
    `def application(environ, start_response):
    start_response('201 Made', [('Content-Type', 'text/plain')])
    return [('%s %s' % (environ['PATH_INFO'], environ['wsgi.input'].read().decode())).encode()]
`,
  );
  const wires = ['fastcgi', 'scgi', 'uwsgi'] as const;
  const listen = ['--uwsgi-socket', socket('uwsgi'), '--scgi-socket', socket('scgi'), '--fastcgi-socket', socket('fastcgi')];
  await daemon(
    t,
    '/usr/bin/uwsgi_python3',
    ['--master', '--need-app', '--die-on-term', '--wsgi-file', script, ...listen],
    wires.map(socket),
  );
  for (const wire of wires) {
    const got = await send(`unix:${socket(wire)}`, '/a/b', '--wire', wire, '-d', 'x=1');
    assert.deepEqual([got.code, got.answer?.status, got.body.text], [0, 201, '/a/b x=1'], wire);
    assert.equal(got.received!.payload_bytes + got.received!.envelope_bytes, got.received!.bytes);
  }
});
