import { beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { outbound, rejectionOf } from '../../src/index.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { InMemorySpanExporter, processorFor, TracerProvider } from '../support/opentelemetry.ts';
import { rulesFrom } from '../support/rules.ts';
import { status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const services = `
services:
  users: { versions: { v1: "http://v1.test", v2: "http://v2.test" } }
  payment: http://payment.test
`;
let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});

function gatewayFor(
  text: string,
  answer: (url: string) => Response | Promise<Response>,
  options: GatewayOptions = {},
) {
  const sent: string[] = [];
  const rules = (routes: string) => rulesFrom(`${services}${routes}`, { mode: 'gateway' });
  const gateway = createGateway(rules(text), {
    transport: async (url) => {
      sent.push(url);
      return answer(url);
    },
    clock,
    ...options,
  });
  return {
    sent,
    get: (path: string) => gateway.fetch(new Request(`http://shop.example${path}`)),
    reload: (routes: string) => gateway.replace(rules(routes), '2'),
    scrape: () => expose(gateway.registry, 'text'),
  };
}

const failing = () => new Response(null, { status: 500 });

describe('a breaker of the rules', () => {
  test('is one circuit for each version of each route', async () => {
    const { get, sent } = gatewayFor(
      `routes:
  - { path: /a, to: users@v1, breaker: { failures: 1 } }
  - { path: /b, to: users@v1, breaker: { failures: 1 } }
  - { path: /c, to: { users@v1: 50, users@v2: 50 }, breaker: { failures: 1 } }
  - { path: /d, to: payment, breaker: off }`,
      (url) => new Response(null, { status: url.includes('v1') ? 500 : 200 }),
      { random: alternately(0.1, 0.9) },
    );
    expect((await get('/a')).status).toBe(500);
    expect((await get('/a')).status).toBe(503);
    expect((await get('/b')).status).toBe(500);
    expect(await statuses(4, () => get('/c'))).toEqual([500, 200, 503, 200]);
    expect(sent.filter((url) => url.startsWith('http://v1'))).toHaveLength(3);
  });

  test('M9 M16 is seen: 503 with Retry-After, a mark on the server span, the 503 series, the flag UO', async () => {
    const spans = new InMemorySpanExporter();
    const tracerProvider = new TracerProvider({ spanProcessors: [processorFor(spans)] });
    const { get, scrape } = gatewayFor(
      `telemetry: { service: edge, metrics: { names: istio } }
routes: [{ path: /api/payment, to: payment, breaker: { failures: 2, open_for: 10s } }]`,
      failing,
      { tracerProvider },
    );
    expect(scrape()).toContain(
      'fetchmesh_circuit_breaker_open{route="/api/payment",service="payment",version=""} 0',
    );
    await get('/api/payment');
    await get('/api/payment');
    spans.reset();
    const response = await get('/api/payment');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('10');
    expect(rejectionOf(response)?.reason).toBe('circuit_breaker_open');

    const [server, ...others] = spans.getFinishedSpans();
    expect(others).toEqual([]);
    expect(server?.attributes).toMatchObject({
      circuit_breaker_open: true,
      'http.response.status_code': 503,
    });
    expect(server?.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: 'circuit_breaker_open',
        attributes: { endpoint: 'http://payment.test', reason: 'failures' },
      },
    ]);
    expect(scrape()).toMatch(
      /istio_requests_total\{.*destination_service="payment".*response_code="503",response_flags="UO"\} 1/,
    );
    expect(scrape()).toContain(
      'fetchmesh_circuit_breaker_open{route="/api/payment",service="payment",version=""} 1',
    );
    await clock.advance(10_000);
    expect(scrape()).toContain(
      'fetchmesh_circuit_breaker_open{route="/api/payment",service="payment",version=""} 0.5',
    );
  });

  test('stands inside of the retries: each try counts, and an open circuit ends them', async () => {
    const { get, sent } = gatewayFor(
      'routes: [{ path: /a, to: payment, retries: { max: 5, base_delay: 0s }, breaker: { failures: 3 } }]',
      failing,
    );
    const answer = get('/a');
    await clock.advance(0);
    expect(rejectionOf(await answer)?.reason).toBe('circuit_breaker_open');
    expect(sent).toHaveLength(3);
  });

  test('R5 lives on over a reload, unless its block changed', async () => {
    const route = (breaker: string, timeout = '1s') =>
      `routes: [{ name: pay, path: /a, to: payment, timeout: ${timeout}, breaker: ${breaker} }]`;
    const { get, reload, scrape } = gatewayFor(route('{ failures: 1 }'), failing);
    await get('/a');
    reload(route('{ failures: 1 }', '2s'));
    expect(rejectionOf(await get('/a'))?.reason).toBe('circuit_breaker_open');
    reload(route('{ failures: 2 }'));
    expect((await get('/a')).status).toBe(500);
    expect(scrape()).toContain('fetchmesh_circuit_breaker_open{route="pay"');
    reload('routes: [{ name: pay, path: /a, to: payment }]');
    expect(scrape()).not.toContain('fetchmesh_circuit_breaker_open{route="pay"');
  });

  test('works around a fetch too, and its state belongs to the middleware', async () => {
    const rules = rulesFrom('routes: [{ path: /a, breaker: { failures: 1 } }]');
    const governed = governance(rules, { clock });
    const fetch = upstream(status(500));
    await outbound(fetch, governed)('http://shop.example/a');
    const response = await outbound(fetch, governed)('http://shop.example/a');
    expect(rejectionOf(response)?.reason).toBe('circuit_breaker_open');
  });
});

test('a throttle of the rules holds back what the upstream would refuse', async () => {
  const { get, sent } = gatewayFor(
    'routes: [{ path: /a, to: payment, throttle: { min_requests: 2 } }]',
    failing,
    { random: () => 0 },
  );
  await get('/a');
  await get('/a');
  expect(rejectionOf(await get('/a'))?.reason).toBe('throttled');
  expect(sent).toHaveLength(2);
});

test('a bulkhead of the rules limits the calls under way, and shows them', async () => {
  const answers: ((response: Response) => void)[] = [];
  const { get, scrape } = gatewayFor(
    'routes: [{ path: /a, to: payment, bulkhead: { limit: 1, queue: 1 } }]',
    () => new Promise((resolve) => answers.push(resolve)),
  );
  const first = get('/a');
  const second = get('/a');
  await settled();
  expect(rejectionOf(await get('/a'))?.reason).toBe('bulkhead_full');
  const labels = '{route="/a",service="payment",version=""}';
  expect(scrape()).toContain(`fetchmesh_bulkhead_in_flight${labels} 1`);
  expect(scrape()).toContain(`fetchmesh_bulkhead_waiting${labels} 1`);
  for (const _ of [1, 2]) {
    answers.pop()?.(new Response('ok'));
    await settled();
  }
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  expect(scrape()).toContain(`fetchmesh_bulkhead_in_flight${labels} 0`);
});

test('rules without such policies add no series', () => {
  const { scrape } = gatewayFor('routes: [{ path: /a, to: payment }]', failing);
  expect(scrape()).not.toContain('fetchmesh_');
});

function alternately(...values: number[]): () => number {
  let draw = 0;
  return () => values[draw++ % values.length] as number;
}

async function statuses(count: number, call: () => Promise<Response>): Promise<number[]> {
  const found: number[] = [];
  for (let index = 0; index < count; index++) found.push((await call()).status);
  return found;
}
