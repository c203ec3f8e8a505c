/**
 * Which protocol begins like this? A right client at a wrong port is the commonest mistake with these wires, and uWSGI's famous
 * `invalid request block size: 21573` is how it looks when nobody says so: 21573 is `ET` of `GET `, read as a number.
 */
import { printable } from '../bytes.js';

export type Protocol = 'HTTP' | 'HTTP answer' | 'TLS' | 'FastCGI' | 'SCGI' | 'uwsgi';

/** So many bytes tell one protocol from another, and no request on any of these wires is shorter. */
export const strangerBytes = 4;

/** From the first bytes of a connection, `strangerBytes` or more; undefined when no protocol we know begins so. */
export const protocolOf = (start: Buffer): Protocol | undefined => {
  const [first = 0, second = 0] = start;
  const text = start.toString('latin1', 0, strangerBytes);
  if (first === 0x16 && second === 0x03) return 'TLS'; // RFC 8446 §5.1 — a handshake record, version 3.x.
  if (first === 1 && second >= 1 && second <= 11) return 'FastCGI'; // FastCGI §3.3 — version 1, then a record type.
  if (text === 'HTTP') return 'HTTP answer'; // RFC 9112 §4 — `HTTP/1.1 200`; no method is called so.
  if (/^[A-Z]{3}[A-Z ]/.test(text)) return 'HTTP'; // RFC 9110 §9.1 — `GET `, `POST`, `DELE`…
  if (/^\d+:|^\d{4}/.test(text)) return 'SCGI'; // SCGI §4 — a length in decimal and a colon.
  if (first === 0 || namesVariable(start)) return 'uwsgi'; // modifier1 0: a WSGI request; any other shows by what it carries.
  return undefined;
};

/** uwsgi, the vars: behind the header stands the length of a name, and then the name, as variables are named. */
const namesVariable = (start: Buffer): boolean => {
  if (start.length < 8) return false;
  const [dataBytes, nameBytes] = [start.readUInt16LE(1), start.readUInt16LE(4)];
  return nameBytes >= 2 && nameBytes + 4 <= dataBytes && /^[A-Z][A-Z0-9_]+$/.test(start.toString('latin1', 6, 6 + Math.min(nameBytes, 64)));
};

/** `HTTP, sent to a uwsgi port: "GET " …`; the wire says what the bytes would mean to it. */
export const strangerAt = (start: Buffer, port: string, meaning: string): string =>
  `${called(protocolOf(start))}, sent to ${port}: "${printable(start.subarray(0, strangerBytes))}" ${meaning}`;

const called = (protocol: Protocol | undefined): string =>
  protocol === 'HTTP answer' ? 'an HTTP answer' : (protocol ?? 'an unknown protocol');
