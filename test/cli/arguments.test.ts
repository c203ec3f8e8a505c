/**
 * The words people type, and what is made of them: minimist's traps by name, every reader's edges, the order of precedence.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments } from '../../src/cli/arguments.js';
import { nearest } from '../../src/cli/nearest.js';
import { type OptionName, optionNames, rowOf, subCommands } from '../../src/cli/options.js';
import * as readers from '../../src/cli/readers.js';
import { Mistake, words } from '../../src/cli/words.js';

const mistake = (argv: string[], expected: RegExp): void => {
  assert.throws(
    () => readArguments(argv),
    (error) => {
      assert.ok(error instanceof Mistake, String(error));
      assert.equal(error.exitCode, 2);
      assert.match(error.what.en, expected);
      assert.notEqual(error.what.zh, '');
      return true;
    },
    argv.join(' '),
  );
};

const understood: readonly [argv: string[], values: object, operands?: string[]][] = [
  [[], {}],
  [['www'], {}, ['www']],
  [['--port', '80'], { port: 80 }],
  [['--port=80', 'www'], { port: 80 }, ['www']],
  [['-p80', 'www'], { port: 80 }, ['www']],
  [['-p=80'], { port: 80 }],
  [['-p', '80', 'www'], { port: 80 }, ['www']],
  [['--bind', '::1', '-b', '127.0.0.1'], { host: ['::1', '127.0.0.1'] }],
  [['--host=[::1]'], { host: ['::1'] }],
  // What minimist alone would do otherwise.
  [['007'], {}, ['007']],
  [['1e3'], {}, ['1e3']],
  [['--env', 'A=007'], { env: [['A', '007']] }],
  [['--quiet', 'true'], { quiet: true }, ['true']],
  [['--quiet', 'false'], { quiet: true }, ['false']],
  [['--quiet=false', 'www'], { quiet: false }, ['www']],
  [['-q', './cgi-bin'], { quiet: true }, ['./cgi-bin']],
  [['-qd./site'], { quiet: true, directory: './site' }],
  [['-dcgi-bin'], { directory: 'cgi-bin' }],
  [['--', '--port'], {}, ['--port']],
  [['-q', '--', '-x', '7'], { quiet: true }, ['-x', '7']],
  [['--no-public'], { 'no-public': true }],
  [['-'], {}, ['-']],
  // python -m http.server
  [['--cgi', '-b', '0.0.0.0', '-d', 'site', '8000'], { cgi: true, host: ['0.0.0.0'], directory: 'site' }, ['8000']],
  [['--env', 'A=', '-e', 'B=x=y,z'], { env: [['A', ''], ['B', 'x=y,z']] }], // biome-ignore format: pairs
  [['-i', '.php=/usr/bin/php-cgi -q'], { interpreter: [['.php', '/usr/bin/php-cgi -q']] }],
  [['run', 'a.py', '-XPOST', '-d', 'x=1', '-H', 'A: b:c'], { method: 'POST', data: 'x=1', header: [['A', 'b:c']] }, ['a.py']],
  [['run', 'a.py', '--data=-x'], { data: '-x' }, ['a.py']],
  [['run', 'a.py', '-d', '@-'], { data: '@-' }, ['a.py']],
  [['run', 'a.py', '-d', '-'], { data: '-' }, ['a.py']],
  [['wire', 'encode', '/a', '--wire', 'scgi', '--script=b.php', '-dx'], { wire: 'scgi', script: 'b.php', data: 'x' }, ['/a']],
  [['time'], {}],
  [['bench', '/a', 'b.py', '-c', '2', '--rate=9', '--duration', '500ms'], { concurrency: 2, rate: 9, duration: 500 }, ['/a', 'b.py']],
  [['time', 'a.py', '?x', '-n5', '-c', '2', '--spawn=portable'], { requests: 5, concurrency: 2, spawn: 'portable' }, ['a.py', '?x']],
  [['doctor', 'run', '--json'], { json: true }, ['run']],
  [['./run'], {}, ['./run']],
];

test('what was meant is understood', () => {
  for (const [argv, values, operands = []] of understood) {
    const read = readArguments(argv);
    assert.deepEqual({ ...read.values }, values, argv.join(' '));
    assert.deepEqual(read.operands, operands, argv.join(' '));
  }
});

test('the sub-command is the first word', () => {
  assert.equal(readArguments(['run', 'x']).command, 'run');
  assert.equal(readArguments(['doctor']).command, 'doctor');
  assert.equal(readArguments(['www', 'run']).command, 'serve');
  assert.equal(readArguments(['www', 'wire', 'decode']).command, 'serve');
  assert.deepEqual(readArguments(['wire', 'decode', 'wire']), { command: 'wire decode', values: {}, operands: ['wire'] });
  assert.equal(readArguments(['wire', 'encode']).command, 'wire encode');
  assert.equal(readArguments(['wire', '--help']).command, 'wire');
  mistake(['wire'], /^wire is followed by decode, encode, send$/);
  mistake(['wire', 'decod', '--hex'], /; got 'decod'$/);
  mistake(['wire', 'decode --hex'], /; got 'decode --hex'$/);
});

const mistakes: readonly [argv: string[], expected: RegExp][] = [
  [['--bogus', 'www'], /^there is no option --bogus$/],
  [['--open', './cgi-bin'], /^there is no option --open$/],
  [['--prot', '80'], /--prot; did you mean --port\?$/],
  [['--log', 'json'], /did you mean --log-format\?$/],
  [['--interp', '.a=b'], /did you mean --interpreter\?$/],
  [['--maxBody', '1'], /did you mean --max-body\?$/],
  [['-P', '80'], /did you mean -p\?$/],
  [['--no-quiet'], /^there is no option --no-quiet/],
  [['--no-port'], /^there is no option --no-port/],
  [['--port'], /^--port needs a value: PORT/],
  [['--port='], /^--port needs a value/],
  [['--port', ''], /^--port needs a value/],
  [['--port', '--quiet'], /^--port needs a value/],
  [['--port', '1', '--port', '2'], /^--port stands twice: 1, 2$/],
  [['-p', '1', '--port=2', '-p3'], /^--port stands 3 times: 1, 2, 3$/],
  [['--port', '99999'], /^--port takes a number from 0 to 65535.*'99999'$/],
  [['--port', 'eighty'], /'eighty'$/],
  [['--port', '-1'], /negative number: -1$/],
  [['--timeout', '-1'], /negative number: -1$/],
  [['--quiet=perhaps'], /^--quiet takes no value, and got 'perhaps'$/],
  [['--env', 'A'], /^--env takes a variable and its value/],
  [['--env', '1A=x'], /^--env takes/],
  [['--interpreter', 'php=php-cgi'], /^--interpreter takes an extension with its dot/],
  [['--log-format', 'apache'], /one of dev, common, combined, json; got 'apache'/],
  [['--host', '127.0.0.1:80'], /without a port/],
  [['--prefix', 'cgi-bin'], /begins with \//],
  [['--prefix', '/a/../b'], /begins with \//],
  [['--json'], /--json is an option of cgi-serve run, cgi-serve time, .*cgi-serve status, .*cgi-serve wire send, not of cgi-serve DIR/],
  [['doctor', '--port', '1'], /--port is an option of cgi-serve DIR, not of cgi-serve doctor/],
  [['--spawn', 'fork'], /one of auto, native, portable; got 'fork'/],
  [['doctor', '--spawn', 'auto'], /--spawn is an option of cgi-serve DIR, .*cgi-serve time, .*not of cgi-serve doctor/],
  [['wire', 'decode', '--wire', 'http'], /one of fastcgi, scgi, uwsgi; got 'http'/],
  [['wire', 'encode', '/', '--json'], /--json is an option of .*cgi-serve wire send, not of cgi-serve wire encode/],
  [['time', '-n', '0'], /^--requests takes a whole number from 1/],
  [['bench', '/a', '--rate', '0'], /^--rate takes a whole number from 1/],
  [['--rate', '5'], /^--rate is an option of cgi-serve bench, not of cgi-serve DIR/],
  [['-n', '5'], /^there is no option -n/],
  [['-xyz'], /^there is no option -xyz/],
  [['-qx'], /^there is no option -x/],
  [['---quiet'], /^there is no option ---quiet/],
  [['--port.x', '3'], /^there is no option --port\.x/],
  [['--_', 'x'], /^there is no option --_/],
  // Names that every object has.
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'].map((name): [string[], RegExp] => [
    [`--${name}`, 'x'],
    /^there is no option/,
  ]),
];

test('a mistake is told, with what was meant', () => {
  for (const [argv, expected] of mistakes) mistake(argv, expected);
});

test('no option that takes a value lets the next option be that value', () => {
  for (const name of optionNames) {
    const row = rowOf(name);
    if (row.kind !== 'flag')
      mistake([...(row.for?.includes('serve') === false ? [...row.for[0]!.split(' '), 'x'] : []), `--${name}`, '--help'], /needs a value/);
  }
});

test('every row can be reached by its long name, and short names are not used twice in one sub-command', () => {
  for (const command of ['serve', ...subCommands] as const) {
    const shorts = optionNames.filter((n) => (rowOf(n).for ?? ['serve']).includes(command)).flatMap((n) => rowOf(n).short ?? []);
    assert.equal(new Set(shorts).size, shorts.length, `${command}: ${shorts}`);
  }
  for (const name of optionNames) {
    const row = rowOf(name);
    assert.notEqual(row.help.zh, '', name);
    if (row.opposite) assert.equal(rowOf(row.opposite as OptionName).opposite, name);
  }
});

test('durations are seconds, or have a unit', () => {
  const { read } = readers.duration(words('none', '无'));
  const table: [string, number | undefined][] = [
    ['30', 30_000],
    ['1.5', 1500],
    ['500ms', 500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['90s', 90_000],
    ['0', 0],
    ['0.0001', 1], // too short to count, and yet not «none»
    ['.5', undefined],
    ['1e3', undefined],
    ['-1', undefined],
    ['1d', undefined],
    ['1 s', undefined],
    ['', undefined],
    ['9999999', undefined], // a timer of Node's would fire at once
    ['Infinity', undefined],
  ];
  for (const [text, ms] of table) assert.equal(read(text), ms, text);
});

test('sizes have binary and decimal suffixes', () => {
  const table: [string, number | undefined][] = [
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['10M', 10 * 1024 ** 2],
    ['10m', 10 * 1024 ** 2],
    ['1G', 1024 ** 3],
    ['64KiB', 65_536],
    ['1.5 MiB', 1.5 * 1024 ** 2],
    ['10MB', 10_000_000],
    ['10kB', 10_000],
    ['1T', 1024 ** 4],
    ['10Q', undefined],
    ['M', undefined],
    ['-1', undefined],
    ['9999999T', undefined],
  ];
  for (const [text, bytes] of table) assert.equal(readers.size.read(text), bytes, text);
});

test('counts, ports, prefixes, addresses', () => {
  assert.equal(readers.count(1).read('0'), undefined);
  assert.equal(readers.count(0).read('0'), 0);
  assert.equal(readers.count(0).read('1.5'), undefined);
  assert.equal(readers.port.read('0x50'), undefined);
  assert.equal(readers.port.read('65535'), 65535);
  assert.equal(readers.port.read('65536'), undefined);
  assert.equal(readers.urlPrefix.read('/'), '/');
  assert.equal(readers.urlPrefix.read('/a/b'), '/a/b/');
  for (const wrong of ['//a', '/a//b', '/a?b', '/a b', '/%61', 'a/', '/..', '/./a'])
    assert.equal(readers.urlPrefix.read(wrong), undefined, wrong);
  for (const right of ['localhost', '0.0.0.0', '::', '::1', 'fe80::1%eth0', 'my-host.example'])
    assert.equal(readers.address.read(right), right);
  for (const wrong of ['localhost:80', 'http://a', 'a/b', 'a b']) assert.equal(readers.address.read(wrong), undefined, wrong);
  assert.deepEqual(readers.headerLine.read('X-A:b'), ['X-A', 'b']);
  for (const wrong of ['X A: b', 'X-A', ': b', 'A: b\r\nC: d']) assert.equal(readers.headerLine.read(wrong), undefined, wrong);
});

test('the nearest name is near, or none', () => {
  const names = ['port', 'host', 'prefix', 'public', 'log-format', 'max-body', 'help'];
  const table: [string, string | undefined][] = [
    ['prot', 'port'],
    ['hots', 'host'],
    ['perfix', 'prefix'],
    ['logformat', 'log-format'],
    ['max_body', 'max-body'],
    ['pub', 'public'],
    ['xyzzy', undefined],
    ['q', undefined],
  ];
  for (const [typed, expected] of table) assert.equal(nearest(typed, names), expected, typed);
});
