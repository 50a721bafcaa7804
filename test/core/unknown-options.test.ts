import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { nodeTransport } from '../../src/runtimes/node-transport.ts';
import { worker } from '../../src/runtimes/workers.ts';
import { denoKvStore } from '../../src/stores/deno-kv.ts';
import { durableObjectStore } from '../../src/stores/durable-object.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { guardedStore } from '../../src/stores/guarded.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { redisStore } from '../../src/stores/redis.ts';
import { unstorageStore } from '../../src/stores/unstorage.ts';
import { workersKvStore } from '../../src/stores/workers-kv.ts';
import { accessLog } from '../../src/telemetry/access-log.ts';
import { metrics } from '../../src/telemetry/metrics.ts';
import { tracing } from '../../src/telemetry/tracing.ts';
import { rulesFrom } from '../support/rules.ts';

const counting = { take: () => {} };
const rules = rulesFrom('routes: [{ path: /, respond: {} }]');

// Beside the policies, whose options are in `test/policies/wrong-options.test.ts`.
const factories: Readonly<Record<string, (options: never) => unknown>> = {
  accessLog,
  metrics,
  tracing,
  nodeTransport,
  worker,
  memoryStore,
  createGateway: (options) => createGateway(rules, options),
  governance: (options) => governance(rules, options),
  exactStore: (options) => exactStore(counting as never, options),
  leasedStore: (options) => leasedStore(counting as never, options),
  guardedStore: (options) => guardedStore(counting as never, options),
  redisStore: (options) => redisStore(counting as never, options),
  denoKvStore: (options) => denoKvStore({} as never, options),
  unstorageStore: (options) => unstorageStore({ getItem: () => {} } as never, options),
  workersKvStore: (options) => workersKvStore({ getWithMetadata: () => {} } as never, options),
  durableObjectStore: (options) => durableObjectStore({ idFromName: () => {} } as never, options),
};

describe.each(Object.entries(factories))('%s', (name, make) => {
  test('refuses an option that there is not, and says which there are', () => {
    expect(() => make({ capasity: 1 } as never)).toThrow(
      new RegExp(`^${name}: there is no option 'capasity', only \\w+`),
    );
  });

  test('refuses what is no object with options', () => {
    expect(() => make('10' as never)).toThrow(`${name}: "10" is not an object with options`);
  });
});
