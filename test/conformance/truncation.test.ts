/**
 * An answer that ended and one that was broken off must look different to the client (RFC 9112 §8): a last chunk, a reached
 * Content-Length or a clean FIN are given only when the script is known to have said all it had to say.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { FailureCode } from '../../src/failures.js';
import { house } from '../support/house.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire.js';
import { ask, printed, printer, requestBytes, type Step, told } from './print.js';

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

for (const version of versions) {
  describe(`truncation, ${version}`, { concurrency: 4 }, () => {
    for (const { why, out, complete, text, code, exitCode, signal, noted } of endings) {
      test(`${why}: ${complete ? 'complete' : 'broken off'}`, async () => {
        const { answer, closed, exchange } = await ask(h, out, { version });
        assert.equal(answer.status, 200);
        assert.equal(answer.complete, complete);
        if (complete) assert.equal(answer.text, text);
        else assert.ok(text.startsWith(answer.text), answer.text);
        // On HTTP/1.0 without a length only the way the connection ends can tell.
        if (!complete && version === 'HTTP/1.0' && answer.get('Content-Length') === undefined) assert.equal(closed, 'reset');
        if (complete) assert.equal(closed, 'end');
        if (code !== undefined) assert.equal(exchange.failure?.code, code);
        if (complete) assert.equal(exchange.failure, undefined);
        if (exitCode !== undefined) assert.equal(exchange.exitCode, exitCode);
        if (signal !== undefined) assert.equal(exchange.signal, signal);
        if (noted) assert.ok(exchange.notes.length > 0);
        assert.equal(exchange.status, 200);
      });
    }

    test('SIGKILL after 1 MiB: what came is right, and it has no end', async () => {
      const { answer, exchange } = await ask(h, [`${typed}\n`, { fill: 1 << 20 }, { kill: 'SIGKILL' }], { version });
      assert.equal(answer.complete, false);
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
