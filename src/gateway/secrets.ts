/**
 * Secrets that rules name, and never hold.
 *
 * @module
 */

import type { Context } from '../core/context.ts';

/** Of Node, Bun and Deno; Workers have none without a flag. */
interface WithProcess {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
}

/**
 * The secret of this name: a binding of the Worker, else a variable of the environment. Read with each request, since on
 * Workers there are bindings only then.
 */
export function secretNamed(name: string, { platform }: Context): string | undefined {
  const [bindings] = platform;
  const isEnvironment =
    typeof bindings === 'object' && bindings !== null && Object.hasOwn(bindings, name);
  const bound = isEnvironment ? (bindings as Record<string, unknown>)[name] : undefined;
  if (typeof bound === 'string') return bound;
  return (globalThis as WithProcess).process?.env?.[name];
}
