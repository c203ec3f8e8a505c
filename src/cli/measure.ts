/**
 * Exchanges by the dozen. Several programs are measured in turn, a few exchanges each, round after round, in an order drawn
 * anew, so that a machine that grows warm or busy meanwhile does so for all of them alike. The first exchange of each is not
 * counted: it finds its files on the disk, the others find them in memory.
 */
import type { Failure } from '../failures.js';
import { shuffled } from '../load/turns.js';
import type { KernelAccount, Phases } from '../trace/trace.js';
import type { Told } from './alone.js';

export interface Subject {
  readonly name: string;
  readonly ask: () => Promise<Told>;
  /** Not a CGI program: it prints nothing and ends well. */
  readonly silent?: boolean;
  /** Without it there is nothing to tell: its failure ends all. */
  readonly vital?: boolean;
}

/** What is kept of one exchange. */
export interface Sample {
  readonly phases: Phases;
  readonly ranMs: number | undefined;
  readonly account: KernelAccount | undefined;
  readonly status: number;
  readonly stderrBytes: number;
}

export interface Measured {
  readonly samples: readonly Sample[];
  /** Why there are no more. */
  readonly failure: Failure | undefined;
}

export interface Plan {
  /** Exchanges of each subject, and how many of them at once. */
  readonly requests: number;
  readonly concurrency: number;
  /** Set by whoever wants an early end. */
  readonly control: { stopped: boolean };
  /** Told before each exchange and after the last. */
  readonly progress: (name: string, done: number, all: number) => void;
}

/** In the subjects' order. */
export const measure = async (subjects: readonly Subject[], plan: Plan): Promise<Measured[]> => {
  const { requests, concurrency, control, progress } = plan;
  const results = subjects.map(() => ({ samples: [] as Sample[], failure: undefined as Failure | undefined }));
  const all = subjects.length * requests;
  let done = 0;

  const one = async (subject: Subject, result: (typeof results)[number], counts: boolean): Promise<void> => {
    progress(subject.name, done, all);
    const told = await subject.ask();
    const { exchange } = told;
    const wrong = subject.silent && told.failure?.code === 'REPLY_EMPTY' && exchange.exitCode === 0 ? undefined : told.failure;
    if (counts) done += 1;
    if (wrong !== undefined) {
      // Whoever was ended by us has not failed.
      if (control.stopped) return;
      result.failure ??= wrong;
      if (subject.vital) control.stopped = true;
    } else if (counts) {
      const { phases, account, status, stderrBytes } = exchange;
      result.samples.push({ phases, ranMs: told.ranMs, account, status, stderrBytes });
    }
  };
  const batch = async (subject: Subject, result: (typeof results)[number], size: number): Promise<void> => {
    let left = size;
    const lane = async (): Promise<void> => {
      while (left > 0 && !control.stopped && result.failure === undefined) {
        left -= 1;
        await one(subject, result, true);
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, size) }, lane));
    done += left;
  };

  for (const [i, subject] of subjects.entries()) if (!control.stopped) await one(subject, results[i]!, false);
  const rounds = Math.max(1, Math.min(roundsMax, Math.floor(requests / concurrency)));
  for (let round = 0; round < rounds; round++) {
    const size = share(requests, rounds, round);
    for (const i of shuffled(subjects.length)) await batch(subjects[i]!, results[i]!, size);
  }
  progress('', all, all);
  return results;
};

const roundsMax = 10;

/** The part of `whole` that falls to one of `rounds`, so that all together are `whole`. */
const share = (whole: number, rounds: number, round: number): number =>
  Math.floor((whole * (round + 1)) / rounds) - Math.floor((whole * round) / rounds);
