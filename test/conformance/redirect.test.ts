/**
 * RFC 3875 §6.2.2 to §6.2.4: what `Location` means. A path that stands alone is followed by the server itself and the client never
 * learns of it; everything else is handed to the client, unchanged.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { FailureCode } from '../../src/failures.js';
import { redirectsMax } from '../../src/limits.js';
import { type House, house, node } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, Wire } from '../support/wire.js';
import { ask, printed, printer, requestBytes, type Step, told } from './print.js';

const h = await house({
  scripts: {
    ...printer,
    // Redirects to itself as often as its query says, and counts its runs in a file of the same name as its PATH_INFO.
    'hop.js': node(`
const { QUERY_STRING: left, PATH_INFO: name, SCRIPT_NAME: self } = process.env;
require('fs').appendFileSync(require('path').join(__dirname, '..', 'hops' + name.slice(1)), 'x');
if (left === '0') console.log('Content-Type: text/plain\\n\\narrived');
else console.log('Location: ' + self + name + '?' + (left - 1) + '\\n');
`),
    'sub/index.cgi': node(`console.log('Content-Type: text/plain\\n\\nindex')`),
    'plain.txt': { text: '#!/bin/sh\necho secret\n', mode: 0o644 },
  },
  public: { 'static.txt': 'static text', 'with space.txt': 'spaced', 'index.html': '<p>home</p>' },
});
after(() => h.stop());

let files = 0;
const fresh = (name: string): string => join(h.root, `${name}-${++files}`);

// --- given to the client -----------------------------------------------------------------------------------------------

interface Given {
  why: string;
  out: string;
  location: string;
  status?: number;
  reason?: string;
  body?: string;
}

const anywhere = [
  'http://example.org/',
  'https://example.org:8443/a?b=c#d',
  'mailto:somebody@example.org',
  'HTTP://EXAMPLE.ORG',
  '//example.org/path',
  '///example.org/path',
  '/\\example.org/path',
  'other.html',
  '../up',
  './here',
  '?query=only',
  '#fragment',
  '/cgi-bin/tell.js#fragment',
  'http://example.org/%zz?a b',
  'http://example.org/caf\xe9',
];

const given: Given[] = [
  ...anywhere.map((location) => ({ why: `Location: ${location}`, out: `Location: ${location}\n\n`, location })),
  { why: 'CRLF ends', out: 'Location: http://example.org/\r\n\r\n', location: 'http://example.org/' },
  { why: 'ends \\r\\n\\n\\n (lighttpd)', out: 'Location: http://example.org/\r\n\n\n', location: 'http://example.org/' },
  { why: 'a name in lower case', out: 'location: http://example.org/\n\n', location: 'http://example.org/' },
  ...[301, 303, 307, 308].map((status) => ({
    why: `Status ${status} is kept`,
    out: `Status: ${status}\nLocation: http://example.org/\n\n`,
    location: 'http://example.org/',
    status,
  })),
  {
    why: 'Status with a reason of its own',
    out: 'Location: http://example.org/\nStatus: 301 Gone Fishing\n\n',
    location: 'http://example.org/',
    status: 301,
    reason: 'Gone Fishing',
  },
  {
    why: 'Status 201 names what was made',
    out: 'Status: 201 Created\nLocation: /things/1\nContent-Type: text/plain\n\nmade',
    location: '/things/1',
    status: 201,
    body: 'made',
  },
  {
    why: 'with a document, no Status (§6.2.4)',
    out: 'Location: http://example.org/\nContent-Type: text/html\n\n<a href="http://example.org/">there</a>',
    location: 'http://example.org/',
    body: '<a href="http://example.org/">there</a>',
  },
  {
    why: 'with a document and Status 307',
    out: 'Status: 307 Go\nLocation: http://example.org/\nContent-Type: text/plain\n\nthere',
    location: 'http://example.org/',
    status: 307,
    reason: 'Go',
    body: 'there',
  },
  {
    why: 'with a cookie',
    out: 'Set-Cookie: a=1\nLocation: http://example.org/\n\n',
    location: 'http://example.org/',
  },
  { why: 'a path, and a Status', out: 'Location: /static.txt\nStatus: 302\n\n', location: '/static.txt' },
  { why: 'a path, and Status 301', out: 'Status: 301\nLocation: /static.txt\n\n', location: '/static.txt', status: 301 },
  { why: 'a path, and another field', out: 'Location: /static.txt\nSet-Cookie: a=1\n\n', location: '/static.txt' },
  { why: 'a path, and a Content-Type', out: 'Content-Type: text/plain\nLocation: /static.txt\n\n', location: '/static.txt' },
  { why: 'a path, and a body', out: 'Location: /static.txt\n\nbody', location: '/static.txt' },
];

describe('redirect, given to the client', { concurrency: 4 }, () => {
  for (const { why, out, location, status = 302, reason, body } of given) {
    test(why, async () => {
      const { answer, exchange } = await ask(h, [out]);
      assert.equal(exchange.failure, undefined);
      assert.equal(answer.status, status);
      assert.equal(answer.reason, reason ?? standard[status]);
      assert.deepEqual(answer.all('Location'), [location]);
      assert.ok(answer.complete);
      assert.ok(answer.chunked || answer.get('Content-Length') !== undefined, 'the client can tell where it ends');
      if (body !== undefined) assert.equal(answer.text, body);
      else if (!/\n\r?\n[\s\S]/.test(out)) assert.equal(answer.body.length, 0);
      assert.ok(!answer.text.includes('static text'));
    });
  }

  test('a body after a path that comes later is still a body', async () => {
    const [begun, gate] = [fresh('begun'), fresh('gate')];
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(printed(['Location: /static.txt\n\n', { touch: begun }, { await: gate }, 'body'])));
    await until(() => existsSync(begun), 'the script to have printed its head');
    writeFileSync(gate, '');
    const answer = await wire.finalAnswer();
    assert.equal(answer.status, 302);
    assert.equal(answer.get('Location'), '/static.txt');
    wire.close();
  });

  test('an empty Location names no place', async () => {
    const { answer, exchange } = await ask(h, ['Location:\n\n']);
    assert.equal(answer.status, 502);
    assert.equal(exchange.failure?.code, 'REPLY_BAD_VALUE');
  });

  test('HTTP/1.0, and HEAD', async () => {
    for (const options of [{ version: 'HTTP/1.0' }, { method: 'HEAD' }, { version: 'HTTP/1.0', method: 'HEAD' }]) {
      const { answer } = await ask(h, ['Location: http://example.org/\n\n'], options);
      assert.equal(answer.status, 302);
      assert.equal(answer.get('Location'), 'http://example.org/');
      assert.equal(answer.body.length, 0);
    }
  });
});

const standard: Record<number, string> = {
  201: 'Created',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
};

// --- followed by the server ----------------------------------------------------------------------------------------------

interface Told {
  env: Record<string, string>;
  argv: string[];
  input: string;
}
const toldBy = (answer: Answer): Told => JSON.parse(answer.text) as Told;
const to = (path: string): Step[] => [`Location: ${path}\n\n`];

describe('redirect, followed by the server', { concurrency: 4 }, () => {
  test('another script, as if the client had asked for it', async () => {
    const { answer, exchange, target } = await ask(h, to('/cgi-bin/tell.js/a%20b?x=1&y=%32'));
    assert.equal(answer.status, 200);
    assert.equal(answer.get('Location'), undefined);
    assert.equal(answer.get('X-Told'), 'yes');
    const { env, argv } = toldBy(answer);
    assert.equal(env.SCRIPT_NAME, '/cgi-bin/tell.js');
    assert.equal(env.PATH_INFO, '/a b');
    assert.equal(env.QUERY_STRING, 'x=1&y=%32');
    assert.equal(env.REQUEST_METHOD, 'GET');
    assert.equal(env.REMOTE_ADDR, '127.0.0.1');
    assert.equal(env.SERVER_NAME, 'localhost');
    assert.deepEqual(argv, []);
    assert.equal(exchange.target, target);
    assert.equal(exchange.status, 200);
    assert.ok(exchange.script?.endsWith('tell.js'));
  });

  test('no query means an empty one, not that of the first', async () => {
    const { env } = toldBy((await ask(h, to('/cgi-bin/tell.js'))).answer);
    assert.equal(env.QUERY_STRING, '');
    assert.equal(env.PATH_INFO ?? '', '');
  });

  test('a POST becomes a GET without a body', async () => {
    const { answer } = await ask(h, [{ readAll: true }, ...to('/cgi-bin/tell.js?a')], {
      method: 'POST',
      body: 'secret=1',
      fields: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    const { env, input } = toldBy(answer);
    assert.equal(env.REQUEST_METHOD, 'GET');
    assert.equal(env.CONTENT_LENGTH, undefined);
    assert.equal(env.CONTENT_TYPE, undefined);
    assert.equal(input, '');
  });

  test('a POST whose first script reads nothing, and the connection stays in step', async () => {
    const wire = await Wire.open(h.port);
    const body = 'GET /EVIL HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(400);
    wire.send(requestBytes(printed(to('/cgi-bin/tell.js?a')), { method: 'POST', body, fields: { Connection: 'keep-alive' } }));
    const first = await wire.finalAnswer();
    assert.equal(toldBy(first).env.QUERY_STRING, 'a');
    if (first.get('Connection') !== 'close') {
      wire.send(requestBytes('/cgi-bin/tell.js?b'));
      assert.equal(toldBy(await wire.finalAnswer()).env.QUERY_STRING, 'b');
    }
    wire.close();
  });

  test('the request’s own fields are kept', async () => {
    const { env } = toldBy((await ask(h, to('/cgi-bin/tell.js'), { fields: { Cookie: 'a=1', 'X-Mine': 'm' } })).answer);
    assert.equal(env.HTTP_COOKIE, 'a=1');
    assert.equal(env.HTTP_X_MINE, 'm');
  });

  test('HEAD stays HEAD', async () => {
    const { answer, closed } = await ask(h, to('/cgi-bin/tell.js'), { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.get('X-Told'), 'yes');
    assert.equal(closed, 'end');
    const touched = fresh('method');
    await ask(h, to(printed([{ touch: touched }, 'Content-Type: text/plain\n\n'])), { method: 'HEAD' });
    assert.equal(readFileSync(touched, 'latin1'), 'HEAD\n');
  });

  const targets: [path: string, status: number, text: string | RegExp][] = [
    ['/static.txt', 200, 'static text'],
    ['/static.txt?query', 200, 'static text'],
    ['/with%20space.txt', 200, 'spaced'],
    ['/', 200, '<p>home</p>'],
    ['/cgi-bin/sub/', 200, 'index\n'],
    ['/./cgi-bin/../static.txt', 200, 'static text'],
    ['/cgi-bin/./tell.js', 200, /X_|PATH/],
    ['/nothing-here', 404, /NOT_FOUND/],
    ['/cgi-bin/nothing.js', 404, /NOT_FOUND/],
    ['/cgi-bin/plain.txt', 403, /NOT_EXECUTABLE/],
    ['/../x', 400, /PATH_ABOVE_ROOT/],
    ['/cgi-bin/%2e%2e/%2e%2e/x', 400, /PATH_ABOVE_ROOT/],
    ['/cgi-bin/%zz', 400, /PATH_BAD_ENCODING/],
    ['/cgi-bin/tell.js/%00', 400, /PATH_FORBIDDEN_BYTE/],
    ['/cgi-bin/tell.js/a%2Fb', 404, /PATH_ENCODED_SLASH/],
    [`/${'x'.repeat(5000)}`, 414, /URI_TOO_LONG/],
  ];
  for (const [path, status, text] of targets) {
    test(`to ${path.slice(0, 40)} → ${status}`, async () => {
      const { answer, exchange } = await ask(h, to(path));
      assert.equal(answer.status, status);
      if (typeof text === 'string') assert.equal(answer.text, text);
      else assert.match(answer.text, text);
      assert.ok(answer.complete);
      assert.equal(exchange.status, status);
      assert.ok(!answer.text.includes('echo secret'));
    });
  }

  test('to a script that redirects the client', async () => {
    const { answer } = await ask(h, to(printed(['Status: 303\nLocation: http://example.org/\n\n'])));
    assert.equal(answer.status, 303);
    assert.equal(answer.get('Location'), 'http://example.org/');
  });

  test('to a script that fails', async () => {
    const { answer, exchange } = await ask(h, to(printed(['hello'])));
    assert.equal(answer.status, 502);
    assert.equal(exchange.failure?.code, 'REPLY_NOT_A_HEADER' satisfies FailureCode);
  });

  test('to an NPH script: its bytes are the answer', async () => {
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(printed(to(printed(['HTTP/1.1 299 Odd\r\n\r\nraw'], 'nph-print.js')))));
    assert.equal((await wire.rest()).toString('latin1'), 'HTTP/1.1 299 Odd\r\n\r\nraw');
  });

  test('to a script whose answer is long', async () => {
    const { answer } = await ask(h, to(printed(['Content-Type: text/plain\n\n', { text: 'abcdefgh', times: 1 << 17 }])));
    assert.equal(answer.text, 'abcdefgh'.repeat(1 << 17));
  });
});

describe('redirect, round and round', () => {
  const hops = async (count: number) => {
    const name = `-${++files}`;
    const target = `/cgi-bin/hop.js/${name}?${count}`;
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(target));
    const answer = await wire.finalAnswer({ timeoutMs: 60_000 });
    wire.close();
    return { answer, exchange: await told(h, target), runs: readFileSync(join(h.root, `hops${name}`), 'latin1').length };
  };

  test(`${redirectsMax} times is far, but arrives`, async () => {
    const { answer, runs } = await hops(redirectsMax);
    assert.equal(answer.text, 'arrived\n');
    assert.equal(runs, redirectsMax + 1);
  });

  test('once more is a loop', async () => {
    const { answer, exchange, runs } = await hops(redirectsMax + 1);
    assert.equal(answer.status, 502);
    assert.equal(exchange.failure?.code, 'REPLY_REDIRECT_LOOP');
    assert.equal(runs, redirectsMax + 1);
  });

  test('for ever is a loop too', async () => {
    const { answer, runs } = await hops(1e9);
    assert.equal(answer.status, 502);
    assert.equal(runs, redirectsMax + 1);
  });
});

describe('redirect, where a password is asked', () => {
  const guarded = async (): Promise<House> => {
    const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-users-'));
    const basicAuth = join(folder, 'htpasswd');
    writeFileSync(basicAuth, `ann:{SHA}${createHash('sha1').update('open sesame').digest('base64')}\n`);
    const guarded = await house({ scripts: printer, public: { 'static.txt': 'static text' }, basicAuth });
    rmSync(folder, { recursive: true });
    return guarded;
  };

  test('nothing runs without it; with it, the second script knows the user as the first did', async (t) => {
    const g = await guarded();
    t.after(() => g.stop());
    const touched = join(g.root, 'ran');
    const refusedAnswer = await ask(g, [{ touch: touched }, ...to('/cgi-bin/tell.js')]);
    assert.equal(refusedAnswer.answer.status, 401);
    assert.ok(refusedAnswer.answer.get('WWW-Authenticate'));
    assert.ok(!existsSync(touched));

    const fields = { Authorization: `Basic ${Buffer.from('ann:open sesame').toString('base64')}` };
    const { env } = toldBy((await ask(g, to('/cgi-bin/tell.js'), { fields })).answer);
    assert.equal(env.REMOTE_USER, 'ann');
    assert.equal(env.AUTH_TYPE, 'Basic');
    assert.equal(env.HTTP_AUTHORIZATION, undefined);
    assert.equal((await ask(g, to('/static.txt'), { fields })).answer.text, 'static text');
  });
});
