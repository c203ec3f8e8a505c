/**
 * RFC 3875 §5: a script whose name begins with `nph-` is the HTTP server for one answer. Its bytes reach the client as they are,
 * on a connection that ends with them: nothing the script says of lengths can reach another request.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { house } from '../support/house.js';
import { Wire } from '../support/wire.js';
import { type AskOptions, ask, howItEnds, pattern, printed, printer, requestBytes, type Step, told } from './print.js';

const h = await house({ scripts: { ...printer, 'nph-tell.js': printer['tell.js'], 'xnph-print.js': printer['print.js'] } });
after(() => h.stop());

let files = 0;
const fresh = (name: string): string => join(h.root, `${name}-${++files}`);
const script = 'nph-print.js';

/** The whole conversation: every byte until the connection is over. */
async function raw(out: Step[], options: AskOptions = {}) {
  const target = printed(out, options.script ?? script);
  const wire = await Wire.open(h.port);
  const ending = howItEnds(wire);
  wire.send(requestBytes(target, { ...options, fields: { Connection: 'keep-alive', ...options.fields } }));
  const bytes = await wire.rest();
  const closed = await ending;
  wire.close();
  return { bytes, closed, exchange: await told(h, target) };
}

const hundred = 'HTTP/1.1 100 Continue\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Nph: 1\r\n\r\nhello';

const unmodified: [why: string, bytes: string, options?: AskOptions][] = [
  ['a plain answer', ok],
  ['LF line ends', 'HTTP/1.1 200 OK\nContent-Type: text/plain\n\nhello'],
  ['HTTP/1.0 to an HTTP/1.1 client', 'HTTP/1.0 200 OK\r\n\r\nhello'],
  ['HTTP/1.1 to an HTTP/1.0 client', ok, { version: 'HTTP/1.0' }],
  ['a status nobody knows, a reason nobody gave', 'HTTP/1.1 799 Sic\r\n\r\n'],
  ['no headers at all', 'HTTP/1.1 200 OK\r\n\r\n'],
  ['Content-Length, and it is right', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ['Connection: keep-alive, which is not ours to promise', 'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello'],
  ['its own chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'],
  ['a field folded over 500 bytes', `HTTP/1.1 200 OK\r\nX-Folded: a${'\r\n '.padEnd(500, 'b')}\r\n\r\nhello`],
  ['a Status field, which means nothing here', 'HTTP/1.1 200 OK\r\nStatus: 404 Nope\r\n\r\nhello'],
  ['a Location, which is not followed', 'HTTP/1.1 302 Found\r\nLocation: /cgi-bin/tell.js\r\n\r\n'],
  ['102 Processing first', `HTTP/1.1 102 Processing\r\n\r\n${ok}`],
  ['five 100 Continue first', hundred.repeat(5) + ok],
  ['fifty 100 Continue first', hundred.repeat(50) + ok],
  ['every byte value', `HTTP/1.1 200 OK\r\n\r\n${pattern(256).toString('latin1')}`],
  ['a 304 with a body, which is wrong and stays so', 'HTTP/1.1 304 Not Modified\r\n\r\nbody'],
  ['HEAD is the script’s business: nothing is cut', ok, { method: 'HEAD' }],
  ['POST', ok, { method: 'POST', body: 'a=1' }],
  ['what is not HTTP at all', 'hello\n'],
  ['a script in a sub-directory', ok, { script: 'sub/nph-deep.js' }],
];

describe('NPH, unmodified and then closed', { concurrency: 4 }, () => {
  for (const [why, bytes, options] of unmodified) {
    test(why, async () => {
      const { bytes: got, closed, exchange } = await raw([bytes], options);
      assert.equal(got.toString('latin1'), bytes);
      assert.equal(closed, 'end');
      assert.equal(exchange.failure, undefined);
    });
  }

  test('byte by byte', async () => {
    assert.equal((await raw([{ bytewise: ok }])).bytes.toString('latin1'), ok);
  });

  test('4 MiB', async () => {
    const { bytes } = await raw(['HTTP/1.1 200 OK\r\n\r\n', { fill: 1 << 22 }]);
    assert.ok(bytes.subarray(19).equals(pattern(1 << 22)));
  });

  test('8 KiB of stderr between the headers', async () => {
    const { bytes, exchange } = await raw(['HTTP/1.1 200 OK\r\nX-A: 1\r\n', { stderr: `${'e'.repeat(8191)}\n` }, 'X-B: 2\r\n\r\nhello']);
    assert.equal(bytes.toString('latin1'), 'HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\n\r\nhello');
    assert.equal(exchange.stderrBytes, 8192);
  });

  test('unbuffered: each piece arrives before the next is written', async () => {
    const gates = [fresh('gate'), fresh('gate'), fresh('gate')] as const;
    const wire = await Wire.open(h.port);
    const out: Step[] = [
      'HTTP/1.1 20',
      { await: gates[0] },
      '0 OK\r\nX-A: 1\r\n',
      { await: gates[1] },
      '\r\nfirst',
      { await: gates[2] },
      'second',
    ];
    wire.send(requestBytes(printed(out, script)));
    for (const [at, piece] of ['HTTP/1.1 20', 'X-A: 1', 'first'].entries()) {
      await wire.seen(piece);
      writeFileSync(gates[at]!, '');
    }
    assert.equal((await wire.rest()).toString('latin1'), 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nfirstsecond');
  });

  test('it sees the request as every script does, and its body', async () => {
    const wire = await Wire.open(h.port);
    wire.send(requestBytes('/cgi-bin/nph-tell.js/x?y', { method: 'POST', body: 'a=1' }));
    const text = (await wire.rest()).toString('latin1');
    const { env, input } = JSON.parse(text.slice(text.indexOf('\n\n') + 2)) as { env: Record<string, string>; input: string };
    assert.equal(input, 'a=1');
    assert.equal(env.CONTENT_LENGTH, '3');
    assert.equal(env.PATH_INFO, '/x');
    assert.equal(env.SERVER_PROTOCOL, 'HTTP/1.1');
  });
});

describe('NPH, and the connection', () => {
  test('a pipelined successor is neither answered nor run', async () => {
    const ran = fresh('ran');
    const wire = await Wire.open(h.port);
    const keep = { fields: { Connection: 'keep-alive' } };
    const second = printed([{ touch: ran }, 'Content-Type: text/plain\n\nSECOND']);
    const first = printed([`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`], script);
    wire.send(requestBytes(first, keep) + requestBytes(second, keep));
    assert.equal((await wire.rest()).toString('latin1'), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    await told(h, first);
    // Whatever was queued behind it would have been begun by the time a later request is over.
    await ask(h, ['Content-Type: text/plain\n\n']);
    assert.ok(!existsSync(ran));
    assert.ok(!h.exchanges.some((e) => e.target === second));
    wire.close();
  });

  test('nor one that comes while the script is still printing', async () => {
    const [ran, gate] = [fresh('ran'), fresh('gate')];
    const keep = { fields: { Connection: 'keep-alive' } };
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(printed(['HTTP/1.1 200 OK\r\n\r\nfirst', { await: gate }, ' and last'], script), keep));
    await wire.seen('first');
    await wire.sent(requestBytes(printed([{ touch: ran }, 'Content-Type: text/plain\n\nSECOND']), keep));
    await ask(h, ['Content-Type: text/plain\n\n']);
    writeFileSync(gate, '');
    assert.equal((await wire.rest()).toString('latin1'), 'HTTP/1.1 200 OK\r\n\r\nfirst and last');
    await ask(h, ['Content-Type: text/plain\n\n']);
    assert.ok(!existsSync(ran));
    wire.close();
  });

  test('after an ordinary answer on a kept connection', async () => {
    const wire = await Wire.open(h.port);
    const keep = { fields: { Connection: 'keep-alive' } };
    wire.send(requestBytes(printed(['Content-Type: text/plain\n\nfirst']), keep) + requestBytes(printed([ok], script), keep));
    assert.equal((await wire.finalAnswer()).text, 'first');
    assert.equal((await wire.rest()).toString('latin1'), ok);
    wire.close();
  });

  test('bytes that look like a second answer stay bytes of the first', async () => {
    const { bytes } = await raw([`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 EVIL\r\n\r\n`]);
    assert.ok(bytes.toString('latin1').endsWith('okHTTP/1.1 200 EVIL\r\n\r\n'));
  });

  test('xnph- is an ordinary name', async () => {
    const { answer, exchange } = await ask(h, ['HTTP/1.1 200 OK\r\n\r\nhello'], { script: 'xnph-print.js' });
    assert.equal(answer.status, 502);
    assert.equal(exchange.failure?.code, 'REPLY_NOT_A_HEADER');
  });
});

describe('NPH, when it fails', () => {
  const silent: [why: string, out: Step[], code: string][] = [
    ['nothing, exit 0', [], 'REPLY_EMPTY'],
    ['nothing, exit 3', [{ exit: 3 }], 'REPLY_CRASHED'],
    ['nothing, killed', [{ kill: 'SIGKILL' }], 'REPLY_CRASHED'],
  ];
  for (const [why, out, code] of silent) {
    test(`${why}: 502, since nothing was sent`, async () => {
      const { answer, exchange } = await ask(h, out, { script });
      assert.equal(answer.status, 502);
      assert.equal(exchange.failure?.code, code);
    });
  }

  test('killed half-way: the client can tell', async () => {
    const { bytes, closed, exchange } = await raw(['HTTP/1.1 200 OK\r\n\r\nhal', { kill: 'SIGKILL' }]);
    assert.equal(closed, 'reset');
    assert.ok('HTTP/1.1 200 OK\r\n\r\nhal'.startsWith(bytes.toString('latin1')));
    assert.equal(exchange.signal, 'SIGKILL');
  });

  test('exit 3 after a whole answer: complete, and told', async () => {
    const { bytes, closed, exchange } = await raw([ok, { exit: 3 }]);
    assert.equal(bytes.toString('latin1'), ok);
    assert.equal(closed, 'end');
    assert.equal(exchange.exitCode, 3);
  });
});
