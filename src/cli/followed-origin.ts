/**
 * Rules that are followed wherever they were published.
 *
 * @module
 */

import { createWriteStream } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../core/clock.ts';
import type { Rules } from '../rules/model.ts';
import { parseCompiledRules } from '../rules/sources/compiled.ts';
import { type FollowedRules, followRules } from '../rules/sources/follow.ts';
import { jsonPieces } from '../rules/sources/json-pieces.ts';
import type { RulesSource } from '../rules/sources/source.ts';
import {
  type Following,
  type NamedRules,
  putInForceGradually,
  type RulesOrigin,
} from './rules-origin.ts';
import { UsageError } from './usage.ts';

/** A source that was opened. */
export interface OpenedSource {
  readonly source: RulesSource;
  /** Calls back when there is news, where the source can tell; until the signal aborts. */
  watch?(onNews: () => void, signal: AbortSignal): unknown;
  close?(): Promise<void>;
}

/** Settings of {@link followedOrigin}. */
export interface FollowedOriginOptions {
  /** Opens the source; called once. */
  open(): Promise<OpenedSource>;
  /** A file that keeps the last good rules. */
  readonly cache: string | undefined;
  /** How often the source is asked, in milliseconds, give or take a half, whatever it tells by itself. */
  readonly pollMs: number;
  /** Said where there are no rules within the patience of a start. */
  readonly missing: string;
  /** What rules are called. Default: their revision. */
  readonly nameOf?: (rules: Rules, revision: number) => string | Promise<string>;
}

/** How long a start waits for rules, in milliseconds. */
const patienceMs = 10_000;

/** Rules of a source; nothing is asked of it yet. */
export function followedOrigin(options: FollowedOriginOptions): RulesOrigin {
  const { cache, pollMs, missing, nameOf = (_, revision) => String(revision) } = options;
  const abort = new AbortController();
  /** Found before there is a gateway to take it. */
  let found: NamedRules | undefined;
  let take = async (rules: NamedRules): Promise<boolean> => {
    found = rules;
    return true;
  };
  let opened: OpenedSource | undefined;
  /** One after the other, so that the last one stays. */
  let kept = Promise.resolve();
  let followed: FollowedRules | undefined;

  async function open(): Promise<FollowedRules> {
    opened = await options.open();
    followed = followRules({
      source: opened.source,
      signal: abort.signal,
      async apply(rules, revision) {
        const named = { rules, revision: await nameOf(rules, revision) };
        if (!(await take(named))) throw new Error('see above');
        if (cache !== undefined) kept = kept.then(() => keep(cache, named));
      },
      onEvent({ type, message }) {
        if (type !== 'applied') console.error(`fetchmesh: rules: ${message}`);
      },
    });
    const refresh = (): void => void followed?.refresh();
    // Told at once where it can tell; asked from time to time in any case.
    void Promise.resolve(opened.watch?.(refresh, abort.signal)).catch(() => {});
    return followed;
  }

  async function close(): Promise<void> {
    abort.abort();
    await opened?.close?.();
  }

  return {
    directory: '.',
    close,
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
      throw new UsageError(
        `${missing} within ${patienceMs / 1_000} s; publish some, or start with --rules-cache`,
      );
    },
    follow(gateway, inForce): Following {
      take = async (named) => {
        const isInForce = await putInForceGradually(gateway, named);
        if (isInForce) inForce(named.rules);
        return isInForce;
      };
      // What came after a start from the cache.
      if (found !== undefined && found.revision !== gateway.revision) void take(found);
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
          await close();
        },
      };
    },
  };
}

/** Written beside it and renamed, so that no half of it is ever read. */
async function keep(file: string, content: NamedRules): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await pipeline(Readable.from(textOf(content)), createWriteStream(draft, { mode: 0o600 }));
    await rename(draft, file);
  } catch (error) {
    console.error(`fetchmesh: rules: ${file} cannot be written: ${(error as Error).message}`);
  }
}

function* textOf({ rules, revision }: NamedRules): Generator<string> {
  yield `{"revision":${JSON.stringify(revision)},"rules":`;
  yield* jsonPieces(rules);
  yield '}';
}

async function cachedRules(file: string): Promise<NamedRules | undefined> {
  try {
    const { revision, rules } = JSON.parse(await readFile(file, 'utf8')) as NamedRules;
    return { rules: parseCompiledRules(JSON.stringify(rules)), revision: String(revision) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') console.error(`fetchmesh: rules: ${file} is of no use: ${message}`);
    return undefined;
  }
}
