/**
 * `cgi-serve status [PORT|URL]`: asks the lab of a server that runs (lab/announce.ts says which there are) how its workers are, and
 * prints it: once into a pipe, every second on a terminal. Exit code 5: no server answers.
 */
import { type AnnouncedLab, findLabs } from '../lab/announce.js';
import * as limits from '../limits.js';
import type { WholeStatus } from '../status/answer.js';
import type { Said } from './settle.js';
import { watch } from './status-live.js';
import { cut, statusLines } from './status-table.js';
import type { Terminal } from './terminal.js';
import { Mistake, shellQuoted, visible, words } from './words.js';

export const status = async (said: Said, terminal: Terminal): Promise<number> => {
  const { stdout, lang, outPalette: p } = terminal;
  const lab = await chosenLab(said.operands, terminal);
  const ask = (): Promise<WholeStatus> => askLab(lab);
  const first = await ask();
  if (said.values.json) {
    stdout.write(`${JSON.stringify(first, undefined, 2)}\n`);
    return 0;
  }
  const lines = (whole: WholeStatus, width: number): string[] => [
    cut(`cgi-serve ${visible(lab.url)}${lab.pid === undefined ? '' : ` · pid ${lab.pid}`}`, width, p.dim),
    '',
    ...statusLines(whole, { lang, palette: p, width }),
  ];
  const live = stdout.isTTY === true && terminal.env.TERM !== 'dumb' && !said.values.once;
  if (live) await watch({ first, ask, lines, lang, palette: p, stdout, stdin: process.stdin });
  else stdout.write(`${lines(first, Math.max(40, stdout.columns || 120)).join('\n')}\n`);
  return 0;
};

// --- which server --------------------------------------------------------------------------------------------

interface Lab {
  readonly url: string;
  readonly key: string;
  /** Of the server's process, where it announced itself. */
  readonly pid?: number;
}

const chosenLab = async ([named, ...more]: readonly string[], { env }: Terminal): Promise<Lab> => {
  if (more.length > 0) {
    const what = shellQuoted(more[0]!);
    throw new Mistake(2, words(`status takes one port or URL; what is ${what}?`, `status 只接受一个端口或 URL；${what} 是什么？`));
  }
  const labs = await findLabs(env);
  if (named !== undefined) return namedLab(named, labs);
  if (labs.length > 1)
    throw new Mistake(
      2,
      words(`${labs.length} servers run here; which one?`, `有 ${labs.length} 个服务器在运行；要哪一个？`),
      asHints(labs),
    );
  if (labs[0] === undefined) throw new Mistake(5, words('no server with a lab runs here', '没有带实验室的服务器在运行'), start);
  return labs[0];
};

const start = [
  words(
    'Start one in another terminal: cgi-serve --wsgi app:application (not with --no-lab)',
    '在另一个终端启动：cgi-serve --wsgi app:application（不要带 --no-lab）',
  ),
  words(
    'One of another user or machine has to be named: cgi-serve status URL, its Lab URL',
    '其他用户或机器上的服务器要指明：cgi-serve status URL，即其实验室 URL',
  ),
];

const asHints = (labs: readonly AnnouncedLab[]) =>
  labs.map(({ url, pid }) =>
    words(`cgi-serve status ${new URL(url).port}  (pid ${pid})`, `cgi-serve status ${new URL(url).port}（pid ${pid}）`),
  );

/** A port of this machine, or a URL; the key is the one announced for it, or stands behind the `#` as in the Lab URL. */
const namedLab = (named: string, labs: readonly AnnouncedLab[]): Lab => {
  const url = /^\d{1,5}$/.test(named) ? undefined : readUrl(named);
  const lab = labs
    .map((each) => ({ each, at: new URL(each.url) }))
    .find(({ at }) => (url === undefined ? at.port === String(Number(named)) : isSame(at, url)))?.each;
  if (lab !== undefined) return lab;
  if (url === undefined)
    throw new Mistake(
      5,
      words(`no lab of yours listens at port ${named}`, `端口 ${named} 上没有你的实验室`),
      labs.length > 0 ? asHints(labs) : start,
    );
  const key = url.hash.replace(/^#(k=)?/, '');
  if (key !== '') return { url: url.origin, key };
  throw new Mistake(2, words(`the key of the lab at ${url.origin} is not known here`, `不知道 ${url.origin} 的实验室的密钥`), [
    words('Give its whole Lab URL, with what follows the #, in quotes', '请给出完整的实验室 URL，包括 # 之后的部分，并加引号'),
  ]);
};

/** By any name that this machine has for itself. */
const isSame = (a: URL, b: URL): boolean =>
  a.host === b.host || (a.port === b.port && [a, b].every(({ hostname }) => loopback.test(hostname)));
const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const readUrl = (named: string): URL => {
  try {
    const url = new URL(/^https?:\/\//i.test(named) ? named : `http://${named}`);
    if (url.hostname !== '') return url;
  } catch {
    // Told below.
  }
  const shown = shellQuoted(named);
  throw new Mistake(2, words(`status takes a port or a URL; got ${shown}`, `status 接受端口或 URL；得到 ${shown}`));
};

// --- asking --------------------------------------------------------------------------------------------------

/** Throws a Mistake. */
const askLab = async ({ url, key }: Lab): Promise<WholeStatus> => {
  const answer = await fetch(`${url}/status?whole`, {
    headers: { Authorization: `Bearer ${key}`, Accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(limits.statusMs),
  }).catch((error: Error & { cause?: NodeJS.ErrnoException }) => {
    const why = error.cause?.code ?? error.cause?.message ?? error.message;
    throw new Mistake(5, words(`nobody answers at ${url}: ${visible(why)}`, `${url} 无人应答：${visible(why)}`), start);
  });
  if (answer.status === 401 || answer.status === 403)
    throw new Mistake(5, words(`the lab at ${url} refuses this key`, `${url} 的实验室拒绝此密钥`), [
      words('It has another since it was started anew: take its Lab URL from its banner', '重新启动后密钥已更换：请从其横幅取得实验室 URL'),
    ]);
  const told = answer.ok ? await answer.json().catch(() => undefined) : undefined;
  if (isWhole(told)) return told;
  throw new Mistake(
    5,
    words(
      `what answers at ${url} is no lab of this cgi-serve (${answer.status})`,
      `${url} 的应答者不是此版本 cgi-serve 的实验室（${answer.status}）`,
    ),
    [words('PORT is that of the Lab URL in the banner, not of the pages', 'PORT 是横幅中实验室 URL 的端口，而不是网页的端口')],
  );
};

const isWhole = (told: unknown): told is WholeStatus =>
  typeof told === 'object' && told !== null && 'pools' in told && Array.isArray(told.pools) && 'atMs' in told;
