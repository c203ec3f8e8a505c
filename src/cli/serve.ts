/**
 * `cgi-serve [DIR]`: starts the server, tells where, prints a line for each request, and stops kindly. The access log goes to
 * standard output, which may be a pipe to an analyser; everything else (banner, warnings, what scripts say on stderr, failures)
 * goes to standard error.
 */
import { networkInterfaces } from 'node:os';
import { isatty } from 'node:tty';
import { explain } from '../failures.js';
import { pageHeaders } from '../http/html.js';
import { createServer } from '../index.js';
import * as limits from '../limits.js';
import { examineScripts } from '../route/list.js';
import type { CgiServer } from '../server.js';
import { statusAnswer } from '../status/answer.js';
import { type Exchange, now, type StderrLine, wallClock } from '../trace/trace.js';
import type { Endpoint } from '../types.js';
import { version } from '../version.js';
import { banner, bornPortably, inUrl, isLoopback, type Ready, readyLine, readyRecord } from './banner.js';
import { baresOf } from './bares.js';
import { deservesBox, failureBox, failureLine } from './failure-box.js';
import { keysOf } from './keys.js';
import { labOf, loopbackFor, type OpenLab, openLab, placesIn } from './lab.js';
import { jsonRecord, logLine } from './log.js';
import type { Values } from './options.js';
import { asTyped, findPlace, type Place } from './place.js';
import { listenSomewhere } from './port.js';
import { type Reloader, reloaderFor } from './reload.js';
import { askingTheCore, cgiOptions, interpretersOf, mountsOf, serverOptions } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { say, shellQuoted, visible, words } from './words.js';

export const serve = async (said: Said, terminal: Terminal): Promise<number> => {
  const { values } = said;
  const place = findPlace(said, terminal.cwd);
  const interpreters = interpretersOf(values, terminal.env);
  const printer = printerFor(values, terminal);
  const lab = labOf(values, {
    bares: baresOf(cgiOptions(values)),
    benched: printer.benched,
    places: () => placesIn(place, interpreters, values, terminal.cwd),
    pools: () => server.site.pools,
    record: jsonRecord,
    reload: () => reloader.reload(),
    status: (query, accept) => {
      const facts = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, cwd: terminal.cwd, version };
      const pools = server.site.pools.map((pool) => pool.status());
      const answer = statusAnswer(pools, query, accept, wallClock(), facts);
      return answer.type.startsWith('text/html') ? { ...answer, headers: pageHeaders } : answer;
    },
  });
  const onExchange = (exchange: Exchange): void => {
    if (!lab?.isLoad(exchange)) printer.exchange(exchange);
    lab?.exchange(exchange);
  };
  const server = askingTheCore(() =>
    createServer({
      ...serverOptions(values, place, terminal.cwd, said.configFile),
      ...{ onExchange, onStderr: printer.stderr, onWarning: printer.warning },
      ...(lab && { tap: lab.tap, recordWire: true }),
    }),
  );
  const orElseClose = async (error: unknown): Promise<never> => {
    await server.close(0);
    throw error;
  };
  const port = place.port ?? values.port;
  const { endpoints, busyPort } = await listenSomewhere((at) => server.listen(at), port, values.host).catch(orElseClose);
  const reloader = reloaderFor(server, graceOf(values), values, terminal, printer.warning);
  const prefix = values.prefix ?? '/cgi-bin/';
  const scripts = place.dir === undefined ? [] : examineScripts(place.dir, prefix, interpreters);
  const network = networkAddresses();
  const beside = { at: endpoints[0]!, anyPort: port === 0, births: server.births, scripts, network };
  const opened = lab && (await openLab(lab, values, beside).catch(orElseClose));

  const { address, port: boundPort } = endpoints[0]!;
  const site = `http://${inUrl(loopbackFor(address))}:${boundPort}/`;
  const reload = server.site.pools.length > 0 ? () => void reloader.reload() : undefined;
  const keys = values.quiet ? undefined : keysOf({ site, lab: opened, reload }, terminal);
  const ended = untilStopped(server, reloader, opened, values, terminal, printer);
  warnWhenExposed(endpoints, values, place, printer, terminal);
  for (const warning of opened?.warnings ?? []) printer.warning(say(warning, terminal.lang));
  if (!values.quiet) {
    printer.ready({
      version: version,
      readyMs: now(),
      endpoints,
      network,
      lab: opened?.url,
      keys: keys !== undefined,
      busyPort,
      prefix,
      dir: place.dir === undefined ? undefined : asTyped(place.dir, terminal.cwd),
      publicDir: place.publicDir === undefined ? undefined : asTyped(place.publicDir, terminal.cwd),
      mounts: mountsOf(values),
      workers: values.workers ?? { min: limits.workersOfPool, max: limits.workersOfPool },
      configFile: said.configFile,
      births: server.births,
      scripts,
    });
  }
  return ended.finally(() => keys?.close());
};

// --- what is printed ---------------------------------------------------------------------------------------------

interface Printer {
  ready(ready: Ready): void;
  exchange(exchange: Exchange): void;
  stderr(line: StderrLine): void;
  warning(text: string): void;
  /** A bench in the lab is over. */
  benched(requests: number): void;
  /** Everything that waits is written. */
  flush(): void;
}

const printerFor = (values: Values, { stdout, stderr, lang, cwd, outPalette, errPalette }: Terminal): Printer => {
  const format = values['log-format'] ?? 'dev';
  let waiting = '';
  let lastBox = '';
  const flush = (): void => {
    if (waiting === '') return;
    const lines = waiting;
    waiting = '';
    stdout.write(lines);
  };
  /** One write for all requests that end in the same turn of the event loop: a write to a pipe costs as much as the line itself. */
  const log = (line: string): void => {
    if (waiting === '') setImmediate(flush);
    waiting += `${line}\n`;
  };
  const tell = (text: string): void => {
    flush(); // A failure stands under its own log line when both streams are one terminal.
    stderr.write(`${text}\n`);
  };
  const tellFailure = (exchange: Exchange): void => {
    const { failure } = exchange;
    if (!failure || !deservesBox(failure) || (values.quiet && explain(failure).fault === 'client')) return;
    const subject = exchange.target.replace(/\?.*$/s, '');
    if (format === 'dev') {
      const width = Math.min(stderr.columns || 100, 120);
      const box = failureBox(failure, subject, { lang, palette: errPalette, width, cwd, status: exchange.status }).join('\n');
      // Somebody reloads a broken page: the same words again would only push the first ones off the screen.
      const same = sameButForNumbers(box);
      tell(same === lastBox ? errPalette.dim(`       ${say(words('as above', '同上'), lang)}`) : `${box}\n`);
      lastBox = same;
    } else if (format !== 'json') tell(failureLine(failure, subject, lang));
  };
  return {
    flush,
    ready(ready) {
      if (format === 'json') log(readyRecord(ready, wallClock(), process.pid));
      if (stderr.isTTY) tell(banner(ready, lang, errPalette).join('\n'));
      else if (format !== 'json') tell([readyLine(ready), ...bornPortably(ready).map((text) => visible(say(text, lang)))].join('\n'));
      flush();
    },
    exchange(exchange) {
      if (!values.quiet) {
        log(logLine(format, exchange, outPalette));
        if (!exchange.failure) lastBox = '';
      }
      tellFailure(exchange);
    },
    stderr({ script, pid, text }) {
      tell(`${errPalette.magenta(`${visible(script)}${pid === undefined ? '' : `[${pid}]`}`)} ${visible(text)}`);
    },
    benched(requests) {
      const count = requests.toLocaleString('en-US');
      const text = words(`the ${count} requests of a bench in the lab are not listed here`, `实验室压测的 ${count} 个请求未在此列出`);
      if (!values.quiet && format !== 'json') tell(errPalette.dim(say(text, lang)));
    },
    warning(text) {
      tell(`${errPalette.yellow(say(words('warning:', '警告：'), lang))} ${text.split('\n').map(visible).join('\n')}`);
    },
  };
};

const sameButForNumbers = (box: string): string => box.replace(/\d+ ms|\d+ 毫秒|pid \d+/g, '');

const warnWhenExposed = (endpoints: readonly Endpoint[], values: Values, place: Place, printer: Printer, { lang, cwd }: Terminal): void => {
  const exposed = endpoints.find(({ address }) => !isLoopback(address));
  if (exposed === undefined) return;
  const { address, port } = exposed;
  const dir = place.dir === undefined ? undefined : shellQuoted(asTyped(place.dir, cwd));
  const root = process.getuid?.() === 0;
  const does =
    dir === undefined
      ? words('uses the programs mounted here', '使用此处挂载的程序')
      : values['basic-auth']
        ? words(`runs the programs in ${dir}`, `运行 ${dir} 中的程序`)
        : words(
            `runs the programs in ${dir}, as ${root ? 'root' : 'this user'}`,
            `以${root ? ' root ' : '当前用户'}身份运行 ${dir} 中的程序`,
          );
  const warning = values['basic-auth']
    ? words(
        `whoever reaches ${address} port ${port} with a password ${does.en}; the password travels unencrypted`,
        `任何能访问 ${address} 端口 ${port} 且持有密码的人都可${does.zh}；密码以明文传输`,
      )
    : words(`whoever reaches ${address} port ${port} ${does.en}`, `任何能访问 ${address} 端口 ${port} 的人都可${does.zh}`);
  printer.warning(say(warning, lang));
};

const networkAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter((a) => !a.internal && a.family === 'IPv4').map((a) => a.address),
  );

// --- how it ends -------------------------------------------------------------------------------------------------

const graceOf = (values: Values): number => values.grace ?? limits.shutdownGraceMs;

/** 128 + the signal's number, as shells count. */
const forcedCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof forcedCodes;

/**
 * The first signal stops listening and lets running scripts finish for `--grace`; a second ends them at once. 0: all of them
 * finished. 130, 143 or 129: they were ended. Resolves when no child is left.
 */
const untilStopped = (
  server: CgiServer,
  reloader: Reloader,
  lab: OpenLab | undefined,
  values: Values,
  terminal: Terminal,
  printer: Printer,
): Promise<number> =>
  new Promise((resolve) => {
    const graceMs = graceOf(values);
    let stopping: StopSignal | 'EPIPE' | undefined;
    let forced: number | undefined;
    let ownMistakes = 0;

    const stop = async (why: StopSignal | 'EPIPE', ms: number): Promise<void> => {
      stopping = why;
      // Whoever still runs when the time is over is ended, not finished.
      const over = why === 'EPIPE' ? undefined : setTimeout(() => (forced ??= forcedCodes[why]), ms);
      reloader.close();
      await server.close(ms).catch(report);
      await lab?.close().catch(report);
      clearTimeout(over);
      printer.flush();
      for (const signal of signals) process.off(signal, onSignal);
      process.off('uncaughtException', report).off('unhandledRejection', report);
      resolve(forced ?? (ownMistakes > 0 ? 1 : 0));
    };
    /** SIGHUP is also what a terminal sends that is closed; then it is none any more, and nobody could stop us by Ctrl-C. */
    const hadTerminal = isatty(2);
    const asksToReload = (signal: NodeJS.Signals): boolean =>
      signal === 'SIGHUP' && server.site.pools.length > 0 && stopping === undefined && isatty(2) === hadTerminal;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asksToReload(signal)) return void reloader.reload().catch(report);
      if (stopping === undefined) {
        if (!values.quiet) sayStopping(terminal, graceMs);
        void stop(signal as StopSignal, graceMs);
      } else {
        if (forced === undefined && !values.quiet) saySecond(terminal);
        forced ??= forcedCodes[signal as StopSignal];
        void server.close(0).catch(report);
      }
    };
    /** A bug of ours in one request must not end all the others. It is told, and the exit code remembers it. */
    const report = (error: unknown): void => {
      ownMistakes += 1;
      terminal.stderr.write(
        `cgi-serve: a mistake of its own; please report it with these lines\n${(error as Error)?.stack ?? String(error)}\n`,
      );
    };

    const signals = Object.keys(forcedCodes) as StopSignal[];
    for (const signal of signals) process.on(signal, onSignal);
    process.on('uncaughtException', report).on('unhandledRejection', report);
    terminal.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // `cgi-serve | head`: nobody reads the log any more. Like other programs in a pipeline, it ends in silence.
      if (error.code === 'EPIPE' && stopping === undefined) void stop('EPIPE', 0);
    });
  });

const sayStopping = ({ stderr, errPalette: p, lang }: Terminal, graceMs: number): void => {
  const time = graceMs % 1000 === 0 ? `${graceMs / 1000} s` : `${graceMs} ms`;
  const text =
    graceMs === 0
      ? words('Stopping', '正在停止')
      : words(
          `Stopping. Scripts that still run have ${time}; Ctrl-C again ends them now`,
          `正在停止。运行中的脚本还有 ${time}；再按一次 Ctrl-C 立即终止`,
        );
  // The terminal has printed ^C without a line end.
  stderr.write(`${stderr.isTTY ? '\r' : ''}${p.dim(say(text, lang))}\n`);
};

const saySecond = ({ stderr, errPalette: p, lang }: Terminal): void => {
  stderr.write(`${stderr.isTTY ? '\r' : ''}${p.dim(say(words('Ending them now', '立即终止'), lang))}\n`);
};
