/**
 * The lines in which `wire decode` and `wire send` show bytes: FastCGI's records under a heading each, fields, what was heard,
 * envelope against payload. And the same for JSON.
 */
import type { Words } from '../failures.js';
import { fieldTextBytesMax } from '../limits.js';
import { sectionOf } from '../script/meta.js';
import { type Explained, isPayload, isUnread, strangeName, type Weight } from '../trace/explain.js';
import { type Heard, type Side, sideOf } from '../trace/hearing.js';
import { headerBytes, nullRequestId, typeName } from '../wire/fastcgi-records.js';
import type { Protocol } from '../wire/stranger.js';
import type { Field, Wire } from '../wire/wire.js';
import { hexOf } from './hex-text.js';
import type { Terminal } from './terminal.js';
import { columns, padTo, say, visible, words, wrap } from './words.js';

export const protocols: Readonly<Record<Wire['name'], Protocol>> = { fastcgi: 'FastCGI', scgi: 'SCGI', uwsgi: 'uwsgi' };
export const arrows: Readonly<Record<Side, string>> = { request: '→', answer: '←' };

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

// --- records and fields -----------------------------------------------------------------------------------------------

/** Every field, FastCGI's under a heading for each record. */
export function* fieldLines(explained: Explained, terminal: Terminal): Generator<string> {
  const { wire, fields, bytes } = explained;
  const row = rowsFor(explained, terminal);
  for (const field of fields) {
    if (wire === 'fastcgi' && beginsRecord(field)) yield* ['', ...headingOf(field, bytes, terminal)];
    yield* row(field);
  }
}

/** FastCGI's records alone, a line for each. */
export const recordLines = ({ wire, fields, bytes }: Explained, terminal: Terminal): string[] =>
  wire === 'fastcgi' ? fields.filter(beginsRecord).flatMap((field) => headingOf(field, bytes, terminal)) : [];

const beginsRecord = ({ name }: Field): boolean => name === 'version' || name === strangeName;

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

const hexShown = 6;
const hexColumns = hexShown * 3 + 1;
const valueColumnsMax = 28;

/**
 * One field: where, bytes, name, value, rule and sentence. A sentence is told where it first stands; under its own line where that
 * has no room for it.
 */
const rowsFor = ({ bytes, fields, wire }: Explained, { outPalette: p, stdout, lang }: Terminal): ((field: Field) => Generator<string>) => {
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
    const rule = field.rule.replace(`${protocols[wire]} `, '').replace(`${protocols[wire]}, `, '');
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

// --- what was heard, and what it weighs ---------------------------------------------------------------------------------

export function* heardLines(heard: Heard, { outPalette: p, lang }: Terminal): Generator<string> {
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
    facts.push(id === undefined ? words('an answer', '响应') : words(`answer to request ${id}`, `对请求 ${id} 的响应`));
    facts.push(size(bodyBytes, 'output', '输出'));
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

export function* weightLines({ payload, envelope, unread }: Weight, { outPalette: p, lang }: Terminal): Generator<string> {
  const sum = payload + envelope;
  if (sum > 0) {
    const filled = Math.round((payload / sum) * barColumns);
    const share = (part: number): string => `${((part / sum) * 100).toFixed(1)} %`;
    const shares = words(
      `${payload} of payload (${share(payload)}), ${envelope} of envelope (${share(envelope)})`,
      `载荷 ${payload} 字节（${share(payload)}），封装 ${envelope} 字节（${share(envelope)}）`,
    );
    yield `  ${p.green('█'.repeat(filled))}${p.dim('░'.repeat(barColumns - filled))}`;
    yield `  ${say(shares, lang)}`;
  }
  if (unread > 0) yield `  ${say(words(`${unread} that cannot be read`, `无法读取 ${unread} 字节`), lang)}`;
}

const barColumns = 40;

// --- for a program ---------------------------------------------------------------------------------------------------------

export const heardAsJson = (heard: Heard): Record<string, unknown> => ({
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

export function* fieldsAsJson(fields: readonly Field[], bytes: Buffer): Generator<Record<string, unknown>> {
  let record: number | undefined;
  for (const field of fields) {
    if (field.name === 'version') record = field.at;
    const { at, bytes: count, name, value, rule, says } = field;
    const shown = bytes.toString('hex', at, at + Math.min(count, fieldTextBytesMax));
    yield { at, bytes: count, record: record ?? null, name, value, hex: shown, rule, says, partial: field.partial === true };
  }
}

/** Also what JSON leaves as it is and a terminal obeys: DEL, C1 controls, marks that turn the direction of writing. */
export const json = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(
    /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
