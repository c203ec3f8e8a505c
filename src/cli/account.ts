/**
 * The kernel's account of a child (getrusage(2), by wait4), as the command line tells it: the keys of every JSON, the words of
 * every report. What the kernel was not asked, or could not say, is null and «not available», never zero.
 */
import type { Words } from '../failures.js';
import type { KernelAccount } from '../trace/trace.js';
import { type Lang, say, words } from './words.js';

export const accountRecord = (account: KernelAccount | undefined): Record<string, number | null> => ({
  user_ms: rounded(account?.userMs),
  system_ms: rounded(account?.systemMs),
  peak_rss_kib: account?.peakRssKib ?? null,
  minor_faults: account?.minorFaults ?? null,
  major_faults: account?.majorFaults ?? null,
  voluntary_switches: account?.voluntarySwitches ?? null,
  involuntary_switches: account?.involuntarySwitches ?? null,
});

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 1000) / 1000);

/** `cpu 12.1 ms (user 9.1, system 3.0) · peak 71.2 MiB · 1204 page faults, 0 from disk · 3 context switches, 2 of its own will` */
export const accountText = (account: KernelAccount | undefined, lang: Lang): string => {
  if (account === undefined) return say(words("the kernel's account: not available", '内核账目：不可用'), lang);
  const { userMs, systemMs, peakRssKib, minorFaults, majorFaults, voluntarySwitches, involuntarySwitches } = account;
  const faults = minorFaults + majorFaults;
  const switches = voluntarySwitches + involuntarySwitches;
  const [cpu, user, system] = [userMs + systemMs, userMs, systemMs].map((ms) => ms.toFixed(1));
  const split = isSplit(account);
  return [
    say(
      words(
        `cpu ${cpu} ms${split ? ` (user ${user}, system ${system})` : ''}`,
        `CPU ${cpu} 毫秒${split ? `（用户态 ${user}，内核态 ${system}）` : ''}`,
      ),
      lang,
    ),
    ...(peakRssKib === undefined ? [] : [say(words(`peak ${mebibytes(peakRssKib)}`, `内存峰值 ${mebibytes(peakRssKib)}`), lang)]),
    say(words(`${faults} page faults, ${majorFaults} from disk`, `缺页 ${faults} 次，其中读盘 ${majorFaults} 次`), lang),
    say(
      words(
        `${switches} context switches, ${voluntarySwitches} of its own will`,
        `上下文切换 ${switches} 次，其中主动 ${voluntarySwitches} 次`,
      ),
      lang,
    ),
  ].join(' · ');
};

/**
 * Most kernels measure the sum of user and system time exactly, and divide it by what each tick of the clock (1 to 10 ms) happened
 * to find. No program runs without either: a zero means that no tick found it there, and nothing is known of the division.
 */
export const isSplit = ({ userMs, systemMs }: KernelAccount): boolean => userMs > 0 && systemMs > 0;

export const mebibytes = (kib: number): string => `${(kib / 1024).toFixed(1)} MiB`;

/** How children are born when not by posix_spawn, and why. */
export const portably = (why: string | undefined): Words => {
  const reason = { en: why === undefined ? '' : `: ${why}`, zh: why === undefined ? '' : `：${why}` };
  return words(`born the portable way, by node:child_process${reason.en}`, `以可移植方式（node:child_process）创建进程${reason.zh}`);
};
