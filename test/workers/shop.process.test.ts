import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { shopWorkers } from '../../tools/workers/harness.ts';
import { newSigningKey } from '../../workers/auth/signing-key.ts';
import { sumOf } from '../../workers/drills/platform.ts';
import { freePorts, startShop } from '../../workers/shop.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { type Answer, type RunningShop, shopPlatforms } from '../support/shop-platforms.ts';

const canary = { 'x-env': 'canary' };
/** Kinds of spans. */
const server = 2;
const client = 3;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
/** `open_for` of inventory.yaml. */
const openMs = 2_000;

describe.each(shopPlatforms)('the shop on $name', (platform) => {
  let receiver: OtlpReceiver;
  let shop: RunningShop;
  let token: string;
  /** How many orders were sent with a good token. */
  let sent = 0;
  /** How many came to order without the gateway. */
  let pastTheGateway = 0;

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    shop = await platform.start({ otlpEndpoint: receiver.origin, seed: 20_261_124 });
    const response = await shop.ask('/auth/token', { method: 'POST', body: '{"user":"ada"}' });
    token = ((await response.json()) as { token: string }).token;
  });

  afterAll(async () => {
    await platform.endAll();
    await receiver?.close();
  });

  function order(headers: Record<string, string> = {}): Promise<Answer> {
    if (headers['authorization'] === undefined) sent += 1;
    return shop.ask('/orders', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ sku: 'SKU-001', quantity: 1 }),
    });
  }

  async function metricsOf(instance: string): Promise<string> {
    return await (await shop.askInstance(instance, '/metrics')).text();
  }

  test('users are listed without a token, orders are not taken without one', async () => {
    const users = await shop.ask('/api/users');
    expect(users.status).toBe(200);
    expect(((await users.json()) as { users: unknown[] }).users).toHaveLength(3);

    const anonymous = await shop.ask('/orders', { method: 'POST', body: '{}' });
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

  test('order asks for itself: past the gateway nobody gets further', async () => {
    for (const headers of [{}, { authorization: 'Bearer x' }]) {
      pastTheGateway += 1;
      const init = { method: 'POST', headers, body: '{}' };
      const response = await shop.askInstance('order-stable', '/orders', init);
      expect(response.status).toBe(401);
      await response.body?.cancel();
    }
  });

  test('M18: the list of users for the staff asks for the role admin, and five times at most', async () => {
    const tokenOf = async (user: string): Promise<string> => {
      const body = JSON.stringify({ user });
      const response = await shop.ask('/auth/token', { method: 'POST', body });
      return ((await response.json()) as { token: string }).token;
    };
    const statusFor = async (token?: string): Promise<number> => {
      const headers: Record<string, string> =
        token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await shop.ask('/admin/users', { headers });
      await response.body?.cancel();
      return response.status;
    };
    expect(await statusFor()).toBe(401);
    expect(await statusFor(await tokenOf('ada'))).toBe(403);
    const grace = await tokenOf('grace');
    const begun = performance.now();
    let admitted = 0;
    let status = await statusFor(grace);
    for (; status === 200; status = await statusFor(grace)) admitted += 1;
    expect(status).toBe(429);
    // One more for every two seconds that this takes.
    const allowed = 5 + (performance.now() - begun) / 2_000;
    expect(admitted).toBeGreaterThanOrEqual(5);
    // Where the Durable Object is not in time on a busy machine, the isolate counts by itself.
    const counts = platform.name.startsWith('workerd') ? 2 : 1;
    expect(admitted).toBeLessThanOrEqual(counts * allowed);
    // Whoever says so is none.
    const forged = { 'x-user-role': 'admin' };
    expect((await shop.ask('/admin/users', { headers: forged })).status).toBe(401);
  });

  test('M15: unmarked requests never reach a canary', async () => {
    for (let call = 0; call < 100; call++) {
      const response = await shop.ask('/api/users');
      expect(response.headers.get('x-service-version')).toBe('v1');
      await response.body?.cancel();
    }
    expect(await metricsOf('auth-canary')).not.toContain('auth_request_total{env="canary"');
  });

  test('M15: one in five marked requests is answered by the canary', async () => {
    let canaries = 0;
    const calls = 1_000;
    async function callOften(): Promise<void> {
      for (let call = 0; call < calls / 10; call++) {
        const response = await shop.ask('/api/users', { headers: canary });
        expect(response.status).toBe(200);
        if (response.headers.get('x-service-version') === 'v2') canaries += 1;
        await response.body?.cancel();
      }
    }
    await Promise.all(Array.from({ length: 10 }, callOften));
    // Six standard deviations of a binomial distribution, sqrt(1000 · 0.2 · 0.8) = 12.6: once in 500 million runs.
    expect(Math.abs(canaries - calls * 0.2)).toBeLessThan(76);
    expect(await metricsOf('auth-canary')).toContain('auth_request_total{env="canary"');
  });

  test('M15: a marked login served by the canary says v2', async () => {
    const versions = new Set<string | null>();
    // All of one version: 0.8^100, once in 5 thousand million runs.
    for (let call = 0; call < 100; call++) {
      const response = await shop.ask('/auth/token', {
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
    const before = (await shop.orders(1)).length;
    for (let call = 0; call < 100; call++) {
      const response = await order(canary);
      expect(response.status).toBe(201);
      await response.body?.cancel();
    }
    const lines = (await shop.orders(before + 100)).slice(before);
    expect(new Set(lines.map((line) => `${line.version} ${line['inventory.host']}`))).toEqual(
      new Set(['v1 inventory-stable', 'v2 inventory-canary']),
    );
    expect(await metricsOf('inventory-canary')).toMatch(
      /inventory_request_total\{env="canary"[^}]*\} [1-9]/,
    );
  });

  test('baggage from outside cannot send anybody to a canary', async () => {
    const before = (await shop.orders(101)).length;
    for (let call = 0; call < 20; call++) {
      const response = await order({ baggage: 'env=canary', 'x-item-id': 'x' });
      await response.body?.cancel();
    }
    const lines = (await shop.orders(before + 20)).slice(before);
    expect(new Set(lines.map((line) => line['inventory.host']))).toEqual(
      new Set(['inventory-stable']),
    );
  });

  test('the gateway serves the metrics of the article, its readiness, and nothing that is not asked for', async () => {
    const metrics = await (await shop.ask('/metrics')).text();
    expect(metrics).toContain('# TYPE http_server_duration_seconds histogram');
    expect(metrics).toMatch(
      /http_server_duration_seconds_bucket\{method="GET",status="200",env="canary"[^}]*,le="0\.05"\} \d/,
    );
    expect(metrics).toContain('app_active_connections{service="gateway"}');
    expect((await shop.ask('/readyz')).status).toBe(200);
    expect((await shop.ask('/nowhere')).status).toBe(404);
  });

  test('M14: tier and flag of a user are on the metrics of all that the order goes through', async () => {
    const response = await order({ baggage: 'user_tier=gold,feature_flag=new-cart,other=x' });
    expect(response.status).toBe(201);
    const labels = /\{[^}]*user_tier="gold",feature_flag="new-cart"[^}]*\} [1-9]/;
    expect(await (await shop.ask('/metrics')).text()).toMatch(labels);
    for (const service of ['order-stable', 'inventory-stable']) {
      const text = await metricsOf(service);
      expect(text).toMatch(labels);
      expect(text).not.toContain('other');
    }
  });

  test('every service counts what it answered, by environment', async () => {
    for (const service of ['auth', 'order', 'inventory']) {
      for (const environment of ['stable', 'canary']) {
        expect(await metricsOf(`${service}-${environment}`)).toMatch(
          new RegExp(`${service}_request_total\\{env="${environment}"[^}]*\\} [1-9]`),
        );
      }
    }
  });

  test('M16: orders go on without the inventory, its breaker opens, and a probe brings it back', async () => {
    const isUnknown = async () => (await order()).status === 202;
    await shop.askInstance('inventory-stable', '/outage', { method: 'POST' });
    const before = await asked();
    const begun = performance.now();
    for (let call = 0; call < 10; call++) expect(await isUnknown()).toBe(true);
    const failed = await asked();
    expect(failed - before, 'the breaker opened after the fifth failure').toBeGreaterThanOrEqual(5);
    // A machine on which ten orders take longer than open_for of inventory.yaml sees it probe meanwhile.
    const probes = Math.floor((performance.now() - begun) / openMs);
    expect(failed - before, 'and was open from then on').toBeLessThanOrEqual(5 + probes);

    // Half-open: the first order after the pause probes, and what it finds keeps the breaker open.
    let probedAfter = 0;
    while ((await asked()) === failed) {
      probedAfter = performance.now();
      expect(await isUnknown()).toBe(true);
    }
    expect(await asked(), 'one probe').toBe(failed + 1);

    await shop.askInstance('inventory-stable', '/outage', { method: 'DELETE' });
    let isOut = await isUnknown();
    const isTooSoon = performance.now() - probedAfter < openMs;
    expect(isOut || !isTooSoon, 'until the next probe it stays open').toBe(true);
    for (; isOut; isOut = await isUnknown()) await setTimeout(20);
    expect(await asked(), 'the probe').toBe(failed + 2);
    for (let call = 0; call < 10; call++) expect((await order()).status).toBe(201);
    expect(await asked()).toBe(failed + 12);

    /** How often the inventory was asked for something in stock, by its own count. */
    async function asked(): Promise<number> {
      const exposition = await metricsOf('inventory-stable');
      return sumOf(exposition, 'http_server_duration_seconds_count', { method: 'GET' });
    }
  });

  test('one trace spans gateway, order and inventory, and none is lost when the shop ends', async () => {
    const response = await order({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    expect(response.status).toBe(201);
    const taken = () =>
      receiver.spans.filter(
        ({ service, kind }) => String(service).startsWith('order-') && kind === server,
      );
    const traced = () => receiver.spans.filter((span) => span.traceId === traceId);
    await shop.stop(async () => {
      // Each Worker sends its own, after its response.
      for (let { length } = receiver.requests; ; length = receiver.requests.length) {
        if (traced().length >= 5 && taken().length >= sent + pastTheGateway) return;
        await receiver.received(length + 1);
      }
    });
    expect(receiver.errors).toEqual([]);

    const trace = traced();
    const lineage: unknown[] = [];
    let span = trace.find(({ service, kind }) => service === 'inventory-stable' && kind === server);
    while (span !== undefined) {
      lineage.push([span.service, span.kind]);
      const { parentSpanId } = span;
      if (parentSpanId === '00f067aa0ba902b7') break;
      span = trace.find(({ spanId }) => spanId === parentSpanId);
    }
    expect(span?.parentSpanId).toBe('00f067aa0ba902b7');
    expect(lineage).toEqual([
      ['inventory-stable', server],
      ['order-stable', client],
      ['order-stable', server],
      ['gateway', client],
      ['gateway', server],
    ]);
    expect(
      receiver.spans.some(
        ({ service, kind, attributes }) =>
          service === 'order-stable' &&
          kind === server &&
          attributes.some(
            ({ key, value }) => key === 'circuit_breaker_open' && value.boolValue === true,
          ),
      ),
      'M16: circuit_breaker_open on the span of order',
    ).toBe(true);
    const tiers = (service: string) =>
      receiver.spans.some(
        (span) =>
          span.service === service &&
          span.kind === server &&
          ['user_tier', 'feature_flag'].every((name) =>
            span.attributes.some(({ key }) => key.endsWith(name)),
          ),
      );
    for (const service of ['gateway', 'order-stable', 'inventory-stable']) {
      expect(tiers(service), `M14: tier and flag on a span of ${service}`).toBe(true);
    }
    // Whoever has no good token gets no further than the gateway.
    expect(taken()).toHaveLength(sent + pastTheGateway);
  });
});

test('on Workers the limits are kept in a Durable Object', async () => {
  const shop = shopWorkers({ otlpEndpoint: '', privateJwk: await newSigningKey() });
  onTestFinished(() => shop.close());
  await shop.listen();
  const gateway = shop.getWorker('shop-gateway');
  expect(await gateway.listDurableObjectIds('Limits')).toEqual([]);
  const login = { method: 'POST', body: '{"user":"grace"}' };
  const { token } = (await (await shop.fetch('http://shop.example/auth/token', login)).json()) as {
    token: string;
  };
  const headers = { authorization: `Bearer ${token}` };
  expect((await shop.fetch('http://shop.example/admin/users', { headers })).status).toBe(200);
  expect(await gateway.listDurableObjectIds('Limits')).toHaveLength(1);
});

test('without a key auth says so and signs nothing', async () => {
  const keyless = await startShop({ ports: freePorts });
  const response = await fetch(`${keyless.url}/auth/token`, {
    method: 'POST',
    body: '{"user":"ada"}',
  });
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('AUTH_PRIVATE_JWK');
  await keyless.close();
});
