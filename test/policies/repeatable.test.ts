import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Middleware } from '../../src/core/chain.ts';
import { outbound } from '../../src/core/outbound.ts';
import { setHeader } from '../../src/core/outgoing.ts';
import type { RetryOptions } from '../../src/policies/retry.ts';
import { retryTrial } from '../support/retrying.ts';
import { status, upstream } from '../support/upstream.ts';

const url = 'http://shop.example/';

let { clock, retrying, call } = retryTrial();

beforeEach(() => {
  ({ clock, retrying, call } = retryTrial());
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

describe('methods', () => {
  const tries = async (method: string, options: RetryOptions, headers = {}) =>
    (await call([status(503)], options, new Request(url, { method, headers }))).fetch.calls.length;

  test.each([
    ['GET', 3],
    ['HEAD', 3],
    ['OPTIONS', 3],
    ['PUT', 3],
    ['DELETE', 3],
    ['QUERY', 3],
    ['POST', 1],
    ['PATCH', 1],
  ])('RT-01: %s and a 503 are %d tries', async (method, expected) => {
    expect(await tries(method, {})).toBe(expected);
  });

  test('POST is tried again where all methods are', async () => {
    expect(await tries('POST', { unsafeMethods: 'always' })).toBe(3);
  });

  test('RT-02: or where it has a key, if that is wished', async () => {
    const key = { 'Idempotency-Key': 'one' };
    expect(await tries('POST', {}, key)).toBe(1);
    expect(await tries('POST', { unsafeMethods: 'idempotency_key' })).toBe(1);
    expect(await tries('POST', { unsafeMethods: 'idempotency_key' }, key)).toBe(3);
  });

  test('RT-02: the key may come from a middleware, and every try sends the same', async () => {
    const fetch = upstream(status(503));
    const keyed: Middleware = (next) => (request, context) =>
      next(request, setHeader(context, 'idempotency-key', 'one'));
    const shop = outbound(fetch, keyed, retrying({ unsafeMethods: 'idempotency_key' }));
    const answer = shop(url, { method: 'POST', body: 'order' });
    await clock.advance(60_000);
    await answer;
    expect(fetch.calls.map(({ headers }) => headers.get('idempotency-key'))).toEqual([
      'one',
      'one',
      'one',
    ]);
    const bodies = fetch.calls.map(({ request }) => request.bodyUsed);
    expect(bodies).toEqual([false, false, false]);
  });
});
