/**
 * Proxies of one's own in front of the gateway: the block `trusted_proxies`.
 *
 * @module
 */

import * as z from 'zod';
import type { TrustedProxiesOptions } from '../../security/trusted-proxies.ts';
import { asList, block, flag, list, numberLike, oneOrMore } from '../shape.ts';
import { network } from './network.ts';

/** As written: how many, or which. */
export type TrustedProxiesBlock = string | readonly string[] | TrustedProxiesSettings;

/** The long form; one of `hops` and `networks`. */
export interface TrustedProxiesSettings {
  readonly hops?: number;
  readonly networks?: string | readonly string[];
  readonly client_certificates?: boolean;
}

const settings: z.ZodType<TrustedProxiesSettings> = block<TrustedProxiesSettings>(
  { title: '`trusted_proxies`' },
  {
    hops: numberLike('a whole number from 1 to 10', () => z.number().int().min(1).max(10)),
    networks: oneOrMore(network),
    client_certificates: flag(),
  },
);

/** Networks, or how many proxies every request comes through. */
export const trustedProxiesBlock: z.ZodType<TrustedProxiesBlock> = z.union([
  network,
  list(network),
  settings,
]);

/** The resolved form. */
export function resolveTrustedProxies(written: TrustedProxiesBlock): TrustedProxiesOptions {
  if (!isSettings(written)) return { networks: asList<string>(written) };
  const { hops, networks, client_certificates: clientCertificates = false } = written;
  return {
    ...(hops !== undefined && { hops }),
    ...(networks !== undefined && { networks: asList(networks) }),
    ...(clientCertificates && { clientCertificates }),
  };
}

/** Whether it is the long form. */
export function isSettings(written: TrustedProxiesBlock): written is TrustedProxiesSettings {
  return typeof written === 'object' && !Array.isArray(written);
}
