/**
 * What is given up when there is too much to do: the block `shed`.
 *
 * @module
 */

import * as z from 'zod';
import { type Priority, priorities } from '../../core/priority.ts';
import type { Shed } from '../model.ts';
import { asList, block, choice, numberLike, oneOrMore } from '../shape.ts';
import { duration } from './duration.ts';
import { network } from './network.ts';

/** As written; durations in milliseconds. */
export interface ShedBlock {
  readonly from: number;
  readonly full: number;
  readonly priority?: Priority;
  readonly retry_after?: number;
  readonly trusted_ips?: string | readonly string[];
}

const requests: z.ZodType<number> = numberLike('a whole number from 1 to 1000000', () =>
  z.number().int().min(1).max(1e6),
);

const shedBlock: z.ZodType<ShedBlock> = block<ShedBlock>(
  { title: '`shed`', required: ['from', 'full'] },
  {
    from: requests,
    full: requests,
    priority: choice(priorities),
    retry_after: duration({ mayBeZero: false }),
    trusted_ips: oneOrMore(network),
  },
);

/** Where it begins and where it is complete, in requests under way, or `off`. */
export const shed: z.ZodType<'off' | ShedBlock> = z.union([choice(['off']), shedBlock]);

/** Fills in the defaults; `undefined` for `off`. */
export function resolveShed(written: 'off' | ShedBlock): Shed | undefined {
  if (written === 'off') return undefined;
  const { from, full, priority = 'normal', retry_after: retryAfterMs = 1_000 } = written;
  const { trusted_ips: trusted } = written;
  return {
    ...{ from, full, priority, retryAfterMs },
    ...(trusted !== undefined && { trustedIps: asList(trusted) }),
  };
}
