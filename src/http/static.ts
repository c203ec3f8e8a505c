/**
 * A file that is not a script. route/look.ts has found it with the same walk that finds scripts; sirv knows its type, ETag and
 * length and sends it. Around sirv stands what it leaves open: methods, If-Modified-Since, odd ranges, a file that cannot be
 * opened after all, a client that leaves half-way.
 */
import type { IncomingMessage } from 'node:http';
import { relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import sirv from 'sirv';
import { failure } from '../failures.js';
import { clientStallMs } from '../limits.js';
import { type Found, isReadable } from '../route/look.js';
import type { Trace } from '../trace/trace.js';
import type { Answer } from './response.js';

export type SendFile = (found: Found, method: string, message: IncomingMessage, answer: Answer, trace: Trace) => void;

export const staticFiles = (root: string, software: string): SendFile => {
  // `dev`: looks at the disk for each request, because people edit what they look at.
  const send = sirv(root, { dev: true, etag: true, dotfiles: true, extensions: [] });

  return (found, method, message, answer, trace) => {
    trace.gateway = 'static';
    trace.script = found.path;
    const { raw: res } = answer;
    if (method === 'OPTIONS') return answer.page(204, '', '', ['Allow', 'GET, HEAD, OPTIONS']);
    if (method !== 'GET' && method !== 'HEAD') return answer.fail(failure('METHOD_NOT_ALLOWED', { file: found.path }));
    if (!isReadable(found.path)) return answer.fail(failure('NO_PERMISSION', { file: found.path }));
    const headers = { ...message.headers };
    const etag = `W/"${found.stats.size}-${found.stats.mtime.getTime()}"`;
    // Set before sirv sets its own, because a 304 must name them, too (RFC 9110 §15.4.5).
    res.setHeader('Server', software);
    res.setHeader('ETag', etag);
    res.setHeader('Cache-Control', 'no-cache');
    res.setHeader('Last-Modified', found.stats.mtime.toUTCString());
    const since = Date.parse(headers['if-modified-since'] ?? '');
    // RFC 9110 §13.1.3 — only without If-None-Match, and to the second, which is all the field can say.
    if (headers['if-none-match'] === undefined && Math.floor(found.stats.mtimeMs / 1000) * 1000 <= since) {
      res.writeHead(304).end();
      return;
    }
    if (headers['if-none-match'] !== undefined) {
      // sirv compares the whole field; RFC 9110 §13.1.2 has a list there, or `*`.
      const known = headers['if-none-match'].split(',').map((tag) => tag.trim().replace(/^W\//, ''));
      if (known.includes('*') || known.includes(etag.slice(2))) headers['if-none-match'] = etag;
    }
    const range = singleRange(headers.range, found.stats.size);
    if (range === undefined || headers['if-range'] !== undefined) delete headers.range;
    else headers.range = range;

    res.on('pipe', (source: Readable) => {
      // sirv opens the file for a HEAD, too.
      if (method === 'HEAD') {
        source.destroy();
        res.end();
        return;
      }
      source.on('data', (piece: Buffer) => {
        trace.bytesOut += piece.length;
      });
      // Removed or made unreadable between the look and the open: the head may be out, so the answer is broken off.
      source.once('error', (error) => {
        trace.failure ??= failure('SERVER_ERROR', { file: found.path, detail: error.message });
        res.destroy();
      });
      res.once('close', () => source.destroy());
    });
    // A client that stops reading holds an open file. Node destroys a socket on which nothing moves for so long.
    message.socket.setTimeout(clientStallMs);
    // sirv decodes what it gets once more; it gets the real name, with its own % escaped.
    const pathname = `/${relative(root, found.path).split(sep).join('/').replaceAll('%', '%25')}`;
    const request = { method, headers, url: pathname, _parsedUrl: { raw: pathname, pathname } };
    send(request as unknown as IncomingMessage, res, () => answer.fail(failure('NOT_FOUND', { file: found.path })));
  };
};

/** `bytes=a-b`, `bytes=a-` or `bytes=-n` as `bytes=a-b`; anything else (other units, several ranges) may be ignored: RFC 9110 §14.2. */
const singleRange = (range: string | undefined, size: number): string | undefined => {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') return Number(to) === 0 || size === 0 ? undefined : `bytes=${Math.max(0, size - Number(to))}-${size - 1}`;
  if (to !== '' && Number(to) < Number(from)) return undefined;
  // sirv reads an end of 0 as none.
  if (to === '0' && size > 1) return undefined;
  return `bytes=${from}-${to}`;
};
