/**
 * The access log: one exchange, one line. Pure functions. `dev` is for a person watching; `common` and `combined` are what
 * log analysers read (Apache's mod_log_config); `json` is for programs, with keys that stay as they are.
 */
import type { Exchange } from '../trace/trace.js';
import { accountRecord, isSplit } from './account.js';
import { failureColor, type Palette, palette, statusColor } from './color.js';
import { visible } from './words.js';

export type LogFormat = 'dev' | 'common' | 'combined' | 'json';

export const logLine = (format: LogFormat, exchange: Exchange, p: Palette = palette(false)): string => {
  if (format === 'dev') return devLine(exchange, p);
  if (format === 'json') return jsonLine(jsonRecord(exchange));
  return format === 'combined' ? `${commonLine(exchange)} ${quoted(exchange.referer)} ${quoted(exchange.userAgent)}` : commonLine(exchange);
};

/** `12:01:33.120 200 POST /cgi-bin/hello.py 15.9ms (spawn 1.1 · wait 13.4 · exit 0.8) cpu 9.1+3.0ms pid 4242 512B` */
const devLine = (e: Exchange, p: Palette): string => {
  const color = e.failure ? failureColor(e.status, p) : statusColor(e.status, p);
  const dim = (text: string): string => (text === '' ? '' : p.dim(text));
  return [
    p.dim(clock(new Date(e.at))),
    color(e.status === 0 ? '---' : e.status),
    visible(e.method) || '?',
    p.bold(visible(e.target) || '?'),
    `${milliseconds(e.totalMs)}ms`,
    dim(phases(e)),
    dim(cpu(e)),
    e.pid === undefined ? '' : p.dim(`pid ${e.pid}`),
    e.signal ? p.red(e.signal) : e.exitCode ? p.yellow(`code ${e.exitCode}`) : '',
    p.dim(bytes(e.bytesOut)),
    e.user === undefined ? '' : p.dim(`user ${visible(e.user)}`),
    e.failure ? color(e.failure.code) : '',
    ...e.notes.map((note) => p.dim(`· ${visible(note)}`)),
  ]
    .filter(Boolean)
    .join(' ');
};

/** What the time went to. The guard's price and the process's (spawn, wait, exit) are always told; the others when they were felt. */
const phases = (e: Exchange): string => {
  const told = (['authorize', 'queue', 'spawn', 'dial', 'wait', 'head', 'body', 'exit'] as const).flatMap((name) => {
    const ms = e.phases[name];
    const always = name !== 'queue' && name !== 'head' && name !== 'body';
    return ms === undefined || (!always && ms < 1) ? [] : [`${name} ${milliseconds(ms)}`];
  });
  return told.length > 0 ? `(${told.join(' · ')})` : '';
};

/** User and system time, where the kernel was asked; their sum, where it cannot divide them. */
const cpu = ({ account }: Exchange): string => {
  if (account === undefined) return '';
  const { userMs, systemMs } = account;
  return `cpu ${isSplit(account) ? `${milliseconds(userMs)}+${milliseconds(systemMs)}` : milliseconds(userMs + systemMs)}ms`;
};

export const milliseconds = (ms: number): string => (ms < 1000 ? ms.toFixed(1) : String(Math.round(ms)));

export const bytes = (n: number): string => {
  if (n < 1000) return `${n}B`;
  const unit = n < 999_950 ? (['k', 1e3] as const) : n < 999_950_000 ? (['M', 1e6] as const) : (['G', 1e9] as const);
  return `${(n / unit[1]).toFixed(1)}${unit[0]}B`;
};

const two = (n: number): string => String(n).padStart(2, '0');

const hours = (at: Date): string => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

const clock = (at: Date): string => `${hours(at)}.${String(at.getMilliseconds()).padStart(3, '0')}`;

/** `%h %l %u %t "%r" %>s %b` */
const commonLine = (e: Exchange): string => {
  // Nothing could be sent: the client had gone. nginx's 499 is what analysers know for that.
  const status = e.status === 0 ? 499 : e.status;
  const request = `${e.method} ${e.target} ${e.protocol}`.trim() || undefined;
  const size = e.bytesOut === 0 ? '-' : e.bytesOut;
  return `${e.client || '-'} - ${bare(e.user)} [${commonTime(new Date(e.at))}] ${quoted(request)} ${status} ${size}`;
};

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `22/Nov/2026:20:02:04 +0000`: local time and its distance from UTC. */
const commonTime = (at: Date): string => {
  const east = -at.getTimezoneOffset();
  const zone = `${east < 0 ? '-' : '+'}${two(Math.floor(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`;
  return `${two(at.getDate())}/${months[at.getMonth()]}/${at.getFullYear()}:${hours(at)} ${zone}`;
};

/** As Apache writes it: `"`, `\` and everything that is not printable ASCII escaped, so that nobody can forge a line or a field. */
const quoted = (text: string | undefined): string => `"${text ? escaped(text) : '-'}"`;
const bare = (text: string | undefined): string => (text ? escaped(text).replaceAll(' ', '\\x20') : '-');

const escaped = (text: string): string =>
  text.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/gu, (sign) => {
    const code = sign.codePointAt(0)!;
    // Header bytes arrive as one character each; anything wider was decoded and is written as its UTF-8 bytes.
    const raw = code <= 0xff ? Buffer.from([code]) : Buffer.from(sign);
    return [...raw].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  });

/** JSON leaves DEL and the C1 controls as they are; on a terminal they act. */
const jsonLine = (record: object): string =>
  JSON.stringify(record).replace(/[\x7f-\x9f]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);

export const jsonRecord = (e: Exchange): Record<string, unknown> => ({
  ts: new Date(e.at).toISOString(),
  level: e.status === 0 || e.status >= 500 || (e.failure && e.status < 400) ? 'error' : e.status >= 400 ? 'warn' : 'info',
  event: 'request',
  id: e.id,
  client: e.client,
  user: e.user ?? null,
  method: e.method,
  url: e.target,
  proto: e.protocol,
  status: e.status,
  dur_ms: round(e.totalMs),
  bytes_in: e.bytesIn,
  bytes_out: e.bytesOut,
  backend: e.gateway ?? null,
  script: e.script ?? null,
  pid: e.pid ?? null,
  exit_code: e.exitCode ?? null,
  signal: e.signal ?? null,
  authorize_ms: round(e.phases.authorize),
  queue_ms: round(e.phases.queue),
  spawn_ms: round(e.phases.spawn),
  dial_ms: round(e.phases.dial),
  wait_ms: round(e.phases.wait),
  head_ms: round(e.phases.head),
  body_ms: round(e.phases.body),
  exit_ms: round(e.phases.exit),
  ...accountRecord(e.account),
  stderr_bytes: e.stderrBytes,
  wire_sent_bytes: e.wire?.sent ?? null,
  wire_received_bytes: e.wire?.received ?? null,
  payload_sent_bytes: e.wire?.payloadSent ?? null,
  payload_received_bytes: e.wire?.payloadReceived ?? null,
  referer: e.referer ?? null,
  user_agent: e.userAgent ?? null,
  error: e.failure?.code ?? null,
  detail: e.failure?.evidence.detail ?? null,
  notes: e.notes,
});

/** Never measured is null, not 0. */
const round = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 1000) / 1000);
