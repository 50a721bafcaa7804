/**
 * Which pages of other origins may read the answers: the block `cors`.
 *
 * @module
 */

import * as z from 'zod';
import { isOriginPattern } from '../../security/cors.ts';
import type { Cors } from '../model.ts';
import { asList, block, choice, flag, oneOrMore, Refusal, text } from '../shape.ts';
import { duration } from './duration.ts';
import { headerName, method } from './names.ts';

/** As written; durations in milliseconds. */
export interface CorsBlock {
  readonly origins: string | readonly string[];
  readonly methods?: string | readonly string[];
  readonly headers?: string | readonly string[];
  readonly expose?: string | readonly string[];
  readonly credentials?: boolean;
  readonly max_age?: number;
}

const origin: z.ZodType<string> = text({
  expected: 'an origin',
  read(value) {
    if (isOriginPattern(value)) return value;
    return new Refusal((site) => ({
      code: 'FM018',
      message: `${site.value} is not an origin`,
      label: 'such as https://shop.example, "https://*.shop.example" or "*"',
    }));
  },
});

const corsBlock: z.ZodType<CorsBlock> = block<CorsBlock>(
  { title: '`cors`', required: ['origins'] },
  {
    origins: oneOrMore(origin),
    methods: oneOrMore(method),
    headers: oneOrMore(headerName),
    expose: oneOrMore(headerName),
    credentials: flag(),
    max_age: duration(),
  },
);

/** Who may read, or `off`. */
export const cors: z.ZodType<'off' | CorsBlock> = z.union([choice(['off']), corsBlock]);

/** The resolved form. */
export function resolveCors(written: CorsBlock): Cors {
  const { origins, methods, headers, expose, credentials = false, max_age: maxAgeMs } = written;
  return {
    origins: asList(origins),
    ...(methods !== undefined && { methods: asList(methods) }),
    ...(headers !== undefined && { headers: asList(headers) }),
    ...(expose !== undefined && { expose: asList(expose) }),
    credentials,
    ...(maxAgeMs !== undefined && { maxAgeMs }),
  };
}
