/** The inventory service as a Worker. */

import { type ServiceWorker, type ShopEnv, serviceWorker } from '../worker.ts';
import { inventoryApp } from './app.ts';

const inventory: ServiceWorker<ShopEnv> = serviceWorker('inventory', inventoryApp);
export default inventory;
