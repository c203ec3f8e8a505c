/**
 * Help, from the option table: `-h` on one screen, `--help` with examples first, every default and every environment name.
 * Also the manual page (roff), from the same rows.
 */
import type { Words } from '../failures.js';
import type { Palette } from './color.js';
import { type Command, environmentName, type Group, groupTitles, isFor, type OptionName, optionNames, rowOf } from './options.js';
import { type Lang, padTo, paragraph, say, words, wrap } from './words.js';

export interface HelpOptions {
  readonly lang: Lang;
  readonly palette: Palette;
  /** Of the terminal, in columns. */
  readonly width: number;
}

const summary = words(
  'serves CGI scripts: a process for every request, in the open',
  '运行 CGI 脚本的服务器：每个请求一个进程，过程清晰可见',
);

const synopses: Readonly<Record<Command, readonly string[]>> = {
  serve: [
    'cgi-serve [DIR] [options]',
    'cgi-serve run SCRIPT [URL] [options]',
    'cgi-serve time [SCRIPT [URL]] [options]',
    'cgi-serve bench TARGET [TARGET …] [options]',
    'cgi-serve doctor [DIR] [options]',
    'cgi-serve status [PORT|URL] [options]',
    'cgi-serve wire decode [FILE] [options]',
    'cgi-serve wire encode [URL] [options]',
    'cgi-serve wire send ADDRESS [TARGET] [options]',
  ],
  run: ['cgi-serve run SCRIPT [URL] [options]'],
  time: ['cgi-serve time [SCRIPT [URL]] [options]'],
  bench: ['cgi-serve bench TARGET [TARGET …] [options]'],
  doctor: ['cgi-serve doctor [DIR] [options]'],
  status: ['cgi-serve status [PORT|URL] [options]'],
  wire: [
    'cgi-serve wire decode [FILE] [options]',
    'cgi-serve wire encode [URL] [options]',
    'cgi-serve wire send ADDRESS [TARGET] [options]',
  ],
  'wire decode': ['cgi-serve wire decode [FILE] [options]'],
  'wire encode': ['cgi-serve wire encode [URL] [options]'],
  'wire send': ['cgi-serve wire send ADDRESS [TARGET] [options]'],
};

const purposes: Readonly<Record<Command, Words>> = {
  serve: paragraph(
    [
      'DIR holds the scripts; default ./cgi-bin, or $CGI_SERVE_DIR. `run` does one exchange without a server and shows all of it;',
      '`time` measures what a process for each request costs; `bench` compares programs under load; `doctor` examines every script and says what would fail;',
      '`status` tells how the workers of a server that runs are;',
      '`wire` takes FastCGI, SCGI and uwsgi apart, byte by byte, puts them together, and sends them.',
      'While the server runs on a terminal, h and Enter lists what can be typed: l and Enter opens the lab. Each has its own --help: `cgi-serve time --help`.',
    ],
    [
      'DIR 是脚本目录，默认 ./cgi-bin 或 $CGI_SERVE_DIR。`run` 不启动服务器而执行一次请求，并显示全过程；',
      '`time` 测量每个请求一个进程的代价；`bench` 在负载下比较程序；`doctor` 检查每个脚本，指出会失败的地方；`status` 显示运行中的服务器的工作进程状态；',
      '`wire` 逐字节拆解 FastCGI、SCGI 与 uwsgi，也能生成和发送它们。服务器在终端上运行时，输入 h 再按回车列出可输入的按键：l 加回车打开实验室。',
      '各自的选项见其 --help，如 `cgi-serve time --help`。',
    ],
  ),
  run: paragraph(
    [
      'Does one exchange without a server, and shows the environment, the raw output and how each header line was judged.',
      "URL is what follows the script's own (/path/info?query or ?query), or the whole URL as a browser shows it.",
      'Exit code 5: the script is not a conforming CGI program.',
    ],
    [
      '不启动服务器而执行一次请求，显示环境、原始输出以及每个首部行的判定。',
      'URL 是脚本 URL 之后的部分（/path/info?query 或 ?query），或浏览器中的完整 URL。',
      '退出码 5：脚本不符合 CGI 规范。',
    ],
  ),
  time: paragraph(
    [
      'Measures what a process for each request costs on this machine. Without SCRIPT: `true` and an empty program in every language',
      'found here, each split into spawn, start-up, run and exit. With SCRIPT: its exchanges, split in the same way, beside an empty',
      'program in its language, and what of it is paid again for every request. Ctrl-C tells what was measured until then.',
      'Exit code 5: the script is not a conforming CGI program.',
    ],
    [
      '测量在本机上每个请求一个进程的代价。不带脚本：测量 `true` 以及本机各语言的空程序，分为 spawn、start-up、run 与 exit。',
      '带脚本：以同样方式拆分其时间，与同语言的空程序对照，并指出其中多少是每个请求都要重新付出的。',
      '按 Ctrl-C 会显示此前已测量的结果。退出码 5：脚本不符合 CGI 规范。',
    ],
  ),
  bench: paragraph(
    [
      'Compares up to four targets under load: scripts (cgi-bin/hello.py), or URL paths (/app) of what the options of `cgi-serve` mount,',
      'such as the same program as CGI, FastCGI and WSGI. It starts a server for itself and aims at nothing else. The load comes from a',
      'process of its own; the targets take turns. Answers below 400 have a latency, others are counted as failures.',
      'Ctrl-C tells what was measured until then. Exit code 5: a target answered nothing well.',
    ],
    [
      '在负载下比较至多四个目标：脚本（cgi-bin/hello.py），或由 `cgi-serve` 的选项挂载的 URL 路径（/app），如同一程序的 CGI、FastCGI 与 WSGI 形式。',
      '它自行启动一个服务器，只对它发出请求。负载来自单独的进程；各目标轮流进行。状态码小于 400 的应答计入延迟，其余计为失败。',
      '按 Ctrl-C 会显示此前已测量的结果。退出码 5：某个目标没有正常应答过。',
    ],
  ),
  doctor: paragraph(
    [
      'Examines every script in DIR (default ./cgi-bin) without starting any: what would run it, what would fail, how to mend it.',
      'Exit code 5: at least one script would fail.',
    ],
    ['检查 DIR（默认 ./cgi-bin）中的每个脚本而不运行它们：由什么运行、会在哪里失败、如何修复。', '退出码 5：至少一个脚本会失败。'],
  ),
  status: paragraph(
    [
      'How the workers of a server that runs are: each of them and what it does now, the queue before them, what was dropped, recycled,',
      'retried. On a terminal the table is drawn anew every second; q quits. Without PORT or URL: the one server of yours that runs with',
      'a lab. PORT is that of its Lab URL. The same is told at /status of the lab, as php-fpm and uWSGI tell it. Exit code 5: no server answers.',
    ],
    [
      '显示运行中的服务器的工作进程：每个进程及其正在做的事、它们之前的队列、丢弃、更换与重试的次数。',
      '在终端上每秒重绘一次，按 q 退出。不带 PORT 或 URL 时，为你唯一带实验室运行的服务器；PORT 为其实验室 URL 的端口。',
      '实验室的 /status 以 php-fpm 与 uWSGI 的格式给出同样的内容。退出码 5：没有服务器应答。',
    ],
  ),
  wire: paragraph(
    [
      'The bytes between a web server and a program that lives longer than one request. `decode` says what they mean;',
      '`encode` makes them; `send` sends a request and shows both ways. Each has its own --help.',
    ],
    [
      'Web 服务器与常驻程序之间的字节。`decode` 说明它们的含义，`encode` 生成它们，`send` 发送一个请求并显示双向的字节。',
      '各自的选项见其 --help。',
    ],
  ),
  'wire decode': paragraph(
    [
      'Says what bytes mean: field by field, with the rule each follows, then what a reader makes of the whole, and how much of it is',
      'envelope. FILE holds the bytes as they were sent, or as hexadecimal text; `-` or nothing is standard input. Requests on all',
      'three wires and the answers of FastCGI can be read; the answers of SCGI and uwsgi have no framing.',
      'Exit code 5: the bytes break the rules of their wire, or end too early.',
    ],
    [
      '说明字节的含义：逐个字段列出及其依据的规则，然后是读取方对整体的理解，以及其中封装所占的比例。',
      'FILE 为原样的字节或十六进制文本；`-` 或省略表示标准输入。可读取三种协议的请求以及 FastCGI 的响应；SCGI 与 uwsgi 的响应没有分帧。',
      '退出码 5：字节违反其协议的规则，或过早结束。',
    ],
  ),
  'wire encode': paragraph(
    [
      'Prints the bytes of a request, with the variables that this server would make for it. URL is a path or a whole URL; with --script',
      "also what follows the script's own, as for `run`, or nothing. Exit code 5: the wire cannot carry the request.",
    ],
    [
      '输出一个请求的字节，其变量与本服务器生成的相同。URL 是路径或完整的 URL；带 --script 时也可以像 `run` 那样只写脚本 URL 之后的部分，或省略。',
      '退出码 5：该协议无法承载此请求。',
    ],
  ),
  'wire send': paragraph(
    [
      'Sends one request straight to a program that runs already, and shows what went over the wire, both ways, then the answer and',
      'how long each part took. ADDRESS is unix:/path or host:port; for uwsgi ?modifier1=5&modifier2=0 may follow. TARGET is a path or a',
      'whole URL; default /. With --script it may be left out, as for `wire encode`. Exit code 5: no whole answer came.',
    ],
    [
      '把一个请求直接发给已在运行的程序，显示双向的字节，然后是响应以及各阶段用时。',
      'ADDRESS 为 unix:/路径 或 主机:端口；uwsgi 的地址后可加 ?modifier1=5&modifier2=0。TARGET 是路径或完整的 URL，默认为 /；',
      '带 --script 时可省略，与 `wire encode` 相同。退出码 5：没有得到完整的响应。',
    ],
  ),
};

const examples: Readonly<Record<Command, readonly (readonly [string, Words])[]>> = {
  serve: [
    ['cgi-serve', words('serve ./cgi-bin at http://localhost:8000/cgi-bin/', '在 http://localhost:8000/cgi-bin/ 提供 ./cgi-bin')],
    ['cgi-serve ./scripts -p 8080', words('another directory, another port', '另一个目录和端口')],
    ['cgi-serve -i .php=php-cgi', words('run PHP pages too', '同时运行 PHP 页面')],
    [
      'cgi-serve --wsgi app:application --watch',
      words('a WSGI application; a save brings new workers', 'WSGI 应用；保存文件即换用新的工作进程'),
    ],
    ['cgi-serve --host 0.0.0.0', words('let other machines in: they can run your programs', '允许其他机器访问：它们能运行你的程序')],
    ['cgi-serve --log-format combined | goaccess -', words('watch the access log', '分析访问日志')],
    [
      "cgi-serve run cgi-bin/form.py '?name=Ada'",
      words('one request without a server, everything shown', '不启动服务器执行一次请求，显示全过程'),
    ],
    ['cgi-serve time', words('what a process costs here, in every language found', '在本机各语言启动一个进程的代价')],
    ['cgi-serve doctor', words('which scripts would fail, and why', '哪些脚本会失败，以及原因')],
    ['cgi-serve wire encode / | cgi-serve wire decode', words('a request as FastCGI, field by field', '一个请求的 FastCGI 字节，逐个字段')],
  ],
  run: [
    ['cgi-serve run cgi-bin/env.py', words('a GET request', 'GET 请求')],
    ["cgi-serve run cgi-bin/form.py '?name=Ada'", words('with a query', '带查询')],
    ['cgi-serve run cgi-bin/form.py -d name=Ada', words('a form, posted', '提交表单')],
    ["cgi-serve run cgi-bin/up.pl -d @photo.jpg -H 'Content-Type: image/jpeg'", words('an upload', '上传文件')],
    ['cgi-serve run cgi-bin/api.rb /users/7 -X DELETE', words('a path and a method', '路径与方法')],
  ],
  time: [
    ['cgi-serve time', words('every interpreter of this machine, with nothing to do', '本机每个解释器的空程序')],
    ['cgi-serve time cgi-bin/hello.py', words('50 exchanges of a script, split', '对脚本测量 50 次并拆分')],
    ["cgi-serve time cgi-bin/form.py '?name=Ada' -n 500 -c 8", words('500, eight at once', '500 次，同时 8 个')],
    [
      'cgi-serve time cgi-bin/hello.py --spawn portable',
      words('with processes born by node:child_process', '用 node:child_process 创建进程'),
    ],
    ['cgi-serve time --json', words('for another program', '供其他程序使用')],
  ],
  bench: [
    ['cgi-serve bench cgi-bin/hello.py cgi-bin/hello.pl', words('two scripts, four users', '两个脚本，四个用户')],
    [
      'cgi-serve bench cgi-bin/hello.py /app --wsgi /app=app:application',
      words('a process for each request, and workers that stay', '每个请求一个进程，与常驻的工作进程'),
    ],
    [
      "cgi-serve bench /app --pool '/app=perl app.fcgi' --workers 1 --rate 50",
      words('50 requests a second, whatever happens', '无论如何，每秒 50 个请求'),
    ],
    ['cgi-serve bench cgi-bin/a.sh cgi-bin/b.sh --html report.html', words('a page with pictures', '带图的网页')],
  ],
  doctor: [
    ['cgi-serve doctor', words('examine ./cgi-bin', '检查 ./cgi-bin')],
    ['cgi-serve doctor ./scripts --json', words('for another program', '供其他程序使用')],
  ],
  status: [
    ['cgi-serve status', words('watch the workers of the server that runs', '观察运行中的服务器的工作进程')],
    ['cgi-serve status 8001 --once', words('of the one whose lab is at this port, once', '实验室位于此端口的服务器，只显示一次')],
    ['cgi-serve status --json', words('for another program', '供其他程序使用')],
  ],
  wire: [
    [
      'cgi-serve wire encode / --wire scgi | cgi-serve wire decode',
      words('a request as SCGI, field by field', '一个请求的 SCGI 字节，逐个字段'),
    ],
  ],
  'wire decode': [
    ['cgi-serve wire decode captured.bin', words('what was recorded', '解读录下的字节')],
    ['cgi-serve wire decode captured.bin --wire uwsgi', words('what it means to a uwsgi port', '在 uwsgi 端口看来是什么')],
    ['echo 01 03 00 01 00 08 00 00 | cgi-serve wire decode', words('as hexadecimal text, here cut short', '十六进制文本，此处不完整')],
    ['cgi-serve wire decode captured.bin --json', words('for another program', '供其他程序使用')],
  ],
  'wire encode': [
    ["cgi-serve wire encode '/form?name=Ada' --hex", words('a GET request as FastCGI, as text', '以文本显示 GET 请求的 FastCGI 字节')],
    ['cgi-serve wire encode /form -d name=Ada --wire scgi | xxd', words('a form, posted, as SCGI', '以 SCGI 提交表单')],
    [
      'cgi-serve wire encode /app/users --prefix /app --wire uwsgi > request.bin',
      words('for an application at /app', '发给位于 /app 的应用'),
    ],
    ['cgi-serve wire encode --script /srv/www/index.php > request.bin', words('for php-fpm', '发给 php-fpm')],
  ],
  'wire send': [
    [
      'cgi-serve wire send unix:/run/php/php8.2-fpm.sock --script /srv/www/index.php',
      words('ask php-fpm for a file', '向 php-fpm 请求一个文件'),
    ],
    ["cgi-serve wire send 127.0.0.1:4000 '/form?name=Ada' --wire scgi", words('an SCGI program', 'SCGI 程序')],
    [
      "cgi-serve wire send 'unix:/run/app.sock?modifier1=5' /app -d name=Ada --wire uwsgi",
      words('a form, posted to Perl behind uWSGI', '向 uWSGI 后的 Perl 提交表单'),
    ],
    ['cgi-serve wire send 127.0.0.1:9000 / --hex', words('with every field beside its bytes', '逐个显示字段及其字节')],
  ],
};

const exitCodes: readonly (readonly [string, Words])[] = [
  ['0', words('stopped as asked, everything finished', '正常停止，全部完成')],
  ['1', words('a mistake of cgi-serve', 'cgi-serve 内部错误')],
  ['2', words('a bad option, value or config file', '选项、值或配置文件有误')],
  ['3', words('cannot listen: the port is taken or not allowed', '无法监听：端口被占用或无权限')],
  ['4', words('a directory or file is missing or unreadable', '目录或文件缺失或不可读')],
  [
    '5',
    words(
      'run, time, doctor: a script is not a CGI program; bench: a target answered nothing well; doctor: nobody listens at a mount; status: no server answers; wire: bytes break the rules, or no whole answer comes',
      'run、time、doctor：脚本不符合 CGI 规范；bench：某个目标没有正常应答过；doctor：挂载处无人监听；status：没有服务器应答；wire：字节违反协议的规则，或没有得到完整的响应',
    ),
  ],
  [
    '129, 130, 143',
    words('ended by force: a second Ctrl-C, or the time for finishing was over', '强制结束：第二次 Ctrl-C，或宽限时间已到'),
  ],
];

const headings = {
  usage: words('Usage', '用法'),
  examples: words('Examples', '示例'),
  exit: words('Exit codes', '退出码'),
  default: words('default', '默认'),
};

/** Those that most people need. */
const brief: readonly OptionName[] = [
  ...(['prefix', 'public', 'port', 'host', 'interpreter', 'timeout', 'method', 'data', 'header', 'script', 'wire', 'hex'] as const),
  ...(['requests', 'concurrency', 'rate', 'duration', 'html'] as const),
  ...(['quiet', 'log-format', 'json', 'once', 'lang', 'config', 'help', 'version'] as const),
];

export const shortHelp = (command: Command, version: string, { lang, palette: p, width }: HelpOptions): string => {
  const rows = brief.filter((name) => isFor(rowOf(name), command));
  return [
    `${p.bold(`cgi-serve ${version}`)}  ${say(summary, lang)}`,
    '',
    ...synopsis(command, lang, p),
    '',
    ...rows.flatMap((name) => optionLines(name, false, lang, p, width)),
    '',
    p.dim(say(words('--help shows everything, with examples', '--help 显示全部选项与示例'), lang)),
  ].join('\n');
};

export const longHelp = (command: Command, version: string, { lang, palette: p, width }: HelpOptions): string => {
  const exampleWidth = Math.max(...examples[command].map(([line]) => line.length)) + 3;
  return [
    `${p.bold(`cgi-serve ${version}`)}  ${say(summary, lang)}`,
    '',
    p.bold(say(headings.examples, lang)),
    ...examples[command].flatMap(([line, what]) =>
      exampleWidth + 40 <= width
        ? [`  ${padTo(line, exampleWidth)}${p.dim(say(what, lang))}`]
        : [`  ${line}`, `      ${p.dim(say(what, lang))}`],
    ),
    '',
    ...synopsis(command, lang, p),
    '',
    ...wrap(say(purposes[command], lang), width),
    ...(Object.keys(groupTitles) as Group[]).flatMap((group) => {
      const rows = optionNames.filter((name) => rowOf(name).group === group && isFor(rowOf(name), command) && !rowOf(name).hidden);
      if (rows.length === 0) return [];
      return ['', p.bold(say(groupTitles[group], lang)), ...rows.flatMap((name) => optionLines(name, true, lang, p, width))];
    }),
    '',
    p.bold(say(headings.exit, lang)),
    ...exitCodes.flatMap(([code, what]) =>
      wrap(say(what, lang), width - exitColumn).map((line, i) => `  ${padTo(i === 0 ? code : '', exitColumn - 2)}${line}`),
    ),
    '',
    ...wrap(say(precedence, lang), width),
  ].join('\n');
};

const precedence = paragraph(
  [
    'What is typed counts more than the environment, that more than the config file.',
    'Options marked … may be given several times; in the environment their values are parted by commas.',
  ],
  ['命令行优先于环境变量，环境变量优先于配置文件。', '带 … 的选项可多次给出；在环境变量中以逗号分隔。'],
);

const synopsis = (command: Command, lang: Lang, p: Palette): string[] => {
  const title = `${say(headings.usage, lang)}${lang === 'en' ? ': ' : '：'}`;
  return synopses[command].map((line, i) => (i === 0 ? p.bold(title) : padTo('', lang === 'en' ? 7 : 6)) + line);
};

const helpColumn = 30;
const exitColumn = 17;

/** `-p, --port PORT`, `--env NAME=VALUE …` */
const spelling = (name: OptionName): string => {
  const row = rowOf(name);
  const short = row.short ? `-${row.short}, ` : '    ';
  return `${short}--${name}${row.kind === 'flag' ? '' : ` ${row.reader.placeholder}`}${row.kind === 'many' ? ' …' : ''}`;
};

const optionLines = (name: OptionName, long: boolean, lang: Lang, p: Palette, width: number): string[] => {
  const row = rowOf(name);
  const room = Math.max(30, width - helpColumn);
  const facts = [
    row.fallback !== undefined && !saysDefault(row.help) ? `${say(headings.default, lang)} ${row.fallback}` : undefined,
    environmentName(name) === undefined ? undefined : `$${environmentName(name)}`,
    row.alias ? `--${row.alias}` : undefined,
  ].filter(Boolean);
  const text = [
    ...wrap(say(row.help, lang), room),
    ...(long && row.more ? wrap(say(row.more, lang), room) : []),
    ...(long && facts.length > 0 ? [p.dim(facts.join(' · '))] : []),
  ];
  const spelt = `  ${spelling(name)}`;
  const rest = text.map((line) => ' '.repeat(helpColumn) + line);
  return spelt.length + 2 <= helpColumn ? [p.cyan(padTo(spelt, helpColumn)) + text[0], ...rest.slice(1)] : [p.cyan(spelt), ...rest];
};

const saysDefault = (help: Words): boolean => /\bdefault\b/.test(help.en);

/** `man -l -` reads it. English: so does whoever packages the program. */
export const manualPage = (version: string): string => {
  const roff = (text: string): string =>
    text
      .replace(/\\/g, '\\e')
      .replace(/-/g, '\\-')
      .replace(/^([.'])/gm, '\\&$1');
  const option = (name: OptionName): string[] => {
    const row = rowOf(name);
    const short = row.short ? `\\fB\\-${row.short}\\fR, ` : '';
    const value = row.kind === 'flag' ? '' : ` \\fI${roff(row.reader.placeholder)}\\fR`;
    const fallback = row.fallback && !saysDefault(row.help) ? `Default: ${row.fallback}.` : '';
    const env = environmentName(name) ? `Environment: ${environmentName(name)}.` : '';
    const told = [`${row.help.en}.`, row.more?.en, fallback, env].filter(Boolean).join(' ');
    return ['.TP', `${short}\\fB\\-\\-${roff(name)}\\fR${value}${row.kind === 'many' ? ' …' : ''}`, roff(told)];
  };
  const rows = (command: Command, only: (name: OptionName) => boolean): string[] =>
    optionNames.filter((name) => isFor(rowOf(name), command) && !rowOf(name).hidden && only(name)).flatMap(option);
  return [
    `.TH CGI\\-SERVE 1 "" "cgi\\-serve ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `cgi\\-serve \\- ${roff(summary.en)}`,
    '.SH SYNOPSIS',
    ...synopses.serve.flatMap((line, i) => [...(i === 0 ? [] : ['.br']), roff(line)]),
    '.SH DESCRIPTION',
    roff(purposes.serve.en),
    '.SH OPTIONS',
    ...rows('serve', () => true),
    '.SH CGI\\-SERVE RUN',
    roff(purposes.run.en),
    ...rows('run', (name) => !isFor(rowOf(name), 'serve')),
    '.SH CGI\\-SERVE TIME',
    roff(purposes.time.en),
    ...rows('time', (name) => !isFor(rowOf(name), 'serve') && !isFor(rowOf(name), 'run')),
    '.SH CGI\\-SERVE BENCH',
    roff(purposes.bench.en),
    ...rows('bench', (name) => !isFor(rowOf(name), 'serve') && !isFor(rowOf(name), 'run') && !isFor(rowOf(name), 'time')),
    '.SH CGI\\-SERVE DOCTOR',
    roff(purposes.doctor.en),
    '.SH CGI\\-SERVE STATUS',
    roff(purposes.status.en),
    ...rows('status', (name) => isFor(rowOf(name), 'status') && !isFor(rowOf(name), 'serve') && !isFor(rowOf(name), 'run')),
    '.SH CGI\\-SERVE WIRE DECODE',
    roff(purposes['wire decode'].en),
    ...rows('wire decode', (name) => rowOf(name).group === 'wire'),
    '.SH CGI\\-SERVE WIRE ENCODE',
    roff(purposes['wire encode'].en),
    ...rows('wire encode', (name) => !isFor(rowOf(name), 'wire decode') && !isFor(rowOf(name), 'run')),
    '.SH CGI\\-SERVE WIRE SEND',
    roff(purposes['wire send'].en),
    '.SH FILES',
    '.TP',
    '\\fBcgi\\-serve.config.json\\fR',
    roff('Options by their long names, and "dir". Read from the working directory, or from where --config says.'),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, what]) => ['.TP', `\\fB${code}\\fR`, roff(what.en)]),
    '.SH EXAMPLES',
    ...examples.serve.flatMap(([line, what]) => ['.TP', `\\fB${roff(line)}\\fR`, roff(what.en)]),
    '.SH SEE ALSO',
    'RFC 3875, The Common Gateway Interface (CGI) Version 1.1',
    '',
  ].join('\n');
};
