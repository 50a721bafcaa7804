/**
 * Trying again.
 *
 * @module
 */

import { abortSignal, deadline, signalOf } from '../core/abort.ts';
import { layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, sleep, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { type Duration, durationOption, formatDuration } from '../core/duration.ts';
import { attemptNumber, emit } from '../core/event.ts';
import { discard, outgoingHeaders } from '../core/message.ts';
import { type Outcome, outcomeOfError, outcomeOfResponse } from '../core/outcome.ts';
import { defaultReplayBytes, replay } from '../core/replay.ts';
import { parseRetryAfter } from '../core/retry-after.ts';
import { type BackoffShape, backoffDelay, type Jitter } from './backoff.ts';
import { timeout } from './timeout.ts';

/**
 * What is worth another try: a status, `'5xx'`, `'connect'` (no connection came about), `'reset'` (it broke) or
 * `'timeout'` (a per-try limit).
 */
export type RetryCondition = number | '5xx' | 'connect' | 'reset' | 'timeout';

/** Settings of {@link retry}. */
export interface RetryOptions {
  /** Tries after the first one. Default: 2. */
  readonly max?: number;
  /** How the delay grows. Default: `'exponential'`, doubling. */
  readonly backoff?: BackoffShape;
  /** Delay before the first retry, before jitter. Default: `'100ms'`. */
  readonly baseDelay?: Duration;
  /** The longest delay. Default: ten times `baseDelay`. */
  readonly maxDelay?: Duration;
  /** Default: `'full'`. */
  readonly jitter?: Jitter;
  /** Limit of each single try. Default: none but the overall timeout. */
  readonly perTry?: Duration;
  /** Narrows what is retried. Default: 5xx but 501 and 505, 429, network failures and per-try timeouts. */
  readonly retryOn?: readonly RetryCondition[];
  /**
   * Whether POST, PATCH and other methods that are not idempotent are retried: `'never'`, `'always'`, or with an
   * `'idempotency_key'`, that is where the request has the header `Idempotency-Key`. Default: `'never'`.
   */
  readonly unsafeMethods?: 'never' | 'always' | 'idempotency_key';
  /** How much of a request body is kept for a further try, in bytes. A longer one is sent once. Default: 262144. */
  readonly maxReplayBytes?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1), asked once for each delay. Default: `Math.random`. */
  readonly random?: () => number;
}

const idempotentMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
  'QUERY',
]);

/** A server that asks for a longer pause than this, in milliseconds, has its answer passed on instead. */
const longestRetryAfterMs = 60_000;

/**
 * Sends a request again when it failed for a reason that may pass.
 *
 * When the tries are used up, or the next one would come after the deadline, the caller gets the last response, its body
 * unread, or the last rejection. `Retry-After` of a 429 or 503 sets the delay, spread by up to one half and never
 * shortened; beyond 60 s or the deadline the response is passed on. Responses that are not passed on are cancelled.
 * When the caller leaves, the call rejects with the caller's reason, also in the middle of a delay.
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
  const { max = 2, backoff = 'exponential', jitter = 'full', retryOn, perTry } = options;
  const { unsafeMethods = 'never', maxReplayBytes = defaultReplayBytes } = options;
  const { clock = systemClock, random = Math.random } = options;
  const baseDelayMs = durationOption('retry.baseDelay', options.baseDelay ?? '100ms');
  const maxDelayMs =
    options.maxDelay === undefined
      ? 10 * baseDelayMs
      : durationOption('retry.maxDelay', options.maxDelay);
  if (!Number.isInteger(max) || max < 0) {
    throw new RangeError(`retry.max: ${max} is not a whole number of 0 or more`);
  }
  if (!Number.isInteger(maxReplayBytes) || maxReplayBytes < 0) {
    throw new RangeError(
      `retry.maxReplayBytes: ${maxReplayBytes} is not a whole number of 0 or more`,
    );
  }
  oneOf('retry.backoff', backoff, ['exponential', 'linear', 'constant']);
  oneOf('retry.jitter', jitter, ['full', 'equal', 'none']);
  oneOf('retry.unsafeMethods', unsafeMethods, ['never', 'always', 'idempotency_key']);
  for (const condition of retryOn ?? []) {
    if (!isStatus(condition)) {
      oneOf('retry.retryOn', condition, ['5xx', 'connect', 'reset', 'timeout'], ' or a status');
    }
  }
  const delays = { shape: backoff, baseDelayMs, maxDelayMs, jitter };
  if (perTry !== undefined) durationOption('retry.perTry', perTry);
  const limitTry = perTry === undefined ? undefined : timeout(perTry, { clock });

  function mayRepeat(request: Request, context: Context): boolean {
    if (max === 0) return false;
    if (unsafeMethods === 'always' || idempotentMethods.has(request.method)) return true;
    return (
      unsafeMethods === 'idempotency_key' && 'idempotency-key' in outgoingHeaders(request, context)
    );
  }

  /** How long to wait before the next try, in milliseconds; `undefined`: there is to be none. */
  function delayBefore(retries: number, response: Response | undefined): number | undefined {
    const advice = response && retryAfterMs(response, clock.now());
    if (advice === undefined) return backoffDelay(retries, delays, random);
    return advice > longestRetryAfterMs ? undefined : advice * (1 + random() / 2);
  }

  const label = `retry max ${max}, ${backoff} from ${formatDuration(baseDelayMs)} to ${formatDuration(maxDelayMs)}, ${jitter} jitter${perTry === undefined ? '' : `, ${perTry} per try`}`;
  return layer(label, (next) => {
    const attempt: Next = limitTry === undefined ? next : limitTry(next);
    return async function retry(request, context) {
      if (!mayRepeat(request, context)) return await attempt(request, context);
      const signal = signalOf(request, context);
      if (signal.aborted) throw signal.reason;
      const body = replay(request, maxReplayBytes);
      let sent = body.attempt();
      // A copy of a request follows the caller's signal, on Node only until the copy is collected.
      const origin = sent === request ? context : context.with(abortSignal, signal);

      for (let tries = 1; ; tries++) {
        if (tries > max) body.commit();
        let response: Response | undefined;
        let error: unknown;
        let outcome: Outcome;
        try {
          const nth = tries === 1 ? origin : origin.with(attemptNumber, tries);
          response = await attempt(sent, nth);
          outcome = outcomeOfResponse(response);
        } catch (rejection) {
          error = rejection;
          outcome = outcomeOfError(rejection, signal);
        }
        const isWanted =
          tries <= max && !signal.aborted && isRetryable(outcome, response?.status, retryOn);
        if (isWanted && !body.possible) emit(context, 'replay_skipped', { bytes: maxReplayBytes });
        const delayMs = isWanted && body.possible ? delayBefore(tries, response) : undefined;
        const inTime = delayMs !== undefined && clock.monotonic() + delayMs < context.get(deadline);
        if (!inTime) {
          body.commit();
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
    };
  });
}

function oneOf(option: string, value: unknown, allowed: readonly string[], more = ''): void {
  if (!allowed.includes(value as string)) {
    const given = JSON.stringify(value);
    throw new RangeError(`${option}: ${given} is not one of ${allowed.join(', ')}${more}`);
  }
}

function isStatus(condition: unknown): boolean {
  return Number.isInteger(condition) && 100 <= Number(condition) && Number(condition) <= 599;
}

function isRetryable(
  outcome: Outcome,
  status: number | undefined,
  retryOn: readonly RetryCondition[] | undefined,
): boolean {
  // What a policy answered in the upstream's place would be answered again.
  if (retryOn === undefined || outcome.verdict === 'ignored') return outcome.retryable;
  return retryOn.some((condition) => {
    if (typeof condition === 'number') return condition === status;
    if (condition === '5xx') return outcome.retryable && status !== undefined && status >= 500;
    return condition === outcome.reason;
  });
}

/** What the server asks for, in milliseconds; only 429 and 503 can (RA-04). */
function retryAfterMs(response: Response, now: number): number | undefined {
  if (response.status !== 429 && response.status !== 503) return undefined;
  const value = response.headers.get('retry-after');
  return value === null ? undefined : parseRetryAfter(value, now);
}
