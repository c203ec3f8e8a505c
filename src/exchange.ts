/**
 * The spine: one request from its head to its last byte. Read this file and you have seen the program.
 *
 *   message → http/request → who? → guard → route → http/body → script/meta → gateway.call ⇄ program
 *                                     ▲                                             │
 *                                     └────── local redirect (RFC 3875 §6.2.2) ─────┤
 *   socket  ← http/response ←────────────────────────────────────── script/reply ←──┘       every step told to one trace
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Failure, failure, isFailure } from './failures.js';
import { authorize } from './gateway/authorize.js';
import { flowingBody, planBody, spoolBody } from './http/body.js';
import { preferredLanguage } from './http/negotiate.js';
import { pageHeaders, startPage } from './http/page.js';
import { fieldValues, readRequest, seesDetails } from './http/request.js';
import { type Answer, answerTo } from './http/response.js';
import { shellWord } from './http/visible.js';
import { redirectsMax } from './limits.js';
import { type Destination, destinationOf, pathTranslated } from './route/destination.js';
import { type Guard, guardOf } from './route/guards.js';
import { examineScripts } from './route/list.js';
import type { Mount } from './route/mounts.js';
import { asUrl } from './route/resolve.js';
import { metaVariables } from './script/meta.js';
import type { Site } from './site.js';
import { Trace } from './trace/trace.js';
import type { GatewayRequest, HttpRequest, MetaVariables, ReplySink, RequestBody } from './types.js';
import { version } from './version.js';

export interface Circumstances {
  /** The client waits for 100 Continue before it sends its body. */
  readonly expectsContinue?: boolean;
  /** The server has found the request wanting already. */
  readonly refused?: Failure;
  /** The target as the client sent it, where a framework has cut its own part off `message.url`. */
  readonly target?: string;
  /** The place the scripts are mounted at, where a framework decides that. */
  readonly mounts?: readonly Mount[];
  /** The connection has another use now, or none. */
  readonly closed?: () => void;
}

type To<Kind> = Extract<Destination, { readonly to: Kind }>;

/** What the server may still say about a request on its way. */
export interface RunningExchange {
  /** The rest of the request turned out to be broken, or the client is gone. */
  refuse(why: Failure): void;
}

export const exchange = (site: Site, message: IncomingMessage, res: ServerResponse, circumstances: Circumstances = {}): RunningExchange => {
  const { settings } = site;
  const trace = new Trace(settings.recordWire);
  let continueOwed = circumstances.expectsContinue === true;
  let giveUpBody = (): void => {};
  let about: { rerun?: string; environment?: MetaVariables } = {};
  /** Whom we have checked; and what the guard of the place gave the request on its way. */
  let user: string | undefined;
  let given: MetaVariables = nothing;
  const policy = circumstances.mounts ? { ...site.route, mounts: circumstances.mounts } : site.route;
  const details = (): boolean => seesDetails(settings.details, message);
  /** The answer, and each program on the way to it: the account is closed when all of them are. */
  let open = 1;
  const closeOne = (): void => {
    open -= 1;
    if (open === 0) report(site, trace);
  };
  const request = readRequest(message, circumstances.target);
  describe(trace, message, request);
  const answer = answerTo(message, res, trace, {
    software: site.software,
    challenge: site.authority?.challenge,
    details,
    about: () => about,
    closed() {
      giveUpBody();
      closeOne();
      circumstances.closed?.();
    },
  });

  /** RFC 3875 §3.1 — no script runs before access is decided, and no body is asked for either. */
  const admit = async (asked: HttpRequest): Promise<void> => {
    if (site.authority !== undefined) {
      user = await site.authority.check(fieldValues(asked.headers, 'authorization')[0]);
      if (user === undefined) return answer.fail(failure('AUTH_REQUIRED'));
      trace.waitsFromNow();
    }
    go(asked, 0);
  };

  /** Once for the request, and again for each local redirect: what one guard gave is not carried past the next. */
  const go = (asked: HttpRequest, redirects: number): void => {
    const guard = guardOf(asked.path, site.guards, policy.encodedSlashes);
    if (isFailure(guard)) return answer.fail(guard);
    given = nothing;
    trace.user = user;
    if (guard === undefined) enter(asked, redirects);
    else askGuard(asked, guard, redirects);
  };

  /** FastCGI §6.3 — its 200 lets the request through; every other answer is the client's. */
  const askGuard = (asked: HttpRequest, guard: Guard, redirects: number): void => {
    about = {};
    const allowed = (variables: MetaVariables): void => {
      trace.authorized();
      given = variables;
      trace.user = variables.get('REMOTE_USER') ?? user;
      guarded(() => enter(asked, redirects));
    };
    const question = guardRequest(site, asked, guard, user);
    answer.serve(authorize(guard.gateway, question, sinkFor(asked, question, redirects), trace, allowed));
  };

  const enter = (asked: HttpRequest, redirects: number): void => {
    const destination = destinationOf(asked, policy);
    if (isFailure(destination)) return answer.fail(destination);
    switch (destination.to) {
      case 'script':
        return redirects > 0 ? run(asked, destination, undefined, undefined, redirects) : takeBody(asked, destination);
      case 'file':
        return site.sendFile ? site.sendFile(destination.found, asked.method, message, answer, trace) : answer.fail(failure('NOT_FOUND'));
      case 'slash':
        return redirectToSlash(asked, destination.location);
      case 'list':
        return list(asked, destination);
      case 'server':
        return answer.page(200, 'text/plain', '', ['Allow', 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS']);
    }
  };

  const takeBody = (asked: HttpRequest, to: To<'script'>): void => {
    const plan = planBody(message, settings.chunked, settings.maxBodyBytes);
    if (isFailure(plan)) return answer.fail(plan);
    if (plan.kind === 'none') return run(asked, to, undefined, plan.bytes, 0);
    const counted = (bytes: number): void => {
      trace.bytesIn += bytes;
    };
    const wanted = (): void => {
      if (continueOwed) res.writeContinue();
      continueOwed = false;
    };
    const flowing = flowingBody(message, plan.bytes, settings.maxBodyBytes, counted, wanted);
    if (plan.kind === 'flow') return run(asked, to, flowing, plan.bytes, 0);
    giveUpBody = spoolBody(flowing, (spooled) => {
      if (isFailure(spooled)) return answer.fail(spooled);
      trace.waitsFromNow();
      run(asked, to, spooled, spooled.bytes, 0);
    });
  };

  const run = (
    asked: HttpRequest,
    to: To<'script'>,
    body: RequestBody | undefined,
    contentLength: number | undefined,
    redirects: number,
  ): void => {
    const { script, pathInfo, gateway } = to;
    const told = gatewayRequest(site, asked, to, body, contentLength, trace, given);
    about = { ...(script.program === '' ? {} : { rerun: rerun(asked, script.file, pathInfo) }), environment: told.meta };
    answer.serve(gateway.call(told, sinkFor(asked, told, redirects), trace));
  };

  /** Where a program's answer goes. */
  const sinkFor = (asked: HttpRequest, { script }: GatewayRequest, redirects: number): ReplySink => {
    open += 1;
    return followLocal(answer, guarded, closeOne, (location) => {
      if (redirects >= redirectsMax)
        return answer.fail(failure('REPLY_REDIRECT_LOOP', { file: script.file, detail: `${redirects} local redirects` }));
      trace.restart();
      go(redirected(asked, location), redirects + 1);
    });
  };

  const redirectToSlash = (asked: HttpRequest, location: string): void => {
    trace.gateway = 'page';
    // RFC 9110 §15.4.9 — 308 keeps the method and the body where a 301 would lose them.
    const status = asked.method === 'GET' || asked.method === 'HEAD' ? 301 : 308;
    answer.page(status, 'text/plain; charset=utf-8', `${location}\n`, ['Location', location]);
  };

  const list = (asked: HttpRequest, { mount, below }: To<'list'>): void => {
    trace.gateway = 'page';
    if (asked.method !== 'GET' && asked.method !== 'HEAD') return answer.fail(failure('METHOD_NOT_ALLOWED'));
    const prefix = asUrl([...mount.prefix, '']);
    const scripts = examineScripts(mount.root, prefix, mount.interpreters, below);
    const acceptLanguage = fieldValues(asked.headers, 'accept-language')[0];
    const page = startPage(scripts, { acceptLanguage, prefix, details: details(), version });
    const language = ['Content-Language', preferredLanguage(acceptLanguage), 'Vary', 'Accept-Language'];
    answer.page(200, 'text/html; charset=utf-8', page, [...pageHeaders, ...language]);
  };

  /** A mistake of ours is one request's misfortune and nobody else's. */
  const guarded = (step: () => unknown): void => {
    try {
      step();
    } catch (error) {
      site.settings.onWarning(`internal error: ${(error as Error).stack ?? String(error)}`);
      answer.fail(failure('SERVER_ERROR', { detail: String(error) }));
    }
  };

  guarded(() => {
    if (circumstances.refused) answer.fail(circumstances.refused);
    else if (isFailure(request)) answer.fail(request);
    else if (site.authority === undefined) go(request, 0);
    else void admit(request).catch((error) => answer.fail(failure('SERVER_ERROR', { detail: String(error) })));
  });

  return { refuse: (why) => answer.refuse(why) };
};

const nothing: MetaVariables = new Map();

/**
 * What the gateway is asked: the script, what it is told (RFC 3875 §4.1), and the body. `trace.user` is who was let in; `given` are
 * an authorizer's variables: when it says who that is, it also says how that is known (AUTH_TYPE), or nobody does.
 */
export const gatewayRequest = (
  site: Site,
  asked: HttpRequest,
  { script, scriptName, pathInfo, file, application }: To<'script'>,
  body: RequestBody | undefined,
  contentLength: number | undefined,
  trace: Trace,
  given: MetaVariables = nothing,
): GatewayRequest => {
  const facts = {
    scriptName,
    pathInfo,
    pathTranslated: application ? undefined : pathTranslated(site.documentRoot, pathInfo),
    scriptFile: file,
    documentRoot: site.documentRoot,
    contentLength,
    user: given.has('REMOTE_USER') ? undefined : trace.user,
  };
  const extra = script.program === '' ? site.extraForPrograms : site.extra;
  // Who checks passwords here keeps them.
  const passAuth = site.settings.passAuth || (application && site.authority === undefined);
  const policy = { software: site.software, passAuth, extra };
  const meta = metaVariables(asked, facts, policy, (text) => trace.note(text));
  for (const [name, value] of given) meta.set(name, value);
  return { script, meta, body, head: asked.method === 'HEAD', asked };
};

/**
 * What an authorizer is asked. FastCGI §6.3 — about the request alone: no body, and no path below a script, because none is chosen
 * yet. It sees Authorization, which scripts do not: to judge that is what it is for.
 */
const guardRequest = (site: Site, asked: HttpRequest, { prefix }: Guard, user: string | undefined): GatewayRequest => {
  const facts = {
    scriptName: '',
    pathInfo: '',
    pathTranslated: undefined,
    scriptFile: undefined,
    documentRoot: site.documentRoot,
    contentLength: undefined,
    user,
  };
  const policy = { software: site.software, passAuth: true, extra: site.extraForPrograms };
  // What is not passed on is noted when a program is told.
  const meta = metaVariables(asked, facts, policy, () => {});
  const script = { file: asUrl(prefix), program: '', args: [], cwd: '', nph: false };
  return { script, meta, body: undefined, head: asked.method === 'HEAD', asked };
};

/** The command that has the same exchange in a terminal. */
const rerun = (asked: HttpRequest, file: string, pathInfo: string): string => {
  const url = `${pathInfo === '' ? '' : asUrl(pathInfo.slice(1).split('/'))}${asked.query === '' ? '' : `?${asked.query}`}`;
  const words = ['cgi-serve', 'run', file, ...(url === '' ? [] : [url]), ...(asked.method === 'GET' ? [] : ['-X', asked.method])];
  return words.map(shellWord).join(' ');
};

/** Passes an answer on, unless it is a local redirect: then `follow` is called when the program that said so is gone. */
const followLocal = (
  answer: Answer,
  guarded: (step: () => unknown) => void,
  over: () => void,
  follow: (location: string) => void,
): ReplySink => {
  let location: string | undefined;
  return {
    head(head) {
      if (head.kind === 'local-redirect') location = head.location;
      else guarded(() => answer.head(head));
    },
    body: (piece) => answer.body(piece),
    end() {
      if (location === undefined) answer.end();
    },
    fail: (why) => answer.fail(why),
    over() {
      guarded(() => location !== undefined && follow(location));
      over();
    },
  };
};

/**
 * RFC 3875 §6.2.2: as if the client had asked for that URL. A GET (or HEAD) without body, because the first script has read
 * it; the RFC leaves open the fields that spoke of the body, so they go too.
 */
const redirected = (asked: HttpRequest, location: string): HttpRequest => {
  const question = location.indexOf('?');
  const headers: string[] = [];
  for (let i = 0; i + 1 < asked.headers.length; i += 2) {
    if (!/^(content-|transfer-encoding$|trailer$|expect$)/i.test(asked.headers[i]!)) headers.push(asked.headers[i]!, asked.headers[i + 1]!);
  }
  return {
    ...asked,
    method: asked.method === 'HEAD' ? 'HEAD' : 'GET',
    target: location,
    path: question < 0 ? location : location.slice(0, question),
    query: question < 0 ? '' : location.slice(question + 1),
    headers,
  };
};

const describe = (trace: Trace, message: IncomingMessage, request: HttpRequest | Failure): void => {
  trace.method = message.method ?? '-';
  trace.target = isFailure(request) ? (message.url ?? '-') : request.target;
  trace.protocol = `HTTP/${message.httpVersion}`;
  trace.client = isFailure(request) ? (message.socket.remoteAddress ?? '-') : request.client.address;
  trace.clientPort = message.socket.remotePort ?? 0;
  trace.referer = message.headers.referer;
  trace.userAgent = message.headers['user-agent'];
};

/** A subscriber that throws breaks nothing but its own work. */
export const report = (site: Site, trace: Trace): void => {
  try {
    site.settings.onExchange(trace.finished());
  } catch (error) {
    site.settings.onWarning(`onExchange threw: ${String(error)}`);
  }
};
