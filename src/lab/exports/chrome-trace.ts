/**
 * The Trace Event Format (Chromium, JSON object form): opens in Perfetto and chrome://tracing. A process for the server and one for each
 * program; a request is a bar in the server's, its time in a program a bar there, and an arrow (flow) goes from one to the other.
 *
 *   cgi-serve  ▐ GET /app        ▌▐ GET /app ▌        lanes: requests at once, each complete event (X) inside another or beside it
 *                 ↘                  ↘
 *   worker 2   ▐ ▐ GET /app ▌      ▐ GET /app ▌ ▌     one that stays: a bar from its first request to its last
 *
 * Times are microseconds since the server started.
 */
import type { KeptExchange } from '../memory.js';
import type { ToldDetail, ToldExchange, ToldRun } from '../told.js';
import type { About } from './exports.js';
import { microseconds, struckOut } from './parts.js';

export function* chromeTrace(kept: Iterable<KeptExchange>, { version, url, pid }: About): Generator<string> {
  yield `{"displayTimeUnit":"ms","otherData":${JSON.stringify({ version, url, comment: struckOut })},"traceEvents":[\n`;
  const server = trackOf(pid, `cgi-serve ${url}`);
  const programs = new Map<string, Track>();
  let flows = 0;
  yield JSON.stringify(named('process_name', server.pid, server.name));
  for (const { detail } of kept) {
    const events = requestEvents(detail, server);
    for (const run of detail.runs) {
      if (run.openedMs === undefined) continue;
      const key = run.pid === undefined ? `${run.gateway} ${run.script}` : String(run.pid);
      let program = programs.get(key);
      if (program === undefined) {
        program = trackOf(run.pid ?? firstUnknownPid + programs.size, programName(run));
        programs.set(key, program);
        events.push(named('process_name', program.pid, program.name));
      }
      flows += 1;
      events.push(...runEvents(detail, run, program, flows, events[0]!));
    }
    yield listed(events);
  }
  for (const program of programs.values()) if (program.stays) yield listed([lifeOf(program)]);
  yield '\n]}\n';
}

/** Of a program that runs elsewhere nobody knows it; Linux gives none beyond PID_MAX_LIMIT, 2^22. */
const firstUnknownPid = 2 ** 22 + 1;

const listed = (events: readonly Event[]): string => events.map((event) => `,\n${JSON.stringify(event)}`).join('');

// --- tracks ----------------------------------------------------------------------------------------------------------

interface Track {
  readonly pid: number;
  readonly name: string;
  /** Where the last bar of each lane ends. Bars of one thread may lie inside each other, but not overlap. */
  readonly lanes: number[];
  stays: boolean;
  fromUs: number;
}

const trackOf = (pid: number, name: string): Track => ({ pid, name, lanes: [], stays: false, fromUs: Number.POSITIVE_INFINITY });

/** The thread that is free for a bar: 1, 2, … */
const laneFor = (track: Track, fromUs: number, untilUs: number): number => {
  const free = track.lanes.findIndex((end) => end <= fromUs);
  const lane = free < 0 ? track.lanes.length : free;
  track.lanes[lane] = untilUs;
  return lane + 1;
};

const programName = ({ own, script, worker, gateway }: ToldRun): string => {
  if (own) return script;
  return worker === undefined ? `${gateway} ${script}` : `worker ${worker.slot} of generation ${worker.generation} (${gateway} ${script})`;
};

// --- events ----------------------------------------------------------------------------------------------------------

interface Event {
  readonly ph: 'X' | 'M' | 's' | 'f';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  readonly bp?: 'e';
  readonly args?: object;
}

const named = (name: 'process_name', pid: number, text: string): Event => ({ ph: 'M', name, pid, tid: 0, args: { name: text } });

interface Place {
  readonly pid: number;
  readonly tid: number;
}

const bar = ({ pid, tid }: Place, name: string, fromUs: number, untilUs: number, cat: string, args: object = {}): Event => ({
  ...{ ph: 'X', name, cat, pid, tid, ts: fromUs, dur: untilUs - fromUs, args },
});

/** The request as the server has it; its own bar comes first. */
const requestEvents = (detail: ToldDetail, server: Track): Event[] => {
  const { beganMs, runs, end } = detail;
  const last = Math.max(...runs.flatMap((run) => Object.values(marksOf(run))), beganMs);
  const [from, until] = [microseconds(beganMs), microseconds(end?.atMs ?? last)];
  const place: Place = { pid: server.pid, tid: laneFor(server, from, until) };
  const args = { id: detail.id, client: detail.client, status: end?.status ?? null, failure: end?.failure?.code ?? null };
  const within = (ms: number): number => Math.min(until, Math.max(from, microseconds(ms)));
  const asked = runs.flatMap((run, i) => {
    const queuedMs = i === 0 ? beganMs : (runs[i - 1]!.overMs ?? run.grantedMs);
    const [queued, granted, opened] = [within(queuedMs), within(run.grantedMs), within(run.openedMs ?? run.grantedMs)];
    return [
      bar(place, 'queue', queued, granted, 'phase'),
      ...(run.openedMs === undefined ? [] : [bar(place, run.own ? 'spawn' : 'dial', granted, opened, 'phase', { program: run.script })]),
    ];
  });
  return [bar(place, titleOf(detail), from, until, 'request', args), ...asked.filter(({ dur = 0 }) => dur > 0)];
};

/** The request as the program has it, and the arrow that leads there. */
const runEvents = (detail: ToldDetail, run: ToldRun, program: Track, id: number, from: Event): Event[] => {
  const marks = Object.values(marksOf(run)).map(microseconds);
  const opened = microseconds(run.openedMs!);
  const until = Math.max(...marks, microseconds(run.exitedMs ?? run.lastByteMs ?? run.overMs ?? 0), opened);
  const place: Place = { pid: program.pid, tid: laneFor(program, opened, until) };
  program.stays ||= !run.own;
  program.fromUs = Math.min(program.fromUs, opened);
  const args = { id: detail.id, request: titleOf(detail), exitCode: run.exitCode ?? null, signal: run.signal ?? null };
  // The request's beginning is known less exactly than this moment in it, and an arrow must begin in its bar.
  const { ts = 0, dur = 0 } = from;
  const asked = Math.min(ts + dur, Math.max(ts, microseconds(run.grantedMs)));
  return [
    bar(place, run.own ? run.script : titleOf(detail), opened, until, 'program', args),
    ...phasesOf(run).map(({ name, fromMs, untilMs }) => bar(place, name, microseconds(fromMs), microseconds(untilMs), 'phase')),
    { ph: 's', name: 'asks', cat: 'flow', id, pid: from.pid, tid: from.tid, ts: asked },
    { ph: 'f', bp: 'e', name: 'asks', cat: 'flow', id, ...place, ts: opened },
  ];
};

/** A worker's birth is not known here; viewers put a bar inside another only if it begins later. */
const lifeOf = ({ pid, name, lanes, fromUs }: Track): Event => ({
  ...bar({ pid, tid: 1 }, name, fromUs - 1, Math.max(...lanes), 'life', { since: 'its first request here' }),
});

const titleOf = ({ method, target }: ToldExchange): string => `${method} ${target}`;

const marksOf = ({ grantedMs, openedMs, firstByteMs, headDoneMs, lastByteMs, exitedMs }: ToldRun): number[] =>
  [grantedMs, openedMs, firstByteMs, headDoneMs, lastByteMs, exitedMs].filter((ms) => ms !== undefined);

const phasesOf = (run: ToldRun): { name: string; fromMs: number; untilMs: number }[] =>
  (
    [
      ['wait', run.openedMs, run.firstByteMs],
      ['head', run.firstByteMs, run.headDoneMs],
      ['body', run.headDoneMs, run.lastByteMs],
      ['exit', run.lastByteMs, run.exitedMs],
    ] as const
  ).flatMap(([name, fromMs, untilMs]) =>
    fromMs === undefined || untilMs === undefined || untilMs <= fromMs ? [] : [{ name, fromMs, untilMs }],
  );
