/**
 * Opens a URL in the user's browser: what BROWSER names, else what the system has for it. In a session of its own, so that it neither
 * reads our terminal nor ends with us.
 */
import { spawn } from 'node:child_process';
import { browserMs } from '../limits.js';

/** False when nothing could be started, or what was started gave up. */
export const browse = async (url: string, env: NodeJS.ProcessEnv): Promise<boolean> => {
  for (const command of commandsFor(url, env)) if (await begins(command, env)) return true;
  return false;
};

/** BROWSER: commands to be tried, with `:` between them; `%s` stands for the URL, which else comes last. */
const commandsFor = (url: string, { BROWSER: named = '' }: NodeJS.ProcessEnv): string[][] => {
  if (process.platform === 'win32') return [['cmd', '/c', 'start', '""', url]];
  const own = named
    .split(':')
    .map((command) => command.split(/\s+/).filter(Boolean))
    .filter((command) => command.length > 0)
    .map((command) => (command.some((word) => word.includes('%s')) ? command.map((word) => word.replace('%s', url)) : [...command, url]));
  return [...own, [process.platform === 'darwin' ? 'open' : 'xdg-open', url]];
};

/** Some end at once, having told a browser that runs; some are the browser. */
const begins = ([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { detached: true, stdio: 'ignore', env, windowsVerbatimArguments: true });
    const timer = setTimeout(() => resolve(true), browserMs).unref();
    const done = (began: boolean): void => {
      clearTimeout(timer);
      resolve(began);
    };
    child.once('error', () => done(false)).once('exit', (code) => done(code === 0));
    child.unref();
  });
