/**
 * Payload and envelope. Payload is what CGI itself would have carried: names and values of variables and the body on the way there,
 * stdout and stderr on the way back. Envelope is what a wire adds: headers, lengths, ends, padding, and the words of its own.
 */
import type { MetaVariables } from '../types.js';
import { notForAuthorizers } from '../wire/fastcgi.js';

/**
 * Variables that a wire says for its own sake: `SCGI` is 1 there, and CONTENT_LENGTH must be there (SCGI §3), where CGI leaves it out
 * when no body is attached (RFC 3875 §4.1.2).
 */
export const isEnvelope = (name: string, value: string): boolean =>
  name === 'SCGI' || (name === 'CONTENT_LENGTH' && (value === '' || value === '0'));

const none: ReadonlySet<string> = new Set();

/** Names and values, as bytes; an authorizer is told fewer of them. */
export const payloadOf = (meta: MetaVariables, toAuthorizer = false): number => {
  const unsaid = toAuthorizer ? notForAuthorizers : none;
  let bytes = 0;
  for (const [name, value] of meta) {
    if (!isEnvelope(name, value) && !unsaid.has(name)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  return bytes;
};
