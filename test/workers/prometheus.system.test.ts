/** A real Prometheus that scrapes the running shop: gateway and services. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { queries } from '../support/grafana-board.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { endAll, startScript } from '../support/serving.ts';

const script = new URL('../../workers/start.ts', import.meta.url).pathname;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const openMetrics = 'application/openmetrics-text;version=1.0.0';

/** Where each instance is, by name. */
const instances = new Map<string, string>();
let receiver: OtlpReceiver;
let directory: string;
let api: string;
let end: () => Promise<void> = async () => {};

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  const options = ['--free-ports', '--seed=20261124', `--otlp-endpoint=${receiver.origin}`];
  const shop = startScript(script, options, 'node');
  await shop.said(/Ctrl-C ends it/);
  instances.set('gateway', /The shop is open: (\S+)/.exec(shop.output())?.[1] ?? '');
  for (const [, name, url] of shop.output().matchAll(/^ {2}(\w+-\w+) +(http\S+)$/gm)) {
    instances.set(name as string, url as string);
  }
  await visit();

  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-shop-prometheus-'));
  const config = join(directory, 'prometheus.json');
  const scrapes = Array.from(instances, ([name, url]) => ({
    job_name: name,
    scrape_interval: '1s',
    static_configs: [{ targets: [new URL(url).host] }],
  }));
  // JSON is YAML.
  await writeFile(config, JSON.stringify({ scrape_configs: scrapes }));
  const port = await freePort();
  api = `http://127.0.0.1:${port}/api/v1`;
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    { stdio: 'ignore' },
  );
  const ended = once(prometheus, 'exit');
  end = async () => {
    prometheus.kill('SIGTERM');
    await ended;
  };
});

afterAll(async () => {
  endAll();
  await end();
  await receiver?.close();
  await rm(directory, { recursive: true, force: true });
});

/** Orders, one of them in a trace that we know, and what canaries answer. */
async function visit(): Promise<void> {
  const gateway = instances.get('gateway');
  const login = { method: 'POST', body: '{"user":"ada"}' };
  const { token } = (await (await fetch(`${gateway}/auth/token`, login)).json()) as {
    token: string;
  };
  for (let call = 0; call < 40; call++) {
    const response = await fetch(`${gateway}/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
        ...(call % 2 === 0 && { 'x-env': 'canary' }),
      },
      body: JSON.stringify({ sku: 'SKU-001', quantity: 1 }),
    });
    expect(response.status).toBe(201);
    await response.text();
    await (await fetch(`${gateway}/api/users`, { headers: { 'x-env': 'canary' } })).text();
  }
}

/** Asks Prometheus until it has what is looked for: it starts, and scrapes, in its own time. */
async function until<Data>(path: string, found: (data: Data) => boolean): Promise<Data> {
  for (;;) {
    const response = await fetch(`${api}/${path}`).catch(() => undefined);
    const body = (await response?.json().catch(() => undefined)) as { data: Data } | undefined;
    if (body !== undefined && found(body.data)) return body.data;
    await setTimeout(200);
  }
}

interface Vector {
  readonly result: readonly {
    readonly metric: Record<string, string>;
    readonly value: readonly [number, string];
  }[];
}

const query = (text: string, count: number) =>
  until<Vector>(`query?query=${encodeURIComponent(text)}`, ({ result }) => result.length >= count);

test('every instance is scraped, without an error', async () => {
  const { activeTargets } = await until<{
    activeTargets: { labels: { job: string }; health: string; lastError: string }[];
  }>(
    'targets',
    ({ activeTargets: targets }) =>
      targets.length === instances.size && targets.every(({ health }) => health !== 'unknown'),
  );
  for (const { labels, health, lastError } of activeTargets) {
    expect([labels.job, health, lastError]).toEqual([labels.job, 'up', '']);
  }
});

test('what the gateway and each service answered is there, by environment', async () => {
  for (const service of ['auth', 'order', 'inventory']) {
    const { result } = await query(`sum by (env) (${service}_request_total) > 0`, 2);
    expect(result.map(({ metric }) => metric['env']).sort()).toEqual(['canary', 'stable']);
  }
  const { result } = await query('sum(http_server_duration_seconds_count{job="gateway"}) > 80', 1);
  expect(Number(result[0]?.value[1])).toBeGreaterThanOrEqual(81);
});

test('exemplars lead from a bucket to a trace', async () => {
  const series = encodeURIComponent('http_server_duration_seconds_bucket{job="gateway"}');
  const range = `start=${Date.now() / 1_000 - 600}&end=${Date.now() / 1_000 + 60}`;
  const data = await until<{ exemplars: { labels: Record<string, string>; value: string }[] }[]>(
    `query_exemplars?query=${series}&${range}`,
    (found) => found.length > 0,
  );
  const labels = data.flatMap(({ exemplars }) => exemplars.map((exemplar) => exemplar.labels));
  expect(labels.map((label) => label['trace_id'])).toContain(traceId);
});

test('every query of the Grafana board has an answer', async () => {
  const inventory = instances.get('inventory-stable');
  await fetch(`${inventory}/outage`, { method: 'POST' });
  expect((await fetch(`${inventory}/inventory/SKU-001`)).status).toBe(503);
  await fetch(`${inventory}/outage`, { method: 'DELETE' });
  // Rates are of what has grown since Prometheus looked first.
  await visit();
  for (const [panel, text] of queries) {
    const { result } = await until<Vector>(`query?query=${encodeURIComponent(text)}`, (data) =>
      data.result.some(({ value }) => Number.isFinite(Number(value[1]))),
    );
    expect(result.length, panel).toBeGreaterThan(0);
  }
});

test('promtool complains of no instance, and OpenMetrics ends as it must', async () => {
  for (const [name, url] of instances) {
    const input = await (await fetch(`${url}/metrics`)).text();
    const { stdout, stderr, error } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    expect(error).toBeUndefined();
    const complaints = (stdout + stderr).split('\n').filter((line) => line !== '');
    // A gauge, but the name is Envoy's, and Istio's dashboards ask for it.
    const envoys = /^envoy_cluster_membership_total non-counter metrics should not/;
    expect(
      complaints.filter((line) => !envoys.test(line)),
      name,
    ).toEqual([]);
    const response = await fetch(`${url}/metrics`, { headers: { accept: openMetrics } });
    expect(response.headers.get('content-type')).toContain('application/openmetrics-text');
    const text = await response.text();
    expect(text.endsWith('# EOF\n')).toBe(true);
  }
});
