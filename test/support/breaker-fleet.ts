import { outbound } from '../../src/index.ts';
import { type BreakerOptions, breaker } from '../../src/policies/breaker/breaker.ts';
import { type BreakerFleetOptions, breakerFleet } from '../../src/policies/breaker/fleet/fleet.ts';
import type { Store } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from './virtual-clock.ts';

/** An upstream, and an instance of a fleet that calls it. */
export class Instance {
  status = 200;
  /** How long the upstream takes, in milliseconds. */
  tookMs = 0;
  calls = 0;
  readonly fleet: ReturnType<typeof breakerFleet>;
  readonly breaker: ReturnType<typeof breaker>;
  readonly #fetch: ReturnType<typeof outbound>;

  constructor(
    store: Store,
    clock: VirtualClock,
    fleet: Partial<BreakerFleetOptions> = {},
    options: BreakerOptions = {},
  ) {
    this.fleet = breakerFleet({ store, clock, random: () => 0.5, ...fleet });
    this.breaker = breaker({
      ...{ failures: 4, openFor: '5s', halfOpen: { successes: 1 }, key: 'all', name: 'pay' },
      ...options,
      ...{ fleet: this.fleet, clock },
    });
    this.#fetch = outbound(async () => {
      this.calls += 1;
      if (this.tookMs > 0) await clock.advance(this.tookMs);
      return new Response(null, { status: this.status });
    }, this.breaker);
  }

  async call(times = 1): Promise<number[]> {
    const statuses: number[] = [];
    for (let call = 0; call < times; call++) {
      statuses.push((await this.#fetch('http://pay.example/')).status);
    }
    return statuses;
  }
  get state(): string {
    const { state, reason } = this.breaker.status();
    return reason === '' ? state : `${state}: ${reason}`;
  }
}

/** Instances that share a store, and have heard of each other. */
export async function fleetOf(
  size: number,
  {
    fleet,
    options,
    store,
  }: {
    fleet?: Partial<BreakerFleetOptions>;
    options?: BreakerOptions;
    store?: (clock: VirtualClock) => Store;
  } = {},
) {
  const clock = new VirtualClock();
  const shared = store?.(clock) ?? memoryStore({ clock });
  const instances = Array.from({ length: size }, () => new Instance(shared, clock, fleet, options));
  for (const instance of instances) await instance.call();
  for (const round of [1, 2]) {
    for (const { fleet } of instances) await fleet.sync();
    await clock.advance(round);
  }
  for (const instance of instances) instance.calls = 0;
  return {
    clock,
    store: shared,
    instances,
    talk: () => Promise.all(instances.map(({ fleet }) => fleet.sync())),
  };
}
