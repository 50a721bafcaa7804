import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  admit,
  type BreakerState,
  closedState,
  type MachineSettings,
  record,
  rejected,
  type Transition,
} from '../../../src/policies/breaker/machine.ts';
import type { BreakerOptions } from '../../../src/policies/breaker/options.ts';
import { machineSettings } from '../../../src/policies/breaker/settings.ts';
import { fromSnapshot, toSnapshot } from '../../../src/policies/breaker/snapshot.ts';
import {
  addOutcome,
  emptyWindow,
  forgetOld,
  type WindowKind,
} from '../../../src/policies/breaker/window.ts';

interface Outcome {
  readonly afterMs: number;
  readonly isFailure: boolean;
  readonly isSlow: boolean;
}

const outcomes: fc.Arbitrary<readonly Outcome[]> = fc.array(
  fc.record({
    // Mostly neighbours, now and then a silence longer than any window.
    afterMs: fc.oneof(fc.nat(40), fc.nat(40), fc.constant(100), fc.nat(5_000)),
    isFailure: fc.boolean(),
    isSlow: fc.boolean(),
  }),
  { maxLength: 200 },
);

const kinds: fc.Arbitrary<WindowKind> = fc.oneof(
  fc.record({ kind: fc.constant('count' as const), size: fc.integer({ min: 1, max: 20 }) }),
  fc.record({
    kind: fc.constant('time' as const),
    buckets: fc.integer({ min: 1, max: 12 }),
    // Exact also in halves, so that window and model put a moment at the border of two into the same one.
    bucketMs: fc.constantFrom(10, 31.25, 100),
  }),
);

/** What a window should hold: all outcomes ever, of which the present ones are picked out anew each time. */
function modelled(kind: WindowKind, past: readonly (Outcome & { at: number })[], now: number) {
  let present = past;
  if (kind.kind === 'count') present = past.slice(-kind.size);
  if (kind.kind === 'time') {
    const bucketOf = (at: number) => Math.floor(at / kind.bucketMs);
    present = past.filter(({ at }) => bucketOf(at) > bucketOf(now) - kind.buckets);
  }
  return {
    total: present.length,
    failures: present.filter(({ isFailure }) => isFailure).length,
    slow: present.filter(({ isSlow }) => isSlow).length,
  };
}

describe('windows, against a model that remembers everything', () => {
  test('CB-03 CB-05 CB-08 CB-09 hold the outcomes of the last calls or buckets, and no others', () => {
    fc.assert(
      fc.property(kinds, outcomes, (kind, sequence) => {
        const window = emptyWindow();
        const past: (Outcome & { at: number })[] = [];
        let now = 0;
        for (const outcome of sequence) {
          now += outcome.afterMs;
          past.push({ ...outcome, at: now });
          addOutcome(window, kind, outcome.isFailure, outcome.isSlow, now);
          expect(window).toMatchObject(modelled(kind, past, now));
        }
        forgetOld(window, kind, now + 60);
        expect(window).toMatchObject(modelled(kind, past, now + 60));
      }),
    );
  });
});

type Event =
  | { readonly op: 'call'; readonly afterMs: number }
  | {
      readonly op: 'end';
      readonly afterMs: number;
      readonly which: number;
      readonly verdict: 'success' | 'failure' | 'ignored';
    };

const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('call' as const), afterMs: fc.nat(300) }),
    fc.record({
      op: fc.constant('end' as const),
      afterMs: fc.nat(300),
      which: fc.nat(),
      verdict: fc.constantFrom('success' as const, 'failure' as const, 'ignored' as const),
    }),
  ),
  { maxLength: 300 },
);

const optionSets: fc.Arbitrary<BreakerOptions> = fc
  .tuple(
    fc.constantFrom<BreakerOptions>(
      { failures: 2 },
      { lastRequests: 6, minRequests: 3, errorRate: 0.5 },
      { window: '1s', bucket: '100ms', minRequests: 2, errorRate: 0.6 },
    ),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
    fc.nat(2),
  )
  .map(([trip, probes, successes, toleratedFailures]) => ({
    ...trip,
    openFor: '500ms',
    maxOpenFor: '2s',
    halfOpen: { probes, successes, toleratedFailures, timeout: '1s' },
  }));

/** Plays events, and looks after each. */
function play(
  options: BreakerOptions,
  sequence: readonly Event[],
  look: (seen: {
    state: BreakerState;
    settings: MachineSettings;
    now: number;
    log: readonly Transition[];
  }) => BreakerState | undefined,
): BreakerState {
  const settings = machineSettings(options);
  let state = closedState();
  let now = 0;
  const underWay: number[] = [];
  for (const event of sequence) {
    now += event.afterMs;
    const log: Transition[] = [];
    if (event.op === 'call') {
      const ticket = admit(state, settings, now, log);
      if (ticket !== rejected) underWay.push(ticket);
    } else if (underWay.length > 0) {
      const [ticket] = underWay.splice(event.which % underWay.length, 1) as [number];
      record(state, settings, ticket, event.verdict, false, undefined, now, log);
    }
    state = look({ state, settings, now, log }) ?? state;
  }
  return state;
}

describe('whatever happens', () => {
  test('CB-20 never more probes than agreed, nor than a verdict takes; transitions follow each other', () => {
    fc.assert(
      fc.property(optionSets, events, (options, sequence) => {
        let phase = 'closed';
        play(options, sequence, ({ state, settings, now, log }) => {
          const { probes, successes, toleratedFailures } = settings.halfOpen;
          expect(state.probes.length).toBeLessThanOrEqual(
            Math.min(probes, successes + toleratedFailures),
          );
          expect(state.probes.every(({ endsAt }) => endsAt > now)).toBe(true);
          if (state.phase !== 'half_open') expect(state.probes).toEqual([]);
          for (const { from, to } of log) {
            expect(from).toBe(phase);
            expect([
              'closed open',
              'open half_open',
              'half_open open',
              'half_open closed',
            ]).toContain(`${from} ${to}`);
            phase = to;
          }
          expect(state.phase).toBe(phase);
          return undefined;
        });
      }),
    );
  });

  test('ST-01 it is never stuck: left alone for long enough, a call goes through', () => {
    fc.assert(
      fc.property(optionSets, events, (options, sequence) => {
        const settings = machineSettings(options);
        let last = 0;
        const state = play(options, sequence, ({ now }) => {
          last = now;
          return undefined;
        });
        // The probes time out after 1 s, and it is open for 2 s at most.
        expect(admit(state, settings, last + 3_001, [])).not.toBe(rejected);
      }),
    );
  });

  test('CB-35 a trip through JSON after each step changes nothing', () => {
    fc.assert(
      fc.property(optionSets, events, (options, sequence) => {
        const plain = play(options, sequence, () => undefined);
        const travelled = play(options, sequence, ({ state }) => JSON.parse(JSON.stringify(state)));
        expect(travelled).toEqual(plain);
      }),
    );
  });

  test('CB-35 nor does one through a snapshot, unless it is half open: then a probe is due', () => {
    fc.assert(
      fc.property(optionSets, events, fc.nat(1e12), (options, sequence, offsetMs) => {
        play(options, sequence, ({ state, settings, now }) => {
          const written: unknown = JSON.parse(JSON.stringify(toSnapshot(state, offsetMs)));
          const restored = fromSnapshot(written, settings.window, offsetMs, now);
          if (state.phase === 'half_open') {
            expect(restored.phase).toBe('open');
            expect(admit(restored, settings, now, [])).not.toBe(rejected);
          } else {
            // Times that were moved there and back are only nearly the same.
            expect(restored.phase).toBe(state.phase);
            expect(restored.openedAt).toBeCloseTo(state.openedAt, 2);
            expect({ ...restored.window, bucketEndsAt: 0 }).toEqual({
              ...state.window,
              bucketEndsAt: 0,
            });
          }
          return undefined;
        });
      }),
    );
  });
});
