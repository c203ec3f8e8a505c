/**
 * The pages we make ourselves: every failure in every form and language, nothing a stranger wrote taken for markup, and nothing
 * told to strangers that is not theirs to know.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Evidence, type FailureCode, failure, failureTable } from '../../src/failures.js';
import { htmlEscape, htmlProse } from '../../src/http/html.js';
import { preferredLanguage, preferredType } from '../../src/http/negotiate.js';
import { type FailureAsk, failurePage, pageHeaders, startPage } from '../../src/http/page.js';
import { hexLines, shellWord, signsOf, visibleText } from '../../src/http/visible.js';
import { exitMeaning, wordsIn } from '../../src/http/words.js';
import { scriptsListedMax } from '../../src/limits.js';
import type { ScriptReport } from '../../src/route/list.js';

const codes = Object.keys(failureTable) as FailureCode[];
const forms = { html: 'text/html', text: 'text/plain', json: 'application/json' } as const;

const ask = (more: Partial<FailureAsk> = {}): FailureAsk => ({
  accept: undefined,
  acceptLanguage: undefined,
  path: '/cgi-bin/a.py',
  id: '1f-3a',
  details: true,
  ...more,
});

/** Everything that can be known, and every piece of it hostile. */
const hostile: Evidence = {
  file: '/srv/<b>&"\'/a.py',
  detail: '<script>alert(1)</script>',
  output: Buffer.from('<img src=x onerror=alert(2)>\r\n\0\x1b[2J\u202e\xff'),
  offset: 4,
  outputBytes: 5000,
  stderr: 'KeyError: </pre><script>alert(3)</script>\x1b[31m\n',
  exitCode: 1,
  pid: 4242,
  afterMs: 34.5,
};

/** Well-formed enough: every element is closed in its order, and no element stands there that we do not write. */
const assertWellFormed = (html: string): void => {
  const open: string[] = [];
  for (const [, slash, name = ''] of html.replace(/<style>.*?<\/style>|<!doctype html>/gs, '').matchAll(/<(\/?)([a-zA-Z][\w-]*)[^<>]*>/g)) {
    assert.match(
      name,
      /^(html|head|meta|title|link|body|header|main|footer|section|div|p|b|i|h[123]|ul|ol|li|dl|dt|dd|pre|code|span|mark|details|summary|a)$/,
    );
    if (slash === '/') assert.equal(open.pop(), name, `</${name}> closes the element opened last`);
    else if (!/^(meta|link)$/.test(name)) open.push(name);
  }
  assert.deepEqual(open, [], 'all closed');
  assert.doesNotMatch(html, /undefined|\[object|NaN/);
};

describe('every row of the failure table', () => {
  for (const acceptLanguage of ['en', 'zh-CN']) {
    for (const [form, accept] of Object.entries(forms)) {
      test(`as ${form} in ${acceptLanguage}`, () => {
        for (const code of codes) {
          for (const evidence of [{}, hostile, { output: Buffer.alloc(0) }, { signal: 'SIGSEGV', exitCode: null, file: '/a' }]) {
            const row = failureTable[code];
            const page = failurePage(failure(code, evidence), ask({ accept, acceptLanguage, rerun: "cgi-serve run '<x>'" }));
            const zh = acceptLanguage === 'zh-CN';
            const what = zh ? row.what.zh : row.what.en;
            assert.equal(page.language, acceptLanguage);
            assert.ok(page.type.startsWith(accept), page.type);
            if (form === 'html') {
              assertWellFormed(page.body);
              assert.ok(page.body.includes(`<h1>${htmlProse(what)}</h1>`), code);
              assert.ok(page.body.includes(`lang="${acceptLanguage}"`));
              assert.ok(page.body.includes(code));
              assert.ok(page.body.includes('cgi-serve run &#39;&lt;x&gt;&#39;'));
            } else if (form === 'text') {
              assert.ok(page.body.includes(what), code);
              assert.ok(page.body.includes(zh ? '如何解决' : 'How to mend it'));
              assert.doesNotMatch(page.body, /[\x00-\x09\x0b-\x1f\x7f]|undefined/);
            } else {
              const told = JSON.parse(page.body);
              assert.deepEqual([told.code, told.status, told.what, told.rule, told.id], [code, row.status, what, row.rule, '1f-3a']);
              assert.equal(typeof told.mend, 'string');
              assert.equal(typeof told.evidence, 'object');
            }
          }
        }
      });
    }
  }
});

test('the page says what happened, why we think so and how to mend it', () => {
  const output = Buffer.from('Hello\nContent-Type: text/plain\n\nworld\n');
  const evidence = {
    file: '/srv/a.py',
    detail: 'line 1: Hello',
    output,
    offset: 0,
    outputBytes: 1234,
    stderr: 'KeyError: 1\n',
    exitCode: 127,
    pid: 4242,
    afterMs: 2340,
  };
  const { body } = failurePage(failure('REPLY_NOT_A_HEADER', evidence), ask({ rerun: 'cgi-serve run /srv/a.py' }));
  for (const part of [
    '502 Bad Gateway',
    '<mark title="refused here">H</mark>ello',
    'The first 38 of 1,234 bytes it printed',
    'The marked byte, 0x48 at offset 0, was refused.',
    'with exit code 127: by convention, a command in it was not found',
    '2.34 s',
    'KeyError: 1',
    '4242',
    'How to mend it',
    '<code>Name: value</code>',
    'cgi-serve run /srv/a.py',
    'https://www.rfc-editor.org/rfc/rfc3875#section-6.3',
    'The fault lies with the script.',
    '48 65 6c 6c 6f 0a',
  ])
    assert.ok(body.includes(part), part);
});

test('the commands of a remedy name the file, quoted for a shell', () => {
  const mend = (code: FailureCode, acceptLanguage: string) =>
    JSON.parse(failurePage(failure(code, { file: "/srv/it's/a b.sh" }), ask({ accept: 'application/json', acceptLanguage })).body).mend;
  assert.ok(mend('SHEBANG_CRLF', 'en').includes("sed -i 's/\\r$//' '/srv/it'\\''s/a b.sh'`"));
  assert.ok(mend('SHEBANG_CRLF', 'zh').includes("sed -i 's/\\r$//' '/srv/it'\\''s/a b.sh'`"));
  assert.ok(mend('NOT_EXECUTABLE', 'en').startsWith("`chmod +x '/srv/it'\\''s/a b.sh'`, or"));
  assert.ok(mend('NOT_EXECUTABLE', 'zh').includes("`chmod +x '/srv/it'\\''s/a b.sh'`"));
});

test('a byte that is missing is marked where the output ends; one that was not kept is not', () => {
  const output = Buffer.from('Content-Type: text/plain\n');
  const page = (outputBytes: number, accept?: string) =>
    failurePage(failure('REPLY_NO_BLANK_LINE', { output, offset: output.length, outputBytes }), ask({ accept })).body;
  assert.ok(page(output.length).includes('<mark title="refused here">end of output</mark>'));
  assert.ok(page(output.length, 'text/plain').includes('»end of output«'));
  assert.ok(!page(output.length + 1).includes('<mark'));
});

test('a program that printed nothing is told from one that never ran', () => {
  const text = (evidence: Evidence) => failurePage(failure('REPLY_EMPTY', evidence), ask({ accept: 'text/plain' })).body;
  assert.ok(text({ output: Buffer.alloc(0), pid: 1, afterMs: 3 }).includes('It printed nothing to stdout.'));
  assert.doesNotMatch(text({ output: Buffer.alloc(0), outputBytes: 0, afterMs: 3, detail: 'ENOENT' }), /printed nothing|After/);
});

test('nothing a stranger wrote is markup', () => {
  for (const path of ['/"><script>alert(4)</script>', "/'onmouseover=alert(5)", '/&lt;', '/\u202ehtap']) {
    const { body } = failurePage(failure('REPLY_BAD_NAME', hostile), ask({ path, id: '<i>', rerun: '</code><script>' }));
    assertWellFormed(body);
    assert.doesNotMatch(body, /<script|<img|<\/pre><script/i);
    assert.doesNotMatch(body, /[\x00-\x09\x0b-\x1f\x7f\u202e]/, 'nothing acts on the terminal or turns the text round');
  }
});

test('strangers learn what happened, the status, the code and the id, and nothing else', () => {
  for (const code of codes) {
    const secretive = ask({ details: false, rerun: 'cgi-serve run /srv', path: '/secret' });
    const pages = Object.values(forms).map((accept) => failurePage(failure(code, hostile), { ...secretive, accept }).body);
    for (const body of pages) assert.doesNotMatch(body, /srv|KeyError|alert|4242|secret|How to mend|RFC \d|cgi-serve run/, code);
    assert.deepEqual(JSON.parse(pages[2] ?? ''), {
      code,
      status: failureTable[code].status,
      what: failureTable[code].what.en,
      id: '1f-3a',
    });
  }
});

test('nothing is loaded from anywhere and no script runs; the headers that go with a page insist on it', () => {
  const { body } = failurePage(failure('REPLY_CRASHED', hostile), ask());
  assert.doesNotMatch(body, /<[^>]*\s(src|on\w+|style)=|@import|url\(/);
  assert.equal(pageHeaders.length % 2, 0);
  assert.match(pageHeaders[pageHeaders.indexOf('Content-Security-Policy') + 1] ?? '', /default-src 'none'/);
});

test('output in JSON can be read, and is exact', () => {
  const { body } = failurePage(
    failure('REPLY_BAD_VALUE', { output: Buffer.from([0x41, 0xff]), offset: 1 }),
    ask({ accept: 'application/json' }),
  );
  const { evidence } = JSON.parse(body);
  assert.equal(evidence.output, 'A\ufffd');
  assert.deepEqual([...Buffer.from(evidence.outputBase64, 'base64')], [0x41, 0xff]);
  assert.equal(evidence.offset, 1);
});

test('the form follows Accept (RFC 9110 §12.5.1)', () => {
  const rows: [accept: string | undefined, type: string][] = [
    [undefined, 'text/html'],
    ['', 'text/html'],
    ['*/*', 'text/html'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', 'text/html'],
    ['image/avif,image/webp,*/*;q=0.8', 'text/html'],
    ['application/json', 'application/json'],
    ['APPLICATION/JSON; charset=utf-8', 'application/json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['text/plain', 'text/plain'],
    ['text/*', 'text/html'],
    ['text/*, text/html;q=0.1', 'text/plain'],
    ['text/html;q=0.5, text/plain;q=0.6, application/json;q=0.55', 'text/plain'],
    ['text/html;q=0, */*', 'application/json'],
    ['text/html ; q=0.4 , application/json ; q=0.5', 'application/json'],
    ['application/*', 'application/json'],
    ['image/png', 'text/html'],
    ['*/*;q=0', 'text/html'],
    ['application/json;q=nonsense, text/plain;q=0.1', 'text/plain'],
    ['application/json;q=1.5, text/plain;q=0.1', 'text/plain'],
    [',,;;q=,text/plain,', 'text/plain'],
  ];
  for (const [accept, type] of rows) assert.equal(preferredType(accept), type, `Accept: ${accept}`);
});

test('the language follows Accept-Language (RFC 9110 §12.5.4)', () => {
  const rows: [acceptLanguage: string | undefined, language: string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['en-GB,en;q=0.9', 'en'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-CN'],
    ['zh-TW', 'zh-CN'],
    ['ZH-hans-cn', 'zh-CN'],
    ['en,zh', 'en'],
    ['zh,en', 'zh-CN'],
    ['de, zh;q=0.3', 'zh-CN'],
    ['de, zh;q=0.3, en;q=0.4', 'en'],
    ['zh;q=0', 'en'],
    ['zh;q=0.1, *', 'en'],
    ['zha', 'en'],
    ['zh;q=0.5, en;q=0.4, en-US;q=0.9', 'en'],
  ];
  for (const [acceptLanguage, language] of rows)
    assert.equal(preferredLanguage(acceptLanguage), language, `Accept-Language: ${acceptLanguage}`);
});

test('a header of many thousand ranges takes no time worth naming', () => {
  assert.equal(preferredType(`${'a/b;q=0.1,'.repeat(3000)}text/plain`), 'text/plain');
  assert.equal(preferredLanguage(`${'de;q=0.1,'.repeat(3000)}zh`), 'zh-CN');
});

test('bytes are shown so that none vanishes', () => {
  const shown = (bytes: Buffer) => signsOf(bytes).map(({ text }) => text);
  assert.deepEqual(shown(Buffer.from('aé晴😀\ufffd')), ['a', 'é', '晴', '😀', '\ufffd']);
  assert.deepEqual(shown(Buffer.from('\0\t\r\n\x1b\x7f')), ['\\0', '\\t', '\\r', '\\n', '\\x1b', '\\x7f']);
  assert.deepEqual(shown(Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xe6, 0x99])), [
    '\\xff',
    '\\xc0',
    '\\x80',
    '\\xed',
    '\\xa0',
    '\\x80',
    '\\xe6',
    '\\x99',
  ]);
  assert.deepEqual(shown(Buffer.from([0xf0, 0x9f, 0x98, 0x41])), ['\\xf0', '\\x9f', '\\x98', 'A']);
  assert.deepEqual(shown(Buffer.from('\ufeff\u202e\u200b')), ['\\u{feff}', '\\u{202e}', '\\u{200b}']);
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const signs = signsOf(all);
  assert.deepEqual(
    signs.map(({ start }) => start),
    [0, ...signs.slice(0, -1).map(({ end }) => end)],
    'each sign begins where the one before ended',
  );
  assert.equal(signs.at(-1)?.end, 256);
  assert.equal(visibleText('a\r\nb\tc\x1b[0m\u202e'), 'a\nb\tc\\x1b[0m\\u{202e}');
  assert.equal(hexLines(Buffer.from('Hello, world! 1234')).split('\n')[1], `0010  33 34${' '.repeat(44)}34`);
});

test('exit codes and shell words', () => {
  const english = wordsIn('en');
  assert.match(exitMeaning(0, english), /succeeded/);
  assert.match(exitMeaning(1, english), /failed/);
  assert.match(exitMeaning(126, english), /could not be run/);
  assert.match(exitMeaning(139, english), /signal 11/);
  assert.match(exitMeaning(255, english), /failed/);
  assert.equal(shellWord('/a/b.py'), '/a/b.py');
  assert.equal(shellWord("a'b c"), "'a'\\''b c'");
  assert.equal(htmlEscape(`<a href="x" title='y'>&</a>`), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;');
});

test('the two languages have the same words, and Chinese ones are Chinese', () => {
  const leaves = (words: object, path = ''): [string, unknown][] =>
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === 'object' ? leaves(value, `${path}${key}.`) : [[path + key, value] as [string, unknown]],
    );
  const [en, zh] = [leaves(wordsIn('en')), leaves(wordsIn('zh-CN'))];
  assert.deepEqual(zh.map(([key]) => key).sort(), en.map(([key]) => key).sort());
  for (const [key, value] of zh) if (typeof value === 'string') assert.match(value, /[\u4e00-\u9fff]/, key);
  for (const code of codes) {
    assert.match(failureTable[code].what.zh, /[\u4e00-\u9fff]/, code);
    assert.match(failureTable[code].mend.zh, /[\u4e00-\u9fff]/, code);
    for (const words of [failureTable[code].what, failureTable[code].mend]) {
      for (const text of [words.en, words.zh]) assert.equal(text.split('`').length % 2, 1, `${code}: back-ticks come in pairs`);
    }
  }
});

// --- the start page -----------------------------------------------------------------------------------------

const script = (path: string, more: Partial<ScriptReport> = {}): ScriptReport => ({
  path,
  file: `/srv/cgi-bin/${path}`,
  url: `/cgi-bin/${encodeURIComponent(path)}`,
  failure: undefined,
  runBy: 'python3 (#!/usr/bin/env python3)',
  title: undefined,
  writableByOthers: false,
  ...more,
});

const start = (listing: ScriptReport[], more: Partial<Parameters<typeof startPage>[1]> = {}): string => {
  const html = startPage(listing, { acceptLanguage: undefined, prefix: '/cgi-bin/', details: true, version: '1.2.3', ...more });
  assertWellFormed(html);
  return html;
};

test('the start page links every script that runs, with what runs it and its title', () => {
  const html = start([script('a.py', { title: 'Says <hello>' }), script('日历.py')]);
  assert.ok(html.includes('<a class="mono" href="/cgi-bin/a.py">a.py</a>'));
  assert.ok(html.includes('python3 (#!/usr/bin/env python3)'));
  assert.ok(html.includes('Says &lt;hello&gt;'));
  assert.ok(html.includes(`href="/cgi-bin/${encodeURIComponent('日历.py')}"`));
  assert.ok(html.includes('2 scripts.') && html.includes('1.2.3'));
  assert.doesNotMatch(html, /would not run/);
});

test('the start page tells the one who runs the server what would fail, why and how to mend it, and nobody else', () => {
  const listing = [
    script('ok.py', { writableByOthers: true }),
    script('crlf.sh', { failure: failure('SHEBANG_CRLF', { detail: 'first bytes: 23 21' }), runBy: '' }),
    script('a.txt', { failure: failure('NOT_EXECUTABLE'), runBy: '' }),
    script('b.txt', { failure: failure('NOT_EXECUTABLE'), runBy: '' }),
  ];
  const html = start(listing);
  for (const part of ['crlf.sh', 'first bytes: 23 21', 'carriage return', 'a.txt', 'b.txt', 'chmod o-w /srv/cgi-bin/ok.py']) {
    assert.ok(html.includes(part), part);
  }
  assert.equal(html.split(htmlProse(failureTable.NOT_EXECUTABLE.what.en)).length - 1, 1, 'one remedy for forty files');
  const strangers = start(listing, { details: false });
  assert.ok(strangers.includes('ok.py') && strangers.includes('python3'));
  assert.doesNotMatch(strangers, /crlf|txt|#!|\/srv|chmod/);
});

test('the start page without scripts tells how to write the first one', () => {
  const html = start([]);
  assert.ok(html.includes('There is no script here yet.'));
  assert.ok(html.includes('chmod +x hello.cgi') && html.includes('#!/bin/sh') && html.includes('href="/cgi-bin/hello.cgi"'));
  assert.ok(start([], { prefix: '/' }).includes('href="/hello.cgi"'));
  assert.ok(start([], { acceptLanguage: 'zh-CN' }).includes('一分钟写出第一个脚本'));
  assert.doesNotMatch(start([], { details: false }), /chmod/);
  assert.ok(start([script('x', { failure: failure('SCRIPT_EMPTY'), runBy: '' })]).includes('Nothing here runs yet.'));
});

test('the start page speaks Chinese, escapes hostile names, and says when it is cut', () => {
  const html = start([script('"><script>.py', { title: '\u202e<img>' })], { acceptLanguage: 'zh', prefix: '/<b>/' });
  assert.ok(html.includes('lang="zh-CN"') && html.includes('下的脚本'));
  assert.doesNotMatch(html, /<img|<b>\/|\u202e/);
  const many = start(Array.from({ length: scriptsListedMax }, (_, index) => script(`s${index}.py`)));
  assert.ok(many.includes(`Only the first ${scriptsListedMax} files are listed.`));
});
