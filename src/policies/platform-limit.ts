/**
 * Limits that a platform keeps, as stores that answer in time.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { PlatformLimiter } from '../stores/cf-ratelimit.ts';
import { type Store, StoreError, type TakingStore } from '../stores/contract.ts';
import { guardedStore } from '../stores/guarded.ts';

/**
 * A store that takes one unit at a time, by the numbers of the platform. What is left, and when there is more, it does not
 * know. A platform that does not answer within 25 ms is one that fails.
 *
 * @example
 * ```ts
 * const platform = { name: 'a platform', allows: async (key: string) => key !== 'mallory' };
 * const limit = { quota: 1, windowMs: 60_000, burst: 1 };
 * (await platformStore(platform, {}).take('mallory', limit, 1, 1)).retryMs; // 60_000
 * ```
 */
export function platformStore(
  platform: PlatformLimiter,
  { clock, random }: { readonly clock?: Clock; readonly random?: () => number },
): TakingStore {
  const { name } = platform;
  const asked: TakingStore = {
    name,
    capabilities: { consistency: 'eventual', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    get: async () => null,
    set: async () => {
      throw new StoreError('UNSUPPORTED', `'${name}' keeps no values`);
    },
    async take(key, { windowMs }) {
      const granted = Number(await platform.allows(key));
      // At the latest when its window is over.
      return { granted, remaining: 0, retryMs: granted === 1 ? 0 : windowMs, resetMs: 0 };
    },
  };
  const options = { ...(clock && { clock }), ...(random && { random }) };
  return guardedStore(asked, options) as Store as TakingStore;
}
