/**
 * RFC 3875 §6.2: which of the four answers is this? Pure; reply.ts asks it when the header block is complete.
 *
 *   no Location                         document                       §6.2.1
 *   Location: /path, nothing else       local redirect                 §6.2.2  (and no body may follow; converse.ts waits for that)
 *   Location                            client redirect, 302           §6.2.3
 *   Location, Content-Type, body        client redirect with document  §6.2.4
 */
import type { ReplyKind } from '../types.js';

export interface RedirectFacts {
  readonly location: string | undefined;
  /** The code of a Status line, when there was one. */
  readonly status: number | undefined;
  readonly contentType: boolean;
  /** Lines in the header block, whatever they were. */
  readonly lines: number;
}

export const kindOf = (facts: RedirectFacts): { kind: ReplyKind; status: number } => {
  const { location, status } = facts;
  if (location === undefined) return { kind: 'document', status: status ?? 200 };
  if (facts.lines === 1 && isLocalLocation(location)) return { kind: 'local-redirect', status: 200 };
  // §6.2.3 — a Location without Status means 302; with one, the script's word stands (201 Created has a Location too).
  return { kind: facts.contentType ? 'client-redirect-document' : 'client-redirect', status: status ?? 302 };
};

/**
 * A path on this server. `//host` and `/\host` are another server to a browser (Go took them for local: go#78767), and a
 * fragment can only be shown by a client.
 */
export const isLocalLocation = (location: string): boolean => /^\/(?![/\\])[^#]*$/.test(location);
