/** What the command line prints, as pure functions: colours, log lines, failure boxes, banner, help. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { accountText } from '../../src/cli/account.js';
import { banner, type Ready, readyLine, readyRecord } from '../../src/cli/banner.js';
import { palette, wantsColor } from '../../src/cli/color.js';
import { completions } from '../../src/cli/completions.js';
import { deservesBox, failureBox, failureLine, tellingLine } from '../../src/cli/failure-box.js';
import { bytes, logLine } from '../../src/cli/log.js';
import { isFor, optionNames, rowOf, subCommands } from '../../src/cli/options.js';
import { longHelp, manualPage, shortHelp } from '../../src/cli/usage.js';
import { columns, visible, wrap } from '../../src/cli/words.js';
import { type FailureCode, failure, failureTable } from '../../src/failures.js';
import type { ScriptReport } from '../../src/route/list.js';
import type { Exchange, KernelAccount } from '../../src/trace/trace.js';
import { needs } from '../support/needs.js';

const off = palette(false);

test('colour: --color, FORCE_COLOR, NO_COLOR, TERM, the stream; in that order', () => {
  const table: [option: 'always' | 'never' | 'auto' | undefined, env: Record<string, string>, tty: boolean, wanted: boolean][] = [
    [undefined, {}, true, true],
    [undefined, {}, false, false],
    ['auto', {}, true, true],
    ['always', { NO_COLOR: '1' }, false, true],
    ['never', { FORCE_COLOR: '1' }, true, false],
    [undefined, { FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
    [undefined, { FORCE_COLOR: '' }, false, true],
    [undefined, { FORCE_COLOR: '0' }, true, false],
    [undefined, { FORCE_COLOR: 'false' }, true, false],
    [undefined, { NO_COLOR: '1' }, true, false],
    [undefined, { NO_COLOR: '' }, true, true], // no-color.org: not empty
    [undefined, { TERM: 'dumb' }, true, false],
    [undefined, { TERM: 'dumb', FORCE_COLOR: '1' }, true, true],
  ];
  for (const [option, env, tty, wanted] of table) assert.equal(wantsColor(option, env, tty), wanted, JSON.stringify({ option, env, tty }));
});

test('two palettes live side by side', () => {
  const on = palette(true);
  assert.equal(on.red('a'), '\x1b[31ma\x1b[39m');
  assert.equal(off.red('a'), 'a');
  assert.equal(on.red('a'), '\x1b[31ma\x1b[39m');
});

const exchange = (more: Partial<Exchange> = {}): Exchange => ({
  id: '1f-3a',
  at: Date.UTC(2026, 10, 22, 20, 2, 4, 120),
  method: 'POST',
  target: '/cgi-bin/hello.py?a=1',
  protocol: 'HTTP/1.1',
  client: '127.0.0.1',
  beganMs: 1_000,
  clientPort: 40_000,
  user: undefined,
  referer: undefined,
  userAgent: undefined,
  status: 200,
  bytesIn: 3,
  bytesOut: 512,
  gateway: 'cgi',
  script: '/srv/cgi-bin/hello.py',
  pid: 4242,
  worker: undefined,
  exitCode: 0,
  signal: undefined,
  phases: { authorize: undefined, queue: 0.01, spawn: 1.1, dial: undefined, wait: 13.44, head: 0.02, body: undefined, exit: 0.8 },
  account: undefined,
  wire: undefined,
  totalMs: 15.94,
  stderrBytes: 0,
  failure: undefined,
  notes: [],
  ...more,
});

const account: KernelAccount = {
  userMs: 9.1234,
  systemMs: 3,
  peakRssKib: undefined,
  minorFaults: 1200,
  majorFaults: 4,
  voluntarySwitches: 2,
  involuntarySwitches: 1,
};

test('the dev line', () => {
  const line = (more?: Partial<Exchange>) => logLine('dev', exchange(more), off);
  assert.match(
    line(),
    /^\d\d:\d\d:04\.120 200 POST \/cgi-bin\/hello\.py\?a=1 15\.9ms \(spawn 1\.1 · wait 13\.4 · exit 0\.8\) pid 4242 512B$/,
  );
  assert.match(line({ account }), / exit 0\.8\) cpu 9\.1\+3\.0ms pid 4242 512B$/);
  assert.match(line({ account: { ...account, systemMs: 0 } }), / exit 0\.8\) cpu 9\.1ms pid 4242 512B$/);
  assert.match(line({ exitCode: 3 }), / pid 4242 code 3 512B$/);
  assert.match(line({ signal: 'SIGKILL', exitCode: undefined }), / SIGKILL /);
  assert.match(line({ status: 0, failure: failure('CLIENT_GONE') }), /^\S+ --- POST .* CLIENT_GONE$/);
  assert.match(line({ notes: ['body cut at Content-Length 5'] }), / · body cut at Content-Length 5$/);
  // Never came to a process: nothing is claimed of one.
  const none = {
    authorize: undefined,
    queue: undefined,
    spawn: undefined,
    dial: undefined,
    wait: undefined,
    head: undefined,
    body: undefined,
    exit: undefined,
  };
  assert.match(line({ pid: undefined, exitCode: undefined, phases: none }), /15\.9ms 512B$/);
  assert.equal(logLine('dev', exchange({ pid: undefined, phases: none }), palette(true)).includes('\x1b[2m\x1b[22m'), false);
});

test('no format lets a request forge a line or move the cursor', () => {
  const nasty = exchange({
    target: '/a\r\n\x1b[2J"b\\',
    userAgent: 'x"\n\x85é',
    referer: '\x7f',
    user: 'a b"',
    method: 'G\nT',
    notes: ['\x1b[1m'],
  });
  for (const format of ['dev', 'common', 'combined', 'json'] as const) {
    const line = logLine(format, nasty, off);
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/, format);
  }
  assert.match(logLine('combined', nasty), /"G\\x0aT \/a\\x0d\\x0a\\x1b\[2J\\"b\\\\ HTTP\/1\.1" 200 512 "\\x7f" "x\\"\\x0a\\x85\\xe9"$/);
  assert.match(logLine('common', nasty), /^127\.0\.0\.1 - a\\x20b\\" \[/);
});

test('common and combined are what Apache writes', () => {
  assert.match(
    logLine('common', exchange()),
    /^127\.0\.0\.1 - - \[2\d\/Nov\/2026:\d\d:\d\d:04 [+-]\d{4}\] "POST \/cgi-bin\/hello\.py\?a=1 HTTP\/1\.1" 200 512$/,
  );
  assert.match(logLine('common', exchange({ bytesOut: 0, status: 304, user: 'ada' })), / ada \[.*" 304 -$/);
  assert.match(logLine('common', exchange({ status: 0, bytesOut: 0 })), / 499 -$/);
  assert.match(logLine('combined', exchange({ userAgent: 'curl/8' })), / 200 512 "-" "curl\/8"$/);
});

test('local time and its distance from UTC belong together', () => {
  const line = logLine('common', exchange());
  const [, day, hour, minute, sign, zh, zm] = /\[(\d\d)\/Nov\/2026:(\d\d):(\d\d):04 ([+-])(\d\d)(\d\d)\]/.exec(line)!;
  const east = (sign === '-' ? -1 : 1) * (Number(zh) * 60 + Number(zm));
  assert.equal(Date.UTC(2026, 10, Number(day), Number(hour), Number(minute) - east, 4, 120), exchange().at);
});

test('NDJSON: keys that stay, null for what was not measured', () => {
  const record = JSON.parse(logLine('json', exchange({ status: 502, failure: failure('REPLY_EMPTY') })));
  const keys =
    'ts level event id client user method url proto status dur_ms bytes_in bytes_out backend script pid exit_code signal authorize_ms queue_ms ' +
    'spawn_ms dial_ms wait_ms head_ms body_ms exit_ms user_ms system_ms peak_rss_kib minor_faults major_faults voluntary_switches involuntary_switches ' +
    'stderr_bytes wire_sent_bytes wire_received_bytes payload_sent_bytes payload_received_bytes referer user_agent error detail notes';
  assert.deepEqual(Object.keys(record), keys.split(' '));
  assert.equal(record.ts, '2026-11-22T20:02:04.120Z');
  assert.equal(record.level, 'error');
  assert.equal(record.error, 'REPLY_EMPTY');
  assert.equal(record.body_ms, null);
  assert.equal(record.spawn_ms, 1.1);
  // Not available is null, never zero.
  assert.deepEqual([record.user_ms, record.peak_rss_kib, record.involuntary_switches], [null, null, null]);
  assert.deepEqual([record.wire_sent_bytes, record.payload_received_bytes], [null, null]);
  const wire = { name: 'scgi', sent: 600, received: 40, payloadSent: 540, payloadReceived: 39, recorded: undefined } as const;
  const wired = JSON.parse(logLine('json', exchange({ wire })));
  assert.deepEqual(
    [wired.wire_sent_bytes, wired.wire_received_bytes, wired.payload_sent_bytes, wired.payload_received_bytes],
    [600, 40, 540, 39],
  );
  const accounted = JSON.parse(logLine('json', exchange({ account })));
  assert.deepEqual([accounted.user_ms, accounted.system_ms, accounted.peak_rss_kib], [9.123, 3, null]);
  assert.deepEqual([accounted.minor_faults, accounted.major_faults], [1200, 4]);
  assert.deepEqual([accounted.voluntary_switches, accounted.involuntary_switches], [2, 1]);
  assert.equal(JSON.parse(logLine('json', exchange())).level, 'info');
  assert.equal(JSON.parse(logLine('json', exchange({ status: 404 }))).level, 'warn');
  assert.equal(JSON.parse(logLine('json', exchange({ failure: failure('REPLY_KILLED') }))).level, 'error');
});

test("the kernel's account, in words", () => {
  const all = 'cpu 12.1 ms (user 9.1, system 3.0) · peak 71.2 MiB · 1204 page faults, 4 from disk · 3 context switches, 2 of its own will';
  assert.equal(accountText({ ...account, peakRssKib: 72909 }, 'en'), all);
  // A zero is what a tick of the clock did not find, not what was measured.
  assert.match(accountText({ ...account, systemMs: 0 }, 'en'), /^cpu 9\.1 ms · 1204 page faults/);
  assert.match(accountText(account, 'zh-CN'), /^CPU 12\.1 毫秒（用户态 9\.1，内核态 3\.0） · 缺页 1204 次/);
  assert.equal(accountText(undefined, 'en'), "the kernel's account: not available");
});

test('sizes for people', () => {
  const table: [number, string][] = [
    [0, '0B'],
    [999, '999B'],
    [1000, '1.0kB'],
    [1234, '1.2kB'],
    [999_949, '999.9kB'],
    [999_951, '1.0MB'],
    [5e9, '5.0GB'],
  ];
  for (const [n, text] of table) assert.equal(bytes(n), text);
});

const box = (f: Parameters<typeof failureBox>[0], more: Partial<Parameters<typeof failureBox>[2]> = {}): string =>
  failureBox(f, '/cgi-bin/form.py', { lang: 'en', palette: off, width: 100, cwd: '/srv', ...more }).join('\n');

test('a failure, as it should read', () => {
  const evidence = {
    file: '/srv/cgi-bin/form.py',
    output: Buffer.from('Content-Type: text/html'),
    outputBytes: 23,
    offset: 23,
    stderr: 'Traceback (most recent call last):\n  File "form.py", line 7, in <module>\nNameError: name \'os\' is not defined\n',
    exitCode: 1,
    signal: null,
    afterMs: 48.2,
  };
  const row = failureTable.REPLY_NO_BLANK_LINE;
  assert.equal(
    box(failure('REPLY_NO_BLANK_LINE', evidence)),
    [
      '  502  REPLY_NO_BLANK_LINE   /cgi-bin/form.py',
      `       ${row.what.en}`,
      '       23 bytes received · exit 1 after 48 ms · RFC 3875 §6.2',
      '       output  Content-Type: text/html',
      '                                      ^ the output ends here',
      "       stderr  NameError: name 'os' is not defined",
      `       try     ${row.mend.en}`,
    ].join('\n'),
  );
  const chinese = box(failure('REPLY_NO_BLANK_LINE', evidence), { lang: 'zh-CN' });
  assert.ok(chinese.includes(row.what.zh) && chinese.includes('REPLY_NO_BLANK_LINE') && chinese.includes('收到 23 字节'));
});

test('the refused byte is marked', () => {
  const output = Buffer.from(`${'x'.repeat(60)}\r\n\x1b[2Jhello`);
  const [, text, mark] = /output {2}(.*)\n {15}( *\^.*)/.exec(box(failure('REPLY_BAD_NAME', { output, offset: 62 })))!;
  assert.equal(text, `…${'x'.repeat(22)}␍↵\\x1b[2Jhello`);
  assert.equal(mark, `${' '.repeat(25)}^ byte 62`);
});

test('a mend names the file as one would type it', () => {
  assert.match(box(failure('SHEBANG_CRLF', { file: '/srv/cgi-bin/a b.sh' })), /sed -i 's\/\\r\$\/\/' '\.\/cgi-bin\/a b\.sh'`/);
  assert.match(box(failure('SHEBANG_CRLF', { file: '/srv/cgi-bin/a.sh' }), { lang: 'zh-CN' }), /sed -i 's\/\\r\$\/\/' \.\/cgi-bin\/a\.sh`/);
});

test('every failure fits every box, in both languages, at any width, and nothing in it acts on the terminal', () => {
  const evidence = {
    file: '/srv/\x1b[2J',
    detail: `\x1b]0;title\x07${'d'.repeat(500)}`,
    output: Buffer.from('\x00\xff\x1b[31m中文'.repeat(60), 'latin1'),
    offset: 40,
    stderr: `\x9b31m${'e'.repeat(9000)}`,
    signal: 'SIGKILL',
  };
  for (const code of Object.keys(failureTable) as FailureCode[]) {
    for (const lang of ['en', 'zh-CN'] as const) {
      for (const width of [40, 80, 120]) {
        const lines = failureBox(failure(code, evidence), '/cgi-bin/\x1b[2Jx', { lang, palette: off, width, cwd: '/srv' });
        for (const line of lines) assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/, `${code} ${lang}`);
        assert.ok(lines.some((line) => line.includes(code)));
      }
    }
    failureLine(failure(code), '/x', 'zh-CN');
  }
  assert.equal(deservesBox(failure('NOT_FOUND')), false);
  assert.equal(deservesBox(failure('SHEBANG_CRLF')), true);
});

test('the line of stderr that says most', () => {
  const table: [string, string | undefined][] = [
    ['', undefined],
    ['one\ntwo\n', 'two'],
    [
      'x.js:3\nfoo\n^\n\nReferenceError: foo is not defined\n    at Object.<anonymous> (x.js:3:1)\n\nNode.js v20.20.2\n',
      'ReferenceError: foo is not defined',
    ],
    ['a.sh: 3: foo: not found\nbye\n', 'a.sh: 3: foo: not found'],
    ["Can't locate CGI.pm in @INC\nBEGIN failed--compilation aborted\n", "Can't locate CGI.pm in @INC"],
  ];
  for (const [stderr, line] of table) assert.equal(tellingLine(stderr), line);
});

const script = (path: string, code?: FailureCode): ScriptReport => ({
  path,
  file: `/nowhere/${path}`,
  url: `/cgi-bin/${path}`,
  failure: code && failure(code),
  runBy: code ? '' : 'sh (#!/bin/sh)',
  title: undefined,
  writableByOthers: false,
});

const ready: Ready = {
  version: '0.1.0',
  readyMs: 84.3,
  endpoints: [
    { address: '127.0.0.1', port: 8000 },
    { address: '::1', port: 8000 },
  ],
  network: ['192.168.1.7'],
  lab: undefined,
  keys: false,
  busyPort: undefined,
  prefix: '/cgi-bin/',
  dir: './cgi-bin',
  publicDir: './public',
  mounts: [],
  workers: { min: 4, max: 4 },
  configFile: undefined,
  births: { by: 'native', why: undefined },
  scripts: [script('a.py'), script('b.py'), script('fix.py', 'NOT_EXECUTABLE'), script('notes.txt', 'NOT_EXECUTABLE')],
};

test('the banner', () => {
  const text = banner(ready, 'en', off).join('\n');
  assert.match(text, /^\n {2}cgi-serve 0\.1\.0 {3}ready in 84 ms\n/);
  assert.match(text, /➜ {2}Local: {4}http:\/\/localhost:8000\/\n/);
  // notes.txt is data, and nobody's concern.
  assert.match(text, /➜ {2}Scripts: {2}\.\/cgi-bin at \/cgi-bin\/ · 2 runnable, 1 not\n +fix\.py {2}not executable: chmod \+x\n/);
  assert.match(text, /Static: {3}\.\/public at \/\n/);
  assert.match(text, /Ctrl-C stops it/);
  assert.doesNotMatch(text, /Network|busy|born/);
  const onLinux = process.platform === 'linux';
  const portable = (why?: string, lang: 'en' | 'zh-CN' = 'en') =>
    banner({ ...ready, births: { by: 'portable', why } }, lang, off).join('\n');
  const line = / {5}processes are born the portable way, by node:child_process: koffi is not installed\n/;
  assert.equal(line.test(portable('koffi is not installed')), onLinux);
  assert.equal(/以可移植方式.*：koffi is not installed/.test(portable('koffi is not installed', 'zh-CN')), onLinux);
  // Asked for: nothing to say.
  assert.doesNotMatch(portable(), /born/);
  assert.match(banner({ ...ready, scripts: [] }, 'en', off).join('\n'), /no scripts yet/);
  assert.match(banner({ ...ready, busyPort: 8000 }, 'en', off).join('\n'), /port 8000 was busy/);
  assert.match(banner(ready, 'zh-CN', off).join('\n'), /2 个可运行, 1 个不可运行/);
  const withLab = { ...ready, lab: 'http://127.0.0.1:8001/#k=key' };
  assert.match(banner(withLab, 'en', off).join('\n'), /➜ {2}Lab: {6}http:\/\/127\.0\.0\.1:8001\/#k=key\n/);
  assert.equal(JSON.parse(readyRecord(withLab, 0, 77)).lab, 'http://127.0.0.1:8001', 'a log has no key');
});

test('the banner lists what is mounted, and no scripts where there are none', () => {
  const mounts = [
    { wire: 'fastcgi', where: '.php', address: 'unix:/run/php/php8.2-fpm.sock' },
    { wire: 'uwsgi', where: '/app', address: '127.0.0.1:3031,127.0.0.1:3032' },
  ] as const;
  const births = { by: 'portable', why: 'koffi is not installed' } as const;
  const text = banner({ ...ready, dir: undefined, scripts: [], births, mounts }, 'en', off).join('\n');
  assert.match(text, /➜ {2}FastCGI: {2}unix:\/run\/php\/php8\.2-fpm\.sock for \.php\n/);
  assert.match(text, /➜ {2}uwsgi: {4}127\.0\.0\.1:3031, 127\.0\.0\.1:3032 at \/app\n/);
  assert.doesNotMatch(text, /Scripts|no scripts|born/);
  assert.match(text, /Static: {3}\.\/public at \/\n/);
  const whole = banner({ ...ready, mounts: [{ wire: 'scgi', where: '/', address: '127.0.0.1:4000' }] }, 'en', off).join('\n');
  assert.match(whole, /SCGI: {5}127\.0\.0\.1:4000 at \/\n/);
  assert.doesNotMatch(whole, /Static/);
  const chinese = banner({ ...ready, mounts }, 'zh-CN', off).join('\n');
  assert.match(
    chinese,
    /➜ {2}脚本： +\.\/cgi-bin 位于[\s\S]*➜ {2}FastCGI： unix:\S+ 处理 \.php\n[\s\S]*➜ {2}uwsgi： {3}\S+ \S+ 位于 \/app\n/,
  );
  const record = JSON.parse(readyRecord({ ...ready, dir: undefined, scripts: [], mounts }, 0, 77));
  assert.deepEqual([record.prefix, record.mounts], [null, mounts]);
});

test('addresses as a browser takes them', () => {
  const urls = (...addresses: string[]) =>
    banner({ ...ready, endpoints: addresses.map((address) => ({ address, port: 80 })) }, 'en', off)
      .filter((line) => /http:/.test(line))
      .map((line) => line.trim().replace(/ +/g, ' '));
  assert.deepEqual(urls('127.0.0.1', '::1'), ['➜ Local: http://localhost/']);
  assert.deepEqual(urls('0.0.0.0'), ['➜ Local: http://localhost/', '➜ Network: http://192.168.1.7/']);
  assert.deepEqual(urls('fe80::1'), ['➜ Network: http://[fe80::1]/']);
  assert.deepEqual(urls('127.0.0.2'), ['➜ Local: http://127.0.0.2/']);
});

test('into a pipe: one line; with the JSON log: one object', () => {
  assert.equal(readyLine(ready), 'cgi-serve listening on http://127.0.0.1:8000');
  assert.equal(
    readyLine({ ...ready, busyPort: 8000, endpoints: [{ address: '::1', port: 8001 }] }),
    'cgi-serve listening on http://[::1]:8001 (8000 was busy)',
  );
  const record = JSON.parse(readyRecord(ready, 0, 77));
  assert.equal(record.event, 'ready');
  assert.equal(record.url, 'http://127.0.0.1:8000');
  assert.equal(record.pid, 77);
  assert.deepEqual(record.births, { by: 'native', why: null });
  assert.deepEqual(record.scripts, { runnable: 2, broken: [{ path: 'fix.py', error: 'NOT_EXECUTABLE' }] });
});

test('help names every option, in both languages, within the width', () => {
  for (const command of ['serve', ...subCommands] as const) {
    for (const lang of ['en', 'zh-CN'] as const) {
      const text = longHelp(command, '0.1.0', { lang, palette: off, width: 80 });
      for (const name of optionNames) {
        const row = rowOf(name);
        assert.equal(
          new RegExp(`^ {2}(-\\w, | {4})--${name}\\b(?!-)`, 'm').test(text),
          isFor(row, command) && !row.hidden,
          `${command} ${lang} ${name}`,
        );
      }
      for (const line of text.split('\n')) assert.ok(columns(line) <= 96, `${columns(line)}: ${line}`);
      assert.ok(text.indexOf('cgi-serve') < text.indexOf('--port') || command !== 'serve');
    }
    const short = shortHelp(command, '0.1.0', { lang: 'en', palette: off, width: 80 });
    assert.ok(short.split('\n').length <= 40, `${command}: ${short.split('\n').length} lines`);
  }
  const long = longHelp('serve', '0.1.0', { lang: 'en', palette: off, width: 80 });
  assert.ok(long.indexOf('Examples') < long.indexOf('Usage'), 'examples first');
  assert.match(long, /default 64 · \$CGI_SERVE_MAX_PROCESSES/);
});

test('the manual page is roff', () => {
  const page = manualPage('0.1.0');
  for (const name of optionNames) if (!rowOf(name).hidden) assert.ok(page.includes(`\\-\\-${name.replaceAll('-', '\\-')}\\fR`), name);
  for (const line of page.split('\n')) {
    // A line that begins with . or ' and is no request would be swallowed; a bare - would become a hyphen that cannot be copied.
    assert.match(line, /^(\.(TH|SH|TP|br)\b|[^.'])|^$/, line);
    assert.doesNotMatch(line.replace(/^\.TH.*/, ''), /(^|[^\\])-/, line);
  }
});

test('completions are what the shell reads', (t) => {
  assert.match(completions('fish'), /complete -c cgi-serve -n '__fish_seen_subcommand_from run' -l data -s d -x/);
  assert.match(completions('zsh'), /^#compdef cgi-serve\n/);
  if (!needs(t, 'bash')) return;
  const complete = (...typed: string[]): string[] => {
    const program = `${completions('bash')}\nCOMP_WORDS=(cgi-serve ${typed.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${typed.length}; _cgi_serve; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const bash = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8' });
    assert.equal(bash.stderr, '');
    return bash.stdout.split('\n').filter(Boolean);
  };
  assert.deepEqual(complete('--max-p'), ['--max-processes']);
  assert.deepEqual(complete('--log-format', 'co'), ['common', 'combined']);
  assert.ok(complete('run', '--').includes('--data') && !complete('run', '--').includes('--port'));
  assert.ok(complete('time', '-').includes('-n') && !complete('run', '-').includes('-n'));
  assert.deepEqual(complete('--spawn', 'n'), ['native']);
  assert.ok(complete('doc').includes('doctor') && complete('ti').includes('time'));
  assert.deepEqual(complete('wi'), ['wire']);
  assert.deepEqual(complete('wire', ''), ['decode', 'encode', 'send']);
  assert.ok(complete('wire', 'encode', '--').includes('--script') && !complete('wire', 'decode', '--').includes('--script'));
});

test('columns, wrapping, and what may be shown', () => {
  assert.equal(columns('中文ab\x1b[31m。\x1b[39m'), 8);
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('一二三四，五', 8), ['一二三', '四，五']);
  assert.equal(visible('a\x1b\u009b\u202eb\n'), 'a\\x1b\\x9b\\u{202e}b\\x0a');
});
