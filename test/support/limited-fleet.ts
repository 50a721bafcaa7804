/** Instances that share a limit through a simulated server, and the requests that come to them. */

import type { Clock } from '../../src/core/clock.ts';
import { inbound } from '../../src/index.ts';
import { type RateLimit, rateLimit } from '../../src/policies/rate-limit.ts';
import type { Limit, Store, TakingStore } from '../../src/stores/contract.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { guardedStore } from '../../src/stores/guarded.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { goodNetwork, type Network, type Simulation } from './simulation.ts';
import { type Spending, worstExcess } from './window.ts';

/** How instances keep the limit. */
export type FleetMode = 'leased' | 'exact' | 'compare and set';

/** What a {@link LimitedFleet} is made of. */
export interface LimitedFleetOptions {
  readonly simulation: Simulation;
  readonly limit: Limit;
  readonly mode: FleetMode;
  /** Default: 4. */
  readonly size?: number;
  readonly network?: Partial<Network>;
  readonly onStoreError?: RateLimit['onStoreError'];
  /** The clock of an instance. Default: the simulation's, which is right. */
  readonly clockOf?: (index: number) => Clock;
}

/** A request, answered. */
export interface Answer {
  readonly instance: number;
  readonly at: number;
  readonly waitedMs: number;
  readonly status: number;
}

/** One of them. */
export interface LimitedInstance {
  readonly network: Network;
  readonly store: Store;
  isRunning: boolean;
  /** Asks for a request to be admitted. */
  ask(): Promise<Response>;
  /** What it admitted. */
  readonly admitted: Spending[];
}

/** The real policy, in the real stores, in front of simulated calls. */
export class LimitedFleet {
  readonly instances: LimitedInstance[] = [];
  readonly limit: Limit;
  readonly answers: Answer[] = [];
  asked = 0;
  readonly #options: LimitedFleetOptions;
  readonly #size: number;
  /** What each instance is owed of its rate: less than a request. */
  readonly #due: number[] = [];

  constructor(options: LimitedFleetOptions) {
    this.#options = options;
    this.#size = options.size ?? 4;
    this.limit = options.limit;
    for (let index = 0; index < this.#size; index++) this.start();
  }

  /** One more instance, as a process that is started anew is. */
  start(): LimitedInstance {
    const { simulation, limit, onStoreError = 'local', clockOf } = this.#options;
    const network = { ...goodNetwork, ...this.#options.network };
    const clock = clockOf?.(this.instances.length) ?? simulation.clock;
    const store = this.#storeOf(network, clock);
    const admitted: Spending[] = [];
    const app = inbound(
      () => {
        admitted.push({ at: simulation.clock.monotonic(), units: 1 });
        return new Response();
      },
      rateLimit(
        {
          limit: limit.quota,
          per: `${limit.windowMs}ms`,
          burst: limit.burst,
          by: () => 'all',
          onStoreError,
        },
        { store, scope: 's', instances: this.#size, clock, random: simulation.random },
      ),
    );
    const ask = (): Promise<Response> => app(new Request('http://shop.example/'));
    const instance = { network, store, isRunning: true, ask, admitted };
    this.instances.push(instance);
    this.#due.push(0);
    return instance;
  }

  #storeOf(network: Network, clock: Clock): Store {
    const { simulation, mode } = this.#options;
    const { random } = simulation;
    const link = simulation.link(network, { takes: mode !== 'compare and set' });
    // Here the policy itself adds what is missing, its deadline as well.
    if (mode === 'compare and set') return link;
    const guarded = guardedStore(link, { clock, random }) as Store as TakingStore;
    if (mode === 'exact') return exactStore(guarded, { clock });
    return leasedStore(guarded, { clock, instances: this.#size });
  }

  /** Lets time pass, in which requests come at random to each instance at a rate per second. */
  async run(ms: number, perSecond: number | ((index: number) => number)): Promise<void> {
    const { clock, random } = this.#options.simulation;
    for (let step = 0; step < ms; step++) {
      for (const [index, instance] of this.instances.entries()) {
        if (!instance.isRunning) continue;
        const rate = typeof perSecond === 'number' ? perSecond : perSecond(index);
        const due = (this.#due[index] as number) + (2 * random() * rate) / 1_000;
        for (let request = 1; request <= due; request++) this.#ask(index, instance);
        this.#due[index] = due % 1;
      }
      await clock.advance(1);
    }
  }

  #ask(index: number, instance: LimitedInstance): void {
    const { clock } = this.#options.simulation;
    const at = clock.monotonic();
    this.asked += 1;
    void instance.ask().then(({ status }) => {
      this.answers.push({ instance: index, at, waitedMs: clock.monotonic() - at, status });
    });
  }

  /** All that was admitted, in its order. */
  get admitted(): readonly Spending[] {
    return this.instances.flatMap(({ admitted }) => admitted).sort((a, b) => a.at - b.at);
  }

  /** How much more than `b + r × L` the worst window has. */
  get excess(): number {
    return worstExcess(this.admitted, this.limit);
  }

  /** `min(N × B, r × lease)`, with what is granted and still on its way. */
  leaseTerm(instances: number = this.#size, leaseMs = 200): number {
    const { quota, windowMs, burst } = this.limit;
    const batch = Math.max(1, Math.floor(burst / (2 * this.#size)));
    const [, slowestMs] = this.instances[0]?.network.delayMs ?? [0, 0];
    const perMs = quota / windowMs;
    return Math.min(instances * batch, perMs * leaseMs) + perMs * slowestMs;
  }
}
