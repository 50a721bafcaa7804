import { describe, expect, test, vi } from 'vitest';
import { type FileWatch, type WatchOptions, watchContent } from '../../src/runtimes/file-watch.ts';

/** Watches what these reads bring, one after the other; the last one stays. */
function watching(
  reads: readonly (string | Error)[],
  onRead: (watch: FileWatch) => void = () => {},
  options: WatchOptions = { automatic: false },
) {
  const handed: string[] = [];
  const said: string[] = [];
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
      onUnreadable: () => void said.push('gone'),
      onReadable: (hasChanged) => void said.push(hasChanged ? 'back, changed' : 'back'),
    },
    (content) => {
      handed.push(content);
    },
    { ...options, settleMs: 1 },
  );
  return { watch, handed, said, reads: () => count };
}

test('what has changed is handed over, and the same is not', async () => {
  const { watch, handed } = watching(['new']);
  expect(await watch.check()).toBe(true);
  expect(await watch.check()).toBe(false);
  expect(handed).toEqual(['new']);
});

test('one that could not be taken over is told, and keeps the next one from nothing', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {});
  let content = 'bad';
  const handed: string[] = [];
  const watch = watchContent(
    { places: [], known: 'old', read: async () => content, isSame: (a, b) => a === b },
    (content) => {
      handed.push(content);
      if (content === 'bad') throw new Error('cannot');
    },
    { automatic: false },
  );
  expect(await watch.check()).toBe(true);
  expect(told).toHaveBeenCalledExactlyOnceWith(
    'fetchmesh: a change that was seen could not be taken over',
    new Error('cannot'),
  );
  content = 'good';
  expect(await watch.check()).toBe(true);
  expect(handed).toEqual(['bad', 'good']);
  told.mockRestore();
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

describe('what cannot be read', () => {
  const gone = new Error('ENOENT');

  test('is no change between two steps of a rename', async () => {
    const { watch, handed, said } = watching([gone, 'new']);
    expect(await watch.check()).toBe(true);
    expect([handed, said]).toEqual([['new'], []]);
  });

  test('is told whenever somebody asks, and that it is back with what is new in it', async () => {
    const { watch, handed, said, reads } = watching([gone, gone, gone, 'new']);
    expect(await watch.check()).toBe(true);
    expect([said, reads()]).toEqual([['gone'], 2]);
    expect(await watch.check()).toBe(true);
    expect([said, reads()]).toEqual([['gone', 'gone'], 3]);
    expect(await watch.check()).toBe(true);
    expect([said, handed]).toEqual([['gone', 'gone', 'back, changed'], ['new']]);
  });

  test('is told to be back as it was', async () => {
    const { watch, handed, said } = watching([gone, gone, 'old']);
    await watch.check();
    expect(await watch.check()).toBe(true);
    expect([said, handed]).toEqual([['gone', 'back'], []]);
    expect(await watch.check()).toBe(false);
  });

  test('is told once where nobody asks', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const { watch, said, reads } = watching([gone], () => {}, { automatic: true, pollMs: 1_000 });
    try {
      for (let turn = 0; turn < 5; turn++) {
        const before = reads();
        vi.advanceTimersByTime(1_000);
        while (reads() === before || said.length === 0) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      expect(said).toEqual(['gone']);
    } finally {
      watch.close();
      vi.useRealTimers();
    }
  });
});
