/**
 * An HTTP answer as it comes off the wire (RFC 9112 §6), in as few steps as measuring allows: the status, and where the answer ends.
 * Bytes in, cut anywhere; «ended» out. Pure. It need not be kind: it only ever reads what our own server writes.
 */

export interface AnswerReader {
  /** True when this piece completed the answer. Throws an Error for bytes that belong to no answer. */
  take(piece: Buffer): boolean;
  /** The connection has ended. True when that completed the answer. */
  end(): boolean;
  /** Of the answer that has come, or is coming; 0 before its head. */
  status(): number;
  /** The connection may be used again. */
  keeps(): boolean;
}

type Part = 'head' | 'length' | 'chunk size' | 'chunk' | 'trailer' | 'until close' | 'done';

/** Reads one answer. `bodiless`: to HEAD (RFC 9112 §6.3, 1). */
export const answerReader = (bodiless: boolean): AnswerReader => {
  let part: Part = 'head';
  /** Lines that are not whole yet. */
  let text = '';
  let left = 0;
  let status = 0;
  let keeps = true;

  const headDone = (head: string): void => {
    const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})/.exec(head) ?? [];
    if (code === undefined) throw new Error('not an HTTP/1 answer');
    status = Number(code);
    if (status < 200) return; // §15.2 — an interim answer: the answer itself is still to come.
    const field = (name: string): string | undefined => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'im').exec(head)?.[1];
    keeps = minor === '1' && !/\bclose\b/i.test(field('connection') ?? '');
    const length = field('content-length');
    if (bodiless || status === 204 || status === 304) part = 'done';
    else if (/\bchunked$/i.test(field('transfer-encoding') ?? '')) part = 'chunk size';
    else if (length === undefined) part = 'until close';
    else {
      left = Number(length);
      part = left === 0 ? 'done' : 'length';
    }
    if (part === 'until close') keeps = false;
  };
  /** A line, or the whole head, ends with `end`; what follows it is given back. */
  const upTo = (end: string, piece: Buffer): { line: string; rest: Buffer } | undefined => {
    const before = text.length;
    text += piece.toString('latin1');
    const at = text.indexOf(end, Math.max(0, before - end.length));
    if (at < 0) return undefined;
    const line = text.slice(0, at);
    text = '';
    return { line, rest: piece.subarray(at + end.length - before) };
  };
  const skip = (piece: Buffer): Buffer => {
    const taken = Math.min(left, piece.length);
    left -= taken;
    return piece.subarray(taken);
  };

  const take = (piece: Buffer): boolean => {
    let rest = piece;
    while (rest.length > 0) {
      switch (part) {
        case 'head': {
          const found = upTo('\r\n\r\n', rest);
          if (found === undefined) return false;
          headDone(found.line);
          rest = found.rest;
          break;
        }
        case 'length':
          rest = skip(rest);
          if (left === 0) part = 'done';
          break;
        case 'chunk size': {
          const found = upTo('\r\n', rest);
          if (found === undefined) return false;
          const size = /^[0-9A-Fa-f]+/.exec(found.line)?.[0];
          if (size === undefined) throw new Error('not the size of a chunk');
          left = Number.parseInt(size, 16) + 2;
          part = left === 2 ? 'trailer' : 'chunk';
          rest = found.rest;
          break;
        }
        case 'chunk':
          rest = skip(rest);
          if (left === 0) part = 'chunk size';
          break;
        case 'trailer': {
          const found = upTo('\r\n', rest);
          if (found === undefined) return false;
          if (found.line === '') part = 'done';
          rest = found.rest;
          break;
        }
        case 'until close':
          return false;
        case 'done':
          throw new Error('more than the answer');
      }
    }
    return part === 'done';
  };

  return {
    take,
    end: () => part === 'until close',
    status: () => status,
    keeps: () => keeps,
  };
};
