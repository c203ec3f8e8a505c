/**
 * What is said once the server listens. On a terminal, a few lines; into a pipe, one; with the JSON log, one object. Pure.
 */
import type { Words } from '../failures.js';
import type { ScriptReport } from '../route/list.js';
import type { MountOption } from '../settings.js';
import type { Site } from '../site.js';
import type { Endpoint } from '../types.js';
import { portably } from './account.js';
import type { Palette } from './color.js';
import { inShort, sortScripts } from './scripts.js';
import { type Lang, padTo, say, visible, words } from './words.js';

export interface Ready {
  readonly version: string;
  readonly readyMs: number;
  /** In the order they were asked for; never empty. */
  readonly endpoints: readonly Endpoint[];
  /** Addresses of this machine that others can reach, for a server that listens on all. */
  readonly network: readonly string[];
  /** The lab's URL, with its key. */
  readonly lab: string | undefined;
  /** Something can be typed while it runs (keys.ts). */
  readonly keys: boolean;
  /** The default port was taken by someone else. */
  readonly busyPort: number | undefined;
  readonly prefix: string;
  /** As the user would name them; undefined: none. */
  readonly dir: string | undefined;
  readonly publicDir: string | undefined;
  readonly mounts: readonly MountOption[];
  /** Of each pool. */
  readonly workers: { readonly min: number; readonly max: number };
  readonly configFile: string | undefined;
  readonly births: Site['births'];
  readonly scripts: readonly ScriptReport[];
}

const brokenNamed = 4;

export const protocols = { fastcgi: 'FastCGI', scgi: 'SCGI', uwsgi: 'uwsgi' } as const;

export const banner = (ready: Ready, lang: Lang, p: Palette): string[] => {
  const { runnable, broken } = sortScripts(ready.scripts);
  const line = (label: string, text: string): string => `  ${p.green('➜')}  ${padTo(label, 9)} ${text}`;
  const more = (text: string): string => `  ${' '.repeat(13)}${text}`;
  const nameWidth = Math.max(0, ...broken.slice(0, brokenNamed).map((s) => s.path.length));
  const readyIn = words(`ready in ${Math.round(ready.readyMs)} ms`, `启动用时 ${Math.round(ready.readyMs)} 毫秒`);
  const unnamed = broken.length > brokenNamed ? ` (+${broken.length - brokenNamed})` : '';
  const at = p.dim(say(words('at', '位于'), lang));
  const lines = [
    '',
    `  ${p.bold(p.green(`cgi-serve ${ready.version}`))}   ${p.dim(say(readyIn, lang))}`,
    '',
    ...urls(ready).map(({ local, url }) => line(say(local ? words('Local:', '本机：') : words('Network:', '网络：'), lang), p.cyan(url))),
    ...(ready.lab === undefined
      ? []
      : [line(say(words('Lab:', '实验室：'), lang), `${p.cyan(ready.lab)}${ready.keys ? ` ${p.dim(say(labKey, lang))}` : ''}`)]),
    ...(ready.dir === undefined
      ? []
      : [
          line(
            say(words('Scripts:', '脚本：'), lang),
            `${visible(ready.dir)} ${at} ${ready.prefix} ${p.dim('·')} ${counted(runnable.length, broken.length, lang, p)}`,
          ),
        ]),
    ...broken.slice(0, brokenNamed).map((s) => more(`${p.yellow(padTo(visible(s.path), nameWidth))}  ${p.dim(inShort(s.failure, lang))}`)),
    ...(broken.length > 0 ? [more(p.dim(say(words('cgi-serve doctor says more', '详见 cgi-serve doctor'), lang) + unnamed))] : []),
    ...ready.mounts.map((mount) => {
      const to = mount.where.startsWith('/') ? at : p.dim(say(words('for', '处理'), lang));
      const [label, program] = named(mount);
      const kept = 'wire' in mount ? '' : ` ${p.dim('·')} ${say(howMany(ready.workers), lang)}`;
      return line(`${label}${say(words(':', '：'), lang)}`, `${visible(program)} ${to} ${visible(mount.where)}${kept}`);
    }),
    ...(ready.publicDir === undefined || ready.mounts.some(isWholeSite)
      ? []
      : [line(say(words('Static:', '静态：'), lang), `${visible(ready.publicDir)} ${at} /`)]),
    ...(ready.configFile === undefined ? [] : [line(say(words('Config:', '配置：'), lang), visible(ready.configFile))]),
    ...bornPortably(ready).map((text) => `     ${p.yellow(visible(say(text, lang)))}`),
    ...(ready.busyPort === undefined ? [] : [`     ${p.yellow(say(wasBusy(ready.busyPort), lang))}`]),
    `     ${p.dim(say(ready.keys ? stopAndKeys : words('Ctrl-C stops it', '按 Ctrl-C 停止'), lang))}`,
    '',
  ];
  return lines;
};

const labKey = words('(l + Enter opens it)', '（l + 回车打开）');
const stopAndKeys = words('Ctrl-C stops it; h + Enter lists other keys', '按 Ctrl-C 停止；h + 回车列出其他按键');

const named = (mount: MountOption): [label: string, program: string] => {
  if ('pool' in mount) return ['FastCGI', mount.pool];
  if ('wsgi' in mount) return ['WSGI', mount.wsgi];
  return [protocols[mount.wire], mount.address.replaceAll(',', ', ')];
};

const howMany = ({ min, max }: Ready['workers']): Words => {
  const count = min === max ? String(max) : `${min} … ${max}`;
  return words(`${count} worker${max === 1 ? '' : 's'}`, `${count} 个工作进程`);
};

/** It answers before any static file is looked for. */
const isWholeSite = ({ where }: MountOption): boolean => where === '/';

/** On Linux, where it need not be so. Elsewhere there is no other way, and nothing to say. */
export const bornPortably = ({ births, dir }: Pick<Ready, 'births' | 'dir'>): Words[] => {
  if (dir === undefined || births.by === 'native' || births.why === undefined || process.platform !== 'linux') return [];
  const text = portably(births.why);
  return [words(`processes are ${text.en}`, text.zh)];
};

const wasBusy = (port: number): Words => words(`port ${port} was busy`, `端口 ${port} 已被占用`);

/** For a pipe or a file. Tests and start-up scripts wait for it, so it is the same in every language. */
export const readyLine = (ready: Ready): string => {
  const { address, port } = ready.endpoints[0]!;
  return `cgi-serve listening on http://${inUrl(address)}:${port}${ready.busyPort === undefined ? '' : ` (${ready.busyPort} was busy)`}`;
};

/** The JSON log's first line. */
export const readyRecord = (ready: Ready, at: number, pid: number): string => {
  const { runnable, broken } = sortScripts(ready.scripts);
  const { address, port } = ready.endpoints[0]!;
  return JSON.stringify({
    ts: new Date(at).toISOString(),
    level: 'info',
    event: 'ready',
    version: ready.version,
    url: `http://${inUrl(address)}:${port}`,
    urls: ready.endpoints.map((endpoint) => `http://${inUrl(endpoint.address)}:${endpoint.port}`),
    port,
    prefix: ready.dir === undefined ? null : ready.prefix,
    mounts: ready.mounts,
    // Logs are kept and sent around; the key is not for them.
    lab: ready.lab?.replace(/\/#.*/, '') ?? null,
    busy_port: ready.busyPort ?? null,
    pid,
    births: { by: ready.births.by, why: ready.births.why ?? null },
    scripts: { runnable: runnable.length, broken: broken.map((s) => ({ path: s.path, error: s.failure.code })) },
  });
};

const counted = (runnable: number, broken: number, lang: Lang, p: Palette): string => {
  if (runnable + broken === 0) return p.yellow(say(words('no scripts yet', '还没有脚本'), lang));
  const good = say(words(`${runnable} runnable`, `${runnable} 个可运行`), lang);
  return broken === 0 ? good : `${good}, ${p.yellow(say(words(`${broken} not`, `${broken} 个不可运行`), lang))}`;
};

/** What to type into a browser: `localhost` once for the loopback addresses, then what others may use. */
const urls = (ready: Ready): { local: boolean; url: string }[] => {
  const found = new Map<string, boolean>();
  const at = (host: string, port: number): string => `http://${host}${port === 80 ? '' : `:${port}`}/`;
  for (const { address, port } of ready.endpoints) {
    if (isLoopback(address)) found.set(at(address.startsWith('127.') && address !== '127.0.0.1' ? address : 'localhost', port), true);
    else if (isWildcard(address)) {
      found.set(at('localhost', port), true);
      for (const other of ready.network) found.set(at(inUrl(other), port), false);
    } else found.set(at(inUrl(address), port), false);
  }
  return [...found].map(([url, local]) => ({ url, local }));
};

export const isLoopback = (address: string): boolean => address === 'localhost' || address === '::1' || /^127\./.test(address);
export const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';
export const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);
