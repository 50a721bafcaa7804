/**
 * Who is at the other end of the connection.
 *
 * @module
 */

import { type Context, type Key, key } from './context.ts';

/** The address of the peer, as the platform reports it: never from a header that anyone can write. */
export const peerAddress: Key<string | undefined> = key<string>('peer address');

/** The address of the client behind proxies that are trusted, where that was made out; else the peer is the client. */
export const clientAddress: Key<string | undefined> = key<string>('client address');

/** The port that the request came in at: never from the `Host` header, which anyone can write. */
export const listenerPort: Key<number | undefined> = key<number>('listener port');

/**
 * The peer's address from what a platform passes: `request.ip` under srvx, `info.remoteAddr` on Deno,
 * `server.requestIP(request)` on Bun, and `cf-connecting-ip` on Workers, where the platform itself writes that header.
 */
export function peerAddressOf(request: Request, platform: readonly unknown[]): string | undefined {
  const { ip, cf } = request as { ip?: unknown; cf?: unknown };
  if (typeof ip === 'string') return ip;
  const first = platform[0] as
    | { remoteAddr?: { hostname?: string }; requestIP?: (request: Request) => { address?: string } }
    | undefined;
  if (typeof first?.remoteAddr?.hostname === 'string') return first.remoteAddr.hostname;
  if (typeof first?.requestIP === 'function') return first.requestIP(request)?.address;
  return cf === undefined ? undefined : (request.headers.get('cf-connecting-ip') ?? undefined);
}

/** What is used of the servers of Node, Bun and Deno, under srvx. */
interface Runtime {
  readonly node?: { readonly req?: { readonly socket?: { readonly localPort?: number } } };
  readonly bun?: { readonly server?: { readonly port?: number } };
  readonly deno?: { readonly server?: { readonly addr?: { readonly port?: number } } };
}

/**
 * The port that a request came in at, from what a platform passes: `request.runtime` under srvx on Node, Bun and Deno, and
 * `server.port` on Bun. Deno and Workers by themselves do not tell.
 */
export function listenerPortOf(request: Request, platform: readonly unknown[]): number | undefined {
  const { runtime } = request as { readonly runtime?: Runtime };
  const bun = platform[0] as { readonly requestIP?: unknown; readonly port?: number } | undefined;
  const port =
    runtime?.node?.req?.socket?.localPort ??
    runtime?.bun?.server?.port ??
    runtime?.deno?.server?.addr?.port ??
    (typeof bun?.requestIP === 'function' ? bun.port : undefined);
  return typeof port === 'number' ? port : undefined;
}

/**
 * Whether a server made this request, which then ends with its connection: srvx says so, and the servers of Bun, Deno and
 * Workers by what they pass beside it.
 */
export function isServed(request: Request, { direction, platform }: Context): boolean {
  if (direction !== 'inbound') return false;
  if ('runtime' in request) return true;
  const [first, second] = platform as readonly [
    { readonly requestIP?: unknown; readonly remoteAddr?: unknown }?,
    { readonly waitUntil?: unknown }?,
  ];
  return (
    first?.requestIP !== undefined ||
    first?.remoteAddr !== undefined ||
    second?.waitUntil !== undefined
  );
}

/**
 * What stands for a caller where each is to be counted once: an IPv4 address as it is, an IPv6 address by its network,
 * since whoever has one address of that has all 2^64 of them.
 *
 * @param address As the platform reports it. IPv4 addresses in IPv6 form (`::ffff:10.0.0.1`) become IPv4 ones; a zone
 * (`%eth0`) is dropped; what is no address is returned as it is.
 * @param bits How many bits of an IPv6 address count, from 1 to 128.
 *
 * @example
 * ```ts
 * networkOf('2001:db8:0:1::7', 64); // '2001:db8:0:1::/64'
 * networkOf('::ffff:10.0.0.1', 64); // '10.0.0.1'
 * ```
 */
export function networkOf(address: string, bits: number): string {
  if (!address.includes(':')) return address;
  // What a server that listens on both reports of every IPv4 peer.
  const [, mapped] = /^::ffff:(\d+\.[\d.]+)$/.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  const [a, b, c, d, e, f, high, low] = groups;
  if (!a && !b && !c && !d && !e && f === 0xffff) {
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const kept = groups.map((group, index) => {
    const unwanted = Math.min(Math.max(16 * (index + 1) - bits, 0), 16);
    return (group >> unwanted) << unwanted;
  });
  const written = kept.map((group) => group.toString(16)).join(':');
  return bits === 128 ? written : `${written.replace(/(?:(?:^|:)0)+$/, '::')}/${bits}`;
}

/** A set of addresses: one of them, or all of a network. */
export interface AddressBlock {
  /** Whether an address is in it; an IPv4 address in IPv6 form counts as the IPv4 address. */
  holds(address: ParsedAddress): boolean;
}

/** An address as {@link parseAddress} reads it: to be compared with many blocks. */
export type ParsedAddress = Groups;

/** Reads an IPv4 or IPv6 address; `undefined` for what is none. */
export function parseAddress(text: string): ParsedAddress | undefined {
  if (text.includes(':')) return groupsOf(text);
  // Else names such as `db` would be groups of hexadecimal digits.
  return text.includes('.') ? groupsOf(`::ffff:${text}`) : undefined;
}

/**
 * Reads an address, or a network in CIDR notation (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
 *
 * @returns `undefined` for what is neither.
 *
 * @example
 * ```ts
 * const address = parseAddress('10.1.2.3');
 * addressBlock('10.0.0.0/8')?.holds(address!); // true
 * ```
 */
export function addressBlock(text: string): AddressBlock | undefined {
  const [, written = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const block = parseAddress(written);
  const width = written.includes(':') ? 128 : 32;
  const bits = length === undefined ? width : Number(length);
  if (block === undefined || bits > width) return undefined;
  const masks = block.map((_, index) => {
    const unwanted = Math.min(Math.max(16 * (index + 1) - (bits + 128 - width), 0), 16);
    return (0xffff << unwanted) & 0xffff;
  });
  return {
    holds: (address) =>
      masks.every((mask, index) => (((address[index] ?? 0) ^ (block[index] ?? 0)) & mask) === 0),
  };
}

/**
 * Reads several of them as one set.
 *
 * @param option Stands in the message.
 * @throws {RangeError} for what is neither an address nor a network.
 *
 * @example
 * ```ts
 * addressBlocks('ours', ['10.0.0.0/8', '192.0.2.1']).holds(parseAddress('192.0.2.1')!); // true
 * ```
 */
export function addressBlocks(option: string, texts: readonly unknown[]): AddressBlock {
  const blocks = texts.map((text) => {
    const block = typeof text === 'string' ? addressBlock(text) : undefined;
    if (block !== undefined) return block;
    throw new RangeError(
      `${option}: ${JSON.stringify(text)} is neither an address nor a network such as 10.0.0.0/8`,
    );
  });
  return { holds: (address) => blocks.some((block) => block.holds(address)) };
}

type Groups = [number, number, number, number, number, number, number, number];

/** The eight groups of an IPv6 address (RFC 4291 §2.2). */
function groupsOf(address: string): Groups | undefined {
  const [text = ''] = address.split('%', 1);
  const halves = text.split('::', 3).map((half, index, { length }) => {
    return groupsOfHalf(half, index === length - 1);
  });
  const [left, right] = halves;
  if (left === undefined || halves.includes(undefined) || halves.length > 2) return undefined;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...new Array<number>(missing).fill(0), ...(right ?? [])] as Groups;
}

/** @param isLast An IPv4 address stands at the end of an IPv6 one, and nowhere else. */
function groupsOfHalf(half: string, isLast: boolean): number[] | undefined {
  if (half === '') return [];
  const groups: number[] = [];
  const parts = half.split(':', 9);
  for (const [index, part] of parts.entries()) {
    const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(part)?.slice(1).map(Number);
    if (bytes !== undefined && isLast && index === parts.length - 1) {
      if (bytes.some((byte) => byte > 255)) return undefined;
      const [a, b, c, d] = bytes as [number, number, number, number];
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}
