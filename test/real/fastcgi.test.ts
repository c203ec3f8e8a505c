/**
 * Real FastCGI programs: php-fpm, php-cgi under spawn-fcgi, fcgiwrap, Perl's FCGI.pm and CGI::Fast; and nginx in front of the
 * same php-fpm, for what each of us tells it. RFC 3875 and FastCGI 1.0 say what should come; these programs say what does.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { keptConnectionMs } from '../../src/limits.js';
import { askValues, fastcgi } from '../../src/wire/fastcgi.js';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, get, post, requestText, talk, Wire } from '../support/wire.js';
import { differences, nginx, phpFpm, type Relay, relay, room, spawnFcgi, type Teller } from './peers.js';

const php = (source: string): string => `<?php\n${source}\n`;

const pages: Record<string, string> = {
  'hello.php': php(`header('Content-Type: text/plain'); echo 'hello';`),
  'form.php': php(`header('Content-Type: application/json'); echo json_encode([$_GET, $_POST, $_COOKIE]);`),
  'server.php': php(`header('Content-Type: application/json'); echo json_encode($_SERVER);`),
  'upload.php': php(`
    header('Content-Type: application/json');
    $f = $_FILES['file'];
    echo json_encode([$_POST, $f['name'], $f['size'], $f['error'], sha1_file($f['tmp_name'])]);`),
  'headers.php': php(
    `header('X-One: 1'); header('Set-Cookie: a=1'); header('Set-Cookie: b=2', false); http_response_code(418); echo 'teapot';`,
  ),
  'away.php': php(`header('Location: https://example.org/', true, 301);`),
  'fatal.php': php(`nobody_wrote_this();`),
  'log.php': php(`error_log('a line for the log'); echo 'ok';`),
  // The first piece, then the rest when the test has seen it.
  'stream.php': php(`
    header('Content-Type: text/plain'); echo 'first'; flush();
    for ($i = 0; $i < 3000 && !file_exists($_GET['until']); $i++) { usleep(10000); clearstatcache(); }
    echo ' and last';`),
  'sleep.php': php(`sleep(4); echo 'late';`),
  'slow.php': php(`usleep(200000); header('Content-Type: text/plain'); echo 'slow ' . $_GET['n'];`),
  'suicide.php': php(`
    if (isset($_GET['until'])) {
      echo 'half an ans'; flush();
      for ($i = 0; $i < 3000 && !file_exists($_GET['until']); $i++) { usleep(10000); clearstatcache(); }
    }
    posix_kill(posix_getpid(), 9);`),
  'raw.php': php(
    `header('Content-Type: text/plain'); echo $_SERVER['CONTENT_LENGTH'] ?? 'none', ' ', strlen(file_get_contents('php://input'));`,
  ),
  'big.php': php(`header('Content-Type: application/octet-stream'); for ($i = 0; $i < 64; $i++) echo str_repeat('x', 65536);`),
  // php-fpm answers these two itself; they are here because an extension mount asks for files.
  'ping.php': '',
  'status.php': '',
};

interface FpmHouse {
  h: House;
  relay: Relay;
  socket: string;
  folder: string;
}

/** Two workers and two connections, as they should be, with a counter between. */
async function fpmHouse(t: TestContext, options: HouseOptions = {}, workers = 2): Promise<FpmHouse | undefined> {
  if (!needs(t, 'php-fpm')) return undefined;
  const { socket, folder } = await phpFpm(t, workers);
  const counter = await relay(t, folder, socket);
  const mounts = [{ wire: 'fastcgi', where: '.php', address: counter.address } as const];
  const h = await house({ public: pages, mounts, connections: 2, ...options });
  t.after(() => h.stop());
  return { h, relay: counter, socket, folder };
}

const json = (answer: Answer) => {
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
};
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

test('php-fpm: hello, forms, cookies', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const { port } = site.h;
  const hello = await get(port, '/hello.php');
  assert.deepEqual([hello.status, hello.get('content-type'), hello.text], [200, 'text/plain;charset=UTF-8', 'hello']);
  const got = json(await get(port, '/form.php?name=M%C3%A9i+Li&list[]=1&list[]=2', { Cookie: 'a=1; b=2' }));
  assert.deepEqual(got, [{ name: 'Méi Li', list: ['1', '2'] }, [], { a: '1', b: '2' }]);
  const posted = json(await post(port, '/form.php?q=1', 'name=%E5%AF%86&empty=', form));
  assert.deepEqual(posted, [{ q: '1' }, { name: '密', empty: '' }, []]);
  const told = await site.h.exchange((e) => e.target === '/hello.php');
  assert.equal(told.gateway, 'fastcgi');
  assert.equal(told.script, join(site.h.root, 'public/hello.php'));
  assert.deepEqual([told.phases.dial === undefined, told.phases.spawn, told.phases.exit], [false, undefined, undefined]);
});

test('php-fpm: an upload of 20 MiB arrives whole', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const file = randomBytes(20 * 1024 * 1024);
  const body = Buffer.concat([
    Buffer.from('--cut\r\nContent-Disposition: form-data; name="note"\r\n\r\nwith a file\r\n'),
    Buffer.from(
      '--cut\r\nContent-Disposition: form-data; name="file"; filename="pic ture.bin"\r\nContent-Type: application/x-thing\r\n\r\n',
    ),
    file,
    Buffer.from('\r\n--cut--\r\n'),
  ]);
  const answer = json(await post(site.h.port, '/upload.php', body, { 'Content-Type': 'multipart/form-data; boundary=cut' }));
  assert.deepEqual(answer, [{ note: 'with a file' }, 'pic ture.bin', file.length, 0, createHash('sha1').update(file).digest('hex')]);
});

test('php-fpm: a chunked body gets its length', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const piece = 'x'.repeat(50_000);
  const chunks = `${piece.length.toString(16)}\r\n${piece}\r\n`.repeat(3);
  const head = requestText('POST', '/raw.php', { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' });
  assert.equal((await talk(site.h.port, `${head}${chunks}0\r\n\r\n`)).text, '150000 150000');
});

test('php-fpm: statuses, header fields, redirects, HEAD, a long answer', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const { port } = site.h;
  const teapot = await get(port, '/headers.php');
  assert.deepEqual([teapot.status, teapot.text, teapot.get('x-one')], [418, 'teapot', '1']);
  assert.deepEqual(teapot.all('set-cookie'), ['a=1', 'b=2']);
  const away = await get(port, '/away.php');
  assert.deepEqual([away.status, away.get('location')], [301, 'https://example.org/']);
  const big = await get(port, '/big.php');
  assert.deepEqual([big.status, big.body.length, big.complete], [200, 64 * 65536, true]);
  const head = await talk(port, requestText('HEAD', '/big.php'), { method: 'HEAD' });
  assert.deepEqual([head.status, head.get('content-type'), head.body.length], [200, 'application/octet-stream', 0]);
  assert.equal((await get(port, '/hello.php')).text, 'hello', 'and after HEAD the next one');
  assert.equal((await get(port, '/none.php')).status, 404);
});

test('php-fpm: what is flushed is sent at once', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const flag = join(site.folder, 'go');
  const wire = await Wire.open(site.h.port);
  t.after(() => wire.close());
  wire.send(requestText('GET', `/stream.php?until=${encodeURIComponent(flag)}`));
  await wire.seen('first');
  assert.ok(!existsSync(flag) && !wire.waiting().includes('last'));
  writeFileSync(flag, '');
  const answer = await wire.answer();
  assert.deepEqual([answer.text, answer.complete], ['first and last', true]);
});

test("php-fpm: a fatal error is PHP's 500, and its text is for the log alone", async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const { h } = site;
  const fatal = await get(h.port, '/fatal.php');
  assert.equal(fatal.status, 500);
  assert.doesNotMatch(fatal.raw.toString(), /nobody_wrote_this/);
  await until(
    () => h.stderr.some((line) => line.script === 'fatal.php' && line.text.includes('nobody_wrote_this')),
    'the error in the log',
  );
  const logged = await get(h.port, '/log.php');
  assert.equal(logged.text, 'ok');
  await until(() => h.stderr.some((line) => line.script === 'log.php' && line.text.includes('a line for the log')), 'the line in the log');
});

test('php-fpm: too late is 504, and the next one is answered', async (t) => {
  const site = await fpmHouse(t, { headerTimeoutMs: 1_500 });
  if (!site) return;
  const late = await get(site.h.port, '/sleep.php', { Accept: 'application/json' });
  assert.deepEqual([late.status, JSON.parse(late.text).code], [504, 'REPLY_HEAD_TIMEOUT']);
  assert.equal((await get(site.h.port, '/hello.php')).text, 'hello');
});

test('php-fpm: a worker that is killed is 502, or an answer that breaks off; the next one is answered', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const { port } = site.h;
  const dead = await get(port, '/suicide.php', { Accept: 'application/json' });
  assert.equal(dead.status, 502, `${dead.raw} ${JSON.stringify(site.h.stderr)}`);
  assert.equal(JSON.parse(dead.text).code, 'WIRE_TRUNCATED');
  assert.equal((await get(port, '/hello.php')).text, 'hello');
  const flag = join(site.folder, 'die');
  const wire = await Wire.open(port);
  t.after(() => wire.close());
  wire.send(requestText('GET', `/suicide.php?until=${encodeURIComponent(flag)}`));
  await wire.seen('half an ans');
  writeFileSync(flag, '');
  const half = await wire.answer();
  assert.deepEqual([half.status, half.text, half.complete], [200, 'half an ans', false]);
  assert.equal((await get(port, '/hello.php')).text, 'hello');
});

test('php-fpm: more requests than workers wait for their turn', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => get(site.h.port, `/slow.php?n=${n}`)));
  assert.deepEqual(
    answers.map((answer) => [answer.status, answer.text]),
    [1, 2, 3, 4, 5, 6].map((n) => [200, `slow ${n}`]),
  );
  assert.equal(site.relay.most, 2, 'as many connections as workers');
});

/** Of five requests at once to a program with one worker, each 200 ms: the longest that one of them was with the program, in milliseconds. */
const crowd = async ({ port, exchanges }: House): Promise<number> => {
  const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => get(port, `/slow.php?n=${n}`)));
  assert.deepEqual(
    answers.map(({ status, text }) => [status, text]),
    [1, 2, 3, 4, 5].map((n) => [200, `slow ${n}`]),
  );
  await until(() => exchanges.length >= 5, 'all accounts to be closed');
  return Math.max(...exchanges.map(({ phases }) => phases.wait ?? 0));
};

test('php-fpm: a pool that is exhausted: one worker, one connection, five clients; the others wait here', async (t) => {
  const site = await fpmHouse(t, { connections: 1 }, 1);
  if (!site) return;
  await crowd(site.h);
  assert.equal(site.relay.most, 1);
});

test('php-fpm: a pool that is exhausted: more connections than workers: none is kept idle while others wait for its worker', async (t) => {
  const site = await fpmHouse(t, { connections: 3 }, 1);
  if (!site) return;
  const longestMs = await crowd(site.h);
  assert.ok(longestMs < keptConnectionMs - 500, `${longestMs} ms`);
});

test('php-fpm: connections are kept', async (t) => {
  const site = await fpmHouse(t);
  if (!site) return;
  const { port } = site.h;
  for (let i = 0; i < 20; i++) assert.equal((await post(port, '/form.php', `i=${i}`, form)).status, 200);
  assert.equal((await get(port, '/ping.php')).text, 'pong');
  // php-fpm's «accepted conn» counts requests, kept connections or not; that is why ours are counted between.
  const status = json(await get(port, '/status.php?json'));
  assert.ok(status['accepted conn'] >= 22, JSON.stringify(status));
  assert.ok(site.relay.made < 10, `${site.relay.made} connections for 22 requests`);
});

test('php-fpm: what $_SERVER holds, and what never runs', async (t) => {
  const site = await fpmHouse(t, { public: { ...pages, 'picture.jpg': '<?php echo "run";', 'folder/index.php': php(`echo 'index';`) } });
  if (!site) return;
  const { h } = site;
  const server = json(await get(h.port, '/server.php/extra/p%C3%A4th?x=1', { Host: 'example.org:8000' }));
  const wanted = {
    SCRIPT_FILENAME: join(h.root, 'public/server.php'),
    SCRIPT_NAME: '/server.php',
    PATH_INFO: '/extra/päth',
    PHP_SELF: '/server.php/extra/päth',
    REQUEST_URI: '/server.php/extra/p%C3%A4th?x=1',
    QUERY_STRING: 'x=1',
    HTTP_HOST: 'example.org:8000',
    SERVER_NAME: 'example.org',
    DOCUMENT_ROOT: join(h.root, 'public'),
    GATEWAY_INTERFACE: 'CGI/1.1',
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(server[name], value, name);
  assert.equal((await get(h.port, '/folder/')).text, 'index');
  for (const target of ['/picture.jpg/x.php', '/picture.jpg', '/hello.php%20', '/hello.php.', '/HELLO.PHP', '/hello.php%00']) {
    const answer = await get(h.port, target);
    assert.doesNotMatch(answer.text, /^run|^hello/, target);
    if (target !== '/picture.jpg') assert.doesNotMatch(answer.text, /<\?php/, target);
  }
});

/** SCRIPT_NAME, PATH_INFO, PHP_SELF and the file, as PHP itself tells them; it takes them apart once more (cgi.fix_pathinfo). */
const whereabouts = php(
  `header('Content-Type: application/json');
   echo json_encode([$_SERVER['SCRIPT_NAME'], $_SERVER['PATH_INFO'] ?? '', $_SERVER['PHP_SELF'], basename($_SERVER['SCRIPT_FILENAME'])]);`,
);
const places: [why: string, target: string, ...seen: string[]][] = [
  ['no path info', '/where.php', '/where.php', '', '/where.php', 'where.php'],
  ['and a query', '/where.php?a=/b.php/c', '/where.php', '', '/where.php', 'where.php'],
  ['a slash', '/where.php/', '/where.php', '/', '/where.php/', 'where.php'],
  ['path info', '/where.php/pinfo', '/where.php', '/pinfo', '/where.php/pinfo', 'where.php'],
  ['path info and a query', '/where.php/pinfo?q=1', '/where.php', '/pinfo', '/where.php/pinfo', 'where.php'],
  ['path info like a script', '/where.php/where.php/x', '/where.php', '/where.php/x', '/where.php/where.php/x', 'where.php'],
  ['path info that was encoded', '/where.php/%D0%B6%20%25', '/where.php', '/ж %', '/where.php/ж %', 'where.php'],
  ['in a folder', '/deep/er/where.php/pinfo', '/deep/er/where.php', '/pinfo', '/deep/er/where.php/pinfo', 'where.php'],
  ['a folder named like a script', '/dir.php/where.php/pinfo', '/dir.php/where.php', '/pinfo', '/dir.php/where.php/pinfo', 'where.php'],
  ['a space in the name', '/two%20words.php/pinfo', '/two words.php', '/pinfo', '/two words.php/pinfo', 'two words.php'],
  ['dots', '/deep/../where.php/a/../b', '/where.php', '/b', '/where.php/b', 'where.php'],
  ['an index', '/deep/', '/deep/index.php', '', '/deep/index.php', 'index.php'],
  ['a front controller', '/no/such/page', '/front.php', '', '/front.php', 'front.php'],
  ['a front controller, for a script that is not there', '/gone.php/pinfo', '/front.php', '', '/front.php', 'front.php'],
];

test('php-src fcgi-env: SCRIPT_NAME, PATH_INFO, PHP_SELF and the script that runs', async (t) => {
  const scripts = ['where.php', 'deep/er/where.php', 'dir.php/where.php', 'two words.php', 'deep/index.php', 'front.php'];
  const options = { public: Object.fromEntries(scripts.map((name) => [name, whereabouts])), frontController: 'front.php' };
  const site = await fpmHouse(t, options);
  if (!site) return;
  for (const [why, target, ...seen] of places) assert.deepEqual(json(await get(site.h.port, target)), seen, why);
});

test('php-src bug78599: a newline in PATH_INFO, which made it empty and php-fpm write before its beginning, is a 400', async (t) => {
  const site = await fpmHouse(t, { frontController: 'hello.php' });
  if (!site) return;
  const { port } = site.h;
  for (const target of ['/server.php/PHP%0Ainfo', '/server.php/%0A', '/server.php%0A/x', `/server.php/PHP%0Ainfo.php?${'a'.repeat(2000)}`])
    assert.equal((await get(port, target)).status, 400, target);
  assert.equal(site.relay.made, 0, 'php-fpm never hears of it');
  // Elsewhere a newline is a byte like any other.
  assert.equal(json(await get(port, '/server.php/x?a=%0Ab')).QUERY_STRING, 'a=%0Ab');
});

test('php-src bug76922: what php-fpm says of itself, and what it answers afterwards', async (t) => {
  if (!needs(t, 'php-fpm')) return;
  const { socket, folder } = await phpFpm(t);
  const values = new Map<string, string>();
  const line = connect({ path: socket });
  t.after(() => line.destroy());
  const reader = fastcgi({ role: 'responder', keep: true }).readTelling((told) => {
    if (told.kind === 'values') for (const [name, value] of told.values) values.set(name, value);
  });
  line.on('data', (bytes: Buffer) => void reader.push(bytes));
  line.write(askValues());
  await until(() => values.size > 0, 'its values');
  assert.equal(values.get('FCGI_MPXS_CONNS'), '0');
  line.destroy();
  // No number of connections is given, so the program is asked for it before its first request.
  const counter = await relay(t, folder, socket);
  const h = await house({ public: pages, mounts: [{ wire: 'fastcgi', where: '.php', address: counter.address }] });
  t.after(() => h.stop());
  for (let i = 0; i < 4; i++) assert.equal((await get(h.port, '/hello.php')).text, 'hello');
  assert.equal(counter.made, 2, 'one connection to ask, one for the requests');
});

test('php-src bug77106: php-fpm joins what one request logs with semicolons; it is in the log once, in order, with its request', async (t) => {
  const lines = ['one', 'two', 'a longer one '.repeat(60).trim(), 'last'];
  const source = php(`foreach (json_decode('${JSON.stringify(lines)}') as $line) { error_log($line); echo '.'; flush(); }`);
  const site = await fpmHouse(t, { public: { 'lines.php': source } });
  if (!site) return;
  const { h } = site;
  assert.equal((await get(h.port, '/lines.php')).text, '....');
  const { id } = await h.exchange();
  const logged = h.stderr.filter((line) => line.id === id).map(({ text }) => text.replace(/;? ?$/, ''));
  assert.equal(logged.join('; '), lines.map((line) => `PHP message: ${line}`).join('; '));
});

/** As small as an application with a front controller gets: routes, a form, a page of its own for what is not there. */
const application: Record<string, string> = {
  'index.php': php(`
    require __DIR__ . '/../lib.php';
    $path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
    $routes = [
      'GET /' => fn () => page('Home', '<a href="/notes">notes</a>'),
      'GET /notes' => fn () => page('Notes', implode(', ', notes())),
      'POST /notes' => function () { add($_POST['note'] ?? ''); header('Location: /notes', true, 303); },
      'GET /where' => fn () => page('Where', $_SERVER['SCRIPT_NAME'] . ' ' . (($_SERVER['PATH_INFO'] ?? '') ?: '-')),
    ];
    $route = $routes[$_SERVER['REQUEST_METHOD'] . ' ' . $path] ?? null;
    if (preg_match('~^/hello/([^/]+)$~', $path, $m)) page('Hello', htmlspecialchars(rawurldecode($m[1])));
    elseif ($route) $route();
    else { http_response_code(404); page('Nothing here', htmlspecialchars($path)); }`),
  'style.css': 'body { color: teal }\n',
  'direct.php': php(`echo 'direct';`),
};
const library = php(`
  function page($title, $text) { header('Content-Type: text/html; charset=utf-8'); echo "<title>$title</title>$text"; }
  function book() { return __DIR__ . '/notes.txt'; }
  function notes() { return is_file(book()) ? file(book(), FILE_IGNORE_NEW_LINES) : []; }
  function add($note) { file_put_contents(book(), $note . "\\n", FILE_APPEND); }`);

test('php-fpm: an application with a front controller', async (t) => {
  const site = await fpmHouse(t, { public: application, frontController: 'index.php' });
  if (!site) return;
  const { h } = site;
  writeFileSync(join(h.root, 'lib.php'), library);
  const brief = async (target: string) => {
    const answer = await get(h.port, target);
    return [answer.status, answer.text];
  };
  assert.deepEqual(await brief('/'), [200, '<title>Home</title><a href="/notes">notes</a>']);
  assert.deepEqual(await brief('/hello/%C3%89va'), [200, '<title>Hello</title>Éva']);
  assert.deepEqual(await brief('/style.css'), [200, application['style.css']]);
  assert.deepEqual(await brief('/direct.php'), [200, 'direct']);
  assert.deepEqual(await brief('/no/such/page?x=1'), [404, '<title>Nothing here</title>/no/such/page']);
  assert.deepEqual(await brief('/notes'), [200, '<title>Notes</title>']);
  const added = await post(h.port, '/notes', 'note=buy+tea', form);
  assert.deepEqual([added.status, added.get('location')], [303, '/notes']);
  assert.deepEqual(await brief('/notes'), [200, '<title>Notes</title>buy tea']);
  assert.deepEqual(await brief('/where'), [200, '<title>Where</title>/index.php -']);
});

test('nginx before the same php-fpm tells it the same', async (t) => {
  if (!needs(t, 'nginx')) return;
  const site = await fpmHouse(t);
  if (!site) return;
  const { h, socket, folder } = site;
  const location = `location ~ [.]php(/|$) {
    fastcgi_split_path_info ^(.+?[.]php)(/.*)$;
    include /etc/nginx/fastcgi.conf;
    fastcgi_param PATH_INFO $fastcgi_path_info;
    fastcgi_pass unix:${socket};
  }`;
  const port = await nginx(t, folder, join(h.root, 'public'), location);
  const fields = { Host: 'example.org:8000', Cookie: 'a=1', 'X-Thing': 'yes', ...form };
  const target = '/server.php/extra/path%20x?x=1&y=%2F';
  const ours = json(await post(h.port, target, 'a=1', fields));
  const theirs = json(await post(port, target, 'a=1', fields));
  const differing = differences(ours, theirs);
  delete differing.REQUEST_TIME; // Within a second, or not.
  const expected = Object.fromEntries(Object.entries(intended).map(([name, [teller]]) => [name, teller]));
  assert.deepEqual(differing, expected, JSON.stringify([ours, theirs]));
});

/** What we tell otherwise than nginx with Debian's fastcgi.conf, who tells it, and why. All else has the same value. */
const intended: Readonly<Record<string, readonly [Teller, why: string]>> = {
  DOCUMENT_URI: ['nginx alone', 'not one of RFC 3875, and SCRIPT_NAME says it'],
  HTTP_CONTENT_LENGTH: ['nginx alone', 'RFC 3875 §4.1.18: CONTENT_LENGTH says it'],
  HTTP_CONTENT_TYPE: ['nginx alone', 'RFC 3875 §4.1.18: CONTENT_TYPE says it'],
  HTTP_CONNECTION: ['nginx alone', 'RFC 3875 §4.1.18: it concerns a connection that is not the program’s'],
  PATH_TRANSLATED: ['us alone', 'RFC 3875 §4.1.6'],
  REMOTE_HOST: ['us alone', 'RFC 3875 §4.1.9'],
  REMOTE_PORT: ['both', 'two connections'],
  REMOTE_USER: ['nginx alone', 'RFC 3875 §4.1.11: unset, not empty, when nobody was asked for a name'],
  REQUEST_TIME_FLOAT: ['both', "php-fpm's clock"],
  SERVER_NAME: ['both', 'RFC 3875 §4.1.14: the name the client used; nginx tells its server_name'],
  SERVER_PORT: ['both', 'two ports'],
  SERVER_SOFTWARE: ['both', 'two names'],
};

test('php-cgi under spawn-fcgi: pages, a fatal error, kept connections', async (t) => {
  if (!needs(t, 'php-cgi', 'spawn-fcgi')) return;
  const { socket, folder } = await spawnFcgi(t, ['/usr/bin/php-cgi', '-d', 'log_errors=1', '-d', 'display_errors=0'], {
    PHP_FCGI_CHILDREN: '2',
  });
  const counter = await relay(t, folder, socket);
  const h = await house({ public: pages, mounts: [{ wire: 'fastcgi', where: '.php', address: counter.address }], connections: 2 });
  t.after(() => h.stop());
  for (let i = 0; i < 10; i++) assert.equal((await get(h.port, '/hello.php')).text, 'hello');
  assert.deepEqual(json(await post(h.port, '/form.php', 'a=1', form))[1], { a: '1' });
  assert.equal((await get(h.port, '/fatal.php')).status, 500);
  await until(() => h.stderr.some((line) => line.text.includes('nobody_wrote_this')), 'the error in the log');
  assert.ok(counter.made < 6, `${counter.made} connections`);
});

test('fcgiwrap: CGI scripts behind FastCGI', async (t) => {
  if (!needs(t, 'fcgiwrap', 'spawn-fcgi')) return;
  const { socket } = await spawnFcgi(t, ['/usr/sbin/fcgiwrap', '-f', '-c', '2']);
  const scripts = {
    'hello.sh': sh('printf "Content-Type: text/plain\\n\\nhello $QUERY_STRING $PATH_INFO $SCRIPT_NAME "; cat'),
    'broken.sh': sh('printf "Content-Type: text/plain\\n\\nso far"; echo "no such luck" >&2; exit 3'),
  };
  const h = await house({ scripts, mounts: [{ wire: 'fastcgi', where: '.sh', address: `unix:${socket}` }], connections: 2 });
  t.after(() => h.stop());
  const hello = await post(h.port, '/cgi-bin/hello.sh/a/b?x=1', 'and a body');
  assert.deepEqual([hello.status, hello.text], [200, 'hello x=1 /a/b /cgi-bin/hello.sh and a body']);
  assert.equal((await get(h.port, '/cgi-bin/broken.sh')).text, 'so far');
  const told = await h.exchange((e) => e.target === '/cgi-bin/broken.sh');
  assert.equal(told.gateway, 'fastcgi');
  await until(() => h.stderr.some((line) => line.script === 'broken.sh' && line.text.includes('no such luck')), 'its stderr in the log');
});

const perlProgram = `
use strict; use warnings; use FCGI;
my %env; my $turn = 0;
my $request = FCGI::Request(\\*STDIN, \\*STDOUT, \\*STDERR, \\%env);
while ($request->Accept >= 0) {
  $turn++;
  my $body = ''; read(STDIN, $body, $env{CONTENT_LENGTH}) if $env{CONTENT_LENGTH};
  print STDERR "turn $turn\\n" if ($env{QUERY_STRING} // '') eq 'log';
  if (($env{QUERY_STRING} // '') eq 'die') { exit 3 }
  print "Content-Type: text/plain\\r\\n\\r\\n$env{REQUEST_METHOD} $env{SCRIPT_NAME} $env{PATH_INFO} $turn $body";
}
`;

test("Perl's FCGI.pm: one process, one kept connection, stderr in the log", async (t) => {
  if (!needs(t, 'perl FCGI.pm', 'spawn-fcgi')) return;
  const source = room(t);
  writeFileSync(join(source, 'app.pl'), perlProgram);
  const { socket, folder } = await spawnFcgi(t, ['/usr/bin/perl', join(source, 'app.pl')]);
  const counter = await relay(t, folder, socket);
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address: counter.address }], connections: 1 });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/app/one/two')).text, 'GET /app /one/two 1 ');
  assert.equal((await post(h.port, '/app/three', 'hello')).text, 'POST /app /three 2 hello');
  assert.equal((await get(h.port, '/app?log')).text, 'GET /app  3 ');
  await until(() => h.stderr.some((line) => line.text === 'turn 3'), 'its stderr in the log');
  const many = await Promise.all(Array.from({ length: 8 }, () => get(h.port, '/app/many')));
  assert.deepEqual(
    many.map((answer) => answer.text.split(' ')[3]).sort((a, b) => Number(a) - Number(b)),
    ['4', '5', '6', '7', '8', '9', '10', '11'],
  );
  assert.ok(counter.made < 4, `${counter.made} connections for 11 requests`);
  const died = await post(h.port, '/app?die', 'x');
  assert.equal(died.status, 502, died.text);
});

test("Perl's CGI::Fast: CGI.pm's interface, a process that stays", async (t) => {
  if (!needs(t, 'perl CGI::Fast', 'spawn-fcgi')) return;
  const source = room(t);
  const program = `
use strict; use warnings; use CGI::Fast;
my $turn = 0;
while (my $q = CGI::Fast->new) {
  $turn++;
  print $q->header(-type => 'text/plain', -cookie => $q->cookie('turn', $turn)), "$turn ", $q->path_info, ' ', join(',', map { "$_=" . $q->param($_) } sort $q->param);
}
`;
  writeFileSync(join(source, 'fast.pl'), program);
  const { socket } = await spawnFcgi(t, ['/usr/bin/perl', join(source, 'fast.pl')]);
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/fast', address: `unix:${socket}` }], connections: 1 });
  t.after(() => h.stop());
  const first = await get(h.port, '/fast/x?a=1&b=2');
  assert.deepEqual([first.text, first.get('set-cookie')], ['1 /x a=1,b=2', 'turn=1; path=/']);
  assert.equal((await post(h.port, '/fast', 'c=3', form)).text, '2  c=3');
});
