/**
 * From a request's path to clean segments: decoded once, dots resolved, nothing in them that a file system or a script could
 * misread. Pure. Everything that follows (mounts, scripts, static files) walks these segments and never the URL's text.
 *
 *   /cgi-bin/%61.py/x%20y/  →  ['cgi-bin', 'a.py', 'x y', '']        RFC 3986 §5.2.4, RFC 3875 §9.8
 */
import { utf8 } from '../bytes.js';
import { type Failure, failure } from '../failures.js';
import { pathBytesMax } from '../limits.js';

/** Empty segments are kept (`//`): PATH_INFO may mean them. The last is empty when the path ends with a slash. */
export type Segments = readonly string[];

export const resolvePath = (path: string, encodedSlashes: 'reject' | 'decode'): Segments | Failure => {
  if (path.length > pathBytesMax * 3) return failure('URI_TOO_LONG');
  const segments: string[] = [];
  const pieces = path.split('/');
  for (let i = 1; i < pieces.length; i++) {
    const piece = pieces[i]!;
    const last = i === pieces.length - 1;
    const segment = plain.test(piece) ? piece : decode(piece);
    if (typeof segment !== 'string') return segment;
    if (segment.includes('/')) {
      if (encodedSlashes === 'reject') return failure('PATH_ENCODED_SLASH', { detail: piece });
      // `..%2f..` would be two steps up once decoded.
      if (/(^|\/)\.\.?(\/|$)/.test(segment)) return failure('PATH_ABOVE_ROOT', { detail: piece });
    }
    if (segment === '.' || segment === '..') {
      if (segment === '..') {
        if (segments.length === 0) return failure('PATH_ABOVE_ROOT');
        segments.pop();
      }
      if (last) segments.push('');
    } else {
      segments.push(segment);
    }
  }
  return Buffer.byteLength(joined(segments)) > pathBytesMax ? failure('URI_TOO_LONG') : segments;
};

const plain = /^[A-Za-z0-9._~-]*$/;

/** RFC 3986 §2.1, once, over bytes: a second decoding is how `%252e` becomes a step up (CVE-2021-42013). */
const decode = (piece: string): string | Failure => {
  const bytes = Buffer.alloc(piece.length);
  let length = 0;
  for (let i = 0; i < piece.length; i++) {
    let byte = piece.charCodeAt(i);
    if (byte === 0x25) {
      const digits = piece.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return failure('PATH_BAD_ENCODING', { detail: piece });
      byte = Number.parseInt(digits, 16);
      i += 2;
    }
    if (byte < 0x20 || byte === 0x7f || byte === 0x5c) return failure('PATH_FORBIDDEN_BYTE', { detail: piece });
    bytes[length++] = byte;
  }
  try {
    return utf8.decode(bytes.subarray(0, length));
  } catch {
    return failure('PATH_BAD_ENCODING', { detail: piece });
  }
};

/** Segments as a path again: what PATH_INFO is made of. `[]` is `''`, `['']` is `/`. */
export const joined = (segments: Segments): string => (segments.length === 0 ? '' : `/${segments.join('/')}`);

/** Segments as a URL's path, escaped as far as needed. */
export const asUrl = (segments: Segments): string => segments.map((s) => `/${encodeURIComponent(s)}`).join('') || '/';
