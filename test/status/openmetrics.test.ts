/**
 * OpenMetrics, read by Prometheus's own parser, which takes the format word for word: of ours everything must come back, with the
 * names of php-fpm's metrics among it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openMetrics } from '../../src/status/openmetrics.js';
import { attempt } from '../real/command.js';
import { phpFpm } from '../real/peers.js';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { get } from '../support/wire.js';
import { api, atMs, php } from './pools.js';

interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: readonly (readonly [name: string, labels: Record<string, string>, value: number])[];
}

const reader = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
text = sys.stdin.buffer.read().decode()
json.dump([{'name': f.name, 'type': f.type, 'samples': [[s.name, s.labels, s.value] for s in f.samples]} for f in families(text)], sys.stdout)
`;

const parsed = async (text: string): Promise<Family[]> => {
  const { code, stdout, stderr } = await attempt('/usr/bin/python3', ['-c', reader], { input: text });
  assert.equal(code, 0, `${stderr}\n${text}`);
  return JSON.parse(stdout);
};

const hasParser = (t: TestContext): boolean => needs(t, 'python3-prometheus-client');

test('a strict parser reads all of it, and each pool by its label', async (t) => {
  if (!hasParser(t)) return;
  const families = await parsed(openMetrics([api, php], { full: true, atMs }));
  const value = (name: string, labels: Record<string, string>): number | undefined =>
    families.flatMap(({ samples }) => samples).find(([n, has]) => n === name && JSON.stringify(has) === JSON.stringify(labels))?.[2];
  for (const { name, samples } of families)
    for (const [, labels] of samples) assert.ok(['/api', '.php'].includes(labels.pool ?? ''), `${name} ${JSON.stringify(labels)}`);

  assert.equal(value('phpfpm_accepted_connections', { pool: '/api' }), 1234);
  assert.equal(value('phpfpm_accepted_connections', { pool: '.php' }), 0);
  assert.equal(value('phpfpm_active_processes', { pool: '/api' }), 3);
  assert.equal(value('cgi_serve_reload_refused', { pool: '/api' }), 0);
  assert.equal(value('cgi_serve_reload_refused', { pool: '.php' }), 1);
  assert.equal(value('cgi_serve_queue_wait_seconds', { pool: '/api', quantile: '0.99' }), 0.1205);
  assert.equal(value('cgi_serve_queue_wait_seconds', { pool: '/api', quantile: '1' }), 1.5);
  for (const [reason, count] of Object.entries(api.queue.drops))
    assert.equal(value('cgi_serve_queue_drops_total', { pool: '/api', reason }), count, reason);
  for (const [reason, count] of Object.entries(api.recycled))
    assert.equal(value('cgi_serve_recycled_total', { pool: '/api', reason }), count, reason);
  assert.equal(value('cgi_serve_crashed_total', { pool: '/api' }), 16);
  assert.equal(value('cgi_serve_retries_total', { pool: '/api' }), 17);
  assert.equal(value('cgi_serve_truncations_total', { pool: '/api' }), 18);
  assert.equal(value('cgi_serve_aborts_total', { pool: '/api' }), 19);
  const worker = { pool: '/api', slot: '2', generation: '3', pid: '4242' };
  assert.equal(value('cgi_serve_worker_cpu_seconds_total', worker), 1.5);
  assert.equal(value('cgi_serve_worker_memory_bytes', worker), 25_270_000);
});

test('the workers are told when they are asked for; what is not known is not told', async (t) => {
  if (!hasParser(t)) return;
  const names = async (full: boolean) => (await parsed(openMetrics([api], { full, atMs }))).map(({ name }) => name);
  assert.ok(!(await names(false)).some((name) => name.startsWith('cgi_serve_worker_')));
  const families = await parsed(openMetrics([api], { full: true, atMs }));
  const known = families.find(({ name }) => name === 'cgi_serve_worker_memory_bytes')?.samples.map(([, labels]) => labels.pid);
  assert.deepEqual(known, ['4100', '4242']);
  assert.deepEqual(families.find(({ name }) => name === 'cgi_serve_queue_wait_seconds')?.samples.length, 4);
  const none = await parsed(openMetrics([php], { full: true, atMs }));
  assert.deepEqual(none.find(({ name }) => name === 'cgi_serve_queue_wait_seconds')?.samples, []);
});

test('a mount of any name is a label', async (t) => {
  if (!hasParser(t)) return;
  const where = '/a"b\\c';
  const [up] = await parsed(openMetrics([{ ...api, where }], { full: false, atMs }));
  assert.deepEqual(up?.samples, [['phpfpm_up', { pool: where }, 1]]);
});

test("the names are php-fpm's, in its order; its own answer does not pass the parser, for the reason the source gives", async (t) => {
  if (!needs(t, 'php-fpm')) return;
  const { socket } = await phpFpm(t);
  const h = await house({ public: { 'status.php': '' }, mounts: [{ wire: 'fastcgi', where: '.php', address: `unix:${socket}` }] });
  t.after(() => h.stop());
  const theirs = (await get(h.port, '/status.php?openmetrics')).text;
  const names = (text: string): string[] => [...text.matchAll(/^(\w+)(?:\{.*\})? \d+$/gm)].map(([, name]) => name!);
  assert.ok(names(theirs).length > 10, theirs);
  assert.deepEqual(names(openMetrics([api], { full: false, atMs })).slice(0, names(theirs).length), names(theirs));

  if (!hasParser(t)) return;
  const { code, stderr } = await attempt('/usr/bin/python3', ['-c', reader], { input: theirs });
  assert.notEqual(code, 0, 'php-fpm writes OpenMetrics now: our types may be its own');
  assert.match(stderr, /phpfpm_start_since/);
});
