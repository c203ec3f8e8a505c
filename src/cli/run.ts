/**
 * `cgi-serve run SCRIPT [URL]`: one exchange without a server, with everything shown: the environment and where the RFC defines
 * it, the raw output, how each header line was judged, the outcome. Exit code 5 when the script does not conform.
 */
import { openAlone } from './alone.js';
import { type Asked, askedOf } from './asked.js';
import { type Run, reportAsJson, reportAsText } from './run-report.js';
import { cgiOptions } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { Mistake, words } from './words.js';

export const run = async (said: Said, terminal: Terminal): Promise<number> => {
  const { values } = said;
  if (said.operands.length === 0) {
    throw new Mistake(2, words('run needs a script: cgi-serve run SCRIPT [URL]', 'run 需要一个脚本：cgi-serve run 脚本 [URL]'));
  }
  const result = await oneExchange(askedOf(said, terminal), said);
  terminal.stdout.write(
    values.json ? `${JSON.stringify(reportAsJson(result), undefined, 2)}\n` : `${reportAsText(result, terminal).join('\n')}\n`,
  );
  if (result.interrupted) return 130;
  return result.failure === undefined ? 0 : 5;
};

/** How much of the output is kept for the report; the rest is counted. */
const outputKept = 1024 * 1024;

const oneExchange = async ({ file, root, request, data }: Asked, said: Said): Promise<Run> => {
  const alone = openAlone(root, cgiOptions(said.values));
  const stderr: Buffer[] = [];
  const output: Buffer[] = [];
  let outputBytes = 0;
  let interrupted = false;
  // The script has a process group of its own, so the terminal's Ctrl-C does not reach it.
  const interrupt = (): void => {
    interrupted = true;
    void alone.close();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const told = await alone.ask(request, data, {
    output(piece) {
      if (outputBytes < outputKept) output.push(piece);
      outputBytes += piece.length;
    },
    errors: (piece) => stderr.push(piece),
  });
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  await alone.close();
  const kept = Buffer.concat(output).subarray(0, outputKept);
  const { births } = alone.site;
  return { ...told, file, request, births, output: kept, outputBytes, stderr: Buffer.concat(stderr).toString('utf8'), interrupted };
};
