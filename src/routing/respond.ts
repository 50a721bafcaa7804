/**
 * An answer that is always the same.
 *
 * @module
 */

import type { Next } from '../core/chain.ts';
import { type FixedAnswer, fixedAnswer } from '../core/fixed-answer.ts';

/** Settings of {@link respond}. */
export type RespondOptions = FixedAnswer;

/**
 * Answers each request with the same. The end of a chain, not a middleware.
 *
 * Semantics: `directResponse` of Istio.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const closed = inbound(() => new Response('open'), () => respond({ status: 503, body: 'Back at nine' }));
 * await (await closed(new Request('http://shop.example/'))).text(); // 'Back at nine'
 * ```
 */
export function respond(options: RespondOptions): Next {
  const answer = fixedAnswer('respond', options);
  return () => Promise.resolve(answer());
}
