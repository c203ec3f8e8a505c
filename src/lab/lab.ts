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
 *   GET  calibration/ID         what a process like its own costs here, as far as it is known; POST measures it
 *   GET  status                 how the workers are
 *   GET  export/har, …          all of them as a file for other programs; `?id=` one, `?ids=` some
 *   GET  places                 what can be asked
 *   POST workers                what is to be done to one of them, or to how many there are
 *   POST replay                 a request, to be sent to the server that is shown
 *   POST bench, bench/stop      load for the server that is shown
 *   GET  bench/result, bench/report.html …  what came of it
 *   POST demo, POST reload      what else starts something
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { Failure } from '../failures.js';
import { labBenchBytesMax, labEnterBytesMax, labExchangesKept, labReplayBytesMax, labTicketMs, labViewerStallMs } from '../limits.js';
import type { Tap } from '../trace/tap.js';
import { type Exchange, now } from '../trace/trace.js';
import type { Endpoint } from '../types.js';
import { version } from '../version.js';
import { type BenchHouse, labBench } from './bench.js';
import { type BaresOf, calibration } from './calibration.js';
import { door, isReading, type Refusal } from './door.js';
import { exports } from './exports/exports.js';
import { memory } from './memory.js';
import { replays } from './replay.js';
import { stream } from './stream.js';
import type { ToldHello, ToldPlace } from './told.js';
import { type LabPool, labWorkers } from './workers.js';

export interface LabOptions {
  /** Read-only: nothing can be started or changed, and no secret is shown. Then it may listen on other addresses than loopback. */
  readonly present: boolean;
  /** The answer to `GET /status`. */
  readonly status?: (query: URLSearchParams, accept: string) => StatusAnswer;
  /** Those whose workers are the server's own. */
  readonly pools?: () => readonly LabPool[];
  /** `POST /reload`: resolves with why it went wrong, for each pool whose present workers stay. */
  readonly reload?: () => Promise<readonly Failure[]>;
  /** What can be asked, looked up anew. */
  readonly places?: () => readonly ToldPlace[];
  /** An exchange as the log tells it, for exports. Default: its id. */
  readonly record?: (exchange: Exchange) => object;
  /** What the start of scripts is compared with. */
  readonly bares?: BaresOf;
  /** A bench is over, and has asked so much. */
  readonly benched?: (requests: number) => void;
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
  /** One of the bench's: there are thousands of them, and nobody wants to see each. */
  isLoad(exchange: Exchange): boolean;
  readonly key: string;
  /** A key that opens once, within a minute: for command lines, which every user of a machine can read. */
  ticket(): string;
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
  /** What a bench may aim at; undefined: nothing. */
  readonly house?: BenchHouse;
}

type Handler = (message: IncomingMessage, res: ServerResponse, rest: string) => void | Promise<void>;

export const createLab = (options: LabOptions): Lab => {
  const { present } = options;
  const guard = door(present);
  const kept = memory(
    () => viewers.changed(),
    (userAgent) => bench.isLoad(userAgent),
  );
  const calibrated = calibration(options.bares);
  const replayed = replays(kept.headers);
  const tickets = new Set<string>();
  const boot = randomBytes(4).toString('hex');
  let shown: Shown = { url: '', demo: undefined };
  const hello = (): ToldHello =>
    ({ version, nowMs: now(), url: shown.url, demo: shown.demo, present, keptMax: labExchangesKept }) as ToldHello;
  const viewers = stream(boot, () => kept, hello);
  const bench = labBench(viewers, options.benched);
  const workers = labWorkers(options.pools ?? (() => []), viewers);

  const handlers: Readonly<Record<string, Handler>> = {
    'GET events': (message, res) => {
      if (!viewers.add(res, lastOf(message.headers['last-event-id']))) return say(res, tooMany);
      workers.look();
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
    'GET export': async (message, res, name) => {
      const found = exports.get(name);
      if (found === undefined) return say(res, notFound);
      const { searchParams } = new URL(message.url ?? '/', 'http://lab');
      const ids = [...searchParams.getAll('id'), ...(searchParams.get('ids')?.split(',') ?? [])];
      const pieces = found.pieces(kept.each(ids.length === 0 ? undefined : new Set(ids)), {
        ...{ version, url: shown.url, pid: process.pid, record: options.record ?? (({ id }) => ({ id })) },
      });
      res.setTimeout(labViewerStallMs, () => res.destroy());
      res.writeHead(200, [...headers, 'Content-Type', found.type, 'Content-Disposition', `attachment; filename="${found.file}"`]);
      // One exchange at a time, the next when this one is taken; whoever leaves in between is no mistake.
      await pipeline(Readable.from(pieces), res).catch(() => {});
    },
    'GET places': (_, res) => json(res, 200, { places: options.places?.() ?? [] }),
    'GET calibration': (_, res, id) => tellCalibration(res, id),
    'POST calibration': async (_, res, id) => {
      const born = kept.born(id);
      if (born !== undefined) await calibrated.measure(born.script);
      tellCalibration(res, id);
    },
    'POST reload': async (_, res) => {
      if (options.reload === undefined) return say(res, notFound);
      const failures = await options.reload();
      json(res, failures.length === 0 ? 200 : 500, {
        failures: failures.map(({ code, evidence }) => ({ code, detail: evidence.detail, stderr: evidence.stderr })),
      });
    },
    'POST workers': async (message, res) => {
      const { status, outcome } = await workers.order((await textOf(message)) ?? '');
      json(res, status, outcome);
    },
    'POST replay': async (message, res) => {
      const wanted = await textOf(message, labReplayBytesMax);
      const told = wanted === undefined ? tooLarge : await replayed.send(wanted, shown.url);
      'why' in told ? say(res, told) : json(res, 200, told);
    },
    'GET bench': (message, res, name) => {
      const answer = bench.answer(name, new URL(message.url ?? '/', 'http://lab').searchParams);
      if (answer === undefined) return say(res, notFound);
      send(res, 200, answer.type, answer.body, answer.headers, answer.policy === undefined ? headers : headersWith(answer.policy));
    },
    'POST bench': async (message, res, rest) => {
      if (rest === 'stop') bench.stop();
      else if (rest !== '') return say(res, notFound);
      else {
        const asked = await textOf(message, labBenchBytesMax);
        const refusal = asked === undefined ? tooLarge : bench.start(asked, shown.house);
        if (refusal) return say(res, refusal);
      }
      json(res, 200, {});
    },
    'POST demo': async (_, res) => {
      if (shown.demo === undefined) return say(res, notFound);
      json(res, 200, { status: await ask(shown.url + shown.demo) });
    },
  };

  const tellCalibration = (res: ServerResponse, id: string): void => {
    const born = kept.born(id);
    if (born === undefined) return say(res, notFound);
    json(res, 200, calibrated.told(born.script, born.phases));
  };

  const enter: Handler = async (message, res) => {
    const key = message.headers.origin === undefined ? '' : ((await textOf(message)) ?? '');
    if (!tickets.delete(key) && !guard.fits(key)) return say(res, wrongKey);
    json(res, 200, { home: guard.home }, ['Set-Cookie', guard.cookie]);
  };

  const serve: Handler = async (message, res) => {
    const refusal = guard.stranger(message);
    if (refusal) return say(res, refusal);
    const [path = '/'] = (message.url ?? '/').split('?', 1);
    if (path === '/' || path === guard.home) return isReading(message) ? sendPage(res, 'index.html') : say(res, notFound);
    if (path.startsWith('/page/')) return sendPage(res, path.slice('/page/'.length));
    if (shared.includes(path)) return sendFile(res, `..${path}`);
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
    exchange(exchange) {
      kept.exchange(exchange);
      replayed.heard(exchange);
      bench.heard(exchange);
    },
    isLoad: ({ userAgent }) => bench.isLoad(userAgent),
    key: guard.key,
    ticket() {
      const ticket = randomBytes(18).toString('base64url');
      tickets.add(ticket);
      setTimeout(() => tickets.delete(ticket), labTicketMs).unref();
      return ticket;
    },
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
      bench.close();
      await calibrated.close();
      if (!http.listening) return;
      replayed.close();
      viewers.close();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    },
  };
};

// --- answers ---------------------------------------------------------------------------------------------------------

/** With each of them: it is neither kept nor taken for what it is not. `policy`: what it may do. */
const headersWith = (policy: string): readonly string[] => [
  'Content-Security-Policy',
  policy,
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Cache-Control', 'no-store'],
  ...['Referrer-Policy', 'no-referrer'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
];

/** The page's: nothing runs that is not ours, nothing is loaded from elsewhere, or framed. */
const headers = headersWith(
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
);

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
const tooLarge: Refusal = { status: 413, why: { en: 'This is more than the lab takes.', zh: '内容超出实验室所能接受的大小。' } };
const ownMistake: Refusal = { status: 500, why: { en: 'A mistake of the lab.', zh: '实验室内部错误。' } };

/** Text as it was written stands in src/, compiled code beside this file. */
const sendPage = async (res: ServerResponse, name: string): Promise<void> => {
  const [, extension = ''] = /^(?:[a-z]+\/)?[a-z-]+\.(html|css|js)$/.exec(name) ?? [];
  if (extension === '') return say(res, notFound);
  return sendFile(res, (extension === 'js' ? './page/' : '../../../src/lab/page/') + name);
};

/** Modules of the server's own that the page uses, too. They import nothing. */
const shared: readonly string[] = ['/limits.js', '/load/axis.js'];

const sendFile = async (res: ServerResponse, name: string): Promise<void> => {
  const found = await readFile(fileURLToPath(new URL(name, import.meta.url))).catch(() => undefined);
  if (found === undefined) return say(res, notFound);
  send(res, 200, `${types[name.slice(name.lastIndexOf('.') + 1) as keyof typeof types]}; charset=utf-8`, found);
};

const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' } as const;

const lastOf = (field: string | string[] | undefined): string | undefined => (Array.isArray(field) ? field.at(-1) : field);

/** undefined: it is longer. Read to its end all the same: whoever breaks off is not heard. */
const textOf = async (message: IncomingMessage, bytesMax = labEnterBytesMax): Promise<string | undefined> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of message as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= bytesMax) pieces.push(piece);
  }
  return bytes > bytesMax ? undefined : Buffer.concat(pieces).toString();
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
