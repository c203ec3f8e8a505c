/**
 * A file was found under a script mount: may it run, and by what? X bit or interpreter map, never a guess; whatever may
 * not run is a coded failure and never served as text.
 */
import type { Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Failure, failure } from '../failures.js';
import type { Probe } from '../script/probe.js';
import type { Script } from '../types.js';
import { findProgram, type Interpreter } from './interpreters.js';
import { extensionOf, isExecutable, probeFile } from './look.js';

/** How to run it; `args` are those of an indexed query, which reach only scripts that the system runs directly. */
export const scriptAt = (
  file: string,
  stats: Stats,
  interpreters: ReadonlyMap<string, Interpreter>,
  args: readonly string[] = [],
): Script | Failure => {
  const place = { file, cwd: dirname(file), nph: basename(file).startsWith('nph-') };
  // CVE-2024-27980 — cmd.exe would parse the arguments again.
  if (/\.(bat|cmd)[. ]*$/i.test(file)) return failure('WINDOWS_BATCH', { file });
  const mapped = interpreters.get(extensionOf(file));
  if (mapped) return { ...place, program: mapped.program, args: [...mapped.args, file] };
  if (!isExecutable(file, stats)) return failure('NOT_EXECUTABLE', { file, detail: `mode ${(stats.mode & 0o777).toString(8)}` });
  const probed = probeFile(file, stats);
  if (probed.kind === 'wrong') return probed.failure;
  if (process.platform === 'win32' && probed.kind === 'shebang') return byShebang(place, probed, args);
  return { ...place, program: file, args };
};

/** Windows reads no shebang: we do. `#!/usr/bin/env python3` and `#!/usr/bin/python3` both mean python3 on PATH. */
const byShebang = (
  place: Pick<Script, 'file' | 'cwd' | 'nph'>,
  shebang: Probe & { kind: 'shebang' },
  args: readonly string[],
): Script | Failure => {
  const words = [shebang.interpreter, ...(shebang.argument?.split(/\s+/) ?? [])];
  if (/(^|\/)env$/.test(words[0]!)) words.shift();
  const name = basename(words.shift() ?? '');
  const program = findProgram(name, process.env.PATH ?? '');
  if (program === undefined) return failure('INTERPRETER_MISSING', { file: place.file, detail: `no '${name}' on PATH` });
  return { ...place, program, args: [...words, place.file, ...args] };
};
