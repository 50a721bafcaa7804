/**
 * Rules that were published in a store.
 *
 * @module
 */

import { storeRules } from '../rules/sources/store.ts';
import { connectStore, placeOf } from './connect-store.ts';
import { followedOrigin } from './followed-origin.ts';
import { readCompiledAside } from './load-rules.ts';
import type { RulesOrigin } from './rules-origin.ts';

/** Settings of {@link storeOrigin}. */
export interface StoreOriginOptions {
  /** Which rules. */
  readonly name: string;
  /** A file that keeps the last good ones. */
  readonly cache: string | undefined;
}

/** Whether it names a store and not a file. */
export function isStoreUrl(rules: string | undefined): rules is string {
  return rules !== undefined && /^(?:rediss?|deno-kv):/i.test(rules);
}

/** Rules of a store; nothing is asked of it yet. */
export function storeOrigin(url: string, { name, cache }: StoreOriginOptions): RulesOrigin {
  const place = placeOf(url);
  return followedOrigin({
    cache,
    pollMs: 5_000,
    missing: `no rules '${name}' in ${place}`,
    async open() {
      const opened = await connectStore(url, {
        say: (isAvailable, why) => {
          console.error(
            isAvailable
              ? `fetchmesh: rules: ${place} is back`
              : `fetchmesh: rules: ${place} is out: ${why}`,
          );
        },
      });
      const { store } = opened;
      return {
        source: storeRules(store, { name, read: readCompiledAside }),
        watch: (onNews, signal) => store.watch?.(`rules/${name}/current`, onNews, signal),
        close: () => opened.close(),
      };
    },
  });
}
