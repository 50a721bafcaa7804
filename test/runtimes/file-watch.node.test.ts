import { expect, test } from 'vitest';
import { type FileWatch, watchContent } from '../../src/runtimes/file-watch.ts';

/** Watches what these reads bring, one after the other; the last one stays. */
function watching(
  reads: readonly (string | Error)[],
  onRead: (watch: FileWatch) => void = () => {},
) {
  const handed: string[] = [];
  let count = 0;
  const watch: FileWatch = watchContent(
    {
      places: [],
      known: 'old',
      async read() {
        const read = reads[Math.min(count, reads.length - 1)] as string | Error;
        count += 1;
        await Promise.resolve();
        onRead(watch);
        if (read instanceof Error) throw read;
        return read;
      },
      isSame: (a, b) => a === b,
      isUnfinished: (content) => content === '',
    },
    (content) => {
      handed.push(content);
    },
    { automatic: false, settleMs: 1 },
  );
  return { watch, handed, reads: () => count };
}

test('what has changed is handed over, and the same is not', async () => {
  const { watch, handed } = watching(['new']);
  expect(await watch.check()).toBe(true);
  expect(await watch.check()).toBe(false);
  expect(handed).toEqual(['new']);
});

test('a file that was emptied to be written is read once more', async () => {
  const { watch, handed } = watching(['', 'new']);
  expect(await watch.check()).toBe(true);
  expect(handed).toEqual(['new']);
});

test('one that stays empty counts', async () => {
  const { watch, handed } = watching(['', '']);
  expect(await watch.check()).toBe(true);
  expect(handed).toEqual(['']);
});

test('half of a file, whose other half is reported while it is read, is read once more', async () => {
  let reported = false;
  const { watch, handed } = watching(['ne', 'new'], (watch) => {
    if (reported) return;
    reported = true;
    void watch.check();
  });
  expect(await watch.check()).toBe(true);
  expect(handed).toEqual(['new']);
});

test('somebody who writes all the time holds nothing back for ever', async () => {
  let reports = 0;
  const { watch, handed } = watching(['1', '2', '3', '4'], (watch) => {
    reports += 1;
    if (reports < 4) void watch.check();
  });
  expect(await watch.check()).toBe(true);
  expect(handed).toEqual(['2', '4']);
});

test('what cannot be read, say between two steps of a rename, is no change', async () => {
  const { watch, handed, reads } = watching([new Error('ENOENT')]);
  expect(await watch.check()).toBe(false);
  expect([handed, reads()]).toEqual([[], 1]);
});
