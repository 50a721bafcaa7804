/**
 * Who is at the other end of the connection.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** The address of the peer, as the platform reports it: never from a header that anyone can write. */
export const peerAddress: Key<string | undefined> = key<string>('peer address');

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
