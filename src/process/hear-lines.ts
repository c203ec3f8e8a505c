/** What our own workers say on their descriptor 3: lines of a word and, for some, more. */
import type { Duplex } from 'node:stream';
import { workerLineBytesMax } from '../limits.js';

/** A line that is too long or makes no sense ends the worker: whoever speaks so is none of ours. */
export const hearLines = (from: Duplex, heard: (word: string, rest: string) => void): void => {
  let held = '';
  from.setEncoding('utf8');
  // The other end is gone: so is the worker, and that is told elsewhere.
  from.on('error', () => {});
  from.on('data', (text: string) => {
    const lines = (held + text).split('\n');
    held = lines.pop()!;
    try {
      if (held.length > workerLineBytesMax) throw new RangeError('a line without an end');
      for (const line of lines) {
        const at = line.indexOf(' ');
        if (at < 0) heard(line, '');
        else heard(line.slice(0, at), line.slice(at + 1));
      }
    } catch {
      from.destroy();
    }
  });
};
