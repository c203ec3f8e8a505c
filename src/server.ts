/**
 * Listens, hands each request to exchange(), stops kindly. What HTTP says about connections stands here: requests on one
 * connection are answered in turn, a head that is not HTTP gets a coded answer, a client that has left is noticed.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Circumstances, exchange, type RunningExchange, report } from './exchange.js';
import { explain, type Failure, failure } from './failures.js';
import { failurePage, pageHeaders } from './http/page.js';
import { seesDetails } from './http/request.js';
import { halfClosedMs, keepAliveMs, lingerMs, pipelinedMax, requestHeadBytesMax, requestHeadMs, shutdownGraceMs } from './limits.js';
import type { ServerOptions, Settings } from './settings.js';
import { openSite, type Site } from './site.js';
import { Trace } from './trace/trace.js';
import type { Endpoint } from './types.js';

export interface CgiServer {
  /** The first listener. More exist when `listen` was given several hosts. */
  readonly http: Server;
  readonly settings: Settings;
  readonly site: Site;
  /** How children are born: `native` (posix_spawn), or `portable` and why. */
  readonly births: Site['births'];
  /**
   * Listens on one port of every host; port 0 is any free one, the same for all. Default: port 8000 of 127.0.0.1 and ::1.
   * Resolves with the real addresses; rejects with the system's error (EADDRINUSE, EACCES). A host of an address family this
   * machine lacks is left out, unless it is the only one.
   */
  listen(where?: { port?: number; host?: string | readonly string[] }): Promise<Endpoint[]>;
  /**
   * New workers for every pool, beside the present ones, which go on until the new ones are ready and then finish what they have. Resolves
   * with why it went wrong, for each pool whose present workers stay.
   */
  reload(graceMs?: number): Promise<Failure[]>;
  /** Stops accepting, lets running requests end for `graceMs`, then ends them; resolves when no connection and no child is left. */
  close(graceMs?: number): Promise<void>;
}

/** Throws an Error with one clear sentence when an option cannot be used. */
export const createServer = (options: ServerOptions = {}): CgiServer => {
  const site = openSite(options);
  const connections = new WeakMap<Duplex, Connection>();
  const listeners = [httpServer(site, connections)];
  return {
    http: listeners[0]!,
    settings: site.settings,
    site,
    births: site.births,
    async listen({ port = 8000, host = ['127.0.0.1', '::1'] } = {}) {
      const hosts = typeof host === 'string' ? [host] : host;
      for (let attempt = 0; ; attempt++) {
        try {
          return await listenOnAll(hosts, port, (i) => {
            listeners[i] ??= httpServer(site, connections);
            return listeners[i]!;
          });
        } catch (error) {
          // An ephemeral port may be free on the first host and taken on the second.
          if (port !== 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 9) throw error;
        }
      }
    },
    async reload(graceMs = shutdownGraceMs) {
      const ends = await Promise.all(site.pools.map((pool) => pool.reload(graceMs)));
      return ends.flatMap((why) => why ?? []);
    },
    async close(graceMs = shutdownGraceMs) {
      const closed = listeners.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      // A kept connection is idle only after its answer; asked again until none is left.
      const sweep = setInterval(() => listeners.forEach((server) => void server.closeIdleConnections()), 50);
      await Promise.all(site.gateways.map((gateway) => gateway.close(graceMs)));
      const force = setTimeout(() => listeners.forEach((server) => void server.closeAllConnections()), lastWordsMs);
      await Promise.all(closed);
      clearTimeout(force);
      clearInterval(sweep);
    },
  };
};

/** When every program is gone, how long the last answers may take to reach their clients. */
const lastWordsMs = 1_000;

const listenOnAll = async (hosts: readonly string[], port: number, serverAt: (i: number) => Server): Promise<Endpoint[]> => {
  const bound: Endpoint[] = [];
  const opened: Server[] = [];
  let missing: unknown;
  for (const host of hosts) {
    const server = serverAt(opened.length);
    try {
      bound.push(await listenOn(server, host, bound[0]?.port ?? port, ipv6Only(host, hosts)));
      opened.push(server);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') {
        missing = error;
        continue;
      }
      await Promise.all(opened.map((s) => new Promise((resolve) => s.close(resolve))));
      throw error;
    }
  }
  if (bound.length === 0) throw missing;
  return bound;
};

/** `::` alone is every address of both families, as users of `--host ::` expect; beside others each keeps to its own. */
const ipv6Only = (host: string, hosts: readonly string[]): boolean => host !== '::' || hosts.length > 1;

const listenOn = (server: Server, host: string, port: number, ipv6Only: boolean): Promise<Endpoint> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only }, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? { address: address.address, port: address.port } : { address: host, port });
    });
  });

/** What one connection is doing. */
interface Connection {
  running: RunningExchange | undefined;
  /** The running request's message, to know whether broken bytes are its body's or come after it. */
  message: IncomingMessage | undefined;
  /** RFC 9112 §9.3.2: pipelined requests are answered in turn, and since a script may have effects they also run in turn. */
  readonly waiting: (() => void)[];
  broken: boolean;
}

const httpServer = (site: Site, connections: WeakMap<Duplex, Connection>): Server => {
  const server = createHttpServer({
    maxHeaderSize: requestHeadBytesMax,
    headersTimeout: requestHeadMs,
    // The body has clocks of its own (http/body.ts): a whole upload may rightly take hours.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5_000, requestHeadMs),
    keepAliveTimeout: keepAliveMs,
    requireHostHeader: false, // http/request.ts does it, with a coded failure.
    insecureHTTPParser: false,
    noDelay: true,
  });
  // Node drops fields beyond a count in silence; the head's size bounds them already.
  server.maxHeadersCount = 0;
  // A client that sends FIN after its request is not gone until a write says so. Node ends its own side at once otherwise.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;

  const serve = (message: IncomingMessage, res: ServerResponse, circumstances: Circumstances = {}): void => {
    const { socket } = message;
    const connection = connections.get(socket)!;
    if (!socket.writable) return;
    const begin = (): void => {
      connection.message = message;
      // Set before: an answer may be complete before exchange() returns.
      connection.running = idle;
      connection.running = exchange(site, message, res, { ...circumstances, closed: () => next(socket, connection) });
    };
    if (connection.running === undefined) return begin();
    connection.waiting.push(begin);
    if (connection.waiting.length >= pipelinedMax) socket.pause();
  };

  server.on('connection', (socket: Socket) => {
    connections.set(socket, { running: undefined, message: undefined, waiting: [], broken: false });
    socket.once('end', () => watchHalfClosed(socket, connections.get(socket)!));
  });
  server.on('request', serve);
  server.on('checkContinue', (message, res) => serve(message, res, { expectsContinue: true }));
  server.on('checkExpectation', (message, res) =>
    serve(message, res, { refused: failure('EXPECTATION_FAILED', { detail: message.headers.expect ?? '' }) }),
  );
  server.on('connect', (message: IncomingMessage, socket: Duplex) => {
    refuse(site, socket, failure('METHOD_UNKNOWN', { detail: 'CONNECT: this is no proxy' }), message);
  });
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    const connection = connections.get(socket);
    if (!socket.writable || connection === undefined || error.code === 'ECONNRESET' || error.code === 'EPIPE') return void socket.destroy();
    if (connection.broken) return;
    connection.broken = true;
    const inBody = connection.running !== undefined && connection.message?.complete === false;
    const why = parserFailure(error, inBody);
    if (inBody) return connection.running?.refuse(why);
    const answer = (): void => refuse(site, socket, why);
    if (connection.running === undefined) answer();
    else connection.waiting.push(answer);
  });
  return server;
};

const idle: RunningExchange = { refuse() {} };

const next = (socket: Socket, connection: Connection): void => {
  connection.running = undefined;
  connection.message = undefined;
  // RFC 9112 §9.6 — after an answer that closes, what follows on the connection is not processed.
  if (socket.destroyed || socket.writableEnded) {
    connection.waiting.length = 0;
    return;
  }
  connection.waiting.shift()?.();
  if (connection.waiting.length < pipelinedMax && socket.isPaused()) socket.resume();
};

/** FIN has come. A client that is gone answers our next bytes with a reset; one that only has said all takes them. */
const watchHalfClosed = (socket: Socket, connection: Connection): void => {
  const { bytesWritten } = socket;
  const timer = setTimeout(() => {
    if (connection.running !== undefined && socket.bytesWritten === bytesWritten) socket.destroy();
  }, halfClosedMs);
  socket.once('close', () => clearTimeout(timer));
};

// --- requests that are none -----------------------------------------------------------------------------------------

type ParserError = NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number; reason?: string };

const parserFailure = (error: ParserError, inBody: boolean): Failure => {
  const detail = error.reason ?? error.message;
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return failure('HEAD_TOO_LARGE', { detail: `more than ${requestHeadBytesMax} bytes` });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return failure('HEAD_TIMEOUT', { detail: `${requestHeadMs} ms` });
    case 'HPE_INVALID_VERSION':
      return failure(/ HTTP\/\d\.\d\r\n$/.test(brokenLine(error)) ? 'VERSION_UNSUPPORTED' : 'BAD_REQUEST', { detail });
    case 'HPE_INVALID_METHOD':
      return notHttp(brokenLine(error), detail);
    case 'HPE_INVALID_EOF_STATE':
      return failure(inBody ? 'BODY_CUT_SHORT' : 'BAD_REQUEST', { detail: 'the connection was closed in the middle of the request' });
    default:
      return failure('BAD_REQUEST', { detail: `${error.code ?? ''} ${detail}`.trim() });
  }
};

/** The line the parser stopped in, with its end. Another request may stand before and behind it. */
const brokenLine = ({ rawPacket, bytesParsed = 0 }: ParserError): string => {
  const packet = rawPacket?.toString('latin1') ?? '';
  const from = packet.lastIndexOf('\n', bytesParsed - 1) + 1;
  const end = packet.indexOf('\n', bytesParsed);
  return packet.slice(bytesParsed === 0 ? 0 : from, end < 0 ? undefined : end + 1);
};

/** A first byte of 0x16 is a TLS handshake: somebody typed https. */
const notHttp = (line: string, detail: string): Failure => {
  if (line.startsWith('\x16')) return failure('BAD_REQUEST', { detail: 'this is a TLS handshake on a plain port: say http, not https' });
  const looksLikeRequest = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40} [^ \r\n]+ HTTP\/\d/.test(line);
  return looksLikeRequest ? failure('METHOD_UNKNOWN', { detail }) : failure('BAD_REQUEST', { detail });
};

/** No message, so no response object: the answer is written by hand, and logged like any other. */
const refuse = (site: Site, socket: Duplex, why: Failure, message?: IncomingMessage): void => {
  const trace = new Trace();
  trace.failure = why;
  trace.method = message?.method ?? '-';
  trace.target = message?.url ?? '-';
  trace.protocol = 'HTTP/1.1';
  trace.client = (socket as Socket).remoteAddress ?? '-';
  trace.clientPort = (socket as Socket).remotePort ?? 0;
  const { status } = explain(why);
  trace.status = status;
  const page = failurePage(why, {
    accept: 'text/plain',
    acceptLanguage: undefined,
    path: trace.target,
    id: trace.id,
    details: seesDetails(site.settings.details, { socket: socket as Socket }),
  });
  const body = Buffer.from(page.body);
  trace.bytesOut = body.length;
  const fields = [
    `Content-Type: ${page.type}`,
    `Content-Length: ${body.length}`,
    `Date: ${new Date(trace.at).toUTCString()}`,
    `Server: ${site.software}`,
  ];
  for (let i = 0; i + 1 < pageHeaders.length; i += 2) fields.push(`${pageHeaders[i]}: ${pageHeaders[i + 1]}`);
  socket.on('error', () => {});
  socket.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('\r\n')}\r\nConnection: close\r\n\r\n`), body]),
  );
  // Closing on bytes that were not read would reset the connection under the answer.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('end', () => socket.destroy());
  socket.once('close', () => {
    clearTimeout(timer);
    report(site, trace);
  });
};
