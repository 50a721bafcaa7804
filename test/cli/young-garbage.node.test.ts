import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { inYoungPortions } from '../../src/cli/young-garbage.ts';

/** Resolves at the next collection of what is new; so many made objects would not lead to one by themselves. */
function nextMinorCollection(): Promise<void> {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      if (
        list
          .getEntries()
          .some((entry) => (entry as { detail?: { flags?: number } }).detail?.flags === forced)
      ) {
        resolve();
      }
    });
    observer.observe({ entryTypes: ['gc'] });
    onTestFinished(() => observer.disconnect());
  });
}

/** Asked for, not of the engine's own accord. */
const forced = constants.NODE_PERFORMANCE_GC_FLAGS_FORCED;

test('what is new is collected while the work goes on', async () => {
  const collected = nextMinorCollection();
  let isDone = false;
  const kept: object[] = [];
  const work = inYoungPortions(async () => {
    await Promise.race([
      collected,
      (async () => {
        while (!isDone) {
          for (let index = 0; index < 2_000; index++) kept.push({ index, text: `route-${index}` });
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      })(),
    ]);
    isDone = true;
    return kept.length;
  });
  expect(await work).toBe(kept.length);
});

test('what the work throws is thrown', async () => {
  await expect(inYoungPortions(() => Promise.reject(new RangeError('no')))).rejects.toThrow('no');
});
