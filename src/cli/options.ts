/**
 * The option table: every option once. From it come the parser (arguments.ts), the environment names and the order of
 * precedence (settle.ts), the config file and its schema (config.ts), help, manual page and completions (usage.ts).
 *
 * To add an option, add a row here, and one line in `serverOptions` (serve.ts) that says what it sets.
 */
import type { Words } from '../failures.js';
import * as limits from '../limits.js';
import type { Reader } from './readers.js';
import * as readers from './readers.js';
import { words } from './words.js';

export const subCommands = ['run', 'time', 'bench', 'doctor', 'status', 'wire decode', 'wire encode', 'wire send'] as const;
export type SubCommand = (typeof subCommands)[number];
/** `wire` alone can only be asked for help. */
export type Command = 'serve' | SubCommand | 'wire';
/** What a sub-command begins with. */
export const firstWords = ['run', 'time', 'bench', 'doctor', 'status', 'wire'] as const;
export type Group = 'what' | 'where' | 'workers' | 'scripts' | 'limits' | 'request' | 'wire' | 'time' | 'output' | 'other';

interface Described {
  readonly group: Group;
  readonly help: Words;
  /** More, for the long help and the manual page. */
  readonly more?: Words;
  /** One letter: `-p`. */
  readonly short?: string;
  /** Another long spelling, for those who come from elsewhere. */
  readonly alias?: string;
  /** The sub-commands that know it; default `serve` alone. */
  readonly for?: readonly Command[];
  /** In words; absent when the help text says it. */
  readonly fallback?: string;
  /** Only on the command line: neither in the environment nor in a config file. */
  readonly typedOnly?: true;
  /** Not in help. */
  readonly hidden?: true;
  /** Setting one takes the other away, when that was said farther off. */
  readonly opposite?: string;
}

export interface FlagRow extends Described {
  readonly kind: 'flag';
}
export interface OneRow<T> extends Described {
  readonly kind: 'one';
  readonly reader: Reader<T>;
}
export interface ManyRow<T> extends Described {
  readonly kind: 'many';
  readonly reader: Reader<T>;
}
export type OptionRow = FlagRow | OneRow<unknown> | ManyRow<unknown>;

const flag = (row: Described): FlagRow => ({ kind: 'flag', ...row });
const one = <T>(reader: Reader<T>, row: Described): OneRow<T> => ({ kind: 'one', reader, ...row });
const many = <T>(reader: Reader<T>, row: Described): ManyRow<T> => ({ kind: 'many', reader, ...row });

const everywhere: readonly Command[] = ['serve', ...subCommands];
/** Those that have a server. */
const serving: readonly Command[] = ['serve', 'bench'];
const running: readonly Command[] = [...serving, 'run', 'time'];
/** Those for which the variables of a request are made, and those that make the request itself. */
const telling: readonly Command[] = [...running, 'wire encode', 'wire send'];
const asking: readonly Command[] = ['run', 'time', 'bench', 'wire encode', 'wire send'];
/** Those that wait for an answer. */
const waiting: readonly Command[] = [...running, 'wire send'];
const noLimit = words('none', '不限时');
const seconds = (ms: number): string => (ms === 0 ? '0' : String(ms / 1000));

export const optionTable = {
  // --- what is served ---------------------------------------------------------------------------------------
  prefix: one(readers.urlPrefix, {
    group: 'what',
    for: [...telling, 'doctor'],
    fallback: '/cgi-bin/',
    help: words('the URL path the scripts are served under', '脚本所在的 URL 路径'),
  }),
  public: one(readers.directory, {
    group: 'what',
    for: serving,
    opposite: 'no-public',
    fallback: './public',
    help: words(
      'static files for every other path; default: `public` beside DIR, if there',
      '其余路径的静态文件；默认为 DIR 旁的 `public`（若存在）',
    ),
  }),
  'no-public': flag({
    group: 'what',
    for: serving,
    opposite: 'public',
    help: words('no static files', '不提供静态文件'),
  }),
  directory: one(readers.directory, {
    group: 'what',
    short: 'd',
    typedOnly: true,
    help: words(
      'a site as `python -m http.server --cgi` takes it: scripts in its cgi-bin, the rest static',
      '与 `python -m http.server --cgi` 相同的站点目录：脚本在其 cgi-bin 中，其余为静态文件',
    ),
  }),
  'basic-auth': one(readers.file, {
    group: 'what',
    help: words(
      'an htpasswd file: who is in it may enter, nobody else; scripts see REMOTE_USER',
      'htpasswd 文件：只有其中的用户可以访问；脚本可见 REMOTE_USER',
    ),
  }),

  details: one(readers.choice('loopback', 'always', 'never'), {
    group: 'what',
    fallback: 'loopback',
    help: words(
      'who sees evidence on failure pages and Server-Timing; behind a proxy: never',
      '谁能看到错误页中的证据与 Server-Timing；在代理之后请用 never',
    ),
  }),

  fastcgi: many(readers.mount, {
    group: 'what',
    for: [...serving, 'doctor'],
    help: words('a FastCGI program that runs already answers here', '由已在运行的 FastCGI 程序应答此处'),
    more: words(
      'WHERE is a URL path (/app) or the extension of files in the public and the script directory (.php). ADDRESS is unix:/path or ' +
        'host:port; several, joined by commas, to balance over. Example: --fastcgi .php=unix:/run/php/php8.2-fpm.sock',
      'WHERE 为 URL 路径（/app），或公共目录与脚本目录中文件的扩展名（.php）。ADDRESS 为 unix:/路径 或 主机:端口；多个地址以逗号分隔，轮流分担。' +
        '例：--fastcgi .php=unix:/run/php/php8.2-fpm.sock',
    ),
  }),
  scgi: many(readers.mount, {
    group: 'what',
    for: [...serving, 'doctor'],
    help: words('the same with an SCGI program', '同上，SCGI 程序'),
  }),
  uwsgi: many(readers.mount, {
    group: 'what',
    for: [...serving, 'doctor'],
    help: words('the same with a program that speaks uwsgi', '同上，使用 uwsgi 协议的程序'),
    more: words('?modifier1=5&modifier2=0 may follow the address.', '地址后可加 ?modifier1=5&modifier2=0。'),
  }),
  pool: many(readers.poolMount, {
    group: 'what',
    for: serving,
    help: words(
      'a FastCGI program that is started here, kept, and started anew when it ends',
      '在此启动、保持并在结束后重新启动的 FastCGI 程序',
    ),
    more: words(
      "WHERE as for --fastcgi. COMMAND is a shell's: --pool '.php=php-cgi', --pool '/app=perl app.fcgi'. Each of its --workers finds a " +
        'listening socket as descriptor 0. SIGHUP starts new ones, which take over when they are ready.',
      "WHERE 同 --fastcgi。COMMAND 为 shell 命令：--pool '.php=php-cgi'，--pool '/app=perl app.fcgi'。每个工作进程（--workers）的描述符 0 是监听套接字。" +
        'SIGHUP 启动一批新的工作进程，就绪后接替旧的。',
    ),
  }),
  wsgi: many(readers.wsgiMount, {
    group: 'what',
    for: serving,
    help: words(
      'a WSGI application (Flask, Django, Bottle), on workers that stay',
      'WSGI 应用（Flask、Django、Bottle），由常驻的工作进程运行',
    ),
    more: words(
      'TARGET is module:callable or path/file.py:callable; without a PREFIX it answers for the whole site. Example: --wsgi /api=app:application',
      'TARGET 为 module:callable 或 path/file.py:callable；没有 PREFIX 时应答整个站点。例：--wsgi /api=app:application',
    ),
  }),
  workers: one(readers.workers, {
    group: 'workers',
    for: serving,
    fallback: String(limits.workersOfPool),
    help: words(
      'processes of each --pool and --wsgi: N, or MIN..MAX as requests need them',
      '每个 --pool 与 --wsgi 的进程数：N，或按需在 MIN..MAX 之间',
    ),
    more: words(
      'A range hires when requests wait, and lets one go when it has been idle for 10 s; 0..4 starts none before the first request.',
      '给出范围时，有请求等待就增加，闲置 10 秒就减少一个；0..4 在第一个请求之前不启动任何进程。',
    ),
  }),
  'max-requests': one(readers.count(0, 1_000_000_000), {
    group: 'workers',
    for: serving,
    fallback: '0',
    help: words('a worker is replaced after about so many requests; 0: never', '工作进程处理约这么多请求后被替换；0：从不'),
  }),
  'max-memory': one(readers.size, {
    group: 'workers',
    for: serving,
    fallback: '0',
    help: words(
      'a worker that has more memory than this is replaced (Linux); 0: never',
      '工作进程占用内存超过此值时被替换（Linux）；0：从不',
    ),
  }),
  'max-age': one(readers.duration(noLimit), {
    group: 'workers',
    for: serving,
    fallback: '0',
    help: words('a worker is replaced after so long; 0: never', '工作进程运行这么久后被替换；0：从不'),
    more: words('In all three cases the new one is ready before the old one goes.', '以上三种情况，都是新的就绪之后旧的才离开。'),
  }),
  health: one(readers.text('PATH', words('a URL path such as /health', 'URL 路径，如 /health')), {
    group: 'workers',
    for: serving,
    help: words(
      'below the prefix; new workers must answer it well before they take over',
      '前缀之下的路径；新的工作进程须正确应答它才会接替',
    ),
  }),
  python: one(readers.text('PROGRAM', words('a Python interpreter', 'Python 解释器')), {
    group: 'workers',
    for: serving,
    help: words(
      'the interpreter for --wsgi; default: of $VIRTUAL_ENV, of ./.venv, then python3',
      '--wsgi 使用的解释器；默认：$VIRTUAL_ENV、./.venv 中的，其次 python3',
    ),
  }),
  venv: one(readers.text('DIR', words('the folder of a virtual environment', '虚拟环境目录')), {
    group: 'workers',
    for: serving,
    help: words('the virtual environment for --wsgi', '--wsgi 使用的虚拟环境'),
  }),
  threads: one(readers.count(1, 1_000), {
    group: 'workers',
    for: serving,
    fallback: '1',
    help: words('requests at once in each --wsgi worker', '每个 --wsgi 工作进程同时处理的请求数'),
  }),
  preload: flag({
    group: 'workers',
    for: serving,
    help: words('load a --wsgi application once and fork the workers from that', '只加载一次 --wsgi 应用，由该进程 fork 出各个工作进程'),
  }),
  dev: flag({
    group: 'workers',
    for: serving,
    help: words('a failure of a --wsgi application shows its traceback to whoever asks', '--wsgi 应用出错时向请求者显示 traceback'),
  }),
  via: one(readers.choice('fastcgi', 'scgi', 'uwsgi', 'cgi'), {
    group: 'workers',
    for: serving,
    fallback: 'fastcgi',
    help: words('the wire to --wsgi workers; cgi: a process for each request', '与 --wsgi 工作进程通信的线路；cgi：每个请求一个进程'),
  }),
  watch: flag({
    group: 'workers',
    help: words('new workers when a file changes that they have loaded', '工作进程加载过的文件更改后，换用新的工作进程'),
    more: words(
      'As with SIGHUP, they take over when they are ready, and no request is lost. A --pool program does not say what it has loaded: the ' +
        'files in its command are watched.',
      '与 SIGHUP 一样，新的就绪之后才接替，不丢失请求。--pool 的程序不会说明它加载了什么：监视其命令中的文件。',
    ),
  }),
  'watch-extra': many(readers.watched, {
    group: 'workers',
    help: words(
      'new workers when one of these changes: a file, a folder, or a glob',
      '文件、文件夹或 glob：其中之一更改后，换用新的工作进程',
    ),
    more: words("Example: --watch-extra 'templates/**/*.html'", "例：--watch-extra 'templates/**/*.html'"),
  }),
  touch: one(readers.file, {
    group: 'workers',
    help: words(
      'new workers when somebody touches this file; it need not be there yet',
      '有人 touch 此文件后，换用新的工作进程；文件可以尚不存在',
    ),
  }),
  authorizer: many(readers.placeMount, {
    group: 'what',
    for: serving,
    help: words(
      'a FastCGI Authorizer is asked before anything below this URL path',
      '访问此 URL 路径之下的一切之前，先询问 FastCGI Authorizer',
    ),
    more: words(
      'WHERE is a URL path (/private), or / for the whole site; the longest counts. Its 200 lets a request through; any other answer is the ' +
        "client's. Example: --authorizer /private=127.0.0.1:9001",
      'WHERE 为 URL 路径（/private），/ 表示整个站点；最长者有效。它答 200 则放行；其他回答原样交给客户端。例：--authorizer /private=127.0.0.1:9001',
    ),
  }),
  connections: one(readers.count(1, 10_000), {
    group: 'what',
    for: serving,
    fallback: String(limits.connectionsPerPeer),
    help: words(
      'requests at once with each such address: as many as it has workers; the others wait',
      '同时发往每个地址的请求数，应等于其工作进程数；其余的等待',
    ),
  }),
  probe: one(readers.duration(words('never', '从不')), {
    group: 'what',
    fallback: seconds(limits.probeMs),
    help: words(
      'connect so often to each address without a request, to find who is gone or back before a client does; 0: never',
      '每隔这么久连接一次没有请求的地址，先于客户端发现谁已离开或已恢复；0：从不',
    ),
  }),
  'front-controller': one(readers.text('FILE', words('a file name', '文件名')), {
    group: 'what',
    for: serving,
    help: words(
      'a file in the public directory, such as index.php, that answers where there is none',
      '公共目录中的文件（如 index.php），应答没有对应文件的路径',
    ),
  }),

  // --- where it listens --------------------------------------------------------------------------------------
  port: one(readers.port, {
    group: 'where',
    short: 'p',
    fallback: '8000',
    help: words(
      'default: 8000, or the next free one; a PORT you name is never changed; 0: any',
      '默认 8000 或下一个空闲端口；指定的端口不会被更改；0：任意',
    ),
    more: words(
      'A number alone (cgi-serve 8080) is a port too. Also read from PORT.',
      '单独的数字（cgi-serve 8080）也是端口。也读取环境变量 PORT。',
    ),
  }),
  host: many(readers.address, {
    group: 'where',
    short: 'b',
    alias: 'bind',
    fallback: '127.0.0.1, ::1',
    help: words(
      'listen here instead of this machine only; who reaches it runs your programs',
      '改为监听此地址（默认只限本机）；能访问它的人都能运行你的程序',
    ),
  }),

  'lab-port': one(readers.port, {
    group: 'where',
    help: words(
      'of the lab, on this machine only; default: next to the port above, or any',
      '实验室的端口，仅限本机；默认紧邻上述端口，或任一空闲端口',
    ),
  }),
  'no-lab': flag({
    group: 'where',
    help: words('no lab: nothing is recorded, nothing more listens', '不启用实验室：不记录，也不另行监听'),
  }),
  present: flag({
    group: 'where',
    help: words(
      'a lab for a projector or a class: only to look at, no secrets shown; it listens at --host, too',
      '供投影或课堂使用的实验室：仅供观看，不显示机密；同样监听 --host',
    ),
  }),

  // --- how scripts are run ------------------------------------------------------------------------------------
  interpreter: many(readers.interpreter, {
    group: 'scripts',
    short: 'i',
    for: [...running, 'doctor'],
    help: words('run files of this extension with PROGRAM, executable or not', '用 PROGRAM 运行此扩展名的文件，无论是否可执行'),
    more: words('Example: --interpreter .php=php-cgi', '例：--interpreter .php=php-cgi'),
  }),
  env: many(readers.assignment, {
    group: 'scripts',
    short: 'e',
    for: telling,
    help: words('a variable every script sees', '每个脚本可见的环境变量'),
  }),
  'pass-env': many(readers.variable, {
    group: 'scripts',
    for: telling,
    help: words('a variable of yours that scripts may see; PATH always is', '允许脚本看到你的环境变量；PATH 总是可见'),
    more: words('Scripts see nothing else of your environment.', '除此之外，脚本看不到你的环境。'),
  }),
  'pass-auth': flag({
    group: 'scripts',
    for: telling,
    help: words(
      'scripts see the Authorization header (RFC 3875 §9.2 advises against)',
      '脚本可见 Authorization 首部（RFC 3875 §9.2 不建议）',
    ),
  }),
  'encoded-slashes': one(readers.choice('reject', 'decode'), {
    group: 'scripts',
    for: telling,
    fallback: 'reject',
    help: words('what %2F in a path means (RFC 3875 §4.1.5)', '路径中 %2F 的含义（RFC 3875 §4.1.5）'),
  }),
  chunked: one(readers.choice('spool', 'stream', 'reject'), {
    group: 'scripts',
    for: serving,
    fallback: 'spool',
    help: words(
      'a chunked upload is kept first to learn its length, passed on without one, or refused (RFC 3875 §4.2)',
      '分块上传：先保存以得知长度、不带长度直接传递，或拒绝（RFC 3875 §4.2）',
    ),
  }),
  spawn: one(readers.choice('auto', 'native', 'portable'), {
    group: 'scripts',
    for: running,
    fallback: 'auto',
    help: words(
      'how processes are born: native is posix_spawn (Linux, through koffi), portable node:child_process; auto: native where it loads',
      '如何创建进程：native 为 posix_spawn（Linux，经由 koffi），portable 为 node:child_process；auto：能加载时用 native',
    ),
    more: words(
      "Only the native way gives the kernel's account: CPU time, memory, page faults, context switches.",
      '只有 native 方式能给出内核账目：CPU 时间、内存、缺页、上下文切换。',
    ),
  }),
  isindex: flag({
    group: 'scripts',
    for: running,
    help: words('pass a query like ?a+b as arguments (RFC 3875 §4.4)', '把 ?a+b 形式的查询作为命令行参数（RFC 3875 §4.4）'),
  }),

  // --- limits -------------------------------------------------------------------------------------------------
  timeout: one(readers.duration(noLimit), {
    group: 'limits',
    for: waiting,
    fallback: seconds(limits.totalMs),
    help: words('how long a whole request may take; 0: no limit', '整个请求的时限；0：不限'),
  }),
  'header-timeout': one(readers.duration(noLimit), {
    group: 'limits',
    for: waiting,
    fallback: seconds(limits.headerMs),
    help: words('from its start until a script has printed its headers', '脚本从启动到输出完首部的时限'),
    more: words(
      'For a program that runs already it begins with the connection: one that accepts and says nothing is a 504.',
      '对已在运行的程序，从连接建立时算起：接受连接却什么也不说，即为 504。',
    ),
  }),
  'connect-timeout': one(readers.duration(noLimit), {
    group: 'limits',
    for: [...serving, 'wire send'],
    fallback: seconds(limits.connectMs),
    help: words('to a connection with a program that runs already, over all its addresses', '与已在运行的程序建立连接的时限，含其全部地址'),
  }),
  'idle-timeout': one(readers.duration(noLimit), {
    group: 'limits',
    for: waiting,
    fallback: seconds(limits.idleMs),
    help: words('silence between two pieces of output', '两段输出之间的沉默时限'),
  }),
  'stdin-timeout': one(readers.duration(noLimit), {
    group: 'limits',
    for: waiting,
    fallback: seconds(limits.stdinMs),
    help: words('a script that neither reads its input nor answers', '脚本既不读取输入也不回答的时限'),
  }),
  'max-processes': one(readers.count(1), {
    group: 'limits',
    for: serving,
    fallback: String(limits.processesMax),
    help: words('scripts that run at once', '同时运行的脚本数'),
  }),
  'max-queue': one(readers.count(0), {
    group: 'limits',
    for: serving,
    fallback: String(limits.queueMax),
    help: words('requests that may wait for a process; more get 503', '可等待进程的请求数；超出者得到 503'),
  }),
  'max-body': one(readers.size, {
    group: 'limits',
    for: serving,
    fallback: '1G',
    help: words('the largest request body; 0: no limit', '请求体上限；0：不限'),
  }),
  grace: one(readers.duration(words('end them at once', '立即终止')), {
    group: 'limits',
    fallback: seconds(limits.shutdownGraceMs),
    help: words('at Ctrl-C, how long running scripts may finish', '按下 Ctrl-C 后，运行中的脚本还有多少时间'),
  }),

  // --- the request of `run`, `time`, `wire encode` and `wire send` ----------------------------------------------------------------------
  method: one(readers.method, {
    group: 'request',
    for: asking,
    short: 'X',
    alias: 'request',
    typedOnly: true,
    help: words('default: GET, or POST when there is data', '默认 GET；有数据时为 POST'),
  }),
  data: one(readers.text('DATA', words('the body itself, @FILE, or @- for standard input', '请求体本身、@文件，或 @- 表示标准输入')), {
    group: 'request',
    for: asking,
    short: 'd',
    typedOnly: true,
    help: words('the request body: DATA, @FILE, or @- for standard input', '请求体：DATA、@文件，或 @- 表示标准输入'),
  }),
  header: many(readers.headerLine, {
    group: 'request',
    for: asking,
    short: 'H',
    typedOnly: true,
    help: words('a header field of the request', '请求首部字段'),
  }),
  script: one(readers.file, {
    group: 'request',
    for: ['wire encode', 'wire send'],
    typedOnly: true,
    help: words(
      'the script the request is for: SCRIPT_FILENAME, which php-fpm needs',
      '请求所指的脚本，即 SCRIPT_FILENAME；php-fpm 需要它',
    ),
    more: words(
      'It may be a file of another machine. Without it a URL under --prefix is parted there, any other is all PATH_INFO.',
      '可以是另一台机器上的文件。不带它时，位于 --prefix 之下的 URL 在该处分割，其余 URL 整个作为 PATH_INFO。',
    ),
  }),

  // --- the bytes of `wire` ----------------------------------------------------------------------------------------
  wire: one(readers.choice('fastcgi', 'scgi', 'uwsgi'), {
    group: 'wire',
    for: ['wire decode', 'wire encode', 'wire send'],
    typedOnly: true,
    help: words(
      'the protocol; default: decode knows it by the first bytes, encode and send speak fastcgi',
      '协议；默认：decode 由最初几个字节识别，encode 与 send 使用 fastcgi',
    ),
  }),
  hex: flag({
    group: 'wire',
    for: ['wire decode', 'wire encode', 'wire send'],
    typedOnly: true,
    help: words(
      'hexadecimal text in place of bytes: decode reads it, encode prints it; send shows every field beside its bytes',
      '以十六进制文本代替字节：decode 读入，encode 输出；send 则逐个显示字段及其字节',
    ),
  }),

  // --- the measuring of `time` ----------------------------------------------------------------------------------
  requests: one(readers.count(1, 100_000), {
    group: 'time',
    for: ['time'],
    short: 'n',
    typedOnly: true,
    help: words(
      'exchanges measured; default: 50 of a script, 20 of each program when calibrating',
      '测量的次数；默认：脚本 50 次，校准时每个程序 20 次',
    ),
  }),
  concurrency: one(readers.count(1, limits.benchUsersMax), {
    group: 'time',
    for: ['time', 'bench'],
    short: 'c',
    typedOnly: true,
    help: words('how many of them at once; default: 1, for bench 4', '同时进行的个数；默认 1，bench 为 4'),
  }),
  rate: one(readers.count(1, limits.benchRateMax), {
    group: 'time',
    for: ['bench'],
    typedOnly: true,
    help: words(
      'so many requests a second, whatever the server does (open loop); default: each of --concurrency users asks again when answered',
      '无论服务器如何，每秒发出这么多请求（开环）；默认由 --concurrency 个用户在得到应答后再次请求',
    ),
    more: words(
      'Latencies are then counted from when a request was due. At most --concurrency are on their way; the others wait, and are late.',
      '此时延迟从请求应当发出的时刻算起。同时在途的至多 --concurrency 个；其余的等待，其延迟随之增加。',
    ),
  }),
  duration: one(readers.duration(words('each user asks once in a round', '每轮每个用户只请求一次')), {
    group: 'time',
    for: ['bench'],
    typedOnly: true,
    fallback: seconds(limits.benchMs),
    help: words('how long each target is asked, all rounds together', '每个目标被请求的总时长，各轮合计'),
  }),
  rounds: one(readers.count(1, limits.benchRoundsMax), {
    group: 'time',
    for: ['bench'],
    typedOnly: true,
    fallback: String(limits.benchRounds),
    help: words('the targets take turns so often, each time in another order', '各目标轮流的次数，每轮次序不同'),
  }),
  'warm-up': one(readers.duration(words('each user asks once', '每个用户只请求一次')), {
    group: 'time',
    for: ['bench'],
    typedOnly: true,
    fallback: seconds(limits.benchWarmUpMs),
    help: words('how long each is asked before, without being counted', '此前每个目标预热的时长，不计入结果'),
  }),

  // --- what is printed -----------------------------------------------------------------------------------------
  quiet: flag({
    group: 'output',
    short: 'q',
    help: words('neither banner nor access log; failures still show', '不显示横幅与访问日志；失败仍会显示'),
  }),
  color: one(readers.choice('always', 'never', 'auto'), {
    group: 'output',
    for: everywhere,
    fallback: 'auto',
    help: words(
      'auto: on a terminal, unless FORCE_COLOR or NO_COLOR says otherwise',
      'auto：在终端上着色，除非 FORCE_COLOR 或 NO_COLOR 另有规定',
    ),
  }),
  'log-format': one(readers.choice('dev', 'common', 'combined', 'json'), {
    group: 'output',
    fallback: 'dev',
    help: words('the access log on standard output, a line for each request', '标准输出上的访问日志，每个请求一行'),
  }),
  lang: one(
    { ...readers.choice('en', 'zh-CN'), read: (name) => languages.get(name.toLowerCase()) },
    {
      group: 'output',
      for: everywhere,
      fallback: 'en',
      help: words('the language of help and explanations', '帮助与说明的语言'),
    },
  ),
  json: flag({
    group: 'output',
    for: ['run', 'time', 'bench', 'doctor', 'status', 'wire decode', 'wire send'],
    typedOnly: true,
    opposite: 'csv',
    help: words('the report as one JSON object', '以一个 JSON 对象输出报告'),
  }),
  csv: flag({
    group: 'output',
    for: ['bench'],
    typedOnly: true,
    opposite: 'json',
    help: words('a line for each target in each round, for a spreadsheet', '每个目标每轮一行，供电子表格使用'),
  }),
  svg: one(readers.file, {
    group: 'output',
    for: ['bench'],
    typedOnly: true,
    help: words('write the pictures into this file', '把图写入此文件'),
  }),
  html: one(readers.file, {
    group: 'output',
    for: ['bench'],
    typedOnly: true,
    help: words('write pictures, tables and sentences into one page, in both languages', '把图、表与结论写成一个网页，含两种语言'),
  }),
  once: flag({
    group: 'output',
    for: ['status'],
    typedOnly: true,
    help: words('print the table once, on a terminal too', '只输出一次表格，在终端上也是如此'),
  }),

  // --- other -----------------------------------------------------------------------------------------------------
  config: one(readers.file, {
    group: 'other',
    for: everywhere,
    typedOnly: true,
    fallback: './cgi-serve.config.json',
    help: words(
      'options from a JSON file; default: ./cgi-serve.config.json, if there',
      '从 JSON 文件读取选项；默认 ./cgi-serve.config.json（若存在）',
    ),
    more: words('Its keys are the long option names, and "dir".', '键为长选项名，以及 "dir"。'),
  }),
  cgi: flag({
    group: 'other',
    typedOnly: true,
    hidden: true,
    help: words('accepted for those who come from `python -m http.server --cgi`', '为 `python -m http.server --cgi` 的用户而接受'),
  }),
  'print-manpage': flag({
    group: 'other',
    typedOnly: true,
    help: words('the manual page, for `man -l -`', '输出手册页，供 `man -l -` 使用'),
  }),
  'print-completions': one(readers.choice('bash', 'zsh', 'fish'), {
    group: 'other',
    typedOnly: true,
    help: words('completions for a shell', '输出 shell 补全脚本'),
  }),
  'print-schema': flag({
    group: 'other',
    typedOnly: true,
    help: words('the JSON Schema of the config file', '输出配置文件的 JSON Schema'),
  }),
  help: flag({
    group: 'other',
    for: everywhere,
    short: 'h',
    typedOnly: true,
    help: words('-h is short, --help long', '-h 为简短帮助，--help 为完整帮助'),
  }),
  version: flag({
    group: 'other',
    for: everywhere,
    short: 'V',
    typedOnly: true,
    help: words('the version', '版本'),
  }),
} as const satisfies Record<string, OptionRow>;

const languages = new Map<string, 'en' | 'zh-CN'>([
  ['en', 'en'],
  ['zh-cn', 'zh-CN'],
  ['zh_cn', 'zh-CN'],
  ['zh', 'zh-CN'],
]);

export type OptionName = keyof typeof optionTable;

type ValueOf<Row> = Row extends FlagRow ? boolean : Row extends OneRow<infer T> ? T : Row extends ManyRow<infer T> ? readonly T[] : never;

/** What was said, by option; absent when nothing was. */
export type Values = { [Name in OptionName]?: ValueOf<(typeof optionTable)[Name]> };

export const optionNames = Object.keys(optionTable) as OptionName[];

export const rowOf = (name: OptionName): OptionRow => optionTable[name];

export const isFor = (row: OptionRow, command: Command): boolean => {
  const known = row.for ?? ['serve'];
  // `wire` knows what all of its sub-commands know.
  return command === 'wire' ? wireCommands.every((each) => known.includes(each)) : known.includes(command);
};

const wireCommands = subCommands.filter((command) => command.startsWith('wire '));

/** `CGI_SERVE_MAX_BODY`; undefined for options that are only typed. */
export const environmentName = (name: OptionName): string | undefined =>
  rowOf(name).typedOnly ? undefined : `CGI_SERVE_${name.toUpperCase().replaceAll('-', '_')}`;

export const groupTitles: Readonly<Record<Group, Words>> = {
  what: words('What is served', '提供什么'),
  where: words('Where it listens', '监听何处'),
  workers: words('Workers that stay', '常驻的工作进程'),
  scripts: words('How scripts are run', '如何运行脚本'),
  limits: words('Limits', '限制'),
  request: words('The request', '请求'),
  wire: words('The wire', '线路上的字节'),
  time: words('What is measured', '测量什么'),
  output: words('What is printed', '输出什么'),
  other: words('Other', '其他'),
};
