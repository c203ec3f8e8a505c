/** The options of pools, as a user says them: what is refused, and that all of them together make workers that answer. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findProgram } from '../../src/route/interpreters.js';
import { runCli, startCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { get } from '../support/wire.js';

const application = `
import os

def application(environ, start_response):
    if environ['PATH_INFO'] == '/fails':
        raise RuntimeError('as asked')
    start_response('200 OK', [('Content-Type', 'text/plain')])
    said = [os.environ.get('VIRTUAL_ENV'), environ['wsgi.multithread'], environ['wsgi.multiprocess']]
    return [repr(said).encode()]
`;

const folderFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-workers-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'app.py'), application);
  return folder;
};

const mistakes: [args: string[], message: RegExp][] = [
  [['--workers', '0'], /--workers takes a number from 1 to 1000, or a range such as 2\.\.8 or 0\.\.4; got '0'/],
  [['--workers', '5..2'], /got '5\.\.2'/],
  [['--workers', '0..0'], /got '0\.\.0'/],
  [['--threads', '0'], /--threads takes a whole number from 1 to 1000; got '0'/],
  [['--via', 'http'], /one of fastcgi, scgi, uwsgi, cgi; got 'http'/],
  [['--venv', 'nowhere'], /venv nowhere: there is no bin\/python in it/],
  [['--python', 'no-such-python'], /python: no program no-such-python/],
  [['--health', 'well'], /health: expected a URL path such as \/health, got 'well'/],
];
for (const [args, message] of mistakes) {
  test(`refused: ${args.join(' ')}`, async (t) => {
    const { code, stderr } = await runCli(['--wsgi', 'app:application', '--port', '0', ...args], { cwd: folderFor(t) });
    assert.match(stderr, message);
    assert.equal(code, 2);
  });
}

test('all of them together', async (t) => {
  if (!needs(t, 'python3')) return;
  const cwd = folderFor(t);
  // As `python -m venv` leaves it, as far as it matters here: a link to the interpreter.
  mkdirSync(join(cwd, 'env', 'bin'), { recursive: true });
  symlinkSync(findProgram('python3', process.env.PATH ?? '')!, join(cwd, 'env', 'bin', 'python'));
  const workers = ['--workers', '1..2', '--threads', '2', '--preload', '--dev', '--health', '/', '--venv', 'env', '--via', 'scgi'];
  const recycle = ['--max-requests', '100', '--max-memory', '1G', '--max-age', '1h'];
  const cli = await startCli(['--wsgi', '/app=app:application', ...workers, ...recycle, '--port', '0'], { cwd });
  t.after(() => cli.stop());
  const answer = await get(cli.port, '/app/');
  assert.equal(answer.text, `['${join(cwd, 'env')}', True, True]`);
  const failed = await get(cli.port, '/app/fails');
  assert.equal(failed.status, 500);
  assert.match(failed.text, /RuntimeError: as asked/);
  cli.child.kill('SIGHUP');
  await cli.waitFor(/Reloaded/);
  assert.equal((await get(cli.port, '/app/')).status, 200);
});

test('the help names what a pool is made of', async () => {
  const { stdout } = await runCli(['--help']);
  assert.match(stdout, /Workers that stay/);
  for (const option of ['--workers', '--max-requests', '--preload', '--health', '--via']) assert.ok(stdout.includes(option), option);
});
