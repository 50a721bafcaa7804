/**
 * A limit on concurrent calls: the block `bulkhead`.
 *
 * @module
 */

import * as z from 'zod';
import type { BulkheadRule } from '../model.ts';
import { asList, block, choice, numberLike, oneOrMore } from '../shape.ts';
import { duration } from './duration.ts';
import { keyExpression } from './names.ts';

/** As written; durations in milliseconds. */
export interface BulkheadBlock {
  readonly limit: number;
  readonly queue?: number;
  readonly max_wait?: number;
  readonly release?: 'headers' | 'body';
  readonly by?: string | readonly string[];
}

const limit = numberLike('a whole number from 1 to 1000000', () =>
  z.number().int().min(1).max(1_000_000),
);

/** A limit, the block, or `off`. */
export const bulkhead: z.ZodType<'off' | number | BulkheadBlock> = z.union([
  limit,
  block<BulkheadBlock>(
    { title: '`bulkhead`', required: ['limit'] },
    {
      limit,
      queue: numberLike('a whole number from 0 to 1000000', () =>
        z.number().int().min(0).max(1_000_000),
      ),
      max_wait: duration({ mayBeZero: false }),
      release: choice(['headers', 'body']),
      by: oneOrMore(keyExpression),
    },
  ),
  choice(['off']),
]);

/** Names and defaults of the model. */
export function resolveBulkhead(written: number | BulkheadBlock): BulkheadRule {
  const {
    limit,
    queue = 0,
    max_wait: maxWaitMs,
    release = 'headers',
    by,
  }: BulkheadBlock = typeof written === 'number' ? { limit: written } : written;
  return {
    limit,
    queue,
    ...(maxWaitMs !== undefined && { maxWaitMs }),
    release,
    ...(by !== undefined && { by: asList(by) }),
  };
}
