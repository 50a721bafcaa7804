/**
 * The one classifier of outcomes. Metrics, retry, breaker, hedging, ejection and canary analysis all ask it, so that
 * they never disagree on what a failure is.
 *
 * @module
 */

import { isTimeoutError } from './abort.ts';
import { networkFailureOf } from './network-failure.ts';
import { isRejectionError, type Rejection, rejectionOf } from './rejection.ts';

/**
 * What became of an attempt, as a statement on the upstream.
 *
 * - `success`: it answered as it should, 4xx included.
 * - `failure`: it did not.
 * - `ignored`: the outcome says nothing about it (the caller left, or a policy answered in its place).
 */
export type Verdict = 'success' | 'failure' | 'ignored';

/** The judgement on one attempt. */
export interface Outcome {
  readonly verdict: Verdict;
  /** Whether another attempt could fare better, the method and the body permitting. */
  readonly retryable: boolean;
  /** What happened: a status (`'503'`), a {@link RejectionReason}, a kind of network failure, or `'error'`. */
  readonly reason: string;
}

const success: Outcome = { verdict: 'success', retryable: false, reason: 'ok' };
const rateLimited: Outcome = { verdict: 'success', retryable: true, reason: '429' };
const clientClosed: Outcome = { verdict: 'ignored', retryable: false, reason: 'client_closed' };
const timeout: Outcome = { verdict: 'failure', retryable: true, reason: 'timeout' };
const bug: Outcome = { verdict: 'failure', retryable: false, reason: 'error' };

/**
 * Judges a response.
 *
 * Failures are 5xx but 501 (the upstream understood and declined; CB-28); 501 and 505 are never worth a retry (RT-03);
 * 429 is worth one but no failure (CB-29). An answer of the governance is ignored, unless it reports what the upstream
 * did (a timeout, a lost connection). Opaque responses (status 0) and redirects are successes (RT-20).
 *
 * @example
 * ```ts
 * outcomeOfResponse(new Response(null, { status: 503 })).verdict; // 'failure'
 * ```
 */
export function outcomeOfResponse(response: Response): Outcome {
  const rejection = rejectionOf(response);
  return rejection === undefined ? outcomeOfStatus(response.status) : outcomeOfRejection(rejection);
}

function outcomeOfStatus(status: number): Outcome {
  if (status === 429) return rateLimited;
  if (status < 500 || status === 501) return success;
  return { verdict: 'failure', retryable: status !== 505, reason: String(status) };
}

function outcomeOfRejection({ blame, reason, status }: Rejection): Outcome {
  if (blame !== 'upstream') return { verdict: 'ignored', retryable: false, reason };
  if (reason !== 'fault_injected') return { verdict: 'failure', retryable: true, reason };
  // An injected fault is judged as what it plays: a 404 is no failure (FI-09).
  const played = outcomeOfStatus(status);
  return played.verdict === 'failure' ? { ...played, reason } : played;
}

/**
 * Judges what a `fetch` or an app rejected with.
 *
 * @param signal The signal that the attempt had: a rejection after it aborted is the abort's doing, whatever the runtime
 * made of its reason. A time limit's abort is a failure; anyone else's means that the caller left and is ignored.
 */
export function outcomeOfError(error: unknown, signal: AbortSignal | undefined): Outcome {
  if (signal?.aborted) return isTimeoutError(signal.reason) ? timeout : clientClosed;
  if (isRejectionError(error)) return outcomeOfRejection(error.rejection);
  if (isTimeoutError(error)) return timeout;
  const failure = networkFailureOf(error);
  if (failure === undefined) return bug;
  return { verdict: 'failure', retryable: failure !== 'tls', reason: failure };
}
