/**
 * What `doctor` says of programs that run already: does somebody listen at each address, and if not, what is in the way. A socket
 * that is not there, one that nobody serves any more, and one that this user may not open look alike to a browser: 502.
 */
import { statSync } from 'node:fs';
import { readAddresses } from '../carrier/address.js';
import { knock } from '../carrier/knock.js';
import type { Words } from '../failures.js';
import type { DialMount } from '../settings.js';
import { askingTheCore } from './server-options.js';
import { shellQuoted, words } from './words.js';

export interface MountReport extends DialMount {
  /** One address of those that were joined by commas. */
  readonly address: string;
  /** undefined: somebody listens. */
  readonly trouble: { readonly errno: string; readonly what: Words; readonly mend: Words } | undefined;
}

/** Throws a Mistake for an address that is none. */
export const examineMounts = (mounts: readonly DialMount[]): Promise<MountReport[]> => {
  const addresses = mounts.flatMap((mount) =>
    askingTheCore(() => readAddresses(mount.address.replace(/\?.*$/s, ''))).map((address) => ({ mount, address })),
  );
  return Promise.all(
    addresses.map(async ({ mount, address }) => {
      const errno = await knock(address);
      const path = 'path' in address ? address.path : undefined;
      const trouble = errno === undefined ? undefined : { errno, ...(path === undefined ? atPort(errno) : atSocket(errno, path)) };
      return { ...mount, address: address.text, trouble };
    }),
  );
};

const startIt = words('Start the program, and compare its address with this one', '请启动该程序，并核对其地址与此处是否一致');

const atSocket = (errno: string, path: string): { what: Words; mend: Words } => {
  switch (errno) {
    case 'ENOENT':
      return { what: words('there is no such socket', '没有这个套接字'), mend: startIt };
    case 'ECONNREFUSED': {
      const what = statSync(path, { throwIfNoEntry: false })?.isSocket()
        ? words('the socket is there, but nobody listens: its program has ended', '套接字存在，但无人监听：其程序已结束')
        : words('this is a file and no socket', '这是文件，不是套接字');
      return { what, mend: startIt };
    }
    case 'EACCES':
      return forbidden(path);
    default:
      return { what: words(errno, errno), mend: startIt };
  }
};

/** connect(2): a Unix socket wants write permission, and search permission for every folder on the way. php-fpm's is 0660 www-data. */
const forbidden = (path: string): { what: Words; mend: Words } => {
  const shown = shellQuoted(path);
  try {
    const { mode, uid, gid } = statSync(path);
    const bits = (mode & 0o777).toString(8).padStart(4, '0');
    return {
      what: words(
        `this user may not connect: the socket has mode ${bits}, owner ${uid}, group ${gid}`,
        `当前用户无权连接：套接字权限 ${bits}，所有者 ${uid}，组 ${gid}`,
      ),
      mend: words(
        `Join its group: sudo usermod -aG "$(stat -c %G ${shown})" "$USER", then log in anew. Or let the program open it: listen.mode in php-fpm`,
        `加入其组：sudo usermod -aG "$(stat -c %G ${shown})" "$USER"，然后重新登录。或由程序放开权限：php-fpm 的 listen.mode`,
      ),
    };
  } catch {
    return {
      what: words('this user may not enter the folder of the socket', '当前用户无权进入套接字所在的文件夹'),
      mend: words(`See which folder is closed: namei -l ${shown}`, `查看哪一级文件夹不可进入：namei -l ${shown}`),
    };
  }
};

const atPort = (errno: string): { what: Words; mend: Words } => {
  switch (errno) {
    case 'ECONNREFUSED':
      return { what: words('nobody listens there', '无人监听'), mend: startIt };
    case 'ETIMEDOUT':
      return {
        what: words('no answer', '没有应答'),
        mend: words('A firewall, or a machine that is off', '可能是防火墙，或对方机器已关闭'),
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { what: words('no such host', '没有这个主机'), mend: words('Look at the name', '请检查名称') };
    default:
      return { what: words(errno, errno), mend: startIt };
  }
};
