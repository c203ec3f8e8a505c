/**
 * RFC 3875 §4.1: the meta-variables, in the RFC's order, then the customary extras. The one place that knows them; CGI gives
 * them as the environment, and every wire (FastCGI, SCGI, uwsgi) will only spell the same map. Pure.
 *
 * Built from nothing: what is not said here, or named by --env and --pass-env, does not reach a script.
 */
import { recode } from '../bytes.js';
import type { HttpRequest, MetaVariables, RawHeaders } from '../types.js';

/** What the way to the script found out; everything else comes from the request. */
export interface MetaFacts {
  /** §4.1.13, decoded: `/cgi-bin/a.py`. */
  readonly scriptName: string;
  /** §4.1.5, decoded: `/x/y`; `''` when the URL ends with the script. */
  readonly pathInfo: string;
  /** §4.1.6: PATH_INFO under the document root; undefined when there is none, or when it would lead outside. */
  readonly pathTranslated: string | undefined;
  /** The script's absolute real path; undefined where no file stands behind the URL. */
  readonly scriptFile: string | undefined;
  readonly documentRoot: string | undefined;
  /** §4.1.2: bytes of the body after transfer codings are removed; undefined when there is no body or its length is not known. */
  readonly contentLength: number | undefined;
  /** §4.1.11: who we checked it is; undefined when we checked nobody. */
  readonly user: string | undefined;
}

export interface MetaPolicy {
  readonly software: string;
  readonly passAuth: boolean;
  /** PATH, `--pass-env` and `--env`: never a reserved name, which is refused at start. */
  readonly extra: MetaVariables;
}

export const metaVariables = (
  request: HttpRequest,
  facts: MetaFacts,
  policy: MetaPolicy,
  note: (text: string) => void,
): Map<string, string> => {
  const vars = new Map<string, string>(policy.extra);
  const fields = headerVariables(request.headers, policy.passAuth, note);

  // §4.1.1 — only when the server itself checked; copying the client's word would forge a login.
  if (facts.user !== undefined) vars.set('AUTH_TYPE', 'Basic');
  // §4.1.2 — after removing transfer codings; unset when no body is attached.
  if (facts.contentLength !== undefined) vars.set('CONTENT_LENGTH', String(facts.contentLength));
  // §4.1.3 — what the client said, and nothing when it said nothing.
  const type = fields.get('CONTENT_TYPE');
  if (type !== undefined) vars.set('CONTENT_TYPE', type);
  vars.set('GATEWAY_INTERFACE', 'CGI/1.1'); // §4.1.4
  vars.set('PATH_INFO', facts.pathInfo); // §4.1.5 — decoded, case kept.
  // §4.1.6 — unset when PATH_INFO is empty.
  if (facts.pathTranslated !== undefined) vars.set('PATH_TRANSLATED', facts.pathTranslated);
  vars.set('QUERY_STRING', recode(request.query)); // §4.1.7 — always there, not decoded.
  vars.set('REMOTE_ADDR', request.client.address); // §4.1.8
  vars.set('REMOTE_HOST', request.client.address); // §4.1.9 — the address stands in for a name: no look-up on a request's way.
  // §4.1.10 REMOTE_IDENT: nobody asks identd any more.
  if (facts.user !== undefined) vars.set('REMOTE_USER', facts.user); // §4.1.11
  vars.set('REQUEST_METHOD', request.method); // §4.1.12
  vars.set('SCRIPT_NAME', facts.scriptName); // §4.1.13 — with the prefix: the Script-URI must lead back here (§3.3).
  vars.set('SERVER_NAME', serverName(request)); // §4.1.14
  vars.set('SERVER_PORT', String(request.server.port)); // §4.1.15 — the port the request was received on, whatever Host says.
  vars.set('SERVER_PROTOCOL', request.protocol); // §4.1.16 — the client's, not ours.
  vars.set('SERVER_SOFTWARE', policy.software); // §4.1.17

  // §4.1.18 — protocol-specific variables: the header fields.
  for (const [name, value] of fields) if (name.startsWith('HTTP_')) vars.set(name, value);

  // Not in the RFC, and expected by PHP, Perl's CGI.pm and twenty years of scripts.
  vars.set(
    'REQUEST_URI',
    recode(request.path) + (request.query === '' && !request.target.includes('?') ? '' : `?${recode(request.query)}`),
  );
  if (facts.scriptFile !== undefined) vars.set('SCRIPT_FILENAME', facts.scriptFile);
  if (facts.documentRoot !== undefined) vars.set('DOCUMENT_ROOT', facts.documentRoot);
  vars.set('REQUEST_SCHEME', request.scheme);
  if (request.scheme === 'https') vars.set('HTTPS', 'on');
  vars.set('SERVER_ADDR', request.server.address);
  vars.set('REMOTE_PORT', String(request.client.port));
  vars.set('REDIRECT_STATUS', '200'); // php-cgi runs nothing without it.
  return vars;
};

/**
 * §4.1.14: the name in the request, `[v6]` in brackets, without its port; the socket's own address when HTTP/1.0 named none.
 */
const serverName = (request: HttpRequest): string => {
  const host = request.authority?.replace(/:\d*$/, '');
  if (host) return host;
  return request.server.address.includes(':') ? `[${request.server.address}]` : request.server.address;
};

/**
 * What became of a header field. `variable`: one of its own; of a second Content-Type, in the place of the first. `joined`: its variable
 * has the field before it as well. All others became none: `name` would collide, `function` looks like one of a shell.
 */
export type FieldFate = 'variable' | 'joined' | 'name' | 'function' | 'authorization' | Withheld;
type Withheld = 'proxy' | 'secret' | 'length' | 'connection';

/** Told of each field, by its place among the raw headers, for the lab. */
export type JudgeField = (at: number, fate: FieldFate, variable: string | undefined) => void;

/** Header fields under their variables' names. Several of one name become one value with the same meaning. */
export const headerVariables = (
  headers: RawHeaders,
  passAuth: boolean,
  note: (text: string) => void,
  judge: JudgeField = () => {},
): Map<string, string> => {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    const key = name.toLowerCase();
    const kept = key === 'authorization' && !passAuth ? 'authorization' : withheld.get(key);
    if (kept !== undefined) {
      judge(i, kept, undefined);
      continue;
    }
    // `X_Forwarded_For` and `X-Forwarded-For` would become one variable: the second could forge the first.
    if (!/^[A-Za-z0-9-]+$/.test(name)) {
      note(`header ${name} not passed on: its name would collide`);
      judge(i, 'name', undefined);
      continue;
    }
    const value = recode(headers[i + 1]!);
    if (looksLikeFunction(value)) {
      note(`header ${name} not passed on: it looks like a shell function`);
      judge(i, 'function', undefined);
      continue;
    }
    const variable = key === 'content-type' ? 'CONTENT_TYPE' : `HTTP_${name.toUpperCase().replaceAll('-', '_')}`;
    const before = variable === 'CONTENT_TYPE' ? undefined : fields.get(variable);
    fields.set(variable, before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`);
    judge(i, before === undefined ? 'variable' : 'joined', variable);
  }
  return fields;
};

/**
 * Fields a script never sees. Proxy would become HTTP_PROXY, which HTTP clients obey (CVE-2016-5385). Proxy-Authorization is
 * a secret (§9.2). Content-Length has its own variable (§4.1.2). The rest speak of the connection, which ends at this server.
 */
const withheld: ReadonlyMap<string, Withheld> = new Map<string, Withheld>([
  ['proxy', 'proxy'],
  ['proxy-authorization', 'secret'],
  ['content-length', 'length'],
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'].map(
    (name): [string, Withheld] => [name, 'connection'],
  ),
]);

/** CVE-2014-6271: an old bash runs such a value. */
export const looksLikeFunction = (value: string): boolean => /^\s*\(\s*\)\s*\{/.test(value);

/** Names that `--env` may not set: what we compute cannot be overridden from outside (CVE-2025-65082). */
export const isReserved = (name: string): boolean => reserved.has(name) || name.startsWith('HTTP_');

/** In the order of §4.1.1 to §4.1.17. */
const sections = [
  ...['AUTH_TYPE', 'CONTENT_LENGTH', 'CONTENT_TYPE', 'GATEWAY_INTERFACE', 'PATH_INFO', 'PATH_TRANSLATED', 'QUERY_STRING'],
  ...['REMOTE_ADDR', 'REMOTE_HOST', 'REMOTE_IDENT', 'REMOTE_USER', 'REQUEST_METHOD', 'SCRIPT_NAME', 'SERVER_NAME', 'SERVER_PORT'],
  ...['SERVER_PROTOCOL', 'SERVER_SOFTWARE'],
];

const reserved = new Set([
  ...sections,
  ...['REQUEST_URI', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'REQUEST_SCHEME', 'HTTPS', 'SERVER_ADDR', 'REMOTE_PORT', 'REDIRECT_STATUS'],
]);

/** The section of RFC 3875 that defines a variable, for those who show them; undefined for the extras. */
export const sectionOf = (name: string): string | undefined => {
  if (name.startsWith('HTTP_')) return '§4.1.18';
  const index = sections.indexOf(name);
  return index < 0 ? undefined : `§4.1.${index + 1}`;
};
