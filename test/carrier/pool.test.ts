/** Workers of our own: kept, started anew when they end, replaced without a lost request, and ended with the server. Real programs. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Failure } from '../../src/failures.js';
import { descriptors, gone } from '../life/processes.js';
import { startCli } from '../support/cli.js';
import { type House, type HouseOptions, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, get, post, Wire } from '../support/wire.js';

const folderFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-pool-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A WSGI application that says who it is: its version, its process. `?ms=` takes time, `?die` kills it. */
const application = (version: string): string => `
import os, time, signal
from urllib.parse import parse_qs

def application(environ, start_response):
    query = parse_qs(environ['QUERY_STRING'])
    if 'ms' in query:
        time.sleep(int(query['ms'][0]) / 1000)
    if 'die' in environ['QUERY_STRING']:
        os.kill(os.getpid(), signal.SIGKILL)
    body = environ['wsgi.input'].read()
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('${version} %d %s %s %d' % (os.getpid(), environ['SCRIPT_NAME'], environ['PATH_INFO'], len(body))).encode()]
`;

interface WsgiHouse extends House {
  readonly file: string;
  /** Writes another version; Python looks at a source's time in seconds, so it gets no chance to keep compiled ones. */
  deploy(text: string): void;
  readonly warnings: string[];
}

const wsgiHouse = async (t: TestContext, options: HouseOptions = {}, text = application('one')): Promise<WsgiHouse | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const file = join(folderFor(t), 'app.py');
  const warnings: string[] = [];
  writeFileSync(file, text);
  const h = await house({
    mounts: [{ wsgi: `${file}:application`, where: '/' }],
    workers: 2,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  t.after(() => h.stop());
  return { ...h, file, deploy: (next) => writeFileSync(file, next), warnings };
};

const pidOf = ({ text }: Answer): number => Number(text.split(' ')[1]);
/** Of so many workers, by asking them all at once. */
const pids = async (port: number, workers: number): Promise<number[]> => {
  const answers = await Promise.all(Array.from({ length: workers }, () => get(port, '/?ms=100')));
  return [...new Set(answers.map(pidOf))].sort();
};

test('wsgi: an application answers from workers that stay, under a prefix too', async (t) => {
  const h = await wsgiHouse(t);
  if (!h) return;
  const two = await until(async () => (await pids(h.port, 2)).length === 2 && pids(h.port, 2), 'two workers');
  for (let i = 0; i < 10; i++) assert.ok((two as number[]).includes(pidOf(await get(h.port, '/users/7'))));
  assert.match((await get(h.port, '/users/7')).text, /^one \d+ {2}\/users\/7 0$/);
  assert.match((await post(h.port, '/up', 'x'.repeat(300_000))).text, /300000$/);
  assert.equal((await h.exchange()).gateway, 'wsgi');

  const under = await house({ mounts: [{ wsgi: `${h.file}:application`, where: '/api' }], workers: 1 });
  t.after(() => under.stop());
  assert.match((await get(under.port, '/api/users/7')).text, /^one \d+ \/api \/users\/7 0$/);
  assert.equal((await get(under.port, '/other')).status, 404);
});

test('a worker that is killed is replaced; only the request it held fails', async (t) => {
  const h = await wsgiHouse(t);
  if (!h) return;
  const before = await until(async () => (await pids(h.port, 2)).length === 2 && pids(h.port, 2), 'two workers');
  const died = await post(h.port, '/?die', 'x');
  assert.equal(died.status, 502);
  assert.equal((await h.exchange((e) => e.target === '/?die')).failure?.code, 'WIRE_TRUNCATED');
  for (let i = 0; i < 20; i++) assert.equal((await get(h.port, '/')).status, 200);
  const after = await until(async () => (await pids(h.port, 2)).length === 2 && pids(h.port, 2), 'two workers again');
  assert.equal((after as number[]).filter((pid) => !(before as number[]).includes(pid)).length, 1);
  assert.deepEqual(h.warnings, [`${h.file}:application: a worker ended: SIGKILL`]);
});

test('a request that comes just when the only worker dies has the next one', async (t) => {
  const h = await wsgiHouse(t, { workers: 1 });
  if (!h) return;
  let pid = pidOf(await get(h.port, '/'));
  for (let i = 0; i < 10; i++) {
    process.kill(pid, 'SIGKILL');
    const answer = await get(h.port, '/');
    assert.equal(answer.status, 200, answer.text);
    assert.notEqual(pidOf(answer), pid);
    pid = pidOf(answer);
  }
});

test('more clients than workers wait, and are all answered', async (t) => {
  const h = await wsgiHouse(t);
  if (!h) return;
  const answers = await Promise.all(Array.from({ length: 12 }, () => get(h.port, '/?ms=50')));
  for (const answer of answers) assert.equal(answer.status, 200);
});

test('a request that comes while the application is being loaded waits for it', async (t) => {
  const h = await wsgiHouse(t, { workers: 1 }, `import time; time.sleep(1)\n${application('slow')}`);
  if (!h) return;
  assert.match((await get(h.port, '/')).text, /^slow /);
});

test('an application that cannot be loaded: 503 with its own words, no storm of starts, and it answers when it is mended', async (t) => {
  const h = await wsgiHouse(t, {}, `open(__file__ + '.births', 'a').write('x')\nimport flaskk\n`);
  if (!h) return;
  const births = (): number => (existsSync(`${h.file}.births`) ? readFileSync(`${h.file}.births`, 'utf8').length : 0);
  const refused = await get(h.port, '/', { Accept: 'application/json' });
  assert.equal(refused.status, 503);
  const { failure } = await h.exchange();
  assert.equal(failure?.code, 'WORKERS_FAILED');
  assert.equal(failure.evidence.detail, 'exit 3');
  assert.match(failure.evidence.stderr ?? '', /There is no module flaskk for this interpreter/);
  assert.ok(h.stderr.some(({ text, script }) => /flaskk/.test(text) && script === `${h.file}:application`));
  const seen = births();
  for (let i = 0; i < 20; i++) assert.equal((await get(h.port, '/')).status, 503);
  // Two workers, five failures in a row, and one that finds out whether it still goes wrong.
  assert.ok(births() <= seen + 2 && births() <= 9, `${births()} starts`);
  h.deploy(application('mended'));
  await until(async () => (await get(h.port, '/')).status === 200, 'the mended one to answer', 30_000);
});

test('reload: the new ones take over when all are ready, and no request is lost, with broken deployments in between', {
  timeout: 180_000,
}, async (t) => {
  const h = await wsgiHouse(t);
  if (!h) return;
  let stop = false;
  const failed: string[] = [];
  const counts = new Map<string, number>();
  const client = async (): Promise<void> => {
    const wire = await Wire.open(h.port);
    while (!stop) {
      wire.send('GET /?ms=5 HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const answer = await wire.answer();
      const [version = ''] = answer.text.split(' ');
      counts.set(version, (counts.get(version) ?? 0) + 1);
      if (answer.status !== 200 || !answer.complete) failed.push(`${answer.status} ${answer.text.slice(0, 200)}`);
    }
    wire.close();
  };
  const clients = Array.from({ length: 6 }, client);
  for (let round = 1; round <= 20; round++) {
    const broken = round % 9 === 0;
    h.deploy(broken ? 'def application(:\n' : application(`v${round}`));
    const failures: Failure[] = await h.server.reload();
    assert.deepEqual(
      failures.map(({ code }) => code),
      broken ? ['WORKERS_FAILED'] : [],
    );
    if (broken) assert.match(failures[0]!.evidence.stderr ?? '', /SyntaxError/);
    const version = `v${broken ? round - 1 : round}`;
    assert.match((await get(h.port, '/')).text, new RegExp(`^${version} `));
  }
  stop = true;
  await Promise.all(clients);
  assert.deepEqual(failed, []);
  counts.delete('one'); // The first deployment may come before the first request.
  assert.equal(counts.size, 18, JSON.stringify([...counts]));
});

test('what a reload leaves behind is ended: processes, sockets, descriptors', async (t) => {
  const h = await wsgiHouse(t);
  if (!h) return;
  const old = await until(async () => (await pids(h.port, 2)).length === 2 && pids(h.port, 2), 'two workers');
  await h.server.reload();
  for (const pid of old as number[]) await gone(pid);
  const before = descriptors()?.length;
  for (let i = 0; i < 3; i++) await h.server.reload();
  if (before !== undefined) await until(() => descriptors()!.length <= before, `all but ${before} descriptors to be closed`);
});

test('the server ends its workers, a slow request first', async (t) => {
  const h = await wsgiHouse(t);
  if (!h) return;
  const [pid] = (await until(async () => (await pids(h.port, 2)).length === 2 && pids(h.port, 2), 'two workers')) as number[];
  const slow = get(h.port, '/?ms=300');
  await until(() => new Promise<boolean>((resolve) => h.server.http.getConnections((_, count) => resolve(count > 0))), 'the slow one');
  const closed = h.server.close(10_000);
  assert.equal((await slow).status, 200);
  await closed;
  await gone(pid);
});

test('FastCGI programs: php-cgi for an extension', async (t) => {
  if (!needs(t, 'php-cgi')) return;
  const h = await house({
    mounts: [{ pool: 'php-cgi', where: '.php' }],
    workers: 2,
    public: { 'hello.php': '<?php echo "PHP ", getmypid(), " ", $_SERVER["SCRIPT_NAME"], " ", $_POST["a"] ?? "";', 'note.txt': 'note' },
  });
  t.after(() => h.stop());
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add((await get(h.port, '/hello.php')).text);
  assert.ok(seen.size <= 2, [...seen].join());
  const posted = await post(h.port, '/hello.php', 'a=tea', { 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.match(posted.text, /^PHP \d+ \/hello\.php tea$/);
  assert.equal((await get(h.port, '/note.txt')).text, 'note');
});

test('FastCGI programs: Perl, at a path, with arguments as a shell has them; its stderr is in the log; its exit is no loss', async (t) => {
  if (!needs(t, 'perl FCGI.pm')) return;
  const folder = folderFor(t);
  writeFileSync(
    join(folder, 'app.pl'),
    `use FCGI; my $n = 0; my $r = FCGI::Request();
while ($r->Accept() >= 0) { $n++; print STDERR "asked\\n"; print "Content-Type: text/plain\\n\\n$ARGV[0] $$ $n"; $r->Finish(); exit 0 if $n == 5; }`,
  );
  const h = await house({ mounts: [{ pool: `perl ${folder}/app.pl 'two words'`, where: '/app' }], workers: 1 });
  t.after(() => h.stop());
  const answers: Answer[] = [];
  for (let i = 0; i < 12; i++) answers.push(await get(h.port, '/app/x'));
  for (const answer of answers) assert.match(answer.text, /^two words \d+ [1-5]$/);
  assert.ok(new Set(answers.map(({ text }) => text.split(' ')[2])).size >= 3, 'three lives');
  const line = h.stderr.find(({ text }) => text === 'asked');
  assert.equal(line?.script, `perl ${folder}/app.pl 'two words'`);
  assert.ok(
    answers.some(({ text }) => text.includes(` ${line.pid} `)),
    `one of them is process ${line.pid}`,
  );
});

test('several in one server, beside static files: the longest path counts', async (t) => {
  if (!needs(t, 'python3', 'php-cgi')) return;
  const file = join(folderFor(t), 'app.py');
  writeFileSync(file, application('app'));
  const wsgi = `${file}:application`;
  const h = await house({
    mounts: [
      { wsgi, where: '/api' },
      { wsgi, where: '/api/v2' },
      { pool: 'php-cgi', where: '.php' },
    ],
    workers: 1,
    public: { 'page.php': '<?php echo "PHP ", $_SERVER["PATH_INFO"];', 'note.txt': 'note', 'api/hidden.txt': 'behind the mount' },
    scripts: { 'hello.cgi': '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\nCGI $PATH_INFO"' },
  });
  t.after(() => h.stop());
  const table: [path: string, answer: RegExp][] = [
    ['/api', /^app \d+ \/api {2}0$/],
    ['/api/', /^app \d+ \/api \/ 0$/],
    ['/api/hidden.txt', /^app \d+ \/api \/hidden\.txt 0$/],
    ['/api/v2/users', /^app \d+ \/api\/v2 \/users 0$/],
    ['/api/v2', /^app \d+ \/api\/v2 {2}0$/],
    ['/api/v22', /^app \d+ \/api \/v22 0$/],
    ['/page.php/more', /^PHP \/more$/],
    ['/note.txt', /^note$/],
    ['/cgi-bin/hello.cgi/x', /^CGI \/x$/],
  ];
  for (const [path, answer] of table) assert.match((await get(h.port, path)).text, answer, path);
  assert.equal((await get(h.port, '/apis')).status, 404);
});

test('a command that does not exist is 503, and says what the shell said', async (t) => {
  const h = await house({ mounts: [{ pool: 'no-such-program --x', where: '/app' }], workers: 1 });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/app')).status, 503);
  const { failure } = await h.exchange();
  assert.equal(failure?.code, 'WORKERS_FAILED');
  assert.match(failure.evidence.stderr ?? '', /no-such-program/);
});

test('the command line: a banner line, SIGHUP reloads, and KILL of the server ends its workers', async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = folderFor(t);
  writeFileSync(join(folder, 'app.py'), application('one'));
  const cli = await startCli(['--wsgi', '/api=app:application', '--workers', '2', '--port', '0'], {
    cwd: folder,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  });
  t.after(() => cli.stop());
  const first = await get(cli.port, '/api/');
  assert.match(first.text, /^one /);
  writeFileSync(join(folder, 'app.py'), `${application('two')}# longer\n`);
  cli.child.kill('SIGHUP');
  await cli.waitFor(/Reloaded/);
  const second = await get(cli.port, '/api/');
  assert.match(second.text, /^two /);
  await gone(pidOf(first));
  cli.child.kill('SIGKILL');
  await gone(pidOf(second));
});
