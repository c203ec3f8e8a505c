/**
 * Workers are killed at random under load. A worker holds one request at a time, so that one may fail and no other: each answer is whole,
 * byte by byte, or it is a coded failure, and there are no more of these than workers killed. What may be asked again is (RFC 9110
 * §9.2.2). Then everything is as before. Every choice is made from a seed: CGI_SERVE_SEED gives the same ones again.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { children, descriptors } from '../life/processes.js';
import { type Chance, chance, seed } from '../life/seeded.js';
import { room } from '../real/peers.js';
import { type House, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, get, requestText, Wire } from '../support/wire.js';

const requests = 2_400;
const clients = 12;
const workers = 4;
const killEvery = 40;

/** Says who it is and how it was asked; prints `size` bytes in three pieces, and takes its time before, between and after them. */
const application = `
import hashlib, os, time

def application(environ, start_response):
    name, size, ms = environ['PATH_INFO'][1:].split('-')
    body = environ['wsgi.input'].read()
    text = (name + hashlib.sha1(body).hexdigest()).encode() * (int(size) // 40 + 1)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('X-Pid', str(os.getpid()))])
    third = len(text) // 3
    for piece in text[:third], text[third:2 * third], text[2 * third:]:
        time.sleep(int(ms) / 3000)
        yield piece
`;

const isAskedAgain = (note: string): boolean => note.startsWith('asked again');

interface Asked {
  readonly target: string;
  readonly bytes: Buffer;
  readonly wanted: string;
  readonly isGet: boolean;
}

const makeRequest = (i: number, random: Chance): Asked => {
  const [size, ms] = [random.pick([0, 100, 5_000, 200_000]), random.below(12)];
  const isGet = random.maybe(0.5);
  const body = isGet ? Buffer.alloc(0) : random.bytes(random.pick([1, 1_000, 100_000]));
  const target = `/${i}-${size}-${ms}`;
  const head = requestText(isGet ? 'GET' : 'POST', target, {
    Connection: 'keep-alive',
    Accept: 'application/json',
    ...(isGet ? {} : { 'Content-Length': String(body.length) }),
  });
  const wanted = `${i}${createHash('sha1').update(body).digest('hex')}`.repeat(Math.floor(size / 40) + 1);
  return { target, bytes: Buffer.concat([Buffer.from(head), body]), wanted, isGet };
};

/** Kills its own process when it is asked for the first time, before it says anything; `?pid` says who it is. */
const shy = `
import os, signal

def application(environ, start_response):
    if environ['QUERY_STRING'] != 'pid' and not os.path.exists(__file__ + '.asked'):
        open(__file__ + '.asked', 'w').close()
        os.kill(os.getpid(), signal.SIGKILL)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [str(os.getpid()).encode()]
`;

const shyHouse = async (t: TestContext, workers: number): Promise<House | undefined> => {
  if (!needs(t, 'python3')) return undefined;
  const file = join(room(t), 'shy.py');
  writeFileSync(file, shy);
  const h = await house({ mounts: [{ wsgi: file, where: '/' }], workers, env: { PYTHONDONTWRITEBYTECODE: '1' }, onWarning() {} });
  t.after(() => h.stop());
  return h;
};

test('a GET whose worker dies before it says anything is asked again, on a fresh connection, too', async (t) => {
  const h = await shyHouse(t, 2);
  if (!h) return;
  assert.equal((await get(h.port, '/')).status, 200);
});

test('who comes when the only worker has just died waits for the next one', async (t) => {
  const h = await shyHouse(t, 1);
  if (!h) return;
  const { text } = await get(h.port, '/?pid');
  const wires = await Promise.all([1, 2, 3, 4].map(() => Wire.open(h.port)));
  process.kill(Number(text), 'SIGKILL');
  for (const wire of wires) wire.send(requestText('GET', '/?pid'));
  const answers = await Promise.all(wires.map((wire) => wire.answer()));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test(`${requests} requests while workers are killed (seed ${seed})`, { timeout: 5 * 60_000 }, async (t) => {
  if (!needs(t, 'python3')) return;
  const file = join(room(t), 'app.py');
  writeFileSync(file, application);
  const h = await house({ mounts: [{ wsgi: file, where: '/' }], workers, env: { PYTHONDONTWRITEBYTECODE: '1' }, onWarning() {} });
  t.after(() => h.stop());
  const random = chance(seed);

  /** Who has answered: who has proven that it can is worth a kill. */
  const alive = new Set<string>();
  const killed = new Set<string>();
  let answered = 0;
  const ask = async (wire: Wire, { bytes }: Asked): Promise<Answer> => {
    wire.send(bytes);
    const answer = await wire.finalAnswer({ timeoutMs: 60_000 });
    answered += 1;
    const pid = answer.get('x-pid');
    if (pid !== undefined && answer.complete && !killed.has(pid)) alive.add(pid);
    return answer;
  };
  /** All workers at once, by slow requests. */
  const everybody = async (): Promise<Set<string>> => {
    const wires = await Promise.all(Array.from({ length: workers }, () => Wire.open(h.port)));
    const answers = await Promise.all(wires.map((wire) => ask(wire, { ...makeRequest(0, random), bytes: slow })));
    for (const wire of wires) wire.close();
    return new Set(answers.map((answer) => answer.get('x-pid')!));
  };
  const slow = Buffer.from(requestText('GET', '/0-0-300', { Connection: 'keep-alive' }));
  const idle = (): Promise<boolean> => new Promise((resolve) => h.server.http.getConnections((_, count) => resolve(count === 0)));
  const settled = async (): Promise<void> => {
    await until(async () => (await everybody()).size === workers, 'all workers to answer at the same time', 60_000);
    await until(idle, 'every connection to end');
  };

  await settled();
  const before = { descriptors: descriptors()?.length, children: children().length };

  const queue = Array.from({ length: requests }, (_, i) => makeRequest(i + 1, random));
  const failed: { readonly asked: Asked; readonly answer: Answer }[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    let wire = await Wire.open(h.port);
    for (let asked = queue[next++]; asked; asked = queue[next++]) {
      const answer = await ask(wire, asked);
      if (answer.status === 200 && answer.complete) assert.equal(answer.text, asked.wanted, `seed ${seed}: ${asked.target}`);
      else failed.push({ asked, answer });
      if (answer.complete && !/close/i.test(answer.get('connection') ?? '')) continue;
      wire.close();
      wire = await Wire.open(h.port);
    }
    wire.close();
  };
  let over = false;
  const killer = async (): Promise<void> => {
    while (!over) {
      const from = answered;
      await until(() => over || answered >= from + killEvery, 'some more answers', 60_000);
      await sleep(random.below(12));
      const [pid] = [...alive].sort(() => random.next() - 0.5);
      if (over || pid === undefined) continue;
      alive.delete(pid);
      killed.add(pid);
      process.kill(Number(pid), 'SIGKILL');
    }
  };
  const killing = killer();
  await Promise.all(Array.from({ length: clients }, client)).finally(() => {
    over = true;
  });
  await killing;

  for (const { asked, answer } of failed) {
    const why = `seed ${seed}: ${asked.isGet ? 'GET' : 'POST'} ${asked.target}: ${answer.status} ${answer.text.slice(0, 300)}`;
    const { failure, pid } = await h.exchange((e) => e.target === asked.target);
    assert.equal(failure?.code, 'WIRE_TRUNCATED', why);
    assert.ok(killed.has(String(pid)), `worker ${pid} was not killed: ${why}`);
    if (answer.status === 200) assert.ok(asked.wanted.startsWith(answer.text), `not the beginning of its answer: ${why}`);
    else assert.deepEqual([answer.status, answer.complete], [502, true], why);
  }
  const known = new Set(failed.map(({ asked }) => asked.target));
  const untold = h.exchanges.filter(({ target, failure }) => failure && !known.has(target));
  assert.deepEqual(
    untold.map(({ target, failure }) => `${target} ${failure?.code}`),
    [],
    'failures that no client saw',
  );
  assert.ok(failed.length <= killed.size, `seed ${seed}: ${failed.length} failures, ${killed.size} kills`);
  const again = h.exchanges.filter(({ notes }) => notes.some(isAskedAgain));
  t.diagnostic(`${killed.size} workers killed: ${failed.length} requests failed, ${again.length} were asked again`);
  assert.ok(failed.length > 0 && again.length > 0, `seed ${seed}: nothing was hit: ${failed.length} failures, ${again.length} asked again`);

  await settled();
  assert.ok(children().length <= before.children, JSON.stringify(children()));
  assert.ok(
    children().every(({ state }) => state !== 'Z'),
    JSON.stringify(children()),
  );
  if (before.descriptors !== undefined) await until(() => descriptors()!.length <= before.descriptors!, 'the descriptors to be closed');
});
