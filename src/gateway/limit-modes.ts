/**
 * Where each limit of the rules counts: `mode` of `rate_limit`.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { RateLimit } from '../policies/limit-options.ts';
import { platformStore } from '../policies/platform-limit.ts';
import type { RateLimitRule } from '../rules/model.ts';
import type { PlatformLimiter } from '../stores/cf-ratelimit.ts';
import type { TakingStore } from '../stores/contract.ts';
import { arrangementOf } from '../stores/delegate.ts';
import { exactStore } from '../stores/exact.ts';
import { leasedStore } from '../stores/leased.ts';

/** What the limits of a gateway have in common. */
export interface LimitModesOptions {
  readonly store: TakingStore | undefined;
  readonly instances: number;
  readonly platformLimiter: ((name: string) => PlatformLimiter | undefined) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Says where a limit counts, as options of `rateLimit`; the ones of the gateway where it has no mode. */
export type LimitModes = (rule: RateLimitRule) => Pick<RateLimit, 'store' | 'platform'>;

/**
 * Makes what modes need once, for all revisions of the rules.
 *
 * The function that it gives throws a `RangeError` for a mode that nothing here can honour, and names what can.
 *
 * @example
 * ```ts
 * const around = { store: undefined, platformLimiter: undefined, clock: systemClock, random: Math.random };
 * const modes = limitModes({ ...around, instances: 1 });
 * modes({ mode: 'local' } as RateLimitRule).store; // 'memory'
 * ```
 */
export function limitModes(options: LimitModesOptions): LimitModes {
  const { store, instances, platformLimiter, clock, random } = options;
  const arrangement = store && arrangementOf(store);
  const plain = arrangement?.store ?? store;
  const made: { exact?: TakingStore; leased?: TakingStore } = {};

  function arranged(mode: 'exact' | 'leased'): Pick<RateLimit, 'store'> {
    if (plain === undefined) {
      if (instances === 1) return {};
      throw new RangeError(
        `rate_limit: \`mode: ${mode}\` of ${instances} instances needs a store that they share (Redis, a Durable Object, Deno KV); \`local\` counts without one, each its share`,
      );
    }
    // In memory there is nothing to save.
    if (arrangement?.mode === mode || plain.capabilities.consistency === 'isolate') return {};
    made[mode] ??=
      mode === 'exact' ? exactStore(plain, { clock }) : leasedStore(plain, { instances, clock });
    return { store: made[mode] };
  }

  return ({ mode, name = 'default' }) => {
    if (mode === undefined) return {};
    if (mode === 'local') return { store: 'memory' };
    if (mode !== 'platform') return arranged(mode);
    const platform = platformLimiter?.(name);
    if (platform !== undefined) {
      return { platform, store: platformStore(platform, { clock, random }) };
    }
    throw new RangeError(
      `rate_limit: nothing keeps the limit '${name}' of \`mode: platform\`: a Worker names its binding as \`platformLimiter\`; elsewhere there is \`leased\`, \`exact\` or \`local\``,
    );
  };
}
