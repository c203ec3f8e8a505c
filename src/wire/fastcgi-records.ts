/**
 * FastCGI §3, §4, §8: records and name-value pairs, read and written. Everything on a FastCGI connection is a record:
 *
 *   0         1      2           4               6               7          8
 *   ┌─────────┬──────┬───────────┬───────────────┬───────────────┬──────────┬─────────┬─────────┐
 *   │ version │ type │ requestId │ contentLength │ paddingLength │ reserved │ content │ padding │
 *   └─────────┴──────┴───────────┴───────────────┴───────────────┴──────────┴─────────┴─────────┘
 *
 * Who may say which record when is in fastcgi.ts; what each byte means to somebody who looks at hex, in fastcgi-fields.ts.
 */
import { printable, recode } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import { recordContentBytesMax } from '../limits.js';
import { protocolOf } from './stranger.js';
import { byteText, isEnvelope } from './variables.js';

// FastCGI §8. The names are the specification's, without its FCGI_.
export const recordType = {
  BEGIN_REQUEST: 1,
  ABORT_REQUEST: 2,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  DATA: 8,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
  UNKNOWN_TYPE: 11,
} as const;
export const role = { RESPONDER: 1, AUTHORIZER: 2, FILTER: 3 } as const;
export const flag = { KEEP_CONN: 1 } as const;
export const protocolStatus = { REQUEST_COMPLETE: 0, CANT_MPX_CONN: 1, OVERLOADED: 2, UNKNOWN_ROLE: 3 } as const;

/** FastCGI §3.3 — records with this id are about the connection: management records. All others are about a request. */
export const nullRequestId = 0;
export const headerBytes = 8;
const version = 1;
/** BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE have bodies of one size. */
export const bodyBytes = 8;

const naming = (noun: string, names: Readonly<Record<string, number>>): ((number: number) => string) => {
  const byNumber = new Map(Object.entries(names).map(([name, number]) => [number, name]));
  return (number) => byNumber.get(number) ?? `${noun} ${number}`;
};
/** For display: `STDOUT`, `type 77`. */
export const typeName = naming('type', recordType);
export const roleName = naming('role', role);
export const statusName = naming('status', protocolStatus);

// --- reading ------------------------------------------------------------------------------------------------------------

export interface FcgiRecord {
  /** Where its header begins: bytes from the start of the stream. */
  readonly at: number;
  readonly type: number;
  readonly requestId: number;
  /** A view into the piece that was pushed when the record came in one, else a copy. */
  readonly content: Buffer;
  readonly paddingBytes: number;
}

export interface RecordReader {
  /** Bytes, cut anywhere; the records that they complete. A record counts once its content is there: padding may follow, or never come. */
  push(piece: Buffer): FcgiRecord[];
  /** The connection has ended: what that cuts off. Undefined between records, and after `broken` has said what was wrong. */
  end(): Failure | undefined;
  /** Set once the bytes are no records: nothing after them can be read. */
  broken(): Failure | undefined;
}

/** At most one record is held: 64 KiB, whatever the peer announces. */
export const recordReader = (): RecordReader => {
  const header = Buffer.alloc(headerBytes);
  let headerHeld = 0;
  /** The record whose header has come and whose content may still be coming. */
  let open: FcgiRecord | undefined;
  let contentHeld = 0;
  let paddingLeft = 0;
  /** Where the next header begins. */
  let nextAt = 0;
  let broken: Failure | undefined;

  return {
    broken: () => broken,
    push(piece) {
      const records: FcgiRecord[] = [];
      let i = 0;
      while (broken === undefined) {
        const skipped = Math.min(paddingLeft, piece.length - i);
        paddingLeft -= skipped;
        i += skipped;
        if (open === undefined) {
          const copied = piece.copy(header, headerHeld, i, i + headerBytes - headerHeld);
          headerHeld += copied;
          i += copied;
          if (headerHeld < headerBytes) break;
          if (header[0] !== version) {
            broken = notARecord(Buffer.from(header), nextAt);
            break;
          }
          const length = header.readUInt16BE(4);
          const whole = piece.length - i >= length;
          contentHeld = whole ? length : 0;
          open = {
            at: nextAt,
            type: header[1]!,
            requestId: header.readUInt16BE(2),
            content: whole ? piece.subarray(i, i + length) : Buffer.allocUnsafe(length),
            paddingBytes: header[6]!,
          };
          i += contentHeld;
        }
        const copied = piece.copy(open.content, contentHeld, i);
        contentHeld += copied;
        i += copied;
        if (contentHeld < open.content.length) break;
        records.push(open);
        nextAt += headerBytes + contentHeld + open.paddingBytes;
        paddingLeft = open.paddingBytes;
        headerHeld = 0;
        open = undefined;
      }
      return records;
    },
    end() {
      if (broken !== undefined || headerHeld === 0) return undefined;
      if (header[0] !== version) return notARecord(header.subarray(0, headerHeld), nextAt);
      const detail = open
        ? `the record ${typeName(open.type)} ends after ${contentHeld} of its ${open.content.length} bytes`
        : `a record ends after ${headerHeld} of its header’s ${headerBytes} bytes`;
      return failure('WIRE_TRUNCATED', { detail });
    },
  };
};

const notARecord = (header: Buffer, at: number): Failure => {
  const text = header.toString('latin1');
  const detail = `byte ${at} should be a record’s version, 1, and is ${header[0]}, in "${printable(text)}": ${guess(header, text, at)}`;
  return failure('WIRE_BROKEN', { detail, output: header, offset: 0 });
};

const guess = (header: Buffer, text: string, at: number): string => {
  if (at > 0) return 'the record before it is longer or shorter than it says';
  if (/^HTTP\/\d/.test(text)) return 'an HTTP answer, so an HTTP server listens there';
  if (/^(?:Status:|Content-|Location|X-)/i.test(text)) return 'what a CGI program prints, without records around it';
  return `this is ${protocolOf(header) ?? 'no protocol we know'}, at a FastCGI port`;
};

// --- writing ------------------------------------------------------------------------------------------------------------

const nothing = Buffer.alloc(0);
/** FastCGI §3.3 — padding brings the next record to a multiple of eight; its bytes mean nothing. */
const paddingOf = (contentBytes: number): number => -contentBytes & 7;
const paddings = Array.from({ length: 8 }, (_, bytes) => Buffer.alloc(bytes));

const writeHeader = (into: Buffer, at: number, type: number, requestId: number, contentBytes: number): number => {
  into[at] = version;
  into[at + 1] = type;
  into.writeUInt16BE(requestId, at + 2);
  into.writeUInt16BE(contentBytes, at + 4);
  into[at + 6] = paddingOf(contentBytes);
  into[at + 7] = 0;
  return at + headerBytes;
};

/** One record; its content is at most `recordContentBytesMax`. One without content ends the stream of its type. */
export const writeRecord = (type: number, requestId: number, content: Buffer = nothing): Buffer => {
  const record = Buffer.allocUnsafe(headerBytes + content.length + paddingOf(content.length));
  const contentAt = writeHeader(record, 0, type, requestId, content.length);
  return record.fill(0, contentAt + content.copy(record, contentAt));
};

/** A piece of a stream as records, its bytes not copied. No bytes are no records: an empty record would end the stream. */
export const writeStream = (type: number, requestId: number, bytes: Buffer): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += recordContentBytesMax) {
    const content = bytes.subarray(at, at + recordContentBytesMax);
    const header = Buffer.allocUnsafe(headerBytes);
    writeHeader(header, 0, type, requestId, content.length);
    pieces.push(header, content);
    if (paddingOf(content.length) > 0) pieces.push(paddings[paddingOf(content.length)]!);
  }
  return pieces;
};

/** FastCGI §5.1. */
export const writeBegin = (requestId: number, asked: number, flags: number): Buffer =>
  writeRecord(recordType.BEGIN_REQUEST, requestId, Buffer.from([asked >> 8, asked, flags, 0, 0, 0, 0, 0]));

/** FastCGI §5.5. */
export const writeEnd = (requestId: number, appStatus: number, status: number): Buffer => {
  const body = Buffer.alloc(bodyBytes);
  body.writeUInt32BE(appStatus >>> 0);
  body[4] = status;
  return writeRecord(recordType.END_REQUEST, requestId, body);
};

/** FastCGI §4.2: the answer to a management record whose type is not known. */
export const writeUnknownType = (type: number): Buffer =>
  writeRecord(recordType.UNKNOWN_TYPE, nullRequestId, Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]));

// --- name-value pairs -----------------------------------------------------------------------------------------------------

/** FastCGI §3.4 — a length up to 127 is one byte; a longer one four, with the highest bit set to tell. As text, a character a byte. */
export const lengthText = (length: number): string =>
  length <= 127
    ? String.fromCharCode(length)
    : String.fromCharCode((length >>> 24) | 0x80, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);

const pairText = (nameBytes: string, valueBytes: string): string =>
  lengthText(nameBytes.length) + lengthText(valueBytes.length) + nameBytes + valueBytes;

const recordText = (type: number, requestId: number, content: string): string => {
  const { length } = content;
  const padding = paddingOf(length);
  const header = String.fromCharCode(version, type, requestId >>> 8, requestId & 0xff, length >>> 8, length & 0xff, padding, 0);
  return header + content + '\0'.repeat(padding);
};

/**
 * All variables as PARAMS records, with the empty one that ends them. PARAMS is a stream (§5.2), so a pair might cross from one
 * record into the next; but php-fpm, flup and uWSGI read each record by itself. So none does here, and a pair that fits no record is
 * WIRE_VARIABLES_TOO_LARGE. `weigh` is told the bytes of each that is payload.
 */
export const writeParams = (
  requestId: number,
  variables: ReadonlyMap<string, string>,
  weigh?: (bytes: number) => void,
): Buffer | Failure => {
  let records = '';
  let content = '';
  for (const [name, value] of variables) {
    if (!isVariable(name, value)) return failure('WIRE_VARIABLE_INVALID', { detail: `${printable(name)}: ${noVariable}` });
    const nameBytes = byteText(name);
    const valueBytes = byteText(value);
    const pair = pairText(nameBytes, valueBytes);
    if (weigh && !isEnvelope(name, value)) weigh(nameBytes.length + valueBytes.length);
    if (pair.length > recordContentBytesMax) {
      const detail = `${printable(name)} takes ${pair.length} bytes; one FastCGI record holds ${recordContentBytesMax}`;
      return failure('WIRE_VARIABLES_TOO_LARGE', { detail });
    }
    if (content.length + pair.length > recordContentBytesMax) {
      records += recordText(recordType.PARAMS, requestId, content);
      content = '';
    }
    content += pair;
  }
  if (content !== '') records += recordText(recordType.PARAMS, requestId, content);
  return Buffer.from(records + recordText(recordType.PARAMS, requestId, ''), 'latin1');
};

/** FastCGI §4.1: names to ask for, or names and values to answer with, in one record about the connection. */
export const writeValues = (type: number, values: ReadonlyMap<string, string>): Buffer =>
  writeRecord(
    type,
    nullRequestId,
    Buffer.from(Array.from(values, ([name, value]) => pairText(byteText(name), byteText(value))).join(''), 'latin1'),
  );

/** Where the parts of a pair stand in its block; `end` may lie beyond the block. */
export interface Pair {
  readonly valueLengthAt: number;
  readonly nameAt: number;
  readonly valueAt: number;
  readonly end: number;
}

/** The pair that begins at `at`; undefined while its lengths have not all come. Two lengths of 31 bits: no sum of them overflows here. */
export const pairAt = (block: Buffer, at: number): Pair | undefined => {
  const valueLengthAt = at + lengthBytesAt(block, at);
  const nameAt = valueLengthAt + lengthBytesAt(block, valueLengthAt);
  if (nameAt > block.length) return undefined;
  const valueAt = nameAt + readLength(block, at);
  return { valueLengthAt, nameAt, valueAt, end: valueAt + readLength(block, valueLengthAt) };
};

const lengthBytesAt = (block: Buffer, at: number): 1 | 4 => ((block[at] ?? 0) < 0x80 ? 1 : 4);

export const readLength = (block: Buffer, at: number): number =>
  lengthBytesAt(block, at) === 1 ? block[at]! : block.readUInt32BE(at) - 0x8000_0000;

/** A whole block of pairs. Of a name that stands twice the last value counts, as in php-fpm. */
export const readPairs = (block: Buffer, pairsMax = Number.POSITIVE_INFINITY): Map<string, string> | Failure => {
  const pairs = new Map<string, string>();
  let count = 0;
  for (let at = 0; at < block.length; ) {
    const pair = pairAt(block, at);
    // CVE-2025-23016 — both lengths are held against what is there before anything is made of them.
    if (pair === undefined || pair.end > block.length)
      return failure('WIRE_BROKEN', {
        detail: `the pair at byte ${at} of its block is longer than the ${block.length - at} bytes that are left`,
      });
    count += 1;
    if (count > pairsMax) return failure('WIRE_VARIABLES_TOO_LARGE', { detail: `more than ${pairsMax} variables` });
    const name = textOf(block, pair.nameAt, pair.valueAt);
    const value = textOf(block, pair.valueAt, pair.end);
    if (!isVariable(name, value)) return failure('WIRE_BROKEN', { detail: `the pair at byte ${at} of its block: ${noVariable}` });
    pairs.set(name, value);
    at = pair.end;
  }
  return pairs;
};

/** FastCGI §6.1 — values hold no NUL: in a program's environment it would end them. */
const isVariable = (name: string, value: string): boolean => name !== '' && !name.includes('\0') && !value.includes('\0');
const noVariable = 'a variable has a name, and no NUL in name or value';

/** UTF-8 where it is UTF-8, else one character for each byte, as everywhere in this program. */
const textOf = (block: Buffer, from: number, to: number): string => recode(block.toString('latin1', from, to));
