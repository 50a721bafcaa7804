import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, startShop } from '../../workers/shop.ts';

/** A random source that is the same on each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const spans = new InMemorySpanExporter();
const logs: { version: string; 'inventory.host': string }[] = [];
let shop: Shop;
let token: string;

beforeAll(async () => {
  const { privateKey } = await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign', 'verify'],
  );
  shop = await startShop({
    ports: { gateway: 0, auth: [0, 0], order: [0, 0], inventory: [0, 0] },
    privateJwk: JSON.stringify(await crypto.subtle.exportKey('jwk', privateKey)),
    random: seeded(20_261_124),
    log: (line) => logs.push(JSON.parse(line)),
    tracerProvider: (service) =>
      new WebTracerProvider({
        resource: { attributes: { 'service.name': service } } as never,
        spanProcessors: [new SimpleSpanProcessor(spans)],
      }),
  });
  const response = await fetch(`${shop.url}/auth/token`, {
    method: 'POST',
    body: '{"user":"ada"}',
  });
  token = ((await response.json()) as { token: string }).token;
});

afterAll(() => shop.close());

const canary = { 'x-env': 'canary' };

function order(headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${shop.url}/orders`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ sku: 'SKU-001', quantity: 1 }),
  });
}

function metricsOf(instance: string): Promise<string> {
  return fetch(`${shop.services[instance]}/metrics`).then((response) => response.text());
}

describe('the shop', () => {
  test('users are listed without a token, orders are not taken without one', async () => {
    const users = await fetch(`${shop.url}/api/users`);
    expect(users.status).toBe(200);
    expect(((await users.json()) as { users: unknown[] }).users).toHaveLength(3);

    const anonymous = await fetch(`${shop.url}/orders`, { method: 'POST', body: '{}' });
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toBe('Bearer');
    expect((await order()).status).toBe(201);
  });

  test('a token that another key signed, that is cut off or says alg none is refused', async () => {
    const [, payload] = token.split('.') as [string, string];
    const none = `${btoa('{"alg":"none"}').replaceAll('=', '')}.${payload}.`;
    for (const bad of [`${token.slice(0, -4)}AAAA`, token.slice(0, -20), none, 'x']) {
      expect((await order({ authorization: `Bearer ${bad}` })).status, bad).toBe(401);
    }
  });

  test('M15: unmarked requests never reach a canary', async () => {
    for (let call = 0; call < 100; call++) {
      const response = await fetch(`${shop.url}/api/users`);
      expect(response.headers.get('x-service-version')).toBe('v1');
      await response.body?.cancel();
    }
    expect(await metricsOf('auth-canary')).not.toContain('auth_request_total{env="canary"');
  });

  test('M15: one in five marked requests is answered by the canary', async () => {
    let canaries = 0;
    const calls = 1_000;
    for (let call = 0; call < calls; call++) {
      const response = await fetch(`${shop.url}/api/users`, { headers: canary });
      expect(response.status).toBe(200);
      if (response.headers.get('x-service-version') === 'v2') canaries += 1;
      await response.body?.cancel();
    }
    // Five standard deviations of a binomial distribution: sqrt(1000 · 0.2 · 0.8) = 12.6.
    expect(Math.abs(canaries - calls * 0.2)).toBeLessThan(64);
    expect(await metricsOf('auth-canary')).toContain('auth_request_total{env="canary"');
  });

  test('M15: a marked login served by the canary says v2', async () => {
    const versions = new Set<string | null>();
    for (let call = 0; call < 60; call++) {
      const response = await fetch(`${shop.url}/auth/token`, {
        method: 'POST',
        headers: canary,
        body: '{"user":"grace"}',
      });
      expect(response.status).toBe(200);
      versions.add(response.headers.get('x-service-version'));
      await response.body?.cancel();
    }
    expect(versions).toEqual(new Set(['v1', 'v2']));
  });

  test('M15: the canary of order, and it alone, calls the canary of inventory', async () => {
    logs.length = 0;
    for (let call = 0; call < 60; call++) {
      const response = await order(canary);
      expect(response.status).toBe(201);
      await response.body?.cancel();
    }
    expect(new Set(logs.map((line) => `${line.version} ${line['inventory.host']}`))).toEqual(
      new Set(['v1 inventory-stable', 'v2 inventory-canary']),
    );
    expect(await metricsOf('inventory-canary')).toMatch(
      /inventory_request_total\{env="canary"[^}]*\} [1-9]/,
    );
  });

  test('baggage from outside cannot send anybody to a canary', async () => {
    logs.length = 0;
    for (let call = 0; call < 20; call++) {
      const response = await order({ baggage: 'env=canary', 'x-item-id': 'x' });
      await response.body?.cancel();
    }
    expect(new Set(logs.map((line) => line['inventory.host']))).toEqual(
      new Set(['inventory-stable']),
    );
  });

  test('one trace spans gateway, order and inventory', async () => {
    spans.reset();
    const response = await order({
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    });
    expect(response.status).toBe(201);
    const named = spans.getFinishedSpans().map((span) => ({
      service: span.resource.attributes['service.name'],
      name: span.name,
      id: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId,
      trace: span.spanContext().traceId,
    }));
    expect(new Set(named.map(({ trace }) => trace))).toEqual(
      new Set(['4bf92f3577b34da6a3ce929d0e0e4736']),
    );
    /** Follows the parents up from the server span of inventory. */
    const lineage: unknown[] = [];
    let span = named.find(({ service, name }) => service === 'inventory-stable' && name === 'GET');
    while (span !== undefined) {
      lineage.push(span.service);
      const { parent } = span;
      span = named.find(({ id }) => id === parent);
    }
    expect(lineage).toEqual([
      'inventory-stable',
      'order-stable',
      'order-stable',
      'gateway',
      'gateway',
    ]);
  });

  test('without a key auth says so and signs nothing', async () => {
    const keyless = await startShop({
      ports: { gateway: 0, auth: [0, 0], order: [0, 0], inventory: [0, 0] },
    });
    const response = await fetch(`${keyless.url}/auth/token`, {
      method: 'POST',
      body: '{"user":"ada"}',
    });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('AUTH_PRIVATE_JWK');
    await keyless.close();
  });

  test('the gateway serves the metrics of the article, its readiness, and nothing that is not asked for', async () => {
    const metrics = await (await fetch(`${shop.url}/metrics`)).text();
    expect(metrics).toContain('# TYPE http_server_duration_seconds histogram');
    expect(metrics).toMatch(
      /http_server_duration_seconds_bucket\{method="GET",status="200",env="canary"[^}]*,le="0\.05"\} \d/,
    );
    expect(metrics).toContain('app_active_connections{service="gateway"}');
    expect((await fetch(`${shop.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${shop.url}/nowhere`)).status).toBe(404);
  });
});
