/** The store of the limits dies: what that does is for the rules to say, and it is never a 429. */

import { createGateway } from '../../src/gateway/gateway.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { type Drill, having, send } from './drill.ts';

export const store: Drill = {
  name: 'store',
  summary:
    'The store dies under load: one limit goes on by itself, one lets everything in, one turns away with 503.',
  async run(stage) {
    const shop = await stage.open(async () => Response.json({ done: true }));
    const route = (mode: string): string =>
      `  - { path: /${mode}, to: shop, rate_limit: { limit: 1000, per: 1s, by: global, name: ${mode}, on_store_error: ${mode} } }`;
    const { rules } = parseRules(
      `services: { shop: "${shop}" }\nroutes:\n${['local', 'open', 'closed'].map(route).join('\n')}\n`,
      { mode: 'gateway' },
    );
    const inMemory = memoryStore();
    let isDead = false;
    const gateway = createGateway(rules as NonNullable<typeof rules>, {
      store: {
        ...inMemory,
        take(key, limit, n, min) {
          return isDead
            ? Promise.reject(new Error('connection lost'))
            : inMemory.take(key, limit, n, min);
        },
      },
    });
    const url = await stage.open(gateway.fetch);
    const before = await Promise.all(
      ['local', 'open', 'closed'].map((mode) => send(50, `${url}/${mode}`)),
    );
    stage.expect(
      'before',
      `${before.map((answers) => having(answers, 200)).join(', ')} of 50 each answered 200`,
      before.every((answers) => having(answers, 200) === 50),
    );
    isDead = true;
    for (const [mode, status] of [
      ['local', 200],
      ['open', 200],
      ['closed', 503],
    ] as const) {
      const answers = await send(50, `${url}/${mode}`);
      stage.expect(
        `dead, on_store_error: ${mode}`,
        `${having(answers, status)} of 50 answered ${status}, ${having(answers, 429)} answered 429`,
        having(answers, status) === 50 && having(answers, 429) === 0,
      );
    }
  },
};
