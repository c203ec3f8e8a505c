/**
 * The last room: what a gateway pushes becomes an HTTP answer. Framing, Connection, Date and Server are ours; status, fields
 * and body are the script's. Where an answer cannot be finished it is broken off, never ended as if it were whole
 * (RFC 9112 §8): a client must be able to tell.
 */
import { type IncomingMessage, OutgoingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { explain, type Failure, failure } from '../failures.js';
import { clientStallMs, heldBytesMax, lingerBytesMax, lingerMs, retryAfterSeconds, sendAheadBytesMax, spentBytesMin } from '../limits.js';
import { hasNoBody } from '../script/reply.js';
import { freeWhenWritten } from '../spent.js';
import type { KernelAccount, Trace } from '../trace/trace.js';
import type { Call, MetaVariables, ReplyHead, ReplySink } from '../types.js';
import { announcesBody } from './body.js';
import { failurePage, pageHeaders } from './page.js';

export interface AnswerOptions {
  readonly software: string;
  /** For WWW-Authenticate of a 401. */
  readonly challenge: string | undefined;
  /** Evidence on failure pages, and Server-Timing. */
  readonly details: () => boolean;
  /** What a failure page says of the script: the command that runs it again, and what it was told. */
  readonly about: () => { readonly rerun?: string; readonly environment?: MetaVariables };
  /** The connection is done with, whole or not. Called once. */
  readonly closed: () => void;
}

export interface Answer extends ReplySink {
  /** Whom to tell when there is room again, or nobody to send to. */
  serve(call: Call): void;
  /** The request itself turned out broken: nothing more of it is read. */
  refuse(why: Failure): void;
  /** A page of our own; its length is added. No type, no body. */
  page(status: number, type: string, body: string, extra?: readonly string[]): void;
  /** Somebody else writes the response: sirv. */
  readonly raw: ServerResponse;
  /** The head is on its way; a failure from now on can only break off. */
  begun(): boolean;
}

export const answerTo = (message: IncomingMessage, res: ServerResponse, trace: Trace, options: AnswerOptions): Answer => {
  let call: Call | undefined;
  let nph: Socket | undefined;
  let begun = false;
  let ended = false;
  let closed = false;
  let trailers = false;
  let bodyless = false;
  let delimitedByClose = false;
  let stall: NodeJS.Timeout | undefined;

  const gone = (): void => {
    if (closed) return;
    closed = true;
    clearTimeout(stall);
    if (trace.status === 0 && res.headersSent) trace.status = res.statusCode; // sirv's
    if (!ended && !res.writableFinished) {
      const why = failure('CLIENT_GONE');
      trace.failure ??= why;
      call?.abort(why);
    }
    options.closed();
  };
  res.on('close', gone);
  res.on('error', () => {});
  // RFC 9112 §6.1: HTTP/1.0 has no transfer codings; where such a request ends is anybody's guess, and nothing may follow it.
  if (message.httpVersion === '1.0' && message.headers['transfer-encoding'] !== undefined) res.shouldKeepAlive = false;
  const roomAgain = (): void => {
    clearTimeout(stall);
    call?.resume();
  };
  res.on('drain', roomAgain);
  /** Node's own mark is lower than one piece of ours: it would pause the script at each. */
  const hasRoom = (): boolean => res.writableLength < sendAheadBytesMax;
  const waitForRoom = (): false => {
    clearTimeout(stall);
    stall = setTimeout(() => {
      call?.abort(failure('CLIENT_STALLED', { detail: `${clientStallMs} ms` }));
      breakOff();
    }, clientStallMs);
    return false;
  };

  /** No clean end: no last chunk, too few bytes, or, where only the close would tell, a reset. */
  const breakOff = (): void => {
    ended = true;
    const socket = nph ?? res.socket;
    if (!socket) return void res.destroy();
    const cut = (): void => void (delimitedByClose ? socket.resetAndDestroy() : socket.destroy());
    // What the script did print still goes out; Node holds a tick's writes back to send them together.
    setImmediate(() => {
      if (socket.writableLength === 0) return cut();
      socket.once('drain', cut);
      setTimeout(cut, lingerMs).unref();
    });
  };

  /**
   * What is left of an upload nobody wanted is read and thrown away beside the answer: to close on unread bytes would reset the
   * connection under it. Bounded; beyond the bound the connection goes.
   */
  const linger = (): void => {
    const { socket } = message;
    if (message.complete || !announcesBody(message) || socket.destroyed) return;
    let bytes = 0;
    let closing = false;
    // Node destroys the socket as soon as a last answer is flushed. FIN is sent at once, and what still comes is waited for.
    socket.destroySoon = () => {
      closing = true;
      socket.end();
    };
    const settle = (): void => {
      clearTimeout(timer);
      Reflect.deleteProperty(socket, 'destroySoon');
      if (closing || !message.complete) socket.destroySoon();
    };
    const timer = setTimeout(settle, lingerMs);
    message.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > lingerBytesMax) settle();
    });
    message.once('end', settle);
    socket.once('end', settle);
    socket.once('close', settle);
    message.resume();
  };

  const writeHead = (status: number, reason: string, headers: string[]): void => {
    begun = true;
    trace.status = status;
    headers.push('Server', options.software);
    // Node 20 keeps one of several equal names when anything was set before (Express sets X-Powered-By); so they are added singly.
    const list = res.getHeaderNames().length > 0 ? [] : headers;
    if (list !== headers) addSingly(res, headers);
    if (reason === '') res.writeHead(status, list);
    else res.writeHead(status, reason, list);
  };

  // Whoever has wrapped the response, to compress it, may keep what it is given.
  const isOurs = res.write === OutgoingMessage.prototype.write;
  const send = (piece: Buffer): void => void (isOurs ? res.write(piece, freeWhenWritten(piece)) : res.write(piece));

  /**
   * What comes in one turn of the event loop travels together: most answers are whole by then, and go out in one write with
   * their length known. What a script prints and then goes on thinking waits for no more than the end of the turn.
   */
  let held: { readonly head: ReplyHead; readonly pieces: Buffer[]; bytes: number } | undefined;

  const sendHeld = (whole: boolean): void => {
    if (held === undefined) return;
    const { head, pieces, bytes } = held;
    held = undefined;
    const { headers } = head;
    const length = lengthToSend(head) ?? (whole && !bodyless ? bytes : undefined);
    if (length !== undefined) headers.push('Content-Length', String(length));
    const chunked = !bodyless && length === undefined && message.httpVersion === '1.1';
    delimitedByClose = !bodyless && length === undefined && !chunked;
    if (options.details()) {
      headers.push('Server-Timing', serverTiming(trace, whole ? 'all' : 'head'));
      trailers = chunked && /(^|,)\s*trailers\s*(,|;|$)/i.test(String(message.headers.te ?? ''));
      if (trailers) headers.push('Trailer', 'Server-Timing');
    }
    try {
      writeHead(head.status, head.reason, headers);
    } catch (error) {
      // Who mounted us has answered already. Nobody above us would catch this: the turn of the request is long over.
      trace.failure ??= failure('SERVER_ERROR', { detail: String(error) });
      breakOff();
      return;
    }
    trace.bytesOut += bytes;
    if (whole) {
      // Nothing, not even of no length: a server may forbid bodies where none belongs (rejectNonStandardBodyWrites).
      const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      if (bytes === 0) res.end();
      // As text of single bytes Node joins it to the head, and writes once what would be two pieces.
      else if (bytes < spentBytesMin) res.end(body.toString('latin1'), 'latin1');
      else res.end(body);
      return;
    }
    // flushHeaders() would write the head as UTF-8; beside a Buffer it goes out as the bytes it is.
    if (bytes === 0 && !bodyless) res.write(nothing);
    for (const piece of pieces) send(piece);
  };
  const turnIsOver = (): void => {
    if (closed) return;
    sendHeld(false);
    if (!hasRoom()) waitForRoom();
  };

  const answer: Answer = {
    raw: res,
    begun: () => begun || res.headersSent,
    serve(next) {
      call = next;
      if (closed) next.abort(failure('CLIENT_GONE'));
    },
    head(head) {
      if (closed) return;
      if (head.kind === 'nph') {
        begun = true;
        delimitedByClose = true;
        trace.status = 200;
        nph = takeOver(res, roomAgain);
        return;
      }
      bodyless = message.method === 'HEAD' || hasNoBody(head.status);
      held = { head, pieces: [], bytes: 0 };
      setImmediate(turnIsOver);
    },
    body(piece) {
      if (closed) return true;
      if (nph) {
        if (trace.bytesOut === 0) trace.status = nphStatus(piece);
        trace.bytesOut += piece.length;
        nph.write(piece);
        return nph.writableLength < sendAheadBytesMax || waitForRoom();
      }
      if (bodyless) return true;
      if (held) {
        held.pieces.push(piece);
        held.bytes += piece.length;
        if (held.bytes >= heldBytesMax) sendHeld(false);
        return hasRoom() || waitForRoom();
      }
      trace.bytesOut += piece.length;
      send(piece);
      return hasRoom() || waitForRoom();
    },
    end() {
      if (closed || ended) return;
      ended = true;
      clearTimeout(stall);
      // Nobody waits for room any more; Node destroys a socket on which nothing moves for so long.
      message.socket.setTimeout(clientStallMs);
      linger();
      if (nph) return void nph.end(() => nph?.destroySoon());
      if (held) return sendHeld(true);
      if (trailers) res.addTrailers({ 'Server-Timing': serverTiming(trace, 'tail') });
      res.end();
    },
    fail(why) {
      trace.failure ??= why;
      if (closed) return;
      held = undefined;
      if (answer.begun()) {
        if (!ended) breakOff();
        return;
      }
      const { status } = explain(why);
      if (status === 0) return breakOff();
      const extra = [...pageHeaders];
      if (status === 401 && options.challenge !== undefined) extra.push('WWW-Authenticate', options.challenge);
      if (status === 405) extra.push('Allow', 'GET, HEAD');
      if (status === 503) extra.push('Retry-After', String(retryAfterSeconds));
      const page = failurePage(why, {
        accept: message.headers.accept,
        acceptLanguage: message.headers['accept-language'],
        path: trace.target,
        id: trace.id,
        details: options.details(),
        ...options.about(),
      });
      extra.push('Content-Language', page.language, 'Vary', 'Accept, Accept-Language');
      answer.page(status, page.type, page.body, extra);
    },
    refuse(why) {
      answer.fail(why);
      call?.abort(why);
    },
    page(status, type, body, extra = []) {
      if (closed || begun) return;
      ended = true;
      const bytes = Buffer.from(body);
      const headers = [...extra];
      if (status !== 204) headers.push('Content-Length', String(bytes.length));
      if (bytes.length > 0) headers.push('Content-Type', type);
      // While the head is all that was read, `complete` is false even of a request without a body.
      if (!message.complete && announcesBody(message)) headers.push('Connection', 'close');
      writeHead(status, '', headers);
      if (message.method !== 'HEAD') {
        trace.bytesOut += bytes.length;
        res.write(bytes);
      }
      linger();
      res.end();
    },
    over() {},
  };
  return answer;
};

/** RFC 9110 §8.6: a 204 has none. A client reads a body after a 205 (§15.3.6), so that one says 0. */
const lengthToSend = (head: ReplyHead): number | undefined => {
  if (head.status === 204) return undefined;
  return head.status === 205 ? 0 : head.contentLength;
};

/** What was set before under the same name gives way: the script's word is the last. */
const addSingly = (res: ServerResponse, headers: readonly string[]): void => {
  for (let i = 0; i < headers.length; i += 2) res.removeHeader(headers[i]!);
  for (let i = 0; i + 1 < headers.length; i += 2) res.appendHeader(headers[i]!, headers[i + 1]!);
};

/** The bare connection, for an NPH script. Nothing of ours follows on it (RFC 3875 §5.2). */
const takeOver = (res: ServerResponse, drained: () => void): Socket | undefined => {
  const socket = res.socket ?? undefined;
  socket?.on('drain', drained);
  return socket;
};

const nothing = Buffer.alloc(0);

/** For the log alone; the bytes go out as they are. Interim answers (1xx) are stepped over. */
const nphStatus = (first: Buffer): number => {
  for (const [, code] of first.toString('latin1').matchAll(/^HTTP\/1\.[01] (\d{3})/gm)) if (!code!.startsWith('1')) return Number(code);
  return 200;
};

/**
 * Server-Timing (W3C): names as in the trace, `dur` in milliseconds; a phase that was not measured is not named. What is known when
 * the head goes out stands in the head (`all` of it, when the answer is whole by then), the rest in a trailer.
 */
const serverTiming = (trace: Trace, part: 'head' | 'tail' | 'all'): string => {
  const { authorize, queue, spawn, dial, wait, head, body, exit } = trace.phases;
  let text = '';
  const add = (metric: string): void => {
    text += text === '' ? metric : `, ${metric}`;
  };
  const addPhase = (name: string, ms: number | undefined, meaning = ''): void => {
    if (ms !== undefined) add(`${name};dur=${ms.toFixed(2)}${meaning}`);
  };
  if (part !== 'tail') {
    addPhase('authorize', authorize);
    addPhase('queue', queue);
    addPhase('spawn', spawn, ';desc="fork+exec"');
    addPhase('dial', dial, ';desc="connect"');
    addPhase('wait', wait, dial === undefined ? ';desc="exec to first byte"' : ';desc="sent to first byte"');
    addPhase('head', head);
  }
  if (part === 'head') return text;
  addPhase('body', body);
  addPhase('exit', exit);
  if (exit !== undefined) add(accountMetrics(trace.account));
  return text;
};

/** The kernel's account of the child. What is not known is said to be so: a zero would be a measurement. */
const accountMetrics = (account: KernelAccount | undefined): string => {
  if (account === undefined) return 'kernel;desc="not available"';
  const { userMs, systemMs, peakRssKib, minorFaults, majorFaults, voluntarySwitches, involuntarySwitches } = account;
  const memory = peakRssKib === undefined ? 'not available' : `${peakRssKib} KiB`;
  return (
    `user;dur=${userMs.toFixed(2)}, system;dur=${systemMs.toFixed(2)}, rss;desc="${memory}", ` +
    `faults;desc="${minorFaults} minor, ${majorFaults} major", ` +
    `switches;desc="${voluntarySwitches} voluntary, ${involuntarySwitches} involuntary"`
  );
};
