/** The store of the limits dies: what that does is for the rules to say, and it is never a 429. */

import { type Drill, having, send } from './drill.ts';

/** What the rules may say, and what comes of it. */
const modes = [
  ['local', 200],
  ['open', 200],
  ['closed', 503],
] as const;

export const store: Drill = {
  name: 'store',
  summary:
    'The store dies under load: one limit goes on by itself, one lets everything in, one turns away with 503.',
  async run(stage) {
    const shop = await stage.service();
    const gateway = await stage.gateway(`
services: { shop: { ${shop.at} } }
routes:
${modes.map(([mode]) => `  - { path: /${mode}, to: shop, rate_limit: { limit: 1000, per: 1s, by: global, name: ${mode}, on_store_error: ${mode} } }`).join('\n')}
`);
    const before = await Promise.all(modes.map(([mode]) => send(50, `${gateway.url}/${mode}`)));
    stage.expect(
      'before',
      `${before.map((answers) => having(answers, 200)).join(', ')} of 50 each answered 200`,
      before.every((answers) => having(answers, 200) === 50),
    );
    const expect503 = await stage.counting503(gateway);
    await gateway.killStore();
    for (const [mode, status] of modes) {
      const answers = await send(50, `${gateway.url}/${mode}`);
      stage.expect(
        `dead, on_store_error: ${mode}`,
        `${having(answers, status)} of 50 answered ${status}, ${having(answers, 429)} answered 429`,
        having(answers, status) === 50 && having(answers, 429) === 0,
      );
    }
    await expect503(50);
    await stage.trace('one that was turned away', ({ events }) =>
      events.some(({ name }) => name === 'store_unavailable'),
    );
  },
};
