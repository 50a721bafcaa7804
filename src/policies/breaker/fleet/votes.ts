/**
 * What the instances of a fleet tell each other about one breaker, apart from stores and clocks: votes, how two registers of
 * them become one, and what a register says.
 *
 * @module
 */

/** One instance's word on a circuit. */
export interface Vote {
  /** Of the instance, see {@link newInstanceId}. A process that starts anew has a new one. */
  readonly id: string;
  readonly state: 'open' | 'closed';
  /** Grows with every transition: one above all that the instance had seen. */
  readonly epoch: number;
  /** How long the circuit stays open; in a closed one, how long it had been open. */
  readonly openMs: number;
  /** Wall-clock time of the transition, for stores whose answers may be old. */
  readonly openedAt: number;
}

/** When instances open because others did. */
export type Adoption = 'off' | 'quorum' | 'any';

/** The most votes on one circuit that are kept. */
export const mostVotes = 256;

/** Votes for longer than a day are none; what is open for longer is told again by whoever opened it, or found out. */
export const longestOpenMs = 86_400_000;

const longestId = 64;

/**
 * Reads votes on one circuit. What is no vote is left out: nothing that others write may stop an instance.
 *
 * @param latestEpoch See {@link latestEpochAt}.
 */
export function readVotes(
  written: unknown,
  latestEpoch: number = Number.MAX_SAFE_INTEGER,
): readonly Vote[] {
  if (!Array.isArray(written)) return [];
  return mergeVotes(
    written.filter((vote) => isVote(vote) && vote.epoch <= latestEpoch),
    [],
  );
}

/**
 * The highest epoch that can be there: nobody counts to the milliseconds since 1970. One above it was forged, and votes that
 * count would never come up with it; above one below it they go on counting.
 *
 * @param now On the wall clock.
 */
export function latestEpochAt(now: number): number {
  return Math.floor(now);
}

/**
 * The later vote of each instance, the latest first, no more than {@link mostVotes}.
 *
 * Commutative, associative and idempotent: votes that arrive twice, late or in another order lead to the same list. The
 * bound keeps this, since votes are kept by the order in which they replace each other: whatever pushed a vote out pushes
 * out the older votes of its instance as well.
 */
export function mergeVotes(one: readonly Vote[], other: readonly Vote[]): readonly Vote[] {
  const latest = new Map<string, Vote>();
  for (const votes of [one, other]) {
    for (const vote of votes) {
      const known = latest.get(vote.id);
      if (known === undefined || compareVotes(vote, known) > 0) latest.set(vote.id, vote);
    }
  }
  return [...latest.values()].sort((a, b) => compareVotes(b, a)).slice(0, mostVotes);
}

/** The highest epoch in which an instance closed; votes to open of that epoch or one before count no more. */
export function closedEpoch(votes: readonly Vote[]): number {
  return votes.reduce(
    (highest, { state, epoch }) => (state === 'closed' ? Math.max(highest, epoch) : highest),
    0,
  );
}

/** The votes to open that no instance has closed since. */
export function openVotes(votes: readonly Vote[]): readonly Vote[] {
  const closed = closedEpoch(votes);
  return votes.filter(({ state, epoch }) => state === 'open' && epoch > closed);
}

/**
 * Whether an instance that finds its upstream well opens nevertheless.
 *
 * @param open How many vote to open.
 * @param living How many instances there are.
 * @param share How much of the living makes a quorum, above 0 and up to 1. It is never less than two instances, so that one
 * that is broken itself does not open all others.
 */
export function isAdopted(open: number, living: number, adopt: Adoption, share: number): boolean {
  if (adopt === 'off') return false;
  return open >= (adopt === 'any' ? 1 : Math.max(2, Math.ceil(share * living)));
}

/**
 * The place of an instance in the order in which the living probe, from 0: the same for all who know the same votes, and
 * another one in every epoch. For stores that cannot elect.
 */
export function probeRank(id: string, ids: readonly string[], epoch: number): number {
  const own = hash(`${epoch}:${id}`);
  return ids.filter((other) => {
    const theirs = hash(`${epoch}:${other}`);
    return other !== id && (theirs < own || (theirs === own && other < id));
  }).length;
}

/** Above 0 where `a` replaces `b`, or is kept before it. */
export function compareVotes(a: Vote, b: Vote): number {
  return (
    a.epoch - b.epoch ||
    compareText(b.state, a.state) ||
    a.openMs - b.openMs ||
    a.openedAt - b.openedAt ||
    compareText(a.id, b.id)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * A name for an instance that has just started.
 *
 * @param place Where it runs: what starts anew there is no further instance, see {@link placeOf}.
 */
export function newInstanceId(place: string | undefined): string {
  const id = crypto.randomUUID();
  return place === undefined ? id : `${hash(place).toString(16)}${placeMark}${id}`;
}

/** Where an instance runs, as far as its name says so; else it is a place of its own. */
export function placeOf(id: string): string {
  const end = id.indexOf(placeMark);
  return end === -1 ? id : id.slice(0, end);
}

/** How many places instances run at: one that crashes and starts anew, again and again, is one of them. */
export function countPlaces(ids: Iterable<string>): number {
  return new Set(Array.from(ids, placeOf)).size;
}

/** None of an UUID. */
const placeMark = '.';

/** Whether it can be the name of an instance. */
export function isInstanceId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= longestId;
}

function isVote(value: unknown): value is Vote {
  if (typeof value !== 'object' || value === null) return false;
  const { id, state, epoch, openMs, openedAt } = value as Vote;
  return (
    isInstanceId(id) &&
    (state === 'open' || state === 'closed') &&
    Number.isSafeInteger(epoch) &&
    epoch >= 0 &&
    Number.isFinite(openMs) &&
    openMs >= 0 &&
    openMs <= longestOpenMs &&
    Number.isFinite(openedAt) &&
    openedAt >= 0
  );
}

/** FNV-1a with a last mixing, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
