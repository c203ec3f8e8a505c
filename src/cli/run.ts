/**
 * `cgi-serve run SCRIPT [URL]`: one exchange without a server, with everything shown: the environment and where the RFC defines
 * it, the raw output, how each header line was judged, the outcome. The routing, the variables, the gateway and the parser are
 * the server's own; only the socket is missing. Exit code 5 when the script does not conform.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Carrier } from '../carrier/channel.js';
import { spawnCarrier } from '../carrier/spawn.js';
import { type Failure, failure, isFailure } from '../failures.js';
import { cgiGateway } from '../gateway/cgi.js';
import { diagnoseBirth } from '../process/diagnose.js';
import { bearPortable } from '../process/portable.js';
import { destinationOf, pathTranslated } from '../route/destination.js';
import { asUrl } from '../route/resolve.js';
import { metaVariables } from '../script/meta.js';
import { openSite, prefixSegments } from '../site.js';
import { Trace } from '../trace/trace.js';
import type { GatewayRequest, HttpRequest, ReplyHead, RequestBody } from '../types.js';
import { software } from '../version.js';
import type { Values } from './options.js';
import { type Run, reportAsJson, reportAsText } from './run-report.js';
import { askingTheCore, cgiOptions } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { Mistake, shellQuoted, visible, words } from './words.js';

export const run = async (said: Said, terminal: Terminal): Promise<number> => {
  const { values } = said;
  const [script, url = '', ...more] = said.operands;
  if (script === undefined) {
    throw new Mistake(2, words('run needs a script: cgi-serve run SCRIPT [URL]', 'run 需要一个脚本：cgi-serve run 脚本 [URL]'));
  }
  if (more.length > 0) {
    throw new Mistake(
      2,
      words(`run takes a script and a URL; what is ${shellQuoted(more[0]!)}?`, `run 只接受脚本与 URL；${shellQuoted(more[0]!)} 是什么？`),
      [words("A URL with ? or & stands in quotes: '?a=1&b=2'", "含 ? 或 & 的 URL 应加引号：'?a=1&b=2'")],
    );
  }
  const file = scriptFile(script, said, terminal.cwd);
  const result = await oneExchange(file, url, values, said, terminal);
  terminal.stdout.write(
    values.json ? `${JSON.stringify(reportAsJson(result), undefined, 2)}\n` : `${reportAsText(result, terminal).join('\n')}\n`,
  );
  if (result.interrupted) return 130;
  return result.failure === undefined ? 0 : 5;
};

/** How much of the output is kept for the report; the rest is counted. */
const outputKept = 1024 * 1024;

const oneExchange = async (file: string, url: string, values: Values, said: Said, terminal: Terminal): Promise<Run> => {
  const root = rootOf(file, said, terminal.cwd);
  const site = askingTheCore(() => openSite(root, cgiOptions(values)));
  const stderr: Buffer[] = [];
  const output: Buffer[] = [];
  let outputBytes = 0;
  const carrier = tapped(
    spawnCarrier({ bear: bearPortable, killGraceMs: site.settings.killGraceMs, diagnose: diagnoseBirth }),
    (piece) => {
      if (outputBytes < outputKept) output.push(piece);
      outputBytes += piece.length;
    },
    (piece) => stderr.push(piece),
  );
  const gateway = cgiGateway('cgi', carrier, site.settings);
  const data = dataOf(values, terminal);
  const request = requestFor(file, root, url, data, values, site.settings.prefix);
  const trace = new Trace();
  Object.assign(trace, {
    method: request.method,
    target: request.target,
    protocol: request.protocol,
    client: request.client.address,
    status: 0,
  });

  const mount = { ...site.route.mounts[0]!, prefix: prefixSegments(site.settings.prefix), gateway };
  const to = destinationOf(request, { ...site.route, mounts: [mount], publicRoot: undefined });
  let head: ReplyHead | undefined;
  let asked: GatewayRequest | undefined;
  let wrong: Failure | undefined;
  let stopped = false;

  if (isFailure(to)) wrong = to;
  else if (to.to !== 'script') wrong = failure('NOT_FOUND', { file, detail: `${request.target} leads to no script` });
  else {
    const facts = {
      ...{ scriptName: to.scriptName, pathInfo: to.pathInfo, scriptFile: to.script.file, documentRoot: site.documentRoot, user: undefined },
      ...{ pathTranslated: pathTranslated(site.documentRoot, to.pathInfo), contentLength: data?.length },
    };
    const policy = { software, passAuth: site.settings.passAuth, extra: site.extra };
    const meta = metaVariables(request, facts, policy, (text) => trace.note(text));
    asked = { script: to.script, meta, body: data === undefined ? undefined : bodyOf(data), head: request.method === 'HEAD' };
    const going = asked;
    wrong = await new Promise<Failure | undefined>((done) => {
      let why: Failure | undefined;
      // The script has a process group of its own, so the terminal's Ctrl-C does not reach it.
      const interrupted = (): void => {
        stopped = true;
        void gateway.close(0);
      };
      process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
      gateway.call(
        going,
        {
          head(found) {
            head = found;
            trace.status = found.status;
          },
          body(piece) {
            trace.bytesOut += piece.length;
            return true;
          },
          end() {},
          fail(reason) {
            why = reason;
          },
          over() {
            process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
            done(why ?? trace.failure);
          },
        },
        trace,
      );
    });
  }
  trace.failure = wrong;
  await Promise.all([gateway.close(0), ...site.gateways.map((g) => g.close(0))]);
  const errors = Buffer.concat(stderr).toString('utf8');
  const kept = Buffer.concat(output).subarray(0, outputKept);
  return {
    file,
    request,
    asked,
    output: kept,
    outputBytes,
    stderr: errors,
    head,
    failure: wrong,
    exchange: trace.finished(),
    interrupted: stopped,
  };
};

/** Observing is wrapping: the carrier goes on as it is, and what flows through is told. */
const tapped = (carrier: Carrier, output: (piece: Buffer) => void, errors: (piece: Buffer) => void): Carrier => ({
  open: (request, events) =>
    carrier.open(request, {
      ...events,
      output(piece) {
        output(piece);
        events.output(piece);
      },
      errors(piece) {
        errors(piece);
        events.errors(piece);
      },
    }),
  get alive() {
    return carrier.alive;
  },
  close: () => carrier.close(),
});

// --- which script ------------------------------------------------------------------------------------------------

const scriptFile = (named: string, said: Said, cwd: string): string => {
  const path = resolve(cwd, named);
  const stats = statSync(path, { throwIfNoEntry: false });
  const shown = visible(named);
  if (stats?.isDirectory()) {
    throw new Mistake(4, words(`${shown} is a directory; run takes one script`, `${shown} 是目录；run 只运行一个脚本`), [
      words(
        `To examine all scripts in it: cgi-serve doctor ${shellQuoted(named)}`,
        `检查其中所有脚本：cgi-serve doctor ${shellQuoted(named)}`,
      ),
    ]);
  }
  if (stats !== undefined) return path;
  const inside = join(said.dir ?? 'cgi-bin', named);
  const exists = statSync(resolve(cwd, inside), { throwIfNoEntry: false })?.isFile();
  const hints = exists ? [words(`Did you mean ${shellQuoted(inside)}?`, `是否想用 ${shellQuoted(inside)}？`)] : [];
  throw new Mistake(4, words(`there is no script ${shown}`, `没有脚本 ${shown}`), hints);
};

/** The script directory this file belongs to: the configured one, `./cgi-bin`, a folder above that is called so, or its own. */
const rootOf = (file: string, said: Said, cwd: string): string => {
  const configured = resolve(cwd, said.dir ?? 'cgi-bin');
  if (file.startsWith(configured + sep)) return configured;
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (/^(cgi-bin|htbin)$/.test(basename(folder))) return folder;
  }
  return dirname(file);
};

// --- what is asked -----------------------------------------------------------------------------------------------

const dataOf = (values: Values, { cwd }: Terminal): Buffer | undefined => {
  const { data } = values;
  if (data === undefined || !data.startsWith('@')) return data === undefined ? undefined : Buffer.from(data);
  const source = data.slice(1);
  try {
    return readFileSync(source === '-' ? 0 : resolve(cwd, source));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Mistake(4, words(`--data ${data}: the file cannot be read: ${code}`, `--data ${data}：无法读取文件：${code}`));
  }
};

const bodyOf = (data: Buffer): RequestBody => ({
  bytes: data.length,
  read(sink) {
    if (data.length > 0) sink.piece(data);
    sink.end();
  },
  pause() {},
  resume() {},
  discard() {},
});

const requestFor = (file: string, root: string, url: string, data: Buffer | undefined, values: Values, prefix: string): HttpRequest => {
  const scriptUrl = asUrl([...prefixSegments(prefix), ...relative(root, file).split(sep)]);
  const { authority, target } = targetOf(url, scriptUrl);
  const question = target.indexOf('?');
  const port = Number(/:(\d+)$/.exec(authority)?.[1] ?? 80);
  const typed = values.header ?? [];
  const isTyped = (name: string): boolean => typed.some(([n]) => n.toLowerCase() === name.toLowerCase());
  const usual: (readonly [string, string])[] = [
    ['Host', authority],
    ['User-Agent', software],
    ['Accept', '*/*'],
    ...(data === undefined
      ? []
      : ([
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Content-Length', String(data.length)],
        ] as const)),
  ];
  return {
    method: values.method ?? (data === undefined ? 'GET' : 'POST'),
    target,
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? '' : target.slice(question + 1),
    protocol: 'HTTP/1.1',
    headers: [...usual.filter(([name]) => !isTyped(name)), ...typed].flat(),
    authority: typed.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? authority,
    scheme: 'http',
    client: { address: '127.0.0.1', port: 50000 },
    server: { address: '127.0.0.1', port },
  };
};

/** `?a=1`, `/path/info?a=1`, or the whole URL with or without `http://host:port`. */
const targetOf = (url: string, scriptUrl: string): { authority: string; target: string } => {
  const [, authority = 'localhost:8000', rest = url] = /^http:\/\/([^/?#\s]+)([^#\s]*)/.exec(url) ?? [];
  const part = rest.replace(/#.*$/, '');
  if (/[\s\x00-\x1f]/.test(part))
    throw new Mistake(2, words(`a URL has no spaces: ${shellQuoted(url)}`, `URL 中不能有空格：${shellQuoted(url)}`));
  if (part !== '' && !/^[/?]/.test(part)) {
    throw new Mistake(
      2,
      words(`URL begins with / or ? or http://; got ${shellQuoted(url)}`, `URL 以 /、? 或 http:// 开头；得到 ${shellQuoted(url)}`),
      [
        words(
          `To send data: --data ${shellQuoted(url)}; as a query: ${shellQuoted(`?${url}`)}`,
          `发送数据：--data ${shellQuoted(url)}；作为查询：${shellQuoted(`?${url}`)}`,
        ),
      ],
    );
  }
  const whole = part === scriptUrl || part.startsWith(`${scriptUrl}/`) || part.startsWith(`${scriptUrl}?`);
  return { authority, target: whole ? part : scriptUrl + part };
};
