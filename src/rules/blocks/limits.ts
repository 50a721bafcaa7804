/**
 * What a single request may take up: the block `limits`, of the file and of a route.
 *
 * @module
 */

import * as z from 'zod';
import type { BodyRule, RequestRule } from '../model.ts';
import { block, choice, numberLike } from '../shape.ts';
import { duration } from './duration.ts';
import { size } from './size.ts';

/** As written; bytes, and durations in milliseconds. */
export interface BodyLimitsBlock {
  readonly body?: number;
  readonly body_rate?: number;
  readonly body_grace?: number;
}

/** As written. */
export interface LimitsBlock extends BodyLimitsBlock {
  readonly url?: number;
  readonly headers?: number;
  readonly header_count?: number;
  readonly concurrent?: number;
}

const count = numberLike('a whole number from 1 to 1000000', () =>
  z.number().int().min(1).max(1_000_000),
);

const ofBodies = { body: size(), body_rate: size(), body_grace: duration() };

/** Of all requests; what it says of bodies holds for routes that say nothing themselves. */
export const limits: z.ZodType<LimitsBlock> = block<LimitsBlock>(
  { title: '`limits` of the file' },
  { url: size(), headers: size(), header_count: count, concurrent: count, ...ofBodies },
);

/** Of the bodies that a route gets. */
export const routeLimits: z.ZodType<'off' | BodyLimitsBlock> = z.union([
  block<BodyLimitsBlock>({ title: '`limits` of a route' }, ofBodies),
  choice(['off']),
]);

/** The resolved form, without what concerns bodies. */
export function resolveLimits(written: LimitsBlock): RequestRule {
  const { url, headers, header_count: headerCount, concurrent } = written;
  return {
    ...(url !== undefined && { urlBytes: url }),
    ...(headers !== undefined && { headerBytes: headers }),
    ...(headerCount !== undefined && { headerCount }),
    ...(concurrent !== undefined && { concurrent }),
  };
}

/** The resolved form; `undefined` where bodies have no limit. */
export function resolveBodyLimits(written: BodyLimitsBlock): BodyRule | undefined {
  const { body, body_rate: rate, body_grace: graceMs } = written;
  if (body === undefined && rate === undefined) return undefined;
  return {
    ...(body !== undefined && { bodyBytes: body }),
    ...(rate !== undefined && { bodyRate: rate }),
    ...(graceMs !== undefined && { graceMs }),
  };
}
