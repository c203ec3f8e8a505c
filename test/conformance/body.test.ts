/**
 * The request's body on its way to the script (RFC 3875 §4.2, RFC 9112 §6 and §7, RFC 9110 §10.1.1): every byte and no more,
 * both directions at once, slow readers and scripts that never look, chunked uploads in all three ways, clients that stop
 * half-way, and what is left behind: nothing.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lingerMs } from '../../src/limits.js';
import { startCli } from '../support/cli.js';
import { type House, type HouseOptions, house, node, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { type Answer, post, requestText, talk, Wire } from '../support/wire.js';
import { alive, chunk, chunked, count, echo, lastChunk, lines, says } from './programs.js';

const KIB = 1024;
const MIB = 1024 * KIB;

async function home(t: TestContext, options: HouseOptions): Promise<House> {
  const h = await house({ publicDir: false, ...options });
  t.after(() => h.stop());
  return h;
}

async function open(t: TestContext, port: number): Promise<Wire> {
  const wire = await Wire.open(port);
  t.after(() => wire.close());
  return wire;
}

const head = (target: string, ...fields: string[]): Buffer => lines(`POST ${target} HTTP/1.1`, 'Host: localhost', ...fields);
const isChunked = 'Transfer-Encoding: chunked';
const expects = 'Expect: 100-continue';

const postChunked = (port: number, target: string, body: Buffer, pieceBytes?: number): Promise<Answer> =>
  talk(port, Buffer.concat([head(target, isChunked, 'Connection: close'), chunked(body, pieceBytes)]));

/** A long buffer compared without a long message. */
function same(got: Buffer, wanted: Buffer): void {
  assert.equal(got.length, wanted.length);
  assert.ok(got.equals(wanted), 'the bytes differ');
}

/** Answers each line as it comes. */
const talkative = `printf 'Content-Type: text/plain\\n\\n'; while read -r line; do echo "heard $line"; done; echo end`;

/** Waits for its input to end, then runs on until it is killed: it prints nothing. */
const deaf = sh('cat > /dev/null\nexec sleep 600');

// --- every byte -------------------------------------------------------------------------------------------------

const sizes = [0, 1, 10, 99, 255, 256, 257, 258, 1024, 65_535, 65_536, 65_537, MIB];

test('body: POST brings every byte, and the end after them', async (t) => {
  const h = await home(t, { scripts: { echo, count } });
  for (const size of sizes) {
    await t.test(`${size} bytes`, async () => {
      const body = randomBytes(size);
      const answer = await post(h.port, '/cgi-bin/echo', body);
      assert.equal(answer.get('x-length'), String(size));
      same(answer.body, body);
      const counted = await post(h.port, '/cgi-bin/count', body);
      assert.equal(counted.text, String(size));
    });
  }
  await t.test('bytes of every value, line ends of every kind', async () => {
    const body = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from('\r\n\n\r\r\n\0\x04\x1a')]);
    same((await post(h.port, '/cgi-bin/echo', body)).body, body);
  });
  await t.test('one byte at a time', async (t) => {
    const wire = await open(t, h.port);
    wire.send(head('/cgi-bin/echo', 'Content-Length: 26', 'Connection: close'));
    for (const byte of 'abcdefghijklmnopqrstuvwxyz') {
      await wire.sent(byte);
      await sleep(1); // so that they travel apart; nothing depends on it
    }
    assert.equal((await wire.answer()).text, 'abcdefghijklmnopqrstuvwxyz');
  });
  await t.test('two requests on one connection: each has its own bytes', async (t) => {
    const wire = await open(t, h.port);
    const piece = (body: string) => Buffer.concat([head('/cgi-bin/echo', `Content-Length: ${body.length}`), Buffer.from(body)]);
    wire.send(Buffer.concat([piece('first'), piece('the second'), head('/cgi-bin/echo', isChunked), chunked('third', 2)]));
    for (const body of ['first', 'the second', 'third']) assert.equal((await wire.answer()).text, body);
  });
});

const bodiless: [why: string, head: Buffer][] = [
  ['GET', lines('GET /cgi-bin/count HTTP/1.1', 'Host: localhost')],
  ['GET, HTTP/1.0', lines('GET /cgi-bin/count HTTP/1.0')],
  ['POST without a length', head('/cgi-bin/count')],
  ['POST with length 0', head('/cgi-bin/count', 'Content-Length: 0')],
  ['POST, HTTP/1.0, without a length', lines('POST /cgi-bin/count HTTP/1.0')],
  ['POST, chunked, empty', Buffer.concat([head('/cgi-bin/count', isChunked), lastChunk])],
  ['DELETE', lines('DELETE /cgi-bin/count HTTP/1.1', 'Host: localhost')],
];

test('body: none, and stdin is open, readable and at its end', async (t) => {
  const script = sh('if : <&0; then bytes=$(wc -c); fi\nprintf "Content-Type: text/plain\\n\\n%s" $((bytes))');
  const h = await home(t, { scripts: { count: script } });
  for (const [why, request] of bodiless) {
    // The connection stays open: the end comes from the server's knowledge, not from ours.
    await t.test(why, async () => assert.equal((await talk(h.port, request)).text, '0'));
  }
});

test('body: other methods have bodies too', async (t) => {
  const h = await home(t, { scripts: { echo } });
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    await t.test(method, async () => {
      const answer = await talk(h.port, `${requestText(method, '/cgi-bin/echo', { 'Content-Length': '5' })}hello`, { method });
      assert.equal(answer.get('x-length'), '5');
      assert.equal(answer.text, 'hello');
    });
  }
});

// --- chunked: §4.2, three ways ----------------------------------------------------------------------------------

test('body: chunked, spooled: an exact length and every byte', async (t) => {
  const h = await home(t, { scripts: { echo, count } });
  const rows: [size: number, pieceBytes: number][] = [
    [0, 1],
    [1, 1],
    [300, 1],
    [1000, 16],
    [65_535, 4096],
    [65_536, 65_536],
    [65_537, 1000],
    [200_000, 70_000],
    [MIB, 8192],
    [5 * MIB, 65_536],
  ];
  for (const [size, pieceBytes] of rows) {
    await t.test(`${size} bytes in pieces of ${pieceBytes}`, async () => {
      const body = randomBytes(size);
      const answer = await postChunked(h.port, '/cgi-bin/echo', body, pieceBytes);
      assert.match(answer.get('x-length') ?? '', size === 0 ? /^(0|none)$/ : new RegExp(`^${size}$`));
      same(answer.body, body);
    });
  }
  const spelt: [why: string, bytes: string, body: string][] = [
    [
      'hexadecimal of both cases',
      'a\r\n0123456789\r\nA\r\n0123456789\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n',
      '01234567890123456789abcdefghijklmnopqrstuvwxyz',
    ],
    ['zeros in front', '0005\r\nhello\r\n000\r\n\r\n', 'hello'],
    ['extensions', '5;x=y\r\nhello\r\n0;last="yes"\r\n\r\n', 'hello'],
    ['an allowed trailer, which is not passed on', '5\r\nhello\r\n0\r\nTest-Trailer: ignored\r\n\r\n', 'hello'],
  ];
  for (const [why, bytes, body] of spelt) {
    await t.test(why, async () => {
      const answer = await talk(h.port, Buffer.concat([head('/cgi-bin/echo', isChunked, 'Connection: close'), Buffer.from(bytes)]));
      assert.equal(answer.text, body);
      assert.equal(answer.get('x-length'), String(body.length));
    });
  }
  await t.test('a trailer leaves no variable, and the next request is whole', async (t) => {
    const h = await home(t, { scripts: { trailer: sh(`printf 'Content-Type: text/plain\\n\\n[%s]' "$HTTP_TEST_TRAILER"; cat`) } });
    const wire = await open(t, h.port);
    const request = Buffer.concat([
      head('/cgi-bin/trailer', isChunked, 'Trailer: Test-Trailer'),
      Buffer.from('2\r\nhi\r\n0\r\nTest-Trailer: x\r\n\r\n'),
    ]);
    wire.send(Buffer.concat([request, request]));
    for (let i = 0; i < 2; i++) assert.equal((await wire.answer()).text, '[]hi');
  });
  await t.test('the script is not started before the upload is in', async (t) => {
    const wire = await open(t, h.port);
    await wire.sent(Buffer.concat([head('/cgi-bin/count/late', isChunked), chunk('a'.repeat(1000))]));
    // Another request's whole life passes meanwhile.
    assert.equal((await post(h.port, '/cgi-bin/count', 'x')).text, '1');
    wire.send(Buffer.concat([chunk('b'), lastChunk]));
    const answer = await wire.answer();
    assert.equal(answer.get('x-length'), '1001');
    assert.equal(answer.text, '1001');
  });
});

test('body: chunked, streamed: no length, and the end is the end of input', async (t) => {
  const h = await home(t, { chunked: 'stream', scripts: { echo, count, lines: sh(talkative) } });
  for (const size of [0, 1, 65_537, MIB]) {
    await t.test(`${size} bytes`, async () => {
      const body = randomBytes(size);
      const answer = await postChunked(h.port, '/cgi-bin/echo', body);
      assert.match(answer.get('x-length') ?? '', size === 0 ? /^(0|none)$/ : /^none$/);
      same(answer.body, body);
    });
  }
  await t.test('a known length is still told', async () => {
    assert.equal((await post(h.port, '/cgi-bin/echo', 'hello')).get('x-length'), '5');
  });
  await t.test('each piece arrives when it is sent', async (t) => {
    const wire = await open(t, h.port);
    wire.send(head('/cgi-bin/lines', isChunked));
    for (const word of ['one', 'two', 'three']) {
      wire.send(chunk(`${word}\n`));
      await wire.seen(`heard ${word}`);
    }
    wire.send(lastChunk);
    const answer = await wire.answer();
    assert.ok(answer.complete);
    assert.equal(answer.text, 'heard one\nheard two\nheard three\nend\n');
  });
});

test('body: chunked, refused', async (t) => {
  const h = await home(t, { chunked: 'reject', scripts: { echo } });
  await t.test('411, no script, no 100', async (t) => {
    const wire = await open(t, h.port);
    wire.send(head('/cgi-bin/echo/chunked', isChunked, expects));
    assert.equal((await wire.answer()).status, 411);
    const exchange = await h.exchange((e) => e.target === '/cgi-bin/echo/chunked');
    assert.equal(exchange.pid, undefined);
    assert.equal(exchange.failure?.code, 'BODY_LENGTH_REQUIRED');
  });
  await t.test('411 when the body comes along', async () => {
    assert.equal((await postChunked(h.port, '/cgi-bin/echo', Buffer.from('hello'))).status, 411);
  });
  await t.test('a known length is welcome', async () => assert.equal((await post(h.port, '/cgi-bin/echo', 'hello')).text, 'hello'));
});

test('body: twenty chunked uploads at once, pieces interleaved, ended in any order', async (t) => {
  const dice = seeded(7);
  for (const mode of ['spool', 'stream'] as const) {
    await t.test(mode, async (t) => {
      const h = await home(t, { chunked: mode, scripts: { echo } });
      const uploads = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const wire = await open(t, h.port);
          wire.send(head(`/cgi-bin/echo/${i}`, isChunked, 'Connection: close'));
          return { wire, left: 5 + dice(20), sent: [] as Buffer[] };
        }),
      );
      const unfinished = [...uploads];
      while (unfinished.length > 0) {
        const upload = unfinished[dice(unfinished.length)]!;
        if (upload.left-- === 0) {
          upload.wire.send(lastChunk);
          unfinished.splice(unfinished.indexOf(upload), 1);
          continue;
        }
        const piece = randomBytes(1 + dice(9000));
        upload.sent.push(piece);
        await upload.wire.sent(chunk(piece));
      }
      for (const { wire, sent } of uploads) {
        const answer = await wire.answer();
        const body = Buffer.concat(sent);
        assert.ok(answer.complete);
        assert.equal(answer.get('x-length'), mode === 'spool' ? String(body.length) : 'none');
        same(answer.body, body);
      }
      await until(() => h.exchanges.length === 20, 'twenty exchanges');
      for (const { pid } of h.exchanges) assert.ok(pid !== undefined && !alive(pid), 'no process is left over');
    });
  }
});

// --- nothing is left behind, and a full disk is no disaster ---------------------------------------------------------

test('body: spooled files are gone afterwards', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'cgi-serve-spool-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [dir, temp] = [join(root, 'cgi-bin'), join(root, 'tmp')];
  for (const folder of [dir, temp]) mkdirSync(folder);
  for (const [name, script] of Object.entries({ echo, count, blind: says('blind'), silent: sh('exit 3') })) {
    writeFileSync(join(dir, name), script, { mode: 0o755 });
  }
  const cli = await startCli([dir, '--port', '0', '--host', '127.0.0.1', '--no-lab'], { cwd: root, env: { TMPDIR: temp } });
  t.after(() => cli.stop());
  const empty = () => until(() => readdirSync(temp).length === 0, `${temp} to be empty: ${readdirSync(temp)}`);
  const body = randomBytes(MIB);

  for (const [script, status] of [
    ['echo', 200],
    ['count', 200],
    ['blind', 200],
    ['silent', 502],
    ['missing', 404],
  ] as const) {
    await t.test(`after ${script}, ${status}`, async () => {
      assert.equal((await postChunked(cli.port, `/cgi-bin/${script}`, body)).status, status);
      await empty();
    });
  }
  await t.test('after a client that breaks off', async () => {
    const wire = await Wire.open(cli.port);
    await wire.sent(Buffer.concat([head('/cgi-bin/echo', isChunked), chunk(body)]));
    wire.reset();
    await empty();
  });
  await t.test('after one that stops half-way', async (t) => {
    const wire = await open(t, cli.port);
    await wire.sent(Buffer.concat([head('/cgi-bin/echo', isChunked), chunk(body)]));
    wire.end();
    assert.equal((await wire.answer()).status, 400);
    await empty();
  });
  await t.test('after a shutdown', async (t) => {
    const wire = await open(t, cli.port);
    await wire.sent(Buffer.concat([head('/cgi-bin/echo', isChunked), chunk(body)]));
    await cli.stop();
    await empty();
  });
});

test('body: no room to spool is 500, and the server lives', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'cgi-serve-spool-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'cgi-bin'));
  writeFileSync(join(root, 'cgi-bin/count'), count, { mode: 0o755 });
  const cli = await startCli(['cgi-bin', '--port', '0', '--host', '127.0.0.1'], { cwd: root, env: { TMPDIR: join(root, 'missing') } });
  t.after(() => cli.stop());
  const body = randomBytes(MIB);
  for (let turn = 0; turn < 3; turn++) {
    const answer = await postChunked(cli.port, '/cgi-bin/count', body);
    assert.equal(answer.status, 500);
    assert.ok(answer.text.includes('SPOOL_FAILED'), answer.text.slice(0, 300));
  }
  assert.equal((await postChunked(cli.port, '/cgi-bin/count', Buffer.from('small'))).text, '5', 'what fits in memory needs no file');
  assert.equal((await post(cli.port, '/cgi-bin/count', body)).text, String(MIB), 'nor does a known length');
  assert.equal((await talk(cli.port, lines('GET /cgi-bin/count HTTP/1.0'))).text, '0');
});

// --- how much ---------------------------------------------------------------------------------------------------

test('body: the limit', async (t) => {
  const marker = 'started';
  const scripts = { echo, mark: sh(`: > ${marker}\ncat > /dev/null\nprintf 'Content-Type: text/plain\\n\\nran'`) };
  for (const mode of ['spool', 'stream'] as const) {
    const h = await home(t, { maxBodyBytes: 100_000, chunked: mode, scripts });
    const started = () => existsSync(join(h.dir, marker));
    const limit = randomBytes(100_000);

    await t.test(`${mode}: exactly the limit`, async () => {
      same((await post(h.port, '/cgi-bin/echo', limit)).body, limit);
      same((await postChunked(h.port, '/cgi-bin/echo', limit)).body, limit);
    });
    await t.test(`${mode}: 413 by Content-Length, before a byte of it came and before the script`, async (t) => {
      const wire = await open(t, h.port);
      wire.send(head('/cgi-bin/mark/a', 'Content-Length: 100001'));
      assert.equal((await wire.answer()).status, 413);
      wire.close(); // the server would wait a while for the rest
      const exchange = await h.exchange((e) => e.target === '/cgi-bin/mark/a');
      assert.equal(exchange.pid, undefined);
      assert.equal(exchange.failure?.code, 'BODY_TOO_LARGE');
      assert.ok(!started());
    });
    await t.test(`${mode}: 413 without a 100 Continue`, async (t) => {
      const wire = await open(t, h.port);
      wire.send(head('/cgi-bin/mark', 'Content-Length: 100001', expects));
      assert.equal((await wire.answer()).status, 413);
      assert.ok(!started());
    });
    await t.test(`${mode}: 413 for a length beyond all numbers`, async (t) => {
      const wire = await open(t, h.port);
      wire.send(head('/cgi-bin/mark', 'Content-Length: 9007199254740993'));
      assert.ok([400, 413].includes((await wire.answer()).status));
      assert.ok(!started());
    });
    await t.test(`${mode}: 413 reaches a client that sends all of it first`, async () => {
      assert.equal((await post(h.port, '/cgi-bin/mark', randomBytes(200_000))).status, 413);
    });
    await t.test(`${mode}: chunked, over the limit on the way`, async (t) => {
      const wire = await open(t, h.port);
      wire.send(head('/cgi-bin/mark/chunked', isChunked));
      wire.send(chunk(randomBytes(60_000)));
      wire.send(chunk(randomBytes(60_000)));
      assert.equal((await wire.answer()).status, 413);
      wire.close(); // the server would wait a while for the rest
      const exchange = await h.exchange((e) => e.target === '/cgi-bin/mark/chunked');
      assert.equal(exchange.failure?.code, 'BODY_TOO_LARGE');
      if (mode === 'spool') assert.equal(exchange.pid, undefined);
      else assert.ok(exchange.pid === undefined || !alive(exchange.pid), 'the script is gone');
    });
    await t.test(`${mode}: the server goes on`, async () => assert.equal((await post(h.port, '/cgi-bin/echo', 'ok')).text, 'ok'));
  }
});

// --- both directions at once --------------------------------------------------------------------------------------

test('body: full duplex: the answer runs while the upload does', async (t) => {
  const h = await home(t, { scripts: { lines: sh(talkative), echo } });
  await t.test('line by line', async (t) => {
    const wire = await open(t, h.port);
    wire.send(head('/cgi-bin/lines', 'Content-Length: 14'));
    wire.send('one\n');
    await wire.seen('heard one');
    wire.send('two\n');
    await wire.seen('heard two');
    wire.send('three\n');
    const answer = await wire.answer();
    assert.ok(answer.complete);
    assert.equal(answer.text, 'heard one\nheard two\nheard three\nend\n');
  });
  await t.test('16 MiB both ways: neither waits for the other', async (t) => {
    const wire = await open(t, h.port);
    const size = 16 * MIB;
    const [up, down] = [createHash('sha1'), createHash('sha1')];
    wire.send(head('/cgi-bin/echo', `Content-Length: ${size}`, 'Connection: close'));
    const sending = (async () => {
      for (let at = 0; at < size; at += 256 * KIB) {
        const piece = randomBytes(256 * KIB);
        up.update(piece);
        if (!(await wire.sent(piece))) return;
      }
    })();
    const answer = await wire.answer({ timeoutMs: 120_000 });
    await sending;
    assert.equal(answer.body.length, size);
    assert.equal(down.update(answer.body).digest('hex'), up.digest('hex'));
  });
});

test('body: a script that does not read it', async (t) => {
  const h = await home(t, {
    scripts: {
      blind: says('answered'),
      closes: sh(`exec 0<&-\nprintf 'Content-Type: text/plain\\n\\nanswered'`),
      partly: sh(`printf 'Content-Type: text/plain\\n\\n'; dd bs=1 count=5 2>/dev/null`),
      lingers: node(`process.stdin.destroy(); process.stdout.write('Content-Type: text/plain\\n\\nanswered'); setTimeout(() => {}, 300)`),
    },
  });
  const body = Buffer.concat([Buffer.from('hello'), Buffer.alloc(5 * MIB - 5)]);
  for (const [script, words] of [
    ['blind', 'answered'],
    ['closes', 'answered'],
    ['partly', 'hello'],
    ['lingers', 'answered'],
  ] as const) {
    for (const [how, ask] of [
      ['5 MiB', () => post(h.port, `/cgi-bin/${script}`, body)],
      ['5 MiB, chunked', () => postChunked(h.port, `/cgi-bin/${script}`, body, 65_536)],
    ] as const) {
      await t.test(`${script}, ${how}`, async () => {
        const answer = await ask();
        assert.equal(answer.status, 200, answer.text.slice(0, 300));
        assert.equal(answer.text, words);
        assert.ok(answer.complete);
      });
    }
  }
  for (const [why, request] of [
    ['POST', head('/cgi-bin/blind', `Content-Length: ${5 * MIB}`)],
    ['POST, HTTP/1.0', lines('POST /cgi-bin/blind HTTP/1.0', `Content-Length: ${5 * MIB}`)],
    ['HEAD', lines('HEAD /cgi-bin/blind HTTP/1.1', 'Host: localhost', 'Content-Length: 5')],
    ['POST, a piece of it', Buffer.concat([head('/cgi-bin/blind', `Content-Length: ${5 * MIB}`), Buffer.from('hello')])],
  ] as const) {
    await t.test(`${why}: the answer is whole at once, though the body was not sent`, async (t) => {
      // One of three within the time the server lingers: a machine that is busy for all of them is hard to think of.
      const took: number[] = [];
      while (took.length < 3) {
        const from = performance.now();
        const wire = await open(t, h.port);
        wire.send(request);
        const answer = await wire.answer({ method: why === 'HEAD' ? 'HEAD' : 'POST' });
        assert.deepEqual([answer.status, answer.text, answer.complete], [200, why === 'HEAD' ? '' : 'answered', true]);
        took.push(performance.now() - from);
        if (took.at(-1)! < lingerMs / 2) return;
      }
      assert.fail(`the end of the answer came after ${took.map(Math.round).join(', ')} ms`);
    });
  }
  await t.test('what was not read is not taken for the next request', async (t) => {
    const wire = await open(t, h.port);
    const smuggled = lines('GET /cgi-bin/smuggled HTTP/1.1', 'Host: localhost');
    wire.send(Buffer.concat([head('/cgi-bin/blind', `Content-Length: ${smuggled.length}`), smuggled, lines('GET /cgi-bin/next HTTP/1.0')]));
    assert.equal((await wire.answer()).text, 'answered');
    await wire.rest();
    assert.deepEqual(
      h.exchanges.filter((e) => e.target.includes('smuggled')),
      [],
    );
  });
});

test('body: back-pressure: a script that takes its time does not make the server hold the upload', async (t) => {
  const size = 64 * MIB;
  const fits = 24 * MIB; // socket buffers of both ends (the kernel's own bounds), a pipe, and what a stream holds
  for (const mode of ['by length', 'chunked, streamed'] as const) {
    await t.test(mode, async (t) => {
      const gate = 'gate';
      const slow = sh(`while ! [ -e ${gate} ]; do sleep 0.1; done\nbytes=$(wc -c)\nprintf 'Content-Type: text/plain\\n\\n%s' $((bytes))`);
      const h = await home(t, { chunked: 'stream', scripts: { slow } });
      const wire = await open(t, h.port);
      const byLength = mode === 'by length';
      wire.send(head('/cgi-bin/slow', byLength ? `Content-Length: ${size}` : isChunked, 'Connection: close'));
      const piece = byLength ? Buffer.alloc(64 * KIB, 'x') : chunk(Buffer.alloc(64 * KIB, 'x'));
      let accepted = 0;
      const sending = (async () => {
        for (let at = 0; at < size; at += 64 * KIB) {
          if (!(await wire.sent(piece))) return;
          accepted += 64 * KIB;
        }
        if (!byLength) wire.send(lastChunk);
      })();
      // Stalled: nothing was taken for two seconds. A slow machine only makes that come sooner.
      for (let before = -1; before !== accepted; ) {
        before = accepted;
        await Promise.race([sending, sleep(2000)]);
      }
      t.diagnostic(`${accepted} bytes fitted between client and script`);
      assert.ok(accepted < fits, `${accepted} bytes were taken before the script read one`);
      writeFileSync(join(h.dir, gate), '');
      assert.equal((await wire.answer({ timeoutMs: 120_000 })).text, String(size));
      await sending;
    });
  }
});

// --- clients that stop ----------------------------------------------------------------------------------------------

test('body: a client that stops half-way', async (t) => {
  const begun = sh(`printf 'Content-Type: text/plain\\n\\nbegun\\n'\ncat > /dev/null\nexec sleep 600`);
  const h = await home(t, { chunked: 'stream', scripts: { deaf, begun, count } });
  const spooling = await home(t, { scripts: { deaf } });

  for (const [why, fields, sent] of [
    ['11 of 1024 bytes', 'Content-Length: 1024', Buffer.from('hello world')],
    ['none of 1024 bytes', 'Content-Length: 1024', Buffer.alloc(0)],
    ['in a chunk', isChunked, Buffer.from('ff\r\nhello')],
    ['between chunks', isChunked, chunk('hello')],
  ] as const) {
    await t.test(`${why}, then FIN: 400 and no script goes on`, async (t) => {
      const wire = await open(t, h.port);
      const target = `/cgi-bin/deaf/${encodeURIComponent(why)}`;
      await wire.sent(Buffer.concat([head(target, fields), sent]));
      wire.end();
      const answer = await wire.answer();
      assert.equal(answer.status, 400);
      const exchange = await h.exchange((e) => e.target === target);
      assert.equal(exchange.failure?.code, 'BODY_CUT_SHORT');
      if (exchange.pid !== undefined) assert.ok(!alive(exchange.pid), 'the script is gone');
    });
    await t.test(`${why}, then RST: no script goes on`, async (t) => {
      const wire = await open(t, h.port);
      const target = `/cgi-bin/deaf/rst-${encodeURIComponent(why)}`;
      await wire.sent(Buffer.concat([head(target, fields), sent]));
      wire.reset();
      const exchange = await h.exchange((e) => e.target === target);
      if (exchange.pid !== undefined) assert.ok(!alive(exchange.pid), 'the script is gone');
    });
  }
  await t.test('after the answer began: it is broken off, and the script ended', async (t) => {
    const wire = await open(t, h.port);
    wire.send(head('/cgi-bin/begun', 'Content-Length: 1024'));
    wire.send('hello');
    await wire.seen('begun');
    wire.end();
    const answer = await wire.answer();
    assert.equal(answer.complete, false);
    const exchange = await h.exchange((e) => e.target === '/cgi-bin/begun');
    assert.ok(!alive(exchange.pid!));
  });
  await t.test('spooling: the script was never started', async (t) => {
    const wire = await open(t, spooling.port);
    await wire.sent(Buffer.concat([head('/cgi-bin/deaf', isChunked), chunk('hello')]));
    wire.end();
    assert.equal((await wire.answer()).status, 400);
    assert.equal((await spooling.exchange()).pid, undefined);
  });
  await t.test('spooling: no descriptor of its file stays open', async (t) => {
    if (!existsSync('/proc/self/fd')) return t.diagnostic('this system does not show descriptors');
    const spools = () => readdirSync('/proc/self/fd').filter((fd) => / \(deleted\)$/.test(nameOf(`/proc/self/fd/${fd}`)));
    for (const how of ['end', 'reset'] as const) {
      const wire = await open(t, spooling.port);
      await wire.sent(Buffer.concat([head('/cgi-bin/deaf', isChunked), chunk(randomBytes(200 * KIB))]));
      await until(() => spools().length > 0, 'the upload to be spooled');
      wire[how]();
      await until(() => spools().length === 0, `the spooled file to be let go after ${how}`);
    }
  });
  await t.test('a FIN after all of the body is no fault', async (t) => {
    const wire = await open(t, h.port);
    wire.send(Buffer.concat([head('/cgi-bin/count', 'Content-Length: 5'), Buffer.from('hello')]));
    wire.end();
    assert.equal((await wire.answer()).text, '5');
  });
  await t.test('the server goes on', async () => assert.equal((await post(h.port, '/cgi-bin/count', 'ok')).text, '2'));
});

// --- Expect -------------------------------------------------------------------------------------------------------------

test('body: Expect: 100-continue', async (t) => {
  const h = await home(t, { maxBodyBytes: 1000, scripts: { echo, count, blind: says('answered') } });
  const streaming = await home(t, { chunked: 'stream', scripts: { echo } });

  for (const [why, port, target, fields, body] of [
    ['a known length', h.port, '/cgi-bin/echo', ['Content-Length: 5', expects], 'hello'],
    ['another spelling', h.port, '/cgi-bin/echo', ['Content-Length: 5', 'expect: 100-Continue'], 'hello'],
    ['chunked, spooled', h.port, '/cgi-bin/echo', [isChunked, expects], chunked('hello')],
    ['chunked, streamed', streaming.port, '/cgi-bin/echo', [isChunked, expects], chunked('hello')],
    ['a script that waits for the end', h.port, '/cgi-bin/count', ['Content-Length: 5', expects], 'hello'],
  ] as const) {
    await t.test(`${why}: 100, then the body, then the answer`, async (t) => {
      const wire = await open(t, port);
      wire.send(head(target, ...fields));
      assert.equal((await wire.answer()).status, 100);
      wire.send(body);
      const answer = await wire.answer();
      assert.equal(answer.status, 200);
      assert.equal(answer.text, target.endsWith('count') ? '5' : 'hello');
    });
  }
  await t.test('the body does not wait for it: one answer, with or without 100 before', async (t) => {
    const wire = await open(t, h.port);
    wire.send(Buffer.concat([head('/cgi-bin/echo', 'Content-Length: 5', expects, 'Connection: close'), Buffer.from('hello')]));
    assert.equal((await wire.finalAnswer()).text, 'hello');
    assert.equal((await wire.rest()).length, 0);
  });
  await t.test('a refusal comes without 100', async (t) => {
    for (const [target, length, status] of [
      ['/cgi-bin/missing', 5, 404],
      ['/cgi-bin/echo', 1001, 413],
      ['/cgi-bin/echo/%zz', 5, 400],
    ] as const) {
      const wire = await open(t, h.port);
      wire.send(head(target, `Content-Length: ${length}`, expects));
      assert.equal((await wire.answer()).status, status, target);
    }
  });
  await t.test('HTTP/1.0 gets no 1xx', async (t) => {
    const wire = await open(t, h.port);
    wire.send(lines('POST /cgi-bin/echo HTTP/1.0', 'Content-Length: 5', expects));
    wire.send('hello');
    const answer = await wire.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'hello');
  });
  await t.test('without a body there is nothing to wait for', async (t) => {
    const wire = await open(t, h.port);
    wire.send(lines('GET /cgi-bin/count HTTP/1.1', 'Host: localhost', expects));
    assert.equal((await wire.finalAnswer()).text, '0');
  });
  await t.test('a script that does not want it: the answer, and the connection can be told what follows', async (t) => {
    const wire = await open(t, h.port);
    wire.send(head('/cgi-bin/blind', 'Content-Length: 5', expects));
    assert.equal((await wire.finalAnswer()).text, 'answered');
  });
  await t.test('another expectation is 417, or passed over', async (t) => {
    const wire = await open(t, h.port);
    wire.send(Buffer.concat([head('/cgi-bin/echo', 'Content-Length: 5', 'Expect: magic'), Buffer.from('hello')]));
    const answer = await wire.finalAnswer();
    assert.ok(answer.status === 417 || answer.text === 'hello', String(answer.status));
  });
});

/** Where a link leads; '' when it is gone. */
function nameOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

/** The same numbers each time: `dice(n)` is one of 0 … n-1. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((state / 0x8000_0000) * below);
  };
}
