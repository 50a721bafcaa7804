import { describe, expect, test } from 'vitest';
import { exchange, noteFlag } from '../../src/core/exchange.ts';
import { type Context, contextOf, inbound, reject } from '../../src/index.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { type MetricsOptions, metrics } from '../../src/telemetry/metrics.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function measured(
  app: (request: Request) => Response | Promise<Response>,
  options: Partial<MetricsOptions> = {},
) {
  const registry = createRegistry();
  const serve = inbound(app, metrics({ registry, service: 'shop', ...options }));
  return {
    get: (init?: RequestInit) => serve(new Request('http://shop.example/a', init)),
    text: () => expose(registry, 'text'),
  };
}

describe('preset article', () => {
  test('M8: exactly these names and labels, and the buckets of the article', async () => {
    const clock = new VirtualClock();
    const { get, text } = measured(
      async () => {
        await clock.advance(70);
        return new Response();
      },
      { clock },
    );
    await get();
    expect(
      text()
        .split('\n')
        .filter((line) => !line.startsWith('#')),
    ).toEqual([
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="0.01"} 0',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="0.05"} 0',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="0.1"} 1',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="0.25"} 1',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="0.5"} 1',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="1"} 1',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="2.5"} 1',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="5"} 1',
      'http_server_duration_seconds_bucket{method="GET",status="200",env="stable",le="+Inf"} 1',
      'http_server_duration_seconds_sum{method="GET",status="200",env="stable"} 0.07',
      'http_server_duration_seconds_count{method="GET",status="200",env="stable"} 1',
      'app_active_connections{service="shop"} 0',
      'shop_request_total{env="stable"} 1',
      'istio_requests_total{destination_service="shop",response_code="200"} 1',
      '',
    ]);
  });

  test('env is what the instance stands for, or what routing chose, never what a header says', async () => {
    const canary = measured(() => new Response(), { environment: 'canary' });
    await canary.get({ headers: { 'x-env': 'other', baggage: 'env=other' } });
    expect(canary.text()).toContain('shop_request_total{env="canary"} 1');

    const routed = measured((request) => {
      const record = contextOf(request)?.get(exchange);
      if (record) record.environment = 'canary';
      return new Response();
    });
    await routed.get();
    expect(routed.text()).toContain('shop_request_total{env="canary"} 1');
  });

  test('requests under way are counted while they are', async () => {
    let answer: (response: Response) => void = () => {};
    const { get, text } = measured(() => new Promise((resolve) => (answer = resolve)));
    const first = get();
    await Promise.resolve();
    expect(text()).toContain('app_active_connections{service="shop"} 1');
    answer(new Response());
    await first;
    expect(text()).toContain('app_active_connections{service="shop"} 0');
  });

  test('a client that leaves is recorded at once, as 499, and once', async () => {
    const client = new AbortController();
    let answer: (response: Response) => void = () => {};
    const { get, text } = measured(() => new Promise((resolve) => (answer = resolve)));
    const call = get({ signal: client.signal });
    await Promise.resolve();
    client.abort();
    expect(text()).toContain('app_active_connections{service="shop"} 0');
    answer(new Response());
    await call;
    expect(text()).toContain('response_code="499"} 1');
    expect(text()).toContain('shop_request_total{env="stable"} 1');
  });

  test('a handler that throws is recorded as 500, and still throws', async () => {
    const { get, text } = measured(() => {
      throw new Error('bug');
    });
    await expect(get()).rejects.toThrow('bug');
    expect(text()).toContain('response_code="500"} 1');
    expect(text()).toContain('app_active_connections{service="shop"} 0');
  });

  test('a middleware that throws before it returns a promise leaves nothing under way', async () => {
    const registry = createRegistry();
    const serve = inbound(
      () => new Response(),
      metrics({ registry, service: 'shop' }),
      () => () => {
        throw new Error('bug');
      },
    );
    await expect(serve(new Request('http://shop.example/a'))).rejects.toThrow('bug');
    expect(expose(registry, 'text')).toContain('app_active_connections{service="shop"} 0');
    expect(expose(registry, 'text')).toContain('shop_request_total{env="stable"} 1');
  });

  test('methods that the conventions do not know share one series', async () => {
    const { get, text } = measured(() => new Response());
    await get({ method: 'PROPFIND' });
    await get({ method: 'MKCOL' });
    expect(text()).toContain('_count{method="_OTHER",status="200",env="stable"} 2');
  });

  test('M14: baggage on the list becomes labels under names that Prometheus takes', async () => {
    const { get, text } = measured(() => new Response(), { baggage: ['user-tier', '9lives'] });
    await get({ headers: { baggage: `user-tier=gold,other=x,9lives=${'y'.repeat(80)}` } });
    expect(text()).toContain(
      `shop_request_total{env="stable",user_tier="gold",baggage_9lives="${'y'.repeat(64)}"} 1`,
    );
  });

  test('a flood of label values ends in one overflow series', async () => {
    const registry = createRegistry({ maxSeries: 3 });
    const serve = inbound(
      () => new Response(),
      metrics({ registry, service: 'shop', baggage: ['user'] }),
    );
    for (let user = 0; user < 10; user++) {
      await serve(new Request('http://shop.example/', { headers: { baggage: `user=${user}` } }));
    }
    expect(expose(registry, 'text')).toContain(
      'shop_request_total{env="__overflow__",user="__overflow__"} 7',
    );
  });
});

describe('the other presets', () => {
  test('otel: the names of the semantic conventions', async () => {
    const { get, text } = measured(() => reject('timeout'), { names: 'otel' });
    await get();
    expect(text()).toContain(
      'http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_response_status_code="504",http_route="",error_type="timeout"} 1',
    );
    expect(text()).toContain(
      'http_server_active_requests{http_request_method="GET",url_scheme="http"} 0',
    );
  });

  test('istio: code, flag, and the upper bounds of Envoy', async () => {
    const { get, text } = measured(() => reject('timeout'), { names: 'istio' });
    await get();
    expect(text()).toMatch(
      /istio_requests_total\{reporter="destination",.*response_code="504",response_flags="UT"\} 1/,
    );
    expect(text()).toContain('le="1800000"');
  });

  test('AL-08: istio: the flags of what happened on the way as well', async () => {
    const { get, text } = measured(
      (request) => {
        noteFlag(contextOf(request) as Context, 'DI');
        return reject('timeout');
      },
      { names: 'istio' },
    );
    await get();
    expect(text()).toContain('response_flags="UT,DI"} 1');
  });

  test('a name that there is not is refused', () => {
    expect(() =>
      metrics({ registry: createRegistry(), service: 'shop', names: 'own' as never }),
    ).toThrow("metrics.names: 'own' is not one of article, otel, istio");
  });

  test('what it cannot do without is asked for by name', () => {
    const registry = createRegistry();
    expect(() => metrics({ registry } as never)).toThrow(
      'metrics.service: undefined is not a name',
    );
    expect(() => metrics({ service: 'shop' } as never)).toThrow(
      'metrics.registry: undefined is none',
    );
  });
});
