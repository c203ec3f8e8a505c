/** `wire decode` and `wire encode`: a request as bytes, bytes as what they mean, and what is said of bytes that mean nothing here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { wireInputBytesMax } from '../../src/limits.js';
import { telling } from '../../src/wire/fastcgi.js';
import { recordType, writeBegin, writeRecord } from '../../src/wire/fastcgi-records.js';
import { protocolOf } from '../../src/wire/stranger.js';
import type { Field } from '../../src/wire/wire.js';
import { bin, runCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { bytes } from '../wire/cuts.js';
import { folder, hello } from './folder.js';

const wires = ['fastcgi', 'scgi', 'uwsgi'] as const;

/** The bytes that `wire encode` prints. */
const encode = (args: string[], cwd: string): Buffer => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'wire', 'encode', ...args], { cwd, timeout: 30_000 });
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
};

interface Report {
  wire: string | null;
  bytes: number;
  payload_bytes: number;
  envelope_bytes: number;
  unread_bytes: number;
  sides: string[];
  wrong: string | null;
  heard: {
    side: string;
    request_id: number | null;
    variables: Variable[] | null;
    body_bytes: number;
    app_status: number | null;
    end: string | null;
  }[];
  failures: { code: string; detail: string }[];
  fields: (Field & { hex: string })[];
}
type Variable = { name: string; value: string; section: string | null };

const decode = async (input: string | Buffer, args: string[] = []): Promise<Report & { code: number | null; stderr: string }> => {
  const { code, stdout, stderr } = await runCli(['wire', 'decode', '--json', ...args], { input });
  return { ...(JSON.parse(stdout) as Report), code, stderr };
};

const withoutPath = (variables: readonly Variable[]): string[] =>
  variables
    .filter(({ name }) => name !== 'PATH' && name !== 'SCGI')
    .map(({ name, value, section }) => `${name}=${value} ${section}`)
    .sort();

for (const wire of wires) {
  test(`${wire}: what is encoded is decoded, and says what run says`, async (t) => {
    const cwd = folder(t, { 'cgi-bin/hello.sh': hello });
    const request = ['/in/fo?a=é', '-d', 'x=1', '-H', 'Cookie: c=1', '-e', 'MINE=1'];
    const sent = encode([...request, '--script', 'cgi-bin/hello.sh', '--wire', wire], cwd);
    const read = await decode(sent);
    assert.equal(read.code, 0);
    assert.equal(read.stderr, '');
    assert.equal(read.wire, wire);
    assert.deepEqual([read.heard.length, read.heard[0]!.body_bytes, read.heard[0]!.end, read.failures.length], [1, 3, 'whole', 0]);
    const run = JSON.parse((await runCli(['run', 'cgi-bin/hello.sh', ...request, '--json'], { cwd })).stdout);
    assert.deepEqual(withoutPath(read.heard[0]!.variables!), withoutPath(run.environment));

    // Every byte lies in one field, and is envelope or payload.
    assert.equal(read.fields.map(({ hex }) => hex).join(''), sent.toString('hex'));
    assert.equal(read.payload_bytes + read.envelope_bytes, sent.length);
    assert.equal(
      read.payload_bytes,
      // SCGI=1 is the wire's own word.
      3 + read.heard[0]!.variables!.reduce((sum, { name, value }) => sum + (name === 'SCGI' ? 0 : Buffer.byteLength(name + value)), 0),
    );
  });

  test(`${wire}: as hexadecimal text, there and back`, async (t) => {
    const cwd = folder(t);
    const text = encode(['/', '--wire', wire, '--hex'], cwd).toString();
    assert.match(text, /^(?:[0-9a-f]{2}[ \n])+$/);
    assert.equal(Buffer.from(text.replace(/\s/g, ''), 'hex').toString('latin1'), encode(['/', '--wire', wire], cwd).toString('latin1'));
    const itself = await decode(text.toUpperCase().replaceAll(' ', ''));
    assert.deepEqual([itself.code, itself.wire], [0, wire]);
    assert.match(itself.stderr, /^cgi-serve: read as hexadecimal text: \d+ bytes\n$/);
    const asked = await decode(text, ['--hex']);
    assert.deepEqual([asked.stderr, asked.fields], ['', itself.fields]);
  });

  test(`${wire}: cut short`, async (t) => {
    const whole = encode(['/', '-d', 'x=1', '--wire', wire], folder(t));
    const cut = await decode(whole.subarray(0, 61));
    assert.equal(cut.code, 5);
    assert.equal(cut.fields.map(({ hex }) => hex).join(''), whole.toString('hex', 0, 61));
    assert.equal(cut.fields.at(-1)!.partial, true);
    assert.deepEqual(
      cut.failures.map(({ code }) => code),
      ['WIRE_TRUNCATED'],
    );
    const { stdout, code } = await runCli(['wire', 'decode'], { input: whole.subarray(0, 61) });
    assert.equal(code, 5);
    assert.match(stdout, /^ +\d+ .* \[cut\] /m);
    assert.match(stdout, /✗ WIRE_TRUNCATED/);
  });
}

test('a file, field by field', async (t) => {
  const cwd = folder(t);
  writeFileSync(join(cwd, 'request.bin'), encode(['/app/x?y', '--prefix', '/app', '-d', 'hi'], cwd));
  const { code, stdout, stderr } = await runCli(['wire', 'decode', 'request.bin'], { cwd });
  assert.deepEqual([code, stderr], [0, '']);
  const expected = [
    /^FastCGI {2}a request · \d+ bytes · known by its first bytes$/m,
    /^→ BEGIN_REQUEST {2}request 1 · 8 bytes of content$/m,
    /^ +8 {2}00 01 +role +RESPONDER +§5\.1 {2}What the program shall be/m,
    /^→ PARAMS {2}request 1 · \d+ bytes of content( · \d of padding)?$/m,
    /^ +24 {2}0e +nameLength +14 +§3\.4 {2}One byte, as it is below 128\.$/m,
    /^ +26 {2}43 4f 4e 54 45 4e … nameData +CONTENT_LENGTH /m,
    /^→ STDIN {2}request 1 · 2 bytes of content · 6 of padding$/m,
    /^ {2}→ request 1 · responder · \d+ variables · body 2 bytes · whole$/m,
    /^ {4}§4\.1\.13 +SCRIPT_NAME +\/app$/m,
    /^ {4}§4\.1\.5 +PATH_INFO +\/x$/m,
    /^ {2}\d+ of payload \(\d\d\.\d %\), \d+ of envelope \(\d\d\.\d %\)$/m,
  ];
  for (const pattern of expected) assert.match(stdout, pattern);
  // A sentence is told once.
  assert.equal(stdout.split('There is only this one.').length, 2);
  assert.doesNotMatch(stdout, /\x1b|SCRIPT_FILENAME/);
});

test('an answer in records; both sides of a kept connection in one file', async (t) => {
  const { output, errors, end } = telling(1);
  const answer = Buffer.concat([...output(bytes('Content-Type: text/plain\n\nhi')), ...errors(bytes('oops\n')), ...end(3)]);
  const alone = await decode(answer);
  assert.deepEqual([alone.code, alone.sides], [0, ['answer']]);
  assert.deepEqual(
    alone.heard.map(({ body_bytes, app_status, end: how }) => [body_bytes, app_status, how]),
    [[28, 3, 'whole']],
  );

  const request = encode(['/'], folder(t));
  const both = await decode(Buffer.concat([request, answer, request, answer]));
  assert.deepEqual([both.code, both.sides], [0, ['request', 'answer']]);
  assert.deepEqual(
    both.heard.map(({ side, end: how }) => `${side} ${how}`),
    ['request whole', 'answer whole', 'request whole', 'answer whole'],
  );
  assert.equal(both.payload_bytes + both.envelope_bytes, 2 * (request.length + answer.length));

  const cut = await decode(Buffer.concat([request, answer.subarray(0, -16)]));
  assert.deepEqual(
    cut.failures.map(({ code, detail }) => [code, detail]),
    [['WIRE_TRUNCATED', 'the connection ended after 28 bytes of STDOUT and before END_REQUEST']],
  );
});

test('what a reader refuses, it refuses here', async () => {
  const misplaced = await decode(Buffer.concat([writeBegin(1, 1, 0), writeRecord(recordType.STDIN, 1)]));
  assert.equal(misplaced.code, 5);
  assert.equal(misplaced.failures[0]!.detail, 'byte 16: STDIN of request 1, where PARAMS is expected');
  const role = await decode(writeBegin(1, 9, 0));
  assert.deepEqual(
    role.failures.map(({ code }) => code),
    ['WIRE_UNKNOWN_ROLE'],
  );
  const behind = await decode('24:CONTENT_LENGTH\x000\x00SCGI\x001\x00,GET /');
  assert.deepEqual([behind.unread_bytes, behind.failures[0]!.code], [5, 'WIRE_BROKEN']);
});

test('the wrong protocol', async (t) => {
  const http = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const request = encode(['/'], folder(t));
  const table: [input: string | Buffer, wire: string | undefined, says: RegExp][] = [
    [http, 'uwsgi', /You sent HTTP to a uwsgi port: `GET ` reads as modifier1 71, size 21573$/m],
    [http, 'scgi', /You sent HTTP to an SCGI port: `GET ` stands where a length should$/m],
    [http, 'fastcgi', /You sent HTTP to a FastCGI port: `GET ` reads as version 71, type 69$/m],
    [request, 'uwsgi', /You sent FastCGI to a uwsgi port: `\\x01\\x01\\x00\\x01` reads as modifier1 1, size 1$/m],
    [bytes('\x16\x03\x01\x02\x00'), 'scgi', /You sent TLS to an SCGI port/],
    ['HTTP/1.1 200 OK\r\n\r\n', 'uwsgi', /This looks like an answer/],
    ['Status: 200 OK\r\n\r\n', 'fastcgi', /what a CGI program prints, without records/],
    [http, undefined, /This is HTTP: `GET `\. Here FastCGI, SCGI and uwsgi are read/],
    ['Status: 200 OK\r\n\r\n', undefined, /Those of SCGI and uwsgi have no framing/],
    ['what?', undefined, /No protocol known here begins with `what`/],
    [bytes('\x05\x10\x00\x00'), undefined, /If it is uwsgi, modifier1 is 5, PSGI \(Perl\): --wire uwsgi/],
    [bytes('\x01'), undefined, /1 byte cannot tell one protocol from another/],
  ];
  for (const [input, wire, says] of table) {
    const args = wire === undefined ? [] : ['--wire', wire];
    const { code, stdout } = await runCli(['wire', 'decode', ...args], { input });
    assert.equal(code, 5, stdout);
    assert.match(stdout, says);
    assert.equal((await decode(input, args)).code, 5);
  }
  const chinese = await runCli(['wire', 'decode', '--wire', 'uwsgi', '--lang', 'zh-CN'], { input: http });
  assert.match(chinese.stdout, /你把 HTTP 发到了 uwsgi 端口：`GET ` 被读作 modifier1 71、size 21573/);
  assert.match(chinese.stdout, /读取方的理解[\s\S]*无法读取 \d+ 字节/);
});

test('uwsgi is known by what it carries, whatever its modifier1; an HTTP answer is no request', async (t) => {
  const request = encode(['/', '--wire', 'uwsgi'], folder(t));
  for (const modifier1 of [0, 5, 14, 30]) {
    request[0] = modifier1;
    const { code, wire } = await decode(request);
    assert.deepEqual([code, wire], [0, 'uwsgi'], `modifier1 ${modifier1}`);
  }
  request.write('!', 6); // No variable has such a name.
  assert.equal((await decode(request)).wire, null);
  assert.equal(protocolOf(bytes('HTTP/1.1 200 OK')), 'HTTP answer');
  assert.equal(protocolOf(bytes('GET / HTTP/1.1')), 'HTTP');
  assert.match((await decode('HTTP/1.1 200 OK\r\n\r\n', ['--wire', 'uwsgi'])).failures[0]!.detail, /an HTTP answer, sent to a uwsgi port/);
});

test('nothing in the bytes acts on the terminal', async () => {
  const nasty = Buffer.from('31:CONTENT_LENGTH\x000\x00\x1b[2J\u202e\x9b\x00\t\x07\x7f\r\x00,');
  for (const args of [[], ['--json'], ['--color', 'always'], ['--wire', 'fastcgi'], ['--wire', 'uwsgi', '--lang', 'zh-CN']]) {
    const { stdout } = await runCli(['wire', 'decode', ...args], { input: nasty });
    assert.doesNotMatch(stdout.replace(/\x1b\[\d+m/g, ''), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, args.join(' '));
  }
});

test('a request the wire cannot carry', async (t) => {
  const { code, stdout, stderr } = await runCli(['wire', 'encode', '/', '--wire', 'uwsgi', '-H', `Cookie: ${'c'.repeat(70_000)}`], {
    cwd: folder(t),
  });
  assert.deepEqual([code, stdout], [5, '']);
  assert.match(stderr, /431 {2}WIRE_VARIABLES_TOO_LARGE/);
});

test('a script, where the URL names it and where it does not; also one of another machine', async (t) => {
  const cwd = folder(t, { 'www/blog/index.php': '<?php', 'cgi-bin/hello.sh': hello });
  const variables = async (...args: string[]) => {
    const [request] = (await decode(encode(args, cwd))).heard;
    return Object.fromEntries(request!.variables!.map(({ name, value }) => [name, value]));
  };
  const named = await variables('/blog/index.php/a%20b?c', '--script', 'www/blog/index.php');
  assert.deepEqual(
    [named.SCRIPT_NAME, named.PATH_INFO, named.PATH_TRANSLATED, named.DOCUMENT_ROOT],
    ['/blog/index.php', '/a b', join(cwd, 'www/a b'), join(cwd, 'www')],
  );
  const alone = await variables('--script', 'cgi-bin/hello.sh');
  assert.deepEqual([alone.SCRIPT_NAME, alone.PATH_INFO, alone.REQUEST_URI], ['/cgi-bin/hello.sh', '', '/cgi-bin/hello.sh']);
  const none = await variables('http://example.org:81?q');
  assert.deepEqual([none.SCRIPT_NAME, none.PATH_INFO, none.QUERY_STRING, none.SERVER_PORT], ['', '/', 'q', '81']);
  assert.equal(none.SCRIPT_FILENAME, undefined);
  const far = spawnSync(process.execPath, [bin, 'wire', 'encode', '--script', '/nowhere/x.php', '--hex'], { cwd, encoding: 'utf8' });
  assert.equal(far.status, 0);
  assert.match(far.stderr, /there is no file \/nowhere\/x\.php here; SCRIPT_FILENAME names it all the same/);
});

test('mistakes', async (t) => {
  const cwd = folder(t, { 'a.sh': hello, empty: '', 'dump.txt': '00000000: 0101 0001 0008 0000  ........\n' });
  mkdirSync(join(cwd, 'sub'));
  const table: [argv: string[], code: number, ...expected: RegExp[]][] = [
    [['wire'], 2, /wire is followed by decode, encode, send$/m],
    [['wire', 'decod', 'x'], 2, /got 'decod'/, /Did you mean cgi-serve wire decode\?/],
    [['wire', '--hex', 'decode'], 2, /wire is followed by decode, encode, send/],
    [['wire', 'decode', 'nothere'], 4, /there is no file nothere/],
    [['wire', 'decode', '01030001'], 4, /there is no file 01030001/, /echo 01030001 \| cgi-serve wire decode/],
    [['wire', 'decode', '01', '03'], 2, /takes one FILE/, /echo 01 03 \| cgi-serve wire decode/],
    [['wire', 'decode', 'sub'], 4, /sub is a directory/],
    [['wire', 'decode', 'empty'], 4, /empty holds no bytes/],
    [['wire', 'decode', '-'], 4, /standard input holds no bytes/],
    [['wire', 'decode', 'dump.txt'], 2, /text that xxd or hexdump made/, /xxd -r/],
    [['wire', 'decode', 'dump.txt', '--hex'], 2, /':' in line 1, column 9 is no hexadecimal digit/, /xxd -p/],
    [['wire', 'decode', '--data', 'x'], 2, /--data is an option of .*, not of cgi-serve wire decode/],
    [['wire', 'encode'], 2, /wire encode needs a URL/],
    [['wire', 'encode', 'a.sh'], 2, /a\.sh is a file/, /cgi-serve wire encode --script a\.sh/],
    [['wire', 'encode', 'x=1'], 2, /URL begins with \//],
    [['wire', 'encode', '/a', '/b'], 2, /takes one URL; what is \/b\?/],
    [['wire', 'encode', '/', '--script', 'sub'], 4, /--script: sub is a directory/],
    [['wire', 'encode', '/', '-e', 'HTTP_COOKIE=x'], 2, /HTTP_COOKIE is a meta-variable/],
    [['wire', 'encode', '/', '--wire', 'http'], 2, /one of fastcgi, scgi, uwsgi/],
  ];
  for (const [argv, code, ...expected] of table) {
    const result = await runCli(argv, { cwd });
    const shown = `cgi-serve ${argv.join(' ')}\n${result.stdout}${result.stderr}`;
    assert.equal(result.code, code, shown);
    assert.equal(result.stdout, '', shown);
    for (const pattern of expected) assert.match(result.stderr, pattern, shown);
  }
  const odd = await runCli(['wire', 'decode'], { input: '01 0' });
  assert.deepEqual([odd.code, odd.stdout], [2, '']);
  assert.match(odd.stderr, /3 hexadecimal digits: two make a byte/);
  for (const command of ['wire', 'wire decode', 'wire encode', 'wire send'])
    assert.match((await runCli([...command.split(' '), '--help'], { cwd })).stdout, /^Usage: cgi-serve wire/m);
});

test('much input: a million bytes are told, more than the limit is refused, a reader may leave', async (t) => {
  const cwd = folder(t);
  const part = writeRecord(recordType.STDIN, 1, Buffer.alloc(24, 0x61));
  writeFileSync(join(cwd, 'much.bin'), Buffer.concat([writeBegin(1, 1, 0), ...Array.from({ length: 2 ** 15 }, () => part)]));
  const told = await runCli(['wire', 'decode', 'much.bin'], { cwd, timeoutMs: 120_000 });
  assert.equal(told.code, 5); // STDIN before PARAMS
  assert.equal(told.stdout.match(/^→ STDIN/gm)!.length, 2 ** 15);
  const left = spawnSync('sh', ['-c', `"$0" "$1" wire decode much.bin | head -n 3`, process.execPath, bin], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual([left.status, left.stderr], [0, '']);
  writeFileSync(join(cwd, 'more.bin'), Buffer.alloc(wireInputBytesMax + 1));
  const more = await runCli(['wire', 'decode', 'more.bin'], { cwd });
  assert.equal(more.code, 4);
  assert.match(more.stderr, /more\.bin has more than 2 MiB\n.*head -c 2M more\.bin \| cgi-serve wire decode/);
});

test('raw bytes do not go to a terminal', (t) => {
  if (process.platform !== 'linux' || !needs(t, 'script')) return;
  const onTerminal = (...args: string[]): string =>
    spawnSync('script', ['-qec', [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' '), '/dev/null'], {
      encoding: 'utf8',
      timeout: 30_000,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, NODE_TEST_CONTEXT: undefined },
    }).stdout;
  const refused = onTerminal('wire', 'encode', '/');
  assert.match(refused, /these bytes are not for a terminal/);
  assert.match(refused, /add --hex, or \| xxd/);
  assert.doesNotMatch(refused, /REQUEST_METHOD/);
  assert.match(onTerminal('wire', 'encode', '/', '--hex'), /^01 01 00 01 00 08 00 00 /);
});
