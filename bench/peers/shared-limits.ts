/** Limiters that keep their counts in Redis, each through an ioredis client of its own; ours with its deadline, as it is used. */

import { createHash } from 'node:crypto';
import { Ratelimit, type Redis as UpstashRedis } from '@upstash/ratelimit';
import { RedisStore } from 'hono-rate-limiter';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { TakingStore } from '../../src/stores/contract.ts';
import { guardedStore } from '../../src/stores/guarded.ts';
import { ioredis, redisStore } from '../../src/stores/redis.ts';
import { takeScript } from '../../src/stores/redis-scripts.ts';

/** A limiter, asked for one unit of a key. */
export interface SharedLimit {
  readonly name: string;
  /** Resolves with whether it was granted. */
  take(key: string): Promise<boolean>;
}

export const plenty = 1_000_000_000;

/** What all of them are to keep. */
const windowMs = 60_000;

/** All contestants; they end with the clients. */
export function sharedLimits(url: string): {
  readonly limits: readonly [SharedLimit, ...SharedLimit[]];
  readonly store: TakingStore;
  end(): void;
} {
  const clients: Redis[] = [];
  const client = (): Redis => {
    const made = new Redis(url, { maxRetriesPerRequest: 0 });
    clients.push(made);
    return made;
  };
  const store = guardedStore(redisStore(ioredis(client())), { deadline: '1s' }) as TakingStore;
  const limit = { quota: plenty, windowMs, burst: plenty };
  const flexible = new RateLimiterRedis({
    ...{ storeClient: client(), points: plenty, duration: windowMs / 1_000 },
  });
  return {
    limits: [
      { name: 'ours', take: async (key) => (await store.take(key, limit, 1, 1)).granted === 1 },
      {
        name: 'rate-limiter-flexible',
        take: async (key) => (await flexible.consume(key)).remainingPoints >= 0,
      },
      hono(client()),
      bare(client(), limit),
      upstash('fixed window', Ratelimit.fixedWindow(plenty, '60 s'), client()),
      upstash('sliding window', Ratelimit.slidingWindow(plenty, '60 s'), client()),
      upstash('token bucket', Ratelimit.tokenBucket(plenty, '60 s', plenty), client()),
    ],
    store,
    end() {
      for (const made of clients) made.disconnect();
    },
  };
}

/** The same script with the same arguments, sent by hand: what no store over ioredis can do without. */
function bare(client: Redis, { quota, burst }: { quota: number; burst: number }): SharedLimit {
  const hash = createHash('sha1').update(takeScript).digest('hex');
  const args = [windowMs / quota, burst, 1, 1].map(String);
  return {
    name: 'the same script by hand',
    async take(key) {
      const answer = (await client.evalsha(hash, 1, `bare:{${key}}`, ...args)) as string[];
      return Number(answer[0]) === 1;
    },
  };
}

function hono(client: Redis): SharedLimit {
  const store = new RedisStore({
    client: {
      scriptLoad: async (script) => String(await client.script('LOAD', script)),
      evalsha: async <Arguments extends unknown[], Data>(
        hash: string,
        keys: string[],
        args: Arguments,
      ) => (await client.evalsha(hash, keys.length, ...keys, ...args.map(String))) as Data,
      decr: (key) => client.decr(key),
      del: (key) => client.del(key),
    },
  });
  // As its middleware does, of which no more is used.
  store.init({ windowMs } as Parameters<typeof store.init>[0]);
  return {
    name: 'hono-rate-limiter',
    take: async (key) => (await store.increment(key)).totalHits <= plenty,
  };
}

function upstash(algorithm: string, limiter: object, client: Redis): SharedLimit {
  const limit = new Ratelimit({
    ...{ redis: overSocket(client), limiter, prefix: algorithm },
    // Compares what they do for a decision, and not what they remember.
    ...{ ephemeralCache: false, analytics: false, timeout: 0 },
  });
  return {
    name: `@upstash/ratelimit, ${algorithm}`,
    take: async (key) => (await limit.limit(key)).success,
  };
}

/**
 * What @upstash/ratelimit asks of its client over HTTP, over a socket: its round trip is not what is compared. Its scripts name a
 * flag that only Upstash's own server knows; without that line a stock one runs them.
 */
function overSocket(client: Redis): UpstashRedis {
  const hashes = new Map<string, string>();
  return {
    async evalsha(hash, keys, args) {
      const known = hashes.get(hash);
      if (known === undefined) throw new Error('NOSCRIPT No matching script');
      return await client.evalsha(known, keys.length, ...keys, ...args.map(String));
    },
    async eval(script, keys, args) {
      const loaded = await client.script('LOAD', script.replace(/^#!.*/, ''));
      hashes.set(createHash('sha1').update(script).digest('hex'), String(loaded));
      return await client.evalsha(String(loaded), keys.length, ...keys, ...args.map(String));
    },
  };
}
