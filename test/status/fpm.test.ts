/**
 * php-fpm's spellings of a pool: its names, in its order, in its layout, held beside what a real php-fpm 8.2 prints; and ours after
 * them, which never break what reads them.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fpmObject, fpmText, fpmXml, processManager } from '../../src/status/fpm.js';
import { phpFpm } from '../real/peers.js';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { get } from '../support/wire.js';
import { api, atMs, idle, php } from './pools.js';

/** What a real php-fpm says of itself; undefined where there is none. */
async function realFpm(t: TestContext): Promise<((query: string) => Promise<string>) | undefined> {
  if (!needs(t, 'php-fpm')) return undefined;
  const { socket } = await phpFpm(t);
  const h = await house({ public: { 'status.php': '' }, mounts: [{ wire: 'fastcgi', where: '.php', address: `unix:${socket}` }] });
  t.after(() => h.stop());
  return async (query) => {
    const answer = await get(h.port, `/status.php?${query}`);
    assert.equal(answer.status, 200);
    return answer.text;
  };
}

/** `[name, the column its value begins in]` of each line that has both. */
const layout = (text: string): (readonly [string, number])[] =>
  [...text.matchAll(/^([^:*\n]+): +/gm)].map(([lead, name]) => [name!, lead.length] as const);

const beginsLike = <T>(ours: readonly T[], theirs: readonly T[]): void => {
  assert.ok(theirs.length > 10, `${theirs.length} fields of php-fpm's`);
  assert.deepEqual(ours.slice(0, theirs.length), theirs);
  assert.ok(ours.length > theirs.length, 'and more of ours');
};

/** A pool's lines, and one worker's. */
const blocks = (text: string): string[] => text.split(/\n\*{24}\n/);

test('text: names, order, columns and the blocks of `full` are those of php-fpm', async (t) => {
  const ask = await realFpm(t);
  if (!ask) return;
  beginsLike(layout(fpmText(api, { full: false, atMs })), layout(await ask('')));
  const [ourPool, ...ourWorkers] = blocks(fpmText(api, { full: true, atMs }));
  const [theirPool, ...theirWorkers] = blocks(await ask('full'));
  beginsLike(layout(ourPool!), layout(theirPool!));
  assert.equal(ourWorkers.length, api.workers.length);
  for (const worker of ourWorkers) beginsLike(layout(worker), layout(theirWorkers[0]!));
  const time = /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/;
  for (const text of [ourPool!, theirPool!]) assert.match(/^start time: +(.*)$/m.exec(text)![1]!, time);
});

test('JSON: names, order and types are those of php-fpm', async (t) => {
  const ask = await realFpm(t);
  if (!ask) return;
  const shape = (object: object) =>
    Object.entries(object).map(([name, value]) => `${name}: ${Array.isArray(value) ? 'list' : typeof value}`);
  const asJson = (full: boolean) => JSON.parse(JSON.stringify(fpmObject(api, { full, atMs })));
  beginsLike(shape(asJson(false)), shape(JSON.parse(await ask('json'))));
  const theirs = JSON.parse(await ask('json&full'));
  const ours = asJson(true);
  assert.equal(shape(theirs).at(-1), 'processes: list');
  assert.equal(shape(ours).at(-1), 'processes: list');
  for (const worker of ours.processes) beginsLike(shape(worker), shape(theirs.processes[0]));
});

test('XML: elements and their order are those of php-fpm', async (t) => {
  const ask = await realFpm(t);
  if (!ask) return;
  const elements = (text: string): string[] => [...text.matchAll(/<(?!\?)([^>/]+)>/g)].map(([, name]) => name!);
  beginsLike(elements(fpmXml(api, { full: false, atMs })), elements(await ask('xml')));
  const theirs = await ask('xml&full');
  const ours = fpmXml(api, { full: true, atMs });
  const process = (text: string) => elements(/<process>.*<\/process>/.exec(text)![0]);
  beginsLike(process(ours), process(theirs));
  assert.match(theirs, /<processes>\n<process>.*<\/process>\n<\/processes>\n<\/status>$/s);
  assert.match(ours, /<processes>\n<process>.*<\/process>\n<\/processes>\n<\/status>$/s);
});

test('what is said of a pool', () => {
  assert.equal(
    fpmText(api, { full: false, atMs }),
    `pool:                 /api
process manager:      dynamic
start time:           23/Nov/2026:06:03:48 +0000
start since:          7260
accepted conn:        1234
listen queue:         5
max listen queue:     9
listen queue len:     100
idle processes:       1
active processes:     3
total processes:      4
max active processes: 4
max children reached: 7
slow requests:        1
gateway:              wsgi
program:              app:application
min children:         2
max children:         4
generation:           3
reloads:              2
reload failure:       -
queue waits:          64
queue wait p50:       250
queue wait p90:       4000
queue wait p99:       120500
queue wait max:       1500000
queue drops full:     1
queue drops timeout:  2
queue drops left:     3
queue drops failed:   4
recycled requests:    11
recycled memory:      12
recycled age:         13
recycled idle:        14
recycled stuck:       15
recycled asked:       20
recycled killed:      21
crashed:              16
retries:              17
truncations:          18
aborts:               19
`,
  );
});

test('what is said of a worker, and the order of workers', () => {
  const [, old, first, second, third, ...more] = blocks(fpmText(api, { full: true, atMs }));
  assert.equal(more.length, 0);
  assert.match(old!, /^pid: +4100$/m);
  assert.match(old!, /^state: +Finishing$/m);
  assert.match(first!, /^state: +Idle$/m);
  assert.match(first!, /^request duration: +3500$/m);
  assert.match(first!, /^user: +-$/m);
  assert.match(first!, /^memory: +-$/m);
  assert.match(third!, /^state: +Creating$/m);
  assert.match(third!, /^request URI: +-$/m);
  assert.equal(
    second,
    `pid:                  4242
state:                Running
start time:           23/Nov/2026:08:03:18 +0000
start since:          90
requests:             14
request duration:     1250000
request method:       POST
request URI:          /api/form?x=1&y=<b>"q"
content length:       512
user:                 ada
script:               app:application
last request cpu:     0
last request memory:  0
slot:                 2
generation:           3
failures:             2
in flight:            1
memory:               25270000
cpu user:             1200000
cpu system:           300000
request id:           k3-7
`,
  );
});

test('JSON: what we do not know is null, what was not asked for is not there', () => {
  const told = fpmObject(php, { full: true, atMs });
  assert.equal(told['queue wait p50'], null);
  assert.equal(told['reload failure'], php.reloadFailure);
  assert.deepEqual(told.processes, []);
  assert.equal('processes' in fpmObject(php, { full: false, atMs }), false);
});

test('nothing that came from outside makes a line, a field or an element', () => {
  const forged = { ...idle, request: { ...idle.request!, user: 'eve\nstate: Running\t<x>' } };
  const pool = { ...php, workers: [forged] };
  const text = fpmText(pool, { full: true, atMs });
  assert.equal(text.match(/^state:/gm)?.length, 1);
  assert.match(text, /^reload failure: +Traceback \(most recent call last\):\\n {2}File "app.py"\\nSyntaxError: <nonsense>$/m);
  const xml = fpmXml(pool, { full: true, atMs });
  assert.match(xml, /<user>eve\\nstate: Running\\t&lt;x&gt;<\/user>/);
  assert.match(xml, /SyntaxError: &lt;nonsense&gt;<\/reload-failure>/);
});

test('the three kinds of process manager', () => {
  assert.equal(processManager({ ...api, workersMin: 4 }), 'static');
  assert.equal(processManager(api), 'dynamic');
  assert.equal(processManager(php), 'ondemand');
});

test('a clock that was set back makes no negative ages', () => {
  const told = fpmObject({ ...api, startedAt: atMs + 5_000 }, { full: false, atMs });
  assert.equal(told['start since'], 0);
});
