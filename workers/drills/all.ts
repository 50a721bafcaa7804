/** Every drill, in the order in which they are run. */

import { abort } from './abort.ts';
import { canary } from './canary.ts';
import { delay } from './delay.ts';
import type { Drill } from './drill.ts';
import { outage } from './outage.ts';
import { overload } from './overload.ts';
import { restart } from './restart.ts';
import { shopOutage } from './shop-outage.ts';
import { slowClients } from './slow-clients.ts';
import { store } from './store.ts';

/** @param restarts How many gateways the last one restarts. */
export function allDrills(restarts = 20): readonly Drill[] {
  return [
    canary,
    delay,
    abort,
    outage,
    shopOutage,
    store,
    overload,
    slowClients,
    restart(restarts),
  ];
}
