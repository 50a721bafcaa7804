/**
 * Where requests may be sent whose URL somebody else has written.
 *
 * @module
 */

import { abortSignal, signalOf } from '../core/abort.ts';
import { type AddressBlock, addressBlocks, parseAddress } from '../core/address.ts';
import { type KnownBody, keepKnownBody, knownBodyOf } from '../core/body-source.ts';
import { canonicalPathname } from '../core/canonical-path.ts';
import { layer, type Middleware } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { discard } from '../core/discard.ts';
import { endpoint, targetOf } from '../core/endpoint.ts';
import { emit, inform } from '../core/event.ts';
import { functionOption, knownOptions, listOption, shown, wholeOption } from '../core/option.ts';
import { destination, platformInit, removeHeader } from '../core/outgoing.ts';
import { bodyOf } from '../core/own.ts';
import { prepareRejection, reject } from '../core/rejection.ts';
import { addressOfHost, isPublicAddress } from './public-address.ts';

/** Finds out where names lead: `systemResolver()` of `fetchmesh/system-resolver`, or one of your own. */
export interface NameResolver {
  /**
   * The addresses of a name, all of them.
   *
   * @param signal Ends with the request.
   */
  resolve(hostname: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * What goes into the second argument of `fetch`, so that it connects to no address that `permits` does not permit: the name
   * may lead elsewhere by then. Default: nothing.
   */
  pinned?(permits: (address: string) => boolean): RequestInit | undefined;
}

/** Why a request was not sent. */
export type GuardReason =
  | 'scheme'
  | 'credentials'
  | 'port'
  | 'host'
  | 'name'
  | 'address'
  | 'unresolved'
  | 'hidden_redirect';

/** What was refused. For logs: the answer has nothing of it. */
export interface GuardRefusal {
  readonly reason: GuardReason;
  /** Scheme, host and port; never path or query, which may hold secrets. */
  readonly origin: string;
  /** How many redirects led there. */
  readonly redirects: number;
}

/** Settings of {@link upstreamGuard}. */
export interface UpstreamGuardOptions {
  /**
   * What tells the addresses of names, so that none leads inside. `'none'` where nothing can tell: names are then taken for
   * what they say. Required, unless `hosts` are given, whose names are trusted without one.
   */
  readonly resolver?: NameResolver | 'none';
  /** Of `'https'` and `'http'`. Default: both. */
  readonly schemes?: readonly ('https' | 'http')[];
  /** Names and addresses, and no others; `*.example.com` are all names below one. Default: every public one. */
  readonly hosts?: readonly string[];
  /** Or `'any'`. Default: 80 and 443. */
  readonly ports?: readonly number[] | 'any';
  /** Addresses and networks that may be reached although they are not public, such as `10.1.0.0/16`. Default: none. */
  readonly allowNetworks?: readonly string[];
  /** Addresses and networks that may not be reached, public or allowed. Default: none. */
  readonly denyNetworks?: readonly string[];
  /** How many redirects of one request are followed, each of them checked like the request. Default: 5. */
  readonly maxRedirects?: number;
  /** Gets what was refused. What it throws is lost. Default: nobody; it is an event on the span. */
  readonly onRefusal?: (refusal: GuardRefusal, context: Context) => void;
}

/** Names that lead to somebody's own network or machine by agreement (RFC 6761, 6762, 8375, ICANN) or by custom. */
const ownNames: readonly string[] = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
];

const defaultPorts: readonly number[] = [80, 443];

/** What a redirect to another method leaves behind with the body (Fetch, "request-body-header name"). */
const bodyHeaders: readonly string[] = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
  'transfer-encoding',
];

/** What is for one origin alone. */
const ofOneOrigin: readonly string[] = ['authorization', 'cookie', 'proxy-authorization', 'host'];

/**
 * Sends requests to the Internet and to nowhere else, whoever wrote their URLs: for web hooks, previews, imports, proxies of
 * images. Goes innermost, next to `fetch`, since whatever stands further in could send them elsewhere.
 *
 * Refused with a 403, `url_denied`, are other schemes than http and https, credentials in the URL, other ports
 * than 80 and 443, names of one's own network, and addresses that are not public, however they are written; of a name all
 * addresses have to be public. Redirects are followed here, as `fetch` would, and each is checked in the same way.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const fetchPreview = outbound(async () => new Response('page'), upstreamGuard({ resolver: 'none' }));
 * (await fetchPreview('http://169.254.169.254/latest/meta-data')).status; // 403
 * (await fetchPreview('http://0x7f.1/')).status; // 403
 * (await fetchPreview('https://www.example.com/')).status; // 200
 * ```
 */
export function upstreamGuard(options: UpstreamGuardOptions): Middleware {
  knownOptions('upstreamGuard', options, {
    ...{ resolver: true, schemes: true, hosts: true, ports: true },
    ...{ allowNetworks: true, denyNetworks: true, maxRedirects: true, onRefusal: true },
  });
  const { maxRedirects = 5, onRefusal } = options;
  functionOption('upstreamGuard.onRefusal', onRefusal);
  wholeOption('upstreamGuard.maxRedirects', maxRedirects, 0, 20);
  const { refusalOf, pinned } = checksOf(options);
  const refused = prepareRejection('url_denied', {
    detail: 'Requests may not be sent there.',
  });

  function refuse(reason: GuardReason, url: URL, redirects: number, context: Context): Response {
    const { protocol, host } = url;
    const origin = `${protocol}//${host}`;
    emit(context, 'url_denied', { reason, redirects });
    inform(() => onRefusal?.({ reason, origin, redirects }, context));
    return refused();
  }

  return layer('upstream-guard', (next) => {
    return async function upstreamGuard(first, outer) {
      const follows = first.redirect === 'follow' || first.redirect === undefined;
      const init: RequestInit = { ...pinned(), ...outer.get(platformInit) };
      if (follows) init.redirect = 'manual';
      let context = Object.keys(init).length === 0 ? outer : outer.with(platformInit, init);
      let request = first;
      let url = new URL(targetOf(request, context));
      let redirects = 0;
      let reason = await refusalOf(url, signalOf(request, context));
      while (reason === undefined) {
        // Before it is sent: some runtimes forget it then.
        const body = { isThere: bodyOf(request) !== null, known: knownBodyOf(request) };
        let response: Response;
        try {
          response = await next(request, context);
        } catch (error) {
          if (!isRefusedAddress(error)) throw error;
          reason = 'address';
          break;
        }
        if (!follows) return response;
        if ((response.type as string) === 'opaqueredirect') {
          reason = 'hidden_redirect';
          break;
        }
        const location = locationOf(response, url);
        if (location === undefined) return response;
        discard(response);
        if (redirects === maxRedirects) {
          return reject('upstream_error', { detail: 'The upstream redirects too often.' });
        }
        redirects += 1;
        const from = url;
        url = location;
        reason = await refusalOf(url, signalOf(request, context));
        if (reason !== undefined) break;
        const moved = redirected(request, response.status, url, body);
        if (moved === undefined) {
          const detail = 'The upstream redirects a body that cannot be sent again.';
          return reject('upstream_error', { detail });
        }
        context = onwards(context).with(abortSignal, signalOf(request, context));
        if (url.origin !== from.origin) {
          for (const name of ofOneOrigin) context = removeHeader(context, name);
        }
        if (moved.method !== request.method) {
          for (const name of bodyHeaders) context = removeHeader(context, name);
        }
        request = moved;
      }
      return refuse(reason, url, redirects, outer);
    };
  });
}

/** The context of a request that goes to its own URL, with the edits of headers that were made. */
function onwards(context: Context): Context {
  let clean = context;
  for (const slot of [endpoint, destination, canonicalPathname]) {
    if (context.get<unknown>(slot) !== undefined) clean = clean.with<unknown>(slot, undefined);
  }
  return clean;
}

/** Where a response sends its request on to; `undefined` where it does not. */
function locationOf({ status, headers }: Response, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = headers.get('location');
  const url = location === null ? null : URL.parse(location, from.href);
  if (url !== null && url.hash === '') url.hash = from.hash;
  // What is no URL can lead nowhere.
  return url ?? undefined;
}

/**
 * The request after a redirect, as Fetch has it ("HTTP-redirect fetch").
 *
 * @returns `undefined` where its body is gone.
 */
function redirected(
  request: Request,
  status: number,
  { href }: URL,
  { isThere, known }: { readonly isThere: boolean; readonly known: KnownBody | undefined },
): Request | undefined {
  const { method } = request;
  const isRead = method === 'GET' || method === 'HEAD';
  const headers = new Headers(request.headers);
  const becomesRead =
    (status === 303 && !isRead) || ((status === 301 || status === 302) && method === 'POST');
  if (becomesRead) return new Request(href, { headers });
  if (!isThere) return new Request(href, { method, headers });
  if (known === undefined) return undefined;
  const moved = new Request(href, {
    method,
    headers,
    body: known.make(headers.get('content-type')),
  });
  keepKnownBody(request, moved);
  return moved;
}

/** Marks what a resolver's connections fail with where an address is refused. */
export const refusedAddressCode = 'FETCHMESH_ADDRESS_REFUSED';

function isRefusedAddress(error: unknown): boolean {
  let cause: unknown = error;
  for (let depth = 0; depth < 4 && typeof cause === 'object' && cause !== null; depth++) {
    if ((cause as { code?: unknown }).code === refusedAddressCode) return true;
    cause = (cause as { cause?: unknown }).cause;
  }
  return false;
}

interface Checks {
  /** @returns `undefined` where the request may be sent. */
  refusalOf(url: URL, signal: AbortSignal): Promise<GuardReason | undefined>;
  pinned(): RequestInit | undefined;
}

function checksOf(options: UpstreamGuardOptions): Checks {
  const { schemes = ['https', 'http'], ports = defaultPorts, hosts, resolver } = options;
  if (resolver === undefined && hosts === undefined) {
    throw new RangeError(
      "upstreamGuard.resolver: give systemResolver() of 'fetchmesh/system-resolver', or 'none' where nothing tells addresses",
    );
  }
  if (resolver !== undefined && resolver !== 'none' && typeof resolver?.resolve !== 'function') {
    throw new RangeError(
      `upstreamGuard.resolver: ${shown(resolver)} has no resolve, and is not 'none'`,
    );
  }
  const names = resolver === 'none' ? undefined : resolver;
  for (const scheme of filledList('schemes', schemes)) {
    if (scheme !== 'https' && scheme !== 'http') {
      throw new RangeError(`upstreamGuard.schemes: ${shown(scheme)} is not https or http`);
    }
  }
  if (ports !== 'any') {
    for (const port of filledList('ports', ports)) {
      if (!Number.isInteger(port) || port < 1 || port > 65_535) {
        throw new RangeError(`upstreamGuard.ports: ${shown(port)} is not from 1 to 65535`);
      }
    }
  }
  const isNamed = hosts && hostsOption(filledList('hosts', hosts));
  const networks = (name: 'allowNetworks' | 'denyNetworks'): AddressBlock => {
    const option = `upstreamGuard.${name}`;
    listOption(option, options[name]);
    return addressBlocks(option, options[name] ?? []);
  };
  const allowed = networks('allowNetworks');
  const denied = networks('denyNetworks');

  function permits(text: string): boolean {
    const address = parseAddress(text);
    if (address === undefined || denied.holds(address)) return false;
    return allowed.holds(address) || isPublicAddress(address);
  }

  let init: { readonly made: RequestInit | undefined } | undefined;
  return {
    pinned() {
      // Not in the factory: on Workers nothing may be opened at module scope.
      init ??= { made: names?.pinned?.(permits) };
      return init.made;
    },
    async refusalOf(url, signal) {
      const scheme = url.protocol.slice(0, -1);
      if (!schemes.some((each) => each === scheme)) return 'scheme';
      if (url.username !== '' || url.password !== '') return 'credentials';
      const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
      if (ports !== 'any' && !ports.includes(port)) return 'port';
      const host = url.hostname.replace(/\.$/, '');
      if (isNamed !== undefined && !isNamed(host)) return 'host';
      if (addressOfHost(host) !== undefined) {
        return permits(host.replace(/^\[(.*)\]$/, '$1')) ? undefined : 'address';
      }
      if (isNamed === undefined && isOwnName(host)) return 'name';
      if (names === undefined) return undefined;
      const addresses = await names.resolve(host, signal);
      if (addresses.length === 0) return 'unresolved';
      return addresses.every(permits) ? undefined : 'address';
    },
  };
}

/** A name without a dot is looked up in one's own domains; an empty label is no name. */
function isOwnName(host: string): boolean {
  const labels = host.split('.');
  if (labels.length < 2 || labels.includes('')) return true;
  return ownNames.some((name) => host === name || host.endsWith(`.${name}`));
}

function filledList<T>(name: string, list: readonly T[]): readonly T[] {
  if (Array.isArray(list) && list.length > 0) return list;
  throw new RangeError(`upstreamGuard.${name}: ${shown(list)} is not a list with an entry`);
}

function hostsOption(hosts: readonly string[]): (host: string) => boolean {
  const whole = new Set<string>();
  const endings: string[] = [];
  for (const written of hosts) {
    const isBelow = typeof written === 'string' && written.startsWith('*.');
    const text = isBelow ? written.slice(2) : written;
    const isBare = typeof text === 'string' && /^[^/?#@\\\s%*]+$/.test(text);
    const url = isBare
      ? URL.parse(`http://${text.includes('::') && !text.startsWith('[') ? `[${text}]` : text}/`)
      : null;
    if (url === null || url.port !== '' || (/:\d+$/.test(text) && !text.includes('::'))) {
      throw new RangeError(
        `upstreamGuard.hosts: ${shown(written)} is not a name or an address without a port, nor *. and a name`,
      );
    }
    const host = url.hostname.replace(/\.$/, '');
    if (isBelow) endings.push(`.${host}`);
    else whole.add(host);
  }
  return (host) => whole.has(host) || endings.some((ending) => host.endsWith(ending));
}
