/**
 * Envoy's response flags: what became of a request, in two to four letters.
 *
 * @module
 */

/** All that fetchmesh gives, in the order in which Envoy writes them (`%RESPONSE_FLAGS%` of its access log). */
export const responseFlags = [
  /** No healthy upstream. */
  'UH',
  /** The upstream took too long. */
  'UT',
  /** No connection to the upstream came about. */
  'UF',
  /** It broke. */
  'UC',
  /** The upstream is spared: a circuit is open, a bulkhead full, a retry budget used up. */
  'UO',
  /** No route. */
  'NR',
  /** A delay was injected. */
  'DI',
  /** A failure was injected. */
  'FI',
  /** Rate limited. */
  'RL',
  /** An external authorizer refused. */
  'UAEX',
  /** The store of a rate limit failed. */
  'RLSE',
  /** The client left. */
  'DC',
  /** The last retry failed as well. */
  'URX',
  /** The body of the request came too slowly. */
  'SI',
  /** The request is one that is not taken, such as a URL that is too long. */
  'DPE',
  /** The deadline of the caller has passed. */
  'DT',
  /** What the upstream answered is no HTTP. */
  'UPE',
  /** There is too much to do. */
  'OM',
] as const;

/** One of {@link responseFlags}. */
export type ResponseFlag = (typeof responseFlags)[number];

/**
 * Writes flags as Envoy does: in its order, each once, `-` where there is none.
 *
 * @param noted What happened on the way.
 * @param own Of the answer.
 *
 * @example
 * ```ts
 * formatFlags(['DI'], 'UT'); // 'UT,DI'
 * ```
 */
export function formatFlags(noted: readonly ResponseFlag[], own: ResponseFlag | '-'): string {
  if (noted.length === 0) return own;
  return responseFlags.filter((flag) => flag === own || noted.includes(flag)).join(',');
}
