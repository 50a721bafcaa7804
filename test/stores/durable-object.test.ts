import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { inbound } from '../../src/index.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { storeChecks } from '../../src/stores/conformance.ts';
import {
  durableObjectStore,
  type ObjectStorage,
  type StoreObject,
  storeObject,
} from '../../src/stores/durable-object.ts';

class FakeStorage implements ObjectStorage {
  readonly values = new Map<string, unknown>();
  alarmAt: number | null = null;
  writes = 0;

  async get(key: string): Promise<unknown> {
    return this.values.get(key);
  }
  async put(key: string, value: unknown): Promise<void> {
    this.writes += 1;
    this.values.set(key, value);
  }
  async delete(keys: string | string[]): Promise<void> {
    for (const key of [keys].flat()) this.values.delete(key);
  }
  async list(options: { prefix: string; limit: number; startAfter?: string }) {
    const found = Array.from(this.values)
      .filter(([key]) => key.startsWith(options.prefix) && key > (options.startAfter ?? ''))
      .sort(([one], [other]) => (one < other ? -1 : 1));
    return new Map(found.slice(0, options.limit));
  }
  async getAlarm(): Promise<number | null> {
    return this.alarmAt;
  }
  async setAlarm(at: number): Promise<void> {
    this.alarmAt = at;
  }
}

const Store = storeObject(class {});
const objectOn = (storage: ObjectStorage): StoreObject => new Store({ storage } as never);

/** A namespace whose objects live here, one at a time as the platform's input gate would have it. */
function namespace() {
  const objects = new Map<string, StoreObject>();
  return {
    objects,
    idFromName: (name: string) => ({ name }),
    get({ name }: { name: string }) {
      const object = objects.get(name) ?? objectOn(new FakeStorage());
      objects.set(name, object);
      let last: Promise<unknown> = Promise.resolve();
      const gated =
        (call: (...args: never[]) => Promise<unknown>) =>
        (...args: never[]) => {
          const answer = last.then(() => call.apply(object, args));
          last = answer.catch(() => {});
          return answer;
        };
      return { get: gated(object.get), set: gated(object.set), take: gated(object.take) };
    },
  };
}

describe('durableObjectStore holds what a store has to hold', () => {
  const store = durableObjectStore(onePerName(namespace()));
  test.each(storeChecks(store).map(({ name, run }) => [name, run] as const))('%s', (_, run) =>
    run(),
  );
});

/** The same gate for every stub of an object. */
function onePerName({ idFromName, get }: ReturnType<typeof namespace>) {
  const stubs = new Map<string, unknown>();
  return {
    idFromName,
    get(id: { name: string }) {
      const stub = stubs.get(id.name) ?? get(id);
      stubs.set(id.name, stub);
      return stub;
    },
  };
}

describe('durableObjectStore', () => {
  test('spreads keys over its objects, and sends a key always to the same one', async () => {
    const objects = namespace();
    const store = durableObjectStore(onePerName(objects), { shards: 4 });
    for (let key = 0; key < 200; key++) await store.set(`key-${key}`, String(key));
    expect(objects.objects.size).toBe(4);
    for (let key = 0; key < 200; key++) {
      expect((await store.get(`key-${key}`))?.value).toBe(String(key));
    }
  });

  test('says what is missing where there is no namespace', () => {
    expect(() => durableObjectStore(undefined as never)).toThrow(
      'durableObjectStore: there is no namespace; is its binding in wrangler.toml?',
    );
  });

  test.each([0, 2.5, Number.NaN])('refuses %s shards', (shards) => {
    expect(() => durableObjectStore(namespace(), { shards })).toThrow(
      `durableObjectStore.shards: ${shards} is not a whole number above 0`,
    );
  });
});

describe('an object that keeps limits', () => {
  test('writes once for a hundred units', async () => {
    const storage = new FakeStorage();
    const object = objectOn(storage);
    const limit = { quota: 1_000, windowMs: 86_400_000, burst: 1_000 };
    for (let call = 0; call < 1_000; call++) await object.take('hot', limit, 1, 1);
    expect(storage.writes).toBe(10);
  });

  test('FT-08 whose clock steps back by an hour waits no longer than an empty bucket takes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const storage = new FakeStorage();
      const object = objectOn(storage);
      const limit = { quota: 10, windowMs: 1_000, burst: 10 };
      await object.take('k', limit, 10, 10);
      vi.setSystemTime(Date.now() - 3_600_000);
      expect((await object.take('k', limit, 1, 1)).retryMs).toBe(100);
      vi.setSystemTime(Date.now() + 100);
      expect((await object.take('k', limit, 1, 1)).granted).toBe(1);
      // Neither does what it has written.
      vi.setSystemTime(Date.now() + 10_000);
      expect((await objectOn(storage).take('k', limit, 1, 1)).granted).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    'Durable Object is overloaded. Requests queued for too long.',
    'Durable Object reset',
  ])('FT-17 that fails is a store that is out: %s', async (message) => {
    const take = () => Promise.reject(new Error(message));
    const store = durableObjectStore({ idFromName: (name) => ({ name }), get: () => ({ take }) });
    const policy = rateLimit(
      { limit: 1, per: '1s', by: () => 'all', onStoreError: 'closed' },
      { store },
    );
    const app = inbound(() => new Response(), policy);
    expect((await app(new Request('http://shop.example/'))).status).toBe(503);
  });

  test('FT-17 after it lost its memory it grants nothing too much, and at most a hundred units too few', async () => {
    const limits = fc.record({
      quota: fc.integer({ min: 1, max: 1_000 }),
      windowMs: fc.constant(86_400_000_000),
      burst: fc.integer({ min: 1, max: 500 }),
    });
    const takes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(limits, takes, takes, async (limit, before, after) => {
        const storage = new FakeStorage();
        let granted = 0;
        for (const run of [before, after]) {
          const object = objectOn(storage);
          for (const n of run) granted += (await object.take('k', limit, n, 1)).granted;
        }
        expect(granted).toBeLessThanOrEqual(limit.burst);
        const left = (await objectOn(storage).take('k', limit, 0, 0)).remaining;
        expect(granted + left).toBeGreaterThanOrEqual(limit.burst - 200);
      }),
      { seed: 17, numRuns: 100 },
    );
  });

  test('clears what has expired when its alarm rings, page by page, and keeps the rest', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    try {
      const storage = new FakeStorage();
      const object = objectOn(storage);
      await object.set('rules', 'kept');
      await object.set('vote', 'gone', { ttlMs: 1_000 });
      const limit = { quota: 1, windowMs: 1_000, burst: 5 };
      for (let key = 0; key < 300; key++) await object.take(`ip-${key}`, limit, 5, 5);
      expect(storage.alarmAt).toBe(1_000_000 + 3_600_000);
      vi.setSystemTime(1_000_000 + 3_600_000);
      storage.alarmAt = null;
      await object.alarm();
      expect(Array.from(storage.values.keys())).toEqual(['v:rules']);
      expect(storage.alarmAt).toBe(1_000_000 + 7_200_000);
      await object.set('rules', null);
      storage.alarmAt = null;
      await object.alarm();
      expect(storage.alarmAt).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });
});
