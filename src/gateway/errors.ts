/**
 * What a program says on stderr: cut into lines, made safe for a terminal, bounded, tagged, never part of the answer. Its end
 * is kept as evidence, because that is where the reason usually stands.
 */
import { Bytes, lastOf, noBytes, printable } from '../bytes.js';
import { stderrKeptBytes, stderrLineBytesMax, stderrLogBytesMax } from '../limits.js';

export interface ErrorLog {
  write(piece: Buffer): void;
  /** The last words, at most `stderrKeptBytes`, as they came. */
  tail(): string;
  /** An unfinished last line is a line, too. */
  end(): void;
}

/** `bytesMax`: more than that is counted, not told. */
export const errorLog = (tell: (text: string) => void, bytesMax = stderrLogBytesMax): ErrorLog => {
  let lines: Bytes | undefined;
  let kept = noBytes;
  let loggedBytes = 0;
  let droppedBytes = 0;

  const log = (line: Buffer): void => {
    if (loggedBytes >= bytesMax) {
      droppedBytes += line.length;
      return;
    }
    loggedBytes += line.length;
    const more = line.length - stderrLineBytesMax;
    tell(printable(line.subarray(0, stderrLineBytesMax)) + (more > 0 ? ` … ${more} bytes more` : ''));
  };

  return {
    write(piece) {
      kept = lastOf(kept, piece, stderrKeptBytes);
      lines ??= new Bytes();
      lines.push(piece);
      for (let line = lines.line(); line !== undefined; line = lines.line()) log(line);
      // A line without end is logged in parts rather than kept whole.
      if (lines.length > stderrLineBytesMax) log(lines.rest());
    },
    tail: () => kept.toString('utf8'),
    end() {
      const rest = lines?.rest();
      if (rest && rest.length > 0) log(rest);
      if (droppedBytes > 0) tell(`… ${droppedBytes} bytes more on stderr, not logged`);
      lines = undefined;
      droppedBytes = 0;
    },
  };
};
