/**
 * The chain around a `fetch`.
 *
 * @module
 */

import { abortSignal } from './abort.ts';
import { endsWithRequest } from './abort-callbacks.ts';
import { type FetchInit, requestFrom } from './body-source.ts';
import {
  compose,
  describeValue,
  type Fetch,
  keepLayers,
  layersOf,
  type Middleware,
} from './chain.ts';
import { type BackgroundWork, type Context, contextOf, isContext } from './context.ts';
import { exchange } from './exchange.ts';
import { outgoing, platformInit, requestOf, withoutEdits } from './outgoing.ts';
import { hold } from './own.ts';
import { RejectionError, rejectionOf } from './rejection.ts';
import { rootContext } from './root-context.ts';

/** Settings of {@link outbound}. */
export interface OutboundOptions {
  /**
   * How an answer of the governance reaches the caller: as a problem-details `'response'`, or `'throw'`n as a
   * {@link RejectionError}. Default: `'response'`.
   */
  readonly rejections?: 'response' | 'throw';
}

/**
 * Puts middlewares around a `fetch`. The result is a `fetch` itself, for anything that takes one.
 *
 * A call continues the trace and the deadline of the request being served when it is given that request's context, or
 * that request itself.
 *
 * @param fetch Called bare. The platform's own, and a function that declares a second parameter, get what the chain
 * changed as `(request, { headers, signal })`, which spares a copy; any other gets a request with the changes in it.
 * @param middlewares The first is the outermost. The last argument may be {@link OutboundOptions}.
 *
 * @example
 * ```ts
 * const shop = outbound(async (request) => new Response(`GET ${request.url}`));
 * await (await shop('http://shop.example/')).text(); // 'GET http://shop.example/'
 * ```
 */
export function outbound(
  fetch: (request: Request, init?: RequestInit) => Promise<Response>,
  ...middlewares: [...Middleware[], OutboundOptions] | Middleware[]
): Fetch {
  if (typeof fetch !== 'function') {
    throw new TypeError(
      `outbound: the fetch is ${describeValue(fetch)}, not a function; for a service binding: (request) => binding.fetch(request)`,
    );
  }
  const last = middlewares.at(-1);
  const options = typeof last === 'object' && last !== null ? last : {};
  const { rejections = 'response' } = options;
  if (rejections !== 'response' && rejections !== 'throw') {
    throw new RangeError(`outbound.rejections: '${rejections}' is not one of response, throw`);
  }
  const throwing = rejections === 'throw';
  const chain = compose(
    ...(middlewares.slice(0, last === options ? -1 : undefined) as Middleware[]),
  );

  const isPlatforms = fetch === globalThis.fetch;
  // Changes handed to a function that does not look at them would be lost without a word.
  const takesInit = isPlatforms || fetch.length > 1;
  const run = chain(async function send(request, context) {
    const changed = outgoing(request, context);
    const { input, init } = changed;
    if (init === undefined) return await fetch(request);
    const isTaken = isPlatforms || (takesInit && typeof input !== 'string');
    const sent = (isTaken ? input : requestOf(changed)) as Request;
    return await (takesInit ? fetch(sent, init) : fetch(sent));
  });

  const background: BackgroundWork = { pending: 0, rejected: 0 };
  async function outbound(
    input: RequestInfo | URL,
    second?: FetchInit | Context,
    third?: Context,
  ): Promise<Response> {
    const init = isContext(second) ? undefined : second;
    const given = isContext(second) ? second : third;
    const request =
      init === undefined && input instanceof Request ? input : requestFrom(input, init);
    const served = input instanceof Request ? contextOf(input) : undefined;
    const parent = given ?? served;
    const signal = init?.signal ?? undefined;
    // The request being served ends with its context; another one may end before.
    let caller = signal;
    if (signal === undefined && input instanceof Request) {
      if (served !== parent) caller = request.signal;
      // On Node a request made from a signal follows it only until the request is collected: before its body is read.
      if (served === undefined) {
        hold(input, input.signal);
        if (request !== input) hold(request, request.signal);
      }
    } else if (signal === undefined) {
      // Nobody else has it.
      endsWithRequest(request.signal);
    }
    let context =
      parent === undefined
        ? rootContext('outbound', request, [], background)
        : continued(parent, caller);
    if (signal && !context.get(abortSignal)) context = context.with(abortSignal, signal);
    const forgotten = init && forgottenByRequest(init);
    if (forgotten) context = context.with(platformInit, forgotten);

    const response = await run(request, context);
    const rejection = throwing ? rejectionOf(response) : undefined;
    if (rejection !== undefined) throw new RejectionError(rejection, response);
    return response;
  }
  keepLayers(outbound, ['outbound', ...layersOf(chain), 'fetch']);
  // Bun's `fetch` has a method.
  return Object.assign(
    outbound as Fetch,
    'preconnect' in fetch ? { preconnect: fetch.preconnect } : {},
  );
}

/**
 * The context of a call that another request causes: its trace and its deadline, but none of its edits, and nothing that
 * the call does is put on the record of that request.
 *
 * @param signal What else ends the call.
 */
function continued(parent: Context, signal: AbortSignal | undefined): Context {
  const outward = parent.direction === 'outbound' ? parent : parent.outward();
  const context = withoutEdits(outward).with(exchange, undefined);
  const limit = context.get(abortSignal);
  return limit === undefined || signal === undefined
    ? context
    : context.with(abortSignal, AbortSignal.any([limit, signal]));
}

const platformOnlyMembers = [
  'client',
  'decompress',
  'dispatcher',
  'proxy',
  'tls',
  'unix',
  'verbose',
];

/** The members of an init that mean something to one runtime's `fetch` and that `new Request` drops there. */
function forgottenByRequest(init: FetchInit): RequestInit | undefined {
  let kept: Record<string, unknown> | undefined;
  for (const member of platformOnlyMembers) {
    if (member in init) {
      kept ??= {};
      kept[member] = (init as Record<string, unknown>)[member];
    }
  }
  return kept;
}
