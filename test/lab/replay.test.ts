/**
 * A request sent again through the lab: what it becomes, and that it can become nothing else: not two requests, not one to another host,
 * not one for whoever may not ask.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createLab } from '../../src/lab/lab.js';
import type { ToldDetail, ToldReplay, ToldWanted } from '../../src/lab/told.js';
import { node, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, get, requestText, talk } from '../support/wire.js';
import { type Room, room } from './room.js';

const scripts = {
  'hello.sh': sh('printf "Content-Type: text/plain\\n\\nhello $QUERY_STRING"'),
  // All that a program can know of a request.
  'echo.js': node(`
    const body = require('node:fs').readFileSync(0);
    const told = Object.entries(process.env).filter(([name]) => /^(HTTP_|REQUEST_|CONTENT_|QUERY|PATH_INFO)/.test(name)).sort();
    const lines = told.map(([name, value]) => name + '=' + value + '\\n').join('');
    process.stdout.write('Content-Type: text/plain\\n\\n' + lines + '\\n' + body.toString('hex'));`),
  'wait.sh': sh('while [ ! -e go ]; do sleep 0.02; done; printf "Content-Type: text/plain\\n\\nwaited"'),
};

interface Replaying extends Room {
  replay(wanted: Partial<ToldWanted>): Promise<Answer>;
  /** What the program printed behind its headers, and the exchange. */
  outcome(wanted: Partial<ToldWanted>): Promise<{ text: string; detail: ToldDetail }>;
}

const replaying = async (t: TestContext): Promise<Replaying> => {
  const r = await room(t, { scripts, public: { 'a.txt': 'a file' } });
  const replay = (wanted: Partial<ToldWanted>): Promise<Answer> => {
    const whole = { method: 'GET', target: '/cgi-bin/echo.js', headers: [], body: '', ...wanted };
    // The test's own client has bytes only.
    const json = JSON.stringify(whole).replace(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
    return r.ask('POST', '/replay', { Authorization: `Bearer ${r.lab.key}` }, json);
  };
  return {
    ...r,
    replay,
    async outcome(wanted) {
      const answer = await replay(wanted);
      assert.equal(answer.status, 200, answer.text);
      const { id } = JSON.parse(answer.text) as ToldReplay;
      const detail = await r.json<ToldDetail>(`/exchanges/${id}`);
      const [output] = detail.details;
      const bytes = Buffer.concat((output?.output.pieces ?? []).map(({ base64 }) => Buffer.from(base64, 'base64')));
      return { text: bytes.toString().split('\n\n').slice(1).join('\n\n'), detail };
    },
  };
};

test('it is what it says: method, target, fields in their order and often, body; and nothing beside', async (t) => {
  const { outcome, h } = await replaying(t);
  const { text, detail } = await outcome({
    ...{ method: 'PATCH', target: '/cgi-bin/echo.js/a%20b?x=1&y=%41', body: Buffer.from([0, 255, 13, 10]).toString('base64') },
    headers: [
      ['X-One', '1'],
      ['Content-Type', 'application/octet-stream'],
      ['x-one', 'grüße'],
      ['X-Empty', ''],
    ],
  });
  assert.equal(
    text,
    [
      ...[
        'CONTENT_LENGTH=4',
        'CONTENT_TYPE=application/octet-stream',
        `HTTP_HOST=127.0.0.1:${h.port}`,
        'HTTP_X_EMPTY=',
        'HTTP_X_ONE=1, grüße',
      ],
      ...['PATH_INFO=/a b', 'QUERY_STRING=x=1&y=%41', 'REQUEST_METHOD=PATCH', 'REQUEST_SCHEME=http'],
      ...['REQUEST_URI=/cgi-bin/echo.js/a%20b?x=1&y=%41', '', '00ff0d0a'],
    ].join('\n'),
  );
  assert.equal(detail.end?.status, 200);
});

test('the request’s own Host, and answers that come from no program', async (t) => {
  const { outcome, replay } = await replaying(t);
  assert.match((await outcome({ headers: [['Host', 'example.org']] })).text, /HTTP_HOST=example\.org/);
  const statusOf = async (wanted: Partial<ToldWanted>) => (JSON.parse((await replay(wanted)).text) as ToldReplay).status;
  assert.equal(await statusOf({ target: '/a.txt' }), 200);
  assert.equal(await statusOf({ target: '//a.txt' }), 200, 'no host, but an empty segment');
  assert.equal(await statusOf({ target: '/nothing' }), 404);
  assert.equal(await statusOf({ method: 'BREW' }), 501);
  assert.equal(await statusOf({ headers: [['Host', 'a b']] }), 400);
  assert.equal(await statusOf({ headers: [['X-Long', 'x'.repeat(40_000)]] }), 431);
});

test('a secret is sent as it was, and never told', async (t) => {
  const { h, outcome, replay } = await replaying(t);
  await get(h.port, '/cgi-bin/hello.sh', { Cookie: 'login=opened', 'X-Api-Key': 'sesame', Authorization: 'Basic YTpi' });
  const { id: of } = await h.exchange();
  const { text, detail } = await outcome({
    of,
    headers: [
      ['cookie', null],
      ['X-Api-Key', null],
      ['Authorization', null],
    ],
  });
  assert.match(text, /HTTP_COOKIE=login=opened\nHTTP_HOST=.*\nHTTP_X_API_KEY=sesame\n/);
  assert.deepEqual(
    detail.details[0]?.variables.filter(({ name }) => /COOKIE|KEY/.test(name)).map(({ value }) => value),
    [undefined, undefined],
  );
  assert.deepEqual(
    detail.details[0]?.head?.fields.map(({ name }) => name),
    ['Host', 'cookie', 'X-Api-Key', 'Authorization', 'Connection'],
  );
  // The second of a name is not there; the exchange is not kept.
  assert.equal(
    (
      await replay({
        of,
        headers: [
          ['Cookie', null],
          ['Cookie', null],
        ],
      })
    ).status,
    410,
  );
  assert.equal((await replay({ of: 'x-1', headers: [['Cookie', null]] })).status, 410);
});

test('one request and no more: line ends, spaces, other hosts, two lengths, tunnels are refused, and nothing is sent', async (t) => {
  const { h, replay, ask, lab } = await replaying(t);
  const attempts: Record<string, unknown>[] = [
    { headers: [['X-A', 'b\r\nX-Injected: 1']] },
    { headers: [['X-A', 'b\nX-Injected: 1']] },
    { headers: [['X-A', 'b\0']] },
    { headers: [['X-A: 1\r\nX-B', 'c']] },
    { headers: [['X A', 'b']] },
    { headers: [['', 'b']] },
    { method: 'GET /admin HTTP/1.1\r\nX: ' },
    { method: 'GET ' },
    { method: '' },
    { method: 'CONNECT' },
    { target: '/a HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /b' },
    { target: '/a b' },
    { target: '/a#b' },
    { target: '/ä' },
    { target: 'http://evil.example/' },
    { target: 'evil.example:80' },
    { target: '*' },
    { target: '' },
    { headers: [['Content-Length', '0']] },
    { headers: [['transfer-ENCODING', 'chunked']] },
    { headers: [['Connection', 'keep-alive']] },
    { headers: [['Expect', '100-continue']] },
    { headers: [['X-A', 1]] },
    { headers: [['X-A']] },
    { headers: { 'X-A': 'b' } },
    { body: 'no base64!' },
    { body: 1 },
    { of: 1 },
  ];
  for (const wanted of attempts) {
    const answer = await replay(wanted as Partial<ToldWanted>);
    assert.equal(answer.status, 400, `${JSON.stringify(wanted)}: ${answer.text}`);
    assert.match(answer.text, /^[^\n]+\n[^\n]*[\u4e00-\u9fff][^\n]*\n$/, 'a reason, in both languages');
  }
  const key = { Authorization: `Bearer ${lab.key}` };
  for (const body of ['', 'null', '[]', '"x"', '{', '7']) assert.equal((await ask('POST', '/replay', key, body)).status, 400, body);
  assert.equal((await ask('POST', '/replay', key, 'x'.repeat(1_500_000))).status, 413);
  // Letters whose low byte is a line end: no encoding makes one of them.
  assert.equal((await replay({ headers: [['X-A', 'bĊX-Injected: 1č']] })).status, 200);
  await until(() => h.exchanges.length > 0, 'the one that was sent');
  assert.deepEqual(
    h.exchanges.map(({ target }) => target),
    ['/cgi-bin/echo.js'],
  );
});

test('not for whoever may not ask: without the key, from another page, in --present', async (t) => {
  const { h, ask, enter, origin } = await replaying(t);
  const { home, cookie } = await enter();
  const wanted = JSON.stringify({ method: 'GET', target: '/cgi-bin/hello.sh', headers: [], body: '' });
  const attempts: [number, Record<string, string>][] = [
    [401, { Origin: origin }],
    [403, { Cookie: cookie }],
    [403, { Cookie: cookie, Origin: 'https://evil.example' }],
    [403, { Cookie: cookie, Origin: `http://127.0.0.1:${h.port}` }],
    [421, { Cookie: cookie, Origin: origin, Host: 'evil.example' }],
  ];
  for (const [status, headers] of attempts) {
    assert.equal((await ask('POST', `${home}replay`, headers, wanted)).status, status, JSON.stringify(headers));
  }
  assert.equal((await ask('GET', `${home}replay`, { Cookie: cookie })).status, 404);
  const shown = await room(t, { scripts }, { present: true });
  const entered = await shown.enter();
  const headers = { Cookie: entered.cookie, Origin: shown.origin };
  assert.equal((await shown.ask('POST', `${entered.home}replay`, headers, wanted)).status, 403);
  assert.equal(h.exchanges.length + shown.h.exchanges.length, 0);
  assert.equal((await ask('POST', `${home}replay`, { Cookie: cookie, Origin: origin }, wanted)).status, 200);
});

test('twenty at once, among others: each learns of its own exchange', async (t) => {
  const { h, outcome } = await replaying(t);
  const others = Array.from({ length: 20 }, () => get(h.port, '/cgi-bin/hello.sh?other'));
  const told = await Promise.all(Array.from({ length: 20 }, (_, i) => outcome({ target: `/cgi-bin/hello.sh?${i}` })));
  await Promise.all(others);
  told.forEach(({ text, detail }, i) => {
    assert.equal(detail.target, `/cgi-bin/hello.sh?${i}`);
    assert.equal(text, `hello ${i}`);
  });
  assert.equal(new Set(told.map(({ detail }) => detail.id)).size, 20);
});

test('more at once than is allowed, and a server that is not there', async (t) => {
  const { h, replay } = await replaying(t);
  const waiting = Array.from({ length: 32 }, () => replay({ target: '/cgi-bin/wait.sh' }));
  await until(async () => (await replay({ target: '/a.txt' })).status === 503, 'all places to be taken');
  writeFileSync(`${h.dir}/go`, '');
  assert.deepEqual(new Set((await Promise.all(waiting)).map(({ status }) => status)), new Set([200]));
  await h.stop();
  assert.equal((await replay({})).status, 502);
});

test('what is sent stands on the wire as it was said, and ends the connection', async (t) => {
  let heard = '';
  const peer = createServer((socket) => {
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  const lab = createLab({ present: false });
  const { port: peerPort } = peer.address() as AddressInfo;
  const { port } = await lab.listen({ port: 0, host: '127.0.0.1' }, { url: `http://127.0.0.1:${peerPort}`, demo: undefined });
  t.after(() => lab.close());
  t.after(() => peer.close());
  const body = JSON.stringify({ method: 'pOsT', target: '/x?y', headers: [['a-B', ' c ']], body: btoa('hi') });
  const fields = { Host: `127.0.0.1:${port}`, Authorization: `Bearer ${lab.key}`, 'Content-Length': String(body.length) };
  const answer = talk(port, requestText('POST', '/replay', fields) + body).catch(() => undefined);
  await until(() => heard.endsWith('hi'), 'the request');
  assert.equal(heard, `pOsT /x?y HTTP/1.1\r\nHost: 127.0.0.1:${peerPort}\r\na-B: c\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi`);
  await lab.close();
  await answer;
});
