import { Context } from '../../src/core/context.ts';
import { eventListener, type PolicyEvent } from '../../src/core/event.ts';
import { type RateLimit, type RateLimitOptions, rateLimit } from '../../src/policies/rate-limit.ts';

export const hello = async (): Promise<Response> => new Response('hello');

/** An app behind limits, called with a user, and what the policy told. */
export function limitedApp(
  limits: RateLimit | readonly RateLimit[],
  options: RateLimitOptions,
): {
  get(user?: string, init?: RequestInit, inner?: Context): Promise<Response>;
  readonly events: PolicyEvent[];
  readonly context: Context;
} {
  const events: PolicyEvent[] = [];
  const run = rateLimit(limits, options)(hello);
  const context = Context.background('inbound').with(eventListener, (event) => events.push(event));
  return {
    get: (user = 'ada', init = {}, inner = context) =>
      run(new Request('http://shop.example/', { ...init, headers: { user } }), inner),
    events,
    context,
  };
}

export const byUser = (request: Request): string | null => request.headers.get('user');

export const perUser: RateLimit = { limit: 2, per: '10s', by: byUser };

export async function statuses(calls: readonly Promise<Response>[]): Promise<number[]> {
  return (await Promise.all(calls)).map(({ status }) => status);
}
