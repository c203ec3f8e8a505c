/** Bytes as hexadecimal text, and back: what `wire encode --hex` prints, what people paste into `wire decode`. */
import { hex } from '../http/visible.js';
import { Mistake, visible, words } from './words.js';

/** Sixteen bytes a line. */
export const hexText = (bytes: Buffer): string => {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) lines.push(hexOf(bytes.subarray(at, at + 16)));
  return `${lines.join('\n')}\n`;
};

/** `01 03 00 01` */
export const hexOf = (bytes: Buffer): string => Array.from(bytes, hex).join(' ');

/** Nothing but digits and white space. No request on any wire is that: each has a byte below 0x20, or a colon. */
export const looksLikeHex = (bytes: Buffer): boolean => /^\s*[0-9A-Fa-f][0-9A-Fa-f\s]*$/.test(bytes.toString('latin1'));

/** Throws a Mistake that says where the text is no hex. */
export const readHexText = (text: string): Buffer => {
  const stranger = /[^0-9A-Fa-f\s]/.exec(text);
  if (stranger !== null) {
    const before = text.slice(0, stranger.index).split('\n');
    const sign = visible(stranger[0]);
    throw new Mistake(
      2,
      words(
        `'${sign}' in line ${before.length}, column ${before.at(-1)!.length + 1} is no hexadecimal digit`,
        `第 ${before.length} 行第 ${before.at(-1)!.length + 1} 列的 '${sign}' 不是十六进制数字`,
      ),
      looksLikeDump(text) ? dumpHints : [],
    );
  }
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0)
    throw new Mistake(
      2,
      words(
        `${digits.length} hexadecimal digits: two make a byte, one is left over`,
        `${digits.length} 个十六进制数字：两位为一字节，多出一位`,
      ),
    );
  return Buffer.from(digits, 'hex');
};

/** What xxd, hexdump and od print: an offset, then the bytes, perhaps letters at the end. */
export const looksLikeDump = (text: string): boolean => /^\s*[0-9A-Fa-f]{6,8}:?[ \t]+(?:[0-9A-Fa-f]{2,4}[ \t]+){2}/.test(text);

export const dumpHints = [
  words(
    'This is a dump with offsets. Back to bytes: xxd -r dump.txt | cgi-serve wire decode',
    '这是带偏移的转储。还原为字节：xxd -r dump.txt | cgi-serve wire decode',
  ),
  words('Without offsets: xxd -p', '不带偏移的转储：xxd -p'),
];
