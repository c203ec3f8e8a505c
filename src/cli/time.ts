/**
 * `cgi-serve time [SCRIPT [URL]]`: what a process for each request costs on this machine. With a script: N exchanges of it, and in
 * turn with them as many of an empty program in the same language, so that its interpreter's start can be told from its own
 * work. Without: `true` and an empty program in every language found. All through the server's own gateway (alone.ts).
 */
import { type Failure, failure } from '../failures.js';
import { machineHere } from '../load/machine.js';
import type { CgiOptions } from '../settings.js';
import { wallClock } from '../trace/trace.js';
import { openAlone } from './alone.js';
import { askedOf } from './asked.js';
import { emptiesOnPath, emptyLike, openCalibration } from './calibrate.js';
import { failureAsJson, failureBox } from './failure-box.js';
import { type Interruption, listenForSignals, progressOn } from './meanwhile.js';
import { measure, type Plan } from './measure.js';
import type { Values } from './options.js';
import { asTyped } from './place.js';
import { cgiOptions } from './server-options.js';
import type { Said } from './settle.js';
import type { Terminal } from './terminal.js';
import { type Circumstances, calibrationAsJson, calibrationAsText, timingAsJson, timingAsText } from './time-report.js';
import { Mistake, say, shellQuoted, visible, words } from './words.js';

export const time = async (said: Said, terminal: Terminal): Promise<number> => {
  const interruption = listenForSignals();
  const code = await (said.operands.length === 0 ? calibrate : timeScript)(said, terminal, interruption).finally(interruption.over);
  return interruption.code ?? code;
};

/** A script has 50 because its percentiles matter; a dozen interpreters with 20 each are told within seconds. */
const scriptRequests = 50;
const emptyRequests = 20;

const timeScript = async (said: Said, terminal: Terminal, interruption: Interruption): Promise<number> => {
  const { values } = said;
  const { file, root, request, data } = askedOf(said, terminal);
  const options = optionsFor(values);
  const alone = openAlone(root, options);
  interruption.closes(alone.close);
  const wrong = (why: Failure, after: number): number => tellFailure(why, request.target, file, after, values, terminal);
  const plan = planFor(values, scriptRequests, terminal, interruption);
  const subject = { name: asTyped(file, terminal.cwd), ask: () => alone.ask(request, data), vital: true };
  try {
    // This one tells whether there is anything to time, and what has to be calibrated for it.
    plan.progress(subject.name, 0, plan.requests);
    const first = await subject.ask();
    plan.progress(subject.name, plan.requests, plan.requests);
    if (interruption.code !== undefined) return 0;
    if (first.failure !== undefined || first.asked === undefined) return wrong(first.failure ?? failure('SERVER_ERROR', { file }), 0);
    const like = emptyLike(first.asked.script);
    const calibration = like.kind === 'empty' ? openCalibration([like], options) : undefined;
    if (calibration) interruption.closes(calibration.close);
    try {
      const [script, empty] = await measure([subject, ...(calibration?.subjects ?? [])], plan);
      if (script!.failure) return wrong(script!.failure, script!.samples.length);
      if (script!.samples.length === 0) return 0;
      const circumstances = circumstancesOf(plan, alone.site.births, interruption);
      const timing = { circumstances, file, target: request.target, script: script!, like, empty };
      print(values.json ? timingAsJson(timing) : timingAsText(timing, terminal), terminal);
      return 0;
    } finally {
      await calibration?.close();
    }
  } finally {
    await alone.close();
  }
};

const calibrate = async ({ values }: Said, terminal: Terminal, interruption: Interruption): Promise<number> => {
  const empties = emptiesOnPath(terminal.env.PATH ?? '');
  if (empties.length === 0) throw new Mistake(4, words('no interpreter known here is on PATH', 'PATH 中没有已知的解释器'));
  const calibration = openCalibration(empties, optionsFor(values));
  interruption.closes(calibration.close);
  try {
    const plan = planFor(values, emptyRequests, terminal, interruption);
    const measured = await measure(calibration.subjects, plan);
    if (measured.every(({ samples, failure: wrong }) => samples.length === 0 && wrong === undefined)) return 0;
    const circumstances = circumstancesOf(plan, calibration.births, interruption);
    const table = { circumstances, rows: empties.map((empty, i) => ({ empty, ...measured[i]! })) };
    print(values.json ? calibrationAsJson(table) : calibrationAsText(table, terminal), terminal);
    return 0;
  } finally {
    await calibration.close();
  }
};

/** No exchange waits for another: the queue is not what is measured. */
const optionsFor = (values: Values): CgiOptions => ({ ...cgiOptions(values), maxProcesses: values.concurrency ?? 1 });

const planFor = (values: Values, requests: number, terminal: Terminal, { control }: Interruption): Plan => ({
  requests: values.requests ?? requests,
  concurrency: values.concurrency ?? 1,
  control,
  progress: progressOn(terminal),
});

const circumstancesOf = (plan: Plan, births: Circumstances['births'], { code }: Interruption): Circumstances => ({
  at: wallClock(),
  requests: plan.requests,
  concurrency: plan.concurrency,
  interrupted: code !== undefined,
  births,
  machine: machineHere(),
});

const print = (report: object | readonly string[], { stdout }: Terminal): void => {
  stdout.write(`${Array.isArray(report) ? report.join('\n') : JSON.stringify(report, undefined, 2)}\n`);
};

/** What does not answer as CGI has no time worth telling. */
const tellFailure = (why: Failure, target: string, file: string, after: number, values: Values, terminal: Terminal): number => {
  const { stderr, errPalette, lang, cwd } = terminal;
  if (values.json) print({ script: file, completed: after, failure: failureAsJson(why) }, terminal);
  else {
    const script = shellQuoted(visible(asTyped(file, cwd)));
    const box = failureBox(why, target.replace(/\?.*$/s, ''), {
      lang,
      palette: errPalette,
      width: Math.min(stderr.columns || 100, 120),
      cwd,
    });
    const hint = words(
      `${after === 0 ? '' : `${after} exchanges went well before. `}To see everything: cgi-serve run ${script}`,
      `${after === 0 ? '' : `此前 ${after} 次正常。`}查看全过程：cgi-serve run ${script}`,
    );
    stderr.write(`${box.join('\n')}\n       ${errPalette.dim(say(hint, lang))}\n`);
  }
  return 5;
};
