/**
 * Single parts of ours beside a peer's, as ratios. Run by bench/run.ts on Node, Bun and Deno.
 */

import { measure, type Result } from './measure.ts';
import { pairs as limits } from './pairs/limits.ts';
import { pairs as metrics } from './pairs/metrics.ts';
import type { Pair } from './pairs/pair.ts';
import { pairs as resilience } from './pairs/resilience.ts';
import { pairs as routing } from './pairs/routing.ts';
import { pairs as security } from './pairs/security.ts';
import { printRatio } from './table.ts';

/** Each list is measured by itself: what is compared is interleaved, what is not is not. */
const lists: readonly (readonly Pair[])[] = [resilience, limits, metrics, routing, security];

for (const { name, ours, peer, bare, goal } of lists.flat()) {
  const contestants = [
    { name: 'ours', run: ours },
    { name: 'peer', run: peer },
    ...(bare === undefined ? [] : [{ name: 'our bare', run: bare.ours }]),
    ...(bare === undefined ? [] : [{ name: 'peer bare', run: bare.peer }]),
  ];
  const results = await measure(contestants, { sliceMs: 30 });
  const [mine, theirs, ourBare, bareOfTheirs] = results as [Result, Result, Result?, Result?];
  printRatio(name, { ours: mine, theirs, bare: ourBare, bareOfTheirs, goal });
}
