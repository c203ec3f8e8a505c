/**
 * One conversation with a program: the body goes in, the answer comes out, both at once, and four clocks watch. RFC 3875 lets
 * a script answer before it has read (§4.2), so nothing here waits for one side before it serves the other; Apache, fcgiwrap
 * and most others do, and a long upload to a talkative script stands still there.
 *
 *   body ──▶ channel ──▶ program ──▶ channel ──▶ script/reply ──▶ sink
 *
 * Ends in one of three ways: the answer is whole (`end`), it cannot be (`fail`), or nobody wants it (`abort`). Then the
 * program's own end is waited for, and `over` closes the account.
 */
import { startOf } from '../bytes.js';
import type { Carrier, Channel, ChannelEvents } from '../carrier/channel.js';
import { type Failure, failure, withEvidence } from '../failures.js';
import { exitLingerMs, orphanLingerMs, outputKeptBytes, refusedLingerMs } from '../limits.js';
import type { Member } from '../roster.js';
import { hasNoBody, replyParser } from '../script/reply.js';
import { now, type Trace } from '../trace/trace.js';
import type { Call, GatewayRequest, ReplyHead, ReplySink } from '../types.js';
import { type Clock, clocks } from './clocks.js';
import type { ErrorLog } from './errors.js';

/** Milliseconds; 0 is no limit. */
export interface Patience {
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly timeoutMs: number;
  readonly stdinTimeoutMs: number;
}

export interface Conversation extends Call, Member {
  /** The program must end, and the client is told why. */
  fail(why: Failure): void;
}

/** `over` is called just before the sink's. */
export const converse = (
  { open, takesFiles }: Carrier,
  request: GatewayRequest,
  sink: ReplySink,
  errorLog: ErrorLog,
  patience: Patience,
  trace: Trace,
  over: () => void,
): Conversation => {
  const { body, script } = request;
  const parser = replyParser();
  const beganMs = now();
  let channel: Channel | undefined;
  let head: ReplyHead | undefined;
  /** A local redirect is one only if no body follows (§6.2.2), which the end of output tells. */
  let redirect: ReplyHead | undefined;
  let start = nothing;
  let outputBytes = 0;
  let bodyBytes = 0;
  let exited = false;
  let outputEnded = false;
  let full = false;
  /** end, fail or abort has been said; what still comes is read and thrown away. */
  let settled = false;
  let cutNoted = false;

  // --- the clocks ----------------------------------------------------------------------------------------------

  const watch = clocks();
  let headClock: Clock | undefined;
  let idleClock: Clock | undefined;
  let stdinClock: Clock | undefined;
  let lingerClock: Clock | undefined;

  // --- how it ends ---------------------------------------------------------------------------------------------

  const evidence = () => ({
    file: script.file,
    output: start,
    outputBytes,
    stderr: errorLog.tail(),
    ...(exited ? { exitCode: trace.exitCode ?? null, signal: trace.signal ?? null } : {}),
    ...(channel?.pid === undefined ? {} : { pid: channel.pid }),
    afterMs: Math.round((now() - beganMs) * 10) / 10,
  });
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    body?.discard();
    headClock = watch.stop(headClock);
    stdinClock = watch.stop(stdinClock);
    if (full) channel?.resume();
    return true;
  };
  const succeed = (): void => {
    if (!settle()) return;
    sink.end();
    // The answer is out. §6.4 lets the program print on to its end; it has as long for that as it may be silent.
    idleClock = watch.stop(idleClock);
    if (!exited) idleClock = watch.start(patience.idleTimeoutMs, () => channel?.stop());
  };
  const fail = (why: Failure): void => {
    const whole = withEvidence(why, evidence());
    if (settle()) sink.fail(whole);
    else trace.failure ??= whole;
    channel?.stop();
  };
  /** stderr and the exit code may still be on their way; a diagnosis without them is half a diagnosis. */
  let verdict: (() => Failure) | undefined;
  const failWhenOver = (why: () => Failure): void => {
    verdict = why;
    if (!exited) lingerClock ??= watch.start(exitLingerMs, () => channel?.stop());
  };

  // --- what goes in --------------------------------------------------------------------------------------------

  /** A script that is still being told is not late: an upload takes as long as its client takes. */
  const waitAnew = (): void => {
    watch.wind(headClock);
    if (!settled) watch.wind(idleClock);
  };
  const feed = (): void => {
    if (body === undefined) return channel?.end();
    if (body.fd !== undefined && takesFiles) return;
    body.read({
      piece(bytes, written) {
        waitAnew();
        trace.payloadSent += bytes.length;
        if (channel?.write(bytes, written) === false) {
          body.pause();
          stdinClock ??= watch.start(patience.stdinTimeoutMs, stdinIdle);
        }
      },
      end: () => channel?.end(),
      fail,
    });
  };
  const stdinIdle = (): void => {
    stdinClock = undefined;
    if (head === undefined) return fail(failure('STDIN_TIMEOUT', { detail: `nothing read for ${patience.stdinTimeoutMs} ms` }));
    // It has answered without reading on: the rest of the upload is nobody's.
    trace.note('the script left part of its input unread');
    body?.discard();
    channel?.end();
  };

  // --- what comes out ------------------------------------------------------------------------------------------

  const takeHead = (found: ReplyHead, rest: Buffer): void => {
    trace.mark('headDone');
    headClock = watch.stop(headClock);
    if (found.kind === 'local-redirect') redirect = found;
    else giveHead(found);
    watchIdle();
    if (rest.length > 0) takeBody(rest);
    else if (head !== undefined && isWhole(head)) succeed();
  };
  /** Silence is counted while the client would take more, and while nothing comes from it either. */
  const watchIdle = (): void => {
    idleClock ??= watch.start(patience.idleTimeoutMs, () =>
      fail(failure('REPLY_IDLE_TIMEOUT', { detail: `silent for ${patience.idleTimeoutMs} ms` })),
    );
  };
  const giveHead = (found: ReplyHead): void => {
    head = found;
    sink.head(found);
  };
  /** The promised bytes are there; nothing that follows belongs to the answer. */
  const isWhole = (given: ReplyHead): boolean => request.head || hasNoBody(given.status) || given.contentLength === bodyBytes;

  const takeBody = (bytes: Buffer): void => {
    if (redirect !== undefined) {
      // §6.2.2 forbids a body here; a browser can still follow, so the script's words are kept as a client redirect.
      const { location } = redirect;
      giveHead({ ...redirect, kind: 'client-redirect', status: 302, headers: ['Location', location ?? '/'], location: undefined });
      redirect = undefined;
    }
    if (settled || head === undefined) return;
    let piece = bytes;
    if (head.kind !== 'nph' && (request.head || hasNoBody(head.status))) {
      succeed();
      return;
    }
    const promised = head.contentLength;
    if (promised !== undefined && bodyBytes + piece.length > promised) {
      piece = piece.subarray(0, promised - bodyBytes);
      if (!cutNoted) trace.note(`body cut at Content-Length ${promised}`);
      cutNoted = true;
    }
    bodyBytes += piece.length;
    if (piece.length > 0 && !sink.body(piece)) {
      full = true;
      channel?.pause();
      idleClock = watch.stop(idleClock);
    }
    if (promised !== undefined && bodyBytes === promised) succeed();
  };

  const events: ChannelEvents = {
    opened(opened) {
      channel = opened;
      // A worker of a pool has said who it is (carrier/pool.ts); a program that ran before us has no pid that we know.
      if (trace.worker === undefined) trace.pid = opened.pid;
      trace.mark(opened.pid === undefined ? 'dialled' : 'born');
      if (settled) return opened.stop(0);
      headClock = watch.start(patience.headerTimeoutMs, () =>
        fail(failure('REPLY_HEAD_TIMEOUT', { detail: `no blank line after ${patience.headerTimeoutMs} ms` })),
      );
      watch.start(patience.timeoutMs, () => fail(failure('REPLY_TOTAL_TIMEOUT', { detail: `not over after ${patience.timeoutMs} ms` })));
      feed();
    },
    failed: fail,
    wanted: () => !settled,
    noted: (text) => trace.note(text),
    sent(bytes) {
      trace.wireSent += bytes.length;
      trace.recorder?.sent(bytes);
    },
    received(bytes) {
      trace.wireReceived += bytes.length;
      trace.recorder?.received(bytes);
    },
    drain() {
      stdinClock = watch.stop(stdinClock);
      waitAnew();
      if (!settled) body?.resume();
    },
    inputClosed() {
      stdinClock = watch.stop(stdinClock);
      body?.discard();
    },
    output(piece) {
      trace.mark('firstByte');
      outputBytes += piece.length;
      trace.payloadReceived += piece.length;
      if (start.length < outputKeptBytes) start = startOf(start, piece, outputKeptBytes);
      if (exited) watch.wind(lingerClock);
      if (settled || verdict !== undefined) return;
      watch.wind(idleClock);
      if (script.nph) {
        if (head === undefined) {
          trace.mark('headDone');
          headClock = watch.stop(headClock);
          giveHead(nphHead);
          watchIdle();
        }
        takeBody(piece);
      } else if (head !== undefined || redirect !== undefined) {
        takeBody(piece);
      } else {
        const parsed = parser.push(piece);
        if (parsed === undefined) {
          if (parser.refused()) lingerClock ??= watch.start(refusedLingerMs, () => fail(parser.end()));
        } else if ('code' in parsed) fail(parsed);
        else takeHead(parsed.head, parsed.rest);
      }
    },
    outputEnd() {
      trace.mark('lastByte');
      outputEnded = true;
      lingerClock = watch.stop(lingerClock);
      if (settled) return;
      idleClock = watch.stop(idleClock);
      if (head === undefined && redirect === undefined) failWhenOver(() => (outputBytes === 0 ? emptyReply(trace) : parser.end()));
      else if (exited) finish();
      else lingerClock = watch.start(exitLingerMs, finish);
    },
    errors(piece) {
      trace.stderrBytes += piece.length;
      trace.payloadReceived += piece.length;
      errorLog.write(piece);
    },
    exited(code, signal, account) {
      trace.exitCode = code;
      trace.signal = signal;
      trace.account = account;
      // A program that stays has no exit to measure.
      if (channel?.pid !== undefined) trace.mark('exited');
      exited = true;
      lingerClock = watch.stop(lingerClock);
      if (!outputEnded) lingerForOrphans();
      else if (!settled && verdict === undefined) finish();
    },
    over() {
      errorLog.end();
      if (verdict !== undefined && !settled) fail(verdict());
      watch.stopAll();
      // First the slot: a local redirect asks for another one in `sink.over()`.
      over();
      sink.over();
    },
  };

  /** The leader is gone and somebody it started may still hold stdout: the answer ends after a short silence, not with them. */
  const lingerForOrphans = (): void => {
    lingerClock = watch.start(orphanLingerMs, () => (full ? lingerForOrphans() : channel?.hangUp()));
  };
  /** Output is at its end and the head is known. */
  const finish = (): void => {
    if (settled) return;
    if (trace.signal !== undefined) return fail(failure('REPLY_KILLED', { detail: trace.signal }));
    if (redirect !== undefined) giveHead(redirect);
    if (head?.contentLength !== undefined && !isWhole(head)) {
      return fail(failure('REPLY_SHORT', { detail: `Content-Length ${head.contentLength}, printed ${bodyBytes}` }));
    }
    if (!exited) trace.note('stdout was closed while the script ran on');
    if (trace.exitCode) trace.note(`exit ${trace.exitCode} after a complete answer`);
    succeed();
  };

  open(request, events, trace);

  return {
    place: -1,
    fail,
    resume() {
      if (!full) return;
      full = false;
      if (!settled) watchIdle();
      channel?.resume();
    },
    abort(why) {
      trace.failure ??= why;
      if (settle()) channel?.stop();
    },
  };
};

const nothing: Buffer = Buffer.alloc(0);

/** RFC 3875 §5: what an NPH script prints is the HTTP response itself. */
const nphHead: ReplyHead = { kind: 'nph', status: 200, reason: '', headers: [], contentLength: undefined, location: undefined };

const emptyReply = (trace: Trace): Failure => (trace.exitCode === 0 ? failure('REPLY_EMPTY') : failure('REPLY_CRASHED'));
