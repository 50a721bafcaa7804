/**
 * The Redis clients of applications, as what `redisStore` asks for.
 *
 * @module
 */

import type { RedisCommands } from './redis.ts';

/** What is used of a client of the package `redis` (node-redis 5 and later), or of its cluster. */
export interface NodeRedisClient {
  get(key: string): Promise<string | null>;
  eval(script: string, options: NodeRedisEval): Promise<unknown>;
  evalSha(hash: string, options: NodeRedisEval): Promise<unknown>;
  duplicate(): NodeRedisSubscriber;
}

/** Keys and arguments of a script. */
export interface NodeRedisEval {
  keys: string[];
  arguments: string[];
}

/** What is used of a second connection of node-redis. */
export interface NodeRedisSubscriber {
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: that of a cluster wants a listener that takes bytes as well.
  unsubscribe(channel: string, listener: (message: any) => void): Promise<unknown>;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  destroy(): void;
}

/**
 * Adapts a connected client of the package `redis`, or what `createCluster` makes. A second connection is opened once something is watched.
 *
 * @param onError Told of errors of that connection, which comes back by itself. Default: nobody.
 *
 * @example
 * ```ts
 * const client = { get: async () => '1\nhello' } as unknown as NodeRedisClient;
 * (await redisStore(nodeRedis(client)).get('greeting'))?.value; // 'hello'
 * ```
 */
export function nodeRedis(
  client: NodeRedisClient,
  onError: (error: unknown) => void = () => {},
): RedisCommands {
  let subscriber:
    | { readonly second: NodeRedisSubscriber; readonly connected: Promise<unknown> }
    | undefined;
  function connect(): NonNullable<typeof subscriber> {
    const second = client.duplicate();
    second.on('error', onError);
    return { second, connected: second.connect() };
  }
  const options = (keys: readonly string[], args: readonly string[]): NodeRedisEval => ({
    keys: [...keys],
    arguments: [...args],
  });
  return {
    get: (key) => client.get(key),
    evaluate: (script, keys, args) => client.eval(script, options(keys, args)),
    evaluateByHash: (hash, keys, args) => client.evalSha(hash, options(keys, args)),
    async subscribe(channel, listener) {
      subscriber ??= connect();
      const mine = subscriber;
      const { second, connected } = mine;
      try {
        await connected;
      } catch (error) {
        // Whoever watches next is given another connection: this one has given up for good.
        if (subscriber === mine) subscriber = undefined;
        throw error;
      }
      await second.subscribe(channel, listener);
      return async () => {
        await second.unsubscribe(channel, listener);
      };
    },
    async close() {
      // Also one that never came about: it would try again for ever.
      subscriber?.second.destroy();
      subscriber = undefined;
    },
  };
}

/** What is used of a client of the package `ioredis` (5 and later), of its cluster, or of `iovalkey`. */
export interface IoredisClient {
  readonly isCluster?: boolean;
  get(key: string): Promise<string | null>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  evalsha(hash: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: options of its own, and in a cluster nodes before them.
  duplicate(...override: any[]): IoredisSubscriber;
}

/** What is used of a second connection of ioredis. */
export interface IoredisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  disconnect(): void;
}

/**
 * Adapts a client of the package `ioredis`, or its `Cluster`. A second connection is opened once something is watched.
 *
 * @param onError Told of errors of that connection, which comes back by itself. Default: nobody.
 *
 * @example
 * ```ts
 * const client = { get: async () => '1\nhello' } as unknown as IoredisClient;
 * (await redisStore(ioredis(client)).get('greeting'))?.value; // 'hello'
 * ```
 */
export function ioredis(
  client: IoredisClient,
  onError: (error: unknown) => void = () => {},
): RedisCommands {
  const listeners = new Map<string, Set<(message: string) => void>>();
  let subscriber: IoredisSubscriber | undefined;
  function connect(): IoredisSubscriber {
    // What is subscribed to before the connection is up has to wait for it.
    const override = { enableOfflineQueue: true };
    const second = client.isCluster ? client.duplicate([], override) : client.duplicate(override);
    second.on('error', onError);
    second.on('message', (channel, message) => {
      for (const listener of listeners.get(channel) ?? []) listener(message);
    });
    return second;
  }
  return {
    get: (key) => client.get(key),
    evaluate: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    evaluateByHash: (hash, keys, args) => client.evalsha(hash, keys.length, ...keys, ...args),
    async subscribe(channel, listener) {
      subscriber ??= connect();
      const second = subscriber;
      const present = listeners.get(channel);
      listeners.set(channel, (present ?? new Set()).add(listener));
      /** @returns Whether nobody listens on the channel any more. */
      function leave(): boolean {
        const others = listeners.get(channel);
        others?.delete(listener);
        return others?.size === 0 && listeners.delete(channel);
      }
      try {
        if (present === undefined) await second.subscribe(channel);
      } catch (error) {
        // Left in the list, it would keep whoever watches next from asking for the channel again.
        leave();
        throw error;
      }
      return async () => {
        if (leave()) await second.unsubscribe(channel);
      };
    },
    async close() {
      subscriber?.disconnect();
      subscriber = undefined;
      listeners.clear();
    },
  };
}

/** What is used of a client of the package `@upstash/redis`, made with `automaticDeserialization: false`. */
export interface UpstashRedisClient {
  get(key: string): Promise<unknown>;
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
  evalsha(hash: string, keys: string[], args: string[]): Promise<unknown>;
}

/**
 * Adapts a client of the package `@upstash/redis`, for platforms without sockets. It cannot watch; who would, polls.
 *
 * @param client Made with `automaticDeserialization: false`: values are text.
 *
 * @example
 * ```ts
 * const client = { get: async () => '1\nhello' } as unknown as UpstashRedisClient;
 * (await redisStore(upstashRedis(client)).get('greeting'))?.value; // 'hello'
 * ```
 */
export function upstashRedis(client: UpstashRedisClient): RedisCommands {
  return {
    async get(key) {
      const value = await client.get(key);
      return value === null || value === undefined ? null : String(value);
    },
    evaluate: (script, keys, args) => client.eval(script, [...keys], [...args]),
    evaluateByHash: (hash, keys, args) => client.evalsha(hash, [...keys], [...args]),
  };
}
