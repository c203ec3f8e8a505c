/** What a measurement was made on: without it a figure says nothing. */
import { arch, cpus, release, type } from 'node:os';
import type { Machine } from './plan.js';

export const machineHere = (): Machine => ({
  system: `${type()} ${release()} ${arch()}`,
  cpus: cpus().length,
  cpu: cpus()[0]?.model.trim() ?? '',
  node: process.version,
});
