/**
 * uWSGI's spelling of a pool, held beside what a real uWSGI's stats server says, and read by the real uwsgitop where that is to be
 * had (it is on PyPI only).
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { uwsgiObject } from '../../src/status/uwsgi.js';
import { daemon, room } from '../real/peers.js';
import { needs, present } from '../support/needs.js';
import { until } from '../support/until.js';
import { api, busy, php } from './pools.js';
import { onTerminal } from './terminal.js';

const server = { version: 'cgi-serve/1.2.3', pid: 7, uid: 0, gid: 0, cwd: '/srv' };

/** As who asks gets it. */
const told = (pools = [api]) => JSON.parse(JSON.stringify(uwsgiObject(pools, server)));

/** The stats server: connect, and read to the end. */
const readAll = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    const line = connect({ path });
    line.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    line.once('end', () => resolve(text)).once('error', reject);
  });

const shape = (object: object): string[] =>
  Object.entries(object).map(([name, value]) => `${name}: ${Array.isArray(value) ? 'list' : typeof value}`);

test('names, order and types are those of a real uWSGI', async (t) => {
  if (!needs(t, 'uwsgi')) return;
  const folder = room(t);
  writeFileSync(
    join(folder, 'app.py'),
    'def application(environ, start_response):\n    start_response("200 OK", [])\n    return [b"hi"]\n',
  );
  const [socket, stats] = [join(folder, 'u.sock'), join(folder, 'stats.sock')];
  const listen = ['--uwsgi-socket', socket, '--stats', stats, '--memory-report'];
  const args = ['--master', '--processes', '1', '--need-app', '--die-on-term', '--wsgi-file', join(folder, 'app.py'), ...listen];
  await daemon(t, '/usr/bin/uwsgi_python3', args, [socket, stats]);
  const theirs = await until(async () => {
    const all = JSON.parse(await readAll(stats));
    return all.workers[0].apps.length > 0 && all;
  }, 'the application to be loaded');

  const ours = told();
  assert.deepEqual(shape(ours), shape(theirs));
  assert.deepEqual(shape(ours.sockets[0]), shape(theirs.sockets[0]));
  assert.deepEqual(shape(ours.workers[0]), shape(theirs.workers[0]));
  assert.deepEqual(shape(ours.workers[0].apps[0]), shape(theirs.workers[0].apps[0]));
  assert.deepEqual(shape(ours.workers[0].cores[0]), shape(theirs.workers[0].cores[0]));
});

test('what is said of a worker', () => {
  const worker = told().workers.find(({ pid }: { pid: number }) => pid === 4242);
  assert.equal(worker.id, 2);
  assert.equal(worker.status, 'busy');
  assert.equal(worker.requests, 13, 'failures are requests');
  assert.equal(worker.exceptions, 2);
  assert.equal(worker.rss, 25_270_000);
  assert.equal(worker.last_spawn, Math.floor(busy.startedAt / 1000));
  assert.equal(worker.cores[0].in_request, 1);
  assert.deepEqual(worker.cores[0].vars, ['REQUEST_METHOD=POST', 'REQUEST_URI=/api/form?x=1&y=<b>"q"', 'REMOTE_USER=ada', '']);
  assert.equal(worker.cores[0].req_info.request_start, Math.floor(busy.request!.startedAt / 1000));
  assert.deepEqual(
    told().workers.map(({ id, pid, status, accepting }: Record<string, unknown>) => [id, pid, status, accepting]),
    [
      [1, 4100, 'pause', 0],
      [1, 4243, 'idle', 1],
      [2, 4242, 'busy', 1],
      [3, 4244, 'pause', 0],
    ],
  );
});

test('the workers of several pools have numbers and mount points of their own', () => {
  const all = told([php, { ...api, workers: [busy] }, { ...api, where: '/two', workers: [busy] }]);
  assert.equal(all.listen_queue, 10);
  assert.equal(all.listen_queue_errors, 2);
  assert.deepEqual(
    all.sockets.map(({ name, max_queue }: Record<string, unknown>) => [name, max_queue]),
    [
      ['.php', 100],
      ['/api', 100],
      ['/two', 100],
    ],
  );
  assert.deepEqual(
    all.workers.map(({ id, apps }: { id: number; apps: { mountpoint: string }[] }) => [id, apps[0]!.mountpoint]),
    [
      [2 + 2, '/api'],
      [2 + 4 + 2, '/two'],
    ],
  );
});

test('our own process is named only where we are told to', () => {
  const bare = JSON.parse(JSON.stringify(uwsgiObject([], { version: 'cgi-serve/1.2.3' })));
  assert.deepEqual(
    ['pid', 'uid', 'gid', 'cwd'].filter((name) => name in bare),
    [],
  );
  assert.deepEqual(bare.workers, []);
});

// Debian has no package of it, so its absence is no gap.
const uwsgitop = present('uwsgitop') ? test : () => {};
uwsgitop('the real uwsgitop shows our workers', async (t) => {
  const http = createServer((_, res) => res.end(JSON.stringify(uwsgiObject([api], { version: server.version }))));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.after(() => void http.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const top = onTerminal(t, ['uwsgitop', url], { columns: 180, rows: 30 });
  await until(() => /4243/.test(top.said()) && /4242/.test(top.said()), 'uwsgitop to show the workers').catch((error) =>
    assert.fail(`${error}\n${top.said()}`),
  );
  assert.match(top.said(), /uwsgi-cgi-serve\/1\.2\.3/);
  assert.match(top.said(), /lq: 5/);
  top.type('a'); // its other view: a line for each core
  await until(() => /2:0/.test(top.said()), 'its view of cores').catch((error) => assert.fail(`${error}\n${top.said()}`));
  top.type('q');
  assert.equal(await top.ended, 0, top.said());
});
