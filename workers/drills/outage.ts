/** The inventory goes down and comes back: breaker, fallback, probe. */

import { setTimeout } from 'node:timers/promises';
import { breakerPhases, type Drill, having, send } from './drill.ts';
import type { SeenSpan } from './platform.ts';

export const outage: Drill = {
  name: 'outage',
  summary:
    'The inventory fails: the breaker opens and spares it, a fallback answers, and a probe brings it back.',
  async run(stage) {
    const up = { body: '{"available":40}' };
    const inventory = await stage.service(up);
    const route = `to: inventory
    breaker: { failures: 5, open_for: 2s }`;
    const gateway = await stage.gateway(`
services: { inventory: { ${inventory.at} } }
routes:
  - path: /bare/**
    ${route}
  - path: /stock/**
    ${route}
    fallback: { when: [5xx, circuit_breaker_open], respond: { status: 200, body: '{"available":"unknown"}' } }
`);
    const bare = `${gateway.url}/bare/SKU-001`;
    const stock = `${gateway.url}/stock/SKU-001`;
    const expect503 = await stage.counting503(gateway);
    await send(20, bare, { atOnce: 1 });

    await inventory.behave({ status: 500 });
    const reached = await inventory.asked();
    const failing = await send(100, bare, { atOnce: 1 });
    const failed = (await inventory.asked()) - reached;
    // Where a hundred requests take longer than open_for, the breaker probes meanwhile, and finds it down.
    const failures = (spans: readonly SeenSpan[]) =>
      4 + breakerPhases(spans).filter((phase) => phase === 'open').length;
    const spans = await stage.spansOnce((ended) => failures(ended) === failed);
    stage.expect(
      'down: the breaker opens after 5 failures, the rest is answered 503 at once',
      `${having(failing, 500)} times 500, ${having(failing, 503)} times 503; the inventory was asked ${failed} times`,
      failures(spans) === failed &&
        having(failing, 500) === failed &&
        having(failing, 503) === 100 - failed,
    );
    await expect503(having(failing, 503));
    await stage.trace(
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

    await inventory.behave(up);
    const questions = await inventory.asked();
    // Until the circuit is half-open.
    while ((await inventory.asked()) === questions) {
      await setTimeout(100);
      await send(1, bare);
    }
    stage.expectAll(
      'up again: a probe closes the breaker',
      await send(50, bare, { atOnce: 1 }),
      200,
    );
  },
};
