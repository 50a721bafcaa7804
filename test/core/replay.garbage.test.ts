import { expect, test } from 'vitest';
import { defaultReplayBytes, replay } from '../../src/core/replay.ts';
import { streamingPut } from '../support/bodies.ts';
import { collectGarbage } from '../support/garbage.ts';

test('BR-04: of a gigabyte that streams through, hardly more is held than agreed', async () => {
  const megabyte = 1_048_576;
  const megabytes = 1_024;
  const made: WeakRef<Uint8Array>[] = [];
  const alive: number[] = [];
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (made.length > 0 && made.length % 256 === 0) {
          await collectGarbage();
          alive.push(made.filter((chunk) => chunk.deref() !== undefined).length);
        }
        if (made.length === megabytes) return controller.close();
        const chunk = new Uint8Array(megabyte);
        made.push(new WeakRef(chunk));
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
  const body = replay(streamingPut(stream), defaultReplayBytes);
  const reader = (body.attempt().body as ReadableStream<Uint8Array>).getReader();
  let received = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    received += part.value.byteLength;
  }
  expect(received).toBe(megabytes * megabyte);
  expect(body.possible).toBe(false);
  expect(alive).toHaveLength(4);
  expect(Math.max(...alive)).toBeLessThanOrEqual(4);
});
