/**
 * The carrier of FastCGI, SCGI and uwsgi: the way of one request to a program that runs already. The wire's codec turns it into bytes
 * and bytes into an answer; this file only moves them.
 *
 *   open ──▶ an address (balance) ──▶ a line, kept or dialled (lines) ──▶ asking.opening, body … ──▶
 *        ◀── output, errors, the end ◀── reader.push ◀── bytes
 *
 * Full duplex: a program may answer before it has read (FastCGI §6.2), so nothing here waits for one side before it serves the other.
 */
import { type Failure, failure, isFailure } from '../failures.js';
import { type Member, Roster } from '../roster.js';
import type { Written } from '../spent.js';
import { now } from '../trace/trace.js';
import type { GatewayRequest } from '../types.js';
import type { Asking } from '../wire/wire.js';
import type { Address } from './address.js';
import { type BalanceOptions, balance, type Peer } from './balance.js';
import type { Carrier, Channel, ChannelEvents } from './channel.js';
import { begin, drop, type Line, type LineOptions, type LineUser, linesTo } from './lines.js';
import { probing } from './probe.js';

export interface DialOptions extends LineOptions, Omit<BalanceOptions<Address>, 'probed'> {
  readonly addresses: readonly Address[];
  /** To a connection, over all attempts; 0: the system's own patience. */
  readonly connectMs: number;
  /** Bytes written ahead of a program that reads slowly. */
  readonly writeAheadBytes: number;
  /** Addresses without a request are connected to so often; 0: never. */
  readonly probeMs: number;
}

/** Where a request is: at an address, on its way or there; and then no more. */
type Stage =
  | { readonly kind: 'dialling'; readonly peer: Peer<Address>; readonly giveUp: () => void }
  | { readonly kind: 'talking'; readonly peer: Peer<Address>; readonly line: Line; readonly asking: Asking }
  | { readonly kind: 'over' };

const over: Stage = { kind: 'over' };

export interface DialCarrier extends Carrier {
  /** Requests on their way. */
  busy(): number;
  /** Requests to one of its addresses that went well, in all. */
  served(address: Address): number;
}

export const dialCarrier = (options: DialOptions): DialCarrier => {
  const { wire, connectMs, probeMs, writeAheadBytes } = options;
  const peers = balance(options.addresses, { ...options, probed: probeMs > 0 });
  const lines = linesTo(options.addresses, options);
  const running = new Roster<Channel & Member>();
  const endProbing = probeMs > 0 ? probing(peers, probeMs, connectMs) : () => {};
  const patience = (): number => (connectMs > 0 ? now() + connectMs : Number.POSITIVE_INFINITY);

  const open = (request: GatewayRequest, events: ChannelEvents): void => {
    let stage: Stage = over;
    let untilMs = patience();
    let tried: readonly Peer<Address>[] = [];
    let lastErrno = '';
    let opened = false;
    let bodySaid = false;

    // --- to a line ---------------------------------------------------------------------------------------------

    const seek = (): void => {
      const atMs = now();
      const peer = atMs < untilMs ? peers.take(atMs, tried) : undefined;
      if (peer === undefined) return fail(unreachable(tried, lastErrno));
      const kept = lines.takeKept(peer.address);
      if (kept) ask(peer, kept);
      else dial(peer);
    };
    const dial = (peer: Peer<Address>): void => {
      const giveUp = lines.dial(peer.address, untilMs, (result) => {
        if (typeof result !== 'string') return ask(peer, result);
        // Nothing was sent: another address may have it.
        lastErrno = result;
        tried = [...tried, peer];
        peers.give(peer, false, now(), result);
        stage = over;
        seek();
      });
      stage = { kind: 'dialling', peer, giveUp };
    };
    const ask = (peer: Peer<Address>, line: Line): void => {
      const asking = wire.ask(request.meta, line.turns);
      // The wire cannot carry it, or the client left while we dialled: the program is asked nothing.
      if (isFailure(asking) || !events.wanted()) {
        stage = over;
        lines.keep(line);
        if (isFailure(asking)) events.failed(asking);
        return finish(peer, undefined);
      }
      stage = { kind: 'talking', peer, line, asking };
      begin(line, user);
      if (request.body === undefined) {
        // All there is to say, in one write. Only such a request is asked again.
        bodySaid = true;
        say(line, [Buffer.concat([asking.opening, ...asking.bodyEnd()])]);
        if (opened) return;
      } else {
        // Together with the first piece of the body.
        line.socket.cork();
        process.nextTick(() => line.socket.uncork());
        say(line, [asking.opening]);
      }
      opened = true;
      events.opened(channel);
    };

    // --- on the line -------------------------------------------------------------------------------------------

    const say = ({ socket }: Line, pieces: readonly Buffer[], written?: Written): void => {
      if (socket.destroyed) return;
      const last = pieces.length - 1;
      if (last > 0) socket.cork();
      for (let i = 0; i <= last; i++) {
        events.sent(pieces[i]!);
        socket.write(pieces[i]!, i === last ? written : undefined);
      }
      if (last > 0) socket.uncork();
    };
    const user: LineUser = {
      received: (bytes) => events.received(bytes),
      drain: () => events.drain(),
      told(told) {
        switch (told.kind) {
          case 'output':
            return events.output(told.bytes);
          case 'errors':
            return events.errors(told.bytes);
          case 'ended':
            return succeed(told.appStatus);
          case 'failed':
            return broke(told.why);
        }
      },
      ended: (errno) => broke(failure('WIRE_TRUNCATED', { detail: errno ?? 'the connection ended' })),
    };
    const broke = (why: Failure): void => {
      if (stage.kind !== 'talking') return;
      const { peer, line } = stage;
      if (!mayAskAgain(request, line, why)) return fail(why, isRefusal(why));
      drop(line);
      events.noted(`asked again: ${peer.address.text} had closed the kept connection`);
      untilMs = patience();
      dial(peer);
    };

    // --- how it ends: whatever calls us back in between finds it over ------------------------------------------

    const succeed = (appStatus: number | undefined): void => {
      if (stage.kind !== 'talking') return;
      const { peer, line } = stage;
      stage = over;
      // A program that answers before it has read leaves the rest of the body unsaid: the next request would follow half of it.
      if (bodySaid) lines.keep(line);
      else drop(line);
      tellEnd(appStatus);
      finish(peer, true);
    };
    /** `well`: the address is, though it failed this request. */
    const fail = (why: Failure, well = false): void => {
      const peer = stage.kind === 'over' ? undefined : stage.peer;
      if (stage.kind === 'talking') drop(stage.line);
      stage = over;
      // The answer was whole by its length, or nobody waits for it any more: how the connection ends says nothing of it.
      if (opened && !events.wanted()) {
        events.noted(`${why.code} when the answer was over`);
        tellEnd(undefined);
        return finish(peer, undefined);
      }
      events.failed(why);
      finish(peer, well, why.code);
    };
    const stop = (): void => {
      const was = stage;
      if (was.kind === 'over') return;
      stage = over;
      if (was.kind === 'dialling') was.giveUp();
      else {
        const { line, asking } = was;
        line.user = undefined;
        // FastCGI §5.4: the program is told, and then the line is closed; whoever does not multiplex understands one of the two.
        const abort = asking.abort();
        if (abort) say(line, [abort]);
        lines.hangUp(line);
      }
      tellEnd(undefined);
      finish(was.peer, undefined);
    };
    const tellEnd = (appStatus: number | undefined): void => {
      events.outputEnd();
      events.exited(appStatus, undefined, undefined);
    };
    /** `well`: what this says of the address; undefined: nothing. */
    const finish = (peer: Peer<Address> | undefined, well: boolean | undefined, why?: string): void => {
      if (peer) peers.give(peer, well, now(), why);
      running.remove(channel);
      events.over();
    };

    const channel: Channel & Member = {
      place: -1,
      pid: undefined,
      write(piece, written) {
        if (stage.kind === 'talking') say(stage.line, stage.asking.body(piece), written);
        return stage.kind !== 'talking' || stage.line.socket.writableLength < writeAheadBytes;
      },
      end() {
        if (bodySaid) return;
        bodySaid = true;
        if (stage.kind === 'talking') say(stage.line, stage.asking.bodyEnd());
      },
      pause: () => void (stage.kind === 'talking' && stage.line.socket.pause()),
      resume: () => void (stage.kind === 'talking' && stage.line.socket.resume()),
      hangUp: stop,
      stop,
    };
    running.add(channel);
    seek();
  };

  return {
    takesFiles: false,
    open,
    busy: () => running.size,
    served: (address) => peers.peers.find((peer) => peer.address === address)?.served ?? 0,
    async close() {
      endProbing();
      running.forEach((channel) => void channel.stop());
      lines.close();
    },
  };
};

/**
 * A kept connection may have been closed by the other side just as we took it. Where no byte of an answer has come, nothing was
 * uploaded and the method may be repeated (RFC 9110 §9.2.2), the request is sent once more, on a fresh connection.
 */
const mayAskAgain = ({ body, meta }: GatewayRequest, line: Line, why: Failure): boolean =>
  why.code === 'WIRE_TRUNCATED' &&
  line.kept &&
  !line.heard &&
  body === undefined &&
  ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].includes(meta.get('REQUEST_METHOD') ?? '');

/** The program is well and says no: its address stays in rotation. */
const isRefusal = ({ code }: Failure): boolean =>
  code === 'WIRE_OVERLOADED' || code === 'WIRE_CANT_MULTIPLEX' || code === 'WIRE_UNKNOWN_ROLE';

const unreachable = (tried: readonly Peer<Address>[], errno: string): Failure => {
  const where = tried.map(({ address }) => address.text).join(', ');
  return failure(errno === 'ETIMEDOUT' ? 'PEER_TIMEOUT' : 'PEER_UNREACHABLE', { detail: `${errno}: ${where}` });
};
