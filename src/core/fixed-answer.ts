/**
 * Answers that somebody wrote down beforehand.
 *
 * @module
 */

import { isBodiless } from './bodiless.ts';
import { fieldsOption } from './header-field.ts';
import { knownOptions, shown } from './option.ts';

/** An answer that is always the same. */
export interface FixedAnswer {
  /** 200 to 599. Default: 200. */
  readonly status?: number;
  /** Default: none. As `text/plain` unless the headers say otherwise. */
  readonly body?: string;
  /** Default: none beside the type of the body. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where nothing is said. */
export const defaultAnswerStatus = 200;

/**
 * Checks an answer that a caller gave for an option.
 *
 * @returns Makes it.
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * fixedAnswer('respond', { status: 503, body: 'Back at nine' })().status; // 503
 * ```
 */
export function fixedAnswer(option: string, answer: FixedAnswer): () => Response {
  knownOptions(option, answer, { status: true, body: true, headers: true });
  const { status = defaultAnswerStatus, body = '', headers = {} } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`${option}.status: ${shown(status)} is not a status from 200 to 599`);
  }
  if (typeof body !== 'string') throw new RangeError(`${option}.body: ${shown(body)} is not text`);
  if (body !== '' && isBodiless(status)) {
    throw new RangeError(`${option}.body: a response with status ${status} has no body`);
  }
  fieldsOption(`${option}.headers`, headers);
  const typed = new Headers(headers);
  // Bun gives a text no type of its own accord.
  if (body !== '' && !typed.has('content-type')) {
    typed.set('content-type', 'text/plain;charset=UTF-8');
  }
  return () => new Response(body === '' ? null : body, { status, headers: typed });
}
