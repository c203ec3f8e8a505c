/**
 * How `wire decode` tells what bytes mean: field by field in the order of the bytes, FastCGI's under a heading for each record; then
 * what a reader made of it, then how much of it is envelope. For a person, as lines; for a program, as one object.
 */
import { explain, type Failure, type Words } from '../failures.js';
import { type Explained, isUnread } from '../trace/explain.js';
import type { Hearing } from '../trace/hearing.js';
import { protocolOf, strangerBytes } from '../wire/stranger.js';
import { modifiers } from '../wire/uwsgi.js';
import { failureAsJson } from './failure-box.js';
import type { Terminal } from './terminal.js';
import { counted, fieldLines, fieldsAsJson, heardAsJson, heardLines, json, protocols, weightLines } from './wire-lines.js';
import { say, visible, words, wrap } from './words.js';

/** All that is known of some bytes. */
export interface Decoded {
  /** As it was named; `-` is standard input. */
  readonly source: string;
  readonly bytes: Buffer;
  readonly hexText: boolean;
  /** By the bytes themselves; otherwise --wire said so. */
  readonly recognised: boolean;
  /** undefined: they are on no wire of ours. */
  readonly explained: Explained | undefined;
}

// --- for a person --------------------------------------------------------------------------------------------------------

export function* decodedAsText(decoded: Decoded, terminal: Terminal): Generator<string> {
  const { outPalette: p, lang } = terminal;
  const { bytes, explained } = decoded;
  const tell = (text: Words): string => say(text, lang);
  const title = (text: Words): string => p.bold(p.underline(tell(text)));
  const width = Math.min(terminal.stdout.columns || 100, 120);
  const told = function* (text: Words): Generator<string> {
    for (const [i, line] of wrap(tell(text), width - 4).entries()) yield `  ${i === 0 ? p.red('✗') : ' '} ${line}`;
  };
  if (explained === undefined) {
    for (const text of noWire(bytes)) yield* told(text);
    return;
  }
  const { wire, fields, hearing, weight } = explained;

  const facts = [
    ...(fields[0] !== undefined && isUnread(fields[0]) ? [] : [tell(sidesOf(hearing))]),
    tell(words(counted(bytes.length, 'byte'), `${bytes.length} 字节`)),
    ...(decoded.recognised ? [tell(words('known by its first bytes', '由最初的字节识别'))] : []),
  ];
  yield `${p.bold(protocols[wire])}  ${facts.join(' · ')}`;
  if (wire !== 'fastcgi') yield '';
  yield* fieldLines(explained, terminal);

  yield* ['', title(words('What a reader makes of it', '读取方的理解'))];
  const strange = strangerAtPort(explained);
  if (strange !== undefined) yield* told(strange);
  for (const heard of hearing.heard) yield* heardLines(heard, terminal);
  if (hearing.strays > 0) yield `  ${p.yellow('!')} ${tell(straysOf(hearing.strays))}`;
  if (hearing.heard.length + hearing.strays + hearing.failures.length === 0)
    yield `  ${tell(words('nothing about a request: it is about the connection alone', '与任何请求无关：只涉及连接本身'))}`;
  for (const failure of hearing.failures) yield* failureLines(failure, width, terminal);

  yield* ['', title(words('Bytes', '字节')), ...weightLines(weight, terminal)];
}

const sidesOf = ({ sides }: Hearing): Words =>
  sides.size > 1 ? words('both sides', '双向') : sides.has('answer') ? words('an answer', '响应') : words('a request', '请求');

const straysOf = (count: number): Words =>
  words(
    `${count === 1 ? '1 record belongs' : `${count} records belong`} to no request that is open here`,
    `${count} 个记录不属于此处任何进行中的请求`,
  );

/** The mend of the table is for whoever mounts a program; here the evidence is the lesson, and stands whole. */
function* failureLines(failure: Failure, width: number, { outPalette: p, lang }: Terminal): Generator<string> {
  const { what, rule } = explain(failure);
  yield `  ${p.red('✗')} ${p.bold(failure.code)}${rule === '' ? '' : p.dim(`  ${rule}`)}`;
  for (const line of wrap(say(what, lang), width - 4)) yield `    ${line}`;
  for (const line of wrap(visible(failure.evidence.detail ?? ''), width - 4)) yield `    ${p.dim(line)}`;
}

// --- whose bytes are these? ------------------------------------------------------------------------------------------------

/** The commonest mistake: a right client at a wrong port. undefined when it is not that. */
const strangerAtPort = ({ bytes, wire, fields }: Explained): Words | undefined => {
  const protocol = bytes.length < strangerBytes ? undefined : protocolOf(bytes);
  if (!fields.some((field) => field.at === 0 && isUnread(field))) return undefined;
  if (looksLikeAnswer(bytes)) return wire === 'fastcgi' ? undefined : unframed;
  if (protocol === undefined || protocol === protocols[wire]) return undefined;
  const port = protocols[wire];
  const start = `\`${visible(bytes.toString('latin1', 0, strangerBytes))}\``;
  const [first = 0, second = 0] = bytes;
  const size = bytes.readUInt16LE(1);
  const meaning = {
    fastcgi: words(`${start} reads as version ${first}, type ${second}`, `${start} 被读作 version ${first}、type ${second}`),
    scgi: words(`${start} stands where a length should`, `${start} 出现在应为长度的位置`),
    uwsgi: words(`${start} reads as modifier1 ${first}, size ${size}`, `${start} 被读作 modifier1 ${first}、size ${size}`),
  }[wire];
  const article = wire === 'scgi' ? 'an' : 'a';
  return words(`You sent ${protocol} to ${article} ${port} port: ${meaning.en}`, `你把 ${protocol} 发到了 ${port} 端口：${meaning.zh}`);
};

const looksLikeAnswer = (bytes: Buffer): boolean => /^(?:HTTP\/\d|[A-Za-z][A-Za-z-]*: ?)/.test(bytes.toString('latin1', 0, 80));

const unframed = words(
  'This looks like an answer. Those of SCGI and uwsgi have no framing: they are what a CGI program prints, or HTTP, as it is.',
  '这看起来是响应。SCGI 与 uwsgi 的响应没有分帧：就是 CGI 程序的输出，或原样的 HTTP。',
);

/** Why bytes are none of the wires here. */
const noWire = (bytes: Buffer): Words[] => {
  if (bytes.length < strangerBytes) {
    const count = counted(bytes.length, 'byte');
    return [
      words(`${count} cannot tell one protocol from another; --wire names it`, `${bytes.length} 字节不足以识别协议；请用 --wire 指定`),
    ];
  }
  if (looksLikeAnswer(bytes)) return [unframed];
  const protocol = protocolOf(bytes);
  const start = visible(bytes.toString('latin1', 0, strangerBytes));
  if (protocol !== undefined)
    return [
      words(
        `This is ${protocol}: \`${start}\`. Here FastCGI, SCGI and uwsgi are read.`,
        `这是 ${protocol}：\`${start}\`。此处读取 FastCGI、SCGI 与 uwsgi。`,
      ),
      words('What one of those makes of it: add --wire', '想知道它们会如何理解这些字节：加上 --wire'),
    ];
  const modifier = modifiers.get(bytes[0]!);
  return [
    words(`No protocol known here begins with \`${start}\`.`, `没有已知的协议以 \`${start}\` 开头。`),
    ...(modifier?.request
      ? [
          words(
            `If it is uwsgi, modifier1 is ${bytes[0]}, ${modifier.meaning}: --wire uwsgi`,
            `若是 uwsgi，则 modifier1 为 ${bytes[0]}，即 ${modifier.meaning}：--wire uwsgi`,
          ),
        ]
      : []),
  ];
};

// --- for a program ---------------------------------------------------------------------------------------------------------

/** One object, in lines: each element of a list has its own. */
export function* decodedAsJson(decoded: Decoded): Generator<string> {
  const { bytes, explained } = decoded;
  const wrong = explained === undefined ? noWire(bytes)[0] : strangerAtPort(explained);
  const { payload, envelope, unread } = explained?.weight ?? { payload: 0, envelope: 0, unread: bytes.length };
  const { sides = [], heard = [], failures = [], strays = 0 } = explained?.hearing ?? {};
  const report = {
    source: decoded.source,
    wire: explained?.wire ?? null,
    recognised: decoded.recognised && explained !== undefined,
    protocol: (bytes.length < strangerBytes ? undefined : protocolOf(bytes)) ?? null,
    sides: [...sides],
    hex_text: decoded.hexText,
    bytes: bytes.length,
    payload_bytes: payload,
    envelope_bytes: envelope,
    unread_bytes: unread,
    whole: explained !== undefined && failures.length === 0,
    wrong: wrong?.en ?? null,
    heard: heard.map(heardAsJson),
    stray_records: strays,
    failures: failures.map((failure: Failure) => failureAsJson(failure)),
    fields: fieldsAsJson(explained?.fields ?? [], bytes),
  };
  yield '{';
  const entries = Object.entries(report);
  for (const [i, [key, value]] of entries.entries()) {
    const comma = i < entries.length - 1 ? ',' : '';
    if (typeof value !== 'object' || value === null) yield `  "${key}": ${json(value)}${comma}`;
    else yield* listLines(`  "${key}": `, value, comma);
  }
  yield '}';
}

function* listLines(key: string, items: Iterable<unknown>, comma: string): Generator<string> {
  let before = `${key}[`;
  let count = 0;
  for (const item of items) {
    yield count === 0 ? before : `${before},`;
    before = `    ${json(item)}`;
    count += 1;
  }
  if (count > 0) yield before;
  yield count === 0 ? `${before}]${comma}` : `  ]${comma}`;
}
