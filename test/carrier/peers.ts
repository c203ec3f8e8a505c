/**
 * Programs that listen, spoken to in FastCGI, SCGI or uwsgi, and that do exactly what a test says; each hears and speaks through the
 * program's side of our own codecs.
 *
 *   const peer = await peerOf(t, 'scgi', (visit) => visit.answer('hello'));
 *   const h = await house({ mounts: [{ wire: 'scgi', where: '/app', address: peer.address }] });
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ListenOptions, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Failure } from '../../src/failures.js';
import type { MetaVariables } from '../../src/types.js';
import { fastcgi, telling } from '../../src/wire/fastcgi.js';
import { scgi } from '../../src/wire/scgi.js';
import { uwsgi } from '../../src/wire/uwsgi.js';
import type { Asked } from '../../src/wire/wire.js';

export type WireName = 'fastcgi' | 'scgi' | 'uwsgi';
export const wires: readonly WireName[] = ['fastcgi', 'scgi', 'uwsgi'];

/** One request, from its variables on. */
export interface Visit {
  readonly meta: MetaVariables;
  readonly socket: Socket;
  /** Which connection it came on, and which request on that one; both from 1. */
  readonly connection: number;
  readonly turn: number;
  /** FastCGI's; 0 elsewhere. */
  readonly requestId: number;
  /** What has come of the body. */
  received: number;
  readonly pieces: Buffer[];
  /** The whole body, when it has come. */
  readonly body: Promise<Buffer>;
  /** The web server wants no answer any more: ABORT_REQUEST, or the connection is gone. */
  readonly gone: Promise<'aborted' | 'closed'>;
  /** Some of the answer, as CGI's stdout; false: the web server is behind. */
  say(text: string | Buffer): boolean;
  /** Some of stderr. */
  complain(text: string): void;
  end(appStatus?: number): void;
  /** A plain document, whole. */
  answer(text: string | Buffer): void;
  /** The end of a refused request. FastCGI only. */
  refuse(protocolStatus: number): void;
}

export interface Peer {
  readonly address: string;
  readonly visits: Visit[];
  /** Connections so far; open now; the most that were open at once. */
  connections: number;
  open: number;
  openMax: number;
  readonly failures: Failure[];
  /** Ends every connection. */
  hangUp(): void;
  close(): Promise<void>;
}

export interface PeerOptions {
  readonly over?: 'unix' | 'tcp';
  /** For one whose place others know already; a number is a port of 127.0.0.1. */
  readonly at?: number | ListenOptions;
  /** Before a byte is read. True: the connection is taken care of. */
  readonly connected?: (socket: Socket, connection: number) => boolean | undefined;
}

export async function peerOf(
  t: Pick<TestContext, 'after'>,
  wire: WireName,
  visit: (visit: Visit) => void,
  options: PeerOptions = {},
): Promise<Peer> {
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-peer-'));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    peer.connections += 1;
    peer.open += 1;
    peer.openMax = Math.max(peer.openMax, peer.open);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      peer.open -= 1;
      sockets.delete(socket);
    });
    if (!options.connected?.(socket, peer.connections)) listen(socket, wire, peer, visit);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const at = options.at ?? (options.over === 'tcp' ? 0 : { path: join(dir, 'app.sock') });
    server.listen(typeof at === 'number' ? { port: at, host: '127.0.0.1' } : at, resolve);
  });
  const at = server.address();
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  let closed: Promise<void> | undefined;
  const peer: Peer = {
    address: typeof at === 'string' ? `unix:${at}` : `127.0.0.1:${at!.port}`,
    visits: [],
    connections: 0,
    open: 0,
    openMax: 0,
    failures: [],
    hangUp,
    close() {
      hangUp();
      closed ??= new Promise((resolve) => server.close(() => resolve()));
      return closed;
    },
  };
  t.after(async () => {
    await peer.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return peer;
}

/** The head of a plain document. */
export const documentHead = 'Content-Type: text/plain\r\n\r\n';

const listen = (socket: Socket, wire: WireName, peer: Peer, handle: (visit: Visit) => void): void => {
  const connection = peer.connections;
  const heard = fastcgiReader(wire, socket);
  let turn = 0;
  let present: Open | undefined;
  const hear = (asked: readonly Asked[]): void => {
    for (const one of asked) {
      switch (one.kind) {
        case 'variables':
          turn += 1;
          present = opened(socket, wire, one.meta, connection, turn, heard);
          peer.visits.push(present.visit);
          handle(present.visit);
          break;
        case 'body':
          if (present === undefined) break;
          present.visit.received += one.bytes.length;
          present.visit.pieces.push(one.bytes);
          break;
        case 'bodyEnd':
          present?.bodyEnd();
          break;
        case 'aborted':
          present?.gone('aborted');
          break;
        case 'failed':
          peer.failures.push(one.why);
      }
    }
  };
  socket.on('data', (bytes: Buffer) => hear(heard.reader.push(bytes)));
  socket.on('end', () => hear(heard.reader.end()));
  socket.on('close', () => present?.gone('closed'));
};

const fastcgiReader = (wire: WireName, socket: Socket) => {
  const heard = { requestId: 0, answered: () => {} };
  if (wire === 'scgi') return Object.assign(heard, { reader: scgi.readAsking() });
  if (wire === 'uwsgi') return Object.assign(heard, { reader: uwsgi({ modifier1: 0, modifier2: 0 }).readAsking() });
  const reader = fastcgi({ role: 'responder', keep: true }).readAsking((aside) => {
    if (aside.kind === 'begun') heard.requestId = aside.requestId;
    if (aside.kind === 'reply') socket.write(aside.bytes);
  });
  return Object.assign(heard, { reader, answered: () => reader.answered() });
};

interface Open {
  readonly visit: Visit;
  bodyEnd(): void;
  gone(how: 'aborted' | 'closed'): void;
}

const opened = (
  socket: Socket,
  wire: WireName,
  meta: MetaVariables,
  connection: number,
  turn: number,
  heard: { requestId: number; answered(): void },
): Open => {
  const { requestId } = heard;
  const speech = telling(requestId);
  const write = (pieces: readonly Buffer[]): boolean => pieces.map((piece) => socket.write(piece)).at(-1) ?? true;
  let bodyEnd = () => {};
  let gone = (_how: 'aborted' | 'closed') => {};
  const pieces: Buffer[] = [];
  const visit: Visit = {
    meta,
    socket,
    connection,
    turn,
    requestId,
    received: 0,
    pieces,
    body: new Promise((resolve) => {
      bodyEnd = () => resolve(Buffer.concat(pieces));
    }),
    gone: new Promise((resolve) => {
      gone = resolve;
    }),
    say: (text) => (wire === 'fastcgi' ? write(speech.output(Buffer.from(text))) : socket.write(text)),
    complain: (text) => void (wire === 'fastcgi' && write(speech.errors(Buffer.from(text)))),
    end(appStatus = 0) {
      if (wire !== 'fastcgi') return void socket.end();
      heard.answered();
      write(speech.end(appStatus));
    },
    answer(text) {
      visit.say(`${documentHead}${text}`);
      visit.end();
    },
    refuse(protocolStatus) {
      heard.answered();
      write(speech.end(0, protocolStatus));
    },
  };
  return { visit, bodyEnd: () => bodyEnd(), gone: (how) => gone(how) };
};
