/**
 * execve(2) has one word, ENOENT, for a script that is gone, an interpreter that is not there and a working directory that
 * was removed. The file itself tells them apart.
 */
import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Failure, failure } from '../failures.js';
import { probeBytes } from '../limits.js';
import { probe } from '../script/probe.js';

export const diagnoseBirth = (file: string, errno: string): Failure | undefined => {
  if (errno === 'EACCES' || errno === 'EPERM') {
    const { interpreter } = { interpreter: undefined, ...probe(firstBytes(file), file) };
    // The script may run and what it names may not: a directory, a file without X bit.
    if (interpreter === undefined || mayRun(interpreter)) return failure('NOT_EXECUTABLE', { file, detail: errno });
    return failure('INTERPRETER_MISSING', { file, detail: `${interpreter} is not executable` });
  }
  if (errno === 'ENOEXEC') {
    const probed = probe(firstBytes(file), file);
    return probed.kind === 'wrong' ? probed.failure : failure('SPAWN_FAILED', { file, detail: 'ENOEXEC: built for another machine' });
  }
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') return undefined;
  if (!existsSync(file) || !existsSync(dirname(file))) return failure('SCRIPT_VANISHED', { file, detail: errno });
  const probed = probe(firstBytes(file), file);
  if (probed.kind === 'wrong') return probed.failure;
  if (probed.kind === 'shebang' && !existsSync(probed.interpreter)) {
    return failure('INTERPRETER_MISSING', { file, detail: `${probed.interpreter} is not there` });
  }
  // An ELF file whose loader is missing: built for another system.
  if (probed.kind === 'program')
    return failure('INTERPRETER_MISSING', { file, detail: `the ${probed.format} loader it was built for is not there` });
  return undefined;
};

const mayRun = (program: string): boolean => {
  try {
    accessSync(program, constants.X_OK);
    return statSync(program).isFile();
  } catch {
    return false;
  }
};

const firstBytes = (file: string): Buffer => {
  const first = Buffer.alloc(probeBytes);
  try {
    const fd = openSync(file, 'r');
    try {
      return first.subarray(0, readSync(fd, first, 0, probeBytes, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return first.subarray(0, 0);
  }
};
