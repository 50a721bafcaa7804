import type { Middleware } from '../../src/core/chain.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { outbound } from '../../src/core/outbound.ts';
import { type RetryOptions, retry } from '../../src/policies/retry.ts';
import { type Answer, type Upstream, upstream } from './upstream.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What became of a call. */
export interface Called {
  readonly fetch: Upstream;
  readonly response: Response | undefined;
  readonly error: unknown;
}

/** Retries in virtual time. */
export interface RetryTrial {
  readonly clock: VirtualClock;
  /** What the policy has told of its requests, where `listening` stands around it. */
  readonly events: readonly PolicyEvent[];
  readonly listening: Middleware;
  /** A policy without chance, on the clock of the trial. */
  retrying(options?: RetryOptions): Middleware;
  /** Calls an upstream that answers by script, and lets as much time pass as all the waits need. */
  call(
    answers: readonly Answer[],
    options?: RetryOptions,
    input?: Request | string,
    init?: RequestInit,
  ): Promise<Called>;
}

/** A trial of its own for each test: nothing is left of the one before. */
export function retryTrial(): RetryTrial {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const listening: Middleware = (next) => (request, context) =>
    next(
      request,
      context.with(eventListener, (event) => events.push(event)),
    );
  const retrying = (options: RetryOptions = {}): Middleware =>
    retry({ clock, jitter: 'none', ...options });
  return {
    clock,
    events,
    listening,
    retrying,
    async call(answers, options, input = 'http://shop.example/', init) {
      const fetch = upstream(...answers);
      const answer = outbound(
        fetch,
        listening,
        retrying(options),
      )(input, init).then(
        (response) => ({ response, error: undefined }),
        (error: unknown) => ({ response: undefined, error }),
      );
      await clock.advance(3_600_000);
      return { fetch, ...(await answer) };
    },
  };
}
