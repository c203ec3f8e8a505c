/** What the lab keeps as files: each checked by its format's own description, the packet capture by Wireshark's own dissector. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { jsonRecord, logLine } from '../../src/cli/log.js';
import { type About, exports } from '../../src/lab/exports/exports.js';
import type { KeptExchange } from '../../src/lab/memory.js';
import type { ToldDetail } from '../../src/lab/told.js';
import { peerOf } from '../carrier/peers.js';
import { command } from '../real/command.js';
import { type HouseOptions, node, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post, requestText, Wire } from '../support/wire.js';
import { harComplaints, type TraceEvent, traceComplaints } from './export-checks.js';
import { look } from './look.js';
import { type Room, room } from './room.js';

/** Said only where it is a secret, so that it must be in no export. */
const sesame = 'open-sesame';
const secrets = { Cookie: `login=${sesame}`, 'X-Api-Key': sesame, 'Proxy-Authorization': `Basic ${sesame}` };
const setCookie = `Set-Cookie: id=${sesame}`;

const scripts = {
  'hello.sh': sh(`printf 'Content-Type: text/plain\\n${setCookie}\\nX-Color: red\\n\\nhello'; echo 'careful now' >&2`),
  'echo.js': node(
    `process.stdin.on('data', (d) => (b += d)).on('end', () => console.log('Content-Type: text/plain\\n\\n' + b.length)); let b = ''`,
  ),
  'binary.sh': sh(`printf 'Content-Type: image/x-none\\n\\n\\377\\376\\000'`),
  'big.sh': sh(`printf 'Content-Type: text/plain\\n\\n'; head -c 100000 /dev/zero | tr '\\0' x`),
  'slow.sh': sh(`sleep 0.3; printf 'Content-Type: text/plain\\n\\n'; sleep 0.3`),
  'away.sh': sh(`printf 'Location: http://example.org/there\\n\\n'`),
  'inside.sh': sh(`printf 'Location: /cgi-bin/hello.sh?inside\\n\\n'`),
  'broken.sh': sh('echo "no header"; exit 3'),
};

/** Requests of all kinds, made one after the other. */
const visited = async (t: TestContext, more: HouseOptions = {}): Promise<Room> => {
  const mounts = await Promise.all(
    (['fastcgi', 'scgi', 'uwsgi'] as const).map(async (wire) => {
      const peer = await peerOf(t, wire, async (visit) => {
        // The answer's header block comes in two pieces, with the secret cut in two.
        visit.say(`Content-Type: text/plain\r\n${setCookie.slice(0, -5)}`);
        visit.say(`${setCookie.slice(-5)}\r\n\r\n`);
        visit.complain('on its stderr');
        visit.say(`${wire} ${(await visit.body).length}`);
        visit.end(7);
      });
      return { wire, where: `/${wire}`, address: peer.address };
    }),
  );
  const site = { scripts, public: { 'a.txt': 'static' }, mounts, recordWire: true, ...more };
  const r = await room(t, site, { record: jsonRecord });
  const { port } = r.h;
  for (const name of ['hello.sh?a=1&b=%20', 'binary.sh', 'big.sh', 'slow.sh', 'away.sh', 'inside.sh', 'broken.sh', 'none.sh']) {
    await get(port, `/cgi-bin/${name}`, secrets);
  }
  await post(port, '/cgi-bin/echo.js', 'name=Zoë', { 'Content-Type': 'application/x-www-form-urlencoded' });
  await post(port, '/cgi-bin/echo.js', Buffer.from([0xff, 0xfe, 0]), { 'Content-Type': 'image/x-none' });
  await get(port, '/a.txt', secrets);
  for (const wire of ['fastcgi', 'scgi', 'uwsgi']) await get(port, `/${wire}/x?y`, secrets);
  // More than is recorded each way.
  await post(port, '/fastcgi/upload', 'u'.repeat(100_000), secrets);
  await until(() => r.h.exchanges.length === 15, 'all exchanges are over');
  return r;
};

const fetched = async (r: Room, name: string): Promise<Buffer> => {
  const answer = await r.ask('GET', `/export/${name}`, { Authorization: `Bearer ${r.lab.key}` });
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.get('content-disposition') ?? '', /^attachment; filename="cgi-serve[\w.-]+"$/);
  assert.match(answer.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.ok(answer.complete);
  return answer.body;
};

const detailOf = async (r: Room, target: string): Promise<ToldDetail> => {
  const { id } = r.h.exchanges.find((exchange) => exchange.target === target)!;
  return r.json<ToldDetail>(`/exchanges/${id}`);
};

interface Entry {
  time: number;
  request: {
    url: string;
    method: string;
    headers: Pair[];
    queryString: Pair[];
    postData?: { text: string; _encoding?: string };
    bodySize: number;
  };
  response: {
    status: number;
    headers: Pair[];
    content: { text?: string; encoding?: string; size: number; comment?: string };
    redirectURL: string;
  };
  timings: Record<string, number>;
  _cgi: {
    id: string;
    gateway: string | null;
    connect: string | null;
    failure: { code: string } | null;
    wire: { name: string; sent: { bytes: number } } | null;
    account: object | null;
    runs: { pid: number | null; exitCode: number | null; variables: Record<string, string>; stderr: string }[];
  };
}
interface Pair {
  name: string;
  value: string;
}

test('HAR 1.2: valid by the specification; what CGI adds stands in _cgi', async (t) => {
  const r = await visited(t);
  const har = JSON.parse((await fetched(r, 'har')).toString());
  assert.deepEqual(harComplaints(har), []);
  assert.match(har.log.comment, /Struck out \(\*\*\*\)/);
  const entries = har.log.entries as Entry[];
  assert.equal(entries.length, r.h.exchanges.length);
  const of = (path: string): Entry => entries.find(({ request }) => request.url.startsWith(`http://127.0.0.1:${r.h.port}${path}`))!;
  for (const exchange of r.h.exchanges) {
    const entry = entries.find(({ _cgi }) => _cgi.id === exchange.id)!;
    assert.ok(Math.abs(entry.time - exchange.totalMs) < 0.01, `${exchange.target}: ${entry.time} ms, ${exchange.totalMs} ms`);
    assert.deepEqual([entry.response.status, entry._cgi.gateway], [exchange.status, exchange.gateway ?? null]);
  }

  const hello = of('/cgi-bin/hello.sh');
  const exchange = r.h.exchanges.find(({ target }) => target.startsWith('/cgi-bin/hello.sh'))!;
  assert.deepEqual(hello.request.queryString, [
    { name: 'a', value: '1' },
    { name: 'b', value: ' ' },
  ]);
  assert.deepEqual(
    hello.request.headers.find(({ name }) => name === 'Cookie'),
    { name: 'Cookie', value: '***' },
  );
  assert.deepEqual(hello.response.headers, [
    { name: 'Content-Type', value: 'text/plain' },
    { name: 'Set-Cookie', value: '***' },
    { name: 'X-Color', value: 'red' },
  ]);
  assert.equal(hello.response.content.text, 'hello');
  assert.equal(hello._cgi.connect, 'spawn');
  const [run] = hello._cgi.runs;
  assert.deepEqual([run!.pid, run!.exitCode, run!.stderr], [exchange.pid, 0, 'careful now\n']);
  assert.equal(run!.variables.QUERY_STRING, 'a=1&b=%20');
  assert.equal(run!.variables.HTTP_COOKIE, '***');
  assert.equal(hello._cgi.account !== null, exchange.account !== undefined);
  // Of the moments that the page is told.
  const { timings } = of('/cgi-bin/slow.sh');
  const { beganMs, end, runs } = await detailOf(r, '/cgi-bin/slow.sh');
  const { openedMs = 0, firstByteMs = 0 } = runs[0]!;
  assert.ok(Math.abs(timings.wait! - (firstByteMs - Math.max(openedMs, beganMs))) < 0.01, JSON.stringify(timings));
  assert.ok(Math.abs(timings.receive! - (end!.atMs - firstByteMs)) < 0.01, JSON.stringify(timings));

  assert.deepEqual(
    [of('/cgi-bin/binary.sh').response.content.text, of('/cgi-bin/binary.sh').response.content.encoding],
    ['//4A', 'base64'],
  );
  const { content } = of('/cgi-bin/big.sh').response;
  assert.deepEqual([content.size, content.text!.length + Number(/cut: (\d+) more/.exec(content.comment!)![1])], [100_000, 100_000]);
  assert.equal(of('/cgi-bin/away.sh').response.redirectURL, 'http://example.org/there');
  assert.deepEqual([of('/cgi-bin/inside.sh')._cgi.runs.length, of('/cgi-bin/inside.sh').response.content.text], [2, 'hello']);
  assert.deepEqual([of('/cgi-bin/broken.sh').response.status, of('/cgi-bin/broken.sh')._cgi.failure?.code], [502, 'REPLY_NOT_A_HEADER']);
  const [form, image] = entries.filter(({ request }) => request.url.endsWith('/echo.js'));
  assert.deepEqual([form!.request.postData?.text, form!.request.bodySize], ['name=Zoë', 9]);
  assert.deepEqual([image!.request.postData?.text, image!.request.postData?._encoding], ['//4A', 'base64']);
  assert.deepEqual([of('/a.txt')._cgi.gateway, of('/a.txt').timings.connect], ['static', -1]);
  assert.deepEqual(
    [of('/fastcgi/x')._cgi.wire?.name, of('/fastcgi/x')._cgi.connect, of('/fastcgi/x')._cgi.runs[0]!.stderr],
    ['fastcgi', 'dial', 'on its stderr'],
  );
});

test('no export tells a secret; each says so; one exchange or some can be asked for', async (t) => {
  const r = await visited(t);
  for (const name of exports.keys()) {
    const bytes = await fetched(r, name);
    // Nor one of the parts that it was cut into.
    for (const part of [sesame, 'open-s', 'esame']) assert.equal(bytes.includes(part), false, `${name}: ${part}`);
    assert.match(bytes.toString('latin1'), /struck out/i, name);
    const decoded = [...bytes.toString('latin1').matchAll(/"([A-Za-z0-9+/]{24,}={0,2})"/g)].map((found) =>
      Buffer.from(found[1]!, 'base64'),
    );
    assert.equal(Buffer.concat(decoded).includes(sesame), false, `${name}: nor in base64`);
  }
  const [first, second] = r.h.exchanges;
  const ids = async (query: string): Promise<string[]> => {
    const lines = (await fetched(r, `exchanges.ndjson?${query}`)).toString().trim().split('\n').slice(1);
    return lines.map((line) => (JSON.parse(line) as { id: string }).id);
  };
  assert.deepEqual(await ids(`id=${second!.id}`), [second!.id]);
  assert.deepEqual(await ids(`ids=${second!.id},${first!.id}`), [first!.id, second!.id]);
  assert.deepEqual(await ids('id=none'), []);
  assert.equal((await r.ask('GET', '/export/har')).status, 401, 'without the key');
  assert.equal((await r.ask('GET', '/export/none', { Authorization: `Bearer ${r.lab.key}` })).status, 404);
});

test('NDJSON: the lines of the JSON log, with runs', async (t) => {
  const r = await visited(t);
  const [about, ...lines] = (await fetched(r, 'exchanges.ndjson')).toString().trim().split('\n');
  assert.equal(JSON.parse(about!).event, 'export');
  assert.equal(lines.length, r.h.exchanges.length);
  for (const line of lines) {
    const { runs, ...record } = JSON.parse(line);
    const exchange = r.h.exchanges.find(({ id }) => id === record.id)!;
    assert.deepEqual(record, JSON.parse(logLine('json', exchange)));
    if (exchange.target === '/cgi-bin/inside.sh') {
      assert.deepEqual(
        runs.map((run: { script: string }) => run.script.split('/').at(-1)),
        ['inside.sh', 'hello.sh'],
      );
      assert.ok(runs[0].granted_at_ms < runs[1].granted_at_ms, JSON.stringify(runs));
    }
  }
});

test('Chrome trace: bars nest, arrows lead from the server to the program, a worker is one long bar', async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-exports-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'app.py');
  writeFileSync(file, "def application(environ, start):\n    start('200 OK', [('Content-Type', 'text/plain')])\n    return [b'hi']\n");
  const peer = await peerOf(t, 'fastcgi', (visit) => visit.answer('peer'));
  const mounts = [{ wsgi: `${file}:application`, where: '/w' }, { wire: 'fastcgi', where: '/f', address: peer.address } as const];
  const r = await room(t, { scripts, mounts, workers: 1, env: { PYTHONDONTWRITEBYTECODE: '1' } });
  const { port } = r.h;
  for (let i = 0; i < 3; i++) await get(port, `/w/${i}`);
  // At once: their bars must not overlap on one thread.
  await Promise.all([...Array(6).keys()].map((i) => get(port, `/cgi-bin/hello.sh?${i}`)));
  await Promise.all([...Array(4).keys()].map((i) => get(port, `/f/${i}`)));
  await get(port, '/cgi-bin/inside.sh');
  await get(port, '/cgi-bin/slow.sh');
  await until(() => r.h.exchanges.length === 15, 'all exchanges are over');

  const trace = JSON.parse((await fetched(r, 'trace.json')).toString()) as { traceEvents: TraceEvent[]; displayTimeUnit: string };
  assert.deepEqual(traceComplaints(trace), []);
  assert.equal(trace.displayTimeUnit, 'ms');
  const { traceEvents: events } = trace;
  const bars = (pid: number): TraceEvent[] => events.filter((event) => event.ph === 'X' && event.pid === pid);
  assert.equal(bars(process.pid).filter(({ cat }) => cat === 'request').length, 15);
  assert.equal(events.filter(({ ph }) => ph === 's').length, 16, 'a local redirect asks twice');
  for (const { pid, target, totalMs } of r.h.exchanges) {
    const request = bars(process.pid).find(({ name }) => name === `GET ${target}`)!;
    assert.ok(Math.abs(request.dur - totalMs * 1000) < 10, target);
    if (target !== '/cgi-bin/slow.sh') continue;
    const [wait, body] = ['wait', 'body'].map((phase) => bars(pid!).find(({ name }) => name === phase)!);
    const { openedMs = 0, firstByteMs = 0, headDoneMs = 0, lastByteMs = 0 } = (await detailOf(r, target)).runs[0]!;
    assert.ok(Math.abs(wait!.dur - (firstByteMs - openedMs) * 1000) < 2, JSON.stringify(wait));
    assert.ok(Math.abs(body!.dur - (lastByteMs - headDoneMs) * 1000) < 2, JSON.stringify(body));
  }
  const worker = r.h.exchanges.find(({ target }) => target === '/w/0')!.pid!;
  const [life] = bars(worker).filter(({ cat }) => cat === 'life');
  assert.match(life!.name, /^worker 1 of generation 1 \(wsgi /);
  const asked = bars(worker).filter(({ cat }) => cat === 'program');
  assert.deepEqual(
    asked.map(({ name, tid }) => [name, tid]),
    ['GET /w/0', 'GET /w/1', 'GET /w/2'].map((name) => [name, 1]),
  );
});

test('packets: Wireshark reads FastCGI as we explain it, sees a gap where bytes were not kept, and finds nothing malformed', async (t) => {
  if (!needs(t, 'tshark')) return;
  const r = await visited(t);
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-exports-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'wire.pcapng');
  writeFileSync(file, await fetched(r, 'wire.pcapng'));
  const frames = await dissected(folder, file);
  assert.deepEqual(
    frames.filter((frame) => /\b_ws\.malformed|Malformed/.test(frame.protocols)),
    [],
  );
  // 1: good.
  for (const { ipChecksum, tcpChecksum } of frames) assert.deepEqual([ipChecksum, tcpChecksum], ['1', '1']);
  const times = frames.map(({ time }) => Number(time));
  assert.ok(times.length > 4 * 6 && times.every((at, i) => i === 0 || at >= times[i - 1]!), 'in order');
  assert.ok(Math.abs(times[0]! * 1000 - r.h.exchanges[11]!.at) < 60_000);

  // Streams are numbered in the order of their first packet, which begins a connection.
  const targets = ['/fastcgi/x?y', '/scgi/x?y', '/uwsgi/x?y', '/fastcgi/upload'];
  for (const [stream, target] of targets.entries()) {
    const { wire } = await detailOf(r, target);
    const all = frames.filter((frame) => Number(frame.stream) === stream);
    assert.equal(Number(all[0]!.to), { fastcgi: 9000, scgi: 4000, uwsgi: 3031 }[wire!.name]);
    assert.ok(all[0]!.comment.includes(` ${target} → 200`), all[0]!.comment);
    for (const { way, base64, fields, more } of wire!.ways) {
      const said = all.filter(({ from }) => Number(from) >= 49_152 === (way === 'sent'));
      const carried = Buffer.from(said.map(({ payload }) => payload.replaceAll(':', '')).join(''), 'hex');
      const shown = Buffer.from(base64, 'base64');
      // The page strikes out variables; the capture the answer's cookies, too.
      const struck = shown.toString('latin1').replaceAll(/id=open-s|esame/g, (secret) => '*'.repeat(secret.length));
      assert.equal(carried.toString('latin1'), struck, `${target} ${way}`);
      if (wire!.name !== 'fastcgi' || more > 0) continue;
      const heard = (column: 'type' | 'length'): number[] => said.flatMap((frame) => frame[column].split(',').filter(Boolean).map(Number));
      const explained = (name: string): number[] =>
        fields.filter((field) => field.name === name).map(({ at }) => numberAt(shown, at, name));
      assert.ok(heard('type').length >= 3, `${target} ${way}`);
      assert.deepEqual(heard('type'), explained('type'), `${target} ${way}`);
      assert.deepEqual(heard('length'), explained('contentLength'), `${target} ${way}`);
    }
  }
  assert.deepEqual(frames.flatMap(({ appStatus }) => appStatus || []).map(Number), [7, 7]);
  const gaps = frames.filter(({ lost }) => lost !== '');
  assert.deepEqual(
    gaps.map(({ stream }) => stream),
    ['3'],
    'the upload alone',
  );
  assert.match(gaps[0]!.comment, /^\d+ bytes sent before this were not kept$/);
});

const columns = {
  protocols: 'frame.protocols',
  time: 'frame.time_epoch',
  comment: 'frame.comment',
  ipChecksum: 'ip.checksum.status',
  tcpChecksum: 'tcp.checksum.status',
  stream: 'tcp.stream',
  from: 'tcp.srcport',
  to: 'tcp.dstport',
  payload: 'tcp.payload',
  lost: 'tcp.analysis.lost_segment',
  type: 'fcgi.type',
  length: 'fcgi.content.length',
  appStatus: 'fcgi.end_request.app_status',
} as const;

/** Each packet as Wireshark understands it. */
const dissected = async (folder: string, file: string): Promise<Record<keyof typeof columns, string>[]> => {
  const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE', '-d', 'tcp.port==9000,fcgi'];
  const wanted = Object.values(columns).flatMap((field) => ['-e', field]);
  const { stdout } = await command('tshark', ['-r', file, '-n', ...checks, '-T', 'fields', ...wanted], { env: { HOME: folder } });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(Object.keys(columns).map((name, i) => [name, values[i] ?? ''])) as Record<keyof typeof columns, string>;
    });
};

const numberAt = (bytes: Buffer, at: number, name: string): number => (name === 'type' ? bytes[at]! : bytes.readUInt16BE(at));

test('made one by one: whoever takes little is given little, and whoever leaves is no mistake', async (t) => {
  const r = await visited(t);
  const about: About = { version: '0', url: r.origin, pid: 1, record: ({ id }) => ({ id }) };
  const detail = await detailOf(r, '/fastcgi/x?y');
  const end = r.h.exchanges.find(({ target }) => target === '/fastcgi/x?y');
  for (const [name, { pieces }] of exports) {
    let made = 0;
    function* endless(): Generator<KeptExchange> {
      for (let serial = 1; ; serial++) {
        made += 1;
        const shift = {
          serial,
          beganMs: detail.beganMs + serial * 60_000,
          runs: detail.runs.map((run) => ({ ...run, grantedMs: run.grantedMs + serial * 60_000 })),
        };
        yield { detail: { ...detail, ...shift }, end };
      }
    }
    const all = pieces(endless(), about)[Symbol.iterator]();
    for (let taken = 0; taken < 30; taken++) assert.ok(!all.next().done);
    assert.ok(made <= 30, `${name}: ${made} exchanges for 30 pieces`);
  }
  for (let i = 0; i < 3; i++) {
    const wire = await Wire.open(r.port);
    wire.send(requestText('GET', '/export/har', { Host: `127.0.0.1:${r.port}`, Authorization: `Bearer ${r.lab.key}` }));
    wire.close();
  }
  assert.ok((await fetched(r, 'har')).length > 1000);
});

test('the page: a menu by keyboard and pointer, a file that is what the lab sends', async (t) => {
  const seen = await look(t, {}, { demo: '/cgi-bin/hello.sh', record: jsonRecord }, { scripts });
  if (!seen) return;
  const { page, h, complaints } = seen;
  await get(h.port, '/cgi-bin/hello.sh?one');
  await get(h.port, '/cgi-bin/hello.sh?two');
  await until(async () => (await page.locator('tbody tr').count()) === 2, 'two rows');
  const all = page.locator('.controls .export');
  await all.locator('summary').focus();
  await page.keyboard.press('Enter');
  await all.locator('.sheet').waitFor();
  await page.keyboard.press('Escape');
  await all.locator('.sheet').waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  const [har] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  assert.equal(har.suggestedFilename(), 'cgi-serve.har');
  const { log } = JSON.parse(readFileSync((await har.path())!, 'utf8')) as { log: { entries: Entry[] } };
  assert.deepEqual(
    log.entries.map(({ request }) => request.url.split('?')[1]),
    ['one', 'two'],
  );

  await page.click('tbody tr:first-child button');
  const one = page.locator('.request .export');
  await one.locator('summary').click();
  assert.equal(await one.locator('a').count(), 3, 'no packets where there is no wire');
  const [lines] = await Promise.all([page.waitForEvent('download'), one.getByText('NDJSON').click()]);
  assert.match(readFileSync((await lines.path())!, 'utf8'), /hello\.sh\?two/);
  await one.locator('summary').click();
  await page.locator('.conclusion').click();
  await one.locator('.sheet').waitFor({ state: 'hidden' });
  await one.locator('summary').click();
  await page.keyboard.press('Escape');
  await one.locator('.sheet').waitFor({ state: 'hidden' });
  assert.equal(await page.isVisible('.request'), true, 'the first Escape closes the menu, not the request');
  assert.deepEqual(complaints, []);
});
