/**
 * The WSGI worker's side of the three wires, spoken to without a web server: the rules of FastCGI §3 to §5, bytes cut anywhere, and
 * bytes that are no request.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isFailure } from '../../src/failures.js';
import { wireVariablesBytesMax } from '../../src/limits.js';
import { askValues, readValues } from '../../src/wire/fastcgi.js';
import {
  type FcgiRecord,
  flag,
  recordType,
  role,
  typeName,
  writeBegin,
  writeParams,
  writeRecord,
  writeStream,
} from '../../src/wire/fastcgi-records.js';
import { scgi } from '../../src/wire/scgi.js';
import { uwsgi } from '../../src/wire/uwsgi.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { basics, caller, worker } from './worker.js';

const { ABORT_REQUEST, PARAMS, STDIN } = recordType;

const params = (variables: Record<string, string>, id = 1): Buffer => {
  const written = writeParams(id, new Map(Object.entries({ ...basics, ...variables })));
  assert.ok(!isFailure(written));
  return written;
};
const begin = (keep = true, id = 1) => writeBegin(id, role.RESPONDER, keep ? flag.KEEP_CONN : 0);
const noBody = (id = 1) => writeRecord(STDIN, id);
/** `STDOUT 1 "…"` */
const show = (records: readonly FcgiRecord[]) =>
  records.map(({ type, requestId, content }) => `${typeName(type)} ${requestId} ${JSON.stringify(content.toString('latin1'))}`);
const ended = (id = 1, appStatus = 0, status = 0) =>
  `END_REQUEST ${id} ${JSON.stringify(Buffer.from([0, 0, 0, appStatus, status, 0, 0, 0]).toString('latin1'))}`;

const head = 'Status: 200 OK\r\nContent-Type: text/plain\r\n';

test('FastCGI: an answer, record by record; the connection carries the next request', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'plain.py');
  const line = await caller(t, socket);
  for (const id of [1, 2, 1]) {
    line.records.length = 0;
    line.send(begin(true, id), params({ PATH_INFO: '/one' }, id), noBody(id));
    assert.deepEqual(show(await line.heard(3)), [
      `STDOUT ${id} ${JSON.stringify(`${head}Content-Length: 3\r\n\r\none`)}`,
      `STDOUT ${id} ""`,
      ended(id),
    ]);
  }
  assert.equal(line.ended(), false);
});

test('FastCGI: without KEEP_CONN the worker closes the connection', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'plain.py');
  const line = await caller(t, socket);
  const answer = await line.ask({ PATH_INFO: '/x' }, { keep: false });
  assert.equal(answer.output, `${head}\r\nplain /x`);
  await line.closed;
});

test('FastCGI: a request in single bytes; PARAMS as a stream whose pairs cross records; long lengths; padding', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'plain.py');
  const line = await caller(t, socket);
  const long = 'n'.repeat(200);
  const whole = params({ PATH_INFO: '/cut', [long]: 'v'.repeat(40_000) });
  const contents: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const length = whole.readUInt16BE(at + 4);
    contents.push(whole.subarray(at + 8, at + 8 + length));
    at += 8 + length + whole[at + 6]!;
  }
  const stream = Buffer.concat(contents);
  const cut: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 7) cut.push(writeRecord(PARAMS, 1, stream.subarray(at, at + 7)));
  const bytes = Buffer.concat([begin(), ...cut, writeRecord(PARAMS, 1), noBody()]);
  for (let at = 0; at < 400; at++) {
    line.send(bytes.subarray(at, at + 1));
    if (at % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  line.send(bytes.subarray(400));
  await line.heard(3);
  assert.match(show(line.records).join(), /"\/cut"/);
});

test('FastCGI: what is about the connection, before a request and during one', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'unruly.py', { args: ['--threads', '3'] });
  const line = await caller(t, socket);
  line.send(askValues());
  const [values] = await line.heard(1);
  const read = readValues(values!);
  assert.ok(!isFailure(read));
  assert.deepEqual(
    [...read],
    [
      ['FCGI_MAX_CONNS', '3'],
      ['FCGI_MAX_REQS', '3'],
      ['FCGI_MPXS_CONNS', '0'],
    ],
  );
  line.send(writeRecord(77, 0));
  assert.deepEqual(show(await line.heard(2))[1], 'UNKNOWN_TYPE 0 "M\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"');

  line.records.length = 0;
  line.send(writeRecord(STDIN, 9), begin(), params({ PATH_INFO: '/reads_half', CONTENT_LENGTH: '10' }));
  line.send(askValues(), begin(true, 2), params({}, 2), noBody(2), ...writeStream(STDIN, 1, Buffer.from('0123456789')), noBody());
  const told = show(await line.heard(5));
  assert.match(told[0]!, /^GET_VALUES_RESULT/);
  assert.equal(told[1], ended(2, 0, 1), 'CANT_MPX_CONN');
  assert.match(told[2]!, /0123456789/);
  assert.equal(told[4], ended());
});

test('FastCGI: another role is refused, the connection stays if it may', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'plain.py');
  const line = await caller(t, socket);
  line.send(writeBegin(1, role.AUTHORIZER, flag.KEEP_CONN), params({}));
  assert.deepEqual(show(await line.heard(1)), [ended(1, 0, 3)]);
  assert.match((await line.ask({ PATH_INFO: '/still' })).output, /plain \/still/);
  const other = await caller(t, socket);
  other.send(writeBegin(1, role.FILTER, 0), params({}));
  assert.deepEqual(show(await other.heard(1)), [ended(1, 0, 3)]);
  await other.closed;
});

test('FastCGI: ABORT_REQUEST ends the iteration, close() is called, and END_REQUEST comes on a connection that is kept', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket, folder } = await worker(t, 'probe.py');
  const line = await caller(t, socket);
  const sign = join(folder, 'closed');
  line.send(begin(), params({ PATH_INFO: '/endless', QUERY_STRING: sign }), noBody());
  await line.heard(3);
  line.send(writeRecord(ABORT_REQUEST, 1));
  await until(() => existsSync(sign) && readFileSync(sign, 'utf8') === 'closed', 'close()');
  await until(() => line.records.at(-1)?.type === recordType.END_REQUEST, 'END_REQUEST');
  assert.match((await line.ask({ PATH_INFO: '/empty' }, { id: 2 })).output, /^Status: 200/);
});

test('FastCGI: stderr has its stream; what is written after the end goes to the worker’s own', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket, daemon } = await worker(t, 'unruly.py');
  const line = await caller(t, socket);
  const failed = await line.ask({ PATH_INFO: '/raises' });
  assert.match(failed.errors, /KeyError: 'early'/);
  assert.equal(failed.appStatus, 1);
  assert.match(show(line.records).join('\n'), /STDOUT 1 ""\nSTDERR 1 ""\nEND_REQUEST/);
  assert.equal((await line.ask({ PATH_INFO: '/logs_late' })).errors, '');
  await until(() => daemon.said().includes('after the end'), 'the late line');
  assert.match((await line.ask({ PATH_INFO: '/old_style' })).output, /012$/);
});

test('FastCGI: an answer that is broken off never gets its END_REQUEST', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'unruly.py');
  for (const path of ['/raises_later', '/short', '/exc_info_after']) {
    const line = await caller(t, socket);
    assert.equal((await line.ask({ PATH_INFO: path })).failed, 'WIRE_TRUNCATED', path);
    await line.closed;
  }
});

test('FastCGI: a body that is too long is cut by the worker itself', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'unruly.py');
  const line = await caller(t, socket);
  assert.match((await line.ask({ PATH_INFO: '/long' })).output, /\r\n\r\n1234567890$/);
  assert.match((await line.ask({ PATH_INFO: '/long_write' }, { id: 2 })).output, /\r\n\r\n12345$/);
});

test('FastCGI: half an upload is an error for whoever reads it', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket, daemon, folder } = await worker(t, 'unruly.py');
  const line = await caller(t, socket);
  line.send(begin(), params({ PATH_INFO: '/swallows', REQUEST_METHOD: 'POST', CONTENT_LENGTH: '100' }));
  line.send(...writeStream(STDIN, 1, Buffer.from('only this')), noBody());
  await until(() => line.records.at(-1)?.type === recordType.END_REQUEST, 'the end');
  assert.match(show(line.records).join(), /Status: 500/);
  await until(() => daemon.said().includes('OSError: the body ended 91 bytes too early'), 'the error');
  const other = await caller(t, socket);
  const sign = join(folder, 'reading');
  other.send(begin(), params({ PATH_INFO: '/swallows', REQUEST_METHOD: 'POST', CONTENT_LENGTH: '100', QUERY_STRING: sign }));
  await until(() => existsSync(sign), 'the application to read');
  other.socket.end();
  await until(() => daemon.said().includes('OSError: the web server has closed'), 'the other error');
  assert.match((await line.ask({ PATH_INFO: '/old_style' })).output, /012$/);
});

test('FastCGI: a body without CONTENT_LENGTH ends where its stream does', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'probe.py');
  const line = await caller(t, socket);
  line.send(
    begin(),
    params({ PATH_INFO: '/body', REQUEST_METHOD: 'POST' }),
    ...writeStream(STDIN, 1, Buffer.alloc(200_000, 'x')),
    noBody(),
  );
  await until(() => line.records.at(-1)?.type === recordType.END_REQUEST, 'the end');
  assert.match(show(line.records).join(), /None 200000/);
});

test('FastCGI: a silent connection holds no thread', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'plain.py');
  const silent = [await caller(t, socket), await caller(t, socket)];
  silent[1]!.send(askValues());
  await silent[1]!.heard(1);
  const kept = await caller(t, socket);
  assert.match((await kept.ask({ PATH_INFO: '/1' })).output, /plain \/1/);
  const other = await caller(t, socket);
  assert.match((await other.ask({ PATH_INFO: '/2' })).output, /plain \/2/);
  assert.match((await kept.ask({ PATH_INFO: '/3' }, { id: 2 })).output, /plain \/3/);
  assert.match((await silent[0]!.ask({ PATH_INFO: '/4' })).output, /plain \/4/);
});

test('bounds: too many bytes of variables, too many variables', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket, daemon } = await worker(t, 'plain.py');
  const large = await caller(t, socket);
  large.send(begin());
  const piece = writeRecord(PARAMS, 1, Buffer.alloc(65_000, 'x'));
  for (let sent = 0; sent <= wireVariablesBytesMax; sent += 65_000) large.send(piece);
  await large.closed;
  const many = await caller(t, socket);
  many.send(begin(), params(Object.fromEntries(Array.from({ length: 1100 }, (_, at) => [`V${at}`, '']))), noBody());
  await many.closed;
  assert.match(daemon.said(), /more than 1048576 bytes of variables/);
  assert.match(daemon.said(), /or more than 1000/);
  assert.match((await (await caller(t, socket)).ask({ PATH_INFO: '/on' })).output, /plain \/on/);
});

const wrong: Record<'fastcgi' | 'scgi' | 'uwsgi', string[]> = {
  fastcgi: ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\x01\x01\x00\x01\x00\x01\x00\x00', '\x01\x04\x00\x00\x00\x00\x00\x00\x02'],
  scgi: [
    'GET / HTTP/1.1\r\n\r\n',
    '05:A\x00\x00,',
    '9999999:',
    '3:A\x00\x00;',
    '6:A\x00B\x00C\x00,',
    '24:CONTENT_LENGTH\x000\x00SCGI\x002\x00,',
    '0:,',
  ],
  uwsgi: ['GET / HTTP/1.1\r\n\r\n', '\x00\x05\x00\x00\x09\x00abc', '\x05\x00\x00\x00', '\x00\x03\x00\x00\x01\x00a'],
};

for (const [wire, texts] of Object.entries(wrong) as [keyof typeof wrong, string[]][]) {
  test(`${wire}: bytes that are no request cost one connection`, async (t) => {
    if (!needs(t, 'python3')) return;
    const { socket, daemon } = await worker(t, 'plain.py', { wire });
    for (const text of texts) {
      const line = await caller(t, socket);
      line.socket.end(Buffer.from(text, 'latin1'));
      await line.closed;
    }
    assert.match(daemon.said(), /that is HTTP, but this is no web server/);
    assert.doesNotMatch(daemon.said(), /Traceback/);
    assert.match(await raw(t, socket, wire), /plain \/good/);
  });
}

/** One request, by the wire's own codec; all that comes until the end. */
async function raw(t: TestContext, path: string, wire: 'fastcgi' | 'scgi' | 'uwsgi', variables: Record<string, string> = {}, body = '') {
  const meta = { ...basics, PATH_INFO: '/good', ...variables };
  if (wire === 'fastcgi') return (await (await caller(t, path)).ask(meta)).output;
  const codec = wire === 'scgi' ? scgi : uwsgi({ modifier1: 0, modifier2: 0 });
  const asking = codec.ask(new Map(Object.entries(meta)));
  assert.ok(!isFailure(asking));
  const socket = connect({ path });
  t.after(() => socket.destroy());
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  const end = new Promise((resolve, reject) => socket.once('end', resolve).once('error', reject));
  for (const piece of [asking.opening, ...asking.body(Buffer.from(body))]) socket.write(piece);
  await end;
  return Buffer.concat(pieces).toString('latin1');
}

test('SCGI and uwsgi: the answer as each begins it, ended by the connection', async (t) => {
  if (!needs(t, 'python3')) return;
  const scgiWorker = await worker(t, 'plain.py', { wire: 'scgi' });
  assert.equal(await raw(t, scgiWorker.socket, 'scgi'), `${head}\r\nplain /good`);
  const uwsgiWorker = await worker(t, 'plain.py', { wire: 'uwsgi' });
  assert.equal(await raw(t, uwsgiWorker.socket, 'uwsgi'), 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nplain /good');
});

test('what nginx says: no PATH_INFO, an empty CONTENT_LENGTH, https; --prefix says where the application is', async (t) => {
  if (!needs(t, 'python3')) return;
  const { socket } = await worker(t, 'probe.py', { wire: 'uwsgi', args: ['--prefix', '/shop'] });
  const nginx = { SCRIPT_NAME: '', CONTENT_LENGTH: '', CONTENT_TYPE: '', HTTPS: 'on', HTTP_CONTENT_LENGTH: '5', SERVER_NAME: '' };
  const ask = async (wire: 'uwsgi' | 'fastcgi', path: string, variables: Record<string, string>) => {
    const answer = await raw(t, path, wire, variables);
    return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
  };
  const environ = await ask('uwsgi', socket, { ...nginx, PATH_INFO: '/shop/environ' });
  assert.deepEqual([environ.SCRIPT_NAME, environ.PATH_INFO, environ['wsgi.url_scheme']], ['/shop', '/environ', 'https']);
  for (const name of ['CONTENT_LENGTH', 'CONTENT_TYPE', 'HTTP_CONTENT_LENGTH']) assert.equal(environ[name], undefined);
  assert.equal(environ.SERVER_NAME, 'localhost');

  const bare = await worker(t, 'probe.py');
  const line = await caller(t, bare.socket);
  const { PATH_INFO: _, ...noPath } = basics;
  const asked = async (variables: Record<string, string>) => {
    line.records.length = 0;
    const written = writeParams(1, new Map(Object.entries({ ...noPath, ...variables })));
    assert.ok(!isFailure(written));
    line.send(begin(), written, noBody());
    await until(() => line.records.at(-1)?.type === recordType.END_REQUEST, 'the end');
    const { SCRIPT_NAME, PATH_INFO } = JSON.parse(/\r\n\r\n(.*)/s.exec(line.records[0]!.content.toString())![1]!);
    return [SCRIPT_NAME, PATH_INFO];
  };
  assert.deepEqual(await asked({ SCRIPT_NAME: '/environ' }), ['', '/environ']);
  assert.deepEqual(await asked({ REQUEST_URI: '/%65nviron?x' }), ['', '/environ']);
  assert.deepEqual(await asked({ SCRIPT_NAME: '/', PATH_INFO: 'environ' }), ['', '/environ']);
});
