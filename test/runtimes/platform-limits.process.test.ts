/** Limits that the platform keeps, by the real binding on real workerd, through rules. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { parseRules } from '../../src/rules/parse.ts';

const source = (path: string): string =>
  JSON.stringify(resolve(import.meta.dirname, '../../src', path));

const { rules } = parseRules(`services: { shop: { binding: SHOP } }
routes:
  - { path: /missing/**, to: shop, rate_limit: { name: other, limit: 1, per: 60s, mode: platform } }
  - { path: /**, to: shop, rate_limit: { name: api, limit: 3, per: 60s, by: "header:x-user", mode: platform } }
`);

const main = `
import { worker } from ${source('runtimes/workers.ts')};
import { cfRateLimit } from ${source('stores/cf-ratelimit.ts')};

const gateway = worker({
  bundled: ${JSON.stringify(rules)},
  platformLimiter: (env, name) => cfRateLimit(name === 'api' ? env.LIMITER : env.MISSING),
  onError: () => {},
});

export default {
  fetch: (request, env, context) =>
    gateway.fetch(request, { ...env, SHOP: { fetch: async () => new Response('hello') } }, context),
};
`;

let directory: string;
let harness: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fetchmesh-platform-'));
  writeFileSync(join(directory, 'main.ts'), main);
  harness = createTestHarness({
    root: directory,
    workers: [
      {
        config: {
          name: 'gateway',
          main: join(directory, 'main.ts'),
          compatibility_date: '2025-06-01',
          compatibility_flags: [],
          ratelimits: [{ name: 'LIMITER', namespace_id: '1001', simple: { limit: 3, period: 60 } }],
        },
      },
    ],
  });
  await harness.listen();
});

afterAll(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

async function get(user: string, path = '/'): Promise<Response> {
  const response = await harness.fetch(`http://shop.example${path}`, {
    headers: { 'x-user': user },
  });
  await response.body?.cancel();
  return response as unknown as Response;
}

test('mode: platform asks the binding, for each key by itself', async () => {
  // The platform's windows are the minutes of the wall clock: in the next one each key begins anew.
  const minute = () => Math.floor(Date.now() / 60_000);
  let answers: Response[];
  let begun: number;
  do {
    begun = minute();
    answers = [];
    for (let call = 0; call < 5; call++) answers.push(await get(`ada-${begun}`));
  } while (minute() !== begun);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
  expect(answers[4]?.headers.get('retry-after')).toBe('60');
  expect(answers[4]?.headers.has('ratelimit')).toBe(false);
  expect((await get('bob')).status).toBe(200);
});

test('a binding that is missing is a store that is out: the isolate counts by itself', async () => {
  expect((await get('ada', '/missing/')).status).toBe(200);
  expect((await get('ada', '/missing/')).status).toBe(429);
});
