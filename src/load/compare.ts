/**
 * Several targets of one server, measured side by side: each is warmed up, then all are asked in turn, a slice each, round after
 * round. Two books are kept, on the two sides of the socket. The generator knows when a request was due, sent and answered; the
 * server knows what it cost: which processes were born for it, and whose CPU it took.
 *
 * It only ever aims at the server it is given.
 */
import { loadSettleMs } from '../limits.js';
import { type Exchange, wallClock } from '../trace/trace.js';
import type { Endpoint } from '../types.js';
import { software, version } from '../version.js';
import { familyNow, spent } from './family.js';
import type { Harvest } from './generate.js';
import { type Generator, startGenerator } from './generator.js';
import { latencies } from './latencies.js';
import { machineHere } from './machine.js';
import type { Comparison, Cpu, Measured, Plan, Slice, Target } from './plan.js';
import { shuffled } from './turns.js';

/** The server, which runs in this process. */
export interface House {
  /** Where it listens. */
  readonly aim: Endpoint;
  readonly births: Comparison['births'];
  /** Every exchange from now on is told to `listener`. Returns how to stop that. */
  watch(listener: (exchange: Exchange) => void): () => void;
}

export interface Watch {
  /** Stops it: what was measured until then is told. */
  readonly signal: AbortSignal;
  /** Before each slice, in milliseconds of planned time; `name` is the target's, `''` at the end. */
  progress(name: string, doneMs: number, allMs: number, slice: { readonly round: number | undefined; readonly forMs: number }): void;
}

export const compare = async (house: House, targets: readonly Target[], plan: Plan, { signal, progress }: Watch): Promise<Comparison> => {
  const at = wallClock();
  const generator = startGenerator();
  const stop = (): void => generator.close();
  signal.addEventListener('abort', stop);
  const subjects = targets.map((target) => subjectOf(target));
  const allMs = targets.length * (plan.warmUpMs + plan.rounds * plan.sliceMs);
  let doneMs = 0;
  const one = async (subject: Subject, ms: number, round: number | undefined): Promise<void> => {
    progress(subject.target.name, doneMs, allMs, { round, forMs: ms });
    const told = signal.aborted ? undefined : await slice(house, generator, subject, plan, ms);
    doneMs += ms;
    if (told === undefined) return;
    subject.gateway ??= told.gateway;
    subject.failure ??= told.failure;
    if (round !== undefined) enter(subject, told, round);
    else if (told.harvest.latenciesMs.length === 0) subject.refused = told.harvest.failed;
  };
  try {
    for (const subject of subjects) await one(subject, plan.warmUpMs, undefined);
    for (let round = 1; round <= plan.rounds; round++) {
      for (const i of shuffled(subjects.length)) {
        const subject = subjects[i]!;
        // One that fails at every request has nothing to be measured.
        if (subject.refused === undefined) await one(subject, plan.sliceMs, round);
        else doneMs += plan.sliceMs;
      }
    }
    progress('', allMs, allMs, { round: undefined, forMs: 0 });
  } finally {
    signal.removeEventListener('abort', stop);
    generator.close();
  }
  return {
    ...{ at, version, machine: machineHere(), births: house.births, plan, interrupted: signal.aborted },
    targets: subjects.map((subject) => measuredOf(subject, plan)),
  };
};

// --- one slice -----------------------------------------------------------------------------------------------------------

interface Told {
  readonly harvest: Harvest;
  readonly gateway: string | undefined;
  readonly failure: Exchange['failure'];
  readonly born: number;
  readonly serverCpu: Cpu;
  readonly programCpu: Cpu | undefined;
}

/** undefined: it was stopped. */
const slice = async (house: House, generator: Generator, subject: Subject, { loop }: Plan, forMs: number): Promise<Told | undefined> => {
  const { target } = subject;
  const books = openBooks(agentOf(target));
  const unwatch = house.watch(books.enter);
  try {
    const before = familyNow([generator.pid]);
    const cpuBefore = process.cpuUsage();
    const harvest = await generator.run({
      ...{ aim: house.aim, request: requestBytes(target, house.aim), bodiless: target.method === 'HEAD', loop, forMs },
    });
    if (harvest === undefined) return undefined;
    await books.until(harvest.latenciesMs.length + statusesIn(harvest));
    const { user, system } = process.cpuUsage(cpuBefore);
    const after = familyNow([generator.pid]);
    const workers = before && after ? spent(before, after) : undefined;
    const { gateway, failure, births, account } = books;
    const isCgi = gateway() === 'cgi';
    return {
      ...{ harvest, gateway: gateway(), failure: failure() },
      born: isCgi ? births() : (workers?.born ?? 0),
      serverCpu: { userMs: user / 1000, systemMs: system / 1000 },
      programCpu: isCgi ? account() : isOurs(gateway()) ? { userMs: 0, systemMs: 0 } : workers?.cpu,
    };
  } finally {
    unwatch();
  }
};

const statusesIn = ({ failed }: Harvest): number =>
  Object.entries(failed).reduce((sum, [why, count]) => sum + (/^\d+$/.test(why) ? count : 0), 0);

/** The server's own answers need no program. */
const isOurs = (gateway: string | undefined): boolean => gateway === 'static' || gateway === 'page';

/** What the server tells of a slice's exchanges. Those of other clients are told apart by the name ours gives itself. */
const openBooks = (agent: string) => {
  let exchanges = 0;
  let births = 0;
  let accounted = 0;
  let userMs = 0;
  let systemMs = 0;
  let gateway: string | undefined;
  let failure: Exchange['failure'];
  let awaited: { count: number; come: () => void } | undefined;
  return {
    enter(exchange: Exchange): void {
      if (exchange.userAgent !== agent) return;
      exchanges += 1;
      gateway ??= exchange.gateway;
      failure ??= exchange.failure;
      if (exchange.pid !== undefined) births += 1;
      if (exchange.account !== undefined) {
        accounted += 1;
        userMs += exchange.account.userMs;
        systemMs += exchange.account.systemMs;
      }
      if (awaited && exchanges >= awaited.count) awaited.come();
    },
    /** A process may end after its answer has: the last of them are waited for, a while. */
    until: (count: number): Promise<void> =>
      new Promise((resolve) => {
        if (exchanges >= count) return resolve();
        const clock = setTimeout(resolve, loadSettleMs);
        awaited = {
          count,
          come: () => {
            clearTimeout(clock);
            resolve();
          },
        };
      }),
    gateway: () => gateway,
    failure: () => failure,
    births: () => births,
    /** Of all that were born; some without an account would make it too small. */
    account: (): Cpu | undefined => (accounted < births || births === 0 ? undefined : { userMs, systemMs }),
  };
};

// --- what is asked ---------------------------------------------------------------------------------------------------------

const ownAgent = `${software} (load ${process.pid})`;

const agentOf = ({ headers }: Target): string => headerIn(headers, 'user-agent') ?? ownAgent;

const headerIn = (headers: readonly string[], name: string): string | undefined => {
  const at = headers.findIndex((word, i) => i % 2 === 0 && word.toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1];
};

/** Head and body, ready to be sent. */
export const requestBytes = ({ method, target, headers, body }: Target, { address, port }: Endpoint): Buffer => {
  const usual: [string, string][] = [
    ['Host', `${address.includes(':') ? `[${address}]` : address}:${port}`],
    ['User-Agent', ownAgent],
    ['Accept', '*/*'],
    ...(body === undefined ? [] : [['Content-Length', String(body.length)] as [string, string]]),
  ];
  const fields = [...usual.filter(([name]) => headerIn(headers, name.toLowerCase()) === undefined).flat(), ...headers];
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
};

// --- all rounds together ---------------------------------------------------------------------------------------------------

interface Subject {
  readonly target: Target;
  readonly slices: Slice[];
  readonly all: ReturnType<typeof latencies>;
  readonly fromSent: ReturnType<typeof latencies>;
  readonly late: ReturnType<typeof latencies>;
  gateway: string | undefined;
  failure: Exchange['failure'];
  /** It answered nothing well while it was warmed up. */
  refused: Readonly<Record<string, number>> | undefined;
}

const subjectOf = (target: Target): Subject => ({
  ...{ target, slices: [], all: latencies(), fromSent: latencies(), late: latencies() },
  ...{ gateway: undefined, failure: undefined, refused: undefined },
});

const enter = (subject: Subject, { harvest, born, serverCpu, programCpu }: Told, round: number): void => {
  const { latenciesMs, fromSentMs, lateMs, failed, tookMs, cpuMs } = harvest;
  const own = latencies();
  own.add(latenciesMs);
  subject.all.add(latenciesMs);
  subject.fromSent.add(fromSentMs);
  subject.late.add(lateMs);
  subject.slices.push({
    ...{ round, seconds: tookMs / 1000, answered: latenciesMs.length, perSecond: latenciesMs.length / (tookMs / 1000), failed },
    ...{ latency: own.curve(), born, serverCpu, programCpu, generatorShare: cpuMs / tookMs },
  });
};

const measuredOf = ({ target, slices, all, fromSent, late, gateway, failure, refused }: Subject, { loop }: Plan): Measured => {
  const rates = slices.map(({ perSecond }) => perSecond).sort((a, b) => a - b);
  const programCpu = programsOf(slices, gateway);
  const isOpen = loop.kind === 'open';
  return {
    ...{ target, gateway, failure },
    slices: slices.map((each) => (programCpu === undefined ? { ...each, programCpu } : each)),
    answered: slices.reduce((sum, { answered }) => sum + answered, 0),
    failed: [...(refused ? [refused] : []), ...slices.map(({ failed }) => failed)].reduce(added, {}),
    perSecond: { median: rates[Math.floor((rates.length - 1) / 2)] ?? 0, least: rates[0] ?? 0, most: rates.at(-1) ?? 0 },
    latency: all.curve(),
    fromSent: isOpen ? fromSent.curve() : undefined,
    born: slices.reduce((sum, { born }) => sum + born, 0),
    serverCpu: sumOfCpu(slices.map(({ serverCpu }) => serverCpu)),
    programCpu,
    generatorShare: Math.max(0, ...slices.map(({ generatorShare }) => generatorShare)),
    generatorLate: isOpen ? late.curve() : undefined,
  };
};

/** Workers that are not ours spend nothing that could be seen: that is not known, not zero. */
const programsOf = (slices: readonly Slice[], gateway: string | undefined): Cpu | undefined => {
  const known = slices.map(({ programCpu }) => programCpu).filter((cpu) => cpu !== undefined);
  if (known.length === 0 || known.length < slices.length) return undefined;
  const sum = sumOfCpu(known);
  return sum.userMs + sum.systemMs > 0 || isOurs(gateway) ? sum : undefined;
};

const sumOfCpu = (parts: readonly Cpu[]): Cpu => ({
  userMs: parts.reduce((sum, { userMs }) => sum + userMs, 0),
  systemMs: parts.reduce((sum, { systemMs }) => sum + systemMs, 0),
});

const added = (sum: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> => {
  const both = { ...sum };
  for (const [why, count] of Object.entries(more)) both[why] = (both[why] ?? 0) + count;
  return both;
};
