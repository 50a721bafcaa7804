import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createGateway } from '../../src/gateway/gateway.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { board, queries } from '../support/grafana-board.ts';

const read = (file: string) =>
  parse(readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8'), { merge: true });

/** Of PromQL, and the label that Prometheus itself adds. */
const language = ['sum', 'by', 'rate', 'increase', 'histogram_quantile', 'job'];

/** Names of metrics and labels that a gateway shows. */
async function namesShown(): Promise<ReadonlySet<string>> {
  const registry = createRegistry();
  const { rules } = parseRules(
    'services: { users: "http://users.internal" }\nroutes: [{ path: /** }]',
    {
      mode: 'gateway',
    },
  );
  const gateway = createGateway(rules as NonNullable<typeof rules>, {
    registry,
    transport: async () => new Response(),
  });
  await gateway.fetch(new Request('http://shop.example/'));
  const names = expose(registry, 'text').matchAll(/^(\w+)[{ ]|(\w+)="/gm);
  return new Set([...names].map(([, metric, label]) => (metric ?? label) as string));
}

test('every name in a query of the board is one that a gateway shows', async () => {
  const known = new Set([...language, ...(await namesShown())]);
  expect(queries.length).toBeGreaterThan(10);
  for (const [panel, query] of queries) {
    const names = query.replaceAll(/"[^"]*"|\[\w+\]/g, '').match(/[a-z_]\w*/gi) ?? [];
    expect(
      names.filter((name) => !known.has(name)),
      `${panel}: ${query}`,
    ).toEqual([]);
  }
});

test('the board finds its data source, which leads from a point to its trace, and both are in compose.yaml', () => {
  const { datasources } = read('grafana/provisioning/datasources/datasources.yaml');
  const [prometheus, jaeger] = datasources;
  expect(new Set(board.panels.map(({ datasource }) => datasource.uid))).toEqual(
    new Set([prometheus.uid]),
  );
  expect(prometheus.jsonData.exemplarTraceIdDestinations).toEqual([
    { name: 'trace_id', datasourceUid: jaeger.uid },
  ]);
  expect(prometheus.jsonData.timeInterval).toBe(read('prometheus.yml').global.scrape_interval);
  const { services } = read('compose.yaml');
  for (const { url } of datasources) expect(services).toHaveProperty(new URL(url).hostname);
});

test('compose.yaml puts the board where Grafana looks for it', () => {
  const mounts = new Map<string, string>(
    read('compose.yaml').services.grafana.volumes.map((volume: string) => {
      const [source, target] = volume.split(':');
      return [target, source];
    }),
  );
  const { providers } = read('grafana/provisioning/dashboards/dashboards.yaml');
  expect(mounts.get(`${providers[0].options.path}/fetchmesh.json`)).toBe(
    './grafana/fetchmesh.json',
  );
  expect(mounts.get('/etc/grafana/provisioning')).toBe('./grafana/provisioning');
});
