/**
 * What a process costs on this machine before its script has done anything: an empty one, and one that is nothing but the interpreter. From
 * outside, an interpreter's start cannot be told from the first lines of its script; so it is measured apart, once for each interpreter,
 * when somebody looks at the times of an exchange that had one, and shown beside what was measured, never among it.
 */
import { labCalibrationsMax } from '../limits.js';
import { taxOf } from '../trace/tax.js';
import type { Phases } from '../trace/trace.js';
import type { Script } from '../types.js';
import type { ToldBare, ToldCalibration } from './told.js';

/** A program to calibrate with: nothing is started yet. */
export interface Bare {
  /** One for all scripts that are started alike. */
  readonly key: string;
  /** Resolves with undefined when it has not answered. */
  measure(stopped: AbortSignal): Promise<ToldBare | undefined>;
}

export interface BaresOf {
  /** Undefined where there is no `true`. */
  readonly empty: Bare | undefined;
  /** What a script is compared with; why there is nothing: it has no interpreter, or none that is known. */
  like(script: Script): Bare | 'compiled' | 'unknown';
}

export interface Calibration {
  told(script: Script, phases: Phases): ToldCalibration;
  /** Resolves when all that can be known about such a script is. */
  measure(script: Script): Promise<void>;
  close(): Promise<void>;
}

export const calibration = ({ empty, like }: BaresOf = nothingToCompare): Calibration => {
  const stopped = new AbortController();
  const asked = new Map<string, Promise<void>>();
  const known = new Map<string, ToldBare | 'failed'>();
  /** One after the other: two at once would disturb each other. */
  let last: Promise<void> = Promise.resolve();

  const once = ({ key, measure }: Bare): Promise<void> | undefined => {
    if (!asked.has(key) && asked.size < labCalibrationsMax && !stopped.signal.aborted) {
      last = last.then(async () => {
        const bare = stopped.signal.aborted ? undefined : await measure(stopped.signal).catch(() => undefined);
        known.set(key, bare ?? 'failed');
      });
      asked.set(key, last);
    }
    return asked.get(key);
  };
  const bareOf = (script: Script): ToldCalibration['bare'] => {
    const bare = like(script);
    return typeof bare === 'string' ? bare : (known.get(bare.key) ?? 'unmeasured');
  };

  return {
    told(script, { spawn, wait, head, body, exit }) {
      const none = empty && known.get(empty.key);
      const bare = bareOf(script);
      const tax = taxOf({ spawn, wait, head, body, exit }, typeof bare === 'string' ? undefined : bare.startUpMs);
      return { empty: typeof none === 'string' ? undefined : none, bare, tax };
    },
    async measure(script) {
      const bare = like(script);
      await Promise.all([empty && once(empty), typeof bare === 'string' ? undefined : once(bare)]);
    },
    close() {
      stopped.abort();
      return last;
    },
  };
};

const nothingToCompare: BaresOf = { empty: undefined, like: () => 'unknown' };
