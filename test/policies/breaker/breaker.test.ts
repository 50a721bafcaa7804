import { describe, expect, test } from 'vitest';
import { compose, describe as describeChain } from '../../../src/core/chain.ts';
import { endpoint } from '../../../src/core/endpoint.ts';
import { eventListener, type PolicyEvent } from '../../../src/core/event.ts';
import { inbound } from '../../../src/core/inbound.ts';
import { outbound } from '../../../src/core/outbound.ts';
import { reject, rejectionOf } from '../../../src/core/rejection.ts';
import { type BreakerOptions, breaker } from '../../../src/policies/breaker/breaker.ts';
import { bulkhead } from '../../../src/policies/bulkhead.ts';
import { retry } from '../../../src/policies/retry.ts';
import { timeout } from '../../../src/policies/timeout.ts';
import { tracedBody } from '../../support/bodies.ts';
import { CircuitDriver } from '../../support/circuit.ts';
import { countListeners } from '../../support/listeners.ts';
import { connectionReset, stalled, status, upstream } from '../../support/upstream.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const url = 'http://shop.example/';
const probe = { probes: 1, successes: 1 };

describe('a closed circuit', () => {
  test('CB-01 opens on the last of so many failures in a row; a success begins anew', async () => {
    const driver = new CircuitDriver({ failures: 3 });
    await driver.calls('failure', 'failure', 'success', 'failure', 'failure');
    expect(driver.state).toBe('closed');
    await driver.call('failure');
    expect(driver.state).toBe('open');
  });

  test('opens by default at half of at least 20 calls within 10 s', async () => {
    const driver = new CircuitDriver({});
    for (let call = 0; call < 19; call++) await driver.call('failure');
    expect(driver.state).toBe('closed');
    await driver.call('success');
    expect(driver.breaker.status()).toMatchObject({ state: 'open', reason: 'error_rate' });
  });

  test('CB-02 opens at exactly the rate, also one that binary fractions miss', async () => {
    const driver = new CircuitDriver({ errorRate: 0.07, lastRequests: 100, minRequests: 100 });
    for (let call = 0; call < 93; call++) await driver.call('success');
    for (let call = 0; call < 6; call++) await driver.call('failure');
    expect(driver.state).toBe('closed');
    await driver.call('failure');
    expect(driver.state).toBe('open');
  });

  test('CB-05 forgets by tenths of the window where nothing is said of buckets', async () => {
    const driver = new CircuitDriver({ window: '10s' }, 0);
    await driver.at(1_500);
    await driver.call('failure');
    await driver.at(10_999);
    expect(driver.breaker.status().total).toBe(1);
    await driver.at(11_000);
    expect(driver.breaker.status().total).toBe(0);
  });

  test('CB-19 CB-20 CB-22 heeds Retry-After, wants as many successes as probes, and waits 10 s for one', async () => {
    const driver = new CircuitDriver({ failures: 1, openFor: '1s', halfOpen: 5 });
    await driver.call('failure', { 'retry-after': '30' });
    expect(driver.breaker.status().openForMs).toBe(30_000);
    await driver.at(30_000);
    for (let call = 0; call < 4; call++) await driver.call('success');
    expect(driver.state).toBe('half-open');
    await driver.begin('hung');
    await driver.at(39_999);
    expect(driver.state).toBe('half-open');
    await driver.at(40_000);
    expect(driver.state).toBe('open');
  });

  test('CB-20 no more probes than the verdict takes, those that failed and were tolerated counted', async () => {
    const halfOpen = { probes: 10, successes: 3, toleratedFailures: 2 };
    const driver = new CircuitDriver({ failures: 1, openFor: '1s', halfOpen });
    await driver.call('failure');
    await driver.at(1_000);
    await driver.calls('failure', 'failure');
    const admitted: boolean[] = [];
    for (const id of ['a', 'b', 'c', 'd']) admitted.push(await driver.begin(id));
    expect(admitted).toEqual([true, true, true, false]);
  });

  test('CB-12 a probe that succeeds slowly has failed, where slow calls count', async () => {
    const slow = { slowRate: 1, slowAfter: '1s', minRequests: 1, openFor: '1s' } as const;
    const driver = new CircuitDriver({ ...slow, halfOpen: probe });
    await driver.begin('slow');
    await driver.at(1_001);
    await driver.end('slow', 'success');
    await driver.at(2_001);
    await driver.begin('probe');
    await driver.at(3_002);
    await driver.end('probe', 'success');
    expect(driver.breaker.status()).toMatchObject({ state: 'open', reason: 'probe_failed' });
  });

  test('CB-25 nor does the result of a call from before count once it is closed again', async () => {
    const driver = new CircuitDriver({ failures: 1, openFor: '1s', halfOpen: probe });
    await driver.begin('late');
    await driver.call('failure');
    await driver.at(1_000);
    await driver.call('success');
    expect(driver.state).toBe('closed');
    await driver.end('late', 'failure');
    expect(driver.state).toBe('closed');
  });

  test('CB-25 a probe of an earlier round takes no place in the next, and says nothing', async () => {
    const halfOpen = { probes: 2, successes: 2 };
    const driver = new CircuitDriver({ failures: 1, openFor: '1s', maxOpenFor: '1s', halfOpen });
    await driver.call('failure');
    await driver.at(1_000);
    await driver.begin('failing');
    await driver.begin('late');
    await driver.end('failing', 'failure');
    expect(driver.breaker.status()).toMatchObject({ state: 'open', probes: 0 });
    await driver.at(2_000);
    expect([await driver.begin('a'), await driver.begin('b')]).toEqual([true, true]);
    await driver.end('late', 'failure');
    expect(driver.state).toBe('half-open');
    await driver.end('a', 'success');
    await driver.end('b', 'success');
    expect(driver.state).toBe('closed');
  });

  test('CB-06 a fixed window is one whose bucket is as long', async () => {
    const driver = new CircuitDriver({ window: '10s', bucket: '10s', minRequests: 2 }, 0);
    await driver.at(9_999);
    await driver.call('failure');
    await driver.at(10_000);
    expect(driver.breaker.status().total).toBe(0);
    await driver.call('failure');
    expect(driver.state).toBe('closed');
  });

  test('CB-08 after a long silence only what comes counts', async () => {
    const driver = new CircuitDriver({ minRequests: 3 });
    await driver.calls('failure', 'failure');
    await driver.at(3_600_000);
    await driver.call('failure');
    expect(driver.breaker.status()).toMatchObject({ state: 'closed', total: 1, failures: 1 });
  });

  test('CB-10 with too few calls no rate is known', async () => {
    const driver = new CircuitDriver({ minRequests: 3 });
    await driver.calls('failure', 'failure');
    expect(driver.breaker.status()).toMatchObject({ failureRate: -1, slowRate: -1, total: 2 });
  });

  test('CB-11 opens on the success that makes the numbers sufficient', async () => {
    const driver = new CircuitDriver({ minRequests: 5 });
    await driver.calls('failure', 'failure', 'failure', 'success', 'success');
    expect(driver.breaker.status()).toMatchObject({ state: 'open', failureRate: 0.6 });
  });

  test('CB-12 CB-13 slow calls open it, those alone and together with failures', async () => {
    const slow: BreakerOptions = { slowRate: 0.5, slowAfter: '4s', minRequests: 2 };
    async function afterCalls(options: BreakerOptions, second: 'success' | 'failure') {
      const driver = new CircuitDriver(options);
      for (const [index, outcome] of (['success', second] as const).entries()) {
        await driver.begin('call');
        await driver.clock.advance(index === 1 ? 4_001 : 4_000);
        await driver.end('call', outcome);
      }
      return driver;
    }
    const alone = await afterCalls(slow, 'success');
    expect(alone.breaker.status()).toMatchObject({ failureRate: 0, slowRate: 0.5, slow: 1 });
    expect(alone.events).toMatchObject([{ to: 'open', reason: 'slow_rate' }]);
    const both = await afterCalls({ ...slow, errorRate: 0.5 }, 'failure');
    expect(both.events).toMatchObject([{ to: 'open', reason: 'error_rate, slow_rate' }]);
  });

  test('CB-14 a condition of its own gets a copy of the counts', async () => {
    const seen: unknown[] = [];
    const driver = new CircuitDriver({
      minRequests: 1,
      trip: (counts) => {
        seen.push(counts);
        Object.assign(counts, { total: 1_000 });
        return counts.failures === 2;
      },
    });
    await driver.calls('failure', 'success');
    expect(driver.breaker.status()).toMatchObject({ state: 'closed', total: 2 });
    await driver.call('failure');
    expect(driver.breaker.status()).toMatchObject({ state: 'open', reason: 'trip' });
    expect(seen).toHaveLength(3);
  });

  test('passes the very response and the very error through', async () => {
    const response = new Response('hello');
    const error = connectionReset();
    const through = outbound(upstream(response, error), breaker());
    expect(await through(url)).toBe(response);
    await expect(through(url)).rejects.toBe(error);
  });
});

describe('an open circuit', () => {
  test('CB-15 answers 503 with Retry-After and why, runs nothing and counts nothing', async () => {
    const clock = new VirtualClock();
    const fetch = upstream(status(503));
    const guard = breaker({ failures: 1, openFor: '10s', clock });
    const shop = outbound(fetch, guard);
    await shop(url);
    await clock.advance(1_500);
    for (let call = 0; call < 10; call++) await shop(url);
    const response = await shop(url);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('9');
    expect(rejectionOf(response)).toMatchObject({
      reason: 'circuit_breaker_open',
      flag: 'UO',
      retryAfterMs: 8_500,
    });
    expect(await response.json()).toMatchObject({ cause: 'failures' });
    expect(fetch.calls).toHaveLength(1);
    expect(guard.list()).toMatchObject([{ total: 1, failures: 1 }]);
  });

  test('CB-16 what comes late neither prolongs it nor is told again', async () => {
    const driver = new CircuitDriver({ failures: 1, openFor: '10s' });
    await driver.begin('late');
    await driver.call('failure');
    await driver.at(9_000);
    await driver.end('late', 'failure');
    expect(driver.events).toHaveLength(1);
    await driver.at(9_999);
    expect(driver.state).toBe('open');
    await driver.at(10_000);
    expect(driver.state).toBe('half-open');
  });

  test('ST-01 no timer is ever set', async () => {
    const driver = new CircuitDriver({ failures: 1, halfOpen: probe });
    await driver.call('failure');
    expect(driver.clock.pending).toBe(0);
    await driver.at(5_000);
    expect(await driver.call('success')).toBe(true);
    expect(driver.state).toBe('closed');
    expect(driver.clock.delays.filter((delay) => delay !== 0)).toEqual([]);
  });

  test('CB-17 stays open twice as long each time, up to a limit, and from the start once it was closed', async () => {
    const driver = new CircuitDriver({
      failures: 1,
      openFor: '1s',
      maxOpenFor: '3s',
      halfOpen: probe,
    });
    const openFor = () => driver.breaker.status().openForMs;
    await driver.call('failure');
    const periods = [openFor()];
    for (let attempt = 0; attempt < 3; attempt++) {
      await driver.clock.advance(openFor());
      await driver.call('failure');
      periods.push(openFor());
    }
    await driver.clock.advance(openFor());
    await driver.calls('success', 'failure');
    periods.push(openFor());
    expect(periods).toEqual([1_000, 2_000, 3_000, 3_000, 1_000]);
  });

  test('CB-18 stays open for as long as a function of what happened says', async () => {
    const facts: unknown[] = [];
    const driver = new CircuitDriver({
      minRequests: 2,
      halfOpen: probe,
      openFor: (seen) => {
        facts.push(seen);
        return '7s';
      },
    });
    await driver.calls('success', 'failure');
    expect(driver.breaker.status().openForMs).toBe(7_000);
    await driver.at(7_000);
    await driver.call('failure');
    expect(facts).toEqual([
      { failureRate: 0.5, failureCount: 1, halfOpenAttempts: 0 },
      { failureRate: 0.5, failureCount: 1, halfOpenAttempts: 1 },
    ]);
  });

  test.each([
    ['30', true, 30_000],
    ['1', true, 5_000],
    ['3600', true, 60_000],
    ['soon', true, 5_000],
    ['30', false, 5_000],
  ])(
    'CB-19 Retry-After: %s, heeded: %s, keeps it open for %i ms',
    async (value, heeded, wanted) => {
      const driver = new CircuitDriver({ failures: 1, retryAfter: heeded });
      await driver.call('failure', { 'retry-after': value });
      expect(driver.breaker.status().openForMs).toBe(wanted);
    },
  );
});

describe('a half-open circuit', () => {
  async function halfOpen(options: BreakerOptions): Promise<CircuitDriver> {
    const driver = new CircuitDriver({ failures: 1, openFor: '1s', ...options });
    await driver.call('failure');
    await driver.at(1_000);
    return driver;
  }

  test('CB-20 lets so many probes through at once, and closes after so many successes', async () => {
    const driver = await halfOpen({ halfOpen: 3 });
    expect([
      await driver.begin('a'),
      await driver.begin('b'),
      await driver.begin('c'),
      await driver.begin('d'),
    ]).toEqual([true, true, true, false]);
    await driver.end('a', 'success');
    // Two more are enough, and two are under way.
    expect(await driver.begin('e')).toBe(false);
    await driver.end('b', 'success');
    expect(driver.state).toBe('half-open');
    await driver.end('c', 'success');
    expect(driver.state).toBe('closed');
  });

  test('CB-20 lets one probe through at a time by default, three close it, any failure opens it', async () => {
    const driver = await halfOpen({});
    expect(await driver.begin('a')).toBe(true);
    expect(await driver.begin('b')).toBe(false);
    await driver.end('a', 'success');
    await driver.calls('success', 'failure');
    expect(driver.events.map(({ to }) => to)).toEqual(['open', 'half_open', 'open']);
    await driver.at(3_000);
    await driver.calls('success', 'success', 'success');
    expect(driver.state).toBe('closed');
  });

  test('CB-21 tolerates so many failed probes', async () => {
    const settings = { probes: 10, successes: 7, toleratedFailures: 3 };
    const closing = await halfOpen({ halfOpen: settings });
    await closing.calls('failure', 'failure', 'failure');
    for (let call = 0; call < 7; call++) await closing.call('success');
    expect(closing.state).toBe('closed');
    const opening = await halfOpen({ halfOpen: settings });
    await opening.calls('failure', 'failure', 'failure', 'failure');
    expect(opening.state).toBe('open');
  });

  test('CB-22 a probe without an answer fails in time, as of then', async () => {
    const driver = await halfOpen({ halfOpen: { timeout: '10s' } });
    await driver.begin('hung');
    await driver.at(10_999);
    expect(driver.state).toBe('half-open');
    expect(await driver.call('success')).toBe(false);
    await driver.at(11_000);
    expect(driver.breaker.status()).toMatchObject({ state: 'open', reason: 'probe_timeout' });
    await driver.at(12_000);
    expect(driver.breaker.status().openForMs).toBe(1_000);
    await driver.end('hung', 'failure');
    await driver.at(13_000);
    expect(driver.state).toBe('half-open');
  });

  test('CB-23 what says nothing of the upstream changes nothing and gives the place back', async () => {
    const driver = await halfOpen({ halfOpen: probe });
    await driver.call('ignored');
    expect(driver.state).toBe('half-open');
    expect(await driver.call('success')).toBe(true);
    expect(driver.state).toBe('closed');
  });

  test('CB-23 so does a caller that leaves', async () => {
    const clock = new VirtualClock();
    const guard = breaker({ failures: 1, openFor: '1s', halfOpen: probe, clock });
    const shop = outbound(upstream(status(503), stalled, status(200)), guard);
    await shop(url);
    await clock.advance(1_000);
    const caller = new AbortController();
    const left = shop(url, { signal: caller.signal });
    const reason = new Error('gone');
    caller.abort(reason);
    await expect(left).rejects.toBe(reason);
    expect(guard.list()).toMatchObject([{ state: 'half_open', probes: 0 }]);
    expect((await shop(url)).status).toBe(200);
    expect(guard.list()).toMatchObject([{ state: 'closed' }]);
  });

  test('CB-24 a probe that a policy further in rejects does not count', async () => {
    const clock = new VirtualClock();
    const guard = breaker({ failures: 1, openFor: '1s', halfOpen: probe, clock });
    const full = bulkhead({ limit: 1 });
    const fetch = upstream(stalled, status(503), status(200));
    void outbound(fetch, full)(url);
    const shop = outbound(fetch, guard);
    await shop(url);
    await clock.advance(1_000);
    expect((await outbound(fetch, guard, full)(url)).status).toBe(503);
    expect(guard.list()).toMatchObject([{ state: 'half_open', probes: 0, probeSuccesses: 0 }]);
  });

  test('CB-25 the result of a call from before it opened is dropped', async () => {
    for (const outcome of ['success', 'failure'] as const) {
      const driver = new CircuitDriver({ failures: 1, openFor: '1s', halfOpen: probe });
      await driver.begin('stale');
      await driver.call('failure');
      await driver.at(1_000);
      await driver.begin('probe');
      await driver.end('stale', outcome);
      expect(driver.state).toBe('half-open');
      await driver.end('probe', 'success');
      expect(driver.state).toBe('closed');
    }
  });

  test('CB-26 once closed it knows nothing of what opened it', async () => {
    const driver = new CircuitDriver({ minRequests: 2, openFor: '1s', halfOpen: probe });
    await driver.calls('failure', 'failure');
    await driver.at(1_000);
    await driver.calls('success', 'failure');
    expect(driver.breaker.status()).toMatchObject({ state: 'closed', total: 1 });
  });
});

describe('what counts', () => {
  test.each([
    ['a network failure', connectionReset(), 1],
    ['500', status(500), 1],
    ['503', status(503), 1],
    ['501', status(501), 0],
    ['429', status(429), 0],
    ['404', status(404), 0],
    ['200', status(200), 0],
    ['a bug', new RangeError('bug'), 1],
  ])('CB-28 CB-29 %s: %i failures', async (_, answer, failures) => {
    const guard = breaker();
    await outbound(upstream(answer), guard)(url).catch(() => {});
    expect(guard.list()).toMatchObject([{ total: 1, failures }]);
  });

  test('CB-28 a timeout further in is a failure, and so is one that ends the whole call', async () => {
    const clock = new VirtualClock();
    for (const chain of [
      (guard: ReturnType<typeof breaker>) => compose(guard, timeout('1s', { clock })),
      (guard: ReturnType<typeof breaker>) => compose(timeout('1s', { clock }), guard),
    ]) {
      const guard = breaker({ clock });
      const answer = outbound(upstream(stalled), chain(guard))(url);
      await clock.advance(1_000);
      expect((await answer).status).toBe(504);
      expect(guard.list()).toMatchObject([{ total: 1, failures: 1 }]);
    }
  });

  test('CB-28 CB-29 CB-31 can be told otherwise; what is ignored is asked first', async () => {
    const asked: string[] = [];
    const guard = breaker({
      isIgnored: ({ response }) => {
        asked.push(`ignored ${response?.status}`);
        return response?.status === 404;
      },
      isSuccess: ({ response, outcome }) => {
        asked.push(`success ${response?.status} ${outcome.verdict}`);
        return response?.status !== 429;
      },
    });
    const shop = outbound(upstream(status(404), status(429), status(500)), guard);
    for (let call = 0; call < 3; call++) await shop(url);
    expect(guard.list()).toMatchObject([{ total: 2, failures: 1 }]);
    expect(asked).toEqual([
      'ignored 404',
      'ignored 429',
      'success 429 success',
      'ignored 500',
      'success 500 failure',
    ]);
  });

  test('CB-30 what throws at once, or a classifier that throws, is a failure and is thrown on', async () => {
    const error = new Error('at once');
    const guard = breaker({ failures: 2, halfOpen: probe });
    const throwing = compose(guard, () => () => {
      throw error;
    });
    await expect(outbound(upstream(status(200)), throwing)(url)).rejects.toBe(error);
    expect(guard.list()).toMatchObject([{ failures: 1 }]);

    const picky = breaker({
      failures: 1,
      isSuccess: () => {
        throw error;
      },
    });
    const body = tracedBody(['x'], { end: 'hang' });
    const answer = () => new Response(body.stream);
    await expect(outbound(upstream(answer), picky)(url)).rejects.toBe(error);
    expect(picky.list()).toMatchObject([{ state: 'open', failures: 1 }]);
    // CO-06
    expect(body.cancels).toBe(1);
  });

  test('CB-28 what a policy answered is ignored, whatever counts as a success', async () => {
    const guard = breaker({ isSuccess: () => false });
    await outbound(
      upstream(() => reject('rate_limited')),
      guard,
    )(url);
    expect(guard.list()).toMatchObject([{ total: 0 }]);
  });

  test('CO-01 a retry outside does not try an open circuit again', async () => {
    const clock = new VirtualClock();
    const guard = breaker({ failures: 1, clock });
    const fetch = upstream(status(503));
    await outbound(fetch, guard)(url);
    const response = await outbound(fetch, retry({ max: 3, clock }), guard)(url);
    expect(rejectionOf(response)?.reason).toBe('circuit_breaker_open');
    expect(fetch.calls).toHaveLength(1);
    expect(clock.delays).toEqual([]);
  });

  test('CO-02 around a retry it counts the call, inside of it every try', async () => {
    const quick = retry({ max: 2, baseDelay: '0s' });
    const outside = breaker();
    await outbound(upstream(status(503)), outside, quick)(url);
    expect(outside.list()).toMatchObject([{ failures: 1 }]);
    const inside = breaker();
    await outbound(upstream(status(503)), quick, inside)(url);
    expect(inside.list()).toMatchObject([{ failures: 3 }]);
  });

  test('CO-07 what another policy answered is no failure', async () => {
    const guard = breaker();
    await outbound(
      upstream(() => reject('rate_limited')),
      guard,
    )(url);
    expect(guard.list()).toMatchObject([{ total: 0 }]);
  });
});

describe('keys', () => {
  test('CB-36 each origin has a circuit of its own', async () => {
    const guard = breaker({ failures: 1 });
    const shop = outbound(
      (request) =>
        Promise.resolve(new Response(null, { status: request.url.includes('//a') ? 503 : 200 })),
      guard,
    );
    for (const origin of ['http://a.test', 'http://a.test:81', 'http://b.test']) {
      await shop(`${origin}/x?y=//z`);
    }
    expect(guard.list().map(({ key, state }) => [key, state])).toEqual([
      ['http://a.test', 'open'],
      ['http://a.test:81', 'open'],
      ['http://b.test', 'closed'],
    ]);
  });

  test('CB-36 the origin is that of the endpoint, where one was picked', async () => {
    const guard = breaker();
    const byEndpoint = breaker({ key: 'endpoint' });
    const pick = compose(
      (next) => (request, context) =>
        next(
          request,
          context.with(endpoint, { url: 'http://10.0.0.1/base', service: 'a', version: '' }),
        ),
      guard,
      byEndpoint,
    );
    await outbound(upstream(status(200)), pick)(url);
    expect(guard.list()).toMatchObject([{ key: 'http://10.0.0.1' }]);
    expect(byEndpoint.list()).toMatchObject([{ key: 'http://10.0.0.1/base' }]);
  });

  test('CB-36 no more keys are kept than agreed; open circuits are not pushed out by new keys', async () => {
    const guard = breaker({
      failures: 1,
      maxKeys: 10,
      key: (request) => request.headers.get('x-tenant') ?? '',
    });
    const shop = outbound(upstream(status(503), status(200)), guard);
    const call = (tenant: string) => shop(url, { headers: { 'x-tenant': tenant } });
    await call('ill');
    for (let tenant = 0; tenant < 1_000; tenant++) await call(`tenant ${tenant}`);
    expect(guard.list()).toHaveLength(10);
    expect(guard.status('ill').state).toBe('open');
    expect(guard.status('never seen')).toMatchObject({ state: 'closed', total: 0 });
    expect(guard.list()).toHaveLength(10);
  });

  test('CB-36 it is the key that was used least recently that goes, unless it is isolated', async () => {
    const key = (request: Request) => request.headers.get('x-tenant') ?? '';
    const guard = breaker({ maxKeys: 3, key });
    const shop = outbound(upstream(status(200)), guard);
    const call = (tenant: string) => shop(url, { headers: { 'x-tenant': tenant } });
    await call('isolated');
    guard.isolate('isolated');
    // `a` is used again, so that `b` is the older one.
    for (const tenant of ['a', 'b', 'a', 'c']) await call(tenant);
    expect(guard.list().map(({ key }) => key)).toEqual(['isolated', 'a', 'c']);
    expect((await call('isolated')).status).toBe(503);
  });

  test('CB-36 1024 keys are kept where nothing is said', async () => {
    let tenant = 0;
    const guard = breaker({ key: () => `${tenant++}` });
    const shop = outbound(upstream(status(200)), guard);
    for (let call = 0; call < 1_100; call++) await shop(url);
    expect(guard.list()).toHaveLength(1_024);
  });
});

describe('what is told', () => {
  async function told(options: BreakerOptions): Promise<PolicyEvent[]> {
    const events: PolicyEvent[] = [];
    const listening = compose(
      (next) => (request, context) =>
        next(
          request,
          context.with(eventListener, (event) => events.push(event)),
        ),
      breaker(options),
    );
    const shop = outbound(upstream(status(503)), listening);
    for (let call = 0; call < 3; call++) await shop(url);
    return events;
  }

  test('CB-34 transitions, and a mark on each request that was rejected', async () => {
    expect(await told({ failures: 2 })).toEqual([
      {
        name: 'circuit_breaker_transition',
        attributes: {
          endpoint: 'http://shop.example',
          from: 'closed',
          to: 'open',
          reason: 'failures',
        },
      },
      {
        name: 'circuit_breaker_open',
        attributes: { endpoint: 'http://shop.example', reason: 'failures' },
        isMark: true,
      },
    ]);
  });

  test('CB-34 a listener sees the state that it is told of, and may throw', async () => {
    const seen: unknown[] = [];
    const clock = new VirtualClock();
    const guard = breaker({
      failures: 1,
      halfOpen: probe,
      clock,
      onTransition: ({ key, from, to, reason }) => {
        seen.push([from, to, reason, guard.status(key).state]);
        throw new Error('listener');
      },
    });
    const shop = outbound(upstream(status(503), status(200)), guard);
    expect((await shop(url)).status).toBe(503);
    await clock.advance(5_000);
    expect((await shop(url)).status).toBe(200);
    expect(seen).toEqual([
      ['closed', 'open', 'failures', 'open'],
      ['open', 'half_open', '', 'half_open'],
      ['half_open', 'closed', '', 'closed'],
    ]);
  });

  test.each([
    [{}, 'breaker 50% errors of at least 20 in 10s, open 5s'],
    [
      { failures: 5, openFor: '10s', mode: 'disabled' },
      'breaker 5 failures in a row, open 10s, disabled',
    ],
    [
      { errorRate: 0.07, slowRate: 1, slowAfter: '2s', lastRequests: 100 },
      'breaker 7% errors or 100% slower than 2s of the last 100, open 5s',
    ],
  ] as const)('describe prints %j', (options, label) => {
    expect(describeChain(breaker(options))).toBe(label);
  });
});

test('the caller’s abort reaches the upstream in the same tick and leaves nothing behind', async () => {
  const clock = new VirtualClock();
  const guard = breaker({ clock });
  const fetch = upstream(stalled);
  const caller = new AbortController();
  const request = new Request(url, { signal: caller.signal });
  const listeners = countListeners(request.signal);
  const app = inbound((received) => fetch(received), guard);
  const answer = app(request);
  await clock.advance(0);
  caller.abort(new Error('gone'));
  expect(fetch.calls[0]?.signal.aborted).toBe(true);
  await expect(answer).rejects.toThrow('gone');
  expect(guard.list()).toMatchObject([{ total: 0, probes: 0 }]);
  expect(clock.pending).toBe(0);
  // The stub's own is never taken off; the breaker adds none.
  expect(listeners.highest).toBeLessThanOrEqual(1);
});
