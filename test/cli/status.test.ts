/**
 * `cgi-serve status`, as a user meets it: a lab that answers as the real one does, announced as the real one is; the table once in
 * a pipe and live on a terminal; and what is said when there is nothing to ask.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { palette } from '../../src/cli/color.js';
import { statusLines } from '../../src/cli/status-table.js';
import { columns } from '../../src/cli/words.js';
import { announceLab } from '../../src/lab/announce.js';
import { statusAnswer } from '../../src/status/answer.js';
import type { PoolStatus } from '../../src/status/status.js';
import { api, atMs, busy, idle, php } from '../status/pools.js';
import { onTerminal } from '../status/terminal.js';
import { bin, runCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';

const key = 'k-0123456789';

/** A user with a runtime folder of their own: nobody else's labs are in it. */
const user = (t: TestContext): { XDG_RUNTIME_DIR: string } => {
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-status-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { XDG_RUNTIME_DIR: folder };
};

/** Node starts slowly on a busy machine. */
const patienceMs = 45_000;

interface FakeLab {
  readonly url: string;
  readonly port: number;
  readonly http: Server;
  pools: readonly PoolStatus[];
  asked: number;
}

/** Answers as a lab, and is announced to `env`'s user with this key. */
const lab = async (t: TestContext, env: { XDG_RUNTIME_DIR: string } | undefined, announced = key): Promise<FakeLab> => {
  const http = createServer((message, res) => {
    const { pathname, searchParams } = new URL(message.url ?? '/', 'http://lab');
    if (message.headers.authorization !== `Bearer ${key}`) return void res.writeHead(401).end();
    if (pathname !== '/status') return void res.writeHead(404).end();
    fake.asked += 1;
    const { status, type, body } = statusAnswer(fake.pools, searchParams, message.headers.accept ?? '', atMs);
    res.writeHead(status, { 'Content-Type': type, Connection: 'close' }).end(body);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    http.close();
    http.closeAllConnections();
  });
  const { port } = http.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  if (env !== undefined) t.after(announceLab({ pid: process.pid, url, key: announced }, env));
  const fake: FakeLab = { url, port, http, pools: [api, php], asked: 0 };
  return fake;
};

test('in a pipe: the table once, in plain text', async (t) => {
  const env = user(t);
  const { url } = await lab(t, env);
  const { code, stdout, stderr } = await runCli(['status'], { env });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.doesNotMatch(stdout, /\x1b/);
  const lines = stdout.split('\n');
  assert.equal(lines[0], `cgi-serve ${url} · pid ${process.pid}`);
  assert.ok(lines.includes('/api  app:application'));
  assert.ok(lines.includes('  wsgi · 2 to 4 workers · generation 3 · up 2h01m'));
  assert.ok(lines.includes('  waited    p50 0.3ms · p90 4.0ms · p99 121ms · max 1.5s · of the last 64'), stdout);
  const table = lines.slice(lines.findIndex((line) => /^ +# +pid/.test(line))).slice(0, 5);
  assert.deepEqual(table, [
    '  #   pid  gen  state     requests  failed  memory   CPU    age    for  request',
    '  1  4100    2  stopping        11       2   24.1M  1.5s  2h00m   1.3s  POST /api/form?x=1&y=<b>"q"',
    '  1  4243    3  idle            40       0       –     –  1m30s  3.5ms  GET /api/',
    '  2  4242    3  busy            11       2   24.1M  1.5s  1m30s   1.3s  POST /api/form?x=1&y=<b>"q"',
    '  3  4244    3  starting         0       0       –     –  1m30s',
  ]);
  assert.ok(lines.includes('  reloads   0 · the last was refused: SyntaxError: <nonsense>'));
});

test('by its port, by its URL, by its Lab URL', async (t) => {
  const env = user(t);
  const one = await lab(t, env);
  const other = await lab(t, env);
  other.pools = [php];
  for (const named of [String(one.port), one.url, `${one.url}/`, `127.0.0.1:${one.port}`, `http://localhost:${one.port}`]) {
    const { code, stdout, stderr } = await runCli(['status', named], { env });
    assert.equal(code, 0, `${named}: ${stderr}`);
    assert.match(stdout, /\/api {2}app:application/, named);
  }
  const { stdout } = await runCli(['status', String(other.port)], { env });
  assert.doesNotMatch(stdout, /\/api {2}app:application/);
  const stranger = await lab(t, undefined);
  for (const hash of [`#${key}`, `#k=${key}`]) assert.equal((await runCli(['status', `${stranger.url}/${hash}`], { env })).code, 0, hash);
});

test('--json: all of it, as the source names it', async (t) => {
  const env = user(t);
  await lab(t, env);
  const { code, stdout } = await runCli(['status', '--json'], { env });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify({ atMs, pools: [api, php] })));
});

test('a server without pools says what would make some', async (t) => {
  const env = user(t);
  const fake = await lab(t, env);
  fake.pools = [];
  const { code, stdout } = await runCli(['status'], { env });
  assert.equal(code, 0);
  assert.match(stdout, /keeps no workers.*--wsgi or --pool/s);
});

test('in Chinese', async (t) => {
  const env = user(t);
  await lab(t, env);
  const { code, stdout } = await runCli(['status', '--lang', 'zh-CN'], { env });
  assert.equal(code, 0);
  assert.match(stdout, /2 至 4 个工作进程 · 第 3 代/);
  assert.match(stdout, /状态 +请求数 +失败 +内存/);
});

test('whom to ask is not clear, or not known: told, with what to type instead', async (t) => {
  const env = user(t);
  const refused = async (args: string[], code: number, ...told: RegExp[]) => {
    const result = await runCli(['status', ...args], { env });
    assert.equal(result.code, code, `${args}: ${result.stderr}`);
    assert.equal(result.stdout, '');
    for (const pattern of told) assert.match(result.stderr, pattern);
  };
  await refused([], 5, /no server with a lab runs here/, /cgi-serve --wsgi/, /cgi-serve status URL/);
  await refused(['8001'], 5, /no lab of yours listens at port 8001/, /cgi-serve --wsgi/);
  await refused(['http://127.0.0.1:8001'], 2, /the key of the lab at http:\/\/127\.0\.0\.1:8001 is not known/, /whole Lab URL/);
  await refused(['nonsense here'], 2, /takes a port or a URL; got 'nonsense here'/);
  await refused(['1', '2'], 2, /one port or URL; what is 2\?/);
  const one = await lab(t, env);
  const other = await lab(t, env);
  await refused(
    [],
    2,
    /2 servers run here; which one\?/,
    new RegExp(`cgi-serve status ${one.port} `),
    new RegExp(`cgi-serve status ${other.port} `),
  );
  await refused(['1'], 5, /no lab of yours listens at port 1$/m, new RegExp(`cgi-serve status ${one.port} `));
});

test('the one that was found does not answer as it should', async (t) => {
  const refused = async (env: { XDG_RUNTIME_DIR: string }, ...told: RegExp[]) => {
    const result = await runCli(['status'], { env });
    assert.equal(result.code, 5, result.stderr);
    for (const pattern of told) assert.match(result.stderr, pattern);
    assert.doesNotMatch(result.stderr, new RegExp(key), 'a key is a secret');
  };
  const wrong = user(t);
  await lab(t, wrong, 'another');
  await refused(wrong, /refuses this key/, /take its Lab URL from its banner/);

  const gone = user(t);
  const { http } = await lab(t, gone);
  await new Promise((resolve) => http.close(resolve));
  await refused(gone, /nobody answers at .*ECONNREFUSED/);

  const strange = user(t);
  const page = createServer((_, res) => res.end('<p>hello'));
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  t.after(() => void page.close());
  t.after(announceLab({ pid: process.pid, url: `http://127.0.0.1:${(page.address() as AddressInfo).port}`, key }, strange));
  await refused(strange, /no lab of this cgi-serve \(200\)/, /PORT is that of the Lab URL/);
});

test('no line is wider than it may be, in either language', () => {
  const long = { ...api, where: `/${'w'.repeat(200)}`, label: '应用'.repeat(80), reloadFailure: '出错了'.repeat(80) };
  for (const lang of ['en', 'zh-CN'] as const)
    for (const width of [40, 59, 60, 80, 81, 120, 200])
      for (const line of statusLines({ atMs, pools: [api, php, long] }, { lang, palette: palette(false), width }))
        assert.ok(columns(line) <= width, `${columns(line)} > ${width}: ${line}`);
});

// --- on a terminal -------------------------------------------------------------------------------------------

const terminal = (t: TestContext, env: { XDG_RUNTIME_DIR: string }, more: string[] = [], size = { columns: 100, rows: 40 }) =>
  onTerminal(t, [process.execPath, bin, 'status', ...more], { ...size, env: { ...env, TZ: 'UTC', NODE_TEST_CONTEXT: undefined } });

test('live: drawn anew as things change, until q', async (t) => {
  if (!needs(t, 'python3')) return;
  const env = user(t);
  const fake = await lab(t, env);
  const top = terminal(t, env);
  const shows = (pattern: RegExp) =>
    until(() => top.screen().some((line) => pattern.test(line)), `${pattern} on the screen`, patienceMs).catch((error) =>
      assert.fail(`${error}\n${top.screen().join('\n')}`),
    );
  await shows(/ 4242 .* busy .*POST \/api\/form/);
  await shows(/08:04:48 {2}q quits/);
  assert.match(top.said(), /^\x1b\[\?1049h\x1b\[\?25l/);
  fake.pools = [{ ...api, accepted: 777_777, workers: [idle] }];
  await shows(/777777 came/);
  await until(() => !top.screen().some((line) => / 4242 /.test(line)), 'the worker to vanish', patienceMs);
  assert.ok(fake.asked >= 2);
  top.type('q');
  assert.equal(await top.ended, 0);
  assert.match(top.said(), /\x1b\[\?25h\x1b\[\?1049l$/);
});

test('live: it fits the terminal, whatever its size, and follows it', async (t) => {
  if (!needs(t, 'python3')) return;
  const env = user(t);
  const fake = await lab(t, env);
  const target = `/${'x'.repeat(300)}`;
  const many = Array.from({ length: 60 }, (_, i) => ({ ...busy, slot: i + 1, pid: 5_000 + i, request: { ...busy.request!, target } }));
  fake.pools = [{ ...api, workers: many }];
  const top = terminal(t, env, [], { columns: 60, rows: 20 });
  const fits = async (columns: number, rows: number): Promise<string[]> => {
    const fit = (lines: string[]): boolean =>
      lines.length === rows && lines.every((line) => line.length <= columns) && lines.some((line) => line.length === columns);
    await until(() => fit(top.screen()), `a picture of ${columns} columns and ${rows} lines`, patienceMs).catch((error) =>
      assert.fail(`${error}\n${top.screen().join('\n')}`),
    );
    return top.screen();
  };
  const narrow = await fits(60, 20);
  assert.match(narrow.at(-1)!, /q quits/);
  assert.match(narrow.at(-2)!, /^… \d+ more$/);
  assert.ok(
    narrow.some((line) => / 5000 .*POST .*…$/.test(line)),
    narrow.join('\n'),
  );
  top.resize(140, 30);
  const wide = await fits(140, 30);
  assert.ok(wide.some((line) => /# +pid +gen +state +requests +failed +memory +CPU +age +for +request/.test(line)));
  assert.ok(!narrow.some((line) => /memory +CPU/.test(line)));
  top.type('q');
  assert.equal(await top.ended, 0);
});

test('live: Ctrl-C and TERM end it too, and leave the terminal as it was', async (t) => {
  if (!needs(t, 'python3')) return;
  const env = user(t);
  await lab(t, env);
  for (const end of [(top: ReturnType<typeof terminal>) => top.type('\x03'), (top: ReturnType<typeof terminal>) => top.kill('SIGTERM')]) {
    const top = terminal(t, env);
    await until(() => top.screen().length > 3, 'a picture', patienceMs);
    end(top);
    assert.equal(await top.ended, 0);
    assert.match(top.said(), /\x1b\[\?25h\x1b\[\?1049l$/);
  }
});

test('live: when the server ends it says so, on the terminal as it was', async (t) => {
  if (!needs(t, 'python3')) return;
  const env = user(t);
  const fake = await lab(t, env);
  const top = terminal(t, env);
  await until(() => top.screen().length > 3, 'a picture', patienceMs);
  fake.http.close();
  assert.equal(await top.ended, 5);
  assert.match(top.said(), /\x1b\[\?1049l.*nobody answers at http/s);
});

test('--once, a simple terminal: once', async (t) => {
  if (!needs(t, 'python3')) return;
  const env = user(t);
  await lab(t, env);
  const once = terminal(t, env, ['--once']);
  assert.equal(await once.ended, 0);
  assert.match(once.said(), /4242/);
  assert.doesNotMatch(once.said(), /\x1b\[\?1049h/);
  const simple = onTerminal(t, [process.execPath, bin, 'status'], { columns: 80, rows: 24, env: { ...env, TERM: 'dumb' } });
  assert.equal(await simple.ended, 0);
  assert.doesNotMatch(simple.said(), /\x1b/);
});
