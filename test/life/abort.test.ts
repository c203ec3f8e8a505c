/**
 * The client leaves. Nobody wants the answer any more, so the script is told to end, soon and whatever it is at: silent, writing,
 * or reading an upload. A client that has only said all it has to say (FIN, and still reading) has not left.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get, requestText, Wire } from '../support/wire.js';
import { childless, descriptors, gone, written } from './processes.js';

// Each writes `pid` when it runs and `term` when it is told to end. `trap '' PIPE`: TERM is to end it, not a broken pipe.
const telling = `trap 'echo TERM > term; exit 0' TERM; trap '' PIPE; echo $$ > pid`;
const head = `printf 'Content-Type: text/plain\\n\\n'`;
const scripts = {
  'silent.cgi': sh(`${telling}; sleep 600 & wait`),
  'stream.cgi': sh(`${telling}; ${head}; while :; do echo tick; sleep 0.05; done 2>/dev/null`),
  'nph-stream.cgi': sh(`${telling}; printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; while :; do echo tick; sleep 0.05; done 2>/dev/null`),
  'upload.cgi': sh(`echo $$ > pid; cat > got; echo whole > whole; ${head}; echo taken`),
  'patient.cgi': sh(`echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; ${head}; cat; echo ready`),
};

const ways: [way: string, leave: (wire: Wire) => void][] = [
  ['reset', (wire) => wire.reset()],
  ['close', (wire) => wire.close()],
];

for (const [way, leave] of ways) {
  test(`client gone (${way}) while the script is silent`, async (t) => {
    const h = await house({ scripts });
    t.after(() => h.stop());
    const wire = await Wire.open(h.port);
    wire.send(requestText('GET', '/cgi-bin/silent.cgi'));
    const pid = Number(await written(join(h.dir, 'pid')));
    leave(wire);
    assert.equal(await written(join(h.dir, 'term')), 'TERM');
    const exchange = await h.exchange();
    assert.equal(exchange.failure?.code, 'CLIENT_GONE');
    assert.equal(exchange.pid, pid);
    await gone(pid);
    await childless();
  });

  for (const name of ['stream.cgi', 'nph-stream.cgi']) {
    test(`client gone (${way}) while ${name} writes`, async (t) => {
      const h = await house({ scripts });
      t.after(() => h.stop());
      const wire = await Wire.open(h.port);
      wire.send(requestText('GET', `/cgi-bin/${name}`));
      await wire.seen('tick');
      leave(wire);
      assert.equal(await written(join(h.dir, 'term')), 'TERM');
      const exchange = await h.exchange();
      assert.equal(exchange.failure?.code, 'CLIENT_GONE');
      assert.equal(exchange.status, 200);
      await gone(exchange.pid);
      await childless();
    });
  }
}

test('client gone on a kept connection, in its second request', async (t) => {
  const h = await house({ scripts: { ...scripts, 'hello.cgi': sh(`${head}; echo hello`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  wire.send(requestText('GET', '/cgi-bin/hello.cgi', { Connection: 'keep-alive' }));
  assert.equal((await wire.answer()).text, 'hello\n');
  wire.send(requestText('GET', '/cgi-bin/silent.cgi', { Connection: 'keep-alive' }));
  await written(join(h.dir, 'pid'));
  wire.reset();
  assert.equal(await written(join(h.dir, 'term')), 'TERM');
  assert.equal((await h.exchange((e) => e.target.includes('silent'))).failure?.code, 'CLIENT_GONE');
  assert.equal((await h.exchange((e) => e.target.includes('hello'))).failure, undefined);
});

test('client resets while it uploads: the script is ended, and never takes the part for the whole', async (t) => {
  const h = await house({ scripts });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  wire.send(requestText('POST', '/cgi-bin/upload.cgi', { 'Content-Length': '10000000' }));
  await wire.sent(Buffer.alloc(1_000_000));
  const pid = Number(await written(join(h.dir, 'pid')));
  wire.reset();
  const exchange = await h.exchange();
  assert.ok(['CLIENT_GONE', 'BODY_CUT_SHORT'].includes(exchange.failure?.code ?? ''), exchange.failure?.code);
  await gone(pid);
  assert.equal(existsSync(join(h.dir, 'whole')), false);
});

test('client stops half-way through its body, and waits: 400, and the script is ended', async (t) => {
  const h = await house({ scripts });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('POST', '/cgi-bin/upload.cgi', { 'Content-Length': '10000' }));
  wire.send(Buffer.alloc(5000));
  const pid = Number(await written(join(h.dir, 'pid')));
  wire.end();
  const answer = await wire.answer();
  assert.equal(answer.status, 400);
  assert.match(answer.text, /BODY_CUT_SHORT/);
  const exchange = await h.exchange();
  assert.equal(exchange.failure?.code, 'BODY_CUT_SHORT');
  await gone(pid);
  assert.equal(existsSync(join(h.dir, 'whole')), false);
});

test('client resets in the middle of a chunked upload: its script never runs', async (t) => {
  const h = await house({ scripts });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  wire.send(requestText('POST', '/cgi-bin/upload.cgi', { 'Transfer-Encoding': 'chunked' }));
  await wire.sent(Buffer.concat([Buffer.from('30d40\r\n'), Buffer.alloc(200_000), Buffer.from('\r\n')]));
  wire.reset();
  const exchange = await h.exchange();
  assert.ok(['CLIENT_GONE', 'BODY_CUT_SHORT'].includes(exchange.failure?.code ?? ''), exchange.failure?.code);
  assert.equal(exchange.pid, undefined);
  assert.equal(existsSync(join(h.dir, 'pid')), false);
});

test('client stops half-way through a chunked upload: 400 at once, and what was kept of it is let go', async (t) => {
  const h = await house({ scripts });
  t.after(() => h.stop());
  const spools = () => descriptors()?.filter((path) => path.includes('(deleted)')).length ?? 0;
  const before = spools();
  const wire = await Wire.open(h.port);
  t.after(() => wire.close());
  wire.send(requestText('POST', '/cgi-bin/upload.cgi', { 'Transfer-Encoding': 'chunked' }));
  await wire.sent(Buffer.concat([Buffer.from('30d40\r\n'), Buffer.alloc(200_000), Buffer.from('\r\n')]));
  wire.end();
  const answer = await wire.answer();
  assert.equal(answer.status, 400);
  assert.match(answer.text, /BODY_CUT_SHORT/);
  assert.equal((await h.exchange()).pid, undefined);
  assert.equal(existsSync(join(h.dir, 'pid')), false);
  // `before` may have counted one of the test before, whose last write was still under way.
  await until(() => spools() <= before, 'the temporary file to be closed');
});

test('a half-closed client is still answered', async (t) => {
  const requests: [why: string, request: string, text: string][] = [
    ['GET', requestText('GET', '/cgi-bin/patient.cgi'), 'ready\n'],
    ['GET, kept connection', requestText('GET', '/cgi-bin/patient.cgi', { Connection: 'keep-alive' }), 'ready\n'],
    ['HTTP/1.0', 'GET /cgi-bin/patient.cgi HTTP/1.0\r\n\r\n', 'ready\n'],
    ['POST', `${requestText('POST', '/cgi-bin/patient.cgi', { 'Content-Length': '3' })}abc`, 'abcready\n'],
  ];
  for (const [why, request, text] of requests) {
    const h = await house({ scripts });
    t.after(() => h.stop());
    const wire = await Wire.open(h.port);
    t.after(() => wire.close());
    wire.send(request);
    wire.end();
    await written(join(h.dir, 'pid'));
    writeFileSync(join(h.dir, 'go'), '');
    const answer = await wire.answer();
    assert.equal(answer.status, 200, why);
    assert.equal(answer.text, text, why);
    assert.ok(answer.complete, why);
    assert.equal((await h.exchange()).failure, undefined, why);
  }
});

test('a client that leaves after the whole answer has not left', async (t) => {
  const h = await house({ scripts: { 'hello.cgi': sh(`${head}; echo hello`) } });
  t.after(() => h.stop());
  const wire = await Wire.open(h.port);
  wire.send(requestText('GET', '/cgi-bin/hello.cgi', { Connection: 'keep-alive' }));
  assert.equal((await wire.answer()).text, 'hello\n');
  wire.reset();
  assert.equal((await h.exchange()).failure, undefined);
});

test('clients that leave at every possible moment leave nothing behind', async (t) => {
  const h = await house({ scripts: { ...scripts, 'hello.cgi': sh(`${head}; echo hello`) }, killGraceMs: 500 });
  t.after(() => h.stop());
  const leave = async (steps: number) => {
    const wire = await Wire.open(h.port);
    wire.send(requestText('GET', `/cgi-bin/${steps % 2 ? 'silent' : 'stream'}.cgi`));
    for (let step = 0; step < steps; step++) await new Promise(setImmediate);
    if (steps % 3) wire.reset();
    else wire.close();
  };
  for (let steps = 0; steps < 80; steps++) await leave(steps);
  await childless(30_000);
  await until(async () => (await get(h.port, '/cgi-bin/hello.cgi')).text === 'hello\n', 'an answer');
  const codes = new Set(h.exchanges.filter((e) => !e.target.includes('hello')).map((e) => e.failure?.code));
  assert.deepEqual([...codes], ['CLIENT_GONE']);
});
