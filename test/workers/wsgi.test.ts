/**
 * The WSGI worker behind our own server: what PEP 3333 promises an application, and what a client sees, on all three wires.
 * wsgiref.validate stands around the application wherever it keeps the rules itself (apps/probe.py).
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type House, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { type Answer, get, post, requestText, talk, Wire } from '../support/wire.js';
import { type Worker, wires, worker } from './worker.js';

interface Place extends House {
  readonly workers: Worker[];
}

/** One worker for each wire, each mounted under its wire's name. */
async function onEachWire(t: TestContext, target: string, args: string[] = []): Promise<Place | undefined> {
  if (!needs(t, 'python3')) return undefined;
  const workers = await Promise.all(wires.map((wire) => worker(t, target, { wire, args })));
  const mounts = wires.map((wire, at) => ({ wire, where: `/${wire}`, address: workers[at]!.address }));
  const h = await house({ mounts });
  t.after(() => h.stop());
  return { ...h, workers };
}

/** The validator's objections arrive as tracebacks. */
const clean = (h: Place): void => {
  const told = [...h.stderr.map((line) => line.text), ...h.workers.map((each) => each.daemon.said())].join('\n');
  assert.doesNotMatch(told, /Traceback|AssertionError|Warning|without being closed/);
};

test('environ: the same exact dict of native strings on three wires', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  const seen: Record<string, unknown>[] = [];
  for (const wire of wires) {
    const headers = { Host: 'example.org:8000', 'X-Thing': 'yes', Proxy: 'http://evil' };
    const answer = await get(h.port, `/${wire}/environ?x=1&y=%20`, headers);
    assert.equal(answer.status, 200, answer.text + h.workers.map((each) => each.daemon.said()).join());
    const environ = JSON.parse(answer.text);
    assert.equal(environ.types, 'dict');
    assert.equal(environ.SCRIPT_NAME, `/${wire}`);
    assert.equal(environ.PATH_INFO, '/environ');
    assert.equal(environ.QUERY_STRING, 'x=1&y=%20');
    assert.equal(environ.SERVER_NAME, 'example.org');
    assert.equal(environ.SERVER_PORT, String(h.port));
    assert.equal(environ.SERVER_PROTOCOL, 'HTTP/1.1');
    assert.equal(environ.HTTP_X_THING, 'yes');
    assert.equal(environ.HTTP_PROXY, undefined);
    assert.equal(environ.CONTENT_TYPE, undefined);
    assert.deepEqual(environ['wsgi.version'], [1, 0]);
    assert.equal(environ['wsgi.url_scheme'], 'http');
    const flags = ['multithread', 'multiprocess', 'run_once', 'input_terminated'].map((name) => environ[`wsgi.${name}`]);
    assert.deepEqual(flags, [false, false, false, true]);
    assert.deepEqual(
      environ['wsgi names'],
      ['errors', 'file_wrapper', 'input', 'input_terminated', 'multiprocess', 'multithread', 'run_once', 'url_scheme', 'version'].map(
        (name) => `wsgi.${name}`,
      ),
    );
    for (const name of ['SCRIPT_NAME', 'REQUEST_URI', 'REMOTE_PORT', 'SCGI', 'CONTENT_LENGTH']) delete environ[name];
    seen.push(environ);
  }
  assert.deepEqual(seen[1], seen[0], 'SCGI as FastCGI');
  assert.deepEqual(seen[2], seen[0], 'uwsgi as FastCGI');
  clean(h);
});

test('SCRIPT_NAME and PATH_INFO: at the root, under a prefix, and beyond ASCII', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'probe.py');
  const h = await house({
    mounts: [
      { wire: 'fastcgi', where: '/', address },
      { wire: 'fastcgi', where: '/app', address },
      { wire: 'fastcgi', where: '/a/b', address },
    ],
  });
  t.after(() => h.stop());
  const place = async (target: string) => {
    const answer = await get(h.port, target);
    const environ = answer.status === 200 ? JSON.parse(answer.text) : {};
    return [environ.SCRIPT_NAME, environ.PATH_INFO];
  };
  assert.deepEqual(await place('/environ'), ['', '/environ']);
  assert.deepEqual(await place('/app/environ'), ['/app', '/environ']);
  assert.deepEqual(await place('/a/b/environ'), ['/a/b', '/environ']);
  assert.deepEqual(await place('/%65nviron'), ['', '/environ']);
});

test('paths: bytes decoded as latin-1, whatever they are', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'plain.py');
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address }] });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/app/caf%C3%A9/%E4%BD%A0')).text, 'plain /café/你');
  assert.equal((await get(h.port, '/app')).text, 'plain ');
  assert.equal((await get(h.port, '/app/')).text, 'plain /');
  assert.equal((await get(h.port, '/app//a//b/')).text, 'plain //a//b/');
});

test('wsgi.input: a body of any kind and size, with an end', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  const body = Buffer.alloc(3_000_000, 'abcdefg');
  const digest = createHash('sha1').update(body).digest('hex');
  const chunks = [body.subarray(0, 1000), body.subarray(1000, 200_000), body.subarray(200_000)]
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('');
  for (const wire of wires) {
    assert.equal((await post(h.port, `/${wire}/body`, body)).text, `3000000 3000000 ${digest}`, wire);
    const head = requestText('POST', `/${wire}/body`, { 'Transfer-Encoding': 'chunked' });
    assert.equal((await talk(h.port, `${head}${chunks}0\r\n\r\n`)).text, `3000000 3000000 ${digest}`, `${wire}, chunked`);
    assert.match((await get(h.port, `/${wire}/body`)).text, / 0 da39a3ee/, `${wire}, none`);
    const lines = await post(h.port, `/${wire}/lines`, 'first line\nsecond\nthird\nfourth\nfifth');
    const reads = await post(h.port, `/${wire}/reads`, '0123456789');
    assert.equal(reads.text, "[b'', b'01234', b'56789', b'', b'']", wire);
    assert.equal(lines.text, "[b'firs', b't line\\n', b'sec', [b'ond\\n'], [b'third\\n', b'fourth\\n', b'fifth'], b'', b'']", wire);
  }
  clean(h);
});

test('the answer: large, in one piece, through write(), empty, late, from a file', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  const name = join(h.root, 'file.txt');
  writeFileSync(name, `skip ${'0123456789'.repeat(100_000)}`);
  for (const wire of wires) {
    const big = await get(h.port, `/${wire}/big`);
    assert.deepEqual([big.status, big.body.length, big.complete, big.text.slice(99_998, 100_003)], [200, 10_000_000, true, 'AABBB'], wire);
    const one = await get(h.port, `/${wire}/one`);
    assert.deepEqual([one.body.length, one.complete], [10_000_000, true], wire);
    assert.equal((await get(h.port, `/${wire}/write`)).text, 'written, written, returned', wire);
    const empty = await get(h.port, `/${wire}/empty`);
    assert.deepEqual([empty.status, empty.text, empty.get('content-length')], [200, '', '0'], wire);
    const late = await get(h.port, `/${wire}/late`);
    assert.deepEqual([late.status, late.reason, late.text], [202, 'Late', 'late'], wire);
    const file = await get(h.port, `/${wire}/file?${name}`);
    assert.deepEqual([file.body.length, file.text.slice(0, 12), file.complete], [1_000_000, '012345678901', true], wire);
    assert.equal((await get(h.port, `/${wire}/memory_file`)).text, 'from memory', wire);
    assert.equal((await get(h.port, `/${wire}/body_io`)).text, '01\n23\n45', wire);
    assert.equal((await get(h.port, `/${wire}/body_file?${name}`)).body.length, 1_000_005, wire);
    const none = await get(h.port, `/${wire}/none`);
    assert.deepEqual([none.status, none.reason, none.text], [404, 'Not Here', 'nothing'], wire);
    const redirect = await get(h.port, `/${wire}/redirect`);
    assert.deepEqual([redirect.status, redirect.get('location'), redirect.text], [303, '/elsewhere', 'there'], wire);
  }
  clean(h);
});

test('one piece: its length is known', async (t) => {
  const h = await onEachWire(t, 'plain.py');
  if (!h) return;
  for (const wire of wires) {
    for (const method of ['GET', 'HEAD']) {
      const one = await talk(h.port, requestText(method, `/${wire}/one`), { method });
      assert.equal(one.get('content-length'), '3', `${wire} ${method}`);
    }
  }
});

test('HEAD, 204 and 304: the application runs, no body is sent', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  for (const wire of wires) {
    for (const path of ['one', 'big', 'write', 'empty', 'late', 'pieces']) {
      const head = await talk(h.port, requestText('HEAD', `/${wire}/${path}`), { method: 'HEAD' });
      assert.deepEqual([head.status, head.body.length], [path === 'late' ? 202 : 200, 0], `${wire}/${path}`);
      assert.equal(head.get('content-length'), undefined, `${wire}/${path}: it would say what GET would not`);
    }
    for (const status of ['204 No Content', '304 Not Modified']) {
      const answer = await get(h.port, `/${wire}/nothing?${status.replaceAll(' ', '+')}`);
      assert.deepEqual([answer.status, answer.body.length, answer.get('content-length')], [Number(status.slice(0, 3)), 0, undefined], wire);
      assert.equal(answer.get('transfer-encoding'), undefined, wire);
    }
  }
  clean(h);
});

test('header fields that stand twice, both ways', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  for (const wire of wires) {
    const request = `GET /${wire}/cookies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n`;
    const answer = await talk(h.port, request);
    assert.deepEqual(answer.all('set-cookie'), ['a=1', 'b=2'], wire);
    assert.equal(answer.text, '1, 2', wire);
    assert.ok(answer.raw.includes(Buffer.from('X-Caf: caf\xe9', 'latin1')), wire);
  }
  clean(h);
});

test('every piece is sent before the next one is asked for', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  for (const wire of wires) {
    const sign = join(h.root, `${wire}.seen`);
    const client = await Wire.open(h.port);
    client.send(requestText('GET', `/${wire}/pieces?${sign}`));
    await client.seen('first');
    writeFileSync(sign, '');
    assert.equal((await client.finalAnswer()).text, 'first second', wire);
    client.close();
  }
  clean(h);
});

test('the client leaves: close() is called, a generator hears GeneratorExit, and the worker goes on', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  for (const wire of wires) {
    for (const [path, word] of Object.entries({ endless: 'closed', generator: 'GeneratorExit' })) {
      const sign = join(h.root, `${wire}.${path}`);
      const client = await Wire.open(h.port);
      client.send(requestText('GET', `/${wire}/${path}?${sign}`));
      await client.seen('xxxxxxxxxx');
      client.close();
      await until(() => existsSync(sign) && readFileSync(sign, 'utf8') === word, `${word} on ${wire}`);
      assert.equal((await get(h.port, `/${wire}/empty`)).status, 200, wire);
    }
  }
  clean(h);
});

test('wsgi.errors: text of any kind, in the log of its request; print() goes elsewhere', async (t) => {
  const h = await onEachWire(t, 'probe.py');
  if (!h) return;
  const wanted = ['a line for the log', 'and \\udcff this: café', 'no end of line'];
  for (const [at, wire] of wires.entries()) {
    assert.equal((await get(h.port, `/${wire}/log`)).text, 'logged');
    const { daemon } = h.workers[at]!;
    await until(() => daemon.said().includes('printed'), 'print()');
    if (wire !== 'fastcgi') for (const line of wanted) assert.ok(daemon.said().includes(line), `${wire}: ${line}`);
  }
  await until(() => h.stderr.length >= wanted.length, 'the lines');
  assert.deepEqual(
    h.stderr.map((line) => line.text),
    wanted,
  );
  clean(h);
});

test('start_response is checked when it is called', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'unruly.py');
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/', address }] });
  t.after(() => h.stop());
  const names = (await get(h.port, '/names')).text.split('\n');
  assert.ok(names.length > 20);
  for (const name of names) {
    const answer = await get(h.port, `/misuse?${encodeURIComponent(name)}`);
    assert.match(answer.text, /^(ValueError|TypeError): /, name);
    assert.equal(answer.get('x-evil'), undefined);
  }
});

test('failures before the head: 500, the traceback in the log; with --dev on the page', async (t) => {
  const h = await onEachWire(t, 'unruly.py');
  if (!h) return;
  const { address } = await worker(t, 'unruly.py', { args: ['--dev'] });
  const dev = await house({ mounts: [{ wire: 'fastcgi', where: '/', address }] });
  t.after(() => dev.stop());
  const cases: Record<string, RegExp> = {
    twice: /AssertionError: start_response is called a second time/,
    raises: /File ".*unruly.py".*\n.*\nKeyError: 'early'/,
    raises_after_start: /KeyError: 'started'/,
    exits: /SystemExit: an application that ends itself/,
    interrupts: /KeyboardInterrupt/,
    closes_after_failure: /RuntimeError: iteration failed/,
    returns_none: /TypeError: the application returned NoneType/,
    returns_number: /TypeError: 'int' object is not iterable/,
    fails_twice: /RuntimeError: iteration failed\n[\s\S]*RuntimeError: close failed/,
    returns_bytes: /TypeError: the application returned bytes/,
    yields_text: /TypeError: a piece of the body is str, not bytes: encode it/,
    never_starts: /AssertionError: a piece of the body has come/,
    never_starts_empty: /AssertionError: the application has returned/,
    empty_short: /ValueError: Content-Length is 100, and the body has 0 bytes/,
  };
  for (const [path, told] of Object.entries(cases)) {
    for (const wire of wires) {
      const answer = await get(h.port, `/${wire}/${path}`);
      assert.deepEqual([answer.status, answer.text], [500, 'The application failed. Its log says why.\n'], `${wire}/${path}`);
    }
    const page = await get(dev.port, `/${path}`);
    assert.equal(page.status, 500, path);
    assert.match(page.text, told, path);
    const told500 = await dev.exchange((e) => e.target === `/${path}`);
    assert.equal(told500.exitCode, 1, 'as a CGI program that failed');
    if (path === 'empty_short') continue;
    const head = await talk(dev.port, requestText('HEAD', `/${path}`), { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length], [500, 0], path);
  }
  const log = h.stderr.map((line) => line.text).join('\n');
  assert.match(log, /KeyError: 'early'/);
  assert.doesNotMatch(log, /recent call last\):\n.*wsgi\.py", line/, 'the traceback begins where the application does');
  await until(() => h.workers.every((each) => each.daemon.said().includes('closed all the same')), 'close() after a failure');
  assert.match(h.workers[1]!.daemon.said(), /KeyError: 'early'/, 'on SCGI the worker’s own stderr');
});

test('--dev, for a browser: a page with the source, and nothing in it is markup', async (t) => {
  if (!needs(t, 'python3')) return;
  const { address } = await worker(t, 'unruly.py', { args: ['--dev'] });
  const h = await house({ mounts: [{ wire: 'fastcgi', where: '/app', address }] });
  t.after(() => h.stop());
  const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const page = await get(h.port, '/app/markup?<b>', browser);
  assert.deepEqual([page.status, page.get('content-type')], [500, 'text/html; charset=utf-8']);
  assert.match(
    page.text,
    /<h1>ValueError: &lt;script&gt;alert\(&quot;café&quot;\)&lt;\/script&gt;&lt;b&gt;<\/h1>\s*<p>GET \/app\/markup<\/p>/,
  );
  assert.match(page.text, /<details open><summary>[^<]*unruly\.py, line \d+, in markup<\/summary><pre>/);
  assert.match(page.text, /<mark> +\d+ {6}raise ValueError\(tag \+ environ\[&#x27;QUERY_STRING&#x27;\]\)<\/mark>/);
  assert.match(page.text, /<pre>Traceback \(most recent call last\):\n {2}File &quot;[^<]*unruly\.py/);
  assert.doesNotMatch(page.text, /<script|<b>/);
  assert.match(page.text, /color-scheme: light dark/);
  const ours = await get(h.port, '/app/misuse_plainly', browser);
  assert.match(ours.text, /<details><summary>[^<]*wsgi\.py, line \d+, in check_head/, 'folded up');
  assert.match(ours.text, /<details open><summary>[^<]*unruly\.py/);
  const head = await talk(h.port, requestText('HEAD', '/app/markup', browser), { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length], [500, 0]);
  const half = await get(h.port, '/app/raises_later', browser);
  assert.ok(!half.complete || half.status === 502);
  assert.doesNotMatch(half.text, /<h2>Traceback</, 'no page in the middle of an answer');
});

test('failures after the head: FastCGI can say that the answer is not whole, the others only by its length', async (t) => {
  const h = await onEachWire(t, 'unruly.py');
  if (!h) return;
  for (const path of ['exc_info_after', 'raises_later', 'raises_after_write', 'short']) {
    const answer = await get(h.port, `/fastcgi/${path}`);
    assert.ok(!answer.complete || answer.status === 502, `${path}: ${answer.status}`);
    const told = await h.exchange((e) => e.target === `/fastcgi/${path}`);
    assert.equal(told.failure?.code, 'WIRE_TRUNCATED', path);
  }
  for (const wire of ['scgi', 'uwsgi']) {
    const answer = await get(h.port, `/${wire}/short`);
    assert.ok(!answer.complete || answer.status === 502, wire);
    assert.equal((await h.exchange((e) => e.target === `/${wire}/short`)).failure?.code, 'REPLY_SHORT');
  }
  assert.match(h.stderr.map((line) => line.text).join('\n'), /RuntimeError: after the head/);
});

test('exc_info before the head: the second head counts, and nothing of the first', async (t) => {
  const h = await onEachWire(t, 'unruly.py');
  if (!h) return;
  for (const wire of wires) {
    const answer = await get(h.port, `/${wire}/exc_info_before`);
    assert.deepEqual([answer.status, answer.reason, answer.text], [503, 'Sorry', 'an error page of its own'], wire);
    assert.deepEqual([answer.get('x-first'), answer.get('x-second')], [undefined, '1'], wire);
  }
});

test('too long for its Content-Length: cut, and not asked on', async (t) => {
  const h = await onEachWire(t, 'unruly.py');
  if (!h) return;
  for (const wire of wires) {
    const answer = await get(h.port, `/${wire}/long`);
    assert.deepEqual([answer.text, answer.complete], ['1234567890', true], wire);
    assert.equal((await get(h.port, `/${wire}/long_write`)).text, '12345', wire);
  }
  const log = [...h.stderr.map((line) => line.text), ...h.workers.map((each) => each.daemon.said())].join('\n');
  assert.match(log, /longer than its Content-Length, 10, and is cut/);
  assert.match(log, /refused: write\(\) after the 5 bytes/);
  assert.doesNotMatch(log, /asked on/);
});

test('iterables of any kind; a close() that fails harms nobody', async (t) => {
  const h = await onEachWire(t, 'unruly.py');
  if (!h) return;
  for (const wire of wires) {
    assert.equal((await get(h.port, `/${wire}/old_style`)).text, '012', wire);
    const closing = await get(h.port, `/${wire}/close_raises`);
    assert.deepEqual([closing.status, closing.text.startsWith('whole')], [200, true], wire);
    const none = await get(h.port, `/${wire}/no_length`);
    assert.deepEqual([none.status, none.body.length], [204, 0], wire);
  }
  assert.match(h.stderr.map((line) => line.text).join('\n'), /RuntimeError: close failed/);
});

test('an upload that nobody reads to its end', async (t) => {
  const h = await onEachWire(t, 'unruly.py');
  if (!h) return;
  for (const wire of wires) {
    for (let round = 0; round < 3; round++) {
      const answer = await post(h.port, `/${wire}/reads_half`, '0123456789'.repeat(300_000));
      assert.deepEqual([answer.status, answer.text], [200, '0123456789'], wire);
    }
  }
});

test('--threads: so many requests at once', async (t) => {
  const h = await onEachWire(t, 'unruly.py', ['--threads', '2']);
  if (!h) return;
  for (const wire of wires) {
    const answers: Answer[] = await Promise.all([get(h.port, `/${wire}/meet`), get(h.port, `/${wire}/meet`)]);
    const texts = answers.map((answer) => answer.text);
    assert.deepEqual(texts, ['met True', 'met True'], wire);
  }
});
