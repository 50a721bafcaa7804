import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expose, metricsResponse } from '../../src/telemetry/exposition.ts';
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts';

/** One of each kind, with and without labels, exemplars, an overflow and an ignored observation. */
function everything(): Registry {
  const registry = createRegistry({ constantLabels: { zone: 'eu' }, maxSeries: 2 });
  const requests = registry.counter({
    name: 'http_requests_total',
    help: 'Requests,\nby "method" \\ status.',
    labels: ['method', 'status'],
  });
  requests.increment({ method: 'GET', status: '200' }, 3);
  requests.increment({ method: 'GET', status: '404' });
  requests.increment({ method: 'PUT', status: '500' }, 1.5);
  registry.counter({ name: 'restarts', help: 'Restarts.' });
  const temperature = registry.gauge({ name: 'temperature', help: '', labels: ['sensor'] });
  temperature.set({ sensor: 'a\\b"c\nd\ud800' }, -0);
  temperature.set({ sensor: 'é' }, Number.NaN);
  registry
    .gauge({ name: 'limit', help: 'Limit.', constantLabels: { service: 'shop' } })
    .set({}, Number.POSITIVE_INFINITY);
  const duration = registry.histogram({
    name: 'duration_seconds',
    help: 'Duration.',
    labels: ['route'],
    buckets: [0.005, 1, 2.5],
  });
  const shop = duration.with({ route: '/shop' });
  shop.observe(0.001, { labels: { trace_id: 'old' } });
  shop.observe(0.002, {
    labels: { trace_id: 'a"b', span_id: 'c\\d' },
    timestampMs: 1_767_225_600_123,
  });
  shop.observe(1, { labels: {} });
  shop.observe(20, { labels: { 'not-a-name': 'x' } });
  shop.observe(Number.NaN);
  return registry;
}

describe('expose', () => {
  test('writes the Prometheus text format 0.0.4', () => {
    expect(expose(everything(), 'text')).toBe(
      `# HELP http_requests_total Requests,\\nby "method" \\\\ status.
# TYPE http_requests_total counter
http_requests_total{zone="eu",method="GET",status="200"} 3
http_requests_total{zone="eu",method="GET",status="404"} 1
http_requests_total{zone="eu",method="__overflow__",status="__overflow__"} 1.5
# HELP restarts Restarts.
# TYPE restarts counter
restarts{zone="eu"} 0
# HELP temperature 
# TYPE temperature gauge
temperature{zone="eu",sensor="a\\\\b\\"c\\nd\ufffd"} 0
temperature{zone="eu",sensor="é"} NaN
# HELP limit Limit.
# TYPE limit gauge
limit{zone="eu",service="shop"} +Inf
# HELP duration_seconds Duration.
# TYPE duration_seconds histogram
duration_seconds_bucket{zone="eu",route="/shop",le="0.005"} 2
duration_seconds_bucket{zone="eu",route="/shop",le="1"} 3
duration_seconds_bucket{zone="eu",route="/shop",le="2.5"} 3
duration_seconds_bucket{zone="eu",route="/shop",le="+Inf"} 4
duration_seconds_sum{zone="eu",route="/shop"} 21.003
duration_seconds_count{zone="eu",route="/shop"} 4
# HELP fetchmesh_ignored_observations_total Observations that were not a finite number, or below zero where nothing may be.
# TYPE fetchmesh_ignored_observations_total counter
fetchmesh_ignored_observations_total{zone="eu",metric="duration_seconds"} 1
`,
    );
  });

  test('writes OpenMetrics 1.0.0', () => {
    expect(expose(everything(), 'openmetrics')).toBe(
      `# TYPE http_requests counter
# HELP http_requests Requests,\\nby \\"method\\" \\\\ status.
http_requests_total{zone="eu",method="GET",status="200"} 3
http_requests_total{zone="eu",method="GET",status="404"} 1
http_requests_total{zone="eu",method="__overflow__",status="__overflow__"} 1.5
# TYPE restarts counter
# HELP restarts Restarts.
restarts_total{zone="eu"} 0
# TYPE temperature gauge
# HELP temperature 
temperature{zone="eu",sensor="a\\\\b\\"c\\nd\ufffd"} 0
temperature{zone="eu",sensor="é"} NaN
# TYPE limit gauge
# HELP limit Limit.
limit{zone="eu",service="shop"} +Inf
# TYPE duration_seconds histogram
# HELP duration_seconds Duration.
duration_seconds_bucket{zone="eu",route="/shop",le="0.005"} 2 # {trace_id="a\\"b",span_id="c\\\\d"} 0.002 1767225600.123
duration_seconds_bucket{zone="eu",route="/shop",le="1.0"} 3 # {} 1
duration_seconds_bucket{zone="eu",route="/shop",le="2.5"} 3
duration_seconds_bucket{zone="eu",route="/shop",le="+Inf"} 4
duration_seconds_sum{zone="eu",route="/shop"} 21.003
duration_seconds_count{zone="eu",route="/shop"} 4
# TYPE fetchmesh_ignored_observations counter
# HELP fetchmesh_ignored_observations Observations that were not a finite number, or below zero where nothing may be.
fetchmesh_ignored_observations_total{zone="eu",metric="duration_seconds"} 1
# EOF
`,
    );
  });

  test('writes an empty registry, and a metric of which nothing is known yet', () => {
    const registry = createRegistry();
    expect(expose(registry, 'text')).toBe('');
    expect(expose(registry, 'openmetrics')).toBe('# EOF\n');
    registry.counter({ name: 'a_total', help: 'A.', labels: ['x'] });
    expect(expose(registry, 'text')).toBe('# HELP a_total A.\n# TYPE a_total counter\n');
  });

  test('writes a histogram without labels', () => {
    const registry = createRegistry();
    registry.histogram({ name: 'h', help: '', buckets: [1] }).observe({}, 0.5);
    expect(expose(registry, 'text')).toBe(
      '# HELP h \n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 0.5\nh_count 1\n',
    );
  });

  test('in OpenMetrics a histogram with a bound below zero has no sum, for it would not be a counter', () => {
    const registry = createRegistry();
    registry.histogram({ name: 'h', help: '', buckets: [-1, 1] }).observe({}, -3);
    expect(expose(registry, 'openmetrics')).toBe(
      '# TYPE h histogram\n# HELP h \nh_bucket{le="-1.0"} 1\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 1\n# EOF\n',
    );
    expect(expose(registry, 'text')).toContain('h_sum -3\nh_count 1\n');
  });

  // The examples of OpenMetrics 1.0.0, "Considerations: Canonical Numbers", and those of its section on histograms.
  test.each([
    [0, '0.0'],
    [0.001, '0.001'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e-10, '1e-10'],
    [0.9, '0.9'],
    [1.7, '1.7'],
    [10, '10.0'],
    [100_000, '100000.0'],
    [1e6, '1e+06'],
    [3_600_000, '3.6e+06'],
    [1e10, '1e+10'],
    [1.1e23, '1.1e+23'],
    [1e100, '1e+100'],
    [-0.5, '-0.5'],
    [-1e7, '-1e+07'],
  ])('in OpenMetrics the bound %d is spelt %s', (bound, spelling) => {
    const registry = createRegistry();
    registry.histogram({ name: 'h', help: '', buckets: [bound] });
    expect(expose(registry, 'openmetrics')).toContain(`h_bucket{le="${spelling}"} 0\n`);
  });

  test('a timestamp that is no number is left out', () => {
    const registry = createRegistry();
    const series = registry.histogram({ name: 'h', help: '', buckets: [1] }).with({});
    series.observe(0.5, { labels: { a: '' }, timestampMs: Number.NaN });
    expect(expose(registry, 'openmetrics')).toContain('h_bucket{le="1.0"} 1 # {a=""} 0.5\n');
  });

  test('reads gauges on demand', () => {
    const registry = createRegistry();
    const pool = registry.gauge({ name: 'pool', help: '' });
    let size = 3;
    registry.onCollect(() => pool.set({}, size));
    expect(expose(registry, 'text')).toContain('\npool 3\n');
    size = 4;
    expect(expose(registry, 'text')).toContain('\npool 4\n');
  });

  test('whatever a label value or a help text holds, it stays in its line and can be read back', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        text,
        text,
        fc.constantFrom('text' as const, 'openmetrics' as const),
        (value, help, format) => {
          const registry = createRegistry();
          registry.gauge({ name: 'g', help, labels: ['a', 'b'] }).set({ a: value, b: 'end' }, 1);
          const lines = expose(registry, format).split('\n');
          expect(lines.length).toBe(format === 'text' ? 4 : 5);
          const [, found] =
            /^g\{a="((?:[^"\\\n]|\\[\\"n])*)",b="end"\} 1$/.exec(lines[2] ?? '') ?? [];
          const plain = found?.replace(/\\(.)/g, (_, next) => (next === 'n' ? '\n' : next));
          expect(plain).toBe(value.toWellFormed());
        },
      ),
    );
  });
});

describe('metricsResponse', () => {
  const text = 'text/plain; version=0.0.4; charset=utf-8';
  const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

  function scrape(accept: string | undefined, method = 'GET'): Response {
    const headers = accept === undefined ? undefined : { accept };
    const request = new Request('http://shop.example/metrics', {
      method,
      ...(headers && { headers }),
    });
    return metricsResponse(everything(), request);
  }

  test.each([
    // Prometheus 2.42, Prometheus 3, a browser, curl.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      openMetrics,
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      openMetrics,
    ],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', text],
    ['*/*', text],
    [undefined, text],
    ['', text],
    // By name, in any spelling.
    ['application/openmetrics-text', openMetrics],
    ['Application/OpenMetrics-Text ; Version="1.0.0" ; charset=utf-8', openMetrics],
    ['application/openmetrics-text; version=1.0.0; q=0.001', openMetrics],
    // Not by a range, a version that is not ours, or another format.
    ['application/*', text],
    ['application/openmetrics-text;version=0.0.1', text],
    ['application/openmetrics-text;version=2.0.0, text/plain;q=0.1', text],
    ['application/openmetrics-protobuf;version=1.0.0', text],
    [
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
      text,
    ],
    ['x-application/openmetrics-text', text],
    // By weight; a tie is OpenMetrics'.
    ['application/openmetrics-text;q=0.5,text/plain;q=0.5', openMetrics],
    ['application/openmetrics-text;q=0.5,text/plain;q=0.6', text],
    ['application/openmetrics-text;q=0.5,text/plain', text],
    ['application/openmetrics-text;q=0', text],
    ['application/openmetrics-text;q=0.0,*/*', text],
    ['application/openmetrics-text;q=0.5,*/*', text],
    ['application/openmetrics-text;q=0.5,text/plain;q=0.1,*/*', openMetrics],
    ['*/*,application/openmetrics-text;q=0.5,text/plain;q=0.1,text/*', openMetrics],
    ['application/openmetrics-text;q=0.5,text/plain;q=0.1,text/plain;version=0.0.4;q=0.7', text],
    // Malformed.
    ['application/openmetrics-text;q=2', text],
    ['application/openmetrics-text;q=high', text],
    [',;,q=1;;', text],
    [`${'application/openmetrics-text;q=0,'.repeat(200)}application/openmetrics-text`, openMetrics],
  ])('Accept: %s is answered with %s', (accept, contentType) => {
    expect(scrape(accept).headers.get('content-type')).toBe(contentType);
  });

  test.each([
    [undefined, 'text' as const],
    ['application/openmetrics-text', 'openmetrics' as const],
  ])('the body is what the content type says (Accept: %s)', async (accept, format) => {
    const response = scrape(accept);
    expect(response.status).toBe(200);
    // Not text(): workerd warns of a type that does not begin with text/.
    const body = new TextDecoder().decode(await response.arrayBuffer());
    expect(body).toBe(expose(everything(), format));
  });

  test('is not stored, and says what it depends on', () => {
    const { headers } = scrape('*/*');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('vary')).toBe('accept');
  });

  test('HEAD gets the headers of GET and collects nothing', async () => {
    const registry = createRegistry();
    let collections = 0;
    registry.onCollect(() => void collections++);
    const request = new Request('http://shop.example/metrics', { method: 'HEAD' });
    const response = metricsResponse(registry, request);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(text);
    expect(await response.text()).toBe('');
    expect(collections).toBe(0);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is 405', (method) => {
    const response = scrape(undefined, method);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });
});
