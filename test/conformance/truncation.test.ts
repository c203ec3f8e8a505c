/**
 * An answer that ended and one that was broken off must look different to the client (RFC 9112 §8): a last chunk, a reached
 * Content-Length or a clean FIN are given only when the script is known to have said all it had to say. Of an answer of which
 * nothing has been sent yet, nothing is sent: a page says why.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { FailureCode } from '../../src/failures.js';
import { house } from '../support/house.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire.js';
import { type Asked, ask, askAndWait, askInOneTurn, pattern, printed, printer, requestBytes, type Step, told } from './print.js';

const h = await house({ scripts: printer });
after(() => h.stop());

let files = 0;
const fresh = (name: string): string => join(h.root, `${name}-${++files}`);
const typed = 'Content-Type: text/plain\n';
const versions = ['HTTP/1.0', 'HTTP/1.1'];

interface Ending {
  why: string;
  out: Step[];
  complete: boolean;
  text: string;
  code?: FailureCode;
  exitCode?: number;
  signal?: string;
  /** A note is expected although it is no failure. */
  noted?: true;
}

const endings: Ending[] = [
  { why: 'exit 0', out: [`${typed}\nhello`], complete: true, text: 'hello', exitCode: 0 },
  { why: 'exit 3 after all was said', out: [`${typed}\nhello`, { exit: 3 }], complete: true, text: 'hello', exitCode: 3 },
  { why: 'exit 3 without a body', out: [`${typed}\n`, { exit: 3 }], complete: true, text: '', exitCode: 3 },
  {
    why: 'exit 3 with its Content-Length reached',
    out: [`${typed}Content-Length: 5\n\nhello`, { exit: 3 }],
    complete: true,
    text: 'hello',
    exitCode: 3,
  },
  ...(['SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const).map((signal) => ({
    why: `${signal} half-way`,
    out: [`${typed}\nhel`, { kill: signal }],
    complete: false,
    text: 'hel',
    code: 'REPLY_KILLED' as const,
    signal,
  })),
  {
    why: 'SIGKILL before the first byte of the body',
    out: [`${typed}\n`, { kill: 'SIGKILL' }],
    complete: false,
    text: '',
    code: 'REPLY_KILLED',
    signal: 'SIGKILL',
  },
  {
    why: 'SIGKILL before Content-Length is reached',
    out: [`${typed}Content-Length: 5\n\nhel`, { kill: 'SIGKILL' }],
    complete: false,
    text: 'hel',
    signal: 'SIGKILL',
  },
  {
    why: 'SIGKILL when Content-Length is reached',
    out: [`${typed}Content-Length: 5\n\nhello`, { kill: 'SIGKILL' }],
    complete: true,
    text: 'hello',
    signal: 'SIGKILL',
  },
  {
    why: 'SIGKILL when Content-Length promised nothing',
    out: [`${typed}Content-Length: 0\n\n`, { kill: 'SIGKILL' }],
    complete: true,
    text: '',
    signal: 'SIGKILL',
  },
  {
    why: 'fewer bytes than Content-Length, exit 0',
    out: [`${typed}Content-Length: 6\n\nhello`],
    complete: false,
    text: 'hello',
    code: 'REPLY_SHORT',
    exitCode: 0,
  },
  {
    why: 'none of the bytes of Content-Length',
    out: [`${typed}Content-Length: 6\n\n`],
    complete: false,
    text: '',
    code: 'REPLY_SHORT',
    exitCode: 0,
  },
  {
    why: 'more bytes than Content-Length, exit 0',
    out: [`${typed}Content-Length: 5\n\nhello and more`],
    complete: true,
    text: 'hello',
    noted: true,
  },
];

/** The honest error: nothing of the answer has been sent, so that a whole page can say what happened. */
function expectPage({ answer, closed, exchange }: Asked, { code }: Ending): void {
  assert.equal(answer.status, 502);
  assert.ok(answer.complete);
  assert.equal(closed, 'end');
  if (code !== undefined) assert.equal(exchange.failure?.code, code);
  assert.ok(answer.text.includes(exchange.failure!.code), answer.text);
}

/** The head is with the client: what is left is not to end as if all were well. */
function expectBrokenOff({ answer, closed, exchange }: Asked, { text, code }: Ending, version: string): void {
  assert.equal(answer.status, 200);
  assert.equal(answer.complete, false);
  assert.ok(text.startsWith(answer.text), answer.text);
  // On HTTP/1.0 without a length only the way the connection ends can tell.
  if (version === 'HTTP/1.0' && answer.get('Content-Length') === undefined) assert.equal(closed, 'reset');
  if (code !== undefined) assert.equal(exchange.failure?.code, code);
}

function expectWhole({ answer, closed, exchange }: Asked, { text, noted }: Ending): void {
  assert.equal(answer.status, 200);
  assert.ok(answer.complete);
  assert.equal(answer.text, text);
  assert.equal(closed, 'end');
  assert.equal(exchange.failure, undefined);
  if (noted) assert.ok(exchange.notes.length > 0);
}

function expectTold({ answer, exchange }: Asked, { exitCode, signal }: Ending): void {
  assert.equal(exchange.status, answer.status);
  if (exitCode !== undefined) assert.equal(exchange.exitCode, exitCode);
  if (signal !== undefined) assert.equal(exchange.signal, signal);
}

for (const version of versions) {
  describe(`truncation, ${version}`, { concurrency: 4 }, () => {
    for (const ending of endings) {
      const { why, out, complete, text } = ending;
      test(`${why}, at once: ${complete ? 'whole' : 'a page, or broken off'}`, async () => {
        const asked = await ask(h, out, { version });
        // Whether the head has gone out hangs on whether the end was seen in the same turn. Each is honest.
        if (complete) expectWhole(asked, ending);
        else if (asked.answer.status === 502) expectPage(asked, ending);
        else expectBrokenOff(asked, ending, version);
        expectTold(asked, ending);
      });

      test(`${why}, all in one turn: ${complete ? 'whole, with its length' : 'a page'}`, async () => {
        const asked = await askInOneTurn(h, out, { version });
        if (complete) {
          expectWhole(asked, ending);
          assert.deepEqual([asked.answer.get('Content-Length'), asked.answer.chunked], [String(text.length), false]);
        } else expectPage(asked, ending);
        expectTold(asked, ending);
      });

      test(`${why}, after the client has seen the head: ${complete ? 'whole' : 'broken off'}`, async () => {
        const [first, ...rest] = out;
        const asked = await askAndWait(h, [first!], rest, { version }, text === '' ? undefined : text);
        if (complete) expectWhole(asked, ending);
        else expectBrokenOff(asked, ending, version);
        assert.equal(asked.answer.text, text);
        expectTold(asked, ending);
      });
    }

    test('SIGKILL after 1 MiB: what came is right, and it has no end', async () => {
      const { answer, exchange } = await ask(h, [`${typed}\n`, { fill: 1 << 20 }, { kill: 'SIGKILL' }], { version });
      assert.equal(answer.status, 200);
      assert.equal(answer.complete, false);
      assert.ok(
        pattern(1 << 20)
          .subarray(0, answer.body.length)
          .equals(answer.body),
      );
      assert.equal(exchange.failure?.code, 'REPLY_KILLED');
    });
  });
}

// --- who still holds stdout? ----------------------------------------------------------------------------------------------

/** Asks, waits for the whole answer while the script is still held at the gate, then lets it go. */
async function answeredBefore(gate: string, out: Step[], version: string) {
  const target = printed(out);
  const wire = await Wire.open(h.port);
  try {
    wire.send(requestBytes(target, { version }));
    const answer = await wire.finalAnswer();
    assert.ok(!existsSync(gate));
    return { answer, target };
  } finally {
    writeFileSync(gate, '');
    wire.close();
  }
}

const gone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

describe('the response ends when the output does', () => {
  for (const version of versions) {
    for (const [how, head] of [
      ['', `${typed}\n`],
      [' with Content-Length', `${typed}Content-Length: 5\n\n`],
    ] as const) {
      test(`${version}${how}: the script closes stdout and runs on`, async () => {
        const gate = fresh('gate');
        const { answer, target } = await answeredBefore(gate, [`${head}hello`, { close: 'stdout' }, { await: gate }], version);
        assert.equal(answer.text, 'hello');
        assert.ok(answer.complete);
        const exchange = await told(h, target);
        assert.equal(exchange.failure, undefined);
      });

      test(`${version}${how}: the script is over and a grandchild holds stdout`, async () => {
        const [gate, pid] = [fresh('gate'), fresh('pid')];
        const { answer, target } = await answeredBefore(gate, [`${head}hello`, { fork: [{ await: gate }], pid }, { exit: 0 }], version);
        assert.equal(answer.text, 'hello');
        assert.ok(answer.complete);
        const exchange = await told(h, target);
        assert.equal(exchange.failure, undefined);
        assert.equal(exchange.exitCode, 0);
        await until(() => gone(Number(readFileSync(pid, 'latin1'))), 'the grandchild to be gone');
      });
    }
  }

  test('what a grandchild prints while the leader lives belongs to the answer', async () => {
    const gate = fresh('gate');
    const { answer } = await ask(h, [`${typed}\nleader `, { fork: ['child', { touch: gate }] }, { await: gate }, ' leader']);
    assert.equal(answer.text, 'leader child leader');
  });

  test('a leader killed while a grandchild holds stdout: broken off all the same', async () => {
    const [gate, pid] = [fresh('gate'), fresh('pid')];
    const { answer, target } = await answeredBefore(
      gate,
      [`${typed}\nhel`, { fork: [{ await: gate }], pid }, { kill: 'SIGKILL' }],
      'HTTP/1.1',
    );
    assert.equal(answer.complete, false);
    assert.equal((await told(h, target)).signal, 'SIGKILL');
    await until(() => gone(Number(readFileSync(pid, 'latin1'))), 'the grandchild to be gone');
  });

  test('a leader that exits in the middle of its headers while a grandchild holds stdout', async () => {
    const [gate, pid] = [fresh('gate'), fresh('pid')];
    const { answer, target } = await answeredBefore(gate, [typed, { fork: [{ await: gate }], pid }, { exit: 0 }], 'HTTP/1.1');
    assert.equal(answer.status, 502);
    assert.equal((await told(h, target)).failure?.code, 'REPLY_NO_BLANK_LINE');
    await until(() => gone(Number(readFileSync(pid, 'latin1'))), 'the grandchild to be gone');
  });

  test('a slow dribble holds nobody up: another request is answered in the middle of it', async () => {
    const gate = fresh('gate');
    const wire = await Wire.open(h.port);
    wire.send(requestBytes(printed(['Content-Type: text/', { await: gate }, 'plain\n\nhello'])));
    assert.equal((await ask(h, [`${typed}\nquick`])).answer.text, 'quick');
    writeFileSync(gate, '');
    assert.equal((await wire.finalAnswer()).text, 'hello');
    wire.close();
  });
});
