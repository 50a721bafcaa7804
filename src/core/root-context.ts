/**
 * The context that a request begins with.
 *
 * @module
 */

import { type BackgroundWork, Context, type Direction } from './context.ts';

/** The first context of a request, with the platform's `waitUntil` where it has one. For adapters of one's own. */
export function rootContext(
  direction: Direction,
  request: Request,
  platform: readonly unknown[],
  background: BackgroundWork,
): Context {
  return Context.root(direction, platform, background, lifetimeOf(request, platform));
}

type Lifetime = { waitUntil(work: Promise<unknown>): void };

/** Finds the platform's `waitUntil`: on the execution context of Workers, or on the request under srvx. */
function lifetimeOf(
  request: Request,
  platform: readonly unknown[],
): ((work: Promise<unknown>) => void) | undefined {
  for (const candidate of platform) {
    const host = candidate as Lifetime | null | undefined;
    // Called as a method: Workers refuse a detached one.
    if (typeof host?.waitUntil === 'function') return (work) => host.waitUntil(work);
  }
  // Detached, since a context that leads to the request keeps it for as long as any copy of it.
  const { waitUntil } = request as Request & Partial<Lifetime>;
  return typeof waitUntil === 'function' ? waitUntil : undefined;
}
