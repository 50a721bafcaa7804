/** The inventory goes down and comes back: breaker, fallback, probe. */

import { type Drill, having, send } from './drill.ts';

const openForMs = 400;

export const outage: Drill = {
  name: 'outage',
  summary:
    'The inventory fails: the breaker opens and spares it, a fallback answers, and a probe brings it back.',
  async run(stage) {
    let isDown = false;
    let asked = 0;
    const inventory = await stage.open(async () => {
      asked += 1;
      return isDown ? new Response('down', { status: 500 }) : Response.json({ available: 40 });
    });
    const route = `to: inventory
    breaker: { failures: 5, open_for: ${openForMs}ms }`;
    const gateway = await stage.gateway(`
services: { inventory: "${inventory}" }
routes:
  - path: /bare/**
    ${route}
  - path: /stock/**
    ${route}
    fallback: { when: [5xx, circuit_breaker_open], respond: { status: 200, body: '{"available":"unknown"}' } }
`);
    const bare = `${gateway.url}/bare/SKU-001`;
    const stock = `${gateway.url}/stock/SKU-001`;
    const before = refused();
    await send(20, bare, { atOnce: 1 });

    isDown = true;
    const reached = asked;
    const failing = await send(100, bare, { atOnce: 1 });
    stage.expect(
      'down: the breaker opens after 5 failures, the rest is answered 503 at once',
      `${having(failing, 500)} times 500, ${having(failing, 503)} times 503; the inventory was asked ${asked - reached} times`,
      having(failing, 500) === 5 && having(failing, 503) === 95 && asked - reached === 5,
    );
    stage.expect(
      'istio_requests_total{response_code="503"}',
      `${before} → ${refused()}`,
      refused() - before === 95,
    );
    stage.trace(
      'circuit_breaker_open on the server span',
      ({ attributes }) => attributes['circuit_breaker_open'] === true,
    );

    const answers = await send(50, stock, { atOnce: 1 });
    const stood = answers.filter(({ body }) => body.includes('unknown')).length;
    stage.expect(
      'with a fallback nobody sees it',
      `${having(answers, 200)} times 200, ${stood} of them by the fallback`,
      having(answers, 200) === 50 && stood === 50,
    );

    isDown = false;
    await new Promise((resolve) => setTimeout(resolve, 2 * openForMs));
    const after = await send(50, bare, { atOnce: 1 });
    stage.expect(
      'up again: a probe closes the breaker',
      `${having(after, 200)} of 50 answered 200`,
      having(after, 200) === 50,
    );

    function refused(): number {
      return gateway.total('istio_requests_total', { response_code: '503' });
    }
  },
};
