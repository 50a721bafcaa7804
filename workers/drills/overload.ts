/** More than the services can take: what matters least is given up first. */

import { type Drill, having, send } from './drill.ts';

export const overload: Drill = {
  name: 'overload',
  summary: 'Twice as many requests as there is room for: browsing is shed, checkout goes through.',
  async run(stage) {
    const slow = await stage.service({ delayMs: 100 });
    const gateway = await stage.gateway(`
services: { shop: { ${slow.at} } }
routes:
  - path: /checkout
    to: shop
    shed: { from: 30, full: 60, priority: critical }
  - path: /browse
    to: shop
    shed: { from: 30, full: 60, priority: low }
`);
    const expect503 = await stage.counting503(gateway);
    const [checkout, browse] = await Promise.all([
      send(400, `${gateway.url}/checkout`, { atOnce: 20 }),
      send(400, `${gateway.url}/browse`, { atOnce: 60 }),
    ]);
    stage.expectAll('checkout', checkout, 200);
    stage.expect(
      'browsing',
      `${having(browse, 200)} of 400 answered 200, ${having(browse, 503)} shed`,
      having(browse, 503) > 0 && having(browse, 200) + having(browse, 503) === 400,
    );
    await expect503(having(browse, 503));
    await stage.trace('one that was shed', ({ events }) =>
      events.some(({ name }) => name === 'shed'),
    );
    const [shed] = browse.filter(({ status }) => status === 503);
    stage.expect(
      'who is shed is told when to come back',
      `retry-after: ${shed?.headers.get('retry-after') ?? 'missing'}`,
      shed?.headers.get('retry-after') === '1',
    );
  },
};
