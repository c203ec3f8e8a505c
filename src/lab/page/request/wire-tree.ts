/**
 * The fields of a wire, which come one behind the other, as the tree a person reads: records, the variables in them, their lengths. Every
 * byte lies in one leaf. Pure; wire.ts shows it.
 */
import type { ToldField, ToldWay, ToldWire } from '../../told.js';
import type { Word } from '../words.js';
import { wireWords } from './wire-words.js';

/** What kind of byte it is: for its colour, and the sign beside the colour. */
export const paints = ['frame', 'length', 'name', 'value', 'payload', 'padding', 'unread'] as const;
export type Paint = (typeof paints)[number];

export interface WireNode {
  readonly at: number;
  readonly bytes: number;
  /** Its name in the document, or a variable's own name. */
  readonly name?: string;
  /** What it is called where no document names it. */
  readonly title?: Word;
  /** What it is for, in a sentence. */
  readonly says: Word;
  readonly value: string;
  /** In the place of a value. */
  readonly note?: Word | undefined;
  /** The value is a secret's. */
  readonly hidden: boolean;
  readonly rule: string;
  /** Of a leaf; what lies above leaves has several. */
  readonly paint?: Paint;
  readonly children: readonly WireNode[];
}

/** `bytes`: what is here of this way. */
export const treeOf = (wire: ToldWire['name'], { way, fields }: ToldWay, bytes: Uint8Array): WireNode[] => {
  if (wire === 'fastcgi') return recordsOf(fields);
  return way === 'received' ? answerOf(bytes) : blockOf(wire, fields);
};

export const leavesOf = (nodes: readonly WireNode[]): WireNode[] =>
  nodes.flatMap((node) => (node.children.length === 0 ? [node] : leavesOf(node.children)));

/** From the root to the leaf that has this byte; empty where no field was told. */
export const pathTo = (nodes: readonly WireNode[], at: number): WireNode[] => {
  const node = nodes.find((each) => at >= each.at && at < each.at + each.bytes);
  return node === undefined ? [] : [node, ...pathTo(node.children, at)];
};

// --- FastCGI ---------------------------------------------------------------------------------------------------------

/** A header of eight bytes, its content, its padding (FastCGI §3.3). */
const recordsOf = (fields: readonly ToldField[]): WireNode[] =>
  split(fields, ({ name }) => name === 'version' || name === 'not FastCGI').map((record) => {
    const [first] = record;
    if (first?.name !== 'version') return leafOf(first!);
    const type = record[1]?.value ?? '';
    const header = record.filter(({ name, at }) => at < first.at + headerBytes && headerFields.has(name));
    const content = record.slice(header.length);
    return groupOf(record, {
      name: type === '' ? '…' : type,
      says: wordOf('record', type),
      value: content.find(({ name }) => name === 'role' || name === 'protocolStatus')?.value ?? '',
      note: isStream.has(type) && content.length === 0 ? 'node.ends' : undefined,
      rule: record[1]?.rule ?? first.rule,
      children: [
        groupOf(header, { title: 'node.header', says: 'node.header.says', children: header.map(leafOf) }),
        ...variablesIn(content),
      ],
    });
  });

/** An empty record is their end (FastCGI §3.3). */
const isStream: ReadonlySet<string> = new Set(['PARAMS', 'STDIN', 'STDOUT', 'STDERR', 'DATA']);
const headerBytes = 8;
const headerFields: ReadonlySet<string> = new Set(['version', 'type', 'requestId', 'contentLength', 'paddingLength', 'reserved']);

// --- SCGI and uwsgi --------------------------------------------------------------------------------------------------

/** One block of variables, and the body behind it. */
const blockOf = (wire: 'scgi' | 'uwsgi', fields: readonly ToldField[]): WireNode[] => {
  const end = fields.findIndex(({ name }) => behindBlock.has(name));
  const block = end < 0 ? fields : fields.slice(0, end);
  const behind = end < 0 ? [] : fields.slice(end).map(leafOf);
  if (block.length === 0) return behind;
  if (wire === 'scgi')
    return [groupOf(block, { title: 'node.netstring', says: 'node.netstring.says', children: variablesIn(block) }), ...behind];
  const header = block.filter(({ name }) => packetHeader.has(name));
  const vars = block.slice(header.length);
  return [
    groupOf(header, { title: 'node.header', says: 'node.packet.says', children: header.map(leafOf) }),
    ...(vars.length === 0 ? [] : [groupOf(vars, { title: 'node.variables', says: 'node.variables.says', children: variablesIn(vars) })]),
    ...behind,
  ];
};

const packetHeader: ReadonlySet<string> = new Set(['modifier1', 'datasize', 'modifier2']);
const behindBlock: ReadonlySet<string> = new Set(['body', 'after the body', 'unread']);

/** Nothing frames an answer of SCGI or uwsgi: it is what CGI would print, up to the end of the connection. */
const answerOf = (bytes: Uint8Array): WireNode[] => {
  const head = headBytesOf(bytes);
  const part = (at: number, end: number, title: Word, says: Word): WireNode[] =>
    at === end ? [] : [{ at, bytes: end - at, title, says, value: '', hidden: false, rule: 'RFC 3875 §6', paint: 'payload', children: [] }];
  return [
    ...part(0, head, 'node.answer.head', 'node.answer.head.says'),
    ...part(head, bytes.length, 'node.answer.body', 'node.answer.body.says'),
  ];
};

/** Up to and with the empty line; all of it where none came. */
const headBytesOf = (bytes: Uint8Array): number => {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return bytes.length;
};

const LF = 0x0a;
const CR = 0x0d;

// --- variables and leaves --------------------------------------------------------------------------------------------

/** The fields of each variable become one node with its name and value. */
const variablesIn = (fields: readonly ToldField[]): WireNode[] => {
  const nodes: WireNode[] = [];
  let pair: ToldField[] = [];
  const close = (): void => {
    if (pair.length > 0) nodes.push(pairOf(pair));
    pair = [];
  };
  for (const field of fields) {
    const isPart = pairParts.has(field.name);
    if (!isPart || begins.has(field.name)) close();
    if (isPart) pair.push(field);
    else nodes.push(leafOf(field));
  }
  close();
  return nodes;
};

const pairOf = (fields: readonly ToldField[]): WireNode => {
  const name = fields.find((field) => paintOf(field) === 'name');
  const value = fields.find((field) => paintOf(field) === 'value');
  return groupOf(fields, {
    name: name?.value ?? '…',
    says: 'node.pair',
    value: value?.value ?? '',
    hidden: value?.hidden ?? false,
    rule: (name ?? fields[0]!).rule,
    children: fields.map(leafOf),
  });
};

/** The three wires' words for the parts of a variable, and those that come first. */
const pairParts: ReadonlySet<string> = new Set([
  ...['nameLength', 'valueLength', 'nameData', 'valueData', 'lengths'],
  ...['name', 'value'],
  ...['key_size', 'key', 'val_size', 'val'],
]);
const begins: ReadonlySet<string> = new Set(['nameLength', 'lengths', 'name', 'key_size']);

const leafOf = (field: ToldField): WireNode => ({
  at: field.at,
  bytes: field.bytes,
  name: field.name,
  says: wordOf('field', field.name),
  value: field.value,
  hidden: field.hidden,
  rule: field.rule,
  paint: paintOf(field),
  children: [],
});

const groupOf = (fields: readonly ToldField[], node: Pick<WireNode, 'says' | 'children'> & Partial<WireNode>): WireNode => {
  const first = fields[0]!;
  const last = fields.at(-1)!;
  return { at: first.at, bytes: last.at + last.bytes - first.at, value: '', hidden: false, rule: first.rule, ...node };
};

const paintOf = ({ name }: ToldField): Paint => painted[name] ?? 'frame';

const painted: Readonly<Record<string, Paint>> = {
  ...{ nameLength: 'length', valueLength: 'length', lengths: 'length', len: 'length', datasize: 'length', key_size: 'length' },
  val_size: 'length',
  ...{ nameData: 'name', name: 'name', key: 'name' },
  ...{ valueData: 'value', value: 'value', val: 'value' },
  ...{ contentData: 'payload', body: 'payload' },
  paddingData: 'padding',
  ...{ unread: 'unread', 'after the body': 'unread', 'not FastCGI': 'unread' },
};

/** The sentence about a field, or a record, of this name. */
const wordOf = (kind: 'field' | 'record', name: string): Word => {
  const word = `${kind}.${name}`;
  return word in wireWords ? (word as Word) : `${kind}.unknown`;
};

/** Begins a new part at each field that `isFirst` says. */
const split = (fields: readonly ToldField[], isFirst: (field: ToldField) => boolean): ToldField[][] => {
  const parts: ToldField[][] = [];
  for (const field of fields) {
    if (parts.length === 0 || isFirst(field)) parts.push([]);
    parts.at(-1)!.push(field);
  }
  return parts;
};
