import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compose, describe as describeChain } from '../../src/core/chain.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { breaker } from '../../src/policies/breaker/breaker.ts';
import { bulkhead } from '../../src/policies/bulkhead.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { fault } from '../../src/policies/fault.ts';
import { hedge } from '../../src/policies/hedge.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { retry } from '../../src/policies/retry.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const retrying = (max = 2) => retry({ clock, max, baseDelay: '10ms', jitter: 'none' });

async function call(shop: ReturnType<typeof outbound>): Promise<Response> {
  const answer = shop(url);
  await clock.advance(60_000);
  return await answer;
}

describe('breaker and retry', () => {
  test('CO-01: an open circuit inside of a retry is no reason to wait and try again', async () => {
    const fetch = upstream(status(503));
    const shop = outbound(fetch, retrying(), breaker({ failures: 1, openFor: '1h', clock }));
    // The first try opens it, the second is refused.
    expect(rejectionOf(await call(shop))?.reason).toBe('circuit_breaker_open');
    expect(fetch.calls).toHaveLength(1);
    const waits = clock.delays.length;
    expect(rejectionOf(await call(shop))?.reason).toBe('circuit_breaker_open');
    expect(fetch.calls).toHaveLength(1);
    expect(clock.delays).toHaveLength(waits);
  });

  test('CO-02: around a retry a breaker counts a call that failed three times as one failure', async () => {
    const fetch = upstream(status(503));
    const shop = outbound(fetch, breaker({ failures: 2, openFor: '1h', clock }), retrying());
    expect((await call(shop)).status).toBe(503);
    expect((await call(shop)).status).toBe(503);
    expect(fetch.calls).toHaveLength(6);
    expect(rejectionOf(await call(shop))?.reason).toBe('circuit_breaker_open');
  });

  test('CO-02: inside of a retry it counts three', async () => {
    const fetch = upstream(status(503));
    const shop = outbound(fetch, retrying(5), breaker({ failures: 3, openFor: '1h', clock }));
    expect(rejectionOf(await call(shop))?.reason).toBe('circuit_breaker_open');
    expect(fetch.calls).toHaveLength(3);
  });

  test('HG-08: a try that lost a race does not open the circuit', async () => {
    const answers = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? stalled : status(200),
    );
    const fetch = upstream(...answers);
    const shop = outbound(
      fetch,
      hedge({ delay: '100ms', clock }),
      breaker({ failures: 1, openFor: '1h', clock }),
    );
    for (let calls = 0; calls < 10; calls++) expect((await call(shop)).status).toBe(200);
  });
});

describe('CO-07: what a policy refused counts as nothing to another one', () => {
  test('a full bulkhead does not open the circuit around it', async () => {
    const fetch = upstream(stalled);
    const shop = outbound(
      fetch,
      breaker({ failures: 1, openFor: '1h', clock }),
      bulkhead({ limit: 1, clock }),
    );
    const caller = new AbortController();
    const first = shop(url, { signal: caller.signal });
    for (let calls = 0; calls < 5; calls++) {
      expect(rejectionOf(await call(shop))?.reason).toBe('bulkhead_full');
    }
    caller.abort('enough');
    await expect(first).rejects.toBe('enough');
  });
});

describe('what stands around a retry happens once, inside of it for each try', () => {
  const third = () => upstream(status(503), status(503), status(200));

  test('CO-03: a fault', async () => {
    let draws = 0;
    const faults = fault({
      abort: 503,
      percent: 50,
      clock,
      random: () => {
        draws += 1;
        return 0;
      },
    });
    const fetch = upstream(status(200));
    const around = outbound(fetch, faults, retrying());
    expect(rejectionOf(await call(around))?.reason).toBe('fault_injected');
    expect([fetch.calls.length, draws]).toEqual([0, 1]);
    expect(describeChain(around)).not.toContain('warning');

    draws = 0;
    const inside = outbound(fetch, retrying(), faults);
    expect((await call(inside)).status).toBe(503);
    expect([fetch.calls.length, draws]).toEqual([0, 3]);
    expect(describeChain(inside)).toContain('warning: fault inside of retry: each try draws anew');
  });

  test('CO-04: a mirror', async () => {
    const shadow = upstream(status(200));
    const copies = mirror({ send: (copy) => shadow(copy), clock });
    expect((await call(outbound(third(), copies, retrying()))).status).toBe(200);
    expect(shadow.calls).toHaveLength(1);
    const inside = outbound(third(), retrying(), copies);
    expect((await call(inside)).status).toBe(200);
    expect(shadow.calls).toHaveLength(4);
    expect(describeChain(inside)).toContain('warning: mirror inside of retry');
  });
});

test('a fallback inside of a breaker hides from it what fails', async () => {
  const fetch = upstream(status(503));
  const circuit = breaker({ failures: 1, openFor: '1h', clock });
  const hiding = outbound(fetch, circuit, fallback({ body: 'instead' }));
  await call(hiding);
  await call(hiding);
  expect(fetch.calls).toHaveLength(2);
  const right = outbound(fetch, fallback({ body: 'instead' }), circuit);
  await call(right);
  expect(await (await call(right)).text()).toBe('instead');
  expect(fetch.calls).toHaveLength(3);
});

describe("the article's order: breaker, limit, retry, handler", () => {
  const chain = () =>
    compose(
      breaker({ failures: 2, openFor: '10m', key: 'all', clock }),
      rateLimit({ limit: 3, per: '1m' }, { clock }),
      retrying(),
    );

  test('retries a request within one unit of the limit', async () => {
    const fetch = upstream(status(503), status(200));
    expect((await call(outbound(fetch, chain()))).status).toBe(200);
    expect(fetch.calls).toHaveLength(2);
  });

  test('opens after requests, not tries, and then takes nothing of the limit', async () => {
    const fetch = upstream(...Array.from({ length: 6 }, () => status(503)), status(200));
    const shop = outbound(fetch, chain());
    expect([(await call(shop)).status, (await call(shop)).status]).toEqual([503, 503]);
    expect(fetch.calls).toHaveLength(6);
    const refused = await Promise.all([shop(url), shop(url), shop(url)]);
    expect(refused.map((one) => rejectionOf(one)?.reason)).toEqual(
      Array.from({ length: 3 }, () => 'circuit_breaker_open'),
    );
    await clock.advance(600_000);
    expect((await call(shop)).status).toBe(200);
    expect(fetch.calls).toHaveLength(7);
  });

  test('refuses beyond the limit, which is no failure to the breaker', async () => {
    const fetch = upstream(status(200));
    const circuit = breaker({ failures: 1, openFor: '1h', key: 'all', clock });
    const shop = outbound(
      fetch,
      circuit,
      rateLimit({ limit: 1, per: '1h' }, { clock }),
      retrying(),
    );
    expect((await shop(url)).status).toBe(200);
    expect([(await shop(url)).status, (await shop(url)).status]).toEqual([429, 429]);
    expect(circuit.status().state).toBe('closed');
    expect(fetch.calls).toHaveLength(1);
  });

  test('stands around an app as well as around a fetch, and prints itself', async () => {
    let calls = 0;
    const app = inbound(function shop() {
      calls += 1;
      return new Response(null, { status: calls < 2 ? 503 : 200 });
    }, chain());
    const answer = app(new Request(url));
    await clock.advance(60_000);
    expect((await answer).status).toBe(200);
    expect(describeChain(app)).toBe(
      [
        'inbound',
        'breaker 2 failures in a row, open 10m',
        'rate limit 3 per 1m, burst 3',
        'retry max 2, exponential from 10ms to 100ms, none jitter',
        'app shop',
      ].join('\n  '),
    );
  });
});
