/**
 * Breakers of many instances that tell each other what they found.
 *
 * @module
 */

import { boundedKey } from '../../../core/bounded-key.ts';
import { type Clock, systemClock } from '../../../core/clock.ts';
import { ignore } from '../../../core/discard.ts';
import { type Duration, durationOption } from '../../../core/duration.ts';
import {
  functionOption,
  knownOptions,
  shown,
  textOption,
  wordOption,
} from '../../../core/option.ts';
import { takeByCompareAndSet } from '../../../stores/compare-and-set.ts';
import type { Store } from '../../../stores/contract.ts';
import { guardedStore } from '../../../stores/guarded.ts';
import { Knowledge } from './knowledge.ts';
import { Member, type MemberSettings, type Membership, type SharedCircuit } from './member.ts';
import { RegisterSync } from './register-sync.ts';
import type { Adoption } from './votes.ts';

export type { Membership, SharedCircuit } from './member.ts';
export type { Adoption } from './votes.ts';

/** Settings of {@link breakerFleet}. */
export interface BreakerFleetOptions {
  /** Where votes are kept; all instances have the same one. Nothing that a request waits for asks it. */
  readonly store: Store;
  /** Which fleet, where a store serves several. Default: `'default'`. */
  readonly name?: string;
  /**
   * When an instance opens because others did. `'quorum'`: where enough of those that live found the upstream failing, or
   * where one did and this instance is half way there. `'any'`: where one did. `'off'`: never. Default: `'quorum'`; on an
   * eventual store, where nobody knows who lives, `'any'`.
   */
  readonly adopt?: Adoption;
  /** How much of the living makes a quorum, above 0 up to 1; two instances at least. Default: 0.5. */
  readonly quorum?: number;
  /**
   * Where this instance runs, such as host and port, the same after every start and told apart from all others: one that is
   * broken, crashes and starts anew, again and again, makes no quorum by itself then. Default: each start is an instance.
   */
  readonly instance?: string;
  /**
   * How far looks at the store are apart, at most, also where it tells of changes: half of it at least, so that instances do
   * not all look at once. Default: `'1s'`; `'10s'` on an eventual store.
   */
  readonly poll?: Duration;
  /** How long it takes until an instance that closes because another one did lets all calls through. Default: `'2s'`. */
  readonly ramp?: Duration;
  /** Gets what the store fails by, once until it works again. Breakers decide alone meanwhile. Default: nobody. */
  readonly onError?: (error: unknown) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1): instances do not all do the same at once. Default: `Math.random`. */
  readonly random?: () => number;
}

/** What breakers of one instance share with those of others: the option `fleet` of `breaker`. */
export interface BreakerFleet {
  /** How old what the store answers may be, in milliseconds; 0: it is not. A circuit that is open for less opens alone. */
  readonly staleMs: number;
  /** How long until the store is to be looked at again, in milliseconds; 0 or less: now. */
  readonly nextSyncMs: number;
  /**
   * Looks at the store and writes what is new here; never rejects. Requests begin it as well, in the background: to be
   * called where an instance should hear of others without traffic of its own.
   */
  sync(): Promise<void>;
  /** Listens no more. What this instance said is forgotten in its time. */
  close(): void;
  /** Lets a circuit take part; `breaker` calls it. The circuit that joins last has the name. */
  join(circuit: SharedCircuit): Membership;
}

/** So many looks apart an instance says that it lives; after three times that in silence it does not count. */
const looksPerBeat = 5;

/** How long the store may take for one answer; on an eventual one writes wait for each other. */
const patience = { soon: '1s', eventual: '5s' } as const;

/** A look that takes so many times longer died with the request that began it, as it can on Workers. */
const longestLook = 3;

/** How many circuits of this instance take part. */
const mostMembers = 4_096;

/**
 * Lets breakers decide by themselves and tell each other: of each circuit that opens or closes its instance leaves a vote in
 * the store, and others follow where enough voted alike. Once it is time for a probe one instance is elected to make it; it
 * closes the circuit for all. Without the store every breaker goes on alone.
 *
 * Only transitions are shared, never counts. How long a circuit stays open is measured from when an instance hears of it, so
 * clocks need not agree. On an eventual store such as Workers KV what is left of that time goes by the wall clock, votes
 * arrive within its staleness, and who probes first goes by an order that all instances know.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * // In place of it, one that all instances reach: Redis, a Durable Object, Deno KV, Workers KV.
 * const store = memoryStore();
 * const instance = () => {
 *   const fleet = breakerFleet({ store, adopt: 'any' });
 *   return { fleet, payments: breaker({ fleet, name: 'payments', key: 'all', failures: 1 }) };
 * };
 * const [one, other] = [instance(), instance()];
 * const down = async () => new Response(null, { status: 503 });
 * await outbound(down, one.payments)('http://pay.example/');
 * await one.fleet.sync();
 * await outbound(down, other.payments)('http://pay.example/');
 * await other.fleet.sync();
 * other.payments.status().state; // 'open'
 * ```
 */
export function breakerFleet(options: BreakerFleetOptions): BreakerFleet {
  knownOptions('breakerFleet', options, {
    store: true,
    name: true,
    adopt: true,
    quorum: true,
    instance: true,
    poll: true,
    ramp: true,
    onError: true,
    clock: true,
    random: true,
  });
  if (typeof options.store?.get !== 'function') {
    throw new RangeError(`breakerFleet.store: ${shown(options.store)} is not a store`);
  }
  functionOption('breakerFleet.onError', options.onError);
  textOption('breakerFleet.instance', options.instance);
  const { name = 'default', quorum = 0.5, onError = ignore } = options;
  const { clock = systemClock, random = Math.random } = options;
  const { consistency, staleMs } = options.store.capabilities;
  const isEventual = consistency === 'eventual';
  const { adopt = isEventual ? 'any' : 'quorum' } = options;
  checkOptions(name, adopt, quorum, isEventual);
  const pollMs = duration('poll', options.poll ?? (isEventual ? '10s' : '1s'), 1);
  const rampMs = duration('ramp', options.ramp ?? '2s', 0);
  const deadline = isEventual ? patience.eventual : patience.soon;
  const longestLookMs = longestLook * durationOption('deadline', deadline);
  const beatMs = looksPerBeat * pollMs;
  const store =
    'available' in options.store
      ? options.store
      : guardedStore(options.store, { deadline, clock, random });
  const key = `breakers/${name}`;

  const members = new Map<string, Member>();
  const knowledge = new Knowledge({
    clock,
    place: options.instance,
    silenceMs: 3 * beatMs,
    travelMs: isEventual ? staleMs + pollMs : 2 * pollMs,
  });
  const register = new RegisterSync({
    ...{ store, key, knowledge, pollMs, beatMs, onError, clock, random },
    isBeating: adopt === 'quorum',
    longestLookMs,
    onNews: () => {
      for (const member of members.values()) member.decide();
    },
  });
  const settings: MemberSettings = {
    ...{ adopt, quorum, rampMs, isEventual, knowledge, register, clock, random },
    election: {
      ...{ knowledge, pollMs, clock, random },
      store: isEventual ? undefined : takeByCompareAndSet(store, { clock, random }),
      prefix: `${key}/probe/`,
      longestAskMs: longestLookMs,
      onError: (error) => register.tell(error),
    },
    onLeave: (member) => members.delete(member.name),
  };

  return {
    staleMs,
    join(circuit) {
      const name = boundedKey(circuit.name);
      members.get(name)?.leave();
      if (members.size >= mostMembers) {
        // Of breakers that rules no longer name, for the most part.
        const [oldest] = members.values();
        oldest?.leave();
      }
      const member = new Member(name, circuit, settings);
      members.set(name, member);
      member.decide();
      return member;
    },
    sync: () => register.now(),
    get nextSyncMs() {
      return register.nextLookMs;
    },
    close: () => register.close(),
  };
}

function checkOptions(name: string, adopt: Adoption, quorum: number, isEventual: boolean): void {
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw new RangeError(
      `breakerFleet.name: ${shown(name)} is not 1 to 64 letters, digits, '.', '_' and '-'`,
    );
  }
  wordOption('breakerFleet.adopt', adopt, ['off', 'quorum', 'any']);
  if (adopt === 'quorum' && isEventual) {
    throw new RangeError(
      "breakerFleet.adopt: 'quorum' does not go with an eventual store, where nobody knows who lives; 'any' or 'off'",
    );
  }
  if (!(quorum > 0 && quorum <= 1)) {
    throw new RangeError(`breakerFleet.quorum: ${shown(quorum)} is not a number above 0 up to 1`);
  }
}

function duration(option: string, value: Duration, leastMs: number): number {
  const milliseconds = durationOption(`breakerFleet.${option}`, value);
  if (milliseconds >= leastMs) return milliseconds;
  throw new RangeError(`breakerFleet.${option}: '${value}' is shorter than ${leastMs} ms`);
}
