/**
 * A context manager for the OpenTelemetry API that keeps the active span across `await`.
 *
 * @module
 */

import { type Context, type ContextManager, ROOT_CONTEXT } from '@opentelemetry/api';

/** What is used of `AsyncLocalStorage` of `node:async_hooks`. */
export interface AsyncLocalStorage<T> {
  getStore(): T | undefined;
  run<Result>(store: T, callback: () => Result): Result;
}

/** The class itself. */
export type AsyncLocalStorageClass = new <T>() => AsyncLocalStorage<T>;

/**
 * Makes a context manager.
 *
 * @param Storage Default: the runtime's own where it can be had without an import: on Node, Bun and Deno, and on Workers
 * with `nodejs_compat`. With `nodejs_als` alone, import it from `node:async_hooks` and pass it.
 * @returns `undefined` where there is none.
 *
 * @example
 * ```ts
 * const { AsyncLocalStorage } = await import('node:async_hooks');
 * const manager = asyncContextManager(AsyncLocalStorage);
 * typeof manager?.with; // 'function'
 * ```
 */
export function asyncContextManager(
  Storage: AsyncLocalStorageClass | undefined = findAsyncLocalStorage(),
): ContextManager | undefined {
  return Storage && new AsyncContextManager(new Storage<Context>());
}

/** The object that Node, and what is compatible with it, have as a global. */
interface NodeProcess {
  getBuiltinModule?(name: string): { AsyncLocalStorage?: AsyncLocalStorageClass } | undefined;
}

function findAsyncLocalStorage(): AsyncLocalStorageClass | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage;
}

class AsyncContextManager implements ContextManager {
  readonly #storage: AsyncLocalStorage<Context>;

  constructor(storage: AsyncLocalStorage<Context>) {
    this.#storage = storage;
  }

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    callback: F,
    thisArgument?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => callback.call(thisArgument, ...args));
  }

  /** Binds functions; anything else (an event emitter of Node) is handed back as it is. */
  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const storage = this.#storage;
    return function bound(this: unknown, ...args: unknown[]): unknown {
      return storage.run(context, () => target.apply(this, args));
    } as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}
