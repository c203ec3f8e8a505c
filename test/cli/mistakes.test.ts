/** The mistakes people make, typed at the real program: an exit code, one clear line on stderr, nothing on stdout, no stack. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../support/cli.js';
import { folder, hello } from './folder.js';

const files = {
  'cgi-bin/hello.sh': hello,
  'www/hello.sh': hello,
  'users/empty': '',
  'bad.json': '{"prot": 80}',
  'broken.json': '{\n  "port": 80,\n}\n',
};

const table: readonly [argv: string[], code: number, ...expected: RegExp[]][] = [
  [['--bogus', 'www'], 2, /no option --bogus/, /--help shows them all/],
  [['--port'], 2, /--port needs a value/],
  [['--port', '99999'], 2, /--port takes a number from 0 to 65535.*'99999'/],
  [['--prot', '80'], 2, /did you mean --port\?/],
  [['--env', 'A'], 2, /--env takes/],
  [['--env', 'HTTP_COOKIE=x'], 2, /HTTP_COOKIE is a meta-variable/],
  [['--open', './cgi-bin'], 2, /no option --open/],
  [['--interpreter', '.php=there-is-no-such-program'], 2, /no program 'there-is-no-such-program'/],
  [['--port', '0', '0'], 2, /the port was given twice/],
  [['www', 'cgi-bin'], 2, /one directory is served, and 2 were named/],
  [['-d', 'www', 'cgi-bin'], 2, /two directories were named/],
  [['70000'], 2, /70000 is neither a directory here nor a port/],
  [['--config', 'bad.json'], 2, /bad\.json has a key "prot"; did you mean "port"\?/],
  [['--config', 'broken.json'], 2, /broken\.json:3:1 is not JSON/],
  [['nothere'], 4, /no directory nothere/, /There is \.\/cgi-bin/],
  [['cgi-bn'], 4, /no directory cgi-bn/, /Did you mean cgi-bin\?/],
  [['docter'], 4, /The sub-command doctor comes first/],
  [['cgi-bin/hello.sh'], 4, /is a file/, /cgi-serve run cgi-bin\/hello\.sh/],
  [['--public', 'nothere'], 4, /--public: there is no directory nothere/],
  [['--basic-auth', 'nothere'], 4, /nothere cannot be read: ENOENT/],
  [['--config', 'nothere.json'], 4, /no config file nothere\.json/],
  [['--host', '192.0.2.1', '--port', '0'], 3, /no interface of this machine has the address 192\.0\.2\.1/],
  [['run'], 2, /run needs a script/],
  [['run', 'hello.sh'], 4, /no script hello\.sh/, /Did you mean cgi-bin\/hello\.sh\?/],
  [['run', 'www'], 4, /www is a directory/, /cgi-serve doctor www/],
  [['run', 'cgi-bin/hello.sh', 'a=1'], 2, /URL begins with \//, /'\?a=1'/],
  [['run', 'cgi-bin/hello.sh', '/a', '/b'], 2, /what is \/b\?/],
  [['run', 'cgi-bin/hello.sh', '-d', '@nothere'], 4, /--data @nothere: the file cannot be read: ENOENT/],
  [['time', 'hello.sh'], 4, /no script hello\.sh/, /Did you mean cgi-bin\/hello\.sh\?/],
  [['time', 'www'], 4, /www is a directory; time takes one script/],
  [['time', 'cgi-bin/hello.sh', '/a', '/b'], 2, /what is \/b\?/],
  [['bench'], 2, /bench needs targets/],
  [['bench', '/a', '/b', '/c', '/d', '/e'], 2, /at most 4 targets; got 5/],
  [['bench', 'hello.sh', '/a'], 4, /no script hello\.sh/, /Did you mean cgi-bin\/hello\.sh\?/],
  [['bench', 'http://example.org/a?b'], 2, /aims at nothing else/, /Here: '\/a\?b'/],
  [['bench', '/a', '--json', '--csv'], 2, /--json and --csv exclude each other/],
  [['bench', '/a', '--html', 'nothere/x.html'], 4, /nothere\/x\.html cannot be written: ENOENT/],
  [['bench', '/a', '--svg', 'cgi-bin'], 4, /cgi-bin cannot be written: EISDIR/],
  [['tme'], 4, /The sub-command time comes first/],
  [['doctor', 'nothere'], 4, /no directory nothere/],
];

test('each mistake has its exit code and its sentence', async (t) => {
  const cwd = folder(t, files);
  for (const [argv, code, ...expected] of table) {
    const result = await runCli(argv, { cwd });
    const shown = `cgi-serve ${argv.join(' ')}\n${result.stderr}`;
    assert.equal(result.code, code, shown);
    assert.equal(result.stdout, '', shown);
    for (const pattern of expected) assert.match(result.stderr, pattern, shown);
    assert.doesNotMatch(result.stderr, /\n {4}at /, shown);
    assert.match(result.stderr, /^cgi-serve: /, shown);
  }
});

test('in Chinese, when asked', async (t) => {
  const result = await runCli(['--lang', 'zh-CN', '--prot', '80'], { cwd: folder(t) });
  assert.equal(result.code, 2);
  assert.match(result.stderr, /没有选项 --prot；是否想用 --port？/);
});

test('no cgi-bin here: what is near is named', async (t) => {
  const nothing = await runCli([], { cwd: folder(t) });
  assert.equal(nothing.code, 4);
  assert.match(nothing.stderr, /there is no \.\/cgi-bin here/);
  assert.match(nothing.stderr, /mkdir cgi-bin/);
  assert.match((await runCli([], { cwd: folder(t, { 'cgi/a.sh': hello }) })).stderr, /There is \.\/cgi: cgi-serve \.\/cgi/);
  assert.match(
    (await runCli([], { cwd: folder(t, { 'a.sh': hello, 'b.py': '' }) })).stderr,
    /Here are scripts \(a\.sh, b\.py\).*cgi-serve \./,
  );
});

test('mounts need no cgi-bin; a folder that was named must be there, and files must lie somewhere', async (t) => {
  const php = '--fastcgi=.php=127.0.0.1:9';
  const rows: [files: Record<string, string>, argv: string[], code: number, expected: RegExp][] = [
    [{}, [php], 4, /--fastcgi \.php: there is no folder with \.php files: neither \.\/public nor \.\/cgi-bin[^\n]*\n[^\n]*--public DIR/],
    [{ 'index.php': '' }, [php], 4, /Here are such files \(index\.php\)\. [^\n]*--public \./],
    [{}, [php, '--no-public', '--lang', 'zh-CN'], 4, /没有存放 \.php 文件的文件夹/],
    [{}, [php, 'nothere'], 4, /there is no directory nothere/],
    [{}, [php, '-d', 'nothere'], 4, /there is no directory nothere/],
    [{}, [php, '--public', 'nothere'], 4, /--public: there is no directory nothere/],
    [{ 'cgi-bin': '' }, [php], 4, /\.\/cgi-bin is a file/],
    [{}, ['--scgi', '/app=127.0.0.1:9', '-i', '.sh=sh'], 2, /interpreter \.sh: there is no script directory/],
    [{ 'public/': '' }, [php, '--front-controller', 'index.php'], 2, /front controller index\.php: is not there in the public directory/],
    [{ 'cgi-bin/': '' }, ['--scgi', '/cgi-bin=127.0.0.1:9'], 2, /\/cgi-bin\/ is the scripts' place already/],
  ];
  for (const [files, argv, code, expected] of rows) {
    const result = await runCli(['--port', '0', ...argv], { cwd: folder(t, files) });
    const shown = `cgi-serve ${argv.join(' ')}\n${result.stderr}`;
    assert.equal(result.code, code, shown);
    assert.match(result.stderr, expected, shown);
  }
});

test('a directory nobody may read', async (t) => {
  if (process.getuid?.() === 0) return; // To root everything is readable.
  const cwd = folder(t, { 'locked/a.sh': hello });
  chmodSync(join(cwd, 'locked'), 0);
  const result = await runCli(['locked', '--port', '0'], { cwd });
  chmodSync(join(cwd, 'locked'), 0o755);
  assert.equal(result.code, 4);
  assert.match(result.stderr, /locked may not be read/);
});

test('a port that is taken is an error, and who holds it is told', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const cwd = folder(t, files);
  for (const said of [['--port', String(port)], [String(port)]]) {
    const result = await runCli(said, { cwd });
    assert.equal(result.code, 3);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, new RegExp(`port ${port} is taken`));
    if (process.platform === 'linux') assert.match(result.stderr, new RegExp(`pid ${process.pid}\\b`));
  }
});

test('help, version and what is printed from the table go to stdout', async (t) => {
  const cwd = folder(t);
  const printed: [string[], RegExp][] = [
    [['--help'], /^cgi-serve \d.*\n\nExamples\n/],
    [['-h'], /^cgi-serve \d[\s\S]*--help shows everything/],
    [['www', '--help'], /Exit codes/],
    [['run', '--help'], /cgi-serve run SCRIPT \[URL\]/],
    [['doctor', '-h'], /cgi-serve doctor \[DIR\]/],
    [['--help', '--lang', 'zh-CN'], /\n示例\n/],
    [['--version'], /^cgi-serve \d+\.\d+\.\d+\n$/],
    [['--print-manpage'], /^\.TH CGI/],
    [['--print-completions', 'bash'], /complete -o filenames -F _cgi_serve cgi-serve/],
    [['--print-schema'], /"\$schema"/],
  ];
  for (const [argv, expected] of printed) {
    const result = await runCli(argv, { cwd });
    assert.equal(result.code, 0, argv.join(' '));
    assert.equal(result.stderr, '');
    assert.match(result.stdout, expected);
    assert.doesNotMatch(result.stdout, /\x1b/);
  }
  assert.match((await runCli(['--help'], { cwd, env: { FORCE_COLOR: '1' } })).stdout, /\x1b\[1m/);
  assert.doesNotMatch((await runCli(['--help', '--color', 'never'], { cwd, env: { FORCE_COLOR: '1' } })).stdout, /\x1b/);
});
