/**
 * Every word of the page, in both languages: one table, so that none can be missing. `{name}` is filled in.
 */
export type Lang = 'en' | 'zh-CN';

const table = {
  // --- the frame
  lab: ['cgi-serve lab', 'cgi-serve 实验室'],
  present: ['only to look at', '仅供观看'],
  language: ['中文', 'English'],
  theme: ['Theme', '主题'],
  'theme.auto': ['as the system', '跟随系统'],
  'theme.light': ['light', '浅色'],
  'theme.dark': ['dark', '深色'],
  'lost.retry': ['The connection to the lab is lost. Trying again …', '与实验室的连接已断开，正在重试……'],
  'lost.gone': [
    'This lab does not know this page: cgi-serve was started anew. Open the Lab URL that it has printed.',
    '实验室不认识此页面：cgi-serve 已重新启动。请打开它新打印的实验室 URL。',
  ],
  'enter.title': ['The key is missing', '缺少密钥'],
  'enter.text': [
    'Open the Lab URL that cgi-serve prints when it starts: it ends with the key. It lets you in because what is shown here are secrets, and what can be started here are programs.',
    '请打开 cgi-serve 启动时打印的实验室 URL，其末尾就是密钥。需要密钥，是因为这里会显示机密，也能启动程序。',
  ],

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
  'draw.output': ['{bytes} of output', '输出 {bytes}'],
  'draw.title': ['{request}, as a drawing: client, server, program', '{request} 的示意图：客户端、服务器、程序'],

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

  // --- one request
  'request.close': ['Close', '关闭'],
  'request.gone': ['This request is not kept any more.', '此请求已不再保留。'],
  'tab.story': ['Story', '经过'],
  'tab.timeline': ['Timeline', '时间线'],
  'tab.environment': ['Environment', '环境'],
  'tab.streams': ['Streams', '流'],
  'tab.wire': ['Wire', '线路'],
  'story.asked': ['{client} asked: {request}', '{client} 请求：{request}'],
  'story.queued': ['It waited {ms} for a place.', '等待名额 {ms}。'],
  'story.variables': ['cgi-serve made {count} variables of it (RFC 3875 §4.1).', 'cgi-serve 由此生成 {count} 个变量（RFC 3875 §4.1）。'],
  'story.born': [
    'It started process {pid}: {program}. Until exec had succeeded, {ms} went by.',
    '它启动了进程 {pid}：{program}。到 exec 成功用了 {ms}。',
  ],
  'story.unborn': ['No process could be started.', '未能启动进程。'],
  'story.worker': ['Worker {pid} runs already: handing over took {ms}.', '工作进程 {pid} 已在运行：交接用了 {ms}。'],
  'story.dialled': ['The program runs already: connecting took {ms}.', '程序已在运行：连接用了 {ms}。'],
  'story.input': ['{bytes} of body went to its input.', '向其输入写入请求体 {bytes}。'],
  'story.noinput': ['There was no body: its input was at its end from the start.', '没有请求体：其输入一开始就已结束。'],
  'story.firstbyte': [
    'After {ms} its first byte came: the interpreter had started, the program had computed.',
    '{ms} 后首个字节到达：解释器已启动，程序已计算。',
  ],
  'story.firstbyte.kept': ['After {ms} its first byte came; no interpreter had to start.', '{ms} 后首个字节到达；无需启动解释器。'],
  'story.head': ['An empty line ended its headers: {count} lines, {bytes}.', '空行结束了首部：{count} 行，{bytes}。'],
  'story.body': ['It wrote {bytes} more; {ms} later its output was at its end.', '随后又写出 {bytes}；{ms} 后输出结束。'],
  'story.errors': ['It wrote {bytes} to stderr, which went into the log.', '向 stderr 写出 {bytes}，已记入日志。'],
  'story.exited': [
    'It ended with {code}; {ms} after its last byte it was gone, and its memory with it.',
    '以 {code} 结束；末字节后 {ms} 进程消失，内存随之释放。',
  ],
  'story.killed': ['It was ended by signal {signal}.', '被信号 {signal} 终止。'],
  'story.stays': ['The program stays for the next request.', '程序留待下一个请求。'],
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
  'story.again': ['Once more, in a terminal', '在终端中再来一次'],
  'story.notes': ['Noted', '备注'],
  'timeline.phase': ['phase', '阶段'],
  'timeline.from': ['from', '起'],
  'timeline.took': ['took', '用时'],
  'timeline.what': ['what it measures', '含义'],
  'timeline.none': ['Nothing was measured: no program was asked.', '没有测量：没有请求任何程序。'],
  'timeline.sentence': ['“{longest}” took longest: {ms} of {total}.', '最久的是“{longest}”：{total} 中的 {ms}。'],
  'kernel.title': ['What the kernel charged', '内核账目'],
  'kernel.cpu': ['CPU: {user} in user mode, {system} in the kernel', 'CPU：用户态 {user}，内核态 {system}'],
  'kernel.memory': ['memory at most: {kib} KiB', '内存峰值：{kib} KiB'],
  'kernel.faults': ['page faults: {minor} from memory, {major} from disk', '缺页：内存 {minor}，磁盘 {major}'],
  'kernel.switches': ['context switches: {voluntary} to wait, {involuntary} made to', '上下文切换：主动 {voluntary}，被动 {involuntary}'],
  'env.name': ['variable', '变量'],
  'env.value': ['value', '值'],
  'env.from': ['where it comes from', '来源'],
  'env.all': ['all {count}', '全部 {count}'],
  'env.rfc': ['RFC 3875', 'RFC 3875'],
  'env.http': ['HTTP_*', 'HTTP_*'],
  'env.extra': ['others', '其他'],
  'env.show': ['show', '显示'],
  'env.secret': ['hidden: it may open a door', '已隐藏：可能是凭据'],
  'streams.none': ['nothing', '无'],
  'streams.more': ['… and {bytes} more, not kept', '……还有 {bytes} 未保留'],
  'streams.border': ['the empty line: headers end, the body begins (RFC 3875 §6.2)', '空行：首部结束，正文开始（RFC 3875 §6.2）'],
  'streams.judged': ['What became of each header line', '每一行首部的去向'],
  'verdict.cgi': ['for the server', '给服务器的'],
  'verdict.sent': ['sent on', '已转发'],
  'verdict.dropped': ['dropped', '已丢弃'],
  'verdict.refused': ['refused', '被拒绝'],

  'wire.none': [
    'No wire: the variables are the environment of the process, and its streams are pipes.',
    '没有线路协议：变量就是进程的环境，流就是管道。',
  ],
  'wire.fastcgi': ['FastCGI: the same variables and bytes, cut into records.', 'FastCGI：同样的变量与字节，切成一条条记录。'],
  'wire.scgi': ['SCGI: all variables in one netstring, then the body.', 'SCGI：全部变量放在一个 netstring 中，其后是请求体。'],
  'wire.uwsgi': [
    'uwsgi: all variables in one packet with a head of four bytes, then the body.',
    'uwsgi：全部变量放在一个带四字节头的包中，其后是请求体。',
  ],
  'wire.sent': ['To the program: {bytes}, of which {envelope} are envelope', '发往程序：{bytes}，其中封装 {envelope}'],
  'wire.received': ['From the program: {bytes}, of which {envelope} are envelope', '来自程序：{bytes}，其中封装 {envelope}'],
  'wire.fields': ['{count} fields', '{count} 个字段'],
  'wire.more': ['{bytes} were not kept, {count} fields are not listed', '另有 {bytes} 未保留，{count} 个字段未列出'],
  'wire.col.at': ['at', '位置'],
  'wire.col.bytes': ['bytes', '字节'],
  'wire.col.field': ['field', '字段'],
  'wire.col.value': ['says', '内容'],

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
} as const satisfies Record<string, readonly [en: string, zh: string]>;

export type Word = keyof typeof table;
export const allWords: Readonly<Record<string, readonly [en: string, zh: string]>> = table;

export type Say = (word: Word, filled?: Readonly<Record<string, string | number>>) => string;

export const sayIn = (lang: Lang): Say => {
  const column = lang === 'en' ? 0 : 1;
  return (word, filled = {}) => table[word][column].replace(/\{(\w+)\}/g, (hole, name: string) => String(filled[name] ?? hole));
};

/** What `?lang=` or a browser says, as one of ours. */
export const langOf = (said: string): Lang => (/^zh\b/i.test(said) ? 'zh-CN' : 'en');
