import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { describe as describeChain } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outgoingHeaders } from '../../src/core/outgoing.ts';
import { formatPriority, levelOf, type Priority, parsePriority } from '../../src/core/priority.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type PressureOptions, pressure, type ShedOptions, shed } from '../../src/policies/shed.ts';
import { tracedBody } from '../support/bodies.ts';
import { upstream } from '../support/upstream.ts';
import { settled } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
const classes: readonly Priority[] = ['background', 'low', 'normal', 'high', 'critical'];
const header = 'x-fetchmesh-priority';
let load = 0;

beforeEach(() => {
  load = 0;
});

/** Under a load from 0 to 1 that a test sets. */
const injected: PressureOptions = { from: 0, full: 1, load: () => load };

/** The share of requests of each class that is turned away, with these classes mixed. */
function sharesOf(mixture: readonly Priority[], share: number): Record<string, number> {
  load = share;
  const shared = pressure(injected);
  const refused: Record<string, number> = {};
  for (let index = 0; index < 20_000; index++) {
    // Numbers that fill [0, 1) evenly.
    const chance = (index * 0.618_033_988_749_895) % 1;
    const priority = mixture[index % mixture.length] as Priority;
    refused[priority] ??= 0;
    if (shared.enter(levelOf(priority, chance))) shared.left();
    else refused[priority] += mixture.length / 20_000;
  }
  return refused;
}

describe('the load', () => {
  test('LS-02 below `from` nothing is given up, from `full` on all but what is critical', () => {
    const none = { background: 0, low: 0, normal: 0, high: 0, critical: 0 };
    expect(sharesOf(classes, 0)).toEqual(none);
    const all = sharesOf(classes, 1);
    for (const priority of classes) {
      expect(all[priority]).toBeCloseTo(priority === 'critical' ? 0 : 1, 5);
    }
  });

  test('LS-01 in between, low priorities go before high ones', () => {
    const { background, low, normal, high, critical } = sharesOf(classes, 0.375);
    expect([background, normal, high, critical]).toEqual([expect.closeTo(1, 1), 0, 0, 0]);
    expect(low).toBeCloseTo(0.5, 1);
  });

  test.each([0.1, 0.5, 0.9])(
    'LS-02 in between, the share is right whatever the mixture is: %d',
    (share) => {
      expect(sharesOf(['normal'], share)['normal']).toBeCloseTo(share, 1);
      const mixed = sharesOf(['high', 'high', 'high', 'low'], share);
      const total = ((mixed['high'] ?? 0) + (mixed['low'] ?? 0)) / 4;
      expect(total).toBeCloseTo(share, 1);
    },
  );

  test('LS-02 where all are on one level, half of them count as lower', () => {
    const shared = pressure(injected);
    for (const [share, enters] of [
      [0.5, true],
      [0.6, false],
    ] as const) {
      load = share;
      expect(shared.enter(levelOf('normal', 0))).toBe(enters);
    }
  });

  test.each([
    [0.9995, true],
    [0.9996, false],
    [1, false],
  ])('LS-02 half of each level is forgotten after 2048: %d', (share, enters) => {
    const shared = pressure(injected);
    for (let index = 0; index < 2_047; index++) shared.enter(levelOf('background', 0));
    shared.enter(levelOf('low', 0));
    load = share;
    // On its level it is alone: (1023 + 1/2) / 1024 count as lower.
    expect(shared.enter(levelOf('low', 0))).toBe(enters);
  });

  test('LS-02 from `full` on the highest is given up too, also when the count of its level is halved to none', () => {
    const shared = pressure(injected);
    for (let index = 0; index < 2_047; index++) shared.enter(levelOf('background', 0));
    load = 1;
    expect(shared.enter(levelOf('low', 0))).toBe(false);
  });

  test('LS-02 the share begins at `from`, not at nothing', () => {
    const shared = pressure({ from: 60, full: 100, load: () => 70 });
    let refused = 0;
    for (let index = 0; index < 1_000; index++) {
      if (shared.enter(levelOf('normal', (index * 0.618_033_988_749_895) % 1))) shared.left();
      else refused += 1;
    }
    expect(refused / 1_000).toBeCloseTo(0.25, 1);
  });

  test('LS-01 of two requests at one moment, never the higher one alone is given up', () => {
    const level = fc.integer({ min: 0, max: 499 });
    fc.assert(
      fc.property(
        fc.array(level),
        level,
        level,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (before, a, b, share) => {
          const [lower, higher] = [Math.min(a, b), Math.max(a, b)];
          const enters = (wanted: number) => {
            load = 0;
            const shared = pressure(injected);
            for (const one of before) shared.enter(one);
            load = share;
            return shared.enter(wanted);
          };
          if (enters(lower)) expect(enters(higher)).toBe(true);
        },
      ),
      { seed: 11 },
    );
  });

  test('follows the mixture when it changes', () => {
    load = 0.5;
    const shared = pressure(injected);
    for (let index = 0; index < 10_000; index++) shared.enter(levelOf('low', Math.random()));
    let refused = 0;
    for (let index = 0; index < 10_000; index++) {
      if (!shared.enter(levelOf('high', (index * 0.618_034) % 1))) refused += 1;
    }
    expect(refused / 10_000).toBeGreaterThan(0.3);
  });

  test('is by default what is under way, over all policies that share it', async () => {
    const shared = pressure({ from: 0, full: 2 });
    const release: (() => void)[] = [];
    const slow = () =>
      new Promise<Response>((resolve) => release.push(() => resolve(new Response())));
    const low = inbound(slow, shed({ pressure: shared, priority: 'low' }));
    const vital = inbound(slow, shed({ pressure: shared, priority: 'critical' }));
    const calls = [vital(new Request(url)), vital(new Request(url))];
    await settled();
    expect(shared.inFlight).toBe(2);
    expect((await low(new Request(url))).status).toBe(503);
    for (const finish of release.splice(0)) finish();
    await Promise.all(calls);
    expect(shared.inFlight).toBe(0);
    const call = low(new Request(url));
    await settled();
    release.pop()?.();
    expect((await call).status).toBe(200);
  });

  test.each([
    ['rejects', async () => raise()],
    ['throws', () => raise()],
  ])('what %s is under way no more', async (_, app) => {
    const shared = pressure({ from: 1, full: 2 });
    const run = shed({ pressure: shared })(app as never);
    const call = async () => await run(new Request(url), Context.background());
    await expect(call()).rejects.toThrow('no');
    expect(shared.inFlight).toBe(0);
  });
});

const raise = (): never => {
  throw new Error('no');
};

describe('the answer', () => {
  test('LS-03 asks for a second where nothing is said', async () => {
    load = 1;
    const run = shed(injected)(async () => raise());
    const response = await run(new Request(url), Context.background());
    expect(response.headers.get('retry-after')).toBe('1');
  });

  test('LS-03 is a 503 with Retry-After, and reads nothing of the body', async () => {
    load = 1;
    const body = tracedBody(['large']);
    const events: PolicyEvent[] = [];
    const run = shed({ ...injected, random: () => 0.37, retryAfter: '3s' })(async () => raise());
    const request = new Request(url, {
      method: 'POST',
      body: body.stream,
      duplex: 'half',
    } as RequestInit);
    const context = Context.background('inbound').with(eventListener, (event) =>
      events.push(event),
    );
    const response = await run(request, context);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(rejectionOf(response)).toMatchObject({ reason: 'shed', blame: 'policy' });
    expect(await response.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      reason: 'shed',
      detail: 'There is too much to do at the moment.',
    });
    expect(request.bodyUsed).toBe(false);
    expect(events).toEqual([{ name: 'shed', attributes: { priority: 'normal;level=37' } }]);
  });
});

describe('the level', () => {
  /** What the next hop gets. */
  async function carried(
    options: Partial<ShedOptions>,
    brought?: string,
  ): Promise<string | undefined> {
    let seen: string | undefined;
    const run = shed({ from: 100, full: 200, random: () => 0.37, ...options })(
      async (request, context) => {
        seen = outgoingHeaders(request, context)[header];
        return new Response();
      },
    );
    const headers = brought === undefined ? {} : { [header]: brought };
    await run(new Request(url, { headers }), Context.background('inbound'));
    return seen;
  }

  test('LS-01 is drawn once, and carried on to the next hop', async () => {
    expect(await carried({})).toBe('normal;level=37');
    expect(await carried({ priority: 'high' })).toBe('high;level=37');
    expect(await carried({ priority: ({ method }) => (method === 'GET' ? 'low' : 'high') })).toBe(
      'low;level=37',
    );
    expect(await carried({ trust: () => true }, 'high;level=5')).toBe('high;level=5');
    expect(await carried({ trust: () => true }, 'critical')).toBe('critical;level=37');
  });

  test('LS-01 is asked for with the request and its context, and so is trust', async () => {
    const [request, context] = [new Request(url), Context.background()];
    const asked: boolean[] = [];
    const isTold = (of: Request, by: Context) => asked.push(of === request && by === context) > 0;
    const run = shed({
      ...injected,
      trust: (...given) => !isTold(...given),
      priority: (...given) => (isTold(...given) ? 'high' : 'low'),
    })(async () => new Response());
    await run(request, context);
    expect(asked).toEqual([true, true]);
  });

  test('LS-04 from a caller that is not trusted counts for nothing', async () => {
    expect(await carried({}, 'critical;level=99')).toBe('normal;level=37');
    const trust = (request: Request) => request.headers.has('x-internal');
    expect(await carried({ trust }, 'critical;level=99')).toBe('normal;level=37');
  });

  test.each([
    '',
    'urgent',
    'high;level=100',
    'high;level=-1',
    'high; level=1',
    'high,critical',
    'High',
  ])('LS-04 that is malformed counts for nothing: %j', async (brought) => {
    expect(await carried({ trust: () => true }, brought)).toBe('normal;level=37');
  });

  test('is read back as it was written', () => {
    for (let level = 0; level < 500; level++)
      expect(parsePriority(formatPriority(level), 0)).toBe(level);
  });

  test('reaches the upstream of an outbound chain', async () => {
    const fetch = upstream(new Response());
    await outbound(fetch, shed({ from: 1, full: 2, random: () => 0 }))(url);
    expect(fetch.calls[0]?.headers.get(header)).toBe('normal;level=0');
  });
});

test("the caller's abort reaches the app, and nothing stays under way", async () => {
  const shared = pressure({ from: 1, full: 2 });
  const app = inbound(
    (request) =>
      new Promise<Response>((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      }),
    shed({ pressure: shared }),
  );
  const controller = new AbortController();
  const call = app(new Request(url, { signal: controller.signal }));
  await settled();
  controller.abort('gone');
  await expect(call).rejects.toBe('gone');
  expect(shared.inFlight).toBe(0);
});

test('is named in the chain', () => {
  expect(describeChain(shed({ from: 10, full: 20, priority: 'low' }))).toBe(
    'shed from 10 to 20, low',
  );
  expect(describeChain(shed({ pressure: pressure({ from: 1, full: 2 }) }))).toBe('shed, normal');
  expect(describeChain(shed({ from: 10, full: 20, priority: () => 'low' }))).toBe(
    'shed from 10 to 20',
  );
});

test('a priority function that returns nonsense rejects the request that it was asked for', async () => {
  const run = shed({ from: 1, full: 2, priority: () => 'urgent' as never })(async () => raise());
  await expect((async () => await run(new Request(url), Context.background()))()).rejects.toThrow(
    'shed.priority: "urgent"',
  );
});
