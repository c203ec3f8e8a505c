/**
 * The bytes of FastCGI, SCGI and uwsgi as a packet capture, which Wireshark opens (pcapng, draft-ietf-opsawg-pcapng). What was recorded is
 * what was written and read, so each piece becomes a TCP segment (RFC 9293); what carries it is made up: addresses, a connection
 * for each exchange, its handshake and its end. A comment in the file says so, and pcapng was chosen over pcap because it has comments.
 *
 *   127.0.0.1:PORT (cgi-serve)  ──▶  127.0.0.1:9000 FastCGI, 4000 SCGI, 3031 uwsgi
 *
 * Bytes that were not kept are a jump in the sequence numbers: «previous segment not captured».
 */
import type { WirePiece } from '../../trace/recorder.js';
import { recordType } from '../../wire/fastcgi-records.js';
import type { KeptExchange } from '../memory.js';
import { isSecretField } from '../secrets.js';
import type { ToldWay, ToldWire } from '../told.js';
import type { About } from './exports.js';
import { microseconds } from './parts.js';

/** Exchanges run side by side, a capture runs in order: packets wait here until no earlier one can come. */
export function* wireCapture(kept: Iterable<KeptExchange>, { version }: About): Generator<Buffer> {
  yield sectionHeader(version);
  yield interfaceDescription();
  let waiting: Packet[] = [];
  /** The clock that only goes forward, as the time of day. */
  let dayMs: number | undefined;
  for (const { detail, end } of kept) {
    dayMs ??= detail.at - detail.beganMs;
    const [first] = detail.runs;
    const fromUs = microseconds(dayMs + (first?.grantedMs ?? detail.beganMs));
    yield* waiting.filter(({ us }) => us < fromUs).map(({ bytes }) => bytes);
    waiting = waiting.filter(({ us }) => us >= fromUs);
    const pieces = end?.wire?.recorded?.pieces ?? [];
    if (detail.wire === undefined || pieces.length === 0) continue;
    const about = `${detail.id} · ${detail.method} ${detail.target} → ${detail.end?.status ?? '…'}`;
    const packets = conversation(detail.wire, pieces, { startUs: microseconds(dayMs + detail.beganMs), serial: detail.serial, about });
    waiting = [...waiting, ...packets].sort((a, b) => a.us - b.us);
  }
  yield* waiting.map(({ bytes }) => bytes);
}

interface Packet {
  /** Microseconds since 1970. */
  readonly us: number;
  readonly bytes: Buffer;
}

// --- one exchange as one TCP connection ---------------------------------------------------------------------------------

interface Facts {
  readonly startUs: number;
  readonly serial: number;
  readonly about: string;
}

const conversation = (wire: ToldWire, pieces: readonly WirePiece[], { startUs, serial, about }: Facts): Packet[] => {
  const port = ports[wire.name];
  const client: Side = { port: 49_152 + (serial % 16_384), next: 1_000 };
  const program: Side = { port, next: 5_000 };
  const ways = { sent: wayOf(wire, 'sent'), received: wayOf(wire, 'received') };
  const packets: Packet[] = [];
  const say = (us: number, from: Side, flags: number, payload: Buffer = nothing, comment?: string): void => {
    const to = from === client ? program : client;
    packets.push({ us, bytes: enhancedPacket(us, datagram(from, to, flags, payload), comment) });
    // RFC 9293 §3.4: SYN and FIN take a number of their own.
    from.next += payload.length + ((flags & (SYN | FIN)) > 0 ? 1 : 0);
  };
  const at = (piece: WirePiece | undefined): number => startUs + microseconds(piece?.atMs ?? 0);
  const [first, last] = [at(pieces[0]), at(pieces.at(-1))];
  say(first, client, SYN, nothing, about);
  say(first, program, SYN | ACK);
  say(first, client, ACK);
  for (const piece of pieces) {
    const way = ways[piece.way];
    const from = piece.way === 'sent' ? client : program;
    for (let cut = 0; cut < piece.bytes.length; cut += segmentBytesMax) {
      const length = Math.min(segmentBytesMax, piece.bytes.length - cut);
      say(at(piece), from, PSH | ACK, way.bytes.subarray(way.at, way.at + length));
      way.at += length;
    }
  }
  for (const [from, way] of [[client, ways.sent] as const, [program, ways.received] as const]) {
    from.next += way.more;
    say(last, from, FIN | ACK, nothing, way.more > 0 ? `${way.more} bytes ${way.way} before this were not kept` : undefined);
  }
  say(last, client, ACK);
  return packets;
};

interface Side {
  readonly port: number;
  /** Its next sequence number. */
  next: number;
}

/** Where people expect them: php-fpm's; scgi_run's and Quixote's; uWSGI's own examples. */
const ports = { fastcgi: 9_000, scgi: 4_000, uwsgi: 3_031 } as const;
/** The largest a loopback interface carries: its MTU of 65,535 without the two headers. */
const segmentBytesMax = 65_495;
const nothing = Buffer.alloc(0);

/** As it is shown: without the values of secrets. */
const wayOf = (wire: ToldWire, way: ToldWay['way']): { way: string; bytes: Buffer; more: number; at: number } => {
  const { base64 = '', more = 0 } = wire.ways.find((one) => one.way === way) ?? {};
  const bytes = Buffer.from(base64, 'base64');
  if (way === 'received') strikeHeaders(wire.name === 'fastcgi' ? stdoutOf(bytes) : [bytes]);
  return { way, bytes, more, at: 0 };
};

/** FastCGI §3.3 — a record is eight bytes, its content, its padding. A content that was cut is taken as far as it is there. */
const stdoutOf = (bytes: Buffer): Buffer[] => {
  const found: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 4);
    if (bytes[at + 1] === recordType.STDOUT) found.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length + bytes[at + 6]!;
  }
  return found;
};

/** Strikes out what a header block says in fields such as Set-Cookie, wherever it was cut into parts, in the parts themselves. */
const strikeHeaders = (parts: readonly Buffer[]): void => {
  const text = Buffer.concat(parts).toString('latin1');
  const blank = text.search(/\r?\n\r?\n/);
  for (const { 1: before = '', 2: name = '', 3: value = '', index } of text
    .slice(0, blank < 0 ? text.length : blank)
    .matchAll(/^(([^:\r\n]+):[ \t]*)([^\r\n]*)/gm)) {
    if (!isSecretField(name)) continue;
    const from = index + before.length;
    let partAt = 0;
    for (const part of parts) {
      const within = (at: number): number => Math.min(part.length, Math.max(0, at - partAt));
      part.fill(star, within(from), within(from + value.length));
      partAt += part.length;
    }
  }
};

const star = 0x2a;

// --- IPv4 and TCP ------------------------------------------------------------------------------------------------------

const FIN = 0x01;
const SYN = 0x02;
const PSH = 0x08;
const ACK = 0x10;
const loopback = 0x7f000001;

/** RFC 791 §3.1 and RFC 9293 §3.1, without options. */
const datagram = (from: Side, to: Side, flags: number, payload: Buffer): Buffer => {
  const ip = Buffer.alloc(20);
  ip.writeUInt16BE(0x4500, 0); // version 4, five words
  ip.writeUInt16BE(40 + payload.length, 2);
  ip.writeUInt16BE(0x4000, 6); // not to be fragmented
  ip.writeUInt16BE(0x4006, 8); // 64 hops, TCP
  ip.writeUInt32BE(loopback, 12);
  ip.writeUInt32BE(loopback, 16);
  ip.writeUInt16BE(checksum([ip]), 10);

  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(from.port, 0);
  tcp.writeUInt16BE(to.port, 2);
  tcp.writeUInt32BE(from.next, 4);
  tcp.writeUInt32BE(flags === SYN ? 0 : to.next, 8);
  tcp.writeUInt16BE(0x5000 | flags, 12); // five words
  tcp.writeUInt16BE(0xffff, 14);
  const pseudo = Buffer.alloc(12);
  ip.copy(pseudo, 0, 12, 20);
  pseudo.writeUInt16BE(6, 8);
  pseudo.writeUInt16BE(20 + payload.length, 10);
  tcp.writeUInt16BE(checksum([pseudo, tcp, payload]), 16);
  return Buffer.concat([ip, tcp, payload]);
};

/** RFC 1071: the ones' complement of the ones' complement sum of 16-bit words. Every part but the last has an even length. */
const checksum = (parts: readonly Buffer[]): number => {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at + 1 < part.length; at += 2) sum += part.readUInt16BE(at);
    if (part.length % 2 === 1) sum += part[part.length - 1]! << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
};

// --- pcapng ------------------------------------------------------------------------------------------------------------

/** §4.1: which byte order, which version, and what whoever opens the file should know. */
const sectionHeader = (version: string): Buffer => {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(0x1a2b3c4d, 0);
  body.writeUInt16LE(1, 4);
  body.fill(0xff, 8); // the section's length is not said
  return block(0x0a0d0d0a, body, [option(1, aboutTheFile), option(4, `cgi-serve ${version}`)]);
};

const aboutTheFile =
  'Bytes that cgi-serve exchanged with programs. The values of secrets (cookies, passwords, keys) are struck out: ****. ' +
  'Addresses, ports, handshakes and ends of connections are made up: one connection for each exchange. ' +
  'Wireshark takes port 9000 for FastCGI when told so: Analyze > Decode As, or tshark -d tcp.port==9000,fcgi.';

/** §4.2: LINKTYPE_RAW, packets that begin with their IP header; times in microseconds. */
const interfaceDescription = (): Buffer => {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(101, 0);
  return block(1, body, [option(2, 'cgi-serve')]);
};

/** §4.3 */
const enhancedPacket = (us: number, packet: Buffer, comment: string | undefined): Buffer => {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(Math.floor(us / 2 ** 32), 4);
  head.writeUInt32LE(us % 2 ** 32, 8);
  head.writeUInt32LE(packet.length, 12);
  head.writeUInt32LE(packet.length, 16);
  return block(6, Buffer.concat([head, padded(packet)]), comment === undefined ? [] : [option(1, comment)]);
};

/** §3.1: a type, the length of all of it, what it holds, the length again. */
const block = (type: number, body: Buffer, options: readonly Buffer[]): Buffer => {
  const parts = options.length === 0 ? [body] : [body, ...options, Buffer.alloc(4)];
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  return Buffer.concat([head, ...parts, head.subarray(4)]);
};

/** §3.5 */
const option = (code: number, text: string): Buffer => {
  const value = Buffer.from(text).subarray(0, 0xffff);
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
};

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
