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
import { queueMs } from '../limits.js';
import { type Member, Roster } from '../roster.js';
import type { Written } from '../spent.js';
import { now, type Trace } from '../trace/trace.js';
import type { GatewayRequest } from '../types.js';
import type { Asking } from '../wire/wire.js';
import type { Address } from './address.js';
import type { Peer, Peers } from './balance.js';
import type { Carrier, Channel, ChannelEvents } from './channel.js';
import { begin, drop, type Line, type LineOptions, type LineUser, linesTo } from './lines.js';

export interface DialOptions extends LineOptions {
  readonly peers: Peers<Address>;
  /** To a connection, over all attempts; 0: the system's own patience. */
  readonly connectMs: number;
  /** Bytes written ahead of a program that reads slowly. */
  readonly writeAheadBytes: number;
  /**
   * The peers are workers of ours. One whose client has left has that request until it says something, or ends: till then it cannot serve
   * another one. And what one of them took with it unanswered is asked again, once, of the next.
   */
  readonly ours: boolean;
}

/** Where a request is: before there is an address, on its way to one, or there; and then no more. */
type Stage =
  | { readonly kind: 'waiting'; readonly giveUp: () => void }
  | { readonly kind: 'dialling'; readonly peer: Peer<Address>; readonly giveUp: () => void }
  | { readonly kind: 'talking'; readonly peer: Peer<Address>; readonly line: Line; readonly asking: Asking }
  | { readonly kind: 'over' };

const over: Stage = { kind: 'over' };

export interface DialCarrier extends Carrier {
  /** Nobody will be asked there again. */
  forget(address: Address): void;
}

export const dialCarrier = (options: DialOptions): DialCarrier => {
  const { wire, peers, connectMs, writeAheadBytes, ours } = options;
  const lines = linesTo(options);
  const running = new Roster<Channel & Member>();
  const patience = (): number => (connectMs > 0 ? now() + connectMs : Number.POSITIVE_INFINITY);

  const open = (request: GatewayRequest, events: ChannelEvents, trace: Trace): void => {
    let stage: Stage = over;
    let untilMs = patience();
    let tried: readonly Peer<Address>[] = [];
    let lastErrno = '';
    let opened = false;
    let bodySaid = false;
    let askedAgain = false;
    /** The variables of a request whose body follows. */
    let unsaid: Buffer | undefined;

    // --- to a line ---------------------------------------------------------------------------------------------

    const seek = (): void => {
      const atMs = now();
      const peer = atMs < untilMs ? peers.take(atMs, tried, trace) : undefined;
      if (peer === undefined) return atMs < untilMs ? wait() : fail(unreachable(tried, lastErrno));
      const kept = lines.takeKept(peer.address);
      if (kept) ask(peer, kept);
      else dial(peer);
    };
    /** Nothing was sent, so that whoever comes next may have it. */
    const wait = (): void => {
      const leave = peers.whenReady?.(() => {
        clearTimeout(clock);
        stage = over;
        tried = [];
        untilMs = patience();
        seek();
      });
      if (leave === undefined) return fail(unreachable(tried, lastErrno));
      const giveUp = (): void => {
        clearTimeout(clock);
        leave();
      };
      const clock = setTimeout(() => {
        leave();
        fail(unreachable(tried, lastErrno));
      }, queueMs);
      stage = { kind: 'waiting', giveUp };
    };
    const dial = (peer: Peer<Address>): void => {
      const giveUp = lines.dial(peer.address, untilMs, (result) => {
        if (typeof result !== 'string') return ask(peer, result);
        // Nothing was sent: another address may have it.
        lastErrno = result;
        tried = [...tried, peer];
        peers.give(peer, false, now(), result, trace);
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
      trace.mark('dialled');
      trace.wireName = wire.name;
      begin(line, user);
      if (request.body === undefined) {
        // All there is to say, in one write. Only such a request is asked again.
        bodySaid = true;
        say(line, [Buffer.concat([asking.opening, ...asking.bodyEnd()])]);
        if (opened) return;
      } else {
        // Together with the first piece of the body, if that is here already.
        unsaid = asking.opening;
        process.nextTick(() => unsaid && say(line, []));
      }
      opened = true;
      trace.payloadSent += asking.payloadBytes;
      events.opened(channel);
    };

    // --- on the line -------------------------------------------------------------------------------------------

    const say = ({ connection }: Line, words: readonly Buffer[], written?: Written): void => {
      const pieces = unsaid ? [unsaid, ...words] : words;
      unsaid = undefined;
      if (pieces.length === 0 || connection.isClosed()) return;
      for (const piece of pieces) events.sent(piece);
      connection.write(pieces, written);
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
      const mayAskAgain = (line.kept || (ours && !askedAgain)) && !line.heard && why.code === 'WIRE_TRUNCATED' && isRepeatable(request);
      if (!mayAskAgain) return fail(why, isRefusal(why));
      askedAgain ||= !line.kept;
      drop(line);
      events.noted(`asked again: ${peer.address.text} had closed the ${line.kept ? 'kept ' : ''}connection`);
      untilMs = patience();
      if (line.kept) return dial(peer);
      // A worker that dies: its socket may take one more connection, and drop that, too.
      stage = over;
      tried = [peer];
      lastErrno = why.code;
      peers.give(peer, false, now(), why.code, trace);
      seek();
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
      const peer = stage.kind === 'dialling' || stage.kind === 'talking' ? stage.peer : undefined;
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
      if (was.kind !== 'talking') was.giveUp();
      else {
        const { line, asking } = was;
        line.user = undefined;
        // FastCGI §5.4: the program is told, and then the line is closed; whoever does not multiplex understands one of the two.
        const abort = asking.abort();
        if (abort) say(line, [abort]);
        if (ours) {
          lines.linger(line, () => peers.give(was.peer, undefined, now(), undefined, trace));
          tellEnd(undefined);
          return finish(undefined, undefined);
        }
        lines.hangUp(line);
      }
      tellEnd(undefined);
      finish(was.kind === 'waiting' ? undefined : was.peer, undefined);
    };
    const tellEnd = (appStatus: number | undefined): void => {
      events.outputEnd();
      events.exited(appStatus, undefined, undefined);
    };
    /** `well`: what this says of the address; undefined: nothing. */
    const finish = (peer: Peer<Address> | undefined, well: boolean | undefined, why?: string): void => {
      if (peer) peers.give(peer, well, now(), why, trace);
      running.remove(channel);
      events.over();
    };

    const channel: Channel & Member = {
      place: -1,
      pid: undefined,
      write(piece, written) {
        if (stage.kind === 'talking') say(stage.line, stage.asking.body(piece), written);
        return stage.kind !== 'talking' || stage.line.connection.waitingBytes() < writeAheadBytes;
      },
      end() {
        if (bodySaid) return;
        bodySaid = true;
        if (stage.kind === 'talking') say(stage.line, stage.asking.bodyEnd());
      },
      pause: () => void (stage.kind === 'talking' && stage.line.connection.pause()),
      resume: () => void (stage.kind === 'talking' && stage.line.connection.resume()),
      hangUp: stop,
      stop,
    };
    running.add(channel);
    seek();
  };

  return {
    takesFiles: false,
    open,
    forget: (address) => lines.forget(address),
    async close() {
      running.forEach((channel) => void channel.stop());
      lines.close();
    },
  };
};

/**
 * A kept connection may have been closed by the other side just as we took it. Where no byte of an answer has come, nothing was
 * uploaded and the method may be repeated (RFC 9110 §9.2.2), the request is sent once more, on a fresh connection.
 */
const isRepeatable = ({ body, meta }: GatewayRequest): boolean =>
  body === undefined && ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].includes(meta.get('REQUEST_METHOD') ?? '');

/** The program is well and says no: its address stays in rotation. */
const isRefusal = ({ code }: Failure): boolean =>
  code === 'WIRE_OVERLOADED' || code === 'WIRE_CANT_MULTIPLEX' || code === 'WIRE_UNKNOWN_ROLE';

const unreachable = (tried: readonly Peer<Address>[], errno: string): Failure => {
  const where = tried.map(({ address }) => address.text).join(', ');
  return failure(errno === 'ETIMEDOUT' ? 'PEER_TIMEOUT' : 'PEER_UNREACHABLE', { detail: `${errno}: ${where}` });
};
