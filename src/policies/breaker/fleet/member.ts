/**
 * What the votes of a fleet mean for one circuit of an instance, and what it has to tell the fleet.
 *
 * @module
 */

import type { Clock } from '../../../core/clock.ts';
import type { Context } from '../../../core/context.ts';
import {
  awaitsElection,
  type BreakerState,
  type MachineSettings,
  type OpenReason,
  reasonToOpen,
} from '../machine.ts';
import { Election, type ElectionSettings } from './election.ts';
import type { Knowledge } from './knowledge.ts';
import type { RegisterSync } from './register-sync.ts';
import { type Adoption, closedEpoch, countPlaces, isAdopted, openVotes } from './votes.ts';

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
  /** After a failure, and after a call that was slow. */
  failed(context: Context): void;
  /** After the circuit changed by itself or by hand. */
  changed(to: 'open' | 'closed', context: Context | undefined): void;
  /** The circuit is forgotten. */
  leave(): void;
}

/** What {@link Member} goes by; the same for all circuits of an instance. */
export interface MemberSettings {
  readonly adopt: Adoption;
  readonly quorum: number;
  /** How long it takes until a circuit that was closed because another one was lets all calls through, in milliseconds. */
  readonly rampMs: number;
  /** Whether votes may arrive later than they count, so that only the wall clock tells their age. */
  readonly isEventual: boolean;
  readonly knowledge: Knowledge;
  readonly register: RegisterSync;
  readonly election: ElectionSettings;
  readonly onLeave: (member: Member) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What of the calls an instance lets through at the beginning of its ramp. */
const firstShare = 0.1;

/** A circuit that takes part in a fleet. */
export class Member implements Membership {
  /** Bounded, since it may be a client's choice. */
  readonly name: string;
  readonly #circuit: SharedCircuit;
  readonly #settings: MemberSettings;
  readonly #election: Election;
  /** Of the last transition, its own or one that it followed. Older ones change nothing. */
  #epoch = 0;
  /** How long the circuit was open last, in milliseconds. */
  #openMs = 0;
  /** Others opened, and not enough of them. */
  #isWarned = false;
  /** It does what others did: nothing to tell them. */
  #isFollowing = false;
  #hasLeft = false;
  #closedByOthersAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, circuit: SharedCircuit, settings: MemberSettings) {
    this.name = name;
    this.#circuit = circuit;
    this.#settings = settings;
    this.#election = new Election(name, settings.election);
  }

  touch(now: number, context: Context): void {
    this.#settings.register.touch(now, context);
    if (awaitsElection(this.#circuit.state, now) && this.#election.isDue(now)) {
      context.waitUntil(this.#askForProbe());
    }
  }

  isHeldBack(now: number): boolean {
    const { rampMs, random } = this.#settings;
    const share = (now - this.#closedByOthersAt) / rampMs;
    return share < 1 && random() >= firstShare + (1 - firstShare) * share;
  }

  failed(context: Context): void {
    if (!this.#isWarned) return;
    const { knowledge, register } = this.#settings;
    const before = knowledge.statements;
    this.decide();
    // What was begun by this call lives, on Workers, as long as somebody waits for it.
    if (knowledge.statements !== before) context.waitUntil(register.now());
  }

  changed(to: 'open' | 'closed', context: Context | undefined): void {
    if (this.#isFollowing || this.#hasLeft) return;
    this.#vote(to);
    const told = this.#settings.register.now();
    context?.waitUntil(told);
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#settings.onLeave(this);
  }

  /** Does what the votes that are known mean for the circuit. */
  decide(): void {
    const { adopt, quorum, isEventual, knowledge, clock } = this.#settings;
    const { name } = this;
    const circuit = this.#circuit;
    const votes = knowledge.votesOn(name);
    const closed = closedEpoch(votes);
    if (closed > 0 && closed >= this.#epoch && circuit.state.phase !== 'closed') {
      this.#epoch = closed;
      this.#closedByOthersAt = clock.monotonic();
      this.#follow(() => circuit.close());
    }
    const news = openVotes(votes).filter((vote) => vote.epoch > this.#epoch);
    this.#isWarned = false;
    const leftMs = Math.max(0, ...news.map((vote) => knowledge.leftOf(vote, name, isEventual)));
    if (leftMs === 0) return;
    const living = knowledge.living(name);
    const voters = news.map(({ id }) => id).filter((id) => adopt !== 'quorum' || living.has(id));
    if (isAdopted(countPlaces(voters), countPlaces(living), adopt, quorum)) {
      this.#epoch = Math.max(...news.map((vote) => vote.epoch));
      this.#openMs = leftMs;
      this.#follow(() => circuit.open('peers', leftMs));
    } else if (adopt === 'quorum' && circuit.state.phase === 'closed') {
      this.#isWarned = true;
      const reason = this.#findingByHalf();
      // Its own finding as well, so the others hear of it.
      if (reason !== undefined) circuit.open(reason, leftMs);
    }
  }

  #findingByHalf(): OpenReason | undefined {
    const { state, settings } = this.#circuit;
    try {
      return reasonToOpen(state.window, halfOf(settings));
    } catch {
      // A condition of its user's that throws; whoever listens to the store must not hear of that.
      return undefined;
    }
  }

  #follow(step: () => void): void {
    this.#isFollowing = true;
    this.#election.restart();
    try {
      step();
    } finally {
      this.#isFollowing = false;
    }
  }

  #vote(state: 'open' | 'closed'): void {
    const { knowledge, clock } = this.#settings;
    const { name } = this;
    const before = Math.max(this.#epoch, knowledge.epochOf(name));
    this.#epoch = before + 1;
    this.#election.restart();
    this.#isWarned = false;
    this.#closedByOthersAt = Number.NEGATIVE_INFINITY;
    if (state === 'open') this.#openMs = this.#circuit.state.openForMs;
    // That it is closed has to be known for longer than anything that had opened it.
    const others = state === 'open' ? [] : knowledge.votesOn(name);
    const openMs = Math.max(this.#openMs, ...others.map((vote) => vote.openMs));
    knowledge.say(name, { state, epoch: this.#epoch, openMs, openedAt: clock.now() });
  }

  async #askForProbe(): Promise<void> {
    const { state, settings } = this.#circuit;
    const { openedAt } = state;
    const { probeTimeoutMs } = settings.halfOpen;
    const isMine = await this.#election.isMine(probeTimeoutMs, this.#epoch);
    // Others may have closed the circuit meanwhile.
    const isUpToDate = this.#circuit.state === state && state.openedAt === openedAt;
    // Calls may be farther apart than a probe may take: what is not begun does not run out.
    if (isMine && isUpToDate) state.probesUntil = Number.POSITIVE_INFINITY;
  }
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
