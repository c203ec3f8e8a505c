/**
 * SCGI, after Neil Schemenauer's protocol.txt of 2008: the whole idea of a gateway in twenty bytes. The variables, each name and
 * each value ended by NUL, make one netstring; then comes the body. Everything else is one-block.ts.
 *
 *   70:CONTENT_LENGTH␀27␀SCGI␀1␀REQUEST_METHOD␀POST␀REQUEST_URI␀/deepthought␀,What is the answer to life?
 *   length                                                                   comma       body, 27 bytes
 */
import { printable } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import { wireVariablesBytesMax, wireVariablesMax } from '../limits.js';
import type { MetaVariables } from '../types.js';
import { askRaw, broken, isLength, readOneBlock, readUntilEnd, type Spelling, textOf, tooMany } from './one-block.js';
import { fieldsOfOneBlock } from './one-block-fields.js';
import { strangerAt, strangerBytes } from './stranger.js';
import { byteText, isEnvelope } from './variables.js';
import type { Asking, Field, Wire } from './wire.js';

export const scgi: Wire = {
  name: 'scgi',
  keeps: false,
  ask: (meta) => ask(meta),
  readTelling: () => readUntilEnd('not one byte of answer'),
  readAsking: () => readOneBlock(spelling),
};

/** What the bytes of a request are, one after the other; a request that is cut short as far as it goes. */
export const fieldsOf = (bytes: Buffer): Field[] => fieldsOfOneBlock(spelling, bytes);

/** §3 — CONTENT_LENGTH comes first, also when there is no body; SCGI says 1; no name stands twice. */
const ask = (meta: MetaVariables): Asking | Failure => {
  const length = meta.get('CONTENT_LENGTH') || '0';
  if (!isLength(length)) return invalid('CONTENT_LENGTH is no number');
  const strings = ['CONTENT_LENGTH', length, 'SCGI', '1'];
  let envelopeBytes = 'SCGI1'.length + (isEnvelope('CONTENT_LENGTH', length) ? 'CONTENT_LENGTH0'.length : 0);
  for (const [name, value] of meta) {
    if (name === 'CONTENT_LENGTH' || name === 'SCGI') continue;
    if (name === '') return invalid('a name is empty');
    // A NUL would end the value, and the rest of it would be variables of the client's own making.
    if (name.includes('\0') || value.includes('\0')) return invalid(`${printable(name)} holds a NUL`);
    strings.push(name, value);
  }
  const headers = byteText(`${strings.join('\0')}\0`);
  envelopeBytes += strings.length; // The NULs.
  return askRaw(Buffer.from(`${headers.length}:${headers},`, 'latin1'), headers.length - envelopeBytes);
};

const invalid = (what: string): Failure => failure('WIRE_VARIABLE_INVALID', { detail: `SCGI §3: ${what}` });

const tooLarge = (bytes: number): Failure =>
  failure('WIRE_VARIABLES_TOO_LARGE', { detail: `${bytes} bytes of headers or more; this program takes ${wireVariablesBytesMax}` });

const comma = 0x2c;

const spelling: Spelling = {
  name: 'SCGI',
  /** §4 — [len] ":" [string] ",", where len is decimal without leading zeros. The block is the string with its comma. */
  measure(start) {
    const text = start.toString('latin1');
    const digits = /^\d*/.exec(text)![0];
    if (digits === '') {
      if (start.length < strangerBytes) return undefined;
      return broken('SCGI §4', strangerAt(start, 'an SCGI port', 'stands where a length should'));
    }
    if (/^0\d/.test(digits)) return broken('SCGI §4', 'the length begins with a zero');
    const length = Number(digits);
    if (length > wireVariablesBytesMax) return tooLarge(length);
    const end = text[digits.length];
    if (end === ':') return length + 1;
    return end === undefined ? undefined : broken('SCGI §4', `"${printable(end)}" in the length`);
  },

  read(block) {
    if (block.at(-1) !== comma) return broken('SCGI §4', `no comma after ${block.length - 1} bytes of headers`);
    const meta = new Map<string, string>();
    let at = 0;
    const next = (): string | undefined => {
      const nul = block.indexOf(0, at);
      if (nul < 0) return undefined;
      const text = textOf(block.subarray(at, nul));
      at = nul + 1;
      return text;
    };
    while (at < block.length - 1) {
      const name = next();
      const value = next();
      if (name === undefined || value === undefined)
        return broken('SCGI §3', `no NUL after the last ${name === undefined ? 'name' : 'value'}`);
      if (name === '') return broken('SCGI §3', 'a name is empty');
      if (meta.has(name)) return broken('SCGI §3', `${printable(name)} stands twice`);
      if (meta.size === 0 && name !== 'CONTENT_LENGTH') return broken('SCGI §3', `${printable(name)} stands first, not CONTENT_LENGTH`);
      meta.set(name, value);
      if (meta.size > wireVariablesMax) return tooMany();
    }
    const length = meta.get('CONTENT_LENGTH');
    if (length === undefined) return broken('SCGI §3', 'no CONTENT_LENGTH');
    if (!isLength(length)) return broken('SCGI §3', `CONTENT_LENGTH is "${printable(length)}", not a number`);
    if (meta.get('SCGI') !== '1') return broken('SCGI §3', `the variable SCGI is ${meta.has('SCGI') ? 'not 1' : 'missing'}`);
    return meta;
  },

  fields(ruler, start, blockBytes) {
    const cut = blockBytes === undefined;
    ruler.take(cut ? start.length + 1 : start.length - 1, 'len', ['SCGI §4', 'How many bytes of headers follow, in decimal.']);
    if (cut) return;
    ruler.take(1, 'colon', ['SCGI §4', 'Ends the length.']);
    const end = start.length + blockBytes - 1;
    const toNul = (name: string, says: string): void => {
      const nul = ruler.rest().indexOf(0);
      const bytes = nul < 0 || ruler.at() + nul >= end ? end - ruler.at() : nul + 1;
      ruler.take(bytes, name, ['SCGI §3', says], (text) => printable(text.at(-1) === 0 ? text.subarray(0, -1) : text));
    };
    while (ruler.at() < end && ruler.rest().length > 0) {
      toNul('name', 'A name, ended by NUL; the first one is CONTENT_LENGTH.');
      if (ruler.at() < end) toNul('value', 'Its value, ended by NUL; it may be empty.');
    }
    ruler.take(1, 'comma', ['SCGI §4', 'Closes the netstring, and shows that its length was right.']);
  },

  body: ['SCGI §3', 'The body: as many bytes as CONTENT_LENGTH says, and nothing that marks its end.'],
  after: ['SCGI §2', 'More bytes than CONTENT_LENGTH says: a connection carries one request.'],
};
