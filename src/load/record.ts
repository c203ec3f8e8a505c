/** A comparison for a program: one object, or lines for a spreadsheet. Keys are English and stay. What is not known is null or empty. */
import { atPercent } from './latencies.js';
import { type Comparison, type Cpu, type Curve, type Measured, requestsOf, type Slice } from './plan.js';
import { cpuPerRequest, cpuSentence, latencySentence, omissionSentence, processesSentence, throughputSentence, warnings } from './told.js';

export const comparisonAsJson = (comparison: Comparison): object => {
  const { at, version, machine, births, plan, interrupted, targets } = comparison;
  const { loop } = plan;
  return {
    ts: new Date(at).toISOString(),
    cgi_serve: version,
    machine,
    births: { by: births.by, why: births.why ?? null },
    loop:
      loop.kind === 'closed'
        ? { kind: 'closed', users: loop.users }
        : { kind: 'open', requests_per_second: loop.perSecond, connections: loop.connections },
    rounds: plan.rounds,
    slice_ms: plan.sliceMs,
    warm_up_ms: plan.warmUpMs,
    interrupted,
    targets: targets.map(targetAsJson),
    sentences: {
      latency: latencySentence(comparison).en,
      throughput: throughputSentence(comparison).en,
      processes: processesSentence(comparison).en,
      cpu: cpuSentence(comparison).en,
      coordinated_omission: omissionSentence(comparison)?.en ?? null,
    },
    warnings: warnings(comparison).map(({ en }) => en),
  };
};

const targetAsJson = (measured: Measured): object => {
  const {
    target,
    gateway,
    answered,
    failed,
    perSecond,
    latency,
    fromSent,
    born,
    serverCpu,
    programCpu,
    generatorShare,
    generatorLate,
    slices,
  } = measured;
  return {
    name: target.name,
    method: target.method,
    target: target.target,
    gateway: gateway ?? null,
    requests: requestsOf(measured),
    answered,
    failed,
    failure: measured.failure?.code ?? null,
    requests_per_second: perSecond,
    latency_ms: curveAsJson(latency),
    latency_from_sent_ms: fromSent ? curveAsJson(fromSent) : null,
    processes_born: born,
    server_cpu_ms_per_request: cpuPerRequest(serverCpu, measured) ?? null,
    program_cpu_ms_per_request: cpuPerRequest(programCpu, measured) ?? null,
    server_cpu_ms: cpuAsJson(serverCpu),
    program_cpu_ms: cpuAsJson(programCpu),
    generator: { share_of_a_processor: generatorShare, late_ms: generatorLate ? curveAsJson(generatorLate) : null },
    rounds: slices.map(sliceAsJson),
  };
};

const sliceAsJson = ({ round, seconds, answered, perSecond, failed, latency, born, serverCpu, programCpu }: Slice): object => ({
  ...{ round, seconds, answered, failed, requests_per_second: perSecond, latency_ms: namedOf(latency), processes_born: born },
  server_cpu_ms: cpuAsJson(serverCpu),
  program_cpu_ms: cpuAsJson(programCpu),
});

const namedOf = (curve: Curve): Record<string, number | null> => ({
  ...Object.fromEntries([50, 90, 99, 99.9].map((percent) => [`p${percent}`, atPercent(curve, percent) ?? null])),
  max: curve.maxMs ?? null,
});

/** `points`: [percent, ms], up to what so many requests can tell. */
const curveAsJson = (curve: Curve): object => ({ ...namedOf(curve), points: curve.points });

const cpuAsJson = (cpu: Cpu | undefined): object | null => (cpu === undefined ? null : { user: cpu.userMs, system: cpu.systemMs });

// --- a spreadsheet -------------------------------------------------------------------------------------------------------

const heads = [
  ...[
    'target',
    'gateway',
    'round',
    'seconds',
    'answered',
    'failed',
    'requests_per_second',
    'p50_ms',
    'p90_ms',
    'p99_ms',
    'p99.9_ms',
    'max_ms',
  ],
  ...['processes_born', 'server_cpu_ms', 'program_cpu_ms'],
];

/** RFC 4180, but for its CRLF. A line for each target in each round, in the targets' order. */
export const comparisonAsCsv = ({ targets }: Comparison): string => {
  const lines = targets.flatMap(({ target, gateway, slices }) =>
    slices.map(({ round, seconds, answered, failed, perSecond, latency, born, serverCpu, programCpu }) => {
      const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
      const times = Object.values(namedOf(latency));
      const cpu = [serverCpu, programCpu].map((each) => (each === undefined ? null : each.userMs + each.systemMs));
      return [target.name, gateway ?? '', round, seconds, answered, failures, perSecond, ...times, born, ...cpu];
    }),
  );
  return [heads, ...lines].map((line) => line.map(cell).join(',')).join('\n');
};

/** A text that a spreadsheet would take for a formula is kept a text. */
const cell = (value: string | number | null): string => {
  if (value === null) return '';
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  const text = /^[=+\-@]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
