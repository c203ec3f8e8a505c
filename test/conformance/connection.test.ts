/** RFC 9112 §9 and RFC 9110 §10.1.1: many requests on one connection, the end of it, and `Expect: 100-continue`. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sh } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, get, talk, Wire } from '../support/wire.js';
import { codeOf, expectAlive, ranEvil, smuggled, witnessHouse } from './request.js';

const h = await witnessHouse({
  maxBodyBytes: 1024 * 1024,
  scripts: {
    // Answers when the file named by its query is there: the test decides when.
    gate: sh('f="$(dirname "$0")/../$QUERY_STRING"; while [ ! -e "$f" ]; do sleep 0.02; done; printf "Content-Type: text/plain\\n\\ngate"'),
    // Leaves its pid behind and reads for ever.
    reader: sh('echo $$ > "$(dirname "$0")/../$QUERY_STRING"; cat > /dev/null; printf "Content-Type: text/plain\\n\\nread"'),
    // 300 000 bytes, more than a socket's buffer takes at once.
    big: sh('printf "Content-Type: text/plain\\n\\n"; head -c 300000 /dev/zero | tr "\\0" x'),
    query: sh('printf "Content-Type: text/plain\\n\\n%s" "$QUERY_STRING"'),
  },
});
after(() => h.stop());

const ask = (target: string, ...fields: string[]): string => [`GET ${target} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n');
const give = (target: string, body: string, ...fields: string[]): string =>
  [`POST ${target} HTTP/1.1`, 'Host: localhost', `Content-Length: ${body.length}`, ...fields, '', body].join('\r\n');

async function withWire(use: (wire: Wire) => Promise<void>): Promise<void> {
  const wire = await Wire.open(h.port);
  try {
    await use(wire);
  } finally {
    wire.close();
  }
  await expectAlive(h);
}

// --- pipelining: §9.3.2, answers in the order of the requests ---------------------------------------------------

test('pipelining: a slow answer is not overtaken', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/gate?open1') + ask('/cgi-bin/query?second') + ask('/cgi-bin/query?third'));
    await new Promise((resolve) => setTimeout(resolve, 200)); // time for the others to be tempted
    assert.equal(wire.waiting().length, 0);
    writeFileSync(join(h.root, 'open1'), '');
    assert.equal((await wire.answer()).text, 'gate');
    assert.equal((await wire.answer()).text, 'second');
    assert.equal((await wire.answer()).text, 'third');
  }));

test('pipelining: 100 requests at once', () =>
  withWire(async (wire) => {
    wire.send(Array.from({ length: 100 }, (_, i) => ask(`/cgi-bin/query?${i}`)).join(''));
    for (let i = 0; i < 100; i++) assert.equal((await wire.answer()).text, String(i));
  }));

test('pipelining: POST, GET, HEAD, chunked POST, GET', () =>
  withWire(async (wire) => {
    wire.send(
      give('/cgi-bin/len', 'hello') +
        ask('/cgi-bin/ok') +
        ask('/cgi-bin/ok').replace('GET', 'HEAD') +
        'POST /cgi-bin/len HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' +
        ask('/cgi-bin/query?last'),
    );
    assert.equal((await wire.answer()).text, 'length=5 body=hello');
    assert.equal((await wire.answer()).text, 'ok');
    assert.equal((await wire.answer({ method: 'HEAD' })).status, 200);
    assert.equal((await wire.answer()).text, 'length=3 body=abc');
    assert.equal((await wire.answer()).text, 'last');
  }));

test('pipelining: after a 404, a directory, a bad path and a static miss the connection goes on or closes, never skips', () =>
  withWire(async (wire) => {
    const targets = ['/cgi-bin/none', '/cgi-bin/ok/../../../x', '/nowhere', '/cgi-bin/%zz', '/cgi-bin/query?last'];
    wire.send(targets.map((target) => ask(target)).join(''));
    const statuses: number[] = [];
    let lastAnswer: Answer | undefined;
    for (const _ of targets) {
      lastAnswer = await wire.answer();
      statuses.push(lastAnswer.status);
      if (lastAnswer.get('connection') === 'close') break;
    }
    assert.deepEqual(statuses, [404, 400, 404, 400, 200].slice(0, statuses.length));
    if (statuses.length === 5) assert.equal(lastAnswer?.text, 'last');
  }));

test('pipelining: a 300 000-byte answer, then the next', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/big') + ask('/cgi-bin/query?next'));
    assert.equal((await wire.answer()).body.length, 300_000);
    assert.equal((await wire.answer()).text, 'next');
  }));

/** An answer that says close is the last: what comes behind it is not answered, and not obeyed either. */
async function expectInStep(wire: Wire, first: Answer, target: string): Promise<void> {
  const after = (await wire.rest()).toString('latin1');
  if (/close/i.test(first.get('connection') ?? '')) {
    assert.equal(after, '');
    await expectAlive(h);
    assert.ok(!h.exchanges.some((e) => e.target === target && e.pid !== undefined), 'a request behind the last answer was obeyed');
  } else if (after !== '') {
    assert.match(after, /^HTTP\/1\.1 200 [\s\S]*next/);
  }
  assert.ok(!ranEvil(h), 'a body was taken for requests');
}

for (const size of [5, 5_000, 200_000, 1_000_000]) {
  test(`pipelining: ${size} bytes to a script that never reads, then GET: in step, or closed`, () =>
    withWire(async (wire) => {
      // The unread body is made of requests: whoever loses count runs `evil`.
      const body = smuggled.repeat(Math.ceil(size / smuggled.length)).slice(0, size);
      const next = `/cgi-bin/query?next-${size}`;
      wire.send(give('/cgi-bin/deaf', body) + ask(next, 'Connection: close'));
      const first = await wire.answer();
      assert.equal(first.text, 'deaf');
      await expectInStep(wire, first, next);
    }));
}

for (const [name, target, status] of [
  ['not there', '/cgi-bin/none', 404],
  ['above the root', '/../x', 400],
  ['no script', '/cgi-bin/', 405],
] as const) {
  test(`pipelining: a body for what is ${name} is no request`, () =>
    withWire(async (wire) => {
      const next = `/cgi-bin/query?next-${status}`;
      wire.send(give(target, smuggled) + ask(next, 'Connection: close'));
      const first = await wire.answer();
      assert.equal(first.status, status);
      await expectInStep(wire, first, next);
    }));
}

test('pipelining: nothing is answered after Connection: close', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/ok', 'Connection: close') + smuggled);
    const answer = await wire.answer();
    assert.equal(answer.text, 'ok');
    assert.equal((await wire.rest()).length, 0);
    assert.ok(!ranEvil(h));
  }));

// --- the connection's life: §9.3, §9.6 ------------------------------------------------------------------------------

test('connection: HTTP/1.1 stays, and is closed after a while with nothing on it', () =>
  withWire(async (wire) => {
    for (const i of [1, 2, 3]) {
      wire.send(ask(`/cgi-bin/query?${i}`));
      const answer = await wire.answer();
      assert.equal(answer.text, String(i));
      assert.notEqual(answer.get('connection')?.toLowerCase(), 'close');
    }
    assert.equal(await wire.closed, 'end');
  }));

for (const value of ['close', 'Close', 'CLOSE', 'x, close', 'close, x', 'keep-alive, close']) {
  test(`connection: Connection: ${value}`, () =>
    withWire(async (wire) => {
      wire.send(ask('/cgi-bin/ok', `Connection: ${value}`));
      const answer = await wire.answer();
      assert.equal(answer.text, 'ok');
      assert.match(answer.get('connection') ?? '', /\bclose\b/i);
      assert.equal((await wire.rest()).length, 0);
      assert.equal(await wire.closed, 'end');
    }));
}

test('connection: two Connection fields', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/ok', 'Connection: x', 'Connection: close'));
    assert.equal((await wire.answer()).text, 'ok');
    assert.equal((await wire.rest()).length, 0);
  }));

test('connection: a failure with Connection: close closes', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/none', 'Connection: close'));
    assert.equal((await wire.answer()).status, 404);
    assert.equal(await wire.closed, 'end');
  }));

test('connection: HTTP/1.0 closes, and gets no chunks', () =>
  withWire(async (wire) => {
    wire.send('GET /cgi-bin/big HTTP/1.0\r\n\r\n');
    const answer = await wire.answer();
    assert.equal(answer.chunked, false);
    assert.equal(answer.body.length, 300_000);
    assert.ok(answer.complete);
    assert.equal(await wire.closed, 'end');
  }));

test('connection: HTTP/1.0 with keep-alive: kept with a length, or closed; no chunks', () =>
  withWire(async (wire) => {
    const request = 'GET /cgi-bin/query?a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    wire.send(request);
    const answer = await wire.answer();
    assert.equal(answer.text, 'a');
    assert.equal(answer.chunked, false);
    if (/keep-alive/i.test(answer.get('connection') ?? '')) {
      assert.ok(answer.get('content-length') !== undefined, 'a kept HTTP/1.0 connection without a length');
      wire.send(request);
      assert.equal((await wire.answer()).text, 'a');
    } else {
      assert.equal(await wire.closed, 'end');
    }
  }));

test('connection: HTTP/1.0 POST', () =>
  withWire(async (wire) => {
    wire.send('POST /cgi-bin/len HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello');
    assert.equal((await wire.answer()).text, 'length=5 body=hello');
    assert.equal(await wire.closed, 'end');
  }));

test('connection: Upgrade is not followed', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/ok', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAA'));
    const answer = await wire.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'ok');
  }));

test('connection: Upgrade: h2c is not followed', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/ok', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'));
    assert.equal((await wire.answer()).text, 'ok');
  }));

test('connection: Upgrade with a body', () =>
  withWire(async (wire) => {
    wire.send(give('/cgi-bin/len', 'hello', 'Connection: Upgrade', 'Upgrade: x'));
    assert.equal((await wire.answer()).text, 'length=5 body=hello');
  }));

// --- Expect: 100-continue ----------------------------------------------------------------------------------------------

const expecting = (target: string, length: number, ...more: string[]): string =>
  [`POST ${target} HTTP/1.1`, 'Host: localhost', `Content-Length: ${length}`, 'Expect: 100-continue', ...more, '', ''].join('\r\n');

for (const word of ['100-continue', '100-Continue', '100-CONTINUE']) {
  test(`expect: ${word}: 100, then the body, then the answer`, () =>
    withWire(async (wire) => {
      wire.send(expecting('/cgi-bin/len', 5).replace('100-continue', word));
      const interim = await wire.answer();
      assert.equal(interim.status, 100);
      assert.deepEqual(interim.headers, []);
      wire.send('hello');
      assert.equal((await wire.answer()).text, 'length=5 body=hello');
    }));
}

test('expect: a chunked body', () =>
  withWire(async (wire) => {
    wire.send('POST /cgi-bin/len HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n');
    assert.equal((await wire.answer()).status, 100);
    wire.send('5\r\nhello\r\n0\r\n\r\n');
    assert.equal((await wire.answer()).text, 'length=5 body=hello');
  }));

test('expect: the body came along: one final answer, at most one interim', () =>
  withWire(async (wire) => {
    wire.send(`${expecting('/cgi-bin/len', 5)}hello`);
    let answer = await wire.answer();
    if (answer.status === 100) answer = await wire.answer();
    assert.equal(answer.text, 'length=5 body=hello');
  }));

test('expect: no body, no interim needed', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/ok', 'Expect: 100-continue'));
    assert.equal((await wire.finalAnswer()).text, 'ok');
  }));

test('expect: HTTP/1.0 never gets an interim answer', () =>
  withWire(async (wire) => {
    wire.send(`${expecting('/cgi-bin/len', 5).replace('HTTP/1.1', 'HTTP/1.0')}hello`);
    const answer = await wire.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'length=5 body=hello');
  }));

for (const [name, target, length, status, code] of [
  ['a missing script', '/cgi-bin/none', 500, 404, 'NOT_FOUND'],
  ['too large a body', '/cgi-bin/len', 1024 * 1024 + 1, 413, 'BODY_TOO_LARGE'],
  ['a path above the root', '/../cgi-bin/len', 500, 400, 'PATH_ABOVE_ROOT'],
  ['a broken escape', '/cgi-bin/len/%zz', 500, 400, 'PATH_BAD_ENCODING'],
] as const) {
  test(`expect: ${name}: ${status} and no interim`, () =>
    withWire(async (wire) => {
      wire.send(expecting(target, length));
      const answer = await wire.answer();
      assert.equal(answer.status, status);
      assert.equal(codeOf(answer), code);
      // Now comes the body after all, as some clients do. It looks like requests; it must not be taken for any.
      wire.send(smuggled.repeat(Math.ceil(length / smuggled.length)).slice(0, length));
      wire.end();
      assert.doesNotMatch((await wire.rest()).toString('latin1'), /^HTTP\/1\.1 200/);
      assert.ok(!ranEvil(h), 'a body that was not asked for was taken for a request');
    }));
}

test('expect: 401 and no interim', async (t) => {
  const { writeFileSync: write, mkdtempSync, rmSync } = await import('node:fs');
  const folder = mkdtempSync(join((await import('node:os')).tmpdir(), 'cgi-serve-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  write(join(folder, 'users'), 'u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n'); // u:password
  const locked = await witnessHouse({ basicAuth: join(folder, 'users') });
  t.after(() => locked.stop());
  const wire = await Wire.open(locked.port);
  wire.send(expecting('/cgi-bin/evil', 5));
  const answer = await wire.answer();
  assert.equal(answer.status, 401);
  assert.match(answer.get('www-authenticate') ?? '', /^Basic realm=/i);
  assert.equal(codeOf(answer), 'AUTH_REQUIRED');
  wire.close();
  assert.ok(!locked.exchanges.some((e) => e.pid !== undefined), 'a process was started');
});

test('expect: a script that answers without reading', () =>
  withWire(async (wire) => {
    wire.send(expecting('/cgi-bin/deaf', 100));
    const answer = await wire.finalAnswer();
    assert.equal(answer.text, 'deaf');
    // The body was announced and never sent: what follows must be read as that body, or not at all.
    wire.send(smuggled + smuggled);
    wire.end();
    await wire.rest();
    assert.ok(!ranEvil(h));
  }));

// --- halves --------------------------------------------------------------------------------------------------------------

test('half-closed: FIN after a complete request still gets the answer', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/ok'));
    wire.end();
    assert.equal((await wire.answer()).text, 'ok');
    assert.equal(await wire.closed, 'end');
  }));

test('half-closed: FIN after a complete POST', () =>
  withWire(async (wire) => {
    wire.send(give('/cgi-bin/len', 'hello'));
    wire.end();
    assert.equal((await wire.answer()).text, 'length=5 body=hello');
  }));

test('half-closed: FIN after two pipelined requests', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/query?1') + ask('/cgi-bin/query?2'));
    wire.end();
    assert.equal((await wire.answer()).text, '1');
    assert.equal((await wire.answer()).text, '2');
    assert.equal(await wire.closed, 'end');
  }));

test('half-closed: FIN, and a script that takes half a second', () =>
  withWire(async (wire) => {
    wire.send(ask('/cgi-bin/gate?open2'));
    wire.end();
    await new Promise((resolve) => setTimeout(resolve, 500));
    writeFileSync(join(h.root, 'open2'), '');
    assert.equal((await wire.answer()).text, 'gate');
  }));

test('half-closed: FIN, HTTP/1.0, a big answer', () =>
  withWire(async (wire) => {
    wire.send('GET /cgi-bin/big HTTP/1.0\r\n\r\n');
    wire.end();
    const answer = await wire.answer();
    assert.equal(answer.body.length, 300_000);
    assert.ok(answer.complete);
  }));

// --- the head in pieces -----------------------------------------------------------------------------------------------

test('drip: a head of one byte a packet', () =>
  withWire(async (wire) => {
    for (const byte of Buffer.from(ask('/cgi-bin/query?drip'))) {
      wire.send(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal((await wire.answer()).text, 'drip');
  }));

test('drip: a body of one byte a packet arrives as it is sent', () =>
  withWire(async (wire) => {
    const body = 'abcdefghijklmnopqrstuvwxyz';
    wire.send(expecting('/cgi-bin/len', body.length));
    await wire.answer();
    for (const byte of Buffer.from(body)) {
      wire.send(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal((await wire.answer()).text, `length=26 body=${body}`);
  }));

// --- cut short ------------------------------------------------------------------------------------------------------------

const pidIn = async (name: string): Promise<number> => {
  const file = join(h.root, name);
  return Number(await until(() => existsSync(file) && readFileSync(file, 'utf8').trim(), `the pid in ${name}`));
};
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('cut short: 11 bytes of 1024, then FIN: 400, and the script is ended', () =>
  withWire(async (wire) => {
    wire.send(`${expecting('/cgi-bin/reader?cut1', 1024)}`);
    assert.equal((await wire.answer()).status, 100);
    wire.send('hello world');
    const pid = await pidIn('cut1');
    wire.end();
    const answer = await wire.answer();
    assert.equal(answer.status, 400);
    assert.equal(codeOf(answer), 'BODY_CUT_SHORT');
    await until(() => !alive(pid), 'the script to end');
    const exchange = await h.exchange((e) => e.target.endsWith('?cut1'));
    assert.equal(exchange.failure?.code, 'BODY_CUT_SHORT');
    assert.equal(exchange.status, 400);
  }));

test('cut short: 11 bytes of 1024, then RST: the script is ended', () =>
  withWire(async (wire) => {
    wire.send(`${give('/cgi-bin/reader?cut2', '').replace('Length: 0', 'Length: 1024')}hello world`);
    const pid = await pidIn('cut2');
    wire.reset();
    await until(() => !alive(pid), 'the script to end');
    const exchange = await h.exchange((e) => e.target.endsWith('?cut2'));
    assert.ok(['CLIENT_GONE', 'BODY_CUT_SHORT'].includes(exchange.failure?.code ?? ''), exchange.failure?.code);
  }));

test('cut short: the script had already answered: the answer stands or breaks off, the script is ended', () =>
  withWire(async (wire) => {
    wire.send(`${give('/cgi-bin/echo', '').replace('Length: 0', 'Length: 1024')}hello world`);
    await wire.seen('hello world');
    wire.end();
    const all = (await wire.rest()).toString('latin1');
    assert.match(all, /^HTTP\/1\.1 200 /);
    const exchange = await h.exchange((e) => e.target === '/cgi-bin/echo' && e.failure !== undefined);
    assert.equal(exchange.failure?.code, 'BODY_CUT_SHORT');
    await until(() => !alive(exchange.pid!), 'the script to end');
  }));

test('connection: two at a time, many times over, and the server is as it was', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => get(h.port, `/cgi-bin/query?${i}`)));
  assert.deepEqual(
    answers.map((a) => a.text),
    answers.map((_, i) => String(i)),
  );
  assert.equal((await talk(h.port, ask('/cgi-bin/ok'))).text, 'ok');
  assert.ok(!ranEvil(h));
});
