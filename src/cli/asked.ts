/**
 * What `run` and `time` are asked: which script, of which directory, and the request a client would have sent for it. Made by
 * hand here, because there is no socket; from the routing on everything is the server's own (alone.ts). `wire encode` asks for
 * the request alone.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { asUrl } from '../route/resolve.js';
import { prefixSegments } from '../site.js';
import type { HttpRequest } from '../types.js';
import { software } from '../version.js';
import type { Values } from './options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { Mistake, shellQuoted, visible, words } from './words.js';

export interface Asked {
  /** Absolute. */
  readonly file: string;
  /** The script directory it belongs to, absolute. */
  readonly root: string;
  readonly request: HttpRequest;
  readonly data: Buffer | undefined;
}

/** From the operands SCRIPT and URL. Throws a Mistake. */
export const askedOf = (said: Said, terminal: Terminal): Asked => {
  const { command, values, operands } = said;
  const [script = '', url = '', ...more] = operands;
  if (more.length > 0) {
    const what = shellQuoted(more[0]!);
    throw new Mistake(2, words(`${command} takes a script and a URL; what is ${what}?`, `${command} 只接受脚本与 URL；${what} 是什么？`), [
      words("A URL with ? or & stands in quotes: '?a=1&b=2'", "含 ? 或 & 的 URL 应加引号：'?a=1&b=2'"),
    ]);
  }
  const file = scriptFile(script, said, terminal.cwd);
  const root = rootOf(file, said, terminal.cwd);
  const data = dataOf(values, terminal);
  return { file, root, request: requestFor(file, root, url, data, values, values.prefix ?? '/cgi-bin/'), data };
};

// --- which script ------------------------------------------------------------------------------------------------

const scriptFile = (named: string, said: Said, cwd: string): string => {
  const path = resolve(cwd, named);
  const stats = statSync(path, { throwIfNoEntry: false });
  const shown = visible(named);
  if (stats?.isDirectory()) {
    throw new Mistake(
      4,
      words(`${shown} is a directory; ${said.command} takes one script`, `${shown} 是目录；${said.command} 只接受一个脚本`),
      [
        words(
          `To examine all scripts in it: cgi-serve doctor ${shellQuoted(named)}`,
          `检查其中所有脚本：cgi-serve doctor ${shellQuoted(named)}`,
        ),
      ],
    );
  }
  if (stats !== undefined) return path;
  const inside = join(said.dir ?? 'cgi-bin', named);
  const exists = statSync(resolve(cwd, inside), { throwIfNoEntry: false })?.isFile();
  const hints = exists ? [words(`Did you mean ${shellQuoted(inside)}?`, `是否想用 ${shellQuoted(inside)}？`)] : [];
  throw new Mistake(4, words(`there is no script ${shown}`, `没有脚本 ${shown}`), hints);
};

/** The script directory this file belongs to: the configured one, `./cgi-bin`, a folder above that is called so, or its own. */
export const rootOf = (file: string, said: Said, cwd: string): string => {
  const configured = resolve(cwd, said.dir ?? 'cgi-bin');
  if (file.startsWith(configured + sep)) return configured;
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (/^(cgi-bin|htbin)$/.test(basename(folder))) return folder;
  }
  return dirname(file);
};

// --- what is asked -----------------------------------------------------------------------------------------------

export const dataOf = (values: Values, { cwd }: Terminal): Buffer | undefined => {
  const { data } = values;
  if (data === undefined || !data.startsWith('@')) return data === undefined ? undefined : Buffer.from(data);
  const source = data.slice(1);
  try {
    return readFileSync(source === '-' ? 0 : resolve(cwd, source));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Mistake(4, words(`--data ${data}: the file cannot be read: ${code}`, `--data ${data}：无法读取文件：${code}`));
  }
};

export const requestFor = (
  file: string,
  root: string,
  url: string,
  data: Buffer | undefined,
  values: Values,
  prefix: string,
): HttpRequest => requestTo(asUrl([...prefixSegments(prefix), ...relative(root, file).split(sep)]), url, data, values);

/** `url` is what follows `base`, or all of the URL. */
export const requestTo = (base: string, url: string, data: Buffer | undefined, values: Values): HttpRequest => {
  const { authority, target } = targetOf(url, base);
  const question = target.indexOf('?');
  const port = Number(/:(\d+)$/.exec(authority)?.[1] ?? 80);
  const typed = values.header ?? [];
  const isTyped = (name: string): boolean => typed.some(([n]) => n.toLowerCase() === name.toLowerCase());
  const usual: (readonly [string, string])[] = [
    ['Host', authority],
    ['User-Agent', software],
    ['Accept', '*/*'],
    ...(data === undefined
      ? []
      : ([
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Content-Length', String(data.length)],
        ] as const)),
  ];
  return {
    method: values.method ?? (data === undefined ? 'GET' : 'POST'),
    target,
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? '' : target.slice(question + 1),
    protocol: 'HTTP/1.1',
    headers: [...usual.filter(([name]) => !isTyped(name)), ...typed].flat(),
    authority: typed.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? authority,
    scheme: 'http',
    client: { address: '127.0.0.1', port: 50000 },
    server: { address: '127.0.0.1', port },
  };
};

/** `?a=1`, `/path/info?a=1`, or the whole URL with or without `http://host:port`. */
const targetOf = (url: string, base: string): { authority: string; target: string } => {
  if (/^https:/i.test(url))
    throw new Mistake(
      2,
      words(
        'cgi-serve speaks HTTP, not HTTPS: no request it takes has such a URL',
        'cgi-serve 只使用 HTTP 而不使用 HTTPS：它收到的请求没有这种 URL',
      ),
      [
        words(
          `The same over HTTP: ${shellQuoted(url.replace(/^https/i, 'http'))}`,
          `改用 HTTP：${shellQuoted(url.replace(/^https/i, 'http'))}`,
        ),
      ],
    );
  const [, authority = 'localhost:8000', rest = url] = /^http:\/\/([^/?#\s]+)([^#\s]*)/.exec(url) ?? [];
  const part = rest.replace(/#.*$/, '');
  if (/[\s\x00-\x1f]/.test(part))
    throw new Mistake(2, words(`a URL has no spaces: ${shellQuoted(url)}`, `URL 中不能有空格：${shellQuoted(url)}`));
  if (part !== '' && !/^[/?]/.test(part)) {
    throw new Mistake(
      2,
      words(`URL begins with / or ? or http://; got ${shellQuoted(url)}`, `URL 以 /、? 或 http:// 开头；得到 ${shellQuoted(url)}`),
      [
        words(
          `To send data: --data ${shellQuoted(url)}; as a query: ${shellQuoted(`?${url}`)}`,
          `发送数据：--data ${shellQuoted(url)}；作为查询：${shellQuoted(`?${url}`)}`,
        ),
      ],
    );
  }
  const whole = part === base || part.startsWith(`${base}/`) || part.startsWith(`${base}?`);
  const target = whole ? part : base + part;
  // RFC 9112 §3.2.1 — the path of a URL that has none is `/`.
  return { authority, target: target.startsWith('/') ? target : `/${target}` };
};
