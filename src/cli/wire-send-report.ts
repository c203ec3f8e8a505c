/**
 * How `wire send` tells what happened: what went over the wire, each way, then the answer as the server would pass it on, then the
 * time. For a person, as lines; for a program, as one object.
 */
import type { Words } from '../failures.js';
import { sectionOf } from '../script/meta.js';
import { type Explained, explain } from '../trace/explain.js';
import type { Side } from '../trace/hearing.js';
import { bytesOf } from '../trace/recorder.js';
import { failureAsJson, failureBox } from './failure-box.js';
import { bytes, milliseconds } from './log.js';
import { answerLines, asText, bodyLines, pairs } from './run-report.js';
import type { Terminal } from './terminal.js';
import type { Tried } from './wire-hints.js';
import {
  arrows,
  counted,
  fieldLines,
  fieldsAsJson,
  heardAsJson,
  heardLines,
  json,
  protocols,
  recordLines,
  weightLines,
} from './wire-lines.js';
import { say, visible, words } from './words.js';

export interface Sending extends Tried {
  readonly hints: readonly Words[];
}

/** One way. */
interface Way {
  readonly side: Side;
  /** Of the bytes that were kept; the weight is that of all. */
  readonly explained: Explained;
  /** How many bytes more there were. */
  readonly more: number;
}

const waysOf = ({ wire, exchange: { wire: account } }: Sending): Way[] => {
  if (account?.recorded === undefined) return [];
  const { sent, received, payloadSent, payloadReceived, recorded } = account;
  const way = (side: Side, kept: Buffer, more: number, all: number, payload: number): Way => {
    const explained = explain(wire, kept, side);
    // What cannot be read is neither payload nor envelope, and only the bytes themselves show it.
    if (explained.weight.unread > 0) return { side, explained, more };
    return { side, explained: { ...explained, weight: { payload, envelope: all - payload, unread: 0 } }, more };
  };
  return [
    way('request', bytesOf(recorded, 'sent'), recorded.sentMore, sent, payloadSent),
    way('answer', bytesOf(recorded, 'received'), recorded.receivedMore, received, payloadReceived),
  ];
};

// --- for a person --------------------------------------------------------------------------------------------------------

export function* sendingAsText(sending: Sending, hex: boolean, terminal: Terminal): Generator<string> {
  const { lang, outPalette: p, stdout, cwd } = terminal;
  const { asked, exchange, head, failure, hints } = sending;
  const title = (text: Words): string => p.bold(p.underline(say(text, lang)));
  yield `${p.bold(protocols[sending.wire])}  ${visible(sending.address)}  ${visible(`${asked.request.method} ${asked.request.target}`)}`;
  for (const way of waysOf(sending)) yield* wireLines(way, hex, terminal);

  if (sending.stderr.length > 0)
    yield* ['', title(words('stderr', 'stderr')), ...sending.stderr.map((line) => `  ${p.magenta(visible(line))}`)];
  yield* ['', title(words('Answer', '响应'))];
  if (head) yield* answerLines(head, p, lang);
  if (head) yield* bodyLines(sending.body, sending.bodyBytes, p, lang);
  if (failure) yield* failureBox(failure, asked.request.target, { lang, palette: p, width: Math.min(stdout.columns || 100, 120), cwd });
  for (const note of exchange.notes) yield `  ${p.yellow('!')} ${visible(note)}`;
  for (const hint of hints) yield `  ${p.yellow('!')} ${say(hint, lang)}`;
  yield p.dim(`  ${timesOf(sending)}`);
}

/** One way: its records, what a reader hears in them, what of them is envelope. */
function* wireLines({ side, explained, more }: Way, hex: boolean, terminal: Terminal): Generator<string> {
  const { lang, outPalette: p } = terminal;
  const all = explained.bytes.length + more;
  if (all === 0) return;
  const titles = { request: words('Sent', '发送'), answer: words('Received', '收到') };
  const size = say(words(counted(all, 'byte'), `${all} 字节`), lang);
  yield* ['', `${arrows[side]} ${p.bold(p.underline(say(titles[side], lang)))}  ${p.dim(size)}`];
  if (hex) yield* fieldLines(explained, terminal);
  else for (const line of recordLines(explained, terminal)) yield `  ${line}`;
  for (const heard of explained.hearing.heard) yield* heardLines(heard, terminal);
  if (more > 0) yield `  ${p.dim(say(words(`the last ${counted(more, 'byte')} were not kept`, `最后 ${more} 字节未保留`), lang))}`;
  yield* weightLines(explained.weight, terminal);
}

/** `2.5 ms (dial 0.5 · wait 1.2 · head 0.1 · body 0.1) · exit 0 · body 22B` */
const timesOf = ({ exchange, bodyBytes }: Sending): string => {
  const phases = (['dial', 'wait', 'head', 'body'] as const).flatMap((name) => {
    const ms = exchange.phases[name];
    return ms === undefined ? [] : [`${name} ${milliseconds(ms)}`];
  });
  return [
    `${milliseconds(exchange.totalMs)} ms${phases.length > 0 ? ` (${phases.join(' · ')})` : ''}`,
    ...(exchange.exitCode === undefined ? [] : [`exit ${exchange.exitCode}`]),
    ...(bodyBytes > 0 ? [`body ${bytes(bodyBytes)}`] : []),
  ].join(' · ');
};

// --- for a program ---------------------------------------------------------------------------------------------------------

export const sendingAsJson = (sending: Sending): string[] => {
  const { asked, exchange, head, failure } = sending;
  const text = asText(sending.body);
  const [sent, received] = waysOf(sending);
  const report = {
    address: sending.address,
    wire: sending.wire,
    whole: failure === undefined,
    request: { method: asked.request.method, target: asked.request.target, headers: pairs(asked.request.headers) },
    variables: [...asked.meta].map(([name, value]) => ({ name, value, section: sectionOf(name) ?? null })),
    sent: sent === undefined ? null : wayAsJson(sent),
    received: received === undefined ? null : wayAsJson(received),
    answer: head
      ? { kind: head.kind, status: head.status, reason: head.reason, headers: pairs(head.headers), location: head.location ?? null }
      : null,
    body: {
      bytes: sending.bodyBytes,
      ...(text === undefined ? { base64: sending.body.toString('base64') } : { text }),
      truncated: sending.body.length < sending.bodyBytes,
    },
    stderr: sending.stderr,
    app_status: exchange.exitCode ?? null,
    times_ms: Object.fromEntries((['dial', 'wait', 'head', 'body'] as const).map((name) => [name, exchange.phases[name] ?? null])),
    total_ms: exchange.totalMs,
    notes: exchange.notes,
    hints: sending.hints.map(({ en }) => en),
    failure: failure ? failureAsJson(failure) : null,
  };
  return [json(report, 2)];
};

const wayAsJson = ({ explained, more }: Way): Record<string, unknown> => {
  const { bytes: kept, weight, hearing, fields } = explained;
  return {
    bytes: kept.length + more,
    payload_bytes: weight.payload,
    envelope_bytes: weight.envelope,
    unread_bytes: weight.unread,
    kept_bytes: kept.length,
    hex: kept.toString('hex'),
    heard: hearing.heard.map(heardAsJson),
    fields: [...fieldsAsJson(fields, kept)],
  };
};
