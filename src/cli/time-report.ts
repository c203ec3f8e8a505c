/**
 * How `time` tells what it has measured: a table with bars and one sentence for a person, one object for a program. Nothing
 * stands here that was not measured: a dash in the table, null in the object. What is calibrated says so.
 */
import type { Words } from '../failures.js';
import type { Machine } from '../load/plan.js';
import type { Site } from '../site.js';
import { middleHalf, type Parts, percentiles, sumOf } from '../trace/spread.js';
import { type Tax, taxOf } from '../trace/tax.js';
import { accountRecord, portably } from './account.js';
import { type Empty, emptyParts, type NoEmpty } from './calibrate.js';
import type { Palette } from './color.js';
import { failureAsJson } from './failure-box.js';
import { bytes } from './log.js';
import type { Measured, Sample } from './measure.js';
import { asTyped } from './place.js';
import { inShort } from './scripts.js';
import type { Terminal } from './terminal.js';
import { accountOf, accountTable, emptyColumns, note, scriptColumns, scriptParts, timesTable, widthOf } from './time-table.js';
import { type Lang, padTo, say, visible, words, wrap } from './words.js';

/** Under which a time was measured; without them it says nothing. */
export interface Circumstances {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly requests: number;
  readonly concurrency: number;
  /** A signal came first. */
  readonly interrupted: boolean;
  readonly births: Site['births'];
  readonly machine: Machine;
}

/** A script, and the empty program in its language. */
export interface Timing {
  readonly circumstances: Circumstances;
  readonly file: string;
  readonly target: string;
  readonly script: Measured;
  readonly like: Empty | NoEmpty;
  readonly empty: Measured | undefined;
}

/** Empty programs in many languages. */
export interface CalibrationTable {
  readonly circumstances: Circumstances;
  readonly rows: readonly (Measured & { readonly empty: Empty })[];
}

// --- for a person ---------------------------------------------------------------------------------------------------

export const timingAsText = (timing: Timing, { lang, outPalette: p, stdout, cwd }: Terminal): string[] => {
  const { circumstances, file, target, script, like, empty } = timing;
  const width = widthOf(stdout);
  const shown = visible(asTyped(file, cwd));
  const rows = [{ label: shown.split('/').at(-1)!, parts: middleHalf(script.samples.map(scriptParts)), ...accountOf(script) }];
  if (like.kind === 'empty' && empty?.samples.length) {
    const label = say(words(`empty ${visible(like.name)}`, `空 ${visible(like.name)}`), lang);
    rows.push({ label, parts: middleHalf(empty.samples.map(scriptParts)), ...accountOf(empty) });
  }
  const tax = taxOf(rows[0]!.parts, rows[1]?.parts.wait);
  return [
    `${p.bold(shown)}  ${visible(target)}`,
    p.dim(`${countOf(circumstances, script.samples.length, rows.length > 1, lang)} · ${answersOf(script.samples, lang)}`),
    p.dim(machineOf(circumstances, lang)),
    '',
    ...timesTable(scriptColumns, rows, width, p),
    '',
    ...note(say(meansOf(rows.length > 1 ? like : undefined), lang), width, p),
    '',
    `  ${percentilesOf(script.samples, lang, p)}`,
    '',
    ...accountTable(rows, circumstances.births, width, lang, p),
    '',
    `  ${p.bold(say(sentenceOf(tax, like), lang))}`,
    ...note(say(reckoningOf(tax, like, empty), lang), width, p),
  ];
};

export const calibrationAsText = ({ circumstances, rows }: CalibrationTable, { lang, outPalette: p, stdout }: Terminal): string[] => {
  const width = widthOf(stdout);
  const told = rows
    .filter(({ samples }) => samples.length > 0)
    .map((row) => ({
      label: row.empty.name + (row.empty.isScript ? '*' : ''),
      parts: middleHalf(row.samples.map(emptyParts)),
      ...accountOf(row),
      program: row.empty.program,
    }));
  const failed = rows.filter(({ failure }) => failure !== undefined);
  const languages = told.filter(({ parts }) => parts.startUp !== undefined).sort((a, b) => sumOf(a.parts) - sumOf(b.parts));
  const [cheapest, dearest] = [languages[0], languages.at(-1)];
  return [
    p.bold(say(words('What a process for each request costs here', '在本机，每个请求一个进程要付出多少'), lang)),
    p.dim(countOf(circumstances, Math.max(0, ...rows.map(({ samples }) => samples.length)), true, lang)),
    p.dim(machineOf(circumstances, lang)),
    '',
    ...timesTable(emptyColumns, told, width, p),
    ...failed.map(
      ({ empty, failure }) => `  ${padTo(visible(empty.name), 8)}  ${p.yellow(inShort(failure!, lang))}  ${p.dim(visible(empty.program))}`,
    ),
    '',
    ...note(say(words(legend.en, legend.zh), lang), width, p),
    ...(told.some(({ label }) => label.endsWith('*')) ? note(say(aboutScripts, lang), width, p) : []),
    '',
    ...accountTable(told, circumstances.births, width, lang, p),
    ...(cheapest && dearest && cheapest !== dearest
      ? [
          '',
          ...wrap(say(rangeOf(cheapest.label, sumOf(cheapest.parts), dearest.label, sumOf(dearest.parts)), lang), width - 2).map(
            (line) => `  ${p.bold(line)}`,
          ),
        ]
      : []),
  ];
};

const legend = words(
  [
    'Milliseconds: means of the middle half, which add up. spawn: fork and exec. start-up: exec to first byte, for a program that only',
    'prints a head. run: first byte to the end of output (of `true`, which prints nothing, exec to the end). exit: from there until reaped.',
  ].join(' '),
  '单位毫秒：取中间一半的平均值，各段之和即总和。spawn：fork 与 exec。start-up：从 exec 到首字节，程序只输出首部。run：首字节到输出结束（`true` 不输出任何内容，为 exec 到结束）。exit：此后到进程被回收。',
);

const aboutScripts = words(
  '* is a script itself, which first looks for the interpreter it stands for: two starts in place of one.',
  '* 本身是脚本，先要寻找它所代表的解释器：一次启动变成两次。',
);

const rangeOf = (cheap: string, cheapMs: number, dear: string, dearMs: number): Words =>
  words(
    `A script that does nothing costs from ${short(cheapMs)} ms (${cheap}) to ${short(dearMs)} ms (${dear}), for every request.`,
    `什么都不做的脚本，每个请求也要付出 ${short(cheapMs)} 毫秒（${cheap}）到 ${short(dearMs)} 毫秒（${dear}）。`,
  );

/** `each`: of several programs. */
const countOf = ({ requests, concurrency, interrupted }: Circumstances, completed: number, each: boolean, lang: Lang): string => {
  const many = `${completed} ${completed === 1 ? 'exchange' : 'exchanges'}`;
  const count = interrupted
    ? words(
        `${each ? 'at most ' : ''}${completed} of ${requests} exchanges${each ? ' each' : ''}, then stopped`,
        `${each ? '各至多' : ''} ${requests} 次中的 ${completed} 次，随后停止`.trim(),
      )
    : words(each ? `${many} each` : many, each ? `各 ${completed} 次` : `${completed} 次`);
  const once = concurrency === 1 ? words('one at a time', '逐个进行') : words(`${concurrency} at once`, `同时 ${concurrency} 个`);
  return `${say(count, lang)} · ${say(once, lang)}`;
};

/** `200 × 50` */
const answersOf = (samples: readonly Sample[], lang: Lang): string => {
  const stderrBytes = samples.reduce((sum, sample) => sum + sample.stderrBytes, 0);
  return [
    ...[...statusesOf(samples)].map(([status, count]) => `${status === 0 ? 'NPH' : status} × ${count}`),
    ...(stderrBytes > 0 ? [say(words(`${bytes(stderrBytes)} on stderr`, `stderr 共 ${bytes(stderrBytes)}`), lang)] : []),
  ].join(' · ');
};

const statusesOf = (samples: readonly Sample[]): Map<number, number> => {
  const counts = new Map<number, number>();
  for (const { status } of samples) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
};

/** `Linux 6.1 x64 · 2 × … · Node v20 · born by posix_spawn` */
export const machineOf = ({ machine, births }: Pick<Circumstances, 'machine' | 'births'>, lang: Lang): string => {
  const { system, cpus, cpu, node } = machine;
  const birth = births.by === 'native' ? words('born by posix_spawn', '由 posix_spawn 创建进程') : portably(births.why);
  return [system, `${cpus} × ${cpu}`, `Node ${node}`, say(birth, lang)].join(' · ');
};

const meansOf = (like: Empty | NoEmpty | undefined): Words => {
  const means = words('Milliseconds: means of the middle half, which add up.', '单位毫秒：取中间一半的平均值，各段之和即总和。');
  if (like?.kind !== 'empty') return means;
  const under = like.text?.startsWith('#!') ? words('the same #! line', '同样的 #! 行') : words('the same interpreter', '同样的解释器');
  return words(
    `${means.en} The empty program has ${under.en}, prints a head and ends; it is measured in turn with the script.`,
    `${means.zh}空程序使用${under.zh}，只输出首部便结束；与脚本交替测量。`,
  );
};

const percentilesOf = (samples: readonly Sample[], lang: Lang, p: Palette): string => {
  const { points, maxMs } = percentiles(samples.map((sample) => sumOf(scriptParts(sample))));
  const told = [...points.map(({ percent, ms }) => `p${percent} ${short(ms)}`), `max ${short(maxMs)}`].join(' · ');
  const unit = say(words('ms', '毫秒'), lang);
  if (samples.length >= 100) return `${told} ${unit}`;
  const least = points.length === 2 ? 99 : points.length === 1 ? 90 : 50;
  const cannot = words(
    `${samples.length} ${samples.length === 1 ? 'exchange' : 'exchanges'} cannot tell p${least}`,
    `${samples.length} 次不足以得出 p${least}`,
  );
  return `${told} ${unit}  ${p.dim(say(cannot, lang))}`;
};

/** Always this sentence; «at least» when the interpreter's start could not be calibrated. */
const sentenceOf = ({ ms, ofMs, share }: Tax, like: Empty | NoEmpty): Words => {
  const percent = Math.round(share * 100);
  const least = like.kind === 'unknown';
  return words(
    `of ${short(ofMs)} ms, ${least ? 'at least ' : ''}${short(ms)} ms (${percent} %) is paid again for every request`,
    `${short(ofMs)} 毫秒中，${least ? '至少 ' : ''}${short(ms)} 毫秒（${percent} %）是每个请求都要重新付出的`,
  );
};

const reckoningOf = ({ spawnMs, startUpMs, exitMs, ms, ofMs }: Tax, like: Empty | NoEmpty, empty: Measured | undefined): Words => {
  const measured = words(
    `spawn ${short(spawnMs)} and exit ${short(exitMs)}, as measured`,
    `spawn ${short(spawnMs)} 与 exit ${short(exitMs)} 为实测`,
  );
  const rest = words(`the other ${short(ofMs - ms)} ms are the script's own`, `其余 ${short(ofMs - ms)} 毫秒属于脚本本身`);
  const start = startOf(startUpMs, like, empty);
  return words(`${measured.en}; ${start.en}; ${rest.en}.`, `${measured.zh}；${start.zh}；${rest.zh}。`);
};

const startOf = (startUpMs: number | undefined, like: Empty | NoEmpty, empty: Measured | undefined): Words => {
  if (like.kind === 'compiled') return words('a compiled program has no interpreter to start', '编译后的程序没有解释器需要启动');
  const name = visible(like.name);
  if (like.kind === 'unknown') return words(`what ${name} needs to start is not known and not counted`, `${name} 启动所需时间未知，未计入`);
  if (startUpMs !== undefined)
    return words(`start-up of ${name} ${short(startUpMs)}, as calibrated`, `${name} 启动 ${short(startUpMs)} 为校准值`);
  const why = empty?.failure?.code ?? '';
  return words(
    `an empty ${name} program did not answer (${why}), so its start-up is not counted`,
    `空的 ${name} 程序没有应答（${why}），其启动时间未计入`,
  );
};

/** Three figures are as many as such a measurement has. */
const short = (ms: number): string => ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0);

// --- for a program -------------------------------------------------------------------------------------------------------

export const timingAsJson = ({ circumstances, file, target, script, like, empty }: Timing): object => {
  const parts = middleHalf(script.samples.map(scriptParts));
  const calibrated = empty?.samples.length ? middleHalf(empty.samples.map(emptyParts)) : undefined;
  const { points, maxMs } = percentiles(script.samples.map((sample) => sumOf(scriptParts(sample))));
  const tax = taxOf(parts, calibrated?.startUp);
  const { account } = accountOf(script);
  return {
    script: file,
    url: target,
    ...circumstancesAsJson(circumstances),
    completed: script.samples.length,
    statuses: Object.fromEntries(statusesOf(script.samples)),
    stderr_bytes: script.samples.reduce((sum, sample) => sum + sample.stderrBytes, 0),
    times_ms: { ...inJson(parts), total: inJson({ total: sumOf(parts) }).total },
    percentiles_ms: {
      ...Object.fromEntries([50, 90, 99].map((percent) => [`p${percent}`, points.find((point) => point.percent === percent)?.ms ?? null])),
      max: inJson({ maxMs }).maxMs,
    },
    account: account ? accountRecord(account) : null,
    calibration: like.kind === 'empty' && empty ? emptyAsJson(like, empty) : null,
    tax: { ...inJson({ spawn: tax.spawnMs, start_up: tax.startUpMs, exit: tax.exitMs, total: tax.ms, of: tax.ofMs }), share: tax.share },
    sentence: sentenceOf(tax, like).en,
    failure: null,
  };
};

export const calibrationAsJson = ({ circumstances, rows }: CalibrationTable): object => ({
  ...circumstancesAsJson(circumstances),
  calibrations: rows.map(({ empty, ...measured }) => emptyAsJson(empty, measured)),
});

const circumstancesAsJson = ({ at, requests, concurrency, interrupted, births, machine }: Circumstances): object => ({
  ts: new Date(at).toISOString(),
  machine,
  births: { by: births.by, why: births.why ?? null },
  requests,
  concurrency,
  interrupted,
});

const emptyAsJson = ({ name, program, isScript }: Empty, measured: Measured): object => {
  const { samples, failure } = measured;
  const parts = samples.length > 0 ? middleHalf(samples.map(emptyParts)) : undefined;
  const { account } = accountOf(measured);
  return {
    name,
    program,
    is_script: isScript,
    completed: samples.length,
    times_ms: parts ? inJson({ spawn: parts.spawn, start_up: parts.startUp, run: parts.run, exit: parts.exit, total: sumOf(parts) }) : null,
    account: account ? accountRecord(account) : null,
    failure: failure ? failureAsJson(failure) : null,
  };
};

/** Microseconds are as fine as the clock is worth; never measured is null. */
const inJson = <Name extends string>(parts: Parts<Name>): Record<Name, number | null> =>
  Object.fromEntries(
    Object.entries<number | undefined>(parts).map(([name, ms]) => [name, ms === undefined ? null : Math.round(ms * 1000) / 1000]),
  ) as Record<Name, number | null>;
