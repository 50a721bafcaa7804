/**
 * Rules that were published in a store.
 *
 * @module
 */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { systemClock } from '../core/clock.ts';
import type { Rules } from '../rules/model.ts';
import { parseCompiledRules } from '../rules/sources/compiled.ts';
import { type FollowedRules, followRules } from '../rules/sources/follow.ts';
import { storeRules } from '../rules/sources/store.ts';
import { type Following, type NamedRules, putInForce, type RulesOrigin } from './rules-origin.ts';
import { connectStore, type OpenedStore, placeOf } from './store.ts';
import { UsageError } from './usage.ts';

/** Settings of {@link storeOrigin}. */
export interface StoreOriginOptions {
  /** Which rules. */
  readonly name: string;
  /** A file that keeps the last good ones. */
  readonly cache: string | undefined;
}

/** How long a start waits for the store, in milliseconds. */
const patienceMs = 10_000;

/** How often the store is asked, in milliseconds, whatever it tells by itself. */
const pollMs = 5_000;

/** Whether it names a store and not a file. */
export function isStoreUrl(rules: string | undefined): rules is string {
  return rules !== undefined && /^(?:rediss?|deno-kv):/i.test(rules);
}

/** Rules of a store; nothing is asked of it yet. */
export function storeOrigin(url: string, { name, cache }: StoreOriginOptions): RulesOrigin {
  const place = placeOf(url);
  const abort = new AbortController();
  /** Found before there is a gateway to take it. */
  let found: NamedRules | undefined;
  let take = (rules: NamedRules): boolean => {
    found = rules;
    return true;
  };
  let opened: OpenedStore | undefined;
  let followed: FollowedRules | undefined;

  async function open(): Promise<FollowedRules> {
    opened = await connectStore(url, {
      say: (isAvailable, why) => {
        console.error(
          isAvailable
            ? `fetchmesh: rules: ${place} is back`
            : `fetchmesh: rules: ${place} is out: ${why}`,
        );
      },
    });
    const { store } = opened;
    followed = followRules({
      source: storeRules(store, { name }),
      apply(rules, revision) {
        if (!take({ rules, revision: String(revision) })) throw new Error('see above');
        if (cache !== undefined) void keep(cache, rules, revision);
      },
      onEvent({ type, message }) {
        if (type !== 'applied') console.error(`fetchmesh: rules: ${message}`);
      },
    });
    const refresh = (): void => void followed?.refresh();
    // Told at once where it can tell; asked from time to time in any case.
    void Promise.resolve(store.watch?.(`rules/${name}/current`, refresh, abort.signal)).catch(
      () => {},
    );
    return followed;
  }

  return {
    directory: '.',
    async first() {
      const rules = await open();
      const endsAt = performance.now() + patienceMs;
      await rules.refresh();
      const cached = found ?? (cache === undefined ? undefined : await cachedRules(cache));
      if (cached !== undefined) {
        if (found === undefined) {
          console.error(`fetchmesh: rules: revision ${cached.revision} of ${cache} is in force`);
        }
        return cached;
      }
      while (found === undefined && performance.now() < endsAt) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        await rules.refresh();
      }
      if (found !== undefined) return found;
      abort.abort();
      await opened?.close();
      throw new UsageError(
        `no rules '${name}' in ${place} within ${patienceMs / 1_000} s; publish some with fetchmesh publish, or start with --rules-cache`,
      );
    },
    follow(gateway): Following {
      take = (rules) => putInForce(gateway, rules);
      // What came after a start from the cache.
      if (found !== undefined && found.revision !== gateway.revision) take(found);
      let cancel = (): void => {};
      const turn = (): void => {
        cancel = systemClock.schedule(turn, pollMs * (0.5 + Math.random()));
        void followed?.refresh();
      };
      cancel = systemClock.schedule(turn, pollMs * Math.random());
      return {
        async check() {
          const before = followed?.revision;
          await followed?.refresh();
          return followed?.revision !== before;
        },
        async close() {
          cancel();
          abort.abort();
          await opened?.close();
        },
      };
    },
  };
}

interface Cached {
  readonly revision: number;
  readonly rules: Rules;
}

/** Written beside it and renamed, so that no half of it is ever read. */
async function keep(file: string, rules: Rules, revision: number): Promise<void> {
  const content: Cached = { revision, rules };
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(draft, JSON.stringify(content), { mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    console.error(`fetchmesh: rules: ${file} cannot be written: ${(error as Error).message}`);
  }
}

async function cachedRules(file: string): Promise<NamedRules | undefined> {
  try {
    const { revision, rules } = JSON.parse(await readFile(file, 'utf8')) as Cached;
    return { rules: parseCompiledRules(JSON.stringify(rules)), revision: String(revision) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') console.error(`fetchmesh: rules: ${file} is of no use: ${message}`);
    return undefined;
  }
}
