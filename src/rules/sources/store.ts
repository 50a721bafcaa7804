/**
 * Rules in a store: read by all instances, published by one.
 *
 * @module
 */

import type { Store } from '../../stores/contract.ts';
import type { Rules } from '../model.ts';
import { compiledRules, parseCompiledRules } from './compiled.ts';
import { type CurrentRules, parsePointer, pointedRules, rulesKeys } from './kv.ts';
import type { ReadCompiledRules, RulesSource } from './source.ts';

/** Which rules of a store. */
export interface StoreRulesOptions {
  /** Which rules, where a store holds several sets. Letters, digits, `.`, `_` and `-`. Default: `'default'`. */
  readonly name?: string;
}

/** Settings of {@link storeRules}. */
export interface StoreSourceOptions extends StoreRulesOptions {
  /** Where a runtime has threads, reads on another one, say. Default: reads in slices of a few milliseconds. */
  readonly read?: ReadCompiledRules;
}

/**
 * Rules in a store, under the same keys as those of {@link import('./kv.ts').kvRules}.
 *
 * @throws {RangeError} for a name that cannot be part of a key.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
 * const store = memoryStore();
 * await publishRules(store, rules!, { name: 'shop' }); // 1
 * const source = storeRules(store, { name: 'shop' });
 * (await source.latest(AbortSignal.timeout(1_000)))?.revision; // 1
 * ```
 */
export function storeRules(
  store: Store,
  { name = 'default', read }: StoreSourceOptions = {},
): RulesSource {
  async function get(key: string, signal: AbortSignal): Promise<string | null> {
    return (await store.get(key, { signal }))?.value ?? null;
  }
  return pointedRules(`${store.name} rules/${name}`, rulesKeys(name), get, read);
}

/** Settings of {@link publishRules}. */
export interface PublishOptions extends StoreRulesOptions {
  /**
   * The revision that has to be in force, 0 for none: where somebody else has published meanwhile, nothing is. Default:
   * whichever is.
   */
  readonly after?: number;
}

/**
 * Publishes rules as the next revision: first the rules, then the pointer to them, so that nobody sees half of it.
 *
 * Where two publish at once both get a revision of their own, if the store can compare and set; on an eventual store such
 * as Workers KV the last one wins, so let one publish.
 *
 * @returns The revision.
 * @throws {RangeError} where another revision than `after` is in force.
 * @throws {InvalidRulesError} for rules that no gateway would take, or a pointer in the store that is none.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
 * await publishRules(memoryStore(), rules!); // 1
 * ```
 */
export async function publishRules(
  store: Store,
  rules: Rules,
  { name = 'default', after }: PublishOptions = {},
): Promise<number> {
  const keys = rulesKeys(name);
  const text = JSON.stringify(rules);
  compiledRules(JSON.parse(text));
  const compares = store.capabilities.consistency !== 'eventual';
  const absent = compares ? { if: null } : {};
  let revision = 0;
  for (;;) {
    const current = await store.get(keys.current);
    const inForce = current === null ? 0 : parsePointer(current.value, keys).revision;
    if (after !== undefined && after !== inForce) {
      throw new RangeError(`revision ${inForce} of '${name}' is in force by now, not ${after}`);
    }
    // A revision that was written and never pointed to is passed over: its rules may be another's, half way.
    revision = Math.max(revision, inForce) + 1;
    const ref = keys.revision(revision);
    if ((await store.set(ref, text, absent)) === false) continue;
    const pointer: CurrentRules = { revision, ref };
    const unchanged = compares ? { if: current?.version ?? null } : {};
    if ((await store.set(keys.current, JSON.stringify(pointer), unchanged)) !== false) {
      return revision;
    }
  }
}

/** Settings of {@link rollBackRules}. */
export interface RollBackOptions extends PublishOptions {
  /** Which revision to go back to. Default: the one before that in force. */
  readonly revision?: number;
}

/**
 * Publishes earlier rules anew: revisions only grow, so going back is a step forward too.
 *
 * @returns The revision that is in force now, and the one whose rules it has.
 * @throws {RangeError} where there is no such revision, or none before.
 * @throws {InvalidRulesError} where this version cannot carry out what was published then.
 *
 * @example
 * ```ts
 * const store = memoryStore();
 * for (const timeout of ['3s', '5ms']) {
 *   const { rules } = parseRules(`routes: [{ path: /**, timeout: ${timeout} }]`);
 *   await publishRules(store, rules!);
 * }
 * await rollBackRules(store); // { revision: 3, of: 1 }
 * ```
 */
export async function rollBackRules(
  store: Store,
  options: RollBackOptions = {},
): Promise<{ readonly revision: number; readonly of: number }> {
  const { name = 'default', after } = options;
  const { revision: of, rules } = await earlierRules(store, options);
  return {
    revision: await publishRules(store, rules, { name, ...(after !== undefined && { after }) }),
    of,
  };
}

/** Rules as they were published. */
export interface EarlierRules {
  readonly revision: number;
  readonly rules: Rules;
}

/**
 * The rules that {@link rollBackRules} would go back to.
 *
 * @throws {RangeError} where there is no such revision, or none before.
 * @throws {InvalidRulesError} where this version cannot carry out what was published then.
 */
export async function earlierRules(
  store: Store,
  { name = 'default', revision }: RollBackOptions = {},
): Promise<EarlierRules> {
  const keys = rulesKeys(name);
  const current = await store.get(keys.current);
  if (current === null) throw new RangeError(`no rules '${name}' are published`);
  const inForce = parsePointer(current.value, keys).revision;
  const of = revision ?? inForce - 1;
  const entry = of >= 1 && of < inForce ? await store.get(keys.revision(of)) : null;
  if (entry === null) {
    throw new RangeError(
      of < 1
        ? `revision ${inForce} of '${name}' is the first`
        : `'${name}' has no revision ${of} before ${inForce}, which is in force`,
    );
  }
  return { revision: of, rules: parseCompiledRules(entry.value) };
}
