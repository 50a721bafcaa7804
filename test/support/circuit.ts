import { outbound } from '../../src/core/outbound.ts';
import { reject, rejectionOf } from '../../src/core/rejection.ts';
import {
  type Breaker,
  type BreakerEvent,
  type BreakerOptions,
  breaker,
} from '../../src/policies/breaker/breaker.ts';
import type { CallOutcome, MakeCircuit } from './breaker-defects.ts';
import { settled, VirtualClock } from './virtual-clock.ts';

/** A breaker around an upstream whose answers a test gives one by one. */
export class CircuitDriver {
  readonly clock: VirtualClock;
  readonly breaker: Breaker;
  readonly events: BreakerEvent[] = [];
  readonly #start: number;
  readonly #underWay = new Map<string, (response: Response) => void>();
  readonly #fetch;
  #next: ((answer: (response: Response) => void) => void) | undefined;

  /** @param originMs Where the clock stands at the beginning: buckets are those of the clock. */
  constructor(options: BreakerOptions, originMs = 5_000) {
    this.#start = originMs;
    this.clock = new VirtualClock(undefined, originMs);
    this.breaker = breaker({
      key: 'all',
      onTransition: (event) => this.events.push(event),
      ...options,
      clock: this.clock,
    });
    this.#fetch = outbound(
      () => new Promise<Response>((resolve) => this.#next?.(resolve)),
      this.breaker,
    );
  }

  /** Lets time pass until so many milliseconds after the beginning. */
  async at(ms: number | undefined): Promise<void> {
    if (ms !== undefined) await this.clock.advance(this.#start + ms - this.clock.monotonic());
  }

  /** Begins a call. @returns Whether it was let through. */
  async begin(id: string): Promise<boolean> {
    let isAdmitted = false;
    this.#next = (answer) => {
      isAdmitted = true;
      this.#underWay.set(id, answer);
    };
    const response = this.#fetch('http://shop.example/');
    await settled();
    if (!isAdmitted && rejectionOf(await response)?.reason !== 'circuit_breaker_open') {
      throw new Error('Neither let through nor rejected');
    }
    return isAdmitted;
  }

  async end(id: string, outcome: CallOutcome, headers: Record<string, string> = {}): Promise<void> {
    const answer = this.#underWay.get(id);
    if (answer === undefined) throw new Error(`No call '${id}' is under way`);
    this.#underWay.delete(id);
    if (outcome === 'ignored') answer(reject('bulkhead_full'));
    else answer(new Response(null, { status: outcome === 'success' ? 200 : 503, headers }));
    await settled();
  }

  /** @returns Whether it was let through. */
  async call(outcome: CallOutcome, headers?: Record<string, string>): Promise<boolean> {
    const isAdmitted = await this.begin('call');
    if (isAdmitted) await this.end('call', outcome, headers);
    return isAdmitted;
  }

  async calls(...outcomes: CallOutcome[]): Promise<void> {
    for (const outcome of outcomes) await this.call(outcome);
  }

  get state(): string {
    return this.breaker.status().state.replace('_', '-');
  }
}

/** The breaker in the hands of the checks that peers get wrong. */
export const ourCircuit: MakeCircuit = ({ openForMs, ...settings }) => {
  const driver = new CircuitDriver({
    ...('failures' in settings
      ? { failures: settings.failures }
      : {
          errorRate: settings.errorRate,
          minRequests: settings.minRequests,
          window: `${settings.windowMs}ms`,
        }),
    openFor: `${openForMs}ms`,
    halfOpen: { probes: 1, successes: 1 },
  });
  let calls = 0;
  return {
    async begin() {
      const id = `${calls++}`;
      return (await driver.begin(id)) ? { end: (outcome) => driver.end(id, outcome) } : undefined;
    },
    advance: (ms) => driver.clock.advance(ms),
    get state() {
      return driver.breaker.status().state as 'closed';
    },
    get counted() {
      return driver.breaker.status().total;
    },
  };
};
