/** The words for the environment: what each variable of RFC 3875 §4.1 is, why a header field is none, how two requests differ. */
import type { Table } from '../words.js';

export const environmentWords = {
  'env.name': ['variable', '变量'],
  'env.value': ['value', '值'],
  'env.from': ['where it comes from; what it is (RFC 3875)', '来源与含义（RFC 3875）'],
  'env.all': ['all {count}', '全部 {count}'],
  'env.rfc': ['RFC 3875', 'RFC 3875'],
  'env.http': ['HTTP_*', 'HTTP_*'],
  'env.extra': ['others', '其他'],
  'env.show': ['show', '显示'],
  'env.secret': ['hidden: it may open a door', '已隐藏：可能是凭据'],
  'env.head': ['The head of the HTTP request, {bytes}', 'HTTP 请求首部，{bytes}'],
  'env.head.own': [
    'The head of the request that the server made itself, for a local redirect (RFC 3875 §6.2.2)',
    '服务器为本地重定向自己发起的请求首部（RFC 3875 §6.2.2）',
  ],
  'env.hint': [
    'Point at a variable, or go from one to the next with ↑ and ↓: what it is made of is framed here.',
    '指向一个变量，或用 ↑ ↓ 逐个移动：它的来源会在此处框出。',
  ],
  'env.made': ['{name} is made of what is framed: {from}.', '{name} 由框出的部分生成：{from}。'],
  'env.elsewhere': ['{name} is not in these bytes. It comes from elsewhere: {from}.', '{name} 不在这些字节中，它来自别处：{from}。'],
  'env.empty': ['{name} is empty, because there is nothing here to make it of: {from}.', '{name} 为空，因为此处没有可用的内容：{from}。'],
  'env.missing': ['{name} is not part of this request.', '{name} 不在此请求中。'],
  'env.field.shown': ['The field {name} is framed.', '已框出字段 {name}。'],
  'env.lost': ['{name} did not become a variable: it is framed and struck out.', '{name} 没有成为变量：已框出并划去。'],
  'env.dropped': ['Header fields without a variable of their own, and why', '没有自己变量的首部字段及原因'],
  'env.field': ['header field', '首部字段'],
  'env.would': ['would be', '本应成为'],
  'env.why': ['why not', '原因'],
  'env.absent': ['Variables of RFC 3875 that this request does not have: {count}', 'RFC 3875 中此请求没有的变量：{count} 个'],

  'env.against': ['Compare with', '与之比较'],
  'env.against.none': ['no other request', '不比较'],
  'env.only': ['only differences', '仅显示差异'],
  'env.summary': [
    'Beside #{serial}: {added} added, {removed} removed, {changed} changed, {same} the same.',
    '与 #{serial} 相比：新增 {added}，删除 {removed}，改变 {changed}，相同 {same}。',
  ],
  'env.summary.hidden': ['Hidden, and not compared: {hidden}.', '已隐藏且未比较：{hidden}。'],
  'env.gone': ['The other request is not kept any more.', '另一个请求已不再保留。'],
  'env.alike': ['No variable differs.', '没有不同的变量。'],
  'env.here': ['here', '此处'],
  'env.there': ['in #{serial}', '在 #{serial} 中'],
  'change.added': ['added', '新增'],
  'change.removed': ['removed', '删除'],
  'change.changed': ['changed', '改变'],
  'change.hidden': ['not compared', '未比较'],

  // --- RFC 3875 §4.1, in plain words
  'rfc.AUTH_TYPE': ['How the server checked who asks; not set when it checked nobody.', '服务器以何种方式验证请求者；没有验证则不设置。'],
  'rfc.CONTENT_LENGTH': [
    'How many bytes of body wait on stdin; not set when there is no body.',
    '标准输入上有多少字节的请求体；没有请求体则不设置。',
  ],
  'rfc.CONTENT_TYPE': ['What kind of data the body is, in the client’s own words.', '请求体是哪种数据，以客户端所说为准。'],
  'rfc.GATEWAY_INTERFACE': ['The version of CGI that server and script speak: CGI/1.1.', '服务器与脚本之间的 CGI 版本：CGI/1.1。'],
  'rfc.PATH_INFO': ['What is left of the path behind the script’s own name, decoded.', '路径中脚本名之后剩下的部分，已解码。'],
  'rfc.PATH_TRANSLATED': [
    'The file that PATH_INFO would name if it were a URL of its own; not set when PATH_INFO is empty.',
    '若 PATH_INFO 本身是 URL 时所指的文件；PATH_INFO 为空则不设置。',
  ],
  'rfc.QUERY_STRING': [
    'All that stands behind the first ? of the URL, not decoded; always set, if only to nothing.',
    'URL 中第一个 ? 之后的全部内容，不解码；总会设置，哪怕为空。',
  ],
  'rfc.REMOTE_ADDR': ['The address that the request came from: the client’s, or its proxy’s.', '请求来自的地址：客户端或其代理的地址。'],
  'rfc.REMOTE_HOST': [
    'The client’s name; its address stands in for it, because to look a name up would make each request wait.',
    '客户端的主机名；这里以地址代替，因为查询域名会让每个请求等待。',
  ],
  'rfc.REMOTE_IDENT': [
    'Who the client’s machine says its user is; nobody asks it any more, so this is never set.',
    '客户端机器所声称的用户；如今无人再问，因此从不设置。',
  ],
  'rfc.REMOTE_USER': ['Who has logged in; set only when that was checked.', '已登录的用户；只有验证过才设置。'],
  'rfc.REQUEST_METHOD': ['What is to be done: GET, HEAD, POST and so on.', '要做的事：GET、HEAD、POST 等。'],
  'rfc.SCRIPT_NAME': [
    'The path that leads to this script: with it the script can link to itself.',
    '通向此脚本的路径：脚本可用它链接到自己。',
  ],
  'rfc.SERVER_NAME': ['The name by which the client called the server, without the port.', '客户端对服务器的称呼，不含端口。'],
  'rfc.SERVER_PORT': ['The port at which the request came in.', '收到请求的端口。'],
  'rfc.SERVER_PROTOCOL': ['The version of HTTP in which the client asked.', '客户端请求所用的 HTTP 版本。'],
  'rfc.SERVER_SOFTWARE': ['Which server runs the script, and its version.', '运行脚本的服务器及其版本。'],
  'rfc.HTTP_*': [
    'A header field: its name in capitals, _ in the place of -, and HTTP_ in front.',
    '一个首部字段：名称大写，以 _ 代替 -，前面加 HTTP_。',
  ],

  // --- why a header field has no variable of its own
  'fate.joined': ['joined with the one before it: one variable has both', '与前一个合并：一个变量包含两者'],
  'fate.replaced': ['it stands twice, and the last one counts', '出现了两次，以最后一个为准'],
  'fate.name': [
    'its name would collide: `X_A` and `X-A` would become one variable, and the one could forge the other',
    '名称会冲突：`X_A` 与 `X-A` 会成为同一变量，一个可伪造另一个',
  ],
  'fate.function': [
    'its value looks like a function of the shell, which an old bash would run (CVE-2014-6271)',
    '其值形似 shell 函数，旧版 bash 会执行它（CVE-2014-6271）',
  ],
  'fate.authorization': [
    'a password is the server’s business (RFC 3875 §4.1.18); `--pass-auth` passes it on',
    '口令由服务器处理（RFC 3875 §4.1.18）；`--pass-auth` 可转交',
  ],
  'fate.proxy': [
    'httpoxy: HTTP libraries take HTTP_PROXY for the proxy they are to use, and a client must not choose that (CVE-2016-5385)',
    'httpoxy：HTTP 库会把 HTTP_PROXY 当作要使用的代理，而这不应由客户端决定（CVE-2016-5385）',
  ],
  'fate.secret': [
    'a password for a proxy on the way, and for nobody else (RFC 3875 §9.2)',
    '给途中代理的口令，与他人无关（RFC 3875 §9.2）',
  ],
  'fate.length': [
    'it has another name, CONTENT_LENGTH, and is counted when transfer codings are removed (RFC 3875 §4.1.2)',
    '它另有名称 CONTENT_LENGTH，在去除传输编码后计数（RFC 3875 §4.1.2）',
  ],
  'fate.connection': [
    'it speaks of the connection between client and server, which ends here (RFC 9110 §7.6.1)',
    '它说的是客户端与服务器之间的连接，到此为止（RFC 9110 §7.6.1）',
  ],
} as const satisfies Table;

/** In the order of §4.1.1 to §4.1.17. */
export const rfcVariables: readonly string[] = Object.keys(environmentWords).flatMap((word) => /^rfc\.(\w+)$/.exec(word)?.[1] ?? []);
