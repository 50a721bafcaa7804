import { beforeEach, expect, test } from 'vitest';
import { bucketOf, LocalShare } from '../../src/policies/local-share.ts';
import { type MemoryStore, memoryStore } from '../../src/stores/memory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;
let store: MemoryStore;

/** 8 at once and one each second, of four instances. */
const whole = bucketOf(8, 8_000, 8);

beforeEach(() => {
  clock = new VirtualClock();
  store = memoryStore({ clock });
});

const shareOf = (instances: number): LocalShare => new LocalShare(whole, instances, () => store);

function left(share: LocalShare): number {
  return store.take('ada', share.bucketFor(1), 0, 0).remaining;
}

test('is a part of the burst, one unit at least, and fills up so much more slowly', () => {
  expect(shareOf(4).bucketFor(1)).toEqual({
    quota: 8,
    windowMs: 32_000,
    burst: 2,
    unitMs: 4_000,
  });
  expect(shareOf(100).bucketFor(1).burst).toBe(1);
});

test('what costs more than a share has a bucket that is deep enough, up to the whole', () => {
  const bursts = [2, 3, 8, 9].map((units) => shareOf(4).bucketFor(units).burst);
  expect(bursts).toEqual([2, 3, 8, 2]);
});

test('what the store grants is gone from the share, as far as it was there, and comes back with it', () => {
  const share = shareOf(4);
  share.follow('ada', 1);
  expect(left(share)).toBe(1);
  share.follow('ada', 5);
  expect(left(share)).toBe(0);
  share.follow('ada', -1);
  expect(left(share)).toBe(1);
});

test('what is granted without the store is owed to it, once', () => {
  const share = shareOf(4);
  for (const units of [1, 2, -1]) {
    store.take('ada', share.bucketFor(units), units, 0);
    share.owe('ada', units);
  }
  expect([share.settle('ada'), share.settle('ada'), share.settle('bob')]).toEqual([2, 0, 0]);
});

test('what has filled up here has filled up there: nothing is owed any more', async () => {
  const share = shareOf(4);
  store.take('ada', share.bucketFor(1), 1, 1);
  share.owe('ada', 1);
  await clock.advance(4_000);
  expect(share.settle('ada')).toBe(0);
});

test('owes for a bounded number of keys: the one that was granted longest ago is forgotten', () => {
  store = memoryStore({ clock, capacity: 100_000 });
  const share = shareOf(4);
  for (let id = 0; id <= 65_536; id++) {
    store.take(`${id}`, share.bucketFor(1), 1, 1);
    share.owe(`${id}`, 1);
  }
  expect([share.settle('0'), share.settle('65536')]).toEqual([0, 1]);
});
