/** `GET /status`: which pools, in which spelling. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusAnswer } from '../../src/status/answer.js';
import { attempt } from '../real/command.js';
import { needs } from '../support/needs.js';
import { api, atMs, busy, php } from './pools.js';

const ask = (query: string, { accept = '', pools = [api, php] } = {}) => statusAnswer(pools, new URLSearchParams(query), accept, atMs);

test('the query names the spelling, as php-fpm has it', () => {
  const cases: [query: string, type: RegExp, body: RegExp][] = [
    ['', /^text\/plain/, /^pool: {17}\/api\n/],
    ['full', /^text\/plain/, /\n\*{24}\npid:/],
    ['json', /^application\/json$/, /^\{"pools":\[\{"pool":"\/api"/],
    ['json&full', /^application\/json$/, /"processes":\[\{"pid":4100/],
    ['xml', /^text\/xml/, /^<\?xml version="1\.0" \?>\n<pools>\n<status>\n<pool>\/api</],
    ['openmetrics', /^application\/openmetrics-text; version=1\.0\.0; charset=utf-8$/, /# EOF\n$/],
    ['html', /^text\/html/, /^<!doctype html>/],
    ['uwsgi', /^application\/json$/, /^\{"version":"cgi-serve\/\d/],
    ['whole', /^application\/json$/, /^\{"atMs":1795421088500,"pools":\[\{"where":"\/api"/],
    ['text', /^text\/plain/, /^pool:/],
  ];
  for (const [query, type, body] of cases) {
    const answer = ask(query, { accept: 'text/html' });
    if (query !== '' && query !== 'full') {
      assert.match(answer.type, type, query);
      assert.match(answer.body, body, query);
    }
    const plain = ask(query);
    assert.equal(plain.status, 200);
    assert.match(plain.type, type, query);
    assert.match(plain.body, body, query);
  }
});

test('without a word in the query Accept decides; who takes anything gets text, as from php-fpm', () => {
  const typeFor = (accept: string): string => ask('', { accept }).type.split(';')[0]!;
  assert.equal(typeFor(''), 'text/plain');
  assert.equal(typeFor('*/*'), 'text/plain');
  assert.equal(typeFor('application/json'), 'application/json');
  assert.equal(typeFor('text/html,application/xhtml+xml,*/*;q=0.8'), 'text/html');
  assert.equal(typeFor('text/plain, */*;q=0.1'), 'text/plain');
  const prometheus = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1';
  assert.equal(typeFor(prometheus), 'application/openmetrics-text');
});

test('a pool that is asked for, or the only one, is the object itself', () => {
  assert.equal(JSON.parse(ask('json&pool=.php').body).pool, '.php');
  assert.equal(JSON.parse(ask('json', { pools: [php] }).body).pool, '.php');
  assert.equal(JSON.parse(ask('json').body).pools.length, 2);
  assert.deepEqual(JSON.parse(ask('json', { pools: [] }).body), { pools: [] });
  assert.match(ask('xml&pool=.php').body, /^<\?xml version="1\.0" \?>\n<status>\n<pool>\.php<.*<\/status>\n$/s);
  assert.deepEqual(ask('text').body.match(/^pool: .*/gm), ['pool:                 /api', 'pool:                 .php']);
  assert.deepEqual(JSON.parse(ask('whole&pool=/api').body), JSON.parse(JSON.stringify({ atMs, pools: [api] })));
});

test('a pool that is not there is 404 in every spelling', () => {
  for (const spelling of ['text', 'json', 'xml', 'openmetrics', 'html', 'uwsgi', 'whole']) {
    const answer = ask(`${spelling}&full&pool=/nobody`);
    assert.equal(answer.status, 404, spelling);
    assert.doesNotMatch(answer.body, /app:application/, spelling);
  }
});

test('XML is well-formed', async (t) => {
  if (!needs(t, 'python3')) return;
  const reader = 'import sys, xml.dom.minidom as m; print(len(m.parseString(sys.stdin.buffer.read()).getElementsByTagName("process")))';
  for (const query of ['xml', 'xml&full', 'xml&full&pool=/api', 'xml&pool=/nobody']) {
    const { code, stdout, stderr } = await attempt('python3', ['-c', reader], { input: ask(query).body });
    assert.equal(code, 0, `${query}: ${stderr}`);
    assert.equal(Number(stdout), query.includes('full') ? 4 : 0, query);
  }
});

test('the page: every pool, every worker, nothing that came from outside as HTML', () => {
  const { body } = ask('html');
  assert.match(body, /<html lang="en">/);
  for (const text of [
    '/api',
    'app:application',
    'pid 4242',
    'pid 4100',
    'p99 121ms',
    'queue full 1',
    'memory 12',
    'retried 17',
    'cut short 18',
  ])
    assert.ok(body.includes(text), text);
  assert.ok(body.includes('POST /api/form?x=1&amp;y=&lt;b&gt;&quot;q&quot;'));
  assert.doesNotMatch(body, /<b>"q"|<nonsense>|<script/);
  assert.match(body, /the last was refused: SyntaxError: &lt;nonsense&gt;/);
});

test('the page in Chinese: no English words but names', () => {
  const { body } = ask('html&lang=zh');
  assert.match(body, /<html lang="zh-CN">/);
  assert.equal(ask('html&lang=zh-CN').body, body);
  const shown = body.replace(/<style>.*<\/style>/s, '').replace(/<code>.*?<\/code>|<h2.*?<\/h2>|<[^>]*>/gs, ' ');
  const latin = new Set(shown.match(/[A-Za-z]{2,}/g));
  for (const name of ['wsgi', 'fastcgi', 'pid', 'CPU', 'max', 'ms', 'SyntaxError', 'nonsense', 'lt', 'gt']) latin.delete(name);
  assert.deepEqual([...latin], []);
});

test('the page where nothing is kept', () => {
  assert.match(ask('html', { pools: [] }).body, /No pool of workers is kept here/);
});

test('a user, a path or a label cannot close an element', () => {
  const evil = '"><script>alert(1)</script>';
  const request = { ...busy.request!, target: `/${evil}` };
  const { body } = ask('html', { pools: [{ ...api, where: evil, label: evil, workers: [{ ...busy, request }] }] });
  assert.doesNotMatch(body, /<script/);
});
