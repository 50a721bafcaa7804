/**
 * Leaving out endpoints that fail.
 *
 * @module
 */

import * as z from 'zod';
import { formatDuration } from '../../core/duration.ts';
import { type OutlierSettings, outlierSettings } from '../../routing/outlier-options.ts';
import { block, numberLike } from '../shape.ts';
import { duration, percentage } from './duration.ts';

/** As written; durations in milliseconds, percentages from 0 to 1. */
export interface OutlierBlock {
  readonly failures?: number;
  readonly gateway_failures?: number;
  readonly local_failures?: number;
  readonly interval?: number;
  readonly eject_for?: number;
  readonly max_eject_for?: number;
  readonly max_ejected?: number;
  readonly success_rate?: SuccessRateBlock;
  readonly failure_rate?: FailureRateBlock;
}

/** As written. */
export interface SuccessRateBlock {
  readonly deviations?: number;
  readonly min_endpoints?: number;
  readonly min_requests?: number;
}

/** As written. */
export interface FailureRateBlock {
  readonly threshold?: number;
  readonly min_endpoints?: number;
  readonly min_requests?: number;
}

const count = (least: number): z.ZodType<number> =>
  numberLike(`a whole number from ${least} to 1000000`, () =>
    z.number().int().min(least).max(1_000_000),
  );

/** All of it. */
export const outlier: z.ZodType<OutlierBlock> = block<OutlierBlock>(
  { title: '`outlier`', hasDefaults: true },
  {
    failures: count(0),
    gateway_failures: count(0),
    local_failures: count(0),
    interval: duration({ mayBeZero: false }),
    eject_for: duration({ mayBeZero: false }),
    max_eject_for: duration({ mayBeZero: false }),
    max_ejected: percentage(),
    success_rate: block<SuccessRateBlock>(
      { title: '`success_rate`' },
      {
        deviations: numberLike('a number from 0.1 to 100', () => z.number().min(0.1).max(100)),
        min_endpoints: count(2),
        min_requests: count(1),
      },
    ),
    failure_rate: block<FailureRateBlock>(
      { title: '`failure_rate`' },
      { threshold: percentage(), min_endpoints: count(2), min_requests: count(1) },
    ),
  },
);

/** The resolved form, provided that nothing in it contradicts something else. */
export function resolveOutlier(written: OutlierBlock): OutlierSettings {
  const { failures, gateway_failures: gatewayFailures, local_failures: localFailures } = written;
  const { interval, eject_for: ejectFor, max_eject_for: maxEjectFor } = written;
  const { max_ejected: maxEjected, success_rate: success, failure_rate: failure } = written;
  return outlierSettings('outlier', {
    ...(failures !== undefined && { failures }),
    ...(gatewayFailures !== undefined && { gatewayFailures }),
    ...(localFailures !== undefined && { localFailures }),
    ...(interval !== undefined && { interval: formatDuration(interval) }),
    ...(ejectFor !== undefined && { ejectFor: formatDuration(ejectFor) }),
    ...(maxEjectFor !== undefined && { maxEjectFor: formatDuration(maxEjectFor) }),
    ...(maxEjected !== undefined && { maxEjected }),
    ...(success && {
      successRate: {
        ...(success.deviations !== undefined && { deviations: success.deviations }),
        ...volume(success),
      },
    }),
    ...(failure && {
      failureRate: {
        ...(failure.threshold !== undefined && { threshold: failure.threshold }),
        ...volume(failure),
      },
    }),
  });
}

function volume({ min_endpoints: minEndpoints, min_requests: minRequests }: SuccessRateBlock) {
  return {
    ...(minEndpoints !== undefined && { minEndpoints }),
    ...(minRequests !== undefined && { minRequests }),
  };
}
