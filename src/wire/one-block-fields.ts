/**
 * SCGI and uwsgi for somebody who looks at hex: which bytes of a request are what. scgi.ts and uwsgi.ts name the fields of their
 * blocks; the body, what is cut short and what cannot be read are the same for both. For `wire decode` and the lab.
 */
import { printable } from '../bytes.js';
import type { Failure } from '../failures.js';
import { fieldTextBytesMax } from '../limits.js';
import { contentLength, type Said, type Spelling } from './one-block.js';
import type { Field } from './wire.js';

/** Takes one field after the other off the front of some bytes. */
export interface Ruler {
  /** Offset of the byte that is next. */
  at(): number;
  /** What is not taken yet. */
  rest(): Buffer;
  /** The next `count` bytes, or what is here of them. */
  take(count: number, name: string, said: Said, value?: (bytes: Buffer) => string): Buffer;
}

export const fieldsOfOneBlock = (spelling: Spelling, bytes: Buffer): Field[] => {
  const fields: Field[] = [];
  const ruler = rulerOver(bytes, fields);
  const unread = (why: Failure): void => {
    ruler.take(ruler.rest().length, 'unread', [spelling.name, why.evidence.detail ?? why.code]);
  };

  let startBytes = 0;
  let measured: number | Failure | undefined;
  while (measured === undefined && startBytes < bytes.length) measured = spelling.measure(bytes.subarray(0, ++startBytes));
  if (typeof measured === 'object') {
    unread(measured);
    return fields;
  }
  spelling.fields(ruler, bytes.subarray(0, startBytes), measured);
  if (measured === undefined || bytes.length < startBytes + measured) return fields;

  const meta = spelling.read(bytes.subarray(startBytes, startBytes + measured));
  if (meta instanceof Map) {
    ruler.take(contentLength(meta), 'body', spelling.body);
    ruler.take(ruler.rest().length, 'after the body', spelling.after);
  } else unread(meta);
  return fields;
};

const rulerOver = (bytes: Buffer, fields: Field[]): Ruler => {
  let at = 0;
  return {
    at: () => at,
    rest: () => bytes.subarray(at),
    take(count, name, [rule, says], value = textOf) {
      const taken = bytes.subarray(at, at + count);
      const partial = taken.length < count;
      if (taken.length > 0)
        fields.push({ at, bytes: taken.length, name, value: value(taken), rule, says, ...(partial ? { partial } : {}) });
      at += taken.length;
      return taken;
    },
  };
};

const textOf = (bytes: Buffer): string => printable(bytes.subarray(0, fieldTextBytesMax)) + (bytes.length > fieldTextBytesMax ? ' …' : '');
