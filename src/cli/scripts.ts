/**
 * What a script directory holds, as the banner and `doctor` tell it: scripts that run, scripts that would not, and files that
 * are no scripts at all (data a script keeps beside itself), which nobody should be warned of.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { explain, type Failure, type FailureCode, type Words } from '../failures.js';
import type { ScriptReport } from '../route/list.js';
import { type Lang, say, visible, words } from './words.js';

export interface SortedScripts {
  readonly runnable: readonly ScriptReport[];
  readonly broken: readonly (ScriptReport & { readonly failure: Failure })[];
  readonly data: readonly ScriptReport[];
}

export const sortScripts = (reports: readonly ScriptReport[]): SortedScripts => {
  const runnable: ScriptReport[] = [];
  const broken: (ScriptReport & { failure: Failure })[] = [];
  const data: ScriptReport[] = [];
  for (const report of reports) {
    if (!report.failure) runnable.push(report);
    else if (report.failure.code === 'NOT_EXECUTABLE' && !looksLikeScript(report.file)) data.push(report);
    else broken.push({ ...report, failure: report.failure });
  }
  return { runnable, broken, data };
};

const scriptExtensions = new Set(
  '.awk .bash .bat .cgi .cmd .fcgi .js .ksh .lua .mjs .cjs .php .pl .plx .py .py3 .rb .sh .tcl .ts .zsh'.split(' '),
);

/** Does a file without the executable bit mean to be a script? Its name or its first two bytes tell. */
export const looksLikeScript = (file: string): boolean => scriptExtensions.has(extname(file).toLowerCase()) || beginsWithShebang(file);

const beginsWithShebang = (file: string): boolean => {
  try {
    const fd = openSync(file, 'r');
    try {
      const first = Buffer.alloc(2);
      return readSync(fd, first, 0, 2, 0) === 2 && first.toString('latin1') === '#!';
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
};

/** Why a script would not run, in a few words. */
export const inShort = (failure: Failure, lang: Lang): string => {
  const short = shortly[failure.code];
  if (failure.code === 'INTERPRETER_MISSING' && failure.evidence.detail) return visible(failure.evidence.detail);
  return short ? say(short, lang) : say(explain(failure).what, lang);
};

const shortly: Partial<Record<FailureCode, Words>> = {
  NOT_EXECUTABLE: words('not executable: chmod +x', '没有执行权限：chmod +x'),
  SHEBANG_CRLF: words('its first line ends with ^M (Windows line ends)', '第一行以 ^M 结尾（Windows 换行）'),
  SHEBANG_MISSING: words('no #! line', '没有 #! 行'),
  SHEBANG_BOM: words('a byte order mark before #!', '#! 之前有字节顺序标记'),
  SCRIPT_EMPTY: words('empty', '空文件'),
  INTERPRETER_MISSING: words('its interpreter is not on this machine', '本机没有它的解释器'),
  LINK_LEAVES_ROOT: words('a link that leads outside', '指向目录之外的链接'),
  NO_PERMISSION: words('no permission to read it', '没有读取权限'),
};
