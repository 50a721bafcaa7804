/**
 * The metrics of a Worker, over all its isolates: a Durable Object adds up what they count.
 *
 * A scrape of a Worker meets one isolate of many, whose counters say nothing of the others.
 *
 * @module
 */

import { type Clock, systemClock } from '../core/clock.ts';
import type { BaseClass, ExtendedClass } from '../core/extended-class.ts';
import type { Exposable } from './exposition.ts';
import type { FamilyPart } from './family-total.ts';
import { FleetTotals } from './fleet-totals.ts';
import { type MetricsDelta, reportsOf } from './metrics-report.ts';
import type { Registry } from './registry.ts';

/** What is used of a namespace of Durable Objects. */
export interface MetricsNamespace {
  idFromName(name: string): object;
  // biome-ignore lint/suspicious/noExplicitAny: an id is a type of its own in the types of Workers.
  get(id: any): unknown;
}

/** What a {@link metricsObject} does. */
export interface MetricsObject {
  /** Takes over what an isolate counted; resolves once it is stored. */
  add(isolate: string, deltas: readonly MetricsDelta[]): Promise<void>;
  /** What all isolates together have counted. */
  totals(): Promise<ReturnType<Exposable['collect']>>;
}

/** Settings of {@link fleetMetrics}. */
export interface FleetMetricsOptions {
  /** Name of the object: one for each Worker whose metrics belong together. Default: `'fetchmesh'`. */
  readonly name?: string;
  /** How often an isolate tells at most, in milliseconds. Default: 1000. */
  readonly reportMs?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** The metrics of one isolate on their way to all. */
export interface FleetMetrics {
  /**
   * Tells what was counted, at most once in `reportMs`: to be given to `waitUntil` after a request. Never rejects; what
   * could not be told is part of the next report.
   */
  report(): Promise<void>;
  /** What all isolates have counted, this one's latest included. Rejects where the object cannot be reached. */
  totals(): Promise<Exposable>;
}

/**
 * Sends the counts of a registry to the object, and reads what it has.
 *
 * @throws {TypeError} where there is no namespace.
 *
 * @example
 * ```ts
 * const object = { add: async () => {}, totals: async () => [] };
 * const metrics = fleetMetrics(createRegistry(), { idFromName: (name) => ({ name }), get: () => object });
 * (await metrics.totals()).collect(); // []
 * ```
 */
export function fleetMetrics(
  registry: Registry,
  namespace: MetricsNamespace,
  options: FleetMetricsOptions = {},
): FleetMetrics {
  if (typeof namespace?.idFromName !== 'function') {
    throw new TypeError('fleetMetrics: there is no namespace; is its binding in wrangler.toml?');
  }
  const { name = 'fetchmesh', reportMs = 1_000, clock = systemClock } = options;
  if (!(reportMs >= 0 && Number.isFinite(reportMs))) {
    throw new RangeError(`fleetMetrics.reportMs: ${reportMs} is not a number of 0 or more`);
  }
  const take = reportsOf(registry);
  // Not made while the Worker loads: chance is for requests there.
  let isolate: string | undefined;
  let reportedAt = Number.NEGATIVE_INFINITY;
  /** On Workers a report dies with the request that began it, and then never ends. */
  let last: Promise<void> = Promise.resolve();
  let startedAt = Number.NEGATIVE_INFINITY;
  let isReporting = false;

  // Not kept: a stub belongs to the request that made it.
  const object = (): MetricsObject => namespace.get(namespace.idFromName(name)) as MetricsObject;

  async function send(): Promise<void> {
    isolate ??= crypto.randomUUID();
    const { deltas, commit } = take();
    await object().add(isolate, deltas);
    commit();
  }

  /** One at a time: two reports at once would tell the same counts twice. */
  function sendAlone(): Promise<void> {
    const now = clock.monotonic();
    if (isReporting && now - startedAt < abandonedMs) return last;
    isReporting = true;
    startedAt = now;
    last = send().finally(() => {
      isReporting = false;
      reportedAt = clock.monotonic();
    });
    return last;
  }

  return {
    async report() {
      if (clock.monotonic() - reportedAt < reportMs) return;
      try {
        await sendAlone();
      } catch {
        // It is part of the next report.
      }
    },
    async totals() {
      await sendAlone();
      const totals = await object().totals();
      return { collect: () => totals };
    },
  };
}

/** A report that has not ended after so long is taken for lost with its request, in milliseconds. */
const abandonedMs = 10_000;

/** What is used of an object's storage. */
export interface MetricsStorage {
  list(options: { prefix: string }): Promise<Map<string, unknown>>;
  put(entries: Record<string, unknown>): Promise<void>;
}

/** The class that {@link metricsObject} makes: what the platform constructs. */
export type MetricsObjectClass<Base extends BaseClass> = ExtendedClass<Base, MetricsObject>;

/**
 * Makes the class of the object, on the platform's own base class.
 *
 * A Worker exports it, and names it in `wrangler.toml` under `durable_objects.bindings` and `migrations`:
 *
 *     import { DurableObject } from 'cloudflare:workers';
 *     import { metricsObject } from 'fetchmesh/metrics-object';
 *     export class Metrics extends metricsObject(DurableObject) {}
 *
 * Totals are stored before a report is answered: an object that loses its memory has lost no count.
 *
 * @param base `DurableObject` of `cloudflare:workers`.
 *
 * @example
 * ```ts
 * const storage = { list: async () => new Map(), put: async () => {} };
 * const Metrics = metricsObject(class {});
 * const object = new Metrics({ storage });
 * const series = [{ labels: '', values: [2] }];
 * await object.add('a', [{ name: 'orders_total', help: 'Orders.', kind: 'counter', buckets: [], series }]);
 * (await object.totals())[0]?.series; // [{ labels: '', value: 2 }]
 * ```
 */
export function metricsObject<Base extends BaseClass>(base: Base): MetricsObjectClass<Base> {
  abstract class FetchmeshMetricsObject extends base implements MetricsObject {
    readonly #storage: MetricsStorage;
    #totals: Promise<FleetTotals> | undefined;

    // biome-ignore lint/suspicious/noExplicitAny: what TypeScript asks of a class that extends one it does not know.
    constructor(...args: any[]) {
      super(...args);
      this.#storage = (args[0] as { storage: MetricsStorage }).storage;
    }

    async add(isolate: string, deltas: readonly MetricsDelta[]): Promise<void> {
      const totals = await this.#load();
      const changed = totals.add(isolate, deltas, Date.now());
      const entries = Array.from(changed, ([key, part]) => [prefix + key, part] as const);
      try {
        const writes: Promise<void>[] = [];
        // Nothing is waited for in between: so the platform stores all of it or nothing.
        for (let start = 0; start < entries.length; start += mostInPut) {
          const some = entries.slice(start, start + mostInPut);
          writes.push(this.#storage.put(Object.fromEntries(some)));
        }
        await Promise.all(writes);
      } catch (error) {
        // The isolate will tell the same counts again: what is in storage does not have them yet.
        this.#totals = undefined;
        throw error;
      }
    }

    async totals(): Promise<ReturnType<Exposable['collect']>> {
      return (await this.#load()).collect(Date.now());
    }

    #load(): Promise<FleetTotals> {
      const read = async (): Promise<FleetTotals> => {
        const stored = (await this.#storage.list({ prefix })) as Map<string, FamilyPart>;
        return new FleetTotals(
          Array.from(stored, ([key, part]) => [key.slice(prefix.length), part] as const),
        );
      };
      this.#totals ??= read().catch((error) => {
        // Whoever asks next reads again.
        this.#totals = undefined;
        throw error;
      });
      return this.#totals;
    }
  }
  return FetchmeshMetricsObject as unknown as MetricsObjectClass<Base>;
}

const prefix = 'metric:';

/** Keys that Durable Objects store with one call. */
const mostInPut = 128;
