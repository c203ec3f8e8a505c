/**
 * uwsgi, after uWSGI's Protocol document: lengths in place of SCGI's NULs. Four bytes of header, then the variables, each name and
 * each value behind its own length; then the body. All numbers of two bytes have the low byte first. The rest is one-block.ts.
 *
 *       0          1     2          3
 *   ┌───────────┬─────┴──────┬───────────┬─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┬─ ─ ─ ─
 *   │ modifier1 │  datasize  │ modifier2 │ 14 0 REQUEST_METHOD 3 0 GET 9 0 PATH_INFO 1 0 / │ body
 *   └───────────┴────────────┴───────────┴─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┴─ ─ ─ ─
 */
import { printable } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import { uwsgiVariablesBytesMax, wireVariablesMax } from '../limits.js';
import type { MetaVariables } from '../types.js';
import { askRaw, broken, isLength, readOneBlock, readUntilEnd, type Said, type Spelling, textOf, tooMany } from './one-block.js';
import { fieldsOfOneBlock } from './one-block-fields.js';
import { protocolOf, strangerAt } from './stranger.js';
import { byteText, isEnvelope } from './variables.js';
import type { Asking, Field, Wire } from './wire.js';

/** What kind of packet a request is; both from 0 to 255. `modifiers` has the list. */
export interface UwsgiOptions {
  readonly modifier1: number;
  readonly modifier2: number;
}

export const uwsgi = (options: UwsgiOptions): Wire => ({
  name: 'uwsgi',
  keeps: false,
  ask: (meta) => ask(meta, options),
  // uWSGI closes without a word when the block is larger than its buffer (uwsgi#1831), and mentions it in its own log only.
  readTelling: () => readUntilEnd('not one byte of answer; so does uWSGI when variables exceed its buffer-size, 4096 unless set'),
  readAsking: () => readOneBlock(spelling),
});

/** What the bytes of a request are, one after the other; a request that is cut short as far as it goes. */
export const fieldsOf = (bytes: Buffer): Field[] => fieldsOfOneBlock(spelling, bytes);

export interface Modifier {
  readonly meaning: string;
  /** It carries variables and, after them, a body: what a web server sends. Others are words among uWSGI servers. */
  readonly request: boolean;
}

const request = (meaning: string): Modifier => ({ meaning, request: true });
const other = (meaning: string): Modifier => ({ meaning, request: false });

/** modifier1, from the document's «packet descriptions». */
export const modifiers: ReadonlyMap<number, Modifier> = new Map([
  [0, request('WSGI (Python)')],
  [5, request('PSGI (Perl)')],
  [6, request('WSAPI (Lua)')],
  [7, request('Rack (Ruby)')],
  [8, request('JWSGI or Ring (JVM)')],
  [9, request('CGI')],
  [10, other('management')],
  [14, request('PHP')],
  [15, request('Mono (ASP.NET)')],
  [17, other('spooler')],
  [18, request('symcall: a C function')],
  [22, other('code to be evaluated')],
  [23, request('XSLT')],
  [24, request('V8 (JavaScript)')],
  [25, request('GridFS')],
  [26, request('GlusterFS')],
  [27, other('FastFuncs')],
  [28, request('Rados')],
  [30, request('WSGI, SCRIPT_NAME removed from PATH_INFO')],
  [31, other('message')],
  [32, other('message, an array of characters')],
  [33, other('message, a marshalled object')],
  [48, other('SNMP')],
  [72, other('an HTTP answer: "HTTP" is modifier1 72, datasize 21588, modifier2 80')],
  [73, other('announcement')],
  [74, other('multicast message')],
  [95, other('cluster membership')],
  [96, other('log message')],
  [97, other('brutal reload')],
  [98, other('graceful reload')],
  [99, other('configuration of a node')],
  [100, other('PING, or PONG with modifier2 1')],
  [101, other('echo')],
  [109, other('legion message')],
  [110, other('signal')],
  [111, other('cache')],
  [123, other('signal to a corerouter')],
  [173, other('RPC')],
  [200, other('close mark of a kept connection')],
  [224, other('subscription')],
  [255, other('generic response')],
]);

/** The uwsgi vars: two bytes of length, name, two bytes of length, value. */
const ask = (meta: MetaVariables, { modifier1, modifier2 }: UwsgiOptions): Asking | Failure => {
  let vars = '';
  let payloadBytes = 0;
  for (const [name, value] of meta) {
    if (name === '') return failure('WIRE_VARIABLE_INVALID', { detail: 'uwsgi, the vars: a name is empty' });
    if (name === 'CONTENT_LENGTH' && value === '') continue;
    const nameBytes = byteText(name);
    const valueBytes = byteText(value);
    vars += sizeText(nameBytes.length) + nameBytes + sizeText(valueBytes.length) + valueBytes;
    if (!isEnvelope(name, value)) payloadBytes += nameBytes.length + valueBytes.length;
  }
  if (vars.length > uwsgiVariablesBytesMax) return tooLarge(vars.length, meta);
  const header = String.fromCharCode(modifier1) + sizeText(vars.length) + String.fromCharCode(modifier2);
  return askRaw(Buffer.from(header + vars, 'latin1'), payloadBytes);
};

/** Two bytes, the low one first, as text. What is larger makes the whole too large. */
const sizeText = (size: number): string => String.fromCharCode(size & 0xff, (size >>> 8) & 0xff);

const tooLarge = (bytes: number, meta: MetaVariables): Failure => {
  const sizes = Array.from(meta, ([name, value]) => ({ name, bytes: 4 + Buffer.byteLength(name) + Buffer.byteLength(value) }));
  const largest = sizes.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return failure('WIRE_VARIABLES_TOO_LARGE', {
    detail: `${bytes} bytes of variables, uwsgi carries ${uwsgiVariablesBytesMax}; the largest is ${printable(largest.name)}, ${largest.bytes} bytes`,
  });
};

const spelling: Spelling = {
  name: 'uwsgi',
  /** The packet header; the block is as long as its datasize. */
  measure(start) {
    if (start.length < 4) return undefined;
    const [modifier1 = 0, , , modifier2 = 0] = start;
    const datasize = start.readUInt16LE(1);
    if (modifiers.get(modifier1)?.request) return datasize;
    const read = `reads as modifier1 ${modifier1}, datasize ${datasize}, modifier2 ${modifier2}`;
    if (protocolOf(start) !== undefined) return broken('uwsgi, packet header', strangerAt(start, 'a uwsgi port', read));
    return broken('uwsgi, packet descriptions', `modifier1 ${modifier1} is no request: ${meaningOf(modifier1)}`);
  },

  read(block) {
    const meta = new Map<string, string>();
    let at = 0;
    const next = (): string | undefined => {
      if (at + 2 > block.length) return undefined;
      const end = at + 2 + block.readUInt16LE(at);
      if (end > block.length) return undefined;
      const text = textOf(block.subarray(at + 2, end));
      at = end;
      return text;
    };
    while (at < block.length) {
      const name = next();
      const value = next();
      if (name === undefined || value === undefined)
        return broken('uwsgi, the vars', 'the last variable is longer than the rest of the block');
      if (name === '') return broken('uwsgi, the vars', 'a name is empty');
      // nginx before 1.23 sent a repeated header field as two variables, and the last one counts. But two lengths are two bodies.
      if (name === 'CONTENT_LENGTH' && meta.has(name)) return broken('uwsgi, the vars', 'CONTENT_LENGTH stands twice');
      meta.set(name, value);
      if (meta.size > wireVariablesMax) return tooMany();
    }
    const length = meta.get('CONTENT_LENGTH');
    // nginx says "" where there is no body.
    if (length && !isLength(length)) return broken('uwsgi, the vars', `CONTENT_LENGTH is "${printable(length)}", not a number`);
    return meta;
  },

  fields(ruler, start, blockBytes = 0) {
    const header = (says: string): Said => ['uwsgi, packet header', says];
    ruler.take(1, 'modifier1', header('What kind of packet this is.'), ([byte = 0]) => `${byte}: ${meaningOf(byte)}`);
    ruler.take(2, 'datasize', header('How many bytes of variables follow, low byte first: 65535 at most.'), lowFirst);
    ruler.take(1, 'modifier2', header('What modifier1 takes it for: 0 in most requests.'), ([byte]) => String(byte));
    const end = start.length + blockBytes;
    const vars = (says: string): Said => ['uwsgi, the vars', says];
    const sized = (name: string, sizeSays: string, says: string): void => {
      const size = ruler.take(Math.min(2, end - ruler.at()), `${name}_size`, vars(sizeSays), lowFirst);
      if (size.length === 2) ruler.take(Math.min(size.readUInt16LE(), end - ruler.at()), name, vars(says));
    };
    while (ruler.at() < end && ruler.rest().length > 0) {
      sized('key', 'How many bytes the name has, low byte first.', 'The name, without an end mark.');
      sized('val', 'How many bytes the value has; it may have none.', 'The value, without an end mark.');
    }
  },

  body: ['uwsgi, packet descriptions', 'The body: not part of datasize, as many bytes as CONTENT_LENGTH says.'],
  after: ['uwsgi#2336', 'More bytes than CONTENT_LENGTH says, which must not be read as a next packet.'],
};

const meaningOf = (modifier1: number): string => modifiers.get(modifier1)?.meaning ?? 'not assigned';
const lowFirst = (bytes: Buffer): string => (bytes.length === 2 ? String(bytes.readUInt16LE()) : '');
