/**
 * What instances share: the block `state` of the file.
 *
 * @module
 */

import * as z from 'zod';
import type { SharedState } from '../model.ts';
import { block, choice, numberLike, Refusal, text } from '../shape.ts';
import { variableName } from './names.ts';

/** As written. */
export interface StateBlock {
  readonly store?: string | StoreVariable;
  readonly mode?: 'leased' | 'exact';
  readonly breakers?: 'quorum' | 'any' | 'alone';
  readonly instances?: number;
}

/** A URL that stands elsewhere, since it holds a password. */
export interface StoreVariable {
  readonly env: string;
}

const expected =
  'the URL of a store, such as redis://10.0.0.5:6379, rediss://…, memory: or deno-kv:PATH';

const storeUrl = text({
  expected,
  read(written) {
    const { protocol, hostname, password } = URL.parse(written) ?? {};
    const isHosted = protocol === 'redis:' || protocol === 'rediss:';
    if (password) {
      return new Refusal(() => ({
        code: 'FM017',
        message: 'the URL of a store holds a password',
        label: 'name the variable that holds the URL: { env: REDIS_URL }',
      }));
    }
    if (isHosted ? hostname !== '' : protocol === 'memory:' || protocol === 'deno-kv:') {
      return written;
    }
    return new Refusal(({ value }) => ({
      code: 'FM017',
      message: `${value} is not ${expected}`,
      label: 'a store is Redis, Deno KV, or the memory of the process',
    }));
  },
});

/** Where limits count and breakers hear of each other. Options of `serve` go before it. */
export const state: z.ZodType<StateBlock> = block<StateBlock>(
  { title: '`state`' },
  {
    store: z.union([
      storeUrl,
      block<StoreVariable>({ title: '`store`', required: ['env'] }, { env: variableName }),
    ]),
    mode: choice(['leased', 'exact']),
    breakers: choice(['quorum', 'any', 'alone']),
    instances: numberLike('a whole number from 1 to 10000', () =>
      z.number().int().min(1).max(10_000),
    ),
  },
);

/** The resolved form. */
export function resolveState(written: StateBlock): SharedState {
  const { store, mode = 'leased', breakers = 'quorum', instances = 1 } = written;
  return { ...(store !== undefined && { store }), mode, breakers, instances };
}
