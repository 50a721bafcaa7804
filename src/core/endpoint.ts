/**
 * Where a request is sent.
 *
 * @module
 */

import { canonicalPathname } from './canonical-path.ts';
import { type Context, type Key, key } from './context.ts';
import { destination } from './outgoing.ts';
import { urlOf } from './url.ts';

/** One place that serves a version of a service. */
export interface Endpoint {
  /** Origin and optional base path, without a slash at the end: `http://10.0.0.11:8080/api`. */
  readonly url: string;
  /** Name of the service. */
  readonly service: string;
  /** Name of its version; empty where the service has none. */
  readonly version: string;
  /** Sends the request in place of the network, such as a service binding of Workers. */
  readonly send?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/** The endpoint that was picked for this attempt; without one a request goes to its own URL. */
export const endpoint: Key<Endpoint | undefined> = key<Endpoint>('endpoint');

/** What the tries of one request have found out about the endpoints. */
export interface EndpointRecord {
  /** URLs of the endpoints that were picked, each once, in order. */
  readonly tried: string[];
  /** How many endpoints the last pick had to choose from. */
  candidates: number;
}

/**
 * Where the tries of this request went. Whoever sends a request more than once puts an empty record here; whoever picks
 * an endpoint avoids those in it where it can, and writes down its pick with {@link recordPick}.
 */
export const triedEndpoints: Key<EndpointRecord | undefined> =
  key<EndpointRecord>('tried endpoints');

/** Local answers that concern one endpoint, so that another one may spare the request them. */
const ofOneEndpoint: ReadonlySet<string> = new Set([
  'circuit_breaker_open',
  'bulkhead_full',
  'throttled',
]);

/** Whether a try was refused for the sake of its endpoint alone, and there is one that was not tried (RT-19). */
export function isElsewhereUntried(reason: string, { tried, candidates }: EndpointRecord): boolean {
  return ofOneEndpoint.has(reason) && tried.length < candidates;
}

/** Writes down which endpoint was picked for a try, and out of how many. */
export function recordPick(context: Context, { url }: Endpoint, candidates: number): void {
  const record = context.get(triedEndpoints);
  if (record === undefined) return;
  record.candidates = candidates;
  if (!record.tried.includes(url)) record.tried.push(url);
}

/**
 * The URL that a request will really be sent to: the endpoint's base, the canonical path, the query as it came.
 *
 * @example
 * ```ts
 * const context = Context.background().with(endpoint, { url: 'http://10.0.0.1:8080', service: 'users', version: 'v1' });
 * targetOf(new Request('http://shop.example/users?page=2'), context); // 'http://10.0.0.1:8080/users?page=2'
 * ```
 */
export function targetOf(request: Request, context: Context): string {
  const chosen = context.get(endpoint);
  if (chosen === undefined) return context.get(destination)?.url ?? request.url;
  const { pathname, search } = urlOf(request);
  return `${chosen.url}${context.get(canonicalPathname) ?? pathname}${search}`;
}
