/**
 * Durations and percentages: values that carry their unit.
 *
 * @module
 */

import type * as z from 'zod';
import { longestDelayMs } from '../../core/clock.ts';
import { formatDuration, parseDuration } from '../../core/duration.ts';
import type { Problem } from '../report.ts';
import { Refusal, text } from '../shape.ts';

/** Units as people also write them. */
const units: Readonly<Record<string, string>> = {
  ms: 'ms',
  msec: 'ms',
  millis: 'ms',
  millisecond: 'ms',
  milliseconds: 'ms',
  s: 's',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  m: 'm',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  h: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
};

/** Settings of {@link duration}. */
export interface DurationSettings {
  /** Default: true. */
  readonly mayBeZero?: boolean;
  /** The longest, in milliseconds. Default: what timers of all runtimes can wait, some 24.8 days. */
  readonly maxMs?: number;
}

/** A duration; milliseconds are made of it. */
export function duration(settings: DurationSettings = {}): z.ZodType<number> {
  const { mayBeZero = true, maxMs = longestDelayMs } = settings;
  return text({
    expected: 'a duration such as 3s',
    otherKind: ({ kind, written }, { key }) =>
      kind === 'number' ? unitMissing(key, written) : undefined,
    read(value) {
      const milliseconds = parseDuration(value);
      if (milliseconds === undefined) return refused(value, mayBeZero);
      if (milliseconds > maxMs) {
        return new Refusal((site) => ({
          code: 'FM016',
          message: `${site.value} is too long for ${site.key}`,
          label: `at most ${maxMs < 86_400_000 ? formatDuration(maxMs) : `${Math.floor(maxMs / 8_640_000) / 10}d`}`,
        }));
      }
      if (milliseconds === 0 && !mayBeZero) {
        return new Refusal(({ key }) => ({
          code: 'FM016',
          message: `${key} must be longer than nothing`,
          label: 'too short',
          help: 'write at least 1ms, or leave the key out',
        }));
      }
      return milliseconds;
    },
  });
}

function unitMissing(key: string, written: string): Problem {
  const number = Number(written);
  if (!(number >= 0 && number < 1e15)) {
    return {
      code: 'FM016',
      message: `${key} must be a duration such as 3s`,
      label: number < 0 ? 'nothing takes less than no time' : 'too large',
    };
  }
  return {
    code: 'FM011',
    message: `${key} needs a unit`,
    label: 'a bare number is ambiguous',
    help: `write ${number}s or ${number}ms`,
  };
}

function refused(value: string, mayBeZero: boolean): Refusal {
  if (/^\d+(\.\d+)?$/.test(value)) return new Refusal(({ key }) => unitMissing(key, value));
  // A block is switched off in so many words, a duration is none at all.
  const meant = mayBeZero && value === 'off' ? '0s' : repaired(value);
  return new Refusal((site) => ({
    code: 'FM010',
    message: `${site.value} is not a duration`,
    label: 'expected a number and a unit: ms, s, m, h or d',
    ...(meant !== undefined && { help: `write ${meant}`, fix: meant }),
  }));
}

/** `3 seconds` → `3s`. */
function repaired(value: string): string | undefined {
  const [, number, name = ''] =
    /^(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]{1,12})$/i.exec(value.trim()) ?? [];
  const unit = Object.hasOwn(units, name.toLowerCase()) ? units[name.toLowerCase()] : undefined;
  return unit === undefined ? undefined : `${number}${unit}`;
}

/** `10%`; a share from 0 to 1 is made of it. */
export function percentage(): z.ZodType<number> {
  return text({
    expected: 'a percentage such as 10%',
    otherKind: ({ kind, written }, { key }) =>
      kind !== 'number'
        ? undefined
        : {
            code: 'FM011',
            message: `${key} needs a percent sign`,
            label: 'a bare number is ambiguous',
            help: `write ${percentOf(written)}`,
          },
    read(value) {
      const [, number] = /^((?:0|[1-9]\d{0,2})(?:\.\d{1,6})?)%$/.exec(value) ?? [];
      if (number === undefined) {
        const [, zeros, meant] = /^(0*)(\d{1,3}(?:\.\d{1,6})?)%$/.exec(value) ?? [];
        const repaired = zeros && Number(meant) <= 100 ? `${meant}%` : undefined;
        return new Refusal((site) => ({
          code: 'FM017',
          message: `${site.value} is not a percentage`,
          label: 'expected a number and a percent sign',
          ...(repaired !== undefined && { help: `write ${repaired}`, fix: repaired }),
        }));
      }
      if (Number(number) > 100) {
        return new Refusal((site) => ({
          code: 'FM016',
          message: `${site.value} is more than all`,
          label: 'at most 100%',
        }));
      }
      return Number(number) / 100;
    },
  });
}

/** What a bare number may have meant. */
function percentOf(written: string): string {
  const number = Number(written);
  if (number < 0 || number > 100) return 'a number from 0 to 100 and a percent sign';
  const share = `${Number((number * 100).toPrecision(12))}%`;
  return number > 1 ? `${written}%` : number === 0 ? '0%' : `${share} or ${written}%`;
}
