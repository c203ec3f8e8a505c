/** How `run` tells what happened: for a person, section by section in the order it happened; for a program, one object. */

import { STATUS_CODES } from 'node:http';
import type { Failure, Words } from '../failures.js';
import { hexLines } from '../http/visible.js';
import { sectionOf } from '../script/meta.js';
import { type Judgement, judgeHead } from '../script/reply.js';
import type { Site } from '../site.js';
import type { Exchange } from '../trace/trace.js';
import type { GatewayRequest, HttpRequest, ReplyHead, ReplyKind } from '../types.js';
import { accountRecord, accountText, portably } from './account.js';
import { statusColor } from './color.js';
import { failureAsJson, failureBox } from './failure-box.js';
import { bytes, milliseconds } from './log.js';
import type { Terminal } from './terminal.js';
import { padTo, say, shellQuoted, visible, words } from './words.js';

/** All that is known of one run. */
export interface Run {
  readonly file: string;
  readonly request: HttpRequest;
  /** undefined: it was not found fit to start. */
  readonly asked: GatewayRequest | undefined;
  /** As printed, up to `outputKept`. */
  readonly output: Buffer;
  readonly outputBytes: number;
  readonly stderr: string;
  readonly head: ReplyHead | undefined;
  readonly failure: Failure | undefined;
  readonly exchange: Exchange;
  readonly births: Site['births'];
  /** Ctrl-C, before the script had ended. */
  readonly interrupted: boolean;
}

/** Of a text body, on a terminal. */
const shownBytesMax = 16 * 1024;

export const reportAsText = (run: Run, { lang, outPalette: p, stdout, cwd }: Terminal): string[] => {
  const title = (text: Words, more = ''): string => `${p.bold(p.underline(say(text, lang)))}${more === '' ? '' : `  ${p.dim(more)}`}`;
  const lines: string[] = [title(words('Request', '请求')), ...requestLines(run).map((line) => `  ${visible(line)}`), ''];
  if (run.asked) {
    const { script, meta } = run.asked;
    const command = [script.program, ...script.args].map((word) => shellQuoted(visible(word))).join(' ');
    lines.push(title(words('Process', '进程')), `  ${p.dim('cd')} ${visible(script.cwd)}`, `  ${command}`, '');
    const width = Math.min(24, Math.max(...[...meta.keys()].map((name) => name.length)));
    lines.push(title(words('Environment', '环境变量'), `${meta.size} · RFC 3875`));
    for (const [name, value] of meta)
      lines.push(`  ${p.dim(padTo(sectionOf(name) ?? '', 8))}  ${p.cyan(padTo(name, width))}  ${visible(value)}`);
    lines.push(
      '',
      title(words('Output', '输出'), run.outputBytes === 0 ? say(words('nothing', '无'), lang) : bytes(run.outputBytes)),
      ...outputLines(run, p, lang),
    );
    if (run.stderr !== '')
      lines.push(
        '',
        title(words('stderr', 'stderr')),
        ...run.stderr
          .trimEnd()
          .split('\n')
          .map((line) => `  ${p.magenta(visible(line))}`),
      );
    lines.push('');
  }
  lines.push(title(words('Outcome', '结果')));
  if (run.failure) {
    const width = Math.min(stdout.columns || 100, 120);
    lines.push(...failureBox(run.failure, run.request.target.replace(/\?.*$/s, ''), { lang, palette: p, width, cwd }));
  } else if (run.head) lines.push(...answerLines(run.head, p, lang));
  for (const note of run.exchange.notes) lines.push(`  ${p.yellow('!')} ${visible(note)}`);
  const ends = endOf(run);
  if (ends.length > 0) lines.push(p.dim(`  ${ends.join(' · ')}`));
  if (run.exchange.pid !== undefined) lines.push(p.dim(`  ${accountText(run.exchange.account, lang)}${whyNot(run, lang)}`));
  return lines;
};

/** Status and kind, then the header fields as they go to the client. */
export const answerLines = (head: ReplyHead, p: Terminal['outPalette'], lang: Terminal['lang']): string[] => {
  const { status, reason, kind, location, headers } = head;
  const words_ = reason || STATUS_CODES[status] || '';
  const where = location ?? (headers[headers.indexOf('Location') + 1] as string | undefined);
  const to = kind.includes('redirect') && where !== undefined ? ` → ${visible(where)}` : '';
  const code = kind === 'local-redirect' || kind === 'nph' ? '' : `${statusColor(status, p)(p.bold(status))} ${visible(words_)} · `;
  return [
    `  ${p.green('✓')} ${code}${say(kinds[kind], lang)}${to}`,
    ...pairs(headers).map(([name, value]) => p.dim(`    ${visible(name)}: ${visible(value)}`)),
  ];
};

/** On the portable path nobody asked the kernel. */
const whyNot = ({ exchange, births }: Run, lang: Terminal['lang']): string =>
  exchange.account === undefined && births.by === 'portable' ? ` (${say(portably(births.why), lang)})` : '';

const requestLines = ({ request }: Run): string[] => {
  const fields: string[] = [];
  for (let i = 0; i + 1 < request.headers.length; i += 2) fields.push(`${request.headers[i]}: ${request.headers[i + 1]}`);
  return [`${request.method} ${request.target} ${request.protocol}`, ...fields];
};

const kinds: Readonly<Record<ReplyKind, Words>> = {
  document: words('a document (RFC 3875 §6.2.1)', '文档（RFC 3875 §6.2.1）'),
  'local-redirect': words(
    'a local redirect, which the server itself follows (RFC 3875 §6.2.2)',
    '本地重定向，由服务器自行跟随（RFC 3875 §6.2.2）',
  ),
  'client-redirect': words('a client redirect (RFC 3875 §6.2.3)', '客户端重定向（RFC 3875 §6.2.3）'),
  'client-redirect-document': words('a client redirect with document (RFC 3875 §6.2.4)', '带文档的客户端重定向（RFC 3875 §6.2.4）'),
  nph: words(
    'NPH: the output is the whole HTTP response, passed on unread (RFC 3875 §5)',
    'NPH：输出即完整的 HTTP 响应，原样传递（RFC 3875 §5）',
  ),
};

const marks: Readonly<Record<Judgement['verdict'], readonly [sign: string, color: 'green' | 'cyan' | 'yellow' | 'red']>> = {
  cgi: ['✓', 'green'],
  sent: ['→', 'cyan'],
  dropped: ['–', 'yellow'],
  refused: ['✗', 'red'],
};

/** Each header line with its verdict, then the body. */
const outputLines = (run: Run, p: Terminal['outPalette'], lang: Terminal['lang']): string[] => {
  if (run.outputBytes === 0) return [];
  if (run.asked?.script.nph) return bodyLines(run.output, run.outputBytes, p, lang);
  const judged = judgeHead(run.output);
  const width = Math.min(44, Math.max(0, ...judged.lines.map(({ text }) => visible(text).length)));
  const head = judged.lines.map(({ text, verdict, why }) => {
    const [sign, color] = marks[verdict];
    return `  ${p[color](sign)} ${padTo(visible(text), width)}  ${p.dim(why)}`;
  });
  if (judged.head === undefined) return [...head, '', ...bodyLines(run.output, run.outputBytes, p, lang)];
  const body = run.outputBytes - (run.output.length - judged.body.length);
  return [...head, p.dim(`  ${say(words('(blank line)', '（空行）'), lang)}`), ...bodyLines(judged.body, body, p, lang)];
};

/** `all`: how many bytes there were, of which `body` are the first. */
export const bodyLines = (body: Buffer, all: number, p: Terminal['outPalette'], lang: Terminal['lang']): string[] => {
  const text = asText(body);
  const shown = text === undefined ? body.subarray(0, 256) : body.subarray(0, shownBytesMax);
  const lines =
    text === undefined
      ? hexLines(shown).split('\n')
      : shown
          .toString('utf8')
          .replace(/\r?\n$/, '')
          .split('\n')
          .map((line) => visible(line.replace(/\r$/, '␍').replace(/\t/g, '    ')));
  const rest = all - shown.length;
  return [
    ...(all === 0 ? [] : lines.map((line) => `  ${p.dim('│')} ${line}`)),
    ...(rest > 0 ? [p.dim(`  ${say(words(`… ${rest} bytes more`, `…… 另有 ${rest} 字节`), lang)}`)] : []),
  ];
};

/** UTF-8 without control bytes (a character cut at the end of what is kept does not count against it); undefined when not. */
export const asText = (body: Buffer): string | undefined => {
  const text = body.toString('utf8');
  return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) || text.slice(0, -4).includes('\ufffd') ? undefined : text;
};

const endOf = ({ exchange, asked }: Run): string[] => {
  if (asked === undefined) return [];
  const times = (['spawn', 'wait', 'head', 'body', 'exit'] as const).flatMap((name) => {
    const ms = exchange.phases[name];
    return ms === undefined ? [] : [`${name} ${milliseconds(ms)}`];
  });
  return [
    `${milliseconds(exchange.totalMs)} ms${times.length > 0 ? ` (${times.join(' · ')})` : ''}`,
    ...(exchange.signal ? [exchange.signal] : exchange.exitCode === undefined ? [] : [`exit ${exchange.exitCode}`]),
    ...(exchange.bytesOut > 0 ? [`body ${bytes(exchange.bytesOut)}`] : []),
  ];
};

export const reportAsJson = (run: Run): Record<string, unknown> => {
  const { asked, request, exchange, head } = run;
  const text = asText(run.output);
  return {
    script: run.file,
    conforms: run.failure === undefined,
    request: { method: request.method, target: request.target, protocol: request.protocol, headers: pairs(request.headers) },
    process: asked
      ? {
          program: asked.script.program,
          args: asked.script.args,
          cwd: asked.script.cwd,
          pid: exchange.pid ?? null,
          exit_code: exchange.exitCode ?? null,
          signal: exchange.signal ?? null,
        }
      : null,
    environment: asked ? [...asked.meta].map(([name, value]) => ({ name, value, section: sectionOf(name) ?? null })) : null,
    output: {
      bytes: run.outputBytes,
      ...(text === undefined ? { base64: run.output.toString('base64') } : { text }),
      truncated: run.output.length < run.outputBytes,
    },
    stderr: run.stderr,
    header_lines: asked === undefined || asked.script.nph || run.outputBytes === 0 ? [] : judgeHead(run.output).lines,
    answer: head
      ? { kind: head.kind, status: head.status, reason: head.reason, headers: pairs(head.headers), location: head.location ?? null }
      : null,
    times_ms: Object.fromEntries(Object.entries(exchange.phases).filter(([name, ms]) => name !== 'queue' && ms !== undefined)),
    total_ms: exchange.totalMs,
    account: exchange.account ? accountRecord(exchange.account) : null,
    notes: exchange.notes,
    failure: run.failure ? failureAsJson(run.failure) : null,
  };
};

export const pairs = (headers: readonly string[]): [string, string][] => {
  const all: [string, string][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) all.push([headers[i]!, headers[i + 1]!]);
  return all;
};
