/**
 * argv in, exit code out: which sub-command, in which language, and how a mistake is told. Nothing below this file ends the
 * process or prints a stack for something the user can mend.
 */

import { version } from '../version.js';
import { halfCommand } from './arguments.js';
import { bench } from './bench.js';
import { palette, wantsColor } from './color.js';
import { completions } from './completions.js';
import { configSchema } from './config.js';
import { doctor } from './doctor.js';
import { run } from './run.js';
import { serve } from './serve.js';
import { languageOf, type Said, settleOptions } from './settle.js';
import { status } from './status.js';
import type { Terminal } from './terminal.js';
import { time } from './time.js';
import { longHelp, manualPage, shortHelp } from './usage.js';
import { wireDecode } from './wire-decode.js';
import { wireEncode } from './wire-encode.js';
import { wireSend } from './wire-send.js';
import { type Lang, Mistake, say, words } from './words.js';

export const main = async (argv: readonly string[]): Promise<number> => {
  const { env, stdout, stderr } = process;
  // A reader that has left (`| head`) is no error. The server stops itself when its log has nobody to read it.
  stdout.on('error', () => {});
  stderr.on('error', () => {});
  const terminal = (lang: Lang, color: 'always' | 'never' | 'auto' | undefined): Terminal => ({
    ...{ cwd: workingDirectory(), env, lang, stdout, stderr },
    outPalette: palette(wantsColor(color, env, stdout.isTTY === true)),
    errPalette: palette(wantsColor(color, env, stderr.isTTY === true)),
  });
  try {
    const said = settleOptions(argv, env, workingDirectory());
    const lang = said.values.lang ?? languageOf(argv, env);
    return await dispatch(said, argv, terminal(lang, said.values.color));
  } catch (error) {
    const p = palette(wantsColor('auto', env, stderr.isTTY === true));
    if (!(error instanceof Mistake)) {
      stderr.write(`${p.red('cgi-serve:')} a mistake of its own; please report it with these lines\n${(error as Error)?.stack ?? error}\n`);
      return 1;
    }
    const lang = languageOf(argv, env);
    stderr.write(`${p.red('cgi-serve:')} ${say(error.what, lang)}\n${error.hints.map((hint) => `  ${say(hint, lang)}\n`).join('')}`);
    return error.exitCode;
  }
};

const dispatch = async (said: Said, argv: readonly string[], terminal: Terminal): Promise<number> => {
  const { command, values } = said;
  const { stdout, lang, outPalette } = terminal;
  const print = (text: string): number => {
    stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    return 0;
  };
  if (values.version) return print(`cgi-serve ${version}`);
  if (values.help) {
    const help = argv.includes('--help') ? longHelp : shortHelp;
    return print(help(command, version, { lang, palette: outPalette, width: Math.min(stdout.columns || 80, 100) }));
  }
  if (values['print-manpage']) return print(manualPage(version));
  if (values['print-completions']) return print(completions(values['print-completions']));
  if (values['print-schema']) return print(JSON.stringify(configSchema(), undefined, 2));
  for (const note of said.notes) terminal.stderr.write(`${terminal.errPalette.dim('cgi-serve:')} ${say(note, lang)}\n`);
  if (command === 'doctor') return doctor(said, terminal);
  if (command === 'status') return status(said, terminal);
  if (command === 'time') return time(said, terminal);
  if (command === 'bench') return bench(said, terminal);
  if (command === 'wire decode') return wireDecode(said, terminal);
  if (command === 'wire encode') return wireEncode(said, terminal);
  if (command === 'wire send') return wireSend(said, terminal);
  if (command === 'wire') throw halfCommand();
  return command === 'run' ? run(said, terminal) : serve(said, terminal);
};

const workingDirectory = (): string => {
  try {
    return process.cwd();
  } catch {
    throw new Mistake(4, words('the working directory is gone', '当前工作目录已不存在'));
  }
};
