import { describe, expect, test } from 'vitest';
import type { BreakerFleet } from '../../src/policies/breaker/fleet/fleet.ts';
import type { RulesEvent } from '../../src/rules/sources/follow.ts';
import { kvRules, type WorkerOptions, worker } from '../../src/runtimes/workers.ts';
import { rulesFrom } from '../support/rules.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

/** Rules that lead to a service of this name. */
function rulesTo(name: string) {
  return rulesFrom(
    `services: { ${name}: "http://${name}.test" }\nroutes: [{ path: /**, to: ${name} }]`,
    {
      mode: 'gateway',
    },
  );
}

interface Env {
  readonly RULES: ReturnType<typeof storeOf>;
}

/** A KV namespace that can be slow or broken. */
function storeOf() {
  const values = new Map<string, string>();
  return {
    values,
    reads: 0,
    delay: undefined as Promise<unknown> | undefined,
    failure: undefined as Error | undefined,
    async get(key: string): Promise<string | null> {
      this.reads += 1;
      await this.delay;
      if (this.failure !== undefined) throw this.failure;
      return values.get(key) ?? null;
    },
    publish(revision: number, name: string) {
      const ref = `rules/default/r/${revision}`;
      values.set(ref, JSON.stringify(rulesTo(name)));
      values.set('rules/default/current', JSON.stringify({ revision, ref }));
    },
  };
}

function running(options: WorkerOptions<Env> = {}) {
  const clock = new VirtualClock();
  const events: RulesEvent[] = [];
  const waiting: Promise<unknown>[] = [];
  const env: Env = { RULES: storeOf() };
  const { fetch } = worker<Env>({
    source: ({ RULES }) => kvRules(RULES),
    transport: async (url) => new Response(new URL(url).hostname),
    onEvent: (event) => events.push(event),
    clock,
    ...options,
  });
  const context = { waitUntil: (work: Promise<unknown>) => void waiting.push(work) };
  const get = async (): Promise<string> => {
    const response = await fetch(new Request('http://shop.example/'), env, context);
    return response.ok ? await response.text() : String(response.status);
  };
  return { clock, events, waiting, store: env.RULES, get, fetch, env, context };
}

describe('a Worker whose rules come from KV', () => {
  test('the first request waits for them', async () => {
    const { store, get } = running({ bundled: rulesTo('bundled') });
    store.publish(1, 'first');
    expect(await get()).toBe('first.test');
  });

  test('but no longer than the deadline: then the bundled ones serve', async () => {
    const { store, get, clock, waiting } = running({ bundled: rulesTo('bundled') });
    store.publish(1, 'first');
    const slow = Promise.withResolvers<void>();
    store.delay = slow.promise;
    const early = [get(), get()];
    await clock.advance(249);
    expect(await Promise.race([early[0], settled().then(() => 'waits')])).toBe('waits');
    await clock.advance(1);
    expect(await Promise.all(early)).toEqual(['bundled.test', 'bundled.test']);
    expect(await get()).toBe('bundled.test');
    slow.resolve();
    await Promise.all(waiting);
    expect(await get()).toBe('first.test');
  });

  test('no request waits for a later look, and only one makes it', async () => {
    const { store, get, clock, waiting } = running();
    store.publish(1, 'first');
    expect(await get()).toBe('first.test');
    store.publish(2, 'second');
    await clock.advance(29_999);
    expect(await get()).toBe('first.test');
    expect(waiting).toHaveLength(1);
    await clock.advance(1);
    store.delay = new Promise((resolve) => clock.schedule(() => resolve(undefined), 5));
    expect(await Promise.all([get(), get(), get()])).toEqual(Array(3).fill('first.test'));
    expect(waiting).toHaveLength(2);
    await clock.advance(5);
    // Rules are read in slices of true time.
    await Promise.all(waiting);
    expect(await get()).toBe('second.test');
  });

  test('invalid rules, older ones and a store that fails leave the last good ones', async () => {
    const { store, get, clock, events, waiting } = running();
    store.publish(5, 'good');
    expect(await get()).toBe('good.test');

    const breakages: (() => void)[] = [
      () => store.values.set('rules/default/current', '{'),
      () => store.publish(4, 'older'),
      () => {
        store.publish(6, 'x');
        store.values.set('rules/default/r/6', '{"version": 1}');
      },
      () => {
        store.failure = new Error('KV GET failed: 503');
      },
    ];
    for (const breakage of breakages) {
      breakage();
      await clock.advance(30_000);
      await get();
      await Promise.all(waiting);
      expect(await get()).toBe('good.test');
    }
    expect(events.map(({ type }) => type)).toEqual([
      'applied',
      'refused',
      'outdated',
      'refused',
      'unreachable',
    ]);
  });

  test('without rules of any kind the answer is a 503 that says when to come again', async () => {
    const { fetch, env, context, store, clock, get, waiting } = running();
    store.failure = new Error('down');
    const response = await fetch(new Request('http://shop.example/'), env, context);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ reason: 'no_rules' });
    store.failure = undefined;
    store.publish(1, 'late');
    await clock.advance(1_000);
    await get();
    await Promise.all(waiting);
    expect(await get()).toBe('late.test');
  });

  test('a binding that is missing is told; the bundled rules serve', async () => {
    const { get, events } = running({
      bundled: rulesTo('bundled'),
      source: () => kvRules(undefined as never),
    });
    expect(await get()).toBe('bundled.test');
    expect(events.map(({ type, message }) => [type, message])).toEqual([
      ['unreachable', expect.stringContaining('is its binding in wrangler.toml?')],
    ]);
  });

  test('bundled rules that are invalid are found while the Worker loads', () => {
    expect(() => worker({ bundled: { version: 1 } })).toThrow('services is missing');
    const dangling = JSON.parse(JSON.stringify(rulesTo('a')));
    dangling.routes[0].to[0].service = 'b';
    expect(() => worker({ bundled: dangling })).toThrow("no version '' of a service 'b'");
  });

  test('rules for a library, whose requests would come back to the Worker, are refused', () => {
    const bundled = rulesFrom('routes: [{ path: /loop, timeout: 3s }]');
    expect(() => worker({ bundled })).toThrow("route '/loop' leads nowhere");
  });

  test('options that make no sense are refused', () => {
    expect(() => worker({ refresh: '30' })).toThrow('worker.refresh');
    expect(() => worker({ refresh: '0s' })).toThrow('worker.refresh');
    expect(() => worker({ startupDeadline: 'soon' })).toThrow('worker.startupDeadline');
  });
});

describe('telemetry of a Worker', () => {
  test('that cannot be set up does not end the traffic', async () => {
    const errors: unknown[] = [];
    const refusal = new RangeError('endpoint');
    const { get } = running({
      bundled: rulesTo('bundled'),
      telemetry: () => {
        throw refusal;
      },
      onError: (error) => errors.push(error),
    });
    expect(await get()).toBe('bundled.test');
    expect(errors).toEqual([refusal]);
  });

  test('does not either where whoever is told of it throws', async () => {
    const throwing = (): never => {
      throw new Error('no log');
    };
    const { get } = running({
      bundled: rulesTo('bundled'),
      telemetry: throwing,
      onError: throwing,
      onEvent: throwing,
    });
    expect(await get()).toBe('bundled.test');
  });

  test('is flushed after the response, in waitUntil, whatever the collector does', async () => {
    let flushes = 0;
    const { trace } = await import('@opentelemetry/api');
    const { get, clock, waiting } = running({
      bundled: rulesTo('bundled'),
      source: () => undefined,
      telemetry: () => ({
        tracerProvider: trace.getTracerProvider(),
        flush() {
          flushes += 1;
          return new Promise(() => {});
        },
      }),
    });
    expect(await get()).toBe('bundled.test');
    expect(flushes).toBe(0);
    expect(waiting).toHaveLength(1);
    await clock.advance(0);
    expect(flushes).toBe(1);
    expect(await get()).toBe('bundled.test');
  });
});

describe('breakers whose votes take a minute', () => {
  const fleet = { staleMs: 60_000 } as unknown as BreakerFleet;
  const short = rulesFrom(
    'routes: [{ path: /a, breaker: { open_for: 5s }, respond: { status: 200 } }]',
  );
  const doubt =
    "others may hear of an open breaker 1m later, when those of '/a' are closed again; write open_for: 2m";

  test('are said to be open for too short: of bundled rules, and of those that come', async () => {
    const { events, get, store, clock, waiting } = running({
      bundled: short,
      breakers: () => fleet,
    });
    await get();
    expect(events[0]).toEqual({ type: 'doubtful', revision: undefined, message: doubt });
    store.values.set('rules/default/r/1', JSON.stringify(short));
    store.values.set('rules/default/current', '{ "revision": 1, "ref": "rules/default/r/1" }');
    await Promise.all(waiting);
    await clock.advance(30_000);
    await get();
    await Promise.all(waiting);
    expect(events.filter(({ type }) => type !== 'unpublished').slice(1)).toEqual([
      { type: 'doubtful', revision: 1, message: doubt },
      {
        type: 'applied',
        revision: 1,
        message: 'KV rules/default: revision 1 is in force',
      },
    ]);
  });

  test('where each decides alone there is nothing to say', async () => {
    const { events, get } = running({ bundled: short });
    await get();
    expect(events.filter(({ type }) => type === 'doubtful')).toEqual([]);
  });
});
