import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { Context, type Key, key } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { withExchange } from '../../src/core/exchange.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outcomeOfResponse } from '../../src/core/outcome.ts';
import { isDrawn } from '../../src/core/percent.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type FaultOptions, type FaultSettings, fault } from '../../src/policies/fault.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { countListeners } from '../support/listeners.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

/** Draws that come one after the other; asking for more fails. */
function draws(...values: number[]): () => number {
  return () => {
    const value = values.shift();
    if (value === undefined) throw new Error('One draw too many');
    return value;
  };
}

function listening(events: PolicyEvent[]): Middleware {
  return (next) => (request, context) =>
    next(
      request,
      context.with(eventListener, (event) => events.push(event)),
    );
}

describe('abort', () => {
  test('FI-01: at 100 % nothing is sent, and the answer says what it is', async () => {
    const fetch = upstream(status(200));
    const faults = fault({ abort: 503, percent: 100, clock });
    const response = await outbound(fetch, faults)(url);
    expect(fetch.calls).toHaveLength(0);
    expect(response.status).toBe(503);
    expect(response.headers.get('x-fetchmesh-fault')).toBe('abort');
    expect(response.headers.get('x-fetchmesh-reason')).toBe('fault_injected');
    expect(await response.json()).toMatchObject({
      reason: 'fault_injected',
      status: 503,
      detail: 'This fault was injected.',
    });
    expect(faults.stats).toEqual({ active: 0, delays: 0, aborts: 1, overflows: 0 });
  });

  test('FI-01: not for a caller that has left already', async () => {
    const faults = fault({ abort: 503, percent: 100, clock });
    const signal = AbortSignal.abort('gone');
    await expect(outbound(upstream(status(200)), faults)(url, { signal })).rejects.toBe('gone');
    expect(faults.stats.aborts).toBe(0);
  });

  test('FI-04: a share of its own is all that a part needs', async () => {
    const alone = [
      fault({ abort: { percent: 100 } }),
      fault({ delay: { fixed: '0s', percent: 1 } }),
    ];
    const answers = alone.map((faults) => outbound(upstream(status(200)), faults)(url));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([503, 200]);
  });

  test('is a 503 where no status is given', async () => {
    const response = await outbound(upstream(status(200)), fault({ abort: {}, percent: 100 }))(url);
    expect(response.status).toBe(503);
  });

  test.each([200, 404, 429, 599])('can play a %d', async (code) => {
    const response = await outbound(
      upstream(status(500)),
      fault({ abort: code, percent: 100 }),
    )(url);
    expect(response.status).toBe(code);
  });

  test('CO-03: outside of retry makes for no retry', async () => {
    const fetch = upstream(status(200));
    const random = draws(0);
    const shop = outbound(fetch, fault({ abort: 503, percent: 50, random }), retry({ clock }));
    expect((await shop(url)).status).toBe(503);
    expect(fetch.calls).toHaveLength(0);
  });

  test('inside of retry is tried again like an answer of the upstream', async () => {
    const random = draws(0, 0.9);
    const shop = outbound(
      upstream(status(200)),
      retry({ clock, random: () => 0 }),
      fault({ abort: 503, percent: 50, random }),
    );
    const answer = shop(url);
    await clock.advance(0);
    expect((await answer).status).toBe(200);
  });
});

describe('delay', () => {
  test('FI-02: the request goes on when it is over', async () => {
    const fetch = upstream(status(200));
    const answer = outbound(fetch, fault({ delay: '5s', percent: 100, clock }))(url);
    await clock.advance(4_999);
    expect(fetch.calls).toHaveLength(0);
    await clock.advance(1);
    expect(fetch.calls).toHaveLength(1);
    const response = await answer;
    expect(response.status).toBe(200);
    expect(response.headers.get('x-fetchmesh-fault')).toBe('delay');
  });

  test('FI-02: a caller that leaves meanwhile is told so at once, and nothing is sent', async () => {
    const fetch = upstream(status(200));
    const faults = fault({ delay: '5s', percent: 100, clock });
    const caller = new AbortController();
    const answer = outbound(fetch, faults)(url, { signal: caller.signal });
    await clock.advance(1_000);
    const reason = { left: true };
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    expect(fetch.calls).toHaveLength(0);
    expect(faults.stats.active).toBe(0);
  });

  test('a caller that leaves after it reaches the upstream within a tick', async () => {
    const fetch = upstream(stalled);
    const caller = new AbortController();
    const faults = fault({ delay: '5s', percent: 100, clock });
    const answer = outbound(fetch, faults)(url, { signal: caller.signal });
    await clock.advance(5_000);
    caller.abort('gone');
    expect(fetch.calls[0]?.signal.aborted).toBe(true);
    await expect(answer).rejects.toBe('gone');
    expect(faults.stats.active).toBe(0);
  });

  test('leaves no listener on a signal that outlives it', async () => {
    const request = new Request(url);
    const listeners = countListeners(request.signal);
    const answer = outbound(
      upstream(status(204)),
      fault({ delay: '5s', percent: 100, clock }),
    )(request);
    await clock.advance(5_000);
    await answer;
    expect(listeners).toEqual({ current: 0, highest: 1 });
  });

  test('with a caller that left before, nothing is drawn out or sent', async () => {
    const fetch = upstream(status(200));
    const faults = fault({ delay: '5s', percent: 100, clock });
    const signal = AbortSignal.abort('gone');
    await expect(outbound(fetch, faults)(url, { signal })).rejects.toBe('gone');
    expect(fetch.calls).toHaveLength(0);
    expect(clock.delays).toEqual([]);
  });

  test('FI-08: counts against the deadline', async () => {
    const fetch = upstream(status(200));
    const shop = outbound(
      fetch,
      timeout('3s', { clock }),
      fault({ delay: '5s', percent: 100, clock }),
    );
    const answer = shop(url);
    await clock.advance(3_000);
    expect((await answer).status).toBe(504);
    expect(fetch.calls).toHaveLength(0);
  });

  test('FI-08: of nothing is none', async () => {
    const response = new Response('hello');
    const shop = outbound(upstream(response), fault({ delay: '0s', percent: 100, clock }));
    expect(await shop(url)).toBe(response);
    expect(clock.delays).toEqual([]);
  });
});

test('FI-03: both are a delay and then an abort, and one active fault', async () => {
  const fetch = upstream(status(200));
  const faults = fault({ delay: '5s', abort: 500, percent: 100, clock });
  const answer = outbound(fetch, faults)(url);
  await clock.advance(4_999);
  expect(faults.stats).toEqual({ active: 1, delays: 1, aborts: 0, overflows: 0 });
  await clock.advance(1);
  const response = await answer;
  expect(response.status).toBe(500);
  expect(response.headers.get('x-fetchmesh-fault')).toBe('delay, abort');
  expect(fetch.calls).toHaveLength(0);
  expect(faults.stats).toEqual({ active: 0, delays: 1, aborts: 1, overflows: 0 });
});

test('FI-03: be the delay a millisecond', async () => {
  const faults = fault({ delay: '1ms', abort: 503, percent: 100, clock });
  const answer = outbound(upstream(status(200)), faults)(url);
  await clock.advance(1);
  expect((await answer).headers.get('x-fetchmesh-fault')).toBe('delay, abort');
  expect(faults.stats).toMatchObject({ delays: 1, aborts: 1 });
});

describe('the draw', () => {
  test.each([
    ['neither', [0.3, 0.3], 200, 0],
    ['the delay alone', [0.1, 0.3], 200, 1],
    ['the abort alone', [0.3, 0.1], 503, 0],
    ['both', [0.1, 0.1], 503, 1],
  ])('is one of its own for delay and abort: %s', async (_, values, code, delays) => {
    const faults = fault({
      delay: { fixed: '1s', percent: 20 },
      abort: { status: 503, percent: 20 },
      clock,
      random: draws(...values),
    });
    const answer = outbound(upstream(status(200)), faults)(url);
    await clock.advance(1_000);
    expect((await answer).status).toBe(code);
    expect(faults.stats.delays).toBe(delays);
  });

  test('shares of their own win over the common one', async () => {
    const random = draws(0.5, 0.5);
    const faults = fault({ delay: '1s', abort: { percent: 60 }, percent: 40, clock, random });
    expect((await outbound(upstream(status(200)), faults)(url)).status).toBe(503);
    expect(faults.stats.delays).toBe(0);
  });
});

/** Whether a request is hit, for a share in percent and a draw from [0, 1). */
type Draw = (percent: number, random: () => number) => boolean;

/** FI-04, for any implementation. */
function holdsShares(isHit: Draw): void {
  const highest = 1 - Number.EPSILON / 2;
  for (const draw of [0, Number.MIN_VALUE, 0.5, highest]) {
    expect(
      isHit(0, () => draw),
      `0 % at ${draw}`,
    ).toBe(false);
    expect(
      isHit(100, () => draw),
      `100 % at ${draw}`,
    ).toBe(true);
  }
  expect(isHit(0.1, () => 0.000_999)).toBe(true);
  expect(isHit(0.1, () => 0.001)).toBe(false);
}

describe('FI-04: 0 % is never, 100 % always, 0.1 % one in a thousand', () => {
  test('by our draw', () => {
    holdsShares(isDrawn);
  });

  test('through the policy', async () => {
    const hits: [percent: number, draw: number, hit: boolean][] = [];
    for (const percent of [0, 0.1, 100]) {
      for (const draw of [0, 0.000_999, 0.001, 1 - Number.EPSILON / 2]) {
        const faults = fault({ abort: 503, percent, random: () => draw });
        const { status: code } = await outbound(upstream(status(200)), faults)(url);
        hits.push([percent, draw, code === 503]);
      }
    }
    expect(hits.filter(([, , hit]) => hit).map(([percent, draw]) => [percent, draw])).toEqual([
      [0.1, 0],
      [0.1, 0.000_999],
      [100, 0],
      [100, 0.000_999],
      [100, 0.001],
      [100, 1 - Number.EPSILON / 2],
    ]);
  });

  test('and not by a draw that is compared with "at most", as in http4k', () => {
    expect(() => holdsShares((percent, random) => random() * 100 <= percent)).toThrow('0 % at 0');
  });
});

test.each([
  ['delay', [0, 0.99], 200, [1_000]],
  ['abort', [0.99, 0], 503, []],
  ['delay and abort', [0, 0], 503, [1_000]],
  ['nothing', [0.99, 0.99], 200, []],
] as const)('FI-04: delay and abort are drawn apart: %s', async (_, draws, code, delays) => {
  const drawn = [...draws];
  const random = (): number => drawn.shift() ?? expect.unreachable();
  const faults = fault({ delay: '1s', abort: 503, percent: 50, random, clock });
  const answer = outbound(upstream(status(200)), faults)(url);
  await clock.advance(1_000);
  expect((await answer).status).toBe(code);
  expect(clock.delays).toEqual(delays);
  expect(drawn).toEqual([]);
});

describe('FI-05: a caller that asks for a fault by header', () => {
  const asking = (headers: Record<string, string>, settings: Partial<FaultOptions> = {}) => {
    const faults = fault({
      abort: { percent: 0 },
      percent: 100,
      clock,
      random: () => 0.5,
      ...settings,
    });
    const answer = outbound(upstream(status(200)), faults)(url, { headers });
    return { faults, answer };
  };

  test('is not heard unless that is allowed', async () => {
    const asked = {
      'x-fetchmesh-fault-delay-request': '250',
      'x-fetchmesh-fault-abort-request': '418',
      'x-fetchmesh-fault-abort-request-percentage': '0',
    };
    const { answer } = asking(asked, { delay: '1s', abort: 503 });
    await clock.advance(1_000);
    expect((await answer).status).toBe(503);
    expect(clock.delays).toEqual([1_000]);
  });

  test('gets a delay of ten minutes at most', async () => {
    const { answer } = asking(
      { 'x-fetchmesh-fault-delay-request': '600000' },
      { headerTrigger: true },
    );
    await clock.advance(600_000);
    await answer;
    expect(clock.delays).toEqual([600_000]);
  });

  test('gets it where nothing else is set, too', async () => {
    const faults = fault({ headerTrigger: true, percent: 100, clock, random: () => 0.999 });
    const headers = {
      'x-fetchmesh-fault-delay-request': '250',
      'x-fetchmesh-fault-abort-request': '418',
    };
    const shop = outbound(upstream(status(200)), faults);
    const answer = shop(url, { headers });
    await clock.advance(250);
    expect((await answer).status).toBe(418);
    expect(faults.stats).toMatchObject({ delays: 1, aborts: 1 });
    expect((await shop(url)).headers.has('x-fetchmesh-fault')).toBe(false);
  });

  test('for nothing suffers what is set', async () => {
    const settings = { headerTrigger: true, delay: '1s', abort: 503, random: () => 0.999 } as const;
    const { answer } = asking({}, settings);
    await clock.advance(1_000);
    expect((await answer).status).toBe(503);
    expect(clock.delays).toEqual([1_000]);
  });

  test('gets what it asks for where it is', async () => {
    const { answer, faults } = asking(
      { 'x-fetchmesh-fault-delay-request': '250', 'x-fetchmesh-fault-abort-request': '418' },
      { headerTrigger: true, abort: 503 },
    );
    await clock.advance(250);
    expect((await answer).status).toBe(418);
    expect(faults.stats.delays).toBe(1);
    expect(clock.delays).toEqual([250]);
  });

  test.each(['2.5', '-1', 'soon', '1e3', '', '600001', '250, 250'])(
    'for a delay of %j is not heard',
    async (delay) => {
      const { answer } = asking(
        { 'x-fetchmesh-fault-delay-request': delay },
        { headerTrigger: true },
      );
      expect((await answer).status).toBe(200);
      expect(clock.delays).toEqual([]);
    },
  );

  test.each(['199', '600', '0', 'teapot'])('for a status %j is not heard', async (code) => {
    const settings = { headerTrigger: true, abort: 503 };
    const { answer } = asking({ 'x-fetchmesh-fault-abort-request': code }, settings);
    expect((await answer).status).toBe(503);
  });

  test.each([
    ['40', 100, 200],
    ['60', 100, 418],
    ['100', 40, 200],
    ['many', 100, 418],
    ['40%', 100, 418],
    ['<40', 100, 418],
    ['40.000001', 100, 200],
    ['40.0000001', 100, 418],
    [undefined, 40, 200],
  ])('for %s %% of at most %d %% gets the lesser', async (asked, percent, code) => {
    const { answer } = asking(
      {
        'x-fetchmesh-fault-abort-request': '418',
        ...(asked !== undefined && { 'x-fetchmesh-fault-abort-request-percentage': asked }),
      },
      { headerTrigger: true, abort: { status: 503, percent } },
    );
    expect((await answer).status).toBe(code);
  });

  test.each([
    ['40', 100, []],
    ['60', 100, [250]],
    ['100', 40, []],
    [undefined, 40, []],
  ])('for a delay of %s %% of at most %d %% as well', async (asked, percent, delays) => {
    const { answer } = asking(
      {
        'x-fetchmesh-fault-delay-request': '250',
        ...(asked !== undefined && { 'x-fetchmesh-fault-delay-request-percentage': asked }),
      },
      { headerTrigger: true, delay: { fixed: '1s', percent } },
    );
    await clock.advance(250);
    expect((await answer).status).toBe(200);
    expect(clock.delays).toEqual(delays);
  });
});

test('FI-06: only requests for which the condition holds are drawn', async () => {
  const isSpared: Key<boolean> = key('spared', false);
  const faults = fault({
    abort: 503,
    percent: 100,
    onlyIf: (request, context) => request.headers.has('x-chaos') && !context.get(isSpared),
  });
  const shop = outbound(upstream(status(200)), faults);
  const asking = { headers: { 'x-chaos': '1' } };
  const sparing = Context.background('outbound').with(isSpared, true);
  expect((await shop(url)).status).toBe(200);
  expect((await shop(url, asking)).status).toBe(503);
  expect((await shop(url, asking, sparing)).status).toBe(200);
});

test('FI-07: where as many suffer as may, the next one passes and is counted', async () => {
  const fetch = upstream(status(200));
  const events: PolicyEvent[] = [];
  const faults = fault({ delay: '1s', percent: 100, maxActive: 2, clock });
  const shop = outbound(fetch, listening(events), faults);
  const answers = [shop(url), shop(url)];
  await settled();
  const spared = await shop(url);
  expect(spared.headers.has('x-fetchmesh-fault')).toBe(false);
  expect(faults.stats).toMatchObject({ active: 2, overflows: 1 });
  expect(events.at(-1)).toEqual({ name: 'fault_overflow', attributes: { active: 2 } });
  await clock.advance(1_000);
  await Promise.all(answers);
  expect(faults.stats.active).toBe(0);
});

describe('FI-09: an injected abort', () => {
  const injected = async (settings: Partial<FaultSettings>): Promise<Response> =>
    await outbound(upstream(status(200)), fault({ percent: 100, ...settings }))(url);

  test('counts as a failure of the upstream, and bears a flag', async () => {
    const response = await injected({ abort: 503 });
    expect(rejectionOf(response)).toMatchObject({ reason: 'fault_injected', flag: 'FI' });
    expect(outcomeOfResponse(response)).toEqual({
      verdict: 'failure',
      retryable: true,
      reason: 'fault_injected',
    });
  });

  test('is judged as the status that it plays', async () => {
    expect(outcomeOfResponse(await injected({ abort: 404 })).verdict).toBe('success');
    expect(outcomeOfResponse(await injected({ abort: 429 }))).toMatchObject({
      verdict: 'success',
      retryable: true,
    });
    expect(outcomeOfResponse(await injected({ abort: 505 }))).toMatchObject({
      verdict: 'failure',
      retryable: false,
    });
  });

  test('says nothing about the upstream where it is not to be counted', async () => {
    const response = await injected({ abort: 503, counted: false });
    expect(outcomeOfResponse(response)).toMatchObject({ verdict: 'ignored', retryable: false });
    expect(rejectionOf(response)?.blame).toBe('policy');
  });
});

test('FI-09: what was injected is on the record of the request', async () => {
  const { context, record } = withExchange(Context.background());
  const faults = fault({ delay: '1s', abort: 500, percent: 100, clock });
  const answer = outbound(
    upstream(status(200)),
    (next) => (request) => next(request, context),
    faults,
  )(url);
  await clock.advance(1_000);
  await answer;
  expect(record.flags).toEqual(['DI', 'FI']);
});

describe('the end', () => {
  test('comes by itself, by the wall clock', async () => {
    const faults = fault({ abort: 503, percent: 100, until: '2025-01-01T00:00:10Z', clock });
    const shop = outbound(upstream(status(200)), faults);
    await clock.advance(9_999);
    expect((await shop(url)).status).toBe(503);
    await clock.advance(1);
    expect((await shop(url)).status).toBe(200);
  });

  test('and other faults can be set while it works', async () => {
    const faults = fault({ abort: 503, percent: 100, clock });
    const shop = outbound(upstream(status(200)), faults);
    await shop(url);
    faults.replace({ abort: 418, percent: 100 });
    expect((await shop(url)).status).toBe(418);
    expect(() => faults.replace({ abort: 99, percent: 100 })).toThrow(RangeError);
    expect((await shop(url)).status).toBe(418);
    faults.replace(undefined);
    expect((await shop(url)).status).toBe(200);
    expect(faults.stats.aborts).toBe(3);
  });
});

test('what was injected is told to the listener of events', async () => {
  const events: PolicyEvent[] = [];
  const faults = fault({ delay: '1s', abort: 500, percent: 100, clock });
  const answer = outbound(upstream(status(200)), listening(events), faults)(
    url,
    {},
    Context.background(),
  );
  await clock.advance(1_000);
  await answer;
  expect(events).toEqual([
    { name: 'fault_injected', attributes: { fault: 'delay', delay_ms: 1_000 } },
    { name: 'fault_injected', attributes: { fault: 'abort', status: 500 } },
  ]);
});

test('describes itself', () => {
  expect(describeChain(fault({ abort: 503, percent: 10 }))).toBe('fault abort 503 for 10%');
  expect(describeChain(fault({ delay: '1s', percent: 10 }))).toBe('fault delay 1000ms for 10%');
  expect(describeChain(fault({ delay: '1s', abort: 503, percent: 10 }))).toBe(
    'fault delay 1000ms for 10%, abort 503 for 10%',
  );
});
