/** What `serve` and `doctor` say of a Redis that works, and had better be set otherwise. */

import { describe, expect, test } from 'vitest';
import { remarksOnRedis } from '../../src/cli/store-remarks.ts';

const now = 1_700_000_000_000;

/** A server with these settings, whose clock is off. */
function server(memory: string, offMs = 0) {
  const there = now + offMs;
  return {
    info: async () => memory,
    time: async () => [String(Math.floor(there / 1_000)), String((there % 1_000) * 1_000)],
  };
}

const memoryOf = (most: number, policy: string): string =>
  `# Memory\r\nused_memory:1\r\nmaxmemory:${most}\r\nmaxmemory_human:1M\r\nmaxmemory_policy:${policy}\r\n`;

const remarksOn = async (asked: ReturnType<typeof server>) =>
  await remarksOnRedis(asked, () => now);

describe('FT-11 how it forgets', () => {
  test.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-random'])(
    '%s: spent limits go when its memory is full',
    async (policy) => {
      expect(await remarksOn(server(memoryOf(1_000, policy)))).toEqual([
        {
          detail: `maxmemory-policy ${policy}: it forgets limits that are spent once its memory is full`,
          hint: 'set it to volatile-ttl, or give the gateways a server of their own',
        },
      ]);
    },
  );

  test('noeviction: what is new cannot be written then', async () => {
    const [remark] = await remarksOn(server(memoryOf(1_000, 'noeviction')));
    expect(remark?.detail).toBe(
      'maxmemory-policy noeviction: it refuses to write once its memory is full, and limits follow their on_store_error',
    );
  });

  test.each([
    ['the one that forgets what expires first', memoryOf(1_000, 'volatile-ttl')],
    ['no bound, so that nothing is forgotten', memoryOf(0, 'allkeys-lru')],
    ['a server that says nothing', ''],
  ])('%s is no remark', async (_, memory) => {
    expect(await remarksOn(server(memory))).toEqual([]);
  });
});

describe('FT-09 its clock', () => {
  test.each([
    [60_000, '60 s ahead of'],
    [-3_600_000, '3600 s behind'],
  ])('is off by %i ms', async (offMs, said) => {
    expect(await remarksOn(server('', offMs))).toEqual([
      {
        detail: `its clock is ${said} the one here`,
        hint: 'limits go by its clock alone, tokens and traces by the one here: let both follow a time server',
      },
    ]);
  });

  test.each([-1_000, 0, 999])('is no remark where it is off by %i ms', async (offMs) => {
    expect(await remarksOn(server('', offMs))).toEqual([]);
  });

  test('is not off by what the question takes', async () => {
    const moments = [now, now + 30_000];
    const asked = remarksOnRedis(server('', 15_000), () => moments.shift() as number);
    expect(await asked).toEqual([]);
  });
});

test('a server that refuses both questions is used without a word', async () => {
  const refusing = {
    info: () => Promise.reject(new Error('NOPERM')),
    time: () => Promise.reject(new Error('NOPERM')),
  };
  expect(await remarksOnRedis(refusing, () => now)).toEqual([]);
});
