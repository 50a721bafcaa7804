/**
 * Asking somebody else whether a request may go on.
 *
 * @module
 */

import { abortSignal, followCaller, timeoutError, unlessAborted } from '../../core/abort.ts';
import { peerAddress } from '../../core/address.ts';
import { canonicalPathname } from '../../core/canonical-path.ts';
import { clientScheme } from '../../core/client-scheme.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { discard, ignore } from '../../core/discard.ts';
import { durationOption } from '../../core/duration.ts';
import { endpoint, triedEndpoints } from '../../core/endpoint.ts';
import { eventListener } from '../../core/event.ts';
import { exchange } from '../../core/exchange.ts';
import { fieldNameOption } from '../../core/header-field.ts';
import {
  functionOption,
  knownOptions,
  listOption,
  shownUrl,
  shown as shownValue,
} from '../../core/option.ts';
import { outgoingHeaders, setHeader, withoutEdits } from '../../core/outgoing.ts';
import { urlOf } from '../../core/url.ts';
import type { AuthorizationVerdict, Authorizer } from './policy.ts';

/** Settings of {@link externalAuthorizer}. */
export interface ExternalAuthorizerOptions {
  /** Who is asked: a URL, or a path where `send` knows the rest. */
  readonly url: string;
  /** Headers of the request that are shown. Default: `authorization` and `cookie`. */
  readonly headers?: readonly string[];
  /** Headers of the answer that go on with the request; what anybody else wrote into them does not. Default: none. */
  readonly forward?: readonly string[];
  /** Limit of the answer. Default: `'1s'`. */
  readonly timeout?: string;
  /** Sends the question. Default: the runtime's `fetch`. */
  readonly send?: (request: Request, context: Context) => Promise<Response>;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}

/** What is taken where nothing is said. */
export const externalDefaults: Readonly<{ headers: readonly string[]; timeout: string }> = {
  headers: ['authorization', 'cookie'],
  timeout: '1s',
};

/** What a client needs of a refusal. */
const ofRefusals: readonly string[] = [
  'cache-control',
  'content-language',
  'content-type',
  'location',
  'retry-after',
  'www-authenticate',
];

/**
 * Makes an {@link Authorizer} that asks over HTTP: with a GET, and the request's method, host, path and query in
 * `x-forwarded-method`, `-host`, `-proto` and `-uri`, never with its body.
 *
 * An answer of 2xx lets the request on. One of 3xx or 4xx is the client's, so that it can be sent to where one signs in.
 * Everything else, and no answer in time, denies.
 *
 * Semantics: Envoy's external authorization over HTTP, and what is called forward auth.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const gate = externalAuthorizer({
 *   url: 'http://gate.internal/check',
 *   forward: ['x-user'],
 *   send: async (question) => new Response(null, { status: question.headers.has('cookie') ? 200 : 401 }),
 * });
 * const app = inbound(() => new Response('in'), authorize([{ action: 'custom', rules: [{}], authorizer: gate }]));
 * (await app(new Request('http://shop.example/'))).status; // 401
 * (await app(new Request('http://shop.example/', { headers: { cookie: 'sid=1' } }))).status; // 200
 * ```
 */
export function externalAuthorizer(options: ExternalAuthorizerOptions): Authorizer {
  knownOptions('externalAuthorizer', options, {
    ...{ url: true, headers: true, forward: true, timeout: true, send: true, clock: true },
  });
  functionOption('externalAuthorizer.send', options.send);
  const { headers, forward = [], timeout } = { ...externalDefaults, ...options };
  const { clock = systemClock, send = overNetwork } = options;
  const url = urlOption(options.url);
  const shown = namesOption('headers', headers);
  const kept = namesOption('forward', forward);
  const limitMs = durationOption('externalAuthorizer.timeout', timeout);
  if (limitMs === 0) {
    throw new RangeError(
      `externalAuthorizer.timeout: ${shownValue(timeout)} is not longer than nothing`,
    );
  }

  function question(request: Request, context: Context, signal: AbortSignal): Request {
    const { host, protocol, pathname, search } = urlOf(request);
    const all = outgoingHeaders(request, context);
    const asked = new Headers();
    for (const name of [...shown, 'x-forwarded-for']) {
      const value = all[name];
      if (value !== undefined) asked.set(name, value);
    }
    asked.set('accept', '*/*');
    asked.set('x-forwarded-method', request.method);
    asked.set('x-forwarded-host', host);
    asked.set('x-forwarded-proto', context.get(clientScheme) ?? protocol.slice(0, -1));
    // As routing and the upstream see it, or they could be told apart.
    asked.set('x-forwarded-uri', `${context.get(canonicalPathname) ?? pathname}${search}`);
    const target = url.startsWith('/') ? new URL(url, urlOf(request).origin).href : url;
    return new Request(target, { headers: asked, redirect: 'manual', signal });
  }

  async function sent(asked: Request, context: Context): Promise<Response> {
    return send(asked, context);
  }

  async function externalAuthorizer(
    request: Request,
    context: Context,
  ): Promise<AuthorizationVerdict> {
    const limit = followCaller(request, context);
    const cancel = clock.schedule(
      () => limit.abort(timeoutError(`No decision within ${timeout}`)),
      limitMs,
    );
    let response: Response | undefined;
    try {
      const asked = question(request, context, limit.signal);
      const answer = sent(asked, ofQuestion(asked, request, context, limit.signal));
      // Whoever sends may not heed the signal.
      response = await unlessAborted(limit.signal, answer).catch((error) => {
        answer.then(discard, ignore);
        throw error;
      });
      const { status } = response;
      if (status >= 200 && status < 300) {
        const { headers: told } = response;
        discard(response);
        const edits = kept.map((name) => [name, told.get(name) ?? undefined] as const);
        return { headers: Object.fromEntries(edits) };
      }
      if (status >= 300 && status < 500) return refusal(response);
      discard(response);
      return false;
    } finally {
      cancel();
      limit.release(response);
    }
  }
  return Object.assign(externalAuthorizer, { sets: kept });
}

/** Nothing that the question does counts for the request, and nothing of the request decides where it goes. */
function ofQuestion(
  asked: Request,
  request: Request,
  context: Context,
  signal: AbortSignal,
): Context {
  const clean = withoutEdits(context)
    .with(abortSignal, signal)
    .with(endpoint, undefined)
    .with(triedEndpoints, undefined)
    .with(exchange, undefined)
    .with(eventListener, undefined)
    .with(canonicalPathname, urlOf(asked).pathname);
  // What a gateway makes `x-forwarded-host` of.
  return setHeader(clean, 'host', urlOf(request).host);
}

/** Of a refusal what a client needs, and nothing that concerns the connection. */
function refusal(response: Response): Response {
  const headers = new Headers();
  for (const name of ofRefusals) {
    const value = response.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  for (const cookie of response.headers.getSetCookie()) headers.append('set-cookie', cookie);
  const { status, body } = response;
  return new Response(status === 304 ? null : body, { status, headers });
}

/** Nobody else would say who the client is. */
function overNetwork(question: Request, context: Context): Promise<Response> {
  const peer = context.get(peerAddress);
  if (peer !== undefined) question.headers.append('x-forwarded-for', peer);
  return fetch(question);
}

function urlOption(url: string): string {
  const parsed = typeof url === 'string' ? URL.parse(url, 'http://a') : null;
  const isPath = parsed?.host === 'a' && url.startsWith('/');
  const isHttp = parsed !== null && /^https?:\/\//i.test(url) && /^https?:$/.test(parsed.protocol);
  if (isPath) return `${parsed.pathname}${parsed.search}`;
  if (isHttp && !/[@#]/.test(parsed.href)) return parsed.href;
  throw new RangeError(
    `externalAuthorizer.url: ${shownUrl(url)} is neither a path nor an http or https URL without credentials and fragment`,
  );
}

function namesOption(option: string, names: readonly string[]): readonly string[] {
  listOption(`externalAuthorizer.${option}`, names);
  return names.map((name) => fieldNameOption(`externalAuthorizer.${option}`, name).toLowerCase());
}
