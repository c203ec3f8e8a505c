/**
 * The gateway without a server: routing, variables, process and parser are the server's own; only the socket is missing. `run`
 * shows one such exchange, `time` measures many.
 *
 *   asked.ts → route → script/meta → gateway.call → script/reply → whoever asked
 */
import type { Carrier, ChannelEvents } from '../carrier/channel.js';
import { gatewayRequest } from '../exchange.js';
import { type Failure, failure, isFailure } from '../failures.js';
import { createCgiGateway } from '../gateway/catalog.js';
import { destinationOf } from '../route/destination.js';
import type { CgiOptions } from '../settings.js';
import { openSite, prefixSegments, type Site } from '../site.js';
import { type Exchange, now, Trace } from '../trace/trace.js';
import type { Gateway, GatewayRequest, HttpRequest, ReplyHead, RequestBody } from '../types.js';
import { askingTheCore } from './server-options.js';

export interface Alone {
  readonly site: Site;
  /** Never rejects for what a script does: a failure is told in the answer. `tap` sees the bytes as they pass. */
  ask(request: HttpRequest, data: Buffer | undefined, tap?: Tap): Promise<Told>;
  /** Ends what runs; resolves when no child is left. */
  close(): Promise<void>;
}

export interface Tap {
  output(piece: Buffer): void;
  errors(piece: Buffer): void;
}

/** What became of one exchange. */
export interface Told {
  /** undefined: it was not found fit to start. */
  readonly asked: GatewayRequest | undefined;
  readonly head: ReplyHead | undefined;
  readonly failure: Failure | undefined;
  readonly exchange: Exchange;
  /** exec → end of output, in milliseconds: known also of a program that printed nothing. */
  readonly ranMs: number | undefined;
}

/** `root` is the script directory. Throws a Mistake when an option cannot be used. */
export const openAlone = (root: string, options: CgiOptions): Alone => {
  const site = askingTheCore(() => openSite({ ...options, dir: root }));
  const { settings } = site;
  const watched = new Map<GatewayRequest, Watched>();
  const gateway = createCgiGateway(settings, (carrier) => tapped(carrier, watched));
  const mount = { ...site.route.mounts[0]!, prefix: prefixSegments(settings.prefix), gateway };
  const route = { ...site.route, mounts: [mount], publicRoot: undefined };

  return {
    site,
    async ask(request, data, tap) {
      const trace = new Trace();
      trace.method = request.method;
      trace.target = request.target;
      trace.protocol = request.protocol;
      trace.client = request.client.address;
      const asked = prepare(request, data, site, route, trace);
      if (isFailure(asked)) {
        trace.failure = asked;
        return { asked: undefined, head: undefined, failure: asked, exchange: trace.finished(), ranMs: undefined };
      }
      const seen: Watched = { tap, openedMs: undefined, ranMs: undefined };
      watched.set(asked, seen);
      const { head, why } = await converse(asked, gateway, trace);
      watched.delete(asked);
      trace.failure = why;
      return { asked, head, failure: why, exchange: trace.finished(), ranMs: seen.ranMs };
    },
    async close() {
      await Promise.all([gateway, ...site.gateways].map((each) => each.close(0)));
    },
  };
};

/** What the gateway is asked, or why nothing can be. */
const prepare = (
  request: HttpRequest,
  data: Buffer | undefined,
  site: Site,
  route: Site['route'],
  trace: Trace,
): GatewayRequest | Failure => {
  const to = destinationOf(request, route);
  if (isFailure(to)) return to;
  if (to.to !== 'script') return failure('NOT_FOUND', { detail: `${request.target} leads to no script` });
  return gatewayRequest(site, request, to, data === undefined ? undefined : bodyOf(data), data?.length, trace);
};

const converse = (
  asked: GatewayRequest,
  gateway: Gateway,
  trace: Trace,
): Promise<{ head: ReplyHead | undefined; why: Failure | undefined }> =>
  new Promise((done) => {
    let head: ReplyHead | undefined;
    let why: Failure | undefined;
    gateway.call(
      asked,
      {
        head(found) {
          head = found;
          trace.status = found.status;
        },
        body(piece) {
          trace.bytesOut += piece.length;
          return true;
        },
        end() {},
        fail(reason) {
          why = reason;
        },
        over() {
          done({ head, why: why ?? trace.failure });
        },
      },
      trace,
    );
  });

export const bodyOf = (data: Buffer): RequestBody => ({
  bytes: data.length,
  read(sink) {
    if (data.length > 0) sink.piece(data);
    sink.end();
  },
  pause() {},
  resume() {},
  discard() {},
});

interface Watched {
  readonly tap: Tap | undefined;
  openedMs: number | undefined;
  ranMs: number | undefined;
}

/** Observing is wrapping: the carrier goes on as it is, and what flows through is told. */
const tapped = (carrier: Carrier, watched: ReadonlyMap<GatewayRequest, Watched>): Carrier => ({
  takesFiles: carrier.takesFiles,
  open(request, events, trace) {
    const seen = watched.get(request);
    if (seen === undefined) return carrier.open(request, events, trace);
    const told: ChannelEvents = {
      ...events,
      opened(channel) {
        seen.openedMs = now();
        events.opened(channel);
      },
      output(piece) {
        seen.tap?.output(piece);
        events.output(piece);
      },
      outputEnd() {
        if (seen.openedMs !== undefined) seen.ranMs = now() - seen.openedMs;
        events.outputEnd();
      },
      errors(piece) {
        seen.tap?.errors(piece);
        events.errors(piece);
      },
    };
    carrier.open(request, told, trace);
  },
  close: () => carrier.close(),
});
