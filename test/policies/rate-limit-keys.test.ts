/** Who shares a quota. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientAddress, peerAddress } from '../../src/core/address.ts';
import { Context } from '../../src/core/context.ts';
import { type RateLimit, type RateLimitOptions, rateLimit } from '../../src/policies/rate-limit.ts';
import type { Store } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { hello, limitedApp, perUser, statuses } from '../support/limited-app.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const limited = (limits: RateLimit | readonly RateLimit[], options: RateLimitOptions = {}) =>
  limitedApp(limits, { clock, ...options });

test('is by default the peer, IPv6 by its /64 network', async () => {
  const { get, context } = limited({ limit: 1, per: '1s' });
  const from = (address: string) => get('', {}, context.with(peerAddress, address));
  const addresses = ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2:1'];
  expect(await statuses(addresses.map(from))).toEqual([200, 429, 200, 200, 429]);
});

test('is the client behind a proxy that is trusted, where there is one', async () => {
  const { get, context } = limited({ limit: 1, per: '1s' });
  const behind = context.with(peerAddress, '10.0.0.1');
  const from = (address: string) => get('', {}, behind.with(clientAddress, address));
  expect(await statuses(['192.0.2.1', '192.0.2.2', '192.0.2.1'].map(from))).toEqual([
    200, 200, 429,
  ]);
});

test('RL-10 requests without one share a quota, which no client can name', async () => {
  const { get } = limited({ ...perUser, limit: 1, by: (request) => request.headers.get('user') });
  expect(await statuses([get(''), get(''), get('(no key)'), get('(no key)'.padEnd(70))])).toEqual([
    200, 429, 200, 429,
  ]);
});

test("RL-10 or are not limited, with anonymous: 'skip'", async () => {
  const { get } = limited({ ...perUser, limit: 1, anonymous: 'skip' });
  expect(await statuses([get(''), get(''), get('ada'), get('ada')])).toEqual([200, 200, 200, 429]);
  expect((await get('')).headers.has('ratelimit')).toBe(false);
});

test('RL-10 is of bounded length in the store, and yet tells all apart', async () => {
  const asked: string[] = [];
  const memory = memoryStore({ clock });
  const store: Store = {
    ...memory,
    take(key, limit, n, min) {
      asked.push(key);
      return memory.take(key, limit, n, min);
    },
  };
  const { get } = limited({ ...perUser, limit: 1, name: 'n' }, { store, scope: 'shop' });
  const long = 'x'.repeat(5_000);
  expect(await statuses([get(long), get(`${long}y`), get(long)])).toEqual([200, 200, 429]);
  expect(new Set(asked).size).toBe(2);
  for (const key of asked) expect(key).toMatch(/^shop:n:#[\da-f]{64}$/);
});

test('FT-12 a flood of hostile keys takes bounded room and does not wash out a spent quota', async () => {
  const store = memoryStore({ clock, capacity: 1_000 });
  const { get } = limited({ ...perUser, by: undefined as never, limit: 1, per: '1d' }, { store });
  const flood = rateLimit({ limit: 10, per: '1m', by: (request) => request.url }, { store, clock });
  const run = flood(hello);
  const context = Context.background('outbound');
  await get();
  const base = new Request('http://shop.example/');
  for (let index = 0; index < 30_000; index++) {
    const request = Object.create(base, { url: { value: `${index}` } }) as Request;
    void run(request, context);
  }
  expect(store.size).toBeLessThanOrEqual(1_000);
  expect((await get()).status).toBe(429);
});
