/**
 * Asking the endpoints of a service how they are.
 *
 * @module
 */

import * as z from 'zod';
import { formatDuration } from '../../core/duration.ts';
import { type HealthSettings, healthSettings } from '../../routing/health.ts';
import { block, numberLike } from '../shape.ts';
import { duration } from './duration.ts';
import { plainPath } from './path.ts';

/** As written; durations in milliseconds. */
export interface HealthCheckBlock {
  readonly path: string;
  readonly interval?: number;
  readonly timeout?: number;
  readonly down_after?: number;
  readonly up_after?: number;
}

const times: z.ZodType<number> = numberLike('a whole number from 1 to 1000', () =>
  z.number().int().min(1).max(1_000),
);

/** All of it. */
export const healthCheck: z.ZodType<HealthCheckBlock> = block<HealthCheckBlock>(
  { title: '`health` of a service', required: ['path'] },
  {
    path: plainPath,
    interval: duration({ mayBeZero: false }),
    timeout: duration({ mayBeZero: false }),
    down_after: times,
    up_after: times,
  },
);

/** The resolved form, provided that nothing in it contradicts something else. */
export function resolveHealthCheck({
  path,
  interval,
  timeout,
  down_after: downAfter,
  up_after: upAfter,
}: HealthCheckBlock): HealthSettings {
  return healthSettings('health', {
    path,
    ...(interval !== undefined && { interval: formatDuration(interval) }),
    ...(timeout !== undefined && { timeout: formatDuration(timeout) }),
    ...(downAfter !== undefined && { downAfter }),
    ...(upAfter !== undefined && { upAfter }),
  });
}
