/**
 * `cgi-serve wire send ADDRESS [TARGET]`: one request straight to a program that runs already, and what went over the wire, both ways.
 * The request is wire-request.ts's; carrier, codec, clocks and parser are the server's own, so what fails here fails there. Exit code
 * 5 when no whole answer comes.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Failure, isFailure, type Words } from '../failures.js';
import { createDialGateway, type DialTarget } from '../gateway/catalog.js';
import { settle } from '../settings.js';
import { dialTarget } from '../site.js';
import { type Exchange, Trace } from '../trace/trace.js';
import type { Gateway, GatewayRequest, ReplyHead } from '../types.js';
import type { Wire } from '../wire/wire.js';
import { bodyOf } from './alone.js';
import { failureBox } from './failure-box.js';
import { askingTheCore, cgiOptions } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { hintsFor } from './wire-hints.js';
import { type WireRequest, wireRequest } from './wire-request.js';
import { type Sending, sendingAsJson, sendingAsText } from './wire-send-report.js';
import { Mistake, shellQuoted, visible, words } from './words.js';

export const wireSend = async (said: Said, terminal: Terminal): Promise<number> => {
  const { values } = said;
  const { stdout, stderr, errPalette, lang, cwd } = terminal;
  const { wire = 'fastcgi' } = values;
  const [address, target] = operandsOf(said, wire, terminal);
  const to = askingTheCore(() => dialTarget(wire, address, address));
  if (to.addresses.length > 1) throw new Mistake(2, words('wire send takes one address', 'wire send 只接受一个地址'));
  const asked = wireRequest(target, said, terminal);
  if (isFailure(asked)) {
    const width = Math.min(stderr.columns || 100, 120);
    stderr.write(`${failureBox(asked, target, { lang, palette: errPalette, width, cwd }).join('\n')}\n`);
    return 5;
  }
  const outcome = await oneExchange(asked, to, said);
  const sending: Sending = { ...outcome, address, wire, asked, hints: await hintsFor({ ...outcome, address, wire, asked }) };
  const lines = values.json ? sendingAsJson(sending) : sendingAsText(sending, values.hex === true, terminal);
  stdout.write(`${[...lines].join('\n')}\n`);
  if (outcome.interrupted) return 130;
  return outcome.failure === undefined ? 0 : 5;
};

/** What came of the request. */
export interface Outcome {
  readonly head: ReplyHead | undefined;
  /** The first `bodyKept` bytes. */
  readonly body: Buffer;
  readonly bodyBytes: number;
  readonly stderr: readonly string[];
  readonly failure: Failure | undefined;
  readonly exchange: Exchange;
  /** Ctrl-C, before the answer had ended. */
  readonly interrupted: boolean;
}

/** The rest is counted. */
const bodyKept = 1024 * 1024;

const oneExchange = async (asked: WireRequest, to: Omit<DialTarget, 'connections'>, { values }: Said): Promise<Outcome> => {
  const stderr: string[] = [];
  const settings = settle({
    ...cgiOptions(values),
    ...(values['connect-timeout'] === undefined ? {} : { connectTimeoutMs: values['connect-timeout'] }),
    onStderr: ({ text }) => stderr.push(text),
  });
  // One connection, so that the program is not asked first how many it takes.
  const gateway = createDialGateway({ ...to, connections: 1 }, settings);
  let interrupted = false;
  const interrupt = (): void => {
    interrupted = true;
    void gateway.close(0);
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const told = await converse(asked, gateway);
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  await gateway.close(0);
  return { ...told, stderr, interrupted };
};

const converse = (asked: WireRequest, gateway: Gateway): Promise<Omit<Outcome, 'stderr' | 'interrupted'>> =>
  new Promise((done) => {
    const { request, meta, data } = asked;
    const trace = new Trace(true);
    trace.method = request.method;
    trace.target = request.target;
    trace.protocol = request.protocol;
    trace.bytesIn = data?.length ?? 0;
    const file = meta.get('SCRIPT_FILENAME') ?? '/';
    const call: GatewayRequest = {
      script: { file, program: '', args: [], cwd: '/', nph: false },
      meta,
      body: data === undefined ? undefined : bodyOf(data),
      head: request.method === 'HEAD',
    };
    let head: ReplyHead | undefined;
    let failure: Failure | undefined;
    const body: Buffer[] = [];
    gateway.call(
      call,
      {
        head(found) {
          head = found;
          trace.status = found.status;
        },
        body(piece) {
          if (trace.bytesOut < bodyKept) body.push(Buffer.from(piece));
          trace.bytesOut += piece.length;
          return true;
        },
        end() {},
        fail(why) {
          failure = why;
        },
        over() {
          failure ??= trace.failure;
          trace.failure = failure;
          done({ head, body: Buffer.concat(body).subarray(0, bodyKept), bodyBytes: trace.bytesOut, failure, exchange: trace.finished() });
        },
      },
      trace,
    );
  });

// --- what was typed --------------------------------------------------------------------------------------------------

/** ADDRESS and TARGET; the latter may be left out. Throws a Mistake. */
const operandsOf = ({ operands, values }: Said, wire: Wire['name'], { cwd }: Terminal): [address: string, target: string] => {
  const [address, target = values.script === undefined ? '/' : '', ...more] = operands;
  if (address === undefined) {
    const example = 'cgi-serve wire send unix:/run/app.sock /path';
    throw new Mistake(2, words(`wire send needs an address: ${example}`, `wire send 需要一个地址：${example}`));
  }
  if (more.length > 0) {
    const what = shellQuoted(visible(more[0]!));
    throw new Mistake(
      2,
      words(`wire send takes an address and a target; what is ${what}?`, `wire send 只接受一个地址和一个目标；${what} 是什么？`),
      [words("A target with ? or & stands in quotes: '/?a=1&b=2'", "含 ? 或 & 的目标应加引号：'/?a=1&b=2'")],
    );
  }
  const meant = meantBy(address, target, wire, cwd);
  if (meant !== undefined) {
    const shown = shellQuoted(visible(address));
    throw new Mistake(2, words(`${shown} is no address of a ${wire} program`, `${shown} 不是 ${wire} 程序的地址`), meant);
  }
  return [address, target];
};

/** What somebody may have meant by an address that is none; undefined: it may be one. */
const meantBy = (address: string, target: string, wire: Wire['name'], cwd: string): Words[] | undefined => {
  const command = (...said: string[]): Words => {
    const line = `cgi-serve wire send ${said.map((word) => shellQuoted(visible(word))).join(' ')}`;
    return words(`Did you mean: ${line}`, `是否想用：${line}`);
  };
  const [, scheme, host, path = ''] = /^([a-z]+):\/\/([^/?#\s]+)([^#\s]*)/i.exec(address) ?? [];
  if (scheme !== undefined && host !== undefined) {
    const spoken = /^f(?:ast)?cgi$/i.test(scheme) ? 'fastcgi' : scheme.toLowerCase();
    const curl = `curl -i ${shellQuoted(visible(address))}`;
    if (!/^https?$/.test(spoken)) return [command(host, path || target, '--wire', spoken)];
    return [
      words(`A URL is for HTTP: ${curl}`, `URL 用于 HTTP：${curl}`),
      words(
        'FastCGI, SCGI and uwsgi programs listen at unix:/path or host:port',
        'FastCGI、SCGI 与 uwsgi 程序监听 unix:/路径 或 主机:端口',
      ),
    ];
  }
  const [, place, rest] = /^([^/?\s]+:\d+)(\/.*)$/s.exec(address) ?? [];
  if (place !== undefined && rest !== undefined) return [command(place, rest)];
  if (/^\d{1,5}$/.test(address)) return [command(`127.0.0.1:${address}`, target || '/')];
  if (/^(?:unix:|[^/]*:\d+$)/.test(target)) return [command(target, address)];
  const socket = resolve(cwd, address.replace(/^unix:(?!\/)/, '').replace(/\?.*$/s, ''));
  const isSocket = statSync(socket, { throwIfNoEntry: false })?.isSocket();
  if (isSocket || /^\/.*\.sock$/.test(address))
    return address.startsWith('unix:/') ? undefined : [command(`unix:${socket}`, target || '/')];
  if (address.startsWith('/'))
    return [
      words(
        `The address comes first: cgi-serve wire send unix:/run/app.sock ${shellQuoted(visible(address))}`,
        `地址在前：cgi-serve wire send unix:/run/app.sock ${shellQuoted(visible(address))}`,
      ),
    ];
  return wire === 'uwsgi' || !address.includes('?')
    ? undefined
    : [words('Only uwsgi has something to say after a ?', '只有 uwsgi 的地址可带 ?')];
};
