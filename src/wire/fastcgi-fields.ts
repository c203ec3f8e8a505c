/**
 * FastCGI for somebody who looks at hex: which bytes of a record are what, and what each says. The fields of a record stand one
 * behind the other and cover it, header to padding, so that every byte can be coloured. For `wire decode` and the lab.
 */
import { printable } from '../bytes.js';
import { fieldTextBytesMax } from '../limits.js';
import {
  type FcgiRecord,
  flag,
  headerBytes,
  nullRequestId,
  type Pair,
  pairAt,
  recordReader,
  recordType,
  roleName,
  statusName,
  typeName,
} from './fastcgi-records.js';
import type { Field } from './wire.js';

/** The fields of one direction of a connection, from its first byte: of all records, of one that is cut, of bytes that are none. */
export const fieldsOfStream = (bytes: Buffer): Field[] => {
  const open = new Map<number, OpenPair | undefined>();
  const shown = (record: FcgiRecord): Field[] => {
    if (record.type !== recordType.PARAMS) return fieldsOf(record);
    const before = open.get(record.requestId);
    open.set(record.requestId, openPairOf(record, before));
    return fieldsOf(record, before);
  };
  const reader = recordReader();
  const fields = reader.push(bytes).flatMap(shown);
  const failure = reader.broken() ?? reader.end();
  // A record that is cut is filled up with zeros, and its fields are cut where the bytes end.
  if (failure?.code === 'WIRE_TRUNCATED') fields.push(...shown(reader.push(Buffer.alloc(headerBytes + 0xffff))[0]!));
  const here = fields.filter(({ at }) => at < bytes.length).map((each) => cutAt(bytes, each));
  if (failure?.code === 'WIRE_BROKEN') {
    const last = here.at(-1);
    const at = last === undefined ? 0 : last.at + last.bytes;
    here.push(field(at, bytes.length - at, 'not FastCGI', textOf(bytes, at, bytes.length), '§3.3', `${failure.evidence.detail}.`));
  }
  return here;
};

const cutAt = (bytes: Buffer, whole: Field): Field => {
  const { at, name } = whole;
  if (at + whole.bytes <= bytes.length) return whole;
  // Of a number that is not all there nothing can be said; of a text, how it begins.
  const value = /^(?:content|name|value)Data$/.test(name) ? textOf(bytes, at, bytes.length) : '';
  return { ...whole, bytes: bytes.length - at, value, partial: true };
};

/** A name-value pair that a record of PARAMS leaves unfinished: what has to be known to read the next one. */
export interface OpenPair {
  /** The bytes of its two lengths, as far as they have come: at most 8. */
  readonly lengths: Buffer;
  /** How many bytes of name and value have come. */
  readonly passed: number;
}

/**
 * The fields of any record, however wrong. `open`: what the PARAMS record before it, of the same request, left unfinished
 * (`openPairOf`).
 */
export const fieldsOf = (record: FcgiRecord, open?: OpenPair): Field[] => {
  const { at, type, requestId, content, paddingBytes } = record;
  const kind = kinds[type] ?? unknownKind;
  const ends = kind.stream && content.length === 0;
  const contentAt = at + headerBytes;
  return [
    field(at, 1, 'version', '1', '§3.3', 'There is only this one.'),
    field(at + 1, 1, 'type', typeName(type), kind.rule, kind.says),
    field(at + 2, 2, 'requestId', String(requestId), '§3.3', requestId === nullRequestId ? aboutConnection : aboutRequest),
    field(at + 4, 2, 'contentLength', String(content.length), '§3.3', ends ? streamOver : 'So many bytes of content follow the header.'),
    field(at + 6, 1, 'paddingLength', String(paddingBytes), '§3.3', 'So many bytes that mean nothing follow the content.'),
    field(at + 7, 1, 'reserved', '', '§3.3', 'Not used: it makes the header eight bytes long.'),
    ...contentFields(record, kind, open).map((each) => ({ ...each, at: contentAt + each.at })),
    field(contentAt + content.length, paddingBytes, 'paddingData', '', '§3.3', 'To be skipped.'),
  ].filter(({ bytes }) => bytes > 0);
};

const field = (at: number, bytes: number, name: string, value: string, rule: string, says: string): Field => ({
  at,
  bytes,
  name,
  value,
  rule: `FastCGI ${rule}`,
  says,
});

const aboutConnection = 'Zero: about the connection, not about a request.';
const aboutRequest = 'Which request this belongs to: several may share a connection.';
const streamOver = 'Zero: the stream of this type is over.';

/** What each type of record is for. */
interface Kind {
  readonly rule: string;
  readonly stream: boolean;
  readonly says: string;
  /** The parts of a body that has one form. */
  readonly body?: readonly Part[];
}

interface Part {
  readonly bytes: number;
  readonly name: string;
  readonly says: string;
  readonly show: (number: number) => string;
}

const reserved = (bytes: number): Part => ({ bytes, name: 'reserved', says: 'Not used: the body is eight bytes long.', show: () => '' });

const kinds: Readonly<Record<number, Kind>> = {
  [recordType.BEGIN_REQUEST]: {
    rule: '§5.1',
    stream: false,
    says: 'The server opens a request.',
    body: [
      { bytes: 2, name: 'role', says: 'What the program shall be: it answers, it guards, or it filters a file.', show: roleName },
      {
        bytes: 1,
        name: 'flags',
        says: 'KEEP_CONN: the program leaves the connection open after its answer.',
        show: (flags) => ((flags & flag.KEEP_CONN) !== 0 ? `KEEP_CONN (${flags})` : String(flags)),
      },
      reserved(5),
    ],
  },
  [recordType.ABORT_REQUEST]: { rule: '§5.4', stream: false, says: 'Nobody wants the answer any more: the program should end it soon.' },
  [recordType.END_REQUEST]: {
    rule: '§5.5',
    stream: false,
    says: 'The answer is over. A connection that ends without this record has cut it short.',
    body: [
      { bytes: 4, name: 'appStatus', says: 'What a CGI program would have given to exit().', show: String },
      { bytes: 1, name: 'protocolStatus', says: 'Whether the request was carried out, or why it was refused.', show: statusName },
      reserved(3),
    ],
  },
  [recordType.PARAMS]: { rule: '§5.2', stream: true, says: 'The variables: what CGI puts into the environment.' },
  [recordType.STDIN]: { rule: '§5.3', stream: true, says: 'The body of the request.' },
  [recordType.STDOUT]: { rule: '§5.3', stream: true, says: 'The answer, as a CGI program would print it: headers, blank line, body.' },
  [recordType.STDERR]: { rule: '§5.3', stream: true, says: 'Messages for the log.' },
  [recordType.DATA]: { rule: '§6.4', stream: true, says: 'The file that a Filter is to filter.' },
  [recordType.GET_VALUES]: { rule: '§4.1', stream: false, says: 'The server asks what the program can: names, their values left empty.' },
  [recordType.GET_VALUES_RESULT]: {
    rule: '§4.1',
    stream: false,
    says: 'The program tells what it can; names it does not know are left out.',
  },
  [recordType.UNKNOWN_TYPE]: {
    rule: '§4.2',
    stream: false,
    says: 'The program does not know a type of record it was sent.',
    body: [{ bytes: 1, name: 'type', says: 'The type it does not know.', show: String }, reserved(7)],
  },
};

const unknownKind: Kind = { rule: '§3.3', stream: false, says: 'A type that the specification does not name.' };

/** Fields of the content; here `at` counts from its beginning. */
const contentFields = ({ type, content }: FcgiRecord, kind: Kind, open: OpenPair | undefined): Field[] => {
  if (type === recordType.PARAMS) return pairFields(content, open);
  if (type === recordType.GET_VALUES || type === recordType.GET_VALUES_RESULT) return pairFields(content, undefined);
  const fields: Field[] = [];
  let at = 0;
  for (const { bytes, name, says, show } of kind.body ?? []) {
    const whole = at + bytes <= content.length;
    const value = whole && bytes <= 4 ? show(content.readUIntBE(at, bytes)) : '';
    fields.push(field(at, whole ? bytes : content.length - at, name, value, kind.rule, whole ? says : 'The body is too short.'));
    at = Math.min(at + bytes, content.length);
  }
  const says = kind.stream ? 'A piece of the stream; where it is cut means nothing.' : 'The specification puts nothing here.';
  fields.push(field(at, content.length - at, 'contentData', textOf(content, at, content.length), kind.rule, says));
  return fields;
};

/** FastCGI §3.4 — PARAMS is a stream: the first pair may have begun before this content, the last may end behind it. */
const pairFields = (content: Buffer, open: OpenPair | undefined): Field[] => {
  const fields: Field[] = [];
  const add = (from: number, to: number, name: string, value: string | undefined, says: string) => {
    const at = Math.max(from, 0);
    const end = Math.min(to, content.length);
    if (at < end) fields.push(field(at, end - at, name, value ?? textOf(content, at, end), '§3.4', says));
  };
  const { pairs, rest } = walk(content, open);
  for (const { at, valueLengthAt, lengthsEnd, nameAt, valueAt, end } of pairs) {
    add(at, valueLengthAt, 'nameLength', String(valueAt - nameAt), lengthSays(valueLengthAt - at));
    add(valueLengthAt, lengthsEnd, 'valueLength', String(end - valueAt), lengthSays(lengthsEnd - valueLengthAt));
    add(nameAt, valueAt, 'nameData', undefined, 'The name, without a mark at its end.');
    add(valueAt, end, 'valueData', undefined, 'The value, without a mark at its end.');
  }
  add(content.length - rest.length, content.length, 'lengths', '', 'The lengths of a pair, cut by the end of the record.');
  return fields;
};

const lengthSays = (bytes: number): string =>
  bytes === 1 ? 'One byte, as it is below 128.' : 'Four bytes, as the highest bit of the first one says.';

/** What the last pair of a record of PARAMS still lacks; undefined when it is whole. */
export const openPairOf = ({ content }: FcgiRecord, open?: OpenPair): OpenPair | undefined => {
  if (content.length === 0) return undefined; // The stream is over.
  const { pairs, rest, lengths } = walk(content, open);
  if (rest.length > 0) return { lengths: rest, passed: 0 };
  const last = pairs.at(-1);
  return last !== undefined && last.end > content.length ? { lengths, passed: content.length - last.nameAt } : undefined;
};

/** A pair in the content of a record, positions counted there: below 0 they are in the records before, beyond its end in those behind. */
interface PlacedPair extends Pair {
  readonly at: number;
  readonly lengthsEnd: number;
}

/** `rest`: bytes at the end that do not make two lengths yet; `lengths`: those of the last pair. */
const walk = (content: Buffer, open: OpenPair = { lengths: Buffer.alloc(0), passed: 0 }) => {
  const before = open.lengths.length;
  const block = before > 0 ? Buffer.concat([open.lengths, content]) : content;
  const pairs: PlacedPair[] = [];
  let lengths = open.lengths;
  let { passed } = open;
  let at = 0;
  for (let pair = pairAt(block, at); pair !== undefined; pair = pairAt(block, at)) {
    lengths = block.subarray(at, pair.nameAt);
    pairs.push({
      at: at - before,
      valueLengthAt: pair.valueLengthAt - before,
      lengthsEnd: pair.nameAt - before,
      nameAt: pair.nameAt - before - passed,
      valueAt: pair.valueAt - before - passed,
      end: pair.end - before - passed,
    });
    at = pair.end - passed;
    passed = 0;
  }
  return { pairs, rest: block.subarray(at), lengths };
};

const textOf = (content: Buffer, from: number, to: number): string =>
  printable(content.subarray(from, Math.min(to, from + fieldTextBytesMax))) + (to - from > fieldTextBytesMax ? '…' : '');
