/** What a report says follows from its figures: sentences, records, pictures and the page, in both languages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../src/failures.js';
import { drawingOf, figuresOf } from '../../src/load/figures.js';
import { reportPage, reportPicture } from '../../src/load/page.js';
import { comparisonAsCsv, comparisonAsJson } from '../../src/load/record.js';
import {
  cpuSentence,
  latencySentence,
  limitSentence,
  omissionSentence,
  processesSentence,
  throughputSentence,
  warnings,
} from '../../src/load/told.js';
import { comparison, curve, measured } from './made.js';

const script = measured('/cgi-bin/a.py');
const app = measured('/app', {
  ...{ gateway: 'wsgi', born: 0, perSecond: { median: 2300, least: 2200, most: 2500 }, programCpu: { userMs: 100, systemMs: 100 } },
  latency: curve(1000, [[50, 1], [90, 2], [99, 3], [99.9, 4]], 5), // biome-ignore format: pairs
});
const two = comparison([script, app]);

const open = comparison(
  [
    measured('/app', {
      latency: curve(1000, [[50, 5], [90, 200], [99, 480], [99.9, 500]], 500), // biome-ignore format: pairs
      fromSent: curve(1000, [[50, 4], [90, 5], [99, 470], [99.9, 500]], 500), // biome-ignore format: pairs
      generatorLate: curve(1000, [[50, 0.1], [99, 0.9]], 2), // biome-ignore format: pairs
    }),
  ],
  { plan: { loop: { kind: 'open', perSecond: 100, connections: 4 }, rounds: 5, sliceMs: 2000, warmUpMs: 1000 } },
);

test('a sentence for each picture', () => {
  assert.deepEqual(throughputSentence(two), {
    en: '/app answered 2,300 requests a second, 23.0 times as many as /cgi-bin/a.py (100).',
    zh: '/app 每秒应答 2,300 个请求，是 /cgi-bin/a.py（100）的 23.0 倍。',
  });
  assert.equal(
    latencySentence(two).en,
    'Half of all requests were answered within 10.0 ms at /cgi-bin/a.py and 1.00 ms at /app; one in a hundred took longer than 40.0 ms at /cgi-bin/a.py and 3.00 ms at /app.',
  );
  assert.match(
    latencySentence(two).zh,
    /^一半的请求在 10\.0 毫秒（\/cgi-bin\/a\.py）、1\.00 毫秒（\/app）之内得到应答；每一百个中有一个超过/,
  );
  assert.equal(
    processesSentence(two).en,
    '1,000 processes were born for 1,000 requests to /cgi-bin/a.py; no process was born for 1,000 requests to /app.',
  );
  assert.equal(
    cpuSentence(two).en,
    'A request cost this much CPU: 5.00 ms for /cgi-bin/a.py (server 1.00, program 4.00); 1.20 ms for /app (server 1.00, program 0.20).',
  );
  assert.equal(omissionSentence(two), undefined, 'a closed loop cannot know');
  assert.equal(limitSentence(two, [50, 99.9, 99.99])?.en, '1,000 answers cannot tell p99.99.');
  assert.equal(limitSentence(two, [50, 99.9]), undefined);
});

test('what cannot be told apart is not ranked; a small difference is a percentage', () => {
  const near = measured('/b', { perSecond: { median: 105, least: 95, most: 120 } });
  assert.match(
    throughputSentence(comparison([script, near])).en,
    /^\/b answered 105 requests a second and .*overlap.* cannot tell which is faster/,
  );
  const more = measured('/b', { perSecond: { median: 130, least: 120, most: 140 } });
  assert.match(throughputSentence(comparison([script, more])).en, /30 % more than \/cgi-bin\/a\.py \(100\)/);
  assert.match(throughputSentence(comparison([script, more])).zh, /比 \/cgi-bin\/a\.py（100）多 30 %/);
  assert.equal(throughputSentence(comparison([script])).en, '/cgi-bin/a.py answered 100 requests a second.');
});

test('few answers: no percentile that they cannot tell', () => {
  const few = comparison([measured('/a', { answered: 15, latency: curve(15, [[50, 1], [90, 2]], 3) })]); // biome-ignore format: pairs
  assert.match(latencySentence(few).en, /within 1\.00 ms; one in ten took longer than 2\.00 ms/);
  const one = comparison([measured('/a', { answered: 1, latency: curve(1, [], 3) })]);
  assert.equal(latencySentence(one).en, 'Half of all requests were answered within 3.00 ms.');
  assert.ok(figuresOf(one).every((figure) => drawingOf(figure, 'en').svg.startsWith('<svg')));
});

test('open loop: the percentile where omission hides most is the one that is told', () => {
  const told = omissionSentence(open)!;
  assert.match(told.en, /90 % of the requests to \/app took at most 5\.00 ms; counted from when they were due, 200 ms/);
  assert.match(told.zh, /90 % 不超过 5\.00 毫秒.*200 毫秒.*协调遗漏/);
  assert.match(latencySentence(open).en, /^Counted from when they were due, half/);
  assert.equal(throughputSentence(open).en, '/app kept up with 100 requests a second.');
  const [same] = open.targets;
  assert.match(omissionSentence({ ...open, targets: [{ ...same!, fromSent: same!.latency }] })!.en, /the figures are the same/);
  const behind = { ...open, targets: [{ ...same!, failed: { unsent: 40 }, perSecond: { median: 30, least: 29, most: 31 } }] };
  assert.match(throughputSentence(behind).en, /^100 requests a second were too many: \/app 30\.0 was all/);
});

test('what must be said: failures, a busy or late generator, an early end', () => {
  const said = (...args: Parameters<typeof comparison>) => warnings(comparison(...args)).map(({ en }) => en);
  assert.deepEqual(said([script]), ['Generator, server and programs share the 2 processors of this machine.']);
  const [some] = said([measured('/a', { failed: { 502: 100, timeout: 1 } })]);
  const shapes = figuresOf(comparison([measured('/a', { failed: { 502: 100, timeout: 1 } }), measured('/b')]))[1]!.shapes('en');
  assert.deepEqual('bars' in shapes && shapes.bars.map(({ label }) => /failed/.exec(label) !== null), [true, false]);
  assert.match(some!, /^\/a: 502 × 100 · timeout × 1: 9\.17 % of its requests failed/);
  const behind = said([measured('/a', { failed: { unsent: 58 } })]);
  assert.deepEqual([behind.length, /^\/a: 58 requests were due and not sent/.test(behind[0]!)], [2, true]);
  const refused = measured('/a', { answered: 0, failed: { 404: 3 }, failure: failure('NOT_FOUND') });
  assert.match(said([refused])[0]!, /^\/a answered no request well and was not measured: 404 × 3\. NOT_FOUND: /);
  assert.match(said([measured('/a', { generatorShare: 0.97 })])[0]!, /used 97 % of a processor/);
  assert.match(said([measured('/a', { generatorLate: curve(100, [[99, 12]], 20) })])[0]!, /was 12\.0 ms late/);
  assert.match(said([script], { interrupted: true }).at(-1)!, /stopped before its end/);
  for (const { en, zh } of warnings(comparison([refused, script]))) assert.ok(en !== zh && /\p{Script=Han}/u.test(zh), zh);
});

test('for a program: known figures, and null for what is not known', () => {
  const json = JSON.parse(JSON.stringify(comparisonAsJson(comparison([{ ...script, programCpu: undefined }, app]))));
  assert.deepEqual([json.ts, json.loop, json.rounds], ['2026-01-02T03:04:05.000Z', { kind: 'closed', users: 4 }, 5]);
  const [first, second] = json.targets;
  assert.deepEqual([first.program_cpu_ms_per_request, first.program_cpu_ms, first.latency_from_sent_ms], [null, null, null]);
  assert.deepEqual([second.server_cpu_ms_per_request, second.program_cpu_ms_per_request, second.processes_born], [1, 0.2, 0]);
  assert.deepEqual(first.latency_ms.points.at(-1), [99.9, 80]);
  assert.equal(json.sentences.throughput, throughputSentence(two).en);
  const openly = JSON.parse(JSON.stringify(comparisonAsJson(open)));
  assert.deepEqual([openly.targets[0].latency_ms.p90, openly.targets[0].latency_from_sent_ms.p90], [200, 5]);
});

test('for a spreadsheet: a line for each round, text stays text', () => {
  const lines = comparisonAsCsv(comparison([measured('=1+1'), measured('/a?b="c",d', { programCpu: undefined })])).split('\n');
  assert.equal(lines.length, 3);
  assert.equal(lines[1], "'=1+1,cgi,1,10,1000,0,100,10,20,40,80,90,1000,1000,4000");
  assert.equal(lines[2], '"/a?b=""c"",d",cgi,1,10,1000,0,100,10,20,40,80,90,1000,1000,');
  for (const line of lines.slice(0, 2)) assert.equal(line.split(',').length, 15);
});

for (const [name, made] of [
  ['closed', two],
  ['open', open],
] as const) {
  test(`the page (${name} loop): whole in one file, both languages, every picture with its sentence and its table`, () => {
    const page = reportPage(made, 'zh');
    assert.match(page, /^<!doctype html>\n<html lang="zh-CN">/);
    assert.match(page, /id="zh" checked/);
    assert.equal(page.includes('id="sent"'), name === 'open', 'the switch for coordinated omission');
    assert.equal(page.includes(' sent"'), name === 'open');
    assert.doesNotMatch(page, /<script|<link(?! rel="icon" href="data:,")|(?:src|href)="(?!data:|#)/);
    assert.doesNotMatch(page.replace(/xmlns="[^"]*"/g, ''), /https?:/);
    assert.ok(page.includes('A &lt;CPU&gt; &amp; more') && !page.includes('<CPU>'));
    for (const lang of ['en', 'zh-CN']) {
      const article = new RegExp(`<article lang="${lang}">(.*?)</article>`, 's').exec(page)![1]!;
      const figures = article.split('<figure>').slice(1);
      assert.equal(figures.length, 4);
      for (const figure of figures) {
        assert.match(figure, /<figcaption><p>[^<]{10,}<\/p>/);
        assert.match(figure, /<svg class="pic" role="img" aria-labelledby="([a-z-]+)-name \1-said"/);
        assert.match(figure, /<title id="[^"]+-name">[^<]+<\/title>\n<desc id="[^"]+-said">[^<]{10,}<\/desc>/);
        assert.match(figure, /<th scope="row">\/app/);
      }
    }
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, 'no id twice');
  });
}

test('every text of a figure is in both languages', () => {
  const han = /\p{Script=Han}/u;
  for (const figure of figuresOf(open)) {
    for (const words of [figure.title, figure.sentence]) assert.ok(!han.test(words.en) && han.test(words.zh), words.en);
    const [en, zh] = [figure.table('en'), figure.table('zh')];
    assert.ok(en.heads.every((head) => !han.test(head)) && zh.heads.some((head) => han.test(head)));
    assert.deepEqual([zh.heads.length, zh.rows.length], [en.heads.length, en.rows.length]);
    for (const row of en.rows) assert.equal(row.length, en.heads.length);
    assert.ok(!han.test(drawingOf(figure, 'en').svg), figure.name);
  }
});

test('the picture: a line ends where its requests can tell no more, and further right the more there are', () => {
  const many = measured('/many', { latency: curve(10_000, [[50, 1], [90, 2], [99, 3], [99.9, 4], [99.99, 5]], 6) }); // biome-ignore format: pairs
  const few = measured('/few', { latency: curve(100, [[50, 1], [90, 2], [99, 3]], 6) }); // biome-ignore format: pairs
  const picture = reportPicture(comparison([many, few]), 'en');
  const [first, second] = [...picture.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  // Four nines fill the axis, two of them half of it.
  assert.ok(Math.abs(second! - 62 - (first! - 62) / 2) < 0.2, `${first} ${second}`);
  for (const tick of ['50 %', '90 %', '99 %', '99.9 %', '99.99 %']) assert.ok(picture.includes(`>${tick}<`), tick);
  assert.equal(picture.includes('>99.999 %<'), false);
  assert.match(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.equal((picture.match(/<svg /g) ?? []).length, (picture.match(/<\/svg>/g) ?? []).length);
});
