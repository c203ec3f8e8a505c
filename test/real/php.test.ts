/**
 * The real php-cgi through the interpreter map: PHP files need neither an X bit nor a shebang, and PHP checks by
 * REDIRECT_STATUS that a server started it (cgi.force_redirect) and finds its file by SCRIPT_FILENAME.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type House, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { type Answer, get, post } from '../support/wire.js';

const php = (source: string) => ({ text: `<?php\n${source}\n`, mode: 0o644 });

const scripts = {
  'get.php': php(`header('Content-Type: application/json'); echo json_encode([$_GET, $_POST, $_COOKIE]);`),
  'server.php': php(`header('Content-Type: application/json'); echo json_encode($_SERVER);`),
  'upload.php': php(`
    header('Content-Type: application/json');
    $f = $_FILES['file'];
    echo json_encode([$_POST, $f['name'], $f['type'], $f['size'], $f['error'], sha1_file($f['tmp_name'])]);`),
  'redirect.php': php(`header('Location: /cgi-bin/get.php?from=php'); setcookie('a', '1'); setcookie('b', '2');`),
  'away.php': php(`header('Location: https://example.org/', true, 301);`),
  'status.php': php(`http_response_code(418); echo 'teapot';`),
  'fatal.php': php(`nobody_wrote_this();`),
  'late.php': php(`echo 'so far'; flush(); throw new RuntimeException('too late');`),
  'raw.php': php(`header('Content-Type: text/plain'); echo strlen(file_get_contents('php://input'));`),
  'stream.php': php(`header('Content-Type: text/plain'); for ($i = 0; $i < 3; $i++) { echo "line $i\\n"; flush(); }`),
  'log.php': php(`error_log('a line for the log'); echo 'ok';`),
  'big.php': php(`header('Content-Type: application/octet-stream'); for ($i = 0; $i < 64; $i++) echo str_repeat('x', 65536);`),
};

async function phpHouse(t: TestContext): Promise<House | undefined> {
  if (!needs(t, 'php-cgi')) return undefined;
  const h = await house({ scripts, interpreters: { '.php': 'php-cgi' } });
  t.after(() => h.stop());
  return h;
}

const json = (answer: Answer) => {
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
};

test('php: a form by GET, by POST, and cookies', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  const got = json(await get(h.port, '/cgi-bin/get.php?name=M%C3%A9i+Li&list[]=1&list[]=2', { Cookie: 'a=1; b=2' }));
  assert.deepEqual(got, [{ name: 'Méi Li', list: ['1', '2'] }, [], { a: '1', b: '2' }]);
  const posted = json(
    await post(h.port, '/cgi-bin/get.php?q=1', 'name=%E5%AF%86&empty=', { 'Content-Type': 'application/x-www-form-urlencoded' }),
  );
  assert.deepEqual(posted, [{ q: '1' }, { name: '密', empty: '' }, []]);
});

test('php: a multipart upload arrives whole, byte for byte', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  const file = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) & 0xff));
  const part = (head: string, body: Buffer | string) =>
    Buffer.concat([Buffer.from(`--cut\r\n${head}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n')]);
  const body = Buffer.concat([
    part('Content-Disposition: form-data; name="note"', 'with a file'),
    part('Content-Disposition: form-data; name="file"; filename="pic ture.bin"\r\nContent-Type: application/x-thing', file),
    Buffer.from('--cut--\r\n'),
  ]);
  const answer = json(await post(h.port, '/cgi-bin/upload.php', body, { 'Content-Type': 'multipart/form-data; boundary=cut' }));
  const { createHash } = await import('node:crypto');
  assert.deepEqual(answer, [
    { note: 'with a file' },
    'pic ture.bin',
    'application/x-thing',
    file.length,
    0,
    createHash('sha1').update(file).digest('hex'),
  ]);
});

test('php: a chunked body gets its length, and is there', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  const piece = 'x'.repeat(50_000);
  const chunks = `${piece.length.toString(16)}\r\n${piece}\r\n`.repeat(3);
  const { talk } = await import('../support/wire.js');
  const head =
    'POST /cgi-bin/raw.php HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal((await talk(h.port, `${head}${chunks}0\r\n\r\n`)).text, '150000');
});

test('php: what $_SERVER holds', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  const server = json(await get(h.port, '/cgi-bin/server.php/extra/path?x=1', { Host: 'example.org:8000' }));
  assert.equal(server.PATH_INFO, '/extra/path');
  assert.equal(server.SCRIPT_NAME, '/cgi-bin/server.php');
  assert.equal(server.PHP_SELF, '/cgi-bin/server.php/extra/path');
  assert.equal(server.SCRIPT_FILENAME, join(h.dir, 'server.php'));
  assert.equal(server.REQUEST_URI, '/cgi-bin/server.php/extra/path?x=1');
  assert.equal(server.QUERY_STRING, 'x=1');
  assert.equal(server.HTTP_HOST, 'example.org:8000');
  assert.equal(server.SERVER_NAME, 'example.org');
  assert.equal(server.REDIRECT_STATUS, '200');
  assert.equal(server.GATEWAY_INTERFACE, 'CGI/1.1');
  assert.equal(server.HTTPS, undefined);
});

test('php: redirects, several cookies, and a status of its own', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  // PHP adds `Status: 302 Found` itself: a client redirect, not the local one that a bare Location would be.
  const redirect = await get(h.port, '/cgi-bin/redirect.php');
  assert.equal(redirect.status, 302);
  assert.equal(redirect.get('location'), '/cgi-bin/get.php?from=php');
  assert.deepEqual(redirect.all('set-cookie'), ['a=1', 'b=2']);
  const away = await get(h.port, '/cgi-bin/away.php');
  assert.deepEqual([away.status, away.get('location')], [301, 'https://example.org/']);
  const teapot = await get(h.port, '/cgi-bin/status.php');
  assert.deepEqual([teapot.status, teapot.text], [418, 'teapot']);
});

test('php: an error of the program is its 500, and the reason is in stderr', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  const fatal = await get(h.port, '/cgi-bin/fatal.php');
  assert.equal(fatal.status, 500);
  const exchange = await h.exchange((e) => e.target === '/cgi-bin/fatal.php');
  assert.equal(exchange.exitCode, 255);
  assert.ok(
    h.stderr.some((line) => line.text.includes('nobody_wrote_this')),
    JSON.stringify(h.stderr),
  );
  const late = await get(h.port, '/cgi-bin/late.php');
  assert.ok(late.text.startsWith('so far'));
  assert.equal((await get(h.port, '/cgi-bin/log.php')).text, 'ok');
  await h.exchange((e) => e.target === '/cgi-bin/log.php');
  assert.ok(
    h.stderr.some((line) => line.script === 'log.php' && line.text.includes('a line for the log')),
    JSON.stringify(h.stderr),
  );
});

test('php: long answers, HEAD, a missing file, and the source is never sent', async (t) => {
  const h = await phpHouse(t);
  if (!h) return;
  const big = await get(h.port, '/cgi-bin/big.php');
  assert.deepEqual([big.status, big.body.length, big.complete], [200, 64 * 65536, true]);
  assert.equal((await get(h.port, '/cgi-bin/stream.php')).text, 'line 0\nline 1\nline 2\n');
  const { talk } = await import('../support/wire.js');
  const head = await talk(h.port, 'HEAD /cgi-bin/big.php HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.equal((await get(h.port, '/cgi-bin/none.php')).status, 404);
  for (const target of [
    '/cgi-bin/get.php',
    '/cgi-bin/get.php/',
    '/cgi-bin/get.php%20',
    '/cgi-bin/get.php.',
    '/cgi-bin/GET.PHP',
    '/cgi-bin/get.php%00',
  ]) {
    assert.doesNotMatch((await get(h.port, target)).text, /<\?php/, target);
  }
});
