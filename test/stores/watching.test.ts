import { describe, expect, test } from 'vitest';
import { type DenoKvLike, denoKvStore } from '../../src/stores/deno-kv.ts';
import {
  type IoredisClient,
  ioredis,
  type NodeRedisClient,
  nodeRedis,
  type RedisCommands,
} from '../../src/stores/redis.ts';

/** What watches again after it could not: a channel of Redis, whose server is out at first. */
const clients: Readonly<
  Record<string, (isOut: () => boolean) => { commands: RedisCommands; tell: () => void }>
> = {
  'node-redis': (isOut) => {
    const listeners: ((message: string) => void)[] = [];
    const duplicate = () => ({
      async connect() {
        if (isOut()) throw new Error('no connection');
      },
      subscribe: async (_: string, listener: (message: string) => void) => listeners.push(listener),
      unsubscribe: async () => {},
      on() {},
      destroy() {},
    });
    const client = { duplicate } as unknown as NodeRedisClient;
    const tell = (): void => {
      for (const hear of listeners) hear('7');
    };
    return { commands: nodeRedis(client), tell };
  },
  ioredis: (isOut) => {
    const channels = new Set<string>();
    let hear: (channel: string, message: string) => void = () => {};
    const duplicate = () => ({
      async subscribe(channel: string) {
        if (isOut()) throw new Error('no connection');
        channels.add(channel);
      },
      unsubscribe: async (channel: string) => channels.delete(channel),
      on(event: string, listener: typeof hear) {
        if (event === 'message') hear = listener;
      },
      disconnect() {},
    });
    const client = { duplicate } as unknown as IoredisClient;
    const tell = (): void => {
      for (const channel of channels) hear(channel, '7');
    };
    return { commands: ioredis(client), tell };
  },
};

describe.each(Object.entries(clients))('a channel of %s', (_, make) => {
  test('is listened on where it could not be before', async () => {
    let isOut = true;
    const heard: string[] = [];
    const { commands, tell } = make(() => isOut);
    const listen = () => commands.subscribe?.('news', (message) => heard.push(message));
    await expect(listen()).rejects.toThrow('no connection');
    isOut = false;
    const stop = await listen();
    tell();
    expect(heard).toEqual(['7']);
    await stop?.();
  });
});

test('Deno KV is not watched for whoever has left already', async () => {
  const asked: unknown[] = [];
  const watch = (keys: unknown) => {
    asked.push(keys);
    return new ReadableStream();
  };
  await denoKvStore({ watch } as unknown as DenoKvLike).watch?.(
    'news',
    () => {},
    AbortSignal.abort(),
  );
  expect(asked).toEqual([]);
});
