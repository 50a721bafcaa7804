import { expect, test } from 'vitest';
import { onBodyEnd } from '../../src/core/body-end.ts';
import { tracedBody } from '../support/bodies.ts';
import { collectGarbage } from '../support/garbage.ts';

test('BH-02: a body that is dropped unread ends once it is collected, and its source is cancelled', async () => {
  const sources = Array.from({ length: 10 }, () => tracedBody(['never read'], { end: 'hang' }));
  let ends = 0;
  for (const { stream } of sources) {
    onBodyEnd(new Response(stream), () => {
      ends += 1;
    });
  }
  expect(ends).toBe(0);
  for (let attempt = 0; attempt < 20 && ends < 9; attempt++) await collectGarbage();
  // The collector of Bun is a conservative one, and may take a number on the stack for the last of them.
  expect(ends).toBeGreaterThanOrEqual(9);
  expect(sources.filter(({ cancels }) => cancels === 1)).toHaveLength(ends);
});
