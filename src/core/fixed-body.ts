/**
 * Bodies of answers that are the same text each time.
 *
 * @module
 */

import { isNode } from './runtime.ts';

/**
 * Prepares a body that is sent again and again.
 *
 * Text for most runtimes. Node makes a stream of text at once, and fills it, whether anybody reads it or not: one that waits
 * for its reader costs less than half.
 *
 * @returns Makes the body of one response.
 *
 * @example
 * ```ts
 * const body = fixedBody('{"title":"Not Found"}');
 * await new Response(body()).text(); // '{"title":"Not Found"}'
 * ```
 */
export function fixedBody(text: string): () => BodyInit {
  if (!isNode) return () => text;
  const source: UnderlyingByteSource = {
    type: 'bytes',
    pull(controller) {
      // A new copy each time: a stream of bytes takes away what it is given.
      if (text !== '') controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  };
  return () => new ReadableStream(source);
}
