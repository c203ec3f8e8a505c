/**
 * What is read of a pipe: every byte, in order, then the end, once; nothing while nobody wants it. By libuv's own handle, and, in a
 * Node that does not show it, by net.Socket: this file runs itself again in such a one, and two suites that need it.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, createWriteStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Output } from '../../src/process/child.js';
import { readOutput } from '../../src/process/output.js';
import { pattern } from '../conformance/print.js';
import { descriptors } from '../life/processes.js';
import { until } from '../support/until.js';

interface Pipe {
  readonly output: Output;
  /** Everything that has come. */
  seen(): Buffer;
  ends: number;
  /** The writing end. */
  readonly fd: number;
  readonly path: string;
  /** Closes the writing end. */
  close(): void;
}

/** A pipe with a name, which a test can make without a child. */
function pipe(t: TestContext): Pipe {
  const folder = mkdtempSync(join(tmpdir(), 'cgi-serve-output-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const pieces: Buffer[] = [];
  let open = true;
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY);
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  const output = readOutput(
    reading,
    (bytes) => void pieces.push(bytes),
    () => {
      made.ends += 1;
    },
  );
  const made: Pipe = { output, fd, path, ends: 0, seen: () => Buffer.concat(pieces), close };
  t.after(() => {
    close();
    output.close();
    rmSync(folder, { recursive: true });
  });
  return made;
}

/** Many turns of the event loop: whoever had something to say has said it. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 100; i++) await new Promise(setImmediate);
};

/** Where the system tells: so many ends of it are open. */
const expectEnds = async ({ path }: Pipe, count: number): Promise<void> => {
  if (descriptors()) await until(() => descriptors()!.filter((each) => each === path).length === count, `${count} open ends`);
};

test('bytes as they come, then the end, once, and the descriptor is closed', async (t) => {
  const made = pipe(t);
  for (const text of ['one ', 'two ', 'three']) {
    const before = made.seen().length;
    writeSync(made.fd, text);
    await until(() => made.seen().length === before + text.length, text);
  }
  assert.equal(made.ends, 0);
  made.close();
  await until(() => made.ends > 0, 'the end');
  await turns();
  assert.deepEqual([made.seen().toString(), made.ends], ['one two three', 1]);
  await expectEnds(made, 0);
  // Nobody is there any more to whom this could matter.
  made.output.pause();
  made.output.resume();
  made.output.close();
  await turns();
  assert.equal(made.ends, 1);
});

test('nothing at all, then the end', async (t) => {
  const made = pipe(t);
  made.close();
  await until(() => made.ends > 0, 'the end');
  assert.deepEqual([made.seen().length, made.ends], [0, 1]);
});

test('megabytes, in order, however often the reader pauses', async (t) => {
  const made = pipe(t);
  const bytes = 4 << 20;
  const writer = createWriteStream(made.path);
  writer.end(pattern(bytes));
  writer.on('open', made.close);
  while (made.ends === 0) {
    made.output.pause();
    await new Promise(setImmediate);
    made.output.resume();
    await new Promise(setImmediate);
  }
  assert.ok(made.seen().equals(pattern(bytes)));
});

test('who pauses gets nothing until it resumes', async (t) => {
  const made = pipe(t);
  writeSync(made.fd, 'before');
  await until(() => made.seen().length > 0, 'the first piece');
  made.output.pause();
  made.output.pause();
  writeSync(made.fd, ', after');
  await turns();
  assert.equal(made.seen().toString(), 'before');
  made.output.resume();
  made.output.resume();
  await until(() => made.seen().toString() === 'before, after', 'the second piece');
  made.output.pause();
  made.close();
  await turns();
  made.output.resume();
  await until(() => made.ends > 0, 'the end');
  assert.equal(made.ends, 1);
});

for (const paused of [false, true]) {
  test(`who closes${paused ? ', paused,' : ''} hears of the end once, and the writer that nobody reads`, async (t) => {
    const made = pipe(t);
    writeSync(made.fd, 'heard');
    await until(() => made.seen().length > 0, 'the first piece');
    if (paused) made.output.pause();
    writeSync(made.fd, ' and lost');
    const before = made.seen().length;
    made.output.close();
    made.output.close();
    await until(() => made.ends > 0, 'the end');
    await turns();
    assert.deepEqual([made.seen().length, made.ends], [before, 1]);
    await expectEnds(made, 1);
    assert.throws(() => writeSync(made.fd, 'for nobody'), { code: 'EPIPE' });
  });
}

// --- the same where Node does not show its handle -----------------------------------------------------------------

const variable = 'CGI_SERVE_TEST_WITHOUT_HANDLE';
const withouts = {
  'a Node without process.binding': 'process.binding = undefined',
  'a Node that forbids it': 'process.binding = () => { throw new Error("no") }',
  'a Node whose handle looks different': 'process.binding = () => ({ Pipe: class { open() {} } })',
};

if (process.env[variable] === undefined) {
  for (const [without, source] of Object.entries(withouts)) {
    test(`the same in ${without}`, () => runFile('output.test.js', source));
  }
  for (const suite of ['../conformance/nph.test.js', '../life/abort.test.js']) {
    test(`in a Node without process.binding: ${suite}`, () => runFile(suite, withouts['a Node without process.binding']));
  }
} else {
  test('this Node does not show its handle', () => {
    const { binding } = process as unknown as { binding: unknown };
    assert.ok(String(binding) === process.env[variable]!.replace('process.binding = ', ''), String(binding));
  });
}

/** Runs a compiled test file in a Node in which `source` has run before anything else. */
function runFile(name: string, source: string): Promise<void> {
  const env: NodeJS.ProcessEnv = { ...process.env, [variable]: source };
  delete env.NODE_TEST_CONTEXT; // It would report to the runner above, in its binary language.
  const file = fileURLToPath(new URL(name, import.meta.url));
  const child = spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(source)}`, file], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${name} exited with ${code}\n${said}`))));
  });
}
