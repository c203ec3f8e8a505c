/**
 * The first room: Node's parsed message becomes a plain value, or a coded failure when it is not what RFC 9112 allows.
 * Node's strict parser has refused broken framing already (server.ts turns its errors into failures); here it is decided
 * whom and what the request names.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Failure, failure } from '../failures.js';
import type { Endpoint, HttpRequest } from '../types.js';

export const readRequest = (message: IncomingMessage, target = message.url ?? '/'): HttpRequest | Failure => {
  const { socket, rawHeaders } = message;
  const protocol = `HTTP/${message.httpVersion}`;
  if (protocol !== 'HTTP/1.1' && protocol !== 'HTTP/1.0') return failure('VERSION_UNSUPPORTED', { detail: protocol });
  const hosts = fieldValues(rawHeaders, 'host');
  // RFC 9112 §3.2 — none in HTTP/1.1, or two, is an attempt to be two sites at once.
  if (hosts.length > 1 || (hosts.length === 0 && protocol === 'HTTP/1.1'))
    return failure('HOST_INVALID', { detail: `${hosts.length} Host fields` });
  const host = hosts[0];
  if (host !== undefined && !isAuthority(host)) return failure('HOST_INVALID', { detail: host });
  const form = readTarget(target);
  if (form === undefined) return failure('BAD_REQUEST', { detail: `request target ${target.slice(0, 100)}` });
  // RFC 9112 §3.2.2 — an absolute target's authority replaces Host, for the script, too.
  const authority = form.authority ?? host;
  const headers = form.authority === undefined ? rawHeaders : withHost(rawHeaders, form.authority);
  const question = form.origin.indexOf('?');
  return {
    method: message.method ?? 'GET',
    target,
    path: question < 0 ? form.origin : form.origin.slice(0, question),
    query: question < 0 ? '' : form.origin.slice(question + 1),
    protocol,
    headers,
    authority: authority === '' ? undefined : authority,
    scheme: (socket as TLSSocket).encrypted === true ? 'https' : 'http',
    client: endpoint(socket.remoteAddress, socket.remotePort),
    server: endpoint(socket.localAddress, socket.localPort),
  };
};

/** Values of one field, in order. `name` in lower case. */
export const fieldValues = (headers: readonly string[], name: string): string[] => {
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]!.length === name.length && headers[i]!.toLowerCase() === name) values.push(headers[i + 1]!);
  }
  return values;
};

const withHost = (headers: readonly string[], host: string): string[] =>
  headers.map((text, i) => (i % 2 === 1 && headers[i - 1]!.toLowerCase() === 'host' ? host : text));

/** RFC 9112 §3.2: origin-form, absolute-form, or `*`, whose path is `*` itself. A fragment is never sent. */
const readTarget = (target: string): { origin: string; authority: string | undefined } | undefined => {
  if (target.includes('#')) return undefined;
  if (target.startsWith('/') || target === '*') return { origin: target, authority: undefined };
  const [, authority, origin = ''] = /^https?:\/\/([^/?]+)(.*)$/is.exec(target) ?? [];
  if (authority === undefined || !isAuthority(authority)) return undefined;
  return { origin: origin.startsWith('/') ? origin : `/${origin}`, authority };
};

/** RFC 3986 §3.2.2 host [":" port], without userinfo: a name that carries a password is a trick. Empty is allowed (RFC 9112 §3.2). */
const isAuthority = (text: string): boolean => {
  if (text.startsWith(':')) return false; // RFC 9110 §4.2.1: a port of nobody.
  const [, port] = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::(\d*))?$/.exec(text) ?? [undefined, '-1'];
  return Number(port ?? 0) >= 0 && Number(port ?? 0) <= 65_535;
};

const endpoint = (address: Socket['remoteAddress'], port: number | undefined): Endpoint => ({
  // A dual-stack socket shows IPv4 as ::ffff:1.2.3.4; a script wants 1.2.3.4. A zone (%eth0) is the host's business.
  address: (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, ''),
  port: port ?? 0,
});

/** Who may see how it works inside: someone at this machine (127.0.0.0/8 or ::1), and no proxy in between says otherwise. */
export const seesDetails = (
  policy: 'loopback' | 'always' | 'never',
  message: { socket: Socket; rawHeaders?: readonly string[] },
): boolean => {
  if (policy !== 'loopback') return policy === 'always';
  const { address } = endpoint(message.socket.remoteAddress, 0);
  return /^(127\.|::1$)/.test(address) && !message.rawHeaders?.some((name, i) => i % 2 === 0 && viaProxy.test(name));
};

const viaProxy = /^(forwarded|via|x-forwarded-\w+|x-real-ip)$/i;
