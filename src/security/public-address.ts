/**
 * Which addresses belong to the Internet, and which to somebody's own network.
 *
 * @module
 */

import {
  type AddressBlock,
  addressBlocks,
  type ParsedAddress,
  parseAddress,
} from '../core/address.ts';

/**
 * IPv4: what IANA's registry of special-purpose addresses does not call globally reachable, multicast and the rest of class
 * E; and the address at which Azure's machines ask for their own secrets, which looks like any other.
 */
const specialV4: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** Within global unicast: protocol assignments with Teredo among them, documentation, 6to4, which holds an IPv4 address. */
const specialV6: readonly string[] = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

interface Networks {
  readonly v4: AddressBlock;
  readonly special: AddressBlock;
  readonly unicast: AddressBlock;
  readonly translated: AddressBlock;
}

let networks: Networks | undefined;

/** Made at the first use: few chains ask. */
function known(): Networks {
  networks ??= {
    v4: addressBlocks('IPv4', ['::ffff:0:0/96']),
    special: addressBlocks('special addresses', [...specialV4, ...specialV6]),
    unicast: addressBlocks('global unicast', ['2000::/3']),
    translated: addressBlocks('NAT64', ['64:ff9b::/96']),
  };
  return networks;
}

/**
 * Whether an address can be one of the Internet's: not loopback, private, link-local, shared (CGNAT), unique local,
 * multicast, reserved or of a cloud's metadata. IPv4 in IPv6 form counts as the IPv4 address, behind a NAT64 as well; of
 * IPv6 nothing but global unicast is public.
 */
export function isPublicAddress(address: ParsedAddress): boolean {
  const { v4, special, unicast, translated } = known();
  if (translated.holds(address)) {
    const [, , , , , , high, low] = address;
    return isPublicAddress([0, 0, 0, 0, 0, 0xffff, high, low]);
  }
  return (v4.holds(address) || unicast.holds(address)) && !special.holds(address);
}

/**
 * The address that the host of a URL is, as `URL.hostname` has it: decimal, octal and hexadecimal forms are dotted ones
 * there.
 *
 * @returns `undefined` for a name.
 */
export function addressOfHost(hostname: string): ParsedAddress | undefined {
  return parseAddress(hostname.replace(/^\[(.*)\]$/, '$1'));
}
