import { describe, expect, test } from 'vitest';
import { outbound } from '../../../src/core/outbound.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import { type BreakerOptions, breaker } from '../../../src/policies/breaker/breaker.ts';
import { CircuitDriver } from '../../support/circuit.ts';
import { status, upstream } from '../../support/upstream.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const url = 'http://shop.example/';

describe('by hand', () => {
  test('CB-32 isolation ends when all who isolated have ended it, each once', async () => {
    const driver = new CircuitDriver({ failures: 1 });
    const first = driver.breaker.isolate();
    const second = driver.breaker.isolate();
    expect(driver.state).toBe('isolated');
    expect(await driver.call('success')).toBe(false);
    first();
    first();
    expect(driver.state).toBe('isolated');
    second();
    expect(driver.state).toBe('closed');
    expect(await driver.call('success')).toBe(true);
  });

  test('CB-32 isolation beats open, for as long as it lasts, and says nothing of when it ends', async () => {
    const clock = new VirtualClock();
    const guard = breaker({ failures: 1, clock });
    const shop = outbound(upstream(status(503)), guard);
    await shop(url);
    const end = guard.isolate('http://shop.example');
    await clock.advance(60_000);
    const response = await shop(url);
    expect(response.headers.has('retry-after')).toBe(false);
    expect(await response.json()).toMatchObject({ cause: 'isolated' });
    end();
    expect(guard.list()).toMatchObject([{ state: 'half_open' }]);
  });

  test('CB-16 a trip of an open circuit is told with its status, and is no second opening', async () => {
    const driver = new CircuitDriver({ failures: 1, openFor: '1s' });
    await driver.call('failure');
    driver.breaker.trip('1m');
    expect(driver.breaker.status()).toMatchObject({ reason: 'manual', openForMs: 60_000 });
    expect(driver.events).toHaveLength(1);
  });

  test('a trip opens for so long, a reset closes at once', async () => {
    const driver = new CircuitDriver({ halfOpen: { successes: 1 } });
    driver.breaker.trip('5m');
    expect(driver.breaker.status()).toMatchObject({
      state: 'open',
      reason: 'manual',
      openForMs: 300_000,
    });
    await driver.at(299_999);
    expect(await driver.call('success')).toBe(false);
    await driver.at(300_000);
    expect(await driver.call('success')).toBe(true);
    driver.breaker.trip('1h');
    driver.breaker.reset();
    expect(await driver.call('success')).toBe(true);
    expect(driver.events.map(({ to, reason }) => [to, reason])).toEqual([
      ['open', 'manual'],
      ['half_open', ''],
      ['closed', ''],
      ['open', 'manual'],
      ['closed', ''],
    ]);
  });

  test('with a key that circuit is meant, without one all that there are', async () => {
    const guard = breaker({ failures: 1 });
    const shop = outbound(upstream(status(200)), guard);
    await shop('http://a.test/');
    await shop('http://b.test/');
    guard.trip('1m', 'http://a.test');
    expect(guard.status('http://a.test').state).toBe('open');
    expect(guard.status('http://b.test').state).toBe('closed');
    guard.trip('1m');
    expect(guard.status('http://b.test').state).toBe('open');
    guard.reset();
    expect(guard.list().map(({ state }) => state)).toEqual(['closed', 'closed']);
  });

  test.each(['0s', '5', 5] as never[])('a trip for %j is refused', (value) => {
    expect(() => breaker().trip(value)).toThrow(/^breaker\.trip: /);
  });
});

describe('CB-33 modes', () => {
  async function callsUnder(options: BreakerOptions) {
    const fetch = upstream(status(503));
    const guard = breaker({ failures: 2, ...options });
    const shop = outbound(fetch, guard);
    const reasons: (string | undefined)[] = [];
    for (let call = 0; call < 4; call++) reasons.push(rejectionOf(await shop(url))?.reason);
    return { guard, reasons, sent: fetch.calls.length };
  }

  test('disabled: everything passes, nothing is counted', async () => {
    const { guard, sent } = await callsUnder({ mode: 'disabled' });
    expect(sent).toBe(4);
    expect(guard.list()).toEqual([]);
    expect(guard.status().state).toBe('disabled');
  });

  test('metrics_only: everything passes and is counted; each crossing is told once', async () => {
    const events: unknown[] = [];
    const driver = new CircuitDriver({
      failures: 2,
      mode: 'metrics_only',
      onTransition: ({ to, reason }) => events.push([to, reason]),
    });
    await driver.calls('failure', 'failure', 'failure', 'failure');
    expect(driver.state).toBe('closed');
    expect(driver.breaker.status().failures).toBe(4);
    expect(events).toEqual([['exceeded', 'failures']]);
    await driver.calls('success', 'failure', 'failure');
    expect(events).toHaveLength(2);
  });

  test('forced_open: nothing passes', async () => {
    const { guard, reasons, sent } = await callsUnder({ mode: 'forced_open' });
    expect(sent).toBe(0);
    expect(new Set(reasons)).toEqual(new Set(['circuit_breaker_open']));
    expect(guard.status().state).toBe('forced_open');
  });

  test('switched to the one that it has goes on as it is', async () => {
    const driver = new CircuitDriver({ failures: 1 });
    await driver.call('failure');
    driver.breaker.setMode('on');
    expect(driver.state).toBe('open');
  });

  test('CB-33 metrics_only tells of a crossing again after a reset', async () => {
    const driver = new CircuitDriver({ failures: 1, mode: 'metrics_only' });
    await driver.calls('failure', 'failure');
    driver.breaker.reset();
    await driver.call('failure');
    expect(driver.events.map(({ to }) => to)).toEqual(['exceeded', 'exceeded']);
  });

  test('can be switched at any time, which begins anew', async () => {
    const { guard, reasons } = await callsUnder({});
    expect(reasons.at(-1)).toBe('circuit_breaker_open');
    guard.setMode('disabled');
    guard.setMode('on');
    expect(guard.list()).toMatchObject([{ state: 'closed', total: 0 }]);
    expect(() => guard.setMode('off' as never)).toThrow(
      'breaker.mode: "off" is not one of on, metrics_only, forced_open, disabled',
    );
  });
});

describe('CB-35 on paper', () => {
  test('ST-02 an open circuit stays open for what is left of its time, in another process too', async () => {
    const here = new VirtualClock(1_000_000_000_000, 5_000);
    const guard = breaker({ failures: 1, openFor: '10s', clock: here });
    await outbound(upstream(status(503)), guard)(url);
    const written = JSON.stringify(guard);
    // Four seconds later, and with another origin of its monotonic clock.
    const there = new VirtualClock(1_000_000_004_000, 77);
    const other = breaker({ failures: 1, openFor: '10s', clock: there });
    other.restore(JSON.parse(written));
    expect(other.list()).toMatchObject([
      { key: 'http://shop.example', state: 'open', reason: 'failures', openForMs: 6_000 },
    ]);
    const fetch = upstream(status(200));
    const shop = outbound(fetch, other);
    await there.advance(5_999);
    expect((await shop(url)).status).toBe(503);
    await there.advance(1);
    expect((await shop(url)).status).toBe(200);
    expect(fetch.calls).toHaveLength(1);
  });

  test('ST-02 one whose time is over by then tries at once, however young the process is', async () => {
    const here = new VirtualClock(1_000_000_000_000, 5_000);
    const guard = breaker({ failures: 1, openFor: '10s', clock: here });
    await outbound(upstream(status(503)), guard)(url);
    const there = new VirtualClock(1_000_000_060_000, 0);
    const other = breaker({ failures: 1, openFor: '10s', clock: there });
    other.restore(JSON.parse(JSON.stringify(guard)));
    expect((await outbound(upstream(status(200)), other)(url)).status).toBe(200);
    expect(other.list()).toMatchObject([{ state: 'half_open', probeSuccesses: 1 }]);
  });

  test('ST-02 the calls of a window are forgotten when they would have been, by wall clock', async () => {
    const here = new VirtualClock(1_000_000_000_000, 5_000);
    const guard = breaker({ window: '10s', key: 'all', clock: here });
    await outbound(upstream(status(503)), guard)(url);
    const there = new VirtualClock(1_000_000_004_000, 70_000);
    const other = breaker({ window: '10s', key: 'all', clock: there });
    other.restore(JSON.parse(JSON.stringify(guard)));
    await there.advance(4_900);
    expect(other.status()).toMatchObject({ total: 1, failures: 1 });
    await there.advance(1_100);
    expect(other.status()).toMatchObject({ total: 0, failures: 0 });
  });

  test('a half-open circuit comes back as one that is due', async () => {
    const driver = new CircuitDriver({ failures: 1, openFor: '1s' });
    await driver.call('failure');
    await driver.at(1_000);
    await driver.begin('probe');
    const written = driver.breaker.toJSON();
    expect(written.circuits['']).toMatchObject({ phase: 'open', openedAt: 0, probes: [] });
    const other = new CircuitDriver({ failures: 1, openFor: '1s' });
    other.breaker.restore(written);
    expect(await other.call('success')).toBe(true);
  });

  test('it is a deep copy', async () => {
    const driver = new CircuitDriver({ lastRequests: 20 });
    await driver.call('failure');
    const written = driver.breaker.toJSON();
    const before = JSON.stringify(written);
    await driver.calls('failure', 'success');
    expect(JSON.stringify(written)).toBe(before);
  });

  test('the outcomes of another window are left out, the rest is taken', async () => {
    const driver = new CircuitDriver({ lastRequests: 20 });
    for (let call = 0; call < 20; call++) await driver.call('failure');
    const other = new CircuitDriver({ window: '10s' });
    other.breaker.restore(driver.breaker.toJSON());
    expect(other.breaker.status()).toMatchObject({ state: 'open', total: 0 });
  });

  test('a call under way when it is restored does not count', async () => {
    const driver = new CircuitDriver({ failures: 1 });
    await driver.begin('call');
    driver.breaker.restore(driver.breaker.toJSON());
    await driver.end('call', 'failure');
    expect(driver.state).toBe('closed');
  });

  test('an instance whose clock runs ahead keeps nothing open for longer', async () => {
    const ahead = new VirtualClock(2_000_000_000_000);
    const guard = breaker({ failures: 1, openFor: '10s', clock: ahead });
    await outbound(upstream(status(503)), guard)(url);
    const other = breaker({ clock: new VirtualClock(1_000_000_000_000) });
    other.restore(guard.toJSON());
    expect(other.list()).toMatchObject([{ openForMs: 10_000 }]);
  });

  test.each([
    null,
    {},
    { version: 2, circuits: {} },
    { version: 1, circuits: { a: 'open' } },
    { version: 1, circuits: { a: { phase: 'ajar' } } },
    { version: 1, circuits: { a: { phase: 'open', openedAt: 'now' } } },
    { version: 1, circuits: { a: { phase: 'open', openForMs: -1 } } },
    { version: 1, circuits: { a: { phase: 'closed', window: null, reason: 7 } } },
  ])('%j is refused, and changes nothing', (written) => {
    const guard = breaker();
    expect(() => guard.restore(written as never)).toThrow(
      new TypeError('breaker.restore: this is no snapshot of a breaker'),
    );
    expect(guard.list()).toEqual([]);
  });
});
