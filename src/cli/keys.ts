/**
 * What can be typed while the server runs: a letter, then Enter (typed.ts says why not the letter alone).
 */
import type { Words } from '../failures.js';
import { browse } from '../process/browse.js';
import type { OpenLab } from './lab.js';
import type { Terminal } from './terminal.js';
import { onTyped } from './typed.js';
import { say, words } from './words.js';

export interface Keys {
  close(): void;
}

export interface Reached {
  /** Where the site is: `http://127.0.0.1:8000/`. */
  readonly site: string;
  /** undefined: there is none. */
  readonly lab: OpenLab | undefined;
  /** undefined: there are no workers. */
  readonly reload: (() => void) | undefined;
}

/** undefined: there is no terminal to type on. */
export const keysOf = ({ site, lab, reload }: Reached, { env, lang, stderr, errPalette: p }: Terminal): Keys | undefined => {
  const tell = (text: Words): void => void stderr.write(`${p.dim(say(text, lang))}\n`);
  const open = async (url: string, shown: string): Promise<void> => {
    if (!(await browse(url, env))) tell(words(`No browser could be started. Open ${shown}`, `无法启动浏览器。请自行打开 ${shown}`));
  };
  const keys: Readonly<Record<string, Key>> = {
    ...(lab && { l: { does: words('opens the lab', '打开实验室'), act: () => void open(lab.urlOnce(), lab.url) } }),
    o: { does: words('opens the site', '打开网站'), act: () => void open(site, site) },
    ...(reload && { r: { does: words('replaces the workers', '更换工作进程'), act: reload } }),
    q: { does: words('stops, as Ctrl-C does', '停止，同 Ctrl-C'), act: () => void process.kill(process.pid, 'SIGINT') },
    h: { does: words('lists these', '列出这些按键'), act: () => list() },
  };
  const list = (): void => {
    for (const [letter, { does }] of Object.entries(keys)) {
      const key = say(words(`${letter} + Enter`, `${letter} + 回车`), lang);
      stderr.write(`  ${p.bold(key)}   ${p.dim(say(does, lang))}\n`);
    }
  };
  const close = onTyped((line) => {
    const letter = line.trim().toLowerCase();
    // An empty line is somebody who wants some space in the log.
    if (letter !== '') (Object.hasOwn(keys, letter) ? keys[letter]! : keys.h!).act();
  });
  return close && { close };
};

interface Key {
  readonly does: Words;
  readonly act: () => void;
}
