/** Programs that people serve as CGI to this day: cgit, gitweb and fossil, each from Debian's package, unchanged. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { get, post } from '../support/wire.js';
import { attempt, command, git } from './command.js';

const secret = 'void main() { /* <answer> & "question" */ }\n';

/** A bare repository `demo.git` beside the script directory, with two commits, a tag and a file. */
async function withRepository(t: TestContext, scripts: NonNullable<HouseOptions['scripts']>): Promise<House> {
  const h = await house({ scripts });
  t.after(() => h.stop());
  const work = join(h.root, 'work');
  await git(['init', '-q', '-b', 'main', work]);
  writeFileSync(join(work, 'main.c'), secret);
  await git(['add', '.'], work);
  await git(['commit', '-q', '-m', 'Write <main>'], work);
  writeFileSync(join(work, 'README'), 'A demonstration\n');
  await git(['add', '.'], work);
  await git(['commit', '-q', '-m', '写说明'], work);
  await git(['tag', 'v1'], work);
  await git(['clone', '-q', '--bare', work, join(h.root, 'demo.git')]);
  writeFileSync(join(h.root, 'demo.git', 'description'), 'The demonstration\n');
  return h;
}

const ok = async (h: House, target: string) => {
  const answer = await get(h.port, target);
  assert.equal(answer.status, 200, `${target}: ${answer.text.slice(0, 2000)}`);
  assert.ok(answer.complete, target);
  return answer;
};

test('cgit: list, log, tree, plain file, diff, snapshot, Atom, and its own 404', async (t) => {
  if (!needs(t, 'git', 'cgit')) return;
  const h = await withRepository(t, {
    'cgit.cgi': sh('CGIT_CONFIG=$(cd .. && pwd)/cgitrc exec /usr/lib/cgit/cgit.cgi'),
  });
  writeFileSync(join(h.root, 'cgitrc'), `cache-size=0\nsnapshots=tar.gz\nenable-http-clone=1\nscan-path=${h.root}\n`);
  const base = '/cgi-bin/cgit.cgi';
  assert.match((await ok(h, `${base}/`)).text, /href='\/cgi-bin\/cgit\.cgi\/demo\.git\/'/);
  assert.match((await ok(h, `${base}/demo.git/log/`)).text, /Write &lt;main&gt;.*/s);
  assert.match((await ok(h, `${base}/demo.git/tree/main.c`)).text, /&lt;answer&gt;/);
  assert.equal((await ok(h, `${base}/demo.git/plain/main.c`)).text, secret);
  assert.match((await ok(h, `${base}/demo.git/diff/?id=v1`)).text, /A demonstration/);
  assert.match((await ok(h, `${base}/demo.git/atom/`)).text, /<feed/);
  const snapshot = await ok(h, `${base}/demo.git/snapshot/demo-v1.tar.gz`);
  assert.ok(gunzipSync(snapshot.body).includes('void main()'));
  assert.equal((await get(h.port, `${base}/nothing.git/`)).status, 404);
  // cgit answers "not modified" and redirects with headers of its own.
  await git(['clone', '-q', `http://127.0.0.1:${h.port}${base}/demo.git`, join(h.root, 'clone')]); // the dumb protocol
  assert.equal(readFileSync(join(h.root, 'clone', 'main.c'), 'utf8'), secret);
});

test('gitweb: list, summary, blob, raw blob, search, feed, PATH_INFO, and its own 404', async (t) => {
  if (!needs(t, 'git', 'gitweb')) return;
  const h = await withRepository(t, {
    'gitweb.cgi': sh('GITWEB_CONFIG=$(cd .. && pwd)/gitweb.conf exec /usr/share/gitweb/gitweb.cgi'),
  });
  writeFileSync(
    join(h.root, 'gitweb.conf'),
    `our $projectroot = "${h.root}"; our $projects_list = $projectroot; our $feature_pathinfo = 1; $feature{'pathinfo'}{'default'} = [1];\n`,
  );
  const base = '/cgi-bin/gitweb.cgi';
  assert.match((await ok(h, base)).text, /demo\.git/);
  const summary = (await ok(h, `${base}?p=demo.git;a=summary`)).text;
  assert.match(summary, /The demonstration/);
  assert.match(summary, /写说明/);
  assert.match((await ok(h, `${base}?p=demo.git;a=blob;f=main.c;hb=HEAD`)).text, /&lt;answer&gt;/);
  assert.equal((await ok(h, `${base}/demo.git/blob_plain/HEAD:/main.c`)).text, secret);
  assert.match((await ok(h, `${base}/demo.git/shortlog`)).text, /Write &lt;main&gt;/);
  assert.match((await ok(h, `${base}?p=demo.git;a=atom`)).text, /<feed/);
  assert.match((await ok(h, `${base}?p=demo.git;a=search;s=main;st=commit`)).text, /Write/);
  const missing = await get(h.port, `${base}?p=nothing.git;a=summary`);
  assert.equal(missing.status, 404);
  assert.match(missing.text, /No such project/);
});

test('fossil: a whole site as one CGI script: pages, a login, a clone and a push', async (t) => {
  if (!needs(t, 'fossil')) return;
  const h = await house({});
  t.after(() => h.stop());
  const env = { HOME: h.root, USER: 'ali', FOSSIL_USER: 'ali' };
  const repository = join(h.root, 'site.fossil');
  await command('fossil', ['init', '--admin-user', 'ali', repository], { env });
  await command('fossil', ['user', 'password', 'ali', 'open sesame', '-R', repository], { env });
  const fossil = (await command('sh', ['-c', 'command -v fossil'])).stdout.trim();
  writeFileSync(join(h.dir, 'site'), `#!${fossil}\nrepository: ${repository}\n`);
  chmodSync(join(h.dir, 'site'), 0o755);

  const home = await get(h.port, '/cgi-bin/site');
  assert.equal(home.status, 302, 'fossil redirects to its home page');
  assert.match(home.get('location') ?? '', /\/cgi-bin\/site\/(index|home|timeline)/);
  assert.match((await ok(h, '/cgi-bin/site/timeline')).text, /initial empty check-in/);
  assert.match((await ok(h, '/cgi-bin/site/login')).text, /<form/);
  assert.ok((await ok(h, '/cgi-bin/site/style.css')).get('content-type')?.startsWith('text/css'));

  const login = await post(h.port, '/cgi-bin/site/login', 'u=ali&p=open+sesame&in=Login', {
    'Content-Type': 'application/x-www-form-urlencoded',
    Referer: `http://localhost:${h.port}/cgi-bin/site/login`,
  });
  assert.equal(login.status, 302, login.text.slice(0, 1000));
  assert.match(login.get('set-cookie') ?? '', /fossil-/);

  // Its own client: POST of application/x-fossil, zipped both ways.
  const url = `http://ali:open%20sesame@127.0.0.1:${h.port}/cgi-bin/site`;
  await command('fossil', ['clone', '--once', url, join(h.root, 'clone.fossil')], { env });
  const work = join(h.root, 'work');
  await command('mkdir', [work]);
  await command('fossil', ['open', join(h.root, 'clone.fossil'), '--nested'], { env, cwd: work });
  writeFileSync(join(work, 'note.txt'), 'written far away\n'.repeat(20_000));
  await command('fossil', ['add', 'note.txt'], { env, cwd: work });
  await command('fossil', ['commit', '-m', 'a note from afar', '--no-warnings', '--user-override', 'ali'], { env, cwd: work });
  const push = await attempt('fossil', ['push', url, '--once', '-R', join(h.root, 'clone.fossil')], { env, cwd: work });
  assert.equal(push.code, 0, push.stdout + push.stderr);
  assert.match((await ok(h, '/cgi-bin/site/timeline')).text, /a note from afar/);
  assert.deepEqual(
    h.exchanges.filter((e) => e.failure !== undefined).map((e) => [e.target, e.failure?.code]),
    [],
  );
});
