/**
 * Sizes: numbers of bytes that carry their unit.
 *
 * @module
 */

import type * as z from 'zod';
import { Refusal, text } from '../shape.ts';

const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1_000,
  kib: 1_024,
  mb: 1_000_000,
  mib: 1_048_576,
  gb: 1_000_000_000,
  gib: 1_073_741_824,
};

/** A size such as `10MiB`; bytes are made of it. */
export function size(): z.ZodType<number> {
  return text({
    expected: 'a size such as 10MiB',
    otherKind: ({ kind, written }, { key }) =>
      kind !== 'number'
        ? undefined
        : {
            code: 'FM011',
            message: `${key} needs a unit`,
            label: 'a bare number is ambiguous',
            help: `write ${/^\d+$/.test(written) ? written : '10'}B, or KiB, MiB, KB, MB`,
          },
    read(value) {
      const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,6})?)([a-z]{1,3})$/i.exec(value) ?? [];
      const factor = Object.hasOwn(units, unit.toLowerCase())
        ? units[unit.toLowerCase()]
        : undefined;
      const bytes = Math.round(Number(number) * (factor ?? Number.NaN));
      if (Number.isSafeInteger(bytes)) return bytes;
      return new Refusal((site) => ({
        code: 'FM017',
        message: `${site.value} is not a size`,
        label: 'expected a number and a unit: B, KiB, MiB, GiB, KB, MB or GB',
      }));
    },
  });
}
