/** Typed > environment > config file > default; and what is said of a config file that is wrong. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { configSchema, readConfigText } from '../../src/cli/config.js';
import { environmentName, optionNames } from '../../src/cli/options.js';
import { languageOf, settleOptions } from '../../src/cli/settle.js';
import { Mistake } from '../../src/cli/words.js';

const folder = (t: TestContext, files: Record<string, string> = {}): string => {
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-settle-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
};

const mistake = (act: () => unknown, exitCode: number, expected: RegExp): void => {
  assert.throws(act, (error) => {
    assert.ok(error instanceof Mistake, String(error));
    assert.match(error.what.en, expected);
    assert.equal(error.exitCode, exitCode);
    return true;
  });
};

test('what is nearer counts', (t) => {
  const cwd = folder(t, { 'cgi-serve.config.json': '{"port": 1, "timeout": "1m", "quiet": true, "env": {"A": "1"}, "dir": "scripts"}' });
  const env = { CGI_SERVE_PORT: '2', CGI_SERVE_QUIET: '0', PORT: '9' };
  const both = settleOptions(['-p', '3'], env, cwd);
  assert.equal(both.values.port, 3);
  assert.equal(both.values.timeout, 60_000);
  assert.equal(both.values.quiet, false);
  assert.equal(both.configFile, 'cgi-serve.config.json');
  assert.equal(both.dir, join(cwd, 'scripts'));
  assert.equal(settleOptions([], env, cwd).values.port, 2);
  assert.equal(settleOptions([], {}, cwd).values.port, 1);
  assert.equal(settleOptions([], { PORT: '9' }, cwd).values.port, 9);
  assert.equal(settleOptions([], { CGI_SERVE_DIR: 'x' }, cwd).dir, 'x');
  // A list said nearer replaces the other.
  assert.deepEqual(settleOptions(['-e', 'B=2'], {}, cwd).values.env, [['B', '2']]);
  assert.deepEqual(settleOptions([], { CGI_SERVE_HOST: '127.0.0.1, ::1' }, cwd).values.host, ['127.0.0.1', '::1']);
});

test('--public and --no-public: the nearer one counts, side by side they are a mistake', (t) => {
  const cwd = folder(t, { 'cgi-serve.config.json': '{"public": "site"}' });
  const without = settleOptions(['--no-public'], {}, cwd).values;
  assert.equal(without.public, undefined);
  assert.equal(without['no-public'], true);
  assert.equal(settleOptions(['--public', 'x'], { CGI_SERVE_NO_PUBLIC: '1' }, cwd).values['no-public'], undefined);
  assert.equal(settleOptions([], {}, cwd).values.public, join(cwd, 'site'));
  mistake(() => settleOptions(['--public', 'x', '--no-public'], {}, cwd), 2, /exclude each other/);
});

test('the environment is read strictly, and a name that is near is told', (t) => {
  const cwd = folder(t);
  mistake(() => settleOptions([], { CGI_SERVE_PORT: 'x' }, cwd), 2, /^CGI_SERVE_PORT takes a number/);
  mistake(() => settleOptions([], { PORT: 'tcp://10.0.0.1:80' }, cwd), 2, /^PORT takes a number/);
  mistake(() => settleOptions([], { CGI_SERVE_QUIET: 'perhaps' }, cwd), 2, /^CGI_SERVE_QUIET takes 1 or 0/);
  assert.deepEqual(settleOptions([], { CGI_SERVE_PORT: '' }, cwd).values, {});
  assert.match(settleOptions([], { CGI_SERVE_PROT: '1' }, cwd).notes[0]!.en, /did you mean CGI_SERVE_PORT\?/);
  // What is only typed is not taken from the environment.
  assert.match(settleOptions([], { CGI_SERVE_DATA: 'x' }, cwd).notes[0]!.en, /CGI_SERVE_DATA names no option/);
});

test('help and version are answered whatever the config file says', (t) => {
  const cwd = folder(t, { 'cgi-serve.config.json': '{' });
  assert.equal(settleOptions(['--help'], { CGI_SERVE_PORT: 'x' }, cwd).values.help, true);
  assert.equal(settleOptions(['-V'], {}, cwd).values.version, true);
});

test('a config file elsewhere: its paths are its own', (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'conf'));
  writeFileSync(
    join(cwd, 'conf', 'x.json'),
    '\ufeff{"dir": "../cgi", "basic-auth": "users", "interpreter": {".a": "./a.sh", ".php": "php-cgi"}}',
  );
  const said = settleOptions(['--config', 'conf/x.json'], {}, cwd);
  assert.equal(said.dir, join(cwd, 'cgi'));
  assert.equal(said.values['basic-auth'], join(cwd, 'conf', 'users'));
  assert.deepEqual(said.values.interpreter, [
    ['.a', join(cwd, 'conf', 'a.sh')],
    ['.php', 'php-cgi'],
  ]);
  mistake(() => settleOptions(['--config', 'nope.json'], {}, cwd), 4, /no config file nope\.json/);
  mistake(() => settleOptions(['--config', 'conf'], {}, cwd), 4, /cannot be read: EISDIR/);
});

const wrongConfigs: readonly [text: string, expected: RegExp][] = [
  ['{"prot": 1}', /^c\.json has a key "prot"; did you mean "port"\?$/],
  ['{"maxBody": 1}', /did you mean "max-body"\?/],
  ['{"zzz": 1}', /"zzz", which is no option/],
  ['{"help": true}', /can only be typed/],
  ['{"__proto__": 1}', /has a key "__proto__"/],
  ['{"port": "x"}', /^"port" in c\.json takes a number from 0 to 65535.*got 'x'$/],
  ['{"port": true}', /^"port" in c\.json takes .*got boolean true$/],
  ['{"port": [1]}', /got a list/],
  ['{"port": null}', /got null/],
  ['{"quiet": "yes"}', /^"quiet" in c\.json takes true or false; got string "yes"$/],
  ['{"env": {"A": 1}}', /^"env\.A" in c\.json takes a string; got number 1$/],
  ['{"env": {"1": "x"}}', /takes a variable and its value/],
  ['{"host": [true]}', /got boolean true/],
  ['{"dir": 7}', /^"dir" in c\.json takes the path of a directory/],
  ['[]', /^c\.json takes an object/],
  ['null', /^c\.json takes an object/],
  ['{"port": 1,\n}', /^c\.json:2:1 is not JSON/],
  ['{', /^c\.json:1:2 is not JSON/],
  ['', /^c\.json:1:1 is not JSON/],
];

test('a wrong config file: file, key, and what was expected', () => {
  for (const [text, expected] of wrongConfigs) mistake(() => readConfigText(text, 'c.json', '/x'), 2, expected);
});

test('a right config file', () => {
  const { values, dir } = readConfigText(
    '{"$schema": "x", "dir": "d", "port": 0, "host": "::1", "timeout": 1.5, "max-body": "10M", "env": ["A=b"], "pass-env": ["HOME"]}',
    'c.json',
    '/x',
  );
  assert.equal(dir, resolve('/x/d'));
  assert.deepEqual(
    { ...values },
    { port: 0, host: ['::1'], timeout: 1500, 'max-body': 10 * 1024 ** 2, env: [['A', 'b']], 'pass-env': ['HOME'] },
  );
});

test('the schema knows every key, and no other', () => {
  const { properties, additionalProperties } = configSchema() as { properties: Record<string, object>; additionalProperties: boolean };
  assert.equal(additionalProperties, false);
  const keys = optionNames.filter((name) => environmentName(name) !== undefined);
  assert.deepEqual(Object.keys(properties).sort(), ['$schema', 'dir', ...keys].sort());
});

test('a mistake is told in the language that was asked for', () => {
  assert.equal(languageOf(['--lang', 'zh-CN', '--bogus'], {}), 'zh-CN');
  assert.equal(languageOf(['run', '--lang=zh'], {}), 'zh-CN');
  assert.equal(languageOf([], { CGI_SERVE_LANG: 'zh-CN' }), 'zh-CN');
  assert.equal(languageOf([], { LANG: 'zh_CN.UTF-8' }), 'en');
});
