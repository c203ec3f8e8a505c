/**
 * The real `git http-backend` behind a wrapper script, and the real `git` in front: what a CGI server carries every day, and
 * the hardest of it: gzip'd requests, chunked uploads larger than memory wants, answers that stream.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { attempt, command, git, gitEnv } from './command.js';

const refs = 400;

interface GitHouse extends House {
  /** The bare repository that is served. */
  readonly bare: string;
  readonly url: string;
  /** What each run of the backend was told, a line for each. */
  log(): string[];
}

/** A bare repository of 400 branches, each with a commit of its own, so that a clone asks for 400 things. */
async function gitHouse(t: TestContext, options: HouseOptions = {}): Promise<GitHouse> {
  const h = await house({
    ...options,
    scripts: {
      'git.cgi': sh(
        [
          'root=$(cd .. && pwd)',
          'echo "$REQUEST_METHOD $PATH_INFO length=$CONTENT_LENGTH encoding=$HTTP_CONTENT_ENCODING protocol=$HTTP_GIT_PROTOCOL user=$REMOTE_USER" >> "$root/log"',
          'GIT_PROJECT_ROOT=$root GIT_HTTP_EXPORT_ALL=1 GIT_CONFIG_NOSYSTEM=1 exec git http-backend',
        ].join('\n'),
      ),
    },
  });
  t.after(() => h.stop());
  const bare = join(h.root, 'demo.git');
  await git(['init', '-q', '--bare', '-b', 'main', bare]);
  const commit = (ref: string, text: string) =>
    `commit refs/heads/${ref}\ncommitter Test <test@example.org> 1700000000 +0000\ndata ${text.length}\n${text}\nM 644 inline ${ref}.txt\ndata ${text.length}\n${text}\n\n`;
  const branches = Array.from({ length: refs - 1 }, (_, index) => commit(`b${index}`, `branch number ${index}`));
  await command('git', ['-C', bare, 'fast-import', '--quiet'], { env: gitEnv, input: commit('main', 'main') + branches.join('') });
  const log = () => (existsSync(join(h.root, 'log')) ? readFileSync(join(h.root, 'log'), 'utf8').trim().split('\n') : []);
  return { ...h, bare, log, url: `http://127.0.0.1:${h.port}/cgi-bin/git.cgi/demo.git` };
}

/** Compressed data that nothing makes smaller, and the same each time. */
const noise = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let at = 0, x = 2463534242; at + 4 <= length; at += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes.writeInt32LE(x | 0, at);
  }
  return bytes;
};

test('git clone of 400 refs: protocol v2, the request for them gzip’d', async (t) => {
  if (!needs(t, 'git', 'git http-backend')) return;
  const h = await gitHouse(t);
  const clone = join(h.root, 'clone');
  await git(['clone', '-q', h.url, clone]);
  const heads = await git(['branch', '-r', '--format=%(refname:short)'], clone);
  assert.equal(heads.stdout.split('\n').filter((name) => /^origin\/(main|b\d+)$/.test(name)).length, refs);
  assert.equal(readFileSync(join(clone, 'main.txt'), 'utf8'), 'main');
  await git(['fsck', '--full', '--strict'], clone);
  const fetch = h.log().filter((line) => line.startsWith('POST /demo.git/git-upload-pack') && line.includes('encoding=gzip'));
  assert.ok(fetch.length > 0, `no gzip'd request:\n${h.log().join('\n')}`);
  assert.match(fetch[0] ?? '', /length=\d+ .*protocol=version=2/);
  assert.deepEqual(
    h.exchanges.map((e) => [e.status, e.exitCode, e.failure]).filter(([status, code, failure]) => status !== 200 || code !== 0 || failure),
    [],
  );
});

test('git clone by the older protocols, shallow, and a request by HTTP/1.0', async (t) => {
  if (!needs(t, 'git', 'git http-backend', 'curl')) return;
  const h = await gitHouse(t);
  for (const name of ['0', '1']) {
    await git(['-c', `protocol.version=${name}`, 'clone', '-q', h.url, join(h.root, name)]);
    await git(['fsck', '--full'], join(h.root, name));
  }
  await git(['clone', '-q', '--depth', '1', '-b', 'b7', h.url, join(h.root, 'shallow')]);
  assert.equal(readFileSync(join(h.root, 'shallow', 'b7.txt'), 'utf8'), 'branch number 7');
  const http10 = await command('curl', ['-sS', '-0', `${h.url}/info/refs?service=git-upload-pack`]);
  assert.match(http10.stdout, /^001e# service=git-upload-pack\n0000/);
  assert.match(http10.stdout, /0000$/);
});

for (const chunked of ['spool', 'stream'] as const) {
  test(`git push of more than 1 MiB, sent chunked (--chunked ${chunked})`, async (t) => {
    if (!needs(t, 'git', 'git http-backend')) return;
    const h = await gitHouse(t, { chunked });
    await git(['-C', h.bare, 'config', 'http.receivepack', 'true']);
    const clone = join(h.root, 'clone');
    await git(['clone', '-q', '--single-branch', h.url, clone]);
    const bytes = 3 * 1024 * 1024;
    writeFileSync(join(clone, 'noise.bin'), noise(bytes));
    await git(['add', '.'], clone);
    await git(['commit', '-q', '-m', 'three MiB'], clone);
    const push = await git(['push', '-v', 'origin', 'main'], clone);
    assert.match(push.stderr, /POST git-receive-pack \(chunked\)/);

    const head = (await git(['rev-parse', 'HEAD'], clone)).stdout;
    assert.equal((await git(['rev-parse', 'main'], h.bare)).stdout, head);
    await git(['fsck', '--full'], h.bare);
    const exchange = await h.exchange((e) => e.method === 'POST' && e.bytesIn > bytes);
    assert.equal(exchange.status, 200);
    const line = h.log().findLast((entry) => entry.startsWith('POST /demo.git/git-receive-pack'));
    const length = /length=(\d*)/.exec(line ?? '')?.[1];
    if (chunked === 'spool') assert.equal(Number(length), exchange.bytesIn, 'CONTENT_LENGTH is exact (RFC 3875 §4.1.2)');
    else assert.equal(length, '', 'CONTENT_LENGTH is left out when it is not known');

    // And back again: the answer streams.
    rmSync(clone, { recursive: true });
    await git(['clone', '-q', '--single-branch', h.url, clone]);
    assert.ok(readFileSync(join(clone, 'noise.bin')).equals(noise(bytes)));
  });
}

test('git push is allowed to whom --basic-auth lets in: http-backend sees REMOTE_USER', async (t) => {
  if (!needs(t, 'git', 'git http-backend')) return;
  const open = await gitHouse(t);
  const clone = join(open.root, 'clone');
  await git(['clone', '-q', '--single-branch', open.url, clone]);
  await git(['commit', '-q', '--allow-empty', '-m', 'empty'], clone);
  const refused = await attempt('git', ['push', 'origin', 'main'], { cwd: clone, env: gitEnv });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /403/, 'the backend refuses strangers, and says so through us');

  const users = join(open.root, 'users');
  writeFileSync(users, 'ali:$2y$05$otum.BJp.0MD2WhLCVlKQeBCCxSWZIIzTVQzHYRl5bKoHipyZmesa\n');
  const closed = await gitHouse(t, { basicAuth: users });
  const stranger = await attempt('git', ['ls-remote', closed.url], { env: gitEnv });
  assert.notEqual(stranger.code, 0);
  const url = closed.url.replace('//', '//ali:open%20sesame@');
  const copy = join(closed.root, 'copy');
  await git(['clone', '-q', '--single-branch', url, copy]);
  await git(['commit', '-q', '--allow-empty', '-m', 'empty'], copy);
  await git(['push', '-q', 'origin', 'main'], copy);
  assert.equal((await git(['rev-parse', 'main'], closed.bare)).stdout, (await git(['rev-parse', 'HEAD'], copy)).stdout);
  assert.ok(
    closed.log().every((line) => line.endsWith(' user=ali')),
    closed.log().join('\n'),
  );
});

test('several clones at once, and a client that leaves half-way, leave no process behind', async (t) => {
  if (!needs(t, 'git', 'git http-backend')) return;
  const h = await gitHouse(t);
  const clones = Array.from({ length: 4 }, (_, index) => git(['clone', '-q', h.url, join(h.root, `clone${index}`)]));
  const leavers = Array.from({ length: 6 }, (_, index) =>
    attempt('git', ['clone', '-q', h.url, join(h.root, `gone${index}`)], { env: gitEnv, timeoutMs: 20 + 30 * index }),
  );
  await Promise.all([...clones, ...leavers]);
  for (let index = 0; index < 4; index++) await git(['fsck', '--full'], join(h.root, `clone${index}`));
  const after = await git(['ls-remote', h.url]);
  assert.equal(after.stdout.trim().split('\n').length, refs + 1);
  await until(() => children().length === 0, `no child: ${children()}`);
});

/** The processes that have this one for a parent (Linux; elsewhere none are seen). */
const children = (): string[] => {
  try {
    const tasks = readdirSync('/proc/self/task');
    return tasks.flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean));
  } catch {
    return [];
  }
};
