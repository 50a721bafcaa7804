import { describe, expect, test } from 'vitest';
import { signalOf } from '../../src/core/abort.ts';
import { compose, type Fetch, type Middleware, type Next } from '../../src/core/chain.ts';
import { outbound } from '../../src/core/outbound.ts';
import { breaker } from '../../src/policies/breaker/breaker.ts';
import { breakerFleet } from '../../src/policies/breaker/fleet/fleet.ts';
import { bulkhead } from '../../src/policies/bulkhead.ts';
import { deadline, forwardDeadline } from '../../src/policies/deadline.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { fault } from '../../src/policies/fault.ts';
import { hedge } from '../../src/policies/hedge.ts';
import { limits } from '../../src/policies/limits.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { retry } from '../../src/policies/retry.ts';
import { retryBudget } from '../../src/policies/retry-budget.ts';
import { pressure, shed } from '../../src/policies/shed.ts';
import { throttle } from '../../src/policies/throttle.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { rewrite } from '../../src/routing/rewrite.ts';
import { type Service, service } from '../../src/routing/service.ts';
import { authorize } from '../../src/security/authorize/authorize.ts';
import { externalAuthorizer } from '../../src/security/authorize/external.ts';
import { upstreamGuard } from '../../src/security/upstream-guard.ts';
import type { Grant, Store } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { type TracedBody, tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { policyFactories } from '../support/policy-factories.ts';
import { type Answering, stalled, upstream } from '../support/upstream.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A policy that is to be left in the middle of its work. */
interface Policy {
  readonly middleware: Middleware;
  /** How many permits, probes, leases or copies are out. Absent where there are no such things. */
  out?(): number;
  /** Brings the policy to where the call matters. Returns what lets go of that again. */
  prepare?(call: () => Promise<Response>): Promise<(() => void | Promise<void>) | undefined>;
  /** The call to make. Default: a GET. */
  request?(signal: AbortSignal): Request;
}

/** What a policy is made of. */
interface Parts {
  readonly clock: VirtualClock;
  /** Where a second copy of a request goes. */
  readonly aside: Next;
  /** Lets the upstream answer in another way from now on. */
  answer(answer: Answering): void;
  /** The same for where the second copy goes. */
  answerAside(answer: Answering): void;
}

/** One policy, and where it makes callers wait. */
interface Row {
  /** The factory, as its module exports it. */
  readonly of: string;
  /** What is special about this row. */
  readonly as?: string;
  make(parts: Parts): Policy;
  /** How long until all tries are under way, in milliseconds. Default: 0. */
  readonly leadMs?: number;
  /** The policy with a call waiting inside of it; `'never'` where it holds no call back. */
  readonly waiting: 'never' | ((parts: Parts) => Policy);
}

const url = 'http://shop.example/';
const ok: Answering = () => new Response();
const unavailable: Answering = () => new Response(null, { status: 503 });

/** Random numbers by a script, the last of them for ever. */
const draws = (...numbers: readonly number[]): (() => number) => {
  let drawn = 0;
  return () => numbers[Math.min(drawn++, numbers.length - 1)] as number;
};

const get = (headers: Record<string, string>) => (signal: AbortSignal) =>
  new Request(url, { headers, signal });

function retrying(parts: Parts, options: Parameters<typeof retry>[0] = {}): Policy {
  const { clock, answer } = parts;
  return {
    middleware: retry({ baseDelay: '10s', jitter: 'none', clock, ...options }),
    prepare: async () => void answer(unavailable),
  };
}

function halfOpen({ clock, answer }: Parts): Policy {
  const guard = breaker({ failures: 1, openFor: '1s', key: 'all', clock });
  return {
    middleware: guard,
    out: () => guard.status().probes,
    async prepare(call) {
      answer(unavailable);
      await call();
      await clock.advance(1_000);
      answer(stalled);
      return undefined;
    },
  };
}

function bulkheadOf(release: 'headers' | 'body', { clock }: Parts): Policy {
  const guard = bulkhead({ limit: 1, queue: 1, maxWait: '1m', release, clock });
  return {
    middleware: guard,
    out: () => guard.status().inFlight + guard.status().waiting,
  };
}

function serviceOf(users: Service, middleware = users.middleware): Policy {
  return {
    middleware,
    out: () => users.endpoints.reduce((sum, { active }) => sum + active, 0),
  };
}

/** A store that keeps count of what it gave, and takes its time for the first call. */
function slowStore(): { readonly store: Store; given(): number; reply(): void } {
  let given = 0;
  let reply: (() => void) | undefined;
  const grant = (n: number): Grant => {
    given += n;
    return { granted: Math.max(0, n), remaining: 1, retryMs: 0, resetMs: 0 };
  };
  const store: Store = {
    name: 'slow',
    capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    get: () => null,
    set: () => '1',
    take(_key, _limit, n) {
      if (reply !== undefined) return grant(n);
      return new Promise((resolve) => {
        reply = () => resolve(grant(n));
      });
    },
  };
  return { store, given: () => given, reply: () => reply?.() };
}

/** Asks an authorizer about each request. */
function asking(send: Next, clock: VirtualClock): Middleware {
  const authorizer = externalAuthorizer({ url: 'http://gate.example/', send, clock });
  return authorize([{ action: 'custom', rules: [{}], authorizer }]);
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

const rows: readonly Row[] = [
  {
    of: 'timeout',
    make: ({ clock }) => ({ middleware: timeout('10s', { clock }) }),
    waiting: 'never',
  },
  {
    of: 'timeout',
    as: 'over the body',
    make: ({ clock }) => ({ middleware: timeout('10s', { body: true, clock }) }),
    waiting: 'never',
  },
  {
    of: 'deadline',
    make: ({ clock }) => ({
      middleware: deadline({ trust: true, clock }),
      request: get({ 'x-fetchmesh-timeout-ms': '5000' }),
    }),
    waiting: 'never',
  },
  {
    of: 'forwardDeadline',
    make: ({ clock }) => ({
      middleware: compose(timeout('10s', { clock }), forwardDeadline({ clock })),
    }),
    waiting: 'never',
  },
  {
    of: 'retry',
    as: 'with a limit for each try',
    make: ({ clock }) => ({ middleware: retry({ perTry: '5s', clock }) }),
    waiting: retrying,
  },
  {
    of: 'retryBudget',
    make: ({ clock }) => ({ middleware: retry({ budget: retryBudget({ clock }), clock }) }),
    waiting: (parts) => retrying(parts, { budget: retryBudget({ clock: parts.clock }) }),
  },
  {
    of: 'hedge',
    make: ({ clock }) => ({ middleware: hedge({ delay: '100ms', clock }) }),
    leadMs: 100,
    waiting: 'never',
  },
  {
    of: 'breaker',
    as: 'whose probe it is',
    make: halfOpen,
    waiting: 'never',
  },
  {
    of: 'breakerFleet',
    make({ clock }) {
      const fleet = breakerFleet({ store: memoryStore({ clock }), clock });
      const guard = breaker({ fleet, name: 'shop', key: 'all', failures: 1, clock });
      return { middleware: guard, out: () => guard.status().probes + guard.status().failures };
    },
    waiting: 'never',
  },
  {
    of: 'throttle',
    make: ({ clock }) => ({ middleware: throttle({ minRequests: 1, random: () => 0, clock }) }),
    waiting: 'never',
  },
  {
    of: 'bulkhead',
    make: (parts) => bulkheadOf('headers', parts),
    waiting: (parts) => ({
      ...bulkheadOf('headers', parts),
      // A call that has the only place, and is answered in the end.
      async prepare(call) {
        let release = (): void => {};
        parts.answer(
          () =>
            new Promise((resolve) => {
              release = () => resolve(new Response());
            }),
        );
        void call();
        await parts.clock.advance(0);
        return () => release();
      },
    }),
  },
  {
    of: 'bulkhead',
    as: 'until the body has ended',
    make: (parts) => bulkheadOf('body', parts),
    waiting: 'never',
  },
  {
    of: 'rateLimit',
    make: ({ clock }) => ({ middleware: rateLimit({ limit: 10, per: '1s' }, { clock }) }),
    waiting: ({ clock, answer }) => ({
      middleware: rateLimit({ limit: 1, per: '1s', maxWait: '1m' }, { clock }),
      async prepare(call) {
        answer(ok);
        await call();
        // What the one that waits was granted has to be back when its time has come.
        return () => clock.advance(1_000);
      },
    }),
  },
  {
    of: 'rateLimit',
    as: 'with a store that takes its time',
    make: ({ clock }) => ({
      middleware: rateLimit({ limit: 10, per: '1s' }, { store: memoryStore({ clock }), clock }),
    }),
    waiting({ clock }) {
      const { store, given, reply } = slowStore();
      return {
        middleware: rateLimit({ limit: 1, per: '1s' }, { store, storeDeadline: '1m', clock }),
        out: given,
        prepare: async () => reply,
      };
    },
  },
  {
    of: 'shed',
    make() {
      const shared = pressure({ from: 10, full: 20 });
      return { middleware: shed({ pressure: shared }), out: () => shared.inFlight };
    },
    waiting: 'never',
  },
  {
    of: 'limits',
    make: ({ clock }) => ({
      middleware: limits({ concurrent: 1, bodyBytes: 10, bodyRate: 1, clock }),
    }),
    // Who reads the body waits for it, not the policy: `limits.test.ts` has that.
    waiting: 'never',
  },
  {
    of: 'fault',
    make({ clock }) {
      const middleware = fault({ delay: '1s', percent: 50, random: draws(0, 0.99), clock });
      return { middleware, out: () => middleware.stats.active };
    },
    leadMs: 1_000,
    waiting({ clock }) {
      const middleware = fault({ delay: '1s', percent: 50, random: draws(0, 0.99), clock });
      return { middleware, out: () => middleware.stats.active };
    },
  },
  {
    of: 'mirror',
    make({ clock, aside }) {
      const middleware = mirror({ send: aside, clock });
      return { middleware, out: () => middleware.stats.active };
    },
    waiting: 'never',
  },
  {
    of: 'fallback',
    make: () => ({ middleware: fallback({ body: 'instead' }, { maxReplayBytes: 10 }) }),
    // The answer is made elsewhere, which takes its time.
    waiting: ({ answer }) => ({
      middleware: fallback(({ request }, context) =>
        stalled(request, { signal: signalOf(request, context) }),
      ),
      prepare: async () => void answer(unavailable),
    }),
  },
  {
    of: 'rewrite',
    make: () => ({ middleware: rewrite({ prefix: { from: '/', to: '/v2' } }) }),
    waiting: 'never',
  },
  {
    of: 'service',
    make({ clock }) {
      const endpoints = ['http://10.0.0.1', 'http://10.0.0.2'];
      return serviceOf(service({ name: 'users', endpoints, outlier: { failures: 1 }, clock }));
    },
    waiting: 'never',
  },
  {
    of: 'service',
    as: 'with versions',
    make({ clock }) {
      const versions = { v1: ['http://10.0.0.1'], v2: ['http://10.0.0.2'] };
      const users = service({ name: 'users', versions, clock });
      return serviceOf(users, compose(users.split({ v1: 1, v2: 1 }), users.middleware));
    },
    waiting: 'never',
  },
  {
    of: 'externalAuthorizer',
    make: ({ clock }) => ({ middleware: asking(async () => new Response(), clock) }),
    waiting: ({ clock, aside, answerAside }) => ({
      middleware: asking(aside, clock),
      prepare: async () => () => answerAside(ok),
    }),
  },
  {
    of: 'upstreamGuard',
    make: () => ({
      middleware: upstreamGuard({ resolver: { resolve: async () => ['8.8.8.8'] } }),
    }),
    waiting() {
      let isSlow = true;
      const resolve = (_: string, signal: AbortSignal): Promise<readonly string[]> =>
        isSlow ? untilAborted(signal) : Promise.resolve(['8.8.8.8']);
      return {
        middleware: upstreamGuard({ resolver: { resolve } }),
        prepare: async () => () => {
          isSlow = false;
        },
      };
    },
  },
];

/** Factories of what holds no call, and leaves nothing behind that could be counted. */
const callless: Readonly<Record<string, string>> = {
  authorize: 'decides at once, unless an authorizer is asked: externalAuthorizer',
  cors: 'answers at once, or adds headers',
  headers: 'adds and removes headers',
  jwt: 'waits for keys that all callers share: test/security/jwt/remote-keys.test.ts',
  peerCertificate: 'looks at the connection',
  pressure: 'a part of shed',
  redirect: 'answers at once, and calls nothing',
  respond: 'answers at once, and calls nothing',
  sharedRetryBudget: 'answers at once, and asks its store on its own',
  trustedProxies: 'looks at headers',
};

test('each policy has a row', () => {
  const found = policyFactories('policies', 'routing', 'security');
  const tried = new Set(rows.map((row) => row.of));
  expect(found).toEqual(expect.arrayContaining([...tried]));
  expect(found.filter((name) => !tried.has(name) && !(name in callless))).toEqual([]);
});

/** A policy around an upstream, and a caller that is going to leave. */
class Exchange {
  readonly clock: VirtualClock = new VirtualClock();
  readonly caller: AbortController = new AbortController();
  readonly reason: Error = new Error('the caller has left');
  readonly policy: Policy;
  readonly fetch: ReturnType<typeof upstream>;
  readonly #shop: Fetch;
  #answer: Answering = stalled;
  #answerAside: Answering;
  /** The calls that were made before the one that matters. */
  #before = 0;
  #letGo: (() => void | Promise<void>) | undefined;

  constructor(make: (parts: Parts) => Policy, aside: Answering = stalled) {
    this.#answerAside = aside;
    const copies = upstream((request, init) => this.#answerAside(request, init));
    this.policy = make({
      clock: this.clock,
      aside: (request, context) => copies(request, { signal: signalOf(request, context) }),
      answer: (answer) => this.answer(answer),
      answerAside: (answer) => {
        this.#answerAside = answer;
      },
    });
    this.fetch = upstream((request, init) => this.#answer(request, init));
    this.#shop = outbound(this.fetch, this.policy.middleware);
  }

  answer(answer: Answering): void {
    this.#answer = answer;
  }

  async prepare(): Promise<void> {
    this.#letGo = await this.policy.prepare?.(() => this.#shop(url));
    this.#before = this.fetch.calls.length;
  }

  /** Makes the call that the caller is going to leave, or has left. */
  call(): Promise<Response> {
    const { signal } = this.caller;
    const answer = this.policy.request ? this.send(this.request()) : this.#shop(url, { signal });
    // Looked at later.
    answer.catch(() => {});
    return answer;
  }

  /** A request of the caller. */
  request(): Request {
    const { signal } = this.caller;
    return this.policy.request?.(signal) ?? new Request(url, { signal });
  }

  send(request: Request): Promise<Response> {
    return this.#shop(request);
  }

  /** The signals that the upstream got with the call. */
  get signals(): readonly AbortSignal[] {
    return this.fetch.calls.slice(this.#before).map(({ signal }) => signal);
  }

  /** Nothing of the call is left, and the next one is answered at once. */
  async expectNothingLeft(): Promise<void> {
    await this.#letGo?.();
    await this.clock.advance(0);
    expect(this.policy.out?.() ?? 0, 'permits, probes, leases or copies left behind').toBe(0);
    expect(this.clock.pending, 'timers left behind').toBe(0);
    this.answer(ok);
    let code: number | undefined;
    void this.#shop(url).then((response) => {
      code = response.status;
      return response.body?.cancel();
    });
    await this.clock.advance(0);
    expect(code, 'the next request').toBe(200);
  }
}

/** Answers with a body that goes on until the call is aborted, as that of `fetch` does. */
const streaming: Answering = (request, init) => {
  const signal = init?.signal ?? request.signal;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(1));
      signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
    },
  });
  return new Response(body);
};

describe.each(
  rows.map((row) => [row.as === undefined ? row.of : `${row.of}, ${row.as}`, row] as const),
)('%s', (_, { make, leadMs = 0, waiting }) => {
  test('a caller that has left already', async () => {
    const exchange = new Exchange(make);
    await exchange.prepare();
    exchange.caller.abort(exchange.reason);
    await expect(exchange.call()).rejects.toBe(exchange.reason);
    expect(exchange.signals.filter(({ aborted }) => !aborted)).toEqual([]);
    await exchange.expectNothingLeft();
  });

  if (waiting !== 'never') {
    test('a caller that leaves while it waits in the policy', async () => {
      const exchange = new Exchange(waiting);
      await exchange.prepare();
      const answer = exchange.call();
      let isSettled = false;
      const settle = (): void => {
        isSettled = true;
      };
      answer.then(settle, settle);
      await exchange.clock.advance(0);
      expect(isSettled, 'whether it waits').toBe(false);
      const tries = exchange.signals.length;
      exchange.caller.abort(exchange.reason);
      await expect(answer).rejects.toBe(exchange.reason);
      await exchange.clock.advance(0);
      expect(exchange.signals, 'no further try').toHaveLength(tries);
      await exchange.expectNothingLeft();
    });
  }

  test('a caller that leaves while the upstream works', async () => {
    const exchange = new Exchange(make);
    await exchange.prepare();
    const answer = exchange.call();
    await exchange.clock.advance(leadMs);
    expect(exchange.signals).not.toHaveLength(0);
    expect(exchange.signals.filter(({ aborted }) => aborted)).toEqual([]);
    exchange.caller.abort(exchange.reason);
    for (const signal of exchange.signals) expect(signal.reason).toBe(exchange.reason);
    await expect(answer).rejects.toBe(exchange.reason);
    await exchange.expectNothingLeft();
  });

  test('a caller that stays: its signal, which outlives the calls, keeps nothing of them', async () => {
    const exchange = new Exchange(make, ok);
    await exchange.prepare();
    exchange.answer(ok);
    // The signal of a request, since Node adds a listener of its own for each request made from a signal.
    const request = exchange.request();
    const listeners = countListeners(request.signal);
    for (let calls = 0; calls < 5; calls++) {
      const answer = exchange.send(request);
      await exchange.clock.advance(leadMs);
      expect((await answer).status).toBe(200);
    }
    await exchange.clock.advance(0);
    expect(listeners.current, 'listeners left behind').toBe(0);
    await exchange.expectNothingLeft();
  });

  test('an answer that comes after the caller has left: its body is cancelled, by whoever has it', async () => {
    const exchange = new Exchange(make);
    await exchange.prepare();
    const bodies: TracedBody[] = [];
    const replies: ((response: Response) => void)[] = [];
    // Hears nothing of the abort.
    exchange.answer(() => new Promise((resolve) => replies.push(resolve)));
    const answer = exchange.call();
    await exchange.clock.advance(leadMs);
    exchange.caller.abort(exchange.reason);
    for (const reply of replies) {
      const body = tracedBody(['late'], { end: 'hang' });
      bodies.push(body);
      reply(new Response(body.stream));
    }
    const handedOver = await answer.catch(() => undefined);
    await handedOver?.body?.cancel();
    await exchange.clock.advance(0);
    expect(bodies).not.toHaveLength(0);
    expect(bodies.map(({ cancels }) => cancels)).toEqual(bodies.map(() => 1));
    await exchange.expectNothingLeft();
  });

  test('a caller that leaves while the body streams', async () => {
    const exchange = new Exchange(make, ok);
    await exchange.prepare();
    exchange.answer(streaming);
    const answer = exchange.call();
    await exchange.clock.advance(leadMs);
    const reader = ((await answer).body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).done).toBe(false);
    const rest = reader.read();
    rest.catch(() => {});
    exchange.caller.abort(exchange.reason);
    for (const signal of exchange.signals) expect(signal.reason).toBe(exchange.reason);
    await expect(rest).rejects.toBe(exchange.reason);
    await exchange.expectNothingLeft();
  });
});
