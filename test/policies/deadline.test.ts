import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deadline as deadlineKey } from '../../src/core/abort.ts';
import { describe as describeChain, type Middleware } from '../../src/core/chain.ts';
import { Context, contextOf, type Key, key } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { outcomeOfResponse } from '../../src/core/outcome.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type DeadlineOptions, deadline, forwardDeadline } from '../../src/policies/deadline.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { countListeners } from '../support/listeners.ts';
import { stalled, status, upstream } from '../support/upstream.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
const header = 'x-fetchmesh-timeout-ms';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const received = (options: Partial<DeadlineOptions> = {}) =>
  deadline({ trust: true, clock, ...options });
const asking = (ms: string, more: Record<string, string> = {}) =>
  new Request(url, { headers: { [header]: ms, ...more } });

describe('what a caller says', () => {
  test('DL-02: ends the exchange with an answer that blames no upstream', async () => {
    const fetch = upstream(stalled);
    const answer = outbound(fetch, received())(asking('500'));
    await clock.advance(499);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(rejectionOf(response)).toMatchObject({
      reason: 'deadline_exceeded',
      flag: 'DT',
      detail: 'The deadline of the caller has passed.',
    });
    expect(outcomeOfResponse(response).verdict).toBe('ignored');
    expect(fetch.calls[0]?.signal.reason).toMatchObject({
      name: 'AbortError',
      message: 'The deadline of the caller has passed',
    });
  });

  test('DL-01: counts where it comes before our own limit', async () => {
    const ends: number[] = [];
    const began = clock.monotonic();
    const seeing: Middleware = (next) => (request, context) => {
      ends.push(context.get(deadlineKey) - began);
      return next(request, context);
    };
    const shop = outbound(upstream(stalled), received(), timeout('15s', { clock }), seeing);
    for (const ms of ['500', '20000']) {
      const answer = shop(asking(ms));
      await clock.advance(20_000);
      const expected = ms === '500' ? 'deadline_exceeded' : 'timeout';
      expect(rejectionOf(await answer)?.reason).toBe(expected);
    }
    expect(ends).toEqual([500, 20_000 + 15_000]);
  });

  test('DL-01: that is as long as our own leaves ours in its place', async () => {
    const shop = outbound(upstream(stalled), timeout('1s', { clock }), received());
    const answer = shop(asking('1000'));
    await clock.advance(1_000);
    expect(rejectionOf(await answer)?.reason).toBe('timeout');
    expect(clock.delays).toEqual([1_000]);
  });

  test('DL-01: counts also in a call that outlives the exchange that an earlier one limited', async () => {
    const past = Context.background('outbound').with(deadlineKey, clock.monotonic());
    const answer = outbound(upstream(stalled), received())(asking('500'), past);
    await clock.advance(500);
    expect(rejectionOf(await answer)?.reason).toBe('deadline_exceeded');
  });

  test('DL-04: the longest that timers can wait is heeded', async () => {
    await outbound(upstream(status(200)), received())(asking('2147483647'));
    expect(clock.delays).toEqual([2_147_483_647]);
  });

  test('DL-01: where our own limit further out comes first it counts, and is what the upstream is told', async () => {
    const told: (string | null)[] = [];
    const fetch = upstream((request, init) => {
      told.push(new Headers(init?.headers ?? request.headers).get(header));
      return stalled(request, init);
    });
    const shop = outbound(fetch, timeout('1s', { clock }), received(), forwardDeadline({ clock }));
    const answer = shop(asking('20000'));
    await clock.advance(20_000);
    expect(rejectionOf(await answer)?.reason).toBe('timeout');
    expect(told).toEqual(['1000']);
  });

  test('DL-02: with nothing left is answered at once, and nothing is sent', async () => {
    const fetch = upstream(status(200));
    const response = await outbound(fetch, received())(asking('0'));
    expect(rejectionOf(response)?.reason).toBe('deadline_exceeded');
    expect(fetch.calls).toHaveLength(0);
  });

  test.each(['', ' ', '-1', '+5', '1.5', '1e3', '0x10', 'soon', '5s', '5, 7', '2147483648'])(
    'DL-04: %j is ignored',
    async (value) => {
      const fetch = upstream(status(200));
      const shop = outbound(fetch, received());
      expect((await shop(asking(value))).status).toBe(200);
      expect(clock.delays).toEqual([]);
    },
  );

  test('DL-04: is ignored of a caller that is not trusted, and goes no further', async () => {
    const fetch = upstream(status(200));
    const trust = (request: Request) => request.headers.get('x-caller') === 'edge';
    const shop = outbound(fetch, received({ trust }));
    await shop(asking('5', { 'x-caller': 'stranger' }));
    expect(clock.delays).toEqual([]);
    await shop(asking('5', { 'x-caller': 'edge' }));
    expect(clock.delays).toEqual([5]);
    expect(fetch.calls.map(({ headers }) => headers.get(header))).toEqual([null, null]);
  });

  test('DL-04: is trusted for what is known of the request', async () => {
    const isEdge: Key<boolean> = key('edge', false);
    const trust = (_: Request, context: Context) => context.get(isEdge);
    const shop = outbound(upstream(status(200)), received({ trust }));
    for (const known of [false, true]) {
      await shop(asking('5'), Context.background('outbound').with(isEdge, known));
    }
    expect(clock.delays).toEqual([5]);
  });

  test.each(['500', '0'])(
    'of one that left before is told so, and nothing is sent: %s ms',
    async (left) => {
      const fetch = upstream(status(200));
      const request = new Request(asking(left), { signal: AbortSignal.abort('gone') });
      await expect(outbound(fetch, received())(request)).rejects.toBe('gone');
      expect(fetch.calls).toHaveLength(0);
      expect(clock.delays).toEqual([]);
    },
  );

  test('DL-05: is a duration: the wall clocks need not agree', async () => {
    const answer = outbound(upstream(stalled), received())(asking('500'));
    clock.jump(-86_400_000);
    await clock.advance(500);
    expect((await answer).status).toBe(504);
  });

  test('keeps a retry from waiting for longer', async () => {
    const fetch = upstream(status(503));
    const shop = outbound(fetch, received(), retry({ clock, baseDelay: '500ms', jitter: 'none' }));
    expect((await shop(asking('500'))).status).toBe(503);
    expect(fetch.calls).toHaveLength(1);
  });

  test('leaves a request without it as it is', async () => {
    const fetch = upstream(status(200));
    const request = new Request(url);
    await outbound(fetch, received())(request);
    expect(fetch.calls[0]?.request).toBe(request);
    expect(fetch.calls[0]?.init).toBeUndefined();
  });

  test('a caller that leaves first gets its own reason, and leaves nothing behind', async () => {
    const caller = new AbortController();
    const request = new Request(url, { headers: { [header]: '500' }, signal: caller.signal });
    const listeners = countListeners(request.signal);
    const fetch = upstream(stalled);
    const answer = outbound(fetch, received())(request);
    await settled();
    caller.abort('gone');
    await expect(answer).rejects.toBe('gone');
    expect(fetch.calls[0]?.signal.reason).toBe('gone');
    expect(clock.pending).toBe(0);
    expect(listeners.current).toBe(0);
  });
});

describe('what the upstream is told', () => {
  const told = (fetch: ReturnType<typeof upstream>) =>
    fetch.calls.map(({ headers }) => headers.get(header));

  test('DL-03: each try carries what is left when it is sent', async () => {
    const fetch = upstream(status(503));
    const shop = outbound(
      fetch,
      timeout('1s', { clock }),
      retry({ clock, baseDelay: '100.5ms', jitter: 'none', max: 3 }),
      forwardDeadline({ clock }),
    );
    const answer = shop(url);
    await clock.advance(10_000);
    await answer;
    expect(told(fetch)).toEqual(['1000', '899', '698', '296']);
  });

  test('DL-03: the limit of a single try counts where it comes first', async () => {
    const fetch = upstream(status(200));
    const shop = outbound(
      fetch,
      timeout('1s', { clock }),
      retry({ clock, perTry: '300ms' }),
      forwardDeadline({ clock }),
    );
    await shop(url);
    expect(told(fetch)).toEqual(['300']);
  });

  test('DL-03: less than a millisecond is nothing, and nothing is sent', async () => {
    const fetch = upstream(status(200));
    const shop = outbound(fetch, timeout('0.5ms', { clock }), forwardDeadline({ clock }));
    expect(rejectionOf(await shop(url))?.reason).toBe('deadline_exceeded');
    expect(fetch.calls).toHaveLength(0);
  });

  test('DL-03: one millisecond is one, and none is a deadline that has passed', async () => {
    const fetch = upstream(status(200));
    const shop = outbound(fetch, forwardDeadline({ clock }));
    for (const leftMs of [1, 0]) {
      const context = Context.background('outbound').with(deadlineKey, clock.monotonic() + leftMs);
      expect((await shop(url, undefined, context)).status).toBe(200);
    }
    expect(told(fetch)).toEqual(['1', null]);
  });

  test('nothing, where there is no deadline or it has passed with the exchange that it limited', async () => {
    const fetch = upstream(status(200));
    const request = new Request(url);
    await outbound(fetch, forwardDeadline({ clock }))(request);
    expect(fetch.calls[0]?.request).toBe(request);

    const users = outbound(fetch, forwardDeadline({ clock }));
    const app = inbound(
      async (served) => {
        const context = contextOf(served);
        return new Response(
          new ReadableStream(
            {
              async pull(controller) {
                await users(url, {}, context);
                controller.close();
              },
            },
            { highWaterMark: 0 },
          ),
        );
      },
      timeout('1s', { clock }),
    );
    const response = await app(new Request(url));
    await clock.advance(2_000);
    await response.text();
    expect(told(fetch)).toEqual([null, null]);
  });

  test('from hop to hop: what a service receives, less what it took, is what the next one gets', async () => {
    const fetch = upstream(status(200));
    const users = outbound(fetch, forwardDeadline({ clock }));
    const app = inbound(async (request) => {
      await clock.advance(120);
      return await users(url, undefined, contextOf(request));
    }, received());
    await app(asking('500'));
    expect(told(fetch)).toEqual(['380']);
  });
});

describe('configuration', () => {
  test('describes itself', () => {
    expect(describeChain(received({ header: 'X-Left' }))).toBe('deadline from x-left');
    expect(describeChain(forwardDeadline())).toBe('forward deadline as x-fetchmesh-timeout-ms');
  });
});
