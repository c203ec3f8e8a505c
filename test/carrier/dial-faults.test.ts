/**
 * Programs that break off, lie, stall, babble and refuse. Before the head the client gets an honest error page; after it a connection
 * that is broken off, never an answer that looks whole. And each time the slot is free again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, post, requestText, Wire } from '../support/wire.js';
import { documentHead, type Visit, type WireName, wires } from './peers.js';
import { is, type Talk, talkTo } from './talks.js';

const codeOf = async (h: Talk): Promise<string | undefined> => (await h.exchange()).failure?.code;

interface Expected {
  readonly status: number;
  /** By wire; wires that are not named have no such case. */
  readonly code: string | Partial<Record<WireName, string>>;
}

/**
 * One fault on each wire. A visit may give what is done once the client has the head: from then on no other status can be said, and
 * the connection must be broken off.
 */
const broken = (name: string, visit: (visit: Visit) => unknown, { status, code }: Expected): void => {
  for (const wire of wires) {
    const expected = typeof code === 'string' ? code : code[wire];
    if (expected === undefined) continue;
    test(`${wire}: ${name}: ${status === 200 ? 'a broken connection' : status}, ${expected}`, async (t) => {
      let then: unknown;
      const act = (one: Visit): void => {
        then = visit(one);
      };
      const h = await talkTo(t, wire, act, { headerTimeoutMs: 1_000, idleTimeoutMs: 1_000 });
      const client = await Wire.open(h.port);
      t.after(() => client.close());
      client.send(requestText('GET', '/app/'));
      if (status === 200) await client.seen('HTTP/1.1 200');
      if (typeof then === 'function') then();
      const answer = await client.finalAnswer();
      assert.equal(answer.status, status, answer.raw.toString('latin1').slice(0, 300));
      assert.equal(answer.complete, status !== 200, 'complete');
      assert.equal(await codeOf(h), expected);
      await h.well();
      await h.well();
    });
  }
};

const everywhere = (code: string) => ({ fastcgi: code, scgi: code, uwsgi: code });

broken('closes before a byte', ({ socket }) => socket.destroy(), { status: 502, code: 'WIRE_TRUNCATED' });
broken(
  'closes in the head',
  ({ say, socket }) => {
    say('Content-Type: text/pl');
    socket.destroySoon();
  },
  { status: 502, code: { ...everywhere('REPLY_NO_BLANK_LINE'), fastcgi: 'WIRE_TRUNCATED' } },
);
broken(
  'closes in a body of known length',
  ({ say, socket }) => {
    say(`Content-Length: 10\r\n${documentHead}12345`);
    return () => socket.destroySoon();
  },
  { status: 200, code: { ...everywhere('REPLY_SHORT'), fastcgi: 'WIRE_TRUNCATED' } },
);
broken(
  'ends as if all was said, and fewer than Content-Length were',
  ({ say, end }) => {
    say(`Content-Length: 10\r\n${documentHead}12345`);
    return end;
  },
  { status: 200, code: everywhere('REPLY_SHORT') },
);
broken(
  'closes before END_REQUEST',
  ({ say, socket }) => {
    say(`${documentHead}perhaps all`);
    return () => socket.destroySoon();
  },
  { status: 200, code: { fastcgi: 'WIRE_TRUNCATED' } },
);
broken('says nothing for longer than the head may take', () => {}, { status: 504, code: 'REPLY_HEAD_TIMEOUT' });
broken('falls silent in the body', ({ say }) => void say(`${documentHead}and then`), { status: 200, code: 'REPLY_IDLE_TIMEOUT' });
broken('ends without a word', ({ end }) => end(), { status: 502, code: { ...everywhere('WIRE_TRUNCATED'), fastcgi: 'REPLY_EMPTY' } });
broken(
  'prints what is no header',
  ({ say, end }) => {
    say('Traceback (most recent call last):\n');
    end();
  },
  { status: 502, code: everywhere('REPLY_NOT_A_HEADER') },
);
broken(
  'sends a Transfer-Encoding of its own',
  ({ say, end }) => {
    say(`Transfer-Encoding: chunked\r\n${documentHead}2\r\nok\r\n0\r\n\r\n`);
    end();
  },
  { status: 502, code: everywhere('REPLY_TRANSFER_ENCODING') },
);
broken(
  'has two lengths',
  ({ say, end }) => {
    say(`Content-Length: 2\r\nContent-Length: 3\r\n${documentHead}abc`);
    end();
  },
  { status: 502, code: everywhere('REPLY_DUPLICATE_FIELD') },
);
broken(
  'has a head without end',
  ({ say }) => {
    for (let i = 0; i < 150; i++) say(`X-${i}: ${'h'.repeat(1000)}\r\n`);
  },
  { status: 502, code: everywhere('REPLY_HEAD_TOO_LARGE') },
);

// --- FastCGI's own ------------------------------------------------------------------------------------------------------

broken('speaks HTTP', ({ socket }) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), {
  status: 502,
  code: { fastcgi: 'WIRE_BROKEN' },
});
broken(
  'speaks garbage in the body',
  ({ say, socket }) => {
    say(`${documentHead}so far so good`);
    return () => socket.write(Buffer.alloc(64, 0xee));
  },
  { status: 200, code: { fastcgi: 'WIRE_BROKEN' } },
);
broken(
  'answers a request nobody made',
  ({ socket }) => {
    const text = `${documentHead}for somebody else`;
    const record = (type: number, content: Buffer) =>
      Buffer.concat([Buffer.from([1, type, 0x12, 0x34, content.length >> 8, content.length & 255, 0, 0]), content]);
    socket.write(Buffer.concat([record(6, Buffer.from(text)), record(3, Buffer.alloc(8))]));
  },
  { status: 504, code: { fastcgi: 'REPLY_HEAD_TIMEOUT' } },
);
broken('cuts a record in its header', ({ socket }) => void socket.end(Buffer.from([1, 6, 0])), {
  status: 502,
  code: { fastcgi: 'WIRE_TRUNCATED' },
});
broken(
  'cuts a record in its content',
  ({ socket }) => void socket.end(Buffer.concat([Buffer.from([1, 6, 0, 1, 0xff, 0xff, 0, 0]), Buffer.from(documentHead)])),
  { status: 502, code: { fastcgi: 'WIRE_TRUNCATED' } },
);
broken('is overloaded', ({ refuse }) => refuse(2), { status: 503, code: { fastcgi: 'WIRE_OVERLOADED' } });
broken('cannot multiplex', ({ refuse }) => refuse(1), { status: 502, code: { fastcgi: 'WIRE_CANT_MULTIPLEX' } });
broken('knows no such role', ({ refuse }) => refuse(3), { status: 502, code: { fastcgi: 'WIRE_UNKNOWN_ROLE' } });
broken('ends with a status that does not exist', ({ refuse }) => refuse(77), { status: 502, code: { fastcgi: 'WIRE_BROKEN' } });

test('fastcgi: an answer whole by its own length is whole, though END_REQUEST never comes; a note says so', async (t) => {
  const h = await talkTo(t, 'fastcgi', ({ say, socket }) => {
    say(`Content-Length: 5\r\n${documentHead}whole`);
    socket.destroySoon();
  });
  is(await get(h.port, '/app/'), 200, 'whole');
  const { notes, failure } = await h.exchange();
  assert.equal(failure, undefined);
  assert.match(notes.join(), /WIRE_TRUNCATED/);
  await h.well();
});

test('fastcgi: an overloaded program is asked again later: Retry-After', async (t) => {
  const h = await talkTo(t, 'fastcgi', ({ refuse }) => refuse(2));
  assert.match((await get(h.port, '/app/')).get('retry-after') ?? '', /^\d+$/);
});

for (const wire of wires) {
  test(`${wire}: more bytes than Content-Length are cut, and noted`, async (t) => {
    const h = await talkTo(t, wire, ({ say, end }) => {
      say(`Content-Length: 5\r\n${documentHead}12345HTTP/1.1 200 smuggled`);
      end();
    });
    is(await get(h.port, '/app/'), 200, '12345');
    const { notes } = await h.exchange();
    assert.ok(
      notes.some((note) => /cut at Content-Length 5/.test(note)),
      JSON.stringify(notes),
    );
    await h.well();
  });

  test(`${wire}: a reset in the middle of an answer is a broken connection`, async (t) => {
    const h = await talkTo(
      t,
      wire,
      ({ say, socket }) => {
        say(`Content-Length: 100\r\n${documentHead}part`);
        setTimeout(() => socket.resetAndDestroy(), 50);
      },
      { over: 'tcp' },
    );
    const answer = await get(h.port, '/app/');
    assert.equal(answer.status, 200);
    assert.equal(answer.complete, false);
    assert.equal(await codeOf(h), 'WIRE_TRUNCATED');
    await h.well();
  });

  test(`${wire}: a reset in the middle of an answer without a length is a broken connection too`, async (t) => {
    let visit: Visit | undefined;
    const part = (one: Visit): void => {
      visit = one;
      one.say(`${documentHead}part`);
    };
    const h = await talkTo(t, wire, part, { over: 'tcp' });
    const client = await Wire.open(h.port);
    t.after(() => client.close());
    client.send(requestText('GET', '/app/'));
    await client.seen('part');
    visit!.socket.resetAndDestroy();
    const answer = await client.finalAnswer();
    assert.equal(answer.complete, false);
    assert.equal(await codeOf(h), 'WIRE_TRUNCATED');
    await h.well();
  });

  test(`${wire}: a reset before the answer is a 502`, async (t) => {
    const h = await talkTo(t, wire, ({ socket }) => void socket.resetAndDestroy(), { over: 'tcp' });
    is(await get(h.port, '/app/'), 502);
    assert.equal(await codeOf(h), 'WIRE_TRUNCATED');
    await h.well();
  });

  test(`${wire}: a program that goes in the middle of an upload is a 502`, async (t) => {
    const h = await talkTo(t, wire, ({ socket }) => socket.destroy());
    const answer = await post(h.port, '/app/', Buffer.alloc(4 * 1024 * 1024));
    assert.equal(answer.status, 502);
    assert.equal(await codeOf(h), 'WIRE_TRUNCATED');
    await h.well();
  });
}
