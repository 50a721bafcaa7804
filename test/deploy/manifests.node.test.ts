import { readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseRules } from '../../src/rules/parse.ts';
import { adminApp } from '../../src/runtimes/admin.ts';
import { createDrain } from '../../src/runtimes/drain.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const compose = parse(read('deploy/compose.yaml'), { merge: true });
const manifests = parseAllDocuments(read('deploy/kubernetes/gateway.yaml')).map((document) =>
  document.toJS(),
);
const deployment = manifests.find(({ kind }) => kind === 'Deployment');
const container = deployment.spec.template.spec.containers[0];

/** The admin listener as `serve` builds it. */
const admin = adminApp({
  registry: createRegistry(),
  drain: createDrain(),
  gateway: { revision: 'r1' },
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  test('the linter has nothing to say', () => {
    expect(validate(dockerfile)).toEqual([]);
  });

  test('the last stage is the gateway, which runs as a user without rights', () => {
    expect([...dockerfile.matchAll(/^FROM .* AS (\w+)$/gm)].at(-1)?.[1]).toBe('gateway');
    expect(dockerfile).toMatch(/^USER 65532:65532$/m);
    expect(deployment.spec.template.spec.securityContext.runAsUser).toBe(65_532);
  });

  test('no secret of this machine is sent to the builder', () => {
    const lines = read('.dockerignore').trim().split('\n');
    expect(lines[0]).toBe('*');
    expect(lines.at(-1)).toBe('**/.dev.vars');
  });
});

describe('compose.yaml', () => {
  const ours = Object.entries<Record<string, unknown>>(compose.services).filter(([, { build }]) =>
    Boolean(build),
  );

  test.each(ours)('%s has the limits of the article, and can write nowhere', (_, service) => {
    expect(service).toMatchObject({
      mem_limit: '256m',
      cpus: 0.5,
      pids_limit: 64,
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
    });
  });

  test('the rules of the shop find every service under the name that it has there', () => {
    const { rules } = parseRules(read('workers/shop.yaml'), {
      file: 'shop.yaml',
      environment: compose.services.gateway.environment,
      mode: 'gateway',
    });
    const hosts = rules?.services.flatMap(({ versions }) =>
      versions.flatMap(({ urls }) => urls.map((url) => new URL(url).hostname)),
    );
    expect(hosts).toEqual(['auth', 'auth-canary', 'order', 'order-canary']);
    for (const host of hosts ?? []) expect(compose.services).toHaveProperty(host);
  });

  test('Prometheus scrapes all of them, each on a port that it listens on', () => {
    const { scrape_configs } = parse(read('deploy/prometheus.yml'));
    const targets = scrape_configs.flatMap(
      ({ static_configs }: { static_configs: { targets: string[] }[] }) =>
        static_configs.flatMap(({ targets }) => targets),
    );
    const expected = ours.map(([name]) => (name === 'gateway' ? `${name}:9321` : `${name}:8080`));
    expect(targets.sort()).toEqual(expected.sort());
  });
});

describe('Kubernetes', () => {
  test.each(['readinessProbe', 'livenessProbe', 'startupProbe'])(
    'what the %s asks is answered',
    async (probe) => {
      const { path, port } = container[probe].httpGet;
      expect(port).toBe('admin');
      expect((await admin(new Request(`http://pod${path}`))).status).toBe(200);
    },
  );

  test('has the limits of the article', () => {
    expect(container.resources.limits).toEqual({ cpu: '500m', memory: '256Mi' });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('leaves more time than the drain and the wait before it take', () => {
    const { terminationGracePeriodSeconds } = deployment.spec.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(
      container.lifecycle.preStop.sleep.seconds + 10,
    );
  });

  test('its rules are valid', () => {
    const { data } = manifests.find(({ kind }) => kind === 'ConfigMap');
    const { rules, diagnostics } = parseRules(data['fetchmesh.yaml'], {
      file: 'fetchmesh.yaml',
      environment: {},
      mode: 'gateway',
    });
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(rules?.routes).toHaveLength(1);
  });

  test('scaling asks for a metric that the gateway has', async () => {
    const query = parse(read('deploy/kubernetes/autoscaling.yaml')).spec.triggers[0].metadata.query;
    const name = /\((\w+)\)/.exec(query)?.[1];
    const { createGateway } = await import('../../src/gateway/gateway.ts');
    const registry = createRegistry();
    const { rules } = parseRules('routes: [{ path: /**, respond: { status: 204 } }]', {
      file: 'rules.yaml',
      environment: {},
      mode: 'gateway',
    });
    const gateway = createGateway(rules as NonNullable<typeof rules>, { registry });
    await gateway.fetch(new Request('http://shop.test/'));
    const metrics = await adminApp({ registry, drain: createDrain(), gateway })(
      new Request('http://pod/metrics'),
    );
    expect(await metrics.text()).toContain(`# TYPE ${name} gauge`);
  });
});

test('systemd gives the gateway the limits of the article, and the drain its time', () => {
  const unit = read('deploy/fetchmesh.service');
  expect(unit).toMatch(/^MemoryMax=256M$/m);
  expect(unit).toMatch(/^CPUQuota=50%$/m);
  expect(unit).toMatch(/^TasksMax=64$/m);
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(10);
});
