/**
 * A comparison in sentences, one for each picture, and what must be said with it so that nobody takes it for more than it is. In the
 * program's two languages. Pure.
 */
import { explain, type Words } from '../failures.js';
import { atPercent, tells } from './latencies.js';
import { type Comparison, type Cpu, type Curve, failsAltogether, failuresOf, type Measured, type Plan, sentOf } from './plan.js';

/** Three figures are as many as such a measurement has. */
export const short = (value: number): string => (value < 99.95 ? value.toFixed(value < 9.995 ? 2 : 1) : grouped(value));

export const grouped = (value: number): string => Math.round(value).toLocaleString('en-US');

/** For each request, in milliseconds; undefined where nothing was answered or nothing is known. */
export const cpuPerRequest = (cpu: Cpu | undefined, measured: Measured): number | undefined => {
  const requests = sentOf(measured);
  return cpu === undefined || requests === 0 || measured.slices.length === 0 ? undefined : (cpu.userMs + cpu.systemMs) / requests;
};

/** Those of which there is something to say. */
export const answering = ({ targets }: Comparison): Measured[] =>
  targets.filter(({ answered, slices }) => answered > 0 && slices.length > 0);

// --- a sentence for each picture ------------------------------------------------------------------------------------------

export const latencySentence = (comparison: Comparison): Words => {
  const measured = answering(comparison);
  const curves = measured.map(({ latency }) => latency);
  const tail = [99, 90].find((percent) => curves.every((curve) => atPercent(curve, percent) !== undefined));
  const half = each(measured, ({ latency }) => atPercent(latency, 50) ?? latency.maxMs);
  const rest = tail === undefined ? undefined : each(measured, ({ latency }) => atPercent(latency, tail));
  const isOpen = comparison.plan.loop.kind === 'open';
  if (measured.length === 0) return nothing;
  return {
    en: `${isOpen ? 'Counted from when they were due, half' : 'Half'} of all requests were answered within ${half.en}${
      rest ? `; one in ${tail === 99 ? 'a hundred' : 'ten'} took longer than ${rest.en}` : ''
    }.`,
    zh: `${isOpen ? '从应当发出的时刻算起，' : ''}一半的请求在 ${half.zh}之内得到应答${
      rest ? `；每${tail === 99 ? '一百' : '十'}个中有一个超过 ${rest.zh}` : ''
    }。`,
  };
};

export const throughputSentence = (comparison: Comparison): Words => {
  const { loop } = comparison.plan;
  const ranked = [...answering(comparison)].sort((a, b) => b.perSecond.median - a.perSecond.median);
  const [most, least] = [ranked[0], ranked.at(-1)];
  if (most === undefined || least === undefined) return nothing;
  if (loop.kind === 'open') return keptUp(ranked, loop.perSecond);
  const [many, few] = [most, least].map(({ perSecond }) => short(perSecond.median));
  if (most === least)
    return { en: `${most.target.name} answered ${many} requests a second.`, zh: `${most.target.name} 每秒应答 ${many} 个请求。` };
  if (most.perSecond.least <= least.perSecond.most) {
    return {
      en: `${most.target.name} answered ${many} requests a second and ${least.target.name} ${few}; their rounds overlap, so this run cannot tell which is faster.`,
      zh: `${most.target.name} 每秒应答 ${many} 个请求，${least.target.name} 为 ${few} 个；各轮的范围相互重叠，因此这次测量无法判断哪个更快。`,
    };
  }
  const times = most.perSecond.median / least.perSecond.median;
  const percent = Math.round((times - 1) * 100);
  return {
    en: `${most.target.name} answered ${many} requests a second, ${times < 2 ? `${percent} % more than` : `${short(times)} times as many as`} ${least.target.name} (${few}).`,
    zh: `${most.target.name} 每秒应答 ${many} 个请求，${times < 2 ? `比 ${least.target.name}（${few}）多 ${percent} %` : `是 ${least.target.name}（${few}）的 ${short(times)} 倍`}。`,
  };
};

const keptUp = (ranked: readonly Measured[], perSecond: number): Words => {
  const behind = ranked.filter((measured) => fellBehind(measured, perSecond));
  if (behind.length === 0) {
    return {
      en: `${joined(ranked.map(({ target }) => target.name)).en} kept up with ${short(perSecond)} requests a second.`,
      zh: `${joined(ranked.map(({ target }) => target.name)).zh} 跟上了每秒 ${short(perSecond)} 个请求。`,
    };
  }
  const rates = joined(behind.map((measured) => `${measured.target.name} ${short(measured.perSecond.median)}`));
  return {
    en: `${short(perSecond)} requests a second were too many: ${rates.en} was all that was answered, and the longer such a run lasts the longer its latencies are.`,
    zh: `每秒 ${short(perSecond)} 个请求太多了：${rates.zh} 便是所应答的全部；这样的测量持续得越久，延迟就越长。`,
  };
};

/** Requests were never sent, or no round was done in its time: one stall at the end of a round is no such thing. */
const fellBehind = ({ failed, perSecond }: Measured, asked: number): boolean => (failed.unsent ?? 0) > 0 || perSecond.most < 0.95 * asked;

export const processesSentence = (comparison: Comparison): Words => {
  const parts = answering(comparison).map((measured) => {
    const asked = grouped(sentOf(measured));
    const born = grouped(measured.born);
    const { name } = measured.target;
    return measured.born === 0
      ? { en: `no process was born for ${asked} requests to ${name}`, zh: `${name} 的 ${asked} 个请求没有产生新进程` }
      : { en: `${born} processes were born for ${asked} requests to ${name}`, zh: `${name} 的 ${asked} 个请求产生了 ${born} 个进程` };
  });
  if (parts.length === 0) return nothing;
  return { en: `${capital(parts.map(({ en }) => en).join('; '))}.`, zh: `${parts.map(({ zh }) => zh).join('；')}。` };
};

export const cpuSentence = (comparison: Comparison): Words => {
  const parts = answering(comparison).map((measured) => {
    const { name } = measured.target;
    const server = cpuPerRequest(measured.serverCpu, measured) ?? 0;
    const program = cpuPerRequest(measured.programCpu, measured);
    if (program === undefined) {
      return {
        en: `${short(server)} ms of the server's for ${name}, whose program is charged elsewhere`,
        zh: `${name} 在服务器上为 ${short(server)} 毫秒，其程序的账目不在此处`,
      };
    }
    return {
      en: `${short(server + program)} ms for ${name} (server ${short(server)}, program ${short(program)})`,
      zh: `${name} 为 ${short(server + program)} 毫秒（服务器 ${short(server)}，程序 ${short(program)}）`,
    };
  });
  if (parts.length === 0) return nothing;
  return {
    en: `A request cost this much CPU: ${parts.map(({ en }) => en).join('; ')}.`,
    zh: `每个请求的 CPU 时间：${parts.map(({ zh }) => zh).join('；')}。`,
  };
};

/** undefined in the closed loop, which leaves the same out and cannot know what. */
export const omissionSentence = (comparison: Comparison): Words | undefined => {
  const gaps = answering(comparison).flatMap((measured) =>
    [50, 90, 99, 99.9].flatMap((percent) => {
      const due = atPercent(measured.latency, percent);
      const sent = measured.fromSent && atPercent(measured.fromSent, percent);
      return due === undefined || sent === undefined ? [] : [{ measured, percent, due, sent }];
    }),
  );
  const widest = gaps.sort((a, b) => b.due / b.sent - a.due / a.sent)[0];
  if (widest === undefined) return undefined;
  const { measured, percent, due, sent } = widest;
  if (due < 1.1 * sent) {
    return {
      en: 'Counted from when they were sent, the figures are the same: no request had to wait for the answer to another.',
      zh: '从实际发出的时刻算起，数字相同：没有请求需要等待其他请求的应答。',
    };
  }
  const { name } = measured.target;
  return {
    en: `Counted from when they were sent, ${percent} % of the requests to ${name} took at most ${short(sent)} ms; counted from when they were due, ${short(due)} ms. A generator that waits for each answer leaves the difference out: coordinated omission.`,
    zh: `从实际发出的时刻算起，${name} 的请求有 ${percent} % 不超过 ${short(sent)} 毫秒；从应当发出的时刻算起，则为 ${short(due)} 毫秒。等待应答后才继续发送的压测工具会漏掉这一差距：协调遗漏（coordinated omission）。`,
  };
};

/** «1,200 answers cannot tell p99.9.» undefined: they tell all that is asked of them. */
export const limitSentence = (comparison: Comparison, percents: readonly number[]): Words | undefined => {
  const counts = answering(comparison).map(({ latency }) => latency.count);
  const least = Math.min(...counts);
  const percent = percents.find((each) => !tells(least, each));
  if (counts.length === 0 || percent === undefined) return undefined;
  return {
    en: `${grouped(least)} ${least === 1 ? 'answer' : 'answers'} cannot tell p${percent}.`,
    zh: `${grouped(least)} 个应答不足以得出 p${percent}。`,
  };
};

/** `closed loop: 4 users, each asks again when answered · 5 rounds of 2 s each, in turn` */
export const planInWords = ({ loop, rounds, sliceMs, warmUpMs }: Plan): Words => {
  const [slice, warmUp] = [sliceMs, warmUpMs].map((ms) => String(Number((ms / 1000).toPrecision(3))));
  const press =
    loop.kind === 'closed'
      ? {
          en: `Closed loop: ${loop.users} ${loop.users === 1 ? 'user, who asks' : 'users, each asks'} again when answered`,
          zh: `闭环：${loop.users} 个用户，得到应答后再次请求`,
        }
      : {
          en: `Open loop: ${grouped(loop.perSecond)} requests a second, at most ${loop.connections} on their way`,
          zh: `开环：每秒 ${grouped(loop.perSecond)} 个请求，同时在途至多 ${loop.connections} 个`,
        };
  return {
    en: `${press.en} · ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${slice} s each, in turn, after ${warmUp} s of warming up`,
    zh: `${press.zh} · 每个目标预热 ${warmUp} 秒后，轮流进行 ${rounds} 轮，每轮 ${slice} 秒`,
  };
};

// --- what must be said with it ---------------------------------------------------------------------------------------------

/** Of one processor: from here on the generator is taken to have been in the way. */
const generatorShareMax = 0.8;
/** So late may it be for one request in a hundred. */
const generatorLateMsMax = 5;

export const warnings = (comparison: Comparison): Words[] => {
  const { targets, plan, machine, interrupted } = comparison;
  const isOpen = plan.loop.kind === 'open';
  const busy = targets.filter(({ generatorShare }) => !isOpen && generatorShare > generatorShareMax);
  const late = targets.filter(({ generatorLate }) => lateMsOf(generatorLate) > generatorLateMsMax);
  return [
    ...targets.filter(failsAltogether).map(refusal),
    ...targets.filter((measured) => !failsAltogether(measured)).flatMap((measured) => [...someFailed(measured), ...someUnsent(measured)]),
    ...busy.map((measured) => ({
      en: `While it asked ${measured.target.name} the load generator used ${Math.round(measured.generatorShare * 100)} % of a processor: the server may be faster than this.`,
      zh: `请求 ${measured.target.name} 时，压测进程占用了 ${Math.round(measured.generatorShare * 100)} % 的处理器：服务器可能比这更快。`,
    })),
    ...late.map((measured) => ({
      en: `The load generator itself was ${short(lateMsOf(measured.generatorLate))} ms late with one request in a hundred to ${measured.target.name}; that is in its latencies.`,
      zh: `发往 ${measured.target.name} 的请求中，每一百个有一个被压测进程自身推迟了 ${short(lateMsOf(measured.generatorLate))} 毫秒；这已计入延迟。`,
    })),
    {
      en: `Generator, server and programs share the ${machine.cpus} processor${machine.cpus === 1 ? '' : 's'} of this machine.`,
      zh: `压测进程、服务器与程序共用本机的 ${machine.cpus} 个处理器。`,
    },
    ...(interrupted ? [{ en: 'It was stopped before its end.', zh: '测量被提前停止。' }] : []),
  ];
};

const lateMsOf = (curve: Curve | undefined): number => (curve === undefined ? 0 : (atPercent(curve, 99) ?? 0));

const refusal = (measured: Measured): Words => {
  const { failure, target } = measured;
  const text = failuresText(measured);
  return {
    en: `${target.name} answered no request well and was not measured: ${text}.${failure ? ` ${failure.code}: ${explain(failure).what.en}` : ''}`,
    zh: `${target.name} 没有一个请求得到正常应答，因此未作测量：${text}。${failure ? `${failure.code}：${explain(failure).what.zh}` : ''}`,
  };
};

const someFailed = ({ target, answered, failed }: Measured): Words[] => {
  const { unsent: _, ...answers } = failed;
  const failures = failuresOf({ failed: answers });
  if (failures === 0) return [];
  const text = failuresText({ failed: answers });
  const percent = short((100 * failures) / (answered + failures));
  return [
    {
      en: `${target.name}: ${text}: ${percent} % of its requests failed and are in no latency.`,
      zh: `${target.name}：${text}：${percent} % 的请求失败，不计入任何延迟。`,
    },
  ];
};

const someUnsent = ({ target, failed: { unsent = 0 } }: Measured): Words[] =>
  unsent === 0
    ? []
    : [
        {
          en: `${target.name}: ${grouped(unsent)} requests were due and not sent within twice the time; its true latencies are longer still.`,
          zh: `${target.name}：${grouped(unsent)} 个应当发出的请求在两倍时间内仍未发出；真实的延迟还要更长。`,
        },
      ];

/** `502 × 3 · timeout × 1` */
export const failuresText = ({ failed }: Pick<Measured, 'failed'>): string =>
  Object.entries(failed)
    .map(([why, count]) => `${why} × ${grouped(count)}`)
    .join(' · ');

// --- helpers -------------------------------------------------------------------------------------------------------------

const nothing: Words = { en: 'No target was measured.', zh: '没有测量任何目标。' };

/** `22.1 ms at /cgi-bin/hello.py and 1.05 ms at /app` */
const each = (measured: readonly Measured[], of: (one: Measured) => number | undefined): Words => {
  const parts = measured.map((one) => ({ ms: short(of(one) ?? 0), name: one.target.name }));
  if (parts.length === 1) return { en: `${parts[0]!.ms} ms`, zh: `${parts[0]!.ms} 毫秒` };
  return {
    en: joined(parts.map(({ ms, name }) => `${ms} ms at ${name}`)).en,
    zh: joined(parts.map(({ ms, name }) => `${ms} 毫秒（${name}）`)).zh,
  };
};

const joined = (parts: readonly string[]): Words => ({
  en: parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`,
  zh: parts.join('、'),
});

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
