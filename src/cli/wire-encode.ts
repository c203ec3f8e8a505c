/**
 * `cgi-serve wire encode [URL]`: a request as the bytes that a wire makes of it. The request is what `run` would ask (asked.ts),
 * its variables are the server's own (script/meta, RFC 3875 §4.1), the spelling is the wire's; only the socket is missing.
 */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type Failure, isFailure } from '../failures.js';
import { pathTranslated } from '../route/destination.js';
import { asUrl, joined, resolvePath, type Segments } from '../route/resolve.js';
import { isReserved, type MetaFacts, metaVariables } from '../script/meta.js';
import { prefixSegments } from '../site.js';
import type { HttpRequest, MetaVariables } from '../types.js';
import { software } from '../version.js';
import { fastcgi } from '../wire/fastcgi.js';
import { scgi } from '../wire/scgi.js';
import { uwsgi } from '../wire/uwsgi.js';
import type { Wire } from '../wire/wire.js';
import { dataOf, requestTo, rootOf } from './asked.js';
import { failureBox } from './failure-box.js';
import { hexText } from './hex-text.js';
import type { Values } from './options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { Mistake, say, shellQuoted, visible, words } from './words.js';

export const wireEncode = (said: Said, terminal: Terminal): number => {
  const { values } = said;
  const { stdout, stderr, errPalette, lang, cwd } = terminal;
  if (stdout.isTTY && !values.hex) throw notToATerminal;
  const url = urlOf(said, terminal);
  const data = dataOf(values, terminal);
  const addressed = values.script === undefined ? toPrefix(url, data, values, cwd) : toScript(values.script, url, data, said, terminal);
  const bytes = isFailure(addressed) ? addressed : spell(addressed, data, said, terminal);
  if (isFailure(bytes)) {
    const width = Math.min(stderr.columns || 100, 120);
    stderr.write(`${failureBox(bytes, url.replace(/\?.*$/s, '') || '/', { lang, palette: errPalette, width, cwd }).join('\n')}\n`);
    return 5;
  }
  stdout.write(values.hex ? hexText(bytes) : bytes);
  return 0;
};

const notToATerminal = new Mistake(2, words('these bytes are not for a terminal', '这些字节不适合直接输出到终端'), [
  words('As hexadecimal text: add --hex, or | xxd', '以十六进制文本显示：加上 --hex，或 | xxd'),
  words('With their meaning: | cgi-serve wire decode', '连同含义一起显示：| cgi-serve wire decode'),
]);

/** The one operand. Throws a Mistake. */
const urlOf = ({ operands, values }: Said, { cwd }: Terminal): string => {
  const [url = '', ...more] = operands;
  if (more.length > 0) {
    const what = shellQuoted(visible(more[0]!));
    throw new Mistake(2, words(`wire encode takes one URL; what is ${what}?`, `wire encode 只接受一个 URL；${what} 是什么？`), [
      words("A URL with ? or & stands in quotes: '/?a=1&b=2'", "含 ? 或 & 的 URL 应加引号：'/?a=1&b=2'"),
    ]);
  }
  if (url === '' && values.script === undefined)
    throw new Mistake(
      2,
      words('wire encode needs a URL: cgi-serve wire encode /path', 'wire encode 需要一个 URL：cgi-serve wire encode /路径'),
    );
  if (!/^(?:[/?]|https?:)/.test(url) && url !== '' && existsSync(resolve(cwd, url))) {
    const file = shellQuoted(visible(url));
    throw new Mistake(2, words(`${file} is a file; a URL begins with /`, `${file} 是文件；URL 以 / 开头`), [
      words(`A request for it: cgi-serve wire encode --script ${file}`, `对它的请求：cgi-serve wire encode --script ${file}`),
    ]);
  }
  return url;
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

// --- what is said --------------------------------------------------------------------------------------------------------

const wires: Readonly<Record<Wire['name'], Wire>> = {
  // Not kept: the program closes after its answer, so that `| nc` ends.
  fastcgi: fastcgi({ role: 'responder', keep: false }),
  scgi,
  uwsgi: uwsgi({ modifier1: 0, modifier2: 0 }),
};

const spell = ({ request, facts }: Addressed, data: Buffer | undefined, said: Said, terminal: Terminal): Buffer | Failure => {
  const { values } = said;
  const { stderr, errPalette } = terminal;
  const policy = { software, passAuth: values['pass-auth'] === true, extra: extraOf(values, terminal.env) };
  const meta = metaVariables(request, { ...facts, contentLength: data?.length, user: undefined }, policy, (note) => {
    stderr.write(`${errPalette.dim('cgi-serve:')} ${visible(note)}\n`);
  });
  const asking = wires[values.wire ?? 'fastcgi'].ask(meta);
  if (isFailure(asking)) return asking;
  return Buffer.concat([asking.opening, ...(data === undefined ? [] : asking.body(data)), ...asking.bodyEnd()]);
};

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
