/**
 * Which runtime this is, for what no feature shows. By what only it has: test environments put a browser's `navigator` in the place
 * of its own, and others have a `process` of Node for the sake of its packages.
 *
 * @module
 */

const { process } = globalThis as { process?: { readonly versions?: { readonly node?: string } } };

/** Whether `fetch`, `Request` and `Response` are those of Bun. */
export const isBun: boolean = 'Bun' in globalThis;

/** Whether they are those of Node. */
export const isNode: boolean =
  process?.versions?.node !== undefined &&
  !isBun &&
  !('Deno' in globalThis) &&
  !('WebSocketPair' in globalThis);
