/**
 * Breakers of many instances that tell each other what they found.
 *
 * @module
 */

import { boundedKey } from '../../core/bounded-key.ts';
import { type Clock, sleep, systemClock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { type Duration, durationOption } from '../../core/duration.ts';
import { ignore } from '../../core/message.ts';
import { takeByCompareAndSet } from '../../stores/compare-and-set.ts';
import { type Store, StoreError } from '../../stores/contract.ts';
import { guardedStore } from '../../stores/guarded.ts';
import { Knowledge } from './knowledge.ts';
import {
  awaitsElection,
  type BreakerState,
  type MachineSettings,
  type OpenReason,
  reasonToOpen,
} from './machine.ts';
import { mergeRegisters, readRegister, writeRegister } from './register.ts';
import { type Adoption, closedEpoch, isAdopted, openVotes, probeRank } from './votes.ts';

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
  /** How often the store is looked at, also where it tells of changes. Default: `'1s'`; `'10s'` on an eventual store. */
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

/** A circuit, as a fleet sees it. */
export interface SharedCircuit {
  readonly name: string;
  readonly state: BreakerState;
  readonly settings: MachineSettings;
  /** Opens it, and tells. */
  open(reason: OpenReason, openForMs: number): void;
  /** Closes it, and tells. */
  close(): void;
}

/** A fleet, as a circuit sees it. None of this waits. */
export interface Membership {
  /** Before each call: begins in the background what is due. */
  touch(now: number, context: Context): void;
  /** Whether a call is turned away although the circuit is closed, since it was just closed because another instance did. */
  isHeldBack(now: number): boolean;
  /** After a failure. */
  failed(context: Context): void;
  /** After the circuit changed by itself or by hand. */
  changed(to: 'open' | 'closed', context: Context | undefined): void;
  /** The circuit is forgotten. */
  leave(): void;
}

/** What an instance knows of one of its circuits beside its state. */
interface Member extends Membership {
  /** Bounded, since it may be a client's choice. */
  readonly name: string;
  readonly circuit: SharedCircuit;
  /** Of the last transition, its own or one that it followed. Older ones change nothing. */
  epoch: number;
  /** How long the circuit was open last, in milliseconds. */
  openMs: number;
  /** Others opened, and not enough of them. */
  isWarned: boolean;
  /** It does what others did: nothing to tell them. */
  isFollowing: boolean;
  isAsking: boolean;
  /** When the next question who probes makes sense. */
  askAgainAt: number;
  /** Where nobody can be asked: when this instance probes. */
  turnAt: number | undefined;
  closedByOthersAt: number;
}

/** So many looks apart an instance says that it lives; after three times that in silence it does not count. */
const looksPerBeat = 5;

/** How often a write is tried where others write as well. */
const mostAttempts = 8;

/** How long the store may take for one answer; on an eventual one writes wait for each other. */
const patience = { soon: '1s', eventual: '5s' } as const;

/** A look that takes so many times longer died with the request that began it, as it can on Workers. */
const longestLook = 3;

/** How many circuits of this instance take part. */
const mostMembers = 4_096;

/** What of the calls an instance lets through at the beginning of its ramp. */
const firstShare = 0.1;

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
  const electing = isEventual ? undefined : takeByCompareAndSet(store, { clock, random });
  const key = `breakers/${name}`;

  const members = new Map<string, Member>();
  const knowledge = new Knowledge({
    clock,
    silenceMs: 3 * beatMs,
    travelMs: isEventual ? staleMs + pollMs : 2 * pollMs,
  });
  const closing = new AbortController();
  let isWatching = false;
  let isFailing = false;
  let nextBeatAt = Number.NEGATIVE_INFINITY;
  let nextSyncAt = Number.NEGATIVE_INFINITY;
  let look: { readonly begunAt: number; readonly done: Promise<void> } | undefined;
  /** Counts what there is to say. */
  let said = 0;

  function hear(text: string | undefined): void {
    knowledge.learn(readRegister(text));
    for (const member of members.values()) decide(member);
  }

  /** What the votes mean for a circuit. */
  function decide(member: Member): void {
    const { name, circuit, epoch } = member;
    const votes = knowledge.votesOn(name);
    const closed = closedEpoch(votes);
    if (closed > 0 && closed >= epoch && circuit.state.phase !== 'closed') {
      member.epoch = closed;
      member.closedByOthersAt = clock.monotonic();
      follow(member, () => circuit.close());
    }
    const news = openVotes(votes).filter((vote) => vote.epoch > member.epoch);
    member.isWarned = false;
    const leftMs = Math.max(0, ...news.map((vote) => knowledge.leftOf(vote, name, isEventual)));
    if (leftMs === 0) return;
    if (isAdopted(news.length, knowledge.living(), adopt, quorum)) {
      member.epoch = Math.max(...news.map((vote) => vote.epoch));
      member.openMs = leftMs;
      follow(member, () => circuit.open('peers', leftMs));
    } else if (adopt === 'quorum' && circuit.state.phase === 'closed') {
      member.isWarned = true;
      const reason = reasonToOpen(circuit.state.window, halfOf(circuit.settings));
      // Its own finding as well, so the others hear of it.
      if (reason !== undefined) circuit.open(reason, leftMs);
    }
  }

  function follow(member: Member, step: () => void): void {
    member.isFollowing = true;
    member.turnAt = undefined;
    try {
      step();
    } finally {
      member.isFollowing = false;
    }
  }

  function vote(member: Member, state: 'open' | 'closed'): void {
    const { name, circuit } = member;
    member.epoch = Math.max(member.epoch, knowledge.epochOf(name)) + 1;
    member.turnAt = undefined;
    member.isWarned = false;
    member.closedByOthersAt = Number.NEGATIVE_INFINITY;
    if (state === 'open') member.openMs = circuit.state.openForMs;
    const { epoch } = member;
    // That it is closed has to be known for longer than anything that had opened it.
    const others = state === 'open' ? [] : knowledge.votesOn(name);
    const openMs = Math.max(member.openMs, ...others.map((vote) => vote.openMs));
    knowledge.say(name, { state, epoch, openMs, openedAt: clock.now() });
    said += 1;
  }

  /** Reads what others wrote, and writes until what this instance has to say stands there. */
  async function exchange(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const entry = await store.get(key);
      hear(entry?.value);
      const found = readRegister(entry?.value);
      const own = knowledge.own();
      if (writeRegister(mergeRegisters(found, own)) === writeRegister(found)) return;
      const text = writeRegister(mergeRegisters(knowledge.fresh(found), own));
      const version = await store.set(key, text, {
        ttlMs: 10 * beatMs + knowledge.longestLifeMs(),
        ...(!isEventual && { if: entry?.version ?? null }),
      });
      if (version !== false) return;
      if (attempt === mostAttempts) {
        throw new StoreError(
          'CONTENTION',
          `'${key}' in the store '${store.name}': others keep writing`,
        );
      }
      await sleep(clock, random() * 2 ** attempt, undefined);
    }
  }

  async function lookOnce(): Promise<void> {
    watch();
    try {
      let heard: number;
      do {
        heard = said;
        if (adopt === 'quorum' && clock.monotonic() >= nextBeatAt) {
          knowledge.beat();
          nextBeatAt = clock.monotonic() + beatMs;
        }
        await exchange();
      } while (heard !== said);
      isFailing = false;
    } catch (error) {
      tell(error);
    }
    nextSyncAt = clock.monotonic() + pollMs * (0.5 + random());
  }

  function tell(error: unknown): void {
    if (!isFailing) onError(error);
    isFailing = true;
  }

  function watch(): void {
    if (isWatching || store.watch === undefined || closing.signal.aborted) return;
    isWatching = true;
    const watching = async (): Promise<void> =>
      await store.watch?.(key, (entry) => hear(entry?.value), closing.signal);
    watching().catch((error) => {
      isWatching = false;
      tell(error);
    });
  }

  function underWay(): Promise<void> | undefined {
    if (look === undefined || clock.monotonic() - look.begunAt > longestLookMs) return undefined;
    return look.done;
  }

  function sync(): Promise<void> {
    const current = underWay();
    if (current !== undefined) return current;
    const mine = {
      begunAt: clock.monotonic(),
      done: lookOnce().then(() => {
        if (look === mine) look = undefined;
      }),
    };
    look = mine;
    return mine.done;
  }

  /** Whether this instance is to try the upstream now. */
  async function isElected(member: Member, probeMs: number): Promise<boolean> {
    const { name: circuit } = member;
    const now = clock.monotonic();
    if (electing === undefined) {
      const rank = probeRank(knowledge.id, knowledge.voters(circuit), member.epoch);
      member.turnAt ??= now + (rank * probeMs) / 4;
    } else {
      try {
        const limit = { quota: 1, windowMs: probeMs, burst: 1 };
        const { granted, retryMs } = await electing.take(`${key}/probe/${circuit}`, limit, 1, 1);
        member.askAgainAt = clock.monotonic() + retryMs * (1 + random() / 10);
        return granted === 1;
      } catch (error) {
        tell(error);
        member.turnAt ??= now + random() * probeMs;
      }
    }
    member.askAgainAt = Math.min(member.turnAt, now + pollMs);
    if (now < member.turnAt) return false;
    // With what is left over of the turn it would probe for ever.
    member.turnAt = now + probeMs;
    return true;
  }

  async function elect(member: Member): Promise<void> {
    const { state, settings } = member.circuit;
    const { openedAt } = state;
    const { probeTimeoutMs } = settings.halfOpen;
    const askedAt = clock.monotonic();
    member.isAsking = true;
    try {
      const isMine = await isElected(member, probeTimeoutMs);
      // Others may have closed the circuit meanwhile.
      const isUpToDate = member.circuit.state === state && state.openedAt === openedAt;
      if (isMine && isUpToDate) state.probesUntil = askedAt + probeTimeoutMs;
    } finally {
      member.isAsking = false;
    }
  }

  function join(circuit: SharedCircuit): Membership {
    const name = boundedKey(circuit.name);
    const member: Member = {
      name,
      circuit,
      epoch: 0,
      openMs: 0,
      isWarned: false,
      isFollowing: false,
      isAsking: false,
      askAgainAt: Number.NEGATIVE_INFINITY,
      turnAt: undefined,
      closedByOthersAt: Number.NEGATIVE_INFINITY,
      touch(now, context) {
        if (now >= nextSyncAt && underWay() === undefined) context.waitUntil(sync());
        if (awaitsElection(circuit.state, now) && !member.isAsking && now >= member.askAgainAt) {
          context.waitUntil(elect(member));
        }
      },
      isHeldBack(now) {
        const share = (now - member.closedByOthersAt) / rampMs;
        return share < 1 && random() >= firstShare + (1 - firstShare) * share;
      },
      failed(context) {
        if (!member.isWarned) return;
        const before = said;
        decide(member);
        // What was begun by this call lives, on Workers, as long as somebody waits for it.
        if (said !== before) context.waitUntil(sync());
      },
      changed(to, context) {
        if (member.isFollowing || members.get(name) !== member) return;
        vote(member, to);
        const told = sync();
        context?.waitUntil(told);
      },
      leave() {
        if (members.get(name) === member) members.delete(name);
      },
    };
    members.delete(name);
    members.set(name, member);
    if (members.size > mostMembers) {
      // Of breakers that rules no longer name, for the most part.
      const [oldest] = members.keys();
      members.delete(oldest as string);
    }
    decide(member);
    return member;
  }

  return {
    join,
    sync,
    get nextSyncMs() {
      return nextSyncAt - clock.monotonic();
    },
    close: () => closing.abort(),
  };
}

/** Half of what opens a circuit. */
function halfOf(settings: MachineSettings): MachineSettings {
  const { failures, errorRate, slowRate, minRequests } = settings;
  return {
    ...settings,
    failures: failures === undefined ? undefined : Math.ceil(failures / 2),
    errorRate: errorRate === undefined ? undefined : errorRate / 2,
    slowRate: slowRate === undefined ? undefined : slowRate / 2,
    minRequests: Math.ceil(minRequests / 2),
  };
}

function checkOptions(name: string, adopt: Adoption, quorum: number, isEventual: boolean): void {
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw new RangeError(
      `breakerFleet.name: '${name}' is not 1 to 64 letters, digits, '.', '_' and '-'`,
    );
  }
  if (!['off', 'quorum', 'any'].includes(adopt)) {
    throw new RangeError(`breakerFleet.adopt: '${adopt}' is not one of off, quorum, any`);
  }
  if (adopt === 'quorum' && isEventual) {
    throw new RangeError(
      "breakerFleet.adopt: on an eventual store nobody knows who lives, so there is no quorum; 'any' or 'off'",
    );
  }
  if (!(quorum > 0 && quorum <= 1)) {
    throw new RangeError(`breakerFleet.quorum: ${quorum} is not a number above 0 up to 1`);
  }
}

function duration(option: string, value: Duration, leastMs: number): number {
  const milliseconds = durationOption(`breakerFleet.${option}`, value);
  if (milliseconds >= leastMs) return milliseconds;
  throw new RangeError(`breakerFleet.${option}: '${value}' is shorter than ${leastMs} ms`);
}
