/**
 * Faults to inject.
 *
 * @module
 */

import * as z from 'zod';
import { isBodiless } from '../../core/bodiless.ts';
import { parseInstant } from '../../core/instant.ts';
import type { Fault } from '../model.ts';
import { block, choice, flag, numberLike, Refusal, text } from '../shape.ts';
import { duration, percentage } from './duration.ts';
import { type MatchBlock, match, resolveMatch } from './match.ts';

/** As written; durations in milliseconds, percentages as shares of 1. */
export interface FaultBlock {
  readonly delay?: number | { readonly fixed: number; readonly percent?: number };
  readonly abort?: number | { readonly status?: number; readonly percent?: number };
  readonly percent?: number;
  readonly only_if?: MatchBlock | readonly MatchBlock[];
  readonly until?: string;
  readonly max_active?: number;
  readonly header_trigger?: boolean;
  readonly counted?: boolean;
}

// What is injected is told in the body.
const status = numberLike('a status from 200 to 599 with a body', () =>
  z
    .number()
    .int()
    .min(200)
    .max(599)
    .refine((code) => !isBodiless(code)),
);

const moment: z.ZodType<string> = text({
  expected: 'a moment such as 2026-01-31T18:00:00Z',
  read: (value) =>
    parseInstant(value) !== undefined
      ? value
      : new Refusal((site) => ({
          code: 'FM017',
          message: `${site.value} is not a moment`,
          label: 'expected a date, or a date, a time and a zone',
          help: 'write it like 2026-01-31T18:00:00Z',
        })),
});

const delayBlock = block<{ readonly fixed: number; readonly percent?: number }>(
  { title: '`delay`', required: ['fixed'] },
  { fixed: duration({ mayBeZero: false }), percent: percentage() },
);

const abortBlock = block<{ readonly status?: number; readonly percent?: number }>(
  { title: '`abort`' },
  { status, percent: percentage() },
);

const faultBlock = block<FaultBlock>(
  { title: '`fault`' },
  {
    delay: z.union([duration({ mayBeZero: false }), delayBlock]),
    abort: z.union([status, abortBlock]),
    percent: percentage(),
    only_if: match,
    until: moment,
    max_active: numberLike('a whole number of 1 or more', () => z.number().int().min(1)),
    header_trigger: flag(),
    counted: flag(),
  },
);

/** Faults, or `off` where `defaults` has some. */
export const fault: z.ZodType<'off' | FaultBlock> = z.union([choice(['off']), faultBlock]);

/** Whether a delay or an abort is drawn for a share that nobody gave. */
export function lacksPercent(written: FaultBlock): boolean {
  const { delay, abort, percent, header_trigger: headerTrigger = false } = written;
  const lacks = (part: typeof delay | typeof abort): boolean =>
    part === undefined ? headerTrigger : typeof part === 'number' || part.percent === undefined;
  return percent === undefined && (lacks(delay) || lacks(abort));
}

/** Fills in the defaults. */
export function resolveFault(written: FaultBlock): Fault {
  const { percent, only_if: onlyIf, until, max_active: maxActive } = written;
  const { header_trigger: headerTrigger = false, counted = true } = written;
  const delay = typeof written.delay === 'number' ? { fixed: written.delay } : written.delay;
  const abort = typeof written.abort === 'number' ? { status: written.abort } : written.abort;
  return {
    ...(delay !== undefined && {
      delay: { ms: delay.fixed, percent: percentOf(delay.percent ?? percent) },
    }),
    ...(abort !== undefined && {
      abort: { status: abort.status ?? 503, percent: percentOf(abort.percent ?? percent) },
    }),
    ...(percent !== undefined && { percent: percentOf(percent) }),
    onlyIf: onlyIf === undefined ? [] : resolveMatch(onlyIf),
    ...(until !== undefined && { until }),
    ...(maxActive !== undefined && { maxActive }),
    headerTrigger,
    counted,
  };
}

/** `0.1%` is read as 0.001, and 0.07 * 100 is 7.000000000000001. */
export function percentOf(share = 1): number {
  return Number((share * 100).toPrecision(12));
}
