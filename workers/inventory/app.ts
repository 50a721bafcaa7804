/**
 * The inventory service: what is in stock.
 */

import { Router } from 'itty-router';
import type { Handler } from '../../src/index.ts';
import { type Instance, problem, serviceApp } from '../service.ts';

const stock: ReadonlyMap<string, number> = new Map([
  ['SKU-001', 40],
  ['SKU-002', 7],
  ['SKU-003', 0],
]);

export function inventoryApp(settings: Omit<Instance, 'service'>): Handler {
  const router = Router();
  router
    .get('/inventory/:sku', ({ params }) => {
      const available = stock.get(params['sku'] ?? '');
      return available === undefined
        ? problem(404, 'Not Found', 'No such item.')
        : Response.json({ sku: params['sku'], available });
    })
    .all('*', () => problem(404, 'Not Found', 'inventory serves /inventory/:sku.'));

  return serviceApp({ ...settings, service: 'inventory' }, router);
}
