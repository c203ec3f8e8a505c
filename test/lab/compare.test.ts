/** A request as it may be changed, the commands that send it again, and what two answers have in common: without a browser. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { curlOf, rerunOf, shellWord } from '../../src/lab/page/request/again.js';
import { conclusionOf, differenceOf, sideOf } from '../../src/lab/page/request/compare.js';
import {
  againOf,
  bodyOf,
  fieldsIn,
  hidden,
  originalOf,
  rerunFrom,
  typedTarget,
  wantedOf,
  waysOf,
} from '../../src/lab/page/request/replay-draft.js';
import { sayIn } from '../../src/lab/page/words.js';
import type { ToldDetail, ToldPlace, ToldRun, ToldRunDetail } from '../../src/lab/told.js';

const streamOf = (bytes: string | Uint8Array, more = 0) => {
  const buffer = Buffer.from(bytes as string);
  const pieces = buffer.length === 0 ? [] : [{ atMs: 0, base64: buffer.toString('base64') }];
  return { bytes: buffer.length + more, pieces, more };
};

const phases = { queue: 0.1, spawn: 1, wait: 20, head: 0.1, body: 0.2, exit: 1 };

interface Told extends Partial<Omit<ToldDetail, 'details' | 'runs' | 'end'>> {
  end?: Partial<NonNullable<ToldDetail['end']>>;
  run?: Partial<ToldRun>;
  detail?: Partial<ToldRunDetail>;
  output?: string | Uint8Array;
}

/** A CGI exchange of 23 ms. */
const told = ({ end, run, detail, output = 'Content-Type: text/plain\n\nhello\n', ...more }: Told = {}): ToldDetail => ({
  ...{ serial: 1, id: 'x-1', at: 0, beganMs: 0, method: 'GET', target: '/cgi-bin/a.sh/x?a=1&b=2', client: '127.0.0.1' },
  ...more,
  runs: [
    {
      ...{ gateway: 'cgi', script: 'a.sh', own: true, pid: 4242, grantedMs: 0 },
      ...{ inputBytes: 0, outputBytes: 0, errorsBytes: 0 },
      ...run,
    },
  ],
  details: [
    {
      ...{ file: '/srv/my scripts/a.sh', program: '/srv/my scripts/a.sh' },
      variables: [
        { name: 'SCRIPT_NAME', value: '/cgi-bin/a.sh' },
        { name: 'SCRIPT_FILENAME', value: '/srv/my scripts/a.sh' },
      ],
      ...{ input: streamOf(''), output: streamOf(output), errors: streamOf('') },
      judged: Buffer.from(output as string)
        .toString('latin1')
        .split('\n\n')[0]!
        .split('\n')
        .map((text) => ({ text, verdict: 'sent' as const, why: '' })),
      headBytes: Buffer.from(output as string).indexOf('\n\n') + 2,
      ...detail,
    },
  ],
  end: {
    ...{ atMs: 23, totalMs: 23, gateway: 'cgi', status: 200, bytesIn: 0, bytesOut: 6, phases, notes: [] },
    ...end,
  },
});

const headOf = (fields: Record<string, string | undefined>): Partial<ToldRunDetail> => ({
  head: {
    ...{ method: 'GET', target: '/', protocol: 'HTTP/1.1', bytes: 0 },
    fields: Object.entries(fields).map(([name, value]) => ({ name, fate: 'variable', ...(value === undefined ? {} : { value }) })),
  },
});

// --- the draft ---------------------------------------------------------------------------------------------------------

test('a request as text: fields in lines, secrets as a sign, nothing that the lab says itself', () => {
  const detail = told({
    target: '/cgi-bin/a.sh?\xc3\xa4',
    detail: headOf({ Host: 'h:1', Cookie: undefined, Accept: '*/*', 'Content-Length': '3', Connection: 'close', 'X-Empty': '' }),
  });
  const original = originalOf(detail);
  assert.equal(original.head, `Host: h:1\nCookie: ${hidden}\nAccept: */*\nX-Empty: `);
  assert.equal(original.target, '/cgi-bin/a.sh?%C3%A4', 'the same bytes');
  assert.deepEqual(fieldsIn(original.head), [
    ['Host', 'h:1'],
    ['Cookie', null],
    ['Accept', '*/*'],
    ['X-Empty', ''],
  ]);
  assert.deepEqual(wantedOf(original, original, '/y'), {
    method: 'GET',
    target: '/y',
    headers: fieldsIn(original.head),
    body: '',
    of: 'x-1',
  });
  assert.equal(fieldsIn('A: b\n\nno colon'), 3);
  assert.equal(fieldsIn(': b'), 1);
  assert.equal(fieldsIn('A b: c'), 1);
  assert.equal(wantedOf({ ...original, head: '?' }, original, '/'), 1);
  assert.equal(typedTarget(' /a b?q=中文&c=%41[] '), '/a%20b?q=%E4%B8%AD%E6%96%87&c=%41[]');
});

test('a body: as it came until somebody writes; then with its line ends; what is no text is not shown', () => {
  const from = (bytes: string | Uint8Array, more = 0) => originalOf(told({ detail: { input: streamOf(bytes, more) } }));
  const send = (original: ReturnType<typeof originalOf>, typed: string | undefined) =>
    Buffer.from(bodyOf({ ...original, typed }, original)).toString('latin1');
  const multipart = from('--x\r\nA: b\r\n\r\nc\r\n--x--\r\n');
  assert.equal(multipart.text, '--x\nA: b\n\nc\n--x--\n');
  assert.equal(send(multipart, undefined), '--x\r\nA: b\r\n\r\nc\r\n--x--\r\n');
  assert.equal(send(multipart, multipart.text), '--x\r\nA: b\r\n\r\nc\r\n--x--\r\n');
  assert.equal(send(multipart, '--x\nB: b\n'), '--x\r\nB: b\r\n');
  assert.equal(send(from('a\nb'), 'ä\n'), 'Ã¤\n');
  for (const binary of [new Uint8Array([0x89, 0x50, 0]), new Uint8Array([0xff]), 'a\rb']) assert.equal(from(binary).text, undefined);
  assert.equal(send(from(new Uint8Array([0xff])), undefined), '\xff');
  assert.equal(from('abc', 7).more, 7);
  // A guard was asked before the program, and without the body.
  const { details, ...rest } = told();
  const guarded = originalOf({ ...rest, details: [details[0]!, { ...details[0]!, input: streamOf('body') }] });
  assert.equal(guarded.text, 'body');
});

test('where else the same program answers: PATH_INFO and query are carried over', () => {
  const at = (path: string, gateway: ToldPlace['gateway'], same: string): ToldPlace => ({ path, gateway, same, program: 'x' });
  const places = [
    at('/cgi-bin/book.py', 'cgi', 'book'),
    at('/book', 'wsgi', 'book'),
    at('/', 'wsgi', 'site'),
    at('/b%20c', 'scgi', 'book'),
  ];
  const targets = (target: string) => waysOf(target, places).map((way) => way.target);
  assert.deepEqual(targets('/cgi-bin/book.py/a%20b?c=d'), ['/cgi-bin/book.py/a%20b?c=d', '/book/a%20b?c=d', '/b%20c/a%20b?c=d']);
  assert.deepEqual(targets('/book?c=/x'), ['/book?c=/x', '/cgi-bin/book.py?c=/x', '/b%20c?c=/x']);
  assert.deepEqual(targets('/%62ook'), ['/%62ook', '/cgi-bin/book.py', '/b%20c'], 'the same path, otherwise escaped');
  assert.deepEqual(targets('/books'), ['/books'], 'the whole site’s, and nobody else’s');
  assert.deepEqual(waysOf('/books', places.slice(0, 2)), []);
  const whole = [at('/', 'wsgi', 'site'), at('/site', 'cgi', 'site')];
  assert.deepEqual(
    waysOf('/site', whole).map((way) => way.target),
    ['/site', '/'],
  );
  assert.deepEqual(
    waysOf('/site?a', whole).map((way) => way.target),
    ['/site?a', '/?a'],
  );
  assert.deepEqual(
    waysOf('/x', whole).map((way) => way.target),
    ['/x', '/site/x'],
  );
});

// --- the commands ------------------------------------------------------------------------------------------------------

const url = 'http://127.0.0.1:8000';
const lines = (detail: ToldDetail, change: Partial<ReturnType<typeof originalOf>> = {}): [string, string | undefined] => {
  const original = originalOf(detail);
  const draft = { ...original, ...change };
  const again = againOf(draft, original)!;
  const rerun = rerunFrom(detail, draft);
  return [curlOf(again, url), rerun && rerunOf(again, rerun)];
};

test('the commands: of a script; with a body and its type; of no script', () => {
  assert.deepEqual(lines(told()), [
    "curl 'http://127.0.0.1:8000/cgi-bin/a.sh/x?a=1&b=2'",
    "cgi-serve run '/srv/my scripts/a.sh' '/x?a=1&b=2'",
  ]);
  const posted = { method: 'PUT', detail: { input: streamOf("it's me\n"), ...headOf({ 'Content-Type': 'text/plain' }) } };
  assert.deepEqual(lines(told(posted)), [
    "curl -X PUT -H 'Content-Type: text/plain' -d 'it'\\''s me\n' 'http://127.0.0.1:8000/cgi-bin/a.sh/x?a=1&b=2'",
    "cgi-serve run '/srv/my scripts/a.sh' '/x?a=1&b=2' -X PUT -H 'Content-Type: text/plain' -d 'it'\\''s me\n'",
  ]);
  const form = { method: 'POST', target: '/cgi-bin/a.sh' };
  const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
  assert.deepEqual(lines(told({ ...form, detail: { input: streamOf('a=1'), ...headOf(type) } })), [
    'curl -d a=1 http://127.0.0.1:8000/cgi-bin/a.sh',
    "cgi-serve run '/srv/my scripts/a.sh' -d a=1",
  ]);
  assert.match(lines(told({ ...form, detail: { input: streamOf('a=1') } }))[0], /^curl -H Content-Type: -d a=1 /, 'it had none');
  assert.match(lines(told(form))[0], /^curl -X POST http/);
  assert.match(lines(told({ method: 'HEAD' }))[0], /^curl -I /);
  assert.equal(lines(told({ run: { own: false } }))[1], undefined);
  // A WSGI application in a process of its own is no script.
  assert.equal(lines(told({ detail: { file: '/book/cgi-bin/book.py' } }))[1], undefined);
  assert.equal(lines(told(), { target: '/elsewhere' })[1], undefined);
  assert.equal(lines(told(), { target: '/cgi-bin/a.sh?中' })[1], "cgi-serve run '/srv/my scripts/a.sh' '?%E4%B8%AD'");
});

test('the commands: an interpreter, an indexed query; brackets and dots, which curl would change', () => {
  const file = '/srv/my scripts/a.sh';
  assert.match(
    lines(told({ detail: { program: `/usr/bin/php-cgi -q ${file}` } }))[1]!,
    /^cgi-serve run --interpreter '\.sh=\/usr\/bin\/php-cgi -q' '/,
  );
  assert.match(lines(told({ detail: { program: `${file} a b` } }))[1]!, /^cgi-serve run --isindex '/);
  assert.match(lines(told(), { target: '/cgi-bin/a.sh?a[]=1' })[0], /^curl -g '/);
  assert.match(lines(told(), { target: '/cgi-bin/../x' })[0], /^curl --path-as-is /);
});

test('the commands: which fields, and bodies that no line can hold', () => {
  const detail = told({ detail: headOf({ Host: 'h', 'User-Agent': 'x', 'Accept-Language': 'zh', Cookie: undefined, 'X-A': '' }) });
  assert.match(lines(detail)[0], /^curl -H 'Accept-Language: zh' -H 'X-A;' '/);
  assert.match(lines(detail)[1]!, / -H 'Accept-Language: zh' -H X-A:$/);
  const changed = originalOf(detail).head.replace('User-Agent: x', 'User-Agent: y');
  assert.match(lines(detail, { head: changed })[0], /^curl -H 'User-Agent: y' -H 'Accept-Language: zh'/, 'what somebody has changed');
  const withBody = (body: string | Uint8Array) => lines(told({ method: 'POST', detail: { input: streamOf(body), ...headOf({}) } }));
  assert.match(withBody('@x')[0], / --data-raw @x /);
  assert.match(withBody('@x')[1]!, / -d @FILE$/);
  assert.match(withBody('-x')[1]!, / -d'?=-x'?$/);
  assert.match(withBody('grüße')[0], / -d 'grüße' /);
  for (const body of ['a\r\n', 'a\tb', new Uint8Array([0]), 'x'.repeat(2_001)]) {
    assert.match(withBody(body)[0], / --data-binary @FILE /);
    assert.match(withBody(body)[1]!, / -d @FILE$/);
  }
});

test('a word for the shell is the word', () => {
  const words = ['', 'a', 'a b', "it's", '$HOME `id` "x" \\', 'a\nb', '~', '*', '=a', '!!', '#', '-x', 'ä', '&', 'a;b'];
  const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`]);
  assert.deepEqual(stdout.toString().split('\0').slice(0, -1), words);
});

// --- the comparison ----------------------------------------------------------------------------------------------------

const kept: Told = { run: { own: false, gateway: 'wsgi', pid: 7 }, end: { totalMs: 1.1, phases: { dial: 0.1, wait: 0.8 } } };

test('the same answer, and what each has cost', () => {
  const sides = [told(), told(kept)].map(sideOf);
  assert.equal(
    conclusionOf(sides, sayIn('en')),
    'Same answer. The first time, as CGI: 23.0 ms, of which 21.0 ms went by from its birth to its first byte. Again, as WSGI: 1.10 ms.',
  );
  assert.match(conclusionOf(sides, sayIn('zh-CN')), /^响应相同。第一次作为 CGI：23\.0 ms，.*再次作为 WSGI：1\.10 ms。$/);
  assert.equal(conclusionOf(sides.slice(0, 1), sayIn('en')), '');
});

test('header fields differ whatever their order and case; Date and Status are not among them', () => {
  const one = told({ output: 'Content-Type: text/plain\nX-A: 1\nDate: now\nStatus: 200 OK\n\nhello' });
  const other = told({ output: 'x-a:  1\nSet-Cookie: a=b\ncontent-type: text/html\nDate: then\n\nhello' });
  const { fields, status, body } = differenceOf(sideOf(one), sideOf(other));
  assert.deepEqual(fields, { gone: ['content-type: text/plain'], come: ['content-type: text/html', 'set-cookie: a=b'] });
  assert.deepEqual([status, body.kind], [false, 'same']);
  assert.match(conclusionOf([one, other].map(sideOf), sayIn('en')), /^The answers differ: header fields\. /);
});

test('bodies: the first line that differs, the first byte of what is no text, and only as far as they are kept', () => {
  const between = (first: string | Uint8Array, other: string | Uint8Array, cut = 0) => {
    const side = (output: string | Uint8Array) => {
      const whole = Buffer.concat([Buffer.from('A: b\n\n'), Buffer.from(output as string)]);
      return sideOf(told({ output: whole, detail: cut === 0 ? {} : { output: streamOf(whole, cut) } }));
    };
    return differenceOf(side(first), side(other)).body;
  };
  assert.deepEqual(between('a\nb\nc', 'a\nb\nc'), { kind: 'same' });
  assert.deepEqual(between('a\nb\nc', 'a\nx\nc'), { kind: 'line', line: 2, first: 'b', other: 'x' });
  assert.deepEqual(between('a\n', 'a\nb'), { kind: 'line', line: 2, first: '', other: 'b' });
  assert.deepEqual(between('a\nb', 'a'), { kind: 'line', line: 2, first: 'b', other: '' });
  assert.deepEqual(between('', 'a'), { kind: 'line', line: 1, first: '', other: 'a' });
  assert.deepEqual(between(new Uint8Array([1, 2, 3]), new Uint8Array([1, 9, 3])), { kind: 'byte', at: 1 });
  assert.deepEqual(between('a\nb', 'a', 10), { kind: 'same' }, 'the rest is not kept');
  assert.deepEqual(between('a\nb', 'c', 10), { kind: 'line', line: 1, first: 'a', other: 'c' });
});

test('a status differs; no program, no words about its output', () => {
  const file: ToldDetail = { ...told(), runs: [], details: [], end: { ...told().end!, gateway: 'static', phases: {} } };
  const sides = [file, file].map(sideOf);
  assert.match(conclusionOf(sides, sayIn('en')), /^Same status; the rest is not kept\. The first time, as static: 23\.0 ms\. /);
  assert.match(conclusionOf([told(), told({ end: { status: 500 } })].map(sideOf), sayIn('en')), /^The answers differ: status\. /);
  const cut = told({ detail: { output: streamOf('A: b\n\nx', 5) } });
  assert.match(conclusionOf([cut, cut].map(sideOf), sayIn('en')), /^Same answer, as far as it is kept\./);
});
