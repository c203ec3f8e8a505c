/**
 * Conversations with programs that listen, on all three wires: bodies of every size on their way in, answers of every kind on their
 * way out, both at once, and neither faster than the slower side.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/until.js';
import { get, post, requestText, talk, Wire } from '../support/wire.js';
import { documentHead, type Visit, wires } from './peers.js';
import { is, talkTo } from './talks.js';

/** Answers with how much came, by its own count and by CONTENT_LENGTH's. */
const measure = async (visit: Visit): Promise<void> => {
  const body = await visit.body;
  visit.answer(`${visit.meta.get('CONTENT_LENGTH') ?? '-'} ${body.length} ${body.toString('latin1', 0, 8)}`);
};
const chunk = (bytes: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from(`${Buffer.byteLength(bytes).toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')]);
const chunked = (...pieces: (Buffer | string)[]): Buffer =>
  Buffer.concat([
    Buffer.from(requestText('POST', '/app/', { 'Transfer-Encoding': 'chunked' })),
    ...pieces.map(chunk),
    Buffer.from('0\r\n\r\n'),
  ]);
const KIB = 1024;
const MIB = 1024 * KIB;

for (const wire of wires) {
  test(`${wire}: bodies: none, by Content-Length, chunked in memory and in a file`, async (t) => {
    const h = await talkTo(t, wire, measure);
    const none = wire === 'scgi' ? '0' : '-';
    is(await get(h.port, '/app/'), 200, `${none} 0 `);
    is(await post(h.port, '/app/', ''), 200, '0 0 ');
    is(await post(h.port, '/app/', 'a=1&b=22'), 200, '8 8 a=1&b=22');
    is(await post(h.port, '/app/', Buffer.alloc(200 * KIB, 'z')), 200, '204800 204800 zzzzzzzz');
    is(await talk(h.port, chunked('one ', 'two')), 200, '7 7 one two');
    is(await talk(h.port, chunked()), 200, '0 0 ');
    is(await talk(h.port, chunked(...Array.from({ length: 30 }, () => Buffer.alloc(10_001, 'q')))), 200, '300030 300030 qqqqqqqq');
    is(await talk(h.port, chunked(Buffer.alloc(64 * KIB, 'w'), 'x')), 200, '65537 65537 wwwwwwww');
    await h.well();
  });

  test(`${wire}: a body comes byte for byte as it was sent, from memory and from a file`, async (t) => {
    const bodies: Buffer[] = [];
    const h = await talkTo(t, wire, async (visit) => {
      bodies.push(await visit.body);
      visit.answer('ok');
    });
    const bytes = Buffer.from(Uint8Array.from({ length: 150_000 }, (_, i) => (i * 7919) >> 3));
    is(await post(h.port, '/app/', bytes), 200, 'ok');
    is(await talk(h.port, chunked(bytes.subarray(0, 1000), bytes.subarray(1000, 90_000), bytes.subarray(90_000))), 200, 'ok');
    assert.ok(bodies[0]!.equals(bytes), 'flowing');
    assert.ok(bodies[1]!.equals(bytes), 'spooled');
  });

  test(`${wire}: an upload waits for a program that reads slowly, and arrives whole`, async (t) => {
    let visit: Visit | undefined;
    const h = await talkTo(t, wire, (one) => {
      visit = one;
      one.socket.pause();
      void measure(one);
    });
    const upload = Buffer.alloc(24 * MIB, 'u');
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    client.send(requestText('POST', '/app/', { 'Content-Length': String(upload.length) }));
    const all = client.sent(upload);
    await until(() => visit, 'the program to be asked');
    let before = -1;
    await until(async () => {
      const now = client.socket.bytesWritten - client.socket.writableLength;
      const still = now === before;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return still;
    }, 'the upload to stand still');
    assert.ok(visit!.received < MIB, `${visit!.received} bytes received`);
    visit!.socket.resume();
    assert.ok(await all);
    is(await client.finalAnswer(), 200, `${upload.length} ${upload.length} uuuuuuuu`);
    await h.well();
  });

  test(`${wire}: a program may answer before it has read, and read on`, async (t) => {
    const h = await talkTo(t, wire, async (visit) => {
      visit.say(`${documentHead}early `);
      const body = await visit.body;
      visit.say(`late ${body.length}`);
      visit.end();
    });
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    client.send(requestText('POST', '/app/', { 'Content-Length': '100000' }));
    await client.seen('early');
    client.send(Buffer.alloc(100_000, 'x'));
    is(await client.finalAnswer(), 200, 'early late 100000');
    await h.well();
  });

  test(`${wire}: an echo larger than every buffer goes both ways at once`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      visit.say(documentHead);
      let echoed = 0;
      // As it comes, in the order of its coming.
      visit.socket.on('data', () => {
        for (; echoed < visit.pieces.length; echoed++) visit.say(visit.pieces[echoed]!);
      });
      void visit.body.then(() => {
        for (; echoed < visit.pieces.length; echoed++) visit.say(visit.pieces[echoed]!);
        visit.end();
      });
    });
    const answer = await post(h.port, '/app/', Buffer.alloc(3 * MIB, 'e'));
    is(answer, 200);
    assert.equal(answer.body.length, 3 * MIB);
    await h.well();
  });

  test(`${wire}: a program that answers whole without reading its upload is believed`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      visit.socket.pause();
      visit.say(`Status: 413\r\nContent-Length: 9\r\n${documentHead}too large`);
    });
    const answer = await post(h.port, '/app/', Buffer.alloc(2 * MIB));
    is(answer, 413, 'too large');
    h.peer.hangUp();
    await h.well();
  });

  for (const over of ['unix', 'tcp'] as const)
    test(`${wire}: an answer is not lost when the program goes without reading its upload (${over})`, async (t) => {
      const leave = ({ socket, say, end }: Visit): void => {
        socket.pause();
        say(`Status: 401\r\nContent-Length: 5\r\n${documentHead}whole`);
        end();
        socket.destroySoon();
      };
      const h = await talkTo(t, wire, leave, { over });
      for (let i = 0; i < 5; i++) is(await post(h.port, '/app/', Buffer.alloc(2 * MIB)), 401, 'whole');
      await h.well();
    });

  test(`${wire}: a program that never reads and never answers is a 504, by its own clock`, async (t) => {
    const h = await talkTo(t, wire, (visit) => visit.socket.pause(), { stdinTimeoutMs: 200 });
    const answer = await post(h.port, '/app/', Buffer.alloc(8 * MIB));
    assert.equal(answer.status, 504);
    assert.equal((await h.exchange()).failure?.code, 'STDIN_TIMEOUT');
    await h.well();
  });

  test(`${wire}: the first piece is with the client while the program still holds the rest`, async (t) => {
    let visit: Visit | undefined;
    const h = await talkTo(t, wire, (one) => {
      visit = one;
      one.say(`${documentHead}first `);
    });
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    client.send(requestText('GET', '/app/'));
    await client.seen('first ');
    visit!.say('second ');
    await client.seen('second ');
    visit!.end();
    is(await client.finalAnswer(), 200, 'first second ');
    await h.well();
  });

  test(`${wire}: HEAD and 304 have no body, whatever the program says`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      if (visit.meta.get('PATH_INFO') === '/304') visit.say('Status: 304 Not Modified\r\nETag: "a"\r\n\r\nbody');
      else visit.say(`Content-Length: 5\r\n${documentHead}hello`);
      visit.end();
    });
    const head = await talk(h.port, requestText('HEAD', '/app/'), { method: 'HEAD' });
    is(head, 200, '');
    assert.equal(head.get('content-length'), '5');
    const same = await get(h.port, '/app/304');
    is(same, 304, '');
    assert.equal(same.get('etag'), '"a"');
    await h.well();
  });

  test(`${wire}: redirects: to elsewhere by the client, to here by the server`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      const path = visit.meta.get('PATH_INFO');
      if (path === '/away') visit.say('Location: http://elsewhere.example/\r\n\r\n');
      else if (path === '/here') visit.say('Location: /app/there?x=1\r\n\r\n');
      else if (path === '/round') visit.say('Location: /app/round\r\n\r\n');
      else visit.say(`${documentHead}${path} ${visit.meta.get('QUERY_STRING')} ${visit.meta.get('REQUEST_METHOD')}`);
      visit.end();
    });
    const away = await get(h.port, '/app/away');
    assert.equal(away.status, 302);
    assert.equal(away.get('location'), 'http://elsewhere.example/');
    is(await get(h.port, '/app/here'), 200, '/there x=1 GET');
    is(await post(h.port, '/app/here', 'body'), 200, '/there x=1 GET');
    assert.equal((await get(h.port, '/app/round')).status, 502);
    await h.well();
  });

  test(`${wire}: a large answer waits for a slow client, and arrives whole`, async (t) => {
    const bytes = 24 * MIB;
    let said = 0;
    const h = await talkTo(t, wire, (visit) => {
      const more = (): void => {
        while (said < bytes) {
          said += 64 * KIB;
          if (!visit.say(Buffer.alloc(64 * KIB, 'a'))) return void visit.socket.once('drain', more);
        }
        visit.end();
      };
      visit.say(documentHead);
      more();
    });
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    client.pause();
    client.send(requestText('GET', '/app/'));
    let before = -1;
    await until(async () => {
      const still = said > 0 && said === before;
      before = said;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return still;
    }, 'the program to stand still');
    assert.ok(said < bytes, `${said} bytes said`);
    client.resume();
    const answer = await client.finalAnswer();
    is(answer, 200);
    assert.equal(answer.body.length, bytes);
    await h.well();
  });

  test(`${wire}: no Content-Length, then much, then little: every byte once`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      visit.say('Content-Ty');
      visit.say('pe: text/plain\r\n\r');
      visit.say('\n');
      for (const size of [1, 65_535, 65_536, 3, 131_071]) visit.say(Buffer.alloc(size, 'b'));
      visit.end();
    });
    const answer = await get(h.port, '/app/');
    is(answer, 200);
    assert.equal(answer.body.length, 262_146);
    await h.well();
  });
}

for (const wire of ['scgi', 'uwsgi'] as const)
  test(`${wire}: an answer may begin as HTTP's do`, async (t) => {
    const h = await talkTo(t, wire, (visit) => {
      const version = visit.meta.get('PATH_INFO')!.slice(1);
      visit.say(version.slice(0, 3));
      visit.say(`${version.slice(3)} 404 Nothing Here\r\nContent-Type: text/plain\r\n\r\nbody`);
      visit.end();
    });
    for (const version of ['HTTP/1.1', 'HTTP/1.0']) {
      const answer = await get(h.port, `/app/${version}`);
      is(answer, 404, 'body');
      assert.equal(answer.reason, 'Nothing Here');
    }
    await h.well();
  });

test('fastcgi: a chunked body may stream without a length; STDIN has its end', async (t) => {
  const h = await talkTo(t, 'fastcgi', measure, { chunked: 'stream' });
  is(await talk(h.port, chunked('one ', 'two')), 200, '- 7 one two');
  const client = await Wire.open(h.port);
  t.after(() => client.close());
  client.send(requestText('POST', '/app/', { 'Transfer-Encoding': 'chunked' }));
  client.send(chunk('first'));
  await until(() => h.peer.visits[1]?.received === 5, 'the first chunk to be with the program');
  client.send(Buffer.concat([chunk('second'), Buffer.from('0\r\n\r\n')]));
  is(await client.finalAnswer(), 200, '- 11 firstsec');
  await h.well();
});

test('fastcgi: stderr is logged with its request and never sent; appStatus is in the account', async (t) => {
  const h = await talkTo(t, 'fastcgi', (visit) => {
    visit.complain('PHP Notice: first\nsec');
    visit.say(`${documentHead}an`);
    visit.complain('ond\x1b[31m\n');
    visit.say('swer');
    visit.complain('unfinished');
    visit.end(3);
  });
  const answer = await get(h.port, '/app/');
  is(answer, 200, 'answer');
  assert.ok(!answer.raw.includes('PHP Notice'));
  const exchange = await h.exchange();
  assert.deepEqual(
    h.stderr.map(({ id, text }) => [id === exchange.id, text]),
    [
      [true, 'PHP Notice: first'],
      [true, 'second\\x1b[31m'],
      [true, 'unfinished'],
    ],
  );
  assert.equal(exchange.exitCode, 3);
  assert.ok(
    exchange.notes.some((note) => /exit 3/.test(note)),
    JSON.stringify(exchange.notes),
  );
  assert.equal(exchange.failure, undefined);
  await h.well();
});

test('fastcgi: a flood of stderr is counted, not all logged, and the answer comes through', async (t) => {
  const line = `${'e'.repeat(1000)}\n`;
  const h = await talkTo(t, 'fastcgi', (visit) => {
    for (let i = 0; i < 3000; i++) visit.complain(line);
    visit.answer('in spite of all');
  });
  is(await get(h.port, '/app/'), 200, 'in spite of all');
  const exchange = await h.exchange();
  assert.equal(exchange.stderrBytes, 3000 * line.length);
  const logged = h.stderr.reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(logged < 400 * KIB, `${logged} bytes logged`);
  await h.well();
});

test('the account: gateway, phases, no process', async (t) => {
  const h = await talkTo(t, 'fastcgi', (visit) => visit.answer('hello'));
  is(await get(h.port, '/app/x'), 200, 'hello');
  const { gateway, pid, signal, phases, script, bytesOut } = await h.exchange();
  assert.deepEqual(
    { gateway, pid, signal, script, bytesOut },
    { gateway: 'fastcgi', pid: undefined, signal: undefined, script: '/app', bytesOut: 5 },
  );
  for (const phase of ['queue', 'dial', 'wait', 'head', 'body'] as const) assert.ok(phases[phase] !== undefined, phase);
  assert.equal(phases.spawn, undefined);
});
