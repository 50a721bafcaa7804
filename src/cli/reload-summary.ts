/**
 * What came with other rules, in one line.
 *
 * @module
 */

import { type Difference, differences } from '../rules/explain/difference.ts';
import type { Rules } from '../rules/model.ts';
import { printable } from '../rules/quote.ts';
import { counted } from './usage.ts';

/** Comparing more routes takes time that requests would wait for. */
const mostRoutes = 400;

/** So many things are named, the rest is counted. */
const mostNamed = 5;

/**
 * Such as `route users changed, route new added and 3 more`.
 *
 * @returns `undefined` where the rules are too many to be compared while requests are served.
 */
export function reloadSummary(before: Rules, after: Rules): string | undefined {
  if (before.routes.length + after.routes.length > mostRoutes) return undefined;
  const found = differences({ rules: before }, { rules: after });
  if (found.length === 0) return 'nothing that requests could tell';
  const named = found.slice(0, mostNamed).map(inWords).join(', ');
  const rest = found.length - mostNamed;
  return printable(rest > 0 ? `${named} and ${counted(rest, 'more thing')}` : named);
}

function inWords({ subject, kind }: Difference): string {
  return `${subject} ${kind}`;
}
