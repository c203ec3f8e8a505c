/**
 * A program behind SCGI or uwsgi may begin its answer as CGI does (`Status: 200 OK`) or as HTTP does (`HTTP/1.1 200 OK`). The
 * two lines differ in how they begin, so that is all that changes here: `HTTP/1.1 ` becomes `Status: `, and what follows passes
 * as it comes, to be judged by script/reply.ts like any other answer (RFC 3875 §6). Pure, and safe wherever the bytes are cut:
 * never more than eight wait for the next ones (a status line in two parts made nginx read too far: CVE-2026-42946).
 *
 * Transfer-Encoding stays refused there. Where an answer ends with its connection nobody needs chunks, and of those who send the
 * field some have written chunks and some have not. nginx lets both through, and clients find the marks in their data (uwsgi#798);
 * to guess is what response smuggling lives on.
 */
export interface StatusLine {
  /** What of the answer can be passed on now. */
  push(piece: Buffer): Buffer[];
  /** The answer ended: what was still held back. */
  end(): Buffer[];
}

export const statusLine = (): StatusLine => {
  /** The answer's first bytes, while they could still become a version; undefined once that is decided. */
  let held: Buffer | undefined = nothing;
  return {
    push(piece) {
      if (held === undefined) return [piece];
      const start: Buffer = held.length === 0 ? piece : Buffer.concat([held, piece]);
      const text = start.toString('latin1', 0, example.length);
      const possible = version.test(text + example.slice(text.length));
      if (possible && text.length < example.length) {
        held = start;
        return [];
      }
      held = undefined;
      if (!possible) return [start];
      const rest = start.subarray(text.length);
      return rest.length === 0 ? [status] : [status, rest];
    },
    end() {
      return held === undefined || held.length === 0 ? [] : [held];
    },
  };
};

// RFC 9112 §2.3, §4: status-line = HTTP-version SP …; HTTP-version = "HTTP" "/" DIGIT "." DIGIT. No field name holds a slash.
const version = /^HTTP\/\d\.\d $/;
const example = 'HTTP/1.1 ';
const status = Buffer.from('Status: ');
const nothing: Buffer = Buffer.alloc(0);
