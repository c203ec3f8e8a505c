/**
 * Which addresses are well, as requests and probes find it out, and what an operator is told of it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { type Address, readAddresses } from '../../src/carrier/address.js';
import { balance } from '../../src/carrier/balance.js';
import { probing } from '../../src/carrier/probe.js';
import { house } from '../support/house.js';
import { until } from '../support/until.js';
import { get, post, Wire } from '../support/wire.js';
import { documentHead, peerOf, type Visit, wires } from './peers.js';
import { is, talkTo } from './talks.js';

const hello = (visit: Visit): void => visit.answer('hello');
const hangUp = ({ socket }: Visit): void => void socket.destroy();

/** What onWarning was told. */
const listener = () => {
  const told: string[] = [];
  return { told, onWarning: (text: string) => void told.push(text) };
};

// --- as requests find it out ----------------------------------------------------------------------------------------------

for (const wire of wires)
  test(`${wire}: that an address leaves the rotation and comes back is told, each once`, async (t) => {
    const { told, onWarning } = listener();
    let act = hangUp;
    const h = await talkTo(t, wire, (visit) => act(visit), { onWarning });
    for (let i = 0; i < 5; i++) is(await get(h.port, '/app/'), 502);
    assert.deepEqual(told.splice(0), [`${wire} ${h.peer.address} is out of rotation: WIRE_TRUNCATED`]);
    act = hello;
    for (let i = 0; i < 2; i++) is(await get(h.port, '/app/'), 200, 'hello');
    assert.deepEqual(told, [`${wire} ${h.peer.address} is back in rotation`]);
  });

test('fastcgi: a program that refuses is well', async (t) => {
  const { told, onWarning } = listener();
  const h = await talkTo(t, 'fastcgi', ({ refuse, meta }) => refuse(Number(meta.get('PATH_INFO')!.slice(1))), { onWarning });
  for (const [protocolStatus, status] of [
    [1, 502],
    [2, 503],
    [3, 502],
  ])
    for (let i = 0; i < 4; i++) is(await get(h.port, `/app/${protocolStatus}`), status!);
  assert.deepEqual(told, []);
  await h.well();
});

for (const wire of wires)
  test(`${wire}: an answer that was too short is in flight no more`, async (t) => {
    const held: Visit[] = [];
    const short = ({ say, end }: Visit): void => {
      say(`Content-Length: 100\r\n${documentHead}part`);
      end();
    };
    const act = (visit: Visit): void => {
      if (visit.meta.get('PATH_INFO') === '/short') short(visit);
      else held.push(visit);
    };
    const peers = [await peerOf(t, wire, act), await peerOf(t, wire, hello)];
    const h = await house({ mounts: [{ wire, where: '/app', address: peers.map(({ address }) => address).join(',') }], connections: 2 });
    t.after(() => h.stop());
    const before = () => peers[0]!.visits.length;
    while (before() < 3) await get(h.port, '/app/short');
    const answers = Array.from({ length: 4 }, () => get(h.port, '/app/'));
    await until(() => held.length === 2, 'the one whose answers were short to have its half');
    for (const visit of held) hello(visit);
    for (const answer of await Promise.all(answers)) is(answer, 200, 'hello');
  });

test('what one address cannot take does not fall on the other', async (t) => {
  const { told, onWarning } = listener();
  const held: Visit[] = [];
  let act = hello;
  const peer = await peerOf(t, 'scgi', (visit) => act(visit));
  const address = `unix:/nowhere/app.sock,${peer.address}`;
  const h = await house({ mounts: [{ wire: 'scgi', where: '/app', address }], connections: 2, onWarning });
  t.after(() => h.stop());
  while (told.length === 0) is(await get(h.port, '/app/'), 200, 'hello');
  act = (visit) => void held.push(visit);
  const answers = Array.from({ length: 6 }, () => get(h.port, '/app/'));
  let answered = 0;
  while (answered < answers.length) {
    await until(() => held.length >= 2, 'two to be asked');
    // Another connection's round: whoever else was let through is asked by then.
    is(await get(h.port, '/nothing'), 404);
    assert.equal(held.length, 2);
    for (const visit of held.splice(0)) {
      hello(visit);
      answered += 1;
    }
  }
  for (const answer of await Promise.all(answers)) is(answer, 200, 'hello');
});

const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('a program that reads nothing more does not hold its connection', { skip: process.platform !== 'linux' }, async (t) => {
  const h = await talkTo(t, 'fastcgi', (visit) => visit.socket.pause(), { stdinTimeoutMs: 200 });
  await h.well();
  h.peer.hangUp();
  await until(() => h.peer.open === 0, 'the first connection to be closed');
  const before = descriptors();
  is(await post(h.port, '/app/', Buffer.alloc(8 * 1024 * 1024)), 504);
  // The program's own end stays.
  await until(() => descriptors() <= before + 1, `our end to be closed; there were ${before}`, 30_000);
  assert.equal(h.peer.open, 1);
});

// --- as probes find it out ------------------------------------------------------------------------------------------------

test('a probe finds who is gone, and who is back', async (t) => {
  const story: string[] = [];
  const first = await peerOf(t, 'scgi', hello, { over: 'tcp' });
  const [address] = readAddresses(first.address);
  const bounds = { failuresMax: 3, outMs: 50, probed: true };
  const peers = balance<Address>([address!], { ...bounds, changed: (_, why) => void story.push(why ?? 'back') });
  t.after(probing(peers, 10, 5_000));
  await until(() => first.connections >= 3, 'some probes to have been well');
  assert.deepEqual(story, []);
  await first.close();
  await until(() => story.length > 0, 'the end to be noticed');
  // One that was being connected to is reset, the next one finds nobody.
  assert.match(story.join(), /^(ECONNREFUSED|ECONNRESET)$/);
  const { port } = address as { port: number };
  const second = await peerOf(t, 'scgi', hello, { at: port });
  await until(() => story.length > 1, 'the new beginning to be noticed');
  assert.equal(story[1], 'back');
  assert.equal(first.visits.length + second.visits.length, 0, 'nothing was asked');
});

test('who is gone is found before a client finds it', async (t) => {
  const { told, onWarning } = listener();
  const gone = await peerOf(t, 'uwsgi', hello);
  const there = await peerOf(t, 'uwsgi', hello);
  const address = `${gone.address},${there.address}`;
  const h = await house({ mounts: [{ wire: 'uwsgi', where: '/app', address }], onWarning, probeMs: 10 });
  t.after(() => h.stop());
  await until(() => gone.connections > 0, 'a probe');
  await gone.close();
  await until(() => told.length > 0, 'a warning');
  assert.match(told[0]!, /^uwsgi unix:\S+ is out of rotation: (ENOENT|ECONNREFUSED)$/);
  for (let i = 0; i < 6; i++) is(await get(h.port, '/app/'), 200, 'hello');
  assert.equal(there.visits.length, 6);
  assert.equal(told.length, 1);
});

test('a program that is busy with a request is not probed', async (t) => {
  let visit: Visit | undefined;
  const hold = (one: Visit): void => {
    visit = one;
    one.say(`${documentHead}begun`);
  };
  const h = await talkTo(t, 'scgi', hold, { probeMs: 10 });
  const client = await Wire.open(h.port);
  t.after(() => client.close());
  client.send('GET /app/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await client.seen('begun');
  // One may be on its way.
  const before = h.peer.connections + 1;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.ok(h.peer.connections <= before);
  visit!.end();
  is(await client.finalAnswer(), 200, 'begun');
  await until(() => h.peer.connections > before + 1, 'the probes to go on');
});

test('probes end with the server', async (t) => {
  const peer = await peerOf(t, 'fastcgi', hello);
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address: peer.address }], probeMs: 10 });
  await until(() => peer.connections > 2, 'some probes');
  await h.stop();
  await until(() => peer.open === 0, 'the last one to be over');
  const { connections } = peer;
  await new Promise((resolve) => setTimeout(resolve, 150));
  // One that was given up may be accepted late; fifteen would have come.
  assert.ok(peer.connections <= connections + 1, `${connections}, then ${peer.connections}`);
});

test('to probe is no reason to live', async (t) => {
  const peer = await peerOf(t, 'fastcgi', hello);
  const index = new URL('../../src/index.js', import.meta.url);
  const program = `import { createServer } from ${JSON.stringify(index.href)};
    createServer({ dir: '.', mounts: [{ wire: 'fastcgi', where: '/app', address: ${JSON.stringify(peer.address)} }], probeMs: 300 });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  t.after(() => child.kill('SIGKILL'));
  const [code] = await Promise.race([
    once(child, 'exit'),
    new Promise<string[]>((resolve) => setTimeout(resolve, 30_000, ['lives']).unref()),
  ]);
  assert.equal(code, 0);
});
