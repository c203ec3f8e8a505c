/**
 * `cgi-serve wire decode [FILE]`: bytes somebody recorded, or made, and what they say. Which wire is known by their first bytes, the
 * fields come from the codecs, what it all amounts to from the readers that serve live connections. Exit code 5 when they break
 * the wire's rules.
 */
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { wireInputBytesMax } from '../limits.js';
import { explain } from '../trace/explain.js';
import { type Protocol, protocolOf, strangerBytes } from '../wire/stranger.js';
import type { Wire } from '../wire/wire.js';
import { dumpHints, looksLikeDump, looksLikeHex, readHexText } from './hex-text.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { type Decoded, decodedAsJson, decodedAsText } from './wire-report.js';
import { Mistake, say, shellQuoted, visible, words } from './words.js';

export const wireDecode = async (said: Said, terminal: Terminal): Promise<number> => {
  const { values } = said;
  const named = fileOf(said);
  const { bytes, hexText } = bytesOf(await readInput(named, terminal), named, said, terminal);
  const wire = values.wire ?? ours.get(bytes.length < strangerBytes ? undefined : protocolOf(bytes));
  const decoded: Decoded = {
    source: named ?? '-',
    bytes,
    hexText,
    recognised: values.wire === undefined,
    explained: wire === undefined ? undefined : explain(wire, bytes),
  };
  await print(values.json ? decodedAsJson(decoded) : decodedAsText(decoded, terminal), terminal);
  return decoded.explained === undefined || decoded.explained.hearing.failures.length > 0 ? 5 : 0;
};

const ours = new Map<Protocol | undefined, Wire['name']>([
  ['FastCGI', 'fastcgi'],
  ['SCGI', 'scgi'],
  ['uwsgi', 'uwsgi'],
]);

// --- what is read ------------------------------------------------------------------------------------------------------

/** undefined: standard input. */
const fileOf = ({ operands }: Said): string | undefined => {
  const [file = '-', ...more] = operands;
  if (more.length > 0) {
    const what = shellQuoted(visible(more[0]!));
    const mistake = words(`wire decode takes one FILE; what is ${what}?`, `wire decode 只接受一个文件；${what} 是什么？`);
    throw new Mistake(2, mistake, operands.every(isHex) ? [echoHint(operands.join(' '))] : []);
  }
  return file === '-' ? undefined : file;
};

const isHex = (word: string): boolean => /^(?:[0-9A-Fa-f]{2})+$/.test(word);
const echoHint = (text: string) => {
  const command = `echo ${text.length > 48 ? `${text.slice(0, 48)}…` : text} | cgi-serve wire decode`;
  return words(`Hexadecimal text comes from a file or a pipe: ${command}`, `十六进制文本应来自文件或管道：${command}`);
};

/** Throws a Mistake. */
const readInput = async (named: string | undefined, { cwd, stderr, errPalette, lang }: Terminal): Promise<Buffer> => {
  const shown = named === undefined ? words('standard input', '标准输入') : words(visible(named), visible(named));
  if (named === undefined && process.stdin.isTTY) {
    const what = words('bytes or hexadecimal text from the terminal; Ctrl-D ends it', '从终端读取字节或十六进制文本；按 Ctrl-D 结束');
    stderr.write(`${errPalette.dim('cgi-serve:')} ${say(what, lang)}\n`);
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    const path = named === undefined ? undefined : resolve(cwd, named);
    if (path !== undefined && statSync(path).isDirectory())
      throw new Mistake(4, words(`${shown.en} is a directory; wire decode reads a file`, `${shown.zh} 是目录；wire decode 读取文件`));
    for await (const piece of path === undefined ? process.stdin : createReadStream(path)) {
      pieces.push(piece as Buffer);
      bytes += (piece as Buffer).length;
      if (bytes > wireInputBytesMax) break;
    }
  } catch (error) {
    if (error instanceof Mistake) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const hints = named !== undefined && isHex(named) ? [echoHint(named)] : [];
    if (code === 'ENOENT') throw new Mistake(4, words(`there is no file ${shown.en}`, `没有文件 ${shown.zh}`), hints);
    throw new Mistake(4, words(`${shown.en} cannot be read: ${code}`, `无法读取${shown.zh}：${code}`));
  }
  if (bytes > wireInputBytesMax) {
    const mebibytes = wireInputBytesMax / 1024 ** 2;
    const first = `head -c ${mebibytes}M ${named === undefined ? '' : `${shellQuoted(visible(named))} `}| cgi-serve wire decode`;
    throw new Mistake(4, words(`${shown.en} has more than ${mebibytes} MiB`, `${shown.zh} 超过 ${mebibytes} MiB`), [
      words(`The first part of it: ${first}`, `只读开头部分：${first}`),
    ]);
  }
  if (bytes === 0) throw new Mistake(4, words(`${shown.en} holds no bytes`, `${shown.zh} 没有任何字节`));
  return Buffer.concat(pieces);
};

const bytesOf = (
  input: Buffer,
  named: string | undefined,
  { values }: Said,
  { stderr, errPalette, lang }: Terminal,
): { bytes: Buffer; hexText: boolean } => {
  const start = input.toString('latin1', 0, 200);
  if (values.wire === undefined && !values.hex && looksLikeDump(start))
    throw new Mistake(
      2,
      words(
        `${named === undefined ? 'this' : visible(named)} is text that xxd or hexdump made`,
        `${named === undefined ? '这' : visible(named)} 是 xxd 或 hexdump 输出的文本`,
      ),
      dumpHints,
    );
  const hexText = values.hex ?? looksLikeHex(input);
  if (!hexText) return { bytes: input, hexText };
  const bytes = readHexText(input.toString('latin1'));
  if (bytes.length === 0) throw new Mistake(4, words('the hexadecimal text holds no bytes', '十六进制文本不含任何字节'));
  if (!values.hex) {
    const what = words(`read as hexadecimal text: ${bytes.length} bytes`, `按十六进制文本读取：${bytes.length} 字节`);
    stderr.write(`${errPalette.dim('cgi-serve:')} ${say(what, lang)}\n`);
  }
  return { bytes, hexText };
};

// --- what is printed ----------------------------------------------------------------------------------------------------

const chunkLength = 64 * 1024;

/** Piece by piece: there may be a million lines, and a reader who has seen enough (`| head`). */
const print = async (lines: Iterable<string>, { stdout }: Terminal): Promise<void> => {
  let chunk = '';
  const flush = async (): Promise<void> => {
    const room = stdout.write(chunk);
    chunk = '';
    if (!room && stdout.writable) await once(stdout, 'drain').catch(() => {});
  };
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < chunkLength) continue;
    await flush();
    if (!stdout.writable) return;
  }
  await flush();
};
