/**
 * "Did you mean …?"
 *
 * @module
 */

/** Words beyond this length are no slips of the pen, and cost time to compare. */
const longestWord = 64;

/**
 * Finds the candidate that somebody most likely meant: at most `max(1, length / 3)` insertions, deletions, replacements
 * or swaps of neighbours away (Damerau), where case, `_` and `-` do not count.
 *
 * @returns `undefined` where nothing is near, or several are equally near.
 *
 * @example
 * ```ts
 * suggest('maxDelay', ['base_delay', 'max_delay']); // 'max_delay'
 * ```
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const [best, second] = nearest(word, candidates);
  return second === undefined ? best : undefined;
}

/**
 * Finds all candidates that are as near as the nearest one, as {@link suggest} measures it.
 *
 * @example
 * ```ts
 * nearest('retrys', ['retries', 'retry_on', 'path']); // ['retries', 'retry_on']
 * ```
 */
export function nearest(word: string, candidates: Iterable<string>): readonly string[] {
  if (word.length > longestWord) return [];
  const wanted = normalize(word);
  let best: string[] = [];
  // So far away nothing is near.
  const limit = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let smallest = limit;
  for (const candidate of candidates) {
    const known = normalize(candidate);
    if (Math.abs(known.length - wanted.length) > smallest) continue;
    const distance = damerauDistance(wanted, known);
    if (distance > smallest || distance >= limit) continue;
    if (distance < smallest) best = [];
    best.push(candidate);
    smallest = distance;
  }
  return best;
}

function normalize(word: string): string {
  return word.toLowerCase().replace(/[_-]/g, '');
}

/** The restricted distance ("optimal string alignment"): three rows are enough for it. */
function damerauDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + (same ? 0 : 1),
      );
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[column - 2] as number) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] as number;
}
