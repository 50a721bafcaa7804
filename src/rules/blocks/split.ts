/**
 * Where requests go: one destination, or several with weights.
 *
 * @module
 */

import * as z from 'zod';
import type { Destination } from '../model.ts';
import type { Problem } from '../report.ts';
import { type Named, named, numberLike, Refusal, text } from '../shape.ts';

const reference = /^([A-Za-z0-9_][A-Za-z0-9._-]{0,62})(?:@([A-Za-z0-9_][A-Za-z0-9._-]{0,62}))?$/;

/** `service` or `service@version`. */
export const destination: z.ZodType<string> = text({
  expected: 'a destination such as users@v2',
  read: (value) =>
    reference.test(value)
      ? value
      : new Refusal((site) => ({
          code: 'FM017',
          message: `${site.value} is not a destination`,
          label: 'expected the name of a service, or name@version',
          ...(/^https?:\/\//.test(value) && {
            help: 'define the URL under `services`, and write its name here',
          }),
        })),
});

const share: z.ZodType<number> = numberLike(
  'a weight from 0 to 100, with at most one decimal',
  () => z.number().min(0).max(100).multipleOf(0.1),
);

const rest: z.ZodType<'rest'> = text({
  expected: '`rest`',
  read(value) {
    if (value === 'rest') return value;
    const [, number] = /^(\d{1,3}(?:\.\d)?)%?$/.exec(value) ?? [];
    return new Refusal((site) => ({
      code: 'FM016',
      message: `${site.value} is not a weight`,
      label: 'expected a number from 0 to 100, or `rest`',
      ...(number !== undefined && { help: `write ${number}`, fix: number }),
    }));
  },
});

/** A share in percent, or what the others leave. */
const weight: z.ZodType<number | 'rest'> = z.union([share, rest]);

/** As written. */
export type SplitBlock = string | Named<number | 'rest'>;

/** A destination, or weights by destination. */
export const split: z.ZodType<SplitBlock> = z.union([destination, named(destination, weight)]);

/** A destination as it is referred to. */
export interface Reference {
  /** As written. */
  readonly text: string;
  readonly service: string;
  /** `undefined` where none is named. */
  readonly version: string | undefined;
  /** Whether it is a key of the map of weights. */
  readonly isKey: boolean;
}

/** The destinations of a split, in the order of the file. */
export function referencesOf(written: SplitBlock): readonly Reference[] {
  if (typeof written === 'string') return [toReference(written, false)];
  return Object.keys(written).map((text) => toReference(text, true));
}

function toReference(text: string, isKey: boolean): Reference {
  const [, service = '', version] = reference.exec(text) ?? [];
  return { text, service, version, isKey };
}

/**
 * The weights of a split in percent, in the order of {@link referencesOf}.
 *
 * Counted in tenths: 33.3 + 33.3 + 33.4 is exactly 100, which it is not in floating point.
 *
 * @returns Or what is wrong with them.
 */
export function weightsOf(written: SplitBlock): readonly number[] | Problem {
  if (typeof written === 'string') return [100];
  const tenths = Object.values(written).map((value) =>
    value === 'rest' ? undefined : Math.round(value * 10),
  );
  const given = tenths.filter((value) => value !== undefined);
  const sum = given.reduce((total, value) => total + value, 0);
  const rests = tenths.length - given.length;
  if (rests > 1) {
    return {
      code: 'FM030',
      message: `${rests} of the weights are \`rest\``,
      label: 'only one can get what the others leave',
    };
  }
  if (rests === 1 ? sum > 1_000 : sum !== 1_000) {
    const total = sum / 10;
    return {
      code: 'FM030',
      message: `weights add up to ${total}, not 100`,
      label:
        given.length > 1 ? `${given.map((value) => value / 10).join(' + ')} = ${total}` : undefined,
      help:
        rests === 1
          ? '`rest` gets what the others leave of 100'
          : 'write `rest` for one of them to give it what is left',
    };
  }
  return tenths.map((value) => (value ?? 1_000 - sum) / 10);
}

/** Puts references and weights together. */
export function destinationsOf(
  references: readonly { readonly service: string; readonly version: string }[],
  weights: readonly number[],
): readonly Destination[] {
  return references.map(({ service, version }, index) => ({
    service,
    version,
    weight: weights[index] ?? 0,
  }));
}
