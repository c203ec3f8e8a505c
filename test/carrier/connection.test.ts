/**
 * A connection to a program: every byte there and back, in order, and its end, once; nothing to read while nobody wants it, nothing lost
 * that is waiting to be written. Over libuv's own handle and over net.Socket, which must not differ; and whole suites once more in a
 * Node that does not show its handles.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Address } from '../../src/carrier/address.js';
import { type Connect, type Connection, connectTo } from '../../src/carrier/connection.js';
import { connectSocket } from '../../src/carrier/connection-socket.js';
import { handles } from '../../src/handles.js';
import { pattern } from '../conformance/print.js';
import { until } from '../support/until.js';

interface Talk {
  readonly connection: Connection;
  /** The program's side. */
  readonly peer: Socket;
  /** What the program got, once it reads. */
  got(): Buffer;
  heard(): Buffer;
  drained: number;
  /** How often, and with which errno, it ended. */
  readonly ends: (string | undefined)[];
}

const listening = async (t: TestContext, over: 'unix' | 'tcp', met: (socket: Socket) => void): Promise<Address> => {
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-connection-'));
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    met(socket);
  });
  server.listen(over === 'unix' ? { path: join(folder, 'app.sock') } : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const at = server.address();
  return typeof at === 'string' ? { path: at, text: at } : { host: '127.0.0.1', port: at!.port, text: 'tcp' };
};

/** A connection that hears; the program does not read until it is told to. */
const talk = async (t: TestContext, connect: Connect, over: 'unix' | 'tcp' = 'unix'): Promise<Talk> => {
  let peer: Socket | undefined;
  const address = await listening(t, over, (socket) => {
    peer = socket;
  });
  const connection = await new Promise<Connection>((resolve, reject) => {
    connect(address, (result) => (typeof result === 'string' ? reject(new Error(result)) : resolve(result)));
  });
  t.after(() => connection.close());
  const pieces: Buffer[] = [];
  const got: Buffer[] = [];
  const made = { drained: 0, ends: [] as (string | undefined)[] };
  connection.hear({
    heard: (bytes) => void pieces.push(bytes),
    drained: () => {
      made.drained += 1;
    },
    ended: (errno) => void made.ends.push(errno),
  });
  await until(() => peer !== undefined, 'the program to take the connection');
  peer!.on('data', (bytes: Buffer) => void got.push(bytes));
  peer!.pause();
  return Object.assign(made, { connection, peer: peer!, got: () => Buffer.concat(got), heard: () => Buffer.concat(pieces) });
};

/** More than any socket buffers. */
const much = 16 << 20;

const turns = async (): Promise<void> => {
  for (let i = 0; i < 100; i++) await new Promise(setImmediate);
};

if (process.env.CGI_SERVE_TEST_WITHOUT_HANDLE === undefined) test('this Node shows its handles', () => assert.ok(handles));

for (const [name, connect] of [
  ['handle', connectTo],
  ['net.Socket', connectSocket],
] as const) {
  for (const over of ['unix', 'tcp'] as const)
    test(`${name}, ${over}: pieces go out in order, an answer comes back, and then the end, once`, async (t) => {
      const { connection, peer, got, heard, ends } = await talk(t, connect, over);
      peer.resume();
      connection.write([Buffer.from('one')]);
      connection.write([Buffer.from(', two'), Buffer.from(', three')]);
      await until(() => got().toString() === 'one, two, three', 'all of it');
      assert.equal(connection.waitingBytes(), 0);
      peer.write('answer');
      await until(() => heard().toString() === 'answer', 'the answer');
      peer.end(' and end');
      await until(() => ends.length > 0, 'the end');
      await turns();
      assert.deepEqual([heard().toString(), ends, connection.isClosed()], ['answer and end', [undefined], true]);
      // Nobody is there any more to whom this could matter.
      connection.write([Buffer.from('late')]);
      connection.pause();
      connection.resume();
      connection.end();
      connection.closeSoon(1);
      connection.close();
      await turns();
      assert.equal(ends.length, 1);
    });

  test(`${name}: what the other side does not take waits, is counted, and arrives whole`, async (t) => {
    const made = await talk(t, connect);
    const { connection, peer, got } = made;
    let told = 0;
    const written = (error?: Error | null): void => {
      assert.ok(!error);
      told += 1;
    };
    const halves = [pattern(much).subarray(0, much / 2), pattern(much).subarray(much / 2)];
    connection.write([halves[0]!], written);
    await turns();
    assert.ok(connection.waitingBytes() > 0);
    assert.deepEqual([told, made.drained], [0, 0]);
    connection.write([halves[1]!, Buffer.from('!')], written);
    assert.ok(connection.waitingBytes() > much / 2);
    peer.resume();
    await until(() => got().length === much + 1, 'the last byte');
    await until(() => made.drained > 0 && connection.waitingBytes() === 0, 'word of it');
    assert.equal(told, 2);
    assert.ok(got().subarray(0, much).equals(pattern(much)));
  });

  test(`${name}: who pauses hears nothing until it resumes`, async (t) => {
    const { connection, peer, heard, ends } = await talk(t, connect);
    peer.write('before');
    await until(() => heard().toString() === 'before', 'the first piece');
    connection.pause();
    connection.pause();
    peer.end('after');
    await turns();
    assert.deepEqual([heard().toString(), ends], ['before', []]);
    connection.resume();
    connection.resume();
    await until(() => ends.length > 0, 'the end');
    assert.equal(heard().toString(), 'beforeafter');
  });

  test(`${name}: half closed, it still hears`, async (t) => {
    const { connection, peer, heard } = await talk(t, connect);
    const ended = once(peer, 'end');
    connection.write([Buffer.from('all')]);
    connection.end();
    peer.resume();
    await ended;
    peer.write('still here');
    await until(() => heard().toString() === 'still here', 'the answer');
  });

  test(`${name}: closed soon: what was written arrives, and nothing is heard`, async (t) => {
    const made = await talk(t, connect);
    const { connection, peer, got, heard } = made;
    connection.write([pattern(much)]);
    connection.closeSoon(60_000);
    peer.write('unheard');
    await turns();
    peer.resume();
    const ended = once(peer, 'end');
    await ended;
    assert.ok(got().equals(pattern(much)));
    assert.deepEqual([heard().length, made.drained, made.ends], [0, 0, []]);
  });

  test(`${name}: closed soon: who never reads is not waited for`, async (t) => {
    const { connection, ends } = await talk(t, connect);
    connection.write([pattern(much)]);
    connection.closeSoon(50);
    await until(() => connection.isClosed(), 'the end of patience');
    assert.deepEqual(ends, []);
  });

  test(`${name}: after it is closed nothing is told`, async (t) => {
    const made = await talk(t, connect);
    made.connection.write([pattern(much)]);
    made.peer.write('unheard');
    made.connection.close();
    await turns();
    assert.deepEqual([made.heard().length, made.drained, made.ends, made.connection.isClosed()], [0, 0, [], true]);
  });

  test(`${name}: an answer that is here when a write fails is heard, and is whole`, async (t) => {
    const { connection, peer, heard, ends } = await talk(t, connect);
    connection.pause();
    peer.end('answered, and gone');
    await once(peer, 'finish');
    peer.destroy();
    await once(peer, 'close');
    for (let i = 0; i < 3; i++) connection.write([Buffer.from('body')]);
    await turns();
    connection.resume();
    await until(() => ends.length > 0, 'the end');
    assert.deepEqual([heard().toString(), ends], ['answered, and gone', [undefined]]);
  });

  test(`${name}: a reset is no end`, async (t) => {
    const { peer, ends } = await talk(t, connect, 'tcp');
    peer.resetAndDestroy();
    await until(() => ends.length > 0, 'word of it');
    assert.deepEqual(ends, ['ECONNRESET']);
  });

  test(`${name}: why there is none`, async (t) => {
    const at = (address: Address): Promise<Connection | string> => new Promise((resolve) => void connect(address, resolve));
    assert.equal(await at({ path: '/nowhere/app.sock', text: '' }), 'ENOENT');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await at({ host: '127.0.0.1', port, text: '' }), 'ECONNREFUSED');
    t.diagnostic(`port ${port}`);
  });

  test(`${name}: who gives up gets no connection, and leaves none open`, async (t) => {
    let ended = 0;
    const address = await listening(t, 'unix', (socket) => {
      socket.resume();
      socket.on('end', () => {
        ended += 1;
      });
    });
    const giveUp = connect(address, () => assert.fail('called'));
    giveUp();
    giveUp();
    const [one] = await Promise.all([new Promise<Connection | string>((resolve) => void connect(address, resolve)), turns()]);
    (one as Connection).close();
    await until(() => ended >= 1, 'the other side to see the end');
  });
}

test('a host that has a name is looked up', async (t) => {
  const address = await listening(t, 'tcp', (socket) => void socket.end('hello'));
  const { port } = address as { port: number };
  const made = await new Promise<Connection | string>((resolve) => void connectTo({ host: 'localhost', port, text: '' }, resolve));
  assert.notEqual(typeof made, 'string', String(made));
  const heard: Buffer[] = [];
  const connection = made as Connection;
  await new Promise<void>((resolve) => {
    connection.hear({ heard: (bytes) => void heard.push(bytes), drained() {}, ended: () => resolve() });
  });
  assert.equal(Buffer.concat(heard).toString(), 'hello');
});

// --- the same where Node does not show its handles -------------------------------------------------------------------

const without = 'process.binding = undefined';

for (const suite of ['dial.test.js', 'dial-connections.test.js', 'dial-faults.test.js'])
  test(`in a Node without process.binding: ${suite}`, async () => {
    const env: NodeJS.ProcessEnv = { ...process.env, CGI_SERVE_TEST_WITHOUT_HANDLE: without };
    delete env.NODE_TEST_CONTEXT; // It would report to the runner above, in its binary language.
    const file = fileURLToPath(new URL(suite, import.meta.url));
    const child = spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(without)}`, file], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0, said.slice(-20_000));
  });
