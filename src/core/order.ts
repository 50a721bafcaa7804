/**
 * Orders of policies that do what nobody wants.
 *
 * @module
 */

interface Order {
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  /** What happens then, and what to do. */
  readonly why: string;
}

/** By the first word of the layers' labels. */
const harmful: readonly Order[] = [
  {
    outer: ['retry', 'hedge'],
    inner: ['retry', 'hedge'],
    why: 'the tries multiply; keep one of the two',
  },
  {
    outer: ['retry', 'hedge'],
    inner: ['deadline'],
    why: 'each try would get all the time that is left; put it outermost',
  },
  {
    outer: ['retry', 'hedge'],
    inner: ['fault', 'mirror', 'split'],
    why: 'each try draws anew; put it around them',
  },
  {
    outer: ['retry', 'hedge', 'timeout', 'breaker', 'throttle', 'service'],
    inner: ['fallback'],
    why: 'it hides failures; put it outermost',
  },
  {
    outer: ['service'],
    inner: ['retry', 'hedge'],
    why: 'each try goes to the same endpoint; put it around',
  },
  {
    outer: ['upstream-guard'],
    inner: ['retry', 'hedge', 'service', 'split', 'rewrite', 'mirror', 'fallback'],
    why: 'it could send requests where nobody has looked; put the guard innermost',
  },
  {
    outer: ['forward'],
    inner: ['timeout', 'retry', 'hedge'],
    why: 'the policies inside take some of that time; put it innermost',
  },
];

/**
 * Finds policies that stand around one another in a harmful order.
 *
 * @param labels Of the layers, the outermost first; the first word of each names the policy.
 * @returns One sentence for each pair.
 *
 * @example
 * ```ts
 * orderProblems(['retry max 2', 'retry max 4']); // ['retry inside of retry: the tries multiply; keep one of the two']
 * ```
 */
export function orderProblems(labels: readonly string[]): readonly string[] {
  const kinds = labels.map((label) => label.split(' ', 1)[0] as string);
  const found = new Set<string>();
  for (const [index, outer] of kinds.entries()) {
    for (const inner of kinds.slice(index + 1)) {
      const order = harmful.find(
        (each) => each.outer.includes(outer) && each.inner.includes(inner),
      );
      if (order !== undefined) found.add(`${inner} inside of ${outer}: ${order.why}`);
    }
  }
  return [...found];
}
