/**
 * Bytes for people: nothing that a program printed may vanish, move the cursor or turn the text round when it is shown as evidence.
 * Pure. A control byte is written as a programmer writes it (`\r`, `\n`, `\x1b`), and so is a byte that is not UTF-8 (`\xff`).
 */

/** One character as it is shown, and the bytes it stands for. */
export interface Sign {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The text is a stand-in: shown softer than what was really printed. */
  readonly standsIn: boolean;
  /** A line ends behind it. */
  readonly breaks: boolean;
}

export const signsOf = (bytes: Buffer): Sign[] => {
  const signs: Sign[] = [];
  for (let start = 0; start < bytes.length; ) {
    const length = utf8Length(bytes, start);
    const end = start + Math.max(1, length);
    const byte = bytes[start] ?? 0;
    if (length === 0 || byte < 0x20 || byte === 0x7f) signs.push({ start, end, text: escaped(byte), standsIn: true, breaks: byte === LF });
    else {
      const text = bytes.toString('utf8', start, end);
      const shown = text.replace(unseenCharacters, codePoint);
      signs.push({ start, end, text: shown, standsIn: shown !== text, breaks: false });
    }
    start = end;
  }
  return signs;
};

/** stderr and other text that was made of bytes already: line ends and tabs kept, anything else that acts made visible. */
export const visibleText = (text: string): string =>
  text
    .replace(/\r\n/g, '\n')
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (control) => escaped(control.charCodeAt(0)))
    .replace(unseenCharacters, codePoint);

/** `0010  48 65 6c 6c 6f …  Hello…`, sixteen bytes a line. */
export const hexLines = (bytes: Buffer): string => {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const numbers = Array.from(row, hex).join(' ');
    const letters = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${numbers.padEnd(47)}  ${letters}`);
  }
  return lines.join('\n');
};

/** A byte as two hexadecimal digits. */
export const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** A word as a POSIX shell takes it. */
export const shellWord = (word: string): string => (/^[\w./@%+:=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const LF = 0x0a;
const letters: Readonly<Record<number, string>> = { 0: '\\0', 9: '\\t', 10: '\\n', 13: '\\r' };
const escaped = (byte: number): string => letters[byte] ?? `\\x${hex(byte)}`;
const codePoint = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** C1 controls, zero-width and direction marks, line separators, surrogates, the byte order mark. */
const unseenCharacters = /[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]/gu;

/** How many bytes the character at `start` has; 0 when they are not UTF-8 (RFC 3629 §4: no overlong forms, no surrogates). */
const utf8Length = (bytes: Buffer, start: number): number => {
  const first = bytes[start] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || start + length > bytes.length) return 0;
  const text = bytes.toString('utf8', start, start + length);
  return Buffer.byteLength(text) === length && (text === '\ufffd' || !text.includes('\ufffd')) ? length : 0;
};
