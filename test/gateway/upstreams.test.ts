import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { rejectionOf } from '../../src/index.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { rulesFrom } from '../support/rules.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const route = 'routes: [{ path: /**, to: a }]\n';
const three = 'urls: ["http://one.test", "http://two.test", "http://three.test"]';
const turns = 'balance: round_robin';

/** A gateway over hosts that answer a status, 200 by default; what reached them is in `sent`. */
function gatewayFor(text: string) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const statuses: Record<string, number> = {};
  const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), {
    clock,
    random: () => 0,
    transport: async (url) => {
      sent.push(url);
      return new Response(null, { status: statuses[new URL(url).hostname] ?? 200 });
    },
  });
  async function get(times = 1): Promise<Response> {
    let last: Response | undefined;
    for (let count = 0; count < times; count++) {
      last = await gateway.fetch(new Request('http://shop.example/'));
    }
    return last as Response;
  }
  const replace = (next: string): void =>
    gateway.replace(rulesFrom(next, { mode: 'gateway' }), '2');
  return { gateway, get, sent, statuses, replace, clock };
}

const ejected = ({ endpoints }: ReturnType<typeof createGateway>): string[] =>
  endpoints.filter(({ isEjected }) => isEjected).map(({ url }) => url);

describe('services of the rules', () => {
  test('outlier leaves out what fails', async () => {
    const { gateway, get, sent, statuses } = gatewayFor(
      `services: { a: { ${three}, ${turns}, outlier: { failures: 2 } } }\n${route}`,
    );
    statuses['one.test'] = 500;
    await get(6);
    expect(ejected(gateway)).toEqual(['http://one.test']);
    sent.length = 0;
    await get(4);
    expect(sent).not.toContain('http://one.test/');
  });

  test('health asks, and leaves out what does not answer well', async () => {
    const { gateway, get, sent, statuses } = gatewayFor(
      `services: { a: { ${three}, ${turns}, health: { path: /healthz, down_after: 1 } } }\n${route}`,
    );
    statuses['two.test'] = 503;
    expect(gateway.nextCheckMs).toBe(Number.NEGATIVE_INFINITY);
    await gateway.checkHealth();
    expect(gateway.nextCheckMs).toBe(9_000);
    expect(sent).toEqual([
      'http://one.test/healthz',
      'http://two.test/healthz',
      'http://three.test/healthz',
    ]);
    sent.length = 0;
    await get(4);
    expect(new Set(sent)).toEqual(new Set(['http://one.test/', 'http://three.test/']));
  });

  test('without health there is nothing to check', async () => {
    const { gateway } = gatewayFor(`services: { a: { ${three} } }\n${route}`);
    expect(gateway.nextCheckMs).toBe(Number.POSITIVE_INFINITY);
    await gateway.checkHealth();
  });

  test('weights share out', async () => {
    const { get, sent } = gatewayFor(
      `services: { a: { urls: [{ url: "http://one.test", weight: 3 }, "http://two.test"], ${turns} } }\n${route}`,
    );
    await get(8);
    expect(sent.filter((url) => url === 'http://one.test/').length).toBe(6);
  });

  test('with no endpoint left the answer is a 503 that names none', async () => {
    const { gateway, get, statuses } = gatewayFor(
      `services: { a: { url: "http://one.test", balance: { panic: 0% }, health: { path: /, down_after: 1 } } }\n${route}`,
    );
    statuses['one.test'] = 500;
    await gateway.checkHealth();
    const response = await get();
    expect(rejectionOf(response)).toMatchObject({ reason: 'no_healthy_upstream', status: 503 });
    expect(await response.text()).not.toContain('one.test');
  });

  test('a binding of Workers is one endpoint, whatever the rest says', async () => {
    const { gateway, sent } = gatewayFor(
      `services: { a: { ${three}, binding: SHOP, outlier: {} } }\n${route}`,
    );
    const calls: string[] = [];
    const SHOP = {
      async fetch(url: string) {
        calls.push(url);
        return new Response('bound');
      },
    };
    const response = await gateway.fetch(new Request('http://shop.example/x'), { SHOP }, {});
    expect(await response.text()).toBe('bound');
    expect(calls).toEqual(['http://one.test/x']);
    expect(sent).toEqual([]);
  });
});

describe('R5: over a reload', () => {
  const outlier = 'outlier: { failures: 2 }';

  test('an endpoint keeps its ejection where its service is unchanged, also beside new ones', async () => {
    const { gateway, get, statuses, replace, sent } = gatewayFor(
      `services: { a: { ${three}, ${turns}, ${outlier} } }\n${route}`,
    );
    statuses['one.test'] = 500;
    await get(6);
    replace(
      `services: { a: { urls: ["http://one.test", "http://two.test", "http://four.test"], ${turns}, ${outlier} } }\n${route}`,
    );
    expect(ejected(gateway)).toEqual(['http://one.test']);
    sent.length = 0;
    await get(4);
    expect(new Set(sent)).toEqual(new Set(['http://two.test/', 'http://four.test/']));
  });

  test('it begins anew where the block has changed', async () => {
    const { gateway, get, statuses, replace } = gatewayFor(
      `services: { a: { ${three}, ${turns}, ${outlier} } }\n${route}`,
    );
    statuses['one.test'] = 500;
    await get(6);
    replace(`services: { a: { ${three}, ${turns}, outlier: { failures: 3 } } }\n${route}`);
    expect(ejected(gateway)).toEqual([]);
  });

  test('intervals go on, however often rules are loaded', async () => {
    const rules = `services: { a: { ${three}, ${turns}, ${outlier} } }\n${route}`;
    const { gateway, get, statuses, replace, clock } = gatewayFor(rules);
    statuses['one.test'] = 500;
    await get(6);
    for (let count = 0; count < 10; count++) {
      await clock.advance(3_000);
      replace(rules);
      await get();
    }
    expect(ejected(gateway)).toEqual([]);
  });
});

describe('metrics of upstreams, under Envoy’s names', () => {
  const lines = (gateway: ReturnType<typeof createGateway>): string[] =>
    expose(gateway.registry, 'text')
      .split('\n')
      .filter((line) => line.startsWith('envoy_cluster'));

  test('tell how many endpoints there are, are healthy, are ejected, and were', async () => {
    const { gateway, get, statuses } = gatewayFor(
      `services: { a: { ${three}, ${turns}, outlier: { failures: 1 } } }\n${route}`,
    );
    statuses['one.test'] = 500;
    await get(3);
    const expected = [
      'envoy_cluster_membership_total{envoy_cluster_name="a"} 3',
      'envoy_cluster_membership_healthy{envoy_cluster_name="a"} 2',
      'envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="a"} 1',
      'envoy_cluster_outlier_detection_ejections_enforced_total{envoy_cluster_name="a"} 1',
    ];
    expect(lines(gateway)).toEqual(expected);
    expect(lines(gateway)).toEqual(expected);
  });

  test('go with an upstream that a reload took away', () => {
    const { gateway, replace } = gatewayFor(
      `services: { a: { versions: { v1: "http://one.test", v2: "http://two.test" } } }\nroutes: [{ path: /**, to: { a@v1: 50, a@v2: 50 } }]`,
    );
    expect(lines(gateway).filter((line) => line.includes('a@v2')).length).toBe(4);
    replace(`services: { a: "http://one.test" }\n${route}`);
    const names = lines(gateway).map((line) => /name="(.*)"/.exec(line)?.[1]);
    expect(new Set(names)).toEqual(new Set(['a']));
  });

  test('ejections go on being counted where a reload began anew', async () => {
    const { gateway, get, statuses, replace } = gatewayFor(
      `services: { a: { ${three}, ${turns}, outlier: { failures: 1 } } }\n${route}`,
    );
    statuses['one.test'] = 500;
    await get(3);
    lines(gateway);
    replace(`services: { a: { ${three}, ${turns}, outlier: { failures: 2 } } }\n${route}`);
    await get(6);
    expect(lines(gateway)).toContain(
      'envoy_cluster_outlier_detection_ejections_enforced_total{envoy_cluster_name="a"} 2',
    );
  });
});
