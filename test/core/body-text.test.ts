import { expect, test } from 'vitest';
import { bodyText } from '../../src/core/body-text.ts';

/** A body in these parts; `cancelled` is called where it is not read to its end. */
function inParts(parts: readonly (readonly number[])[], cancelled = (): void => {}): Response {
  const left = [...parts];
  return new Response(
    new ReadableStream(
      {
        pull(controller) {
          const part = left.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(Uint8Array.from(part));
        },
        cancel: cancelled,
      },
      { highWaterMark: 0 },
    ),
  );
}

test('a character may come in two parts', async () => {
  expect(await bodyText(inParts([[0x53, 0xc3], [0xb6]]), 3)).toBe('Sö');
});

test('no body is an empty text', async () => {
  expect(await bodyText(new Response(null), 0)).toBe('');
});

test('of a longer one nothing is known, and no more is read', async () => {
  let isCancelled = false;
  const response = inParts([[1, 2], [3], [4]], () => {
    isCancelled = true;
  });
  expect(await bodyText(response, 2)).toBeUndefined();
  expect(isCancelled).toBe(true);
});
