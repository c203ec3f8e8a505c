/**
 * How `wire decode` tells what bytes mean: field by field in the order of the bytes, FastCGI's under a heading for each record; then
 * what a reader made of it, then how much of it is envelope. For a person, as lines; for a program, as one object.
 */
import { explain, type Failure, type Words } from '../failures.js';
import { fieldTextBytesMax } from '../limits.js';
import { sectionOf } from '../script/meta.js';
import { headerBytes, nullRequestId, recordType, typeName } from '../wire/fastcgi-records.js';
import { type Protocol, protocolOf, strangerBytes } from '../wire/stranger.js';
import { modifiers } from '../wire/uwsgi.js';
import type { Field, Wire } from '../wire/wire.js';
import { failureAsJson } from './failure-box.js';
import { hexOf } from './hex-text.js';
import type { Terminal } from './terminal.js';
import { type Heard, type Hearing, type Side, sideOf } from './wire-heard.js';
import { columns, padTo, say, visible, words, wrap } from './words.js';

/** All that is known of some bytes. */
export interface Decoded {
  /** As it was named; `-` is standard input. */
  readonly source: string;
  readonly bytes: Buffer;
  readonly hexText: boolean;
  /** undefined: none of ours. */
  readonly wire: Wire['name'] | undefined;
  /** By the bytes themselves; otherwise --wire said so. */
  readonly recognised: boolean;
  readonly fields: readonly Field[];
  readonly hearing: Hearing | undefined;
}

const protocols: Readonly<Record<Wire['name'], Protocol>> = { fastcgi: 'FastCGI', scgi: 'SCGI', uwsgi: 'uwsgi' };
const arrows: Readonly<Record<Side, string>> = { request: '→', answer: '←' };

// --- for a person --------------------------------------------------------------------------------------------------------

export function* decodedAsText(decoded: Decoded, terminal: Terminal): Generator<string> {
  const { outPalette: p, lang } = terminal;
  const { bytes, wire, hearing, fields } = decoded;
  const tell = (text: Words): string => say(text, lang);
  const title = (text: Words): string => p.bold(p.underline(tell(text)));
  const width = Math.min(terminal.stdout.columns || 100, 120);
  const told = function* (text: Words): Generator<string> {
    for (const [i, line] of wrap(tell(text), width - 4).entries()) yield `  ${i === 0 ? p.red('✗') : ' '} ${line}`;
  };
  if (wire === undefined || hearing === undefined) {
    for (const text of noWire(bytes)) yield* told(text);
    return;
  }

  const facts = [
    ...(fields[0] !== undefined && isUnread(fields[0]) ? [] : [tell(sidesOf(hearing))]),
    tell(words(counted(bytes.length, 'byte'), `${bytes.length} 字节`)),
    ...(decoded.recognised ? [tell(words('known by its first bytes', '由最初的字节识别'))] : []),
  ];
  yield `${p.bold(protocols[wire])}  ${facts.join(' · ')}`;
  if (wire !== 'fastcgi') yield '';
  const row = rowsFor(decoded, terminal);
  for (const field of fields) {
    if (wire === 'fastcgi' && (field.name === 'version' || field.name === strangeName)) yield* ['', ...headingOf(field, bytes, terminal)];
    yield* row(field);
  }

  yield* ['', title(words('What a reader makes of it', '读取方的理解'))];
  const strange = strangerAtPort(decoded);
  if (strange !== undefined) yield* told(strange);
  for (const heard of hearing.heard) yield* heardLines(heard, terminal);
  if (hearing.strays > 0) yield `  ${p.yellow('!')} ${tell(straysOf(hearing.strays))}`;
  if (hearing.heard.length + hearing.strays + hearing.failures.length === 0)
    yield `  ${tell(words('nothing about a request: it is about the connection alone', '与任何请求无关：只涉及连接本身'))}`;
  for (const failure of hearing.failures) yield* failureLines(failure, width, terminal);

  yield* ['', title(words('Bytes', '字节'))];
  const weight = weigh(decoded);
  const sum = weight.payload + weight.envelope;
  if (sum > 0) {
    const filled = Math.round((weight.payload / sum) * barColumns);
    yield `  ${p.green('█'.repeat(filled))}${p.dim('░'.repeat(barColumns - filled))}`;
    const share = (part: number): string => `${((part / sum) * 100).toFixed(1)} %`;
    yield `  ${tell(
      words(
        `${weight.payload} of payload (${share(weight.payload)}), ${weight.envelope} of envelope (${share(weight.envelope)})`,
        `载荷 ${weight.payload} 字节（${share(weight.payload)}），封装 ${weight.envelope} 字节（${share(weight.envelope)}）`,
      ),
    )}`;
  }
  if (weight.unread > 0) yield `  ${tell(words(`${weight.unread} that cannot be read`, `无法读取 ${weight.unread} 字节`))}`;
}

const barColumns = 40;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const sidesOf = ({ sides }: Hearing): Words =>
  sides.size > 1 ? words('both sides', '双向') : sides.has('answer') ? words('an answer', '响应') : words('a request', '请求');

const straysOf = (count: number): Words =>
  words(
    `${count === 1 ? '1 record belongs' : `${count} records belong`} to no request that is open here`,
    `${count} 个记录不属于此处任何进行中的请求`,
  );

/** `→ PARAMS  request 1 · 480 bytes, 0 of padding` */
const headingOf = ({ at, name }: Field, bytes: Buffer, { outPalette: p, lang }: Terminal): string[] => {
  if (name === strangeName) return [];
  if (at + headerBytes > bytes.length) return [p.bold(say(words('a header, cut short', '不完整的记录头'), lang))];
  const type = bytes[at + 1]!;
  const id = bytes.readUInt16BE(at + 2);
  const [content, padding] = [bytes.readUInt16BE(at + 4), bytes[at + 6]!];
  const facts = [
    id === nullRequestId ? words('about the connection', '关于连接') : words(`request ${id}`, `请求 ${id}`),
    content === 0 ? words('empty', '空') : words(`${counted(content, 'byte')} of content`, `内容 ${content} 字节`),
    ...(padding === 0 ? [] : [words(`${padding} of padding`, `填充 ${padding} 字节`)]),
  ];
  const side = sideOf(type);
  return [`${side === undefined ? '?' : arrows[side]} ${p.bold(typeName(type))}  ${facts.map((fact) => say(fact, lang)).join(' · ')}`];
};

const strangeName = 'not FastCGI';
const hexShown = 6;
const hexColumns = hexShown * 3 + 1;
const valueColumnsMax = 28;

/**
 * One field: where, bytes, name, value, rule and sentence. A sentence is told where it first stands; under its own line where that
 * has no room for it.
 */
const rowsFor = ({ bytes, fields, wire }: Decoded, { outPalette: p, stdout, lang }: Terminal): ((field: Field) => Generator<string>) => {
  const room = stdout.isTTY ? Math.max(60, stdout.columns || 80) : Number.POSITIVE_INFINITY;
  const offsetColumns = Math.max(4, String(bytes.length - 1).length);
  let nameColumns = 0;
  let valueColumns = 0;
  for (const field of fields) {
    nameColumns = Math.max(nameColumns, field.name.length);
    valueColumns = Math.max(valueColumns, Math.min(valueColumnsMax, field.value.length));
  }
  const indent = 2 + offsetColumns + 2 + hexColumns + 1;
  const left = indent + nameColumns + 2;
  const said = new Set<string>();
  const cut = say(words('[cut]', '[截断]'), lang);
  return function* (field) {
    const { at, name, says } = field;
    const part = bytes.subarray(at, at + Math.min(field.bytes, hexShown));
    const hex = `${hexOf(part)}${field.bytes > hexShown ? ' …' : ''}`.padEnd(hexColumns);
    const mark = field.partial ? ` ${cut}` : '';
    const value = clip(visible(field.value), room - left - widthOf(mark));
    const blank = ' '.repeat(Math.max(0, valueColumns - widthOf(value + mark)));
    const isNew = !said.has(`${name} ${says}`);
    said.add(`${name} ${says}`);
    const rule = wire === undefined ? field.rule : field.rule.replace(`${protocols[wire]} `, '').replace(`${protocols[wire]}, `, '');
    const beside = isNew ? `${rule}  ${says}` : rule;
    const color = isPayload(field) ? p.green : isUnread(field) ? p.red : p.dim;
    const start = `  ${String(at).padStart(offsetColumns)}  ${color(hex)} ${p.cyan(name.padEnd(nameColumns))}  ${value}${mark === '' ? '' : p.yellow(mark)}`;
    const fits = left + widthOf(value + mark) + blank.length + 2 + widthOf(beside) <= room;
    yield fits ? `${start}${blank}  ${p.dim(beside)}` : start;
    if (!fits && isNew) for (const line of wrap(beside, room - indent)) yield ' '.repeat(indent) + p.dim(line);
  };
};

const widthOf = (text: string): number => (/^[\x20-\x7e]*$/.test(text) ? text.length : columns(text));

const clip = (text: string, room: number): string => {
  if (widthOf(text) <= room) return text;
  let kept = '';
  for (const sign of text) {
    if (widthOf(kept + sign) > room - 1) break;
    kept += sign;
  }
  return `${kept}…`;
};

function* heardLines(heard: Heard, { outPalette: p, lang }: Terminal): Generator<string> {
  const facts: Words[] = [];
  const { requestId: id, bodyBytes, dataBytes, errorsBytes, role, meta, appStatus } = heard;
  const size = (bytes: number, en: string, zh: string): Words => words(`${en} ${counted(bytes, 'byte')}`, `${zh} ${bytes} 字节`);
  if (heard.side === 'request') {
    facts.push(id === undefined ? words('a request', '请求') : words(`request ${id}`, `请求 ${id}`));
    if (role !== undefined) facts.push(words(role, role));
    if (heard.keep) facts.push(words('the connection is kept', '保持连接'));
    if (meta !== undefined) facts.push(words(counted(meta.size, 'variable'), `${meta.size} 个变量`));
    facts.push(size(bodyBytes, 'body', '请求体'), ...(dataBytes > 0 ? [size(dataBytes, 'file', '文件')] : []));
  } else {
    facts.push(words(`answer to request ${id}`, `对请求 ${id} 的响应`), size(bodyBytes, 'output', '输出'));
    if (errorsBytes > 0) facts.push(size(errorsBytes, 'errors', '错误输出'));
    if (appStatus !== undefined) facts.push(words(`exit ${appStatus}`, `退出码 ${appStatus}`));
  }
  const ends = { whole: words('whole', '完整'), aborted: words('aborted', '已中止'), none: words('not whole', '不完整') };
  const good = heard.end === 'whole';
  const end = (good ? p.green : p.yellow)(say(ends[heard.end ?? 'none'], lang));
  yield `  ${arrows[heard.side]} ${facts.map((fact) => say(fact, lang)).join(' · ')} · ${end}`;
  if (meta === undefined) return;
  let nameColumns = 0;
  for (const name of meta.keys()) nameColumns = Math.max(nameColumns, Math.min(24, visible(name).length));
  for (const [name, value] of meta) {
    const shown = visible(value.slice(0, fieldTextBytesMax));
    const rest =
      value.length > fieldTextBytesMax ? p.dim(` … ${say(words(`${value.length} characters`, `${value.length} 个字符`), lang)}`) : '';
    yield `    ${p.dim(padTo(sectionOf(name) ?? '', 8))}  ${p.cyan(padTo(visible(name), nameColumns))}  ${shown}${rest}`.trimEnd();
  }
}

/** The mend of the table is for whoever mounts a program; here the evidence is the lesson, and stands whole. */
function* failureLines(failure: Failure, width: number, { outPalette: p, lang }: Terminal): Generator<string> {
  const { what, rule } = explain(failure);
  yield `  ${p.red('✗')} ${p.bold(failure.code)}${rule === '' ? '' : p.dim(`  ${rule}`)}`;
  for (const line of wrap(say(what, lang), width - 4)) yield `    ${line}`;
  for (const line of wrap(visible(failure.evidence.detail ?? ''), width - 4)) yield `    ${p.dim(line)}`;
}

// --- whose bytes are these? ------------------------------------------------------------------------------------------------

/** The commonest mistake: a right client at a wrong port. undefined when it is not that. */
const strangerAtPort = ({ bytes, wire, fields }: Decoded): Words | undefined => {
  const protocol = bytes.length < strangerBytes ? undefined : protocolOf(bytes);
  if (wire === undefined || !fields.some((field) => field.at === 0 && isUnread(field))) return undefined;
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

// --- envelope and payload --------------------------------------------------------------------------------------------------

interface Weight {
  /** Names and values of variables, bodies, answers. */
  readonly payload: number;
  /** What the wire adds: headers, lengths, ends, padding. */
  readonly envelope: number;
  /** Of no use to a reader. */
  readonly unread: number;
}

const payloadNames: ReadonlySet<string> = new Set(['nameData', 'valueData', 'contentData', 'name', 'value', 'key', 'val', 'body']);
const unreadNames: ReadonlySet<string> = new Set(['unread', strangeName, 'after the body']);
const isPayload = ({ name }: Field): boolean => payloadNames.has(name);
const isUnread = ({ name }: Field): boolean => unreadNames.has(name);
const management: readonly number[] = [recordType.GET_VALUES, recordType.GET_VALUES_RESULT, recordType.UNKNOWN_TYPE];

const weigh = ({ bytes, fields, wire }: Decoded): Weight => {
  const weight = { payload: 0, envelope: 0, unread: 0 };
  let type = 0;
  for (const field of fields) {
    const { at, name } = field;
    if (wire === 'fastcgi' && name === 'version') type = bytes[at + 1] ?? 0;
    // SCGI: the NUL that ends a name or a value belongs to the wire.
    const ended = wire === 'scgi' && (name === 'name' || name === 'value') && bytes[at + field.bytes - 1] === 0 ? 1 : 0;
    if (isUnread(field)) weight.unread += field.bytes;
    else if (!isPayload(field) || (wire === 'fastcgi' && management.includes(type))) weight.envelope += field.bytes;
    else {
      weight.payload += field.bytes - ended;
      weight.envelope += ended;
    }
  }
  return weight;
};

// --- for a program ---------------------------------------------------------------------------------------------------------

/** One object, in lines: each element of a list has its own. */
export function* decodedAsJson(decoded: Decoded): Generator<string> {
  const { bytes, wire, fields, hearing } = decoded;
  const weight = weigh(decoded);
  const wrong = wire === undefined ? noWire(bytes)[0] : strangerAtPort(decoded);
  const report = {
    source: decoded.source,
    wire: wire ?? null,
    recognised: decoded.recognised && wire !== undefined,
    protocol: (bytes.length < strangerBytes ? undefined : protocolOf(bytes)) ?? null,
    sides: [...(hearing?.sides ?? [])],
    hex_text: decoded.hexText,
    bytes: bytes.length,
    payload_bytes: weight.payload,
    envelope_bytes: weight.envelope,
    unread_bytes: wire === undefined ? bytes.length : weight.unread,
    whole: hearing !== undefined && hearing.failures.length === 0,
    wrong: wrong?.en ?? null,
    heard: (hearing?.heard ?? []).map(heardAsJson),
    stray_records: hearing?.strays ?? 0,
    failures: (hearing?.failures ?? []).map((failure: Failure) => failureAsJson(failure)),
    fields: fieldsAsJson(fields, bytes),
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

const heardAsJson = (heard: Heard): Record<string, unknown> => ({
  side: heard.side,
  request_id: heard.requestId ?? null,
  role: heard.role ?? null,
  keep: heard.keep ?? null,
  variables: heard.meta === undefined ? null : [...heard.meta].map(([name, value]) => ({ name, value, section: sectionOf(name) ?? null })),
  body_bytes: heard.bodyBytes,
  data_bytes: heard.dataBytes,
  errors_bytes: heard.errorsBytes,
  app_status: heard.appStatus ?? null,
  end: heard.end ?? null,
});

function* fieldsAsJson(fields: readonly Field[], bytes: Buffer): Generator<Record<string, unknown>> {
  let record: number | undefined;
  for (const field of fields) {
    if (field.name === 'version') record = field.at;
    const { at, bytes: count, name, value, rule, says } = field;
    const shown = bytes.toString('hex', at, at + Math.min(count, fieldTextBytesMax));
    yield { at, bytes: count, record: record ?? null, name, value, hex: shown, rule, says, partial: field.partial === true };
  }
}

/** Also what JSON leaves as it is and a terminal obeys: DEL, C1 controls, marks that turn the direction of writing. */
const json = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
