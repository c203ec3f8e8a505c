/** A comparison on a real server: what both books say of the same requests must agree. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { compare, type House, requestBytes } from '../../src/load/compare.js';
import { type Comparison, failsAltogether, type Plan, requestsOf, type Target } from '../../src/load/plan.js';
import type { Exchange } from '../../src/trace/trace.js';
import { type HouseOptions, house, sh } from '../support/house.js';
import { get } from '../support/wire.js';

const plan: Plan = { loop: { kind: 'closed', users: 2 }, rounds: 2, sliceMs: 200, warmUpMs: 0 };

const target = (path: string, more: Partial<Target> = {}): Target => ({
  ...{ name: path, method: 'GET', target: path, headers: [], body: undefined },
  ...more,
});

interface Run {
  readonly comparison: Comparison;
  readonly exchanges: Exchange[];
}

const run = async (
  t: TestContext,
  options: HouseOptions,
  targets: Target[],
  { progress = () => {}, ...changed }: Partial<Plan> & { progress?: (port: number) => void } = {},
): Promise<Run> => {
  let listener: ((exchange: Exchange) => void) | undefined;
  const h = await house({ ...options, onExchange: (exchange) => listener?.(exchange) });
  t.after(() => h.stop());
  const told: House = {
    aim: { address: '127.0.0.1', port: h.port },
    births: h.server.births,
    watch(heard) {
      listener = heard;
      return () => {
        listener = undefined;
      };
    },
  };
  const watch = { signal: new AbortController().signal, progress: () => progress(h.port) };
  const comparison = await compare(told, targets, { ...plan, ...changed }, watch);
  return { comparison, exchanges: h.exchanges };
};

const hello = sh('echo "Content-Type: text/plain"; echo; echo hello');

test('a script and a file: every request is in both books, and only the script gets processes', async (t) => {
  const { comparison, exchanges } = await run(t, { scripts: { 'hello.sh': hello }, public: { 'hello.txt': 'hello' } }, [
    target('/cgi-bin/hello.sh'),
    target('/hello.txt'),
  ]);
  const [script, file] = comparison.targets;
  assert.deepEqual([script!.gateway, file!.gateway], ['cgi', 'static']);
  for (const measured of [script!, file!]) {
    const { target: asked, slices, answered, failed, latency, perSecond } = measured;
    const served = exchanges.filter((exchange) => exchange.target === asked.target).length;
    // The warm-up is in the server's log, and nowhere else: one request of each user.
    assert.deepEqual([answered, failed, latency.count], [served - 2, {}, served - 2], asked.name);
    assert.deepEqual(slices.map(({ round }) => round), [1, 2]); // biome-ignore format: one line
    assert.equal(slices.reduce((sum, slice) => sum + slice.answered, 0), answered); // biome-ignore format: one line
    assert.ok(perSecond.least <= perSecond.median && perSecond.median <= perSecond.most && perSecond.least > 0);
    assert.ok(measured.serverCpu.userMs + measured.serverCpu.systemMs > 0);
    assert.ok(slices.every(({ seconds }) => seconds >= 0.2));
  }
  assert.deepEqual([script!.born, file!.born], [script!.answered, 0]);
  assert.deepEqual(file!.programCpu, { userMs: 0, systemMs: 0 });
  if (comparison.births.by === 'native') assert.ok(script!.programCpu!.userMs + script!.programCpu!.systemMs > 0);
  else assert.equal(script!.programCpu, undefined);
});

test('what others ask meanwhile is not counted', async (t) => {
  const asked: Promise<unknown>[] = [];
  const { comparison, exchanges } = await run(t, { scripts: { 'hello.sh': hello } }, [target('/cgi-bin/hello.sh')], {
    progress: (port) => void asked.push(get(port, '/cgi-bin/hello.sh')),
  });
  await Promise.all(asked);
  const [measured] = comparison.targets;
  assert.equal(measured!.born, measured!.answered);
  const others = exchanges.filter(({ userAgent }) => userAgent === undefined).length;
  assert.ok(others >= 3, `${others} others`);
  // The warm-up is two of ours.
  assert.equal(exchanges.length - others, measured!.answered + 2);
});

test('methods, headers and bodies; a name of its own for the client', async (t) => {
  const echo = sh(
    [
      'body=$(cat); status=200',
      '[ "$REQUEST_METHOD $body $HTTP_X_A $HTTP_USER_AGENT" = "POST x=1 b me" ] || [ "$REQUEST_METHOD" = HEAD ] || status=400',
      'echo "Status: $status"; echo "Content-Type: text/plain"; echo; echo ok',
    ].join('\n'),
  );
  const { comparison } = await run(
    t,
    { scripts: { 'echo.sh': echo } },
    [
      target('/cgi-bin/echo.sh', { method: 'POST', headers: ['X-A', 'b', 'User-Agent', 'me'], body: Buffer.from('x=1') }),
      target('/cgi-bin/echo.sh', { method: 'HEAD' }),
    ],
    { rounds: 1, sliceMs: 0 },
  );
  for (const measured of comparison.targets) assert.deepEqual([measured.answered, measured.failed, measured.born], [2, {}, 2]);
});

test('a target that answers nothing well is told, and not measured; one that fails now and then is', async (t) => {
  const moody = sh(
    'n=$(ls "$DOCUMENT_ROOT" | wc -l); : > "$DOCUMENT_ROOT/run.$$"; [ $((n % 2)) = 1 ] && exit 3; echo "Content-Type: text/plain"; echo',
  );
  const { comparison, exchanges } = await run(
    t,
    { scripts: { 'moody.sh': moody, 'broken.sh': sh('echo no header') } },
    [target('/cgi-bin/broken.sh'), target('/nothing/here'), target('/cgi-bin/moody.sh')],
    { loop: { kind: 'closed', users: 1 }, warmUpMs: 200 },
  );
  const [broken, nowhere, sometimes] = comparison.targets;
  assert.deepEqual([failsAltogether(broken!), failsAltogether(nowhere!), failsAltogether(sometimes!)], [true, true, false]);
  assert.deepEqual([broken!.failure?.code, Object.keys(broken!.failed), broken!.slices], ['REPLY_NOT_A_HEADER', ['502'], []]);
  assert.deepEqual([nowhere!.failure?.code, Object.keys(nowhere!.failed)], ['NOT_FOUND', ['404']]);
  assert.equal(exchanges.filter(({ status }) => status === 404).length, nowhere!.failed['404'], 'it was asked no more');
  assert.deepEqual(Object.keys(sometimes!.failed), ['502']);
  assert.equal(sometimes!.latency.count, sometimes!.answered);
  assert.ok(sometimes!.answered > 0 && requestsOf(sometimes!) > sometimes!.answered);
});

test('it can be stopped: what was measured until then is told', async (t) => {
  const h = await house({ scripts: { 'hello.sh': hello } });
  t.after(() => h.stop());
  const stop = new AbortController();
  const seen: string[] = [];
  const told: House = { aim: { address: '127.0.0.1', port: h.port }, births: h.server.births, watch: () => () => {} };
  const comparison = await compare(
    told,
    [target('/cgi-bin/hello.sh')],
    { ...plan, rounds: 5, sliceMs: 50 },
    {
      signal: stop.signal,
      progress(name) {
        seen.push(name);
        // Warm-up, first round, second.
        if (seen.length === 3) stop.abort();
      },
    },
  );
  assert.equal(comparison.interrupted, true);
  assert.deepEqual(comparison.targets[0]!.slices.map(({ round }) => round), [1]); // biome-ignore format: one line
});

test('the request as it is sent', () => {
  const aim = { address: '::1', port: 80 };
  const plain = requestBytes(target('/a?b'), aim).toString();
  assert.match(
    plain,
    /^GET \/a\?b HTTP\/1\.1\r\nHost: \[::1\]:80\r\nUser-Agent: cgi-serve\/[\d.]+ \(load \d+\)\r\nAccept: \*\/\*\r\n\r\n$/,
  );
  const typed = requestBytes(
    target('/', { method: 'PUT', headers: ['host', 'x', 'ACCEPT', 'y'], body: Buffer.from('ab') }),
    aim,
  ).toString();
  assert.match(typed, /^PUT \/ HTTP\/1\.1\r\nUser-Agent: [^\r]+\r\nContent-Length: 2\r\nhost: x\r\nACCEPT: y\r\n\r\nab$/);
});
