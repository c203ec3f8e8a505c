/**
 * What would the system run this file with? Read from its first bytes alone, before anything is started: execve(2) answers
 * a CRLF shebang, a missing interpreter and a missing file with the same ENOENT, and libuv hands a file without any shebang
 * to /bin/sh in silence. Pure; route/look.ts reads the bytes.
 */
import { type Failure, failure } from '../failures.js';
import { probeBytes } from '../limits.js';

export type Probe =
  | { readonly kind: 'program'; readonly format: 'ELF' | 'Mach-O' | 'PE' }
  | { readonly kind: 'shebang'; readonly interpreter: string; readonly argument: string | undefined }
  /** The server may run it but not read it (mode 0711): the system will judge. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'wrong'; readonly failure: Failure };

export const probe = (first: Buffer, file: string): Probe => {
  if (first.length === 0) return wrong('SCRIPT_EMPTY', file, first);
  const format = programFormat(first);
  if (format) return { kind: 'program', format };
  if (first.indexOf('\xef\xbb\xbf#!', 0, 'latin1') === 0) return wrong('SHEBANG_BOM', file, first);
  if (first[0] !== 0x23 || first[1] !== 0x21) return wrong('SHEBANG_MISSING', file, first);
  const line = first.subarray(2).toString('latin1').split('\n', 1)[0] ?? '';
  const [, interpreter = '', argument] = /^[ \t]*([^ \t]*)(?:[ \t]+(.*?))?[ \t]*$/s.exec(line) ?? [];
  // `#!/usr/bin/perl -w^M` works, perl shrugs; `#!/bin/sh^M` and `#!/usr/bin/env python3^M` name programs that are not there.
  if (interpreter.endsWith('\r') || (argument?.endsWith('\r') && /(^|\/)env$/.test(interpreter))) return wrong('SHEBANG_CRLF', file, first);
  if (interpreter === '') return wrong('SHEBANG_MISSING', file, first);
  // Linux takes a path that does not end within what it reads for no shebang at all.
  if (argument === undefined && first.length >= probeBytes && !line.endsWith(' ') && first.indexOf('\n') < 0) {
    return wrong('SHEBANG_TOO_LONG', file, first);
  }
  return { kind: 'shebang', interpreter, argument: argument === '' ? undefined : argument };
};

const wrong = (code: Failure['code'], file: string, first: Buffer): Probe => ({
  kind: 'wrong',
  failure: failure(code, { file, detail: first.length > 0 ? `first bytes: ${hex(first)}` : 'size 0' }),
});

const hex = (bytes: Buffer): string => {
  const shown = bytes.subarray(0, 24);
  return `${shown.toString('hex').replace(/../g, '$& ').trim()}  ${shown.toString('latin1').replace(/[^\x20-\x7e]/g, '.')}`;
};

const programFormat = (first: Buffer): 'ELF' | 'Mach-O' | 'PE' | undefined => {
  if (first.length < 4) return undefined;
  const magic = first.readUInt32BE(0);
  // Class, byte order and version: libuv hands what the system takes for no program to /bin/sh.
  if (magic === 0x7f454c46) return /^[\x01\x02][\x01\x02]\x01/.test(first.toString('latin1', 4, 7)) ? 'ELF' : undefined;
  if ([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe].includes(magic)) return 'Mach-O';
  return first[0] === 0x4d && first[1] === 0x5a ? 'PE' : undefined;
};
