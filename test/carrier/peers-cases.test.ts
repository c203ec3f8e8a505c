/**
 * What the tests of nginx, lighttpd, Go, Caddy and PHP say of the way between a web server and its programs, as cases of ours. Their
 * facts are carried over, nothing of their text; where we do otherwise, the case says so. Most stood elsewhere already:
 *
 *   nginx fastcgi.t                      dial: redirects · HEAD and 304 · a flood of stderr. dial-connections: all
 *   nginx fastcgi_body, _body2, scgi_body, uwsgi_body
 *                                        dial: bodies: none, by Content-Length, chunked in memory and in a file · byte for byte
 *   nginx fastcgi_buffering              dial: the first piece is with the client while the program still holds the rest
 *   nginx fastcgi_extra_data, scgi_extra_data
 *                                        dial-faults: more bytes than Content-Length are cut · fewer than Content-Length; HERE: the others
 *   nginx fastcgi_header_params          conformance/meta: Accept twice, Cookie by semicolon. mounts: no header forges a variable
 *   nginx fastcgi_keepalive              dial-connections: one connection carries one request after the other; HERE: records in pieces
 *   nginx fastcgi_split                  HERE. We never ask another program once one has begun to answer
 *   nginx fastcgi_request_buffering      dial: may answer before it has read; HERE: pieces as they come
 *   nginx fastcgi_request_buffering_chunked
 *                                        dial: a chunked body may stream without a length; HERE: broken chunks, the next request
 *   nginx fastcgi_unix, scgi_unix        dial-connections and restarts: Unix and TCP
 *   nginx fastcgi_variables              mounts: the environment arrives exactly · an extension
 *   nginx scgi, uwsgi                    dial, for all wires; real/uwsgi
 *   nginx *_cache, *_merge_params        nothing to compare: we keep no answers, and our settings are not nested
 *   lighttpd mod-fastcgi, mod-scgi:
 *     404                                mounts: what is no such file never reaches the program; real/fastcgi: statuses
 *     SCRIPT_NAME, PATH_INFO             mounts: the environment arrives exactly · PATH_INFO is decoded
 *     environment copied, REMOTE_USER, line ends, slow line ends, root scriptname
 *                                        HERE
 *     die-at-end                         dial-connections: a kept connection that the program closes in between; HERE: at its very end
 *     Authorizer                         with the guards
 *   Go TestSize, TestStreams             wire/fastcgi-records: §3.4, «two records»
 *   Go TestGetValues                     wire/fastcgi: GET_VALUES; real/fastcgi: what php-fpm says to it
 *   Go TestChildServeCleansUp            wire/fastcgi: aborted, or ended, while its body comes. dial-connections: a client that leaves
 *   Go TestMalformedParams               wire/fastcgi-records: lengths whose sum …
 *   Caddy TestSplitPos                   HERE
 *   php-src fcgi-env-*, bug78599, bug76922, bug77106
 *                                        real/fastcgi, with php-fpm itself
 *   php-src bug72185                     wire/fastcgi: php-fpm: empty STDERR records; HERE: on a kept connection
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { recordReader, recordType, writeEnd } from '../../src/wire/fastcgi-records.js';
import { room } from '../real/peers.js';
import { house } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, get, post, requestText, talk, Wire } from '../support/wire.js';
import { documentHead, peerOf, type Visit, wires } from './peers.js';
import { is, talkTo } from './talks.js';

const pathOf = ({ meta }: Visit): string => meta.get('PATH_INFO')!.slice(1);

/** Each in a packet of its own, as far as a program can do anything about that. */
const slowly = async (socket: Socket, pieces: readonly Buffer[]): Promise<void> => {
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await nextTurn();
  }
};
const oneByOne = (text: string | Buffer): Buffer[] => Array.from(Buffer.from(text), (byte) => Buffer.of(byte));

// --- nginx ----------------------------------------------------------------------------------------------------------------

/** How an answer comes out that says one thing of its length and does another. */
const lengths: [why: string, method: string, answer: string, check: (answer: Answer) => void][] = [
  ['a length of 0, and a body', 'GET', `Content-Length: 0\r\n${documentHead}extra`, (answer) => is(answer, 200, '')],
  [
    'a length, and no body',
    'GET',
    `Content-Length: 5\r\n${documentHead}`,
    (answer) => assert.ok(answer.status === 502 || !answer.complete),
  ],
  ['HEAD: a body longer than its length', 'HEAD', `Content-Length: 5\r\n${documentHead}12345extra`, (answer) => is(answer, 200, '')],
  ['HEAD: a body shorter than its length', 'HEAD', `Content-Length: 5\r\n${documentHead}12`, (answer) => is(answer, 200, '')],
  ['HEAD: a length, and no body', 'HEAD', `Content-Length: 5\r\n${documentHead}`, (answer) => is(answer, 200, '')],
  ['HEAD: a body, and no length', 'HEAD', `${documentHead}12345`, (answer) => is(answer, 200, '')],
  ['HEAD: a length of 0, and a body', 'HEAD', `Content-Length: 0\r\n${documentHead}extra`, (answer) => is(answer, 200, '')],
  ['204, and a body', 'GET', `Status: 204\r\n${documentHead}extra`, (answer) => is(answer, 204, '')],
  ['304, a length, and a body', 'GET', 'Status: 304\r\nContent-Length: 5\r\n\r\n12345', (answer) => is(answer, 304, '')],
];

for (const wire of wires)
  test(`nginx ${wire === 'fastcgi' ? wire : 'scgi'}_extra_data: ${wire}: neither too much nor too little is passed on`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      visit.say(lengths[Number(pathOf(visit))]![2]);
      visit.end();
    });
    for (const [i, [why, method, , check]] of lengths.entries()) {
      await t.test(why, async () => {
        const client = await Wire.open(h.port);
        client.send(requestText(method, `/app/${i}`));
        check(await client.finalAnswer({ method }));
        assert.equal((await client.rest()).length, 0, 'nothing follows the answer');
        await h.well();
      });
    }
  });

const { STDIN, STDOUT, STDERR } = recordType;

/** With padding of any length. */
const record = (type: number, id: number, content: string, padding = 0): Buffer =>
  Buffer.concat([
    Buffer.from([1, type, id >> 8, id & 255, content.length >> 8, content.length & 255, padding, 0]),
    Buffer.from(content),
    Buffer.alloc(padding, 0xee),
  ]);

/** What a program writes to answer `ok`, piece by piece. */
const shapes: [why: string, pieces: (id: number) => Buffer[]][] = [
  ['all in one packet', (id) => [Buffer.concat([record(STDOUT, id, `${documentHead}ok`), record(STDOUT, id, ''), writeEnd(id, 0, 0)])]],
  ['a packet for each byte', (id) => oneByOne(Buffer.concat([record(STDOUT, id, `${documentHead}ok`, 3), writeEnd(id, 0, 0)]))],
  [
    'header, content and padding apart',
    (id) => {
      const whole = record(STDOUT, id, `${documentHead}ok`, 255);
      return [whole.subarray(0, 8), whole.subarray(8, -255), whole.subarray(-255, -100), whole.subarray(-100), writeEnd(id, 0, 0)];
    },
  ],
  ['a record for each byte', (id) => [...[...`${documentHead}ok`].map((byte) => record(STDOUT, id, byte, 1)), writeEnd(id, 0, 0)]],
  [
    'stderr before, in and behind the head',
    (id) => [
      record(STDERR, id, 'one\n', 7),
      record(STDOUT, id, documentHead.slice(0, 9)),
      record(STDERR, id, 'two\n'),
      record(STDOUT, id, `${documentHead.slice(9)}o`),
      record(STDERR, id, 'three\n'),
      record(STDOUT, id, 'k'),
      writeEnd(id, 0, 0),
    ],
  ],
  [
    'php-src bug72185: stderr without a byte',
    (id) => [record(STDERR, id, ''), record(STDOUT, id, `${documentHead}ok`), record(STDERR, id, ''), writeEnd(id, 0, 0)],
  ],
  ['the end in a packet of its own', (id) => [record(STDOUT, id, `${documentHead}ok`), record(STDOUT, id, ''), writeEnd(id, 0, 0)]],
];

test('nginx fastcgi_keepalive: however the records come, one connection carries all requests, after HEAD too', async (t) => {
  const methods = ['GET', 'HEAD', 'GET'];
  let asked = 0;
  const connected = (socket: Socket): true => {
    const reader = recordReader();
    socket.on('data', (bytes: Buffer) => {
      for (const { type, requestId, content } of reader.push(bytes)) {
        if (type !== STDIN || content.length > 0) continue;
        void slowly(socket, shapes[Math.floor(asked / methods.length)]![1](requestId));
        asked += 1;
      }
    });
    return true;
  };
  const h = await talkTo(t, 'fastcgi', () => {}, { connected });
  for (const [why] of shapes)
    for (const method of methods) {
      const answer = await talk(h.port, requestText(method, '/app/'), { method });
      assert.deepEqual([answer.status, answer.text, answer.complete], [200, method === 'HEAD' ? '' : 'ok', true], why);
    }
  assert.equal(h.peer.connections, 1);
  await until(() => h.stderr.length === 3 * methods.length, 'the lines of stderr');
  assert.deepEqual(
    h.stderr.slice(0, 3).map(({ text }) => text),
    ['one', 'two', 'three'],
  );
});

for (const wire of wires)
  test(`nginx fastcgi_split: ${wire}: a bad header, cut in two, is a 502, nobody else is asked, and the next answer has nothing of it`, async (t) => {
    const bad = await peerOf(t, wire, async ({ say, end }) => {
      say('X-First: of the bad one\r\nX-Sec');
      await nextTurn();
      say('ond of the bad one\r\n\r\nbody');
      end();
    });
    const good = await peerOf(t, wire, (visit) => visit.answer('good'));
    const h = await house({ mounts: [{ wire, where: '/app', address: `${bad.address},${good.address}` }], connections: 1 });
    t.after(() => h.stop());
    const answers = [await get(h.port, '/app/1'), await get(h.port, '/app/2')];
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 502]);
    const answer = answers.find(({ status }) => status === 200)!;
    is(answer, 200, 'good');
    assert.equal(answer.get('x-first'), undefined);
    assert.deepEqual([bad.visits.length, good.visits.length], [1, 1]);
    const { failure } = await h.exchange(({ status }) => status === 502);
    assert.match(failure?.code ?? '', /^REPLY_/);
  });

for (const wire of wires)
  test(`nginx fastcgi_request_buffering: ${wire}: a body of known length is passed on as it comes, then the connection's next request`, async (t) => {
    const h = await talkTo(t, wire, async (visit) => visit.answer((await visit.body).toString()));
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    const head = requestText('POST', '/app/', { 'Content-Length': '10', Connection: 'keep-alive' });
    // Some of the body comes with the head, as often.
    for (const first of ['', '01', '01234567']) {
      const before = h.peer.visits.length;
      client.send(head + first);
      let said = first.length;
      for (const piece of ['0123456789'.slice(said, said + 1), '0123456789'.slice(said + 1)]) {
        const visit = await until(() => h.peer.visits[before], 'the program to be asked');
        await until(() => visit!.received === said, `${said} bytes to be with the program`);
        client.send(piece);
        said += piece.length;
      }
      is(await client.finalAnswer(), 200, '0123456789');
    }
    client.send(requestText('GET', '/app/well'));
    is(await client.finalAnswer(), 200, 'well');
  });

for (const chunked of ['stream', 'spool'] as const)
  test(`nginx fastcgi_request_buffering_chunked: ${chunked}: chunks in pieces, chunks that are none, and what follows`, async (t) => {
    const h = await talkTo(t, 'fastcgi', async (visit) => visit.answer((await visit.body).toString()), { chunked });
    const head = requestText('POST', '/app/', { 'Transfer-Encoding': 'chunked', Connection: 'keep-alive' });
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    for (const piece of oneByOne(`${head}3;x="y"\r\nabc\r\n0a\r\n0123456789\r\n000\r\nTrailer: yes\r\n\r\n`)) await client.sent(piece);
    is(await client.finalAnswer(), 200, 'abc0123456789');
    client.send(`${head}0\r\n\r\n${requestText('GET', '/app/well')}`);
    is(await client.finalAnswer(), 200, '');
    is(await client.finalAnswer(), 200, 'well');
    for (const wrong of ['3\r\nabcd\r\n', 'x\r\n', '3\r\nabc\r\n-1\r\n', '8\r\nabc']) {
      const before = h.peer.visits.length;
      const broken = await Wire.open(h.port);
      broken.send(`${head}5\r\nfirst\r\n`);
      if (chunked === 'stream') await until(() => h.peer.visits[before]?.received === 5, 'the first chunk to be with the program');
      broken.send(wrong);
      if (wrong.startsWith('8'))
        broken.reset(); // Not wrong, and never to be whole.
      else assert.equal((await broken.finalAnswer()).status, 400, JSON.stringify(wrong));
      broken.close();
      if (chunked === 'stream') assert.match(await h.peer.visits[before]!.gone, /aborted|closed/);
      else assert.equal(h.peer.visits.length, before, 'nothing of it reaches the program');
      await h.well();
    }
  });

// --- lighttpd -------------------------------------------------------------------------------------------------------------

for (const wire of wires) {
  test(`lighttpd mod-fastcgi, mod-scgi: ${wire}: line ends: LF, CRLF, a byte at a time`, async (t) => {
    const h = await talkTo(t, wire, async (visit) => {
      const [ending, slow] = pathOf(visit).split('-');
      const end = ending === 'lf' ? '\n' : '\r\n';
      const text = `${['Status: 200 Fine', 'Content-Type: text/plain', 'X-Last: here', '', ''].join(end)}body\n\r\nmore`;
      for (const piece of slow ? oneByOne(text) : [Buffer.from(text)]) {
        visit.say(piece);
        await nextTurn();
      }
      visit.end();
    });
    for (const path of ['lf', 'crlf', 'lf-slow', 'crlf-slow']) {
      const answer = await get(h.port, `/app/${path}`);
      is(answer, 200, 'body\n\r\nmore');
      assert.deepEqual([answer.reason, answer.get('x-last')], ['Fine', 'here'], path);
    }
    await h.well();
  });

  test(`lighttpd mod-fastcgi: ${wire}: a variable of ours is copied, one of the server's own only when named`, async (t) => {
    process.env.CGI_SERVE_TEST_SEEN = 'seen';
    process.env.CGI_SERVE_TEST_UNSEEN = 'unseen';
    t.after(() => {
      delete process.env.CGI_SERVE_TEST_SEEN;
      delete process.env.CGI_SERVE_TEST_UNSEEN;
    });
    const h = await talkTo(t, wire, (visit) => visit.answer('ok'), { env: { OURS: 'a b=c' }, passEnv: ['CGI_SERVE_TEST_SEEN'] });
    is(await get(h.port, '/app/'), 200, 'ok');
    const { meta } = h.peer.visits[0]!;
    assert.deepEqual(
      ['OURS', 'CGI_SERVE_TEST_SEEN', 'CGI_SERVE_TEST_UNSEEN', 'HOME'].map((name) => meta.get(name)),
      ['a b=c', 'seen', undefined, undefined],
    );
  });

  test(`lighttpd mod-fastcgi: ${wire}: REMOTE_USER and AUTH_TYPE say who entered, and the password is not told`, async (t) => {
    const basicAuth = join(room(t), 'htpasswd');
    writeFileSync(basicAuth, `des:{SHA}${createHash('sha1').update('open').digest('base64')}\n`);
    const h = await talkTo(t, wire, (visit) => visit.answer('ok'), { basicAuth });
    assert.equal((await get(h.port, '/app/')).status, 401);
    is(await get(h.port, '/app/', { Authorization: `Basic ${Buffer.from('des:open').toString('base64')}` }), 200, 'ok');
    assert.deepEqual(
      h.peer.visits.map(({ meta }) => ['REMOTE_USER', 'AUTH_TYPE', 'HTTP_AUTHORIZATION'].map((name) => meta.get(name))),
      [['des', 'Basic', undefined]],
    );
  });

  test(`lighttpd mod-fastcgi: ${wire}: a program for the whole site: SCRIPT_NAME is empty, PATH_INFO is the path`, async (t) => {
    const answer = ({ meta, answer }: Visit): void => answer([meta.get('SCRIPT_NAME'), meta.get('PATH_INFO')].join('|'));
    const peer = await peerOf(t, wire, answer);
    const h = await house({ mounts: [{ wire, where: '/', address: peer.address }], public: { 'page.html': 'static' }, connections: 1 });
    t.after(() => h.stop());
    is(await get(h.port, '/'), 200, '|/');
    is(await get(h.port, '/a/b%20c?x'), 200, '|/a/b c');
    is(await get(h.port, '/index.fcgi/'), 200, '|/index.fcgi/');
    assert.equal((await get(h.port, '/cgi-bin/none')).status, 404, 'the scripts have a place of their own');
  });
}

test('lighttpd mod-fastcgi: a program that ends with its answer is asked anew, and nobody sees it', async (t) => {
  const h = await talkTo(t, 'fastcgi', (visit) => {
    visit.answer(`from ${visit.connection}`);
    visit.socket.destroySoon();
  });
  for (let i = 1; i <= 5; i++) {
    is(await get(h.port, '/app/'), 200, `from ${i}`);
    await until(() => h.peer.open === 0, 'the connection to be closed');
  }
});

// --- Caddy ----------------------------------------------------------------------------------------------------------------

/** Of Unicode's letters some change their length with their case, and some become ASCII: a split by case-folded text goes astray. */
const files = [
  'index.php',
  'folder.php/inner.php',
  'folder.php/page.html',
  'ȺȺȺȺshell.php.txt',
  'İ.php',
  'straße.php',
  'K.php',
  'photo.php.jpg',
  'x.ｐｈｐ',
  'x.phﬀ',
  'two.php.php',
];
const splits: [path: string, scriptName: string, pathInfo: string][] = [
  ['/index.php', '/index.php', ''],
  ['/index.php/', '/index.php', '/'],
  ['/index.php/foo/bar', '/index.php', '/foo/bar'],
  ['/index.php/foo.php/bar.php', '/index.php', '/foo.php/bar.php'],
  ['/index.php/ȺȺ.php', '/index.php', '/ȺȺ.php'],
  ['/folder.php/inner.php/x', '/folder.php/inner.php', '/x'],
  ['/two.php.php/two.php', '/two.php.php', '/two.php'],
  ['/İ.php/İ', '/İ.php', '/İ'],
  ['/straße.php/STRASSE', '/straße.php', '/STRASSE'],
  ['/K.php/x', '/K.php', '/x'],
];
const nowhere = [
  '/ȺȺȺȺshell.php.txt.php',
  '/ȺȺȺȺshell.php.txt/x.php',
  '/photo.php.jpg/x.php',
  '/photo.php/x',
  '/i\u0307.php', // İ, folded
  '/strasse.php',
  '/STRASSE.php',
  '/k.php',
  '/\u212a.php', // the Kelvin sign
  '/index.ｐｈｐ',
  '/index.PHP',
  '/index.pHp/x',
  '/folder.php',
  '/folder.php/none.php',
  '/two.php',
  '/.php',
];

test('Caddy TestSplitPos: the script is the first file on the path, by its bytes; the rest is PATH_INFO', async (t) => {
  const peer = await peerOf(t, 'fastcgi', ({ meta, answer }) =>
    answer(['SCRIPT_NAME', 'PATH_INFO', 'SCRIPT_FILENAME'].map((name) => meta.get(name)).join('|')),
  );
  const h = await house({
    mounts: [{ wire: 'fastcgi', where: '.php', address: peer.address }],
    public: Object.fromEntries(files.map((file) => [file, '<?php secret'])),
    connections: 1,
  });
  t.after(() => h.stop());
  for (const [path, scriptName, pathInfo] of splits)
    is(await get(h.port, encodeURI(path)), 200, `${scriptName}|${pathInfo}|${join(h.root, 'public', scriptName)}`);
  const asked = peer.visits.length;
  for (const path of nowhere) {
    const answer = await get(h.port, encodeURI(path));
    assert.ok([301, 308, 403, 404].includes(answer.status), `${path}: ${answer.status} ${answer.text}`);
    assert.doesNotMatch(answer.text, /secret/, path);
  }
  assert.equal(peer.visits.length, asked, 'none of them ran');
  for (const file of ['/ȺȺȺȺshell.php.txt', '/photo.php.jpg', '/folder.php/page.html'])
    is(await get(h.port, encodeURI(file)), 200, '<?php secret');
  // What has another extension is another kind of file; that it is sent is the owner's wish.
  assert.equal((await post(h.port, encodeURI('/x.ｐｈｐ'), 'x')).status, 405);
});
