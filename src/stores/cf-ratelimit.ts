/**
 * Limits that Cloudflare keeps for a Worker: its rate limit binding.
 *
 * @module
 */

/** What is used of a rate limit binding, `ratelimits` in `wrangler.toml`. */
export interface RateLimitBinding {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** A limit that a platform keeps. It says yes or no, and neither how much is left nor when there is more. */
export interface PlatformLimiter {
  /** Shown in messages. */
  readonly name: string;
  /** Takes one unit for a key. Rejects where the platform does not answer. */
  allows(key: string): Promise<boolean>;
}

/**
 * Makes a limiter of the binding, the option `platform` of a limit, and for `mode: platform` in the rules.
 *
 * Fast, and rough: each location of Cloudflare counts for itself, and lets more through than the limit for a while. How much,
 * and over which time, 10 or 60 s, stands in `wrangler.toml`:
 *
 *     [[ratelimits]]
 *     name = "LIMITER"
 *     namespace_id = "1001"
 *     simple = { limit = 100, period = 60 }
 *
 * @throws {TypeError} where there is no binding.
 *
 * @example
 * ```ts
 * const LIMITER = { limit: async ({ key }: { key: string }) => ({ success: key !== 'shop:api:mallory' }) };
 * const platform = cfRateLimit(LIMITER);
 * const by = ({ headers }: Request) => headers.get('x-user');
 * const limited = rateLimit(
 *   { name: 'api', limit: 100, per: '60s', by, platform },
 *   { scope: 'shop' },
 * );
 * const app = inbound(() => new Response('hello'), limited);
 * const headers = { 'x-user': 'mallory' };
 * (await app(new Request('http://shop.example/', { headers }))).status; // 429
 * ```
 */
export function cfRateLimit(binding: RateLimitBinding): PlatformLimiter {
  if (typeof binding?.limit !== 'function') {
    throw new TypeError(
      'cfRateLimit: there is no rate limit binding; is it under [[ratelimits]] in wrangler.toml?',
    );
  }
  return {
    name: "Cloudflare's rate limit",
    allows: async (key) => (await binding.limit({ key })).success,
  };
}
