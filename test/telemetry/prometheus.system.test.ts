import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { listen } from '../../src/runtimes/listen.ts';
import { expose, metricsResponse } from '../../src/telemetry/exposition.ts';
import { type MetricNames, metrics } from '../../src/telemetry/metrics.ts';
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts';
import { freePort } from '../support/free-port.ts';

/** A registry in which a service has left its marks, an awkward label value among them. */
async function usedRegistry(names: MetricNames): Promise<Registry> {
  const registry = createRegistry();
  const app = inbound(
    (request) => new Response(null, { status: request.url.endsWith('/bad') ? 503 : 200 }),
    metrics({ registry, service: 'shop', names, baggage: ['user_tier'] }),
  );
  for (const path of ['/', '/bad']) {
    const baggage = `user_tier=${encodeURIComponent('"quoted"\n\\ ünï')}`;
    await app(new Request(`http://shop.example${path}`, { headers: { baggage } }));
  }
  return registry;
}

describe('promtool check metrics', () => {
  test.each(['article', 'otel'] as const)('has nothing to say of preset %s', async (names) => {
    const input = expose(await usedRegistry(names), 'text');
    expect(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toBe('');
  });
});

test('a real Prometheus scrapes text and labels as they were meant', async () => {
  const registry = await usedRegistry('article');
  const accepted: (string | null)[] = [];
  let scraped: () => void = () => {};
  const target = await listen(
    async (request) => {
      accepted.push(request.headers.get('accept'));
      scraped();
      return metricsResponse(registry, request);
    },
    { port: 0 },
  );
  const directory = await mkdtemp(join(tmpdir(), 'fetchmesh-prometheus-'));
  const config = join(directory, 'prometheus.yml');
  await writeFile(
    config,
    `scrape_configs: [{ job_name: shop, scrape_interval: 1s, static_configs: [{ targets: ["127.0.0.1:${target.port}"] }] }]`,
  );
  const port = await freePort();
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = once(prometheus, 'exit');
  try {
    const query = encodeURIComponent('shop_request_total{env="stable"}');
    let result: { metric: Record<string, string>; value: [number, string] }[] = [];
    for (let scrape = 0; scrape < 20 && result.length === 0; scrape++) {
      await new Promise<void>((resolve) => {
        scraped = resolve;
      });
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${query}`).catch(
        () => undefined,
      );
      const body = (await response?.json().catch(() => undefined)) as
        | { data?: { result: typeof result } }
        | undefined;
      result = body?.data?.result ?? [];
    }
    expect(result).toHaveLength(1);
    expect(result[0]?.metric['user_tier']).toBe('"quoted"\n\\ ünï');
    expect(result[0]?.value[1]).toBe('2');
    expect(accepted[0]).toContain('application/openmetrics-text');
  } finally {
    prometheus.kill('SIGTERM');
    await ended;
    await target.close(true);
    await rm(directory, { recursive: true });
  }
});
