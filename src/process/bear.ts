/** Which way children are born here: `native` where it loads, `portable` everywhere. Decided once. */
import type { BearChild } from './child.js';
import { loadNative } from './native.js';
import { bearPortable } from './portable.js';

export interface Births {
  readonly bear: BearChild;
  readonly by: 'native' | 'portable';
  /** Why not native, where that was not asked for. */
  readonly why: string | undefined;
}

/** Throws an Error with one clear sentence when `native` is demanded and cannot be had. */
export const bearFor = (spawn: 'auto' | 'native' | 'portable'): Births => {
  if (spawn === 'portable') return { bear: bearPortable, by: 'portable', why: undefined };
  native ??= loadNative();
  if (typeof native === 'function') return { bear: native, by: 'native', why: undefined };
  if (spawn === 'native') throw new Error(`spawn native: ${native.why}`);
  return { bear: bearPortable, by: 'portable', why: native.why };
};

/** One for the process: it listens to SIGCHLD. */
let native: ReturnType<typeof loadNative> | undefined;
