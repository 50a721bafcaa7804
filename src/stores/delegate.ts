/**
 * A store that is another one but for a few of its members.
 *
 * @module
 */

import type { Store, TakingStore } from './contract.ts';

/**
 * Calls the store's own methods, on the store itself: adapters may be classes. What the store cannot do is absent here too.
 *
 * @param members Take the place of the store's.
 */
export function delegateTo<M extends Partial<Store>>(store: Store, members: M): Store & M {
  const { take, watch, close } = store;
  const delegate: Store & M = {
    name: store.name,
    capabilities: store.capabilities,
    get: (key, options) => store.get(key, options),
    set: (key, value, options) => store.set(key, value, options),
    ...(take && { take: (...args: Parameters<typeof take>) => take.apply(store, args) }),
    ...(watch && { watch: (...args: Parameters<typeof watch>) => watch.apply(store, args) }),
    ...(close && { close: () => close.call(store) }),
    ...members,
  };
  // Of a guarded store: whoever looks for it need not guard this one again.
  if ('available' in store) {
    Object.defineProperty(delegate, 'available', {
      get: () => store.available,
      enumerable: true,
      configurable: true,
    });
  }
  return delegate;
}

const arrangement: unique symbol = Symbol.for('fetchmesh.store arrangement');

/** How a store that spares questions asks, and which one. */
export interface Arrangement {
  readonly mode: 'exact' | 'leased';
  readonly store: TakingStore;
}

/** Notes on a store what stands behind it, for limits that want it otherwise. */
export function arrange<S extends Store>(store: S, noted: Arrangement): S {
  return Object.defineProperty(store, arrangement, { value: noted });
}

/** What was noted; `undefined`: it is no such store. */
export function arrangementOf(store: Store): Arrangement | undefined {
  return (store as { readonly [arrangement]?: Arrangement })[arrangement];
}
