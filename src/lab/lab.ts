/**
 * The lab: see what a request does, live, in a browser. A listener of its own, because what scripts print must never share an origin with
 * what starts programs and shows secrets; on loopback, whatever `--host` says. door.ts says who may come in, memory.ts what is kept,
 * stream.ts how viewers learn of it; page/ is what they see. Made by the command line: a server in a library has none.
 *
 *   GET  /                      the page, which is told nothing without the key
 *   POST /enter                 the key, for a cookie and the place it is good for
 *   GET  events                 the stream
 *   GET  exchanges/ID           one exchange, whole
 *   GET  exchanges/ID/RUN/NAME  a variable's value, also a secret one
 *   GET  status                 how the workers are
 *   POST demo, POST reload      what starts something
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Failure } from '../failures.js';
import { labEnterBytesMax, labExchangesKept } from '../limits.js';
import type { Tap } from '../trace/tap.js';
import { type Exchange, now } from '../trace/trace.js';
import type { Endpoint } from '../types.js';
import { version } from '../version.js';
import { door, isReading, type Refusal } from './door.js';
import { memory } from './memory.js';
import { stream } from './stream.js';
import type { ToldHello } from './told.js';

export interface LabOptions {
  /** Read-only: nothing can be started or changed, and no secret is shown. Then it may listen on other addresses than loopback. */
  readonly present: boolean;
  /** The answer to `GET /status`. */
  readonly status?: (query: URLSearchParams, accept: string) => StatusAnswer;
  /** `POST /reload`: resolves with why it went wrong, for each pool whose present workers stay. */
  readonly reload?: () => Promise<readonly Failure[]>;
}

export interface StatusAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly type: string;
  readonly body: string;
  /** In the place of the lab's own: name, value, … For a page that brings its style with it. */
  readonly headers?: readonly string[];
}

export interface Lab {
  readonly tap: Tap;
  exchange(exchange: Exchange): void;
  readonly key: string;
  /** Resolves with the first real address; rejects with the system's error. `server` is what the lab shows. */
  listen(where: { readonly port: number; readonly host: string }, server: Shown): Promise<Endpoint>;
  close(): Promise<void>;
}

/** The server that a lab is about. */
export interface Shown {
  /** `http://127.0.0.1:8000`. */
  readonly url: string;
  /** The path of a script that a button may ask. */
  readonly demo: string | undefined;
}

type Handler = (message: IncomingMessage, res: ServerResponse, rest: string) => void | Promise<void>;

export const createLab = (options: LabOptions): Lab => {
  const { present } = options;
  const guard = door(present);
  const kept = memory(() => viewers.changed());
  const boot = randomBytes(4).toString('hex');
  let shown: Shown = { url: '', demo: undefined };
  const hello = (): ToldHello => ({ version, nowMs: now(), ...shown, present, keptMax: labExchangesKept }) as ToldHello;
  const viewers = stream(boot, () => kept, hello);

  const handlers: Readonly<Record<string, Handler>> = {
    'GET events': (message, res) => {
      if (!viewers.add(res, lastOf(message.headers['last-event-id']))) say(res, tooMany);
    },
    'GET exchanges': (_, res, rest) => {
      const [id = '', run, name] = rest.split('/').map(decodeURIComponent);
      if (run !== undefined && present) return say(res, readOnly);
      const found = run === undefined ? kept.detail(id) : { value: kept.variable(id, Number(run), name ?? '') };
      if (found === undefined || ('value' in found && found.value === undefined)) return say(res, notFound);
      json(res, 200, found);
    },
    'GET status': (message, res) => {
      if (options.status === undefined) return say(res, notFound);
      const { searchParams } = new URL(message.url ?? '/', 'http://lab');
      const { status = 200, type, body, headers } = options.status(searchParams, message.headers.accept ?? '');
      send(res, status, type, body, [], headers);
    },
    'POST reload': async (_, res) => {
      if (options.reload === undefined) return say(res, notFound);
      const failures = await options.reload();
      json(res, failures.length === 0 ? 200 : 500, {
        failures: failures.map(({ code, evidence }) => ({ code, detail: evidence.detail, stderr: evidence.stderr })),
      });
    },
    'POST demo': async (_, res) => {
      if (shown.demo === undefined) return say(res, notFound);
      json(res, 200, { status: await ask(shown.url + shown.demo) });
    },
  };

  const enter: Handler = async (message, res) => {
    if (message.headers.origin === undefined || !guard.fits(await textOf(message))) return say(res, wrongKey);
    json(res, 200, { home: guard.home }, ['Set-Cookie', guard.cookie]);
  };

  const serve: Handler = async (message, res) => {
    const refusal = guard.stranger(message);
    if (refusal) return say(res, refusal);
    const [path = '/'] = (message.url ?? '/').split('?', 1);
    if (path === '/' || path === guard.home) return isReading(message) ? sendPage(res, 'index.html') : say(res, notFound);
    if (path.startsWith('/page/')) return sendPage(res, path.slice('/page/'.length));
    if (path === '/enter' && message.method === 'POST') return enter(message, res, '');
    const [, verb = '', rest = ''] =
      /^([a-z]+)(?:\/(.*))?$/.exec(path.startsWith(guard.home) ? path.slice(guard.home.length) : path.slice(1)) ?? [];
    const uninvited = guard.uninvited(message);
    if (uninvited) return say(res, uninvited);
    if (!isReading(message) && present) return say(res, readOnly);
    const handler = handlers[`${isReading(message) ? 'GET' : message.method} ${verb}`];
    return handler === undefined ? say(res, notFound) : handler(message, res, rest);
  };

  const http = createServer({ maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 10_000 }, (message, res) => {
    // A mistake of the lab's must not end the server beside it.
    Promise.resolve(serve(message, res, '')).catch(() => (res.headersSent ? void res.destroy() : say(res, ownMistake)));
  });
  http.on('clientError', (_, socket) => void socket.destroy());

  return {
    tap: kept.tap,
    exchange: kept.exchange,
    key: guard.key,
    async listen({ port, host }, server) {
      await new Promise<void>((resolve, reject) => {
        http.once('error', reject).listen({ port, host }, () => {
          http.removeListener('error', reject);
          resolve();
        });
      });
      shown = server;
      const bound = http.address() as AddressInfo;
      return { address: bound.address, port: bound.port };
    },
    async close() {
      if (!http.listening) return;
      viewers.close();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    },
  };
};

// --- answers ---------------------------------------------------------------------------------------------------------

/** With each of them: nothing runs that is not ours, nothing is loaded from elsewhere, kept, framed, or taken for what it is not. */
const headers: readonly string[] = [
  'Content-Security-Policy',
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Cache-Control', 'no-store'],
  ...['Referrer-Policy', 'no-referrer'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
];

const send = (
  res: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  more: readonly string[] = [],
  usual = headers,
): void => {
  const bytes = Buffer.from(body as string);
  res.writeHead(status, [...usual, 'Content-Type', type, 'Content-Length', String(bytes.length), ...more]).end(bytes);
};

const json = (res: ServerResponse, status: number, value: object, more?: readonly string[]): void =>
  send(res, status, 'application/json', JSON.stringify(value), more);

const say = (res: ServerResponse, { status, why }: Refusal): void =>
  send(res, status, 'text/plain; charset=utf-8', `${why.en}\n${why.zh}\n`, status === 401 ? ['WWW-Authenticate', 'Bearer'] : []);

const notFound: Refusal = { status: 404, why: { en: 'There is nothing here.', zh: '此处没有内容。' } };
const wrongKey: Refusal = { status: 401, why: { en: 'This is not the key of this lab.', zh: '这不是此实验室的密钥。' } };
const readOnly: Refusal = {
  status: 403,
  why: { en: 'This lab is only for looking at (--present).', zh: '此实验室仅供观看（--present）。' },
};
const tooMany: Refusal = { status: 503, why: { en: 'Too many are looking already.', zh: '观看者已满。' } };
const ownMistake: Refusal = { status: 500, why: { en: 'A mistake of the lab.', zh: '实验室内部错误。' } };

/** Text as it was written stands in src/, compiled code beside this file. */
const sendPage = async (res: ServerResponse, name: string): Promise<void> => {
  const [, extension = ''] = /^[a-z-]+\.(html|css|js)$/.exec(name) ?? [];
  const folder = extension === 'js' ? './page/' : '../../../src/lab/page/';
  const found =
    extension === '' ? undefined : await readFile(fileURLToPath(new URL(folder + name, import.meta.url))).catch(() => undefined);
  if (found === undefined) return say(res, notFound);
  send(res, 200, `${types[extension as keyof typeof types]}; charset=utf-8`, found);
};

const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' } as const;

const lastOf = (field: string | string[] | undefined): string | undefined => (Array.isArray(field) ? field.at(-1) : field);

const textOf = async (message: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const piece of message) {
    text += String(piece);
    if (text.length > labEnterBytesMax) return '';
  }
  return text;
};

/** Asks the server that is shown, as its next client would. Resolves with the status, 0 for none. */
const ask = (url: string): Promise<number> =>
  new Promise((resolve) => {
    request(url, { headers: { 'User-Agent': `cgi-serve-lab/${version}` }, agent: false }, (answer) => {
      answer.resume().once('close', () => resolve(answer.statusCode ?? 0));
    })
      .once('error', () => resolve(0))
      .end();
  });
