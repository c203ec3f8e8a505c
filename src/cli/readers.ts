/**
 * How a value is read: one reader for each kind of value, used for flags, environment names and the config file alike.
 * A reader answers undefined for what it does not understand; who asked says where that stood.
 */
import { resolve } from 'node:path';
import type { Words } from '../failures.js';
import { words } from './words.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Reader<T> {
  /** How help names the value: `PORT`. */
  readonly placeholder: string;
  /** Completes «… takes». */
  readonly expected: Words;
  /** One value, as a config file may write it. */
  readonly schema: JsonSchema;
  readonly read: (text: string) => T | undefined;
  /** What a shell may offer. */
  readonly completes?: 'file' | 'directory' | readonly string[];
  /** A relative path in a config file is relative to that file's folder. */
  rebase?(value: T, folder: string): T;
  /** `NAME=VALUE`: a config file may also write `{ "NAME": "VALUE" }`. */
  readonly isPair?: true;
}

export const port: Reader<number> = {
  placeholder: 'PORT',
  expected: words('a number from 0 to 65535; 0 takes any free one', '0 到 65535 的数字；0 表示任一空闲端口'),
  schema: { type: 'integer', minimum: 0, maximum: 65535 },
  read: (text) => within(text, 0, 65535),
};

export const count = (least: number, most = 1_000_000): Reader<number> => ({
  placeholder: 'N',
  expected: words(`a whole number from ${least} to ${most}`, `${least} 到 ${most} 的整数`),
  schema: { type: 'integer', minimum: least, maximum: most },
  read: (text) => within(text, least, most),
});

const within = (text: string, least: number, most: number): number | undefined => {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= least && value <= most ? value : undefined;
};

/** Longer than this a timer of Node's fires at once. */
const timerMsMax = 2 ** 31 - 1;
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Seconds as people write them, milliseconds as the program counts them. */
export const duration = (zero: Words): Reader<number> => ({
  placeholder: 'SECONDS',
  expected: words(
    `seconds (30, 1.5) or a number with its unit (500ms, 2m, 1h), at most 24 days; 0: ${zero.en}`,
    `秒数（30、1.5）或带单位的数（500ms、2m、1h），最多 24 天；0：${zero.zh}`,
  ),
  schema: {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: '^[0-9]+([.][0-9]+)?(ms|s|m|h)?$' },
    ],
  },
  read: (text) => {
    const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
    if (!parts) return undefined;
    const ms = Math.round(Number(parts[1]) * unitMs[parts[2] ?? 's']!);
    // A time too small to count is not «none».
    if (ms === 0 && /[1-9]/.test(parts[1]!)) return 1;
    return ms <= timerMsMax ? ms : undefined;
  },
});

const unitBytes: Readonly<Record<string, number>> = {
  ...{ '': 1, B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 },
  ...{ KIB: 1024, MIB: 1024 ** 2, GIB: 1024 ** 3, TIB: 1024 ** 4, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
};

export const size: Reader<number> = {
  placeholder: 'BYTES',
  expected: words(
    'a number of bytes, with K, M, G or KiB, MiB, GiB for powers of 1024 and kB, MB, GB for powers of 1000; 0: no limit',
    '字节数；K、M、G 或 KiB、MiB、GiB 为 1024 的幂，kB、MB、GB 为 1000 的幂；0：不限制',
  ),
  schema: {
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: '^[0-9]+([.][0-9]+)? ?([KMGTkmgt]i?)?[Bb]?$' },
    ],
  },
  read: (text) => {
    const parts = /^(\d+(?:\.\d+)?) ?([kmgt]?(?:i?b)?)$/i.exec(text);
    const unit = parts && unitBytes[parts[2]!.toUpperCase()];
    if (!parts || unit === undefined || unit === null) return undefined;
    const bytes = Math.round(Number(parts[1]) * unit);
    return Number.isSafeInteger(bytes) ? bytes : undefined;
  },
};

export const choice = <T extends string>(...names: readonly T[]): Reader<T> => ({
  placeholder: names.join('|'),
  expected: words(`one of ${names.join(', ')}`, `${names.join('、')} 之一`),
  schema: { enum: names },
  completes: names,
  read: (text) => names.find((name) => name === text),
});

export const text = (placeholder: string, expected: Words): Reader<string> => ({
  placeholder,
  expected,
  schema: { type: 'string', minLength: 1 },
  read: (value) => (value.includes('\0') ? undefined : value),
});

const rebase = (path: string, folder: string): string => resolve(folder, path);

export const file: Reader<string> = { ...text('FILE', words('the path of a file', '文件路径')), completes: 'file', rebase };
/** A file, a folder or a glob. */
export const watched: Reader<string> = {
  ...text('PATH', words('the path of a file or folder, or a glob', '文件或文件夹的路径，或 glob')),
  completes: 'file',
  rebase,
};
export const directory: Reader<string> = {
  ...text('DIR', words('the path of a directory', '目录路径')),
  completes: 'directory',
  rebase,
};

/** A host name or an address; a port does not belong here. */
export const address: Reader<string> = {
  ...text('ADDRESS', words('a host name or an IP address, without a port (--port)', '主机名或 IP 地址，不含端口（--port）')),
  read: (value) => {
    const bare = value.replace(/^\[([0-9A-Fa-f:.%]+)\]$/, '$1');
    if (/^[A-Za-z0-9_.-]+$/.test(bare)) return bare;
    return /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9_.-]+)?$/.test(bare) && bare.split(':').length > 2 ? bare : undefined;
  },
};

/** `/cgi-bin/`: with a slash at both ends. */
export const urlPrefix: Reader<string> = {
  ...text(
    'PATH',
    words('a URL path that begins with /, of letters, digits and - . _ ~', '以 / 开头的 URL 路径，由字母、数字与 - . _ ~ 组成'),
  ),
  schema: { type: 'string', pattern: '^/' },
  read: (value) => {
    if (!/^\/(?:[A-Za-z0-9._~-]+\/?)*$/.test(value) || /\/\.{1,2}(?:\/|$)/.test(value)) return undefined;
    return value.endsWith('/') ? value : `${value}/`;
  },
};

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const variable: Reader<string> = {
  ...text('NAME', words('the name of an environment variable', '环境变量名')),
  read: (value) => (variableName.test(value) ? value : undefined),
};

export const assignment: Reader<readonly [name: string, value: string]> = {
  placeholder: 'NAME=VALUE',
  expected: words('a variable and its value, joined by =', '变量与其值，以 = 连接'),
  schema: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*=' },
  isPair: true,
  read: (value) => {
    const at = value.indexOf('=');
    return at > 0 && variableName.test(value.slice(0, at)) && !value.includes('\0') ? [value.slice(0, at), value.slice(at + 1)] : undefined;
  },
};

export const interpreter: Reader<readonly [extension: string, program: string]> = {
  placeholder: '.EXT=PROGRAM',
  expected: words('an extension with its dot and a program, joined by =: .php=php-cgi', '带点的扩展名与程序，以 = 连接：.php=php-cgi'),
  schema: { type: 'string', pattern: '^[.][^./=]+=.' },
  isPair: true,
  // A bare name is looked up on PATH; only what looks like a path is one.
  rebase: ([extension, program], folder) => [extension, /^\.{1,2}\//.test(program) ? resolve(folder, program) : program],
  read: (value) => {
    const parts = /^(\.[^./=\s]+)=([^\0]+)$/.exec(value);
    return parts ? [parts[1]!, parts[2]!] : undefined;
  },
};

/** Judged whole when the site is opened: there it is known what an address is. */
export const mount: Reader<readonly [where: string, address: string]> = {
  placeholder: 'WHERE=ADDRESS',
  expected: words(
    'a URL path (/app) or an extension (.php), and unix:/path or host:port, joined by =',
    'URL 路径（/app）或扩展名（.php），以及 unix:/路径 或 主机:端口，以 = 连接',
  ),
  schema: { type: 'string', pattern: '^[./][^=]*=.' },
  isPair: true,
  read: (value) => {
    const parts = /^([./][^=\s]*)=([^\s\0]+)$/.exec(value);
    return parts ? [parts[1]!, parts[2]!] : undefined;
  },
};

/** A command has spaces, and may have an = of its own. */
export const poolMount: Reader<readonly [where: string, command: string]> = {
  placeholder: 'WHERE=COMMAND',
  expected: words(
    "a URL path (/app) or an extension (.php), and a command, joined by =: '.php=php-cgi'",
    "URL 路径（/app）或扩展名（.php），以及命令，以 = 连接：'.php=php-cgi'",
  ),
  schema: { type: 'string', pattern: '^[./][^=]*=.' },
  isPair: true,
  read: (value) => {
    const parts = /^([./][^=\s]*)=\s*([^\s\0][^\0]*)$/.exec(value);
    return parts ? [parts[1]!, parts[2]!.trimEnd()] : undefined;
  },
};

/** `4`, `2..8`. */
export const workers: Reader<{ readonly min: number; readonly max: number }> = {
  placeholder: 'N|MIN..MAX',
  expected: words('a number from 1 to 1000, or a range such as 2..8 or 0..4', '1 到 1000 的数，或范围，如 2..8、0..4'),
  schema: {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: 1_000 },
      { type: 'string', pattern: '^[0-9]+\\.\\.[0-9]+$' },
    ],
  },
  read: (value) => {
    const parts = /^(\d{1,4})(?:\.\.(\d{1,4}))?$/.exec(value);
    if (!parts) return undefined;
    const [min, max] = [Number(parts[1]), Number(parts[2] ?? parts[1])];
    return max >= 1 && max <= 1_000 && min <= max ? { min, max } : undefined;
  },
};

export const wsgiMount: Reader<readonly [where: string, target: string]> = {
  placeholder: '[PREFIX=]TARGET',
  expected: words(
    'module:callable or path/file.py:callable, and before it a URL path and =: /api=app:application',
    'module:callable 或 path/file.py:callable，其前可有 URL 路径与 =：/api=app:application',
  ),
  schema: { type: 'string' },
  read: (value) => {
    const parts = /^(?:(\/[^=\s]*)=)?([^=\s\0-][^=\s\0]*)$/.exec(value);
    return parts ? [parts[1] ?? '/', parts[2]!] : undefined;
  },
};

/** A mount that is a place and no kind of file. */
export const placeMount: Reader<readonly [where: string, address: string]> = {
  ...mount,
  expected: words(
    'a URL path (/private), and unix:/path or host:port, joined by =',
    'URL 路径（/private），以及 unix:/路径 或 主机:端口，以 = 连接',
  ),
  schema: { type: 'string', pattern: '^/[^=]*=.' },
  read: (value) => (value.startsWith('/') ? mount.read(value) : undefined),
};

export const headerLine: Reader<readonly [name: string, value: string]> = {
  placeholder: "'NAME: VALUE'",
  expected: words("a header field: 'Name: value'", "首部字段：'名称: 值'"),
  schema: { type: 'string' },
  read: (value) => {
    const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)$/.exec(value);
    return parts ? [parts[1]!, parts[2]!.trimEnd()] : undefined;
  },
};

export const method: Reader<string> = {
  ...text('METHOD', words('a method name such as GET, POST or PUT', '方法名，如 GET、POST、PUT')),
  completes: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  read: (value) => (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value) ? value : undefined),
};
