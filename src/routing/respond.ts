/**
 * An answer that is always the same.
 *
 * @module
 */

import { isBodiless } from '../core/bodiless.ts';
import type { Next } from '../core/chain.ts';
import { fieldsOption } from '../core/header-edits.ts';
import { knownOptions, shown } from '../core/option.ts';

/** Settings of {@link respond}. */
export interface RespondOptions {
  /** 200 to 599. Default: 200. */
  readonly status?: number;
  /** Default: none. As `text/plain` unless the headers say otherwise. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where nothing is said. */
export const defaultRespondStatus = 200;

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
  knownOptions('respond', options, { status: true, body: true, headers: true });
  const { status = defaultRespondStatus, body = '', headers = {} } = options;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`respond.status: ${shown(status)} is not a status from 200 to 599`);
  }
  if (typeof body !== 'string') throw new RangeError(`respond.body: ${shown(body)} is not text`);
  if (body !== '' && isBodiless(status)) {
    throw new RangeError(`respond.body: a response with status ${status} has no body`);
  }
  fieldsOption('respond.headers', headers);
  const typed = new Headers(headers);
  // Bun gives a text no type of its own accord.
  if (body !== '' && !typed.has('content-type')) {
    typed.set('content-type', 'text/plain;charset=UTF-8');
  }
  return () => Promise.resolve(new Response(body === '' ? null : body, { status, headers: typed }));
}
