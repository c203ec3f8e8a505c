/**
 * FastCGI §6.3, the Authorizer: a program is asked whether a request may go on. A 200 lets it, and may give it variables on its way
 * (`Variable-REMOTE_USER: ada`). Every other answer is the client's, and so is every failure: a guard that cannot be asked lets
 * nobody through.
 *
 *   exchange ── the request's variables, no body ──▶ gateway ⇄ authorizer
 *            ◀── 200: the variables it gives ──┤
 *   socket   ◀── all else: its answer ─────────┘
 */
import { recode } from '../bytes.js';
import { isReserved, looksLikeFunction } from '../script/meta.js';
import type { Trace } from '../trace/trace.js';
import type { Call, Gateway, GatewayRequest, MetaVariables, ReplySink } from '../types.js';

/** Calls `allowed` when the program has said its 200 to the end and its slot is free; else all of its answer goes to `refused`. */
export const authorize = (
  gateway: Gateway,
  request: GatewayRequest,
  refused: ReplySink,
  trace: Trace,
  allowed: (given: MetaVariables) => void,
): Call => {
  let given: MetaVariables | undefined;
  let whole = false;
  const sink: ReplySink = {
    head(head) {
      // A local redirect has no status of its own (RFC 3875 §6.2.2): it shows another page, and allows nothing.
      if (head.status !== 200 || head.kind === 'local-redirect') return refused.head(head);
      given = givenBy(head.headers, (text) => trace.note(text));
    },
    body: (piece) => given !== undefined || refused.body(piece),
    end() {
      if (given === undefined) refused.end();
      else whole = true;
    },
    fail: (why) => refused.fail(why),
    over() {
      if (given !== undefined && whole) allowed(given);
      refused.over();
    },
  };
  return gateway.call(request, sink, trace);
};

/** The variables among header fields. All other fields are ignored. */
const givenBy = (headers: readonly string[], note: (text: string) => void): MetaVariables => {
  const given = new Map<string, string>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [, said] = /^variable-(.+)$/i.exec(headers[i]!) ?? [];
    if (said === undefined) continue;
    // RFC 3875 §4.1 — names of variables know no case, and are written in capitals; nor do those of header fields.
    const name = said.toUpperCase();
    const value = recode(headers[i + 1]!);
    const computed = isReserved(name) && name !== 'REMOTE_USER' && name !== 'AUTH_TYPE';
    if (computed) note(`Variable-${said} not taken: the server alone says ${name}`);
    else if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) note(`Variable-${said} not taken: no name for a variable`);
    else if (looksLikeFunction(value)) note(`Variable-${said} not taken: it looks like a shell function`);
    else given.set(name, value);
  }
  return given;
};
