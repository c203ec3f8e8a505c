/**
 * The small programs that the suites on variables, paths and bodies ask, and how their answers are read. All are for the plain
 * shell: what they say is what the server gave them, since no library stands between.
 */
import assert from 'node:assert/strict';
import { sh } from '../support/house.js';
import type { Answer } from '../support/wire.js';

/**
 * Prints the environment it was born with, NUL after each variable. A shell hides variables whose names it could not use, so on
 * Linux the kernel is asked; elsewhere `env` shows what the shell passes on. The method stands in a field, for HEAD.
 */
export const environment = sh(`
printf 'Content-Type: application/octet-stream\\nX-Method: %s\\n\\n' "$REQUEST_METHOD"
if [ -r /proc/$$/environ ]; then cat /proc/$$/environ; else env -0; fi
exit 0
`);

/** Says how many arguments it has (in a field, for HEAD), then its working directory and each argument on a line. */
export const argumentsGiven = sh(`
printf 'Content-Type: text/plain\\nX-Count: %s\\n\\n' $#
pwd
for word; do printf '%s\\n' "$word"; done
`);

/** Sends its input back, byte for byte. CONTENT_LENGTH stands in a field, `none` when there was no such variable. */
export const echo = sh(`
printf 'Content-Type: application/octet-stream\\nX-Length: %s\\n\\n' "\${CONTENT_LENGTH-none}"
exec cat
`);

/** Reads to the end, then answers with the number of bytes: nothing goes out before everything is in. */
export const count = sh(`
bytes=$(wc -c)
printf 'Content-Type: text/plain\\nX-Length: %s\\n\\n%s' "\${CONTENT_LENGTH-none}" $((bytes))
`);

/** Answers with its own name, so that a test sees which of several ran. */
export const named = (name: string): string => sh(`printf 'Content-Type: text/plain\\n\\nran ${name}'`);

/** Answers with these words and never looks at its input. */
export const says = (words: string): string => sh(`printf 'Content-Type: text/plain\\n\\n${words}'`);

/** What `environment` printed: names → values as bytes. */
export function variableBytes(answer: Answer): Map<string, Buffer> {
  assert.equal(answer.status, 200, `the environment was asked for: ${answer.status} ${answer.text.slice(0, 500)}`);
  const variables = new Map<string, Buffer>();
  for (let at = 0; at < answer.body.length; ) {
    const nul = answer.body.indexOf(0, at);
    const end = nul < 0 ? answer.body.length : nul;
    const equals = answer.body.indexOf(0x3d, at);
    const name = answer.body.toString('latin1', at, equals);
    assert.ok(!variables.has(name), `${name} stands twice in the environment`);
    variables.set(name, answer.body.subarray(equals + 1, end));
    at = end + 1;
  }
  return variables;
}

/** The same as UTF-8 text. */
export const variables = (answer: Answer): Map<string, string> =>
  new Map([...variableBytes(answer)].map(([name, value]) => [name, value.toString()]));

/** A request head of exactly these lines; every character is one byte. */
export const lines = (...text: string[]): Buffer => Buffer.from(`${text.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1');

/** A body in chunked coding, cut into pieces of these sizes (the last one takes the rest). */
export function chunked(body: string | Buffer, pieceBytes = 4096): Buffer {
  const bytes = Buffer.from(body);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) parts.push(chunk(bytes.subarray(at, at + pieceBytes)));
  return Buffer.concat([...parts, lastChunk]);
}

export const chunk = (piece: string | Buffer): Buffer => {
  const bytes = Buffer.from(piece);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
};

export const lastChunk = Buffer.from('0\r\n\r\n');

/** True while there is a process of this number. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
