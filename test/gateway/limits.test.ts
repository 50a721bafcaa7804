import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import { rulesFrom } from '../support/rules.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const services = 'services: { a: "http://a.test" }\n';

function gatewayFor(
  text: string,
  answer: () => Response | Promise<Response> = () => new Response(),
) {
  const sent: Headers[] = [];
  const gateway = createGateway(rulesFrom(`${services}${text}`, { mode: 'gateway' }), {
    clock,
    transport: async (_, init) => {
      sent.push(new Headers(init.headers));
      return answer();
    },
  });
  return { gateway, sent };
}

function get(
  gateway: Gateway,
  path: string,
  headers: Record<string, string> = {},
  ip = '10.0.0.1',
) {
  const request = new Request(`http://shop.example${path}`, { headers });
  return gateway.fetch(Object.defineProperty(request, 'ip', { value: ip }));
}

async function statuses(calls: readonly Promise<Response>[]): Promise<number[]> {
  const answers: number[] = [];
  for (const call of calls) answers.push((await call).status);
  return answers;
}

describe('rate_limit', () => {
  test('limits by address, says what is left, and refuses before anything is sent', async () => {
    const { gateway, sent } = gatewayFor(
      'routes: [{ path: /**, rate_limit: { limit: 2, per: 1m } }]',
    );
    const first = await get(gateway, '/');
    expect(first.headers.get('ratelimit-policy')).toBe('"default";q=2;w=60');
    expect(first.headers.get('ratelimit')).toBe('"default";r=1;t=30');
    const others = [get(gateway, '/'), get(gateway, '/'), get(gateway, '/', {}, '10.0.0.2')];
    expect(await statuses(others)).toEqual([200, 429, 200]);
    expect(sent.length).toBe(3);
  });

  test.each([
    ['header:x-user', { 'x-user': 'ada' }, { 'x-user': 'bob' }],
    ['cookie:sid', { cookie: 'sid=1' }, { cookie: 'sid=2' }],
    ['baggage:tenant', { baggage: 'tenant=a' }, { baggage: 'tenant=b' }],
    ['[ip, "header:x-user"]', { 'x-user': 'ada' }, { 'x-user': 'bob' }],
  ])('tells callers apart by %s', async (by, ada, bob) => {
    const { gateway } = gatewayFor(
      `routes: [{ path: /**, rate_limit: { limit: 1, per: 1m, by: ${by.startsWith('[') ? by : `"${by}"`} } }]`,
    );
    const calls = [ada, ada, bob].map((headers) => get(gateway, '/', headers));
    expect(await statuses(calls)).toEqual([200, 429, 200]);
  });

  test('each route counts for itself, also by the limit of the defaults; `off` takes it off', async () => {
    const { gateway } = gatewayFor(`defaults: { rate_limit: { limit: 1, per: 1m, by: global } }
routes:
  - { path: /a }
  - { path: /b }
  - { path: /c, rate_limit: off }
  - { path: /d, rate_limit: { limit: 2, per: 1m, by: [route] } }
`);
    const paths = ['/a', '/a', '/b', '/b', '/c', '/c', '/d', '/d', '/d'];
    expect(await statuses(paths.map((path) => get(gateway, path)))).toEqual([
      200, 429, 200, 429, 200, 200, 200, 200, 429,
    ]);
  });

  test('several have all to agree', async () => {
    const { gateway } = gatewayFor(`routes:
  - path: /**
    rate_limit:
      - { limit: 1, per: 1s, by: "header:x-user", anonymous: skip }
      - { name: hourly, limit: 2, per: 1h }
`);
    const calls = [{ 'x-user': 'a' }, { 'x-user': 'a' }, {}, {}].map((headers) =>
      get(gateway, '/', headers),
    );
    expect(await statuses(calls)).toEqual([200, 429, 200, 429]);
    expect((await (await get(gateway, '/')).json())['violated-policies']).toEqual(['hourly']);
  });

  test('R5 what was counted lives on over a reload that leaves the block as it is', async () => {
    const rules = (limit: number, timeout: string) =>
      `routes: [{ name: shop, path: /**, timeout: ${timeout}, rate_limit: { limit: ${limit}, per: 1m } }]`;
    const { gateway } = gatewayFor(rules(1, '1s'));
    await get(gateway, '/');
    const replace = (text: string, revision: string) =>
      gateway.replace(rulesFrom(services + text, { mode: 'gateway' }), revision);
    replace(rules(1, '2s'), '2');
    expect((await get(gateway, '/')).status).toBe(429);
    replace(rules(2, '2s'), '3');
    expect((await get(gateway, '/')).status).toBe(200);
  });

  test('a refusal is not tried again, and costs one unit however often the upstream is tried', async () => {
    let calls = 0;
    const { gateway } = gatewayFor(
      'routes: [{ path: /**, rate_limit: { limit: 2, per: 1m }, retries: { max: 2, base_delay: 0ms } }]',
      () => new Response(null, { status: ++calls % 3 === 0 ? 200 : 503 }),
    );
    const run = async () => {
      const answer = get(gateway, '/');
      await clock.advance(1);
      return (await answer).status;
    };
    expect([await run(), await run(), await run()]).toEqual([200, 200, 429]);
    expect(calls).toBe(6);
  });

  test('a wait counts against the timeout', async () => {
    const { gateway } = gatewayFor(
      'routes: [{ path: /**, timeout: 500ms, rate_limit: { limit: 1, per: 300ms, max_wait: 499ms } }]',
    );
    const calls = [0, 1, 2].map(() => get(gateway, '/'));
    await clock.advance(300);
    expect(await statuses(calls)).toEqual([200, 200, 429]);
  });
});

describe('shed', () => {
  const text = `defaults: { shed: { from: 1, full: 2 } }
routes:
  - { path: /vital, shed: { from: 1, full: 2, priority: critical } }
  - { path: /free, shed: off }
  - { path: /** }
`;

  test('counts over all routes of the same thresholds, and lets critical ones pass', async () => {
    const release: (() => void)[] = [];
    const { gateway } = gatewayFor(
      text,
      () => new Promise((resolve) => release.push(() => resolve(new Response()))),
    );
    const first = get(gateway, '/vital');
    const second = get(gateway, '/vital');
    await settled();
    const refused = await get(gateway, '/other');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('x-fetchmesh-reason')).toBe('shed');
    expect(refused.headers.get('retry-after')).toBe('1');
    const replaced = rulesFrom(`${services}${text}  # changed`, { mode: 'gateway' });
    gateway.replace({ ...replaced, routes: [...replaced.routes] }, '2');
    expect((await get(gateway, '/other')).status).toBe(503);
    const free = get(gateway, '/free');
    await settled();
    for (const finish of release.splice(0)) finish();
    expect(await statuses([first, second, free])).toEqual([200, 200, 200]);
  });

  test('LS-04 tells the upstream its own priority, not that of the client', async () => {
    const { gateway, sent } = gatewayFor(text);
    await get(gateway, '/other', { 'x-fetchmesh-priority': 'critical;level=1' });
    expect(sent[0]?.get('x-fetchmesh-priority')).toMatch(/^normal;level=\d{1,2}$/);
  });

  test('LS-04 heeds the priority that a trusted peer tells, and no one else', async () => {
    const rules = 'routes: [{ path: /**, shed: { from: 1, full: 2, trusted_ips: [10.0.0.0/8] } }]';
    const { gateway, sent } = gatewayFor(rules);
    const told = { 'x-fetchmesh-priority': 'critical;level=1' };
    for (const ip of ['10.9.9.9', '192.0.2.1', 'unknown']) await get(gateway, '/', told, ip);
    const passedOn = sent.map((headers) => headers.get('x-fetchmesh-priority')?.split(';', 1)[0]);
    expect(passedOn).toEqual(['critical', 'normal', 'normal']);
  });
});
