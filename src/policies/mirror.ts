/**
 * Sending a copy of the traffic somewhere else, to see how that would bear it.
 *
 * @module
 */

import { abortSignal, follow, signalOf, timeoutError, unlessAborted } from '../core/abort.ts';
import { canonicalPathname } from '../core/canonical-path.ts';
import { call, layer, type Middleware, type Next } from '../core/chain.ts';
import { type Clock, longestDelayMs, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { discard } from '../core/discard.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { emit } from '../core/event.ts';
import { type HeaderEdits, headerEditsOption } from '../core/header-edits.ts';
import { unsendable } from '../core/hop-by-hop.ts';
import { knownOptions, wholeOption, wordOption } from '../core/option.ts';
import { isDrawn, percentOption } from '../core/percent.ts';
import { type Recording, record } from '../core/recording.ts';
import { defaultReplayBytes } from '../core/replay.ts';
import { contextOfCopy, destinationOf, headersOfCopy, mirrorHeader } from './mirror-copy.ts';

export { mirrorHeader } from './mirror-copy.ts';

/** How many copies there may be at once, unless it is said. */
export const defaultMaxCopies = 100;

/** Settings of {@link mirror}. One of `to` and `send` says where the copies go. */
export interface MirrorOptions {
  /** Origin, with or without a path in front: `'http://users-v2.internal'`. */
  readonly to?: string | URL;
  /** Sends a copy in place of `fetch`: a handler, a service binding, a chain of one's own. */
  readonly send?: Next;
  /** How many of the requests, in percent; drawn once a request. Default: 100. */
  readonly percent?: number;
  /**
   * Whether `authorization` and `cookie` are copied too: `'include'`, `'omit'`, or `'same-origin'`, that is where the copy
   * goes to the origin of the request; never for `send`. Default: `'same-origin'`.
   */
  readonly credentials?: 'include' | 'omit' | 'same-origin';
  /** Edits of the copy's headers, after all else. */
  readonly headers?: HeaderEdits;
  /** How long a copy may take to be answered, and its body to be complete once the request was. Default: `'15s'`. */
  readonly timeout?: Duration;
  /** The longest body that is copied, in bytes; requests with a longer one are not mirrored. Default: 262144. */
  readonly maxReplayBytes?: number;
  /** How many copies there may be at once, which bounds the memory for bodies. Default: 100. */
  readonly maxActive?: number;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1), asked once a request. Default: `Math.random`. */
  readonly random?: () => number;
}

/** What became of the copies so far. */
export interface MirrorStats {
  /** Copies under way. */
  readonly active: number;
  /** Copies that were answered, whatever the answer. */
  readonly answered: number;
  /** Copies that failed, were too slow, or were given up since the caller left. */
  readonly failed: number;
  /** Requests that were to be mirrored and could not be. */
  readonly skipped: number;
}

/** A {@link Middleware} that keeps count of its copies. */
export interface MirrorMiddleware extends Middleware {
  readonly stats: MirrorStats;
}

/**
 * Sends a copy of each request, or of some, to a second place and throws its answer away.
 *
 * The request itself goes its way as if there was no copy: it never waits for it, and nothing that happens to the copy
 * shows. A copy with a body leaves once the request's own body was read to its end. It ends with the caller as long as the
 * request is not answered; afterwards it is given to `waitUntil`.
 *
 * Semantics: Envoy's request mirroring, with credentials held back.
 *
 * @example
 * ```ts
 * const seen: string[] = [];
 * const shadow = mirror({
 *   send: async (copy) => {
 *     seen.push(copy.url);
 *     return new Response();
 *   },
 * });
 * const shop = outbound(async () => new Response('ok'), shadow);
 * await (await shop('http://shop.example/')).text(); // 'ok'
 * await Promise.resolve();
 * seen; // ['http://shop.example/']
 * ```
 */
export function mirror(options: MirrorOptions): MirrorMiddleware {
  knownOptions('mirror', options, {
    to: true,
    send: true,
    percent: true,
    credentials: true,
    headers: true,
    timeout: true,
    maxReplayBytes: true,
    maxActive: true,
    clock: true,
    random: true,
  });
  const { percent = 100, credentials = 'same-origin', headers = {}, timeout = '15s' } = options;
  const { maxReplayBytes = defaultReplayBytes, maxActive = defaultMaxCopies } = options;
  const { clock = systemClock, random = Math.random } = options;
  percentOption('mirror.percent', percent);
  headerEditsOption('mirror.headers', headers);
  const timeoutMs = durationOption('mirror.timeout', timeout);
  if (timeoutMs === 0 || timeoutMs > longestDelayMs) {
    throw new RangeError(`mirror.timeout: '${timeout}' is not from 1ms to 2147483647ms (24.8d)`);
  }
  wordOption('mirror.credentials', credentials, ['include', 'omit', 'same-origin']);
  wholeOption('mirror.maxReplayBytes', maxReplayBytes, 0);
  wholeOption('mirror.maxActive', maxActive, 1);
  const { send, origin } = destinationOf(options);
  const copied = { credentials, headers, origin };
  const stats = { active: 0, answered: 0, failed: 0, skipped: 0 };

  function isWanted(request: Request, context: Context): boolean {
    if (request.headers.has(mirrorHeader) || request.headers.has('upgrade')) return false;
    if (unsendable.has(request.method) || !isDrawn(percent, random)) return false;
    if (stats.active < maxActive) return true;
    skip(context, 'overflow');
    return false;
  }

  function skip(context: Context, reason: 'overflow' | 'body'): void {
    stats.skipped += 1;
    emit(context, 'mirror_skipped', { reason });
  }

  async function sendCopy(copy: Copy, { body }: Recording, context: Context): Promise<void> {
    const { signal } = copy;
    let cancelTimer: (() => void) | undefined;
    stats.active += 1;
    try {
      const bytes = await body;
      if (signal.aborted) throw signal.reason;
      if (bytes === undefined) return skip(context, 'body');
      cancelTimer = clock.schedule(() => {
        copy.abort(timeoutError(`No response within ${timeout}`));
      }, timeoutMs);
      emit(context, 'mirror');
      const { url, method } = copy.request;
      const init = { method, headers: copy.headers, body: bytes, signal, redirect: 'manual' };
      // What comes too late is thrown away all the same.
      const path = context.get(canonicalPathname);
      const answer = send(url, init as RequestInit, contextOfCopy(context, signal), path);
      await unlessAborted(signal, answer.then(discard));
      stats.answered += 1;
    } catch {
      // Nobody but the statistics is to know (MI-01).
      stats.failed += 1;
    } finally {
      cancelTimer?.();
      stats.active -= 1;
    }
  }

  const middleware = layer(
    `mirror ${percent}% to ${origin ?? 'a handler'}`,
    (next) =>
      function mirror(request, context) {
        return isWanted(request, context) ? mirrored(request, context) : next(request, context);

        async function mirrored(request: Request, context: Context): Promise<Response> {
          const caller = signalOf(request, context);
          if (caller.aborted) throw caller.reason;
          const headers = headersOfCopy(request, context, copied);
          const recording = record(request, maxReplayBytes);
          const copy = Object.assign(follow(caller), { request, headers });
          const isSame = recording.request === request;
          // A copy of a request follows the caller's signal, on Node only until it is collected.
          const origin = isSame ? context : context.with(abortSignal, caller);
          const primary = call(next, recording.request, origin);
          context.waitUntil(sendCopy(copy, recording, context));
          try {
            return await primary;
          } finally {
            if (caller.aborted) recording.giveUp();
            // Answered: from now on the copy lives on its own (MI-05).
            else copy.release(undefined);
            if (!isSame) limitRecording(recording);
          }
        }
      },
  );

  /** A body that its reader has left unread when it answered may never end. */
  function limitRecording({ body, giveUp }: Recording): void {
    const cancel = clock.schedule(giveUp, timeoutMs);
    body.then(cancel);
  }
  return Object.assign(middleware, { stats });
}

/** What is known of a copy before its body is. */
interface Copy extends ReturnType<typeof follow> {
  readonly request: Request;
  readonly headers: Headers;
}
