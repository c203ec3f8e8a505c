/** curl, the client that most people try a server with: each way it has to send a body, and what it makes of our answers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type House, house, node, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { command } from './command.js';

const scripts = {
  // Counts its input and says how it was announced.
  'count.cgi': node(`
    let n = 0;
    process.stdin.on('data', (d) => { n += d.length; }).on('end', () => {
      const e = process.env;
      process.stdout.write('Content-Type: text/plain\\n\\n' + [e.REQUEST_METHOD, e.SERVER_PROTOCOL, e.CONTENT_LENGTH ?? '-', n, e.HTTP_EXPECT ?? '-', e.HTTP_TRANSFER_ENCODING ?? '-'].join(' ') + '\\n');
    });`),
  'hello.cgi': sh("printf 'Content-Type: text/plain\\n\\nhello\\n'"),
  'long.cgi': sh(
    "printf 'Content-Type: text/plain\\n\\n'; i=0; while [ $i -lt 2000 ]; do echo 'line of some length, number '$i; i=$((i+1)); done",
  ),
  'short.cgi': sh("printf 'Content-Type: text/plain\\nContent-Length: 100\\n\\nonly this'"),
  'killed.cgi': sh("printf 'Content-Type: text/plain\\n\\nhalf'; kill -9 $$"),
  'redirect.cgi': sh('printf \'Location: %s/cgi-bin/hello.cgi\\n\\n\' "http://$HTTP_HOST"'),
  'broken.cgi': sh('echo this is no header'),
};

async function curlHouse(t: TestContext): Promise<{ h: House; url: string; file: string } | undefined> {
  if (!needs(t, 'curl')) return undefined;
  const h = await house({ scripts });
  t.after(() => h.stop());
  const file = join(h.root, 'upload');
  writeFileSync(file, Buffer.alloc(2 * 1024 * 1024, 'u'));
  return { h, url: `http://127.0.0.1:${h.port}/cgi-bin`, file };
}

const curl = (...args: string[]) => command('curl', ['-sS', '-m', '50', ...args]);
const size = 2 * 1024 * 1024;

test('curl: an upload of 2 MiB by POST, PUT, HTTP/1.0, and with Expect', async (t) => {
  const made = await curlHouse(t);
  if (!made) return;
  const { url, file } = made;
  const binary = ['-H', 'Content-Type: application/octet-stream', '--data-binary', `@${file}`];
  assert.equal((await curl(...binary, '-H', 'Expect:', `${url}/count.cgi`)).stdout, `POST HTTP/1.1 ${size} ${size} - -\n`);
  assert.equal((await curl('-H', 'Expect:', '-T', file, `${url}/count.cgi`)).stdout, `PUT HTTP/1.1 ${size} ${size} - -\n`);
  assert.equal((await curl('-0', ...binary, `${url}/count.cgi`)).stdout, `POST HTTP/1.0 ${size} ${size} - -\n`);
  const expecting = await curl('-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '40', ...binary, `${url}/count.cgi`);
  assert.match(expecting.stderr, /< HTTP\/1\.1 100 Continue/);
  assert.match(expecting.stdout, new RegExp(`^POST HTTP/1\\.1 ${size} ${size} (100-continue|-) -\n$`));
});

test('curl: an upload of unknown length is chunked, and reaches the script with an exact CONTENT_LENGTH', async (t) => {
  const made = await curlHouse(t);
  if (!made) return;
  const { url, file } = made;
  const chunked = ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect:'];
  assert.equal((await curl(...chunked, '-T', file, `${url}/count.cgi`)).stdout, `PUT HTTP/1.1 ${size} ${size} - -\n`);
  const typed = ['-H', 'Content-Type: text/plain', '--data-binary', `@${file}`];
  assert.equal((await curl(...chunked, ...typed, `${url}/count.cgi`)).stdout, `POST HTTP/1.1 ${size} ${size} - -\n`);
  assert.equal((await curl(...chunked, '-T', '/dev/null', `${url}/count.cgi`)).stdout, 'PUT HTTP/1.1 0 0 - -\n');
});

test('curl: several requests on one connection, HEAD, HTTP/1.0 without keep-alive, redirects', async (t) => {
  const made = await curlHouse(t);
  if (!made) return;
  const { url } = made;
  const three = await curl('-v', `${url}/hello.cgi`, `${url}/long.cgi`, `${url}/hello.cgi`);
  assert.equal(three.stdout.match(/^hello$/gm)?.length, 2);
  assert.equal(three.stdout.match(/^line of/gm)?.length, 2000);
  assert.equal(three.stderr.match(/Re-using existing connection/gi)?.length, 2, three.stderr);
  assert.match((await curl('-I', `${url}/long.cgi`)).stdout, /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal((await curl('-0', `${url}/long.cgi`)).stdout.split('\n').length, 2001);
  const redirected = await curl('-L', '-w', '%{num_redirects} %{http_code}', `${url}/redirect.cgi`);
  assert.equal(redirected.stdout, 'hello\n1 200');
});

test('curl: an answer that was broken off is an error for it, not a short success', async (t) => {
  const made = await curlHouse(t);
  if (!made) return;
  const { url } = made;
  for (const script of ['short.cgi', 'killed.cgi']) {
    // 22 where the end was seen before anything had been sent: then it is a 502.
    await assert.rejects(curl('-f', `${url}/${script}`), /exit code (18|22|56)\b/, script);
  }
  await assert.rejects(curl('-f', `${url}/broken.cgi`), /exit code 22\n/);
  const page = await curl('-H', 'Accept: text/plain', '-H', 'Accept-Language: zh', `${url}/broken.cgi`);
  assert.match(page.stdout, /REPLY_NOT_A_HEADER/);
  assert.match(page.stdout, /如何解决/);
  assert.match(page.stdout, /»t«his is no header/);
});
