import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** A Redis Cluster of the test's own: three masters, no replicas. */
export interface RedisCluster {
  readonly nodes: readonly [RedisNode, RedisNode, RedisNode];
  stop(): Promise<void>;
}

/** One of the masters, and a connection to it alone. */
export interface RedisNode {
  readonly id: string;
  readonly url: string;
  readonly port: number;
  readonly admin: Redis;
}

const slots = 16_384;

/** Starts three servers that share the slots; resolves when all of them serve. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const nodes: RedisNode[] = [];
  for (let index = 0; index < 3; index++) {
    const bus = await freePort();
    const server = await startRedis(
      ...['--cluster-enabled', 'yes', '--cluster-port', `${bus}`],
      // One that gets no processor for a while is not gone.
      ...['--cluster-node-timeout', '60000'],
    );
    servers.push(server);
    const admin = new Redis(server.url);
    const id = String(await admin.call('CLUSTER', 'MYID'));
    nodes.push({ id, url: server.url, port: Number(new URL(server.url).port), admin });
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`);
    const [from, to] = [index, index + 1].map((part) => Math.floor((part * slots) / 3));
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${(to as number) - 1}`);
    const [first] = nodes as [RedisNode];
    if (index > 0)
      await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', `${admin.options.port}`, `${bus}`);
  }
  for (const { admin } of nodes) {
    for (;;) {
      const info = String(await admin.call('CLUSTER', 'INFO'));
      if (info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    nodes: nodes as [RedisNode, RedisNode, RedisNode],
    async stop() {
      for (const { admin } of nodes) admin.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/** Moves a slot, in the steps of `redis-cli --cluster reshard`; `between` runs where both nodes have a part in it. */
export async function moveSlot(
  slot: number,
  from: RedisNode,
  to: RedisNode,
  others: readonly RedisNode[],
  between: () => Promise<void>,
): Promise<void> {
  await to.admin.call('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', from.id);
  await from.admin.call('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', to.id);
  await between();
  const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '100')) as string[];
  for (const key of keys) {
    await from.admin.call('MIGRATE', '127.0.0.1', `${to.port}`, key, '0', '5000');
    await between();
  }
  for (const node of [to, from, ...others]) {
    await node.admin.call('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', to.id);
  }
}
