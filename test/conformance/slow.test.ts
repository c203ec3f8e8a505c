/**
 * Clients that take their time. The bounds are those of limits.ts, half a minute and more, so everything here waits side by
 * side; it only asks that the end comes, and how.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { bodyIdleMs, requestHeadMs } from '../../src/limits.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire.js';
import { codeOf, expectAlive, witnessHouse } from './request.js';

const h = await witnessHouse();
after(() => h.stop());

const marginMs = 45_000;
const post = (...fields: string[]): string => ['POST /cgi-bin/len HTTP/1.1', 'Host: localhost', ...fields, '', ''].join('\r\n');

describe('slow clients', { concurrency: true }, () => {
  test('slow: nothing is ever sent: closed', async () => {
    const wire = await Wire.open(h.port);
    const bytes = (await wire.rest(requestHeadMs + marginMs)).toString('latin1');
    assert.match(bytes, /^(HTTP\/1\.1 408 |$)/);
  });

  test('slow: half a head, then nothing: 408', async () => {
    const wire = await Wire.open(h.port);
    wire.send('GET /cgi-bin/evil HTTP/1.1\r\nHost: localhost\r\n');
    const answer = await wire.answer({ timeoutMs: requestHeadMs + marginMs });
    assert.equal(answer.status, 408);
    assert.equal(codeOf(answer), 'HEAD_TIMEOUT');
    assert.equal((await wire.rest()).length, 0);
  });

  test('slow: a head that drips for ever: 408', async () => {
    const wire = await Wire.open(h.port);
    wire.send('GET /cgi-bin/evil HTTP/1.1\r\nHost: localhost\r\nX-Drip: ');
    const drip = setInterval(() => wire.send('x'), 500);
    try {
      const answer = await wire.answer({ timeoutMs: requestHeadMs + marginMs });
      assert.equal(answer.status, 408);
      assert.equal(codeOf(answer), 'HEAD_TIMEOUT');
    } finally {
      clearInterval(drip);
      wire.close();
    }
  });

  test('slow: a body of known length stops half-way: 408, and the script is ended', async () => {
    const wire = await Wire.open(h.port);
    wire.send(`${post('Content-Length: 10', 'X-Which: sized').replace('/len', '/len?sized')}hello`);
    const answer = await wire.answer({ timeoutMs: bodyIdleMs + marginMs });
    // `len` has printed its head before it reads on: what can still be said is that the answer is not whole.
    if (answer.status === 200) assert.equal(answer.complete, false);
    else assert.equal(answer.status, 408);
    const exchange = await h.exchange((e) => e.target.endsWith('?sized'));
    assert.equal(exchange.failure?.code, 'BODY_TIMEOUT');
    await until(() => !alive(exchange.pid!), 'the script to end');
  });

  test('slow: a chunked body stops half-way: 408', async () => {
    const wire = await Wire.open(h.port);
    wire.send(`${post('Transfer-Encoding: chunked')}5\r\nhello\r\n`);
    const answer = await wire.answer({ timeoutMs: bodyIdleMs + marginMs });
    assert.equal(answer.status, 408);
    assert.equal(codeOf(answer), 'BODY_TIMEOUT');
    assert.equal((await wire.rest()).length, 0);
  });

  test('slow: a body that drips, but comes, is waited for', async () => {
    const body = 'x'.repeat(Math.ceil((bodyIdleMs * 1.2) / 1000));
    const wire = await Wire.open(h.port);
    wire.send(post(`Content-Length: ${body.length}`));
    for (const byte of body) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      wire.send(byte);
    }
    assert.equal((await wire.answer()).text, `length=${body.length} body=${body}`);
    wire.close();
  });
});

test('slow: and others were served', () => expectAlive(h));

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
