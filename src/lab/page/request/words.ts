/** The words for one request: its drawing, its story, its panels. */
import type { Table } from '../words.js';
import { environmentWords } from './environment-words.js';
import { replayWords } from './replay-words.js';
import { timelineWords } from './timeline-words.js';
import { wireWords } from './wire-words.js';

export const requestWords = {
  ...replayWords,
  ...environmentWords,
  ...timelineWords,

  // --- the drawing of one exchange
  'draw.browser': ['client', '客户端'],
  'draw.server': ['cgi-serve', 'cgi-serve'],
  'draw.program': ['program', '程序'],
  'draw.nothing': ['nothing yet', '尚无'],
  'draw.asking': ['asking …', '请求中……'],
  'draw.process': ['process {pid}', '进程 {pid}'],
  'draw.worker': ['worker {pid}', '工作进程 {pid}'],
  'draw.stays': ['runs already', '已在运行'],
  'draw.lives': ['alive', '存活'],
  'draw.gone': ['ended with {code}', '以 {code} 结束'],
  'draw.killed': ['killed by {signal}', '被 {signal} 终止'],
  'draw.file': ['a file', '文件'],
  'draw.page': ['a page of its own', '服务器自己的页面'],
  'draw.given': ['variables + {bytes}', '变量 + {bytes}'],
  'draw.output': ['{bytes} out', '输出 {bytes}'],
  'draw.title': ['{request}, as a drawing: client, server, program', '{request} 的示意图：客户端、服务器、程序'],

  // --- phases
  'phase.queue': ['queue', '排队'],
  'phase.spawn': ['fork + exec', 'fork + exec'],
  'phase.dial': ['connect', '连接'],
  'phase.wait': ['until its first byte', '至首字节'],
  'phase.head': ['headers', '首部'],
  'phase.body': ['body', '正文'],
  'phase.exit': ['exit', '退出'],
  'phase.queue.what': ['head of the request read → a slot is granted', '读完请求首部 → 得到名额'],
  'phase.spawn.what': ['child asked for → exec has succeeded', '请求创建子进程 → exec 成功'],
  'phase.dial.what': ['connection asked for → connected; a kept one takes nearly nothing', '请求连接 → 已连接；保持的连接几乎不花时间'],
  'phase.wait.what': [
    'exec or connection → first byte of output: the interpreter starts, the program computes',
    'exec 或连接 → 首个输出字节：解释器启动，程序计算',
  ],
  'phase.head.what': ['first byte → empty line', '首字节 → 空行'],
  'phase.body.what': ['empty line → last byte', '空行 → 末字节'],
  'phase.exit.what': ['last byte → the process is reaped', '末字节 → 进程被回收'],

  // --- one request
  'request.close': ['Close', '关闭'],
  'request.wide': ['As wide as the page', '与页面同宽'],
  'request.gone': ['This request is not kept any more.', '此请求已不再保留。'],
  'tab.story': ['Story', '经过'],
  'tab.timeline': ['Timeline', '时间线'],
  'tab.environment': ['Environment', '环境'],
  'tab.streams': ['Streams', '流'],
  'tab.wire': ['Wire', '线路'],
  'story.asked': ['{client} asked: {request}', '{client} 请求：{request}'],
  'story.asked.whole': [
    '{client} asked: {request}. It sent {head} of head and {body} of body.',
    '{client} 请求：{request}。它发送了 {head} 首部与 {body} 请求体。',
  ],
  'story.dropped': ['Not passed on, for safety: {names}.', '出于安全未转交：{names}。'],
  'story.queued': ['It waited {ms} for a place.', '等待名额 {ms}。'],
  'story.variables': ['cgi-serve made {count} variables of it (RFC 3875 §4.1).', 'cgi-serve 由此生成 {count} 个变量（RFC 3875 §4.1）。'],
  'story.born': [
    'It started process {pid}: {program}. Until exec had succeeded, {ms} went by.',
    '它启动了进程 {pid}：{program}。到 exec 成功用了 {ms}。',
  ],
  'story.unborn': ['No process could be started.', '未能启动进程。'],
  'story.worker': ['Worker {pid} runs already: handing over took {ms}.', '工作进程 {pid} 已在运行：交接用了 {ms}。'],
  'story.dialled': ['The program runs already: connecting took {ms}.', '程序已在运行：连接用了 {ms}。'],
  'story.input': ['{bytes} of body went to its stdin.', '向其 stdin 写入请求体 {bytes}。'],
  'story.noinput': ['There was no body: its stdin was at its end from the start.', '没有请求体：其 stdin 一开始就已结束。'],
  'story.firstbyte': [
    'After {ms} its first byte came: the interpreter had started, the program had computed.',
    '{ms} 后首个字节到达：解释器已启动，程序已计算。',
  ],
  'story.firstbyte.kept': ['After {ms} its first byte came; no interpreter had to start.', '{ms} 后首个字节到达；无需启动解释器。'],
  'story.head': ['An empty line ended its headers: {bytes}, lines: {count}.', '空行结束了首部：{bytes}，{count} 行。'],
  'story.body': ['It wrote {bytes} more; {ms} later its output was at its end.', '随后又写出 {bytes}；{ms} 后输出结束。'],
  'story.errors': ['It wrote {bytes} to stderr, which went into the log.', '向 stderr 写出 {bytes}，已记入日志。'],
  'story.exited': [
    'It ended with {code}; {ms} after its last byte it was gone, and its memory with it.',
    '以 {code} 结束；末字节后 {ms} 进程消失，内存随之释放。',
  ],
  'story.killed': ['It was ended by signal {signal}.', '被信号 {signal} 终止。'],
  'story.stays': ['The program stays for the next request.', '程序留待下一个请求。'],
  'story.authorized': [
    'It let the request through (FastCGI §6.3): now the program that it guards was asked.',
    '它放行了请求（FastCGI §6.3）：随后请求它所守护的程序。',
  ],
  'story.redirected': [
    'Its answer was a local redirect (RFC 3875 §6.2.2): the server asked again, itself.',
    '其响应是本地重定向（RFC 3875 §6.2.2）：服务器自己再次请求。',
  ],
  'story.file': ['It is a file: no program was asked.', '这是一个文件：没有请求任何程序。'],
  'story.page': ['cgi-serve answered by itself: no program was asked.', 'cgi-serve 自己应答：没有请求任何程序。'],
  'story.answered': [
    'The client got status {status} and {bytes} of body, {ms} after it had asked.',
    '客户端在请求 {ms} 后得到状态码 {status} 与正文 {bytes}。',
  ],
  'story.unanswered': ['Nothing could be sent to the client.', '无法向客户端发送任何内容。'],
  'story.running': ['… and it goes on.', '……仍在继续。'],
  'story.failure': ['What went wrong', '出了什么问题'],
  'story.mend': ['How to mend it', '如何解决'],
  'story.notes': ['Noted', '备注'],
  ...wireWords,

  // --- where variables come from
  'from.method': ['the first word of the request line', '请求行的第一个词'],
  'from.query': ['the URL, behind its `?`', 'URL 中 `?` 之后的部分'],
  'from.script': ['the URL, up to the script', 'URL 中直到脚本的部分'],
  'from.path': ['the URL, behind the script', 'URL 中脚本之后的部分'],
  'from.translated': ['PATH_INFO below the document root', '文档根目录之下的 PATH_INFO'],
  'from.protocol': ['the last word of the request line', '请求行的最后一个词'],
  'from.host': ['the Host field, or the target', 'Host 字段或请求目标'],
  'from.socket': ['the connection', '连接'],
  'from.length': ['the body’s length', '请求体的长度'],
  'from.type': ['the Content-Type field', 'Content-Type 字段'],
  'from.user': ['the password that was checked', '已验证的口令'],
  'from.server': ['the server itself', '服务器自身'],
  'from.header': ['the {field} field', '{field} 字段'],
  'from.target': ['the request target, as sent', '请求目标，原样'],
  'from.file': ['the file on disk', '磁盘上的文件'],
  'from.environment': ['the server’s environment, or --env', '服务器的环境，或 --env'],
  'from.php': ['always 200: php-cgi runs nothing without it', '总是 200：否则 php-cgi 拒绝运行'],
} as const satisfies Table;
