/**
 * FastCGI §6.3: an Authorizer stands before a place. What it is asked, what its answers do, and that nobody gets past it: by no
 * spelling of a path, and by no way in which it can fail.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createServer } from '../../src/index.js';
import { protocolStatus } from '../../src/wire/fastcgi-records.js';
import { startCli } from '../support/cli.js';
import { type HouseOptions, house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get, post, requestText, talk, Wire } from '../support/wire.js';
import { type Peer, type PeerOptions, peerOf, type Visit } from './peers.js';
import { is } from './talks.js';

const allow = (visit: Visit, ...fields: string[]): void => {
  visit.say(`Status: 200 OK\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`);
  visit.end();
};
const deny = (visit: Visit): void => {
  visit.say('Status: 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nnot you');
  visit.end();
};
const pathOf = ({ meta }: Visit): string => meta.get('REQUEST_URI') ?? '-';

/** Prints the variables that are named by the query, `A+B`. */
const told = sh(`
printf 'Content-Type: text/plain\\n\\n'
for name in $(echo "$QUERY_STRING" | tr + ' '); do eval "echo \\"$name=\\\${$name-unset}\\""; done`);

/** A house whose `/private` is guarded over one connection; a request for `/private/well` is let through. */
async function guardedHouse(t: TestContext, visit: (visit: Visit) => void, options: HouseOptions & PeerOptions = {}) {
  const { connected, ...rest } = options;
  const guard = await peerOf(t, 'fastcgi', (one) => (pathOf(one) === '/private/well' ? allow(one) : visit(one)), {
    ...(connected ? { connected } : {}),
  });
  const h = await house({ authorizers: [{ where: '/private', address: guard.address }], connections: 1, public: pages, ...rest });
  t.after(() => h.stop());
  /** The guard's slot is free, and the guard well. */
  const well = async () => is(await get(h.port, '/private/well'), 200, 'well');
  return { h, guard, well };
}

const pages = { 'private/page.txt': 'secret', 'private/well': 'well', 'open.txt': 'open', 'privateer.txt': 'beside' };

test('a 200 lets the request through; what is not a variable of its answer is ignored', async (t) => {
  const { h, guard, well } = await guardedHouse(t, (visit) => {
    visit.say('Status: 200\r\nContent-Type: text/html\r\nSet-Cookie: a=1\r\nLocation: /open.txt\r\nX-Thing: yes\r\n\r\nignored');
    visit.end();
  });
  const answer = await get(h.port, '/private/page.txt');
  is(answer, 200, 'secret');
  assert.equal(answer.get('Set-Cookie'), undefined);
  assert.equal(answer.get('X-Thing'), undefined);
  is(await get(h.port, '/open.txt'), 200, 'open');
  is(await get(h.port, '/privateer.txt'), 200, 'beside');
  assert.deepEqual(guard.visits.map(pathOf), ['/private/page.txt'], 'only what is guarded is asked for');
  await well();
});

test('its variables reach scripts and programs on every wire', async (t) => {
  const guard = await peerOf(t, 'fastcgi', (visit) =>
    allow(visit, 'Variable-REMOTE_USER: gr\u00fcn', 'Variable-AUTH_TYPE: Token', 'variable-Group: staff', 'Variable-EMPTY:'),
  );
  const names = ['REMOTE_USER', 'AUTH_TYPE', 'GROUP', 'EMPTY'];
  const programs = await Promise.all(
    (['fastcgi', 'scgi', 'uwsgi'] as const).map(async (wire) => ({
      wire,
      peer: await peerOf(t, wire, (visit) => visit.answer(names.map((name) => `${name}=${visit.meta.get(name) ?? 'unset'}\n`).join(''))),
    })),
  );
  const h = await house({
    scripts: { 'told.sh': told },
    authorizers: [{ where: '/', address: guard.address }],
    mounts: programs.map(({ wire, peer }) => ({ wire, where: `/${wire}`, address: peer.address })),
    connections: 1,
  });
  t.after(() => h.stop());
  const expected = 'REMOTE_USER=gr\u00fcn\nAUTH_TYPE=Token\nGROUP=staff\nEMPTY=\n';
  for (const target of [`/cgi-bin/told.sh?${names.join('+')}`, '/fastcgi', '/scgi', '/uwsgi']) {
    is(await get(h.port, target), 200, expected);
    assert.equal((await h.exchange((e) => e.target === target)).user, 'gr\u00fcn');
  }
});

test('what the server itself says of a request is not its to change', async (t) => {
  const taken = ['SCRIPT_NAME', 'PATH_INFO', 'REMOTE_ADDR', 'SCRIPT_FILENAME', 'HTTP_HOST', 'REMOTE_IDENT', 'QUERY_STRING'];
  const { h } = await guardedHouse(
    t,
    (visit) =>
      allow(
        visit,
        ...taken.map((name) => `Variable-${name}: forged`),
        'Variable-a-b: 1',
        'Variable-EVIL: () { :; }; echo',
        'Variable-OK: ok',
      ),
    { prefix: '/private/', scripts: { 'told.sh': told } },
  );
  const answer = await get(h.port, `/private/told.sh?${[...taken, 'EVIL', 'OK'].join('+')}`);
  assert.equal(answer.status, 200);
  assert.doesNotMatch(answer.text, /forged|echo/);
  assert.match(answer.text, /^OK=ok$/m);
  const { notes } = await h.exchange();
  assert.deepEqual(
    notes.map((note) => /^Variable-(\S+) not taken: /.exec(note)?.[1]),
    [...taken, 'a-b', 'EVIL'],
  );
});

test('it is asked about the request: Authorization included, no body, and no path of a script', async (t) => {
  const { h, guard } = await guardedHouse(t, (visit) => allow(visit), {
    prefix: '/private/',
    scripts: { 'told.sh': told, 'cat.sh': sh(`printf 'Content-Type: text/plain\\n\\n'; echo "<$HTTP_AUTHORIZATION>"; cat`) },
  });
  const fields = { Authorization: 'Bearer abc', 'X-Thing': 'yes', 'Content-Type': 'text/plain' };
  is(await post(h.port, '/private/cat.sh/a/b?q=1', 'the body', fields), 200, '<>\nthe body');
  const { meta, pieces } = guard.visits[0]!;
  assert.deepEqual(pieces, []);
  for (const name of ['CONTENT_LENGTH', 'PATH_INFO', 'PATH_TRANSLATED', 'SCRIPT_NAME', 'SCRIPT_FILENAME']) {
    assert.equal(meta.has(name), false, name);
  }
  const expected = {
    HTTP_AUTHORIZATION: 'Bearer abc',
    HTTP_X_THING: 'yes',
    CONTENT_TYPE: 'text/plain',
    REQUEST_METHOD: 'POST',
    REQUEST_URI: '/private/cat.sh/a/b?q=1',
    QUERY_STRING: 'q=1',
    REMOTE_ADDR: '127.0.0.1',
    SERVER_PORT: String(h.port),
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(meta.get(name), value, name);
  assert.deepEqual(guard.failures, []);
});

test('every other answer is the client’s, and the program never runs', async (t) => {
  const answers: Record<string, string> = {
    '/private/a/401': 'Status: 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="here"\r\nContent-Type: text/plain\r\n\r\nwho are you',
    '/private/a/303': 'Status: 303 See Other\r\nLocation: https://example.org/login\r\n\r\n',
    '/private/a/302': 'Location: https://example.org/login\r\n\r\n',
    '/private/a/201': 'Status: 201 Created\r\nContent-Type: text/plain\r\nVariable-REMOTE_USER: root\r\n\r\ncreated',
    '/private/a/204': 'Status: 204 No Content\r\n\r\n',
    '/private/a/404': 'Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnothing to see',
    '/private/a/500': 'Status: 500 Oh\r\nContent-Type: text/plain\r\n\r\nsorry',
  };
  const program = await peerOf(t, 'scgi', (visit) => visit.answer('ran'));
  const { h, well } = await guardedHouse(
    t,
    (visit) => {
      visit.say(answers[pathOf(visit)]!);
      visit.end();
    },
    { mounts: [{ wire: 'scgi', where: '/private/a', address: program.address }] },
  );
  for (const [target, said] of Object.entries(answers)) {
    const status = Number(target.slice(-3));
    const body = said.slice(said.indexOf('\r\n\r\n') + 4);
    const answer = await get(h.port, target);
    is(answer, status, body);
    is(await talk(h.port, requestText('HEAD', target), { method: 'HEAD' }), status, '');
    is(await post(h.port, target, 'x'.repeat(1000)), status, body);
    assert.equal(answer.get('WWW-Authenticate'), status === 401 ? 'Bearer realm="here"' : undefined);
    assert.equal(answer.get('Location'), said.includes('Location') ? 'https://example.org/login' : undefined);
    assert.equal((await h.exchange((e) => e.target === target)).user, undefined);
  }
  assert.equal(program.visits.length, 0);
  const { gateway, phases } = await h.exchange();
  assert.equal(gateway, 'authorizer');
  assert.equal(phases.authorize, undefined, 'nothing was let through');
  assert.ok(phases.dial !== undefined);
  await well();
});

test('a body that is refused is not asked for', async (t) => {
  const { h, well } = await guardedHouse(t, deny);
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  const fields = { Expect: '100-continue', 'Content-Length': '1000000', Connection: 'keep-alive' };
  wire.send(requestText('POST', '/private/upload', fields));
  const first = await wire.answer();
  is(first, 403, 'not you');
  assert.equal(first.get('Connection'), 'close', 'a next request would be taken for the body');
  const answer = await talk(h.port, `${requestText('POST', '/private/well', { ...fields, 'Content-Length': '1' })}x`);
  assert.equal(answer.status, 405, 'let through: a file takes no POST');
  await well();
});

test('a body that is let through is asked for', async (t) => {
  const { h } = await guardedHouse(t, (visit) => allow(visit), {
    prefix: '/private/',
    scripts: { 'cat.sh': sh("printf 'Content-Type: text/plain\\n\\n'; cat") },
  });
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('POST', '/private/cat.sh', { Expect: '100-continue', 'Content-Length': '4' }));
  assert.equal((await wire.answer()).status, 100);
  wire.send('body');
  is(await wire.answer(), 200, 'body');
  is(
    await talk(h.port, `${requestText('POST', '/private/cat.sh', { 'Transfer-Encoding': 'chunked' })}4\r\nmore\r\n0\r\n\r\n`),
    200,
    'more',
  );
});

describe('it fails closed', () => {
  const ways: Record<string, readonly [status: number, code: string, (visit: Visit) => void]> = {
    'it crashes before it answers': [502, 'WIRE_TRUNCATED', ({ socket }) => socket.destroy()],
    'it crashes after a 200': [
      502,
      'WIRE_TRUNCATED',
      (visit) => {
        visit.say('Status: 200\r\nContent-Type: text/plain\r\n\r\nye');
        visit.socket.end();
      },
    ],
    'it crashes in the middle of a 200': [
      502,
      'WIRE_TRUNCATED',
      (visit) => {
        visit.say('Status: 200\r\nVariable-X: 1\r\n');
        visit.socket.end();
      },
    ],
    'it ends in the middle of a 200': [
      502,
      'REPLY_NO_BLANK_LINE',
      (visit) => {
        visit.say('Status: 200\r\nVariable-X: 1\r\n');
        visit.end();
      },
    ],
    'it speaks HTTP': [502, 'WIRE_BROKEN', ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')],
    'it says nothing': [502, 'REPLY_EMPTY', (visit) => visit.end()],
    'it says nothing, and why': [502, 'REPLY_CRASHED', (visit) => visit.end(3)],
    'its head is empty': [
      502,
      'REPLY_NO_FIELDS',
      (visit) => {
        visit.say('\r\n');
        visit.end();
      },
    ],
    'it says prose': [
      502,
      'REPLY_NOT_A_HEADER',
      (visit) => {
        visit.say('<p>Status: 200</p>\n\n');
        visit.end();
      },
    ],
    'its status is none': [
      502,
      'REPLY_BAD_STATUS',
      (visit) => {
        visit.say('Status: 2000 OK\r\n\r\n');
        visit.end();
      },
    ],
    'it says two': [
      502,
      'REPLY_DUPLICATE_FIELD',
      (visit) => {
        visit.say('Status: 403\r\nStatus: 200\r\n\r\n');
        visit.end();
      },
    ],
    'it knows no Authorizers': [502, 'WIRE_UNKNOWN_ROLE', (visit) => visit.refuse(protocolStatus.UNKNOWN_ROLE)],
    'it is overloaded': [503, 'WIRE_OVERLOADED', (visit) => visit.refuse(protocolStatus.OVERLOADED)],
    'it is silent': [504, 'REPLY_HEAD_TIMEOUT', () => {}],
  };
  for (const [what, [status, code, way]] of Object.entries(ways)) {
    test(`${what}: ${status} ${code}`, async (t) => {
      const program = await peerOf(t, 'scgi', (visit) => visit.answer('ran'));
      const { h, well } = await guardedHouse(t, way, {
        headerTimeoutMs: code === 'REPLY_HEAD_TIMEOUT' ? 300 : 15_000,
        mounts: [{ wire: 'scgi', where: '/private/a', address: program.address }],
      });
      // What is not there fails alike: nobody learns which is which.
      for (const target of ['/private/a', '/private/page.txt', '/private/nothing']) {
        const answer = await get(h.port, target, { Accept: 'application/json' });
        assert.deepEqual([answer.status, JSON.parse(answer.text).code], [status, code]);
        assert.equal((await h.exchange((e) => e.target === target)).failure?.code, code);
      }
      await well();
      assert.equal(program.visits.length, 0);
    });
  }

  test('it is not there: 502 PEER_UNREACHABLE', async (t) => {
    const { h, guard } = await guardedHouse(t, (visit) => allow(visit));
    is(await get(h.port, '/private/page.txt'), 200, 'secret');
    await guard.close();
    for (const method of ['GET', 'HEAD', 'POST']) {
      assert.equal((await talk(h.port, requestText(method, '/private/page.txt'), { method })).status, 502, method);
    }
    assert.equal((await h.exchange((e) => e.method === 'POST')).failure?.code, 'PEER_UNREACHABLE');
    is(await get(h.port, '/open.txt'), 200, 'open');
  });

  test('its queue is full: 503, with slots of its own', async (t) => {
    let held: Visit | undefined;
    const { h, guard, well } = await guardedHouse(
      t,
      (visit) => {
        held = visit;
      },
      { maxQueue: 0, scripts: { 'told.sh': told } },
    );
    const first = get(h.port, '/private/page.txt');
    await until(() => held, 'the guard to be asked');
    const second = await get(h.port, '/private/page.txt', { Accept: 'application/json' });
    assert.deepEqual([second.status, JSON.parse(second.text).code], [503, 'QUEUE_FULL']);
    is(await get(h.port, '/open.txt'), 200, 'open');
    is(await get(h.port, '/cgi-bin/told.sh'), 200, '');
    assert.equal(guard.visits.length, 1);
    allow(held!);
    is(await first, 200, 'secret');
    await well();
  });
});

test('the client leaves while it thinks: it is told, its slot is free, and nothing runs', async (t) => {
  const asked: Visit[] = [];
  const program = await peerOf(t, 'scgi', (visit) => visit.answer('ran'));
  const { h, well } = await guardedHouse(t, (visit) => void asked.push(visit), {
    mounts: [{ wire: 'scgi', where: '/private/a', address: program.address }],
  });
  const wire = await Wire.open(h.port);
  wire.send(requestText('GET', '/private/a'));
  await until(() => asked.length > 0, 'the guard to be asked');
  wire.reset();
  await asked[0]!.gone;
  assert.equal((await h.exchange()).failure?.code, 'CLIENT_GONE');
  await well();
  assert.equal(program.visits.length, 0);
});

describe('no spelling leads round it', () => {
  const inside = [
    ...['/private', '/private/', '/private/page.txt', '/private/nothing', '//private//page.txt', '///private/page.txt', '/private?x'],
    ...['/%70rivate/page.txt', '/priv%61te/page.txt', '/a/../private/page.txt', '/private/../private/page.txt', '/./private/page.txt'],
    ...['/a/%2e%2e/private/page.txt', '/a/.%2E/private/page.txt', '/private/.', '/private/x/..', '/a/b/../../private/page.txt'],
    'http://localhost/private/page.txt',
  ];
  for (const target of inside) {
    test(target, async (t) => {
      const { h, guard } = await guardedHouse(t, deny);
      is(await talk(h.port, requestText('GET', target)), 403, 'not you');
      assert.equal(guard.visits.length, 1);
    });
  }

  test('dots that lead out of it, which REQUEST_URI would show to a program', async (t) => {
    const program = await peerOf(t, 'fastcgi', (visit) => visit.answer(pathOf(visit)));
    const { h, guard } = await guardedHouse(t, (visit) => allow(visit), {
      mounts: [{ wire: 'fastcgi', where: '/', address: program.address }],
    });
    for (const target of ['/private/../open', '/private/%2e%2E/open', '/./private/../open', '/private/x/../../open']) {
      assert.equal((await get(h.port, target)).status, 400, target);
    }
    is(await get(h.port, '/a/../open'), 200, '/a/../open');
    is(await get(h.port, '/private/./x/../y'), 200, '/private/./x/../y');
    assert.deepEqual([...guard.visits, ...program.visits].map(pathOf), ['/private/./x/../y', '/a/../open', '/private/./x/../y']);
  });

  test('slashes that are decoded, case, PATH_INFO', async (t) => {
    const program = await peerOf(t, 'scgi', (visit) => visit.answer(visit.meta.get('PATH_INFO') ?? '-'));
    const guard = await peerOf(t, 'fastcgi', deny);
    const h = await house({
      encodedSlashes: 'decode',
      mounts: [{ wire: 'scgi', where: '/', address: program.address }],
      scripts: { 'told.sh': told },
      authorizers: ['/private/a', '/cgi-bin/told.sh/secret'].map((where) => ({ where, address: guard.address })),
    });
    t.after(() => h.stop());
    for (const target of ['/private/a', '/private%2Fa', '/private%2Fa%2Fb', '/private%2F%2Fa/b', '%2Fprivate/a'].map((x) =>
      x.replace(/^%/, '/%'),
    )) {
      is(await get(h.port, target), 403, 'not you');
    }
    is(await get(h.port, '/cgi-bin/told.sh/secret/x'), 403, 'not you');
    is(await get(h.port, '/cgi-bin/told.sh/%73ecret'), 403, 'not you');
    is(await get(h.port, '/cgi-bin/told.sh/other'), 200, '');
    // Another place: paths know case.
    is(await get(h.port, '/PRIVATE/a'), 200, '/PRIVATE/a');
    is(await get(h.port, '/private'), 200, '/private');
  });
});

test('static files, front controllers, lists, slashes to be added: all of a place is guarded', async (t) => {
  const guard = await peerOf(t, 'fastcgi', (visit) => (visit.meta.has('HTTP_X_KEY') ? allow(visit) : deny(visit)));
  const php = await peerOf(t, 'fastcgi', (visit) => visit.answer(`php ${pathOf(visit)}`));
  const h = await house({
    scripts: { 'sub/told.sh': told },
    public: { ...pages, 'index.php': '<?php' },
    mounts: [{ wire: 'fastcgi', where: '.php', address: php.address }],
    frontController: 'index.php',
    authorizers: ['/private', '/cgi-bin', '/made/up', '/index.php'].map((where) => ({ where, address: guard.address })),
  });
  t.after(() => h.stop());
  const targets = [
    '/private/page.txt',
    '/private',
    '/cgi-bin/',
    '/cgi-bin',
    '/cgi-bin/sub/',
    '/cgi-bin/sub/told.sh',
    '/made/up',
    '/index.php/x',
  ];
  for (const target of targets) is(await get(h.port, target), 403, 'not you');
  assert.equal(php.visits.length, 0);
  const key = { 'X-Key': '1' };
  is(await get(h.port, '/private/page.txt', key), 200, 'secret');
  assert.equal((await get(h.port, '/private', key)).get('Location'), '/private/');
  assert.match((await get(h.port, '/cgi-bin/', key)).text, /told\.sh/);
  is(await get(h.port, '/made/up/page', key), 200, 'php /made/up/page');
  is(await get(h.port, '/made/other'), 200, 'php /made/other');
  is(await get(h.port, '/open.txt'), 200, 'open');
});

test('the whole site; and a start page is part of it', async (t) => {
  const guard = await peerOf(t, 'fastcgi', deny);
  const h = await house({ authorizers: [{ where: '/', address: guard.address }], scripts: { 'told.sh': told } });
  t.after(() => h.stop());
  for (const target of ['/', '//', '/cgi-bin/', '/cgi-bin/told.sh', '/favicon.ico', '/x']) is(await get(h.port, target), 403, 'not you');
  // The server itself is no place (RFC 9110 §9.3.7).
  assert.equal((await talk(h.port, requestText('OPTIONS', '*'))).status, 200);
});

test('the longest path counts, and alone', async (t) => {
  const outer = await peerOf(t, 'fastcgi', (visit) => allow(visit, 'Variable-BY: outer', 'Variable-OUTER: 1'));
  const inner = await peerOf(t, 'fastcgi', (visit) => allow(visit, 'Variable-BY: inner'));
  const h = await house({
    scripts: { 'told.sh': told },
    authorizers: [
      { where: '/cgi-bin', address: outer.address },
      { where: '/cgi-bin/told.sh/in/', address: inner.address },
    ],
  });
  t.after(() => h.stop());
  is(await get(h.port, '/cgi-bin/told.sh/out?BY+OUTER'), 200, 'BY=outer\nOUTER=1\n');
  is(await get(h.port, '/cgi-bin/told.sh/in/x?BY+OUTER'), 200, 'BY=inner\nOUTER=unset\n');
  is(await get(h.port, '/cgi-bin/told.sh/inn?BY+OUTER'), 200, 'BY=outer\nOUTER=1\n');
});

test('several addresses: one that is gone is passed over', async (t) => {
  const [gone, here] = await Promise.all([1, 2].map(() => peerOf(t, 'fastcgi', (visit) => allow(visit))));
  await gone!.close();
  const h = await house({ authorizers: [{ where: '/private', address: `${gone!.address},${here!.address}` }], public: pages });
  t.after(() => h.stop());
  for (let i = 0; i < 5; i++) is(await get(h.port, '/private/page.txt'), 200, 'secret');
  assert.equal(here!.visits.length, 5);
});

describe('local redirects (RFC 3875 §6.2.2)', () => {
  const to = (location: string): string => sh(`printf 'Location: ${location}\\n\\n'`);

  test('into a guarded place, from one, and between two', async (t) => {
    const guard = await peerOf(t, 'fastcgi', (visit) => {
      const [, place] = pathOf(visit).split(/[/?]/);
      if (place === 'shut') deny(visit);
      else allow(visit, `Variable-${place!.toUpperCase()}: here`, `Variable-REMOTE_USER: ${place}`);
    });
    const peer = await peerOf(t, 'scgi', (visit) => {
      const next = visit.meta.get('QUERY_STRING') ?? '';
      if (next !== '') visit.say(`Location: ${next}\r\n\r\n`);
      else
        visit.say(`Content-Type: text/plain\r\n\r\n${['ONE', 'TWO', 'REMOTE_USER'].map((name) => visit.meta.get(name) ?? '-').join(' ')}`);
      visit.end();
    });
    const h = await house({
      scripts: { 'in.sh': to('/one'), 'shut.sh': to('/shut') },
      mounts: ['/one', '/two', '/shut', '/free'].map((where) => ({ wire: 'scgi', where, address: peer.address })),
      authorizers: ['/one', '/two', '/shut'].map((where) => ({ where, address: guard.address })),
    });
    t.after(() => h.stop());
    is(await get(h.port, '/cgi-bin/in.sh'), 200, 'here - one');
    is(await get(h.port, '/cgi-bin/shut.sh'), 403, 'not you');
    is(await get(h.port, '/free?/shut'), 403, 'not you');
    is(await get(h.port, '/one?/two'), 200, '- here two');
    is(await get(h.port, '/one?/free'), 200, '- - -');
    const users = await Promise.all(['/one?/two', '/one?/free'].map(async (target) => (await h.exchange((e) => e.target === target)).user));
    assert.deepEqual(users, ['two', undefined]);
    assert.equal(peer.visits.filter(({ meta }) => meta.get('SCRIPT_NAME') === '/shut').length, 0);
  });

  test('of the authorizer itself: another page is shown, and nothing is let through', async (t) => {
    const { h, guard } = await guardedHouse(t, (visit) => {
      visit.say(`Location: ${visit.meta.get('HTTP_X_TO')}\r\n\r\n`);
      visit.end();
    });
    is(await get(h.port, '/private/page.txt', { 'X-To': '/open.txt' }), 200, 'open');
    const before = guard.visits.length;
    const loop = await get(h.port, '/private/page.txt', { 'X-To': '/private/page.txt', Accept: 'application/json' });
    assert.deepEqual([loop.status, JSON.parse(loop.text).code], [502, 'REPLY_REDIRECT_LOOP']);
    assert.ok(guard.visits.length - before > 1);
    assert.equal((await h.exchange((e) => e.failure !== undefined)).script, '/private');
  });
});

test('with passwords too: it is told who that is, and may say more', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const basicAuth = join(dir, 'users');
  writeFileSync(basicAuth, 'ada:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n'); // test
  const { h, guard } = await guardedHouse(
    t,
    (visit) => (visit.meta.get('QUERY_STRING')!.endsWith('NAME') ? allow(visit, 'Variable-REMOTE_USER: Ada Lovelace') : allow(visit)),
    { basicAuth, prefix: '/private/', scripts: { 'told.sh': told } },
  );
  const fields = { Authorization: `Basic ${Buffer.from('ada:test').toString('base64')}` };
  assert.equal((await get(h.port, '/private/told.sh')).status, 401);
  assert.equal(guard.visits.length, 0, 'who has no password is not worth a question');
  is(await get(h.port, '/private/told.sh?REMOTE_USER+AUTH_TYPE', fields), 200, 'REMOTE_USER=ada\nAUTH_TYPE=Basic\n');
  is(
    await get(h.port, '/private/told.sh?REMOTE_USER+AUTH_TYPE+NAME', fields),
    200,
    'REMOTE_USER=Ada Lovelace\nAUTH_TYPE=unset\nNAME=unset\n',
  );
  assert.deepEqual(
    guard.visits.map(({ meta }) => [meta.get('REMOTE_USER'), meta.get('AUTH_TYPE'), meta.get('HTTP_AUTHORIZATION')]),
    Array.from({ length: 2 }, () => ['ada', 'Basic', fields.Authorization]),
  );
});

test('the account: what it cost is a phase of its own, and the rest is the program’s', async (t) => {
  const { h } = await guardedHouse(
    t,
    (visit) => {
      visit.complain('thinking\n');
      visit.say('Status: 200\r\n\r\n');
      visit.end(7);
    },
    { prefix: '/private/', scripts: { 'told.sh': told } },
  );
  const script = await get(h.port, '/private/told.sh');
  is(script, 200, '');
  assert.match(script.get('Server-Timing') ?? '', /^authorize;dur=[\d.]+, queue;dur=/);
  const run = await h.exchange();
  assert.deepEqual([run.gateway, run.script, run.exitCode], ['cgi', join(h.dir, 'told.sh'), 0]);
  assert.ok(run.phases.authorize !== undefined && run.phases.spawn !== undefined && run.phases.authorize <= run.totalMs);
  assert.equal(run.phases.dial, undefined);
  assert.deepEqual(
    h.stderr.map(({ id, text }) => [id, text]),
    [[run.id, 'thinking']],
  );
  await get(h.port, '/private/nothing');
  const missing = await h.exchange((e) => e.target === '/private/nothing');
  assert.deepEqual([missing.gateway, missing.script, missing.exitCode, missing.phases.dial], [undefined, undefined, undefined, undefined]);
  assert.ok(missing.phases.authorize !== undefined);
  await get(h.port, '/open.txt');
  assert.equal((await h.exchange((e) => e.target === '/open.txt')).phases.authorize, undefined);
});

test('mistakes are told when the server is made', () => {
  const made = (...authorizers: { where: string; address: string }[]) => createServer({ dir: tmpdir(), publicDir: false, authorizers });
  const address = '127.0.0.1:9000';
  assert.throws(() => made({ where: '.php', address }), /authorizer \.php=127\.0\.0\.1:9000: expected a URL path/);
  assert.throws(() => made({ where: '/a', address: 'nowhere' }), /^Error: authorizer \/a=nowhere: /);
  assert.throws(() => made({ where: '/a', address }, { where: '/a/', address }), /guarded twice/);
});

test('on the command line, and in a config file', async (t) => {
  const guard: Peer = await peerOf(t, 'fastcgi', deny);
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'cgi-bin'));
  mkdirSync(join(dir, 'public'));
  writeFileSync(join(dir, 'public/open.txt'), 'open');
  writeFileSync(join(dir, 'cgi-serve.config.json'), JSON.stringify({ authorizer: { '/filed': guard.address } }));
  const filed = await startCli(['--port', '0'], { cwd: dir });
  t.after(() => filed.stop());
  is(await get(filed.port, '/filed'), 403, 'not you');
  is(await get(filed.port, '/open.txt'), 200, 'open');
  const typed = await startCli(['--port', '0', '--authorizer', `/typed=${guard.address}`, '--authorizer', `/too=${guard.address}`], {
    cwd: dir,
  });
  t.after(() => typed.stop());
  is(await get(typed.port, '/typed/x'), 403, 'not you');
  is(await get(typed.port, '/too'), 403, 'not you');
});
