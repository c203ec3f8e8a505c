/**
 * What bytes on a wire mean: their fields, what a reader hears, how much of them is envelope. Recorded bytes are played back through
 * the codecs that serve live connections, so that the lesson and the program cannot disagree. Pure; for `cli/wire-*` and the lab.
 */
import { fieldsOfStream } from '../wire/fastcgi-fields.js';
import { recordType } from '../wire/fastcgi-records.js';
import { scgi, fieldsOf as scgiFields } from '../wire/scgi.js';
import { uwsgi, fieldsOf as uwsgiFields } from '../wire/uwsgi.js';
import { isEnvelope } from '../wire/variables.js';
import type { Field, Wire } from '../wire/wire.js';
import { type Hearing, hearFastcgi, hearOneBlock, hearUnframed, type Side } from './hearing.js';

export interface Explained {
  readonly wire: Wire['name'];
  readonly bytes: Buffer;
  /** Every byte lies in one; none for the answers of SCGI and uwsgi, which have no framing. */
  readonly fields: readonly Field[];
  readonly hearing: Hearing;
  readonly weight: Weight;
}

/**
 * `side`: who said the bytes. FastCGI's records tell that themselves, and both sides may stand in one file; of SCGI and uwsgi a
 * request is expected unless told otherwise.
 */
export const explain = (wire: Wire['name'], bytes: Buffer, side: Side = 'request'): Explained => {
  if (wire === 'fastcgi') {
    const fields = fieldsOfStream(bytes);
    return { wire, bytes, fields, hearing: hearFastcgi(bytes), weight: weigh(wire, bytes, fields) };
  }
  if (side === 'answer') {
    const hearing = hearUnframed(codecs[wire].readTelling(), bytes);
    // `HTTP/1.1 200` is heard as `Status: 200`, a byte less.
    const payload = hearing.heard.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    return { wire, bytes, fields: [], hearing, weight: { payload, envelope: bytes.length - payload, unread: 0 } };
  }
  const fields = fieldReaders[wire](bytes);
  return { wire, bytes, fields, hearing: hearOneBlock(codecs[wire].readAsking(), bytes), weight: weigh(wire, bytes, fields) };
};

const codecs = { scgi, uwsgi: uwsgi({ modifier1: 0, modifier2: 0 }) } as const;
const fieldReaders = { scgi: scgiFields, uwsgi: uwsgiFields } as const;

// --- envelope and payload ---------------------------------------------------------------------------------------------

export interface Weight {
  /** What CGI itself would have carried (wire/variables.ts). */
  readonly payload: number;
  /** What the wire adds. */
  readonly envelope: number;
  /** Of no use to a reader. */
  readonly unread: number;
}

/** What stands in the place of a FastCGI record and is none. */
export const strangeName = 'not FastCGI';

const names: ReadonlySet<string> = new Set(['nameData', 'name', 'key']);
const values: ReadonlySet<string> = new Set(['valueData', 'value', 'val']);
const bodies: ReadonlySet<string> = new Set(['contentData', 'body']);
const unread: ReadonlySet<string> = new Set(['unread', strangeName, 'after the body']);
const management: readonly number[] = [recordType.GET_VALUES, recordType.GET_VALUES_RESULT, recordType.UNKNOWN_TYPE];

/** For whoever colours them. A field with a variable's name or value may still be the wire's own word. */
export const isPayload = ({ name }: Field): boolean => names.has(name) || values.has(name) || bodies.has(name);
export const isUnread = ({ name }: Field): boolean => unread.has(name);

const weigh = (wire: Wire['name'], bytes: Buffer, fields: readonly Field[]): Weight => {
  const weight = { payload: 0, envelope: 0, unread: 0 };
  let type = 0;
  /** The variable at hand says something for the wire's own sake. */
  let own = false;
  for (const [i, field] of fields.entries()) {
    const { at, name } = field;
    if (wire === 'fastcgi' && name === 'version') type = bytes[at + 1] ?? 0;
    if (names.has(name)) own = isEnvelope(field.value, valueBehind(fields, i));
    // SCGI: the NUL that ends a name or a value belongs to the wire.
    const ended = wire === 'scgi' && (names.has(name) || values.has(name)) && bytes[at + field.bytes - 1] === 0 ? 1 : 0;
    if (isUnread(field)) weight.unread += field.bytes;
    else if (!isPayload(field) || (own && !bodies.has(name)) || (wire === 'fastcgi' && management.includes(type)))
      weight.envelope += field.bytes;
    else {
      weight.payload += field.bytes - ended;
      weight.envelope += ended;
    }
  }
  return weight;
};

/** The value of the variable whose name is field `i`: behind it, or behind a length; one that is empty may have no field. */
const valueBehind = (fields: readonly Field[], i: number): string => {
  const behind = [fields[i + 1], fields[i + 2]].find((field) => field !== undefined && values.has(field.name));
  return behind === undefined ? '' : behind.value;
};
