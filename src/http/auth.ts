/**
 * Who asks? RFC 7617 Basic authentication against an htpasswd file (`--basic-auth FILE`), before anything is routed.
 * A verified name becomes REMOTE_USER (RFC 3875 §4.1.11); a missing or wrong one AUTH_REQUIRED, a 401 with `challenge`.
 *
 *   Authorization: Basic base64(name:password)  →  line of the file  →  bcrypt · apr1 · {SHA}  →  name | undefined
 *
 * What must not be learnt from outside: a password (nothing clear is kept), or which names exist (every refusal costs the same).
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hash as bcryptHash } from 'bcryptjs';
import { verifiedLoginsKept } from '../limits.js';
import { shellWord } from './visible.js';

/** An htpasswd file is read whole. 1 MiB is some ten thousand users. */
const htpasswdBytesMax = 1024 * 1024;
/** A name goes into REMOTE_USER and the log; htpasswd itself takes 255 bytes. */
const userNameBytesMax = 255;
/** Name, colon and password. htpasswd takes 255 bytes of each; apr1 hashes a password a thousand times. */
const credentialBytesMax = 1024;
/** Each step doubles the work: 5 (htpasswd's default) is 2 ms, 10 is 60 ms, 14 is a second of this server's only thread. */
const bcryptCostMax = 14;

/** RFC 7617 §2.1: WWW-Authenticate's value; `charset` asks for names and passwords in UTF-8. */
export const challenge = 'Basic realm="cgi-serve", charset="UTF-8"';

export interface Authority {
  /** What WWW-Authenticate says in a 401. */
  readonly challenge: string;
  /** The user that an Authorization field's value proves, or undefined. Never rejects. */
  check(authorization: string | undefined): Promise<string | undefined>;
}

/** One way to keep a password: `same` tells whether the given one is it. */
interface Secret {
  /** Secrets of one kind cost the same to check: `bcrypt 10`, `apr1`, `sha`. */
  readonly kind: string;
  same(password: Buffer): boolean | Promise<boolean>;
}

interface Users {
  readonly secrets: ReadonlyMap<string, Secret>;
  /** One secret of each kind in the file: what a password is checked against when its user has none of that kind. */
  readonly decoys: readonly Secret[];
}

/**
 * Reads an htpasswd file, and reads it again when it has changed. A changed file that cannot be used leaves the users as they
 * were and `tell` is called, once for each such change, with a line that says why.
 * Throws Error `FILE:LINE: reason; remedy` when the file cannot be used at first.
 */
export const loadHtpasswd = (file: string, tell: (line: string) => void = () => {}): Authority => {
  let stamp = stampOf(file);
  let users = parseHtpasswd(readHtpasswd(file), file);
  if (users.secrets.size === 0)
    throw new Error(`${file}: names no user, so nobody could enter; add one: htpasswd -B ${shellWord(file)} NAME`);

  const verified = new Map<string, string>(); // keyed hash of `name:password` → name, the longest unused first
  const asked = new Map<string, Promise<string | undefined>>(); // the same, being checked: a browser opens six connections at once
  const key = randomBytes(32);
  let line: Promise<unknown> = Promise.resolve(); // one check at a time: other requests get a turn between two

  const refresh = (): void => {
    const seen = stampOf(file);
    if (seen === stamp) return;
    stamp = seen;
    try {
      users = parseHtpasswd(readHtpasswd(file), file);
      verified.clear();
      asked.clear();
    } catch (error) {
      tell(`${error instanceof Error ? error.message : error} (the users of before stay)`);
    }
  };

  const check = async (authorization: string | undefined): Promise<string | undefined> => {
    refresh();
    const login = decodeBasic(authorization);
    if (login === undefined) return undefined;
    const mark = createHmac('sha256', key).update(login.credentials).digest('base64');
    const known = verified.get(mark);
    if (known !== undefined) {
      verified.delete(mark); // to the end of the line of those to be forgotten
      verified.set(mark, known);
      return known;
    }
    const already = asked.get(mark);
    if (already !== undefined) return already;
    const now = users;
    const answer = line.then(() => verify(now, login)).catch(() => undefined);
    line = answer;
    asked.set(mark, answer);
    const name = await answer;
    if (asked.get(mark) === answer) asked.delete(mark);
    if (name !== undefined && now === users) {
      verified.set(mark, name);
      for (const oldest of verified.keys()) {
        if (verified.size <= verifiedLoginsKept) break;
        verified.delete(oldest);
      }
    }
    return name;
  };

  return { challenge, check };
};

// --- the header -------------------------------------------------------------------------------------------

interface Login {
  readonly credentials: Buffer;
  readonly name: string;
  readonly password: Buffer;
}

/** RFC 7617 §2: `Basic`, then base64 of name, colon, password; the first colon ends the name, the password may hold more. */
const decodeBasic = (authorization: string | undefined): Login | undefined => {
  const base64 = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '')?.[1];
  if (base64 === undefined || base64.length > Math.ceil(credentialBytesMax / 3) * 4) return undefined;
  const credentials = Buffer.from(base64, 'base64');
  if (credentials.toString('base64') !== base64) return undefined; // Node decodes what it can; the RFC knows one spelling
  const colon = credentials.indexOf(0x3a);
  if (colon < 0 || credentials.some((byte) => byte < 0x20 || byte === 0x7f)) return undefined; // RFC 7617 §2: no control characters
  if (utf8(credentials) === undefined) return undefined; // the challenge asked for UTF-8
  return { credentials, name: credentials.toString('utf8', 0, colon), password: credentials.subarray(colon + 1) };
};

/** The name, when its secret is this password. The work is one check of each kind in the file, whoever asks. */
const verify = async (users: Users, login: Login): Promise<string | undefined> => {
  const secret = users.secrets.get(login.name);
  let same = false;
  for (const decoy of users.decoys) {
    const mine = secret?.kind === decoy.kind;
    const matches = await (mine ? secret : decoy).same(login.password);
    if (mine && matches) same = true;
  }
  return same ? login.name : undefined;
};

// --- the file ---------------------------------------------------------------------------------------------

/** What changes when the file does; the reason when it cannot be looked at. */
const stampOf = (file: string): string => {
  try {
    const stat = statSync(file, { bigint: true });
    return `${stat.mtimeNs} ${stat.size} ${stat.ino}`;
  } catch (error) {
    return String(error);
  }
};

const readHtpasswd = (file: string): Buffer => {
  try {
    const size = statSync(file).size;
    if (size > htpasswdBytesMax) throw new Error(`it is larger than ${htpasswdBytesMax} bytes`);
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file}: cannot be read as an htpasswd file: ${error instanceof Error ? error.message : error}`);
  }
};

const parseHtpasswd = (bytes: Buffer, file: string): Users => {
  const secrets = new Map<string, Secret>();
  const lineOf = new Map<string, number>();
  const text = utf8(bytes);
  if (text === undefined) throw new Error(`${file}: holds bytes that are not UTF-8; save it as UTF-8`);
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const refuse = (why: string): never => {
      throw new Error(`${file}:${index + 1}: ${why}`);
    };
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    // Apache takes a third column as a remark.
    const [name = '', stored] = line.split(':');
    if (stored === undefined || name === '') return refuse('is not `name:password-hash`');
    if (/[\x00-\x1f\x7f]/.test(name)) return refuse('has a control character in the name');
    if (Buffer.byteLength(name) > userNameBytesMax) return refuse(`has a name longer than ${userNameBytesMax} bytes`);
    if (secrets.has(name)) return refuse(`names ${shellWord(name)} again, after line ${lineOf.get(name)}; keep one of the two`);
    const remake = `remake it with: htpasswd -B ${shellWord(file)} ${shellWord(name)}`;
    const secret =
      secretOf(stored) ?? refuse(`keeps the password of ${shellWord(name)} as ${nameOfFormat(stored)}, which is not read here; ${remake}`);
    if (secret === 'too dear')
      return refuse(`has a bcrypt cost over ${bcryptCostMax}, which would block the server for seconds; ${remake}`);
    secrets.set(name, secret);
    lineOf.set(name, index + 1);
  }
  const decoys = new Map<string, Secret>();
  for (const secret of secrets.values()) decoys.set(secret.kind, secret);
  return { secrets, decoys: [...decoys.values()] };
};

const secretOf = (stored: string): Secret | 'too dear' | undefined => {
  const bcrypt = /^(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{22})[./A-Za-z0-9]{31}$/.exec(stored);
  if (bcrypt !== null) {
    const [, salt = '', cost = ''] = bcrypt;
    if (Number(cost) < 4 || Number(cost) > 31) return undefined;
    if (Number(cost) > bcryptCostMax) return 'too dear';
    return { kind: `bcrypt ${cost}`, same: async (password) => equal(await bcryptHash(password.toString('utf8'), salt), stored) };
  }
  const apr1Salt = /^\$apr1\$([!-#%-~]{1,8})\$[./A-Za-z0-9]{22}$/.exec(stored)?.[1];
  if (apr1Salt !== undefined) return { kind: 'apr1', same: (password) => equal(apr1(password, apr1Salt), stored) };
  if (/^\{SHA\}[A-Za-z0-9+/]{27}=$/.test(stored)) {
    return { kind: 'sha', same: (password) => equal(`{SHA}${createHash('sha1').update(password).digest('base64')}`, stored) };
  }
  return undefined;
};

/** For the message only. A plain password is never repeated in it. */
const nameOfFormat = (stored: string): string => {
  const dollar = /^\$([0-9a-z]{1,8})\$/.exec(stored)?.[1];
  if (dollar === '5') return 'SHA-256 crypt ($5$)';
  if (dollar === '6') return 'SHA-512 crypt ($6$)';
  if (dollar === '1') return 'MD5 crypt ($1$)';
  if (dollar === 'apr1' || dollar?.startsWith('2')) return `a damaged or unknown $${dollar}$ hash`;
  if (dollar !== undefined) return `a crypt hash ($${dollar}$)`;
  const brace = /^\{([A-Za-z0-9]{1,12})\}/.exec(stored)?.[1];
  if (brace !== undefined) return brace === 'SHA' ? 'a damaged {SHA} hash' : `a {${brace}} hash`;
  if (/^[./A-Za-z0-9]{13}$/.test(stored)) return 'DES crypt or plain text';
  return stored === '' ? 'nothing at all' : 'plain text';
};

/**
 * Apache's own MD5 hash, apr_md5_encode(): Poul-Henning Kamp's md5-crypt of 1994 with another magic word.
 * Odd on purpose: nothing here follows from anything, it only has to be the same everywhere.
 */
const apr1 = (password: Buffer, salt: string): string => {
  const saltBytes = Buffer.from(salt, 'utf8');
  const md5 = (...pieces: Buffer[]): Buffer => {
    const hash = createHash('md5');
    for (const piece of pieces) hash.update(piece);
    return hash.digest();
  };

  let digest = md5(password, saltBytes, password);
  const start = [password, Buffer.from('$apr1$'), saltBytes];
  for (let left = password.length; left > 0; left -= 16) start.push(digest.subarray(0, Math.min(16, left)));
  for (let bits = password.length; bits > 0; bits >>= 1) start.push((bits & 1) === 1 ? Buffer.of(0) : password.subarray(0, 1));
  digest = md5(...start);

  const none = Buffer.alloc(0);
  for (let turn = 0; turn < 1000; turn++) {
    const odd = turn % 2 === 1;
    digest = md5(odd ? password : digest, turn % 3 > 0 ? saltBytes : none, turn % 7 > 0 ? password : none, odd ? digest : password);
  }

  const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const at = (index: number): number => digest[index] ?? 0;
  let text = '';
  const encode = (value: number, letters: number): void => {
    for (let rest = value, left = letters; left > 0; left--, rest >>= 6) text += alphabet[rest & 63];
  };
  for (const [a, b, c] of [
    [0, 6, 12],
    [1, 7, 13],
    [2, 8, 14],
    [3, 9, 15],
    [4, 10, 5],
  ] as const)
    encode((at(a) << 16) | (at(b) << 8) | at(c), 4);
  encode(at(11), 2);
  return `$apr1$${salt}$${text}`;
};

const equal = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const utf8 = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
