/**
 * execve(2) has one word, ENOENT, for a script that is gone, an interpreter that is not there and a working directory that
 * was removed. The file itself tells them apart.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Failure, failure } from '../failures.js';
import { firstBytes, isProgram } from '../files.js';
import { type Probe, probe } from '../script/probe.js';

export const diagnoseBirth = (file: string, errno: string): Failure | undefined => {
  if (errno === 'EACCES' || errno === 'EPERM') {
    const probed = probeOf(file);
    const interpreter = probed.kind === 'shebang' ? probed.interpreter : undefined;
    // The script may run and what it names may not: a directory, a file without X bit.
    if (interpreter === undefined || isProgram(interpreter)) return failure('NOT_EXECUTABLE', { file, detail: errno });
    return failure('INTERPRETER_MISSING', { file, detail: `${interpreter} is not executable` });
  }
  if (errno === 'ENOEXEC') {
    const probed = probeOf(file);
    if (probed.kind === 'wrong') return probed.failure;
    return failure('SPAWN_FAILED', { file, detail: probed.kind === 'unreadable' ? errno : 'ENOEXEC: built for another machine' });
  }
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') return undefined;
  if (!existsSync(file) || !existsSync(dirname(file))) return failure('SCRIPT_VANISHED', { file, detail: errno });
  const probed = probeOf(file);
  if (probed.kind === 'wrong') return probed.failure;
  if (probed.kind === 'shebang' && !existsSync(probed.interpreter)) {
    return failure('INTERPRETER_MISSING', { file, detail: `${probed.interpreter} is not there` });
  }
  // An ELF file whose loader is missing: built for another system.
  if (probed.kind === 'program')
    return failure('INTERPRETER_MISSING', { file, detail: `the ${probed.format} loader it was built for is not there` });
  return undefined;
};

/** What runs the file; a file that cannot be read says nothing. */
const probeOf = (file: string): Probe => {
  const first = firstBytes(file);
  return Buffer.isBuffer(first) ? probe(first, file) : { kind: 'unreadable' };
};
