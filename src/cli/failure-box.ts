/**
 * How a failure reads on a terminal: what, the evidence, the rule, the mend. The page in the browser says the same at length.
 *
 *   502  REPLY_NO_BLANK_LINE   /cgi-bin/form.py
 *        The script ended before the blank line that closes its headers.
 *        31 bytes received · exit 1 after 48 ms · RFC 3875 §6.2
 *        stderr  NameError: name 'os' is not defined
 *        try     Print an empty line after the last header.
 */
import { type Evidence, explain, type Failure, type FailureCode } from '../failures.js';
import { failureColor, type Palette } from './color.js';
import { asTyped } from './place.js';
import { columns, type Lang, padTo, say, shellQuoted, visible, words, wrap } from './words.js';

export interface BoxOptions {
  readonly lang: Lang;
  readonly palette: Palette;
  /** Of the terminal, in columns. */
  readonly width: number;
  /** Files are named as one would type them here. */
  readonly cwd: string;
  /** What the client got, when that is not what the table says (a 200 broken off in its middle). */
  readonly status?: number;
}

const indent = 7;
const label = 8;

/** Lines. `subject` is the URL or the file that failed. */
export const failureBox = (failure: Failure, subject: string, { lang, palette: p, width, cwd, status }: BoxOptions): string[] => {
  const row = explain(failure);
  const shown = status || row.status;
  const margin = ' '.repeat(indent);
  const paragraph = (text: string): string[] => wrap(text, width - indent).map((line) => margin + line);
  const labelled = (name: string, lines: readonly string[]): string[] =>
    lines.map((line, i) => margin + p.dim(padTo(i === 0 ? name : '', label)) + line);
  const facts = [...factsOf(failure.evidence, lang), row.rule].filter(Boolean).join(' · ');
  const detail = failure.evidence.detail === failure.evidence.signal ? undefined : failure.evidence.detail;
  const output = failure.evidence.offset === undefined ? undefined : failure.evidence.output;
  const error = tellingLine(failure.evidence.stderr ?? '');
  const room = width - indent - label;
  return [
    `  ${failureColor(shown, p)(p.bold(shown === 0 ? '---' : shown))}  ${p.bold(failure.code)}   ${visible(subject)}`,
    ...paragraph(say(row.what, lang)),
    ...(facts === '' ? [] : [margin + p.dim(facts)]),
    ...(detail ? labelled(say(labels.seen, lang), [cut(visible(detail), room)]) : []),
    ...(output?.length ? labelled(say(labels.output, lang), marked(output, failure.evidence.offset ?? 0, room, p)) : []),
    ...(error === undefined ? [] : labelled('stderr', [cut(visible(error), room)])),
    ...labelled(say(labels.mend, lang), wrap(mendOf(failure, subject, cwd, lang), room)),
  ];
};

/** The table's words, with the file's name where they say FILE. */
const mendOf = (failure: Failure, subject: string, cwd: string, lang: Lang): string => {
  const file = shellQuoted(visible(failure.evidence.file === undefined ? subject : asTyped(failure.evidence.file, cwd)));
  return say(explain(failure).mend, lang).replace(/ (FILE|文件)`/, () => ` ${file}\``);
};

const labels = { seen: words('seen', '所见'), output: words('output', '输出'), mend: words('try', '解决') };

/** Failures that the log line says completely: the client asked for what is not there, or left. */
const plain: ReadonlySet<FailureCode> = new Set(['NOT_FOUND', 'AUTH_REQUIRED', 'CLIENT_GONE', 'CLIENT_STALLED', 'SHUTTING_DOWN']);

export const deservesBox = (failure: Failure): boolean => !plain.has(failure.code);

/** One line, for logs that machines read and a person may look through: `502 REPLY_EMPTY /cgi-bin/a.py: The script ended …` */
export const failureLine = (failure: Failure, subject: string, lang: Lang): string => {
  const { status, what } = explain(failure);
  const detail = failure.evidence.detail ? ` (${visible(failure.evidence.detail)})` : '';
  return `${status || '---'} ${failure.code} ${visible(subject)}: ${say(what, lang)}${detail}`;
};

const factsOf = (e: Evidence, lang: Lang): string[] => {
  const facts: string[] = [];
  const ms = e.afterMs === undefined ? undefined : Math.round(e.afterMs);
  const after = ms === undefined ? '' : ` after ${ms} ms`;
  const afterZh = ms === undefined ? '' : `${ms} 毫秒后`;
  if (e.outputBytes)
    facts.push(say(words(`${e.outputBytes} ${e.outputBytes === 1 ? 'byte' : 'bytes'} received`, `收到 ${e.outputBytes} 字节`), lang));
  if (e.signal) facts.push(say(words(`${e.signal}${after}`, `${afterZh}${e.signal}`), lang));
  else if (e.exitCode !== undefined && e.exitCode !== null)
    facts.push(say(words(`exit ${e.exitCode}${after}`, `${afterZh}退出，代码 ${e.exitCode}`), lang));
  else if (ms !== undefined) facts.push(say(words(`after ${ms} ms`, `${ms} 毫秒后`), lang));
  if (e.pid !== undefined) facts.push(`pid ${e.pid}`);
  return facts;
};

/**
 * The line of stderr that says most: Python and Ruby end with it, Node has it above the stack, a shell says it anywhere.
 */
export const tellingLine = (stderr: string): string | undefined => {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter(
    (line) => /(error|exception|fatal|panic|denied|not found|died|cannot|can't)\b/i.test(line) && !/^\s*(at|File) /.test(line),
  );
  return (telling.at(-1) ?? lines.at(-1))?.trim();
};

/** The output around the byte that was refused, and a mark under it. */
const marked = (output: Buffer, offset: number, room: number, p: Palette): string[] => {
  const lead = Math.max(0, offset - 24);
  const sign = (bytes: Buffer): string => visible(bytes.toString('utf8').replace(/\r/g, '␍').replace(/\n/g, '↵'));
  const before = (lead > 0 ? '…' : '') + sign(output.subarray(lead, offset));
  const text = cut(before + sign(output.subarray(offset, lead + 200)), room);
  const where = offset >= output.length ? 'the output ends here' : `byte ${offset}`;
  return [text, `${' '.repeat(Math.min(columns(before), room - 1))}${p.red(`^ ${where}`)}`];
};

const cut = (text: string, room: number): string => {
  if (columns(text) <= room) return text;
  let kept = '';
  for (const sign of text) {
    if (columns(kept + sign) > room - 1) break;
    kept += sign;
  }
  return `${kept}…`;
};

/** JSON is English in every language. */
export const failureAsJson = (failure: Failure): Record<string, unknown> => {
  const { status, fault, rule, what, mend } = explain(failure);
  return { code: failure.code, status, fault, rule, what: what.en, mend: mend.en, detail: failure.evidence.detail ?? null };
};
