/**
 * Variables on any wire: their bytes, and how much of them is payload. Payload is what CGI itself would have carried: names and values
 * of variables and the body on the way there, stdout and stderr on the way back. Envelope is what a wire adds: headers, lengths, ends,
 * padding, and the words of its own.
 */

/** UTF-8, a character for each byte. Requests are spelt as text: one copy into a Buffer at the end is cheaper than many small writes. */
export const byteText = (text: string): string => (/^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1'));

/**
 * Variables that a wire says for its own sake: `SCGI` is 1 there, and CONTENT_LENGTH must be there (SCGI §3), where CGI leaves it out
 * when no body is attached (RFC 3875 §4.1.2).
 */
export const isEnvelope = (name: string, value: string): boolean =>
  name === 'SCGI' || (name === 'CONTENT_LENGTH' && (value === '' || value === '0'));
