/** The inventory of the shop goes down and comes back: order's breaker, its fallback, a probe. */

import { freePorts, startShop } from '../shop.ts';
import { type Drill, having, send, sumOf } from './drill.ts';

/** Of the inventory: by method, so that /outage does not count as a question. */
const counted = 'http_server_duration_seconds_count';

export const shopOutage: Drill = {
  name: 'shop-outage',
  summary:
    'The inventory of the shop is down: orders are taken all the same, its breaker opens, and a probe brings it back.',
  async run(stage) {
    const { privateKey } = await crypto.subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['sign', 'verify'],
    );
    const shop = await startShop({
      ports: freePorts,
      privateJwk: JSON.stringify(await crypto.subtle.exportKey('jwk', privateKey)),
      tracerProvider: () => stage.tracerProvider,
    });
    stage.onEnd(shop.close);
    const inventory = shop.services['inventory-stable'] as string;
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
    const before = await orders(50);
    const served = await asked();
    stage.expect(
      'before: orders are taken',
      `${having(before, 201)} of 50 answered 201; ${counted} ${idle} → ${served}`,
      having(before, 201) === 50 && served - idle === 50,
    );

    await fetch(`${inventory}/outage`, { method: 'POST' });
    const down = await orders(50);
    const spared = await asked();
    stage.expect(
      'down: the fallback answers order, and nobody is turned away',
      `${having(down, 202)} of 50 answered 202`,
      having(down, 202) === 50,
    );
    stage.expect(
      'down: the breaker opens after 5 failures and spares the inventory',
      `${counted} ${served} → ${spared}`,
      spared - served === 5,
    );
    stage.trace(
      'circuit_breaker_open on the server span of order',
      ({ attributes }) =>
        attributes['circuit_breaker_open'] === true && attributes['url.path'] === '/orders',
    );

    await fetch(`${inventory}/outage`, { method: 'DELETE' });
    // As long as open_for of inventory.yaml, and a little.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const after = await orders(50);
    const found = await asked();
    stage.expect(
      'up again: a probe closes the breaker',
      `${having(after, 201)} of 50 answered 201; ${counted} ${spared} → ${found}`,
      having(after, 201) === 50 && found - spared === 50,
    );
    const phases = stage.spans
      .flatMap(({ events }) => events)
      .filter(({ name }) => name.endsWith('circuit_breaker_transition'))
      .map(({ attributes }) => String(attributes?.['to']));
    stage.expect(
      'what the breaker went through, by the events of the spans',
      phases.join(', '),
      phases.join() === 'open,half_open,closed',
    );

    /** How often the inventory was asked, by its own metrics. */
    async function asked(): Promise<number> {
      const exposition = await (await fetch(`${inventory}/metrics`)).text();
      return sumOf(exposition, counted, { method: 'GET' });
    }
  },
};
