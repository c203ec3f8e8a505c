/** The words of the live screen: the first run, the lanes, the table, the steps. */
import type { Table } from '../words.js';

export const liveWords = {
  // --- the first run
  'first.title': ['What happens when you ask a script?', '请求一个脚本时会发生什么？'],
  'first.lead': [
    'A browser asks, cgi-serve starts a program for it, and the program writes the page. Nothing has been asked yet.',
    '浏览器发出请求，cgi-serve 为它启动一个程序，由程序写出页面。目前还没有任何请求。',
  ],
  'first.lead.mounted': [
    'A browser asks, cgi-serve passes it on to a program, and the program writes the page. Nothing has been asked yet.',
    '浏览器发出请求，cgi-serve 把它交给一个程序，由程序写出页面。目前还没有任何请求。',
  ],
  'first.button': ['Run the demo script', '运行演示脚本'],
  'first.again': ['Run it again', '再运行一次'],
  'first.or': ['or ask from a terminal:', '或在终端中请求：'],
  'first.ask': ['Ask the server for something: {url}', '请向服务器发出请求：{url}'],
  'first.failed': ['The server did not answer.', '服务器没有应答。'],

  // --- live
  'live.lanes': ['Processes', '进程'],
  'live.pause': ['Pause', '暂停'],
  'live.resume': ['Go on', '继续'],
  'live.back': ['Step back', '后退一步'],
  'live.step': ['Step', '前进一步'],
  'live.clear': ['Clear', '清空'],
  'live.filter': ['Filter', '筛选'],
  'live.filter.hint': ['path, status, pid …', '路径、状态码、pid……'],
  'live.demo': ['Run {script}', '运行 {script}'],
  'live.paused': ['Stopped at a moment. Step goes to the next thing that happened.', '已停在某一刻。“前进一步”到下一件发生的事。'],
  'live.later': ['{count} later', '之后还有 {count} 件'],
  'live.nothing': ['Nothing here matches.', '没有符合条件的请求。'],
  'live.waiting': ['Waiting for a request …', '等待请求……'],
  'live.skipped': ['{count} changes came too fast to be shown one by one', '{count} 次变化过快，未能逐一显示'],
  'live.keys': [
    'Keys: space pauses, → and ← step, ↑ and ↓ choose a request, Enter goes to it, / filters, c clears, ? turns these keys off and on',
    '按键：空格暂停，→ 与 ← 逐步，↑ 与 ↓ 选择请求，Enter 前往它，/ 筛选，c 清空，? 关闭或开启这些按键',
  ],
  'live.keys.off': ['Keys are off; ? turns them on', '按键已关闭；按 ? 开启'],
  'live.summary.own': [
    '{requests} requests, {processes} processes. Of {total} on average, {tax} ({share}) went into being born and leaving.',
    '{requests} 个请求，{processes} 个进程。平均 {total}，其中 {tax}（{share}）用于创建与退出进程。',
  ],
  'live.summary.one': [
    'One request, one process. Of its {total}, {tax} ({share}) went into being born and leaving.',
    '一个请求，一个进程。全程 {total}，其中 {tax}（{share}）用于创建与退出进程。',
  ],
  'live.summary.kept': [
    'Programs that stay: {processes}. {requests} requests, and no process was born for any of them. On average {total}.',
    '常驻程序 {processes} 个。{requests} 个请求，没有为任何一个创建进程。平均 {total}。',
  ],
  'live.summary.mixed': [
    '{requests} requests. With a process of its own: {own}; the others shared programs that stay.',
    '{requests} 个请求。有自己进程的：{own} 个；其余共用常驻程序。',
  ],
  'live.folded': ['{ms} without anything', '空闲 {ms}'],
  'live.rows': ['{count} requests', '{count} 个请求'],

  // --- the table
  'col.serial': ['#', '#'],
  'col.time': ['time', '时间'],
  'col.request': ['request', '请求'],
  'col.status': ['status', '状态'],
  'col.ms': ['ms', '毫秒'],
  'col.gateway': ['by', '方式'],
  'col.pid': ['pid', 'pid'],
  'col.exit': ['exit', '退出'],
  'state.running': ['running', '运行中'],
  'state.waiting': ['waiting', '等待中'],

  // --- steps, as they are told
  'step.began': ['{request} has come.', '{request} 到达。'],
  'step.grantedMs': ['It has a place: {script} is asked for.', '得到名额：请求 {script}。'],
  'step.openedMs.own': ['Process {pid} is born: exec has succeeded.', '进程 {pid} 诞生：exec 成功。'],
  'step.openedMs.kept': ['{script} has the request; it runs already.', '{script} 拿到请求；它已在运行。'],
  'step.firstByteMs': ['The first byte of output.', '首个输出字节。'],
  'step.headDoneMs': ['The empty line: the headers end.', '空行：首部结束。'],
  'step.lastByteMs': ['The output is at its end.', '输出结束。'],
  'step.exitedMs': ['Process {pid} is gone.', '进程 {pid} 消失。'],
  'step.ended': ['Answered: {status}.', '已应答：{status}。'],
} as const satisfies Table;
