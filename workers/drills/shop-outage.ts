/** The inventory of the shop goes down and comes back: order's breaker, its fallback, a probe. */

import { setTimeout } from 'node:timers/promises';
import { breakerPhases, type Drill, send } from './drill.ts';
import { sumOf } from './platform.ts';

const inventory = 'inventory-stable';
/** Of the inventory: by method, so that /outage does not count as a question. */
const counted = 'http_server_duration_seconds_count';

export const shopOutage: Drill = {
  name: 'shop-outage',
  summary:
    'The inventory of the shop is down: orders are taken all the same, its breaker opens, and a probe brings it back.',
  async run(stage) {
    const shop = await stage.shop();
    const [login] = await send(1, `${shop.url}/auth/token`, {
      init: { method: 'POST', body: '{"user":"ada"}' },
    });
    const { token } = JSON.parse(login?.body ?? '{}') as { token: string };
    const order = {
      init: {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: '{"sku":"SKU-001","quantity":1}',
      },
      atOnce: 1,
    };

    const orders = (count: number) => send(count, `${shop.url}/orders`, order);

    const idle = await asked();
    stage.expectAll('before: orders are taken', await orders(50), 201);
    const before = await asked();

    await shop.ask(inventory, '/outage', 'POST');
    stage.expectAll(
      'down: the fallback answers order, nobody is turned away',
      await orders(50),
      202,
    );
    const down = await asked();
    await stage.trace(
      'circuit_breaker_open on the server span of order',
      ({ attributes }) =>
        attributes['circuit_breaker_open'] === true && attributes['url.path'] === '/orders',
    );

    await shop.ask(inventory, '/outage', 'DELETE');
    // Until the circuit is half-open.
    while ((await asked()) === down) {
      await setTimeout(100);
      await orders(1);
    }
    const probed = await asked();
    stage.expectAll(
      'up again: a probe closes the breaker, orders are taken',
      await orders(50),
      201,
    );
    const after = await asked();

    const spans = await stage.spansOnce((ended) => breakerPhases(ended).at(-1) === 'closed');
    const phases = breakerPhases(spans);
    stage.expect(
      'what the breaker went through, by the events of the spans',
      phases.join(', '),
      /^open,half_open,(?:open,half_open,)*closed$/.test(phases.join()),
    );
    // Where fifty orders take longer than open_for of inventory.yaml, it probes while the inventory is down.
    const failures = 4 + phases.filter((phase) => phase === 'open').length;
    stage.expect(
      `the breaker spares the inventory: ${counted} before, down, up again`,
      `${idle} → ${before}, ${before} → ${down}, ${probed} → ${after}`,
      before - idle === 50 && down - before === failures && after - probed === 50,
    );

    /** How often the inventory was asked, by its own metrics. */
    async function asked(): Promise<number> {
      return sumOf(await shop.ask(inventory, '/metrics'), counted, { method: 'GET' });
    }
  },
};
