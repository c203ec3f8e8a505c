/**
 * `cgi-serve wire encode [URL]`: a request as the bytes that a wire makes of it. The request is wire-request.ts's, the spelling the
 * wire's; only the socket is missing.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Failure, isFailure } from '../failures.js';
import { fastcgi } from '../wire/fastcgi.js';
import { scgi } from '../wire/scgi.js';
import { uwsgi } from '../wire/uwsgi.js';
import type { Wire } from '../wire/wire.js';
import { failureBox } from './failure-box.js';
import { hexText } from './hex-text.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { type WireRequest, wireRequest } from './wire-request.js';
import { Mistake, shellQuoted, visible, words } from './words.js';

export const wireEncode = (said: Said, terminal: Terminal): number => {
  const { values } = said;
  const { stdout, stderr, errPalette, lang, cwd } = terminal;
  if (stdout.isTTY && !values.hex) throw notToATerminal;
  const url = urlOf(said, terminal);
  const asked = wireRequest(url, said, terminal);
  const bytes = isFailure(asked) ? asked : spell(asked, wires[values.wire ?? 'fastcgi']);
  if (isFailure(bytes)) {
    const width = Math.min(stderr.columns || 100, 120);
    stderr.write(`${failureBox(bytes, url.replace(/\?.*$/s, '') || '/', { lang, palette: errPalette, width, cwd }).join('\n')}\n`);
    return 5;
  }
  stdout.write(values.hex ? hexText(bytes) : bytes);
  return 0;
};

const wires: Readonly<Record<Wire['name'], Wire>> = {
  // Not kept: the program closes after its answer, so that `| nc` ends.
  fastcgi: fastcgi({ role: 'responder', keep: false }),
  scgi,
  uwsgi: uwsgi({ modifier1: 0, modifier2: 0 }),
};

const spell = ({ meta, data }: WireRequest, wire: Wire): Buffer | Failure => {
  const asking = wire.ask(meta);
  if (isFailure(asking)) return asking;
  return Buffer.concat([asking.opening, ...(data === undefined ? [] : asking.body(data)), ...asking.bodyEnd()]);
};

const notToATerminal = new Mistake(2, words('these bytes are not for a terminal', '这些字节不适合直接输出到终端'), [
  words('As hexadecimal text: add --hex, or | xxd', '以十六进制文本显示：加上 --hex，或 | xxd'),
  words('With their meaning: | cgi-serve wire decode', '连同含义一起显示：| cgi-serve wire decode'),
]);

/** The one operand. Throws a Mistake. */
const urlOf = ({ operands, values }: Said, { cwd }: Terminal): string => {
  const [url = '', ...more] = operands;
  if (more.length > 0) {
    const what = shellQuoted(visible(more[0]!));
    throw new Mistake(2, words(`wire encode takes one URL; what is ${what}?`, `wire encode 只接受一个 URL；${what} 是什么？`), [
      words("A URL with ? or & stands in quotes: '/?a=1&b=2'", "含 ? 或 & 的 URL 应加引号：'/?a=1&b=2'"),
    ]);
  }
  if (url === '' && values.script === undefined)
    throw new Mistake(
      2,
      words('wire encode needs a URL: cgi-serve wire encode /path', 'wire encode 需要一个 URL：cgi-serve wire encode /路径'),
    );
  if (!/^(?:[/?]|https?:)/.test(url) && url !== '' && existsSync(resolve(cwd, url))) {
    const file = shellQuoted(visible(url));
    throw new Mistake(2, words(`${file} is a file; a URL begins with /`, `${file} 是文件；URL 以 / 开头`), [
      words(`A request for it: cgi-serve wire encode --script ${file}`, `对它的请求：cgi-serve wire encode --script ${file}`),
    ]);
  }
  return url;
};
