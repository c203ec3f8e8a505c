/**
 * Who may come in. The lab shows secrets and starts programs, on a machine whose browser also visits other sites; what keeps those out:
 *
 *   Host      names this listener by a loopback address, or `localhost`. A name that somebody else's DNS leads here (rebinding) is none.
 *   Origin    where a browser says it, is the lab's own. On what changes something it must be said, or the key itself.
 *   the key   comes in the URL's fragment, which no browser sends anywhere; the page trades it for a cookie. Programs send it as
 *             `Authorization: Bearer KEY`.
 *
 * Cookies know no ports: one for all of 127.0.0.1 would also go to the scripts' server, and so into their environment. Ours is bound to a
 * path that nobody can guess, and the page lives there.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Words } from '../failures.js';

export interface Door {
  readonly key: string;
  /** Where the page and all that the cookie opens lives: `/lab-…/`. */
  readonly home: string;
  /** Set when the key was right. */
  readonly cookie: string;
  /** Why a request is turned away, whatever it asks for; undefined when it is not. */
  stranger(message: IncomingMessage): Refusal | undefined;
  /** Why it may not see what the lab shows, or change something. */
  uninvited(message: IncomingMessage): Refusal | undefined;
  fits(key: string): boolean;
}

export interface Refusal {
  readonly status: number;
  readonly why: Words;
}

/** `anyAddress`: also by other addresses than loopback, as numbers: what has no name cannot be rebound. */
export const door = (anyAddress: boolean): Door => {
  const key = randomBytes(18).toString('base64url');
  const session = randomBytes(18).toString('base64url');
  const home = `/lab-${randomBytes(9).toString('base64url')}/`;
  const keyFits = secretCheck(key);
  const sessionFits = secretCheck(session);

  const hasKey = ({ headers }: IncomingMessage): boolean => {
    const [, bearer] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    return bearer !== undefined && keyFits(bearer);
  };
  const hasCookie = ({ headers }: IncomingMessage): boolean =>
    (headers.cookie ?? '').split(/; */).some((pair) => pair.startsWith('lab=') && sessionFits(pair.slice(4)));

  return {
    key,
    home,
    cookie: `lab=${session}; Path=${home}; HttpOnly; SameSite=Strict`,
    stranger(message) {
      const { host, origin, 'sec-fetch-site': site } = message.headers;
      if (host === undefined || !isOurs(host, message.socket.localPort, anyAddress)) return refusals.host;
      if (origin !== undefined && origin !== `http://${host}`) return refusals.origin;
      // A page of the same host and another port is «same-site»: the scripts' own. `none` is the address bar.
      const apart = site !== undefined && site !== 'same-origin' && site !== 'none';
      return apart && !isVisit(message) ? refusals.origin : undefined;
    },
    uninvited(message) {
      if (hasKey(message)) return undefined;
      if (!hasCookie(message)) return refusals.key;
      return isReading(message) || message.headers.origin !== undefined ? undefined : refusals.origin;
    },
    fits: keyFits,
  };
};

/** `host[:port]` as a browser says it. */
const isOurs = (host: string, port: number | undefined, anyAddress: boolean): boolean => {
  const [, name = '', said = '80'] = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(host) ?? [];
  if (Number(said) !== port) return false;
  const address = name.replace(/^\[|\]$/g, '');
  return /^localhost$/i.test(name) || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address) || (anyAddress && isIP(address) !== 0);
};

/** A link that leads here, followed by a person: the page alone, which shows nothing without a key. */
const isVisit = (message: IncomingMessage): boolean =>
  isReading(message) && message.headers['sec-fetch-mode'] === 'navigate' && message.headers['sec-fetch-dest'] === 'document';

export const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';

/** In a time that tells nothing of how much was right. */
const secretCheck = (secret: string): ((said: string) => boolean) => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const wanted = digest(secret);
  return (said) => timingSafeEqual(digest(said), wanted);
};

const refusals = {
  host: {
    status: 421,
    why: {
      en: 'The lab answers under localhost or its own address in numbers, with its own port.',
      zh: '请以 localhost 或数字形式的地址加其自身端口访问实验室。',
    },
  },
  origin: { status: 403, why: { en: 'The lab does not answer pages of other sites.', zh: '实验室不应答其他站点的页面。' } },
  key: {
    status: 401,
    why: {
      en: 'Open the Lab URL that cgi-serve has printed: it has the key. Programs send it as Authorization: Bearer KEY.',
      zh: '请打开 cgi-serve 打印的实验室 URL，其中含有密钥。程序以 Authorization: Bearer KEY 发送密钥。',
    },
  },
} as const satisfies Record<string, Refusal>;
