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

/** Such as `route users changed, route new added and 3 more things`; of very many routes how many there are. */
export function reloadSummary(before: Rules, after: Rules): string {
  const [old, now] = [before.routes.length, after.routes.length];
  if (old + now > mostRoutes) {
    return `${counted(now, 'route')} in place of ${old}; fetchmesh diff says what differs`;
  }
  const found = differences({ rules: before }, { rules: after });
  if (found.length === 0) return 'nothing that requests could tell';
  const named = found.slice(0, mostNamed).map(inWords).join(', ');
  const rest = found.length - mostNamed;
  return printable(rest > 0 ? `${named} and ${counted(rest, 'more thing')}` : named);
}

function inWords({ subject, kind }: Difference): string {
  return `${subject} ${kind}`;
}
