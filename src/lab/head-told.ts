/**
 * The head of the HTTP request that a program's variables were made of, for the page: each header field with what became of it. The code
 * that made the variables (script/meta.ts) judges it again: the lesson and the program cannot disagree. Secrets are not told.
 */
import { recode } from '../bytes.js';
import { type FieldFate, headerVariables } from '../script/meta.js';
import type { GatewayRequest, RawHeaders } from '../types.js';
import { isSecretField } from './secrets.js';
import type { ToldHead, ToldHeadField } from './told.js';

export const toldHead = ({ asked, meta }: GatewayRequest): ToldHead | undefined => {
  if (asked === undefined) return undefined;
  const { method, target, protocol, headers } = asked;
  return { method, target: recode(target), protocol, bytes: bytesOf(method, target, protocol, headers), fields: fieldsOf(headers, meta) };
};

const fieldsOf = (headers: RawHeaders, meta: GatewayRequest['meta']): ToldHeadField[] => {
  const fates: { fate: FieldFate | 'replaced'; variable: string | undefined }[] = [];
  // Whether Authorization is passed on was decided for each place; what the program was told says how.
  const passAuth = meta.has('HTTP_AUTHORIZATION');
  headerVariables(
    headers,
    passAuth,
    () => {},
    (at, fate, variable) => {
      const before = fate === 'variable' ? fates.find((other) => other.variable === variable) : undefined;
      if (before) Object.assign(before, { fate: 'replaced', variable: undefined });
      fates[at / 2] = { fate, variable };
    },
  );
  return fates.map(({ fate, variable }, i) => {
    const name = headers[2 * i]!;
    const wouldBe = `HTTP_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
    const value = isSecretField(name) ? {} : { value: recode(headers[2 * i + 1]!) };
    return { name, ...value, fate, ...(variable === undefined ? { wouldBe } : { variable }) };
  });
};

/** As clients write it: RFC 9112 §2.1, one space behind each colon. More of them are lost on the way here. */
const bytesOf = (method: string, target: string, protocol: string, headers: RawHeaders): number =>
  headers.reduce((sum, text) => sum + text.length + ': '.length, `${method} ${target} ${protocol}\r\n\r\n`.length);
