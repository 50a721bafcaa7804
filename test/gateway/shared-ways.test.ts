import { describe, expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/gateway.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { rulesFrom } from '../support/rules.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function gatewayOf(
  routes: string,
  answer: (url: string) => Promise<Response>,
  clock: VirtualClock,
) {
  const text = `services: { users: "http://users.test", orders: "http://orders.test" }\nroutes:\n${routes}`;
  const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), { transport: answer, clock });
  return {
    get: (path: string) => gateway.fetch(new Request(`http://shop.example${path}`)),
    scrape: () => expose(gateway.registry, 'text'),
  };
}

describe('routes whose requests go the same way', () => {
  test('keep what they are found by, and the ways of others stay their own', async () => {
    const clock = new VirtualClock();
    const { get } = gatewayOf(
      `  - { path: /a, to: users, timeout: 1s }
  - { path: /b, to: users, timeout: 2s }
  - { path: /c, to: orders, timeout: 1s }
  - { path: /d, to: users, timeout: 1s, methods: [GET] }
  - { path: /e, to: users, timeout: 1s, headers: { response: { set: { x-e: "1" } } } }
`,
      (url) => (url.includes('slow') ? new Promise(() => {}) : Promise.resolve(new Response(url))),
      clock,
    );
    expect(await (await get('/a')).text()).toBe('http://users.test/a');
    expect(await (await get('/c')).text()).toBe('http://orders.test/c');
    expect(await (await get('/d')).text()).toBe('http://users.test/d');
    expect((await get('/a')).headers.has('x-e')).toBe(false);
    expect((await get('/e')).headers.get('x-e')).toBe('1');

    const ended: string[] = [];
    for (const path of ['/a', '/b', '/d']) {
      void get(`${path}?slow`).then(({ status }) => ended.push(`${path} ${status}`));
    }
    await clock.advance(1_000);
    expect(ended).toEqual(['/a 504', '/d 504']);
    await clock.advance(1_000);
    expect(ended).toEqual(['/a 504', '/d 504', '/b 504']);
  });

  test('have breakers of their own', async () => {
    const { get } = gatewayOf(
      `  - { path: /a, to: users, breaker: { failures: 1 } }
  - { path: /b, to: users, breaker: { failures: 1 } }
`,
      async () => new Response(null, { status: 500 }),
      new VirtualClock(),
    );
    expect((await get('/a')).status).toBe(500);
    expect((await get('/a')).status).toBe(503);
    expect((await get('/b')).status).toBe(500);
  });

  test('are told apart by their names in what is counted', async () => {
    const { get, scrape } = gatewayOf(
      `  - { path: /a/:id, to: users }
  - { path: /b/:id, to: users }
`,
      async () => new Response(null, { status: 204 }),
      new VirtualClock(),
    );
    await get('/a/1');
    await get('/b/1');
    expect(scrape()).toMatch(/http_server_duration_seconds_count\{[^}]*\} 2/);
  });
});
