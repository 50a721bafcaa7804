/** Defects of peers in breakers. Time is that of `node:test`'s mocked timers. */

import { mock } from 'node:test';
import * as cockatiel from 'cockatiel';
import CircuitBreaker from 'opossum';
import {
  breakerChecks,
  type CallOutcome,
  type CallUnderWay,
  type CircuitSettings,
  type CircuitUnderTest,
  type MakeCircuit,
} from '../../test/support/breaker-defects.ts';
import { ourCircuit } from '../../test/support/circuit.ts';
import { type Checkable, defect } from './defect.ts';

/** Marks what says nothing of the upstream. */
class Ignored extends Error {}

/** Starts calls through `execute`, whose upstream answers when it is told to. */
function driven(
  execute: (action: () => Promise<string>) => Promise<unknown>,
): Pick<CircuitUnderTest, 'begin' | 'advance'> {
  return {
    async begin(): Promise<CallUnderWay | undefined> {
      let call: CallUnderWay | undefined;
      const result = execute(
        () =>
          new Promise<string>((resolve, reject) => {
            call = {
              async end(outcome: CallOutcome) {
                if (outcome === 'success') resolve('ok');
                else reject(outcome === 'ignored' ? new Ignored() : new Error('failed'));
                await turns();
              },
            };
          }),
      );
      result.catch(() => {});
      await turns();
      return call;
    },
    async advance(ms) {
      mock.timers.tick(ms);
      await turns();
    },
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

const cockatielCircuit: MakeCircuit = (settings) => {
  const policy = cockatiel.circuitBreaker(
    cockatiel.handleWhen((error) => !(error instanceof Ignored)),
    { halfOpenAfter: settings.openForMs, breaker: cockatielBreaker(settings) },
  );
  const names = {
    [cockatiel.CircuitState.Closed]: 'closed',
    [cockatiel.CircuitState.Open]: 'open',
    [cockatiel.CircuitState.HalfOpen]: 'half_open',
    [cockatiel.CircuitState.Isolated]: 'open',
  } as const;
  return {
    ...driven((action) => policy.execute(action)),
    get state() {
      return names[policy.state];
    },
  };
};

function cockatielBreaker(settings: CircuitSettings): cockatiel.IBreaker {
  if ('failures' in settings) return new cockatiel.ConsecutiveBreaker(settings.failures);
  const { errorRate, minRequests, windowMs } = settings;
  return new cockatiel.SamplingBreaker({
    threshold: errorRate,
    duration: windowMs,
    minimumRps: minRequests / (windowMs / 1_000),
  });
}

const opossumCircuit: MakeCircuit = (settings) => {
  const breaker = new CircuitBreaker((action: () => Promise<string>) => action(), {
    timeout: false,
    resetTimeout: settings.openForMs,
    errorFilter: (error: unknown) => error instanceof Ignored,
    ...('failures' in settings
      ? { errorThresholdPercentage: 1 }
      : {
          errorThresholdPercentage: 100 * settings.errorRate,
          volumeThreshold: settings.minRequests,
          rollingCountTimeout: settings.windowMs,
        }),
  });
  return {
    ...driven((action) => breaker.fire(action)),
    get state() {
      return breaker.opened
        ? 'open'
        : breaker.halfOpen || breaker.pendingClose
          ? 'half_open'
          : 'closed';
    },
    get counted() {
      return breaker.stats.fires;
    },
  };
};

type Find = (make: MakeCircuit) => Promise<string | undefined>;

/** Runs a check on a breaker that reads the time itself. */
function inMockedTime(make: MakeCircuit): (find: Find) => Promise<string | undefined> {
  return async (find) => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
    try {
      return await find(make);
    } finally {
      mock.timers.reset();
    }
  };
}

const peers = { cockatiel: cockatielCircuit, opossum: opossumCircuit };

export const breakerDefects: readonly Checkable[] = breakerChecks.flatMap(
  ({ name, wrongIn, find }) =>
    wrongIn.map((peer) =>
      defect<(find: Find) => Promise<string | undefined>>({
        name,
        peer: `${peer}, circuit breaker`,
        ours: (find) => find(ourCircuit),
        theirs: inMockedTime(peers[peer]),
        async check(run) {
          const wrong = await run(find);
          if (wrong !== undefined) throw new Error(wrong);
        },
      }),
    ),
);
