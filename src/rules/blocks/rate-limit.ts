/**
 * How much a caller may ask for: the block `rate_limit`.
 *
 * @module
 */

import * as z from 'zod';
import { longestDelayMs } from '../../core/clock.ts';
import { isPolicyName } from '../../core/rate-limit-fields.ts';
import type { LimitMode, RateLimitRule } from '../model.ts';
import {
  asList,
  block,
  choice,
  flag,
  list,
  numberLike,
  oneOrMore,
  Refusal,
  text,
} from '../shape.ts';
import { duration } from './duration.ts';
import { keyExpression } from './names.ts';

/** As written; durations in milliseconds. */
export interface RateLimitBlock {
  readonly name?: string;
  readonly limit: number;
  readonly per: number;
  readonly burst?: number;
  readonly by?: string | readonly string[];
  readonly anonymous?: 'shared' | 'skip';
  readonly max_wait?: number;
  readonly enforce?: boolean;
  readonly on_store_error?: 'local' | 'open' | 'closed';
  readonly cost?: number;
  readonly mode?: LimitMode;
  readonly fields?: NonNullable<RateLimitRule['fields']>;
  readonly legacy?: NonNullable<RateLimitRule['legacy']>;
}

/** One limit, several, or none where the defaults have some. */
export type RateLimitWritten = 'off' | RateLimitBlock | readonly RateLimitBlock[];

/** The longest window: a year, in milliseconds. */
const longestPerMs = 366 * 86_400_000;

const units: z.ZodType<number> = numberLike('a whole number from 1 to 1000000000', () =>
  z.number().int().min(1).max(1e9),
);

const limitName: z.ZodType<string> = text({
  expected: 'a name',
  read: (value) =>
    isPolicyName(value)
      ? value
      : new Refusal(({ value }) => ({
          code: 'FM017',
          message: `${value} cannot be the name of a limit`,
          label: '1 to 64 printable characters of ASCII, since the field RateLimit bears it',
        })),
});

const limit: z.ZodType<RateLimitBlock> = block<RateLimitBlock>(
  { title: '`rate_limit`', required: ['limit', 'per'] },
  {
    name: limitName,
    limit: units,
    per: duration({ mayBeZero: false, maxMs: longestPerMs }),
    burst: units,
    by: oneOrMore(keyExpression),
    anonymous: choice(['shared', 'skip']),
    max_wait: duration({ maxMs: longestDelayMs }),
    enforce: flag(),
    on_store_error: choice(['local', 'open', 'closed']),
    cost: numberLike('a whole number from 0 to 1000000000', () => z.number().int().min(0).max(1e9)),
    mode: choice(['local', 'exact', 'leased', 'platform']),
    fields: choice(['always', 'rejections', 'never']),
    legacy: choice(['draft-6']),
  },
);

/** A limit, a list of limits that have all to agree, or `off`. */
export const rateLimit: z.ZodType<RateLimitWritten> = z.union([
  choice(['off']),
  limit,
  list(limit),
]);

/** Fills in the defaults; empty for `off`. */
export function resolveRateLimit(written: RateLimitWritten): readonly RateLimitRule[] {
  if (written === 'off') return [];
  return asList<RateLimitBlock>(written).map(
    ({
      name,
      limit,
      per: perMs,
      burst = limit,
      by = 'ip',
      anonymous = 'shared',
      max_wait: maxWaitMs = 0,
      enforce = true,
      on_store_error: onStoreError = 'local',
      cost = 1,
      mode,
      fields,
      legacy,
    }) => ({
      ...(name !== undefined && { name }),
      limit,
      perMs,
      burst,
      by: asList(by),
      anonymous,
      maxWaitMs,
      enforce,
      onStoreError,
      ...(cost !== 1 && { cost }),
      ...(mode !== undefined && { mode }),
      ...(fields !== undefined && { fields }),
      ...(legacy !== undefined && { legacy }),
    }),
  );
}
