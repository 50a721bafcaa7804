import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { Entry, SetOptions, Store } from '../../src/stores/contract.ts';
import { memoryStore } from '../../src/stores/memory.ts';

/** A store that many share, which can read and compare and set, and answers some turns later: no take, no watch. */
export function register(clock: Clock = systemClock): Store {
  const memory = memoryStore({ clock });
  return {
    name: 'register',
    capabilities: { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
    async get(key: string): Promise<Entry | null> {
      await turns();
      return memory.get(key);
    },
    async set(key: string, value: string | null, options?: SetOptions): Promise<string | false> {
      await turns();
      return memory.set(key, value, options);
    },
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
}
