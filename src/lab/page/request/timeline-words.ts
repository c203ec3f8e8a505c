/** The words for times: the phases, the calibration beside them, the kernel's account. */
import type { Table } from '../words.js';

export const timelineWords = {
  'timeline.phase': ['phase', '阶段'],
  'timeline.from': ['from', '起'],
  'timeline.took': ['took', '用时'],
  'timeline.what': ['what it measures', '含义'],
  'timeline.none': ['Nothing was measured: no program was asked.', '没有测量：没有请求任何程序。'],
  'timeline.sentence': ['“{longest}” took longest: {ms} of {total}.', '最久的是“{longest}”：{total} 中的 {ms}。'],
  'timeline.picture': ['The phases one after the other: {phases}', '依次各阶段：{phases}'],

  'bare.title': ['Calibrated, not measured here', '校准值，并非此次测得'],
  'bare.empty': ['empty process', '空进程'],
  'bare.like': ['bare {name}', '仅 {name}'],
  'bare.empty.what': ['`true`, which does nothing at all, from fork until it is gone', '什么也不做的 `true`，从 fork 到消失'],
  'bare.like.what': ['{program} with nothing to do, from fork to its first byte', '什么也不做的 {program}，从 fork 到首字节'],
  'bare.measuring': [
    'Starting the bare interpreter a few times, to know what it costs here …',
    '正在多次启动空解释器，以了解它在此处的开销……',
  ],
  'bare.unmeasured': ['What the bare interpreter costs here was not measured.', '未测量空解释器在此处的开销。'],
  'bare.failed': ['The bare interpreter did not answer: what its start costs is not known.', '空解释器没有应答：其启动开销未知。'],
  'bare.compiled': ['The program is compiled: it has no interpreter to start.', '程序是编译的：没有解释器需要启动。'],
  'bare.unknown': ['What starts this script is not known here: its start is not counted.', '此处不知道由什么启动该脚本：其启动未计入。'],
  'tax.sentence': [
    '{tax} of {total} ({share}) were not the script’s own work: {spawn} to be born, {start} for {name} to start, {exit} to leave.',
    '{total} 中有 {tax}（{share}）不是脚本自己的工作：诞生 {spawn}，{name} 启动 {start}，退出 {exit}。',
  ],
  'tax.sentence.short': [
    '{tax} of {total} ({share}) were not the script’s own work: {spawn} to be born, {exit} to leave.',
    '{total} 中有 {tax}（{share}）不是脚本自己的工作：诞生 {spawn}，退出 {exit}。',
  ],
  'tax.honest': [
    'The grey band is {name} with nothing to do, the mean of {times} starts on this machine. From outside, an interpreter’s start and the first lines of its script cannot be told apart.',
    '灰带是什么也不做的 {name}，在本机启动 {times} 次的均值。从外部无法区分解释器的启动与脚本的头几行。',
  ],

  'kernel.title': ['What the kernel charged', '内核账目'],
  'kernel.sentence': [
    'Of the {total} from its fork to its end it was on a processor for {cpu}; the rest it waited.',
    '从 fork 到结束的 {total} 中，有 {cpu} 在处理器上运行，其余时间在等待。',
  ],
  'kernel.none': [
    'What the kernel charged is not known: only where processes are born natively is it told.',
    '内核账目未知：只有以原生方式创建的进程才有。',
  ],
  'kernel.what': ['what it counts', '含义'],
  'kernel.figure': ['figure', '数值'],
  'kernel.count': ['account', '项目'],
  'kernel.user': ['CPU, user mode', 'CPU，用户态'],
  'kernel.user.what': ['its own instructions: interpreter, libraries, script', '自己的指令：解释器、库、脚本'],
  'kernel.system': ['CPU, kernel', 'CPU，内核态'],
  'kernel.system.what': ['what the kernel did for it: exec, memory, files, pipes', '内核为它做的事：exec、内存、文件、管道'],
  'kernel.memory': ['memory at most', '内存峰值'],
  'kernel.memory.what': ['the most that it had in memory at once (resident set)', '同一时刻驻留内存的最大值（常驻集）'],
  'kernel.memory.unseen': [
    'not seen: less than the server’s own, from which the kernel begins to count',
    '看不到：小于服务器自身的值，而内核从那里开始计',
  ],
  'kernel.minor': ['page faults, memory', '缺页，内存'],
  'kernel.minor.what': ['pages touched for the first time: nearly all of them are its start', '首次触及的页：几乎都来自启动'],
  'kernel.major': ['page faults, disk', '缺页，磁盘'],
  'kernel.major.what': ['pages that had to be read from disk first: none when it ran lately', '须先从磁盘读入的页：最近运行过则为零'],
  'kernel.voluntary': ['switches, to wait', '切换，主动'],
  'kernel.voluntary.what': ['it had to wait: for a pipe, a file, a child', '它需要等待：管道、文件或子进程'],
  'kernel.involuntary': ['switches, made to', '切换，被动'],
  'kernel.involuntary.what': ['it could have gone on, and another had its turn', '它本可继续，却轮到了别的进程'],
} as const satisfies Table;
