/**
 * What the request-side tables share: a row is the bytes a client sends and what must come of them. After every row the
 * server must still answer, and nothing a refused request carried may have been taken for a request of its own.
 */
import assert from 'node:assert/strict';
import { type FailureCode, failureTable } from '../../src/failures.js';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { type Answer, get, Wire } from '../support/wire.js';

export interface Row {
  /** What is odd about the request. */
  name: string;
  raw: string | Buffer;
  /** Several where the RFC leaves the choice. */
  status: number | readonly number[];
  /** The code on the failure page; any when not said. */
  code?: FailureCode;
  /** What a 200's body must match. */
  body?: string | RegExp;
  /** The connection must be closed after the answer. */
  closes?: boolean;
  method?: string;
}

/** Scripts that tell what reached them. `evil` is what a smuggled request would run. */
export const witnesses = {
  ok: sh('printf "Content-Type: text/plain\\n\\nok"'),
  env: sh('printf "Content-Type: text/plain\\n\\n"; env | sort'),
  len: sh(`printf "Content-Type: text/plain\\n\\nlength=%s body=" "\${CONTENT_LENGTH-unset}"; cat`),
  echo: sh(`printf 'Content-Type: application/octet-stream\\nX-Length: %s\\n\\n' "\${CONTENT_LENGTH-unset}"; exec cat`),
  /** Reads all before it says anything. */
  count: sh('n=$(wc -c); printf "Content-Type: text/plain\\n\\n%s" "$n"'),
  /** Never reads its stdin. */
  deaf: sh('printf "Content-Type: text/plain\\n\\ndeaf"'),
  evil: sh('printf "Content-Type: text/plain\\n\\nevil"'),
};

export const witnessHouse = (options: HouseOptions = {}): Promise<House> =>
  house({ ...options, scripts: { ...witnesses, ...options.scripts } });

/** Comes after a doubtful request on the same connection. If that was refused, this must not be obeyed. */
export const smuggled = 'GET /cgi-bin/evil HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** The same with a name, where some may be obeyed and others not. */
export const smuggledAs = (name: string): string => smuggled.replace('/evil', `/evil?${encodeURIComponent(name)}`);

/** Refused requests are told as exchanges too; those have no process. */
export const ranEvil = (h: House, name = ''): boolean =>
  h.exchanges.some((e) => e.target.endsWith(`/evil${name && `?${encodeURIComponent(name)}`}`) && (e.pid !== undefined || e.status === 200));

/** Sends the row, looks at the answer, then asks for `ok`. */
export async function expectRow(h: House, row: Row): Promise<Answer> {
  const wire = await Wire.open(h.port);
  try {
    wire.send(row.raw);
    const answer = await wire.finalAnswer({ method: row.method ?? 'GET' });
    const wanted = typeof row.status === 'number' ? [row.status] : row.status;
    assert.ok(wanted.includes(answer.status), `status ${answer.status}, not ${wanted.join(' or ')}: ${answer.text.slice(0, 600)}`);
    assert.ok(answer.complete, 'the answer was broken off');
    if (answer.status >= 400 && row.method !== 'HEAD') assert.ok(codeOf(answer), `no failure code in ${answer.text.slice(0, 600)}`);
    if (row.code !== undefined && answer.status >= 400) assert.equal(codeOf(answer), row.code);
    if (answer.status === 200 && typeof row.body === 'string') assert.equal(answer.text, row.body);
    if (answer.status === 200 && row.body instanceof RegExp) assert.match(answer.text, row.body);
    if (row.closes) {
      const after = await wire.rest();
      assert.equal(after.toString('latin1'), '', 'bytes after the answer that closes the connection');
    }
    await expectAlive(h);
    return answer;
  } finally {
    wire.close();
  }
}

export async function expectAlive(h: House): Promise<void> {
  assert.equal((await get(h.port, '/cgi-bin/ok')).text, 'ok', 'the server no longer answers');
}

/** The failure code a page, text or JSON answer names. */
export function codeOf(answer: Answer): FailureCode | undefined {
  if (/json/.test(answer.get('content-type') ?? '')) return (JSON.parse(answer.text) as { code?: FailureCode }).code;
  // Longest first: none of them is looked for inside another.
  const codes = (Object.keys(failureTable) as FailureCode[]).sort((a, b) => b.length - a.length);
  return codes.find((code) => new RegExp(`\\b${code}\\b`).test(answer.text));
}
