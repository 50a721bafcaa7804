/**
 * Keeping the last good rules in force while their source changes, breaks and comes back.
 *
 * @module
 */

import { type Clock, sleep, systemClock } from '../../core/clock.ts';
import { inform } from '../../core/event.ts';
import type { Rules } from '../model.ts';
import { printable } from '../quote.ts';
import { InvalidRulesError, type Publication, type RulesSource } from './source.ts';

/** What a look at the source led to; each is told once, until another one happens. */
export interface RulesEvent {
  /**
   * `'applied'`: other rules are in force. `'doubtful'`: they are, and part of them will not do what was meant. `'refused'`: what was published cannot be put in force. `'outdated'`: the
   * source serves an older revision than the one in force. `'unpublished'`: it holds no rules. `'unreachable'`: it failed.
   */
  readonly type: 'applied' | 'doubtful' | 'refused' | 'outdated' | 'unpublished' | 'unreachable';
  /** The revision that was found, where one was. */
  readonly revision: number | undefined;
  /** One line for a log: what happened, where, and which rules are in force now. */
  readonly message: string;
}

/** Settings of {@link followRules}. */
export interface FollowOptions {
  readonly source: RulesSource;
  /** Puts rules in force; a promise is waited for. What it throws or rejects with refuses them. */
  readonly apply: (rules: Rules, revision: number) => unknown;
  /** How old a look may be before the next one is due, in milliseconds. Default: 30000. */
  readonly refreshMs?: number;
  /** The same while there are no rules from the source yet, in milliseconds. Default: 1000, or `refreshMs` if less. */
  readonly retryMs?: number;
  /** How long a look may take to read, in milliseconds. Default: 10000. */
  readonly timeoutMs?: number;
  /** Ends it: what is under way is given up, and nothing more is put in force. Default: never. */
  readonly signal?: AbortSignal;
  /** Told what happened. What it throws is lost. Default: nobody. */
  readonly onEvent?: (event: RulesEvent) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** Rules from a source. */
export interface FollowedRules {
  /** The revision in force; 0 as long as the source has given none. */
  readonly revision: number;
  /** Whether the last look is old enough for another one, and none is under way. */
  readonly isDue: boolean;
  /** The look that is under way. */
  readonly looking: Promise<void> | undefined;
  /**
   * Looks at the source, and puts in force what is newer there. A look that is under way is not repeated but shared.
   * Bounded in time but for what `apply` takes, never rejects.
   */
  refresh(): Promise<void>;
}

/** The longest that is told of what went wrong, in characters. */
const longestReason = 300;

/** So many messages are remembered. */
const mostToldOfRevisions = 100;

interface Look {
  /** When it began to read, or else to put in force what it has read. */
  begunAt: number;
  readonly done: Promise<void>;
}

/**
 * Follows a source of rules. Revisions only grow: a store that serves an old value after a new one changes nothing. Rules
 * that are invalid or cannot be put in force, and a source that fails, leave the last good ones as they are.
 *
 * Has no timer: who runs it calls {@link FollowedRules.refresh}, from an interval, or on Workers from a request that finds
 * it {@link FollowedRules.isDue}.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
 * const source = { name: 'memory', latest: async () => ({ revision: 7, read: async () => rules! }) };
 * const followed = followRules({ source, apply: (rules) => rules.routes.length });
 * await followed.refresh();
 * followed.revision; // 7
 * ```
 */
export function followRules(options: FollowOptions): FollowedRules {
  const { source, apply, refreshMs = 30_000, timeoutMs = 10_000, clock = systemClock } = options;
  const { retryMs = Math.min(1_000, refreshMs), onEvent = () => {}, signal: ending } = options;
  let applied = 0;
  let look: Look | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let told = '';
  /** What was said of revisions that were not put in force, since the last one that was. */
  const toldOfRevisions = new Set<string>();

  function tell(type: RulesEvent['type'], revision: number | undefined, what: string): void {
    const message = `${source.name}: ${what}`;
    if (message === told) return;
    told = message;
    if (type === 'applied') toldOfRevisions.clear();
    if (revision !== undefined && (type === 'refused' || type === 'outdated')) {
      // A store that answers with old values shows them again and again, between others.
      if (toldOfRevisions.has(message)) return;
      if (toldOfRevisions.size === mostToldOfRevisions) toldOfRevisions.clear();
      toldOfRevisions.add(message);
    }
    inform(() => onEvent({ type, revision, message }));
  }
  function keeping(): string {
    return applied === 0 ? 'no rules of it are in force' : `revision ${applied} stays in force`;
  }

  async function update(signal: AbortSignal, onRead: () => void): Promise<void> {
    let found: Publication | undefined;
    try {
      found = await source.latest(signal);
      if (found === undefined) {
        tell('unpublished', undefined, `nothing is published; ${keeping()}`);
        return;
      }
      const { revision } = found;
      if (revision < applied) {
        tell('outdated', revision, `revision ${revision} is older; ${keeping()}`);
        return;
      }
      if (revision === applied) {
        told = '';
        return;
      }
      const rules = await found.read(signal);
      // A later look may have been faster than this one, or its caller has given up on it.
      if (signal.aborted || revision <= applied) return;
      onRead();
      await put(rules, revision);
    } catch (error) {
      if (signal.aborted) return;
      const isInvalid = error instanceof InvalidRulesError;
      const at = found === undefined ? '' : `revision ${found.revision}: `;
      tell(
        isInvalid ? 'refused' : 'unreachable',
        found?.revision,
        `${at}${isInvalid ? 'refused' : 'cannot be read'}: ${reasonOf(error)}; ${keeping()}`,
      );
    }
  }

  async function put(rules: Rules, revision: number): Promise<void> {
    try {
      await apply(rules, revision);
    } catch (error) {
      throw new InvalidRulesError(reasonOf(error));
    }
    // Later ones may have been faster.
    if (revision <= applied) return;
    applied = revision;
    tell('applied', revision, `revision ${revision} is in force`);
  }

  async function limited(onRead: () => void): Promise<void> {
    const abort = new AbortController();
    const read = new AbortController();
    const late = new Promise<void>((resolve) => {
      sleep(clock, timeoutMs, read.signal).then(
        () => {
          abort.abort(new Error('late'));
          tell('unreachable', undefined, `no answer within ${timeoutMs} ms; ${keeping()}`);
          resolve();
        },
        () => {},
      );
    });
    function hasRead(): void {
      read.abort();
      onRead();
    }
    function end(): void {
      abort.abort(ending?.reason);
      read.abort();
    }
    ending?.addEventListener('abort', end);
    await Promise.race([update(abort.signal, hasRead), late]);
    ending?.removeEventListener('abort', end);
    read.abort();
  }

  function underWay(): Look | undefined {
    // On Workers a look dies with the request that began it, and then never ends.
    const isAlive = look !== undefined && clock.monotonic() - look.begunAt <= timeoutMs;
    return isAlive ? look : undefined;
  }

  function forget(ended: Look): void {
    if (look === ended) look = undefined;
  }

  return {
    get revision() {
      return applied;
    },
    get isDue() {
      if (underWay() !== undefined) return false;
      return clock.monotonic() - lookedAt >= (applied === 0 ? retryMs : refreshMs);
    },
    get looking() {
      return underWay()?.done;
    },
    refresh() {
      const current = underWay();
      if (current !== undefined) return current.done;
      if (ending?.aborted) return Promise.resolve();
      lookedAt = clock.monotonic();
      const mine: Look = {
        begunAt: lookedAt,
        done: limited(() => {
          mine.begunAt = clock.monotonic();
        }).then(() => forget(mine)),
      };
      look = mine;
      return mine.done;
    },
  };
}

/** Fit for a line of a log: it may quote what a stranger has written. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(
    message.length > longestReason ? `${message.slice(0, longestReason)}…` : message,
  );
}
