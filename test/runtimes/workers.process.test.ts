/** A gateway as a Worker, in real workerd with real KV and service bindings, without any compatibility flag. */

import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { rulesFrom } from '../support/rules.ts';

const fixtures = resolve(import.meta.dirname, '../fixtures/gateway-worker');

function workers(withKv: boolean) {
  const common = { compatibility_date: '2025-06-01', compatibility_flags: [] };
  const upstream = (name: string) => ({
    config: { ...common, name, main: `${fixtures}/upstream.ts`, vars: { NAME: name } },
  });
  const services = [
    { binding: 'STABLE', service: 'stable' },
    { binding: 'CANARY', service: 'canary' },
  ];
  const kv = withKv && { kv_namespaces: [{ binding: 'RULES', id: 'rules' }] };
  const gateway = { ...common, name: 'gateway', main: `${fixtures}/gateway.ts`, services, ...kv };
  return createTestHarness({
    root: fixtures,
    workers: [{ config: gateway }, upstream('stable'), upstream('canary')],
  });
}

/** Rules that send everything to the Worker behind a binding. */
function rulesTo(binding: string): string {
  const text = `
    telemetry: { service: test, revision_header: true }
    services: { shop: { url: "http://shop.internal/base", binding: ${binding} } }
    routes: [{ path: /**, to: shop }]`;
  return JSON.stringify(rulesFrom(text, { mode: 'gateway' }));
}

interface Namespace {
  put(key: string, value: string): Promise<void>;
}

describe('a gateway as a Worker with KV', () => {
  const harness = workers(true);
  let kv: Namespace;

  beforeAll(async () => {
    await harness.listen();
    kv = (await harness.getWorker<{ RULES: Namespace }>('gateway').getEnv()).RULES;
  });
  afterEach(() => turn('up'));
  afterAll(() => harness.close());

  const get = (path = '/a//b?q=1') => harness.fetch(`http://shop.example${path}`);
  const turn = async (state: string) =>
    expect(await (await get(`/-/kv/${state}`)).text()).toBe(state);
  const revisionOf = (response: { headers: { get(name: string): string | null } }) =>
    response.headers.get('x-fetchmesh-revision');

  async function publish(revision: number, rules: string): Promise<void> {
    const ref = `rules/test/r/${revision}`;
    await kv.put(ref, rules);
    await kv.put('rules/test/current', JSON.stringify({ revision, ref }));
  }

  /** Asks, as clients do, until an answer or the log says so; bounded by the test's own limit. */
  async function askedUntil(holds: (revision: string | null) => boolean): Promise<void> {
    for (;;) {
      const response = await get();
      await response.text();
      if (holds(revisionOf(response))) return;
    }
  }
  const logged = () => harness.getLogs().map(({ message }) => String(message));

  test('serves by the bundled rules until something is published, and says so once', async () => {
    for (let call = 0; call < 5; call++) expect(revisionOf(await get())).toBe('bundled');
    await askedUntil(() => logged().some((line) => line.includes('nothing is published')));
    expect(logged().filter((line) => line.includes('nothing is published'))).toHaveLength(1);
  });

  test('reaches its upstreams through service bindings, on the canonical path, with a trace', async () => {
    await publish(5, rulesTo('CANARY'));
    await askedUntil((revision) => revision === '5');
    expect(await (await get()).json()).toEqual({
      name: 'canary',
      url: 'http://shop.internal/base/a/b?q=1',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/),
    });
  });

  test.each([
    ['an older revision', () => publish(4, rulesTo('STABLE')), 'revision 4 is older'],
    ['rules that are invalid', () => publish(6, '{"version": 1}'), 'refused: services is missing'],
    ['a rules file', () => publish(7, 'routes: []'), 'fetchmesh build'],
    [
      'rules that cannot be put in force',
      () =>
        publish(8, rulesTo('STABLE').replace('"to":[{"service":"shop"', '"to":[{"service":"x"')),
      "no version '' of a service 'x'",
    ],
    ['a pointer that is invalid', () => kv.put('rules/test/current', '{}'), 'does not hold'],
    ['a KV that is down', () => turn('down'), 'KV GET failed: 503'],
  ])('%s: said once, and the last good rules stay', async (_, breakIt, saying) => {
    harness.clearLogs();
    await breakIt();
    await askedUntil(() => logged().some((line) => line.includes(saying)));
    for (let call = 0; call < 20; call++) expect(revisionOf(await get())).toBe('5');
    expect(logged().filter((line) => line.includes(saying))).toHaveLength(1);
  });

  test('going back is a new revision of earlier rules', async () => {
    await kv.put('rules/test/r/1', rulesTo('STABLE'));
    await kv.put('rules/test/current', '{"revision": 9, "ref": "rules/test/r/1"}');
    await askedUntil((revision) => revision === '9');
    expect(await (await get()).json()).toMatchObject({ name: 'stable' });
  });

  test('a KV that hangs delays nobody', async () => {
    await turn('hanging');
    const responses = await Promise.all(Array.from({ length: 20 }, () => get()));
    expect(new Set(responses.map(revisionOf))).toEqual(new Set(['9']));
  });
});

describe('a gateway as a Worker whose KV binding was forgotten', () => {
  const harness = workers(false);
  beforeAll(() => harness.listen());
  afterAll(() => harness.close());

  test('serves by the bundled rules, says what is missing, and answers /metrics', async () => {
    const response = await harness.fetch('http://shop.example/');
    expect(await response.json()).toMatchObject({ name: 'stable', url: 'http://bundled/' });
    const logged = () => String(harness.getLogs().map(({ message }) => message));
    await expect.poll(logged, { timeout: 60_000 }).toContain('is its binding in wrangler.toml?');
    const metrics = await (await harness.fetch('http://shop.example/metrics')).text();
    expect(metrics).toContain('http_server_duration_seconds_count{');
  });
});
