/**
 * What a trace tells of a wire: how many bytes, what of them is payload, and the bytes themselves; and that explaining what was
 * recorded finds the same as counting it did.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireRecordedBytesMax } from '../../src/limits.js';
import { explain, isPayload } from '../../src/trace/explain.js';
import { bytesOf, wireRecorder } from '../../src/trace/recorder.js';
import type { Exchange } from '../../src/trace/trace.js';
import type { MetaVariables } from '../../src/types.js';
import { fastcgi } from '../../src/wire/fastcgi.js';
import { scgi } from '../../src/wire/scgi.js';
import { uwsgi } from '../../src/wire/uwsgi.js';
import { peerOf, wires } from '../carrier/peers.js';
import { talkTo } from '../carrier/talks.js';
import { sh } from '../support/house.js';
import { get, post } from '../support/wire.js';

/** The last exchange, and both ways of what was recorded of it. */
const kept = (exchange: Exchange) => {
  const { wire } = exchange;
  assert.ok(wire?.recorded, 'it was recorded');
  const sent = explain(wire.name, bytesOf(wire.recorded, 'sent'), 'request');
  const received = explain(wire.name, bytesOf(wire.recorded, 'received'), 'answer');
  return { wire, recorded: wire.recorded, sent, received };
};

for (const name of wires) {
  test(`${name}: what is counted is what is explained`, async (t) => {
    const h = await talkTo(
      t,
      name,
      async (visit) => {
        await visit.body;
        visit.say('Status: 201 Made\r\nContent-Type: text/plain\r\n\r\n');
        visit.complain('oops\n');
        visit.say(Buffer.alloc(9000, 0x61));
        visit.end(3);
      },
      { recordWire: true },
    );
    const body = 'name=Ada&'.repeat(500);
    await post(h.port, '/app/%C3%A9?q', body, { Cookie: 'c=1' });
    await get(h.port, '/app/twice');
    const exchanges = [await h.exchange((e) => e.method === 'POST'), await h.exchange((e) => e.target === '/app/twice')];
    for (const [i, exchange] of exchanges.entries()) {
      const { wire, recorded, sent, received } = kept(exchange);
      assert.equal(wire.name, name);
      assert.deepEqual([sent.bytes.length, received.bytes.length], [wire.sent, wire.received]);
      assert.deepEqual([recorded.sentMore, recorded.receivedMore], [0, 0]);
      assert.deepEqual(sent.weight, { payload: wire.payloadSent, envelope: wire.sent - wire.payloadSent, unread: 0 });
      assert.deepEqual(received.weight, { payload: wire.payloadReceived, envelope: wire.received - wire.payloadReceived, unread: 0 });
      // By hand: variables and body there, stdout and stderr back.
      const visit = h.peer.visits[i]!;
      assert.equal(wire.payloadSent, payloadOf(visit.meta) + (i === 0 ? body.length : 0));
      assert.ok(wire.payloadSent < wire.sent);
      const stdout = 'Status: 201 Made\r\nContent-Type: text/plain\r\n\r\n'.length + 9000;
      assert.equal(wire.payloadReceived, stdout + (name === 'fastcgi' ? 'oops\n'.length : 0));
      // The one who hears it whole.
      assert.deepEqual(
        sent.hearing.heard.map(({ end, bodyBytes }) => [end, bodyBytes]),
        [['whole', i === 0 ? body.length : 0]],
      );
      assert.deepEqual(
        received.hearing.heard.map(({ end, bodyBytes, appStatus }) => [end, bodyBytes, appStatus]),
        [['whole', stdout, name === 'fastcgi' ? 3 : undefined]],
      );
      assert.deepEqual([...sent.hearing.failures, ...received.hearing.failures], []);
      // In order, on the exchange's own clock: it is asked before it answers.
      const times = recorded.pieces.map(({ atMs }) => atMs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
      assert.equal(recorded.pieces[0]!.way, 'sent');
      assert.equal(recorded.pieces.at(-1)!.way, 'received');
      assert.ok(times[0]! >= 0 && times.at(-1)! <= exchange.totalMs);
    }
  });

  test(`${name}: more than the bound is counted and not kept`, async (t) => {
    const h = await talkTo(
      t,
      name,
      async (visit) => {
        await visit.body;
        visit.answer(Buffer.alloc(wireRecordedBytesMax * 2, 0x62));
      },
      { recordWire: true },
    );
    await post(h.port, '/app/', 'a'.repeat(wireRecordedBytesMax * 3));
    const { wire, recorded } = kept(await h.exchange());
    assert.equal(bytesOf(recorded, 'sent').length, wireRecordedBytesMax);
    assert.equal(recorded.sentMore, wire.sent - wireRecordedBytesMax);
    assert.equal(recorded.receivedMore, wire.received - wireRecordedBytesMax);
    assert.ok(wire.payloadSent > wireRecordedBytesMax * 3);
  });

  test(`${name}: nothing is kept unless somebody asks`, async (t) => {
    const h = await talkTo(t, name, (visit) => visit.answer('hello'));
    await get(h.port, '/app/');
    const { wire } = await h.exchange();
    assert.equal(wire?.recorded, undefined);
    assert.ok(wire !== undefined && wire.sent > wire.payloadSent && wire.received >= wire.payloadReceived);
  });
}

for (const name of ['scgi', 'uwsgi'] as const) {
  test(`${name}: an answer in HTTP's form weighs what CGI's would`, async (t) => {
    const h = await talkTo(
      t,
      name,
      (visit) => {
        visit.say('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhi');
        visit.end();
      },
      { recordWire: true },
    );
    await get(h.port, '/app/');
    const { wire, received } = kept(await h.exchange());
    assert.deepEqual(received.weight, { payload: wire.received - 1, envelope: 1, unread: 0 });
    assert.equal(wire.payloadReceived, wire.received - 1);
  });
}

test('no wire, no account: a script, a file, a page, a program that is not there', async (t) => {
  const h = await talkTo(t, 'scgi', (visit) => visit.answer('hello'), {
    recordWire: true,
    scripts: { 'a.cgi': sh('echo Content-Type: text/plain; echo; echo hi') },
    public: { 'b.txt': 'b' },
  });
  for (const path of ['/cgi-bin/a.cgi', '/b.txt', '/nothing']) {
    await get(h.port, path);
    assert.equal((await h.exchange((e) => e.target === path)).wire, undefined, path);
  }
  await h.peer.close();
  await get(h.port, '/app/gone');
  assert.equal((await h.exchange((e) => e.target === '/app/gone')).wire, undefined);
});

test('after a local redirect it is the wire of the program that answered', async (t) => {
  const h = await talkTo(
    t,
    'fastcgi',
    (visit) => {
      if (visit.meta.get('PATH_INFO') === '/one') visit.say('Location: /app/two\n\n');
      else if (visit.meta.get('PATH_INFO') === '/three') visit.say('Location: /cgi-bin/a.cgi\n\n');
      else visit.say('Content-Type: text/plain\n\ntwo');
      visit.end();
    },
    { recordWire: true, scripts: { 'a.cgi': sh('echo Content-Type: text/plain; echo; echo hi') } },
  );
  await get(h.port, '/app/one');
  const { wire, sent, received } = kept(await h.exchange());
  assert.equal(sent.hearing.heard.length, 1);
  assert.equal(sent.hearing.heard[0]!.meta!.get('PATH_INFO'), '/two');
  assert.deepEqual([sent.weight.payload, received.weight.payload], [wire.payloadSent, wire.payloadReceived]);
  await get(h.port, '/app/three');
  assert.equal((await h.exchange((e) => e.target === '/app/three')).wire, undefined);
});

test('an authorizer that refuses: its own wire; one that allows: that of the program behind it', async (t) => {
  const guard = await peerOf(t, 'fastcgi', (visit) => {
    visit.say(visit.meta.get('QUERY_STRING') === 'in' ? 'Status: 200\n\n' : 'Status: 403 No\nContent-Type: text/plain\n\nno');
    visit.end();
  });
  const h = await talkTo(t, 'scgi', (visit) => visit.answer('in'), {
    recordWire: true,
    authorizers: [{ where: '/app', address: guard.address }],
  });
  await get(h.port, '/app/a');
  const refused = kept(await h.exchange());
  assert.equal(refused.wire.name, 'fastcgi');
  assert.deepEqual(refused.sent.weight.payload, refused.wire.payloadSent);
  assert.deepEqual(refused.received.weight.payload, refused.wire.payloadReceived);
  await get(h.port, '/app/a?in');
  const allowed = kept(await h.exchange((e) => e.status === 200));
  assert.equal(allowed.wire.name, 'scgi');
  assert.deepEqual(allowed.sent.weight.payload, allowed.wire.payloadSent);
});

test('pieces are copied, and cut at the bound', () => {
  let ms = 0;
  const recorder = wireRecorder(() => ++ms);
  const piece = Buffer.from('abc');
  recorder.sent(piece);
  piece.fill(0);
  recorder.received(Buffer.alloc(wireRecordedBytesMax - 1, 0x78));
  recorder.received(Buffer.from('yz'));
  recorder.received(Buffer.from('more'));
  const recording = recorder.recording();
  assert.deepEqual(
    recording.pieces.map(({ way, atMs, bytes }) => [way, atMs, bytes.length]),
    [
      ['sent', 1, 3],
      ['received', 2, wireRecordedBytesMax - 1],
      ['received', 3, 1],
    ],
  );
  assert.equal(bytesOf(recording, 'sent').toString(), 'abc');
  assert.deepEqual([recording.sentMore, recording.receivedMore], [0, 5]);
});

test('a word of the wire is envelope: SCGI=1, and a CONTENT_LENGTH that announces nothing', () => {
  const { weight, fields } = explain('scgi', Buffer.from('30:CONTENT_LENGTH\x000\x00SCGI\x001\x00A\x00bcd\x00,', 'latin1'));
  assert.deepEqual(weight, { payload: 4, envelope: 30, unread: 0 });
  assert.equal(fields.filter(isPayload).length, 6);
});

for (const wire of [fastcgi({ role: 'responder', keep: true }), scgi, uwsgi({ modifier1: 0, modifier2: 0 })])
  test(`${wire.name}: of what is asked, names and values are payload, as bytes; the wire's own words are not`, () => {
    const payloadBytes = (variables: Record<string, string>): number | undefined => {
      const asking = wire.ask(new Map(Object.entries(variables)));
      return 'code' in asking ? undefined : asking.payloadBytes;
    };
    assert.equal(payloadBytes({ CONTENT_LENGTH: '0', SCGI: '1', A: 'bcd' }), 4);
    assert.equal(payloadBytes({ CONTENT_LENGTH: '', A: 'bcd' }), 4);
    assert.equal(payloadBytes({ A: 'b', CONTENT_LENGTH: '12', É: 'é' }), 2 + 16 + 4);
    assert.equal(payloadBytes({ HTTP_COOKIE: 'x'.repeat(300) }), 11 + 300);
  });

/** Names and values, as bytes. */
const payloadOf = (meta: MetaVariables): number => {
  let bytes = 0;
  for (const [name, value] of meta) {
    const own = name === 'SCGI' || (name === 'CONTENT_LENGTH' && Number(value) === 0);
    if (!own) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  return bytes;
};
