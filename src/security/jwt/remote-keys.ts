/**
 * A key set at a URL: fetched when it is needed, kept, and asked for again at bounded rates.
 *
 * @module
 */

import { bodyText } from '../../core/body-text.ts';
import { type Clock, sleep } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { discard, ignore } from '../../core/discard.ts';
import { durationOption } from '../../core/duration.ts';
import { knownOptions, shownUrl } from '../../core/option.ts';
import { mostKeys, publicKey, type VerificationKey } from './keys.ts';

/** Where an issuer publishes its keys, and how often they are asked for. */
export interface RemoteKeysOptions {
  /** Of a JSON Web Key Set (RFC 7517 §5). Redirects are not followed: this URL and no other decides whom to trust. */
  readonly url: string;
  /** After this time the set is fetched again, while requests go on with the one at hand. Default: `'5m'`. */
  readonly refresh?: string;
  /** How long the set at hand serves while its URL fails. Default: `'24h'`. */
  readonly staleFor?: string;
  /** Limit of one fetch. Default: `'5s'`. */
  readonly timeout?: string;
  /**
   * Least time between two fetches on behalf of a key that the set does not have, so that made-up key ids cause no
   * traffic. Default: `'30s'`.
   */
  readonly coolDown?: string;
}

/** What fetches the set; called bare. */
export type KeysFetch = (url: string, init: RequestInit) => Promise<Response>;

/** What holds where nothing is said. */
export const remoteKeysDefaults = {
  refresh: '5m',
  staleFor: '24h',
  timeout: '5s',
  coolDown: '30s',
} as const;

/** Larger sets are refused. */
const mostBytes = 512 * 1024;

/** After a failure the next attempt waits this long, then twice as long, up to the cool-down. */
const firstRetryMs = 1_000;

interface KeySet {
  readonly keys: readonly VerificationKey[];
  readonly at: number;
}

interface Flight {
  readonly since: number;
  readonly done: Promise<void>;
}

/** Reads and keeps one set. State: the set, and the fetch that is under way. */
export class RemoteKeys {
  readonly #url: string;
  readonly #refreshMs: number;
  readonly #staleMs: number;
  readonly #timeoutMs: number;
  readonly #coolDownMs: number;
  readonly #clock: Clock;
  readonly #fetch: KeysFetch;
  #set: KeySet | undefined;
  #flight: Flight | undefined;
  #failures = 0;
  #lastAttempt = Number.NEGATIVE_INFINITY;

  constructor(option: string, options: RemoteKeysOptions, clock: Clock, fetch: KeysFetch) {
    knownOptions(option, options, {
      ...{ url: true, refresh: true, staleFor: true, timeout: true, coolDown: true },
    });
    this.#url = keysUrlOption(`${option}.url`, options.url);
    this.#refreshMs = positive(`${option}.refresh`, options.refresh ?? remoteKeysDefaults.refresh);
    this.#staleMs = durationOption(
      `${option}.staleFor`,
      options.staleFor ?? remoteKeysDefaults.staleFor,
    );
    this.#timeoutMs = positive(`${option}.timeout`, options.timeout ?? remoteKeysDefaults.timeout);
    this.#coolDownMs = positive(
      `${option}.coolDown`,
      options.coolDown ?? remoteKeysDefaults.coolDown,
    );
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /**
   * The keys that may have signed such a token.
   *
   * @returns `undefined` where there is no set to look into.
   */
  async find(
    fits: (key: VerificationKey) => boolean,
    context: Context,
    signal: AbortSignal,
  ): Promise<readonly VerificationKey[] | undefined> {
    let set = this.#usable();
    if (set === undefined) {
      await this.#refresh(signal);
      set = this.#usable();
    } else if (this.#age(set) >= this.#refreshMs) {
      context.waitUntil(this.#refresh(signal).catch(ignore));
    }
    const found = set?.keys.filter(fits);
    if (found === undefined || found.length > 0) return found;
    // Perhaps the issuer has a new key since; perhaps the key id is made up.
    if (this.#clock.monotonic() - this.#lastAttempt < this.#coolDownMs) return [];
    await this.#refresh(signal);
    return this.#usable()?.keys.filter(fits);
  }

  #age({ at }: KeySet): number {
    return this.#clock.monotonic() - at;
  }

  #usable(): KeySet | undefined {
    const set = this.#set;
    return set !== undefined && this.#age(set) < this.#refreshMs + this.#staleMs ? set : undefined;
  }

  /** Waits for the fetch under way, or begins one if it is time; resolves whatever came of it. */
  async #refresh(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    let flight = this.#flight;
    // On Workers a fetch dies with the request that began it: whoever waits for it must not wait for ever.
    if (flight === undefined || now - flight.since >= this.#timeoutMs) {
      const pauseMs =
        this.#failures === 0
          ? 0
          : Math.min(this.#coolDownMs, firstRetryMs * 2 ** (this.#failures - 1));
      if (now - this.#lastAttempt < pauseMs) return;
      this.#lastAttempt = now;
      flight = this.#begin(now);
    }
    const waiting = new AbortController();
    const until = AbortSignal.any([signal, waiting.signal]);
    const leftMs = this.#timeoutMs - (now - flight.since);
    const patience = sleep(this.#clock, leftMs, until).catch(() => signal.throwIfAborted());
    try {
      await Promise.race([flight.done, patience]);
    } finally {
      waiting.abort();
      patience.catch(ignore);
    }
  }

  #begin(since: number): Flight {
    const done = this.#load().then(
      (keys) => {
        this.#set = { keys, at: this.#clock.monotonic() };
        this.#failures = 0;
      },
      () => {
        this.#failures += 1;
      },
    );
    const flight: Flight = { since, done };
    this.#flight = flight;
    done.then(() => {
      if (this.#flight === flight) this.#flight = undefined;
    }, ignore);
    return flight;
  }

  async #load(): Promise<readonly VerificationKey[]> {
    const limit = new AbortController();
    const cancel = this.#clock.schedule(() => limit.abort(), this.#timeoutMs);
    const { signal } = limit;
    // Taken into a local: called as a method, `fetch` would refuse on Workers.
    const fetch = this.#fetch;
    try {
      const headers = { accept: 'application/jwk-set+json, application/json' };
      // workerd knows no `redirect: 'error'`.
      const response = await fetch(this.#url, { headers, signal, redirect: 'manual' });
      if (response.status !== 200) {
        discard(response);
        throw new Error('The key set was not answered with 200');
      }
      const text = await bodyText(response, mostBytes);
      if (text === undefined) throw new Error('The key set is too large');
      return keysIn(JSON.parse(text));
    } finally {
      cancel();
    }
  }
}

function keysIn(document: unknown): readonly VerificationKey[] {
  const list = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(list)) throw new Error('The document is no key set');
  return list.slice(0, mostKeys).flatMap((key) => publicKey(key) ?? []);
}

function keysUrlOption(option: string, value: string): string {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url !== null && isHttp && url.username === '' && url.password === '') return url.href;
  throw new RangeError(
    `${option}: ${shownUrl(value)} is not an http or https URL without credentials`,
  );
}

function positive(option: string, value: string): number {
  const ms = durationOption(option, value);
  if (ms > 0) return ms;
  throw new RangeError(`${option}: ${JSON.stringify(value)} is not longer than nothing`);
}
