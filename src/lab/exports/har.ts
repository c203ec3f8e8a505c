/**
 * HAR 1.2 (HTTP Archive, W3C Web Performance WG draft of 2012): what browsers' network panels and proxies open. What HTTP does not know
 * of an exchange stands in `_cgi`: HAR §custom fields begin with an underscore.
 *
 *   blocked  until a program is asked: upload, authorizer, queue, programs before a local redirect
 *   connect  fork + exec, or the connection to a program that runs already (`_cgi.connect` says which)
 *   wait     to its first byte           receive  from there to the end, its exit included
 *
 * Headers of the answer are those the program printed and the server passed on; its own (Date, Connection) are not kept.
 */
import { STATUS_CODES } from 'node:http';
import type { KeptExchange } from '../memory.js';
import { isSecretField } from '../secrets.js';
import type { ToldDetail, ToldEnd, ToldRun, ToldRunDetail } from '../told.js';
import type { About } from './exports.js';
import { bytesOf, microseconds, shownText, sinceBegan, struck, struckOut, textOf, variablesOf } from './parts.js';

export function* har(kept: Iterable<KeptExchange>, { version, url }: About): Generator<string> {
  yield `{"log":{"version":"1.2","creator":${JSON.stringify({ name: 'cgi-serve', version })},"comment":${JSON.stringify(struckOut)},"entries":[`;
  let between = '\n';
  for (const { detail } of kept) {
    if (detail.end === undefined) continue;
    yield between + JSON.stringify(entryOf(detail, detail.end, url));
    between = ',\n';
  }
  yield '\n]}}\n';
}

const entryOf = (detail: ToldDetail, end: ToldEnd, url: string): object => {
  const timings = timingsOf(detail, end);
  return {
    startedDateTime: new Date(detail.at).toISOString(),
    time: sumOf(timings),
    request: requestOf(detail, end, url),
    response: responseOf(detail, end),
    cache: {},
    timings,
    _cgi: cgiOf(detail, end),
  };
};

// --- times -----------------------------------------------------------------------------------------------------------

interface Timings {
  readonly blocked: number;
  readonly dns: -1;
  readonly connect: number;
  readonly ssl: -1;
  readonly send: 0;
  readonly wait: number;
  readonly receive: number;
}

/** HAR §timings: -1 is «does not apply»; the others make up `time`. */
const timingsOf = ({ beganMs, runs }: ToldDetail, { atMs }: ToldEnd): Timings => {
  const run = runs.at(-1);
  const [began, end] = [microseconds(beganMs), microseconds(atMs)];
  const mark = (ms: number | undefined, least: number): number =>
    Math.min(end, Math.max(least, ms === undefined ? least : microseconds(ms)));
  const granted = mark(run?.grantedMs, began);
  const opened = mark(run?.openedMs, granted);
  const firstByte = run?.firstByteMs === undefined ? end : mark(run.firstByteMs, opened);
  const ms = (from: number, to: number): number => (to - from) / 1000;
  return {
    blocked: run === undefined ? -1 : ms(began, granted),
    dns: -1,
    connect: run?.openedMs === undefined ? -1 : ms(granted, opened),
    ssl: -1,
    send: 0,
    wait: ms(opened, firstByte),
    receive: ms(firstByte, end),
  };
};

const sumOf = (timings: Timings): number =>
  microseconds(Object.values(timings).reduce((sum: number, ms: number) => sum + Math.max(0, ms), 0)) / 1000;

// --- the request -----------------------------------------------------------------------------------------------------

interface Pair {
  readonly name: string;
  readonly value: string;
}

const requestOf = ({ method, target, runs, details }: ToldDetail, end: ToldEnd, url: string): object => {
  const first = details[0];
  const { head, input } = first ?? {};
  const posted = input === undefined || input.bytes === 0 ? undefined : postDataOf(first!);
  return {
    method,
    url: /^https?:/i.test(target) ? target : url + target,
    httpVersion: head?.protocol ?? 'HTTP/1.1',
    cookies: [],
    headers: (head?.fields ?? []).map(({ name, value = struck }): Pair => ({ name, value })),
    queryString: [...new URLSearchParams(target.replace(/^[^?]*\??/s, ''))].map(([name, value]): Pair => ({ name, value })),
    ...(posted && { postData: posted }),
    headersSize: head?.bytes ?? -1,
    bodySize: end.bytesIn,
    ...(runs.length === 0 && { comment: 'no program was asked: the header fields were not kept' }),
  };
};

/** HAR §postData has no word for an encoding: `_encoding` is ours. */
const postDataOf = ({ input, variables }: ToldRunDetail): object => {
  const bytes = bytesOf(input);
  const text = textOf(bytes, input.more > 0);
  return {
    mimeType: variables.find(({ name }) => name === 'CONTENT_TYPE')?.value ?? '',
    ...(text === undefined ? { text: bytes.toString('base64'), _encoding: 'base64' } : { text }),
    ...cutComment(input.more),
  };
};

const cutComment = (more: number): { comment?: string } => (more > 0 ? { comment: `cut: ${more} more bytes were not kept` } : {});

// --- the answer ------------------------------------------------------------------------------------------------------

const responseOf = (detail: ToldDetail, end: ToldEnd): object => {
  const run = detail.details.at(-1);
  const printed = run !== undefined && run.headBytes !== undefined && !isOwnPage(end) ? run : undefined;
  const headers = printed === undefined ? [] : headersOf(printed);
  const said = (wanted: string): string => headers.find(({ name }) => name.toLowerCase() === wanted)?.value ?? '';
  return {
    status: end.status,
    statusText: STATUS_CODES[end.status] ?? '',
    httpVersion: 'HTTP/1.1',
    cookies: [],
    headers,
    content: printed === undefined ? notKept(end) : contentOf(printed, said('content-type') || 'x-unknown'),
    redirectURL: said('location'),
    headersSize: -1,
    bodySize: end.bytesOut,
    ...(end.failure && { comment: [end.failure.code, end.failure.what.en, end.failure.detail].filter(Boolean).join(': ') }),
  };
};

/** The program's answer was not to be had: the server's own page went out in its place. */
const isOwnPage = ({ failure, status }: ToldEnd): boolean => failure !== undefined && status >= 400;

const notKept = ({ bytesOut }: ToldEnd): object => ({
  size: bytesOut,
  mimeType: 'x-unknown',
  comment: "not kept: a file, a page of the server's own, or an answer without CGI headers",
});

const headersOf = ({ judged }: ToldRunDetail): Pair[] =>
  judged.flatMap(({ text, verdict }) => {
    const [, name = '', value = ''] = /^([^:]*):[ \t]*(.*)$/s.exec(text) ?? [];
    if ((verdict !== 'sent' && verdict !== 'cgi') || name === '' || /^status$/i.test(name)) return [];
    return [{ name, value: isSecretField(name) ? struck : value }];
  });

const contentOf = ({ output, headBytes = 0 }: ToldRunDetail, mimeType: string): object => {
  const body = bytesOf(output).subarray(headBytes);
  const text = textOf(body, output.more > 0);
  return {
    size: output.bytes - headBytes,
    mimeType,
    ...(text === undefined ? { text: body.toString('base64'), encoding: 'base64' } : { text }),
    ...cutComment(output.more),
  };
};

// --- what HTTP does not know -----------------------------------------------------------------------------------------

const cgiOf = (detail: ToldDetail, end: ToldEnd): object => {
  const run = detail.runs.at(-1);
  return {
    id: detail.id,
    client: detail.client,
    gateway: end.gateway ?? null,
    connect: run === undefined ? null : run.own ? 'spawn' : 'dial',
    phases: end.phases,
    account: end.account ?? null,
    failure: end.failure ? { code: end.failure.code, rule: end.failure.rule, detail: end.failure.detail ?? null } : null,
    notes: end.notes,
    wire: detail.wire === undefined ? null : wireOf(detail.wire),
    runs: detail.runs.map((one, i) => runOf(one, detail.details[i]!, detail.beganMs)),
  };
};

const wireOf = ({ name, ways }: NonNullable<ToldDetail['wire']>): object => ({
  name,
  ...Object.fromEntries(ways.map(({ way, bytes, payload }) => [way, { bytes, payload }])),
});

/** `atMs`: since the request began. */
const runOf = (run: ToldRun, detail: ToldRunDetail, beganMs: number): object => {
  const since = (ms: number | undefined): number | undefined => sinceBegan(ms, beganMs);
  return {
    gateway: run.gateway,
    script: detail.file,
    pid: run.pid ?? null,
    worker: run.worker ?? null,
    exitCode: run.exitCode ?? null,
    signal: run.signal ?? null,
    atMs: {
      granted: since(run.grantedMs),
      opened: since(run.openedMs),
      firstByte: since(run.firstByteMs),
      headDone: since(run.headDoneMs),
      lastByte: since(run.lastByteMs),
      exited: since(run.exitedMs),
    },
    variables: variablesOf(detail),
    stderr: shownText(detail.errors),
    stderrMore: detail.errors.more,
  };
};
