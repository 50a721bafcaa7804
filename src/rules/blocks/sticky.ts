/**
 * Keeping a caller with one version.
 *
 * @module
 */

import type * as z from 'zod';
import type { Sticky } from '../model.ts';
import { asList, block, oneOrMore } from '../shape.ts';
import { duration } from './duration.ts';
import { keyExpression } from './names.ts';

const defaultTtlMs = 3_600_000;

/** As written; durations in milliseconds. */
export interface StickyBlock {
  readonly by: string | readonly string[];
  readonly ttl?: number;
}

/** By what, and for how long the cookie lasts that is set where a caller brings nothing of the kind. */
export const sticky: z.ZodType<StickyBlock> = block<StickyBlock>(
  { title: '`sticky`', required: ['by'] },
  {
    by: oneOrMore(keyExpression),
    ttl: duration({ mayBeZero: false, maxMs: 400 * 86_400_000 }),
  },
);

/** Fills in the defaults. */
export function resolveSticky({ by, ttl = defaultTtlMs }: StickyBlock): Sticky {
  return { by: asList(by), ttlMs: ttl };
}
