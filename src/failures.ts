/**
 * Every way an exchange can fail. One row each: the status a client gets, whose fault it is, the rule that says so,
 * what happened, and how to mend it, in English and Chinese. The failure page, the log, `doctor` and `run` all read this table.
 *
 * Statuses: 4xx the client's; 403 and 404 also a script that is not there or may not run; 500 the server cannot start it;
 * 502 the script ran and answered wrongly; 503 not now; 504 too late. (Apache, Go and nginx-cgi say 500 where we say 502.)
 */

/** Words in the two languages of the program. */
export interface Words {
  readonly en: string;
  readonly zh: string;
}

export interface FailureRow {
  /** 0 when no answer can be given any more: the connection is broken off instead. */
  readonly status: number;
  readonly fault: 'client' | 'script' | 'server';
  /** The section that makes it a failure; `''` when it is our own policy. */
  readonly rule: string;
  readonly what: Words;
  readonly mend: Words;
}

const row = (
  status: number,
  fault: FailureRow['fault'],
  rule: string,
  what: readonly [en: string, zh: string],
  mend: readonly [en: string, zh: string],
): FailureRow => ({ status, fault, rule, what: { en: what[0], zh: what[1] }, mend: { en: mend[0], zh: mend[1] } });

export const failureTable = {
  // --- the request is not HTTP, or not what HTTP allows ------------------------------------------------------
  BAD_REQUEST: row(
    400,
    'client',
    'RFC 9112 §2.2',
    ['The request is not well-formed HTTP.', '请求不是合法的 HTTP 报文。'],
    ['Look at the bytes the client sends; `curl -v` shows a correct request.', '检查客户端发送的字节；`curl -v` 会显示一个正确的请求。'],
  ),
  HOST_INVALID: row(
    400,
    'client',
    'RFC 9112 §3.2',
    ['The request has no Host field, two of them, or one that is not a host name.', '请求缺少 Host 字段、有两个 Host，或其值不是主机名。'],
    ['Send exactly one `Host: name[:port]`.', '只发送一个 `Host: 名称[:端口]`。'],
  ),
  VERSION_UNSUPPORTED: row(
    505,
    'client',
    'RFC 9110 §15.6.6',
    ['The request names an HTTP version this server does not speak.', '请求使用了本服务器不支持的 HTTP 版本。'],
    ['Speak HTTP/1.1 or HTTP/1.0.', '请使用 HTTP/1.1 或 HTTP/1.0。'],
  ),
  METHOD_UNKNOWN: row(
    501,
    'client',
    'RFC 9110 §15.6.2',
    ['The request method is not one this server knows.', '服务器不认识这个请求方法。'],
    ['Methods are case-sensitive: `GET`, not `get`.', '方法名区分大小写：用 `GET`，不用 `get`。'],
  ),
  HEAD_TOO_LARGE: row(
    431,
    'client',
    'RFC 6585 §5',
    ['The request line and header fields together are too large.', '请求行与首部字段合计过大。'],
    ['Send less: long cookies are the usual cause.', '减少首部内容：最常见的原因是过长的 Cookie。'],
  ),
  HEAD_TIMEOUT: row(
    408,
    'client',
    'RFC 9110 §15.5.9',
    ['The request head did not arrive in time.', '请求首部没有按时到达。'],
    ['Send the whole head at once.', '请一次发完整个首部。'],
  ),
  URI_TOO_LONG: row(
    414,
    'client',
    'RFC 9110 §15.5.15',
    ['The path is too long.', '路径过长。'],
    ['Put long data in the body of a POST.', '请把长数据放进 POST 的请求体。'],
  ),
  EXPECTATION_FAILED: row(
    417,
    'client',
    'RFC 9110 §10.1.1',
    ['The request expects something other than 100-continue.', '请求的 Expect 不是 100-continue。'],
    ['Leave out the Expect field.', '请去掉 Expect 字段。'],
  ),
  PATH_BAD_ENCODING: row(
    400,
    'client',
    'RFC 3986 §2.1',
    ['The path has a broken %-escape, or bytes that are not UTF-8.', '路径中有错误的百分号编码，或不是 UTF-8 的字节。'],
    ['Write every escape as % and two hexadecimal digits of UTF-8.', '每个转义都写成 % 加两位十六进制数，内容为 UTF-8。'],
  ),
  PATH_FORBIDDEN_BYTE: row(
    400,
    'client',
    'RFC 3875 §4.1.5',
    ['The path holds a NUL, a control character or a backslash.', '路径中含有 NUL、控制字符或反斜杠。'],
    ['No script has such a name; leave it out.', '脚本名不会包含它们；请去掉。'],
  ),
  PATH_ABOVE_ROOT: row(
    400,
    'client',
    'RFC 3875 §9.8',
    ['The path climbs above the root with `..`.', '路径用 `..` 越过了根目录。'],
    ['Use a path inside the site.', '请使用站点之内的路径。'],
  ),
  PATH_ENCODED_SLASH: row(
    404,
    'client',
    'RFC 3875 §4.1.5',
    [
      'The path holds an encoded slash (%2F), which cannot be told from a real one after decoding.',
      '路径中有编码的斜杠（%2F），解码后无法与真正的斜杠区分。',
    ],
    [
      'Start with `--encoded-slashes decode` to let it through in PATH_INFO.',
      '用 `--encoded-slashes decode` 启动，即可在 PATH_INFO 中使用。',
    ],
  ),
  TRANSFER_CODING_UNKNOWN: row(
    501,
    'client',
    'RFC 9112 §6.1',
    ['The body has a transfer coding other than chunked.', '请求体使用了 chunked 以外的传输编码。'],
    ['Send Content-Length, or `Transfer-Encoding: chunked` alone.', '发送 Content-Length，或只用 `Transfer-Encoding: chunked`。'],
  ),
  BODY_TOO_LARGE: row(
    413,
    'client',
    'RFC 9110 §15.5.14',
    ['The request body is larger than this server takes.', '请求体超过了服务器的上限。'],
    ['Send less, or start with a larger `--max-body`.', '减小请求体，或用更大的 `--max-body` 启动。'],
  ),
  BODY_LENGTH_REQUIRED: row(
    411,
    'client',
    'RFC 3875 §4.2',
    [
      'The body is chunked, and this server was told to take only bodies of known length.',
      '请求体是分块传输的，而服务器只接受已知长度的请求体。',
    ],
    ['Send Content-Length, or start with `--chunked spool`.', '发送 Content-Length，或用 `--chunked spool` 启动。'],
  ),
  BODY_TIMEOUT: row(
    408,
    'client',
    'RFC 9110 §15.5.9',
    ['The announced body stopped arriving.', '已声明的请求体中途不再到达。'],
    ['Send as many bytes as Content-Length says.', '请发送与 Content-Length 相同的字节数。'],
  ),
  BODY_CUT_SHORT: row(
    400,
    'client',
    'RFC 9112 §8',
    ['The client stopped half-way through the body.', '客户端在发送请求体中途停止了。'],
    ['Send as many bytes as Content-Length says.', '请发送与 Content-Length 相同的字节数。'],
  ),
  AUTH_REQUIRED: row(
    401,
    'client',
    'RFC 9110 §11.6.1',
    ['A name and password are needed here.', '此处需要用户名和密码。'],
    ['Use a name from the file given with `--basic-auth`.', '使用 `--basic-auth` 文件中的用户名。'],
  ),
  METHOD_NOT_ALLOWED: row(
    405,
    'client',
    'RFC 9110 §15.5.6',
    ['This is a static file: it can be read, nothing else.', '这是静态文件，只能读取。'],
    ['Use GET or HEAD, or send the request to a script.', '使用 GET 或 HEAD，或把请求发给脚本。'],
  ),
  CLIENT_GONE: row(
    0,
    'client',
    'RFC 3875 §6.1',
    ['The client left before the answer was complete.', '客户端在响应完成之前离开了。'],
    ['Nothing: the script was told to end.', '无需处理：脚本已被通知结束。'],
  ),
  CLIENT_STALLED: row(
    0,
    'client',
    '',
    ['The client stopped taking the answer.', '客户端不再接收响应。'],
    ['Nothing: the script was told to end.', '无需处理：脚本已被通知结束。'],
  ),

  // --- nothing here that may run -------------------------------------------------------------------------------
  NOT_FOUND: row(
    404,
    'client',
    'RFC 9110 §15.5.5',
    ['Nothing has this name.', '没有这个名称的内容。'],
    ['Names are exact: case, dots and spaces count.', '名称必须完全一致：大小写、点和空格都算。'],
  ),
  LINK_LEAVES_ROOT: row(
    404,
    'server',
    'RFC 3875 §9.8',
    ['A symbolic link here leads outside the served directory.', '此处的符号链接指向服务目录之外。'],
    [
      'Put the file inside, or a two-line script there that runs it: `#!/bin/sh`, `exec /the/program`.',
      '把文件放进目录，或写一个两行脚本来运行它：`#!/bin/sh`，`exec /the/program`。',
    ],
  ),
  NOT_EXECUTABLE: row(
    403,
    'server',
    'RFC 3875 §3.2',
    ['The file is here, but it is not executable, so it is not a script.', '文件存在，但没有可执行权限，所以不是脚本。'],
    [
      '`chmod +x FILE`, or map its extension: `--interpreter .ext=PROGRAM`.',
      '执行 `chmod +x 文件`，或映射扩展名：`--interpreter .ext=程序`。',
    ],
  ),
  SCRIPT_OUTSIDE: row(
    403,
    'server',
    '',
    [
      'A file of this kind is a script, and scripts run only in the script directory; its text is not sent.',
      '这类文件是脚本，而脚本只在脚本目录中运行；不会发送其文本。',
    ],
    ['Move it to the script directory.', '请把它移到脚本目录。'],
  ),
  NOT_A_FILE: row(
    403,
    'server',
    'RFC 3875 §3.2',
    ['This is a device, pipe or socket, not a script.', '这是设备、管道或套接字，不是脚本。'],
    ['Put an executable file here.', '请放置一个可执行文件。'],
  ),
  NO_PERMISSION: row(
    403,
    'server',
    '',
    ['The server may not read this file or directory.', '服务器没有读取此文件或目录的权限。'],
    ['Give the user that runs the server permission to it.', '请给运行服务器的用户授予权限。'],
  ),
  NO_LISTING: row(
    403,
    'server',
    '',
    ['This is a directory without an index.', '这是没有索引的目录。'],
    ['Add `index.cgi` to a script directory, `index.html` to a static one.', '脚本目录加 `index.cgi`，静态目录加 `index.html`。'],
  ),
  WINDOWS_BATCH: row(
    403,
    'server',
    'CVE-2024-27980',
    ['Batch files are never run: their arguments cannot be quoted safely.', '从不运行批处理文件：其参数无法安全地加引号。'],
    ['Write the script in another language.', '请用其他语言编写脚本。'],
  ),

  // --- the server cannot start it ------------------------------------------------------------------------------
  SHEBANG_CRLF: row(
    500,
    'script',
    'execve(2)',
    [
      'The first line of the script ends with a carriage return (^M), so the system looks for an interpreter whose name ends in one.',
      '脚本第一行以回车符（^M）结尾，系统因此寻找名称带回车符的解释器。',
    ],
    ["Save it with Unix line ends: `sed -i 's/\\r$//' FILE`.", "改为 Unix 换行：`sed -i 's/\\r$//' 文件`。"],
  ),
  SHEBANG_MISSING: row(
    500,
    'script',
    'execve(2)',
    [
      'The file is executable, but is neither a program nor begins with `#!`: the system does not know what should run it.',
      '文件可执行，但既不是程序也不以 `#!` 开头：系统不知道该用什么运行它。',
    ],
    [
      'Make `#!/usr/bin/env python3` (or your language) its first line, or map its extension: `--interpreter .ext=PROGRAM`.',
      '把 `#!/usr/bin/env python3`（或相应语言）写在第一行，或映射扩展名：`--interpreter .ext=程序`。',
    ],
  ),
  SHEBANG_BOM: row(
    500,
    'script',
    'execve(2)',
    [
      'A byte order mark (EF BB BF) stands before `#!`, so the system does not see it.',
      '`#!` 之前有字节顺序标记（EF BB BF），系统看不到它。',
    ],
    [
      "Save it as UTF-8 without BOM: `sed -i '1s/^\\xEF\\xBB\\xBF//' FILE`.",
      "保存为不带 BOM 的 UTF-8：`sed -i '1s/^\\xEF\\xBB\\xBF//' 文件`。",
    ],
  ),
  SHEBANG_TOO_LONG: row(
    500,
    'script',
    'execve(2)',
    ['The path after `#!` is longer than the system reads.', '`#!` 之后的路径超出了系统读取的长度。'],
    ['Keep the first line under 127 bytes, or use `#!/usr/bin/env NAME`.', '让第一行少于 127 字节，或使用 `#!/usr/bin/env 名称`。'],
  ),
  SCRIPT_EMPTY: row(
    500,
    'script',
    'execve(2)',
    ['The file is executable, but empty.', '文件可执行，但内容为空。'],
    ['Was it saved? Did the disk fill up?', '保存了吗？磁盘是否已满？'],
  ),
  INTERPRETER_MISSING: row(
    500,
    'server',
    'execve(2)',
    ['The interpreter that the script names is not on this machine.', '脚本指定的解释器不在这台机器上。'],
    [
      'Install it, or name the right path: `#!/usr/bin/env NAME` finds it on PATH.',
      '请安装它，或写对路径：`#!/usr/bin/env 名称` 会在 PATH 中查找。',
    ],
  ),
  SCRIPT_VANISHED: row(
    404,
    'server',
    'execve(2)',
    ['The script was there a moment ago and is gone.', '脚本刚才还在，现在不见了。'],
    ['It was removed or replaced while it was asked for; ask again.', '它在请求期间被删除或替换；请重试。'],
  ),
  SPAWN_FAILED: row(
    500,
    'server',
    'execve(2)',
    ['The system refused to start the script.', '系统拒绝启动脚本。'],
    ['The error name below says why; `cgi-serve doctor` examines the file.', '下面的错误名说明了原因；`cgi-serve doctor` 可检查该文件。'],
  ),
  SPOOL_FAILED: row(
    500,
    'server',
    '',
    ['The upload could not be kept in a temporary file.', '无法把上传内容写入临时文件。'],
    ['Make room in the temporary directory, or name another with TMPDIR.', '清理临时目录，或用 TMPDIR 指定别处。'],
  ),
  BODY_ALREADY_READ: row(
    500,
    'server',
    '',
    ['Something before this handler has read the request body already.', '在此处理器之前已有代码读取了请求体。'],
    ['Mount cgi() before body parsers.', '请把 cgi() 挂载在请求体解析器之前。'],
  ),
  SERVER_ERROR: row(
    500,
    'server',
    '',
    ['cgi-serve itself made a mistake.', 'cgi-serve 自身出错了。'],
    ['Please report it, with the lines on the terminal.', '请连同终端中的信息一起报告。'],
  ),

  // --- not now --------------------------------------------------------------------------------------------------
  SPAWN_EXHAUSTED: row(
    503,
    'server',
    'fork(2)',
    ['The system has no process, descriptor or memory left to start the script with.', '系统没有剩余的进程、描述符或内存来启动脚本。'],
    ['Lower `--max-processes`, or raise `ulimit -u` and `ulimit -n`.', '降低 `--max-processes`，或提高 `ulimit -u` 与 `ulimit -n`。'],
  ),
  QUEUE_FULL: row(
    503,
    'server',
    'RFC 9110 §15.6.4',
    ['As many processes run as may, and as many requests wait as may.', '运行的进程与等待的请求都已达到上限。'],
    ['Try again soon; `--max-processes` and `--max-queue` set the bounds.', '稍后重试；上限由 `--max-processes` 与 `--max-queue` 设置。'],
  ),
  QUEUE_TIMEOUT: row(
    503,
    'server',
    'RFC 9110 §15.6.4',
    ['The request waited for a free process and none came free in time.', '请求等待空闲进程超时。'],
    ['Find the scripts that run long: the log says how long each took.', '查找运行过久的脚本：日志记录了各自的用时。'],
  ),
  SHUTTING_DOWN: row(
    503,
    'server',
    'RFC 9110 §15.6.4',
    ['The server is stopping.', '服务器正在停止。'],
    ['Try again when it is back.', '等它恢复后重试。'],
  ),

  // --- the script ran, and did not speak CGI ---------------------------------------------------------------------
  REPLY_EMPTY: row(
    502,
    'script',
    'RFC 3875 §6.2',
    ['The script ended without printing anything.', '脚本没有输出任何内容就结束了。'],
    [
      'Print a header, an empty line, then the page: `Content-Type: text/plain`.',
      '先输出首部、空行，再输出内容：`Content-Type: text/plain`。',
    ],
  ),
  REPLY_CRASHED: row(
    502,
    'script',
    'RFC 3875 §6.2',
    ['The script failed before it printed anything.', '脚本在输出任何内容之前就失败了。'],
    ['Its exit code and stderr say why.', '退出码与 stderr 说明了原因。'],
  ),
  REPLY_NO_BLANK_LINE: row(
    502,
    'script',
    'RFC 3875 §6.2',
    ['The blank line that closes the headers is missing.', '缺少结束首部的空行。'],
    ['Print an empty line after the last header.', '在最后一个首部之后输出一个空行。'],
  ),
  REPLY_NOT_A_HEADER: row(
    502,
    'script',
    'RFC 3875 §6.3',
    ['The script printed something before its headers that is not a header.', '脚本在首部之前输出了不是首部的内容。'],
    ['The first line must be `Name: value`; print messages to stderr.', '第一行必须是 `名称: 值`；提示信息请输出到 stderr。'],
  ),
  REPLY_HEADERS_LATE: row(
    502,
    'script',
    'RFC 3875 §6.2',
    ["The script's headers come after part of its body.", '脚本的首部出现在部分正文之后。'],
    [
      "Print nothing before the headers. If a child program printed it, flush the script's own output before running another program.",
      '首部之前不要输出任何内容。如果那是子程序的输出，请在运行其他程序之前先 flush 脚本自己的输出。',
    ],
  ),
  REPLY_NO_FIELDS: row(
    502,
    'script',
    'RFC 3875 §6.2',
    ["The script's header block is empty.", '脚本的首部是空的。'],
    ['Print at least `Content-Type: text/plain` before the empty line.', '在空行之前至少输出 `Content-Type: text/plain`。'],
  ),
  REPLY_HEAD_TOO_LARGE: row(
    502,
    'script',
    '',
    ["The script's header block is too large.", '脚本的首部过大。'],
    ['Is the empty line after the headers missing?', '首部之后的空行是否缺失？'],
  ),
  REPLY_BAD_NAME: row(
    502,
    'script',
    'RFC 9110 §5.1',
    ['A header name holds a character that names may not.', '首部名称中含有不允许的字符。'],
    ['Names are letters, digits and `-`, with no space before the colon.', '名称只含字母、数字与 `-`，冒号前没有空格。'],
  ),
  REPLY_BAD_VALUE: row(
    502,
    'script',
    'RFC 9110 §5.5',
    ['A header value holds a control character.', '首部的值中含有控制字符。'],
    ['Never print input into a header without removing CR, LF and NUL.', '把输入写进首部之前，务必去掉 CR、LF 与 NUL。'],
  ),
  REPLY_FOLDED: row(
    502,
    'script',
    'RFC 3875 §6.3',
    ['A header line begins with a space: continuation lines are not allowed.', '首部行以空格开头：不允许续行。'],
    ['Put each header on one line.', '每个首部写在一行内。'],
  ),
  REPLY_BAD_STATUS: row(
    502,
    'script',
    'RFC 3875 §6.3.3',
    ['The Status line is not a final HTTP status.', 'Status 行不是有效的最终 HTTP 状态。'],
    [
      'Write three digits from 200 to 599, a space, a reason: `Status: 404 Not Found`.',
      '写 200 到 599 的三位数字、空格与说明：`Status: 404 Not Found`。',
    ],
  ),
  REPLY_DUPLICATE_FIELD: row(
    502,
    'script',
    'RFC 3875 §6.3',
    ['A field that may stand once stands twice.', '只能出现一次的字段出现了两次。'],
    ['Print Content-Type, Location, Status and Content-Length once each.', 'Content-Type、Location、Status 与 Content-Length 各输出一次。'],
  ),
  REPLY_TRANSFER_ENCODING: row(
    502,
    'script',
    'RFC 3875 §6.3.4',
    ['The script sent Transfer-Encoding, which belongs to the server.', '脚本发送了 Transfer-Encoding，而它属于服务器。'],
    ['Leave it out and print the body as it is.', '去掉它，直接输出正文。'],
  ),
  REPLY_BAD_LENGTH: row(
    502,
    'script',
    'RFC 9110 §8.6',
    ["The script's Content-Length is not a number.", '脚本的 Content-Length 不是数字。'],
    ['Leave it out, or print the number of bytes of the body.', '去掉它，或写出正文的字节数。'],
  ),
  REPLY_REDIRECT_LOOP: row(
    502,
    'script',
    'RFC 3875 §6.2.2',
    ['Local redirects went round in a circle.', '本地重定向陷入循环。'],
    ['A script must not redirect to itself without end.', '脚本不能无休止地重定向到自己。'],
  ),
  REPLY_SHORT: row(
    502,
    'script',
    'RFC 9110 §8.6',
    [
      'The script ended before it had printed as many bytes as its Content-Length says. An answer already on its way is broken off.',
      '脚本输出的字节数少于其 Content-Length。已开始发送的回答会被中断。',
    ],
    ['Count bytes, not characters, or leave Content-Length out.', '按字节而不是字符计数，或去掉 Content-Length。'],
  ),
  REPLY_KILLED: row(
    502,
    'script',
    'RFC 9112 §8',
    [
      'A signal ended the script in the middle of its answer. An answer already on its way is broken off.',
      '脚本在回答中途被信号终止。已开始发送的回答会被中断。',
    ],
    ['Its signal and stderr say why.', '信号与 stderr 说明了原因。'],
  ),

  // --- the program at the other end of a wire broke its rules -------------------------------------------------------
  WIRE_BROKEN: row(
    502,
    'script',
    '',
    ['The bytes from the other end are not the protocol that is spoken here.', '对端发来的字节不符合此处所用的协议。'],
    [
      'Compare the address and the protocol of the mount with those of the program that listens there.',
      '核对挂载点的地址与协议是否和在那里监听的程序一致。',
    ],
  ),
  WIRE_TRUNCATED: row(
    502,
    'script',
    'RFC 9112 §8',
    ['The connection ended before all that was announced had come.', '连接在已声明的内容全部到达之前就结束了。'],
    [
      "The program's own log says why it stopped: a crash, a time limit, a restart.",
      '程序自己的日志会说明它停止的原因：崩溃、超时或重启。',
    ],
  ),
  WIRE_OVERLOADED: row(
    503,
    'script',
    'FastCGI §5.5',
    ['The program says that it is overloaded and takes no request now.', '程序声明自己已过载，暂不接受请求。'],
    ['Try again soon; start more workers if it lasts.', '稍后重试；若持续如此，请启动更多工作进程。'],
  ),
  WIRE_CANT_MULTIPLEX: row(
    502,
    'server',
    'FastCGI §5.5',
    [
      'The program takes one request at a time on a connection, and was still at the one before.',
      '程序在一个连接上一次只处理一个请求，而前一个请求尚未结束。',
    ],
    [
      'Restart the program, and see in its log what the request before is waiting for.',
      '重启该程序，并在其日志中查看前一个请求在等待什么。',
    ],
  ),
  WIRE_UNKNOWN_ROLE: row(
    502,
    'server',
    'FastCGI §5.5',
    ['The program does not play the role it was asked for.', '程序不担任所请求的角色。'],
    [
      'Most programs are Responders only; an Authorizer or a Filter has to be written as one.',
      '多数程序只能作 Responder；Authorizer 与 Filter 须专门编写。',
    ],
  ),
  WORKERS_FAILED: row(
    503,
    'script',
    'RFC 9110 §15.6.4',
    ['The workers that should answer here end as soon as they are started.', '应当应答此处的工作进程一启动就结束。'],
    [
      'Read what they said: it stands below and in the log. They are started again and again; when the cause is mended, they answer.',
      '请阅读它们的输出：见下方与日志。它们会被反复启动；原因排除后即可应答。',
    ],
  ),
  PEER_UNREACHABLE: row(
    502,
    'server',
    'RFC 9110 §15.6.3',
    [
      'No connection to the program that answers here: nobody listens at its address.',
      '无法连接到应答此处的程序：其地址上没有程序在监听。',
    ],
    [
      'Start the program, and compare its address with the one after `--fastcgi`, `--scgi`, `--uwsgi` or `--authorizer`; a Unix socket also has an owner and a mode.',
      '启动该程序，并核对 `--fastcgi`、`--scgi`、`--uwsgi` 或 `--authorizer` 后的地址；Unix 套接字还有属主和权限。',
    ],
  ),
  PEER_TIMEOUT: row(
    504,
    'server',
    'RFC 9110 §15.6.5',
    ['The program that answers here did not accept the connection in time.', '应答此处的程序没有及时接受连接。'],
    [
      'All its workers are busy, or it hangs: look at its own log and status page.',
      '其工作进程都在忙，或已挂起：查看它自己的日志与状态页。',
    ],
  ),
  WIRE_VARIABLES_TOO_LARGE: row(
    431,
    'client',
    'RFC 6585 §5',
    ["The request's variables are larger than the wire to the program can carry.", '请求的变量超过了通往程序的协议所能承载的大小。'],
    [
      'Send less: long cookies are the usual cause. uwsgi carries 65,535 bytes in all, FastCGI 65,528 in each variable.',
      '减少内容：最常见的原因是过长的 Cookie。uwsgi 总共最多 65,535 字节，FastCGI 每个变量最多 65,528 字节。',
    ],
  ),
  WIRE_VARIABLE_INVALID: row(
    400,
    'client',
    '',
    ['A variable has a name or a value that the wire to the program cannot spell.', '某个变量的名称或值无法用通往程序的协议表示。'],
    ['Leave out NUL bytes; give every variable a name.', '去掉 NUL 字节；每个变量都要有名称。'],
  ),

  // --- too late ---------------------------------------------------------------------------------------------------
  REPLY_HEAD_TIMEOUT: row(
    504,
    'script',
    'RFC 3875 §6.1',
    ['The script did not finish its headers in time, and was ended.', '脚本没有按时输出完首部，已被终止。'],
    ['Find what it waits for; `--header-timeout` sets the bound.', '查找它在等待什么；上限由 `--header-timeout` 设置。'],
  ),
  REPLY_IDLE_TIMEOUT: row(
    504,
    'script',
    'RFC 3875 §6.1',
    ['The script fell silent in the middle of its answer, and was ended.', '脚本在回答中途停止输出，已被终止。'],
    ['Find what it waits for; `--idle-timeout` sets the bound.', '查找它在等待什么；上限由 `--idle-timeout` 设置。'],
  ),
  REPLY_TOTAL_TIMEOUT: row(
    504,
    'script',
    'RFC 3875 §6.1',
    ['The script ran longer than a request may, and was ended.', '脚本运行时间超过上限，已被终止。'],
    ['`--timeout` sets the bound.', '上限由 `--timeout` 设置。'],
  ),
  STDIN_TIMEOUT: row(
    504,
    'script',
    'RFC 3875 §4.2',
    ['The script neither read its input nor answered, and was ended.', '脚本既不读取输入也不回答，已被终止。'],
    ['Read CONTENT_LENGTH bytes from stdin, or answer without reading.', '从 stdin 读取 CONTENT_LENGTH 字节，或不读取直接回答。'],
  ),
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof failureTable;

/** What was seen, for the one who has to mend it. Shown on loopback only. */
export interface Evidence {
  /** The file concerned. */
  readonly file?: string;
  /** One line in English with the particulars: `ENOENT: /usr/bin/pyhton3`. */
  readonly detail?: string;
  /** The first bytes the script printed, at most `outputKeptBytes`. */
  readonly output?: Buffer;
  /** Offset in `output` of the byte that was refused. */
  readonly offset?: number;
  /** How many bytes it printed in all. */
  readonly outputBytes?: number;
  /** The end of its stderr, at most `stderrKeptBytes`. */
  readonly stderr?: string;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly pid?: number;
  /** Milliseconds from the start of the process. */
  readonly afterMs?: number;
}

export interface Failure {
  readonly code: FailureCode;
  readonly evidence: Evidence;
}

/** `failure('NOT_FOUND')`; evidence may be added on the way with `withEvidence`. */
export const failure = (code: FailureCode, evidence: Evidence = {}): Failure => ({ code, evidence });

export const withEvidence = (f: Failure, more: Evidence): Failure => ({ code: f.code, evidence: { ...more, ...f.evidence } });

/** The table's row for a failure. */
export const explain = (f: Failure): FailureRow => failureTable[f.code];

/** True for what was made by `failure()`; anything else that is thrown is a bug of ours. */
export const isFailure = (x: unknown): x is Failure =>
  typeof x === 'object' && x !== null && 'code' in x && 'evidence' in x && typeof x.code === 'string' && x.code in failureTable;
