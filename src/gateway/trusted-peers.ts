/**
 * Whose word counts, by the address that a connection comes from.
 *
 * @module
 */

import { addressBlocks, parseAddress, peerAddress } from '../core/address.ts';
import type { Context } from '../core/context.ts';

/**
 * Whether the connection comes from one of these addresses and networks.
 *
 * @param option Where they are written; stands in messages.
 */
export function peerIn(
  option: string,
  addresses: readonly string[],
): (request: Request, context: Context) => boolean {
  const trusted = addressBlocks(option, addresses);
  return (_, context) => {
    const peer = parseAddress(context.get(peerAddress) ?? '');
    return peer !== undefined && trusted.holds(peer);
  };
}
