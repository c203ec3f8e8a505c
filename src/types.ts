/**
 * The nouns. Every other file speaks of a request in these words, which are RFC 3875's wherever it has one.
 *
 *   HttpRequest  → Route → GatewayRequest → Gateway.call → ReplySink → HTTP answer
 *
 * Read next: exchange.ts, where they meet.
 */
import type { Failure } from './failures.js';
import type { Written } from './spent.js';
import type { Trace } from './trace/trace.js';

/** Header fields as they came: name, value, name, value. Bytes above 0x7F are one character each (ISO-8859-1). */
export type RawHeaders = readonly string[];

/** One end of a TCP connection. IPv6 without brackets, IPv4-mapped addresses as plain IPv4. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A request as the client said it, before anyone has judged what it is for. */
export interface HttpRequest {
  readonly method: string;
  /** The request target as sent: `/cgi-bin/a.py/x?y=1`. */
  readonly target: string;
  /** The target's path, still percent-encoded; begins with `/`. */
  readonly path: string;
  /** What follows the first `?`, as sent; `''` when nothing does. */
  readonly query: string;
  /** `HTTP/1.0` or `HTTP/1.1`. */
  readonly protocol: string;
  readonly headers: RawHeaders;
  /** `example.org:8000`, from the target or the Host field; undefined when HTTP/1.0 named none. */
  readonly authority: string | undefined;
  readonly scheme: 'http' | 'https';
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** RFC 3875 §4.1: what the server tells the program about the request. Ordered, for display. */
export type MetaVariables = ReadonlyMap<string, string>;

/**
 * The request's body, pulled by whoever feeds the program.
 * `bytes` is exact, or undefined when only the end will tell (`--chunked stream`).
 */
export interface RequestBody {
  readonly bytes: number | undefined;
  /** A file descriptor that holds the whole body from offset 0 (a spooled upload), for programs that can read it directly. */
  readonly fd?: number;
  /** Starts the flow; pieces arrive until `end` or `fail`, one of them, once. */
  read(sink: BodySink): void;
  pause(): void;
  resume(): void;
  /** Nobody wants the rest. */
  discard(): void;
}

export interface BodySink {
  /** `written`, where given, wants to be told when the piece is out: it is not to be looked at any more. */
  piece(bytes: Buffer, written?: Written): void;
  end(): void;
  fail(failure: Failure): void;
}

/** The program that answers, found on disk. */
export interface Script {
  /** Absolute real path; the mount's own path where a program answers for all of it. */
  readonly file: string;
  /** What is executed: the file itself, or the interpreter mapped to its extension. `''` where a program runs already. */
  readonly program: string;
  /** The arguments after argv[0]. */
  readonly args: readonly string[];
  /** RFC 3875 §7.2: the script's own directory. */
  readonly cwd: string;
  /** RFC 3875 §5: the name begins with `nph-`; its output is the HTTP response itself. */
  readonly nph: boolean;
}

/** What a gateway is asked. */
export interface GatewayRequest {
  readonly script: Script;
  readonly meta: MetaVariables;
  readonly body: RequestBody | undefined;
  /** RFC 3875 §4.3.3: a HEAD request's answer has no body. */
  readonly head: boolean;
  /** The request that `meta` was made of, for who shows how; absent where a program is asked for the server's own sake. */
  readonly asked?: HttpRequest | undefined;
}

/** RFC 3875 §6.2: the four answers a script may give; §5: the one it gives unparsed. */
export type ReplyKind = 'document' | 'local-redirect' | 'client-redirect' | 'client-redirect-document' | 'nph';

export interface ReplyHead {
  readonly kind: ReplyKind;
  readonly status: number;
  /** The words after the status code; `''` when the script gave none. */
  readonly reason: string;
  /** Name, value, …; judged and safe to send. CGI fields (Status) are gone. */
  readonly headers: string[];
  /** What the script's Content-Length promised, in bytes; undefined when it promised nothing. */
  readonly contentLength: number | undefined;
  /** RFC 3875 §6.2.2: path and query of a local redirect. */
  readonly location: string | undefined;
}

/** Where a gateway pushes the answer: head once, then pieces, then `end` or `fail`, one of them, once; last of all `over`. */
export interface ReplySink {
  head(head: ReplyHead): void;
  /** False: full. Push no more until `Call.resume()`. The piece is the sink's from now on: a large one is emptied when it is sent. */
  body(piece: Buffer): boolean;
  end(): void;
  fail(failure: Failure): void;
  /** The program is gone and its account complete. Always comes, also after `Call.abort()`. */
  over(): void;
}

/** One request on its way through a gateway. */
export interface Call {
  /** The sink has room again. */
  resume(): void;
  /** Nobody wants the answer any more: stop the program, say why in the trace. */
  abort(why: Failure): void;
}

/** The one narrow type. CGI, FastCGI, SCGI, uwsgi, WSGI, ASGI, and a test's stub. */
export interface Gateway {
  readonly name: string;
  call(request: GatewayRequest, sink: ReplySink, trace: Trace): Call;
  /** Lets running calls end for `graceMs`, then ends them. Resolves when no child is left. */
  close(graceMs: number): Promise<void>;
}
