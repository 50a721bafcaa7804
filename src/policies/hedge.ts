/**
 * Not waiting for the slow ones: a second try while the first is still under way.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Duration, delayOption } from '../core/duration.ts';
import { triedEndpoints } from '../core/endpoint.ts';
import { emit } from '../core/event.ts';
import { knownOptions, wholeOption, wordOption } from '../core/option.ts';
import { defaultReplayBytes, replay } from '../core/replay.ts';
import { Race, type RaceSettings } from './race.ts';
import { RecentLatencies } from './recent-latencies.ts';
import { isRepeatable } from './repeatable.ts';
import { budgetOption, depositOnce, type RetryBudget } from './retry-budget.ts';

/** How many latencies a percentile is taken of at least, unless it is said. */
export const defaultMinSamples = 50;

/** Settings of {@link hedge}. */
export interface HedgeOptions {
  /** Tries beside the first one, from 1 to 4. Default: 1. */
  readonly max?: number;
  /**
   * How long to wait for an answer before the next try: a duration, or a percentile of the latencies that were seen, such
   * as `'p95'` or `'p99.9'`. Default: `'p95'`.
   */
  readonly delay?: Duration;
  /** With a percentile: how many requests are watched before the first hedge. Default: 50. */
  readonly minSamples?: number;
  /** As for `retry`: whether POST, PATCH and the like are hedged. Default: `'never'`. */
  readonly unsafeMethods?: 'never' | 'always' | 'idempotency_key';
  /** How many further tries there may be; share it with `retry`. Default: any number. */
  readonly budget?: RetryBudget;
  /** How much of a streamed request body is kept for a further try, in bytes. Default: 262144. */
  readonly maxReplayBytes?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/**
 * Sends a request once more when its answer takes long, and hands over whichever answer comes first.
 *
 * Only idempotent requests are sent again, each to another endpoint where there is one, and a streamed body only after all
 * of it has been read. A try that fails for a reason that may pass brings on the next at once; where all have failed, the
 * last failure that the upstream is to blame for is handed over. Tries that lost are aborted and their bodies cancelled,
 * which counts as nothing in anyone's statistics.
 *
 * Semantics: gRPC's hedging policy (gRFC A6), the delay by percentile as in Finagle.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * let calls = 0;
 * const sometimesSlow = () =>
 *   ++calls === 1 ? new Promise<Response>(() => {}) : Promise.resolve(new Response('second'));
 * const shop = outbound(sometimesSlow, hedge({ delay: '5ms' }));
 * await (await shop('http://shop.example/')).text(); // 'second'
 * ```
 */
export function hedge(options: HedgeOptions = {}): Middleware {
  knownOptions('hedge', options, {
    max: true,
    delay: true,
    minSamples: true,
    unsafeMethods: true,
    budget: true,
    maxReplayBytes: true,
    clock: true,
  });
  const {
    max = 1,
    delay = 'p95',
    minSamples = defaultMinSamples,
    unsafeMethods = 'never',
    budget,
  } = options;
  const { maxReplayBytes = defaultReplayBytes, clock = systemClock } = options;
  wholeOption('hedge.max', max, 1, 4);
  wholeOption('hedge.minSamples', minSamples, 0);
  wholeOption('hedge.maxReplayBytes', maxReplayBytes, 0);
  wordOption('hedge.unsafeMethods', unsafeMethods, ['never', 'always', 'idempotency_key']);
  budgetOption('hedge.budget', budget);
  const share = percentileOf(delay);
  const latencies = share === undefined ? undefined : new RecentLatencies();
  const fixedMs = share === undefined ? delayOption('hedge.delay', delay) : 0;
  function delayMs(): number | undefined {
    if (latencies === undefined || share === undefined) return fixedMs;
    if (latencies.count < minSamples) return undefined;
    return Math.max(1, latencies.percentile(share) ?? 1);
  }
  const settings: RaceSettings = { max, budget, clock, delayMs, latencies };

  return layer(
    `hedge max ${max} after ${delay}`,
    (next) =>
      function hedge(request, outer) {
        if (!isRepeatable(request, outer, unsafeMethods)) return next(request, outer);
        const caller = signalOf(request, outer);
        if (caller.aborted) return Promise.reject(caller.reason);
        if (outer.get(triedEndpoints) !== undefined) emit(outer, 'nested_retry', { max });
        const body = replay(request, maxReplayBytes);
        const context = budget === undefined ? outer : depositOnce(budget, outer);
        return new Race(next, context, caller, body, settings).run();
      },
  );
}

/** `'p95'` → 0.95. */
function percentileOf(delay: unknown): number | undefined {
  const [, percent] = /^p(\d{1,2}(?:\.\d{1,2})?)$/.exec(String(delay)) ?? [];
  if (percent === undefined) return undefined;
  if (Number(percent) > 0) return Number(percent) / 100;
  throw new RangeError(`hedge.delay: '${delay}' is not a percentile above p0 and below p100`);
}
