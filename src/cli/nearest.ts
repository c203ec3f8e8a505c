/**
 * «Did you mean …?»: the nearest of some names, or none when all are far. Typing errors are a letter wrong, missing,
 * too many, or two swapped; and a name may have been cut short (`--log` for `--log-format`).
 */
export const nearest = (typed: string, names: Iterable<string>): string | undefined => {
  const plainTyped = plain(typed);
  const allowed = plainTyped.length <= 3 ? 1 : plainTyped.length <= 7 ? 2 : 3;
  let best: string | undefined;
  let bestDistance = allowed + 0.75;
  for (const name of names) {
    const begins = plainTyped.length >= 3 && plain(name).startsWith(plainTyped) ? 0.5 : Number.POSITIVE_INFINITY;
    const distance = Math.min(editDistance(plainTyped, plain(name)), begins);
    if (distance < bestDistance && distance < Math.max(plainTyped.length, 2)) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
};

/** `maxBody`, `max_body` and `--max-body` are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[-_]/g, '');

/** Damerau-Levenshtein (optimal string alignment): insert, delete, replace, swap neighbours. */
const editDistance = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, beforeLast[j - 2]! + 1);
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
};
