/**
 * The store that `serve --store` names, as limits and breakers use it.
 *
 * @module
 */

import type { Duration } from '../core/duration.ts';
import type { Store, TakingStore } from '../stores/contract.ts';
import { exactStore } from '../stores/exact.ts';
import { guardedStore } from '../stores/guarded.ts';
import { leasedStore } from '../stores/leased.ts';
import { type ConnectedStore, connectStore, placeOf } from './connect-store.ts';
import type { Remark } from './store-remarks.ts';

/** Settings of {@link openStore}. */
export interface OpenStoreOptions {
  readonly mode: 'exact' | 'leased';
  /** What named it, for messages. Default: `--store`. */
  readonly option?: string;
  /** How many share it, this one included. */
  readonly instances: number;
  /** How long the store has for whom a request waits. Default: that of `guardedStore`. */
  readonly deadline?: Duration;
  /** Told, once each time, that the store is out or back, and once what there is to know about it. */
  readonly say: (message: string) => void;
}

/** A store and its connections. */
export interface OpenedStore {
  readonly store: Store;
  /** The same without leases, for what is no limit. */
  readonly plain?: Store;
  /** Whether it is told that the store is out. */
  readonly tellsOutages?: boolean;
  /** What is at odds with its use; rejects where it is out. Absent where there is nothing to ask. */
  remarks?(): Promise<readonly Remark[]>;
  /** Gives back what is leased, as far as the store answers, and ends the connections. */
  close(): Promise<void>;
}

/** How long the store has where no request waits for it. */
const patience = '1s';

/**
 * Opens the store of limits. One that cannot be reached is told, and connected to as soon as it can be.
 *
 * @throws {UsageError} where the URL or a package is wrong or missing; without the URL, which may hold a password.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<OpenedStore> {
  const { mode, option, instances, deadline, say } = options;
  const shared = (store: TakingStore): TakingStore =>
    mode === 'exact' ? exactStore(store) : leasedStore(store, { instances });
  const place = placeOf(url);
  const remark = ({ detail, hint }: Remark): void => say(`store ${place}: ${detail}; ${hint}`);
  const opened = await connectStore(url, {
    say(isAvailable, why) {
      if (isAvailable) say(`store ${place} is back`);
      else
        say(
          `store ${place} is out: ${why}; limits follow their on_store_error, breakers decide alone`,
        );
    },
    remark,
    ...(option !== undefined && { option }),
  });
  if (opened.store.capabilities.consistency === 'isolate') return opened;
  if (opened.tell === undefined) {
    const store = shared(opened.store);
    return { store, plain: opened.store, close: () => ending(store, opened) };
  }
  const { tell, remarks } = opened;
  const onChange = (isAvailable: boolean): void => tell(isAvailable);
  const guarded = guardedStore(opened.store, { ...(deadline && { deadline }), onChange });
  // The guard stands behind the waiting line, so that a frozen server stops no line for longer than its deadline.
  const store = shared(guarded as Store as TakingStore);
  return {
    store,
    plain: guardedStore(opened.store, { deadline: deadline ?? patience, onChange }),
    tellsOutages: true,
    ...(remarks && { remarks }),
    close: () => ending(store, opened),
  };
}

async function ending(store: Store, opened: ConnectedStore): Promise<void> {
  try {
    await store.close?.();
  } catch {
    // What is leased is lost with the store.
  }
  await opened.close();
}
