import { describe, expect, test } from 'vitest';
import {
  admit,
  advance,
  type BreakerState,
  close,
  closedState,
  type MachineSettings,
  open,
  ratesOf,
  record,
  rejected,
  type Transition,
} from '../../../src/policies/breaker/machine.ts';
import type { BreakerOptions } from '../../../src/policies/breaker/options.ts';
import { machineSettings } from '../../../src/policies/breaker/settings.ts';
import { fromSnapshot, toSnapshot } from '../../../src/policies/breaker/snapshot.ts';
import type { CallOutcome } from '../../support/breaker-defects.ts';
import { CircuitDriver } from '../../support/circuit.ts';
import cockatiel from '../../vectors/cockatiel-breakers.json' with { type: 'json' };
import gobreaker from '../../vectors/gobreaker.json' with { type: 'json' };
import resilience4j from '../../vectors/resilience4j-breaker.json' with { type: 'json' };

/** Steps of all three files. */
interface Step {
  readonly t?: number;
  readonly op: string;
  readonly outcome?: string;
  readonly id?: string;
  readonly durationMs?: number;
  readonly state?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each file expects something else.
  readonly expect?: any;
}

const ms = (duration: number): string => `${duration}ms`;
/** A little more than that: where the vectors open above a rate, and fetchmesh at it. */
const above = (rate: number): number => rate + 1e-6;

describe('the vectors of gobreaker', () => {
  interface Config {
    readonly halfOpenMax?: number;
    readonly intervalMs?: number;
    readonly bucketMs?: number;
    readonly openMs?: number;
    readonly trip?: {
      type: string;
      moreThan?: number;
      minCalls?: number;
      failureRatioAtLeast?: number;
    };
    readonly classify?: string;
  }
  function optionsOf(config: Config): BreakerOptions {
    const { halfOpenMax = 1, intervalMs = 0, bucketMs = intervalMs, openMs = 60_000 } = config;
    const { moreThan = 5, minCalls, failureRatioAtLeast } = config.trip ?? {};
    return {
      ...(minCalls === undefined
        ? { failures: moreThan + 1 }
        : {
            minRequests: minCalls,
            errorRate: failureRatioAtLeast as number,
            window: ms(intervalMs),
            bucket: ms(bucketMs),
          }),
      openFor: ms(openMs),
      maxOpenFor: ms(openMs),
      halfOpen: { probes: halfOpenMax, successes: halfOpenMax, timeout: '24h' },
      ...(config.classify === 'always-success' && { isSuccess: () => true }),
    };
  }

  const cases = gobreaker.cases.filter(
    ({ name }) => name !== 'settings_non_positive_fall_back_to_defaults',
  );
  test.each(cases.filter((vector) => !('peerGap' in vector)))(
    'CB-05 CB-06 $name',
    async ({ config, steps }) => {
      const driver = new CircuitDriver(optionsOf(config as Config), 0);
      for (const { t, op, outcome, id, expect: wanted } of steps as readonly Step[]) {
        await driver.at(t);
        if (op === 'call') {
          const isAdmitted = await driver.call(outcome as CallOutcome);
          if (wanted !== undefined) expect(isAdmitted).toBe(wanted.admitted);
        } else if (op === 'begin') {
          expect(await driver.begin(id as string)).toBe(wanted.admitted);
        } else if (op === 'end') {
          await driver.end(id as string, outcome as CallOutcome);
        } else if (op === 'transition') {
          expect(driver.events.at(-1)).toMatchObject(underscored(wanted));
        } else {
          expect(op).toBe('observe');
          if (wanted.state !== undefined) expect(driver.state, `at ${t}`).toBe(wanted.state);
          if (wanted.counts !== undefined)
            expect(countsOf(driver), `at ${t}`).toMatchObject(only(wanted.counts));
        }
      }
    },
  );

  /** Requests and ignored ones are not kept: no decision needs them. */
  function only(counts: Record<string, number>): Record<string, number> {
    const { requests: _, ignored: __, ...kept } = counts;
    return kept;
  }
  function countsOf({ breaker, state }: CircuitDriver): Record<string, number> {
    const circuit = breaker.toJSON().circuits[''];
    const { total, failures, consecutiveFailures, consecutiveSuccesses } = breaker.status();
    if (state === 'closed') {
      return { successes: total - failures, failures, consecutiveFailures, consecutiveSuccesses };
    }
    // While open, the counts of before are kept here for people to see; gobreaker clears them.
    expect(circuit?.probeSuccesses).toBe(0);
    const { probeSuccesses } = breaker.status();
    return {
      successes: probeSuccesses,
      failures: 0,
      consecutiveFailures: 0,
      consecutiveSuccesses: probeSuccesses,
    };
  }
  function underscored(wanted: Record<string, string>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(wanted).map(([key, value]) => [key, value.replace('-', '_')]),
    );
  }

  test('CB-07 a window that is no multiple of the bucket is rounded up', () => {
    const { window } = machineSettings({ window: '31s', bucket: '3s' });
    expect(window).toEqual({ kind: 'time', buckets: 11, bucketMs: 3_000 });
  });

  test('CB-22 a hung probe, which blocks the peer for ever, fails in time', async () => {
    const hung = gobreaker.cases.find((vector) => 'peerGap' in vector);
    expect(hung?.name).toMatch(/^hung_probe/);
    const driver = new CircuitDriver({
      ...optionsOf(hung?.config as Config),
      halfOpen: { probes: 1, successes: 1 },
    });
    await driver.call('failure');
    await driver.at(1_002);
    expect(await driver.begin('hung')).toBe(true);
    await driver.at(3_600_000);
    expect(await driver.call('success')).toBe(true);
    expect(driver.state).toBe('closed');
  });
});

describe('the vectors of cockatiel: when to open', () => {
  function settingsOf(
    breaker: (typeof cockatiel.tripStrategies)[number]['breaker'],
  ): MachineSettings {
    const {
      type,
      threshold,
      size = 0,
      minimumNumberOfCalls = 1,
      durationMs = 0,
      minimumRps = 0,
    } = breaker as Record<string, never> & { type: string; threshold: number };
    const options: BreakerOptions =
      type === 'consecutive'
        ? { failures: threshold }
        : type === 'count'
          ? { errorRate: above(threshold), lastRequests: size, minRequests: minimumNumberOfCalls }
          : {
              errorRate: above(threshold),
              window: ms(durationMs),
              bucket: ms(durationMs / 5),
              minRequests: Math.max(1, (minimumRps * durationMs) / 1_000),
            };
    return machineSettings({ ...options, mode: 'metrics_only' });
  }

  test.each(cockatiel.tripStrategies)('CB-01 CB-02 CB-03 CB-08 CB-35 $name', (vector) => {
    const settings = settingsOf(vector.breaker);
    const { steps } = vector as { steps: readonly Step[] };
    let state = closedState();
    const log: Transition[] = [];
    for (const { t = 0, op, state: phase, expect: wanted } of steps) {
      if (op === 'serializeRoundtrip') {
        const written: unknown = JSON.parse(JSON.stringify(toSnapshot(state, 1e12)));
        state = fromSnapshot(written, settings.window, 1e12, t);
      } else if (op === 'observe') {
        // As of the last outcome: the peer looks without moving its window on.
        const { window } = state;
        const found = { failures: window.failures, successes: window.total - window.failures };
        const { samples, cursor, failures, successes = found.successes } = wanted;
        expect(found).toEqual({ failures, successes });
        if (samples !== undefined) {
          expect(window.cells.map((cell) => cell === 0)).toEqual(samples);
          expect(window.position).toBe(cursor);
        }
      } else {
        if (phase === 'half-open') close(state, log);
        const verdict = op as CallOutcome;
        record(state, settings, state.closedTicket, verdict, false, undefined, t, log);
        if (wanted !== undefined) expect(state.isExceeded, `at ${t}`).toBe(wanted.shouldOpen);
      }
    }
  });

  test('CB-02 at exactly the rate it opens, where cockatiel does not', () => {
    const vector = cockatiel.tripStrategies.find((one) => 'strict' in one);
    const settings = {
      ...settingsOf(vector?.breaker as never),
      errorRate: 0.5,
      observesOnly: false,
      isElective: false,
    };
    const state = closedState();
    for (let call = 0; call < 50; call++) {
      expect(state.phase).toBe('closed');
      record(state, settings, 0, call < 25 ? 'success' : 'failure', false, undefined, 0, []);
    }
    expect(state).toMatchObject({ phase: 'open', reason: 'error_rate' });
  });

  const refused = cockatiel.parameters.filter(
    // ★ 100 % is a sensible rate for a breaker that opens at the rate.
    ({ breaker, ...rest }) => 'throws' in rest && breaker.threshold !== 1,
  );
  test.each(refused)('CB-04 $breaker is refused', ({ breaker }) => {
    const { type, threshold, size, minimumNumberOfCalls, durationMs } =
      breaker as unknown as Record<string, number>;
    const options = {
      errorRate: threshold,
      ...(`${type}` === 'count' ? { lastRequests: size } : { window: ms(durationMs as number) }),
      minRequests: minimumNumberOfCalls ?? 1,
    };
    expect(() => machineSettings(options as BreakerOptions)).toThrow(RangeError);
  });
});

describe('the vectors of cockatiel: circuits', () => {
  test.each(cockatiel.circuits)(
    'CB-16 CB-17 CB-20 CB-21 CB-23 CB-25 CB-32 $name',
    async (vector) => {
      const { config, steps, events } = vector as unknown as {
        config: {
          breaker: { threshold: number };
          halfOpenAfterMs: number | number[];
          halfOpenSampling?: { calls: number; threshold: number };
        };
        steps: readonly Step[];
        events?: readonly string[];
      };
      const delays = [config.halfOpenAfterMs].flat();
      const { calls = 1, threshold = 0 } = config.halfOpenSampling ?? {};
      const driver = new CircuitDriver({
        failures: config.breaker.threshold,
        openFor: ms(delays[0] as number),
        maxOpenFor: ms(delays.at(-1) as number),
        halfOpen: {
          probes: calls,
          successes: calls - threshold * calls,
          toleratedFailures: threshold * calls,
        },
      });
      const handles = new Map<string, () => void>();
      for (const { t, op, outcome, id = '', expect: wanted } of steps) {
        await driver.at(t);
        if (op === 'call') {
          expect(await driver.call(outcome as CallOutcome)).toBe(wanted?.admitted ?? true);
        } else if (op === 'begin') expect(await driver.begin(id)).toBe(wanted.admitted);
        else if (op === 'end') await driver.end(id, outcome as CallOutcome);
        else if (op === 'isolate') handles.set(id, driver.breaker.isolate());
        else if (op === 'release') handles.get(id)?.();
        else expect(driver.state, `at ${t}`).toBe(wanted.state);
      }
      if (events !== undefined) {
        expect(driver.events.map(({ to }) => to.replace('_', '-'))).toEqual(events);
      }
    },
  );
});

describe('the vectors of resilience4j', () => {
  const { config } = resilience4j;
  const settings = machineSettings({
    errorRate: config.failureRateThreshold / 100,
    slowRate: config.slowCallRateThreshold / 100,
    slowAfter: ms(config.slowCallDurationMs),
    window: ms(config.window.seconds * 1_000),
    bucket: '1s',
    minRequests: config.window.minimumCalls,
    openFor: ms(config.openMs),
    halfOpen: { probes: config.halfOpenPermitted, successes: config.halfOpenPermitted },
  });

  test.each(resilience4j.cases)('CB-09 CB-10 CB-11 CB-12 CB-20 $name', (vector) => {
    const state: BreakerState = closedState();
    const log: Transition[] = [];
    const tickets: number[] = [];
    let now = 0;
    for (const step of vector.steps as readonly Step[]) {
      const { t = now, op, outcome, durationMs = 0, expect: wanted } = step;
      now = t;
      if (op === 'record') {
        const ticket = admit(state, settings, now, log);
        const isSlow = durationMs > config.slowCallDurationMs;
        const verdict = outcome === 'error' ? 'failure' : 'success';
        record(state, settings, ticket, verdict, isSlow, undefined, now, log);
      } else if (op === 'tryAcquire') {
        const ticket = admit(state, settings, now, log);
        if (ticket !== rejected) tickets.push(ticket);
        expect(ticket !== rejected, `at ${now}`).toBe(wanted);
      } else if (op === 'release') {
        record(state, settings, tickets.pop() as number, 'ignored', false, undefined, now, log);
      } else if (op === 'forceOpen') {
        open(state, 'manual', config.openMs, now, log);
      } else if (op === 'forceHalfOpen') {
        open(state, 'manual', 0, now, log);
        advance(state, settings, now, log);
      } else {
        expect(op).toBe('observe');
        const { failureRate, slowRate } = ratesOf(state.window, settings.minRequests);
        const found: Record<string, unknown> = {
          state: state.phase.replace('_', '-'),
          rate: failureRate === -1 ? -1 : failureRate * 100,
          slowRate: slowRate === -1 ? -1 : slowRate * 100,
          buffered: state.window.total,
          failed: state.window.failures,
          slow: state.window.slow,
        };
        expect(found).toMatchObject(wanted);
      }
    }
  });
});
