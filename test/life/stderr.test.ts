/**
 * stderr: where a script's complaints go. To the one who runs the server, line by line, said by whom, safe to look at in a
 * terminal, bounded; never to the client of an answer that went well; and never a reason for the script to wait.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { until } from '../support/until.js';
import { get } from '../support/wire.js';
import { gone } from './processes.js';

const head = `printf 'Content-Type: text/plain\\n\\n'`;
const line = 'x'.repeat(79); // 80 bytes with its end

/** Runs one script; gives its answer, its exchange and the lines it wrote. */
async function complain(t: TestContext, source: string, options: HouseOptions = {}, headers = {}) {
  const h = await house({ scripts: { 'complain.cgi': sh(source) }, ...options });
  t.after(() => h.stop());
  const answer = await get(h.port, '/cgi-bin/complain.cgi', headers);
  const exchange = await h.exchange();
  return { h, answer, exchange, texts: () => h.stderr.map(({ text }) => text) };
}

const linesOf = (h: House, pid: number | undefined): string[] => h.stderr.filter((each) => each.pid === pid).map(({ text }) => text);

test('lines come one by one, tagged with script, pid and exchange', async (t) => {
  const { h, answer, exchange } = await complain(t, `echo one >&2; printf 'two\\nthree\\n' >&2; ${head}; echo fine`);
  assert.equal(answer.text, 'fine\n');
  assert.deepEqual(linesOf(h, exchange.pid), ['one', 'two', 'three']);
  for (const each of h.stderr) {
    assert.equal(each.script, 'complain.cgi');
    assert.equal(each.id, exchange.id);
  }
  assert.equal(exchange.stderrBytes, 'one\ntwo\nthree\n'.length);
  assert.equal(exchange.failure, undefined, 'words on stderr are no failure');
});

test('lines of scripts that run at once are not mixed up', async (t) => {
  const h = await house({ scripts: { 'loud.cgi': sh(`for i in 1 2 3 4 5; do printf "$QUERY_STRING-" >&2; echo $i >&2; done; ${head}`) } });
  t.after(() => h.stop());
  await Promise.all(Array.from({ length: 10 }, (_, i) => get(h.port, `/cgi-bin/loud.cgi?${i}`)));
  for (let i = 0; i < 10; i++) {
    const { pid } = await h.exchange((e) => e.target.endsWith(`?${i}`));
    assert.deepEqual(
      linesOf(h, pid),
      [1, 2, 3, 4, 5].map((n) => `${i}-${n}`),
    );
  }
});

test('more than a pipe holds before the first byte of stdout', async (t) => {
  for (const count of [103, 2000]) {
    const { answer, exchange, texts } = await complain(
      t,
      `i=0; while [ $i -lt ${count} ]; do echo ${line}; i=$((i+1)); done >&2; ${head}; echo fine`,
    );
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'fine\n');
    assert.equal(exchange.stderrBytes, count * 80);
    assert.equal(texts().filter((text) => text === line).length, count);
  }
});

test('1 MiB on each, in turns: neither blocks the other, and the answer is exact', async (t) => {
  const count = Math.ceil((1 << 20) / 80);
  const { answer, exchange } = await complain(
    t,
    `${head}; i=0; while [ $i -lt ${count} ]; do echo ${line}; echo ${line} >&2; i=$((i+1)); done`,
  );
  assert.equal(answer.text, `${line}\n`.repeat(count));
  assert.ok(answer.complete);
  assert.equal(exchange.stderrBytes, count * 80);
});

test('what reaches the log is bounded, and the rest is counted', async (t) => {
  const { exchange, texts } = await complain(t, `head -c 20000 /dev/zero | tr '\\0' '\\n' | sed 's/^/${line}/' >&2; ${head}`);
  assert.equal(exchange.stderrBytes, 20_000 * 80);
  const logged = texts().reduce((sum, text) => sum + text.length, 0);
  assert.ok(logged > 10_000 && logged < 600_000, `${logged} bytes logged`);
});

test('a script may close stderr, and go on', async (t) => {
  const { answer, exchange } = await complain(t, `echo before >&2; exec 2>&-; ${head}; sleep 0.1; echo fine`);
  assert.equal(answer.text, 'fine\n');
  assert.ok(answer.complete);
  assert.equal(exchange.failure, undefined);
  assert.equal(exchange.stderrBytes, 7);
});

test('a script may close stdout, and go on complaining', async (t) => {
  const { answer, exchange, texts } = await complain(
    t,
    `${head}; echo fine; exec 1>&-; sleep 1; echo late >&2; exec 2>&-; sleep 0.2; exit 0`,
  );
  assert.equal(answer.text, 'fine\n');
  assert.ok(answer.complete);
  assert.equal(exchange.exitCode, 0);
  assert.deepEqual(texts(), ['late']);
});

test('closing both before the head is no answer', async (t) => {
  const { answer } = await complain(t, 'exec 1>&- 2>&-; sleep 0.2; exit 0');
  assert.equal(answer.status, 502);
});

test('a last line without an end is a line', async (t) => {
  const { texts } = await complain(t, `printf 'whole\\nunfinished' >&2; ${head}`);
  assert.deepEqual(texts(), ['whole', 'unfinished']);
});

test('CRLF ends a line; empty lines stay', async (t) => {
  const { texts } = await complain(t, `printf 'a\\r\\n\\nb\\n' >&2; ${head}`);
  const shown = texts().map((text) => text.replace(/\\x0d$/i, ''));
  assert.deepEqual(
    shown.filter((text) => text !== ''),
    ['a', 'b'],
  );
});

test('control characters do not reach the terminal', async (t) => {
  const { h, answer, texts } = await complain(t, `printf 'a\\033[2Jb\\007c\\000d\\177e\\rf\\033]0;title\\007\\tg\\n' >&2; exit 1`);
  const text = texts().join('');
  assert.doesNotMatch(text, /[\x00-\x08\x0b-\x1f\x7f]/);
  assert.match(text, /^a\\x1b\[2Jb\\x07c\\x00d\\x7fe/i);
  // Nor, by way of the page that shows what the script said, to the browser or a `curl`.
  assert.equal(answer.status, 502);
  assert.doesNotMatch(answer.text, /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/);
  assert.equal(h.stderr.length, 1);
});

test('bytes that are not UTF-8 are shown all the same', async (t) => {
  const { texts } = await complain(t, `printf 'caf\\303\\251 \\377\\376 end\\n' >&2; ${head}`);
  assert.equal(texts().length, 1);
  assert.match(texts()[0]!, /^caf.* end$/u);
});

test('a huge line is cut', async (t) => {
  const { exchange, texts } = await complain(t, `head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo next >&2; ${head}`);
  assert.equal(exchange.stderrBytes, 3_000_006);
  const longest = Math.max(...texts().map((text) => text.length));
  assert.ok(longest >= 1000 && longest <= 16 * 1024, `a line of ${longest}`);
  assert.ok(texts().reduce((sum, text) => sum + text.length, 0) < 600_000);
});

test('stderr is never in the body of an answer that went well', async (t) => {
  const h = await house({
    scripts: {
      'between.cgi': sh(
        `echo secret >&2; echo 'Content-Type: text/plain'; echo secret >&2; echo; echo secret >&2; echo fine; echo secret >&2`,
      ),
      'after.cgi': sh(`${head}; echo fine; echo secret >&2; exit 3`),
      'nph-raw.cgi': sh(`echo secret >&2; printf 'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nfine\\n'; echo secret >&2`),
    },
  });
  t.after(() => h.stop());
  for (const name of ['between.cgi', 'after.cgi', 'nph-raw.cgi']) {
    const answer = await get(h.port, `/cgi-bin/${name}`);
    assert.equal(answer.status, 200, name);
    assert.equal(answer.text, 'fine\n', name);
    assert.doesNotMatch(answer.raw.toString('latin1'), /secret/, name);
  }
});

test('when it went wrong, the page shows it on loopback, and nowhere else', async (t) => {
  const source = `echo "NameError: <b>name</b> 'os' is not defined" >&2; exit 1`;
  const near = await complain(t, source, {}, { Accept: 'text/html' });
  assert.equal(near.answer.status, 502);
  assert.match(near.answer.text, /NameError/);
  assert.doesNotMatch(near.answer.text, /<b>name/, 'escaped where it is HTML');
  assert.match(near.exchange.failure?.evidence.stderr ?? '', /NameError/);
  const far = await complain(t, source, { details: 'never' });
  assert.equal(far.answer.status, 502);
  assert.doesNotMatch(far.answer.text, /NameError/);
});

test('a script that only ever complains is ended in time', async (t) => {
  const { answer, exchange, texts } = await complain(t, `while :; do echo ${line}; done >&2`, { headerTimeoutMs: 1000 });
  assert.equal(answer.status, 504);
  assert.equal(exchange.failure?.code, 'REPLY_HEAD_TIMEOUT');
  await gone(exchange.pid);
  assert.ok(texts().reduce((sum, text) => sum + text.length, 0) < 600_000);
});

test('lines are told while the script runs, not at its end', async (t) => {
  const h = await house({ scripts: { 'early.cgi': sh(`echo early >&2; while [ ! -e go ]; do sleep 0.02; done; ${head}`) } });
  t.after(() => h.stop());
  const asked = get(h.port, '/cgi-bin/early.cgi');
  await until(() => h.stderr.length === 1, 'the first line');
  assert.equal(h.exchanges.length, 0);
  writeFileSync(`${h.dir}/go`, '');
  assert.equal((await asked).status, 200);
});

test('a grandchild that holds stderr open does not hold up the answer', async (t) => {
  const { answer, exchange } = await complain(t, `${head}; echo fine; sleep 30 >/dev/null & exit 0`);
  assert.equal(answer.text, 'fine\n');
  assert.ok(answer.complete);
  assert.equal(exchange.failure, undefined);
});
