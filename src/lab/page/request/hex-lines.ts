/** Bytes as a hex dump has them, a run of one field at a time: a span for each byte would be too many. Pure; hex-view.ts draws it. */

/** A stretch of bytes with one meaning; stretches stand in order, and need not cover everything. */
export interface Stretch {
  readonly at: number;
  readonly bytes: number;
}

/** Part of one line. */
export interface Run<S extends Stretch> {
  readonly at: number;
  readonly end: number;
  /** undefined: no field was told. */
  readonly stretch: S | undefined;
}

/** The runs between two offsets: every byte is in one. */
export const runsOf = <S extends Stretch>(stretches: readonly S[], from: number, to: number): Run<S>[] => {
  const runs: Run<S>[] = [];
  let at = from;
  for (let i = firstBehind(stretches, from); at < to; i++) {
    const stretch = stretches[i];
    if (stretch === undefined || stretch.at >= to) {
      runs.push({ at, end: to, stretch: undefined });
      break;
    }
    if (stretch.at > at) runs.push({ at, end: stretch.at, stretch: undefined });
    const end = Math.min(to, stretch.at + stretch.bytes);
    runs.push({ at: Math.max(at, stretch.at), end, stretch });
    at = end;
  }
  return runs;
};

/** Which stretch is the first that ends behind this byte: they may be many thousands. */
const firstBehind = (stretches: readonly Stretch[], at: number): number => {
  let [low, high] = [0, stretches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { at: begins, bytes } = stretches[middle]!;
    if (begins + bytes > at) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** `01 06 00`; eight bytes are followed by a wider gap. `struck`: they are not to be seen. */
export const codesOf = (bytes: Uint8Array, { at, end }: { at: number; end: number }, lineAt: number, struck = false): string => {
  let text = '';
  for (let i = at; i < end; i++) {
    if (i > at) text += (i - lineAt) % 8 === 0 ? '  ' : ' ';
    text += struck ? '**' : bytes[i]!.toString(16).padStart(2, '0');
  }
  return text;
};

/** What stands between two runs of a line. */
export const gapBefore = (at: number, lineAt: number): string => (at === lineAt ? '' : (at - lineAt) % 8 === 0 ? '  ' : ' ');

/** As ASCII, a dot for each byte that is no sign. */
export const signsOf = (bytes: Uint8Array, { at, end }: { at: number; end: number }): string => {
  let text = '';
  for (let i = at; i < end; i++) text += bytes[i]! >= 0x20 && bytes[i]! < 0x7f ? String.fromCharCode(bytes[i]!) : '·';
  return text;
};

/** `0010`: as many digits as the last offset needs, at least four. */
export const offsetText = (at: number, bytes: number): string =>
  at.toString(16).padStart(Math.max(4, (bytes - 1).toString(16).length), '0');
