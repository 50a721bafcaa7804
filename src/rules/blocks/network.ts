/**
 * Addresses and networks.
 *
 * @module
 */

import type * as z from 'zod';
import { addressBlock } from '../../core/address.ts';
import { Refusal, text } from '../shape.ts';

/** An address, or a network in CIDR notation. */
export const network: z.ZodType<string> = text({
  expected: 'an address or a network',
  read: (value) =>
    addressBlock(value) === undefined
      ? new Refusal(({ value }) => ({
          code: 'FM017',
          message: `${value} is neither an address nor a network`,
          label: 'such as 10.0.0.0/8 or 2001:db8::1',
        }))
      : value,
});
