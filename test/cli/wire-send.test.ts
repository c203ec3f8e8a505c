/** `wire send`: one request to a program that listens, on each wire, and what is said when the program does not answer as hoped. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { wireRecordedBytesMax } from '../../src/limits.js';
import { protocolStatus } from '../../src/wire/fastcgi-records.js';
import { documentHead, peerOf, type Visit, wires } from '../carrier/peers.js';
import { room } from '../real/peers.js';
import { type CliResult, launchCli, runCli } from '../support/cli.js';
import { until } from '../support/until.js';
import { folder, hello } from './folder.js';

interface Way {
  bytes: number;
  payload_bytes: number;
  envelope_bytes: number;
  kept_bytes: number;
  hex: string;
  heard: { variables: { name: string; value: string }[] | null; body_bytes: number; end: string | null; app_status: number | null }[];
  fields: { name: string }[];
}

interface Report {
  whole: boolean;
  variables: { name: string; value: string; section: string | null }[];
  sent: Way | null;
  received: Way | null;
  answer: { kind: string; status: number; reason: string; headers: [string, string][]; location: string | null } | null;
  body: { bytes: number; text?: string; truncated: boolean };
  stderr: string[];
  app_status: number | null;
  times_ms: Record<string, number | null>;
  notes: string[];
  hints: string[];
  failure: { code: string; detail: string } | null;
}

const send = (...args: string[]) => sendInput('', ...args);

const sendInput = async (input: string, ...args: string[]): Promise<Report & { code: number | null }> => {
  const { code, stdout, stderr } = await runCli(['wire', 'send', '--json', ...args], { input });
  assert.ok(stdout.startsWith('{'), stderr);
  return { ...(JSON.parse(stdout) as Report), code };
};

const made = 'Status: 201 Made\r\nContent-Type: text/plain\r\nX-One: 1\r\n\r\n';

for (const wire of wires) {
  test(`${wire}: a request, its answer, both ways, for a program`, async (t) => {
    const peer = await peerOf(t, wire, async (visit) => {
      const body = await visit.body;
      visit.complain('a warning\n');
      visit.say(`${made}${visit.meta.get('QUERY_STRING')} ${body}`);
      visit.end(7);
    });
    const report = await send(
      peer.address,
      '/app/x?a=1',
      '-d',
      'b=2',
      '-H',
      'X-Two: 2',
      '--prefix',
      '/app',
      '-e',
      'MINE=m',
      '--wire',
      wire,
    );
    const fastcgi = wire === 'fastcgi';
    assert.deepEqual([report.code, report.whole, report.failure, report.hints], [0, true, null, []]);
    assert.deepEqual([report.answer!.status, report.answer!.reason, report.answer!.kind], [201, 'Made', 'document']);
    assert.deepEqual(report.answer!.headers, [
      ['Content-Type', 'text/plain'],
      ['X-One', '1'],
    ]);
    assert.deepEqual(report.body, { bytes: 7, text: 'a=1 b=2', truncated: false });
    assert.deepEqual(report.stderr, fastcgi ? ['a warning'] : []);
    assert.equal(report.app_status, fastcgi ? 7 : null);
    const { meta } = peer.visits[0]!;
    assert.deepEqual(
      ['SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'CONTENT_LENGTH', 'HTTP_X_TWO', 'MINE'].map((name) => meta.get(name)),
      ['/app', '/x', 'a=1', '3', '2', 'm'],
    );
    assert.equal(report.variables.length, wire === 'scgi' ? meta.size - 1 : meta.size);
    // The same as it would be encoded, but for the wish to keep the connection.
    const encoded = await runCli([
      ...'wire encode /app/x?a=1 -d b=2 --prefix /app -e MINE=m --hex --wire'.split(' '),
      wire,
      '-H',
      'X-Two: 2',
    ]);
    const hex = encoded.stdout.replace(/\s/g, '');
    assert.equal(report.sent!.hex, fastcgi ? `${hex.slice(0, 20)}01${hex.slice(22)}` : hex);
    const { sent, received } = report;
    for (const way of [sent!, received!]) {
      assert.equal(way.payload_bytes + way.envelope_bytes, way.bytes);
      assert.equal(way.kept_bytes, way.bytes);
      assert.equal(way.heard[0]!.end, 'whole');
    }
    assert.equal(received!.payload_bytes, made.length + 7 + (fastcgi ? 'a warning\n'.length : 0));
    for (const phase of ['dial', 'wait', 'head', 'body']) assert.ok(report.times_ms[phase]! >= 0, phase);
  });

  test(`${wire}: the same for a person`, async (t) => {
    const peer = await peerOf(t, wire, (visit) => {
      visit.complain('a warning\n');
      visit.answer('hello\x1b[2J');
    });
    const { code, stdout } = await runCli(['wire', 'send', peer.address, '/x', '--wire', wire]);
    assert.equal(code, 0);
    const expected = [
      new RegExp(`^${{ fastcgi: 'FastCGI', scgi: 'SCGI', uwsgi: 'uwsgi' }[wire]} {2}unix:.*app\\.sock {2}GET /x$`, 'm'),
      /^→ Sent {2}\d+ bytes$/m,
      /^ {2}→ .*\d+ variables · body 0 bytes · whole$/m,
      /^ {4}§4\.1\.5 +PATH_INFO +\/x$/m,
      /^ {2}\d+ of payload \(\d\d\.\d %\), \d+ of envelope \(\d+\.\d %\)$/m,
      /^← Received {2}\d+ bytes$/m,
      /^ {2}← .* output \d+ bytes .*whole$/m,
      /^ {2}✓ 200 OK · a document/m,
      /^ {4}Content-Type: text\/plain$/m,
      /^ {2}│ hello\\x1b\[2J$/m,
      /^ {2}\d+\.\d ms \(dial \d+\.\d · wait \d+\.\d · head \d+\.\d · body \d+\.\d\).* · body 9B$/m,
      ...(wire === 'fastcgi' ? [/^ {2}→ BEGIN_REQUEST {2}request 1/m, /^ {2}← END_REQUEST {2}request 1/m, /^stderr\n {2}a warning$/m] : []),
    ];
    for (const pattern of expected) assert.match(stdout, pattern);
    const hex = await runCli(['wire', 'send', peer.address, '/x', '--wire', wire, '--hex']);
    assert.match(hex.stdout, / 50 41 54 48 5f 49 … (?:nameData|name|key) +PATH_INFO /);
    const chinese = await runCli(['wire', 'send', peer.address, '/x', '--wire', wire, '--lang', 'zh-CN']);
    assert.match(chinese.stdout, /^→ 发送 {2}\d+ 字节[\s\S]*← 收到[\s\S]*^响应$[\s\S]*^ {2}✓ 200 OK · 文档/m);
  });

  test(`${wire}: more than is kept`, async (t) => {
    const body = 'b'.repeat(wireRecordedBytesMax * 2);
    const peer = await peerOf(t, wire, async (visit) => {
      await visit.body;
      visit.answer(body);
    });
    const report = await sendInput(body, peer.address, '-d', '@-', '--wire', wire);
    assert.deepEqual([report.code, report.body.bytes, report.body.text], [0, body.length, body]);
    for (const way of [report.sent!, report.received!]) {
      assert.equal(way.kept_bytes, wireRecordedBytesMax);
      assert.ok(way.bytes > body.length);
      assert.equal(way.payload_bytes + way.envelope_bytes, way.bytes);
    }
    assert.equal(report.received!.payload_bytes, documentHead.length + body.length);
    const { stdout } = await runCli(['wire', 'send', peer.address, '-d', '@-', '--wire', wire], { input: body });
    assert.match(stdout, /^ {2}the last \d+ bytes were not kept$/m);
  });

  test(`${wire}: answers that are none`, async (t) => {
    const answers: [name: string, visit: (visit: Visit) => void, code: string, hint?: RegExp][] = [
      ['silent end', (visit) => visit.socket.destroy(), 'WIRE_TRUNCATED', /Not one byte came back\. .*--wire /],
      ['no head', saying('what?\n\n'), 'REPLY_NOT_A_HEADER'],
      ['half', saying('Content-Length: 9\nContent-Type: text/plain\n\nhalf'), 'REPLY_SHORT'],
      ['nothing', () => {}, 'REPLY_HEAD_TIMEOUT', /Not one byte came back/],
    ];
    let answer = answers[0]![1];
    const peer = await peerOf(t, wire, (visit) => answer(visit));
    for (const [name, visit, code, hint] of answers) {
      answer = visit;
      const args = [peer.address, '/', '--wire', wire, '--header-timeout', '1'];
      const report = await send(...args);
      assert.deepEqual([report.code, report.whole, report.failure?.code], [5, false, code], name);
      if (hint) assert.match(report.hints.join('\n'), hint, name);
      else assert.deepEqual(report.hints, [], name);
      if (name !== 'half') continue;
      const { code: exit, stdout } = await runCli(['wire', 'send', ...args]);
      assert.equal(exit, 5);
      assert.match(stdout, /✓ 200 OK[\s\S]*│ half[\s\S]*502 {2}REPLY_SHORT/);
    }
  });

  test(`${wire}: an HTTP server listens there`, async (t) => {
    const address = await httpServer(t);
    const report = await send(address, '/', '--wire', wire);
    assert.match(report.hints.join('\n'), new RegExp(`An HTTP server listens there: curl -i http://${address}/`));
    if (wire !== 'fastcgi') return assert.equal(report.answer?.status, 400);
    assert.deepEqual([report.code, report.failure?.code], [5, 'WIRE_BROKEN']);
    assert.match(report.failure!.detail, /an HTTP answer, so an HTTP server listens there/);
  });
}

const saying =
  (text: string) =>
  (visit: Visit): void => {
    visit.say(text);
    visit.end();
  };

/** A web server, to be mistaken for a program behind one. */
const httpServer = async (t: TestContext): Promise<string> => {
  const server = createServer((_, res) => res.end('hi'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('a refusal, a redirect, HEAD', async (t) => {
  const peer = await peerOf(t, 'fastcgi', (visit) => {
    const path = visit.meta.get('PATH_INFO');
    if (path === '/no') return visit.refuse(protocolStatus.OVERLOADED);
    visit.say(path === '/there' ? 'Location: /here?x\n\n' : `${documentHead}${visit.meta.get('REQUEST_METHOD') === 'HEAD' ? '' : 'body'}`);
    visit.end();
  });
  assert.equal((await send(peer.address, '/no')).failure?.code, 'WIRE_OVERLOADED');
  const redirect = await send(peer.address, '/there');
  assert.deepEqual([redirect.code, redirect.answer?.kind, redirect.answer?.location], [0, 'local-redirect', '/here?x']);
  const head = await send(peer.address, '/', '-X', 'HEAD');
  assert.deepEqual([head.code, head.answer?.status, head.body.bytes], [0, 200, 0]);
});

test('over TCP; the modifiers of uwsgi; a target in full; a script', async (t) => {
  const heard: Buffer[] = [];
  const connected = (socket: Socket): undefined => void socket.on('data', (piece: Buffer) => heard.push(piece));
  const uwsgi = await peerOf(t, 'uwsgi', (visit) => visit.answer('ok'), { over: 'tcp', connected });
  const report = await send(`${uwsgi.address}?modifier1=5&modifier2=3`, 'http://example.org:81/a?b', '--wire', 'uwsgi');
  assert.equal(report.code, 0);
  assert.deepEqual([heard[0]![0], heard[0]![3]], [5, 3]);
  const { meta } = uwsgi.visits[0]!;
  assert.deepEqual([meta.get('SERVER_NAME'), meta.get('SERVER_PORT'), meta.get('PATH_INFO')], ['example.org', '81', '/a']);

  const cwd = folder(t, { 'www/index.php': hello });
  const fastcgi = await peerOf(t, 'fastcgi', (visit) => visit.answer('ok'));
  for (const target of [[], ['/index.php/info']]) {
    const { code } = await runCli(['wire', 'send', fastcgi.address, ...target, '--script', 'www/index.php'], { cwd });
    assert.equal(code, 0);
  }
  assert.deepEqual(
    fastcgi.visits.map((visit) => [visit.meta.get('SCRIPT_FILENAME'), visit.meta.get('PATH_INFO')]),
    [
      [join(cwd, 'www/index.php'), ''],
      [join(cwd, 'www/index.php'), '/info'],
    ],
  );
});

test('nobody listens; a file that is no socket; one that may not be opened', async (t) => {
  const dir = room(t);
  const gone = await send(`unix:${dir}/gone.sock`);
  assert.deepEqual([gone.code, gone.failure?.code, gone.sent, gone.received], [5, 'PEER_UNREACHABLE', null, null]);
  assert.match(gone.hints.join('\n'), /there is no such socket/);
  writeFileSync(join(dir, 'file'), '');
  assert.match((await send(`unix:${dir}/file`)).hints.join('\n'), /this is a file and no socket/);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const refused = await send(`127.0.0.1:${port}`);
  assert.deepEqual([refused.code, refused.failure?.code], [5, 'PEER_UNREACHABLE']);
  assert.match(refused.failure!.detail, /ECONNREFUSED/);
  assert.ok(refused.hints.length > 0);

  if (process.getuid?.() === 0) return; // Root may open all of them.
  const peer = await peerOf(t, 'fastcgi', (visit) => visit.answer('ok'));
  chmodSync(peer.address.slice('unix:'.length), 0);
  const denied = await send(peer.address);
  assert.match(denied.failure!.detail, /EACCES/);
  assert.ok(denied.hints.length > 0);
});

test('a request the wire cannot carry', async (t) => {
  const peer = await peerOf(t, 'uwsgi', (visit) => visit.answer('ok'));
  const report = await send(peer.address, '/', '--wire', 'uwsgi', '-H', `Cookie: ${'c'.repeat(70_000)}`);
  assert.deepEqual([report.code, report.failure?.code, report.sent], [5, 'WIRE_VARIABLES_TOO_LARGE', null]);
  assert.equal(peer.visits.length, 0);
});

test('Ctrl-C: the program is told, and what was heard is shown', async (t) => {
  const peer = await peerOf(t, 'fastcgi', (visit) => visit.say(`${documentHead}so far`));
  const running = launchCli(['wire', 'send', peer.address], {});
  await until(() => peer.visits.length === 1, 'the request');
  running.child.kill('SIGINT');
  assert.equal(await peer.visits[0]!.gone, 'aborted');
  const { code } = await running.exited;
  assert.equal(code, 130);
  assert.match(running.stdout(), /ABORT_REQUEST/);
});

test('mistakes', async (t) => {
  const cwd = folder(t);
  const peer = await peerOf(t, 'fastcgi', (visit) => visit.answer('ok'));
  const socket = peer.address.slice('unix:'.length);
  const table: [argv: string[], ...expected: RegExp[]][] = [
    [[], /wire send needs an address/],
    [['http://localhost:9000/a'], /is no address of a fastcgi program/, /curl -i http:\/\/localhost:9000\/a/, /unix:\/path or host:port/],
    [['uwsgi://localhost:9000/a'], /Did you mean: cgi-serve wire send localhost:9000 \/a --wire uwsgi/],
    [['localhost:9000/a?b'], /Did you mean: cgi-serve wire send localhost:9000 '\/a\?b'/],
    [['9000'], /Did you mean: cgi-serve wire send 127\.0\.0\.1:9000 \//],
    [[socket, '/x'], new RegExp(`Did you mean: cgi-serve wire send unix:${socket} /x`)],
    [['/run/php.sock'], /Did you mean: cgi-serve wire send unix:\/run\/php\.sock \//],
    [['/x', peer.address], new RegExp(`Did you mean: cgi-serve wire send ${peer.address} /x`)],
    [['/x'], /The address comes first: cgi-serve wire send unix:\/run\/app\.sock \/x/],
    [['localhost'], /expected unix:\/path or host:port, got 'localhost'/],
    [[`${peer.address},127.0.0.1:1`], /takes one address/],
    [[`${peer.address}?modifier1=5`], /only uwsgi has something to say/i],
    [['127.0.0.1:1?modifier1=999', '--wire', 'uwsgi'], /from 0 to 255/],
    [[peer.address, '/a', '/b'], /what is \/b\?/],
    [[peer.address, 'https://localhost/'], /speaks HTTP, not HTTPS/, /http:\/\/localhost\//],
    [[peer.address, 'x=1'], /URL begins with \//],
  ];
  for (const [argv, ...expected] of table) {
    const result: CliResult = await runCli(['wire', 'send', ...argv], { cwd });
    const shown = `cgi-serve wire send ${argv.join(' ')}\n${result.stdout}${result.stderr}`;
    assert.deepEqual([result.code, result.stdout], [2, ''], shown);
    for (const pattern of expected) assert.match(result.stderr, pattern, shown);
  }
  assert.equal(peer.visits.length, 0);
});

test('an https:// URL is told plainly, wherever a URL is typed', async (t) => {
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
  for (const argv of [
    ['run', 'cgi-bin/hello.sh'],
    ['time', 'cgi-bin/hello.sh'],
    ['wire', 'encode'],
  ]) {
    const { code, stderr } = await runCli([...argv, 'https://localhost:8000/cgi-bin/hello.sh?a'], { cwd });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /speaks HTTP, not HTTPS[\s\S]*'http:\/\/localhost:8000\/cgi-bin\/hello\.sh\?a'/);
    assert.doesNotMatch(stderr, /--data/);
  }
});
