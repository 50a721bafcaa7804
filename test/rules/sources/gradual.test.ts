/** Rules that come from elsewhere, many of them: requests are served between the slices in which they are taken in. */

import { describe, expect, test } from 'vitest';
import { createGateway } from '../../../src/gateway/gateway.ts';
import type { Rules } from '../../../src/rules/model.ts';
import { followRules } from '../../../src/rules/sources/follow.ts';
import { httpRules } from '../../../src/rules/sources/http.ts';
import { kvRules } from '../../../src/rules/sources/kv.ts';
import type { RulesSource } from '../../../src/rules/sources/source.ts';
import { publishRules, storeRules } from '../../../src/rules/sources/store.ts';
import { memoryStore } from '../../../src/stores/memory.ts';
import { rulesFrom } from '../../support/rules.ts';

const count = 10_000;

function many(status: number): Rules {
  const small = rulesFrom(
    `services: { web: "http://web.test" }
routes: [{ name: one, path: /one/:id, timeout: 3s, retries: 2, breaker: { failures: 5 }, to: web }, { path: /**, respond: { status: ${status} } }]`,
  );
  const [one, rest] = small.routes as [Rules['routes'][number], Rules['routes'][number]];
  const routes = Array.from({ length: count }, (_, index) => ({
    ...one,
    name: `route-${index}`,
    path: `/service-${index}/:id`,
  }));
  return { ...small, routes: [...routes, rest] };
}

/** Where rules come from, and what they are published with. */
interface Place {
  readonly source: RulesSource;
  publish(rules: Rules): Promise<unknown>;
}

function overHttp(): Place {
  let text = '';
  return {
    source: httpRules('https://config.example/rules.json', {
      fetch: async () => new Response(text),
    }),
    async publish(rules) {
      text = JSON.stringify(rules);
    },
  };
}

function inStore(): Place {
  const store = memoryStore();
  return { source: storeRules(store), publish: (rules) => publishRules(store, rules) };
}

function inKv(): Place {
  const store = memoryStore();
  return {
    source: kvRules({ get: async (key) => (await store.get(key))?.value ?? null }),
    publish: (rules) => publishRules(store, rules),
  };
}

describe('10,000 routes', () => {
  test.each<[from: string, make: () => Place]>([
    ['HTTP', overHttp],
    ['a store: Redis, Deno KV', inStore],
    ['Workers KV', inKv],
  ])(
    'R4, RF-08: from %s: requests are served by the rules before until all are there',
    async (_, make) => {
      const { source, publish } = make();
      const gateway = createGateway(
        rulesFrom('routes: [{ path: /**, respond: { status: 200 } }]'),
        { revision: '0' },
      );
      let phase: 'reading' | 'compiling' = 'reading';
      const served = { reading: 0, compiling: 0 };
      const followed = followRules({
        source,
        // However long this machine takes.
        timeoutMs: 600_000,
        apply(rules, revision) {
          phase = 'compiling';
          return gateway.replaceGradually(rules, String(revision));
        },
      });
      await publish(many(201));

      let isDone = false;
      const refreshed = followed.refresh().then(() => {
        isDone = true;
      });
      while (!isDone) {
        // A turn of the runtime: what came in meanwhile is served.
        await new Promise((resolve) => setTimeout(resolve, 0));
        const { status } = await gateway.fetch(new Request('http://shop.example/anything'));
        if (status === 200) served[phase] += 1;
        else expect(gateway.revision).toBe('1');
      }
      await refreshed;
      expect(gateway.revision).toBe('1');
      const { status } = await gateway.fetch(new Request('http://shop.example/anything'));
      expect(status).toBe(201);
      // In one go there would be a turn or two.
      expect(served.reading).toBeGreaterThan(5);
      expect(served.compiling).toBeGreaterThan(5);
    },
  );
});
