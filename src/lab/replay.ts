/**
 * A request sent again, as it was or changed: to the server that the lab shows and to no other, as its next client would. The program must
 * not notice who asks, so that nothing is added by which the new exchange could be known: it is the one whose client has the port that
 * this connection was made from.
 *
 *   page/request/replay → POST replay → [here] → the server → onExchange → [here] → the id of the new exchange
 *
 * Sent by hand, not by node:http: methods keep their case, fields their order. So it is checked here that what is said is one request and
 * no more (RFC 9110 §5.1, §5.5, §9.1; RFC 9112 §3.2.1, §11.2).
 */
import { connect } from 'node:net';
import { labReplayMs, labReplaySettleMs, labReplaysMax } from '../limits.js';
import type { Exchange } from '../trace/trace.js';
import type { RawHeaders } from '../types.js';
import type { Refusal } from './door.js';
import type { ToldReplay } from './told.js';

export interface Replays {
  /** `wanted` is a ToldWanted as JSON, from whoever may replay. Resolves when the new exchange is over. */
  send(wanted: string, url: string): Promise<ToldReplay | Refusal>;
  /** Every exchange that is over: a replay may be among them. */
  heard(exchange: Exchange): void;
  close(): void;
}

/** `headersOf`: the header fields of an exchange that is kept. */
export const replays = (headersOf: (id: string) => RawHeaders | undefined): Replays => {
  /** Those whose exchange is not over, by the client's end of their connection. */
  const waiting = new Map<string, (outcome: ToldReplay | Refusal) => void>();
  let running = 0;

  const exchangeOf = (request: Buffer, url: URL): Promise<ToldReplay | Refusal> =>
    new Promise((resolve) => {
      let end = '';
      const timer = setTimeout(() => void socket.destroy(), labReplayMs).unref();
      const giveUp = setTimeout(() => done(refusals.unheard), labReplayMs + labReplaySettleMs).unref();
      const done = (outcome: ToldReplay | Refusal): void => {
        clearTimeout(timer);
        clearTimeout(giveUp);
        waiting.delete(end);
        socket.destroy();
        resolve(outcome);
      };
      const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80), noDelay: true });
      socket.once('connect', () => {
        end = endOf(socket.localAddress, socket.localPort);
        waiting.set(end, done);
        socket.write(request);
      });
      socket.on('error', () => end === '' && done(refusals.unreachable));
      // The answer is kept with the exchange: here it only has to flow.
      socket.resume();
    });

  return {
    async send(wanted, url) {
      const request = requestIn(wanted, new URL(url).host, headersOf);
      if ('why' in request) return request;
      if (running >= labReplaysMax) return refusals.tooMany;
      running += 1;
      const outcome = await exchangeOf(request, new URL(url));
      running -= 1;
      return outcome;
    },
    heard({ id, status, client, clientPort }) {
      if (waiting.size > 0) waiting.get(endOf(client, clientPort))?.({ id, status });
    },
    close() {
      for (const done of waiting.values()) done(refusals.unheard);
    },
  };
};

/** A socket that takes both families shows 127.0.0.1 as ::ffff:127.0.0.1. */
const endOf = (address = '', port = 0): string => `${address.replace(/^::ffff:(?=\d+\.)/i, '')} ${port}`;

// --- what may be sent -------------------------------------------------------------------------------------------------

/** The bytes of one request, or why it would be none. */
const requestIn = (wanted: string, host: string, headersOf: (id: string) => RawHeaders | undefined): Buffer | Refusal => {
  const said = wantedIn(wanted);
  if (said === undefined) return refusals.form;
  const { method, target, body } = said;
  if (!isToken(method)) return refusals.method;
  // RFC 9110 §9.3.6 — asks for a tunnel, and its target is no path.
  if (method === 'CONNECT') return refusals.method;
  // RFC 9112 §3.2.1 — the absolute form names a host, and this goes to one host only.
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(target)) return refusals.target;
  const original = said.of === undefined ? undefined : headersOf(said.of);
  const taken = new Map<string, number>();
  const lines: string[] = [];
  for (const [name, given] of said.headers) {
    const key = name.toLowerCase();
    if (!isToken(name)) return refusals.field;
    if (framing.has(key)) return refusals.framing;
    const value = given ?? nthOf(original ?? [], key, taken);
    if (value === undefined) return refusals.forgotten;
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return refusals.field;
    // What is typed is UTF-8, what is kept the bytes that came, a character each.
    const bytes = given === null ? value : Buffer.from(value).toString('latin1');
    lines.push(`${name}: ${bytes.trim()}`);
  }
  if (!said.headers.some(([name]) => /^host$/i.test(name))) lines.unshift(`Host: ${host}`);
  // RFC 9110 §8.6 — a method that means a body says also that it is empty.
  if (body.length > 0 || /^(POST|PUT|PATCH)$/.test(method)) lines.push(`Content-Length: ${body.length}`);
  lines.push('Connection: close');
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
};

interface Wanted {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  readonly body: Buffer;
  readonly of: string | undefined;
}

/** Its types; undefined when it has others. */
const wantedIn = (json: string): Wanted | undefined => {
  let said: Partial<Record<string, unknown>> | null;
  try {
    said = JSON.parse(json) as typeof said;
  } catch {
    return undefined;
  }
  const { method, target, headers, body = '', of } = said ?? {};
  const isField = (field: unknown): field is [string, string | null] =>
    Array.isArray(field) && field.length === 2 && typeof field[0] === 'string' && (field[1] === null || typeof field[1] === 'string');
  if (typeof method !== 'string' || typeof target !== 'string' || !Array.isArray(headers) || !headers.every(isField)) return undefined;
  if (typeof body !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(body) || (of !== undefined && typeof of !== 'string')) return undefined;
  return { method, target, headers, body: Buffer.from(body, 'base64'), of };
};

/** RFC 9110 §5.6.2. */
const isToken = (text: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(text);

/** The next value of a field that the original has perhaps several times. */
const nthOf = (headers: RawHeaders, key: string, taken: Map<string, number>): string | undefined => {
  const values = headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === key);
  const at = taken.get(key) ?? 0;
  taken.set(key, at + 1);
  return values[at];
};

/** Where the request ends and what becomes of the connection is said once, and here. */
const framing: ReadonlySet<string> = new Set([
  ...['content-length', 'transfer-encoding', 'trailer', 'te', 'connection', 'proxy-connection', 'keep-alive', 'upgrade', 'expect'],
]);

const refusals = {
  form: { status: 400, why: { en: 'This is no request that could be sent.', zh: '这不是可以发送的请求。' } },
  method: {
    status: 400,
    why: {
      en: "The method is one word of letters, digits and !#$%&'*+.^_`|~- (RFC 9110 §9.1), and not CONNECT.",
      zh: "方法应为一个词，由字母、数字与 !#$%&'*+.^_`|~- 组成（RFC 9110 §9.1），且不能是 CONNECT。",
    },
  },
  target: {
    status: 400,
    why: {
      en: 'The target begins with / and has neither spaces nor # (RFC 9112 §3.2.1).',
      zh: '目标以 / 开头，不含空格与 #（RFC 9112 §3.2.1）。',
    },
  },
  field: {
    status: 400,
    why: {
      en: 'A header field is Name: value, the name without spaces, the value without line ends or other control characters (RFC 9110 §5).',
      zh: '首部字段的形式为 Name: value；名称中没有空格，值中没有换行或其他控制字符（RFC 9110 §5）。',
    },
  },
  framing: {
    status: 400,
    why: {
      en: 'Content-Length and the fields that speak of the connection (Connection, Transfer-Encoding, Expect …) are the lab’s own: take them away.',
      zh: 'Content-Length 以及关于连接的字段（Connection、Transfer-Encoding、Expect 等）由实验室自己填写：请删去。',
    },
  },
  forgotten: {
    status: 410,
    why: { en: 'A hidden value is not kept any more: write it anew.', zh: '有一个隐藏的值已不再保留：请重新填写。' },
  },
  tooMany: { status: 503, why: { en: 'Too many requests are being replayed.', zh: '正在重放的请求过多。' } },
  unreachable: { status: 502, why: { en: 'The server did not take the connection.', zh: '服务器没有接受连接。' } },
  unheard: { status: 504, why: { en: 'The request has not ended.', zh: '该请求尚未结束。' } },
} as const satisfies Record<string, Refusal>;
