/**
 * `npm run bench`: ourselves beside every CGI host that is installed (`bench/install.sh`), in one run: for each program and number of
 * connections some rounds, in each round a short slice of load for every server in turn, so that whatever else the machine does meets
 * all alike. Prints a table, writes it with a chart to bench/results/. Everything listens on 127.0.0.1 only.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { requestText, talk } from '../test/support/wire.js';
import { account, spentMs } from './account.js';
import { count } from './bars.js';
import { chart } from './chart.js';
import { type Host, installed, startHost } from './hosts.js';
import { load, rawLoop, type Slice, type Target } from './load.js';
import { measureDelay, measureMemory } from './ourselves.js';
import { type Plan, readPlan } from './plan.js';
import { makePrograms, makeTool, type Program, programs, said, sourceDir } from './programs.js';
import { cellName, type Delay, limit, type Memory, median, type Results, type Row } from './results.js';
import type { Server } from './servers.js';
import { markdown } from './table.js';

interface Running {
  readonly server: Server;
  readonly host: Host;
}

/** V8 compiles what is hot, Apache starts more processes under load: neither belongs in a slice. */
const warmUpSeconds = 3;
const generations = 5;
const sliceSecondsMax = 10;

const bench = async (plan: Plan): Promise<void> => {
  if (said('wrk', '-v') === '') throw new Error('wrk makes the load and is not installed: bench/install.sh');
  const temporary = mkdtempSync(join(tmpdir(), 'cgi-serve-bench-'));
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const site = join(temporary, 'site');
  const cgiBin = join(site, 'cgi-bin');
  mkdirSync(cgiBin, { recursive: true });
  // Python and Apache give up root's rights before they run a script.
  for (const folder of [temporary, site, cgiBin]) chmodSync(folder, 0o755);

  // The static C program is always there: memory and delay are measured with it.
  const needed = programs.filter((one) => one.name === 'hello' || plan.programs.includes(one));
  const made = makePrograms(cgiBin, needed).filter((one) => plan.programs.includes(one));
  const raw = plan.raw ? makeTool(temporary, 'raw') : undefined;
  const closing = makeTool(temporary, 'closing');

  const running: Running[] = [];
  for (const server of plan.servers) {
    if (!installed(server)) console.error(`not on this machine: ${server.name}`);
    else running.push({ server, host: await startHost(server, join(temporary, String(running.length)), site) });
  }
  const results: Results = {
    ...circumstances(plan),
    programs: made,
    connections: plan.connections,
    servers: [...running.map(row), ...(raw === undefined ? [] : [limit])],
    cells: new Map(),
    refused: new Map(),
    memory: [],
    delays: [],
  };
  for (const { host } of running) await load({ port: host.port, path: '/cgi-bin/hello' }, 64, warmUpSeconds);
  for (const program of made) {
    const takers: Taker[] = [];
    for (const each of running) {
      const target = await look(program, each.host, closing);
      if (typeof target === 'object') takers.push(served(each, target));
      else {
        results.refused.set(`${program.name} ${each.server.name}`, target);
        console.error(`${program.name}, not measured: ${each.server.name}, ${target}`);
      }
    }
    if (raw !== undefined) takers.push(looped(raw, join(cgiBin, program.name), program));
    let seconds = plan.sliceSeconds;
    for (const connections of plan.connections) {
      const perSecond = await rounds(plan.rounds, seconds, program, connections, takers, results);
      const next = plan.connections[plan.connections.indexOf(connections) + 1] ?? 0;
      // The first answers come to all connections at once, and the last are cut off: a slice should see some generations of them.
      seconds = Math.min(sliceSecondsMax, Math.max(plan.sliceSeconds, Math.ceil((generations * next) / perSecond)));
    }
  }
  await Promise.all(running.map(({ host }) => host.stop()));

  const delays: Delay[] = [];
  const memory: Memory[] = [];
  for (const [i, server] of plan.servers.filter(({ ours }) => ours).entries()) {
    console.error(`${server.name}: event loop delay`);
    delays.push(await measureDelay(server, join(temporary, `delay-${i}`), site, plan.sliceSeconds * 5));
    if (!plan.memory) continue;
    console.error(`${server.name}: memory`);
    memory.push(await measureMemory(server, join(temporary, `memory-${i}`), site));
  }
  publish({ ...results, delays, memory }, plan.whole ? 'latest' : 'partial');
};

/** No host name, no path: what a reader needs to compare. */
const circumstances = ({ rounds, sliceSeconds }: Plan): Pick<Results, 'date' | 'machine' | 'effort'> => ({
  date: new Date().toISOString().slice(0, 10),
  machine:
    `${type()} ${/^\d+(\.\d+)*/.exec(release())?.[0]}, ${process.arch}, ` + `${availableParallelism()} cores (${cpus()[0]?.model.trim()})`,
  effort:
    `Node ${process.versions.node}, wrk ${/\d+\.\d+\.\d+/.exec(said('wrk', '-v'))?.[0]}, ` +
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${sliceSeconds} s, up to ${sliceSecondsMax} s for slow programs`,
});

const row = ({ server, host }: Running): Row => ({ name: server.name, version: host.version, kind: server.ours ? 'ours' : 'peer' });

/** One answer of each server, taken apart: where its load goes; or, in words, why it gets none. */
const look = async (program: Program, { port }: Host, closing: string | undefined): Promise<Target | string> => {
  const { name, uploadBytes, body } = program;
  const path = `/cgi-bin/${name}`;
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
interface Taker {
  readonly name: string;
  slice(connections: number, seconds: number): Promise<Slice>;
}

const served = ({ server, host }: Running, target: Target): Taker => ({
  name: server.name,
  async slice(connections, seconds) {
    const before = await account(host.pids);
    const measured = await load(target, connections, seconds);
    const after = await account(host.pids);
    return { ...measured, ownMs: server.forksForConnections ? undefined : spentMs(before, after) };
  },
});

const looped = (raw: string, file: string, { uploadBytes }: Program): Taker => ({
  name: limit.name,
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
  for (let round = 0; round < times; round++) {
    for (let turn = 0; turn < takers.length; turn++) {
      // Each begins once: the first may find the machine in another state than the rest.
      const i = (turn + round) % takers.length;
      const { name, slice } = takers[i]!;
      const measured = await slice(connections, seconds);
      slices[i]!.push(measured);
      const { trouble } = measured;
      if (trouble !== undefined) console.error(`does not count: ${program.name}, ${connections}, ${name}: ${trouble}`);
    }
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
