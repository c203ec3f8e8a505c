/**
 * `npm run bench`: ourselves beside every CGI host that is installed (`bench/install.sh`), then beside every server in front of php-fpm
 * and uWSGI, then beside those that run a WSGI application, in one run: for each program and number of connections some rounds, in each
 * round a short slice of load for every server in turn, so that whatever else the machine does meets all alike. Prints a table, writes it
 * with a chart to bench/results/.
 * Everything listens on 127.0.0.1 only, or on Unix sockets in a temporary directory.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { requestText, talk } from '../test/support/wire.js';
import { account, spentMs } from './account.js';
import { count } from './bars.js';
import { chart } from './chart.js';
import { type Host, installed, startHost, versionOf } from './hosts.js';
import { load, rawLoop, type Slice, type Target } from './load.js';
import { measureDelay, measureMemory } from './ourselves.js';
import { type Plan, readPlan } from './plan.js';
import { makePrograms, makeTool, type Program, programs, said, sourceDir } from './programs.js';
import { cellName, type Delay, farBehind, limit, type Memory, median, type Results, type Row, type Starved } from './results.js';
import type { Server } from './servers.js';
import { starved } from './starved.js';
import { markdown } from './table.js';
import { asCgiName } from './wsgi.js';

interface Running {
  readonly server: Server;
  readonly host: Host;
}

/** What could be compiled of what is needed for the load. */
interface Tools {
  readonly closing: string | undefined;
  readonly raw: string | undefined;
}

/** V8 compiles what is hot, Apache starts more processes under load: neither belongs in a slice. */
const warmUpSeconds = 3;
const generations = 5;
const sliceSecondsMax = 10;
/** Slices so many times as long where programs stay: a request may wait for more than a second until a worker is let go. */
const patience = 2;

const bench = async (plan: Plan): Promise<void> => {
  if (said('wrk', '-v') === '') throw new Error('wrk makes the load and is not installed: bench/install.sh');
  const temporary = mkdtempSync(join(tmpdir(), 'cgi-serve-bench-'));
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const site = join(temporary, 'site');
  for (const folder of ['cgi-bin', 'public']) mkdirSync(join(site, folder), { recursive: true });
  // Python, Apache and php-fpm give up root's rights before they run a script.
  for (const folder of ['', 'site', 'site/cgi-bin', 'site/public']) chmodSync(join(temporary, folder), 0o755);

  const cgi = plan.programs.some(({ gateway }) => gateway === 'cgi');
  // Memory and delay are measured with the static C program.
  const needed = programs.filter((one) => plan.programs.includes(one) || (cgi && one.name === 'hello'));
  const made = makePrograms(site, needed).filter((one) => plan.programs.includes(one));
  const tools: Tools = {
    closing: makeTool(temporary, 'closing'),
    raw: plan.raw && cgi ? makeTool(temporary, 'raw') : undefined,
  };
  const results: Results = {
    ...circumstances(plan),
    programs: made,
    connections: plan.connections,
    rows: new Map(),
    cells: new Map(),
    refused: new Map(),
    versions: new Map(),
    absent: [],
    memory: [],
    delays: [],
    starved: [],
  };
  const left: Starved[] = [];
  for (const gateway of new Set(made.map((one) => one.gateway))) {
    const running: Running[] = [];
    for (const [i, server] of plan.servers.filter((one) => one.gateway === gateway).entries()) {
      const started = await start(server, join(temporary, `${gateway}-${i}`), site, results);
      if (typeof started === 'object') running.push(started);
      else results.absent.push(`${server.name} (${started})`);
    }
    if (results.absent.length > 0) console.error(`left out: ${results.absent.join(', ')}`);
    await measure(
      plan,
      made.filter((one) => one.gateway === gateway),
      running,
      tools,
      site,
      results,
    );
    if (gateway === 'wsgi') {
      // An interpreter for each request: whoever has none within seconds is only late.
      for (const { server, host } of running.filter((one) => one.server.name !== asCgiName)) {
        for (const clients of plan.connections.filter((n) => n > 1)) {
          left.push({ server: server.name, clients, nothing: await starved(host.port, '/hello', clients) });
        }
      }
    }
    await Promise.all(running.map(({ host }) => host.stop()));
  }

  const delays: Delay[] = [];
  const memory: Memory[] = [];
  const ours = plan.servers.filter(({ gateway, kind }) => cgi && gateway === 'cgi' && kind === 'ours');
  for (const [i, server] of ours.entries()) {
    console.error(`${server.name}: event loop delay`);
    delays.push(await measureDelay(server, join(temporary, `delay-${i}`), site, plan.sliceSeconds * 5));
    if (!plan.memory) continue;
    console.error(`${server.name}: memory`);
    memory.push(await measureMemory(server, join(temporary, `memory-${i}`), site));
  }
  publish({ ...results, delays, memory, starved: left }, plan.whole ? 'latest' : 'partial');
};

/** Or in words why not: what was measured before is not lost for one that does not start. */
const start = async (server: Server, home: string, site: string, { versions }: Results): Promise<Running | string> => {
  try {
    if (!installed(server)) return 'not installed';
    const host = await startHost(server, home, site);
    versions.set(/^[^ ,]+/.exec(server.name)![0], host.version);
    if (server.behind) versions.set(server.behind.name, versionOf(server.behind));
    return { server, host };
  } catch (error) {
    console.error(error);
    return 'does not start here';
  }
};

/** The programs of one gateway, one after the other, with all servers that have it. */
const measure = async (
  plan: Plan,
  programs: readonly Program[],
  running: readonly Running[],
  { closing, raw }: Tools,
  site: string,
  results: Results,
): Promise<void> => {
  for (const { host } of running) await load({ port: host.port, path: programs[0]!.path }, 64, warmUpSeconds);
  for (const program of programs) {
    const takers: Taker[] = [];
    const refused: string[] = [];
    for (const each of running) {
      const { name, programs = [program.name] } = each.server;
      if (!programs.includes(program.name)) continue;
      const target = await look(program, each.host, closing);
      if (typeof target === 'object') takers.push(served(each, target));
      else refused.push(`${name}, ${target}`);
    }
    for (const why of refused) console.error(`${program.name}, not measured: ${why}`);
    if (raw !== undefined && program.gateway === 'cgi') takers.push(looped(raw, join(site, program.file), program));
    results.rows.set(program.name, takers);
    results.refused.set(program.name, refused);
    const atLeast = program.gateway === 'cgi' ? plan.sliceSeconds : plan.sliceSeconds * patience;
    let seconds = atLeast;
    for (const connections of plan.connections) {
      const perSecond = await rounds(plan.rounds, seconds, program, connections, takers, results);
      const next = plan.connections[plan.connections.indexOf(connections) + 1] ?? 0;
      // The first answers come to all connections at once, and the last are cut off: a slice should see some generations of them.
      seconds = Math.min(sliceSecondsMax, Math.max(atLeast, Math.ceil((generations * next) / perSecond)));
    }
  }
};

/** No host name, no path: what a reader needs to compare. */
const circumstances = ({ rounds, sliceSeconds }: Plan): Pick<Results, 'date' | 'machine' | 'effort'> => ({
  date: new Date().toISOString().slice(0, 10),
  machine:
    `${type()} ${/^\d+(\.\d+)*/.exec(release())?.[0]}, ${process.arch}, ` + `${availableParallelism()} cores (${cpus()[0]?.model.trim()})`,
  effort:
    `Node ${process.versions.node}, wrk ${/\d+\.\d+\.\d+/.exec(said('wrk', '-v'))?.[0]}, ` +
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${sliceSeconds} s, up to ${sliceSecondsMax} s for slow programs, ` +
    `${sliceSeconds * patience} s for programs that stay`,
});

/** One answer of each server, taken apart: where its load goes; or, in words, why it gets none. */
const look = async (program: Program, { port }: Host, closing: string | undefined): Promise<Target | string> => {
  const { path, uploadBytes, body } = program;
  const upload = uploadBytes === undefined ? {} : { 'Content-Length': String(uploadBytes) };
  const head = requestText(uploadBytes === undefined ? 'GET' : 'POST', path, { Connection: 'keep-alive', ...upload });
  try {
    const answer = await talk(port, `${head}${'x'.repeat(uploadBytes ?? 0)}`, { timeoutMs: 10_000 });
    if (answer.status !== 200) return `it answers ${answer.status}`;
    if (!answer.complete) return 'its answer breaks off';
    if (!answer.body.equals(body)) return `its answer has ${answer.body.length} bytes that are not the program's ${body.length}`;
    if (answer.chunked || answer.get('content-length') !== undefined) return { port, path, uploadBytes };
    return closing === undefined
      ? 'it ends answers by closing, and the load for that could not be compiled'
      : { port, path, uploadBytes, closing: { loader: closing, bodyBytes: body.length } };
  } catch (error) {
    return (error as Error).message;
  }
};

/** Whoever has a slice in each round. */
interface Taker extends Row {
  slice(connections: number, seconds: number): Promise<Slice>;
}

const served = ({ server, host }: Running, target: Target): Taker => ({
  name: server.name,
  kind: server.kind,
  async slice(connections, seconds) {
    const before = await account(host.pids);
    const measured = await load(target, connections, seconds * (server.slower ?? 1));
    const after = await account(host.pids);
    return { ...measured, ownMs: server.inseparable ? undefined : spentMs(before, after) };
  },
});

const looped = (raw: string, file: string, { uploadBytes }: Program): Taker => ({
  ...limit,
  slice: (connections, seconds) => rawLoop(raw, file, uploadBytes, connections, seconds),
});

/** The rate of the fastest, to know how long a slice must be. */
const rounds = async (
  times: number,
  seconds: number,
  program: Program,
  connections: number,
  takers: readonly Taker[],
  { cells }: Results,
): Promise<number> => {
  const slices = takers.map(({ name }) => {
    const kept: Slice[] = [];
    cells.set(cellName(program.name, connections, name), kept);
    return kept;
  });
  const cgi = program.gateway === 'cgi';
  let fastest = 0;
  for (let round = 0; round < times; round++) {
    for (let turn = 0; turn < takers.length; turn++) {
      // Each begins once: the first may find the machine in another state than the rest.
      const i = (turn + round) % takers.length;
      const { name, kind, slice } = takers[i]!;
      const first = slices[i]![0];
      if (cgi && kind === 'peer' && first && first.trouble === undefined && first.perSecond < fastest * farBehind) continue;
      const measured = await slice(connections, seconds);
      slices[i]!.push(measured);
      const { trouble } = measured;
      if (trouble !== undefined) console.error(`does not count: ${program.name}, ${connections}, ${name}: ${trouble}`);
    }
    if (round === 0) fastest = Math.max(...slices.map(([one], i) => (takers[i]!.kind === 'limit' ? 0 : one!.perSecond)));
  }
  const rates = slices.map((each) => median(each.map((one) => one.perSecond)));
  console.error(`${program.name}, ${connections}: ${takers.map(({ name }, i) => `${name} ${count(rates[i]!)}`).join(' · ')}`);
  return Math.max(1, ...rates);
};

const publish = (results: Results, name: 'latest' | 'partial'): void => {
  const dir = join(sourceDir, 'results');
  mkdirSync(dir, { recursive: true });
  const text = markdown(results, `${name}.svg`);
  writeFileSync(join(dir, `${name}.md`), text);
  writeFileSync(join(dir, `${name}.svg`), chart(results));
  console.log(text);
};

const plan = readPlan();
if (plan) await bench(plan);
