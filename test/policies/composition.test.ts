import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compose, describe as describeChain, outbound } from '../../src/core/chain.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { breaker } from '../../src/policies/breaker/breaker.ts';
import { bulkhead } from '../../src/policies/bulkhead.ts';
import { hedge } from '../../src/policies/hedge.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
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

test("the article's order constructs, works, and prints itself", async () => {
  const chain = compose(
    breaker({ failures: 5, openFor: '10s', clock }),
    bulkhead({ limit: 10, clock }),
    retrying(),
    timeout('800ms', { clock }),
  );
  const fetch = upstream(status(503), status(200));
  expect((await call(outbound(fetch, chain))).status).toBe(200);
  expect(fetch.calls).toHaveLength(2);
  const printed = describeChain(chain);
  expect(printed.split('\n  ').map((line) => line.split(' ')[0])).toEqual([
    'breaker',
    'bulkhead',
    'retry',
    'timeout',
  ]);
  expect(printed).not.toContain('warning');
});
