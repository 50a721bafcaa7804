import { describe, expect, test } from 'vitest';
import { expose } from '../../src/telemetry/exposition.ts';
import {
  fleetMetrics,
  type MetricsNamespace,
  type MetricsObject,
  metricsObject,
} from '../../src/telemetry/metrics-object.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** One object, which can be made to fail, and whose memory can be taken from it. */
function platform() {
  const values = new Map<string, unknown>();
  const Metrics = metricsObject(class {});
  const storage = {
    list: async () => {
      if (state.isStorageOut) throw new Error('storage is out');
      return new Map(values);
    },
    put: async (entries: Record<string, unknown>) => {
      if (state.isStorageOut) throw new Error('storage is out');
      // As Durable Objects do.
      if (Object.keys(entries).length > 128) throw new RangeError('too many keys');
      for (const [key, value] of Object.entries(entries)) values.set(key, structuredClone(value));
    },
  };
  const make = (): MetricsObject => new Metrics({ storage } as never);
  const state = { object: make(), calls: 0, isOut: false, isStorageOut: false };
  const namespace: MetricsNamespace = {
    idFromName: (name) => ({ name }),
    get: () => ({
      add: async (...args: Parameters<MetricsObject['add']>) => {
        state.calls += 1;
        if (state.isOut) throw new Error('Durable Object reset');
        await state.object.add(...args);
      },
      totals: () => state.object.totals(),
    }),
  };
  return { namespace, state, evict: () => (state.object = make()) };
}

function isolate(namespace: MetricsNamespace, clock: VirtualClock) {
  const registry = createRegistry();
  const orders = registry.counter({ name: 'orders_total', help: 'Orders.' });
  return { orders, metrics: fleetMetrics(registry, namespace, { clock }) };
}

const shown = async (metrics: ReturnType<typeof fleetMetrics>): Promise<string> =>
  expose(await metrics.totals(), 'text');

describe('fleetMetrics', () => {
  test('shows what all isolates counted, whichever is scraped', async () => {
    const clock = new VirtualClock();
    const { namespace } = platform();
    const one = isolate(namespace, clock);
    const other = isolate(namespace, clock);
    one.orders.increment({}, 3);
    other.orders.increment({}, 4);
    await one.metrics.report();
    expect(await shown(other.metrics)).toContain('orders_total 7\n');
    expect(await shown(one.metrics)).toContain('orders_total 7\n');
  });

  test('tells once in a second at most, and the rest with the next report', async () => {
    const clock = new VirtualClock();
    const { namespace, state } = platform();
    const { orders, metrics } = isolate(namespace, clock);
    for (let request = 0; request < 50; request++) {
      orders.increment({});
      await metrics.report();
    }
    expect(state.calls).toBe(1);
    await clock.advance(1_000);
    await metrics.report();
    expect(state.calls).toBe(2);
    expect(await shown(metrics)).toContain('orders_total 50\n');
  });

  test('loses no count where the object cannot be reached, and breaks no request', async () => {
    const clock = new VirtualClock();
    const { namespace, state } = platform();
    const { orders, metrics } = isolate(namespace, clock);
    orders.increment({}, 2);
    state.isOut = true;
    await metrics.report();
    await expect(metrics.totals()).rejects.toThrow('Durable Object reset');
    state.isOut = false;
    expect(await shown(metrics)).toContain('orders_total 2\n');
  });

  test('loses no count where the object loses its memory', async () => {
    const clock = new VirtualClock();
    const { namespace, evict } = platform();
    const { orders, metrics } = isolate(namespace, clock);
    orders.increment({}, 2);
    await metrics.report();
    evict();
    orders.increment({});
    expect(await shown(metrics)).toContain('orders_total 3\n');
  });

  test('stores thousands of series, and finds them again', async () => {
    const clock = new VirtualClock();
    const { namespace, evict } = platform();
    const registry = createRegistry({ maxSeries: 10_000 });
    for (const name of ['orders_total', 'visits_total']) {
      const counter = registry.counter({ name, help: 'Many.', labels: ['item'] });
      for (let item = 0; item < 9_000; item++) counter.increment({ item: String(item) }, item);
    }
    const metrics = fleetMetrics(registry, namespace, { clock });
    const before = await shown(metrics);
    evict();
    expect(await shown(metrics)).toBe(before);
    expect(before).toContain('visits_total{item="8999"} 8999\n');
  });

  test.each([
    ['read', 0],
    ['written', 5],
  ])('counts nothing twice where its storage could not be %s', async (_, counted) => {
    const clock = new VirtualClock();
    const { namespace, state } = platform();
    const { orders, metrics } = isolate(namespace, clock);
    if (counted > 0) {
      orders.increment({}, counted);
      await metrics.totals();
    }
    orders.increment({}, 2);
    state.isStorageOut = true;
    await expect(metrics.totals()).rejects.toThrow('storage is out');
    await expect(metrics.totals()).rejects.toThrow('storage is out');
    state.isStorageOut = false;
    expect(await shown(metrics)).toContain(`orders_total ${counted + 2}\n`);
  });

  test('says what is missing where there is no namespace', () => {
    expect(() => fleetMetrics(createRegistry(), undefined as never)).toThrow(
      'fleetMetrics: there is no namespace; is its binding in wrangler.toml?',
    );
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses reportMs %s', (reportMs) => {
    expect(() => fleetMetrics(createRegistry(), platform().namespace, { reportMs })).toThrow(
      `fleetMetrics.reportMs: ${reportMs} is not a number of 0 or more`,
    );
  });
});
