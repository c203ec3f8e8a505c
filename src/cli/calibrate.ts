/**
 * What an interpreter costs on this machine: an empty program for each (script/empty.ts), in a private folder, through the same
 * gateway as any script. From outside, an interpreter's start and the first lines of a script cannot be told apart; the start of
 * the same interpreter with nothing to do can be measured, and is shown as what it is, a calibration.
 *
 *   spawn     fork and exec
 *   start-up  exec → first byte: the interpreter, for its program only prints
 *   run       first byte → end of output: it tidies up. Of `true`, which prints nothing: exec → end of output
 *   exit      end of output → reaped
 */
import { copyFileSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { findProgram } from '../route/interpreters.js';
import { programNamed } from '../route/list.js';
import { extensionOf, probeFile } from '../route/look.js';
import { emptyProgram, interpretersKnown } from '../script/empty.js';
import type { CgiOptions } from '../settings.js';
import type { Parts } from '../trace/spread.js';
import type { Script } from '../types.js';
import { openAlone } from './alone.js';
import { requestFor } from './asked.js';
import type { Sample, Subject } from './measure.js';

export type EmptyPart = 'spawn' | 'startUp' | 'run' | 'exit';

export const emptyParts = ({ phases, ranMs }: Sample): Parts<EmptyPart> => {
  const { spawn, wait, head, body, exit } = phases;
  return { spawn, startUp: wait, run: wait === undefined ? ranMs : (head ?? 0) + (body ?? 0), exit };
};

/** One program to calibrate with. */
export interface Empty {
  readonly kind: 'empty';
  /** `python3` */
  readonly name: string;
  /** What is executed: the interpreter's path. */
  readonly program: string;
  /** The interpreter is a script itself: one more start before its own. */
  readonly isScript: boolean;
  /** Of the file in the private folder. */
  readonly extension: string;
  /** undefined: a copy of `program`, which is no interpreter. */
  readonly text: string | undefined;
}

/** A process that does nothing at all. */
export const emptyTrue = (path: string): Empty | undefined => {
  const program = findProgram('true', path);
  return program === undefined ? undefined : { kind: 'empty', name: 'true', program, isScript: false, extension: '', text: undefined };
};

/** `true`, and every interpreter on PATH that script/empty.ts knows. */
export const emptiesOnPath = (path: string): Empty[] => {
  const nothing = emptyTrue(path);
  const found = nothing === undefined ? [] : [nothing];
  const seen = new Set<string>();
  for (const [name, argument] of interpretersKnown) {
    for (const program of programsCalled(name, path)) {
      // bash as sh, and the like: once is enough.
      if (seen.has(realpathSync(program))) continue;
      seen.add(realpathSync(program));
      const text = `#!${program}${argument ? ` ${argument}` : ''}\n${emptyProgram(name)}`;
      found.push({ kind: 'empty', name, program, isScript: isScript(program), extension: '', text });
    }
  }
  return found;
};

/** The first on PATH, which is what `env` finds; when that is a script itself (a version manager's), also the first that is none. */
const programsCalled = (name: string, path: string): string[] => {
  const all = path.split(delimiter).flatMap((folder) => (folder === '' ? [] : (findProgram(name, folder) ?? [])));
  const [first] = all;
  if (first === undefined) return [];
  const real = isScript(first) ? all.find((program) => !isScript(program)) : undefined;
  return real === undefined ? [first] : [first, real];
};

const isScript = (program: string): boolean => {
  const stats = statSync(program, { throwIfNoEntry: false });
  return stats !== undefined && probeFile(program, stats).kind === 'shebang';
};

/** Why a script has no empty counterpart: it is no script, or its interpreter is not known to script/empty.ts. */
export type NoEmpty = { readonly kind: 'compiled' } | { readonly kind: 'unknown'; readonly name: string };

/** The empty program under the same `#!` line or mapping as a script. */
export const emptyLike = (script: Script): Empty | NoEmpty => {
  const mapped = script.program !== script.file;
  const probed = mapped ? undefined : probeFile(script.file, statSync(script.file));
  if (probed?.kind === 'program') return { kind: 'compiled' };
  if (probed !== undefined && probed.kind !== 'shebang') return { kind: 'unknown', name: basename(script.file) };
  const meant = probed === undefined ? script.program : programNamed(probed.interpreter, probed.argument);
  const name = basename(meant);
  const text = emptyProgram(name);
  if (text === undefined) return { kind: 'unknown', name };
  const program = findProgram(meant, process.env.PATH ?? '') ?? meant;
  const firstLine = probed === undefined ? '' : `#!${probed.interpreter}${probed.argument === undefined ? '' : ` ${probed.argument}`}\n`;
  const extension = extensionOf(script.file);
  return { kind: 'empty', name, program, isScript: isScript(program), extension, text: firstLine + text };
};

export interface Calibration {
  /** In the order of the empties. */
  readonly subjects: readonly Subject[];
  readonly births: ReturnType<typeof openAlone>['site']['births'];
  /** Ends what runs and takes the folder away. */
  close(): Promise<void>;
}

export const openCalibration = (empties: readonly Empty[], options: CgiOptions): Calibration => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-time-')));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const files = empties.map(({ name, program, extension, text }, i) => {
      const file = join(folder, text === undefined ? name : `empty-${i}${extension}`);
      if (text === undefined) copyFileSync(program, file);
      else writeFileSync(file, text, { mode: 0o700 });
      return file;
    });
    const alone = openAlone(folder, options);
    return {
      births: alone.site.births,
      subjects: empties.map(({ name, text }, i) => {
        const request = requestFor(files[i]!, folder, '', undefined, {}, alone.site.settings.prefix);
        return { name, ask: () => alone.ask(request, undefined), silent: text === undefined };
      }),
      async close() {
        await alone.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
};
