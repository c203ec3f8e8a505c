/**
 * Where to listen. A port somebody named is that port or an error; the default moves on when it is taken, and says so.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Endpoint } from '../types.js';
import { inUrl, isLoopback } from './banner.js';
import { Mistake, words } from './words.js';

export const defaultPort = 8000;
/** How far the default port may move. */
const triedPorts = 50;
/** Both loopback addresses; a machine without IPv6 has only one, and `listen` leaves the other out. */
const loopback: readonly string[] = ['127.0.0.1', '::1'];

export type Listen = (at: { port: number; host: readonly string[] }) => Promise<Endpoint[]>;

export interface Listening {
  readonly endpoints: readonly Endpoint[];
  /** The default port, when it was taken. */
  readonly busyPort: number | undefined;
}

/** `port` and `hosts` as the user said, undefined when not. Throws a Mistake with exit code 3. */
export const listenSomewhere = async (
  listen: Listen,
  port: number | undefined,
  said: readonly string[] | undefined,
): Promise<Listening> => {
  const hosts = said === undefined || said.length === 0 ? loopback : said;
  if (port !== undefined) {
    try {
      return { endpoints: await listen({ port, host: hosts }), busyPort: undefined };
    } catch (error) {
      throw explained(error, port, hosts);
    }
  }
  for (let tried = defaultPort; tried < defaultPort + triedPorts; tried += 1) {
    try {
      return { endpoints: await listen({ port: tried, host: hosts }), busyPort: tried === defaultPort ? undefined : defaultPort };
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw explained(error, tried, hosts);
    }
  }
  throw new Mistake(
    3,
    words(
      `ports ${defaultPort} to ${defaultPort + triedPorts - 1} are all taken`,
      `端口 ${defaultPort} 到 ${defaultPort + triedPorts - 1} 均被占用`,
    ),
    [words('Name a free one, or let the system choose: --port 0', '请指定一个空闲端口，或由系统选择：--port 0')],
  );
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const explained = (error: unknown, port: number, hosts: readonly string[]): unknown => {
  const where = (error as { address?: string }).address ?? hosts.join(', ');
  const at = isLoopback(where) ? String(port) : `${inUrl(where)}:${port}`;
  switch (codeOf(error)) {
    case 'EADDRINUSE': {
      const holder = holderOf(port);
      return new Mistake(
        3,
        holder === undefined
          ? words(`port ${at} is taken`, `端口 ${at} 已被占用`)
          : words(`port ${at} is taken by ${holder}`, `端口 ${at} 已被 ${holder} 占用`),
        [
          words(
            `Choose another (--port ${port < 65535 ? port + 1 : 8000}), or any free one (--port 0).`,
            `请换一个（--port ${port < 65535 ? port + 1 : 8000}），或任一空闲端口（--port 0）。`,
          ),
        ],
      );
    }
    case 'EACCES':
    case 'EPERM':
      return new Mistake(3, words(`this user may not listen on port ${at}`, `当前用户无权监听端口 ${at}`), [
        words(
          'Ports below 1024 belong to root on most systems: choose a higher one.',
          '在多数系统上 1024 以下的端口属于 root：请选择更大的端口。',
        ),
      ]);
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new Mistake(3, words(`no interface of this machine has the address ${where}`, `本机没有地址 ${where}`), [
        words('--host 0.0.0.0 listens on all of them.', '--host 0.0.0.0 监听所有地址。'),
      ]);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return new Mistake(3, words(`--host ${hosts.join(', ')}: no address has this name`, `--host ${hosts.join(', ')}：无法解析此名称`));
    default:
      return error;
  }
};

/**
 * `node (pid 4242)`, from /proc: the socket that listens on the port, then the process that has it open. Only processes of
 * the same user can be looked into; undefined when nothing is found.
 */
export const holderOf = (port: number): string | undefined => {
  try {
    const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeners(table, port)));
    if (inodes.size === 0) return undefined;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (openSockets(pid).some((inode) => inodes.has(inode))) {
        return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`;
      }
    }
  } catch {
    // Not Linux, or no permission: then nobody is named.
  }
  return undefined;
};

/** proc(5): `sl local_address rem_address st … inode`; state 0A is LISTEN. */
const listeners = (table: string, port: number): string[] => {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  try {
    return readFileSync(table, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(`:${wanted}`) && fields[3] === '0A')
      .map((fields) => fields[9] ?? '');
  } catch {
    return [];
  }
};

const openSockets = (pid: string): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
};
