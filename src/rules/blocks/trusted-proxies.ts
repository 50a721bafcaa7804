/**
 * Proxies of one's own in front of the gateway: the block `trusted_proxies`.
 *
 * @module
 */

import * as z from 'zod';
import { addressBlock } from '../../core/address.ts';
import type { TrustedProxiesOptions } from '../../security/trusted-proxies.ts';
import { asList, block, list, numberLike, Refusal, text } from '../shape.ts';

/** As written: how many, or which. */
export type TrustedProxiesBlock = string | readonly string[] | { readonly hops: number };

const network: z.ZodType<string> = text({
  expected: 'an address or a network such as 10.0.0.0/8',
  read(value) {
    if (addressBlock(value) !== undefined) return value;
    return new Refusal((site) => ({
      code: 'FM016',
      message: `${site.value} is not an address or a network`,
      label: 'such as 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32',
    }));
  },
});

const counted: z.ZodType<{ readonly hops: number }> = block<{ readonly hops: number }>(
  { title: '`trusted_proxies`', required: ['hops'] },
  { hops: numberLike('a whole number from 1 to 10', z.number().int().min(1).max(10)) },
);

/** Networks, or how many proxies every request comes through. */
export const trustedProxiesBlock: z.ZodType<TrustedProxiesBlock> = z.union([
  network,
  list(network),
  counted,
]);

/** The resolved form. */
export function resolveTrustedProxies(written: TrustedProxiesBlock): TrustedProxiesOptions {
  return typeof written === 'object' && 'hops' in written
    ? { hops: written.hops }
    : { networks: asList<string>(written) };
}
