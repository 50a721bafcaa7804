/**
 * Which runtime this is, for what no feature shows.
 *
 * @module
 */

const { navigator } = globalThis as { navigator?: { readonly userAgent?: string } };

/** Whether `fetch`, `Request` and `Response` are those of Node. */
export const isNode: boolean = navigator?.userAgent?.startsWith('Node.js/') ?? false;

/** Whether they are those of Bun. */
export const isBun: boolean = 'Bun' in globalThis;
