/** What the lab calibrates with: the empty programs that `cgi-serve time` measures, through the same gateway. */
import type { Bare, BaresOf } from '../lab/calibration.js';
import type { ToldBare } from '../lab/told.js';
import { labCalibrationRequests } from '../limits.js';
import type { CgiOptions } from '../settings.js';
import { middleHalf, sumOf } from '../trace/spread.js';
import type { Script } from '../types.js';
import { type Empty, emptyLike, emptyParts, emptyTrue, type NoEmpty, openCalibration } from './calibrate.js';
import { type Measured, measure } from './measure.js';

/** `options` are the server's. */
export const baresOf = (options: CgiOptions): BaresOf => {
  const nothing = emptyTrue(process.env.PATH ?? '');
  const alone = { ...options, maxProcesses: 1 };
  return {
    empty: nothing && bareOf(nothing, alone),
    like(script) {
      const found = likeOf(script, options);
      return found.kind === 'empty' ? bareOf(found, alone) : found.kind;
    },
  };
};

const likeOf = (script: Script, { interpreters = {} }: CgiOptions): Empty | NoEmpty => {
  try {
    const like = emptyLike(script);
    if (like.kind !== 'empty' || script.program === script.file || like.extension in interpreters) return like;
    // Started by us and not by its extension, as a WSGI application is: the empty program names the interpreter itself.
    return { ...like, extension: '', text: `#!${like.program}\n${like.text}` };
  } catch {
    // The script is not there any more.
    return { kind: 'unknown', name: script.file };
  }
};

const bareOf = (empty: Empty, options: CgiOptions): Bare => ({
  key: [empty.program, empty.extension, empty.text].join('\n'),
  async measure(stopped) {
    const { subjects, close } = openCalibration([empty], options);
    const control = { stopped: false };
    const stop = (): void => {
      control.stopped = true;
      void close();
    };
    stopped.addEventListener('abort', stop);
    try {
      const [measured] = await measure(subjects, { requests: labCalibrationRequests, concurrency: 1, control, progress() {} });
      return toldBare(empty, measured!);
    } finally {
      stopped.removeEventListener('abort', stop);
      await close();
    }
  },
});

const toldBare = ({ name, program }: Empty, { samples, failure }: Measured): ToldBare | undefined => {
  if (failure !== undefined || samples.length === 0) return undefined;
  const parts = middleHalf(samples.map(emptyParts));
  return {
    name,
    program,
    times: samples.length,
    spawnMs: parts.spawn ?? 0,
    startUpMs: parts.startUp ?? parts.run ?? 0,
    totalMs: sumOf(parts),
  };
};
