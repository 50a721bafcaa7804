/**
 * Retry budgets whose reserve the instances of a gateway share: `budget: { shared: true }` of the rules.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { type RetryBudget, retryBudget } from '../policies/retry-budget.ts';
import { sharedRetryBudget } from '../policies/shared-retry-budget.ts';
import type { BudgetRule } from '../rules/model.ts';
import type { TakingStore } from '../stores/contract.ts';
import { arrangementOf } from '../stores/delegate.ts';

/** What the budgets of a gateway have in common. */
export interface SharedBudgetsOptions {
  readonly store: TakingStore | undefined;
  readonly instances: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Makes the budget of this name. */
export type SharedBudgets = (name: string, rule: BudgetRule) => RetryBudget;

/**
 * Budgets that count in the store of the limits. One instance alone needs none.
 *
 * The function that it gives throws a `RangeError` where several instances have no store in common.
 */
export function sharedBudgets({
  store,
  instances,
  clock,
  random,
}: SharedBudgetsOptions): SharedBudgets {
  const plain = (store && arrangementOf(store)?.store) ?? store;
  return (name, { ratio, ttlMs, minPerSecond }) => {
    const settings = { ratio, ttl: formatDuration(ttlMs), minPerSecond, clock };
    if (plain !== undefined) return sharedRetryBudget({ ...settings, store: plain, name, random });
    if (instances === 1) return retryBudget(settings);
    throw new RangeError(
      `budget: \`shared: true\` of ${instances} instances needs a store that they share (Redis, a Durable Object, Deno KV)`,
    );
  };
}
