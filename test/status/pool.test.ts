/** A real pool, asked while it works: what it tells of itself is what happened, in every spelling. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { statusAnswer } from '../../src/status/answer.js';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get } from '../support/wire.js';

/** Answers at once; below `/wait` when the file of that name is there. */
const application = (release: string) => `
import os, time

def application(environ, start_response):
    while environ['PATH_INFO'] == '/wait' and not os.path.exists(${JSON.stringify(release)}): time.sleep(0.02)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'hello']
`;

test('a pool of WSGI workers, while one is busy and when it is not', async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-pool-status-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const release = join(folder, 'release');
  const app = join(folder, 'app.py');
  writeFileSync(app, application(release));
  const h = await house({ dir: false, mounts: [{ where: '/app', wsgi: `${app}:application` }], workers: 2 });
  t.after(() => h.stop());
  const ask = (query: string): string => {
    const pools = h.server.site.pools.map((pool) => pool.status());
    return statusAnswer(pools, new URLSearchParams(query), '', Date.now()).body;
  };
  const [pool] = JSON.parse(ask('whole')).pools;
  assert.deepEqual([pool.where, pool.gateway, pool.accepted, pool.workers.length], ['/app', 'wsgi', 0, 2]);

  const bothIdle = () =>
    until(() => {
      const told = JSON.parse(ask('json&full'));
      return told['idle processes'] === 2 && told;
    }, 'both to be idle');
  for (let i = 0; i < 5; i++) assert.equal((await get(h.port, `/app/quick?${i}`)).text, 'hello');
  await bothIdle();
  const slow = get(h.port, '/app/wait?x=1&y=2');
  const busy = await until(
    () => JSON.parse(ask('json&full')).processes.find((worker: object) => 'state' in worker && worker.state === 'Running'),
    'a busy worker',
  );
  assert.deepEqual([busy['request method'], busy['request uri'], busy['in flight']], ['GET', '/app/wait?x=1&y=2', 1]);
  assert.match(ask('text'), /^active processes: {5}1$/m);
  assert.match(ask('openmetrics'), /^phpfpm_active_processes\{pool="\/app"\} 1$/m);
  assert.match(ask('html'), /now <code>GET \/app\/wait\?x=1&amp;y=2<\/code>/);
  const core = JSON.parse(ask('uwsgi')).workers.find(({ pid }: { pid: number }) => pid === busy.pid).cores[0];
  assert.deepEqual([core.in_request, core.vars[1]], [1, 'REQUEST_URI=/app/wait?x=1&y=2']);

  writeFileSync(release, '');
  assert.equal((await slow).text, 'hello');
  const after = await bothIdle();
  assert.equal(after['accepted conn'], 6);
  assert.equal(
    after.processes.reduce((sum: number, { requests }: { requests: number }) => sum + requests, 0),
    6,
  );
  assert.equal(after['queue waits'], 6);
  assert.ok(after['queue wait p50'] <= after['queue wait p90'] && after['queue wait p99'] <= after['queue wait max']);
  assert.ok(after.processes.find(({ pid }: { pid: number }) => pid === busy.pid)['request duration'] > 0);
});
