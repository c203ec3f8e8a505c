/** What is asked of our own server alone: how late its event loop gets, and whether its memory grows. */
import { existsSync, readFileSync } from 'node:fs';
import { until } from '../test/support/until.js';
import { residentKib } from './account.js';
import { startHost } from './hosts.js';
import { load } from './load.js';
import type { Delay, Memory } from './results.js';
import type { Server } from './servers.js';

const path = '/cgi-bin/hello';

/** The same command line with the watch loaded first; the static C program, 64 connections. */
export const measureDelay = async (server: Server, home: string, site: string, seconds: number): Promise<Delay> => {
  const watched: Server = {
    ...server,
    start: (home, site, port) =>
      server
        .start(home, site, port)
        .map(([node, ...args]) => [node!, '--import', new URL('./loop-delay.js', import.meta.url).href, ...args]),
  };
  const file = `${home}.delay`;
  const host = await startHost(watched, home, site, { LOOP_DELAY_FILE: file });
  const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  const report = async (): Promise<Delay> => {
    const seen = lines().length;
    process.kill(host.pids[0]!, 'SIGUSR2');
    const told = await until(() => lines()[seen] ?? '', `${server.name} to tell its event loop's delay`);
    return { server: server.name, ...(JSON.parse(told) as Omit<Delay, 'server'>) };
  };
  try {
    await load({ port: host.port, path }, 64, 2); // start-up and V8's first compilations
    await report();
    const { trouble } = await load({ port: host.port, path }, 64, seconds);
    if (trouble !== undefined) console.error(`${server.name}, event loop delay: ${trouble}`);
    return await report();
  } finally {
    await host.stop();
  }
};

/** Long enough for 100,000 requests where a child costs 5 ms; a server that needs longer is told as far as it came. */
const memoryMs = 10 * 60_000;

/** A fresh server, the static C program, 8 connections. */
export const measureMemory = async (server: Server, home: string, site: string): Promise<Memory> => {
  const host = await startHost(server, home, site);
  const deadline = Date.now() + memoryMs;
  const after: Memory['after'][number][] = [{ requests: 0, kib: residentKib(host.pids) }];
  let requests = 0;
  try {
    for (const wanted of [10_000, 100_000]) {
      while (requests < wanted && Date.now() < deadline) {
        const slice = await load({ port: host.port, path }, 8, wanted - requests > 20_000 ? 10 : 2);
        if (slice.trouble !== undefined) throw new Error(`${server.name}, memory: ${slice.trouble}`);
        requests += slice.requests;
      }
      after.push({ requests, kib: residentKib(host.pids) });
    }
    return { server: server.name, after };
  } finally {
    await host.stop();
  }
};
