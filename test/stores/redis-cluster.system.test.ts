/** The Redis store on a real cluster of three masters, through both clients. */

import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeChecks } from '../../src/stores/conformance.ts';
import type { Limit, TakingStore } from '../../src/stores/contract.ts';
import { ioredis, nodeRedis, redisStore } from '../../src/stores/redis.ts';
import {
  moveSlot,
  type RedisCluster,
  type RedisNode,
  startRedisCluster,
} from '../support/redis-cluster.ts';

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
});

afterAll(async () => {
  await cluster.stop();
});

const clients: Readonly<Record<string, () => Promise<{ store: TakingStore; end(): void }>>> = {
  async 'node-redis'() {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) });
    client.on('error', () => {});
    await client.connect();
    return { store: redisStore(nodeRedis(client)), end: () => client.destroy() };
  },
  async ioredis() {
    const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Cluster(nodes, { enableOfflineQueue: false });
    await new Promise((resolve) => client.once('ready', resolve));
    return { store: redisStore(ioredis(client)), end: () => client.disconnect() };
  },
};

const perDay = (burst: number): Limit => ({ quota: 1, windowMs: 86_400_000, burst });

describe.each(Object.entries(clients))('through %s', (name, connect) => {
  let store: TakingStore;
  let end: () => void;

  beforeAll(async () => {
    ({ store, end } = await connect());
  });

  afterAll(async () => {
    await store.close?.();
    end();
  });

  test('FT-23 holds all that a store has to hold', async () => {
    const complaints: string[] = [];
    const checks = storeChecks(store);
    for (const { name, run } of checks) {
      await run().catch((error: Error) => complaints.push(`${name}: ${error.message}`));
    }
    expect([checks.length, complaints]).toEqual([19, []]);
  });

  test('FT-23 is spread over all nodes, and touches one slot with each call', async () => {
    const keys = Array.from({ length: 60 }, (_, index) => `${name}-${index}`);
    for (const key of keys) {
      await store.take(key, perDay(1), 1, 1);
      await store.set(key, 'one', { if: null });
    }
    const sizes = await Promise.all(cluster.nodes.map(({ admin }) => admin.dbsize()));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  test('FT-23 a slot moves under load: no unit is granted twice, no call is refused for its slot', async () => {
    const key = `${name} moves`;
    const burst = 300;
    const slot = Number(await cluster.nodes[0].admin.call('CLUSTER', 'KEYSLOT', `{${key}}`));
    let granted = 0;
    const failures: string[] = [];
    async function takeSome(): Promise<void> {
      for (let round = 0; round < 20; round++) {
        await Promise.all(
          Array.from({ length: 4 }, async () => {
            try {
              const grant = await store.take(key, perDay(burst), 1, 1);
              granted += grant.granted;
            } catch (error) {
              failures.push((error as Error).message);
            }
          }),
        );
      }
    }
    await takeSome();
    const [owner, to] = await ownerOf(slot);
    const others = cluster.nodes.filter((node) => node !== owner && node !== to);
    await moveSlot(slot, owner, to, others, takeSome);
    await takeSome();
    await takeSome();
    console.log(`FT-23 ${name}: ${granted} of ${burst} granted, ${failures.length} calls failed`);
    expect(granted).toBeLessThanOrEqual(burst);
    expect(granted + failures.length).toBeGreaterThanOrEqual(burst);
    expect(failures.length).toBeLessThanOrEqual(1);
    expect(failures.join()).not.toContain('CROSSSLOT');
  });
});

/** Who has a slot, and somebody who has not. */
async function ownerOf(slot: number): Promise<[RedisNode, RedisNode]> {
  for (const node of cluster.nodes) {
    const shards = String(await node.admin.call('CLUSTER', 'NODES'));
    const own = /^\S+ \S+ myself,master .*? connected (.*)$/m.exec(shards)?.[1] ?? '';
    const has = own.split(' ').some((range) => {
      const [from, to = from] = range.split('-').map(Number) as [number, number?];
      return slot >= from && slot <= to;
    });
    if (has) return [node, cluster.nodes.find((other) => other !== node) as RedisNode];
  }
  throw new Error(`nobody has slot ${slot}`);
}
