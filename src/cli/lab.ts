/**
 * The lab beside the server: made before it, because exchanges are heard from the first one on, and listening after it, because the server
 * is what it shows.
 */
import type { Words } from '../failures.js';
import { announceLab } from '../lab/announce.js';
import type { BenchHouse } from '../lab/bench.js';
import { createLab, type Lab, type LabOptions } from '../lab/lab.js';
import { placesOf } from '../lab/places.js';
import type { ToldPlace } from '../lab/told.js';
import type { Interpreter } from '../route/interpreters.js';
import { examineScripts, type ScriptReport } from '../route/list.js';
import type { Endpoint } from '../types.js';
import { inUrl, isLoopback, isWildcard } from './banner.js';
import type { Values } from './options.js';
import type { Place } from './place.js';
import { listenSomewhere } from './port.js';
import { sortScripts } from './scripts.js';
import { mountsOf } from './server-options.js';
import { words } from './words.js';

/** undefined: none is wanted. */
export const labOf = (values: Values, options: Omit<LabOptions, 'present'>): Lab | undefined =>
  values['no-lab'] ? undefined : createLab({ ...options, present: values.present === true });

export interface OpenLab {
  /** What a person opens; it holds the key. */
  readonly url: string;
  /** The same with a key that is good once: for a command line. */
  urlOnce(): string;
  readonly endpoint: Endpoint;
  /** What went wrong, and is no reason to stop. */
  readonly warnings: readonly Words[];
  close(): Promise<void>;
}

/** The server that the lab is beside. */
export interface Beside {
  readonly at: Endpoint;
  /** It was to listen anywhere. */
  readonly anyPort: boolean;
  readonly births: BenchHouse['births'];
  readonly scripts: readonly ScriptReport[];
  /** Addresses of this machine that others can reach. */
  readonly network: readonly string[];
}

/** Throws a Mistake when a port that was named cannot be had. */
export const openLab = async (lab: Lab, values: Values, { at, anyPort, births, scripts, network }: Beside): Promise<OpenLab> => {
  const host = (values.present ? values.host?.[0] : undefined) ?? '127.0.0.1';
  const address = loopbackFor(at.address);
  const shown = {
    url: `http://${inUrl(address)}:${at.port}`,
    demo: values['basic-auth'] ? undefined : demoOf(scripts),
    house: { aim: { address, port: at.port }, births },
  };
  const listen = async (port: number): Promise<Endpoint> => {
    const { endpoints } = await listenSomewhere(async ({ port }) => [await lab.listen({ port, host }, shown)], port, [host]);
    return endpoints[0]!;
  };
  const named = values['lab-port'];
  const endpoint = await (named === undefined ? nextTo(anyPort ? undefined : at.port, listen) : listen(named));
  const url = (address: string): string => `http://${inUrl(address)}:${endpoint.port}`;
  const warnings: Words[] = [];
  let withdraw = (): void => {};
  try {
    withdraw = announceLab({ pid: process.pid, url: url(loopbackFor(endpoint.address)), key: lab.key });
  } catch (error) {
    const why = (error as Error).message;
    warnings.push(words(`cgi-serve status will not find this server: ${why}`, `cgi-serve status 将找不到此服务器：${why}`));
  }
  if (!isLoopback(endpoint.address)) {
    const where = `${endpoint.address} port ${endpoint.port}`;
    warnings.push(
      words(
        `whoever reaches ${where} with the Lab URL sees every request and answer; the key travels unencrypted`,
        `任何能访问 ${endpoint.address} 端口 ${endpoint.port} 且持有实验室 URL 的人都可看到全部请求与响应；密钥以明文传输`,
      ),
    );
  }
  const person = isWildcard(endpoint.address) ? (network[0] ?? '127.0.0.1') : endpoint.address;
  return {
    url: `${url(person)}/#k=${lab.key}`,
    urlOnce: () => `${url(person)}/#k=${lab.ticket()}`,
    endpoint,
    warnings,
    async close() {
      withdraw();
      await lab.close();
    },
  };
};

/** What can be asked, looked up anew: scripts are added while the server runs. */
export const placesIn = (
  { dir, publicDir }: Place,
  interpreters: ReadonlyMap<string, Interpreter>,
  values: Values,
  cwd: string,
): ToldPlace[] => {
  const mounts = mountsOf(values);
  const byExtension = mounts.some(({ where }) => where.startsWith('.'));
  return placesOf({
    scripts: dir === undefined ? [] : examineScripts(dir, values.prefix ?? '/cgi-bin/', interpreters),
    files: publicDir === undefined || !byExtension ? [] : examineScripts(publicDir, '/', interpreters),
    ...{ mounts, via: values.via, cwd },
  });
};

/** A port the user did not name must not be a reason to fail: beside the server's, else any. */
const nextTo = async (port: number | undefined, listen: (port: number) => Promise<Endpoint>): Promise<Endpoint> => {
  for (let tried = 1; port !== undefined && tried <= portsTried && port + tried <= 65_535; tried++) {
    const endpoint = await listen(port + tried).catch(() => undefined);
    if (endpoint) return endpoint;
  }
  return listen(0);
};

const portsTried = 20;

/** The friendliest script that is there. */
const demoOf = (scripts: readonly ScriptReport[]): string | undefined => {
  const { runnable } = sortScripts(scripts);
  return (runnable.find(({ path }) => path === 'hello.sh') ?? runnable.find(({ path }) => /^hello\b/.test(path)) ?? runnable[0])?.url;
};

/** A listener on all addresses is reached by loopback, too. */
export const loopbackFor = (address: string): string => (address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address);
