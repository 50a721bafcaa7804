/**
 * Who the client is, where proxies of one's own stand in front.
 *
 * @module
 */

import {
  addressBlocks,
  clientAddress,
  parseAddress,
  peerAddress,
  peerAddressOf,
} from '../core/address.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { clientScheme } from '../core/client-scheme.ts';
import type { Context } from '../core/context.ts';
import { flagOption, knownOptions, wholeOption } from '../core/option.ts';
import { dropSent, type HeaderFilter } from '../core/outgoing.ts';
import { type PeerIdentity, peerCertified, peerIdentity } from '../core/peer-identity.ts';
import { commonNameOf } from './distinguished-name.ts';
import { parseForwardedCertificates } from './forwarded-client-cert.ts';
import { twinsOf, withoutHeaders } from './twins.ts';

export { clientAddress } from '../core/address.ts';

/** Settings of {@link trustedProxies}: either `hops` or `networks`. */
export interface TrustedProxiesOptions {
  /**
   * How many proxies of one's own every request comes through, from 1 to 10. What the farthest of them wrote is believed:
   * the entry of `x-forwarded-for` that is so many places from its end.
   */
  readonly hops?: number;
  /**
   * Addresses and networks of one's own proxies, such as `10.0.0.0/8`. The client is the first address from the end that is
   * none of them; a peer that is none of them is the client, whatever it writes.
   */
  readonly networks?: readonly string[];
  /**
   * Whether these proxies end TLS, verify the certificates of clients and tell them in `x-forwarded-client-cert`, taking off
   * what clients write there themselves: then the client's identity is what they tell, and none where they tell nothing. Of
   * several elements the last counts, or with `hops` the one so many places from the end. Default: false.
   */
  readonly clientCertificates?: boolean;
}

/** No chain of proxies is longer; what else stands there was written by a client. */
const mostHops = 10;

/** The longest header that is looked at, from its end. */
const longestLooked = 1_000;

const certificateHeader = 'x-forwarded-client-cert';

/** What a client can write to pass for a proxy. */
const forwardingHeaders: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
  certificateHeader,
]);

const isTwin = /* @__PURE__ */ twinsOf(forwardingHeaders);
/** What a proxy that shows no certificates has passed on as a client wrote it. */
const isUnwritten: HeaderFilter = (name) => name === certificateHeader || isTwin(name);

/** Those of them that a gateway neither writes itself nor adds to. */
const notOurs: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-port',
  'x-real-ip',
  certificateHeader,
]);
const isNotOurs: HeaderFilter = (name) => notOurs.has(name) || isTwin(name);

/** Whom a request comes from. */
type Finder = (peer: string, forwardedFor: string | null) => string;

/**
 * Makes out the client's address behind trusted proxies, for keys such as `ip`, `authorize` and logs. Without it the peer of
 * the connection is the client: `x-forwarded-for` can be written by anyone.
 *
 * Headers in which a peer that is no trusted proxy claims to be one are taken off, on the way to upstreams too. Whether the
 * client asked by `https` is what a trusted one tells in `x-forwarded-proto`.
 *
 * Semantics: `xff_num_trusted_hops` and the `xff` extension of Envoy. Where there are fewer entries than hops, the request
 * did not come through all of the proxies: the peer is the client then, as with Envoy.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(
 *   (request) => new Response(contextOf(request)?.get(clientAddress)),
 *   trustedProxies({ networks: ['10.0.0.0/8'] }),
 * );
 * const headers = { 'x-forwarded-for': '198.51.100.7, 10.0.0.2' };
 * const request = new Request('http://shop.example/', { headers });
 * await (await app(request, { remoteAddr: { hostname: '10.0.0.1' } })).text(); // '198.51.100.7'
 * ```
 */
export function trustedProxies(options: TrustedProxiesOptions): Middleware {
  const identify = compileTrustedProxies(options);
  return layer(
    'trusted proxies',
    (next) =>
      function trustedProxies(request, context) {
        return next(request, identify(request, context));
      },
  );
}

/** {@link trustedProxies} as a step of its own: the context with the client in it. */
export function compileTrustedProxies(
  options: TrustedProxiesOptions,
): (request: Request, context: Context) => Context {
  knownOptions('trustedProxies', options, { hops: true, networks: true, clientCertificates: true });
  const { hops, networks, clientCertificates = false } = options;
  flagOption('trustedProxies.clientCertificates', clientCertificates);
  if ((hops === undefined) === (networks === undefined)) {
    throw new RangeError('trustedProxies: give one of hops and networks');
  }
  const proxies = addressBlocks('trustedProxies.networks', networks ?? []);
  const isTrusted = (address: string): boolean => {
    const parsed = parseAddress(address);
    return parsed !== undefined && proxies.holds(parsed);
  };
  const find: Finder = hops === undefined ? byNetworks(isTrusted) : byHops(hopsOption(hops));
  return (request, context) => {
    const peer = context.get(peerAddress) ?? peerAddressOf(request, context.platform);
    if (hops === undefined && !(peer !== undefined && isTrusted(peer))) {
      return withoutHeaders(context.with(clientAddress, peer), forwardingHeaders);
    }
    // What a proxy does not write it hands on, as a client wrote it.
    const clean = dropSent(context, clientCertificates ? isTwin : isUnwritten);
    // Nobody knows who came through the proxies.
    if (peer === undefined) return clean;
    const identified = withScheme(
      request.headers.get('x-forwarded-proto'),
      clean.with(clientAddress, find(peer, request.headers.get('x-forwarded-for'))),
    );
    if (!clientCertificates) return identified;
    const told = request.headers.get(certificateHeader);
    return identified.with(peerIdentity, toldIdentity(told, hops ?? 1));
  };
}

/**
 * Where no proxy is trusted: what a client writes of itself does not go on to upstreams, which may believe it, but for addresses
 * in `x-forwarded-for`: the peer's is put behind them.
 */
export function trustNoProxy(_: Request, context: Context): Context {
  return dropSent(context, isNotOurs);
}

/** Of several schemes nobody knows which is the client's. */
function withScheme(told: string | null, context: Context): Context {
  return told === 'http' || told === 'https' ? context.with(clientScheme, told) : context;
}

/** @param place Counted from the end. */
function toldIdentity(header: string | null, place: number): PeerIdentity {
  const certificates = header === null ? undefined : parseForwardedCertificates(header);
  const { uris = [], dnsNames = [], subject = '' } = certificates?.at(-place) ?? {};
  return peerCertified({ uris, dnsNames, commonName: commonNameOf(subject) });
}

function byHops(hops: number): Finder {
  return (peer, forwardedFor) => {
    const entries = entriesOf(forwardedFor);
    return entries[entries.length - hops] ?? peer;
  };
}

function byNetworks(isTrusted: (address: string) => boolean): Finder {
  return (peer, forwardedFor) => {
    const entries = entriesOf(forwardedFor);
    let client = peer;
    while (isTrusted(client)) {
      const before = entries.pop();
      if (before === undefined) break;
      client = before;
    }
    return client;
  };
}

/** The addresses at the end of the header, up to the first that is none: what stands before it says nothing. */
function entriesOf(forwardedFor: string | null): string[] {
  if (forwardedFor === null) return [];
  const addresses: string[] = [];
  const written = forwardedFor.slice(-longestLooked).split(',').slice(-mostHops);
  for (const entry of written.reverse()) {
    const address = addressIn(entry.trim());
    if (address === undefined) break;
    addresses.unshift(address);
  }
  return addresses;
}

/** An address, with or without a port: `192.0.2.1:80`, `[2001:db8::1]:80`. */
function addressIn(entry: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^[\]]+?))(?::\d{1,5})?$/.exec(entry) ?? [];
  const whole = entry.includes(':') && parseAddress(entry) !== undefined ? entry : undefined;
  const address = whole ?? bracketed ?? plain;
  return address !== undefined && parseAddress(address) !== undefined ? address : undefined;
}

function hopsOption(hops: number): number {
  wholeOption('trustedProxies.hops', hops, 1, mostHops);
  return hops;
}
