/**
 * What breakers in the field get wrong, as checks that take the breaker as their parameter: ours passes them all, and
 * `npm run bench:peers` shows what the peers do.
 */

/** What becomes of a call; `ignored`: something that says nothing of the upstream, such as a caller that left. */
export type CallOutcome = 'success' | 'failure' | 'ignored';

/** A call that was let through. */
export interface CallUnderWay {
  end(outcome: CallOutcome): Promise<void>;
}

/** A breaker in virtual time. */
export interface CircuitUnderTest {
  /** Begins a call; `undefined` where it was not let through, whether it was rejected or waits. */
  begin(): Promise<CallUnderWay | undefined>;
  advance(ms: number): Promise<void>;
  readonly state: 'closed' | 'open' | 'half_open';
  /** How many calls it has counted so far; absent where it does not tell. */
  readonly counted?: number;
}

/** When the circuit is to open, and for how long. */
export type CircuitSettings = { readonly openForMs: number } & (
  | { readonly failures: number }
  | { readonly errorRate: number; readonly minRequests: number; readonly windowMs: number }
);

/** Makes a breaker that lets one probe through, whose success closes it. */
export type MakeCircuit = (settings: CircuitSettings) => CircuitUnderTest;

/** One thing that a breaker can get wrong. */
export interface BreakerCheck {
  readonly name: string;
  /** Who gets it wrong. */
  readonly wrongIn: readonly ('cockatiel' | 'opossum')[];
  /** What is wrong; `undefined` where nothing is. */
  find(make: MakeCircuit): Promise<string | undefined>;
}

const openForMs = 1_000;
const byFailure = { failures: 1, openForMs };

async function call(circuit: CircuitUnderTest, outcome: CallOutcome): Promise<void> {
  await (await circuit.begin())?.end(outcome);
}

function unless(isRight: boolean, wrong: string): string | undefined {
  return isRight ? undefined : wrong;
}

/** A call from before the circuit opened ends while a probe is under way. */
async function withStaleResult(
  make: MakeCircuit,
  outcome: CallOutcome,
): Promise<string | undefined> {
  const circuit = make(byFailure);
  const stale = await circuit.begin();
  await call(circuit, 'failure');
  await circuit.advance(openForMs);
  await circuit.begin();
  await stale?.end(outcome);
  return unless(circuit.state === 'half_open', `the circuit is ${circuit.state}`);
}

export const breakerChecks: readonly BreakerCheck[] = [
  {
    name: 'CB-25 a failure from before the circuit opened says nothing of a probe',
    wrongIn: ['cockatiel', 'opossum'],
    find: (make) => withStaleResult(make, 'failure'),
  },
  {
    name: 'CB-25 a success from before the circuit opened closes nothing',
    wrongIn: ['opossum'],
    find: (make) => withStaleResult(make, 'success'),
  },
  {
    name: 'CB-23 a probe whose caller left closes nothing',
    wrongIn: ['cockatiel', 'opossum'],
    async find(make) {
      const circuit = make(byFailure);
      await call(circuit, 'failure');
      await circuit.advance(openForMs);
      await call(circuit, 'ignored');
      return unless(circuit.state === 'half_open', `the circuit is ${circuit.state}`);
    },
  },
  {
    name: 'CB-22 a probe that hangs does not keep the circuit shut for ever',
    wrongIn: ['cockatiel', 'opossum'],
    async find(make) {
      const circuit = make(byFailure);
      await call(circuit, 'failure');
      await circuit.advance(openForMs);
      await circuit.begin();
      await circuit.advance(3_600_000);
      const next = await circuit.begin();
      return unless(next !== undefined, 'an hour later no call goes through');
    },
  },
  {
    name: 'CB-15 calls that an open circuit rejects do not count',
    wrongIn: ['opossum'],
    async find(make) {
      const circuit = make({ ...byFailure, openForMs: 60_000 });
      await call(circuit, 'failure');
      for (let rejected = 0; rejected < 9; rejected++) await circuit.begin();
      return unless(circuit.counted === 1, `${circuit.counted} calls counted, of which 1 was made`);
    },
  },
  {
    name: 'CB-08 after an hour of silence old failures are forgotten',
    wrongIn: ['cockatiel'],
    async find(make) {
      const circuit = make({ errorRate: 0.5, minRequests: 5, windowMs: 5_000, openForMs });
      for (let failure = 0; failure < 4; failure++) await call(circuit, 'failure');
      await circuit.advance(3_600_000);
      await call(circuit, 'failure');
      return unless(circuit.state === 'closed', 'a single failure opened the circuit');
    },
  },
];
