/**
 * Hearing of the end of a body.
 *
 * @module
 */

import { ignore } from './discard.ts';
import { keepBrand } from './rejection.ts';

/** Made at the first use, as in `abort`. */
let dropped: FinalizationRegistry<() => void> | undefined;

/**
 * A response that tells when its body is over: read to the end, failed, cancelled, or dropped unread and collected.
 *
 * The same object, and told at once, where there is no body.
 *
 * @param onEnd Called once. Must not throw, nor hold the response.
 */
export function onBodyEnd(response: Response, onEnd: () => void): Response {
  const { status, statusText, headers, body } = response;
  if (body === null || body.locked || status < 200 || status > 599) {
    onEnd();
    return response;
  }
  const reader = body.getReader();
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onEnd();
  };
  // Also where nobody is reading when it fails.
  reader.closed.then(end, end);
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  if (typeof FinalizationRegistry === 'function') {
    dropped ??= new FinalizationRegistry((tell) => tell());
    dropped.register(watched, () => {
      end();
      reader.cancel().catch(ignore);
    });
  }
  return keepBrand(response, new Response(watched, { status, statusText, headers }));
}
