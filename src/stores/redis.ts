/**
 * State in Redis or Valkey, shared by all instances.
 *
 * No client is imported: an adapter makes the one that an application has fit. Set the server to
 * `maxmemory-policy volatile-ttl` or give this its own: other policies forget spent limits first.
 *
 * @module
 */

import { knownOptions } from '../core/option.ts';
import {
  type CallOptions,
  type Capabilities,
  type Entry,
  type Grant,
  type Limit,
  type SetOptions,
  StoreError,
  type TakingStore,
} from './contract.ts';
import { setScript, takeScript } from './redis-scripts.ts';

export {
  type IoredisClient,
  type IoredisSubscriber,
  ioredis,
  type NodeRedisClient,
  type NodeRedisEval,
  type NodeRedisSubscriber,
  nodeRedis,
  type UpstashRedisClient,
  upstashRedis,
} from './redis-clients.ts';

/** What is asked of a Redis client. See {@link nodeRedis}, {@link ioredis} and {@link upstashRedis}. */
export interface RedisCommands {
  get(key: string): Promise<string | null>;
  /** `EVALSHA`. Rejects with an error whose message begins with `NOSCRIPT` where the server does not know the script. */
  evaluateByHash(hash: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** `EVAL`. */
  evaluate(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Listens on a channel; the result ends it. Absent where a client cannot, as over HTTP. */
  subscribe?(channel: string, listener: (message: string) => void): Promise<() => Promise<void>>;
  /** Closes the connections that {@link subscribe} opened; the application's own client is its own to close. */
  close?(): Promise<void>;
}

/** Settings of {@link redisStore}. */
export interface RedisStoreOptions {
  /** In front of every key. Default: `'fm'`. */
  readonly prefix?: string;
}

const capabilities: Capabilities = {
  consistency: 'linearizable',
  staleMs: 0,
  minWriteMs: 0,
  minTtlMs: 1,
};

/**
 * Makes a store of a Redis client.
 *
 * Each call is one script on one key, so it is atomic, and any slot of a cluster serves it. Time is the server's: the
 * clocks of the instances do not matter. A call whose answer was lost is not repeated: what it took counts as spent.
 *
 * Give the client no queue of its own for bad times (`disableOfflineQueue: true` of node-redis, `enableOfflineQueue: false`
 * and `maxRetriesPerRequest: 0` of ioredis), and put `guardedStore` in front: clients wait for a frozen server for seconds.
 *
 * @example
 * ```ts
 * const commands = { get: async () => '7\nrules', evaluate: async () => null, evaluateByHash: async () => null };
 * await redisStore(commands).get('rules'); // { version: '7', value: 'rules' }
 * ```
 */
export function redisStore(commands: RedisCommands, options: RedisStoreOptions = {}): TakingStore {
  knownOptions('redisStore', options, {
    prefix: true,
  });
  const { prefix = 'fm' } = options;
  const { subscribe } = commands;
  // The braces keep what belongs to one key in one slot of a cluster.
  const keyOf = (key: string): string => `${prefix}:{${key}}`;
  const limitOf = (key: string): string => `${prefix}:t:{${key}}`;
  const take = script(commands, takeScript);
  const set = script(commands, setScript);
  return {
    name: 'redis',
    capabilities,
    async get(key) {
      return entryOf(await commands.get(keyOf(key)));
    },
    async set(key, value, { ttlMs, if: version }: SetOptions = {}) {
      const answer = await set(keyOf(key), [
        version === undefined ? 'any' : version === null ? 'absent' : 'version',
        version ?? '',
        value === null ? '0' : '1',
        value ?? '',
        ttlMs === undefined ? '' : String(Math.max(1, Math.ceil(ttlMs))),
      ]);
      return typeof answer === 'string' ? answer : false;
    },
    async take(key: string, limit: Limit, n: number, min: number, _options?: CallOptions) {
      const unitMs = limit.windowMs / limit.quota;
      return grantOf(await take(limitOf(key), [unitMs, limit.burst, n, min].map(String)));
    },
    ...(subscribe && {
      async watch(key: string, changed: (entry: Entry | null) => void, signal: AbortSignal) {
        const stop = await subscribe.call(commands, keyOf(key), (message) => {
          if (!signal.aborted) changed(entryOf(message));
        });
        if (signal.aborted) await stop();
        else signal.addEventListener('abort', () => void stop().catch(() => {}), { once: true });
      },
    }),
    async close() {
      await commands.close?.();
    },
  };
}

/** A value is kept behind its version and a line break; what somebody else wrote has no version. */
function entryOf(stored: string | null): Entry | null {
  if (stored === null || stored === '') return null;
  const version = /^\d+(?=\n)/.exec(stored)?.[0] ?? '';
  return { version, value: version === '' ? stored : stored.slice(version.length + 1) };
}

function grantOf(answer: unknown): Grant {
  if (!Array.isArray(answer) || answer.length !== 4) {
    throw new StoreError('UNAVAILABLE', `the store 'redis' answered ${JSON.stringify(answer)}`);
  }
  const [granted, remaining, retryMs, resetMs] = answer.map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return {
    granted,
    remaining,
    retryMs: retryMs < 0 ? Number.POSITIVE_INFINITY : retryMs,
    resetMs,
  };
}

/** Runs a script that is sent whole only where the server does not have it (after a restart, on another node). */
function script(commands: RedisCommands, source: string) {
  let hash: Promise<string> | undefined;
  return async (key: string, args: readonly string[]): Promise<unknown> => {
    hash ??= sha1(source);
    try {
      return await commands.evaluateByHash(await hash, [key], args);
    } catch (error) {
      if (!String((error as Error)?.message).includes('NOSCRIPT')) throw error;
      return await commands.evaluate(source, [key], args);
    }
  };
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
