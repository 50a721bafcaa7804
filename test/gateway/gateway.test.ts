import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { rejectionOf } from '../../src/index.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { gatewayFor, twoServices } from '../support/gateway-for.ts';
import { rulesFrom } from '../support/rules.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('rules that a file did not give are told of as such', () => {
  const { rules } = parseRules('routes: [{ path: nowhere }]');
  expect(() => createGateway(rules as never)).toThrow(
    'createGateway: there are no rules; parseRules',
  );
  expect(() => governance(rules as never)).toThrow('governance: there are no rules; parseRules');
});

describe('routing', () => {
  test('the first route that matches decides where a request goes', async () => {
    const { get, sent } = gatewayFor(
      `${twoServices}routes: [{ path: /b/**, to: b }, { path: /**, to: a }]`,
    );
    await get('/b/x?q=1');
    await get('/c');
    expect(sent.map(({ url }) => url)).toEqual(['http://b.test/base/b/x?q=1', 'http://a.test/c']);
  });

  test('upstream and routing see the same canonical path', async () => {
    const { get, sent } = gatewayFor(
      `${twoServices}routes: [{ path: /admin/**, to: b }, { path: /**, to: a }]`,
    );
    await get('/%61dmin//x/%2e%2e/y%2f');
    expect(sent[0]?.url).toBe('http://b.test/base/admin/y%2F');
  });

  test('no route is a 404, a malformed path a 400, neither reaches an upstream', async () => {
    const { get, sent } = gatewayFor(
      `${twoServices}routes: [{ path: /a, to: a }, { path: /b, to: b }]`,
    );
    const notFound = await get('/nowhere');
    expect(notFound.status).toBe(404);
    expect(rejectionOf(notFound)?.flag).toBe('NR');
    expect((await get('/%00')).status).toBe(400);
    expect((await get('/%zz')).status).toBe(400);
    expect(sent).toEqual([]);
  });

  test('several endpoints of a version take turns', async () => {
    const { get, sent } = gatewayFor(
      'services: { a: { versions: { v1: ["http://one.test", "http://two.test"] }, balance: round_robin } }\nroutes: [{ path: /**, to: a@v1 }]',
    );
    for (let call = 0; call < 4; call++) await get('/');
    expect(sent.map(({ url }) => url)).toEqual([
      'http://one.test/',
      'http://two.test/',
      'http://one.test/',
      'http://two.test/',
    ]);
  });
});

describe('splitting', () => {
  const split =
    'services: { a: { versions: { v1: "http://one.test", v2: { url: "http://two.test", env: canary } } } }\n';

  test('weights share requests out by chance', async () => {
    const draws = [0, 0.1999, 0.2, 0.99];
    const { get, sent } = gatewayFor(
      `${split}routes: [{ path: /**, to: { a@v2: 20, a@v1: 80 } }]`,
      undefined,
      { random: () => draws.shift() ?? 0 },
    );
    for (let call = 0; call < 4; call++) await get('/');
    expect(sent.map(({ url }) => url)).toEqual([
      'http://two.test/',
      'http://two.test/',
      'http://one.test/',
      'http://one.test/',
    ]);
  });

  test('a sticky caller keeps its version, and gets a cookie where it brings no key', async () => {
    const { get, sent } = gatewayFor(
      `${split}routes: [{ name: shop, path: /**, to: { a@v2: 50, a@v1: 50 }, sticky: { by: "cookie:sid", ttl: 1h } }]`,
    );
    for (let call = 0; call < 20; call++) await get('/', { headers: { cookie: 'sid=ada' } });
    expect(new Set(sent.map(({ url }) => url)).size).toBe(1);

    const first = await get('/');
    const cookie = first.headers.get('set-cookie');
    expect(cookie).toMatch(/^fm_shop=[\w-]+; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/);
    const chosen = sent.at(-1)?.url;
    for (let call = 0; call < 20; call++) {
      const again = await get('/', { headers: { cookie: cookie?.split(';')[0] ?? '' } });
      expect(again.headers.get('set-cookie')).toBeNull();
      expect(sent.at(-1)?.url).toBe(chosen);
    }
  });

  test('metrics take the environment from the version chosen, never from a header', async () => {
    const { gateway, get } = gatewayFor(
      `${split}telemetry: { service: edge, metrics: { path: /metrics } }\nroutes: [{ path: /c, to: a@v2 }, { path: /**, to: a@v1 }]`,
    );
    await get('/s', { headers: { 'x-env': 'canary', baggage: 'env=canary' } });
    await get('/c');
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('edge_request_total{env="stable"} 1');
    expect(metrics).toContain('edge_request_total{env="canary"} 1');
    expect(metrics).toContain('app_active_connections{service="edge"} 0');
    expect(metrics).toContain(
      'istio_requests_total{destination_service="a",response_code="200"} 2',
    );
    expect(gateway.revision).toBe('1');
  });
});

describe('policies', () => {
  test('TO-02: the timeout covers all tries, and ends with a 504 of its own', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${twoServices}routes: [{ path: /**, to: a, timeout: 1s, retries: 5 }]`,
      ({ init }) =>
        new Promise((_, reject) => {
          init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
      { clock },
    );
    const answer = get('/');
    await clock.advance(1_000);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ status: 504, reason: 'timeout' });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.init.signal?.aborted).toBe(true);
  });

  test('RT-07: retries count the tries after the first one, each at the next endpoint', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      'services: { a: { versions: { v1: ["http://one.test", "http://two.test"] }, balance: round_robin } }\nroutes: [{ path: /**, to: a@v1, retries: 2, base_delay: 10ms, jitter: none }]',
      () => new Response('busy', { status: 503 }),
      { clock },
    );
    const answer = get('/');
    await clock.advance(100);
    const response = await answer;
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('busy');
    const urls = sent.map(({ url }) => url);
    expect(urls).toHaveLength(3);
    // Once all have been tried, any of them will do.
    expect(urls.slice(0, 2)).toEqual(['http://one.test/', 'http://two.test/']);
  });

  test('an upstream that cannot be reached is a 502 that names no host', async () => {
    const { get } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`, () => {
      const cause = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3'), {
        code: 'ECONNREFUSED',
      });
      throw new TypeError('fetch failed', { cause });
    });
    const response = await get('/');
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ reason: 'upstream_connection_failed' });
    expect(text).not.toMatch(/10\.1\.2\.3|a\.test|ECONN/);
  });

  test('a bug is a 500 without a word of it, and is told to onError', async () => {
    const errors: unknown[] = [];
    const { get } = gatewayFor(
      `${twoServices}routes: [{ path: /**, to: a }]`,
      () => {
        throw new Error('the secret is 42');
      },
      { onError: (error) => errors.push(error) },
    );
    const response = await get('/');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('42');
    expect(errors).toHaveLength(1);
  });

  test('metrics that cannot be read are a 503, also where whoever is told of it throws', async () => {
    const { get } = gatewayFor(
      `${twoServices}telemetry: { metrics: { path: /metrics } }\nroutes: [{ path: /**, to: a }]`,
      () => new Response(),
      {
        exposed: () => Promise.reject(new Error('out')),
        onError() {
          throw new Error('no log either');
        },
      },
    );
    expect((await get('/metrics')).status).toBe(503);
  });

  test('a client that left gets no upstream failure counted against anybody', async () => {
    const client = new AbortController();
    const { get, gateway } = gatewayFor(
      `${twoServices}telemetry: { metrics: { path: /metrics } }\nroutes: [{ path: /**, to: a }]`,
      ({ init }) =>
        new Promise((_, reject) => {
          init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
    );
    const answer = get('/', { signal: client.signal });
    client.abort();
    expect((await answer).status).toBe(499);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('response_code="499"');
    expect(metrics).toContain('app_active_connections{service="gateway"} 0');
    expect(gateway.revision).toBe('1');
  });
});

describe('replacing rules', () => {
  test('R4: a request ends by the rules that it began with', async () => {
    let answer: (response: Response) => void = () => {};
    const { gateway, get, sent } = gatewayFor(
      `${twoServices}telemetry: { revision_header: true }\nroutes: [{ path: /**, to: a }]`,
      () => new Promise((resolve) => (answer = resolve)),
    );
    const early = get('/');
    await Promise.resolve();
    gateway.replace(
      rulesFrom(
        `${twoServices}telemetry: { revision_header: true }\nroutes: [{ path: /**, to: b }]`,
      ),
      '2',
    );
    const late = get('/');
    while (sent.length < 2) await Promise.resolve();
    const answerLate = answer;
    answerLate(new Response('late'));
    expect((await late).headers.get('x-fetchmesh-revision')).toBe('2');
    expect(sent.map(({ url }) => url)).toEqual(['http://a.test/', 'http://b.test/base/']);
    expect(gateway.revision).toBe('2');
    void early;
  });

  test('rules that cannot be compiled change nothing', () => {
    const { gateway } = gatewayFor(`${twoServices}routes: [{ path: /**, to: a }]`);
    const broken = { ...rulesFrom(`${twoServices}routes: [{ path: /**, to: a }]`), services: [] };
    expect(() => gateway.replace(broken, '2')).toThrow(/no version/);
    expect(gateway.revision).toBe('1');
  });

  describe('RF-08: gradually', () => {
    /** Every look at it takes so long that a slice ends there. */
    class SlowClock extends VirtualClock {
      #passed = 0;

      override monotonic(): number {
        this.#passed += 5;
        return super.monotonic() + this.#passed;
      }
    }
    const routes = (to: string): string =>
      `${twoServices}routes: [{ path: /1, to: ${to} }, { path: /2, to: ${to} }, { path: /**, to: ${to} }]`;

    test('requests are served by the rules before until all is compiled', async () => {
      const clock = new SlowClock();
      const { gateway, get, sent } = gatewayFor(routes('a'), undefined, { clock });
      const replaced = gateway.replaceGradually(rulesFrom(routes('b')), '2');
      expect(clock.pending).toBe(1);
      await get('/2');
      expect(gateway.revision).toBe('1');
      await clock.advance(0);
      await replaced;
      expect(gateway.revision).toBe('2');
      await get('/2');
      expect(sent.map(({ url }) => url)).toEqual(['http://a.test/2', 'http://b.test/base/2']);
    });

    test('rules that came meanwhile stay', async () => {
      const clock = new SlowClock();
      const { gateway } = gatewayFor(routes('a'), undefined, { clock });
      const replaced = gateway.replaceGradually(rulesFrom(routes('b')), '2');
      gateway.replace(rulesFrom(routes('a')), '3');
      await clock.advance(0);
      await replaced;
      expect(gateway.revision).toBe('3');
    });

    test('rules that cannot be compiled change nothing, nor what is being compiled', async () => {
      const clock = new SlowClock();
      const { gateway } = gatewayFor(routes('a'), undefined, { clock });
      const broken = { ...rulesFrom(routes('a')), services: [] };
      const replaced = gateway.replaceGradually(rulesFrom(routes('b')), '2');
      const refused = expect(gateway.replaceGradually(broken, '3')).rejects.toThrow(/no version/);
      expect(() => gateway.replace(broken, '4')).toThrow(/no version/);
      expect(gateway.revision).toBe('1');
      await clock.advance(0);
      await Promise.all([refused, replaced]);
      expect(gateway.revision).toBe('2');
    });
  });

  test('metrics live on over revisions', async () => {
    const text = `${twoServices}telemetry: { metrics: { path: /metrics } }\nroutes: [{ path: /**, to: a }]`;
    const { gateway, get } = gatewayFor(text);
    await get('/');
    gateway.replace(rulesFrom(text), '2');
    await get('/');
    expect(await (await get('/metrics')).text()).toContain('gateway_request_total{env="stable"} 2');
  });
});

describe('paths of our own', () => {
  test('health, readiness and metrics answer only where the rules name a path', async () => {
    let ready = true;
    const { get, sent } = gatewayFor(
      `${twoServices}telemetry: { metrics: { path: /m } }\nhealth: { path: /live, ready_path: /ready }\nroutes: [{ path: /**, to: a }]`,
      undefined,
      { isReady: () => ready },
    );
    expect((await get('/live')).status).toBe(200);
    expect((await get('/ready')).status).toBe(200);
    ready = false;
    expect((await get('/ready')).status).toBe(503);
    expect((await get('/m')).headers.get('content-type')).toContain('text/plain');
    await get('/metrics');
    expect(sent.map(({ url }) => url)).toEqual(['http://a.test/metrics']);
  });
});

describe('further tries', () => {
  const users =
    'services: { users: { urls: ["http://a.test", "http://b.test"], balance: round_robin }, other: "http://c.test" }\n';

  test('RT-14: a retry goes to another endpoint', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${users}routes: [{ path: /**, to: users, retries: { max: 3, base_delay: 0s } }]`,
      () => new Response(null, { status: 503 }),
      { clock },
    );
    // Another request takes its turn between the tries.
    const answers = [get('/1'), get('/2')];
    await clock.advance(1_000);
    await Promise.all(answers);
    for (const path of ['/1', '/2']) {
      const origins = sent.flatMap(({ url }) => (url.endsWith(path) ? [new URL(url).origin] : []));
      expect(origins).toHaveLength(4);
      expect(new Set(origins.slice(0, 2)).size).toBe(2);
    }
  });

  test('HG-09: a hedge goes to another endpoint, and the first answer counts', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${users}routes: [{ path: /**, to: users, hedge: { delay: 100ms } }]`,
      ({ url }) => (url.startsWith('http://a') ? new Promise(() => {}) : new Response(url)),
      { clock },
    );
    const answer = get('/x');
    await clock.advance(100);
    expect(await (await answer).text()).toBe('http://b.test/x');
    expect(sent[0]?.init.signal?.aborted).toBe(true);
    expect(sent[1]?.headers.get('x-fetchmesh-attempt-count')).toBe('2');
  });

  test('RB-08: all routes to a service share its budget, others do not', async () => {
    const clock = new VirtualClock();
    const { get, sent } = gatewayFor(
      `${users}defaults: { retries: { max: 5, base_delay: 0s, budget: 10% } }
routes:
  - { path: /one, to: users }
  - { path: /two, to: users, timeout: 3s } # has a chain of its own
  - { path: /other, to: other }`,
      () => new Response(null, { status: 503 }),
      { clock },
    );
    const tries = async (path: string) => {
      const before = sent.length;
      const answer = get(path);
      await clock.advance(0);
      await answer;
      return sent.length - before;
    };
    // One a second over ten seconds is the reserve.
    expect(await tries('/one')).toBe(6);
    expect(await tries('/two')).toBe(6);
    expect(await tries('/one')).toBe(1);
    expect(await tries('/two')).toBe(1);
    expect(await tries('/other')).toBe(6);
  });
});
