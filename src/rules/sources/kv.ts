/**
 * Rules in Workers KV, or in any store that gets a text by key.
 *
 * @module
 */

import { parseCompiledRulesGradually } from './compiled.ts';
import { InvalidRulesError, type ReadCompiledRules, type RulesSource } from './source.ts';

/** What is used of a KV namespace. */
export interface KvNamespace {
  get(
    key: string,
    options: { readonly type: 'text'; readonly cacheTtl?: number },
  ): Promise<string | null>;
}

/** Settings of {@link kvRules}. */
export interface KvRulesOptions {
  /** Which rules, where a namespace holds several sets. Letters, digits, `.`, `_` and `-`. Default: `'default'`. */
  readonly name?: string;
}

/** What stands under `rules/<name>/current`. */
export interface CurrentRules {
  readonly revision: number;
  /** The key of the rules: `rules/<name>/r/<revision>`, or that of an earlier revision to go back to. */
  readonly ref: string;
}

/** Keys of rules in a store. */
export interface RulesKeys {
  /** Says which revision is in force, as {@link CurrentRules} in JSON. The only key whose value changes. */
  readonly current: string;
  /** Holds the rules of a revision, compiled, as JSON. Written before `current` points there, and never again. */
  revision(number: number): string;
}

/** The keys of a set of rules. @throws {RangeError} for a name that cannot be part of a key. */
export function rulesKeys(name: string): RulesKeys {
  if (!/^[\w.-]{1,100}$/.test(name)) {
    throw new RangeError(
      `rules: '${name}' is no name; it takes 1 to 100 letters, digits, '.', '_' and '-'`,
    );
  }
  return { current: `rules/${name}/current`, revision: (number) => `rules/${name}/r/${number}` };
}

/**
 * Rules in a key-value store that may serve old values for a while, as Workers KV does.
 *
 * A pointer, `rules/<name>/current`, names a revision and the key of its rules; the rules themselves are never changed. So
 * what a reader sees is always one whole set, at worst an older one, which {@link followRules} does not put in force. To
 * go back, point a higher revision at the rules of an earlier one.
 *
 * Workers KV caches for 30 s at least, also that a key is not there: write the keys when you deploy.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
 * const values = new Map([
 *   ['rules/shop/r/1', JSON.stringify(rules)],
 *   ['rules/shop/current', '{ "revision": 1, "ref": "rules/shop/r/1" }'],
 * ]);
 * const source = kvRules({ get: async (key) => values.get(key) ?? null }, { name: 'shop' });
 * (await source.latest(AbortSignal.timeout(1_000)))?.revision; // 1
 * ```
 */
export function kvRules(namespace: KvNamespace, options: KvRulesOptions = {}): RulesSource {
  const { name = 'default' } = options;
  const keys = rulesKeys(name);
  if (typeof namespace?.get !== 'function') {
    throw new TypeError('kvRules: there is no KV namespace; is its binding in wrangler.toml?');
  }
  return pointedRules(`KV rules/${name}`, keys, (key) =>
    namespace.get(key, {
      type: 'text',
      // The shortest that KV takes; without it a change could take a minute to be seen.
      ...(key === keys.current && { cacheTtl: 30 }),
    }),
  );
}

/** Rules behind a pointer, in whatever gets a text by key. */
export function pointedRules(
  name: string,
  keys: RulesKeys,
  get: (key: string, signal: AbortSignal) => Promise<string | null>,
  read: ReadCompiledRules = parseCompiledRulesGradually,
): RulesSource {
  return {
    name,
    async latest(signal) {
      const pointer = await get(keys.current, signal);
      if (pointer === null) return undefined;
      const { revision, ref } = parsePointer(pointer, keys);
      return {
        revision,
        async read(signal) {
          const text = await get(ref, signal);
          // The two keys travel one by one: the rules can arrive after the pointer to them.
          if (text === null) throw new Error(`'${ref}' is not there, or not there yet`);
          return await read(text);
        },
      };
    },
  };
}

/** @throws {InvalidRulesError} for a text that is no pointer to these rules. */
export function parsePointer(text: string, keys: RulesKeys): CurrentRules {
  let pointer: Partial<CurrentRules> | null = null;
  try {
    pointer = JSON.parse(text);
  } catch {
    // Told below.
  }
  const { revision, ref } = pointer ?? {};
  if (!Number.isSafeInteger(revision) || (revision as number) < 1 || typeof ref !== 'string') {
    throw new InvalidRulesError(
      `'${keys.current}' does not hold {"revision": <whole number from 1>, "ref": "${keys.revision(1)}"}`,
    );
  }
  if (!ref.startsWith(keys.revision(0).slice(0, -1))) {
    throw new InvalidRulesError(
      `'${keys.current}' points outside of its rules: ${JSON.stringify(ref.slice(0, 100))}`,
    );
  }
  return { revision: revision as number, ref };
}
