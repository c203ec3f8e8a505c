/**
 * `cgi(dir, options)`: the scripts of a directory as a request handler for somebody else's server: plain node:http, Express
 * (`app.use('/cgi-bin', cgi('./cgi-bin'))`), Fastify (`reply.hijack()` first).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exchange } from './exchange.js';
import { isFailure } from './failures.js';
import { shutdownGraceMs } from './limits.js';
import { mountFor } from './route/mounts.js';
import { resolvePath } from './route/resolve.js';
import type { CgiOptions } from './settings.js';
import { openSite } from './site.js';

/** `next` is called, when given, for a path that is not under the prefix; without it such a path is a 404. */
export interface CgiHandler {
  (message: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void;
  /** Lets running scripts end for `graceMs` (default 5,000), then ends them; resolves when no child is left. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Serves the scripts of `dir`. Mounted by a framework the mount point is the prefix; else `options.prefix` (`/cgi-bin/`) is.
 * The request body must not have been read (a body parser before it gives BODY_ALREADY_READ).
 * Throws an Error with one clear sentence when an option cannot be used.
 */
export const cgi = (dir: string, options: CgiOptions = {}): CgiHandler => {
  const site = openSite({ ...options, dir, publicDir: false });
  const [mount] = site.route.mounts;
  if (mount === undefined) throw new Error('no script directory');

  const handler = (message: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void => {
    const { baseUrl, originalUrl } = message as IncomingMessage & { baseUrl?: string; originalUrl?: string };
    const target = originalUrl ?? message.url ?? '/';
    // `/:tenant` as a mount point: the prefix is the client's word, and judged like any path.
    const prefix = baseUrl ? resolvePath(baseUrl, site.settings.encodedSlashes) : mount.prefix;
    if (isFailure(prefix)) return void exchange(site, message, response, { target, refused: prefix });
    const mounts = [{ ...mount, prefix }];
    if (next) {
      const segments = resolvePath(target.split('?', 1)[0] ?? '/', site.settings.encodedSlashes);
      if (!isFailure(segments) && mountFor(mounts, segments) === undefined) return next();
    }
    exchange(site, message, response, { target, mounts });
  };
  return Object.assign(handler, {
    close: async (graceMs = shutdownGraceMs): Promise<void> =>
      void (await Promise.all(site.gateways.map((gateway) => gateway.close(graceMs)))),
  });
};
