/** The lab's pictures as numbers: which rows and bars there are, how time is folded, what was true at a past moment; and its words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lanesOf, scaleOf, tickMs } from '../../src/lab/page/live/lanes.js';
import { asOf, emptyStore, momentsOf, withBatch } from '../../src/lab/page/live/store.js';
import { storyOf, summaryOf } from '../../src/lab/page/request/story.js';
import { allWords, langOf, sayIn } from '../../src/lab/page/words.js';
import type { ToldExchange, ToldRun } from '../../src/lab/told.js';

const phases = { queue: 1, spawn: 2, wait: 3, head: 1, body: 2, exit: 1 };

/** A CGI exchange of 10 ms that began at `ms`; with `run`, of another kind. */
const exchange = (serial: number, ms: number, run: Partial<ToldRun> = {}): ToldExchange => ({
  ...{
    serial,
    id: `x-${serial}`,
    at: 1_700_000_000_000 + ms,
    beganMs: ms,
    method: 'GET',
    target: `/cgi-bin/a.sh?${serial}`,
    client: '127.0.0.1',
  },
  runs: [
    {
      ...{ gateway: 'cgi', script: 'a.sh', own: true, pid: 4000 + serial },
      ...{
        grantedMs: ms + 1,
        openedMs: ms + 3,
        firstByteMs: ms + 6,
        headDoneMs: ms + 7,
        lastByteMs: ms + 9,
        exitedMs: ms + 10,
        overMs: ms + 10,
      },
      ...{ inputBytes: 0, outputBytes: 30, errorsBytes: 0, exitCode: 0 },
      ...run,
    },
  ],
  end: { atMs: ms + 10, totalMs: 10, gateway: 'cgi', status: 200, bytesIn: 0, bytesOut: 5, phases, notes: [] },
});

const worker = { own: false, gateway: 'wsgi', pid: 7, exitedMs: undefined as unknown as number };

test('CGI makes a comb, a worker one row with its requests in it', () => {
  const comb = lanesOf([exchange(1, 0), exchange(2, 100), exchange(3, 200)], 300, 10);
  assert.deepEqual(
    comb.map(({ kind, pid, bars }) => [kind, pid, bars.length]),
    [
      ['own', 4001, 1],
      ['own', 4002, 1],
      ['own', 4003, 1],
    ],
  );
  assert.deepEqual(
    comb[0]!.bars[0]!.segments.map(({ phase, fromMs, toMs }) => [phase, toMs - fromMs]),
    Object.entries(phases),
  );
  const kept = lanesOf([exchange(1, 0, worker), exchange(2, 100, worker)], 300, 10);
  assert.deepEqual(
    kept.map(({ kind, pid, bars }) => [kind, pid, bars.length]),
    [['worker', 7, 2]],
  );
  // It waited for the worker, not in it; and a worker takes no time to leave.
  assert.deepEqual(
    kept[0]!.bars[0]!.segments.map(({ phase }) => phase),
    ['dial', 'wait', 'head', 'body'],
  );
});

test('the newest rows win; what goes on at once in a program without pid has a row each', () => {
  const many = Array.from({ length: 30 }, (_, i) => exchange(i + 1, i * 100));
  assert.deepEqual(
    lanesOf(many, 5_000, 4).map(({ pid }) => pid),
    [4027, 4028, 4029, 4030],
  );
  const dialled = { own: false, gateway: 'fastcgi', pid: undefined as unknown as number };
  assert.equal(lanesOf([exchange(1, 0, dialled), exchange(2, 5, dialled)], 100, 10).length, 2);
  assert.equal(lanesOf([exchange(1, 0, dialled), exchange(2, 50, dialled)], 100, 10).length, 1);
});

test('what runs ends now', () => {
  const { end: _, ...running } = exchange(1, 0, {
    lastByteMs: undefined as unknown as number,
    exitedMs: undefined as unknown as number,
    overMs: undefined as unknown as number,
  });
  const [lane] = lanesOf([running], 500, 10);
  assert.deepEqual([lane!.bars[0]!.running, lane!.bars[0]!.toMs, lane!.bars[0]!.segments.at(-1)!.phase], [true, 500, 'body']);
});

test('time in which nothing lives is folded, the rest is to scale', () => {
  const bars = lanesOf([exchange(1, 0), exchange(2, 5_000), exchange(3, 5_011)], 6_000, 10).flatMap((lane) => lane.bars);
  const scale = scaleOf(bars, 1_000, 40);
  assert.deepEqual(
    scale.folds.map(({ ms }) => ms),
    [4_990],
    'a gap of 1 ms between neighbours is none',
  );
  assert.equal(scale.x(10) - scale.x(0), scale.x(5_010) - scale.x(5_000));
  assert.ok(Math.abs(scale.x(5_021) - 1_000) < 1e-6, 'the whole width');
  assert.equal(scale.x(2_500), scale.x(10), 'a moment in a fold is where the fold begins');
  const wide = scaleOf(
    lanesOf(
      Array.from({ length: 9 }, (_, i) => exchange(i, i * 1_000)),
      9_000,
      10,
    ).flatMap((lane) => lane.bars),
    270,
    14,
  );
  assert.ok(wide.folds.length * 14 <= 270 / 3 + 14);
  assert.deepEqual([tickMs(10, 64), tickMs(1, 64), tickMs(0.3, 64)], [10, 100, 500]);
});

test('a past moment is the present without what came later; steps go through all that happened', () => {
  const one = exchange(1, 100);
  assert.equal(asOf(one, 99), undefined);
  assert.deepEqual(asOf(one, 100.5)?.runs, []);
  const born = asOf(one, 103)!;
  assert.deepEqual([born.end, born.runs[0]?.openedMs, born.runs[0]?.firstByteMs], [undefined, 103, undefined]);
  assert.equal(asOf(one, 110), one);
  assert.deepEqual(
    momentsOf([one]).map(({ mark }) => mark),
    ['began', 'grantedMs', 'openedMs', 'firstByteMs', 'headDoneMs', 'lastByteMs', 'exitedMs', 'ended'],
  );
});

test('a batch replaces what was known; the store is bounded', () => {
  const begun = withBatch(emptyStore, { nowMs: 0, skipped: 0, exchanges: [exchange(2, 100), exchange(1, 0)] }, 3);
  assert.deepEqual(
    begun.exchanges.map(({ serial }) => serial),
    [1, 2],
  );
  const later = withBatch(
    begun,
    { nowMs: 0, skipped: 7, exchanges: [exchange(3, 0), { ...exchange(2, 100), target: '/new' }, exchange(4, 0)] },
    3,
  );
  assert.deepEqual(
    later.exchanges.map(({ serial, target }) => [serial, target.slice(0, 4)]),
    [
      [2, '/new'],
      [3, '/cgi'],
      [4, '/cgi'],
    ],
  );
  assert.equal(later.skipped, 7);
});

test('the story: the same sentences in both languages, from what was recorded', () => {
  const stream = { bytes: 0, pieces: [], more: 0 };
  const details = [
    { file: '/a.sh', program: '/a.sh', variables: [], input: stream, output: stream, errors: stream, judged: [], headBytes: 25 },
  ];
  const told = storyOf({ ...exchange(1, 0), details }, sayIn('en'));
  assert.match(
    told.join('\n'),
    /started process 4001: \/a\.sh\. Until exec had succeeded, 2\.00 ms went by\.\n[\s\S]*It ended with 0; 1\.00 ms after its last byte/,
  );
  assert.equal(storyOf({ ...exchange(1, 0), details }, sayIn('zh-CN')).length, told.length);
  assert.match(storyOf({ ...exchange(1, 0, worker), details }, sayIn('en')).join('\n'), /Worker 7 runs already[\s\S]*The program stays/);
});

test('one sentence says what the lanes show', () => {
  const of = (...exchanges: ToldExchange[]) => summaryOf(lanesOf(exchanges, 9_000, 10), sayIn('en'));
  assert.equal(of(), '');
  assert.match(of(exchange(1, 0)), /^One request, one process\. Of its 10\.0 ms, 3\.00 ms \(30 %\) went into being born and leaving\.$/);
  assert.match(of(exchange(1, 0), exchange(2, 100)), /^2 requests, 2 processes\. Of 10\.0 ms on average, 3\.00 ms \(30 %\)/);
  assert.match(of(exchange(1, 0, worker), exchange(2, 100, worker)), /^Programs that stay: 1\. 2 requests, and no process was born/);
  assert.match(of(exchange(1, 0), exchange(2, 100, worker)), /^2 requests\. With a process of its own: 1; the others/);
});

test('every word of the page is there in both languages, with the same holes', () => {
  const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [name, [en, zh]] of Object.entries(allWords)) {
    assert.ok(en.length > 0 && zh.length > 0, name);
    assert.deepEqual(holes(zh), holes(en), name);
    const isName = en === zh && /^(HTTP_\*|RFC 3875|#|pid|HAR|NDJSON|cgi-serve|fork \+ exec|\/?\w*\?name=value)$/.test(en);
    const isSign = !/[a-z]/i.test(zh.replace(/\{\w+\}/g, ''));
    assert.ok(isName || isSign || name === 'language' || /[\u4e00-\u9fff]/.test(zh), `${name}: ${zh}`);
    assert.ok(name === 'language' || !/[\u4e00-\u9fff]/.test(en), `${name}: ${en}`);
  }
  assert.deepEqual(['zh', 'zh-CN', 'ZH-tw', 'en-GB', 'fr', ''].map(langOf), ['zh-CN', 'zh-CN', 'zh-CN', 'en', 'en', 'en']);
});
