/**
 * The exercise book keeps its word: every script of cgi-bin/ is asked through the real server and does what its head says it
 * shows, the broken ones break as promised, every link of public/ leads somewhere, and both languages tell of the same scripts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FailureCode } from '../src/failures.js';
import type { ServerOptions } from '../src/settings.js';
import { type House, house } from './support/house.js';
import { needs, present } from './support/needs.js';
import { type Answer, get, post, requestText, talk, Wire } from './support/wire.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const book = join(root, 'cgi-bin');
const site = join(root, 'public');

/** Every exercise: `hello.sh`, `broken/exit-3.pl`. What a reader compiled (`*.cgi`) is not ours to test. */
const exercises = readdirSync(book, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => statSync(join(book, name)).isFile() && !/(^|\/)\.|\.cgi$/.test(name))
  .sort();

const programOf: Record<string, string> = { py: 'python3', pl: 'perl', awk: 'awk', php: 'php-cgi', js: 'node', sh: 'sh' };
const neededBy = (name: string): string[] => [programOf[name.replace(/^.*\./, '')] ?? []].flat();
const textOf = (name: string): string => readFileSync(join(book, name), 'utf8');

/** The real book and the real site; what the exercises remember goes into a directory of this test. */
async function openBook(t: TestContext, options: ServerOptions = {}): Promise<House> {
  const data = temporary(t);
  const h = await house({
    dir: book,
    publicDir: site,
    env: { EXERCISE_DATA: data },
    ...(present('php-cgi') ? { interpreters: { '.php': 'php-cgi' } } : {}),
    ...options,
  });
  t.after(() => h.stop());
  return h;
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cgi-serve-book-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

// --- the heads ---------------------------------------------------------------------------------------------------

test('every exercise begins with a title, what it shows, its section and something to try', () => {
  assert.ok(exercises.length > 50, `${exercises.length} exercises`);
  for (const name of exercises) {
    const lines = textOf(name)
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/)
      .filter((line) => !/^(#!|<\?php$)/.test(line))
      .map((line) => /^(?:#|\/\/) (.+)$/.exec(line)?.[1] ?? '');
    const [title = '', shows = '', section = '', attempt = ''] = lines;
    assert.match(title, /^[A-Z].{5,70}[^.:]$/, `${name}: title`);
    if (name.startsWith('broken/')) assert.match(title, /^Mistake: /, name);
    assert.match(shows, /^shows: ./, name);
    assert.match(section, /^§: .*§\d/, name);
    assert.match(attempt, /^try: /, name);
    assert.ok(attempt.includes(`/cgi-bin/${name.replace(/\.c$/, '.cgi')}`), `${name}: its own address is in its try line`);
    const linesMax = name === 'wires.py' ? 120 : 45; // three protocols and a server
    assert.ok(lines.length <= linesMax, `${name} is as short as an exercise should be: ${lines.length} lines`);
  }
});

test('the x bits are as the exercises want them', { skip: process.platform === 'win32' && 'Windows has none' }, () => {
  for (const name of exercises) {
    const executable = (statSync(join(book, name)).mode & 0o111) !== 0;
    assert.equal(executable, !/\.(c|php)$|\/not-executable\.sh$/.test(name), name);
  }
});

test('the mistakes that an editor or git might mend are still there', () => {
  assert.match(textOf('broken/crlf-shebang.sh'), /^#!\/bin\/sh\r\n/);
  assert.match(textOf('broken/byte-order-mark.sh'), /^\uFEFF#!/);
  for (const name of exercises) if (!name.endsWith('/crlf-shebang.sh')) assert.doesNotMatch(textOf(name), /\r\n/, name);
});

// --- every script, asked -------------------------------------------------------------------------------------------

interface Row {
  /** Below /cgi-bin/, with query: told apart by it when a script is asked twice. */
  readonly ask: string;
  readonly send?: Record<string, string>;
  readonly post?: string;
  readonly status: number;
  readonly code?: FailureCode;
  /** In the body. */
  readonly says?: RegExp;
  readonly bytes?: number;
  readonly header?: readonly [name: string, value: RegExp | undefined];
  /** False: the connection was broken off. */
  readonly complete?: false;
  readonly notes?: RegExp;
}

const form = 'application/x-www-form-urlencoded';

const rows: readonly Row[] = [
  // 1 first steps
  { ask: 'hello.sh', status: 200, says: /^Hello\. I am process \d+:/ },
  { ask: 'hello.py', status: 200, says: /^Hello from Python, process \d+\.\n$/ },
  { ask: 'hello.pl', status: 200, says: /^Hello from Perl, process \d+\.\n$/ },
  { ask: 'hello.js', status: 200, says: /^Hello from Node, process \d+\.\n$/ },
  { ask: 'hello.awk', status: 200, says: /^Hello from awk\. You asked from 127\.0\.0\.1\.\n$/ },
  { ask: 'hello.c', status: 403, code: 'NOT_EXECUTABLE' },

  // 2 input
  {
    ask: 'env.sh/extra/path?a=1',
    send: { 'X-Color': 'blue' },
    status: 200,
    says: /^HTTP_X_COLOR=blue\n[\s\S]*^PATH_INFO=\/extra\/path\n/m,
  },
  { ask: 'env.pl/%3Cb%3E?%3Cb%3E', status: 200, says: /PATH_INFO<\/th><td><code>\/&lt;b&gt;<\/code><\/td><td>§4\.1\.5</ },
  { ask: 'env.pl', status: 200, says: /PATH_TRANSLATED<\/th><td><i>not set/ },
  { ask: 'adder.sh?15000&213', status: 200, says: /^15000 \+ 213 = 15213\n$/ },
  { ask: 'adder.sh?0010&08', status: 200, says: /^10 \+ 8 = 18\n$/ },
  { ask: 'adder.sh?a[$(id)]&1', status: 400, says: /^Ask for two numbers/ },
  { ask: 'adder.c', status: 403, code: 'NOT_EXECUTABLE' },
  { ask: 'wiki.pl', status: 200, says: /<a href="\/cgi-bin\/wiki\.pl\/Process">/ },
  { ask: 'wiki.pl/Process', status: 200, says: /<h1>Process<\/h1>/ },
  { ask: 'wiki.pl/%3Cscript%3E', status: 404, says: /<h1>&lt;script&gt;<\/h1>/ },
  { ask: 'language.pl?de', send: { 'Accept-Language': 'xx, en;q=0.5, de;q=0.8' }, status: 200, header: ['content-language', /^de$/] },
  { ask: 'language.pl', status: 200, says: /^Good day!/, header: ['vary', /accept-language/i] },
  { ask: 'echo.sh', post: 'a=\n', status: 200, says: /^method POST, 3 bytes of type [\s\S]*0000000 +61 +3d +0a/ },
  { ask: 'echo.c', status: 403, code: 'NOT_EXECUTABLE' },
  { ask: 'arguments.sh?red+green', status: 200, says: /^0 arguments, QUERY_STRING=red\+green\n$/ },
  { ask: 'whoami.sh', status: 200, says: /^Nobody asked/ },
  {
    ask: 'info.php/extra/path?a=1',
    status: 200,
    says: /^PHP [\s\S]*^PATH_INFO=\/extra\/path\n[\s\S]*^SCRIPT_NAME=\/cgi-bin\/info\.php\n/m,
  },
  ...['form.py', 'form.pl', 'form.js', 'form.php'].flatMap((ask): Row[] => [
    { ask: `${ask}?name=%3Cb%3E`, status: 200, says: /name<\/th><td>&lt;b&gt;<\/td>/ },
    { ask, post: 'town=%E5%8C%97%E4%BA%AC+1&x=%22', status: 200, says: /town<\/th><td>北京 1<\/td>[\s\S]*x<\/th><td>&quot;<\/td>/ },
  ]),

  // 3 output
  { ask: 'status.sh', status: 200, says: /was not given/ },
  { ask: 'status.sh?418', status: 418, says: /^Status 418/ },
  { ask: 'status.sh?503', status: 503 },
  { ask: 'status.sh?204', status: 204, says: /^$/ },
  { ask: 'status.sh?999', status: 200 },
  { ask: 'redirect.sh', status: 302, header: ['location', /^http:\/\/[^/]+:\d+\/cgi-bin\/hello\.sh$/], says: /^$/ },
  { ask: 'redirect-document.sh', status: 302, header: ['location', /^http:\/\/.*\/hello\.sh$/], says: /over there/ },
  { ask: 'local-redirect.sh', status: 200, header: ['location', undefined], says: /^QUERY_STRING=sent-by=local-redirect\.sh$/m },
  { ask: 'identicon.py?text=Ada', status: 200, header: ['content-type', /^image\/png$/] },
  {
    ask: 'chart.awk?data=3,1,%3Cb%3E,4.5',
    status: 200,
    header: ['content-type', /^image\/svg/],
    says: /^<svg [\s\S]*>4\.5<\/text>[^<]*<path[^<]*<\/svg>/,
  },
  { ask: 'chart.awk?data=none', status: 400, says: /^Give me numbers/ },
  { ask: 'etag.py', status: 200, header: ['etag', /^"one"$/], says: /^Version one/ },
  { ask: 'etag.py?again', send: { 'If-None-Match': '"zero", "one"' }, status: 304, says: /^$/ },
  { ask: 'clock.sh?seconds=1', status: 200, says: /^\d\d:\d\d:\d\d\nThat was all\.\n$/ },
  { ask: 'big.pl?mib=3', status: 200, says: /^0{8}1 the quick/, bytes: 3 * 1024 * 1024 },
  { ask: 'shout.py', post: 'one\ntwo\n', status: 200, says: /^ONE\nTWO\n$/ },
  { ask: 'nph-raw.sh', status: 200, header: ['server', undefined], says: /^No one has looked/ },
  { ask: 'nph-progress.sh', status: 200, says: /^Done, after three steps\.$/ },

  // 4 state
  { ask: 'cookies.py', status: 200, says: /visit number 1,/ },
  {
    ask: 'cookies.py?',
    send: { Cookie: 'visits=4; <b>=x' },
    status: 200,
    says: /number 5,[\s\S]*visits=4; &lt;b&gt;=x/,
    header: ['set-cookie', /visits=5;/],
  },
  { ask: 'cookies.py?forget', send: { Cookie: 'visits=4' }, status: 200, says: /Forgotten/, header: ['set-cookie', /Max-Age=0/] },
  { ask: 'visits.pl', status: 200, says: /^Visit number 1\.\n$/ },
  { ask: 'guestbook.py', status: 200, says: /<p>0 entries<\/p>/ },

  // 5 lifetime
  { ask: 'process.py', status: 200, says: /^process +(\d+)\nparent +\d+ \(the server\)\nprocess group \1 [\s\S]*directory +cgi-bin / },
  { ask: 'slow.sh?seconds=0', status: 200, says: /^I slept for 0 seconds/ },
  { ask: 'stderr.sh', status: 200, says: /cannot hear/ },
  { ask: 'background.sh', status: 200, says: /^Child \d+ goes on/ },
  { ask: 'background.sh?wrong', status: 200, says: /^Child \d+ goes on/ },
  { ask: 'crash.sh', status: 502, code: 'REPLY_CRASHED', says: /disk not found/ },
  { ask: 'crash.sh?signal', status: 502, code: 'REPLY_CRASHED', says: /SIGSEGV/ },
  { ask: 'crash.sh?after', status: 200, says: /complete/ },
  {
    ask: 'wires.py/extra/path?fastcgi+127.0.0.1:0',
    post: 'five!',
    status: 200,
    header: ['content-type', /^application\/json$/],
    says: /"wire": "CGI",[\s\S]*"body": 5,[\s\S]*"PATH_INFO": "\/extra\/path"/,
  },

  // 6 mistakes
  { ask: 'broken/no-blank-line.sh', status: 502, code: 'REPLY_NO_BLANK_LINE' },
  { ask: 'broken/no-headers.sh', status: 502, code: 'REPLY_NOT_A_HEADER' },
  { ask: 'broken/not-executable.sh', status: 403, code: 'NOT_EXECUTABLE' },
  { ask: 'broken/crlf-shebang.sh', status: 500, code: 'SHEBANG_CRLF' },
  { ask: 'broken/missing-interpreter.py', status: 500, code: 'INTERPRETER_MISSING', says: /pyhton3/ },
  { ask: 'broken/no-shebang.sh', status: 500, code: 'SHEBANG_MISSING' },
  { ask: 'broken/byte-order-mark.sh', status: 500, code: 'SHEBANG_BOM' },
  { ask: 'broken/prints-nothing.sh', status: 502, code: 'REPLY_EMPTY' },
  { ask: 'broken/exit-3.pl', status: 502, code: 'REPLY_CRASHED', says: /cannot open orders\.txt/ },
  { ask: 'broken/output-before-headers.py', status: 502, code: 'REPLY_HEADERS_LATE', says: /connecting to the database/ },
  { ask: 'broken/stdio-overtaken.py', status: 502, code: 'REPLY_HEADERS_LATE' },
  { ask: 'broken/space-before-colon.sh', status: 502, code: 'REPLY_BAD_NAME' },
  { ask: 'broken/folded-header.sh', status: 502, code: 'REPLY_FOLDED' },
  { ask: 'broken/two-status.sh', status: 502, code: 'REPLY_DUPLICATE_FIELD' },
  { ask: 'broken/bad-status.sh', status: 502, code: 'REPLY_BAD_STATUS' },
  { ask: 'broken/transfer-encoding.sh', status: 502, code: 'REPLY_TRANSFER_ENCODING' },
  { ask: 'broken/redirect-loop.sh', status: 502, code: 'REPLY_REDIRECT_LOOP' },
  { ask: 'broken/short-content-length.sh', status: 200, code: 'REPLY_SHORT', says: /^That is all I have/, complete: false },
  { ask: 'broken/killed-mid-answer.sh', status: 200, code: 'REPLY_KILLED', says: /^The secret/, complete: false },
  { ask: 'broken/counts-characters.py', status: 200, says: /^你好$/, notes: /Content-Length 6/ },
  { ask: 'broken/header-injection.py', status: 200, header: ['set-cookie', undefined] },
  { ask: 'broken/header-injection.py?color=red%0aSet-Cookie:%20user=mallory', status: 200, header: ['set-cookie', /^user=mallory$/] },
  { ask: 'broken/header-injection.py?color=red%0dx', status: 502, code: 'REPLY_BAD_VALUE' },
  { ask: 'broken/header-injection.py?color=%0a%0a%3Cscript%3E', status: 200, says: /^Look at the headers of this answer\.\n$/ },
  { ask: 'broken/lost-update.sh', status: 200, says: /^Visit number 1\.\n$/ },
];

/** Asked in tests of their own, below. */
const askedElsewhere = ['broken/never-answers.sh'];

test('no exercise is forgotten here', () => {
  const asked = new Set([...rows.map((row) => row.ask.replace(/^((?:broken\/)?[^/?]+).*$/, '$1')), ...askedElsewhere]);
  assert.deepEqual([...asked].sort(), exercises);
});

test('every exercise gives what its head promises', async (t) => {
  const h = await openBook(t);
  for (const row of rows) {
    await t.test(row.ask, async (t) => {
      if (!needs(t, ...neededBy(row.ask.replace(/[?].*$/, '').replace(/(\.\w+)\/.*$/, '$1')))) return;
      const target = `/cgi-bin/${row.ask}`;
      const headers = { Accept: 'text/plain', ...row.send };
      const answer =
        row.post === undefined
          ? await get(h.port, target, headers)
          : await post(h.port, target, row.post, { 'Content-Type': form, ...headers });
      const seen = `${answer.status} ${answer.reason}\n${answer.text.slice(0, 1000)}`;
      assert.equal(answer.status, row.status, seen);
      if (row.says) assert.match(answer.body.toString('utf8'), row.says, seen);
      if (row.bytes !== undefined) assert.equal(answer.body.length, row.bytes);
      if (row.header) assertHeader(answer, ...row.header);
      assert.equal(answer.complete, row.complete ?? true, seen);
      const exchange = await h.exchange((e) => e.target === target);
      assert.equal(exchange.failure?.code, row.code, seen);
      if (row.notes) assert.match(exchange.notes.join('\n'), row.notes);
    });
  }
});

function assertHeader(answer: Answer, name: string, value: RegExp | undefined): void {
  if (value === undefined) assert.equal(answer.get(name), undefined);
  else assert.match(answer.get(name) ?? '(absent)', value);
}

test('a picture is drawn, whole and the same for the same word', async (t) => {
  if (!needs(t, 'python3')) return;
  const h = await openBook(t);
  const [ada, again, bob] = await Promise.all(
    ['Ada', 'Ada', '%E5%B0%8F%E6%98%8E'].map((word) => get(h.port, `/cgi-bin/identicon.py?text=${word}`)),
  );
  assert.equal(ada!.body.toString('latin1', 0, 8), '\x89PNG\r\n\x1a\n');
  assert.equal(ada!.body.toString('latin1', ada!.body.length - 8, ada!.body.length - 4), 'IEND');
  assert.deepEqual(again!.body, ada!.body);
  assert.notDeepEqual(bob!.body, ada!.body);
});

test('interim answers come before the last one, and HTTP/1.0 gets none', async (t) => {
  const h = await openBook(t);
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('GET', '/cgi-bin/nph-progress.sh'));
  for (const step of [1, 2, 3]) {
    const interim = await wire.answer();
    assert.equal(interim.status, 102);
    assert.equal(interim.get('x-step'), `${step} of 3`);
  }
  assert.equal((await wire.answer()).status, 200);
  const old = await talk(h.port, 'GET /cgi-bin/nph-progress.sh HTTP/1.0\r\n\r\n');
  assert.equal(old.status, 200);
  assert.equal(old.text, 'Done, after three steps.');
});

test('stderr goes to the operator, not into the page', async (t) => {
  const h = await openBook(t);
  await get(h.port, '/cgi-bin/stderr.sh');
  await h.exchange();
  assert.deepEqual(
    h.stderr.map((line) => line.text),
    ['stderr.sh: somebody asked for me', 'stderr.sh: and I have answered'],
  );
});

test('options that some exercises ask for', async (t) => {
  await t.test('--isindex: words as arguments', async (t) => {
    const h = await openBook(t, { isindex: true });
    const answer = await get(h.port, '/cgi-bin/arguments.sh?red+green+blue');
    assert.equal(answer.text, '3 arguments, QUERY_STRING=red+green+blue\n  red\n  green\n  blue\n');
  });
  await t.test('--basic-auth: the script hears the name', async (t) => {
    const file = join(temporary(t), 'htpasswd');
    writeFileSync(file, `ada:{SHA}${createHash('sha1').update('lovelace').digest('base64')}\n`);
    const h = await openBook(t, { basicAuth: file });
    assert.equal((await get(h.port, '/cgi-bin/whoami.sh')).status, 401);
    const known = await get(h.port, '/cgi-bin/whoami.sh', { Authorization: `Basic ${btoa('ada:lovelace')}` });
    assert.match(known.text, /^You are ada, says Basic/);
  });
  await t.test('--header-timeout: who never answers is ended', async (t) => {
    const h = await openBook(t, { headerTimeoutMs: 300 });
    assert.equal((await get(h.port, '/cgi-bin/broken/never-answers.sh')).status, 504);
    assert.equal((await h.exchange()).failure?.code, 'REPLY_HEAD_TIMEOUT');
  });
  await t.test('--chunked stream: an answer while the request is still under way', async (t) => {
    if (!needs(t, 'python3')) return;
    const h = await openBook(t, { chunked: 'stream' });
    const headers = { 'Transfer-Encoding': 'chunked' };
    const answer = await talk(h.port, `${requestText('POST', '/cgi-bin/shout.py', headers)}4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n`);
    assert.equal(answer.text, 'ONE\nTWO\n');
  });
});

test('the C exercises compile without a warning and answer', async (t) => {
  if (!needs(t, 'cc')) return;
  const dir = temporary(t);
  for (const name of exercises.filter((each) => each.endsWith('.c'))) {
    const made = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(dir, name.replace('.c', '.cgi')), join(book, name)]);
    assert.equal(made.status, 0, made.stderr.toString());
  }
  const h = await openBook(t, { dir });
  assert.match((await get(h.port, '/cgi-bin/hello.cgi')).text, /^Hello from C, process \d+\.\n$/);
  assert.match((await get(h.port, '/cgi-bin/adder.cgi?15000&213')).text, /^The answer is: 15000 \+ 213 = 15213$/m);
  assert.equal((await get(h.port, '/cgi-bin/adder.cgi?1&2&3')).status, 400);
  const echoed = await post(h.port, '/cgi-bin/echo.cgi', Buffer.from([0, 0x41, 0xff, ...Buffer.from('\r\n0123456789abc')]));
  assert.match(echoed.text, /^00000000 {2}00 41 ff 0d 0a 30 .* {2}\.A\.\.\.0123456789a\n00000010 {2}62 63 +bc\n18 bytes\n$/);
});

// --- forms ------------------------------------------------------------------------------------------------------------

/** Every byte there is, and what might be taken for a boundary. */
const upload = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from('\r\n--edg\r\n\n\r\r\n')]);
const multipart = Buffer.concat([
  Buffer.from('--edge\r\nContent-Disposition: form-data; name="name"\r\n\r\n艾达 <b>\r\n'),
  Buffer.from('--edge\r\nContent-Disposition: form-data; name="file"; filename="图 <x>.bin"\r\nContent-Type: image/x-test\r\n\r\n'),
  upload,
  Buffer.from('\r\n--edge--\r\n'),
]);

for (const name of ['form.py', 'form.pl', 'form.js', 'form.php']) {
  test(`${name} takes an upload, byte for byte, and refuses what is too much`, async (t) => {
    if (!needs(t, ...neededBy(name))) return;
    const h = await openBook(t);
    const headers = { 'Content-Type': 'multipart/form-data; boundary=edge' };
    const page = (await post(h.port, `/cgi-bin/${name}`, multipart, headers)).body.toString('utf8');
    assert.match(page, /name<\/th><td>艾达 &lt;b&gt;<\/td>/);
    assert.match(page, new RegExp(`file</th><td>图 &lt;x&gt;\\.bin: ${upload.length} bytes`));
    const cut = await post(h.port, `/cgi-bin/${name}`, multipart.subarray(0, 200), headers);
    assert.ok([200, 400].includes(cut.status), `a body that ends too early: ${cut.status}`);
    if (name === 'form.php') return; // php.ini says how much is too much
    const much = await post(h.port, `/cgi-bin/${name}`, Buffer.alloc(8 * 1024 * 1024 + 1), headers);
    assert.equal(much.status, 413);
  });
}

// --- state ------------------------------------------------------------------------------------------------------------

test('the guestbook loses nothing when twenty sign at once', async (t) => {
  if (!needs(t, 'python3')) return;
  const h = await openBook(t);
  const guests = Array.from({ length: 20 }, (_, i) => `guest-${i}-`);
  const sign = (name: string) => post(h.port, '/cgi-bin/guestbook.py', `name=${name}&text=%3Ci%3Ehello`, { 'Content-Type': form });
  for (const answer of await Promise.all(guests.map(sign))) {
    assert.equal(answer.status, 303, answer.text);
    assert.equal(answer.get('location'), '/cgi-bin/guestbook.py');
  }
  const page = (await get(h.port, '/cgi-bin/guestbook.py')).text;
  assert.match(page, /<p>20 entries<\/p>/);
  for (const guest of guests) assert.ok(page.includes(`<b>${guest}</b>`), guest);
  assert.ok(page.includes('&lt;i&gt;hello') && !page.includes('<i>'));
  assert.equal((await post(h.port, '/cgi-bin/guestbook.py', 'name=nobody', { 'Content-Type': form })).status, 303);
  assert.match((await get(h.port, '/cgi-bin/guestbook.py')).text, /<p>20 entries<\/p>/, 'no words, no entry');
});

test('the guestbook is a WSGI application, too: the same book, the same answers, also under a validator', async (t) => {
  if (!needs(t, 'python3')) return;
  const data = temporary(t);
  const checked = join(temporary(t), 'checked.py');
  const file = join(book, 'guestbook.py');
  writeFileSync(
    checked,
    `import runpy, wsgiref.validate\napplication = wsgiref.validate.validator(runpy.run_path(${JSON.stringify(file)})['application'])\n`,
  );
  const env = { EXERCISE_DATA: data, PYTHONDONTWRITEBYTECODE: '1' };
  const mounts = [
    { wsgi: file, where: '/guestbook' },
    { wsgi: checked, where: '/checked' },
  ];
  const h = await openBook(t, { mounts, workers: 1, env });
  const places = ['/cgi-bin/guestbook.py', '/guestbook', '/checked'];
  for (const [i, place] of places.entries()) {
    const signed = await post(h.port, place, `name=guest-${i}&text=caf%C3%A9`, { 'Content-Type': form });
    assert.deepEqual([signed.status, signed.get('location')], [303, place]);
  }
  const seen = await Promise.all(places.map((place) => get(h.port, place)));
  assert.match(seen[0]!.text, /<p>3 entries<\/p>.*guest-2.*caf\u00e9.*guest-1.*guest-0/s);
  for (const { status, text, all } of seen) {
    assert.deepEqual(
      [status, text, all('content-type'), all('cache-control')],
      [200, seen[0]!.text, ['text/html; charset=utf-8'], ['no-store']],
    );
  }
});

test('the counter counts every visit', async (t) => {
  if (!needs(t, 'perl')) return;
  const h = await openBook(t);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(h.port, '/cgi-bin/visits.pl')));
  const numbers = answers.map((answer) => Number(/^Visit number (\d+)\.$/m.exec(answer.text)?.[1]));
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test('what the exercises remember lies beside the script directory when nobody names a place', async (t) => {
  if (!needs(t, 'python3', 'perl')) return;
  const h = await house({ scripts: { 'keep/placeholder': '#!/bin/sh\n' } });
  t.after(() => h.stop());
  for (const name of ['guestbook.py', 'visits.pl']) {
    copyFileSync(join(book, name), join(h.dir, name));
    chmodSync(join(h.dir, name), 0o755);
    assert.equal((await get(h.port, `/cgi-bin/${name}`)).status, 200);
  }
  assert.deepEqual(readdirSync(h.root).sort(), ['cgi-bin', 'data']);
  const kept = readdirSync(join(h.root, 'data'));
  assert.ok(kept.includes('guestbook.db') && kept.includes('visits'), kept.join());
  for (const name of kept) assert.equal(statSync(join(h.root, 'data', name)).mode & 0o077, 0, `${name} is for its owner only`);
});

// --- the site -----------------------------------------------------------------------------------------------------------

const pages = readdirSync(site, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.html'))
  .sort();
const pageText = (name: string): string => readFileSync(join(site, name), 'utf8');
const unescaped = (text: string): string => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const linksOf = (text: string): string[] =>
  [...text.matchAll(/\s(?:href|src|action|formaction)="([^"]*)"/g)].map(([, link]) => unescaped(link!));
const scriptsOf = (text: string): string[] => linksOf(text).filter((link) => link.startsWith('/cgi-bin/'));

test('the site: every link leads somewhere', async (t) => {
  const h = await openBook(t);
  const seen = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    const answer = await get(h.port, path);
    assert.equal(answer.status, 200, path);
    seen.set(path, answer.text);
    if (!answer.get('content-type')?.startsWith('text/html')) return;
    for (const link of linksOf(answer.text)) {
      const url = new URL(link, `http://localhost${path}`);
      if (url.host !== 'localhost') assert.match(link, /^https:\/\/www\.rfc-editor\.org\//, `${path}: ${link}`);
      else if (url.pathname.startsWith('/cgi-bin/')) assert.ok(exerciseOf(url.pathname), `${path}: ${link}`);
      else await visit(url.pathname);
    }
  };
  await visit('/');
  for (const page of pages) assert.ok(seen.has(`/${page}`) || seen.has(`/${page.replace('index.html', '')}`), `${page} is linked`);
  for (const [path, text] of seen) {
    for (const link of linksOf(text).filter((each) => each.includes('#'))) {
      const url = new URL(link, `http://localhost${path}`);
      const there = seen.get(url.pathname);
      if (there !== undefined) assert.ok(there.includes(`id="${url.hash.slice(1)}"`), `${path}: ${link}`);
    }
  }
});

/** The exercise that a path leads to, be there PATH_INFO behind it or not. */
const exerciseOf = (path: string): string | undefined =>
  exercises.find((name) => path === `/cgi-bin/${name}` || path.startsWith(`/cgi-bin/${name}/`));

test('the site: both languages tell of every exercise, in the same order', () => {
  for (const page of pages.filter((name) => !name.startsWith('zh/'))) {
    assert.deepEqual(scriptsOf(pageText(`zh/${page}`)), scriptsOf(pageText(page)), page);
  }
  assert.equal(pages.filter((name) => name.startsWith('zh/')).length * 2, pages.length);
  for (const page of ['index.html', 'zh/index.html']) {
    const text = pageText(page);
    const told = exercises.filter((name) => text.includes(`>${name.replace('broken/', '')}<`));
    assert.deepEqual(told, exercises, page);
    const linked = new Set(scriptsOf(text).map((link) => exerciseOf(new URL(link, 'http://localhost').pathname)));
    assert.deepEqual(
      [...linked].sort(),
      exercises.filter((name) => !name.endsWith('.c')),
      page,
    );
  }
});

test('the site: the § beside each exercise is one that its head names', () => {
  for (const page of ['index.html', 'zh/index.html']) {
    const list = [
      ...pageText(page).matchAll(/<span class="file">(?:<a href="([^"]*)">)?([^<]+)[\s\S]*?<span class="rule">([^<]*)<\/span>/g),
    ];
    assert.equal(list.length, exercises.length);
    for (const [, link, name, section] of list) {
      const file = link?.includes('/broken/') ? `broken/${name}` : name!;
      assert.ok(textOf(file).includes(section!), `${page}: ${file} ${section}`);
    }
  }
});

test('the site: languages, landmarks, nothing from elsewhere', () => {
  for (const page of pages) {
    const text = pageText(page);
    assert.match(text, page.startsWith('zh/') ? /<html lang="zh-CN">/ : /<html lang="en">/, page);
    for (const part of ['<title>', '<header', '<main', '<footer', '<meta name="viewport"', 'rel="icon"', '<h1'])
      assert.ok(text.includes(part), `${page}: ${part}`);
    assert.equal(text.match(/<h1/g)!.length, 1, page);
    const ownScript = page.endsWith('wires.html') ? '<script type="module" src="/wires.js"></script>' : '';
    assert.ok(text.includes(ownScript), page);
    assert.doesNotMatch(text.replace(ownScript, ''), /\ssrc=|<script|@import|style="|\son\w+="/, `${page}: nothing else is loaded`);
    const ids = [...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, `${page}: ids are single`);
  }
  for (const file of ['style.css', 'wires.js'])
    assert.doesNotMatch(readFileSync(join(site, file), 'utf8'), /url\(|\bimport\b|https?:/, file);
});
