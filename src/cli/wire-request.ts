/**
 * The request of `wire encode` and `wire send`: what `run` would ask (asked.ts), for a program that runs already. Its variables are the
 * server's own (script/meta, RFC 3875 §4.1); whoever asked spells them.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type Failure, isFailure } from '../failures.js';
import { pathTranslated } from '../route/destination.js';
import { asUrl, joined, resolvePath, type Segments } from '../route/resolve.js';
import { isReserved, type MetaFacts, metaVariables } from '../script/meta.js';
import { prefixSegments } from '../site.js';
import type { HttpRequest, MetaVariables } from '../types.js';
import { software } from '../version.js';
import { dataOf, requestTo, rootOf } from './asked.js';
import type { Values } from './options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { Mistake, say, visible, words } from './words.js';

export interface WireRequest {
  readonly request: HttpRequest;
  readonly meta: MetaVariables;
  readonly data: Buffer | undefined;
}

/** `url` is a path or a whole URL; with --script also what follows the script's own, or nothing. Throws a Mistake. */
export const wireRequest = (url: string, said: Said, terminal: Terminal): WireRequest | Failure => {
  const { values } = said;
  const { stderr, errPalette, cwd } = terminal;
  const data = dataOf(values, terminal);
  const addressed = values.script === undefined ? toPrefix(url, data, values, cwd) : toScript(values.script, url, data, said, terminal);
  if (isFailure(addressed)) return addressed;
  const { request, facts } = addressed;
  const policy = { software, passAuth: values['pass-auth'] === true, extra: extraOf(values, terminal.env) };
  const meta = metaVariables(request, { ...facts, contentLength: data?.length, user: undefined }, policy, (note) => {
    stderr.write(`${errPalette.dim('cgi-serve:')} ${visible(note)}\n`);
  });
  return { request, meta, data };
};

// --- who is asked --------------------------------------------------------------------------------------------------------

interface Addressed {
  readonly request: HttpRequest;
  readonly facts: Pick<MetaFacts, 'scriptName' | 'pathInfo' | 'pathTranslated' | 'scriptFile' | 'documentRoot'>;
}

/** A program that answers for all below a prefix, or for all there is; no file stands behind the URL. */
const toPrefix = (url: string, data: Buffer | undefined, values: Values, cwd: string): Addressed | Failure => {
  const request = requestTo('', url, data, values);
  const segments = resolvePath(request.path, values['encoded-slashes'] ?? 'reject');
  if (isFailure(segments)) return segments;
  const prefix = prefixSegments(values.prefix ?? '/');
  const under = prefix.every((segment, i) => segments[i] === segment) ? prefix.length : 0;
  return { request, facts: { ...parted(segments, under), pathTranslated: undefined, scriptFile: undefined, documentRoot: cwd } };
};

/**
 * A script, here or on the machine of the program. Its URL is what `run` takes it to be, below --prefix; or where the URL names it,
 * and then the folders above it are the document root's: /srv/www/blog/index.php at /blog/index.php.
 */
const toScript = (named: string, url: string, data: Buffer | undefined, said: Said, terminal: Terminal): Addressed | Failure => {
  const { values } = said;
  const file = scriptFile(named, terminal);
  const root = rootOf(file, said, terminal.cwd);
  const scriptSegments = [...prefixSegments(values.prefix ?? '/cgi-bin/'), ...relative(root, file).split(sep)];
  const asRun = requestTo(asUrl(scriptSegments), url, data, values);
  const asTyped = requestTo('', url, data, values);
  const typed = resolvePath(asTyped.path, values['encoded-slashes'] ?? 'reject');
  if (isFailure(typed)) return typed;
  const at = typed.indexOf(basename(file));
  if (at >= 0 && asRun.target !== asTyped.target) {
    const facts = parted(typed, at + 1);
    const documentRoot = file.endsWith(facts.scriptName) ? file.slice(0, -facts.scriptName.length) || '/' : root;
    return { request: asTyped, facts: withFile(facts, file, documentRoot) };
  }
  const segments = resolvePath(asRun.path, values['encoded-slashes'] ?? 'reject');
  if (isFailure(segments)) return segments;
  const beside = join(root, '..', 'public');
  const documentRoot = statSync(beside, { throwIfNoEntry: false })?.isDirectory() ? beside : root;
  return { request: asRun, facts: withFile(parted(segments, scriptSegments.length), file, documentRoot) };
};

const scriptFile = (named: string, { cwd, stderr, errPalette, lang }: Terminal): string => {
  const file = resolve(cwd, named);
  const stats = statSync(file, { throwIfNoEntry: false });
  const shown = visible(named);
  if (stats?.isDirectory()) throw new Mistake(4, words(`--script: ${shown} is a directory`, `--script：${shown} 是目录`));
  if (stats !== undefined) return realpathSync(file);
  const note = words(
    `there is no file ${shown} here; SCRIPT_FILENAME names it all the same`,
    `此处没有文件 ${shown}；SCRIPT_FILENAME 仍会指向它`,
  );
  stderr.write(`${errPalette.dim('cgi-serve:')} ${say(note, lang)}\n`);
  return file;
};

const parted = (segments: Segments, at: number): { scriptName: string; pathInfo: string } => ({
  scriptName: joined(segments.slice(0, at)),
  pathInfo: joined(segments.slice(at)),
});

const withFile = (facts: ReturnType<typeof parted>, scriptFile: string, documentRoot: string): Addressed['facts'] => ({
  ...facts,
  scriptFile,
  documentRoot,
  pathTranslated: pathTranslated(documentRoot, facts.pathInfo),
});

/** --pass-env and --env. PATH is for whoever starts programs, and this one runs already. */
const extraOf = (values: Values, env: Terminal['env']): MetaVariables => {
  const passed = (values['pass-env'] ?? []).flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  const extra = new Map([...passed, ...(values.env ?? [])]);
  const reserved = [...extra.keys()].find(isReserved);
  if (reserved !== undefined) {
    const what = words(
      `${reserved} is a meta-variable (RFC 3875 §4.1); the request alone says it`,
      `${reserved} 是元变量（RFC 3875 §4.1）；只由请求决定`,
    );
    throw new Mistake(2, what);
  }
  return extra;
};
