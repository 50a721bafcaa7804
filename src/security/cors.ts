/**
 * Which pages of other origins may read the answers.
 *
 * @module
 */

import { layer, type Middleware } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { type Duration, durationOption } from '../core/duration.ts';
import { isFieldName } from '../core/header-field.ts';
import { flagOption, knownOptions, listOption, shown } from '../core/option.ts';
import { editResponse } from '../core/response-headers.ts';

/** Settings of {@link cors}. */
export interface CorsOptions {
  /**
   * Origins whose pages may read answers: `https://shop.example`, `https://*.shop.example` for one or more labels, or `*`
   * for all, which goes with no credentials.
   */
  readonly origins: readonly string[];
  /** Methods of preflighted requests. Default: `['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']`. */
  readonly methods?: readonly string[];
  /** Headers that requests may carry. Default: those that a preflight asks for. */
  readonly headers?: readonly string[];
  /** Headers of answers that pages may read. Default: none but those that the Fetch standard lists. */
  readonly expose?: readonly string[];
  /** Whether requests may carry cookies and credentials. Default: false. */
  readonly credentials?: boolean;
  /** How long a preflight's answer is kept. Default: what the browser keeps it, 5 s. */
  readonly maxAge?: Duration;
}

/** Answers a preflight, or lets a request through and says who may read the answer. */
export type CorsStep = (
  request: Request,
  context: Context,
  onward: () => Promise<Response>,
) => Promise<Response>;

/** Methods of preflighted requests where nothing is said. */
export const defaultMethods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The longest list of headers that a preflight may ask for. */
const longestAsked = 1_000;

/** What an upstream says of it itself: there is one to decide. */
const decided: readonly string[] = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
];

/**
 * Lets pages of other origins read answers, and answers their preflights with 204, before anything else is asked: a preflight
 * carries no credentials. Where an answer depends on the origin, `Vary` says so.
 *
 * Semantics: the CORS protocol of the Fetch standard. A preflight of an origin that is not allowed gets a 204 without the
 * headers that would allow it, which is all that the standard has for a no. What an upstream says of it itself is replaced.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(() => new Response('hello'), cors({ origins: ['https://shop.example'] }));
 * const request = new Request('http://api.example/', { headers: { origin: 'https://shop.example' } });
 * (await app(request)).headers.get('access-control-allow-origin'); // 'https://shop.example'
 * ```
 */
export function cors(options: CorsOptions): Middleware {
  const step = compileCors(options);
  return layer(
    'cors',
    (next) =>
      function cors(request, context) {
        return step(request, context, () => next(request, context));
      },
  );
}

/** {@link cors} as a step of its own. */
export function compileCors(options: CorsOptions): CorsStep {
  knownOptions('cors', options, {
    origins: true,
    methods: true,
    headers: true,
    expose: true,
    credentials: true,
    maxAge: true,
  });
  const { origins, credentials = false, expose = [], headers, methods = defaultMethods } = options;
  flagOption('cors.credentials', credentials);
  const isAllowed = originsOption(origins, credentials);
  for (const [name, list] of Object.entries({ methods, headers, expose })) {
    listOption(`cors.${name}`, list);
    const wrong = list?.find((entry) => !isFieldName(entry));
    if (wrong !== undefined) throw new RangeError(`cors.${name}: ${shown(wrong)} is not a token`);
  }
  const maxAge =
    options.maxAge === undefined
      ? undefined
      : String(Math.floor(durationOption('cors.maxAge', options.maxAge) / 1_000));
  const isForAll = origins.includes('*');

  function allow(answer: Headers, origin: string | null): boolean {
    if (!isForAll) appendVary(answer, 'Origin');
    if (origin === null || !isAllowed(origin)) return false;
    answer.set('access-control-allow-origin', isForAll ? '*' : origin);
    if (credentials) answer.set('access-control-allow-credentials', 'true');
    return true;
  }

  function preflight(request: Request): Response {
    const answer = new Headers();
    if (allow(answer, request.headers.get('origin'))) {
      answer.set('access-control-allow-methods', methods.join(', '));
      const asked = request.headers.get('access-control-request-headers');
      const allowed = headers?.join(', ') ?? (asked !== null && isList(asked) ? asked : '');
      if (allowed !== '') answer.set('access-control-allow-headers', allowed);
      if (maxAge !== undefined) answer.set('access-control-max-age', maxAge);
    }
    if (headers === undefined) appendVary(answer, 'Access-Control-Request-Headers');
    return new Response(null, { status: 204, headers: answer });
  }

  return async function answer(request, context, onward) {
    const origin = request.headers.get('origin');
    const isPreflight =
      request.method === 'OPTIONS' &&
      origin !== null &&
      request.headers.has('access-control-request-method');
    if (isPreflight) return preflight(request);
    return editResponse(await onward(), context, (answer) => {
      for (const name of decided) answer.delete(name);
      if (allow(answer, origin) && expose.length > 0) {
        answer.set('access-control-expose-headers', expose.join(', '));
      }
    });
  };
}

function appendVary(headers: Headers, name: string): void {
  const written = headers.get('vary');
  const names = written?.split(',').map((each) => each.trim().toLowerCase()) ?? [];
  if (!names.includes('*') && !names.includes(name.toLowerCase())) headers.append('vary', name);
}

/** A list of header names, of bounded length. */
function isList(text: string): boolean {
  return text.length <= longestAsked && text.split(',').every((name) => isFieldName(name.trim()));
}

/** An origin as browsers write it, or one with `*.` before its host. */
const originGrammar =
  /^https?:\/\/(?:\*\.)?(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[\da-f:.]+\])(?::\d{1,5})?$/;

/** Whether a text can stand in `origins`. */
export function isOriginPattern(text: string): boolean {
  return text === '*' || originGrammar.test(text);
}

function originsOption(
  origins: readonly string[],
  credentials: boolean,
): (origin: string) => boolean {
  if (!Array.isArray(origins)) {
    throw new RangeError(`cors.origins: ${shown(origins)} is not a list`);
  }
  const wrong = origins.find((origin) => !isOriginPattern(origin));
  if (origins.length === 0) throw new RangeError('cors.origins: [] names no origin');
  if (wrong !== undefined) {
    throw new RangeError(
      `cors.origins: ${shown(wrong)} is not an origin such as https://shop.example, https://*.shop.example or *`,
    );
  }
  if (origins.includes('*')) {
    if (credentials) throw new RangeError("cors.origins: '*' cannot go with credentials");
    return () => true;
  }
  const exact = new Set(origins.filter((origin) => !origin.includes('*')));
  const suffixes = origins
    .filter((origin) => origin.includes('*'))
    .map((origin) => origin.split('*') as [scheme: string, suffix: string]);
  return (origin) =>
    exact.has(origin) ||
    suffixes.some(
      ([scheme, suffix]) =>
        origin.startsWith(scheme) &&
        origin.endsWith(suffix) &&
        origin.length > scheme.length + suffix.length &&
        originGrammar.test(origin),
    );
}
