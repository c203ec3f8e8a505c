/**
 * Which protocol begins like this? A right client at a wrong port is the commonest mistake with these wires, and uWSGI's famous
 * `invalid request block size: 21573` is how it looks when nobody says so: 21573 is `ET` of `GET `, read as a number.
 */
import { printable } from '../bytes.js';

export type Protocol = 'HTTP' | 'TLS' | 'FastCGI' | 'SCGI' | 'uwsgi';

/** So many bytes tell one protocol from another, and no request on any of these wires is shorter. */
export const strangerBytes = 4;

/** From the first `strangerBytes` bytes that a client sends; undefined when no protocol we know begins so. */
export const protocolOf = (start: Buffer): Protocol | undefined => {
  const [first = 0, second = 0] = start;
  const text = start.toString('latin1', 0, strangerBytes);
  if (first === 0x16 && second === 0x03) return 'TLS'; // RFC 8446 §5.1 — a handshake record, version 3.x.
  if (first === 1 && second >= 1 && second <= 11) return 'FastCGI'; // FastCGI §3.3 — version 1, then a record type.
  if (/^[A-Z]{3}[A-Z ]/.test(text)) return 'HTTP'; // RFC 9110 §9.1 — `GET `, `POST`, `DELE`…
  if (/^\d+:|^\d{4}/.test(text)) return 'SCGI'; // SCGI §4 — a length in decimal and a colon.
  if (first === 0) return 'uwsgi'; // modifier1 0: a WSGI request.
  return undefined;
};

/** `HTTP, sent to a uwsgi port: "GET " …`; the wire says what the bytes would mean to it. */
export const strangerAt = (start: Buffer, port: string, meaning: string): string =>
  `${protocolOf(start) ?? 'an unknown protocol'}, sent to ${port}: "${printable(start.subarray(0, strangerBytes))}" ${meaning}`;
