import { describe, expect, test } from 'vitest';
import { deadline } from '../../src/core/abort.ts';
import { Context } from '../../src/core/context.ts';
import { parseRateLimit } from '../../src/core/rate-limit-fields.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';
import failsafe from '../vectors/failsafe-limiters.json' with { type: 'json' };
import timeRate from '../vectors/x-time-rate.json' with { type: 'json' };

/** A limiter as Go knows it, made of the policy: reservations that are acted upon later. */
class Reservations {
  readonly clock: VirtualClock = new VirtualClock();
  readonly #start = this.clock.monotonic();
  readonly #run: ReturnType<ReturnType<typeof rateLimit>>;
  #units = 1;

  constructor(limit: number, per: string, burst: number) {
    const maxWait = '24d';
    const cost = (): number => this.#units;
    const policy = rateLimit({ limit, per, burst, cost, maxWait }, { clock: this.clock });
    this.#run = policy(async () => new Response(String(this.now)));
  }

  get now(): number {
    return this.clock.monotonic() - this.#start;
  }

  async goTo(time: number): Promise<void> {
    await this.clock.advance(time - this.now);
  }

  /** Asks for units; the reservation says when they can be used. */
  reserve(units: number, maxWaitMs = Number.POSITIVE_INFINITY): Reservation {
    this.#units = units;
    const controller = new AbortController();
    const request = new Request('http://shop.example/', { signal: controller.signal });
    const context = Context.background().with(deadline, this.clock.monotonic() + maxWaitMs);
    let actAt: number | undefined;
    let refused = false;
    this.#run(request, context).then(
      async (response) => {
        if (response.status === 200) actAt = Number(await response.text());
        else refused = true;
      },
      () => {},
    );
    return {
      cancel: () => controller.abort('cancelled'),
      get actAt() {
        return actAt;
      },
      get refused() {
        return refused;
      },
    };
  }

  async left(): Promise<number | undefined> {
    this.#units = 0;
    const request = new Request('http://shop.example/');
    const { headers } = await this.#run(request, Context.background('inbound'));
    return parseRateLimit(headers.get('ratelimit') ?? '')?.[0]?.remaining;
  }
}

interface Reservation {
  cancel(): void;
  readonly actAt: number | undefined;
  readonly refused: boolean;
}

interface Step {
  readonly op: string;
  readonly t?: number;
  readonly n?: number;
  readonly id?: string;
  readonly ref?: string;
  readonly maxWaitMs?: number;
  readonly deadlineMs?: number;
  readonly cancelAfterMs?: number;
  readonly cancelled?: boolean;
  readonly expect?: { readonly ok?: boolean; readonly actAt?: number; readonly delayMs?: number };
}

interface Case {
  readonly name: string;
  readonly rate: number | string;
  readonly burst: number;
  readonly steps?: readonly Step[];
}

/** What Go's limiter can do and ours is not meant to. */
const left = {
  limiter_clock_jumps_backwards: 'the monotonic clock does not',
  reserve_jump_back: 'the monotonic clock does not',
  reserve_jump_back_cancel: 'the monotonic clock does not',
  reserve_then_set_rate: 'a limit is set for good',
  reserve_then_set_burst: 'a limit is set for good',
  reserve_set_rate_then_cancel: 'a limit is set for good',
  set_rate_after_zero: 'a limit is set for good',
  wait_infinite_rate_ignores_burst: 'no limit is no policy',
  zero_rate_spends_initial_burst_only: 'a rate of 0 is refused',
  long_running_qps: 'a loop, see below',
};
const cases = timeRate.cases as readonly Case[];

describe('RL-01 the vectors of x/time/rate', () => {
  test('but those that are about something else', () => {
    expect(cases.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(left)));
    expect(cases.length - Object.keys(left).length).toBe(16);
  });

  test.each(cases.filter(({ name }) => !(name in left)))(
    '$name',
    async ({ rate, burst, steps }) => {
      // As whole numbers: so much in so long.
      const [limit, per] = Number(rate) === 1e-10 ? [1, '115740d'] : [Number(rate) * 13, '13s'];
      const limiter = new Reservations(Math.round(limit), per, burst);
      const kept = new Map<string, Reservation>();
      const checks: { made: Reservation; wanted: NonNullable<Step['expect']>; at: number }[] = [];
      for (const step of steps ?? []) {
        const { t = limiter.now, op, n = 1, id, ref, cancelAfterMs, expect: wanted } = step;
        if (op === 'cancel') {
          // Where a reservation falls due in that very moment, the cancellation comes first.
          await limiter.goTo(Math.max(limiter.now, t - 0.01));
          kept.get(ref ?? '')?.cancel();
          await settled();
        }
        await limiter.goTo(t);
        if (op === 'cancel') continue;
        const most = op === 'allow' ? 0 : (step.maxWaitMs ?? step.deadlineMs);
        const at = limiter.now;
        const made = step.cancelled ? undefined : limiter.reserve(n, most);
        if (made === undefined || wanted === undefined) continue;
        await settled();
        if (op === 'wait') {
          await limiter.goTo(at + (wanted.delayMs ?? 0));
          if (cancelAfterMs !== undefined) made.cancel();
          await settled();
          expect(made.actAt).toBe(wanted.ok ? at + (wanted.delayMs ?? 0) : undefined);
          continue;
        }
        if (id !== undefined) kept.set(id, made);
        if (wanted.ok === false) expect(made.refused, `${op} ${n} at ${t}`).toBe(true);
        else if (!steps?.some((other) => other.ref !== undefined && other.ref === id)) {
          checks.push({ made, wanted: { actAt: at, ...wanted }, at });
        }
      }
      await limiter.goTo(limiter.now + 10_000);
      for (const { made, wanted } of checks) expect(made.actAt).toBeCloseTo(wanted.actAt ?? 0, 5);
      expect(limiter.clock.pending).toBe(0);
    },
  );

  test('long_running_qps', async () => {
    const limiter = new Reservations(100, '1s', 100);
    const made: Reservation[] = [];
    for (let time = 0; time < 5_000; time += 2) {
      await limiter.goTo(time);
      made.push(limiter.reserve(1, 0));
    }
    await settled();
    const granted = made.filter(({ actAt }) => actAt !== undefined).length;
    const { loop } = cases.find(({ name }) => name === 'long_running_qps') as unknown as {
      loop: { expect: { grantedMin: number; grantedMax: number } };
    };
    expect(granted).toBeGreaterThanOrEqual(loop.expect.grantedMin);
    expect(granted).toBeLessThanOrEqual(loop.expect.grantedMax);
  });
});

describe("failsafe-go's limiters", () => {
  test.each(failsafe.smooth)(
    'RL-08 a smooth limiter of $intervalMs ms: the same pace, counted from the last use and not on a grid',
    async ({ intervalMs, steps }) => {
      const limiter = new Reservations(1, `${intervalMs}ms`, 1);
      const made: { last: Reservation; dueAt: number }[] = [];
      let isOnGrid = true;
      let nextFree = 0;
      for (const { t, permits, times, expect: wanted } of steps) {
        await limiter.goTo(t);
        // After a pause the peer goes back to a multiple of the interval, which is earlier than the pace allows.
        isOnGrid &&= t <= nextFree;
        nextFree = wanted.nextFreeMs;
        let last = limiter.reserve(1);
        for (let more = 1; more < permits * times; more++) last = limiter.reserve(1);
        await settled();
        made.push({ last, dueAt: t + wanted.lastWaitMs });
        if (isOnGrid) continue;
        await limiter.goTo(t + wanted.lastWaitMs + intervalMs);
        expect(last.actAt).toBeGreaterThanOrEqual(t + wanted.lastWaitMs);
        made.pop();
      }
      await limiter.goTo(limiter.now + 60_000);
      expect(made.length).toBeGreaterThan(0);
      for (const { last, dueAt } of made) expect(last.actAt).toBe(dueAt);
    },
  );

  test('RL-07 its defect: a deficit and a long pause make no more than the burst', async () => {
    const limiter = new Reservations(2, '1s', 2);
    for (let permit = 0; permit < 14; permit++) limiter.reserve(1);
    await limiter.goTo(100_000);
    limiter.reserve(1);
    await settled();
    expect(await limiter.left()).toBe(1);
  });
});
