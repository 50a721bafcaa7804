/**
 * Answers that the governance gives itself: RFC 9457 problem details with a reason, an Envoy response flag and a brand.
 *
 * @module
 */

import { fixedBody } from './fixed-body.ts';
import type { ResponseFlag } from './response-flags.ts';

/** Who is to blame for a rejection; `outcomeOfResponse` turns it into a verdict. */
export type Blame = 'upstream' | 'policy' | 'client';

/** Why fetchmesh answered in place of the app; also the value of the header `x-fetchmesh-reason`. */
export type RejectionReason =
  | 'malformed_path'
  | 'url_too_long'
  | 'headers_too_large'
  | 'body_too_large'
  | 'body_too_slow'
  | 'unauthenticated'
  | 'access_denied'
  | 'url_denied'
  | 'no_route'
  | 'client_closed'
  | 'internal_error'
  | 'method_not_supported'
  | 'upstream_connection_failed'
  | 'upstream_connection_lost'
  | 'upstream_error'
  | 'no_healthy_upstream'
  | 'no_rules'
  | 'draining'
  | 'timeout'
  | 'deadline_exceeded'
  | 'circuit_breaker_open'
  | 'bulkhead_full'
  | 'throttled'
  | 'shed'
  | 'rate_limited'
  | 'store_unavailable'
  | 'fault_injected';

interface ReasonEntry {
  readonly status: number;
  readonly title: string;
  /** Envoy's `%RESPONSE_FLAGS%`, as Istio's metrics carry them. */
  readonly flag: ResponseFlag | '-';
  readonly blame: Blame;
}

function entry(
  status: number,
  title: string,
  flag: ResponseFlag | '-' = '-',
  blame: Blame = 'policy',
): ReasonEntry {
  return { status, title, flag, blame };
}

/**
 * What each reason means to the caller (status) and to the statistics (flag, blame).
 *
 * Response flags are those of Envoy's access log documentation (`%RESPONSE_FLAGS%`).
 */
export const rejectionReasons: Readonly<Record<RejectionReason, ReasonEntry>> = {
  malformed_path: entry(400, 'Bad Request', 'DPE', 'client'),
  url_too_long: entry(414, 'URI Too Long', 'DPE', 'client'),
  headers_too_large: entry(431, 'Request Header Fields Too Large', 'DPE', 'client'),
  body_too_large: entry(413, 'Content Too Large', 'DPE', 'client'),
  body_too_slow: entry(408, 'Request Timeout', 'SI', 'client'),
  unauthenticated: entry(401, 'Unauthorized', '-', 'client'),
  url_denied: entry(403, 'Forbidden', '-', 'client'),
  access_denied: entry(403, 'Forbidden', '-', 'client'),
  no_route: entry(404, 'Not Found', 'NR'),
  client_closed: entry(499, 'Client Closed Request', 'DC', 'client'),
  internal_error: entry(500, 'Internal Server Error'),
  method_not_supported: entry(501, 'Not Implemented', '-', 'client'),
  upstream_connection_failed: entry(502, 'Bad Gateway', 'UF', 'upstream'),
  upstream_connection_lost: entry(502, 'Bad Gateway', 'UC', 'upstream'),
  upstream_error: entry(502, 'Bad Gateway', 'UPE', 'upstream'),
  no_healthy_upstream: entry(503, 'Service Unavailable', 'UH'),
  no_rules: entry(503, 'Service Unavailable'),
  draining: entry(503, 'Service Unavailable'),
  timeout: entry(504, 'Gateway Timeout', 'UT', 'upstream'),
  deadline_exceeded: entry(504, 'Gateway Timeout', 'DT'),
  circuit_breaker_open: entry(503, 'Service Unavailable', 'UO'),
  bulkhead_full: entry(503, 'Service Unavailable', 'UO'),
  throttled: entry(503, 'Service Unavailable', 'OM'),
  shed: entry(503, 'Service Unavailable', 'OM'),
  rate_limited: entry(429, 'Too Many Requests', 'RL'),
  store_unavailable: entry(503, 'Service Unavailable', 'RLSE'),
  // Meant to look like a failure of the upstream, so that what is to be tried out is tried.
  fault_injected: entry(503, 'Service Unavailable', 'FI', 'upstream'),
};

/** What a branded response says of itself. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** HTTP status of the response. */
  readonly status: number;
  /** Envoy's response flag, such as `UT`. */
  readonly flag: ResponseFlag | '-';
  readonly blame: Blame;
  /** One sentence for the caller; holds no internal name, address or error message. */
  readonly detail: string | undefined;
  /** When to try again at the earliest, in milliseconds; sent as `Retry-After` in whole seconds, rounded up. */
  readonly retryAfterMs: number | undefined;
}

/** What a policy may add to its {@link RejectionReason}. */
export interface RejectionOptions {
  /** One sentence for the caller. It leaves the process: no internal names, no error messages. */
  readonly detail?: string;
  /** When to try again at the earliest, in milliseconds; `Infinity`, which has no `Retry-After`: never. */
  readonly retryAfterMs?: number;
  /** Default: that of the reason. */
  readonly status?: number;
  /** Default: that of the reason. */
  readonly blame?: Blame;
  /** Fields of the response beside those that every rejection has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of the problem details beside `title`, `status`, `detail` and `reason`, such as `type`. */
  readonly problem?: Readonly<Record<string, unknown>>;
}

/** Carries the reason of a rejection; for people and logs, since anyone can forge a header: the brand decides. */
export const reasonHeader = 'x-fetchmesh-reason';

// A property and no WeakMap, which costs more than all the rest of an answer's brand.
const brand = Symbol('fetchmesh.brand');

interface BrandedResponse extends Response {
  [brand]?: Rejection;
}

/**
 * Makes an answer of the governance: a problem-details response (RFC 9457) that all other policies recognise as one that
 * the upstream did not give.
 *
 * @example
 * ```ts
 * const response = reject('no_route', { detail: 'No route matches GET /nowhere.' });
 * response.status; // 404
 * ```
 */
export function reject(reason: RejectionReason, options: RejectionOptions = {}): Response {
  return prepareRejection(reason, options)(options.retryAfterMs);
}

/**
 * Prepares an answer that is given often: what is the same each time is written once.
 *
 * @returns Gets when to try again at the earliest, in milliseconds.
 *
 * @example
 * ```ts
 * const busy = prepareRejection('bulkhead_full', { detail: 'Too many calls are under way.' });
 * busy(1_000).headers.get('retry-after'); // '1'
 * ```
 */
export function prepareRejection(
  reason: RejectionReason,
  options: Omit<RejectionOptions, 'retryAfterMs'> = {},
): (retryAfterMs?: number) => Response {
  const entry = rejectionReasons[reason];
  const { title, flag } = entry;
  const { detail, problem, status = entry.status, blame = entry.blame } = options;
  const body = fixedBody(JSON.stringify({ ...problem, title, status, detail, reason }));
  const fields = {
    ...options.headers,
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    [reasonHeader]: reason,
  };
  let headers: HeadersInit = fields;
  let isFirst = true;
  return (retryAfterMs) => {
    // A response copies Headers for a half or a third of what it takes to read a record.
    if (isFirst) isFirst = false;
    else if (headers === fields) headers = new Headers(fields);
    const response = new Response(body(), { status, statusText: title, headers });
    if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs)) {
      const seconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
      response.headers.set('retry-after', String(seconds));
    }
    return branded(response, { reason, status, flag, blame, detail, retryAfterMs });
  };
}

function branded(response: Response, rejection: Rejection): Response {
  (response as BrandedResponse)[brand] = rejection;
  return response;
}

/**
 * Reads the brand of a response.
 *
 * @returns `undefined` where an app or an upstream answered, whatever its headers claim.
 */
export function rejectionOf(response: Response): Rejection | undefined {
  return (response as BrandedResponse)[brand];
}

/**
 * Copies the brand to a response that was rebuilt from a branded one (headers added, body wrapped).
 *
 * @returns `to`, for chaining.
 */
export function keepBrand(from: Response, to: Response): Response {
  const rejection = rejectionOf(from);
  return rejection === undefined ? to : branded(to, rejection);
}

const errorBrand = Symbol.for('fetchmesh.rejection');

/** What `outbound(…, { rejections: 'throw' })` rejects with in place of a branded response. */
export class RejectionError extends Error {
  override readonly name = 'RejectionError';
  readonly rejection: Rejection;
  /** The problem-details response that would have been returned, its body unread. */
  readonly response: Response;

  constructor(rejection: Rejection, response: Response) {
    super(`${rejection.reason}: ${rejection.detail ?? rejectionReasons[rejection.reason].title}`);
    this.rejection = rejection;
    this.response = response;
  }

  static {
    Object.defineProperty(RejectionError.prototype, errorBrand, { value: true });
  }
}

/** Whether an error is a {@link RejectionError}, also one of another copy of this package. */
export function isRejectionError(error: unknown): error is RejectionError {
  return typeof error === 'object' && error !== null && errorBrand in error;
}
