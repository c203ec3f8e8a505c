/**
 * What is probably wrong when a program that was asked by hand (`wire send`) does not answer as hoped: nobody there, another
 * protocol, a file that php-fpm was not told. Said beside the failure, never in its place.
 */
import type { Words } from '../failures.js';
import { bytesOf } from '../trace/recorder.js';
import type { Wire } from '../wire/wire.js';
import { examineMounts } from './doctor-mounts.js';
import type { WireRequest } from './wire-request.js';
import type { Outcome } from './wire-send.js';
import { visible, words } from './words.js';

export interface Tried extends Outcome {
  readonly address: string;
  readonly wire: Wire['name'];
  readonly asked: WireRequest;
}

export const hintsFor = async (tried: Tried): Promise<Words[]> => [
  ...(tried.failure?.code === 'PEER_UNREACHABLE' ? await whyUnreachable(tried) : []),
  ...silence(tried),
  ...httpServer(tried),
  ...phpFile(tried),
];

const whyUnreachable = async ({ wire, address }: Tried): Promise<Words[]> => {
  const reports = await examineMounts([{ wire, where: '/', address }]);
  // How to start a program the failure says already.
  return reports.flatMap(({ trouble }) =>
    trouble === undefined ? [] : trouble.errno === 'EACCES' ? [trouble.what, trouble.mend] : [trouble.what],
  );
};

/** Sent, and not a byte came back: so answers who hears another protocol. */
const silence = ({ wire, exchange, interrupted }: Tried): Words[] => {
  if (interrupted || exchange.wire === undefined || exchange.wire.received > 0) return [];
  const others = (['fastcgi', 'scgi', 'uwsgi'] as const).filter((other) => other !== wire).map((other) => `--wire ${other}`);
  return [
    words(
      `Not one byte came back. So it is when the program speaks another protocol: ${others.join(', ')}, or HTTP`,
      `没有收到任何字节。程序使用其他协议时便会如此：${others.join('、')}，或 HTTP`,
    ),
  ];
};

/** SCGI and uwsgi programs may answer in HTTP's form; one that calls a good request bad has not understood it. */
const httpServer = ({ wire, address, exchange }: Tried): Words[] => {
  const recorded = exchange.wire?.recorded;
  const start = recorded === undefined ? '' : bytesOf(recorded, 'received').toString('latin1', 0, 12);
  if (!(wire === 'fastcgi' ? /^HTTP\/\d/ : /^HTTP\/\d\.\d 400/).test(start)) return [];
  const curl = /^unix:(.*)/.test(address)
    ? `curl --unix-socket ${visible(address.slice(5))} http://localhost/`
    : `curl -i http://${visible(address)}/`;
  return [words(`An HTTP server listens there: ${curl}`, `在那里监听的是 HTTP 服务器：${curl}`)];
};

/** php-fpm's words for a SCRIPT_FILENAME that leads nowhere. */
const phpFile = ({ asked, stderr, body, exchange }: Tried): Words[] => {
  const says =
    stderr.some((line) => line.includes('Primary script unknown')) || stderr.some((line) => line.includes('Unable to open primary script'));
  const page = exchange.status === 404 && /^(?:File not found\.|No input file specified\.)\s*$/.test(body.toString('latin1', 0, 80));
  if (!says && !page) return [];
  const file = asked.meta.get('SCRIPT_FILENAME');
  if (file === undefined)
    return [
      words(
        'php-fpm runs the file that SCRIPT_FILENAME names, and none was sent: add --script /path/of/the/file.php',
        'php-fpm 运行 SCRIPT_FILENAME 所指的文件，而请求中没有它：加上 --script /文件/的/路径.php',
      ),
    ];
  return [
    words(
      `SCRIPT_FILENAME was ${visible(file)}: that file must be there for php-fpm, within its chroot and readable by its user (--script)`,
      `SCRIPT_FILENAME 为 ${visible(file)}：php-fpm 须能找到该文件：在其 chroot 之内，且其用户可读（--script）`,
    ),
  ];
};
