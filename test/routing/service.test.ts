import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { type EndpointRecord, endpoint, triedEndpoints } from '../../src/core/endpoint.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { outbound } from '../../src/core/outbound.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { balancePolicies } from '../../src/routing/balance.ts';
import { type Candidate, type ServiceOptions, service } from '../../src/routing/service.ts';
import { tracedBody } from '../support/bodies.ts';
import { countListeners } from '../support/listeners.ts';
import { connectionReset, stalled } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const [a, b, c] = ['http://a.test', 'http://b.test', 'http://c.test'] as const;
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

type Answers = Record<string, number | Error | typeof stalled>;

/** A fetch whose hosts answer as they are told, 200 by default; what it was asked for is in `urls`. */
function hosts(answers: Answers = {}) {
  const urls: string[] = [];
  async function fetch(input: Request | string, init?: RequestInit): Promise<Response> {
    const request = typeof input === 'string' ? new Request(input, init) : input;
    urls.push(request.url);
    const answer = answers[new URL(request.url).origin] ?? 200;
    if (typeof answer === 'function') return await answer(request, init);
    if (answer instanceof Error) throw answer;
    return new Response(request.body && (await request.text()), { status: answer });
  }
  return Object.assign(fetch, { urls, answers });
}

const origins = (urls: readonly string[]): string[] => urls.map((url) => new URL(url).origin);

/** A service in virtual time, its picks in turn. */
function usersOf(options: Partial<ServiceOptions> = {}) {
  return service({
    name: 'users',
    ...(options.versions === undefined && { endpoints: [a, b, c] }),
    balance: 'round_robin',
    clock,
    random: () => 0.5,
    ...options,
  });
}

/** Puts a record of tries around, as retry does. */
function recording(record: EndpointRecord = { tried: [], candidates: 0 }): Middleware {
  return (next) => (request, context) => next(request, context.with(triedEndpoints, record));
}

function listening(events: PolicyEvent[]): Middleware {
  return (next) => (request, context) =>
    next(
      request,
      context.with(eventListener, (event) => events.push(event)),
    );
}

describe('sending', () => {
  test('keeps method, path, query, headers and body', async () => {
    const fetch = hosts();
    const users = usersOf({ endpoints: ['http://a.test/base/'] });
    const seen: Request[] = [];
    const look = async (request: Request, init?: RequestInit): Promise<Response> => {
      seen.push(request);
      return await fetch(request, init);
    };
    const response = await outbound(look, users.middleware)('http://users/x%2Fy?q=1', {
      method: 'POST',
      headers: { 'x-id': '7' },
      body: 'hello',
    });
    expect(fetch.urls).toEqual(['http://a.test/base/x%2Fy?q=1']);
    expect(seen[0]?.method).toBe('POST');
    expect(seen[0]?.headers.get('x-id')).toBe('7');
    expect(await response.text()).toBe('hello');
  });

  test('the layers further in see an ordinary request', async () => {
    let inside: unknown = 'not asked';
    const look: Middleware = (next) => (request, context) => {
      inside = context.get(endpoint);
      return next(request, context);
    };
    const fetch = hosts();
    await outbound(fetch, usersOf().middleware, look)('http://users/');
    expect(inside).toBeUndefined();
    expect(fetch.urls).toEqual([`${a}/`]);
  });

  test('the chain says what is there', () => {
    const users = usersOf({ outlier: {}, health: { path: '/healthz' } });
    expect(describeChain(outbound(hosts(), users.middleware))).toBe(
      'outbound\n  service users: round_robin over 3, outlier ejection, health /healthz\n  fetch',
    );
  });

  const layerOf = (options: Partial<ServiceOptions>): string =>
    describeChain(outbound(hosts(), usersOf(options).middleware)).split('\n')[1] ?? '';

  test.each<[NonNullable<ServiceOptions['balance']>, string]>([
    ['peak_ewma', 'peak_ewma over 3'],
    [{ policy: 'least_request', bias: 1 }, 'least_request over 3'],
    [{ policy: 'least_request', bias: 0 }, 'least_request ^0 over 3'],
    [{ bias: 2 }, 'least_request ^2 over 3'],
    [{ pick: ([first]) => first as never }, 'own picker over 3'],
  ])('the chain says how it balances: %j', (balance, said) => {
    expect(layerOf({ balance })).toBe(`  service users: ${said}`);
  });

  test('the chain says which versions there are, and their shares', () => {
    const users = usersOf({ versions: { v1: [a], v2: [b, c] } });
    expect(
      describeChain(outbound(hosts(), users.split({ v2: 20, v1: 80 }), users.middleware)),
    ).toBe('outbound\n  split users v2=20 v1=80\n  service users\n  fetch');
    expect(describeChain(outbound(hosts(), users.version('v2')))).toBe(
      'outbound\n  service users@v2: round_robin over 2\n  fetch',
    );
    expect(users.name).toBe('users');
  });

  test('what is known of an endpoint', () => {
    const users = usersOf({ versions: { v1: [a], v2: [`${b}/base`] } });
    const known = { service: 'users', active: 0, isEjected: false, isUp: true };
    expect(users.endpoints).toEqual([
      { ...known, url: a, version: 'v1' },
      { ...known, url: `${b}/base`, version: 'v2' },
    ]);
  });

  test('LB-01: no endpoint is a 503 that says so', async () => {
    const users = usersOf({
      endpoints: [a],
      health: { path: '/', downAfter: 1 },
      balance: { panic: 0 },
      fetch: hosts({ [a]: 500 }),
    });
    await users.checkHealth();
    const response = await outbound(hosts(), users.middleware)('http://users/');
    expect(response.status).toBe(503);
    expect(rejectionOf(response)).toMatchObject({ reason: 'no_healthy_upstream', flag: 'UH' });
  });

  test.each(balancePolicies)(
    'an endpoint of weight 0 gets nothing by %s (LB-10)',
    async (policy) => {
      const fetch = hosts();
      let draws = 0;
      const users = usersOf({
        endpoints: [{ url: a, weight: 0 }, b, c],
        balance: policy,
        random: () => (draws++ % 10) / 10,
      });
      const call = outbound(fetch, users.middleware);
      for (let count = 0; count < 20; count++) await call('http://users/');
      expect(new Set(origins(fetch.urls))).toEqual(new Set([b, c]));
    },
  );

  test('an endpoint without a weight weighs 1 (LB-10)', async () => {
    const fetch = hosts();
    const users = usersOf({ endpoints: [a, { url: b, weight: 2 }] });
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 6; count++) await call('http://users/');
    expect(origins(fetch.urls).filter((origin) => origin === a)).toHaveLength(2);
  });

  test('a picker of one’s own decides, and learns', async () => {
    const fetch = hosts();
    const learned: string[] = [];
    const users = usersOf({
      balance: {
        pick: (candidates) => candidates[candidates.length - 1] as (typeof candidates)[number],
        observe: ({ endpoint: { url } }, { reason }) => learned.push(`${url} ${reason}`),
      },
    });
    await outbound(fetch, users.middleware)('http://users/');
    expect(origins(fetch.urls)).toEqual([c]);
    expect(learned).toEqual([`${c} ok`]);
  });

  test('learns how long the headers took, and when they came', async () => {
    const learned: number[][] = [];
    const slow = async () => {
      await new Promise<void>((resolve) => clock.schedule(resolve, 30));
      return new Response();
    };
    const users = usersOf({
      balance: {
        pick: ([first]) => first as NonNullable<typeof first>,
        observe: (_candidate, _outcome, ...times) => learned.push(times),
      },
    });
    await clock.advance(5_000);
    const began = clock.monotonic();
    const answer = outbound(slow, users.middleware)('http://users/');
    await clock.advance(30);
    await answer;
    expect(learned).toEqual([[30, began + 30]]);
  });
});

describe('a picker of one’s own that returns something else', () => {
  test('is a mistake that says so, and no request counts as under way', async () => {
    const users = usersOf({ balance: { pick: () => undefined as never } });
    const call = outbound(hosts(), users.middleware);
    await expect(call('http://users/')).rejects.toThrow(
      'balance: pick returned undefined, not one of the candidates',
    );
    expect(users.endpoints.map(({ active }) => active)).toEqual([0, 0, 0]);
  });
});

describe('requests under way', () => {
  test('are counted until the headers, whatever the end', async () => {
    const body = tracedBody(['slow'], { end: 'hang' });
    const users = usersOf({ endpoints: [a, b, c] });
    const answers: (() => Promise<Response>)[] = [
      async () => new Response(body.stream),
      async () => {
        throw connectionReset();
      },
      () => {
        throw new Error('at once');
      },
    ];
    const broken: Middleware = () => () => (answers.shift() as () => Promise<Response>)();
    const call = outbound(hosts(), users.middleware, broken);
    const first = call('http://users/');
    expect(users.endpoints.map(({ active }) => active)).toEqual([1, 0, 0]);
    const response = await first;
    await expect(call('http://users/')).rejects.toThrow('fetch failed');
    await expect(call('http://users/')).rejects.toThrow('at once');
    expect(users.endpoints.map(({ active }) => active)).toEqual([0, 0, 0]);
    await response.body?.cancel();
  });

  test('least_request goes where there are fewer', async () => {
    const fetch = hosts({ [a]: stalled });
    const users = usersOf({ endpoints: [a, b], balance: 'least_request', random: () => 0 });
    const controller = new AbortController();
    const call = outbound(fetch, users.middleware);
    const hanging = call('http://users/', { signal: controller.signal });
    await settled();
    for (let count = 0; count < 5; count++) await call('http://users/');
    expect(origins(fetch.urls)).toEqual([a, b, b, b, b, b]);
    controller.abort();
    await expect(hanging).rejects.toThrow();
  });

  test('an abort reaches the upstream within a tick and leaves nothing behind', async () => {
    const fetch = hosts({ [a]: stalled });
    const users = usersOf({ endpoints: [a, b], outlier: { failures: 1 } });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const signals: AbortSignal[] = [];
    const look = (request: Request, init?: RequestInit): Promise<Response> => {
      signals.push(init?.signal ?? request.signal);
      return fetch(request, init);
    };
    const answer = outbound(look, users.middleware)('http://users/', { signal: controller.signal });
    await settled();
    const reason = new Error('left');
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(signals[0]?.aborted).toBe(true);
    expect(users.endpoints.map(({ active }) => active)).toEqual([0, 0]);
    // HG-08: what we gave up is no failure of the endpoint.
    expect(users.endpoints.some(({ isEjected }) => isEjected)).toBe(false);
    await settled();
    expect(listeners.current).toBeLessThanOrEqual(1);
  });
});

describe('RT-14: another try', () => {
  test('avoids the endpoints that were tried, in the record of the request', async () => {
    const record: EndpointRecord = { tried: [a], candidates: 0 };
    const fetch = hosts();
    // Always draws the first pair: a and b.
    const users = usersOf({ balance: 'random', random: () => 0 });
    const call = outbound(fetch, recording(record), users.middleware);
    await call('http://users/');
    expect(origins(fetch.urls)).toEqual([b]);
    expect(record).toEqual({ tried: [a, b], candidates: 3 });
    await call('http://users/');
    await call('http://users/');
    expect(origins(fetch.urls)).toEqual([b, c, a]);
  });

  test('asks the picker at most five times more', async () => {
    let picks = 0;
    const users = usersOf({
      balance: {
        pick(candidates) {
          picks += 1;
          return candidates[0] as (typeof candidates)[number];
        },
      },
    });
    const record = { tried: [a], candidates: 0 };
    await outbound(hosts(), recording(record), users.middleware)('http://users/');
    expect(picks).toBe(6);
    expect(record.tried).toEqual([a, b]);
  });
});

describe('outlier detection', () => {
  test('OD-01, OD-09: ejects inline, and lets back in at the first pick after its time', async () => {
    const fetch = hosts({ [a]: 503 });
    const events: PolicyEvent[] = [];
    const users = usersOf({ outlier: {} });
    const call = outbound(fetch, listening(events), users.middleware);
    for (let count = 0; count < 15; count++) await call('http://users/');
    expect(users.endpoints.map(({ isEjected }) => isEjected)).toEqual([true, false, false]);
    expect(events).toEqual([
      { name: 'endpoint_ejected', attributes: { endpoint: a, reason: 'consecutive_5xx' } },
    ]);
    fetch.urls.length = 0;
    await clock.advance(29_999);
    for (let count = 0; count < 6; count++) await call('http://users/');
    expect(origins(fetch.urls)).not.toContain(a);
    await clock.advance(1);
    fetch.urls.length = 0;
    for (let count = 0; count < 3; count++) await call('http://users/');
    expect(users.endpoints[0]?.isEjected).toBe(false);
    expect(new Set(origins(fetch.urls))).toEqual(new Set([a, b, c]));
    expect(events.slice(1)).toEqual([{ name: 'endpoint_returned', attributes: { endpoint: a } }]);
  });

  test('OD-05, OD-06, OD-09: compares the rates of an interval at the first pick after it', async () => {
    const fetch = hosts();
    const events: PolicyEvent[] = [];
    const failureRate = { threshold: 0.5, minEndpoints: 3, minRequests: 10 };
    const users = usersOf({ outlier: { failures: 0, failureRate } });
    const call = outbound(fetch, listening(events), users.middleware);
    /** So many requests for each endpoint; of those for the first every other one fails. */
    async function interval(each: number): Promise<void> {
      for (let count = 0; count < 3 * each; count++) {
        fetch.answers[a] = Math.floor(count / 3) % 2 === 0 ? 500 : 200;
        await call('http://users/');
      }
      await clock.advance(10_000);
    }
    await interval(9);
    await interval(9);
    await interval(10);
    expect(events).toEqual([]);
    fetch.urls.length = 0;
    for (let count = 0; count < 4; count++) await call('http://users/');
    expect(events).toEqual([
      { name: 'endpoint_ejected', attributes: { endpoint: a, reason: 'failure_percentage' } },
    ]);
    expect(origins(fetch.urls)).not.toContain(a);
  });

  test('OD-09: makes up for all intervals of a silence at the first pick after it', async () => {
    const fetch = hosts({ [a]: 503 });
    const users = usersOf({ outlier: {} });
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 15; count++) await call('http://users/');
    expect(users.endpoints[0]?.isEjected).toBe(true);
    await clock.advance(30_000);
    await call('http://users/');
    expect(users.endpoints[0]?.isEjected).toBe(false);
  });

  test('OD-04: no more than the share, whatever fails', async () => {
    const fetch = hosts({ [a]: 500, [b]: 500, [c]: 500 });
    const users = usersOf({ outlier: { failures: 1 } });
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 9; count++) await call('http://users/');
    expect(users.endpoints.filter(({ isEjected }) => isEjected).length).toBe(1);
  });

  test('OD-10: the only endpoint stays', async () => {
    const users = usersOf({ endpoints: [a], outlier: { failures: 1 } });
    const call = outbound(hosts({ [a]: 500 }), users.middleware);
    for (let count = 0; count < 3; count++) expect((await call('http://users/')).status).toBe(500);
  });

  test('OD-07: below half of them healthy, all are used', async () => {
    const fetch = hosts({ [a]: 500, [b]: 500 });
    const users = usersOf({ outlier: { failures: 1, maxEjected: 1 } });
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 3; count++) await call('http://users/');
    expect(users.endpoints.filter(({ isEjected }) => isEjected).length).toBe(2);
    fetch.urls.length = 0;
    for (let count = 0; count < 3; count++) await call('http://users/');
    expect(new Set(origins(fetch.urls))).toEqual(new Set([a, b, c]));
  });

  test('OD-07: with just half of them healthy, only those are', async () => {
    const fetch = hosts({ [a]: 500 });
    const users = usersOf({ endpoints: [a, b], outlier: { failures: 1, maxEjected: 1 } });
    const call = outbound(fetch, users.middleware);
    while (users.endpoints[0]?.isEjected === false) await call('http://users/');
    fetch.urls.length = 0;
    for (let count = 0; count < 4; count++) await call('http://users/');
    expect(new Set(origins(fetch.urls))).toEqual(new Set([b]));
  });

  test('OD-07: a panic threshold of 0 leaves the unhealthy out, come what may', async () => {
    const fetch = hosts({ [a]: 500, [b]: 500 });
    const balance = { policy: 'round_robin', panic: 0 } as const;
    const users = usersOf({ balance, outlier: { failures: 1, maxEjected: 1 } });
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 3; count++) await call('http://users/');
    fetch.urls.length = 0;
    for (let count = 0; count < 3; count++) await call('http://users/');
    expect(origins(fetch.urls)).toEqual([c, c, c]);
  });

  test('OD-07: also with a picker of one’s own', async () => {
    const fetch = hosts({ [a]: 500, [b]: 500 });
    const pick = ([first]: readonly Candidate[]): Candidate => first as Candidate;
    const users = usersOf({
      balance: { policy: { pick }, panic: 0 },
      outlier: { failures: 1, maxEjected: 1 },
    });
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 4; count++) await call('http://users/');
    expect(origins(fetch.urls)).toEqual([a, b, c, c]);
  });

  test.each([200, 500])(
    'OD-08: a %d that an ejected endpoint answers late changes nothing',
    async (status) => {
      let answerLate: ((response: Response) => void) | undefined;
      const late = () =>
        new Promise<Response>((resolve) => {
          answerLate = resolve;
        });
      const fetch = hosts({ [a]: late });
      const events: PolicyEvent[] = [];
      const users = usersOf({ outlier: { failures: 1, maxEjected: 1 } });
      const call = outbound(fetch, listening(events), users.middleware);
      const first = call('http://users/');
      await settled();
      fetch.answers[a] = 500;
      for (let count = 0; count < 3; count++) await call('http://users/');
      expect(users.endpoints[0]?.isEjected).toBe(true);
      await clock.advance(5_000);
      answerLate?.(new Response(null, { status }));
      await first;
      expect(users.endpoints[0]?.isEjected).toBe(true);
      // No longer, either, than from what it was ejected for.
      await clock.advance(25_000);
      await call('http://users/');
      expect(events.map(({ name }) => name)).toEqual(['endpoint_ejected', 'endpoint_returned']);
    },
  );

  test('OD-02: a time-out outside counts, since it is the endpoint that did not answer', async () => {
    const users = usersOf({ endpoints: [a, b], outlier: { failures: 1 } });
    const call = outbound(hosts({ [a]: stalled }), timeout('1s', { clock }), users.middleware);
    const answer = call('http://users/');
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    await settled();
    expect(users.endpoints[0]?.isEjected).toBe(true);
  });
});

describe('health checks', () => {
  const health = { path: '/healthz', downAfter: 2, upAfter: 1 } as const;

  test('HC-01: nothing is checked before the first request, and no request waits for a check', async () => {
    const checks = hosts({ [a]: stalled, [b]: stalled });
    const users = usersOf({ endpoints: [a, b], health, fetch: checks });
    await settled();
    expect(checks.urls).toEqual([]);
    expect(clock.pending).toBe(0);
    const response = await outbound(hosts(), users.middleware)('http://users/');
    expect(response.status).toBe(200);
    expect(checks.urls).toEqual([`${a}/healthz`, `${b}/healthz`]);
    await clock.advance(1_000);
  });

  test('HC-01: there are none unless they are asked for', async () => {
    const checks = hosts();
    const users = usersOf({ fetch: checks });
    expect(users.nextCheckMs).toBe(Infinity);
    await users.checkHealth();
    expect(checks.urls).toEqual([]);
  });

  test('HC-04: a check is a plain request, and sent by the runtime’s fetch unless something else is given', async () => {
    const asked: [string, RequestInit][] = [];
    const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      asked.push([String(input), init as RequestInit]);
      return await new Promise<Response>(() => {});
    });
    try {
      const users = usersOf({ endpoints: [`${a}/base`], health });
      const done = users.checkHealth();
      const [[url, { signal, ...rest }]] = asked as [[string, RequestInit]];
      expect(url).toBe(`${a}/base/healthz`);
      expect(rest).toEqual({
        method: 'GET',
        headers: { 'user-agent': 'fetchmesh-health', 'cache-control': 'no-cache' },
        redirect: 'manual',
      });
      await clock.advance(999);
      expect(signal?.aborted).toBe(false);
      await clock.advance(1);
      expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
      await done;
    } finally {
      spy.mockRestore();
    }
  });

  test('HC-02, HC-03: an endpoint that fails its checks is left out until it passes them', async () => {
    const checks = hosts({ [a]: 500 });
    const fetch = hosts();
    const users = usersOf({ health, fetch: checks });
    const call = outbound(fetch, users.middleware);
    // In use before the checks come out.
    for (let count = 0; count < 3; count++) await call('http://users/');
    fetch.urls.length = 0;
    for (let count = 0; count < 2; count++) {
      await users.checkHealth();
      await clock.advance(11_000);
    }
    expect(users.endpoints.map(({ isUp }) => isUp)).toEqual([false, true, true]);
    for (let count = 0; count < 4; count++) await call('http://users/');
    expect(origins(fetch.urls)).not.toContain(a);
    checks.answers[a] = 204;
    await users.checkHealth();
    await clock.advance(11_000);
    await users.checkHealth();
    expect(users.endpoints[0]?.isUp).toBe(true);
    for (let count = 0; count < 3; count++) await call('http://users/');
    expect(origins(fetch.urls)).toContain(a);
  });

  test.each([
    ['a redirect', 302],
    ['a 404', 404],
    ['a broken connection', connectionReset()],
  ])('HC-04: %s is no pass', async (_, answer) => {
    const users = usersOf({ health: { ...health, downAfter: 1 }, fetch: hosts({ [a]: answer }) });
    await users.checkHealth();
    expect(users.endpoints.map(({ isUp }) => isUp)).toEqual([false, true, true]);
  });

  test('HC-04: nor is an answer that takes too long, also where the transport does not heed its signal', async () => {
    const deaf = () => new Promise<Response>(() => {});
    const users = usersOf({
      health: { ...health, downAfter: 1, timeout: '1s' },
      fetch: hosts({ [a]: stalled, [b]: deaf }),
    });
    const done = users.checkHealth();
    await clock.advance(1_000);
    await done;
    expect(users.endpoints.map(({ isUp }) => isUp)).toEqual([false, false, true]);
  });

  test('HC-05: checks that are given up count as never made', async () => {
    const users = usersOf({ health: { ...health, downAfter: 1 }, fetch: hosts({ [a]: stalled }) });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const done = users.checkHealth(controller.signal);
    await settled();
    controller.abort();
    await done;
    expect(users.endpoints.every(({ isUp }) => isUp)).toBe(true);
    expect(listeners.current).toBe(0);
  });

  test('HC-05: nor is anything asked for whoever has given up already', async () => {
    const checks = hosts({ [a]: 500 });
    const users = usersOf({ health: { ...health, downAfter: 1 }, fetch: checks });
    await users.checkHealth(AbortSignal.abort());
    expect(checks.urls).toEqual([]);
    expect(users.endpoints.every(({ isUp }) => isUp)).toBe(true);
  });

  test('TO-11: checks that are done leave no listener on the signal that could have ended them', async () => {
    const users = usersOf({ health, fetch: hosts({ [a]: 500, [b]: connectionReset() }) });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const done = users.checkHealth(controller.signal);
    expect(listeners.current).toBe(3);
    await done;
    expect(listeners.current).toBe(0);
  });

  test('HC-06: each endpoint is checked once an interval, give or take a tenth, two at a time by requests', async () => {
    const checks = hosts();
    const draws = [0, 0.5, 0.999];
    const users = usersOf({ health, fetch: checks, random: () => draws.shift() ?? 0.5 });
    const call = outbound(hosts(), users.middleware);
    await call('http://users/');
    expect(origins(checks.urls)).toEqual([a, b]);
    await call('http://users/');
    await call('http://users/');
    expect(origins(checks.urls)).toEqual([a, b, c]);
    expect(users.nextCheckMs).toBe(9_000);
    await clock.advance(8_999);
    await call('http://users/');
    expect(checks.urls.length).toBe(3);
    await clock.advance(1);
    await call('http://users/');
    expect(origins(checks.urls)).toEqual([a, b, c, a]);
    await clock.advance(1_999);
    await call('http://users/');
    expect(origins(checks.urls)).toEqual([a, b, c, a, b, c]);
  });

  test('HC-06: those that waited longest come first', async () => {
    const checks = hosts();
    const draws = [0.999, 0.5, 0];
    const users = usersOf({ health, fetch: checks, random: () => draws.shift() ?? 0.5 });
    const call = outbound(hosts(), users.middleware);
    await users.checkHealth();
    await clock.advance(11_000);
    await call('http://users/');
    expect(origins(checks.urls).slice(3)).toEqual([c, b]);
  });

  test('HC-06: a tenth is the most that it may be later', async () => {
    const checks = hosts();
    const users = usersOf({ endpoints: [a], health, fetch: checks, random: () => 0.999_999 });
    await users.checkHealth();
    await clock.advance(10_999);
    await users.checkHealth();
    expect(checks.urls.length).toBe(1);
    await clock.advance(1);
    await users.checkHealth();
    expect(checks.urls.length).toBe(2);
  });

  test('the next one is due when the first of all versions is', async () => {
    const draws = [0.5, 0];
    const versions = { v1: [a], v2: [b] };
    const users = usersOf({
      versions,
      health,
      fetch: hosts(),
      random: () => draws.shift() ?? 0.5,
    });
    expect(users.nextCheckMs).toBe(-Infinity);
    await users.checkHealth();
    expect(users.nextCheckMs).toBe(9_000);
  });

  test('HC-07: in the background of a request that the platform keeps alive for it', async () => {
    const users = usersOf({ health, fetch: hosts() });
    let pending = -1;
    const look: Middleware = (next) => (request, context) => {
      pending = context.background.pending;
      return next(request, context);
    };
    await outbound(hosts(), users.middleware, look)('http://users/');
    expect(pending).toBe(1);
  });

  test('HC-08: the body of an answer is not left unread', async () => {
    const body = tracedBody(['{}'], { end: 'hang' });
    const users = usersOf({
      endpoints: [a],
      health,
      fetch: async () => new Response(body.stream),
    });
    await users.checkHealth();
    await settled();
    expect(body.cancels).toBe(1);
  });

  test('OD-07: the panic threshold holds for what checks say, too', async () => {
    const checks = hosts({ [a]: 500, [b]: 500 });
    const users = usersOf({ health: { ...health, downAfter: 1 }, fetch: checks });
    await users.checkHealth();
    const fetch = hosts();
    const call = outbound(fetch, users.middleware);
    for (let count = 0; count < 3; count++) await call('http://users/');
    expect(new Set(origins(fetch.urls))).toEqual(new Set([a, b, c]));
  });
});

describe('versions', () => {
  const versions = { v1: [a], v2: [b, c] };

  test('LB-10: a version is chosen by weight once for a request, and kept for its tries', async () => {
    const numbers = [0.19, 0.2];
    const users = usersOf({ versions, random: () => numbers.shift() ?? 0 });
    const fetch = hosts();
    const twice: Middleware = (next) => async (request, context) => {
      await next(request, context);
      return await next(request, context);
    };
    const call = outbound(fetch, users.split({ v2: 20, v1: 80 }), twice, users.middleware);
    await call('http://users/');
    await call('http://users/');
    expect(origins(fetch.urls)).toEqual([b, c, a, a]);
  });

  test('one of them can be asked for', async () => {
    const users = usersOf({ versions });
    const fetch = hosts();
    await outbound(fetch, users.version('v1'))('http://users/');
    expect(origins(fetch.urls)).toEqual([a]);
    expect(users.endpoints.map(({ version }) => version)).toEqual(['v1', 'v2', 'v2']);
  });

  test('sending to a version that nobody chose is a mistake that says how to mend it', async () => {
    const call = outbound(hosts(), usersOf({ versions }).middleware);
    await expect(call('http://users/')).rejects.toThrow(
      'service users: no version was chosen; put split(…) outside of it',
    );
  });
});
