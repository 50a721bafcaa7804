/**
 * Bodies of somebody else's, as text that is not longer than it may be.
 *
 * @module
 */

import { ignore } from './discard.ts';

/**
 * Reads a body as UTF-8, as long as it has no more bytes than that; the rest of a longer one is cancelled.
 *
 * @returns `undefined` where it is longer.
 *
 * @example
 * ```ts
 * await bodyText(new Response('abc'), 3); // 'abc'
 * await bodyText(new Response('abcd'), 3); // undefined
 * ```
 */
export async function bodyText({ body }: Response, mostBytes: number): Promise<string | undefined> {
  if (body === null) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > mostBytes) {
      reader.cancel().catch(ignore);
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}
