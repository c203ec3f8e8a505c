/**
 * RFC 3875 §6: the bytes a script prints become a head and a body. Pure: bytes in; a head, "need more" or a failure out.
 *
 *   program → carrier → [here] → redirect.ts (which of four answers?) → gateway → http/response
 *
 * Generous with line ends (§7.2: LF and CRLF, mixed), strict with everything a client would have to trust: a name is a
 * token, a value has no control bytes, framing is ours alone.
 */
import { Bytes, noBytes, printable, startOf } from '../bytes.js';
import { type Failure, type FailureCode, failure } from '../failures.js';
import { outputKeptBytes, replyHeadBytesMax, replyHeadLinesMax } from '../limits.js';
import type { ReplyHead } from '../types.js';
import { kindOf } from './redirect.js';

/** `undefined`: the blank line has not come yet. */
export type Parsed = { readonly head: ReplyHead; readonly rest: Buffer } | Failure | undefined;

export interface ReplyParser {
  /** Bytes of output, in pieces cut anywhere. Not to be called again after a head or a failure. */
  push(piece: Buffer): Parsed;
  /** The output ended before the blank line: why that is wrong. */
  end(): Failure;
  /** A line that is no header has come. Later output may still tell why, so the failure waits for `end()`. */
  refused(): boolean;
}

/** RFC 9110 §6.4.1, §15.3.6: these never have a body. */
export const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304;

/** How one line of the header block was judged, for `cgi-serve run` and the lab. */
export interface Judgement {
  readonly text: string;
  /** `cgi`: read by the server (Status, Location, Content-Type); `sent`: passed on; `dropped`: the server's business; `refused`: a failure. */
  readonly verdict: 'cgi' | 'sent' | 'dropped' | 'refused';
  readonly why: string;
}

export const replyParser = (judge: (judgement: Judgement) => void = () => {}): ReplyParser => {
  const buffer = new Bytes();
  const headers: string[] = [];
  const once = new Map<string, string>();
  let bytes = 0;
  let lines = 0;
  /** Offsets of the line being judged, its end included. */
  let lineStart = 0;
  let lineEnd = 0;
  let start = noBytes;
  let refusal: Failure | undefined;

  const refuse = (code: FailureCode, line: Buffer, why: string, at = 0): Failure => {
    const text = printable(line.subarray(0, 200));
    judge({ text, verdict: 'refused', why });
    return failure(code, { detail: `line ${lines}: ${text}`, output: start, offset: Math.min(lineStart + at, start.length) });
  };

  /** One line before the blank one. A failure, or nothing to say. */
  const field = (line: Buffer): Failure | undefined => {
    lines += 1;
    if (lines > replyHeadLinesMax) return refuse('REPLY_HEAD_TOO_LARGE', line, `more than ${replyHeadLinesMax} lines`);
    // RFC 3875 §6.3 — no continuation lines; an old HTTP client would append this one to the field before it.
    if (lines > 1 && (line[0] === 0x20 || line[0] === 0x09)) return refuse('REPLY_FOLDED', line, 'begins with a space');
    const text = line.toString('latin1');
    const colon = text.indexOf(':');
    const name = text.slice(0, Math.max(colon, 0));
    if (colon < 0 || looksLikeProse(name)) {
      refusal = refuse(lines === 1 ? 'REPLY_NOT_A_HEADER' : 'REPLY_NO_BLANK_LINE', line, 'not a header');
      return undefined;
    }
    if (!token.test(name))
      return refuse('REPLY_BAD_NAME', line, 'the name is not a token', Math.max(0, name.search(/[^!#$%&'*+.^_`|~0-9A-Za-z-]/)));
    const value = text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    const bad = value.search(forbiddenInValue);
    if (bad >= 0) return refuse('REPLY_BAD_VALUE', line, 'a control byte in the value', text.indexOf(value, colon + 1) + bad);
    return file(line, name, name.toLowerCase(), value);
  };

  /** Whose business is this field? */
  const file = (line: Buffer, name: string, key: string, value: string): Failure | undefined => {
    const text = printable(line);
    if (onceOnly.has(key)) {
      // RFC 3875 §6.3 — each CGI field at most once; two lengths or two types are a smuggler's tool.
      if (once.has(key)) return refuse('REPLY_DUPLICATE_FIELD', line, 'stands twice');
      once.set(key, value);
      if (key === 'content-type') headers.push(name, value);
      judge({ text, verdict: 'cgi', why: onceOnly.get(key) ?? '' });
    } else if (key === 'connection') {
      once.set('connection', `${once.get('connection') ?? ''},${value}`);
      judge({ text, verdict: 'dropped', why: 'belongs to the server' });
    } else if (key === 'transfer-encoding') {
      return refuse('REPLY_TRANSFER_ENCODING', line, 'framing is the server’s');
    } else if (droppedFields.has(key) || key.startsWith('x-cgi-')) {
      judge({ text, verdict: 'dropped', why: key.startsWith('x-cgi-') ? 'RFC 3875 §6.3.5: unknown extension' : 'belongs to the server' });
    } else if (key === 'date' && once.has('date')) {
      judge({ text, verdict: 'dropped', why: 'a second Date' });
    } else {
      if (key === 'date') once.set('date', value);
      headers.push(name, value);
      judge({ text, verdict: 'sent', why: 'passed on to the client' });
    }
    return undefined;
  };

  /** The blank line has come. */
  const complete = (): ReplyHead | Failure => {
    if (lines === 0) return failure('REPLY_NO_FIELDS', { output: start, offset: 0 });
    const status = readStatus(once.get('status'));
    if (status === null) return refuse('REPLY_BAD_STATUS', Buffer.from(`Status: ${once.get('status')}`, 'latin1'), 'not a final status');
    const length = once.get('content-length');
    if (length !== undefined && !/^\d{1,15}$/.test(length))
      return refuse('REPLY_BAD_LENGTH', Buffer.from(`Content-Length: ${length}`, 'latin1'), 'not a number');
    const location = once.get('location');
    if (location === '') return refuse('REPLY_BAD_VALUE', Buffer.from('Location:'), 'names no place');
    const { kind, status: code } = kindOf({ location, status: status?.code, contentType: once.has('content-type'), lines });
    if (location !== undefined && kind !== 'local-redirect') headers.push('Location', location);
    dropNominated(headers, once.get('connection'));
    return {
      kind,
      status: code,
      reason: status?.reason ?? '',
      headers,
      contentLength: length === undefined ? undefined : Number(length),
      location: kind === 'local-redirect' ? location : undefined,
    };
  };

  return {
    refused: () => refusal !== undefined,
    push(piece) {
      bytes += piece.length;
      if (start.length < outputKeptBytes) start = startOf(start, piece, outputKeptBytes);
      buffer.push(piece);
      while (refusal === undefined) {
        const before = buffer.length;
        const line = buffer.line();
        if (line === undefined) break;
        lineEnd += before - buffer.length;
        // Counted with the blank line, so that how the output was cut changes nothing.
        if (lineEnd > replyHeadBytesMax) return tooLarge(start);
        if (line.length === 0) {
          const head = complete();
          return 'code' in head ? head : { head, rest: buffer.rest() };
        }
        const wrong = field(line);
        if (wrong) return wrong;
        lineStart = lineEnd;
      }
      if (bytes > replyHeadBytesMax) return refusal ?? tooLarge(start);
      return undefined;
    },
    end() {
      if (bytes === 0) return failure('REPLY_EMPTY');
      const rest = buffer.rest();
      // The last line has no end: what it would have said is anybody's guess, but prose is prose.
      if (refusal === undefined && rest.length > 0) {
        const text = rest.toString('latin1');
        if (!text.includes(':') || looksLikeProse(text.slice(0, text.indexOf(':')))) field(rest);
      }
      if (refusal?.code === 'REPLY_NOT_A_HEADER' && lateHeaders.test(rest.toString('latin1'))) {
        return failure('REPLY_HEADERS_LATE', refusal.evidence);
      }
      return refusal ?? failure('REPLY_NO_BLANK_LINE', { output: start, offset: start.length });
    },
  };
};

const tooLarge = (output: Buffer): Failure => failure('REPLY_HEAD_TOO_LARGE', { output, detail: `more than ${replyHeadBytesMax} bytes` });

// RFC 9110 §5.6.2: token = 1*tchar
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// RFC 9110 §5.5: field-content = VCHAR / obs-text / SP / HTAB
const forbiddenInValue = /[^\t\x20-\x7e\x80-\xff]/;
/** `<p style="color:red">` and `Hello dear world:` have colons and are no headers. */
const looksLikeProse = (name: string): boolean => name.startsWith('<') || /\S+[ \t]+\S+[ \t]+\S/.test(name);
const lateHeaders = /^(?:content-type|status|location):/im;

const onceOnly = new Map([
  ['status', 'RFC 3875 §6.3.3: the response status'],
  ['location', 'RFC 3875 §6.3.2: a redirect'],
  ['content-type', 'RFC 3875 §6.3.1: the type of the body'],
  ['content-length', 'RFC 9110 §8.6: checked against the body'],
]);
/** RFC 9110 §7.6.1 — a field that Connection names is about the connection, too. */
const dropNominated = (headers: string[], connection: string | undefined): void => {
  if (connection === undefined) return;
  const nominated = new Set(connection.toLowerCase().split(/[\s,]+/));
  for (let i = headers.length - 2; i >= 0; i -= 2) if (nominated.has(headers[i]!.toLowerCase())) headers.splice(i, 2);
};

/** RFC 3875 §6.3.4 — these speak of the connection, which the script does not own; Server names us. */
const droppedFields = new Set(['keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'server']);

/** RFC 3875 §6.3.3: Status = "Status:" 3DIGIT SP reason-phrase. Interim (1xx) statuses would leave the client waiting. Null: not one. */
const readStatus = (value: string | undefined): { code: number; reason: string } | undefined | null => {
  if (value === undefined) return undefined;
  const parts = /^([2-5]\d\d)(?:[ \t]+(.*))?$/.exec(value);
  return parts ? { code: Number(parts[1]), reason: parts[2] ?? '' } : null;
};

/** The header block of a whole output, line by line, for those who want to see how it was read. */
export const judgeHead = (
  output: Buffer,
): { lines: Judgement[]; head: ReplyHead | undefined; failure: Failure | undefined; body: Buffer } => {
  const lines: Judgement[] = [];
  const parser = replyParser((judgement) => lines.push(judgement));
  const parsed = parser.push(output) ?? parser.end();
  if ('code' in parsed) return { lines, head: undefined, failure: parsed, body: noBytes };
  return { lines, head: parsed.head, failure: undefined, body: parsed.rest };
};
