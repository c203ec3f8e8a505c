/**
 * A growing buffer: take a line, take what is left, or "not yet". Used wherever bytes come in pieces that end anywhere:
 * a script's header block, a script's stderr.
 */
const LF = 0x0a;
const CR = 0x0d;

/** One for all: to make an empty Buffer costs more than to make one of 16 bytes, and a request needs five. */
export const noBytes: Buffer = Buffer.alloc(0);

export class Bytes {
  private kept = noBytes;
  /** Where the search for the next line end goes on; bytes before it were looked at already. */
  private searched = 0;

  get length(): number {
    return this.kept.length;
  }

  push(piece: Buffer): void {
    this.kept = this.kept.length === 0 ? piece : Buffer.concat([this.kept, piece]);
  }

  /** The next line without its LF or CRLF, or undefined when its end has not come yet. */
  line(): Buffer | undefined {
    const end = this.kept.indexOf(LF, this.searched);
    if (end < 0) {
      this.searched = this.kept.length;
      return undefined;
    }
    const line = this.kept.subarray(0, end > 0 && this.kept[end - 1] === CR ? end - 1 : end);
    this.kept = this.kept.subarray(end + 1);
    this.searched = 0;
    return line;
  }

  /** Everything that was not taken yet. */
  rest(): Buffer {
    const rest = this.kept;
    this.kept = noBytes;
    this.searched = 0;
    return rest;
  }
}

/** The first `bytesMax` bytes of what has come so far, one piece longer. A large piece is not kept for its start, and may be freed. */
export const startOf = (start: Buffer, piece: Buffer, bytesMax: number): Buffer =>
  start.length === 0 && piece.length <= bytesMax ? piece : Buffer.concat([start, piece.subarray(0, bytesMax - start.length)]);

/** The last `bytesMax` bytes of what has come so far, one piece longer. */
export const lastOf = (end: Buffer, piece: Buffer, bytesMax: number): Buffer =>
  piece.length >= bytesMax ? piece.subarray(-bytesMax) : Buffer.concat([end, piece]).subarray(-bytesMax);

/** Control bytes as `\xHH`, so that a log line stays one line and a terminal stays a terminal; the rest read as UTF-8. */
export const printable = (bytes: Buffer | string): string =>
  (typeof bytes === 'string' ? bytes : bytes.toString('utf8')).replace(
    /[\x00-\x08\x0a-\x1f\x7f\u0080-\u009f\u2028\u2029]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );

/** Node gives header bytes as ISO-8859-1. Bytes that are valid UTF-8 are what the sender meant; others stay as they are. */
export const recode = (latin1: string): string => {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return utf8.decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
};

/** Throws at bytes that are not UTF-8. */
export const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
