/** What viewers are told: how things stand, as they change; in order, bounded, and again to whoever was away. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { ToldBatch, ToldDetail, ToldExchange, ToldHello } from '../../src/lab/told.js';
import { labBatchMax, labExchangesKept, labPiecesMax, labStreamBytesMax } from '../../src/limits.js';
import { peerOf, wires } from '../carrier/peers.js';
import { node, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get, post, requestText, talk, Wire } from '../support/wire.js';
import { type Room, room } from './room.js';

const plain = 'printf "Content-Type: text/plain\\n\\n"';
const scripts = {
  'hello.sh': sh(`${plain}; printf hello`),
  'echo.sh': sh(`${plain}; cat; printf oops >&2`),
  'wait.sh': sh(`${plain}; printf one; while [ ! -e go ]; do sleep 0.02; done; printf two`),
  'large.js': node(`process.stdout.write('Content-Type: text/plain\\n\\n' + 'x'.repeat(${3 * labStreamBytesMax}))`),
  'drip.sh': sh(`${plain}; i=0; while [ $i -lt ${labPiecesMax + 100} ]; do i=$((i + 1)); printf .; done`),
  'redirect.sh': sh('printf "Location: /cgi-bin/hello.sh\\n\\n"'),
  'crash.sh': sh('kill -9 $$'),
};

interface Viewer {
  readonly hello: ToldHello;
  batches(): ToldBatch[];
  /** Of each exchange, as it was told last. */
  now(): ToldExchange[];
  lastId(): string;
  close(): void;
}

async function watch(t: TestContext, { lab, port }: Room, lastEventId?: string): Promise<Viewer> {
  const wire = await Wire.open(port);
  t.after(() => wire.close());
  const headers = { Host: `127.0.0.1:${port}`, Authorization: `Bearer ${lab.key}`, ...(lastEventId && { 'Last-Event-ID': lastEventId }) };
  wire.send(requestText('GET', '/events', headers));
  const all = (): string => wire.waiting().toString();
  const events = (name: string): string[] =>
    [...all().matchAll(new RegExp(`^event: ${name}\\n(?:id: \\S+\\n)?data: (.*)$`, 'gm'))].map(([, data]) => data!);
  await until(() => events('batch').length > 0, 'the first batch');
  return {
    hello: JSON.parse(events('hello')[0]!) as ToldHello,
    batches: () => events('batch').map((data) => JSON.parse(data) as ToldBatch),
    now: () => {
      const last = new Map(events('batch').flatMap((data) => (JSON.parse(data) as ToldBatch).exchanges.map((each) => [each.serial, each])));
      return [...last.values()].sort((a, b) => a.serial - b.serial);
    },
    lastId: () =>
      all()
        .match(/^id: (\S+)$/gm)!
        .at(-1)!
        .slice(4),
    close: () => wire.close(),
  };
}

const textOf = ({ pieces }: { pieces: readonly { base64: string }[] }): string =>
  Buffer.concat(pieces.map(({ base64 }) => Buffer.from(base64, 'base64'))).toString();

test('an exchange is told while it runs: begun, born, first byte, then its end', async (t) => {
  const r = await room(t, { scripts });
  const viewer = await watch(t, r);
  assert.deepEqual(viewer.now(), []);
  const answer = get(r.h.port, '/cgi-bin/wait.sh?x');
  const running = await until(() => viewer.now().find(({ runs }) => runs[0]?.headDoneMs !== undefined), 'the first byte of wait.sh');
  assert.ok(running);
  const [run] = running.runs;
  assert.equal(running.end, undefined);
  assert.equal(run?.exitedMs, undefined);
  assert.ok(run?.pid && run.own);
  assert.ok(running.beganMs <= run.grantedMs && run.grantedMs <= run.openedMs! && run.openedMs! <= run.firstByteMs!);
  writeFileSync(`${r.h.dir}/go`, '');
  assert.equal((await answer).text, 'onetwo');
  const over = (await until(() => viewer.now().find(({ end }) => end), 'its end'))!;
  assert.equal(over.end?.status, 200);
  assert.equal(over.runs[0]?.exitCode, 0);
  assert.ok(over.runs[0]!.exitedMs! <= over.end!.atMs);
  assert.equal(over.end?.phases.wait === undefined, false);
});

test('an exchange, whole: variables with their sections, streams with their times, how each header line was judged', async (t) => {
  const r = await room(t, { scripts });
  await post(r.h.port, '/cgi-bin/echo.sh?q=1', 'the body', { 'Content-Type': 'text/x' });
  const { id } = await r.h.exchange();
  const detail = await r.json<ToldDetail>(`/exchanges/${id}`);
  const [run] = detail.details;
  const variable = (name: string) => run?.variables.find((each) => each.name === name);
  assert.deepEqual(variable('QUERY_STRING'), { name: 'QUERY_STRING', value: 'q=1', section: '§4.1.7' });
  assert.deepEqual(variable('REQUEST_URI'), { name: 'REQUEST_URI', value: '/cgi-bin/echo.sh?q=1' });
  assert.equal(textOf(run!.input), 'the body');
  assert.equal(textOf(run!.output), 'Content-Type: text/plain\n\nthe body');
  assert.equal(textOf(run!.errors), 'oops');
  assert.equal(run!.headBytes, 'Content-Type: text/plain\n\n'.length);
  assert.deepEqual(
    run!.judged.map(({ text, verdict }) => [text, verdict]),
    [['Content-Type: text/plain', 'cgi']],
  );
  assert.equal((await r.ask('GET', '/exchanges/nobody', { Authorization: `Bearer ${r.lab.key}` })).status, 404);
});

test('both programs of a local redirect, a failure with its remedy, and what asks no program', async (t) => {
  const r = await room(t, { scripts, public: { 'a.txt': 'a' } });
  for (const path of ['/cgi-bin/redirect.sh', '/cgi-bin/crash.sh', '/a.txt', '/nothing']) await get(r.h.port, path);
  await until(() => r.h.exchanges.length === 4, 'all four to be over');
  const told = (await watch(t, r)).now();
  const [redirect, crash, file, nothing] = ['/redirect.sh', '/crash.sh', '/a.txt', '/nothing'].map((end) =>
    told.find(({ target }) => target.endsWith(end)),
  );
  assert.deepEqual(
    redirect?.runs.map(({ script }) => script),
    ['redirect.sh', 'hello.sh'],
  );
  assert.notEqual(redirect?.runs[0]?.pid, redirect?.runs[1]?.pid);
  assert.equal(crash?.end?.failure?.code, 'REPLY_CRASHED');
  assert.match(crash?.end?.failure?.mend.zh ?? '', /[一-龥]/);
  assert.equal(crash?.runs[0]?.signal, 'SIGKILL');
  assert.deepEqual([file?.runs.length, file?.end?.gateway], [0, 'static']);
  assert.deepEqual([nothing?.runs.length, nothing?.end?.status], [0, 404]);
});

test('an upload of unknown length, which is kept in a file first, is seen, too', async (t) => {
  const r = await room(t, { scripts });
  const body = 'z'.repeat(100_000);
  const head = requestText('POST', '/cgi-bin/echo.sh', { 'Transfer-Encoding': 'chunked' });
  const answer = await talk(r.h.port, `${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  assert.equal(answer.text, body);
  const { id } = await r.h.exchange();
  const [run] = (await r.json<ToldDetail>(`/exchanges/${id}`)).details;
  assert.deepEqual([run?.input.bytes, run?.input.more], [body.length, body.length - labStreamBytesMax]);
  assert.equal(textOf(run!.input), body.slice(0, labStreamBytesMax));
});

for (const wire of wires) {
  test(`${wire}: the bytes of the wire with their fields, and no secret in them`, async (t) => {
    const peer = await peerOf(t, wire, (visit) => visit.answer('hello'));
    const r = await room(t, { mounts: [{ wire, where: '/app', address: peer.address }], recordWire: true });
    await get(r.h.port, '/app/x?y', { Cookie: 'open sesame' });
    const { id, wire: account } = await r.h.exchange();
    const told = (await r.json<ToldDetail>(`/exchanges/${id}`)).wire;
    assert.equal(told?.name, wire);
    const [sent, received] = told!.ways;
    assert.deepEqual([sent?.bytes, received?.bytes], [account?.sent, account?.received]);
    const bytes = Buffer.from(sent!.base64, 'base64');
    assert.equal(bytes.length, sent!.bytes);
    assert.equal(
      sent!.fields.reduce((sum, field) => sum + field.bytes, 0),
      bytes.length,
      'every byte lies in one field',
    );
    assert.ok(bytes.includes('HTTP_COOKIE') && !bytes.includes('sesame'));
    assert.deepEqual(
      sent!.fields.filter(({ hidden }) => hidden).map(({ value }) => value),
      [''],
    );
    assert.ok(sent!.payload < sent!.bytes && Buffer.from(received!.base64, 'base64').includes('hello'));
  });
}

test('bounded: streams are cut and say by how much, pieces without end become one, old exchanges go', async (t) => {
  const r = await room(t, { scripts, public: { 'a.txt': 'a' } });
  await get(r.h.port, '/cgi-bin/large.js');
  await get(r.h.port, '/cgi-bin/drip.sh');
  await r.h.exchange(({ target }) => target.endsWith('drip.sh'));
  const [large, drip] = await Promise.all((await watch(t, r)).now().map(({ id }) => r.json<ToldDetail>(`/exchanges/${id}`)));
  const output = large!.details[0]!.output;
  assert.equal(Buffer.byteLength(textOf(output)), labStreamBytesMax);
  assert.equal(output.more, output.bytes - labStreamBytesMax);
  assert.ok(output.bytes > 3 * labStreamBytesMax);
  assert.ok(drip!.details[0]!.output.pieces.length <= labPiecesMax);
  assert.equal(textOf(drip!.details[0]!.output).length, 'Content-Type: text/plain\n\n'.length + labPiecesMax + 100);

  for (let i = 0; i < labExchangesKept + 20; i += 20)
    await Promise.all(Array.from({ length: 20 }, (_, j) => get(r.h.port, `/a.txt?${i + j}`)));
  await until(() => r.h.exchanges.length >= labExchangesKept + 22, 'all of them to be over');
  const kept = (await watch(t, r)).now();
  assert.equal(kept.length, labExchangesKept);
  assert.equal(kept.at(-1)?.serial, r.h.exchanges.length);
});

test('whoever was away goes on from the last id; another lab’s id is nobody’s', async (t) => {
  const r = await room(t, { scripts });
  const first = await watch(t, r);
  await get(r.h.port, '/cgi-bin/hello.sh?1');
  await until(() => first.now().some(({ end }) => end), 'the first to be told');
  await r.h.exchange();
  const id = first.lastId();
  first.close();
  await get(r.h.port, '/cgi-bin/hello.sh?2');
  await r.h.exchange(({ target }) => target.endsWith('2'));
  assert.deepEqual(
    (await watch(t, r, id)).now().map(({ target }) => target),
    ['/cgi-bin/hello.sh?2'],
  );
  assert.equal((await watch(t, r, `00000000.${id.split('.')[1]}`)).now().length, 2);
});

test('a viewer that takes nothing is told no more than fits, and how things stand when it takes again', async (t) => {
  const r = await room(t, { scripts, public: { 'a.txt': 'a' } });
  const open = async () => {
    const wire = await Wire.open(r.port);
    t.after(() => wire.close());
    wire.send(requestText('GET', '/events', { Host: `127.0.0.1:${r.port}`, Authorization: `Bearer ${r.lab.key}` }));
    await wire.seen('event: batch');
    return wire;
  };
  const [slow, quick] = [await open(), await open()];
  slow.pause();
  const count = 2_000;
  // Together more than the sockets between us hold.
  const target = (i: number) => `/a.txt?${i}-${'y'.repeat(8_000)}`;
  for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => get(r.h.port, target(i + j))));
  const last = `"target":"/a.txt?${count - 1}-y`;
  await quick.seen(last);
  // What is no exchange is told once, and must not be missed either.
  const order = { targets: [{ target: '/a.txt' }], loop: { kind: 'closed', users: 1 }, rounds: 1, sliceMs: 100, warmUpMs: 0 };
  assert.equal((await r.ask('POST', '/bench', { Authorization: `Bearer ${r.lab.key}` }, JSON.stringify(order))).status, 200);
  const over = 'event: bench\ndata: {"kept":[{"run":1';
  await quick.seen(over);
  slow.resume();
  await slow.seen(last);
  await slow.seen(over);
  const told = slow.waiting().length;
  assert.ok(told < count * 8_000, `${told} bytes: everything`);
  for (const [, data] of quick
    .waiting()
    .toString()
    .matchAll(/^event: batch\nid: \S+\ndata: (.*)$/gm))
    assert.ok((JSON.parse(data!) as ToldBatch).exchanges.length <= labBatchMax);
});

test('a viewer that leaves is gone; the server goes on', async (t) => {
  const r = await room(t, { scripts });
  for (let i = 0; i < 5; i++) (await watch(t, r)).close();
  assert.equal((await get(r.h.port, '/cgi-bin/hello.sh')).text, 'hello');
  await r.lab.close();
  assert.equal((await get(r.h.port, '/cgi-bin/hello.sh')).text, 'hello');
});
