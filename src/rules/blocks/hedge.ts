/**
 * A further try while the first is still under way: the block `hedge`.
 *
 * @module
 */

import * as z from 'zod';
import { formatDuration } from '../../core/duration.ts';
import { defaultReplayBytes } from '../../core/replay.ts';
import { defaultMinSamples } from '../../policies/hedge.ts';
import type { Hedge } from '../model.ts';
import { block, choice, numberLike, Refusal, text } from '../shape.ts';
import { type BudgetBlock, budget, resolveBudget } from './budget.ts';
import { duration } from './duration.ts';
import { size } from './size.ts';

/** As written. */
export interface HedgeBlock {
  readonly max?: number;
  readonly delay?: string;
  readonly min_samples?: number;
  readonly budget?: number | BudgetBlock;
  readonly unsafe_methods?: Hedge['unsafeMethods'];
  readonly max_replay_bytes?: number;
}

/** `300ms`, or `p95` of the latencies that were seen. */
const delay: z.ZodType<string> = text({
  expected: 'a duration such as 300ms, or a percentile such as p95',
  read(value) {
    if (/^p(?!0+(\.0+)?$)\d{1,2}(\.\d{1,2})?$/.test(value)) return value;
    const parsed = duration().safeParse(value);
    if (parsed.success) return formatDuration(parsed.data);
    return new Refusal((site) => ({
      code: 'FM010',
      message: `${site.value} is neither a duration nor a percentile`,
      label: 'expected a duration such as 300ms, or a percentile such as p95',
    }));
  },
});

const hedgeBlock: z.ZodType<HedgeBlock> = block<HedgeBlock>(
  { title: '`hedge`', hasDefaults: true },
  {
    max: numberLike('a whole number from 1 to 4', () => z.number().int().min(1).max(4)),
    delay,
    min_samples: numberLike('a whole number from 0 to 100000', () =>
      z.number().int().min(0).max(100_000),
    ),
    budget,
    unsafe_methods: choice(['never', 'always', 'idempotency_key']),
    max_replay_bytes: size(),
  },
);

/** The block, or `off`. */
export const hedge: z.ZodType<'off' | HedgeBlock> = z.union([choice(['off']), hedgeBlock]);

/** Fills in the defaults. */
export function resolveHedge({
  max = 1,
  delay = 'p95',
  min_samples: minSamples = defaultMinSamples,
  budget: written,
  unsafe_methods: unsafeMethods = 'never',
  max_replay_bytes: maxReplayBytes = defaultReplayBytes,
}: HedgeBlock): Hedge {
  return {
    max,
    delay,
    minSamples,
    ...(written !== undefined && { budget: resolveBudget(written) }),
    unsafeMethods,
    maxReplayBytes,
  };
}
