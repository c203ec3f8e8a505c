/** What is typed at a server that runs on a terminal: a real one, made by Python's pty, with real shells and their job control. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findLabs } from '../../src/lab/announce.js';
import { gone } from '../life/processes.js';
import { type OnTerminal, onTerminal } from '../status/terminal.js';
import { bin } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, requestText, talk } from '../support/wire.js';
import { folder, hello } from './folder.js';

interface Desk {
  readonly terminal: OnTerminal;
  /** What was printed, without colours; `since`: from there on. */
  said(since?: number): string;
  /** Waits for it in what is printed after `since`; returns where it ended. */
  sees(pattern: RegExp, since?: number): Promise<number>;
  /** URLs that were opened in the browser. */
  opened(): string[];
  /** Of the server that runs. */
  pid(): Promise<number>;
  readonly cwd: string;
}

/** A terminal with a browser that only notes what it is asked for. */
const desk = (t: TestContext, program: readonly string[], env: Record<string, string | undefined> = {}): Desk | undefined => {
  if (!needs(t, 'python3')) return undefined;
  // Before the folder is gone, which is where they announce themselves.
  t.after(async () => {
    for (const { pid } of await findLabs({ XDG_RUNTIME_DIR: cwd })) process.kill(pid, 'SIGKILL');
  });
  const cwd = folder(t, { 'cgi-bin/hello.sh': hello, 'bin/xdg-open': '#!/bin/sh\necho "$1" >> "$OPENED"\n' });
  const file = join(cwd, 'opened');
  const terminal = onTerminal(t, ['sh', '-c', `cd '${cwd}'; exec "$@"`, 'sh', ...program], {
    ...{ columns: 200, rows: 50 },
    env: {
      ...{ PATH: `${join(cwd, 'bin')}:${process.env.PATH}`, OPENED: file, BROWSER: undefined, HOME: cwd, PS1: '$ ', ENV: undefined },
      ...{ XDG_RUNTIME_DIR: cwd, NODE_TEST_CONTEXT: undefined, LANG: 'C', TERM: 'dumb', ...env },
    },
  });
  const said = (since = 0): string =>
    terminal
      .said()
      .replace(/\x1b\[[0-9;?]*[A-Za-z]|\r/g, '')
      .slice(since);
  return {
    terminal,
    said,
    cwd,
    async sees(pattern, since = 0) {
      const found = await until(() => pattern.exec(said(since)), `${pattern}`, 30_000).catch((error: Error) => {
        throw new Error(`${error.message}; the terminal shows\n${said(since)}`);
      });
      return since + found!.index + found![0].length;
    },
    pid: async () => (await findLabs({ XDG_RUNTIME_DIR: cwd })).at(-1)!.pid,
    // Lines that are there to their end.
    opened: () => readOr(file).split('\n').slice(0, -1),
  };
};

const server = [process.execPath, bin, '--port', '0', '--lang', 'en'];
const ready = /➜ {2}Lab:\s+(http:\S+) \(l \+ Enter opens it\)\n[\s\S]*h \+ Enter lists other keys/;

test('l opens the lab with a key that is good once; o the site; h lists; q stops', async (t) => {
  const seen = desk(t, server);
  if (!seen) return;
  const { terminal, sees, opened, said } = seen;
  await sees(ready);
  const labUrl = /http:\S+#k=\S+/.exec(said())![0];
  terminal.type('l\r');
  await until(() => opened().length === 1, 'the lab is opened');
  const [, port, ticket] = /^http:\/\/127\.0\.0\.1:(\d+)\/#k=([\w-]{20,})$/.exec(opened()[0]!) ?? [];
  assert.notEqual(ticket, undefined, opened()[0]);
  assert.notEqual(opened()[0], labUrl, 'every user of a machine can read command lines');
  const enter = async (key: string): Promise<number> => {
    const fields = { Host: `127.0.0.1:${port}`, Origin: `http://127.0.0.1:${port}`, 'Content-Length': String(key.length) };
    return (await talk(Number(port), requestText('POST', '/enter', fields) + key)).status;
  };
  assert.deepEqual([await enter(ticket!), await enter(ticket!), await enter(labUrl.split('#k=')[1]!)], [200, 401, 200]);

  terminal.type('o\r');
  await until(() => opened().length === 2, 'the site is opened');
  assert.match(opened()[1]!, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal((await get(Number(new URL(opened()[1]!).port), '/cgi-bin/hello.sh?x')).text, 'hello x\n');
  const listed = await sees(/200 GET \/cgi-bin\/hello\.sh/);
  terminal.type('\r\rwhat?\r');
  await sees(/l \+ Enter {3}opens the lab\s+o \+ Enter {3}opens the site\s+q \+ Enter {3}stops, as Ctrl-C does\s+h \+ Enter/, listed);
  assert.doesNotMatch(said(), /workers/, 'there are none');
  terminal.type('q\r');
  await sees(/Stopping/);
  assert.equal(await terminal.ended, 0);
});

test('BROWSER comes first; where no browser can be started the URL is printed', async (t) => {
  const own = desk(t, server, { BROWSER: 'no-such-browser:sh -c "exit_1":own-browser --new' });
  if (!own) return;
  const browser = join(own.cwd, 'bin/own-browser');
  writeFileSync(browser, '#!/bin/sh\necho "own $*" >> "$OPENED"\n');
  chmodSync(browser, 0o755);
  await own.sees(ready);
  own.terminal.type('o\r');
  await until(() => own.opened().length > 0, 'something is opened');
  assert.match(own.opened().join(), /^own --new http:\/\/127\.0\.0\.1:\d+\/$/);

  const none = desk(t, server, { BROWSER: 'false' })!;
  writeFileSync(join(none.cwd, 'bin/xdg-open'), '#!/bin/sh\nexit 3\n');
  const shown = await none.sees(ready);
  none.terminal.type('l\r');
  await none.sees(/No browser could be started\. Open http:\/\/127\.0\.0\.1:\d+\/#k=/, shown);
});

test('r replaces the workers, where there are any', async (t) => {
  const seen = desk(t, [...server, '--wsgi', '/w=app.py:application', '--workers', '1']);
  if (!seen) return;
  const { terminal, sees, said, cwd } = seen;
  writeFileSync(join(cwd, 'app.py'), "def application(environ, start):\n    start('200 OK', [])\n    return [b'']\n");
  await sees(ready);
  terminal.type('h\r');
  await sees(/r \+ Enter {3}replaces the workers/);
  terminal.type('r\r');
  await sees(/Reloaded: new workers answer/);
  terminal.type('q\r');
  assert.equal(await terminal.ended, 0, said());
});

test('nothing is promised where nothing can be typed, or nobody wants it', async (t) => {
  const hint = /\+ Enter/;
  const without = desk(t, ['sh', '-c', `'${server.join("' '")}' < /dev/null`]);
  if (!without) return;
  await without.sees(/Ctrl-C stops it\n/);
  assert.doesNotMatch(without.said(), hint);
  without.terminal.type('o\r');

  const noLab = desk(t, [...server, '--no-lab'])!;
  await noLab.sees(/h \+ Enter lists other keys/);
  assert.doesNotMatch(noLab.said(), /Lab:|l \+ Enter/);

  // Standard error is a file: whoever looks at the screen could not see what a key does.
  const elsewhere = desk(t, ['sh', '-c', `'${server.join("' '")}' 2>banner`])!;
  await until(() => /listening/.test(readOr(join(elsewhere.cwd, 'banner'))), 'the banner');
  // nohup takes the keyboard away.
  const nohup = desk(t, ['nohup', ...server])!;
  await until(() => /listening/.test(nohup.said() + readOr(join(nohup.cwd, 'nohup.out'))), 'the banner');
  for (const { terminal } of [elsewhere, nohup]) terminal.type('o\r');
  // What would be read is read within a moment; of the one that does read, two looks.
  noLab.terminal.type('o\r');
  await until(() => noLab.opened().length === 1, 'the site is opened');
  assert.deepEqual(
    [without, elsewhere, nohup].flatMap(({ opened }) => opened()),
    [],
  );
});

const readOr = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

const shells: readonly (readonly [string, string[]])[] = [
  ['bash', ['bash', '--norc', '--noprofile', '-i']],
  ['sh', ['sh', '-i']],
];

for (const [name, shell] of shells) {
  test(`job control under ${name}: in the background it never stops for reading, in the foreground it hears again`, async (t) => {
    const seen = desk(t, shell);
    if (!seen) return;
    const { terminal, sees, said, opened } = seen;
    let marks = 0;
    /** Types a line at the shell and waits until that is done. */
    const shellDoes = async (line: string): Promise<string> => {
      marks += 1;
      const from = said().length;
      terminal.type(`${line}; echo "do""ne ${marks}"\r`);
      const until = await sees(new RegExp(`done ${marks}\\n`), from);
      return said(from).slice(0, until - from);
    };
    /** As a job of the shell stands: `Running`, `Stopped (tty input)`. */
    const job = async (): Promise<string> => {
      await shellDoes('jobs > jobs.txt 2>&1');
      return readOr(join(seen.cwd, 'jobs.txt'));
    };
    const before = settings(await shellDoes('stty -g'));

    // From its birth in the background.
    await shellDoes(`${server.join(' ')} & true`);
    await sees(ready);
    const pid = await seen.pid();
    for (let i = 0; i < 4; i++) {
      await shellDoes('sleep 0.3; : l');
      assert.match(await job(), /Running/);
    }
    terminal.type('l\r');
    await sees(/not found/);
    assert.deepEqual(opened(), [], 'the l was the shell’s');

    // To the foreground, without a signal that would tell.
    terminal.type('fg\r');
    await until(() => onTop(pid), 'it has the terminal');
    terminal.type('o\r');
    await until(() => opened().length === 1, 'the site is opened');

    // Stopped, with lines typed ahead that are the shell's; and on in the background.
    terminal.type('\x1a');
    await sees(/Stopped|Suspended/);
    terminal.type('bg\r: o\r: l\r');
    await shellDoes('true');
    for (let i = 0; i < 4; i++) {
      await shellDoes('sleep 0.3; : l');
      assert.match(await job(), /Running/);
    }
    assert.equal(opened().length, 1);

    // Stopped from outside while it could read, and sent on in the background.
    terminal.type('fg\r');
    await until(() => onTop(pid), 'it has the terminal');
    const stoppedAt = said().length;
    process.kill(pid, 'SIGSTOP');
    await sees(/Stopped|Suspended/, stoppedAt);
    terminal.type('bg\r');
    await shellDoes('sleep 0.5');
    assert.match(await job(), /Running/);

    // Ctrl-C as ever; the shell has its terminal back as it was.
    terminal.type('fg\r');
    await until(() => onTop(pid), 'it has the terminal');
    terminal.type('\x03');
    await gone(pid);
    const last = await shellDoes('echo code $?; stty -g');
    assert.match(last, /code 0/);
    assert.equal(settings(last), before);
  });
}

/** The line of `stty -g`. */
const settingsLine = /[\da-f]+(:[\da-f]+){10,}/;
const settings = (text: string): string => settingsLine.exec(text)![0];

const onTop = (pid: number): boolean => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [state, , group, , , foreground] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return group === foreground && state !== 'T';
};

test('ended by a signal, by Ctrl-\\, by KILL or by a second Ctrl-C, it leaves the terminal as it was', async (t) => {
  const seen = desk(t, ['sh', '-i']);
  if (!seen) return;
  const { terminal, sees, said, cwd, pid } = seen;
  const script = join(cwd, 'cgi-bin/slow.sh');
  writeFileSync(script, '#!/bin/sh\necho "Content-Type: text/plain"\necho\n: > started\nexec sleep 600\n');
  chmodSync(script, 0o755);
  terminal.type('ulimit -c 0; stty -g\r');
  let from = await sees(settingsLine);
  const before = settings(said());
  const twice = async (port: number): Promise<void> => {
    const slow = get(port, '/cgi-bin/slow.sh').catch(() => undefined);
    await until(() => existsSync(join(cwd, 'cgi-bin/started')), 'the script runs');
    terminal.type('\x03');
    from = await sees(/Ctrl-C again ends them now/, from);
    terminal.type('\x03');
    await slow;
  };
  const ways: readonly (readonly [code: number, end: (pid: number, port: number) => unknown])[] = [
    [0, (pid) => process.kill(pid, 'SIGTERM')],
    [131, () => terminal.type('\x1c')],
    [137, (pid) => process.kill(pid, 'SIGKILL')],
    [130, (_, port) => twice(port)],
  ];
  for (const [code, end] of ways) {
    const began = from;
    terminal.type(`${server.join(' ')} --grace 60\r`);
    from = await sees(/lists other keys/, from);
    const running = await pid();
    await end(running, Number(/http:\/\/localhost:(\d+)/.exec(said(began))![1]));
    // Not before it is gone: what is typed until then is the server's.
    await gone(running);
    terminal.type('echo "co""de $?"; stty -g\r');
    from = await sees(new RegExp(`code ${code}\\r?\\n${settingsLine.source}`), from);
    assert.equal(settings(said().slice(said().lastIndexOf('code '))), before, `ended with ${code}`);
  }
});

test('who has the terminal: libc and /proc say the same', async (t) => {
  const module = fileURLToPath(new URL('../../src/process/foreground.js', import.meta.url));
  const look = `import('${module}').then(({ byLibc, foregroundTest }) => console.log('asked:', byLibc?.()?.(), foregroundTest()()))`;
  const seen = desk(t, ['bash', '--norc', '--noprofile', '-i']);
  if (!seen) return;
  writeFileSync(join(seen.cwd, 'look.mjs'), look);
  seen.terminal.type(`${process.execPath} look.mjs\r`);
  const first = await seen.sees(/asked: (true|undefined) true/);
  seen.terminal.type(`${process.execPath} look.mjs & wait\r`);
  await seen.sees(/asked: (false|undefined) false/, first);
});
