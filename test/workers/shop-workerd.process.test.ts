/** The shop on workerd: seven Workers from their own configuration files, joined by service bindings, rules in KV. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness, unstable_readConfig } from 'wrangler';
import { builtRules, gateway, rulesFiles, workers } from '../../tools/workers/shop.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';

let receiver: OtlpReceiver;
let shop: ReturnType<typeof createTestHarness>;
let token: string;

beforeAll(async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const AUTH_PRIVATE_JWK = JSON.stringify(await crypto.subtle.exportKey('jwk', privateKey));
  receiver = await startOtlpReceiver();
  shop = createTestHarness({
    root: '.',
    workers: [gateway, ...workers.filter((worker) => worker !== gateway)].map(({ config }) => ({
      configPath: config,
      vars: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin },
      ...(config.includes('auth') && { secrets: { AUTH_PRIVATE_JWK } }),
    })),
  });
  await shop.listen();
  const response = await ask('/auth/token', { method: 'POST', body: '{"user":"ada"}' });
  token = ((await response.json()) as { token: string }).token;
});

afterAll(async () => {
  await shop?.close();
  await receiver?.close();
});

const canary = { 'x-env': 'canary' };

interface Init {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

const ask = (path: string, init?: Init) => shop.fetch(`http://shop.example${path}`, init);

function order(headers: Record<string, string> = {}) {
  return ask('/orders', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ sku: 'SKU-001', quantity: 1 }),
  });
}

async function metricsOf(worker: string): Promise<string> {
  const response = await shop.getWorker(worker).fetch('http://shop.internal/metrics');
  return await response.text();
}

/** What order logged, line by line. */
function orderLog(): { version: string; 'inventory.host': string }[] {
  return shop
    .getLogs()
    .map(({ message }) => String(message))
    .filter((line) => line.startsWith('{"service":"order"'))
    .map((line) => JSON.parse(line));
}

describe('the configuration', () => {
  test.each(rulesFiles)('%s is built', (source, built) => {
    expect(readFileSync(built, 'utf8'), 'node tools/workers/build-rules.ts').toBe(
      builtRules(source),
    );
  });

  test('each Worker is bound to ones that are deployed before it', () => {
    const deployed = new Set<string>();
    for (const { name, config } of workers) {
      const read = unstable_readConfig({ config }, { hideWarnings: true });
      expect(read.name).toBe(name);
      expect(read.compatibility_date).toBe('2025-06-01');
      expect(read.compatibility_flags).toEqual([]);
      // Nobody but the gateway can be reached from outside.
      expect(read.workers_dev).toBe(name === 'shop-gateway');
      for (const { service } of read.services ?? []) expect(deployed).toContain(service);
      deployed.add(name);
    }
  });
});

describe('the shop on workerd', () => {
  test('users are listed without a token, orders are not taken without one', async () => {
    const users = await ask('/api/users');
    expect(users.status).toBe(200);
    expect(((await users.json()) as { users: unknown[] }).users).toHaveLength(3);
    expect((await ask('/orders', { method: 'POST', body: '{}' })).status).toBe(401);
    expect((await order({ authorization: `Bearer ${token.slice(0, -4)}AAAA` })).status).toBe(401);
    expect((await order()).status).toBe(201);
  });

  test('M15: unmarked requests never reach a canary', async () => {
    for (let call = 0; call < 100; call++) {
      const response = await ask('/api/users');
      await response.text();
      expect(response.headers.get('x-service-version')).toBe('v1');
    }
    expect(await metricsOf('shop-auth-canary')).not.toContain('auth_request_total{env="canary"');
  });

  test('M15: one in five marked requests is answered by the canary', async () => {
    let canaries = 0;
    const calls = 1_000;
    async function callOften(): Promise<void> {
      for (let call = 0; call < calls / 10; call++) {
        const response = await ask('/api/users', { headers: canary });
        await response.text();
        expect(response.status).toBe(200);
        if (response.headers.get('x-service-version') === 'v2') canaries += 1;
      }
    }
    await Promise.all(Array.from({ length: 10 }, callOften));
    // Six standard deviations of a binomial distribution, sqrt(1000 · 0.2 · 0.8) = 12.6: once in 500 million runs.
    expect(Math.abs(canaries - calls * 0.2)).toBeLessThan(76);
    expect(await metricsOf('shop-auth-canary')).toContain('auth_request_total{env="canary"');
  });

  test('M15: the canary of order, and it alone, calls the canary of inventory', async () => {
    shop.clearLogs();
    // All of one version: 0.8^100, once in 5 thousand million runs.
    for (let call = 0; call < 100; call++) {
      const response = await order(canary);
      await response.text();
      expect(response.status).toBe(201);
    }
    expect(new Set(orderLog().map((line) => `${line.version} ${line['inventory.host']}`))).toEqual(
      new Set(['v1 inventory-stable', 'v2 inventory-canary']),
    );
    expect(await metricsOf('shop-inventory-canary')).toMatch(
      /inventory_request_total\{env="canary"[^}]*\} [1-9]/,
    );
  });

  test('baggage from outside cannot send anybody to a canary', async () => {
    shop.clearLogs();
    for (let call = 0; call < 20; call++) await (await order({ baggage: 'env=canary' })).text();
    expect(new Set(orderLog().map((line) => line['inventory.host']))).toEqual(
      new Set(['inventory-stable']),
    );
  });

  test('one trace spans gateway, order and inventory', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const response = await order({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    expect(response.status).toBe(201);
    const ofTrace = () => receiver.spans.filter((span) => span.traceId === traceId);
    // Each Worker sends its own, after its response.
    const services = () => new Set(ofTrace().map(({ service }) => service));
    for (let requests = receiver.requests.length; services().size < 3; requests++) {
      await receiver.received(requests + 1);
    }
    expect(receiver.errors).toEqual([]);
    /** Follows the parents up from the server span of inventory. */
    const lineage: unknown[] = [];
    let span = ofTrace().find(({ service, kind }) => service === 'inventory-stable' && kind === 2);
    while (span !== undefined) {
      lineage.push(span.service);
      const { parentSpanId } = span;
      span = ofTrace().find(({ spanId }) => spanId === parentSpanId);
    }
    expect(lineage).toEqual([
      'inventory-stable',
      'order-stable',
      'order-stable',
      'gateway',
      'gateway',
    ]);
  });

  test('the gateway serves the metrics of the article and its readiness', async () => {
    const metrics = await (await ask('/metrics')).text();
    expect(metrics).toMatch(
      /http_server_duration_seconds_bucket\{method="GET",status="200",env="canary"[^}]*,le="0\.05"\} \d/,
    );
    expect(metrics).toContain('app_active_connections{service="gateway"}');
    expect((await ask('/readyz')).status).toBe(200);
    expect((await ask('/nowhere')).status).toBe(404);
  });

  test('no Worker logged an error', () => {
    const bad = shop.getLogs().filter(({ level }) => level === 'error');
    expect(bad).toEqual([]);
  });
});
