/**
 * How load is spread over the endpoints of a service.
 *
 * @module
 */

import * as z from 'zod';
import { type BalancePolicy, balancePolicies } from '../../routing/balance.ts';
import { block, choice, numberLike } from '../shape.ts';
import { percentage } from './duration.ts';

/** The long form. */
export interface BalanceBlock {
  readonly policy?: BalancePolicy;
  readonly bias?: number;
  /** From 0 to 1. */
  readonly panic?: number;
}

/** As written: a policy, or the long form. */
export type BalanceWritten = BalancePolicy | BalanceBlock;

const policy: z.ZodType<BalancePolicy> = choice(balancePolicies);

/** A policy, or the block. */
export const balance: z.ZodType<BalanceWritten> = z.union([
  policy,
  block<BalanceBlock>(
    { title: '`balance`' },
    {
      policy,
      bias: numberLike('a number from 0 to 100', () => z.number().min(0).max(100)),
      panic: percentage(),
    },
  ),
]);
