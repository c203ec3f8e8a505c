/**
 * The last room by itself: an HTTP server whose "gateway" is the test, so that what is said in one turn of the event loop, and
 * what is said later, is the test's to decide. With real scripts: test/conformance/reply.test.ts and truncation.test.ts.
 */
import assert from 'node:assert/strict';
import { createServer, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { failure } from '../../src/failures.js';
import { type Answer, answerTo } from '../../src/http/response.js';
import { heldBytesMax } from '../../src/limits.js';
import { type KernelAccount, type Mark, Trace } from '../../src/trace/trace.js';
import type { ReplyHead } from '../../src/types.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire.js';

interface Desk extends ServerOptions {
  details?: boolean;
  /** Does something to the response before it is ours. */
  before?: (res: ServerResponse) => void;
}

interface Seen {
  port: number;
  /** How often something was written to a socket. */
  writes: number;
  readonly traces: Trace[];
  /** Answers whose connection is done with. */
  closed: number;
}

/** Every request is answered by `say`, in the turn in which it comes. */
async function desk(t: TestContext, say: (answer: Answer, trace: Trace) => void, options: Desk = {}): Promise<Seen> {
  const { details = false, before = () => {}, ...server } = options;
  const seen: Seen = { port: 0, writes: 0, traces: [], closed: 0 };
  const http = createServer(server, (message, res) => {
    const trace = new Trace();
    seen.traces.push(trace);
    before(res);
    const answer = answerTo(message, res, trace, {
      software: 'desk',
      challenge: undefined,
      details: () => details,
      about: () => ({}),
      closed: () => {
        seen.closed += 1;
      },
    });
    say(answer, trace);
  });
  http.on('connection', (socket) =>
    onEveryWrite(socket, () => {
      seen.writes += 1;
    }),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  seen.port = (http.address() as AddressInfo).port;
  return seen;
}

/** What reaches the system: the two methods below every stream of Node's. */
function onEveryWrite(socket: Socket, count: () => void): void {
  const stream = socket as unknown as Record<'_write' | '_writev', (...args: unknown[]) => void>;
  for (const name of ['_write', '_writev'] as const) {
    const plain = stream[name];
    stream[name] = (...args) => {
      count();
      plain.apply(socket, args);
    };
  }
}

const headOf = (more: Partial<ReplyHead> = {}): ReplyHead => ({
  ...{ kind: 'document', status: 200, reason: '', contentLength: undefined, location: undefined },
  ...more,
  headers: ['Content-Type', 'text/plain', ...(more.headers ?? [])],
});

const tell = (version: string, method = 'GET', ...fields: string[]): string =>
  [`${method} / ${version}`, 'Host: localhost', ...fields, '', ''].join('\r\n');

async function asked(port: number, request: string): Promise<Awaited<ReturnType<Wire['answer']>>> {
  const wire = await Wire.open(port);
  try {
    wire.send(request);
    return await wire.finalAnswer({ method: request.split(' ', 1)[0]! });
  } finally {
    wire.close();
  }
}

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an answer that is whole in one turn', () => {
  const hello = (answer: Answer): void => {
    answer.head(headOf());
    answer.body(Buffer.from('hel'));
    answer.body(Buffer.from('lo'));
    answer.end();
  };

  for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
    test(`${version}: Content-Length, no chunks, one write`, async (t) => {
      const seen = await desk(t, hello);
      const answer = await asked(seen.port, tell(version));
      assert.deepEqual([answer.get('Content-Length'), answer.get('Transfer-Encoding')], ['5', undefined]);
      assert.equal(answer.text, 'hello');
      assert.ok(answer.complete);
      assert.deepEqual([seen.writes, seen.traces[0]!.bytesOut], [1, 5]);
      await until(() => seen.closed === 1, 'the connection to be done with');
    });

    test(`${version}: keep-alive keeps the connection`, async (t) => {
      const { port, traces } = await desk(t, hello);
      const wire = await Wire.open(port);
      t.after(() => wire.close());
      for (let i = 0; i < 3; i++) {
        wire.send(tell(version, 'GET', 'Connection: keep-alive'));
        const answer = await wire.answer();
        assert.equal(answer.text, 'hello');
        assert.match(answer.get('Connection') ?? '', /^keep-alive$/i);
      }
      assert.equal(traces.length, 3);
    });

    test(`${version}: without a body`, async (t) => {
      const seen = await desk(t, (answer) => {
        answer.head(headOf());
        answer.end();
      });
      const answer = await asked(seen.port, tell(version));
      assert.deepEqual([answer.get('Content-Length'), answer.get('Transfer-Encoding'), answer.text], ['0', undefined, '']);
      assert.equal(seen.writes, 1);
    });

    test(`${version}: the script's own Content-Length stands once`, async (t) => {
      const { port } = await desk(t, (answer) => {
        answer.head(headOf({ contentLength: 5 }));
        answer.body(Buffer.from('hello'));
        answer.end();
      });
      assert.deepEqual((await asked(port, tell(version))).all('Content-Length'), ['5']);
    });
  }

  test('HTTP/1.0 with a transfer coding: whole, but the connection ends (RFC 9112 §6.1)', async (t) => {
    for (const say of [hello, (answer: Answer) => answer.fail(failure('NOT_FOUND'))]) {
      const { port } = await desk(t, say);
      const wire = await Wire.open(port);
      t.after(() => wire.close());
      wire.send(`${tell('HTTP/1.0', 'POST', 'Transfer-Encoding: chunked', 'Connection: keep-alive')}5\r\nhello\r\n0\r\n\r\n`);
      const answer = await wire.answer();
      assert.match(answer.get('Connection') ?? '', /^close$/i);
      assert.equal((await wire.rest()).length, 0);
    }
  });

  for (const [method, status, contentLength, sent] of [
    ['HEAD', 200, undefined, undefined],
    ['HEAD', 200, 5, '5'],
    ['GET', 204, undefined, undefined],
    ['GET', 204, 5, undefined],
    ['GET', 205, undefined, '0'],
    ['GET', 304, undefined, undefined],
    ['GET', 304, 5, '5'],
  ] as const) {
    for (const rejectNonStandardBodyWrites of [false, true]) {
      const how = `${contentLength === undefined ? '' : `, Content-Length: ${contentLength}`}${rejectNonStandardBodyWrites ? ', on a strict server' : ''}`;
      test(`${method} ${status}${how}: no body, no chunks, and the connection stays in step`, async (t) => {
        const say = (answer: Answer): void => {
          answer.head(headOf({ status, contentLength }));
          answer.body(Buffer.from('EVIL\n'));
          answer.end();
        };
        const { port } = await desk(t, say, { rejectNonStandardBodyWrites });
        const wire = await Wire.open(port);
        t.after(() => wire.close());
        for (let i = 0; i < 2; i++) {
          wire.send(tell('HTTP/1.1', method));
          const answer = await wire.answer({ method });
          assert.equal(answer.status, status);
          assert.deepEqual([answer.get('Content-Length'), answer.get('Transfer-Encoding')], [sent, undefined]);
          assert.equal(answer.body.length, 0);
        }
        assert.equal(wire.waiting().length, 0);
      });
    }
  }

  for (const [what, method, status, body] of [
    ['a body', 'GET', 200, 'x'],
    ['an empty body', 'GET', 200, ''],
    ['HEAD', 'HEAD', 200, 'x'],
    ['304', 'GET', 304, ''],
  ] as const) {
    test(`bytes above 0x7F in fields arrive as they are: ${what}`, async (t) => {
      const { port } = await desk(t, (answer) => {
        answer.head(headOf({ status, reason: 'caf\xe9', headers: ['X-A', '\xff\xe9'] }));
        if (body !== '') answer.body(Buffer.from(body));
        answer.end();
      });
      const answer = await asked(port, tell('HTTP/1.1', method));
      assert.equal(answer.reason, 'caf\xe9');
      assert.equal(answer.get('X-A'), '\xff\xe9');
    });
  }

  test('fails in the same turn: a whole page, and nothing of the answer', async (t) => {
    const { port, traces } = await desk(t, (answer) => {
      answer.head(headOf({ headers: ['X-A', 'b'] }));
      answer.body(Buffer.from('half a p'));
      answer.fail(failure('REPLY_KILLED', { detail: 'SIGKILL' }));
    });
    const wire = await Wire.open(port);
    t.after(() => wire.close());
    for (let i = 0; i < 2; i++) {
      wire.send(tell('HTTP/1.1'));
      const answer = await wire.answer();
      assert.equal(answer.status, 502);
      assert.ok(answer.complete && answer.text.includes('REPLY_KILLED') && !answer.text.includes('half a p'));
      assert.equal(answer.get('X-A'), undefined);
    }
    assert.deepEqual([traces[0]!.status, traces[0]!.failure?.code], [502, 'REPLY_KILLED']);
  });

  test('is for nobody when the client has left meanwhile', async (t) => {
    const answers: Answer[] = [];
    const server = await desk(t, (answer) => void answers.push(answer));
    const wire = await Wire.open(server.port);
    wire.send(tell('HTTP/1.1'));
    await until(() => answers.length > 0, 'the request');
    const aborted: string[] = [];
    answers[0]!.serve({ resume: () => {}, abort: (why) => void aborted.push(why.code) });
    const response = answers[0]!.raw;
    const gone = new Promise((resolve) => response.once('close', resolve));
    wire.reset();
    await gone;
    answers[0]!.head(headOf());
    assert.equal(answers[0]!.body(Buffer.from('hello')), true);
    answers[0]!.end();
    await later();
    assert.deepEqual([response.headersSent, aborted, server.traces[0]!.failure?.code], [false, ['CLIENT_GONE'], 'CLIENT_GONE']);
    assert.equal(server.closed, 1);
  });

  test('to a request that somebody else has begun to answer: broken off, and the server lives', async (t) => {
    for (const whole of [true, false]) {
      const say = (answer: Answer): void => {
        answer.head(headOf());
        answer.body(Buffer.from('hello'));
        if (whole) answer.end();
      };
      const { port, traces } = await desk(t, say, { before: (res) => void res.writeHead(200).write('begun') });
      const answer = await asked(port, tell('HTTP/1.1'));
      assert.deepEqual([answer.text, answer.complete], ['begun', false]);
      assert.equal(traces[0]!.failure?.code, 'SERVER_ERROR');
    }
  });
});

describe('an answer that is not', () => {
  for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
    for (const [what, first] of [
      ['a head', ''],
      ['a head and a first piece', 'first'],
    ] as const) {
      test(`${version}: ${what}, then nothing for long: sent when the turn is over`, async (t) => {
        const answers: Answer[] = [];
        const { port } = await desk(t, (answer) => {
          answers.push(answer);
          answer.head(headOf());
          if (first !== '') answer.body(Buffer.from(first));
        });
        const wire = await Wire.open(port);
        t.after(() => wire.close());
        wire.send(tell(version, 'GET', 'Connection: close'));
        await wire.seen('\r\n\r\n');
        if (first !== '') await wire.seen(first);
        answers[0]!.body(Buffer.from('second'));
        await wire.seen('second');
        answers[0]!.end();
        const answer = await wire.answer();
        assert.equal(answer.text, `${first}second`);
        assert.deepEqual([answer.chunked, answer.get('Content-Length'), answer.complete], [version === 'HTTP/1.1', undefined, true]);
      });
    }

    test(`${version}: fails in a later turn: broken off`, async (t) => {
      const answers: Answer[] = [];
      const { port, traces } = await desk(t, (answer) => {
        answers.push(answer);
        answer.head(headOf());
        answer.body(Buffer.from('hel'));
      });
      const wire = await Wire.open(port);
      t.after(() => wire.close());
      wire.send(tell(version, 'GET', 'Connection: close'));
      await wire.seen('hel');
      answers[0]!.fail(failure('REPLY_KILLED', { detail: 'SIGKILL' }));
      const answer = await wire.answer();
      assert.deepEqual([answer.status, answer.text, answer.complete], [200, 'hel', false]);
      assert.deepEqual([traces[0]!.status, traces[0]!.failure?.code], [200, 'REPLY_KILLED']);
    });
  }

  for (const bytes of [heldBytesMax - 1, heldBytesMax, heldBytesMax + 1, 10 * heldBytesMax]) {
    test(`${bytes} bytes in one burst arrive whole and in order`, async (t) => {
      const body = Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
      const { port, traces } = await desk(t, (answer) => {
        answer.head(headOf());
        for (let at = 0; at < bytes; at += 8191) answer.body(body.subarray(at, at + 8191));
        answer.end();
      });
      const answer = await asked(port, tell('HTTP/1.1'));
      assert.ok(answer.complete && answer.body.equals(body));
      // Held up to the bound; what is longer is sent before its length is known.
      assert.deepEqual([answer.get('Content-Length'), answer.chunked], bytes < heldBytesMax ? [String(bytes), false] : [undefined, true]);
      assert.equal(traces[0]!.bytesOut, bytes);
    });
  }

  test('back-pressure: who is full says so when the bound is reached, and resumes when there is room again', async (t) => {
    const answers: Answer[] = [];
    let resumed = 0;
    const { port } = await desk(t, (answer) => {
      answers.push(answer);
      answer.serve({
        resume: () => {
          resumed += 1;
        },
        abort: () => {},
      });
    });
    const wire = await Wire.open(port);
    t.after(() => wire.close());
    wire.send(tell('HTTP/1.1'));
    await until(() => answers.length > 0, 'the request');
    wire.pause();
    const [answer] = answers as [Answer];
    answer.head(headOf());
    assert.equal(answer.body(Buffer.from('held')), true, 'room while it is held');
    let bytes = 4;
    // The system takes some megabytes for a client that does not read.
    while (bytes < 64 << 20) {
      const piece = Buffer.alloc(4 * heldBytesMax, 'x');
      bytes += piece.length;
      if (!answer.body(piece)) {
        const before = resumed;
        const room = until(() => resumed > before, 'room', 1_000).catch(() => false);
        if (!(await room)) break;
      }
    }
    assert.ok(bytes < 64 << 20, 'never full');
    const before = resumed;
    wire.resume();
    await until(() => resumed > before, 'room again');
    answer.end();
    const whole = await wire.answer();
    assert.ok(whole.complete);
    assert.equal(whole.body.length, bytes);
  });
});

describe('Server-Timing', () => {
  const account: KernelAccount = {
    ...{ userMs: 1.5, systemMs: 0.25, peakRssKib: 9000, minorFaults: 66, majorFaults: 1 },
    ...{ voluntarySwitches: 2, involuntarySwitches: 3 },
  };
  const ofKernel =
    'user;dur=1.50, system;dur=0.25, rss;desc="9000 KiB", faults;desc="66 minor, 1 major", switches;desc="2 voluntary, 3 involuntary"';
  const marks: Mark[] = ['granted', 'born', 'firstByte', 'headDone'];
  const markAll = (trace: Trace, ...which: Mark[]): void => {
    for (const mark of which) trace.mark(mark);
  };
  /** `queue;dur=0.02` → `queue;dur=0`: what it took is not the point. */
  const timed = (value: string | undefined): string | undefined =>
    value?.replace(/\b(queue|spawn|wait|head|body|exit);dur=\d+\.\d\d\b/g, '$1;dur=0');
  const early = 'queue;dur=0, spawn;dur=0;desc="fork+exec", wait;dur=0;desc="exec to first byte", head;dur=0';
  const late = 'body;dur=0, exit;dur=0';

  for (const [what, given, told] of [
    ['with the account', account, ofKernel],
    ['with a peak below our own', { ...account, peakRssKib: undefined }, ofKernel.replace('9000 KiB', 'not available')],
    ['without an account', undefined, 'kernel;desc="not available"'],
  ] as const) {
    test(`of a whole answer: every phase, ${what}`, async (t) => {
      const say = (answer: Answer, trace: Trace): void => {
        markAll(trace, ...marks);
        answer.head(headOf());
        answer.body(Buffer.from('hello'));
        markAll(trace, 'lastByte', 'exited');
        trace.account = given;
        answer.end();
      };
      const { port } = await desk(t, say, { details: true });
      const answer = await asked(port, tell('HTTP/1.1', 'GET', 'TE: trailers'));
      assert.equal(timed(answer.get('Server-Timing')), `${early}, ${late}, ${told}`);
      assert.deepEqual([answer.get('Trailer'), answer.trailers], [undefined, []]);
    });

    test(`of one that was not whole in time: the head's phases, and the others in a trailer, ${what}`, async (t) => {
      const say = (answer: Answer, trace: Trace): void => {
        markAll(trace, ...marks);
        answer.head(headOf());
        answer.body(Buffer.from('hello'));
        void later().then(() => {
          markAll(trace, 'lastByte', 'exited');
          trace.account = given;
          answer.end();
        });
      };
      const { port } = await desk(t, say, { details: true });
      for (const te of ['trailers', 'deflate, trailers;q=0.5', undefined]) {
        const answer = await asked(port, tell('HTTP/1.1', 'GET', ...(te === undefined ? [] : [`TE: ${te}`])));
        assert.equal(timed(answer.get('Server-Timing')), early);
        assert.equal(answer.get('Trailer'), te && 'Server-Timing');
        assert.deepEqual(
          answer.trailers.map(([name, value]) => [name, timed(value)]),
          te === undefined ? [] : [['Server-Timing', `${late}, ${told}`]],
        );
      }
    });
  }

  test('a program that has not ended has no account yet, and none is said to be missing', async (t) => {
    const say = (answer: Answer, trace: Trace): void => {
      markAll(trace, ...marks);
      answer.head(headOf({ contentLength: 5 }));
      answer.body(Buffer.from('hello'));
      answer.end();
    };
    const { port } = await desk(t, say, { details: true });
    assert.equal(timed((await asked(port, tell('HTTP/1.1'))).get('Server-Timing')), early);
  });

  test('nothing of it without details', async (t) => {
    const say = (answer: Answer, trace: Trace): void => {
      markAll(trace, ...marks);
      answer.head(headOf());
      answer.end();
    };
    const { port } = await desk(t, say);
    assert.equal((await asked(port, tell('HTTP/1.1', 'GET', 'TE: trailers'))).get('Server-Timing'), undefined);
  });
});
