/**
 * The inventory service: what is in stock. `POST /outage` takes it down, `DELETE /outage` brings it back: the gateway sends
 * nobody there.
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
  let isDown = false;
  const router = Router();
  router
    .post('/outage', () => {
      isDown = true;
      return new Response(null, { status: 204 });
    })
    .delete('/outage', () => {
      isDown = false;
      return new Response(null, { status: 204 });
    })
    .get('/inventory/:sku', ({ params }) => {
      if (isDown) return problem(503, 'Service Unavailable', 'The inventory is down.');
      const available = stock.get(params['sku'] ?? '');
      return available === undefined
        ? problem(404, 'Not Found', 'No such item.')
        : Response.json({ sku: params['sku'], available });
    })
    .all('*', () => problem(404, 'Not Found', 'inventory serves GET /inventory/:sku.'));

  return serviceApp({ ...settings, service: 'inventory' }, router);
}
