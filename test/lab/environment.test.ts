/** The environment: which bytes of the request each variable is made of, what became of no variable, how two requests differ. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences } from '../../src/lab/page/request/difference.js';
import { environmentWords, rfcVariables } from '../../src/lab/page/request/environment-words.js';
import { cutHead } from '../../src/lab/page/request/origins.js';
import { storyOf } from '../../src/lab/page/request/story.js';
import { sayIn } from '../../src/lab/page/words.js';
import type { ToldDetail, ToldHead, ToldVariable } from '../../src/lab/told.js';
import { sectionOf } from '../../src/script/meta.js';
import { type HouseOptions, sh } from '../support/house.js';
import { get, talk } from '../support/wire.js';
import { look, rows } from './look.js';
import { type Room, room } from './room.js';

const plain = 'printf "Content-Type: text/plain\\n\\n"';
const scripts = {
  'hello.sh': sh(`cat > /dev/null; ${plain}; printf hello`),
  'away.sh': sh('printf "Location: /cgi-bin/hello.sh/there?b=2\\n\\n"'),
};

/** Sends these bytes, and tells what the lab kept of them. */
const detailOf = async (r: Room, bytes: string): Promise<ToldDetail> => {
  const before = r.h.exchanges.length;
  await talk(r.h.port, bytes);
  const { id } = await r.h.exchange((exchange) => r.h.exchanges.indexOf(exchange) >= before);
  return r.json<ToldDetail>(`/exchanges/${id}`);
};

const asked = async (t: Parameters<typeof room>[0], lines: string[], body = '', site: HouseOptions = {}): Promise<ToldDetail> =>
  detailOf(await room(t, { scripts, ...site }), `${lines.join('\r\n')}\r\n\r\n${body}`);

test('each variable of RFC 3875 §4.1 has its plain words, under its section', () => {
  assert.equal(rfcVariables.length, 17);
  assert.deepEqual(
    rfcVariables.map(sectionOf),
    rfcVariables.map((_, i) => `§4.1.${i + 1}`),
  );
  for (const name of [...rfcVariables, 'HTTP_*'] as const) {
    const [en, zh] = environmentWords[`rfc.${name}` as 'rfc.AUTH_TYPE'];
    assert.match(en, /^[A-Z].+\.$/);
    assert.match(zh, /[\u4e00-\u9fff].*。$/);
  }
});

test('every header field is told with what became of it; secrets are told without their value', async (t) => {
  const lines = [
    'POST /cgi-bin/hello.sh?a=1 HTTP/1.1',
    'Host: example.org:8000',
    'Accept: text/html',
    'ACCEPT: text/plain',
    'X_Forwarded_For: 1.2.3.4',
    'X-Odd: () { :; }; echo vulnerable',
    'Proxy: http://evil.example/',
    'Proxy-Authorization: Basic b3BlbmVk',
    'Authorization: Basic b3BlbmVk',
    'Cookie: login=opened',
    'Content-Type: text/one',
    'Content-Type: text/two',
    'Content-Length: 7',
    'Connection: close',
  ];
  const detail = await asked(t, lines, 'name=me');
  const [run] = detail.details;
  const head = run!.head!;
  assert.equal(head.bytes, Buffer.byteLength(`${lines.join('\r\n')}\r\n\r\n`));
  assert.deepEqual(
    head.fields.map(({ name, value, fate, variable, wouldBe }) => [name, value, fate, variable ?? wouldBe]),
    [
      ['Host', 'example.org:8000', 'variable', 'HTTP_HOST'],
      ['Accept', 'text/html', 'variable', 'HTTP_ACCEPT'],
      ['ACCEPT', 'text/plain', 'joined', 'HTTP_ACCEPT'],
      ['X_Forwarded_For', '1.2.3.4', 'name', 'HTTP_X_FORWARDED_FOR'],
      ['X-Odd', '() { :; }; echo vulnerable', 'function', 'HTTP_X_ODD'],
      ['Proxy', undefined, 'proxy', 'HTTP_PROXY'],
      ['Proxy-Authorization', undefined, 'secret', 'HTTP_PROXY_AUTHORIZATION'],
      ['Authorization', undefined, 'authorization', 'HTTP_AUTHORIZATION'],
      ['Cookie', undefined, 'variable', 'HTTP_COOKIE'],
      ['Content-Type', 'text/one', 'replaced', 'HTTP_CONTENT_TYPE'],
      ['Content-Type', 'text/two', 'variable', 'CONTENT_TYPE'],
      ['Content-Length', '7', 'length', 'HTTP_CONTENT_LENGTH'],
      ['Connection', 'close', 'connection', 'HTTP_CONNECTION'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(detail), /login=|b3BlbmVk|evil/);
  // What the lesson says is what the program got.
  const got = new Map(run!.variables.map(({ name, value }) => [name, value]));
  for (const { variable, wouldBe } of head.fields) assert.equal(got.has(variable ?? wouldBe!), variable !== undefined, variable ?? wouldBe);
  assert.equal(got.get('HTTP_ACCEPT'), 'text/html, text/plain');
  assert.equal(got.get('CONTENT_TYPE'), 'text/two');
  const told = storyOf(detail, sayIn('en'));
  assert.match(told[0]!, new RegExp(`POST /cgi-bin/hello.sh\\?a=1. It sent ${head.bytes} B of head and 7 B of body`));
  assert.match(told.join('\n'), /\nNot passed on, for safety: X_Forwarded_For, X-Odd, Proxy, Proxy-Authorization, Authorization\./);
});

test('with --pass-auth a password is passed on, and told as such', async (t) => {
  const lines = ['GET /cgi-bin/hello.sh HTTP/1.1', 'Host: a', 'Authorization: Basic b3BlbmVk', 'Connection: close'];
  const detail = await asked(t, lines, '', { passAuth: true });
  const field = detail.details[0]!.head!.fields[1]!;
  assert.deepEqual([field.fate, field.variable, field.value], ['variable', 'HTTP_AUTHORIZATION', undefined]);
  assert.doesNotMatch(JSON.stringify(detail), /b3BlbmVk/);
});

/** Each variable and the bytes that are framed for it. */
const framed = (detail: ToldDetail, i = 0): Record<string, string> => {
  const run = detail.details[i]!;
  const cut = cutHead(run.head!, run);
  const whole = cut.lines.map((line) => line.map(({ text }) => text).join(''));
  const { method, target, protocol } = run.head!;
  assert.equal(whole[0], `${method} ${target} ${protocol}`);
  return Object.fromEntries(
    run.variables.map(({ name }) => [
      name,
      cut
        .of(name)
        .map(({ text }) => text)
        .join(''),
    ]),
  );
};

test('a variable is made of these bytes, and of no others', async (t) => {
  const from = framed(
    await asked(
      t,
      [
        'POST /cgi-bin//hello.sh/a%20b/c?x=1&y=%20 HTTP/1.1',
        'Host: example.org:8000',
        'X-Color: red',
        'X-Color: blue',
        'Content-Length: 2',
        'Connection: close',
      ],
      'me',
    ),
  );
  const told = Object.entries(from).filter(([, text]) => text !== '');
  assert.deepEqual(Object.fromEntries(told), {
    REQUEST_METHOD: 'POST',
    SCRIPT_NAME: '/cgi-bin//hello.sh',
    SCRIPT_FILENAME: '/cgi-bin//hello.sh',
    PATH_INFO: '/a%20b/c',
    PATH_TRANSLATED: '/a%20b/c',
    QUERY_STRING: 'x=1&y=%20',
    REQUEST_URI: '/cgi-bin//hello.sh/a%20b/c?x=1&y=%20',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: 'example.org',
    CONTENT_LENGTH: 'Content-Length: 2',
    HTTP_HOST: 'Host: example.org:8000',
    HTTP_X_COLOR: 'X-Color: redX-Color: blue',
  });
});

test('a target that is a whole URL, with an address of IPv6: the name is framed without its port', async (t) => {
  const from = framed(await asked(t, ['GET http://[::1]:8000/cgi-bin/hello.sh? HTTP/1.1', 'Host: other', 'Connection: close']));
  assert.equal(from.SERVER_NAME, '[::1][::1]');
  assert.equal(from.SCRIPT_NAME, '/cgi-bin/hello.sh');
  assert.equal(from.REQUEST_URI, '/cgi-bin/hello.sh?');
  assert.equal(from.QUERY_STRING, '');
});

test('after a local redirect it is the request that the server made itself', async (t) => {
  const detail = await asked(t, ['POST /cgi-bin/away.sh HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Connection: close'], 'me');
  assert.equal(detail.details[0]!.head!.target, '/cgi-bin/away.sh');
  const from = framed(detail, 1);
  assert.deepEqual([from.REQUEST_METHOD, from.PATH_INFO, from.QUERY_STRING, from.CONTENT_LENGTH], ['GET', '/there', 'b=2', undefined]);
  assert.match(storyOf(detail, sayIn('en')).join('\n'), /local redirect \(RFC 3875 §6\.2\.2\)/);
});

test('names that objects have of their own are names like others', () => {
  const variables = ['constructor', 'toString', '__proto__'].map((name) => ({ name, value: 'x' }));
  const head: ToldHead = { method: 'GET', target: '/', protocol: 'HTTP/1.1', bytes: 0, fields: [] };
  const cut = cutHead(head, { variables });
  for (const { name } of variables) assert.deepEqual(cut.of(name), []);
  assert.deepEqual(
    differences(variables, variables).map(({ change }) => change),
    ['same', 'same', 'same'],
  );
});

test('two sets of variables: what is added, removed, changed; secrets are not compared', () => {
  const of = (told: Record<string, string | undefined>): ToldVariable[] =>
    Object.entries(told).map(([name, value]) => ({ name, ...(value === undefined ? {} : { value }) }));
  const here = of({ SAME: 'a', QUERY_STRING: 'new', HTTP_COOKIE: undefined, HTTP_NEW: '' });
  const there = of({ HTTP_OLD: 'gone', QUERY_STRING: 'old', SAME: 'a', HTTP_COOKIE: undefined });
  assert.deepEqual(
    differences(here, there).map(({ variable, there: other, change }) => [variable.name, variable.value, other?.value, change]),
    [
      ['SAME', 'a', 'a', 'same'],
      ['QUERY_STRING', 'new', 'old', 'changed'],
      ['HTTP_COOKIE', undefined, undefined, 'hidden'],
      ['HTTP_NEW', '', undefined, 'added'],
      ['HTTP_OLD', 'gone', 'gone', 'removed'],
    ],
  );
});

test('on the page: what is pointed at is framed, by mouse and by keys; what was dropped says why; another request beside it', async (t) => {
  const seen = await look(t, {}, {}, { scripts });
  if (!seen) return;
  const { page, h, text, complaints } = seen;
  await get(h.port, '/cgi-bin/hello.sh/x?first', { Cookie: 'login=opened', 'X-Old': 'gone' });
  await get(h.port, '/cgi-bin/hello.sh/x?second', { Cookie: 'login=closed', Proxy: 'http://evil.example/' });
  await rows(page, 2);
  await page.click('tbody tr:first-child button');
  await page.click('#tab-environment');
  const lit = () => page.locator('.bytes .lit').allTextContents();
  const row = (name: string) => page.locator('.variables tbody tr', { has: page.getByText(name, { exact: true }) });

  await row('QUERY_STRING').hover();
  assert.deepEqual(await lit(), ['second']);
  assert.match(await text('.http-head .caption'), /^QUERY_STRING is made of what is framed: the URL, behind its \?\.$/);
  await row('SERVER_PORT').hover();
  assert.deepEqual(await lit(), []);
  assert.match(await text('.http-head .caption'), /SERVER_PORT is not in these bytes/);

  // One row is in the way of the Tab key; arrows go from it to the others, and choose no other request.
  assert.equal(await page.locator('.variables tbody tr[tabindex="0"]').count(), 1);
  await row('REQUEST_METHOD').focus();
  assert.deepEqual(await lit(), ['GET']);
  await page.keyboard.press('ArrowDown');
  assert.deepEqual(await lit(), ['/cgi-bin/hello.sh']);
  // A row that has passed below a mouse at rest.
  await row('QUERY_STRING').dispatchEvent('mouseover');
  assert.deepEqual(await lit(), ['/cgi-bin/hello.sh']);
  await page.keyboard.press('ArrowUp');
  assert.deepEqual(await lit(), ['GET']);
  assert.match(await text('.request h2'), /second/);

  const proxy = page.locator('.dropped tbody tr', { hasText: 'httpoxy' });
  assert.equal(await proxy.locator('s').textContent(), 'HTTP_PROXY');
  await proxy.hover();
  assert.deepEqual(await lit(), ['Proxy', ': ', '••••••']);
  assert.equal(await page.locator('.bytes s.lit').count(), 3, 'struck out');

  await page.locator('#env-against').focus();
  await page.selectOption('#env-against', await page.locator('#env-against option', { hasText: 'first' }).getAttribute('value'));
  await page.waitForSelector('.variables .change');
  assert.match(
    await text('.environment .conclusion'),
    /^Beside #1: 0 added, 1 removed, \d changed, \d+ the same\. Hidden, and not compared: 1\.$/,
  );
  assert.match((await row('QUERY_STRING').textContent()) ?? '', /≠ changedQUERY_STRINGhere secondin #1 first/);
  assert.match((await row('HTTP_X_OLD').textContent()) ?? '', /− removedHTTP_X_OLDin #1 gone/);
  assert.match((await row('HTTP_COOKIE').textContent()) ?? '', /not compared/);
  assert.doesNotMatch(await text('.environment'), /login=/);
  await page.click('#env-only');
  await page.getByRole('button', { name: 'only differences', pressed: true }).waitFor();
  assert.equal(await row('REQUEST_METHOD').count(), 0);
  assert.equal(await row('QUERY_STRING').count(), 1);
  // Another request keeps the wish.
  await get(h.port, '/cgi-bin/hello.sh/x?third');
  await rows(page, 3);
  await page.click('.requests tbody tr:first-child button');
  await page.locator('.request h2', { hasText: 'third' }).waitFor();
  await page.waitForSelector('.variables .change');
  assert.match((await row('QUERY_STRING').textContent()) ?? '', /here thirdin #1 first/);
  assert.deepEqual(complaints, []);
});
