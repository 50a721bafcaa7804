/**
 * The breakers that `serve` shares with other gateways.
 *
 * @module
 */

import { hostname } from 'node:os';
import { type BreakerFleet, breakerFleet } from '../policies/breaker/fleet/fleet.ts';
import { isStoreError } from '../stores/contract.ts';
import type { State } from './shared-state.ts';
import type { OpenedStore } from './store.ts';

/** Settings of {@link shareBreakers}. */
export interface ShareBreakersOptions {
  readonly breakers: State['breakers'];
  /** Where requests come in; 0: at a free port, another one after each start. */
  readonly port: number;
  /** Told, once until it works again, why gateways do not hear of each other. */
  readonly say: (message: string) => void;
}

/** The fleet of a store; `undefined` where there is none to share it with, or nobody wants to. */
export function shareBreakers(
  opened: OpenedStore | undefined,
  { breakers, port, say }: ShareBreakersOptions,
): BreakerFleet | undefined {
  if (opened?.plain === undefined || breakers === 'alone') return undefined;
  return breakerFleet({
    store: opened.plain,
    adopt: breakers,
    ...(port !== 0 && { instance: `${hostname()}:${port}` }),
    onError(error) {
      // That it is out was told already, and what breakers do about it.
      if (opened.tellsOutages && isStoreError(error) && error.code === 'UNAVAILABLE') return;
      const { message } = error as Error;
      say(`breakers decide alone: ${message}`);
    },
  });
}
