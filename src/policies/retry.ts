/**
 * Trying again.
 *
 * @module
 */

import { abortSignal, deadline, signalOf } from '../core/abort.ts';
import { forAttempt } from '../core/attempt.ts';
import { layer, type Middleware, type Next } from '../core/chain.ts';
import { sleep } from '../core/clock.ts';
import { discard } from '../core/discard.ts';
import { formatDuration } from '../core/duration.ts';
import { type EndpointRecord, isElsewhereUntried, triedEndpoints } from '../core/endpoint.ts';
import { emit } from '../core/event.ts';
import { noteFlag } from '../core/exchange.ts';
import { type Outcome, outcomeOfError, outcomeOfResponse } from '../core/outcome.ts';
import { rejectionOf } from '../core/rejection.ts';
import { replay } from '../core/replay.ts';
import { backoffDelay } from './backoff.ts';
import { isRepeatable } from './repeatable.ts';
import { depositOnce } from './retry-budget.ts';
import { type RetryOptions, type RetrySettings, retrySettings } from './retry-options.ts';
import { longestServerDelayMs, serverDelay } from './server-delay.ts';
import { timeout } from './timeout.ts';

export type { BackoffShape, CustomBackoff, CustomJitter, Jitter } from './backoff.ts';
export type {
  EndedTry,
  RetryCondition,
  RetryOptions,
  UnsafeMethods,
  UpcomingRetry,
} from './retry-options.ts';

/**
 * Sends a request again when it failed for a reason that may pass.
 *
 * When the tries or the budget are used up, or the next try would come after the deadline, the caller gets the last
 * response, its body unread, or the last rejection. `Retry-After` and the fields of rate limits set the delay after a 413,
 * 429 or 503, spread by up to one half and never shortened; beyond 60 s or the deadline the response is passed on.
 * Responses that are not passed on are cancelled. When the caller leaves, the call rejects with the caller's reason, also
 * in the middle of a delay. From the second try on the request bears its number, `x-fetchmesh-attempt-count`.
 *
 * Semantics: Envoy's retry policy with the method rules of RFC 9110 §9.2.2.
 *
 * @example
 * ```ts
 * let calls = 0;
 * const flaky = async () => new Response(null, { status: ++calls < 3 ? 503 : 200 });
 * const shop = outbound(flaky, retry({ max: 2, baseDelay: '1ms' }));
 * (await shop('http://shop.example/')).status; // 200
 * ```
 */
export function retry(options: RetryOptions = {}): Middleware {
  const settings = retrySettings(options);
  const { max, delays, perTry, unsafeMethods, maxReplayBytes, clock, random } = settings;
  const { shouldRetry, onRetry, budget } = options;
  const limitTry = perTry === undefined ? undefined : timeout(perTry, { clock });

  return layer(labelOf(settings), (next) => {
    const attempt: Next = limitTry === undefined ? next : limitTry(next);
    return async function retry(request, outer) {
      if (max === 0 || !isRepeatable(request, outer, unsafeMethods)) {
        return await attempt(request, outer);
      }
      const signal = signalOf(request, outer);
      if (signal.aborted) throw signal.reason;
      if (outer.get(triedEndpoints) !== undefined) emit(outer, 'nested_retry', { max });
      const record: EndpointRecord = { tried: [], candidates: 0 };
      const counted = budget === undefined ? outer : depositOnce(budget, outer);
      const context = counted.with(triedEndpoints, record);
      const body = replay(request, maxReplayBytes);
      let sent = body.attempt();
      /** Which delay comes next, and how long the last one was. */
      let step = 1;
      let previousMs = 0;

      for (let tries = 1; ; tries++) {
        if (tries > max) body.commit();
        let response: Response | undefined;
        let error: unknown;
        let outcome: Outcome;
        try {
          // A copy of a request follows the caller's signal, on Node only until the copy is collected.
          const origin = sent === request ? context : context.with(abortSignal, signal);
          response = await attempt(sent, forAttempt(origin, tries));
          outcome = outcomeOfResponse(response);
        } catch (rejection) {
          error = rejection;
          outcome = outcomeOfError(rejection, signal);
        }

        let delayMs: number | undefined;
        try {
          if (tries <= max && !signal.aborted) {
            const verdict =
              shouldRetry === undefined
                ? undefined
                : await shouldRetry({ attempt: tries, request, response, error, outcome });
            const isWanted =
              typeof verdict === 'boolean'
                ? verdict
                : isWorthIt(outcome, response, record, settings);
            if (isWanted && !signal.aborted) delayMs = nextDelay(response, outcome);
          }
          if (delayMs !== undefined) onRetry?.({ attempt: tries, delayMs, reason: outcome.reason });
        } catch (thrown) {
          body.commit();
          if (response !== undefined) discard(response);
          throw thrown;
        }
        if (delayMs === undefined) {
          body.commit();
          if (tries > max && isWorthIt(outcome, response, record, settings)) {
            noteFlag(context, 'URX');
          }
          if (response !== undefined) return response;
          throw signal.aborted ? signal.reason : error;
        }

        emit(context, 'retry', { attempt: tries, delay_ms: delayMs, reason: outcome.reason });
        if (response !== undefined) discard(response);
        // Before the wait, so that the failed try can read no more of the body.
        sent = body.attempt();
        try {
          await sleep(clock, delayMs, signal);
        } catch (reason) {
          body.commit();
          discard(sent);
          throw reason;
        }
      }

      /** How long to wait before the next try, in milliseconds; `undefined`: there is to be none. */
      function nextDelay(response: Response | undefined, outcome: Outcome): number | undefined {
        if (!body.possible) {
          emit(context, 'replay_skipped', { bytes: maxReplayBytes });
          return undefined;
        }
        const asked = response && serverDelay(response, clock.now());
        if (asked !== undefined && asked.delayMs > longestServerDelayMs) return undefined;
        let delayMs: number;
        if (asked?.isExact) {
          delayMs = asked.delayMs;
          step = 1;
          previousMs = 0;
        } else if (asked !== undefined) {
          delayMs = asked.delayMs * (1 + random() / 2);
        } else if (outcome.verdict === 'ignored') {
          // Nothing was sent, and it goes to another endpoint.
          delayMs = 0;
        } else {
          delayMs = backoffDelay(step, delays, random, previousMs);
          step += 1;
          previousMs = delayMs;
        }
        if (clock.monotonic() + delayMs >= context.get(deadline)) return undefined;
        if (budget !== undefined && !budget.withdraw(context)) {
          emit(context, 'retry_overflow', { reason: outcome.reason });
          noteFlag(context, 'UO');
          return undefined;
        }
        return delayMs;
      }
    };
  });
}

function labelOf({ max, delays, perTry }: RetrySettings): string {
  const { shape, baseDelayMs, maxDelayMs, jitter } = delays;
  const growth =
    typeof shape === 'function'
      ? 'own backoff'
      : `${shape} from ${formatDuration(baseDelayMs)} to ${formatDuration(maxDelayMs)}`;
  const chance = typeof jitter === 'function' ? 'own' : jitter;
  const limit = perTry === undefined ? '' : `, ${perTry} per try`;
  return `retry max ${max}, ${growth}, ${chance} jitter${limit}`;
}

function isWorthIt(
  outcome: Outcome,
  response: Response | undefined,
  record: EndpointRecord,
  { retryOn, retriableHeaders }: RetrySettings,
): boolean {
  // What a policy answered in the upstream's place would be answered again, unless that was about one endpoint only.
  if (outcome.verdict === 'ignored') return isElsewhereUntried(outcome.reason, record);
  const status = response?.status ?? 0;
  const isPlain = retryOn === undefined && retriableHeaders.length === 0;
  if (isPlain && !outcome.retryable && status !== 413) return false;
  if (response !== undefined && rejectionOf(response) === undefined) {
    const { headers } = response;
    if (status === 501 || status === 505 || headers.has('x-envoy-overloaded')) return false;
    if (headers.has('x-envoy-ratelimited')) return retryOn?.has('envoy-ratelimited') ?? false;
    if (retriableHeaders.some((name) => headers.has(name))) return true;
    if (status === 413 && retryOn === undefined) return headers.has('retry-after');
  }
  if (retryOn === undefined) return outcome.retryable;
  return (
    retryOn.has(status) ||
    retryOn.has(outcome.reason as 'connect') ||
    (retryOn.has('5xx') && outcome.retryable && status >= 500) ||
    (retryOn.has('retriable-4xx') && status === 409)
  );
}
