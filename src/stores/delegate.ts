/**
 * A store that is another one but for a few of its members.
 *
 * @module
 */

import type { Store } from './contract.ts';

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
