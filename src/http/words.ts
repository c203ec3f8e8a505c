/**
 * The words of our own pages, in the program's two languages. What a failure is and how to mend it stands in failures.ts.
 */
import type { FailureRow } from '../failures.js';
import type { PageLanguage } from './negotiate.js';

export interface PageWords {
  readonly whatHappened: string;
  readonly whyWeThinkSo: string;
  readonly howToMend: string;
  readonly rerun: string;
  readonly exchange: string;
  readonly rule: string;
  readonly file: string;
  readonly detail: string;
  readonly ended: string;
  readonly after: string;
  readonly process: string;
  readonly stderr: string;
  readonly asBytes: string;
  readonly environment: string;
  /** Stands in the output where something is missing. */
  readonly end: string;
  readonly refused: string;
  readonly printedNothing: string;
  readonly station: Readonly<Record<FailureRow['fault'], string>>;
  readonly fault: Readonly<Record<FailureRow['fault'], string>>;
  printedFirst(shown: number, all: number): string;
  printedAll(all: number): string;
  refusedByte(offset: number, hex: string): string;
  byExit(code: number, meaning: string): string;
  bySignal(signal: string, meaning: string): string;
  duration(ms: number): string;
  readonly exit: Readonly<Record<'success' | 'failure' | 'notRunnable' | 'notFound', string>>;
  exitBySignal(number: number): string;
  readonly signals: Readonly<Record<string, string>>;
  readonly start: StartWords;
}

/** The start page's. */
export interface StartWords {
  title(prefix: string): string;
  lead(count: number): string;
  readonly wouldFail: string;
  readonly wouldFailLead: string;
  readonly writable: string;
  readonly noneYet: string;
  readonly noneRuns: string;
  readonly nothingPublic: string;
  readonly firstScript: string;
  readonly stepWrite: string;
  readonly stepMode: string;
  readonly stepOpen: string;
  readonly hello: string;
  listCut(max: number): string;
}

export const wordsIn = (language: PageLanguage): PageWords => (language === 'zh-CN' ? chinese : english);

/** What an exit code tells. By convention only: a program may mean by it what it likes. */
export const exitMeaning = (code: number, words: PageWords): string => {
  if (code === 0) return words.exit.success;
  if (code === 126) return words.exit.notRunnable;
  if (code === 127) return words.exit.notFound;
  if (code > 128 && code <= 128 + 64) return words.exitBySignal(code - 128);
  return words.exit.failure;
};

/** What a signal tells; `''` for one that is rare. */
export const signalMeaning = (signal: string, words: PageWords): string => words.signals[signal] ?? '';

const number = new Intl.NumberFormat('en');

const english: PageWords = {
  whatHappened: 'What happened',
  whyWeThinkSo: 'Why we think so',
  howToMend: 'How to mend it',
  rerun: 'Run it again in a terminal',
  exchange: 'Exchange',
  rule: 'Rule:',
  file: 'File',
  detail: 'Seen',
  ended: 'Ended',
  after: 'After',
  process: 'Process',
  stderr: 'What it wrote to stderr',
  asBytes: 'As bytes',
  environment: 'What the script was told: its environment',
  end: 'end of output',
  refused: 'refused here',
  printedNothing: 'It printed nothing to stdout.',
  station: { client: 'client', server: 'server', script: 'script' },
  fault: {
    client: 'The fault lies with the request.',
    server: 'The fault lies with the server or its set-up.',
    script: 'The fault lies with the script.',
  },
  printedFirst: (shown, all) => `The first ${number.format(shown)} of ${number.format(all)} bytes it printed`,
  printedAll: (all) => (all === 1 ? 'The only byte it printed' : `All ${number.format(all)} bytes it printed`),
  refusedByte: (offset, byte) => `The marked byte, 0x${byte} at offset ${number.format(offset)}, was refused.`,
  byExit: (code, meaning) => `with exit code ${code}: ${meaning}`,
  bySignal: (signal, meaning) => `by signal ${signal}${meaning === '' ? '' : `: ${meaning}`}`,
  duration: (ms) => (ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`),
  exit: {
    success: 'it says it succeeded',
    failure: 'it says it failed',
    notRunnable: 'by convention, a command in it was found but could not be run',
    notFound: 'by convention, a command in it was not found',
  },
  exitBySignal: (signal) => `by a shell's convention, a command in it was ended by signal ${signal}`,
  signals: {
    SIGHUP: 'its terminal or parent went away',
    SIGINT: 'it was interrupted, as by Ctrl-C',
    SIGQUIT: 'it was asked to quit and dump core',
    SIGILL: 'it ran an instruction this processor does not know',
    SIGTRAP: 'it hit a debugger trap',
    SIGABRT: 'it gave up by itself: abort(), a failed assertion',
    SIGBUS: 'it read memory that is not there, often a file cut short',
    SIGFPE: 'it divided by zero, or the like',
    SIGKILL: 'it was killed: by the server after its grace, by hand, or because memory ran out',
    SIGSEGV: 'it touched memory that is not its own',
    SIGPIPE: 'it wrote to a pipe that nobody reads any more',
    SIGALRM: 'its own alarm clock rang',
    SIGTERM: 'it was asked to end: by the server, or by hand',
    SIGXCPU: 'it used up its processor time',
    SIGXFSZ: 'it wrote a file larger than it may',
    SIGSYS: 'it made a system call that is forbidden',
  },
  start: {
    title: (prefix) => `Scripts under ${prefix}`,
    lead: (count) =>
      count === 1 ? 'One script. Each request starts it anew.' : `${number.format(count)} scripts. Each request starts its script anew.`,
    wouldFail: 'These would not run',
    wouldFailLead: 'Mend them or let them be: what does not run is never sent to anybody.',
    writable: 'Every user of this machine may change this file; `chmod o-w` ends that.',
    noneYet: 'There is no script here yet.',
    noneRuns: 'Nothing here runs yet.',
    nothingPublic: 'There is nothing to see here yet.',
    firstScript: 'The first one takes a minute',
    stepWrite:
      'In the script directory, write a program that prints a header, an empty line, and then the page. Any language will do; in the shell:',
    stepMode: 'Allow it to be run:',
    stepOpen: 'Open it:',
    hello: 'Hello from process',
    listCut: (max) => `Only the first ${number.format(max)} files are listed.`,
  },
};

const chinese: PageWords = {
  whatHappened: '发生了什么',
  whyWeThinkSo: '判断依据',
  howToMend: '如何解决',
  rerun: '在终端中重新运行',
  exchange: '请求编号',
  rule: '依据：',
  file: '文件',
  detail: '详情',
  ended: '结束方式',
  after: '用时',
  process: '进程',
  stderr: '写到 stderr 的内容',
  asBytes: '按字节查看',
  environment: '脚本得到的环境变量',
  end: '输出到此结束',
  refused: '在此处被拒绝',
  printedNothing: '没有向 stdout 输出任何内容。',
  station: { client: '客户端', server: '服务器', script: '脚本' },
  fault: {
    client: '问题出在请求上。',
    server: '问题出在服务器或其配置上。',
    script: '问题出在脚本上。',
  },
  printedFirst: (shown, all) => `它输出的 ${number.format(all)} 字节中的前 ${number.format(shown)} 字节`,
  printedAll: (all) => `它输出的全部 ${number.format(all)} 字节`,
  refusedByte: (offset, byte) => `标出的字节（0x${byte}，偏移量 ${number.format(offset)}）被拒绝。`,
  byExit: (code, meaning) => `退出码 ${code}：${meaning}`,
  bySignal: (signal, meaning) => `信号 ${signal}${meaning === '' ? '' : `：${meaning}`}`,
  duration: (ms) => (ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} 毫秒` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} 秒`),
  exit: {
    success: '它声称成功',
    failure: '它声称失败',
    notRunnable: '按惯例，表示其中某个命令存在但无法运行',
    notFound: '按惯例，表示找不到其中的某个命令',
  },
  exitBySignal: (signal) => `按 shell 的惯例，表示其中某个命令被信号 ${signal} 终止`,
  signals: {
    SIGHUP: '它的终端或父进程已离开',
    SIGINT: '它被中断，例如按了 Ctrl-C',
    SIGQUIT: '它被要求退出并转储内存',
    SIGILL: '它执行了处理器不认识的指令',
    SIGTRAP: '它遇到了调试陷阱',
    SIGABRT: '它自行放弃：abort() 或断言失败',
    SIGBUS: '它读取了不存在的内存，常见原因是文件被截短',
    SIGFPE: '它做了除以零之类的运算',
    SIGKILL: '它被强行终止：由服务器在宽限期后、由人手动，或因内存耗尽',
    SIGSEGV: '它访问了不属于自己的内存',
    SIGPIPE: '它向已无人读取的管道写入',
    SIGALRM: '它自己设的定时器到时',
    SIGTERM: '它被要求结束：由服务器，或由人手动',
    SIGXCPU: '它用完了允许的处理器时间',
    SIGXFSZ: '它写的文件超过了允许的大小',
    SIGSYS: '它进行了被禁止的系统调用',
  },
  start: {
    title: (prefix) => `${prefix} 下的脚本`,
    lead: (count) => `共 ${number.format(count)} 个脚本。每个请求都会重新启动对应的脚本。`,
    wouldFail: '以下文件还不能运行',
    wouldFailLead: '可以修好，也可以不管：不能运行的文件不会发送给任何人。',
    writable: '本机的所有用户都可以修改此文件：请执行 `chmod o-w`。',
    noneYet: '这里还没有脚本。',
    noneRuns: '这里还没有可以运行的脚本。',
    nothingPublic: '这里还没有内容。',
    firstScript: '一分钟写出第一个脚本',
    stepWrite: '在脚本目录中写一个程序，先输出首部，再输出空行，然后输出页面。任何语言都可以；用 shell 写是这样：',
    stepMode: '给它可执行权限：',
    stepOpen: '打开它：',
    hello: '你好，我是进程',
    listCut: (max) => `只列出了前 ${number.format(max)} 个文件。`,
  },
};
